package wechat

import (
	"context"
	"errors"
	"fmt"
	"sync/atomic"
	"time"

	"github.com/sony/gobreaker/v2"

	"zhibu/model"
)

const (
	tripWindow = 30 * time.Second
	tripBucket = 3 * time.Second // the window moves by so much
	tripAfter  = 5               // failures, if three of four calls fail: a platform that fails now and then is of use
	tripInARow = 20              // whatever went well before
	openFor    = 15 * time.Second
	probeAgain = time.Second // when to look again while another call tries whether it is over
)

// breaker keeps the calls of one kind to itself once the platform does not answer them, and lets one through after
// openFor to see whether it does again. Each kind has its own, for the platform's paths fail one by one. Its clock is
// the real one, which the library has no other for.
type breaker struct {
	name    string
	circuit *gobreaker.CircuitBreaker[struct{}]
	began   time.Time
	opened  atomic.Int64 // how long after began, in nanoseconds
}

// openError is a call that was not made because its breaker is open.
type openError struct {
	op    string
	again time.Duration // when another is worth a try
}

func (e *openError) Error() string {
	return fmt.Sprintf("%s: not called, for the platform has failed too often of late", e.op)
}

func newBreaker(name string) *breaker {
	b := &breaker{name: name, began: time.Now()}
	b.circuit = gobreaker.NewCircuitBreaker[struct{}](gobreaker.Settings{
		Name: name, MaxRequests: 1, Interval: tripWindow, BucketPeriod: tripBucket, Timeout: openFor,
		ReadyToTrip: func(n gobreaker.Counts) bool {
			return n.TotalFailures >= tripAfter && 4*n.TotalFailures >= 3*n.Requests || n.ConsecutiveFailures >= tripInARow
		},
		IsSuccessful: answered,
		IsExcluded:   func(err error) bool { return errors.Is(err, context.Canceled) }, // the caller went, who knows why
		OnStateChange: func(_ string, _, to gobreaker.State) {
			if to == gobreaker.StateOpen {
				b.opened.Store(int64(time.Since(b.began)))
			}
		},
	})
	return b
}

func newBreakers() map[string]*breaker {
	all := map[string]*breaker{}
	for _, name := range []string{opLogin, opToken, opPhone, opQRCode, opSend, opTemplates, opCheckText} {
		all[name] = newBreaker(name)
	}
	return all
}

// answered reports whether the platform was there: a refusal is an answer too, unless it says that it is too busy.
func answered(err error) bool {
	var p *PlatformError
	if errors.As(err, &p) {
		return p.Code != busy
	}
	return err == nil || model.AsError(err) != nil
}

// do calls f unless the breaker is open, which is an *openError.
func (b *breaker) do(f func() error) error {
	_, err := b.circuit.Execute(func() (struct{}, error) { return struct{}{}, f() })
	if errors.Is(err, gobreaker.ErrOpenState) || errors.Is(err, gobreaker.ErrTooManyRequests) {
		open := time.Since(b.began) - time.Duration(b.opened.Load())
		return &openError{op: b.name, again: max(openFor-open, probeAgain)}
	}
	return err
}
