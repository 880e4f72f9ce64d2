package demo

import (
	"cmp"
	"fmt"
	"slices"
	"time"

	"zhibu/model"
)

// Check-in opens half an hour before the start, and this is how far the plan of activities reaches.
const (
	checkInLead = 30 * time.Minute
	pastDays    = 365
	aheadDays   = 14
)

// at is a moment of a day, "14:30".
func at(d model.Date, clock string) model.Instant {
	t, err := time.Parse("15:04", clock)
	if err != nil {
		panic(err) // a misprint in the tables
	}
	return d.Start().Add(hours(t.Hour()) + minutes(t.Minute()))
}

func (b *bureau) addActivities() {
	for month := -12; month <= 1; month++ {
		b.addMonth(month)
	}
	for _, e := range campaignEvents {
		e.campaigns = partyHistory
		b.addEvent(e)
	}
	for _, e := range events {
		b.addEvent(e)
	}
	slices.SortStableFunc(b.gatherings, func(x, y model.Gathering) int { return cmp.Compare(x.StartsAt, y.StartsAt) })
	b.addOpen()
	for i := range b.gatherings {
		b.file(&b.gatherings[i], i)
	}
}

// addMonth adds what the series have in a month that is over or to come; what would be going on just now is left out.
func (b *bureau) addMonth(month int) {
	first := b.month(month)
	number := first.Start().Time()
	count := number.Year()*12 + int(number.Month()) - 1 // so that the phase does not move with today
	for _, s := range series {
		if count%s.every != s.phase {
			continue
		}
		for i, code := range s.units {
			a := model.Activity{
				Kind: s.kind, Place: s.place, StartsAt: at(workday(first.AddDays(s.day-1+i)), s.clock), CreditMinutes: s.credit, StudyModes: s.modes,
				AudienceTrack: b.unit[code].Kind.Track(),
				Title:         fmt.Sprintf("%s%s：%s", number.Format("2006年1月"), s.kind.Name(), s.topics[count%len(s.topics)]),
			}
			a.EndsAt = a.StartsAt.Add(minutes(s.minutes))
			if code == "0101" && s.kind == "theme_day" && -10 <= month && month <= -1 {
				a.Campaigns = partyHistory
			}
			day := a.StartsAt.Date()
			over, ahead := a.EndsAt <= b.now, a.StartsAt.Add(-checkInLead) > b.now
			if day > b.day(-pastDays) && day <= b.day(aheadDays) && day < b.unit[code].ClosedOn && (over || ahead) {
				b.hold(a, code, code)
			}
		}
	}
}

func (b *bureau) addEvent(e event) {
	a := model.Activity{
		Kind: e.kind, Title: e.title, Place: "一楼大会议室", StartsAt: at(workday(b.day(e.days)), e.clock),
		CreditMinutes: e.credit, StudyModes: e.modes, Campaigns: e.campaigns, AudienceTrack: b.unit[e.unit].Kind.Track(),
	}
	a.EndsAt = a.StartsAt.Add(minutes(e.minutes))
	if e.cancelled != "" {
		a.CancelledAt, a.CancelReason = min(a.StartsAt.Add(-hours(20)), b.now.Add(-hours(1))), e.cancelled
	}
	if e.all {
		a.AudienceTrack = ""
	}
	if len(e.audience) == 0 {
		e.audience = []string{e.unit}
	}
	b.hold(a, e.unit, e.audience...)
}

// addOpen adds the two whose check-in is open: the reading class of the guide, which begins tomorrow, so that nobody is
// late today; and a meeting that began ten minutes ago.
func (b *bureau) addOpen() {
	opens := b.now.Add(-checkInLead)
	b.hold(model.Activity{
		Kind: "reading_class", Title: "读书班（开放签到）", Place: "一楼大会议室", StartsAt: at(b.day(1), "09:00"), EndsAt: b.now.Add(hours(30 * 24)),
		CheckInOpensAt: opens, CheckInClosesAt: b.now.Add(hours(30 * 24)), CreditMinutes: 1440, StudyModes: "branch,self", Campaigns: partyHistory,
	}, "01", "01")
	b.openActivity = b.gatherings[len(b.gatherings)-1].ID
	began := b.now.Add(-minutes(10))
	b.hold(model.Activity{
		Kind: "study_session", Title: "支部集中学习（进行中）", Place: "党员活动室", StartsAt: began, EndsAt: began.Add(hours(2)),
		AudienceTrack: model.Party, CreditMinutes: 120, StudyModes: "branch",
	}, "0101", "0101")
}

// hold adds an activity of a unit for the units invited, with the usual check-in window unless it has one.
func (b *bureau) hold(a model.Activity, unit string, audience ...string) {
	g := model.Gathering{Activity: a, Unit: b.unit[unit]}
	for _, code := range audience {
		g.Audience = append(g.Audience, b.unit[code])
	}
	g.ID, g.UnitID = model.NewID(), g.Unit.ID
	if g.CheckInOpensAt == 0 {
		g.CheckInOpensAt, g.CheckInClosesAt = a.StartsAt.Add(-checkInLead), a.EndsAt
	}
	g.CreatedAt = min(a.StartsAt.Add(-hours(9*24)), b.now.Add(-hours(3*24)))
	g.CreatedBy = b.officer(model.WriteActivities, g.Unit.Path, g.CreatedAt, 0)
	b.gatherings = append(b.gatherings, g)
}

// activityRows are the activities and the units they invite.
func (b *bureau) activityRows() (activities []model.Activity, audience []model.AudienceUnit) {
	for _, g := range b.gatherings {
		activities = append(activities, g.Activity)
		for _, u := range g.Audience {
			audience = append(audience, model.AudienceUnit{ActivityID: g.ID, UnitID: u.ID})
		}
	}
	return activities, audience
}
