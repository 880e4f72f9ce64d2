package sim

import (
	"fmt"
	"maps"
	"strings"
	"sync"
	"sync/atomic"
)

// Template is a subscribe-message template that the mini program has chosen.
type Template struct {
	ID       string
	Title    string
	LongTerm bool // one accept serves for every message until it is taken back
	Fields   []Field
}

// Field is a field of a Template. Its type is its key without the digits behind.
type Field struct {
	Key  string   // "thing1"
	Name string   // Chinese, as the page shows it
	Enum []string // what a field of the type enum or enum_string may hold
}

// pushes is the side of subscribe messages. Its lock is of its own, and held for a few map operations only.
type pushes struct {
	platform  *Platform
	templates map[string]*template // never changes
	messages  atomic.Int64         // survives a reset, so that no msgid is ever given twice

	mu    sync.Mutex
	state pushState
}

type pushState struct {
	consents map[consent]int
	gone     map[string]bool // openids that the platform knows no more
	sending  map[string]bool // openids to whom a message is under way
	inboxes  map[string]*inbox
	received int
	used     int
}

// consent is what messages are counted against: 1 until it is taken back for a long-term template.
type consent struct{ openID, templateID string }

// template is a Template with its rules at hand.
type template struct {
	Template
	rules []func(string) bool // of each field
}

func newPushes(p *Platform) *pushes {
	u := &pushes{platform: p, templates: map[string]*template{}}
	rules := fieldRules()
	for _, t := range p.cfg.Templates {
		k := &template{Template: t}
		for _, f := range t.Fields {
			k.rules = append(k.rules, f.rule(rules))
		}
		u.templates[t.ID] = k
	}
	u.reset()
	return u
}

func (u *pushes) reset() {
	u.mu.Lock()
	defer u.mu.Unlock()
	u.state = pushState{
		consents: map[consent]int{}, gone: map[string]bool{}, sending: map[string]bool{}, inboxes: map[string]*inbox{},
	}
}

// Subscribe is the person's answer to the prompt for a template (wx.requestSubscribeMessage). Every accept of a
// one-time template is good for one message, and a reject takes nothing back; a long-term one is good until a reject.
// The event follows with DeliverDue. The error is ErrUnknown, or says that the openid is malformed.
func (p *Platform) Subscribe(openID, templateID string, accept bool) error {
	u := p.push
	t, err := u.template(openID, templateID)
	if err != nil {
		return err
	}
	u.mu.Lock()
	defer u.mu.Unlock()
	if u.state.gone[openID] {
		return fmt.Errorf("%w这个 openid", ErrUnknown)
	}
	key := consent{openID, templateID}
	switch {
	case accept && t.LongTerm:
		u.state.consents[key] = 1
	case accept:
		u.state.consents[key]++
	case t.LongTerm:
		delete(u.state.consents, key)
	}
	p.happened(event{name: eventPopup, openID: openID, templateID: templateID, accepted: accept})
	return nil
}

// Withdraw is the person switching a template off in the menu of the mini program: every consent to it is gone, and
// the event follows with DeliverDue. Errors are those of Subscribe.
func (p *Platform) Withdraw(openID, templateID string) error {
	u := p.push
	if _, err := u.template(openID, templateID); err != nil {
		return err
	}
	u.mu.Lock()
	defer u.mu.Unlock()
	delete(u.state.consents, consent{openID, templateID})
	p.happened(event{name: eventChange, openID: openID, templateID: templateID})
	return nil
}

func (u *pushes) template(openID, templateID string) (*template, error) {
	if !openIDPattern.MatchString(openID) {
		return nil, errOpenID
	}
	t := u.templates[templateID]
	if t == nil {
		return nil, fmt.Errorf("%w模板 %s", ErrUnknown, templateID)
	}
	return t, nil
}

// Forget makes an openid unknown to the platform until the person logs in again, as a deleted account is: messages to
// it are refused, and its consents are gone.
func (p *Platform) Forget(openID string) {
	u := p.push
	u.mu.Lock()
	defer u.mu.Unlock()
	u.state.gone[openID] = true
	maps.DeleteFunc(u.state.consents, func(c consent, _ int) bool { return c.openID == openID })
}

func (u *pushes) recall(openID string) {
	u.mu.Lock()
	defer u.mu.Unlock()
	delete(u.state.gone, openID)
}

// Consents returns how many messages of a template the person may still be sent; 1 of a long-term one.
func (p *Platform) Consents(openID, templateID string) int {
	p.push.mu.Lock()
	defer p.push.mu.Unlock()
	return p.push.state.consents[consent{openID, templateID}]
}

// ConsentsUsed returns how many accepts of one-time templates messages have used up since the start or the reset.
func (p *Platform) ConsentsUsed() int {
	p.push.mu.Lock()
	defer p.push.mu.Unlock()
	return p.push.state.used
}

// templateItem is a template as the platform lists it.
type templateItem struct {
	ID      string     `json:"priTmplId"`
	Title   string     `json:"title"`
	Content string     `json:"content"`
	Example string     `json:"example"`
	Type    int        `json:"type"` // 2 one-time, 3 long-term
	Enums   []enumItem `json:"keywordEnumValueList,omitempty"`
}

type enumItem struct {
	Values []string `json:"enumValueList"`
	Code   string   `json:"keywordCode"`
}

// list answers gettemplate.
func (u *pushes) list(c call) answer {
	p := u.platform
	if code := p.checkToken(c.query.Get("access_token")); code != 0 {
		return p.refuse(c.path, code)
	}
	out := struct {
		refusal
		Data []templateItem `json:"data"`
	}{refusal{0, "ok"}, []templateItem{}}
	for _, t := range p.cfg.Templates {
		out.Data = append(out.Data, t.item())
	}
	return succeed(c.path, out)
}

func (t Template) item() templateItem {
	item := templateItem{ID: t.ID, Title: t.Title, Type: 2}
	if t.LongTerm {
		item.Type = 3
	}
	var content, example strings.Builder
	for _, f := range t.Fields {
		fmt.Fprintf(&content, "%s:{{%s.DATA}}\n", f.Name, f.Key)
		fmt.Fprintf(&example, "%s:%s\n", f.Name, f.Name)
		if f.Enum != nil {
			item.Enums = append(item.Enums, enumItem{Values: f.Enum, Code: f.Key + ".DATA"})
		}
	}
	item.Content, item.Example = content.String(), example.String()
	return item
}
