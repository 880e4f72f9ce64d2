package api

import (
	"context"
	"net/http"
	"time"

	"zhibu/model"
)

func (s *server) leaveRoutes() []route {
	const tag = "checkin"
	return []route{
		{method: http.MethodPost, path: "/activities/{id}/leaves", role: mini, name: "request-leave", tag: tag, status: http.StatusCreated,
			also: http.StatusOK, summary: "请假", mount: handle(s.requestLeave)},
		{method: http.MethodGet, path: "/activities/{id}/leaves", role: org, name: "list-leaves", tag: tag,
			summary: "请假申请", mount: handle(s.listLeaves)},
		{method: http.MethodPost, path: "/leaves/{id}/decision", role: org, name: "decide-leave", tag: tag,
			summary: "批准或不准请假", mount: handle(s.decideLeave)},
	}
}

type leaveBody struct {
	ID             int64      `json:"id"`
	ActivityID     int64      `json:"activity_id"`
	MemberID       int64      `json:"member_id"`
	Name           string     `json:"name,omitempty"`
	ReasonCategory string     `json:"reason_category"`
	Note           string     `json:"note"`
	State          string     `json:"state" enum:"pending,approved,refused"`
	RequestedAt    *time.Time `json:"requested_at"`
	DecidedAt      *time.Time `json:"decided_at"`
	DecisionNote   string     `json:"decision_note"`
}

func leaveBodyOf(l model.Leave, name string) leaveBody {
	return leaveBody{
		ID: l.ID, ActivityID: l.ActivityID, MemberID: l.MemberID, Name: name, ReasonCategory: l.ReasonCategory, Note: l.Note,
		State: l.State, RequestedAt: stamp(l.RequestedAt), DecidedAt: stamp(l.DecidedAt), DecisionNote: l.DecisionNote,
	}
}

type requestLeaveInput struct {
	IDInput
	Body struct {
		ReasonCategory string `json:"reason_category" enum:"business,sick,maternity,personal,abroad" doc:"公差 病假 产假 事假 境外"`
		Note           string `json:"note,omitempty" maxLength:"200" doc:"no diagnosis, please"`
	}
}

type leaveOutput struct {
	Status int `json:"-"`
	Body   leaveBody
}

func (s *server) requestLeave(ctx context.Context, in *requestLeaveInput) (*leaveOutput, error) {
	leave, created, err := s.CheckIn.RequestLeave(ctx, actorOf(ctx), in.ID, in.Body.ReasonCategory, in.Body.Note)
	if err != nil {
		return nil, err
	}
	return &leaveOutput{Status: createdOrOK(created), Body: leaveBodyOf(leave, "")}, nil
}

type leavesOutput struct {
	Body struct {
		Items      []leaveBody `json:"items"`
		NextCursor *string     `json:"next_cursor"`
	}
}

type listLeavesInput struct {
	IDInput
	PageInput
}

func (s *server) listLeaves(ctx context.Context, in *listLeavesInput) (*leavesOutput, error) {
	page, next, err := s.CheckIn.Leaves(ctx, actorOf(ctx), in.ID, in.Limit, in.Cursor)
	if err != nil {
		return nil, err
	}
	out := &leavesOutput{}
	out.Body.Items, out.Body.NextCursor = make([]leaveBody, len(page)), cursor(next)
	for i, r := range page {
		out.Body.Items[i] = leaveBodyOf(r.Leave, r.Name)
	}
	return out, nil
}

type decideLeaveInput struct {
	IDInput
	Body struct {
		Approve bool   `json:"approve"`
		Note    string `json:"note,omitempty" maxLength:"200"`
	}
}

func (s *server) decideLeave(ctx context.Context, in *decideLeaveInput) (*leaveOutput, error) {
	leave, err := s.CheckIn.DecideLeave(ctx, actorOf(ctx), in.ID, in.Body.Approve, in.Body.Note)
	if err != nil {
		return nil, err
	}
	return &leaveOutput{Status: http.StatusOK, Body: leaveBodyOf(leave, "")}, nil
}
