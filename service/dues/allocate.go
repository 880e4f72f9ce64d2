package dues

import (
	"cmp"
	"slices"

	"gorm.io/gorm"

	"zhibu/model"
)

// allocate gives the amount to the bills, the oldest month first.
func allocate(tx *gorm.DB, p model.Payment, entryID int64, bills []model.Bill, fen model.Fen) error {
	slices.SortFunc(bills, func(a, b model.Bill) int { return cmp.Compare(a.Month, b.Month) })
	for _, b := range bills {
		part := min(fen, b.OpenFen())
		if part <= 0 {
			continue
		}
		a := model.Allocation{ID: model.NewID(), PaymentID: p.ID, BillID: b.ID, EntryID: entryID, AmountFen: part}
		if err := give(tx, b, a); err != nil {
			return err
		}
		fen -= part
	}
	return nil
}

// give writes the allocation as long as the bill is as it was read; else it fails with model.ErrMoved.
func give(tx *gorm.DB, b model.Bill, a model.Allocation) error {
	if err := tx.Create(&a).Error; err != nil {
		return err
	}
	return model.SaveSeen(tx.Model(&model.Bill{}).Where("id = ? AND voided_id = 0 AND paid_fen = ?", b.ID, b.PaidFen).
		Update("paid_fen", b.PaidFen+a.AmountFen))
}

// carry gives what members have paid ahead to new bills.
func carry(tx *gorm.DB, actor model.Actor, now model.Instant, made []model.Bill) error {
	owing := map[key][]model.Bill{}
	var ids []int64
	for _, b := range made {
		if b.AmountFen > 0 {
			k := key{b.MemberID, b.Track}
			owing[k] = append(owing[k], b)
			ids = append(ids, b.MemberID)
		}
	}
	var payments []model.Payment
	err := tx.Where("member_id IN ? AND advance_fen > 0 AND reversed_id = 0", ids).Order("created_at, id").Find(&payments).Error
	if err != nil {
		return err
	}
	for _, p := range payments {
		k := key{p.MemberID, p.Track}
		bills := slices.DeleteFunc(slices.Clone(owing[k]), func(b model.Bill) bool { return b.UnitID != p.UnitID })
		if len(bills) == 0 {
			continue
		}
		if err := carryPayment(tx, actor, now, p, bills); err != nil {
			return err
		}
		// Another advance of the same member sees what this one has given.
		if err := tx.Where("id IN ?", billIDs(owing[k])).Find(&bills).Error; err != nil {
			return err
		}
		owing[k] = bills
	}
	return nil
}

func billIDs(bills []model.Bill) []int64 {
	ids := make([]int64, len(bills))
	for i, b := range bills {
		ids[i] = b.ID
	}
	return ids
}

// carryPayment turns what is left of a payment into dues of the bills.
func carryPayment(tx *gorm.DB, actor model.Actor, now model.Instant, p model.Payment, bills []model.Bill) error {
	var paid model.Entry
	if err := tx.Take(&paid, p.EntryID).Error; err != nil {
		return err
	}
	e := model.Entry{
		ID: model.NewID(), Kind: model.CarryEntry, UnitID: p.UnitID, Year: paid.Year, OccurredOn: now.Date(), Reason: "预缴转入",
		CreatedBy: actor.Ref(), CreatedAt: now,
	}
	part := min(openFen(bills), p.AdvanceFen)
	if part == 0 {
		return nil
	}
	if err := book(tx, e, line(p.UnitID, model.Advance, "", part), line(p.UnitID, model.DuesPaid, "", -part)); err != nil {
		return err
	}
	if err := allocate(tx, p, e.ID, bills, part); err != nil {
		return err
	}
	return model.SaveSeen(tx.Model(&model.Payment{}).Where("id = ? AND advance_fen = ? AND reversed_id = 0", p.ID, p.AdvanceFen).
		Update("advance_fen", p.AdvanceFen-part))
}

// takeBack takes the amount away from the bills a payment was given to, the latest month first.
func takeBack(tx *gorm.DB, p model.Payment, entryID int64, fen model.Fen) (taken model.Fen, err error) {
	var given []struct {
		BillID int64
		Fen    model.Fen
	}
	err = tx.Model(&model.Allocation{}).Joins("JOIN dues_bills ON dues_bills.id = dues_allocations.bill_id").
		Select("dues_allocations.bill_id, SUM(dues_allocations.amount_fen) AS fen").Where("dues_allocations.payment_id = ?", p.ID).
		Group("dues_allocations.bill_id, dues_bills.month").Order("dues_bills.month DESC").Find(&given).Error
	if err != nil {
		return 0, err
	}
	for _, g := range given {
		part := min(g.Fen, fen-taken)
		if part <= 0 {
			continue
		}
		var b model.Bill
		if err := tx.Take(&b, g.BillID).Error; err != nil {
			return 0, err
		}
		a := model.Allocation{ID: model.NewID(), PaymentID: p.ID, BillID: b.ID, EntryID: entryID, AmountFen: -part}
		if err := give(tx, b, a); err != nil {
			return 0, err
		}
		taken += part
	}
	return taken, nil
}
