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
		Activities   []activityBody `json:"activities" doc:"to attend, the next first"`
		StudyPeriods []periodBody   `json:"study_periods" doc:"to complete, the next to close first"`
		Bills        []billBody     `json:"bills" doc:"dues to pay, the oldest month first"`
	}
}

func (s *server) readTodo(ctx context.Context, _ *struct{}) (*todoOutput, error) {
	activities, err := s.Activity.Todo(ctx, actorOf(ctx))
	if err != nil {
		return nil, err
	}
	periods, err := s.Period.Todo(ctx, actorOf(ctx))
	if err != nil {
		return nil, err
	}
	bills, err := s.Dues.Todo(ctx, actorOf(ctx))
	if err != nil {
		return nil, err
	}
	out := &todoOutput{}
	out.Body.Bills = billBodies(bills)
	out.Body.Activities = s.activityBodies(activities)
	out.Body.StudyPeriods, err = s.periodBodies(ctx, periods)
	return out, err
}
