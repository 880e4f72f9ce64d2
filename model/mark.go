package model

import (
	"slices"

	"gorm.io/gorm"
)

// RosterMark says that the roster of a unit changed, so that whatever counts it by unit counts that unit anew
// (service/period). It is written in the transaction of the change and taken away when everybody has seen it.
type RosterMark struct {
	ID     int64
	UnitID int64   // WholeTree when the tree itself changed
	SeenAt Instant // when it was first seen; 0 before that
}

// WholeTree marks a change of the tree of units: one founded, renamed, moved or closed.
const WholeTree int64 = 0

// MarkRoster marks the units, in the transaction that changes a membership of theirs or, with WholeTree, the tree.
func MarkRoster(tx *gorm.DB, unitIDs ...int64) error {
	marked := make(map[int64]bool, len(unitIDs))
	marks := make([]RosterMark, 0, len(unitIDs))
	for _, id := range unitIDs {
		if !marked[id] {
			marked[id] = true
			marks = append(marks, RosterMark{ID: NewID(), UnitID: id})
		}
	}
	if len(marks) == 0 {
		return nil
	}
	return tx.CreateInBatches(marks, 200).Error
}

// MarkMembers marks the units of the members' memberships, in the transaction that changes something else a count of
// members depends on: an office, a birth date. It finds the memberships as they are then, so it comes after theirs.
func MarkMembers(tx *gorm.DB, memberIDs ...int64) error {
	var unitIDs []int64
	for batch := range slices.Chunk(memberIDs, 500) { // within the limits of every database
		var some []int64
		err := tx.Model(&Membership{}).Distinct("unit_id").Where("member_id IN ?", batch).Pluck("unit_id", &some).Error
		if err != nil {
			return err
		}
		unitIDs = append(unitIDs, some...)
	}
	return MarkRoster(tx, unitIDs...)
}
