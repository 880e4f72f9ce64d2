package api_test

import (
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	"gorm.io/gorm"

	"zhibu/model"
)

// TestInbox: everyone has it, subscribed or not, and it remembers what was read.
func TestInbox(t *testing.T) {
	each(t, func(t *testing.T, w *world) {
		var ids []int64
		for i := range 5 {
			ids = append(ids, w.announce("title", fmt.Sprintf("第%d条", i+1)))
			if i%2 == 1 { // some come in the same millisecond
				w.clock.Advance(time.Second)
			}
		}
		w.call("POST", announcementPath(ids[0], "/recall"), w.token(secretary), object{"reason": "重复"}).wants(200)
		got := w.all("/me/announcements?limit=2", w.token(plain))
		slices.Sort(got)
		if want := slices.Sorted(slices.Values(ids)); !slices.Equal(got, want) {
			t.Errorf("%v, want %v", got, want)
		}
		if first := w.all("/me/announcements?limit=1", w.token(plain)); first[0] != ids[4] {
			t.Errorf("the latest is %d, want %d", first[0], ids[4])
		}
		page := w.call("GET", "/me/announcements?limit=1", w.token(both), nil).wants(200)
		golden(t, "push/inbox", []byte(strings.NewReplacer(fmt.Sprint(ids[4]), "1", page.text("next_cursor"), "…").Replace(page.Body.String())))
		read := w.call("POST", announcementPath(ids[2], "/read"), w.token(plain), nil).wants(200)
		same(t, "read", read.object(), object{"title": "第3条", "read_at": "2026-03-02T09:00:02+08:00", "body": "周五下午三点，三楼会议室。"})
		w.clock.Advance(time.Hour)
		if again := w.call("POST", announcementPath(ids[2], "/read"), w.token(plain), nil).wants(200); again.Body.String() != read.Body.String() {
			t.Errorf("first %s, then %s", read.Body, again.Body)
		}
		unread := w.all("/me/announcements?unread=true&limit=1", w.token(plain))
		if want := []int64{ids[4], ids[3], ids[1]}; !slices.Equal(slices.Sorted(slices.Values(unread)), slices.Sorted(slices.Values(want))) {
			t.Errorf("unread are %v, want %v", unread, want)
		}
		todo := w.call("GET", "/me/todo", w.token(plain), nil).wants(200).object()["announcements"].([]any)
		if len(todo) != 3 || todo[0].(object)["title"] != "第5条" {
			t.Errorf("to do: %v", todo)
		}
		same(t, "his receipt", w.delivery(ids[2], plain), object{"read_at": "2026-03-02T09:00:02+08:00"})
		if n := w.deliveries(ids[2], "").number("read"); n != 1 {
			t.Errorf("%d have read it", n)
		}
		w.call("POST", announcementPath(ids[2], "/read"), w.token(colleague), nil).refuses(404, "not_found")
		w.call("POST", announcementPath(ids[2], "/read"), w.console(), nil).refuses(404, "not_found")
		for _, query := range []string{"?cursor=x", "?unread=maybe", "?limit=201", "?limit=0"} {
			w.call("GET", "/me/announcements"+query, w.token(plain), nil).refuses(422, "invalid_request")
		}
		if items := w.call("GET", "/me/announcements", w.console(), nil).wants(200).items(); len(items) != 0 {
			t.Errorf("the console account was told %v", items)
		}
		w.at("2026-06-15 09:00") // what was not read in three months is not news any more
		if todo := w.call("GET", "/me/todo", w.token(plain), nil).wants(200).object()["announcements"].([]any); len(todo) != 0 {
			t.Errorf("to do in June: %v", todo)
		}
		if n := len(w.inbox(plain)); n != 5 {
			t.Errorf("the inbox in June has %d", n)
		}
	})
}

// TestInboxOfOneWhoMoved: he keeps what he was told, and is told at the new place from then on.
func TestInboxOfOneWhoMoved(t *testing.T) {
	each(t, func(t *testing.T, w *world) {
		old := w.announce("title", "旧支部")
		w.transfer(plain, sibling, "2026-03-02")
		w.announce("title", "不再有他")
		w.call("POST", "/announcements", w.token(neighbour), notice("unit_id", sibling, "title", "新支部")).wants(202)
		if got := w.inbox(plain); !slices.Equal(slices.Sorted(slices.Values(got)), slices.Sorted(slices.Values([]string{"旧支部", "新支部"}))) {
			t.Error(got)
		}
		same(t, "he is counted where he was", w.delivery(old, plain), object{"unit_id": branch})
	})
}

// TestMyDataOfPush: a member is shown what he was told and agreed to; an erasure takes the consents away.
func TestMyDataOfPush(t *testing.T) {
	each(t, func(t *testing.T, w *world) {
		w.accept(model.PurposeAnnouncement, plain)
		w.accept(model.PurposeAnnouncement, plain)
		id := w.announce()
		w.pushAll()
		w.call("POST", announcementPath(id, "/read"), w.token(plain), nil).wants(200)
		data := w.call("GET", "/me/data", w.token(plain), nil).wants(200)
		same(t, "told", data.object()["announcements"].([]any)[0].(object), object{
			"announcement_id": id, "title": "三月党课通知", "unit_name": "单位10", "state": "sent", "read_at": "2026-03-02T09:00:00+08:00",
		})
		consents := data.object()["subscriptions"].([]any)
		if len(consents) != 2 {
			t.Fatalf("%v", consents)
		}
		states := []string{consents[0].(object)["state"].(string), consents[1].(object)["state"].(string)}
		if slices.Sort(states); !slices.Equal(states, []string{"open", "spent"}) {
			t.Error(states)
		}
		if strings.Contains(data.Body.String(), "o-member-") {
			t.Error("an openid is in the export")
		}
		w.must(w.db.Write(t.Context(), func(tx *gorm.DB) error {
			return tx.Model(&model.Membership{}).Where("member_id = ?", plain).Update("ended_on", "2026-03-02").Error
		}))
		w.must(w.wechat.Subscribe(openIDOf(plain), templateOf(model.PurposeStudy), true))
		w.wechat.DeliverDue(t.Context()) // an event that waits to be settled
		w.call("DELETE", "/me/data", w.token(plain), nil).wants(200)
		w.must(w.services.Push.Settle(t.Context()))
		var n [3]int64
		w.must(w.db.Read(t.Context()).Model(&model.Consent{}).Where("openid = ?", openIDOf(plain)).Count(&n[0]).Error)
		w.must(w.db.Read(t.Context()).Model(&model.PlatformEventRow{}).Where("openid = ?", openIDOf(plain)).Count(&n[1]).Error)
		w.must(w.db.Read(t.Context()).Model(&model.Delivery{}).Where("member_id = ?", plain).Count(&n[2]).Error)
		if n != [3]int64{0, 0, 1} {
			t.Errorf("consents, events and deliveries left: %v", n)
		}
		w.counts(id, object{"sent": 1, "no_grant": 6}) // the page still adds up
	})
}
