package model

// Completion says that a member completed a study period; the database keeps it to one row. Whether it came too late is
// decided by the period's cutoff.
type Completion struct {
	ID          int64
	PeriodID    int64
	MemberID    int64
	Source      CompletionSource
	CompletedAt Instant
	RecordedAt  Instant
	RecordedBy  string // the officer; empty for the member's own, and for an attendance
	Reason      string // why an officer recorded it
}

// CompletionSource is how a completion was recorded.
type CompletionSource string

const (
	BySelf       CompletionSource = "self"       // the member's phone
	ByOfficer    CompletionSource = "proxy"      // 代录
	ByVisit      CompletionSource = "home_visit" // 送学上门
	ByImport     CompletionSource = "import"     // the official platform's export
	ByAttendance CompletionSource = "activity"   // an activity that belongs to the period
)

// Exemption releases a member from one study period (不作硬性要求); he stays in the raw rate.
type Exemption struct {
	ID             int64
	PeriodID       int64
	MemberID       int64
	ReasonCategory ExemptionReason
	Note           string
	ApprovedBy     string
	ApprovedAt     Instant
}

// ExemptionReason is a category, never a diagnosis.
type ExemptionReason string

// ExemptionReasons are the categories with their names.
var ExemptionReasons = []struct {
	Reason ExemptionReason
	Name   string
}{
	{"business", "公差"}, {"sick", "病假"}, {"maternity", "产假"}, {"personal", "事假"}, {"abroad", "境外"}, {"frail", "年老体弱"},
	{"other", "其他"},
}

// Name is the category in Chinese; empty when it is none.
func (r ExemptionReason) Name() string {
	for _, e := range ExemptionReasons {
		if e.Reason == r {
			return e.Name
		}
	}
	return ""
}

// Outcome is what became of somebody who was due, as a version keeps it.
type Outcome string

const (
	OutcomeCompleted Outcome = "completed"
	OutcomeExempt    Outcome = "exempt"
	OutcomeMissing   Outcome = "missing"
)

// PeriodVersion is a period as it was frozen: nothing in it or its entries ever changes.
type PeriodVersion struct {
	ID          int64
	PeriodID    int64
	Number      int
	CutoffAt    Instant
	ThresholdBP int `gorm:"column:threshold_bp"`
	MinDays     int
	DecideOn    DecideOn
	Due         int
	Exempt      int
	Completed   int
	Reason      string // why the version before was opened again
	FrozenAt    Instant
	FrozenBy    string
	Hash        string // hex SHA-256 over the cutoff, the threshold and every entry
}

// PeriodEntry is one member who was due, with what counted. It names rows that may change later; what it says does not.
type PeriodEntry struct {
	VersionID   int64
	MemberID    int64
	UnitID      int64
	Outcome     Outcome
	Source      CompletionSource // empty unless completed
	CompletedAt Instant          // 0 unless completed
}

// PeriodCount is the rate of a unit with all below it in a version of a period, or with version 0 as of the last recount.
// Position orders the units as a tree; those below a unit have the positions up to its LastPosition.
type PeriodCount struct {
	PeriodID     int64
	Version      int
	UnitID       int64
	Position     int
	LastPosition int
	Depth        int // in the tree of units: how many there are on its path
	Path         string
	Kind         UnitKind
	Name         string
	Rate         `gorm:"embedded"`
}

// Tally is what completions have added to the count of a unit since the last recount. It has several shards, so that
// writers do not wait for each other; their sum counts.
type Tally struct {
	PeriodID  int64
	UnitID    int64
	Shard     int
	Exempt    int
	Completed int
	Late      int
}

// Recount says how the counts of version 0 were made the last time.
type Recount struct {
	PeriodID  int64
	Turn      int64   // how often they were made
	CountedOn Date    // the day whose roster was counted
	CountedAt Instant // when
	Marks     int64   // a fingerprint of the RosterMarks that were there
}
