package push

import (
	"context"
	"errors"
	"time"

	"gorm.io/gorm"

	"zhibu/model"
)

// morning is the hour of day from which reminders that belong to a day are sent, and evening the last for those of officers.
const (
	morning = 9
	evening = 20
)

// Remind fires the reminders whose time has come: each once, also after the server was down as long as it still makes sense,
// and only for those who have not done it. It is a chore; every instance may do it.
func (s *Service) Remind(ctx context.Context) error {
	tx := s.db.Read(ctx)
	all, err := loadSwitches(tx)
	if err != nil {
		return err
	}
	r := reminder{service: s, switches: all, now: s.at()}
	if r.calendar, err = model.LoadCalendar(tx); err != nil {
		return err
	}
	// One that fails does not keep the others.
	return errors.Join(r.periods(ctx), r.activities(ctx), r.dues(ctx), r.holidays(ctx), r.offices(ctx))
}

// reminder is one look at what is to be reminded of.
type reminder struct {
	service  *Service
	switches switches
	calendar model.Calendar
	now      model.Instant
}

// hour is the hour of day.
func (r reminder) hour() int { return r.now.Time().Hour() }

// occasion is a reminder that may be due: what it says, under which unit, and to whom.
type occasion struct {
	rule         model.Rule
	cause        string
	unit         model.Unit
	announcement model.Announcement
	who          func(tx *gorm.DB) *gorm.DB // a query as deliver takes it
	after        func(tx *gorm.DB) error    // what else belongs to it; nil is nothing
}

// fire claims the occasion and writes the reminder, in one transaction. With nobody to remind there is none, and it is not
// due again.
func (r reminder) fire(ctx context.Context, o occasion) error {
	s := r.service
	err := s.db.WriteBulk(ctx, func(tx *gorm.DB) error {
		first, err := model.Fire(tx, o.cause, r.now)
		if err != nil || !first {
			return err
		}
		settings, err := model.LoadSettings(tx, o.unit, r.now.Date())
		if err != nil {
			return err
		}
		a := o.announcement
		a.ID, a.UnitID, a.Rule, a.Cause, a.TextState = model.NewID(), o.unit.ID, o.rule, o.cause, model.TextPassed
		a.Title, a.SendAt, a.PublishedAt, a.CreatedAt, a.CreatedBy = shorten(a.Title, maxTitle), r.now, r.now, r.now, model.Actor{}.Ref()
		a.Obey(settings)
		if err := tx.Create(&a).Error; err != nil {
			return err
		}
		written, err := s.deliver(tx, a, o.who(tx), r.now)
		if err == nil && written == 0 {
			err = tx.Delete(&model.Announcement{}, a.ID).Error
		}
		if err == nil && o.after != nil {
			err = o.after(tx)
		}
		return err
	})
	if errors.Is(err, gorm.ErrDuplicatedKey) { // another instance was faster
		return nil
	}
	s.wake()
	return err
}

// unfired keeps the occasions that have not fired.
func (r reminder) unfired(ctx context.Context, occasions []occasion) ([]occasion, error) {
	causes := make([]string, len(occasions))
	for i, o := range occasions {
		causes[i] = o.cause
	}
	fired, err := firedOf(r.service.db.Read(ctx), causes)
	if err != nil {
		return nil, err
	}
	left := occasions[:0]
	for _, o := range occasions {
		if !fired[o.cause] {
			left = append(left, o)
		}
	}
	return left, nil
}

// firedOf tells which of the causes have fired.
func firedOf(tx *gorm.DB, causes []string) (map[string]bool, error) {
	fired := map[string]bool{}
	for len(causes) > 0 {
		some := causes[:min(len(causes), 500)]
		causes = causes[len(some):]
		var rows []string
		if err := tx.Model(&model.Reminder{}).Where("cause IN ?", some).Pluck("cause", &rows).Error; err != nil {
			return nil, err
		}
		for _, c := range rows {
			fired[c] = true
		}
	}
	return fired, nil
}

// fireAll fires what has not fired.
func (r reminder) fireAll(ctx context.Context, occasions []occasion) error {
	left, err := r.unfired(ctx, occasions)
	if err != nil {
		return err
	}
	var errs []error
	for _, o := range left {
		errs = append(errs, r.fire(ctx, o))
	}
	return errors.Join(errs...)
}

// members begins a query of members with their units, as deliver takes it.
func members(tx *gorm.DB) *gorm.DB {
	return tx.Session(&gorm.Session{NewDB: true}).Model(&model.Membership{}).Joins("JOIN units ON units.id = memberships.unit_id")
}

// shorten cuts a text to so many characters.
func shorten(text string, most int) string {
	runes := []rune(text)
	if len(runes) <= most {
		return text
	}
	return string(runes[:most-1]) + "…"
}

// clockTime is a moment as a notice writes it.
func clockTime(at model.Instant) string { return at.Time().Format("1月2日 15:04") }

const (
	hourAhead = time.Hour
	dayAhead  = 24 * time.Hour
)
