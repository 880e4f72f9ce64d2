package activity

import (
	"context"
	"strings"

	"gorm.io/gorm"

	"zhibu/model"
)

// Filter chooses activities; zero values choose all.
type Filter struct {
	UnitID int64 // held by the unit or one below it
	From   model.Instant
	To     model.Instant // starts before
	Kind   model.ActivityKind
	State  string // scheduled, open, ended, cancelled
	Mine   bool   // only those to which the actor is invited
	Limit  int
	Cursor string
}

// List returns the activities the actor is shown, the latest start first and without minutes and resolutions, and the
// cursor of the next page.
func (s *Service) List(ctx context.Context, actor model.Actor, f Filter) (page []model.Gathering, next string, err error) {
	tx := s.db.Read(ctx)
	q := tx.Model(&model.Activity{}).Select("activities.id, activities.starts_at").
		Joins("JOIN units ON units.id = activities.unit_id").Scopes(model.ShownActivities(actor, f.Mine), inState(f.State, model.At(s.now())))
	if f.UnitID != 0 {
		unit, err := model.SeenUnit(tx, actor, f.UnitID)
		if err != nil {
			return nil, "", err
		}
		q = q.Scopes(model.Under(unit.Path))
	}
	if f.From != 0 {
		q = q.Where("activities.starts_at >= ?", f.From)
	}
	if f.To != 0 {
		q = q.Where("activities.starts_at < ?", f.To)
	}
	if f.Kind != "" {
		q = q.Where("activities.kind = ?", f.Kind)
	}
	found, next, err := model.FindPage(q, "activities.starts_at", "activities.id", f.Limit, f.Cursor, func(a model.Activity) model.Cursor {
		return model.Cursor{At: a.StartsAt, ID: a.ID}
	})
	if err != nil {
		return nil, "", err
	}
	page, err = load(tx, found)
	return page, next, err
}

// load fills in what was found, in the same order, but for the minutes: they are long, and not for everyone.
func load(tx *gorm.DB, found []model.Activity) ([]model.Gathering, error) {
	if len(found) == 0 {
		return []model.Gathering{}, nil
	}
	ids := make([]int64, len(found))
	for i, a := range found {
		ids[i] = a.ID
	}
	gatherings, err := model.LoadGatherings(tx.Omit("minutes_text", "resolutions").Session(&gorm.Session{}), ids)
	if err != nil {
		return nil, err
	}
	page := make([]model.Gathering, len(ids))
	for i, id := range ids {
		page[i] = gatherings[id]
	}
	return page, nil
}

// inState is Activity.State as a query.
func inState(state string, now model.Instant) func(*gorm.DB) *gorm.DB {
	return func(tx *gorm.DB) *gorm.DB {
		switch state {
		case "":
			return tx
		case "cancelled":
			return tx.Where("activities.cancelled_at <> 0")
		}
		tx = tx.Where("activities.cancelled_at = 0")
		const over, open = "(activities.check_in_closes_at <= ? AND activities.ends_at <= ?)",
			"(activities.check_in_opens_at <= ? AND activities.check_in_closes_at > ?)"
		switch state {
		case "ended":
			return tx.Where(over, now, now)
		case "open":
			return tx.Where(open, now, now)
		}
		return tx.Where("NOT "+over+" AND NOT "+open, now, now, now, now)
	}
}

// maxTodo bounds the list of what a member has before him.
const maxTodo = 50

// Todo returns the activities to which the actor is invited that are not over and that he has neither attended nor been
// excused from, the next first. It is asked for all the time: three queries, whatever there is.
func (s *Service) Todo(ctx context.Context, actor model.Actor) ([]model.Gathering, error) {
	if actor.MemberID == 0 {
		return []model.Gathering{}, nil
	}
	tx := s.db.Read(ctx)
	now := model.At(s.now())
	var found []model.Activity
	err := tx.Omit("minutes_text", "resolutions").Scopes(model.ShownActivities(actor, true)).
		Where("activities.cancelled_at = 0 AND activities.ends_at > ? AND activities.check_in_closes_at > ?", now, now).
		Where("NOT EXISTS (SELECT 1 FROM check_ins WHERE check_ins.activity_id = activities.id AND check_ins.member_id = ? AND check_ins.state IN ?)",
			actor.MemberID, []model.AttendanceState{model.Present, model.Late, model.OnLeave}).
		Where("NOT EXISTS (SELECT 1 FROM leaves WHERE leaves.activity_id = activities.id AND leaves.member_id = ? AND leaves.state = ?)",
			actor.MemberID, model.LeaveApproved).
		Order("activities.starts_at, activities.id").Limit(2 * maxTodo).Find(&found).Error
	if err != nil {
		return nil, err
	}
	candidates, err := model.GatheringsOf(tx, found)
	if err != nil {
		return nil, err
	}
	due, err := dueFor(tx, actor, candidates)
	todo := []model.Gathering{}
	for _, a := range found {
		if due[a.ID] && len(todo) < maxTodo {
			todo = append(todo, candidates[a.ID])
		}
	}
	return todo, err
}

// dueFor tells at which of the activities the actor is due: the right track, and on the committee where only that is due.
// It asks for all of them at once.
func dueFor(tx *gorm.DB, actor model.Actor, candidates map[int64]model.Gathering) (map[int64]bool, error) {
	due := make(map[int64]bool, len(candidates))
	if len(candidates) == 0 {
		return due, nil
	}
	var each []any
	for id, g := range candidates {
		each = append(each, tx.Model(&model.Membership{}).Select("? AS id", id).Joins("JOIN units ON units.id = memberships.unit_id").
			Scopes(g.Due).Where("memberships.member_id = ?", actor.MemberID))
	}
	var ids []int64
	err := tx.Raw("?"+strings.Repeat(" UNION ALL ?", len(each)-1), each...).Scan(&ids).Error
	for _, id := range ids {
		due[id] = true
	}
	return due, err
}

// isDue reports whether the actor is a member who is due at the activity.
func isDue(tx *gorm.DB, g model.Gathering, actor model.Actor) (bool, error) {
	if actor.MemberID == 0 {
		return false, nil
	}
	var due int64
	err := tx.Model(&model.Membership{}).Joins("JOIN units ON units.id = memberships.unit_id").Scopes(g.Due).
		Where("memberships.member_id = ?", actor.MemberID).Count(&due).Error
	return due > 0, err
}
