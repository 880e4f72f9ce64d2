package dues

import (
	"context"
	"slices"

	"gorm.io/gorm"

	"zhibu/model"
)

// comparison holds a bill against the ledger.
type comparison struct {
	*Service
	actor   model.Actor
	day     model.Date
	all     bool // the actor administers every unit there is
	matched int
	found   []Difference
	orders  map[string]model.Order
	refunds map[string]model.Refund
	units   map[int64]model.Unit
}

func (c *comparison) run(ctx context.Context, there []model.PayBillLine) error {
	if err := c.load(ctx, there); err != nil {
		return err
	}
	seen := map[string]bool{}
	for _, l := range there {
		seen[l.OrderNo+"/"+l.RefundNo] = true
		if err := c.compare(ctx, l); err != nil {
			return err
		}
	}
	from, to := dayOf(c.day)
	for no, o := range c.orders {
		if o.PaidAt >= from && o.PaidAt < to && !seen[no+"/"] && c.sees(o) {
			c.add(Difference{Kind: "missing_there", OrderNo: no, HereFen: o.Total(), Message: "账上有这笔缴纳，微信支付的账单里没有"})
		}
	}
	for no, r := range c.refunds {
		o := c.orderOf(r)
		if r.State == model.RefundDone && r.SettledAt >= from && r.SettledAt < to && !seen[o.OrderNo+"/"+no] && c.sees(o) {
			c.add(Difference{Kind: "missing_there", OrderNo: o.OrderNo, RefundNo: no, HereFen: r.AmountFen, Message: "账上有这笔退款，微信支付的账单里没有"})
		}
	}
	return nil
}

// load reads the orders and refunds of the day and those that the bill names.
func (c *comparison) load(ctx context.Context, there []model.PayBillLine) (err error) {
	db := c.db.Read(ctx)
	if c.units, err = unitsUnder(db, "/"); err != nil {
		return err
	}
	c.all = administersAll(c.actor, c.units)
	from, to := dayOf(c.day)
	c.orders, c.refunds = map[string]model.Order{}, map[string]model.Refund{}
	numbers, refundNumbers := []string{""}, []string{""}
	for _, l := range there {
		numbers = append(numbers, l.OrderNo)
		refundNumbers = append(refundNumbers, l.RefundNo)
	}
	var refunds []model.Refund
	if err := db.Where("settled_at >= ? AND settled_at < ?", from, to).Find(&refunds).Error; err != nil {
		return err
	}
	for chunk := range slices.Chunk(refundNumbers, 500) {
		var more []model.Refund
		if err := db.Where("refund_no IN ?", chunk).Find(&more).Error; err != nil {
			return err
		}
		refunds = append(refunds, more...)
	}
	ids := []int64{0}
	for _, r := range refunds {
		c.refunds[r.RefundNo] = r
		ids = append(ids, r.OrderID)
	}
	add := func(q *gorm.DB) error {
		var rows []model.Order
		err := q.Find(&rows).Error
		for _, o := range rows {
			c.orders[o.OrderNo] = o
		}
		return err
	}
	if err := add(db.Where("paid_at >= ? AND paid_at < ?", from, to)); err != nil {
		return err
	}
	for chunk := range slices.Chunk(ids, 500) {
		if err := add(db.Where("id IN ?", chunk)); err != nil {
			return err
		}
	}
	for chunk := range slices.Chunk(numbers, 500) {
		if err := add(db.Where("order_no IN ?", chunk)); err != nil {
			return err
		}
	}
	return nil
}

func (c *comparison) orderOf(r model.Refund) model.Order {
	for _, o := range c.orders {
		if o.ID == r.OrderID {
			return o
		}
	}
	return model.Order{}
}

func (c *comparison) sees(o model.Order) bool {
	return c.all || c.actor.May(model.Administer, c.units[o.UnitID].Path)
}

func (c *comparison) add(d Difference) { c.found = append(c.found, d) }

// compare holds one line of the bill against the ledger.
func (c *comparison) compare(ctx context.Context, l model.PayBillLine) error {
	o, known := c.orders[l.OrderNo]
	d := Difference{OrderNo: l.OrderNo, RefundNo: l.RefundNo, TransactionID: l.TransactionID, ThereFen: l.Total}
	switch {
	case !known && c.all:
		d.Kind, d.Message = "unknown_order", "微信支付的账单里有这一笔，系统里没有这个订单"
		c.add(d)
		return nil
	case !known || !c.sees(o):
		return nil
	}
	d.HereFen = o.Total()
	if l.RefundNo != "" {
		return c.compareRefund(ctx, l, d)
	}
	switch {
	case l.Currency != "CNY":
		d.Kind, d.Message = "currency", "币种不是人民币"
	case o.TransactionID == nil:
		d.Kind, d.HereFen, d.Message = "missing_here", 0, "微信支付已收款，账上没有登记"
		paid, err := c.settlePaid(ctx, o)
		if err != nil && model.AsError(err) == nil {
			return err
		}
		if d.Settled = paid && err == nil; d.Settled {
			d.Message = "微信支付已收款，漏收通知，现已补登"
		} else if refused := model.AsError(err); refused != nil {
			d.Message += "：" + refused.Message
		}
	case l.Total != o.Total():
		d.Kind, d.Message = "amount", "金额与账上不一致"
	case l.TransactionID != *o.TransactionID:
		d.Kind, d.Message = "missing_here", "同一订单出现另一笔微信交易"
	default:
		c.matched++
		return nil
	}
	c.add(d)
	return nil
}

func (c *comparison) compareRefund(ctx context.Context, l model.PayBillLine, d Difference) error {
	r, known := c.refunds[l.RefundNo]
	d.HereFen, d.ThereFen = r.AmountFen, l.Refund
	switch {
	case !known:
		d.Kind, d.Message = "missing_here", "微信支付有这笔退款，账上没有登记"
	case r.AmountFen != l.Refund:
		d.Kind, d.Message = "amount", "退款金额与账上不一致"
	case r.State != model.RefundDone && l.RefundState == string(model.RefundDone):
		d.Kind, d.Message = "missing_here", "微信支付已退款，账上还没有确认"
		err := c.lookRefund(ctx, r)
		if refused := model.AsError(err); refused != nil {
			d.Message += "：" + refused.Message
		} else if err != nil {
			return err
		} else if err := c.db.Read(ctx).Take(&r, r.ID).Error; err != nil {
			return err
		}
		if d.Settled = r.State == model.RefundDone; d.Settled {
			d.Message = "微信支付已退款，漏收通知，现已补登"
		}
	default:
		c.matched++
		return nil
	}
	c.add(d)
	return nil
}
