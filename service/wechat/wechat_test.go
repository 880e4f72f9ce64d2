package wechat

import (
	"bytes"
	"errors"
	"io"
	"log/slog"
	"net/http"
	"os"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/silenceper/wechat/v2/util"

	"zhibu/model"
	"zhibu/service/wechat/sim"
)

const (
	appID  = "wx0123456789abcdef"
	secret = "SUPERSECRET0123456789abcdef"
	openID = "oMember-0001_abcdefg"
	mobile = "13800138000"

	loginPath = "/sns/jscode2session"
	tokenPath = "/cgi-bin/stable_token"
	phonePath = "/wxa/business/getuserphonenumber"
	qrPath    = "/wxa/getwxacodeunlimit"
)

// TestMain puts a way for the bare SDK, whose methods know no context, beside the guard. The SDK's client is a global,
// so this can only be done before the first call.
func TestMain(m *testing.M) {
	installGuard()
	util.DefaultHTTPClient.Transport = withBareSDK{}
	os.Exit(m.Run())
}

var bareSDK atomic.Pointer[http.RoundTripper]

type withBareSDK struct{}

func (withBareSDK) RoundTrip(r *http.Request) (*http.Response, error) {
	if bare := bareSDK.Load(); bare != nil && r.Context().Value(transportKey{}) == nil {
		return (*bare).RoundTrip(r)
	}
	return guard{}.RoundTrip(r)
}

// clock is a time that only a test moves.
type clock struct {
	mu sync.Mutex
	at time.Time
}

func newClock() *clock { return &clock{at: time.Date(2026, 11, 23, 9, 30, 15, 0, time.UTC)} }

func (c *clock) now() time.Time {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.at
}

func (c *clock) advance(d time.Duration) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.at = c.at.Add(d)
}

// world is a client, the platform it talks to and the clock of both.
type world struct {
	*Client
	platform *sim.Platform
	clock    *clock
	log      *bytes.Buffer
}

func newWorld(t *testing.T) world {
	t.Helper()
	clk := newClock()
	p := sim.New(sim.Config{AppID: appID, AppSecret: secret, Now: clk.now, Pages: []string{"pages/home"}})
	c, log := newClient(t, p.Transport(), clk.now)
	return world{c, p, clk, log}
}

func newClient(t testing.TB, transport http.RoundTripper, now func() time.Time) (*Client, *bytes.Buffer) {
	t.Helper()
	log := &bytes.Buffer{}
	c, err := New(Config{
		AppID: appID, AppSecret: secret, Transport: transport, Now: now,
		Logger: slog.New(slog.NewTextHandler(log, nil)),
	})
	if err != nil {
		t.Fatal(err)
	}
	return c, log
}

func (w world) fail(t *testing.T, f sim.Fault) {
	t.Helper()
	if err := w.platform.Fail(f); err != nil {
		t.Fatal(err)
	}
}

// calls counts the requests that reached path.
func (w world) calls(path string) int {
	return len(slices.DeleteFunc(w.platform.Journal(), func(e sim.Entry) bool { return e.Path != path }))
}

// wantError checks which refusal err is, and that the errcode of its cause is code (0: not the platform's).
func wantError(t *testing.T, err error, want *model.Error, code int64) {
	t.Helper()
	if !errors.Is(err, want) {
		t.Fatalf("error = %v, want %s", err, want.Code)
	}
	var p *PlatformError
	if errors.As(err, &p); code != 0 && (p == nil || p.Code != code) {
		t.Errorf("cause of %q is not errcode %d", err, code)
	}
	if m := model.AsError(err); m == nil || m.Message == "" {
		t.Errorf("%v has no sentence for the member", err)
	}
}

// wantClean checks that text holds nothing that may be in no log.
func wantClean(t *testing.T, text string, private ...string) {
	t.Helper()
	for _, v := range append(private, secret) {
		if v != "" && strings.Contains(text, v) {
			t.Errorf("%q tells %q", text, v)
		}
	}
}

// roundTripper is a network made of one function.
type roundTripper func(*http.Request) (*http.Response, error)

func (f roundTripper) RoundTrip(r *http.Request) (*http.Response, error) { return f(r) }

// answering is a platform that says the same to everything.
func answering(status int, body string) roundTripper {
	return func(r *http.Request) (*http.Response, error) {
		return &http.Response{
			StatusCode: status, Header: http.Header{}, Body: io.NopCloser(strings.NewReader(body)), Request: r,
		}, nil
	}
}
