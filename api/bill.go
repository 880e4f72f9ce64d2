package api

import (
	"context"
	"net/http"

	"zhibu/model"
	"zhibu/service/dues"
)

func (s *server) billRoutes() []route {
	const tag = "dues"
	return []route{
		{method: http.MethodPost, path: "/units/{id}/dues/bills", role: org, name: "make-dues-bills", tag: tag,
			summary: "生成某月应缴，重复执行不重复生成", mount: handle(s.makeBills), watched: true},
		{method: http.MethodGet, path: "/units/{id}/dues/bills", role: org, name: "list-dues-bills", tag: tag,
			summary: "应缴明细", mount: handle(s.listBills)},
		{method: http.MethodPost, path: "/dues/bills/{id}/void", role: org, name: "void-dues-bill", tag: tag,
			summary: "作废有误且未缴纳的应缴", mount: handle(s.voidBill), watched: true},
		{method: http.MethodGet, path: "/me/dues", role: mini, name: "list-my-dues", tag: tag, summary: "我的党费、团费", mount: handle(s.listMyDues)},
		{method: http.MethodGet, path: "/units/{id}/dues/arrears", role: org, name: "list-dues-arrears", tag: tag,
			summary: "欠缴情况，仅供核实提醒", mount: handle(s.listArrears)},
	}
}

type makeBillsInput struct {
	IDInput
	Body struct {
		Month model.Month `json:"month" maxLength:"7" doc:"YYYY-MM"`
	}
}

type billingOutput struct {
	Body struct {
		Created    int `json:"created"`
		Existing   int `json:"existing"`
		Unassessed int `json:"unassessed" doc:"on the roster and nobody has fixed the amount: see /units/{id}/dues/assessments?missing=true"`
	}
}

func (s *server) makeBills(ctx context.Context, in *makeBillsInput) (*billingOutput, error) {
	b, err := s.Dues.Bill(ctx, actorOf(ctx), in.ID, in.Body.Month)
	if err != nil {
		return nil, err
	}
	out := &billingOutput{}
	out.Body.Created, out.Body.Existing, out.Body.Unassessed = b.Created, b.Existing, b.Unassessed
	return out, nil
}

// BillQuery chooses bills.
type BillQuery struct {
	PageInput
	Month model.Month     `query:"month" pattern:"^[0-9]{4}-(0[1-9]|1[0-2])$" doc:"YYYY-MM"`
	Year  int             `query:"year" minimum:"2000" maximum:"2099"`
	State model.BillState `query:"state" enum:"open,part_paid,paid,exempt,voided" doc:"all but the voided when absent"`
	Track model.Track     `query:"track" enum:"party,league"`
}

func (q BillQuery) filter() dues.BillFilter {
	return dues.BillFilter{Month: q.Month, Year: q.Year, State: q.State, Track: q.Track, Limit: q.Limit, Cursor: q.Cursor}
}

type listBillsInput struct {
	IDInput
	BillQuery
	MemberID int64 `query:"member_id" minimum:"1"`
}

type billBody struct {
	ID          int64           `json:"id"`
	MemberID    int64           `json:"member_id"`
	Name        *string         `json:"name" doc:"null above the branch"`
	UnitID      int64           `json:"unit_id"`
	UnitName    string          `json:"unit_name"`
	Track       model.Track     `json:"track" enum:"party,league"`
	Month       model.Month     `json:"month"`
	DueOn       *string         `json:"due_on" doc:"the dues day (党费日)"`
	AssessedFen model.Fen       `json:"assessed_fen" doc:"before an exemption"`
	AmountFen   model.Fen       `json:"amount_fen"`
	PaidFen     model.Fen       `json:"paid_fen"`
	State       model.BillState `json:"state" enum:"open,part_paid,paid,exempt,voided"`
	VoidReason  string          `json:"void_reason,omitempty"`
}

func billBodyOf(b dues.BillItem) billBody {
	body := billBody{
		ID: b.ID, MemberID: b.MemberID, UnitID: b.UnitID, UnitName: b.UnitName, Track: b.Track, Month: b.Month, DueOn: day(b.DueOn),
		AssessedFen: b.AssessedFen, AmountFen: b.AmountFen, PaidFen: b.PaidFen, State: b.State(), VoidReason: b.VoidReason,
	}
	if b.Named {
		body.Name = &b.Name
	}
	return body
}

func billBodies(items []dues.BillItem) []billBody {
	bodies := make([]billBody, len(items))
	for i, b := range items {
		bodies[i] = billBodyOf(b)
	}
	return bodies
}

type billsOutput struct {
	Body struct {
		Items      []billBody `json:"items"`
		NextCursor *string    `json:"next_cursor"`
	}
}

func (s *server) listBills(ctx context.Context, in *listBillsInput) (*billsOutput, error) {
	f := in.filter()
	f.MemberID = in.MemberID
	page, next, err := s.Dues.Bills(ctx, actorOf(ctx), in.ID, f)
	if err != nil {
		return nil, err
	}
	out := &billsOutput{}
	out.Body.Items, out.Body.NextCursor = billBodies(page), cursor(next)
	return out, nil
}

type billOutput struct{ Body billBody }

func (s *server) voidBill(ctx context.Context, in *ReasonInput) (*billOutput, error) {
	b, err := s.Dues.VoidBill(ctx, actorOf(ctx), in.ID, in.Body.Reason)
	if err != nil {
		return nil, err
	}
	return &billOutput{Body: billBodyOf(dues.BillItem{Bill: b})}, nil
}

type myDuesOutput struct {
	Body struct {
		Items        []billBody `json:"items"`
		NextCursor   *string    `json:"next_cursor"`
		OpenFen      model.Fen  `json:"open_fen" doc:"owed by today"`
		MonthsBehind int        `json:"months_behind" doc:"in a row, up to the last dues day"`
		Warning      *string    `json:"warning" doc:"from three months on"`
		Year         int        `json:"year"`
		PaidFen      model.Fen  `json:"paid_fen" doc:"paid on days of the year, voluntary parts included"`
	}
}

func (s *server) listMyDues(ctx context.Context, in *BillQuery) (*myDuesOutput, error) {
	m, err := s.Dues.MyDues(ctx, actorOf(ctx), in.filter())
	if err != nil {
		return nil, err
	}
	out := &myDuesOutput{}
	b := &out.Body
	b.Items, b.NextCursor = billBodies(m.Bills), cursor(m.Next)
	b.OpenFen, b.MonthsBehind, b.Warning, b.Year, b.PaidFen = m.Open, m.Behind, orNil(dues.Warning(m.Behind)), m.Year, m.Paid
	return out, nil
}

type listArrearsInput struct {
	IDInput
	Months int `query:"months" minimum:"0" maximum:"24" doc:"at least so many months in a row; everybody with something overdue when absent"`
}

type arrearsMember struct {
	MemberID int64       `json:"member_id"`
	Name     string      `json:"name"`
	Months   int         `json:"months" doc:"in a row, up to the last dues day"`
	Bills    int         `json:"bills" doc:"overdue in all"`
	Since    model.Month `json:"since"`
	OpenFen  model.Fen   `json:"open_fen"`
	Warning  *string     `json:"warning" doc:"from three months on; nothing ever follows by itself"`
}

type arrearsBranch struct {
	UnitID   int64           `json:"unit_id"`
	UnitName string          `json:"unit_name"`
	Members  int             `json:"members"`
	OpenFen  model.Fen       `json:"open_fen"`
	Items    []arrearsMember `json:"items" doc:"empty above the branch"`
}

type arrearsOutput struct {
	Body struct {
		AsOf     *string         `json:"as_of"`
		Branches []arrearsBranch `json:"branches"`
	}
}

func (s *server) listArrears(ctx context.Context, in *listArrearsInput) (*arrearsOutput, error) {
	a, err := s.Dues.Arrears(ctx, actorOf(ctx), in.ID, in.Months)
	if err != nil {
		return nil, err
	}
	out := &arrearsOutput{}
	out.Body.AsOf, out.Body.Branches = day(a.AsOf), make([]arrearsBranch, len(a.Branches))
	for i, b := range a.Branches {
		branch := arrearsBranch{UnitID: b.Unit.ID, UnitName: b.Unit.Name, Members: b.Members, OpenFen: b.Open, Items: []arrearsMember{}}
		for _, m := range b.Behind {
			branch.Items = append(branch.Items, arrearsMember{
				MemberID: m.MemberID, Name: m.Name, Months: m.Months, Bills: m.Bills, Since: m.Since, OpenFen: m.Open, Warning: orNil(m.Warning),
			})
		}
		out.Body.Branches[i] = branch
	}
	return out, nil
}
