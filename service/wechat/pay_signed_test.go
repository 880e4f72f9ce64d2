package wechat

import (
	"bytes"
	"crypto"
	"crypto/aes"
	"crypto/cipher"
	"crypto/rand"
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

	"zhibu/model"
)

// platformKey stands for WeChat Pay's in tests that sign what WeChat Pay never would.
var platformKey = sync.OnceValue(func() *rsa.PrivateKey {
	key, err := rsa.GenerateKey(rand.Reader, 2048)
	if err != nil {
		panic(err)
	}
	return key
})

func signedPay(t *testing.T, transport http.RoundTripper, log *bytes.Buffer) *Pay {
	t.Helper()
	p := newPay(t, transport, nil, log)
	cfg := p.cfg
	cfg.PublicKey = &platformKey().PublicKey
	p, err := NewPay(cfg)
	if err != nil {
		t.Fatal(err)
	}
	return p
}

func signedHeader(t *testing.T, body string) http.Header {
	t.Helper()
	at := strconv.FormatInt(time.Now().Unix(), 10)
	sum := sha256.Sum256([]byte(at + "\nnonce\n" + body + "\n"))
	signature, err := rsa.SignPKCS1v15(nil, platformKey(), crypto.SHA256, sum[:])
	if err != nil {
		t.Fatal(err)
	}
	h := http.Header{}
	for name, v := range map[string]string{
		"Timestamp": at, "Nonce": "nonce", "Serial": merchant().PublicKeyID,
		"Signature": base64.StdEncoding.EncodeToString(signature),
	} {
		h.Set("Wechatpay-"+name, v)
	}
	return h
}

func sealed(t *testing.T, event, plain string) string {
	t.Helper()
	block, err := aes.NewCipher([]byte(merchant().APIv3Key))
	if err != nil {
		t.Fatal(err)
	}
	gcm, err := cipher.NewGCM(block)
	if err != nil {
		t.Fatal(err)
	}
	text := gcm.Seal(nil, []byte("123456789012"), []byte(plain), []byte("a"))
	return fmt.Sprintf(`{"id":"1","event_type":%q,"resource":{"algorithm":"AEAD_AES_256_GCM","nonce":"123456789012",`+
		`"associated_data":"a","ciphertext":%q}}`, event, base64.StdEncoding.EncodeToString(text))
}

const (
	goodTrade = `{"appid":"` + appID + `","mchid":"1900000001","out_trade_no":"D1-0001","transaction_id":"42",` +
		`"trade_state":"SUCCESS","success_time":"2026-11-23T17:30:15+08:00","amount":{"total":3200,"currency":"CNY"}}`
	goodRefund = `{"mchid":"1900000001","out_trade_no":"D1-0001","out_refund_no":"R1","refund_id":"50",` +
		`"refund_status":"SUCCESS","success_time":"2026-11-23T17:30:15+08:00","amount":{"total":3200,"refund":1}}`
)

// TestSignedNonsense: even what WeChat Pay signed may be strange, and then it is refused, never a panic.
func TestSignedNonsense(t *testing.T) {
	log := &bytes.Buffer{}
	p := signedPay(t, nil, log)
	parse := func(body string) (model.PayNotice, error) {
		r := httptest.NewRequestWithContext(t.Context(), http.MethodPost, "/", strings.NewReader(body))
		r.Header = signedHeader(t, body)
		return p.ParseNotify(r)
	}
	trade, refund := sealed(t, "TRANSACTION.SUCCESS", goodTrade), sealed(t, "REFUND.SUCCESS", goodRefund)
	if n, err := parse(trade); err != nil || n.Trade == nil || n.Refund != nil {
		t.Fatalf("%+v, %v", n, err)
	}
	if n, err := parse(refund); err != nil || n.Refund == nil || n.Trade != nil {
		t.Fatalf("%+v, %v", n, err)
	}
	without := func(good, field, event string) string {
		var m map[string]any
		if err := json.Unmarshal([]byte(good), &m); err != nil {
			t.Fatal(err)
		}
		delete(m, field)
		b, _ := json.Marshal(m)
		return sealed(t, event, string(b))
	}
	bodies := map[string]string{
		"no JSON":          "x",
		"nothing":          "{}",
		"null":             "null",
		"no resource":      `{"event_type":"TRANSACTION.SUCCESS"}`,
		"no algorithm":     strings.Replace(trade, "AEAD_AES_256_GCM", "", 1),
		"a short nonce":    strings.Replace(trade, "123456789012", "1", 1),
		"another nonce":    strings.Replace(trade, "123456789012", "023456789012", 1),
		"other data":       strings.Replace(trade, `"associated_data":"a"`, `"associated_data":"b"`, 1),
		"no base64":        strings.Replace(trade, `"ciphertext":"`, `"ciphertext":"!`, 1),
		"another event":    sealed(t, "COUPON.USE", goodTrade),
		"no event":         sealed(t, "", goodTrade),
		"no transaction":   sealed(t, "TRANSACTION.SUCCESS", "[]"),
		"no refund":        sealed(t, "REFUND.SUCCESS", "[]"),
		"null transaction": sealed(t, "TRANSACTION.SUCCESS", "null"),
		"null refund":      sealed(t, "REFUND.SUCCESS", "null"),
		"no time at all":   sealed(t, "TRANSACTION.SUCCESS", strings.Replace(goodTrade, "2026-11-23T17:30:15+08:00", "", 1)),
		"no total":         sealed(t, "TRANSACTION.SUCCESS", strings.Replace(goodTrade, `"total":3200,`, "", 1)),
		"a broken total":   sealed(t, "TRANSACTION.SUCCESS", strings.Replace(goodTrade, "3200", "32.5", 1)),
	}
	for _, field := range []string{"appid", "mchid", "out_trade_no", "transaction_id", "trade_state", "success_time", "amount"} {
		bodies["no "+field] = without(goodTrade, field, "TRANSACTION.SUCCESS")
	}
	for _, field := range []string{"mchid", "out_trade_no", "out_refund_no", "refund_status", "success_time", "amount"} {
		bodies["a refund with no "+field] = without(goodRefund, field, "REFUND.SUCCESS")
	}
	for name, body := range bodies {
		if n, err := parse(body); err == nil || n != (model.PayNotice{}) {
			t.Errorf("%s: %+v, %v", name, n, err)
		} else {
			wantPayError(t, err, model.ErrNotify, "")
		}
	}
	if log.Len() != 0 {
		t.Errorf("logged %s", log)
	}
}

// TestSignedNonsenseInAnswers: likewise for answers.
func TestSignedNonsenseInAnswers(t *testing.T) {
	ask := func(body string, call func(*Pay) error) error {
		return call(signedPay(t, roundTripper(func(r *http.Request) (*http.Response, error) {
			return &http.Response{
				StatusCode: http.StatusOK, Header: signedHeader(t, body), Body: io.NopCloser(strings.NewReader(body)), Request: r,
			}, nil
		}), &bytes.Buffer{}))
	}
	query := func(p *Pay) error { _, err := p.Query(t.Context(), "D1-0001"); return err }
	refund := func(p *Pay) error { _, err := p.QueryRefund(t.Context(), "R1"); return err }
	bill := func(p *Pay) error { _, err := p.Bill(t.Context(), "2026-11-22"); return err }
	answered := strings.Replace(goodRefund, "refund_status", "status", 1)
	if err := ask(goodTrade, query); err != nil {
		t.Fatal(err)
	}
	if err := ask(answered, refund); err != nil {
		t.Fatal(err)
	}
	for _, body := range []string{"{}", "null", "[]", "x", "", `{"amount":{}}`} {
		for name, call := range map[string]func(*Pay) error{"query": query, "refund": refund, "bill": bill} {
			err := ask(body, call)
			if err == nil {
				t.Errorf("%s takes %q", name, body)
				continue
			}
			wantPayError(t, err, ErrPayUnavailable, "")
		}
	}
	for name, err := range map[string]error{
		"another order":    ask(strings.Replace(goodTrade, "D1-0001", "D1-0002", 1), query),
		"another refund":   ask(strings.Replace(answered, "R1", "R2", 1), refund),
		"another hash":     ask(`{"hash_type":"MD5","hash_value":"x","download_url":"https://api.mch.weixin.qq.com/v3/billdownload/file"}`, bill),
		"another host":     ask(`{"hash_type":"SHA1","hash_value":"x","download_url":"https://evil.example/v3/billdownload/file"}`, bill),
		"no address":       ask(`{"hash_type":"SHA1","hash_value":"x","download_url":""}`, bill),
		"a broken address": ask(`{"hash_type":"SHA1","hash_value":"x","download_url":"https://%zz"}`, bill),
	} {
		if err == nil {
			t.Errorf("%s was taken", name)
			continue
		}
		wantPayError(t, err, ErrPayUnavailable, "")
	}
}
