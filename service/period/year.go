package period

import (
	"context"
	"fmt"
	"slices"
	"strings"
	"time"

	"zhibu/model"

	"gorm.io/gorm"
)

// Year is the series of a unit over a year.
type Year struct {
	Unit    model.Unit
	Series  string
	Year    int
	Periods []YearPeriod // by opening
	Lowest  *YearPeriod  // of the closed ones with somebody due, by the rate that decides
	AllMet  *bool        // every closed one with somebody due is met; nil while there is none
}

// YearPeriod is the unit's rate in one period.
type YearPeriod struct {
	model.StudyPeriod
	Rate model.Rate
}

// Percent is the rate that is held against the threshold.
func (y YearPeriod) Percent() *string { return y.Threshold().PercentOf(y.Rate) }

func (y YearPeriod) counted() int { return y.Threshold().Counted(y.Rate) }

// lowerThan compares the rates that decide, on integers.
func (y YearPeriod) lowerThan(o YearPeriod) bool {
	return int64(y.Rate.Completed)*int64(o.counted()) < int64(o.Rate.Completed)*int64(y.counted())
}

func yearStart(year int) model.Instant {
	return model.At(time.Date(year, 1, 1, 0, 0, 0, 0, model.Shanghai))
}

// Year returns the rates of a unit in the periods of a series that open in a year: its own and those of a unit above with
// the unit's part of them, or where there are none, those of the one unit below that has the series.
func (s *Service) Year(ctx context.Context, actor model.Actor, unitID int64, series string, year int) (y Year, err error) {
	tx := s.db.Read(ctx)
	unit, err := model.FindUnit(tx, actor, unitID, model.ReadRoster)
	if err != nil {
		return y, err
	}
	y = Year{Unit: unit, Series: model.CleanLine(series), Year: year, Periods: []YearPeriod{}}
	rows, err := s.begun(tx, unit, y.Series, year)
	if err != nil {
		return y, err
	}
	for _, row := range rows {
		p, err := s.settled(ctx, row.ID)
		if err != nil {
			return y, err
		}
		part := unit.ID
		if strings.HasPrefix(p.Unit.Path, unit.Path) {
			part = p.UnitID
		}
		counts, err := countsOf(s.db.Read(ctx), p, versionNow(p), part)
		if err != nil {
			return y, err
		}
		if counts.UnitID == 0 || !p.Frozen() && !p.Touches(unit) {
			continue
		}
		y.add(YearPeriod{p.StudyPeriod, counts.Rate})
	}
	return y, nil
}

// begun returns the periods of the series that have opened in the year.
func (s *Service) begun(tx *gorm.DB, unit model.Unit, series string, year int) (rows []model.StudyPeriod, err error) {
	q := tx.Model(&model.StudyPeriod{}).Joins("JOIN units ON units.id = study_periods.unit_id").Select("study_periods.*").
		Where("series = ? AND cancelled_at = 0 AND opens_at <= ?", series, model.At(s.now())).Scopes(openingIn(year)).
		Order("opens_at, study_periods.id").Session(&gorm.Session{})
	// A unit that was moved keeps the periods it was counted in.
	counted := tx.Session(&gorm.Session{NewDB: true}).Model(&model.PeriodCount{}).Select("1").
		Where("period_counts.period_id = study_periods.id AND period_counts.version = study_periods.version").
		Where("period_counts.unit_id = ?", unit.ID)
	err = q.Where("(units.id IN ? OR study_periods.version > 0 AND EXISTS (?))", model.PathIDs(unit.Path), counted).
		Find(&rows).Error
	if err != nil || len(rows) > 0 {
		return rows, err
	}
	err = q.Scopes(model.Under(unit.Path)).Find(&rows).Error
	elsewhere := func(p model.StudyPeriod) bool { return p.UnitID != rows[0].UnitID }
	if slices.ContainsFunc(rows, elsewhere) {
		return nil, err // several units have one each, and they do not add up to a series
	}
	return rows, err
}

// settled returns the period closed, if it is overdue, and counted.
func (s *Service) settled(ctx context.Context, id int64) (model.Period, error) {
	found, err := model.LoadPeriods(s.db.Read(ctx), []int64{id})
	if err == nil && found[id].Overdue(model.At(s.now())) {
		if err = s.freeze(ctx, model.Actor{}, id); err == nil {
			found, err = model.LoadPeriods(s.db.Read(ctx), []int64{id})
		}
	}
	if err != nil {
		return model.Period{}, err
	}
	return found[id], s.refresh(ctx, found[id])
}

func (y *Year) add(p YearPeriod) {
	y.Periods = append(y.Periods, p)
	met := p.Threshold().Met(p.Rate)
	if !p.Frozen() || met == nil {
		return
	}
	if y.Lowest == nil || p.lowerThan(*y.Lowest) {
		y.Lowest = &p
	}
	if y.AllMet == nil {
		y.AllMet = new(true)
	}
	*y.AllMet = *y.AllMet && *met
}

// Held is how many closed periods had somebody due: the XX of “XX期”.
func (y Year) Held() (n int) {
	for _, p := range y.Periods {
		if p.Frozen() && p.counted() > 0 {
			n++
		}
	}
	return n
}

// Assertion is the sentence of the annual summary, when it is true: every closed period is met, and none that is over
// waits for a correction. Else it is empty.
func (y Year) Assertion() string {
	if y.AllMet == nil || !*y.AllMet {
		return ""
	}
	lowest, who := 10000, ""
	for _, p := range y.Periods {
		switch {
		case p.Version > 0 && !p.Frozen():
			return ""
		case p.Frozen() && p.counted() > 0:
			lowest = min(lowest, p.ThresholdBP)
			if name := trackMembers[p.Track]; who == "" || who == name {
				who = name
			} else {
				who = "党团员"
			}
		}
	}
	return fmt.Sprintf("%d年组织“%s”%d期，每期%s参加率均达到%s以上", y.Year, y.Series, y.Held(), who,
		model.Threshold{BP: lowest}.Percent())
}

var trackMembers = map[model.Track]string{model.League: "团员", model.Party: "党员"}

// Exceptions names the closed periods below the threshold, for the place of the assertion that is not true.
func (y Year) Exceptions() string {
	var below []string
	for _, p := range y.Periods {
		if met := p.Threshold().Met(p.Rate); p.Frozen() && met != nil && !*met {
			below = append(below, fmt.Sprintf("%s（%s%%）", p.Name(), *p.Percent()))
		}
	}
	return strings.Join(below, "、")
}
