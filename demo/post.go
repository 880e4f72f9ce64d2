package demo

import (
	"strings"

	"zhibu/model"
)

// posts are the offices held, by unit.
var posts = []struct {
	unit, holder string
	title        model.Title
}{
	{"01", "010101-8", model.Secretary}, {"01", "010102-8", model.DeputySecretary}, {"01", "010201-1", model.Organiser},
	{"01", "010102-2", model.Publicity}, {"01", "010202-1", model.Discipline}, {"01", "league-secretary", model.Youth},
	{"01", "010102-3", model.Auditor}, {"01", "010101-3", model.Admin},

	{"0101", "secretary", model.Secretary}, {"0101", "010102-4", model.DeputySecretary}, {"0101", "010101-2", model.Organiser},
	{"0101", "010102-5", model.Publicity}, {"0101", "010101-4", model.Discipline},
	{"010101", "010101-5", model.GroupLeader}, {"010102", "010102-6", model.GroupLeader},

	{"0102", "010201-2", model.Secretary}, {"0102", "010202-2", model.Organiser}, {"0102", "010201-3", model.Publicity},
	{"0102", "010202-3", model.Discipline},
	{"010201", "010201-4", model.GroupLeader}, {"010202", "010202-4", model.GroupLeader},

	{"0103", "010301-1", model.Secretary}, {"0103", "010302-1", model.Organiser}, {"0103", "010301-2", model.Discipline},
	{"010301", "010301-4", model.GroupLeader}, {"010302", "010302-2", model.GroupLeader},

	{"0104", "0104-1", model.Secretary},

	{"0111", "league-secretary", model.LeagueSecretary}, {"0111", "011102-1", model.LeagueDeputySecretary},
	{"0111", "011101-2", model.Organiser},
	{"011101", "011101-1", model.LeagueSecretary}, {"011101", "011101-3", model.Publicity},
	{"011102", "011102-2", model.LeagueSecretary}, {"011102", "011102-3", model.Organiser},
	{"011103", "011103-1", model.LeagueSecretary}, {"011103", "011103-2", model.LeagueDeputySecretary},
}

// termEnds is the day on which the term of a committee runs out; a group leader has none.
func (c calendar) termEnds(unit string) model.Date {
	switch unit {
	case "01":
		return c.month(14).AddDays(17)
	case "0101":
		return c.day(-40) // the election is overdue
	case "0102":
		return c.month(4).AddDays(11)
	case "0103":
		return c.month(20).AddDays(5)
	case "0104":
		return c.month(9)
	case "0111":
		return c.month(10).AddDays(3)
	case "011101", "011102", "011103":
		return c.month(18).AddDays(3)
	}
	return ""
}

func (b *bureau) addPosts() {
	for _, row := range posts {
		unit, memberID := b.unit[row.unit], b.person[row.holder]
		p := model.Post{
			ID: model.NewID(), MemberID: memberID, UnitID: unit.ID, Title: row.title, StartedOn: b.month(-20),
			EndedOn: unit.ClosedOn, // an office goes with its unit
		}
		if ends := b.termEnds(row.unit); ends != "" && row.title != model.Auditor && row.title != model.Admin {
			p.TermEndsOn, p.StartedOn = ends, years(ends, -3)
		}
		p.StartedOn = max(p.StartedOn, b.entered(memberID, unit))
		if !p.EndedOn.IsOpen() {
			p.Ended = p.ID
		}
		p.CreatedAt = b.createdAt(p.StartedOn)
		b.posts = append(b.posts, p)
	}
}

// entered is the day on which the member first came to the unit or one below it.
func (b *bureau) entered(memberID int64, unit model.Unit) model.Date {
	first := model.Forever
	for _, m := range b.memberships {
		if m.MemberID == memberID && strings.HasPrefix(b.path[m.UnitID], unit.Path) {
			first = min(first, m.StartedOn)
		}
	}
	return first
}

// officer names who, in the unit with the path or else the nearest one above, had an office at the moment that allows
// p; nobody does anything for himself.
func (b *bureau) officer(p model.Permission, path string, at model.Instant, self int64) string {
	var nearest model.Post
	for _, post := range b.posts {
		day := at.Date()
		grant := model.Grant{UnitID: post.UnitID, Path: b.path[post.UnitID], Title: post.Title}
		if post.MemberID == self || day < post.StartedOn || day >= post.EndedOn || !(model.Actor{Grants: []model.Grant{grant}}).May(p, path) {
			continue
		}
		if len(grant.Path) > len(b.path[nearest.UnitID]) {
			nearest = post
		}
	}
	return model.Actor{MemberID: nearest.MemberID}.Ref()
}
