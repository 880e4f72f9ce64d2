package period

import (
	"context"
	"fmt"
	"slices"

	"gorm.io/gorm"

	"zhibu/model"
)

// maxReason bounds a reason.
const maxReason = 200

// Close freezes the period now: before its end, which ends it, or after a correction, whose window is over already. The
// version, its number and what it changed are in Changes. Closing what is closed changes nothing.
func (s *Service) Close(ctx context.Context, actor model.Actor, id int64) (p model.Period, err error) {
	if p, err = s.find(ctx, actor, id, model.WritePeriods); err != nil || p.Frozen() {
		return p, err
	}
	now := model.At(s.now())
	switch {
	case p.CancelledAt != 0:
		return p, ErrCancelled
	case now < p.OpensAt:
		return p, ErrNotOpen
	}
	if err := s.freeze(ctx, actor, id); err != nil {
		return p, err
	}
	return model.SeenPeriod(s.db.Read(ctx), actor, id)
}

// CloseOverdue freezes every period whose time is over, also those whose time came while no server was running. It goes
// on after one that fails and returns the first error.
func (s *Service) CloseOverdue(ctx context.Context) error {
	now := model.At(s.now())
	var rows []model.StudyPeriod
	err := s.db.Read(ctx).Omit("quiz").Where("closed_at = 0 AND closes_at <= ? AND cancelled_at = 0", now).
		Order("closes_at").Find(&rows).Error
	if err != nil {
		return err
	}
	var failed error
	for _, row := range rows {
		if row.Overdue(now) {
			if err := s.freeze(ctx, model.Actor{}, row.ID); err != nil && failed == nil {
				failed = fmt.Errorf("closing period %d: %w", row.ID, err)
			}
		}
	}
	return failed
}

// Reopen opens a closed period again for corrections, by the next level up (上级组织) and with a reason. Its versions
// stay. Before the planned end it simply goes on until then, or until the next one of the series begins; afterwards only
// officers' corrections count, until it is closed by hand or model.CorrectionTime is over.
func (s *Service) Reopen(ctx context.Context, actor model.Actor, id int64, reason string) (p model.Period, err error) {
	if reason, err = cleanReason(reason, true); err != nil {
		return p, err
	}
	seen, err := s.look(ctx, actor, id) // an overdue period is closed first
	if err != nil {
		return p, err
	}
	now := model.At(s.now())
	err = s.db.Write(ctx, func(tx *gorm.DB) error {
		var unit []model.Unit // one plan at a time, as in Open
		if err := model.ForUpdate(tx).Select("id").Where("id = ?", seen.UnitID).Find(&unit).Error; err != nil {
			return err
		}
		if p, err = model.SeenPeriod(model.ForUpdate(tx), actor, id); err != nil {
			return err
		}
		switch {
		case !actor.MayAbove(model.WritePeriods, p.Unit.Path) && !actor.May(model.Administer, p.Unit.Path):
			return model.ErrForbidden.Saying("重新打开须由上级组织办理")
		case p.CancelledAt != 0:
			return ErrCancelled
		case !p.Frozen():
			return ErrNotClosed
		}
		before := map[string]any{"closed_at": p.ClosedAt.Time(), "closes_at": p.ClosesAt.Time(), "version": p.Version}
		closedAt := p.ClosedAt
		p.ClosedAt, p.ReopenedAt, p.ReopenedBy, p.ReopenReason = 0, now, actor.Ref(), reason
		next, err := overlapping(tx, p.StudyPeriod)
		if err != nil {
			return err
		}
		if next != nil {
			p.ClosesAt = max(closedAt, min(p.ClosesAt, next.OpensAt))
		}
		err = tx.Model(&model.StudyPeriod{}).Where("id = ?", id).Updates(map[string]any{
			"closed_at": 0, "closes_at": p.ClosesAt, "reopened_at": now, "reopened_by": p.ReopenedBy, "reopen_reason": reason,
		}).Error
		if err != nil {
			return err
		}
		if err := forgetCounts(tx, id); err != nil {
			return err
		}
		return model.Audit(tx, actor, now, model.Deed{
			Action: "study_period.reopen", Unit: p.Unit, SubjectID: id, Before: before, After: map[string]any{"reason": reason, "closes_at": p.ClosesAt.Time()},
		})
	})
	return p, err
}

// forgetCounts makes the next reader count the period anew.
func forgetCounts(tx *gorm.DB, id int64) error {
	return tx.Model(&model.Recount{}).Where("period_id = ?", id).
		Updates(map[string]any{"counted_on": "", "turn": gorm.Expr("turn + 1")}).Error // a recount under way fails
}

func cleanReason(reason string, required bool) (string, error) {
	reason = model.CleanLine(reason)
	switch {
	case reason == "" && required:
		return "", model.InvalidField("reason", "required", "请填写原因")
	case len([]rune(reason)) > maxReason:
		return "", model.InvalidField("reason", "too_long", "原因最多 200 个字")
	}
	return reason, nil
}

// find returns the period when an office of the actor allows permission in the unit that holds it; an overdue one is
// closed first.
func (s *Service) find(ctx context.Context, actor model.Actor, id int64, permission model.Permission) (model.Period, error) {
	p, err := s.look(ctx, actor, id)
	if err == nil && !actor.May(permission, p.Unit.Path) {
		err = model.ErrForbidden
	}
	return p, err
}

// look returns the period when the actor is shown it; an overdue one is closed first, so that nobody sees it undecided.
func (s *Service) look(ctx context.Context, actor model.Actor, id int64) (model.Period, error) {
	p, err := model.SeenPeriod(s.db.Read(ctx), actor, id)
	if err != nil || !p.Overdue(model.At(s.now())) {
		return p, err
	}
	if err := s.freeze(ctx, model.Actor{}, id); err != nil {
		return p, err
	}
	return model.SeenPeriod(s.db.Read(ctx), actor, id)
}

// sortedIDs are the ids in order, each once.
func sortedIDs(ids []int64) []int64 { return slices.Compact(slices.Sorted(slices.Values(ids))) }
