package api_test

import (
	"fmt"
	"strings"
	"testing"
	"time"

	"zhibu/model"
)

// TestMakingBills: once for each member and month, however often they are asked for.
func TestMakingBills(t *testing.T) {
	each(t, func(t *testing.T, w *world) {
		for member, fen := range map[int64]int64{plain: 1_000, nobody: 2_000, leader: 500, colleague: 700} {
			w.assess(member, fen)
		}
		run := func(member, unit int64, month string, created, existing, unassessed int) {
			t.Helper()
			a := w.call("POST", duesPath(unit, "bills"), w.token(member), object{"month": month}).wants(200)
			same(t, fmt.Sprint(month, " at ", unit), a.object(), object{"created": created, "existing": existing, "unassessed": unassessed})
		}
		run(secretary, branch, "2026-03", 3, 0, 4)
		run(secretary, branch, "2026-03", 0, 3, 4)
		run(chief, root, "2026-03", 1, 3, 6)
		run(neighbour, sibling, "2026-03", 0, 1, 1)
		w.must(w.services.Dues.BillDue(t.Context()))
		run(chief, root, "2026-03", 0, 4, 6)
		run(chief, root, "2026-02", 0, 4, 6) // the chore made those of the month before
		before := w.duesRows()
		for _, month := range []any{"2026-13", "2026-00", "26-03", "2026-3", "", "2027-04", "２０２６-03", nil, 202603, []string{"2026-03"}} {
			w.faultAt("POST", duesPath(branch, "bills"), w.token(secretary), object{"month": month}, "month")
		}
		w.call("POST", duesPath(group, "bills"), w.token(secretary), object{"month": "2026-03"}).refuses(409, "no_books")
		w.call("POST", duesPath(sibling, "bills"), w.token(secretary), object{"month": "2026-03"}).refuses(404, "not_found")
		if after := w.duesRows(); after != before {
			t.Errorf("rows before: %s, after: %s", before, after)
		}
		if n := w.recorded("refused.make-dues-bills"); n != 12 {
			t.Errorf("%d refusals in the audit", n)
		}
	})
}

// TestBillsOfBothTracks: who is in the party pays party dues, and League dues only if he wants to.
func TestBillsOfBothTracks(t *testing.T) {
	each(t, func(t *testing.T, w *world) {
		w.assess(both, 1_000)
		league := object{"track": "league", "category": "salaried", "base_fen": 300_000, "effective_month": "2026-03"}
		w.call("PUT", assessPath(both), w.token(youth), league).wants(200)
		w.makeBills(root, "2026-03")
		mine := func() []object { return w.call("GET", "/me/dues?month=2026-03", w.token(both), nil).wants(200).items() }
		if got := mine(); len(got) != 1 || got[0]["track"] != "party" {
			t.Errorf("without his wish: %v", got)
		}
		w.call("PUT", assessPath(both), w.token(youth), altered(league, object{"keep_league": true})).wants(200)
		w.makeBills(root, "2026-03")
		if got := mine(); len(got) != 2 {
			t.Errorf("with his wish: %v", got)
		}
		if got := w.call("GET", "/me/dues?track=league", w.token(both), nil).wants(200).items(); len(got) != 1 || got[0]["unit_id"] != float64(leagueBranch) {
			t.Errorf("%v", got)
		}
	})
}

// TestBillOfWhoMoved: the letter says up to which month the old branch collects.
func TestBillOfWhoMoved(t *testing.T) {
	each(t, func(t *testing.T, w *world) {
		w.assess(plain, 1_000)
		w.call("POST", fmt.Sprintf("/members/%d/transfers", plain), w.token(chief), object{
			"to_unit_id": sibling, "effective_on": "2026-03-02", "reason": "调动", "dues_paid_to": "2026-04",
		}).wants(201)
		w.makeBills(root, "2026-03", "2026-04", "2026-05")
		got := ""
		for _, b := range w.call("GET", "/me/dues", w.token(plain), nil).wants(200).items() {
			got += fmt.Sprintf("%s %v; ", b["month"], b["unit_id"])
		}
		if got != "2026-05 11; 2026-04 10; 2026-03 10; " {
			t.Error(got)
		}
		// The old branch collects what is owed to it, and not what is owed to the new one.
		pay := object{"member_id": plain, "months": []string{"2026-04"}, "amount_fen": 1_000, "method": "cash"}
		w.call("POST", duesPath(branch, "payments"), w.token(secretary), pay).wants(201)
		w.faultAt("POST", duesPath(branch, "payments"), w.token(secretary), altered(pay, object{"months": []string{"2026-05"}}), "member_id")
		w.call("POST", duesPath(sibling, "payments"), w.token(neighbour), altered(pay, object{"months": []string{"2026-05"}})).wants(201)
	})
}

// TestListsOfBills: filters, pages, fields, and names for the officers of that very branch.
func TestListsOfBills(t *testing.T) {
	each(t, func(t *testing.T, w *world) {
		for _, member := range []int64{plain, nobody, colleague} {
			w.assess(member, 1_000)
		}
		w.call("POST", fmt.Sprintf("/members/%d/dues-exemptions", nobody), w.console(), object{
			"from_month": "2026-03", "to_month": "2026-03", "amount_fen": 0, "approved_by": "机关党委", "reason_category": "illness",
		}).wants(201)
		w.makeBills(root, "2025-12", "2026-01", "2026-02", "2026-03")
		w.takeCash(branch, plain, object{"months": []string{"2026-01", "2026-02"}, "amount_fen": 1_300})
		list := func(member, unit int64, query string) []object {
			t.Helper()
			return w.call("GET", duesPath(unit, "bills"+query), w.token(member), nil).wants(200).items()
		}
		for query, n := range map[string]int{
			"": 6, "?month=2026-01": 2, "?year=2026": 6, "?year=2025": 0, "?state=open": 3, "?state=part_paid": 1, "?state=paid": 1,
			"?state=exempt": 1, "?state=voided": 0, "?track=league": 0, "?track=party": 6, "?member_id=1001": 3, "?member_id=1003": 0,
			"?month=2026-03&state=open&member_id=1001": 1, "?month=2031-01": 0,
		} {
			if got := list(secretary, branch, query); len(got) != n {
				t.Errorf("%s: %d bills, want %d: %v", query, len(got), n, got)
			}
		}
		same(t, "part paid", list(secretary, branch, "?state=part_paid")[0], object{
			"member_id": plain, "name": "员乙", "unit_id": branch, "unit_name": "单位10", "track": "party", "month": "2026-02", "due_on": "2026-02-02",
			"assessed_fen": 1_000, "amount_fen": 1_000, "paid_fen": 300, "state": "part_paid",
		})
		for _, b := range list(chief, root, "") {
			if b["name"] != nil {
				t.Errorf("from above the list names %v", b)
			}
		}
		if got := list(chief, root, ""); len(got) != 9 {
			t.Errorf("the root has %d bills", len(got))
		}
		seen, path := map[any]bool{}, duesPath(branch, "bills?limit=2")
		for pages := 1; ; pages++ {
			page := w.call("GET", path, w.token(secretary), nil).wants(200)
			for _, b := range page.items() {
				seen[b["id"]] = true
			}
			next := page.object()["next_cursor"]
			if next == nil {
				if pages != 3 || len(seen) != 6 {
					t.Errorf("%d bills on %d pages", len(seen), pages)
				}
				break
			}
			path = duesPath(branch, "bills?limit=2&cursor="+next.(string))
		}
		for query, field := range map[string]string{
			"?limit=0": "limit", "?limit=201": "limit", "?cursor=x": "cursor", "?month=2026-13": "month", "?year=1999": "year", "?state=gone": "state",
			"?member_id=0": "member_id", "?member_id=99999999999999999999": "member_id", "?track=all": "track", "?x=1": "x",
		} {
			w.faultAt("GET", duesPath(branch, "bills"+query), w.token(secretary), nil, field)
		}
	})
}

// TestVoidingBills: an unpaid bill can be taken back, once.
func TestVoidingBills(t *testing.T) {
	each(t, func(t *testing.T, w *world) {
		w.assess(plain, 1_000)
		w.makeBills(branch, "2026-02", "2026-03")
		w.takeCash(branch, plain, object{"months": []string{"2026-02"}, "amount_fen": 1})
		void := func(month string, body object) *answer {
			t.Helper()
			bill := w.call("GET", duesPath(branch, "bills?month="+month), w.console(), nil).items()[0]
			return w.call("POST", fmt.Sprintf("/dues/bills/%.0f/void", bill["id"]), w.token(secretary), body)
		}
		void("2026-02", object{"reason": "记错"}).refuses(409, "bill_paid")
		void("2026-03", object{"reason": " "}).refuses(422, "invalid_request")
		gone := void("2026-03", object{"reason": "记错"}).wants(200).object()
		same(t, "voided", gone, object{"state": "voided", "void_reason": "记错", "paid_fen": 0})
		w.call("POST", fmt.Sprintf("/dues/bills/%.0f/void", gone["id"]), w.token(secretary), object{"reason": "再次"}).refuses(409, "bill_voided")
		w.call("POST", "/dues/bills/1/void", w.token(secretary), object{"reason": "没有"}).refuses(404, "not_found")
		w.call("POST", duesPath(branch, "bills"), w.token(secretary), object{"month": "2026-03"}).wants(200)
		if got := w.call("GET", "/me/dues?month=2026-03", w.token(plain), nil).items(); len(got) != 1 || got[0]["state"] != "open" {
			t.Errorf("made anew: %v", got)
		}
	})
}

// TestMyDues: what a member sees of himself, and that a year of arrears only warns.
func TestMyDues(t *testing.T) {
	each(t, func(t *testing.T, w *world) {
		w.clock.Advance(24 * time.Hour) // the dues day of March is the second, a Monday
		w.assess(plain, 1_000)
		w.assess(nobody, 2_000)
		w.makeBills(branch, "2026-01", "2026-02", "2026-03", "2026-04")
		mine := func(query string) object {
			t.Helper()
			return w.call("GET", "/me/dues"+query, w.token(plain), nil).wants(200).object()
		}
		same(t, "mine", mine(""), object{"open_fen": 3_000, "months_behind": 3, "warning": "已连续3个月未缴，请核实提醒", "year": 2026, "paid_fen": 0})
		w.takeCash(branch, plain, object{"months": []string{"2026-01", "2026-02"}, "amount_fen": 2_000, "voluntary_fen": 500})
		m := mine("?state=paid")
		same(t, "after paying", m, object{"open_fen": 1_000, "months_behind": 1, "warning": nil, "paid_fen": 2_500, "next_cursor": nil})
		items := m["items"].([]any)
		if len(items) != 2 {
			t.Fatal(items)
		}
		for _, i := range items {
			same(t, "my bill", i.(object), object{"member_id": plain, "name": "员乙", "amount_fen": 1_000, "paid_fen": 1_000, "state": "paid"})
		}
		same(t, "last year", mine("?year=2025"), object{"year": 2025, "paid_fen": 0})
		same(t, "the console owes nothing", w.call("GET", "/me/dues", w.console(), nil).wants(200).object(), object{"open_fen": 0, "months_behind": 0})
		if got := w.call("GET", "/me/dues", w.token(colleague), nil).wants(200).items(); len(got) != 0 {
			t.Errorf("another member sees %v", got)
		}
	})
}

// TestArrears: names for the officers of that very branch, totals above; nobody's membership changes.
func TestArrears(t *testing.T) {
	each(t, func(t *testing.T, w *world) {
		w.clock.Advance(24 * time.Hour) // the dues day of March is the second, a Monday
		for _, member := range []int64{plain, nobody, colleague} {
			w.assess(member, 1_000)
		}
		w.makeBills(root, "2026-01", "2026-02", "2026-03")
		w.takeCash(branch, nobody, object{"months": []string{"2026-01", "2026-02", "2026-03"}, "amount_fen": 2_500})
		arrears := func(member, unit int64, query string) []any {
			t.Helper()
			return w.call("GET", duesPath(unit, "arrears"+query), w.token(member), nil).wants(200).object()["branches"].([]any)
		}
		own := arrears(secretary, branch, "")[0].(object)
		same(t, "own branch", own, object{"unit_id": branch, "members": 2, "open_fen": 3_500})
		items := own["items"].([]any)
		same(t, "longest first", items[0].(object), object{
			"member_id": plain, "name": "员乙", "months": 3, "bills": 3, "since": "2026-01", "open_fen": 3_000, "warning": "已连续3个月未缴，请核实提醒",
		})
		same(t, "then", items[1].(object), object{"member_id": nobody, "name": "无癸", "months": 1, "bills": 1, "open_fen": 500, "warning": nil})
		if got := arrears(secretary, branch, "?months=3")[0].(object); got["members"] != 1.0 {
			t.Errorf("at least three months: %v", got)
		}
		for _, above := range []int64{chief, auditor} {
			got := w.call("GET", duesPath(root, "arrears"), w.token(above), nil).wants(200)
			if strings.Contains(got.Body.String(), "员乙") || strings.Contains(got.Body.String(), "1001") {
				t.Errorf("%d is shown names: %s", above, got.Body)
			}
			branches := got.object()["branches"].([]any)
			if len(branches) != 2 {
				t.Fatal(branches)
			}
			same(t, "total", branches[0].(object), object{"unit_id": branch, "members": 2, "open_fen": 3_500, "items": []any{}})
		}
		w.call("GET", duesPath(branch, "arrears"), w.token(leader), nil).refuses(403, "forbidden")
		w.call("GET", duesPath(branch, "arrears"), w.token(neighbour), nil).refuses(404, "not_found")
		var states []string
		w.must(w.db.Read(t.Context()).Model(&model.Membership{}).Distinct().Pluck("state", &states).Error)
		if len(states) != 1 || states[0] != string(model.Active) {
			t.Errorf("states of memberships: %v", states)
		}
	})
}

// TestPublication: names and months for the members of the branch, amounts only when the organisation publishes them.
func TestPublication(t *testing.T) {
	each(t, func(t *testing.T, w *world) {
		w.assess(plain, 1_000)
		w.assess(nobody, 2_000)
		w.makeBills(branch, "2026-01", "2026-02", "2026-03")
		w.takeCash(branch, plain, object{"months": []string{"2026-01", "2026-02"}, "amount_fen": 1_500})
		read := func(member, unit int64) object {
			t.Helper()
			return w.call("GET", duesPath(unit, "publication?year=2026"), w.token(member), nil).wants(200).object()
		}
		for _, member := range []int64{plain, leader} {
			p := read(member, branch)
			same(t, "publication", p, object{"unit_id": branch, "unit_name": "单位10", "year": 2026, "members": 2, "paid_fen": nil})
			items := p["items"].([]any)
			same(t, "plain", items[0].(object), object{"member_id": plain, "name": "员乙", "months": []any{"2026-01"}, "paid_fen": nil})
			same(t, "nobody", items[1].(object), object{"member_id": nobody, "name": "无癸", "months": []any{}, "paid_fen": nil})
		}
		above := read(auditor, root)
		same(t, "above", above, object{"members": 2, "paid_fen": 1_500, "items": []any{}})
		w.call("GET", duesPath(branch, "publication"), w.token(neighbour), nil).refuses(404, "not_found")
		w.call("GET", duesPath(branch, "publication"), w.token(stranger), nil).refuses(404, "not_found")
		sheet := w.call("GET", duesPath(branch, "publication.xlsx?year=2026"), w.token(plain), nil).wants(200).Body.Bytes()
		if text := shown(t, sheet); !strings.Contains(text, "员乙") || strings.Contains(text, "15.00") || strings.Contains(text, "金额") {
			t.Error(text)
		}
		w.call("PUT", settingsOf(root)+"/dues.publish_amounts", w.token(chief), object{"value": "true"}).wants(200)
		p := read(plain, branch)
		same(t, "with amounts", p, object{"paid_fen": 1_500})
		same(t, "plain", p["items"].([]any)[0].(object), object{"paid_fen": 1_500})
		sheet = w.call("GET", duesPath(branch, "publication.xlsx?year=2026"), w.token(plain), nil).wants(200).Body.Bytes()
		if text := shown(t, sheet); !strings.Contains(text, "15.00") {
			t.Error(text)
		}
	})
}

// TestPlanOfDues: the January list, and who is missing on it.
func TestPlanOfDues(t *testing.T) {
	each(t, func(t *testing.T, w *world) {
		w.assess(plain, 1_000)
		plan := func(query string) []object {
			t.Helper()
			return w.call("GET", duesPath(branch, "assessments"+query), w.token(secretary), nil).wants(200).items()
		}
		if n := len(plan("")); n != 7 {
			t.Errorf("%d on the roster", n)
		}
		if got := plan("?missing=true"); len(got) != 6 || got[0]["assessment"] != nil {
			t.Errorf("%v", got)
		}
		for _, p := range plan("") {
			if p["member_id"] == float64(plain) {
				same(t, "planned", p, object{"name": "员乙", "unit_id": branch, "track": "party", "kind": "full", "category": "in_service"})
				same(t, "assessment", p["assessment"].(object), object{"amount_fen": 1_000, "base_fen": nil, "effective_month": "2026-01"})
			}
		}
		if n := len(plan("?month=2025-12&missing=true")); n != 7 {
			t.Errorf("%d were missing before", n)
		}
		page := w.call("GET", duesPath(branch, "assessments?limit=4"), w.token(secretary), nil).wants(200)
		rest := plan("?limit=4&cursor=" + page.text("next_cursor"))
		if len(page.items()) != 4 || len(rest) != 3 {
			t.Errorf("pages of %d and %d", len(page.items()), len(rest))
		}
		w.faultAt("GET", duesPath(branch, "assessments?month=2026-99"), w.token(secretary), nil, "month")
		w.faultAt("GET", duesPath(branch, "assessments?cursor=%E4%B8%80"), w.token(secretary), nil, "cursor")
	})
}
