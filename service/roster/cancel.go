package roster

import (
	"context"
	"slices"

	"gorm.io/gorm"

	"zhibu/model"
)

// Cancel undoes a transfer or an ending until its first day is over: what was to begin with it is taken away, the membership
// before it has no end again, and the same may be entered anew. The record stays, as cancelled. ErrTransferBegun after its
// day. Posts that were to end with it still do, because an office is given by an appointment only.
func (s *Service) Cancel(ctx context.Context, actor model.Actor, transferID int64, reason string) (t model.Transfer, err error) {
	var f faults
	if checkReason(&reason, &f); len(f) > 0 {
		return t, f.err()
	}
	err = s.db.Write(ctx, func(tx *gorm.DB) error {
		var from model.Unit
		if t, from, err = s.findPlanned(tx, actor, transferID); err != nil {
			return err
		}
		t.CancelledBy, t.CancelledAt, t.CancelReason = actor.Ref(), model.At(s.now()), reason
		if err := cancel(tx, t); err != nil {
			return err
		}
		before, reopened, err := undo(tx, t)
		if err != nil {
			return err
		}
		after := auditMembership(reopened)
		after["reason"] = reason
		return model.Audit(tx, actor, t.CancelledAt, model.Deed{
			Action: "transfer.cancel", Unit: from, SubjectID: t.MemberID, Before: before, After: after,
		})
	})
	return t, err
}

// findPlanned returns a transfer that may still be cancelled, by whoever might have entered it, and the unit it leaves.
func (s *Service) findPlanned(tx *gorm.DB, actor model.Actor, id int64) (t model.Transfer, from model.Unit, err error) {
	var found []model.Transfer
	if err := tx.Where("id = ?", id).Find(&found).Error; err != nil {
		return t, from, err
	}
	if len(found) == 0 {
		return t, from, model.ErrNotFound
	}
	t = found[0]
	if from, err = model.FindUnit(tx, actor, t.FromUnitID, model.WriteRoster); err != nil {
		return t, from, err
	}
	if t.ToUnitID != nil {
		if _, err := model.FindUnit(tx, actor, *t.ToUnitID, model.WriteRoster); err != nil {
			return t, from, err
		}
	}
	switch {
	case actor.IsMember(t.MemberID):
		return t, from, model.ErrOwnRecord
	case t.CancelledAt != 0:
		return t, from, ErrCancelled
	case t.EffectiveOn < s.today():
		return t, from, ErrTransferBegun
	}
	return t, from, nil
}

// cancel marks the record; of two who cancel at once only one does.
func cancel(tx *gorm.DB, t model.Transfer) error {
	done := tx.Model(&model.Transfer{}).Where("id = ? AND cancelled_at = 0", t.ID).Updates(map[string]any{
		"cancelled_by": t.CancelledBy, "cancelled_at": t.CancelledAt, "cancel_reason": t.CancelReason,
	})
	return duplicate(oneRow(done), ErrChangedBeside) // the same, entered again and cancelled in one millisecond
}

// undo takes away the episode that was to begin with the transfer, with the changes that were entered for a later day in
// it, and reopens the one before.
func undo(tx *gorm.DB, t model.Transfer) (before []map[string]any, reopened model.Membership, err error) {
	byMember, err := loadEpisodes(tx, []int64{t.MemberID})
	if err != nil {
		return nil, reopened, err
	}
	episodes := slices.DeleteFunc(byMember[t.MemberID], func(e Episode) bool { return e.Track != t.Track || e.EndedOn < t.EffectiveOn })
	if len(episodes) == 0 || episodes[0].EndedOn != t.EffectiveOn {
		return nil, reopened, ErrChangedBeside
	}
	reopened = episodes[0].Membership
	planned, units := episodes[1:], []int64{reopened.UnitID}
	if !stemFrom(t, planned) {
		return nil, reopened, ErrCancelLater
	}
	for _, e := range planned {
		before, units = append(before, auditMembership(e.Membership)), append(units, e.UnitID)
		gone := tx.Where("id = ? AND started_on = ? AND ended_on = ?", e.ID, e.StartedOn, e.EndedOn).Delete(&model.Membership{})
		if err := oneRow(gone); err != nil {
			return nil, reopened, err
		}
	}
	done := tx.Model(&model.Membership{}).Where("id = ? AND ended_on = ?", reopened.ID, t.EffectiveOn).
		Updates(map[string]any{"ended_on": model.Forever, "end_reason": ""})
	if err := duplicate(oneRow(done), ErrChangedBeside); err != nil {
		return nil, reopened, err
	}
	reopened.EndedOn, reopened.EndReason = model.Forever, ""
	return append(before, auditMembership(episodes[0].Membership)), reopened, model.MarkRoster(tx, units...)
}

// stemFrom reports whether the episodes are what the transfer began and changes within it: none after an ending, and
// after a transfer those in its unit, up to the open one. Others were entered later and are cancelled before.
func stemFrom(t model.Transfer, planned []Episode) bool {
	if t.ToUnitID == nil || len(planned) == 0 {
		return t.ToUnitID == nil && len(planned) == 0
	}
	elsewhere := func(e Episode) bool { return e.UnitID != *t.ToUnitID }
	return planned[len(planned)-1].EndedOn.IsOpen() && !slices.ContainsFunc(planned, elsewhere)
}
