package api_test

import (
	"encoding/json"
	"fmt"
	"maps"
	"slices"
	"strings"
	"testing"

	"zhibu/api"
)

// TestHostileValues tries every route of the dues with values no client would send: none is an internal error, each refusal
// has a sentence in Chinese.
func TestHostileValues(t *testing.T) {
	raw := func(s string) json.RawMessage { return json.RawMessage(s) }
	values := []any{
		nil, true, "", " ", "一", "\u0000", "\U0001f600", raw(`"\ud83d"`), strings.Repeat("长", 5_000), -1, 0, 0.5, raw("1e30"), raw("-1e400"), raw("9223372036854775807"),
		raw("9223372036854775808"), raw("-9223372036854775808"), raw("1E2"), []any{}, []any{nil}, object{}, object{"a": object{}}, "2026-03-02T00:00:00Z",
		"'; DROP TABLE dues_bills; --", "../..", "2026-99", "<b>",
	}
	bodies := []any{"", "null", "[]", "0", `"x"`, "{", "{}", "{}{}", `{"a":1}`, "\xff\xfe", strings.Repeat("[", 10_000), `{"months":{}}`}
	paths := []string{"0", "-1", "9007199254740992", "99999999999999999999", "1e3", "x", "%E4%B8%80", "%00", "1%27", "7"}
	queries := []string{
		"limit=-1", "limit=9e9", "cursor=%00", "cursor=" + strings.Repeat("z", 300), "year=-2026", "year=99999999999", "month=%F0%9F%98%80", "state=%00",
		"member_id=9223372036854775807", "months=99", "a=b", "track=", "base_fen=9223372036854775807", "base_fen=-9223372036854775808", "unit_id=9223372036854775807",
		"kind=%27", "category=%FF", "month=0000-01", "month=9999-12", "year=2099", "missing=maybe",
	}
	good := map[string]object{
		"add-dues-standard":       standard(object{"unit_id": root}),
		"assess-dues":             {"track": "party", "category": "salaried", "base_fen": 300_000, "amount_fen": 1_500, "keep_league": false, "effective_month": "2026-03", "reason": "核定"},
		"exempt-dues":             {"track": "party", "from_month": "2026-03", "to_month": "2026-03", "amount_fen": 0, "approved_by": "机关党委", "reason_category": "other"},
		"make-dues-bills":         {"month": "2026-03"},
		"void-dues-bill":          {"reason": "错"},
		"record-dues-payment":     altered(cash, object{"voluntary_fen": 0, "paid_on": "2026-03-02", "receipt_no": "1", "months": []string{"2026-03"}}),
		"reverse-dues-payment":    {"reason": "错"},
		"hand-over-dues":          {"from_member_id": plain, "to_member_id": chief, "amount_fen": 1, "reason": "移交"},
		"remit-dues":              {"period": "2026", "amount_fen": 1, "to": "机关工委", "paid_on": "2026-03-02", "receipt_no": "1"},
		"reverse-dues-remittance": {"reason": "错"},
		"enter-dues-receipt":      {"receipt_no": "1"},
		"order-my-dues":           {"months": []string{"2026-03"}, "voluntary_fen": 0, "track": "party"},
		"refund-dues-order":       {"amount_fen": 1, "reason": "退"},
		"reconcile-dues":          {"date": "2026-03-01"},
	}
	each(t, func(t *testing.T, w *world) {
		try := func(r api.Route, path string, body any) {
			t.Helper()
			a := w.call(r.Method, strings.TrimPrefix(path, "/api/v1"), w.console(), body)
			if a.Code >= 500 {
				t.Errorf("%s %.120s %.200v: %d %s", r.Method, path, body, a.Code, a.Body)
			}
			if a.Code >= 400 && a.Code != 404 && !chinese(a.text("detail")) {
				t.Errorf("%s %.120s %.200v: %s", r.Method, path, body, a.Body)
			}
		}
		var seen []string
		for _, r := range api.RouteTable() {
			if !strings.Contains(r.Path, "dues") {
				continue
			}
			seen = append(seen, r.Operation)
			fill := strings.NewReplacer("{id}", fmt.Sprint(branch), "{exemption_id}", "7", "{order_no}", "zb7")
			if strings.HasPrefix(r.Path, "/members/") {
				fill = strings.NewReplacer("{id}", fmt.Sprint(nobody), "{exemption_id}", "7")
			}
			path := fill.Replace(r.Path)
			if r.Method == "GET" {
				for _, q := range queries {
					try(r, path+"?"+q, nil)
				}
			} else {
				for _, b := range bodies {
					try(r, path, b)
				}
			}
			for _, p := range paths {
				for _, place := range []string{"{id}", "{exemption_id}", "{order_no}"} {
					if strings.Contains(r.Path, place) {
						try(r, fill.Replace(strings.ReplaceAll(r.Path, place, p)), good[r.Operation])
					}
				}
			}
			for field := range good[r.Operation] {
				for _, v := range values {
					body := maps.Clone(good[r.Operation])
					body[field] = v
					try(r, path, body)
				}
			}
		}
		for operation := range good {
			if !slices.Contains(seen, operation) {
				t.Errorf("%s is no route", operation)
			}
		}
	})
}
