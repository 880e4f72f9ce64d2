package push

import (
	"slices"
	"strconv"
	"strings"

	"gorm.io/gorm"

	"zhibu/model"
)

// dropDone leaves out those who have done what they were to be reminded of, while the reminder waited for the end of the
// quiet hours or for another day; and everyone, when it is over or was called off.
func (c *claim) dropDone(due []model.Delivery) (left []model.Delivery, err error) {
	for id, deliveries := range groupByAnnouncement(due) {
		undone := deliveries
		if find := undoneBy[c.announcements[id].Rule]; find != nil {
			members, err := find(c.tx, c.announcements[id].Announcement, membersOf(deliveries), c.now)
			if err != nil {
				return nil, err
			}
			undone = slices.DeleteFunc(slices.Clone(deliveries), func(d model.Delivery) bool { return !slices.Contains(members, d.MemberID) })
			for _, d := range deliveries {
				if !slices.Contains(members, d.MemberID) {
					c.over[model.ReasonDone] = append(c.over[model.ReasonDone], d)
				}
			}
		}
		left = append(left, undone...)
	}
	return left, nil
}

// undoneBy finds, by the rule of a reminder, which of the members still have to be reminded.
var undoneBy = map[model.Rule]func(tx *gorm.DB, a model.Announcement, members []int64, now model.Instant) ([]int64, error){
	model.RulePeriodOpen: notCompleted, model.RulePeriodHalfWay: notCompleted, model.RulePeriodLastDay: notCompleted, model.RulePeriodNudge: notCompleted,
	model.RuleActivityTomorrow: notExcused, model.RuleActivityInAnHour: notExcused,
	model.RuleDuesDay: notPaid,
}

// notCompleted are those of the members who are missing in the period while it is open. The list for officers, which is of the
// same rule, stays: it tells of others.
func notCompleted(tx *gorm.DB, a model.Announcement, members []int64, now model.Instant) ([]int64, error) {
	if a.Purpose == model.PurposeTask {
		return members, nil
	}
	found, err := model.LoadPeriods(tx, []int64{subjectOf(a)})
	if err != nil {
		return nil, err
	}
	p, ok := found[subjectOf(a)]
	if !ok || p.State(now) != model.PeriodOpen {
		return nil, nil
	}
	return pluckMembers(missing(tx, p, now), members)
}

// notExcused are those of the members who are still expected at the activity.
func notExcused(tx *gorm.DB, a model.Announcement, members []int64, _ model.Instant) ([]int64, error) {
	found, err := model.LoadGatherings(tx, []int64{subjectOf(a)}, "id", "unit_id", "kind", "starts_at", "audience_track", "cancelled_at")
	if err != nil {
		return nil, err
	}
	g, ok := found[subjectOf(a)]
	if !ok || g.Cancelled() || g.StartsAt != a.HappensAt {
		return nil, nil
	}
	return pluckMembers(expected(tx, g), members)
}

// notPaid are those of the members whose bill of the dues day is open.
func notPaid(tx *gorm.DB, a model.Announcement, members []int64, now model.Instant) ([]int64, error) {
	return pluckMembers(owing(tx, a.HappensAt.Date(), a.AudienceTrack, now), members)
}

func pluckMembers(q *gorm.DB, members []int64) (found []int64, err error) {
	err = q.Where("memberships.member_id IN ?", members).Distinct("memberships.member_id").Pluck("memberships.member_id", &found).Error
	return found, err
}

// subjectOf is the id in the subject of an announcement: 12 of "activity:12".
func subjectOf(a model.Announcement) int64 {
	_, number, _ := strings.Cut(a.Subject, ":")
	id, _ := strconv.ParseInt(number, 10, 64)
	return id
}
