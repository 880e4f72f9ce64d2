package sim

import (
	"crypto"
	"crypto/rsa"
	"crypto/sha256"
	"encoding/base64"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"strconv"
	"strings"
	"sync"
	"testing"
	"time"
)

const outTradeNo = "D20261123-0001"

var testMerchant = sync.OnceValue(func() *Merchant {
	m, err := NewMerchant("1900000001")
	if err != nil {
		panic(err)
	}
	return m
})

// payWorld is a platform with a merchant, and a notify_url that takes everything unless it is told to refuse.
type payWorld struct {
	world
	merchant *Merchant

	meanwhile func() // happens while notify_url is at work

	mu     sync.Mutex
	got    []envelope
	status int
}

func newPayWorld(t *testing.T) *payWorld {
	t.Helper()
	return payWorldOf(t, testMerchant(), &clock{at: time.Date(2026, 11, 23, 9, 0, 0, 0, time.UTC)})
}

func payWorldOf(t *testing.T, m *Merchant, clk *clock) *payWorld {
	t.Helper()
	w := &payWorld{merchant: m, status: http.StatusOK}
	p := New(Config{AppID: appID, AppSecret: secret, Now: clk.now, Merchant: m, Deliver: w})
	w.world = world{p, clk, &http.Client{Transport: p.Transport()}}
	return w
}

// RoundTrip is notify_url.
func (w *payWorld) RoundTrip(r *http.Request) (*http.Response, error) {
	defer r.Body.Close()
	var e envelope
	if err := json.NewDecoder(r.Body).Decode(&e); err != nil {
		return nil, err
	}
	w.mu.Lock()
	w.got = append(w.got, e)
	w.mu.Unlock()
	if w.meanwhile != nil && w.arrived() == 1 {
		w.meanwhile()
	}
	w.mu.Lock()
	defer w.mu.Unlock()
	rec := httptest.NewRecorder()
	rec.WriteHeader(w.status)
	return rec.Result(), nil
}

func (w *payWorld) answering(status int) {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.status = status
}

func (w *payWorld) arrived() int {
	w.mu.Lock()
	defer w.mu.Unlock()
	return len(w.got)
}

func authorizationOf(m *Merchant, method, uri, body string, at time.Time) string {
	ts := strconv.FormatInt(at.Unix(), 10)
	sum := sha256.Sum256([]byte(method + "\n" + uri + "\n" + ts + "\nnonce\n" + body + "\n"))
	signature, err := rsa.SignPKCS1v15(nil, m.PrivateKey, crypto.SHA256, sum[:])
	if err != nil {
		panic(err)
	}
	return fmt.Sprintf(`WECHATPAY2-SHA256-RSA2048 mchid="%s",nonce_str="nonce",timestamp="%s",serial_no="%s",signature="%s"`,
		m.MchID, ts, m.CertSerial, base64.StdEncoding.EncodeToString(signature))
}

// ask sends a signed request; body "" is a GET.
func (w *payWorld) ask(t *testing.T, path, body string) (int, string) {
	t.Helper()
	return w.askWith(t, path, body, func(*http.Request) {})
}

func (w *payWorld) askWith(t *testing.T, path, body string, change func(*http.Request)) (int, string) {
	t.Helper()
	method := http.MethodPost
	if body == "" {
		method = http.MethodGet
	}
	r, err := http.NewRequestWithContext(t.Context(), method, "https://api.mch.weixin.qq.com"+path, strings.NewReader(body))
	if err != nil {
		t.Fatal(err)
	}
	r.Header.Set("Authorization", authorizationOf(w.merchant, method, path, body, time.Now()))
	change(r)
	resp, err := w.client.Do(r)
	if err != nil {
		t.Fatal(err)
	}
	defer resp.Body.Close()
	raw, err := io.ReadAll(resp.Body)
	if err != nil {
		t.Fatal(err)
	}
	return resp.StatusCode, string(raw)
}

func (w *payWorld) prepayBody(no string) string {
	return fmt.Sprintf(`{"appid":%q,"mchid":%q,"description":"党费","out_trade_no":%q,"notify_url":"https://example.org/n",`+
		`"amount":{"total":3200,"currency":"CNY"},"payer":{"openid":%q}}`, appID, w.merchant.MchID, no, openID)
}

func (w *payWorld) prepay(t *testing.T, no string) string {
	t.Helper()
	var out struct {
		PrepayID string `json:"prepay_id"`
	}
	status, body := w.ask(t, pathPrepay, w.prepayBody(no))
	if err := json.Unmarshal([]byte(body), &out); err != nil || status != http.StatusOK || len(out.PrepayID) != 36 {
		t.Fatalf("%d %s, %v", status, body, err)
	}
	return out.PrepayID
}

func (w *payWorld) state(t *testing.T, no string) string {
	t.Helper()
	_, body := w.ask(t, "/v3/pay/transactions/out-trade-no/"+no+"?mchid="+w.merchant.MchID, "")
	var out struct {
		Code  string `json:"code"`
		State string `json:"trade_state"`
	}
	if err := json.Unmarshal([]byte(body), &out); err != nil {
		t.Fatal(err)
	}
	return out.State + out.Code
}

func (w *payWorld) close(t *testing.T, no string) (int, string) {
	t.Helper()
	return w.ask(t, "/v3/pay/transactions/out-trade-no/"+no+"/close", `{"mchid":"`+w.merchant.MchID+`"}`)
}

func (w *payWorld) refund(t *testing.T, no string, fen int) (int, string) {
	t.Helper()
	return w.ask(t, pathRefunds, fmt.Sprintf(`{"out_trade_no":%q,"out_refund_no":%q,"notify_url":"https://example.org/n",`+
		`"amount":{"refund":%d,"total":3200,"currency":"CNY"}}`, outTradeNo, no, fen))
}

func codeOf(body string) string {
	var out struct {
		Code string `json:"code"`
	}
	_ = json.Unmarshal([]byte(body), &out) // a success has none
	return out.Code
}
