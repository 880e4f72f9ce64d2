package period

import (
	"context"
	"errors"
	"slices"

	"gorm.io/gorm"

	"zhibu/model"
)

// ErrOtherPeriod refuses an activity that belongs to another period.
var ErrOtherPeriod = model.NewError(model.Conflict, "activity_in_other_period", "这次活动已经属于另一期学习")

// AddActivity makes an activity part of the period: with the setting participation.check_ins_count, who attends it during
// the period has completed it. Whoever manages the activity may do it. Adding it again changes nothing. It returns all
// that belong to the period.
func (s *Service) AddActivity(ctx context.Context, actor model.Actor, periodID, activityID int64) (all []int64, err error) {
	err = s.withActivity(ctx, actor, "study_period.add_activity", periodID, activityID, func(tx *gorm.DB, there links) (bool, error) {
		switch {
		case len(there) == 0:
			return true, tx.Create(&model.PeriodActivity{PeriodID: periodID, ActivityID: activityID}).Error
		case there[0].PeriodID != periodID:
			return false, ErrOtherPeriod
		}
		return false, nil
	})
	if err != nil {
		return nil, err
	}
	return s.Activities(ctx, actor, periodID)
}

// Activities returns the ids of the activities that belong to the period.
func (s *Service) Activities(ctx context.Context, actor model.Actor, periodID int64) (ids []int64, err error) {
	if _, err := s.look(ctx, actor, periodID); err != nil {
		return nil, err
	}
	ids = []int64{}
	err = s.db.Read(ctx).Model(&model.PeriodActivity{}).Where("period_id = ?", periodID).Order("activity_id").
		Pluck("activity_id", &ids).Error
	return ids, err
}

// RemoveActivity takes an activity out of the period, and what its attendance completed with it.
func (s *Service) RemoveActivity(ctx context.Context, actor model.Actor, periodID, activityID int64) error {
	return s.withActivity(ctx, actor, "study_period.remove_activity", periodID, activityID, func(tx *gorm.DB, there links) (bool, error) {
		if len(there) == 0 || there[0].PeriodID != periodID {
			return false, model.ErrNotFound
		}
		return true, tx.Where("activity_id = ?", activityID).Delete(&model.PeriodActivity{}).Error
	})
}

// links are the rows of an activity: one, or none.
type links = []model.PeriodActivity

func (s *Service) withActivity(ctx context.Context, actor model.Actor, action string, periodID, activityID int64,
	work func(tx *gorm.DB, there links) (changed bool, err error)) error {
	if _, err := s.look(ctx, actor, periodID); err != nil {
		return err
	}
	return s.db.WriteAfterLook(ctx, func(tx *gorm.DB) error {
		p, err := model.SeenPeriod(model.ForShare(tx), actor, periodID)
		if err != nil {
			return err
		}
		now := model.At(s.now())
		if err := takesChanges(p, now); err != nil && !errors.Is(err, ErrNotOpen) {
			return err
		}
		if _, err := model.FindActivity(tx, actor, activityID, model.WriteActivities); err != nil {
			if errors.Is(err, model.ErrNotFound) {
				return model.InvalidField("activity_id", "not_found", "没有这次活动，或不在您的管理范围内")
			}
			return err
		}
		var there links
		if err := tx.Where("activity_id = ?", activityID).Find(&there).Error; err != nil {
			return err
		}
		changed, err := work(tx, there)
		if err != nil || !changed {
			return err
		}
		return model.Audit(tx, actor, now, model.Deed{
			Action: action, Unit: p.Unit, SubjectID: periodID, After: map[string]any{"activity_id": activityID},
		})
	})
}

// attendance is somebody's at an activity of the period: when he was there, at the latest at its end.
type attendance struct {
	MemberID int64
	At       model.Instant
}

// attended are who was at an activity of the period during its window. The query has check_ins and activities in it.
func attended(tx *gorm.DB, p model.Period) *gorm.DB {
	const at = "(CASE WHEN check_ins.checked_in_at < activities.ends_at THEN check_ins.checked_in_at ELSE activities.ends_at END)"
	return tx.Session(&gorm.Session{NewDB: true}).Table("period_activities").
		Select("check_ins.member_id, MIN("+at+") AS at").
		Joins("JOIN activities ON activities.id = period_activities.activity_id AND activities.cancelled_at = 0").
		Joins("JOIN check_ins ON check_ins.activity_id = activities.id").
		Where("period_activities.period_id = ? AND check_ins.state IN ?", p.ID, []model.AttendanceState{model.Present, model.Late}).
		Where(at+" >= ? AND "+at+" < ?", p.OpensAt, p.Cutoff()).Group("check_ins.member_id")
}

// newlyAttended are those of them who are due and have no record in time.
func newlyAttended(tx *gorm.DB, p model.Period, now model.Instant) (found []attendance, err error) {
	err = joinRecords(tx.Model(&model.Membership{}), p.ID, "memberships").Select("memberships.member_id, attended.at").
		Joins("JOIN (?) AS attended ON attended.member_id = memberships.member_id", attended(tx, p)).
		Joins("JOIN units ON units.id = memberships.unit_id").Joins("JOIN members ON members.id = memberships.member_id").
		Scopes(p.Due(p.RosterAt(now))).Where("(completions.id IS NULL OR completions.completed_at >= ?)", p.Cutoff()).
		Find(&found).Error
	return found, err
}

// noLongerAttended are those whose completion stood for an attendance that was corrected.
func noLongerAttended(tx *gorm.DB, p model.Period) (stale []model.Completion, err error) {
	err = tx.Model(&model.Completion{}).Where("completions.period_id = ? AND completions.source = ?", p.ID, model.ByAttendance).
		Where("completions.member_id NOT IN (?)", tx.Session(&gorm.Session{NewDB: true}).Table("(?) AS attended", attended(tx, p)).
			Select("attended.member_id")).
		Find(&stale).Error
	return stale, err
}

// takeAttendance makes completions of attendances, and takes back those that no longer stand.
func takeAttendance(tx *gorm.DB, p model.Period, now model.Instant) error {
	if !p.CheckInsCount {
		return nil
	}
	there, err := newlyAttended(tx, p, now)
	if err != nil {
		return err
	}
	gone, err := noLongerAttended(tx, p)
	if err != nil || len(there)+len(gone) == 0 {
		return err
	}
	l := newLedger(now)
	var memberIDs []int64
	for _, a := range there {
		memberIDs = append(memberIDs, a.MemberID)
	}
	for _, c := range gone {
		memberIDs = append(memberIDs, c.MemberID)
	}
	for chunk := range slices.Chunk(memberIDs, 500) {
		if err := l.open(tx, p, chunk); err != nil {
			return err
		}
	}
	for _, a := range there {
		if l.due[key{p.ID, a.MemberID}] == nil {
			continue
		}
		_, err := l.record(model.Actor{}, p, model.Completion{
			ID: model.NewID(), PeriodID: p.ID, MemberID: a.MemberID, Source: model.ByAttendance, CompletedAt: a.At, RecordedAt: now,
		})
		if err != nil {
			return err
		}
	}
	for _, c := range gone {
		k := key{p.ID, c.MemberID}
		if l.due[k] == nil { // he is in no count any more
			l.due[k] = &seat{record: &c}
		}
		if err := l.remove(model.Actor{}, p, c.MemberID, nil); err != nil {
			return err
		}
	}
	return l.write(tx)
}

// takeAttendanceNow is takeAttendance when there is something to take.
func (s *Service) takeAttendanceNow(ctx context.Context, p model.Period) error {
	if !p.CheckInsCount || p.Frozen() || p.CancelledAt != 0 {
		return nil
	}
	now := model.At(s.now())
	there, err := newlyAttended(s.db.Read(ctx), p, now)
	if err != nil {
		return err
	}
	gone, err := noLongerAttended(s.db.Read(ctx), p)
	if err != nil || len(there)+len(gone) == 0 {
		return err
	}
	return s.db.WriteAfterLook(ctx, func(tx *gorm.DB) error {
		found, err := model.LoadPeriods(model.ForShare(tx), []int64{p.ID})
		if err != nil || found[p.ID].Frozen() {
			return err
		}
		return takeAttendance(tx, found[p.ID], now)
	})
}
