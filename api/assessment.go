package api

import (
	"context"
	"time"

	"zhibu/model"
	"zhibu/service/dues"
)

type assessDuesInput struct {
	IDInput
	Body struct {
		Track          model.Track        `json:"track" enum:"party,league"`
		Category       model.DuesCategory `json:"category" enum:"salaried,retired,farmer,student,unemployed,relief,self_employed"`
		BaseFen        *model.Fen         `json:"base_fen,omitempty" doc:"monthly base in fen; kept, encrypted, only where the setting dues.store_base says so"`
		AmountFen      *model.Fen         `json:"amount_fen,omitempty" doc:"the amount itself, where the base is not told"`
		KeepLeague     bool               `json:"keep_league,omitempty" doc:"pays League dues though in the party (自愿)"`
		EffectiveMonth model.Month        `json:"effective_month" maxLength:"7" doc:"YYYY-MM"`
		Reason         string             `json:"reason,omitempty" maxLength:"200"`
	}
}

type assessmentBody struct {
	ID             int64               `json:"id"`
	MemberID       int64               `json:"member_id"`
	Track          model.Track         `json:"track" enum:"party,league"`
	Category       model.DuesCategory  `json:"category"`
	AmountFen      model.Fen           `json:"amount_fen" doc:"each month"`
	BaseFen        *model.Fen          `json:"base_fen" doc:"null unless it is kept and you may know it"`
	StandardID     *int64              `json:"standard_id" doc:"null where the amount was given"`
	RateBP         *int                `json:"rate_bp" doc:"null where the amount is fixed or was given"`
	KeepLeague     bool                `json:"keep_league"`
	EffectiveMonth model.Month         `json:"effective_month"`
	Reason         string              `json:"reason"`
	Replaced       bool                `json:"replaced" doc:"another one of the same month holds instead"`
	ApprovedBy     string              `json:"approved_by" doc:"who fixed it: member:<id> or account:<id>"`
	ApprovedAt     *time.Time          `json:"approved_at"`
	Quote          nullable[quoteBody] `json:"quote" doc:"how the amount came about, in the answer to PUT"`
}

func assessmentBodyOf(a dues.Assessed) assessmentBody {
	b := assessmentBody{
		ID: a.ID, MemberID: a.MemberID, Track: a.Track, Category: a.Category, AmountFen: a.AmountFen, BaseFen: a.BaseFen,
		StandardID: a.StandardID, KeepLeague: a.KeepLeague, EffectiveMonth: a.EffectiveMonth, Reason: a.Reason,
		Replaced: a.ReplacedID != 0, ApprovedBy: a.ApprovedBy, ApprovedAt: stamp(a.ApprovedAt),
	}
	if a.RateBP > 0 {
		b.RateBP = &a.RateBP
	}
	if a.Quote != nil {
		b.Quote = orNull(new(quoteBodyOf(*a.Quote)))
	}
	return b
}

type assessmentOutput struct{ Body assessmentBody }

func (s *server) assessDues(ctx context.Context, in *assessDuesInput) (*assessmentOutput, error) {
	b := in.Body
	a, err := s.Dues.Assess(ctx, actorOf(ctx), in.ID, dues.Assess{
		Track: b.Track, Category: b.Category, BaseFen: b.BaseFen, AmountFen: b.AmountFen, KeepLeague: b.KeepLeague,
		EffectiveMonth: b.EffectiveMonth, Reason: b.Reason,
	})
	if err != nil {
		return nil, err
	}
	return &assessmentOutput{Body: assessmentBodyOf(a)}, nil
}

type listAssessmentsInput struct {
	IDInput
	Track model.Track `query:"track" enum:"party,league"`
}

type assessmentsOutput struct {
	Body struct {
		Items []assessmentBody `json:"items"`
	}
}

func (s *server) listAssessments(ctx context.Context, in *listAssessmentsInput) (*assessmentsOutput, error) {
	rows, err := s.Dues.Assessments(ctx, actorOf(ctx), in.ID, in.Track)
	if err != nil {
		return nil, err
	}
	out := &assessmentsOutput{}
	out.Body.Items = make([]assessmentBody, len(rows))
	for i, r := range rows {
		out.Body.Items[i] = assessmentBodyOf(r)
	}
	return out, nil
}

type exemptDuesInput struct {
	IDInput
	Body struct {
		Track          model.Track `json:"track,omitempty" enum:"party,league" doc:"needed only where the member is on both"`
		FromMonth      model.Month `json:"from_month" maxLength:"7" doc:"YYYY-MM"`
		ToMonth        model.Month `json:"to_month" maxLength:"7" doc:"YYYY-MM, inclusive"`
		AmountFen      model.Fen   `json:"amount_fen" doc:"what is still owed each month; 0 for nothing"`
		ApprovedBy     string      `json:"approved_by" maxLength:"100" doc:"the body that approved it, such as 机关党委"`
		ReasonCategory string      `json:"reason_category" enum:"hardship,illness,retired,student,disaster,unemployed,other" doc:"a category, never the story"`
	}
}

type duesExemptionBody struct {
	ID             int64       `json:"id"`
	MemberID       int64       `json:"member_id"`
	Track          model.Track `json:"track" enum:"party,league"`
	FromMonth      model.Month `json:"from_month"`
	ToMonth        model.Month `json:"to_month"`
	AmountFen      model.Fen   `json:"amount_fen"`
	ApprovedBy     string      `json:"approved_by"`
	ReasonCategory string      `json:"reason_category"`
	RecordedAt     *time.Time  `json:"recorded_at"`
	WithdrawnAt    *time.Time  `json:"withdrawn_at" doc:"null while it holds"`
}

func duesExemptionBodyOf(e model.DuesExemption) duesExemptionBody {
	return duesExemptionBody{
		ID: e.ID, MemberID: e.MemberID, Track: e.Track, FromMonth: e.FromMonth, ToMonth: e.ToMonth, AmountFen: e.AmountFen,
		ApprovedBy: e.ApprovedBy, ReasonCategory: e.ReasonCategory, RecordedAt: stamp(e.RecordedAt), WithdrawnAt: stamp(e.WithdrawnAt),
	}
}

type duesExemptionOutput struct{ Body duesExemptionBody }

func (s *server) exemptDues(ctx context.Context, in *exemptDuesInput) (*duesExemptionOutput, error) {
	row, err := s.Dues.Exempt(ctx, actorOf(ctx), in.ID, dues.Exempt(in.Body))
	if err != nil {
		return nil, err
	}
	return &duesExemptionOutput{Body: duesExemptionBodyOf(row)}, nil
}

type duesExemptionsOutput struct {
	Body struct {
		Items []duesExemptionBody `json:"items"`
	}
}

func (s *server) listDuesExemptions(ctx context.Context, in *IDInput) (*duesExemptionsOutput, error) {
	rows, err := s.Dues.Exemptions(ctx, actorOf(ctx), in.ID)
	if err != nil {
		return nil, err
	}
	out := &duesExemptionsOutput{}
	out.Body.Items = make([]duesExemptionBody, len(rows))
	for i, r := range rows {
		out.Body.Items[i] = duesExemptionBodyOf(r)
	}
	return out, nil
}

type withdrawDuesExemptionInput struct {
	IDInput
	ExemptionID int64 `path:"exemption_id" minimum:"1" maximum:"9007199254740991"`
}

func (s *server) withdrawDuesExemption(ctx context.Context, in *withdrawDuesExemptionInput) (*struct{}, error) {
	return nil, s.Dues.WithdrawExemption(ctx, actorOf(ctx), in.ID, in.ExemptionID)
}

type planDuesInput struct {
	IDInput
	PageInput
	Month   model.Month `query:"month" maxLength:"7" doc:"YYYY-MM; this one when absent"`
	Missing bool        `query:"missing" doc:"only those whose amount nobody has fixed"`
}

type plannedDues struct {
	MemberID   int64                    `json:"member_id"`
	Name       string                   `json:"name"`
	UnitID     int64                    `json:"unit_id"`
	UnitName   string                   `json:"unit_name"`
	Track      model.Track              `json:"track" enum:"party,league"`
	Kind       model.MembershipKind     `json:"kind"`
	Category   model.Category           `json:"category"`
	Assessment nullable[assessmentBody] `json:"assessment" doc:"in force in that month; null while nobody has fixed one"`
}

type plannedDuesOutput struct {
	Body struct {
		Items      []plannedDues `json:"items"`
		NextCursor *string       `json:"next_cursor"`
	}
}

func (s *server) planDues(ctx context.Context, in *planDuesInput) (*plannedDuesOutput, error) {
	page, next, err := s.Dues.Plan(ctx, actorOf(ctx), in.ID, in.Month, in.Missing, in.Limit, in.Cursor)
	if err != nil {
		return nil, err
	}
	out := &plannedDuesOutput{}
	out.Body.Items, out.Body.NextCursor = make([]plannedDues, len(page)), cursor(next)
	for i, p := range page {
		out.Body.Items[i] = plannedDues{
			MemberID: p.MemberID, Name: p.Name, UnitID: p.UnitID, UnitName: p.UnitName, Track: p.Track, Kind: p.Kind, Category: p.Category,
		}
		if p.Assessment != nil {
			out.Body.Items[i].Assessment = orNull(new(assessmentBodyOf(dues.Assessed{Assessment: *p.Assessment})))
		}
	}
	return out, nil
}
