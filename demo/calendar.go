package demo

import (
	"time"

	"zhibu/model"
)

// calendar tells the days of the story, all counted from the day of the seeding.
type calendar struct {
	now   model.Instant // to the minute
	today model.Date
}

func newCalendar(now time.Time) calendar {
	minute := model.At(now.Truncate(time.Minute))
	return calendar{now: minute, today: minute.Date()}
}

// day is n days from today.
func (c calendar) day(n int) model.Date { return c.today.AddDays(n) }

// month is the first day of the month n months from this one.
func (c calendar) month(n int) model.Date {
	t := c.today.Start().Time()
	return model.DateOf(time.Date(t.Year(), t.Month()+time.Month(n), 1, 0, 0, 0, 0, model.Shanghai))
}

// years is the day n years after d.
func years(d model.Date, n int) model.Date { return model.DateOf(d.Start().Time().AddDate(n, 0, 0)) }

// workday is d, or the Monday after a weekend.
func workday(d model.Date) model.Date {
	switch d.Start().Time().Weekday() {
	case time.Saturday:
		return d.AddDays(2)
	case time.Sunday:
		return d.AddDays(1)
	}
	return d
}

// minutes and hours are lengths of time.
func minutes(n int) time.Duration { return time.Duration(n) * time.Minute }
func hours(n int) time.Duration   { return time.Duration(n) * time.Hour }
