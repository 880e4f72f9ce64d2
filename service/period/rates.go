package period

import (
	"cmp"
	"context"
	"slices"
	"strconv"
	"strings"

	"gorm.io/gorm"

	"zhibu/model"
)

// Query asks for the rates of a period.
type Query struct {
	UnitID  int64 // 0: the unit that holds the period, or the actor's own part of it
	Version int   // 0: the last one, or how it stands
	Depth   int   // levels below the unit; 0: all
	ByRate  bool  // the lowest first; a switch
	Limit   int   // 0: all
	Cursor  string
}

// Rates are the rate of a unit and those of the units below it, in the order of the tree.
type Rates struct {
	Period  model.Period
	AsOf    model.Instant
	Frozen  bool
	Version int    // of the frozen rates, or of the last ones before
	Hash    string // of the frozen version
	Total   model.PeriodCount
	Units   []model.PeriodCount
}

// Depth is how many levels the unit is below the one asked for.
func (r Rates) Depth(c model.PeriodCount) int { return c.Depth - r.Total.Depth }

// The refusals of the rates.
var (
	ErrRateOrderOff = model.NewError(model.Forbidden, "feature_off", "按参学率排序的功能没有打开：相关规定不提倡排名")
	ErrNoVersion    = model.NewError(model.NotFound, "version_not_found", "本期没有这个版本")
)

// Rates returns how a unit and those below it stand: of a frozen period the version, else now, with the completion just
// recorded. Officers see their own part of the tree.
func (s *Service) Rates(ctx context.Context, actor model.Actor, id int64, q Query) (r Rates, next string, err error) {
	if q.ByRate && !s.rateOrder {
		return r, "", ErrRateOrderOff
	}
	err = s.readRates(ctx, actor, id, q, func(tx *gorm.DB, total Rates) error {
		r = total
		r.Units, next, err = unitsOf(tx, r, q)
		return err
	})
	return r, next, err
}

// readRates reads the rate of the unit asked for, and whatever read does, as of one moment: the parts add up though people
// complete meanwhile.
func (s *Service) readRates(ctx context.Context, actor model.Actor, id int64, q Query, read func(*gorm.DB, Rates) error) error {
	p, err := s.look(ctx, actor, id)
	if err != nil {
		return err
	}
	unit, err := ownPart(s.db.Read(ctx), actor, p, q.UnitID)
	if err != nil {
		return err
	}
	if err := s.refresh(ctx, p); err != nil {
		return err
	}
	now := model.At(s.now())
	return s.db.Read(ctx).Transaction(func(tx *gorm.DB) error {
		r, err := totalOf(tx, p, unit, q.Version, now)
		if err != nil {
			return err
		}
		return read(tx, r)
	})
}

// totalOf returns the rate of the unit in a version, or as it stands.
func totalOf(tx *gorm.DB, p model.Period, unit model.Unit, version int, now model.Instant) (r Rates, err error) {
	r = Rates{Period: p, Frozen: p.Frozen() || version != 0, Version: p.Version, AsOf: now}
	if version != 0 {
		r.Version = version
	}
	if r.Frozen {
		v, err := versionOf(tx, p.ID, r.Version)
		if err != nil {
			return r, err
		}
		r.AsOf, r.Hash = v.CutoffAt, v.Hash
	}
	r.Total, err = countsOf(tx, p, r.counts(), unit.ID)
	if r.Total.UnitID == 0 {
		r.Total.UnitID, r.Total.Name, r.Total.Path = unit.ID, unit.Name, unit.Path
	}
	return r, err
}

// counts is the version of the PeriodCounts.
func (r Rates) counts() int {
	if r.Frozen {
		return r.Version
	}
	return 0
}

// versionNow is the version of the counts that hold now.
func versionNow(p model.Period) int {
	if p.Frozen() {
		return p.Version
	}
	return 0
}

// refresh brings the counts of what is not frozen up to date.
func (s *Service) refresh(ctx context.Context, p model.Period) error {
	if p.CancelledAt != 0 {
		return nil
	}
	if err := s.takeAttendanceNow(ctx, p); err != nil {
		return err
	}
	return s.recount(ctx, p)
}

// ownPart returns the unit asked for, when it is in the period and the actor reads its roster; without one, the whole
// period or the actor's largest part of it.
func ownPart(tx *gorm.DB, actor model.Actor, p model.Period, unitID int64) (model.Unit, error) {
	if unitID != 0 {
		unit, err := model.FindUnit(tx, actor, unitID, model.ReadRoster)
		if err == nil && !strings.HasPrefix(unit.Path, p.Unit.Path) {
			err = model.InvalidField("unit_id", "not_in_period", "该组织不在本期范围内")
		}
		return unit, err
	}
	if actor.May(model.ReadRoster, p.Unit.Path) {
		return p.Unit, nil
	}
	paths := slices.DeleteFunc(actor.Paths(model.ReadRoster), func(path string) bool {
		return !strings.HasPrefix(path, p.Unit.Path) || !p.Touches(model.Unit{Path: path})
	})
	if len(paths) == 0 {
		return model.Unit{}, model.ErrForbidden
	}
	widest := slices.MinFunc(paths, func(a, b string) int {
		return cmp.Or(cmp.Compare(strings.Count(a, "/"), strings.Count(b, "/")), cmp.Compare(a, b))
	})
	ids := model.PathIDs(widest)
	return model.FindUnit(tx, actor, ids[len(ids)-1], model.ReadRoster)
}

// countsOf returns the count of one unit; the zero value when it is not in the version.
func countsOf(tx *gorm.DB, p model.Period, version int, unitID int64) (c model.PeriodCount, err error) {
	found, err := loadCounts(tx, p, version, func(q *gorm.DB) *gorm.DB { return q.Where("unit_id = ?", unitID) })
	if len(found) > 0 {
		c = found[0]
	}
	return c, err
}

// unitsOf returns a page of the units below the total's.
func unitsOf(tx *gorm.DB, r Rates, q Query) (page []model.PeriodCount, next string, err error) {
	after, err := pageStart(q.Cursor)
	if err != nil {
		return nil, "", err
	}
	below := func(tx *gorm.DB) *gorm.DB {
		tx = tx.Where("position > ? AND position <= ?", r.Total.Position, r.Total.LastPosition).Scopes(worthListing(tx, r.Period))
		if q.Depth > 0 {
			tx = tx.Where("depth IN ?", levels(r.Total.Depth, q.Depth))
		}
		if q.ByRate || q.Limit == 0 {
			return tx
		}
		return tx.Where("position > ?", after).Limit(q.Limit + 1)
	}
	page, err = loadCounts(tx, r.Period, r.counts(), below)
	if err != nil || q.Limit == 0 {
		return page, "", err
	}
	if q.ByRate {
		sortByRate(page, r.Period.Threshold())
		page = page[min(after, len(page)):]
	}
	if len(page) > q.Limit {
		page = page[:q.Limit]
		next = strconv.Itoa(page[q.Limit-1].Position)
		if q.ByRate {
			next = strconv.Itoa(after + q.Limit)
		}
	}
	return page, next, nil
}

// worthListing keeps the units with somebody due, and of the others those where somebody could be: of the period's track,
// and not closed.
func worthListing(tx *gorm.DB, p model.Period) func(*gorm.DB) *gorm.DB {
	closed := tx.Session(&gorm.Session{NewDB: true}).Model(&model.Unit{}).Select("units.id").Scopes(model.Under(p.Unit.Path)).
		Where("units.closed_on <> ?", model.Forever)
	return func(tx *gorm.DB) *gorm.DB {
		return tx.Where("(due > 0 OR kind LIKE ? AND unit_id NOT IN (?))", string(p.Track)+"%", closed)
	}
}

// levels are the n depths below one, named one by one so that an index finds them.
func levels(depth, n int) (below []int) {
	for i := range min(n, model.MaxUnitDepth) {
		below = append(below, depth+i+1)
	}
	return below
}

func pageStart(cursor string) (int, error) {
	if cursor == "" {
		return 0, nil
	}
	after, err := strconv.Atoi(cursor)
	if err != nil || after < 0 || strconv.Itoa(after) != cursor {
		return 0, model.InvalidField("cursor", "invalid_value", "翻页标记有误，请从第一页重新开始")
	}
	return after, nil
}

// sortByRate puts the lowest rate first, and units with nobody due last.
func sortByRate(units []model.PeriodCount, t model.Threshold) {
	slices.SortStableFunc(units, func(a, b model.PeriodCount) int {
		countedA, countedB := int64(t.Counted(a.Rate)), int64(t.Counted(b.Rate))
		if countedA == 0 || countedB == 0 {
			return cmp.Compare(countedB, countedA)
		}
		return cmp.Compare(int64(a.Completed)*countedB, int64(b.Completed)*countedA)
	})
}
