package period

import (
	"context"
	"strings"

	"gorm.io/gorm"

	"zhibu/model"
)

// Change is what may be changed of a period; nil leaves it as it is.
type Change struct {
	Title       *string
	Link        *string
	OpensAt     *model.Instant
	ClosesAt    *model.Instant
	ThresholdBP *int
	Quiz        *model.Quiz
	NoQuiz      bool
}

// The refusals of a change.
var (
	ErrBegun = model.NewError(model.Conflict, "study_period_begun", "本期学习已经开始，开始时间、达标线和答题不能再改")
)

// Change changes a period that is not closed: the title, the link and the end until then, the rest before it opens. The
// end may not be moved into the past; to end early is to close.
func (s *Service) Change(ctx context.Context, actor model.Actor, id int64, c Change) (p model.Period, err error) {
	now := model.At(s.now())
	err = s.withPlan(ctx, actor, id, func(tx *gorm.DB) error {
		if p, err = s.changeable(tx, actor, id, now); err != nil {
			return err
		}
		before := auditOf(p)
		if now >= p.OpensAt && (c.OpensAt != nil || c.ThresholdBP != nil || c.Quiz != nil || c.NoQuiz) {
			return ErrBegun
		}
		if c.ClosesAt != nil && *c.ClosesAt <= now {
			return model.InvalidField("closes_at", "invalid_range", "截止时间须在当前时间之后；要提前结束请直接截止")
		}
		plan, err := c.on(p)
		if err != nil {
			return err
		}
		if err := check(plan); err != nil {
			return err
		}
		if err := c.write(&p, plan); err != nil {
			return err
		}
		if err := refuseOverlap(tx, p.StudyPeriod); err != nil {
			return err
		}
		err = tx.Model(&model.StudyPeriod{}).Where("id = ?", id).Updates(map[string]any{
			"code": p.Code, "title": p.Title, "link": p.Link, "opens_at": p.OpensAt, "closes_at": p.ClosesAt,
			"threshold_bp": p.ThresholdBP, "quiz": p.Quiz,
		}).Error
		if err != nil {
			return existing(err)
		}
		if err := forgetCounts(tx, id); err != nil {
			return err
		}
		return model.Audit(tx, actor, now, model.Deed{
			Action: "study_period.change", Unit: p.Unit, SubjectID: id, Before: before, After: auditOf(p),
		})
	})
	return p, err
}

// on is the plan that the period would follow with the change.
func (c Change) on(p model.Period) (Plan, error) {
	quiz, err := p.ParseQuiz()
	plan := Plan{
		Series: p.Series, Number: p.Number, Title: p.Title, OpensAt: p.OpensAt, ClosesAt: p.ClosesAt, ThresholdBP: p.ThresholdBP,
		Link: p.Link, Quiz: quiz,
	}
	model.SetGiven(&plan.Title, c.Title)
	model.SetGiven(&plan.Link, c.Link)
	model.SetGiven(&plan.OpensAt, c.OpensAt)
	model.SetGiven(&plan.ClosesAt, c.ClosesAt)
	model.SetGiven(&plan.ThresholdBP, c.ThresholdBP)
	if c.Quiz != nil || c.NoQuiz {
		plan.Quiz = c.Quiz
	}
	return plan, err
}

func (c Change) write(p *model.Period, plan Plan) (err error) {
	p.Title, p.Link = model.CleanLine(plan.Title), strings.TrimSpace(plan.Link)
	p.OpensAt, p.ClosesAt, p.ThresholdBP = plan.OpensAt, plan.ClosesAt, plan.ThresholdBP
	p.SetCode()
	p.Quiz, err = quizText(plan.Quiz)
	return err
}

// withPlan is a write about the plan of a period: one at a time in its unit, as in Open.
func (s *Service) withPlan(ctx context.Context, actor model.Actor, id int64, work func(tx *gorm.DB) error) error {
	p, err := s.find(ctx, actor, id, model.WritePeriods)
	if err != nil {
		return err
	}
	return s.db.Write(ctx, func(tx *gorm.DB) error {
		if _, err := model.FindUnit(model.ForUpdate(tx), actor, p.UnitID, model.WritePeriods); err != nil {
			return err
		}
		return work(tx)
	})
}

// changeable returns the period, which stays as it is until the end of the transaction, when its plan may change.
func (s *Service) changeable(tx *gorm.DB, actor model.Actor, id int64, now model.Instant) (model.Period, error) {
	p, err := model.SeenPeriod(model.ForUpdate(tx), actor, id)
	if err != nil {
		return p, err
	}
	switch p.State(now) {
	case model.PeriodCancelled:
		return p, ErrCancelled
	case model.PeriodClosed, model.PeriodReopened:
		return p, ErrClosed
	}
	return p, nil
}

// Cancel takes back a period that was opened by mistake. Its records stay; it is in no figure, and its number is free
// again. One that was ever closed stays. Cancelling again changes nothing.
func (s *Service) Cancel(ctx context.Context, actor model.Actor, id int64, reason string) (p model.Period, err error) {
	if reason, err = cleanReason(reason, true); err != nil {
		return p, err
	}
	now := model.At(s.now())
	err = s.withPlan(ctx, actor, id, func(tx *gorm.DB) error {
		if p, err = s.changeable(tx, actor, id, now); err != nil {
			if p.CancelledAt != 0 {
				return nil
			}
			return err
		}
		if p.Version > 0 {
			return ErrClosed.Saying("本期已有截止版本，不能取消")
		}
		p.CancelledAt, p.CancelReason = now, reason
		if err := tx.Where("period_id = ?", id).Delete(&model.PeriodActivity{}).Error; err != nil {
			return err // they may belong to the one that takes its place
		}
		err := tx.Model(&model.StudyPeriod{}).Where("id = ?", id).
			Updates(map[string]any{"cancelled_at": now, "cancel_reason": reason}).Error
		if err != nil {
			return err
		}
		return model.Audit(tx, actor, now, model.Deed{
			Action: "study_period.cancel", Unit: p.Unit, SubjectID: id, Before: auditOf(p), After: map[string]any{"reason": reason},
		})
	})
	return p, err
}
