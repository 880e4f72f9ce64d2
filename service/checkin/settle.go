package checkin

import (
	"context"
	"maps"
	"math"
	"slices"
	"unicode/utf8"

	"gorm.io/gorm"

	"zhibu/model"
)

// settleGroup decides readings of any members and activities in one transaction.
func (s *Service) settleGroup(ctx context.Context, readings []*reading) error {
	return s.db.WriteAfterLook(ctx, func(tx *gorm.DB) error { return settle(tx, readings) })
}

// pair is one member at one activity: the key of a row.
type pair struct{ activityID, memberID int64 }

// scanColumns are what decides a scan; the minutes of a meeting do not.
var scanColumns = []string{
	"id", "unit_id", "kind", "starts_at", "check_in_opens_at", "check_in_closes_at", "audience_track", "cancelled_at",
	"geofence_latitude", "geofence_longitude", "geofence_radius_m",
}

func settle(tx *gorm.DB, readings []*reading) error {
	memberIDs, activityIDs := idsOf(readings)
	gatherings, err := model.LoadGatherings(tx, activityIDs, scanColumns...)
	if err != nil {
		return err
	}
	l := ledger{invited: map[pair]bool{}, found: map[pair]model.CheckIn{}, rows: map[pair]*model.CheckIn{}, created: map[pair]bool{}, changed: map[pair]bool{}}
	for _, g := range gatherings {
		if err := l.open(tx, g, memberIDs); err != nil {
			return err
		}
	}
	for _, r := range readings {
		g, exists := gatherings[r.ActivityID]
		if !exists {
			r.outcome = Outcome{Err: model.ErrNotFound}
			continue
		}
		r.outcome = l.enter(r, g)
	}
	return l.write(tx, readings, gatherings)
}

func idsOf(readings []*reading) (memberIDs, activityIDs []int64) {
	members, activities := map[int64]bool{}, map[int64]bool{}
	for _, r := range readings {
		members[r.actor.MemberID], activities[r.ActivityID] = true, true
	}
	return slices.Collect(maps.Keys(members)), slices.Collect(maps.Keys(activities))
}

// ledger holds what concerns a group in memory while its readings are entered one after the other.
type ledger struct {
	invited          map[pair]bool
	found            map[pair]model.CheckIn  // as they are in the database
	rows             map[pair]*model.CheckIn // as they will be, with those made here
	created, changed map[pair]bool
}

// open reads, in one round trip, which of the members are due at the activity and what is recorded of them. The outer
// joins make every database begin at the members, however few units there are.
func (l *ledger) open(tx *gorm.DB, g model.Gathering, memberIDs []int64) error {
	var due []struct {
		DueID int64
		Path  string
		model.CheckIn
	}
	err := tx.Model(&model.Membership{}).Select("memberships.member_id AS due_id, units.path, check_ins.*").
		Joins("LEFT JOIN units ON units.id = memberships.unit_id").
		Joins("LEFT JOIN check_ins ON check_ins.activity_id = ? AND check_ins.member_id = memberships.member_id", g.ID).
		Scopes(g.DueAnywhere).Where("memberships.member_id IN ?", memberIDs).Find(&due).Error
	for _, d := range due {
		if !g.Audience.Invites(d.Path) {
			continue
		}
		key := pair{g.ID, d.DueID}
		l.invited[key] = true
		if d.ID != 0 {
			l.found[key], l.rows[key] = d.CheckIn, &d.CheckIn
		}
	}
	return err
}

// enter decides one reading. Who is recorded as present already gets that row, however late he asks, so that a retry
// whose first answer was lost is no failure.
func (l *ledger) enter(r *reading, g model.Gathering) Outcome {
	key := pair{r.ActivityID, r.actor.MemberID}
	row := l.rows[key]
	switch {
	case !l.invited[key]:
		return Outcome{Err: ErrNotInvited}
	case !r.genuine:
		return Outcome{Err: ErrCodeInvalid}
	case g.Cancelled():
		return Outcome{Err: ErrCancelled}
	}
	err := admit(r, g)
	if row == nil {
		if err != nil {
			return Outcome{Err: err}
		}
		row = &model.CheckIn{ID: model.NewID(), ActivityID: r.ActivityID, MemberID: r.actor.MemberID}
		fill(row, r, g)
		l.rows[key], l.created[key] = row, true
		return Outcome{CheckIn: *row, Created: true}
	}
	if err == nil && supersedes(r, row) {
		fill(row, r, g)
		l.changed[key] = true
	}
	if err != nil && !row.State.Attended() {
		return Outcome{Err: err}
	}
	return Outcome{CheckIn: *row}
}

// admit says whether a genuine code counts at the moment it stands for.
func admit(r *reading, g model.Gathering) error {
	offline := r.ScannedAt != 0
	switch {
	case r.slot > slotAt(r.receivedAt):
		return ErrCodeInvalid // nobody has seen that one yet
	case r.at < g.CheckInOpensAt:
		return ErrNotOpen
	case r.at >= g.CheckInClosesAt, r.receivedAt >= g.CheckInClosesAt.Add(OfflineGrace):
		return ErrClosed
	case !offline && r.receivedAt >= r.slot.end():
		return ErrCodeExpired
	case g.GeofenceRadiusM == nil:
		return nil
	case r.Position == nil:
		return ErrLocationRequired
	case metresBetween(*r.Position, *g.GeofenceLatitude, *g.GeofenceLongitude) > float64(*g.GeofenceRadiusM)+r.Position.AccuracyM:
		return ErrOutsideGeofence
	}
	return nil
}

// supersedes says whether a valid scan changes the row there is. Between scans the earlier counts, whatever the order
// of arrival; a tap of this moment is a repetition and changes no scan, though its clock may read a little earlier than
// that of a tap before it. Against an officer's entry of absence the later fact counts, and his entry of presence stays.
func supersedes(r *reading, row *model.CheckIn) bool {
	if row.Source == model.ByCode {
		if r.ScannedAt == 0 {
			return false
		}
		return r.at < row.CheckedInAt || r.at == row.CheckedInAt && r.Nonce < row.Nonce
	}
	return !row.State.Attended() && r.at > row.RecordedAt
}

// fill writes what the reading proves into the row: at the start is present, after it is late.
func fill(row *model.CheckIn, r *reading, g model.Gathering) {
	row.State = model.Present
	if r.at > g.StartsAt {
		row.State = model.Late
	}
	row.Source, row.CheckedInAt, row.RecordedAt, row.Nonce = model.ByCode, r.at, r.receivedAt, r.Nonce
	row.RecordedBy, row.Reason = "", ""
}

// write stores the rows created and changed, with an audit event each.
func (l *ledger) write(tx *gorm.DB, readings []*reading, gatherings map[int64]model.Gathering) error {
	var fresh []model.CheckIn
	var events []model.AuditEvent
	for _, r := range readings {
		key := pair{r.ActivityID, r.actor.MemberID}
		row := l.rows[key]
		if !l.created[key] && !l.changed[key] {
			continue
		}
		deed := model.Deed{Action: "check_in.create", Unit: gatherings[r.ActivityID].Unit, SubjectID: row.ID, After: auditOf(*row)}
		if l.created[key] {
			fresh = append(fresh, *row)
		} else {
			deed.Action, deed.Before = "check_in.change", auditOf(l.found[key])
			if err := save(tx, l.found[key], *row); err != nil {
				return err
			}
		}
		event, err := model.NewAuditEvent(r.actor, r.receivedAt, deed)
		if err != nil {
			return err
		}
		events = append(events, event)
		delete(l.created, key) // a member's second scan in the same group changes nothing more
		delete(l.changed, key)
	}
	if len(fresh) > 0 {
		if err := tx.Create(fresh).Error; err != nil {
			return err
		}
	}
	return model.AddAuditEvents(tx, events)
}

// save updates a row as long as it still is as it was when somebody decided to; else it fails with model.ErrMoved, and
// write looks again. So the phone and the desk never overwrite what they have not seen.
func save(tx *gorm.DB, was, row model.CheckIn) error {
	return model.SaveSeen(tx.Model(&model.CheckIn{}).Where("id = ?", was.ID).Where(columnsOf(was)).Updates(columnsOf(row)))
}

// columnsOf are the columns of a row that change.
func columnsOf(row model.CheckIn) map[string]any {
	return map[string]any{
		"state": row.State, "source": row.Source, "checked_in_at": row.CheckedInAt, "recorded_at": row.RecordedAt,
		"recorded_by": row.RecordedBy, "reason": row.Reason, "nonce": row.Nonce,
	}
}

// auditOf is what the audit keeps of a row. The reason is written freely and may name an illness: the audit, which is for
// ever, keeps only that there is one.
func auditOf(row model.CheckIn) map[string]any {
	kept := map[string]any{
		"activity_id": row.ActivityID, "member_id": row.MemberID, "state": row.State, "source": row.Source,
		"checked_in_at": nil, "reason_characters": utf8.RuneCountInString(row.Reason),
	}
	if row.CheckedInAt != 0 {
		kept["checked_in_at"] = row.CheckedInAt.Time()
	}
	return kept
}

// metresBetween is the great-circle distance.
func metresBetween(p Position, latitude, longitude float64) float64 {
	const earthRadiusM, degree = 6_371_000, math.Pi / 180
	dLat, dLng := (latitude-p.Latitude)*degree, (longitude-p.Longitude)*degree
	h := math.Pow(math.Sin(dLat/2), 2) + math.Cos(latitude*degree)*math.Cos(p.Latitude*degree)*math.Pow(math.Sin(dLng/2), 2)
	return 2 * earthRadiusM * math.Asin(math.Min(1, math.Sqrt(h)))
}
