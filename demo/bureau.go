package demo

import (
	"fmt"
	"hash/fnv"
	"time"

	"gorm.io/gorm"

	"zhibu/model"
)

// bureau is the whole story in memory: the rows to come, and what is needed to write them consistently.
type bureau struct {
	calendar
	keys  *model.Keyring
	since model.Instant // when the bureau began to keep its books here

	units       []model.Unit
	members     []model.Member
	memberships []model.Membership
	transfers   []model.Transfer
	posts       []model.Post
	bindings    []model.Binding
	gatherings  []model.Gathering
	checkIns    []model.CheckIn
	leaves      []model.Leave
	periods     []model.Period
	completions []model.Completion
	exemptions  []model.Exemption
	settings    []model.Setting
	books

	unit         map[string]model.Unit // by code
	path         map[int64]string      // of a unit
	person       map[string]int64      // member ids by the key in the tables
	ordinal      map[int64]int         // of a member, from 1
	visitors     map[int64]bool        // members left to the visitor: not checked in to what is open now
	openActivity int64                 // the one of the guide
	nameCount    [4]int                // names given out of each list
}

func newBureau(keys *model.Keyring, now time.Time) *bureau {
	b := &bureau{
		calendar: newCalendar(now), keys: keys, unit: map[string]model.Unit{}, path: map[int64]string{},
		person: map[string]int64{}, ordinal: map[int64]int{}, visitors: map[int64]bool{},
	}
	b.since = b.month(-16).Start()
	b.addUnits()
	b.addMembers()
	b.addPosts()
	b.addTransfers()
	b.addBindings()
	b.addActivities()
	b.addAttendance()
	b.addPeriods()
	b.addDues()
	b.addSettings()
	return b
}

// save writes the rows in the order of their references.
func (b *bureau) save(tx *gorm.DB) error {
	activities, audience := b.activityRows()
	periods, periodAudience, recounts := b.periodRows()
	for _, rows := range []any{
		b.units, b.members, b.memberships, b.transfers, b.posts, b.bindings, activities, audience, b.checkIns, b.leaves,
		periods, periodAudience, recounts, b.completions, b.exemptions,
		b.assessments, b.duesExemptions, b.bills, b.entries, b.lines, b.balanceRows(), b.payments, b.allocations, b.remittances, b.settings,
	} {
		if err := tx.CreateInBatches(rows, 200).Error; err != nil {
			return fmt.Errorf("%T: %w", rows, err)
		}
	}
	if err := model.MarkRoster(tx, model.WholeTree); err != nil {
		return err
	}
	// Find goes by the action and the subject.
	return model.Audit(tx, model.Actor{Name: "系统"}, b.now, model.Deed{
		Action: seedAction, Unit: b.units[0], SubjectID: b.openActivity,
		After: map[string]int{"units": len(b.units), "members": len(b.members), "activities": len(activities), "study_periods": len(periods)},
	})
}

// createdAt is when the row of something that began on a day was written.
func (b *bureau) createdAt(began model.Date) model.Instant {
	return min(max(b.since, began.Start()), b.now)
}

// draw stands for chance: a number below 100 that two ordinals always give.
func draw(a, b int) int {
	h := fnv.New32a()
	fmt.Fprintf(h, "%d/%d", a, b)
	return int(h.Sum32() % 100)
}
