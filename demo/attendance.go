package demo

import (
	"fmt"
	"slices"
	"strings"

	"zhibu/model"
)

// habit is how often something becomes of those who are due: the draws below a bound, and not below the one before.
// OnLeave is an approved request; an empty state leaves no record.
type habit struct {
	below  int
	state  model.AttendanceState
	source model.Source
	reason string
}

var (
	ordinary = []habit{
		{below: 78, state: model.Present, source: model.ByCode},
		{below: 84, state: model.Late, source: model.ByCode},
		{below: 89, state: model.Present, source: model.RollCall},
		{below: 91, state: model.Present, source: model.ByProxy, reason: "手机故障，本人到会，同组党员见证"},
		{below: 96, state: model.OnLeave},
		{below: 98, state: model.Absent, source: model.RollCall},
		{below: 100},
	}
	withoutPhone = []habit{
		{below: 70, state: model.Present, source: model.RollCall},
		{below: 92, state: model.Present, source: model.HomeVisit, reason: "行动不便，送学上门，党小组长见证"},
		{below: 98, state: model.OnLeave},
		{below: 100},
	}
	away = []habit{
		{below: 35, state: model.Present, source: model.ByCode},
		{below: 90, state: model.OnLeave},
		{below: 100},
	}
)

// excuses are the reasons of a leave.
var excuses = []struct{ category, note string }{
	{"business", "出差"}, {"business", "值班"}, {"sick", "身体不适"}, {"personal", "家中有事"}, {"business", "参加培训"},
}

func (b *bureau) addAttendance() {
	for n, g := range b.gatherings {
		switch {
		case g.Cancelled():
		case g.EndsAt <= b.now:
			b.recordPast(n, g)
		case g.CheckInOpensAt <= b.now:
			b.recordOpen(n, g)
		default:
			b.requestLeaves(n, g)
		}
	}
}

// due are those who are due at the activity, each once: what model.Gathering.Due asks the database.
func (b *bureau) due(g model.Gathering) []model.Membership {
	day := g.StartsAt.Date()
	invited := func(unitID int64) bool {
		return slices.ContainsFunc(g.Audience, func(u model.Unit) bool { return strings.HasPrefix(b.path[unitID], u.Path) })
	}
	onCommittee := func(memberID int64) bool {
		return slices.ContainsFunc(b.posts, func(p model.Post) bool {
			return p.MemberID == memberID && p.Title.OnCommittee() && p.StartedOn <= day && p.EndedOn > day &&
				slices.ContainsFunc(g.Audience, func(u model.Unit) bool { return u.ID == p.UnitID })
		})
	}
	seen := map[int64]bool{}
	var due []model.Membership
	for _, m := range b.memberships {
		if m.StartedOn > day || m.EndedOn <= day || m.State != model.Active || seen[m.MemberID] || !invited(m.UnitID) ||
			g.AudienceTrack != "" && g.AudienceTrack != m.Track || g.Kind.ForCommittee() && !onCommittee(m.MemberID) {
			continue
		}
		seen[m.MemberID] = true
		due = append(due, m)
	}
	return due
}

// recordPast records the nth activity, which is over.
func (b *bureau) recordPast(n int, g model.Gathering) {
	for _, m := range b.due(g) {
		d := draw(n, b.ordinal[m.MemberID])
		h := b.habitOf(m, d)
		switch h.state {
		case "":
		case model.OnLeave:
			asked := g.StartsAt.Add(-hours(20 + d%24))
			b.addLeave(g, m, d, model.LeaveApproved, asked, asked.Add(hours(2)))
		default:
			b.addCheckIn(g, m, h, b.recordedAt(g, h, d))
		}
	}
}

func (b *bureau) habitOf(m model.Membership, d int) habit {
	habits := ordinary
	switch {
	case b.members[b.ordinal[m.MemberID]-1].PhoneHash == nil:
		habits = withoutPhone
	case m.Category == model.Floating:
		habits = away
	}
	return habits[slices.IndexFunc(habits, func(h habit) bool { return d < h.below })]
}

// recordedAt is the moment of a scan or of an officer's entry.
func (b *bureau) recordedAt(g model.Gathering, h habit, d int) model.Instant {
	at := g.StartsAt.Add(minutes(5 + d%5)) // a roll call
	switch {
	case h.source == model.ByProxy:
		at = g.EndsAt.Add(hours(1))
	case h.source == model.HomeVisit:
		at = g.EndsAt.Add(hours(20))
	case h.state == model.Late:
		at = g.StartsAt.Add(minutes(1 + d%15))
	case h.source == model.ByCode:
		at = g.StartsAt.Add(-minutes(d % 29))
	}
	return min(at, b.now)
}

// recordOpen records some who have checked in already to what is open now.
func (b *bureau) recordOpen(n int, g model.Gathering) {
	scan := habit{state: model.Present, source: model.ByCode}
	for _, m := range b.due(g) {
		d := draw(n, b.ordinal[m.MemberID])
		if scanned := min(b.now, g.StartsAt).Add(-minutes(1 + d%20)); d < 40 && !b.visitors[m.MemberID] && b.habitOf(m, d).source == model.ByCode {
			b.addCheckIn(g, m, scan, scanned)
		}
	}
}

func (b *bureau) addCheckIn(g model.Gathering, m model.Membership, h habit, at model.Instant) {
	row := model.CheckIn{
		ID: model.NewID(), ActivityID: g.ID, MemberID: m.MemberID, State: h.state, Source: h.source,
		RecordedAt: at, Reason: h.reason,
	}
	if h.state.Attended() {
		row.CheckedInAt = at
	}
	if h.source == model.ByCode {
		row.Nonce = fmt.Sprintf("demo-%d-%d", at, b.ordinal[m.MemberID])
	} else {
		row.RecordedBy = b.officer(model.RecordAttendance, g.Unit.Path, at, m.MemberID)
	}
	b.checkIns = append(b.checkIns, row)
}

// requestLeaves asks for what is to come; most requests wait for the officer.
func (b *bureau) requestLeaves(n int, g model.Gathering) {
	for _, m := range b.due(g) {
		d := draw(n, b.ordinal[m.MemberID])
		asked := b.now.Add(-hours(3 + d))
		switch {
		case d < 4:
			b.addLeave(g, m, d, model.LeavePending, asked, 0)
		case d < 6:
			b.addLeave(g, m, d, model.LeaveApproved, asked, asked.Add(hours(2)))
		case d < 7:
			b.addLeave(g, m, d, model.LeaveRefused, asked, asked.Add(hours(2)))
		}
	}
}

func (b *bureau) addLeave(g model.Gathering, m model.Membership, d int, state string, asked, decided model.Instant) {
	excuse := excuses[d%len(excuses)]
	row := model.Leave{
		ID: model.NewID(), ActivityID: g.ID, MemberID: m.MemberID, ReasonCategory: excuse.category, Note: excuse.note,
		State: state, RequestedAt: asked, DecidedAt: decided,
	}
	if decided != 0 {
		row.DecidedBy = b.officer(model.DecideLeave, g.Unit.Path, decided, m.MemberID)
	}
	if state == model.LeaveRefused {
		row.DecisionNote = "本次会议表决事项重要，请调整工作参加"
	}
	b.leaves = append(b.leaves, row)
}
