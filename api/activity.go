package api

import (
	"context"
	"net/http"
	"time"

	"github.com/danielgtaylor/huma/v2"

	"zhibu/model"
	"zhibu/service/activity"
)

func (s *server) activityRoutes() []route {
	const tag = "activity"
	return []route{
		{method: http.MethodPost, path: "/activities", role: org, name: "create-activity", tag: tag, status: http.StatusCreated,
			summary: "发起活动", mount: handle(s.createActivity)},
		{method: http.MethodGet, path: "/activities", role: mini, name: "list-activities", tag: tag,
			summary: "活动列表", mount: handle(s.listActivities)},
		{method: http.MethodGet, path: "/activities/{id}", role: mini, name: "read-activity", tag: tag,
			summary: "活动详情", mount: handle(s.readActivity)},
		{method: http.MethodPatch, path: "/activities/{id}", role: org, name: "change-activity", tag: tag,
			summary: "修改活动", mount: handle(s.changeActivity)},
		{method: http.MethodPost, path: "/activities/{id}/cancel", role: org, name: "cancel-activity", tag: tag,
			summary: "取消活动", mount: handle(s.cancelActivity)},
		{method: http.MethodPost, path: "/activities/{id}/minutes", role: org, name: "file-minutes", tag: tag,
			summary: "登记会议记录", mount: handle(s.fileMinutes)},
		{method: http.MethodPost, path: "/activities/{id}/upstream", role: org, name: "mark-upstream", tag: tag,
			summary: "登记已录入上级系统", mount: handle(s.markUpstream)},
	}
}

// activityKind is model.ActivityKind with its values in the schema: what is none of them never reaches the database.
type activityKind model.ActivityKind

func (activityKind) TransformSchema(_ huma.Registry, s *huma.Schema) *huma.Schema {
	for _, k := range model.ActivityKinds {
		s.Enum = append(s.Enum, string(k.Kind))
	}
	return s
}

type audience struct {
	UnitIDs []int64     `json:"unit_ids" maxItems:"200" doc:"units whose roster is invited, with all below them"`
	Track   model.Track `json:"track,omitempty" enum:"party,league" doc:"only members of this track; both when absent"`
}

// audienceChange is the part of an audience to change: each field stands alone.
type audienceChange struct {
	UnitIDs []int64      `json:"unit_ids,omitempty" minItems:"1" maxItems:"200"`
	Track   *model.Track `json:"track,omitempty" enum:"party,league," doc:"empty: both"`
}

type geofence struct {
	Latitude  float64 `json:"latitude" minimum:"-90" maximum:"90"`
	Longitude float64 `json:"longitude" minimum:"-180" maximum:"180"`
	RadiusM   int     `json:"radius_m" minimum:"20" maximum:"5000"`
}

type activityBody struct {
	ID              int64              `json:"id"`
	UnitID          int64              `json:"unit_id"`
	UnitName        string             `json:"unit_name"`
	Kind            activityKind       `json:"kind"`
	KindName        string             `json:"kind_name"`
	Title           string             `json:"title"`
	Place           string             `json:"place"`
	StartsAt        *time.Time         `json:"starts_at"`
	EndsAt          *time.Time         `json:"ends_at"`
	CheckInOpensAt  *time.Time         `json:"check_in_opens_at"`
	CheckInClosesAt *time.Time         `json:"check_in_closes_at"`
	State           string             `json:"state" enum:"scheduled,open,ended,cancelled"`
	Audience        audience           `json:"audience"`
	CreditMinutes   int                `json:"credit_minutes"`
	StudyModes      []string           `json:"study_modes"`
	Campaigns       []string           `json:"campaigns"`
	Geofence        nullable[geofence] `json:"geofence"`
	CancelReason    string             `json:"cancel_reason"`
	Minutes         string             `json:"minutes" doc:"in the answers about one activity, for its officers and who is due; else empty"`
	Resolutions     string             `json:"resolutions" doc:"as minutes"`
	Upstream        nullable[upstream] `json:"upstream"`
}

type upstream struct {
	EnteredOn string `json:"entered_on" format:"date"`
	Reference string `json:"reference" maxLength:"100"`
}

func (s *server) activityBody(g model.Gathering) activityBody {
	b := activityBody{
		ID: g.ID, UnitID: g.UnitID, UnitName: g.Unit.Name, Kind: activityKind(g.Kind), KindName: g.Kind.Name(), Title: g.Title, Place: g.Place,
		StartsAt: stamp(g.StartsAt), EndsAt: stamp(g.EndsAt),
		CheckInOpensAt: stamp(g.CheckInOpensAt), CheckInClosesAt: stamp(g.CheckInClosesAt),
		State: g.State(model.At(s.Now())), Audience: audience{Track: g.AudienceTrack, UnitIDs: []int64{}},
		CreditMinutes: g.CreditMinutes, StudyModes: model.SplitList(g.StudyModes, ","), Campaigns: model.SplitList(g.Campaigns, "\n"),
		CancelReason: g.CancelReason, Minutes: g.MinutesText, Resolutions: g.Resolutions,
	}
	for _, u := range g.Audience {
		b.Audience.UnitIDs = append(b.Audience.UnitIDs, u.ID)
	}
	if g.GeofenceRadiusM != nil {
		b.Geofence = orNull(&geofence{Latitude: *g.GeofenceLatitude, Longitude: *g.GeofenceLongitude, RadiusM: *g.GeofenceRadiusM})
	}
	if g.UpstreamOn != "" {
		b.Upstream = orNull(&upstream{EnteredOn: string(g.UpstreamOn), Reference: g.UpstreamReference})
	}
	return b
}

type activityOutput struct{ Body activityBody }

func (s *server) activityOutput(g model.Gathering, err error) (*activityOutput, error) {
	if err != nil {
		return nil, err
	}
	return &activityOutput{Body: s.activityBody(g)}, nil
}

type createActivityInput struct {
	Body struct {
		UnitID          int64        `json:"unit_id" minimum:"1"`
		Kind            activityKind `json:"kind"`
		Title           string       `json:"title" minLength:"1" maxLength:"100"`
		Place           string       `json:"place,omitempty" maxLength:"100"`
		StartsAt        time.Time    `json:"starts_at"`
		EndsAt          time.Time    `json:"ends_at"`
		CheckInOpensAt  *time.Time   `json:"check_in_opens_at,omitempty" doc:"30 minutes before the start when absent"`
		CheckInClosesAt *time.Time   `json:"check_in_closes_at,omitempty" doc:"the end when absent"`
		Audience        audience     `json:"audience,omitempty"`
		CreditMinutes   int          `json:"credit_minutes,omitempty" minimum:"0" maximum:"14400"`
		StudyModes      []string     `json:"study_modes,omitempty" maxItems:"6" enum:"leader,branch,lecture,expert,vr,self"`
		Campaigns       []string     `json:"campaigns,omitempty" maxItems:"20"`
		Geofence        *geofence    `json:"geofence,omitempty"`
	}
}

func (in *createActivityInput) plan() activity.Plan {
	b := in.Body
	return activity.Plan{
		UnitID: b.UnitID, Kind: model.ActivityKind(b.Kind), Title: b.Title, Place: b.Place, StartsAt: model.At(b.StartsAt), EndsAt: model.At(b.EndsAt),
		CheckInOpensAt: instant(b.CheckInOpensAt), CheckInClosesAt: instant(b.CheckInClosesAt),
		AudienceUnitIDs: b.Audience.UnitIDs, AudienceTrack: b.Audience.Track, CreditMinutes: b.CreditMinutes,
		StudyModes: b.StudyModes, Campaigns: b.Campaigns, Geofence: (*activity.Geofence)(b.Geofence),
	}
}

func (s *server) createActivity(ctx context.Context, in *createActivityInput) (*activityOutput, error) {
	return s.activityOutput(s.Activity.Create(ctx, actorOf(ctx), in.plan()))
}

type listActivitiesInput struct {
	PageInput
	UnitID int64        `query:"unit_id" minimum:"1" doc:"held by the unit or one below it"`
	From   string       `query:"from" doc:"starts on or after: a time, or a date"`
	To     string       `query:"to" doc:"starts before the time, or on or before the date"`
	Kind   activityKind `query:"kind"`
	State  string       `query:"state" enum:"scheduled,open,ended,cancelled"`
	Mine   bool         `query:"mine" doc:"only those to which I am invited"`
}

type activitiesOutput struct {
	Body struct {
		Items      []activityBody `json:"items"`
		NextCursor *string        `json:"next_cursor"`
	}
}

func (s *server) listActivities(ctx context.Context, in *listActivitiesInput) (*activitiesOutput, error) {
	from, to, err := timeRange(in.From, in.To)
	if err != nil {
		return nil, err
	}
	page, next, err := s.Activity.List(ctx, actorOf(ctx), activity.Filter{
		UnitID: in.UnitID, From: from, To: to, Kind: model.ActivityKind(in.Kind), State: in.State, Mine: in.Mine, Limit: in.Limit, Cursor: in.Cursor,
	})
	if err != nil {
		return nil, err
	}
	out := &activitiesOutput{}
	out.Body.Items, out.Body.NextCursor = s.activityBodies(page), cursor(next)
	return out, nil
}

func (s *server) activityBodies(page []model.Gathering) []activityBody {
	bodies := make([]activityBody, len(page))
	for i, g := range page {
		bodies[i] = s.activityBody(g)
	}
	return bodies
}

func (s *server) readActivity(ctx context.Context, in *IDInput) (*activityOutput, error) {
	return s.activityOutput(s.Activity.Look(ctx, actorOf(ctx), in.ID))
}

type changeActivityInput struct {
	IDInput
	Body struct {
		Kind            *activityKind   `json:"kind,omitempty"`
		Title           *string         `json:"title,omitempty" minLength:"1" maxLength:"100"`
		Place           *string         `json:"place,omitempty" maxLength:"100"`
		StartsAt        *time.Time      `json:"starts_at,omitempty"`
		EndsAt          *time.Time      `json:"ends_at,omitempty"`
		CheckInOpensAt  *time.Time      `json:"check_in_opens_at,omitempty"`
		CheckInClosesAt *time.Time      `json:"check_in_closes_at,omitempty"`
		Audience        *audienceChange `json:"audience,omitempty"`
		CreditMinutes   *int            `json:"credit_minutes,omitempty" minimum:"0" maximum:"14400"`
		StudyModes      []string        `json:"study_modes,omitempty" maxItems:"6" enum:"leader,branch,lecture,expert,vr,self"`
		Campaigns       []string        `json:"campaigns,omitempty" maxItems:"20"`
		Geofence        *geofence       `json:"geofence,omitempty"`
		NoGeofence      bool            `json:"no_geofence,omitempty" doc:"take the geofence away"`
	}
}

func (in *changeActivityInput) change() activity.Change {
	b := in.Body
	c := activity.Change{
		Kind: (*model.ActivityKind)(b.Kind), Title: b.Title, Place: b.Place, StartsAt: instantOrNil(b.StartsAt), EndsAt: instantOrNil(b.EndsAt),
		CheckInOpensAt: instantOrNil(b.CheckInOpensAt), CheckInClosesAt: instantOrNil(b.CheckInClosesAt),
		CreditMinutes: b.CreditMinutes, StudyModes: b.StudyModes, Campaigns: b.Campaigns,
		Geofence: (*activity.Geofence)(b.Geofence), NoGeofence: b.NoGeofence,
	}
	if b.Audience != nil {
		c.AudienceUnitIDs, c.AudienceTrack = b.Audience.UnitIDs, b.Audience.Track
	}
	return c
}

func (s *server) changeActivity(ctx context.Context, in *changeActivityInput) (*activityOutput, error) {
	return s.activityOutput(s.Activity.Change(ctx, actorOf(ctx), in.ID, in.change()))
}

type cancelActivityInput struct {
	IDInput
	Body struct {
		Reason string `json:"reason" minLength:"1" maxLength:"200"`
	}
}

func (s *server) cancelActivity(ctx context.Context, in *cancelActivityInput) (*activityOutput, error) {
	return s.activityOutput(s.Activity.Cancel(ctx, actorOf(ctx), in.ID, in.Body.Reason))
}

type fileMinutesInput struct {
	IDInput
	Body struct {
		Minutes     string `json:"minutes" minLength:"1" maxLength:"20000"`
		Resolutions string `json:"resolutions,omitempty" maxLength:"20000"`
	}
}

func (s *server) fileMinutes(ctx context.Context, in *fileMinutesInput) (*activityOutput, error) {
	return s.activityOutput(s.Activity.FileMinutes(ctx, actorOf(ctx), in.ID, in.Body.Minutes, in.Body.Resolutions))
}

type markUpstreamInput struct {
	IDInput
	Body upstream
}

func (s *server) markUpstream(ctx context.Context, in *markUpstreamInput) (*activityOutput, error) {
	return s.activityOutput(s.Activity.MarkUpstream(ctx, actorOf(ctx), in.ID, model.Date(in.Body.EnteredOn), in.Body.Reference))
}
