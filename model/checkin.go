package model

// AttendanceState is what is recorded of a member at an activity.
type AttendanceState string

const (
	Present AttendanceState = "present" // 实到
	Late    AttendanceState = "late"    // 迟到
	OnLeave AttendanceState = "leave"   // 请假
	Absent  AttendanceState = "absent"  // 缺席
)

// Attended reports whether the member was there.
func (s AttendanceState) Attended() bool { return s == Present || s == Late }

// Source is how an attendance was recorded.
type Source string

const (
	ByCode    Source = "code"       // the member's phone and the code on the wall
	RollCall  Source = "roll_call"  // 点名
	ByProxy   Source = "proxy"      // 代录
	HomeVisit Source = "home_visit" // 送学上门
)

// CheckIn is the attendance of one member at one activity; the database keeps it to one row.
type CheckIn struct {
	ID          int64
	ActivityID  int64
	MemberID    int64
	State       AttendanceState
	Source      Source
	CheckedInAt Instant // when the member was there: the scan, or the officer's entry; 0 of who was not
	RecordedAt  Instant // when the row last changed
	RecordedBy  string  // the officer, empty for the member's own scan
	Reason      string  // why an officer recorded it
	Nonce       string  // the client's, of the scan that counts
}

// Leave is a member's request to be excused from one activity.
type Leave struct {
	ID             int64
	ActivityID     int64
	MemberID       int64
	ReasonCategory string // business, sick, maternity, personal, abroad: a category, never a diagnosis
	Note           string
	State          string // pending, approved, refused
	RequestedAt    Instant
	DecidedBy      string
	DecidedAt      Instant
	DecisionNote   string
}

// The states of a Leave.
const (
	LeavePending  = "pending"
	LeaveApproved = "approved"
	LeaveRefused  = "refused"
)
