package api_test

import (
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	"zhibu/model"
)

// TestAnnounce: one who is asked before, whom it reaches, then sends exactly that.
func TestAnnounce(t *testing.T) {
	each(t, func(t *testing.T, w *world) {
		w.accept(model.PurposeAnnouncement, plain, leader, chief)
		w.accept(model.PurposeAnnouncement, chief)
		w.accept(model.PurposeStudy, auditor)
		forecast := w.call("POST", "/announcements/forecast", w.token(secretary), notice()).wants(200)
		golden(t, "push/forecast", forecast.Body.Bytes())
		same(t, "forecast", forecast.object(), object{"recipients": 7, "wechat": 3, "inbox_only": 4})
		before := w.pushRows()
		w.call("POST", "/announcements/forecast", w.token(secretary), notice("template", "none")).wants(200)
		if after := w.pushRows(); after != before {
			t.Errorf("a forecast wrote: %s, before: %s", after, before)
		}
		made := w.call("POST", "/announcements", w.token(secretary), notice()).wants(202)
		id := made.number("id")
		golden(t, "push/announcement", []byte(strings.ReplaceAll(made.Body.String(), fmt.Sprint(id), "1")))
		same(t, "made", made.object(), object{"recipients": 7, "state": "published", "template": "announcement"})
		w.counts(id, object{"queued": 7})
		w.pushAll()
		w.counts(id, object{"sent": 3, "no_grant": 4})
		golden(t, "push/deliveries", w.deliveries(id, "").Body.Bytes())
		for _, m := range ofBranch {
			if m == nobody {
				continue
			}
			reached := slices.Contains([]int64{plain, leader, chief}, m)
			if got := w.received(m); len(got) == 1 != reached {
				t.Errorf("%d received %v", m, got)
			}
			if got := w.inbox(m); !slices.Equal(got, []string{"三月党课通知"}) {
				t.Errorf("the inbox of %d: %v", m, got)
			}
		}
		if w.grants(plain, model.PurposeAnnouncement) != 0 || w.grants(chief, model.PurposeAnnouncement) != 1 || w.wechat.ConsentsUsed() != 3 {
			t.Errorf("%d and %d left, %d used", w.grants(plain, model.PurposeAnnouncement), w.grants(chief, model.PurposeAnnouncement), w.wechat.ConsentsUsed())
		}
		message := w.wechat.Inbox(openIDOf(plain))[0]
		if message.Page != fmt.Sprintf("pages/message?id=%d", id) || message.Data["thing2"] != "单位10" || message.Data["phrase4"] != "待查看" {
			t.Errorf("%+v", message)
		}
		var e model.AuditEvent
		w.must(w.db.Read(t.Context()).Where("action = ?", "announcement.create").Take(&e).Error)
		if strings.Contains(e.After, "党课") || strings.Contains(e.After, "会议室") || !strings.Contains(e.After, `"purpose":"announcement"`) {
			t.Errorf("the audit has %s", e.After)
		}
		for _, m := range []int64{colleague, youth, stranger} {
			if got := w.inbox(m); len(got) != 0 {
				t.Errorf("%d was told, too: %v", m, got)
			}
		}
	})
}

// pushRows counts what a request that is refused must not add to.
func (w *world) pushRows() string {
	w.t.Helper()
	var b strings.Builder
	for _, m := range []any{
		&model.Announcement{}, &model.AnnouncementAudience{}, &model.Delivery{}, &model.Consent{}, &model.PlatformEventRow{}, &model.Reminder{},
		&model.ReminderRule{}, &model.CalendarDay{}, &model.IdempotencyKey{}, &model.AuditEvent{},
	} {
		var n int64
		w.must(w.db.Read(w.t.Context()).Model(m).Count(&n).Error)
		fmt.Fprintf(&b, "%T %d ", m, n)
	}
	return b.String()
}

// TestForecastAddsUp in whatever way it is asked.
func TestForecastAddsUp(t *testing.T) {
	eachPush(t, func(s *pushSetup) { s.templates = s.templates[:2] }, func(t *testing.T, w *world) {
		w.accept(model.PurposeAnnouncement, plain, both, youth, colleague)
		w.accept(model.PurposeStudy, plain)
		for _, c := range []struct {
			name string
			plan object
			want object
			why  string
		}{
			{"branch", notice(), object{"recipients": 7, "wechat": 2, "inbox_only": 5}, "not_bound 1 no_consent 4"},
			{"root", notice("unit_id", root), object{"recipients": 10, "wechat": 4, "inbox_only": 6}, "not_bound 1 no_consent 5"},
			{"two of the root", notice("unit_id", root, "audience", object{"unit_ids": []int64{sibling, leagueBranch}}), object{"recipients": 4, "wechat": 3, "inbox_only": 1}, "no_consent 1"},
			{"the League", notice("unit_id", root, "audience", object{"track": "league"}), object{"recipients": 2, "wechat": 2, "inbox_only": 0}, ""},
			{"one inside another", notice("unit_id", root, "audience", object{"unit_ids": []int64{group, branch, branch}, "track": "party"}), object{"recipients": 7, "wechat": 2}, "not_bound 1 no_consent 4"},
			{"no League here", notice("audience", object{"track": "league"}), object{"recipients": 0, "wechat": 0, "inbox_only": 0}, ""},
			{"another template", notice("template", "study"), object{"recipients": 7, "wechat": 1, "inbox_only": 6}, "not_bound 1 no_consent 5"},
			{"none", notice("template", "none"), object{"recipients": 7, "wechat": 0, "inbox_only": 7}, "inbox_only 7"},
			{"at night", notice("send_at", shanghai("2026-03-02", "23:30")), object{"send_at": shanghai("2026-03-03", "07:00")}, "not_bound 1 no_consent 4"},
			{"at night, urgent", notice("send_at", shanghai("2026-03-02", "23:30"), "urgent", true), object{"send_at": shanghai("2026-03-02", "23:30")}, "not_bound 1 no_consent 4"},
		} {
			a := w.call("POST", "/announcements/forecast", w.console(), c.plan).wants(200)
			same(t, c.name, a.object(), c.want)
			var why []string
			sum := int64(0)
			for _, r := range a.object()["reasons"].([]any) {
				r := r.(object)
				why = append(why, fmt.Sprint(r["reason"], " ", r["count"]))
				sum += int64(r["count"].(float64))
				if !chinese(r["name"]) {
					t.Errorf("%s: %v", c.name, r)
				}
			}
			if strings.Join(why, " ") != c.why || sum != a.number("inbox_only") || a.number("wechat")+a.number("inbox_only") != a.number("recipients") {
				t.Errorf("%s: %s", c.name, a.Body)
			}
			made := w.call("POST", "/announcements", w.console(), c.plan).wants(202)
			if made.number("recipients") != a.number("recipients") {
				t.Errorf("%s: forecast %s, made %s", c.name, a.Body, made.Body)
			}
		}
		w.call("POST", "/announcements/forecast", w.console(), notice("template", "dues")).refuses(422, "invalid_request")
	})
}

// TestAnnounceOnce: the same key with the same content makes one announcement, also at once; with another it is refused.
func TestAnnounceOnce(t *testing.T) {
	each(t, func(t *testing.T, w *world) {
		token, other := w.token(secretary), w.token(chief)
		w.console()
		ids := map[int64]int{}
		for _, a := range together(8, func(int) *answer { return w.once("n-1", "/announcements", token, notice()) }) {
			ids[a.wants(202).number("id")]++
		}
		if len(ids) != 1 {
			t.Fatalf("made %v", ids)
		}
		before := w.pushRows()
		for id := range ids {
			w.counts(id, object{"queued": 7})
			if again := w.once("n-1", "/announcements", token, notice()).wants(202); again.number("id") != id || again.number("recipients") != 7 {
				t.Error(again.Body)
			}
		}
		w.once("n-1", "/announcements", token, notice("urgent", true)).refuses(422, "idempotency_key_reused")
		w.once("n-1", "/announcements", token, notice("title", "另一条")).refuses(422, "idempotency_key_reused")
		if after := w.pushRows(); after != before {
			t.Errorf("rows before: %s, after: %s", before, after)
		}
		w.once("n-1", "/announcements", other, notice()).wants(202) // a key is of one person
		scheduled := notice("send_at", shanghai("2026-03-02", "09:30"))
		id := w.once("n-2", "/announcements", token, scheduled).wants(202).number("id")
		w.at("2026-03-02 09:45") // the answer got lost, and the client tries again when the time is past
		if again := w.once("n-2", "/announcements", w.token(secretary), scheduled).wants(202); again.number("id") != id {
			t.Error(again.Body)
		}
	})
}

// TestScheduled: it goes to those who are on the roster when its time comes.
func TestScheduled(t *testing.T) {
	each(t, func(t *testing.T, w *world) {
		w.accept(model.PurposeAnnouncement, plain)
		a := w.call("POST", "/announcements", w.token(secretary), notice("send_at", shanghai("2026-03-05", "10:00"))).wants(202)
		id := a.number("id")
		same(t, "made", a.object(), object{"state": "scheduled", "recipients": 7, "published_at": nil, "send_at": shanghai("2026-03-05", "10:00")})
		w.pushAll()
		w.written(id, 0)
		w.call("POST", membersOf(branch), w.token(secretary), object{
			"name": "新人", "phone": "19911112222", "membership": object{"track": "party", "kind": "full", "started_on": "2026-03-04"},
		}).wants(201)
		if n := w.call("GET", announcementPath(id, ""), w.token(secretary), nil).wants(200).number("recipients"); n != 8 {
			t.Errorf("%d recipients after somebody joined", n)
		}
		w.at("2026-03-05 09:59")
		w.pushAll()
		if got := w.inbox(plain); len(got) != 0 {
			t.Errorf("too early: %v", got)
		}
		w.at("2026-03-05 10:00")
		w.pushAll()
		w.pushAll()
		w.counts(id, object{"sent": 1, "no_grant": 7})
		same(t, "sent", w.call("GET", announcementPath(id, ""), w.token(secretary), nil).object(), object{
			"state": "published", "recipients": 8, "published_at": shanghai("2026-03-05", "10:00"),
		})
		late := w.call("POST", "/announcements", w.token(secretary), notice("send_at", shanghai("2026-03-05", "11:00"))).wants(202).number("id")
		w.at("2026-03-12 09:00") // the server was off for a week: the inbox has it, a message would make no sense
		w.accept(model.PurposeAnnouncement, plain)
		w.pushAll()
		w.counts(late, object{"failed": 8})
		same(t, "late", w.delivery(late, plain), object{"reason": "expired", "reason_name": "已过时限，未再推送"})
	})
}

// written holds the number of deliveries that are written.
func (w *world) written(id, want int64) {
	w.t.Helper()
	if n := w.deliveries(id, "").number("total"); n != want {
		w.t.Errorf("%d deliveries, want %d", n, want)
	}
}

// TestTemplates: one for announcements unless another is named; none is the inbox only.
func TestTemplates(t *testing.T) {
	eachPush(t, func(s *pushSetup) { s.templates = s.templates[:1] }, func(t *testing.T, w *world) {
		golden(t, "push/templates", w.call("GET", "/push/templates", w.token(plain), nil).wants(200).Body.Bytes())
		w.accept(model.PurposeAnnouncement, plain)
		token := w.token(secretary)
		before := w.pushRows()
		for template, code := range map[string]string{"study": "template_not_found", "party": "invalid_value", "ANNOUNCEMENT": "invalid_value"} {
			a := w.call("POST", "/announcements", token, notice("template", template)).refuses(422, "invalid_request")
			if faults(a) != "template "+code || !chinese(a.text("detail")) {
				t.Error(a.Body)
			}
		}
		if after := w.pushRows(); after != before {
			t.Errorf("rows before: %s, after: %s", before, after)
		}
		id := w.announce("template", "none")
		w.counts(id, object{"inbox": 7})
		w.pushAll()
		w.counts(id, object{"inbox": 7})
		same(t, "none", w.call("GET", announcementPath(id, ""), w.token(secretary), nil).object(), object{"template": nil})
		if got := w.inbox(plain); len(got) != 1 || w.wechat.Received() != 0 {
			t.Errorf("%v, %d received", got, w.wechat.Received())
		}
		p := w.periodOf(branch) // a reminder has a template that is not configured
		nudged := w.call("POST", periodPath(p, "/reminders"), w.token(secretary), nil).wants(202).number("announcement_id")
		w.pushAll()
		w.counts(nudged, object{"no_grant": 7})
		same(t, "no template", w.delivery(nudged, plain), object{"reason": "no_template", "reason_name": "没有配置这一用途的消息模板"})
	})
}

// TestAnnouncementIsRefused: what is at fault is named, all at once, and nothing is written.
func TestAnnouncementIsRefused(t *testing.T) {
	each(t, func(t *testing.T, w *world) {
		closed := w.call("POST", "/units", w.console(), object{"parent_id": branch, "kind": "party_group", "name": "已撤小组", "code": "Z"}).wants(201).number("id")
		w.call("POST", fmt.Sprintf("/units/%d/close", closed), w.console(), object{"on": "2026-03-02", "reason": "撤"}).wants(200)
		token := w.token(secretary)
		before := w.pushRows()
		for _, c := range []struct {
			body  object
			field string
		}{
			{notice("title", " "), "title invalid_length"},
			{notice("title", strings.Repeat("长", 61)), "title invalid_length"},
			{notice("body", "\n \n"), "body invalid_length"},
			{notice("body", strings.Repeat("长", 5001)), "body invalid_length"},
			{notice("title", "", "body", "", "holiday", "x"), "title invalid_length; body invalid_length; holiday invalid_value"},
			{notice("audience", object{"track": "youth"}), "audience.track invalid_value"},
			{notice("audience", object{"unit_ids": []int64{group, sibling}}), "audience.unit_ids[1] not_found"},
			{notice("audience", object{"unit_ids": []int64{root}}), "audience.unit_ids[0] not_found"},
			{notice("audience", object{"unit_ids": []int64{closed}}), "audience.unit_ids[0] not_found"},
			{notice("send_at", shanghai("2026-03-02", "08:58")), "send_at in_the_past"},
			{notice("send_at", shanghai("2027-03-04", "09:00")), "send_at too_far"},
			{notice("send_at", "明天"), "send_at invalid_time"},
			{notice("unit_id", closed), "unit_id unit_closed"},
			{notice("title", nil), "title required"},
			{notice("recipients", []int64{plain}), "recipients unknown_field"},
		} {
			a := w.call("POST", "/announcements", token, c.body)
			if a.Code != 422 || faults(a) != c.field || !chinese(a.text("detail")) {
				t.Errorf("want %s: %d %s", c.field, a.Code, a.Body)
			}
			if f := w.call("POST", "/announcements/forecast", token, c.body); f.Code != 422 || faults(f) != c.field {
				t.Errorf("forecast, want %s: %d %s", c.field, f.Code, f.Body)
			}
		}
		if after := w.pushRows(); after != before {
			t.Errorf("rows before: %s, after: %s", before, after)
		}
		kept := w.call("POST", "/announcements", token, notice("title", " 通\u0000知\n二 ", "body", " 一\r\n\n\n\n二\u0007 ")).wants(202)
		same(t, "clean", kept.object(), object{"title": "通知 二", "body": "一\n\n二"})
		longest := w.call("POST", "/announcements", token, notice("title", strings.Repeat("题", 60), "body", strings.Repeat("😀", 5000))).wants(202)
		if len([]rune(longest.text("body"))) != 5000 {
			t.Error("the longest text was cut")
		}
	})
}

// TestListAnnouncements: an officer is shown what his units said and what his members got.
func TestListAnnouncements(t *testing.T) {
	each(t, func(t *testing.T, w *world) {
		say := func(token string, more ...any) int64 {
			t.Helper()
			defer w.clock.Advance(time.Second)
			return w.call("POST", "/announcements", token, notice(more...)).wants(202).number("id")
		}
		ofRoot := say(w.token(chief), "unit_id", root)
		own := say(w.token(secretary))
		ofGroup := say(w.token(leader), "unit_id", group)
		ofSibling := say(w.token(neighbour), "unit_id", sibling)
		ofLeague := say(w.token(youth), "unit_id", leagueBranch)
		later := say(w.token(secretary), "send_at", shanghai("2026-03-04", "09:00"))
		recalled := say(w.token(secretary))
		w.call("POST", announcementPath(recalled, "/recall"), w.token(secretary), object{"reason": "写错了"}).wants(200)
		nudged := w.call("POST", periodPath(w.periodOf(branch), "/reminders"), w.token(secretary), nil).wants(202).number("announcement_id")
		for _, c := range []struct {
			member int64
			query  string
			want   []int64
		}{
			{secretary, "", []int64{nudged, recalled, later, ofGroup, own, ofRoot}},
			{leader, "", []int64{nudged, recalled, ofGroup, own, ofRoot}}, // the one to come has gone to nobody yet
			{neighbour, "", []int64{ofSibling, ofRoot}},
			{youth, "", []int64{ofLeague, ofRoot}},
			{chief, "", []int64{nudged, recalled, later, ofLeague, ofSibling, ofGroup, own, ofRoot}},
			{stranger, "", []int64{}},
			{chief, fmt.Sprintf("unit_id=%d", branch), []int64{nudged, recalled, later, ofGroup, own}},
			{secretary, fmt.Sprintf("unit_id=%d", root), []int64{nudged, recalled, later, ofGroup, own, ofRoot}},
			{secretary, "state=recalled", []int64{recalled}},
			{secretary, "state=scheduled", []int64{later}},
			{secretary, "state=published", []int64{nudged, ofGroup, own, ofRoot}},
			{secretary, "state=waiting", []int64{}},
			{secretary, "origin=reminder", []int64{nudged}},
			{secretary, "origin=officer", []int64{recalled, later, ofGroup, own, ofRoot}},
			{secretary, "from=2026-03-02T09:00:06%2B08:00", []int64{nudged, recalled}},
			{secretary, "to=2026-03-02T09:00:02%2B08:00", []int64{own, ofRoot}},
			{secretary, "from=2026-03-03", []int64{}},
		} {
			if got := w.all("/announcements?limit=2&"+c.query, w.token(c.member)); !slices.Equal(got, c.want) {
				t.Errorf("%d is shown %v with %q, want %v", c.member, got, c.query, c.want)
			}
		}
		w.call("GET", "/announcements?unit_id=11", w.token(secretary), nil).refuses(404, "not_found")
		w.call("GET", "/announcements?cursor=x", w.token(secretary), nil).refuses(422, "invalid_request")
		w.call("GET", "/announcements?state=sent", w.token(secretary), nil).refuses(422, "invalid_request")
		text := w.call("GET", announcementPath(own, ""), w.token(secretary), nil).wants(200).text("share_text")
		if text != "【单位10】三月党课通知\n周五下午三点，三楼会议室。\n（2026-03-02 09:00，详情请在小程序“消息”中查看）" {
			t.Error(text)
		}
	})
}
