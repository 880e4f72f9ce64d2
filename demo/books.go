package demo

import (
	"cmp"
	"fmt"
	"maps"
	"slices"
	"strings"

	"zhibu/model"
)

// books are the rows of the dues. Nobody has paid by phone: an order belongs to the simulator, which starts empty.
type books struct {
	assessments    []model.Assessment
	duesExemptions []model.DuesExemption
	bills          []model.Bill
	entries        []model.Entry
	lines          []model.Line
	payments       []model.Payment
	allocations    []model.Allocation
	remittances    []model.Remittance

	balances map[model.Balance]model.Fen // by the key, the amount left out
	inForce  map[owing]model.Assessment
}

// Where the money of each track goes when it leaves the bureau.
var upward = map[model.Track]string{model.Party: "市直机关工委", model.League: "团市直机关工委"}

// book adds an entry with its lines, as book in service/dues does.
func (b *bureau) book(e model.Entry, lines ...model.Line) {
	b.entries = append(b.entries, e)
	position := 0
	for _, l := range lines {
		if l.AmountFen == 0 {
			continue
		}
		position++
		l.EntryID, l.Position = e.ID, position
		b.lines = append(b.lines, l)
		key := model.Balance{UnitID: l.UnitID, Year: e.Year, Account: l.Account, Holder: l.Holder}
		if l.Account.InHand() {
			key.Year = 0
		}
		b.balances[key] += l.AmountFen
	}
}

// collect takes the payments of a month. Most members pay each month; some bring two months, or the retired a quarter, at
// once, of those that are over. The visitors of the demo still owe for the current month.
func (b *bureau) collect(month model.Month) {
	type to struct{ memberID, unitID int64 }
	type visit struct {
		bills []int // in b.bills
		at    model.Instant
	}
	visits := map[to]*visit{}
	var order []to
	for i, bill := range b.bills {
		if bill.OpenFen() == 0 || b.paysIn(bill) != month {
			continue
		}
		key := to{bill.MemberID, bill.UnitID}
		if visits[key] == nil {
			d := draw(b.ordinal[bill.MemberID], duesKey+month.Year()*12+month.Since("2000-01"))
			visits[key] = &visit{at: at(workday(max(month.Day(2+d%13), b.duesDay(month).AddDays(1))), "09:05").Add(minutes(d * 4))}
			order = append(order, key)
		}
		visits[key].bills = append(visits[key].bills, i)
	}
	slices.SortStableFunc(order, func(x, y to) int { return cmp.Compare(visits[x].at, visits[y].at) })
	for _, key := range order {
		if v := visits[key]; v.at <= b.now {
			b.pay(v.bills, v.at)
		}
	}
}

// paysIn is the month in which a bill is paid; empty: not yet.
func (b *bureau) paysIn(bill model.Bill) model.Month {
	this, d := model.MonthOf(b.today), draw(b.ordinal[bill.MemberID], duesKey+1)
	if bill.Month == this && b.visitors[bill.MemberID] {
		return ""
	}
	for key, months := range behind {
		if b.person[key] == bill.MemberID && bill.Month > this.Add(-months) {
			return ""
		}
	}
	together := 1
	switch {
	case d >= 85:
		together = 2
	case b.members[b.ordinal[bill.MemberID]-1].PhoneHash == nil:
		together = 3
	}
	number := bill.Month.Since("2000-01")
	if last := bill.Month.Add(together - 1 - number%together); last < this && last.Day(31) < b.branch(bill.UnitID).ClosedOn {
		return last
	}
	return bill.Month
}

// pay books what a member brings for some bills to one branch.
func (b *bureau) pay(bills []int, when model.Instant) {
	first := b.bills[bills[0]]
	unit := b.branch(first.UnitID)
	p := model.Payment{
		ID: model.NewID(), UnitID: unit.ID, MemberID: first.MemberID, Track: first.Track, Method: model.PaidBank, PaidOn: when.Date(),
		CollectedBy: b.officer(model.WriteDues, unit.Path, when, first.MemberID), CreatedAt: when,
	}
	if b.members[b.ordinal[p.MemberID]-1].PhoneHash == nil || draw(b.ordinal[p.MemberID], duesKey+2) < 45 {
		p.Method = model.PaidCash
		p.ReceiptNo = new(fmt.Sprintf("SJ%s%05d", strings.ReplaceAll(string(p.PaidOn), "-", "")[:6], len(b.payments)+1))
	}
	this := model.MonthOf(b.today)
	if last := b.bills[bills[len(bills)-1]]; p.MemberID == b.person[generous] && first.Month <= this.Add(-2) && this.Add(-2) <= last.Month {
		p.VoluntaryFen = gaveBeyond
	}
	e := model.Entry{
		ID: model.NewID(), Kind: model.PaymentEntry, UnitID: unit.ID, Year: model.MonthOf(p.PaidOn).Year(), OccurredOn: p.PaidOn,
		CreatedBy: p.CollectedBy, CreatedAt: when,
	}
	p.EntryID = e.ID
	for _, i := range bills {
		bill := &b.bills[i]
		part := bill.OpenFen()
		if p.MemberID == b.person[partPayer] && bill.Month == this.Add(-1) {
			part /= 2
		}
		bill.PaidFen += part
		p.AmountFen += part
		b.allocations = append(b.allocations, model.Allocation{
			ID: model.NewID(), PaymentID: p.ID, BillID: bill.ID, EntryID: e.ID, AmountFen: part,
		})
	}
	holder := ""
	if p.Method == model.PaidCash {
		holder = p.CollectedBy
	}
	b.payments = append(b.payments, p)
	b.book(e, model.Line{UnitID: unit.ID, Account: p.Method.Account(), Holder: holder, AmountFen: p.AmountFen + p.VoluntaryFen},
		model.Line{UnitID: unit.ID, Account: model.DuesPaid, AmountFen: -p.AmountFen},
		model.Line{UnitID: unit.ID, Account: model.Voluntary, AmountFen: -p.VoluntaryFen})
}

// deposit brings the cash of a month that is over to the bank.
func (b *bureau) deposit(month model.Month) {
	when := at(month.Day(31), "16:30")
	for _, key := range b.sortedBalances() {
		if fen := b.balances[key]; key.Account == model.Cash && fen > 0 {
			b.book(model.Entry{
				ID: model.NewID(), Kind: model.HandoverEntry, UnitID: key.UnitID, Year: month.Year(), OccurredOn: when.Date(),
				Reason: "存入党费专户", CreatedBy: key.Holder, CreatedAt: when,
			}, model.Line{UnitID: key.UnitID, Account: model.Cash, Holder: key.Holder, AmountFen: -fen},
				model.Line{UnitID: key.UnitID, Account: model.Bank, AmountFen: fen})
		}
	}
}

// sortedBalances are the keys in the order in which the units were made.
func (b *bureau) sortedBalances() []model.Balance {
	place := map[int64]int{}
	for i, u := range b.units {
		place[u.ID] = i
	}
	number := func(holder string) int { return b.ordinal[memberOf(holder)] }
	return slices.SortedFunc(maps.Keys(b.balances), func(x, y model.Balance) int {
		return cmp.Or(cmp.Compare(place[x.UnitID], place[y.UnitID]), cmp.Compare(x.Year, y.Year), cmp.Compare(x.Account, y.Account),
			cmp.Compare(number(x.Holder), number(y.Holder)))
	})
}

func memberOf(ref string) (id int64) {
	_, _ = fmt.Sscanf(ref, "member:%d", &id)
	return id
}

// remit sends up what a quarter has brought, on its last day: the branches to the general branch of their track, and that
// one out of the bureau. A branch that closes before settles first.
func (b *bureau) remit(month model.Month) {
	quarter := month.Since("2000-01") % 12 / 3
	eve := month.Day(31)
	for _, level := range []bool{true, false} {
		for _, u := range b.units {
			closing := u.ClosedOn == eve.AddDays(1)
			if u.Kind.IsBranch() != level || u.Branch() != u.Path || month.Since("2000-01")%3 != 2 && !closing {
				continue
			}
			if fen := b.balances[model.Balance{UnitID: u.ID, Account: model.Bank}]; fen > 0 {
				b.sendUp(u, fmt.Sprintf("%d-Q%d", month.Year(), quarter+1), eve, fen)
			}
		}
	}
}

func (b *bureau) sendUp(unit model.Unit, period string, on model.Date, fen model.Fen) {
	when := at(on, "17:00")
	row := model.Remittance{
		ID: model.NewID(), UnitID: unit.ID, Period: period, Year: model.MonthOf(on).Year(), AmountFen: fen, Recipient: upward[unit.Kind.Track()],
		Heads: b.heads(unit, on), PaidOn: on, ReceiptNo: new("DF" + period + "-" + unit.Code), CreatedAt: when,
		CreatedBy: b.officer(model.WriteDues, unit.Path, when, 0),
	}
	lines := []model.Line{
		{UnitID: unit.ID, Account: model.Bank, AmountFen: -fen}, {UnitID: unit.ID, Account: model.Remitted, AmountFen: fen},
	}
	if unit.Kind.IsBranch() {
		above := b.units[slices.IndexFunc(b.units, func(u model.Unit) bool { return unit.ParentID != nil && u.ID == *unit.ParentID })]
		row.Recipient, row.ToUnitID = above.Name, &above.ID
		lines = append(lines, model.Line{UnitID: above.ID, Account: model.Bank, AmountFen: fen},
			model.Line{UnitID: above.ID, Account: model.Received, AmountFen: -fen})
	}
	e := model.Entry{
		ID: model.NewID(), Kind: model.RemittanceEntry, UnitID: unit.ID, Year: row.Year, OccurredOn: on, CreatedBy: row.CreatedBy, CreatedAt: when,
	}
	row.EntryID = e.ID
	b.remittances = append(b.remittances, row)
	b.book(e, lines...)
}

// heads counts who has paid in the quarter that ends on the day, in the unit and below it.
func (b *bureau) heads(unit model.Unit, last model.Date) int {
	seen := map[int64]bool{}
	for _, p := range b.payments {
		if model.MonthOf(p.PaidOn).Since(model.MonthOf(last)) > -3 && p.PaidOn <= last && strings.HasPrefix(b.path[p.UnitID], unit.Path) && p.Track == unit.Kind.Track() {
			seen[p.MemberID] = true
		}
	}
	return len(seen)
}

// balanceRows are the balances as they stand.
func (b *bureau) balanceRows() (rows []model.Balance) {
	for _, key := range b.sortedBalances() {
		key.AmountFen = b.balances[key]
		rows = append(rows, key)
	}
	return rows
}
