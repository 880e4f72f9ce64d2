package wechat

import (
	"strings"
	"testing"
	"time"
	"unicode/utf8"

	"github.com/google/go-cmp/cmp"

	"zhibu/model"
	"zhibu/service/wechat/sim"
)

func TestRefund(t *testing.T) {
	for name, tc := range map[string]struct {
		fault sim.Fault
		want  model.RefundState
	}{
		"done":     {sim.Fault{}, model.RefundDone},
		"held":     {sim.Fault{HoldRefund: true}, model.RefundProcessing},
		"abnormal": {sim.Fault{RefundAbnormal: true}, model.RefundAbnormal},
		"closed":   {sim.Fault{RefundClosed: true}, model.RefundClosed},
	} {
		t.Run(name, func(t *testing.T) {
			w := newPayWorld(t)
			w.paid(t)
			w.notices = nil
			if tc.fault != (sim.Fault{}) {
				w.fail(t, tc.fault)
			}
			got, err := w.Refund(t.Context(), refundRequest())
			want := model.RefundTrade{
				RefundNo: refundNo, OrderNo: orderNo, RefundID: got.RefundID, State: model.RefundProcessing,
				Amount: 1200, Total: 3200, Currency: "CNY",
			}
			if diff := cmp.Diff(want, got); diff != "" || err != nil || got.RefundID == "" {
				t.Errorf("accepted: %v (-want +got):\n%s", err, diff)
			}
			if want.State = tc.want; tc.want == model.RefundDone {
				want.DoneAt = model.At(w.clock.now())
			}
			got, err = w.QueryRefund(t.Context(), refundNo)
			if diff := cmp.Diff(want, got); diff != "" || err != nil {
				t.Errorf("asked for: %v (-want +got):\n%s", err, diff)
			}
			delivered := w.platform.DeliverDue(t.Context())
			if tc.want == model.RefundProcessing {
				if delivered != 0 {
					t.Error("notified of a refund under way")
				}
				return
			}
			want.Currency, want.MchID = "", merchant().MchID
			if diff := cmp.Diff([]model.PayNotice{{Refund: &want}}, w.notices); diff != "" || delivered != 1 {
				t.Errorf("notified %d (-want +got):\n%s", delivered, diff)
			}
		})
	}
}

func TestRefundAgain(t *testing.T) {
	w := newPayWorld(t)
	refundedBefore(t, w)
	got, err := w.Refund(t.Context(), refundRequest())
	if err != nil || got.State != model.RefundDone {
		t.Errorf("the same number: %+v, %v", got, err)
	}
	r := refundRequest()
	r.Amount++
	_, err = w.Refund(t.Context(), r)
	wantPayError(t, err, ErrRefundRefused, "INVALID_REQUEST")

	r = refundRequest()
	r.RefundNo = "R2"
	_, err = w.Refund(t.Context(), r)
	wantPayError(t, err, ErrPayTooMany, "FREQUENCY_LIMITED")
	if after := model.AsError(err).RetryAfter; after <= 0 || after > time.Minute {
		t.Errorf("try again after %v", after)
	}
	w.clock.advance(time.Minute)
	r.Amount = 2001
	_, err = w.Refund(t.Context(), r)
	wantPayError(t, err, ErrRefundRefused, "INVALID_REQUEST")
	r.Amount = 2000
	if _, err = w.Refund(t.Context(), r); err != nil {
		t.Error(err)
	}
}

func TestRefundRefused(t *testing.T) {
	for name, tc := range map[string]struct {
		before func(t *testing.T, w *payWorld)
		fault  string
		want   *model.Error
		code   string
	}{
		"unpaid":       {prepaidBefore, "", model.ErrNoTrade, "RESOURCE_NOT_EXISTS"},
		"unknown":      {func(*testing.T, *payWorld) {}, "", model.ErrNoTrade, "RESOURCE_NOT_EXISTS"},
		"no money":     {paidBefore, "NOT_ENOUGH", ErrRefundBalance, "NOT_ENOUGH"},
		"account gone": {paidBefore, "USER_ACCOUNT_ABNORMAL", ErrRefundAccount, "USER_ACCOUNT_ABNORMAL"},
	} {
		t.Run(name, func(t *testing.T) {
			w := newPayWorld(t)
			tc.before(t, w)
			if tc.fault != "" {
				w.fail(t, sim.Fault{Endpoint: refundsPath, Code: tc.fault})
			}
			_, err := w.Refund(t.Context(), refundRequest())
			wantPayError(t, err, tc.want, tc.code)
			_, err = w.QueryRefund(t.Context(), refundNo)
			wantPayError(t, err, model.ErrNoTrade, "RESOURCE_NOT_EXISTS")
		})
	}
	w := newPayWorld(t)
	_, err := w.QueryRefund(t.Context(), "a/b")
	wantPayError(t, err, model.ErrNoTrade, "")
}

func TestReasonIsCut(t *testing.T) {
	w := newPayWorld(t)
	w.paid(t)
	r := refundRequest()
	r.Reason = strings.Repeat("党", 40)
	if _, err := w.Refund(t.Context(), r); err != nil {
		t.Error(err)
	}
	if got := cutReason(r.Reason); len(got) > maxReason || !utf8.ValidString(got) || len(got) < maxReason-3 {
		t.Errorf("cut to %q", got)
	}
}
