package signin_test

import (
	"errors"
	"fmt"
	"strings"
	"sync"
	"testing"
	"time"

	"zhibu/model"
	"zhibu/service/signin"
)

const strong = "Correct-horse-7"

// account makes an account over everything, or one of Li Ming's over the unit.
func (w *world) account(username string, unitID *int64) model.Account {
	w.t.Helper()
	var memberID *int64
	if unitID != nil {
		memberID = &w.li.ID
	}
	a, err := w.CreateAccount(ctx, username, signin.Password(strong), unitID, memberID)
	w.must(err)
	return a
}

func (w *world) tryPassword(username, password, address string) error {
	_, err := w.Password(ctx, model.Actor{}, username, password, address)
	return err
}

func TestPasswordSignIn(t *testing.T) {
	each(t, func(t *testing.T, w *world) {
		everywhere := w.account("Root", nil)
		w.account("branch", &w.branch.ID)
		in, err := w.Password(ctx, model.Actor{}, " ROOT ", strong, "10.0.0.1")
		w.must(err)
		a := w.actor(in)
		if a.AccountID != everywhere.ID || a.Name != "root" || !a.Bound || !a.Everywhere(model.Administer) || in.Member != nil {
			t.Errorf("actor %+v", a)
		}
		in, err = w.Password(ctx, model.Actor{}, "branch", strong, "")
		w.must(err)
		a = w.actor(in)
		if !a.IsMember(w.li.ID) || in.Member == nil {
			t.Errorf("the account of nobody: %+v", a)
		}
		if a.Everywhere(model.Administer) || !a.May(model.Administer, w.branch.Path) || a.Reaches(w.other.Path) {
			t.Errorf("grants %+v", a.Grants)
		}
		_, err = w.Invite(ctx, a, w.li.ID)
		w.refused(err, model.ErrOwnRecord)
		w.refused(w.tryPassword("root", "wrong", ""), signin.ErrWrongCredentials)
		w.refused(w.tryPassword("nobody", strong, ""), signin.ErrWrongCredentials)
		w.refused(w.tryPassword("root", strings.Repeat("x", 100), ""), signin.ErrWrongCredentials)
		w.set(&model.Account{}, "username = ?", []any{"branch"}, map[string]any{"disabled_at": w.at()})
		_, err = w.Authenticate(ctx, in.AccessToken)
		w.refused(err, model.ErrUnauthenticated)
		w.refused(w.tryPassword("branch", strong, ""), signin.ErrWrongCredentials)
	})
}

func TestFiftyParallelGuesses(t *testing.T) {
	each(t, func(t *testing.T, w *world) {
		w.account("root", nil)
		errs := make([]error, 50)
		var wg sync.WaitGroup
		for i := range errs {
			wg.Go(func() { errs[i] = w.tryPassword("root", fmt.Sprint("guess ", i), fmt.Sprint("10.0.0.", i)) })
		}
		wg.Wait()
		compared := 0
		for _, err := range errs {
			if errors.Is(err, signin.ErrWrongCredentials) {
				compared++
				continue
			}
			w.refused(err, signin.ErrLockedOut)
		}
		if compared > 5 {
			t.Errorf("%d guesses were compared", compared)
		}
		for range 5 - compared {
			w.refused(w.tryPassword("root", "guess", ""), signin.ErrWrongCredentials)
		}
		e := w.refused(w.tryPassword("root", strong, ""), signin.ErrLockedOut)
		if e.RetryAfter <= 0 || e.RetryAfter > 15*time.Minute {
			t.Errorf("retry after %v", e.RetryAfter)
		}
		w.clock.Advance(e.RetryAfter)
		w.must(w.tryPassword("root", strong, ""))
	})
}

func TestLockout(t *testing.T) {
	each(t, func(t *testing.T, w *world) {
		w.account("root", nil)
		w.account("other", nil)
		for range 4 {
			w.refused(w.tryPassword("root", "wrong", "10.0.0.1"), signin.ErrWrongCredentials)
		}
		w.must(w.tryPassword("root", strong, "10.0.0.1")) // clears the account, not the address
		w.refused(w.tryPassword("nobody", "wrong", "10.0.0.1"), signin.ErrWrongCredentials)
		w.refused(w.tryPassword("other", strong, "10.0.0.1"), signin.ErrLockedOut)
		w.must(w.tryPassword("other", strong, "10.0.0.2"))
		for range 5 {
			w.refused(w.tryPassword("root", "wrong", ""), signin.ErrWrongCredentials)
			w.clock.Advance(time.Minute)
		}
		for range 3 { // trying on does not prolong the lock
			e := w.refused(w.tryPassword("root", strong, "10.0.0.3"), signin.ErrLockedOut)
			if e.RetryAfter != 10*time.Minute {
				t.Errorf("retry after %v", e.RetryAfter)
			}
		}
		w.clock.Advance(10 * time.Minute)
		w.must(w.tryPassword("root", strong, "10.0.0.3"))
		if n := w.count(&model.SignInFailure{}, "subject LIKE '%root%' OR subject LIKE '%10.0%'"); n != 0 {
			t.Error("names or addresses are kept in clear")
		}
	})
}

func TestCreateAccount(t *testing.T) {
	each(t, func(t *testing.T, w *world) {
		w.account("root", nil)
		unknown := int64(1)
		for name, c := range map[string]struct {
			username string
			password signin.NewPassword
			unit     *int64
			member   *int64
			want     *model.Error
		}{
			"taken":         {" Root", signin.Password(strong), nil, nil, signin.ErrAccountExists},
			"short":         {"a1", signin.Password("Ab3-efghi"), nil, nil, model.InvalidField("password", "", "")},
			"two classes":   {"a2", signin.Password("abcdefghij12"), nil, nil, model.InvalidField("password", "", "")},
			"too long":      {"a3", signin.Password("Aa1" + strings.Repeat("党", 24)), nil, nil, model.InvalidField("password", "", "")},
			"name of one":   {"x", signin.Password(strong), nil, nil, model.InvalidField("username", "", "")},
			"name in parts": {"a b", signin.Password(strong), nil, nil, model.InvalidField("username", "", "")},
			"unknown unit":  {"a4", signin.Password(strong), &unknown, &w.li.ID, model.ErrNotFound},
			"three classes": {"a5", signin.Password("党员abcdefg1"), nil, nil, nil},
			"demo":          {"demo", signin.DemoPassword("demo"), nil, nil, nil},
			"unit of none":  {"a6", signin.Password(strong), &w.branch.ID, nil, model.InvalidField("member_id", "", "")},
			"no member":     {"a7", signin.Password(strong), nil, &unknown, model.ErrNotFound},
			"with a member": {"a8", signin.Password(strong), nil, &w.li.ID, nil},
		} {
			_, err := w.CreateAccount(ctx, c.username, c.password, c.unit, c.member)
			if c.want == nil && err != nil || c.want != nil && !errors.Is(err, c.want) {
				t.Errorf("%s: %v", name, err)
			}
		}
		w.must(w.tryPassword("demo", "demo", ""))
		if n := w.count(&model.Account{}, "1 = 1"); n != 4 {
			t.Errorf("%d accounts", n)
		}
	})
}
