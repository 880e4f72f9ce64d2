package dues

import (
	"slices"

	"gorm.io/gorm"

	"zhibu/model"
)

// whereabouts say on whose roster members were at the dues days of a month, and what the letters of their transfers say.
type whereabouts struct {
	biller
	stays   map[key][]model.Membership
	letters map[key][]model.Transfer
}

// load reads what is known of the members of the rows. A row that covers all dues days is all there is to its member.
func (w whereabouts) load(tx *gorm.DB, rows []model.Membership) error {
	ids := memberIDs(rows)
	var moving []int64
	rows = slices.DeleteFunc(slices.Clone(rows), func(m model.Membership) bool {
		some := m.StartedOn > w.days[0] || m.EndedOn <= w.days[len(w.days)-1]
		if some {
			moving = append(moving, m.MemberID)
		}
		return some
	})
	if len(moving) > 0 {
		var stays []model.Membership
		if err := tx.Scopes(model.Counted).Where("member_id IN ?", moving).Find(&stays).Error; err != nil {
			return err
		}
		rows = append(rows, stays...)
	}
	for _, m := range rows {
		k := key{m.MemberID, m.Track}
		w.stays[k] = append(w.stays[k], m)
	}
	var letters []model.Transfer
	err := tx.Where("member_id IN ? AND dues_paid_to <> '' AND cancelled_at = 0 AND to_unit_id IS NOT NULL", ids).
		Order("effective_on, id").Find(&letters).Error
	for _, t := range letters {
		k := key{t.MemberID, t.Track}
		w.letters[k] = append(w.letters[k], t)
	}
	return err
}

// owes returns the branch somebody owes the month to, with its dues day: the first one that had him on its roster on its own
// dues day. Who moved between two dues days so that none had owes to where he was on the last of them. A month has one bill.
func (w whereabouts) owes(k key) (branch model.Unit, day model.Date) {
	for _, d := range w.days {
		unitID := w.at(k, d)
		if unitID == 0 {
			continue
		}
		if branch = w.branch(unitID); w.dueOn[branch.ID] == d {
			return branch, d
		}
		day = d
	}
	if day != "" && w.at(k, w.dueOn[branch.ID]) == 0 {
		return model.Unit{}, "" // he came after the dues day of his branch, or had left by then
	}
	return branch, day
}

// at is the unit somebody belongs to on a day as far as dues go; 0 for none. A letter decides for the months it names.
func (w whereabouts) at(k key, day model.Date) (unitID int64) {
	i := slices.IndexFunc(w.stays[k], func(m model.Membership) bool { return m.StartedOn <= day && day < m.EndedOn })
	if i >= 0 {
		unitID = w.stays[k][i].UnitID
	}
	for _, t := range w.letters[k] {
		switch {
		case unitID == 0: // on no roster, whatever the letter says
		case t.DuesPaidTo >= w.month && t.EffectiveOn <= day:
			unitID = t.FromUnitID
		case t.DuesPaidTo < w.month && t.EffectiveOn > day:
			unitID = *t.ToUnitID
		}
	}
	return unitID
}
