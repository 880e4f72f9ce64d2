package model

import (
	"fmt"
	"slices"
	"strings"

	"gorm.io/gorm"
)

// Permission is one thing an office may allow.
type Permission string

const (
	ReadRoster       Permission = "read_roster"       // names, posts, attendance of the unit
	ReadPersonal     Permission = "read_personal"     // phone and id numbers in an export
	WriteRoster      Permission = "write_roster"      // members, memberships, import, invites
	WriteUnits       Permission = "write_units"       // units, posts
	WriteActivities  Permission = "write_activities"  // plan, change, cancel; the code on the wall
	RecordAttendance Permission = "record_attendance" // roll call, proxy, home visit; completions for others
	DecideLeave      Permission = "decide_leave"      // and exempt from a study period
	WritePeriods     Permission = "write_periods"     // open, change, close and cancel study periods
	ReadDues         Permission = "read_dues"         // bills, payments, statement of the unit
	WriteDues        Permission = "write_dues"        // assess, bill, collect, remit; never for oneself
	ReadAudit        Permission = "read_audit"
	Announce         Permission = "announce"   // write announcements, switch reminders, see who got them
	Administer       Permission = "administer" // roots, appointing admins, answering feedback
)

var leading = []Permission{
	ReadRoster, ReadPersonal, WriteRoster, WriteUnits, WriteActivities, RecordAttendance, DecideLeave, WritePeriods,
	ReadDues, WriteDues, Announce,
}

// titlePermissions is the starting matrix of DOMAIN.md §15.2.
var titlePermissions = map[Title][]Permission{
	Secretary:             leading,
	DeputySecretary:       leading,
	LeagueSecretary:       leading,
	LeagueDeputySecretary: leading,
	Organiser:             {ReadRoster, ReadPersonal, WriteRoster, WriteActivities, RecordAttendance, ReadDues, WriteDues, Announce},
	Publicity:             {ReadRoster, WriteActivities, Announce},
	Discipline:            {ReadRoster, Announce},
	Youth:                 {ReadRoster, WriteActivities, Announce},
	GroupLeader:           {ReadRoster, WriteActivities, RecordAttendance, Announce},
	Auditor:               {ReadRoster, ReadAudit, ReadDues},
	Admin:                 append([]Permission{ReadAudit, Administer}, leading...),
}

// Actor is who makes a request, with what the offices held now allow. Its zero value may do nothing.
type Actor struct {
	MemberID  int64 // 0 for a console account without a member
	AccountID int64
	SessionID int64
	OpenID    string
	Name      string
	RequestID string
	Bound     bool    // a member or a console account; false between sign-in and binding
	Grants    []Grant // by office
	Homes     []Home  // by membership today
}

// Grant is an office that reaches a unit and everything below it. A console account over everything has the path "/".
type Grant struct {
	UnitID int64
	Path   string
	Title  Title
}

// Home is a unit whose roster the actor is on today.
type Home struct {
	UnitID int64
	Path   string
	Track  Track
	Kind   UnitKind
}

// Ref names the actor in created_by columns and in the audit: "member:12" or "account:3".
func (a Actor) Ref() string {
	switch {
	case a.AccountID != 0:
		return fmt.Sprintf("account:%d", a.AccountID)
	case a.MemberID != 0:
		return fmt.Sprintf("member:%d", a.MemberID)
	}
	return "system"
}

// Holder names the actor as who has cash in hand: the member, at whatever desk he signed in, else the console account.
func (a Actor) Holder() string {
	if a.MemberID != 0 {
		return Actor{MemberID: a.MemberID}.Ref()
	}
	return a.Ref()
}

// IsMember reports whether the actor is the member: nobody records for himself.
func (a Actor) IsMember(memberID int64) bool { return a.MemberID != 0 && a.MemberID == memberID }

// IsOfficer reports whether the actor holds any office.
func (a Actor) IsOfficer() bool { return len(a.Grants) > 0 }

// May reports whether an office of the actor allows p in the unit with the path.
func (a Actor) May(p Permission, path string) bool {
	return slices.ContainsFunc(a.Grants, func(g Grant) bool {
		return strings.HasPrefix(path, g.Path) && g.Title.Allows(p)
	})
}

// MayAbove reports whether an office of the actor in a unit above the one with the path allows p: the next level up
// (上级组织).
func (a Actor) MayAbove(p Permission, path string) bool {
	return slices.ContainsFunc(a.Grants, func(g Grant) bool {
		return path != g.Path && strings.HasPrefix(path, g.Path) && g.Title.Allows(p)
	})
}

// Reaches reports whether the unit is inside the units of an office of the actor.
func (a Actor) Reaches(path string) bool {
	return slices.ContainsFunc(a.Grants, func(g Grant) bool { return strings.HasPrefix(path, g.Path) })
}

// Everywhere reports whether an office of the actor allows p without bounds.
func (a Actor) Everywhere(p Permission) bool { return a.May(p, "/") }

// Paths returns the paths of the units in which an office of the actor allows p.
func (a Actor) Paths(p Permission) []string {
	var paths []string
	for _, g := range a.Grants {
		if g.Title.Allows(p) {
			paths = append(paths, g.Path)
		}
	}
	return paths
}

// Belongs reports whether the actor is a member of the unit's own branch or of a group in it.
func (a Actor) Belongs(u Unit) bool {
	return u.Kind.IsBranch() && slices.ContainsFunc(a.Homes, func(h Home) bool { return strings.HasPrefix(h.Path, u.Path) })
}

// Sees reports whether the unit is in the tree the actor is shown: the units of his offices and memberships, what is
// below them, and the line from there up to the root.
func (a Actor) Sees(path string) bool {
	related := func(own string) bool { return strings.HasPrefix(path, own) || strings.HasPrefix(own, path) }
	return slices.ContainsFunc(a.Grants, func(g Grant) bool { return related(g.Path) }) ||
		slices.ContainsFunc(a.Homes, func(h Home) bool { return related(h.Path) })
}

// HomeUnitIDs returns the ids of the actor's own units and all above them: whoever invites one of these invites the
// actor.
func (a Actor) HomeUnitIDs() []int64 {
	var ids []int64
	for _, h := range a.Homes {
		ids = append(ids, PathIDs(h.Path)...)
	}
	return ids
}

// Within is the scope "the unit is inside the units in which the actor's offices allow p". The query must have
// units in it; it is part of every query that reads or writes other people's rows.
func Within(a Actor, p Permission) func(*gorm.DB) *gorm.DB { return Under(a.Paths(p)...) }

// FindUnit returns the unit when the actor may do p in it. A unit the actor does not see is ErrNotFound, one he sees
// without the permission is ErrForbidden.
func FindUnit(tx *gorm.DB, a Actor, id int64, p Permission) (Unit, error) {
	u, err := SeenUnit(tx, a, id)
	if err != nil {
		return Unit{}, err
	}
	if !a.May(p, u.Path) {
		return Unit{}, ErrForbidden
	}
	return u, nil
}

// SeenUnit returns the unit when it is in the tree the actor is shown, else ErrNotFound.
func SeenUnit(tx *gorm.DB, a Actor, id int64) (Unit, error) {
	var units []Unit
	if err := tx.Where("id = ?", id).Find(&units).Error; err != nil {
		return Unit{}, err
	}
	if len(units) == 0 || !a.Sees(units[0].Path) {
		return Unit{}, ErrNotFound
	}
	return units[0], nil
}

// Allows reports whether the office allows p in its unit.
func (t Title) Allows(p Permission) bool { return slices.Contains(titlePermissions[t], p) }
