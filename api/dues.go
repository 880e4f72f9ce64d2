package api

import (
	"context"
	"net/http"
	"slices"

	"zhibu/model"
	"zhibu/service/dues"
)

func (s *server) duesRoutes() []route {
	const tag = "dues"
	return slices.Concat([]route{
		{method: http.MethodGet, path: "/dues/quote", role: mini, name: "quote-dues", tag: tag,
			summary: "试算每月应缴", mount: handle(s.quoteDues)},
		{method: http.MethodGet, path: "/dues/standards", role: mini, name: "list-dues-standards", tag: tag,
			summary: "收缴标准", mount: handle(s.listStandards)},
		{method: http.MethodPost, path: "/dues/standards", role: admin, name: "add-dues-standard", tag: tag, status: http.StatusCreated,
			summary: "公布新标准，从某月起执行", mount: handle(s.addStandard), watched: true},
		{method: http.MethodPut, path: "/members/{id}/dues-assessment", role: org, name: "assess-dues", tag: tag,
			summary: "核定每月应缴", mount: handle(s.assessDues), watched: true},
		{method: http.MethodGet, path: "/members/{id}/dues-assessment", role: mini, name: "list-dues-assessments", tag: tag,
			summary: "历次核定", mount: handle(s.listAssessments)},
		{method: http.MethodPost, path: "/members/{id}/dues-exemptions", role: org, name: "exempt-dues", tag: tag, status: http.StatusCreated,
			summary: "登记经批准的减免", mount: handle(s.exemptDues), watched: true},
		{method: http.MethodGet, path: "/members/{id}/dues-exemptions", role: mini, name: "list-dues-exemptions", tag: tag,
			summary: "历次减免", mount: handle(s.listDuesExemptions)},
		{method: http.MethodDelete, path: "/members/{id}/dues-exemptions/{exemption_id}", role: org, name: "withdraw-dues-exemption", tag: tag,
			summary: "撤销登记有误的减免", mount: handle(s.withdrawDuesExemption), watched: true},
		{method: http.MethodGet, path: "/units/{id}/dues/assessments", role: org, name: "plan-dues", tag: tag,
			summary: "名册与核定情况（一月核定用）", mount: handle(s.planDues)},
	}, s.billRoutes(), s.paymentRoutes(), s.orderRoutes(), s.statementRoutes())
}

// QuoteInput asks what somebody would owe.
type QuoteInput struct {
	Track    model.Track        `query:"track" required:"true" enum:"party,league"`
	Category model.DuesCategory `query:"category" required:"true" enum:"salaried,retired,farmer,student,unemployed,relief,self_employed"`
	BaseFen  model.Fen          `query:"base_fen" minimum:"0" maximum:"100000000000" doc:"monthly base in fen; needed where the amount depends on the income"`
	Month    model.Month        `query:"month" maxLength:"7" doc:"YYYY-MM; this one when absent"`
	UnitID   int64              `query:"unit_id" minimum:"1" doc:"whose standards; my own branch's when absent"`
}

type quoteBody struct {
	AmountFen  model.Fen          `json:"amount_fen" doc:"each month"`
	RateBP     *int               `json:"rate_bp" doc:"on the whole base; null where the amount is fixed"`
	StandardID int64              `json:"standard_id"`
	Rule       string             `json:"rule" doc:"the text of the rule"`
	Source     string             `json:"source" doc:"the document"`
	Confirmed  bool               `json:"confirmed" doc:"false: weakly sourced (待核实)"`
	Track      model.Track        `json:"track" enum:"party,league"`
	Category   model.DuesCategory `json:"category"`
	BaseFen    *model.Fen         `json:"base_fen" doc:"null where the amount does not depend on it"`
	MaxFen     *model.Fen         `json:"max_fen" doc:"up to which the member may choose; null where there is no choice"`
	CapFen     model.Fen          `json:"cap_fen"`
	Capped     bool               `json:"capped"`
	Rounding   model.Rounding     `json:"rounding" enum:"fen_half_up,jiao_half_up,yuan_up,yuan_down"`
	Explained  string             `json:"explained" doc:"the sum in words"`
}

func quoteBodyOf(q model.Quote) quoteBody {
	b := quoteBody{
		AmountFen: q.Amount, StandardID: q.Standard.ID, Rule: q.Standard.Rule, Source: q.Standard.Source,
		Confirmed: !q.Standard.Unconfirmed, Track: q.Standard.Track, Category: q.Standard.Category, CapFen: q.Standard.CapFen,
		Capped: q.Capped, Rounding: q.Rounding, Explained: q.Explain(),
	}
	if q.Bracket.RateBP > 0 {
		b.RateBP = &q.Bracket.RateBP
	}
	if q.Standard.NeedsBase() {
		b.BaseFen = &q.Base
	}
	if q.Bracket.MaxFen > 0 {
		b.MaxFen = &q.Bracket.MaxFen
	}
	return b
}

type quoteOutput struct{ Body quoteBody }

func (s *server) quoteDues(ctx context.Context, in *QuoteInput) (*quoteOutput, error) {
	q, err := s.Dues.Quote(ctx, actorOf(ctx), dues.Question{
		UnitID: in.UnitID, Track: in.Track, Category: in.Category, BaseFen: in.BaseFen, Month: in.Month,
	})
	if err != nil {
		return nil, err
	}
	return &quoteOutput{Body: quoteBodyOf(q)}, nil
}

type bracketBody struct {
	ToFen     model.Fen `json:"to_fen,omitempty" doc:"up to and including this base; absent in the last one"`
	RateBP    int       `json:"rate_bp,omitempty" doc:"of the whole base, in basis points"`
	AmountFen model.Fen `json:"amount_fen,omitempty" doc:"a fixed amount instead of a rate"`
	MaxFen    model.Fen `json:"max_fen,omitempty" doc:"up to which a member may choose more than the fixed amount"`
}

type standardBody struct {
	ID             int64              `json:"id"`
	UnitID         *int64             `json:"unit_id" doc:"whose it is, and all below it; null: national"`
	Track          model.Track        `json:"track" enum:"party,league"`
	Category       model.DuesCategory `json:"category"`
	CategoryName   string             `json:"category_name"`
	EffectiveMonth model.Month        `json:"effective_month"`
	Brackets       []bracketBody      `json:"brackets"`
	CapFen         model.Fen          `json:"cap_fen"`
	Rounding       *model.Rounding    `json:"rounding" doc:"null: as the setting dues.party.rounding says"`
	Rule           string             `json:"rule"`
	Source         string             `json:"source"`
	Confirmed      bool               `json:"confirmed"`
}

func standardBodyOf(m model.Standard) (standardBody, error) {
	brackets, err := m.ParseBrackets()
	b := standardBody{
		ID: m.ID, Track: m.Track, Category: m.Category, CategoryName: m.Category.Name(), EffectiveMonth: m.EffectiveMonth,
		Brackets: []bracketBody{}, CapFen: m.CapFen, Rounding: orNil(m.Rounding), Rule: m.Rule, Source: m.Source, Confirmed: !m.Unconfirmed,
	}
	if m.UnitID != 0 {
		b.UnitID = &m.UnitID
	}
	for _, bracket := range brackets {
		b.Brackets = append(b.Brackets, bracketBody(bracket))
	}
	return b, err
}

type listStandardsInput struct {
	Track    model.Track        `query:"track" enum:"party,league"`
	Category model.DuesCategory `query:"category" enum:"salaried,retired,farmer,student,unemployed,relief,self_employed"`
	UnitID   int64              `query:"unit_id" minimum:"1" doc:"those that can come to bear there"`
}

type standardsOutput struct {
	Body struct {
		Items []standardBody `json:"items"`
	}
}

func (s *server) listStandards(ctx context.Context, in *listStandardsInput) (*standardsOutput, error) {
	rows, err := s.Dues.Standards(ctx, actorOf(ctx), dues.StandardFilter{UnitID: in.UnitID, Track: in.Track, Category: in.Category})
	if err != nil {
		return nil, err
	}
	out := &standardsOutput{}
	out.Body.Items = make([]standardBody, len(rows))
	for i, r := range rows {
		if out.Body.Items[i], err = standardBodyOf(r); err != nil {
			return nil, err
		}
	}
	return out, nil
}

type addStandardInput struct {
	Body struct {
		UnitID         int64              `json:"unit_id,omitempty" minimum:"1" doc:"whose it is, and all below it; needed only where you administer several organisations"`
		Track          model.Track        `json:"track" enum:"party,league"`
		Category       model.DuesCategory `json:"category" enum:"salaried,retired,farmer,student,unemployed,relief,self_employed"`
		EffectiveMonth model.Month        `json:"effective_month" maxLength:"7" doc:"YYYY-MM, this one or a later one"`
		Brackets       []bracketBody      `json:"brackets" maxItems:"20"`
		CapFen         model.Fen          `json:"cap_fen"`
		Rounding       model.Rounding     `json:"rounding,omitempty" enum:"fen_half_up,jiao_half_up,yuan_up,yuan_down" doc:"as the setting says when absent"`
		Rule           string             `json:"rule" maxLength:"500"`
		Source         string             `json:"source" maxLength:"300"`
	}
}

type standardOutput struct{ Body standardBody }

func (s *server) addStandard(ctx context.Context, in *addStandardInput) (*standardOutput, error) {
	b := in.Body
	n := dues.NewStandard{
		UnitID: b.UnitID, Track: b.Track, Category: b.Category, EffectiveMonth: b.EffectiveMonth, CapFen: b.CapFen, Rounding: b.Rounding,
		Rule: b.Rule, Source: b.Source,
	}
	for _, bracket := range b.Brackets {
		n.Brackets = append(n.Brackets, model.Bracket(bracket))
	}
	row, err := s.Dues.AddStandard(ctx, actorOf(ctx), n)
	if err != nil {
		return nil, err
	}
	body, err := standardBodyOf(row)
	return &standardOutput{Body: body}, err
}
