package model

import (
	"encoding/json"
	"fmt"
	"slices"
	"strconv"
	"strings"
	"time"

	"gorm.io/gorm"
)

// StudyPeriod is one numbered item (期) of a series such as 青年大学习, open for completion during a window.
type StudyPeriod struct {
	ID            int64
	UnitID        int64
	Series        string
	Code          string // what is unique in the series, see SetCode
	Number        *int   // nil for a special issue
	Title         string
	Link          string
	Quiz          string // see ParseQuiz; empty without one
	Track         Track
	OpensAt       Instant
	ClosesAt      Instant // the first moment that is too late
	ThresholdBP   int     `gorm:"column:threshold_bp"`
	MinDays       int     // how many days on the roster make somebody due
	DecideOn      DecideOn
	CheckInsCount bool
	Version       int     // of the last freezing, 0 before the first
	ClosedAt      Instant // the first moment that was too late; 0 while it is not frozen
	ReopenedAt    Instant // 0 unless it waits for a corrected version
	ReopenedBy    string
	ReopenReason  string
	CancelledAt   Instant
	CancelReason  string
	CreatedBy     string
	CreatedAt     Instant `gorm:"autoCreateTime:false"`
}

// DecideOn says which rate is held against the threshold.
type DecideOn string

const (
	DecideOnAdjusted DecideOn = "adjusted"
	DecideOnRaw      DecideOn = "raw"
)

// CorrectionTime is how long a reopened period waits to be closed by hand before it closes by itself.
const CorrectionTime = 7 * 24 * time.Hour

// PeriodState is what a list filters by.
type PeriodState string

const (
	PeriodScheduled PeriodState = "scheduled"
	PeriodOpen      PeriodState = "open"
	PeriodReopened  PeriodState = "reopened" // after its window, for corrections
	PeriodClosed    PeriodState = "closed"
	PeriodCancelled PeriodState = "cancelled"
)

// State is the state at the moment. A period whose window is over is closed, though the freezing may be a moment away.
func (p StudyPeriod) State(now Instant) PeriodState {
	switch {
	case p.CancelledAt != 0:
		return PeriodCancelled
	case p.Frozen():
		return PeriodClosed
	case now < p.OpensAt:
		return PeriodScheduled
	case now < p.ClosesAt:
		return PeriodOpen
	case p.Correcting():
		return PeriodReopened
	}
	return PeriodClosed
}

// Correcting reports whether the period was reopened after its window, so that only officers' corrections count.
func (p StudyPeriod) Correcting() bool { return !p.Frozen() && p.ReopenedAt >= p.ClosesAt }

// Frozen reports whether what counts is the last version and not the roster of today.
func (p StudyPeriod) Frozen() bool { return p.ClosedAt != 0 }

// Overdue reports whether the period has to be closed by now: its window is over and nobody corrects it.
func (p StudyPeriod) Overdue(now Instant) bool {
	return p.CancelledAt == 0 && !p.Frozen() && now >= p.ClosesAt &&
		(!p.Correcting() || now >= p.ReopenedAt.Add(CorrectionTime))
}

// Cutoff is the first moment at which a completion is late.
func (p StudyPeriod) Cutoff() Instant {
	if p.Frozen() {
		return p.ClosedAt
	}
	return p.ClosesAt
}

// RosterAt is the moment whose roster is due: now, and after the cutoff the last one before it.
func (p StudyPeriod) RosterAt(now Instant) Instant { return min(now, p.Cutoff()-1) }

// Threshold is what the rates of the period are held against.
func (p StudyPeriod) Threshold() Threshold {
	return Threshold{BP: p.ThresholdBP, Raw: p.DecideOn == DecideOnRaw}
}

// SetCode names the period within its series: by its number, or a special issue by its title.
func (p *StudyPeriod) SetCode() {
	p.Code = "特辑 " + p.Title
	if p.Number != nil {
		p.Code = strconv.Itoa(*p.Number)
	}
}

// Special reports whether it is a special issue (特辑), outside the numbering.
func (p StudyPeriod) Special() bool { return p.Number == nil }

// Name is the period as a notice calls it: 第12期, or the title of a special issue.
func (p StudyPeriod) Name() string {
	if p.Number == nil {
		return p.Title
	}
	return fmt.Sprintf("第%d期", *p.Number)
}

// Quiz are the questions of a period; an answer is the index of the right option.
type Quiz struct {
	Pass      int        `json:"pass"` // how many have to be right
	Questions []Question `json:"questions"`
}

// Question is one of a Quiz.
type Question struct {
	Text    string   `json:"text"`
	Options []string `json:"options"`
	Answer  int      `json:"answer"`
}

// ParseQuiz reads the quiz of the period; nil without one.
func (p StudyPeriod) ParseQuiz() (*Quiz, error) {
	if p.Quiz == "" {
		return nil, nil
	}
	var q Quiz
	if err := json.Unmarshal([]byte(p.Quiz), &q); err != nil {
		return nil, fmt.Errorf("quiz of period %d: %w", p.ID, err)
	}
	return &q, nil
}

// Right counts the right answers.
func (q Quiz) Right(answers []int) (right int) {
	for i, question := range q.Questions {
		if i < len(answers) && answers[i] == question.Answer {
			right++
		}
	}
	return right
}

// PeriodAudience is one unit whose roster is due in a period.
type PeriodAudience struct {
	PeriodID int64
	UnitID   int64
}

// TableName keeps the table's name in step with the migration.
func (PeriodAudience) TableName() string { return "period_audience" }

// PeriodActivity is an activity that belongs to a period: who attends it may count as completed.
type PeriodActivity struct {
	ActivityID int64
	PeriodID   int64
}

// Period is a study period with what decides who sees it and who is due: the unit that holds it and the units of its
// audience, which are that unit or inside it.
type Period struct {
	StudyPeriod
	Unit     Unit
	Audience Audience
}

// LoadPeriods returns the periods with the ids, by id; one that does not exist is missing.
func LoadPeriods(tx *gorm.DB, ids []int64) (map[int64]Period, error) {
	var rows []StudyPeriod
	if err := tx.Where("id IN ?", ids).Find(&rows).Error; err != nil {
		return nil, err
	}
	return PeriodsOf(tx, rows)
}

// PeriodsOf completes periods that were read already, by id.
func PeriodsOf(tx *gorm.DB, rows []StudyPeriod) (map[int64]Period, error) {
	periods := make(map[int64]Period, len(rows))
	if len(rows) == 0 {
		return periods, nil
	}
	ids := make([]int64, len(rows))
	for i, p := range rows {
		ids[i] = p.ID
	}
	holders, audiences, err := periodsForAudience.load(tx, ids)
	for _, p := range rows {
		periods[p.ID] = Period{StudyPeriod: p, Unit: holders[p.ID], Audience: audiences[p.ID]}
	}
	return periods, err
}

// SeenPeriod returns the period when the actor is shown it, else ErrNotFound.
func SeenPeriod(tx *gorm.DB, a Actor, id int64) (Period, error) {
	found, err := LoadPeriods(tx, []int64{id})
	if err != nil {
		return Period{}, err
	}
	p, ok := found[id]
	if !ok || !p.Audience.ShownTo(a, p.Unit) {
		return Period{}, ErrNotFound
	}
	return p, nil
}

// LineBelow returns the ids on the way from the unit that holds the period down to the one with the path, both included.
func (p Period) LineBelow(path string) []int64 {
	line := PathIDs(path)
	if i := slices.Index(line, p.UnitID); i >= 0 {
		return line[i:]
	}
	return nil
}

// leagueAge is when a member without a league office leaves the League (离团): at 28 (DOMAIN.md §11).
const leagueAge = 28

// Due is who is due (应参学) by the roster of the moment: the counted members of the audience on the period's track, long
// enough on the roster, and on the League's track under 28 or in a league office. A birth date nobody entered makes
// nobody too old. The query must have memberships, members and units in it; everyone is in it once.
func (p Period) Due(at Instant) func(*gorm.DB) *gorm.DB {
	return func(tx *gorm.DB) *gorm.DB { return tx.Scopes(p.DueAnywhere(at), Under(p.asked().Paths()...)) }
}

// Invites reports whether the roster of the unit with the path is due.
func (p Period) Invites(path string) bool { return p.asked().Invites(path) }

// asked are the units of the audience still inside the unit that holds the period. The roster of one that was moved
// elsewhere is due there no more: it would be in no total.
func (p Period) asked() Audience {
	return slices.DeleteFunc(slices.Clone(p.Audience), func(u Unit) bool { return !strings.HasPrefix(u.Path, p.Unit.Path) })
}

// DueAnywhere is Due without regard to the unit, for a query that looks up single members and must not be tempted to begin
// at the units; Invites says the rest. The query must have memberships and members in it.
func (p Period) DueAnywhere(at Instant) func(*gorm.DB) *gorm.DB {
	day := at.Date()
	return func(tx *gorm.DB) *gorm.DB {
		tx = tx.Scopes(OnRoster(at), Counted, OfTrack(p.Track))
		if p.MinDays > 0 {
			since := day.AddDays(-p.MinDays)
			tx = tx.Where(`EXISTS (SELECT 1 FROM memberships earlier WHERE earlier.member_id = memberships.member_id
				AND earlier.track = memberships.track AND earlier.started_on <= ? AND earlier.ended_on > ?)`, since, since)
		}
		if p.Track == League {
			born := DateOf(day.Start().Time().AddDate(-leagueAge, 0, 0))
			tx = tx.Where(`(members.birth_date = '' OR members.birth_date > ? OR EXISTS (SELECT 1 FROM posts
				JOIN units offices ON offices.id = posts.unit_id WHERE posts.member_id = memberships.member_id
				AND posts.started_on <= ? AND posts.ended_on > ? AND offices.kind LIKE 'league%' AND posts.title NOT IN ?))`,
				born, day, day, []Title{Admin, Auditor})
		}
		return tx
	}
}

// Touches reports whether the unit is in the audience or above it.
func (p Period) Touches(u Unit) bool {
	return slices.ContainsFunc(p.Audience, func(a Unit) bool {
		return strings.HasPrefix(u.Path, a.Path) || strings.HasPrefix(a.Path, u.Path)
	})
}
