package model_test

import (
	"slices"
	"testing"

	"github.com/google/go-cmp/cmp"
	"gorm.io/gorm"

	"zhibu/model"
	"zhibu/model/modeltest"
)

// marks returns the units marked, in order, as often as they are.
func marks(t *testing.T, db *model.DB) (unitIDs []int64) {
	t.Helper()
	if err := db.Read(t.Context()).Model(&model.RosterMark{}).Order("unit_id").Pluck("unit_id", &unitIDs).Error; err != nil {
		t.Fatal(err)
	}
	return unitIDs
}

// TestMarkMembers marks each unit once, of however many members; with none, or with members of no unit, it writes
// nothing.
func TestMarkMembers(t *testing.T) {
	modeltest.Each(t, func(t *testing.T, db *model.DB) {
		const people = 1_100 // more than one query takes
		units := []model.Unit{}
		members, memberships, all := []model.Member{}, []model.Membership{}, []int64{}
		for id := range int64(4) {
			units = append(units, model.Unit{
				ID: id + 1, Kind: model.PartyBranch, Name: string(rune('A' + id)),
				Path: model.ChildPath("", id+1), ClosedOn: model.Forever,
			})
		}
		for id := int64(1); id <= people; id++ {
			members, all = append(members, model.Member{ID: id, Name: "甲", NameKey: "甲"}), append(all, id)
			memberships = append(memberships, model.Membership{
				ID: id, MemberID: id, UnitID: id*3/(people+1) + 1, Track: model.Party, Kind: model.Full, State: model.Active,
				Category: model.InService, StartedOn: "2020-01-01", EndedOn: "2021-01-01",
			})
		}
		write := func(work func(tx *gorm.DB) error) {
			t.Helper()
			if err := db.Write(t.Context(), work); err != nil {
				t.Fatal(err)
			}
		}
		write(func(tx *gorm.DB) error {
			for _, rows := range []any{units, members, memberships} {
				if err := tx.CreateInBatches(rows, 200).Error; err != nil {
					return err
				}
			}
			return nil
		})
		write(func(tx *gorm.DB) error { return model.MarkMembers(tx) })
		write(func(tx *gorm.DB) error { return model.MarkMembers(tx, people+1) })
		if got := marks(t, db); len(got) != 0 {
			t.Errorf("nobody, and %v is marked", got)
		}
		write(func(tx *gorm.DB) error { return model.MarkMembers(tx, slices.Concat(all, all)...) })
		if d := cmp.Diff([]int64{1, 2, 3}, marks(t, db)); d != "" {
			t.Error(d)
		}
		write(func(tx *gorm.DB) error { return model.MarkRoster(tx, 4, model.WholeTree, 4) })
		if d := cmp.Diff([]int64{model.WholeTree, 1, 2, 3, 4}, marks(t, db)); d != "" {
			t.Error(d)
		}
	})
}
