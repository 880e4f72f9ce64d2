package model_test

import (
	"context"
	"errors"
	"strings"
	"sync"
	"testing"
	"time"

	"zhibu/model"
)

// gathered makes the values wait until all of them are in one group, and returns what each was told.
func gathered(t *testing.T, settle func(context.Context, []string) error, values ...string) map[string]error {
	t.Helper()
	release := make(chan struct{})
	g := model.NewGroup(1, func(ctx context.Context, items []string) error {
		if items[0] == "first" {
			<-release
			return nil
		}
		return settle(ctx, items)
	})
	var mu sync.Mutex
	told := map[string]error{}
	var wg, started sync.WaitGroup
	do := func(v string) {
		started.Add(1)
		wg.Go(func() {
			started.Done()
			err := g.Do(t.Context(), v)
			mu.Lock()
			defer mu.Unlock()
			told[v] = err
		})
	}
	do("first")
	time.Sleep(20 * time.Millisecond) // the group of the first is under way
	for _, v := range values {
		do(v)
	}
	started.Wait()
	time.Sleep(20 * time.Millisecond) // the others wait for it
	close(release)
	wg.Wait()
	return told
}

func TestAPanicInAGroupIsAnError(t *testing.T) {
	g := model.NewGroup(1, func(context.Context, []int) error { panic("boom") })
	for range 2 { // and the group goes on
		err := g.Do(t.Context(), 1)
		if err == nil || model.AsError(err) != nil {
			t.Fatal(err)
		}
		if text := err.Error(); !strings.Contains(text, "boom") || !strings.Contains(text, "group_test.go") {
			t.Error(text)
		}
	}
}

func TestNobodyPaysForAnothersTrouble(t *testing.T) {
	refused := errors.New("refused")
	for name, trouble := range map[string]func() error{
		"error": func() error { return refused }, "panic": func() error { panic("boom") },
	} {
		var contexts []context.Context
		told := gathered(t, func(ctx context.Context, items []string) error {
			if ctx.Err() != nil {
				t.Error("a settle begins with its time used up")
			}
			for _, earlier := range contexts {
				if earlier == ctx || earlier.Err() == nil {
					t.Error("a retry shares the deadline of the group")
				}
			}
			contexts = append(contexts, ctx)
			for _, v := range items {
				if v == "poison" {
					return trouble()
				}
			}
			return nil
		}, "a", "poison", "b")
		if told["a"] != nil || told["b"] != nil || told["first"] != nil || told["poison"] == nil {
			t.Errorf("%s: %v", name, told)
		}
		if len(contexts) != 4 {
			t.Errorf("%s: %d settles, want one for all and one for each", name, len(contexts))
		}
	}
}

func TestWhoCannotWaitIsToldSo(t *testing.T) {
	release := make(chan struct{})
	g := model.NewGroup(1, func(context.Context, []int) error { <-release; return nil })
	ctx, cancel := context.WithCancel(t.Context())
	time.AfterFunc(10*time.Millisecond, cancel)
	if err := g.Do(ctx, 1); !errors.Is(err, context.Canceled) {
		t.Error(err)
	}
	close(release)
	if err := g.Do(t.Context(), 2); err != nil {
		t.Error(err)
	}
}
