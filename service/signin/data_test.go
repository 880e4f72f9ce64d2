package signin_test

import (
	"encoding/json"
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"zhibu/model"
	"zhibu/service/signin"
)

func TestMe(t *testing.T) {
	each(t, func(t *testing.T, w *world) {
		w.post(w.secretary, w.committee, model.Publicity)
		p, err := w.Me(ctx, w.actor(w.bound("openid-zhao", w.secretary)))
		w.must(err)
		if p.Member.ID != w.secretary.ID || p.Phone != "138****0001" || len(p.Memberships) != 1 || len(p.Posts) != 2 || len(p.Units) != 2 {
			t.Errorf("%+v", p)
		}
		if d := cmp.Diff([]string{"member", "publicity", "secretary"}, p.Roles); d != "" {
			t.Error(d)
		}
		p, err = w.Me(ctx, w.actor(w.signIn("stranger")))
		w.must(err)
		if p.Member != nil || len(p.Roles)+len(p.Units) != 0 {
			t.Errorf("a stranger is %+v", p)
		}
		w.account("root", &w.branch.ID)
		in, err := w.Password(ctx, model.Actor{}, "root", strong, "")
		w.must(err)
		p, err = w.Me(ctx, w.actor(in))
		w.must(err)
		if d := cmp.Diff([]string{"member", "admin"}, p.Roles); d != "" || p.Units[w.branch.ID].Name != "第一支部" {
			t.Errorf("%+v", p)
		}
	})
}

func TestMyDataHoldsEverythingButOpenIDs(t *testing.T) {
	each(t, func(t *testing.T, w *world) {
		a := w.actor(w.bound("openid-li", w.li))
		w.add(&model.Transfer{ID: model.NewID(), MemberID: w.li.ID, Track: model.Party, FromUnitID: w.other.ID,
			ToUnitID: &w.branch.ID, EffectiveOn: "2020-01-01", CreatedBy: "system"})
		w.add(&model.Feedback{ID: model.NewID(), MemberID: &w.li.ID, Kind: "suggestion", Body: "建议"})
		p := w.studied(w.li.ID)
		w.studied(w.wang.ID)
		d, err := w.MyData(ctx, a)
		w.must(err)
		if d.Phone != "13800000002" || len(d.Memberships) != 1 || len(d.Transfers) != 1 || len(d.Bindings) != 1 ||
			len(d.Feedback) != 1 || len(d.Units) != 2 {
			t.Errorf("%+v", d)
		}
		if len(d.Completions) != 1 || len(d.Exemptions) != 1 || len(d.Frozen) != 1 || d.Frozen[0].Number != 1 ||
			d.Frozen[0].PeriodID != p.ID || d.Frozen[0].Outcome != model.OutcomeCompleted || len(d.Periods) != 1 ||
			d.Periods[p.ID].Name() != "第1期" {
			t.Errorf("%+v %+v %+v", d.Completions, d.Exemptions, d.Frozen)
		}
		b, err := json.Marshal(d)
		w.must(err)
		if strings.Contains(string(b), "openid-li") {
			t.Error("the openid is in the export")
		}
		_, err = w.MyData(ctx, model.Actor{AccountID: 1})
		w.refused(err, model.ErrNotFound)
	})
}

func TestErase(t *testing.T) {
	each(t, func(t *testing.T, w *world) {
		in := w.bound("openid-li", w.li)
		a := w.actor(in)
		for range 2 {
			outcome, err := w.Erase(ctx, a)
			w.must(err)
			if outcome != signin.ErasureRequested {
				t.Fatal(outcome)
			}
		}
		if n := w.count(&model.Feedback{}, "kind = 'erasure'"); n != 1 {
			t.Errorf("%d requests", n)
		}
		if n := w.count(&model.RosterMark{}, "1 = 1"); n != 0 {
			t.Errorf("a request alone left %d marks", n)
		}
		w.endMembership(w.li)
		w.texts(w.li.ID)
		w.texts(w.wang.ID)
		outcome, err := w.Erase(ctx, w.actor(in))
		w.must(err)
		if outcome != signin.Erased {
			t.Fatal(outcome)
		}
		var marked []int64
		w.must(w.db.Read(ctx).Model(&model.RosterMark{}).Pluck("unit_id", &marked).Error)
		if d := cmp.Diff([]int64{w.branch.ID}, marked); d != "" {
			t.Errorf("marked, for the birth date: %s", d)
		}
		var m model.Member
		w.must(w.db.Read(ctx).Take(&m, w.li.ID).Error)
		want := model.Member{ID: w.li.ID, Name: signin.ErasedName, NameKey: signin.ErasedName, ErasedAt: w.at(), CreatedAt: w.li.CreatedAt}
		if d := cmp.Diff(want, m); d != "" {
			t.Error(d)
		}
		_, err = w.Authenticate(ctx, in.AccessToken)
		w.refused(err, model.ErrUnauthenticated)
		if w.count(&model.Binding{}, "openid = 'openid-li'")+w.count(&model.Session{}, "openid = 'openid-li'") != 0 {
			t.Error("an openid is left")
		}
		if w.count(&model.Membership{}, "member_id = ?", w.li.ID) != 1 {
			t.Error("the membership is gone")
		}
		if in := w.signIn("openid-li"); in.Member != nil {
			t.Error("the openid still signs in as the member")
		}
		for row, column := range map[any]string{
			&model.Leave{}: "note", &model.CheckIn{}: "reason", &model.Completion{}: "reason", &model.Exemption{}: "note",
			&model.Feedback{}: "body",
		} {
			if w.count(row, "member_id = ? AND "+column+" = ?", w.li.ID, signin.ErasedText) == 0 ||
				w.count(row, "member_id = ? AND "+column+" <> ?", w.li.ID, signin.ErasedText) != 0 ||
				w.count(row, column+" = ?", "住院") != 1 {
				t.Errorf("%T: the text is left, or another's is gone", row)
			}
		}
		if w.count(&model.PeriodEntry{}, "member_id = ? AND outcome = 'completed'", w.li.ID) != 1 {
			t.Error("the frozen version has changed")
		}
		if w.count(&model.AuditEvent{}, "state_before LIKE ? OR state_after LIKE ?", "%李%", "%李%") != 0 {
			t.Error("the audit still names the member")
		}
	})
}

// texts writes an activity with an excuse, an attendance and feedback of the member that say why.
func (w *world) texts(memberID int64) {
	w.t.Helper()
	a := model.Activity{
		ID: model.NewID(), UnitID: w.branch.ID, Kind: "general_meeting", Title: fmt.Sprint(memberID), StartsAt: 1, EndsAt: 2,
		CheckInClosesAt: 2,
	}
	w.add(&a)
	w.add(&model.Leave{
		ID: model.NewID(), ActivityID: a.ID, MemberID: memberID, ReasonCategory: "sick", Note: "住院", State: model.LeavePending,
	})
	w.add(&model.CheckIn{
		ID: model.NewID(), ActivityID: a.ID, MemberID: memberID, State: model.Absent, Source: model.RollCall, Reason: "住院",
	})
	w.add(&model.Feedback{ID: model.NewID(), MemberID: &memberID, Kind: "complaint", Body: "住院"})
	w.studied(memberID)
}

// studied writes a closed study period that an officer recorded for the member and released him from, with its version.
func (w *world) studied(memberID int64) model.StudyPeriod {
	w.t.Helper()
	p := model.StudyPeriod{
		ID: model.NewID(), UnitID: w.branch.ID, Series: fmt.Sprint(memberID), Code: "1", Number: new(1), Title: "学习",
		Track: model.Party, OpensAt: 1, ClosesAt: 9, ThresholdBP: 8500, DecideOn: model.DecideOnAdjusted, Version: 1, ClosedAt: 9,
	}
	v := model.PeriodVersion{ID: model.NewID(), PeriodID: p.ID, Number: 1, CutoffAt: 9, FrozenAt: 10}
	w.add(&p)
	w.add(&v)
	w.add(&model.Completion{
		ID: model.NewID(), PeriodID: p.ID, MemberID: memberID, Source: model.ByOfficer, CompletedAt: 5, RecordedAt: 6,
		Reason: "住院",
	})
	w.add(&model.Exemption{
		ID: model.NewID(), PeriodID: p.ID, MemberID: memberID, ReasonCategory: "sick", Note: "住院", ApprovedAt: 4,
	})
	w.add(&model.PeriodEntry{
		VersionID: v.ID, MemberID: memberID, UnitID: w.branch.ID, Outcome: model.OutcomeCompleted, Source: model.ByOfficer,
		CompletedAt: 5,
	})
	return p
}

func TestPurge(t *testing.T) {
	each(t, func(t *testing.T, w *world) {
		old := w.bound("openid-li", w.li)
		w.refused(w.tryPassword("nobody", "wrong", ""), signin.ErrWrongCredentials)
		w.clock.Advance(signin.SessionLifetime + 29*24*time.Hour)
		w.must(w.Purge(ctx))
		_, err := w.Refresh(ctx, model.Actor{}, old.RefreshToken)
		w.refused(err, signin.ErrRefreshInvalid)
		if w.count(&model.Session{}, "1 = 1") != 1 || w.count(&model.SignInFailure{}, "1 = 1") != 0 {
			t.Error("purged too much or too little")
		}
		live := w.signIn("openid-li")
		w.clock.Advance(2 * 24 * time.Hour)
		w.must(w.Purge(ctx))
		if w.count(&model.Session{}, "1 = 1") != 1 || w.count(&model.RefreshToken{}, "1 = 1") != 1 {
			t.Error("purged too much or too little")
		}
		_, err = w.Refresh(ctx, model.Actor{}, live.RefreshToken)
		w.must(err)
	})
}
