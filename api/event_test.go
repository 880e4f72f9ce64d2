package api_test

import (
	"bytes"
	"crypto/sha1"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"io"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"net/url"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"zhibu/api"
	"zhibu/model"
	"zhibu/service/wechat"
	"zhibu/service/wechat/sim"
)

// letter is an event of the platform as it came, to be sent again in other ways.
type letter struct {
	query url.Values
	body  []byte
}

func (l letter) but(name, value string) letter {
	q := url.Values{}
	for k, v := range l.query {
		q[k] = v
	}
	if q.Set(name, value); value == "" {
		q.Del(name)
	}
	return letter{q, l.body}
}

// hearEvents keeps the events that reach the router, and what they were answered.
func (w *world) hearEvents() (letters *[]letter, said *[]string) {
	var mu sync.Mutex
	letters, said = &[]letter{}, &[]string{}
	router := w.handler
	w.handler = http.HandlerFunc(func(out http.ResponseWriter, r *http.Request) {
		if !strings.HasSuffix(r.URL.Path, "/wechat/events") {
			router.ServeHTTP(out, r)
			return
		}
		body, err := io.ReadAll(r.Body)
		w.must(err)
		r.Body = io.NopCloser(bytes.NewReader(body))
		a := httptest.NewRecorder()
		router.ServeHTTP(a, r)
		mu.Lock()
		*letters = append(*letters, letter{r.URL.Query(), body})
		*said = append(*said, fmt.Sprint(a.Code, " ", strings.TrimSpace(a.Body.String())))
		mu.Unlock()
		for k, v := range a.Header() {
			out.Header()[k] = v
		}
		out.WriteHeader(a.Code)
		_, _ = out.Write(a.Body.Bytes())
	})
	return letters, said
}

// post sends a letter.
func (w *world) post(l letter) *httptest.ResponseRecorder {
	w.t.Helper()
	r := httptest.NewRequestWithContext(w.t.Context(), "POST", "/api/v1/wechat/events?"+l.query.Encode(), bytes.NewReader(l.body))
	r.Header.Set("Content-Type", "application/json")
	recorder := httptest.NewRecorder()
	w.handler.ServeHTTP(recorder, r)
	return recorder
}

func platformSignature(parts ...string) string {
	slices.Sort(parts)
	sum := sha1.Sum([]byte(strings.Join(parts, "")))
	return hex.EncodeToString(sum[:])
}

// TestEventAddressIsChecked: the platform asks whether the address is ours before it sends anything.
func TestEventAddressIsChecked(t *testing.T) {
	each(t, func(t *testing.T, w *world) {
		now := fmt.Sprint(w.clock.Now().Unix())
		good := url.Values{"timestamp": {now}, "nonce": {"1234"}, "echostr": {"5678901234567890"}, "signature": {platformSignature("token", now, "1234")}}
		get := func(q url.Values) *httptest.ResponseRecorder {
			r := httptest.NewRequestWithContext(t.Context(), "GET", "/api/v1/wechat/events?"+q.Encode(), nil)
			a := httptest.NewRecorder()
			w.handler.ServeHTTP(a, r)
			return a
		}
		if a := get(good); a.Code != 200 || a.Body.String() != "5678901234567890" || !strings.HasPrefix(a.Header().Get("Content-Type"), "text/plain") {
			t.Errorf("%d %s", a.Code, a.Body)
		}
		old := fmt.Sprint(w.clock.Now().Add(-time.Hour).Unix())
		for name, q := range map[string]url.Values{
			"nothing": {}, "no signature": letter{query: good}.but("signature", "").query, "forged": letter{query: good}.but("signature", strings.Repeat("0", 40)).query,
			"another nonce": letter{query: good}.but("nonce", "1235").query, "another token": letter{query: good}.but("signature", platformSignature("tokem", now, "1234")).query,
			"a script":        letter{query: good}.but("echostr", "<script>alert(1)</script>").query,
			"of an hour ago":  {"timestamp": {old}, "nonce": {"1"}, "echostr": {"1"}, "signature": {platformSignature("token", old, "1")}},
			"no number":       {"timestamp": {"x"}, "nonce": {"1"}, "echostr": {"1"}, "signature": {platformSignature("token", "x", "1")}},
			"without an echo": letter{query: good}.but("echostr", "").query,
		} {
			if a := get(q); a.Code != 403 || !strings.Contains(a.Body.String(), `"event_refused"`) || strings.Contains(a.Body.String(), "567890") {
				t.Errorf("%s: %d %s", name, a.Code, a.Body)
			}
		}
	})
}

// TestEvents: whatever the platform sends, twice, late or in another form, counts once.
func TestEvents(t *testing.T) {
	for _, format := range []string{"json", "xml"} {
		eachPush(t, func(s *pushSetup) { s.events.Format = format }, func(t *testing.T, w *world) {
			_, said := w.hearEvents()
			want := int64(0)
			tap := func(fault sim.Fault, runs int) {
				t.Helper()
				if fault != (sim.Fault{}) {
					fault.Endpoint = eventCall
					w.fail(fault)
				}
				want++
				w.must(w.wechat.Subscribe(openIDOf(plain), "t-announcement", true))
				for range runs {
					w.platformEvents()
					w.clock.Advance(5 * time.Second)
				}
				if n := w.grants(plain, model.PurposeAnnouncement); n != want {
					t.Errorf("%s, %+v: %d, want %d", format, fault, n, want)
				}
			}
			tap(sim.Fault{}, 1)
			tap(sim.Fault{DuplicateEvent: true}, 1)
			tap(sim.Fault{LateEvent: true}, 2)
			tap(sim.Fault{SlowAck: true}, 2)
			tap(sim.Fault{EventOutOfOrder: true}, 2)
			tap(sim.Fault{BadMsgSignature: true}, 2)
			tap(sim.Fault{PlaintextEvent: true}, 2)
			tap(sim.Fault{WrongAppIDTail: true}, 2)
			if format == "json" {
				tap(sim.Fault{CreateTimeNumber: true}, 1)
				tap(sim.Fault{ListArray: true}, 1)
			}
			taken := 0
			for _, answer := range *said {
				switch {
				case answer == "200 success":
					taken++
				case !strings.HasPrefix(answer, "403 ") || !strings.Contains(answer, `"event_refused"`):
					t.Errorf("answered %q", answer)
				}
			}
			if taken != len(*said)-3 {
				t.Errorf("%d of %d taken", taken, len(*said))
			}
		})
	}
}

// TestForgedEvents: whatever is not the platform's own word is refused and changes nothing.
func TestForgedEvents(t *testing.T) {
	each(t, func(t *testing.T, w *world) {
		router := w.handler
		letters, _ := w.hearEvents()
		w.must(w.wechat.Subscribe(openIDOf(plain), "t-announcement", true))
		w.token(plain)
		w.wechat.DeliverDue(t.Context())
		w.handler = router
		good := (*letters)[0]
		var envelope map[string]string
		w.must(json.Unmarshal(good.body, &envelope))
		sealed := func(text string) letter { // signed rightly, as by somebody who knows the token and not the key
			raw, err := json.Marshal(map[string]string{"ToUserName": "gh", "Encrypt": text})
			w.must(err)
			l := letter{good.query, raw}
			return l.but("msg_signature", platformSignature("token", good.query.Get("timestamp"), good.query.Get("nonce"), text))
		}
		flipped := []byte(envelope["Encrypt"])
		flipped[40] ^= 1
		before := w.pushRows()
		for name, l := range map[string]letter{
			"nothing":            {},
			"no signature":       good.but("msg_signature", ""),
			"the other one":      good.but("msg_signature", good.query.Get("signature")),
			"forged":             good.but("msg_signature", strings.Repeat("0", 40)),
			"another nonce":      good.but("nonce", "1"),
			"another time":       good.but("timestamp", fmt.Sprint(w.clock.Now().Unix()-1)),
			"plaintext":          {good.but("encrypt_type", "").query, []byte(`{"FromUserName":"o-member-1001","CreateTime":"1772413200","MsgType":"event","Event":"subscribe_msg_popup_event","List":{"TemplateId":"t-announcement","SubscribeStatusString":"accept"}}`)},
			"plaintext as raw":   good.but("encrypt_type", "raw"),
			"a byte flipped":     {good.query, bytes.Replace(good.body, []byte(envelope["Encrypt"]), flipped, 1)},
			"flipped and signed": sealed(string(flipped)),
			"no base64":          sealed("党"),
			"an empty box":       sealed(""),
			"a short box":        sealed("AAAA"),
			"cut off":            {good.query, good.body[:len(good.body)/2]},
			"not JSON":           {good.query, []byte("\x00\xff")},
			"null":               {good.query, []byte("null")},
			"entities":           {good.query, []byte(`<?xml version="1.0"?><!DOCTYPE x [<!ENTITY a "b">]><xml><Encrypt>&a;</Encrypt></xml>`)},
			"100 KiB":            {good.query, bytes.Repeat([]byte("x"), 100<<10)},
			"deep":               {good.query, bytes.Repeat([]byte("["), 60<<10)},
		} {
			if a := w.post(l); a.Code != 403 || !strings.Contains(a.Body.String(), `"event_refused"`) || !chinese(a.Body.String()) {
				t.Errorf("%s: %d %s", name, a.Code, a.Body)
			}
		}
		if a := w.post(letter{good.query, bytes.Repeat([]byte("x"), 2<<20)}); a.Code != 413 {
			t.Errorf("2 MiB: %d %s", a.Code, a.Body)
		}
		endless := httptest.NewRequestWithContext(t.Context(), "POST", "/api/v1/wechat/events?"+good.query.Encode(), io.LimitReader(neverEnding{}, 10<<20))
		endless.ContentLength = -1
		a := httptest.NewRecorder()
		if w.handler.ServeHTTP(a, endless); a.Code < 400 || a.Code >= 500 {
			t.Errorf("10 MiB without a length: %d %s", a.Code, a.Body)
		}
		for _, method := range []string{"PUT", "DELETE", "PATCH"} {
			w.call(method, "/wechat/events", "", nil).refuses(405, "method_not_allowed")
		}
		if after := w.pushRows(); after != before {
			t.Errorf("rows before: %s, after: %s", before, after)
		}
		for range 3 { // the true one again, while it is young
			if a := w.post(good); a.Code != 200 || a.Body.String() != "success" {
				t.Errorf("the true one: %d %s", a.Code, a.Body)
			}
		}
		w.platformEvents()
		if n := w.grants(plain, model.PurposeAnnouncement); n != 1 {
			t.Errorf("%d consents", n)
		}
		w.clock.Advance(11 * time.Minute)
		if a := w.post(good); a.Code != 403 {
			t.Errorf("after eleven minutes: %d %s", a.Code, a.Body)
		}
	})
}

// TestWithoutEvents: the address is none, and consents are what the client reports.
func TestWithoutEvents(t *testing.T) {
	each(t, func(t *testing.T, w *world) {
		w.handler = api.New(w.services, api.Options{Now: w.clock.Now, Logger: slog.New(slog.DiscardHandler), Version: "test", Ready: w.db.Ping})
		w.call("GET", "/wechat/events?echostr=1", "", nil).refuses(404, "not_found")
		w.call("POST", "/wechat/events", "", object{"Encrypt": "x"}).refuses(404, "not_found")
		w.must(w.wechat.Subscribe(openIDOf(plain), "t-announcement", true))
		w.report(plain, "r", "t-announcement", "accept").wants(200)
		id := w.announce()
		w.pushAll()
		w.counts(id, object{"sent": 1, "no_grant": 6})
	})
}

// TestNothingOfThePlatformLeaks: no openid, token or key is in an answer or the log.
func TestNothingOfThePlatformLeaks(t *testing.T) {
	each(t, func(t *testing.T, w *world) {
		var logged, said lockedBuffer
		logger := slog.New(slog.NewJSONHandler(&logged, &slog.HandlerOptions{Level: slog.LevelDebug}))
		events, err := wechat.NewReceiver(wechat.ReceiverConfig{
			AppID: "wx0123456789abcdef", Token: w.push.events.Token, EncodingAESKey: w.push.events.EncodingAESKey, Now: w.clock.Now,
		})
		w.must(err)
		router := api.New(w.services, api.Options{Now: w.clock.Now, Logger: logger, Version: "test", Ready: w.db.Ping, Events: events})
		w.handler = http.HandlerFunc(func(out http.ResponseWriter, r *http.Request) {
			a := httptest.NewRecorder()
			router.ServeHTTP(a, r)
			if !strings.Contains(r.URL.Path, "/auth/") {
				fmt.Fprintln(&said, a.Header(), a.Body.String())
			}
			for k, v := range a.Header() {
				out.Header()[k] = v
			}
			out.WriteHeader(a.Code)
			_, _ = out.Write(a.Body.Bytes())
		})
		w.accept(model.PurposeAnnouncement, plain, leader)
		for _, f := range []sim.Fault{{BadMsgSignature: true}, {PlaintextEvent: true}, {WrongAppIDTail: true}} {
			f.Endpoint = eventCall
			w.fail(f)
		}
		w.accept(model.PurposeAnnouncement, both, auditor, chief)
		id := w.announce()
		w.pushAll()
		for _, path := range []string{announcementPath(id, ""), announcementPath(id, "/deliveries"), "/announcements", "/me/announcements", "/me/subscriptions", "/push/templates"} {
			w.call("GET", path, w.token(secretary), nil).wants(200)
		}
		w.call("GET", "/me/data", w.token(plain), nil).wants(200)
		for where, text := range map[string]string{"an answer": said.String(), "the log": logged.String()} {
			for _, private := range []string{"o-member-", "openid", w.push.events.EncodingAESKey, "wx0123456789abcdef", "access_token="} {
				if strings.Contains(text, private) {
					t.Errorf("%s has %s", where, private)
				}
			}
			if text == "" {
				t.Errorf("nothing in %s", where)
			}
		}
	})
}
