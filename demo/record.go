package demo

import (
	"fmt"
	"slices"
	"strings"

	"zhibu/model"
)

// enteredKinds are the kinds that the superior system asks for (三会一课, 主题党日, 组织生活会, 民主评议).
var enteredKinds = []model.ActivityKind{
	"general_meeting", model.CommitteeMeeting, "group_meeting", "lesson", "theme_day", "org_life_meeting", "member_review",
}

// resolvingKinds are the kinds that decide something.
var resolvingKinds = []model.ActivityKind{
	"general_meeting", model.CommitteeMeeting, "org_life_meeting", "league_meeting", model.LeagueCommitteeMeeting, "work_meeting",
}

// file writes down what was said and resolved at the nth activity, and that it was entered into the superior system;
// now and then an officer has forgotten.
func (b *bureau) file(g *model.Gathering, n int) {
	if g.Cancelled() || g.EndsAt > b.now {
		return
	}
	_, topic, _ := strings.Cut(g.Title, "：")
	if topic == "" {
		topic = g.Title
	}
	forgotten := draw(n, 0)
	if forgotten >= 10 {
		g.MinutesText = fmt.Sprintf("%s，%s在%s开展%s。围绕“%s”学习讨论，与会同志结合工作实际作了发言。",
			g.StartsAt.Time().Format("2006年1月2日15时04分"), g.Unit.Name, g.Place, g.Kind.Name(), topic)
		if slices.Contains(resolvingKinds, g.Kind) {
			g.Resolutions = fmt.Sprintf("一、同意“%s”的安排。\n二、责任到人，下次会议通报落实情况。", topic)
		}
	}
	if on := min(g.EndsAt.Date().AddDays(1+n%3), b.today); forgotten >= 7 && slices.Contains(enteredKinds, g.Kind) {
		g.UpstreamOn, g.UpstreamReference = on, fmt.Sprintf("DJ%s%04d", g.StartsAt.Time().Format("200601"), n+1)
		g.UpstreamBy = b.officer(model.WriteActivities, g.Unit.Path, g.EndsAt, 0)
	}
}
