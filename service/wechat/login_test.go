package wechat

import (
	"context"
	"errors"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"zhibu/model"
	"zhibu/service/wechat/sim"
)

func TestLogin(t *testing.T) {
	p := sim.New(sim.Config{AppID: appID, AppSecret: secret, UnionID: func(o string) string { return "u" + o }})
	c, _ := newClient(t, p.Transport(), nil)
	id, err := c.Login(t.Context(), p.LoginCode(openID))
	if want := (Identity{OpenID: openID, UnionID: "u" + openID}); err != nil || id != want {
		t.Errorf("Login = %+v, %v, want %+v", id, err, want)
	}
}

func TestLoginRefusesAMalformedCodeUnasked(t *testing.T) {
	w := newWorld(t)
	for _, code := range []string{
		"", "x&appid=EVIL&js_code=y", "x%26y", "x#y", "x y", "the code is a mock one", "x\n", "微信", strings.Repeat("x", 129),
	} {
		_, err := w.Login(t.Context(), code)
		wantError(t, err, ErrCodeInvalid, 0)
	}
	if n := len(w.platform.Journal()); n != 0 {
		t.Errorf("%d requests left the program, want none", n)
	}
}

func TestLoginRefusals(t *testing.T) {
	for _, tc := range []struct {
		code  int
		want  *model.Error
		after time.Duration
	}{
		{40029, ErrCodeInvalid, 0},
		{40163, ErrCodeInvalid, 0},
		{40226, ErrBlocked, 0},
		{45011, ErrTooMany, 45 * time.Second},                              // 09:30:15 to the next minute
		{45009, ErrTooMany, 6*time.Hour + 29*time.Minute + 45*time.Second}, // 17:30:15 in China to midnight
		{40013, ErrUnavailable, 0},
		{40125, ErrUnavailable, 0},
		{40164, ErrUnavailable, 0},
		{99999, ErrUnavailable, 0},
	} {
		w := newWorld(t)
		w.fail(t, sim.Fault{Errcode: tc.code})
		_, err := w.Login(t.Context(), w.platform.LoginCode(openID))
		wantError(t, err, tc.want, int64(tc.code))
		if got := model.AsError(err).RetryAfter; got != tc.after {
			t.Errorf("%d: RetryAfter = %v, want %v", tc.code, got, tc.after)
		}
		if n := w.calls(loginPath); n != 1 {
			t.Errorf("%d: %d calls, want 1", tc.code, n)
		}
	}
}

func TestLoginTellsTheOperator(t *testing.T) {
	w := newWorld(t)
	w.fail(t, sim.Fault{Errcode: 40164})
	_, err := w.Login(t.Context(), w.platform.LoginCode(openID))
	if !strings.Contains(err.Error(), "203.0.113.7 不在白名单") {
		t.Errorf("%q does not tell which IP to allow", err)
	}
	if m := model.AsError(err).Message; strings.Contains(m, "IP") || m != ErrUnavailable.Message {
		t.Errorf("the member is told %q", m)
	}
	var p *PlatformError
	if errors.As(err, &p); p.RID == "" || strings.Contains(p.Msg, "rid") {
		t.Errorf("request id not parted from the message: %+v", p)
	}
}

func TestLoginRateOfOneUser(t *testing.T) {
	w := newWorld(t)
	for range 100 {
		if _, err := w.Login(t.Context(), w.platform.LoginCode(openID)); err != nil {
			t.Fatal(err)
		}
	}
	_, err := w.Login(t.Context(), w.platform.LoginCode(openID))
	wantError(t, err, ErrTooMany, 45011)
	w.clock.advance(model.AsError(err).RetryAfter)
	if _, err = w.Login(t.Context(), w.platform.LoginCode(openID)); err != nil {
		t.Errorf("after RetryAfter: %v", err)
	}
}

func TestLoginTriesOnceMoreWhenBusy(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := newWorld(t)
		w.fail(t, sim.Fault{Errcode: -1})
		id, err := w.Login(t.Context(), w.platform.LoginCode(openID))
		if err != nil || id.OpenID != openID {
			t.Errorf("Login = %+v, %v", id, err)
		}
		w.fail(t, sim.Fault{Errcode: -1, Times: 3})
		_, err = w.Login(t.Context(), w.platform.LoginCode(openID))
		wantError(t, err, ErrUnavailable, -1)
		if n := w.calls(loginPath); n != 4 {
			t.Errorf("%d calls, want 2 and 2", n)
		}
	})
}

func TestLoginWithoutAnOpenIDIsNoLogin(t *testing.T) {
	w := newWorld(t)
	code := w.platform.LoginCode(openID)
	w.fail(t, sim.Fault{Empty: true})
	id, err := w.Login(t.Context(), code)
	wantError(t, err, ErrUnavailable, 0)
	if !errors.Is(err, errNoOpenID) || id != (Identity{}) {
		t.Errorf("Login = %+v, %v", id, err)
	}
	_, err = w.Login(t.Context(), code) // the answer was lost, the code is spent
	wantError(t, err, ErrCodeInvalid, 40163)
}

func TestDeadlines(t *testing.T) {
	for name, tc := range map[string]struct {
		ctx  func(context.Context) (context.Context, context.CancelFunc)
		took time.Duration
		want error
	}{
		"the caller's deadline": {func(ctx context.Context) (context.Context, context.CancelFunc) {
			return context.WithTimeout(ctx, 50*time.Millisecond)
		}, 50 * time.Millisecond, context.DeadlineExceeded},
		"the caller goes": {func(ctx context.Context) (context.Context, context.CancelFunc) {
			ctx, cancel := context.WithCancel(ctx)
			time.AfterFunc(time.Second, cancel)
			return ctx, cancel
		}, time.Second, context.Canceled},
		"the client's own": {func(ctx context.Context) (context.Context, context.CancelFunc) {
			return ctx, func() {}
		}, defaultTimeout, context.DeadlineExceeded},
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				w := newWorld(t)
				w.fail(t, sim.Fault{LatencyMS: 30_000, Times: 9})
				calls := map[string]func(context.Context) error{
					"login": func(ctx context.Context) error {
						_, err := w.Login(ctx, w.platform.LoginCode(openID))
						return err
					},
					"code": func(ctx context.Context) error {
						_, _, err := w.QRCode(ctx, QRRequest{Scene: "s"})
						return err
					},
					"ping": w.Ping,
				}
				for name, call := range calls {
					ctx, cancel := tc.ctx(t.Context())
					start := time.Now()
					err := call(ctx)
					cancel()
					wantError(t, err, ErrUnavailable, 0)
					if took := time.Since(start); took != tc.took || !errors.Is(err, tc.want) {
						t.Errorf("%s: %v after %v, want %v after %v", name, err, took, tc.want, tc.took)
					}
				}
				time.Sleep(defaultTimeout) // the shared fetch of the token ends by itself
			})
		})
	}
}
