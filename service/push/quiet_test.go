package push_test

import (
	"fmt"
	"slices"
	"testing"
	"time"

	"gorm.io/gorm"

	"zhibu/model"
	"zhibu/service/push"
	"zhibu/service/wechat/sim"
)

func moment(at string) model.Instant {
	t, err := time.ParseInLocation("2006-01-02 15:04:05.000", at, model.Shanghai)
	if err != nil {
		panic(err)
	}
	return model.At(t)
}

func TestQuietUntil(t *testing.T) {
	for _, c := range []struct {
		from, to int
		at, want string // want empty: at once
	}{
		{22, 7, "2026-03-02 21:59:59.999", ""},
		{22, 7, "2026-03-02 22:00:00.000", "2026-03-03 07:00:00.000"},
		{22, 7, "2026-03-02 23:59:59.999", "2026-03-03 07:00:00.000"},
		{22, 7, "2026-03-03 00:00:00.000", "2026-03-03 07:00:00.000"},
		{22, 7, "2026-03-03 06:59:59.999", "2026-03-03 07:00:00.000"},
		{22, 7, "2026-03-03 07:00:00.000", ""},
		{22, 7, "2026-12-31 22:30:00.000", "2027-01-01 07:00:00.000"},
		{22, 7, "2028-02-28 23:00:00.000", "2028-02-29 07:00:00.000"},
		{12, 14, "2026-03-02 11:59:59.999", ""},
		{12, 14, "2026-03-02 12:00:00.000", "2026-03-02 14:00:00.000"},
		{12, 14, "2026-03-02 13:59:59.999", "2026-03-02 14:00:00.000"},
		{12, 14, "2026-03-02 14:00:00.000", ""},
		{0, 6, "2026-03-02 00:00:00.000", "2026-03-02 06:00:00.000"},
		{0, 6, "2026-03-01 23:59:59.999", ""},
		{22, 0, "2026-12-31 22:00:00.000", "2027-01-01 00:00:00.000"},
		{22, 0, "2027-01-01 00:00:00.000", ""},
		{23, 22, "2026-03-02 22:30:00.000", ""},
		{23, 22, "2026-03-02 23:00:00.000", "2026-03-03 22:00:00.000"},
		{7, 7, "2026-03-02 07:00:00.000", ""}, // equal hours are none
		{0, 0, "2026-03-02 03:00:00.000", ""},
	} {
		want := moment(c.at)
		if c.want != "" {
			want = moment(c.want)
		}
		a := model.Announcement{QuietFrom: c.from, QuietTo: c.to}
		if got := a.QuietUntil(moment(c.at)); got != want {
			t.Errorf("%d to %d at %s: until %s, want %s", c.from, c.to, c.at, got.Time(), want.Time())
		}
		if a.Urgent = true; a.QuietUntil(moment(c.at)) != moment(c.at) {
			t.Errorf("%d to %d at %s: what is urgent waits", c.from, c.to, c.at)
		}
	}
}

// set is a setting of the committee.
func (w *world) set(name model.SettingName, value string) {
	w.t.Helper()
	w.add(&model.Setting{ID: model.NewID(), UnitID: w.units["机关党委"].ID, Name: name, Value: value, EffectiveOn: "2020-01-01", SetBy: "account:1"})
}

// TestQuietHours: what is said at night goes out in the morning, what is urgent at once, and what was tried in the evening and
// comes back waits for the morning, too.
func TestQuietHours(t *testing.T) {
	each(t, "2026-03-02 23:00", func(t *testing.T, w *world) {
		ids := w.enrol("一支部", 2)
		w.accept(forAnnouncement, 3, ids...)
		calm := w.announce("一支部").ID
		urgent := w.announce("一支部", func(p *push.Plan) { p.Urgent = true }).ID
		w.send()
		w.wantCounts(calm, map[model.DeliveryState]int{model.DeliveryQueued: 2})
		w.wantCounts(urgent, map[model.DeliveryState]int{model.DeliverySent: 2})
		if d := w.deliveryOf(calm, ids[0]); d.DueAt != moment("2026-03-03 07:00:00.000") {
			t.Errorf("due at %s", d.DueAt.Time())
		}
		w.write(func(tx *gorm.DB) error {
			return tx.Model(&model.Delivery{}).Where("announcement_id = ?", calm).Update("due_at", w.now()).Error // as after another try
		})
		w.send()
		w.clock.Set(moment("2026-03-03 06:59:59.999").Time())
		w.send()
		w.wantCounts(calm, map[model.DeliveryState]int{model.DeliveryQueued: 2})
		w.clock.Advance(time.Millisecond)
		w.send()
		w.wantCounts(calm, map[model.DeliveryState]int{model.DeliverySent: 2})
	})
}

// TestDailyLimit: so many a day and no more, in Shanghai, but for what is urgent; the rest goes out the next morning.
func TestDailyLimit(t *testing.T) {
	each(t, "2026-03-02 09:00", func(t *testing.T, w *world) {
		w.set(model.SettingDailyLimit, "2")
		w.set(model.SettingQuietTo, "0")
		w.set(model.SettingQuietFrom, "0") // so that midnight itself counts
		id := w.enrol("一支部", 1)[0]
		w.accept(forAnnouncement, 10, id)
		w.must(w.platform.Fail(faultOf(sendPath, "truncate"))) // what may have arrived counts, too
		received := func(want int) {
			t.Helper()
			w.send()
			if n := len(w.platform.Inbox(openID(id))); n != want {
				t.Fatalf("%d messages, want %d", n, want)
			}
		}
		for range 5 {
			w.announce("一支部")
		}
		received(2)
		w.announce("一支部", func(p *push.Plan) { p.Urgent = true })
		received(3)
		w.clock.Set(moment("2026-03-02 23:59:59.999").Time())
		received(3)
		w.clock.Advance(time.Millisecond)
		received(5)
		w.clock.Set(moment("2026-03-03 23:59:59.999").Time())
		received(5)
		w.clock.Advance(time.Millisecond)
		received(6)
	})
}

// TestTooLate: a message that makes no sense any more is not sent, also when it waited for a pause or a template.
func TestTooLate(t *testing.T) {
	each(t, "2026-03-02 09:00", func(t *testing.T, w *world) {
		ids := w.enrol("一支部", 2)
		w.accept(forAnnouncement, 1, ids...)
		a := w.announce("一支部").ID
		expires := w.now().Add(3 * 24 * time.Hour)
		w.clock.Set(expires.Time().Add(-time.Millisecond))
		w.must(w.s[0].Expire(t.Context()))
		w.wantCounts(a, map[model.DeliveryState]int{model.DeliveryQueued: 2})
		w.clock.Advance(time.Millisecond)
		w.send()
		w.wantCounts(a, map[model.DeliveryState]int{model.DeliveryFailed: 2})
		if d := w.deliveryOf(a, ids[0]); d.Reason != model.ReasonExpired || d.DueAt != 0 || d.TriedAt != 0 {
			t.Errorf("%+v", d)
		}
		// The whole of the gate is shut, and nobody claims.
		w.must(w.platform.Fail(sim.Fault{Endpoint: sendPath, Errcode: 40164, Times: 2}))
		b := w.announce("一支部").ID
		w.send()
		w.clock.Advance(10*time.Minute - time.Second)
		w.must(w.s[0].Expire(t.Context()))
		w.wantCounts(b, map[model.DeliveryState]int{model.DeliveryQueued: 2})
		w.clock.Advance(3 * 24 * time.Hour)
		w.must(w.s[1].Expire(t.Context()))
		w.wantCounts(b, map[model.DeliveryState]int{model.DeliveryFailed: 2})
		w.wantConsents(openID(ids[0]), forAnnouncement, "open")
	})
}

// TestNoTemplate: a purpose without a template says so, and nobody waits for ever.
func TestNoTemplate(t *testing.T) {
	each(t, "2026-03-02 09:00", func(t *testing.T, w *world) {
		ids := w.enrol("一支部", 3)
		w.accept(forAnnouncement, 2, ids...)
		a := w.announced(w.notify(model.PurposeDues, "一支部", ids...))
		b := w.announce("一支部").ID
		w.send()
		w.must(w.s[0].Expire(t.Context()))
		w.wantCounts(a, map[model.DeliveryState]int{model.DeliveryNoGrant: 3})
		w.wantCounts(b, map[model.DeliveryState]int{model.DeliverySent: 3})
		if d := w.deliveryOf(a, ids[0]); d.Reason != model.ReasonNoTemplate || d.DueAt != 0 {
			t.Errorf("%+v", d)
		}
		w.config.Templates = nil // an operator took them out
		c := w.announce("一支部").ID
		w.s[0] = w.instance(w.client(0))
		w.send()
		w.must(w.s[0].Expire(t.Context()))
		w.wantCounts(c, map[model.DeliveryState]int{model.DeliveryNoGrant: 3})
		if _, err := w.s[0].Announce(t.Context(), chief(), push.Plan{UnitID: w.units["一支部"].ID, Title: "题", Body: "文", Template: "study"}, model.Once{}); code(err) != "template template_not_found" {
			t.Errorf("%v", err)
		}
		w.wantCounts(w.announce("一支部").ID, map[model.DeliveryState]int{model.DeliveryNoGrant: 3}) // the usual one
		none := w.announce("一支部", func(p *push.Plan) { p.Template = "none" }).ID
		w.wantCounts(none, map[model.DeliveryState]int{model.DeliveryInbox: 3})
	})
}

// TestMostWithoutConsent: of a long queue in which few gave a consent the rest is settled at once, each with the right reason,
// and nobody without one whose consent is only on its way with another message, or who said something else.
func TestMostWithoutConsent(t *testing.T) {
	each(t, "2026-03-02 09:00", func(t *testing.T, w *world) {
		many := 600
		ids := w.enrol("一支部", many)
		granted, unbound, taken := ids[:40], ids[40:140], ids[140:180]
		w.write(func(tx *gorm.DB) error {
			return tx.Model(&model.Binding{}).Where("member_id IN ?", unbound).Update("unbound_at", 1).Error
		})
		w.accept(forAnnouncement, 1, slices.Concat(granted, taken)...)
		w.accept(forStudy, 1, ids[300:310]...) // of another template
		w.write(func(tx *gorm.DB) error {      // as if they had a message under way
			for _, id := range taken {
				var c model.Consent
				if err := tx.Where("openid = ?", openID(id)).Take(&c).Error; err != nil {
					return err
				}
				f := model.Flight{OpenID: c.OpenID, MemberID: id, AnnouncementID: 1, ClaimID: 1, ClaimedAt: w.now(), LostAt: w.now().Add(time.Minute)}
				if err := tx.Create(&f).Error; err != nil {
					return err
				}
			}
			return nil
		})
		quiet := w.announced(w.notify(model.PurposeAnnouncement, "一支部", ids...))
		w.write(func(tx *gorm.DB) error { // in whose quiet hours it is now, and due all the same
			return tx.Model(&model.Announcement{}).Where("id = ?", quiet).Updates(map[string]any{"quiet_from": 8, "quiet_to": 12}).Error
		})
		a := w.announce("一支部").ID
		w.send()
		want := map[model.DeliveryState]int{model.DeliverySent: 40, model.DeliveryQueued: 40, model.DeliveryNoGrant: many - 80}
		w.wantCounts(a, want)
		w.wantCounts(quiet, map[model.DeliveryState]int{model.DeliveryQueued: many})
		reasons := map[string]int{}
		for _, id := range ids {
			reasons[w.deliveryOf(a, id).Reason]++
		}
		if fmt.Sprint(reasons) != fmt.Sprint(map[string]int{"": 80, model.ReasonNotBound: 100, model.ReasonNoConsent: many - 180}) {
			t.Errorf("%v", reasons)
		}
		// The others' messages were not sent after all.
		w.write(func(tx *gorm.DB) error {
			return tx.Where("announcement_id = 1").Delete(&model.Flight{}).Error
		})
		w.clock.Advance(10 * time.Second)
		w.send()
		want[model.DeliverySent], want[model.DeliveryQueued] = 80, 0
		delete(want, model.DeliveryQueued)
		w.wantCounts(a, want)
	})
}

// TestTheHeadOfTheQueue: what may not go out now keeps nobody behind it.
func TestTheHeadOfTheQueue(t *testing.T) {
	each(t, "2026-03-02 09:00", func(t *testing.T, w *world) {
		w.set(model.SettingDailyLimit, "0")
		ids := w.enrol("一支部", 1200)
		last := ids[len(ids)-1]
		w.accept(forStudy, 1, ids[0])
		w.accept(forTask, 1, last)
		w.must(w.platform.Fail(faultOf(sendPath, "40037")))
		w.notify(model.PurposeStudy, "一支部", ids[0])
		w.send() // the template is paused from here on
		for range 30 {
			w.notify(model.PurposeStudy, "一支部", ids[:50]...)
		}
		w.notify(model.PurposeDues, "一支部", ids...) // without a template
		w.clock.Advance(time.Second)
		w.notify(model.PurposeTask, "一支部", last)
		w.send()
		if d := w.last(last); d.State != model.DeliverySent {
			t.Errorf("%+v", d)
		}
	})
}
