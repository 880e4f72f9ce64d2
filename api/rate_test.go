package api_test

import (
	"fmt"
	"net/url"
	"strings"
	"testing"
)

func (w *world) bulletin(period int64, query string) string {
	w.t.Helper()
	return w.call("GET", periodPath(period, "/bulletin", query), w.console(), nil).wants(200).text("text")
}

func says(t *testing.T, text string, parts ...string) {
	t.Helper()
	for _, part := range parts {
		if !strings.Contains(text, part) {
			t.Errorf("it does not say %q:\n%s", part, text)
		}
	}
}

func TestBulletin(t *testing.T) {
	each(t, func(t *testing.T, w *world) {
		branches, members := w.league(4, 3, 2)
		p := w.openWeek()
		empty := w.call("POST", "/units", w.console(), object{"parent_id": leagueRoot, "kind": "league_branch", "name": "空支部", "code": "E"}).wants(201).number("id")
		w.call("POST", periodPath(p, "/exemptions"), w.console(), object{"member_id": members[0][0], "reason_category": "sick"}).wants(201)
		for _, m := range append(append([]int64{youth, both}, members[0][1:]...), members[1][:2]...) {
			w.study(p, m).wants(201)
		}
		running := w.bulletin(p, "")
		says(t, running, "关于“青年大学习”第12期参学情况的通报\n", "“青年大学习”第12期（学习新思想）于2026年3月2日09:00开始，将于2026年3月8日20:00截止。截至2026年3月2日09:00，参学情况如下：",
			"应参学11人，参学7人，参学率63.64%；经批准免学1人，除去后参学率70.00%，未达到85%的要求，还差2人。",
			"第1团支部：应参学4人，参学3人，参学率75.00%；经批准免学1人，除去后参学率100.00%，达到85%的要求。",
			"第2团支部：应参学3人，参学2人，参学率66.67%，未达到85%的要求，还差1人。",
			"参学率低于85%的支部（2个）：第2团支部、第3团支部。")
		if strings.Contains(running, "空支部") || strings.Contains(running, "团员") && strings.Contains(running, "团员A") {
			t.Error(running)
		}
		says(t, w.bulletin(p, fmt.Sprintf("?unit_id=%d", empty)), "空支部：参学率—（无应参学人员）。")
		if own := w.bulletin(p, fmt.Sprintf("?unit_id=%d", branches[1])); strings.Contains(own, "第1团支部") {
			t.Errorf("the bulletin of one branch speaks of another:\n%s", own)
		}
		w.call("POST", periodPath(p, "/exemptions"), w.console(), object{"member_id": members[2][0], "reason_category": "abroad"}).wants(201)
		w.call("POST", periodPath(p, "/exemptions"), w.console(), object{"member_id": members[2][1], "reason_category": "abroad"}).wants(201)
		says(t, w.bulletin(p, fmt.Sprintf("?unit_id=%d", branches[2])), "第3团支部：应参学2人，参学0人，参学率0.00%；经批准免学2人，除去后参学率—（无应参学人员）。")

		w.at("2026-03-08 20:00")
		closed := w.bulletin(p, "")
		says(t, closed, "2026年3月8日20:00截止。现将参学情况通报如下：", "参学率低于85%的支部（1个）：第2团支部。")
		if strings.Contains(closed, "更正") || strings.Contains(closed, "将于") {
			t.Error(closed)
		}
		w.at("2026-03-09 09:00")
		w.call("POST", periodPath(p, "/reopen"), w.token(chief), object{"reason": "漏录"}).wants(200)
		w.call("POST", periodPath(p, "/completions/batch"), w.console(), object{"member_ids": members[1][2:], "source": "proxy", "reason": "纸质",
			"completed_at": shanghai("2026-03-06", "10:00")}).wants(200)
		w.call("POST", periodPath(p, "/close"), w.console(), nil).wants(200)
		says(t, w.bulletin(p, ""), "参学情况的通报（更正，第2版）\n", "第2团支部：应参学3人，参学3人，参学率100.00%，达到85%的要求。", "各支部参学率均达到85%以上。")
		if first := w.bulletin(p, "?version=1"); first != closed {
			t.Errorf("the notice of the first version changed:\n%s\nwas\n%s", first, closed)
		}
	})
}

// TestRatesOfTheTree: heads are added upwards, at any depth, page by page, in the order of the tree.
func TestRatesOfTheTree(t *testing.T) {
	each(t, func(t *testing.T, w *world) {
		branches, members := w.league(3, 2)
		unit, _, member := w.group(branches[0])
		p := w.openPeriod("unit_id", root, "track", "league")
		w.study(p, member).wants(201)
		w.study(p, members[1][0]).wants(201)
		type row struct {
			unit       int64
			depth      int
			due, count int
		}
		want := []row{
			{branch, 1, 0, 0}, {group, 2, 0, 0}, {sibling, 1, 0, 0}, {leagueRoot, 1, 9, 2}, {leagueBranch, 2, 2, 0},
			{branches[0], 2, 5, 1}, {unit, 3, 2, 1}, {branches[1], 2, 2, 1},
		}
		read := func(query string) (got []row) {
			next := ""
			for range 20 {
				page := w.call("GET", periodPath(p, "/rates?limit=3", query, next), w.console(), nil).wants(200).object()
				for _, u := range page["units"].([]any) {
					u := u.(object)
					got = append(got, row{int64(u["unit_id"].(float64)), int(u["depth"].(float64)), int(u["due"].(float64)), int(u["completed"].(float64))})
				}
				cursor, more := page["next_cursor"].(string)
				if !more {
					return got
				}
				next = "&cursor=" + cursor
			}
			return got
		}
		var shown []row // units with nobody due may be left out
		for _, r := range read("") {
			if r.due > 0 {
				shown = append(shown, r)
			}
		}
		if fmt.Sprint(shown) != fmt.Sprint(want[3:]) {
			t.Errorf("%v, want %v", shown, want[3:])
		}
		for _, r := range read("&depth=1") {
			if r.depth != 1 {
				t.Errorf("deeper than asked for: %v", r)
			}
		}
		if r := w.total(p, ""); r["due"] != 9.0 || r["completed"] != 2.0 || r["percent"] != "22.22" || r["shortfall"] != 6.0 {
			t.Errorf("%v", r)
		}
		if r := read(fmt.Sprintf("&unit_id=%d", branches[0])); fmt.Sprint(r) != fmt.Sprint([]row{{unit, 1, 2, 1}}) {
			t.Errorf("%v", r)
		}
	})
}

// TestStudyRates follows a series over a year (DOMAIN.md §12: the statement is true only if all are).
func TestStudyRates(t *testing.T) {
	each(t, func(t *testing.T, w *world) {
		branches, members := w.league(4)
		empty := w.call("POST", "/units", w.console(), object{"parent_id": leagueRoot, "kind": "league_branch", "name": "空支部", "code": "E"}).wants(201).number("id")
		open := func(number, threshold int, days ...string) int64 {
			return w.openPeriod("number", number, "threshold_bp", threshold, "opens_at", shanghai(days[0], "09:00"), "closes_at", shanghai(days[1], "20:00"))
		}
		series := "?series=" + url.QueryEscape("青年大学习") + "&year=2026"
		read := func(unit int64) object {
			t.Helper()
			return w.call("GET", fmt.Sprintf("/units/%d/study-rates%s", unit, series), w.console(), nil).wants(200).object()
		}
		holds := func(when string, items int, held float64, allMet, assertion any, lowest, exceptions string) {
			t.Helper()
			y := read(branches[0])
			got := ""
			if l, ok := y["lowest"].(object); ok {
				got = fmt.Sprint(l["name"], " ", l["percent"])
			}
			if len(y["items"].([]any)) != items || y["held"] != held || y["all_met"] != allMet || y["assertion"] != assertion || got != lowest || y["exceptions"] != exceptions {
				t.Errorf("%s: lowest %q, %v", when, got, y)
			}
		}
		holds("nothing", 0, 0, nil, nil, "", "")
		first := open(1, 7500, "2026-03-02", "2026-03-08")
		for _, m := range members[0] {
			w.study(first, m).wants(201)
		}
		holds("open", 1, 0, nil, nil, "", "")
		w.at("2026-03-09 09:00")
		second := open(2, 7500, "2026-03-09", "2026-03-15")
		for _, m := range members[0][:3] {
			w.study(second, m).wants(201)
		}
		w.at("2026-03-16 09:00")
		const two = "2026年组织“青年大学习”2期，每期团员参加率均达到75%以上"
		holds("two closed", 2, 2, true, two, "第2期 75.00", "")
		third := open(3, 5100, "2026-03-16", "2026-03-22")
		wrong := open(4, 100, "2026-03-23", "2026-03-29")
		w.call("POST", periodPath(wrong, "/cancel"), w.console(), object{"reason": "错"}).wants(200)
		open(5, 100, "2026-03-30", "2026-04-05")
		for _, m := range members[0][:2] {
			w.study(third, m).wants(201)
		}
		holds("an open one with a lower threshold does not count", 3, 2, true, two, "第2期 75.00", "")
		w.at("2026-03-22 20:00")
		holds("the third is not met", 3, 3, false, nil, "第3期 50.00", "第3期（50.00%）")
		w.call("POST", periodPath(third, "/reopen"), w.token(chief), object{"reason": "漏录"}).wants(200)
		holds("reopened after its window", 3, 2, true, nil, "第2期 75.00", "")
		w.call("POST", periodPath(third, "/completions/batch"), w.console(), object{"member_ids": members[0][2:3], "source": "proxy", "reason": "纸质",
			"completed_at": shanghai("2026-03-20", "10:00")}).wants(200)
		w.call("POST", periodPath(third, "/close"), w.console(), nil).wants(200)
		holds("corrected", 3, 3, true, "2026年组织“青年大学习”3期，每期团员参加率均达到51%以上", "第2期 75.00", "")

		if y := read(empty); y["held"] != 0.0 || y["all_met"] != nil || y["lowest"] != nil || y["assertion"] != nil || len(y["items"].([]any)) != 3 {
			t.Errorf("with nobody due: %v", y)
		}
		if y := read(leagueRoot); y["held"] != 3.0 || y["all_met"] != false || y["exceptions"] != "第1期（66.67%）、第2期（50.00%）、第3期（50.00%）" {
			t.Errorf("the whole League, where two never study: %v", y)
		}
		if y := w.call("GET", fmt.Sprintf("/units/%d/study-rates%s", branches[0], strings.Replace(series, "2026", "2025", 1)), w.console(), nil).wants(200).object(); len(y["items"].([]any)) != 0 {
			t.Errorf("%v", y)
		}
	})
}

// TestBulletinOfUndecidedBranches: nobody to count is neither above the threshold nor below it.
func TestBulletinOfUndecidedBranches(t *testing.T) {
	each(t, func(t *testing.T, w *world) {
		branches, members := w.league(2)
		plan := week(leagueRoot)
		plan["audience"] = object{"unit_ids": branches}
		p := w.call("POST", "/study-periods", w.console(), plan).wants(201).number("id")
		for _, m := range members[0] {
			w.call("POST", periodPath(p, "/exemptions"), w.console(), object{"member_id": m, "reason_category": "sick"}).wants(201)
		}
		text := w.call("GET", periodPath(p, "/bulletin"), w.console(), nil).wants(200).text("text")
		if strings.Contains(text, "各支部参学率均达到") || strings.Contains(text, "低于85%的支部") {
			t.Error(text)
		}
	})
}

// TestCorrectionNamesOnlyToWhoSeesBothSides: who was moved between two versions is named in neither branch.
func TestCorrectionNamesOnlyToWhoSeesBothSides(t *testing.T) {
	each(t, func(t *testing.T, w *world) {
		branches, members := w.league(2, 2)
		p := w.openWeek()
		moved := members[0][1]
		w.study(p, moved).wants(201)
		w.at("2026-03-09 09:00")
		w.call("POST", periodPath(p, "/reopen"), w.token(chief), object{"reason": "组织关系有误"}).wants(200)
		w.call("POST", memberPath(moved)+"/transfers", w.console(), object{
			"to_unit_id": branches[1], "effective_on": "2026-03-05", "reason": "更正",
		}).wants(201)
		w.call("POST", periodPath(p, "/close"), w.console(), nil).wants(200)
		for _, b := range members {
			list := w.call("GET", periodPath(p, "/versions/2/changes"), w.token(b[0]), nil).wants(200).items()
			if len(list) != 1 || list[0]["member_id"] != nil || list[0]["name"] != nil {
				t.Errorf("%v", list)
			}
		}
		if r := w.total(p, fmt.Sprintf("?version=1&unit_id=%d", branches[0])); r["due"] != 2.0 || r["completed"] != 1.0 || r["late"] != 0.0 {
			t.Errorf("the first version: %v", r)
		}
	})
}
