package feedback_test

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"testing"
	"time"

	"gorm.io/gorm"

	"zhibu/model"
	"zhibu/model/modeltest"
	"zhibu/service/feedback"
)

var ctx = context.Background()

type world struct {
	*feedback.Service
	t       testing.TB
	db      *model.DB
	clock   *modeltest.Clock
	account model.Account
	root    model.Unit
	branch  model.Unit
	li      model.Actor
	wang    model.Actor // of another tree
}

func each(t *testing.T, test func(t *testing.T, w *world)) {
	modeltest.Each(t, func(t *testing.T, db *model.DB) {
		w := &world{t: t, db: db, clock: modeltest.NewClock("2026-03-02 09:00")}
		w.Service = feedback.New(db, w.clock.Now)
		w.root = w.unit("党委", nil)
		w.branch = w.unit("支部", &w.root)
		other := w.unit("别的党委", nil)
		w.li, w.wang = w.member("李明", w.branch), w.member("王芳", other)
		w.account = model.Account{ID: model.NewID(), Username: "root", PasswordHash: "x"}
		w.add(&w.account)
		test(t, w)
	})
}

func (w *world) must(err error) {
	w.t.Helper()
	if err != nil {
		w.t.Fatal(err)
	}
}

func (w *world) add(row any) {
	w.t.Helper()
	w.must(w.db.Write(ctx, func(tx *gorm.DB) error { return tx.Create(row).Error }))
}

func (w *world) unit(name string, parent *model.Unit) model.Unit {
	u := model.Unit{ID: model.NewID(), Kind: model.PartyCommittee, Name: name, ClosedOn: model.Forever}
	above := ""
	if parent != nil {
		u.ParentID, u.Kind, above = &parent.ID, model.PartyBranch, parent.Path
	}
	u.Path = model.ChildPath(above, u.ID)
	w.add(&u)
	return u
}

func (w *world) member(name string, u model.Unit) model.Actor {
	m := model.Member{ID: model.NewID(), Name: name, NameKey: name}
	w.add(&m)
	w.add(&model.Membership{
		ID: model.NewID(), MemberID: m.ID, UnitID: u.ID, Track: model.Party, Kind: model.Full, State: model.Active,
		Category: model.InService, StartedOn: "2020-01-01", EndedOn: model.Forever,
	})
	return model.Actor{MemberID: m.ID, Name: name, Bound: true}
}

func (w *world) officer(u model.Unit, title model.Title) model.Actor {
	a := w.member(string(title), u)
	a.Grants = []model.Grant{{UnitID: u.ID, Path: u.Path, Title: title}}
	return a
}

func (w *world) admin() model.Actor {
	return model.Actor{AccountID: w.account.ID, Name: "root", Bound: true, Grants: []model.Grant{{Path: "/", Title: model.Admin}}}
}

func (w *world) submit(a model.Actor, body string) feedback.Entry {
	w.t.Helper()
	w.clock.Advance(time.Second)
	e, err := w.Submit(ctx, a, feedback.Complaint, body)
	w.must(err)
	return e
}

func TestSubmit(t *testing.T) {
	each(t, func(t *testing.T, w *world) {
		e := w.submit(w.li, "  签到太慢  ")
		if e.Body != "签到太慢" || e.AuthorName != "李明" || *e.MemberID != w.li.MemberID || e.AccountID != nil {
			t.Errorf("%+v", e)
		}
		w.submit(w.li, strings.Repeat("党", 2000))
		for kind, body := range map[string]string{
			"erasure": "x", "complaint": " ", "suggestion": strings.Repeat("党", 2001),
		} {
			if _, err := w.Submit(ctx, w.li, kind, body); model.AsError(err) == nil || model.AsError(err).Kind != model.Invalid {
				t.Errorf("%s: %v", kind, err)
			}
		}
		var events []model.AuditEvent
		w.must(w.db.Read(ctx).Find(&events).Error)
		if len(events) != 2 || strings.Contains(events[0].After, "签到") {
			t.Errorf("%+v", events)
		}
	})
}

func TestWhoSeesAndAnswers(t *testing.T) {
	each(t, func(t *testing.T, w *world) {
		ours, theirs, accounts := w.submit(w.li, "一"), w.submit(w.wang, "二"), w.submit(w.admin(), "三")
		branchAdmin := w.officer(w.branch, model.Admin)
		for name, c := range map[string]struct {
			actor model.Actor
			sees  string
			reply map[int64]*model.Error
		}{
			"the member":         {w.li, "一", map[int64]*model.Error{ours.ID: model.ErrOwnRecord, theirs.ID: model.ErrNotFound}},
			"nobody":             {model.Actor{}, "", map[int64]*model.Error{ours.ID: model.ErrNotFound}},
			"a branch secretary": {w.officer(w.branch, model.Secretary), "", map[int64]*model.Error{ours.ID: model.ErrNotFound}},
			"the root's":         {w.officer(w.root, model.Secretary), "一", map[int64]*model.Error{theirs.ID: model.ErrNotFound, ours.ID: nil}},
			"a branch admin":     {branchAdmin, "一", map[int64]*model.Error{theirs.ID: model.ErrNotFound, ours.ID: nil}},
			"the root's auditor": {w.officer(w.root, model.Auditor), "", map[int64]*model.Error{ours.ID: model.ErrNotFound}},
			"the admin":          {w.admin(), "三二一", map[int64]*model.Error{theirs.ID: nil, accounts.ID: model.ErrOwnRecord}},
		} {
			page, next, err := w.List(ctx, c.actor, 50, "")
			w.must(err)
			got := ""
			for _, e := range page {
				got += e.Body
			}
			if got != c.sees || next != "" {
				t.Errorf("%s sees %q", name, got)
			}
			for id, want := range c.reply {
				_, err := w.Reply(ctx, c.actor, id, "已处理")
				if want == nil && err != nil && !errors.Is(err, feedback.ErrAnswered) || want != nil && !errors.Is(err, want) {
					t.Errorf("%s answers: %v", name, err)
				}
			}
		}
		page, _, err := w.List(ctx, w.li, 50, "")
		w.must(err)
		if e := page[0]; e.Reply != "已处理" || e.RepliedAt == 0 || e.RepliedBy == "" {
			t.Errorf("%+v", e)
		}
		_, err = w.Reply(ctx, branchAdmin, ours.ID, "又")
		if !errors.Is(err, feedback.ErrAnswered) {
			t.Error(err)
		}
	})
}

func TestPages(t *testing.T) {
	each(t, func(t *testing.T, w *world) {
		for i := range 7 {
			w.submit(w.li, fmt.Sprint(i))
		}
		got, cursor := "", ""
		for {
			page, next, err := w.List(ctx, w.li, 3, cursor)
			w.must(err)
			for _, e := range page {
				got += e.Body
			}
			if cursor = next; cursor == "" {
				break
			}
		}
		if got != "6543210" {
			t.Error(got)
		}
		if _, _, err := w.List(ctx, w.li, 3, "x"); model.AsError(err) == nil {
			t.Error(err)
		}
	})
}
