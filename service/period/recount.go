package period

import (
	"context"
	"slices"
	"time"

	"gorm.io/gorm"

	"zhibu/model"
)

// The counts of a period that is not frozen are those of its last recount plus the tallies of the completions since. A
// recount is due with every day, because memberships begin and end with days, and for the units that RosterMarks name.
// It works on differences within one snapshot, so completions go on beside it: both are in the snapshot, or neither is.
// A completion that began before a change of the roster and ends after the recount would be counted where the member no
// longer is. Therefore Tend counts once more when nothing from before can be under way any more.

// settling is longer than any completion takes, see model.Group.
const settling = 30 * time.Second

// recount counts the period as of now where that is due. It costs two look-ups when it is not, and readers who come at
// the same moment share it.
func (s *Service) recount(ctx context.Context, p model.Period) error {
	if p.Frozen() {
		return nil
	}
	fresh, err := isFresh(s.db.Read(ctx), p, model.At(s.now()))
	if fresh || err != nil {
		return err
	}
	return s.recounts.Do(ctx, p.ID)
}

// recountEach counts the periods, each once, as they are in the snapshot that is counted: a unit may just be moved.
func (s *Service) recountEach(ctx context.Context, ids []int64) error {
	for _, id := range sortedIDs(ids) {
		err := s.db.WriteAfterLook(ctx, func(tx *gorm.DB) error {
			found, err := model.LoadPeriods(tx, []int64{id})
			if err != nil || found[id].Frozen() {
				return err
			}
			return recount(tx, found[id], model.At(s.now()))
		})
		if err != nil {
			return err
		}
	}
	return nil
}

// isFresh reports whether the counts are of this day and with these marks.
func isFresh(tx *gorm.DB, p model.Period, now model.Instant) (bool, error) {
	var last model.Recount
	if err := tx.Where("period_id = ?", p.ID).Take(&last).Error; err != nil {
		return false, err
	}
	marks, err := marksOn(tx, p)
	return last.CountedOn == p.RosterAt(now).Date() && last.Marks == fingerprint(marks), err
}

// marksOn returns the marks of units of the period, and of the whole tree.
func marksOn(tx *gorm.DB, p model.Period) (marks []model.RosterMark, err error) {
	counted := tx.Session(&gorm.Session{NewDB: true}).Model(&model.PeriodCount{}).Select("unit_id").
		Where("period_id = ? AND version = 0", p.ID)
	err = tx.Where("unit_id = ? OR unit_id IN (?)", model.WholeTree, counted).Find(&marks).Error
	return marks, err
}

// fingerprint tells one set of marks from another. Ids of one millisecond differ in few bits, so each is spread over all
// of them (the finalizer of SplitMix64) before they are put together.
func fingerprint(marks []model.RosterMark) (sum int64) {
	for _, m := range marks {
		z := uint64(m.ID) + 0x9e3779b97f4a7c15
		z = (z ^ z>>30) * 0xbf58476d1ce4e5b9
		z = (z ^ z>>27) * 0x94d049bb133111eb
		sum ^= int64(z ^ z>>31)
	}
	return sum
}

// recount brings the counts of version 0 to what the roster and the records say.
func recount(tx *gorm.DB, p model.Period, now model.Instant) error {
	var last model.Recount
	if err := tx.Where("period_id = ?", p.ID).Take(&last).Error; err != nil {
		return err
	}
	marks, err := marksOn(tx, p)
	if err != nil {
		return err
	}
	var marked []int64
	for _, m := range marks {
		marked = append(marked, m.UnitID)
	}
	day := p.RosterAt(now).Date()
	if last.CountedOn != day || slices.Contains(marked, model.WholeTree) || last.CountedAt < settledOn(day) && now >= settledOn(day) {
		err = countAll(tx, p, now)
	} else {
		err = countUnits(tx, p, now, sortedIDs(marked))
	}
	if err != nil {
		return err
	}
	return model.SaveSeen(tx.Model(&model.Recount{}).Where("period_id = ? AND turn = ?", p.ID, last.Turn).Updates(map[string]any{
		"turn": last.Turn + 1, "counted_on": day, "counted_at": now, "marks": fingerprint(marks),
	}))
}
