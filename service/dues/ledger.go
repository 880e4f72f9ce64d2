package dues

import (
	"cmp"
	"fmt"
	"slices"

	"gorm.io/gorm"

	"zhibu/model"
)

// line is one side of an entry to come.
func line(unitID int64, account model.LedgerAccount, holder string, fen model.Fen) model.Line {
	return model.Line{UnitID: unitID, Account: account, Holder: holder, AmountFen: fen}
}

// book writes an entry with its lines and moves the balances, which say at once what is in hand. It is the only way money
// moves in the books. Lines of zero are left out; lines that do not add up to zero are a mistake of the program. What takes
// more than is in hand is ErrNotInHand. Of two entries at once on the same account the slower one waits or runs again, so
// call it within WriteAfterLook.
func book(tx *gorm.DB, e model.Entry, lines ...model.Line) error {
	lines = slices.DeleteFunc(lines, func(l model.Line) bool { return l.AmountFen == 0 })
	sum := model.Fen(0)
	for i := range lines {
		lines[i].EntryID, lines[i].Position = e.ID, i+1
		sum += lines[i].AmountFen
	}
	if sum != 0 || len(lines) == 0 {
		return fmt.Errorf("dues: the lines of a %s add up to %s", e.Kind, sum)
	}
	if err := tx.Create(&e).Error; err != nil {
		return err
	}
	if err := tx.Create(&lines).Error; err != nil {
		return err
	}
	// In one order everywhere, so that two entries do not wait for each other.
	slices.SortStableFunc(lines, func(a, b model.Line) int {
		return cmp.Or(cmp.Compare(a.UnitID, b.UnitID), cmp.Compare(a.Account, b.Account), cmp.Compare(a.Holder, b.Holder))
	})
	for _, l := range lines {
		if err := move(tx, e, l); err != nil {
			return err
		}
	}
	return nil
}

func move(tx *gorm.DB, e model.Entry, l model.Line) error {
	b := model.Balance{UnitID: l.UnitID, Year: e.Year, Account: l.Account, Holder: l.Holder, AmountFen: l.AmountFen}
	if b.Account.InHand() {
		b.Year = 0
	}
	q := tx.Model(&model.Balance{}).
		Where("unit_id = ? AND year = ? AND account = ? AND holder = ?", b.UnitID, b.Year, b.Account, b.Holder)
	if b.Account.InHand() && l.AmountFen < 0 {
		q = q.Where("amount_fen >= ?", -l.AmountFen)
	}
	done := q.Update("amount_fen", gorm.Expr("amount_fen + ?", l.AmountFen))
	switch {
	case done.Error != nil || done.RowsAffected > 0:
		return done.Error
	case b.Account.InHand() && l.AmountFen < 0:
		return ErrNotInHand
	}
	return tx.Create(&b).Error
}

// pocket is money in hand on an account.
type pocket struct {
	account model.LedgerAccount
	holder  string
	fen     model.Fen
}

// inHand returns what a unit has in hand, in the order in which it is drawn on: what WeChat Pay holds, the bank, the cash
// of first, then that of others.
func inHand(tx *gorm.DB, unitID int64, first string) ([]pocket, error) {
	var rows []model.Balance
	err := tx.Where("unit_id = ? AND year = 0 AND amount_fen > 0 AND account IN ?", unitID,
		[]model.LedgerAccount{model.WechatPay, model.Bank, model.Cash}).Find(&rows).Error
	pockets := make([]pocket, len(rows))
	for i, r := range rows {
		pockets[i] = pocket{r.Account, r.Holder, r.AmountFen}
	}
	rank := func(p pocket) int {
		switch {
		case p.account == model.WechatPay:
			return 0
		case p.account == model.Bank:
			return 1
		case p.holder == first:
			return 2
		}
		return 3
	}
	slices.SortFunc(pockets, func(a, b pocket) int {
		return cmp.Or(cmp.Compare(rank(a), rank(b)), cmp.Compare(a.holder, b.holder))
	})
	return pockets, err
}

// draw takes the amount out of the pockets, the first ones first; ErrNotInHand when they do not hold as much.
func draw(unitID int64, pockets []pocket, fen model.Fen) (lines []model.Line, err error) {
	for _, p := range pockets {
		if part := min(fen, p.fen); part > 0 {
			lines = append(lines, line(unitID, p.account, p.holder, -part))
			fen -= part
		}
	}
	if fen > 0 {
		return nil, ErrNotInHand
	}
	return lines, nil
}
