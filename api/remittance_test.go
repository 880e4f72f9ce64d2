package api_test

import (
	"fmt"
	"strings"
	"testing"
)

// TestHandovers: an office that collects does not end with cash in hand.
func TestHandovers(t *testing.T) {
	billed(t, func(t *testing.T, w *world) {
		w.call("POST", duesPath(branch, "payments"), w.token(secretary), cash).wants(201)
		end := func(status int, code string) {
			t.Helper()
			post := w.call("POST", fmt.Sprintf("/posts/%d/end", 5000+secretary), w.token(chief), object{"on": "2026-03-02", "reason": "换届"})
			if code != "" {
				post.refuses(status, code)
				return
			}
			post.wants(status)
		}
		hand := func(member int64, changes object) *answer {
			t.Helper()
			return w.call("POST", duesPath(branch, "handovers"), w.token(member), altered(object{"amount_fen": 400, "reason": "换届移交"}, changes))
		}
		end(409, "cash_in_hand")
		w.call("POST", fmt.Sprintf("/members/%d/transfers", secretary), w.token(chief), object{
			"to_unit_id": sibling, "effective_on": "2026-03-02", "reason": "调动",
		}).refuses(409, "cash_in_hand")
		before := w.duesRows()
		for field, changes := range map[string][]object{
			"amount_fen":   {{"amount_fen": 0}, {"amount_fen": -1}, {"amount_fen": 0.5}, {"amount_fen": nil}},
			"to_member_id": {{"to_member_id": plain}, {"to_member_id": neighbour}, {"to_member_id": 7}, {"from_member_id": chief, "to_member_id": chief}},
			"reason":       {{"reason": strings.Repeat("因", 201)}},
		} {
			for _, c := range changes {
				w.faultAt("POST", duesPath(branch, "handovers"), w.token(secretary), altered(object{"amount_fen": 400}, c), field)
			}
		}
		hand(secretary, object{"amount_fen": 1_001}).refuses(409, "not_in_hand")
		hand(chief, nil).refuses(409, "not_in_hand")
		hand(auditor, nil).refuses(403, "forbidden")
		if after := w.duesRows(); after != before {
			t.Errorf("rows before: %s, after: %s", before, after)
		}
		same(t, "to the bank", hand(secretary, nil).wants(201).object(), object{
			"unit_id": branch, "from": "member:1000", "to": nil, "amount_fen": 400, "reason": "换届移交",
		})
		end(409, "cash_in_hand")
		same(t, "to the next", hand(chief, object{"from_member_id": secretary, "to_member_id": chief, "amount_fen": 600}).wants(201).object(), object{
			"from": "member:1000", "to": "member:1005", "amount_fen": 600,
		})
		held := w.call("GET", duesPath(branch, "statement"), w.token(chief), nil).wants(200).object()
		same(t, "in hand", held["in_hand"].(object), object{"cash_fen": 600, "bank_fen": 400, "total_fen": 1_000})
		end(200, "")
	})
}

// TestRemittances: at most what is in hand, with the receipt that may come later, and what a mistake comes to.
func TestRemittances(t *testing.T) {
	billed(t, func(t *testing.T, w *world) {
		w.call("POST", duesPath(branch, "payments"), w.token(secretary), altered(cash, object{"amount_fen": 900})).wants(201)
		w.takeCash(branch, nobody, object{"amount_fen": 600, "method": "bank"})
		body := object{"period": "2026-Q1", "amount_fen": 500, "to": "机关工委", "paid_on": "2026-03-01", "receipt_no": "S-1"}
		remit := func(changes object) *answer {
			t.Helper()
			return w.call("POST", duesPath(branch, "remittances"), w.token(secretary), altered(body, changes))
		}
		first := remit(nil).wants(201).object()
		same(t, "remittance", first, object{
			"unit_id": branch, "period": "2026-Q1", "amount_fen": 500, "to": "机关工委", "to_unit_id": nil, "heads": 2, "paid_on": "2026-03-01",
			"receipt_no": "S-1", "reversed_at": nil,
		})
		before := w.duesRows()
		for field, changes := range map[string][]object{
			"period": {
				{"period": "2026-Q5"}, {"period": "2026-H3"}, {"period": "2026-13"}, {"period": "1999"}, {"period": "一季度"}, {"period": ""}, {"period": nil},
				{"period": "2026-Q1 "},
			},
			"amount_fen": {{"amount_fen": 0}, {"amount_fen": -500}, {"amount_fen": 1.5}, {"amount_fen": 1e12}, {"amount_fen": nil}},
			"to":         {{"to": " "}, {"to": strings.Repeat("长", 101)}, {"to": nil}},
			"paid_on":    {{"paid_on": "2026-03-03"}, {"paid_on": "2026-02-30"}},
			"receipt_no": {{"receipt_no": strings.Repeat("9", 61)}},
		} {
			for _, c := range changes {
				w.faultAt("POST", duesPath(branch, "remittances"), w.token(secretary), altered(body, c), field)
			}
		}
		remit(nil).refuses(409, "receipt_exists")
		remit(object{"receipt_no": nil, "amount_fen": 1_001}).refuses(409, "not_in_hand")
		if after := w.duesRows(); after != before {
			t.Errorf("rows before: %s, after: %s", before, after)
		}
		second := remit(object{"receipt_no": nil, "to": "单位1", "period": "2026", "amount_fen": 1_000}).wants(201).object()
		same(t, "to the unit above", second, object{"to_unit_id": root, "receipt_no": nil, "heads": 2})
		receipt := func(r object, number string) *answer {
			t.Helper()
			return w.call("PUT", fmt.Sprintf("/dues/remittances/%.0f/receipt", r["id"]), w.token(secretary), object{"receipt_no": number})
		}
		receipt(second, "S-1").refuses(409, "receipt_exists")
		receipt(second, " ").refuses(422, "invalid_request")
		for range 2 {
			same(t, "receipt", receipt(second, "S-2").wants(200).object(), object{"receipt_no": "S-2"})
		}
		list := func(query string) []object {
			t.Helper()
			return w.call("GET", duesPath(root, "remittances"+query), w.token(auditor), nil).wants(200).items()
		}
		if len(list("")) != 2 || len(list("?year=2026")) != 2 || len(list("?year=2025")) != 0 || len(list("?limit=1")) != 1 {
			t.Error(list(""))
		}
		reverse := func(r object, member int64) *answer {
			t.Helper()
			return w.call("POST", fmt.Sprintf("/dues/remittances/%.0f/reverse", r["id"]), w.token(member), object{"reason": "记错"})
		}
		reverse(second, neighbour).refuses(404, "not_found")
		w.call("POST", duesPath(root, "remittances"), w.token(chief), object{"period": "2026", "amount_fen": 400, "to": "市委"}).wants(201)
		reverse(second, secretary).refuses(403, "forbidden") // it is in the books of the unit above
		reverse(second, chief).refuses(409, "not_in_hand")   // which has sent part of it on
		same(t, "reversed", reverse(first, chief).wants(200).object(), object{"reverse_reason": "记错"})
		reverse(first, chief).refuses(409, "already_reversed")
		receipt(first, "S-9").refuses(409, "already_reversed")
		remit(nil).wants(201) // the number is free again
	})
}
