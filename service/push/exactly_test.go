package push_test

import (
	"context"
	"fmt"
	"math/rand/v2"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"gorm.io/gorm"

	"zhibu/model"
	"zhibu/service/push"
	"zhibu/service/wechat/sim"
)

// mortal is a platform that an instance dies over: after so many messages none of its calls returns any more, and some of
// those it had begun have arrived.
type mortal struct {
	push.Platform
	left  atomic.Int64
	dead  chan struct{} // closed when it dies
	gone  chan struct{} // closed when the test is over with it: what it knows by then comes too late
	dying sync.Once
}

func newMortal(p push.Platform, messages int64) *mortal {
	m := &mortal{Platform: p, dead: make(chan struct{}), gone: make(chan struct{})}
	m.left.Store(messages)
	return m
}

func (m *mortal) Send(ctx context.Context, message model.PushMessage) (string, error) {
	n := m.left.Add(-1)
	if n < 0 && n%2 == 0 {
		return m.die("", model.NewSendError(model.FateRetry, 0, fmt.Errorf("never sent")))
	}
	id, err := m.Platform.Send(ctx, message)
	if n < 0 {
		return m.die(id, err)
	}
	return id, err
}

func (m *mortal) die(id string, err error) (string, error) {
	m.dying.Do(func() { close(m.dead) })
	<-m.gone
	return id, err
}

// crowd are instances with several senders each, some of which die.
type crowd struct {
	*world
	dead []*mortal
	wg   sync.WaitGroup // of the senders of the dead
}

// run has the senders of all instances send what is due, until all have done so or died.
func (c *crowd) run(instances []*push.Service, died []<-chan struct{}, senders int) {
	c.t.Helper()
	var alive sync.WaitGroup
	for i, s := range instances {
		for range senders {
			done := make(chan error, 1)
			c.wg.Go(func() { done <- s.SendDue(context.Background()) })
			alive.Go(func() {
				select {
				case err := <-done:
					if err != nil {
						c.t.Errorf("sending: %v", err)
					}
				case <-died[i]:
				}
			})
		}
	}
	alive.Wait()
}

// instances brings up so many, some of which die after a few messages.
func (c *crowd) instances(many int, chance *rand.Rand) (all []*push.Service, died []<-chan struct{}) {
	for range many {
		var p push.Platform = c.client(0)
		var dead chan struct{}
		if chance.IntN(3) == 0 {
			m := newMortal(p, int64(chance.IntN(40)))
			p, dead, c.dead = m, m.dead, append(c.dead, m)
		}
		all, died = append(all, c.instance(p)), append(died, dead)
	}
	return all, died
}

// bury lets the dead say what they know, which nobody listens to.
func (c *crowd) bury() {
	for _, m := range c.dead {
		close(m.gone)
	}
	c.dead = nil
	c.wg.Wait()
}

// faulty has a fifth of the messages, and of the events, go wrong.
func (c *crowd) faulty() {
	for _, f := range []sim.Fault{
		{Errcode: -1}, {Status: 502}, {Reset: true}, {Truncate: true}, {Empty: true}, {HTML: true}, {Errcode: 45011}, {Errcode: 47003},
	} {
		f.Endpoint, f.Percent, f.Times = sendPath, 3, 100_000
		c.must(c.platform.Fail(f))
	}
	for _, f := range []sim.Fault{{DuplicateEvent: true}, {EventOutOfOrder: true}, {SlowAck: true}} {
		f.Endpoint, f.Percent, f.Times = events, 10, 100_000
		c.must(c.platform.Fail(f))
	}
	c.must(c.platform.Fail(sim.Fault{Endpoint: events, LateEvent: true, Percent: 10, Times: 3})) // one that fails four times is lost
}

// TestExactlyOnce lets three instances with four senders each send to people who gave too few consents or too many, while a
// fifth of the calls fails, instances die and are replaced, and events come late, twice and in any order. Nobody has anything
// twice, everybody has everything in the inbox, and the ledger says what the platform's does.
func TestExactlyOnce(t *testing.T) {
	people, deaths := 90, 0
	if race {
		people = 40
	}
	each(t, "2026-03-02 09:00", func(t *testing.T, w *world) {
		c, chance := &crowd{world: w}, rand.New(rand.NewPCG(20210101, 7))
		ids := w.enrol("一支部", people)
		for tap := range 4 {
			w.clock.Advance(time.Second) // two taps in a second are one event
			for i, id := range ids {
				if tap < i%5 {
					w.must(w.platform.Subscribe(openID(id), forAnnouncement, true))
				}
				if tap == 0 {
					w.must(w.platform.Subscribe(openID(id), forStudy, true))
				}
			}
		}
		w.hear()
		c.faulty()
		var announcements []int64
		for i := range 3 {
			announcements = append(announcements, w.announce("一支部", func(p *push.Plan) { p.Urgent = i == 0 }).ID)
		}
		study := w.notify(model.PurposeStudy, "一支部", ids...)
		announcements = append(announcements, w.announced(study))
		for round := 0; w.unsettled() > 0; round++ {
			if round > 60 {
				t.Fatalf("%d deliveries are still not settled", w.unsettled())
			}
			all, died := c.instances(3, chance)
			var others sync.WaitGroup
			others.Go(func() { w.platform.DeliverDue(context.Background()) })
			others.Go(func() { w.must(w.s[1].Settle(context.Background())) })
			others.Go(func() { w.must(w.s[1].Recover(context.Background())) })
			c.run(all, died, 4)
			others.Wait()
			w.checkLedger(announcements, ids)
			deaths += len(c.dead)
			if chance.IntN(2) == 0 {
				c.bury()
			}
			w.clock.Advance(time.Minute + time.Duration(chance.IntN(60))*time.Second)
		}
		c.bury()
		w.checkLedger(announcements, ids)
		w.listen()
		w.checkSettled(announcements, ids)
		w.wantCleanLog()
		if n := w.wire.answered(43108); n != 0 {
			t.Errorf("%d times two messages to one person were under way", n)
		}
	})
	if deaths == 0 {
		t.Error("nobody died")
	}
}

// announced is the announcement with the cause.
func (w *world) announced(cause string) (id int64) {
	w.t.Helper()
	w.must(w.read().Model(&model.Announcement{}).Where("cause = ?", cause).Pluck("id", &id).Error)
	return id
}

// unsettled counts the deliveries that are still to be sent, or on their way.
func (w *world) unsettled() (n int64) {
	w.t.Helper()
	w.must(w.read().Model(&model.Delivery{}).Where("announcement_id > ?", w.since).
		Where("due_at > 0").Count(&n).Error)
	return n
}

// listen hears every event, whatever is late.
func (w *world) listen() {
	w.t.Helper()
	for range 10 {
		w.hear()
		w.clock.Advance(6 * time.Second)
	}
	w.must(w.s[0].Settle(context.Background()))
}

// checkLedger holds the ledger against the phones: nobody has anything twice, and every message on a phone, and every consent
// that the platform used up, is spent here or in doubt.
func (w *world) checkLedger(announcements, people []int64) {
	w.t.Helper()
	w.wantEveryone(announcements, people)
	w.wantNothingTwice(people)
	// In this order, for somebody may be about to die: what was used by now is under way, then in doubt or spent.
	before := w.platform.ConsentsUsed()
	var flights int64
	w.must(w.read().Model(&model.Flight{}).Count(&flights).Error)
	doubtful, spent := w.countConsents(model.ConsentDoubtful), w.countConsents(model.ConsentSpent)
	if after := w.platform.ConsentsUsed(); spent > after || spent+doubtful+int(flights) < before {
		w.t.Fatalf("the platform used %d consents; here %d are spent, %d in doubt, %d under way", after, spent, doubtful, flights)
	}
}

// wantNothingTwice: no phone has two messages about one thing.
func (w *world) wantNothingTwice(people []int64) {
	w.t.Helper()
	for _, id := range people {
		got := map[string]bool{}
		for _, m := range w.platform.Inbox(openID(id)) {
			if got[m.Page] {
				w.t.Fatalf("%d has %s twice", id, m.Page)
			}
			got[m.Page] = true
		}
	}
}

// wantEveryone: everyone has a line in the inbox of each announcement, once.
func (w *world) wantEveryone(announcements, people []int64) {
	w.t.Helper()
	for _, a := range announcements {
		var n int64
		w.must(w.read().Model(&model.Delivery{}).Where("announcement_id = ? AND member_id IN ?", a, people).Count(&n).Error)
		if n != int64(len(people)) {
			w.t.Fatalf("%d of %d have it in the inbox", n, len(people))
		}
	}
}

// checkSettled holds the ledger against the platform's after the last event: as many are sent as arrived, and each person may
// be sent as many messages as the platform thinks, but for those in doubt. Of two messages to one person in the same second
// of which we heard no number, nobody can tell which one a report is about.
func (w *world) checkSettled(announcements, people []int64) {
	w.t.Helper()
	for _, id := range people {
		sent, unknown := 0, 0
		for _, a := range announcements {
			switch w.deliveryOf(a, id).State {
			case model.DeliverySent:
				sent++
			case model.DeliveryUnknown:
				unknown++
			}
		}
		if arrived := len(w.platform.Inbox(openID(id))); arrived != sent {
			w.t.Fatalf("%d are sent to %d, and %d arrived", sent, id, arrived)
		}
		var open, doubtful, left int64
		of := w.read().Model(&model.Consent{}).Where("openid = ?", openID(id)).Session(&gorm.Session{})
		w.must(of.Where("state = ?", model.ConsentOpen).Count(&open).Error)
		w.must(of.Where("state = ?", model.ConsentDoubtful).Count(&doubtful).Error)
		for _, t := range []string{forAnnouncement, forStudy} {
			left += int64(w.platform.Consents(openID(id), t))
		}
		if int(doubtful) != unknown || left != open+doubtful {
			w.t.Fatalf("%d open and %d in doubt of %d messages, and the platform has %d", open, doubtful, unknown, left)
		}
	}
	if used, spent := w.platform.ConsentsUsed(), w.countConsents(model.ConsentSpent); used != spent {
		w.t.Fatalf("%d consents are spent, and the platform used %d", spent, used)
	}
}

// countConsents counts the consents of one-time templates in the state.
func (w *world) countConsents(state model.ConsentState) int {
	w.t.Helper()
	var n int64
	w.must(w.read().Model(&model.Consent{}).Where("id > ? AND state = ? AND long_term = 0", w.since, state).Count(&n).Error)
	return int(n)
}
