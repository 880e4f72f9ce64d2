package push_test

import (
	"context"
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	"gorm.io/gorm"

	"zhibu/model"
)

// period opens a study period of the unit for itself.
func (w *world) period(unit string, opens, closes model.Instant) int64 {
	w.t.Helper()
	u, one := w.units[unit], 1
	p := model.StudyPeriod{
		ID: model.NewID(), UnitID: u.ID, Series: strings.Repeat("青年大学习", 12), Title: "第一期", Number: &one, Track: u.Kind.Track(), OpensAt: opens, ClosesAt: closes,
		ThresholdBP: 8500, DecideOn: model.DecideOnAdjusted, CreatedBy: "account:1", CreatedAt: opens,
	}
	p.Code = fmt.Sprint(p.ID)
	w.add(&p, &model.PeriodAudience{PeriodID: p.ID, UnitID: u.ID})
	return p.ID
}

func (w *world) complete(periodID int64, members ...int64) {
	w.t.Helper()
	for _, id := range members {
		w.add(&model.Completion{ID: model.NewID(), PeriodID: periodID, MemberID: id, Source: model.BySelf, CompletedAt: w.now(), RecordedAt: w.now()})
	}
}

// appoint gives the member an office in the unit.
func (w *world) appoint(memberID int64, unit string, title model.Title, ends model.Date) {
	w.t.Helper()
	w.add(&model.Post{
		ID: model.NewID(), MemberID: memberID, UnitID: w.units[unit].ID, Title: title, StartedOn: "2020-01-01", TermEndsOn: ends, EndedOn: model.Forever,
	})
}

// remind lets the instances look at the calendar, several times and at once.
func (w *world) remind() {
	w.t.Helper()
	w.noErrors(atOnce(4, func(i int) error { return w.s[i%2].Remind(context.Background()) }))
}

// told are the rules by which the members were told something since the last time, with how often, such as "dues_day:2". It
// forgets what they were told.
func (w *world) told(members ...int64) string {
	w.t.Helper()
	var rules []string
	q := w.read().Model(&model.Delivery{}).Joins("JOIN announcements ON announcements.id = deliveries.announcement_id").
		Where("deliveries.member_id IN ? AND deliveries.read_at = 0", members)
	w.must(q.Pluck("announcements.rule", &rules).Error)
	w.write(func(tx *gorm.DB) error {
		return tx.Model(&model.Delivery{}).Where("member_id IN ?", members).Update("read_at", 1).Error
	})
	slices.Sort(rules)
	var out []string
	for len(rules) > 0 {
		n := 0
		for n < len(rules) && rules[n] == rules[0] {
			n++
		}
		out, rules = append(out, fmt.Sprint(rules[0], ":", n)), rules[n:]
	}
	return strings.Join(out, " ")
}

// wantTold looks at the moment, and then the members were told so.
func (w *world) wantTold(at, want string, members ...int64) {
	w.t.Helper()
	w.clock.Set(moment(at).Time())
	w.remind()
	w.remind()
	if got := w.told(members...); got != want {
		w.t.Errorf("%s: told %q, want %q", at, got, want)
	}
}

// TestRemindOfPeriods: at the beginning, half-way and on the last day, and only those who have not done it.
func TestRemindOfPeriods(t *testing.T) {
	each(t, "2026-03-01 09:00", func(t *testing.T, w *world) {
		ids := w.enrol("团支部", 4)
		w.appoint(w.enrol("一支部", 1)[0], "团支部", model.LeagueSecretary, "")
		secretary := w.last0("团支部")
		p := w.period("团支部", moment("2026-03-03 10:00:00.000"), moment("2026-03-09 20:00:00.000"))
		w.complete(p, ids[0])
		w.add(&model.Exemption{ID: model.NewID(), PeriodID: p, MemberID: ids[1], ReasonCategory: "sick", ApprovedBy: "account:1", ApprovedAt: 1})
		w.wantTold("2026-03-03 09:59:59.999", "", ids...)
		w.wantTold("2026-03-03 10:00:00.000", "period_open:2", ids...)
		w.wantTold("2026-03-06 14:59:59.999", "", ids...)
		w.complete(p, ids[2])
		w.wantTold("2026-03-06 15:00:00.000", "period_half_way:1", ids...)
		if got := w.told(secretary); got != "period_half_way:1" {
			t.Errorf("the secretary was told %q", got)
		}
		w.wantTold("2026-03-08 19:59:59.999", "", ids...)
		w.wantTold("2026-03-08 20:00:00.000", "period_last_day:1", ids...)
		w.wantTold("2026-03-09 19:59:59.999", "", ids...)
		w.wantTold("2026-03-09 20:00:00.000", "", ids...)

		// After a time without the server only what still makes sense.
		w.period("团支部", moment("2026-03-10 10:00:00.000"), moment("2026-03-16 20:00:00.000"))
		w.wantTold("2026-03-14 12:00:00.000", "period_half_way:4", ids...)
		w.period("团支部", moment("2026-03-17 10:00:00.000"), moment("2026-03-17 20:00:00.000"))
		w.wantTold("2026-03-17 10:00:00.000", "period_open:4", ids...)
		w.wantTold("2026-03-17 15:00:00.000", "period_last_day:4", ids...)
	})
}

// last0 is who holds an office in the unit.
func (w *world) last0(unit string) (id int64) {
	w.t.Helper()
	w.must(w.read().Model(&model.Post{}).Where("unit_id = ?", w.units[unit].ID).Pluck("member_id", &id).Error)
	return id
}

// activity plans one of the unit.
func (w *world) activity(unit string, starts model.Instant) int64 {
	w.t.Helper()
	a := model.Activity{
		ID: model.NewID(), UnitID: w.units[unit].ID, Kind: "theme_day", Title: strings.Repeat("主题党日", 20), Place: strings.Repeat("会议室", 30), StartsAt: starts,
		EndsAt: starts.Add(time.Hour), CheckInOpensAt: starts, CheckInClosesAt: starts.Add(time.Hour), CreatedBy: "account:1", CreatedAt: 1,
	}
	w.add(&a, &model.AudienceUnit{ActivityID: a.ID, UnitID: a.UnitID})
	return a.ID
}

// TestRemindOfActivities: the day before from nine on, and within the hour before, but not those who are excused.
func TestRemindOfActivities(t *testing.T) {
	each(t, "2026-03-01 08:00", func(t *testing.T, w *world) {
		ids := w.enrol("一支部", 3)
		a := w.activity("一支部", moment("2026-03-03 15:00:00.000"))
		w.add(&model.Leave{ID: model.NewID(), ActivityID: a, MemberID: ids[0], ReasonCategory: "sick", State: model.LeaveApproved})
		w.add(&model.Leave{ID: model.NewID(), ActivityID: a, MemberID: ids[1], ReasonCategory: "sick", State: model.LeaveRefused})
		w.wantTold("2026-03-01 09:00:00.000", "", ids...)
		w.wantTold("2026-03-02 08:59:59.999", "", ids...)
		w.wantTold("2026-03-02 09:00:00.000", "activity_tomorrow:2", ids...)
		w.wantTold("2026-03-03 13:59:59.999", "", ids...)
		w.add(&model.CheckIn{ID: model.NewID(), ActivityID: a, MemberID: ids[2], State: model.Present, Source: model.ByCode, CheckedInAt: 1, RecordedAt: 1})
		w.wantTold("2026-03-03 14:00:00.000", "activity_in_an_hour:1", ids...)
		w.wantTold("2026-03-03 15:00:00.000", "", ids...)

		b := w.activity("一支部", moment("2026-03-05 09:00:00.000"))
		w.wantTold("2026-03-04 23:59:59.999", "activity_tomorrow:3", ids...)
		w.write(func(tx *gorm.DB) error { // put off, and so another occasion
			return tx.Model(&model.Activity{}).Where("id = ?", b).Updates(map[string]any{
				"starts_at": moment("2026-03-06 09:00:00.000"), "ends_at": moment("2026-03-06 10:00:00.000"),
			}).Error
		})
		w.wantTold("2026-03-05 09:00:00.000", "activity_tomorrow:3", ids...)
		w.write(func(tx *gorm.DB) error {
			return tx.Model(&model.Activity{}).Where("id = ?", b).Updates(map[string]any{"cancelled_at": w.now(), "cancel_reason": "台风"}).Error
		})
		w.wantTold("2026-03-05 10:00:00.000", "activity_cancelled:3", ids...)
		w.wantTold("2026-03-06 08:30:00.000", "", ids...)
	})
}

// TestRemindOfDues: on the dues day from nine on and up to three days later, those whose bill is open.
func TestRemindOfDues(t *testing.T) {
	each(t, "2026-03-01 08:00", func(t *testing.T, w *world) {
		ids := w.enrol("一支部", 3)
		bill := func(id int64, day model.Date, paid model.Fen) {
			month := model.MonthOf(day)
			x := model.Assessment{ID: model.NewID(), MemberID: id, Track: model.Party, Category: model.DuesSalaried, AmountFen: 500, EffectiveMonth: month}
			w.add(&x, &model.Bill{
				ID: model.NewID(), MemberID: id, UnitID: w.units["一支部"].ID, Track: model.Party, Month: month, AssessmentID: x.ID, AmountFen: 500,
				PaidFen: paid, DueOn: day,
			})
		}
		// The 1st of March 2026 is a Sunday.
		w.wantTold("2026-03-02 09:00:00.000", "", ids...) // no bills yet
		bill(ids[0], "2026-03-02", 0)
		bill(ids[1], "2026-03-02", 500)
		bill(ids[2], "2026-03-03", 0)
		w.wantTold("2026-03-02 08:59:59.999", "", ids...)
		w.wantTold("2026-03-05 23:59:59.999", "dues_day:1", ids...)
		bill(ids[1], "2026-04-01", 100)
		w.wantTold("2026-03-31 12:00:00.000", "", ids...)
		w.wantTold("2026-04-01 09:00:00.000", "dues_day:1", ids...)
		bill(ids[2], "2026-04-01", 0)
		w.wantTold("2026-04-02 09:00:00.000", "", ids...)
		bill(ids[0], "2026-05-06", 0)
		w.wantTold("2026-05-10 00:00:00.000", "", ids...) // too late
	})
}

// TestRemindOfHolidays: three days before the days off, in the units that want it, and nobody twice.
func TestRemindOfHolidays(t *testing.T) {
	each(t, "2026-09-20 08:00", func(t *testing.T, w *world) {
		a, group, b := w.enrol("一支部", 2), w.enrol("一组", 1), w.enrol("二支部", 1)
		all := slices.Concat(a, group, b)
		on, off := true, false
		w.wantTold("2026-09-23 09:00:00.000", "", all...)
		for unit, set := range map[string]*bool{"机关党委": &on, "一支部": &off, "一组": &on} {
			_, err := w.s[0].SetRules(t.Context(), chief(), w.units[unit].ID, map[model.Rule]*bool{model.RuleHoliday: set})
			w.must(err)
		}
		calendar := model.BaseCalendar()
		var f model.Festival
		for _, x := range calendar.Festivals(2026) {
			if x.Key == model.NationalDay {
				f = x
			}
		}
		day := f.OffFrom.AddDays(-3)
		w.wantTold(string(day.AddDays(-1))+" 23:59:59.999", w.told()+"", a...)
		w.told(all...)
		w.wantTold(string(day)+" 08:59:59.999", "", all...)
		w.wantTold(string(day)+" 09:00:00.000", "holiday:2", all...)
		w.wantTold(string(f.OffFrom)+" 09:00:00.000", "", all...)
	})
}

// TestRemindOfficers: what waits for them, on working days from nine to eight.
func TestRemindOfficers(t *testing.T) {
	each(t, "2026-03-01 08:00", func(t *testing.T, w *world) {
		officers := w.enrol("一支部", 4)
		secretary, deputy, above, top := officers[0], officers[1], officers[2], officers[3]
		w.appoint(secretary, "一支部", model.Secretary, "2026-09-03")
		w.appoint(deputy, "一支部", model.DeputySecretary, "2026-09-03")
		w.appoint(above, "一总支", model.Secretary, "")
		w.appoint(top, "机关党委", model.Secretary, "")
		members := w.enrol("一组", 2)
		both := model.Membership{ // on two rosters, and still one request
			ID: model.NewID(), MemberID: members[0], UnitID: w.units["团支部"].ID, Track: model.League, Kind: model.LeagueMember,
			State: model.Active, Category: model.InService, StartedOn: "2020-01-01", EndedOn: model.Forever,
		}
		w.add(&both)
		asked := 0
		ask := func(id int64) {
			asked++
			a := w.activity("一支部", moment("2026-04-03 15:00:00.000").Add(time.Duration(asked)*time.Hour))
			w.add(&model.Leave{ID: model.NewID(), ActivityID: a, MemberID: id, ReasonCategory: "sick", State: model.LeavePending})
		}
		ask(members[0])
		titles := func(memberID int64) (list []string) {
			w.must(w.read().Model(&model.Delivery{}).Joins("JOIN announcements ON announcements.id = deliveries.announcement_id").
				Where("deliveries.member_id = ? AND rule = ?", memberID, model.RuleApprovals).Order("announcements.id DESC").Pluck("title", &list).Error)
			return list
		}
		w.wantTold("2026-03-01 12:00:00.000", "", officers...) // Sunday
		w.wantTold("2026-03-02 08:59:59.999", "", officers...)
		w.wantTold("2026-03-02 09:00:00.000", "approvals:2 vacant_post:3", officers...) // of 二支部, and of 团支部 to both of its branch
		if got := titles(secretary); len(got) != 1 || got[0] != "有1项待您审批" {
			t.Errorf("%v", got)
		}
		ask(secretary) // for the deputy
		ask(members[1])
		_, err := w.s[0].Announce(t.Context(), w.secretary("一支部", deputy), w.plan("一支部"), model.Once{}) // for the secretary
		w.must(err)
		w.wantTold("2026-03-02 19:59:59.999", "", officers...)
		w.wantTold("2026-03-03 19:59:59.999", "approvals:2 term_ends:3", officers...)
		if got := titles(deputy); len(got) != 2 || got[0] != "有4项待您审批" {
			t.Errorf("%v", got)
		}
		w.wantTold("2026-03-04 20:00:00.000", "", officers...)
		w.wantTold("2026-04-01 09:00:00.000", "approvals:2 vacant_post:3", officers...)
	})
}
