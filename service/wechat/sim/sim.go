package sim

import (
	"context"
	"io"
	"maps"
	"math/rand/v2"
	"net/http"
	"net/url"
	"strings"
	"sync"
	"sync/atomic"
	"time"
)

const (
	maxRequest = 64 << 10
	controls   = "/_sim/"
)

// The platform's paths that are simulated.
const (
	pathLogin       = "/sns/jscode2session"
	pathToken       = "/cgi-bin/token"
	pathStableToken = "/cgi-bin/stable_token"
	pathPhone       = "/wxa/business/getuserphonenumber"
	pathQRCode      = "/wxa/getwxacodeunlimit"
	pathSend        = "/cgi-bin/message/subscribe/send"
	pathTemplates   = "/wxaapi/newtmpl/gettemplate"
	pathCheckText   = "/wxa/msg_sec_check"
)

// Config is the mini program as it is registered on the platform.
type Config struct {
	AppID     string
	AppSecret string
	Now       func() time.Time           // the platform's clock; nil is time.Now
	Pages     []string                   // the released pages; nil releases every page
	UnionID   func(openID string) string // nil: not bound to an Open Platform account, so no unionid

	Latency     time.Duration // of every call, of real time, before it is carried out
	JournalSize int           // how many requests are remembered; 0 is a thousand, negative is none

	Templates []Template   // the subscribe-message templates that the mini program has chosen
	NoMsgID   bool         // a message that is sent gets no msgid
	Events    *EventConfig // where the message push goes; nil: nowhere

	Merchant *Merchant         // nil: no WeChat Pay
	Deliver  http.RoundTripper // how the platform reaches a notify_url and the message push; nil is the network
}

// Platform is the simulator. Its methods may be called at any time from any goroutine.
type Platform struct {
	cfg     Config
	routes  map[string]route
	control http.Handler
	serial  atomic.Uint64 // survives Reset, so that no id is ever given twice

	push     *pushes
	events   *events      // nil without EventConfig
	pay      *payments    // nil without a merchant
	notifier *http.Client // calls notify_url and the address of the message push

	mu    sync.Mutex // guards state, never held while waiting
	state state
}

type state struct {
	logins  tickets
	phones  tickets
	rate    minuteRate
	visits  visits
	tokens  tokens
	faults  []*armed
	chance  *rand.Rand // whom a fault with a percentage hits
	journal journal
}

type route struct {
	method string
	handle func(call) answer
}

// call is one request to the platform, read and bounded.
type call struct {
	ctx      context.Context // the request's, for what the platform does before it answers
	method   string
	path     string
	endpoint string // the path, with braces where WeChat Pay's have a number
	arg      string // what stands in the braces
	query    url.Values
	body     []byte
	fault    Fault
	message  *message // of a send, nil when it can't be read
	busy     bool     // another message to the same person is being sent

	uri, authorization string // what WeChat Pay's signature covers, and the signature
}

// New returns a platform that knows the one mini program in cfg. It panics when cfg.Events can't be.
func New(cfg Config) *Platform {
	if cfg.Now == nil {
		cfg.Now = time.Now
	}
	p := &Platform{cfg: cfg, notifier: &http.Client{
		Transport:     cfg.Deliver,
		CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse },
	}}
	p.push = newPushes(p)
	if cfg.Events != nil {
		p.events = newEvents(p, *cfg.Events)
	}
	p.state = p.newState()
	p.routes = map[string]route{
		pathLogin:       {http.MethodGet, p.jscode2session},
		pathToken:       {http.MethodGet, p.normalToken},
		pathStableToken: {http.MethodPost, p.stableToken},
		pathPhone:       {http.MethodPost, p.phoneNumber},
		pathQRCode:      {http.MethodPost, p.miniProgramCode},
		pathSend:        {http.MethodPost, p.push.send},
		pathTemplates:   {http.MethodGet, p.push.list},
		pathCheckText:   {http.MethodPost, p.checkText},
	}
	if cfg.Merchant != nil {
		p.pay = newPayments(p, cfg.Merchant)
		maps.Copy(p.routes, p.pay.routes())
	}
	p.control = p.controlHandler()
	return p
}

func (p *Platform) newState() state {
	return state{journal: journal{size: p.cfg.journalSize()}, chance: rand.New(rand.NewPCG(1, 2))}
}

// Reset forgets every code, token, consent, message, event, order, fault and journal entry, as if the platform had
// been made anew. The merchant keeps its keys.
func (p *Platform) Reset() {
	p.push.reset()
	if p.events != nil {
		p.events.reset()
	}
	if p.pay != nil {
		p.pay.reset()
	}
	p.mu.Lock()
	defer p.mu.Unlock()
	p.state = p.newState()
}

// ServeHTTP answers the platform's paths and the controls under /_sim/.
func (p *Platform) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	if strings.HasPrefix(r.URL.Path, controls) {
		p.control.ServeHTTP(w, r)
		return
	}
	body, err := io.ReadAll(http.MaxBytesReader(w, r.Body, maxRequest))
	if err != nil {
		http.Error(w, "413 Request Entity Too Large", http.StatusRequestEntityTooLarge)
		return
	}
	c := call{
		ctx: r.Context(), method: r.Method, path: r.URL.Path, query: r.URL.Query(), body: body,
		uri: r.RequestURI, authorization: r.Header.Get("Authorization"),
	}
	c.endpoint, c.arg = endpointOf(c.path)
	c.fault = p.receive(r, body, c.endpoint)
	a, answered := p.process(c)
	switch {
	case answered:
		a.write(w)
	case c.fault.Reset:
		reset(w)
	}
}

// process carries a call out once its latency has passed. It answers nothing when the caller has gone meanwhile, or
// when a fault breaks the connection.
func (p *Platform) process(c call) (a answer, answered bool) {
	if c.endpoint == pathSend {
		c.message = readMessage(c.body)
		defer p.push.begin(&c)()
	}
	if !wait(c.ctx, p.cfg.Latency+time.Duration(c.fault.LatencyMS)*time.Millisecond) || c.fault.Reset {
		return answer{}, false
	}
	return p.answer(c), true
}

// receive journals a request and takes the fault that awaits it.
func (p *Platform) receive(r *http.Request, body []byte, endpoint string) Fault {
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.state.journal.size > 0 {
		p.state.journal.add(Entry{
			At: p.cfg.Now(), Method: r.Method, Path: r.URL.Path, Query: r.URL.RawQuery, Body: string(body),
		})
	}
	return p.state.takeFault(endpoint)
}

func (p *Platform) answer(c call) answer {
	if a, ok := p.faulty(c); ok {
		return a
	}
	to, known := p.routes[c.endpoint]
	switch {
	case p.pay != nil && isPay(c.path) && (!known || c.method != to.method):
		return payRefuse("RESOURCE_NOT_EXISTS", "接口不存在")
	case !known:
		return p.refuse(c.path, 40066)
	case c.method != to.method && to.method == http.MethodGet:
		return p.refuse(c.path, 43001)
	case c.method != to.method:
		return p.refuse(c.path, 43002)
	}
	return c.fault.spoil(to.handle(c))
}

// DeliverDue sends the notifications of WeChat Pay and the events of the message push whose time has come by the
// platform's clock, and returns how many were taken. Call it every second, or after moving the clock: nothing else
// sends an event, a retry, a late notification or that of a refund.
func (p *Platform) DeliverDue(ctx context.Context) int {
	taken := 0
	if p.pay != nil {
		taken += p.pay.deliverDue(ctx)
	}
	if p.events != nil {
		taken += p.events.deliverDue(ctx)
	}
	return taken
}

// wait reports whether d passed before ctx ended. It is real time: the latency is for the caller, not the platform.
func wait(ctx context.Context, d time.Duration) bool {
	if d <= 0 {
		return true
	}
	timer := time.NewTimer(d)
	defer timer.Stop()
	select {
	case <-timer.C:
		return true
	case <-ctx.Done():
		return false
	}
}
