package api

import (
	"context"
	"net/http"
	"time"

	"zhibu/model"
	"zhibu/service/period"
)

func (s *server) periodRoutes() []route {
	const tag = "period"
	return append([]route{
		{method: http.MethodPost, path: "/study-periods", role: org, name: "open-study-period", tag: tag, status: http.StatusCreated,
			summary: "开设一期学习", mount: handle(s.openPeriod)},
		{method: http.MethodGet, path: "/study-periods", role: mini, name: "list-study-periods", tag: tag,
			summary: "各期学习", mount: handle(s.listPeriods)},
		{method: http.MethodGet, path: "/study-periods/{id}", role: mini, name: "read-study-period", tag: tag,
			summary: "一期学习", mount: handle(s.readPeriod)},
		{method: http.MethodPatch, path: "/study-periods/{id}", role: org, name: "change-study-period", tag: tag,
			summary: "修改一期学习", mount: handle(s.changePeriod)},
		{method: http.MethodPost, path: "/study-periods/{id}/cancel", role: org, name: "cancel-study-period", tag: tag,
			summary: "取消开设有误的一期", mount: handle(s.cancelPeriod)},
		{method: http.MethodPost, path: "/study-periods/{id}/close", role: org, name: "close-study-period", tag: tag,
			summary: "截止并固化名单和完成情况", mount: handle(s.closePeriod)},
		{method: http.MethodPost, path: "/study-periods/{id}/reopen", role: org, name: "reopen-study-period", tag: tag,
			summary: "上级组织重新打开以更正", mount: handle(s.reopenPeriod)},
		{method: http.MethodGet, path: "/study-periods/{id}/activities", role: mini, name: "list-period-activities", tag: tag,
			summary: "归入本期的活动", mount: handle(s.listPeriodActivities)},
		{method: http.MethodPost, path: "/study-periods/{id}/activities", role: org, name: "add-period-activity", tag: tag,
			summary: "把活动归入本期", mount: handle(s.addPeriodActivity)},
		{method: http.MethodDelete, path: "/study-periods/{id}/activities/{activity_id}", role: org, name: "remove-period-activity", tag: tag,
			summary: "把活动移出本期", mount: handle(s.removePeriodActivity)},
	}, append(s.completionRoutes(), s.rateRoutes()...)...)
}

type quiz struct {
	Pass      int        `json:"pass,omitempty" minimum:"0" maximum:"50" doc:"how many have to be right; all when absent"`
	Questions []question `json:"questions" minItems:"1" maxItems:"50"`
}

type question struct {
	Text    string   `json:"text" minLength:"1" maxLength:"500"`
	Options []string `json:"options" minItems:"2" maxItems:"10"`
	Answer  *int     `json:"answer,omitempty" minimum:"0" maximum:"9" doc:"the right option, counted from 0; shown to officers only"`
}

func (q *quiz) quiz() *model.Quiz {
	if q == nil {
		return nil
	}
	m := &model.Quiz{Pass: q.Pass}
	for _, question := range q.Questions {
		answer := -1
		if question.Answer != nil {
			answer = *question.Answer
		}
		m.Questions = append(m.Questions, model.Question{Text: question.Text, Options: question.Options, Answer: answer})
	}
	return m
}

func quizOf(p model.StudyPeriod, withAnswers bool) (*quiz, error) {
	m, err := p.ParseQuiz()
	if m == nil || err != nil {
		return nil, err
	}
	q := &quiz{Pass: m.Pass}
	for _, question := range m.Questions {
		q.Questions = append(q.Questions, questionOf(question, withAnswers))
	}
	return q, nil
}

func questionOf(m model.Question, withAnswer bool) question {
	q := question{Text: m.Text, Options: m.Options}
	if withAnswer {
		q.Answer = &m.Answer
	}
	return q
}

// PeriodAudience is who is due, by unit.
type PeriodAudience struct {
	UnitIDs []int64 `json:"unit_ids" maxItems:"200" doc:"units inside unit_id whose roster is due, with all below them"`
}

type periodBody struct {
	ID            int64                    `json:"id"`
	UnitID        int64                    `json:"unit_id"`
	UnitName      string                   `json:"unit_name"`
	Series        string                   `json:"series"`
	Number        *int                     `json:"number" doc:"null for a special issue"`
	Special       bool                     `json:"special"`
	Name          string                   `json:"name" doc:"第12期, or the title of a special issue"`
	Title         string                   `json:"title"`
	OpensAt       *time.Time               `json:"opens_at"`
	ClosesAt      *time.Time               `json:"closes_at" doc:"the first moment that is too late"`
	ClosedAt      *time.Time               `json:"closed_at" doc:"as of when it is frozen; null while it is not"`
	State         model.PeriodState        `json:"state" enum:"scheduled,open,closed,reopened,cancelled"`
	Frozen        bool                     `json:"frozen"`
	Version       int                      `json:"version" doc:"of the last freezing; above 1 it was corrected (更正)"`
	Track         model.Track              `json:"track" enum:"party,league"`
	Audience      PeriodAudience           `json:"audience"`
	ThresholdBP   int                      `json:"threshold_bp"`
	DecideOn      model.DecideOn           `json:"decide_on" enum:"adjusted,raw"`
	MinDays       int                      `json:"min_days"`
	CheckInsCount bool                     `json:"check_ins_count"`
	Link          string                   `json:"link"`
	Quiz          nullable[quiz]           `json:"quiz"`
	ReopenReason  string                   `json:"reopen_reason"`
	CancelReason  string                   `json:"cancel_reason"`
	Completion    nullable[CompletionBody] `json:"completion" doc:"my own"`
}

type periodOutput struct{ Body periodBody }

// periodBody shows the right answers of the quiz to who opens periods in the unit.
func (s *server) periodBody(actor model.Actor, item period.Item) (periodBody, error) {
	p := item.Period
	b := periodBody{
		ID: p.ID, UnitID: p.UnitID, UnitName: p.Unit.Name, Series: p.Series, Number: p.Number, Special: p.Special(), Name: p.Name(),
		Title: p.Title, OpensAt: stamp(p.OpensAt), ClosesAt: stamp(p.ClosesAt), ClosedAt: stamp(p.ClosedAt),
		State: p.State(model.At(s.Now())), Frozen: p.Frozen(), Version: p.Version, Track: p.Track,
		Audience: PeriodAudience{UnitIDs: []int64{}}, ThresholdBP: p.ThresholdBP, DecideOn: p.DecideOn, MinDays: p.MinDays,
		CheckInsCount: p.CheckInsCount, Link: p.Link, ReopenReason: p.ReopenReason, CancelReason: p.CancelReason,
	}
	for _, u := range p.Audience {
		b.Audience.UnitIDs = append(b.Audience.UnitIDs, u.ID)
	}
	q, err := quizOf(p.StudyPeriod, actor.May(model.WritePeriods, p.Unit.Path))
	b.Quiz = orNull(q)
	if item.Mine != nil {
		b.Completion = orNull(new(completionBodyOf(*item.Mine)))
	}
	return b, err
}

func (s *server) periodOutput(ctx context.Context, item period.Item, err error) (*periodOutput, error) {
	if err != nil {
		return nil, err
	}
	b, err := s.periodBody(actorOf(ctx), item)
	return &periodOutput{Body: b}, err
}

type openPeriodInput struct {
	Body struct {
		UnitID      int64          `json:"unit_id" minimum:"1"`
		Series      string         `json:"series" minLength:"1" maxLength:"60"`
		Number      *int           `json:"number,omitempty" minimum:"1" maximum:"9999" doc:"as numbered upstream; required unless special"`
		Special     bool           `json:"special,omitempty" doc:"a special issue (特辑), outside the numbering"`
		Title       string         `json:"title" minLength:"1" maxLength:"100"`
		OpensAt     time.Time      `json:"opens_at"`
		ClosesAt    time.Time      `json:"closes_at"`
		Track       model.Track    `json:"track,omitempty" enum:"party,league" doc:"that of the unit when absent"`
		ThresholdBP *int           `json:"threshold_bp,omitempty" minimum:"1" maximum:"10000" doc:"the setting of the opening day when absent"`
		Link        string         `json:"link,omitempty" maxLength:"500"`
		Quiz        *quiz          `json:"quiz,omitempty"`
		Audience    PeriodAudience `json:"audience,omitempty" doc:"the unit itself when absent"`
	}
}

func (in *openPeriodInput) plan() (period.Plan, error) {
	b := in.Body
	switch {
	case b.Number == nil && !b.Special:
		return period.Plan{}, model.InvalidField("number", "required", "请填写期数；特辑请注明 special")
	case b.Number != nil && b.Special:
		return period.Plan{}, model.InvalidField("number", "invalid_value", "特辑不编期数")
	}
	plan := period.Plan{
		UnitID: b.UnitID, Series: b.Series, Number: b.Number, Title: b.Title, OpensAt: model.At(b.OpensAt), ClosesAt: model.At(b.ClosesAt),
		Track: b.Track, AudienceUnitIDs: b.Audience.UnitIDs, Link: b.Link, Quiz: b.Quiz.quiz(),
	}
	if b.ThresholdBP != nil {
		plan.ThresholdBP = *b.ThresholdBP
	}
	return plan, nil
}

func (s *server) openPeriod(ctx context.Context, in *openPeriodInput) (*periodOutput, error) {
	plan, err := in.plan()
	if err != nil {
		return nil, err
	}
	p, err := s.Period.Open(ctx, actorOf(ctx), plan)
	return s.periodOutput(ctx, period.Item{Period: p}, err)
}

type listPeriodsInput struct {
	PageInput
	UnitID int64             `query:"unit_id" minimum:"1" doc:"held by the unit or one below it"`
	Series string            `query:"series" maxLength:"60"`
	Year   int               `query:"year" minimum:"2000" maximum:"2099" doc:"opens in the year"`
	State  model.PeriodState `query:"state" enum:"scheduled,open,closed,reopened,cancelled"`
	Mine   bool              `query:"mine" doc:"only those in whose audience I am"`
}

type periodsOutput struct {
	Body struct {
		Items      []periodBody `json:"items"`
		NextCursor *string      `json:"next_cursor"`
	}
}

func (s *server) listPeriods(ctx context.Context, in *listPeriodsInput) (*periodsOutput, error) {
	page, next, err := s.Period.List(ctx, actorOf(ctx), period.Filter{
		UnitID: in.UnitID, Series: in.Series, Year: in.Year, State: in.State, Mine: in.Mine, Limit: in.Limit, Cursor: in.Cursor,
	})
	if err != nil {
		return nil, err
	}
	out := &periodsOutput{}
	out.Body.NextCursor = cursor(next)
	out.Body.Items, err = s.periodBodies(ctx, page)
	return out, err
}

func (s *server) periodBodies(ctx context.Context, page []period.Item) (bodies []periodBody, err error) {
	bodies = make([]periodBody, len(page))
	for i, item := range page {
		if bodies[i], err = s.periodBody(actorOf(ctx), item); err != nil {
			return nil, err
		}
	}
	return bodies, nil
}

func (s *server) readPeriod(ctx context.Context, in *IDInput) (*periodOutput, error) {
	item, err := s.Period.Look(ctx, actorOf(ctx), in.ID)
	return s.periodOutput(ctx, item, err)
}

type changePeriodInput struct {
	IDInput
	Body struct {
		Title       *string    `json:"title,omitempty" minLength:"1" maxLength:"100"`
		Link        *string    `json:"link,omitempty" maxLength:"500"`
		OpensAt     *time.Time `json:"opens_at,omitempty" doc:"until it opens"`
		ClosesAt    *time.Time `json:"closes_at,omitempty" doc:"until it closes"`
		ThresholdBP *int       `json:"threshold_bp,omitempty" minimum:"1" maximum:"10000" doc:"until it opens"`
		Quiz        *quiz      `json:"quiz,omitempty" doc:"until it opens"`
		NoQuiz      bool       `json:"no_quiz,omitempty" doc:"take the quiz away"`
	}
}

func (s *server) changePeriod(ctx context.Context, in *changePeriodInput) (*periodOutput, error) {
	b := in.Body
	p, err := s.Period.Change(ctx, actorOf(ctx), in.ID, period.Change{
		Title: b.Title, Link: b.Link, OpensAt: instantOrNil(b.OpensAt), ClosesAt: instantOrNil(b.ClosesAt),
		ThresholdBP: b.ThresholdBP, Quiz: b.Quiz.quiz(), NoQuiz: b.NoQuiz,
	})
	return s.periodOutput(ctx, period.Item{Period: p}, err)
}

// ReasonInput is a request about one thing that has to say why.
type ReasonInput struct {
	IDInput
	Body struct {
		Reason string `json:"reason" minLength:"1" maxLength:"200"`
	}
}

func (s *server) cancelPeriod(ctx context.Context, in *ReasonInput) (*periodOutput, error) {
	p, err := s.Period.Cancel(ctx, actorOf(ctx), in.ID, in.Body.Reason)
	return s.periodOutput(ctx, period.Item{Period: p}, err)
}

func (s *server) closePeriod(ctx context.Context, in *IDInput) (*periodOutput, error) {
	p, err := s.Period.Close(ctx, actorOf(ctx), in.ID)
	return s.periodOutput(ctx, period.Item{Period: p}, err)
}

func (s *server) reopenPeriod(ctx context.Context, in *ReasonInput) (*periodOutput, error) {
	p, err := s.Period.Reopen(ctx, actorOf(ctx), in.ID, in.Body.Reason)
	return s.periodOutput(ctx, period.Item{Period: p}, err)
}

type periodActivityInput struct {
	IDInput
	ActivityID int64 `path:"activity_id" minimum:"1" maximum:"9007199254740991"`
}

type addPeriodActivityInput struct {
	IDInput
	Body struct {
		ActivityID int64 `json:"activity_id" minimum:"1"`
	}
}

type periodActivitiesOutput struct {
	Body struct {
		ActivityIDs []int64 `json:"activity_ids"`
	}
}

func (s *server) addPeriodActivity(ctx context.Context, in *addPeriodActivityInput) (*periodActivitiesOutput, error) {
	return periodActivities(s.Period.AddActivity(ctx, actorOf(ctx), in.ID, in.Body.ActivityID))
}

func (s *server) listPeriodActivities(ctx context.Context, in *IDInput) (*periodActivitiesOutput, error) {
	return periodActivities(s.Period.Activities(ctx, actorOf(ctx), in.ID))
}

func periodActivities(ids []int64, err error) (*periodActivitiesOutput, error) {
	if err != nil {
		return nil, err
	}
	out := &periodActivitiesOutput{}
	out.Body.ActivityIDs = ids
	return out, nil
}

func (s *server) removePeriodActivity(ctx context.Context, in *periodActivityInput) (*struct{}, error) {
	return nil, s.Period.RemoveActivity(ctx, actorOf(ctx), in.ID, in.ActivityID)
}
