package wechat

import (
	"context"
	"errors"
	"net"
	"net/http/httptrace"
	"sync/atomic"
	"syscall"
)

// attempt is what is known of a request on its way, for calls that must not be made twice. It is written to by the
// transport's goroutines, even after the call has returned.
type attempt struct {
	traced atomic.Bool  // by a transport with connections; one in the same process tells nothing
	wrote  atomic.Bool  // some of it may have reached the platform
	status atomic.Int32 // of the answer, 0 without one
}

type attemptKey struct{}

// watched returns a context that tells a of the request it is used for.
func watched(ctx context.Context, a *attempt) context.Context {
	ctx = httptrace.WithClientTrace(ctx, &httptrace.ClientTrace{
		GetConn:      func(string) { a.traced.Store(true) },
		WroteHeaders: func() { a.wrote.Store(true) },
		WroteRequest: func(info httptrace.WroteRequestInfo) {
			if info.Err == nil {
				a.wrote.Store(true)
			}
		},
	})
	return context.WithValue(ctx, attemptKey{}, a)
}

// unsent reports whether a request that failed with err surely reached nobody. Without its headers a request is none,
// so one that broke before they were written was not carried out.
func (a *attempt) unsent(err error) bool {
	if a.status.Load() != 0 {
		return false
	}
	if a.traced.Load() {
		return !a.wrote.Load()
	}
	var op *net.OpError
	return errors.Is(err, syscall.ECONNREFUSED) || errors.As(err, &op) && op.Op == "dial"
}
