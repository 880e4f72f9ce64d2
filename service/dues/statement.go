package dues

import (
	"context"
	"fmt"
	"slices"

	"gorm.io/gorm"

	"zhibu/model"
)

// Statement is the account of a unit and all below it on its track over a year.
type Statement struct {
	Unit model.Unit
	Year int
	AsOf model.Instant

	Assessed  model.Fen // owed for the months of the year, exemptions taken off
	Exempted  model.Fen // what the exemptions took off
	Settled   model.Fen // of the assessed, what is paid by now
	Paid      model.Fen // by members, on days of the year: dues, what was paid ahead, and voluntary
	Voluntary model.Fen // of the paid
	Refunded  model.Fen
	Remitted  model.Fen // out of the unit, for periods of the year
	InHand    InHand    // now, of whatever year

	Held    []Held // the same by place, and cash by holder
	Months  []MonthSum
	Arrears []Age
}

// InHand is where the money is now.
type InHand struct {
	Cash, Bank, Wechat, Refunding model.Fen
}

// Total is all of it.
func (h InHand) Total() model.Fen { return h.Cash + h.Bank + h.Wechat + h.Refunding }

// Collected (收缴) is what members paid and did not get back.
func (s Statement) Collected() model.Fen { return s.Paid - s.Refunded }

// Difference is what was collected and not sent up.
func (s Statement) Difference() model.Fen { return s.Collected() - s.Remitted }

// FullyRemitted reports whether 全额上缴 can be said: something was collected and all of it is gone.
func (s Statement) FullyRemitted() bool {
	return s.Collected() > 0 && s.Difference() == 0 && s.InHand.Refunding == 0
}

// Assertion is the sentence of the annual summary, or what stands against it.
func (s Statement) Assertion() string {
	what := s.what()
	switch d := s.Difference(); {
	case s.FullyRemitted():
		return fmt.Sprintf("%d年共收缴%s%s元，已全额上缴。", s.Year, what, s.Collected())
	case s.Collected() == 0 && s.Remitted == 0:
		return fmt.Sprintf("%d年没有收缴%s。", s.Year, what)
	case d > 0:
		return fmt.Sprintf("%d年共收缴%s%s元，已上缴%s元，尚有%s元未上缴。", s.Year, what, s.Collected(), s.Remitted, d)
	case d < 0:
		return fmt.Sprintf("%d年共收缴%s%s元，已上缴%s元，多上缴%s元，请核对所属期。", s.Year, what, s.Collected(), s.Remitted, -d)
	}
	return fmt.Sprintf("%d年共收缴%s%s元，已上缴，另有%s元正在退款。", s.Year, what, s.Collected(), s.InHand.Refunding)
}

// MonthSum is what the bills of a month come to.
type MonthSum struct {
	Month    model.Month
	Bills    int
	Assessed model.Fen // before exemptions
	Due      model.Fen
	Paid     model.Fen
	Open     int // bills not paid in full
}

// Age is what is overdue, by how many months.
type Age struct {
	From, To int // months; To is 0 for all above
	Members  int
	Bills    int
	Open     model.Fen
}

// ages are the steps at which arrears are warned of (DOMAIN.md §20 no. 35): three, and six months; nothing but a warning
// ever follows from them.
var ages = []Age{{From: 0, To: 2}, {From: 3, To: 5}, {From: 6}}

// Statement returns the account of a unit over a year, to whoever may read its dues. Arrears are those of today.
func (s *Service) Statement(ctx context.Context, actor model.Actor, unitID int64, year int) (st Statement, err error) {
	db := s.db.Read(ctx)
	unit, err := findBooks(db, actor, unitID, model.ReadDues)
	if err != nil {
		return st, err
	}
	return s.statement(db, unit, year)
}

func (s *Service) statement(tx *gorm.DB, unit model.Unit, year int) (st Statement, err error) {
	st = Statement{Unit: unit, Year: year, AsOf: model.At(s.now())}
	if err := st.loadBalances(tx); err != nil {
		return st, err
	}
	if err := st.loadMonths(tx); err != nil {
		return st, err
	}
	if st.Held, err = heldIn(tx, unit); err != nil {
		return st, err
	}
	st.Arrears, err = arrearsByAge(tx, unit, st.AsOf.Date())
	return st, err
}

// inUnit keeps the rows of a table of the dues that belong to the unit or one below it on its own track: the League's money
// is never the party's, though its units may stand under one of the party's.
func inUnit(table string, unit model.Unit) func(*gorm.DB) *gorm.DB {
	return func(tx *gorm.DB) *gorm.DB {
		return tx.Joins("JOIN units ON units.id = "+table+".unit_id").Scopes(model.Under(unit.Path)).
			Where("units.kind IN ?", model.UnitKinds(unit.Kind.Track()))
	}
}

func (st *Statement) loadBalances(tx *gorm.DB) error {
	var sums []struct {
		Account model.LedgerAccount
		Fen     model.Fen
	}
	err := tx.Model(&model.Balance{}).Scopes(inUnit("dues_balances", st.Unit)).Where("year IN ?", []int{0, st.Year}).
		Select("account, SUM(amount_fen) AS fen").Group("account").Find(&sums).Error
	for _, b := range sums {
		switch b.Account {
		case model.Cash:
			st.InHand.Cash = b.Fen
		case model.Bank:
			st.InHand.Bank = b.Fen
		case model.WechatPay:
			st.InHand.Wechat = b.Fen
		case model.Refunding:
			st.InHand.Refunding = b.Fen
		case model.DuesPaid, model.Advance:
			st.Paid -= b.Fen
		case model.Voluntary:
			st.Paid -= b.Fen
			st.Voluntary = -b.Fen
		case model.Refunded:
			st.Refunded = b.Fen
		case model.Remitted, model.Received: // what went from one unit of the statement to another cancels out
			st.Remitted += b.Fen
		}
	}
	return err
}

func (st *Statement) loadMonths(tx *gorm.DB) error {
	first := model.Month(fmt.Sprintf("%04d-01", st.Year))
	err := tx.Model(&model.Bill{}).Scopes(inUnit("dues_bills", st.Unit)).
		Where("voided_id = 0 AND month >= ? AND month <= ?", first, first.Add(11)).
		Select(`month, COUNT(*) AS bills, SUM(assessed_fen) AS assessed, SUM(amount_fen) AS due, SUM(paid_fen) AS paid,
			SUM(CASE WHEN paid_fen < amount_fen THEN 1 ELSE 0 END) AS open`).
		Group("month").Order("month").Find(&st.Months).Error
	for _, m := range st.Months {
		st.Assessed += m.Due
		st.Exempted += m.Assessed - m.Due
		st.Settled += m.Paid
	}
	return err
}

// arrearsByAge counts the bills that are overdue on the day.
func arrearsByAge(tx *gorm.DB, unit model.Unit, today model.Date) ([]Age, error) {
	out := slices.Clone(ages)
	this := model.MonthOf(today)
	var sums []struct {
		Age, Members, Bills int
		Open                model.Fen
	}
	err := tx.Model(&model.Bill{}).Scopes(inUnit("dues_bills", unit)).Where("voided_id = 0 AND paid_fen < amount_fen AND due_on < ?", today).
		Select(`CASE WHEN month > ? THEN 0 WHEN month > ? THEN 1 ELSE 2 END AS age, COUNT(DISTINCT member_id) AS members,
			COUNT(*) AS bills, SUM(amount_fen - paid_fen) AS open`, this.Add(-ages[1].From), this.Add(-ages[2].From)).
		Group("age").Find(&sums).Error
	for _, a := range sums {
		out[a.Age].Members, out[a.Age].Bills, out[a.Age].Open = a.Members, a.Bills, a.Open
	}
	return out, err
}
