package api

import (
	"cmp"
	"context"
	"maps"
	"net/http"
	"slices"
	"time"

	"zhibu/model"
	"zhibu/service/signin"
)

type myMembership struct {
	UnitID      int64                 `json:"unit_id"`
	UnitName    string                `json:"unit_name"`
	Track       model.Track           `json:"track"`
	Kind        model.MembershipKind  `json:"kind"`
	State       model.MembershipState `json:"state"`
	Category    model.Category        `json:"category"`
	JoinedOn    *string               `json:"joined_on"`
	ConfirmedOn *string               `json:"confirmed_on"`
	StartedOn   *string               `json:"started_on"`
	EndedOn     *string               `json:"ended_on" doc:"first day no longer in it; null while it lasts"`
}

func myMemberships(rows []model.Membership, units map[int64]model.Unit) []myMembership {
	bodies := make([]myMembership, len(rows))
	for i, m := range rows {
		bodies[i] = myMembership{
			UnitID: m.UnitID, UnitName: units[m.UnitID].Name, Track: m.Track, Kind: m.Kind, State: m.State, Category: m.Category,
			JoinedOn: day(m.JoinedOn), ConfirmedOn: day(m.ConfirmedOn), StartedOn: day(m.StartedOn), EndedOn: day(m.EndedOn),
		}
	}
	return bodies
}

type myPost struct {
	ID         int64       `json:"id"`
	UnitID     int64       `json:"unit_id"`
	UnitName   string      `json:"unit_name"`
	Title      model.Title `json:"title"`
	TitleName  string      `json:"title_name"`
	StartedOn  *string     `json:"started_on"`
	TermEndsOn *string     `json:"term_ends_on"`
	EndedOn    *string     `json:"ended_on" doc:"first day no longer in office; null while it lasts"`
}

func myPosts(rows []model.Post, units map[int64]model.Unit) []myPost {
	bodies := make([]myPost, len(rows))
	for i, p := range rows {
		bodies[i] = myPost{
			ID: p.ID, UnitID: p.UnitID, UnitName: units[p.UnitID].Name, Title: p.Title, TitleName: p.Title.Name(),
			StartedOn: day(p.StartedOn), TermEndsOn: day(p.TermEndsOn), EndedOn: day(p.EndedOn),
		}
	}
	return bodies
}

type meOutput struct {
	Body struct {
		Member      nullable[me]   `json:"member" doc:"null while the WeChat is not bound, and for a console account"`
		Memberships []myMembership `json:"memberships"`
		Posts       []myPost       `json:"posts"`
		Roles       []string       `json:"roles" doc:"member, and the titles of the offices held"`
		Units       []UnitBody     `json:"units"`
	}
}

type me struct {
	ID    int64  `json:"id"`
	Name  string `json:"name"`
	Phone string `json:"phone" doc:"masked"`
}

func (s *server) readMe(ctx context.Context, _ *struct{}) (*meOutput, error) {
	p, err := s.SignIn.Me(ctx, actorOf(ctx))
	if err != nil {
		return nil, err
	}
	out := &meOutput{}
	if p.Member != nil {
		out.Body.Member = orNull(&me{ID: p.Member.ID, Name: p.Member.Name, Phone: p.Phone})
	}
	out.Body.Memberships, out.Body.Posts = myMemberships(p.Memberships, p.Units), myPosts(p.Posts, p.Units)
	out.Body.Roles, out.Body.Units = p.Roles, []UnitBody{}
	for _, u := range slices.SortedFunc(maps.Values(p.Units), func(a, b model.Unit) int { return cmp.Compare(a.Path, b.Path) }) {
		out.Body.Units = append(out.Body.Units, unitBodyOf(u))
	}
	return out, nil
}

type myDataOutput struct {
	Disposition string `header:"Content-Disposition"`
	Body        myData
}

type myData struct {
	Member struct {
		ID        int64      `json:"id"`
		Name      string     `json:"name"`
		Gender    string     `json:"gender"`
		Ethnicity string     `json:"ethnicity"`
		BirthDate *string    `json:"birth_date"`
		Education string     `json:"education"`
		JobTitle  string     `json:"job_title"`
		Phone     string     `json:"phone"`
		IDNumber  string     `json:"id_number"`
		Note      string     `json:"note"`
		CreatedAt *time.Time `json:"created_at"`
	} `json:"member"`
	Memberships []myMembership `json:"memberships"`
	Posts       []myPost       `json:"posts"`
	Transfers   []myTransfer   `json:"transfers"`
	Bindings    []myBinding    `json:"wechat_bindings"`
	CheckIns    []myCheckIn    `json:"check_ins"`
	Leaves      []myLeave      `json:"leaves"`
	Completions []myCompletion `json:"completions"`
	Exemptions  []myExemption  `json:"exemptions"`
	Frozen      []myEntry      `json:"study_period_entries" doc:"what the frozen versions of study periods keep"`
	Feedback    []feedbackBody `json:"feedback"`
	Dues        myDuesData     `json:"dues"`
	Inbox       []myInboxEntry `json:"announcements" doc:"what the member was told"`
	Consents    []myConsent    `json:"subscriptions" doc:"consents to be sent a subscribe message"`
}

type myTransfer struct {
	Track       model.Track `json:"track"`
	FromUnit    string      `json:"from_unit"`
	ToUnit      *string     `json:"to_unit" doc:"null when the member left"`
	EffectiveOn *string     `json:"effective_on"`
	Reason      string      `json:"reason"`
}

type myBinding struct {
	Method    string     `json:"method"`
	BoundAt   *time.Time `json:"bound_at"`
	UnboundAt *time.Time `json:"unbound_at"`
	Reason    string     `json:"unbound_reason"`
}

type myCheckIn struct {
	ActivityID  int64                 `json:"activity_id"`
	State       model.AttendanceState `json:"state"`
	Source      model.Source          `json:"source"`
	CheckedInAt *time.Time            `json:"checked_in_at"`
	Reason      string                `json:"reason"`
}

type myLeave struct {
	ActivityID     int64      `json:"activity_id"`
	ReasonCategory string     `json:"reason_category"`
	Note           string     `json:"note"`
	State          string     `json:"state"`
	RequestedAt    *time.Time `json:"requested_at"`
	DecidedAt      *time.Time `json:"decided_at"`
	DecisionNote   string     `json:"decision_note"`
}

// MyPeriod names a study period.
type MyPeriod struct {
	ID     int64  `json:"study_period_id"`
	Series string `json:"series"`
	Name   string `json:"name"`
	Title  string `json:"title"`
}

func myPeriodOf(p model.StudyPeriod) MyPeriod { return MyPeriod{p.ID, p.Series, p.Name(), p.Title} }

type myCompletion struct {
	MyPeriod
	Source      model.CompletionSource `json:"source"`
	CompletedAt *time.Time             `json:"completed_at"`
	RecordedAt  *time.Time             `json:"recorded_at"`
	Late        bool                   `json:"late"`
	Reason      string                 `json:"reason"`
}

type myExemption struct {
	MyPeriod
	ReasonCategory model.ExemptionReason `json:"reason_category"`
	ReasonName     string                `json:"reason_name"`
	Note           string                `json:"note"`
	ApprovedAt     *time.Time            `json:"approved_at"`
}

type myEntry struct {
	MyPeriod
	Version     int                    `json:"version"`
	UnitName    string                 `json:"unit_name"`
	Outcome     model.Outcome          `json:"outcome"`
	Source      model.CompletionSource `json:"source" doc:"empty unless completed"`
	CompletedAt *time.Time             `json:"completed_at"`
	FrozenAt    *time.Time             `json:"frozen_at"`
}

// addStudyTo adds what is held about study periods.
func addStudyTo(b *myData, d signin.PersonalData) {
	b.Completions, b.Exemptions = make([]myCompletion, len(d.Completions)), make([]myExemption, len(d.Exemptions))
	b.Frozen = make([]myEntry, len(d.Frozen))
	for i, c := range d.Completions {
		p := d.Periods[c.PeriodID]
		b.Completions[i] = myCompletion{
			myPeriodOf(p), c.Source, stamp(c.CompletedAt), stamp(c.RecordedAt), c.CompletedAt >= p.Cutoff(), c.Reason,
		}
	}
	for i, e := range d.Exemptions {
		b.Exemptions[i] = myExemption{
			myPeriodOf(d.Periods[e.PeriodID]), e.ReasonCategory, e.ReasonCategory.Name(), e.Note, stamp(e.ApprovedAt),
		}
	}
	for i, e := range d.Frozen {
		b.Frozen[i] = myEntry{
			myPeriodOf(d.Periods[e.PeriodID]), e.Number, d.Units[e.UnitID].Name, e.Outcome, e.Source, stamp(e.CompletedAt),
			stamp(e.FrozenAt),
		}
	}
}

func (s *server) exportMyData(ctx context.Context, _ *struct{}) (*myDataOutput, error) {
	d, err := s.SignIn.MyData(ctx, actorOf(ctx))
	if err != nil {
		return nil, err
	}
	return &myDataOutput{Disposition: `attachment; filename="my-data.json"`, Body: myDataOf(d)}, nil
}

func myDataOf(d signin.PersonalData) myData {
	b := myData{
		Memberships: myMemberships(d.Memberships, d.Units), Posts: myPosts(d.Posts, d.Units),
		Transfers: make([]myTransfer, len(d.Transfers)), Bindings: make([]myBinding, len(d.Bindings)),
		CheckIns: make([]myCheckIn, len(d.CheckIns)), Leaves: make([]myLeave, len(d.Leaves)),
		Feedback: make([]feedbackBody, len(d.Feedback)),
	}
	m := &b.Member
	m.ID, m.Name, m.Gender, m.Ethnicity, m.BirthDate = d.Member.ID, d.Member.Name, d.Member.Gender, d.Member.Ethnicity, day(d.Member.BirthDate)
	m.Education, m.JobTitle, m.Phone, m.IDNumber, m.Note = d.Member.Education, d.Member.JobTitle, d.Phone, d.IDNumber, d.Member.Note
	m.CreatedAt = stamp(d.Member.CreatedAt)
	for i, t := range d.Transfers {
		b.Transfers[i] = myTransfer{Track: t.Track, FromUnit: d.Units[t.FromUnitID].Name, EffectiveOn: day(t.EffectiveOn), Reason: t.Reason}
		if t.ToUnitID != nil {
			name := d.Units[*t.ToUnitID].Name
			b.Transfers[i].ToUnit = &name
		}
	}
	for i, x := range d.Bindings {
		b.Bindings[i] = myBinding{x.Method, stamp(x.BoundAt), stamp(x.UnboundAt), x.UnboundReason}
	}
	for i, c := range d.CheckIns {
		b.CheckIns[i] = myCheckIn{c.ActivityID, c.State, c.Source, stamp(c.CheckedInAt), c.Reason}
	}
	for i, l := range d.Leaves {
		b.Leaves[i] = myLeave{l.ActivityID, l.ReasonCategory, l.Note, l.State, stamp(l.RequestedAt), stamp(l.DecidedAt), l.DecisionNote}
	}
	for i, f := range d.Feedback {
		b.Feedback[i] = feedbackBodyOf(f, d.Member.Name)
	}
	addStudyTo(&b, d)
	b.Dues = myDuesDataOf(d)
	addPushTo(&b, d)
	return b
}

type erasureOutput struct {
	Status int
	Body   struct {
		State signin.Erasure `json:"state" enum:"erased,requested" doc:"requested: the branch must first end membership and posts; then ask again"`
	}
}

func (s *server) eraseMyData(ctx context.Context, _ *struct{}) (*erasureOutput, error) {
	outcome, err := s.SignIn.Erase(ctx, actorOf(ctx))
	if err != nil {
		return nil, err
	}
	out := &erasureOutput{Status: http.StatusOK}
	if out.Body.State = outcome; outcome == signin.ErasureRequested {
		out.Status = http.StatusAccepted
	}
	return out, nil
}
