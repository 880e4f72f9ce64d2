package api_test

import (
	"fmt"
	"testing"
	"time"

	"zhibu/model"
	"zhibu/service/wechat/sim"
)

// nextDay is the morning after, when the platform has the bill.
func (w *world) nextDay() {
	w.t.Helper()
	w.clock.Set(time.Date(2026, 3, 3, 11, 0, 0, 0, model.Shanghai))
}

func (w *world) reconcile(token string) *answer {
	w.t.Helper()
	return w.call("POST", "/dues/reconciliations", token, object{"date": "2026-03-02"})
}

// differences names what differs: kind, amounts here and there, and whether it was booked.
func differences(a *answer) string {
	a.t.Helper()
	text := ""
	for _, d := range a.wants(201).object()["differences"].([]any) {
		d := d.(object)
		if !chinese(d["message"]) {
			a.t.Errorf("no message in %v", d)
		}
		text += fmt.Sprintf("%s %v/%v %v; ", d["kind"], d["here_fen"], d["there_fen"], d["settled"])
	}
	return text
}

// TestReconciliation: the platform's bill of a day line by line against the ledger, each difference named.
func TestReconciliation(t *testing.T) {
	for _, c := range []struct {
		name    string
		lose    bool // the notification
		fault   sim.Fault
		matched int
		want    string
	}{
		{name: "the same", matched: 2},
		{name: "a lost notification", lose: true, matched: 1, want: "missing_here 0/1000 true; "},
		{name: "another amount", fault: sim.Fault{BillWrongAmount: true}, matched: 1, want: "amount 1000/1001 false; "},
		{name: "a line is missing", fault: sim.Fault{BillDropLine: true}, matched: 1, want: "missing_there 1000/0 false; "},
		{name: "a line that nobody ordered", fault: sim.Fault{BillExtraLine: true}, matched: 2, want: "unknown_order 0/100 false; "},
	} {
		t.Run(c.name, func(t *testing.T) {
			billed(t, func(t *testing.T, w *world) {
				if c.lose {
					w.fail(sim.Fault{Endpoint: "notify", NoNotify: true})
				}
				no := w.paidOrder()
				if !c.lose {
					w.clock.Advance(time.Minute)
					w.refund(no, 100, "r").wants(200)
					w.wechat.DeliverDue(t.Context())
				} else {
					w.clock.Advance(time.Minute)
					w.assess(chief, 300)
					w.makeBills(branch, "2026-03")
					w.payOn(w.order(chief, "2026-03"))
				}
				w.nextDay()
				if c.fault != (sim.Fault{}) {
					w.fail(c.fault)
				}
				a := w.reconcile(w.console())
				if got := differences(a); got != c.want || a.number("matched") != int64(c.matched) || a.text("date") != "2026-03-02" {
					t.Errorf("%s, want %d and %q", a.Body, c.matched, c.want)
				}
				w.sound(no, 1)
				same(t, "order", w.look(plain, no), object{"state": "paid", "paid_at": "2026-03-02T09:00:00+08:00"})
				if got := differences(w.reconcile(w.console())); got != "" {
					t.Errorf("the second time: %s", got)
				}
				kept := w.call("GET", "/dues/reconciliations?limit=1", w.console(), nil).wants(200)
				if len(kept.items()) != 1 || kept.object()["next_cursor"] == nil {
					t.Error(kept.Body)
				}
			})
		})
	}
}

// TestReconcilingAPart: who administers one tree is told of its orders, and of no other's.
func TestReconcilingAPart(t *testing.T) {
	billed(t, func(t *testing.T, w *world) {
		w.assess(stranger, 800)
		w.makeBills(otherBranch, "2026-03")
		w.fail(sim.Fault{Endpoint: "notify", NoNotify: true, Times: 2})
		w.payOn(w.order(stranger, "2026-03"))
		w.payOn(w.order(plain, "2026-03"))
		w.nextDay()
		w.fail(sim.Fault{BillExtraLine: true})
		a := w.reconcile(w.token(chief))
		if got := differences(a); got != "missing_here 0/1000 true; " || a.number("matched") != 0 {
			t.Error(a.Body)
		}
		if got := differences(w.reconcile(w.console())); got != "missing_here 0/800 true; " {
			t.Error(got)
		}
		w.must(w.services.Dues.ReconcileYesterday(t.Context()))
		if n := len(w.call("GET", "/dues/reconciliations", w.token(chief), nil).wants(200).items()); n != 1 {
			t.Errorf("the admin of a tree sees %d", n)
		}
		if n := len(w.call("GET", "/dues/reconciliations", w.console(), nil).wants(200).items()); n != 3 {
			t.Errorf("the console sees %d", n)
		}
	})
}

// TestReconciliationRefused: a bill that is not there or was damaged compares nothing.
func TestReconciliationRefused(t *testing.T) {
	billed(t, func(t *testing.T, w *world) {
		no := w.paidOrder()
		w.nextDay()
		before := w.duesRows()
		refused := int64(0)
		for fault, code := range map[*sim.Fault]string{
			{NoBill: true}: "bill_missing", {BadHash: true}: "wechat_pay_unavailable",
			{Endpoint: "/v3/bill/tradebill", Unsigned: true}:             "wechat_pay_unavailable",
			{Endpoint: "/v3/bill/tradebill", Code: "STATEMENT_CREATING"}: "bill_missing",
			{Endpoint: "/v3/bill/tradebill", Status: 502}:                "wechat_pay_unavailable",
			{Endpoint: "/v3/billdownload/file", Truncate: true}:          "wechat_pay_unavailable",
		} {
			w.fail(*fault)
			a := w.reconcile(w.console())
			if a.Code != 409 && a.Code != 503 || a.text("code") != code || !chinese(a.text("detail")) {
				t.Errorf("%+v: %s", *fault, a.Body)
			}
			if a.Code < 500 {
				refused++
			}
		}
		for _, date := range []any{"2026-03-03", "2026-03-04", "2025-11-01", "2026-02-30", "", nil, "昨天", 20260302, "9999-12-31"} {
			w.faultAt("POST", "/dues/reconciliations", w.console(), object{"date": date}, "date")
			refused++
		}
		if after := w.duesRows(); after != before {
			t.Errorf("rows before: %s, after: %s", before, after)
		}
		if n := w.recorded("refused.reconcile-dues"); n != refused {
			t.Errorf("%d refusals in the audit, want %d", n, refused)
		}
		quiet := w.call("POST", "/dues/reconciliations", w.console(), object{"date": "2026-03-01"})
		if differences(quiet) != "" || quiet.number("matched") != 0 {
			t.Errorf("a day on which nothing happened: %s", quiet.Body)
		}
		w.sound(no, 1)
	})
}
