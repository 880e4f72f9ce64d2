package push_test

import (
	"context"
	"fmt"
	"testing"
	"time"

	"pgregory.net/rapid"

	"zhibu/model"
	"zhibu/model/modeltest"
	"zhibu/service/push"
)

// tell reports an accept as the mini program does.
func (w *world) tell(i int, memberID int64, requestID string, templateIDs ...string) error {
	answers := map[string]push.Answer{}
	for _, id := range templateIDs {
		answers[id] = push.Accept
	}
	_, err := w.s[i%len(w.s)].Subscribe(context.Background(), self(memberID), requestID, answers)
	return err
}

// popup is what the platform reports of an accept.
func (w *world) popup(memberID int64, key, templateID string) model.PlatformEvent {
	return model.PlatformEvent{
		Key: key, Name: "subscribe_msg_popup_event", OpenID: openID(memberID), At: w.now(),
		Consents: []model.ConsentReport{{TemplateID: templateID, Accepted: true}},
	}
}

// learn takes an event and does what follows.
func (w *world) learn(i int, e model.PlatformEvent) error {
	s := w.s[i%len(w.s)]
	if err := s.Accept(context.Background(), e); err != nil {
		return err
	}
	return s.Settle(context.Background())
}

func (w *world) noErrors(errs []error) {
	w.t.Helper()
	for _, err := range errs {
		w.must(err)
	}
}

// TestOneTapCountsOnce reports taps from both sides, several times each, in any order and at once.
func TestOneTapCountsOnce(t *testing.T) {
	each(t, "2026-03-02 09:00", func(t *testing.T, w *world) {
		for taps := 1; taps <= 3; taps++ {
			for range 5 {
				id := w.enrol("一支部", 1)[0]
				var reports []func(i int) error
				for tap := range taps {
					w.clock.Advance(2 * time.Second)
					request, event := fmt.Sprint("r", tap), w.popup(id, fmt.Sprint(id, "e", tap), forAnnouncement)
					for range 2 {
						reports = append(reports,
							func(i int) error { return w.tell(i, id, request, forAnnouncement) },
							func(i int) error { return w.learn(i, event) })
					}
				}
				w.noErrors(atOnce(len(reports), func(i int) error { return reports[i](i) }))
				w.must(w.s[0].Settle(t.Context()))
				grants, err := w.s[1].Grants(t.Context(), self(id))
				w.must(err)
				if grants[forAnnouncement] != taps || grants[forStudy] != 0 {
					t.Fatalf("%d taps count as %v", taps, grants)
				}
			}
		}
	})
}

// TestPairing tells which reports are of one tap: one of each side, within ten minutes of each other.
func TestPairing(t *testing.T) {
	type report struct {
		side string // r is the client's, e the platform's, with a number each
		at   time.Duration
	}
	each(t, "2026-03-02 09:00", func(t *testing.T, w *world) {
		start := w.clock.Now()
		for _, c := range []struct {
			name    string
			reports []report // in the order in which we hear of them
			want    int
		}{
			{"client only", []report{{"r1", 0}}, 1},
			{"platform only", []report{{"e1", 0}}, 1},
			{"client first", []report{{"r1", 0}, {"e1", time.Second}}, 1},
			{"platform first", []report{{"e1", 0}, {"r1", time.Second}}, 1},
			{"both twice", []report{{"r1", 0}, {"e1", 0}, {"r1", time.Minute}, {"e1", 0}}, 1},
			{"two taps", []report{{"r1", 0}, {"r2", time.Second}, {"e1", 0}, {"e2", time.Second}}, 2},
			{"two taps, in turn", []report{{"r1", 0}, {"e1", 0}, {"r2", time.Second}, {"e2", time.Second}}, 2},
			{"two taps, events first", []report{{"e2", time.Second}, {"e1", 0}, {"r1", 0}, {"r2", time.Second}}, 2},
			{"two taps, one event", []report{{"r1", 0}, {"r2", time.Second}, {"e2", time.Second}}, 2},
			{"just ten minutes", []report{{"r1", 0}, {"e1", 10 * time.Minute}}, 1},
			{"more than ten minutes", []report{{"r1", 0}, {"e1", 10*time.Minute + time.Millisecond}}, 2},
			{"more than ten minutes, event first", []report{{"e1", 0}, {"r1", 10*time.Minute + time.Millisecond}}, 2},
			{"an event of just ten minutes before", []report{{"r1", 10 * time.Minute}, {"e1", 0}}, 1},
			{"a late event is of when it happened", []report{{"r1", 0}, {"r2", time.Hour}, {"e2", time.Hour}, {"e1", 0}}, 2},
			{"repeated after an hour", []report{{"r1", 0}, {"e1", 0}, {"r1", time.Hour}, {"e1", 0}}, 1},
		} {
			id := w.enrol("一支部", 1)[0]
			for i, r := range c.reports {
				w.clock.Set(start.Add(r.at))
				if r.side[0] == 'r' {
					w.must(w.tell(i, id, r.side, forAnnouncement))
				} else {
					e := w.popup(id, fmt.Sprint(id, r.side), forAnnouncement)
					w.clock.Set(start.Add(24 * time.Hour)) // whenever we hear of it
					w.must(w.learn(i, e))
				}
			}
			if grants, err := w.s[0].Grants(t.Context(), self(id)); err != nil || grants[forAnnouncement] != c.want {
				t.Errorf("%s: %v, %v, want %d", c.name, grants, err, c.want)
			}
		}
	})
}

// TestPairingInAnyOrder is the same by chance: the reports of taps far from each other, shuffled and repeated, count once each.
func TestPairingInAnyOrder(t *testing.T) {
	check := func(t *testing.T, db *model.DB, times int) {
		modeltest.Check(t, times, func(rt *rapid.T) {
			w := newWorld(rt, db, "2026-03-02 09:00")
			id := w.enrol("一支部", 1)[0]
			start := w.clock.Now()
			type report struct {
				tap    int
				client bool
			}
			var reports []report
			taps := rapid.IntRange(1, 4).Draw(rt, "taps")
			for tap := range taps {
				sides := rapid.SampledFrom([][]bool{{true}, {false}, {true, false}, {false, true, true, false}}).Draw(rt, "sides")
				for _, client := range sides {
					reports = append(reports, report{tap, client})
				}
			}
			for i, r := range rapid.Permutation(reports).Draw(rt, "order") {
				w.clock.Set(start.Add(time.Duration(r.tap) * time.Hour))
				if r.client {
					w.must(w.tell(i, id, fmt.Sprint(r.tap), forAnnouncement))
				} else {
					w.must(w.learn(i, w.popup(id, fmt.Sprint(id, r.tap), forAnnouncement)))
				}
			}
			w.clock.Set(start.Add(24 * time.Hour))
			w.must(w.s[0].Settle(context.Background()))
			if grants, err := w.s[0].Grants(context.Background(), self(id)); err != nil || grants[forAnnouncement] != taps {
				rt.Errorf("%d taps count as %v, %v", taps, grants, err)
			}
		})
	}
	t.Run("sqlite", func(t *testing.T) { check(t, modeltest.SQLite(t), 40) })
	t.Run("mariadb", func(t *testing.T) { check(t, modeltest.MariaDB(t), 20) })
}

func TestSubscribe(t *testing.T) {
	each(t, "2026-03-02 09:00", func(t *testing.T, w *world) {
		id := w.enrol("一支部", 1)[0]
		ctx, me := t.Context(), self(id)
		all := func(announcement, study, task int) map[string]int {
			return map[string]int{forAnnouncement: announcement, forStudy: study, forActivity: 0, forTask: task}
		}
		for i, c := range []struct {
			answers map[string]push.Answer
			want    map[string]int
			code    string
		}{
			{map[string]push.Answer{forAnnouncement: push.Accept, forStudy: "reject"}, all(1, 0, 0), ""},
			{map[string]push.Answer{forAnnouncement: "reject", forStudy: "ban"}, all(1, 0, 0), ""}, // what was given stays
			{map[string]push.Answer{forAnnouncement: push.Accept, forStudy: push.Accept}, all(2, 1, 0), ""},
			{map[string]push.Answer{forAnnouncement: "filter"}, all(2, 1, 0), ""},
			{map[string]push.Answer{"TEMPLATE-of-others": push.Accept}, nil, "results.TEMPLATE-of-others template_not_found"},
			{map[string]push.Answer{forTask: push.Accept}, all(2, 1, 1), ""},
			{map[string]push.Answer{forTask: push.Accept}, all(2, 1, 1), ""}, // a long-term one is one
			{nil, all(2, 1, 1), ""},
		} {
			got, err := w.s[0].Subscribe(ctx, me, fmt.Sprint(i), c.answers)
			if code(err) != c.code || c.code == "" && fmt.Sprint(got) != fmt.Sprint(c.want) {
				t.Errorf("%d: %v, %v, want %v %s", i, got, err, c.want, c.code)
			}
		}
		me.OpenID = ""
		if _, err := w.s[0].Subscribe(ctx, me, "x", map[string]push.Answer{forStudy: push.Accept}); code(err) != "not_wechat" {
			t.Errorf("without WeChat: %v", err)
		}
		if got, err := w.s[0].Grants(ctx, me); err != nil || fmt.Sprint(got) != fmt.Sprint(all(0, 0, 0)) {
			t.Errorf("without WeChat: %v, %v", got, err)
		}
	})
}

// TestACeilingOfConsents: a client can report what it likes.
func TestACeilingOfConsents(t *testing.T) {
	each(t, "2026-03-02 09:00", func(t *testing.T, w *world) {
		id := w.enrol("一支部", 1)[0]
		for i := range 105 {
			w.must(w.tell(0, id, fmt.Sprint(i), forAnnouncement))
		}
		if grants, err := w.s[0].Grants(t.Context(), self(id)); err != nil || grants[forAnnouncement] != 100 {
			t.Errorf("%v, %v", grants, err)
		}
	})
}

// TestWithdraw: a person takes back in the menu what he gave before, and not what he gives later, in whatever order we hear.
func TestWithdraw(t *testing.T) {
	each(t, "2026-03-02 09:00", func(t *testing.T, w *world) {
		for name, hear := range map[string]func(){"in order": w.hear, "late": func() {}} {
			id := w.enrol("一支部", 1)[0]
			open := openID(id)
			w.must(w.tell(0, id, "a", forAnnouncement))
			w.must(w.tell(0, id, "b", forStudy))
			w.clock.Advance(time.Minute)
			w.must(w.platform.Withdraw(open, forAnnouncement))
			hear()
			w.clock.Advance(time.Minute)
			w.must(w.tell(0, id, "c", forAnnouncement))
			w.hear()
			t.Run(name, func(t *testing.T) {
				w.t = t
				w.wantConsents(open, forAnnouncement, "void open")
				w.wantConsents(open, forStudy, "open")
			})
			w.t = t
		}
	})
}

// TestLongTerm: one accept serves for every message, until the person rejects a prompt or withdraws in the menu.
func TestLongTerm(t *testing.T) {
	each(t, "2026-03-02 09:00", func(t *testing.T, w *world) {
		id := w.enrol("一支部", 1)[0]
		open := openID(id)
		tell := func(want model.DeliveryState) {
			t.Helper()
			w.notify(model.PurposeTask, "一支部", id)
			w.clock.Advance(6 * time.Hour) // beyond any limit of the day, and never in the quiet hours
			if w.clock.Now().Hour() > 20 || w.clock.Now().Hour() < 8 {
				w.clock.Advance(12 * time.Hour)
			}
			w.send()
			if d := w.last(id); d.State != want {
				t.Fatalf("%+v, want %s", d, want)
			}
			w.hear()
		}
		w.accept(forTask, 2, id)
		w.wantConsents(open, forTask, "open")
		for range 4 {
			tell(model.DeliverySent)
		}
		w.must(w.platform.Subscribe(open, forTask, false))
		w.hear()
		w.wantConsents(open, forTask, "void")
		tell(model.DeliveryNoGrant)
		w.accept(forTask, 1, id)
		tell(model.DeliverySent)
		w.must(w.platform.Withdraw(open, forTask))
		tell(model.DeliveryRefused) // we have not heard yet
		w.wantConsents(open, forTask, "void void")
		if n := len(w.platform.Inbox(open)); n != 5 {
			t.Errorf("%d messages", n)
		}
	})
}
