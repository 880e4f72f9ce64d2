package api_test

import (
	"bytes"
	"encoding/json"
	"fmt"
	"net/http/httptest"
	"strings"
	"sync"
	"testing"

	"zhibu/model"
)

// once makes a POST under an Idempotency-Key.
func (w *world) once(key, path, token string, body object) *answer {
	w.t.Helper()
	raw, err := json.Marshal(body)
	w.must(err)
	r := httptest.NewRequestWithContext(w.t.Context(), "POST", "/api/v1"+path, bytes.NewReader(raw))
	r.Header.Set("Content-Type", "application/json")
	r.Header.Set("Idempotency-Key", key)
	return w.send(r, token)
}

// billed is a world in which plain, nobody and colleague owe ten yuan a month since January.
func billed(t *testing.T, test func(t *testing.T, w *world)) {
	t.Helper()
	each(t, func(t *testing.T, w *world) {
		for _, member := range []int64{plain, nobody, colleague} {
			w.assess(member, 1_000)
		}
		w.makeBills(root, "2026-01", "2026-02", "2026-03")
		test(t, w)
	})
}

var cash = object{"member_id": plain, "months": []string{"2026-03"}, "amount_fen": 1_000, "method": "cash"}

// TestPayments: what the desk takes goes to the oldest month first; what is more waits, what is voluntary is kept apart.
func TestPayments(t *testing.T) {
	billed(t, func(t *testing.T, w *world) {
		pay := func(changes object) object {
			t.Helper()
			return w.call("POST", duesPath(branch, "payments"), w.token(secretary), altered(cash, changes)).wants(201).object()
		}
		first := pay(object{"months": []string{"2026-01", "2026-02"}, "amount_fen": 1_500, "voluntary_fen": 300, "paid_on": "2026-03-01", "receipt_no": " 收 001 "})
		same(t, "payment", first, object{
			"unit_id": branch, "member_id": plain, "track": "party", "method": "cash", "amount_fen": 1_500, "voluntary_fen": 300, "carried_fen": 0,
			"paid_on": "2026-03-01", "receipt_no": "收 001", "collected_by": "member:1000", "reversed_at": nil,
			"months": []any{object{"month": "2026-01", "amount_fen": 1_000}, object{"month": "2026-02", "amount_fen": 500}},
		})
		ahead := pay(object{"months": []string{"2026-02", "2026-03"}, "amount_fen": 2_200, "method": "bank"})
		same(t, "ahead", ahead, object{"method": "bank", "carried_fen": 700, "paid_on": "2026-03-02", "receipt_no": nil})
		same(t, "voluntary alone", pay(object{"months": nil, "amount_fen": 0, "voluntary_fen": 9_900}), object{"amount_fen": 0, "months": []any{}})
		w.makeBills(branch, "2026-04")
		april := w.call("GET", "/me/dues?month=2026-04", w.token(plain), nil).items()[0]
		same(t, "what waited is given to April", april, object{"paid_fen": 700, "state": "part_paid"})
		same(t, "a month without a bill gets one", pay(object{"months": []string{"2026-05"}, "amount_fen": 1_000}), object{
			"months": []any{object{"month": "2026-05", "amount_fen": 1_000}},
		})

		list := func(member, unit int64, query string) []object {
			t.Helper()
			return w.call("GET", duesPath(unit, "payments"+query), w.token(member), nil).wants(200).items()
		}
		w.takeCash(sibling, colleague, object{"paid_on": "2025-12-31", "months": []string{"2026-01"}})
		for query, n := range map[string]int{"": 4, "?method=bank": 1, "?method=wechat": 0, "?year=2025": 0, "?year=2026": 4, "?member_id=1001": 4, "?member_id=1010": 0} {
			if got := list(secretary, branch, query); len(got) != n {
				t.Errorf("%s: %d payments, want %d", query, len(got), n)
			}
		}
		if got := list(chief, root, "?year=2025"); len(got) != 1 || got[0]["member_name"] != nil {
			t.Errorf("from above: %v", got)
		}
		if got := list(secretary, branch, "?limit=1")[0]; got["member_name"] != "员乙" {
			t.Errorf("in the branch: %v", got)
		}
		w.faultAt("GET", duesPath(branch, "payments?method=gold"), w.token(secretary), nil, "method")
	})
}

// TestSameKeySameAnswer: the same key and body answer the first result again, other bodies are refused, and other people's
// keys are their own.
func TestSameKeySameAnswer(t *testing.T) {
	billed(t, func(t *testing.T, w *world) {
		handover := object{"amount_fen": 100, "reason": "存入银行"}
		remit := object{"period": "2026-Q1", "amount_fen": 100, "to": "机关工委"}
		for _, c := range []struct {
			suffix string
			body   object
			other  object
		}{
			{"payments", cash, object{"amount_fen": 999}}, {"handovers", handover, object{"amount_fen": 99}}, {"remittances", remit, object{"amount_fen": 99}},
		} {
			path := duesPath(branch, c.suffix)
			first := w.once("k-1", path, w.token(secretary), c.body).wants(201).Body.String()
			rows := w.duesRows()
			if again := w.once("k-1", path, w.token(secretary), c.body).wants(201).Body.String(); again != first {
				t.Errorf("%s: first %s, then %s", path, first, again)
			}
			a := w.once("k-1", path, w.token(secretary), altered(c.body, c.other)).refuses(422, "idempotency_key_reused")
			if !chinese(a.text("detail")) {
				t.Error(a.Body)
			}
			w.once("k-1", duesPath(sibling, c.suffix), w.token(neighbour), altered(c.body, object{"amount_fen": -1})).refuses(422, "invalid_request")
			if got := w.duesRows(); got != rows {
				t.Errorf("%s: rows before %s, after %s", path, rows, got)
			}
		}
		w.once("k-1", duesPath(sibling, "payments"), w.token(neighbour), altered(cash, object{"member_id": colleague})).wants(201)
		for _, key := range []string{strings.Repeat("k", 101), "中文", "a b"} {
			w.once(key, duesPath(branch, "payments"), w.token(secretary), altered(cash, object{"member_id": nobody})).refuses(422, "invalid_request")
		}
		rows := w.duesRows()
		body, token := altered(cash, object{"member_id": nobody}), w.token(secretary)
		answers := make([]*answer, 8)
		var group sync.WaitGroup
		for i := range answers {
			group.Go(func() { answers[i] = w.once("k-2", duesPath(branch, "payments"), token, body) })
		}
		group.Wait()
		for _, a := range answers {
			if a.wants(201).number("id") != answers[0].number("id") {
				t.Errorf("%s and %s", answers[0].Body, a.Body)
			}
		}
		if w.duesRows() == rows || w.paid(branch, nobody) != 1_000 {
			t.Errorf("at once under one key: %d fen", w.paid(branch, nobody))
		}
	})
}

// paid is what the member has paid on all his bills in the unit.
func (w *world) paid(unit, member int64) (fen int64) {
	w.t.Helper()
	w.must(w.db.Read(w.t.Context()).Model(&model.Bill{}).Where("unit_id = ? AND member_id = ?", unit, member).
		Select("COALESCE(SUM(paid_fen), 0)").Scan(&fen).Error)
	return fen
}

// TestRefusedPayments: each mistake is a clear error, books nothing and is in the audit.
func TestRefusedPayments(t *testing.T) {
	billed(t, func(t *testing.T, w *world) {
		path, token := duesPath(branch, "payments"), w.token(secretary)
		w.call("POST", path, token, altered(cash, object{"receipt_no": "A-1"})).wants(201)
		w.once("used", path, token, altered(cash, object{"amount_fen": 0, "voluntary_fen": 1})).wants(201)
		months := func(m ...any) object { return object{"months": m} }
		before, recorded := w.duesRows(), w.recorded("refused.record-dues-payment")
		refused := int64(0)
		for field, changes := range map[string][]object{
			"amount_fen": {
				{"amount_fen": -1}, {"amount_fen": 0}, {"amount_fen": 1.5}, {"amount_fen": "1000"}, {"amount_fen": nil}, {"amount_fen": 1e11 + 1},
				{"amount_fen": 1_000_000}, {"amount_fen": true}, {"amount_fen": -9007199254740993},
			},
			"voluntary_fen": {{"voluntary_fen": -1}, {"voluntary_fen": 0.01}, {"voluntary_fen": 1e12}},
			"months": {
				months("2026-02", "2026-01"), months("2026-03", "2026-03"), months("2026-13"), months("2026-00"), months("3月"), months("2026-3"), months(""),
				months(), months(nil), months(202603), months("2025-08"), months("2027-04"), months("2025-12", "2026-02", "2026-01"), {"months": "2026-03"},
				{"months": nil}, {"months": strings.Split(strings.Repeat("2026-03,", 30), ",")},
			},
			"member_id":  {{"member_id": colleague}, {"member_id": stranger}, {"member_id": 7}, {"member_id": 0}, {"member_id": -1}, {"member_id": youth}, {"member_id": nil}},
			"method":     {{"method": "wechat"}, {"method": "gold"}, {"method": nil}},
			"paid_on":    {{"paid_on": "2026-03-03"}, {"paid_on": "2026-02-30"}, {"paid_on": "2025-01-01"}, {"paid_on": "昨天"}, {"paid_on": "9999-12-31"}},
			"receipt_no": {{"receipt_no": strings.Repeat("9", 61)}, {"receipt_no": 1}},
			"note":       {{"note": "有心意"}},
		} {
			for _, c := range changes {
				w.faultAt("POST", path, token, altered(cash, c), field)
				refused++
			}
		}
		w.call("POST", path, token, altered(cash, object{"receipt_no": "A-1", "member_id": nobody})).refuses(409, "receipt_exists")
		w.once("used", path, token, cash).refuses(422, "idempotency_key_reused")
		w.call("POST", duesPath(sibling, "payments"), token, cash).refuses(404, "not_found")
		w.call("POST", duesPath(group, "payments"), token, cash).refuses(409, "no_books")
		w.call("POST", path, token, altered(cash, object{"member_id": secretary})).refuses(403, "own_record")
		w.call("POST", path, w.token(plain), cash).refuses(403, "forbidden")
		refused += 6
		if after := w.duesRows(); after != before {
			t.Errorf("rows before: %s, after: %s", before, after)
		}
		if n := w.recorded("refused.record-dues-payment") - recorded; n != refused {
			t.Errorf("%d refusals in the audit, want %d", n, refused)
		}
	})
}

// TestSameReceiptAtOnce: of two payments with one receipt number one is booked.
func TestSameReceiptAtOnce(t *testing.T) {
	billed(t, func(t *testing.T, w *world) {
		token := w.token(secretary)
		answers := make([]*answer, 6)
		var group sync.WaitGroup
		for i := range answers {
			body := altered(cash, object{"member_id": []int64{plain, nobody}[i%2], "receipt_no": "同一张", "amount_fen": 100 + i})
			group.Go(func() { answers[i] = w.call("POST", duesPath(branch, "payments"), token, body) })
		}
		group.Wait()
		booked := 0
		for _, a := range answers {
			if a.Code == 201 {
				booked++
				continue
			}
			a.refuses(409, "receipt_exists")
		}
		if booked != 1 {
			t.Errorf("%d booked", booked)
		}
	})
}

// TestReversals: a counter-entry opens the month again; nothing is reversed twice, nor what is no longer in hand.
func TestReversals(t *testing.T) {
	billed(t, func(t *testing.T, w *world) {
		pay := func(changes object) int64 {
			t.Helper()
			return w.call("POST", duesPath(branch, "payments"), w.token(secretary), altered(cash, changes)).wants(201).number("id")
		}
		reverse := func(id int64, member int64, reason any) *answer {
			t.Helper()
			return w.call("POST", fmt.Sprintf("/dues/payments/%d/reverse", id), w.token(member), object{"reason": reason})
		}
		id := pay(object{"receipt_no": "B-1", "voluntary_fen": 50})
		for _, reason := range []any{"", "  ", strings.Repeat("因", 201), nil, 5} {
			reverse(id, secretary, reason).refuses(422, "invalid_request")
		}
		reverse(id, neighbour, "越权").refuses(404, "not_found")
		reverse(id, auditor, "越权").refuses(403, "forbidden")
		reverse(7, secretary, "没有").refuses(404, "not_found")
		gone := reverse(id, secretary, "金额记错").wants(200).object()
		same(t, "reversed", gone, object{"id": id, "reverse_reason": "金额记错", "months": []any{}})
		if gone["reversed_at"] == nil || w.paid(branch, plain) != 0 {
			t.Errorf("%v, paid %d", gone, w.paid(branch, plain))
		}
		before := w.duesRows()
		a := reverse(id, secretary, "再冲正").refuses(409, "already_reversed")
		if !strings.Contains(a.text("detail"), "冲正") || w.duesRows() != before {
			t.Errorf("%s: rows before %s, after %s", a.Body, before, w.duesRows())
		}
		if n := w.recorded("refused.reverse-dues-payment"); n != 9 {
			t.Errorf("%d refusals in the audit", n)
		}
		id = pay(object{"receipt_no": "B-1"}) // the number is free again
		w.call("POST", duesPath(branch, "remittances"), w.token(secretary), object{"period": "2026-03", "amount_fen": 600, "to": "机关工委"}).wants(201)
		reverse(id, secretary, "已经上缴").refuses(409, "not_in_hand")
		lines := w.call("GET", duesPath(branch, "entries"), w.token(auditor), nil).wants(200).items()
		for _, e := range lines {
			sum := 0.0
			for _, l := range e["lines"].([]any) {
				sum += l.(object)["amount_fen"].(float64)
			}
			if sum != 0 {
				t.Errorf("an entry does not balance: %v", e)
			}
		}
		if len(lines) != 4 || len(w.call("GET", duesPath(branch, "entries?kind=reversal"), w.token(auditor), nil).items()) != 1 {
			t.Errorf("%d entries", len(lines))
		}
	})
}
