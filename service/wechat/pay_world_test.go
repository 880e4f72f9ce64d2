package wechat

import (
	"bytes"
	"errors"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"sync"
	"testing"
	"time"

	"zhibu/model"
	"zhibu/service/wechat/sim"
)

const (
	orderNo   = "D20261123-0001"
	refundNo  = "R20261123-0001"
	notifyURL = "https://example.org/api/v1/wechat/pay/notify"

	notifyEndpoint = "notify"
	prepayPath     = "/v3/pay/transactions/jsapi"
	tradePath      = "/v3/pay/transactions/out-trade-no/{out_trade_no}"
	closePath      = tradePath + "/close"
	refundsPath    = "/v3/refund/domestic/refunds"
	refundPath     = refundsPath + "/{out_refund_no}"
	billPath       = "/v3/bill/tradebill"
	downloadPath   = "/v3/billdownload/file"
)

// Keys take long to make and hold no state.
var merchant = sync.OnceValue(func() *sim.Merchant {
	m, err := sim.NewMerchant("1900000001")
	if err != nil {
		panic(err)
	}
	return m
})

// payWorld is a Pay, WeChat Pay, the clock of both, and a notify_url that answers with what ParseNotify says.
type payWorld struct {
	*Pay
	platform *sim.Platform
	clock    *clock
	log      *bytes.Buffer

	mu      sync.Mutex
	notices []model.PayNotice
	refused []error
}

func newPayWorld(t *testing.T) *payWorld {
	t.Helper()
	w := &payWorld{clock: newClock(), log: &bytes.Buffer{}}
	w.platform = sim.New(sim.Config{
		AppID: appID, AppSecret: secret, Now: w.clock.now, Merchant: merchant(), Deliver: toHandler(w.receive),
	})
	w.Pay = newPay(t, w.platform.Transport(), w.clock.now, w.log)
	return w
}

func payConfig(transport http.RoundTripper) PayConfig {
	m := merchant()
	return PayConfig{
		AppID: appID, MchID: m.MchID, CertSerial: m.CertSerial, PrivateKey: m.PrivateKey, PublicKeyID: m.PublicKeyID,
		PublicKey: m.PublicKey, APIv3Key: m.APIv3Key, NotifyURL: notifyURL, Transport: transport,
	}
}

func newPay(t *testing.T, transport http.RoundTripper, now func() time.Time, log *bytes.Buffer) *Pay {
	t.Helper()
	cfg := payConfig(transport)
	cfg.Now, cfg.Logger = now, slog.New(slog.NewTextHandler(log, nil))
	p, err := NewPay(cfg)
	if err != nil {
		t.Fatal(err)
	}
	return p
}

// toHandler is a network with one server.
func toHandler(h http.HandlerFunc) http.RoundTripper {
	return roundTripper(func(r *http.Request) (*http.Response, error) {
		rec := httptest.NewRecorder()
		h(rec, r)
		return rec.Result(), nil
	})
}

func (w *payWorld) receive(rw http.ResponseWriter, r *http.Request) {
	n, err := w.ParseNotify(r)
	w.mu.Lock()
	defer w.mu.Unlock()
	if err != nil {
		w.refused = append(w.refused, err)
		rw.WriteHeader(http.StatusBadRequest)
		return
	}
	w.notices = append(w.notices, n)
	rw.WriteHeader(http.StatusNoContent)
}

func (w *payWorld) fail(t *testing.T, f sim.Fault) {
	t.Helper()
	if err := w.platform.Fail(f); err != nil {
		t.Fatal(err)
	}
}

func (w *payWorld) prepayment() model.Prepayment {
	return model.Prepayment{
		OrderNo: orderNo, Description: "2026年11月党费", Total: 3200, OpenID: openID,
		ExpiresAt: model.At(w.clock.now().Add(30 * time.Minute)),
	}
}

// prepay makes the order and returns its prepay_id.
func (w *payWorld) prepay(t *testing.T) string {
	t.Helper()
	params, err := w.Prepay(t.Context(), w.prepayment())
	if err != nil {
		t.Fatal(err)
	}
	return params.Package[len(prepaidPrefix):]
}

func (w *payWorld) paid(t *testing.T) {
	t.Helper()
	if _, err := w.platform.Pay(t.Context(), w.prepay(t)); err != nil {
		t.Fatal(err)
	}
}

func refundRequest() model.RefundRequest {
	return model.RefundRequest{RefundNo: refundNo, OrderNo: orderNo, Amount: 1200, Total: 3200, Reason: "多交"}
}

// payCodeOf is the platform's code behind err, "" when the platform did not refuse.
func payCodeOf(err error) string {
	var e *PayError
	if errors.As(err, &e) {
		return e.Code
	}
	return ""
}

// wantPayError checks which refusal err is, and the platform's code behind it.
func wantPayError(t *testing.T, err error, want *model.Error, code string) {
	t.Helper()
	if !errors.Is(err, want) {
		t.Fatalf("error = %v, want %s", err, want.Code)
	}
	if got := payCodeOf(err); got != code {
		t.Errorf("%v: code %q, want %q", err, got, code)
	}
	if m := model.AsError(err); m.Message == "" || m.Kind == model.Unavailable && m.RetryAfter == 0 {
		t.Errorf("%v has no sentence or no time to try again", err)
	}
	wantClean(t, err.Error(), openID, "Wechatpay-Signature", "Authorization", merchant().APIv3Key)
}
