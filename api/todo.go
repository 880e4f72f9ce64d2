package api

import (
	"context"
	"errors"
	"net/http"
	"sync"

	"zhibu/model"
	"zhibu/service/dues"
	"zhibu/service/period"
	"zhibu/service/push"
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

// readTodo asks the features at once: whoever opens the mini-program waits for the slowest of them and not for their sum.
func (s *server) readTodo(ctx context.Context, _ *struct{}) (*todoOutput, error) {
	actor := actorOf(ctx)
	var activities []model.Gathering
	var periods []period.Item
	var bills []dues.BillItem
	var unread []push.Received
	err := atOnce(
		func() (err error) { activities, err = s.Activity.Todo(ctx, actor); return err },
		func() (err error) { periods, err = s.Period.Todo(ctx, actor); return err },
		func() (err error) { bills, err = s.Dues.Todo(ctx, actor); return err },
		func() (err error) { unread, err = s.Push.Todo(ctx, actor); return err },
	)
	if err != nil {
		return nil, err
	}
	out := &todoOutput{}
	out.Body.Bills, out.Body.Announcements = billBodies(bills), receivedBodies(unread)
	out.Body.Activities = s.activityBodies(activities)
	out.Body.StudyPeriods, err = s.periodBodies(ctx, periods)
	return out, err
}

// atOnce does things at once and returns what went wrong.
func atOnce(things ...func() error) error {
	errs := make([]error, len(things))
	var wg sync.WaitGroup
	for i, do := range things {
		wg.Go(func() { errs[i] = do() })
	}
	wg.Wait()
	return errors.Join(errs...)
}
