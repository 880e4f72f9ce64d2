package model

import (
	"strings"

	"gorm.io/gorm"
)

// ActivityKind is what kind of event an activity is (API.md lists them).
type ActivityKind string

// CommitteeMeeting and LeagueCommitteeMeeting are due for the committee, not for everyone.
const (
	CommitteeMeeting       ActivityKind = "committee_meeting"
	LeagueCommitteeMeeting ActivityKind = "league_committee_meeting"
)

// ActivityKinds are the kinds with their names, in the order in which a form offers them.
var ActivityKinds = []struct {
	Kind ActivityKind
	Name string
}{
	{"general_meeting", "党员大会"}, {CommitteeMeeting, "支委会"}, {"group_meeting", "党小组会"}, {"lesson", "党课"},
	{"theme_day", "主题党日"}, {"org_life_meeting", "组织生活会"}, {"member_review", "民主评议"},
	{"democratic_life_meeting", "民主生活会"}, {"league_meeting", "团支部大会"}, {LeagueCommitteeMeeting, "团支委会"},
	{"league_lesson", "团课"}, {"league_theme_day", "主题团日"}, {"work_meeting", "专题会议"}, {"study_session", "集中学习"},
	{"seminar", "专题研讨"}, {"reading_class", "读书班"}, {"expert_lecture", "专题讲座"}, {"lecture_series", "系列讲堂"},
	{"micro_lesson", "微党课"}, {"outreach_talk", "宣讲"}, {"warning_education", "警示教育"}, {"practice", "实践活动"},
	{"oath_review", "重温誓词"}, {"film", "观影"}, {"volunteer", "志愿服务"}, {"community_report", "双报到"},
	{"group_event", "群团活动"}, {"other", "其他"},
}

// Name is the kind in Chinese; empty when it is none.
func (k ActivityKind) Name() string {
	for _, a := range ActivityKinds {
		if a.Kind == k {
			return a.Name
		}
	}
	return ""
}

// ForCommittee reports whether only the committee of the audience's units is due.
func (k ActivityKind) ForCommittee() bool {
	return k == CommitteeMeeting || k == LeagueCommitteeMeeting
}

// Activity is one real event with place, time, audience and minutes.
type Activity struct {
	ID                int64
	UnitID            int64
	Kind              ActivityKind
	Title             string
	Place             string
	StartsAt          Instant
	EndsAt            Instant
	CheckInOpensAt    Instant
	CheckInClosesAt   Instant // the first moment at which it is too late
	AudienceTrack     Track   // empty: both
	CreditMinutes     int
	StudyModes        string // comma list
	Campaigns         string // newline list
	GeofenceLatitude  *float64
	GeofenceLongitude *float64
	GeofenceRadiusM   *int
	CancelledAt       Instant // 0 while it stands
	CancelReason      string
	MinutesText       string // 会议记录
	Resolutions       string
	UpstreamOn        Date // entered into the superior system on
	UpstreamReference string
	UpstreamBy        string
	CreatedBy         string
	CreatedAt         Instant `gorm:"autoCreateTime:false"`
}

// Cancelled reports whether the activity was called off.
func (a Activity) Cancelled() bool { return a.CancelledAt != 0 }

// State is what a list filters by: "scheduled", "open" (check-in is possible), "ended" or "cancelled".
func (a Activity) State(now Instant) string {
	switch {
	case a.Cancelled():
		return "cancelled"
	case now >= a.CheckInClosesAt && now >= a.EndsAt:
		return "ended"
	case now >= a.CheckInOpensAt && now < a.CheckInClosesAt:
		return "open"
	}
	return "scheduled"
}

// SplitList reads a stored list.
func SplitList(s, separator string) []string {
	if s == "" {
		return []string{}
	}
	return strings.Split(s, separator)
}

// AudienceUnit is one unit whose roster is invited.
type AudienceUnit struct {
	ActivityID int64
	UnitID     int64
}

// TableName keeps the table's name in step with the migration.
func (AudienceUnit) TableName() string { return "activity_audience" }

// Gathering is an activity with what decides who sees it and who is due: the unit that holds it and the units invited.
type Gathering struct {
	Activity
	Unit     Unit
	Audience Audience
}

// LoadGatherings returns the activities with the ids, by id; one that does not exist is missing. Columns can be named to
// load no more than these of an activity.
func LoadGatherings(tx *gorm.DB, ids []int64, columns ...string) (map[int64]Gathering, error) {
	var activities []Activity
	if err := tx.Select(columns).Where("id IN ?", ids).Find(&activities).Error; err != nil {
		return nil, err
	}
	return GatheringsOf(tx, activities)
}

// GatheringsOf completes activities that were read already, by id.
func GatheringsOf(tx *gorm.DB, activities []Activity) (map[int64]Gathering, error) {
	gatherings := make(map[int64]Gathering, len(activities))
	if len(activities) == 0 {
		return gatherings, nil
	}
	ids := make([]int64, len(activities))
	for i, a := range activities {
		ids[i] = a.ID
	}
	holders, audiences, err := activitiesForAudience.load(tx, ids)
	for _, a := range activities {
		gatherings[a.ID] = Gathering{Activity: a, Unit: holders[a.ID], Audience: audiences[a.ID]}
	}
	return gatherings, err
}

// SeenActivity returns the activity when the actor is shown it, else ErrNotFound. So the members of a unit see that its
// committee meets; what was said there is for those who are due, and for the officers (activity.Look).
func SeenActivity(tx *gorm.DB, a Actor, id int64) (Gathering, error) {
	found, err := LoadGatherings(tx, []int64{id})
	if err != nil {
		return Gathering{}, err
	}
	g, ok := found[id]
	if !ok || !g.Audience.ShownTo(a, g.Unit) {
		return Gathering{}, ErrNotFound
	}
	return g, nil
}

// FindActivity returns the activity when an office of the actor allows p in the unit that holds it.
func FindActivity(tx *gorm.DB, a Actor, id int64, p Permission) (Gathering, error) {
	g, err := SeenActivity(tx, a, id)
	if err != nil {
		return Gathering{}, err
	}
	if !a.May(p, g.Unit.Path) {
		return Gathering{}, ErrForbidden
	}
	return g, nil
}

// LockActivity is FindActivity for a writer, at the beginning of a transaction: until its end nobody else changes the
// activity, and nobody is added to its attendance.
func LockActivity(tx *gorm.DB, a Actor, id int64, p Permission) (Gathering, error) {
	if err := HoldActivity(tx, id); err != nil {
		return Gathering{}, err
	}
	return FindActivity(tx, a, id, p)
}

// HoldActivity makes the other writers of the activity wait; whether it exists and who may see it is still to be asked.
func HoldActivity(tx *gorm.DB, id int64) error {
	var rows []Activity
	return ForUpdate(tx).Select("id").Where("id = ?", id).Find(&rows).Error
}

// Due is who is due at an activity (应到): the counted roster of its audience at its start, or of that only the
// committee. The query must have memberships and units in it; a member of both tracks appears twice in it.
func (g Gathering) Due(tx *gorm.DB) *gorm.DB {
	return tx.Scopes(g.DueAnywhere, Under(g.Audience.Paths()...))
}

// DueAnywhere is Due without regard to the unit, for a query that looks up single members and must not be tempted to begin
// at the units; Audience.Invites says the rest. The query must have memberships in it.
func (g Gathering) DueAnywhere(tx *gorm.DB) *gorm.DB {
	tx = tx.Scopes(OnRoster(g.StartsAt), Counted, OfTrack(g.AudienceTrack))
	if g.Kind.ForCommittee() {
		unitIDs := make([]int64, len(g.Audience))
		for i, u := range g.Audience {
			unitIDs[i] = u.ID
		}
		holders := tx.Session(&gorm.Session{NewDB: true}).Model(&Post{}).Select("posts.member_id").
			Scopes(InOffice(g.StartsAt), CommitteePosts).Where("posts.unit_id IN ?", unitIDs)
		tx = tx.Where("memberships.member_id IN (?)", holders)
	}
	return tx
}
