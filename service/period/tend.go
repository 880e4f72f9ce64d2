package period

import (
	"context"
	"slices"

	"gorm.io/gorm"

	"zhibu/model"
)

// settledOn is when completions of the day before cannot be under way any more.
func settledOn(day model.Date) model.Instant { return day.Start().Add(settling) }

// Tend keeps the counts of what is open fresh, so that no reader pays for a new day, and counts once more when nothing
// from before a change of the roster or of the day can be under way; then the marks of it go.
func (s *Service) Tend(ctx context.Context) error {
	now := model.At(s.now())
	read := s.db.Read(ctx)
	var settled []int64
	err := read.Model(&model.RosterMark{}).Where("seen_at > 0 AND seen_at <= ?", now.Add(-settling)).
		Limit(maxMarks).Pluck("id", &settled).Error
	if err != nil {
		return err
	}
	ids, err := tended(read, now, len(settled) > 0)
	if err != nil {
		return err
	}
	if err := s.recountEach(ctx, ids); err != nil {
		return err
	}
	return s.sweepMarks(ctx, settled)
}

// tended are the periods to count: the open ones whose counts are of another day, or were made when yesterday's completions
// could be under way, or all that have counts.
func tended(tx *gorm.DB, now model.Instant, all bool) (ids []int64, err error) {
	q := tx.Model(&model.StudyPeriod{}).Joins("JOIN recounts ON recounts.period_id = study_periods.id").
		Where("closed_at = 0 AND cancelled_at = 0")
	if all {
		q = q.Where("counted_on <> ''") // also of one that opens later, when somebody looked at it
	} else {
		settled := settledOn(now.Date())
		q = q.Where("opens_at <= ? AND closes_at > ? AND (counted_on <> ? OR counted_at < ? AND ? >= ?)",
			now, now, now.Date(), settled, now, settled)
	}
	err = q.Pluck("study_periods.id", &ids).Error
	return ids, err
}

// sweepMarks takes away the marks that are settled and notes when it first saw the others.
func (s *Service) sweepMarks(ctx context.Context, settled []int64) error {
	var unseen []int64
	marks := s.db.Read(ctx).Model(&model.RosterMark{})
	if err := marks.Where("seen_at = 0").Limit(maxMarks).Pluck("id", &unseen).Error; err != nil {
		return err
	}
	now := model.At(s.now()) // not when Tend began: the counting before may have taken long
	if len(settled)+len(unseen) == 0 {
		return nil
	}
	return s.db.Write(ctx, func(tx *gorm.DB) error {
		for chunk := range slices.Chunk(settled, 500) {
			if err := tx.Where("id IN ?", chunk).Delete(&model.RosterMark{}).Error; err != nil {
				return err
			}
		}
		for chunk := range slices.Chunk(unseen, 500) {
			if err := tx.Model(&model.RosterMark{}).Where("id IN ?", chunk).Update("seen_at", now).Error; err != nil {
				return err
			}
		}
		return nil
	})
}

// maxMarks bounds one sweep.
const maxMarks = 5000
