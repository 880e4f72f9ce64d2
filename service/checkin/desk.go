package checkin

import (
	"context"
	"fmt"
	"time"

	"gorm.io/gorm"

	"zhibu/model"
)

// Entry is what an officer records of one member at the desk.
type Entry struct {
	MemberID int64
	State    model.AttendanceState
	Source   model.Source
	Reason   string // required for proxy and home visit: who asked, why, who saw it
}

// The refusals of the desk.
var (
	ErrTooEarly = model.NewError(model.Conflict, "activity_not_open", "活动签到还没有开始，现在只能登记请假")
	ErrTooLate  = model.NewError(model.Conflict, "attendance_closed", "活动结束已超过 30 天，到会情况不能再改，确需更正请联系上级管理员")
)

// deskGrace is how long after the end an officer may still record and correct. A sheet has long been filed by then, and
// figures have gone upwards; whoever administers the unit answers for a later correction (DOMAIN.md §20 nos. 9 and 16).
const deskGrace = 30 * 24 * time.Hour

// RecordEntries writes what an officer saw: everything a phone can record can be recorded here, until 30 days after the
// end. All entries are taken or none: an entry of a member who is not due inside the actor's units is a field at fault
// (not_invited), nobody records for himself, and an entry that says what is there already changes nothing.
func (s *Service) RecordEntries(ctx context.Context, actor model.Actor, activityID int64, entries []Entry) (Attendance, error) {
	err := s.db.WriteAfterLook(ctx, func(tx *gorm.DB) error {
		if err := model.HoldActivity(tx, activityID); err != nil {
			return err
		}
		g, err := model.SeenActivity(tx, actor, activityID)
		if err != nil {
			return err
		}
		now := model.At(s.now())
		switch {
		case len(actor.Paths(model.RecordAttendance)) == 0:
			return model.ErrForbidden
		case g.Cancelled():
			return ErrCancelled
		case now >= g.EndsAt.Add(deskGrace) && !actor.May(model.Administer, g.Unit.Path):
			return ErrTooLate
		}
		return recordEntries(tx, actor, g, entries, now)
	})
	if err != nil {
		return Attendance{}, err
	}
	return s.Attendance(ctx, actor, activityID)
}

func recordEntries(tx *gorm.DB, actor model.Actor, g model.Gathering, entries []Entry, now model.Instant) error {
	due, err := dueMembers(tx.Scopes(model.Within(actor, model.RecordAttendance)), g)
	if err != nil {
		return err
	}
	if err := checkEntries(actor, g, entries, due, now); err != nil {
		return err
	}
	rows, err := rowsOf(tx, g.ID, entries)
	if err != nil {
		return err
	}
	var fresh []model.CheckIn
	var deeds []model.Deed
	for _, e := range entries {
		was, recorded := rows[e.MemberID]
		if recorded && was.State == e.State && was.Source == e.Source && was.Reason == e.Reason {
			continue
		}
		row := e.row(actor, g, now)
		deed := model.Deed{Action: "attendance.record", Unit: g.Unit}
		if recorded {
			row.ID, deed.Before = was.ID, auditOf(was)
			if err := save(tx, was, row); err != nil {
				return err
			}
		} else {
			fresh = append(fresh, row)
		}
		deed.SubjectID, deed.After = row.ID, auditOf(row)
		deeds = append(deeds, deed)
	}
	if len(fresh) > 0 {
		if err := tx.CreateInBatches(fresh, 200).Error; err != nil {
			return err
		}
	}
	return model.Audit(tx, actor, now, deeds...)
}

// row is the row the entry makes; only who was there has a time at which he was.
func (e Entry) row(actor model.Actor, g model.Gathering, now model.Instant) model.CheckIn {
	row := model.CheckIn{
		ID: model.NewID(), ActivityID: g.ID, MemberID: e.MemberID, State: e.State, Source: e.Source,
		RecordedAt: now, RecordedBy: actor.Ref(), Reason: e.Reason,
	}
	if e.State.Attended() {
		row.CheckedInAt = now
	}
	return row
}

// rowsOf returns what is recorded of the members of the entries at the activity, by member.
func rowsOf(tx *gorm.DB, activityID int64, entries []Entry) (map[int64]model.CheckIn, error) {
	memberIDs := make([]int64, len(entries))
	for i, e := range entries {
		memberIDs[i] = e.MemberID
	}
	var found []model.CheckIn
	err := model.ForUpdate(tx).Where("activity_id = ? AND member_id IN ?", activityID, memberIDs).Find(&found).Error
	rows := make(map[int64]model.CheckIn, len(found))
	for _, row := range found {
		rows[row.MemberID] = row
	}
	return rows, err
}

// checkEntries finds every entry at fault, so that the officer mends them all at once.
func checkEntries(actor model.Actor, g model.Gathering, entries []Entry, due []Attendee, now model.Instant) error {
	known := make(map[int64]bool, len(due))
	for _, m := range due {
		known[m.MemberID] = true
	}
	seen := map[int64]bool{}
	var faults []model.FieldError
	fault := func(i int, field, code, message string) {
		faults = append(faults, model.FieldError{Field: fmt.Sprintf("entries[%d].%s", i, field), Code: code, Message: message})
	}
	for i, e := range entries {
		switch {
		case actor.IsMember(e.MemberID):
			return model.ErrOwnRecord
		case !known[e.MemberID]:
			fault(i, "member_id", "not_invited", "这位同志不在您可登记的应到人员中")
		case seen[e.MemberID]:
			fault(i, "member_id", "duplicate", "同一位同志登记了两次")
		case e.Source != model.RollCall && e.Reason == "":
			fault(i, "reason", "required", "代录和送学上门须写明原因、见证人")
		case now < g.CheckInOpensAt && e.State != model.OnLeave:
			return ErrTooEarly
		}
		seen[e.MemberID] = true
	}
	if len(faults) > 0 {
		return model.InvalidFields(faults...)
	}
	return nil
}
