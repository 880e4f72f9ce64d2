package push_test

import (
	"context"
	"fmt"
	"testing"
	"time"

	"zhibu/model"
	"zhibu/service/push"
	"zhibu/service/wechat/sim"
)

// pauseOf is what a refusal makes the others wait for.
type pauseOf int

const (
	nobody   pauseOf = iota
	template         // those of the same template
	everyone
)

// policy is what is to follow from one failed send (WECHAT.md §6.4, §9).
type policy struct {
	name     string
	fault    sim.Fault
	state    model.DeliveryState
	reason   string
	after    time.Duration // when it is due again, at the earliest; 0: never
	before   time.Duration // at the latest; 0: exactly then
	attempts int
	consent  model.ConsentState
	pause    pauseOf
	alarms   int
	received int // how many messages have arrived all the same
}

const (
	retryFrom = 2 * time.Second
	retryTo   = 3 * time.Second
	tenMin    = 10 * time.Minute
)

func refusals() (all []policy) {
	code := func(p policy, codes ...int) {
		for _, c := range codes {
			p.name, p.fault = fmt.Sprint(c), sim.Fault{Errcode: c}
			all = append(all, p)
		}
	}
	queued := policy{state: model.DeliveryQueued, consent: model.ConsentOpen}
	retry, pause, stop := queued, queued, queued
	retry.after, retry.before, retry.attempts = retryFrom, retryTo, 1
	pause.after, pause.pause = 30*time.Second, everyone // the clock stands at half a minute past
	stop.after, stop.pause, stop.alarms = tenMin, template, 1
	code(retry, -1)
	code(stop, 40037, 41030)
	code(pause, 45011)
	pause.alarms = 1
	pause.after = 15*time.Hour - 30*time.Second // midnight in Shanghai, half a minute past nine
	code(pause, 45009)
	pause.after = tenMin
	code(pause, 40013, 40125, 40164, 41002, 41004, 89503, 89506, 89507, 43107, 48001, 61004, 50002)
	code(policy{state: model.DeliveryQueued, consent: model.ConsentOpen, after: 2 * time.Second}, 43108)
	code(policy{state: model.DeliveryRefused, reason: model.ReasonNotWanted, attempts: 1, consent: model.ConsentVoid}, 43101)
	code(policy{state: model.DeliveryRefused, reason: model.ReasonGone, attempts: 1, consent: model.ConsentVoid}, 40003)
	code(policy{state: model.DeliveryFailed, reason: model.ReasonText, attempts: 1, consent: model.ConsentOpen, alarms: 1}, 47003, 45168, 47001, 44002)
	unheard := retry
	unheard.alarms = 1
	code(unheard, 12345)
	return all
}

func breakdowns() []policy {
	retry := policy{state: model.DeliveryQueued, consent: model.ConsentOpen, after: retryFrom, before: retryTo, attempts: 1}
	unknown := policy{state: model.DeliveryUnknown, reason: model.ReasonTimeout, attempts: 1, consent: model.ConsentDoubtful}
	sent := policy{state: model.DeliverySent, attempts: 1, consent: model.ConsentSpent, received: 1}
	as := func(p policy, name string, f sim.Fault, received int) policy {
		p.name, p.fault, p.received = name, f, received
		return p
	}
	return []policy{
		as(sent, "none", sim.Fault{}, 1),
		as(sent, "a dead token, once", sim.Fault{Errcode: 40001}, 1),
		as(retry, "a dead token, twice", sim.Fault{Errcode: 42001, Times: 2}, 0),
		as(retry, "another dead token, twice", sim.Fault{Errcode: 40014, Times: 2}, 0),
		as(retry, "502", sim.Fault{Status: 502}, 0),
		as(unknown, "reset", sim.Fault{Reset: true}, 0),
		as(unknown, "truncate", sim.Fault{Truncate: true}, 1),
		as(unknown, "empty", sim.Fault{Empty: true}, 1),
		as(unknown, "html", sim.Fault{HTML: true}, 0),
		as(unknown, "latency", sim.Fault{LatencyMS: 60_000}, 0),
		as(unknown, "latency and reset", sim.Fault{LatencyMS: 60_000, Reset: true}, 0),
	}
}

// TestPolicy lets one message meet each failure, and watches what becomes of it, of its consent, and of messages to others
// with the same template and with another one.
func TestPolicy(t *testing.T) {
	each(t, "2026-03-02 09:00", func(t *testing.T, w *world) {
		for _, p := range append(refusals(), breakdowns()...) {
			w.t = t
			t.Run(p.name, func(t *testing.T) { w.t = t; w.checkPolicy(p) })
		}
	})
}

func (w *world) checkPolicy(p policy) {
	w.clock.Set(w.clock.Now().Truncate(24 * time.Hour).Add(25*time.Hour + 30*time.Second)) // 9:00:30 of another day
	timeout := time.Duration(0)
	if p.fault.LatencyMS > 0 {
		timeout = time.Second
	}
	w.connect(timeout)
	people := w.enrol("一支部", 3)
	first, same, other := people[0], people[1], people[2]
	for i, id := range people { // no event tells us: the clock is to stand still
		w.must(w.platform.Subscribe(openID(id), []string{forAnnouncement, forAnnouncement, forTask}[i], true))
		_, err := w.s[0].Subscribe(context.Background(), self(id), "a", map[string]push.Answer{[]string{forAnnouncement, forAnnouncement, forTask}[i]: push.Accept})
		w.must(err)
	}
	if p.fault != (sim.Fault{}) {
		p.fault.Endpoint = sendPath
		w.must(w.platform.Fail(p.fault))
	}
	w.notify(model.PurposeAnnouncement, "一支部", first)
	now := w.now()
	w.send()
	w.wantPolicy(p, first, now)
	w.notify(model.PurposeAnnouncement, "一支部", same)
	w.notify(model.PurposeTask, "一支部", other)
	w.send()
	w.wantOthers(p, same, other)
	if n := len(w.alarms()); n != p.alarms {
		w.t.Errorf("%d alarms, want %d:\n%s", n, p.alarms, w.log)
	}
	if p.after > 0 { // and then it goes out
		w.clock.Advance(max(p.after, p.before))
		w.send()
		if w.clock.Now().Hour() == 0 { // in the quiet hours it waits on
			w.clock.Advance(7 * time.Hour)
			w.send()
		}
		if d := w.last(first); d.State != model.DeliverySent || d.Attempts != p.attempts+1 {
			w.t.Errorf("in the end %+v", d)
		}
	}
	w.wantOthers(policy{}, same, other)
	if n := w.platform.Received() - 2; n != p.received && p.after == 0 {
		w.t.Errorf("%d messages arrived, want %d", n, p.received)
	}
	w.wantCleanLog()
}

func (w *world) wantPolicy(p policy, memberID int64, now model.Instant) {
	w.t.Helper()
	d := w.last(memberID)
	if d.State != p.state || d.Reason != p.reason || d.Attempts != p.attempts || d.TriedAt != now {
		w.t.Errorf("delivery %+v, want %+v", d, p)
	}
	from, to := now.Add(p.after), now.Add(max(p.after, p.before))
	if p.after == 0 && d.DueAt != 0 || p.after > 0 && (d.DueAt < from || d.DueAt > to) {
		w.t.Errorf("due at %s, want %s to %s", d.DueAt.Time(), from.Time(), to.Time())
	}
	w.wantConsents(openID(memberID), forAnnouncement, string(p.consent))
	var flights int64
	w.must(w.read().Model(&model.Flight{}).Count(&flights).Error)
	if flights != 0 {
		w.t.Errorf("%d flights are left", flights)
	}
}

func (w *world) wantOthers(p policy, same, other int64) {
	w.t.Helper()
	for id, paused := range map[int64]bool{same: p.pause != nobody, other: p.pause == everyone} {
		want := model.DeliverySent
		if paused {
			want = model.DeliveryQueued
		}
		if d := w.last(id); d.State != want || d.Reason != "" {
			w.t.Errorf("another one: %+v, want %s", d, want)
		}
	}
}

// TestAttemptsEnd: what the platform never takes fails in the end, and its consent is open for another.
func TestAttemptsEnd(t *testing.T) {
	each(t, "2026-03-02 09:00", func(t *testing.T, w *world) {
		id := w.enrol("一支部", 1)[0]
		w.accept(forAnnouncement, 1, id)
		w.must(w.platform.Fail(sim.Fault{Endpoint: sendPath, Errcode: -1, Times: 6}))
		w.notify(model.PurposeAnnouncement, "一支部", id)
		pause := 2 * time.Second
		send := func() { // each with a client of its own, whose breaker has seen nothing
			w.must(w.instance(w.client(0)).SendDue(t.Context()))
		}
		for attempt := 1; attempt < 6; attempt++ {
			send()
			d := w.last(id)
			if d.State != model.DeliveryQueued || d.Attempts != attempt || d.DueAt < w.now().Add(pause) || d.DueAt > w.now().Add(pause*3/2) {
				t.Fatalf("attempt %d: %+v", attempt, d)
			}
			pause *= 4
			w.clock.Set(d.DueAt.Time())
		}
		send()
		if d := w.last(id); d.State != model.DeliveryFailed || d.Reason != model.ReasonAttempts || d.Attempts != 6 || d.DueAt != 0 {
			t.Errorf("%+v", d)
		}
		w.wantConsents(openID(id), forAnnouncement, "open")
		w.clock.Advance(time.Hour)
		send()
		if n := w.platform.Received(); n != 0 {
			t.Errorf("%d messages", n)
		}
	})
}

// TestAlarmsAreReportedOnce: hundreds of messages meet the same trouble at once, and one line tells of it. What still goes on
// ten minutes later is reported again.
func TestAlarmsAreReportedOnce(t *testing.T) {
	each(t, "2026-03-02 09:00", func(t *testing.T, w *world) {
		for _, errcode := range []int{40164, 40037, 47003, 12345} {
			w.connect(0)
			people := w.enrol("一支部", 30)
			for _, id := range people {
				w.must(w.platform.Subscribe(openID(id), forAnnouncement, true))
			}
			w.hear()
			w.must(w.platform.Fail(sim.Fault{Endpoint: sendPath, Errcode: errcode, Times: 1000}))
			for again := range 2 {
				w.notify(model.PurposeAnnouncement, "一支部", people[15*again:15*again+15]...)
				w.send()
				if n := len(w.alarms()); n != again+1 {
					t.Errorf("%d: %d alarms, want %d:\n%s", errcode, n, again+1, w.log)
				}
				w.clock.Advance(11 * time.Minute)
			}
			w.wantCleanLog()
			w.must(w.db.Write(t.Context(), deleteDue))
		}
	})
}
