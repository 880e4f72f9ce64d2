package signin_test

import (
	"bytes"
	"errors"
	"fmt"
	"log/slog"
	"slices"
	"strings"
	"sync"
	"testing"

	"zhibu/model"
	"zhibu/model/modeltest"
	"zhibu/service/signin"
)

func TestBindByPhone(t *testing.T) {
	each(t, func(t *testing.T, w *world) {
		first, second := w.signIn("openid-li"), w.signIn("openid-li")
		if first.Member != nil || w.actor(first).Bound {
			t.Fatal("bound before binding")
		}
		_, err := w.Bind(ctx, w.actor(first), signin.Claim{Name: "张三", PhoneCode: "13800000002|a"})
		w.refused(err, signin.ErrNotOnRoster)
		in, err := w.Bind(ctx, w.actor(first), signin.Claim{Name: "李明", PhoneCode: "13800000002|b"})
		w.must(err)
		if in.Member == nil || in.Member.ID != w.li.ID {
			t.Fatalf("bound to %+v", in.Member)
		}
		for _, token := range []signin.SignedIn{first, second, in, w.signIn("openid-li")} {
			a := w.actor(token)
			if !a.Bound || a.MemberID != w.li.ID || a.Name != "李 明" || len(a.Homes) != 1 || a.Homes[0].Path != w.branch.Path {
				t.Errorf("actor %+v", a)
			}
		}
		again, err := w.Bind(ctx, w.actor(first), signin.Claim{Name: "李明", PhoneCode: "13800000002|b"}) // the code is spent
		w.must(err)
		if again.Member.ID != w.li.ID || w.count(&model.Binding{}, "1 = 1") != 1 {
			t.Error("repeating the binding is not the same binding")
		}
		_, err = w.Bind(ctx, w.actor(first), signin.Claim{Name: "王芳", PhoneCode: "13800000003|c"})
		w.refused(err, signin.ErrAlreadyBound)
		_, err = w.Bind(ctx, w.actor(w.signIn("another")), signin.Claim{Name: "李明", PhoneCode: "13800000002|d"})
		w.refused(err, signin.ErrAlreadyBound)
		if got := slices.Index(w.actions(), "member.bind"); got < 0 {
			t.Error("the binding is not in the audit")
		}
	})
}

func TestBindRefusals(t *testing.T) {
	each(t, func(t *testing.T, w *world) {
		w.endMembership(w.wang)
		a := w.actor(w.signIn("openid"))
		for name, c := range map[string]signin.Claim{
			"no name":    {PhoneCode: "13800000002"},
			"no proof":   {Name: "李明"},
			"two proofs": {Name: "李明", PhoneCode: "13800000002", InviteCode: "ABCDEFGHIJ"},
		} {
			if _, err := w.Bind(ctx, a, c); model.AsError(err) == nil || model.AsError(err).Kind != model.Invalid {
				t.Errorf("%s: %v", name, err)
			}
		}
		_, err := w.Bind(ctx, a, signin.Claim{Name: "王芳", PhoneCode: "13800000003"})
		w.refused(err, signin.ErrNotOnRoster) // has left
		_, err = w.Bind(ctx, model.Actor{AccountID: 1}, signin.Claim{Name: "李明", PhoneCode: "13800000002"})
		w.refused(err, model.ErrForbidden)
		if w.count(&model.Binding{}, "1 = 1") != 0 {
			t.Error("a refused binding left a row")
		}
	})
}

func TestTwentyPhonesBindOneMemberOnce(t *testing.T) {
	each(t, func(t *testing.T, w *world) {
		var actors []model.Actor
		for i := range 20 {
			actors = append(actors, w.actor(w.signIn("openid-"+string(rune('a'+i)))))
		}
		errs := make([]error, len(actors))
		var wg sync.WaitGroup
		for i, a := range actors {
			wg.Go(func() {
				_, errs[i] = w.Bind(ctx, a, signin.Claim{Name: "李明", PhoneCode: "13800000002|" + a.OpenID})
			})
		}
		wg.Wait()
		won := 0
		for _, err := range errs {
			if err == nil {
				won++
				continue
			}
			w.refused(err, signin.ErrAlreadyBound)
		}
		if won != 1 || w.count(&model.Binding{}, "member_id = ?", w.li.ID) != 1 {
			t.Errorf("%d of 20 were bound", won)
		}
		if n := w.count(&model.Session{}, "member_id = ?", w.li.ID); n != 1 {
			t.Errorf("%d sessions carry the member", n)
		}
	})
}

// MariaDB quotes the values of a key it finds twice.
func TestNoOpenIDReachesTheLog(t *testing.T) {
	var log bytes.Buffer
	db, err := model.Open(modeltest.EmptyMariaDB(t), model.Options{Relaxed: true, Logger: slog.New(slog.NewTextHandler(&log, nil))})
	if err != nil {
		t.Fatal(err)
	}
	defer db.Close()
	if err := db.Migrate(ctx); err != nil {
		t.Fatal(err)
	}
	w := newWorld(t, db)
	var wg sync.WaitGroup
	for range 10 {
		a := w.actor(w.signIn("openid-li"))
		wg.Go(func() {
			if _, err := w.Bind(ctx, a, signin.Claim{Name: "李明", PhoneCode: fmt.Sprint("13800000002|", model.NewID())}); err != nil {
				t.Error(err)
			}
		})
	}
	wg.Wait()
	if strings.Contains(log.String(), "openid-") {
		t.Error(log.String())
	}
}

func TestParallelRetriesOfOneBindingAllSucceed(t *testing.T) {
	each(t, func(t *testing.T, w *world) {
		a := w.actor(w.signIn("openid-li"))
		errs := make([]error, 8)
		var wg sync.WaitGroup
		for i := range errs {
			wg.Go(func() {
				_, errs[i] = w.Bind(ctx, a, signin.Claim{Name: "李明", PhoneCode: "13800000002|" + string(rune('a'+i))})
			})
		}
		wg.Wait()
		if err := errors.Join(errs...); err != nil {
			t.Error(err)
		}
	})
}

func TestBindingIsLimitedPerOpenID(t *testing.T) {
	each(t, func(t *testing.T, w *world) {
		a := w.actor(w.signIn("openid"))
		w.down = true
		for range 12 {
			_, err := w.Bind(ctx, a, signin.Claim{Name: "李明", PhoneCode: "13800000002"})
			w.refused(err, errUnavailable) // not the member's failure
		}
		w.down = false
		for range 10 {
			_, err := w.Bind(ctx, a, signin.Claim{Name: "李明", InviteCode: "ABCDEFGHIJ"})
			w.refused(err, signin.ErrNotOnRoster)
		}
		_, err := w.Bind(ctx, a, signin.Claim{Name: "李明", PhoneCode: "13800000002"})
		e := w.refused(err, signin.ErrTooManyBinds)
		w.clock.Advance(e.RetryAfter)
		_, err = w.Bind(ctx, a, signin.Claim{Name: "李明", PhoneCode: "13800000002"})
		w.must(err)
	})
}
