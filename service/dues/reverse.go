package dues

import (
	"context"

	"gorm.io/gorm"

	"zhibu/model"
)

// Reverse undoes a payment that was booked by mistake (冲正), by an entry with the opposite lines; the bills are open again.
// Money that is no longer in hand with whoever took it is ErrNotInHand; what came through WeChat Pay is refunded instead.
func (s *Service) Reverse(ctx context.Context, actor model.Actor, paymentID int64, reason string) (out Paid, err error) {
	now := model.At(s.now())
	var f faults
	f.text("reason", &reason, true, maxReason)
	if err := f.err(); err != nil {
		return out, err
	}
	err = s.db.WriteAfterLook(ctx, func(tx *gorm.DB) error {
		p, unit, err := findPayment(tx, actor, paymentID)
		if err != nil {
			return err
		}
		switch {
		case actor.IsMember(p.MemberID):
			return model.ErrOwnRecord
		case p.ReversedID != 0:
			return ErrReversed
		case p.Method == model.PaidWechat:
			return ErrUseRefund
		}
		e, err := reversalOf(tx, actor, p.EntryID, reason, now)
		if err != nil {
			return err
		}
		err = book(tx, e,
			line(p.UnitID, p.Method.Account(), holderOf(p), -p.AmountFen-p.VoluntaryFen),
			line(p.UnitID, model.DuesPaid, "", p.AmountFen-p.AdvanceFen), line(p.UnitID, model.Advance, "", p.AdvanceFen),
			line(p.UnitID, model.Voluntary, "", p.VoluntaryFen))
		if err != nil {
			return err
		}
		if _, err := takeBack(tx, p, e.ID, p.AmountFen-p.AdvanceFen); err != nil {
			return err
		}
		err = model.SaveSeen(tx.Model(&model.Payment{}).Where("id = ? AND reversed_id = 0 AND advance_fen = ?", p.ID, p.AdvanceFen).
			Updates(map[string]any{"reversed_id": e.ID, "reversed_at": now, "reverse_reason": reason}))
		if err != nil {
			return err
		}
		if out, err = loadPaid(tx, p.ID); err != nil {
			return err
		}
		return model.Audit(tx, actor, now, model.Deed{
			Action: "dues.reverse", Unit: unit, SubjectID: p.ID, Before: paymentState(p), After: map[string]any{"entry_id": e.ID, "reason": reason},
		})
	})
	return out, err
}

// reversalOf is the head of the entry that reverses another one, in the year of that one.
func reversalOf(tx *gorm.DB, actor model.Actor, entryID int64, reason string, now model.Instant) (model.Entry, error) {
	var before model.Entry
	err := tx.Take(&before, entryID).Error
	return model.Entry{
		ID: model.NewID(), Kind: model.ReversalEntry, UnitID: before.UnitID, Year: before.Year, OccurredOn: now.Date(), Reason: reason,
		ReversesID: &before.ID, CreatedBy: actor.Ref(), CreatedAt: now,
	}, err
}

// findPayment returns a payment of a unit in which the actor writes the dues.
func findPayment(tx *gorm.DB, actor model.Actor, id int64) (model.Payment, model.Unit, error) {
	var found []model.Payment
	if err := tx.Where("id = ?", id).Find(&found).Error; err != nil {
		return model.Payment{}, model.Unit{}, err
	}
	if len(found) == 0 {
		return model.Payment{}, model.Unit{}, model.ErrNotFound
	}
	unit, err := model.FindUnit(tx, actor, found[0].UnitID, model.WriteDues)
	return found[0], unit, err
}

// VoidBill takes back a bill that should not be there and on which nothing was paid. The next run makes it anew if the
// member still owes for the month.
func (s *Service) VoidBill(ctx context.Context, actor model.Actor, id int64, reason string) (b model.Bill, err error) {
	now := model.At(s.now())
	var f faults
	f.text("reason", &reason, true, maxReason)
	if err := f.err(); err != nil {
		return b, err
	}
	err = s.db.WriteAfterLook(ctx, func(tx *gorm.DB) error {
		var found []model.Bill
		if err := tx.Where("id = ?", id).Find(&found).Error; err != nil {
			return err
		}
		if len(found) == 0 {
			return model.ErrNotFound
		}
		b = found[0]
		unit, err := model.FindUnit(tx, actor, b.UnitID, model.WriteDues)
		switch {
		case err != nil:
			return err
		case actor.IsMember(b.MemberID):
			return model.ErrOwnRecord
		case b.VoidedID != 0:
			return ErrBillVoided
		case b.PaidFen > 0:
			return ErrBillPaid
		}
		if err := void(tx, b, now, reason); err != nil {
			return err
		}
		b.VoidedID, b.VoidedAt, b.VoidReason = b.ID, now, reason
		return model.Audit(tx, actor, now, model.Deed{Action: "dues_bill.void", Unit: unit, SubjectID: b.ID, Before: map[string]any{
			"member_id": b.MemberID, "month": b.Month, "amount_fen": b.AmountFen,
		}, After: map[string]any{"reason": reason}})
	})
	return b, err
}
