package unit_test

import (
	"context"
	"errors"
	"fmt"
	"testing"

	"gorm.io/gorm"

	"zhibu/model"
	"zhibu/model/modeltest"
	"zhibu/service/unit"
)

// world is a tree with an administrator over everything.
type world struct {
	*unit.Service
	t     testing.TB
	db    *model.DB
	clock *modeltest.Clock
	admin model.Actor
}

var ctx = context.Background()

func each(t *testing.T, test func(t *testing.T, w *world)) {
	modeltest.Each(t, func(t *testing.T, db *model.DB) { test(t, newWorld(t, db)) })
}

func newWorld(t testing.TB, db *model.DB) *world {
	clock := modeltest.NewClock("2026-03-02 09:00")
	return &world{
		Service: unit.New(db, clock.Now), t: t, db: db, clock: clock,
		admin: model.Actor{Name: "admin", Grants: []model.Grant{{Path: "/", Title: model.Admin}}},
	}
}

func (w *world) must(err error) {
	w.t.Helper()
	if err != nil {
		w.t.Fatal(err)
	}
}

func (w *world) refused(err error, want *model.Error) {
	w.t.Helper()
	if !errors.Is(err, want) {
		w.t.Fatalf("got %v, want %s", err, want.Code)
	}
}

func (w *world) unit(kind model.UnitKind, name string, parent *model.Unit) model.Unit {
	w.t.Helper()
	f := unit.Founding{Kind: kind, Name: name}
	if parent != nil {
		f.ParentID = &parent.ID
	}
	u, err := w.Create(ctx, w.admin, f)
	w.must(err)
	return u
}

func (w *world) add(row any) {
	w.t.Helper()
	w.must(w.db.Write(ctx, func(tx *gorm.DB) error { return tx.Create(row).Error }))
}

func (w *world) member(name string, units ...model.Unit) model.Member {
	m := model.Member{ID: model.NewID(), Name: name, NameKey: name}
	w.add(&m)
	for _, u := range units {
		w.add(&model.Membership{
			ID: model.NewID(), MemberID: m.ID, UnitID: u.ID, Track: u.Kind.Track(), Kind: model.Full, State: model.Active,
			Category: model.InService, StartedOn: "2020-01-01", EndedOn: model.Forever,
		})
	}
	return m
}

// officer is a member of the unit who holds an office in it.
func officer(u model.Unit, title model.Title) model.Actor {
	return model.Actor{
		MemberID: 7, Bound: true, Grants: []model.Grant{{UnitID: u.ID, Path: u.Path, Title: title}},
		Homes: []model.Home{{UnitID: u.ID, Path: u.Path, Track: u.Kind.Track(), Kind: u.Kind}},
	}
}

func (w *world) find(id int64) model.Unit {
	w.t.Helper()
	var u model.Unit
	w.must(w.db.Read(ctx).Take(&u, id).Error)
	return u
}

func (w *world) events() int64 {
	w.t.Helper()
	var n int64
	w.must(w.db.Read(ctx).Model(&model.AuditEvent{}).Count(&n).Error)
	return n
}

func TestCreate(t *testing.T) {
	each(t, func(t *testing.T, w *world) {
		root := w.unit(model.PartyCommittee, " 机关党委 ", nil)
		branch := w.unit(model.PartyBranch, "第一支部", &root)
		if root.Name != "机关党委" || branch.Path != fmt.Sprintf("/%d/%d/", root.ID, branch.ID) || w.events() != 2 {
			t.Errorf("%+v %+v", root, branch)
		}
		secretary, member := officer(branch, model.Secretary), model.Actor{Homes: officer(branch, "").Homes}
		unknown := int64(1)
		deep := branch
		for i := range model.MaxUnitDepth - 2 {
			above := deep
			deep = model.Unit{
				ID: model.NewID(), ParentID: &above.ID, Kind: model.PartyCommittee, Name: fmt.Sprint(i), ClosedOn: model.Forever,
			}
			deep.Path = model.ChildPath(above.Path, deep.ID)
			w.add(&deep)
		}
		before := w.events()
		for name, c := range map[string]struct {
			actor model.Actor
			f     unit.Founding
			want  *model.Error
		}{
			"same name":          {w.admin, unit.Founding{ParentID: &root.ID, Kind: model.PartyBranch, Name: "第一 支部"}, unit.ErrExists},
			"same root":          {w.admin, unit.Founding{Kind: model.PartyCommittee, Name: "机关党委"}, unit.ErrExists},
			"wrong kind":         {w.admin, unit.Founding{ParentID: &branch.ID, Kind: model.PartyCommittee, Name: "x"}, unit.ErrKind},
			"unknown kind":       {w.admin, unit.Founding{ParentID: &root.ID, Kind: "club", Name: "x"}, model.InvalidField("kind", "", "")},
			"no name":            {w.admin, unit.Founding{ParentID: &root.ID, Kind: model.PartyBranch, Name: " 　"}, model.InvalidField("name", "", "")},
			"too deep":           {w.admin, unit.Founding{ParentID: &deep.ID, Kind: model.PartyBranch, Name: "x"}, unit.ErrTooDeep},
			"unknown parent":     {w.admin, unit.Founding{ParentID: &unknown, Kind: model.PartyBranch, Name: "x"}, model.ErrNotFound},
			"root by a branch":   {secretary, unit.Founding{Kind: model.PartyCommittee, Name: "x"}, model.ErrForbidden},
			"above one's branch": {secretary, unit.Founding{ParentID: &root.ID, Kind: model.PartyBranch, Name: "x"}, model.ErrForbidden},
			"by a member":        {member, unit.Founding{ParentID: &branch.ID, Kind: model.PartyGroup, Name: "x"}, model.ErrForbidden},
			"by nobody":          {model.Actor{}, unit.Founding{ParentID: &branch.ID, Kind: model.PartyGroup, Name: "x"}, model.ErrNotFound},
		} {
			if _, err := w.Create(ctx, c.actor, c.f); !errors.Is(err, c.want) {
				t.Errorf("%s: %v", name, err)
			}
		}
		if w.events() != before {
			t.Error("a refused founding left a trace")
		}
		if _, err := w.Create(ctx, secretary, unit.Founding{ParentID: &branch.ID, Kind: model.PartyGroup, Name: "第一小组"}); err != nil {
			t.Error(err)
		}
	})
}
