package push_test

import (
	"context"
	"errors"
	"runtime"
	"strings"
	"sync"
	"testing"
	"time"

	"gorm.io/gorm"

	"zhibu/model"
	"zhibu/service/push"
	"zhibu/service/wechat/sim"
)

// slow is a platform whose messages wait, each, until somebody lets them go on.
type slow struct {
	push.Platform
	begun chan struct{} // one for each message that has set out
	pass  chan struct{} // one for each that may go on
}

func newSlow(p push.Platform) *slow {
	return &slow{Platform: p, begun: make(chan struct{}, 1000), pass: make(chan struct{}, 1000)}
}

func (s *slow) Send(ctx context.Context, m model.PushMessage) (string, error) {
	s.begun <- struct{}{}
	<-s.pass
	return s.Platform.Send(ctx, m)
}

// TestLostAndFound: an instance is taken for dead and is not. What it sent is not sent again, its late word changes nothing,
// and it touches no flight of another; the platform's report puts it right.
func TestLostAndFound(t *testing.T) {
	each(t, "2026-03-02 09:00", func(t *testing.T, w *world) {
		ids := w.enrol("一支部", 2)
		w.accept(forAnnouncement, 1, ids...)
		w.accept(forStudy, 1, ids...)
		stalled := newSlow(w.client(0))
		s := w.instance(stalled)
		a := w.announce("一支部").ID
		var wg sync.WaitGroup
		wg.Go(func() { w.must(s.SendDue(context.Background())) })
		<-stalled.begun
		<-stalled.begun
		b := w.announced(w.notify(model.PurposeStudy, "一支部", ids...))
		w.send()
		w.wantCounts(b, map[model.DeliveryState]int{model.DeliveryQueued: 2}) // one at a time to a person
		w.clock.Advance(push.Lease - time.Millisecond)
		w.must(w.s[0].Recover(t.Context()))
		w.wantCounts(a, map[model.DeliveryState]int{model.DeliveryQueued: 2})
		w.clock.Advance(time.Millisecond)
		w.must(w.s[0].Recover(t.Context()))
		w.wantCounts(a, map[model.DeliveryState]int{model.DeliveryUnknown: 2})
		if d := w.deliveryOf(a, ids[0]); d.Reason != model.ReasonLost || d.Attempts != 1 {
			t.Errorf("%+v", d)
		}
		w.wantConsents(openID(ids[0]), forAnnouncement, "doubtful")

		other := newSlow(w.client(0)) // sends them something else while the first one comes back
		wg.Go(func() { w.must(w.instance(other).SendDue(context.Background())) })
		<-other.begun
		<-other.begun
		stalled.pass <- struct{}{}
		stalled.pass <- struct{}{}
		for w.platform.Received() < 2 {
			runtime.Gosched()
		}
		var flights int64
		for range 20 {
			w.must(w.read().Model(&model.Flight{}).Count(&flights).Error)
			if flights != 2 {
				t.Fatalf("%d flights", flights)
			}
		}
		other.pass <- struct{}{}
		other.pass <- struct{}{}
		wg.Wait()
		w.wantCounts(a, map[model.DeliveryState]int{model.DeliveryUnknown: 2})
		w.wantCounts(b, map[model.DeliveryState]int{model.DeliverySent: 2})
		w.hear()
		w.wantCounts(a, map[model.DeliveryState]int{model.DeliverySent: 2})
		w.wantConsents(openID(ids[0]), forAnnouncement, "spent")
		w.wantNothingTwice(ids)
	})
}

// TestNoPlaceInTime: with few places a message may wait so long that it would be taken for lost on its way; it is not sent
// then, and comes again.
func TestNoPlaceInTime(t *testing.T) {
	each(t, "2026-03-02 09:00", func(t *testing.T, w *world) {
		ids := w.enrol("一支部", 2)
		w.accept(forAnnouncement, 1, ids...)
		w.config.InFlight = 1
		stalled := newSlow(w.client(0))
		s := w.instance(stalled)
		a := w.announce("一支部").ID
		var wg sync.WaitGroup
		for range 2 {
			wg.Go(func() { w.must(s.SendDue(context.Background())) })
		}
		<-stalled.begun
		for flights := int64(0); flights < 2; { // until the other one waits for its place
			w.must(w.read().Model(&model.Flight{}).Count(&flights).Error)
		}
		w.clock.Advance(push.Lease - 10*time.Second)
		close(stalled.pass)
		wg.Wait()
		w.wantCounts(a, map[model.DeliveryState]int{model.DeliverySent: 1, model.DeliveryQueued: 1})
		w.clock.Advance(3 * time.Second)
		w.send()
		w.wantCounts(a, map[model.DeliveryState]int{model.DeliverySent: 2})
		if d := w.deliveryOf(a, ids[0]); d.Attempts != 1 {
			t.Errorf("%+v", d)
		}
	})
}

// TestAnothersWeChat: a WeChat goes over to another member while a message to the first is under way; the two are one person
// for the platform, so the second waits, and keeps nobody else waiting.
func TestAnothersWeChat(t *testing.T) {
	each(t, "2026-03-02 09:00", func(t *testing.T, w *world) {
		ids := w.enrol("一支部", 3)
		from, to, else_ := ids[0], ids[1], ids[2]
		w.accept(forAnnouncement, 2, from, else_)
		stalled := newSlow(w.client(0))
		s := w.instance(stalled)
		w.notify(model.PurposeAnnouncement, "一支部", from)
		var wg sync.WaitGroup
		wg.Go(func() { w.must(s.SendDue(context.Background())) })
		<-stalled.begun
		w.rebind(from, "")
		w.rebind(to, openID(from))
		a := w.announced(w.notify(model.PurposeAnnouncement, "一支部", to, else_))
		w.send()
		if d, e := w.deliveryOf(a, to), w.deliveryOf(a, else_); d.State != model.DeliveryQueued || e.State != model.DeliverySent {
			t.Errorf("%+v, %+v", d, e)
		}
		close(stalled.pass) // it goes on with what is due by then
		wg.Wait()
		w.send()
		if d := w.deliveryOf(a, to); d.State != model.DeliverySent {
			t.Errorf("%+v", d)
		}
		if n := w.wire.answered(43108); n != 0 {
			t.Errorf("%d times two messages to one person were under way", n)
		}
	})
}

// rebind gives the member another WeChat; none takes his away.
func (w *world) rebind(memberID int64, openID string) {
	w.t.Helper()
	w.clock.Advance(time.Millisecond) // no two ends at once
	w.write(func(tx *gorm.DB) error {
		err := tx.Model(&model.Binding{}).Where("unbound_at = 0 AND (member_id = ? OR openid = ?)", memberID, openID).Update("unbound_at", w.now()).Error
		if err != nil || openID == "" {
			return err
		}
		return tx.Create(&model.Binding{ID: model.NewID(), OpenID: openID, MemberID: memberID, Method: "invite", BoundAt: w.now()}).Error
	})
}

// TestRunFinishes: a server that stops finishes what it has begun, and leaves nothing behind.
func TestRunFinishes(t *testing.T) {
	each(t, "2026-03-02 09:00", func(t *testing.T, w *world) {
		ids := w.enrol("一支部", 5)
		w.accept(forAnnouncement, 1, ids...)
		stalled := newSlow(w.client(0))
		s := w.instance(stalled)
		a := w.announce("一支部").ID
		ctx, cancel := context.WithCancel(context.Background())
		done := make(chan error)
		go func() { done <- s.Run(ctx) }()
		for range ids {
			<-stalled.begun
		}
		cancel()
		select {
		case <-done:
			t.Fatal("it stopped with messages under way")
		default:
		}
		for range ids {
			stalled.pass <- struct{}{}
		}
		w.must(<-done)
		w.wantCounts(a, map[model.DeliveryState]int{model.DeliverySent: 5})
		stacks := make([]byte, 1<<16)
		stacks = stacks[:runtime.Stack(stacks, true)]
		if n := strings.Count(string(stacks), "zhibu/service/push."); n > 0 {
			t.Errorf("goroutines are left:\n%s", stacks)
		}
	})
}

// TestStoppedAtTheDoor: with a context that has ended nothing is claimed.
func TestStoppedAtTheDoor(t *testing.T) {
	each(t, "2026-03-02 09:00", func(t *testing.T, w *world) {
		w.accept(forAnnouncement, 1, w.enrol("一支部", 1)...)
		a := w.announce("一支部").ID
		ctx, cancel := context.WithCancel(t.Context())
		cancel()
		if err := w.s[0].SendDue(ctx); !errors.Is(err, context.Canceled) {
			t.Errorf("%v", err)
		}
		w.wantCounts(a, map[model.DeliveryState]int{model.DeliveryQueued: 1})
	})
}

// TestRate: no instance sends more than it may.
func TestRate(t *testing.T) {
	each(t, "2026-03-02 09:00", func(t *testing.T, w *world) {
		w.config.PerSecond = 7
		ids := w.enrol("一支部", 30)
		w.accept(forAnnouncement, 1, ids...)
		w.announce("一支部")
		s := w.instance(w.client(0))
		for i, want := range []int{7, 7, 10, 14, 21} {
			if i > 0 {
				w.clock.Advance([]time.Duration{0, time.Millisecond, 500 * time.Millisecond, 500 * time.Millisecond, time.Hour}[i])
			}
			w.must(s.SendDue(t.Context()))
			if n := w.platform.Received(); n != want {
				t.Errorf("%d messages, want %d", n, want)
			}
		}
	})
}

// TestRecall takes an announcement back while messages are under way: who has one keeps it, nobody else gets one, and what is
// refused meanwhile is not tried again.
func TestRecall(t *testing.T) {
	each(t, "2026-03-02 09:00", func(t *testing.T, w *world) {
		ids := w.enrol("一支部", 12)
		w.accept(forAnnouncement, 1, ids...)
		w.config.PerSecond = 8
		stalled := newSlow(w.client(0))
		s := w.instance(stalled)
		a := w.announce("一支部").ID
		w.must(w.platform.Fail(sim.Fault{Endpoint: sendPath, Errcode: -1, Times: 3}))
		var wg sync.WaitGroup
		wg.Go(func() { w.must(s.SendDue(context.Background())) })
		for range 8 {
			<-stalled.begun
		}
		recalled, err := w.s[1].Recall(t.Context(), chief(), a, "发错了")
		w.must(err)
		if recalled.Recipients != 12 || recalled.State(w.now()) != model.AnnouncementRecalled {
			t.Errorf("%+v", recalled)
		}
		for range 8 {
			stalled.pass <- struct{}{}
		}
		wg.Wait()
		w.clock.Advance(time.Hour)
		w.send()
		w.wantCounts(a, map[model.DeliveryState]int{model.DeliverySent: 5, model.DeliveryRecalled: 7})
		if n := w.platform.Received(); n != 5 {
			t.Errorf("%d messages", n)
		}
		again, err := w.s[0].Recall(t.Context(), chief(), a, "再发错")
		if err != nil || again.RecallReason != "发错了" {
			t.Errorf("%+v, %v", again, err)
		}
		page, _, err := w.s[0].Inbox(t.Context(), self(ids[0]), false, 10, "")
		if err != nil || len(page) != 1 || page[0].Title == "" || page[0].Body != "" {
			t.Errorf("%+v, %v", page, err)
		}
		open := 0
		for _, id := range ids {
			if w.consents(openID(id), forAnnouncement) == "open" {
				open++
			}
		}
		if open != 7 {
			t.Errorf("%d consents are open", open)
		}
	})
}

// TestLostAndTakenBack: an instance dies with a message under way, and the person takes back what it was sent with. The consent
// is in doubt all the same, the report finds it, and what was given since stays.
func TestLostAndTakenBack(t *testing.T) {
	each(t, "2026-03-02 09:00", func(t *testing.T, w *world) {
		id := w.enrol("一支部", 1)[0]
		w.accept(forAnnouncement, 1, id)
		m := newMortal(w.client(0), 0) // its first message arrives, and nothing comes back
		a := w.announce("一支部").ID
		var wg sync.WaitGroup
		s := w.instance(m)
		wg.Go(func() { w.must(s.SendDue(context.Background())) })
		<-m.dead
		w.clock.Advance(2 * time.Second)
		w.must(w.learn(0, model.PlatformEvent{
			Key: "back", Name: "subscribe_msg_change_event", OpenID: openID(id), At: w.now(), Consents: []model.ConsentReport{{TemplateID: forAnnouncement}},
		}))
		w.clock.Advance(2 * time.Second)
		w.must(w.platform.Subscribe(openID(id), forAnnouncement, true))
		w.hear() // also of the message, whose report waits for it
		w.clock.Advance(push.Lease)
		w.must(w.s[0].Recover(t.Context()))
		w.wantConsents(openID(id), forAnnouncement, "doubtful open")
		w.must(w.s[0].Settle(t.Context()))
		w.wantConsents(openID(id), forAnnouncement, "spent open")
		w.wantCounts(a, map[model.DeliveryState]int{model.DeliverySent: 1})
		close(m.gone)
		wg.Wait()
		w.wantConsents(openID(id), forAnnouncement, "spent open")
	})
}
