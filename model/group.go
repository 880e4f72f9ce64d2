package model

import (
	"context"
	"fmt"
	"runtime/debug"
	"sync"
	"time"
)

// Group shares the cost of a round trip: items that arrive while one is under way are settled together by the next.
// Nobody waits for a timer; when nothing is under way an item is settled alone and at once. What settle does for an
// item begins after the item arrived, so it sees everything committed before.
type Group[T any] struct {
	settle  func(context.Context, []T) error
	atOnce  int // calls of settle at a time
	mu      sync.Mutex
	waiting []*arrival[T]
	running int
}

// arrival is what one caller waits for.
type arrival[T any] struct {
	ctx   context.Context
	items []T
	done  chan error
}

const (
	maxGroup     = 64               // bounds the size of a group, and with it how long its first item waits for its last
	groupTimeout = 15 * time.Second // of one settle; a group serves several callers and so has none of their deadlines
)

// NewGroup makes a group. settle leaves each item's outcome in the item; its error is for all of them. It may run twice
// for an item. A panic in it is such an error, with the stack in its text, which is for the log.
func NewGroup[T any](atOnce int, settle func(context.Context, []T) error) *Group[T] {
	return &Group[T]{settle: settle, atOnce: atOnce}
}

// Do waits until the items are settled, or ctx is done; in that case they may still be.
func (g *Group[T]) Do(ctx context.Context, items ...T) error {
	a := &arrival[T]{ctx: ctx, items: items, done: make(chan error, 1)}
	g.mu.Lock()
	g.waiting = append(g.waiting, a)
	if g.running < g.atOnce {
		g.running++
		go g.run()
	}
	g.mu.Unlock()
	select {
	case err := <-a.done:
		return err
	case <-ctx.Done():
		return ctx.Err()
	}
}

// run settles groups until nobody waits.
func (g *Group[T]) run() {
	for {
		g.mu.Lock()
		if len(g.waiting) == 0 {
			g.running--
			g.mu.Unlock()
			return
		}
		arrivals := g.take()
		g.mu.Unlock()
		g.serve(arrivals)
	}
}

// take removes the longest waiting arrivals that fit one group, at least one.
func (g *Group[T]) take() []*arrival[T] {
	n, size := 0, 0
	for n < len(g.waiting) && (n == 0 || size+len(g.waiting[n].items) <= maxGroup) {
		size += len(g.waiting[n].items)
		n++
	}
	taken := g.waiting[:n:n]
	g.waiting = g.waiting[n:]
	return taken
}

// serve settles the arrivals together. Should that fail, each is settled alone, so that nobody pays for another's
// trouble; who no longer waits is left out then.
func (g *Group[T]) serve(arrivals []*arrival[T]) {
	var all []T
	for _, a := range arrivals {
		all = append(all, a.items...)
	}
	err := g.try(all)
	for _, a := range arrivals {
		if err != nil && len(arrivals) > 1 && a.ctx.Err() == nil {
			a.done <- g.try(a.items)
			continue
		}
		a.done <- err
	}
}

// try settles the items within a deadline of its own. It runs outside any request, so nobody else would stop a panic.
func (g *Group[T]) try(items []T) (err error) {
	ctx, cancel := context.WithTimeout(context.Background(), groupTimeout)
	defer cancel()
	defer func() {
		if p := recover(); p != nil {
			err = fmt.Errorf("panic in a group: %v\n%s", p, debug.Stack())
		}
	}()
	return g.settle(ctx, items)
}
