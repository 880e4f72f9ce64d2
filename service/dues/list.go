package dues

import (
	"cmp"
	"context"
	"fmt"

	"gorm.io/gorm"

	"zhibu/model"
)

// BillFilter chooses bills; zero values choose all that stand.
type BillFilter struct {
	Month    model.Month
	Year     int
	State    model.BillState
	MemberID int64
	Track    model.Track
	Limit    int
	Cursor   string
}

// BillItem is a bill with what a list shows of it. Named says whether the reader is shown the name.
type BillItem struct {
	model.Bill
	Name     string
	UnitName string
	Named    bool
}

func (f BillFilter) apply(tx *gorm.DB) *gorm.DB {
	tx = tx.Scopes(model.InBillState(f.State))
	if f.Month != "" {
		tx = tx.Where("dues_bills.month = ?", f.Month)
	}
	if f.Year != 0 {
		first := model.Month(fmt.Sprintf("%04d-01", f.Year))
		tx = tx.Where("dues_bills.month >= ? AND dues_bills.month <= ?", first, first.Add(11))
	}
	if f.MemberID != 0 {
		tx = tx.Where("dues_bills.member_id = ?", f.MemberID)
	}
	if f.Track != "" {
		tx = tx.Where("dues_bills.track = ?", f.Track)
	}
	return tx
}

// Bills returns the bills of a unit and those below it, the latest month first. Names are for the officers of that very
// branch; with the operator's switch also for those above, and each such look is in the audit.
func (s *Service) Bills(ctx context.Context, actor model.Actor, unitID int64, f BillFilter) (page []BillItem, next string, err error) {
	db := s.db.Read(ctx)
	unit, err := findBooks(db, actor, unitID, model.ReadDues)
	if err != nil {
		return nil, "", err
	}
	if page, next, err = s.bills(db.Scopes(model.Under(unit.Path)), f); err != nil {
		return nil, "", err
	}
	branches, err := unitsUnder(db, unit.Path)
	if err != nil {
		return nil, "", err
	}
	fromAbove := 0
	for i := range page {
		switch own := ownOfficer(actor, branches[page[i].UnitID]); {
		case own:
			page[i].Named = true
		case s.drilldown:
			page[i].Named = true
			fromAbove++
		default:
			page[i].Name = ""
		}
	}
	return page, next, s.logLook(ctx, actor, unit, "dues_bills", fromAbove)
}

func (s *Service) bills(q *gorm.DB, f BillFilter) (page []BillItem, next string, err error) {
	q = q.Table("dues_bills").Joins("JOIN units ON units.id = dues_bills.unit_id").Joins("JOIN members ON members.id = dues_bills.member_id").
		Select("dues_bills.*, members.name, units.name AS unit_name").Scopes(f.apply)
	if f.Cursor != "" {
		last, err := model.ParseCursor(f.Cursor)
		if err != nil {
			return nil, "", err
		}
		month := model.MonthOf(last.At.Date())
		q = q.Where("(dues_bills.month < ? OR dues_bills.month = ? AND dues_bills.id > ?)", month, month, last.ID)
	}
	if err := q.Order("dues_bills.month DESC, dues_bills.id").Limit(f.Limit + 1).Find(&page).Error; err != nil {
		return nil, "", err
	}
	if len(page) > f.Limit {
		page = page[:f.Limit]
		last := page[f.Limit-1]
		next = model.Cursor{At: last.Month.Day(1).Start(), ID: last.ID}.String()
	}
	return page, next, nil
}

// Mine is what a member sees of his own dues.
type Mine struct {
	Bills  []BillItem
	Next   string
	Open   model.Fen // owed by today
	Behind int       // months in a row without a full payment, up to the last dues day
	Paid   model.Fen // in the year asked for, or this one
	Year   int
}

// MyDues returns the actor's own bills, the latest month first, with what he owes.
func (s *Service) MyDues(ctx context.Context, actor model.Actor, f BillFilter) (m Mine, err error) {
	db := s.db.Read(ctx)
	f.MemberID = actor.MemberID
	if actor.MemberID == 0 {
		f.MemberID = -1 // a console account owes nothing
	}
	if m.Bills, m.Next, err = s.bills(db, f); err != nil {
		return m, err
	}
	for i := range m.Bills {
		m.Bills[i].Named = true
	}
	today := s.today()
	var bills []model.Bill
	if err := db.Where("member_id = ? AND voided_id = 0 AND due_on <= ?", f.MemberID, today).Order("month DESC").Find(&bills).Error; err != nil {
		return m, err
	}
	for _, b := range bills {
		m.Open += b.OpenFen()
	}
	m.Behind = behind(bills, today)
	m.Year = cmp.Or(f.Year, model.MonthOf(today).Year())
	err = db.Model(&model.Payment{}).Where("member_id = ? AND reversed_id = 0 AND paid_on >= ? AND paid_on < ?", f.MemberID,
		fmt.Sprintf("%04d-01-01", m.Year), fmt.Sprintf("%04d-01-01", m.Year+1)).Select("COALESCE(SUM(amount_fen + voluntary_fen), 0)").Scan(&m.Paid).Error
	return m, err
}

// maxTodo bounds the list of what a member has before him.
const maxTodo = 50

// Todo returns the actor's bills whose dues day has come and that are not paid in full, the oldest month first.
func (s *Service) Todo(ctx context.Context, actor model.Actor) (bills []BillItem, err error) {
	if actor.MemberID == 0 {
		return nil, nil
	}
	err = s.db.Read(ctx).Table("dues_bills").Joins("JOIN units ON units.id = dues_bills.unit_id").
		Joins("JOIN members ON members.id = dues_bills.member_id").Select("dues_bills.*, members.name, units.name AS unit_name").
		Where("dues_bills.member_id = ? AND voided_id = 0 AND paid_fen < amount_fen AND due_on <= ?", actor.MemberID, s.today()).
		Order("dues_bills.month, dues_bills.id").Limit(maxTodo).Find(&bills).Error
	for i := range bills {
		bills[i].Named = true
	}
	return bills, err
}

// PaymentFilter chooses payments; zero values choose all.
type PaymentFilter struct {
	Year     int
	MemberID int64
	Method   model.PayMethod
	Limit    int
	Cursor   string
}

// Payments returns the payments of a unit and those below it, reversed ones included, the latest first. Names are for the
// officers of the branch.
func (s *Service) Payments(ctx context.Context, actor model.Actor, unitID int64, f PaymentFilter) (page []Paid, next string, err error) {
	db := s.db.Read(ctx)
	unit, err := findBooks(db, actor, unitID, model.ReadDues)
	if err != nil {
		return nil, "", err
	}
	q := db.Model(&model.Payment{}).Scopes(inUnit("dues_payments", unit))
	if f.Year != 0 {
		q = q.Where("paid_on >= ? AND paid_on < ?", fmt.Sprintf("%04d-01-01", f.Year), fmt.Sprintf("%04d-01-01", f.Year+1))
	}
	if f.MemberID != 0 {
		q = q.Where("dues_payments.member_id = ?", f.MemberID)
	}
	if f.Method != "" {
		q = q.Where("dues_payments.method = ?", f.Method)
	}
	rows, next, err := model.FindPage(q, "dues_payments.created_at", "dues_payments.id", f.Limit, f.Cursor, func(p model.Payment) model.Cursor {
		return model.Cursor{At: p.CreatedAt, ID: p.ID}
	})
	if err != nil {
		return nil, "", err
	}
	page = make([]Paid, len(rows))
	for i, p := range rows {
		page[i].Payment = p
	}
	if err := loadGiven(db, page); err != nil {
		return nil, "", err
	}
	return page, next, namePayers(db, actor, page)
}

// namePayers fills in the names that the actor is shown.
func namePayers(tx *gorm.DB, actor model.Actor, page []Paid) error {
	var rows []struct {
		model.Unit
		MemberID   int64
		MemberName string
	}
	ids := []int64{0}
	for _, p := range page {
		ids = append(ids, p.ID)
	}
	err := tx.Table("dues_payments").Joins("JOIN units ON units.id = dues_payments.unit_id").
		Joins("JOIN members ON members.id = dues_payments.member_id").Where("dues_payments.id IN ?", ids).
		Select("DISTINCT units.*, members.id AS member_id, members.name AS member_name").Find(&rows).Error
	for i := range page {
		for _, r := range rows {
			if r.MemberID == page[i].MemberID && r.ID == page[i].UnitID && ownOfficer(actor, r.Unit) {
				page[i].MemberName = r.MemberName
			}
		}
	}
	return err
}
