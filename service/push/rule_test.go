package push_test

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"gorm.io/gorm"
	"pgregory.net/rapid"

	"zhibu/model"
	"zhibu/model/modeltest"
)

// TestRulesOfTheNearestUnit holds what SetRules and the reminders make of switches against the plain rule: the nearest unit
// that says so decides, else the default.
func TestRulesOfTheNearestUnit(t *testing.T) {
	check := func(t *testing.T, db *model.DB, times int) {
		modeltest.Check(t, times, func(rt *rapid.T) {
			w := newWorld(rt, db, "2026-03-02 09:00")
			units := w.grow(rt)
			rules := []model.Rule{model.RulePeriodOpen, model.RuleHoliday}
			said := map[string]bool{} // by rule and path
			for range rapid.IntRange(0, 12).Draw(rt, "switches") {
				u, rule := rapid.SampledFrom(units).Draw(rt, "unit"), rapid.SampledFrom(rules).Draw(rt, "rule")
				on := rapid.SampledFrom([]*bool{nil, new(bool), ptr(true)}).Draw(rt, "on")
				_, err := w.s[rapid.IntRange(0, 1).Draw(rt, "instance")].SetRules(context.Background(), chief(), u.ID, map[model.Rule]*bool{rule: on})
				w.must(err)
				if delete(said, string(rule)+u.Path); on != nil {
					said[string(rule)+u.Path] = *on
				}
			}
			oracle := func(rule model.Rule, path string) bool {
				for p := path; p != "/"; p = p[:strings.LastIndexByte(strings.TrimSuffix(p, "/"), '/')+1] {
					if on, ok := said[string(rule)+p]; ok {
						return on
					}
				}
				return rule != model.RuleHoliday
			}
			member := map[int64]model.Unit{}
			for _, u := range units {
				got, err := w.s[0].Rules(context.Background(), chief(), u.ID)
				w.must(err)
				for _, g := range got {
					if slices.Contains(rules, g.Rule) && g.InForce != oracle(g.Rule, u.Path) {
						rt.Fatalf("%s in %s: %v", g.Rule, u.Path, g.InForce)
					}
				}
				w.units[u.Name] = u
				member[w.enrol(u.Name, 1)[0]] = u
			}
			w.period(units[0].Name, w.now(), w.now().Add(240*time.Hour))
			f := model.BaseCalendar().Festivals(2026)[6]
			w.must(w.s[0].Remind(context.Background()))
			w.clock.Set(f.OffFrom.AddDays(-1).Start().Add(12 * time.Hour).Time())
			w.must(w.s[1].Remind(context.Background()))
			for id, u := range member {
				want := map[bool]string{}[false]
				switch holiday, open := oracle(model.RuleHoliday, u.Path), oracle(model.RulePeriodOpen, u.Path); {
				case holiday && open:
					want = "holiday:1 period_open:1"
				case holiday:
					want = "holiday:1"
				case open:
					want = "period_open:1"
				}
				if got := w.told(id); got != want {
					rt.Fatalf("in %s: told %q, want %q of %v", u.Path, got, want, said)
				}
			}
		})
	}
	t.Run("sqlite", func(t *testing.T) { check(t, modeltest.SQLite(t), 25) })
	t.Run("mariadb", func(t *testing.T) { check(t, modeltest.MariaDB(t), 10) })
}

func ptr[T any](v T) *T { return &v }

var grown atomic.Int64 // trees, so that each has ids of its own

// grow is a tree of some committees below each other, the root first; some ids begin like others.
func (w *world) grow(t *rapid.T) (units []model.Unit) {
	base := grown.Add(1) * 1000
	for i := range rapid.IntRange(1, 7).Draw(t, "units") {
		u := model.Unit{ID: base + int64(i), Kind: model.PartyCommittee, Name: fmt.Sprint("单位", i), ClosedOn: model.Forever}
		if i == 4 {
			u.ID = units[1].ID*10 + 1
		}
		u.Path = model.ChildPath("", u.ID)
		if i > 0 {
			above := units[rapid.IntRange(max(0, i-3), i-1).Draw(t, "above")]
			u.ParentID, u.Path = &above.ID, model.ChildPath(above.Path, u.ID)
		}
		w.add(&u)
		units = append(units, u)
	}
	return units
}

// TestNotify: a cause is said once, also by two at once, whose transactions both stand; to nobody is nothing; at night it
// waits.
func TestNotify(t *testing.T) {
	each(t, "2026-03-02 23:00", func(t *testing.T, w *world) {
		ids := w.enrol("一支部", 3)
		for range 5 {
			cause := fmt.Sprint("test:", model.NewID())
			w.noErrors(atOnce(8, func(i int) error {
				return w.db.Write(context.Background(), func(tx *gorm.DB) error {
					if err := model.Notify(tx, w.now(), w.notice(cause, model.PurposeTask, "一支部", ids...)); err != nil {
						return err
					}
					return model.Audit(tx, chief(), w.now(), model.Deed{Action: "test.deed", SubjectID: int64(i), Unit: w.units["一支部"], After: cause})
				})
			}))
			var said, done int64
			w.must(w.read().Model(&model.Announcement{}).Where("cause = ?", cause).Count(&said).Error)
			w.must(w.read().Model(&model.AuditEvent{}).Where("action = 'test.deed' AND state_after LIKE ?", "%"+cause+"%").Count(&done).Error)
			if said != 1 || done != 8 {
				t.Errorf("said %d times, by %d", said, done)
			}
			w.wantCounts(w.announced(cause), map[model.DeliveryState]int{model.DeliveryQueued: 3})
		}
		if d := w.last(ids[0]); d.DueAt != moment("2026-03-03 07:00:00.000") {
			t.Errorf("due at %s", d.DueAt.Time())
		}
		none := w.notify(model.PurposeTask, "一支部")
		if id := w.announced(none); id != 0 {
			t.Error("something was said to nobody")
		}
		silent := w.announced(w.notify("", "一支部", ids...))
		w.wantCounts(silent, map[model.DeliveryState]int{model.DeliveryInbox: 3})
		err := w.db.Write(t.Context(), func(tx *gorm.DB) error {
			if err := model.Notify(tx, w.now(), w.notice("rolled back", model.PurposeTask, "一支部", ids...)); err != nil {
				return err
			}
			return errors.New("no")
		})
		if err == nil || w.announced("rolled back") != 0 {
			t.Errorf("%v", err)
		}
	})
}
