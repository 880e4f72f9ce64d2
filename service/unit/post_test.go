package unit_test

import (
	"errors"
	"testing"

	"zhibu/model"
	"zhibu/service/unit"
)

func TestAppoint(t *testing.T) {
	each(t, func(t *testing.T, w *world) {
		root := w.unit(model.PartyCommittee, "党委", nil)
		branch, other := w.unit(model.PartyBranch, "支部", &root), w.unit(model.PartyBranch, "二支部", &root)
		li, wang := w.member("李明", branch), w.member("王芳", other)
		secretary := officer(branch, model.Secretary)
		secretary.MemberID = w.member("赵书记", branch).ID
		for name, c := range map[string]struct {
			actor  model.Actor
			member int64
			a      unit.Appointment
			want   *model.Error
		}{
			"himself":         {secretary, secretary.MemberID, unit.Appointment{UnitID: branch.ID, Title: model.Organiser}, model.ErrOwnRecord},
			"an admin":        {secretary, li.ID, unit.Appointment{UnitID: branch.ID, Title: model.Admin}, model.ErrForbidden},
			"an auditor":      {secretary, li.ID, unit.Appointment{UnitID: branch.ID, Title: model.Auditor}, model.ErrForbidden},
			"above":           {secretary, li.ID, unit.Appointment{UnitID: root.ID, Title: model.Secretary}, model.ErrForbidden},
			"elsewhere":       {secretary, li.ID, unit.Appointment{UnitID: other.ID, Title: model.Secretary}, model.ErrNotFound},
			"a stranger":      {secretary, wang.ID, unit.Appointment{UnitID: branch.ID, Title: model.Organiser}, model.ErrNotFound},
			"not of the unit": {w.admin, wang.ID, unit.Appointment{UnitID: branch.ID, Title: model.Organiser}, unit.ErrNotInUnit},
			"no title":        {w.admin, li.ID, unit.Appointment{UnitID: branch.ID, Title: "king"}, model.InvalidField("title", "", "")},
			"no term":         {w.admin, li.ID, unit.Appointment{UnitID: branch.ID, Title: model.Youth, StartedOn: "2026-03-02", TermEndsOn: "2026-03-02"}, model.InvalidField("term_ends_on", "", "")},
			"by no officer":   {officer(branch, model.Organiser), li.ID, unit.Appointment{UnitID: branch.ID, Title: model.Youth}, model.ErrForbidden},
		} {
			if _, err := w.Appoint(ctx, c.actor, c.member, c.a); !errors.Is(err, c.want) {
				t.Errorf("%s: %v", name, err)
			}
		}
		p, err := w.Appoint(ctx, secretary, li.ID, unit.Appointment{UnitID: branch.ID, Title: model.Organiser, TermEndsOn: "2029-03-02"})
		w.must(err)
		if p.StartedOn != "2026-03-02" || !p.EndedOn.IsOpen() {
			t.Errorf("%+v", p)
		}
		_, err = w.Appoint(ctx, w.admin, li.ID, unit.Appointment{UnitID: branch.ID, Title: model.Organiser})
		w.refused(err, unit.ErrPostExists)
		_, err = w.Appoint(ctx, w.admin, li.ID, unit.Appointment{UnitID: root.ID, Title: model.Auditor}) // an office above one's own branch
		w.must(err)
		holders, next, err := w.Posts(ctx, officer(branch, ""), branch.ID, 50, "")
		w.must(err)
		if len(holders) != 1 || next != "" || holders[0].MemberName != "李明" || holders[0].ID != p.ID {
			t.Errorf("%+v", holders)
		}
		_, _, err = w.Posts(ctx, officer(branch, ""), root.ID, 50, "")
		w.refused(err, model.ErrForbidden)
		_, _, err = w.Posts(ctx, secretary, branch.ID, 50, "x")
		w.refused(err, model.InvalidField("cursor", "", ""))
	})
}

func TestPostsPageByPage(t *testing.T) {
	each(t, func(t *testing.T, w *world) {
		branch := w.unit(model.PartyBranch, "支部", nil)
		for i, title := range []model.Title{model.Youth, model.Secretary, model.Organiser, model.Publicity, model.Discipline} {
			started := []model.Date{"2025-01-01", "2024-12-31"}[i%2] // several a day
			_, err := w.Appoint(ctx, w.admin, w.member(string(title), branch).ID, unit.Appointment{UnitID: branch.ID, Title: title, StartedOn: started})
			w.must(err)
		}
		got, cursor := "", ""
		for range 3 {
			page, next, err := w.Posts(ctx, w.admin, branch.ID, 2, cursor)
			w.must(err)
			for _, h := range page {
				got += string(h.Title) + " "
			}
			cursor = next
		}
		if got != "secretary publicity youth organiser discipline " || cursor != "" {
			t.Error(got, cursor)
		}
	})
}

func TestEndPost(t *testing.T) {
	each(t, func(t *testing.T, w *world) {
		root := w.unit(model.PartyCommittee, "党委", nil)
		branch, other := w.unit(model.PartyBranch, "支部", &root), w.unit(model.PartyBranch, "二支部", &root)
		li := w.member("李明", branch)
		secretary := officer(branch, model.Secretary)
		appoint := func(title model.Title, from model.Date) model.Post {
			p, err := w.Appoint(ctx, w.admin, li.ID, unit.Appointment{UnitID: branch.ID, Title: title, StartedOn: from})
			w.must(err)
			return p
		}
		p, admin, next := appoint(model.Organiser, "2025-01-01"), appoint(model.Admin, "2025-01-01"), appoint(model.Youth, "2026-04-01")
		_, err := w.EndPost(ctx, officer(other, model.Secretary), p.ID, "", "")
		w.refused(err, model.ErrNotFound)
		_, err = w.EndPost(ctx, secretary, admin.ID, "", "")
		w.refused(err, model.ErrForbidden)
		_, err = w.EndPost(ctx, secretary, 1, "", "")
		w.refused(err, model.ErrNotFound)
		_, err = w.EndPost(ctx, secretary, p.ID, model.Forever, "")
		w.refused(err, model.InvalidField("on", "", ""))
		_, err = w.EndPost(ctx, secretary, p.ID, "2024-12-31", "")
		w.refused(err, model.InvalidField("on", "", ""))
		p, err = w.EndPost(ctx, secretary, p.ID, "2026-06-01", "换届")
		w.must(err)
		p, err = w.EndPost(ctx, secretary, p.ID, "", "提前免去") // the end was still to come
		w.must(err)
		if p.EndedOn != "2026-03-02" {
			t.Errorf("%+v", p)
		}
		_, err = w.EndPost(ctx, secretary, p.ID, "", "")
		w.refused(err, unit.ErrPostEnded)
		if next, err = w.EndPost(ctx, secretary, next.ID, "", ""); err != nil || next.EndedOn != "2026-04-01" {
			t.Errorf("%+v %v", next, err)
		}
		appoint(model.Organiser, "2026-03-02") // again
	})
}
