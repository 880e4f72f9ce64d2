package signin_test

import (
	"crypto/hkdf"
	"crypto/sha256"
	"errors"
	"strconv"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/golang-jwt/jwt/v5"

	"zhibu/model"
	"zhibu/service/signin"
)

func TestRefreshRotates(t *testing.T) {
	each(t, func(t *testing.T, w *world) {
		in := w.bound("openid-li", w.li)
		seen := map[string]bool{}
		for range 5 {
			w.clock.Advance(signin.AccessLifetime)
			_, err := w.Authenticate(ctx, in.AccessToken)
			w.refused(err, model.ErrUnauthenticated)
			if in, err = w.Refresh(ctx, model.Actor{}, in.RefreshToken); err != nil {
				t.Fatal(err)
			}
			if seen[in.RefreshToken] || in.ExpiresIn != signin.AccessLifetime || in.Member.ID != w.li.ID {
				t.Errorf("pair %+v", in)
			}
			seen[in.RefreshToken] = true
			w.actor(in)
		}
		if w.count(&model.RefreshToken{}, "token_hash = ?", in.RefreshToken) != 0 {
			t.Error("a refresh token is kept in clear")
		}
		w.clock.Advance(signin.SessionLifetime - 5*signin.AccessLifetime - time.Minute)
		in, err := w.Refresh(ctx, model.Actor{}, in.RefreshToken)
		w.must(err)
		if in.ExpiresIn != time.Minute {
			t.Errorf("an access token outlives its session: %v", in.ExpiresIn)
		}
		w.clock.Advance(time.Minute)
		_, err = w.Refresh(ctx, model.Actor{}, in.RefreshToken)
		w.refused(err, signin.ErrRefreshInvalid)
		_, err = w.Refresh(ctx, model.Actor{}, "unknown")
		w.refused(err, signin.ErrRefreshInvalid)
	})
}

func TestAUsedRefreshTokenEndsItsFamily(t *testing.T) {
	each(t, func(t *testing.T, w *world) {
		other := w.bound("openid-li", w.li)
		stolen := w.signIn("openid-li")
		fresh, err := w.Refresh(ctx, model.Actor{}, stolen.RefreshToken)
		w.must(err)
		_, err = w.Refresh(ctx, model.Actor{RequestID: "r1"}, stolen.RefreshToken)
		w.refused(err, signin.ErrRefreshReused)
		_, err = w.Authenticate(ctx, fresh.AccessToken)
		w.refused(err, model.ErrUnauthenticated)
		_, err = w.Refresh(ctx, model.Actor{}, fresh.RefreshToken)
		w.refused(err, signin.ErrRefreshInvalid)
		w.actor(other) // another family
		if w.count(&model.AuditEvent{}, "action = 'session.reused' AND request_id = 'r1'") != 1 {
			t.Error("the reuse is not in the audit")
		}
	})
}

func TestOfSimultaneousRefreshesOneWins(t *testing.T) {
	each(t, func(t *testing.T, w *world) {
		in := w.bound("openid-li", w.li)
		errs := make([]error, 8)
		var wg sync.WaitGroup
		for i := range errs {
			wg.Go(func() { _, errs[i] = w.Refresh(ctx, model.Actor{}, in.RefreshToken) })
		}
		wg.Wait()
		won := 0
		for _, err := range errs {
			if err == nil {
				won++
			} else if !errors.Is(err, signin.ErrRefreshReused) {
				t.Error(err)
			}
		}
		if won != 1 || w.count(&model.Session{}, "revoked_at = 0 AND member_id = ?", w.li.ID) != 0 {
			t.Errorf("%d won", won)
		}
	})
}

func TestLogoutEndsTheSessionAtOnce(t *testing.T) {
	each(t, func(t *testing.T, w *world) {
		in := w.bound("openid-li", w.li)
		w.must(w.Logout(ctx, w.actor(in)))
		_, err := w.Authenticate(ctx, in.AccessToken)
		w.refused(err, model.ErrUnauthenticated)
		_, err = w.Refresh(ctx, model.Actor{}, in.RefreshToken)
		w.refused(err, signin.ErrRefreshInvalid)
	})
}

// Whatever is not exactly a token of ours is refused before the database is asked.
func TestForgedTokens(t *testing.T) {
	each(t, func(t *testing.T, w *world) {
		in := w.bound("openid-li", w.li)
		session := strconv.FormatInt(w.actor(in).SessionID, 10)
		key, err := hkdf.Key(sha256.New, []byte(strings.Repeat("s", 32)), nil, "zhibu access token v1", 32)
		w.must(err)
		claims := func(change func(jwt.MapClaims)) jwt.MapClaims {
			c := jwt.MapClaims{"iss": "zhibu", "sub": session, "sid": session, "exp": w.clock.Now().Add(time.Hour).Unix()}
			change(c)
			return c
		}
		none := func(jwt.MapClaims) {}
		sign := func(m jwt.SigningMethod, key any, c jwt.MapClaims) string {
			token, err := jwt.NewWithClaims(m, c).SignedString(key)
			w.must(err)
			return token
		}
		if _, err := w.Authenticate(ctx, sign(jwt.SigningMethodHS256, key, claims(none))); err != nil {
			t.Fatal("the control is refused:", err)
		}
		stranger, err := w.service(strings.Repeat("x", 32), "zhibu").WeChat(ctx, model.Actor{}, "openid-li")
		w.must(err)
		for name, token := range map[string]string{
			"empty":          "",
			"garbage":        "a.b.c",
			"another secret": stranger.AccessToken,
			"no signature":   sign(jwt.SigningMethodNone, jwt.UnsafeAllowNoneSignatureType, claims(none)),
			"another method": sign(jwt.SigningMethodHS512, key, claims(none)),
			"no end":         sign(jwt.SigningMethodHS256, key, claims(func(c jwt.MapClaims) { delete(c, "exp") })),
			"another issuer": sign(jwt.SigningMethodHS256, key, claims(func(c jwt.MapClaims) { c["iss"] = "other" })),
			"no session":     sign(jwt.SigningMethodHS256, key, claims(func(c jwt.MapClaims) { delete(c, "sid") })),
			"unknown":        sign(jwt.SigningMethodHS256, key, claims(func(c jwt.MapClaims) { c["sid"] = "1" })),
			"one byte off":   in.AccessToken[:len(in.AccessToken)-5] + "AAAAA",
		} {
			if _, err := w.Authenticate(ctx, token); !errors.Is(err, model.ErrUnauthenticated) {
				t.Errorf("%s: %v", name, err)
			}
		}
	})
}

// What an office allows begins and ends with its days, without a new sign-in.
func TestActorFollowsPostsAndMemberships(t *testing.T) {
	each(t, func(t *testing.T, w *world) {
		in := w.bound("openid-zhao", w.secretary)
		a := w.actor(in)
		if len(a.Grants) != 1 || a.Grants[0] != (model.Grant{UnitID: w.branch.ID, Path: w.branch.Path, Title: model.Secretary}) {
			t.Fatalf("grants %+v", a.Grants)
		}
		if a.Homes[0].Track != model.Party || a.Homes[0].Kind != model.PartyBranch || a.OpenID != "openid-zhao" || a.SessionID == 0 {
			t.Errorf("actor %+v", a)
		}
		w.set(&model.Post{}, "member_id = ?", []any{w.secretary.ID}, map[string]any{"ended_on": "2026-03-03"})
		if !w.actor(in).May(model.WriteRoster, w.branch.Path) {
			t.Error("the last day in office is not in office")
		}
		w.set(&model.Post{}, "member_id = ?", []any{w.secretary.ID}, map[string]any{"ended_on": "2026-03-02"})
		w.endMembership(w.secretary)
		a = w.actor(in)
		if len(a.Grants)+len(a.Homes) != 0 || !a.Bound {
			t.Errorf("after the end: %+v", a)
		}
	})
}
