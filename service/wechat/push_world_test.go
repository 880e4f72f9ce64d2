package wechat

import (
	"errors"
	"net/http"
	"strings"
	"sync"
	"testing"
	"time"

	"zhibu/model"
	"zhibu/service/wechat/sim"
)

const (
	sendPath      = "/cgi-bin/message/subscribe/send"
	templatesPath = "/wxaapi/newtmpl/gettemplate"
	checkPath     = "/wxa/msg_sec_check"
	eventsPoint   = "events"
	eventsURL     = "https://example.org/api/v1/wechat/events"

	pushToken = "AAAAA"
	pushKey   = "AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA"

	once     = "TEMPLATE-of-one-message"
	longTerm = "TEMPLATE-of-many-messages"
)

func simTemplates() []sim.Template {
	return []sim.Template{
		{ID: once, Title: "会议通知", Fields: []sim.Field{
			{Key: "thing1", Name: "会议名称"}, {Key: "time2", Name: "会议时间"},
			{Key: "enum_string3", Name: "形式", Enum: []string{"线下", "线上"}},
		}},
		{ID: longTerm, Title: "待办提醒", LongTerm: true, Fields: []sim.Field{{Key: "thing1", Name: "事项"}}},
	}
}

// pushWorld is a client, the platform, the clock of both, and an address of the message push that takes what the
// receiver takes.
type pushWorld struct {
	world
	*Receiver

	mu      sync.Mutex
	events  []model.PlatformEvent
	refused []error
}

func newPushWorld(t *testing.T, change ...func(*sim.Config)) *pushWorld {
	t.Helper()
	w := &pushWorld{}
	clk := newClock()
	cfg := sim.Config{
		AppID: appID, AppSecret: secret, Now: clk.now, Pages: []string{"pages/home"}, Templates: simTemplates(),
		Events:  &sim.EventConfig{URL: eventsURL, Token: pushToken, EncodingAESKey: pushKey},
		Deliver: toHandler(w.receive),
	}
	for _, f := range change {
		f(&cfg)
	}
	p := sim.New(cfg)
	c, log := newClient(t, p.Transport(), clk.now)
	w.world = world{c, p, clk, log}
	w.Receiver = newReceiver(t, appID, clk.now)
	return w
}

func newReceiver(t *testing.T, appID string, now func() time.Time) *Receiver {
	t.Helper()
	r, err := NewReceiver(ReceiverConfig{AppID: appID, Token: pushToken, EncodingAESKey: pushKey, Now: now})
	if err != nil {
		t.Fatal(err)
	}
	return r
}

func (w *pushWorld) receive(rw http.ResponseWriter, r *http.Request) {
	e, err := w.Parse(r)
	w.mu.Lock()
	defer w.mu.Unlock()
	if err != nil {
		w.refused = append(w.refused, err)
		rw.WriteHeader(http.StatusBadRequest)
		return
	}
	w.events = append(w.events, e)
	_, _ = rw.Write([]byte("success"))
}

func (w *pushWorld) subscribe(t *testing.T, template string, times int) {
	t.Helper()
	for range times {
		if err := w.platform.Subscribe(openID, template, true); err != nil {
			t.Fatal(err)
		}
	}
}

func pushMessage() model.PushMessage {
	return model.PushMessage{OpenID: openID, TemplateID: once, Page: "pages/home?id=7", Data: map[string]string{
		"thing1": "支部党员大会 <11月>", "time2": "2026年11月24日 15:00", "enum_string3": "线下",
	}}
}

// wantFate checks what a failed send means, and that its texts are clean.
func wantFate(t *testing.T, err error, want model.SendFate, code int64) *model.SendError {
	t.Helper()
	var e *model.SendError
	if !errors.As(err, &e) || e.Fate != want || e.Code != code {
		t.Fatalf("error = %v, want %s and errcode %d", err, want, code)
	}
	if (e.Fate == model.FatePause) == e.Until.IsZero() {
		t.Errorf("%s until %v", e.Fate, e.Until)
	}
	wantClean(t, err.Error(), openID, "70_")
	return e
}

// wantNoSecret checks that a refused event's cause may be logged.
func wantNoSecret(t *testing.T, err error) {
	t.Helper()
	wantError(t, err, model.ErrEvent, 0)
	wantClean(t, err.Error(), openID, pushKey)
	if strings.Contains(err.Error(), pushToken) {
		t.Errorf("%q tells the token", err)
	}
}
