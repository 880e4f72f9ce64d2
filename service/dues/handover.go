package dues

import (
	"context"
	"gorm.io/gorm"

	"zhibu/model"
)

// Handover is cash that goes from one holder to another, or to the bank when nobody is named.
type Handover struct {
	FromMemberID int64 // 0: the actor himself
	ToMemberID   int64 // 0: paid into the bank account
	AmountFen    model.Fen
	Reason       string
}

// Handed is a handover that was booked.
type Handed struct {
	model.Entry
	From      string // Actor.Ref
	To        string // empty: the bank
	AmountFen model.Fen
}

// HandOver books cash of a unit from one holder to another officer who keeps its books, or to the bank. An office that
// collects cannot end before all its cash is handed over (model.ErrCashInHand).
func (s *Service) HandOver(ctx context.Context, actor model.Actor, unitID int64, h Handover, once model.Once) (out Handed, err error) {
	now := model.At(s.now())
	var f faults
	f.amount("amount_fen", h.AmountFen, 1)
	f.text("reason", &h.Reason, false, maxReason)
	if err := f.err(); err != nil {
		return out, err
	}
	err = s.db.WriteAfterLook(ctx, func(tx *gorm.DB) error {
		unit, err := findBooks(tx, actor, unitID, model.WriteDues)
		if err != nil {
			return err
		}
		e := model.Entry{
			ID: model.NewID(), Kind: model.HandoverEntry, UnitID: unit.ID, Year: model.MonthOf(now.Date()).Year(), OccurredOn: now.Date(),
			Reason: h.Reason, CreatedBy: actor.Ref(), CreatedAt: now,
		}
		first, err := once.Claim(tx, actor, "dues.handover", e.ID, now)
		if err != nil {
			return err
		}
		if first != 0 {
			out, err = loadHanded(tx, first)
			return err
		}
		out = Handed{Entry: e, From: actor.Holder(), AmountFen: h.AmountFen}
		if h.FromMemberID != 0 {
			out.From = model.Actor{MemberID: h.FromMemberID}.Ref()
		}
		if h.ToMemberID != 0 && out.From == (model.Actor{MemberID: h.ToMemberID}).Ref() {
			return model.InvalidField("to_member_id", "invalid_value", "不能移交给同一个人")
		}
		to := line(unit.ID, model.Bank, "", h.AmountFen)
		if h.ToMemberID != 0 {
			if err := keepsBooks(tx, h.ToMemberID, unit, now); err != nil {
				return err
			}
			out.To = model.Actor{MemberID: h.ToMemberID}.Ref()
			to = line(unit.ID, model.Cash, out.To, h.AmountFen)
		}
		if err := book(tx, e, line(unit.ID, model.Cash, out.From, -h.AmountFen), to); err != nil {
			return err
		}
		return model.Audit(tx, actor, now, model.Deed{Action: "dues.hand_over", Unit: unit, SubjectID: e.ID, After: map[string]any{
			"from": out.From, "to": out.To, "amount_fen": h.AmountFen, "reason": h.Reason,
		}})
	})
	return out, err
}

// keepsBooks refuses a receiver who holds no office that keeps the books of the unit, and keeps the office from ending
// before the transaction does (model.EndPosts).
func keepsBooks(tx *gorm.DB, memberID int64, unit model.Unit, now model.Instant) error {
	var posts []struct {
		Title model.Title
		Path  string
	}
	err := model.ForShare(tx).Model(&model.Post{}).Joins("JOIN units ON units.id = posts.unit_id").Scopes(model.InOffice(now)).
		Where("posts.ended = 0 AND posts.member_id = ? AND posts.unit_id IN ?", memberID, model.PathIDs(unit.Path)).
		Select("posts.title, units.path").Find(&posts).Error
	if err != nil {
		return err
	}
	for _, p := range posts {
		if p.Title.Allows(model.WriteDues) {
			return nil
		}
	}
	return model.InvalidField("to_member_id", "no_office", "接收人不担任收缴党费的职务")
}

func loadHanded(tx *gorm.DB, entryID int64) (out Handed, err error) {
	if err := tx.Take(&out.Entry, entryID).Error; err != nil {
		return out, err
	}
	var lines []model.Line
	err = tx.Where("entry_id = ?", entryID).Find(&lines).Error
	for _, l := range lines {
		if l.AmountFen < 0 {
			out.From, out.AmountFen = l.Holder, -l.AmountFen
		} else {
			out.To = l.Holder
		}
	}
	return out, err
}
