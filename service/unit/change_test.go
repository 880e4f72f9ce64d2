package unit_test

import (
	"errors"
	"fmt"
	"sync"
	"testing"

	"gorm.io/gorm"
	"pgregory.net/rapid"

	"zhibu/model"
	"zhibu/service/unit"
)

func TestPatch(t *testing.T) {
	each(t, func(t *testing.T, w *world) {
		root := w.unit(model.PartyCommittee, "党委", nil)
		east, west := w.unit(model.PartyGeneralBranch, "东", &root), w.unit(model.PartyGeneralBranch, "西", &root)
		branch := w.unit(model.PartyBranch, "支部", &east)
		group := w.unit(model.PartyGroup, "小组", &branch)
		w.unit(model.PartyBranch, "支部", &west)
		text := func(s string) *string { return &s }
		_, err := w.Patch(ctx, w.admin, branch.ID, unit.Change{ParentID: &west.ID})
		w.refused(err, unit.ErrExists)
		_, err = w.Patch(ctx, officer(east, model.Secretary), branch.ID, unit.Change{ParentID: &west.ID})
		w.refused(err, model.ErrNotFound) // does not see the west
		_, err = w.Patch(ctx, officer(branch, model.Secretary), branch.ID, unit.Change{ParentID: &root.ID})
		w.refused(err, model.ErrForbidden) // may not take his branch out of the east
		_, err = w.Patch(ctx, w.admin, root.ID, unit.Change{ParentID: &branch.ID})
		w.refused(err, unit.ErrBelowSelf)
		_, err = w.Patch(ctx, w.admin, branch.ID, unit.Change{ParentID: &branch.ID})
		w.refused(err, unit.ErrBelowSelf)
		_, err = w.Patch(ctx, w.admin, east.ID, unit.Change{ParentID: &west.ID})
		w.refused(err, unit.ErrKind)
		moved, err := w.Patch(ctx, w.admin, branch.ID, unit.Change{ParentID: &west.ID, Name: text("二支部"), Code: text("02")})
		w.must(err)
		if *moved.ParentID != west.ID || moved.Code != "02" || moved.Path != model.ChildPath(west.Path, branch.ID) {
			t.Errorf("moved %+v", moved)
		}
		if g := w.find(group.ID); g.Path != model.ChildPath(moved.Path, group.ID) {
			t.Errorf("the group stayed at %s", g.Path)
		}
		before := w.events()
		_, err = w.Patch(ctx, w.admin, branch.ID, unit.Change{ParentID: &west.ID, Name: text("二支部")})
		w.must(err)
		if w.events() != before {
			t.Error("no change is in the audit")
		}
	})
}

func TestClose(t *testing.T) {
	each(t, func(t *testing.T, w *world) {
		root := w.unit(model.PartyCommittee, "党委", nil)
		branch := w.unit(model.PartyBranch, "支部", &root)
		m := w.member("李明", branch)
		w.add(&model.Post{ID: model.NewID(), MemberID: m.ID, UnitID: branch.ID, Title: model.Secretary, StartedOn: "2024-01-01", EndedOn: model.Forever})
		closing := unit.Closing{On: "2026-03-01", Reason: "合并"}
		_, err := w.Close(ctx, w.admin, root.ID, closing)
		w.refused(err, unit.ErrNotEmpty)
		_, err = w.Close(ctx, w.admin, branch.ID, closing)
		w.refused(err, unit.ErrNotEmpty)
		w.must(w.db.Write(ctx, func(tx *gorm.DB) error {
			return tx.Model(&model.Membership{}).Where("member_id = ?", m.ID).Update("ended_on", "2026-03-02").Error
		}))
		_, err = w.Close(ctx, w.admin, branch.ID, closing) // one was on the roster on the day
		w.refused(err, unit.ErrNotEmpty)
		_, err = w.Close(ctx, w.admin, branch.ID, unit.Closing{On: "2026-03-03", Reason: "合并"})
		w.refused(err, model.InvalidField("on", "", ""))
		_, err = w.Close(ctx, officer(branch, model.Organiser), branch.ID, unit.Closing{Reason: "合并"})
		w.refused(err, model.ErrForbidden)
		u, err := w.Close(ctx, w.admin, branch.ID, unit.Closing{Reason: "合并"})
		w.must(err)
		if u.ClosedOn != "2026-03-02" || w.find(branch.ID).ClosedReason != "合并" {
			t.Errorf("%+v", u)
		}
		var p model.Post
		w.must(w.db.Read(ctx).Take(&p, "member_id = ?", m.ID).Error)
		if p.EndedOn != "2026-03-02" {
			t.Errorf("the post lasts until %s", p.EndedOn)
		}
		_, err = w.Close(ctx, w.admin, branch.ID, unit.Closing{Reason: "合并"})
		w.refused(err, unit.ErrClosed)
		name := "新名"
		_, err = w.Patch(ctx, w.admin, branch.ID, unit.Change{Name: &name})
		w.refused(err, unit.ErrClosed)
		_, err = w.Create(ctx, w.admin, unit.Founding{ParentID: &branch.ID, Kind: model.PartyGroup, Name: "组"})
		w.refused(err, unit.ErrClosed)
		w.unit(model.PartyBranch, "支部", &root) // the name is free again
		items, err := w.List(ctx, w.admin)
		w.must(err)
		if len(items) != 2 {
			t.Errorf("%d units are listed", len(items))
		}
	})
}

// Whatever is moved wherever: every path is what the parents say, and there is no cycle.
func TestRandomMovesKeepEveryPath(t *testing.T) {
	each(t, func(t *testing.T, w *world) {
		rapid.Check(t, func(r *rapid.T) {
			root := w.unit(model.PartyCommittee, fmt.Sprint(model.NewID()), nil)
			units := []model.Unit{root}
			for range rapid.IntRange(2, 12).Draw(r, "units") {
				parent := units[rapid.IntRange(0, len(units)-1).Draw(r, "parent")]
				u, err := w.Create(ctx, w.admin, unit.Founding{ParentID: &parent.ID, Kind: model.PartyCommittee, Name: fmt.Sprint(model.NewID())})
				if errors.Is(err, unit.ErrTooDeep) {
					continue
				}
				w.must(err)
				units = append(units, u)
			}
			for range rapid.IntRange(1, 8).Draw(r, "moves") {
				id := units[rapid.IntRange(0, len(units)-1).Draw(r, "unit")].ID
				to := units[rapid.IntRange(0, len(units)-1).Draw(r, "to")].ID
				_, err := w.Patch(ctx, w.admin, id, unit.Change{ParentID: &to})
				if err != nil && !errors.Is(err, unit.ErrBelowSelf) && !errors.Is(err, unit.ErrTooDeep) {
					r.Fatal(err)
				}
			}
			w.checkPaths(r)
		})
	})
}

// checkPaths compares every path with the one the parents give.
func (w *world) checkPaths(t interface{ Fatalf(string, ...any) }) {
	var units []model.Unit
	w.must(w.db.Read(ctx).Find(&units).Error)
	parents := map[int64]*int64{}
	for _, u := range units {
		parents[u.ID] = u.ParentID
	}
	for _, u := range units {
		want, steps := "/", 0
		for id := &u.ID; id != nil; id = parents[*id] {
			want = fmt.Sprintf("/%d%s", *id, want)
			if steps++; steps > len(units) {
				t.Fatalf("unit %d is in a cycle", u.ID)
			}
		}
		if u.Path != want {
			t.Fatalf("unit %d is at %s, its parents say %s", u.ID, u.Path, want)
		}
	}
}

func TestParallelMovesAndFoundings(t *testing.T) {
	each(t, func(t *testing.T, w *world) {
		root := w.unit(model.PartyCommittee, "党委", nil)
		var units []model.Unit
		for i := range 6 {
			units = append(units, w.unit(model.PartyCommittee, fmt.Sprint(i), &root))
		}
		var wg sync.WaitGroup
		for i := range 24 {
			wg.Go(func() {
				from, to := units[i%6], units[(i*5+1)%6]
				_, err := w.Patch(ctx, w.admin, from.ID, unit.Change{ParentID: &to.ID})
				if err != nil && !errors.Is(err, unit.ErrBelowSelf) && !errors.Is(err, unit.ErrTooDeep) {
					t.Error(err)
				}
				_, err = w.Create(ctx, w.admin, unit.Founding{ParentID: &from.ID, Kind: model.PartyBranch, Name: fmt.Sprint("b", i)})
				if err != nil && !errors.Is(err, unit.ErrTooDeep) {
					t.Error(err)
				}
			})
		}
		wg.Wait()
		w.checkPaths(t)
	})
}
