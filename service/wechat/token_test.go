package wechat

import (
	"context"
	"errors"
	"net/http"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"zhibu/service/wechat/sim"
)

// all runs n calls at once and returns their errors.
func all(n int, call func() error) (failed []error) {
	var wg sync.WaitGroup
	errs := make(chan error, n)
	for range n {
		wg.Go(func() { errs <- call() })
	}
	wg.Wait()
	close(errs)
	for err := range errs {
		if err != nil {
			failed = append(failed, err)
		}
	}
	return failed
}

func (w world) askPhone() error {
	_, err := w.Phone(context.Background(), openID, w.platform.PhoneCode(openID, mobile))
	return err
}

func TestOneFetchForAll(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := newWorld(t)
		w.fail(t, sim.Fault{Endpoint: tokenPath, LatencyMS: 100})
		if failed := all(50, w.askPhone); failed != nil {
			t.Errorf("%d of 50 calls failed: %v", len(failed), failed[0])
		}
		if n := w.calls(tokenPath); n != 1 {
			t.Errorf("%d token calls, want 1", n)
		}
	})
}

func TestADeadTokenIsReplacedOnce(t *testing.T) {
	for death, want := range map[sim.TokenDeath]int{
		sim.TokenReplaced: 2, // the first and the new one
		sim.TokenDead:     3, // the first, the same again, a forced one
	} {
		w := newWorld(t)
		if err := w.askPhone(); err != nil {
			t.Fatal(err)
		}
		w.fail(t, sim.Fault{KillToken: death})
		if failed := all(30, w.askPhone); failed != nil {
			t.Errorf("%s: %d of 30 calls failed: %v", death, len(failed), failed[0])
		}
		if n := w.calls(tokenPath); n != want {
			t.Errorf("%s: %d token calls, want %d", death, n, want)
		}
		wantClean(t, w.log.String(), "70_")
	}
}

func TestEveryWordForADeadToken(t *testing.T) {
	for _, code := range []int{40001, 40014, 42001} {
		w := newWorld(t)
		w.fail(t, sim.Fault{Endpoint: qrPath, Errcode: code})
		if _, _, err := w.QRCode(t.Context(), QRRequest{Scene: "s", Width: 280}); err != nil {
			t.Errorf("%d: %v", code, err)
		}
		w.fail(t, sim.Fault{Endpoint: qrPath, Errcode: code, Times: 2})
		w.clock.advance(time.Minute)
		_, _, err := w.QRCode(t.Context(), QRRequest{Scene: "s", Width: 280})
		wantError(t, err, ErrUnavailable, int64(code))
		if n := w.calls(qrPath); n != 4 {
			t.Errorf("%d: %d calls, want 2 and 2", code, n)
		}
	}
}

func TestForceIsSpaced(t *testing.T) {
	w := newWorld(t)
	use := func() error {
		_, _, err := w.QRCode(t.Context(), QRRequest{Scene: "s", Width: 280})
		return err
	}
	if err := use(); err != nil {
		t.Fatal(err)
	}
	w.fail(t, sim.Fault{KillToken: sim.TokenDead})
	if err := use(); err != nil {
		t.Fatalf("the first force: %v", err)
	}
	w.fail(t, sim.Fault{KillToken: sim.TokenDead})
	if err := use(); !errors.Is(err, ErrUnavailable) || !errors.Is(err, errTokenStuck) {
		t.Errorf("a force too soon: %v, want %v", err, errTokenStuck)
	}
	w.clock.advance(forceSpacing)
	if err := use(); err != nil {
		t.Errorf("after %v: %v", forceSpacing, err)
	}
}

func TestForceIsCounted(t *testing.T) {
	clk := newClock()
	c, _ := newClient(t, answering(http.StatusOK, ""), clk.now)
	allowed := 0
	for range 100 {
		if c.tokens.mayForce() {
			allowed++
		}
		clk.advance(forceSpacing)
	}
	if allowed != forcesPerDay {
		t.Errorf("%d forces within an hour, want %d", allowed, forcesPerDay)
	}
	clk.advance(24 * time.Hour)
	if !c.tokens.mayForce() {
		t.Error("no force a day later")
	}
}

func TestLifeOfAToken(t *testing.T) {
	for expiresIn, want := range map[time.Duration]time.Duration{
		7200 * time.Second: 6900 * time.Second,
		345 * time.Second:  45 * time.Second,
		300 * time.Second:  tokenFloor,
		0:                  tokenFloor,
	} {
		clk := newClock()
		c, _ := newClient(t, answering(http.StatusOK, ""), clk.now)
		fetches := 0
		c.tokens.fetch = func(context.Context, bool) (string, time.Duration, error) {
			fetches++
			return "token", expiresIn, nil
		}
		for _, step := range []time.Duration{0, want - time.Millisecond, time.Millisecond} {
			clk.advance(step)
			if _, err := c.tokens.get(t.Context(), ""); err != nil {
				t.Fatal(err)
			}
			if last := step == time.Millisecond; last != (fetches == 2) {
				t.Errorf("expires in %v: %d fetches %v later", expiresIn, fetches, want)
			}
		}
	}
}

// A fetch outlives the caller who began it: the others still get their token.
func TestAFetchOutlivesItsCaller(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := newWorld(t)
		w.fail(t, sim.Fault{Endpoint: tokenPath, LatencyMS: 1000})
		hasty, cancel := context.WithTimeout(t.Context(), 10*time.Millisecond)
		defer cancel()
		_, err := w.Phone(hasty, openID, w.platform.PhoneCode(openID, mobile))
		if !errors.Is(err, context.DeadlineExceeded) {
			t.Errorf("the hasty caller got %v", err)
		}
		if err := w.askPhone(); err != nil {
			t.Errorf("the patient caller got %v", err)
		}
		if n := w.calls(tokenPath); n != 1 {
			t.Errorf("%d token calls, want 1", n)
		}
	})
}

// A refusal that becomes known while a fetch is under way does not let the refused token through again.
func TestAFlightMayBringTheRefusedToken(t *testing.T) {
	c, _ := newClient(t, answering(http.StatusOK, ""), nil)
	forced := 0
	c.tokens.fetch = func(_ context.Context, force bool) (string, time.Duration, error) {
		if force {
			forced++
			return "new", time.Hour, nil
		}
		return "old", time.Hour, nil
	}
	got, err := c.tokens.get(t.Context(), "old")
	if err != nil || got != "new" || forced != 1 {
		t.Errorf("get = %q, %v after %d forces, want new after 1", got, err, forced)
	}
}

func TestNoTokenIsNoToken(t *testing.T) {
	w := newWorld(t)
	w.fail(t, sim.Fault{Endpoint: tokenPath, Empty: true})
	err := w.askPhone()
	wantError(t, err, ErrUnavailable, 0)
	if !errors.Is(err, errNoToken) {
		t.Errorf("%v, want %v", err, errNoToken)
	}
	if err := w.askPhone(); err != nil {
		t.Errorf("the next call: %v", err)
	}
}
