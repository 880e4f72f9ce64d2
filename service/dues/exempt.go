package dues

import (
	"context"
	"maps"
	"slices"

	"gorm.io/gorm"

	"zhibu/model"
)

// Exempt is an approved exemption or reduction (减免) as an officer records it.
type Exempt struct {
	Track          model.Track // empty: the one track the member is on
	FromMonth      model.Month
	ToMonth        model.Month
	AmountFen      model.Fen // what is still owed each month, 0 for nothing
	ApprovedBy     string    // the next-higher committee
	ReasonCategory string
}

// Reasons are the categories of a reason, never more: no diagnosis, no story.
var Reasons = []string{"hardship", "illness", "retired", "student", "disaster", "unemployed", "other"}

// Exempt records that a member owes less for some months. Unpaid bills of these months are made anew, those on which
// something was paid stay. Months that an exemption covers already are ErrExempted.
func (s *Service) Exempt(ctx context.Context, actor model.Actor, memberID int64, e Exempt) (row model.DuesExemption, err error) {
	now := model.At(s.now())
	if err := e.check(); err != nil {
		return row, err
	}
	err = s.db.WriteAfterLook(ctx, func(tx *gorm.DB) error {
		track, err := trackOf(tx, memberID, e.Track)
		if err != nil {
			return err
		}
		unit, err := findPayer(tx, actor, memberID, track, model.WriteDues, now.Date())
		if err != nil {
			return err
		}
		if actor.IsMember(memberID) {
			return model.ErrOwnRecord
		}
		row = model.DuesExemption{
			ID: model.NewID(), MemberID: memberID, Track: track, FromMonth: e.FromMonth, ToMonth: e.ToMonth, AmountFen: e.AmountFen,
			ReasonCategory: e.ReasonCategory, ApprovedBy: e.ApprovedBy, RecordedBy: actor.Ref(), RecordedAt: now,
		}
		if err := noOverlap(tx, row); err != nil {
			return err
		}
		if err := tx.Create(&row).Error; err != nil {
			return err
		}
		if err := rebill(tx, actor, row, now, "减免"); err != nil {
			return err
		}
		return model.Audit(tx, actor, now, model.Deed{Action: "dues.exempt", Unit: unit, SubjectID: memberID, After: exemptionState(row)})
	})
	return row, err
}

func (e *Exempt) check() error {
	var f faults
	if e.Track != "" && e.Track != model.Party && e.Track != model.League {
		f.add("track", "invalid_value", "须为 party 或 league")
	}
	f.month("from_month", e.FromMonth)
	f.month("to_month", e.ToMonth)
	if len(f) == 0 && e.ToMonth < e.FromMonth {
		f.add("to_month", "wrong_order", "终止月份不能早于起始月份")
	}
	if len(f) == 0 && e.ToMonth.Since(e.FromMonth) >= maxMonths {
		f.add("to_month", "too_long", "一次减免最多 24 个月")
	}
	f.amount("amount_fen", e.AmountFen, 0)
	f.text("approved_by", &e.ApprovedBy, true, 100)
	known := false
	for _, r := range Reasons {
		known = known || r == e.ReasonCategory
	}
	if !known {
		f.add("reason_category", "invalid_value", "没有这种原因类别")
	}
	return f.err()
}

// trackOf is the track that is meant: the one named, or the one the member is on; with both, the party's.
func trackOf(tx *gorm.DB, memberID int64, track model.Track) (model.Track, error) {
	if track != "" {
		return track, nil
	}
	var tracks []model.Track
	err := tx.Model(&model.Membership{}).Where("member_id = ?", memberID).Order("track DESC").Distinct().Pluck("track", &tracks).Error
	if err != nil || len(tracks) == 0 {
		return model.Party, err
	}
	return tracks[0], nil
}

func noOverlap(tx *gorm.DB, e model.DuesExemption) error {
	var there int64
	err := model.ForUpdate(tx).Model(&model.DuesExemption{}).
		Where("member_id = ? AND track = ? AND withdrawn_at = 0 AND from_month <= ? AND to_month >= ?", e.MemberID, e.Track, e.ToMonth, e.FromMonth).
		Count(&there).Error
	if err == nil && there > 0 {
		return ErrExempted
	}
	return err
}

// rebill makes the unpaid bills of the months of an exemption anew.
func rebill(tx *gorm.DB, actor model.Actor, e model.DuesExemption, now model.Instant, why string) error {
	billed, err := billedFrom(tx, e.MemberID, e.Track, e.FromMonth)
	if err != nil {
		return err
	}
	var months []model.Month
	for _, m := range billed {
		if m <= e.ToMonth {
			months = append(months, m)
		}
	}
	return billOne(tx, actor, e.MemberID, months, now, why)
}

func exemptionState(e model.DuesExemption) map[string]any {
	return map[string]any{
		"exemption_id": e.ID, "track": e.Track, "from_month": e.FromMonth, "to_month": e.ToMonth, "amount_fen": e.AmountFen,
		"reason_category": e.ReasonCategory, "approved_by": e.ApprovedBy,
	}
}

// Exemptions returns the exemptions of a member, the latest first: to himself, and to the officers of his unit.
func (s *Service) Exemptions(ctx context.Context, actor model.Actor, memberID int64) (rows []model.DuesExemption, err error) {
	db := s.db.Read(ctx)
	readable, err := tracksRead(db, actor, memberID, "", s.today())
	if err != nil {
		return nil, err
	}
	return rows, db.Where("member_id = ? AND track IN ?", memberID, slices.Collect(maps.Keys(readable))).Order("from_month DESC, id DESC").Limit(200).Find(&rows).Error
}

// WithdrawExemption ends an exemption that was recorded by mistake; unpaid bills of its months are made anew.
func (s *Service) WithdrawExemption(ctx context.Context, actor model.Actor, memberID, id int64) error {
	now := model.At(s.now())
	return s.db.WriteAfterLook(ctx, func(tx *gorm.DB) error {
		var found []model.DuesExemption
		if err := tx.Where("id = ? AND member_id = ?", id, memberID).Find(&found).Error; err != nil {
			return err
		}
		if len(found) == 0 || found[0].WithdrawnAt != 0 {
			return model.ErrNotFound
		}
		unit, err := findPayer(tx, actor, memberID, found[0].Track, model.WriteDues, now.Date())
		if err != nil {
			return err
		}
		if actor.IsMember(memberID) {
			return model.ErrOwnRecord
		}
		err = model.SaveSeen(tx.Model(&model.DuesExemption{}).Where("id = ? AND withdrawn_at = 0", id).
			Updates(map[string]any{"withdrawn_at": now, "withdrawn_by": actor.Ref()}))
		if err != nil {
			return err
		}
		if err := rebill(tx, actor, found[0], now, "撤销减免"); err != nil {
			return err
		}
		return model.Audit(tx, actor, now, model.Deed{
			Action: "dues.exemption_withdraw", Unit: unit, SubjectID: memberID, Before: exemptionState(found[0]),
		})
	})
}
