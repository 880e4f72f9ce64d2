package period_test

import (
	"context"
	"fmt"
	"slices"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"gorm.io/gorm"

	"zhibu/model"
	"zhibu/model/modeltest"
	"zhibu/service/period"
	"zhibu/service/roster"
	"zhibu/service/unit"
)

// TestAllAtOnce lets 64 members complete through two instances while the rates are read, and while the tree and the
// rosters are marked so that every reader counts anew. No reader misses a completion that was answered before he asked,
// and in the end everybody is counted once.
func TestAllAtOnce(t *testing.T) {
	modeltest.Each(t, func(t *testing.T, db *model.DB) {
		w := newWorld(t, db, modeltest.Keyring(t), monday)
		rosters := []string{"一支部", "一组", "二组", "二支部"}
		var people []int64
		for _, name := range rosters {
			people = append(people, w.enrol(w.units[name], 16)...)
		}
		id := w.week("青年大学习")
		var answered atomic.Int64
		var wg, readers sync.WaitGroup
		for i, m := range people {
			wg.Go(func() {
				if _, created, err := w.s[i%2].Complete(t.Context(), member(m), id, nil); err != nil || !created {
					t.Errorf("completion of %d: created %v, %v", m, created, err)
				}
				answered.Add(1)
			})
		}
		wg.Go(func() {
			for i := range 6 {
				name := fmt.Sprint("改名", i)
				if _, err := w.tree.Patch(t.Context(), chief(), w.units["二支部"].ID, unit.Change{Name: &name}); err != nil {
					t.Errorf("renaming: %v", err)
				}
			}
		})
		wg.Go(func() {
			for i := range 6 {
				born := model.Date(fmt.Sprint("2004-01-0", i+1))
				if _, err := w.roster.Change(t.Context(), chief(), people[i*10], roster.Change{BirthDate: &born}); err != nil {
					t.Errorf("another birth date: %v", err)
				}
			}
		})
		for _, s := range w.s {
			readers.Go(func() {
				for range 12 {
					atLeast := int(answered.Load())
					r, _, err := s.Rates(t.Context(), chief(), id, period.Query{Depth: 1})
					if err != nil {
						t.Errorf("rates: %v", err)
						continue
					}
					if c := r.Total.Completed; c < atLeast || c > len(people) || r.Total.Due != len(people) {
						t.Errorf("%d of %d completed, and %d had their answer before", c, r.Total.Due, atLeast)
					}
				}
			})
		}
		wg.Wait()
		readers.Wait()
		for _, name := range []string{"一组", "二组", "二支部"} {
			w.wantRate(id, name, model.Rate{Due: 16, Completed: 16})
		}
		w.wantRate(id, "一支部", model.Rate{Due: 48, Completed: 48})
		w.wantRate(id, "团总支", model.Rate{Due: 64, Completed: 64})
		if n := w.recorded(id); n != 64 {
			t.Errorf("%d rows of 64 members", n)
		}
	})
}

// recorded is how many completions a period has.
func (w *world) recorded(id int64) (n int64) {
	w.t.Helper()
	w.must(w.read().Model(&model.Completion{}).Where("period_id = ?", id).Count(&n).Error)
	return n
}

// TestExemptAndCompleteAtOnce releases members, and takes that back of some, at the moment in which they complete: whoever
// comes first, each is counted as what he is.
func TestExemptAndCompleteAtOnce(t *testing.T) {
	modeltest.Each(t, func(t *testing.T, db *model.DB) {
		w := newWorld(t, db, modeltest.Keyring(t), monday)
		people := w.enrol(w.units["一支部"], 24)
		id := w.week("青年大学习")
		w.wantRate(id, "一支部", model.Rate{Due: 24})
		var wg sync.WaitGroup
		for i, m := range people {
			if i%4 != 3 {
				wg.Go(func() {
					if _, _, err := w.s[i%2].Complete(t.Context(), member(m), id, nil); err != nil {
						t.Errorf("completion: %v", err)
					}
				})
			}
			wg.Go(func() {
				_, _, err := w.s[1-i%2].Exempt(t.Context(), chief(), model.Exemption{PeriodID: id, MemberID: m, ReasonCategory: "sick"})
				if err == nil && i%2 == 0 {
					err = w.s[i/2%2].WithdrawExemption(t.Context(), chief(), id, m)
				}
				if err != nil {
					t.Errorf("exemption: %v", err)
				}
			})
		}
		wg.Wait()
		w.wantRate(id, "一支部", model.Rate{Due: 24, Completed: 18, Exempt: 6})
		w.wantRate(id, "团总支", model.Rate{Due: 24, Completed: 18, Exempt: 6})
	})
}

// TestSameMemberAtOnce completes twenty times at once: one is created, and all get that one.
func TestSameMemberAtOnce(t *testing.T) {
	modeltest.Each(t, func(t *testing.T, db *model.DB) {
		w := newWorld(t, db, modeltest.Keyring(t), monday)
		me := w.enrol(w.units["一组"], 1)[0]
		id := w.week("青年大学习")
		var wg sync.WaitGroup
		var created atomic.Int64
		ids := make([]int64, 20)
		for i := range ids {
			wg.Go(func() {
				done, isNew, err := w.s[i%2].Complete(t.Context(), member(me), id, nil)
				if err != nil {
					t.Errorf("completion: %v", err)
				}
				if ids[i] = done.ID; isNew {
					created.Add(1)
				}
			})
		}
		wg.Wait()
		if created.Load() != 1 || w.recorded(id) != 1 || len(slices.Compact(slices.Sorted(slices.Values(ids)))) != 1 {
			t.Errorf("created %d times, %d rows, answers %v", created.Load(), w.recorded(id), ids)
		}
		w.wantRate(id, "团总支", model.Rate{Due: 1, Completed: 1})
	})
}

// TestCompletionsMeetTheClose lets members complete while the clock passes the end and both instances close, and while
// somebody closes early by hand. Who was told that he is in time is in the one version as completed, and nobody else is.
func TestCompletionsMeetTheClose(t *testing.T) {
	for name, closing := range map[string]func(*world, *period.Service, int64) error{
		"by itself": func(_ *world, s *period.Service, _ int64) error { return s.CloseOverdue(context.Background()) },
		"by hand": func(_ *world, s *period.Service, id int64) error {
			_, err := s.Close(context.Background(), chief(), id)
			return err
		},
		"by a reader": func(w *world, s *period.Service, id int64) error {
			_, _, err := s.Rates(context.Background(), chief(), id, period.Query{})
			return err
		},
	} {
		t.Run(name, func(t *testing.T) {
			modeltest.Each(t, func(t *testing.T, db *model.DB) {
				w := newWorld(t, db, modeltest.Keyring(t), monday)
				people := w.enrol(w.units["一支部"], 48)
				id := w.week("青年大学习")
				end := model.Date("2026-03-08").Start().Add(20 * time.Hour)
				w.clock.Set(end.Add(-10 * time.Millisecond).Time())
				w.wantInTimeOrLate(id, people, func(s *period.Service) error { return closing(w, s, id) })
			})
		})
	}
}

// wantInTimeOrLate lets the people complete while the clock runs past the end of the period and both instances close it.
func (w *world) wantInTimeOrLate(id int64, people []int64, closing func(*period.Service) error) {
	var wg sync.WaitGroup
	answers := make([]period.Recorded, len(people))
	for i, m := range people {
		wg.Go(func() {
			var err error
			if answers[i], _, err = w.s[i%2].Complete(context.Background(), member(m), id, nil); err != nil {
				w.t.Errorf("completion: %v", err)
			}
			w.clock.Advance(time.Millisecond) // the end comes after ten of them
		})
	}
	for _, s := range w.s {
		wg.Go(func() {
			for range 8 {
				if err := closing(s); err != nil {
					w.t.Errorf("closing: %v", err)
				}
			}
		})
	}
	wg.Wait()
	w.must(w.s[0].CloseOverdue(context.Background()))
	v := w.kept(id)
	if len(v) != 1 {
		w.t.Fatalf("%d versions", len(v))
	}
	completed := map[int64]bool{}
	for _, e := range w.entries(v[0]) {
		completed[e.MemberID] = e.Outcome == model.OutcomeCompleted
	}
	late := 0
	for i, m := range people {
		if answers[i].Late {
			late++
		}
		if completed[m] == answers[i].Late {
			w.t.Errorf("told late: %v, completed at %d of %d, in the version: %v", answers[i].Late, answers[i].CompletedAt, v[0].CutoffAt, completed[m])
		}
	}
	w.wantRate(id, "团总支", model.Rate{Due: len(people), Completed: len(people) - late, Late: late})
}

// TestFreezingBlocksNoOtherPeriod holds a freeze open: members complete another period meanwhile. SQLite has one writer
// and cannot do that.
func TestFreezingBlocksNoOtherPeriod(t *testing.T) {
	t.Run("mariadb", func(t *testing.T) { checkOtherPeriod(t, modeltest.MariaDB(t)) })
}

func checkOtherPeriod(t *testing.T, db *model.DB) {
	w := newWorld(t, db, modeltest.Keyring(t), monday)
	people := w.enrol(w.units["一支部"], 8)
	frozen, other := w.week("青年大学习"), w.week("团课")
	ctx, cancel := context.WithTimeout(t.Context(), 10*time.Second) // of a failure; a success waits for nothing
	defer cancel()
	held, release := make(chan struct{}), make(chan struct{})
	var wg sync.WaitGroup
	wg.Go(func() {
		err := w.db.WriteBulk(t.Context(), func(tx *gorm.DB) error {
			defer close(held)
			if _, err := model.LoadPeriods(model.ForUpdate(tx), []int64{frozen}); err != nil {
				return err
			}
			held <- struct{}{}
			<-release
			return nil
		})
		if err != nil {
			t.Error(err)
		}
	})
	<-held
	for _, m := range people[:4] { // they fill every place of their group
		wg.Go(func() {
			if _, _, err := w.s[0].Complete(t.Context(), member(m), frozen, nil); err != nil {
				t.Errorf("a completion that waited for the freeze: %v", err)
			}
		})
	}
	for _, m := range people {
		if _, _, err := w.s[0].Complete(ctx, member(m), other, nil); err != nil {
			t.Errorf("a completion of another period: %v", err)
			break
		}
	}
	close(release)
	wg.Wait()
}
