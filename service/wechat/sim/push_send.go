package sim

import (
	"encoding/json"
	"net/http"
	"slices"
	"strconv"
	"strings"
)

const firstMsgID = 3_000_000_000_000_000_000 // above 2^53, as the platform's are

// message is a subscribe message as it is asked for.
type message struct {
	OpenID     string `json:"touser"`
	TemplateID string `json:"template_id"`
	Page       string `json:"page"`
	Data       map[string]struct {
		Value string `json:"value"`
	} `json:"data"`
}

func readMessage(body []byte) *message {
	m := &message{}
	if json.Unmarshal(body, m) != nil {
		return nil
	}
	return m
}

// begin notes that a message to the person has arrived, and whether another was there before; its result lets go.
// The platform's latency lies between the two.
func (u *pushes) begin(c *call) (end func()) {
	if c.message == nil {
		return func() {}
	}
	openID := c.message.OpenID
	u.mu.Lock()
	defer u.mu.Unlock()
	if u.state.sending[openID] {
		c.busy = true
		return func() {}
	}
	u.state.sending[openID] = true
	return func() {
		u.mu.Lock()
		defer u.mu.Unlock()
		delete(u.state.sending, openID)
	}
}

// send takes a message. The platform has no idempotency: the same message sent twice arrives twice.
func (u *pushes) send(c call) answer {
	p := u.platform
	if code := p.checkToken(c.query.Get("access_token")); code != 0 {
		return p.refuse(c.path, code)
	}
	switch {
	case len(c.body) == 0:
		return p.refuse(c.path, 44002)
	case c.message == nil:
		return p.refuse(c.path, 47001)
	case !openIDPattern.MatchString(c.message.OpenID):
		return p.refuse(c.path, 40003)
	}
	t := u.templates[c.message.TemplateID]
	if t == nil {
		return p.refuse(c.path, 40037)
	}
	values, bad := t.values(c.message)
	switch {
	case bad != "":
		return p.refuseSaying(c.path, 47003, "argument invalid! data."+bad+".value")
	case !p.released(c.message.Page):
		return p.refuse(c.path, 41030)
	}
	msgID, code := u.take(c, t, values)
	if code != 0 {
		return p.refuse(c.path, code)
	}
	p.happened(event{
		name: eventSent, openID: c.message.OpenID, templateID: t.ID, msgID: msgID, accepted: !c.fault.AsyncFailure,
	})
	return u.sent(msgID)
}

// values returns what the fields of t hold, in their order, or the key of one that is missing or breaks its rule.
func (t *template) values(m *message) (values []string, bad string) {
	values = make([]string, len(t.Fields))
	for i, f := range t.Fields {
		values[i] = m.Data[f.Key].Value
		if !t.rules[i](values[i]) {
			return nil, f.Key
		}
	}
	return values, ""
}

func (p *Platform) released(page string) bool {
	page, _, _ = strings.Cut(page, "?")
	return page == "" || p.cfg.Pages == nil && !strings.HasPrefix(page, "/") || slices.Contains(p.cfg.Pages, page)
}

// take uses up a consent and puts the message into the inbox, or returns the errcode why not.
func (u *pushes) take(c call, t *template, values []string) (msgID int64, errcode int) {
	now := u.platform.cfg.Now()
	u.mu.Lock()
	defer u.mu.Unlock()
	s, key := &u.state, consent{c.message.OpenID, t.ID}
	left := s.consents[key]
	switch {
	case s.gone[key.openID]:
		return 0, 40003
	case c.busy:
		return 0, 43108
	case left == 0:
		return 0, 43101
	case t.LongTerm:
	case left == 1:
		delete(s.consents, key)
		s.used++
	default:
		s.consents[key] = left - 1
		s.used++
	}
	msgID = firstMsgID + u.messages.Add(1)
	if !c.fault.AsyncFailure {
		s.deliver(key.openID, kept{msgID: msgID, template: t, page: c.message.Page, at: now.UnixMilli(), values: values})
	}
	return msgID, 0
}

// sent is written by hand: it is the one answer that is given ten thousand times a second.
func (u *pushes) sent(msgID int64) answer {
	body := append(make([]byte, 0, 64), `{"errcode":0,"errmsg":"ok"`...)
	if !u.platform.cfg.NoMsgID {
		body = strconv.AppendInt(append(body, `,"msgid":`...), msgID, 10)
	}
	return answer{status: http.StatusOK, mime: typeJSON, body: append(body, '}')}
}
