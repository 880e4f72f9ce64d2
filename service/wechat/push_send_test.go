package wechat

import (
	"errors"
	"fmt"
	"net/http"
	"slices"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/google/go-cmp/cmp"

	"zhibu/model"
	"zhibu/service/wechat/sim"
)

func TestSend(t *testing.T) {
	w := newPushWorld(t)
	w.subscribe(t, once, 1)
	id, err := w.Send(t.Context(), pushMessage())
	if err != nil {
		t.Fatal(err)
	}
	want := []sim.Message{{
		MsgID: id, TemplateID: once, Title: "会议通知", Page: "pages/home?id=7", At: w.clock.now(), Data: pushMessage().Data,
		Text: "会议名称：支部党员大会 <11月>\n会议时间：2026年11月24日 15:00\n形式：线下",
	}}
	if diff := cmp.Diff(want, w.platform.Inbox(openID)); diff != "" || len(id) != 19 {
		t.Errorf("msgid %s (-want +got):\n%s", id, diff)
	}
	j := w.platform.Journal()
	for _, part := range []string{`"miniprogram_state":"formal"`, `"lang":"zh_CN"`, "<11月>"} {
		if body := j[len(j)-1].Body; !strings.Contains(body, part) {
			t.Errorf("%s lacks %s", body, part)
		}
	}
	_, err = w.Send(t.Context(), pushMessage())
	wantFate(t, err, model.FateRefused, 43101)
}

func TestSendWithoutAMsgID(t *testing.T) {
	w := newPushWorld(t, func(c *sim.Config) { c.NoMsgID = true })
	w.subscribe(t, once, 1)
	if id, err := w.Send(t.Context(), pushMessage()); err != nil || id != "" || w.platform.Received() != 1 {
		t.Errorf("Send = %q, %v with %d received", id, err, w.platform.Received())
	}
}

func TestEnvVersion(t *testing.T) {
	for version, state := range map[string]string{"": "formal", "release": "formal", "trial": "trial", "develop": "developer"} {
		c, err := New(Config{AppID: appID, AppSecret: secret, EnvVersion: version})
		if err != nil || c.state != state {
			t.Errorf("%q: %v, want %s", version, err, state)
		}
	}
	if _, err := New(Config{AppID: appID, AppSecret: secret, EnvVersion: "beta"}); err == nil {
		t.Error("beta: accepted")
	}
}

// TestSendFates is the policy for each of the platform's words, at 17:30:15 in China.
func TestSendFates(t *testing.T) {
	config := []int64{40013, 40125, 40164, 41002, 41004, 89503, 89506, 89507, 43107, 48001, 61004, 50002}
	type policy struct {
		fate  model.SendFate
		after time.Duration
		alarm bool
	}
	want := map[int64]policy{
		43101: {model.FateRefused, 0, false},
		40003: {model.FateGone, 0, false},
		47003: {model.FateText, 0, false}, 45168: {model.FateText, 0, false}, 47001: {model.FateText, 0, false},
		44002: {model.FateText, 0, false},
		40037: {model.FateTemplate, 0, true}, 41030: {model.FateTemplate, 0, true},
		43108: {model.FateBusy, 0, false},
		45011: {model.FatePause, 45 * time.Second, false},
		45009: {model.FatePause, 6*time.Hour + 29*time.Minute + 45*time.Second, true},
		-1:    {model.FateRetry, 0, false},
		99999: {model.FateRetry, 0, true},
	}
	for _, code := range config {
		want[code] = policy{model.FatePause, configPause, true}
	}
	for code, p := range want {
		for _, at := range []string{sendPath, tokenPath} {
			w := newPushWorld(t)
			w.subscribe(t, once, 1)
			w.fail(t, sim.Fault{Endpoint: at, Errcode: int(code)})
			_, err := w.Send(t.Context(), pushMessage())
			e := wantFate(t, err, p.fate, code)
			if p.after > 0 && !e.Until.Equal(w.clock.now().Add(p.after)) || e.Alarm != p.alarm {
				t.Errorf("%d at %s: until %v, alarm %v, want %+v", code, at, e.Until, e.Alarm, p)
			}
			if e.Alarm && e.Advice == "" {
				t.Errorf("%d: an alarm without advice", code)
			}
			var cause *PlatformError
			if !errors.As(err, &cause) || cause.RID == "" || w.platform.Received() != 0 {
				t.Errorf("%d: %v with %d received", code, err, w.platform.Received())
			}
		}
	}
}

// TestSendIsRefused by the rules of the platform itself.
func TestSendIsRefused(t *testing.T) {
	w := newPushWorld(t)
	w.subscribe(t, once, 9)
	for name, tc := range map[string]struct {
		change func(*model.PushMessage)
		fate   model.SendFate
		code   int64
	}{
		"a field too long":      {func(m *model.PushMessage) { m.Data["thing1"] = strings.Repeat("长", 21) }, model.FateText, 47003},
		"a field missing":       {func(m *model.PushMessage) { delete(m.Data, "time2") }, model.FateText, 47003},
		"a page not released":   {func(m *model.PushMessage) { m.Page = "pages/new" }, model.FateTemplate, 41030},
		"an unknown template":   {func(m *model.PushMessage) { m.TemplateID = "none" }, model.FateTemplate, 40037},
		"a malformed openid":    {func(m *model.PushMessage) { m.OpenID = "o 1" }, model.FateGone, 40003},
		"nobody has subscribed": {func(m *model.PushMessage) { m.OpenID = "oOther" }, model.FateRefused, 43101},
	} {
		m := pushMessage()
		tc.change(&m)
		if _, err := w.Send(t.Context(), m); err == nil {
			t.Errorf("%s: sent", name)
		} else {
			wantFate(t, err, tc.fate, tc.code)
		}
	}
	w.platform.Forget(openID)
	_, err := w.Send(t.Context(), pushMessage())
	wantFate(t, err, model.FateGone, 40003)
}

func TestSendReplacesADeadToken(t *testing.T) {
	for code := range map[int]bool{40001: true, 40014: true, 42001: true} {
		w := newPushWorld(t)
		w.subscribe(t, once, 1)
		w.fail(t, sim.Fault{Endpoint: sendPath, Errcode: code})
		if _, err := w.Send(t.Context(), pushMessage()); err != nil {
			t.Errorf("%d: %v", code, err)
		}
		w.clock.advance(time.Minute)
		w.fail(t, sim.Fault{Endpoint: sendPath, Errcode: code, Times: 2})
		_, err := w.Send(t.Context(), pushMessage())
		wantFate(t, err, model.FateRetry, int64(code))
		if n := w.calls(sendPath); n != 4 {
			t.Errorf("%d: %d calls, want 2 and 2", code, n)
		}
	}
}

func TestSendsToOnePersonAtOnce(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := newPushWorld(t, func(c *sim.Config) { c.Latency = 20 * time.Millisecond })
		w.subscribe(t, once, 5)
		failed := all(5, func() error {
			_, err := w.Send(t.Context(), pushMessage())
			return err
		})
		if len(failed) != 4 || w.platform.Received() != 1 {
			t.Errorf("%d failed with %d received, want 4 with 1", len(failed), w.platform.Received())
		}
		for _, err := range failed {
			wantFate(t, err, model.FateBusy, 43108)
		}
	})
}

// TestADayOfFailures: with a fifth of the calls failing in every way, what is called unsent never arrived, and what
// was called sent did.
func TestADayOfFailures(t *testing.T) {
	w := newPushWorld(t)
	for _, f := range []sim.Fault{
		{Errcode: -1}, {Status: 502}, {Reset: true}, {Truncate: true}, {Empty: true}, {HTML: true}, {Errcode: 45011},
	} {
		f.Endpoint, f.Percent, f.Times = sendPath, 3, 1000
		w.fail(t, f)
	}
	const n, senders = 2000, 8
	w.subscribe(t, longTerm, 1)
	fates := map[model.SendFate]int{}
	sent := 0
	var mu sync.Mutex
	var wg sync.WaitGroup
	for s := range senders {
		person := fmt.Sprint("oMember", s)
		if err := w.platform.Subscribe(person, longTerm, true); err != nil {
			t.Fatal(err)
		}
		wg.Go(func() {
			for range n / senders {
				_, err := w.Send(t.Context(), model.PushMessage{
					OpenID: person, TemplateID: longTerm, Data: map[string]string{"thing1": "事项"},
				})
				mu.Lock()
				if e := (*model.SendError)(nil); errors.As(err, &e) {
					fates[e.Fate]++
				} else if err == nil {
					sent++
				}
				mu.Unlock()
			}
		})
	}
	wg.Wait()
	if failed := n - sent; failed < n/10 || failed > n*3/10 {
		t.Errorf("%d of %d failed, want about a fifth: %v", failed, n, fates)
	}
	if got := w.platform.Received(); got < sent || got > sent+fates[model.FateUnknown] {
		t.Errorf("%d received with %d sent and %v", got, sent, fates)
	}
	for _, fate := range []model.SendFate{model.FateUnknown, model.FateRetry, model.FatePause} {
		if fates[fate] == 0 {
			t.Errorf("no %s among %v", fate, fates)
		}
	}
}

func TestTemplates(t *testing.T) {
	w := newPushWorld(t)
	got, err := w.Templates(t.Context())
	want := []model.PushTemplate{
		{TemplateID: once, Title: "会议通知", Fields: []model.PushField{
			{Key: "thing1", Type: model.FieldThing, Name: "会议名称"},
			{Key: "time2", Type: model.FieldTime, Name: "会议时间"},
			{Key: "enum_string3", Type: model.FieldEnum, Name: "形式", Enum: []string{"线下", "线上"}},
		}},
		{TemplateID: longTerm, Title: "待办提醒", LongTerm: true, Fields: []model.PushField{
			{Key: "thing1", Type: model.FieldThing, Name: "事项"},
		}},
	}
	if diff := cmp.Diff(want, got); diff != "" || err != nil {
		t.Errorf("%v (-want +got):\n%s", err, diff)
	}
}

func TestTemplatesAreReadWithTolerance(t *testing.T) {
	c, _ := newClient(t, tokenThen(answering(http.StatusOK, `{"errcode":0,"data":[{"priTmplId":"T","title":"提醒","type":2,`+
		`"content":"会议 名称：{{ thing1.DATA }} \r\n\n金额:{{amount12.DATA}}\n说明:没有字段\n",`+
		`"keywordEnumValueList":null}]}`)), nil)
	got, err := c.Templates(t.Context())
	if err != nil || len(got) != 1 {
		t.Fatalf("%+v, %v", got, err)
	}
	want := []model.PushField{
		{Key: "thing1", Type: model.FieldThing, Name: "会议 名称"}, {Key: "amount12", Type: model.FieldAmount, Name: "金额"},
	}
	if !slices.EqualFunc(got[0].Fields, want, func(a, b model.PushField) bool { return cmp.Equal(a, b) }) {
		t.Errorf("%+v", got[0].Fields)
	}
}
