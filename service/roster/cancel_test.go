package roster_test

import (
	"context"
	"testing"
	"time"

	"zhibu/model"
	"zhibu/model/modeltest"
	"zhibu/service/roster"
)

func TestCancel(t *testing.T) {
	modeltest.Each(t, func(t *testing.T, db *model.DB) {
		w := newWorld(t, db)
		ctx := context.Background()
		m := w.create(w.a1, roster.Person{Name: "张三"}, roster.Joining{StartedOn: "2020-01-01"})
		general := officer(w.general, model.Secretary)
		transfer := func(u model.Unit, on model.Date) int64 {
			t.Helper()
			made, err := w.s.Transfer(ctx, general, m.ID, roster.Move{ToUnitID: u.ID, EffectiveOn: on, Reason: "工作调动"})
			w.must(err)
			return made.ID
		}
		cancel := func(actor model.Actor, id int64) func() error {
			return func() error { _, err := w.s.Cancel(ctx, actor, id, "日期填错"); return err }
		}
		wrong := transfer(w.b, "2027-03-05")
		own := general
		own.MemberID = m.ID
		w.refused("own_record", cancel(own, wrong))
		w.refused("not_found", cancel(general, 1))
		w.refused("not_found", cancel(officer(w.b, model.Secretary), wrong))
		w.refused("not_found", cancel(officer(w.a, model.Secretary), wrong))
		w.refused("forbidden", cancel(officer(w.general, model.Publicity), wrong))
		w.refused("invalid_request", func() error { _, err := w.s.Cancel(ctx, general, wrong, " "); return err })

		// with a change inside the new unit, and after what was entered later still
		_, err := w.s.Change(ctx, general, m.ID, roster.Change{Membership: &roster.MembershipChange{Category: ptr(model.Retired), EffectiveOn: "2027-04-01"}})
		w.must(err)
		later := transfer(w.a2, "2027-05-01")
		w.refused("later_change", cancel(general, wrong))
		w.must(cancel(general, later)())
		w.must(cancel(general, wrong)())
		w.refused("transfer_cancelled", cancel(general, wrong))
		w.wantEpisodes(m.ID, "第一党小组 2020-01-01.. full active in_service")

		// the same once more, and another on the right day
		w.clock.Advance(time.Minute)
		w.must(cancel(general, transfer(w.b, "2027-03-05"))())
		right := transfer(w.b, "2026-03-05")
		w.clock.Set(model.Date("2026-03-06").Start().Time())
		w.refused("transfer_begun", cancel(general, right))
		w.wantEpisodes(m.ID, "第一党小组 2020-01-01..2026-03-05 full active in_service", "第二党支部 2026-03-05.. full active in_service")

		seen, err := w.s.Look(ctx, general, m.ID)
		w.must(err)
		left, err := w.s.End(ctx, officer(w.b, model.Secretary), seen.Memberships[0].ID, "2026-12-31", "退党")
		w.must(err)
		w.must(cancel(officer(w.b, model.Secretary), left.ID)())
		w.wantEpisodes(m.ID, "第一党小组 2020-01-01..2026-03-05 full active in_service", "第二党支部 2026-03-05.. full active in_service")
		var kept model.Transfer
		w.must(w.read().Take(&kept, left.ID).Error)
		if kept.CancelledAt == 0 || kept.CancelReason != "日期填错" || kept.CancelledBy != general.Ref() {
			t.Errorf("%+v", kept)
		}
	})
}
