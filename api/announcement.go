package api

import (
	"context"
	"net/http"
	"time"

	"zhibu/model"
	"zhibu/service/push"
)

func (s *server) announcementRoutes() []route {
	const tag = "push"
	return []route{
		{method: http.MethodPost, path: "/announcements", role: org, name: "create-announcement", tag: tag, status: http.StatusAccepted,
			summary: "发布通知", mount: handle(s.createAnnouncement)},
		{method: http.MethodPost, path: "/announcements/forecast", role: org, name: "forecast-announcement", tag: tag,
			summary: "发布前预计：微信能推送到多少人，其余为什么不能", mount: handle(s.forecastAnnouncement)},
		{method: http.MethodGet, path: "/announcements", role: org, name: "list-announcements", tag: tag,
			summary: "通知和提醒", mount: handle(s.listAnnouncements)},
		{method: http.MethodGet, path: "/announcements/{id}", role: org, name: "read-announcement", tag: tag,
			summary: "一条通知，附可复制到群里的文字", mount: handle(s.readAnnouncement)},
		{method: http.MethodGet, path: "/announcements/{id}/deliveries", role: org, name: "list-deliveries", tag: tag,
			summary: "推送和已读情况", mount: handle(s.listDeliveries)},
		{method: http.MethodPost, path: "/announcements/{id}/recall", role: org, name: "recall-announcement", tag: tag,
			summary: "撤回：未推送的不再推送", mount: handle(s.recallAnnouncement)},
		{method: http.MethodPost, path: "/announcements/{id}/decision", role: org, name: "decide-announcement", tag: tag,
			summary: "审核微信未能检测的内容", mount: handle(s.decideAnnouncement)},
	}
}

type announceAudience struct {
	UnitIDs []int64     `json:"unit_ids,omitempty" maxItems:"1000" doc:"the unit or units inside it, each with all below; the unit when absent"`
	Track   model.Track `json:"track,omitempty" enum:"party,league" doc:"both when absent"`
}

// announcePlan is an announcement as it is asked for.
type announcePlan struct {
	UnitID   int64            `json:"unit_id" minimum:"1" maximum:"9007199254740991"`
	Title    string           `json:"title" maxLength:"200"`
	Body     string           `json:"body" maxLength:"20000"`
	Template string           `json:"template,omitempty" maxLength:"16" doc:"a purpose of GET /push/templates, announcement when absent; none: inbox only"`
	Audience announceAudience `json:"audience,omitempty"`
	SendAt   *time.Time       `json:"send_at,omitempty" doc:"at once when absent"`
	Holiday  string           `json:"holiday,omitempty" maxLength:"20" doc:"the key of a festival of GET /calendar"`
	Urgent   bool             `json:"urgent,omitempty" doc:"goes out in quiet hours, and beyond the daily limit of a member"`
}

func (p announcePlan) plan() push.Plan {
	return push.Plan{
		UnitID: p.UnitID, Title: p.Title, Body: p.Body, Template: p.Template, AudienceUnitIDs: p.Audience.UnitIDs, Track: p.Audience.Track,
		SendAt: instant(p.SendAt), Holiday: p.Holiday, Urgent: p.Urgent,
	}
}

type createAnnouncementInput struct {
	OnceInput
	Body announcePlan
}

type announcementBody struct {
	ID           int64                      `json:"id"`
	UnitID       int64                      `json:"unit_id"`
	UnitName     string                     `json:"unit_name"`
	Title        string                     `json:"title"`
	Body         string                     `json:"body"`
	Template     *model.Purpose             `json:"template" doc:"null: inbox only"`
	Rule         *model.Rule                `json:"rule" doc:"why it was written; null when an officer wrote it"`
	Audience     nullable[announceAudience] `json:"audience" doc:"null for a reminder, which is for those whom its rule finds"`
	Holiday      *string                    `json:"holiday"`
	Urgent       bool                       `json:"urgent"`
	State        string                     `json:"state" enum:"waiting,refused,scheduled,publishing,published,recalled" doc:"waiting: for a person to read the text; refused: by that person"`
	Recipients   int64                      `json:"recipients" doc:"whom it went to; before that, whom it would go to now"`
	SendAt       *time.Time                 `json:"send_at"`
	PublishedAt  *time.Time                 `json:"published_at" doc:"when all had it in the inbox"`
	DecisionNote string                     `json:"decision_note"`
	RecalledAt   *time.Time                 `json:"recalled_at"`
	RecallReason string                     `json:"recall_reason"`
	CreatedAt    *time.Time                 `json:"created_at"`
	ShareText    *string                    `json:"share_text" doc:"to paste into a group chat; null while the text waits to be read, and when it was refused or recalled"`
}

func (s *server) announcementBodyOf(a push.Announced) announcementBody {
	b := announcementBody{
		ID: a.ID, UnitID: a.UnitID, UnitName: a.Unit.Name, Title: a.Title, Body: a.Body, Template: orNil(a.Purpose), Rule: orNil(a.Rule),
		Holiday: orNil(a.Holiday), Urgent: a.Urgent, State: a.State(model.At(s.Now())), Recipients: a.Recipients, SendAt: stamp(a.SendAt),
		PublishedAt: stamp(a.PublishedAt), DecisionNote: a.DecisionNote, RecalledAt: stamp(a.RecalledAt), RecallReason: a.RecallReason,
		CreatedAt: stamp(a.CreatedAt), ShareText: orNil(a.ShareText()),
	}
	if len(a.Audience) > 0 {
		b.Audience = orNull(&announceAudience{UnitIDs: a.Audience.IDs(), Track: a.AudienceTrack})
	}
	return b
}

type announcementOutput struct{ Body announcementBody }

func (s *server) announcementOutput(a push.Announced, err error) (*announcementOutput, error) {
	if err != nil {
		return nil, err
	}
	return &announcementOutput{Body: s.announcementBodyOf(a)}, nil
}

func (s *server) createAnnouncement(ctx context.Context, in *createAnnouncementInput) (*announcementOutput, error) {
	return s.announcementOutput(s.Push.Announce(ctx, actorOf(ctx), in.Body.plan(), in.once(in.Body)))
}

type forecastInput struct{ Body announcePlan }

type forecastReason struct {
	Reason string `json:"reason" enum:"not_bound,no_consent,inbox_only"`
	Name   string `json:"name"`
	Count  int64  `json:"count"`
}

type forecastOutput struct {
	Body struct {
		Recipients int64            `json:"recipients"`
		WeChat     int64            `json:"wechat" doc:"who would get a message"`
		InboxOnly  int64            `json:"inbox_only"`
		Reasons    []forecastReason `json:"reasons" doc:"why the others would not; they add up to inbox_only"`
		SendAt     *time.Time       `json:"send_at" doc:"when messages would go out: quiet hours are kept"`
	}
}

func (s *server) forecastAnnouncement(ctx context.Context, in *forecastInput) (*forecastOutput, error) {
	f, err := s.Push.Forecast(ctx, actorOf(ctx), in.Body.plan())
	if err != nil {
		return nil, err
	}
	out := &forecastOutput{}
	b := &out.Body
	b.Recipients, b.WeChat, b.InboxOnly, b.SendAt = f.Recipients, f.WeChat, f.InboxOnly, stamp(f.SendAt)
	b.Reasons = make([]forecastReason, len(f.Reasons))
	for i, r := range f.Reasons {
		b.Reasons[i] = forecastReason(r)
	}
	return out, nil
}

type listAnnouncementsInput struct {
	UnitID int64  `query:"unit_id" minimum:"1" maximum:"9007199254740991" doc:"made by this unit or one below it"`
	From   string `query:"from" maxLength:"40"`
	To     string `query:"to" maxLength:"40"`
	State  string `query:"state" enum:"waiting,refused,scheduled,publishing,published,recalled"`
	Origin string `query:"origin" enum:"officer,reminder"`
	PageInput
}

type announcementsOutput struct {
	Body struct {
		Items      []announcementBody `json:"items"`
		NextCursor *string            `json:"next_cursor"`
	}
}

func (s *server) listAnnouncements(ctx context.Context, in *listAnnouncementsInput) (*announcementsOutput, error) {
	f := push.Filter{UnitID: in.UnitID, State: in.State, Origin: in.Origin, Limit: in.Limit, Cursor: in.Cursor}
	var err error
	if f.From, f.To, err = timeRange(in.From, in.To); err != nil {
		return nil, err
	}
	page, next, err := s.Push.List(ctx, actorOf(ctx), f)
	if err != nil {
		return nil, err
	}
	out := &announcementsOutput{}
	out.Body.Items, out.Body.NextCursor = make([]announcementBody, len(page)), cursor(next)
	for i, a := range page {
		out.Body.Items[i] = s.announcementBodyOf(a)
	}
	return out, nil
}

func (s *server) readAnnouncement(ctx context.Context, in *IDInput) (*announcementOutput, error) {
	return s.announcementOutput(s.Push.Look(ctx, actorOf(ctx), in.ID))
}

func (s *server) recallAnnouncement(ctx context.Context, in *ReasonInput) (*announcementOutput, error) {
	return s.announcementOutput(s.Push.Recall(ctx, actorOf(ctx), in.ID, in.Body.Reason))
}

type decideAnnouncementInput struct {
	IDInput
	Body struct {
		Approve bool   `json:"approve"`
		Note    string `json:"note,omitempty" maxLength:"200"`
	}
}

func (s *server) decideAnnouncement(ctx context.Context, in *decideAnnouncementInput) (*announcementOutput, error) {
	return s.announcementOutput(s.Push.Decide(ctx, actorOf(ctx), in.ID, in.Body.Approve, in.Body.Note))
}

type listDeliveriesInput struct {
	IDInput
	UnitID int64               `query:"unit_id" minimum:"1" maximum:"9007199254740991"`
	State  model.DeliveryState `query:"state" enum:"inbox,queued,sent,no_grant,refused,failed,unknown,recalled"`
	Read   string              `query:"read" enum:"true,false"`
	PageInput
}

type deliveryCounts struct {
	Inbox    int64 `json:"inbox" doc:"no message was meant to be sent"`
	Queued   int64 `json:"queued" doc:"waits, or is on its way"`
	Sent     int64 `json:"sent"`
	NoGrant  int64 `json:"no_grant" doc:"no WeChat here, no consent left, or no template for the purpose"`
	Refused  int64 `json:"refused" doc:"the member does not want it, or is gone from WeChat"`
	Failed   int64 `json:"failed"`
	Unknown  int64 `json:"unknown" doc:"may have arrived; never sent again"`
	Recalled int64 `json:"recalled" doc:"taken back before it was sent"`
}

type deliveryBody struct {
	MemberID   int64               `json:"member_id"`
	Name       *string             `json:"name" doc:"null where it is not shown: who is behind, above the branch"`
	UnitID     int64               `json:"unit_id"`
	UnitName   string              `json:"unit_name"`
	State      model.DeliveryState `json:"state" enum:"inbox,queued,sent,no_grant,refused,failed,unknown,recalled"`
	Reason     *string             `json:"reason"`
	ReasonName *string             `json:"reason_name"`
	Attempts   int                 `json:"attempts"`
	DueAt      *time.Time          `json:"due_at" doc:"when it is to be sent; null when it is not"`
	SentAt     *time.Time          `json:"sent_at"`
	ReadAt     *time.Time          `json:"read_at"`
}

type deliveriesOutput struct {
	Body struct {
		Counts     deliveryCounts `json:"counts" doc:"of all, whatever state is asked for; they add up to total"`
		Total      int64          `json:"total"`
		Read       int64          `json:"read" doc:"who has opened it"`
		Items      []deliveryBody `json:"items"`
		NextCursor *string        `json:"next_cursor"`
	}
}

func (s *server) listDeliveries(ctx context.Context, in *listDeliveriesInput) (*deliveriesOutput, error) {
	f := push.DeliveryFilter{UnitID: in.UnitID, State: in.State, Limit: in.Limit, Cursor: in.Cursor}
	if in.Read != "" {
		f.Read = new(in.Read == "true")
	}
	counts, page, next, err := s.Push.Deliveries(ctx, actorOf(ctx), in.ID, f)
	if err != nil {
		return nil, err
	}
	out := &deliveriesOutput{}
	b, n := &out.Body, counts.ByState
	b.Counts = deliveryCounts{
		Inbox: n[model.DeliveryInbox], Queued: n[model.DeliveryQueued], Sent: n[model.DeliverySent], NoGrant: n[model.DeliveryNoGrant],
		Refused: n[model.DeliveryRefused], Failed: n[model.DeliveryFailed], Unknown: n[model.DeliveryUnknown], Recalled: n[model.DeliveryRecalled],
	}
	b.Total, b.Read, b.NextCursor = counts.Total, counts.Read, cursor(next)
	b.Items = make([]deliveryBody, len(page))
	for i, r := range page {
		b.Items[i] = deliveryBodyOf(r)
	}
	return out, nil
}

func deliveryBodyOf(r push.Recipient) deliveryBody {
	b := deliveryBody{
		MemberID: r.MemberID, Name: orNil(r.Name), UnitID: r.UnitID, UnitName: r.UnitName, State: r.State, Reason: orNil(r.Reason),
		ReasonName: orNil(model.ReasonName(r.Reason)), Attempts: r.Attempts, DueAt: stamp(r.DueAt), SentAt: stamp(r.SentAt), ReadAt: stamp(r.ReadAt),
	}
	return b
}
