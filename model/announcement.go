package model

import (
	"errors"
	"time"

	"gorm.io/gorm"
)

// Announcement is something said to many: by an officer, by a rule of the calendar (a reminder), or because of an event.
// Everyone it is for has it in the inbox; with a purpose it also goes out as a subscribe message.
type Announcement struct {
	ID            int64
	UnitID        int64
	Rule          Rule    // empty when an officer wrote it
	Cause         string  // what it is said about; said once
	Purpose       Purpose // of the subscribe message; empty: inbox only
	Title         string
	Body          string
	Hint          string  // what to do, in a few words; a value of the message
	Status        string  // how it stands, in at most five characters; a value of the message
	HappensAt     Instant // the moment it is about; a value of the message
	Subject       string  // "activity:12": what a tap opens; empty opens the announcement
	AudienceTrack Track   // empty: both
	Holiday       string  // the key of a festival (节日)
	Urgent        bool    // goes out in quiet hours, too, and beyond the daily limit
	QuietFrom     int     // the hours of day between which no message goes out, as the settings were
	QuietTo       int
	DailyLimit    int // how many messages a member gets a day at most; 0: no limit
	TextState     TextState
	DecidedBy     string // who let the text pass, or did not
	DecidedAt     Instant
	DecisionNote  string
	SendAt        Instant // when it is to be said
	ExpiresAt     Instant // when it makes no sense any more to send it; the inbox keeps it
	PublishAt     Instant // when its deliveries are to be written; 0 when they are, or never will be
	PublishedTo   int64   // the last member who has one, while they are being written
	PublishedAt   Instant // when they all were
	RecalledAt    Instant
	RecalledBy    string
	RecallReason  string
	CreatedBy     string
	CreatedAt     Instant `gorm:"autoCreateTime:false"`
}

// TextState tells whether the text of an announcement may be shown to others.
type TextState string

const (
	TextPassed  TextState = "passed"
	TextWaiting TextState = "waiting" // the check could not answer: a person decides
	TextRefused TextState = "refused"
)

// The states of an Announcement.
const (
	AnnouncementWaiting    = "waiting"    // for a person to decide about its text
	AnnouncementRefused    = "refused"    // that person did not let it pass
	AnnouncementScheduled  = "scheduled"  // its time has not come
	AnnouncementPublishing = "publishing" // its deliveries are being written
	AnnouncementPublished  = "published"
	AnnouncementRecalled   = "recalled"
)

// State is what a list filters by.
func (a Announcement) State(now Instant) string {
	switch {
	case a.RecalledAt != 0:
		return AnnouncementRecalled
	case a.TextState == TextWaiting:
		return AnnouncementWaiting
	case a.TextState == TextRefused:
		return AnnouncementRefused
	case a.PublishedAt != 0:
		return AnnouncementPublished
	case now < a.SendAt:
		return AnnouncementScheduled
	}
	return AnnouncementPublishing
}

// QuietUntil is when a message of the announcement may go out at the earliest: at, or the end of the quiet hours (免打扰)
// it falls into.
func (a Announcement) QuietUntil(at Instant) Instant {
	if a.Urgent || a.QuietFrom == a.QuietTo {
		return at
	}
	t := at.Time()
	hour := t.Hour()
	inside := a.QuietFrom <= hour && hour < a.QuietTo
	if a.QuietFrom > a.QuietTo {
		inside = hour >= a.QuietFrom || hour < a.QuietTo
	}
	if !inside {
		return at
	}
	end := at.Date().Start().Add(time.Duration(a.QuietTo) * time.Hour)
	if end <= at {
		end = at.Date().AddDays(1).Start().Add(time.Duration(a.QuietTo) * time.Hour)
	}
	return end
}

// AnnouncementAudience is one unit whose roster an announcement is for, with all below it.
type AnnouncementAudience struct {
	AnnouncementID int64
	UnitID         int64
}

// TableName keeps the table's name in step with the migration.
func (AnnouncementAudience) TableName() string { return "announcement_audience" }

// Delivery is an announcement for one member: a line of the inbox, and how its subscribe message fares.
type Delivery struct {
	AnnouncementID int64
	MemberID       int64
	UnitID         int64 // the member's, when it was written
	State          DeliveryState
	Reason         string  // why it is in the state, see ReasonName
	DueAt          Instant // when it is to be sent; 0 when it is not
	Attempts       int
	MsgID          string `gorm:"column:msgid"` // the platform's
	TriedAt        Instant
	SentAt         Instant
	ReadAt         Instant
	CreatedAt      Instant `gorm:"autoCreateTime:false"`
}

// DeliveryState is how the subscribe message of a Delivery fares.
type DeliveryState string

const (
	DeliveryInbox    DeliveryState = "inbox"    // none was meant to be sent
	DeliveryQueued   DeliveryState = "queued"   // waits for its turn, or is on its way (Flight)
	DeliverySent     DeliveryState = "sent"     // the platform took it
	DeliveryNoGrant  DeliveryState = "no_grant" // the member has no WeChat here, or gave no consent
	DeliveryRefused  DeliveryState = "refused"  // the platform says that the member does not want it, or is unknown
	DeliveryFailed   DeliveryState = "failed"
	DeliveryUnknown  DeliveryState = "unknown"  // it may have arrived: never sent again
	DeliveryRecalled DeliveryState = "recalled" // taken back before it was sent
)

// The reasons of a DeliveryState.
const (
	ReasonNotBound   = "not_bound"
	ReasonNoConsent  = "no_consent"
	ReasonNoTemplate = "no_template"
	ReasonExpired    = "expired"
	ReasonNotWanted  = "not_wanted"
	ReasonGone       = "gone"
	ReasonText       = "text"
	ReasonAttempts   = "attempts"
	ReasonTimeout    = "timeout"
	ReasonLost       = "lost"
	ReasonPlatform   = "platform"
	ReasonRecalled   = "recalled"
	ReasonDone       = "done"
)

// ReasonName is a reason in Chinese; empty when it is none.
func ReasonName(reason string) string {
	return map[string]string{
		ReasonNotBound:   "没有绑定微信",
		ReasonNoConsent:  "没有订阅消息的授权次数",
		ReasonNoTemplate: "没有配置这一用途的消息模板",
		ReasonExpired:    "已过时限，未再推送",
		ReasonNotWanted:  "本人拒收，或授权次数已用完",
		ReasonGone:       "微信号已失效",
		ReasonText:       "内容被微信退回",
		ReasonAttempts:   "多次推送未成功",
		ReasonTimeout:    "微信未答复，可能已送达",
		ReasonLost:       "推送途中服务中断，可能已送达",
		ReasonPlatform:   "微信未能送达",
		ReasonRecalled:   "发送前已撤回",
		ReasonDone:       "已完成或已取消，不再提醒",
	}[reason]
}

// Notice is an announcement that a feature makes in the transaction of what it is about, to members it knows.
type Notice struct {
	Rule      Rule
	Cause     string // a second notice with the cause of another is not written
	Unit      Unit   // whose settings and officers it is under
	Purpose   Purpose
	Title     string
	Body      string
	Hint      string
	Status    string
	HappensAt Instant
	Subject   string
	ExpiresAt Instant
	To        []int64 // members
}

// noticeLife is how long a notice is worth sending that does not say so itself.
const noticeLife = 3 * 24 * time.Hour

// Notify writes the notice in the caller's transaction; push sends it after the commit. Asking again with the same cause
// writes nothing, also when two ask at once.
func Notify(tx *gorm.DB, at Instant, n Notice) error {
	if len(n.To) == 0 {
		return nil
	}
	fresh := tx.Session(&gorm.Session{NewDB: true})
	var before int64
	if err := fresh.Model(&Announcement{}).Where("cause = ?", n.Cause).Count(&before).Error; err != nil || before > 0 {
		return err
	}
	settings, err := LoadSettings(fresh, n.Unit, at.Date())
	if err != nil {
		return err
	}
	a := n.announcement(at)
	a.Obey(settings)
	switch err := fresh.Create(&a).Error; {
	case errors.Is(err, gorm.ErrDuplicatedKey) && !errors.Is(err, errRepeatedID): // another transaction was faster, and stands
		return nil
	case err != nil:
		return err
	}
	deliveries := make([]Delivery, len(n.To))
	for i, id := range n.To {
		deliveries[i] = a.DeliveryTo(id, n.Unit.ID, at)
	}
	return fresh.CreateInBatches(deliveries, 200).Error
}

func (n Notice) announcement(at Instant) Announcement {
	if n.ExpiresAt == 0 {
		n.ExpiresAt = at.Add(noticeLife)
	}
	if n.HappensAt == 0 {
		n.HappensAt = at
	}
	return Announcement{
		ID: NewID(), UnitID: n.Unit.ID, Rule: n.Rule, Cause: n.Cause, Purpose: n.Purpose, Title: n.Title, Body: n.Body, Hint: n.Hint,
		Status: n.Status, HappensAt: n.HappensAt, Subject: n.Subject, TextState: TextPassed, SendAt: at, ExpiresAt: n.ExpiresAt,
		PublishedAt: at, CreatedBy: Actor{}.Ref(), CreatedAt: at,
	}
}

// Obey takes over what the settings say of quiet hours and the daily limit.
func (a *Announcement) Obey(s Settings) {
	a.QuietFrom, a.QuietTo, a.DailyLimit = s.Int(SettingQuietFrom), s.Int(SettingQuietTo), s.Int(SettingDailyLimit)
}

// DeliveryTo is the delivery of the announcement to a member of the unit as it begins.
func (a Announcement) DeliveryTo(memberID, unitID int64, at Instant) Delivery {
	d := Delivery{AnnouncementID: a.ID, MemberID: memberID, UnitID: unitID, State: DeliveryInbox, CreatedAt: at}
	if a.Purpose != "" {
		d.State, d.DueAt = DeliveryQueued, a.QuietUntil(at)
	}
	return d
}
