package wechat

import (
	"context"
	"crypto"
	"crypto/rsa"
	"crypto/sha256"
	"encoding/base64"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"zhibu/model"
	"zhibu/service/wechat/sim"
)

func TestPrepay(t *testing.T) {
	w := newPayWorld(t)
	got, err := w.Prepay(t.Context(), w.prepayment())
	if err != nil {
		t.Fatal(err)
	}
	message := appID + "\n" + got.TimeStamp + "\n" + got.NonceStr + "\n" + got.Package + "\n"
	sum := sha256.Sum256([]byte(message))
	signature, err := base64.StdEncoding.DecodeString(got.PaySign)
	if err != nil {
		t.Fatal(err)
	}
	if err := rsa.VerifyPKCS1v15(&merchant().PrivateKey.PublicKey, crypto.SHA256, sum[:], signature); err != nil {
		t.Errorf("paySign: %v", err)
	}
	if !strings.HasPrefix(got.Package, "prepay_id=wx") || got.SignType != "RSA" {
		t.Errorf("%+v", got)
	}
	again, err := w.Prepay(t.Context(), w.prepayment())
	if err != nil || again.Package == got.Package {
		t.Errorf("the same again: %+v, %v, want a new prepay_id", again, err)
	}
}

func TestPrepayRefused(t *testing.T) {
	for name, tc := range map[string]struct {
		before func(t *testing.T, w *payWorld)
		change func(*model.Prepayment)
		want   *model.Error
		code   string
	}{
		"another amount":      {prepaidBefore, func(o *model.Prepayment) { o.Total++ }, ErrOrderUsed, "INVALID_REQUEST"},
		"another description": {prepaidBefore, func(o *model.Prepayment) { o.Description = "x" }, ErrOrderUsed, "INVALID_REQUEST"},
		"another member":      {prepaidBefore, func(o *model.Prepayment) { o.OpenID = "other" }, ErrOrderUsed, "INVALID_REQUEST"},
		"paid":                {paidBefore, nil, ErrOrderPaid, "ORDERPAID"},
		"closed":              {closedBefore, nil, ErrOrderClosed, "ORDER_CLOSED"},
		"nothing to pay":      {nil, func(o *model.Prepayment) { o.Total = 0 }, ErrPayUnavailable, "PARAM_ERROR"},
		"a long description": {nil, func(o *model.Prepayment) { o.Description = strings.Repeat("党", 43) },
			ErrPayUnavailable, "PARAM_ERROR"},
		"a short number": {nil, func(o *model.Prepayment) { o.OrderNo = "D1" }, ErrPayUnavailable, "PARAM_ERROR"},
		"no time left": {nil, func(o *model.Prepayment) { o.ExpiresAt = o.ExpiresAt.Add(-30 * time.Minute) },
			ErrPayUnavailable, "PARAM_ERROR"},
	} {
		t.Run(name, func(t *testing.T) {
			w := newPayWorld(t)
			o := w.prepayment()
			if tc.before != nil {
				tc.before(t, w)
			}
			if tc.change != nil {
				tc.change(&o)
			}
			_, err := w.Prepay(t.Context(), o)
			wantPayError(t, err, tc.want, tc.code)
		})
	}
}

func prepaidBefore(t *testing.T, w *payWorld) { w.prepay(t) }

func paidBefore(t *testing.T, w *payWorld) { w.paid(t) }

func closedBefore(t *testing.T, w *payWorld) {
	w.prepay(t)
	if err := w.Close(t.Context(), orderNo); err != nil {
		t.Fatal(err)
	}
}

func refundedBefore(t *testing.T, w *payWorld) {
	w.paid(t)
	if _, err := w.Refund(t.Context(), refundRequest()); err != nil {
		t.Fatal(err)
	}
}

func TestQuery(t *testing.T) {
	for name, tc := range map[string]struct {
		before func(t *testing.T, w *payWorld)
		want   model.TradeState
	}{
		"unpaid":   {prepaidBefore, model.TradeUnpaid},
		"paid":     {paidBefore, model.TradePaid},
		"closed":   {closedBefore, model.TradeClosed},
		"refunded": {refundedBefore, model.TradeRefunded},
		"expired": {func(t *testing.T, w *payWorld) {
			w.prepay(t)
			w.clock.advance(30 * time.Minute)
		}, model.TradeClosed},
	} {
		t.Run(name, func(t *testing.T) {
			w := newPayWorld(t)
			at := model.At(w.clock.now())
			tc.before(t, w)
			got, err := w.Query(t.Context(), orderNo)
			if err != nil {
				t.Fatal(err)
			}
			want := model.Trade{OrderNo: orderNo, State: tc.want, AppID: appID, MchID: merchant().MchID, Total: 3200}
			if want.Paid() {
				want.PaidAt, want.Currency, want.TransactionID = at, "CNY", got.TransactionID
			}
			if diff := cmp.Diff(want, got); diff != "" || want.Paid() != (got.TransactionID != "") {
				t.Errorf("(-want +got):\n%s", diff)
			}
		})
	}
}

func TestQueryNothing(t *testing.T) {
	w := newPayWorld(t)
	_, err := w.Query(t.Context(), orderNo)
	wantPayError(t, err, model.ErrNoTrade, "ORDER_NOT_EXIST")
	for _, malformed := range []string{"", "a", "../../x", "number with a blank", strings.Repeat("1", 33)} {
		_, err = w.Query(t.Context(), malformed)
		wantPayError(t, err, model.ErrNoTrade, "")
		if err := w.Close(t.Context(), malformed); err != nil {
			t.Errorf("close %q: %v", malformed, err)
		}
	}
	if n := len(w.platform.Journal()); n != 1 {
		t.Errorf("%d requests, want 1", n)
	}
}

func TestClose(t *testing.T) {
	for name, tc := range map[string]struct {
		before func(t *testing.T, w *payWorld)
		want   *model.Error
	}{
		"unpaid":   {prepaidBefore, nil},
		"closed":   {closedBefore, nil},
		"unknown":  {func(*testing.T, *payWorld) {}, nil},
		"paid":     {paidBefore, ErrOrderPaid},
		"refunded": {refundedBefore, ErrOrderPaid},
	} {
		t.Run(name, func(t *testing.T) {
			w := newPayWorld(t)
			tc.before(t, w)
			err := w.Close(t.Context(), orderNo)
			if tc.want == nil {
				if err != nil {
					t.Error(err)
				}
				return
			}
			wantPayError(t, err, tc.want, "ORDERPAID")
		})
	}
}

// calls are all operations that ask the platform something, after the order was paid and a refund asked for.
func (w *payWorld) all() map[string]func(context.Context) error {
	return map[string]func(context.Context) error{
		prepayPath:  func(ctx context.Context) error { _, err := w.Prepay(ctx, w.prepayment()); return err },
		tradePath:   func(ctx context.Context) error { _, err := w.Query(ctx, orderNo); return err },
		closePath:   func(ctx context.Context) error { return w.Close(ctx, orderNo) },
		refundsPath: func(ctx context.Context) error { _, err := w.Refund(ctx, refundRequest()); return err },
		refundPath:  func(ctx context.Context) error { _, err := w.QueryRefund(ctx, refundNo); return err },
		billPath:    func(ctx context.Context) error { _, err := w.Bill(ctx, "2026-11-23"); return err },
	}
}

// TestFaultsOfEveryCall: none of these may look like success, or like an answer about the order. The order is unpaid
// for the calls that a paid one refuses anyway.
func TestFaultsOfEveryCall(t *testing.T) {
	for name, tc := range map[string]struct {
		fault sim.Fault
		want  *model.Error
		code  string
	}{
		"unsigned":      {sim.Fault{Unsigned: true}, ErrPayUnavailable, ""},
		"bad signature": {sim.Fault{BadSignature: true}, ErrPayUnavailable, ""},
		"probe":         {sim.Fault{Probe: true}, ErrPayUnavailable, ""},
		"slow clock":    {sim.Fault{SkewSeconds: -301}, ErrPayUnavailable, ""},
		"fast clock":    {sim.Fault{SkewSeconds: 302}, ErrPayUnavailable, ""},
		"reset":         {sim.Fault{Reset: true}, ErrPayUnavailable, ""},
		"gateway":       {sim.Fault{Status: 502}, ErrPayUnavailable, ""},
		"portal":        {sim.Fault{HTML: true}, ErrPayUnavailable, ""},
		"system error":  {sim.Fault{Code: "SYSTEM_ERROR"}, ErrPayUnavailable, "SYSTEM_ERROR"},
		"sign error":    {sim.Fault{Code: "SIGN_ERROR"}, ErrPayUnavailable, "SIGN_ERROR"},
		"not bound":     {sim.Fault{Code: "APPID_MCHID_NOT_MATCH"}, ErrPayUnavailable, "APPID_MCHID_NOT_MATCH"},
		"no authority":  {sim.Fault{Code: "NO_AUTH"}, ErrPayUnavailable, "NO_AUTH"},
		"too many":      {sim.Fault{Code: "FREQUENCY_LIMITED"}, ErrPayTooMany, "FREQUENCY_LIMITED"},
		"unheard of":    {sim.Fault{Code: "UNHEARD_OF"}, ErrPayUnavailable, "UNHEARD_OF"},
	} {
		t.Run(name, func(t *testing.T) {
			w := newPayWorld(t)
			refundedBefore(t, w)
			w.clock.advance(24 * time.Hour)
			for endpoint, call := range w.all() {
				if tc.code == "" && (endpoint == prepayPath || endpoint == closePath) {
					continue // a paid order is refused, and refusals are not proved: see below
				}
				tc.fault.Endpoint = endpoint
				w.fail(t, tc.fault)
				wantPayError(t, call(t.Context()), tc.want, tc.code)
				if endpoint == prepayPath || endpoint == closePath {
					continue
				}
				if err := call(t.Context()); err != nil {
					t.Errorf("%s, the next: %v", endpoint, err)
				}
			}
		})
		t.Run(name+", unpaid", func(t *testing.T) {
			w := newPayWorld(t)
			w.prepay(t)
			for _, endpoint := range []string{prepayPath, closePath} {
				tc.fault.Endpoint = endpoint
				w.fail(t, tc.fault)
				wantPayError(t, w.all()[endpoint](t.Context()), tc.want, tc.code)
			}
		})
	}
}

// TestFaultsOfAQuery: the signature is right and the content is not ours. Amount and currency are the caller's to see.
func TestFaultsOfAQuery(t *testing.T) {
	w := newPayWorld(t)
	w.paid(t)
	for name, f := range map[string]sim.Fault{
		"another merchant": {WrongMchID: true}, "another app": {WrongAppID: true}, "empty": {Empty: true},
		"broken off": {Truncate: true},
	} {
		f.Endpoint = tradePath
		w.fail(t, f)
		if got, err := w.Query(t.Context(), orderNo); err == nil || got != (model.Trade{}) {
			t.Errorf("%s: %+v, %v", name, got, err)
		} else {
			wantPayError(t, err, ErrPayUnavailable, "")
		}
	}
	w.fail(t, sim.Fault{Endpoint: tradePath, WrongAmount: true, WrongCurrency: true})
	got, err := w.Query(t.Context(), orderNo)
	if err != nil || got.Total != 3201 || got.Currency != "USD" {
		t.Errorf("%+v, %v", got, err)
	}
}

func TestNoPrepayID(t *testing.T) {
	for _, f := range []sim.Fault{{NoPrepayID: true}, {Endpoint: prepayPath, Empty: true}} {
		w := newPayWorld(t)
		w.fail(t, f)
		_, err := w.Prepay(t.Context(), w.prepayment())
		wantPayError(t, err, ErrPayUnavailable, "")
		if !strings.Contains(w.log.String(), "panicked") {
			t.Error("the panic is not in the log")
		}
		wantClean(t, w.log.String(), openID, merchant().APIv3Key)
		if _, err := w.Prepay(t.Context(), w.prepayment()); err != nil {
			t.Errorf("the next: %v", err)
		}
	}
}
