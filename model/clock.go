package model

import (
	"fmt"
	"time"
	_ "time/tzdata" // a bare machine has no zone files
)

// Shanghai is the zone in which days, months, years and study periods are cut.
var Shanghai = mustLoadShanghai()

func mustLoadShanghai() *time.Location {
	l, err := time.LoadLocation("Asia/Shanghai")
	if err != nil {
		panic(err) // the zone is embedded, so this is a broken build
	}
	return l
}

// Instant is a moment in UTC, in milliseconds since 1970. It is a plain integer so that every database stores,
// compares and indexes it alike, to the millisecond. Zero means "not yet".
type Instant int64

// At cuts t to its millisecond.
func At(t time.Time) Instant { return Instant(t.UnixMilli()) }

// Time returns the moment in Asia/Shanghai.
func (i Instant) Time() time.Time { return time.UnixMilli(int64(i)).In(Shanghai) }

// Date returns the day in Asia/Shanghai on which the moment falls.
func (i Instant) Date() Date { return DateOf(i.Time()) }

// Add returns the moment d later.
func (i Instant) Add(d time.Duration) Instant { return i + Instant(d.Milliseconds()) }

// Date is a calendar day in Asia/Shanghai, "2026-11-23". It compares as a string.
type Date string

// Forever ends an episode that has not ended. It is a value and not NULL, so that a unique key can promise
// "at most one open episode".
const Forever Date = "9999-12-31"

// DateOf returns the day of t in Asia/Shanghai.
func DateOf(t time.Time) Date { return Date(t.In(Shanghai).Format(time.DateOnly)) }

// ParseDate reads YYYY-MM-DD between the years 1900 and 2999.
func ParseDate(s string) (Date, error) {
	t, err := time.Parse(time.DateOnly, s)
	if err != nil || t.Year() < 1900 || t.Year() > 2999 {
		return "", fmt.Errorf("%q is no date", s)
	}
	return Date(s), nil
}

// Start is the first moment of the day in Asia/Shanghai.
func (d Date) Start() Instant {
	t, err := time.ParseInLocation(time.DateOnly, string(d), Shanghai)
	if err != nil {
		return 0
	}
	return At(t)
}

// AddDays returns the day n days later.
func (d Date) AddDays(n int) Date { return DateOf(d.Start().Time().AddDate(0, 0, n)) }

// IsOpen reports whether the day stands for "has not ended".
func (d Date) IsOpen() bool { return d == Forever }
