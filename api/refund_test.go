package api_test

import (
	"strings"
	"testing"
	"time"

	"zhibu/model"
	"zhibu/service/wechat/sim"
)

const refundCall = "/v3/refund/domestic/refunds"

// paidOrder is an order of plain for March that he has paid.
func (w *world) paidOrder() string {
	w.t.Helper()
	a := w.order(plain, "2026-03")
	w.payOn(a)
	return a.text("order_no")
}

func (w *world) refund(no string, fen int, key string) *answer {
	w.t.Helper()
	return w.once(key, "/dues/orders/"+no+"/refund", w.token(chief), object{"amount_fen": fen, "reason": "多缴"})
}

// TestRefunds: what is asked back is out of hand at once, and gone when the platform says so.
func TestRefunds(t *testing.T) {
	billed(t, func(t *testing.T, w *world) {
		no := w.paidOrder()
		a := w.refund(no, 300, "r-1").wants(200)
		same(t, "asked for", a.object(), object{
			"order_no": no, "state": "refunding", "refund_state": "PROCESSING", "amount_fen": 300, "refunded_fen": 0,
		})
		same(t, "in hand", w.statement(branch)["in_hand"].(object), object{"wechat_fen": 700, "refunding_fen": 300})
		same(t, "collected", w.statement(branch), object{"collected_fen": 1_000, "fully_remitted": false})
		w.refund(no, 1, "r-2").refuses(409, "refund_in_progress")
		w.call("POST", duesPath(branch, "remittances"), w.token(secretary), object{"period": "2026", "amount_fen": 701, "to": "机关工委"}).refuses(409, "not_in_hand")
		w.fail(sim.Fault{Endpoint: "notify", DuplicateNotify: true})
		if n := w.wechat.DeliverDue(t.Context()); n != 1 {
			t.Errorf("%d notifications were taken", n)
		}
		again := w.refund(no, 300, "r-1").wants(200)
		same(t, "done", again.object(), object{
			"state": "paid", "refund_no": a.text("refund_no"), "refund_state": "SUCCESS", "amount_fen": 300, "refunded_fen": 300,
		})
		w.once("r-1", "/dues/orders/"+no+"/refund", w.token(chief), object{"amount_fen": 301, "reason": "多缴"}).refuses(422, "idempotency_key_reused")
		same(t, "for the member", w.look(plain, no), object{"state": "paid", "refunded_fen": 300})
		same(t, "statement", w.statement(branch), object{"paid_fen": 1_000, "refunded_fen": 300, "collected_fen": 700, "difference_fen": 700})
		if fen := w.paid(branch, plain); fen != 700 {
			t.Errorf("the bills have %d fen", fen)
		}
		w.clock.Advance(time.Minute)
		w.refund(no, 701, "r-3").refuses(409, "refund_too_much")
		w.refund(no, 700, "r-4").wants(200)
		w.clock.Advance(2 * time.Minute)
		w.must(w.services.Dues.Poll(t.Context())) // the notification is late: the platform is asked
		w.wechat.DeliverDue(t.Context())
		same(t, "all of it", w.look(plain, no), object{"state": "refunded", "refunded_fen": 1_000})
		w.refund(no, 1, "r-5").refuses(409, "refund_too_much")
		w.sound(no, 1)
		if w.paid(branch, plain) != 0 || w.recorded("dues.refund_settle") != 2 {
			t.Errorf("the bills have %d fen, %d refunds were settled", w.paid(branch, plain), w.recorded("dues.refund_settle"))
		}
	})
}

// TestRefusedRefunds: nothing is asked for, and the attempt is in the audit.
func TestRefusedRefunds(t *testing.T) {
	billed(t, func(t *testing.T, w *world) {
		unpaid := w.order(nobodyElse(w), "2026-03").text("order_no")
		no := w.paidOrder()
		before := w.duesRows()
		w.refund(no, 1_001, "a").refuses(409, "refund_too_much")
		w.refund(unpaid, 1, "b").refuses(409, "order_not_paid")
		body := object{"amount_fen": 1, "reason": "多缴"}
		path := "/dues/orders/" + no + "/refund"
		for field, changes := range map[string][]object{
			"amount_fen": {{"amount_fen": 0}, {"amount_fen": -1}, {"amount_fen": 0.5}, {"amount_fen": 1e12}, {"amount_fen": "1"}, {"amount_fen": nil}},
			"reason":     {{"reason": ""}, {"reason": strings.Repeat("因", 81)}, {"reason": nil}},
		} {
			for _, c := range changes {
				w.faultAt("POST", path, w.token(chief), altered(body, c), field)
			}
		}
		if after := w.duesRows(); after != before {
			t.Errorf("rows before: %s, after: %s", before, after)
		}
		if n := w.recorded("refused.refund-dues-order"); n != 11 {
			t.Errorf("%d refusals in the audit", n)
		}
		for _, e := range w.wechat.Journal() {
			if e.Path == refundCall {
				t.Error("the platform was asked")
			}
		}
	})
}

// nobodyElse is another member of the branch with a phone who owes for the months.
func nobodyElse(w *world) int64 {
	w.t.Helper()
	w.assess(leader, 500)
	w.makeBills(branch, "2026-01", "2026-02", "2026-03")
	return leader
}

// TestRefundsThatEndBadly: abnormal, closed, held, refused, out of reach, and answers that cannot be believed.
func TestRefundsThatEndBadly(t *testing.T) {
	for _, c := range []struct {
		name  string
		fault sim.Fault
		state string // of the order, as soon as it is asked for
		ends  string // after the notification and the polls
		gone  int    // fen in the end
	}{
		{"abnormal", sim.Fault{RefundAbnormal: true}, "refunding", "paid", 0},
		{"closed", sim.Fault{RefundClosed: true}, "refunding", "paid", 0},
		{"held", sim.Fault{HoldRefund: true}, "refunding", "refunding", 0},
		{"out of reach", sim.Fault{Endpoint: refundCall, Status: 502}, "refunding", "paid", 400},
		{"no answer, yet done", sim.Fault{Endpoint: refundCall, Truncate: true}, "refunding", "paid", 400},
		{"an unsigned answer", sim.Fault{Endpoint: refundCall, Unsigned: true}, "refunding", "paid", 400},
		{"a badly signed answer", sim.Fault{Endpoint: refundCall, BadSignature: true}, "refunding", "paid", 400},
		{"a wrong amount in the notification", sim.Fault{Endpoint: "notify", WrongAmount: true}, "refunding", "paid", 400},
		{"another merchant in the notification", sim.Fault{Endpoint: "notify", WrongMchID: true}, "refunding", "paid", 400},
		{"an unsigned notification", sim.Fault{Endpoint: "notify", Unsigned: true}, "refunding", "paid", 400},
		{"a lost notification", sim.Fault{Endpoint: "notify", NoNotify: true}, "refunding", "paid", 400},
	} {
		t.Run(c.name, func(t *testing.T) {
			billed(t, func(t *testing.T, w *world) {
				no, gone := w.paidOrder(), c.gone
				w.fail(c.fault)
				a := w.refund(no, 400, "r").wants(200)
				same(t, "asked for", a.object(), object{"state": c.state, "refunded_fen": 0})
				w.wechat.DeliverDue(t.Context())
				w.clock.Advance(2 * time.Minute)
				_ = w.services.Dues.Poll(t.Context())
				w.clock.Advance(5 * time.Minute)
				w.must(w.services.Dues.Poll(t.Context()))
				w.wechat.DeliverDue(t.Context())
				same(t, "in the end", w.look(plain, no), object{"state": c.ends, "refunded_fen": c.gone})
				if c.ends == "refunding" {
					if _, err := w.wechat.FinishRefund(t.Context(), a.text("refund_no"), "success"); err != nil {
						t.Fatal(err)
					}
					gone = 400
					same(t, "finished", w.look(plain, no), object{"state": "paid", "refunded_fen": 400})
				}
				same(t, "statement", w.statement(branch), object{"refunded_fen": gone, "collected_fen": 1_000 - gone})
				same(t, "in hand", w.statement(branch)["in_hand"].(object), object{"wechat_fen": 1_000 - gone, "refunding_fen": 0})
				if fen := w.paid(branch, plain); fen != int64(1_000-gone) {
					t.Errorf("the bills have %d fen", fen)
				}
				w.sound(no, 1)
			})
		})
	}
}

// TestRefundThatIsRefused: the platform says no for good, and the money stays where it was.
func TestRefundThatIsRefused(t *testing.T) {
	billed(t, func(t *testing.T, w *world) {
		no := w.paidOrder()
		for code, want := range map[string]string{"NOT_ENOUGH": "pay_refund_balance", "USER_ACCOUNT_ABNORMAL": "pay_refund_account"} {
			w.fail(sim.Fault{Endpoint: refundCall, Code: code})
			if a := w.refund(no, 100, code).refuses(409, want); !chinese(a.text("detail")) {
				t.Error(a.Body)
			}
			if got := w.state(no); got != "paid" {
				t.Errorf("after %s the order is %s", code, got)
			}
			w.sound(no, 1)
		}
		w.refund(no, 100, "at-last").wants(200)
		w.wechat.DeliverDue(t.Context())
		same(t, "in the end", w.look(plain, no), object{"state": "paid", "refunded_fen": 100})
		var states []string
		w.must(w.db.Read(t.Context()).Model(&model.Refund{}).Order("id").Pluck("state", &states).Error)
		if strings.Join(states, " ") != "CLOSED CLOSED SUCCESS" {
			t.Error(states)
		}
	})
}
