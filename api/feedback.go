package api

import (
	"context"
	"net/http"
	"time"

	"zhibu/model"
	"zhibu/service/feedback"
)

func (s *server) feedbackRoutes() []route {
	const tag = "feedback"
	return []route{
		{method: http.MethodPost, path: "/feedback", role: mini, name: "submit-feedback", tag: tag, status: http.StatusCreated,
			summary: "投诉或建议", mount: handle(s.submitFeedback)},
		{method: http.MethodGet, path: "/feedback", role: mini, name: "list-feedback", tag: tag,
			summary: "我的投诉和建议；负责人另见所管成员的", mount: handle(s.listFeedback)},
		{method: http.MethodPost, path: "/feedback/{id}/reply", role: org, name: "reply-feedback", tag: tag,
			summary: "答复", mount: handle(s.replyFeedback)},
	}
}

type feedbackBody struct {
	ID        int64      `json:"id"`
	MemberID  *int64     `json:"member_id"`
	Author    string     `json:"author"`
	Kind      string     `json:"kind" enum:"complaint,suggestion,erasure"`
	Body      string     `json:"body"`
	CreatedAt *time.Time `json:"created_at"`
	Reply     string     `json:"reply"`
	RepliedAt *time.Time `json:"replied_at" doc:"null until answered"`
}

func feedbackBodyOf(f model.Feedback, author string) feedbackBody {
	return feedbackBody{
		ID: f.ID, MemberID: f.MemberID, Author: author, Kind: f.Kind, Body: f.Body, CreatedAt: stamp(f.CreatedAt),
		Reply: f.Reply, RepliedAt: stamp(f.RepliedAt),
	}
}

type feedbackOutput struct{ Body feedbackBody }

func renderFeedback(e feedback.Entry, err error) (*feedbackOutput, error) {
	if err != nil {
		return nil, err
	}
	return &feedbackOutput{Body: feedbackBodyOf(e.Feedback, e.AuthorName)}, nil
}

type submitFeedbackInput struct {
	Body struct {
		Kind string `json:"kind" enum:"complaint,suggestion"`
		Body string `json:"body" minLength:"1" maxLength:"2000"`
	}
}

func (s *server) submitFeedback(ctx context.Context, in *submitFeedbackInput) (*feedbackOutput, error) {
	return renderFeedback(s.Feedback.Submit(ctx, actorOf(ctx), in.Body.Kind, in.Body.Body))
}

type feedbackListOutput struct {
	Body struct {
		Items      []feedbackBody `json:"items"`
		NextCursor *string        `json:"next_cursor"`
	}
}

func (s *server) listFeedback(ctx context.Context, in *PageInput) (*feedbackListOutput, error) {
	page, next, err := s.Feedback.List(ctx, actorOf(ctx), in.Limit, in.Cursor)
	if err != nil {
		return nil, err
	}
	out := &feedbackListOutput{}
	out.Body.Items, out.Body.NextCursor = make([]feedbackBody, len(page)), cursor(next)
	for i, e := range page {
		out.Body.Items[i] = feedbackBodyOf(e.Feedback, e.AuthorName)
	}
	return out, nil
}

type replyFeedbackInput struct {
	IDInput
	Body struct {
		Reply string `json:"reply" minLength:"1" maxLength:"2000"`
	}
}

func (s *server) replyFeedback(ctx context.Context, in *replyFeedbackInput) (*feedbackOutput, error) {
	return renderFeedback(s.Feedback.Reply(ctx, actorOf(ctx), in.ID, in.Body.Reply))
}
