package wechat

import (
	"bytes"
	"context"
	"crypto/rand"
	"crypto/rsa"
	"crypto/x509"
	"encoding/pem"
	"errors"
	"io"
	"net/http"
	"net/http/httptest"
	"net/url"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"zhibu/model"
	"zhibu/service/wechat/sim"
)

func TestNewPay(t *testing.T) {
	if _, err := NewPay(payConfig(nil)); err != nil {
		t.Fatal(err)
	}
	for setting, spoil := range map[string]func(*PayConfig){
		"AppID":       func(c *PayConfig) { c.AppID = "" },
		"MchID":       func(c *PayConfig) { c.MchID = `1900000001",x="` },
		"CertSerial":  func(c *PayConfig) { c.CertSerial = " " },
		"PrivateKey":  func(c *PayConfig) { c.PrivateKey = nil },
		"PublicKeyID": func(c *PayConfig) { c.PublicKeyID = "" },
		"PublicKey":   func(c *PayConfig) { c.PublicKey = nil },
		"PublicKey ":  func(c *PayConfig) { c.PublicKey = &c.PrivateKey.PublicKey },
		"APIv3Key":    func(c *PayConfig) { c.APIv3Key = c.APIv3Key[1:] },
		"NotifyURL":   func(c *PayConfig) { c.NotifyURL = "" },
	} {
		cfg := payConfig(nil)
		spoil(&cfg)
		_, err := NewPay(cfg)
		if err == nil || !strings.Contains(err.Error(), "wechat pay: "+setting) {
			t.Errorf("%s: %v", setting, err)
			continue
		}
		wantClean(t, err.Error(), merchant().APIv3Key[1:])
	}
}

func TestParseKeys(t *testing.T) {
	key, err := rsa.GenerateKey(rand.Reader, 2048)
	if err != nil {
		t.Fatal(err)
	}
	private, err := x509.MarshalPKCS8PrivateKey(key)
	if err != nil {
		t.Fatal(err)
	}
	public, err := x509.MarshalPKIXPublicKey(&key.PublicKey)
	if err != nil {
		t.Fatal(err)
	}
	encode := func(kind string, der []byte) string {
		return string(pem.EncodeToMemory(&pem.Block{Type: kind, Bytes: der}))
	}
	privatePEM, publicPEM := encode("PRIVATE KEY", private), encode("PUBLIC KEY", public)
	if got, err := ParsePrivateKey(privatePEM); err != nil || !got.Equal(key) {
		t.Error(err)
	}
	if got, err := ParsePublicKey(publicPEM); err != nil || !got.Equal(&key.PublicKey) {
		t.Error(err)
	}
	ecPublic := "-----BEGIN PUBLIC KEY-----\nMFkwEwYHKoZIzj0CAQYIKoZIzj0DAQcDQgAEEVs/o5+uQbTjL3chynL4wXgUg2R9\n" +
		"q9UU8I5mEovUf86QZ7kOBIjJwqnzD1omageEHWwHdBO6B+dFabmdT9POxg==\n-----END PUBLIC KEY-----\n"
	for _, s := range []string{"", "x", publicPEM, encode("PRIVATE KEY", private[1:]), encode("RSA PRIVATE KEY", private)} {
		if _, err := ParsePrivateKey(s); err == nil || s != "" && strings.Contains(err.Error(), s) {
			t.Errorf("private %.40q: %v", s, err)
		}
	}
	for _, s := range []string{"", "x", privatePEM, encode("PUBLIC KEY", public[1:]), ecPublic} {
		if _, err := ParsePublicKey(s); err == nil || s != "" && s != "x" && strings.Contains(err.Error(), s) {
			t.Errorf("public %.40q: %v", s, err)
		}
	}
}

func TestPayGuard(t *testing.T) {
	g := payGuard{answering(http.StatusOK, "ok")}
	for url, passes := range map[string]bool{
		"https://api.mch.weixin.qq.com/v3/x":             true,
		"http://api.mch.weixin.qq.com/v3/x":              false,
		"https://api.mch.weixin.qq.com:8443/v3/x":        false,
		"https://api.mch.weixin.qq.com.example.com/v3/x": false,
		"https://example.com/v3/billdownload/file":       false,
	} {
		r, err := http.NewRequestWithContext(t.Context(), http.MethodGet, url, nil)
		if err != nil {
			t.Fatal(err)
		}
		resp, err := g.RoundTrip(r)
		if err == nil {
			resp.Body.Close()
		}
		if (err == nil) != passes {
			t.Errorf("%s: %v", url, err)
		}
	}
}

// endless is an answer that never ends.
type endless struct{}

func (endless) Read(b []byte) (int, error) { return copy(b, bytes.Repeat([]byte("x"), len(b))), nil }

func TestPayAnswersAreBounded(t *testing.T) {
	for _, status := range []int{200, 400, 302} {
		p := newPay(t, roundTripper(func(r *http.Request) (*http.Response, error) {
			return &http.Response{StatusCode: status, Header: http.Header{"Location": {"/x"}}, Body: io.NopCloser(endless{}), Request: r}, nil
		}), nil, &bytes.Buffer{})
		_, err := p.Query(t.Context(), orderNo)
		wantPayError(t, err, ErrPayUnavailable, "")
	}
}

func TestPayObeysDeadlines(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := newPayWorld(t)
		w.fail(t, sim.Fault{Endpoint: tradePath, LatencyMS: 60_000, Times: 2})
		start := time.Now()
		_, err := w.Query(t.Context(), orderNo)
		wantPayError(t, err, ErrPayUnavailable, "")
		if took := time.Since(start); took != defaultTimeout || !errors.Is(err, context.DeadlineExceeded) {
			t.Errorf("%v after %v", err, took)
		}
		ctx, cancel := context.WithTimeout(t.Context(), time.Second)
		defer cancel()
		start = time.Now()
		if _, err = w.Query(ctx, orderNo); time.Since(start) != time.Second {
			t.Errorf("%v after %v", err, time.Since(start))
		}
	})
}

// TestPayErrorsAreClean: whatever the network or the platform says, nothing private gets out.
func TestPayErrorsAreClean(t *testing.T) {
	echo := func(status int) roundTripper {
		return func(r *http.Request) (*http.Response, error) {
			body := `{"code":"PARAM_ERROR","message":"payer ` + openID + ` \"openid\":\"` + openID + `\"","detail":{"sign":"` +
				strings.ReplaceAll(r.Header.Get("Authorization"), `"`, `\"`) + `"}}`
			if status == 0 {
				return nil, errors.New("dial with " + openID)
			}
			return &http.Response{
				StatusCode: status, Header: http.Header{"Set-Cookie": {"private-cookie"}, "Request-Id": {"0812345"}},
				Body: io.NopCloser(strings.NewReader(body)), Request: r,
			}, nil
		}
	}
	for _, status := range []int{0, 200, 400, 401, 500} {
		log := &bytes.Buffer{}
		w := &payWorld{clock: newClock(), Pay: newPay(t, echo(status), nil, log)}
		_, err := w.Prepay(t.Context(), w.prepayment())
		wantPayError(t, err, ErrPayUnavailable, map[int]string{400: "PARAM_ERROR", 401: "PARAM_ERROR", 500: "PARAM_ERROR"}[status])
		wantClean(t, err.Error()+log.String(), "private-cookie", "signature=", "serial_no")
	}
}

func TestPayAdvice(t *testing.T) {
	for _, code := range []string{"SIGN_ERROR", "APPID_MCHID_NOT_MATCH", "MCH_NOT_EXISTS", "NO_AUTH"} {
		w := newPayWorld(t)
		w.fail(t, sim.Fault{Endpoint: prepayPath, Code: code})
		_, err := w.Prepay(t.Context(), w.prepayment())
		var p *PayError
		if !errors.As(err, &p) || p.advice() == "" || !strings.Contains(err.Error(), p.advice()) || p.RequestID == "" {
			t.Errorf("%v gives no advice", err)
		}
	}
}

// TestPayOverASocket: a signature covers the path as it is written, whatever carries it; the order number has every
// character that a path would escape.
func TestPayOverASocket(t *testing.T) {
	w := newPayWorld(t)
	server := httptest.NewServer(w.platform)
	defer server.Close()
	base, err := url.Parse(server.URL)
	if err != nil {
		t.Fatal(err)
	}
	w.Pay = newPay(t, roundTripper(func(r *http.Request) (*http.Response, error) {
		out := r.Clone(r.Context())
		out.URL.Scheme, out.URL.Host = base.Scheme, base.Host
		return http.DefaultTransport.RoundTrip(out)
	}), w.clock.now, w.log)
	o := w.prepayment()
	o.OrderNo = "D|*_-0001"
	params, err := w.Prepay(t.Context(), o)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := w.platform.Pay(t.Context(), params.Package[len(prepaidPrefix):]); err != nil {
		t.Fatal(err)
	}
	if got, err := w.Query(t.Context(), o.OrderNo); err != nil || !got.Paid() {
		t.Errorf("query: %+v, %v", got, err)
	}
	wantPayError(t, w.Close(t.Context(), o.OrderNo), ErrOrderPaid, "ORDERPAID")
	r := refundRequest()
	r.OrderNo, r.RefundNo = o.OrderNo, "R|*@_-1"
	if _, err := w.Refund(t.Context(), r); err != nil {
		t.Errorf("refund: %v", err)
	}
	if got, err := w.QueryRefund(t.Context(), r.RefundNo); err != nil || got.State != model.RefundDone {
		t.Errorf("query refund: %+v, %v", got, err)
	}
	w.clock.advance(24 * time.Hour)
	if lines, err := w.Bill(t.Context(), "2026-11-23"); err != nil || len(lines) != 2 {
		t.Errorf("bill: %+v, %v", lines, err)
	}
	o.OrderNo = "D-socket-2"
	o.ExpiresAt = model.At(w.clock.now().Add(time.Hour))
	if _, err := w.Prepay(t.Context(), o); err != nil {
		t.Fatal(err)
	}
	if err := w.Close(t.Context(), o.OrderNo); err != nil {
		t.Errorf("close: %v", err)
	}
}
