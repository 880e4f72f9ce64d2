package push_test

import (
	"context"
	"errors"
	"fmt"
	"sync"
	"testing"
	"time"

	"gorm.io/gorm"

	"zhibu/model"
	"zhibu/service/push"
)

// TestPublishInChunks: an announcement to many is published chunk by chunk, also by several instances at once, also after one
// broke off half-way; everyone has it once, whoever is on the roster twice, too.
func TestPublishInChunks(t *testing.T) {
	each(t, "2026-03-02 09:00", func(t *testing.T, w *world) {
		for _, many := range []int{0, 1, 9, 10, 11, 37, 40} {
			clear := w.enrol("二支部", many)
			if many > 5 { // in the League as well
				both := model.Membership{
					ID: model.NewID(), MemberID: clear[3], UnitID: w.units["团支部"].ID, Track: model.League, Kind: model.LeagueMember,
					State: model.Active, Category: model.InService, StartedOn: "2020-01-01", EndedOn: model.Forever,
				}
				w.add(&both)
			}
			for _, s := range w.s {
				s.SetPublishing(10, -1)
			}
			a := w.announce("机关党委")
			if int(a.Recipients) != many || a.State(w.now()) != model.AnnouncementPublishing {
				t.Fatalf("%d: %+v", many, a)
			}
			if n := len(w.counts(a.ID)); n != 0 {
				t.Fatalf("%d are there at once", n)
			}
			ctx, cancel := context.WithCancel(t.Context())
			cancel()
			if err := w.s[0].Publish(ctx); !errors.Is(err, context.Canceled) {
				t.Fatalf("%v", err)
			}
			w.noErrors(atOnce(6, func(i int) error { return w.s[i%2].Publish(context.Background()) }))
			want := map[model.DeliveryState]int{}
			if many > 0 {
				want[model.DeliveryQueued] = many
			}
			w.wantCounts(a.ID, want)
			now, err := w.s[1].Look(t.Context(), chief(), a.ID)
			if err != nil || now.State(w.now()) != model.AnnouncementPublished || int(now.Recipients) != many {
				t.Fatalf("%+v, %v", now, err)
			}
			w.write(func(tx *gorm.DB) error {
				return tx.Model(&model.Membership{}).Where("member_id IN ?", append(clear, 0)).Update("state", model.Suspended).Error
			})
			w.write(deleteDue)
		}
	})
}

// TestPublishGoesOn takes up what an instance has begun that died after its first chunk.
func TestPublishGoesOn(t *testing.T) {
	each(t, "2026-03-02 09:00", func(t *testing.T, w *world) {
		ids := w.enrol("二支部", 25)
		w.s[0].SetPublishing(10, -1)
		a := w.announce("二支部").ID
		w.write(func(tx *gorm.DB) error {
			for _, id := range ids[:10] {
				d := model.Announcement{ID: a, Purpose: model.PurposeAnnouncement}.DeliveryTo(id, w.units["二支部"].ID, w.now())
				if err := tx.Create(&d).Error; err != nil {
					return err
				}
			}
			return tx.Model(&model.Announcement{}).Where("id = ?", a).Update("published_to", ids[9]).Error
		})
		w.must(w.s[1].Publish(t.Context()))
		w.wantCounts(a, map[model.DeliveryState]int{model.DeliveryQueued: 25})
	})
}

// TestRecallWhilePublishing: whoever comes first, nothing is left to be sent.
func TestRecallWhilePublishing(t *testing.T) {
	each(t, "2026-03-02 09:00", func(t *testing.T, w *world) {
		w.accept(forAnnouncement, 1, w.enrol("二支部", 60)...)
		for _, s := range w.s {
			s.SetPublishing(7, -1)
		}
		for range 5 {
			a := w.announce("二支部").ID
			w.noErrors(atOnce(4, func(i int) error {
				switch i {
				case 0:
					_, err := w.s[0].Recall(context.Background(), chief(), a, "发错了")
					return err
				case 1:
					return w.s[1].SendDue(context.Background())
				}
				return w.s[i%2].Publish(context.Background())
			}))
			w.must(w.s[0].Publish(t.Context()))
			w.send()
			n := w.counts(a)
			if n[model.DeliveryQueued] > 0 {
				t.Fatalf("%v", n)
			}
			look, err := w.s[0].Look(t.Context(), chief(), a)
			total := 0
			for _, m := range n {
				total += m
			}
			if err != nil || int(look.Recipients) != total || look.State(w.now()) != model.AnnouncementRecalled {
				t.Fatalf("%+v, %v, of %d", look, err, total)
			}
		}
	})
}

// TestOneKeyIsOneAnnouncement: the same request many times at once is one announcement, and the same key with another
// request is refused.
func TestOneKeyIsOneAnnouncement(t *testing.T) {
	each(t, "2026-03-02 09:00", func(t *testing.T, w *world) {
		w.enrol("二支部", 5)
		plan := push.Plan{UnitID: w.units["二支部"].ID, Title: "通知", Body: "内容"}
		var answers [20]push.Announced
		w.noErrors(atOnce(len(answers), func(i int) (err error) {
			answers[i], err = w.s[i%2].Announce(context.Background(), chief(), plan, model.Once{Key: "k", Digest: "a"})
			return err
		}))
		for _, a := range answers {
			if a.ID != answers[0].ID || a.Recipients != 5 {
				t.Errorf("%+v and %+v", a, answers[0])
			}
		}
		var made int64
		w.must(w.read().Model(&model.Announcement{}).Count(&made).Error)
		if made != 1 {
			t.Errorf("%d announcements", made)
		}
		w.wantCounts(answers[0].ID, map[model.DeliveryState]int{model.DeliveryQueued: 5})
		if _, err := w.s[0].Announce(t.Context(), chief(), plan, model.Once{Key: "k", Digest: "b"}); !errors.Is(err, model.ErrKeyReused) {
			t.Errorf("another request: %v", err)
		}
		w.clock.Advance(48 * time.Hour)
		again, err := w.s[0].Announce(t.Context(), chief(), plan, model.Once{Key: "k", Digest: "a"})
		if err != nil || again.ID != answers[0].ID {
			t.Errorf("%+v, %v", again, err)
		}
	})
}

// TestLater: what is for later is published then, to the roster of then, and not before.
func TestLater(t *testing.T) {
	each(t, "2026-03-02 09:00", func(t *testing.T, w *world) {
		w.enrol("二支部", 2)
		at := w.now().Add(26 * time.Hour)
		a := w.announce("二支部", func(p *push.Plan) { p.SendAt = at }).ID
		w.enrol("二支部", 1)
		w.clock.Set(at.Time().Add(-time.Millisecond))
		w.must(w.s[0].Publish(t.Context()))
		w.wantCounts(a, map[model.DeliveryState]int{})
		w.clock.Advance(time.Millisecond)
		w.must(w.s[0].Publish(t.Context()))
		w.wantCounts(a, map[model.DeliveryState]int{model.DeliveryQueued: 3})
	})
}

// TestForecastIsTrue: what the forecast says is what happens, and both add up.
func TestForecastIsTrue(t *testing.T) {
	each(t, "2026-03-02 09:00", func(t *testing.T, w *world) {
		ids := append(w.enrol("一支部", 10), w.enrol("一组", 4)...)
		w.enrol("团支部", 3)
		w.write(func(tx *gorm.DB) error {
			return tx.Model(&model.Binding{}).Where("member_id IN ?", ids[8:11]).Update("unbound_at", 1).Error
		})
		w.accept(forAnnouncement, 1, ids[:5]...)
		w.accept(forStudy, 1, ids[5:7]...)
		for _, c := range []struct {
			plan push.Plan
			want string
		}{
			{push.Plan{}, "17 5 12 map[no_consent:9 not_bound:3]"},
			{push.Plan{Template: "study"}, "17 2 15 map[no_consent:12 not_bound:3]"},
			{push.Plan{Track: model.League}, "3 0 3 map[no_consent:3]"},
			{push.Plan{AudienceUnitIDs: []int64{w.units["一组"].ID}}, "4 0 4 map[no_consent:3 not_bound:1]"},
			{push.Plan{Template: "none"}, "17 0 17 map[inbox_only:17]"},
		} {
			c.plan.UnitID, c.plan.Title, c.plan.Body = w.units["一支部"].ID, "通知", "内容"
			f, err := w.s[0].Forecast(t.Context(), chief(), c.plan)
			w.must(err)
			reasons := map[string]int64{}
			for _, r := range f.Reasons {
				reasons[r.Reason] = r.Count
			}
			if got := fmt.Sprint(f.Recipients, f.WeChat, f.InboxOnly, reasons); got != c.want {
				t.Errorf("%+v: %s, want %s", c.plan, got, c.want)
			}
			a, err := w.s[0].Announce(t.Context(), chief(), c.plan, model.Once{})
			w.must(err)
			w.send()
			n := w.counts(a.ID)
			if a.Recipients != f.Recipients || int64(n[model.DeliverySent]) != f.WeChat || int64(n[model.DeliveryNoGrant]+n[model.DeliveryInbox]) != f.InboxOnly {
				t.Errorf("forecast %+v, and then %v", f, n)
			}
			w.regrant(ids[:5], forAnnouncement)
			w.regrant(ids[5:7], forStudy)
		}
	})
}

// regrant gives those who have no open consent one.
func (w *world) regrant(members []int64, templateID string) {
	w.t.Helper()
	for _, id := range members {
		grants, err := w.s[0].Grants(context.Background(), self(id))
		w.must(err)
		if grants[templateID] == 0 {
			w.accept(templateID, 1, id)
		}
	}
}

// TestTextCheck: the platform's verdict decides about what a member writes on the phone; when it cannot answer another officer
// does, and only then it is published.
func TestTextCheck(t *testing.T) {
	each(t, "2026-03-02 09:00", func(t *testing.T, w *world) {
		ids := w.enrol("一支部", 3)
		author, other := w.secretary("一支部", ids[0]), w.secretary("一支部", ids[1])
		plan := push.Plan{UnitID: w.units["一支部"].ID, Title: "通知", Body: "内容"}
		ctx := t.Context()
		a, err := w.s[0].Announce(ctx, author, plan, model.Once{}) // he has not opened the mini program: 61010
		if err != nil || a.State(w.now()) != model.AnnouncementWaiting {
			t.Fatalf("%+v, %v", a, err)
		}
		w.must(w.s[0].Publish(ctx))
		w.wantCounts(a.ID, map[model.DeliveryState]int{})
		if _, err := w.s[0].Decide(ctx, author, a.ID, true, ""); !errors.Is(err, model.ErrOwnRecord) {
			t.Errorf("his own: %v", err)
		}
		if _, err := w.s[0].Decide(ctx, self(ids[2]), a.ID, true, ""); !errors.Is(err, model.ErrNotFound) {
			t.Errorf("no officer: %v", err)
		}
		w.clock.Advance(48 * time.Hour)
		w.noErrors(atOnce(6, func(i int) error {
			_, err := w.s[i%2].Decide(context.Background(), other, a.ID, true, "可以")
			return err
		}))
		w.wantCounts(a.ID, map[model.DeliveryState]int{model.DeliveryQueued: 3})
		if _, err := w.s[0].Decide(ctx, other, a.ID, false, ""); code(err) != "announcement_decided" {
			t.Errorf("the other way: %v", err)
		}
		b, err := w.s[0].Announce(ctx, author, plan, model.Once{})
		w.must(err)
		refused, err := w.s[0].Decide(ctx, other, b.ID, false, "不妥")
		if err != nil || refused.State(w.now()) != model.AnnouncementRefused {
			t.Errorf("%+v, %v", refused, err)
		}
		w.must(w.s[0].Publish(ctx))
		w.wantCounts(b.ID, map[model.DeliveryState]int{})

		_, err = w.client(0).Login(ctx, w.platform.LoginCode(author.OpenID)) // now he has
		w.must(err)
		plan.Body = "特3456书yuuo莞6543李zxcz蒜7782法fgnv级"
		if _, err := w.s[0].Announce(ctx, author, plan, model.Once{}); !errors.Is(err, push.ErrTextRisky) {
			t.Errorf("risky: %v", err)
		}
		plan.Body = "内容"
		c, err := w.s[0].Announce(ctx, author, plan, model.Once{})
		if err != nil || c.State(w.now()) != model.AnnouncementPublished {
			t.Errorf("%+v, %v", c, err)
		}
		w.wantCleanLog()
	})
}

// TestNudge reminds those who have not completed, once under a key however many ask at once.
func TestNudge(t *testing.T) {
	each(t, "2026-03-02 09:00", func(t *testing.T, w *world) {
		ids := w.enrol("团支部", 5)
		p := w.period("团支部", w.now(), w.now().Add(6*24*time.Hour))
		w.complete(p, ids[:2]...)
		var answers [10]push.Announced
		var mu sync.Mutex
		w.noErrors(atOnce(len(answers), func(i int) error {
			a, err := w.s[i%2].Nudge(context.Background(), chief(), p, 0, model.Once{Key: "k", Digest: "a"})
			mu.Lock()
			defer mu.Unlock()
			answers[i] = a
			return err
		}))
		for _, a := range answers {
			if a.ID != answers[0].ID || a.Recipients != 3 {
				t.Errorf("%+v", a)
			}
		}
		w.wantCounts(answers[0].ID, map[model.DeliveryState]int{model.DeliveryQueued: 3})
		w.clock.Advance(7 * 24 * time.Hour)
		if _, err := w.s[0].Nudge(t.Context(), chief(), p, 0, model.Once{}); !errors.Is(err, push.ErrOver) {
			t.Errorf("%v", err)
		}
	})
}
