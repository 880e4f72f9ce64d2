package api_test

import (
	"slices"
	"strings"
	"testing"
	"time"

	"zhibu/model"
	"zhibu/service/wechat/sim"
)

const (
	riskyText  = "特3456书yuuo莞6543李zxcz蒜7782法fgnv级" // the platform's own test string
	reviewText = "【需人工审核】"
)

// TestTextIsChecked: what the platform finds risky is not written, and what it cannot answer for waits for a person.
func TestTextIsChecked(t *testing.T) {
	each(t, func(t *testing.T, w *world) {
		token := w.token(secretary)
		w.console()
		before := w.pushRows()
		for _, text := range []object{notice("body", "请看 "+riskyText), notice("title", riskyText), notice("body", strings.Repeat("长", 4900)+riskyText)} {
			a := w.once("risky", "/announcements", token, text).refuses(422, "text_risky")
			if a.text("detail") != "内容未通过微信的安全检测，请修改后再发布" {
				t.Error(a.Body)
			}
		}
		w.call("POST", "/announcements/forecast", token, notice("body", riskyText)).wants(200) // nobody else is shown that
		if after := w.pushRows(); after != before {
			t.Errorf("rows before: %s, after: %s", before, after)
		}
		w.once("risky", "/announcements", token, notice()).wants(202) // the key is still free
		published := w.call("POST", "/announcements", w.console(), notice("body", riskyText)).wants(202)
		same(t, "an account that the platform does not know", published.object(), object{"state": "published"})
		for _, c := range []struct {
			name  string
			fault sim.Fault
			body  object
		}{
			{"review", sim.Fault{}, notice("body", reviewText)},
			{"review of the second half", sim.Fault{}, notice("body", strings.Repeat("长", 3000)+reviewText)},
			{"gateway", sim.Fault{Endpoint: checkCall, Status: 502, Times: 9}, notice()},
			{"refused", sim.Fault{Endpoint: checkCall, Errcode: 44991, Times: 9}, notice()},
			{"cut off", sim.Fault{Endpoint: checkCall, Truncate: true, Times: 9}, notice()},
			{"empty", sim.Fault{Endpoint: checkCall, Empty: true, Times: 9}, notice()},
			{"portal", sim.Fault{Endpoint: checkCall, HTML: true, Times: 9}, notice()},
		} {
			if c.fault != (sim.Fault{}) {
				w.fail(c.fault)
			}
			a := w.call("POST", "/announcements", token, c.body).wants(202)
			same(t, c.name, a.object(), object{"state": "waiting", "published_at": nil, "recipients": 7})
			w.pushAll()
			w.written(a.number("id"), 0)
			w.reset()
		}
		if got := w.inbox(plain); len(got) != 2 {
			t.Errorf("the inbox has what waits: %v", got)
		}
	})
}

// reset ends the faults that were not used up.
func (w *world) reset() {
	w.t.Helper()
	w.wechat.Reset()
	w.clock.Advance(time.Minute) // in which a breaker that has opened closes again
	delete(w.tokens, openIDOf(secretary))
	w.token(secretary)
}

// TestTextOfAnAbsentAuthor: the platform answers for those only who opened the mini-program within two hours.
func TestTextOfAnAbsentAuthor(t *testing.T) {
	each(t, func(t *testing.T, w *world) {
		signedIn := w.call("POST", "/auth/wechat", "", object{"code": w.wechat.LoginCode(openIDOf(secretary))}).wants(200)
		w.at("2026-03-02 10:30")
		token := w.call("POST", "/auth/refresh", "", object{"refresh_token": signedIn.text("refresh_token")}).wants(200).text("access_token")
		same(t, "within two hours", w.call("POST", "/announcements", token, notice()).wants(202).object(), object{"state": "published"})
		w.at("2026-03-02 11:30")
		same(t, "later", w.call("POST", "/announcements", token, notice()).wants(202).object(), object{"state": "waiting"})
	})
}

// waiting has the secretary write what a person has to read.
func (w *world) waiting(more ...any) int64 {
	w.t.Helper()
	a := w.call("POST", "/announcements", w.token(secretary), notice(append([]any{"body", reviewText}, more...)...)).wants(202)
	if a.text("state") != "waiting" {
		w.t.Fatal(a.Body)
	}
	return a.number("id")
}

// TestDecision: another officer reads the text, once.
func TestDecision(t *testing.T) {
	each(t, func(t *testing.T, w *world) {
		w.accept(model.PurposeAnnouncement, plain)
		decide := func(id, member int64, approve bool) *answer {
			t.Helper()
			return w.call("POST", announcementPath(id, "/decision"), w.token(member), object{"approve": approve, "note": " 已阅\n "})
		}
		good, bad, scheduled := w.waiting(), w.waiting(), w.waiting("send_at", shanghai("2026-03-03", "10:00"))
		for _, m := range []int64{secretary, leader, plain, auditor, neighbour, stranger, chief} {
			w.token(m)
		}
		before := w.pushRows()
		decide(good, secretary, true).refuses(403, "own_record")
		decide(good, secretary, false).refuses(403, "own_record")
		for _, m := range []int64{leader, plain, auditor, neighbour, stranger} {
			decide(good, m, true).refuses(404, "not_found")
		}
		w.call("POST", announcementPath(good, "/decision"), w.token(chief), object{"approve": true, "note": strings.Repeat("长", 201)}).refuses(422, "invalid_request")
		w.call("POST", announcementPath(good, "/decision"), w.token(chief), object{}).refuses(422, "invalid_request")
		if after := w.pushRows(); after != before {
			t.Errorf("rows before: %s, after: %s", before, after)
		}
		w.at("2026-03-02 09:30")
		same(t, "approved", decide(good, chief, true).wants(200).object(), object{
			"state": "published", "decision_note": "已阅", "recipients": 7, "send_at": shanghai("2026-03-02", "09:30"),
		})
		same(t, "refused", decide(bad, chief, false).wants(200).object(), object{"state": "refused", "published_at": nil, "recipients": 0})
		same(t, "for tomorrow", decide(scheduled, chief, true).wants(200).object(), object{"state": "scheduled", "send_at": shanghai("2026-03-03", "10:00")})
		passed := w.announce("template", "none")
		before = w.pushRows()
		decide(good, chief, true).wants(200)
		decide(bad, chief, false).wants(200)
		decide(good, chief, false).refuses(409, "announcement_decided")
		decide(bad, chief, true).refuses(409, "announcement_decided")
		decide(passed, chief, true).refuses(409, "announcement_decided") // by itself
		if after := w.pushRows(); after != before {
			t.Errorf("rows before: %s, after: %s", before, after)
		}
		w.pushAll()
		w.counts(good, object{"sent": 1, "no_grant": 6})
		w.written(bad, 0)
		w.at("2026-03-03 10:00")
		w.pushAll()
		w.written(scheduled, 7)
		if got := w.all("/announcements?state=refused", w.token(secretary)); !slices.Equal(got, []int64{bad}) {
			t.Errorf("refused are %v", got)
		}
	})
}

// TestRecall: what has not been sent is not, and the inbox keeps no more than the title.
func TestRecall(t *testing.T) {
	each(t, func(t *testing.T, w *world) {
		recall := func(id, member int64, reason string) *answer {
			t.Helper()
			return w.call("POST", announcementPath(id, "/recall"), w.token(member), object{"reason": reason})
		}
		w.accept(model.PurposeAnnouncement, plain, leader)
		scheduled := w.announce("send_at", shanghai("2026-03-02", "12:00"))
		same(t, "before it is sent", recall(scheduled, secretary, "改期").wants(200).object(), object{"state": "recalled", "recall_reason": "改期", "recipients": 0})
		waiting := w.waiting()
		recall(waiting, secretary, "不发了").wants(200)
		w.call("POST", announcementPath(waiting, "/decision"), w.token(chief), object{"approve": true}).refuses(409, "announcement_recalled")

		sent := w.announce()
		w.pushAll()
		w.accept(model.PurposeAnnouncement, plain)
		queued := w.announce("title", "没有推送的")
		for _, m := range []int64{leader, chief, plain} {
			w.token(m)
		}
		before := w.pushRows()
		recall(sent, plain, "x").refuses(404, "not_found")
		recall(sent, leader, "x").refuses(403, "forbidden")
		recall(sent, secretary, "  ").refuses(422, "invalid_request")
		recall(sent, secretary, strings.Repeat("长", 201)).refuses(422, "invalid_request")
		if after := w.pushRows(); after != before {
			t.Errorf("rows before: %s, after: %s", before, after)
		}
		w.call("POST", announcementPath(sent, "/read"), w.token(chief), nil).wants(200)
		same(t, "sent", recall(sent, secretary, "写错了").wants(200).object(), object{"state": "recalled", "recipients": 7})
		recall(queued, chief, "写错了").wants(200)
		events := w.events()
		same(t, "again", recall(queued, secretary, "另一个原因").wants(200).object(), object{"recall_reason": "写错了"})
		if w.events() != events {
			t.Error("to recall again is in the audit")
		}
		w.pushAll()
		w.counts(sent, object{"sent": 2, "no_grant": 5})
		w.counts(queued, object{"recalled": 7})
		same(t, "why", w.delivery(queued, plain), object{"reason_name": "发送前已撤回"})
		if got := w.received(plain); !slices.Equal(got, []string{"三月党课通知"}) || w.grants(plain, model.PurposeAnnouncement) != 1 {
			t.Errorf("%v, %d left", got, w.grants(plain, model.PurposeAnnouncement))
		}
		for _, a := range w.call("GET", "/me/announcements", w.token(plain), nil).wants(200).items() {
			same(t, "in the inbox", a, object{"body": "", "recalled": true})
		}
		same(t, "opened", w.call("POST", announcementPath(queued, "/read"), w.token(plain), nil).wants(200).object(), object{"body": "", "recalled": true, "title": "没有推送的"})
		unread := w.call("GET", "/me/announcements?unread=true", w.token(leader), nil).wants(200).items()
		todo := w.call("GET", "/me/todo", w.token(leader), nil).wants(200).object()["announcements"].([]any)
		if len(unread) != 0 || len(todo) != 0 {
			t.Errorf("to be read: %v, to do: %v", unread, todo)
		}
		w.at("2026-03-02 12:00")
		w.pushAll()
		w.written(scheduled, 0)
		w.written(waiting, 0)
	})
}
