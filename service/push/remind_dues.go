package push

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strconv"

	"gorm.io/gorm"

	"zhibu/model"
)

// duesBack is for how many days a dues day is still reminded of, when the server was off.
const duesBack = 3

// dues reminds on the dues day (党费日) those whose bill of the day is open. The amount is not in it: a message shows on a
// locked phone.
func (r reminder) dues(ctx context.Context) error {
	if r.hour() < morning {
		return nil
	}
	tx := r.service.db.Read(ctx)
	days, err := r.duesDays(tx)
	if err != nil || len(days) == 0 {
		return err
	}
	var roots []model.Unit
	if err := tx.Where("parent_id IS NULL").Find(&roots).Error; err != nil {
		return err
	}
	var occasions []occasion
	for _, day := range days {
		for _, track := range []model.Track{model.Party, model.League} {
			for _, root := range roots {
				occasions = append(occasions, r.duesDay(root, day, track))
			}
		}
	}
	left, err := r.unfired(ctx, occasions)
	if err != nil {
		return err
	}
	var errs []error
	for _, o := range left {
		// The bills of the day may still be to be made, so with nobody to remind it stays due.
		var n int64
		err := o.who(tx).Count(&n).Error
		if err == nil && n > 0 {
			err = r.fire(ctx, o)
		}
		errs = append(errs, err)
	}
	return errors.Join(errs...)
}

// duesDays returns the dues days of today and the days before: on other days nobody has to go through the bills.
func (r reminder) duesDays(tx *gorm.DB) (days []model.Date, err error) {
	var numbers []string
	err = tx.Model(&model.Setting{}).Where("name = ?", model.SettingDuesDay).Distinct("value").Pluck("value", &numbers).Error
	spec, _ := model.FindSettingSpec(model.SettingDuesDay)
	today := r.now.Date()
	for _, n := range append(numbers, spec.Default) {
		number, _ := strconv.Atoi(n)
		for _, month := range []model.Month{model.MonthOf(today).Add(-1), model.MonthOf(today)} {
			day := r.calendar.NextWorkday(month.Day(number))
			if day <= today && day >= today.AddDays(-duesBack) && !slices.Contains(days, day) {
				days = append(days, day)
			}
		}
	}
	return days, err
}

func (r reminder) duesDay(root model.Unit, day model.Date, track model.Track) occasion {
	name := track.DuesName()
	return occasion{
		rule: model.RuleDuesDay, cause: causeOf(model.RuleDuesDay, day, track, root.ID), unit: root,
		announcement: model.Announcement{
			Purpose: model.PurposeDues, Title: "本月" + name + "待缴", Status: "待缴纳", Hint: "可在小程序或到支部缴纳", HappensAt: day.Start(),
			ExpiresAt: day.AddDays(duesBack + 1).Start(), Subject: "dues", AudienceTrack: track,
			Body: fmt.Sprintf("%s是%s日，您本月的%s还没有缴纳。可以在小程序里缴，也可以到支部用现金或转账缴纳；已缴的请忽略。",
				day.Start().Time().Format("1月2日"), name, name),
		},
		who: func(tx *gorm.DB) *gorm.DB {
			return owing(tx, day, track, r.now).Scopes(model.Under(root.Path), r.switches.scope(model.RuleDuesDay))
		},
	}
}

// owing is a query of those whose bill of the dues day is open.
func owing(tx *gorm.DB, day model.Date, track model.Track, now model.Instant) *gorm.DB {
	return members(tx).Scopes(model.OnRoster(now)).
		Joins("JOIN dues_bills ON dues_bills.member_id = memberships.member_id AND dues_bills.track = memberships.track").
		Where("dues_bills.due_on = ? AND dues_bills.track = ? AND dues_bills.voided_id = 0", day, track).
		Where("dues_bills.paid_fen < dues_bills.amount_fen")
}
