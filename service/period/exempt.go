package period

import (
	"context"
	"unicode/utf8"

	"gorm.io/gorm"

	"zhibu/model"
)

// An exemption and a completion of the same member change the same count and share no row, so an exemption holds the
// period alone. Where that holds nobody off, on another node of a cluster, the mark has his unit counted anew.

// Exempt releases a member from the period (不作硬性要求): approved by the officer who enters it, never for himself. The
// same again answers the exemption there is, another reason replaces it; created tells them apart.
func (s *Service) Exempt(ctx context.Context, actor model.Actor, e model.Exemption) (entered model.Exemption, created bool, err error) {
	if e.ReasonCategory.Name() == "" {
		return entered, false, model.InvalidField("reason_category", "invalid_value", "没有这种免学原因")
	}
	if e.Note, err = cleanReason(e.Note, false); err != nil {
		return entered, false, err
	}
	err = s.change(ctx, actor, e.PeriodID, []int64{e.MemberID}, model.ForUpdate, func(tx *gorm.DB, p model.Period, l *ledger) error {
		if err := l.within(actor, p, []int64{e.MemberID}, model.DecideLeave, alone); err != nil {
			return err
		}
		var there []model.Exemption
		if err := tx.Where("period_id = ? AND member_id = ?", p.ID, e.MemberID).Find(&there).Error; err != nil {
			return err
		}
		entered, created = e, len(there) == 0
		entered.ID, entered.ApprovedBy, entered.ApprovedAt = model.NewID(), actor.Ref(), l.now
		if created {
			return l.exempt(tx, actor, p, entered)
		}
		if there[0].ReasonCategory == e.ReasonCategory && there[0].Note == e.Note {
			entered = there[0]
			return nil
		}
		entered.ID = there[0].ID
		return l.changeExemption(tx, actor, p, there[0], entered)
	})
	return entered, created, err
}

func (l *ledger) exempt(tx *gorm.DB, actor model.Actor, p model.Period, e model.Exemption) error {
	if err := tx.Create(&e).Error; err != nil {
		return err
	}
	if err := l.setExempt(tx, p, e.MemberID, true); err != nil {
		return err
	}
	return l.note(actor, p, model.Deed{Action: "exemption.create", SubjectID: e.ID, After: auditOfExemption(e)})
}

func (l *ledger) changeExemption(tx *gorm.DB, actor model.Actor, p model.Period, was, is model.Exemption) error {
	done := tx.Model(&model.Exemption{}).Where("id = ? AND approved_at = ?", was.ID, was.ApprovedAt).Updates(map[string]any{
		"reason_category": is.ReasonCategory, "note": is.Note, "approved_by": is.ApprovedBy, "approved_at": is.ApprovedAt,
	})
	if err := model.SaveSeen(done); err != nil {
		return err
	}
	return l.note(actor, p, model.Deed{
		Action: "exemption.change", SubjectID: is.ID, Before: auditOfExemption(was), After: auditOfExemption(is),
	})
}

// WithdrawExemption takes an exemption back.
func (s *Service) WithdrawExemption(ctx context.Context, actor model.Actor, periodID, memberID int64) error {
	return s.change(ctx, actor, periodID, []int64{memberID}, model.ForUpdate, func(tx *gorm.DB, p model.Period, l *ledger) error {
		if err := l.within(actor, p, []int64{memberID}, model.DecideLeave, alone); err != nil {
			return err
		}
		var there []model.Exemption
		if err := tx.Where("period_id = ? AND member_id = ?", p.ID, memberID).Find(&there).Error; err != nil {
			return err
		}
		if len(there) == 0 {
			return model.ErrNotFound
		}
		if err := model.SaveSeen(tx.Where("id = ?", there[0].ID).Delete(&model.Exemption{})); err != nil {
			return err
		}
		if err := l.setExempt(tx, p, memberID, false); err != nil {
			return err
		}
		return l.note(actor, p, model.Deed{
			Action: "exemption.withdraw", SubjectID: there[0].ID, Before: auditOfExemption(there[0]),
		})
	})
}

func (l *ledger) setExempt(tx *gorm.DB, p model.Period, memberID int64, exempt bool) error {
	s := l.due[key{p.ID, memberID}]
	before := *s
	s.exempt = exempt
	l.change(p, before, *s)
	return model.MarkMembers(tx, memberID)
}

// auditOfExemption is what the audit keeps: the note is written freely and may name an illness.
func auditOfExemption(e model.Exemption) map[string]any {
	return map[string]any{
		"period_id": e.PeriodID, "member_id": e.MemberID, "reason_category": e.ReasonCategory,
		"note_characters": utf8.RuneCountInString(e.Note),
	}
}
