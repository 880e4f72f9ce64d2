package wechat

import (
	"bytes"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"regexp"
	"strconv"
	"strings"
	"time"

	"zhibu/model"
)

const (
	eventPopup  = "subscribe_msg_popup_event"
	eventChange = "subscribe_msg_change_event"
	eventSent   = "subscribe_msg_sent_event"

	maxEventName = 64
	keyBytes     = 20 // of the hash that stands for a MsgId, 40 characters: longer than those are
)

var (
	openIDPattern     = regexp.MustCompile(`^[0-9A-Za-z_-]{1,64}$`)
	eventNamePattern  = regexp.MustCompile(`^[0-9A-Za-z_.-]{1,` + strconv.Itoa(maxEventName) + `}$`)
	templateIDPattern = regexp.MustCompile(`^[0-9A-Za-z_-]{1,64}$`)
	eventMsgIDPattern = regexp.MustCompile(`^[0-9A-Za-z_-]{1,32}$`)
)

// pushed is an event as the platform writes it, in JSON or XML. JSON has the list at the top, XML in an element of the
// event's name.
type pushed struct {
	From       text            `json:"FromUserName" xml:"FromUserName"`
	CreateTime text            `json:"CreateTime" xml:"CreateTime"`
	Type       text            `json:"MsgType" xml:"MsgType"`
	Event      text            `json:"Event" xml:"Event"`
	MsgID      text            `json:"MsgId" xml:"MsgId"`
	List       json.RawMessage `json:"List" xml:"-"`
	Popup      []listedItem    `json:"-" xml:"SubscribeMsgPopupEvent>List"`
	Change     []listedItem    `json:"-" xml:"SubscribeMsgChangeEvent>List"`
	Sent       []listedItem    `json:"-" xml:"SubscribeMsgSentEvent>List"`
}

// listedItem is an item of any of the lists. JSON does not mind in which case a name is written, XML does.
type listedItem struct {
	TemplateID  text `json:"TemplateId" xml:"TemplateId"`
	TemplateID2 text `json:"-" xml:"TemplateID"`
	Status      text `json:"SubscribeStatusString" xml:"SubscribeStatusString"`
	MsgID       text `json:"MsgID" xml:"MsgID"`
	ErrorCode   text `json:"ErrorCode" xml:"ErrorCode"`
	ErrorStatus text `json:"ErrorStatus" xml:"ErrorStatus"`
}

func decodeEvent(plain []byte) (model.PlatformEvent, error) {
	var p pushed
	if err := unmarshal(plain, &p); err != nil {
		return model.PlatformEvent{}, errors.New("wechat push: what it encrypts is no event")
	}
	seconds, err := strconv.ParseInt(strings.TrimSpace(string(p.CreateTime)), 10, 40)
	if err != nil || seconds < 0 {
		return model.PlatformEvent{}, errors.New("wechat push: an event without a time")
	}
	e := model.PlatformEvent{Name: p.name(), At: model.At(time.Unix(seconds, 0))}
	if openIDPattern.MatchString(string(p.From)) {
		e.OpenID = string(p.From)
	}
	items, err := p.items()
	if err != nil || e.Name == "" || items != nil && e.OpenID == "" {
		return model.PlatformEvent{}, errors.New("wechat push: an event without a name, of nobody, or with a strange list")
	}
	e.Key = p.key(items, plain)
	for _, i := range items {
		switch {
		case !templateIDPattern.MatchString(string(i.TemplateID)):
		case e.Name == eventSent:
			e.Sent = append(e.Sent, i.sent())
		case e.Name == eventPopup || i.Status == "reject": // the menu can only withdraw, whatever it says
			e.Consents = append(e.Consents, model.ConsentReport{
				TemplateID: string(i.TemplateID), Accepted: i.Status == "accept",
			})
		}
	}
	return e, nil
}

// name is the kind of event, or of a message that is none, and "" when it is strange.
func (p pushed) name() string {
	name := p.Event
	if name == "" {
		name = p.Type
	}
	if !eventNamePattern.MatchString(string(name)) {
		return ""
	}
	return string(name)
}

// items are those of a list that we know how to read. JSON writes a list of one as a bare object.
func (p pushed) items() (items []listedItem, err error) {
	switch p.Event {
	case eventPopup:
		items = p.Popup
	case eventChange:
		items = p.Change
	case eventSent:
		items = p.Sent
	default:
		return nil, nil
	}
	switch {
	case bytes.HasPrefix(p.List, []byte("[")):
		err = json.Unmarshal(p.List, &items)
	case bytes.HasPrefix(p.List, []byte("{")):
		items = make([]listedItem, 1)
		err = json.Unmarshal(p.List, &items[0])
	}
	for n := range items {
		if items[n].TemplateID == "" {
			items[n].TemplateID = items[n].TemplateID2
		}
		items[n].TemplateID2 = ""
	}
	return items, err
}

func (i listedItem) sent() model.SentReport {
	r := model.SentReport{TemplateID: string(i.TemplateID), Status: cutText(string(i.ErrorStatus))}
	if msgIDPattern.MatchString(string(i.MsgID)) {
		r.MsgID = string(i.MsgID)
	}
	if r.Status == "" {
		r.Status = cutText("errcode " + string(i.ErrorCode))
	}
	failed := i.ErrorCode != "" && i.ErrorCode != "0" || i.ErrorStatus != "" && i.ErrorStatus != "success"
	r.Delivered = !failed && (i.ErrorCode != "" || i.ErrorStatus != "")
	return r
}

// key is the platform's id of the event. Those of subscriptions have none: theirs is a hash of what they say, the same
// in whatever form it is said. An event that we can't read in full is hashed as it came.
func (p pushed) key(items []listedItem, plain []byte) string {
	if eventMsgIDPattern.MatchString(string(p.MsgID)) {
		return string(p.MsgID)
	}
	hash := sha256.New()
	fmt.Fprintf(hash, "%q %q %q %q\n", p.From, p.CreateTime, p.name(), p.MsgID)
	for _, i := range items {
		fmt.Fprintf(hash, "%q\n", i)
	}
	if items == nil {
		hash.Write(plain)
	}
	return hex.EncodeToString(hash.Sum(nil)[:keyBytes])
}
