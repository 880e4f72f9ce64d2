package dues

import (
	"context"
	"errors"
	"strconv"
	"time"

	"gorm.io/gorm"

	"zhibu/model"
)

// Refund asks WeChat Pay to give back part or all of a paid order. It takes an administrator of the unit, never the member.
// The amount leaves what is in hand at once, so that nobody sends it up meanwhile, and is gone when the platform says so;
// a refund that fails brings it back.
func (s *Service) Refund(ctx context.Context, actor model.Actor, orderNo string, fen model.Fen, reason string, once model.Once) (o model.Order, r model.Refund, err error) {
	var f faults
	f.amount("amount_fen", fen, 1)
	f.text("reason", &reason, true, 80)
	if err := f.err(); err != nil {
		return o, r, err
	}
	repeated := false
	now := model.At(s.now())
	err = s.db.WriteAfterLook(ctx, func(tx *gorm.DB) error {
		unit, err := findOrder(tx, actor, orderNo, &o)
		if err != nil {
			return err
		}
		r = model.Refund{
			ID: model.NewID(), OrderID: o.ID, AmountFen: fen, Reason: reason, State: model.RefundProcessing, RequestedBy: actor.Ref(),
			RequestedAt: now, NextLookAt: now.Add(time.Minute),
		}
		r.RefundNo = "zbr" + strconv.FormatInt(r.ID, 36)
		first, err := once.Claim(tx, actor, "dues.refund", r.ID, now)
		if err != nil {
			return err
		}
		if repeated = first != 0; repeated {
			r = model.Refund{}
			return tx.Take(&r, first).Error
		}
		return s.askBack(tx, actor, unit, o, &r)
	})
	if err != nil {
		return o, r, err
	}
	if repeated && r.State == model.RefundProcessing {
		// The first request may have died before it asked. What becomes of it is asked about anyway.
		if err := s.lookRefund(ctx, r); err != nil && model.AsError(err) == nil {
			return o, r, err
		}
	}
	if !repeated {
		if err := s.pushRefund(ctx, o, r); err != nil && model.AsError(err) != nil && model.AsError(err).Kind == model.Conflict {
			return o, r, err // refused for good, and taken back
		}
	}
	return s.refundNow(ctx, r)
}

// bookAskedBack takes the amount out of what is in hand and makes the order one that is being refunded.
func (s *Service) bookAskedBack(tx *gorm.DB, actor model.Actor, o model.Order, r *model.Refund) error {
	pockets, err := inHand(tx, o.UnitID, actor.Holder())
	if err != nil {
		return err
	}
	lines, err := draw(o.UnitID, pockets, r.AmountFen)
	if err != nil {
		return err
	}
	e := model.Entry{
		ID: model.NewID(), Kind: model.RefundEntry, UnitID: o.UnitID, Year: yearPaid(o),
		OccurredOn: r.RequestedAt.Date(), Reason: r.Reason, CreatedBy: actor.Ref(), CreatedAt: r.RequestedAt,
	}
	r.EntryID = e.ID
	if err := book(tx, e, append(lines, line(o.UnitID, model.Refunding, "", r.AmountFen))...); err != nil {
		return err
	}
	return model.SaveSeen(tx.Model(&model.Order{}).Where("id = ? AND state = ? AND refunded_fen = ?", o.ID, model.OrderPaid, o.RefundedFen).
		Update("state", model.OrderRefunding))
}

// yearPaid is the year of the statement an order was paid in; a refund takes it off that year again.
func yearPaid(o model.Order) int { return model.MonthOf(o.PaidAt.Date()).Year() }

// refundNow reads the refund and its order as they are by now: the platform may have answered meanwhile.
func (s *Service) refundNow(ctx context.Context, r model.Refund) (o model.Order, now model.Refund, err error) {
	db := s.db.Read(ctx)
	if err := db.Take(&now, r.ID).Error; err != nil {
		return o, now, err
	}
	return o, now, db.Take(&o, now.OrderID).Error
}

// findOrder reads an order of a unit that the actor administers, to be changed.
func findOrder(tx *gorm.DB, actor model.Actor, orderNo string, o *model.Order) (unit model.Unit, err error) {
	*o = model.Order{}
	err = model.ForUpdate(tx).Where("order_no = ?", orderNo).Take(o).Error
	if errors.Is(err, gorm.ErrRecordNotFound) {
		return unit, model.ErrNotFound
	}
	if err != nil {
		return unit, err
	}
	if unit, err = model.FindUnit(tx, actor, o.UnitID, model.Administer); err != nil {
		return unit, err
	}
	if actor.IsMember(o.MemberID) {
		return unit, model.ErrOwnRecord
	}
	return unit, nil
}

// askBack books that the amount is asked back.
func (s *Service) askBack(tx *gorm.DB, actor model.Actor, unit model.Unit, o model.Order, r *model.Refund) error {
	switch {
	case s.platform == nil:
		return ErrPayOff
	case o.State == model.OrderRefunding:
		return ErrRefunding
	case o.State == model.OrderRefunded || o.State == model.OrderPaid && r.AmountFen > o.Total()-o.RefundedFen:
		return ErrRefundTooMuch
	case o.State != model.OrderPaid:
		return ErrNotPaid
	}
	if err := s.bookAskedBack(tx, actor, o, r); err != nil {
		return err
	}
	if err := tx.Create(r).Error; err != nil {
		return err
	}
	return model.Audit(tx, actor, r.RequestedAt, model.Deed{Action: "dues.refund", Unit: unit, SubjectID: o.ID, After: map[string]any{
		"order_no": o.OrderNo, "refund_no": r.RefundNo, "amount_fen": r.AmountFen, "reason": r.Reason,
	}})
}

// revived reports whether a refund that went wrong (ABNORMAL) was seen to by hand on the merchant platform after all.
func revived(r model.Refund, t model.RefundTrade) bool {
	return r.SettledAt != 0 && r.State == model.RefundAbnormal && t.State == model.RefundDone
}

// askAgain books once more that the amount of a revived refund is asked back.
func (s *Service) askAgain(tx *gorm.DB, unit model.Unit, o *model.Order, r *model.Refund, now model.Instant) error {
	asked := r.RequestedAt
	r.RequestedAt, r.SettledAt, r.State = now, 0, model.RefundProcessing
	err := model.SaveSeen(tx.Model(&model.Refund{}).Where("id = ? AND state = ?", r.ID, model.RefundAbnormal).
		Updates(map[string]any{"state": r.State, "settled_at": 0}))
	if err != nil {
		return err
	}
	if err := s.bookAskedBack(tx, model.Actor{}, *o, r); err != nil {
		return err
	}
	r.RequestedAt = asked
	o.State = model.OrderRefunding
	return tx.Model(&model.Refund{}).Where("id = ?", r.ID).Update("entry_id", r.EntryID).Error
}

// pushRefund asks the platform, under the same number as often as it takes.
func (s *Service) pushRefund(ctx context.Context, o model.Order, r model.Refund) error {
	t, err := s.platform.Refund(ctx, model.RefundRequest{
		RefundNo: r.RefundNo, OrderNo: o.OrderNo, Amount: r.AmountFen, Total: o.Total(), Reason: r.Reason,
	})
	if e := model.AsError(err); e != nil && e.Kind == model.Conflict {
		// It says no for good, and does not know the refund: the money stays.
		return errors.Join(err, s.settleRefund(ctx, model.RefundTrade{
			RefundNo: r.RefundNo, OrderNo: o.OrderNo, State: model.RefundClosed, Amount: r.AmountFen, Total: o.Total(),
		}))
	}
	if err != nil {
		return err // unknown: asked about later
	}
	return s.settleRefund(ctx, t)
}

// pollRefunds asks about refunds on their way; one the platform does not know is asked for again.
func (s *Service) pollRefunds(ctx context.Context, now model.Instant) error {
	var refunds []model.Refund
	err := s.db.Read(ctx).Where("next_look_at > 0 AND next_look_at <= ?", now).Order("next_look_at").Limit(lookBatch).Find(&refunds).Error
	if err != nil {
		return err
	}
	var errs []error
	for _, r := range refunds {
		claimed, err := s.claimLook(ctx, &model.Refund{}, r.ID, r.NextLookAt, r.Looks, nextLook(r.RequestedAt, r.Looks, now))
		if err == nil && claimed {
			err = s.lookRefund(ctx, r)
		}
		errs = append(errs, err)
	}
	return errors.Join(errs...)
}

func (s *Service) lookRefund(ctx context.Context, r model.Refund) error {
	t, err := s.platform.QueryRefund(ctx, r.RefundNo)
	if errors.Is(err, model.ErrNoTrade) {
		var o model.Order
		if err := s.db.Read(ctx).Take(&o, r.OrderID).Error; err != nil {
			return err
		}
		return s.pushRefund(ctx, o, r)
	}
	if err != nil {
		return err
	}
	return s.settleRefund(ctx, t)
}

// settleRefund books the end of a refund, once: the money is gone, or it stayed.
func (s *Service) settleRefund(ctx context.Context, t model.RefundTrade) error {
	if t.State != model.RefundDone && t.State != model.RefundClosed && t.State != model.RefundAbnormal {
		return nil // on its way, or a word of the platform that is not known here: it is asked again
	}
	now := model.At(s.now())
	wrong := false
	var unit model.Unit
	var r model.Refund
	err := s.db.WriteAfterLook(ctx, func(tx *gorm.DB) error {
		r, wrong = model.Refund{}, false
		err := model.ForUpdate(tx).Where("refund_no = ?", t.RefundNo).Take(&r).Error
		if errors.Is(err, gorm.ErrRecordNotFound) {
			wrong = true
			return nil
		}
		if err != nil || r.SettledAt != 0 && !revived(r, t) {
			return err
		}
		var o model.Order
		if err := tx.Take(&o, r.OrderID).Error; err != nil {
			return err
		}
		if unit, err = loadUnit(tx, o.UnitID); err != nil {
			return err
		}
		if wrong = t.Amount != r.AmountFen || t.OrderNo != o.OrderNo || t.Currency != "" && t.Currency != "CNY"; wrong {
			return nil
		}
		if revived(r, t) {
			if err := s.askAgain(tx, unit, &o, &r, now); err != nil {
				return err
			}
		}
		return endRefund(tx, unit, o, r, t, now)
	})
	if err == nil && wrong {
		err = errors.Join(ErrTradeDiffers, s.auditNotice(ctx, unit, r.OrderID, map[string]any{"refund_no": t.RefundNo, "amount_fen": t.Amount}))
	}
	return err
}

func endRefund(tx *gorm.DB, unit model.Unit, o model.Order, r model.Refund, t model.RefundTrade, now model.Instant) error {
	e := model.Entry{
		ID: model.NewID(), Kind: model.RefundedEntry, UnitID: o.UnitID, Year: yearPaid(o), OccurredOn: now.Date(),
		Reason: r.Reason, CreatedBy: model.Actor{}.Ref(), CreatedAt: now,
	}
	order := map[string]any{"state": model.OrderPaid}
	if t.State == model.RefundDone {
		if err := book(tx, e, line(o.UnitID, model.Refunding, "", -r.AmountFen), line(o.UnitID, model.Refunded, "", r.AmountFen)); err != nil {
			return err
		}
		if err := giveBack(tx, o, r, e.ID); err != nil {
			return err
		}
		order["refunded_fen"] = o.RefundedFen + r.AmountFen
		if o.RefundedFen+r.AmountFen == o.Total() {
			order["state"] = model.OrderRefunded
		}
	} else {
		e.Kind = model.RefundFailed
		var lines []model.Line
		if err := tx.Where("entry_id = ?", r.EntryID).Order("position").Find(&lines).Error; err != nil {
			return err
		}
		if err := bringBack(tx, e, lines, now); err != nil {
			return err
		}
	}
	settledAt := now
	if t.DoneAt != 0 {
		settledAt = t.DoneAt // the day of the platform's bill
	}
	err := model.SaveSeen(tx.Model(&model.Refund{}).Where("id = ? AND settled_at = 0", r.ID).
		Updates(map[string]any{"state": t.State, "settled_at": settledAt, "next_look_at": 0}))
	if err != nil {
		return err
	}
	if err := model.SaveSeen(tx.Model(&model.Order{}).Where("id = ? AND state = ?", o.ID, model.OrderRefunding).Updates(order)); err != nil {
		return err
	}
	return model.Audit(tx, model.Actor{}, now, model.Deed{Action: "dues.refund_settle", Unit: unit, SubjectID: o.ID, After: map[string]any{
		"refund_no": r.RefundNo, "state": t.State, "amount_fen": r.AmountFen, "entry_id": e.ID,
	}})
}

// bringBack books the opposite of the lines: the money is where it was. Cash of somebody who has left goes to the bank.
func bringBack(tx *gorm.DB, e model.Entry, lines []model.Line, now model.Instant) error {
	for i := range lines {
		l := &lines[i]
		l.AmountFen = -l.AmountFen
		holder := memberOf(l.Holder)
		if l.AmountFen <= 0 || holder == 0 {
			continue
		}
		unit, err := loadUnit(tx, l.UnitID)
		if err != nil {
			return err
		}
		if err := keepsBooks(tx, holder, unit, now); err != nil {
			if model.AsError(err) == nil {
				return err
			}
			l.Account, l.Holder = model.Bank, ""
		}
	}
	return book(tx, e, lines...)
}

// giveBack takes a refund off the payment of the order: first what waits for a bill, then the latest months, and what was
// given beyond the dues at last.
func giveBack(tx *gorm.DB, o model.Order, r model.Refund, entryID int64) error {
	var p model.Payment
	if err := tx.Where("order_id = ?", o.ID).Take(&p).Error; err != nil {
		return err
	}
	ahead := min(p.AdvanceFen, r.AmountFen)
	if ahead > 0 {
		err := model.SaveSeen(tx.Model(&model.Payment{}).Where("id = ? AND advance_fen = ?", p.ID, p.AdvanceFen).Update("advance_fen", p.AdvanceFen-ahead))
		if err != nil {
			return err
		}
	}
	_, err := takeBack(tx, p, entryID, r.AmountFen-ahead)
	return err
}
