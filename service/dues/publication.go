package dues

import (
	"context"
	"fmt"
	"slices"
	"strings"

	"gorm.io/gorm"

	"zhibu/model"
	"zhibu/office"
)

// Publication (党费公示) is what a branch publishes to its members once a year: who has paid for which months.
type Publication struct {
	Unit    model.Unit
	Year    int
	Amounts bool // the setting of the organisation: dues.publish_amounts
	Named   bool // above the branch there are totals
	Members int
	Paid    model.Fen
	Items   []Published
}

// Published is one member with the months he has paid for in full, or is exempt from.
type Published struct {
	MemberID int64
	Name     string
	Months   []model.Month
	Paid     model.Fen // 0 unless amounts are published
}

// Publish returns the publication of a year: to the members of the branch and whoever reads its dues. Names are for the
// branch itself.
func (s *Service) Publish(ctx context.Context, actor model.Actor, unitID int64, year int) (p Publication, err error) {
	db := s.db.Read(ctx)
	p.Year = year
	if p.Unit, err = model.SeenUnit(db, actor, unitID); err != nil {
		return p, err
	}
	member := actor.Belongs(p.Unit)
	if !member && !actor.May(model.ReadDues, p.Unit.Path) {
		return p, model.ErrForbidden
	}
	if p.Unit.Branch() != p.Unit.Path {
		return p, ErrNoBooks
	}
	settings, err := model.LoadSettings(db, p.Unit, s.today())
	if err != nil {
		return p, err
	}
	p.Amounts = settings.Bool(model.SettingShowAmounts)
	p.Named = member || ownOfficer(actor, p.Unit)
	rows, err := yearOf(db, p.Unit, year)
	if err != nil {
		return p, err
	}
	for _, r := range rows {
		p.Members++
		p.Paid += r.paid()
		if !p.Named {
			continue
		}
		item := Published{MemberID: r.memberID, Name: r.name, Months: r.settled()}
		if p.Amounts {
			item.Paid = r.paid()
		}
		p.Items = append(p.Items, item)
	}
	if !p.Amounts && !actor.May(model.ReadDues, p.Unit.Path) {
		p.Paid = 0
	}
	return p, nil
}

// PublicationSheet is the publication to be put on the wall (.xlsx): name and months, and the amount where the
// organisation publishes it.
func (s *Service) PublicationSheet(ctx context.Context, actor model.Actor, unitID int64, year int) (name string, content []byte, err error) {
	p, err := s.Publish(ctx, actor, unitID, year)
	if err != nil {
		return "", nil, err
	}
	what := p.Unit.Kind.Track().DuesName()
	sheet := office.Sheet{
		Name: "公示", Head: []string{fmt.Sprintf("%s %d年%s公示", p.Unit.Name, year, what), fmt.Sprintf("共%d人", p.Members)},
		Columns: []office.Column{{Name: "序号", Width: 6, Format: office.Number}, {Name: "姓名", Width: 16}, {Name: "已缴月份", Width: 46}},
	}
	if p.Amounts {
		sheet.Columns = append(sheet.Columns, office.Column{Name: "金额(元)", Width: 12, Format: office.Percent2})
	}
	for i, m := range p.Items {
		row := []any{i + 1, m.Name, monthsText(m.Months)}
		if p.Amounts {
			row = append(row, m.Paid.Yuan())
		}
		sheet.Rows = append(sheet.Rows, row)
	}
	content, err = office.Workbook(sheet)
	return fmt.Sprintf("%s公示-%d-%s.xlsx", what, year, p.Unit.Name), content, err
}

// monthsText is a list of months of one year as it is read: 1—6月、8月.
func monthsText(months []model.Month) string {
	var parts []string
	for i := 0; i < len(months); {
		n := i
		for n+1 < len(months) && months[n+1] == months[n].Add(1) {
			n++
		}
		first, last := int(months[i].Since(months[i][:4]+"-01"))+1, int(months[n].Since(months[n][:4]+"-01"))+1
		if first == last {
			parts = append(parts, fmt.Sprintf("%d月", first))
		} else {
			parts = append(parts, fmt.Sprintf("%d—%d月", first, last))
		}
		i = n + 1
	}
	return strings.Join(parts, "、")
}

// memberYear is the year of one member.
type memberYear struct {
	memberID int64
	name     string
	bills    []model.Bill // by month
}

func (m memberYear) sum(of func(model.Bill) model.Fen) (sum model.Fen) {
	for _, b := range m.bills {
		sum += of(b)
	}
	return sum
}

func (m memberYear) paid() model.Fen { return m.sum(func(b model.Bill) model.Fen { return b.PaidFen }) }

func (m memberYear) due() model.Fen {
	return m.sum(func(b model.Bill) model.Fen { return b.AmountFen })
}

// settled are the months on which nothing is open.
func (m memberYear) settled() []model.Month {
	months := []model.Month{}
	for _, b := range m.bills {
		if b.OpenFen() == 0 && !slices.Contains(months, b.Month) {
			months = append(months, b.Month)
		}
	}
	return months
}

// yearOf returns the bills of a year in a unit, by member in the order of the names.
func yearOf(tx *gorm.DB, unit model.Unit, year int) ([]memberYear, error) {
	first := model.Month(fmt.Sprintf("%04d-01", year))
	var bills []BillItem
	err := tx.Table("dues_bills").Joins("JOIN members ON members.id = dues_bills.member_id").
		Select("dues_bills.*, members.name").Scopes(inUnit("dues_bills", unit)).
		Where("voided_id = 0 AND month >= ? AND month <= ?", first, first.Add(11)).
		Order("members.name_sort, dues_bills.member_id, dues_bills.month").Find(&bills).Error
	var rows []memberYear
	for _, b := range bills {
		if n := len(rows); n == 0 || rows[n-1].memberID != b.MemberID {
			rows = append(rows, memberYear{memberID: b.MemberID, name: b.Name})
		}
		last := &rows[len(rows)-1]
		last.bills = append(last.bills, b.Bill)
	}
	return rows, err
}
