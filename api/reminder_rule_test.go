package api_test

import (
	"fmt"
	"strings"
	"testing"

	"zhibu/model"
)

func rulesOf(unit int64) string { return fmt.Sprintf("/units/%d/reminder-rules", unit) }

// switchRules switches rules in a unit; nil takes the unit's word back.
func (w *world) switchRules(token string, unit int64, rules object) *answer {
	w.t.Helper()
	items := []object{}
	for rule, on := range rules {
		items = append(items, object{"rule": rule, "on": on})
	}
	return w.call("PUT", rulesOf(unit), token, object{"items": items})
}

// TestReminderRules: a unit switches for itself and all below it that do not say otherwise.
func TestReminderRules(t *testing.T) {
	each(t, func(t *testing.T, w *world) {
		golden(t, "push/rules", w.call("GET", rulesOf(branch), w.token(secretary), nil).wants(200).Body.Bytes())
		for _, m := range []int64{secretary, chief, leader, neighbour, auditor} {
			w.token(m)
		}
		rule := func(unit int64, name string) object {
			t.Helper()
			for _, r := range w.call("GET", rulesOf(unit), w.token(chief), nil).wants(200).items() {
				if r["rule"] == name {
					return r
				}
			}
			t.Fatalf("no rule %s", name)
			return nil
		}
		a := w.switchRules(w.token(chief), root, object{"holiday": true, "dues_day": false}).wants(200)
		if len(a.items()) != len(model.RuleSpecs) {
			t.Errorf("the answer has %d rules", len(a.items()))
		}
		e := w.lastEvent()
		if w.recorded("reminder_rules.set") != 1 || !strings.Contains(e.Before, `"holiday":false`) || !strings.Contains(e.After, `"holiday":true`) || !strings.Contains(e.After, `"dues_day":false`) {
			t.Errorf("%s from %s to %s", e.Action, e.Before, e.After)
		}
		same(t, "below", rule(group, "holiday"), object{"on": true, "default": false, "unit_id": root, "unit_name": "单位1"})
		w.switchRules(w.token(secretary), branch, object{"holiday": false}).wants(200)
		same(t, "the branch", rule(branch, "holiday"), object{"on": false, "unit_id": branch})
		same(t, "its group", rule(group, "holiday"), object{"on": false, "unit_id": branch})
		same(t, "the sibling", rule(sibling, "holiday"), object{"on": true, "unit_id": root})
		same(t, "another rule", rule(group, "dues_day"), object{"on": false, "default": true, "unit_id": root})
		w.switchRules(w.token(leader), group, object{"holiday": true}).wants(200)
		same(t, "the group itself", rule(group, "holiday"), object{"on": true, "unit_id": group})

		before := w.pushRows()
		w.switchRules(w.token(secretary), branch, object{"holiday": false}).wants(200)
		w.switchRules(w.token(neighbour), sibling, object{"approvals": nil}).wants(200)
		if after := w.pushRows(); after != before {
			t.Errorf("what was so already left a trace: %s, before %s", after, before)
		}
		w.switchRules(w.token(secretary), branch, object{"holiday": nil}).wants(200)
		same(t, "taken back", rule(branch, "holiday"), object{"on": true, "unit_id": root})
		same(t, "the group keeps its own", rule(group, "holiday"), object{"unit_id": group})
		w.switchRules(w.token(chief), root, object{"dues_day": nil}).wants(200)
		same(t, "the default", rule(root, "dues_day"), object{"on": true, "unit_id": nil, "unit_name": nil})
		if n := w.recorded("reminder_rules.set"); n != 5 {
			t.Errorf("%d changes in the audit, want 5", n)
		}
	})
}

func TestReminderRulesAreRefused(t *testing.T) {
	each(t, func(t *testing.T, w *world) {
		closed := w.call("POST", "/units", w.console(), object{"parent_id": branch, "kind": "party_group", "name": "已撤小组", "code": "Z"}).wants(201).number("id")
		w.call("POST", fmt.Sprintf("/units/%d/close", closed), w.console(), object{"on": "2026-03-02", "reason": "撤"}).wants(200)
		for _, m := range []int64{secretary, plain, leader, auditor} {
			w.token(m)
		}
		on := object{"items": []object{{"rule": "holiday", "on": true}}}
		before := w.pushRows()
		for _, c := range []struct {
			name   string
			member int64
			unit   int64
			body   any
			status int
			code   string
			field  string
		}{
			{"unknown", secretary, branch, object{"items": []object{{"rule": "holiday", "on": true}, {"rule": "birthday", "on": true}}}, 422, "invalid_request", "items[1].rule invalid_value"},
			{"of an event", secretary, branch, object{"items": []object{{"rule": "leave_decided", "on": false}}}, 422, "invalid_request", "items[0].rule invalid_value"},
			{"twice", secretary, branch, object{"items": []object{{"rule": "holiday", "on": true}, {"rule": "holiday", "on": false}}}, 422, "invalid_request", "items[1].rule duplicate"},
			{"none", secretary, branch, object{"items": []object{}}, 422, "invalid_request", "items too_few"},
			{"no word", secretary, branch, object{"items": []object{{"rule": "holiday"}}}, 422, "invalid_request", "items[0].on required"},
			{"a text", secretary, branch, object{"items": []object{{"rule": "holiday", "on": "yes"}}}, 422, "invalid_request", "items[0].on invalid_type"},
			{"closed", secretary, closed, on, 422, "invalid_request", "id unit_closed"},
			{"the parent", secretary, root, on, 403, "forbidden", ""},
			{"the sibling", secretary, sibling, on, 404, "not_found", ""},
			{"his own group's branch", leader, branch, on, 403, "forbidden", ""},
			{"a member", plain, branch, on, 403, "forbidden", ""},
			{"an auditor", auditor, branch, on, 403, "forbidden", ""},
		} {
			a := w.call("PUT", rulesOf(c.unit), w.token(c.member), c.body)
			if a.Code != c.status || a.text("code") != c.code || faults(a) != c.field || !chinese(a.text("detail")) {
				t.Errorf("%s: %d %s", c.name, a.Code, a.Body)
			}
		}
		if after := w.pushRows(); after != before {
			t.Errorf("rows before: %s, after: %s", before, after)
		}
	})
}
