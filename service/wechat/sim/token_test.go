package sim

import (
	"testing"
	"time"
)

// refusal of a token: the code 40097 comes only after the token was accepted.
func (w world) use(t *testing.T, token string) int {
	t.Helper()
	_, body := w.do(t, pathQRCode+"?access_token="+token, `{"scene":"s","width":1}`)
	if code := errcode(body); code != 40097 {
		return code
	}
	return 0
}

func (w world) wantUse(t *testing.T, when, token string, want int) {
	t.Helper()
	if got := w.use(t, token); got != want {
		t.Errorf("%s: errcode %d, want %d", when, got, want)
	}
}

func TestStableToken(t *testing.T) {
	w := newWorld()
	first, life := w.stable(t, false)
	if life != 7200 || len(first) < 100 {
		t.Errorf("a token of %d bytes for %d s", len(first), life)
	}
	w.advance(6855 * time.Second)
	if again, life := w.stable(t, false); again != first || life != 345 {
		t.Errorf("a new token, or %d s, want the same for 345", life)
	}
	w.advance(45 * time.Second)
	second, life := w.stable(t, false)
	if second == first || life != 7200 {
		t.Errorf("in the last five minutes: the same token, or %d s", life)
	}
	w.wantUse(t, "the old one in the overlap", first, 0)
	w.wantUse(t, "the new one", second, 0)
	w.advance(5 * time.Minute)
	w.wantUse(t, "the old one after it", first, 42001)
	w.advance(2 * time.Hour)
	w.wantUse(t, "the new one after two hours", second, 42001)
	w.wantUse(t, "one that never was", "70_never-given-out", 40001)
}

func TestForcedRefresh(t *testing.T) {
	w := newWorld()
	old, _ := w.stable(t, false)
	forced, _ := w.stable(t, true)
	if forced == old {
		t.Fatal("the same token")
	}
	w.wantUse(t, "the old one", old, 40001)
	w.advance(29 * time.Second)
	if again, _ := w.stable(t, true); again != forced {
		t.Error("forced again within thirty seconds")
	}
	for range forcesPerDay - 1 {
		w.advance(30 * time.Second)
		if token, _ := w.stable(t, true); token == "" {
			t.Fatal("refused within the quota")
		}
	}
	w.advance(30 * time.Second)
	if token, _ := w.stable(t, true); token != "" {
		t.Error("forced beyond the day's quota")
	}
	w.advance(7 * time.Hour) // past midnight in China
	if token, _ := w.stable(t, true); token == "" {
		t.Error("refused on the next day")
	}
}

func TestNormalToken(t *testing.T) {
	w := newWorld()
	stable, _ := w.stable(t, false)
	first, life := w.normal(t)
	second, _ := w.normal(t)
	if first == second || life != 7200 {
		t.Errorf("the same token twice, or %d s", life)
	}
	w.advance(5*time.Minute - time.Second)
	w.wantUse(t, "the old one in the overlap", first, 0)
	w.advance(time.Second)
	w.wantUse(t, "the old one after it", first, 40001)
	w.wantUse(t, "the new one", second, 0)
	w.wantUse(t, "the stable one, which is apart", stable, 0)
}

func TestNormalTokenQuota(t *testing.T) {
	w := newWorld()
	w.state.tokens.normals = dayQuota{day: "2026-11-23", used: normalsPerDay - 1}
	if token, _ := w.normal(t); token == "" {
		t.Error("refused within the quota")
	}
	if token, _ := w.normal(t); token != "" {
		t.Error("given beyond the quota")
	}
}

func TestKilledToken(t *testing.T) {
	w := newWorld()
	if err := w.Fail(Fault{KillToken: TokenDead}); err == nil {
		t.Error("killed a token that was never given")
	}
	old, _ := w.stable(t, false)
	if err := w.Fail(Fault{KillToken: TokenReplaced}); err != nil {
		t.Fatal(err)
	}
	w.wantUse(t, "replaced", old, 40001)
	next, _ := w.stable(t, false)
	w.wantUse(t, "its successor", next, 0)
	if err := w.Fail(Fault{KillToken: TokenDead}); err != nil {
		t.Fatal(err)
	}
	w.wantUse(t, "dead", next, 40001)
	if again, _ := w.stable(t, false); again != next {
		t.Error("a dead token is handed out until it is forced")
	}
	forced, _ := w.stable(t, true)
	w.wantUse(t, "forced", forced, 0)
}
