package model

import (
	"strings"

	"gorm.io/gorm"
)

// BaseColumn is the column under which the base of an assessment is sealed.
const BaseColumn = "dues_assessments.base"

// Assessment (核定) is what a member owes each month from a month on, until the next one. Those that were replaced before
// their month was billed stay as a record.
type Assessment struct {
	ID             int64
	MemberID       int64
	Track          Track
	Category       DuesCategory
	BaseSealed     string // Keyring.Seal(BaseColumn, fen); empty unless the organisation keeps it
	AmountFen      Fen
	StandardID     *int64 // by which the amount was computed; nil when it was given
	RateBP         int    `gorm:"column:rate_bp"` // of the base; 0 where the amount is fixed or was given
	KeepLeague     bool   // pays league dues though he is in the party (自愿)
	EffectiveMonth Month
	Reason         string
	ReplacedID     int64 // 0 while it holds, then its own id
	ApprovedBy     string
	ApprovedAt     Instant `gorm:"autoCreateTime:false"`
}

// TableName keeps the word of the feature in the schema.
func (Assessment) TableName() string { return "dues_assessments" }

// DuesExemption (减免) lowers what a member owes for some months, to nothing or to an amount.
type DuesExemption struct {
	ID             int64
	MemberID       int64
	Track          Track
	FromMonth      Month
	ToMonth        Month
	AmountFen      Fen // what is still owed each month
	ReasonCategory string
	ApprovedBy     string // the body that approved it: the next-higher committee
	RecordedBy     string
	RecordedAt     Instant
	WithdrawnBy    string
	WithdrawnAt    Instant // 0 while it holds
}

// Covers reports whether the exemption holds for the month.
func (e DuesExemption) Covers(m Month) bool {
	return e.WithdrawnAt == 0 && e.FromMonth <= m && m <= e.ToMonth
}

// Bill (应缴) is what a member owes for one month, to the branch whose roster he was on at the dues day. Its amount never
// changes: a bill that was wrong is voided and another one made.
type Bill struct {
	ID           int64
	UnitID       int64 // the branch
	MemberID     int64
	Track        Track
	Month        Month
	DueOn        Date
	AssessedFen  Fen // before an exemption
	AmountFen    Fen
	PaidFen      Fen // the sum of its allocations
	AssessmentID int64
	ExemptionID  *int64
	CreatedAt    Instant `gorm:"autoCreateTime:false"`
	VoidedID     int64   // 0 while it stands, then its own id
	VoidedAt     Instant
	VoidReason   string
}

// TableName keeps the word of the feature in the schema.
func (Bill) TableName() string { return "dues_bills" }

// BillState is what a list filters by.
type BillState string

const (
	BillOpen     BillState = "open"
	BillPartPaid BillState = "part_paid"
	BillPaid     BillState = "paid"
	BillExempt   BillState = "exempt"
	BillVoided   BillState = "voided"
)

// State is the state of the bill.
func (b Bill) State() BillState {
	switch {
	case b.VoidedID != 0:
		return BillVoided
	case b.AmountFen == 0:
		return BillExempt
	case b.PaidFen == 0:
		return BillOpen
	case b.PaidFen < b.AmountFen:
		return BillPartPaid
	}
	return BillPaid
}

// OpenFen is what is still owed.
func (b Bill) OpenFen() Fen { return b.AmountFen - b.PaidFen }

// InBillState is Bill.State as a query; the empty state keeps all but the voided.
func InBillState(state BillState) func(*gorm.DB) *gorm.DB {
	return func(tx *gorm.DB) *gorm.DB {
		if state == BillVoided {
			return tx.Where("dues_bills.voided_id <> 0")
		}
		tx = tx.Where("dues_bills.voided_id = 0")
		switch state {
		case BillExempt:
			return tx.Where("dues_bills.amount_fen = 0")
		case BillOpen:
			return tx.Where("dues_bills.amount_fen > 0 AND dues_bills.paid_fen = 0")
		case BillPartPaid:
			return tx.Where("dues_bills.paid_fen > 0 AND dues_bills.paid_fen < dues_bills.amount_fen")
		case BillPaid:
			return tx.Where("dues_bills.amount_fen > 0 AND dues_bills.paid_fen = dues_bills.amount_fen")
		}
		return tx
	}
}

// Branch returns the path of the branch that keeps the books of the unit: the unit itself, or of a group the one above it.
func (u Unit) Branch() string {
	if u.Kind != PartyGroup && u.Kind != LeagueGroup || u.ParentID == nil {
		return u.Path
	}
	return u.Path[:strings.LastIndexByte(strings.TrimSuffix(u.Path, "/"), '/')+1]
}
