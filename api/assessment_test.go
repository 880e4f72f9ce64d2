package api_test

import (
	"fmt"
	"strings"
	"testing"

	"zhibu/model"
)

// TestAssessments: the history, the base that is hidden, and what an officer may not fix.
func TestAssessments(t *testing.T) {
	each(t, func(t *testing.T, w *world) {
		salaried := object{"track": "party", "category": "salaried", "base_fen": 510_000, "effective_month": "2026-01", "reason": "年初核定"}
		put := func(body object) *answer {
			t.Helper()
			return w.call("PUT", assessPath(plain), w.token(secretary), body)
		}
		first := put(salaried).wants(200).object()
		same(t, "assessment", first, object{
			"member_id": plain, "track": "party", "category": "salaried", "amount_fen": 7_650, "base_fen": nil, "keep_league": false,
			"effective_month": "2026-01", "reason": "年初核定", "replaced": false, "approved_by": "member:1000",
		})
		same(t, "quote", first["quote"].(object), object{"amount_fen": 7_650, "rate_bp": 150, "base_fen": 510_000})
		put(altered(salaried, object{"base_fen": nil, "amount_fen": 5_000, "effective_month": "2026-04"})).wants(200)
		put(altered(salaried, object{"base_fen": nil, "amount_fen": 6_000, "effective_month": "2026-04"})).wants(200)
		history := func(member int64) []object {
			t.Helper()
			return w.call("GET", assessPath(plain), w.token(member), nil).wants(200).items()
		}
		for _, reader := range []int64{plain, secretary, auditor, chief} {
			got := history(reader)
			if len(got) != 3 {
				t.Fatalf("%d sees %v", reader, got)
			}
			same(t, "the latest", got[0], object{"amount_fen": 6_000, "effective_month": "2026-04", "replaced": false, "standard_id": nil})
			same(t, "replaced", got[1], object{"amount_fen": 5_000, "effective_month": "2026-04", "replaced": true})
			same(t, "the first", got[2], object{"amount_fen": 7_650, "effective_month": "2026-01", "base_fen": nil})
		}

		w.call("PUT", settingsOf(branch)+"/dues.store_base", w.token(chief), object{"value": "true"}).wants(200)
		same(t, "kept", put(altered(salaried, object{"effective_month": "2026-05"})).wants(200).object(), object{"base_fen": 510_000})
		for reader, base := range map[int64]any{plain: 510_000, secretary: 510_000, chief: 510_000, auditor: nil} {
			same(t, fmt.Sprint("base shown to ", reader), history(reader)[0], object{"base_fen": base})
		}
		var sealed string
		w.must(w.db.Read(t.Context()).Model(&model.Assessment{}).Where("effective_month = '2026-05'").Pluck("base_sealed", &sealed).Error)
		if sealed == "" || strings.Contains(sealed, "510000") {
			t.Errorf("the base is kept as %q", sealed)
		}
		w.call("GET", assessPath(plain), w.token(leader), nil).refuses(403, "forbidden")
		w.call("GET", assessPath(plain), w.token(neighbour), nil).refuses(404, "not_found")

		before := w.duesRows()
		for field, changes := range map[string][]object{
			"base_fen":        {{"base_fen": -1}, {"base_fen": 1.5}, {"base_fen": 1e12}, {"base_fen": "5100"}, {"base_fen": nil}},
			"amount_fen":      {{"amount_fen": -1}, {"amount_fen": 0}, {"amount_fen": 100_001}, {"amount_fen": 7_651}, {"base_fen": nil, "amount_fen": 0.5}},
			"effective_month": {{"effective_month": "2026-13"}, {"effective_month": "2027-04"}, {"effective_month": "2023-01"}, {"effective_month": ""}},
			"category":        {{"category": "king"}, {"category": nil}},
			"track":           {{"track": "state"}},
			"reason":          {{"reason": strings.Repeat("因", 201)}},
			"approved_by":     {{"approved_by": "member:1"}},
		} {
			for _, c := range changes {
				w.faultAt("PUT", assessPath(plain), w.token(secretary), altered(salaried, c), field)
			}
		}
		if after := w.duesRows(); after != before {
			t.Errorf("rows before: %s, after: %s", before, after)
		}
		if n := w.recorded("refused.assess-dues"); n != 19 {
			t.Errorf("%d refusals in the audit", n)
		}

		w.makeBills(branch, "2026-02")
		put(altered(salaried, object{"effective_month": "2026-02"})).refuses(409, "month_billed")
	})
}

// TestDuesExemptions: what an approved exemption takes off, its history, and what is refused.
func TestDuesExemptions(t *testing.T) {
	each(t, func(t *testing.T, w *world) {
		w.assess(plain, 1_000)
		w.makeBills(branch, "2026-03")
		path := fmt.Sprintf("/members/%d/dues-exemptions", plain)
		reduced := object{"from_month": "2026-03", "to_month": "2026-04", "amount_fen": 300, "approved_by": "机关党委", "reason_category": "hardship"}
		made := w.call("POST", path, w.token(secretary), reduced).wants(201).object()
		same(t, "exemption", made, altered(reduced, object{"member_id": plain, "track": "party", "withdrawn_at": nil}))
		w.makeBills(branch, "2026-04", "2026-05")
		amounts := func() string {
			t.Helper()
			text := ""
			for _, b := range w.call("GET", "/me/dues", w.token(plain), nil).wants(200).items() {
				text += fmt.Sprintf("%s %v/%v %s; ", b["month"], b["amount_fen"], b["assessed_fen"], b["state"])
			}
			return text
		}
		if got := amounts(); got != "2026-05 1000/1000 open; 2026-04 300/1000 open; 2026-03 300/1000 open; " {
			t.Error(got)
		}
		voided := w.call("GET", duesPath(branch, "bills?state=voided"), w.token(secretary), nil).wants(200).items()
		if len(voided) != 1 || voided[0]["amount_fen"] != 1000.0 || voided[0]["void_reason"] != "减免" {
			t.Error(voided)
		}
		before := w.duesRows()
		w.call("POST", path, w.token(secretary), altered(reduced, object{"from_month": "2026-04", "to_month": "2026-09"})).refuses(409, "exemption_exists")
		fresh := altered(reduced, object{"from_month": "2026-06", "to_month": "2026-07"})
		for field, changes := range map[string][]object{
			"from_month":      {{"from_month": "2026-6"}, {"from_month": nil}},
			"to_month":        {{"to_month": "2026-05"}, {"to_month": "2028-06"}},
			"amount_fen":      {{"amount_fen": -1}, {"amount_fen": 0.5}, {"amount_fen": nil}},
			"approved_by":     {{"approved_by": ""}, {"approved_by": strings.Repeat("长", 101)}},
			"reason_category": {{"reason_category": "生病住院"}},
			"track":           {{"track": "state"}},
		} {
			for _, c := range changes {
				w.faultAt("POST", path, w.token(secretary), altered(fresh, c), field)
			}
		}
		w.call("POST", fmt.Sprintf("/members/%d/dues-exemptions", colleague), w.token(secretary), fresh).refuses(404, "not_found")
		if after := w.duesRows(); after != before {
			t.Errorf("rows before: %s, after: %s", before, after)
		}
		for _, reader := range []int64{plain, secretary, auditor} {
			if got := w.call("GET", path, w.token(reader), nil).wants(200).items(); len(got) != 1 {
				t.Errorf("%d sees %v", reader, got)
			}
		}
		one := fmt.Sprintf("%s/%d", path, int64(made["id"].(float64)))
		w.call("DELETE", one, w.token(neighbour), nil).refuses(404, "not_found")
		w.call("DELETE", one, w.token(secretary), nil).wants(204)
		w.call("DELETE", one, w.token(secretary), nil).refuses(404, "not_found")
		if got := amounts(); got != "2026-05 1000/1000 open; 2026-04 1000/1000 open; 2026-03 1000/1000 open; " {
			t.Error(got)
		}
		w.call("POST", path, w.token(secretary), altered(reduced, object{"amount_fen": 0})).wants(201)
		if got := amounts(); !strings.Contains(got, "2026-03 0/1000 exempt") {
			t.Error(got)
		}
	})
}
