package roster_test

import (
	"context"
	"testing"

	"github.com/google/go-cmp/cmp"

	"zhibu/model"
	"zhibu/model/modeltest"
	"zhibu/office"
	"zhibu/service/roster"
)

func TestChange(t *testing.T) {
	modeltest.Each(t, func(t *testing.T, db *model.DB) {
		w := newWorld(t, db)
		ctx := context.Background()
		m := w.create(w.a, roster.Person{Name: "张三", Phone: "13800000001", IDNumber: idNumber("19811103", 1)}, roster.Joining{StartedOn: "2020-01-01", Kind: model.Probationary})
		secretary, self := officer(w.a, model.Secretary), plain(m.ID, w.a)
		change := func(actor model.Actor, c roster.Change) func() error {
			return func() error { _, err := w.s.Change(ctx, actor, m.ID, c); return err }
		}
		of := func(c roster.MembershipChange) roster.Change { return roster.Change{Membership: &c} }
		full := model.Full

		w.must(change(self, roster.Change{Phone: ptr("13800000002")})())
		w.refused("forbidden", change(self, roster.Change{Name: ptr("张四")}))
		w.refused("forbidden", change(self, of(roster.MembershipChange{Kind: &full})))
		w.refused("forbidden", change(plain(9, w.a), roster.Change{Phone: ptr("13800000003")}))
		w.refused("forbidden", change(officer(w.a, model.Publicity), roster.Change{Phone: ptr("13800000003")}))
		w.refused("not_found", change(officer(w.b, model.Secretary), roster.Change{Phone: ptr("13800000003")}))
		w.refused("invalid_request", change(secretary, roster.Change{Phone: ptr("123")}))
		w.refused("invalid_request", change(secretary, roster.Change{BirthDate: ptr(model.Date("1981-11-04"))}))
		w.refused("invalid_request", change(secretary, of(roster.MembershipChange{Kind: ptr(model.LeagueMember)})))

		p, err := w.s.Change(ctx, secretary, m.ID, roster.Change{Name: ptr("张三丰"), IDNumber: ptr(idNumber("19820505", 2)), JobTitle: ptr("科长")})
		w.must(err)
		if p.Name != "张三丰" || p.Details.BirthDate != "1982-05-05" || p.Details.Gender != "female" || p.Details.Phone != "13800000002" || p.Details.JobTitle != "科长" {
			t.Errorf("%+v", p.Details)
		}

		w.must(change(secretary, of(roster.MembershipChange{Kind: &full, EffectiveOn: "2021-01-01", ConfirmedOn: ptr(model.Date("2021-01-01"))}))())
		w.must(change(secretary, of(roster.MembershipChange{Category: ptr(model.Retired)}))())
		w.must(change(secretary, of(roster.MembershipChange{State: ptr(model.Suspended)}))()) // the same day: in place
		before := w.counts()
		w.must(change(secretary, of(roster.MembershipChange{State: ptr(model.Suspended)}))())
		if after := w.counts(); after["audit_events"] != before["audit_events"] {
			t.Error("a change of nothing is in the audit")
		}
		w.refused("before_episode", change(secretary, of(roster.MembershipChange{Kind: ptr(model.Probationary), EffectiveOn: "2026-03-01"})))
		w.wantEpisodes(m.ID,
			"第一党支部 2020-01-01..2021-01-01 probationary active in_service",
			"第一党支部 2021-01-01..2026-03-02 full active in_service",
			"第一党支部 2026-03-02.. full suspended retired")
		w.noPersonalData("13800000002", "张三丰", idNumber("19820505", 2))

		own := secretary
		own.MemberID = m.ID
		w.refused("own_record", change(own, of(roster.MembershipChange{State: ptr(model.Active)})))
		w.must(change(own, roster.Change{Education: ptr("本科")})())
	})
}

func TestChangeOfTwoTracksAndAhead(t *testing.T) {
	modeltest.Each(t, func(t *testing.T, db *model.DB) {
		w := newWorld(t, db)
		ctx := context.Background()
		p := roster.Person{Name: "李娜", Phone: "13800000001"}
		m := w.create(w.a, p, roster.Joining{StartedOn: "2020-01-01"})
		w.create(w.league, p, roster.Joining{StartedOn: "2020-01-01"})
		general := officer(w.general, model.Secretary)
		hardship := func(actor model.Actor, c roster.MembershipChange) error {
			_, err := w.s.Change(ctx, actor, m.ID, roster.Change{Membership: &c})
			return err
		}
		w.refused("invalid_request", func() error { return hardship(general, roster.MembershipChange{Hardship: ptr(true)}) })
		w.refused("forbidden", func() error {
			return hardship(officer(w.league, model.LeagueSecretary), roster.MembershipChange{Track: model.Party, Hardship: ptr(true)})
		})
		w.must(hardship(general, roster.MembershipChange{Track: model.League, Category: ptr(model.Floating)}))
		_, err := w.s.Transfer(ctx, general, m.ID, roster.Move{ToUnitID: w.b.ID, EffectiveOn: "2026-04-01", Reason: "工作调动"})
		w.must(err)
		w.refused("later_change", func() error {
			return hardship(general, roster.MembershipChange{Track: model.Party, Category: ptr(model.Retired)})
		})
		w.must(hardship(general, roster.MembershipChange{Track: model.Party, Category: ptr(model.Retired), EffectiveOn: "2026-04-01"}))
		w.wantEpisodes(m.ID,
			"第一党支部 2020-01-01..2026-04-01 full active in_service",
			"机关团支部 2020-01-01..2026-03-02 member active in_service",
			"机关团支部 2026-03-02.. member active floating",
			"第二党支部 2026-04-01.. full active retired")

		ahead := w.create(w.b, roster.Person{Name: "王五"}, roster.Joining{StartedOn: "2026-05-01"})
		_, err = w.s.Change(ctx, general, ahead.ID, roster.Change{Membership: &roster.MembershipChange{Category: ptr(model.Retired)}})
		w.must(err)
		w.wantEpisodes(ahead.ID, "第二党支部 2026-05-01.. full active retired")
	})
}

func TestTransfer(t *testing.T) {
	modeltest.Each(t, func(t *testing.T, db *model.DB) {
		w := newWorld(t, db)
		ctx := context.Background()
		m := w.create(w.a1, roster.Person{Name: "张三", Phone: "13800000001"}, roster.Joining{StartedOn: "2020-01-01", Category: model.Retired})
		for _, u := range []model.Unit{w.a1, w.a, w.general} {
			w.must(w.write(posting(m.ID, u, model.Organiser)))
		}
		general := officer(w.general, model.Secretary)
		transfer := func(actor model.Actor, u model.Unit, on model.Date) func() error {
			return func() error {
				_, err := w.s.Transfer(ctx, actor, m.ID, roster.Move{ToUnitID: u.ID, EffectiveOn: on, Reason: "工作调动"})
				return err
			}
		}
		w.refused("not_found", transfer(officer(w.a, model.Secretary), w.b, today))
		w.refused("not_found", transfer(officer(w.b, model.Secretary), w.b, today))
		w.refused("forbidden", transfer(officer(w.general, model.Publicity), w.b, today))
		w.refused("already_in_unit", transfer(general, w.a1, today))
		w.refused("not_a_branch", transfer(general, w.general, today))
		w.refused("no_membership", transfer(general, w.league, today))
		w.refused("before_episode", transfer(general, w.b, "2020-01-01"))
		w.refused("before_episode", transfer(general, w.b, "2019-01-01"))
		w.refused("invalid_request", transfer(general, w.b, "2026-02-30"))
		own := general
		own.MemberID = m.ID
		w.refused("own_record", transfer(own, w.b, today))
		closed := w.unit(&w.general, model.PartyBranch, "撤销的支部")
		w.must(w.write(closing(closed)))
		w.refused("unit_closed", transfer(general, closed, today))

		w.must(transfer(officer(w.a, model.Secretary), w.a2, "2026-02-01")()) // within the branch: every post stays
		w.must(transfer(general, w.b, "2026-04-01")())
		w.refused("already_in_unit", transfer(general, w.b, "2026-04-01"))
		w.refused("before_episode", transfer(general, w.a, "2026-04-01"))
		w.wantEpisodes(m.ID,
			"第一党小组 2020-01-01..2026-02-01 full active retired",
			"第二党小组 2026-02-01..2026-04-01 full active retired",
			"第二党支部 2026-04-01.. full active retired")
		var posts []model.Post
		w.must(w.read().Order("ended_on, unit_id").Find(&posts).Error)
		for i, want := range []model.Date{"2026-04-01", "2026-04-01", model.Forever} {
			if posts[i].EndedOn != want {
				t.Errorf("post in %d ends on %s, want %s", posts[i].UnitID, posts[i].EndedOn, want)
			}
		}
		if seen, err := w.s.Look(ctx, officer(w.a, model.Secretary), m.ID); err != nil || len(seen.Memberships) != 2 || len(seen.History) != 1 {
			t.Errorf("until then the old branch has him: %v %+v", err, seen)
		}
	})
}

func TestEnd(t *testing.T) {
	modeltest.Each(t, func(t *testing.T, db *model.DB) {
		w := newWorld(t, db)
		ctx := context.Background()
		p := roster.Person{Name: "张三", Phone: "13800000001"}
		m := w.create(w.a, p, roster.Joining{StartedOn: "2020-01-01"})
		w.create(w.league, p, roster.Joining{StartedOn: "2020-01-01"})
		w.must(w.write(posting(m.ID, w.a, model.Organiser)))
		w.must(w.write(posting(m.ID, w.general, model.Organiser)))
		byTrack := map[model.Track]int64{}
		seen, err := w.s.Look(ctx, plain(m.ID, w.a), m.ID)
		w.must(err)
		for _, e := range seen.Memberships {
			byTrack[e.Track] = e.ID
		}
		end := func(actor model.Actor, id int64, on model.Date, reason string) func() error {
			return func() error { _, err := w.s.End(ctx, actor, id, on, reason); return err }
		}
		secretary := officer(w.general, model.Secretary)
		w.refused("forbidden", end(officer(w.a, model.Secretary), byTrack[model.Party], today, "去世")) // he holds an office above
		w.refused("not_found", end(officer(w.b, model.Secretary), byTrack[model.Party], today, "去世"))
		w.refused("not_found", end(secretary, 1, today, "去世"))
		w.refused("forbidden", end(plain(m.ID, w.a), byTrack[model.Party], today, "去世"))
		w.refused("invalid_request", end(secretary, byTrack[model.Party], today, " "))
		w.refused("before_episode", end(secretary, byTrack[model.Party], "2020-01-01", "去世"))
		w.must(end(secretary, byTrack[model.Party], today, "去世")())
		w.refused("already_ended", end(secretary, byTrack[model.Party], today, "去世"))
		held := func() (n int64) {
			w.must(w.read().Model(&model.Post{}).Where("ended_on = ?", model.Forever).Count(&n).Error)
			return n
		}
		if held() != 1 {
			t.Error("the post in the branch outlasts the membership, or the one above does not")
		}
		w.must(end(secretary, byTrack[model.League], "2026-03-05", "去世")())
		if held() != 0 {
			t.Error("a post outlasts every membership")
		}
		w.wantEpisodes(m.ID, "第一党支部 2020-01-01..2026-03-02 full active in_service", "机关团支部 2020-01-01..2026-03-05 member active in_service")
		var transfers []model.Transfer
		w.must(w.read().Find(&transfers).Error)
		if len(transfers) != 2 || transfers[0].ToUnitID != nil || transfers[0].Reason != "去世" {
			t.Errorf("%+v", transfers)
		}
	})
}

// TestPhoneOfAHigherOffice: whoever could change the phone of the one above him could sign in as him.
func TestPhoneOfAHigherOffice(t *testing.T) {
	modeltest.Each(t, func(t *testing.T, db *model.DB) {
		w := newWorld(t, db)
		ctx := context.Background()
		id := idNumber("19811103", 1)
		chief := w.create(w.a, roster.Person{Name: "张三", IDNumber: id}, roster.Joining{StartedOn: "2020-01-01"})
		w.must(w.write(posting(chief.ID, w.general, model.Secretary)))
		secretary, general := officer(w.a, model.Secretary), officer(w.general, model.Secretary)
		w.refused("forbidden", func() error {
			_, err := w.s.Change(ctx, secretary, chief.ID, roster.Change{Phone: ptr("13800000001")})
			return err
		})
		w.refused("forbidden", func() error {
			_, err := w.s.Change(ctx, secretary, chief.ID, roster.Change{Name: ptr("李四")})
			return err
		})
		w.refused("forbidden", func() error {
			_, err := w.s.Create(ctx, officer(w.league, model.LeagueSecretary), w.league.ID, roster.Person{Name: "张三", IDNumber: id, Phone: "13800000001"}, roster.Joining{})
			return err
		})
		w.refused("import_rejected", func() error {
			r, err := w.importRows(secretary, w.a, office.ImportOptions{}, header, []any{"张三", id, "13800000001"})
			if diff := cmp.Diff([]string{"2 手机号 forbidden"}, rejections(r)); diff != "" {
				t.Error(diff)
			}
			return err
		})
		_, err := w.s.Change(ctx, secretary, chief.ID, roster.Change{JobTitle: ptr("科长")})
		w.must(err)
		_, err = w.s.Change(ctx, general, chief.ID, roster.Change{Phone: ptr("13800000001")})
		w.must(err)
		w.imported("0/0/1", secretary, w.a, header, []any{"张三", id, "13800000001"})
		_, err = w.s.Change(ctx, plain(chief.ID, w.a), chief.ID, roster.Change{Phone: ptr("13800000002")})
		w.must(err)
	})
}
