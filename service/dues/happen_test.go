package dues_test

import (
	"errors"
	"slices"
	"time"

	"pgregory.net/rapid"

	"zhibu/model"
	"zhibu/service/dues"
	"zhibu/service/roster"
	"zhibu/service/wechat/sim"
)

func (h *history) fail(t *rapid.T, faults ...sim.Fault) {
	if f := rapid.SampledFrom(faults).Draw(t, "fault"); f != (sim.Fault{}) {
		h.must(h.platform.Fail(f))
	}
}

const (
	notify = "notify"
	query  = "/v3/pay/transactions/out-trade-no/{out_trade_no}"
)

func (h *history) orderSome(t *rapid.T) error {
	c := dues.Checkout{Months: h.someMonths(t), VoluntaryFen: model.Fen(rapid.SampledFrom([]int{0, 0, 70}).Draw(t, "voluntary"))}
	h.fail(t, sim.Fault{}, sim.Fault{}, sim.Fault{}, sim.Fault{}, sim.Fault{NotifyBeforeAnswer: true}, sim.Fault{NoPrepayID: true})
	o, err := h.one(t).Order(h.ctx, self(h.someone(t)), c, model.Once{})
	if o.OrderNo != "" && !slices.Contains(h.orders, o.OrderNo) {
		h.orders = append(h.orders, o.OrderNo)
	}
	return err
}

func (h *history) payOrder(t *rapid.T) error {
	var open []string
	for _, o := range h.platform.Orders() {
		if o.State == "NOTPAY" {
			open = append(open, o.OutTradeNo)
		}
	}
	open = slices.DeleteFunc(slices.Clone(h.orders), func(no string) bool { return !slices.Contains(open, no) })
	no, ok := pick(t, "order", open)
	if !ok {
		return errNothing
	}
	h.fail(t, sim.Fault{}, sim.Fault{}, sim.Fault{NoNotify: true}, sim.Fault{LateNotify: true}, sim.Fault{DuplicateNotify: true},
		sim.Fault{WrongAmount: true, Endpoint: notify}, sim.Fault{WrongCurrency: true, Endpoint: notify},
		sim.Fault{WrongAmount: true, Endpoint: query}, sim.Fault{Unsigned: true, Endpoint: notify})
	_, err := h.platform.Pay(h.ctx, h.prepayID(no))
	return errors.Join(err) // late prepay ids are refused, too
}

func (h *history) cancelSome(t *rapid.T) error {
	no, ok := pick(t, "order", h.orders)
	if !ok {
		return errNothing
	}
	var o model.Order
	h.must(h.read().Where("order_no = ?", no).Take(&o).Error)
	if o.State == model.OrderCreated {
		h.fail(t, sim.Fault{}, sim.Fault{}, sim.Fault{NotifyAfterClose: true})
	}
	_, err := h.one(t).CancelOrder(h.ctx, self(o.MemberID), no)
	return err
}

// poll may meet a doctored answer, which it reports and does not book.
func (h *history) poll(t *rapid.T) error {
	err := h.one(t).Poll(h.ctx)
	if model.AsError(err) == nil && err != nil && !errors.Is(err, dues.ErrTradeDiffers) {
		return err
	}
	return nil
}

func (h *history) deliver(*rapid.T) error {
	h.platform.DeliverDue(h.ctx)
	return nil
}

func (h *history) reconcile(t *rapid.T) error {
	_, err := h.one(t).Reconcile(h.ctx, chief(), h.today().AddDays(-rapid.IntRange(1, 3).Draw(t, "days ago")))
	return err
}

func (h *history) refundSome(t *rapid.T) error {
	no, ok := pick(t, "order", h.orders)
	if !ok {
		return errNothing
	}
	fen := model.Fen(rapid.IntRange(0, 1500).Draw(t, "fen"))
	var o model.Order
	h.must(h.read().Where("order_no = ?", no).Take(&o).Error)
	if rapid.Bool().Draw(t, "all") {
		fen = o.Total() - o.RefundedFen
	}
	if o.State == model.OrderPaid {
		h.fail(t, sim.Fault{HoldRefund: true}, sim.Fault{}, sim.Fault{}, sim.Fault{RefundAbnormal: true}, sim.Fault{RefundClosed: true},
			sim.Fault{Code: "NOT_ENOUGH", Endpoint: "/v3/refund/domestic/refunds"})
	}
	_, r, err := h.one(t).Refund(h.ctx, chief(), no, fen, "多交退回", model.Once{})
	if r.RefundNo != "" {
		h.refunds = append(h.refunds, r.RefundNo)
	}
	return err
}

func (h *history) finishRefund(t *rapid.T) error {
	var held []string
	for _, o := range h.platform.Orders() {
		for _, r := range o.Refunds {
			if r.State == "PROCESSING" {
				held = append(held, r.OutRefundNo)
			}
		}
	}
	no, ok := pick(t, "refund", slices.DeleteFunc(slices.Clone(h.refunds), func(no string) bool { return !slices.Contains(held, no) }))
	if !ok {
		return errNothing
	}
	_, err := h.platform.FinishRefund(h.ctx, no, rapid.SampledFrom([]string{"success", "success", "abnormal", "closed"}).Draw(t, "end"))
	if err != nil {
		return errNothing
	}
	return nil
}

func (h *history) remitSome(t *rapid.T) error {
	unit := desks[rapid.IntRange(1, len(desks)).Draw(t, "unit")%len(desks)]
	year := rapid.SampledFrom([]string{"2026", "2026-H1", "2026-Q4", "2027", "2026-03"}).Draw(t, "period")
	var inHand model.Fen
	h.must(h.read().Model(&model.Balance{}).Where("unit_id = ? AND account IN ?", h.units[unit].ID, []string{"cash", "bank", "wechat"}).
		Select("COALESCE(SUM(amount_fen), 0)").Scan(&inHand).Error)
	fen := rapid.SampledFrom([]model.Fen{inHand / 3, inHand / 2, inHand, inHand + 1, 0}).Draw(t, "fen")
	r, err := h.one(t).Remit(h.ctx, h.desk[unit], h.units[unit].ID, dues.Remit{
		Period: year, AmountFen: fen, To: rapid.SampledFrom([]string{"党总支", "县委机关工委"}).Draw(t, "to"),
	}, model.Once{})
	if e := model.AsError(err); e != nil && len(e.Fields) == 1 && e.Fields[0].Code == "in_future" {
		return errNothing // the period has not begun
	}
	if fen > inHand && !errors.Is(err, dues.ErrNotInHand) {
		t.Fatalf("%s has %d in hand and remits %d: %v", unit, inHand, fen, err)
	}
	if err == nil {
		h.remittances = append(h.remittances, r.ID)
	}
	return err
}

func (h *history) reverseRemittance(t *rapid.T) error {
	id, ok := pick(t, "remittance", h.remittances)
	if !ok {
		return errNothing
	}
	_, err := h.one(t).ReverseRemittance(h.ctx, chief(), id, "金额有误")
	return err
}

func (h *history) handOver(t *rapid.T) error {
	unit := desks[rapid.IntRange(1, len(desks)).Draw(t, "unit")%len(desks)]
	var held []model.Balance
	h.must(h.read().Where("unit_id = ? AND account = ? AND amount_fen > 0", h.units[unit].ID, model.Cash).Find(&held).Error)
	actor, fen := h.desk[unit], model.Fen(1)
	for _, b := range held {
		if b.Holder == h.desk["党总支"].Ref() && rapid.Bool().Draw(t, "the upper one") {
			actor = h.desk["党总支"]
		}
		if b.Holder == actor.Ref() {
			fen = b.AmountFen + model.Fen(rapid.IntRange(-1, 1).Draw(t, "more or less"))
		}
	}
	to := rapid.SampledFrom([]int64{0, h.desk["党总支"].MemberID, h.people[0]}).Draw(t, "to")
	_, err := h.one(t).HandOver(h.ctx, actor, h.units[unit].ID, dues.Handover{ToMemberID: to, AmountFen: fen}, model.Once{})
	return err
}

func (h *history) exemptSome(t *rapid.T) error {
	from := h.someMonth(t, -3, 3)
	e, err := h.one(t).Exempt(h.ctx, chief(), h.someone(t), dues.Exempt{
		Track: rapid.SampledFrom(append(tracks, "")).Draw(t, "track"), FromMonth: from, ToMonth: from.Add(rapid.IntRange(0, 5).Draw(t, "months")),
		AmountFen: model.Fen(rapid.SampledFrom([]int{0, 50, 150, 100_000}).Draw(t, "fen")), ApprovedBy: "机关党委", ReasonCategory: "hardship",
	})
	if err == nil {
		h.exemptions = append(h.exemptions, e)
	}
	return err
}

func (h *history) withdraw(t *rapid.T) error {
	e, ok := pick(t, "exemption", h.exemptions)
	if !ok {
		return errNothing
	}
	return h.one(t).WithdrawExemption(h.ctx, chief(), e.MemberID, e.ID)
}

func (h *history) voidSome(t *rapid.T) error {
	bill, ok := pick(t, "bill", h.bills(h.someone(t)))
	if !ok {
		return errNothing
	}
	_, err := h.one(t).VoidBill(h.ctx, chief(), bill.ID, "不应产生")
	return err
}

func (h *history) transferSome(t *rapid.T) error {
	move := roster.Move{
		ToUnitID: h.units[rapid.SampledFrom([]string{"一支部", "一组", "二支部"}).Draw(t, "to")].ID, Reason: "工作调动",
		EffectiveOn: h.today().AddDays(rapid.IntRange(-20, 20).Draw(t, "on")),
	}
	if rapid.Bool().Draw(t, "letter") {
		move.DuesPaidTo = model.MonthOf(move.EffectiveOn).Add(rapid.IntRange(-2, 2).Draw(t, "paid to"))
	}
	moved, err := h.roster.Transfer(h.ctx, chief(), h.someone(t), move)
	if err == nil {
		h.transfers = append(h.transfers, moved.ID)
	}
	return err
}

func (h *history) cancelTransfer(t *rapid.T) error {
	id, ok := pick(t, "transfer", h.transfers)
	if !ok {
		return errNothing
	}
	_, err := h.roster.Cancel(h.ctx, chief(), id, "不再转接")
	return err
}

// wait lets minutes, or weeks, go by.
func (h *history) wait(t *rapid.T) error {
	h.clock.Advance(time.Duration(rapid.SampledFrom([]int{1, 2, 10, 31, 24 * 60, 10 * 24 * 60, 25 * 24 * 60}).Draw(t, "minutes")) * time.Minute)
	return nil
}
