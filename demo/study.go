package demo

import (
	"cmp"
	"slices"

	"zhibu/model"
)

// study records who studied in the nth period: nearly everybody, in a poor week fewer, in the one of now about half.
func (b *bureau) study(n int, p model.Period, poor bool) {
	due := b.dueIn(p, p.RosterAt(p.ClosesAt).Date())
	if p.ClosesAt > b.now {
		b.studyNow(n, p, b.dueIn(p, b.today))
		return
	}
	behind := b.behind(n, p, due, poor)
	for _, m := range due {
		if category, note := b.released(n, p, m); category != "" {
			b.exempt(p, m, category, note)
		} else if i := slices.Index(behind, m.MemberID); i < 0 {
			b.studied(n, p, m)
		} else if i == 0 && poor { // 补学
			b.complete(p, m, model.BySelf, p.ClosesAt.Add(hours(37)+minutes(12)), "")
		} else if i == 0 && n%4 == 1 {
			e := excused[n/4%len(excused)]
			b.exempt(p, m, e.category, e.note)
		}
	}
	for _, m := range b.dueIn(p, p.OpensAt.Date()) { // who studied at once, and then left or turned 28
		if !slices.ContainsFunc(due, func(d model.Membership) bool { return d.MemberID == m.MemberID }) {
			b.complete(p, m, model.BySelf, p.OpensAt.Add(minutes(50)), "")
		}
	}
}

// behind are those who do not study in time: nobody or one of each unit, in a poor week two or three.
func (b *bureau) behind(n int, p model.Period, due []model.Membership, poor bool) (ids []int64) {
	byUnit := map[int64][]model.Membership{}
	for _, m := range due {
		if category, _ := b.released(n, p, m); category == "" {
			byUnit[m.UnitID] = append(byUnit[m.UnitID], m)
		}
	}
	for i, u := range b.units {
		members := byUnit[u.ID]
		slices.SortFunc(members, func(x, y model.Membership) int {
			x1, y1 := b.ordinal[x.MemberID], b.ordinal[y.MemberID]
			return cmp.Or(cmp.Compare(draw(studyKey(n), x1), draw(studyKey(n), y1)), cmp.Compare(x1, y1))
		})
		few := 0
		switch {
		case poor:
			few = 2 + (n+i)%2
		case draw(studyKey(n), -i) >= 40:
			few = 1
		}
		for _, m := range members[:min(few, len(members))] {
			ids = append(ids, m.MemberID)
		}
	}
	return ids
}

// released are those from whom nothing is asked for a while (不作硬性要求).
func (b *bureau) released(n int, p model.Period, m model.Membership) (category model.ExemptionReason, note string) {
	member := b.members[b.ordinal[m.MemberID]-1]
	switch weeks := len(b.studyWeeks()); {
	case m.MemberID == b.person["011102-4"] && p.Series == youthSeries && weeks-14 <= n && n < weeks-6:
		return "maternity", ""
	case m.MemberID == b.person["floating-1"]:
		return "abroad", "驻外工作"
	case member.PhoneHash == nil && member.BirthDate <= years(p.ClosesAt.Date(), -75):
		return "frail", "年事已高，本人自愿为主"
	}
	return "", ""
}

// studied records a completion in time: with the member's own phone, or by an officer.
func (b *bureau) studied(n int, p model.Period, m model.Membership) {
	who := b.ordinal[m.MemberID]
	d, e := draw(who, studyKey(n)), draw(who, -studyKey(n))
	entered := b.entered(m.MemberID, p.Unit)
	if m.StartedOn > p.OpensAt.Date() && entered <= p.OpensAt.Date() {
		d = 0 // moved in the middle, and had studied before
	}
	at := max(studiedAt(p, d, e), entered.Start().Add(hours(9)+minutes(e)))
	switch {
	case b.members[who-1].PhoneHash == nil:
		b.complete(p, m, model.ByVisit, at, "行动不便，送学上门，党小组长见证")
	case 90 <= e && e < 93:
		b.complete(p, m, model.ByOfficer, at, studyReasons[e%len(studyReasons)])
	default:
		b.complete(p, m, model.BySelf, at, "")
	}
}

// studiedAt spreads the completions over the window by two draws: some on each day, half of them on the last, and of
// these most in the evening.
func studiedAt(p model.Period, d, e int) model.Instant {
	first, last := p.OpensAt.Date(), p.ClosesAt.Date()
	seventh := slices.IndexFunc([]int{9, 16, 23, 32, 41, 52, 100}, func(below int) bool { return d < below })
	seconds := model.Instant((d*37 + e*11) % 60 * 1000)
	if seventh == 6 {
		return last.Start().Add(hours(20)-minutes(1+e*e*660/10000)) + seconds
	}
	days := int((last.Start() - first.Start()) / model.Instant(hours(24).Milliseconds()))
	return first.AddDays(seventh*days/6).Start().Add(hours(9)+minutes(3+e*7)) + seconds
}

// studyNow records the period that is open: what is left to do is left to the visitors.
func (b *bureau) studyNow(n int, p model.Period, due []model.Membership) {
	days := int((b.today.Start() - p.OpensAt.Date().Start()) / model.Instant(hours(24).Milliseconds()))
	for _, m := range due {
		who := b.ordinal[m.MemberID]
		d, e := draw(who, studyKey(n)), draw(who, -studyKey(n))
		if b.visitors[m.MemberID] || d >= 62 {
			continue
		}
		at := p.OpensAt.Date().AddDays(e % (days + 1)).Start().Add(hours(9) + minutes(5+7*d))
		if at >= b.now {
			at = max(p.OpensAt, b.now.Add(-minutes(1+e)))
		}
		b.complete(p, m, model.BySelf, at, "")
	}
	for _, m := range due {
		if who := b.ordinal[m.MemberID]; !b.visitors[m.MemberID] && draw(who, studyKey(n)) >= 94 {
			b.exempt(p, m, "business", "出差")
			break
		}
	}
}
