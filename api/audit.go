package api

import (
	"context"
	"encoding/json"
	"net/http"
	"time"

	"zhibu/service/audit"
)

func (s *server) auditRoutes() []route {
	const tag = "audit"
	return []route{
		{method: http.MethodGet, path: "/audit-events", role: admin, name: "list-audit-events", tag: tag,
			summary: "操作日志", mount: handle(s.listAuditEvents)},
		{method: http.MethodGet, path: "/audit-events/verify", role: admin, name: "verify-audit-events", tag: tag,
			summary: "校验操作日志未被篡改", mount: handle(s.verifyAuditEvents)},
	}
}

type auditEventBody struct {
	ID        int64      `json:"id"`
	At        *time.Time `json:"at"`
	Actor     string     `json:"actor" doc:"member:ID, account:ID or system"`
	ActorName string     `json:"actor_name" doc:"what the actor is called today; kept out of the chain, so that it can be forgotten"`
	Action    string     `json:"action"`
	UnitID    *int64     `json:"unit_id"`
	SubjectID int64      `json:"subject_id"`
	Before    any        `json:"before,omitempty" doc:"absent when there is nothing to say"`
	After     any        `json:"after,omitempty"`
	RequestID string     `json:"request_id"`
	Seq       *int64     `json:"seq" doc:"place in the chain; null until sealed"`
	Hash      *string    `json:"hash"`
}

func auditEventBodyOf(e audit.Event) auditEventBody {
	return auditEventBody{
		ID: e.ID, At: stamp(e.At), Actor: e.Actor, ActorName: e.ActorName, Action: e.Action, UnitID: e.UnitID,
		SubjectID: e.SubjectID, Before: rawJSON(e.Before), After: rawJSON(e.After), RequestID: e.RequestID, Seq: e.Seq, Hash: e.Hash,
	}
}

// rawJSON answers kept JSON as it is; null for none.
func rawJSON(s string) any {
	if s == "" {
		return nil
	}
	return json.RawMessage(s)
}

type listAuditEventsInput struct {
	PageInput
	From   string `query:"from" doc:"a time, or a date"`
	To     string `query:"to" doc:"before the time, or to the end of the date"`
	Action string `query:"action" maxLength:"40" pattern:"^[a-z_.-]+$" doc:"such as member.invite"`
	Actor  string `query:"actor" maxLength:"40" pattern:"^(system|(member|account):[0-9]+)$" doc:"member:ID, account:ID or system"`
	UnitID int64  `query:"unit_id" minimum:"1" doc:"in the unit or below it"`
}

type auditEventsOutput struct {
	Body struct {
		Items      []auditEventBody `json:"items"`
		NextCursor *string          `json:"next_cursor"`
	}
}

func (s *server) listAuditEvents(ctx context.Context, in *listAuditEventsInput) (*auditEventsOutput, error) {
	from, to, err := timeRange(in.From, in.To)
	if err != nil {
		return nil, err
	}
	page, next, err := s.Audit.List(ctx, actorOf(ctx), audit.Filter{
		UnitID: in.UnitID, From: from, To: to, Action: in.Action, Actor: in.Actor, Limit: in.Limit, Cursor: in.Cursor,
	})
	if err != nil {
		return nil, err
	}
	out := &auditEventsOutput{}
	out.Body.Items, out.Body.NextCursor = make([]auditEventBody, len(page)), cursor(next)
	for i, e := range page {
		out.Body.Items[i] = auditEventBodyOf(e)
	}
	return out, nil
}

type verdictOutput struct {
	Body struct {
		Sound   bool                 `json:"sound"`
		Links   int64                `json:"links" doc:"sound ones, from the first"`
		Head    string               `json:"head" doc:"hash of the last of them; keep it elsewhere to tell whether the end was cut off"`
		Pending int64                `json:"pending" doc:"events not sealed yet"`
		Broken  nullable[brokenLink] `json:"broken" doc:"the first fault"`
	}
}

type brokenLink struct {
	Seq     int64  `json:"seq"`
	EventID int64  `json:"event_id"`
	Reason  string `json:"reason" enum:"link_missing,event_missing,event_changed,event_inserted"`
}

func (s *server) verifyAuditEvents(ctx context.Context, _ *struct{}) (*verdictOutput, error) {
	v, err := s.Audit.Verify(ctx, actorOf(ctx))
	if err != nil {
		return nil, err
	}
	out := &verdictOutput{}
	out.Body.Sound, out.Body.Links, out.Body.Head, out.Body.Pending = v.Broken == nil, v.Links, v.Head, v.Pending
	out.Body.Broken = orNull((*brokenLink)(v.Broken))
	return out, nil
}
