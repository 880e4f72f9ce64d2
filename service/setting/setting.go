// Package setting keeps the settings of the organisation: dated, inherited from the units above, every change audited.
// What is the operator's, the feature switches, is in config.
package setting

import (
	"context"
	"slices"
	"time"

	"gorm.io/gorm"

	"zhibu/model"
)

// The refusals of a setting.
var (
	ErrUnknown    = model.ErrNotFound.Saying("没有这项设置")
	ErrNoChange   = model.ErrNotFound.Saying("这一天没有待生效的变更")
	ErrUnitClosed = model.NewError(model.Conflict, "unit_closed", "这个组织已撤销，不能再改设置")
)

// Service reads and changes settings. It is safe for concurrent use, on any number of instances.
type Service struct {
	db  *model.DB
	now func() time.Time
}

// New makes the service.
func New(db *model.DB, now func() time.Time) *Service { return &Service{db: db, now: now} }

// Item is a setting as it stands in a unit on a day.
type Item struct {
	model.SettingSpec
	model.SettingValue
	UnitName string    // of the unit it comes from; empty for the default
	Planned  []Planned // what changes it after that day, the next one first
}

// Planned is a change ahead, of the unit itself or of the one above from which it inherits.
type Planned struct {
	model.SettingValue
	UnitName string
}

// List returns every setting as it stands in the unit on the day (empty: today), to whoever may read its roster.
func (s *Service) List(ctx context.Context, actor model.Actor, unitID int64, asOf model.Date) ([]Item, error) {
	if asOf == "" {
		asOf = model.At(s.now()).Date()
	}
	if err := checkDate("as_of", asOf); err != nil {
		return nil, err
	}
	db := s.db.Read(ctx)
	u, err := model.FindUnit(db, actor, unitID, model.ReadRoster)
	if err != nil {
		return nil, err
	}
	return items(db, u, asOf, model.SettingSpecs()...)
}

func checkDate(field string, d model.Date) error {
	if _, err := model.ParseDate(string(d)); err != nil {
		return model.InvalidField(field, "invalid_date", "日期须形如 2026-03-02")
	}
	return nil
}

// items shows the settings as they stand in the unit on the day.
func items(tx *gorm.DB, u model.Unit, on model.Date, specs ...model.SettingSpec) ([]Item, error) {
	var rows []model.Setting
	if err := tx.Where("unit_id IN ?", model.PathIDs(u.Path)).Find(&rows).Error; err != nil {
		return nil, err
	}
	names, err := unitNames(tx, u)
	if err != nil {
		return nil, err
	}
	now := model.SettingsOf(rows, u.Path, on)
	shown := make([]Item, len(specs))
	for i, spec := range specs {
		v := now.Of(spec.Name)
		shown[i] = Item{SettingSpec: spec, SettingValue: v, UnitName: names[v.UnitID]}
		for _, day := range daysAfter(rows, spec.Name, on) {
			// A row of a unit above is a change here only where no nearer one covers it.
			if v := model.SettingsOf(rows, u.Path, day).Of(spec.Name); v.EffectiveOn == day {
				shown[i].Planned = append(shown[i].Planned, Planned{v, names[v.UnitID]})
			}
		}
	}
	return shown, nil
}

func unitNames(tx *gorm.DB, u model.Unit) (map[int64]string, error) {
	var units []model.Unit
	if err := tx.Select("id", "name").Where("id IN ?", model.PathIDs(u.Path)).Find(&units).Error; err != nil {
		return nil, err
	}
	names := make(map[int64]string, len(units))
	for _, u := range units {
		names[u.ID] = u.Name
	}
	return names, nil
}

// daysAfter are the days after on from which a row of the setting is in force, each once, in order.
func daysAfter(rows []model.Setting, name model.SettingName, on model.Date) []model.Date {
	var days []model.Date
	for _, r := range rows {
		if r.Name == name && r.EffectiveOn > on {
			days = append(days, r.EffectiveOn)
		}
	}
	slices.Sort(days)
	return slices.Compact(days)
}

// History returns the values set in the unit itself, the newest day first and those ahead included, to whoever may read
// its roster, and the cursor of the next page. What was replaced before its day is in the audit alone.
func (s *Service) History(
	ctx context.Context, actor model.Actor, unitID int64, name model.SettingName, limit int, cursor string,
) (page []model.Setting, next string, err error) {
	db := s.db.Read(ctx)
	if _, err := model.FindUnit(db, actor, unitID, model.ReadRoster); err != nil {
		return nil, "", err
	}
	if _, ok := model.FindSettingSpec(name); !ok {
		return nil, "", ErrUnknown
	}
	q := db.Where("unit_id = ? AND name = ?", unitID, name)
	if cursor != "" {
		after, err := model.ParseCursor(cursor)
		if err != nil {
			return nil, "", err
		}
		q = q.Where("effective_on < ?", after.At.Date()) // a day has one value
	}
	if err := q.Order("effective_on DESC").Limit(limit + 1).Find(&page).Error; err != nil {
		return nil, "", err
	}
	if len(page) > limit {
		page = page[:limit]
		next = model.Cursor{At: page[limit-1].EffectiveOn.Start(), ID: page[limit-1].ID}.String()
	}
	return page, next, nil
}
