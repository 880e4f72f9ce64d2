package dues

import (
	"cmp"
	"context"
	"errors"
	"slices"

	"gorm.io/gorm"

	"zhibu/model"
)

// StandardFilter chooses standards; zero values choose all.
type StandardFilter struct {
	UnitID   int64 // those that can come to bear there
	Track    model.Track
	Category model.DuesCategory
}

// Standards returns the national standards and those the actor's organisation has set, the latest first.
func (s *Service) Standards(ctx context.Context, actor model.Actor, f StandardFilter) ([]model.Standard, error) {
	db := s.db.Read(ctx)
	units := actor.HomeUnitIDs()
	for _, g := range actor.Grants {
		units = append(units, model.PathIDs(g.Path)...)
	}
	q := db.Where("unit_id IN ?", append(units, 0))
	if f.UnitID != 0 {
		u, err := model.SeenUnit(db, actor, f.UnitID)
		if err != nil {
			return nil, err
		}
		q = db.Where("unit_id IN ?", model.PathIDs(u.Path))
	} else if actor.Everywhere(model.ReadDues) {
		q = db
	}
	var rows []model.Standard
	if err := q.Find(&rows).Error; err != nil {
		return nil, err
	}
	rows = slices.DeleteFunc(append(rows, model.NationalStandards()...), func(r model.Standard) bool {
		return f.Track != "" && r.Track != f.Track || f.Category != "" && r.Category != f.Category
	})
	slices.SortStableFunc(rows, func(a, b model.Standard) int {
		return cmp.Or(cmp.Compare(b.Track, a.Track), cmp.Compare(a.Category, b.Category),
			cmp.Compare(b.EffectiveMonth, a.EffectiveMonth), cmp.Compare(a.ID, b.ID))
	})
	return rows, nil
}

// NewStandard is a rate table as an administrator writes it. Without a unit it is for his whole organisation.
type NewStandard struct {
	UnitID         int64
	Track          model.Track
	Category       model.DuesCategory
	EffectiveMonth model.Month
	Brackets       []model.Bracket
	CapFen         model.Fen
	Rounding       model.Rounding // empty: as the setting says
	Rule           string
	Source         string
}

// AddStandard sets the standard of a unit and all below it from a month on, this one at the earliest: what was assessed
// before keeps its amount. It takes an administrator of the unit. The same month again is ErrStandardExists.
func (s *Service) AddStandard(ctx context.Context, actor model.Actor, n NewStandard) (row model.Standard, err error) {
	now := model.At(s.now())
	err = s.db.Write(ctx, func(tx *gorm.DB) error {
		id, err := administered(tx, actor, n.UnitID)
		if err != nil {
			return err
		}
		unit, err := findBooks(tx, actor, id, model.Administer)
		if err != nil {
			return err
		}
		if row, err = n.row(now); err != nil {
			return err
		}
		row.UnitID, row.CreatedBy = unit.ID, actor.Ref()
		if err := tx.Create(&row).Error; err != nil {
			return err
		}
		return model.Audit(tx, actor, now, model.Deed{Action: "dues_standard.add", Unit: unit, SubjectID: row.ID, After: map[string]any{
			"track": row.Track, "category": row.Category, "effective_month": row.EffectiveMonth, "brackets": n.Brackets,
			"cap_fen": row.CapFen, "rounding": row.Rounding, "rule": row.Rule, "source": row.Source,
		}})
	})
	if errors.Is(err, gorm.ErrDuplicatedKey) {
		err = ErrStandardExists.With(err)
	}
	return row, err
}

// administered is the unit that is meant when none is named: the one root the actor administers.
func administered(tx *gorm.DB, actor model.Actor, id int64) (int64, error) {
	if id != 0 {
		return id, nil
	}
	var top []model.Unit
	err := tx.Scopes(model.Within(actor, model.Administer)).Where("closed_on = ?", model.Forever).Order("LENGTH(path), id").Limit(2).Find(&top).Error
	switch {
	case err != nil:
		return 0, err
	case len(top) == 0:
		return 0, model.ErrForbidden
	case len(top) == 2 && len(model.PathIDs(top[1].Path)) <= len(model.PathIDs(top[0].Path)):
		return 0, model.InvalidField("unit_id", "required", "您管理多个组织，请注明是哪一个")
	}
	return top[0].ID, nil
}

func (n NewStandard) row(now model.Instant) (model.Standard, error) {
	var f faults
	if n.Track != model.Party && n.Track != model.League {
		f.add("track", "invalid_value", "须为 party 或 league")
	}
	if n.Category.Name() == "" {
		f.add("category", "invalid_value", "没有这种类别")
	}
	f.month("effective_month", n.EffectiveMonth)
	f.amount("cap_fen", n.CapFen, 1)
	f.text("rule", &n.Rule, true, 500)
	f.text("source", &n.Source, true, 300)
	if err := f.err(); err != nil {
		return model.Standard{}, err
	}
	this := model.MonthOf(now.Date())
	switch {
	case n.EffectiveMonth < this:
		return model.Standard{}, model.InvalidField("effective_month", "past_month", "新标准只能从本月或以后的月份起执行，以前的月份不变")
	case n.EffectiveMonth > this.Add(maxAheadMonths):
		return model.Standard{}, model.InvalidField("effective_month", "invalid_month", "最多提前 12 个月公布")
	}
	row := model.Standard{
		ID: model.NewID(), UnitID: n.UnitID, Track: n.Track, Category: n.Category, EffectiveMonth: n.EffectiveMonth,
		CapFen: n.CapFen, Rounding: n.Rounding, Rule: n.Rule, Source: n.Source, CreatedAt: now,
	}
	return row, row.SetBrackets(n.Brackets)
}

// Question asks what somebody would owe.
type Question struct {
	UnitID   int64 // whose standards; 0: the actor's own branch or unit
	Track    model.Track
	Category model.DuesCategory
	BaseFen  model.Fen   // 0: not told
	Month    model.Month // empty: this one
}

// Quote answers what dues come to for a month, with the standard and the rounding in force then.
func (s *Service) Quote(ctx context.Context, actor model.Actor, q Question) (model.Quote, error) {
	if q.Month == "" {
		q.Month = model.MonthOf(s.today())
	}
	var f faults
	f.month("month", q.Month)
	f.amount("base_fen", q.BaseFen, 0)
	if err := f.err(); err != nil {
		return model.Quote{}, err
	}
	db := s.db.Read(ctx)
	unit, err := unitAsked(db, actor, q)
	if err != nil {
		return model.Quote{}, err
	}
	return quote(db, unit, q)
}

// unitAsked is the unit of the question: the one named, or where the actor is a member or in office; none is as good.
func unitAsked(db *gorm.DB, actor model.Actor, q Question) (model.Unit, error) {
	if q.UnitID != 0 {
		return model.SeenUnit(db, actor, q.UnitID)
	}
	for _, h := range actor.Homes {
		if h.Track == q.Track {
			return loadUnit(db, h.UnitID)
		}
	}
	for _, g := range actor.Grants {
		if g.UnitID != 0 {
			return loadUnit(db, g.UnitID)
		}
	}
	return model.Unit{}, nil
}

// quote computes the amount in the unit, for a question whose month and base are sound.
func quote(tx *gorm.DB, unit model.Unit, q Question) (model.Quote, error) {
	standard, ok, err := model.FindStandard(tx, unit.Path, q.Track, q.Category, q.Month)
	switch {
	case err != nil:
		return model.Quote{}, err
	case !ok:
		return model.Quote{}, ErrNoStandard
	case standard.NeedsBase() && q.BaseFen == 0:
		return model.Quote{}, model.InvalidField("base_fen", "required", "这一类别按收入计算，请填写每月的计算基数（单位：分）")
	}
	settings, err := model.LoadSettings(tx, unit, q.Month.Day(1))
	if err != nil {
		return model.Quote{}, err
	}
	return standard.Quote(q.BaseFen, model.Rounding(settings.Text(model.SettingRounding)))
}
