package api_test

import (
	"fmt"
	"strings"
	"sync"
	"testing"
	"time"

	"zhibu/model"
	"zhibu/service/wechat/sim"
)

// order is the member's order for the months.
func (w *world) order(member int64, months ...string) *answer {
	w.t.Helper()
	return w.call("POST", "/me/dues/orders", w.token(member), object{"months": months}).wants(201)
}

// prepayID is what the client would hand to wx.requestPayment.
func (a *answer) prepayID() string {
	a.t.Helper()
	params, _ := a.object()["pay_params"].(object)
	id, ok := strings.CutPrefix(fmt.Sprint(params["package"]), "prepay_id=")
	if !ok {
		a.t.Fatalf("%s: no prepay_id in %s", a.request, a.Body)
	}
	return id
}

// payOn is the member paying on his phone.
func (w *world) payOn(a *answer) sim.Payment {
	w.t.Helper()
	p, err := w.wechat.Pay(w.t.Context(), a.prepayID())
	w.must(err)
	return p
}

func (w *world) fail(f sim.Fault) {
	w.t.Helper()
	w.must(w.wechat.Fail(f))
}

// state is the state of an order as it is kept, without asking the platform.
func (w *world) state(orderNo string) string {
	w.t.Helper()
	var o model.Order
	w.must(w.db.Read(w.t.Context()).Where("order_no = ?", orderNo).Take(&o).Error)
	return string(o.State)
}

// look is the order as its member is answered, which asks the platform.
func (w *world) look(member int64, orderNo string) object {
	w.t.Helper()
	return w.call("GET", "/me/dues/orders/"+orderNo, w.token(member), nil).wants(200).object()
}

// sound fails the test unless the books are: every entry balances, the balances are the sums of the lines, the bills those of
// their allocations, and what was collected is in hand, refunded or remitted; and the order was booked so many times.
func (w *world) sound(orderNo string, booked int64) {
	w.t.Helper()
	db := w.db.Read(w.t.Context())
	for what, query := range map[string]string{
		"entries that do not balance": `SELECT COUNT(*) FROM (SELECT entry_id FROM dues_lines GROUP BY entry_id HAVING SUM(amount_fen) <> 0) AS t`,
		"balances that differ from the lines": `SELECT COUNT(*) FROM (SELECT unit_id, account, holder, SUM(amount_fen) AS fen FROM dues_balances GROUP BY unit_id, account, holder) AS b
			LEFT JOIN (SELECT unit_id, account, holder, SUM(amount_fen) AS fen FROM dues_lines GROUP BY unit_id, account, holder) AS l
			ON l.unit_id = b.unit_id AND l.account = b.account AND l.holder = b.holder WHERE COALESCE(l.fen, 0) <> b.fen`,
		"bills that differ from their allocations": `SELECT COUNT(*) FROM dues_bills WHERE paid_fen <>
			(SELECT COALESCE(SUM(amount_fen), 0) FROM dues_allocations WHERE bill_id = dues_bills.id)`,
	} {
		var n int64
		w.must(db.Raw(query).Scan(&n).Error)
		if n != 0 {
			w.t.Errorf("%d %s", n, what)
		}
	}
	for _, unit := range []int64{branch, root} {
		st := w.statement(unit)
		if hand := st["in_hand"].(object)["total_fen"]; st["difference_fen"] != hand {
			w.t.Errorf("the difference of %d is %v, in hand %v", unit, st["difference_fen"], hand)
		}
	}
	var n int64
	w.must(db.Model(&model.Payment{}).Joins("JOIN dues_orders ON dues_orders.id = dues_payments.order_id").
		Where("dues_orders.order_no = ?", orderNo).Count(&n).Error)
	if n != booked {
		w.t.Errorf("the order was booked %d times, want %d", n, booked)
	}
}

// TestOrders: an order, its parameters, its payment, and what the member then sees.
func TestOrders(t *testing.T) {
	billed(t, func(t *testing.T, w *world) {
		token := w.token(plain)
		a := w.once("o-1", "/me/dues/orders", token, object{"months": []string{"2026-02", "2026-03"}, "voluntary_fen": 150}).wants(201)
		no := a.text("order_no")
		same(t, "order", a.object(), object{
			"state": "created", "amount_fen": 2_150, "voluntary_fen": 150, "refunded_fen": 0, "months": []any{"2026-02", "2026-03"}, "track": "party",
			"created_at": "2026-03-02T09:00:00+08:00", "expires_at": "2026-03-02T09:30:00+08:00", "paid_at": nil,
		})
		params := a.object()["pay_params"].(object)
		for _, field := range []string{"timeStamp", "nonceStr", "package", "signType", "paySign"} {
			if params[field] == nil || params[field] == "" {
				t.Errorf("no %s in %v", field, params)
			}
		}
		if params["signType"] != "RSA" {
			t.Error(params)
		}
		if again := w.once("o-1", "/me/dues/orders", token, object{"months": []string{"2026-02", "2026-03"}, "voluntary_fen": 150}).wants(201); again.Body.String() != a.Body.String() {
			t.Errorf("first %s, then %s", a.Body, again.Body)
		}
		w.once("o-1", "/me/dues/orders", token, object{"months": []string{"2026-03"}}).refuses(422, "idempotency_key_reused")
		same(t, "not paid yet", w.look(plain, no), object{"state": "created"})
		if p := w.payOn(a); !p.Notified || p.OutTradeNo != no {
			t.Errorf("%+v", p)
		}
		same(t, "paid", w.look(plain, no), object{"state": "paid", "paid_at": "2026-03-02T09:00:00+08:00", "pay_params": nil, "amount_fen": 2_150})
		w.sound(no, 1)
		paid := w.call("GET", duesPath(branch, "payments?method=wechat"), w.token(secretary), nil).wants(200).items()
		same(t, "payment", paid[0], object{
			"member_id": plain, "method": "wechat", "amount_fen": 2_000, "voluntary_fen": 150, "collected_by": nil, "paid_on": "2026-03-02",
		})
		same(t, "in hand", w.statement(branch)["in_hand"].(object), object{"wechat_fen": 2_150, "cash_fen": 0})
		w.call("POST", fmt.Sprintf("/dues/payments/%.0f/reverse", paid[0]["id"]), w.token(secretary), object{"reason": "退回"}).refuses(409, "use_refund")
		w.call("POST", "/me/dues/orders", token, object{"months": []string{"2026-03"}}).refuses(409, "nothing_due")
		other := w.order(plain, "2026-01").text("order_no")
		list := w.call("GET", "/me/dues/orders?limit=1", token, nil).wants(200)
		rest := w.call("GET", "/me/dues/orders?limit=1&cursor="+list.text("next_cursor"), token, nil).wants(200)
		if list.items()[0]["order_no"] != other && rest.items()[0]["order_no"] != other || rest.object()["next_cursor"] != nil {
			t.Errorf("%s %s", list.Body, rest.Body)
		}
	})
}

// TestOrdersAreOnesOwn: nobody sees, closes or refunds another member's order, not even his secretary.
func TestOrdersAreOnesOwn(t *testing.T) {
	billed(t, func(t *testing.T, w *world) {
		a := w.order(plain, "2026-03")
		no := a.text("order_no")
		for _, member := range []int64{secretary, chief, colleague, neighbour, stranger, leader} {
			w.call("GET", "/me/dues/orders/"+no, w.token(member), nil).refuses(404, "not_found")
			w.call("POST", "/me/dues/orders/"+no+"/close", w.token(member), nil).refuses(404, "not_found")
			if got := w.call("GET", "/me/dues/orders", w.token(member), nil).wants(200).items(); len(got) != 0 {
				t.Errorf("%d sees %v", member, got)
			}
		}
		w.call("GET", "/me/dues/orders/"+no, w.console(), nil).refuses(404, "not_found")
		w.call("POST", "/me/dues/orders", w.console(), object{"months": []string{"2026-03"}}).refuses(403, "forbidden")
		w.payOn(a)
		refund := object{"amount_fen": 1, "reason": "退"}
		w.call("POST", "/dues/orders/"+no+"/refund", w.token(plain), refund).refuses(403, "forbidden")
		w.call("POST", "/dues/orders/"+no+"/refund", w.token(secretary), refund).refuses(403, "forbidden")
		w.call("POST", "/dues/orders/"+no+"/refund", w.token(neighbour), refund).refuses(404, "not_found")
		w.call("POST", "/dues/orders/"+no+"/refund", w.token(stranger), refund).refuses(404, "not_found")
		w.call("POST", "/dues/orders/nosuchorder/refund", w.token(chief), refund).refuses(404, "not_found")
		w.assess(chief, 500)
		mine := w.order(chief, "2026-03")
		w.payOn(mine)
		w.call("POST", "/dues/orders/"+mine.text("order_no")+"/refund", w.token(chief), refund).refuses(403, "own_record")
		w.sound(no, 1)
	})
}

// TestRefusedOrders: each mistake is a clear error, makes nothing and is in the audit.
func TestRefusedOrders(t *testing.T) {
	billed(t, func(t *testing.T, w *world) {
		before, refused := w.duesRows(), int64(0)
		fault := func(body object, field string) {
			t.Helper()
			w.faultAt("POST", "/me/dues/orders", w.token(plain), body, field)
			refused++
		}
		for _, months := range []any{
			[]string{"2026-03", "2026-02"}, []string{"2026-03", "2026-03"}, []string{"2026-13"}, []string{"3"}, []string{}, nil, []any{nil}, []any{202603}, "2026-03",
			[]string{"2025-08"}, []string{"2027-04"}, strings.Split(strings.Repeat("2026-03,", 30), ","),
		} {
			fault(object{"months": months}, "months")
		}
		for _, fen := range []any{-1, 0.5, "1", 1e12} {
			fault(object{"months": []string{"2026-03"}, "voluntary_fen": fen}, "voluntary_fen")
		}
		fault(object{"months": []string{"2026-03"}, "amount_fen": 1}, "amount_fen") // the amount is what is owed, not what is asked for
		fault(object{"months": []string{"2026-03"}, "track": "state"}, "track")
		w.faultAt("POST", "/me/dues/orders", w.token(secretary), object{"months": []string{"2026-03"}}, "months") // nobody fixed his amount
		if after := w.duesRows(); after != before {
			t.Errorf("rows before: %s, after: %s", before, after)
		}
		if n := w.recorded("refused.order-my-dues"); n != refused+1 {
			t.Errorf("%d refusals in the audit, want %d", n, refused+1)
		}
		for _, no := range []string{"x", "一", strings.Repeat("z", 33), "a b", "'or'1'='1"} {
			if a := w.call("GET", "/me/dues/orders/"+strings.ReplaceAll(no, " ", "%20"), w.token(plain), nil); a.Code != 404 && a.Code != 422 {
				t.Errorf("%s: %d", no, a.Code)
			}
		}
	})
}

// TestOneOpenOrder: the same months are the same order; other months close it first; requests at once make one.
func TestOneOpenOrder(t *testing.T) {
	billed(t, func(t *testing.T, w *world) {
		token := w.token(plain)
		answers := make([]*answer, 8)
		var group sync.WaitGroup
		for i := range answers {
			group.Go(func() {
				answers[i] = w.call("POST", "/me/dues/orders", token, object{"months": []string{"2026-03"}})
			})
		}
		group.Wait()
		first := answers[0].wants(201)
		for _, a := range answers {
			if a.wants(201).text("order_no") != first.text("order_no") {
				t.Errorf("%s and %s", first.Body, a.Body)
			}
		}
		second := w.order(plain, "2026-01", "2026-03")
		if got := w.state(first.text("order_no")); got != "closed" || second.number("amount_fen") != 2_000 {
			t.Errorf("the first is %s, the second %s", got, second.Body)
		}
		if _, err := w.wechat.Pay(t.Context(), first.prepayID()); err == nil {
			t.Error("a closed order was paid")
		}
		// The second is paid and nobody is told: a third for other months does not ask for the same ones again.
		w.fail(sim.Fault{Endpoint: "notify", NoNotify: true})
		w.payOn(second)
		third := w.order(plain, "2026-01", "2026-02", "2026-03")
		if got := w.state(second.text("order_no")); got != "paid" || third.number("amount_fen") != 1_000 {
			t.Errorf("the second is %s, the third %s", got, third.Body)
		}
		w.payOn(third)
		w.sound(second.text("order_no"), 1)
		w.sound(third.text("order_no"), 1)
		if fen := w.paid(branch, plain); fen != 3_000 {
			t.Errorf("%d fen are paid", fen)
		}
	})
}

// TestClosingOrders: cancelled, closed, expired, and paid at the desk meanwhile.
func TestClosingOrders(t *testing.T) {
	billed(t, func(t *testing.T, w *world) {
		a := w.order(plain, "2026-03")
		no := a.text("order_no")
		if _, err := w.wechat.Cancel(a.prepayID()); err != nil {
			t.Fatal(err)
		}
		same(t, "cancelled on the phone", w.look(plain, no), object{"state": "created"})
		for range 2 {
			same(t, "closed", w.call("POST", "/me/dues/orders/"+no+"/close", w.token(plain), nil).wants(200).object(), object{"state": "closed", "pay_params": nil})
		}
		w.sound(no, 0)

		expired := w.order(plain, "2026-03").text("order_no")
		w.clock.Advance(31 * time.Minute)
		w.must(w.services.Dues.Poll(t.Context()))
		if got := w.state(expired); got != "closed" {
			t.Errorf("after its time it is %s", got)
		}
		looked := w.order(plain, "2026-03").text("order_no")
		w.clock.Advance(31 * time.Minute)
		same(t, "looked at after its time", w.look(plain, looked), object{"state": "closed"})
		w.sound(looked, 0)

		late := w.order(plain, "2026-03")
		w.takeCash(branch, plain, nil)
		w.payOn(late) // he pays all the same: the money goes to the oldest month that is open
		same(t, "paid twice", w.look(plain, late.text("order_no")), object{"state": "paid"})
		w.sound(late.text("order_no"), 1)
		paid := w.call("GET", duesPath(branch, "payments?method=wechat"), w.token(secretary), nil).items()
		same(t, "to the oldest month", paid[0], object{"carried_fen": 0, "months": []any{object{"month": "2026-01", "amount_fen": 1_000}}})
	})
}
