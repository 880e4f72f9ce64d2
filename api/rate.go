package api

import (
	"context"
	"net/http"
	"time"

	"zhibu/model"
	"zhibu/service/period"
)

func (s *server) rateRoutes() []route {
	const tag, of = "period", "/study-periods/{id}"
	return []route{
		{method: http.MethodGet, path: of + "/rates", role: org, name: "read-rates", tag: tag,
			summary: "参学率", mount: handle(s.readRates)},
		{method: http.MethodGet, path: of + "/rates.xlsx", role: org, name: "export-rates", tag: tag,
			summary: "参学率（表格）", mount: handle(s.exportRates)},
		{method: http.MethodGet, path: of + "/rates.png", role: org, name: "draw-rates", tag: tag,
			summary: "参学率（图）", mount: handle(s.drawRates)},
		{method: http.MethodGet, path: of + "/absentees", role: org, name: "list-absentees", tag: tag,
			summary: "未学情况，逐支部", mount: handle(s.listAbsentees)},
		{method: http.MethodGet, path: of + "/bulletin", role: org, name: "read-bulletin", tag: tag,
			summary: "通报", mount: handle(s.readBulletin)},
		{method: http.MethodGet, path: of + "/bulletin.docx", role: org, name: "export-bulletin", tag: tag,
			summary: "通报（文档）", mount: handle(s.exportBulletin)},
		{method: http.MethodGet, path: of + "/versions", role: org, name: "list-period-versions", tag: tag,
			summary: "截止时固化的各版", mount: handle(s.listPeriodVersions)},
		{method: http.MethodGet, path: of + "/versions/{number}", role: org, name: "verify-period-version", tag: tag,
			summary: "一版，并重新计算校验值", mount: handle(s.verifyPeriodVersion)},
		{method: http.MethodGet, path: of + "/versions/{number}/changes", role: org, name: "list-period-changes", tag: tag,
			summary: "一版比上一版更正了什么", mount: handle(s.listPeriodChanges)},
		{method: http.MethodGet, path: "/units/{id}/study-rates", role: org, name: "read-study-rates", tag: tag,
			summary: "一年各期参学率", mount: handle(s.readStudyRates)},
		{method: http.MethodGet, path: "/units/{id}/study-rates.xlsx", role: org, name: "export-study-rates", tag: tag,
			summary: "一年各期参学率（表格）", mount: handle(s.exportStudyRates)},
		{method: http.MethodGet, path: "/units/{id}/study-rates.png", role: org, name: "draw-study-rates", tag: tag,
			summary: "一年各期参学率（图）", mount: handle(s.drawStudyRates)},
	}
}

// Rate is a rate as API.md has it.
type Rate struct {
	Due             int     `json:"due" doc:"the whole roster"`
	Exempt          int     `json:"exempt" doc:"released and not completed: what the adjusted rate leaves out of due"`
	Completed       int     `json:"completed"`
	Late            int     `json:"late" doc:"completed after the close; not in completed"`
	Percent         *string `json:"percent" doc:"of due; null with nobody due"`
	AdjustedPercent *string `json:"adjusted_percent" doc:"of due without exempt"`
	Met             *bool   `json:"met"`
	Shortfall       int     `json:"shortfall" doc:"how many more have to complete"`
}

func rateOf(r model.Rate, t model.Threshold) Rate {
	return Rate{
		Due: r.Due, Exempt: r.Exempt, Completed: r.Completed, Late: r.Late, Percent: r.Percent(),
		AdjustedPercent: r.AdjustedPercent(), Met: t.Met(r), Shortfall: t.Shortfall(r),
	}
}

// RatesInput asks for the rates of a part of a period.
type RatesInput struct {
	IDInput
	UnitID  int64 `query:"unit_id" minimum:"1" doc:"my own part of the period when absent"`
	Version int   `query:"version" minimum:"1" maximum:"100000" doc:"a frozen version; the last one when absent"`
}

func (in RatesInput) query() period.Query {
	return period.Query{UnitID: in.UnitID, Version: in.Version}
}

type readRatesInput struct {
	RatesInput
	PageInput
	Depth int    `query:"depth" minimum:"1" maximum:"10" doc:"levels below the unit; all when absent"`
	Order string `query:"order" enum:"unit,rate" doc:"rate: the lowest first, only when the feature rate_order is on"`
}

type unitRate struct {
	Rate
	UnitID int64          `json:"unit_id"`
	Name   string         `json:"name"`
	Kind   model.UnitKind `json:"kind"`
	Depth  int            `json:"depth" doc:"levels below the unit asked for"`
}

type ratesOutput struct {
	Body struct {
		PeriodID    int64      `json:"period_id"`
		UnitID      int64      `json:"unit_id"`
		UnitName    string     `json:"unit_name"`
		AsOf        *time.Time `json:"as_of"`
		Frozen      bool       `json:"frozen"`
		Version     int        `json:"version" doc:"0 before the first close"`
		Hash        *string    `json:"hash" doc:"SHA-256 over the frozen version"`
		ThresholdBP int        `json:"threshold_bp"`
		Total       Rate       `json:"total"`
		Units       []unitRate `json:"units" doc:"the units below, as a tree: ordered by unit, not by rate"`
		NextCursor  *string    `json:"next_cursor" doc:"of units"`
	}
}

func (s *server) readRates(ctx context.Context, in *readRatesInput) (*ratesOutput, error) {
	q := in.query()
	q.Depth, q.ByRate, q.Limit, q.Cursor = in.Depth, in.Order == "rate", in.Limit, in.Cursor
	r, next, err := s.Period.Rates(ctx, actorOf(ctx), in.ID, q)
	if err != nil {
		return nil, err
	}
	t := r.Period.Threshold()
	out := &ratesOutput{}
	b := &out.Body
	b.PeriodID, b.UnitID, b.UnitName, b.AsOf = r.Period.ID, r.Total.UnitID, r.Total.Name, stamp(r.AsOf)
	b.Frozen, b.Version, b.ThresholdBP, b.Total = r.Frozen, r.Version, r.Period.ThresholdBP, rateOf(r.Total.Rate, t)
	b.Units, b.NextCursor = make([]unitRate, len(r.Units)), cursor(next)
	for i, u := range r.Units {
		b.Units[i] = unitRate{Rate: rateOf(u.Rate, t), UnitID: u.UnitID, Name: u.Name, Kind: u.Kind, Depth: r.Depth(u)}
	}
	if r.Hash != "" {
		b.Hash = &r.Hash
	}
	return out, nil
}

func (s *server) exportRates(ctx context.Context, in *RatesInput) (*file, error) {
	name, content, err := s.Period.Workbook(ctx, actorOf(ctx), in.ID, in.query())
	return fileOf(xlsxType, name, content, err)
}

func (s *server) drawRates(ctx context.Context, in *RatesInput) (*file, error) {
	name, content, err := s.Period.Picture(ctx, actorOf(ctx), in.ID, in.query())
	return fileOf(pngType, name, content, err)
}

func (s *server) exportBulletin(ctx context.Context, in *RatesInput) (*file, error) {
	name, content, err := s.Period.Document(ctx, actorOf(ctx), in.ID, in.query())
	return fileOf(docxType, name, content, err)
}

type bulletinOutput struct {
	Body struct {
		Text string `json:"text"`
	}
}

func (s *server) readBulletin(ctx context.Context, in *RatesInput) (*bulletinOutput, error) {
	b, err := s.Period.Bulletin(ctx, actorOf(ctx), in.ID, in.query())
	if err != nil {
		return nil, err
	}
	out := &bulletinOutput{}
	out.Body.Text = b.Text
	return out, nil
}

type listAbsenteesInput struct {
	RatesInput
	PageInput
}

type absenteeBranch struct {
	Rate
	UnitID  int64                `json:"unit_id"`
	Name    string               `json:"name"`
	Missing int                  `json:"missing" doc:"due, neither completed nor exempt"`
	Members nullable[[]absentee] `json:"members" doc:"null for who is not shown the names: they stay in the branch"`
}

type absentee struct {
	MemberID int64  `json:"member_id"`
	Name     string `json:"name"`
	UnitID   int64  `json:"unit_id"`
	UnitName string `json:"unit_name"`
	Late     bool   `json:"late" doc:"completed after the close"`
}

type absenteesOutput struct {
	Body struct {
		PeriodID   int64            `json:"period_id"`
		AsOf       *time.Time       `json:"as_of"`
		Frozen     bool             `json:"frozen"`
		Items      []absenteeBranch `json:"items"`
		NextCursor *string          `json:"next_cursor"`
	}
}

func (s *server) listAbsentees(ctx context.Context, in *listAbsenteesInput) (*absenteesOutput, error) {
	q := in.query()
	q.Limit, q.Cursor = in.Limit, in.Cursor
	a, next, err := s.Period.Absentees(ctx, actorOf(ctx), in.ID, q)
	if err != nil {
		return nil, err
	}
	out := &absenteesOutput{}
	out.Body.PeriodID, out.Body.AsOf, out.Body.Frozen, out.Body.NextCursor = in.ID, stamp(a.AsOf), a.Frozen, cursor(next)
	out.Body.Items = make([]absenteeBranch, len(a.Branches))
	for i, b := range a.Branches {
		out.Body.Items[i] = absenteeBranchOf(b, a.Period.Threshold())
	}
	return out, nil
}

func absenteeBranchOf(b period.Branch, t model.Threshold) absenteeBranch {
	item := absenteeBranch{Rate: rateOf(b.Rate, t), UnitID: b.UnitID, Name: b.Name, Missing: b.Missing()}
	if b.Named {
		members := make([]absentee, len(b.Members))
		for i, m := range b.Members {
			members[i] = absentee{MemberID: m.MemberID, Name: m.Name, UnitID: m.UnitID, UnitName: m.UnitName, Late: m.Late}
		}
		item.Members = orNull(&members)
	}
	return item
}

// VersionBody is a frozen version of a period.
type VersionBody struct {
	Number      int        `json:"number"`
	CutoffAt    *time.Time `json:"cutoff_at" doc:"the first moment that was too late"`
	ThresholdBP int        `json:"threshold_bp"`
	Total       Rate       `json:"total"`
	Reason      string     `json:"reason" doc:"why the version before was reopened"`
	FrozenAt    *time.Time `json:"frozen_at"`
	FrozenBy    string     `json:"frozen_by" doc:"system: closed by itself"`
	Hash        string     `json:"hash"`
}

func versionBodyOf(v model.PeriodVersion) VersionBody {
	t := model.Threshold{BP: v.ThresholdBP, Raw: v.DecideOn == model.DecideOnRaw}
	return VersionBody{
		Number: v.Number, CutoffAt: stamp(v.CutoffAt), ThresholdBP: v.ThresholdBP,
		Total:  rateOf(model.Rate{Due: v.Due, Exempt: v.Exempt, Completed: v.Completed}, t),
		Reason: v.Reason, FrozenAt: stamp(v.FrozenAt), FrozenBy: v.FrozenBy, Hash: v.Hash,
	}
}

type versionsOutput struct {
	Body struct {
		Items []VersionBody `json:"items"`
	}
}

func (s *server) listPeriodVersions(ctx context.Context, in *IDInput) (*versionsOutput, error) {
	versions, err := s.Period.Versions(ctx, actorOf(ctx), in.ID)
	if err != nil {
		return nil, err
	}
	out := &versionsOutput{}
	out.Body.Items = make([]VersionBody, len(versions))
	for i, v := range versions {
		out.Body.Items[i] = versionBodyOf(v)
	}
	return out, nil
}

// VersionInput names a version of a period.
type VersionInput struct {
	IDInput
	Number int `path:"number" minimum:"1" maximum:"100000"`
}

type verificationOutput struct {
	Body struct {
		VersionBody
		Intact bool `json:"intact" doc:"the entries still have the hash they had when they were frozen"`
	}
}

func (s *server) verifyPeriodVersion(ctx context.Context, in *VersionInput) (*verificationOutput, error) {
	v, err := s.Period.Verify(ctx, actorOf(ctx), in.ID, in.Number)
	if err != nil {
		return nil, err
	}
	out := &verificationOutput{}
	out.Body.VersionBody, out.Body.Intact = versionBodyOf(v.PeriodVersion), v.Intact
	return out, nil
}

type listPeriodChangesInput struct {
	VersionInput
	PageInput
}

type periodEntry struct {
	UnitID      int64                  `json:"unit_id"`
	Outcome     model.Outcome          `json:"outcome" enum:"completed,exempt,missing"`
	Source      model.CompletionSource `json:"source" doc:"empty unless completed"`
	CompletedAt *time.Time             `json:"completed_at"`
}

type periodDifference struct {
	MemberID *int64                `json:"member_id" doc:"null, like name, for who is not shown the names: they stay in the branch"`
	Name     *string               `json:"name"`
	Before   nullable[periodEntry] `json:"before" doc:"null for who was not due"`
	After    nullable[periodEntry] `json:"after"`
}

type periodChangesOutput struct {
	Body struct {
		Items      []periodDifference `json:"items"`
		NextCursor *string            `json:"next_cursor"`
	}
}

func entryOrNull(e *model.PeriodEntry) nullable[periodEntry] {
	if e == nil {
		return nullable[periodEntry]{}
	}
	return orNull(&periodEntry{UnitID: e.UnitID, Outcome: e.Outcome, Source: e.Source, CompletedAt: stamp(e.CompletedAt)})
}

func (s *server) listPeriodChanges(ctx context.Context, in *listPeriodChangesInput) (*periodChangesOutput, error) {
	page, next, err := s.Period.Changes(ctx, actorOf(ctx), in.ID, in.Number, in.Limit, in.Cursor)
	if err != nil {
		return nil, err
	}
	out := &periodChangesOutput{}
	out.Body.Items, out.Body.NextCursor = make([]periodDifference, len(page)), cursor(next)
	for i, d := range page {
		out.Body.Items[i] = periodDifference{Before: entryOrNull(d.Before), After: entryOrNull(d.After)}
		if d.MemberID != 0 {
			out.Body.Items[i].MemberID, out.Body.Items[i].Name = &d.MemberID, &d.Name
		}
	}
	return out, nil
}

// StudyRatesInput asks for a series over a year.
type StudyRatesInput struct {
	IDInput
	Series string `query:"series" required:"true" minLength:"1" maxLength:"60"`
	Year   int    `query:"year" required:"true" minimum:"2000" maximum:"2099"`
}

type periodRate struct {
	Rate
	PeriodID    int64             `json:"period_id"`
	Name        string            `json:"name"`
	Number      *int              `json:"number"`
	Title       string            `json:"title"`
	OpensAt     *time.Time        `json:"opens_at"`
	ClosesAt    *time.Time        `json:"closes_at"`
	State       model.PeriodState `json:"state" enum:"scheduled,open,closed,reopened,cancelled"`
	Frozen      bool              `json:"frozen"`
	Version     int               `json:"version"`
	ThresholdBP int               `json:"threshold_bp"`
}

func (s *server) periodRateOf(p period.YearPeriod) periodRate {
	return periodRate{
		Rate: rateOf(p.Rate, p.Threshold()), PeriodID: p.ID, Name: p.Name(), Number: p.Number, Title: p.Title,
		OpensAt: stamp(p.OpensAt), ClosesAt: stamp(p.ClosesAt), State: p.State(model.At(s.Now())), Frozen: p.Frozen(),
		Version: p.Version, ThresholdBP: p.ThresholdBP,
	}
}

type studyRatesOutput struct {
	Body struct {
		UnitID     int64                `json:"unit_id"`
		Series     string               `json:"series"`
		Year       int                  `json:"year"`
		Items      []periodRate         `json:"items"`
		Held       int                  `json:"held" doc:"closed periods with somebody due (期)"`
		Lowest     nullable[periodRate] `json:"lowest" doc:"of the closed ones"`
		AllMet     *bool                `json:"all_met" doc:"of the closed ones; null while there is none"`
		Assertion  *string              `json:"assertion" doc:"the sentence of the annual summary; null when it is not true"`
		Exceptions string               `json:"exceptions" doc:"the closed ones below the threshold"`
	}
}

func (s *server) readStudyRates(ctx context.Context, in *StudyRatesInput) (*studyRatesOutput, error) {
	y, err := s.Period.Year(ctx, actorOf(ctx), in.ID, in.Series, in.Year)
	if err != nil {
		return nil, err
	}
	out := &studyRatesOutput{}
	b := &out.Body
	b.UnitID, b.Series, b.Year, b.Held, b.AllMet, b.Exceptions = in.ID, y.Series, y.Year, y.Held(), y.AllMet, y.Exceptions()
	b.Items = make([]periodRate, len(y.Periods))
	for i, p := range y.Periods {
		b.Items[i] = s.periodRateOf(p)
	}
	if y.Lowest != nil {
		b.Lowest = orNull(new(s.periodRateOf(*y.Lowest)))
	}
	if sentence := y.Assertion(); sentence != "" {
		b.Assertion = &sentence
	}
	return out, nil
}

func (s *server) exportStudyRates(ctx context.Context, in *StudyRatesInput) (*file, error) {
	name, content, err := s.Period.YearWorkbook(ctx, actorOf(ctx), in.ID, in.Series, in.Year)
	return fileOf(xlsxType, name, content, err)
}

func (s *server) drawStudyRates(ctx context.Context, in *StudyRatesInput) (*file, error) {
	name, content, err := s.Period.YearPicture(ctx, actorOf(ctx), in.ID, in.Series, in.Year)
	return fileOf(pngType, name, content, err)
}
