package checkin

import (
	"cmp"
	"context"
	"slices"

	"gorm.io/gorm"

	"zhibu/model"
)

// Attendance is who was due at an activity and what became of each, as far as the actor's offices reach.
type Attendance struct {
	Gathering model.Gathering
	Counts
	Members []Attendee
	Partial bool // some of the units invited are outside the actor's
}

// Counts are the figures of an attendance: Due = Present + Late + Leave + Absent. A leave does not reduce Due
// (setting attendance.leave_excluded=false, DOMAIN.md §21 no. 15).
type Counts struct{ Due, Present, Late, Leave, Absent int }

// Attended is how many were there (实到).
func (c Counts) Attended() int { return c.Present + c.Late }

// Attendee is one member who was due.
type Attendee struct {
	MemberID    int64
	Name        string
	NameSort    string
	UnitID      int64
	UnitName    string
	UnitCode    string
	UnitPath    string
	UnitKind    model.UnitKind
	ParentName  string // of the unit above, which says more than 第一党小组 alone
	State       model.AttendanceState
	Source      model.Source  // empty when nothing is recorded
	CheckedInAt model.Instant // 0 when nothing is recorded, and of who was not there
	RecordedBy  string
	Reason      string
}

// Attendance returns the attendance of the members inside the actor's units, ordered by unit and name. Whoever only
// belongs to the audience is refused.
func (s *Service) Attendance(ctx context.Context, actor model.Actor, activityID int64) (Attendance, error) {
	tx := s.db.Read(ctx)
	g, err := model.SeenActivity(tx, actor, activityID)
	if err != nil {
		return Attendance{}, err
	}
	if len(actor.Paths(model.ReadRoster)) == 0 {
		return Attendance{}, model.ErrForbidden
	}
	members, err := dueMembers(tx.Scopes(model.Within(actor, model.ReadRoster)), g)
	if err != nil {
		return Attendance{}, err
	}
	if err := fillStates(tx, activityID, members); err != nil {
		return Attendance{}, err
	}
	a := Attendance{Gathering: g, Members: members, Partial: slices.ContainsFunc(g.Audience, func(u model.Unit) bool {
		return !actor.May(model.ReadRoster, u.Path)
	})}
	for _, m := range members {
		a.Counts.add(m.State)
	}
	return a, nil
}

func (c *Counts) add(state model.AttendanceState) {
	c.Due++
	switch state {
	case model.Present:
		c.Present++
	case model.Late:
		c.Late++
	case model.OnLeave:
		c.Leave++
	case model.Absent:
		c.Absent++
	}
}

// dueMembers returns who is due, each once. A member invited by both tracks is listed with the activity's own track.
func dueMembers(tx *gorm.DB, g model.Gathering) ([]Attendee, error) {
	var found []struct {
		Attendee
		Track model.Track
	}
	err := tx.Model(&model.Membership{}).
		Select("members.id AS member_id, members.name, members.name_sort, memberships.track, units.id AS unit_id, " +
			"units.name AS unit_name, units.code AS unit_code, units.path AS unit_path, units.kind AS unit_kind, " +
			"COALESCE(parents.name, '') AS parent_name").
		Joins("JOIN units ON units.id = memberships.unit_id").
		Joins("LEFT JOIN units AS parents ON parents.id = units.parent_id").
		Joins("JOIN members ON members.id = memberships.member_id").
		Scopes(g.Due).Find(&found).Error
	if err != nil {
		return nil, err
	}
	own := g.Unit.Kind.Track()
	slices.SortStableFunc(found, func(a, b struct {
		Attendee
		Track model.Track
	}) int {
		return boolOrder(a.Track == own, b.Track == own)
	})
	seen := make(map[int64]bool, len(found))
	members := make([]Attendee, 0, len(found))
	for _, f := range found {
		if !seen[f.MemberID] {
			seen[f.MemberID] = true
			members = append(members, f.Attendee)
		}
	}
	slices.SortFunc(members, func(a, b Attendee) int {
		return cmp.Or(cmp.Compare(a.UnitCode, b.UnitCode), cmp.Compare(a.UnitPath, b.UnitPath),
			cmp.Compare(a.NameSort, b.NameSort), cmp.Compare(a.MemberID, b.MemberID))
	})
	return members, nil
}

// boolOrder sorts true first.
func boolOrder(a, b bool) int {
	switch {
	case a == b:
		return 0
	case a:
		return -1
	}
	return 1
}

// fillStates puts what is recorded beside each member; who has an approved leave and no record is on leave, everyone
// else absent.
func fillStates(tx *gorm.DB, activityID int64, members []Attendee) error {
	var rows []model.CheckIn
	if err := tx.Where("activity_id = ?", activityID).Find(&rows).Error; err != nil {
		return err
	}
	var leaves []model.Leave
	if err := tx.Where("activity_id = ? AND state = ?", activityID, model.LeaveApproved).Find(&leaves).Error; err != nil {
		return err
	}
	recorded := make(map[int64]model.CheckIn, len(rows))
	for _, row := range rows {
		recorded[row.MemberID] = row
	}
	onLeave := make(map[int64]bool, len(leaves))
	for _, l := range leaves {
		onLeave[l.MemberID] = true
	}
	for i := range members {
		m := &members[i]
		row, ok := recorded[m.MemberID]
		switch {
		case ok && (row.State != model.Absent || !onLeave[m.MemberID]):
			m.State, m.Source, m.CheckedInAt = row.State, row.Source, row.CheckedInAt
			m.RecordedBy, m.Reason = row.RecordedBy, row.Reason
		case onLeave[m.MemberID]:
			m.State = model.OnLeave
		default:
			m.State = model.Absent
		}
	}
	return nil
}
