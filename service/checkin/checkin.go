// Package checkin records who was at an activity: by the code on the wall, by a batch of scans made without a network,
// or at the desk by an officer; and shows the attendance.
package checkin

import (
	"context"
	"time"

	"zhibu/model"
)

// The refusals of a scan.
var (
	ErrNotInvited       = model.NewError(model.Forbidden, "not_invited", "您不在这次活动的应到人员中")
	ErrNotOpen          = model.NewError(model.Conflict, "check_in_not_open", "签到还没有开始")
	ErrClosed           = model.NewError(model.Conflict, "check_in_closed", "签到已经结束，请联系支部登记")
	ErrCancelled        = model.NewError(model.Conflict, "activity_cancelled", "这次活动已取消")
	ErrCodeInvalid      = model.NewError(model.Invalid, "check_in_code_invalid", "签到码不对，请重新扫描现场的签到码")
	ErrCodeExpired      = model.NewError(model.Invalid, "check_in_code_expired", "签到码已过期，请重新扫描现场的签到码")
	ErrOutsideGeofence  = model.NewError(model.Invalid, "outside_geofence", "您不在活动地点，请到现场签到，或请支部登记")
	ErrLocationRequired = model.NewError(model.Invalid, "location_required", "这次活动需要定位，不便定位时请支部登记")
)

// OfflineGrace is how long after the close a scan made before it is still taken (API.md).
const OfflineGrace = 24 * time.Hour

// Service records and shows attendance.
type Service struct {
	db    *model.DB
	codes codes
	now   func() time.Time
	group *model.Group[*reading]
}

// atOnce is how many groups of scans are settled at a time: SQLite has one writer; on MySQL the second group works while
// the first waits for the disk, and more of them only made the groups smaller (docs/benchmarks.md).
var atOnce = map[model.Dialect]int{model.SQLite: 1, model.MySQL: 2}

// New makes the service. codeKey (32 bytes) makes the codes on the wall; it must be the same on every instance.
func New(db *model.DB, codeKey []byte, now func() time.Time) *Service {
	s := &Service{db: db, codes: codes{key: codeKey}, now: now}
	s.group = model.NewGroup(atOnce[db.Dialect], s.settleGroup)
	return s
}

// Code is what the wall shows.
type Code struct {
	Code      string
	ExpiresAt model.Instant
	Refresh   time.Duration // until the next one
}

// Code returns the code of this moment. Officers who manage the activity may see it, until check-in closes.
func (s *Service) Code(ctx context.Context, actor model.Actor, activityID int64) (Code, error) {
	g, err := model.FindActivity(s.db.Read(ctx), actor, activityID, model.WriteActivities)
	if err != nil {
		return Code{}, err
	}
	now := model.At(s.now())
	switch {
	case g.Cancelled():
		return Code{}, ErrCancelled
	case now >= g.CheckInClosesAt:
		return Code{}, ErrClosed
	}
	n := slotAt(now)
	return Code{
		Code: s.codes.of(activityID, n), ExpiresAt: n.end(),
		Refresh: time.Duration((n+1).start()-now) * time.Millisecond,
	}, nil
}

// Scan is one reading of the code on the wall by the actor's phone.
type Scan struct {
	ActivityID int64
	Code       string
	Nonce      string        // the client's name for this scan
	ScannedAt  model.Instant // of a scan made without a network; 0 for now
	Position   *Position
}

// Position is where the phone says it is (gcj02). It proves nothing and is not kept.
type Position struct{ Latitude, Longitude, AccuracyM float64 }

// Outcome is what became of a scan: a row, created by it or not, or the refusal.
type Outcome struct {
	CheckIn model.CheckIn
	Created bool
	Err     error // *model.Error
}

// Record takes a scan made this moment. A repetition answers the row there is.
func (s *Service) Record(ctx context.Context, actor model.Actor, scan Scan) (Outcome, error) {
	scan.ScannedAt = 0
	outcomes, err := s.record(ctx, actor, []Scan{scan})
	if err != nil {
		return Outcome{}, err
	}
	return outcomes[0], outcomes[0].Err
}

// RecordBatch takes scans made without a network, one outcome each. The rows it leaves depend neither on the order of
// the scans nor on how often they are sent: of several valid scans the earliest counts.
func (s *Service) RecordBatch(ctx context.Context, actor model.Actor, scans []Scan) ([]Outcome, error) {
	for i := range scans {
		scans[i].ScannedAt = max(scans[i].ScannedAt, 1) // 0 would mean now; a phone's clock can say 1970
	}
	return s.record(ctx, actor, scans)
}

func (s *Service) record(ctx context.Context, actor model.Actor, scans []Scan) ([]Outcome, error) {
	if actor.MemberID == 0 {
		return nil, model.ErrForbidden.Saying("管理账号不能签到，请用本人的微信")
	}
	readings := make([]*reading, len(scans))
	now := model.At(s.now())
	for i, scan := range scans {
		readings[i] = s.read(actor, scan, now)
	}
	if err := s.group.Do(ctx, readings...); err != nil {
		return nil, err
	}
	outcomes := make([]Outcome, len(readings))
	for i, r := range readings {
		outcomes[i] = r.outcome
	}
	return outcomes, nil
}

// reading is a scan on its way through a group: what it proves, and then what became of it.
type reading struct {
	Scan
	actor      model.Actor
	receivedAt model.Instant
	slot       slot
	genuine    bool          // the code is one of the activity's
	at         model.Instant // the moment it stands for
	outcome    Outcome
}

// read checks the code, which needs no database. A scan from now stands for now; one made earlier for the time the
// phone says, if that is inside the code's two slots, else for the start of its slot: the phone's clock is not believed.
func (s *Service) read(actor model.Actor, scan Scan, now model.Instant) *reading {
	r := &reading{Scan: scan, actor: actor, receivedAt: now, at: now}
	r.slot, r.genuine = s.codes.slotOf(scan.ActivityID, scan.Code)
	if scan.ScannedAt != 0 {
		r.at = scan.ScannedAt
		if r.at < r.slot.start() || r.at >= r.slot.end() {
			r.at = r.slot.start()
		}
	}
	return r
}
