package api_test

import (
	"strings"
	"testing"
)

// TestCalendar: the days that came with the program, what the administrator adds, and its effect on the dues day.
func TestCalendar(t *testing.T) {
	each(t, func(t *testing.T, w *world) {
		this := w.call("GET", "/calendar", w.token(plain), nil).wants(200)
		if this.number("year") != 2026 || this.object()["published"] != true || len(this.object()["festivals"].([]any)) != 7 {
			t.Error(this.Body)
		}
		same(t, "the Spring Festival", this.object()["festivals"].([]any)[1].(object), object{
			"key": "spring_festival", "name": "春节", "date": "2026-02-17", "off_from": "2026-02-15", "off_to": "2026-02-23",
		})
		next := func() *answer {
			t.Helper()
			return w.call("GET", "/calendar?year=2027", w.token(plain), nil).wants(200)
		}
		if a := next(); a.object()["published"] != false || len(a.object()["days"].([]any)) != 0 {
			t.Error(a.Body)
		}
		set := func(days ...object) *answer {
			t.Helper()
			return w.call("PUT", "/calendar/days", w.console(), object{"items": days})
		}
		a := set(object{"day": "2027-02-05", "kind": "off", "festival": "spring_festival"}, object{"day": "2027-02-06", "kind": "off"}, object{"day": "2027-02-20", "kind": "work"}).wants(200)
		if a.number("year") != 2027 || len(a.object()["days"].([]any)) != 3 || a.Body.String() != next().Body.String() {
			t.Error(a.Body)
		}
		same(t, "the Spring Festival", a.object()["festivals"].([]any)[1].(object), object{"date": "2027-02-06", "off_from": "2027-02-05", "off_to": "2027-02-07"})
		set(object{"day": "2027-02-20", "kind": "off"}).wants(200)
		same(t, "set again", next().object()["days"].([]any)[2].(object), object{"day": "2027-02-20", "kind": "off"})
		w.call("DELETE", "/calendar/days/2027-02-20", w.console(), nil).wants(204)
		w.call("DELETE", "/calendar/days/2027-02-20", w.console(), nil).refuses(404, "not_found")
		w.call("DELETE", "/calendar/days/2026-02-17", w.console(), nil).refuses(404, "not_found") // it came with the program
		if n, m := w.recorded("calendar.set"), w.recorded("calendar.withdraw"); n != 2 || m != 1 {
			t.Errorf("%d and %d in the audit", n, m)
		}

		set(object{"day": "2026-04-01", "kind": "off"}).wants(200) // a Wednesday
		w.assess(plain, 1_000)
		w.makeBills(branch, "2026-04")
		bill := w.call("GET", "/me/dues?month=2026-04", w.token(plain), nil).wants(200).items()[0]
		same(t, "dues day", bill, object{"due_on": "2026-04-02"})
	})
}

func TestCalendarRefusals(t *testing.T) {
	each(t, func(t *testing.T, w *world) {
		console, chief := w.console(), w.token(chief)
		w.token(plain)
		before := w.pushRows()
		off := object{"day": "2027-02-05", "kind": "off"}
		days := func(days ...object) object { return object{"items": append([]object{}, days...)} }
		for _, c := range []struct {
			method, path, token string
			body                any
			status              int
			code, field         string
		}{
			{"PUT", "/calendar/days", chief, days(off), 403, "forbidden", ""},
			{"DELETE", "/calendar/days/2027-02-05", chief, nil, 403, "forbidden", ""},
			{"PUT", "/calendar/days", console, days(), 422, "invalid_request", "items too_few"},
			{"PUT", "/calendar/days", console, days(off, off), 422, "invalid_request", "items[1].day duplicate"},
			{"PUT", "/calendar/days", console, days(object{"day": "2023-12-31", "kind": "off"}), 422, "invalid_request", "items[0].day invalid_date"},
			{"PUT", "/calendar/days", console, days(object{"day": "2027-02-29", "kind": "off"}), 422, "invalid_request", "items[0].day invalid_date"},
			{"PUT", "/calendar/days", console, days(object{"day": "2月5日", "kind": "off"}), 422, "invalid_request", "items[0].day invalid_date"},
			{"PUT", "/calendar/days", console, days(object{"day": "2027-02-05", "kind": "holiday"}), 422, "invalid_request", "items[0].kind invalid_value"},
			{"PUT", "/calendar/days", console, days(object{"day": "2027-02-05"}), 422, "invalid_request", "items[0].kind required"},
			{"PUT", "/calendar/days", console, days(object{"day": "2027-02-05", "kind": "off", "festival": "mothers_day"}), 422, "invalid_request", "items[0].festival invalid_value"},
			{"PUT", "/calendar/days", console, days(object{"day": "2027-02-05", "kind": "off", "festival": strings.Repeat("x", 21)}), 422, "invalid_request", "items[0].festival too_long"},
			{"PUT", "/calendar/days", console, days(make([]object, 101)...), 422, "invalid_request", "items too_many"},
			{"DELETE", "/calendar/days/2027-02-30", console, nil, 422, "invalid_request", "day invalid_date"},
			{"DELETE", "/calendar/days/x", console, nil, 422, "invalid_request", "day invalid_date"},
			{"GET", "/calendar?year=2023", w.token(plain), nil, 422, "invalid_request", "year too_small"},
			{"GET", "/calendar?year=2051", w.token(plain), nil, 422, "invalid_request", "year too_large"},
			{"GET", "/calendar?year=x", w.token(plain), nil, 422, "invalid_request", "year invalid_type"},
		} {
			a := w.call(c.method, c.path, c.token, c.body)
			if a.Code != c.status || a.text("code") != c.code || !strings.HasPrefix(faults(a), c.field) || !chinese(a.text("detail")) {
				t.Errorf("%s %s %v: %d %s", c.method, c.path, c.body, a.Code, a.Body)
			}
		}
		if after := w.pushRows(); after != before {
			t.Errorf("rows before: %s, after: %s", before, after)
		}
	})
}
