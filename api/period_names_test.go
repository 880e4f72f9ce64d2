package api_test

import (
	"fmt"
	"log/slog"
	"testing"
	"time"

	"zhibu/api"
	"zhibu/service/period"
)

// switched starts the periods anew with the operator's switches.
func (w *world) switched(on period.Switches) {
	w.t.Helper()
	w.services.Period = period.New(w.db, w.keys, w.clock.Now, on)
	w.handler = api.New(w.services, api.Options{
		Now: w.clock.Now, Logger: discard(), Version: "test", Ready: w.db.Ping, PublicURL: "https://zhibu.example",
	})
}

// group makes a group in a branch, with a leader of its own and one member, and returns them.
func (w *world) group(branchID int64) (unit, head, member int64) {
	w.t.Helper()
	unit = w.call("POST", "/units", w.console(), object{"parent_id": branchID, "kind": "league_group", "name": "第一小组", "code": "G"}).wants(201).number("id")
	join := func(name string) int64 {
		id := w.call("POST", membersOf(unit), w.console(), object{
			"name": name, "birth_date": "2004-01-01", "membership": object{"track": "league", "kind": "member", "started_on": "2026-03-01"},
		}).wants(201).number("id")
		w.bind(id)
		return id
	}
	head, member = join("组长"), join("组员")
	w.call("POST", memberPath(head)+"/posts", w.console(), object{"unit_id": unit, "title": "group_leader", "started_on": "2026-03-01"}).wants(201)
	return unit, head, member
}

// TestGroupLeader works in his group only: its names, its rate, its records.
func TestGroupLeader(t *testing.T) {
	each(t, func(t *testing.T, w *world) {
		branches, members := w.league(3)
		unit, head, member := w.group(branches[0])
		p := w.openWeek()
		list := w.call("GET", periodPath(p, "/absentees"), w.token(head), nil).wants(200).items()
		if len(list) != 1 || list[0]["unit_id"] != float64(unit) || list[0]["due"] != 2.0 || len(list[0]["members"].([]any)) != 2 {
			t.Errorf("the leader of the group reads %v", list)
		}
		whole := w.call("GET", periodPath(p, "/absentees"), w.token(members[0][0]), nil).wants(200).items()
		if len(whole) != 1 || len(whole[0]["members"].([]any)) != 5 {
			t.Errorf("the secretary reads %v", whole)
		}
		within := w.call("GET", periodPath(p, fmt.Sprintf("/absentees?unit_id=%d", unit)), w.token(members[0][0]), nil).wants(200).items()
		if len(within) != 1 || len(within[0]["members"].([]any)) != 2 {
			t.Errorf("the secretary reads of the group %v", within)
		}
		record := func(id int64) *answer {
			return w.call("POST", periodPath(p, "/completions/batch"), w.token(head), object{"member_ids": []int64{id}, "source": "proxy", "reason": "没有手机"})
		}
		record(members[0][1]).refuses(422, "invalid_request")
		record(head).refuses(403, "own_record")
		record(member).wants(200)
		if r := w.part(p, unit); r["due"] != 2.0 || r["completed"] != 1.0 || r["met"] != false {
			t.Errorf("%v", r)
		}
		if r := w.part(p, branches[0]); r["due"] != 5.0 || r["completed"] != 1.0 {
			t.Errorf("%v", r)
		}
		if got := w.call("GET", periodPath(p, "/completions"), w.token(head), nil).wants(200).items(); len(got) != 1 {
			t.Errorf("%v", got)
		}
	})
}

// TestNamesAboveTheBranch: totals while the switch is off; with it names, and an audit event for every look.
func TestNamesAboveTheBranch(t *testing.T) {
	each(t, func(t *testing.T, w *world) {
		branches, members := w.league(3, 2)
		p := w.openWeek()
		w.study(p, members[0][1]).wants(201)
		look := func(token, query string) (named int, left int64) {
			t.Helper()
			before := w.events()
			for _, b := range w.call("GET", periodPath(p, "/absentees", query), token, nil).wants(200).items() {
				if list, ok := b["members"].([]any); ok {
					named += len(list)
				}
			}
			return named, w.events() - before
		}
		above, own := w.token(chief), w.token(members[0][0])
		if named, left := look(above, ""); named != 0 || left != 0 {
			t.Errorf("off: %d names, %d events", named, left)
		}
		w.switched(period.Switches{NamesDrilldown: true})
		for range 2 {
			if named, left := look(above, ""); named != 6 || left != 1 { // 2 + 2 and the two of the first league branch
				t.Errorf("on: %d names, %d events", named, left)
			}
		}
		if named, left := look(w.token(auditor), fmt.Sprintf("?unit_id=%d", branches[1])); named != 2 || left != 1 {
			t.Errorf("the auditor: %d names, %d events", named, left)
		}
		if named, left := look(own, ""); named != 2 || left != 0 {
			t.Errorf("the branch's own: %d names, %d events", named, left)
		}
		events := w.call("GET", "/audit-events?action=absentees.read", w.console(), nil).wants(200).items()
		if len(events) != 3 {
			t.Errorf("%v", events)
		}
	})
}

// TestRateOrder: by rate only where the operator switched it on.
func TestRateOrder(t *testing.T) {
	each(t, func(t *testing.T, w *world) {
		_, members := w.league(2, 3, 1)
		p := w.openWeek()
		for _, m := range []int64{members[0][0], members[1][0], members[1][1], youth, both} {
			w.study(p, m).wants(201)
			w.clock.Advance(time.Second)
		}
		path := periodPath(p, "/rates?order=rate")
		w.call("GET", path, w.console(), nil).refuses(403, "feature_off")
		w.switched(period.Switches{RateOrder: true})
		var got []any
		next := ""
		for range 9 {
			page := w.call("GET", path+"&limit=1"+next, w.console(), nil).wants(200).object()
			for _, u := range page["units"].([]any) {
				got = append(got, u.(object)["percent"])
			}
			cursor, more := page["next_cursor"].(string)
			if !more {
				break
			}
			next = "&cursor=" + cursor
		}
		if fmt.Sprint(got) != "[0.00 50.00 66.67 100.00]" {
			t.Errorf("%v", got)
		}
	})
}

func discard() *slog.Logger { return slog.New(slog.DiscardHandler) }

// TestNamesOfRecords: who completed and who is released goes by the same rule, since with the roster at hand it tells who
// is behind.
func TestNamesOfRecords(t *testing.T) {
	each(t, func(t *testing.T, w *world) {
		_, members := w.league(3, 2)
		p := w.openWeek()
		w.study(p, members[0][1]).wants(201)
		w.study(p, members[1][1]).wants(201)
		w.call("POST", periodPath(p, "/exemptions"), w.console(), object{"member_id": members[0][2], "reason_category": "sick"}).wants(201)
		w.call("POST", periodPath(p, "/close"), w.console(), nil).wants(200)
		w.call("POST", periodPath(p, "/reopen"), w.token(chief), object{"reason": "核对"}).wants(200)
		w.call("POST", periodPath(p, "/completions/withdraw"), w.console(), object{"member_ids": members[1][1:], "reason": "记错"}).wants(200)
		w.call("POST", periodPath(p, "/close"), w.console(), nil).wants(200)
		names := func(token, suffix string) (named, hidden int, left int64) {
			t.Helper()
			before := w.events()
			for _, item := range w.call("GET", periodPath(p, suffix), token, nil).wants(200).items() {
				if item["name"] == nil && item["member_id"] == nil {
					hidden++
				} else if item["name"] != nil && item["member_id"] != nil {
					named++
				} else {
					t.Errorf("%s: half a name: %v", suffix, item)
				}
			}
			return named, hidden, w.events() - before
		}
		lists := map[string][2]int{"/completions": {1, 1}, "/exemptions": {1, 1}, "/versions/2/changes": {0, 1}} // of the first branch, of all
		for suffix, n := range lists {
			if named, hidden, left := names(w.token(members[0][0]), suffix); named != n[0] || hidden != 0 || left != 0 {
				t.Errorf("%s to the branch: %d named, %d not, %d events", suffix, named, hidden, left)
			}
			if named, hidden, left := names(w.token(chief), suffix); named != 0 || hidden != n[1] || left != 0 {
				t.Errorf("%s above: %d named, %d not, %d events", suffix, named, hidden, left)
			}
		}
		w.switched(period.Switches{NamesDrilldown: true})
		for suffix, n := range lists {
			if named, hidden, left := names(w.token(chief), suffix); named != n[1] || hidden != 0 || left != 1 {
				t.Errorf("%s above with the switch: %d named, %d not, %d events", suffix, named, hidden, left)
			}
		}
	})
}
