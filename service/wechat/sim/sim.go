package sim

import (
	"context"
	"io"
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
}

// Platform is the simulator. Its methods may be called at any time from any goroutine.
type Platform struct {
	cfg     Config
	routes  map[string]route
	control http.Handler
	serial  atomic.Uint64 // survives Reset, so that no id is ever given twice

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
	path  string
	query url.Values
	body  []byte
	fault Fault
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
	p.control = p.controlHandler()
	return p
}

// Reset forgets every code, token, fault and journal entry, as if the platform had been made anew.
func (p *Platform) Reset() {
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
	c := call{path: r.URL.Path, query: r.URL.Query(), body: body}
	c.fault = p.receive(r, body)
	if !wait(r.Context(), time.Duration(c.fault.LatencyMS)*time.Millisecond) {
		return
	}
	if c.fault.Reset {
		reset(w)
		return
	}
	p.answer(r.Method, c).write(w)
}

// receive journals a request and takes the fault that awaits it.
func (p *Platform) receive(r *http.Request, body []byte) Fault {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.state.journal.add(Entry{
		At: p.cfg.Now(), Method: r.Method, Path: r.URL.Path, Query: r.URL.RawQuery, Body: string(body),
	})
	return p.state.takeFault(r.URL.Path)
}

func (p *Platform) answer(method string, c call) answer {
	if a, ok := p.faulty(c); ok {
		return a
	}
	to, known := p.routes[c.path]
	switch {
	case !known:
		return p.refuse(c.path, 40066)
	case method != to.method && to.method == http.MethodGet:
		return p.refuse(c.path, 43001)
	case method != to.method:
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
