package wechat

import (
	"crypto/aes"
	"crypto/cipher"
	"encoding/base64"
	"encoding/binary"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"net/url"
	"strings"
	"testing"
	"testing/iotest"
	"time"

	"github.com/google/go-cmp/cmp"

	"zhibu/model"
)

// The platform's own example of its documents: an event in safe mode.
const (
	vectorAppID     = "wxba5fad812f8e6fb9"
	vectorTime      = 1714112445
	vectorNonce     = "415670741"
	vectorSignature = "046e02f8204d34f8ba5fa3b1db94908f3df2e9b3"
	vectorSealed    = "+qdx1OKCy+5JPCBFWw70tm0fJGb2Jmeia4FCB7kao+/Q5c/ohsOzQHi8khUOb05JCpj0JB4RvQMkUyus8TPxLKJGQqcvZqzDpVzazhZv6JsXUnnR8XGT740XgXZUXQ7vJVnAG+tE8NUd4yFyjPy7GgiaviNrlCTj+l5kdfMuFUPpRSrfMZuMcp3Fn2Pede2IuQrKEYwKSqFIZoNqJ4M8EajAsjLY2km32IIjdf8YL/P50F7mStwntrA2cPDrM1kb6mOcfBgRtWygb3VIYnSeOBrebufAlr7F9mFUPAJGj04="
	vectorOpenID    = "o9AgO5Kd5ggOC-bXrbNODIiE3bGY"
)

func at(seconds int64) func() time.Time {
	return func() time.Time { return time.Unix(seconds, 0) }
}

func vectorQuery() url.Values {
	return url.Values{
		"timestamp": {fmt.Sprint(vectorTime)}, "nonce": {vectorNonce}, "encrypt_type": {"aes"}, "msg_signature": {vectorSignature},
	}
}

func sealedBody(sealed string) string {
	return `{"ToUserName":"gh_97417a04a28d","Encrypt":"` + sealed + `"}`
}

// arriving is an event as the platform sends it.
func arriving(query url.Values, body string) *http.Request {
	return httptest.NewRequest(http.MethodPost, "/wechat/events?"+query.Encode(), strings.NewReader(body))
}

// sealPlain encrypts what is padded already.
func sealPlain(plain []byte) string {
	key, err := base64.StdEncoding.DecodeString(pushKey + "=")
	if err != nil {
		panic(err)
	}
	block, err := aes.NewCipher(key)
	if err != nil {
		panic(err)
	}
	out := make([]byte, len(plain))
	cipher.NewCBCEncrypter(block, key[:aes.BlockSize]).CryptBlocks(out, plain)
	return base64.StdEncoding.EncodeToString(out)
}

// plainEvent is what stands in an encrypted event: random, length, text, tail and pad bytes of the value pad.
func plainEvent(length int, text, tail string, pad int) []byte {
	plain := append(make([]byte, boxRandom), binary.BigEndian.AppendUint32(nil, uint32(length))...)
	plain = append(append(plain, text...), tail...)
	for len(plain)%boxBlock != 0 {
		plain = append(plain, byte(pad))
	}
	return plain
}

// sealEvent encrypts text for our app, as the platform does.
func sealEvent(text string) string {
	size := boxHeader + len(text) + len(appID)
	pad := boxBlock - size%boxBlock
	plain := plainEvent(len(text), text, appID, pad)
	if pad == boxBlock {
		plain = append(plain, strings.Repeat(string(rune(pad)), pad)...)
	}
	return sealPlain(plain)
}

// signed is the query that goes with an encrypted event.
func signed(seconds int64, sealed string) url.Values {
	timestamp := fmt.Sprint(seconds)
	return url.Values{
		"timestamp": {timestamp}, "nonce": {"n"}, "encrypt_type": {"aes"},
		"msg_signature": {signatureOf(pushToken, timestamp, "n", sealed)},
	}
}

func TestReceiverVectors(t *testing.T) {
	r := newReceiver(t, vectorAppID, at(vectorTime))
	want := model.PlatformEvent{Name: "debug_demo", OpenID: vectorOpenID, At: vectorTime * 1000}
	for name, body := range map[string]string{
		"JSON": sealedBody(vectorSealed),
		"XML":  "<xml><ToUserName><![CDATA[gh]]></ToUserName><Encrypt><![CDATA[" + vectorSealed + "]]></Encrypt></xml>",
	} {
		got, err := r.Parse(arriving(vectorQuery(), body))
		if want.Key = got.Key; err != nil || !cmp.Equal(got, want) || got.Key == "" {
			t.Errorf("%s: %+v, %v", name, got, err)
		}
	}
	plain, err := r.box.open(vectorSealed)
	if want := `{"ToUserName":"gh_97417a04a28d","FromUserName":"` + vectorOpenID + `","CreateTime":1714112445,"MsgType":"event","Event":"debug_demo","debug_str":"hello world"}`; err != nil || string(plain) != want {
		t.Errorf("%s, %v", plain, err)
	}
}

func TestReceiverEchoVector(t *testing.T) {
	query := func() url.Values {
		return url.Values{
			"signature": {"f464b24fc39322e44b38aa78f5edd27bd1441696"}, "timestamp": {"1714036504"},
			"nonce": {"1514711492"}, "echostr": {"4375120948345356249"},
		}
	}
	r := newReceiver(t, vectorAppID, at(1714036504))
	if got, err := r.Echo(query()); err != nil || got != "4375120948345356249" {
		t.Errorf("Echo = %q, %v", got, err)
	}
	for _, name := range []string{"signature", "timestamp", "nonce"} {
		for _, bad := range flips(query().Get(name)) {
			q := query()
			q.Set(name, bad)
			_, err := r.Echo(q)
			wantNoSecret(t, err)
		}
	}
	for _, echo := range []string{"", strings.Repeat("1", 257), "<script>", "a b", "é", "1\n"} {
		q := query()
		q.Set("echostr", echo)
		_, err := r.Echo(q)
		wantNoSecret(t, err)
	}
	_, err := newReceiver(t, vectorAppID, at(1714036504+601)).Echo(query())
	wantNoSecret(t, err)
}

// flips are all the texts that differ from s in one bit of one byte, and those that lack or double its end.
func flips(s string) []string {
	out := []string{"", s[:len(s)-1], s + s[len(s)-1:]}
	for i := range len(s) {
		for bit := range 7 {
			b := []byte(s)
			b[i] ^= 1 << bit
			out = append(out, string(b))
		}
	}
	return out
}

func TestReceiverRefusesEveryOtherByte(t *testing.T) {
	r := newReceiver(t, vectorAppID, at(vectorTime))
	for _, name := range []string{"msg_signature", "nonce", "timestamp"} {
		for _, bad := range flips(vectorQuery().Get(name)) {
			q := vectorQuery()
			q.Set(name, bad)
			if e, err := r.Parse(arriving(q, sealedBody(vectorSealed))); err == nil {
				t.Errorf("%s %q: %+v", name, bad, e)
			}
		}
	}
	for _, bad := range flips(vectorSealed) {
		if strings.ContainsAny(bad, "\"\\\x00") {
			continue // not the same envelope
		}
		if e, err := r.Parse(arriving(vectorQuery(), sealedBody(bad))); err == nil {
			t.Errorf("%q: %+v", bad, e)
		}
	}
}

func TestReceiverWindow(t *testing.T) {
	for age, ok := range map[int64]bool{0: true, 600: true, -600: true, 601: false, -601: false, 1 << 40: false} {
		_, err := newReceiver(t, vectorAppID, at(vectorTime+age)).Parse(arriving(vectorQuery(), sealedBody(vectorSealed)))
		if (err == nil) != ok {
			t.Errorf("%d s old: %v", age, err)
		}
	}
}

func TestReceiverRefuses(t *testing.T) {
	now := newClock().now
	seconds := now().Unix()
	event := `{"FromUserName":"` + openID + `","CreateTime":1,"MsgType":"event","Event":"x"}`
	sealed := sealEvent(event)
	plainQuery := url.Values{
		"timestamp": {fmt.Sprint(seconds)}, "nonce": {"n"}, "signature": {signatureOf(pushToken, fmt.Sprint(seconds), "n")},
	}
	without := func(name string) url.Values {
		q := signed(seconds, sealed)
		q.Del(name)
		return q
	}
	raw := func(encrypted string) (url.Values, string) { return signed(seconds, encrypted), sealedBody(encrypted) }
	type arrival struct {
		query url.Values
		body  string
	}
	cases := map[string]arrival{
		"plaintext":              {plainQuery, event},
		"plaintext with a mark":  {without("msg_signature"), event},
		"no encrypt_type":        {without("encrypt_type"), sealedBody(sealed)},
		"no msg_signature":       {without("msg_signature"), sealedBody(sealed)},
		"no timestamp":           {without("timestamp"), sealedBody(sealed)},
		"no nonce":               {without("nonce"), sealedBody(sealed)},
		"an empty envelope":      {signed(seconds, ""), `{"Encrypt":""}`},
		"no envelope":            {signed(seconds, sealed), sealed},
		"no body":                {signed(seconds, sealed), ""},
		"a list":                 {signed(seconds, sealed), "[]"},
		"XML that breaks off":    {signed(seconds, sealed), "<xml><Encrypt>" + sealed},
		"a body too large":       {signed(seconds, sealed), `{"Encrypt":"` + sealed + `","x":"` + strings.Repeat("x", maxEvent) + `"}`},
		"signed as a plain call": {url.Values{"timestamp": plainQuery["timestamp"], "nonce": {"n"}, "encrypt_type": {"aes"}, "msg_signature": plainQuery["signature"]}, sealedBody(sealed)},
	}
	for name, encrypted := range map[string]string{
		"not base64":             "!!!!",
		"base64 with line ends":  sealed[:8] + `\n` + sealed[8:],
		"no whole block":         base64.StdEncoding.EncodeToString(make([]byte, 48)),
		"another app":            sealPlain(plainEvent(2, "{}", "wx9999999999999999", 24)),
		"no app":                 sealPlain(plainEvent(2, "{}", "", 10)),
		"an app with a tail":     sealPlain(plainEvent(len(event), event, appID+"x", 25)),
		"a length beyond":        sealPlain(plainEvent(1<<31, "{}", appID, 24)),
		"a length too short":     sealPlain(plainEvent(1, "{}", appID, 24)),
		"padding of nought":      sealPlain(plainEvent(2, "{}", appID, 0)),
		"padding too long":       sealPlain(plainEvent(2, "{}", appID, 33)),
		"padding of other bytes": sealPlain(plainEvent(2, "{}", appID, 7)),
		"nothing but padding":    sealPlain([]byte(strings.Repeat(" ", boxBlock))),
		"no event":               sealEvent("hello"),
		"an empty event":         sealEvent(""),
		"no time":                sealEvent(`{"FromUserName":"o1","MsgType":"event","Event":"x"}`),
		"no name":                sealEvent(`{"FromUserName":"o1","CreateTime":1}`),
		"a strange name":         sealEvent(`{"FromUserName":"o1","CreateTime":1,"Event":"a b"}`),
		"a subscription of none": sealEvent(`{"CreateTime":1,"Event":"subscribe_msg_popup_event","List":[{}]}`),
		"a strange list":         sealEvent(`{"FromUserName":"o1","CreateTime":1,"Event":"subscribe_msg_popup_event","List":["x"]}`),
	} {
		query, body := raw(encrypted)
		cases[name] = arrival{query, body}
	}
	r := newReceiver(t, appID, now)
	for name, tc := range cases {
		e, err := r.Parse(arriving(tc.query, tc.body))
		if err == nil {
			t.Errorf("%s: %+v", name, e)
			continue
		}
		wantNoSecret(t, err)
	}
	if _, err := r.Parse(arriving(signed(seconds, sealed), sealedBody(sealed))); err != nil {
		t.Errorf("the same, rightly: %v", err)
	}
	broken := arriving(signed(seconds, sealed), "")
	broken.Body = io.NopCloser(iotest.ErrReader(errors.New("reset")))
	_, err := r.Parse(broken)
	wantNoSecret(t, err)
	broken.Body = nil
	_, err = r.Parse(broken)
	wantNoSecret(t, err)
}

func TestNewReceiver(t *testing.T) {
	good := ReceiverConfig{AppID: appID, Token: pushToken, EncodingAESKey: "abcdefghijklmnopqrstuvwxyz0123456789ABCDEFG"}
	if r, err := NewReceiver(good); err != nil || r.now == nil {
		t.Errorf("%v", err)
	}
	for name, change := range map[string]func(*ReceiverConfig){
		"AppID":          func(c *ReceiverConfig) { c.AppID = "" },
		"Token":          func(c *ReceiverConfig) { c.Token = "a-secret-token" },
		"EncodingAESKey": func(c *ReceiverConfig) { c.EncodingAESKey += "x" },
	} {
		cfg := good
		change(&cfg)
		_, err := NewReceiver(cfg)
		if err == nil || !strings.Contains(err.Error(), name) {
			t.Errorf("%s: %v", name, err)
			continue
		}
		for _, private := range []string{"a-secret", cfg.EncodingAESKey} {
			if strings.Contains(err.Error(), private) {
				t.Errorf("%q tells a secret", err)
			}
		}
	}
}
