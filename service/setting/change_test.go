package setting_test

import (
	"errors"
	"fmt"
	"strings"
	"sync"
	"testing"
	"time"

	"zhibu/model"
	"zhibu/service/setting"
)

func TestSetting(t *testing.T) {
	each(t, func(t *testing.T, w *world) {
		if got := describe(w.set(w.branch, "08000", "")); got != "8000@支部 "+today {
			t.Error(got)
		}
		w.set(w.branch, "8000", "")
		w.set(w.branch, "8000", today)
		if n := len(w.events()); n != 1 {
			t.Errorf("%d events after setting the same again", n)
		}
		w.set(w.branch, "9000", today) // the day is not over
		w.set(w.branch, "7000", april)
		if got := describe(w.set(w.branch, "7500", april)); got != "9000@支部 "+today+"; 7500@支部 "+april {
			t.Error(got)
		}
		w.clock.Advance(24 * time.Hour)
		w.set(w.branch, "9000", tomorrow) // as it is
		if n := len(w.events()); n != 4 {
			t.Errorf("%d events", n)
		}
		w.set(w.branch, "9000", may) // not as it will be
		w.wantThreshold(w.branch, tomorrow, "9000@支部 "+today+"; 7500@支部 "+april+"; 9000@支部 "+may)
	})
}

func TestSettingTheSameAsAValueThatCanStillGoAway(t *testing.T) {
	each(t, func(t *testing.T, w *world) {
		w.set(w.branch, "9000", april)
		w.set(w.branch, "9000", may)
		w.must(w.Withdraw(ctx, w.admin(), w.branch.ID, model.SettingThreshold, april))
		w.wantThreshold(w.branch, may, "9000@支部 "+may)
		w.set(w.branch, "9000", today)
		w.set(w.branch, "9000", tomorrow)
		w.set(w.branch, "8000", today)
		w.wantThreshold(w.branch, today, "8000@支部 "+today+"; 9000@支部 "+tomorrow+"; 9000@支部 "+may)
	})
}

func TestWithdraw(t *testing.T) {
	each(t, func(t *testing.T, w *world) {
		withdraw := func(on model.Date) error {
			return w.Withdraw(ctx, w.admin(), w.branch.ID, model.SettingThreshold, on)
		}
		w.set(w.general, "8000", today)
		w.set(w.general, "7000", april)
		w.refused(withdraw(april), "not_found", "") // it is not the branch's
		w.set(w.branch, "9000", april)
		w.refused(withdraw("2026-04-02"), "not_found", "")
		w.must(withdraw(april))
		w.refused(withdraw(april), "not_found", "")
		w.wantThreshold(w.branch, today, "8000@总支 "+today+"; 7000@总支 "+april)
		w.set(w.branch, "9000", tomorrow)
		w.clock.Advance(24 * time.Hour)
		w.refused(withdraw(tomorrow), "invalid_request", "effective_on")
		w.refused(withdraw(""), "invalid_request", "effective_on")
	})
}

func TestAudit(t *testing.T) {
	each(t, func(t *testing.T, w *world) {
		w.set(w.root, "8000", today)
		_, err := w.Set(ctx, w.admin(), w.branch.ID, model.SettingThreshold, "9000", april, "支部大会决定")
		w.must(err)
		w.set(w.branch, "9500", april)
		w.must(w.Withdraw(ctx, w.admin(), w.branch.ID, model.SettingThreshold, april))
		state := func(value string, u model.Unit, on model.Date, more string) string {
			return fmt.Sprintf(`{"name":"participation.threshold_bp","value":"%s","unit_id":%d,"effective_on":"%s"%s}`, value, u.ID, on, more)
		}
		events := w.events()
		for i, want := range []struct{ action, before, after string }{
			{"setting.set", state("8500", model.Unit{}, "", ""), state("8000", w.root, today, "")},
			{"setting.set", state("8000", w.root, today, ""), state("9000", w.branch, april, `,"reason":"支部大会决定"`)},
			{"setting.set", state("9000", w.branch, april, ""), state("9500", w.branch, april, "")},
			{"setting.withdraw", state("9500", w.branch, april, ""), state("8000", w.root, today, "")},
		} {
			e := events[i]
			if e.Action != want.action || e.Before != want.before || e.After != want.after || e.Actor != "member:7" {
				t.Errorf("%+v, want %+v", e, want)
			}
		}
	})
}

// TestManyAtOnce has several instances set and withdraw the same setting for the same day. Whoever is refused is told
// why, and the audit is an unbroken line from the first value to the last.
func TestManyAtOnce(t *testing.T) {
	each(t, func(t *testing.T, w *world) {
		var wg sync.WaitGroup
		for n := range 16 {
			wg.Go(func() {
				other := setting.New(w.db, w.clock.Now)
				var err error
				if n%4 == 3 {
					err = other.Withdraw(ctx, w.admin(), w.branch.ID, model.SettingThreshold, april)
				} else {
					_, err = other.Set(ctx, w.admin(), w.branch.ID, model.SettingThreshold, fmt.Sprint(8000+n/2), april, "")
				}
				if err != nil && !errors.Is(err, setting.ErrNoChange) {
					t.Error(err)
				}
			})
		}
		wg.Wait()
		now, err := model.LoadSettings(w.db.Read(ctx), w.branch, april)
		w.must(err)
		// Every state was left as often as it was entered, but for the first and the last.
		visits := map[string]int{}
		for _, e := range w.events() {
			visits[valueIn(t, e.Before)]--
			visits[valueIn(t, e.After)]++
		}
		visits["8500"]++
		visits[now.Text(model.SettingThreshold)]--
		for value, n := range visits {
			if n != 0 {
				t.Errorf("%s: %+d in the audit", value, n)
			}
		}
	})
}

func valueIn(t *testing.T, state string) string {
	t.Helper()
	_, rest, ok := strings.Cut(state, `"value":"`)
	value, _, _ := strings.Cut(rest, `"`)
	if !ok {
		t.Errorf("no value in %s", state)
	}
	return value
}
