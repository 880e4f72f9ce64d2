package sim

import (
	"errors"
	"net/http"
	"strconv"
	"strings"
	"sync"
	"testing"
	"time"
)

func TestMerchantHasToSign(t *testing.T) {
	w := newPayWorld(t)
	query := "/v3/pay/transactions/out-trade-no/" + outTradeNo + "?mchid=" + w.merchant.MchID
	other := *w.merchant
	other.MchID = "1900000002"
	set := func(value string) func(*http.Request) {
		return func(r *http.Request) { r.Header.Set("Authorization", value) }
	}
	good := authorizationOf(w.merchant, http.MethodGet, query, "", time.Now())
	for name, change := range map[string]func(*http.Request){
		"no signature":     func(r *http.Request) { r.Header.Del("Authorization") },
		"another scheme":   set("Bearer x"),
		"another merchant": set(authorizationOf(&other, http.MethodGet, query, "", time.Now())),
		"another path":     set(authorizationOf(w.merchant, http.MethodGet, query+"x", "", time.Now())),
		"another body":     set(authorizationOf(w.merchant, http.MethodGet, query, "{}", time.Now())),
		"another method":   set(authorizationOf(w.merchant, http.MethodPost, query, "", time.Now())),
		"another serial":   set(strings.Replace(good, w.merchant.CertSerial, "00", 1)),
		"an old one":       set(authorizationOf(w.merchant, http.MethodGet, query, "", time.Now().Add(-signWindow))),
		"no base64":        set(strings.Replace(good, `signature="`, `signature="!`, 1)),
	} {
		status, body := w.askWith(t, query, "", change)
		if status != http.StatusUnauthorized || codeOf(body) != "SIGN_ERROR" {
			t.Errorf("%s: %d %s", name, status, body)
		}
	}
	if status, body := w.askWith(t, query, "", set(good)); codeOf(body) != "ORDER_NOT_EXIST" {
		t.Errorf("signed: %d %s", status, body)
	}
}

func TestPrepayRules(t *testing.T) {
	w := newPayWorld(t)
	body := w.prepayBody(outTradeNo)
	replace := func(old, new string) string { return strings.Replace(body, old, new, 1) }
	for name, tc := range map[string]struct{ body, code string }{
		"no JSON":            {"x", "PARAM_ERROR"},
		"another app":        {replace(appID, "wxother"), "APPID_MCHID_NOT_MATCH"},
		"another merchant":   {replace(w.merchant.MchID, "1"), "MCH_NOT_EXISTS"},
		"a short number":     {replace(outTradeNo, "D1234"), "PARAM_ERROR"},
		"a strange number":   {replace(outTradeNo, "D1234/"), "PARAM_ERROR"},
		"no money":           {replace("3200", "0"), "PARAM_ERROR"},
		"another currency":   {replace("CNY", "USD"), "PARAM_ERROR"},
		"no description":     {replace("党费", ""), "PARAM_ERROR"},
		"a long description": {replace("党费", strings.Repeat("费", 43)), "PARAM_ERROR"},
		"a query":            {replace("/n", "/n?x=1"), "PARAM_ERROR"},
		"no payer":           {replace(openID, ""), "PARAM_ERROR"},
		"no time": {replace(`"appid"`, `"time_expire":"2026-11-23T09:00:59Z","appid"`),
			"PARAM_ERROR"},
	} {
		if status, out := w.ask(t, pathPrepay, tc.body); codeOf(out) != tc.code || status != http.StatusBadRequest {
			t.Errorf("%s: %d %s, want %s", name, status, out, tc.code)
		}
	}
	if n := len(w.Orders()); n != 0 {
		t.Errorf("%d orders", n)
	}
	if status, out := w.ask(t, "/v3/nowhere", "{}"); status != http.StatusNotFound {
		t.Errorf("%d %s", status, out)
	}
	if status, out := w.ask(t, pathPrepay, ""); status != http.StatusNotFound {
		t.Errorf("a GET: %d %s", status, out)
	}
}

func TestPaying(t *testing.T) {
	w := newPayWorld(t)
	ctx := t.Context()
	id := w.prepay(t, outTradeNo)
	if got, err := w.Cancel(id); err != nil || got != (Payment{OutTradeNo: outTradeNo}) || w.state(t, outTradeNo) != stateUnpaid {
		t.Errorf("cancelled: %+v, %v", got, err)
	}
	second := w.prepay(t, outTradeNo)
	got, err := w.Pay(ctx, id)
	if err != nil || !got.Notified || len(got.TransactionID) != 28 || w.state(t, outTradeNo) != statePaid {
		t.Errorf("paid: %+v, %v", got, err)
	}
	for _, again := range []string{id, second} {
		if _, err := w.Pay(ctx, again); !errors.Is(err, ErrNotNow) {
			t.Errorf("paid twice: %v", err)
		}
		if _, err := w.Cancel(again); !errors.Is(err, ErrNotNow) {
			t.Errorf("cancelled after that: %v", err)
		}
	}
	if _, err := w.Pay(ctx, "wx"); !errors.Is(err, ErrUnknown) {
		t.Errorf("nothing paid: %v", err)
	}
	if _, out := w.ask(t, "/v3/pay/transactions/id/"+got.TransactionID+"?mchid="+w.merchant.MchID, ""); !strings.Contains(out, outTradeNo) {
		t.Errorf("by id: %s", out)
	}
	if _, out := w.ask(t, "/v3/pay/transactions/id/1?mchid="+w.merchant.MchID, ""); codeOf(out) != "ORDER_NOT_EXIST" {
		t.Errorf("by another id: %s", out)
	}

	id = w.prepay(t, "D-closed")
	if status, body := w.close(t, "D-closed"); status != http.StatusNoContent || body != "" {
		t.Errorf("close: %d %s", status, body)
	}
	if status, body := w.close(t, "D-closed"); codeOf(body) != "ORDER_CLOSED" {
		t.Errorf("close again: %d %s", status, body)
	}
	if _, err := w.Pay(ctx, id); !errors.Is(err, ErrNotNow) {
		t.Errorf("paid a closed one: %v", err)
	}
}

func TestTimesOfAnOrder(t *testing.T) {
	w := newPayWorld(t)
	id := w.prepay(t, outTradeNo)
	w.advance(prepayLife)
	if _, err := w.Pay(t.Context(), id); !errors.Is(err, ErrNotNow) {
		t.Errorf("after two hours: %v", err)
	}
	id = w.prepay(t, outTradeNo)
	w.advance(unpaidLife - prepayLife)
	if s := w.state(t, outTradeNo); s != stateClosed {
		t.Errorf("after seven days: %s", s)
	}
	if _, err := w.Pay(t.Context(), id); !errors.Is(err, ErrNotNow) {
		t.Errorf("paid after seven days: %v", err)
	}
	if _, body := w.ask(t, pathPrepay, w.prepayBody(outTradeNo)); codeOf(body) != "ORDER_CLOSED" {
		t.Errorf("asked again after seven days: %s", body)
	}
}

func TestRefundRules(t *testing.T) {
	w := newPayWorld(t)
	id := w.prepay(t, outTradeNo)
	if _, body := w.refund(t, "R0", 1); codeOf(body) != "RESOURCE_NOT_EXISTS" {
		t.Errorf("of an unpaid one: %s", body)
	}
	if _, err := w.Pay(t.Context(), id); err != nil {
		t.Fatal(err)
	}
	for name, tc := range map[string]struct {
		no  string
		fen int
	}{"no number": {"", 1}, "a strange number": {"R/", 1}, "nothing": {"R0", 0}} {
		if _, body := w.refund(t, tc.no, tc.fen); codeOf(body) != "PARAM_ERROR" {
			t.Errorf("%s: %s", name, body)
		}
	}
	if _, body := w.refund(t, "R0", 3201); codeOf(body) != "INVALID_REQUEST" {
		t.Errorf("too much: %s", body)
	}
	if err := w.Fail(Fault{RefundClosed: true}); err != nil {
		t.Fatal(err)
	}
	w.refund(t, "R-closed", 3200) // gives nothing
	for i := 1; i < maxRefunds; i++ {
		w.advance(refundSpacing)
		if status, body := w.refund(t, "R"+strconv.Itoa(i), 1); status != http.StatusOK {
			t.Fatalf("refund %d: %s", i, body)
		}
	}
	w.advance(refundSpacing)
	if _, body := w.refund(t, "R-last", 1); codeOf(body) != "INVALID_REQUEST" {
		t.Errorf("the 51st: %s", body)
	}
	w = newPayWorld(t)
	if _, err := w.Pay(t.Context(), w.prepay(t, outTradeNo)); err != nil {
		t.Fatal(err)
	}
	w.advance(refundWithin + time.Second)
	if _, body := w.refund(t, "R1", 1); codeOf(body) != "INVALID_REQUEST" {
		t.Errorf("after a year: %s", body)
	}
}

func TestHeldRefund(t *testing.T) {
	w := newPayWorld(t)
	if _, err := w.Pay(t.Context(), w.prepay(t, outTradeNo)); err != nil {
		t.Fatal(err)
	}
	if err := w.Fail(Fault{HoldRefund: true}); err != nil {
		t.Fatal(err)
	}
	w.refund(t, "R1", 100)
	if w.DeliverDue(t.Context()) != 0 || w.Orders()[0].Refunds[0].State != refundProcessing {
		t.Errorf("%+v", w.Orders())
	}
	if _, err := w.FinishRefund(t.Context(), "R1", "lost"); err == nil {
		t.Error("an unknown result was taken")
	}
	if ok, err := w.FinishRefund(t.Context(), "R1", "abnormal"); !ok || err != nil || w.got[1].EventType != "REFUND.ABNORMAL" {
		t.Errorf("%v, %v", ok, err)
	}
	if _, err := w.FinishRefund(t.Context(), "R1", "success"); !errors.Is(err, ErrNotNow) {
		t.Errorf("ended twice: %v", err)
	}
	if _, err := w.FinishRefund(t.Context(), "R2", "success"); !errors.Is(err, ErrUnknown) {
		t.Errorf("another: %v", err)
	}
}

// TestPayingAtOnce: of many who pay one order at once, one succeeds, and one notification arrives.
func TestPayingAtOnce(t *testing.T) {
	w := newPayWorld(t)
	id := w.prepay(t, outTradeNo)
	var wg sync.WaitGroup
	var mu sync.Mutex
	paid := 0
	for range 20 {
		wg.Go(func() {
			_, err := w.Pay(t.Context(), id)
			w.DeliverDue(t.Context())
			w.Orders()
			mu.Lock()
			defer mu.Unlock()
			if err == nil {
				paid++
			}
		})
	}
	wg.Wait()
	if paid != 1 || w.arrived() != 1 {
		t.Errorf("paid %d times, notified %d times", paid, w.arrived())
	}
}

func TestWithoutAMerchant(t *testing.T) {
	w := newWorld()
	if _, err := w.Pay(t.Context(), "wx"); !errors.Is(err, ErrNotNow) {
		t.Error(err)
	}
	if _, err := w.Cancel("wx"); !errors.Is(err, ErrNotNow) {
		t.Error(err)
	}
	if _, err := w.FinishRefund(t.Context(), "R", "success"); !errors.Is(err, ErrNotNow) {
		t.Error(err)
	}
	if w.DeliverDue(t.Context()) != 0 || len(w.Orders()) != 0 {
		t.Error("something out of nothing")
	}
	if _, body := w.do(t, pathPrepay, "{}"); errcode(body) != 40066 {
		t.Errorf("%s", body)
	}
}
