package api_test

import (
	"fmt"
	"strings"
	"testing"
	"time"

	"zhibu/model"
)

// TestSubscribe: one accept is one message, counted once for each prompt.
func TestSubscribe(t *testing.T) {
	each(t, func(t *testing.T, w *world) {
		holds := func(what string, want int64) {
			t.Helper()
			if n := w.grants(plain, model.PurposeAnnouncement); n != want {
				t.Errorf("%s: %d, want %d", what, n, want)
			}
		}
		holds("at first", 0)
		for i, answer := range []string{"reject", "ban", "filter", "acceptWithAudio", "ACCEPT"} {
			w.report(plain, fmt.Sprint("no-", i), "t-announcement", answer).wants(200)
		}
		holds("no accept", 0)
		two := object{"request_id": "r-1", "results": object{"t-announcement": "accept", "t-study": "accept", "t-dues": "reject"}}
		a := w.call("POST", "/me/subscriptions", w.token(plain), two).wants(200)
		same(t, "grants", a.object()["grants"].(object), object{"t-announcement": 1, "t-study": 1, "t-dues": 0, "t-activity": 0, "t-task": 0})
		for _, a := range together(8, func(int) *answer { return w.call("POST", "/me/subscriptions", w.token(plain), two) }) {
			a.wants(200)
		}
		holds("the same prompt again", 1)
		w.report(plain, "r-2", "t-announcement", "accept").wants(200)
		w.report(plain, "r-2", "t-announcement", "reject").wants(200)
		holds("another", 2)
		token := w.token(plain)
		for _, a := range together(8, func(i int) *answer {
			return w.call("POST", "/me/subscriptions", token, object{"request_id": fmt.Sprint("at-once-", i%4), "results": object{"t-announcement": "accept"}})
		}) {
			a.wants(200)
		}
		holds("four at once, each twice", 6)
		if n := w.grants(both, model.PurposeAnnouncement); n != 0 {
			t.Errorf("somebody else holds %d", n)
		}
		w.report(both, "r-1", "t-announcement", "accept").wants(200) // a request id is of one person
		if n := w.grants(both, model.PurposeAnnouncement); n != 1 {
			t.Errorf("somebody else holds %d", n)
		}
		for i := range 120 {
			w.report(leader, fmt.Sprint("flood-", i), "t-announcement", "accept").wants(200)
		}
		if n := w.grants(leader, model.PurposeAnnouncement); n != 100 {
			t.Errorf("a client that reports what it likes holds %d", n)
		}
		w.console()
		before := w.pushRows()
		for _, c := range []struct {
			token  string
			body   any
			status int
			code   string
			field  string
		}{
			{"", two, 401, "unauthenticated", ""},
			{w.console(), two, 403, "not_wechat", ""},
			{token, object{"request_id": "r-9", "results": object{"t-unknown": "accept", "t-study": "accept"}}, 422, "invalid_request", "results.t-unknown template_not_found"},
			{token, object{"request_id": "r-9", "results": object{}}, 422, "invalid_request", "results too_few"},
			{token, object{"request_id": "", "results": object{"t-study": "accept"}}, 422, "invalid_request", "request_id too_short; request_id invalid_value"},
			{token, object{"request_id": strings.Repeat("r", 65), "results": object{"t-study": "accept"}}, 422, "invalid_request", "request_id too_long"},
			{token, object{"request_id": "带 空格", "results": object{"t-study": "accept"}}, 422, "invalid_request", "request_id invalid_value"},
			{token, object{"results": object{"t-study": "accept"}}, 422, "invalid_request", "request_id required"},
			{token, object{"request_id": "r-9", "results": object{"t-study": true}}, 422, "invalid_request", "results.t-study invalid_type"},
			{token, object{"request_id": "r-9", "results": []string{"t-study"}}, 422, "invalid_request", "results invalid_type"},
		} {
			a := w.call("POST", "/me/subscriptions", c.token, c.body).refuses(c.status, c.code)
			if faults(a) != c.field || !chinese(a.text("detail")) {
				t.Errorf("want %s: %s", c.field, a.Body)
			}
		}
		if after := w.pushRows(); after != before {
			t.Errorf("rows before: %s, after: %s", before, after)
		}
	})
}

// TestOneTapReportedTwice: the client and the platform both report a tap; it is one consent, whoever is first.
func TestOneTapReportedTwice(t *testing.T) {
	each(t, func(t *testing.T, w *world) {
		const asked = model.PurposeAnnouncement
		tap := func() { t.Helper(); w.must(w.wechat.Subscribe(openIDOf(plain), templateOf(asked), true)) }
		client := func(n int) {
			t.Helper()
			w.report(plain, fmt.Sprint("tap-", n), templateOf(asked), "accept").wants(200)
		}
		holds := func(what string, want int64) {
			t.Helper()
			if n := w.grants(plain, asked); n != want || int(n) != w.wechat.Consents(openIDOf(plain), templateOf(asked)) {
				t.Errorf("%s: %d, want %d; the platform holds %d", what, n, want, w.wechat.Consents(openIDOf(plain), templateOf(asked)))
			}
		}
		w.token(plain)
		tap()
		client(1)
		w.platformEvents()
		holds("the client first", 1)
		w.clock.Advance(time.Minute)
		tap()
		w.platformEvents()
		holds("the platform alone", 2)
		client(2)
		holds("the platform first", 2)
		tap()
		tap()
		client(3)
		client(4)
		w.clock.Advance(time.Second)
		w.platformEvents()
		holds("two taps within a second", 4)
		for n := 5; n < 15; n++ {
			w.clock.Advance(time.Second)
			tap()
			together(4, func(i int) *answer {
				if i%2 == 0 {
					client(n)
				} else {
					w.platformEvents()
				}
				return nil
			})
			w.platformEvents()
			holds("at once", int64(n))
		}
		w.clock.Advance(time.Hour)
		tap()
		client(15)
		w.clock.Advance(time.Hour)
		w.platformEvents() // on its way for an hour, it still says when it happened
		holds("a late event", 15)
	})
}

// TestConsentsTakenBack: a reject of a prompt keeps what was given before, the menu takes all of it back.
func TestConsentsTakenBack(t *testing.T) {
	each(t, func(t *testing.T, w *world) {
		const asked = model.PurposeAnnouncement
		for range 3 {
			w.accept(asked, plain)
		}
		w.accept(model.PurposeStudy, plain)
		w.must(w.wechat.Subscribe(openIDOf(plain), templateOf(asked), false))
		w.report(plain, "no", templateOf(asked), "reject").wants(200)
		w.platformEvents()
		if n := w.grants(plain, asked); n != 3 {
			t.Errorf("after a reject: %d", n)
		}
		w.must(w.wechat.Withdraw(openIDOf(plain), templateOf(asked)))
		w.platformEvents()
		if n, other := w.grants(plain, asked), w.grants(plain, model.PurposeStudy); n != 0 || other != 1 {
			t.Errorf("after the menu: %d, of another template %d", n, other)
		}
		id := w.announce()
		w.pushAll()
		w.counts(id, object{"no_grant": 7})
		w.clock.Advance(time.Second)
		w.accept(asked, plain)
		if n := w.grants(plain, asked); n != 1 {
			t.Errorf("given again: %d", n)
		}
	})
}

// TestLongTermConsent: one accept serves for every message until it is taken back.
func TestLongTermConsent(t *testing.T) {
	eachPush(t, func(s *pushSetup) { s.templates[0].LongTerm = true }, func(t *testing.T, w *world) {
		const asked = model.PurposeAnnouncement
		w.accept(asked, plain)
		w.clock.Advance(time.Minute)
		w.accept(asked, plain)
		w.report(plain, "again", templateOf(asked), "accept").wants(200)
		if n := w.grants(plain, asked); n != 1 {
			t.Errorf("%d", n)
		}
		if item := w.call("GET", "/push/templates", w.token(plain), nil).wants(200).items()[0]; item["long_term"] != true {
			t.Error(item)
		}
		var ids []int64
		for range 3 {
			ids = append(ids, w.announce())
		}
		w.pushAll()
		w.clock.Advance(10 * time.Second)
		w.pushAll()
		for _, id := range ids {
			w.counts(id, object{"sent": 1, "no_grant": 6})
		}
		if n := w.grants(plain, asked); n != 1 || len(w.received(plain)) != 3 || w.wechat.ConsentsUsed() != 0 {
			t.Errorf("%d left, %d received, %d used", n, len(w.received(plain)), w.wechat.ConsentsUsed())
		}
		w.must(w.wechat.Withdraw(openIDOf(plain), templateOf(asked)))
		w.platformEvents()
		id := w.announce()
		w.pushAll()
		w.counts(id, object{"no_grant": 7})
		w.clock.Advance(time.Minute)
		w.accept(asked, plain)
		if n := w.grants(plain, asked); n != 1 {
			t.Errorf("given again: %d", n)
		}
	})
}
