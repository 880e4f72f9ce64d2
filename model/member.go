package model

import "gorm.io/gorm"

// Member is one person, one row, whatever he or she belongs to.
type Member struct {
	ID          int64
	Name        string // as given
	NameKey     string // as compared, see NameKey
	NameSort    string // pinyin, for order and for search by initials
	Gender      string // "male", "female" or empty
	Ethnicity   string // 民族
	BirthDate   Date
	Education   string  // 学历
	JobTitle    string  // 工作岗位
	PhoneSealed string  // Keyring.Seal(PhoneColumn, …)
	PhoneHash   *string // nil without a phone: several may have none
	IDSealed    string  `gorm:"column:id_number_sealed"`
	IDHash      *string `gorm:"column:id_number_hash"`
	Note        string
	ErasedAt    Instant // personal fields were blanked on the member's request
	CreatedAt   Instant `gorm:"autoCreateTime:false"`
}

// The columns under which personal data is sealed and hashed.
const (
	PhoneColumn    = "members.phone"
	IDNumberColumn = "members.id_number"
)

// MembershipKind is the standing of a membership.
type MembershipKind string

const (
	Full         MembershipKind = "full"         // 正式党员
	Probationary MembershipKind = "probationary" // 预备党员
	LeagueMember MembershipKind = "member"       // 团员
)

// MembershipState tells whether a membership counts. A suspended one (停止党籍) stays on the roster and is in no
// denominator.
type MembershipState string

const (
	Active    MembershipState = "active"
	Suspended MembershipState = "suspended"
)

// Category is 人员类别, an attribute of a membership.
type Category string

const (
	InService Category = "in_service" // 在职
	Retired   Category = "retired"    // 离退休
	Floating  Category = "floating"   // 流动
)

// Membership is a dated episode of one member in one unit on one track, from StartedOn until the day before EndedOn.
// Whatever a figure depends on is part of the episode: when it changes, the episode ends and the next begins.
type Membership struct {
	ID          int64
	MemberID    int64
	UnitID      int64
	Track       Track
	Kind        MembershipKind
	State       MembershipState
	Category    Category
	Hardship    bool    // 困难党员
	JoinedOn    Date    // 入党(团)时间
	ConfirmedOn Date    // 转正时间
	StartedOn   Date    // first day in this episode
	EndedOn     Date    // first day no longer in it; Forever while it lasts
	EndReason   string  // why it ended, empty when another episode followed
	CreatedAt   Instant `gorm:"autoCreateTime:false"`
}

// OnRoster is the one answer to "who was on the roster at this moment": the memberships whose episode covers the day
// of at in Asia/Shanghai. Join it with units (see Under) for "of this unit".
func OnRoster(at Instant) func(*gorm.DB) *gorm.DB {
	day := at.Date()
	return func(tx *gorm.DB) *gorm.DB {
		return tx.Where("memberships.started_on <= ? AND memberships.ended_on > ?", day, day)
	}
}

// Counted keeps the memberships that a denominator counts: those not suspended (DOMAIN: suspended members are out).
func Counted(tx *gorm.DB) *gorm.DB { return tx.Where("memberships.state = ?", Active) }

// OfTrack keeps the memberships of a track; an empty track keeps both.
func OfTrack(track Track) func(*gorm.DB) *gorm.DB {
	return func(tx *gorm.DB) *gorm.DB {
		if track == "" {
			return tx
		}
		return tx.Where("memberships.track = ?", track)
	}
}
