package dues

import (
	"context"

	"zhibu/model"
)

// Planned is a member on the roster with the assessment in force; nil while nobody has fixed one.
type Planned struct {
	MemberID   int64
	Name       string
	UnitID     int64
	UnitName   string
	Track      model.Track
	Kind       model.MembershipKind
	Category   model.Category
	Assessment *model.Assessment `gorm:"-"`
}

// Plan returns the roster of a unit with what each owes in a month: the January list of who is still to be assessed. With
// missing it keeps those without an assessment. It is a roster, so the names are for whoever reads the dues.
func (s *Service) Plan(ctx context.Context, actor model.Actor, unitID int64, month model.Month, missing bool, limit int, cursor string) (page []Planned, next string, err error) {
	if month == "" {
		month = model.MonthOf(s.today())
	}
	var f faults
	f.month("month", month)
	if err := f.err(); err != nil {
		return nil, "", err
	}
	db := s.db.Read(ctx)
	unit, err := findBooks(db, actor, unitID, model.ReadDues)
	if err != nil {
		return nil, "", err
	}
	held := "dues_assessments.member_id = memberships.member_id AND dues_assessments.track = memberships.track " +
		"AND dues_assessments.replaced_id = 0 AND dues_assessments.effective_month <= ?"
	q := db.Table("memberships").Joins("JOIN units ON units.id = memberships.unit_id").Joins("JOIN members ON members.id = memberships.member_id").
		Scopes(model.OnRoster(month.Day(1).Start()), model.Counted, model.Under(unit.Path)).
		Select("memberships.id, members.id AS member_id, members.name, units.id AS unit_id, units.name AS unit_name, memberships.track, memberships.kind, memberships.category")
	if missing {
		q = q.Where("NOT EXISTS (SELECT 1 FROM dues_assessments WHERE "+held+")", month)
	}
	if cursor != "" {
		last, err := model.ParseCursor(cursor)
		if err != nil {
			return nil, "", err
		}
		q = q.Where("memberships.id > ?", last.ID)
	}
	var rows []struct {
		Planned
		ID int64
	}
	if err := q.Order("memberships.id").Limit(limit + 1).Find(&rows).Error; err != nil {
		return nil, "", err
	}
	if len(rows) > limit {
		rows = rows[:limit]
		next = model.Cursor{ID: rows[limit-1].ID}.String()
	}
	ids := []int64{0}
	for _, r := range rows {
		ids = append(ids, r.MemberID)
	}
	b := biller{month: month, day: month.Day(1)}
	known, err := b.facts(db, ids)
	for _, r := range rows {
		if a, ok := known.assessments[key{r.MemberID, r.Track}]; ok {
			r.Assessment = &a
		}
		page = append(page, r.Planned)
	}
	return page, next, err
}
