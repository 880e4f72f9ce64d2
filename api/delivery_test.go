package api_test

import (
	"slices"
	"testing"
	"time"

	"zhibu/model"
	"zhibu/service/wechat/sim"
)

// TestDeliveryStates: every way a message can fare, and each adds up.
func TestDeliveryStates(t *testing.T) {
	each(t, func(t *testing.T, w *world) {
		const asked = model.PurposeAnnouncement
		say := func() int64 {
			t.Helper()
			w.clock.Advance(time.Minute)
			return w.announce("urgent", true)
		}
		w.accept(asked, plain)
		id := say()
		w.counts(id, object{"queued": 7})
		w.pushAll()
		w.counts(id, object{"sent": 1, "no_grant": 6})

		w.report(plain, "only-the-client", templateOf(asked), "accept").wants(200) // the platform knows of none
		id = say()
		w.pushAll()
		w.counts(id, object{"refused": 1, "no_grant": 6})
		same(t, "43101", w.delivery(id, plain), object{"reason": "not_wanted", "reason_name": "本人拒收，或授权次数已用完"})
		if w.grants(plain, asked) != 0 {
			t.Error("the consent that was none is still there")
		}

		w.accept(asked, plain)
		w.fail(sim.Fault{Endpoint: sendCall, Errcode: 45168})
		id = say()
		w.pushAll()
		w.counts(id, object{"failed": 1, "no_grant": 6})
		same(t, "45168", w.delivery(id, plain), object{"reason": "text", "reason_name": "内容被微信退回"})
		if w.grants(plain, asked) != 1 {
			t.Error("the consent was not given back")
		}

		w.fail(sim.Fault{Endpoint: sendCall, Truncate: true})
		w.fail(sim.Fault{Endpoint: eventCall, LateEvent: true})
		id = say()
		w.pushAll()
		w.counts(id, object{"unknown": 1, "no_grant": 6})
		same(t, "cut off", w.delivery(id, plain), object{"reason": "timeout", "reason_name": "微信未答复，可能已送达", "sent_at": nil})
		w.pushAll() // nothing is sent again
		w.clock.Advance(5 * time.Second)
		w.pushAll()
		w.counts(id, object{"sent": 1, "no_grant": 6})
		same(t, "settled by the event", w.delivery(id, plain), object{"reason": nil})

		w.accept(asked, plain)
		w.fail(sim.Fault{Endpoint: sendCall, AsyncFailure: true})
		id = say()
		w.pushAll()
		w.counts(id, object{"failed": 1, "no_grant": 6})
		same(t, "taken, and not delivered", w.delivery(id, plain), object{"reason": "platform", "reason_name": "微信未能送达"})

		w.accept(asked, plain)
		w.fail(sim.Fault{Endpoint: sendCall, Errcode: 45011})
		id = say()
		w.pushAll()
		w.counts(id, object{"queued": 1, "no_grant": 6})
		w.clock.Advance(time.Minute)
		w.pushAll()
		w.counts(id, object{"sent": 1, "no_grant": 6})

		w.accept(asked, plain)
		for range 5 {
			w.fail(sim.Fault{Endpoint: sendCall, Errcode: -1})
		}
		id = say()
		for range 6 {
			w.pushAll()
			w.clock.Advance(time.Hour)
		}
		w.counts(id, object{"sent": 1, "no_grant": 6})
		same(t, "at the sixth attempt", w.delivery(id, plain), object{"reason": nil})

		w.accept(asked, plain)
		w.wechat.Forget(openIDOf(plain))
		id = say()
		w.pushAll()
		w.counts(id, object{"refused": 1, "no_grant": 6})
		same(t, "40003", w.delivery(id, plain), object{"reason": "gone", "reason_name": "微信号已失效"})
		if got := w.received(plain); len(got) != 4 || len(w.inbox(plain)) != 8 {
			t.Errorf("received %d, in the inbox %d", len(got), len(w.inbox(plain)))
		}
	})
}

// TestDeliveryPages visits everyone once, in the order of names, whoever is told or joins meanwhile.
func TestDeliveryPages(t *testing.T) {
	each(t, func(t *testing.T, w *world) {
		w.accept(model.PurposeAnnouncement, plain, chief)
		id := w.announce()
		w.pushAll()
		for _, m := range []int64{plain, leader} {
			w.call("POST", announcementPath(id, "/read"), w.token(m), nil).wants(200)
		}
		pages := func(member int64, query string) (ids []int64) {
			t.Helper()
			next := ""
			for range 20 {
				page := w.call("GET", announcementPath(id, "/deliveries?limit=1"+query+next), w.token(member), nil).wants(200)
				if page.number("total") != 7 && member == secretary && query != "&unit_id=101" {
					t.Errorf("%s: the total is that of the page: %s", query, page.Body)
				}
				for _, d := range page.items() {
					ids = append(ids, int64(d["member_id"].(float64)))
				}
				cursor, more := page.object()["next_cursor"].(string)
				if !more {
					return ids
				}
				next = "&cursor=" + cursor
			}
			t.Fatal("no end")
			return nil
		}
		for _, c := range []struct {
			member int64
			query  string
			want   []int64
		}{
			{secretary, "", ofBranch},
			{secretary, "&state=sent", []int64{plain, chief}},
			{secretary, "&state=no_grant", []int64{secretary, leader, auditor, both, nobody}},
			{secretary, "&state=failed", nil},
			{secretary, "&read=true", []int64{plain, leader}},
			{secretary, "&read=false&state=no_grant", []int64{secretary, auditor, both, nobody}},
			{secretary, "&unit_id=101", []int64{leader}},
			{leader, "", []int64{leader}},
			{chief, "&unit_id=10", ofBranch},
			{chief, "&unit_id=11", nil},
		} {
			if got := pages(c.member, c.query); !slices.Equal(got, c.want) {
				t.Errorf("%d is shown %v with %q, want %v", c.member, got, c.query, c.want)
			}
		}
		same(t, "his part", w.call("GET", announcementPath(id, "/deliveries"), w.token(leader), nil).wants(200).object(), object{"total": 1, "read": 1})
		for _, query := range []string{"?cursor=x", "?cursor=e30", "?state=sending", "?read=maybe", "?limit=0", "?unit_id=0"} {
			w.call("GET", announcementPath(id, "/deliveries"+query), w.token(secretary), nil).refuses(422, "invalid_request")
		}
		w.call("GET", announcementPath(id, "/deliveries?unit_id=11"), w.token(secretary), nil).refuses(404, "not_found")
		w.call("GET", announcementPath(9999, "/deliveries"), w.token(secretary), nil).refuses(404, "not_found")
	})
}

// TestNamesOfThoseBehind: who got a reminder has not done something yet; above the branch it is a number.
func TestNamesOfThoseBehind(t *testing.T) {
	named := func(w *world, id, member int64) (n int) {
		w.t.Helper()
		for _, d := range w.call("GET", announcementPath(id, "/deliveries?limit=200"), w.token(member), nil).wants(200).items() {
			if d["name"] != nil {
				n++
			}
		}
		return n
	}
	nudged := func(w *world) int64 {
		w.t.Helper()
		return w.call("POST", periodPath(w.periodOf(root), "/reminders"), w.token(chief), nil).wants(202).number("announcement_id")
	}
	each(t, func(t *testing.T, w *world) {
		said := w.call("POST", "/announcements", w.token(chief), notice("unit_id", root)).wants(202).number("id")
		reminder := nudged(w)
		w.token(secretary)
		for member, want := range map[int64][2]int{ // of what was said to all, and of who is behind
			chief: {10, 0}, secretary: {7, 7}, neighbour: {2, 2}, leader: {1, 1},
		} {
			w.token(member)
			if got := [2]int{named(w, said, member), named(w, reminder, member)}; got != want {
				t.Errorf("%d is shown %v names, want %v", member, got, want)
			}
		}
		if n := w.recorded("deliveries.read"); n != 0 {
			t.Errorf("%d looks in the audit", n)
		}
	})
	eachPush(t, func(s *pushSetup) { s.names = true }, func(t *testing.T, w *world) {
		reminder := nudged(w)
		if n := named(w, reminder, chief); n != 9 { // it asks the party
			t.Errorf("with the switch the names are %d", n)
		}
		if e := w.lastEvent(); w.recorded("deliveries.read") != 1 || e.Action != "deliveries.read" || e.After != `{"names":9}` {
			t.Errorf("%d looks in the audit, the last %s %s", w.recorded("deliveries.read"), e.Action, e.After)
		}
		named(w, reminder, secretary)
		if n := w.recorded("deliveries.read"); n != 1 {
			t.Errorf("a look at one's own branch is in the audit: %d", n)
		}
	})
}
