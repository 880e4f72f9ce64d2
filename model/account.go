package model

// Account is a log-in to the console with a password; it reaches UnitID and below, or everything without one.
type Account struct {
	ID           int64
	Username     string
	PasswordHash string
	UnitID       *int64
	MemberID     *int64  // the person behind it, so that nobody records for himself; always there with a UnitID
	CreatedAt    Instant `gorm:"autoCreateTime:false"`
	DisabledAt   Instant
}
