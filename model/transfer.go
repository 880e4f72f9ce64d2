package model

// Transfer is the record of a move of the formal relationship (组织关系接转) or, without ToUnitID, of a leaving. One that
// was cancelled never took effect: it is cancelled before its first day is over or not at all.
type Transfer struct {
	ID           int64
	MemberID     int64
	Track        Track
	FromUnitID   int64
	ToUnitID     *int64
	EffectiveOn  Date
	DuesPaidTo   Month // 党费交至: the last month that belongs to the old unit; empty: as the dues day falls
	Reason       string
	CreatedBy    string
	CreatedAt    Instant `gorm:"autoCreateTime:false"`
	CancelledBy  string
	CancelledAt  Instant // 0 while it stands
	CancelReason string
}
