package demo

import (
	"slices"
	"strings"
	"time"

	"zhibu/model"
)

// youthSeries is the weekly one of the League's general branch; the server closes its past periods by itself.
const youthSeries = "青年大学习"

var (
	youthTopics = []string{
		"学习团章", "青春心向党", "数字政府与青年担当", "把论文写在基层", "网络安全为人民", "弘扬雷锋精神", "生态文明建设", "乡村振兴中的青年",
		"传承中华优秀传统文化", "科技自立自强", "国家安全教育", "青年志愿者在行动", "劳动最光荣",
	}
	leagueLessons = []string{"团的历史与光荣传统", "团员的权利和义务", "窗口服务规范", "青年岗位能手谈成长"}
	partyLessons  = []string{"党章导读", "党的纪律", "群众路线", "调查研究", "作风建设", "身边的榜样"}
)

// studyWeeks are the Mondays of a year's weeks with a period, the last of them this week's: in January and February, July
// and August there is none but that one. Monday morning before nine still belongs to the week before.
func (c calendar) studyWeeks() (mondays []model.Date) {
	early := c.now.Add(-hours(9)).Time()
	this := model.DateOf(early).AddDays(-(int(early.Weekday()) + 6) % 7)
	for n := -52; n <= 0; n++ {
		monday := this.AddDays(7 * n)
		if n == 0 || !vacation(monday) {
			mondays = append(mondays, monday)
		}
	}
	return mondays
}

func vacation(d model.Date) bool {
	switch d.Start().Time().Month() {
	case time.January, time.February, time.July, time.August:
		return true
	}
	return false
}

// studyWeek is the Monday of the study week n weeks before this one.
func (c calendar) studyWeek(n int) model.Date {
	weeks := c.studyWeeks()
	return weeks[len(weeks)-1-n]
}

// addPeriods adds the periods and who studied in them.
func (b *bureau) addPeriods() {
	weeks := b.studyWeeks()
	number := 0
	for i, monday := range weeks {
		p := model.StudyPeriod{
			Series: youthSeries, Title: specialIssue(monday),
			OpensAt: at(monday, "09:00"), ClosesAt: at(monday.AddDays(6), "20:00"),
		}
		if p.Title == "" {
			number++
			p.Number, p.Title = new(number), youthTopics[number%len(youthTopics)]
		}
		if i == len(weeks)-1 && p.ClosesAt < b.now.Add(hours(12)) { // so that a visitor finds it open
			p.ClosesAt = p.ClosesAt.Add(hours(24))
		}
		b.open(p, "0111")
	}
	b.addSmallSeries()
	for n, p := range b.periods {
		b.study(n, p, p.Series == youthSeries && (n == len(weeks)/3 || n == 2*len(weeks)/3))
	}
}

// addSmallSeries adds the lessons of one of the League's branches and those of the party's general branch.
func (b *bureau) addSmallSeries() {
	for i, title := range leagueLessons {
		first := b.month(-10 + 3*i).AddDays(9)
		b.open(model.StudyPeriod{
			Series: "团课", Number: new(i + 1), Title: title,
			OpensAt: at(first, "09:00"), ClosesAt: at(first.AddDays(6), "20:00"),
		}, "011103")
	}
	for i, title := range partyLessons {
		first := b.month(i - len(partyLessons))
		b.open(model.StudyPeriod{
			Series: "微党课", Number: new(i + 1), Title: title,
			OpensAt: at(first, "09:00"), ClosesAt: at(first.AddDays(24), "20:00"),
		}, "01")
	}
}

// specialIssue is the title of the special issue (特辑) of a week, empty in most weeks.
func specialIssue(monday model.Date) string {
	for i := range 7 {
		switch day := monday.AddDays(i); {
		case strings.HasSuffix(string(day), "-05-04"):
			return day.Start().Time().Format("2006年") + "五四特辑"
		case strings.HasSuffix(string(day), "-10-01"):
			return day.Start().Time().Format("2006年") + "国庆特辑"
		}
	}
	if vacation(monday) {
		return monday.Start().Time().Format("2006年1月") + "假期特辑"
	}
	return ""
}

// open adds a period of a unit for its own members.
func (b *bureau) open(p model.StudyPeriod, code string) {
	unit := b.unit[code]
	p.ID, p.UnitID, p.Track = model.NewID(), unit.ID, unit.Kind.Track()
	p.SetCode()
	p.ThresholdBP, p.DecideOn = 8500, model.DecideOnAdjusted
	p.CreatedAt = p.OpensAt.Add(-hours(3 * 24))
	p.CreatedBy = b.officer(model.WritePeriods, unit.Path, p.CreatedAt, 0)
	b.periods = append(b.periods, model.Period{StudyPeriod: p, Unit: unit, Audience: []model.Unit{unit}})
}

// dueIn are those due in the period by the roster of the day: what model.Period.Due asks the database.
func (b *bureau) dueIn(p model.Period, day model.Date) (due []model.Membership) {
	for _, m := range b.memberships {
		if m.StartedOn <= day && m.EndedOn > day && m.State == model.Active && m.Track == p.Track &&
			p.Audience.Invites(b.path[m.UnitID]) && (p.Track != model.League || !b.tooOld(m.MemberID, day)) {
			due = append(due, m)
		}
	}
	return due
}

func (b *bureau) tooOld(memberID int64, day model.Date) bool {
	return b.members[b.ordinal[memberID]-1].BirthDate <= years(day, -28) &&
		!slices.ContainsFunc(b.posts, func(p model.Post) bool {
			return p.MemberID == memberID && p.StartedOn <= day && p.EndedOn > day &&
				strings.HasPrefix(b.path[p.UnitID], b.unit["0111"].Path)
		})
}

// periodRows are the periods with what belongs to each.
func (b *bureau) periodRows() (periods []model.StudyPeriod, audience []model.PeriodAudience, recounts []model.Recount) {
	for _, p := range b.periods {
		periods, recounts = append(periods, p.StudyPeriod), append(recounts, model.Recount{PeriodID: p.ID})
		for _, u := range p.Audience {
			audience = append(audience, model.PeriodAudience{PeriodID: p.ID, UnitID: u.ID})
		}
	}
	return periods, audience, recounts
}

// studyKey sets the draws of a period apart from those of an activity.
func studyKey(n int) int { return 5000 + n }

// excused are the reasons for which somebody need not study this time.
var excused = []struct {
	category model.ExemptionReason
	note     string
}{{"business", "出差，封闭工作"}, {"sick", ""}, {"business", "抽调专班"}, {"other", "参加脱产培训"}}

// studyReasons are what an officer writes who records a completion.
var studyReasons = []string{"手机故障，已在单位电脑上学完，支部核实", "集中学习时已学完，本人当时未带手机", "微信登录异常，已在官方平台学完，支部核实"}

func (b *bureau) exempt(p model.Period, m model.Membership, category model.ExemptionReason, note string) {
	at := min(p.OpensAt.Add(hours(27)), b.now)
	b.exemptions = append(b.exemptions, model.Exemption{
		ID: model.NewID(), PeriodID: p.ID, MemberID: m.MemberID, ReasonCategory: category, Note: note, ApprovedAt: at,
		ApprovedBy: b.officer(model.DecideLeave, b.path[m.UnitID], at, m.MemberID),
	})
}

func (b *bureau) complete(p model.Period, m model.Membership, by model.CompletionSource, at model.Instant, why string) {
	c := model.Completion{
		ID: model.NewID(), PeriodID: p.ID, MemberID: m.MemberID, Source: by, CompletedAt: at, RecordedAt: at, Reason: why,
	}
	if by != model.BySelf {
		c.RecordedAt = min(at.Add(minutes(95)), max(at, p.ClosesAt-1), b.now)
		c.RecordedBy = b.officer(model.RecordAttendance, b.path[m.UnitID], c.RecordedAt, m.MemberID)
	}
	b.completions = append(b.completions, c)
}
