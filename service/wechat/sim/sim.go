package sim

import (
	"context"
	"io"
	"maps"
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
)

// Config is the mini program as it is registered on the platform.
type Config struct {
	AppID     string
	AppSecret string
	Now       func() time.Time           // the platform's clock; nil is time.Now
	Pages     []string                   // the released pages; nil releases every page
	UnionID   func(openID string) string // nil: not bound to an Open Platform account, so no unionid

	Merchant *Merchant         // nil: no WeChat Pay
	Deliver  http.RoundTripper // how the platform reaches a notify_url; nil is the network
}

// Platform is the simulator. Its methods may be called at any time from any goroutine.
type Platform struct {
	cfg     Config
	routes  map[string]route
	control http.Handler
	serial  atomic.Uint64 // survives Reset, so that no id is ever given twice

	pay      *payments    // nil without a merchant
	notifier *http.Client // calls notify_url

	mu    sync.Mutex // guards state, never held while waiting
	state state
}

type state struct {
	logins  tickets
	phones  tickets
	rate    minuteRate
	tokens  tokens
	faults  []*Fault
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

	uri, authorization string // what WeChat Pay's signature covers, and the signature
}

// New returns a platform that knows the one mini program in cfg.
func New(cfg Config) *Platform {
	if cfg.Now == nil {
		cfg.Now = time.Now
	}
	p := &Platform{cfg: cfg}
	p.routes = map[string]route{
		pathLogin:       {http.MethodGet, p.jscode2session},
		pathToken:       {http.MethodGet, p.normalToken},
		pathStableToken: {http.MethodPost, p.stableToken},
		pathPhone:       {http.MethodPost, p.phoneNumber},
		pathQRCode:      {http.MethodPost, p.miniProgramCode},
	}
	if cfg.Merchant != nil {
		p.pay = newPayments(p, cfg.Merchant)
		p.notifier = &http.Client{
			Transport:     cfg.Deliver,
			CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse },
		}
		maps.Copy(p.routes, p.pay.routes())
	}
	p.control = p.controlHandler()
	return p
}

// Reset forgets every code, token, order, fault and journal entry, as if the platform had been made anew. The
// merchant keeps its keys.
func (p *Platform) Reset() {
	if p.pay != nil {
		p.pay.reset()
	}
	p.mu.Lock()
	defer p.mu.Unlock()
	p.state = state{}
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
	if !wait(r.Context(), time.Duration(c.fault.LatencyMS)*time.Millisecond) {
		return
	}
	if c.fault.Reset {
		reset(w)
		return
	}
	p.answer(c).write(w)
}

// receive journals a request and takes the fault that awaits it.
func (p *Platform) receive(r *http.Request, body []byte, endpoint string) Fault {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.state.journal.add(Entry{
		At: p.cfg.Now(), Method: r.Method, Path: r.URL.Path, Query: r.URL.RawQuery, Body: string(body),
	})
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
