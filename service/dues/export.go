package dues

import (
	"cmp"
	"context"
	"fmt"
	"strings"

	"gorm.io/gorm"

	"zhibu/model"
	"zhibu/office"
)

// ledgerColumns are those of the paper ledger (党费收缴台账, DOMAIN.md §17).
var ledgerColumns = []office.Column{
	{Name: "序号", Width: 6, Format: office.Number}, {Name: "党员姓名", Width: 14}, {Name: "月工资收入", Width: 12, Format: office.Percent2},
	{Name: "执行标准", Width: 26}, {Name: "月应缴", Width: 10, Format: office.Percent2}, {Name: "全年应缴", Width: 12, Format: office.Percent2},
	{Name: "全年实缴", Width: 12, Format: office.Percent2}, {Name: "备注", Width: 36},
}

// Workbook is the ledger of a unit over a year (.xlsx): a row for each member, or above the branch for each branch; the
// months with room for the signature of who took the money; and what was sent up. The totals add up by themselves.
func (s *Service) Workbook(ctx context.Context, actor model.Actor, unitID int64, year int) (name string, content []byte, err error) {
	db := s.db.Read(ctx)
	unit, err := findBooks(db, actor, unitID, model.ReadDues)
	if err != nil {
		return "", nil, err
	}
	st, err := s.statement(db, unit, year)
	if err != nil {
		return "", nil, err
	}
	named := ownOfficer(actor, unit) || s.drilldown
	rows, err := s.ledgerRows(db, actor, unit, year, named)
	if err != nil {
		return "", nil, err
	}
	remitted, err := remittanceSheet(db, st)
	if err != nil {
		return "", nil, err
	}
	fromAbove := 0
	if named && !ownOfficer(actor, unit) {
		fromAbove = len(rows)
	}
	now := model.At(s.now())
	err = s.db.Write(ctx, func(tx *gorm.DB) error {
		return model.Audit(tx, actor, now, model.Deed{Action: "dues_ledger.export", Unit: unit, SubjectID: unit.ID, After: map[string]any{
			"year": year, "rows": len(rows), "names_from_above": fromAbove,
		}})
	})
	if err != nil {
		return "", nil, err
	}
	head := st.head(actor)
	content, err = office.Workbook(ledgerSheet(head, rows, st, named), monthSheet(head, rows, st, named), remitted)
	return fmt.Sprintf("%s收缴台账-%d-%s.xlsx", st.what(), year, unit.Name), content, err
}

func (st Statement) what() string { return st.Unit.Kind.Track().DuesName() }

func (st Statement) head(actor model.Actor) []string {
	return []string{
		fmt.Sprintf("%s %d年%s收缴台账", st.Unit.Name, st.Year, st.what()),
		st.Assertion(),
		fmt.Sprintf("单位：元    应缴%s，已缴%s    本年收缴%s（自愿多交%s，退款%s），上缴%s，差额%s    截至%s    导出人：%s",
			st.Assessed, st.Settled, st.Collected(), st.Voluntary, st.Refunded, st.Remitted, st.Difference(),
			st.AsOf.Time().Format("2006-01-02 15:04"), cmp.Or(actor.Name, actor.Ref())),
	}
}

// ledgerRow is a member, or a branch, over a year.
type ledgerRow struct {
	name     string
	base     *model.Fen
	standard string
	monthly  model.Fen
	due      model.Fen
	paid     model.Fen
	months   [12]*model.Fen // paid; nil where nothing was owed
	note     string
}

func (s *Service) ledgerRows(tx *gorm.DB, actor model.Actor, unit model.Unit, year int, named bool) ([]ledgerRow, error) {
	if !named {
		return branchRows(tx, unit, year)
	}
	members, err := yearOf(tx, unit, year)
	if err != nil {
		return nil, err
	}
	assessments, err := s.assessmentsOf(tx, members)
	if err != nil {
		return nil, err
	}
	rows := make([]ledgerRow, len(members))
	for i, m := range members {
		last := m.bills[len(m.bills)-1]
		a := assessments[last.AssessmentID]
		rows[i] = ledgerRow{
			name: m.name, standard: standardText(a), monthly: last.AssessedFen, due: m.due(), paid: m.paid(), note: m.note(),
		}
		for _, b := range m.bills {
			paid := b.PaidFen
			if at := &rows[i].months[b.Month.Since(model.Month(fmt.Sprintf("%04d-01", year)))]; *at == nil {
				*at = &paid
			} else {
				**at += paid
			}
		}
		if a.BaseSealed != "" && actor.May(model.WriteDues, unit.Path) {
			base, err := s.base(a)
			if err != nil {
				return nil, err
			}
			rows[i].base = &base
		}
	}
	return rows, nil
}

// assessmentsOf reads the assessments behind the last bills.
func (s *Service) assessmentsOf(tx *gorm.DB, members []memberYear) (map[int64]model.Assessment, error) {
	byID := map[int64]model.Assessment{}
	ids := []int64{0}
	for _, m := range members {
		ids = append(ids, m.bills[len(m.bills)-1].AssessmentID)
	}
	for len(ids) > 0 {
		n := min(len(ids), 500)
		var rows []model.Assessment
		if err := tx.Where("id IN ?", ids[:n]).Find(&rows).Error; err != nil {
			return nil, err
		}
		for _, r := range rows {
			byID[r.ID] = r
		}
		ids = ids[n:]
	}
	return byID, nil
}

// standardText is what somebody pays by: 有固定收入 1.5%.
func standardText(a model.Assessment) string {
	if a.RateBP == 0 {
		return a.Category.Name()
	}
	return a.Category.Name() + " " + model.RateText(a.RateBP)
}

// note says what is unusual in a year: months exempted and months open.
func (m memberYear) note() string {
	exempt, open := 0, 0
	for _, b := range m.bills {
		if b.ExemptionID != nil {
			exempt++
		}
		if b.OpenFen() > 0 {
			open++
		}
	}
	var notes []string
	if exempt > 0 {
		notes = append(notes, fmt.Sprintf("减免%d个月", exempt))
	}
	if open > 0 {
		notes = append(notes, fmt.Sprintf("%d个月未缴清", open))
	}
	return strings.Join(notes, "，")
}

// branchRows are the rows for a reader above the branches: a branch each.
func branchRows(tx *gorm.DB, unit model.Unit, year int) ([]ledgerRow, error) {
	first := model.Month(fmt.Sprintf("%04d-01", year))
	var sums []struct {
		Name  string
		ID    int64
		Month model.Month
		Due   model.Fen
		Paid  model.Fen
		Heads int
	}
	err := tx.Model(&model.Bill{}).Scopes(inUnit("dues_bills", unit)).Where("voided_id = 0 AND month >= ? AND month <= ?", first, first.Add(11)).
		Select("units.name, units.id, month, SUM(amount_fen) AS due, SUM(paid_fen) AS paid, COUNT(*) AS heads").
		Group("units.name, units.id, units.code, month").Order("units.code, units.id, month").Find(&sums).Error
	var rows []ledgerRow
	last := int64(0)
	for _, m := range sums {
		if m.ID != last {
			rows = append(rows, ledgerRow{name: m.Name})
			last = m.ID
		}
		r := &rows[len(rows)-1]
		r.monthly, r.note = m.Due, fmt.Sprintf("%d人", m.Heads)
		r.due += m.Due
		r.paid += m.Paid
		r.months[m.Month.Since(first)] = &m.Paid
	}
	return rows, err
}

func ledgerSheet(head []string, rows []ledgerRow, st Statement, named bool) office.Sheet {
	sheet := office.Sheet{Name: "台账", Head: head, Columns: ledgerColumns, Totals: 1, FreezeColumns: 2}
	if st.Unit.Kind.Track() == model.League || !named {
		columns := append([]office.Column(nil), ledgerColumns...)
		columns[1].Name = "团员姓名"
		if !named {
			columns[1] = office.Column{Name: "支部", Width: 30}
		}
		sheet.Columns = columns
	}
	for i, r := range rows {
		var base any
		if r.base != nil {
			base = r.base.Yuan()
		}
		sheet.Rows = append(sheet.Rows, []any{i + 1, r.name, base, r.standard, r.monthly.Yuan(), r.due.Yuan(), r.paid.Yuan(), r.note})
	}
	sheet.Rows = append(sheet.Rows, []any{nil, "合计", nil, "", nil, office.Sum(st.Assessed.Yuan()), office.Sum(st.Settled.Yuan()), ""})
	return sheet
}

func monthSheet(head []string, rows []ledgerRow, st Statement, named bool) office.Sheet {
	sheet := office.Sheet{Name: "按月", Head: head[:1], Totals: 1, FreezeColumns: 2, Columns: []office.Column{
		{Name: "序号", Width: 6, Format: office.Number}, {Name: "姓名", Width: 14},
	}}
	if !named {
		sheet.Columns[1] = office.Column{Name: "支部", Width: 30}
	}
	for m := 1; m <= 12; m++ {
		sheet.Columns = append(sheet.Columns, office.Column{Name: fmt.Sprintf("%d月", m), Width: 9, Format: office.Percent2})
	}
	sheet.Columns = append(sheet.Columns, office.Column{Name: "合计", Width: 11, Format: office.Percent2}, office.Column{Name: "收款人签名", Width: 14})
	var sums [12]model.Fen
	for i, r := range rows {
		cells := []any{i + 1, r.name}
		for m, paid := range r.months {
			if paid == nil {
				cells = append(cells, nil)
				continue
			}
			cells = append(cells, paid.Yuan())
			sums[m] += *paid
		}
		sheet.Rows = append(sheet.Rows, append(cells, r.paid.Yuan(), ""))
	}
	total := []any{nil, "合计"}
	for _, sum := range sums {
		total = append(total, office.Sum(sum.Yuan()))
	}
	sheet.Rows = append(sheet.Rows, append(total, office.Sum(st.Settled.Yuan()), ""))
	return sheet
}

// remittanceSheet is what left the unit for the year (党费上缴明细); what was reversed, or went from one unit of the statement
// to another, is left out.
func remittanceSheet(tx *gorm.DB, st Statement) (office.Sheet, error) {
	sheet := office.Sheet{Name: "上缴明细", Head: []string{fmt.Sprintf("%s %d年%s上缴明细", st.Unit.Name, st.Year, st.what())}, Totals: 1, Columns: []office.Column{
		{Name: "单位", Width: 30}, {Name: "所属期", Width: 12}, {Name: "人数", Width: 8, Format: office.Number},
		{Name: "金额(元)", Width: 14, Format: office.Percent2}, {Name: "收款单位", Width: 26}, {Name: "缴款日期", Width: 13}, {Name: "收据号", Width: 18},
	}}
	var rows []struct {
		model.Remittance
		UnitName string
	}
	below := tx.Session(&gorm.Session{NewDB: true}).Table("units AS inside").Select("inside.id").Where("inside.path LIKE ?", st.Unit.Path+"%")
	err := tx.Model(&model.Remittance{}).Scopes(inUnit("dues_remittances", st.Unit)).Where("year = ? AND reversed_id = 0", st.Year).
		Where("to_unit_id IS NULL OR to_unit_id NOT IN (?)", below).
		Select("dues_remittances.*, units.name AS unit_name").Order("paid_on, dues_remittances.id").Find(&rows).Error
	sum := model.Fen(0)
	for _, r := range rows {
		receipt := ""
		if r.ReceiptNo != nil {
			receipt = *r.ReceiptNo
		}
		sheet.Rows = append(sheet.Rows, []any{
			r.UnitName, r.Period, r.Heads, r.AmountFen.Yuan(), r.Recipient, string(r.PaidOn), receipt,
		})
		sum += r.AmountFen
	}
	sheet.Rows = append(sheet.Rows, []any{"合计", "", nil, office.Sum(sum.Yuan())})
	return sheet, err
}
