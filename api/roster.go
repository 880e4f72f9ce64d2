package api

import (
	"context"
	"net/http"
	"time"

	"zhibu/model"
	"zhibu/service/roster"
)

func (s *server) rosterRoutes() []route {
	const tag = "roster"
	return []route{
		{method: http.MethodGet, path: "/units/{id}/members", role: mini, name: "list-members", tag: tag,
			summary: "花名册", mount: handle(s.listMembers)},
		{method: http.MethodPost, path: "/units/{id}/members", role: org, name: "create-member", tag: tag, status: http.StatusCreated,
			summary: "编入一名成员", mount: handle(s.createMember)},
		{method: http.MethodPost, path: "/units/{id}/roster/import", role: org, name: "import-roster", tag: tag, upload: maxUpload,
			summary: "导入花名册", mount: formOnly(handle(s.importRoster))},
		{method: http.MethodGet, path: "/units/{id}/roster.xlsx", role: org, name: "export-roster", tag: tag,
			summary: "导出花名册", mount: handle(s.exportRosterAs(roster.XLSX, xlsxType))},
		{method: http.MethodGet, path: "/units/{id}/roster.csv", role: org, name: "export-roster-csv", tag: tag,
			summary: "导出花名册（CSV）", mount: handle(s.exportRosterAs(roster.CSV, csvType))},
		{method: http.MethodGet, path: "/members/{id}", role: mini, name: "read-member", tag: tag,
			summary: "一名成员（本人或其组织的负责人）", mount: handle(s.readMember)},
		{method: http.MethodPatch, path: "/members/{id}", role: mini, name: "change-member", tag: tag,
			summary: "修改成员（本人只能改手机号）", mount: handle(s.changeMember)},
		{method: http.MethodPost, path: "/members/{id}/transfers", role: org, name: "transfer-member", tag: tag, status: http.StatusCreated,
			summary: "组织关系接转", mount: handle(s.transferMember)},
		{method: http.MethodPost, path: "/transfers/{id}/cancel", role: org, name: "cancel-transfer", tag: tag,
			summary: "取消尚未生效的接转或离开", mount: handle(s.cancelTransfer)},
		{method: http.MethodPost, path: "/memberships/{id}/end", role: org, name: "end-membership", tag: tag,
			summary: "离开花名册", mount: handle(s.endMembership)},
	}
}

// MemberDetails are shown to officers and to the member.
type MemberDetails struct {
	Gender    string  `json:"gender" required:"false" enum:"male,female,"`
	Ethnicity string  `json:"ethnicity" required:"false"`
	BirthDate *string `json:"birth_date" required:"false"`
	Phone     string  `json:"phone" required:"false" doc:"masked above the member's own branch"`
	IDNumber  string  `json:"id_number" required:"false" doc:"masked"`
	Education string  `json:"education" required:"false"`
	JobTitle  string  `json:"job_title" required:"false"`
	Note      string  `json:"note" required:"false"`
}

// MembershipDetails are shown to officers and to the member.
type MembershipDetails struct {
	ID          int64                 `json:"id" required:"false"`
	Kind        model.MembershipKind  `json:"kind" required:"false" enum:"full,probationary,member"`
	State       model.MembershipState `json:"state" required:"false" enum:"active,suspended"`
	Category    model.Category        `json:"category" required:"false" enum:"in_service,retired,floating"`
	Hardship    bool                  `json:"hardship" required:"false"`
	JoinedOn    *string               `json:"joined_on" required:"false"`
	ConfirmedOn *string               `json:"confirmed_on" required:"false"`
	StartedOn   *string               `json:"started_on" required:"false"`
	EndedOn     *string               `json:"ended_on" required:"false" doc:"first day no longer in it; null while it lasts"`
	EndReason   string                `json:"end_reason" required:"false"`
}

type membershipBody struct {
	UnitID   int64       `json:"unit_id"`
	UnitName string      `json:"unit_name"`
	Track    model.Track `json:"track" enum:"party,league"`
	*MembershipDetails
}

func membershipBodies(episodes []roster.Episode) []membershipBody {
	bodies := make([]membershipBody, len(episodes))
	for i, e := range episodes {
		bodies[i] = membershipBody{UnitID: e.UnitID, UnitName: e.Unit.Name, Track: e.Track}
		if e.ID == 0 { // names and posts only
			continue
		}
		bodies[i].MembershipDetails = &MembershipDetails{
			ID: e.ID, Kind: e.Kind, State: e.State, Category: e.Category, Hardship: e.Hardship, JoinedOn: day(e.JoinedOn),
			ConfirmedOn: day(e.ConfirmedOn), StartedOn: day(e.StartedOn), EndedOn: day(e.EndedOn), EndReason: e.EndReason,
		}
	}
	return bodies
}

type memberBody struct {
	ID   int64  `json:"id"`
	Name string `json:"name"`
	*MemberDetails
	Memberships []membershipBody `json:"memberships"`
	History     []membershipBody `json:"history,omitempty" doc:"memberships that have ended"`
	Planned     []transferBody   `json:"planned,omitempty" doc:"transfers whose day has not come; they may be cancelled"`
	Posts       []myPost         `json:"posts"`
}

func memberBodyOf(p roster.Profile) memberBody {
	b := memberBody{ID: p.ID, Name: p.Name, Memberships: membershipBodies(p.Memberships), Posts: []myPost{}}
	if len(p.History) > 0 {
		b.History = membershipBodies(p.History)
	}
	for _, t := range p.Planned {
		b.Planned = append(b.Planned, transferBodyOf(t))
	}
	if d := p.Details; d != nil {
		b.MemberDetails = &MemberDetails{
			Gender: d.Gender, Ethnicity: d.Ethnicity, BirthDate: day(d.BirthDate), Phone: d.Phone, IDNumber: d.IDNumber,
			Education: d.Education, JobTitle: d.JobTitle, Note: d.Note,
		}
	}
	for _, o := range p.Offices {
		b.Posts = append(b.Posts, myPosts([]model.Post{o.Post}, map[int64]model.Unit{o.UnitID: o.Unit})...)
	}
	return b
}

type memberOutput struct{ Body memberBody }

func renderMember(p roster.Profile, err error) (*memberOutput, error) {
	if err != nil {
		return nil, err
	}
	return &memberOutput{Body: memberBodyOf(p)}, nil
}

type listMembersInput struct {
	IDInput
	PageInput
	AsOf  model.Date  `query:"as_of" format:"date" doc:"the roster of that day; today when absent"`
	Track model.Track `query:"track" enum:"party,league"`
	Query string      `query:"q" maxLength:"50" doc:"a part of the name, or the beginning of its pinyin or initials"`
}

type membersOutput struct {
	Body struct {
		Items      []memberBody `json:"items"`
		NextCursor *string      `json:"next_cursor"`
	}
}

func (s *server) listMembers(ctx context.Context, in *listMembersInput) (*membersOutput, error) {
	page, next, err := s.Roster.List(ctx, actorOf(ctx), in.ID, roster.Filter{
		AsOf: in.AsOf, Track: in.Track, Query: in.Query, Limit: in.Limit, Cursor: in.Cursor,
	})
	if err != nil {
		return nil, err
	}
	out := &membersOutput{}
	out.Body.Items, out.Body.NextCursor = make([]memberBody, len(page)), cursor(next)
	for i, p := range page {
		out.Body.Items[i] = memberBodyOf(p)
	}
	return out, nil
}

type createMemberInput struct {
	IDInput
	Body struct {
		Name       string     `json:"name" minLength:"1" maxLength:"50"`
		Gender     string     `json:"gender,omitempty" enum:"male,female"`
		Ethnicity  string     `json:"ethnicity,omitempty" maxLength:"20"`
		BirthDate  model.Date `json:"birth_date,omitempty" format:"date"`
		Phone      string     `json:"phone,omitempty" maxLength:"30" doc:"absent: none, as with some retired members"`
		IDNumber   string     `json:"id_number,omitempty" maxLength:"30"`
		Education  string     `json:"education,omitempty" maxLength:"40"`
		JobTitle   string     `json:"job_title,omitempty" maxLength:"100"`
		Note       string     `json:"note,omitempty" maxLength:"500"`
		Membership joining    `json:"membership,omitempty"`
	}
}

type joining struct {
	Track       model.Track           `json:"track,omitempty" enum:"party,league" doc:"of the unit when absent"`
	Kind        model.MembershipKind  `json:"kind,omitempty" enum:"full,probationary,member"`
	State       model.MembershipState `json:"state,omitempty" enum:"active,suspended"`
	Category    model.Category        `json:"category,omitempty" enum:"in_service,retired,floating"`
	Hardship    bool                  `json:"hardship,omitempty"`
	JoinedOn    model.Date            `json:"joined_on,omitempty" format:"date" doc:"入党（团）时间"`
	ConfirmedOn model.Date            `json:"confirmed_on,omitempty" format:"date" doc:"转正时间"`
	StartedOn   model.Date            `json:"started_on,omitempty" format:"date" doc:"first day on this roster; today when absent"`
}

func (s *server) createMember(ctx context.Context, in *createMemberInput) (*memberOutput, error) {
	b := in.Body
	return renderMember(s.Roster.Create(ctx, actorOf(ctx), in.ID, roster.Person{
		Name: b.Name, Gender: b.Gender, Ethnicity: b.Ethnicity, BirthDate: b.BirthDate, Phone: b.Phone, IDNumber: b.IDNumber,
		Education: b.Education, JobTitle: b.JobTitle, Note: b.Note,
	}, roster.Joining(b.Membership)))
}

func (s *server) readMember(ctx context.Context, in *IDInput) (*memberOutput, error) {
	return renderMember(s.Roster.Look(ctx, actorOf(ctx), in.ID))
}

type changeMemberInput struct {
	IDInput
	Body struct {
		Name       *string           `json:"name,omitempty" minLength:"1" maxLength:"50"`
		Gender     *string           `json:"gender,omitempty" enum:"male,female"`
		Ethnicity  *string           `json:"ethnicity,omitempty" maxLength:"20"`
		BirthDate  *model.Date       `json:"birth_date,omitempty" format:"date"`
		Phone      *string           `json:"phone,omitempty" maxLength:"30" doc:"empty: none"`
		IDNumber   *string           `json:"id_number,omitempty" maxLength:"30" doc:"brings birth date and gender along; empty: none"`
		Education  *string           `json:"education,omitempty" maxLength:"40"`
		JobTitle   *string           `json:"job_title,omitempty" maxLength:"100"`
		Note       *string           `json:"note,omitempty" maxLength:"500"`
		Membership *membershipChange `json:"membership,omitempty" doc:"from a day on"`
	}
}

type membershipChange struct {
	Track       model.Track            `json:"track,omitempty" enum:"party,league" doc:"needed only where the member is on both rosters"`
	Kind        *model.MembershipKind  `json:"kind,omitempty" enum:"full,probationary,member"`
	State       *model.MembershipState `json:"state,omitempty" enum:"active,suspended"`
	Category    *model.Category        `json:"category,omitempty" enum:"in_service,retired,floating"`
	Hardship    *bool                  `json:"hardship,omitempty"`
	JoinedOn    *model.Date            `json:"joined_on,omitempty" format:"date"`
	ConfirmedOn *model.Date            `json:"confirmed_on,omitempty" format:"date"`
	EffectiveOn model.Date             `json:"effective_on,omitempty" format:"date" doc:"today when absent"`
}

func (s *server) changeMember(ctx context.Context, in *changeMemberInput) (*memberOutput, error) {
	b := in.Body
	return renderMember(s.Roster.Change(ctx, actorOf(ctx), in.ID, roster.Change{
		Name: b.Name, Gender: b.Gender, Ethnicity: b.Ethnicity, BirthDate: b.BirthDate, Phone: b.Phone, IDNumber: b.IDNumber,
		Education: b.Education, JobTitle: b.JobTitle, Note: b.Note, Membership: (*roster.MembershipChange)(b.Membership),
	}))
}

type transferMemberInput struct {
	IDInput
	Body struct {
		ToUnitID    int64       `json:"to_unit_id" minimum:"1"`
		EffectiveOn model.Date  `json:"effective_on,omitempty" format:"date" doc:"first day in the new unit, which may lie ahead; today when absent"`
		Reason      string      `json:"reason" minLength:"1" maxLength:"200"`
		DuesPaidTo  model.Month `json:"dues_paid_to,omitempty" maxLength:"7" doc:"党费交至, of the letter, YYYY-MM: the last month the old branch collects; by the dues day when absent"`
	}
}

type transferBody struct {
	ID           int64        `json:"id"`
	MemberID     int64        `json:"member_id"`
	Track        model.Track  `json:"track"`
	FromUnitID   int64        `json:"from_unit_id"`
	ToUnitID     *int64       `json:"to_unit_id" doc:"null when the member left"`
	EffectiveOn  *string      `json:"effective_on"`
	Reason       string       `json:"reason"`
	DuesPaidTo   *model.Month `json:"dues_paid_to"`
	CancelledAt  *time.Time   `json:"cancelled_at" doc:"null while it stands"`
	CancelReason string       `json:"cancel_reason,omitempty"`
}

func transferBodyOf(t model.Transfer) transferBody {
	return transferBody{
		ID: t.ID, MemberID: t.MemberID, Track: t.Track, FromUnitID: t.FromUnitID, ToUnitID: t.ToUnitID,
		EffectiveOn: day(t.EffectiveOn), Reason: t.Reason, DuesPaidTo: orNil(t.DuesPaidTo), CancelledAt: stamp(t.CancelledAt), CancelReason: t.CancelReason,
	}
}

type transferOutput struct{ Body transferBody }

func renderTransfer(t model.Transfer, err error) (*transferOutput, error) {
	if err != nil {
		return nil, err
	}
	return &transferOutput{Body: transferBodyOf(t)}, nil
}

func (s *server) transferMember(ctx context.Context, in *transferMemberInput) (*transferOutput, error) {
	return renderTransfer(s.Roster.Transfer(ctx, actorOf(ctx), in.ID, roster.Move(in.Body)))
}

type cancelTransferInput struct {
	IDInput
	Body struct {
		Reason string `json:"reason" minLength:"1" maxLength:"200"`
	}
}

func (s *server) cancelTransfer(ctx context.Context, in *cancelTransferInput) (*transferOutput, error) {
	return renderTransfer(s.Roster.Cancel(ctx, actorOf(ctx), in.ID, in.Body.Reason))
}

type endMembershipInput struct {
	IDInput
	Body struct {
		On     model.Date `json:"on,omitempty" format:"date" doc:"first day no longer on the roster; today when absent"`
		Reason string     `json:"reason" minLength:"1" maxLength:"200" doc:"left, struck off, died, aged out"`
	}
}

func (s *server) endMembership(ctx context.Context, in *endMembershipInput) (*transferOutput, error) {
	return renderTransfer(s.Roster.End(ctx, actorOf(ctx), in.ID, in.Body.On, in.Body.Reason))
}
