package api_test

import (
	"fmt"
	"testing"

	"zhibu/model"
)

// only switches off all rules but some, everywhere below root.
func (w *world) only(rules ...model.Rule) {
	w.t.Helper()
	all := object{}
	for _, r := range model.RuleSpecs {
		all[string(r.Rule)] = false
	}
	for _, r := range rules {
		all[string(r)] = true
	}
	w.switchRules(w.token(chief), root, all).wants(200)
}

var officersAll = []int64{secretary, leader, neighbour, chief, youth, auditor, plain, both, colleague}

// TestApprovalReminder: on working days, the officers for whom something waits that they can decide.
func TestApprovalReminder(t *testing.T) {
	each(t, func(t *testing.T, w *world) {
		w.only(model.RuleApprovals)
		w.at("2026-03-06 08:00") // a Friday
		m := w.meetingWith(object{"starts_at": shanghai("2026-03-10", "09:00"), "ends_at": shanghai("2026-03-10", "11:00"), "audience": object{"unit_ids": []int64{branch}, "track": "party"}})
		ask := func(member int64) int64 {
			t.Helper()
			return w.call("POST", fmt.Sprintf("/activities/%d/leaves", m), w.token(member), object{"reason_category": "sick"}).wants(201).number("id")
		}
		first, second := ask(plain), ask(both)
		ask(secretary)
		w.remind()
		w.told("before nine", officersAll)
		w.at("2026-03-06 09:00")
		w.accept(model.PurposeTask, secretary)
		w.atOnce(w.instances(3), func(i *instance) error { return i.Push.Remind(t.Context()) })
		w.remind()
		w.told("two of his members", []int64{secretary}, "有2项待您审批")
		w.told("that of the secretary", []int64{chief}, "有1项待您审批")
		w.told("who decides none of it", []int64{leader, neighbour, youth, auditor, plain, both, colleague})
		if got := w.received(secretary); len(got) != 1 {
			t.Errorf("%v", got)
		}
		w.at("2026-03-07 10:00")
		w.remind()
		w.told("Saturday", officersAll)
		w.at("2026-03-09 20:00")
		w.remind()
		w.told("in the evening", officersAll)
		for _, id := range []int64{first, second} {
			w.call("POST", fmt.Sprintf("/leaves/%d/decision", id), w.token(secretary), object{"approve": true}).wants(200)
		}
		w.told("decided", []int64{plain, both}, "请假已经批准")
		w.at("2026-03-10 08:59")
		waiting := w.waiting()
		w.at("2026-03-10 09:00") // the meeting has begun: no leave of it waits
		w.remind()
		w.told("the author of a text does not decide about it", []int64{secretary})
		w.told("another officer does", []int64{chief}, "有1项待您审批")
		w.call("POST", announcementPath(waiting, "/decision"), w.token(chief), object{"approve": false}).wants(200)
		w.at("2026-03-11 09:00")
		w.remind()
		w.told("nothing waits", officersAll)
	})
}

// TestTermAndVacancy: six months before a term ends, once; a vacant office once a month, above.
func TestTermAndVacancy(t *testing.T) {
	each(t, func(t *testing.T, w *world) {
		w.only(model.RuleTermEnds, model.RuleVacantPost)
		for _, c := range []struct {
			member, unit int64
			title, ends  string
		}{{colleague, sibling, "organiser", "2026-09-10"}, {plain, branch, "publicity", "2026-12-01"}} {
			w.call("POST", memberPath(c.member)+"/posts", w.token(chief), object{
				"unit_id": c.unit, "title": c.title, "started_on": "2023-09-10", "term_ends_on": c.ends,
			}).wants(201)
		}
		w.at("2026-03-09 10:00")
		w.atOnce(w.instances(3), func(i *instance) error { return i.Push.Remind(t.Context()) })
		w.remind()
		w.told("a general branch without a secretary", []int64{chief}, "有1个组织的书记空缺")
		w.told("nobody else", []int64{secretary, leader, neighbour, youth, auditor, plain, both, colleague})
		told := w.call("GET", "/me/announcements", w.token(chief), nil).wants(200).items()[0]
		same(t, "it", told, object{"body": "书记空缺：单位12。请按规定及时增补，并在系统里登记任职。", "subject": fmt.Sprint("unit:", root)})
		w.at("2026-03-10 10:00")
		w.remind()
		w.told("half a year before", []int64{neighbour, chief}, "单位11任期将满")
		w.told("nobody else", []int64{secretary, leader, youth, auditor, plain, both, colleague})
		w.at("2026-03-11 10:00")
		w.remind()
		w.told("told already", officersAll)
		w.call("POST", memberPath(youth)+"/posts", w.token(chief), object{"unit_id": leagueRoot, "title": "league_secretary", "started_on": "2026-03-11"}).wants(201)
		w.at("2026-04-01 10:00")
		w.remind()
		w.told("filled", officersAll)
		w.only()
		w.at("2026-06-01 10:00")
		w.remind()
		w.told("switched off", officersAll)
	})
}

// TestHolidayNotice: three days before the days off, in the units that want it.
func TestHolidayNotice(t *testing.T) {
	each(t, func(t *testing.T, w *world) {
		w.at("2026-04-01 09:00")
		w.only()
		w.remind()
		w.told("unless a unit wants it", officersAll)
		w.switchRules(w.token(secretary), branch, object{"holiday": true}).wants(200)
		w.switchRules(w.token(leader), group, object{"holiday": false}).wants(200)
		w.at("2026-04-01 08:59")
		w.remind()
		w.told("before nine", officersAll)
		w.at("2026-04-03 10:00") // the server was off
		w.accept(model.PurposeAnnouncement, plain)
		w.atOnce(w.instances(3), func(i *instance) error { return i.Push.Remind(t.Context()) })
		w.remind()
		w.told("of the branch", []int64{secretary, plain, chief, auditor, both}, "清明节廉洁过节提醒")
		w.told("switched off, of others", []int64{leader, colleague, youth})
		told := w.call("GET", "/me/announcements", w.token(plain), nil).wants(200).items()[0]
		same(t, "it", told, object{"holiday": "qingming", "happens_at": shanghai("2026-04-05", "00:00"), "unit_name": "单位10"})
		if got := w.received(plain); len(got) != 1 {
			t.Errorf("%v", got)
		}
		w.switchRules(w.token(chief), root, object{"holiday": true}).wants(200)
		w.at("2026-04-04 09:00")
		w.remind()
		w.told("the days off have begun", officersAll)
		w.at("2026-04-28 09:00")
		w.remind()
		w.told("the whole tree, each once", []int64{secretary, plain, chief, auditor, both, neighbour, colleague, youth}, "劳动节廉洁过节提醒")
		w.told("switched off", []int64{leader, stranger})
	})
}
