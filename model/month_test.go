package model_test

import (
	"testing"
	"time"

	"pgregory.net/rapid"

	"zhibu/model"
)

func drawMonth(t *rapid.T, label string) model.Month {
	return model.Month("1900-01").Add(rapid.IntRange(0, 1099*12+11).Draw(t, label))
}

func TestMonthsCountLikeTheCalendar(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		m := drawMonth(t, "month")
		if got, err := model.ParseMonth(string(m)); err != nil || got != m {
			t.Fatalf("%q is read as %q, %v", m, got, err)
		}
		n := rapid.IntRange(-2000, 2000).Draw(t, "n")
		if later := m.Add(n); later.Since(m) != n || m.Since(later) != -n || later.Add(-n) != m {
			t.Fatalf("%s and %d months are %s, which is %d months after it", m, n, later, later.Since(m))
		}
		other := drawMonth(t, "other")
		if since := m.Since(other); (m > other) != (since > 0) || (m == other) != (since == 0) {
			t.Fatalf("%s is %d months after %s", m, since, other)
		}
		day := rapid.IntRange(-3, 40).Draw(t, "day")
		first := time.Date(m.Year(), time.Month(m.Since(model.Month(string(m)[:4]+"-01"))+1), 1, 0, 0, 0, 0, time.UTC)
		last := first.AddDate(0, 1, -1).Day()
		want := first.AddDate(0, 0, min(max(day, 1), last)-1).Format(time.DateOnly)
		if got := m.Day(day); string(got) != want || model.MonthOf(got) != m {
			t.Fatalf("day %d of %s is %s, want %s", day, m, got, want)
		}
	})
}

func TestMonthsThatAreNone(t *testing.T) {
	for _, s := range []string{"", "2026", "2026-1", "2026-00", "2026-13", "26-01", "2026-01-01", " 2026-01", "2026-01 ", "2026/01", "1899-12", "3000-01", "２０２６-01"} {
		if m, err := model.ParseMonth(s); err == nil || m != "" {
			t.Errorf("%q is read as %q, %v", s, m, err)
		}
	}
}

func TestMonthEdges(t *testing.T) {
	for _, c := range []struct{ got, want any }{
		{model.Month("2026-12").Add(1), model.Month("2027-01")},
		{model.Month("2026-01").Add(-1), model.Month("2025-12")},
		{model.Month("2024-02").Day(31), model.Date("2024-02-29")},
		{model.Month("2026-02").Day(29), model.Date("2026-02-28")},
		{model.Month("2026-02").Day(0), model.Date("2026-02-01")},
		{model.MonthOf("2026-11-30"), model.Month("2026-11")},
		{model.Month("2026-03").Name(), "2026年3月"},
		{model.Month("2026-03").Year(), 2026},
	} {
		if c.got != c.want {
			t.Errorf("got %v, want %v", c.got, c.want)
		}
	}
}
