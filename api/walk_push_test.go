package api_test

import (
	"fmt"

	"zhibu/model"
)

// announcementOf has the console say something to the unit; one that is published at once.
func (w *world) announcementOf(unit int64) int64 {
	w.t.Helper()
	return w.call("POST", "/announcements", w.console(), notice("unit_id", unit)).wants(202).number("id")
}

// keptAnnouncementOf is one that was made for all who only read.
func (w *world) keptAnnouncementOf(unit int64) int64 {
	w.t.Helper()
	if w.said == nil {
		w.said = map[int64]int64{}
	}
	if w.said[unit] == 0 {
		w.said[unit] = w.announcementOf(unit)
	}
	return w.said[unit]
}

// waitingOf is one whose text a person has to read.
func (w *world) waitingOf(unit int64) int64 {
	w.t.Helper()
	now := model.At(w.clock.Now())
	id := model.NewID()
	w.create(&model.Announcement{
		ID: id, UnitID: unit, Cause: fmt.Sprint("walk:", id), Title: "待审", Body: "待审", TextState: model.TextWaiting, SendAt: now, ExpiresAt: now + 1,
		CreatedBy: "account:1", CreatedAt: now,
	}, &model.AnnouncementAudience{AnnouncementID: id, UnitID: unit})
	return id
}

func onAnnouncement(suffix string, body any) func(*world, int64) (string, any) {
	return func(w *world, unit int64) (string, any) {
		return announcementPath(w.announcementOf(unit), suffix), body
	}
}

// pushLines are the lines of announcements, reminders and the calendar.
func pushLines() map[string]line {
	own := line{}
	leaders := append(append([]visitor{}, officers...),
		visitor{"group leader at his group", leader, group, pass}, visitor{"group leader at the branch", leader, branch, forbidden})
	// What somebody's members did not get does not exist for him; who has it in the inbox only is no officer of it.
	unseen := map[string]verdict{
		"member at his branch": hidden, "member at the root": hidden, "auditor of the root at a branch": hidden,
	}
	hisPart := map[string]verdict{"secretary at the parent": pass, "group leader at the branch": pass}
	shown := but(but(leaders, unseen), hisPart)
	reading := func(suffix string) func(*world, int64) (string, any) {
		return func(w *world, unit int64) (string, any) {
			return announcementPath(w.keptAnnouncementOf(unit), suffix), nil
		}
	}
	plan := func(path string) func(*world, int64) (string, any) {
		return func(_ *world, unit int64) (string, any) { return path, notice("unit_id", unit) }
	}
	recipients := but(officers, map[string]verdict{
		"secretary at the group below": hidden, "secretary at the parent": pass, "admin of the root at a branch": pass,
		"member at his branch": pass, "member at the root": pass, "auditor of the root at a branch": pass,
	})
	nobodyElse := []visitor{
		{"admin of the root", chief, root, forbidden}, {"secretary", secretary, branch, forbidden}, {"auditor", auditor, root, forbidden},
		{"member", plain, branch, forbidden}, {"secretary of another tree", stranger, otherBranch, forbidden},
	}
	return map[string]line{
		"list-my-announcements": own, "list-push-templates": own, "report-subscriptions": own, "list-my-subscriptions": own, "read-calendar": own,

		"create-announcement":   {leaders, plan("/announcements")},
		"forecast-announcement": {leaders, plan("/announcements/forecast")},
		"list-announcements": {but(leaders, map[string]verdict{ // he is shown those of his own units
			"secretary at the parent": pass, "group leader at the branch": pass, "member at the sibling": forbidden,
		}), func(_ *world, unit int64) (string, any) { return fmt.Sprintf("/announcements?unit_id=%d", unit), nil }},
		"read-announcement":    {shown, reading("")},
		"list-deliveries":      {shown, reading("/deliveries")},
		"recall-announcement":  {but(leaders, unseen), onAnnouncement("/recall", object{"reason": "时间有变"})},
		"read-my-announcement": {recipients, reading("/read")},
		"decide-announcement": {but(but(leaders, unseen), map[string]verdict{ // nobody has got it yet
			"secretary at the parent": hidden, "group leader at the branch": hidden,
		}), func(w *world, unit int64) (string, any) {
			return announcementPath(w.waitingOf(unit), "/decision"), object{"approve": true}
		}},

		"list-reminder-rules":   {readers, onUnit("/reminder-rules", nil)},
		"change-reminder-rules": {leaders, onUnit("/reminder-rules", object{"items": []object{{"rule": "holiday", "on": true}}})},
		"nudge-study-period":    {but(leaders, hisPart), onPeriod("/reminders", nil)},

		"set-calendar-days": {nobodyElse, func(*world, int64) (string, any) {
			return "/calendar/days", object{"items": []object{{"day": "2027-02-05", "kind": "off"}}}
		}},
		"withdraw-calendar-day": {nobodyElse, func(*world, int64) (string, any) { return "/calendar/days/2027-02-05", nil }},
	}
}

// pushNeeds are the permissions that decide the routes in the unit.
var pushNeeds = map[string]model.Permission{
	"create-announcement":   model.Announce,
	"forecast-announcement": model.Announce,
	"list-announcements":    model.Announce,
	"change-reminder-rules": model.Announce,
	"nudge-study-period":    model.Announce,
}
