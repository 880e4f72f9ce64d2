package signin_test

import (
	"errors"
	"strings"
	"sync"
	"testing"
	"time"

	"zhibu/model"
	"zhibu/service/signin"
)

func TestInvite(t *testing.T) {
	each(t, func(t *testing.T, w *world) {
		officer := w.actor(w.bound("openid-zhao", w.secretary))
		guest := w.actor(w.signIn("openid-li"))
		claim := func(code string) error {
			_, err := w.Bind(ctx, guest, signin.Claim{Name: "李明", InviteCode: code})
			return err
		}
		old, err := w.Invite(ctx, officer, w.li.ID)
		w.must(err)
		fresh, err := w.Invite(ctx, officer, w.li.ID)
		w.must(err)
		if len(fresh.Code) != 10 || strings.ContainsAny(fresh.Code, "018") {
			t.Errorf("code %q", fresh.Code)
		}
		if w.count(&model.Invite{}, "code_hash = ?", fresh.Code) != 0 {
			t.Error("the code is kept in clear")
		}
		w.refused(claim(old.Code), signin.ErrNotOnRoster)
		_, err = w.Bind(ctx, guest, signin.Claim{Name: "王芳", InviteCode: fresh.Code})
		w.refused(err, signin.ErrNotOnRoster)
		copied := strings.NewReplacer("O", "0", "I", "1", "B", "8").Replace(fresh.Code)
		w.must(claim(" " + strings.ToLower(copied[:5]) + "-" + copied[5:]))
		w.must(claim(fresh.Code)) // the same again
		w.must(w.Unbind(ctx, officer, w.li.ID, "换手机"))
		guest = w.actor(w.signIn("openid-new"))
		w.refused(claim(fresh.Code), signin.ErrNotOnRoster) // used
		expired, err := w.Invite(ctx, officer, w.li.ID)
		w.must(err)
		w.clock.Advance(signin.InviteLifetime)
		guest = w.actor(w.signIn("openid-new"))
		w.refused(claim(expired.Code), signin.ErrNotOnRoster)
	})
}

func TestWhoMayInviteAndUnbind(t *testing.T) {
	each(t, func(t *testing.T, w *world) {
		officer := w.actor(w.bound("openid-zhao", w.secretary))
		plain := w.actor(w.bound("openid-li", w.li))
		w.bound("openid-wang", w.wang)
		chief := w.member("管理员", "13800000009", w.branch)
		w.post(chief, w.committee, model.Auditor)
		w.bound("openid-chief", chief)
		for name, c := range map[string]struct {
			actor  model.Actor
			member model.Member
			invite *model.Error
			unbind *model.Error
		}{
			"nobody":          {model.Actor{}, w.li, model.ErrNotFound, model.ErrNotFound},
			"no officer":      {plain, w.secretary, model.ErrForbidden, model.ErrForbidden},
			"another branch":  {officer, w.wang, model.ErrNotFound, model.ErrNotFound},
			"one above him":   {officer, chief, model.ErrForbidden, model.ErrForbidden},
			"himself":         {officer, w.secretary, model.ErrOwnRecord, nil},
			"nobody's member": {officer, model.Member{ID: 1}, model.ErrNotFound, model.ErrNotFound},
		} {
			t.Run(name, func(t *testing.T) {
				if _, err := w.Invite(ctx, c.actor, c.member.ID); !errors.Is(err, c.invite) {
					t.Errorf("invite: %v", err)
				}
				if c.unbind == nil {
					return
				}
				if err := w.Unbind(ctx, c.actor, c.member.ID, ""); !errors.Is(err, c.unbind) {
					t.Errorf("unbind: %v", err)
				}
			})
		}
		if w.count(&model.Invite{}, "1 = 1") != 0 || w.count(&model.Binding{}, "unbound_at <> 0") != 0 {
			t.Error("a refused request changed something")
		}
	})
}

func TestUnbindEndsEverySessionAtOnce(t *testing.T) {
	each(t, func(t *testing.T, w *world) {
		officer := w.actor(w.bound("openid-zhao", w.secretary))
		lost, tablet := w.bound("openid-li", w.li), w.signIn("openid-li")
		w.must(w.Unbind(ctx, officer, w.li.ID, "手机丢失"))
		for _, in := range []signin.SignedIn{lost, tablet} {
			_, err := w.Authenticate(ctx, in.AccessToken)
			w.refused(err, model.ErrUnauthenticated)
			_, err = w.Refresh(ctx, model.Actor{}, in.RefreshToken)
			if err == nil {
				t.Error("a revoked session was refreshed")
			}
		}
		w.must(w.Unbind(ctx, officer, w.li.ID, "again"))
		var b model.Binding
		w.must(w.db.Read(ctx).Take(&b, "member_id = ?", w.li.ID).Error)
		if b.UnboundAt != w.at() || b.UnboundBy != officer.Ref() || b.UnboundReason != "手机丢失" {
			t.Errorf("history %+v", b)
		}
		var e model.AuditEvent
		w.must(w.db.Read(ctx).Take(&e, "action = 'member.unbind'").Error)
		if e.Before != `{"bound_at":"2026-03-02T09:00:00+08:00","method":"phone"}` || e.After != `{"reason":"手机丢失"}` {
			t.Errorf("audit %q, %q", e.Before, e.After)
		}
		w.refused(w.Unbind(ctx, officer, w.li.ID, "\xff"), model.InvalidField("reason", "", ""))
		w.clock.Advance(time.Minute)
		if in := w.signIn("openid-li"); in.Member != nil {
			t.Error("the lost phone signs in as the member")
		}
		w.bound("openid-new", w.li)
		self := w.actor(w.signIn("openid-new"))
		w.must(w.Unbind(ctx, self, w.li.ID, ""))
		w.endMembership(w.wang)
		w.refused(w.Unbind(ctx, officer, w.wang.ID, ""), model.ErrNotFound)
	})
}

// A sign-in that runs beside an unbinding either comes first and is ended by it, or finds the openid unbound.
func TestSignInBesideUnbind(t *testing.T) {
	each(t, func(t *testing.T, w *world) {
		officer := w.actor(w.bound("openid-zhao", w.secretary))
		for range 5 {
			w.clock.Advance(time.Second)
			w.bound("openid-li", w.li)
			var wg sync.WaitGroup
			for range 6 {
				wg.Go(func() {
					if _, err := w.WeChat(ctx, model.Actor{}, "openid-li"); err != nil {
						t.Error(err)
					}
				})
			}
			wg.Go(func() {
				if err := w.Unbind(ctx, officer, w.li.ID, ""); err != nil {
					t.Error(err)
				}
			})
			wg.Wait()
			if n := w.count(&model.Session{}, "member_id = ? AND revoked_at = 0", w.li.ID); n != 0 {
				t.Fatalf("%d sessions of the lost phone are alive", n)
			}
		}
	})
}
