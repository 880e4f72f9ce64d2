package api_test

import (
	"bytes"
	"fmt"
	"io"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync"
	"testing"
	"time"

	"zhibu/api"
	"zhibu/model"
	"zhibu/service/dues"
	"zhibu/service/wechat/sim"
)

// sentNotice is a notification as it came, to be sent again in other ways.
type sentNotice struct {
	header http.Header
	body   []byte
}

// overhear keeps the notifications that reach the router.
func (w *world) overhear() *[]sentNotice {
	var mu sync.Mutex
	heard, router := []sentNotice{}, w.handler
	w.handler = http.HandlerFunc(func(out http.ResponseWriter, r *http.Request) {
		if strings.HasSuffix(r.URL.Path, "/wechat/pay/notify") {
			body, err := io.ReadAll(r.Body)
			w.must(err)
			mu.Lock()
			heard = append(heard, sentNotice{r.Header.Clone(), body})
			mu.Unlock()
			r.Body = io.NopCloser(bytes.NewReader(body))
		}
		router.ServeHTTP(out, r)
	})
	return &heard
}

// notify sends a notification with a body of its own length.
func (w *world) notify(header http.Header, body []byte) *httptest.ResponseRecorder {
	w.t.Helper()
	r := httptest.NewRequestWithContext(w.t.Context(), "POST", "/api/v1/wechat/pay/notify", bytes.NewReader(body))
	r.Header = header.Clone()
	recorder := httptest.NewRecorder()
	w.handler.ServeHTTP(recorder, r)
	return recorder
}

// TestForgedNotices: whatever is not WeChat Pay's own word is refused, recorded and changes nothing.
func TestForgedNotices(t *testing.T) {
	billed(t, func(t *testing.T, w *world) {
		heard := w.overhear()
		w.fail(sim.Fault{Endpoint: "notify", LateNotify: true})
		no := w.paidOrder()
		w.clock.Advance(15 * time.Second)
		router := w.handler // it gets as far as here, and is not taken
		w.handler = http.HandlerFunc(func(out http.ResponseWriter, r *http.Request) {
			body, err := io.ReadAll(r.Body)
			w.must(err)
			*heard = append(*heard, sentNotice{r.Header.Clone(), body})
			out.WriteHeader(http.StatusBadGateway)
		})
		w.wechat.DeliverDue(t.Context())
		w.handler = router
		if len(*heard) != 1 {
			t.Fatalf("%d notifications", len(*heard))
		}
		good := (*heard)[0]
		header := func(field, value string) http.Header {
			h := good.header.Clone()
			h.Set(field, value)
			return h
		}
		before, refused := w.duesRows(), w.recorded("dues.notice_refused")
		for name, c := range map[string]sentNotice{
			"nothing":                 {http.Header{}, nil},
			"no signature":            {http.Header{"Content-Type": {"application/json"}}, good.body},
			"forged":                  {header("Wechatpay-Signature", "Zm9yZ2Vk"), good.body},
			"no base64":               {header("Wechatpay-Signature", "签名"), good.body},
			"another key":             {header("Wechatpay-Serial", "PUB_KEY_ID_0000000000000000000000000000"), good.body},
			"another nonce":           {header("Wechatpay-Nonce", "x"), good.body},
			"another time":            {header("Wechatpay-Timestamp", "1767225600"), good.body},
			"no time":                 {header("Wechatpay-Timestamp", "今天"), good.body},
			"a probe":                 {header("Wechatpay-Signature", "WECHATPAY/SIGNTEST/"+strings.Repeat("A", 300)), good.body},
			"another type":            {header("Wechatpay-Signature-Type", "WECHATPAY2-SM2-WITH-SM3"), good.body},
			"cut off":                 {good.header, good.body[:len(good.body)/2]},
			"one byte more":           {good.header, append(bytes.Clone(good.body), ' ')},
			"wrong type and unsigned": {http.Header{"Content-Type": {"text/xml"}}, []byte("<xml><return_code>SUCCESS</return_code></xml>")},
			"not JSON":                {good.header, []byte("\x00\xff")},
			"null":                    {good.header, []byte("null")},
			"100 KiB":                 {good.header, bytes.Repeat([]byte("x"), 100<<10)},
		} {
			a := w.notify(c.header, c.body)
			if a.Code != 400 || strings.TrimSpace(a.Body.String()) != `{"code":"FAIL","message":"失败"}` {
				t.Errorf("%s: %d %s", name, a.Code, a.Body)
			}
			if n := w.recorded("dues.notice_refused"); n != refused+1 {
				t.Errorf("%s: %d events in the audit, want 1", name, n-refused)
			}
			refused = w.recorded("dues.notice_refused")
		}
		if a := w.notify(good.header, bytes.Repeat([]byte("x"), 10<<20)); a.Code != 413 || w.recorded("dues.notice_refused") != refused+1 {
			t.Errorf("10 MiB: %d %s", a.Code, a.Body)
		}
		endless := httptest.NewRequestWithContext(t.Context(), "POST", "/api/v1/wechat/pay/notify", io.LimitReader(neverEnding{}, 10<<20))
		endless.ContentLength, endless.Header = -1, good.header.Clone()
		a := httptest.NewRecorder()
		if w.handler.ServeHTTP(a, endless); a.Code != 400 {
			t.Errorf("10 MiB without a length: %d %s", a.Code, a.Body)
		}
		for _, method := range []string{"GET", "PUT", "DELETE"} {
			w.call(method, "/wechat/pay/notify", "", nil).refuses(405, "method_not_allowed")
		}
		if after := w.duesRows(); after != before || w.state(no) != "created" {
			t.Errorf("rows before: %s, after: %s", before, after)
		}
		for range 3 { // the true one, and its replays while it is young
			if a := w.notify(good.header, good.body); a.Code != 204 {
				t.Errorf("the true one: %d %s", a.Code, a.Body)
			}
		}
		w.sound(no, 1)
	})
}

// neverEnding reads as spaces.
type neverEnding struct{}

func (neverEnding) Read(p []byte) (int, error) {
	for i := range p {
		p[i] = ' '
	}
	return len(p), nil
}

// TestRefusedNoticesAreBounded: whoever floods the address does not flood the audit.
func TestRefusedNoticesAreBounded(t *testing.T) {
	each(t, func(t *testing.T, w *world) {
		for range 100 {
			if a := w.notify(http.Header{}, []byte("{}")); a.Code != 400 {
				t.Fatal(a.Code)
			}
		}
		if n := w.recorded("dues.notice_refused"); n != 60 {
			t.Errorf("%d events in the audit", n)
		}
	})
}

// TestWithoutMerchant: nobody pays by phone, and the address of the notifications is none.
func TestWithoutMerchant(t *testing.T) {
	billed(t, func(t *testing.T, w *world) {
		no := w.paidOrder()
		w.services.Dues = dues.New(w.db, w.keys, w.clock.Now, nil, false)
		w.handler = api.New(w.services, api.Options{Now: w.clock.Now, Logger: slog.New(slog.DiscardHandler), Version: "test", Ready: w.db.Ping})
		if a := w.notify(http.Header{}, []byte("{}")); a.Code != 404 || !strings.Contains(a.Body.String(), `"not_found"`) {
			t.Errorf("%d %s", a.Code, a.Body)
		}
		w.call("POST", "/me/dues/orders", w.token(plain), object{"months": []string{"2026-02"}}).refuses(409, "pay_off")
		w.reconcile(w.console()).refuses(409, "pay_off")
		w.refund(no, 1, "r").refuses(409, "pay_off")
		same(t, "the order stays", w.look(plain, no), object{"state": "paid"})
		w.must(w.services.Dues.Poll(t.Context()))
		w.must(w.services.Dues.ReconcileYesterday(t.Context()))
	})
}

// TestNothingPrivateLeaks: no openid, key, signature or base of anybody's dues is in an answer, the log or the audit.
func TestNothingPrivateLeaks(t *testing.T) {
	billed(t, func(t *testing.T, w *world) {
		var said, logged lockedBuffer
		logger := slog.New(slog.NewJSONHandler(&logged, &slog.HandlerOptions{Level: slog.LevelDebug}))
		router := api.New(w.services, api.Options{
			Now: w.clock.Now, Logger: logger, Version: "test", Ready: w.db.Ping, PublicURL: "https://zhibu.example", PayNotice: w.pay().ParseNotify,
		})
		w.handler = http.HandlerFunc(func(out http.ResponseWriter, r *http.Request) {
			recorder := httptest.NewRecorder()
			router.ServeHTTP(recorder, r)
			if !strings.Contains(r.URL.Path, "/auth/") {
				fmt.Fprintln(&said, recorder.Header(), recorder.Body.String())
			}
			for k, v := range recorder.Header() {
				out.Header()[k] = v
			}
			out.WriteHeader(recorder.Code)
			_, _ = out.Write(recorder.Body.Bytes())
		})
		heard := w.overhear()
		w.call("PUT", settingsOf(root)+"/dues.store_base", w.token(chief), object{"value": "true"}).wants(200)
		w.call("PUT", assessPath(nobody), w.token(secretary), object{"track": "party", "category": "salaried", "base_fen": 5_127_349, "effective_month": "2026-04"}).wants(200)
		for _, f := range []sim.Fault{{WrongAmount: true}, {BadSignature: true}, {WrongMchID: true}, {SkewSeconds: -999}} {
			f.Endpoint = "notify"
			w.fail(f)
		}
		w.fail(sim.Fault{Endpoint: prepayCall, Status: 502})
		w.call("POST", "/me/dues/orders", w.token(plain), object{"months": []string{"2026-03"}}).refuses(503, "wechat_pay_unavailable")
		a := w.order(plain, "2026-03")
		no := a.text("order_no")
		w.payOn(a)
		for range 4 {
			w.clock.Advance(5 * time.Minute)
			w.wechat.DeliverDue(t.Context())
		}
		w.fail(sim.Fault{Endpoint: refundCall, Code: "NOT_ENOUGH"})
		w.refund(no, 1, "r-1").refuses(409, "pay_refund_balance")
		w.refund(no, 1, "r-2").wants(200)
		w.nextDay()
		w.fail(sim.Fault{BadHash: true})
		w.reconcile(w.console()).refuses(503, "wechat_pay_unavailable")
		w.reconcile(w.console()).wants(201)
		for _, path := range []string{
			duesPath(branch, "bills"), duesPath(branch, "payments"), duesPath(branch, "statement"), duesPath(branch, "arrears"),
			duesPath(branch, "entries"), duesPath(branch, "publication"), "/me/dues", "/me/dues/orders", assessPath(nobody),
		} {
			w.call("GET", path, w.token(auditor), nil)
		}
		for _, path := range []string{"/me/dues", "/me/dues/orders", "/me/dues/orders/" + no, duesPath(branch, "publication")} {
			w.call("GET", path, w.token(plain), nil).wants(200)
		}
		audit := ""
		var events []model.AuditEvent
		w.must(w.db.Read(t.Context()).Find(&events).Error)
		for _, e := range events {
			audit += e.Action + e.Before + e.After + "\n"
		}
		m := merchant(t)
		private := []string{"o-member-", "openid", m.APIv3Key, "PRIVATE KEY", "WECHATPAY2", "5127349", "51273.49", "wx0123456789abcdef"}
		for _, n := range *heard {
			private = append(private, n.header.Get("Wechatpay-Signature"))
		}
		if len(*heard) < 5 || said.String() == "" || logged.String() == "" {
			t.Fatalf("%d notifications, %d answered, %d logged", len(*heard), len(said.String()), len(logged.String()))
		}
		params := a.object()["pay_params"].(object)
		for where, text := range map[string]string{"an answer": said.String(), "the log": logged.String(), "the audit": audit} {
			for _, p := range private {
				// The one who fixes the base is answered with it.
				if where == "an answer" && (p == "5127349" || p == "51273.49") && strings.Count(text, p) <= 3 {
					continue
				}
				if strings.Contains(text, p) {
					t.Errorf("%s has %.20s", where, p)
				}
			}
			if where != "an answer" && (strings.Contains(text, fmt.Sprint(params["paySign"])) || strings.Contains(text, a.prepayID())) {
				t.Errorf("%s has the parameters of a payment", where)
			}
		}
	})
}

// lockedBuffer is a buffer for several writers.
type lockedBuffer struct {
	mu sync.Mutex
	b  bytes.Buffer
}

func (l *lockedBuffer) Write(p []byte) (int, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.b.Write(p)
}

func (l *lockedBuffer) String() string {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.b.String()
}
