package api

import (
	"context"
	"net/http"

	"zhibu/model"
	"zhibu/service/unit"
)

func (s *server) unitRoutes() []route {
	const tag = "unit"
	return []route{
		{method: http.MethodGet, path: "/units", role: mini, name: "list-units", tag: tag,
			summary: "组织树", mount: handle(s.listUnits)},
		{method: http.MethodPost, path: "/units", role: org, name: "create-unit", tag: tag, status: http.StatusCreated,
			summary: "设立单位", mount: handle(s.createUnit)},
		{method: http.MethodPatch, path: "/units/{id}", role: org, name: "change-unit", tag: tag,
			summary: "更名或调整隶属", mount: handle(s.changeUnit)},
		{method: http.MethodPost, path: "/units/{id}/close", role: org, name: "close-unit", tag: tag,
			summary: "撤销单位（不删除）", mount: handle(s.closeUnit)},
		{method: http.MethodGet, path: "/units/{id}/posts", role: mini, name: "list-posts", tag: tag,
			summary: "现任职务", mount: handle(s.listPosts)},
		{method: http.MethodPost, path: "/members/{id}/posts", role: org, name: "appoint", tag: tag, status: http.StatusCreated,
			summary: "任职", mount: handle(s.appoint)},
		{method: http.MethodPost, path: "/posts/{id}/end", role: org, name: "end-post", tag: tag,
			summary: "免职", mount: handle(s.endPost)},
	}
}

// UnitBody is a unit as it is answered. It is exported because huma passes over embedded structs that are not.
type UnitBody struct {
	ID        int64          `json:"id"`
	ParentID  *int64         `json:"parent_id" doc:"null for a root"`
	Kind      model.UnitKind `json:"kind"`
	Name      string         `json:"name"`
	Code      string         `json:"code"`
	FoundedOn *string        `json:"founded_on"`
	ClosedOn  *string        `json:"closed_on" doc:"null while it exists"`
}

func unitBodyOf(u model.Unit) UnitBody {
	return UnitBody{
		ID: u.ID, ParentID: u.ParentID, Kind: u.Kind, Name: u.Name, Code: u.Code, FoundedOn: day(u.FoundedOn), ClosedOn: day(u.ClosedOn),
	}
}

type unitOutput struct{ Body UnitBody }

func renderUnit(u model.Unit, err error) (*unitOutput, error) {
	if err != nil {
		return nil, err
	}
	return &unitOutput{Body: unitBodyOf(u)}, nil
}

type unitItem struct {
	UnitBody
	MemberCount int `json:"member_count" doc:"on the roster today, here and below, of the unit's own track"`
}

type unitsOutput struct {
	Body struct {
		Items []unitItem `json:"items"`
	}
}

func (s *server) listUnits(ctx context.Context, _ *struct{}) (*unitsOutput, error) {
	items, err := s.Unit.List(ctx, actorOf(ctx))
	if err != nil {
		return nil, err
	}
	out := &unitsOutput{}
	out.Body.Items = make([]unitItem, len(items))
	for i, u := range items {
		out.Body.Items[i] = unitItem{unitBodyOf(u.Unit), u.MemberCount}
	}
	return out, nil
}

type createUnitInput struct {
	Body struct {
		ParentID  *int64         `json:"parent_id,omitempty" minimum:"1" doc:"absent for a root, which takes an administrator of everything"`
		Kind      model.UnitKind `json:"kind" enum:"party_committee,party_general_branch,party_branch,party_group,league_committee,league_general_branch,league_branch,league_group"`
		Name      string         `json:"name" minLength:"1" maxLength:"100"`
		Code      string         `json:"code,omitempty" maxLength:"32" doc:"orders the units"`
		FoundedOn model.Date     `json:"founded_on,omitempty" format:"date"`
	}
}

func (s *server) createUnit(ctx context.Context, in *createUnitInput) (*unitOutput, error) {
	return renderUnit(s.Unit.Create(ctx, actorOf(ctx), unit.Founding(in.Body)))
}

type changeUnitInput struct {
	IDInput
	Body struct {
		Name     *string `json:"name,omitempty" minLength:"1" maxLength:"100"`
		Code     *string `json:"code,omitempty" maxLength:"32"`
		ParentID *int64  `json:"parent_id,omitempty" minimum:"1" doc:"moves the unit with all below it"`
	}
}

func (s *server) changeUnit(ctx context.Context, in *changeUnitInput) (*unitOutput, error) {
	return renderUnit(s.Unit.Patch(ctx, actorOf(ctx), in.ID, unit.Change(in.Body)))
}

type closeUnitInput struct {
	IDInput
	Body struct {
		On     model.Date `json:"on,omitempty" format:"date" doc:"first day it is no more; today when absent"`
		Reason string     `json:"reason" minLength:"1" maxLength:"200"`
	}
}

func (s *server) closeUnit(ctx context.Context, in *closeUnitInput) (*unitOutput, error) {
	return renderUnit(s.Unit.Close(ctx, actorOf(ctx), in.ID, unit.Closing(in.Body)))
}

// PostBody is an office and its term as it is answered; exported like UnitBody, to be embedded.
type PostBody struct {
	ID         int64       `json:"id"`
	MemberID   int64       `json:"member_id"`
	UnitID     int64       `json:"unit_id"`
	Title      model.Title `json:"title"`
	TitleName  string      `json:"title_name"`
	StartedOn  *string     `json:"started_on"`
	TermEndsOn *string     `json:"term_ends_on"`
	EndedOn    *string     `json:"ended_on" doc:"first day no longer in office; null while it lasts"`
}

func postBodyOf(p model.Post) PostBody {
	return PostBody{
		ID: p.ID, MemberID: p.MemberID, UnitID: p.UnitID, Title: p.Title, TitleName: p.Title.Name(),
		StartedOn: day(p.StartedOn), TermEndsOn: day(p.TermEndsOn), EndedOn: day(p.EndedOn),
	}
}

type postOutput struct{ Body PostBody }

func renderPost(p model.Post, err error) (*postOutput, error) {
	if err != nil {
		return nil, err
	}
	return &postOutput{Body: postBodyOf(p)}, nil
}

type holderItem struct {
	PostBody
	MemberName string `json:"member_name"`
}

type listPostsInput struct {
	IDInput
	PageInput
}

type postsOutput struct {
	Body struct {
		Items      []holderItem `json:"items"`
		NextCursor *string      `json:"next_cursor"`
	}
}

func (s *server) listPosts(ctx context.Context, in *listPostsInput) (*postsOutput, error) {
	holders, next, err := s.Unit.Posts(ctx, actorOf(ctx), in.ID, in.Limit, in.Cursor)
	if err != nil {
		return nil, err
	}
	out := &postsOutput{}
	out.Body.Items, out.Body.NextCursor = make([]holderItem, len(holders)), cursor(next)
	for i, h := range holders {
		out.Body.Items[i] = holderItem{postBodyOf(h.Post), h.MemberName}
	}
	return out, nil
}

type appointInput struct {
	IDInput
	Body struct {
		UnitID     int64       `json:"unit_id" minimum:"1"`
		Title      model.Title `json:"title" enum:"secretary,deputy_secretary,organiser,publicity,discipline,youth,group_leader,league_secretary,league_deputy_secretary,auditor,admin"`
		StartedOn  model.Date  `json:"started_on,omitempty" format:"date" doc:"today when absent"`
		TermEndsOn model.Date  `json:"term_ends_on,omitempty" format:"date"`
	}
}

func (s *server) appoint(ctx context.Context, in *appointInput) (*postOutput, error) {
	return renderPost(s.Unit.Appoint(ctx, actorOf(ctx), in.ID, unit.Appointment(in.Body)))
}

type endPostInput struct {
	IDInput
	Body *struct {
		On     model.Date `json:"on,omitempty" format:"date" doc:"first day no longer in office; today when absent"`
		Reason string     `json:"reason,omitempty" maxLength:"200"`
	}
}

func (s *server) endPost(ctx context.Context, in *endPostInput) (*postOutput, error) {
	var on model.Date
	var reason string
	if in.Body != nil {
		on, reason = in.Body.On, in.Body.Reason
	}
	return renderPost(s.Unit.EndPost(ctx, actorOf(ctx), in.ID, on, reason))
}
