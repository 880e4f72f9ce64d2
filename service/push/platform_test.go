package push_test

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"io"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync"
	"time"

	"zhibu/service/push"
	"zhibu/service/wechat"
	"zhibu/service/wechat/sim"
)

// connect brings up a platform that knows nobody, and two instances that have just started. A timeout of 0 is the usual one.
func (w *world) connect(timeout time.Duration) {
	w.t.Helper()
	const token, key = "AAAAA", "AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA"
	cfg := sim.Config{
		AppID: appID, AppSecret: "0123456789abcdef0123456789abcdef", Now: w.clock.Now, Pages: []string{"pages/announcement"},
		Events:  &sim.EventConfig{URL: "https://example.org/api/v1/wechat/events", Token: token, EncodingAESKey: key},
		Deliver: network(w.receive), JournalSize: -1,
	}
	for _, t := range templates() {
		s := sim.Template{ID: t.TemplateID, Title: t.Title, LongTerm: t.LongTerm}
		for _, f := range t.Fields {
			s.Fields = append(s.Fields, sim.Field{Key: f.Key, Name: f.Name, Enum: f.Enum})
		}
		cfg.Templates = append(cfg.Templates, s)
	}
	w.platform = sim.New(cfg)
	w.wire = &wire{next: w.platform.Transport()}
	var err error
	w.receiver, err = wechat.NewReceiver(wechat.ReceiverConfig{AppID: appID, Token: token, EncodingAESKey: key, Now: w.clock.Now})
	w.must(err)
	w.log, w.s = &syncBuffer{}, nil
	for range 2 {
		w.s = append(w.s, w.instance(w.client(timeout)))
	}
}

// client is one of WeChat, over the simulator.
func (w *world) client(timeout time.Duration) *wechat.Client {
	w.t.Helper()
	c, err := wechat.New(wechat.Config{
		AppID: appID, AppSecret: "0123456789abcdef0123456789abcdef", Transport: w.wire, Now: w.clock.Now, Timeout: timeout, Logger: w.logger(),
	})
	w.must(err)
	return c
}

// instance is another instance of the service.
func (w *world) instance(p push.Platform) *push.Service {
	c := w.config
	c.Logger = w.logger()
	return push.New(w.db, w.clock.Now, p, c)
}

func (w *world) logger() *slog.Logger { return slog.New(slog.NewJSONHandler(w.log, nil)) }

// wire is the network to WeChat. It counts answers by errcode, and remembers what must be in no log.
type wire struct {
	next    http.RoundTripper
	mu      sync.Mutex
	answers map[int64]int
	tokens  map[string]bool
}

func (n *wire) RoundTrip(r *http.Request) (*http.Response, error) {
	resp, err := n.next.RoundTrip(r)
	if err != nil {
		return nil, err
	}
	body, broken := io.ReadAll(resp.Body)
	resp.Body = io.NopCloser(io.MultiReader(bytes.NewReader(body), failing{broken}))
	var said struct {
		ErrCode     int64  `json:"errcode"`
		AccessToken string `json:"access_token"`
	}
	_ = json.Unmarshal(body, &said)
	n.mu.Lock()
	defer n.mu.Unlock()
	if n.answers == nil {
		n.answers, n.tokens = map[int64]int{}, map[string]bool{}
	}
	n.answers[said.ErrCode]++
	if said.AccessToken != "" {
		n.tokens[said.AccessToken] = true
	}
	return resp, nil
}

// failing ends a body as the one before it ended.
type failing struct{ err error }

func (f failing) Read([]byte) (int, error) {
	if f.err != nil {
		return 0, f.err
	}
	return 0, io.EOF
}

// answered is how often WeChat answered so.
func (n *wire) answered(code int64) int {
	n.mu.Lock()
	defer n.mu.Unlock()
	return n.answers[code]
}

// network is one with a single server.
type network http.HandlerFunc

func (n network) RoundTrip(r *http.Request) (*http.Response, error) {
	rec := httptest.NewRecorder()
	n(rec, r)
	return rec.Result(), nil
}

// receive takes an event, as the API does.
func (w *world) receive(rw http.ResponseWriter, r *http.Request) {
	e, err := w.receiver.Parse(r)
	if err == nil {
		err = w.s[int(w.accepted.Add(1))%len(w.s)].Accept(r.Context(), e)
	}
	if err != nil {
		rw.WriteHeader(http.StatusBadRequest)
		return
	}
	_, _ = rw.Write([]byte("success"))
}

// hear has the platform push its events and the service do what follows, until there are none.
func (w *world) hear() {
	w.t.Helper()
	for w.platform.DeliverDue(context.Background()) > 0 {
		w.must(w.s[0].Settle(context.Background()))
	}
}

// syncBuffer is a log.
type syncBuffer struct {
	mu sync.Mutex
	b  strings.Builder
}

func (b *syncBuffer) Write(p []byte) (int, error) {
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.b.Write(p)
}

func (b *syncBuffer) String() string {
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.b.String()
}

// alarms are the lines of the log at the level ERROR.
func (w *world) alarms() (lines []string) {
	for line := range strings.Lines(w.log.String()) {
		if strings.Contains(line, `"level":"ERROR"`) {
			lines = append(lines, line)
		}
	}
	return lines
}

// wantCleanLog: no log says who got what.
func (w *world) wantCleanLog() {
	w.t.Helper()
	log := w.log.String()
	private := []string{"机密", "o0000"}
	w.wire.mu.Lock()
	for token := range w.wire.tokens {
		private = append(private, token)
	}
	w.wire.mu.Unlock()
	for _, p := range private {
		if strings.Contains(log, p) {
			w.t.Fatalf("the log tells %q:\n%s", p, log)
		}
	}
}

// faultOf is a fault of the next call: an errcode, or what happens to the connection.
func faultOf(endpoint, what string) sim.Fault {
	f := sim.Fault{Endpoint: endpoint}
	switch what {
	case "truncate":
		f.Truncate = true
	case "reset":
		f.Reset = true
	default:
		if _, err := fmt.Sscan(what, &f.Errcode); err != nil {
			panic(err)
		}
	}
	return f
}
