package period

import (
	"context"
	"fmt"
	"slices"

	"gorm.io/gorm"

	"zhibu/model"
)

// ErrByAttendance refuses to withdraw what would come again by itself.
var ErrByAttendance = model.NewError(model.Conflict, "completed_by_attendance", "这是由活动到会情况计入的，请更正活动的签到记录")

// Batch is what an officer records for several members at the desk: everything a phone can record can be recorded here.
type Batch struct {
	MemberIDs   []int64
	Source      model.CompletionSource // ByOfficer or ByVisit
	Reason      string                 // who asked, why, who saw it
	CompletedAt model.Instant          // when they completed; 0 for now, and required in a reopened period
}

// Effects counts what became of a batch.
type Effects struct{ Created, Updated, Unchanged int }

func (e *Effects) add(effect Effect) {
	switch effect {
	case Created:
		e.Created++
	case Updated:
		e.Updated++
	default:
		e.Unchanged++
	}
}

// Record writes what an officer knows of the members, all or none: one who is not due inside the actor's units is a field
// at fault (not_invited), and nobody records for himself. A record in time stays as it is; a late one gives way.
func (s *Service) Record(ctx context.Context, actor model.Actor, periodID int64, b Batch) (effects Effects, err error) {
	if b.Reason, err = cleanReason(b.Reason, true); err != nil {
		return effects, err
	}
	ids := sortedIDs(b.MemberIDs)
	err = s.change(ctx, actor, periodID, ids, model.ForShare, func(_ *gorm.DB, p model.Period, l *ledger) error {
		effects = Effects{}
		at, err := momentOf(p, b.CompletedAt, l.now)
		if err != nil {
			return err
		}
		if err := l.within(actor, p, b.MemberIDs, model.RecordAttendance, inList); err != nil {
			return err
		}
		for _, id := range ids {
			effect, err := l.record(actor, p, model.Completion{
				ID: model.NewID(), PeriodID: p.ID, MemberID: id, Source: b.Source, CompletedAt: at, RecordedAt: l.now,
				RecordedBy: actor.Ref(), Reason: b.Reason,
			})
			if err != nil {
				return err
			}
			effects.add(effect)
		}
		return nil
	})
	return effects, err
}

// Withdraw takes back completions that were recorded by mistake. What the members themselves completed goes as well: the
// audit has who took it away, and the member sees it at once.
func (s *Service) Withdraw(ctx context.Context, actor model.Actor, periodID int64, memberIDs []int64, reason string) (withdrawn int, err error) {
	if reason, err = cleanReason(reason, true); err != nil {
		return 0, err
	}
	ids := sortedIDs(memberIDs)
	err = s.change(ctx, actor, periodID, ids, model.ForShare, func(_ *gorm.DB, p model.Period, l *ledger) error {
		withdrawn = 0
		if err := l.within(actor, p, memberIDs, model.RecordAttendance, inList); err != nil {
			return err
		}
		for _, id := range ids {
			there := l.due[key{p.ID, id}].record
			if there == nil {
				continue
			}
			if there.Source == model.ByAttendance {
				return ErrByAttendance
			}
			withdrawn++
			if err := l.remove(actor, p, id, map[string]any{"reason": reason}); err != nil {
				return err
			}
		}
		return nil
	})
	return withdrawn, err
}

// change is a write of an officer about some members' records in a period that takes corrections. hold keeps the period as
// it is: for others, who may write about it, too (ForShare), or alone (ForUpdate).
func (s *Service) change(ctx context.Context, actor model.Actor, periodID int64, memberIDs []int64, hold func(*gorm.DB) *gorm.DB,
	work func(tx *gorm.DB, p model.Period, l *ledger) error) error {
	if _, err := s.look(ctx, actor, periodID); err != nil { // an overdue one is closed first
		return err
	}
	return s.db.WriteAfterLook(ctx, func(tx *gorm.DB) error {
		p, err := model.SeenPeriod(hold(tx), actor, periodID)
		if err != nil {
			return err
		}
		l := newLedger(model.At(s.now()))
		if err := takesChanges(p, l.now); err != nil {
			return err
		}
		for chunk := range slices.Chunk(memberIDs, 500) {
			if err := l.open(tx, p, chunk); err != nil {
				return err
			}
		}
		if err := work(tx, p, l); err != nil {
			return err
		}
		return l.write(tx)
	})
}

// takesChanges refuses a period in which officers may not record: before it opens, and after its close until it is
// reopened (DOMAIN.md §20 no. 9).
func takesChanges(p model.Period, now model.Instant) error {
	switch p.State(now) {
	case model.PeriodOpen, model.PeriodReopened:
		return nil
	case model.PeriodScheduled:
		return ErrNotOpen
	case model.PeriodCancelled:
		return ErrCancelled
	}
	return ErrClosed
}

// momentOf is when a completion counts that an officer records for the moment at.
func momentOf(p model.Period, at, now model.Instant) (model.Instant, error) {
	fault := func(code, message string) error { return model.InvalidField("completed_at", code, message) }
	switch {
	case at == 0 && p.State(now) == model.PeriodReopened:
		return 0, fault("required", "更正时请填写完成学习的时间，须在本期学习时间内")
	case at == 0:
		return now, nil
	case at > now:
		return 0, fault("in_future", "完成时间不能晚于现在")
	case at < p.OpensAt || at >= p.Cutoff():
		return 0, fault("outside_window", "完成时间须在本期学习时间内")
	}
	return at, nil
}

// inList and alone name the field of a member in a request.
func inList(i int) string { return fmt.Sprintf("member_ids[%d]", i) }
func alone(int) string    { return "member_id" }

// within refuses members who are not due inside the units where the actor has the permission, and the actor himself. They
// are in the order of the request, whose places the faults name.
func (l *ledger) within(actor model.Actor, p model.Period, memberIDs []int64, permission model.Permission,
	field func(int) string) error {
	if len(actor.Paths(permission)) == 0 {
		return model.ErrForbidden
	}
	var faults []model.FieldError
	for i, id := range memberIDs {
		if actor.IsMember(id) {
			return model.ErrOwnRecord
		}
		if s, due := l.due[key{p.ID, id}]; !due || !actor.May(permission, s.path) {
			faults = append(faults, model.FieldError{
				Field: field(i), Code: "not_invited", Message: "不在您管理范围内的应参学人员中",
			})
		}
	}
	if len(faults) > 0 {
		return model.InvalidFields(faults...)
	}
	return nil
}
