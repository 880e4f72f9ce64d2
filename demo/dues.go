package demo

import (
	"slices"

	"zhibu/model"
)

// behind are those who have not paid for so many months, up to this one.
var behind = map[string]int{"010102-7": 7, "010202-5": 3, "011102-5": 2}

// The other people of the dues who are not ordinary.
const (
	partPayer  = "010201-6"   // paid half of the month before
	generous   = "010301-5"   // gave something beyond the dues
	reduced    = "hardship-1" // released for some months
	onRelief   = "hardship-2"
	gaveBeyond = model.Fen(50_000)
)

// owing is a member on a track: who owes dues.
type owing struct {
	memberID int64
	track    model.Track
}

// firstMonth is the January from which the books are kept: the last one, and from January to March the one before, so
// that there is a full year to look at.
func (c calendar) firstMonth() model.Month {
	this := model.MonthOf(c.today)
	back := int(this.Day(1).Start().Time().Month()) - 1
	if back < 3 {
		back += 12
	}
	return this.Add(-back)
}

// addDues plays the dues month by month, as the server and the officers would: who owes, what is paid, what is sent up.
func (b *bureau) addDues() {
	b.books = books{balances: map[model.Balance]model.Fen{}, inForce: map[owing]model.Assessment{}}
	this := model.MonthOf(b.today)
	b.reduce(this)
	for m := b.firstMonth(); m <= this; m = m.Add(1) {
		b.billMonth(m)
		b.collect(m)
		if m < this {
			b.deposit(m)
			b.remit(m)
		}
	}
}

// reduce releases one member for half a year.
func (b *bureau) reduce(this model.Month) {
	recorded := at(workday(this.Add(-3).Day(20)), "10:30")
	memberID := b.person[reduced]
	b.duesExemptions = append(b.duesExemptions, model.DuesExemption{
		ID: model.NewID(), MemberID: memberID, Track: model.Party, FromMonth: this.Add(-2), ToMonth: this.Add(3),
		ReasonCategory: "hardship", ApprovedBy: b.unit["01"].Name, RecordedAt: recorded,
		RecordedBy: b.officer(model.WriteDues, b.unit["0101"].Path, recorded, memberID),
	})
}

// duesDay is the first working day of the month, as the server has it; during a holiday already today, lest there be
// nothing to pay for who looks around.
func (c calendar) duesDay(month model.Month) model.Date {
	return min(model.BaseCalendar().NextWorkday(month.Day(1)), c.today)
}

// billMonth makes the bills of those on the roster at the dues day: what the chore of the server makes. Who is in the
// party pays party dues only.
func (b *bureau) billMonth(month model.Month) {
	day := b.duesDay(month)
	on := func(m model.Membership) bool { return m.StartedOn <= day && m.EndedOn > day && m.State == model.Active }
	inParty := map[int64]bool{}
	for _, m := range b.memberships {
		inParty[m.MemberID] = inParty[m.MemberID] || on(m) && m.Track == model.Party
	}
	for _, m := range b.memberships {
		if on(m) && (m.Track == model.Party || !inParty[m.MemberID]) {
			b.bill(m, month)
		}
	}
}

func (b *bureau) bill(m model.Membership, month model.Month) {
	a := b.assessed(m, month)
	branch := b.branch(m.UnitID)
	row := model.Bill{
		ID: model.NewID(), UnitID: branch.ID, MemberID: m.MemberID, Track: m.Track, Month: month, DueOn: b.duesDay(month),
		AssessedFen: a.AmountFen, AmountFen: a.AmountFen, AssessmentID: a.ID,
		CreatedAt: min(max(b.duesDay(month).Start().Add(minutes(17)), a.ApprovedAt.Add(minutes(20))), b.now),
	}
	for _, e := range b.duesExemptions {
		if e.MemberID == m.MemberID && e.Track == m.Track && e.Covers(month) {
			row.AmountFen, row.ExemptionID = min(row.AmountFen, e.AmountFen), &e.ID
		}
	}
	b.bills = append(b.bills, row)
}

// assessed is the assessment in force: that of the year, made in the December before it, or for a newcomer the one of
// his first month.
func (b *bureau) assessed(m model.Membership, month model.Month) model.Assessment {
	who := owing{m.MemberID, m.Track}
	a, known := b.inForce[who]
	january := month.Day(1).Start().Time().Month() == 1
	if known && (!january || a.EffectiveMonth == month) {
		return a
	}
	category := b.duesCategory(m)
	standard := standardOf(m.Track, category)
	quote, err := standard.Quote(b.base(m, month), model.RoundFen)
	if err != nil {
		panic(err) // the national standards can be read
	}
	approved := at(workday(month.Add(-1).Day(22)), "15:00")
	if !january {
		approved = b.duesDay(month).Start().Add(hours(10))
	}
	approved = min(approved.Add(minutes(b.ordinal[m.MemberID]%50)), b.now)
	a = model.Assessment{
		ID: model.NewID(), MemberID: m.MemberID, Track: m.Track, Category: category, AmountFen: quote.Amount, StandardID: &standard.ID,
		RateBP: quote.Bracket.RateBP, EffectiveMonth: month, Reason: "年度核定", ApprovedAt: approved,
		ApprovedBy: b.officer(model.WriteDues, b.branch(m.UnitID).Path, approved, m.MemberID),
	}
	if !january {
		a.Reason = "新转入或新发展"
	}
	if month == b.firstMonth() {
		a.Reason = "首次核定"
	}
	b.inForce[who] = a
	b.assessments = append(b.assessments, a)
	return a
}

func (b *bureau) duesCategory(m model.Membership) model.DuesCategory {
	switch {
	case m.MemberID == b.person[onRelief]:
		return model.DuesRelief
	case m.Category == model.Retired:
		return model.DuesRetired
	}
	return model.DuesSalaried
}

func standardOf(track model.Track, category model.DuesCategory) model.Standard {
	all := model.NationalStandards()
	return all[slices.IndexFunc(all, func(s model.Standard) bool { return s.Track == track && s.Category == category })]
}

// base is the invented income a month, a little higher every year. It is not kept: the setting dues.store_base is off.
func (b *bureau) base(m model.Membership, month model.Month) model.Fen {
	d := model.Fen(draw(b.ordinal[m.MemberID], duesKey))
	fen := 420_000 + 9_500*d
	switch {
	case m.Track == model.League:
		fen = 180_000 + 6_000*d
	case m.Category == model.Retired:
		fen = 360_000 + 4_500*d
	}
	return fen + 12_000*model.Fen(month.Year()-b.firstMonth().Year())
}

// duesKey sets the draws of the dues apart from those of activities and study periods.
const duesKey = 9000

// branch is the branch that keeps the books of a unit.
func (b *bureau) branch(unitID int64) model.Unit {
	i := slices.IndexFunc(b.units, func(u model.Unit) bool { return u.ID == unitID })
	path := b.units[i].Branch()
	return b.units[slices.IndexFunc(b.units, func(u model.Unit) bool { return u.Path == path })]
}
