package api

import (
	"context"
	"net/http"
	"time"

	"zhibu/model"
	"zhibu/service/push"
)

func (s *server) inboxRoutes() []route {
	const tag = "push"
	return []route{
		{method: http.MethodGet, path: "/me/announcements", role: mini, name: "list-my-announcements", tag: tag,
			summary: "我的消息", mount: handle(s.listMyAnnouncements), forSelf: true},
		{method: http.MethodPost, path: "/announcements/{id}/read", role: mini, name: "read-my-announcement", tag: tag,
			summary: "打开一条消息，记为已读", mount: handle(s.readMyAnnouncement), forSelf: true},
		{method: http.MethodGet, path: "/push/templates", role: mini, name: "list-push-templates", tag: tag,
			summary: "页面可以请求订阅的消息模板", mount: handle(s.listPushTemplates), forSelf: true},
		{method: http.MethodPost, path: "/me/subscriptions", role: mini, name: "report-subscriptions", tag: tag,
			summary: "上报订阅授权的结果", mount: handle(s.reportSubscriptions), forSelf: true},
		{method: http.MethodGet, path: "/me/subscriptions", role: mini, name: "list-my-subscriptions", tag: tag,
			summary: "我的订阅授权还剩几次", mount: handle(s.listMySubscriptions), forSelf: true},
	}
}

type receivedBody struct {
	ID          int64       `json:"id"`
	UnitID      int64       `json:"unit_id"`
	UnitName    string      `json:"unit_name"`
	Title       string      `json:"title"`
	Body        string      `json:"body" doc:"empty when it was recalled"`
	Rule        *model.Rule `json:"rule" doc:"null when an officer wrote it"`
	Subject     *string     `json:"subject" doc:"what a tap opens: activity:<id>, study_period:<id>, unit:<id>, dues, approvals, feedback; null: the announcement itself"`
	Holiday     *string     `json:"holiday"`
	HappensAt   *time.Time  `json:"happens_at" doc:"the moment it is about"`
	DeliveredAt *time.Time  `json:"delivered_at"`
	ReadAt      *time.Time  `json:"read_at"`
	Recalled    bool        `json:"recalled"`
}

func receivedBodyOf(r push.Received) receivedBody {
	return receivedBody{
		ID: r.ID, UnitID: r.UnitID, UnitName: r.UnitName, Title: r.Title, Body: r.Body, Rule: orNil(r.Rule), Subject: orNil(r.Subject),
		Holiday: orNil(r.Holiday), HappensAt: stamp(r.HappensAt), DeliveredAt: stamp(r.DeliveredAt), ReadAt: stamp(r.ReadAt), Recalled: r.RecalledAt != 0,
	}
}

func receivedBodies(rows []push.Received) []receivedBody {
	bodies := make([]receivedBody, len(rows))
	for i, r := range rows {
		bodies[i] = receivedBodyOf(r)
	}
	return bodies
}

type listMyAnnouncementsInput struct {
	Unread bool `query:"unread" doc:"only what I have not read"`
	PageInput
}

type myAnnouncementsOutput struct {
	Body struct {
		Items      []receivedBody `json:"items"`
		NextCursor *string        `json:"next_cursor"`
	}
}

func (s *server) listMyAnnouncements(ctx context.Context, in *listMyAnnouncementsInput) (*myAnnouncementsOutput, error) {
	page, next, err := s.Push.Inbox(ctx, actorOf(ctx), in.Unread, in.Limit, in.Cursor)
	if err != nil {
		return nil, err
	}
	out := &myAnnouncementsOutput{}
	out.Body.Items, out.Body.NextCursor = receivedBodies(page), cursor(next)
	return out, nil
}

type receivedOutput struct{ Body receivedBody }

func (s *server) readMyAnnouncement(ctx context.Context, in *IDInput) (*receivedOutput, error) {
	r, err := s.Push.Read(ctx, actorOf(ctx), in.ID)
	if err != nil {
		return nil, err
	}
	return &receivedOutput{Body: receivedBodyOf(r)}, nil
}

type templateField struct {
	Key  string          `json:"key"`
	Type model.FieldType `json:"type"`
	Name string          `json:"name"`
}

type templateBody struct {
	TemplateID string          `json:"template_id" doc:"for wx.requestSubscribeMessage"`
	Purpose    model.Purpose   `json:"purpose" enum:"announcement,study,activity,dues,task"`
	Title      string          `json:"title"`
	LongTerm   bool            `json:"long_term" doc:"one accept serves until it is taken back"`
	Fields     []templateField `json:"fields"`
}

type templatesOutput struct {
	Body struct {
		Items []templateBody `json:"items"`
	}
}

func (s *server) listPushTemplates(context.Context, *struct{}) (*templatesOutput, error) {
	out := &templatesOutput{}
	out.Body.Items = []templateBody{}
	for _, t := range s.Push.Templates() {
		b := templateBody{TemplateID: t.TemplateID, Purpose: t.Purpose, Title: t.Title, LongTerm: t.LongTerm, Fields: make([]templateField, len(t.Fields))}
		for i, f := range t.Fields {
			b.Fields[i] = templateField{f.Key, f.Type, f.Name}
		}
		out.Body.Items = append(out.Body.Items, b)
	}
	return out, nil
}

type reportSubscriptionsInput struct {
	Body struct {
		RequestID string                 `json:"request_id" minLength:"1" maxLength:"64" pattern:"^[!-~]+$" doc:"made by the client for each prompt; a repetition counts once"`
		Results   map[string]push.Answer `json:"results" minProperties:"1" maxProperties:"10" doc:"by template_id: accept, reject, ban or filter"`
	}
}

type subscriptionsOutput struct {
	Body struct {
		Grants map[string]int `json:"grants" doc:"by template_id, how many messages can be sent; 1 for a long-term consent"`
	}
}

func (s *server) reportSubscriptions(ctx context.Context, in *reportSubscriptionsInput) (*subscriptionsOutput, error) {
	return subscriptions(s.Push.Subscribe(ctx, actorOf(ctx), in.Body.RequestID, in.Body.Results))
}

func (s *server) listMySubscriptions(ctx context.Context, _ *struct{}) (*subscriptionsOutput, error) {
	return subscriptions(s.Push.Grants(ctx, actorOf(ctx)))
}

func subscriptions(grants map[string]int, err error) (*subscriptionsOutput, error) {
	if err != nil {
		return nil, err
	}
	out := &subscriptionsOutput{}
	out.Body.Grants = grants
	return out, nil
}
