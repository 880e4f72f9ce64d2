package dues

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"time"

	"gorm.io/gorm"

	"zhibu/model"
)

// Accept takes a verified notification of WeChat Pay: a payment is booked, a refund is settled. To take it again changes
// nothing. One that is not our order, amount or currency is ErrTradeDiffers, and in the audit.
func (s *Service) Accept(ctx context.Context, n model.PayNotice) error {
	switch {
	case n.Trade != nil && n.Trade.Paid():
		return s.settle(ctx, *n.Trade)
	case n.Refund != nil:
		return s.settleRefund(ctx, *n.Refund)
	}
	return nil // an order that was not paid says nothing new
}

// RefuseNotice records a notification that could not be believed, without anything of its content.
func (s *Service) RefuseNotice(ctx context.Context, why string) error {
	return s.auditNotice(ctx, model.Unit{}, 0, map[string]any{"reason": why})
}

func (s *Service) auditNotice(ctx context.Context, unit model.Unit, id int64, after map[string]any) error {
	now := model.At(s.now())
	return s.db.Write(ctx, func(tx *gorm.DB) error {
		return model.Audit(tx, model.Actor{}, now, model.Deed{Action: "dues.notice_refused", Unit: unit, SubjectID: id, After: after})
	})
}

// settle books what was paid on an order, once. The money has arrived, so it is booked even when the order was closed here
// or the months were paid at the desk meanwhile: what they do not owe any more waits for the months to come.
func (s *Service) settle(ctx context.Context, t model.Trade) error {
	now := model.At(s.now())
	var o model.Order
	var unit model.Unit
	wrong := ""
	err := s.db.WriteAfterLook(ctx, func(tx *gorm.DB) error {
		o, wrong = model.Order{}, ""
		err := model.ForUpdate(tx).Where("order_no = ?", t.OrderNo).Take(&o).Error
		if errors.Is(err, gorm.ErrRecordNotFound) {
			wrong = "order"
			return nil
		}
		if err != nil {
			return err
		}
		if unit, err = loadUnit(tx, o.UnitID); err != nil {
			return err
		}
		if wrong = differs(t, o); wrong != "" {
			return nil
		}
		if o.TransactionID != nil {
			return nil // booked before
		}
		return bookOrder(tx, unit, o, t, now)
	})
	if err != nil || wrong == "" {
		return err
	}
	after := map[string]any{"order_no": t.OrderNo, "differs": wrong, "total_fen": t.Total, "expected_fen": o.Total()}
	return errors.Join(ErrTradeDiffers.With(fmt.Errorf("the trade differs from the order: %s", wrong)), s.auditNotice(ctx, unit, o.ID, after))
}

// bookOrder writes the payment of an order that nothing was booked on yet.
func bookOrder(tx *gorm.DB, unit model.Unit, o model.Order, t model.Trade, now model.Instant) error {
	paidAt := t.PaidAt
	if paidAt == 0 {
		paidAt = now
	}
	var bills []model.Bill
	err := tx.Where("member_id = ? AND track = ? AND unit_id = ? AND voided_id = 0 AND month IN ?", o.MemberID, o.Track, o.UnitID, o.MonthList()).
		Order("month").Find(&bills).Error
	if err != nil {
		return err
	}
	p := model.Payment{
		ID: model.NewID(), UnitID: o.UnitID, MemberID: o.MemberID, Track: o.Track, Method: model.PaidWechat, AmountFen: o.AmountFen,
		VoluntaryFen: o.VoluntaryFen, PaidOn: paidAt.Date(), OrderID: &o.ID, CreatedAt: now,
	}
	if err := bookPayment(tx, model.Actor{}, &p, bills); err != nil {
		return err
	}
	err = model.SaveSeen(tx.Model(&model.Order{}).Where("id = ? AND transaction_id IS NULL", o.ID).Updates(map[string]any{
		"state": model.OrderPaid, "transaction_id": t.TransactionID, "paid_at": paidAt, "closed_id": o.ID, "next_look_at": 0,
	}))
	if err != nil {
		return err
	}
	return model.Audit(tx, model.Actor{}, now, model.Deed{Action: "dues.pay", Unit: unit, SubjectID: p.ID, After: paymentState(p)})
}

// looks are when an order without a notification is asked about, counted from its making; then at its expiry, when it is
// closed.
var looks = []time.Duration{time.Minute, 5 * time.Minute, 15 * time.Minute, orderLife}

// look asks the platform about an open order: a paid one is booked, one that has expired is closed.
func (s *Service) look(ctx context.Context, o model.Order) error {
	if model.At(s.now()) >= o.ExpiresAt {
		return s.closeOrder(ctx, o)
	}
	_, err := s.settlePaid(ctx, o)
	return err
}

// lookBatch bounds what one round of Poll asks.
const lookBatch = 200

// Poll asks WeChat Pay what became of open orders and of refunds on their way, each when its time has come. It is a chore;
// every instance may do it. One that fails is asked about again later and does not keep the others.
func (s *Service) Poll(ctx context.Context) error {
	if s.platform == nil {
		return nil
	}
	now := model.At(s.now())
	var orders []model.Order
	err := s.db.Read(ctx).Where("next_look_at > 0 AND next_look_at <= ?", now).Order("next_look_at").Limit(lookBatch).Find(&orders).Error
	if err != nil {
		return err
	}
	var errs []error
	for _, o := range orders {
		claimed, err := s.claimLook(ctx, &model.Order{}, o.ID, o.NextLookAt, o.Looks, nextLook(o.CreatedAt, o.Looks, now))
		if err == nil && claimed {
			err = s.look(ctx, o)
		}
		errs = append(errs, err)
	}
	return errors.Join(append(errs, s.pollRefunds(ctx, now))...)
}

// claimLook moves the next look of an order or a refund on, as long as nobody else did.
func (s *Service) claimLook(ctx context.Context, of any, id int64, at model.Instant, n int, next model.Instant) (claimed bool, err error) {
	err = s.db.Write(ctx, func(tx *gorm.DB) error {
		done := tx.Model(of).Where("id = ? AND next_look_at = ?", id, at).Updates(map[string]any{"next_look_at": next, "looks": n + 1})
		claimed = done.RowsAffected > 0
		return done.Error
	})
	return claimed, err
}

// nextLook is the first of the times of looks that is still ahead; after the last one it is every five minutes.
func nextLook(made model.Instant, n int, now model.Instant) model.Instant {
	for _, d := range looks[min(n+1, len(looks)):] {
		if at := made.Add(d); at > now {
			return at
		}
	}
	return now.Add(5 * time.Minute)
}

// closeOrder closes an open order at the platform and here. One that was paid before it was closed is booked.
func (s *Service) closeOrder(ctx context.Context, o model.Order) error {
	paid, err := s.settlePaid(ctx, o)
	if err != nil || paid {
		return err
	}
	closeErr := s.platform.Close(ctx, o.OrderNo)
	if paid, err = s.settlePaid(ctx, o); err != nil || paid { // it may have been paid in between
		return err
	}
	if closeErr != nil {
		return closeErr
	}
	now := model.At(s.now())
	return s.db.Write(ctx, func(tx *gorm.DB) error {
		done := tx.Model(&model.Order{}).Where("id = ? AND state = ?", o.ID, model.OrderCreated).
			Updates(map[string]any{"state": model.OrderClosed, "closed_id": o.ID, "next_look_at": 0})
		if done.Error != nil || done.RowsAffected == 0 {
			return done.Error
		}
		unit, err := loadUnit(tx, o.UnitID)
		if err != nil {
			return err
		}
		return model.Audit(tx, model.Actor{}, now, model.Deed{
			Action: "dues.order_close", Unit: unit, SubjectID: o.ID, After: map[string]any{"order_no": o.OrderNo},
		})
	})
}

// settlePaid asks the platform about the order and books it if it was paid.
func (s *Service) settlePaid(ctx context.Context, o model.Order) (paid bool, err error) {
	t, err := s.platform.Query(ctx, o.OrderNo)
	switch {
	case errors.Is(err, model.ErrNoTrade):
		return false, nil
	case err != nil || !t.Paid():
		return false, err
	}
	return true, s.settle(ctx, t)
}

// differs names in what a trade is not our order; empty when it is.
func differs(t model.Trade, o model.Order) string {
	var what []string
	if t.Total != o.Total() {
		what = append(what, "amount")
	}
	if t.Currency != "CNY" {
		what = append(what, "currency")
	}
	if t.TransactionID == "" {
		what = append(what, "transaction")
	}
	if o.TransactionID != nil && *o.TransactionID != t.TransactionID {
		what = append(what, "another_transaction")
	}
	return strings.Join(what, ",")
}
