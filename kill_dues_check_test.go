package main

import (
	"fmt"
	"net/http"
	"time"
)

// simOrder is an order as the simulated platform has it.
type simOrder struct {
	OutTradeNo string `json:"out_trade_no"`
	Total      int64
	State      string
	Refunds    []struct {
		OutRefundNo string `json:"out_refund_no"`
		Amount      int64
		State       string
	}
}

func (s simOrder) paid() bool { return s.State == "SUCCESS" || s.State == "REFUND" }

func (s simOrder) refunded() (fen int64) {
	for _, r := range s.Refunds {
		if r.State == "SUCCESS" {
			fen += r.Amount
		}
	}
	return fen
}

func (o *killedDesk) simOrders() map[string]simOrder {
	o.t.Helper()
	var list struct{ Items []simOrder }
	o.get("/_sim/orders", "", &list)
	orders := map[string]simOrder{}
	for _, s := range list.Items {
		orders[s.OutTradeNo] = s
	}
	return orders
}

// hereOrder is an order as its payer has it.
type hereOrder struct {
	State        string
	AmountFen    int64 `json:"amount_fen"`
	VoluntaryFen int64 `json:"voluntary_fen"`
	RefundedFen  int64 `json:"refunded_fen"`
}

// waitForPhones waits until what the platform knows to be paid or refunded is so here. Nobody asks for the order, which
// would ask the platform: the notifications and the chores have to do it.
func (o *killedDesk) waitForPhones() {
	o.t.Helper()
	deadline := time.Now().Add(150 * time.Second)
	for {
		late := ""
		here := o.hereOrders()
		for no, there := range o.simOrders() {
			mine, known := here[no]
			settled := mine.State == "paid" || mine.State == "refunded"
			if there.paid() && (!known || !settled || mine.RefundedFen != there.refunded()) {
				late = fmt.Sprintf("%s: there %+v, here %+v", no, there, mine)
			}
		}
		if late == "" {
			return
		}
		if time.Now().After(deadline) {
			o.t.Error("never settled: ", late)
			return
		}
		time.Sleep(time.Second)
	}
}

// hereOrders lists the orders of all who pay.
func (o *killedDesk) hereOrders() map[string]hereOrder {
	o.t.Helper()
	orders := map[string]hereOrder{}
	for _, p := range o.payers {
		for cursor := ""; ; {
			var page struct {
				Items []struct {
					OrderNo string `json:"order_no"`
					hereOrder
				}
				NextCursor *string `json:"next_cursor"`
			}
			o.get("/api/v1/me/dues/orders?limit=200"+cursor, p.token, &page)
			for _, item := range page.Items {
				orders[item.OrderNo] = item.hereOrder
			}
			if page.NextCursor == nil {
				break
			}
			cursor = "&cursor=" + *page.NextCursor
		}
	}
	return orders
}

type herePayment struct {
	ID           int64
	MemberID     int64 `json:"member_id"`
	AmountFen    int64 `json:"amount_fen"`
	VoluntaryFen int64 `json:"voluntary_fen"`
}

// payments lists what was booked in a way, by the mark.
func (o *killedDesk) payments(method string) map[int64][]herePayment {
	o.t.Helper()
	found := map[int64][]herePayment{}
	for cursor := ""; ; {
		var page struct {
			Items      []herePayment
			NextCursor *string `json:"next_cursor"`
		}
		o.get(fmt.Sprintf("/api/v1/units/%d/dues/payments?limit=200&method=%s%s", o.root, method, cursor), o.console(), &page)
		for _, p := range page.Items {
			found[p.VoluntaryFen] = append(found[p.VoluntaryFen], p)
		}
		if page.NextCursor == nil {
			return found
		}
		cursor = "&cursor=" + *page.NextCursor
	}
}

// checkDesk: by now every payment that was not refused is there, exactly once, as it was asked for.
func (o *killedDesk) checkDesk() {
	o.t.Helper()
	cash, bank := o.payments("cash"), o.payments("bank")
	for _, d := range o.deeds.all {
		if d.kind != "desk" {
			continue
		}
		booked := append(cash[d.mark], bank[d.mark]...)
		switch {
		case d.status == http.StatusCreated && (len(booked) != 1 || booked[0].ID != d.answer.ID || booked[0].MemberID != d.payer.id):
			o.t.Errorf("%s was answered 201 with %d, and there is %+v", d.key, d.answer.ID, booked)
		case d.status != http.StatusCreated && len(booked) > 0:
			o.t.Errorf("%s was refused with %d, and there is %+v", d.key, d.status, booked)
		}
	}
}

// checkPhones: what was paid at the platform is booked once, what was not is not; refunds are the same on both sides.
func (o *killedDesk) checkPhones() {
	o.t.Helper()
	booked, here := o.payments("wechat"), o.hereOrders()
	for no, there := range o.simOrders() {
		mine := here[no]
		n := len(booked[mine.VoluntaryFen])
		switch {
		case there.paid() && (n != 1 || booked[mine.VoluntaryFen][0].AmountFen+mine.VoluntaryFen != there.Total):
			o.t.Errorf("%s is paid at the platform, %d, and booked %+v", no, there.Total, booked[mine.VoluntaryFen])
		case !there.paid() && n != 0:
			o.t.Errorf("%s is not paid at the platform and booked %+v", no, booked[mine.VoluntaryFen])
		case mine.RefundedFen != there.refunded():
			o.t.Errorf("%s: %d refunded there, %d here", no, there.refunded(), mine.RefundedFen)
		}
	}
	for mark, payments := range booked {
		if len(payments) != 1 {
			o.t.Errorf("%d payments with the mark %d", len(payments), mark)
		}
	}
}

type hereStatement struct {
	PaidFen       int64 `json:"paid_fen"`
	RefundedFen   int64 `json:"refunded_fen"`
	CollectedFen  int64 `json:"collected_fen"`
	RemittedFen   int64 `json:"remitted_fen"`
	DifferenceFen int64 `json:"difference_fen"`
	InHand        struct {
		TotalFen     int64 `json:"total_fen"`
		RefundingFen int64 `json:"refunding_fen"`
	} `json:"in_hand"`
}

func (o *killedDesk) statement() (s hereStatement) {
	o.t.Helper()
	o.get(fmt.Sprintf("/api/v1/units/%d/dues/statement", o.root), o.console(), &s)
	return s
}

// checkStatement: the account of the unit has moved by what was booked, and what was not sent up is in hand.
func (o *killedDesk) checkStatement(before hereStatement) {
	o.t.Helper()
	now := o.statement()
	var paid, refunded int64
	for _, d := range o.deeds.all {
		if d.kind == "desk" && d.status == http.StatusCreated {
			fen, _ := d.body["amount_fen"].(int)
			paid += int64(fen) + d.mark
		}
	}
	for _, s := range o.simOrders() {
		if s.paid() {
			paid += s.Total
		}
		refunded += s.refunded()
	}
	if now.PaidFen-before.PaidFen != paid || now.RefundedFen-before.RefundedFen != refunded {
		o.t.Errorf("paid %d, refunded %d; the statement went from %+v to %+v", paid, refunded, before, now)
	}
	if now.CollectedFen-now.RemittedFen != now.InHand.TotalFen || now.DifferenceFen != now.InHand.TotalFen || now.InHand.RefundingFen != 0 {
		o.t.Errorf("%+v", now)
	}
}

// summary counts what was played.
func (o *killedDesk) summary(kills int) string {
	answers := map[string]int{}
	for _, d := range o.deeds.all {
		answers[fmt.Sprintf("%s %d", d.kind, d.status)]++
	}
	paid, refunds := 0, 0
	for _, s := range o.simOrders() {
		if s.paid() {
			paid++
		}
		refunds += len(s.Refunds)
	}
	return fmt.Sprintf("%d kills; %v; %d orders paid, %d refunds", kills, answers, paid, refunds)
}
