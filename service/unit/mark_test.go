package unit_test

import (
	"fmt"
	"slices"
	"strings"
	"testing"

	"gorm.io/gorm"

	"zhibu/model"
	"zhibu/service/unit"
)

// marked names the units marked since it was last asked, in order; the whole tree is "tree".
func (w *world) marked() string {
	w.t.Helper()
	var ids []int64
	w.must(w.db.Write(ctx, func(tx *gorm.DB) error {
		if err := tx.Model(&model.RosterMark{}).Distinct("unit_id").Pluck("unit_id", &ids).Error; err != nil {
			return err
		}
		return tx.Where("1 = 1").Delete(&model.RosterMark{}).Error
	}))
	names := make([]string, len(ids))
	for i, id := range ids {
		if names[i] = "tree"; id != model.WholeTree {
			names[i] = w.find(id).Name
		}
	}
	slices.Sort(names)
	return strings.Join(names, " ")
}

// TestMarks changes the tree and the offices in it, and asks which units are to be counted anew; what is refused marks
// none.
func TestMarks(t *testing.T) {
	each(t, func(t *testing.T, w *world) {
		root := w.unit(model.PartyCommittee, "root", nil)
		east, west := w.unit(model.PartyGeneralBranch, "east", &root), w.unit(model.PartyGeneralBranch, "west", &root)
		branch := w.unit(model.PartyBranch, "branch", &east)
		youth := w.unit(model.LeagueBranch, "youth", &branch)
		li := w.member("李明", branch, youth)
		posts := []model.Post{}
		found := func(kind model.UnitKind, name string, parent *int64) func() error {
			return func() error {
				_, err := w.Create(ctx, w.admin, unit.Founding{Kind: kind, Name: name, ParentID: parent})
				return err
			}
		}
		patch := func(c unit.Change) func() error {
			return func() error { _, err := w.Patch(ctx, w.admin, branch.ID, c); return err }
		}
		closing := func(u model.Unit) func() error {
			return func() error { _, err := w.Close(ctx, w.admin, u.ID, unit.Closing{Reason: "合并"}); return err }
		}
		appoint := func(u model.Unit, title model.Title, from model.Date) func() error {
			return func() error {
				p, err := w.Appoint(ctx, w.admin, li.ID, unit.Appointment{UnitID: u.ID, Title: title, StartedOn: from})
				posts = append(posts, p)
				return err
			}
		}
		end := func() error { _, err := w.EndPost(ctx, w.admin, posts[0].ID, "", "换届"); return err }
		leave := func() error {
			return w.db.Write(ctx, func(tx *gorm.DB) error {
				return tx.Model(&model.Membership{}).Where("unit_id = ?", youth.ID).Update("ended_on", "2026-03-01").Error
			})
		}
		for _, d := range []struct {
			name, want string
			do         func() error
			refusal    *model.Error
		}{
			{"found a root", "tree", found(model.PartyCommittee, "another", nil), nil},
			{"found a branch", "tree", found(model.PartyBranch, "b", &east.ID), nil},
			{"found it again", "", found(model.PartyBranch, "b", &east.ID), unit.ErrExists},
			{"rename", "tree", patch(unit.Change{Name: new("branch 1")}), nil},
			{"give a code", "tree", patch(unit.Change{Code: new("01")}), nil},
			{"move", "tree", patch(unit.Change{ParentID: &west.ID}), nil},
			{"move nowhere", "", patch(unit.Change{ParentID: &west.ID}), nil},
			{"take a name in use", "", patch(unit.Change{ParentID: &east.ID, Name: new("b")}), unit.ErrExists},
			{"appoint", "branch 1 youth", appoint(youth, model.LeagueSecretary, ""), nil},
			{"appoint again", "", appoint(youth, model.LeagueSecretary, ""), unit.ErrPostExists},
			{"appoint outside", "", appoint(east, model.Youth, ""), unit.ErrNotInUnit},
			{"end", "branch 1 youth", end, nil},
			{"end again", "", end, unit.ErrPostEnded},
			{"appoint for later", "branch 1 youth", appoint(youth, model.LeagueSecretary, "2026-04-01"), nil},
			{"close what is in use", "", closing(youth), unit.ErrNotEmpty},
			{"leave", "", leave, nil},
			{"close", "branch 1 tree youth", closing(youth), nil},
			{"close again", "", closing(youth), unit.ErrClosed},
		} {
			w.marked()
			err := d.do()
			if d.refusal != nil {
				w.refused(err, d.refusal)
			} else if err != nil {
				t.Fatal(fmt.Errorf("%s: %w", d.name, err))
			}
			if got := w.marked(); got != d.want {
				t.Errorf("%s marks %q, want %q", d.name, got, d.want)
			}
		}
	})
}
