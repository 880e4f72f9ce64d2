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
		Activities []activityBody `json:"activities" doc:"to attend, the next first"`
	}
}

func (s *server) readTodo(ctx context.Context, _ *struct{}) (*todoOutput, error) {
	activities, err := s.Activity.Todo(ctx, actorOf(ctx))
	if err != nil {
		return nil, err
	}
	out := &todoOutput{}
	out.Body.Activities = s.activityBodies(activities)
	return out, nil
}
