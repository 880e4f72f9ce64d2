package model

// Feedback is a complaint or a suggestion of a member, with its answer.
type Feedback struct {
	ID        int64
	MemberID  *int64
	AccountID *int64
	Kind      string // complaint, suggestion
	Body      string
	CreatedAt Instant `gorm:"autoCreateTime:false"`
	Reply     string
	RepliedBy string
	RepliedAt Instant
}

// TableName keeps the table's name in step with the migration.
func (Feedback) TableName() string { return "feedback" }
