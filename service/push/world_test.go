package push_test

import (
	"context"
	"fmt"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"gorm.io/gorm"
	"pgregory.net/rapid"

	"zhibu/model"
	"zhibu/model/modeltest"
	"zhibu/service/push"
	"zhibu/service/wechat"
	"zhibu/service/wechat/sim"
)

// world is a small organisation: a party committee with a general branch of two branches, one of them with a group, and a
// league branch under the first. Two instances of the service, each with a client of its own, share its database and a
// simulated WeChat, which pushes its events to them in turn.
type world struct {
	t        rapid.TB
	db       *model.DB
	clock    *modeltest.Clock
	units    map[string]model.Unit
	platform *sim.Platform
	wire     *wire
	receiver *wechat.Receiver
	s        []*push.Service
	config   push.Config
	log      *syncBuffer
	accepted atomic.Int64
	since    int64 // what has a smaller id is of another world in the same database
}

// plot of the world: a unit, its kind and the one above it.
var plot = []struct {
	name, above string
	kind        model.UnitKind
}{
	{"机关党委", "", model.PartyCommittee},
	{"一总支", "机关党委", model.PartyGeneralBranch},
	{"一支部", "一总支", model.PartyBranch}, {"一组", "一支部", model.PartyGroup}, {"二支部", "一总支", model.PartyBranch},
	{"团支部", "一支部", model.LeagueBranch},
}

const (
	appID    = "wx0123456789abcdef"
	sendPath = "/cgi-bin/message/subscribe/send"
	events   = "events"

	forAnnouncement = "TEMPLATE-announcement"
	forStudy        = "TEMPLATE-study"
	forActivity     = "TEMPLATE-activity"
	forTask         = "TEMPLATE-task" // long-term
)

// templates are those configured. Dues have none.
func templates() []model.PushTemplate {
	fields := func() []model.PushField {
		return []model.PushField{
			{Key: "thing1", Type: model.FieldThing, Name: "主题", Value: "title"}, {Key: "thing2", Type: model.FieldThing, Name: "单位", Value: "unit"},
			{Key: "time3", Type: model.FieldTime, Name: "时间", Value: "time"}, {Key: "phrase4", Type: model.FieldPhrase, Name: "状态", Value: "status"},
			{Key: "thing5", Type: model.FieldThing, Name: "备注", Value: "hint"},
		}
	}
	return []model.PushTemplate{
		{TemplateID: forAnnouncement, Purpose: model.PurposeAnnouncement, Title: "通知公告", Page: "pages/announcement", Fields: fields()},
		{TemplateID: forStudy, Purpose: model.PurposeStudy, Title: "学习提醒", Page: "pages/announcement", Fields: fields()},
		{TemplateID: forActivity, Purpose: model.PurposeActivity, Title: "活动提醒", Page: "pages/announcement", Fields: fields()},
		{TemplateID: forTask, Purpose: model.PurposeTask, Title: "待办提醒", Page: "pages/announcement", LongTerm: true, Fields: fields()},
	}
}

func newWorld(t rapid.TB, db *model.DB, at string) *world {
	w := &world{t: t, db: db, clock: modeltest.NewClock(at), units: map[string]model.Unit{}, since: model.NewID(), config: push.Config{
		Templates: templates(), PerSecond: 1_000_000, InFlight: 50,
	}}
	for _, p := range plot {
		u := model.Unit{ID: model.NewID(), Kind: p.kind, Name: p.name, ClosedOn: model.Forever}
		u.Path = model.ChildPath("", u.ID)
		if above, ok := w.units[p.above]; ok {
			u.ParentID, u.Path = &above.ID, model.ChildPath(above.Path, u.ID)
		}
		w.units[p.name] = u
		w.add(&u)
	}
	w.connect(0)
	return w
}

func (w *world) must(err error) {
	w.t.Helper()
	if err != nil {
		w.t.Fatal(err)
	}
}

func (w *world) write(work func(tx *gorm.DB) error) {
	w.t.Helper()
	w.must(w.db.Write(context.Background(), work))
}

// add writes rows as they are.
func (w *world) add(rows ...any) {
	w.t.Helper()
	w.write(func(tx *gorm.DB) error {
		for _, some := range rows {
			if err := tx.Create(some).Error; err != nil {
				return err
			}
		}
		return nil
	})
}

func (w *world) read() *gorm.DB { return w.db.Read(context.Background()) }

func (w *world) now() model.Instant { return model.At(w.clock.Now()) }

// chief is an account over everything.
func chief() model.Actor {
	return model.Actor{AccountID: 1, Name: "管理", Bound: true, Grants: []model.Grant{{Path: "/", Title: model.Admin}}}
}

// secretary is a member on the phone with an office in the unit.
func (w *world) secretary(unit string, memberID int64) model.Actor {
	u := w.units[unit]
	return model.Actor{
		MemberID: memberID, OpenID: openID(memberID), Name: "书记", Bound: true,
		Grants: []model.Grant{{UnitID: u.ID, Path: u.Path, Title: model.Secretary}},
	}
}

// self is a member on the phone.
func self(id int64) model.Actor {
	return model.Actor{MemberID: id, OpenID: openID(id), Name: "本人", Bound: true}
}

// openID is the WeChat that a member has at first.
func openID(memberID int64) string { return fmt.Sprintf("o%027d", memberID) }

// enrol puts so many on the roster of the unit, since long ago and with a WeChat, and returns their ids.
func (w *world) enrol(unit string, many int) (ids []int64) {
	w.t.Helper()
	u := w.units[unit]
	kind := model.Full
	if u.Kind.Track() == model.League {
		kind = model.LeagueMember
	}
	var members []model.Member
	var memberships []model.Membership
	var bindings []model.Binding
	for i := range many {
		name := fmt.Sprint(unit, i)
		m := model.Member{ID: model.NewID(), Name: name, NameKey: model.NameKey(name), NameSort: name, BirthDate: "2005-05-04"}
		members, ids = append(members, m), append(ids, m.ID)
		memberships = append(memberships, model.Membership{
			ID: model.NewID(), MemberID: m.ID, UnitID: u.ID, Track: u.Kind.Track(), Kind: kind, State: model.Active,
			Category: model.InService, StartedOn: "2020-01-01", EndedOn: model.Forever,
		})
		bindings = append(bindings, model.Binding{ID: model.NewID(), OpenID: openID(m.ID), MemberID: m.ID, Method: "invite", BoundAt: 1})
	}
	if many > 0 {
		w.add(members, memberships, bindings)
	}
	return ids
}

// accept has the members accept the prompt of a template so many times, and the service hear of it from the platform.
func (w *world) accept(templateID string, times int, members ...int64) {
	w.t.Helper()
	for _, id := range members {
		for range times {
			w.must(w.platform.Subscribe(openID(id), templateID, true))
			w.clock.Advance(time.Second) // two taps in a second are one event
		}
	}
	w.hear()
}

// announce says something to the unit, at once and as an officer at the console.
func (w *world) announce(unit string, change ...func(*push.Plan)) push.Announced {
	w.t.Helper()
	p := w.plan(unit)
	for _, f := range change {
		f(&p)
	}
	a, err := w.s[0].Announce(context.Background(), chief(), p, model.Once{})
	w.must(err)
	return a
}

// notify tells members something as a feature does.
func (w *world) notify(purpose model.Purpose, unit string, to ...int64) (cause string) {
	w.t.Helper()
	cause = fmt.Sprint("test:", model.NewID())
	w.write(func(tx *gorm.DB) error { return model.Notify(tx, w.now(), w.notice(cause, purpose, unit, to...)) })
	return cause
}

func (w *world) notice(cause string, purpose model.Purpose, unit string, to ...int64) model.Notice {
	return model.Notice{
		Rule: model.RuleLeaveDecided, Cause: cause, Unit: w.units[unit], Purpose: purpose, Title: "机密标题", Body: "机密内容", Hint: "请查看",
		Status: "已批准", To: to,
	}
}

// send has an instance send what is due.
func (w *world) send() {
	w.t.Helper()
	w.must(w.s[0].SendDue(context.Background()))
}

// deliveryOf is how the announcement fares with the member.
func (w *world) deliveryOf(announcementID, memberID int64) (d model.Delivery) {
	w.t.Helper()
	w.must(w.read().Where("announcement_id = ? AND member_id = ?", announcementID, memberID).Take(&d).Error)
	return d
}

// last is the member's latest delivery.
func (w *world) last(memberID int64) (d model.Delivery) {
	w.t.Helper()
	w.must(w.read().Where("member_id = ?", memberID).Order("announcement_id DESC").Limit(1).Take(&d).Error)
	return d
}

// consents are the states of what the person gave for the template, in order, such as "spent open".
func (w *world) consents(openID, templateID string) string {
	w.t.Helper()
	var states []string
	w.must(w.read().Model(&model.Consent{}).Where("openid = ? AND template_id = ?", openID, templateID).Order("serial").Pluck("state", &states).Error)
	return strings.Join(states, " ")
}

// counts are the deliveries of an announcement by state.
func (w *world) counts(announcementID int64) map[model.DeliveryState]int {
	w.t.Helper()
	var states []model.DeliveryState
	w.must(w.read().Model(&model.Delivery{}).Where("announcement_id = ?", announcementID).Pluck("state", &states).Error)
	n := map[model.DeliveryState]int{}
	for _, s := range states {
		n[s]++
	}
	return n
}

// wantCounts: the announcement fares so, and in no other way.
func (w *world) wantCounts(announcementID int64, want map[model.DeliveryState]int) {
	w.t.Helper()
	if got := w.counts(announcementID); fmt.Sprint(got) != fmt.Sprint(want) {
		w.t.Fatalf("deliveries %v, want %v", got, want)
	}
}

// wantConsents: the person has given these for the template.
func (w *world) wantConsents(openID, templateID, want string) {
	w.t.Helper()
	if got := w.consents(openID, templateID); got != want {
		w.t.Fatalf("consents %q, want %q", got, want)
	}
}

// code is what a refusal is called, with the field at fault; empty when there was none.
func code(err error) string {
	e := model.AsError(err)
	switch {
	case e != nil && len(e.Fields) == 1:
		return e.Fields[0].Field + " " + e.Fields[0].Code
	case e != nil:
		return e.Code
	case err != nil:
		return err.Error()
	}
	return ""
}

// each runs the test in a world of its own on each database.
func each(t *testing.T, at string, test func(t *testing.T, w *world)) {
	t.Helper()
	modeltest.Each(t, func(t *testing.T, db *model.DB) { test(t, newWorld(t, db, at)) })
}

// atOnce runs work in so many goroutines that wait for each other, and returns their errors.
func atOnce(many int, work func(i int) error) []error {
	errs, start := make([]error, many), make(chan struct{})
	var wg sync.WaitGroup
	for i := range many {
		wg.Go(func() {
			<-start
			errs[i] = work(i)
		})
	}
	close(start)
	wg.Wait()
	return errs
}

// databases gives each history an empty database or one that few others had, since what is asked of SQLite takes longer
// with every row.
func databases(t *testing.T, open func(testing.TB) *model.DB, histories int) func() *model.DB {
	var db *model.DB
	used := 0
	return func() *model.DB {
		if used%histories == 0 {
			db = open(t)
		}
		used++
		return db
	}
}

// deleteDue gives up what is still to be sent.
func deleteDue(tx *gorm.DB) error {
	return tx.Model(&model.Delivery{}).Where("due_at > 0").Updates(map[string]any{"due_at": 0, "state": model.DeliveryRecalled}).Error
}

// plan is an announcement of the unit.
func (w *world) plan(unit string) push.Plan {
	return push.Plan{UnitID: w.units[unit].ID, Title: "机密标题", Body: "机密内容"}
}

func openIDs(members []int64) []string {
	ids := make([]string, len(members))
	for i, id := range members {
		ids[i] = openID(id)
	}
	return ids
}
