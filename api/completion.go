package api

import (
	"context"
	"net/http"
	"time"

	"github.com/danielgtaylor/huma/v2"

	"zhibu/model"
	"zhibu/service/period"
)

func (s *server) completionRoutes() []route {
	const tag = "period"
	return []route{
		{method: http.MethodPost, path: "/study-periods/{id}/completions", role: mini, name: "complete-study-period", tag: tag,
			status: http.StatusCreated, also: http.StatusOK, forSelf: true, summary: "我已完成本期学习", mount: handle(s.completePeriod)},
		{method: http.MethodGet, path: "/study-periods/{id}/completions", role: org, name: "list-completions", tag: tag,
			summary: "参学记录", mount: handle(s.listCompletions)},
		{method: http.MethodPost, path: "/study-periods/{id}/completions/batch", role: org, name: "record-completions", tag: tag,
			summary: "代录、送学上门", mount: handle(s.recordCompletions)},
		{method: http.MethodPost, path: "/study-periods/{id}/completions/withdraw", role: org, name: "withdraw-completions", tag: tag,
			summary: "撤回记错的参学记录", mount: handle(s.withdrawCompletions)},
		{method: http.MethodPost, path: "/study-periods/{id}/completions/import", role: org, name: "import-completions", tag: tag,
			upload: maxUpload, summary: "导入官方平台的参学名单", mount: formOnly(handle(s.importCompletions))},
		{method: http.MethodPost, path: "/study-periods/{id}/exemptions", role: org, name: "exempt", tag: tag,
			status: http.StatusCreated, also: http.StatusOK, summary: "批准本期不作硬性要求", mount: handle(s.exempt)},
		{method: http.MethodGet, path: "/study-periods/{id}/exemptions", role: org, name: "list-exemptions", tag: tag,
			summary: "本期经批准不作硬性要求的人员", mount: handle(s.listExemptions)},
		{method: http.MethodDelete, path: "/study-periods/{id}/exemptions/{member_id}", role: org, name: "withdraw-exemption", tag: tag,
			summary: "撤回批准", mount: handle(s.withdrawExemption)},
	}
}

// CompletionBody is a completion.
type CompletionBody struct {
	ID          int64                  `json:"id"`
	PeriodID    int64                  `json:"period_id"`
	MemberID    int64                  `json:"member_id"`
	Source      model.CompletionSource `json:"source" enum:"self,proxy,home_visit,import,activity"`
	CompletedAt *time.Time             `json:"completed_at"`
	Late        bool                   `json:"late" doc:"after the close: kept, and not counted (补学)"`
}

func completionBodyOf(r period.Recorded) CompletionBody {
	return CompletionBody{
		ID: r.ID, PeriodID: r.PeriodID, MemberID: r.MemberID, Source: r.Source, CompletedAt: stamp(r.CompletedAt), Late: r.Late,
	}
}

type completePeriodInput struct {
	IDInput
	Body struct {
		Answers []int `json:"answers,omitempty" maxItems:"50" doc:"of each question of the quiz the option chosen, counted from 0"`
	}
}

type completionOutput struct {
	Status int `json:"-"`
	Body   CompletionBody
}

func (s *server) completePeriod(ctx context.Context, in *completePeriodInput) (*completionOutput, error) {
	done, created, err := s.Period.Complete(ctx, actorOf(ctx), in.ID, in.Body.Answers)
	if err != nil {
		return nil, err
	}
	return &completionOutput{Status: createdOrOK(created), Body: completionBodyOf(done)}, nil
}

type listCompletionsInput struct {
	IDInput
	PageInput
	UnitID int64                  `query:"unit_id" minimum:"1"`
	Source model.CompletionSource `query:"source" enum:"self,proxy,home_visit,import,activity"`
	Late   string                 `query:"late" enum:"true,false"`
}

type completionEntry struct {
	ID          int64                  `json:"id"`
	MemberID    *int64                 `json:"member_id" doc:"null, like name and reason, for who is not shown the names: they stay in the branch"`
	Name        *string                `json:"name"`
	UnitID      int64                  `json:"unit_id"`
	UnitName    string                 `json:"unit_name"`
	Source      model.CompletionSource `json:"source" enum:"self,proxy,home_visit,import,activity"`
	CompletedAt *time.Time             `json:"completed_at"`
	Late        bool                   `json:"late"`
	RecordedAt  *time.Time             `json:"recorded_at"`
	RecordedBy  string                 `json:"recorded_by"`
	Reason      *string                `json:"reason"`
}

func completionEntryOf(e period.Entry) completionEntry {
	b := completionEntry{
		ID: e.ID, UnitID: e.UnitID, UnitName: e.UnitName, Source: e.Source, CompletedAt: stamp(e.CompletedAt), Late: e.Late,
		RecordedAt: stamp(e.RecordedAt), RecordedBy: e.RecordedBy,
	}
	if e.Named {
		b.MemberID, b.Name, b.Reason = &e.MemberID, &e.Name, &e.Reason
	}
	return b
}

type completionsOutput struct {
	Body struct {
		Items      []completionEntry `json:"items"`
		NextCursor *string           `json:"next_cursor"`
	}
}

func (s *server) listCompletions(ctx context.Context, in *listCompletionsInput) (*completionsOutput, error) {
	f := period.RecordFilter{UnitID: in.UnitID, Source: in.Source, Limit: in.Limit, Cursor: in.Cursor}
	if in.Late != "" {
		f.Late = new(in.Late == "true")
	}
	page, next, err := s.Period.Completions(ctx, actorOf(ctx), in.ID, f)
	if err != nil {
		return nil, err
	}
	out := &completionsOutput{}
	out.Body.Items, out.Body.NextCursor = make([]completionEntry, len(page)), cursor(next)
	for i, e := range page {
		out.Body.Items[i] = completionEntryOf(e)
	}
	return out, nil
}

type recordCompletionsInput struct {
	IDInput
	Body struct {
		MemberIDs   []int64                `json:"member_ids" minItems:"1" maxItems:"500"`
		Source      model.CompletionSource `json:"source" enum:"proxy,home_visit"`
		Reason      string                 `json:"reason" minLength:"1" maxLength:"200"`
		CompletedAt *time.Time             `json:"completed_at,omitempty" doc:"now when absent; required in a reopened period"`
	}
}

type effectsOutput struct {
	Body struct {
		Created   int `json:"created"`
		Updated   int `json:"updated" doc:"late ones that now count"`
		Unchanged int `json:"unchanged"`
	}
}

func (s *server) recordCompletions(ctx context.Context, in *recordCompletionsInput) (*effectsOutput, error) {
	effects, err := s.Period.Record(ctx, actorOf(ctx), in.ID, period.Batch{
		MemberIDs: in.Body.MemberIDs, Source: in.Body.Source, Reason: in.Body.Reason, CompletedAt: instant(in.Body.CompletedAt),
	})
	if err != nil {
		return nil, err
	}
	out := &effectsOutput{}
	out.Body.Created, out.Body.Updated, out.Body.Unchanged = effects.Created, effects.Updated, effects.Unchanged
	return out, nil
}

type withdrawCompletionsInput struct {
	IDInput
	Body struct {
		MemberIDs []int64 `json:"member_ids" minItems:"1" maxItems:"500"`
		Reason    string  `json:"reason" minLength:"1" maxLength:"200"`
	}
}

type withdrawnOutput struct {
	Body struct {
		Withdrawn int `json:"withdrawn"`
	}
}

func (s *server) withdrawCompletions(ctx context.Context, in *withdrawCompletionsInput) (*withdrawnOutput, error) {
	n, err := s.Period.Withdraw(ctx, actorOf(ctx), in.ID, in.Body.MemberIDs, in.Body.Reason)
	if err != nil {
		return nil, err
	}
	out := &withdrawnOutput{}
	out.Body.Withdrawn = n
	return out, nil
}

func (s *server) importCompletions(ctx context.Context, in *importInput) (*importOutput, error) {
	file := in.RawBody.Data().File
	defer file.Close()
	r, err := s.Period.Import(ctx, actorOf(ctx), in.ID, file, in.options())
	return s.importOutput(ctx, r, err)
}

type exemptInput struct {
	IDInput
	Body struct {
		MemberID       int64           `json:"member_id" minimum:"1"`
		ReasonCategory exemptionReason `json:"reason_category" doc:"a category, never a diagnosis"`
		Note           string          `json:"note,omitempty" maxLength:"200"`
	}
}

// exemptionReason is model.ExemptionReason with its values in the schema.
type exemptionReason model.ExemptionReason

func (exemptionReason) TransformSchema(_ huma.Registry, s *huma.Schema) *huma.Schema {
	for _, r := range model.ExemptionReasons {
		s.Enum = append(s.Enum, string(r.Reason))
	}
	return s
}

// ExemptionBody is an exemption.
type ExemptionBody struct {
	ID             int64           `json:"id"`
	PeriodID       int64           `json:"period_id"`
	MemberID       int64           `json:"member_id"`
	ReasonCategory exemptionReason `json:"reason_category"`
	ReasonName     string          `json:"reason_name"`
	Note           string          `json:"note"`
	ApprovedBy     string          `json:"approved_by"`
	ApprovedAt     *time.Time      `json:"approved_at"`
}

func exemptionBodyOf(e model.Exemption) ExemptionBody {
	return ExemptionBody{
		ID: e.ID, PeriodID: e.PeriodID, MemberID: e.MemberID, ReasonCategory: exemptionReason(e.ReasonCategory),
		ReasonName: e.ReasonCategory.Name(), Note: e.Note, ApprovedBy: e.ApprovedBy, ApprovedAt: stamp(e.ApprovedAt),
	}
}

type exemptionOutput struct {
	Status int `json:"-"`
	Body   ExemptionBody
}

func (s *server) exempt(ctx context.Context, in *exemptInput) (*exemptionOutput, error) {
	e, created, err := s.Period.Exempt(ctx, actorOf(ctx), model.Exemption{
		PeriodID: in.ID, MemberID: in.Body.MemberID, ReasonCategory: model.ExemptionReason(in.Body.ReasonCategory), Note: in.Body.Note,
	})
	if err != nil {
		return nil, err
	}
	return &exemptionOutput{Status: createdOrOK(created), Body: exemptionBodyOf(e)}, nil
}

type listExemptionsInput struct {
	IDInput
	PageInput
	UnitID int64 `query:"unit_id" minimum:"1"`
}

type exemptionEntry struct {
	ID             int64           `json:"id"`
	MemberID       *int64          `json:"member_id" doc:"null, like name and note, for who is not shown the names: they stay in the branch"`
	Name           *string         `json:"name"`
	UnitID         int64           `json:"unit_id"`
	UnitName       string          `json:"unit_name"`
	ReasonCategory exemptionReason `json:"reason_category"`
	ReasonName     string          `json:"reason_name"`
	Note           *string         `json:"note"`
	ApprovedBy     string          `json:"approved_by"`
	ApprovedAt     *time.Time      `json:"approved_at"`
}

func exemptionEntryOf(r period.Released) exemptionEntry {
	b := exemptionEntry{
		ID: r.ID, UnitID: r.UnitID, UnitName: r.UnitName, ReasonCategory: exemptionReason(r.ReasonCategory),
		ReasonName: r.ReasonCategory.Name(), ApprovedBy: r.ApprovedBy, ApprovedAt: stamp(r.ApprovedAt),
	}
	if r.Named {
		b.MemberID, b.Name, b.Note = &r.MemberID, &r.Name, &r.Note
	}
	return b
}

type exemptionsOutput struct {
	Body struct {
		Items      []exemptionEntry `json:"items"`
		NextCursor *string          `json:"next_cursor"`
	}
}

func (s *server) listExemptions(ctx context.Context, in *listExemptionsInput) (*exemptionsOutput, error) {
	page, next, err := s.Period.Exemptions(ctx, actorOf(ctx), in.ID, in.UnitID, in.Limit, in.Cursor)
	if err != nil {
		return nil, err
	}
	out := &exemptionsOutput{}
	out.Body.Items, out.Body.NextCursor = make([]exemptionEntry, len(page)), cursor(next)
	for i, r := range page {
		out.Body.Items[i] = exemptionEntryOf(r)
	}
	return out, nil
}

type withdrawExemptionInput struct {
	IDInput
	MemberID int64 `path:"member_id" minimum:"1" maximum:"9007199254740991"`
}

func (s *server) withdrawExemption(ctx context.Context, in *withdrawExemptionInput) (*struct{}, error) {
	return nil, s.Period.WithdrawExemption(ctx, actorOf(ctx), in.ID, in.MemberID)
}
