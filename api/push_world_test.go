package api_test

import (
	"errors"
	"fmt"
	"slices"
	"sync"
	"testing"

	"zhibu/api"
	"zhibu/model"
	"zhibu/model/modeltest"
	"zhibu/service/wechat/sim"
)

// pushSetup is how messages are set up in a world, here and on the platform.
type pushSetup struct {
	templates []model.PushTemplate
	events    sim.EventConfig
	names     bool // the operator shows who is behind above the branch, too
}

func usualPush() pushSetup {
	return pushSetup{
		templates: templates(),
		events: sim.EventConfig{
			URL: "https://zhibu.example/api/v1/wechat/events", Token: "token", EncodingAESKey: "abcdefghijklmnopqrstuvwxyz0123456789ABCDEFG",
		},
	}
}

// eachPush is each in a world where messages are set up in another way.
func eachPush(t *testing.T, change func(*pushSetup), test func(t *testing.T, w *world)) {
	t.Helper()
	modeltest.Each(t, func(t *testing.T, db *model.DB) { test(t, newWorld(t, db, change)) })
}

// templates are those of the world, one for each purpose.
func templates() []model.PushTemplate {
	all := make([]model.PushTemplate, len(model.Purposes))
	for i, purpose := range model.Purposes {
		all[i] = model.PushTemplate{TemplateID: templateOf(purpose), Purpose: purpose, Title: string(purpose), Page: "pages/message", Fields: []model.PushField{
			{Key: "thing1", Type: model.FieldThing, Name: "标题", Value: "title"},
			{Key: "thing2", Type: model.FieldThing, Name: "单位", Value: "unit"},
			{Key: "time3", Type: model.FieldTime, Name: "时间", Value: "time"},
			{Key: "phrase4", Type: model.FieldPhrase, Name: "状态", Value: "status"},
		}}
	}
	return all
}

func templateOf(purpose model.Purpose) string { return "t-" + string(purpose) }

// onPlatform are the same templates as the platform has them.
func onPlatform(ours []model.PushTemplate) []sim.Template {
	var all []sim.Template
	for _, t := range ours {
		one := sim.Template{ID: t.TemplateID, Title: t.Title, LongTerm: t.LongTerm}
		for _, f := range t.Fields {
			one.Fields = append(one.Fields, sim.Field{Key: f.Key, Name: f.Name})
		}
		all = append(all, one)
	}
	return all
}

const (
	sendCall  = "/cgi-bin/message/subscribe/send"
	checkCall = "/wxa/msg_sec_check"
	eventCall = "events"
)

// ofBranch are the members of branch and its group, in the order of their names.
var ofBranch = []int64{secretary, plain, leader, chief, auditor, both, nobody}

// notice is what an officer of branch says, with other values.
func notice(more ...any) object {
	return with(object{"unit_id": branch, "title": "三月党课通知", "body": "周五下午三点，三楼会议室。"}, more...)
}

func announcementPath(id int64, rest string) string {
	return fmt.Sprintf("/announcements/%d%s", id, rest)
}

// announce has the secretary say something to his branch.
func (w *world) announce(more ...any) int64 {
	w.t.Helper()
	return w.call("POST", "/announcements", w.token(secretary), notice(more...)).wants(202).number("id")
}

// accept has each of the members accept one prompt for the template on the phone, which the client and the platform report.
func (w *world) accept(purpose model.Purpose, members ...int64) {
	w.t.Helper()
	for _, m := range members {
		w.must(w.wechat.Subscribe(openIDOf(m), templateOf(purpose), true))
		w.made++
		w.report(m, fmt.Sprint("tap-", w.made), templateOf(purpose), "accept").wants(200)
	}
	w.platformEvents()
}

// report is the client's report of a prompt.
func (w *world) report(member int64, requestID, templateID, answer string) *answer {
	w.t.Helper()
	return w.call("POST", "/me/subscriptions", w.token(member), object{"request_id": requestID, "results": object{templateID: answer}})
}

// platformEvents lets the platform report what happened, and what follows from it be done.
func (w *world) platformEvents() {
	w.t.Helper()
	w.wechat.DeliverDue(w.t.Context())
	w.must(w.services.Push.Settle(w.t.Context()))
}

// pushAll does what the server does all the time: announcements whose time has come are published, messages sent, and what the
// platform reports is taken.
func (w *world) pushAll() {
	w.t.Helper()
	w.must(w.services.Push.Publish(w.t.Context()))
	w.must(w.services.Push.SendDue(w.t.Context()))
	w.platformEvents()
}

// grants are the messages the member may be sent of the template.
func (w *world) grants(member int64, purpose model.Purpose) int64 {
	w.t.Helper()
	return int64(w.call("GET", "/me/subscriptions", w.token(member), nil).wants(200).object()["grants"].(object)[templateOf(purpose)].(float64))
}

// received are the titles of the messages on the member's phone, the latest last.
func (w *world) received(member int64) []string {
	w.t.Helper()
	titles := []string{}
	for _, m := range w.wechat.Inbox(openIDOf(member)) {
		titles = append(titles, m.Data["thing1"])
	}
	return titles
}

// inbox are the titles of the inbox of the member, the latest first.
func (w *world) inbox(member int64) []string {
	w.t.Helper()
	titles := []string{}
	for _, a := range w.call("GET", "/me/announcements?limit=200", w.token(member), nil).wants(200).items() {
		titles = append(titles, a["title"].(string))
	}
	return titles
}

// deliveries is who got an announcement, as the console is shown it.
func (w *world) deliveries(id int64, query string) *answer {
	w.t.Helper()
	return w.call("GET", announcementPath(id, "/deliveries"+query), w.console(), nil).wants(200)
}

// counts holds the counts of the deliveries against those expected; a state left out is of nobody. They must add up.
func (w *world) counts(id int64, want object) {
	w.t.Helper()
	a := w.deliveries(id, "?limit=200")
	sum := 0.0
	for state, n := range a.object()["counts"].(object) {
		sum += n.(float64)
		if want[state] == nil {
			want[state] = 0
		}
	}
	same(w.t, "counts", a.object()["counts"].(object), want)
	recipients := w.call("GET", announcementPath(id, ""), w.console(), nil).wants(200).number("recipients")
	if a.number("total") != int64(sum) || recipients != int64(sum) || len(a.items()) != int(sum) {
		w.t.Errorf("the counts add up to %v, the total is %d, %d recipients, %d items", sum, a.number("total"), recipients, len(a.items()))
	}
}

// delivery is that of the member.
func (w *world) delivery(id, member int64) object {
	w.t.Helper()
	items := w.deliveries(id, "?limit=200").items()
	i := slices.IndexFunc(items, func(d object) bool { return d["member_id"] == float64(member) })
	if i < 0 {
		w.t.Fatalf("%d has no delivery of %d", member, id)
	}
	return items[i]
}

// instance is the program once more, on the same database.
type instance struct{ api.Services }

// instances builds others beside the world's own.
func (w *world) instances(n int) []*instance {
	w.t.Helper()
	all := make([]*instance, n)
	own, handler := w.services, w.handler
	for i := range all {
		w.start()
		all[i] = &instance{w.services}
	}
	w.services, w.handler = own, handler
	return all
}

// atOnce has all instances do it at the same time.
func (w *world) atOnce(all []*instance, do func(*instance) error) {
	w.t.Helper()
	errs := make([]error, len(all))
	var wg sync.WaitGroup
	for i := range all {
		wg.Go(func() { errs[i] = do(all[i]) })
	}
	wg.Wait()
	w.must(errors.Join(errs...))
}
