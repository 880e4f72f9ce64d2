package dues

import (
	"context"
	"slices"
	"strings"

	"gorm.io/gorm"

	"zhibu/model"
)

// Pay is a payment at the desk. The amount goes to the months, the oldest first; what is more than they owe waits for the
// months to come. The voluntary part (自愿多交) comes on top of it and is kept apart.
type Pay struct {
	MemberID     int64
	Months       []model.Month
	AmountFen    model.Fen
	VoluntaryFen model.Fen
	Method       model.PayMethod // cash or bank
	PaidOn       model.Date      // empty: today
	ReceiptNo    string
}

// Paid is a payment with what it was given to.
type Paid struct {
	model.Payment
	MemberName string // empty where the reader is not shown names
	Gave       []Gave
}

// Gave is what of a payment a month got.
type Gave struct {
	PaymentID int64
	Month     model.Month
	Fen       model.Fen
}

// Pay books a payment of a member of the unit, taken by the actor, who never takes his own. Months without a bill get one
// when the member owes for them.
func (s *Service) Pay(ctx context.Context, actor model.Actor, unitID int64, p Pay, once model.Once) (out Paid, err error) {
	now := model.At(s.now())
	receipt, err := p.check(now.Date())
	if err != nil {
		return out, err
	}
	err = s.db.WriteAfterLook(ctx, func(tx *gorm.DB) error {
		unit, err := findBooks(tx, actor, unitID, model.WriteDues)
		if err != nil {
			return err
		}
		if actor.IsMember(p.MemberID) {
			return model.ErrOwnRecord
		}
		id := model.NewID()
		first, err := once.Claim(tx, actor, "dues.pay", id, now)
		if err != nil {
			return err
		}
		if first != 0 {
			out, err = loadPaid(tx, first)
			return err
		}
		branch, bills, err := owed(tx, actor, unit, p, now)
		if err != nil {
			return err
		}
		if p.Method == model.PaidCash { // it must not come to somebody who is leaving
			if err := model.HoldOffice(tx, actor, model.WriteDues, branch.Path, now); err != nil {
				return err
			}
		}
		if err := p.checkMonths(branch.Kind.Track(), bills); err != nil {
			return err
		}
		if err := freshReceipt(tx, &model.Payment{}, branch.ID, receipt); err != nil {
			return err
		}
		out.Payment = model.Payment{
			ID: id, UnitID: branch.ID, MemberID: p.MemberID, Track: branch.Kind.Track(), Method: p.Method, AmountFen: p.AmountFen,
			VoluntaryFen: p.VoluntaryFen, PaidOn: p.PaidOn, ReceiptNo: receipt, CollectedBy: actor.Holder(), CreatedAt: now,
		}
		if err := bookPayment(tx, actor, &out.Payment, bills); err != nil {
			return err
		}
		if out, err = loadPaid(tx, id); err != nil {
			return err
		}
		return model.Audit(tx, actor, now, model.Deed{Action: "dues.pay", Unit: branch, SubjectID: id, After: paymentState(out.Payment)})
	})
	return out, err
}

func (p *Pay) check(today model.Date) (receipt *string, err error) {
	var f faults
	f.amount("amount_fen", p.AmountFen, 0)
	f.amount("voluntary_fen", p.VoluntaryFen, 0)
	if len(f) == 0 && p.AmountFen+p.VoluntaryFen == 0 {
		f.add("amount_fen", "required", "金额须大于零（单位：分）")
	}
	f.months(p.Months)
	if p.AmountFen > 0 && len(p.Months) == 0 {
		f.add("months", "required", "请注明缴纳哪些月份")
	}
	if p.Method != model.PaidCash && p.Method != model.PaidBank {
		f.add("method", "invalid_value", "须为 cash（现金）或 bank（转账）")
	}
	paidOn(&f, &p.PaidOn, today)
	receipt = f.receipt(p.ReceiptNo)
	return receipt, f.err()
}

// paidOn reads the day of a payment: today when empty, never ahead, and not longer ago than a year.
func paidOn(f *faults, day *model.Date, today model.Date) {
	if *day == "" {
		*day = today
	}
	switch _, err := model.ParseDate(string(*day)); {
	case err != nil:
		f.add("paid_on", "invalid_date", "日期须形如 2026-03-02")
	case *day > today:
		f.add("paid_on", "in_future", "缴款日期不能晚于今天")
	case *day < today.AddDays(-maxPaidDaysBack):
		f.add("paid_on", "too_old", "缴款日期最多早于今天一年")
	}
}

// checkMonths holds the months against the rule on back payment, and the amount against a slip of the pen.
func (p Pay) checkMonths(track model.Track, bills []model.Bill) error {
	if err := checkReach(track, p.Months, model.MonthOf(p.PaidOn)); err != nil {
		return err
	}
	owed, monthly := model.Fen(0), model.Fen(0)
	for _, b := range bills {
		owed += b.OpenFen()
		monthly = max(monthly, b.AmountFen)
	}
	if over := p.AmountFen - owed; over > maxAheadMonths*monthly {
		return model.InvalidField("amount_fen", "too_much",
			"这些月份应缴"+owed.String()+"元，多出"+over.String()+"元；请核对金额（单位：分），自愿多交的部分请另填")
	}
	return nil
}

// checkReach refuses months too far from the one of the payment.
func checkReach(track model.Track, months []model.Month, paid model.Month) error {
	ahead := maxAheadMonths
	if track == model.League {
		ahead = maxAheadLeague
	}
	for _, m := range months {
		switch n := m.Since(paid); {
		case n < -maxBackMonths:
			return model.InvalidField("months", "back_payment_limit", "补交一般不得超过6个月，"+m.Name()+"已超过")
		case n > ahead:
			return model.InvalidField("months", "too_far_ahead", "预缴的月份过远："+m.Name())
		}
	}
	return nil
}

// owed returns the branch of the unit that the member owes to for the months, with the bills, made where there were none.
// A member who owes nothing there is a field at fault: another branch's, or one whose amount nobody has fixed.
func owed(tx *gorm.DB, actor model.Actor, unit model.Unit, p Pay, now model.Instant) (branch model.Unit, bills []model.Bill, err error) {
	payer, unseen := findPayer(tx, actor, p.MemberID, unit.Kind.Track(), model.WriteDues, now.Date())
	if unseen != nil && model.AsError(unseen) == nil {
		return branch, nil, unseen
	}
	if len(p.Months) == 0 && unseen == nil && strings.HasPrefix(payer.Path, unit.Path) {
		return payer, nil, nil
	}
	bills, err = billsOf(tx, actor, p.MemberID, unit.Kind.Track(), p.Months, now)
	if err != nil {
		return branch, nil, err
	}
	units, err := unitsUnder(tx, unit.Path)
	if err != nil {
		return branch, nil, err
	}
	// Who has left still owes to the branch what he owed there.
	here := slices.ContainsFunc(bills, func(b model.Bill) bool { return units[b.UnitID].ID != 0 })
	switch {
	case !here && unseen != nil:
		return branch, nil, model.InvalidField("member_id", "not_found", "没有这名同志，或不在您的管理范围内")
	case !here && !strings.HasPrefix(payer.Path, unit.Path) || len(p.Months) == 0:
		return branch, nil, errOtherBranch()
	case len(bills) < len(p.Months):
		return branch, nil, model.InvalidField("months", "not_billed", "有的月份没有应缴：尚未核定金额，或不在名册上")
	}
	for _, b := range bills {
		if b.UnitID != bills[0].UnitID {
			return branch, nil, model.InvalidField("months", "two_branches", "这些月份分属两个支部，请分别登记")
		}
	}
	branch, here = units[bills[0].UnitID]
	if !here { // he is on the roster here, and owes for these months to the branch he came from or goes to
		return branch, nil, errOtherBranch()
	}
	return branch, bills, nil
}

func errOtherBranch() error {
	return model.InvalidField("member_id", "other_branch", "这名同志的党费由另一个支部收缴")
}

// billsOf returns the bills of the months, in order, making those that are missing.
func billsOf(tx *gorm.DB, actor model.Actor, memberID int64, track model.Track, months []model.Month, now model.Instant) (bills []model.Bill, err error) {
	find := func() error {
		bills = nil
		return tx.Where("member_id = ? AND track = ? AND voided_id = 0 AND month IN ?", memberID, track, months).Order("month").Find(&bills).Error
	}
	if err := find(); err != nil || len(bills) == len(months) {
		return bills, err
	}
	missing := slices.DeleteFunc(slices.Clone(months), func(m model.Month) bool {
		return slices.ContainsFunc(bills, func(b model.Bill) bool { return b.Month == m })
	})
	if err := billOne(tx, actor, memberID, missing, now, ""); err != nil {
		return nil, err
	}
	return bills, find()
}

// freshReceipt is ErrReceiptUsed when the unit has a standing record with the number; the unique key keeps it so.
func freshReceipt(tx *gorm.DB, of any, unitID int64, number *string) error {
	if number == nil {
		return nil
	}
	var there int64
	err := tx.Model(of).Where("unit_id = ? AND receipt_no = ? AND reversed_id = 0", unitID, *number).Count(&there).Error
	if err == nil && there > 0 {
		return ErrReceiptUsed
	}
	return err
}

// bookPayment writes the payment with its entry and gives it to the bills.
func bookPayment(tx *gorm.DB, actor model.Actor, p *model.Payment, bills []model.Bill) error {
	others, err := otherBills(tx, *p, bills)
	if err != nil {
		return err
	}
	named := min(openFen(bills), p.AmountFen)
	given := named + min(openFen(others), p.AmountFen-named)
	p.AdvanceFen = p.AmountFen - given
	e := model.Entry{
		ID: model.NewID(), Kind: model.PaymentEntry, UnitID: p.UnitID, Year: model.MonthOf(p.PaidOn).Year(), OccurredOn: p.PaidOn,
		CreatedBy: actor.Ref(), CreatedAt: p.CreatedAt,
	}
	p.EntryID = e.ID
	err = book(tx, e,
		line(p.UnitID, p.Method.Account(), holderOf(*p), p.AmountFen+p.VoluntaryFen),
		line(p.UnitID, model.DuesPaid, "", -given), line(p.UnitID, model.Advance, "", -p.AdvanceFen),
		line(p.UnitID, model.Voluntary, "", -p.VoluntaryFen))
	if err != nil {
		return err
	}
	if err := tx.Create(p).Error; err != nil {
		return err
	}
	if err := allocate(tx, *p, e.ID, bills, named); err != nil {
		return err
	}
	return allocate(tx, *p, e.ID, others, given-named)
}

// otherBills are the open bills of the member that a payment does not name: what is more than the named ones owe goes there
// before it waits.
func otherBills(tx *gorm.DB, p model.Payment, named []model.Bill) (bills []model.Bill, err error) {
	if openFen(named) >= p.AmountFen {
		return nil, nil
	}
	err = tx.Where("member_id = ? AND track = ? AND unit_id = ? AND voided_id = 0 AND paid_fen < amount_fen AND id NOT IN ?",
		p.MemberID, p.Track, p.UnitID, append(billIDs(named), 0)).Order("month").Find(&bills).Error
	return bills, err
}

// openFen is what is still owed on the bills.
func openFen(bills []model.Bill) (sum model.Fen) {
	for _, b := range bills {
		sum += b.OpenFen()
	}
	return sum
}

// holderOf is who holds the money of a payment: cash is with whoever took it.
func holderOf(p model.Payment) string {
	if p.Method == model.PaidCash {
		return p.CollectedBy
	}
	return ""
}

func paymentState(p model.Payment) map[string]any {
	return map[string]any{
		"member_id": p.MemberID, "track": p.Track, "method": p.Method, "amount_fen": p.AmountFen, "voluntary_fen": p.VoluntaryFen,
		"paid_on": p.PaidOn, "order_id": p.OrderID, "entry_id": p.EntryID,
	}
}

// loadPaid reads a payment with what it was given to.
func loadPaid(tx *gorm.DB, id int64) (out Paid, err error) {
	if err := tx.Take(&out.Payment, id).Error; err != nil {
		return out, err
	}
	paid := []Paid{out}
	err = loadGiven(tx, paid)
	return paid[0], err
}

// loadGiven fills in what the payments were given to, by month.
func loadGiven(tx *gorm.DB, paid []Paid) error {
	ids := make([]int64, len(paid))
	for i, p := range paid {
		ids[i] = p.ID
	}
	var rows []Gave
	err := tx.Model(&model.Allocation{}).Joins("JOIN dues_bills ON dues_bills.id = dues_allocations.bill_id").
		Where("dues_allocations.payment_id IN ?", append(ids, 0)).
		Select("dues_allocations.payment_id, dues_bills.month, SUM(dues_allocations.amount_fen) AS fen").
		Group("dues_allocations.payment_id, dues_bills.month").Order("dues_bills.month").Find(&rows).Error
	for _, g := range rows {
		if i := slices.Index(ids, g.PaymentID); g.Fen != 0 {
			paid[i].Gave = append(paid[i].Gave, g)
		}
	}
	return err
}
