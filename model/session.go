package model

// Session is one sign-in on one device: a family of refresh tokens and the access tokens made from them. Revoking it
// takes effect on the next request.
type Session struct {
	ID        int64
	OpenID    string `gorm:"column:openid"` // empty for a console session
	AccountID *int64
	MemberID  *int64  // nil while the openid is not bound
	CreatedAt Instant `gorm:"autoCreateTime:false"`
	ExpiresAt Instant
	RevokedAt Instant
	Reason    string
}

// RefreshToken is one link of a session's chain; the token itself is not kept, only its SHA-256.
type RefreshToken struct {
	ID        int64
	SessionID int64
	TokenHash string
	IssuedAt  Instant
	UsedAt    Instant
}

// SignInFailure is one attempt at a password, counted against the account and against the address.
type SignInFailure struct {
	ID      int64
	Subject string // keyed hash of "account:name" or "address:ip"
	At      Instant
}
