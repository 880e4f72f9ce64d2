package api_test

import (
	"fmt"
	"strings"
	"testing"
	"time"

	"zhibu/model"
	"zhibu/service/wechat/sim"
)

const (
	prepayCall = "/v3/pay/transactions/jsapi"
	queryCall  = "/v3/pay/transactions/out-trade-no/{out_trade_no}"
	closeCall  = "/v3/pay/transactions/out-trade-no/{out_trade_no}/close"
)

// eachFault tries the faults in one world, a month for each; the names tell them apart and are keys.
func eachFault(t *testing.T, faults map[string]sim.Fault, test func(t *testing.T, w *world, name, month string, fault sim.Fault)) {
	t.Helper()
	billed(t, func(t *testing.T, w *world) {
		month := model.Month("2026-01")
		for name, fault := range faults {
			t.Run(name, func(t *testing.T) { test(t, w, strings.ReplaceAll(name, " ", "-"), string(month), fault) })
			month = month.Add(1)
		}
	})
}

// TestNoticesThatCannotBeBelieved: refused and recorded, nothing booked; the true one, sent again, is booked once.
func TestNoticesThatCannotBeBelieved(t *testing.T) {
	eachFault(t, map[string]sim.Fault{
		"wrong amount": {WrongAmount: true}, "wrong currency": {WrongCurrency: true}, "another merchant": {WrongMchID: true},
		"another app": {WrongAppID: true}, "unsigned": {Unsigned: true}, "badly signed": {BadSignature: true}, "a probe": {Probe: true},
		"replayed, old": {SkewSeconds: -600}, "from the future": {SkewSeconds: 600}, "wrong amount, twice at once": {WrongAmount: true, DuplicateNotify: true},
	}, func(t *testing.T, w *world, _, month string, fault sim.Fault) {
		a := w.order(plain, month)
		no, before, refused := a.text("order_no"), w.duesRows(), w.recorded("dues.notice_refused")
		fault.Endpoint = "notify"
		w.fail(fault)
		if p := w.payOn(a); p.Notified {
			t.Error("the notification was taken")
		}
		if got := w.state(no); got != "created" || w.duesRows() != before {
			t.Errorf("the order is %s; rows before %s, after %s", got, before, w.duesRows())
		}
		if w.recorded("dues.notice_refused") == refused {
			t.Error("the audit does not have it")
		}
		w.sound(no, 0)
		w.clock.Advance(15 * time.Second)
		if n := w.wechat.DeliverDue(t.Context()); n != 1 || w.state(no) != "paid" {
			t.Errorf("%d notifications taken, the order is %s", n, w.state(no))
		}
		w.sound(no, 1)
	})
}

// TestAnswersThatCannotBeBelieved: a query whose answer is not WeChat Pay's word about our order books nothing.
func TestAnswersThatCannotBeBelieved(t *testing.T) {
	eachFault(t, map[string]sim.Fault{
		"wrong amount": {WrongAmount: true}, "wrong currency": {WrongCurrency: true}, "another merchant": {WrongMchID: true},
		"another app": {WrongAppID: true}, "unsigned": {Unsigned: true}, "badly signed": {BadSignature: true}, "old": {SkewSeconds: -600},
		"a gateway": {Status: 502}, "a portal": {HTML: true}, "empty": {Empty: true}, "cut off": {Truncate: true}, "broken": {Reset: true},
		"an error": {Code: "SYSTEM_ERROR"},
	}, func(t *testing.T, w *world, _, month string, fault sim.Fault) {
		w.fail(sim.Fault{Endpoint: "notify", NoNotify: true})
		a := w.order(plain, month)
		no := a.text("order_no")
		w.payOn(a)
		fault.Endpoint = queryCall
		w.fail(fault)
		same(t, "not believed", w.look(plain, no), object{"state": "created", "paid_at": nil})
		w.sound(no, 0)
		same(t, "believed", w.look(plain, no), object{"state": "paid"})
		w.sound(no, 1)
	})
}

// TestPrepayOutOfReach: a try again, under the same key or not, is the same order, paid once.
func TestPrepayOutOfReach(t *testing.T) {
	eachFault(t, map[string]sim.Fault{
		"a gateway": {Status: 502}, "broken": {Reset: true}, "an error": {Code: "SYSTEM_ERROR"}, "unsigned": {Unsigned: true},
		"badly signed": {BadSignature: true}, "old": {SkewSeconds: -600}, "without prepay_id": {NoPrepayID: true}, "empty": {Empty: true},
		"cut off": {Truncate: true}, "a portal": {HTML: true},
	}, func(t *testing.T, w *world, name, month string, fault sim.Fault) {
		fault.Endpoint, fault.Times = prepayCall, 2
		w.fail(fault)
		body := object{"months": []string{month}}
		w.once(name, "/me/dues/orders", w.token(plain), body).refuses(503, "wechat_pay_unavailable")
		kept := w.call("GET", "/me/dues/orders", w.token(plain), nil).wants(200).items()
		if len(kept) == 0 || kept[0]["state"] != "created" || kept[0]["pay_params"] != nil {
			t.Fatal(kept)
		}
		w.call("POST", "/me/dues/orders", w.token(plain), body).refuses(503, "wechat_pay_unavailable")
		a := w.once(name, "/me/dues/orders", w.token(plain), body).wants(201)
		no := a.text("order_no")
		if no != kept[0]["order_no"] || w.order(plain, month).text("order_no") != no {
			t.Errorf("%s, want %v", a.Body, kept)
		}
		w.payOn(a)
		w.sound(no, 1)
	})
}

// TestTimesOfNotices: before the prepay answer, twice at once, after the close, late, lost.
func TestTimesOfNotices(t *testing.T) {
	for _, c := range []struct {
		name string
		play func(t *testing.T, w *world) (orderNo string)
	}{
		{"before the prepay answer", func(t *testing.T, w *world) string {
			w.fail(sim.Fault{NotifyBeforeAnswer: true})
			a := w.order(plain, "2026-03")
			same(t, "paid before the answer", a.object(), object{"state": "paid", "pay_params": nil})
			return a.text("order_no")
		}},
		{"twice at once", func(_ *testing.T, w *world) string {
			w.fail(sim.Fault{Endpoint: "notify", DuplicateNotify: true})
			return w.paidOrder()
		}},
		{"after the close", func(t *testing.T, w *world) string {
			a := w.order(plain, "2026-03")
			w.fail(sim.Fault{Endpoint: closeCall, NotifyAfterClose: true})
			no := a.text("order_no")
			same(t, "closed too late", w.call("POST", "/me/dues/orders/"+no+"/close", w.token(plain), nil).wants(200).object(), object{"state": "paid"})
			if n := w.wechat.DeliverDue(t.Context()); n != 1 {
				t.Errorf("%d notifications taken", n)
			}
			return no
		}},
		{"after the close, and the query lies", func(t *testing.T, w *world) string {
			a := w.order(plain, "2026-03")
			w.fail(sim.Fault{Endpoint: closeCall, NotifyAfterClose: true})
			w.fail(sim.Fault{Endpoint: queryCall, Code: "ORDER_NOT_EXIST", Times: 2})
			no := a.text("order_no")
			same(t, "closed here", w.call("POST", "/me/dues/orders/"+no+"/close", w.token(plain), nil).wants(200).object(), object{"state": "closed"})
			w.sound(no, 0)
			if n := w.wechat.DeliverDue(t.Context()); n != 1 {
				t.Errorf("%d notifications taken", n)
			}
			return no
		}},
		{"late, found by looking", func(t *testing.T, w *world) string {
			w.fail(sim.Fault{Endpoint: "notify", LateNotify: true})
			no := w.paidOrder()
			same(t, "looked at", w.look(plain, no), object{"state": "paid"})
			w.clock.Advance(15 * time.Second)
			if n := w.wechat.DeliverDue(t.Context()); n != 1 {
				t.Errorf("%d notifications taken", n)
			}
			return no
		}},
		{"lost, found by the chore", func(t *testing.T, w *world) string {
			w.fail(sim.Fault{Endpoint: "notify", NoNotify: true})
			no := w.paidOrder()
			w.must(w.services.Dues.Poll(t.Context()))
			if got := w.state(no); got != "created" {
				t.Errorf("at once it is %s", got)
			}
			w.clock.Advance(time.Minute)
			w.must(w.services.Dues.Poll(t.Context()))
			return no
		}},
		{"lost, found at the expiry", func(t *testing.T, w *world) string {
			w.fail(sim.Fault{Endpoint: "notify", NoNotify: true})
			no := w.paidOrder()
			w.clock.Advance(2 * time.Hour)
			w.must(w.services.Dues.Poll(t.Context()))
			return no
		}},
		{"lost, and the platform out of reach for a while", func(t *testing.T, w *world) string {
			w.fail(sim.Fault{Endpoint: "notify", NoNotify: true})
			no := w.paidOrder()
			w.fail(sim.Fault{Endpoint: queryCall, Status: 502, Times: 2})
			for range 6 {
				w.clock.Advance(6 * time.Minute)
				_ = w.services.Dues.Poll(t.Context())
			}
			return no
		}},
	} {
		t.Run(c.name, func(t *testing.T) {
			billed(t, func(t *testing.T, w *world) {
				no := c.play(t, w)
				if got := w.state(no); got != "paid" {
					t.Errorf("the order is %s", got)
				}
				w.sound(no, 1)
				for range 3 { // whatever comes after changes nothing
					w.clock.Advance(time.Hour)
					w.must(w.services.Dues.Poll(t.Context()))
					w.wechat.DeliverDue(t.Context())
				}
				w.sound(no, 1)
				if fen := w.paid(branch, plain); fen != 1_000 {
					t.Errorf("the bills have %d fen", fen)
				}
				same(t, "my dues", w.call("GET", "/me/dues?month=2026-03", w.token(plain), nil).wants(200).items()[0], object{"state": "paid"})
			})
		})
	}
}

// TestManyPayAtOnce: notifications that arrive together are each booked once.
func TestManyPayAtOnce(t *testing.T) {
	billed(t, func(t *testing.T, w *world) {
		payers := []int64{nobodyElse(w), secretary, chief, auditor}
		orders := make([]*answer, len(payers))
		for _, m := range payers[1:] {
			w.assess(m, 500)
		}
		w.makeBills(branch, "2026-03")
		for i, m := range payers {
			orders[i] = w.order(m, "2026-03")
		}
		w.fail(sim.Fault{Endpoint: "notify", DuplicateNotify: true, Times: len(payers)})
		done := make(chan error)
		for _, o := range orders {
			go func() {
				p, err := w.wechat.Pay(t.Context(), o.prepayID())
				if err == nil && !p.Notified {
					err = fmt.Errorf("%s was not taken", p.OutTradeNo)
				}
				done <- err
			}()
		}
		for range orders {
			if err := <-done; err != nil {
				t.Error(err)
			}
		}
		for _, o := range orders {
			w.sound(o.text("order_no"), 1)
		}
		same(t, "statement", w.statement(branch), object{"collected_fen": 2_000, "difference_fen": 2_000})
	})
}
