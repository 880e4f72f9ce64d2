package model

import (
	"fmt"
	"strings"
	"time"
)

// Purpose is what a subscribe message (订阅消息) is for: a template serves one, and an announcement names one.
type Purpose string

const (
	PurposeAnnouncement Purpose = "announcement" // 通知公告, holiday notices among them
	PurposeStudy        Purpose = "study"        // 学习提醒
	PurposeActivity     Purpose = "activity"     // 活动提醒
	PurposeDues         Purpose = "dues"         // 党费、团费提醒
	PurposeTask         Purpose = "task"         // 待办提醒, of officers
)

// Purposes are the purposes that exist.
var Purposes = []Purpose{PurposeAnnouncement, PurposeStudy, PurposeActivity, PurposeDues, PurposeTask}

// PushTemplate is a template of the mini program as it stands on the platform.
type PushTemplate struct {
	TemplateID string
	Purpose    Purpose // empty of one that only the platform knows
	Title      string
	Page       string // of the mini program, without a leading slash; empty opens none
	LongTerm   bool   // one accept serves for every message until it is taken back (长期订阅)
	Fields     []PushField
}

// PushField is a field of a template.
type PushField struct {
	Key   string    // "thing1"
	Type  FieldType // "thing"
	Name  string    // Chinese, as the platform lists it
	Value string    // which value of a message goes into it: title, unit, time, hint, status
	Enum  []string  // what a field of the type enum may hold
}

// FieldType is the type of a field, which decides what it may hold (the platform's 参数值内容限制).
type FieldType string

const (
	FieldThing           FieldType = "thing"            // 20 characters
	FieldNumber          FieldType = "number"           // 32 digits, decimals allowed
	FieldLetter          FieldType = "letter"           // 32 letters
	FieldSymbol          FieldType = "symbol"           // 5 symbols
	FieldCharacterString FieldType = "character_string" // 32 digits, letters or symbols
	FieldTime            FieldType = "time"             // 15:01 or 2019年10月1日 15:01
	FieldDate            FieldType = "date"             // 2019年10月1日, and a time behind it
	FieldAmount          FieldType = "amount"           // a currency sign and 10 digits, 元 behind it
	FieldPhoneNumber     FieldType = "phone_number"     // 17 digits or symbols
	FieldCarNumber       FieldType = "car_number"       // 8 characters
	FieldName            FieldType = "name"             // 10 Chinese or 20 letters
	FieldPhrase          FieldType = "phrase"           // 5 Chinese characters and nothing else
	FieldEnum            FieldType = "enum"             // one of a list
)

// FieldTypeOf is the type in the key of a field: "thing1" is a thing.
func FieldTypeOf(key string) FieldType { return FieldType(strings.TrimRight(key, "0123456789")) }

// PushMessage is one subscribe message, its values fitted to the rules of their fields.
type PushMessage struct {
	OpenID     string
	TemplateID string
	Page       string
	Data       map[string]string // by key, every key of the template
}

// SendFate is what a failed send means for the message and for those behind it.
type SendFate string

const (
	FateUnknown  SendFate = "unknown"  // it may have been sent: never send it again blindly
	FateRetry    SendFate = "retry"    // it was not sent, and may be in a while
	FateBusy     SendFate = "busy"     // it was not sent: another one to the same person was under way (43108)
	FatePause    SendFate = "pause"    // it was not sent, and no message will be before Until
	FateRefused  SendFate = "refused"  // the person has no consent left (43101)
	FateGone     SendFate = "gone"     // there is no such person for this mini program (40003)
	FateText     SendFate = "text"     // its text is refused (47003, 45168, 47001)
	FateTemplate SendFate = "template" // its template, or the template's page, is refused (40037, 41030)
)

// SendError is why a message was not sent, or perhaps was not.
type SendError struct {
	Fate   SendFate
	Until  time.Time // of FatePause
	Alarm  bool      // it will not mend itself: an operator has to look
	Code   int64     // the platform's errcode, 0 without one
	Advice string    // what the operator is to do, Chinese; empty when there is nothing
	cause  error
}

// NewSendError is the error of a fate; cause goes to the log and must be clean of openids and tokens.
func NewSendError(fate SendFate, code int64, cause error) *SendError {
	return &SendError{Fate: fate, Code: code, cause: cause}
}

func (e *SendError) Error() string { return fmt.Sprintf("send: %s: %v", e.Fate, e.cause) }

func (e *SendError) Unwrap() error { return e.cause }

// PlatformEvent is something the platform reports through the message push (消息推送), verified and decrypted.
type PlatformEvent struct {
	Key      string // the same for a repetition, another for every other event; at most 64 bytes of ASCII
	Name     string // the platform's, "subscribe_msg_popup_event"
	OpenID   string
	At       Instant // the platform's CreateTime
	Consents []ConsentReport
	Sent     []SentReport
}

// ConsentReport is what a person answered to the prompt for a template, or took back since.
type ConsentReport struct {
	TemplateID string
	Accepted   bool
}

// SentReport is what became of a message after the platform had taken it.
type SentReport struct {
	TemplateID string
	MsgID      string
	Delivered  bool
	Status     string // the platform's word for it
}

// ErrEvent refuses a call of the event address that is not the platform's, or not for this mini program.
var ErrEvent = NewError(Invalid, "event_refused", "消息推送未通过验证")

// TextVerdict is what the platform's text check says (内容安全).
type TextVerdict string

const (
	TextPass   TextVerdict = "pass"
	TextReview TextVerdict = "review" // a person has to decide
	TextRisky  TextVerdict = "risky"
)
