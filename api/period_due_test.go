package api_test

import (
	"fmt"
	"testing"

	"zhibu/model"
)

// patch changes a member as the console does.
func (w *world) patch(member int64, body object) {
	w.t.Helper()
	w.call("PATCH", memberPath(member), w.console(), body).wants(200)
}

// transfer moves a member of the League to a branch from a day on.
func (w *world) transfer(member, unit int64, day string) {
	w.t.Helper()
	w.call("POST", memberPath(member)+"/transfers", w.console(), object{"to_unit_id": unit, "effective_on": day, "reason": "调动"}).wants(201)
}

// TestWhoIsDue goes through the members of whom one might doubt it (DOMAIN.md §12, §20).
func TestWhoIsDue(t *testing.T) {
	each(t, func(t *testing.T, w *world) {
		branches, members := w.league(7)
		here, p := branches[0], w.openWeek()
		due := func() float64 { t.Helper(); return w.part(p, here)["due"].(float64) }
		was := due()
		step := func(name string, change float64) {
			t.Helper()
			if got := due(); got != was+change {
				t.Errorf("%s: %v due, want %v", name, got, was+change)
			}
			was = due()
		}
		m := members[0]
		w.patch(m[1], object{"membership": object{"state": "suspended"}})
		step("suspended", -1)
		w.study(p, m[1]).refuses(403, "not_invited")
		w.patch(m[1], object{"membership": object{"state": "active", "effective_on": "2026-03-03"}})
		step("active from tomorrow", 0)
		w.at("2026-03-03 09:00")
		step("active again", +1)
		w.patch(m[2], object{"membership": object{"category": "retired"}})
		w.patch(m[3], object{"membership": object{"category": "floating"}})
		step("retired and floating", 0)
		w.study(p, m[2]).wants(201)

		w.patch(m[4], object{"birth_date": "1998-03-05"})
		w.patch(m[0], object{"birth_date": "1990-01-01"})
		step("under 28 until Thursday, and a league secretary of any age", 0)
		w.patch(m[5], object{"birth_date": "1998-03-03"})
		step("28 today", -1)
		w.study(p, m[5]).refuses(403, "not_invited")
		w.at("2026-03-05 00:00")
		step("28 on Thursday", -1)
		post := w.call("POST", memberPath(m[4])+"/posts", w.console(), object{"unit_id": here, "title": "league_deputy_secretary", "started_on": "2026-03-05"}).wants(201).number("id")
		step("with a league office", +1)
		w.call("POST", fmt.Sprintf("/posts/%d/end", post), w.console(), object{"on": "2026-03-06", "reason": "届满"}).wants(200)
		step("until it ends", 0)
		w.at("2026-03-06 09:00")
		step("ended", -1)

		w.made++
		late := w.call("POST", membersOf(here), w.console(), object{
			"name": "新团员", "birth_date": "2005-01-01", "membership": object{"track": "league", "kind": "member", "started_on": "2026-03-06"},
		}).wants(201).number("id")
		step("joined late", +1)
		w.call("POST", membersOf(here), w.console(), object{
			"name": "下期团员", "birth_date": "2005-01-02", "membership": object{"track": "league", "kind": "member", "started_on": "2026-03-09"},
		})
		step("joins after the close", 0)
		w.call("POST", fmt.Sprintf("/memberships/%d/end", w.membershipOf(late)), w.console(), object{"on": "2026-03-08", "reason": "退团"}).wants(200)
		step("leaves on the last day", 0)
		w.at("2026-03-09 09:00")
		step("left before the close", -1)
	})
}

// membershipOf is the id of the member's membership today.
func (w *world) membershipOf(member int64) int64 {
	w.t.Helper()
	var m model.Membership
	w.must(w.db.Read(w.t.Context()).Where("member_id = ? AND ended_on = ?", member, model.Forever).Take(&m).Error)
	return m.ID
}

// TestCompletionFollowsThePerson: with a transfer during the window both the head and the completion move.
func TestCompletionFollowsThePerson(t *testing.T) {
	each(t, func(t *testing.T, w *world) {
		branches, members := w.league(3, 2)
		p := w.openWeek()
		holds := func(when string, unit int, due, completed float64) {
			t.Helper()
			if r := w.part(p, branches[unit]); r["due"] != due || r["completed"] != completed {
				t.Errorf("%s: branch %d has %v", when, unit, r)
			}
		}
		mover, later := members[0][1], members[0][2]
		w.study(p, mover).wants(201)
		w.transfer(mover, branches[1], "2026-03-05")
		w.study(p, later).wants(201)
		w.transfer(later, branches[1], "2026-03-09")
		holds("before the day", 0, 3, 2)
		holds("before the day", 1, 2, 0)
		w.at("2026-03-05 00:00")
		holds("on the day", 0, 2, 1)
		holds("on the day", 1, 3, 1)
		list := w.call("GET", periodPath(p, "/completions"), w.token(members[1][0]), nil).wants(200).items()
		if len(list) != 1 || list[0]["member_id"] != float64(mover) {
			t.Errorf("the new branch reads %v", list)
		}
		// the new branch's officers take it back, not the old one's
		mistake := object{"member_ids": []int64{mover}, "reason": "记错"}
		w.call("POST", periodPath(p, "/completions/withdraw"), w.token(members[0][0]), mistake).refuses(422, "invalid_request")
		w.at("2026-03-09 09:00") // the transfer of that day comes after the close
		holds("frozen", 0, 2, 1)
		holds("frozen", 1, 3, 1)
		if total := w.total(p, ""); total["due"] != 7.0 || total["completed"] != 2.0 {
			t.Errorf("%v", total)
		}
		w.call("POST", periodPath(p, "/reopen"), w.token(chief), object{"reason": "核对"}).wants(200)
		holds("reopened", 0, 2, 1) // by the roster of the close, not of today
		holds("reopened", 1, 3, 1)
	})
}

// TestAttendanceCompletes: who was at an activity of the period has completed it, if the setting of the opening day says
// so, as long as the attendance stands.
func TestAttendanceCompletes(t *testing.T) {
	each(t, func(t *testing.T, w *world) {
		without := w.openPeriod("series", "不计")
		w.set("check_ins_count", "true", "")
		branches, members := w.league(5)
		here, p := branches[0], w.openWeek()
		meet := func(day string, more ...any) int64 {
			return w.call("POST", "/activities", w.console(), with(object{
				"unit_id": here, "kind": "league_theme_day", "title": "团日 " + day, "starts_at": shanghai(day, "10:00"), "ends_at": shanghai(day, "11:00"),
			}, more...)).wants(201).number("id")
		}
		sits := func(activity, member int64, state string) {
			t.Helper()
			w.call("POST", fmt.Sprintf("/activities/%d/attendance", activity), w.console(), object{"entries": []object{
				{"member_id": member, "state": state, "source": "roll_call", "reason": "点名"},
			}}).wants(200)
		}
		belongs := func(period, activity int64) {
			t.Helper()
			w.call("POST", periodPath(period, "/activities"), w.token(members[0][0]), object{"activity_id": activity}).wants(200)
		}
		early, monday, other := meet("2026-03-01"), meet("2026-03-03"), meet("2026-03-04")
		belongs(p, early)
		belongs(p, monday)
		belongs(without, other)
		w.call("POST", periodPath(p, "/activities"), w.console(), object{"activity_id": other}).refuses(409, "activity_in_other_period")
		w.call("POST", periodPath(p, "/activities"), w.token(members[0][0]), object{"activity_id": w.activityOf(branch)}).refuses(422, "invalid_request")
		sits(early, members[0][1], "present")
		w.at("2026-03-03 10:30")
		for i, state := range []string{"", "present", "late", "absent", "leave"} {
			if state != "" {
				sits(monday, members[0][i], state)
			}
		}
		w.at("2026-03-04 12:00")
		sits(other, members[0][3], "present")
		holds := func(when string, period int64, completed float64) {
			t.Helper()
			if r := w.part(period, here); r["completed"] != completed {
				t.Errorf("%s: %v", when, r)
			}
		}
		holds("present and late", p, 2)
		holds("without the setting", without, 0)
		list := w.call("GET", periodPath(p, "/completions?source=activity"), w.token(members[0][0]), nil).wants(200).items()
		if len(list) != 2 || list[0]["recorded_by"] != "" || list[0]["completed_at"] != shanghai("2026-03-03", "10:30") {
			t.Errorf("%v", list)
		}
		sits(monday, members[0][1], "absent")
		holds("corrected", p, 1)
		if got := w.period(p, w.token(members[0][1]))["completion"]; got != nil {
			t.Errorf("the member still reads %v", got)
		}
		w.study(p, members[0][1]).wants(201) // what a member did himself is not taken back with the attendance
		sits(monday, members[0][1], "present")
		sits(monday, members[0][1], "absent")
		holds("of his own", p, 2)
		w.call("DELETE", periodPath(p, fmt.Sprintf("/activities/%d", monday)), w.token(members[0][0]), nil).wants(204)
		w.call("DELETE", periodPath(p, fmt.Sprintf("/activities/%d", monday)), w.token(members[0][0]), nil).refuses(404, "not_found")
		holds("without the activity", p, 1)
		belongs(p, monday)
		w.at("2026-03-08 20:00")
		holds("frozen", p, 2)
		w.call("POST", periodPath(p, "/activities"), w.console(), object{"activity_id": early}).refuses(409, "study_period_closed")
	})
}
