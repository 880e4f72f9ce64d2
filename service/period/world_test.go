package period_test

import (
	"context"
	"fmt"
	"testing"

	"gorm.io/gorm"
	"pgregory.net/rapid"

	"zhibu/model"
	"zhibu/model/modeltest"
	"zhibu/service/period"
	"zhibu/service/roster"
	"zhibu/service/unit"
)

// world is a small organisation under one committee: a league general branch with three branches, one of them with two
// groups, another one with a branch whose id begins like that of the first, and a party branch with a group. Two
// instances of the service share its database.
type world struct {
	t      rapid.TB
	db     *model.DB
	clock  *modeltest.Clock
	s      [2]*period.Service
	roster *roster.Service
	tree   *unit.Service
	units  map[string]model.Unit // as they were founded
}

// tree of the world: a unit, its kind and the one above it.
var plot = []struct {
	name, above string
	kind        model.UnitKind
}{
	{"机关党委", "", model.PartyCommittee},
	{"团总支", "机关党委", model.LeagueGeneralBranch},
	{"一支部", "团总支", model.LeagueBranch}, {"一组", "一支部", model.LeagueGroup}, {"二组", "一支部", model.LeagueGroup},
	{"二支部", "团总支", model.LeagueBranch}, {"三支部", "团总支", model.LeagueBranch},
	{"别处总支", "机关党委", model.LeagueGeneralBranch}, {"别处支部", "别处总支", model.LeagueBranch},
	{"党支部", "机关党委", model.PartyBranch}, {"党小组", "党支部", model.PartyGroup},
}

// lookAlike has the id of 一支部 with a digit more, so that its path begins like that one's but for the stroke.
const lookAlike = "三支部"

// newWorld makes a world in the database; keys need a test, and in a property t is none.
func newWorld(t rapid.TB, db *model.DB, keys *model.Keyring, at string) *world {
	w := &world{t: t, db: db, clock: modeltest.NewClock(at), units: map[string]model.Unit{}}
	for i := range w.s {
		w.s[i] = period.New(db, keys, w.clock.Now, period.Switches{})
	}
	w.roster, w.tree = roster.New(db, keys, w.clock.Now), unit.New(db, w.clock.Now)
	var rows []model.Unit
	for _, p := range plot {
		u := model.Unit{ID: model.NewID(), Kind: p.kind, Name: p.name, ClosedOn: model.Forever}
		if p.name == lookAlike {
			u.ID = w.units["一支部"].ID*10 + 1
		}
		u.Path = model.ChildPath("", u.ID)
		if above, ok := w.units[p.above]; ok {
			u.ParentID, u.Path = &above.ID, model.ChildPath(above.Path, u.ID)
		}
		w.units[p.name], rows = u, append(rows, u)
	}
	w.add(rows)
	return w
}

func (w *world) must(err error) {
	w.t.Helper()
	if err != nil {
		w.t.Fatal(err)
	}
}

func (w *world) write(work func(tx *gorm.DB) error) {
	w.t.Helper()
	w.must(w.db.Write(context.Background(), work))
}

// add writes rows as they are.
func (w *world) add(rows ...any) {
	w.t.Helper()
	w.write(func(tx *gorm.DB) error {
		for _, some := range rows {
			if err := tx.Create(some).Error; err != nil {
				return err
			}
		}
		return nil
	})
}

func (w *world) read() *gorm.DB { return w.db.Read(context.Background()) }

func (w *world) now() model.Instant { return model.At(w.clock.Now()) }

// chief is an account over everything.
func chief() model.Actor {
	return model.Actor{AccountID: 1, Name: "管理", Bound: true, Grants: []model.Grant{{Path: "/", Title: model.Admin}}}
}

// officer is somebody with an office and no membership.
func officer(id int64, path string) model.Actor {
	return model.Actor{AccountID: 2, Name: "书记", Bound: true, Grants: []model.Grant{{UnitID: id, Path: path, Title: model.LeagueSecretary}}}
}

// member is somebody without an office.
func member(id int64) model.Actor { return model.Actor{MemberID: id, Name: "团员", Bound: true} }

// enrol puts so many on the roster of the unit, since long ago, and returns their ids.
func (w *world) enrol(u model.Unit, many int) (ids []int64) {
	w.t.Helper()
	var members []model.Member
	var memberships []model.Membership
	for i := range many {
		m, on := person(fmt.Sprint(u.Name, i), "2005-05-04"), enrolled(u, 0, "2020-01-01")
		on.MemberID = m.ID
		members, memberships, ids = append(members, m), append(memberships, on), append(ids, m.ID)
	}
	w.add(members, memberships)
	return ids
}

func person(name string, born model.Date) model.Member {
	return model.Member{ID: model.NewID(), Name: name, NameKey: model.NameKey(name), BirthDate: born}
}

func enrolled(u model.Unit, memberID int64, from model.Date) model.Membership {
	kind := model.Full
	if u.Kind.Track() == model.League {
		kind = model.LeagueMember
	}
	return model.Membership{
		ID: model.NewID(), MemberID: memberID, UnitID: u.ID, Track: u.Kind.Track(), Kind: kind, State: model.Active,
		Category: model.InService, StartedOn: from, EndedOn: model.Forever,
	}
}

// open plans a period of the unit, for itself unless for others.
func (w *world) open(series string, u model.Unit, from, until model.Instant, audience ...int64) int64 {
	w.t.Helper()
	one := 1
	p, err := w.s[0].Open(context.Background(), chief(), period.Plan{
		UnitID: u.ID, Series: series, Number: &one, Title: "一期", OpensAt: from, ClosesAt: until, AudienceUnitIDs: audience,
		ThresholdBP: 8500,
	})
	w.must(err)
	return p.ID
}

// ask asks one of the instances for the rates of every unit of the period, by unit.
func (w *world) ask(s *period.Service, id int64, q period.Query) (period.Rates, map[int64]model.Rate) {
	w.t.Helper()
	r, _, err := s.Rates(context.Background(), chief(), id, q)
	w.must(err)
	return r, byUnit(r)
}

func byUnit(r period.Rates) map[int64]model.Rate {
	rates := map[int64]model.Rate{r.Total.UnitID: r.Total.Rate}
	for _, u := range r.Units {
		rates[u.UnitID] = u.Rate
	}
	return rates
}

// kept are the frozen versions of a period, the first one first.
func (w *world) kept(id int64) (list []model.PeriodVersion) {
	w.t.Helper()
	w.must(w.read().Where("period_id = ?", id).Order("number").Find(&list).Error)
	return list
}

// entries are those of a version, by member.
func (w *world) entries(v model.PeriodVersion) (list []model.PeriodEntry) {
	w.t.Helper()
	w.must(w.read().Where("version_id = ?", v.ID).Order("member_id").Find(&list).Error)
	return list
}

// code is what a refusal is called; empty when there was none.
func code(err error) string {
	if e := model.AsError(err); e != nil {
		return e.Code
	}
	if err != nil {
		return err.Error()
	}
	return ""
}

// databases gives each history an empty database or one that few others had, since what is asked of SQLite takes longer
// with every row.
func databases(t *testing.T, open func(testing.TB) *model.DB, histories int) func() *model.DB {
	var db *model.DB
	used := 0
	return func() *model.DB {
		if used%histories == 0 {
			db = open(t)
		}
		used++
		return db
	}
}
