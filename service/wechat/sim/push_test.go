package sim

import (
	"encoding/json"
	"fmt"
	"net/http"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"
)

const (
	once     = "TEMPLATE-one"
	longTerm = "TEMPLATE-many"
)

func testTemplates() []Template {
	return []Template{
		{ID: once, Title: "会议通知", Fields: []Field{{Key: "thing1", Name: "会议名称"}, {Key: "date2", Name: "日期"}}},
		{ID: longTerm, Title: "待办提醒", LongTerm: true, Fields: []Field{
			{Key: "enum_string1", Name: "状态", Enum: []string{"未办", "已办"}},
		}},
	}
}

// newPushWorld is a world with templates and no message push.
func newPushWorld(change ...func(*Config)) world {
	clk := &clock{at: time.Date(2026, 11, 23, 9, 0, 0, 0, time.UTC)}
	cfg := Config{AppID: appID, AppSecret: secret, Now: clk.now, Pages: []string{"pages/home"}, Templates: testTemplates()}
	for _, f := range change {
		f(&cfg)
	}
	p := New(cfg)
	return world{p, clk, &http.Client{Transport: p.Transport()}}
}

const goodData = `"data":{"thing1":{"value":"党员大会","color":""},"date2":{"value":"2026年11月24日"}}`

// send asks for a message in the words of rest, a part of its JSON.
func (w world) send(t *testing.T, openID, templateID, rest string) string {
	t.Helper()
	token, _ := w.stable(t, false)
	body := fmt.Sprintf(`{"touser":%q,"template_id":%q,"miniprogram_state":"formal","lang":"zh_CN",%s}`, openID, templateID, rest)
	_, out := w.do(t, pathSend+"?access_token="+token, body)
	return out
}

func (w world) subscribe(t *testing.T, openID, templateID string, accept bool) {
	t.Helper()
	if err := w.Subscribe(openID, templateID, accept); err != nil {
		t.Fatal(err)
	}
}

// wantSends sends one message after the other and compares the errcodes.
func (w world) wantSends(t *testing.T, templateID, rest string, want ...int) {
	t.Helper()
	for i, code := range want {
		if out := w.send(t, openID, templateID, rest); errcode(out) != code {
			t.Errorf("%d: %s, want errcode %d", i, out, code)
		}
	}
}

func TestOneAcceptIsOneMessage(t *testing.T) {
	w := newPushWorld()
	w.wantSends(t, once, goodData, 43101)
	w.subscribe(t, openID, once, true)
	w.subscribe(t, openID, once, true)
	w.subscribe(t, openID, once, false) // takes nothing back
	if n := w.Consents(openID, once); n != 2 {
		t.Errorf("%d consents, want 2", n)
	}
	w.wantSends(t, once, goodData, 0, 0, 43101)
	w.subscribe(t, openID, once, true)
	if err := w.Withdraw(openID, once); err != nil {
		t.Fatal(err)
	}
	w.wantSends(t, once, goodData, 43101)
	if w.Received() != 2 || w.ConsentsUsed() != 2 {
		t.Errorf("%d received for %d consents, want 2 for 2", w.Received(), w.ConsentsUsed())
	}
}

func TestALongTermConsentLasts(t *testing.T) {
	w := newPushWorld()
	const data = `"data":{"enum_string1":{"value":"未办"}}`
	w.wantSends(t, longTerm, data, 43101)
	w.subscribe(t, openID, longTerm, true)
	w.subscribe(t, openID, longTerm, true)
	w.wantSends(t, longTerm, data, 0, 0, 0)
	w.subscribe(t, openID, longTerm, false)
	w.wantSends(t, longTerm, data, 43101)
	if w.Received() != 3 || w.ConsentsUsed() != 0 {
		t.Errorf("%d received, %d used up", w.Received(), w.ConsentsUsed())
	}
}

func TestSendRefuses(t *testing.T) {
	w := newPushWorld()
	for range 20 {
		w.subscribe(t, openID, once, true)
	}
	const ok = `\{"errcode":0,"errmsg":"ok","msgid":3\d{18}\}`
	for name, tc := range map[string]struct{ openID, template, rest, want string }{
		"good":            {openID, once, goodData, ok},
		"a page":          {openID, once, `"page":"pages/home?id=1",` + goodData, ok},
		"a bad openid":    {"o 1", once, goodData, `\{"errcode":40003,"errmsg":"invalid openid rid: ` + rid + `"\}`},
		"no template":     {openID, "none", goodData, `.*40037,"errmsg":"invalid template_id .*`},
		"a key missing":   {openID, once, `"data":{"thing1":{"value":"x"}}`, `.*47003,"errmsg":"argument invalid! data.date2.value rid: ` + rid + `"\}`},
		"a bad value":     {openID, once, strings.Replace(goodData, "党员大会", strings.Repeat("长", 21), 1), `.*47003,"errmsg":"argument invalid! data.thing1.value .*`},
		"no data":         {openID, once, `"page":""`, `.*47003,.*`},
		"a number":        {openID, once, `"data":{"thing1":{"value":1}}`, `.*47001,.*`},
		"not released":    {openID, once, `"page":"pages/new",` + goodData, `.*41030,"errmsg":"invalid page .*`},
		"with a slash":    {openID, once, `"page":"/pages/home",` + goodData, `.*41030,.*`},
		"no subscription": {"oOther", once, goodData, `.*43101,"errmsg":"user refuse to accept the msg rid: .*`},
	} {
		t.Run(name, func(t *testing.T) { wantMatch(t, tc.want, w.send(t, tc.openID, tc.template, tc.rest)) })
	}
	for path, want := range map[string]int{pathSend: 41001, pathSend + "?access_token=x": 40001} {
		if _, out := w.do(t, path, "{}"); errcode(out) != want {
			t.Errorf("%s: %s, want errcode %d", path, out, want)
		}
	}
}

func TestAForgottenOpenID(t *testing.T) {
	w := newPushWorld()
	w.subscribe(t, openID, once, true)
	w.Forget(openID)
	w.wantSends(t, once, goodData, 40003)
	if err := w.Subscribe(openID, once, true); err == nil {
		t.Error("it subscribed")
	}
	w.LoginCode(openID)
	w.wantSends(t, once, goodData, 43101)
	w.subscribe(t, openID, once, true)
	w.wantSends(t, once, goodData, 0)
}

func TestSubscribeRefuses(t *testing.T) {
	w := newPushWorld()
	for name, err := range map[string]error{
		"no template":      w.Subscribe(openID, "none", true),
		"a bad openid":     w.Subscribe("o 1", once, true),
		"to withdraw none": w.Withdraw(openID, "none"),
	} {
		if err == nil {
			t.Errorf("%s: taken", name)
		}
	}
}

// TestOneMessageAtATime: whoever comes while a message to the same person is under way, its latency included, is
// refused; another person's is not.
func TestOneMessageAtATime(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := newPushWorld(func(c *Config) { c.Latency = 20 * time.Millisecond })
		for _, o := range []string{openID, "oMember2"} {
			for range 3 {
				w.subscribe(t, o, once, true)
			}
		}
		w.stable(t, false)
		var mu sync.Mutex
		got := map[int]int{}
		var wg sync.WaitGroup
		for _, o := range []string{openID, "oMember2"} {
			for range 3 {
				wg.Go(func() {
					code := errcode(w.send(t, o, once, goodData))
					mu.Lock()
					defer mu.Unlock()
					got[code]++
				})
			}
		}
		wg.Wait()
		if got[0] != 2 || got[43108] != 4 || w.Received() != 2 {
			t.Errorf("%v, %d received", got, w.Received())
		}
		w.wantSends(t, once, goodData, 0, 0, 43101)
	})
}

func TestInbox(t *testing.T) {
	w := newPushWorld()
	for range 2 {
		w.subscribe(t, openID, once, true)
		w.wantSends(t, once, `"page":"pages/home",`+goodData, 0)
		w.advance(time.Minute)
	}
	got := w.Inbox(openID)
	want := Message{
		MsgID: "3000000000000000002", TemplateID: once, Title: "会议通知", Page: "pages/home",
		At: time.Date(2026, 11, 23, 17, 1, 0, 0, china), Text: "会议名称：党员大会\n日期：2026年11月24日",
	}
	if len(got) != 2 || got[0].MsgID != "3000000000000000001" || len(got[1].Data) != 2 || got[1].Data["thing1"] != "党员大会" {
		t.Fatalf("%+v", got)
	}
	if got := got[1]; got.Text != want.Text || !got.At.Equal(want.At) || got.MsgID != want.MsgID || got.Page != want.Page || got.Title != want.Title {
		t.Errorf("%+v, want %+v", got, want)
	}
	w.Reset()
	w.subscribe(t, openID, once, true)
	w.wantSends(t, once, goodData, 0)
	if again := w.Inbox(openID); len(again) != 1 || again[0].MsgID != "3000000000000000003" || w.Received() != 1 {
		t.Errorf("after a reset: %+v", again)
	}
}

func TestInboxIsBounded(t *testing.T) {
	s := pushState{inboxes: map[string]*inbox{}}
	for i := range maxInbox + 3 {
		s.deliver(openID, kept{msgID: int64(i)})
	}
	b := s.inboxes[openID]
	if len(b.messages) != maxInbox || b.messages[b.next].msgID != 3 || s.received != maxInbox+3 {
		t.Errorf("%d messages from %d", len(b.messages), b.messages[b.next].msgID)
	}
}

func TestTemplateList(t *testing.T) {
	w := newPushWorld()
	token, _ := w.stable(t, false)
	_, out := w.do(t, pathTemplates+"?access_token="+token, "")
	want := `{"errcode":0,"errmsg":"ok","data":[` +
		`{"priTmplId":"TEMPLATE-one","title":"会议通知","content":"会议名称:{{thing1.DATA}}\n日期:{{date2.DATA}}\n","example":"会议名称:会议名称\n日期:日期\n","type":2},` +
		`{"priTmplId":"TEMPLATE-many","title":"待办提醒","content":"状态:{{enum_string1.DATA}}\n","example":"状态:状态\n","type":3,` +
		`"keywordEnumValueList":[{"enumValueList":["未办","已办"],"keywordCode":"enum_string1.DATA"}]}]}`
	if out != want {
		t.Errorf("%s\nwant %s", out, want)
	}
	if _, out := w.do(t, pathTemplates, ""); errcode(out) != 41001 {
		t.Errorf("without a token: %s", out)
	}
}

func TestPushControls(t *testing.T) {
	w := newPushWorld()
	for _, tc := range []struct {
		path, body string
		want       int
	}{
		{"/_sim/subscribe", `{"openid":"oMember1","template_id":"TEMPLATE-one","accept":true}`, 204},
		{"/_sim/subscribe", `{"openid":"oMember1","template_id":"none","accept":true}`, 404},
		{"/_sim/subscribe", `{"openid":"o 1","template_id":"TEMPLATE-one","accept":true}`, 400},
		{"/_sim/subscribe", `{"openid":"oMember1","template_id":"TEMPLATE-one","accept":true,"change":true}`, 400},
		{"/_sim/subscribe", `{"openid":"oMember2","template_id":"TEMPLATE-one","accept":false,"change":true}`, 204},
		{"/_sim/forget", `{"openid":"oMember2"}`, 204},
		{"/_sim/forget", `{"openid":""}`, 400},
	} {
		if status, body := w.do(t, tc.path, tc.body); status != tc.want {
			t.Errorf("%s %s: %d %s, want %d", tc.path, tc.body, status, body, tc.want)
		}
	}
	w.wantSends(t, once, goodData, 0)
	var items struct{ Items []Message }
	if _, body := w.do(t, "/_sim/inbox/oMember1", ""); json.Unmarshal([]byte(body), &items) != nil || len(items.Items) != 1 {
		t.Errorf("inbox: %s", body)
	}
	if _, body := w.do(t, "/_sim/inbox/oMember2", ""); strings.TrimSpace(body) != `{"items":[]}` {
		t.Errorf("an empty inbox: %s", body)
	}
	if _, body := w.do(t, "/_sim/inbox", ""); strings.TrimSpace(body) != `{"consents_used":1,"messages":1,"people":1}` {
		t.Errorf("counts: %s", body)
	}
}
