package wechat

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"sync"

	"github.com/silenceper/wechat/v2/util"
)

const (
	platformHost = "api.weixin.qq.com"
	maxAnswer    = 4 << 20 // a code of 1280 pixels is a tenth of it
)

// install is package state because the SDK's HTTP client is: one global for every mini program and every test in the
// process. It is set once and never touched again; what differs between clients travels in the request's context.
var install sync.Once

func installGuard() {
	install.Do(func() {
		util.DefaultHTTPClient = &http.Client{
			Transport: guard{},
			// A redirect would carry the secret in the query along.
			CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse },
		}
	})
}

type transportKey struct{}

func withTransport(ctx context.Context, t http.RoundTripper) context.Context {
	return context.WithValue(ctx, transportKey{}, t)
}

// guard lets through only what a Client sends, only to the platform, and only a bounded answer back. The deadline is
// the context's, which Client.run sets.
type guard struct{}

func (guard) RoundTrip(r *http.Request) (*http.Response, error) {
	next, ok := r.Context().Value(transportKey{}).(http.RoundTripper)
	if !ok {
		return nil, refuseRequest(r, errors.New("a call that no client made is refused"))
	}
	if r.URL.Scheme != "https" || r.URL.Host != platformHost {
		return nil, refuseRequest(r, fmt.Errorf("a call to %s is refused", r.URL.Host))
	}
	resp, err := next.RoundTrip(r)
	if err != nil {
		return nil, err
	}
	if a, ok := r.Context().Value(attemptKey{}).(*attempt); ok {
		a.status.Store(int32(resp.StatusCode))
	}
	resp.Body = http.MaxBytesReader(nil, resp.Body, maxAnswer)
	return resp, nil
}

// refuseRequest closes the body, as a RoundTripper must even when it fails.
func refuseRequest(r *http.Request, err error) error {
	if r.Body != nil {
		_ = r.Body.Close()
	}
	return err
}

// network is the real thing, with more idle connections to the one host than Go keeps by default.
func network() http.RoundTripper {
	t, ok := http.DefaultTransport.(*http.Transport)
	if !ok {
		return http.DefaultTransport
	}
	t = t.Clone()
	t.MaxIdleConnsPerHost = 32
	return t
}
