package wechat

import (
	"bytes"
	"crypto/sha1"
	"crypto/subtle"
	"encoding/hex"
	"encoding/json"
	"encoding/xml"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"time"

	"zhibu/model"
)

const (
	maxEvent    = 64 << 10
	maxNonce    = 128
	eventWindow = 10 * time.Minute // the platform sends an event again for some seconds; the rest is for clocks
)

var (
	pushTokenPattern = regexp.MustCompile(`^[0-9A-Za-z]{3,32}$`)
	timestampPattern = regexp.MustCompile(`^[0-9]{10}$`)
	echoPattern      = regexp.MustCompile(`^[0-9A-Za-z_+/=.-]{1,256}$`)
)

// ReceiverConfig is the message push (消息推送) as it is set up on the platform. All three must be set.
type ReceiverConfig struct {
	AppID          string
	Token          string           // 3 to 32 letters and digits
	EncodingAESKey string           // 43 letters and digits
	Now            func() time.Time // nil is time.Now
}

// Receiver takes what the platform sends to the address of the message push. It takes events in safe mode only: signed
// with msg_signature, not older than ten minutes, encrypted, and for our app. The SDK's own receiver checks none of
// these.
type Receiver struct {
	token string
	box   *eventBox
	now   func() time.Time
}

// NewReceiver returns a receiver, or an error that names the setting at fault and never its value.
func NewReceiver(cfg ReceiverConfig) (*Receiver, error) {
	if !credentialPattern.MatchString(cfg.AppID) {
		return nil, errors.New("wechat push: AppID is empty or has characters other than letters, digits, _ and -")
	}
	if !pushTokenPattern.MatchString(cfg.Token) {
		return nil, errors.New("wechat push: Token is not of 3 to 32 letters and digits")
	}
	box, err := newEventBox(cfg.AppID, cfg.EncodingAESKey)
	if err != nil {
		return nil, err
	}
	r := &Receiver{token: cfg.Token, box: box, now: cfg.Now}
	if r.now == nil {
		r.now = time.Now
	}
	return r, nil
}

// Echo answers the call (GET) with which the platform checks the address when it is set up: the text to send back as
// it is. Any other call is model.ErrEvent.
func (r *Receiver) Echo(query url.Values) (string, error) {
	echo := query.Get("echostr")
	if err := r.check(query, "signature"); err != nil {
		return "", model.ErrEvent.With(err)
	}
	if !echoPattern.MatchString(echo) {
		return "", model.ErrEvent.With(errors.New("wechat push: echostr is empty, too long or has strange characters"))
	}
	return echo, nil
}

// Parse reads an event (POST). Any other call is model.ErrEvent with a cause that is safe to log; answer it with 4xx.
// An event of a kind that PlatformEvent has no place for comes with its name alone. The platform may send an event
// twice, late or never; answer "success" within five seconds, else it comes again.
func (r *Receiver) Parse(req *http.Request) (model.PlatformEvent, error) {
	e, err := r.parse(req)
	if err != nil {
		return model.PlatformEvent{}, model.ErrEvent.With(err)
	}
	return e, nil
}

func (r *Receiver) parse(req *http.Request) (model.PlatformEvent, error) {
	query := req.URL.Query()
	if query.Get("encrypt_type") != "aes" { // no fallback to plaintext, whose signature covers no body
		return model.PlatformEvent{}, errors.New("wechat push: not encrypted; set the message push to safe mode (安全模式)")
	}
	body, err := readEvent(req.Body)
	if err != nil {
		return model.PlatformEvent{}, err
	}
	sealed, err := sealedIn(body)
	if err != nil {
		return model.PlatformEvent{}, err
	}
	if err := r.check(query, "msg_signature", sealed); err != nil {
		return model.PlatformEvent{}, err
	}
	plain, err := r.box.open(sealed)
	if err != nil {
		return model.PlatformEvent{}, err
	}
	return decodeEvent(plain)
}

func readEvent(from io.Reader) ([]byte, error) {
	if from == nil {
		return nil, errors.New("wechat push: no body")
	}
	body, err := io.ReadAll(io.LimitReader(from, maxEvent+1))
	if err != nil {
		return nil, fmt.Errorf("wechat push: the body broke off: %w", err)
	}
	if len(body) > maxEvent {
		return nil, fmt.Errorf("wechat push: a body of more than %d bytes", maxEvent)
	}
	return body, nil
}

// sealedIn finds the encrypted event in its envelope. What else the envelope says is not signed, and not read.
func sealedIn(body []byte) (string, error) {
	var envelope struct {
		Encrypt string `json:"Encrypt" xml:"Encrypt"`
	}
	if err := unmarshal(body, &envelope); err != nil || envelope.Encrypt == "" {
		return "", errors.New("wechat push: the body is no envelope of an encrypted event")
	}
	return envelope.Encrypt, nil
}

// unmarshal reads JSON or XML, whichever body is.
func unmarshal(body []byte, into any) error {
	if bytes.HasPrefix(bytes.TrimSpace(body), []byte("<")) {
		return xml.Unmarshal(body, into)
	}
	return json.Unmarshal(body, into)
}

// check verifies the signature in the named parameter over the token, the timestamp, the nonce and the rest, and that
// the timestamp is of now.
func (r *Receiver) check(query url.Values, name string, rest ...string) error {
	timestamp, nonce := query.Get("timestamp"), query.Get("nonce")
	if !timestampPattern.MatchString(timestamp) || nonce == "" || len(nonce) > maxNonce {
		return errors.New("wechat push: no timestamp or no nonce")
	}
	want := signatureOf(append([]string{r.token, timestamp, nonce}, rest...)...)
	if subtle.ConstantTimeCompare([]byte(query.Get(name)), []byte(want)) != 1 {
		return fmt.Errorf("wechat push: %s is wrong; is the Token the platform's?", name)
	}
	seconds, err := strconv.ParseInt(timestamp, 10, 64)
	if err != nil {
		return errors.New("wechat push: the timestamp is no number")
	}
	if age := r.now().Sub(time.Unix(seconds, 0)); age.Abs() > eventWindow {
		return fmt.Errorf("wechat push: signed %v ago; a replay, or is the server's clock wrong?", age.Round(time.Second))
	}
	return nil
}

// signatureOf is the platform's signature: SHA-1 of the parts, sorted and joined.
func signatureOf(parts ...string) string {
	slices.Sort(parts)
	sum := sha1.Sum([]byte(strings.Join(parts, "")))
	return hex.EncodeToString(sum[:])
}
