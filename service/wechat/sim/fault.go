package sim

import (
	"errors"
	"fmt"
	"net/http"
	"slices"
)

const (
	maxFaults    = 1000
	maxLatencyMS = 60_000
	maxSkew      = 24 * 60 * 60
)

// TokenDeath is how the current stable token ends before its time.
type TokenDeath string

const (
	// TokenReplaced: another instance forced a refresh; asking again answers the new token.
	TokenReplaced TokenDeath = "replaced"
	// TokenDead: calls refuse the token, yet asking again answers the same one; only a forced refresh helps.
	TokenDead TokenDeath = "dead"
)

// Fault is something that goes wrong with the next calls. Latency comes first and goes with any other fault. Errcode,
// Code, Status, HTML and Reset replace the call: nothing is done. Truncate and Empty spoil its answer: it was done.
//
// Endpoint is a path, with the braces of WeChat Pay's such as /v3/refund/domestic/refunds/{out_refund_no}, or the
// platform's own call of us: "notify" of a notify_url, "events" of the message push. Without one, a fault happens to
// the next call that can meet it.
//
// With Percent, it happens to that share of the calls that no older fault has hit, chosen by lot, yet the same ones
// for the same calls in the same order; Times counts those it hits.
type Fault struct {
	Endpoint  string `json:"endpoint"`   // empty means every one
	Times     int    `json:"times"`      // how many calls it spoils; 0 means one
	Percent   int    `json:"percent"`    // 1 to 99: how many calls of a hundred; 0 means every one
	Errcode   int    `json:"errcode"`    // the platform's refusal, with its text
	Status    int    `json:"status"`     // an HTTP status from a gateway, such as 502
	LatencyMS int    `json:"latency_ms"` // of real time
	Reset     bool   `json:"reset"`      // the connection breaks before an answer
	Truncate  bool   `json:"truncate"`   // the connection breaks half-way through the answer
	HTML      bool   `json:"html"`       // a page with status 200, as a captive portal sends
	Empty     bool   `json:"empty"`      // the answer is {}

	CountryCodeNumber bool `json:"country_code_number"` // phone: countryCode is 86 and not "86"
	PNG               bool `json:"png"`                 // code: image/png and not image/jpeg

	AsyncFailure bool `json:"async_failure"` // send: taken, with its msgid; nothing arrives, and the event says so

	// Events of the message push. What is not taken is sent again after 5 s, three times.
	NoEvent          bool `json:"no_event"`           // lost for good
	LateEvent        bool `json:"late_event"`         // the first attempt gets lost
	DuplicateEvent   bool `json:"duplicate_event"`    // twice at once
	EventOutOfOrder  bool `json:"event_out_of_order"` // a second late, after what happens meanwhile
	SlowAck          bool `json:"slow_ack"`           // it is taken, but so late that it is sent again
	BadMsgSignature  bool `json:"bad_msg_signature"`
	PlaintextEvent   bool `json:"plaintext_event"`    // not encrypted, with the signature that proves nothing
	WrongAppIDTail   bool `json:"wrong_appid_tail"`   // encrypted for another app, and rightly signed
	CreateTimeNumber bool `json:"create_time_number"` // JSON: CreateTime is a number and not a string
	ListArray        bool `json:"list_array"`         // JSON: List is an array even of one

	KillToken TokenDeath `json:"kill_token"` // happens now, awaits no call, and excludes the rest

	// WeChat Pay: answers and notifications.
	Code         string `json:"code"`          // its refusal, such as NOT_ENOUGH, with its status and text
	Unsigned     bool   `json:"unsigned"`      // no signature
	BadSignature bool   `json:"bad_signature"` // a signature of something else
	Probe        bool   `json:"probe"`         // the signature is WECHATPAY/SIGNTEST/…, which must be refused
	SkewSeconds  int    `json:"skew_seconds"`  // the signature's time is off by so much

	// WeChat Pay: what a notification or the answer to a query says.
	WrongAmount   bool `json:"wrong_amount"`   // one fen more than true, of the order or of the refund
	WrongCurrency bool `json:"wrong_currency"` // USD
	WrongMchID    bool `json:"wrong_mchid"`    // another merchant
	WrongAppID    bool `json:"wrong_appid"`    // another app; not of a refund

	// WeChat Pay: notifications. A bad one is tried again as any other that was not taken.
	NoNotify           bool `json:"no_notify"`            // lost for good
	LateNotify         bool `json:"late_notify"`          // the first attempt gets lost; DeliverDue sends the next
	DuplicateNotify    bool `json:"duplicate_notify"`     // twice at once
	NotifyBeforeAnswer bool `json:"notify_before_answer"` // prepay: paid and notified before the answer goes out
	NotifyAfterClose   bool `json:"notify_after_close"`   // close: answers 204, yet it was paid; DeliverDue notifies

	NoPrepayID     bool `json:"no_prepay_id"`    // prepay: 200 without it; the order exists
	HoldRefund     bool `json:"hold_refund"`     // refund: stays PROCESSING until FinishRefund
	RefundAbnormal bool `json:"refund_abnormal"` // refund: accepted, then ABNORMAL
	RefundClosed   bool `json:"refund_closed"`   // refund: accepted, then CLOSED

	NoBill          bool `json:"no_bill"`           // bill: NO_STATEMENT_EXIST
	BadHash         bool `json:"bad_hash"`          // bill: its hash is of another file
	BillWrongAmount bool `json:"bill_wrong_amount"` // bill: the first line has one fen more
	BillDropLine    bool `json:"bill_drop_line"`    // bill: the first line is missing
	BillExtraLine   bool `json:"bill_extra_line"`   // bill: one yuan that nobody ordered, at 23:00
}

// Fail lets f happen. It refuses a fault that would do nothing or that no call could meet.
func (p *Platform) Fail(f Fault) error {
	if err := p.checkFault(f); err != nil {
		return err
	}
	if f.KillToken != "" {
		return p.kill(f.KillToken)
	}
	f.Times = max(f.Times, 1)
	p.mu.Lock()
	defer p.mu.Unlock()
	if len(p.state.faults) >= maxFaults {
		return fmt.Errorf("最多同时设置 %d 个故障", maxFaults)
	}
	p.state.faults = append(p.state.faults, p.arm(f))
	return nil
}

// armed is a fault that awaits its calls.
type armed struct {
	Fault
	meets map[string]bool // by endpoint: ten thousand calls a second are compared with it
}

func (p *Platform) arm(f Fault) *armed {
	a := &armed{f, map[string]bool{}}
	for _, e := range p.endpoints() {
		a.meets[e] = (f.Endpoint == "" || f.Endpoint == e) && f.fits(e)
	}
	return a
}

// awaits reports whether a call of the endpoint can meet the fault. A path that nobody serves can meet some, too.
func (a *armed) awaits(endpoint string) bool {
	meets, known := a.meets[endpoint]
	return meets || !known && a.Endpoint == "" && a.fits(endpoint)
}

func (p *Platform) checkFault(f Fault) error {
	effect := f
	effect.Endpoint, effect.Times, effect.Percent = "", 0, 0
	known := slices.Contains(p.endpoints(), f.Endpoint)
	switch {
	case effect == Fault{}:
		return errors.New("没有指定故障：请给出 errcode、status、latency_ms、reset 等之一")
	case f.Endpoint != "" && !known:
		return fmt.Errorf("模拟器没有接口 %q", f.Endpoint)
	case f.Times < 0:
		return errors.New("times 不能为负数")
	case f.Percent < 0 || f.Percent > 99:
		return errors.New("percent 必须在 1 至 99 之间，或不设置")
	case f.Status != 0 && (f.Status < 200 || f.Status > 599):
		return errors.New("status 必须在 200 至 599 之间")
	case f.LatencyMS < 0 || f.LatencyMS > maxLatencyMS:
		return fmt.Errorf("latency_ms 必须在 0 至 %d 之间", maxLatencyMS)
	case f.KillToken == "":
		return p.checkFit(f)
	case f.KillToken != TokenReplaced && f.KillToken != TokenDead:
		return errors.New("kill_token 只能是 replaced 或 dead")
	case f != Fault{KillToken: f.KillToken}:
		return errors.New("kill_token 立即生效，不能与其他项同时设置")
	}
	return nil
}

// takeFault is that of state, for whoever does not hold mu.
func (p *Platform) takeFault(endpoint string) Fault {
	p.mu.Lock()
	defer p.mu.Unlock()
	return p.state.takeFault(endpoint)
}

// takeFault returns the oldest fault that awaits the endpoint, and uses it up once.
func (s *state) takeFault(endpoint string) Fault {
	for i, f := range s.faults {
		if !f.awaits(endpoint) || f.Percent > 0 && s.chance.IntN(100) >= f.Percent {
			continue
		}
		if f.Times--; f.Times == 0 {
			s.faults = append(s.faults[:i:i], s.faults[i+1:]...)
		}
		return f.Fault
	}
	return Fault{}
}

// faulty is the answer of a fault that replaces the call.
func (p *Platform) faulty(c call) (answer, bool) {
	switch f := c.fault; {
	case f.Status != 0:
		page := fmt.Sprintf("<html><body><h1>%d %s</h1></body></html>", f.Status, http.StatusText(f.Status))
		return answer{status: f.Status, mime: "text/html", body: []byte(page)}, true
	case f.HTML:
		return answer{status: http.StatusOK, mime: "text/html", body: []byte("<html><body>请先登录网络</body></html>")}, true
	case f.Errcode != 0:
		return p.refuse(c.path, f.Errcode), true
	}
	return answer{}, false
}

// spoil damages the answer of a call that was carried out.
func (f Fault) spoil(a answer) answer {
	switch {
	case f.Empty:
		a.mime, a.body = typeJSON, []byte("{}")
	case f.Truncate:
		a.length = len(a.body)
		a.body = a.body[:len(a.body)/2]
	}
	return a
}

// reset breaks the connection the way a network does: no answer at all.
func reset(w http.ResponseWriter) {
	if conn, _, err := http.NewResponseController(w).Hijack(); err == nil {
		_ = conn.Close()
		return
	}
	panic(http.ErrAbortHandler) // HTTP/2 and Transport have no connection to take over
}
