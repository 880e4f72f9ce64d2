package dues

import (
	"cmp"
	"context"
	"slices"

	"gorm.io/gorm"

	"zhibu/model"
)

// Behind is a member who has not paid for some months in a row.
type Behind struct {
	MemberID int64
	Name     string
	UnitID   int64
	UnitName string
	Months   int // in a row, up to the last one that is overdue
	Bills    int // overdue in all
	Since    model.Month
	Open     model.Fen
	Warning  string // Chinese; empty below three months
}

// Arrears are who is behind in a unit, by branch.
type Arrears struct {
	Unit     model.Unit
	AsOf     model.Date
	Branches []BranchArrears
}

// BranchArrears is one branch with those of its members who are behind; Named says whether they are shown.
type BranchArrears struct {
	Unit    model.Unit
	Members int
	Open    model.Fen
	Named   bool
	Behind  []Behind
}

// Arrears returns who is behind in the unit, longest first. Three and six months in a row are a warning to look into it; no
// status ever follows by itself (Art. 31(6) of the 2019 regulation needs a branch meeting). Above the branch there are
// totals, unless the operator's switch is on.
func (s *Service) Arrears(ctx context.Context, actor model.Actor, unitID int64, least int) (out Arrears, err error) {
	db := s.db.Read(ctx)
	out.AsOf = s.today()
	if out.Unit, err = findBooks(db, actor, unitID, model.ReadDues); err != nil {
		return out, err
	}
	rows, err := behindIn(db, out.Unit, out.AsOf)
	if err != nil {
		return out, err
	}
	units, err := unitsUnder(db, out.Unit.Path)
	if err != nil {
		return out, err
	}
	fromAbove := 0
	at := map[int64]int{}
	for _, r := range rows {
		if r.Months < least {
			continue
		}
		i, ok := at[r.UnitID]
		if !ok {
			i = len(out.Branches)
			at[r.UnitID] = i
			own := ownOfficer(actor, units[r.UnitID])
			out.Branches = append(out.Branches, BranchArrears{Unit: units[r.UnitID], Named: own || s.drilldown})
		}
		b := &out.Branches[i]
		b.Members++
		b.Open += r.Open
		if b.Named {
			b.Behind = append(b.Behind, r)
			if !ownOfficer(actor, b.Unit) {
				fromAbove++
			}
		}
	}
	slices.SortFunc(out.Branches, func(a, b BranchArrears) int {
		return cmp.Or(cmp.Compare(a.Unit.Code, b.Unit.Code), cmp.Compare(a.Unit.ID, b.Unit.ID))
	})
	return out, s.logLook(ctx, actor, out.Unit, "dues_arrears", fromAbove)
}

// behindIn returns who has overdue bills in the unit and for how many months in a row.
func behindIn(tx *gorm.DB, unit model.Unit, today model.Date) ([]Behind, error) {
	owing := tx.Session(&gorm.Session{NewDB: true}).Model(&model.Bill{}).Select("dues_bills.member_id").Scopes(inUnit("dues_bills", unit)).
		Where("voided_id = 0 AND paid_fen < amount_fen AND due_on < ?", today)
	var bills []BillItem
	err := tx.Table("dues_bills").Joins("JOIN members ON members.id = dues_bills.member_id").
		Select("dues_bills.*, members.name, units.name AS unit_name").Scopes(inUnit("dues_bills", unit)).
		Where("dues_bills.voided_id = 0 AND dues_bills.due_on < ? AND dues_bills.member_id IN (?)", today, owing).
		Order("members.name_sort, dues_bills.member_id, dues_bills.month DESC").Find(&bills).Error
	var out []Behind
	for len(bills) > 0 {
		n := slices.IndexFunc(bills, func(b BillItem) bool { return b.MemberID != bills[0].MemberID })
		if n < 0 {
			n = len(bills)
		}
		out = append(out, behindOf(bills[:n], today))
		bills = bills[n:]
	}
	slices.SortStableFunc(out, func(a, b Behind) int { return cmp.Compare(b.Months, a.Months) })
	return out, err
}

func behindOf(items []BillItem, today model.Date) Behind {
	out := Behind{MemberID: items[0].MemberID, Name: items[0].Name, UnitID: items[0].UnitID, UnitName: items[0].UnitName}
	bills := make([]model.Bill, len(items))
	for i, b := range items {
		bills[i] = b.Bill
		if open := b.OpenFen(); open > 0 {
			out.Open += open
			out.Bills++
			out.Since = b.Month
		}
	}
	out.Months = behind(bills, today)
	out.Warning = Warning(out.Months)
	return out
}

// Warning is what a row of unpaid months calls for; empty below three.
func Warning(months int) string {
	switch {
	case months >= 6:
		return "已连续6个月以上未缴，请支部核实原因并按规定处理；系统不会自动改变任何身份"
	case months >= 5:
		return "已连续5个月未缴，请尽快核实提醒"
	case months >= 3:
		return "已连续3个月未缴，请核实提醒"
	}
	return ""
}

// behind counts the months in a row, up to the last one that is overdue, that are not paid in full; the bills are of one
// member, the latest month first. On two tracks the longer row counts.
func behind(bills []model.Bill, today model.Date) int {
	longest := 0
	for _, track := range []model.Track{model.Party, model.League} {
		n := 0
		for _, b := range bills {
			if b.Track != track || b.DueOn >= today {
				continue
			}
			if b.OpenFen() == 0 {
				break
			}
			n++
		}
		longest = max(longest, n)
	}
	return longest
}
