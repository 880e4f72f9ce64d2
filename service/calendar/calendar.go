// Package calendar keeps which days are working days: those that came with the program, and what an operator has set since
// the State Council published the next year.
package calendar

import (
	"context"
	"slices"
	"strconv"
	"time"

	"gorm.io/gorm"

	"zhibu/model"
)

// Service keeps the calendar.
type Service struct {
	db  *model.DB
	now func() time.Time
}

// New makes the service.
func New(db *model.DB, now func() time.Time) *Service { return &Service{db: db, now: now} }

// Year is a year of the calendar.
type Year struct {
	Year      int
	Published bool // its days off are known
	Festivals []model.Festival
	Days      []model.CalendarDay // those of which the weekday does not tell whether people work
}

// The years that can be asked for.
const firstYear, lastYear = 2024, 2050

// maxDays is how many days are set at once: more than a year has of them.
const maxDays = 100

// Look returns a year; 0 is this one.
func (s *Service) Look(ctx context.Context, year int) (Year, error) {
	if year == 0 {
		year = s.now().In(model.Shanghai).Year()
	}
	if year < firstYear || year > lastYear {
		return Year{}, model.InvalidField("year", "invalid_value", "年份须在 2024 至 2050 之间")
	}
	c, err := model.LoadCalendar(s.db.Read(ctx))
	return Year{Year: year, Published: c.Published(year), Festivals: c.Festivals(year), Days: c.Days(year)}, err
}

// Set sets days, each once; it takes an administrator of everything, for the days are the same for all units. It returns the
// year of the first day.
func (s *Service) Set(ctx context.Context, actor model.Actor, days []model.CalendarDay) (Year, error) {
	if !actor.Everywhere(model.Administer) {
		return Year{}, model.ErrForbidden
	}
	if err := check(days); err != nil {
		return Year{}, err
	}
	now := model.At(s.now())
	err := s.db.WriteAfterLook(ctx, func(tx *gorm.DB) error {
		for _, d := range days {
			if err := tx.Where("day = ?", d.Day).Delete(&model.CalendarDay{}).Error; err != nil {
				return err
			}
			d.SetBy, d.SetAt = actor.Ref(), now
			if err := tx.Create(&d).Error; err != nil {
				return err
			}
		}
		return model.Audit(tx, actor, now, model.Deed{Action: "calendar.set", After: map[string]any{"days": auditOf(days)}})
	})
	if err != nil {
		return Year{}, err
	}
	return s.Look(ctx, yearOf(days[0].Day))
}

// Withdraw takes a day that was set back to what came with the program. One that was not set is model.ErrNotFound.
func (s *Service) Withdraw(ctx context.Context, actor model.Actor, day model.Date) error {
	if !actor.Everywhere(model.Administer) {
		return model.ErrForbidden
	}
	return s.db.Write(ctx, func(tx *gorm.DB) error {
		done := tx.Where("day = ?", day).Delete(&model.CalendarDay{})
		if done.Error != nil {
			return done.Error
		}
		if done.RowsAffected == 0 {
			return model.ErrNotFound
		}
		return model.Audit(tx, actor, model.At(s.now()), model.Deed{Action: "calendar.withdraw", Before: map[string]any{"day": day}})
	})
}

func check(days []model.CalendarDay) error {
	var faults []model.FieldError
	fault := func(i int, field, code, message string) {
		faults = append(faults, model.FieldError{Field: "items[" + strconv.Itoa(i) + "]." + field, Code: code, Message: message})
	}
	if len(days) == 0 || len(days) > maxDays {
		return model.InvalidField("items", "invalid_length", "一次设置 1 至 100 天")
	}
	for i, d := range days {
		if parsed, err := model.ParseDate(string(d.Day)); err != nil || yearOf(parsed) < firstYear || yearOf(parsed) > lastYear {
			fault(i, "day", "invalid_date", "日期须在 2024 至 2050 年之间，形如 2027-02-06")
		}
		if slices.ContainsFunc(days[:i], func(o model.CalendarDay) bool { return o.Day == d.Day }) {
			fault(i, "day", "duplicate", "同一天出现了两次")
		}
		if d.Kind != model.DayOff && d.Kind != model.DayWorking {
			fault(i, "kind", "invalid_value", "须为 off（放假）或 work（上班）")
		}
		if d.Festival != "" && model.FestivalName(d.Festival) == "" {
			fault(i, "festival", "invalid_value", "没有这个节日")
		}
	}
	if len(faults) > 0 {
		return model.InvalidFields(faults...)
	}
	return nil
}

func yearOf(d model.Date) int { return d.Start().Time().Year() }

func auditOf(days []model.CalendarDay) []string {
	texts := make([]string, len(days))
	for i, d := range days {
		texts[i] = string(d.Day) + " " + string(d.Kind)
	}
	return texts
}
