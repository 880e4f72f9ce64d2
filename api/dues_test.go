package api_test

import (
	"fmt"
	"maps"
	"strings"
	"testing"

	"zhibu/model"
)

func duesPath(unit int64, suffix string) string {
	return fmt.Sprintf("/units/%d/dues/%s", unit, suffix)
}

func assessPath(member int64) string { return fmt.Sprintf("/members/%d/dues-assessment", member) }

// altered is the object with some fields changed; nil takes a field away.
func altered(o, changes object) object {
	o = maps.Clone(o)
	for field, value := range changes {
		if o[field] = value; value == nil {
			delete(o, field)
		}
	}
	return o
}

// standard is a flat standard for students, with some fields changed.
func standard(changes object) object {
	return altered(object{
		"track": "party", "category": "student", "effective_month": "2026-04", "brackets": []object{{"amount_fen": 50}}, "cap_fen": 100,
		"rule": "每月0.5元", "source": "机关党委会议纪要",
	}, changes)
}

// assess fixes, as the console, what members owe each month from January on.
func (w *world) assess(member int64, fen int64) {
	w.t.Helper()
	w.call("PUT", assessPath(member), w.console(), object{
		"track": "party", "category": "salaried", "amount_fen": fen, "effective_month": "2026-01",
	}).wants(200)
}

// makeBills makes, as the console, the bills of the unit for the months.
func (w *world) makeBills(unit int64, months ...string) {
	w.t.Helper()
	for _, m := range months {
		w.call("POST", duesPath(unit, "bills"), w.console(), object{"month": m}).wants(200)
	}
}

// takeCash takes, as the console, cash from a member.
func (w *world) takeCash(unit, member int64, changes object) *answer {
	w.t.Helper()
	body := altered(object{"member_id": member, "months": []string{"2026-03"}, "amount_fen": 1_000, "method": "cash"}, changes)
	return w.call("POST", duesPath(unit, "payments"), w.console(), body).wants(201)
}

// duesTables are all that the dues keep.
var duesTables = []string{
	"dues_standards", "dues_assessments", "dues_exemptions", "dues_bills", "dues_entries", "dues_lines", "dues_balances", "dues_orders",
	"dues_payments", "dues_allocations", "dues_refunds", "dues_remittances", "dues_reconciliations", "idempotency_keys",
}

// duesRows says how many rows each table has, and what the balances and bills come to: a request that was refused changes
// none of it.
func (w *world) duesRows() string {
	w.t.Helper()
	var b strings.Builder
	db := w.db.Read(w.t.Context())
	for _, table := range duesTables {
		var n int64
		w.must(db.Table(table).Count(&n).Error)
		fmt.Fprintf(&b, "%s %d, ", table, n)
	}
	for _, sum := range []struct{ of, table string }{
		{"SUM(ABS(amount_fen))", "dues_balances"}, {"SUM(paid_fen)", "dues_bills"}, {"SUM(amount_fen)", "dues_bills"},
		{"COUNT(DISTINCT voided_id)", "dues_bills"}, {"SUM(withdrawn_at)", "dues_exemptions"}, {"SUM(replaced_id <> 0)", "dues_assessments"},
		{"SUM(reversed_id <> 0)", "dues_payments"}, {"SUM(advance_fen)", "dues_payments"}, {"SUM(refunded_fen)", "dues_orders"},
		{"COUNT(receipt_no)", "dues_remittances"}, {"SUM(reversed_id <> 0)", "dues_remittances"},
	} {
		var n int64
		w.must(db.Table(sum.table).Select("COALESCE(" + sum.of + ", 0)").Scan(&n).Error)
		fmt.Fprintf(&b, "%s of %s %d, ", sum.of, sum.table, n)
	}
	return b.String()
}

// recorded counts the audit events of an action.
func (w *world) recorded(action string) int64 {
	w.t.Helper()
	var n int64
	w.must(w.db.Read(w.t.Context()).Model(&model.AuditEvent{}).Where("action = ?", action).Count(&n).Error)
	return n
}

// same fails the test unless the fields have the values; numbers as they are written in Go.
func same(t testing.TB, what string, got object, want object) {
	t.Helper()
	for field, value := range want {
		g, there := got[field]
		if n, ok := g.(float64); ok && n == float64(int64(n)) {
			g = int64(n)
		}
		if !there || fmt.Sprint(g) != fmt.Sprint(value) {
			t.Errorf("%s: %s is %v, want %v", what, field, g, value)
		}
	}
}

// TestQuoteVectors are those of DOMAIN.md §6 and §7, and the refusals.
func TestQuoteVectors(t *testing.T) {
	each(t, func(t *testing.T, w *world) {
		token := w.token(plain)
		for _, c := range []struct {
			track, category string
			base, amount    int
			bp              any
		}{
			{"party", "salaried", 299_999, 1_500, 50}, {"party", "salaried", 300_000, 1_500, 50}, {"party", "salaried", 300_001, 3_000, 100},
			{"party", "salaried", 320_000, 3_200, 100}, {"party", "salaried", 432_100, 4_321, 100}, {"party", "salaried", 500_000, 5_000, 100},
			{"party", "salaried", 500_001, 7_500, 150}, {"party", "salaried", 510_000, 7_650, 150}, {"party", "salaried", 786_543, 11_798, 150},
			{"party", "salaried", 1_000_000, 15_000, 150}, {"party", "salaried", 1_000_001, 20_000, 200},
			{"party", "salaried", 5_000_000, 100_000, 200}, {"party", "salaried", 6_000_000, 100_000, 200},
			{"party", "salaried", 100_000_000_000, 100_000, 200}, {"party", "self_employed", 500_001, 7_500, 150},
			{"party", "retired", 500_000, 2_500, 50}, {"party", "retired", 500_001, 5_000, 100}, {"party", "farmer", 0, 20, nil},
			{"party", "student", 0, 20, nil}, {"party", "unemployed", 0, 20, nil}, {"party", "relief", 0, 20, nil},
			{"league", "salaried", 199_999, 300, nil}, {"league", "salaried", 200_000, 400, 20}, {"league", "salaried", 249_999, 400, 20},
			{"league", "salaried", 250_000, 500, 20}, {"league", "salaried", 500_000, 1_000, 20}, {"league", "salaried", 549_999, 1_000, 20},
			{"league", "salaried", 999_999, 1_900, 20}, {"league", "salaried", 1_000_000, 2_000, 20}, {"league", "salaried", 3_000_000, 2_000, 20},
			{"league", "student", 0, 20, nil}, {"league", "farmer", 0, 50, nil},
		} {
			path := fmt.Sprintf("/dues/quote?track=%s&category=%s&month=2026-01", c.track, c.category)
			if c.base != 0 {
				path += fmt.Sprint("&base_fen=", c.base)
			}
			q := w.call("GET", path, token, nil).wants(200).object()
			same(t, path, q, object{"amount_fen": c.amount, "rate_bp": c.bp, "track": c.track, "category": c.category})
			if q["standard_id"].(float64) < 1 || !chinese(q["rule"]) || !chinese(q["source"]) || !chinese(q["explained"]) {
				t.Errorf("%s: %v", path, q)
			}
			if c.amount == 100_000 && c.base > 5_000_000 && q["capped"] != true {
				t.Errorf("%s: not said to be capped: %v", path, q)
			}
		}
		for query, field := range map[string]string{
			"track=party&category=salaried":                               "base_fen",
			"track=party&category=salaried&base_fen=-1":                   "base_fen",
			"track=party&category=salaried&base_fen=1.5":                  "base_fen",
			"track=party&category=salaried&base_fen=100000000001":         "base_fen",
			"track=party&category=salaried&base_fen=99999999999999999999": "base_fen",
			"track=party&category=king&base_fen=1":                        "category",
			"track=state&category=salaried&base_fen=1":                    "track",
			"category=salaried&base_fen=1":                                "track",
			"track=party&category=student&month=2026-13":                  "month",
			"track=party&category=student&month=2026-1":                   "month",
			"track=party&category=student&unit_id=0":                      "unit_id",
			"track=party&category=student&color=red":                      "color",
		} {
			w.faultAt("GET", "/dues/quote?"+query, token, nil, field)
		}
		w.call("GET", "/dues/quote?track=party&category=student&unit_id=100", token, nil).refuses(404, "not_found")
		w.call("GET", "/dues/quote?track=party&category=salaried&base_fen=1&month=1999-01", token, nil).refuses(404, "standard_not_found")
	})
}

// faultAt fails the test unless the request is refused for the field, in Chinese.
func (w *world) faultAt(method, path, token string, body any, field string) *answer {
	w.t.Helper()
	a := w.call(method, path, token, body).refuses(422, "invalid_request")
	if !names(a, field) || !chinese(a.text("detail")) {
		w.t.Errorf("%s %s %.200v: want a fault at %s: %s", method, path, body, field, a.Body)
	}
	return a
}

// names reports whether the refusal names the field, each fault with a sentence in Chinese.
func names(a *answer, field string) bool {
	faults, _ := a.object()["errors"].([]any)
	found := false
	for _, f := range faults {
		f := f.(object)
		at, _, _ := strings.Cut(fmt.Sprint(f["field"]), "[")
		found = found || at == field
		if !chinese(f["message"]) || f["code"] == "" {
			return false
		}
	}
	return found
}

// TestStandardsAreDated: a new standard holds from its month on, in the units below; older months keep theirs.
func TestStandardsAreDated(t *testing.T) {
	each(t, func(t *testing.T, w *world) {
		quote := func(member int64, month string) object {
			t.Helper()
			return w.call("GET", "/dues/quote?track=party&category=student&month="+month, w.token(member), nil).wants(200).object()
		}
		national := quote(plain, "2026-03")
		made := w.call("POST", "/dues/standards", w.token(chief), standard(nil)).wants(201).object()
		same(t, "standard", made, object{
			"unit_id": root, "track": "party", "category": "student", "category_name": "学生", "effective_month": "2026-04", "cap_fen": 100,
			"rounding": nil, "rule": "每月0.5元", "source": "机关党委会议纪要", "confirmed": true, "brackets": []any{object{"amount_fen": 50}},
		})
		for month, amount := range map[string]int{"2008-04": 20, "2026-03": 20, "2026-04": 50, "2027-01": 50} {
			same(t, month, quote(plain, month), object{"amount_fen": amount})
		}
		same(t, "another tree", quote(stranger, "2026-04"), object{"amount_fen": 20, "standard_id": national["standard_id"]})
		w.call("POST", "/dues/standards", w.token(chief), standard(nil)).refuses(409, "standard_exists")
		w.call("POST", "/dues/standards", w.token(chief), standard(object{"effective_month": "2026-05", "brackets": []object{{"amount_fen": 60}}})).wants(201)
		same(t, "April stays", quote(plain, "2026-04"), object{"amount_fen": 50})
		same(t, "May", quote(plain, "2026-05"), object{"amount_fen": 60})

		list := func(member int64) []object {
			t.Helper()
			return w.call("GET", "/dues/standards?track=party&category=student", w.token(member), nil).wants(200).items()
		}
		if got := list(plain); len(got) != 3 || got[0]["effective_month"] != "2026-05" || got[2]["unit_id"] != nil {
			t.Errorf("%v", got)
		}
		if got := list(stranger); len(got) != 1 {
			t.Errorf("another tree is shown %v", got)
		}
		for _, member := range []int64{secretary, plain, auditor} {
			w.call("POST", "/dues/standards", w.token(member), standard(object{"effective_month": "2026-06"})).refuses(403, "forbidden")
		}
		w.call("POST", "/dues/standards", w.token(chief), standard(object{"unit_id": otherRoot})).refuses(404, "not_found")
		for field, changes := range map[string][]object{
			"effective_month": {{"effective_month": "2026-02"}, {"effective_month": "2027-04"}, {"effective_month": "2026-00"}, {"effective_month": nil}},
			"cap_fen":         {{"cap_fen": 0}, {"cap_fen": -1}, {"cap_fen": 1.5}},
			"brackets": {
				{"brackets": []object{}}, {"brackets": []object{{}}}, {"brackets": []object{{"rate_bp": 10_001}}},
				{"brackets": []object{{"rate_bp": 50, "amount_fen": 5}}}, {"brackets": []object{{"to_fen": 100, "rate_bp": 50}}},
				{"brackets": []object{{"amount_fen": 101}}}, {"brackets": []object{{"to_fen": 9, "rate_bp": 1}, {"to_fen": 9, "rate_bp": 2}, {"rate_bp": 3}}},
				{"brackets": []object{{"amount_fen": -1}}}, {"brackets": []object{{"amount_fen": 5, "max_fen": 4}}},
			},
			"rule":     {{"rule": " "}, {"rule": strings.Repeat("长", 501)}, {"rule": nil}},
			"source":   {{"source": ""}},
			"category": {{"category": "king"}},
			"track":    {{"track": nil}},
			"rounding": {{"rounding": "bankers"}},
		} {
			for _, c := range changes {
				w.faultAt("POST", "/dues/standards", w.token(chief), standard(c), field)
			}
		}
	})
}
