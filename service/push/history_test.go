package push_test

import (
	"context"
	"fmt"
	"slices"
	"testing"
	"time"

	"gorm.io/gorm"
	"pgregory.net/rapid"

	"zhibu/model"
	"zhibu/model/modeltest"
	"zhibu/service/push"
	"zhibu/service/wechat/sim"
)

// TestHistories runs random operations of members, officers, the platform and the clock, with faults in between. After each
// nobody has a message twice, the ledger is no less careful than the platform's, and no delivery leaves a final state but as
// the platform's report allows.
func TestHistories(t *testing.T) {
	here, there := 25, 10
	if race {
		here, there = 3, 2
	}
	t.Run("sqlite", func(t *testing.T) { checkHistories(t, databases(t, modeltest.SQLite, 5), here) })
	t.Run("mariadb", func(t *testing.T) { checkHistories(t, databases(t, modeltest.MariaDB, 1000), there) })
}

const steps = 120 // of a history

func checkHistories(t *testing.T, database func() *model.DB, histories int) {
	seen := map[string]int{}
	modeltest.Check(t, histories, func(rt *rapid.T) {
		h := newHistory(rt, newWorld(rt, database(), "2026-03-02 09:00"), seen)
		for range steps {
			h.step(rt)
		}
		h.finish()
	})
	for _, o := range operations {
		if seen[o.name] == 0 && histories >= 25 && !testing.Short() {
			t.Errorf("%s never came off", o.name)
		}
	}
	t.Log(seen)
}

// history is a world in which things happen.
type history struct {
	*world
	people        []int64
	wechats       []string // all there are
	announcements []int64
	requests      int
	states        map[[2]int64]model.DeliveryState
	phantoms      map[string]int // consents that we count and the platform does not, at most, by openid and template
	lies          map[string]int // of these, what clients reported and nobody gave
	seen          map[string]int
}

var operations = []struct {
	name   string
	weight int
	do     func(*history, *rapid.T) bool // whether it came off
}{
	{"send", 14, (*history).sendSome}, {"accept", 10, (*history).acceptOne}, {"announce", 6, (*history).announceOne},
	{"hear", 8, (*history).hearSome}, {"wait", 8, (*history).wait}, {"notify", 6, (*history).notifyOne},
	{"accept, both tell", 6, (*history).acceptBoth}, {"die", 2, (*history).die}, {"a client lies", 1, (*history).lie},
	{"reject", 1, (*history).reject}, {"withdraw", 1, (*history).withdraw}, {"recall", 1, (*history).recallOne},
	{"an event again", 1, (*history).hearAgain}, {"change WeChat", 1, (*history).changeWeChat},
	{"leave", 1, (*history).leaveOne}, {"forget", 2, (*history).forget}, {"read", 1, (*history).readOne},
}

func newHistory(t *rapid.T, w *world, seen map[string]int) *history {
	h := &history{world: w, states: map[[2]int64]model.DeliveryState{}, phantoms: map[string]int{}, lies: map[string]int{}, seen: seen}
	h.people = append(h.enrol("一支部", 2), h.enrol("二支部", 1)...)
	h.wechats = append(openIDs(h.people), openID(model.NewID()))
	h.set(model.SettingDailyLimit, rapid.SampledFrom([]string{"0", "1", "2", "5"}).Draw(t, "limit"))
	h.set(model.SettingQuietFrom, rapid.SampledFrom([]string{"22", "12", "0"}).Draw(t, "quiet from"))
	return h
}

func (h *history) step(t *rapid.T) {
	if rapid.IntRange(0, 2).Draw(t, "hear at once") == 0 { // else most of what is accepted comes too late for what is said
		h.hear()
	}
	var weighted []int // in turn: what is drawn comes oftener from the beginning of a list
	for round := range steps {
		for i, o := range operations {
			if round < o.weight {
				weighted = append(weighted, i)
			}
		}
	}
	o := operations[rapid.SampledFrom(weighted).Draw(t, "operation")]
	if o.do(h, t) {
		h.seen[o.name]++
	}
	h.clock.Advance(2 * time.Second) // the platform's time is to the second
	h.check()
}

func (h *history) one(t *rapid.T) *push.Service { return h.s[rapid.IntRange(0, 1).Draw(t, "instance")] }

func (h *history) someone(t *rapid.T) int64 { return rapid.SampledFrom(h.people).Draw(t, "who") }

func (h *history) phone(t *rapid.T) string { return rapid.SampledFrom(h.wechats).Draw(t, "phone") }

func (h *history) template(t *rapid.T) string {
	return rapid.SampledFrom([]string{forAnnouncement, forAnnouncement, forTask, forStudy}).Draw(t, "template")
}

func (h *history) acceptOne(t *rapid.T) bool {
	phone, template := h.phone(t), h.template(t)
	for range rapid.IntRange(1, 4).Draw(t, "times") {
		if h.platform.Subscribe(phone, template, true) != nil {
			return false
		}
		h.clock.Advance(2 * time.Second)
	}
	return true
}

func (h *history) report(t *rapid.T, phone, template string) {
	h.requests++
	_, err := h.one(t).Subscribe(context.Background(), model.Actor{OpenID: phone}, fmt.Sprint(h.requests), map[string]push.Answer{template: push.Accept})
	h.must(err)
}

func (h *history) acceptBoth(t *rapid.T) bool {
	phone, template := h.phone(t), h.template(t)
	if h.platform.Subscribe(phone, template, true) != nil {
		return false
	}
	h.report(t, phone, template)
	return true
}

func (h *history) lie(t *rapid.T) bool {
	phone, template := h.phone(t), h.template(t)
	h.report(t, phone, template)
	h.phantoms[phone+template]++
	h.lies[phone+template]++
	return true
}

func (h *history) reject(t *rapid.T) bool {
	return h.platform.Subscribe(h.phone(t), h.template(t), false) == nil
}

func (h *history) withdraw(t *rapid.T) bool {
	phone, template := h.phone(t), h.template(t)
	h.phantoms[phone+template] += h.platform.Consents(phone, template) // of which we may hear only after this
	return h.platform.Withdraw(phone, template) == nil
}

// forget: the platform knows the person no more, or again; its consents are gone, and nobody says so.
func (h *history) forget(t *rapid.T) bool {
	phone := h.phone(t)
	for _, template := range []string{forAnnouncement, forStudy, forTask} {
		h.phantoms[phone+template] += h.platform.Consents(phone, template)
	}
	h.platform.Forget(phone)
	if rapid.Bool().Draw(t, "comes back") {
		_, err := h.client(0).Login(context.Background(), h.platform.LoginCode(phone))
		h.must(err)
	}
	return true
}

func (h *history) announceOne(t *rapid.T) bool {
	p := h.plan(rapid.SampledFrom([]string{"一总支", "一支部", "二支部"}).Draw(t, "unit"))
	p.Urgent = rapid.IntRange(0, 3).Draw(t, "urgent") == 0
	p.Template = rapid.SampledFrom([]string{"", "", "", "study", "none"}).Draw(t, "purpose")
	p.SendAt = h.now().Add(time.Duration(rapid.SampledFrom([]int{0, 0, 0, 3}).Draw(t, "hours")) * time.Hour)
	a, err := h.one(t).Announce(context.Background(), chief(), p, model.Once{})
	h.must(err)
	h.announcements = append(h.announcements, a.ID)
	return true
}

func (h *history) notifyOne(t *rapid.T) bool {
	to := slices.Compact(slices.Sorted(slices.Values([]int64{h.someone(t), h.someone(t), h.someone(t)})))
	purpose := rapid.SampledFrom([]model.Purpose{model.PurposeAnnouncement, model.PurposeTask, model.PurposeStudy, model.PurposeDues}).Draw(t, "purpose")
	h.announcements = append(h.announcements, h.announced(h.notify(purpose, "一支部", to...)))
	return true
}

func (h *history) sendSome(t *rapid.T) bool {
	before := h.platform.Received()
	s := h.one(t)
	h.must(s.Publish(context.Background()))
	if h.unsettled() == 0 { // a fault would wait for another time, and many of them together
		return false
	}
	if f := rapid.SampledFrom([]sim.Fault{
		{}, {}, {}, {}, {}, {}, {}, {}, {Errcode: -1}, {Errcode: 43108}, {Errcode: 45011}, {Errcode: 40037}, {Errcode: 47003}, {Errcode: 40164}, {Status: 502},
		{Reset: true}, {Truncate: true}, {Empty: true}, {HTML: true}, {AsyncFailure: true}, {AsyncFailure: true, Truncate: true},
	}).Draw(t, "fault"); f != (sim.Fault{}) {
		f.Endpoint = sendPath
		h.must(h.platform.Fail(f))
	}
	if rapid.Bool().Draw(t, "a new instance") { // which knows of no pause
		s = h.instance(h.client(0))
	}
	h.must(s.SendDue(context.Background()))
	h.must(s.Expire(context.Background()))
	return h.platform.Received() > before
}

// die: an instance dies with messages under way.
func (h *history) die(t *rapid.T) bool {
	m := newMortal(h.client(0), int64(rapid.IntRange(0, 2).Draw(t, "messages")))
	done := make(chan error, 1)
	go func() { done <- h.instance(m).SendDue(context.Background()) }()
	select {
	case err := <-done:
		h.must(err)
		return false
	case <-m.dead:
	}
	h.clock.Advance(push.Lease)
	h.must(h.one(t).Recover(context.Background()))
	close(m.gone)
	h.must(<-done)
	return true
}

func (h *history) recallOne(t *rapid.T) bool {
	if len(h.announcements) == 0 {
		return false
	}
	id := rapid.SampledFrom(h.announcements).Draw(t, "announcement")
	_, err := h.one(t).Recall(context.Background(), chief(), id, "发错了")
	h.must(err)
	return true
}

func (h *history) hearSome(t *rapid.T) bool {
	if f := rapid.SampledFrom([]sim.Fault{{}, {}, {DuplicateEvent: true}, {EventOutOfOrder: true}, {SlowAck: true}, {LateEvent: true}}).Draw(t, "fault"); f != (sim.Fault{}) {
		f.Endpoint = events
		h.must(h.platform.Fail(f))
	}
	taken := h.platform.DeliverDue(context.Background())
	h.must(h.one(t).Settle(context.Background()))
	return taken > 0
}

func (h *history) hearAgain(t *rapid.T) bool {
	var rows []model.PlatformEventRow
	h.must(h.read().Where("id > ?", h.since).Order("id").Find(&rows).Error)
	if len(rows) == 0 {
		return false
	}
	row := rapid.SampledFrom(rows).Draw(t, "event")
	h.must(h.learn(0, model.PlatformEvent{
		Key: row.EventKey, Name: row.Name, OpenID: row.OpenID, At: row.At, Consents: []model.ConsentReport{{TemplateID: forAnnouncement, Accepted: true}},
	}))
	return true
}

func (h *history) changeWeChat(t *rapid.T) bool {
	h.rebind(h.someone(t), rapid.SampledFrom(append(h.wechats, "")).Draw(t, "phone"))
	return true
}

func (h *history) leaveOne(t *rapid.T) bool {
	who := h.someone(t)
	h.write(func(tx *gorm.DB) error {
		return tx.Model(&model.Membership{}).Where("member_id = ?", who).Update("ended_on", h.now().Date()).Error
	})
	return true
}

func (h *history) readOne(t *rapid.T) bool {
	who := self(h.someone(t))
	todo, err := h.one(t).Todo(context.Background(), who)
	h.must(err)
	if len(todo) == 0 {
		return false
	}
	_, err = h.one(t).Read(context.Background(), who, todo[0].ID)
	h.must(err)
	return true
}

func (h *history) wait(t *rapid.T) bool {
	h.clock.Advance(rapid.SampledFrom([]time.Duration{time.Minute, 11 * time.Minute, time.Minute, time.Hour, 9 * time.Hour, 80 * time.Hour}).Draw(t, "time"))
	return true
}

// after are the states a delivery may go over to, besides staying as it is.
var after = map[model.DeliveryState][]model.DeliveryState{
	model.DeliveryQueued: {
		model.DeliverySent, model.DeliveryNoGrant, model.DeliveryRefused, model.DeliveryFailed, model.DeliveryUnknown, model.DeliveryRecalled,
	},
	model.DeliveryUnknown: {model.DeliverySent, model.DeliveryFailed},
	model.DeliverySent:    {model.DeliveryFailed},
}

func (h *history) check() {
	h.t.Helper()
	var rows []model.Delivery
	h.must(h.read().Find(&rows, "announcement_id IN ?", append(h.announcements, 0)).Error)
	for _, d := range rows {
		key := [2]int64{d.AnnouncementID, d.MemberID}
		if was, known := h.states[key]; known && was != d.State && !slices.Contains(after[was], d.State) {
			h.t.Fatalf("from %s to %s: %+v", was, d.State, d)
		}
		if (d.DueAt > 0) != (d.State == model.DeliveryQueued) {
			h.t.Fatalf("%+v", d)
		}
		h.states[key] = d.State
	}
	if len(rows) != len(h.states) {
		h.t.Fatalf("%d deliveries, and there were %d", len(rows), len(h.states))
	}
	got := map[string]int64{}
	for _, phone := range h.wechats {
		var owners int64 // each may have been sent the same with it
		h.must(h.read().Model(&model.Binding{}).Where("openid = ?", phone).Distinct("member_id").Count(&owners).Error)
		for _, m := range h.platform.Inbox(phone) {
			if got[phone+m.Page]++; got[phone+m.Page] > owners {
				h.t.Fatalf("%s of %d has %s once more", phone, owners, m.Page)
			}
		}
	}
	used, spent, doubtful := h.platform.ConsentsUsed(), h.countConsents(model.ConsentSpent), h.countConsents(model.ConsentDoubtful)
	if spent > used || spent+doubtful < used {
		h.t.Fatalf("the platform used %d consents; here %d are spent and %d in doubt", used, spent, doubtful)
	}
	var flying int64
	if h.must(h.read().Model(&model.Flight{}).Count(&flying).Error); flying != 0 {
		h.t.Fatalf("%d flights, and nothing is under way", flying)
	}
}

// finish lets everything come to its end and holds the ledger against the platform's.
func (h *history) finish() {
	h.t.Helper()
	for range 30 {
		h.listen()
		h.clock.Advance(13 * time.Hour)
		s := h.instance(h.client(0))
		h.must(s.Publish(context.Background()))
		h.must(s.SendDue(context.Background()))
		h.must(s.Expire(context.Background()))
	}
	h.listen()
	h.check()
	if n := h.unsettled(); n != 0 {
		h.t.Fatalf("%d deliveries are never settled", n)
	}
	h.seen["messages"] += h.platform.Received()
	for _, s := range h.states {
		h.seen["deliveries "+string(s)]++
	}
	if used, spent := h.platform.ConsentsUsed(), h.countConsents(model.ConsentSpent); used != spent {
		h.t.Fatalf("%d consents are spent, and the platform used %d", spent, used)
	}
	for _, phone := range h.wechats {
		for _, template := range []string{forAnnouncement, forStudy} {
			var open int64 // and what is in doubt, which the platform did not use
			h.must(h.read().Model(&model.Consent{}).Where("openid = ? AND template_id = ? AND state IN ?", phone, template,
				[]model.ConsentState{model.ConsentOpen, model.ConsentDoubtful}).Count(&open).Error)
			left, key := h.platform.Consents(phone, template), phone+template
			// A report of ours that was a lie may have been taken for the other half of what the platform told.
			if int(open) < left-h.lies[key] || int(open) > left+h.phantoms[key] {
				h.t.Fatalf("%s: %d open, the platform has %d, phantoms %d, lies %d", key, open, left, h.phantoms[key], h.lies[key])
			}
		}
	}
}
