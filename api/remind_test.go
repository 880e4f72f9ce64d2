package api_test

import (
	"fmt"
	"slices"
	"strings"
	"testing"

	"zhibu/model"
	"zhibu/service/wechat/sim"
)

// remind looks, several times, at what is to be reminded of, and sends it.
func (w *world) remind() {
	w.t.Helper()
	for range 3 {
		w.must(w.services.Push.Remind(w.t.Context()))
	}
	w.pushAll()
}

// told holds what the inbox of each of the members has got since it was last looked at. Times are to be passed between two
// looks: the inbox goes by them.
func (w *world) told(what string, members []int64, want ...string) {
	w.t.Helper()
	for _, m := range members {
		got := w.inbox(m)
		fresh := got[:len(got)-w.looked[m]]
		w.looked[m] = len(got)
		if !slices.Equal(slices.Sorted(slices.Values(fresh)), slices.Sorted(slices.Values(want))) {
			w.t.Errorf("%s: %d was told %v, want %v", what, m, fresh, want)
		}
	}
}

// TestPeriodReminders: at the beginning, half-way and on the last day, and only those who have not studied.
func TestPeriodReminders(t *testing.T) {
	each(t, func(t *testing.T, w *world) {
		branches, members := w.league(4, 3)
		done, exempt, silent, head, otherHead := members[0][1], members[0][2], members[0][3], members[0][0], members[1][0]
		everyone := slices.Concat(members[0], members[1])
		p := w.openWeek()
		w.call("POST", periodPath(p, "/exemptions"), w.console(), object{"member_id": exempt, "reason_category": "sick"}).wants(201)
		w.accept(model.PurposeStudy, done, silent, members[1][1])
		w.accept(model.PurposeStudy, silent)
		w.remind()
		w.told("exempt", []int64{exempt})
		w.told("open", slices.DeleteFunc(slices.Clone(everyone), func(m int64) bool { return m == exempt }), "青年大学习第12期开始了")
		opened := w.call("GET", "/announcements?origin=reminder", w.token(head), nil).wants(200).items()
		i := slices.IndexFunc(opened, func(a object) bool { return a["rule"] == "period_open" })
		if i < 0 {
			t.Fatalf("his list has %v", opened)
		}
		same(t, "for the officers", opened[i], object{"state": "published", "template": "study", "unit_id": leagueRoot, "recipients": 8})
		w.counts(int64(opened[i]["id"].(float64)), object{"sent": 3, "no_grant": 5})
		same(t, "his part", w.call("GET", announcementPath(int64(opened[i]["id"].(float64)), "/deliveries"), w.token(head), nil).wants(200).object(), object{"total": 3})
		w.study(p, done).wants(201)
		w.switchRules(w.token(otherHead), branches[1], object{"period_half_way": false}).wants(200)

		w.at("2026-03-05 14:29")
		w.remind()
		w.told("before the middle", everyone)
		w.at("2026-03-05 14:30")
		instances := w.instances(3)
		w.atOnce(instances, func(i *instance) error { return i.Push.Remind(t.Context()) })
		w.remind()
		w.told("half-way", []int64{silent}, "青年大学习第12期时间过半")
		w.told("his officer", []int64{head}, "青年大学习第12期时间过半", "还有2人未参学：青年大学习第12期")
		w.told("completed or exempt", []int64{done, exempt})
		w.told("switched off there", members[1])
		list := w.call("GET", "/me/announcements", w.token(head), nil).wants(200).items()[0]
		same(t, "what a tap opens", list, object{"subject": fmt.Sprint("study_period:", p), "rule": "period_half_way", "happens_at": shanghai("2026-03-08", "20:00")})

		w.at("2026-03-07 20:00")
		w.remind()
		w.told("last day", []int64{head, silent, members[1][1], members[1][2]}, "青年大学习第12期即将截止")
		w.told("completed or exempt", []int64{done, exempt})
		w.at("2026-03-08 20:00")
		w.must(w.services.Period.CloseOverdue(t.Context()))
		w.remind()
		w.at("2026-03-09 09:00")
		w.remind()
		w.told("over", []int64{done, exempt, silent, members[1][1]})
		if got := w.received(silent); !slices.Equal(got, []string{"青年大学习第12期开始了", "青年大学习第12期时间过半"}) {
			t.Errorf("with two consents: %v", got)
		}
		if got := w.received(done); !slices.Equal(got, []string{"青年大学习第12期开始了"}) {
			t.Errorf("who completed: %v", got)
		}
	})
}

// TestRemindersAfterATimeWithout: only what still makes sense is said, once, whoever of several instances looks.
func TestRemindersAfterATimeWithout(t *testing.T) {
	each(t, func(t *testing.T, w *world) {
		_, members := w.league(3)
		p := w.openWeek()
		w.accept(model.PurposeStudy, members[0]...)
		w.at("2026-03-08 10:00")
		instances := w.instances(3)
		w.atOnce(instances, func(i *instance) error { return i.Push.Remind(t.Context()) })
		w.atOnce(instances, func(i *instance) error { return i.Push.Remind(t.Context()) })
		w.atOnce(instances, func(i *instance) error { return i.Push.SendDue(t.Context()) })
		w.told("the last only", members[0], "青年大学习第12期即将截止")
		for _, m := range members[0] {
			if got := w.received(m); len(got) != 1 {
				t.Errorf("%d received %v", m, got)
			}
		}
		w.call("POST", periodPath(p, "/cancel"), w.console(), object{"reason": "开错"})
		w.at("2026-03-09 09:00")
		w.openPeriod("number", 13, "opens_at", shanghai("2026-03-09", "22:30"), "closes_at", shanghai("2026-03-10", "06:00"))
		w.accept(model.PurposeStudy, members[0]...)
		w.at("2026-03-09 22:30")
		w.remind()
		w.told("at night", members[0], "青年大学习第13期开始了")
		w.at("2026-03-10 07:00")
		w.pushAll()
		for _, m := range members[0] {
			if got := w.received(m); len(got) != 1 {
				t.Errorf("%d was sent what makes no sense any more: %v", m, got)
			}
		}
		cancelled := w.openPeriod("number", 14, "opens_at", shanghai("2026-03-10", "08:00"), "closes_at", shanghai("2026-03-12", "20:00"))
		w.call("POST", periodPath(cancelled, "/cancel"), w.console(), object{"reason": "开错"}).wants(200)
		w.at("2026-03-10 10:00")
		w.remind()
		w.told("cancelled", members[0])
	})
}

// TestNudge: an officer reminds those of his units who have not studied, and is told how many that were.
func TestNudge(t *testing.T) {
	each(t, func(t *testing.T, w *world) {
		branches, members := w.league(4, 3)
		p := w.openWeek()
		w.study(p, members[0][1]).wants(201)
		w.call("POST", periodPath(p, "/exemptions"), w.console(), object{"member_id": members[0][2], "reason_category": "sick"}).wants(201)
		w.accept(model.PurposeStudy, members[0][3], members[1][1])
		nudge := func(member int64, body any) *answer {
			t.Helper()
			return w.call("POST", periodPath(p, "/reminders"), w.token(member), body)
		}
		a := nudge(members[0][0], nil).wants(202)
		if a.number("recipients") != 2 {
			t.Error(a.Body)
		}
		id := a.number("announcement_id")
		w.pushAll()
		w.counts(id, object{"sent": 1, "no_grant": 1})
		w.told("of his branch", []int64{members[0][0], members[0][3]}, "青年大学习第12期还没有完成")
		w.told("done, exempt, of others", []int64{members[0][1], members[0][2], members[1][0], members[1][1], members[1][2]})
		made := w.call("GET", announcementPath(id, ""), w.token(members[0][0]), nil).wants(200)
		same(t, "it", made.object(), object{"rule": "period_nudge", "template": "study", "unit_id": branches[0]})
		if !strings.Contains(made.text("body"), "将于3月8日 20:00截止") {
			t.Error(made.Body)
		}
		if n := nudge(chief, object{}).wants(202).number("recipients"); n != 7 {
			t.Errorf("all: %d", n)
		}
		if n := nudge(chief, object{"unit_id": branches[1]}).wants(202).number("recipients"); n != 3 {
			t.Errorf("one branch: %d", n)
		}
		first := w.once("k", periodPath(p, "/reminders"), w.token(members[1][0]), object{"unit_id": branches[1]}).wants(202)
		for _, m := range members[1] {
			w.study(p, m).wants(201)
		}
		if again := w.once("k", periodPath(p, "/reminders"), w.token(members[1][0]), object{"unit_id": branches[1]}).wants(202); again.Body.String() != first.Body.String() {
			t.Errorf("first %s, then %s", first.Body, again.Body)
		}
		w.once("k", periodPath(p, "/reminders"), w.token(members[1][0]), object{}).refuses(422, "idempotency_key_reused")
		none := nudge(members[1][0], nil).wants(202)
		if none.number("recipients") != 0 {
			t.Errorf("all have studied: %s", none.Body)
		}
		for _, m := range []int64{plain, secretary, members[0][1]} {
			w.token(m)
		}
		before := w.pushRows()
		for _, c := range []struct {
			member int64
			body   any
			status int
			code   string
		}{
			{members[0][1], nil, 403, "forbidden"},
			{members[0][0], object{"unit_id": branches[1]}, 404, "not_found"},
			{members[0][0], object{"unit_id": leagueRoot}, 403, "forbidden"},
			{secretary, nil, 404, "not_found"},
			{plain, nil, 404, "not_found"},
			{chief, object{"unit_id": sibling}, 422, "invalid_request"},
			{chief, object{"unit_id": otherBranch}, 404, "not_found"},
			{chief, object{"unit_id": 0}, 422, "invalid_request"},
			{chief, object{"members": []int64{plain}}, 422, "invalid_request"},
		} {
			if a := nudge(c.member, c.body).refuses(c.status, c.code); !chinese(a.text("detail")) {
				t.Errorf("%d with %v: %s", c.member, c.body, a.Body)
			}
		}
		if after := w.pushRows(); after != before {
			t.Errorf("rows before: %s, after: %s", before, after)
		}
		w.at("2026-03-08 20:00")
		nudge(chief, nil).refuses(409, "study_period_not_open")
		w.once("k", periodPath(p, "/reminders"), w.token(members[1][0]), object{"unit_id": branches[1]}).wants(202)
	})
}

// TestRemindersInABadHour: a message that waited for the platform until it made no sense is not sent.
func TestRemindersInABadHour(t *testing.T) {
	each(t, func(t *testing.T, w *world) {
		_, members := w.league(2)
		w.openPeriod("closes_at", shanghai("2026-03-03", "09:00"))
		w.accept(model.PurposeStudy, members[0]...)
		w.fail(sim.Fault{Endpoint: sendCall, Errcode: 45009, Times: 2}) // no more calls today
		w.remind()
		w.told("open", members[0], "青年大学习第12期开始了")
		w.at("2026-03-02 23:00")
		w.pushAll()
		w.at("2026-03-03 08:00")
		w.remind()
		for _, m := range members[0] {
			if got := w.received(m); !slices.Equal(got, []string{"青年大学习第12期即将截止"}) {
				t.Errorf("%d received %v", m, got)
			}
		}
	})
}
