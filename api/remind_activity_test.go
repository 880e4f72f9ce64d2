package api_test

import (
	"fmt"
	"slices"
	"testing"

	"zhibu/model"
)

// without are the members of branch but for some.
func without(some ...int64) []int64 {
	return slices.DeleteFunc(slices.Clone(ofBranch), func(m int64) bool { return m == nobody || slices.Contains(some, m) })
}

// TestActivityReminders: of tomorrow from the morning on, of those within the hour, and only those who are expected.
func TestActivityReminders(t *testing.T) {
	each(t, func(t *testing.T, w *world) {
		w.switchRules(w.token(chief), root, object{"vacant_post": false, "approvals": false}).wants(200)
		w.at("2026-03-02 07:00")
		tomorrow := object{"starts_at": shanghai("2026-03-03", "09:00"), "ends_at": shanghai("2026-03-03", "11:00"), "check_in_opens_at": shanghai("2026-03-03", "08:00")}
		m := w.meetingWith(tomorrow)
		for member, approve := range map[int64]bool{plain: true, both: false} {
			leave := w.call("POST", fmt.Sprintf("/activities/%d/leaves", m), w.token(member), object{"reason_category": "sick"}).wants(201).number("id")
			w.call("POST", fmt.Sprintf("/leaves/%d/decision", leave), w.token(secretary), object{"approve": approve}).wants(200)
		}
		w.told("his leave", []int64{plain}, "请假已经批准")
		w.told("his leave", []int64{both}, "请假没有批准")
		w.accept(model.PurposeActivity, auditor)
		w.at("2026-03-02 08:59")
		w.remind()
		w.told("too early in the day", without())
		w.at("2026-03-02 09:00")
		w.atOnce(w.instances(3), func(i *instance) error { return i.Push.Remind(t.Context()) })
		w.remind()
		w.told("tomorrow", without(plain), "三月党员大会")
		w.told("excused, of others", []int64{plain, colleague, youth})
		first := w.call("GET", "/me/announcements", w.token(auditor), nil).wants(200).items()[0]
		same(t, "it", first, object{
			"rule": "activity_tomorrow", "subject": fmt.Sprint("activity:", m), "happens_at": shanghai("2026-03-03", "09:00"),
			"body": "党员大会“三月党员大会”明天举行，时间：3月3日 09:00，地点：三楼会议室。不能参加的同志，请在开始前请假。",
		})
		if got := w.received(auditor); len(got) != 1 {
			t.Errorf("%v", got)
		}

		w.switchRules(w.token(leader), group, object{"activity_in_an_hour": false}).wants(200)
		w.at("2026-03-03 07:59")
		w.remind()
		w.told("more than an hour before", without())
		w.at("2026-03-03 08:10") // the server was off on the hour
		w.tap(m, secretary, w.wallCode(m)).wants(201)
		w.remind()
		w.told("in an hour", without(plain, leader, secretary), "三月党员大会")
		w.told("excused, switched off, there already", []int64{plain, leader, secretary})

		moved := w.meetingWith(object{"title": "改期的会", "starts_at": shanghai("2026-03-04", "15:00"), "ends_at": shanghai("2026-03-04", "16:00")})
		w.at("2026-03-03 12:00")
		w.remind()
		w.told("the next day", without(), "改期的会")
		w.call("PATCH", fmt.Sprintf("/activities/%d", moved), w.token(secretary), object{"starts_at": shanghai("2026-03-05", "15:00"), "ends_at": shanghai("2026-03-05", "16:00")}).wants(200)
		w.remind()
		w.told("not tomorrow any more", without())
		w.at("2026-03-04 09:00")
		w.remind()
		w.told("tomorrow at the new time", without(), "改期的会")
		w.at("2026-03-05 15:00")
		w.remind()
		w.told("it has begun", without())
	})
}

// TestCancelledActivity: whoever was to come is told, once, and however the rules are switched.
func TestCancelledActivity(t *testing.T) {
	each(t, func(t *testing.T, w *world) {
		off := object{}
		for _, r := range model.RuleSpecs {
			off[string(r.Rule)] = false
		}
		w.switchRules(w.token(chief), root, off).wants(200)
		plan := func(title string) int64 {
			t.Helper()
			return w.meetingWith(object{"title": title, "starts_at": shanghai("2026-03-03", "15:00"), "ends_at": shanghai("2026-03-03", "16:00")})
		}
		cancel := func(id int64) {
			t.Helper()
			w.call("POST", fmt.Sprintf("/activities/%d/cancel", id), w.token(secretary), object{"reason": "停电"}).wants(200)
		}
		first, second := plan("第一个会"), plan("第二个会")
		w.remind()
		w.told("all is switched off", without())
		w.accept(model.PurposeActivity, plain)
		cancel(first)
		w.atOnce(w.instances(3), func(i *instance) error { return i.Push.Remind(t.Context()) })
		w.remind()
		w.told("cancelled", without(), "已取消：第一个会")
		told := w.call("GET", "/me/announcements", w.token(plain), nil).wants(200).items()[0]
		same(t, "it", told, object{"body": "原定3月3日 15:00举行的党员大会“第一个会”已取消。原因：停电", "rule": "activity_cancelled"})
		if got := w.wechat.Inbox(openIDOf(plain)); len(got) != 1 || got[0].Data["phrase4"] != "已取消" {
			t.Errorf("%v", got)
		}
		cancel(second)
		w.at("2026-03-03 15:00") // the server was off until it would have begun
		w.remind()
		w.told("too late", without())
	})
}

// TestDuesReminder: on the dues day, those whose bill is open, without the amount.
func TestDuesReminder(t *testing.T) {
	each(t, func(t *testing.T, w *world) {
		for _, m := range []int64{plain, leader, auditor, both, colleague} {
			w.assess(m, 1_000)
		}
		w.switchRules(w.token(chief), root, object{"vacant_post": false}).wants(200)
		w.switchRules(w.token(neighbour), sibling, object{"dues_day": false}).wants(200)
		w.at("2026-04-01 09:00")
		w.remind()
		w.told("no bill is made yet", without())
		w.must(w.services.Dues.BillDue(t.Context()))
		w.takeCash(branch, leader, object{"months": []string{"2026-04"}, "amount_fen": 1_000})
		w.takeCash(branch, auditor, object{"months": []string{"2026-04"}, "amount_fen": 400})
		w.accept(model.PurposeDues, plain)
		w.atOnce(w.instances(3), func(i *instance) error { return i.Push.Remind(t.Context()) })
		w.remind()
		w.told("owes", []int64{plain, auditor, both}, "本月党费待缴")
		w.told("has paid, pays nothing, switched off", []int64{leader, secretary, chief, colleague})
		told := w.call("GET", "/me/announcements", w.token(plain), nil).wants(200).items()[0]
		same(t, "it", told, object{"subject": "dues", "body": "4月1日是党费日，您本月的党费还没有缴纳。可以在小程序里缴，也可以到支部用现金或转账缴纳；已缴的请忽略。"})
		if got := w.received(plain); !slices.Equal(got, []string{"本月党费待缴"}) {
			t.Error(got)
		}
		w.at("2026-04-02 09:00")
		w.remind()
		w.told("the day after", without())

		w.at("2026-05-06 08:59") // 劳动节: the dues day of May is the first day of work
		w.must(w.services.Dues.BillDue(t.Context()))
		w.remind()
		w.told("before nine", without())
		w.at("2026-05-08 09:00") // the server was off
		w.remind()
		w.told("two days late", []int64{plain, leader, auditor, both}, "本月党费待缴")
		w.at("2026-06-05 09:00")
		w.must(w.services.Dues.BillDue(t.Context()))
		w.remind()
		w.told("four days late", without())
	})
}
