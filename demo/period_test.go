package demo_test

import (
	"slices"
	"testing"

	"gorm.io/gorm"

	"zhibu/model"
)

// checkPeriods: who studied was due at the close or at least when he studied, one week is open, and of those that are
// over some are below the threshold and most are not.
func checkPeriods(t *testing.T, tx *gorm.DB, now model.Instant) {
	t.Helper()
	var ids []int64
	if err := tx.Model(&model.StudyPeriod{}).Order("id").Pluck("id", &ids).Error; err != nil {
		t.Fatal(err)
	}
	periods, err := model.LoadPeriods(tx, ids)
	if err != nil {
		t.Fatal(err)
	}
	met, below, open, late, left := 0, 0, 0, 0, 0
	for _, id := range ids {
		p := periods[id]
		r, gone := checkPeriod(t, tx, p, now)
		late, left = late+r.Late, left+gone
		switch isMet := p.Threshold().Met(r); {
		case p.State(now) == model.PeriodOpen:
			open++
			between(t, "half done in %", 100*r.Completed/r.Due, 25, 75)
		case isMet == nil || !p.Overdue(now):
			t.Errorf("%s %s: %+v", p.Series, p.Name(), r)
		case *isMet:
			met++
		default:
			below++
		}
	}
	between(t, "met", met, 35, 50)
	between(t, "below the threshold", below, 1, 2)
	between(t, "open", open, 1, 1)
	between(t, "late", late, 1, 6)
	between(t, "studied and not due at the close", left, 1, 12)
}

// checkPeriod returns the rate of a period, and how many studied who were not due any more at the close.
func checkPeriod(t *testing.T, tx *gorm.DB, p model.Period, now model.Instant) (r model.Rate, gone int) {
	t.Helper()
	var completions []model.Completion
	if err := tx.Where("period_id = ?", p.ID).Find(&completions).Error; err != nil {
		t.Fatal(err)
	}
	atClose, studied := dueIn(t, tx, p, p.RosterAt(now)), map[int64]bool{}
	r.Due = len(atClose)
	for _, c := range completions {
		studied[c.MemberID] = true
		switch self := c.Source == model.BySelf; {
		case c.CompletedAt < p.OpensAt || c.CompletedAt > now || c.RecordedAt < c.CompletedAt || c.RecordedAt > now,
			!self && (c.RecordedAt >= p.ClosesAt || c.Reason == "" || c.RecordedBy == "system"),
			self != (c.RecordedBy == ""), c.RecordedBy == model.Actor{MemberID: c.MemberID}.Ref():
			t.Errorf("%s %s: %+v", p.Series, p.Name(), c)
		case c.CompletedAt >= p.Cutoff():
			r.Late++
		case slices.Contains(atClose, c.MemberID):
			r.Completed++
		case slices.Contains(dueIn(t, tx, p, c.CompletedAt), c.MemberID):
			gone++
		default:
			t.Errorf("%s %s: member %d studied and was not due", p.Series, p.Name(), c.MemberID)
		}
	}
	var exemptions []model.Exemption
	if err := tx.Where("period_id = ?", p.ID).Find(&exemptions).Error; err != nil {
		t.Fatal(err)
	}
	r.Exempt = len(exemptions)
	for _, e := range exemptions {
		if studied[e.MemberID] || !slices.Contains(atClose, e.MemberID) || e.ReasonCategory.Name() == "" ||
			e.ApprovedAt > now || e.ApprovedBy == "system" || e.ApprovedBy == (model.Actor{MemberID: e.MemberID}).Ref() {
			t.Errorf("%s %s: %+v", p.Series, p.Name(), e)
		}
	}
	return r, gone
}

// dueIn asks the database who is due in the period by the roster of the moment.
func dueIn(t *testing.T, tx *gorm.DB, p model.Period, at model.Instant) (ids []int64) {
	t.Helper()
	err := tx.Model(&model.Membership{}).Joins("JOIN units ON units.id = memberships.unit_id").
		Joins("JOIN members ON members.id = memberships.member_id").Scopes(p.Due(at)).
		Pluck("memberships.member_id", &ids).Error
	if err != nil {
		t.Fatal(err)
	}
	return ids
}
