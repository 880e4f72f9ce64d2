package api_test

import (
	"fmt"
	"strings"
	"testing"
)

func settingsOf(unit int64) string { return fmt.Sprintf("/units/%d/settings", unit) }

func TestSettings(t *testing.T) {
	each(t, func(t *testing.T, w *world) {
		threshold := settingsOf(root) + "/participation.threshold_bp"
		made := w.call("PUT", threshold, w.token(chief), object{"value": "09000", "reason": "党委决定"}).wants(200)
		if made.text("value") != "9000" || made.text("effective_on") != "2026-03-02" || made.number("unit_id") != root {
			t.Error(made.Body)
		}
		ahead := object{"value": "8000", "effective_on": "2026-04-01"}
		w.call("PUT", settingsOf(branch)+"/participation.threshold_bp", w.token(chief), ahead).wants(200)
		golden(t, "setting/list", w.call("GET", settingsOf(branch), w.token(secretary), nil).wants(200).Body.Bytes())
		then := w.call("GET", settingsOf(branch)+"?as_of=2026-04-01", w.token(secretary), nil).wants(200).items()[0]
		if then["value"] != "8000" || then["unit_id"] != float64(branch) || len(then["planned"].([]any)) != 0 {
			t.Error(then)
		}
		withdraw := settingsOf(branch) + "/participation.threshold_bp?effective_on=2026-04-01"
		w.call("DELETE", withdraw, w.token(chief), nil).wants(204)
		w.call("DELETE", withdraw, w.token(chief), nil).refuses(404, "not_found")
		w.call("PUT", threshold, w.token(chief), ahead).wants(200)
		page := w.call("GET", threshold+"?limit=1", w.token(chief), nil).wants(200)
		if i := page.items()[0]; i["value"] != "8000" || i["effective_on"] != "2026-04-01" || i["set_at"] == nil {
			t.Error(page.Body)
		}
		page = w.call("GET", threshold+"?cursor="+page.text("next_cursor"), w.token(chief), nil).wants(200)
		if i := page.items(); len(i) != 1 || i[0]["value"] != "9000" || page.object()["next_cursor"] != nil {
			t.Error(page.Body)
		}
	})
}

func TestSettingRefusals(t *testing.T) {
	each(t, func(t *testing.T, w *world) {
		decide := "/participation.decide_on"
		raw := object{"value": "raw"}
		for _, c := range []struct {
			method, path string
			member       int64 // 0: nobody signed in
			body         any
			status       int
			code, field  string
		}{
			{"GET", settingsOf(branch), 0, nil, 401, "unauthenticated", ""},
			{"GET", settingsOf(branch), plain, nil, 403, "forbidden", ""},
			{"GET", settingsOf(sibling), secretary, nil, 404, "not_found", ""},
			{"GET", settingsOf(branch) + "?as_of=2026-02-30", secretary, nil, 422, "invalid_request", "as_of"},
			{"GET", settingsOf(branch) + "?as_of=9999-12-31", secretary, nil, 422, "invalid_request", "as_of"},
			{"GET", settingsOf(branch) + decide, 0, nil, 401, "unauthenticated", ""},
			{"GET", settingsOf(branch) + decide, plain, nil, 403, "forbidden", ""},
			{"GET", settingsOf(branch) + decide, neighbour, nil, 404, "not_found", ""},
			{"GET", settingsOf(branch) + "/decide_on", secretary, nil, 404, "not_found", ""},
			{"GET", settingsOf(branch) + decide + "?cursor=x", secretary, nil, 422, "invalid_request", "cursor"},
			{"PUT", settingsOf(branch) + decide, 0, raw, 401, "unauthenticated", ""},
			{"PUT", settingsOf(branch) + decide, secretary, raw, 403, "forbidden", ""},
			{"PUT", settingsOf(sibling) + decide, secretary, raw, 404, "not_found", ""},
			{"PUT", settingsOf(otherBranch) + decide, chief, raw, 404, "not_found", ""},
			{"PUT", settingsOf(branch) + "/decide_on", chief, raw, 404, "not_found", ""},
			{"PUT", settingsOf(branch) + decide, chief, object{"value": "both"}, 422, "invalid_request", "value"},
			{"PUT", settingsOf(branch) + decide, chief, object{"value": ""}, 422, "invalid_request", "body.value"},
			{"PUT", settingsOf(branch) + decide, chief, object{"value": 1}, 422, "invalid_request", "body.value"},
			{"PUT", settingsOf(branch) + decide, chief, object{"value": "raw", "effective_on": "2026-03-01"}, 422, "invalid_request", "effective_on"},
			{"PUT", settingsOf(branch) + decide, chief, object{"value": "raw", "effective_on": "2026-02-30"}, 422, "invalid_request", "body.effective_on"},
			{"PUT", settingsOf(branch) + decide, chief, object{"value": "raw", "reason": strings.Repeat("因", 201)}, 422, "invalid_request", "body.reason"},
			{"DELETE", settingsOf(branch) + decide + "?effective_on=2026-04-01", 0, nil, 401, "unauthenticated", ""},
			{"DELETE", settingsOf(branch) + decide + "?effective_on=2026-04-01", secretary, nil, 403, "forbidden", ""},
			{"DELETE", settingsOf(sibling) + decide + "?effective_on=2026-04-01", secretary, nil, 404, "not_found", ""},
			{"DELETE", settingsOf(branch) + decide + "?effective_on=2026-04-01", chief, nil, 404, "not_found", ""},
			{"DELETE", settingsOf(branch) + decide + "?effective_on=2026-03-02", chief, nil, 422, "invalid_request", "effective_on"},
			{"DELETE", settingsOf(branch) + decide, chief, nil, 422, "invalid_request", "effective_on"},
		} {
			token := ""
			if c.member != 0 {
				token = w.token(c.member)
			}
			before := w.events() // after signing in, which is recorded
			a := w.call(c.method, c.path, token, c.body).refuses(c.status, c.code)
			if c.field != "" {
				f, _ := a.object()["errors"].([]any)[0].(object)
				if f["field"] != strings.TrimPrefix(c.field, "body.") || !chinese(f["message"]) {
					t.Errorf("%s %s %v: %s", c.method, c.path, c.body, a.Body)
				}
			}
			if w.events() != before {
				t.Errorf("%s %s: the refusal left an audit event", c.method, c.path)
			}
		}
	})
}

// chinese reports whether the message is for the person.
func chinese(message any) bool {
	s, _ := message.(string)
	return strings.ContainsFunc(s, func(r rune) bool { return r >= '一' && r <= '龥' })
}
