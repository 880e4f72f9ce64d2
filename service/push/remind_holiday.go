package push

import (
	"context"
	"fmt"
	"slices"
	"strings"

	"gorm.io/gorm"

	"zhibu/model"
)

// holidayAhead is how many days before its days off a festival is spoken of.
const holidayAhead = 3

// holidays says before a festival what is customary to say (annual summary: 重大节日期间提前下发通知), in the units that switched
// it on.
func (r reminder) holidays(ctx context.Context) error {
	if r.hour() < morning {
		return nil
	}
	units, err := r.holidayUnits(r.service.db.Read(ctx))
	if err != nil || len(units) == 0 {
		return err
	}
	today := r.now.Date()
	year := today.Start().Time().Year()
	var occasions []occasion
	for _, f := range append(r.calendar.Festivals(year), r.calendar.Festivals(year+1)...) {
		if today < f.OffFrom.AddDays(-holidayAhead) || today >= f.OffFrom {
			continue
		}
		for _, u := range units {
			occasions = append(occasions, r.holiday(f, u))
		}
	}
	return r.fireAll(ctx, occasions)
}

// holidayUnits are the units that have holiday notices on and are not inside another that has: the notice of that one is for
// them, too, whatever a unit between the two says.
func (r reminder) holidayUnits(tx *gorm.DB) ([]model.Unit, error) {
	on := slices.DeleteFunc(slices.Clone(r.switches), func(set switchedRule) bool { return set.Rule != model.RuleHoliday || !set.On })
	var ids []int64
	for _, set := range on {
		if !slices.ContainsFunc(on, func(above switchedRule) bool {
			return above.Path != set.Path && strings.HasPrefix(set.Path, above.Path)
		}) {
			ids = append(ids, set.UnitID)
		}
	}
	var units []model.Unit
	err := tx.Where("id IN ? AND closed_on > ?", ids, r.now.Date()).Order("path").Find(&units).Error
	return units, err
}

func (r reminder) holiday(f model.Festival, u model.Unit) occasion {
	return occasion{
		rule: model.RuleHoliday, cause: causeOf(model.RuleHoliday, f.Key, f.Date, u.ID), unit: u,
		announcement: model.Announcement{
			Purpose: model.PurposeAnnouncement, Title: f.Name + "廉洁过节提醒", Holiday: f.Key, Hint: "请阅读并遵守", HappensAt: f.Date.Start(),
			ExpiresAt: f.OffTo.AddDays(1).Start(),
			Body: fmt.Sprintf("%s将至。请全体同志严格遵守中央八项规定精神，廉洁过节、文明过节、安全过节：不收送礼品礼金，不违规吃喝，不公车私用，"+
				"离开本地按规定报备，节日期间保持通讯畅通。", f.Name),
		},
		who: func(tx *gorm.DB) *gorm.DB {
			return members(tx).Scopes(model.OnRoster(r.now), model.Counted, model.Under(u.Path), r.switches.scope(model.RuleHoliday))
		},
	}
}
