package dues_test

import (
	"context"
	"slices"
	"strings"

	"zhibu/model"
	"zhibu/service/dues"
)

// books are all the rows of a world.
type books struct {
	units       map[int64]model.Unit
	entries     map[int64]model.Entry
	lines       []model.Line
	balances    []model.Balance
	bills       []model.Bill
	payments    []model.Payment
	allocations []model.Allocation
	orders      map[int64]model.Order
	refunds     []model.Refund
	remittances []model.Remittance
}

func (w *world) loadBooks() (b books) {
	w.t.Helper()
	ids := []int64{}
	b.units, b.entries, b.orders = map[int64]model.Unit{}, map[int64]model.Entry{}, map[int64]model.Order{}
	for _, u := range w.units {
		ids = append(ids, u.ID)
		b.units[u.ID] = u
	}
	db := w.read()
	var entries []model.Entry
	var orders []model.Order
	for _, rows := range []any{&entries, &b.lines, &b.balances, &b.bills, &b.payments, &orders, &b.remittances} {
		w.must(db.Where("unit_id IN ?", ids).Find(rows).Error)
	}
	w.must(db.Where("payment_id IN (SELECT id FROM dues_payments WHERE unit_id IN ?)", ids).Find(&b.allocations).Error)
	w.must(db.Where("order_id IN (SELECT id FROM dues_orders WHERE unit_id IN ?)", ids).Find(&b.refunds).Error)
	for _, e := range entries {
		b.entries[e.ID] = e
	}
	for _, o := range orders {
		b.orders[o.ID] = o
	}
	return b
}

// checkBooks holds every row against the others, and the statements against them all.
func (w *world) checkBooks() {
	w.t.Helper()
	b := w.loadBooks()
	w.checkTrial(b)
	w.checkBills(b)
	w.checkPayments(b)
	w.checkOrders(b)
	w.checkLevels(b)
	w.checkSources(b)
	for _, name := range desks {
		for year := w.month().Year() - 1; year <= w.month().Year(); year++ {
			w.checkStatement(b, w.units[name], year)
		}
	}
}

// pot is a place in the ledger.
type pot struct {
	unit    int64
	year    int
	account model.LedgerAccount
	holder  string
}

// checkTrial: every entry adds up to zero, the balances are the sums of the lines, and nothing in hand is below zero.
func (w *world) checkTrial(b books) {
	w.t.Helper()
	perEntry, sums, total := map[int64]model.Fen{}, map[pot]model.Fen{}, model.Fen(0)
	lined := map[int64]bool{}
	for _, l := range b.lines {
		e, ok := b.entries[l.EntryID]
		if !ok {
			w.t.Fatalf("line %+v has no entry", l)
		}
		p := pot{l.UnitID, e.Year, l.Account, l.Holder}
		if l.Account.InHand() {
			p.year = 0
		}
		if (l.Holder != "") != (l.Account == model.Cash) {
			w.t.Fatalf("line %+v: cash is somebody's, and nothing else is", l)
		}
		perEntry[l.EntryID] += l.AmountFen
		sums[p] += l.AmountFen
		total += l.AmountFen
		lined[l.EntryID] = true
	}
	for id, e := range b.entries {
		if perEntry[id] != 0 || !lined[id] {
			w.t.Fatalf("%s %d adds up to %d", e.Kind, id, perEntry[id])
		}
	}
	if total != 0 {
		w.t.Fatalf("the trial balance is %d", total)
	}
	for _, have := range b.balances {
		p := pot{have.UnitID, have.Year, have.Account, have.Holder}
		if have.AmountFen != sums[p] || p.account.InHand() && have.AmountFen < 0 {
			w.t.Fatalf("the balance is %+v, the lines add up to %d", have, sums[p])
		}
		delete(sums, p)
	}
	for p, fen := range sums {
		if fen != 0 {
			w.t.Fatalf("%+v has %d and no balance", p, fen)
		}
	}
}

// checkBills: what is paid on a bill is what it was given; a member has one a month, and nothing is paid on a voided one.
func (w *world) checkBills(b books) {
	w.t.Helper()
	given := map[int64]model.Fen{}
	for _, a := range b.allocations {
		given[a.BillID] += a.AmountFen
	}
	type month struct {
		member int64
		track  model.Track
		month  model.Month
	}
	once := map[month]int64{}
	for _, bill := range b.bills {
		if bill.PaidFen != given[bill.ID] || bill.PaidFen < 0 || bill.PaidFen > bill.AmountFen || bill.AmountFen > bill.AssessedFen {
			w.t.Fatalf("bill %+v was given %d", bill, given[bill.ID])
		}
		if bill.VoidedID != 0 {
			if bill.PaidFen != 0 || bill.VoidReason == "" {
				w.t.Fatalf("bill %+v is voided", bill)
			}
			continue
		}
		m := month{bill.MemberID, bill.Track, bill.Month}
		if other, ok := once[m]; ok {
			w.t.Fatalf("%+v has the bills %d and %d", m, other, bill.ID)
		}
		once[m] = bill.ID
		if u := b.units[bill.UnitID]; !u.Kind.IsBranch() || u.Branch() != u.Path || u.Kind.Track() != bill.Track {
			w.t.Fatalf("bill %+v is to %s", bill, u.Name)
		}
	}
}

// checkPayments: a payment that stands is what it was given to, what waits and what was given back.
func (w *world) checkPayments(b books) {
	w.t.Helper()
	given, sums := map[int64]model.Fen{}, map[pot]model.Fen{}
	for _, a := range b.allocations {
		given[a.PaymentID] += a.AmountFen
	}
	ofOrder := map[int64]int{}
	for _, p := range b.payments {
		if p.ReversedID != 0 {
			if e := b.entries[p.ReversedID]; given[p.ID] != 0 || e.ReversesID == nil || *e.ReversesID != p.EntryID {
				w.t.Fatalf("payment %+v was reversed by %+v and has %d on bills", p, e, given[p.ID])
			}
			continue
		}
		back := model.Fen(0)
		if p.OrderID != nil {
			o := b.orders[*p.OrderID]
			ofOrder[o.ID]++
			if back = min(o.RefundedFen, p.AmountFen); o.Total() != p.AmountFen+p.VoluntaryFen || o.UnitID != p.UnitID || o.MemberID != p.MemberID {
				w.t.Fatalf("payment %+v is of order %+v", p, o)
			}
		}
		if p.AmountFen != given[p.ID]+p.AdvanceFen+back || p.AdvanceFen < 0 {
			w.t.Fatalf("payment %+v: %d on bills, %d given back", p, given[p.ID], back)
		}
		year := model.MonthOf(p.PaidOn).Year()
		sums[pot{p.UnitID, year, model.DuesPaid, ""}] -= p.AmountFen
		sums[pot{p.UnitID, year, model.Voluntary, ""}] -= p.VoluntaryFen
	}
	for _, have := range b.balances {
		account := have.Account
		if account == model.Advance {
			account = model.DuesPaid
		}
		if account == model.DuesPaid || account == model.Voluntary {
			sums[pot{have.UnitID, have.Year, account, ""}] -= have.AmountFen
		}
	}
	for p, fen := range sums {
		if fen != 0 {
			w.t.Fatalf("%+v differs from the payments by %d", p, fen)
		}
	}
	for id, o := range b.orders {
		if paid := o.TransactionID != nil; paid != (ofOrder[id] == 1) || ofOrder[id] > 1 {
			w.t.Fatalf("order %+v has %d payments", o, ofOrder[id])
		}
	}
}

// checkOrders: an order is what became of it, and what is asked back is on its way or gone.
func (w *world) checkOrders(b books) {
	w.t.Helper()
	back, waiting, underway := map[int64]model.Fen{}, map[int64]int{}, map[int64]model.Fen{}
	for _, r := range b.refunds {
		switch {
		case r.State == model.RefundProcessing:
			waiting[r.OrderID]++
			underway[b.orders[r.OrderID].UnitID] += r.AmountFen
		case r.State == model.RefundDone:
			back[r.OrderID] += r.AmountFen
		}
		if (r.SettledAt == 0) != (r.State == model.RefundProcessing) {
			w.t.Fatalf("refund %+v", r)
		}
	}
	for id, o := range b.orders {
		var want model.OrderState
		switch {
		case waiting[id] > 0:
			want = model.OrderRefunding
		case back[id] > 0 && back[id] == o.Total():
			want = model.OrderRefunded
		case o.TransactionID != nil:
			want = model.OrderPaid
		case o.ClosedID != 0:
			want = model.OrderClosed
		default:
			want = model.OrderCreated
		}
		if o.State != want || o.RefundedFen != back[id] || waiting[id] > 1 || back[id] > o.Total() || (o.ClosedID == 0) != (want == model.OrderCreated) {
			w.t.Fatalf("order %+v is %s, %d given back, %d on their way", o, want, back[id], waiting[id])
		}
	}
	for _, have := range b.balances {
		if have.Account == model.Refunding && have.AmountFen != underway[have.UnitID] {
			w.t.Fatalf("%d are on their way back, the balance is %+v", underway[have.UnitID], have)
		}
	}
}

// checkLevels: at every level paid = in hand + remitted + refunded.
func (w *world) checkLevels(b books) {
	w.t.Helper()
	for _, u := range b.units {
		var paid, inHand, remitted, refunded model.Fen
		for _, p := range b.payments {
			if p.ReversedID == 0 && b.within(p.UnitID, u) {
				paid += p.AmountFen + p.VoluntaryFen
			}
		}
		for _, r := range b.remittances {
			if r.ReversedID == 0 && b.within(r.UnitID, u) && (r.ToUnitID == nil || !b.within(*r.ToUnitID, u)) {
				remitted += r.AmountFen
			}
		}
		for _, r := range b.refunds {
			if r.State == model.RefundDone && b.within(b.orders[r.OrderID].UnitID, u) {
				refunded += r.AmountFen
			}
		}
		for _, l := range b.lines {
			if l.Account.InHand() && b.within(l.UnitID, u) {
				inHand += l.AmountFen
			}
		}
		received := model.Fen(0) // from below, which a committee keeps in its own books
		for _, r := range b.remittances {
			if r.ReversedID == 0 && r.ToUnitID != nil && b.within(*r.ToUnitID, u) && !b.within(r.UnitID, u) {
				received += r.AmountFen
			}
		}
		if paid+received != inHand+remitted+refunded {
			w.t.Fatalf("%s: paid %d and received %d, in hand %d, remitted %d, refunded %d", u.Name, paid, received, inHand, remitted, refunded)
		}
	}
}

func (b books) within(unitID int64, u model.Unit) bool {
	return strings.HasPrefix(b.units[unitID].Path, u.Path) && b.units[unitID].Kind.Track() == u.Kind.Track()
}

// checkSources: what the accounts without a place say is what the remittances and refunds say.
func (w *world) checkSources(b books) {
	w.t.Helper()
	sums := map[pot]model.Fen{}
	for _, r := range b.remittances {
		if r.ReversedID != 0 {
			continue
		}
		sums[pot{r.UnitID, r.Year, model.Remitted, ""}] += r.AmountFen
		if r.ToUnitID != nil {
			sums[pot{*r.ToUnitID, r.Year, model.Received, ""}] -= r.AmountFen
		}
	}
	refunded := map[int64]model.Fen{}
	for _, r := range b.refunds {
		if r.State == model.RefundDone {
			refunded[b.orders[r.OrderID].UnitID] += r.AmountFen
		}
	}
	for _, have := range b.balances {
		switch have.Account {
		case model.Remitted, model.Received:
			sums[pot{have.UnitID, have.Year, have.Account, ""}] -= have.AmountFen
		case model.Refunded:
			refunded[have.UnitID] -= have.AmountFen
		}
	}
	for p, fen := range sums {
		if fen != 0 {
			w.t.Fatalf("%+v differs from the remittances by %d", p, fen)
		}
	}
	for id, fen := range refunded {
		if fen != 0 {
			w.t.Fatalf("%s: the refunds differ by %d", b.units[id].Name, fen)
		}
	}
}

// checkStatement holds the statement of a unit against sums over the rows.
func (w *world) checkStatement(b books, u model.Unit, year int) {
	w.t.Helper()
	got, err := w.s[0].Statement(context.Background(), chief(), u.ID, year)
	w.must(err)
	want := dues.Statement{}
	for _, bill := range b.bills {
		if bill.VoidedID == 0 && bill.Month.Year() == year && b.within(bill.UnitID, u) {
			want.Assessed += bill.AmountFen
			want.Exempted += bill.AssessedFen - bill.AmountFen
			want.Settled += bill.PaidFen
		}
	}
	for _, p := range b.payments {
		if p.ReversedID == 0 && model.MonthOf(p.PaidOn).Year() == year && b.within(p.UnitID, u) {
			want.Paid += p.AmountFen + p.VoluntaryFen
			want.Voluntary += p.VoluntaryFen
		}
	}
	for _, r := range b.remittances {
		if r.ReversedID == 0 && r.Year == year && b.within(r.UnitID, u) && (r.ToUnitID == nil || !b.within(*r.ToUnitID, u)) {
			want.Remitted += r.AmountFen
		}
	}
	inHand := model.Fen(0)
	for _, l := range b.lines {
		if b.within(l.UnitID, u) && l.Account == model.Refunded && b.entries[l.EntryID].Year == year {
			want.Refunded += l.AmountFen
		}
		if b.within(l.UnitID, u) && l.Account.InHand() {
			inHand += l.AmountFen
		}
	}
	difference := want.Paid - want.Refunded - want.Remitted
	if got.Assessed != want.Assessed || got.Exempted != want.Exempted || got.Settled != want.Settled || got.Paid != want.Paid ||
		got.Voluntary != want.Voluntary || got.Remitted != want.Remitted || got.Refunded != want.Refunded ||
		got.InHand.Total() != inHand || got.Difference() != difference {
		w.t.Fatalf("%s %d: the statement is %+v, want %+v, %d in hand", u.Name, year, got, want, inHand)
	}
	if said := strings.Contains(got.Assertion(), "已全额上缴"); said != got.FullyRemitted() || said && difference != 0 {
		w.t.Fatalf("%s %d: %s, and %d differ", u.Name, year, got.Assertion(), difference)
	}
	held := model.Fen(0)
	for _, h := range got.Held {
		held += h.Fen
	}
	if held != inHand {
		w.t.Fatalf("%s: %d are held, %d are in hand", u.Name, held, inHand)
	}
	if ages := b.ages(u, w.today()); !slices.Equal(got.Arrears, ages) {
		w.t.Fatalf("%s: arrears %+v, want %+v", u.Name, got.Arrears, ages)
	}
}

// ages counts what is overdue by months.
func (b books) ages(u model.Unit, today model.Date) []dues.Age {
	out := []dues.Age{{From: 0, To: 2}, {From: 3, To: 5}, {From: 6}}
	members := [3]map[int64]bool{{}, {}, {}}
	for _, bill := range b.bills {
		months := model.MonthOf(today).Since(bill.Month)
		if bill.VoidedID != 0 || bill.OpenFen() == 0 || bill.DueOn >= today || months < 0 || !b.within(bill.UnitID, u) {
			continue
		}
		i := min(months/3, 2)
		members[i][bill.MemberID] = true
		out[i].Bills++
		out[i].Open += bill.OpenFen()
	}
	for i := range out {
		out[i].Members = len(members[i])
	}
	return out
}
