package model

import (
	"fmt"
	"time"
)

// Month is a calendar month in Asia/Shanghai, "2026-01". It compares as a string.
type Month string

const monthLayout = "2006-01"

// MonthOf returns the month of a day.
func MonthOf(d Date) Month { return Month(d[:len(monthLayout)]) }

// ParseMonth reads YYYY-MM between the years 1900 and 2999.
func ParseMonth(s string) (Month, error) {
	t, err := time.Parse(monthLayout, s)
	if err != nil || t.Year() < 1900 || t.Year() > 2999 {
		return "", fmt.Errorf("%q is no month", s)
	}
	return Month(s), nil
}

// start is the first day of the month; a Month comes from ParseMonth or MonthOf.
func (m Month) start() time.Time {
	t, _ := time.Parse(monthLayout, string(m))
	return t
}

// Add returns the month n months later.
func (m Month) Add(n int) Month { return Month(m.start().AddDate(0, n, 0).Format(monthLayout)) }

// Since returns how many months m is after other.
func (m Month) Since(other Month) int {
	a, b := m.start(), other.start()
	return (a.Year()-b.Year())*12 + int(a.Month()) - int(b.Month())
}

// Year is the year of the month.
func (m Month) Year() int { return m.start().Year() }

// Day returns the day of the month with that number, or the last one when the month is shorter.
func (m Month) Day(n int) Date {
	last := m.start().AddDate(0, 1, -1).Day()
	return Date(fmt.Sprintf("%s-%02d", m, min(max(n, 1), last)))
}

// Name is the month as a person reads it: 2026年1月.
func (m Month) Name() string {
	t := m.start()
	return fmt.Sprintf("%d年%d月", t.Year(), int(t.Month()))
}
