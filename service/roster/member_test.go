package roster_test

import (
	"context"
	"testing"

	"github.com/google/go-cmp/cmp"

	"zhibu/model"
	"zhibu/model/modeltest"
	"zhibu/service/roster"
)

func names(page []roster.Profile) (list []string) {
	for _, p := range page {
		list = append(list, p.Name)
	}
	return list
}

func TestCreate(t *testing.T) {
	modeltest.Each(t, func(t *testing.T, db *model.DB) {
		w := newWorld(t, db)
		ctx := context.Background()
		id := idNumber("19811103", 1)
		secretary := officer(w.a, model.Secretary)
		created, err := w.s.Create(ctx, secretary, w.a.ID, roster.Person{Name: " 张　三 ", Phone: "+86 138-0000-0001", IDNumber: id}, roster.Joining{
			Kind: model.Probationary, StartedOn: "2026-01-01", JoinedOn: "2025-12-01"})
		w.must(err)
		want := roster.Details{Gender: "male", BirthDate: "1981-11-03", Phone: "13800000001", IDNumber: model.MaskIDNumber(id)}
		if diff := cmp.Diff(want, *created.Details); created.Name != "张三" || diff != "" {
			t.Errorf("%s: %s", created.Name, diff)
		}
		w.wantEpisodes(created.ID, "第一党支部 2026-01-01.. probationary active in_service")
		w.noPersonalData("13800000001", id)

		create := func(actor model.Actor, u model.Unit, p roster.Person, j roster.Joining) func() error {
			return func() error { _, err := w.s.Create(ctx, actor, u.ID, p, j); return err }
		}
		w.refused("member_exists", create(secretary, w.a, roster.Person{Name: "张三", IDNumber: id}, roster.Joining{}))
		w.refused("member_exists", create(secretary, w.a, roster.Person{Name: "张三", Phone: "13800000001"}, roster.Joining{}))
		w.refused("member_exists", create(secretary, w.a, roster.Person{Name: "张 三", BirthDate: "1981-11-03"}, roster.Joining{}))
		w.refused("member_exists", create(secretary, w.a, roster.Person{Name: "李四", IDNumber: id}, roster.Joining{}))
		w.refused("member_exists", create(officer(w.b, model.Secretary), w.b, roster.Person{Name: "张三", IDNumber: id}, roster.Joining{}))
		w.refused("forbidden", create(plain(1, w.a), w.a, roster.Person{Name: "李四"}, roster.Joining{}))
		w.refused("forbidden", create(officer(w.a, model.Publicity), w.a, roster.Person{Name: "李四"}, roster.Joining{}))
		w.refused("not_found", create(officer(w.b, model.Secretary), w.a, roster.Person{Name: "李四"}, roster.Joining{}))
		w.refused("not_a_branch", create(officer(w.general, model.Secretary), w.general, roster.Person{Name: "李四"}, roster.Joining{}))
		w.refused("invalid_request", create(secretary, w.a, roster.Person{Name: "李四"}, roster.Joining{Track: model.League}))
		w.refused("invalid_request", create(secretary, w.a, roster.Person{Name: "李四"}, roster.Joining{Kind: model.LeagueMember}))
		w.refused("invalid_request", create(secretary, w.a, roster.Person{Name: "李四", IDNumber: "620102198111031111"}, roster.Joining{}))
		w.refused("invalid_request", create(secretary, w.a, roster.Person{Name: "李四", IDNumber: idNumber("19811103", 3), Gender: "female"}, roster.Joining{}))
		w.refused("invalid_request", create(secretary, w.a, roster.Person{Name: "李四", BirthDate: "2027-01-01"}, roster.Joining{}))
		w.refused("invalid_request", create(secretary, w.a, roster.Person{Name: " "}, roster.Joining{}))

		w.must(w.write(closing(w.b)))
		w.refused("unit_closed", create(officer(w.b, model.Secretary), w.b, roster.Person{Name: "李四"}, roster.Joining{}))
	})
}

func TestOnBothRosters(t *testing.T) {
	modeltest.Each(t, func(t *testing.T, db *model.DB) {
		w := newWorld(t, db)
		id := idNumber("20010102", 2)
		first := w.create(w.a, roster.Person{Name: "李娜", Phone: "13800000002"}, roster.Joining{StartedOn: "2025-01-01"})
		again := w.create(w.league, roster.Person{Name: "李娜", Phone: "13800000002", IDNumber: id, Education: "本科"}, roster.Joining{Kind: model.Full})
		if again.ID != first.ID || again.Details.Education != "本科" || again.Details.BirthDate != "2001-01-02" {
			t.Errorf("not the same person, or blanks not filled: %+v", again.Details)
		}
		w.wantEpisodes(first.ID, "第一党支部 2025-01-01.. full active in_service", "机关团支部 2026-03-02.. member active in_service")
		w.refused("member_exists", func() error {
			_, err := w.s.Create(context.Background(), officer(w.league, model.LeagueSecretary), w.league.ID, roster.Person{Name: "李娜", IDNumber: id}, roster.Joining{})
			return err
		})
	})
}

func TestReturn(t *testing.T) {
	modeltest.Each(t, func(t *testing.T, db *model.DB) {
		w := newWorld(t, db)
		ctx := context.Background()
		p := roster.Person{Name: "王五", Phone: "13800000003"}
		m := w.create(w.a, p, roster.Joining{StartedOn: "2020-01-01"})
		_, err := w.s.End(ctx, officer(w.a, model.Secretary), m.Memberships[0].ID, "2025-06-01", "调往外地")
		w.must(err)
		w.refused("before_episode", func() error {
			_, err := w.s.Create(ctx, officer(w.b, model.Secretary), w.b.ID, p, roster.Joining{StartedOn: "2025-05-31"})
			return err
		})
		if back := w.create(w.b, p, roster.Joining{StartedOn: "2025-06-01"}); back.ID != m.ID {
			t.Error("who comes back is a second person")
		}
		w.wantEpisodes(m.ID, "第一党支部 2020-01-01..2025-06-01 full active in_service", "第二党支部 2025-06-01.. full active in_service")
	})
}

func TestList(t *testing.T) {
	modeltest.Each(t, func(t *testing.T, db *model.DB) {
		w := newWorld(t, db)
		ctx := context.Background()
		for i, name := range []string{"张三", "曾国", "单雄", "阿依古丽·买买提", "李明", "梁山", "Smith John"} {
			w.create(w.a, roster.Person{Name: name, Phone: "1390000000" + string(rune('0'+i)), IDNumber: idNumber("19800101", i)}, roster.Joining{})
		}
		one := w.create(w.a1, roster.Person{Name: "张三丰", Phone: "13900000009"}, roster.Joining{StartedOn: "2020-01-01"})
		w.create(w.b, roster.Person{Name: "外人"}, roster.Joining{})
		list := func(actor model.Actor, u model.Unit, f roster.Filter) []string {
			t.Helper()
			page, _, err := w.s.List(ctx, actor, u.ID, f)
			w.must(err)
			return names(page)
		}
		secretary := officer(w.a, model.Secretary)
		all := []string{"阿依古丽·买买提", "李明", "梁山", "单雄", "Smith John", "曾国", "张三", "张三丰"}
		for _, c := range []struct {
			name string
			f    roster.Filter
			want []string
		}{
			{"all", roster.Filter{}, all},
			{"initials", roster.Filter{Query: "ZS"}, []string{"张三", "张三丰"}},
			{"surname", roster.Filter{Query: "zengg"}, []string{"曾国"}},
			{"part", roster.Filter{Query: "买买提"}, []string{"阿依古丽·买买提"}},
			{"latin", roster.Filter{Query: "john"}, []string{"Smith John"}},
			{"wildcard", roster.Filter{Query: "%"}, nil},
			{"league", roster.Filter{Track: model.League}, nil},
			{"past", roster.Filter{AsOf: "2020-01-01"}, []string{"张三丰"}},
			{"before", roster.Filter{AsOf: "2019-12-31"}, nil},
		} {
			if diff := cmp.Diff(c.want, list(secretary, w.a, c.f)); diff != "" {
				t.Errorf("%s: %s", c.name, diff)
			}
		}
		var paged []string
		for f := (roster.Filter{Limit: 3}); ; {
			page, next, err := w.s.List(ctx, secretary, w.a.ID, f)
			w.must(err)
			paged = append(paged, names(page)...)
			if f.Cursor = next; next == "" {
				break
			}
		}
		if diff := cmp.Diff(all, paged); diff != "" {
			t.Errorf("paged: %s", diff)
		}
		w.refused("invalid_request", func() error { _, _, err := w.s.List(ctx, secretary, w.a.ID, roster.Filter{Cursor: "?"}); return err })
		w.refused("not_found", func() error { _, _, err := w.s.List(ctx, secretary, w.b.ID, roster.Filter{}); return err })
		w.refused("not_found", func() error { _, _, err := w.s.List(ctx, plain(one.ID, w.a1), w.b.ID, roster.Filter{}); return err })
		w.refused("forbidden", func() error {
			_, _, err := w.s.List(ctx, plain(one.ID, w.a1), w.general.ID, roster.Filter{})
			return err
		})
	})
}

func TestWhoSeesWhat(t *testing.T) {
	modeltest.Each(t, func(t *testing.T, db *model.DB) {
		w := newWorld(t, db)
		ctx := context.Background()
		id := idNumber("19811103", 1)
		m := w.create(w.a1, roster.Person{Name: "张三", Phone: "13800000001", IDNumber: id}, roster.Joining{})
		w.must(w.write(posting(m.ID, w.a1, model.GroupLeader)))
		phone := func(actor model.Actor) string {
			t.Helper()
			page, _, err := w.s.List(ctx, actor, w.a.ID, roster.Filter{})
			w.must(err)
			p := page[0]
			if len(p.Offices) != 1 || p.Memberships[0].Unit.ID != w.a1.ID {
				t.Errorf("posts or unit missing: %+v", p)
			}
			if p.Details == nil {
				if diff := cmp.Diff(model.Membership{UnitID: w.a1.ID, Track: model.Party}, p.Memberships[0].Membership); diff != "" {
					t.Errorf("more than names and posts: %s", diff)
				}
				return "none"
			}
			if p.Details.IDNumber != model.MaskIDNumber(id) {
				t.Error("the id number is not masked")
			}
			return p.Details.Phone
		}
		for name, c := range map[string]struct {
			actor model.Actor
			want  string
		}{
			"fellow member":   {plain(7, w.a), "none"},
			"group leader":    {model.Actor{Grants: officer(w.a1, model.GroupLeader).Grants, Homes: plain(7, w.a).Homes, Bound: true}, "none"},
			"branch":          {officer(w.a, model.Publicity), "13800000001"},
			"general branch":  {officer(w.general, model.Secretary), "138****0001"},
			"console account": {model.Actor{AccountID: 1, Bound: true, Grants: []model.Grant{{Path: "/", Title: model.Admin}}}, "138****0001"},
		} {
			if got := phone(c.actor); got != c.want {
				t.Errorf("%s sees %s, want %s", name, got, c.want)
			}
		}
		for name, c := range map[string]struct {
			actor model.Actor
			want  string
		}{
			"self": {plain(m.ID, w.a1), "13800000001"}, "group leader": {officer(w.a1, model.GroupLeader), "13800000001"},
			"general branch": {officer(w.general, model.Secretary), "138****0001"},
		} {
			p, err := w.s.Look(ctx, c.actor, m.ID)
			w.must(err)
			if p.Details.Phone != c.want {
				t.Errorf("%s sees %s, want %s", name, p.Details.Phone, c.want)
			}
		}
		w.refused("forbidden", func() error { _, err := w.s.Look(ctx, plain(7, w.a), m.ID); return err })
		w.refused("not_found", func() error { _, err := w.s.Look(ctx, officer(w.b, model.Secretary), m.ID); return err })
		w.refused("not_found", func() error { _, err := w.s.Look(ctx, officer(w.b, model.Secretary), 1); return err })
	})
}
