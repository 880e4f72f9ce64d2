package model

// Binding ties a WeChat openid to a member. At most one is open per openid and per member; the ended ones are the
// history.
type Binding struct {
	ID            int64
	OpenID        string `gorm:"column:openid"`
	MemberID      int64
	Method        string // "phone" or "invite"
	BoundAt       Instant
	UnboundAt     Instant // 0 while it lasts
	UnboundBy     string
	UnboundReason string
}

// Invite is a one-time code with which a member without a matching phone binds.
type Invite struct {
	ID        int64
	MemberID  int64
	CodeHash  string
	ExpiresAt Instant
	UsedAt    Instant
	CreatedBy string
	CreatedAt Instant `gorm:"autoCreateTime:false"`
}
