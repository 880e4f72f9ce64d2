package sim

import (
	"errors"
	"net/http"
	"strconv"
	"strings"
	"time"
)

const maxInbox = 10_000 // messages of one person

// Message is a subscribe message that has arrived on a phone.
type Message struct {
	MsgID      string            `json:"msgid"` // a number too large for JavaScript
	TemplateID string            `json:"template_id"`
	Title      string            `json:"title"`
	Page       string            `json:"page"`
	At         time.Time         `json:"at"`
	Data       map[string]string `json:"data"` // by key
	Text       string            `json:"text"` // a line for each field, as the phone shows it
}

// kept is a Message as it is stored: hundreds of thousands have to fit.
type kept struct {
	msgID    int64
	template *template
	page     string
	at       int64 // milliseconds since 1970
	values   []string
}

// inbox is a ring: next is where the oldest message is overwritten once it is full.
type inbox struct {
	messages []kept
	next     int
}

// deliver puts a message into the inbox. The caller holds the lock.
func (s *pushState) deliver(openID string, k kept) {
	s.received++
	b := s.inboxes[openID]
	if b == nil {
		b = &inbox{}
		s.inboxes[openID] = b
	}
	if len(b.messages) < maxInbox {
		b.messages = append(b.messages, k)
		return
	}
	b.messages[b.next] = k
	b.next = (b.next + 1) % maxInbox
}

func (k kept) shown() Message {
	m := Message{
		MsgID: strconv.FormatInt(k.msgID, 10), TemplateID: k.template.ID, Title: k.template.Title, Page: k.page,
		At: time.UnixMilli(k.at).In(china), Data: make(map[string]string, len(k.values)),
	}
	lines := make([]string, len(k.values))
	for i, f := range k.template.Fields {
		m.Data[f.Key] = k.values[i]
		lines[i] = f.Name + "：" + k.values[i]
	}
	m.Text = strings.Join(lines, "\n")
	return m
}

// Inbox returns the messages on the person's phone, the newest last; of more than ten thousand the last ones.
func (p *Platform) Inbox(openID string) []Message {
	p.push.mu.Lock()
	defer p.push.mu.Unlock()
	b := p.push.state.inboxes[openID]
	if b == nil {
		return []Message{}
	}
	out := make([]Message, 0, len(b.messages))
	for i := range b.messages {
		out = append(out, b.messages[(b.next+i)%len(b.messages)].shown())
	}
	return out
}

// Received returns how many messages have arrived on all phones since the start or the reset.
func (p *Platform) Received() int {
	p.push.mu.Lock()
	defer p.push.mu.Unlock()
	return p.push.state.received
}

func (p *Platform) controlSubscribe(w http.ResponseWriter, r *http.Request) {
	var in struct {
		OpenID     string `json:"openid"`
		TemplateID string `json:"template_id"`
		Accept     bool   `json:"accept"`
		Change     bool   `json:"change"` // not to a prompt, but in the menu, where one can only withdraw
	}
	err := read(w, r, &in)
	switch {
	case err != nil:
	case in.Change && in.Accept:
		err = errors.New("change 只能与 accept: false 同时使用：菜单里只能取消订阅")
	case in.Change:
		err = p.Withdraw(in.OpenID, in.TemplateID)
	default:
		err = p.Subscribe(in.OpenID, in.TemplateID, in.Accept)
	}
	respondNothing(w, err)
}

func (p *Platform) controlForget(w http.ResponseWriter, r *http.Request) {
	var in struct {
		OpenID string `json:"openid"`
	}
	err := read(w, r, &in)
	switch {
	case err != nil:
	case !openIDPattern.MatchString(in.OpenID):
		err = errOpenID
	default:
		p.Forget(in.OpenID)
	}
	respondNothing(w, err)
}

func (p *Platform) controlInbox(w http.ResponseWriter, r *http.Request) {
	respond(w, http.StatusOK, map[string][]Message{"items": p.Inbox(r.PathValue("openid"))})
}

func (p *Platform) controlInboxes(w http.ResponseWriter, _ *http.Request) {
	p.push.mu.Lock()
	s := p.push.state
	counts := map[string]int{"messages": s.received, "people": len(s.inboxes), "consents_used": s.used}
	p.push.mu.Unlock()
	respond(w, http.StatusOK, counts)
}

// respondNothing answers 204, or the problem that err is.
func respondNothing(w http.ResponseWriter, err error) {
	if err != nil {
		respondOr(w, nil, err)
		return
	}
	w.WriteHeader(http.StatusNoContent)
}
