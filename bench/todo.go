package main

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"time"

	"gorm.io/gorm"

	"zhibu/model"
)

// What a member's year leaves behind, and what of it is before him.
const (
	todoReads       = 2000
	yearActivities  = 120
	yearPeriods     = 45
	yearMonths      = 12
	openActivities  = 3
	unreadOfTheYear = 5
)

// benchTodo measures the to-do list of a member with a year of history beside a handler that authenticates him and reads one
// row, both over HTTP.
func (p *postOffice) benchTodo(ctx context.Context) error {
	if err := p.liveThroughAYear(ctx); err != nil {
		return err
	}
	if err := p.analyze(ctx); err != nil {
		return err
	}
	s, err := newServer(p.db)
	if err != nil {
		return err
	}
	defer s.close()
	token, err := s.signIn(ctx, readerOpenID(0))
	if err != nil {
		return err
	}
	c, err := s.dial()
	if err != nil {
		return err
	}
	defer c.Close()
	fmt.Printf("GET /me/todo of a member with a year behind him, one connection, %s.\n\n", p.db.Dialect)
	fmt.Println("| measured | reads | p50 ms | p99 ms | of the row |")
	fmt.Println("|---|---|---|---|---|")
	progress("reading the to-do list on %s", p.db.Dialect)
	var row float64
	for _, m := range []struct{ name, path string }{
		{"one row", fmt.Sprint("/row/", pushFirst)}, {"the to-do list", "/api/v1/me/todo"}, {"the inbox", "/api/v1/me/announcements"},
		{"one row", fmt.Sprint("/row/", pushFirst)}, {"the to-do list", "/api/v1/me/todo"}, {"the inbox", "/api/v1/me/announcements"},
	} {
		r, err := repeat(todoReads, func() error { return c.exchange(token, request{method: http.MethodGet, path: m.path}) })
		if err != nil {
			return err
		}
		if m.name == "one row" {
			row = r.percentile(50)
		}
		fmt.Printf("| %s | %d | %.2f | %.2f | %.2f |\n", m.name, todoReads, r.percentile(50), r.percentile(99), r.percentile(50)/row)
	}
	fmt.Println()
	return nil
}

// liveThroughAYear gives the first member, and a few others, a year of activities, periods, bills and announcements.
func (p *postOffice) liveThroughAYear(ctx context.Context) error {
	now := model.At(time.Now())
	ago := func(part, of int) model.Instant {
		return now.Add(-time.Duration(part) * 365 * 24 * time.Hour / time.Duration(of))
	}
	var readers []int64
	for i := range 20 {
		readers = append(readers, pushFirst+int64(i*pushBranches)) // all of the first branch
	}
	return p.db.Write(ctx, func(tx *gorm.DB) error {
		return errors.Join(attendAYear(tx, readers, ago), studyAYear(tx, readers, ago), oweAYear(tx, readers, now), readAYear(tx, readers, ago))
	})
}

func attendAYear(tx *gorm.DB, readers []int64, ago func(int, int) model.Instant) error {
	var activities []model.Activity
	var audience []model.AudienceUnit
	var checkIns []model.CheckIn
	for i := range yearActivities {
		at := ago(i+1, yearActivities)
		if i < openActivities {
			at = ago(-1, 365*(i+1))
		}
		id := model.NewID()
		activities = append(activities, model.Activity{ID: id, UnitID: pushUnit, Kind: "theme_day", Title: fmt.Sprint("活动", i), StartsAt: at, EndsAt: at + 3_600_000,
			CheckInOpensAt: at - 1, CheckInClosesAt: at + 3_600_000})
		audience = append(audience, model.AudienceUnit{ActivityID: id, UnitID: pushUnit})
		if i < openActivities {
			continue
		}
		for _, m := range readers {
			checkIns = append(checkIns, model.CheckIn{ID: model.NewID(), ActivityID: id, MemberID: m, State: model.Present, Source: model.ByCode, CheckedInAt: at, RecordedAt: at})
		}
	}
	return createAll(tx, activities, audience, checkIns)
}

func studyAYear(tx *gorm.DB, readers []int64, ago func(int, int) model.Instant) error {
	var periods []model.StudyPeriod
	var audience []model.PeriodAudience
	var completions []model.Completion
	for i := range yearPeriods {
		closes := ago(i+1, yearPeriods+1)
		if i == 0 {
			closes = ago(-1, 365)
		}
		opens := closes.Add(-7 * 24 * time.Hour)
		p := model.StudyPeriod{ID: model.NewID(), UnitID: pushUnit, Series: "学习", Number: new(yearPeriods - i), Title: "学习", Track: model.Party,
			OpensAt: opens, ClosesAt: closes, ThresholdBP: 8500, DecideOn: model.DecideOnAdjusted}
		p.SetCode()
		periods, audience = append(periods, p), append(audience, model.PeriodAudience{PeriodID: p.ID, UnitID: pushUnit})
		if i == 0 {
			continue
		}
		for _, m := range readers {
			completions = append(completions, model.Completion{ID: model.NewID(), PeriodID: p.ID, MemberID: m, Source: "self", CompletedAt: opens, RecordedAt: opens})
		}
	}
	return createAll(tx, periods, audience, completions)
}

func oweAYear(tx *gorm.DB, readers []int64, now model.Instant) error {
	var assessments []model.Assessment
	var bills []model.Bill
	for _, m := range readers {
		assessments = append(assessments, model.Assessment{ID: m, MemberID: m, Track: model.Party, Category: model.DuesSalaried, AmountFen: 3000, EffectiveMonth: "2020-01"})
		for i := range yearMonths {
			month := model.MonthOf(now.Date()).Add(-i)
			b := model.Bill{ID: model.NewID(), UnitID: pushUnit + 1, MemberID: m, Track: model.Party, Month: month, DueOn: month.Day(1), AssessedFen: 3000,
				AmountFen: 3000, PaidFen: 3000, AssessmentID: m}
			if i == 0 {
				b.PaidFen = 0
			}
			bills = append(bills, b)
		}
	}
	return createAll(tx, assessments, bills)
}

func readAYear(tx *gorm.DB, readers []int64, ago func(int, int) model.Instant) error {
	var announcements []model.Announcement
	var deliveries []model.Delivery
	for i := range pushYearTimes {
		at := ago(i, pushYearTimes)
		a := model.Announcement{ID: model.NewID(), UnitID: pushUnit, Cause: fmt.Sprint("year:", i), Title: fmt.Sprint("通知", i), Body: "请阅读。",
			TextState: model.TextPassed, SendAt: at, PublishedAt: at, CreatedAt: at}
		announcements = append(announcements, a)
		for _, m := range readers {
			d := a.DeliveryTo(m, pushUnit+1, at)
			if i >= unreadOfTheYear {
				d.ReadAt = at
			}
			deliveries = append(deliveries, d)
		}
	}
	return createAll(tx, announcements, deliveries)
}
