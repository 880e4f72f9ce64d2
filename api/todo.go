package api

import (
	"context"
	"net/http"
)

func (s *server) todoRoutes() []route {
	return []route{
		{method: http.MethodGet, path: "/me/todo", role: mini, name: "read-todo", tag: "todo",
			summary: "我的待办", mount: handle(s.readTodo)},
	}
}

type todoOutput struct {
	Body struct {
		Activities    []activityBody `json:"activities" doc:"to attend, the next first"`
		StudyPeriods  []periodBody   `json:"study_periods" doc:"to complete, the next to close first"`
		Bills         []billBody     `json:"bills" doc:"dues to pay, the oldest month first"`
		Announcements []receivedBody `json:"announcements" doc:"not read yet, the latest first"`
	}
}

// readTodo asks the features one after the other; what that costs is in docs/benchmarks.md.
func (s *server) readTodo(ctx context.Context, _ *struct{}) (*todoOutput, error) {
	actor := actorOf(ctx)
	activities, err := s.Activity.Todo(ctx, actor)
	if err != nil {
		return nil, err
	}
	periods, err := s.Period.Todo(ctx, actor)
	if err != nil {
		return nil, err
	}
	bills, err := s.Dues.Todo(ctx, actor)
	if err != nil {
		return nil, err
	}
	unread, err := s.Push.Todo(ctx, actor)
	if err != nil {
		return nil, err
	}
	out := &todoOutput{}
	out.Body.Bills, out.Body.Announcements = billBodies(bills), receivedBodies(unread)
	out.Body.Activities = s.activityBodies(activities)
	out.Body.StudyPeriods, err = s.periodBodies(ctx, periods)
	return out, err
}
