package wechat

import (
	"context"
	"errors"
	"testing"
	"testing/synctest"
	"time"

	"zhibu/model"
	"zhibu/service/wechat/sim"
)

// inBubble runs test where time.Now, which the breakers obey, is the test's.
func inBubble(t *testing.T, test func(t *testing.T, w *pushWorld)) {
	t.Helper()
	synctest.Test(t, func(t *testing.T) {
		w := newPushWorld(t)
		w.subscribe(t, longTerm, 1)
		if err := w.askPhone(); err != nil { // fetches the token
			t.Fatal(err)
		}
		test(t, w)
	})
}

// kinds are the calls that a member, an officer or a queue waits for. Each returns its error.
func (w *pushWorld) kinds() map[string]func() error {
	ctx := context.Background()
	return map[string]func() error{
		loginPath: func() error { _, err := w.Login(ctx, w.platform.LoginCode(openID)); return err },
		phonePath: w.askPhone,
		qrPath: func() error {
			_, _, err := w.QRCode(ctx, QRRequest{Scene: "s", Width: 280})
			return err
		},
		templatesPath: func() error { _, err := w.Templates(ctx); return err },
		checkPath:     func() error { _, err := w.CheckText(ctx, openID, "学习心得"); return err },
		sendPath: func() error {
			_, err := w.Send(ctx, model.PushMessage{
				OpenID: openID, TemplateID: longTerm, Data: map[string]string{"thing1": "事项"},
			})
			return err
		},
	}
}

// TestEachKindHasItsBreaker: five failures stop one kind of call and no other; after fifteen seconds one call tries
// again, and its success lets all pass.
func TestEachKindHasItsBreaker(t *testing.T) {
	for path := range (&pushWorld{}).kinds() {
		t.Run(path, func(t *testing.T) {
			inBubble(t, func(t *testing.T, w *pushWorld) {
				calls := w.kinds()
				if err := calls[loginPath](); err != nil {
					t.Fatal(err)
				}
				time.Sleep(tripWindow + tripBucket) // that success is forgotten
				w.fail(t, sim.Fault{Endpoint: path, Status: 502, Times: tripAfter})
				for range tripAfter {
					if err := calls[path](); err == nil {
						t.Fatal("it passed in spite of the fault")
					}
				}
				before := w.calls(path)
				wantOpen(t, w, calls[path](), openFor)
				time.Sleep(5 * time.Second)
				wantOpen(t, w, calls[path](), openFor-5*time.Second)
				if n := w.calls(path) - before; n != 0 {
					t.Errorf("%d calls while it was open", n)
				}
				for other, call := range calls {
					if err := call(); (err != nil) != (other == path) {
						t.Errorf("%s: %v", other, err)
					}
				}
				time.Sleep(10*time.Second + time.Millisecond)
				for range 3 {
					if err := calls[path](); err != nil {
						t.Errorf("after %v: %v", openFor, err)
					}
				}
			})
		})
	}
}

// wantOpen checks that err tells when to come again.
func wantOpen(t *testing.T, w *pushWorld, err error, again time.Duration) {
	t.Helper()
	var open *openError
	if !errors.As(err, &open) {
		t.Fatalf("%v is not of an open breaker", err)
	}
	var e *model.SendError
	if errors.As(err, &e) {
		if wait := e.Until.Sub(w.clock.now()); e.Fate != model.FatePause || wait != again || e.Alarm {
			t.Errorf("%+v for %v, want a pause of %v", e, wait, again)
		}
		return
	}
	wantError(t, err, ErrUnavailable, 0)
	if got := model.AsError(err).RetryAfter; got != again {
		t.Errorf("RetryAfter = %v, want %v", got, again)
	}
}

func TestOneProbeAtATime(t *testing.T) {
	inBubble(t, func(t *testing.T, w *pushWorld) {
		w.fail(t, sim.Fault{Endpoint: sendPath, Reset: true, Times: tripAfter})
		send := w.kinds()[sendPath]
		for range tripAfter {
			wantFate(t, send(), model.FateUnknown, 0)
		}
		time.Sleep(openFor + time.Millisecond)
		w.fail(t, sim.Fault{Endpoint: sendPath, LatencyMS: 100, Reset: true})
		failed := all(10, send)
		if len(failed) != 10 {
			t.Fatalf("%d of 10 failed", len(failed))
		}
		open := 0
		for _, err := range failed {
			if e := (*openError)(nil); errors.As(err, &e) {
				open++
				wantOpen(t, w, err, probeAgain)
			}
		}
		if open != 9 {
			t.Errorf("%d of 10 were kept back, want 9", open)
		}
		wantOpen(t, w, send(), openFor) // the probe failed
	})
}

func TestWhatDoesNotOpenABreaker(t *testing.T) {
	for name, f := range map[string]sim.Fault{
		"refusals of the caller":     {Endpoint: phonePath, Errcode: 40029, Times: 50},
		"quotas":                     {Endpoint: phonePath, Errcode: 45011, Times: 50},
		"settings":                   {Endpoint: phonePath, Errcode: 48001, Times: 50},
		"failures from time to time": {Endpoint: phonePath, Status: 502, Times: 50, Percent: 20},
	} {
		t.Run(name, func(t *testing.T) {
			inBubble(t, func(t *testing.T, w *pushWorld) {
				w.fail(t, f)
				for range 50 {
					_ = w.askPhone()
				}
				if n := w.calls(phonePath); n != 51 {
					t.Errorf("%d calls, want 51", n)
				}
			})
		})
	}
	t.Run("callers who go", func(t *testing.T) {
		inBubble(t, func(t *testing.T, w *pushWorld) {
			w.fail(t, sim.Fault{Endpoint: phonePath, LatencyMS: 1000, Times: 50})
			for range 50 {
				ctx, cancel := context.WithCancel(t.Context())
				time.AfterFunc(time.Millisecond, cancel)
				_, err := w.Phone(ctx, openID, w.platform.PhoneCode(openID, mobile))
				wantError(t, err, ErrUnavailable, 0)
			}
			if n := w.calls(phonePath); n != 51 {
				t.Errorf("%d calls, want 51", n)
			}
		})
	})
}

// TestAnOutageAmidSuccess opens a breaker although most calls of the last half minute went well.
func TestAnOutageAmidSuccess(t *testing.T) {
	inBubble(t, func(t *testing.T, w *pushWorld) {
		for range 200 {
			if err := w.askPhone(); err != nil {
				t.Fatal(err)
			}
		}
		w.fail(t, sim.Fault{Endpoint: phonePath, HTML: true, Times: 100})
		for range 100 {
			_ = w.askPhone()
		}
		if n := w.calls(phonePath); n != 201+tripInARow {
			t.Errorf("%d calls, want %d", n, 201+tripInARow)
		}
	})
}

// TestTheTokensBreaker holds back whoever needs a token, and not Ping, which an operator asks.
func TestTheTokensBreaker(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := newPushWorld(t)
		w.subscribe(t, longTerm, 1)
		w.fail(t, sim.Fault{Endpoint: tokenPath, Status: 502, Times: tripAfter})
		for range tripAfter {
			wantError(t, w.askPhone(), ErrUnavailable, 0)
		}
		wantOpen(t, w, w.askPhone(), openFor)
		wantOpen(t, w, w.kinds()[sendPath](), openFor)
		if n := w.calls(tokenPath); n != tripAfter {
			t.Errorf("%d token calls, want %d", n, tripAfter)
		}
		if err := w.Ping(t.Context()); err != nil {
			t.Error(err)
		}
		time.Sleep(openFor + time.Millisecond)
		if err := w.askPhone(); err != nil {
			t.Error(err)
		}
	})
}
