package wechat

import (
	"context"
	"errors"
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"net/url"
	"strings"
	"syscall"
	"testing"
	"testing/synctest"
	"time"

	"zhibu/model"
	"zhibu/service/wechat/sim"
)

// TestSendOnABadNetwork: through a transport that tells nothing, only what can't have been sent is not unknown.
func TestSendOnABadNetwork(t *testing.T) {
	breaking := func(err error) roundTripper {
		return func(*http.Request) (*http.Response, error) { return nil, err }
	}
	for name, tc := range map[string]struct {
		network roundTripper
		want    model.SendFate
	}{
		"dial error":         {breaking(&net.OpError{Op: "dial", Err: errors.New("no route to " + openID)}), model.FateRetry},
		"no such host":       {breaking(&net.OpError{Op: "dial", Err: &net.DNSError{Name: platformHost}}), model.FateRetry},
		"connection refused": {breaking(syscall.ECONNREFUSED), model.FateRetry},
		"500":                {answering(500, "<html>"), model.FateRetry},
		"503":                {answering(503, ""), model.FateRetry},
		"reset":              {breaking(&net.OpError{Op: "read", Err: syscall.ECONNRESET}), model.FateUnknown},
		"end of file":        {breaking(io.EOF), model.FateUnknown},
		"a page":             {answering(200, "<html><body>login</body></html>"), model.FateUnknown},
		"nothing":            {answering(200, ""), model.FateUnknown},
		"an empty object":    {answering(200, "{}"), model.FateUnknown},
		"a msgid alone":      {answering(200, `{"msgid":1}`), model.FateUnknown},
		"half an answer":     {answering(200, `{"errcode":0,"err`), model.FateUnknown},
		"a list":             {answering(200, "[]"), model.FateUnknown},
		"redirect":           {answering(302, ""), model.FateUnknown},
		"404":                {answering(404, ""), model.FateUnknown},
		"too much":           {answering(200, `{"x":"`+strings.Repeat("x", maxAnswer)+`"}`), model.FateUnknown},
		"a panic":            {func(r *http.Request) (*http.Response, error) { panic("at " + r.URL.String()) }, model.FateUnknown},
	} {
		t.Run(name, func(t *testing.T) {
			c, log := newClient(t, tokenThen(tc.network), nil)
			_, err := c.Send(t.Context(), pushMessage())
			wantFate(t, err, tc.want, 0)
			wantClean(t, log.String(), openID, "70_THETOKEN")
			// Without a token nothing is sent, whatever happened to it.
			c, _ = newClient(t, tc.network, nil)
			_, err = c.Send(t.Context(), pushMessage())
			wantFate(t, err, model.FateRetry, 0)
		})
	}
}

func TestSendReadsTheMsgID(t *testing.T) {
	for answer, want := range map[string]string{
		`{"errcode":0,"errmsg":"ok","msgid":1988810812324364291}`: "1988810812324364291",
		`{"errcode":0,"msgid":"1988810812324364291"}`:             "1988810812324364291",
		`{"errcode":0,"msgid":18446744073709551615}`:              "18446744073709551615",
		`{"errcode":0,"msgid":null}`:                              "",
		`{"errcode":0,"msgid":{"a":1}}`:                           "",
		`{"errcode":0}`:                                           "",
	} {
		c, _ := newClient(t, tokenThen(answering(http.StatusOK, answer)), nil)
		if got, err := c.Send(t.Context(), pushMessage()); err != nil || got != want {
			t.Errorf("%s: %q, %v, want %q", answer, got, err, want)
		}
	}
}

// TestSendOverASocket: a real transport tells how far a request came, and that decides.
func TestSendOverASocket(t *testing.T) {
	hangUp := func(w http.ResponseWriter, r *http.Request) {
		_, _ = io.Copy(io.Discard, r.Body)
		conn, _, err := http.NewResponseController(w).Hijack()
		if err != nil {
			t.Error(err)
			return
		}
		_ = conn.Close()
	}
	for name, tc := range map[string]struct {
		serve http.HandlerFunc
		https bool // asked of a server that speaks none
		dial  func(context.Context, string, string) (net.Conn, error)
		want  model.SendFate // "" is sent
	}{
		"sent":    {serve: func(w http.ResponseWriter, _ *http.Request) { _, _ = w.Write([]byte(`{"errcode":0}`)) }},
		"hung up": {serve: hangUp, want: model.FateUnknown},
		"no answer": {serve: func(_ http.ResponseWriter, r *http.Request) {
			_, _ = io.Copy(io.Discard, r.Body) // else the server would not see the caller go
			<-r.Context().Done()
		}, want: model.FateUnknown},
		"unavailable": {serve: func(w http.ResponseWriter, _ *http.Request) { w.WriteHeader(503) }, want: model.FateRetry},
		"broken off": {serve: func(w http.ResponseWriter, _ *http.Request) {
			w.Header().Set("Content-Length", "99")
			_, _ = w.Write([]byte(`{"errcode":0`))
		}, want: model.FateUnknown},
		"no TLS": {serve: hangUp, https: true, want: model.FateRetry},
		"nobody listens": {dial: func(ctx context.Context, _, _ string) (net.Conn, error) {
			return (&net.Dialer{}).DialContext(ctx, "tcp", "127.0.0.1:1")
		}, want: model.FateRetry},
		"no such host": {dial: func(context.Context, string, string) (net.Conn, error) {
			return nil, &net.DNSError{Name: platformHost, IsNotFound: true}
		}, want: model.FateRetry},
		"a firewall": {dial: func(ctx context.Context, _, _ string) (net.Conn, error) {
			<-ctx.Done()
			return nil, ctx.Err()
		}, want: model.FateRetry},
	} {
		t.Run(name, func(t *testing.T) {
			server := httptest.NewServer(tc.serve)
			defer server.Close()
			transport := &http.Transport{DialContext: tc.dial}
			defer transport.CloseIdleConnections()
			c, _ := newClient(t, tokenThen(to(t, server.URL, tc.https, transport)), nil)
			c.timeout = 100 * time.Millisecond
			_, err := c.Send(t.Context(), pushMessage())
			if tc.want != "" {
				wantFate(t, err, tc.want, 0)
			} else if err != nil {
				t.Error(err)
			}
		})
	}
}

// to sends what is for the platform to a server of our own.
func to(t *testing.T, base string, https bool, transport http.RoundTripper) roundTripper {
	t.Helper()
	u, err := url.Parse(base)
	if err != nil {
		t.Fatal(err)
	}
	return func(r *http.Request) (*http.Response, error) {
		r = r.Clone(r.Context())
		r.URL.Host = u.Host
		if !https {
			r.URL.Scheme = u.Scheme
		}
		return transport.RoundTrip(r)
	}
}

func TestSendWhenTheCallerHasGone(t *testing.T) {
	w := newPushWorld(t)
	w.subscribe(t, once, 1)
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	_, err := w.Send(ctx, pushMessage())
	wantFate(t, err, model.FateRetry, 0)
	if w.platform.Received() != 0 || w.calls(sendPath) != 0 {
		t.Error("it was sent all the same")
	}
	// A caller who goes while the platform works can't know.
	synctest.Test(t, func(t *testing.T) {
		w := newPushWorld(t)
		w.fail(t, sim.Fault{Endpoint: sendPath, LatencyMS: 60_000})
		start := time.Now()
		_, err := w.Send(t.Context(), pushMessage())
		wantFate(t, err, model.FateUnknown, 0)
		if took := time.Since(start); took != defaultTimeout {
			t.Errorf("gave up after %v, want %v", took, defaultTimeout)
		}
	})
}
