package model

// Consent is one accept of a prompt for subscribe messages: a line of the ledger. One of a one-time template serves for
// one message; that of a long-term one for every message until it is taken back.
type Consent struct {
	ID             int64
	OpenID         string `gorm:"column:openid"`
	TemplateID     string
	Serial         int64 // 1, 2, 3 … of the person and the template: two at once collide and count once
	LongTerm       bool
	State          ConsentState
	RequestID      *string // of the client's report; nil when only the platform told
	EventKey       *string // of the platform's report; nil when only the client told
	AnnouncementID int64   // what it was used for
	AcceptedAt     Instant
	SettledAt      Instant // when it was used or became void
}

// ConsentState is what became of a Consent.
type ConsentState string

const (
	ConsentOpen     ConsentState = "open"
	ConsentDoubtful ConsentState = "doubtful" // by a message whose outcome is unknown
	ConsentSpent    ConsentState = "spent"    // by a message that was sent
	ConsentVoid     ConsentState = "void"     // taken back, or the platform says that there is none
)

// Flight is a message on its way: to a person, who is the openid for the platform, there is one at most, of whatever
// instance. It is written in the transaction that takes a consent, which is nobody else's from then on, and removed with what
// became of it.
type Flight struct {
	OpenID         string `gorm:"column:openid;primaryKey"`
	MemberID       int64
	AnnouncementID int64
	ClaimID        int64 // of all flights that were written together
	ClaimedAt      Instant
	LostAt         Instant // when nobody can be sending it any more, so that its instance must have died
}

// PlatformEventRow is a PlatformEvent that waits to be settled, and later only keeps its repetitions out.
type PlatformEventRow struct {
	ID         int64
	EventKey   string
	Name       string
	OpenID     string `gorm:"column:openid"`
	Reports    string // JSON of what it reports; empty when it is settled
	At         Instant
	ReceivedAt Instant
	SettleAt   Instant // 0 when it is settled
}

// TableName keeps the table's name in step with the migration.
func (PlatformEventRow) TableName() string { return "platform_events" }
