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

// hostileValues are values no client would send.
func hostileValues() []any {
	raw := func(s string) json.RawMessage { return json.RawMessage(s) }
	many := make([]int64, 1001)
	for i := range many {
		many[i] = branch
	}
	return []any{
		nil, true, "", " ", "一", "\u0000", "\U0001f600", raw(`"\ud83d"`), strings.Repeat("长", 5_000), strings.Repeat("😀", 25_000), -1, 0, 0.5, raw("1e30"),
		raw("-1e400"), raw("9223372036854775807"), raw("9223372036854775808"), raw("-9223372036854775808"), []any{}, []any{nil}, object{}, object{"a": object{}},
		"2026-03-02T00:00:00Z", "0000-01-01T00:00:00Z", "9999-12-31T23:59:59Z", "-2026-01-01T00:00:00+08:00", "2026-03-02T24:00:00+99:99",
		"'; DROP TABLE announcements; --", "../..", "<b>", object{"unit_ids": many}, object{"unit_ids": []int64{-1, 0, 1 << 62}}, object{"unit_ids": "x"},
		object{"track": "\u0000"}, object{"t-announcement": "\u0000"}, object{strings.Repeat("t", 5_000): "accept"}, object{"\u0000": "accept"},
		[]object{{"rule": "\u0000", "on": true}}, []object{{"rule": strings.Repeat("r", 33), "on": nil}}, []object{{"day": "\u0000", "kind": "off"}},
		[]object{{"day": "2027-02-05", "kind": "off", "festival": "\u0000"}}, []object{{"day": "99999-01-01", "kind": "work"}},
	}
}

// TestHostilePush tries every route of announcements, reminders and the calendar with such values: none is an internal
// error, each refusal has a sentence in Chinese.
func TestHostilePush(t *testing.T) {
	bodies := []any{"", "null", "[]", "0", `"x"`, "{", "{}", "{}{}", `{"a":1}`, "\xff\xfe", strings.Repeat("[", 10_000), `{"items":{}}`, `{"UNIT_ID":10}`}
	paths := []string{"0", "-1", "9007199254740992", "99999999999999999999", "1e3", "x", "%E4%B8%80", "%00", "1%27", "7", "2026-99-99", "2026-03-02%00"}
	queries := []string{
		"limit=-1", "limit=9e9", "cursor=%00", "cursor=" + strings.Repeat("z", 300), "cursor=" + strings.Repeat("z", 301), "cursor=eyJuIjoiXHUwMDAwIiwiaSI6MX0",
		"cursor=eyJuIjp7fSwiaSI6MX0", "cursor=MTc3MjQxMzIwMDAwMC4x", "year=-2026", "year=99999999999", "state=%00", "state=sending", "read=1", "unread=2", "a=b",
		"unit_id=9223372036854775807", "unit_id=0", "unit_id=-1", "from=%27", "from=9999-12-31", "to=0000-00-00", "to=99999-01-01T00:00:00Z", "origin=%FF",
		"from=2026-03-02&from=2026-03-03",
	}
	good := map[string]object{
		"create-announcement": notice("template", "none", "audience", object{"unit_ids": []int64{group}, "track": "party"},
			"send_at", shanghai("2026-03-05", "09:00"), "holiday", "qingming", "urgent", false),
		"recall-announcement":   {"reason": "错"},
		"decide-announcement":   {"approve": true, "note": "阅"},
		"report-subscriptions":  {"request_id": "r", "results": object{"t-announcement": "accept"}},
		"change-reminder-rules": {"items": []object{{"rule": "holiday", "on": true}}},
		"nudge-study-period":    {"unit_id": branch},
		"set-calendar-days":     {"items": []object{{"day": "2027-02-05", "kind": "off", "festival": "spring_festival"}}},
	}
	good["forecast-announcement"] = good["create-announcement"]
	each(t, func(t *testing.T, w *world) {
		w.announceToAll()
		try := func(r api.Route, token, path string, body any) {
			t.Helper()
			a := w.call(r.Method, path, token, body)
			if a.Code >= 500 {
				t.Errorf("%s %.120s %.200v: %d %s", r.Method, path, body, a.Code, a.Body)
			}
			if a.Code >= 400 && a.Code != 404 && !chinese(a.text("detail")) {
				t.Errorf("%s %.120s %.200v: %s", r.Method, path, body, a.Body)
			}
		}
		var seen []string
		for _, r := range api.RouteTable() {
			if _, ours := pushLines()[r.Operation]; !ours && r.Operation != "read-todo" {
				continue
			}
			seen = append(seen, r.Operation)
			token := w.console()
			if strings.HasPrefix(r.Path, "/me/") { // which are about a member
				token = w.token(plain)
			}
			id := fmt.Sprint(w.keptAnnouncementOf(branch))
			switch {
			case strings.HasPrefix(r.Path, "/units/"):
				id = fmt.Sprint(branch)
			case strings.HasPrefix(r.Path, "/study-periods/"):
				id = fmt.Sprint(w.periodOf(branch))
			}
			path := strings.NewReplacer("{id}", id, "{day}", "2027-02-05").Replace(r.Path)
			if r.Method == "GET" {
				for _, q := range queries {
					try(r, token, path+"?"+q, nil)
				}
			} else {
				for _, b := range bodies {
					try(r, token, path, b)
				}
			}
			for _, p := range paths {
				if strings.Contains(r.Path, "{") {
					try(r, token, strings.NewReplacer("{id}", p, "{day}", p).Replace(r.Path), good[r.Operation])
				}
			}
			for field := range good[r.Operation] {
				for _, v := range hostileValues() {
					body := maps.Clone(good[r.Operation])
					body[field] = v
					try(r, token, path, body)
				}
			}
		}
		for operation := range good {
			if !slices.Contains(seen, operation) {
				t.Errorf("%s is no route", operation)
			}
		}
		w.pushAll()
		w.remind()
	})
}

// announceToAll fills the lists, so that a page has a next one.
func (w *world) announceToAll() {
	w.t.Helper()
	for range 3 {
		w.announcementOf(branch)
	}
	w.must(w.services.Push.Remind(w.t.Context()))
}

// TestHostileKeys: a key under which something is sent once is a short text.
func TestHostileKeys(t *testing.T) {
	each(t, func(t *testing.T, w *world) {
		before := w.announcementOf(branch)
		for _, key := range []string{strings.Repeat("k", 201), "带", "a b", "\u007f"} {
			if a := w.once(key, "/announcements", w.token(secretary), notice()); a.Code != 422 || !chinese(a.text("detail")) {
				t.Errorf("%.20q: %d %s", key, a.Code, a.Body)
			}
		}
		if got := w.all("/announcements?limit=5", w.token(secretary)); !slices.Equal(got, []int64{before}) {
			t.Errorf("%v", got)
		}
	})
}
