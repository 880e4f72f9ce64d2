package wechat

import (
	"bytes"
	"io"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"zhibu/model"
	"zhibu/service/wechat/sim"
)

func TestNotify(t *testing.T) {
	w := newPayWorld(t)
	at := model.At(w.clock.now())
	done, err := w.platform.Pay(t.Context(), w.prepay(t))
	if err != nil || !done.Notified {
		t.Fatalf("%+v, %v: %v", done, err, w.refused)
	}
	want := []model.PayNotice{{Trade: &model.Trade{
		OrderNo: orderNo, TransactionID: done.TransactionID, State: model.TradePaid, AppID: appID,
		MchID: merchant().MchID, Total: 3200, Currency: "CNY", PaidAt: at,
	}}}
	if diff := cmp.Diff(want, w.notices); diff != "" {
		t.Errorf("(-want +got):\n%s", diff)
	}
}

// TestNotifyRefused: a bad notification is refused, and the platform tries again.
func TestNotifyRefused(t *testing.T) {
	for name, tc := range map[string]struct {
		fault sim.Fault
		cause string
	}{
		"unsigned":         {sim.Fault{Unsigned: true}, "is empty in header"},
		"bad signature":    {sim.Fault{BadSignature: true}, "verification error"},
		"probe":            {sim.Fault{Probe: true}, "a probe"},
		"old":              {sim.Fault{SkewSeconds: -301}, "expires"},
		"of the future":    {sim.Fault{SkewSeconds: 302}, "expires"},
		"another merchant": {sim.Fault{WrongMchID: true}, "of merchant"},
		"another app":      {sim.Fault{WrongAppID: true}, "of app"},
	} {
		t.Run(name, func(t *testing.T) {
			w := newPayWorld(t)
			tc.fault.Endpoint = notifyEndpoint
			w.fail(t, tc.fault)
			done, err := w.platform.Pay(t.Context(), w.prepay(t))
			if err != nil || done.Notified || len(w.refused) != 1 {
				t.Fatalf("%+v, %v, refused %v", done, err, w.refused)
			}
			wantPayError(t, w.refused[0], model.ErrNotify, "")
			if !strings.Contains(w.refused[0].Error(), tc.cause) {
				t.Errorf("%v, want %q", w.refused[0], tc.cause)
			}
			if w.platform.DeliverDue(t.Context()) != 0 {
				t.Error("tried again at once")
			}
			w.clock.advance(15 * time.Second)
			if w.platform.DeliverDue(t.Context()) != 1 || len(w.notices) != 1 {
				t.Errorf("after 15 s: %d taken", len(w.notices))
			}
		})
	}
}

func TestNotifyFaults(t *testing.T) {
	for name, tc := range map[string]struct {
		fault        sim.Fault
		atOnce, late int
	}{
		"lost":         {sim.Fault{NoNotify: true}, 0, 0},
		"late":         {sim.Fault{LateNotify: true}, 0, 1},
		"twice":        {sim.Fault{DuplicateNotify: true}, 2, 0},
		"wrong amount": {sim.Fault{Endpoint: notifyEndpoint, WrongAmount: true, WrongCurrency: true}, 1, 0},
		"before":       {sim.Fault{NotifyBeforeAnswer: true}, 1, 0},
	} {
		t.Run(name, func(t *testing.T) {
			w := newPayWorld(t)
			w.fail(t, tc.fault)
			id := w.prepay(t)
			if !tc.fault.NotifyBeforeAnswer {
				if _, err := w.platform.Pay(t.Context(), id); err != nil {
					t.Fatal(err)
				}
			}
			if len(w.notices) != tc.atOnce {
				t.Errorf("%d at once, want %d", len(w.notices), tc.atOnce)
			}
			if tc.fault.WrongAmount && (w.notices[0].Trade.Total != 3201 || w.notices[0].Trade.Currency != "USD") {
				t.Errorf("%+v", w.notices[0].Trade)
			}
			w.clock.advance(15 * time.Second)
			if n := w.platform.DeliverDue(t.Context()); n != tc.late {
				t.Errorf("%d later, want %d", n, tc.late)
			}
			if got, err := w.Query(t.Context(), orderNo); err != nil || !got.Paid() {
				t.Errorf("%+v, %v", got, err)
			}
		})
	}
}

func TestNotifyAfterClose(t *testing.T) {
	w := newPayWorld(t)
	w.prepay(t)
	w.fail(t, sim.Fault{NotifyAfterClose: true})
	if err := w.Close(t.Context(), orderNo); err != nil || len(w.notices) != 0 {
		t.Fatalf("%v, %d notices", err, len(w.notices))
	}
	if n := w.platform.DeliverDue(t.Context()); n != 1 || !w.notices[0].Trade.Paid() {
		t.Errorf("%d notices", n)
	}
}

// TestNotifyOfAnybody: what a stranger can send without a key.
func TestNotifyOfAnybody(t *testing.T) {
	w := newPayWorld(t)
	var genuine *http.Request
	var body []byte
	w.platform = nil
	p := sim.New(sim.Config{
		AppID: appID, AppSecret: secret, Now: w.clock.now, Merchant: merchant(),
		Deliver: roundTripper(func(r *http.Request) (*http.Response, error) {
			genuine = r
			body, _ = io.ReadAll(r.Body)
			return answering(http.StatusOK, "")(r)
		}),
	})
	w.Pay, w.platform = newPay(t, p.Transport(), w.clock.now, w.log), p
	w.paid(t)

	send := func(change func(*http.Request), body []byte) error {
		r := httptest.NewRequestWithContext(t.Context(), http.MethodPost, "/", bytes.NewReader(body))
		r.Header = genuine.Header.Clone()
		if change != nil {
			change(r)
		}
		_, err := w.ParseNotify(r)
		return err
	}
	if err := send(nil, body); err != nil {
		t.Fatalf("the genuine one: %v", err)
	}
	set := func(name, value string) func(*http.Request) {
		return func(r *http.Request) { r.Header.Set(name, value) }
	}
	for name, err := range map[string]error{
		"another body":     send(nil, bytes.Replace(body, []byte("SUCCESS"), []byte("CLOSED!"), 1)),
		"no body":          send(func(r *http.Request) { r.Body = nil }, nil),
		"an empty body":    send(nil, nil),
		"too large":        send(nil, bytes.Repeat([]byte("x"), maxNotify+1)),
		"broken off":       send(func(r *http.Request) { r.Body = io.NopCloser(brokenOff{}) }, nil),
		"another key id":   send(set("Wechatpay-Serial", "PUB_KEY_ID_other"), body),
		"another time":     send(set("Wechatpay-Timestamp", "1"), body),
		"no time at all":   send(set("Wechatpay-Timestamp", ""), body),
		"no number":        send(set("Wechatpay-Timestamp", "now"), body),
		"another nonce":    send(set("Wechatpay-Nonce", "x"), body),
		"another scheme":   send(set("Wechatpay-Signature-Type", "SM2"), body),
		"no base64":        send(set("Wechatpay-Signature", "!"), body),
		"a long signature": send(set("Wechatpay-Signature", strings.Repeat("A", 1<<16)), body),
		"a long request":   send(set("Request-Id", strings.Repeat("A", 1<<16)), nil),
	} {
		wantPayError(t, err, model.ErrNotify, "")
		if len(err.Error()) > 600 {
			t.Errorf("%s: an error of %d bytes", name, len(err.Error()))
		}
		if name == "too large" && !strings.Contains(err.Error(), "more than 65536 bytes") {
			t.Errorf("%s: %v", name, err)
		}
	}
}

type brokenOff struct{}

func (brokenOff) Read([]byte) (int, error) { return 0, io.ErrUnexpectedEOF }
