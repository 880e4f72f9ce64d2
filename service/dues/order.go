package dues

import (
	"context"
	"encoding/json"
	"fmt"
	"slices"
	"strconv"
	"time"

	"gorm.io/gorm"

	"zhibu/model"
)

// orderLife is how long a member has to pay an order. A prepay_id lives two hours, so the parameters outlive the order.
const orderLife = 30 * time.Minute

// Checkout is what a member wants to pay on the phone.
type Checkout struct {
	Months       []model.Month
	VoluntaryFen model.Fen
	Track        model.Track // empty: the track on which he owes
}

// Order makes an order for what the actor still owes for the months, and the parameters for wx.requestPayment. The same
// months again, while the order can be paid, are the same order; other months close it first. A member has one open order
// on a track, so he cannot pay a month twice.
func (s *Service) Order(ctx context.Context, actor model.Actor, c Checkout, once model.Once) (o model.Order, err error) {
	switch {
	case s.platform == nil:
		return o, ErrPayOff
	case actor.MemberID == 0 || actor.OpenID == "":
		return o, model.ErrForbidden.Saying("请在小程序里用本人的微信缴纳")
	}
	var f faults
	f.amount("voluntary_fen", c.VoluntaryFen, 0)
	f.months(c.Months)
	if len(f) == 0 && len(c.Months) == 0 {
		f.add("months", "required", "请选择缴纳哪些月份")
	}
	if err := f.err(); err != nil {
		return o, err
	}
	for range 3 {
		var stale *model.Order
		if o, stale, err = s.createOrder(ctx, actor, c, once); err != nil {
			return o, err
		}
		if stale == nil {
			return s.prepay(ctx, actor, o)
		}
		if err := s.closeOrder(ctx, *stale); err != nil {
			return o, err
		}
	}
	return o, ErrPaying.After(2 * time.Second)
}

// createOrder writes the order, or finds the one there is; stale is an open order for something else, to be closed first.
func (s *Service) createOrder(ctx context.Context, actor model.Actor, c Checkout, once model.Once) (o model.Order, stale *model.Order, err error) {
	now := model.At(s.now())
	err = s.db.WriteAfterLook(ctx, func(tx *gorm.DB) error {
		o, stale = model.Order{}, nil
		wanted, branch, err := s.wanted(tx, actor, c, now)
		known, lookErr := knownOrder(tx, actor, once, wanted, now)
		switch {
		case lookErr != nil:
			return lookErr
		case known != nil:
			o = *known
			return nil
		case err != nil:
			return err
		}
		var open []model.Order
		if err := tx.Where("member_id = ? AND track = ? AND closed_id = 0", actor.MemberID, wanted.Track).Find(&open).Error; err != nil {
			return err
		}
		if len(open) > 0 {
			o = open[0]
			if o.Months == wanted.Months && o.Total() == wanted.Total() && o.UnitID == wanted.UnitID && now < o.ExpiresAt.Add(-time.Minute) {
				_, err := once.Claim(tx, actor, "dues.order", o.ID, now)
				return err
			}
			stale = &o
			return nil
		}
		o = wanted
		if _, err := once.Claim(tx, actor, "dues.order", o.ID, now); err != nil {
			return err
		}
		if err := tx.Create(&o).Error; err != nil {
			return err
		}
		return model.Audit(tx, actor, now, model.Deed{Action: "dues.order", Unit: branch, SubjectID: o.ID, After: map[string]any{
			"order_no": o.OrderNo, "months": o.Months, "amount_fen": o.AmountFen, "voluntary_fen": o.VoluntaryFen,
		}})
	})
	return o, stale, err
}

// knownOrder is the order that the first request under the key made.
func knownOrder(tx *gorm.DB, actor model.Actor, once model.Once, wanted model.Order, now model.Instant) (*model.Order, error) {
	if once.Key == "" {
		return nil, nil
	}
	var keys int64
	err := tx.Model(&model.IdempotencyKey{}).Where("actor = ? AND operation = ? AND name = ?", actor.Ref(), "dues.order", once.Key).Count(&keys).Error
	if err != nil || keys == 0 {
		return nil, err
	}
	id, err := once.Claim(tx, actor, "dues.order", wanted.ID, now)
	if err != nil {
		return nil, err
	}
	var o model.Order
	return &o, tx.Take(&o, id).Error
}

// wanted is the order the actor would get: what he still owes for the months, to one branch.
func (s *Service) wanted(tx *gorm.DB, actor model.Actor, c Checkout, now model.Instant) (o model.Order, branch model.Unit, err error) {
	track, err := trackOwed(tx, actor, c)
	if err != nil {
		return o, branch, err
	}
	if err := checkReach(track, c.Months, model.MonthOf(now.Date())); err != nil {
		return o, branch, err
	}
	bills, err := billsOf(tx, actor, actor.MemberID, track, c.Months, now)
	if err != nil {
		return o, branch, err
	}
	if len(bills) < len(c.Months) {
		return o, branch, model.InvalidField("months", "not_billed", "有的月份没有应缴：尚未核定金额，或不在名册上")
	}
	total := model.Fen(0)
	for _, b := range bills {
		if b.UnitID != bills[0].UnitID {
			return o, branch, model.InvalidField("months", "two_branches", "这些月份分属两个支部，请分别缴纳")
		}
		total += b.OpenFen()
	}
	if total == 0 {
		return o, branch, ErrNothingDue
	}
	if branch, err = loadUnit(tx, bills[0].UnitID); err != nil {
		return o, branch, err
	}
	id := model.NewID()
	return model.Order{
		ID: id, OrderNo: "zb" + strconv.FormatInt(id, 36), UnitID: branch.ID, MemberID: actor.MemberID, Track: track,
		Months: model.JoinMonths(c.Months), AmountFen: total, VoluntaryFen: c.VoluntaryFen, Description: describe(track, c.Months),
		State: model.OrderCreated, CreatedAt: now, ExpiresAt: now.Add(orderLife), NextLookAt: now.Add(looks[0]),
	}, branch, nil
}

// describe is what the member reads in WeChat: no name of a person or a unit.
func describe(track model.Track, months []model.Month) string {
	what := track.DuesName()
	first, last := months[0], months[len(months)-1]
	if first == last {
		return what + " " + first.Name()
	}
	return fmt.Sprintf("%s %s至%s", what, first.Name(), last.Name())
}

// trackOwed is the track of the order: the one named, the one with bills of these months, else the one of the membership.
func trackOwed(tx *gorm.DB, actor model.Actor, c Checkout) (model.Track, error) {
	if c.Track != "" {
		return c.Track, nil
	}
	var tracks []model.Track
	err := tx.Model(&model.Bill{}).Where("member_id = ? AND voided_id = 0 AND month IN ?", actor.MemberID, c.Months).
		Distinct().Order("track DESC").Pluck("track", &tracks).Error
	if err != nil || len(tracks) > 0 && slices.Contains(tracks, model.Party) {
		return model.Party, err
	}
	if len(tracks) > 0 {
		return tracks[0], nil
	}
	return trackOf(tx, actor.MemberID, "")
}

// prepay asks the platform for the parameters, unless they are there. The order stays when the platform is out of reach:
// the next attempt asks again for the same one.
func (s *Service) prepay(ctx context.Context, actor model.Actor, o model.Order) (model.Order, error) {
	if o.PayParams != "" || o.State != model.OrderCreated {
		return o, nil
	}
	params, err := s.platform.Prepay(ctx, model.Prepayment{
		OrderNo: o.OrderNo, Description: o.Description, Total: o.Total(), OpenID: actor.OpenID, ExpiresAt: o.ExpiresAt,
	})
	if err != nil {
		return o, err
	}
	text, err := json.Marshal(params)
	if err != nil {
		return o, err
	}
	err = s.db.Write(ctx, func(tx *gorm.DB) error {
		// Of two requests at once the first one's parameters stay; either's are good.
		if err := tx.Model(&model.Order{}).Where("id = ? AND pay_params = ''", o.ID).Update("pay_params", string(text)).Error; err != nil {
			return err
		}
		return tx.Take(&o, o.ID).Error
	})
	return o, err
}

// Orders returns the actor's own orders, the latest first.
func (s *Service) Orders(ctx context.Context, actor model.Actor, limit int, cursor string) (page []model.Order, next string, err error) {
	q := s.db.Read(ctx).Model(&model.Order{}).Where("member_id = ?", actor.MemberID)
	return model.FindPage(q, "created_at", "id", limit, cursor, func(o model.Order) model.Cursor {
		return model.Cursor{At: o.CreatedAt, ID: o.ID}
	})
}

// LookUpOrder returns an order of the actor. While it can be paid the platform is asked: what a client says is not
// believed, and a notification can be late.
func (s *Service) LookUpOrder(ctx context.Context, actor model.Actor, orderNo string) (model.Order, error) {
	o, err := s.ownOrder(ctx, actor, orderNo)
	if err != nil || o.State != model.OrderCreated || s.platform == nil {
		return o, err
	}
	// Out of reach is no reason to refuse what is known here.
	if err := s.look(ctx, o); err != nil && model.AsError(err) == nil {
		return o, err
	}
	return s.ownOrder(ctx, actor, orderNo)
}

func (s *Service) ownOrder(ctx context.Context, actor model.Actor, orderNo string) (model.Order, error) {
	var found []model.Order
	err := s.db.Read(ctx).Where("order_no = ? AND member_id = ?", orderNo, actor.MemberID).Find(&found).Error
	if err != nil {
		return model.Order{}, err
	}
	if len(found) == 0 || actor.MemberID == 0 {
		return model.Order{}, model.ErrNotFound
	}
	return found[0], nil
}

// CancelOrder closes an order of the actor that he does not want to pay any more. One that he has paid meanwhile is paid.
func (s *Service) CancelOrder(ctx context.Context, actor model.Actor, orderNo string) (model.Order, error) {
	o, err := s.ownOrder(ctx, actor, orderNo)
	if err != nil {
		return o, err
	}
	if o.State == model.OrderCreated && s.platform != nil {
		if err := s.closeOrder(ctx, o); err != nil {
			return o, err
		}
	}
	return s.ownOrder(ctx, actor, orderNo)
}
