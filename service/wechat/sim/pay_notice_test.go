package sim

import (
	"net/http"
	"slices"
	"testing"
	"time"
)

// TestRetries: an answer that is not 200 or 204 is followed by the fifteen retries of the documents, and no more.
func TestRetries(t *testing.T) {
	w := newPayWorld(t)
	w.answering(http.StatusInternalServerError)
	id := w.prepay(t, outTradeNo)
	start := w.now()
	if got, err := w.Pay(t.Context(), id); err != nil || got.Notified {
		t.Fatalf("%+v, %v", got, err)
	}
	var at []time.Duration
	for before := w.arrived(); w.now().Sub(start) < 30*time.Hour; w.advance(15 * time.Second) {
		w.DeliverDue(t.Context())
		if n := w.arrived(); n != before {
			at, before = append(at, w.now().Sub(start)), n
		}
	}
	want := []time.Duration{}
	sum := time.Duration(0)
	for _, d := range notifyAgain() {
		sum += d
		want = append(want, sum)
	}
	if !slices.Equal(at, want) || sum != 24*time.Hour+4*time.Minute {
		t.Errorf("tried again after %v,\nwant %v", at, want)
	}
}

// TestANotificationUnderWay is not sent by another who delivers meanwhile.
func TestANotificationUnderWay(t *testing.T) {
	w := newPayWorld(t)
	id := w.prepay(t, outTradeNo)
	again := 0
	w.meanwhile = func() { again += w.DeliverDue(t.Context()) }
	if got, err := w.Pay(t.Context(), id); err != nil || !got.Notified || again != 0 || w.arrived() != 1 {
		t.Errorf("%+v, %v, sent %d times", got, err, w.arrived())
	}
}

func TestARetryIsTaken(t *testing.T) {
	for status, taken := range map[int]bool{200: true, 204: true, 201: false, 302: false, 400: false} {
		w := newPayWorld(t)
		w.answering(status)
		got, err := w.Pay(t.Context(), w.prepay(t, outTradeNo))
		if err != nil || got.Notified != taken {
			t.Errorf("%d: %+v, %v", status, got, err)
		}
		w.answering(http.StatusNoContent)
		w.advance(15 * time.Second)
		if n := w.DeliverDue(t.Context()); (n == 0) != taken {
			t.Errorf("%d: %d taken later", status, n)
		}
		w.advance(24 * time.Hour)
		if n := w.DeliverDue(t.Context()); n != 0 {
			t.Errorf("%d: sent again after it was taken", status)
		}
	}
}

func TestPayFaultsAreChecked(t *testing.T) {
	w := newPayWorld(t)
	for name, tc := range map[string]struct {
		fault Fault
		ok    bool
	}{
		"anywhere":               {Fault{Unsigned: true}, true},
		"a notification":         {Fault{Endpoint: endpointNotify, Probe: true}, true},
		"with latency":           {Fault{Endpoint: pathPrepay, NoPrepayID: true, LatencyMS: 1}, true},
		"two that go together":   {Fault{WrongAmount: true, WrongAppID: true}, true},
		"two signatures":         {Fault{Unsigned: true, Probe: true}, false},
		"two ways to send":       {Fault{NoNotify: true, DuplicateNotify: true}, false},
		"two ends of a refund":   {Fault{HoldRefund: true, RefundClosed: true}, false},
		"two bills":              {Fault{NoBill: true, BillDropLine: true}, false},
		"nobody meets both":      {Fault{NoBill: true, HoldRefund: true}, false},
		"at the wrong place":     {Fault{Endpoint: pathPrepay, NoBill: true}, false},
		"an unsigned answer":     {Fault{Endpoint: pathDownload, BadSignature: true}, false},
		"a connection of theirs": {Fault{Endpoint: endpointNotify, Reset: true}, false},
		"errcode of /v3":         {Fault{Endpoint: pathPrepay, Errcode: -1}, false},
		"code of the others":     {Fault{Endpoint: pathLogin, Code: "X"}, false},
		"too much skew":          {Fault{SkewSeconds: maxSkew + 1}, false},
		"a path with a number":   {Fault{Endpoint: "/v3/refund/domestic/refunds/R1", Status: 500}, false},
	} {
		if err := w.Fail(tc.fault); (err == nil) != tc.ok {
			t.Errorf("%s: %v", name, err)
		}
	}
	if err := newWorld().Fail(Fault{Endpoint: endpointNotify, Probe: true}); err == nil {
		t.Error("a fault of notifications without a merchant")
	}
	if err := newWorld().Fail(Fault{NoNotify: true}); err == nil {
		t.Error("likewise, anywhere")
	}
}

// TestAFaultWaitsForItsCall: a fault without an endpoint is not used up by calls that can't meet it.
func TestAFaultWaitsForItsCall(t *testing.T) {
	w := newPayWorld(t)
	for _, f := range []Fault{{NoNotify: true}, {NoPrepayID: true}, {Errcode: 45009}} {
		if err := w.Fail(f); err != nil {
			t.Fatal(err)
		}
	}
	if s := w.state(t, outTradeNo); s != "ORDER_NOT_EXIST" {
		t.Errorf("query: %s", s)
	}
	if status, body := w.ask(t, pathPrepay, w.prepayBody(outTradeNo)); status != 200 || body != "{}" {
		t.Errorf("prepay: %d %s", status, body)
	}
	if got, err := w.Pay(t.Context(), w.prepay(t, outTradeNo)); err != nil || got.Notified {
		t.Errorf("pay: %+v, %v", got, err)
	}
	if out := w.login(t, w.LoginCode(openID)); errcode(out) != 45009 {
		t.Errorf("login: %s", out)
	}
}
