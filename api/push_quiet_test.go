package api_test

import (
	"slices"
	"testing"
	"time"

	"zhibu/model"
)

// setPush sets a setting of messages in a unit from today on.
func (w *world) setPush(unit int64, name, value string) {
	w.t.Helper()
	w.call("PUT", settingsOf(unit)+"/push."+name, w.console(), object{"value": value}).wants(200)
}

// TestQuietHours: what is said at night waits for the morning, what is urgent does not.
func TestQuietHours(t *testing.T) {
	each(t, func(t *testing.T, w *world) {
		for range 6 {
			w.accept(model.PurposeAnnouncement, plain, colleague)
		}
		w.at("2026-03-02 22:30")
		normal, urgent := w.announce("title", "平常的"), w.announce("title", "紧急的", "urgent", true)
		w.pushAll()
		w.counts(normal, object{"queued": 7})
		same(t, "waits", w.delivery(normal, plain), object{"due_at": shanghai("2026-03-03", "07:00"), "state": "queued"})
		w.counts(urgent, object{"sent": 1, "no_grant": 6})
		if got := w.inbox(plain); len(got) != 2 {
			t.Errorf("the inbox sleeps, too: %v", got)
		}
		w.at("2026-03-03 06:59")
		w.pushAll()
		w.counts(normal, object{"queued": 7})
		w.at("2026-03-03 07:00")
		w.pushAll()
		w.counts(normal, object{"sent": 1, "no_grant": 6})
		if got := w.received(plain); !slices.Equal(got, []string{"紧急的", "平常的"}) {
			t.Error(got)
		}

		w.setPush(branch, "quiet_from", "12")
		w.setPush(branch, "quiet_to", "14")
		w.at("2026-03-03 12:30")
		rest := w.announce()
		ofSibling := w.call("POST", "/announcements", w.token(neighbour), notice("unit_id", sibling)).wants(202).number("id")
		w.pushAll()
		w.counts(rest, object{"queued": 7})
		w.counts(ofSibling, object{"sent": 1, "no_grant": 1})
		w.setPush(branch, "quiet_to", "12") // from now on none; what was said keeps its hours
		w.at("2026-03-03 23:00")
		same(t, "none", w.call("POST", "/announcements/forecast", w.token(secretary), notice()).wants(200).object(), object{"send_at": shanghai("2026-03-03", "23:00")})
		w.pushAll()
		w.counts(rest, object{"sent": 1, "no_grant": 6})

		scheduled := w.announce("send_at", shanghai("2026-03-04", "03:00"))
		w.setPush(branch, "quiet_from", "22")
		w.at("2026-03-04 03:00")
		w.pushAll()
		w.counts(scheduled, object{"sent": 1, "no_grant": 6})
		for name, values := range map[string][]string{"quiet_from": {"24", "-1", "x", ""}, "quiet_to": {"24"}, "daily_limit": {"51", "-1"}} {
			for _, v := range values {
				w.call("PUT", settingsOf(branch)+"/push."+name, w.console(), object{"value": v}).refuses(422, "invalid_request")
			}
		}
	})
}

// TestDailyLimit: nobody is sent more a day than his units want; the rest comes in the following days while it makes sense.
func TestDailyLimit(t *testing.T) {
	each(t, func(t *testing.T, w *world) {
		w.setPush(root, "daily_limit", "2")
		for range 8 {
			w.accept(model.PurposeAnnouncement, plain)
		}
		var ids []int64
		for range 7 {
			ids = append(ids, w.announce("template", "announcement"))
			w.pushAll()
			w.clock.Advance(time.Second)
		}
		urgent := w.announce("urgent", true)
		w.pushAll()
		w.counts(urgent, object{"sent": 1, "no_grant": 6})
		for _, day := range []struct {
			at   string
			want int
		}{{"2026-03-02 21:00", 3}, {"2026-03-03 06:00", 3}, {"2026-03-03 07:00", 5}, {"2026-03-04 09:00", 7}, {"2026-03-05 08:59", 8}} {
			w.at(day.at)
			w.pushAll()
			w.pushAll()
			if got := w.received(plain); len(got) != day.want {
				t.Errorf("%s: %d messages, want %d", day.at, len(got), day.want)
			}
		}
		for _, id := range ids {
			w.counts(id, object{"sent": 1, "no_grant": 6})
		}
		w.setPush(root, "daily_limit", "0")
		for range 3 {
			w.accept(model.PurposeAnnouncement, plain)
			w.announce()
		}
		w.pushAll()
		if got := w.received(plain); len(got) != 11 {
			t.Errorf("without a limit %d messages, want 11", len(got))
		}
	})
}

// TestOneMessageAtATime: what waits for one person goes out one after the other, also from several instances.
func TestOneMessageAtATime(t *testing.T) {
	each(t, func(t *testing.T, w *world) {
		w.setPush(root, "daily_limit", "0")
		for range 5 {
			w.accept(model.PurposeAnnouncement, plain, leader, both)
		}
		instances := w.instances(3)
		for range 6 {
			w.announce()
		}
		w.atOnce(instances, func(i *instance) error { return i.Push.SendDue(t.Context()) })
		w.clock.Advance(10 * time.Second)
		w.pushAll()
		for _, m := range []int64{plain, leader, both} {
			if got := w.received(m); len(got) != 5 || w.grants(m, model.PurposeAnnouncement) != 0 {
				t.Errorf("%d received %d, %d left", m, len(got), w.grants(m, model.PurposeAnnouncement))
			}
		}
		if w.wechat.ConsentsUsed() != 15 || w.wechat.Received() != 15 {
			t.Errorf("%d consents used, %d received", w.wechat.ConsentsUsed(), w.wechat.Received())
		}
	})
}
