package api

import (
	"context"
	"net/http"
	"time"

	"zhibu/model"
	"zhibu/service/dues"
)

func (s *server) statementRoutes() []route {
	const tag = "dues"
	return []route{
		{method: http.MethodGet, path: "/units/{id}/dues/statement", role: org, name: "read-dues-statement", tag: tag,
			summary: "收缴、上缴情况", mount: handle(s.readStatement)},
		{method: http.MethodGet, path: "/units/{id}/dues/statement.xlsx", role: org, name: "export-dues-ledger", tag: tag,
			summary: "党费收缴台账", mount: handle(s.exportLedger)},
		{method: http.MethodGet, path: "/units/{id}/dues/publication", role: mini, name: "read-dues-publication", tag: tag,
			summary: "党费公示", mount: handle(s.readPublication)},
		{method: http.MethodGet, path: "/units/{id}/dues/publication.xlsx", role: mini, name: "export-dues-publication", tag: tag,
			summary: "党费公示表", mount: handle(s.exportPublication)},
		{method: http.MethodGet, path: "/units/{id}/dues/entries", role: org, name: "list-dues-entries", tag: tag,
			summary: "总账分录：每笔资金往来", mount: handle(s.listEntries)},
	}
}

// YearInput asks for a unit over a year.
type YearInput struct {
	IDInput
	Year int `query:"year" minimum:"2000" maximum:"2099" doc:"this one when absent"`
}

// year is the one asked for, or this one.
func (s *server) year(in *YearInput) int {
	if in.Year != 0 {
		return in.Year
	}
	return s.Now().In(model.Shanghai).Year()
}

type statementMonth struct {
	Month       model.Month `json:"month"`
	Bills       int         `json:"bills"`
	Open        int         `json:"open" doc:"bills not paid in full"`
	AssessedFen model.Fen   `json:"assessed_fen"`
	PaidFen     model.Fen   `json:"paid_fen"`
}

type arrearsAge struct {
	FromMonths int       `json:"from_months"`
	ToMonths   *int      `json:"to_months" doc:"null: and more"`
	Members    int       `json:"members"`
	Bills      int       `json:"bills"`
	AmountFen  model.Fen `json:"amount_fen"`
}

type inHandBody struct {
	CashFen      model.Fen `json:"cash_fen"`
	BankFen      model.Fen `json:"bank_fen"`
	WechatFen    model.Fen `json:"wechat_fen"`
	RefundingFen model.Fen `json:"refunding_fen"`
	TotalFen     model.Fen `json:"total_fen"`
}

type heldBody struct {
	UnitID     int64               `json:"unit_id"`
	UnitName   string              `json:"unit_name"`
	Account    model.LedgerAccount `json:"account" enum:"cash,bank,wechat,refunding"`
	Holder     *string             `json:"holder" doc:"of cash: member:<id> or account:<id>"`
	HolderName *string             `json:"holder_name"`
	AmountFen  model.Fen           `json:"amount_fen"`
}

type statementOutput struct {
	Body struct {
		UnitID        int64            `json:"unit_id"`
		UnitName      string           `json:"unit_name"`
		Year          int              `json:"year"`
		AsOf          *time.Time       `json:"as_of"`
		AssessedFen   model.Fen        `json:"assessed_fen" doc:"owed for the months of the year, exemptions taken off"`
		ExemptedFen   model.Fen        `json:"exempted_fen" doc:"what exemptions took off"`
		SettledFen    model.Fen        `json:"settled_fen" doc:"of the assessed, what is paid by now"`
		PaidFen       model.Fen        `json:"paid_fen" doc:"paid by members on days of the year"`
		VoluntaryFen  model.Fen        `json:"voluntary_fen" doc:"of the paid"`
		RefundedFen   model.Fen        `json:"refunded_fen"`
		CollectedFen  model.Fen        `json:"collected_fen" doc:"paid less refunded"`
		RemittedFen   model.Fen        `json:"remitted_fen" doc:"sent up for periods of the year"`
		DifferenceFen model.Fen        `json:"difference_fen" doc:"collected less remitted"`
		InHand        inHandBody       `json:"in_hand" doc:"now, of whatever year"`
		Held          []heldBody       `json:"held" doc:"the same by place, and cash by holder: the difference, named"`
		FullyRemitted bool             `json:"fully_remitted" doc:"全额上缴 can be said"`
		Assertion     string           `json:"assertion" doc:"the sentence for the annual summary, or what stands against it"`
		Months        []statementMonth `json:"months"`
		Arrears       []arrearsAge     `json:"arrears" doc:"what is overdue today, by age"`
	}
}

func (s *server) readStatement(ctx context.Context, in *YearInput) (*statementOutput, error) {
	st, err := s.Dues.Statement(ctx, actorOf(ctx), in.ID, s.year(in))
	if err != nil {
		return nil, err
	}
	out := &statementOutput{}
	b := &out.Body
	b.UnitID, b.UnitName, b.Year, b.AsOf = st.Unit.ID, st.Unit.Name, st.Year, stamp(st.AsOf)
	b.AssessedFen, b.ExemptedFen, b.SettledFen = st.Assessed, st.Exempted, st.Settled
	b.PaidFen, b.VoluntaryFen, b.RefundedFen, b.CollectedFen = st.Paid, st.Voluntary, st.Refunded, st.Collected()
	b.RemittedFen, b.DifferenceFen, b.FullyRemitted, b.Assertion = st.Remitted, st.Difference(), st.FullyRemitted(), st.Assertion()
	b.InHand = inHandBody{
		CashFen: st.InHand.Cash, BankFen: st.InHand.Bank, WechatFen: st.InHand.Wechat, RefundingFen: st.InHand.Refunding,
		TotalFen: st.InHand.Total(),
	}
	b.Held = make([]heldBody, len(st.Held))
	for i, h := range st.Held {
		b.Held[i] = heldBody{
			UnitID: h.UnitID, UnitName: h.UnitName, Account: h.Account, Holder: orNil(h.Holder), HolderName: orNil(h.HolderName), AmountFen: h.Fen,
		}
	}
	b.Months, b.Arrears = make([]statementMonth, len(st.Months)), make([]arrearsAge, len(st.Arrears))
	for i, m := range st.Months {
		b.Months[i] = statementMonth{Month: m.Month, Bills: m.Bills, Open: m.Open, AssessedFen: m.Due, PaidFen: m.Paid}
	}
	for i, a := range st.Arrears {
		b.Arrears[i] = arrearsAgeOf(a)
	}
	return out, nil
}

func arrearsAgeOf(a dues.Age) arrearsAge {
	b := arrearsAge{FromMonths: a.From, Members: a.Members, Bills: a.Bills, AmountFen: a.Open}
	if a.To != 0 {
		b.ToMonths = &a.To
	}
	return b
}

func (s *server) exportLedger(ctx context.Context, in *YearInput) (*file, error) {
	name, content, err := s.Dues.Workbook(ctx, actorOf(ctx), in.ID, s.year(in))
	return fileOf(xlsxType, name, content, err)
}

type publishedMember struct {
	MemberID int64         `json:"member_id"`
	Name     string        `json:"name"`
	Months   []model.Month `json:"months" doc:"paid in full, or exempt"`
	PaidFen  *model.Fen    `json:"paid_fen" doc:"null unless the organisation publishes amounts"`
}

type publicationOutput struct {
	Body struct {
		UnitID   int64             `json:"unit_id"`
		UnitName string            `json:"unit_name"`
		Year     int               `json:"year"`
		Members  int               `json:"members"`
		PaidFen  *model.Fen        `json:"paid_fen" doc:"null for members unless amounts are published"`
		Items    []publishedMember `json:"items" doc:"empty above the branch"`
	}
}

func (s *server) readPublication(ctx context.Context, in *YearInput) (*publicationOutput, error) {
	p, err := s.Dues.Publish(ctx, actorOf(ctx), in.ID, s.year(in))
	if err != nil {
		return nil, err
	}
	out := &publicationOutput{}
	b := &out.Body
	b.UnitID, b.UnitName, b.Year, b.Members, b.Items = p.Unit.ID, p.Unit.Name, p.Year, p.Members, make([]publishedMember, len(p.Items))
	if p.Amounts || p.Paid > 0 {
		b.PaidFen = &p.Paid
	}
	for i, m := range p.Items {
		b.Items[i] = publishedMember{MemberID: m.MemberID, Name: m.Name, Months: m.Months}
		if p.Amounts {
			b.Items[i].PaidFen = &p.Items[i].Paid
		}
	}
	return out, nil
}

func (s *server) exportPublication(ctx context.Context, in *YearInput) (*file, error) {
	name, content, err := s.Dues.PublicationSheet(ctx, actorOf(ctx), in.ID, s.year(in))
	return fileOf(xlsxType, name, content, err)
}

type listEntriesInput struct {
	IDInput
	PageInput
	Year int             `query:"year" minimum:"2000" maximum:"2099" doc:"of the statement they belong to"`
	Kind model.EntryKind `query:"kind" enum:"payment,carry,remittance,handover,refund,refunded,refund_failed,reversal"`
}

type entryLine struct {
	UnitID    int64               `json:"unit_id"`
	Account   model.LedgerAccount `json:"account" enum:"cash,bank,wechat,refunding,dues,voluntary,advance,received,remitted,refunded"`
	Holder    *string             `json:"holder" doc:"of cash"`
	AmountFen model.Fen           `json:"amount_fen" doc:"positive where the money is or went, negative where it came from; the lines add up to zero"`
}

type entryBody struct {
	ID         int64           `json:"id"`
	Kind       model.EntryKind `json:"kind" enum:"payment,carry,remittance,handover,refund,refunded,refund_failed,reversal"`
	UnitID     int64           `json:"unit_id"`
	Year       int             `json:"year"`
	OccurredOn *string         `json:"occurred_on"`
	Reason     string          `json:"reason"`
	ReversesID *int64          `json:"reverses_id" doc:"the entry it reverses"`
	CreatedBy  string          `json:"created_by"`
	CreatedAt  *time.Time      `json:"created_at"`
	Lines      []entryLine     `json:"lines"`
}

type entriesOutput struct {
	Body struct {
		Items      []entryBody `json:"items"`
		NextCursor *string     `json:"next_cursor"`
	}
}

func (s *server) listEntries(ctx context.Context, in *listEntriesInput) (*entriesOutput, error) {
	page, next, err := s.Dues.Journal(ctx, actorOf(ctx), in.ID, dues.JournalFilter{Year: in.Year, Kind: in.Kind, Limit: in.Limit, Cursor: in.Cursor})
	if err != nil {
		return nil, err
	}
	out := &entriesOutput{}
	out.Body.Items, out.Body.NextCursor = make([]entryBody, len(page)), cursor(next)
	for i, e := range page {
		b := entryBody{
			ID: e.ID, Kind: e.Kind, UnitID: e.UnitID, Year: e.Year, OccurredOn: day(e.OccurredOn), Reason: e.Reason, ReversesID: e.ReversesID,
			CreatedBy: e.CreatedBy, CreatedAt: stamp(e.CreatedAt), Lines: make([]entryLine, len(e.Lines)),
		}
		for n, l := range e.Lines {
			b.Lines[n] = entryLine{UnitID: l.UnitID, Account: l.Account, Holder: orNil(l.Holder), AmountFen: l.AmountFen}
		}
		out.Body.Items[i] = b
	}
	return out, nil
}
