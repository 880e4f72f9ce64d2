package wechat

import (
	"context"
	"fmt"
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"zhibu/model"
	"zhibu/service/wechat/sim"
)

const xmlHead = "<xml><ToUserName><![CDATA[gh_1]]></ToUserName><FromUserName><![CDATA[o1]]></FromUserName>" +
	"<CreateTime>1620973045</CreateTime><MsgType><![CDATA[event]]></MsgType>"

// TestEventTwins: whatever form the platform gives an event, it says the same and has the same key.
func TestEventTwins(t *testing.T) {
	const jsonHead = `{"ToUserName":"gh_1","FromUserName":"o1","CreateTime":"1620973045","MsgType":"event",`
	number := strings.Replace(jsonHead, `"1620973045"`, `1620973045`, 1)
	at := model.Instant(1620973045000)
	for name, tc := range map[string]struct {
		twins []string
		want  model.PlatformEvent
	}{
		"accepted": {[]string{
			jsonHead + `"Event":"subscribe_msg_popup_event","List":[{"TemplateId":"T1","SubscribeStatusString":"accept","PopupScene":"0"}]}`,
			jsonHead + `"Event":"subscribe_msg_popup_event","List":{"TemplateId":"T1","SubscribeStatusString":"accept","PopupScene":0}}`,
			number + `"Event":"subscribe_msg_popup_event","List": {"PopupScene":"0","SubscribeStatusString":"accept","TemplateID":"T1"}}`,
			xmlHead + `<Event><![CDATA[subscribe_msg_popup_event]]></Event><SubscribeMsgPopupEvent><List><TemplateId><![CDATA[T1]]></TemplateId>` +
				`<SubscribeStatusString><![CDATA[accept]]></SubscribeStatusString><PopupScene>0</PopupScene></List></SubscribeMsgPopupEvent></xml>`,
		}, model.PlatformEvent{Name: eventPopup, OpenID: "o1", At: at, Consents: []model.ConsentReport{{TemplateID: "T1", Accepted: true}}}},
		"accepted and rejected": {[]string{
			jsonHead + `"Event":"subscribe_msg_popup_event","List":[{"TemplateId":"T1","SubscribeStatusString":"accept"},{"TemplateId":"T2","SubscribeStatusString":"reject"}]}`,
			xmlHead + `<Event>subscribe_msg_popup_event</Event><SubscribeMsgPopupEvent><List><TemplateID>T1</TemplateID><SubscribeStatusString>accept</SubscribeStatusString></List>` +
				`<List><TemplateId>T2</TemplateId><SubscribeStatusString>reject</SubscribeStatusString></List></SubscribeMsgPopupEvent></xml>`,
		}, model.PlatformEvent{Name: eventPopup, OpenID: "o1", At: at, Consents: []model.ConsentReport{{TemplateID: "T1", Accepted: true}, {TemplateID: "T2"}}}},
		"withdrawn": {[]string{
			number + `"Event":"subscribe_msg_change_event","List":{"SubscribeStatusString":"reject","TemplateId":"T1"}}`,
			xmlHead + `<Event>subscribe_msg_change_event</Event><SubscribeMsgChangeEvent><List><TemplateId>T1</TemplateId><SubscribeStatusString>reject</SubscribeStatusString></List></SubscribeMsgChangeEvent></xml>`,
		}, model.PlatformEvent{Name: eventChange, OpenID: "o1", At: at, Consents: []model.ConsentReport{{TemplateID: "T1"}}}},
		"sent": {[]string{
			jsonHead + `"Event":"subscribe_msg_sent_event","List":{"TemplateId":"T1","MsgID":"1864323726461255680","ErrorCode":"0","ErrorStatus":"success"}}`,
			jsonHead + `"Event":"subscribe_msg_sent_event","List":[{"TemplateID":"T1","MsgId":1864323726461255680,"ErrorCode":0,"ErrorStatus":"success"}]}`,
			xmlHead + `<Event>subscribe_msg_sent_event</Event><SubscribeMsgSentEvent><List><TemplateId>T1</TemplateId><MsgID>1864323726461255680</MsgID><ErrorCode>0</ErrorCode><ErrorStatus>success</ErrorStatus></List></SubscribeMsgSentEvent></xml>`,
		}, model.PlatformEvent{Name: eventSent, OpenID: "o1", At: at, Sent: []model.SentReport{
			{TemplateID: "T1", MsgID: "1864323726461255680", Delivered: true, Status: "success"},
		}}},
	} {
		for i, twin := range tc.twins {
			got, err := decodeEvent([]byte(twin))
			if err != nil {
				t.Errorf("%s %d: %v", name, i, err)
				continue
			}
			if tc.want.Key == "" {
				tc.want.Key = got.Key
			}
			if diff := cmp.Diff(tc.want, got); diff != "" || len(got.Key) != 2*keyBytes {
				t.Errorf("%s %d (-want +got):\n%s", name, i, diff)
			}
		}
	}
}

func TestEventsThatDeviate(t *testing.T) {
	list := func(event, list string) string {
		return fmt.Sprintf(`{"FromUserName":"o1","CreateTime":1,"Event":%q,"List":%s}`, event, list)
	}
	for in, want := range map[string]model.PlatformEvent{
		list(eventSent, `{"TemplateId":"T","MsgID":"1","ErrorCode":"-1","ErrorStatus":"failed:system failed"}`): {
			Name: eventSent, Sent: []model.SentReport{{TemplateID: "T", MsgID: "1", Status: "failed:system failed"}}},
		list(eventSent, `{"TemplateId":"T","MsgID":"1","ErrorCode":"7"}`): {
			Name: eventSent, Sent: []model.SentReport{{TemplateID: "T", MsgID: "1", Status: "errcode 7"}}},
		list(eventSent, `{"TemplateId":"T","MsgID":"1","ErrorCode":"0","ErrorStatus":"failed"}`): {
			Name: eventSent, Sent: []model.SentReport{{TemplateID: "T", MsgID: "1", Status: "failed"}}},
		list(eventSent, `{"TemplateId":"T","MsgID":"1","ErrorStatus":"success"}`): {
			Name: eventSent, Sent: []model.SentReport{{TemplateID: "T", MsgID: "1", Status: "success", Delivered: true}}},
		list(eventSent, `{"TemplateId":"T","MsgID":"`+strings.Repeat("1", 65)+`"}`): {
			Name: eventSent, Sent: []model.SentReport{{TemplateID: "T", Status: "errcode "}}},
		list(eventChange, `{"TemplateId":"T","SubscribeStatusString":"accept"}`):    {Name: eventChange}, // nothing is granted there
		list(eventPopup, `{"TemplateId":"T <b>","SubscribeStatusString":"accept"}`): {Name: eventPopup},
		list(eventPopup, `""`):                         {Name: eventPopup},
		list(eventPopup, `null`):                       {Name: eventPopup},
		list("wxa_media_check", `["of another kind"]`): {Name: "wxa_media_check"},
		`{"FromUserName":"o1","CreateTime":1,"MsgType":"text","Content":"你好"}`: {Name: "text"},
	} {
		got, err := decodeEvent([]byte(in))
		want.Key, want.OpenID, want.At = got.Key, "o1", 1000
		if diff := cmp.Diff(want, got); diff != "" || err != nil {
			t.Errorf("%s: %v (-want +got):\n%s", in, err, diff)
		}
	}
}

// TestKeys: no two of these events are the same.
func TestKeys(t *testing.T) {
	event := func(from string, at int, name, list, more string) string {
		return fmt.Sprintf(`{"FromUserName":%q,"CreateTime":%d,"Event":%q,"List":%s%s}`, from, at, name, list, more)
	}
	one := `{"TemplateId":"T1","SubscribeStatusString":"reject"}`
	two := `{"TemplateId":"T2","SubscribeStatusString":"reject"}`
	seen := map[string]string{}
	for _, in := range []string{
		event("o1", 1, eventPopup, one, ""),
		event("o2", 1, eventPopup, one, ""),
		event("o1", 2, eventPopup, one, ""),
		event("o1", 1, eventChange, one, ""),
		event("o1", 1, eventPopup, two, ""),
		event("o1", 1, eventPopup, "["+one+","+two+"]", ""),
		event("o1", 1, eventPopup, "["+two+","+one+"]", ""),
		event("o1", 1, eventPopup, strings.Replace(one, "reject", "accept", 1), ""),
		event("o1", 1, eventSent, `{"TemplateId":"T1","MsgID":"1","ErrorCode":"0"}`, ""),
		event("o1", 1, eventSent, `{"TemplateId":"T1","MsgID":"2","ErrorCode":"0"}`, ""),
		event("o1", 1, eventSent, `{"TemplateId":"T1","MsgID":"1","ErrorCode":"1"}`, ""),
		event("o1", 1, eventPopup, one, `,"MsgId":23456`),
		event("o1", 1, eventPopup, one, `,"MsgId":"`+strings.Repeat("7", 40)+`"`),
		event("o1", 1, "other", "1", `,"what":1`),
		event("o1", 1, "other", "1", `,"what":2`),
	} {
		e, err := decodeEvent([]byte(in))
		if err != nil || e.Key == "" || len(e.Key) > 64 {
			t.Errorf("%s: key %q, %v", in, e.Key, err)
		}
		if other, ok := seen[e.Key]; ok {
			t.Errorf("%s and %s have one key", in, other)
		}
		seen[e.Key] = in
		again, err := decodeEvent([]byte(in))
		if err != nil || again.Key != e.Key {
			t.Errorf("%s: another key the second time", in)
		}
	}
	if e, err := decodeEvent([]byte(event("o1", 1, eventPopup, one, `,"MsgId":23456`))); err != nil || e.Key != "23456" {
		t.Errorf("key %q, %v, want the MsgId", e.Key, err)
	}
}

// TestEventsOfTheSimulator play the life of a consent in both formats.
func TestEventsOfTheSimulator(t *testing.T) {
	for _, format := range []string{"json", "xml"} {
		w := newPushWorld(t, func(c *sim.Config) { c.Events.Format = format })
		w.subscribe(t, once, 1)
		id, err := w.Send(t.Context(), pushMessage())
		if err != nil {
			t.Fatal(err)
		}
		if err := w.platform.Withdraw(openID, once); err != nil {
			t.Fatal(err)
		}
		if n := w.platform.DeliverDue(t.Context()); n != 3 || w.refused != nil {
			t.Fatalf("%s: %d taken, %v", format, n, w.refused)
		}
		at := model.At(w.clock.now())
		want := []model.PlatformEvent{
			{Name: eventPopup, OpenID: openID, At: at, Consents: []model.ConsentReport{{TemplateID: once, Accepted: true}}},
			{Name: eventSent, OpenID: openID, At: at, Sent: []model.SentReport{{TemplateID: once, MsgID: id, Delivered: true, Status: "success"}}},
			{Name: eventChange, OpenID: openID, At: at, Consents: []model.ConsentReport{{TemplateID: once}}},
		}
		for i := range w.events {
			want[i].Key = w.events[i].Key
		}
		if diff := cmp.Diff(want, w.events); diff != "" {
			t.Errorf("%s (-want +got):\n%s", format, diff)
		}
	}
}

// TestBadEventsOfTheSimulator are refused, and taken when they come again.
func TestBadEventsOfTheSimulator(t *testing.T) {
	for name, tc := range map[string]struct {
		fault         sim.Fault
		refused       string // in the log
		atOnce, later int
	}{
		"nothing":           {sim.Fault{LatencyMS: 1}, "", 1, 0},
		"bad msg_signature": {sim.Fault{BadMsgSignature: true}, "msg_signature is wrong", 0, 1},
		"plaintext":         {sim.Fault{PlaintextEvent: true}, "safe mode", 0, 1},
		"another app":       {sim.Fault{WrongAppIDTail: true}, "another app", 0, 1},
		"other forms":       {sim.Fault{CreateTimeNumber: true, ListArray: true}, "", 1, 0},
		"twice":             {sim.Fault{DuplicateEvent: true}, "", 2, 0},
		"never":             {sim.Fault{NoEvent: true}, "", 0, 0},
		"late":              {sim.Fault{LateEvent: true}, "", 0, 1},
		"heard too late":    {sim.Fault{SlowAck: true}, "", 1, 1},
	} {
		t.Run(name, func(t *testing.T) {
			w := newPushWorld(t)
			w.fail(t, tc.fault)
			w.subscribe(t, once, 1)
			w.platform.DeliverDue(t.Context())
			if len(w.events) != tc.atOnce || (len(w.refused) == 1) != (tc.refused != "") {
				t.Fatalf("%d taken, refused %v", len(w.events), w.refused)
			}
			for _, err := range w.refused {
				wantNoSecret(t, err)
				if !strings.Contains(err.Error(), tc.refused) {
					t.Errorf("%v, want %q", err, tc.refused)
				}
			}
			w.clock.advance(5 * time.Second)
			if n := w.platform.DeliverDue(t.Context()); n != tc.later {
				t.Errorf("%d taken later, want %d", n, tc.later)
			}
			for _, e := range w.events {
				if e.Key != w.events[0].Key {
					t.Error("a repetition has another key")
				}
			}
		})
	}
}

// TestAFailureAfterTheAnswer is told by the event alone.
func TestAFailureAfterTheAnswer(t *testing.T) {
	w := newPushWorld(t)
	w.subscribe(t, once, 1)
	w.fail(t, sim.Fault{AsyncFailure: true})
	id, err := w.Send(t.Context(), pushMessage())
	if err != nil || id == "" || w.platform.Received() != 0 || w.platform.Consents(openID, once) != 0 {
		t.Fatalf("Send = %q, %v", id, err)
	}
	w.platform.DeliverDue(t.Context())
	want := []model.SentReport{{TemplateID: once, MsgID: id, Status: "failed:system failed"}}
	if got := w.events[1].Sent; !cmp.Equal(got, want) {
		t.Errorf("%+v, want %+v", got, want)
	}
}

func FuzzReceiverParse(f *testing.F) {
	f.Add(vectorQuery().Encode(), sealedBody(vectorSealed))
	f.Add(vectorQuery().Encode(), "<xml><Encrypt>"+vectorSealed+"</Encrypt></xml>")
	f.Add("encrypt_type=aes&timestamp=1714112445&nonce=1&msg_signature=", `{"Encrypt":"AAAA"}`)
	f.Add("%zz&;", `<!DOCTYPE x [<!ENTITY a "b">]><xml>&a;</xml>`)
	r, err := NewReceiver(ReceiverConfig{AppID: vectorAppID, Token: pushToken, EncodingAESKey: pushKey, Now: at(vectorTime)})
	if err != nil {
		f.Fatal(err)
	}
	f.Fuzz(func(t *testing.T, query, body string) {
		req, err := http.NewRequestWithContext(context.Background(), http.MethodPost, "http://localhost/", strings.NewReader(body))
		if err != nil {
			t.Fatal(err)
		}
		req.URL.RawQuery = query
		if e, err := r.Parse(req); err == nil && !strings.Contains(body, vectorSealed) {
			t.Errorf("an event that the platform never sent: %+v", e)
		}
		_, _ = r.Echo(req.URL.Query())
	})
}

func FuzzReceiverBox(f *testing.F) {
	f.Add([]byte(plainEvent(2, "{}", appID, 24)))
	f.Add([]byte(plainEvent(1<<31, "{}", appID, 24)))
	f.Add([]byte(strings.Repeat(" ", boxBlock)))
	f.Add([]byte{})
	box, err := newEventBox(appID, pushKey)
	if err != nil {
		f.Fatal(err)
	}
	f.Fuzz(func(t *testing.T, plain []byte) {
		plain = plain[:len(plain)/boxBlock*boxBlock]
		text, err := box.open(sealPlain(plain))
		if err == nil && len(text)+boxHeader+len(appID) >= len(plain) {
			t.Errorf("%d bytes in a box of %d", len(text), len(plain))
		}
	})
}

func FuzzReceiverEvent(f *testing.F) {
	f.Add([]byte(`{"FromUserName":"o1","CreateTime":"1","Event":"subscribe_msg_popup_event","List":[{"TemplateId":"T"}]}`))
	f.Add([]byte(`{"FromUserName":7,"CreateTime":1,"Event":"subscribe_msg_sent_event","List":{"MsgID":18446744073709551616}}`))
	f.Add([]byte(xmlHead + `<Event>subscribe_msg_change_event</Event><SubscribeMsgChangeEvent><List><TemplateID>T</TemplateID></List></SubscribeMsgChangeEvent></xml>`))
	f.Add([]byte(`{"CreateTime":1e999,"MsgId":{},"List":null}`))
	f.Fuzz(func(t *testing.T, plain []byte) {
		e, err := decodeEvent(plain)
		if err == nil && (e.Key == "" || len(e.Key) > 64 || e.Name == "" || len(e.OpenID) > 64) {
			t.Errorf("%+v", e)
		}
	})
}
