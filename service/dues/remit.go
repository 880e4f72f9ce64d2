package dues

import (
	"context"
	"regexp"
	"slices"
	"strconv"

	"gorm.io/gorm"

	"zhibu/model"
)

// Remit is money sent up (上缴) for a period, with the receipt of the level above (党费收据).
type Remit struct {
	Period    string // 2026, 2026-H1, 2026-Q1 or 2026-01
	AmountFen model.Fen
	To        string // who received it; a unit above that is named by its name keeps it in its own books
	PaidOn    model.Date
	ReceiptNo string
}

var periodPattern = regexp.MustCompile(`^(20[0-9]{2})(?:-(?:Q([1-4])|H([12])|(0[1-9]|1[0-2])))?$`)

// span returns the first and the last month of a period.
func span(period string) (first, last model.Month, ok bool) {
	m := periodPattern.FindStringSubmatch(period)
	if m == nil {
		return "", "", false
	}
	january := model.Month(m[1] + "-01")
	switch {
	case m[2] != "":
		n, _ := strconv.Atoi(m[2])
		return january.Add(3*n - 3), january.Add(3*n - 1), true
	case m[3] != "":
		n, _ := strconv.Atoi(m[3])
		return january.Add(6*n - 6), january.Add(6*n - 1), true
	case m[4] != "":
		return model.Month(period), model.Month(period), true
	}
	return january, january.Add(11), true
}

// Remit books what a unit has sent up, at most what it has in hand: first what WeChat Pay holds, then the bank, then cash.
// It counts for the year of the period, so that what is sent in January for the last quarter closes the old year.
func (s *Service) Remit(ctx context.Context, actor model.Actor, unitID int64, r Remit, once model.Once) (row model.Remittance, err error) {
	now := model.At(s.now())
	receipt, err := r.check(now.Date())
	if err != nil {
		return row, err
	}
	err = s.db.WriteAfterLook(ctx, func(tx *gorm.DB) error {
		unit, err := findBooks(tx, actor, unitID, model.WriteDues)
		if err != nil {
			return err
		}
		row = model.Remittance{
			ID: model.NewID(), UnitID: unit.ID, Period: r.Period, AmountFen: r.AmountFen, Recipient: r.To, PaidOn: r.PaidOn,
			ReceiptNo: receipt, CreatedBy: actor.Ref(), CreatedAt: now,
		}
		first, err := once.Claim(tx, actor, "dues.remit", row.ID, now)
		if err != nil {
			return err
		}
		if first != 0 {
			row = model.Remittance{}
			return tx.Take(&row, first).Error
		}
		if err := freshReceipt(tx, &model.Remittance{}, unit.ID, receipt); err != nil {
			return err
		}
		if err := bookRemittance(tx, actor, unit, &row); err != nil {
			return err
		}
		return model.Audit(tx, actor, now, model.Deed{Action: "dues.remit", Unit: unit, SubjectID: row.ID, After: remittanceState(row)})
	})
	return row, err
}

func (r *Remit) check(today model.Date) (receipt *string, err error) {
	var f faults
	switch first, _, ok := span(r.Period); {
	case !ok:
		f.add("period", "invalid_value", "所属期须形如 2026、2026-H1、2026-Q1 或 2026-01")
	case first > model.MonthOf(today):
		f.add("period", "in_future", "所属期还没有开始")
	}
	f.amount("amount_fen", r.AmountFen, 1)
	f.text("to", &r.To, true, 100)
	paidOn(&f, &r.PaidOn, today)
	receipt = f.receipt(r.ReceiptNo)
	return receipt, f.err()
}

func bookRemittance(tx *gorm.DB, actor model.Actor, unit model.Unit, row *model.Remittance) error {
	from, to, _ := span(row.Period)
	row.Year = from.Year()
	err := tx.Model(&model.Payment{}).Scopes(inUnit("dues_payments", unit)).
		Where("reversed_id = 0 AND paid_on >= ? AND paid_on < ?", from.Day(1), to.Add(1).Day(1)).
		Select("COUNT(DISTINCT member_id)").Scan(&row.Heads).Error
	if err != nil {
		return err
	}
	pockets, err := inHand(tx, unit.ID, actor.Holder())
	if err != nil {
		return err
	}
	lines, err := draw(unit.ID, pockets, row.AmountFen)
	if err != nil {
		return err
	}
	lines = append(lines, line(unit.ID, model.Remitted, "", row.AmountFen))
	above, err := recipient(tx, unit, row.Recipient)
	if err != nil {
		return err
	}
	if above != nil {
		row.ToUnitID = &above.ID
		lines = append(lines, line(above.ID, model.Bank, "", row.AmountFen), line(above.ID, model.Received, "", -row.AmountFen))
	}
	e := model.Entry{
		ID: model.NewID(), Kind: model.RemittanceEntry, UnitID: unit.ID, Year: row.Year, OccurredOn: row.PaidOn,
		CreatedBy: actor.Ref(), CreatedAt: row.CreatedAt,
	}
	row.EntryID = e.ID
	if err := book(tx, e, lines...); err != nil {
		return err
	}
	return tx.Create(row).Error
}

// recipient is the unit above on the same track with the name; nil when the money leaves the books. Another unit of the
// organisation is refused: its money would be neither in hand nor sent up.
func recipient(tx *gorm.DB, unit model.Unit, name string) (*model.Unit, error) {
	var above []model.Unit
	err := tx.Where("id IN ? AND id <> ? AND kind IN ?", model.PathIDs(unit.Path), unit.ID, model.UnitKinds(unit.Kind.Track())).Find(&above).Error
	if err != nil {
		return nil, err
	}
	if i := slices.IndexFunc(above, func(u model.Unit) bool { return u.Name == name }); i >= 0 {
		return &above[i], nil
	}
	var inside int64 // money that stays in the organisation is not sent up
	err = tx.Model(&model.Unit{}).Scopes(model.Under(model.ChildPath("", model.PathIDs(unit.Path)[0]))).Where("name = ?", name).Count(&inside).Error
	if err == nil && inside > 0 {
		err = model.InvalidField("to", "not_above", "收款单位须是同一系统的上级组织，不能是本单位、下级或其他单位")
	}
	return nil, err
}

func remittanceState(r model.Remittance) map[string]any {
	return map[string]any{
		"period": r.Period, "amount_fen": r.AmountFen, "to": r.Recipient, "to_unit_id": r.ToUnitID, "paid_on": r.PaidOn,
		"receipt_no": r.ReceiptNo, "entry_id": r.EntryID,
	}
}

// ReverseRemittance undoes a remittance that was booked by mistake; the money is in hand again where it was.
func (s *Service) ReverseRemittance(ctx context.Context, actor model.Actor, id int64, reason string) (row model.Remittance, err error) {
	now := model.At(s.now())
	var f faults
	f.text("reason", &reason, true, maxReason)
	if err := f.err(); err != nil {
		return row, err
	}
	err = s.db.WriteAfterLook(ctx, func(tx *gorm.DB) error {
		var unit model.Unit
		if row, unit, err = findRemittance(tx, actor, id); err != nil {
			return err
		}
		if row.ToUnitID != nil {
			if _, err := model.FindUnit(tx, actor, *row.ToUnitID, model.WriteDues); err != nil {
				return model.ErrForbidden.Saying("这笔款已经入了上级组织的账，请由上级组织办理冲正")
			}
		}
		e, err := reversalOf(tx, actor, row.EntryID, reason, now)
		if err != nil {
			return err
		}
		var lines []model.Line
		if err := tx.Where("entry_id = ?", row.EntryID).Order("position").Find(&lines).Error; err != nil {
			return err
		}
		if err := bringBack(tx, e, lines, now); err != nil {
			return err
		}
		row.ReversedID, row.ReversedAt, row.ReverseReason = e.ID, now, reason
		err = model.SaveSeen(tx.Model(&model.Remittance{}).Where("id = ? AND reversed_id = 0", row.ID).
			Updates(map[string]any{"reversed_id": e.ID, "reversed_at": now, "reverse_reason": reason}))
		if err != nil {
			return err
		}
		return model.Audit(tx, actor, now, model.Deed{
			Action: "dues.remittance_reverse", Unit: unit, SubjectID: row.ID, Before: remittanceState(row), After: map[string]any{"reason": reason},
		})
	})
	return row, err
}

// findRemittance returns a standing remittance of a unit in which the actor writes the dues.
func findRemittance(tx *gorm.DB, actor model.Actor, id int64) (model.Remittance, model.Unit, error) {
	var found []model.Remittance
	if err := tx.Where("id = ?", id).Find(&found).Error; err != nil {
		return model.Remittance{}, model.Unit{}, err
	}
	if len(found) == 0 {
		return model.Remittance{}, model.Unit{}, model.ErrNotFound
	}
	unit, err := model.FindUnit(tx, actor, found[0].UnitID, model.WriteDues)
	if err == nil && found[0].ReversedID != 0 {
		err = ErrReversed
	}
	return found[0], unit, err
}

// EnterReceipt adds the number of the receipt that came later, or corrects it.
func (s *Service) EnterReceipt(ctx context.Context, actor model.Actor, id int64, number string) (row model.Remittance, err error) {
	now := model.At(s.now())
	var f faults
	receipt := f.receipt(number)
	if len(f) == 0 && receipt == nil {
		f.add("receipt_no", "required", "请填写收据号")
	}
	if err := f.err(); err != nil {
		return row, err
	}
	err = s.db.WriteAfterLook(ctx, func(tx *gorm.DB) error {
		var unit model.Unit
		if row, unit, err = findRemittance(tx, actor, id); err != nil {
			return err
		}
		if row.ReceiptNo != nil && *row.ReceiptNo == *receipt {
			return nil
		}
		if err := freshReceipt(tx, &model.Remittance{}, unit.ID, receipt); err != nil {
			return err
		}
		before := remittanceState(row)
		row.ReceiptNo = receipt
		if err := tx.Model(&model.Remittance{}).Where("id = ?", id).Update("receipt_no", receipt).Error; err != nil {
			return err
		}
		return model.Audit(tx, actor, now, model.Deed{
			Action: "dues.receipt", Unit: unit, SubjectID: row.ID, Before: before, After: remittanceState(row),
		})
	})
	return row, err
}

// Remittances returns what the unit and those below it have sent up in a year (0: ever), the latest first.
func (s *Service) Remittances(ctx context.Context, actor model.Actor, unitID int64, year, limit int, cursor string) (page []model.Remittance, next string, err error) {
	db := s.db.Read(ctx)
	unit, err := findBooks(db, actor, unitID, model.ReadDues)
	if err != nil {
		return nil, "", err
	}
	q := db.Model(&model.Remittance{}).Scopes(inUnit("dues_remittances", unit))
	if year != 0 {
		q = q.Where("dues_remittances.year = ?", year)
	}
	return model.FindPage(q, "dues_remittances.created_at", "dues_remittances.id", limit, cursor, func(r model.Remittance) model.Cursor {
		return model.Cursor{At: r.CreatedAt, ID: r.ID}
	})
}
