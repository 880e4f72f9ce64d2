package period

import (
	"cmp"
	"maps"
	"math/rand/v2"
	"slices"

	"gorm.io/gorm"
	"gorm.io/gorm/clause"

	"zhibu/model"
)

// tallyShards is how many rows share the tally of a unit. The unit on top is in every completion; with one row for it,
// one transaction would wait for the commit of the other.
const tallyShards = 8

// addTallies adds to the tallies of units, in a shard that another writer hardly uses at the same moment.
func addTallies(tx *gorm.DB, added map[unitOf]model.Rate) error {
	shard := 0
	if tx.Name() == "mysql" {
		shard = rand.IntN(tallyShards)
	}
	byPeriod := map[int64][]unitOf{}
	for k := range added {
		byPeriod[k.periodID] = append(byPeriod[k.periodID], k)
	}
	for _, periodID := range slices.Sorted(maps.Keys(byPeriod)) {
		units := byPeriod[periodID]
		slices.SortFunc(units, func(a, b unitOf) int { return cmp.Compare(a.unitID, b.unitID) })
		for chunk := range slices.Chunk(units, 500) {
			if err := addToShard(tx, periodID, shard, chunk, added); err != nil {
				return err
			}
		}
	}
	return nil
}

// addToShard adds to the rows of the units, and makes those that are not there yet, in one statement. Look, then update or
// insert would lock the gaps between the rows, and one transaction would wait for the other there.
func addToShard(tx *gorm.DB, periodID int64, shard int, units []unitOf, added map[unitOf]model.Rate) error {
	rows := make([]model.Tally, len(units))
	for i, k := range units {
		r := added[k]
		rows[i] = model.Tally{
			PeriodID: periodID, UnitID: k.unitID, Shard: shard, Exempt: r.Exempt, Completed: r.Completed, Late: r.Late,
		}
	}
	return tx.Clauses(addUp(tx, "exempt", "completed", "late")).Create(rows).Error
}

// addUp adds the columns of a row to those of the one that is there already.
func addUp(tx *gorm.DB, columns ...string) clause.OnConflict {
	sums := map[string]any{}
	for _, column := range columns {
		added := "excluded." + column
		if tx.Name() == "mysql" {
			added = "VALUES(" + column + ")"
		}
		sums[column] = gorm.Expr("tallies." + column + " + " + added)
	}
	return clause.OnConflict{
		Columns: []clause.Column{{Name: "period_id"}, {Name: "unit_id"}, {Name: "shard"}}, DoUpdates: clause.Assignments(sums),
	}
}
