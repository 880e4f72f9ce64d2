package sim

import (
	"bytes"
	"context"
	"crypto/aes"
	"crypto/cipher"
	"crypto/sha1"
	"encoding/base64"
	"encoding/binary"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"slices"
	"strconv"
	"strings"
)

const (
	formatXML  = "xml"
	sealBlock  = 32 // of the padding; the cipher's own is 16
	sealRandom = 16
)

// EventConfig is the message push (消息推送) as it is set up on the platform: always in safe mode.
type EventConfig struct {
	URL            string
	Token          string
	EncodingAESKey string // 43 characters
	Format         string // json or xml; empty is json
}

// eventSeal encrypts and signs events.
type eventSeal struct {
	cfg   EventConfig
	appID string
	key   []byte
	block cipher.Block
}

func newEventSeal(cfg EventConfig, appID string) *eventSeal {
	key, err := base64.StdEncoding.DecodeString(cfg.EncodingAESKey + "=")
	if err != nil || len(key) != 32 || cfg.URL == "" || cfg.Token == "" || !slices.Contains([]string{"", "json", formatXML}, cfg.Format) {
		panic("sim: EventConfig needs a URL, a Token, an EncodingAESKey of 43 characters and the format json or xml")
	}
	block, err := aes.NewCipher(key)
	if err != nil {
		panic(err) // the length was checked
	}
	return &eventSeal{cfg: cfg, appID: appID, key: key, block: block}
}

// encrypt is 16 random bytes, the length, the text and the app id, padded (PKCS #7) and encrypted with AES-CBC.
func (s *eventSeal) encrypt(random, text []byte, appID string) string {
	plain := append(make([]byte, 0, sealRandom+4+len(text)+len(appID)+sealBlock), random[:sealRandom]...)
	plain = binary.BigEndian.AppendUint32(plain, uint32(len(text)))
	plain = append(append(plain, text...), appID...)
	pad := sealBlock - len(plain)%sealBlock
	plain = append(plain, bytes.Repeat([]byte{byte(pad)}, pad)...)
	cipher.NewCBCEncrypter(s.block, s.key[:aes.BlockSize]).CryptBlocks(plain, plain)
	return base64.StdEncoding.EncodeToString(plain)
}

// signatureOf is the platform's signature: SHA-1 of the parts, sorted and joined.
func signatureOf(parts ...string) string {
	slices.Sort(parts)
	sum := sha1.Sum([]byte(strings.Join(parts, "")))
	return hex.EncodeToString(sum[:])
}

// post reports whether the address answered 200 with "success" or nothing.
func (v *events) post(ctx context.Context, e *event) bool {
	query, body := v.letter(e)
	r, err := http.NewRequestWithContext(ctx, http.MethodPost, v.seal.cfg.URL+"?"+query, bytes.NewReader(body))
	if err != nil {
		return false
	}
	r.Header.Set("Content-Type", "application/json")
	if v.seal.cfg.Format == formatXML {
		r.Header.Set("Content-Type", "text/xml")
	}
	r.Header.Set("User-Agent", "Mozilla/4.0")
	resp, err := v.platform.notifier.Do(r)
	if err != nil {
		return false
	}
	defer resp.Body.Close()
	said, err := io.ReadAll(io.LimitReader(resp.Body, maxRequest))
	return err == nil && resp.StatusCode == http.StatusOK && (len(said) == 0 || string(said) == "success")
}

// letter is an event as it goes out: its query and its body.
func (v *events) letter(e *event) (query string, body []byte) {
	p, s, f := v.platform, v.seal, e.fault
	timestamp := strconv.FormatInt(p.cfg.Now().Unix(), 10)
	nonce := strconv.FormatUint(uint64(binary.BigEndian.Uint32(p.random(4))), 10)
	q := url.Values{
		"signature": {signatureOf(s.cfg.Token, timestamp, nonce)}, "timestamp": {timestamp}, "nonce": {nonce},
		"openid": {e.openID},
	}
	to := "gh_" + digest(s.appID)[:12]
	text := v.text(e, to)
	if f.PlaintextEvent {
		return q.Encode(), text
	}
	tail := s.appID
	if f.WrongAppIDTail {
		tail = "wx9999999999999999"
	}
	sealed := s.encrypt(p.random(sealRandom), text, tail)
	signature := signatureOf(s.cfg.Token, timestamp, nonce, sealed)
	if f.BadMsgSignature {
		signature = signatureOf(signature)
	}
	q.Set("encrypt_type", "aes")
	q.Set("msg_signature", signature)
	if s.cfg.Format == formatXML {
		return q.Encode(), fmt.Appendf(nil, "<xml><ToUserName><![CDATA[%s]]></ToUserName><Encrypt><![CDATA[%s]]></Encrypt></xml>", to, sealed)
	}
	return q.Encode(), fmt.Appendf(nil, `{"ToUserName":%q,"Encrypt":%q}`, to, sealed)
}

// pair is a field of an event's list; it keeps its place.
type pair struct{ name, value string }

func (e *event) pairs() []pair {
	switch e.name {
	case eventPopup:
		status := "reject"
		if e.accepted {
			status = "accept"
		}
		return []pair{{"TemplateId", e.templateID}, {"SubscribeStatusString", status}, {"PopupScene", "0"}}
	case eventChange:
		return []pair{{"TemplateId", e.templateID}, {"SubscribeStatusString", "reject"}}
	}
	code, status := "0", "success"
	if !e.accepted {
		code, status = "-1", "failed:system failed"
	}
	return []pair{
		{"TemplateId", e.templateID}, {"MsgID", strconv.FormatInt(e.msgID, 10)}, {"ErrorCode", code}, {"ErrorStatus", status},
	}
}

// text is the event itself, in the configured format.
func (v *events) text(e *event, to string) []byte {
	at := strconv.FormatInt(e.at.Unix(), 10)
	if v.seal.cfg.Format == formatXML {
		return xmlEvent(e, to, at)
	}
	item := map[string]string{}
	for _, p := range e.pairs() {
		item[p.name] = p.value
	}
	var createTime, list any = at, item // as the platform's example has them: a string, and no array for one
	if e.fault.CreateTimeNumber {
		createTime = json.Number(at)
	}
	if e.fault.ListArray {
		list = []any{item}
	}
	text, err := json.Marshal(map[string]any{
		"ToUserName": to, "FromUserName": e.openID, "CreateTime": createTime, "MsgType": "event", "Event": e.name,
		"List": list,
	})
	if err != nil {
		panic(err) // it holds strings only
	}
	return text
}

func xmlEvent(e *event, to, at string) []byte {
	element := map[string]string{
		eventPopup: "SubscribeMsgPopupEvent", eventChange: "SubscribeMsgChangeEvent", eventSent: "SubscribeMsgSentEvent",
	}[e.name]
	var b bytes.Buffer
	fmt.Fprintf(&b, "<xml><ToUserName><![CDATA[%s]]></ToUserName><FromUserName><![CDATA[%s]]></FromUserName>", to, e.openID)
	fmt.Fprintf(&b, "<CreateTime>%s</CreateTime><MsgType><![CDATA[event]]></MsgType><Event><![CDATA[%s]]></Event>", at, e.name)
	fmt.Fprintf(&b, "<%s><List>", element)
	for _, p := range e.pairs() {
		fmt.Fprintf(&b, "<%s><![CDATA[%s]]></%s>", p.name, p.value, p.name)
	}
	fmt.Fprintf(&b, "</List></%s></xml>", element)
	return b.Bytes()
}
