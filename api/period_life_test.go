package api_test

import (
	"fmt"
	"testing"
	"time"
)

// openPeriod opens, as the console, the week of the League with other values.
func (w *world) openPeriod(more ...any) int64 {
	w.t.Helper()
	return w.call("POST", "/study-periods", w.console(), with(week(leagueRoot), more...)).wants(201).number("id")
}

func (w *world) period(id int64, token string) object {
	w.t.Helper()
	return w.call("GET", periodPath(id), token, nil).wants(200).object()
}

// part is the rate of a unit in a period.
func (w *world) part(period, unit int64) object {
	w.t.Helper()
	return w.total(period, fmt.Sprintf("?unit_id=%d", unit))
}

// set sets a setting of the League from a day on; empty is today.
func (w *world) set(name, value, on string) {
	w.t.Helper()
	body := object{"value": value}
	if on != "" {
		body["effective_on"] = on
	}
	w.call("PUT", settingsOf(leagueRoot)+"/participation."+name, w.console(), body).wants(200)
}

// TestSettingsOfTheOpeningDay: a period keeps what was in force on the day it opens; no later setting changes it.
func TestSettingsOfTheOpeningDay(t *testing.T) {
	each(t, func(t *testing.T, w *world) {
		w.set("threshold_bp", "9000", "2026-03-09")
		w.set("decide_on", "raw", "2026-03-09")
		w.set("min_days", "5", "2026-03-09")
		w.set("check_ins_count", "true", "2026-03-09")
		first := w.openPeriod("threshold_bp", nil)
		second := w.openPeriod("threshold_bp", nil, "number", 13, "opens_at", shanghai("2026-03-09", "00:00"), "closes_at", shanghai("2026-03-15", "20:00"))
		own := w.openPeriod("series", "自定", "threshold_bp", 6667, "opens_at", shanghai("2026-03-09", "00:00"), "closes_at", shanghai("2026-03-15", "20:00"))
		holds := func(id int64, threshold, days float64, decideOn string, checkIns bool) {
			t.Helper()
			p := w.period(id, w.console())
			if p["threshold_bp"] != threshold || p["min_days"] != days || p["decide_on"] != decideOn || p["check_ins_count"] != checkIns {
				t.Errorf("%v", p)
			}
		}
		holds(first, 8500, 0, "adjusted", false)
		w.at("2026-03-10 09:00")
		w.set("threshold_bp", "5000", "")
		w.set("decide_on", "adjusted", "")
		w.set("min_days", "0", "")
		w.set("check_ins_count", "false", "")
		w.must(w.services.Period.CloseOverdue(t.Context()))
		holds(first, 8500, 0, "adjusted", false)
		holds(second, 9000, 5, "raw", true)
		holds(own, 6667, 5, "raw", true)
		w.at("2026-03-16 09:00")
		if v := w.call("GET", periodPath(second, "/versions/1"), w.console(), nil).wants(200); v.number("threshold_bp") != 9000 || v.object()["intact"] != true {
			t.Error(v.Body)
		}
	})
}

func TestDecideOn(t *testing.T) {
	each(t, func(t *testing.T, w *world) {
		branches, members := w.league(5)
		adjusted := w.openWeek()
		w.set("decide_on", "raw", "")
		raw := w.openPeriod("series", "甲")
		for _, p := range []int64{adjusted, raw} {
			w.call("POST", periodPath(p, "/exemptions"), w.console(), object{"member_id": members[0][0], "reason_category": "abroad"}).wants(201)
			for _, m := range members[0][1:] {
				w.study(p, m).wants(201)
			}
		}
		if r := w.part(adjusted, branches[0]); r["percent"] != "80.00" || r["adjusted_percent"] != "100.00" || r["met"] != true || r["shortfall"] != 0.0 {
			t.Errorf("on the adjusted rate: %v", r)
		}
		if r := w.part(raw, branches[0]); r["percent"] != "80.00" || r["adjusted_percent"] != "100.00" || r["met"] != false || r["shortfall"] != 1.0 {
			t.Errorf("on the raw rate: %v", r)
		}
		if r := w.part(raw, leagueRoot); r["due"] != 7.0 || r["completed"] != 4.0 || r["percent"] != "57.14" || r["adjusted_percent"] != "66.67" {
			t.Errorf("above, heads are added: %v", r)
		}
	})
}

// TestMinDays: who joined a day too late is not due, until he has been there long enough.
func TestMinDays(t *testing.T) {
	each(t, func(t *testing.T, w *world) {
		w.set("min_days", "10", "")
		branches, members := w.league(2) // on the roster from 2026-03-01
		p := w.openPeriod("closes_at", shanghai("2026-03-11", "20:00"))
		if r := w.part(p, branches[0]); r["due"] != 0.0 || r["percent"] != nil || r["met"] != nil || r["shortfall"] != 0.0 {
			t.Errorf("after one day: %v", r)
		}
		w.study(p, members[0][0]).refuses(403, "not_invited")
		w.at("2026-03-10 23:59")
		w.study(p, members[0][0]).refuses(403, "not_invited")
		w.at("2026-03-11 00:00")
		w.study(p, members[0][0]).wants(201)
		if r := w.part(p, branches[0]); r["due"] != 2.0 || r["percent"] != "50.00" {
			t.Errorf("after ten days: %v", r)
		}
	})
}

func TestSpecialIssue(t *testing.T) {
	each(t, func(t *testing.T, w *world) {
		w.openWeek()
		open := func(more ...any) *answer {
			body := with(week(leagueRoot), "number", nil, "special", true, "title", "五四特辑")
			return w.call("POST", "/study-periods", w.console(), with(body, more...))
		}
		a := open().wants(201)
		if a.text("name") != "五四特辑" || a.object()["number"] != nil || a.object()["special"] != true {
			t.Error(a.Body)
		}
		open().refuses(409, "study_period_exists")
		open("title", "国庆特辑").wants(201) // special issues may run beside each other
		if p := w.call("PATCH", periodPath(a.number("id")), w.console(), object{"title": "五四青年节特辑"}).wants(200); p.text("name") != "五四青年节特辑" {
			t.Error(p.Body)
		}
		w.call("PATCH", periodPath(a.number("id")), w.console(), object{"title": "国庆特辑"}).refuses(409, "study_period_exists")
		open().wants(201)
	})
}

// TestAudience: only the branches named are due, and nobody else is shown the period.
func TestAudience(t *testing.T) {
	each(t, func(t *testing.T, w *world) {
		branches, members := w.league(2, 2, 2)
		p := w.openPeriod("audience", object{"unit_ids": []int64{branches[0], branches[2], branches[0]}})
		w.study(p, members[0][1]).wants(201)
		w.study(p, members[2][1]).wants(201)
		w.study(p, members[1][1]).refuses(403, "not_invited")
		for _, suffix := range []string{"", "/rates", "/absentees", "/bulletin"} {
			w.call("GET", periodPath(p, suffix), w.token(members[1][0]), nil).refuses(404, "not_found")
		}
		if got := w.call("GET", "/study-periods", w.token(members[1][1]), nil).wants(200).items(); len(got) != 0 {
			t.Errorf("another branch's member is shown %v", got)
		}
		w.call("GET", periodPath(p), w.token(members[2][1]), nil).wants(200)
		rates := w.call("GET", periodPath(p, "/rates"), w.console(), nil).wants(200).object()
		if total := rates["total"].(object); total["due"] != 4.0 || total["completed"] != 2.0 {
			t.Errorf("%v", total)
		}
		for _, u := range rates["units"].([]any) {
			if u.(object)["unit_id"] == float64(branches[1]) {
				t.Errorf("a branch outside the audience is in the rates: %v", u)
			}
		}
		if got := w.period(p, w.console())["audience"].(object)["unit_ids"].([]any); len(got) != 2 {
			t.Errorf("the audience is %v", got)
		}
	})
}

// TestChangePeriod: everything until it opens, then the title, the link and the end.
func TestChangePeriod(t *testing.T) {
	each(t, func(t *testing.T, w *world) {
		_, members := w.league(2)
		p := w.openPeriod("opens_at", shanghai("2026-03-03", "09:00"), "quiz", oneQuestion())
		change := func(body object) object {
			t.Helper()
			return w.call("PATCH", periodPath(p), w.console(), body).wants(200).object()
		}
		got := change(object{"opens_at": shanghai("2026-03-04", "09:00"), "threshold_bp": 9000, "quiz": with(oneQuestion(), "pass", 1), "link": "https://example.com/12"})
		if got["opens_at"] != shanghai("2026-03-04", "09:00") || got["threshold_bp"] != 9000.0 || got["link"] != "https://example.com/12" {
			t.Errorf("%v", got)
		}
		if got := change(object{"no_quiz": true, "link": ""}); got["quiz"] != nil || got["link"] != "" {
			t.Errorf("%v", got)
		}
		w.at("2026-03-04 09:00")
		w.study(p, members[0][0]).wants(201)
		change(object{"title": "改了", "closes_at": shanghai("2026-03-06", "20:00")})
		w.at("2026-03-06 20:00")
		if late := w.study(p, members[0][1]).wants(201); late.object()["late"] != true {
			t.Errorf("after the new end: %s", late.Body)
		}
		if got := w.period(p, w.token(members[0][0])); got["state"] != "closed" || got["closed_at"] != shanghai("2026-03-06", "20:00") {
			t.Errorf("%v", got)
		}
		q := w.openPeriod("number", 13, "closes_at", shanghai("2026-03-08", "20:00"), "opens_at", shanghai("2026-03-06", "20:00"))
		w.call("PATCH", periodPath(q), w.console(), object{"closes_at": shanghai("2026-03-12", "20:00")}).wants(200)
		w.at("2026-03-10 09:00")
		if done := w.study(q, members[0][0]).wants(201); done.object()["late"] != false {
			t.Errorf("in the longer window: %s", done.Body)
		}
	})
}

// TestReopenedBeforeItsEnd: a period closed too early by hand goes on until its planned end, and what came in between
// counts.
func TestReopenedBeforeItsEnd(t *testing.T) {
	each(t, func(t *testing.T, w *world) {
		_, members := w.league(4)
		p := w.openWeek()
		w.study(p, members[0][0]).wants(201)
		w.at("2026-03-04 09:00")
		w.call("POST", periodPath(p, "/close"), w.console(), nil).wants(200)
		w.at("2026-03-05 09:00")
		if late := w.study(p, members[0][1]).wants(201); late.object()["late"] != true {
			t.Error(late.Body)
		}
		if r := w.total(p, ""); r["completed"] != 1.0 || r["late"] != 1.0 {
			t.Errorf("the first version: %v", r)
		}
		w.call("POST", periodPath(p, "/reopen"), w.token(chief), object{"reason": "误点截止"}).wants(200)
		if got := w.period(p, w.token(members[0][1])); got["state"] != "open" || got["completion"].(object)["late"] != false {
			t.Errorf("%v", got)
		}
		w.study(p, members[0][2]).wants(201)
		if r := w.total(p, ""); r["completed"] != 3.0 || r["late"] != 0.0 {
			t.Errorf("open again: %v", r)
		}
		w.call("POST", periodPath(p, "/cancel"), w.console(), object{"reason": "不要了"}).refuses(409, "study_period_closed")
		w.at("2026-03-08 20:00")
		w.must(w.services.Period.CloseOverdue(t.Context()))
		if v := w.call("GET", periodPath(p, "/versions"), w.console(), nil).wants(200).items(); len(v) != 2 ||
			v[0]["reason"] != "误点截止" || v[0]["frozen_by"] != "system" || v[0]["cutoff_at"] != shanghai("2026-03-08", "20:00") {
			t.Errorf("%v", v)
		}
		if r := w.total(p, "?version=1"); r["completed"] != 1.0 {
			t.Errorf("the first version changed: %v", r)
		}
	})
}

func TestReopenedPeriodClosesByItself(t *testing.T) {
	each(t, func(t *testing.T, w *world) {
		p := w.openWeek()
		w.at("2026-03-09 09:00")
		w.call("POST", periodPath(p, "/reopen"), w.token(chief), object{"reason": "漏录"}).wants(200)
		state := func() any { return w.period(p, w.console())["state"] }
		w.at("2026-03-16 08:59")
		w.must(w.services.Period.CloseOverdue(t.Context()))
		if state() != "reopened" {
			t.Errorf("%v", state())
		}
		w.at("2026-03-16 09:00")
		w.must(w.services.Period.CloseOverdue(t.Context()))
		w.must(w.services.Period.CloseOverdue(t.Context()))
		if v := w.call("GET", periodPath(p, "/versions"), w.console(), nil).wants(200).items(); state() != "closed" || len(v) != 2 || v[0]["hash"] != v[1]["hash"] {
			t.Errorf("%v %v", state(), v) // nothing was corrected, so both have the same hash
		}
	})
}

func TestCancelledNumberIsFree(t *testing.T) {
	each(t, func(t *testing.T, w *world) {
		_, members := w.league(2)
		p := w.openWeek()
		w.study(p, members[0][0]).wants(201)
		for range 2 {
			w.call("POST", periodPath(p, "/cancel"), w.console(), object{"reason": "开错"}).wants(200)
			w.clock.Advance(time.Second)
			p = w.openWeek()
		}
		if got := w.period(p, w.token(members[0][0])); got["completion"] != nil || got["state"] != "open" {
			t.Errorf("%v", got)
		}
		if got := w.call("GET", "/study-periods?state=cancelled", w.token(members[0][0]), nil).wants(200).items(); len(got) != 2 || got[0]["cancel_reason"] != "开错" {
			t.Errorf("%v", got)
		}
	})
}

// TestActivityOfACancelledPeriod: an activity goes on to the period that takes the place of the one opened by mistake.
func TestActivityOfACancelledPeriod(t *testing.T) {
	each(t, func(t *testing.T, w *world) {
		mistaken := w.openWeek()
		activity := w.activityOf(leagueBranch)
		w.call("POST", periodPath(mistaken, "/activities"), w.console(), object{"activity_id": activity}).wants(200)
		w.call("POST", periodPath(mistaken, "/cancel"), w.console(), object{"reason": "期数有误"}).wants(200)
		right := w.openWeek()
		w.call("POST", periodPath(right, "/activities"), w.console(), object{"activity_id": activity}).wants(200)
	})
}
