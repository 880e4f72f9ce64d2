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

// Absentees are who has not completed (未学), branch by branch.
type Absentees struct {
	Rates
	Branches []Branch
}

// Branch is one branch with those of its members who have neither completed nor been released. Named says whether the
// actor is shown who they are: above the branch there are totals only (DOMAIN.md §19.1).
type Branch struct {
	model.PeriodCount
	Named   bool
	Members []Absentee
}

// Absentee is one member who has not completed in time.
type Absentee struct {
	MemberID int64
	Name     string
	NameSort string
	UnitID   int64
	UnitName string
	Late     bool // completed after the close (补学)
}

// Absentees returns a page of the branches of a unit and who is behind in each. Names are for the officers of that very
// branch; with the operator's switch also for those above, and each such look is in the audit.
func (s *Service) Absentees(ctx context.Context, actor model.Actor, id int64, q Query) (a Absentees, next string, err error) {
	v := s.viewer(actor)
	err = s.readRates(ctx, actor, id, q, func(tx *gorm.DB, r Rates) error {
		a.Rates = r
		if a.Branches, next, err = branchesOf(tx, r, q); err != nil {
			return err
		}
		for i := range a.Branches {
			b := &a.Branches[i]
			if b.Named = v.sees(b.UnitID, b.Path, b.Kind, b.Missing()); !b.Named {
				continue
			}
			if b.Members, err = absentees(tx, r, *b); err != nil {
				return err
			}
		}
		return nil
	})
	if err != nil {
		return a, "", err
	}
	return a, next, s.logLook(ctx, v, a.Period, "absentees", a.Total.UnitID)
}

// branchesOf returns a page of the branches of the unit asked for, or that unit when it is inside a branch.
func branchesOf(tx *gorm.DB, r Rates, q Query) ([]Branch, string, error) {
	after, err := pageStart(q.Cursor)
	if err != nil {
		return nil, "", err
	}
	page, err := loadCounts(tx, r.Period, r.counts(), func(tx *gorm.DB) *gorm.DB {
		tx = tx.Where("position BETWEEN ? AND ? AND position > ?", r.Total.Position, r.Total.LastPosition, after)
		if isGroup(r.Total.Kind) {
			return tx
		}
		return tx.Where("kind IN ?", []model.UnitKind{model.PartyBranch, model.LeagueBranch}).Limit(q.Limit + 1)
	})
	next := ""
	if len(page) > q.Limit {
		page = page[:q.Limit]
		next = strconv.Itoa(page[q.Limit-1].Position)
	}
	branches := make([]Branch, len(page))
	for i, c := range page {
		branches[i] = Branch{PeriodCount: c}
	}
	return branches, next, err
}

// absentees returns who is behind in a branch, by unit and name.
func absentees(tx *gorm.DB, r Rates, b Branch) (members []Absentee, err error) {
	const columns = "members.id AS member_id, members.name, members.name_sort, units.id AS unit_id, units.name AS unit_name, " +
		"CASE WHEN completions.completed_at >= ? THEN 1 ELSE 0 END AS late"
	p := r.Period
	cutoff := p.Cutoff()
	if r.Frozen {
		cutoff = r.AsOf
	}
	var q *gorm.DB
	if r.Frozen {
		q = tx.Table("period_entries").Joins("JOIN period_versions ON period_versions.id = period_entries.version_id").
			Joins("JOIN members ON members.id = period_entries.member_id").
			Joins(`JOIN period_counts units ON units.period_id = period_versions.period_id
				AND units.version = period_versions.number AND units.unit_id = period_entries.unit_id`).
			Where("period_versions.period_id = ? AND period_versions.number = ?", p.ID, r.Version).
			Where("period_entries.outcome = ?", model.OutcomeMissing).Scopes(model.Under(b.Path))
		q = joinRecords(q, p.ID, "period_entries").Select(strings.ReplaceAll(columns, "units.id", "units.unit_id"), cutoff)
	} else {
		q = tx.Model(&model.Membership{}).Joins("JOIN units ON units.id = memberships.unit_id").
			Joins("JOIN members ON members.id = memberships.member_id")
		q = joinRecords(q, p.ID, "memberships").Select(columns, cutoff).Scopes(p.Due(p.RosterAt(r.AsOf)), model.Under(b.Path)).
			Where("exemptions.id IS NULL AND (completions.id IS NULL OR completions.completed_at >= ?)", p.Cutoff())
	}
	if err := q.Find(&members).Error; err != nil {
		return nil, err
	}
	slices.SortFunc(members, func(a, b Absentee) int {
		return cmp.Or(cmp.Compare(a.UnitID, b.UnitID), cmp.Compare(a.NameSort, b.NameSort), cmp.Compare(a.MemberID, b.MemberID))
	})
	return members, nil
}
