package period

import (
	"cmp"
	"maps"
	"slices"

	"gorm.io/gorm"

	"zhibu/model"
)

// trueRates counts the members due in the period and what is recorded of them, by the unit on whose roster they are; of
// the units named, or of all.
func trueRates(tx *gorm.DB, p model.Period, now model.Instant, unitIDs ...int64) (map[int64]model.Rate, error) {
	var rows []struct {
		UnitID int64
		model.Rate
	}
	cutoff := p.Cutoff()
	q := joinRecords(tx.Model(&model.Membership{}), p.ID, "memberships").
		Select(`memberships.unit_id, COUNT(*) AS due,
			SUM(CASE WHEN completions.completed_at < ? THEN 1 ELSE 0 END) AS completed,
			SUM(CASE WHEN completions.completed_at >= ? THEN 1 ELSE 0 END) AS late,
			SUM(CASE WHEN exemptions.id IS NOT NULL AND (completions.id IS NULL OR completions.completed_at >= ?) THEN 1 ELSE 0 END) AS exempt`,
			cutoff, cutoff, cutoff).
		Joins("JOIN units ON units.id = memberships.unit_id").Joins("JOIN members ON members.id = memberships.member_id").
		Scopes(p.Due(p.RosterAt(now)))
	if len(unitIDs) > 0 {
		q = q.Where("memberships.unit_id IN ?", unitIDs)
	}
	err := q.Group("memberships.unit_id").Find(&rows).Error
	rates := make(map[int64]model.Rate, len(rows))
	for _, r := range rows {
		rates[r.UnitID] = r.Rate
	}
	return rates, err
}

// countAll counts every unit of the period anew and lays out the tree.
func countAll(tx *gorm.DB, p model.Period, now model.Instant) error {
	counts, err := layOut(tx, p)
	if err != nil {
		return err
	}
	own, err := trueRates(tx, p, now)
	if err != nil {
		return err
	}
	var tallies []model.Tally
	if err := tx.Where("period_id = ?", p.ID).Find(&tallies).Error; err != nil {
		return err
	}
	rollUp(p, counts, own)
	at := make(map[int64]int, len(counts))
	for i, c := range counts {
		at[c.UnitID] = i
	}
	for _, t := range tallies { // they stay, and are in what was counted
		if i, ok := at[t.UnitID]; ok {
			counts[i].Rate = counts[i].Minus(rateOfTally(t))
		}
	}
	if err := tx.Where("period_id = ? AND version = 0", p.ID).Delete(&model.PeriodCount{}).Error; err != nil {
		return err
	}
	return tx.CreateInBatches(counts, 500).Error
}

func rateOfTally(t model.Tally) model.Rate {
	return model.Rate{Exempt: t.Exempt, Completed: t.Completed, Late: t.Late}
}

// rollUp adds what each unit has on its own roster to it and to every unit above it.
func rollUp(p model.Period, counts []model.PeriodCount, own map[int64]model.Rate) {
	at := make(map[int64]int, len(counts))
	for i, c := range counts {
		at[c.UnitID] = i
	}
	for _, c := range counts {
		if r := own[c.UnitID]; r != (model.Rate{}) {
			for _, id := range p.LineBelow(c.Path) {
				if i, ok := at[id]; ok {
					counts[i].Rate = counts[i].Plus(r)
				}
			}
		}
	}
}

// layOut returns the units of the period without figures, as a tree: parents before children, siblings by code and name.
// A closed unit is in it as long as a roster may need it.
func layOut(tx *gorm.DB, p model.Period) ([]model.PeriodCount, error) {
	var units []model.Unit
	if err := tx.Scopes(model.Under(p.Unit.Path)).Find(&units).Error; err != nil {
		return nil, err
	}
	children := make(map[int64][]model.Unit, len(units))
	for _, u := range units {
		if u.ID != p.UnitID && u.ParentID != nil && p.Touches(u) {
			children[*u.ParentID] = append(children[*u.ParentID], u)
		}
	}
	counts := make([]model.PeriodCount, 0, len(units))
	var add func(u model.Unit)
	add = func(u model.Unit) {
		i := len(counts)
		counts = append(counts, model.PeriodCount{
			PeriodID: p.ID, UnitID: u.ID, Position: i + 1, Depth: len(model.PathIDs(u.Path)), Path: u.Path, Kind: u.Kind, Name: u.Name,
		})
		below := children[u.ID]
		slices.SortFunc(below, func(a, b model.Unit) int {
			return cmp.Or(cmp.Compare(a.Code, b.Code), cmp.Compare(a.Name, b.Name), cmp.Compare(a.ID, b.ID))
		})
		for _, child := range below {
			add(child)
		}
		counts[i].LastPosition = len(counts)
	}
	add(p.Unit)
	return counts, nil
}

// countUnits counts a few units anew and carries the differences up.
func countUnits(tx *gorm.DB, p model.Period, now model.Instant, unitIDs []int64) error {
	if len(unitIDs) == 0 {
		return nil
	}
	var counts []model.PeriodCount
	if err := tx.Where("period_id = ? AND version = 0 AND unit_id IN ?", p.ID, unitIDs).Find(&counts).Error; err != nil || len(counts) == 0 {
		return err
	}
	own, err := trueRates(tx, p, now, unitIDs...)
	if err != nil {
		return err
	}
	counted, err := ownCounts(tx, p, counts)
	if err != nil {
		return err
	}
	added := map[int64]model.Rate{}
	for _, c := range counts {
		for _, id := range p.LineBelow(c.Path) {
			added[id] = added[id].Plus(own[c.UnitID].Minus(counted[c.UnitID]))
		}
	}
	for _, id := range slices.Sorted(maps.Keys(added)) {
		if r := added[id]; r != (model.Rate{}) {
			err := tx.Model(&model.PeriodCount{}).Where("period_id = ? AND version = 0 AND unit_id = ?", p.ID, id).
				Updates(map[string]any{
					"due": gorm.Expr("due + ?", r.Due), "exempt": gorm.Expr("exempt + ?", r.Exempt),
					"completed": gorm.Expr("completed + ?", r.Completed), "late": gorm.Expr("late + ?", r.Late),
				}).Error
			if err != nil {
				return err
			}
		}
	}
	return nil
}

// ownCounts returns what the counts say of the units without those below them.
func ownCounts(tx *gorm.DB, p model.Period, units []model.PeriodCount) (map[int64]model.Rate, error) {
	own := make(map[int64]model.Rate, len(units))
	for _, u := range units {
		family, err := loadCounts(tx, p, 0, func(q *gorm.DB) *gorm.DB {
			return q.Where("position BETWEEN ? AND ? AND depth <= ?", u.Position, u.LastPosition, u.Depth+1)
		})
		if err != nil {
			return nil, err
		}
		for _, c := range family {
			if c.UnitID == u.UnitID {
				own[u.UnitID] = own[u.UnitID].Plus(c.Rate)
			} else {
				own[u.UnitID] = own[u.UnitID].Minus(c.Rate)
			}
		}
	}
	return own, nil
}

// loadCounts returns the counts of a version with the tallies in them, in the order of the tree. Those of a frozen version
// take only who was late from the tallies.
func loadCounts(tx *gorm.DB, p model.Period, version int, which func(*gorm.DB) *gorm.DB) ([]model.PeriodCount, error) {
	var counts []model.PeriodCount
	q := which(tx.Where("period_id = ? AND version = ?", p.ID, version))
	if err := q.Order("position").Find(&counts).Error; err != nil {
		return nil, err
	}
	if version > 0 && version != p.Version { // who was late is kept of the last version only
		for i := range counts {
			counts[i].Late = 0
		}
		return counts, nil
	}
	at := make(map[int64]int, len(counts))
	for i, c := range counts {
		at[c.UnitID] = i
	}
	for chunk := range slices.Chunk(slices.Collect(maps.Keys(at)), 1000) {
		var tallies []model.Tally
		if err := tx.Where("period_id = ? AND unit_id IN ?", p.ID, chunk).Find(&tallies).Error; err != nil {
			return nil, err
		}
		for _, t := range tallies {
			r := rateOfTally(t)
			if version > 0 {
				r = model.Rate{Late: r.Late}
			}
			counts[at[t.UnitID]].Rate = counts[at[t.UnitID]].Plus(r)
		}
	}
	return counts, nil
}
