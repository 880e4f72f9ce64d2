package push_test

import (
	"context"
	"fmt"
	"sync"
	"testing"
	"time"

	"gorm.io/gorm"

	"zhibu/model"
	"zhibu/service/push"
	"zhibu/service/wechat/sim"
)

// sentEvent is what the platform reports of a message.
func (w *world) sentEvent(memberID int64, key, templateID, msgID string, delivered bool) model.PlatformEvent {
	return model.PlatformEvent{
		Key: key, Name: "subscribe_msg_sent_event", OpenID: openID(memberID), At: w.now() / 1000 * 1000, // to the second
		Sent: []model.SentReport{{TemplateID: templateID, MsgID: msgID, Delivered: delivered, Status: "success"}},
	}
}

// TestReportBeforeTheResult: the platform reports a message before we have written down that it was sent.
func TestReportBeforeTheResult(t *testing.T) {
	each(t, "2026-03-02 09:00", func(t *testing.T, w *world) {
		id := w.enrol("一支部", 1)[0]
		w.accept(forAnnouncement, 1, id)
		p := &telling{Platform: w.client(0), w: w}
		a := w.announce("一支部").ID
		w.must(w.platform.Fail(faultOf(sendPath, "truncate")))
		w.must(w.instance(p).SendDue(t.Context()))
		w.wantCounts(a, map[model.DeliveryState]int{model.DeliveryUnknown: 1})
		w.must(w.s[0].Settle(t.Context())) // it waits a moment
		w.wantCounts(a, map[model.DeliveryState]int{model.DeliveryUnknown: 1})
		w.clock.Advance(5 * time.Second)
		w.must(w.s[0].Settle(t.Context()))
		d := w.deliveryOf(a, id)
		if d.State != model.DeliverySent || d.Reason != "" || d.MsgID != w.platform.Inbox(openID(id))[0].MsgID || d.SentAt != d.TriedAt {
			t.Errorf("%+v", d)
		}
		w.wantConsents(openID(id), forAnnouncement, "spent")
	})
}

// telling is a platform that reports a message before its answer is there.
type telling struct {
	push.Platform
	w *world
}

func (p *telling) Send(ctx context.Context, m model.PushMessage) (string, error) {
	id, err := p.Platform.Send(ctx, m)
	p.w.platform.DeliverDue(ctx)
	if err := p.w.s[0].Settle(ctx); err != nil {
		return "", err
	}
	return id, err
}

// TestUnknownIsSettledByTime: of several messages in doubt a report is about the last that had set out by then, in whatever
// order the reports come, and never about one with a number of its own.
func TestUnknownIsSettledByTime(t *testing.T) {
	each(t, "2026-03-02 09:00", func(t *testing.T, w *world) {
		id := w.enrol("一支部", 1)[0]
		w.accept(forAnnouncement, 4, id)
		w.accept(forStudy, 1, id)
		var said []int64
		var reports []model.PlatformEvent
		for i, fault := range []string{"truncate", "reset", "", "truncate", "study"} {
			w.clock.Advance(1500 * time.Millisecond)
			switch fault {
			case "":
			case "study":
				w.must(w.platform.Fail(faultOf(sendPath, "reset")))
			default:
				w.must(w.platform.Fail(faultOf(sendPath, fault)))
			}
			if fault == "study" {
				said = append(said, w.announced(w.notify(model.PurposeStudy, "一支部", id)))
			} else {
				said = append(said, w.announced(w.notify(model.PurposeAnnouncement, "一支部", id)))
			}
			w.send()
			if fault == "truncate" || fault == "" {
				inbox := w.platform.Inbox(openID(id))
				reports = append(reports, w.sentEvent(id, fmt.Sprint("e", i), forAnnouncement, inbox[len(inbox)-1].MsgID, true))
			}
		}
		for _, i := range []int{2, 0, 1, 0, 2} {
			w.must(w.learn(i, reports[i]))
		}
		for i, want := range []model.DeliveryState{
			model.DeliverySent, model.DeliveryUnknown, model.DeliverySent, model.DeliverySent, model.DeliveryUnknown,
		} {
			if d := w.deliveryOf(said[i], id); d.State != want {
				t.Errorf("message %d: %+v, want %s", i, d, want)
			}
		}
		w.wantConsents(openID(id), forAnnouncement, "spent doubtful spent spent")
	})
}

// TestNoNumbers: the platform gives no msgid with its answer, and a report still finds its message.
func TestNoNumbers(t *testing.T) {
	each(t, "2026-03-02 09:00", func(t *testing.T, w *world) {
		id := w.enrol("一支部", 1)[0]
		w.accept(forAnnouncement, 2, id)
		unknown := w.announce("一支部").ID
		w.must(w.platform.Fail(faultOf(sendPath, "reset")))
		w.send()
		w.clock.Advance(2 * time.Second)
		sent := w.announce("一支部").ID
		w.must(w.instance(noNumbers{w.client(0)}).SendDue(t.Context()))
		w.must(w.learn(0, w.sentEvent(id, "a", forAnnouncement, "7000", true)))
		if d, e := w.deliveryOf(unknown, id), w.deliveryOf(sent, id); d.State != model.DeliveryUnknown || e.State != model.DeliverySent || e.MsgID != "7000" {
			t.Errorf("%+v, %+v", d, e)
		}
		w.must(w.learn(0, w.sentEvent(id, "b", forAnnouncement, "7000", false))) // and then it was not
		if e := w.deliveryOf(sent, id); e.State != model.DeliveryFailed {
			t.Errorf("%+v", e)
		}
	})
}

type noNumbers struct{ push.Platform }

func (p noNumbers) Send(ctx context.Context, m model.PushMessage) (string, error) {
	_, err := p.Platform.Send(ctx, m)
	return "", err
}

// TestItFailedAfterAll: the platform took the message, and it never arrived. The consent is used up, and nothing is sent again.
func TestItFailedAfterAll(t *testing.T) {
	each(t, "2026-03-02 09:00", func(t *testing.T, w *world) {
		id := w.enrol("一支部", 1)[0]
		w.accept(forAnnouncement, 2, id)
		for i, fault := range []sim.Fault{{AsyncFailure: true}, {AsyncFailure: true, Truncate: true}} {
			fault.Endpoint = sendPath
			w.must(w.platform.Fail(fault))
			a := w.announce("一支部").ID
			w.send()
			w.wantCounts(a, map[model.DeliveryState]int{[]model.DeliveryState{model.DeliverySent, model.DeliveryUnknown}[i]: 1})
			w.hear()
			if d := w.deliveryOf(a, id); d.State != model.DeliveryFailed || d.Reason != model.ReasonPlatform {
				t.Errorf("%+v", d)
			}
			w.clock.Advance(time.Hour)
		}
		w.send()
		w.wantConsents(openID(id), forAnnouncement, "spent spent")
		if used := w.platform.ConsentsUsed(); used != 2 || w.platform.Received() != 0 {
			t.Errorf("%d used, %d received", used, w.platform.Received())
		}
	})
}

// TestStrangeEvents: those of people and templates that nobody knows change nothing, and keep nothing else waiting.
func TestStrangeEvents(t *testing.T) {
	each(t, "2026-03-02 09:00", func(t *testing.T, w *world) {
		id := w.enrol("一支部", 1)[0]
		w.accept(forAnnouncement, 1, id)
		w.announce("一支部")
		w.send()
		before := w.last(id)
		for i, e := range []model.PlatformEvent{
			{Key: "a", Name: "user_enter_tempsession", OpenID: openID(id), At: w.now()},
			{Key: "b", Name: "debug_demo", At: w.now()},
			w.sentEvent(404, "c", forAnnouncement, "1", true),
			w.sentEvent(id, "d", "TEMPLATE-of-others", "1", false),
			w.sentEvent(id, "e", forAnnouncement, "12345", false), // of a message that we did not send
			w.popup(404, "f", "TEMPLATE-of-others"),
			w.popup(id, "g", "TEMPLATE-of-others"),
			{Key: "h", Name: "subscribe_msg_change_event", OpenID: openID(404), At: w.now(), Consents: []model.ConsentReport{{TemplateID: forAnnouncement}}},
			{Key: "i", Name: "subscribe_msg_popup_event", OpenID: openID(id), At: w.now(), Consents: []model.ConsentReport{{TemplateID: forAnnouncement}}},
		} {
			w.must(w.learn(i, e))
		}
		if after := w.last(id); after != before {
			t.Errorf("%+v, and before %+v", after, before)
		}
		w.wantConsents(openID(id), forAnnouncement, "spent")
		w.must(w.learn(0, w.popup(404, "j", forAnnouncement))) // whoever has given a consent before he binds keeps it
		w.wantConsents(openID(404), forAnnouncement, "open")
		var waiting int64
		w.must(w.read().Model(&model.PlatformEventRow{}).Where("settle_at > 0 OR reports <> ''").Count(&waiting).Error)
		if waiting != 0 {
			t.Errorf("%d events wait", waiting)
		}
	})
}

// TestAFloodOfRepetitions: a thousand of one event, at once and through several instances, are one.
func TestAFloodOfRepetitions(t *testing.T) {
	each(t, "2026-03-02 09:00", func(t *testing.T, w *world) {
		id := w.enrol("一支部", 1)[0]
		e := w.popup(id, "flood", forAnnouncement)
		var settling sync.WaitGroup
		for i := range 2 {
			settling.Go(func() {
				for range 20 {
					w.must(w.s[i].Settle(context.Background()))
				}
			})
		}
		w.noErrors(atOnce(1000, func(i int) error { return w.s[i%2].Accept(context.Background(), e) }))
		settling.Wait()
		w.must(w.s[0].Settle(t.Context()))
		w.wantConsents(openID(id), forAnnouncement, "open")
		var rows int64
		w.must(w.read().Model(&model.PlatformEventRow{}).Count(&rows).Error)
		if rows != 1 {
			t.Errorf("%d rows", rows)
		}
	})
}

// TestPurge removes what has served its time and nothing else.
func TestPurge(t *testing.T) {
	each(t, "2026-03-02 09:00", func(t *testing.T, w *world) {
		ids := w.enrol("一支部", 3)
		w.accept(forAnnouncement, 2, ids...)
		w.announce("一支部")
		w.send()
		w.hear()
		count := func(row any) (n int64) {
			w.must(w.read().Model(row).Count(&n).Error)
			return n
		}
		w.add(&model.Reminder{Cause: "x", FiredAt: w.now()})
		w.must(w.s[0].Purge(t.Context()))
		if e, c, r := count(&model.PlatformEventRow{}), count(&model.Consent{}), count(&model.Reminder{}); e != 9 || c != 6 || r != 1 {
			t.Errorf("%d events, %d consents, %d reminders", e, c, r)
		}
		w.clock.Advance(4 * 24 * time.Hour)
		w.must(w.s[0].Purge(t.Context()))
		if e, c, r := count(&model.PlatformEventRow{}), count(&model.Consent{}), count(&model.Reminder{}); e != 0 || c != 6 || r != 1 {
			t.Errorf("%d events, %d consents, %d reminders", e, c, r)
		}
		w.clock.Advance(500 * 24 * time.Hour)
		w.must(w.s[0].Purge(t.Context()))
		if c, r := count(&model.Consent{}), count(&model.Reminder{}); c != 3 || r != 0 {
			t.Errorf("%d consents, %d reminders", c, r)
		}
		w.wantConsents(openID(ids[0]), forAnnouncement, "open")
	})
}

// TestAReportIsOfOneMember: a WeChat went from one member to another, and both were sent the same announcement with it. A
// report is about one of the two messages.
func TestAReportIsOfOneMember(t *testing.T) {
	each(t, "2026-03-02 09:00", func(t *testing.T, w *world) {
		ids := w.enrol("一支部", 2)
		w.accept(forAnnouncement, 2, ids[0])
		w.rebind(ids[1], "")
		a := w.announced(w.notify(model.PurposeAnnouncement, "一支部", ids...))
		w.write(func(tx *gorm.DB) error { // the other one is to come later
			return tx.Model(&model.Delivery{}).Where("member_id = ?", ids[1]).Update("due_at", w.now().Add(time.Minute)).Error
		})
		w.must(w.platform.Fail(faultOf(sendPath, "truncate")))
		w.send()
		w.clock.Advance(time.Minute)
		w.rebind(ids[1], openID(ids[0]))
		w.must(w.platform.Fail(faultOf(sendPath, "reset")))
		w.send()
		w.wantCounts(a, map[model.DeliveryState]int{model.DeliveryUnknown: 2})
		w.hear()
		if d, e := w.deliveryOf(a, ids[0]), w.deliveryOf(a, ids[1]); d.State != model.DeliverySent || e.State != model.DeliveryUnknown {
			t.Errorf("%+v, %+v", d, e)
		}
		w.wantConsents(openID(ids[0]), forAnnouncement, "spent doubtful")
	})
}
