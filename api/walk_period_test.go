package api_test

import (
	"fmt"
	"testing"

	"zhibu/model"
)

// periodOf opens, as the console, a study period held by the unit for the unit, open now.
func (w *world) periodOf(unit int64) int64 {
	w.t.Helper()
	w.made++
	return w.call("POST", "/study-periods", w.console(), object{
		"unit_id": unit, "series": fmt.Sprint("走查", w.made), "number": 1, "title": "走查",
		"opens_at": "2026-03-02T09:00:00+08:00", "closes_at": "2026-03-08T20:00:00+08:00",
	}).wants(201).number("id")
}

// closedPeriodOf is one that is closed.
func (w *world) closedPeriodOf(unit int64) int64 {
	w.t.Helper()
	id := w.periodOf(unit)
	w.call("POST", periodPath(id, "/close"), w.console(), nil).wants(200)
	return id
}

// keptPeriodOf is one that was opened for all who only read.
func (w *world) keptPeriodOf(unit int64) int64 {
	w.t.Helper()
	if w.kept == nil {
		w.kept = map[int64]int64{}
	}
	if w.kept[unit] == 0 {
		w.kept[unit] = w.closedPeriodOf(unit)
	}
	return w.kept[unit]
}

// reading tries a route that changes nothing on a period the unit holds.
func reading(suffix string) func(*world, int64) (string, any) {
	return func(w *world, unit int64) (string, any) { return periodPath(w.keptPeriodOf(unit), suffix), nil }
}

// onPeriod tries a route on a period the unit holds; body may depend on the unit.
func onPeriod(suffix string, body func(w *world, unit int64) any) func(*world, int64) (string, any) {
	return func(w *world, unit int64) (string, any) {
		path := periodPath(w.periodOf(unit), suffix)
		if body == nil {
			return path, nil
		}
		return path, body(w, unit)
	}
}

func always(body any) func(*world, int64) any { return func(*world, int64) any { return body } }

// periodLines are the lines of the study periods; the unit is the one that holds the period.
func periodLines() map[string]line {
	// Whoever is an officer or a member inside the audience is shown the period of the unit above.
	everyone := but(readers, map[string]verdict{
		"secretary at the parent": pass, "member at his branch": pass, "member at the root": pass, "group leader at the branch": pass,
	})
	// An officer inside the audience works on his own part of it.
	ownPart := but(readers, map[string]verdict{"secretary at the parent": pass, "group leader at the branch": pass})
	below := but(officers, map[string]verdict{"secretary at the parent": pass})
	leaders := append(below, visitor{"group leader at the branch", leader, branch, pass})
	above := but(officers, map[string]verdict{"secretary at his branch": forbidden})
	recorded := func(_ *world, unit int64) any {
		return object{"member_ids": []int64{memberOf(unit)}, "source": "proxy", "reason": "没有手机"}
	}
	series := "?series=%E8%B5%B0%E6%9F%A5&year=2026"
	return map[string]line{
		"list-study-periods": {},
		"open-study-period": {officers, func(w *world, unit int64) (string, any) {
			w.made++
			return "/study-periods", object{"unit_id": unit, "series": fmt.Sprint("新", w.made), "number": 1, "title": "一",
				"opens_at": "2026-03-03T09:00:00+08:00", "closes_at": "2026-03-08T20:00:00+08:00"}
		}},
		"read-study-period":   {everyone, reading("")},
		"change-study-period": {officers, onPeriod("", always(object{"title": "改"}))},
		"cancel-study-period": {officers, onPeriod("/cancel", always(object{"reason": "开错"}))},
		"close-study-period":  {officers, onPeriod("/close", nil)},
		"reopen-study-period": {above, func(w *world, unit int64) (string, any) {
			return periodPath(w.closedPeriodOf(unit), "/reopen"), object{"reason": "漏录"}
		}},
		"add-period-activity": {officers, onPeriod("/activities", func(w *world, unit int64) any {
			return object{"activity_id": w.activityOf(unit)}
		})},
		"list-period-activities": {everyone, reading("/activities")},
		"remove-period-activity": {officers, func(w *world, unit int64) (string, any) {
			id, activity := w.periodOf(unit), w.activityOf(unit)
			w.call("POST", periodPath(id, "/activities"), w.console(), object{"activity_id": activity}).wants(200)
			return periodPath(id, fmt.Sprintf("/activities/%d", activity)), nil
		}},

		"complete-study-period": {but(officers, map[string]verdict{ // whoever is not due is told so, as at a check-in
			"secretary at the group below": forbidden, "secretary at the sibling": forbidden, "secretary at the parent": pass,
			"secretary at the league": forbidden, "secretary at another tree": forbidden, "neighbour at the branch": forbidden,
			"neighbour at a look-alike group": forbidden, "admin of the root at another tree": forbidden, "stranger at the root": forbidden,
			"stranger at a look-alike branch": forbidden, "member at his branch": pass, "member at the root": pass,
			"member at the sibling": forbidden, "auditor of the root at a branch": pass,
		}), onPeriod("/completions", always(object{}))},
		"list-completions":   {ownPart, reading("/completions")},
		"record-completions": {leaders, onPeriod("/completions/batch", recorded)},
		"withdraw-completions": {leaders, onPeriod("/completions/withdraw", func(_ *world, unit int64) any {
			return object{"member_ids": []int64{memberOf(unit)}, "reason": "记错"}
		})},
		"import-completions": {leaders, onPeriod("/completions/import", always(upload("姓名\n无癸\n")))},
		"exempt": {below, onPeriod("/exemptions", func(_ *world, unit int64) any {
			return object{"member_id": memberOf(unit), "reason_category": "sick"}
		})},
		"list-exemptions": {ownPart, reading("/exemptions")},
		"withdraw-exemption": {below, func(w *world, unit int64) (string, any) {
			id, member := w.periodOf(unit), memberOf(unit)
			if unit == leagueRoot || unit == otherRoot {
				return periodPath(id, fmt.Sprintf("/exemptions/%d", member)), nil
			}
			w.call("POST", periodPath(id, "/exemptions"), w.console(), object{"member_id": member, "reason_category": "sick"}).wants(201)
			return periodPath(id, fmt.Sprintf("/exemptions/%d", member)), nil
		}},

		"read-rates":            {ownPart, reading("/rates")},
		"export-rates":          {ownPart, reading("/rates.xlsx")},
		"draw-rates":            {ownPart, reading("/rates.png")},
		"list-absentees":        {ownPart, reading("/absentees")},
		"read-bulletin":         {ownPart, reading("/bulletin")},
		"export-bulletin":       {ownPart, reading("/bulletin.docx")},
		"list-period-versions":  {readers, reading("/versions")},
		"verify-period-version": {readers, reading("/versions/1")},
		"list-period-changes":   {ownPart, reading("/versions/1/changes")},
		"read-study-rates":      {readers, onUnit("/study-rates"+series, nil)},
		"export-study-rates":    {readers, onUnit("/study-rates.xlsx"+series, nil)},
		"draw-study-rates":      {readers, onUnit("/study-rates.png"+series, nil)},
	}
}

// periodNeeds are the permissions that decide the routes of the study periods in the unit that holds them.
var periodNeeds = map[string]model.Permission{
	"open-study-period":      model.WritePeriods,
	"change-study-period":    model.WritePeriods,
	"cancel-study-period":    model.WritePeriods,
	"close-study-period":     model.WritePeriods,
	"reopen-study-period":    model.Administer,
	"add-period-activity":    model.WriteActivities,
	"remove-period-activity": model.WriteActivities,
	"list-completions":       model.ReadRoster,
	"record-completions":     model.RecordAttendance,
	"withdraw-completions":   model.RecordAttendance,
	"import-completions":     model.RecordAttendance,
	"exempt":                 model.DecideLeave,
	"list-exemptions":        model.ReadRoster,
	"withdraw-exemption":     model.DecideLeave,
	"read-rates":             model.ReadRoster,
	"export-rates":           model.ReadRoster,
	"draw-rates":             model.ReadRoster,
	"list-absentees":         model.ReadRoster,
	"read-bulletin":          model.ReadRoster,
	"export-bulletin":        model.ReadRoster,
	"list-period-versions":   model.ReadRoster,
	"verify-period-version":  model.ReadRoster,
	"list-period-changes":    model.ReadRoster,
	"read-study-rates":       model.ReadRoster,
	"export-study-rates":     model.ReadRoster,
	"draw-study-rates":       model.ReadRoster,
}

// TestOfficersOnlySeeTheirPart: an officer inside the audience who asks for a part that is not his does not get it, and
// does not learn more of it than the tree shows him.
func TestOfficersOnlySeeTheirPart(t *testing.T) {
	each(t, func(t *testing.T, w *world) {
		p := w.periodOf(root)
		for _, suffix := range []string{"/rates", "/rates.xlsx", "/rates.png", "/absentees", "/bulletin", "/bulletin.docx", "/completions", "/exemptions"} {
			for _, c := range []struct {
				member, unit int64
				status       int
				code         string
			}{
				{secretary, root, 403, "forbidden"},
				{secretary, sibling, 404, "not_found"},
				{secretary, otherBranch, 404, "not_found"},
				{secretary, 999, 404, "not_found"},
				{leader, branch, 403, "forbidden"},
				{leader, sibling, 404, "not_found"},
				{plain, branch, 403, "forbidden"},
				{plain, sibling, 404, "not_found"},
				{chief, otherRoot, 404, "not_found"},
			} {
				w.call("GET", periodPath(p, suffix, fmt.Sprintf("?unit_id=%d", c.unit)), w.token(c.member), nil).refuses(c.status, c.code)
			}
			for member, unit := range map[int64]int64{secretary: group, leader: group, chief: sibling, auditor: leagueBranch} {
				w.call("GET", periodPath(p, suffix, fmt.Sprintf("?unit_id=%d", unit)), w.token(member), nil).wants(200)
			}
		}
		q := w.periodOf(branch)
		w.call("GET", periodPath(q, "/rates?unit_id=11"), w.token(chief), nil).refuses(422, "invalid_request")
		for member, unit := range map[int64]int64{secretary: branch, leader: group, chief: root, auditor: root} {
			if got := w.call("GET", periodPath(p, "/rates"), w.token(member), nil).wants(200).number("unit_id"); got != unit {
				t.Errorf("%d is shown the part %d, want %d", member, got, unit)
			}
		}
	})
}
