package period_test

import (
	"context"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"gorm.io/gorm"
	"pgregory.net/rapid"

	"zhibu/model"
	"zhibu/model/modeltest"
	"zhibu/service/period"
	"zhibu/service/roster"
	"zhibu/service/unit"
)

// TestClosedOnTimeOrLater keeps two periods in which the same is recorded. One is closed on time, the other days later by
// a server that was down: what happens meanwhile and is dated after the close makes no difference.
func TestClosedOnTimeOrLater(t *testing.T) {
	t.Run("sqlite", func(t *testing.T) {
		share := 4
		if race {
			share = 40
		}
		checkTwins(t, databases(t, modeltest.SQLite, 25), share)
	})
	t.Run("mariadb", func(t *testing.T) { checkTwins(t, databases(t, modeltest.MariaDB, 1000), 40) })
}

func checkTwins(t *testing.T, database func() *model.DB, share int) {
	until := []string{
		"complete", "complete", "complete", "record", "withdraw", "exempt", "check in", "check in", "transfer", "end", "take back",
		"suspend", "join", "birth date", "appoint", "dismiss", "rename", "move unit", "found", "clock", "clock", "tend",
	}
	since := []string{"complete", "complete", "transfer", "end", "suspend", "join", "appoint", "dismiss", "rename", "found", "clock", "clock", "tend"}
	keys := modeltest.Keyring(t)
	modeltest.Check(t, 1000/share, func(rt *rapid.T) {
		h := newHistory(rt, database(), keys, map[string]int{})
		defer h.leave()
		h.twin, h.before = h.begin("另一个系列"), h.closes
		for range rapid.IntRange(2, 10).Draw(rt, "steps before the close") {
			h.do(rt, rapid.SampledFrom(until).Draw(rt, "step"), 0)
			h.compareRates(rt)
		}
		h.before = 0
		h.clock.Set(h.closes.Add(time.Duration(rapid.IntRange(0, 5000).Draw(rt, "late by")) * time.Millisecond).Time())
		h.look()
		if _, err := h.s[0].Look(context.Background(), chief(), h.id); err != nil { // closes it
			rt.Fatal(err)
		}
		for range rapid.IntRange(1, 8).Draw(rt, "steps after the close") {
			h.do(rt, rapid.SampledFrom(since).Draw(rt, "step"), h.day(h.now())+1)
		}
		h.must(h.one(rt).CloseOverdue(context.Background()))
		h.compareVersion(rt, 1)
		onTime, later := h.kept(h.id), h.kept(h.twin)
		if len(onTime) != 1 || len(later) != 1 || onTime[0].CutoffAt != later[0].CutoffAt {
			rt.Fatalf("closed on time: %+v, later: %+v", onTime, later)
		}
		if diff := cmp.Diff(bare(h.entries(onTime[0])), bare(h.entries(later[0]))); diff != "" {
			rt.Fatalf("closed on time and later differ: %s", diff)
		}
		if want := h.hash(h.twin, later[0].CutoffAt, h.entries(later[0])); later[0].Hash != want {
			rt.Fatalf("the later one has the hash %s, want %s", later[0].Hash, want)
		}
	})
}

// bare are entries without the version they are in.
func bare(entries []model.PeriodEntry) []model.PeriodEntry {
	for i := range entries {
		entries[i].VersionID = 0
	}
	return entries
}

// week is a period of the league general branch, from now until Sunday at 20:00, for the week of 2 March.
func (w *world) week(series string) int64 {
	w.t.Helper()
	return w.open(series, w.units["团总支"], w.now(), model.Date("2026-03-08").Start().Add(20*time.Hour))
}

const monday = "2026-03-02 09:00"

func (w *world) complete(id int64, memberIDs ...int64) {
	w.t.Helper()
	for _, m := range memberIDs {
		_, _, err := w.s[0].Complete(context.Background(), member(m), id, nil)
		w.must(err)
	}
}

// wantRate asks both instances for the rate of a unit.
func (w *world) wantRate(id int64, unit string, want model.Rate) {
	w.t.Helper()
	for _, s := range w.s {
		_, rates := w.ask(s, id, period.Query{})
		if got := rates[w.units[unit].ID]; got != want {
			w.t.Errorf("%s at %s: %+v, want %+v", unit, w.clock.Now(), got, want)
		}
	}
}

// TestFreezingFailsWhole breaks a freeze in the middle, at its last statements and by a caller who goes away: nothing is
// left of it, and the next attempt does it.
func TestFreezingFailsWhole(t *testing.T) {
	modeltest.Each(t, func(t *testing.T, db *model.DB) {
		w := newWorld(t, db, modeltest.Keyring(t), monday)
		people := w.enrol(w.units["一支部"], 4)
		id := w.week("青年大学习")
		w.complete(id, people[:3]...)
		w.clock.Set(model.Date("2026-03-08").Start().Add(20 * time.Hour).Time())
		inTheWay := model.PeriodCount{PeriodID: id, Version: 1, UnitID: w.units["一支部"].ID}
		w.add(&inTheWay)
		if err := w.s[0].CloseOverdue(t.Context()); err == nil {
			t.Error("the count of a unit was there already, and no error")
		}
		wantNothing := func() {
			t.Helper()
			var p model.StudyPeriod
			var left int64
			w.must(db.Read(t.Context()).Take(&p, id).Error)
			w.must(db.Read(t.Context()).Model(&model.PeriodEntry{}).Count(&left).Error)
			if left != 0 || p.ClosedAt != 0 || p.Version != 0 || len(w.kept(id)) != 0 {
				t.Errorf("left behind: %d entries, %+v, %+v", left, p, w.kept(id))
			}
		}
		wantNothing()
		w.write(func(tx *gorm.DB) error {
			return tx.Where("period_id = ? AND version = 1", id).Delete(&model.PeriodCount{}).Error
		})
		ctx, leave := context.WithCancel(t.Context())
		looks := 0
		leaving := period.New(db, modeltest.Keyring(t), func() time.Time {
			if looks++; looks == 2 { // in the transaction
				leave()
			}
			return w.clock.Now()
		}, period.Switches{})
		if err := leaving.CloseOverdue(ctx); err == nil {
			t.Error("the caller went away, and no error")
		}
		wantNothing()
		w.must(w.s[1].CloseOverdue(t.Context()))
		v := w.kept(id)
		if len(v) != 1 || v[0].Due != 4 || v[0].Completed != 3 || len(w.entries(v[0])) != 4 {
			t.Errorf("%+v", v)
		}
	})
}

// late is a completion that was under way when the roster or the day changed: it commits now, and counts where the member
// was then.
func (w *world) late(id, memberID int64, units ...string) {
	w.t.Helper()
	w.add(&model.Completion{ID: model.NewID(), PeriodID: id, MemberID: memberID, Source: model.BySelf, CompletedAt: w.now() - 1, RecordedAt: w.now() - 1})
	for _, name := range units {
		w.add(&model.Tally{PeriodID: id, UnitID: w.units[name].ID, Shard: 7, Completed: 1})
	}
}

func (w *world) marks() (n int64) {
	w.t.Helper()
	w.must(w.read().Model(&model.RosterMark{}).Count(&n).Error)
	return n
}

// TestMarksSettle: a mark is seen, and goes 30 seconds later, when every period that was ever counted has been counted
// again, so that a completion that was under way is where the member is. A period that opens later is one of them.
func TestMarksSettle(t *testing.T) {
	modeltest.Each(t, func(t *testing.T, db *model.DB) {
		w := newWorld(t, db, modeltest.Keyring(t), monday)
		tend := func() { t.Helper(); w.must(w.s[0].Tend(t.Context())) }
		people := w.enrol(w.units["一支部"], 2)
		id := w.week("青年大学习")
		scheduled := w.open("下一个系列", w.units["团总支"], w.now().Add(2*time.Hour), w.now().Add(48*time.Hour))
		for _, p := range []int64{id, scheduled} {
			w.wantRate(p, "一支部", model.Rate{Due: 2})
		}
		w.transfer(people[0], "二支部", "2026-03-02")
		w.wantRate(id, "一支部", model.Rate{Due: 1})
		w.wantRate(id, "二支部", model.Rate{Due: 1})
		w.late(id, people[0], "一支部", "团总支")
		marks := w.marks()
		tend()
		w.clock.Advance(29_999 * time.Millisecond)
		tend()
		if got := w.marks(); marks == 0 || got != marks {
			t.Errorf("%d marks before 30 seconds, then %d", marks, got)
		}
		w.clock.Advance(time.Millisecond)
		tend()
		if got := w.marks(); got != 0 {
			t.Errorf("%d marks after 30 seconds", got)
		}
		w.wantRate(id, "一支部", model.Rate{Due: 1})
		w.wantRate(id, "二支部", model.Rate{Due: 1, Completed: 1})
		w.wantRate(id, "团总支", model.Rate{Due: 2, Completed: 1})
		for range 2 {
			w.wantRate(scheduled, "一支部", model.Rate{Due: 1})
			w.wantRate(scheduled, "二支部", model.Rate{Due: 1})
			w.clock.Advance(2 * time.Hour) // it is open now
		}
	})
}

func (w *world) transfer(memberID int64, to string, on model.Date) {
	w.t.Helper()
	_, err := w.roster.Transfer(context.Background(), chief(), memberID, roster.Move{ToUnitID: w.units[to].ID, EffectiveOn: on, Reason: "调动"})
	w.must(err)
}

// TestDaySettles: with the day the roster changes, at its first moment; a completion of the day before that was under way
// then is counted where the member is as soon as the day is 30 seconds old.
func TestDaySettles(t *testing.T) {
	modeltest.Each(t, func(t *testing.T, db *model.DB) {
		w := newWorld(t, db, modeltest.Keyring(t), monday)
		tend := func() { t.Helper(); w.must(w.s[0].Tend(t.Context())) }
		people := w.enrol(w.units["一支部"], 2)
		id := w.week("青年大学习")
		w.transfer(people[0], "二支部", "2026-03-03")
		for range 3 { // the marks of the transfer settle
			tend()
			w.clock.Advance(30 * time.Second)
		}
		midnight := model.Date("2026-03-03").Start()
		w.clock.Set((midnight - 1).Time())
		w.wantRate(id, "一支部", model.Rate{Due: 2})
		w.clock.Advance(time.Millisecond)
		w.wantRate(id, "一支部", model.Rate{Due: 1})
		w.wantRate(id, "二支部", model.Rate{Due: 1})
		w.late(id, people[0], "一支部", "团总支")
		for _, at := range []time.Duration{29_999, 30_000} {
			w.clock.Set(midnight.Add(at * time.Millisecond).Time())
			tend()
		}
		w.wantRate(id, "一支部", model.Rate{Due: 1})
		w.wantRate(id, "二支部", model.Rate{Due: 1, Completed: 1})
		w.wantRate(id, "团总支", model.Rate{Due: 2, Completed: 1})
	})
}

// TestExemptMayComplete: who was released and completes all the same has completed, at once in the counts; when that is
// taken back he is exempt again.
func TestExemptMayComplete(t *testing.T) {
	modeltest.Each(t, func(t *testing.T, db *model.DB) {
		w := newWorld(t, db, modeltest.Keyring(t), monday)
		people := w.enrol(w.units["一支部"], 2)
		id := w.week("青年大学习")
		_, _, err := w.s[0].Exempt(t.Context(), chief(), model.Exemption{PeriodID: id, MemberID: people[0], ReasonCategory: "sick"})
		w.must(err)
		w.wantRate(id, "一支部", model.Rate{Due: 2, Exempt: 1})
		w.complete(id, people[0])
		w.wantRate(id, "团总支", model.Rate{Due: 2, Completed: 1})
		_, err = w.s[1].Withdraw(t.Context(), chief(), id, people[:1], "填错")
		w.must(err)
		w.wantRate(id, "团总支", model.Rate{Due: 2, Exempt: 1})
	})
}

// TestReopenedCountsAnew reopens a period that was closed early by hand: who was late until then is in time again, and who
// went elsewhere meanwhile counts there, though the mark of that is long gone.
func TestReopenedCountsAnew(t *testing.T) {
	modeltest.Each(t, func(t *testing.T, db *model.DB) {
		w := newWorld(t, db, modeltest.Keyring(t), monday)
		people := w.enrol(w.units["一支部"], 3)
		id := w.week("青年大学习")
		w.complete(id, people[0])
		w.wantRate(id, "一支部", model.Rate{Due: 3, Completed: 1})
		_, err := w.s[0].Close(t.Context(), chief(), id)
		w.must(err)
		w.complete(id, people[1])
		w.transfer(people[2], "二支部", "2026-03-02")
		for range 3 { // the marks settle
			w.clock.Advance(30 * time.Second)
			w.must(w.s[1].Tend(t.Context()))
		}
		w.wantRate(id, "一支部", model.Rate{Due: 3, Completed: 1, Late: 1})
		_, err = w.s[1].Reopen(t.Context(), chief(), id, "关早了")
		w.must(err)
		w.wantRate(id, "一支部", model.Rate{Due: 2, Completed: 2})
		w.wantRate(id, "二支部", model.Rate{Due: 1})
		w.wantRate(id, "团总支", model.Rate{Due: 3, Completed: 2})
	})
}

// TestCloseAtMidnight: the roster of the last moment counts, which is that of the day before, also while a period that
// was closed at midnight is corrected days later.
func TestCloseAtMidnight(t *testing.T) {
	modeltest.Each(t, func(t *testing.T, db *model.DB) {
		w := newWorld(t, db, modeltest.Keyring(t), monday)
		people := w.enrol(w.units["一支部"], 2)
		midnight := model.Date("2026-03-04").Start()
		id := w.open("青年大学习", w.units["团总支"], w.now(), midnight)
		w.transfer(people[0], "二支部", "2026-03-04")
		for _, at := range []model.Instant{midnight - 1, midnight, midnight.Add(26 * time.Hour)} {
			w.clock.Set(at.Time())
			w.wantRate(id, "一支部", model.Rate{Due: 2})
		}
		_, err := w.s[0].Reopen(t.Context(), chief(), id, "漏录")
		w.must(err)
		w.wantRate(id, "一支部", model.Rate{Due: 2})
		effects, err := w.s[1].Record(t.Context(), officer(w.units["一支部"].ID, w.units["一支部"].Path), id, period.Batch{
			MemberIDs: people, Source: model.ByVisit, Reason: "送学上门", CompletedAt: midnight - 1,
		})
		if err != nil || effects.Created != 2 {
			t.Errorf("%+v, %v", effects, err)
		}
		w.wantRate(id, "一支部", model.Rate{Due: 2, Completed: 2})
	})
}

// TestLateGivesWay: in a reopened period a record in time takes the place of one that came too late.
func TestLateGivesWay(t *testing.T) {
	modeltest.Each(t, func(t *testing.T, db *model.DB) {
		w := newWorld(t, db, modeltest.Keyring(t), monday)
		people := w.enrol(w.units["一支部"], 2)
		id := w.week("青年大学习")
		end := model.Date("2026-03-08").Start().Add(20 * time.Hour)
		w.clock.Set(end.Time())
		w.complete(id, people[0])
		w.wantRate(id, "团总支", model.Rate{Due: 2, Late: 1})
		_, err := w.s[0].Reopen(t.Context(), chief(), id, "漏录")
		w.must(err)
		effects, err := w.s[0].Record(t.Context(), chief(), id, period.Batch{MemberIDs: people, Source: model.ByOfficer, Reason: "纸质记录", CompletedAt: end - 1})
		if err != nil || effects != (period.Effects{Created: 1, Updated: 1}) {
			t.Errorf("%+v, %v", effects, err)
		}
		w.wantRate(id, "团总支", model.Rate{Due: 2, Completed: 2})
	})
}

// TestMovedOutOfTheAudience: a branch that joins another organisation is due no more, neither in the rates nor in the
// version, and its members are told so.
func TestMovedOutOfTheAudience(t *testing.T) {
	modeltest.Each(t, func(t *testing.T, db *model.DB) {
		w := newWorld(t, db, modeltest.Keyring(t), monday)
		gone, there := w.enrol(w.units["一支部"], 2), w.enrol(w.units["二支部"], 3)
		id := w.open("青年大学习", w.units["团总支"], w.now(), w.now().Add(time.Hour), w.units["一支部"].ID, w.units["二支部"].ID)
		w.complete(id, gone[0], there[0])
		w.wantRate(id, "团总支", model.Rate{Due: 5, Completed: 2})
		elsewhere := w.units["别处总支"].ID
		_, err := w.tree.Patch(t.Context(), chief(), w.units["一支部"].ID, unit.Change{ParentID: &elsewhere})
		w.must(err)
		w.wantRate(id, "团总支", model.Rate{Due: 3, Completed: 1})
		if _, _, err := w.s[0].Complete(t.Context(), member(gone[1]), id, nil); code(err) != "not_invited" {
			t.Errorf("a member who is elsewhere completes: %v", err)
		}
		_, err = w.s[0].Close(t.Context(), chief(), id)
		w.must(err)
		if v := w.kept(id)[0]; v.Due != 3 || v.Completed != 1 || len(w.entries(v)) != 3 {
			t.Errorf("%+v with %d entries", v, len(w.entries(v)))
		}
	})
}

// TestAttendanceCounts: who was at an activity of the period has completed it, until that is corrected.
func TestAttendanceCounts(t *testing.T) {
	modeltest.Each(t, func(t *testing.T, db *model.DB) {
		w := newWorld(t, db, modeltest.Keyring(t), monday)
		people := w.enrol(w.units["一支部"], 2)
		id := w.week("青年大学习")
		lesson := model.Activity{
			ID: model.NewID(), UnitID: w.units["团总支"].ID, Kind: "lesson", Title: "团课", StartsAt: w.now(), EndsAt: w.now() + 1,
			CheckInOpensAt: 1, CheckInClosesAt: 2,
		}
		there := model.CheckIn{
			ID: model.NewID(), ActivityID: lesson.ID, MemberID: people[0], State: model.Present, Source: model.RollCall, CheckedInAt: w.now(),
		}
		w.add(&lesson, &model.PeriodActivity{PeriodID: id, ActivityID: lesson.ID}, &there)
		w.wantRate(id, "一支部", model.Rate{Due: 2}) // the setting is off
		set := func(row any, column string, value any) {
			t.Helper()
			w.write(func(tx *gorm.DB) error { return tx.Model(row).Update(column, value).Error })
		}
		set(&model.StudyPeriod{ID: id}, "check_ins_count", true)
		w.wantRate(id, "一支部", model.Rate{Due: 2, Completed: 1})
		set(&there, "state", model.Absent)
		w.wantRate(id, "一支部", model.Rate{Due: 2})
		if n := w.recorded(id); n != 0 {
			t.Errorf("%d completions are left of an attendance that was none", n)
		}
	})
}

// TestFaultsNameTheirPlace: a member who is not due is named by his place in the list as it was sent.
func TestFaultsNameTheirPlace(t *testing.T) {
	modeltest.Each(t, func(t *testing.T, db *model.DB) {
		w := newWorld(t, db, modeltest.Keyring(t), monday)
		stranger := w.enrol(w.units["别处支部"], 1)[0] // with the lowest id
		people := w.enrol(w.units["一支部"], 2)
		id := w.week("青年大学习")
		list := []int64{people[1], people[0], people[1], stranger}
		_, err := w.s[0].Record(t.Context(), chief(), id, period.Batch{MemberIDs: list, Source: model.ByOfficer, Reason: "现场"})
		if e := model.AsError(err); e == nil || len(e.Fields) != 1 || e.Fields[0].Field != "member_ids[3]" || e.Fields[0].Code != "not_invited" {
			t.Errorf("%+v", err)
		}
		if _, err = w.s[0].Withdraw(t.Context(), chief(), id, list, "填错"); model.AsError(err).Fields[0].Field != "member_ids[3]" {
			t.Errorf("%+v", model.AsError(err).Fields)
		}
		if w.recorded(id) != 0 {
			t.Error("something was recorded")
		}
	})
}
