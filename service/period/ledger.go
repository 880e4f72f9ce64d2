package period

import (
	"unicode/utf8"

	"gorm.io/gorm"

	"zhibu/model"
)

// key is one member in one period: the key of a row.
type key struct{ periodID, memberID int64 }

// seat is somebody who is due: where, whether released, and his record.
type seat struct {
	path   string // of his unit; in a frozen period as it was then
	exempt bool
	record *model.Completion
}

// ledger holds in memory what concerns a few members while their records change, and writes it at once: the rows, the
// audit, and what they add to the counts of every unit from the member's own up to the one that holds the period.
type ledger struct {
	now     model.Instant
	due     map[key]*seat
	created []model.Completion
	updated []update
	gone    []model.Completion
	events  []model.AuditEvent
	added   map[unitOf]model.Rate
}

// update is a record as it was and as it will be.
type update struct{ was, is model.Completion }

// unitOf is a unit in a period.
type unitOf struct{ periodID, unitID int64 }

func newLedger(now model.Instant) *ledger {
	return &ledger{now: now, due: map[key]*seat{}, added: map[unitOf]model.Rate{}}
}

// open reads, in one round trip, which of the members are due in the period and what is recorded of them: by the roster,
// and once it is frozen by its last version.
func (l *ledger) open(tx *gorm.DB, p model.Period, memberIDs []int64) error {
	var found []struct {
		DueID       int64
		Path        string
		ExemptionID int64
		model.Completion
	}
	const columns = ".member_id AS due_id, COALESCE(exemptions.id, 0) AS exemption_id, completions.*, "
	var q *gorm.DB
	if p.Frozen() {
		q = tx.Table("period_entries").Select("period_entries"+columns+"period_counts.path").
			Joins("JOIN period_versions ON period_versions.id = period_entries.version_id").
			Joins(`JOIN period_counts ON period_counts.period_id = period_versions.period_id
				AND period_counts.version = period_versions.number AND period_counts.unit_id = period_entries.unit_id`).
			Where("period_versions.period_id = ? AND period_versions.number = ?", p.ID, p.Version)
		q = joinRecords(q, p.ID, "period_entries").Where("period_entries.member_id IN ?", memberIDs)
	} else {
		q = tx.Model(&model.Membership{}).Select("memberships" + columns + "units.path").
			Joins("LEFT JOIN units ON units.id = memberships.unit_id").
			Joins("JOIN members ON members.id = memberships.member_id")
		q = joinRecords(q, p.ID, "memberships").Scopes(p.DueAnywhere(p.RosterAt(l.now))).
			Where("memberships.member_id IN ?", memberIDs)
	}
	if err := q.Find(&found).Error; err != nil {
		return err
	}
	for _, f := range found {
		if !p.Frozen() && !p.Invites(f.Path) {
			continue
		}
		s := &seat{path: f.Path, exempt: f.ExemptionID != 0}
		if f.ID != 0 {
			s.record = &f.Completion
		}
		l.due[key{p.ID, f.DueID}] = s
	}
	return nil
}

// joinRecords adds what is recorded of the table's members in the period.
func joinRecords(q *gorm.DB, periodID int64, table string) *gorm.DB {
	return q.
		Joins("LEFT JOIN completions ON completions.period_id = ? AND completions.member_id = "+table+".member_id", periodID).
		Joins("LEFT JOIN exemptions ON exemptions.period_id = ? AND exemptions.member_id = "+table+".member_id", periodID)
}

// rateOf is what the seat adds to the counts, but for being due.
func (s seat) rateOf(p model.Period) (r model.Rate) {
	if s.record != nil && s.record.CompletedAt < p.Cutoff() {
		r.Completed = 1
		return r
	}
	if s.record != nil {
		r.Late = 1
	}
	if s.exempt {
		r.Exempt = 1
	}
	return r
}

// change notes that the seat changed from before.
func (l *ledger) change(p model.Period, before, after seat) {
	difference := after.rateOf(p).Minus(before.rateOf(p))
	if p.Frozen() { // what counts stays as it is frozen
		difference = model.Rate{Late: difference.Late}
	}
	if difference == (model.Rate{}) {
		return
	}
	for _, unitID := range p.LineBelow(after.path) {
		k := unitOf{p.ID, unitID}
		l.added[k] = l.added[k].Plus(difference)
	}
}

// enter adds a record to the seat of its member.
func (l *ledger) enter(actor model.Actor, p model.Period, c model.Completion) error {
	s := l.due[key{p.ID, c.MemberID}]
	before := *s
	s.record = &c
	l.change(p, before, *s)
	l.created = append(l.created, c)
	return l.note(actor, p, model.Deed{Action: "completion.create", SubjectID: c.ID, After: auditOfCompletion(c)})
}

// replace puts another record in the place of the one in the seat.
func (l *ledger) replace(actor model.Actor, p model.Period, c model.Completion) error {
	s := l.due[key{p.ID, c.MemberID}]
	before, was := *s, *s.record
	c.ID = was.ID
	s.record = &c
	l.change(p, before, *s)
	l.updated = append(l.updated, update{was, c})
	return l.note(actor, p, model.Deed{
		Action: "completion.change", SubjectID: c.ID, Before: auditOfCompletion(was), After: auditOfCompletion(c),
	})
}

// record enters the completion, or puts it in the place of one that came too late; one in time stays as it is.
func (l *ledger) record(actor model.Actor, p model.Period, c model.Completion) (Effect, error) {
	there := l.due[key{p.ID, c.MemberID}].record
	switch {
	case there == nil:
		return Created, l.enter(actor, p, c)
	case there.CompletedAt >= p.Cutoff() && c.CompletedAt < p.Cutoff():
		return Updated, l.replace(actor, p, c)
	}
	return Unchanged, nil
}

// Effect is what became of a completion an officer recorded.
type Effect int

const (
	Unchanged Effect = iota
	Created
	Updated
)

// remove takes the record out of the seat.
func (l *ledger) remove(actor model.Actor, p model.Period, memberID int64, reason map[string]any) error {
	s := l.due[key{p.ID, memberID}]
	before, was := *s, *s.record
	s.record = nil
	l.change(p, before, *s)
	l.gone = append(l.gone, was)
	return l.note(actor, p, model.Deed{
		Action: "completion.withdraw", SubjectID: was.ID, Before: auditOfCompletion(was), After: reason,
	})
}

// note keeps an audit event of a deed in the period.
func (l *ledger) note(actor model.Actor, p model.Period, d model.Deed) error {
	d.Unit = p.Unit
	event, err := model.NewAuditEvent(actor, l.now, d)
	l.events = append(l.events, event)
	return err
}

// write stores what was noted.
func (l *ledger) write(tx *gorm.DB) error {
	if len(l.created) > 0 {
		if err := tx.CreateInBatches(l.created, 200).Error; err != nil {
			return err
		}
	}
	for _, u := range l.updated {
		done := tx.Model(&model.Completion{}).Where(same(u.was)).Updates(map[string]any{
			"source": u.is.Source, "completed_at": u.is.CompletedAt, "recorded_at": u.is.RecordedAt,
			"recorded_by": u.is.RecordedBy, "reason": u.is.Reason,
		})
		if err := model.SaveSeen(done); err != nil {
			return err
		}
	}
	for _, c := range l.gone {
		if err := model.SaveSeen(tx.Where(same(c)).Delete(&model.Completion{})); err != nil {
			return err
		}
	}
	if err := model.AddAuditEvents(tx, l.events); err != nil {
		return err
	}
	if len(l.created)+len(l.updated)+len(l.gone) > maxBrief {
		if err := model.MarkRoster(tx, l.unitIDs()...); err != nil {
			return err
		}
	}
	return addTallies(tx, l.added)
}

// maxBrief is how many records are written well within the time that a recount waits for (settling). More of them, an
// import, may outlast it, so their units are counted once more.
const maxBrief = 64

// unitIDs are the units of those whose records are at hand.
func (l *ledger) unitIDs() (ids []int64) {
	for _, s := range l.due {
		if line := model.PathIDs(s.path); len(line) > 0 {
			ids = append(ids, line[len(line)-1])
		}
	}
	return ids
}

// same finds a record as long as it still is as it was when somebody decided to change it.
func same(c model.Completion) map[string]any {
	return map[string]any{"id": c.ID, "recorded_at": c.RecordedAt, "completed_at": c.CompletedAt, "source": c.Source}
}

// auditOfCompletion is what the audit keeps. The reason is written freely: the audit, which is for ever, keeps only that
// there is one.
func auditOfCompletion(c model.Completion) map[string]any {
	return map[string]any{
		"period_id": c.PeriodID, "member_id": c.MemberID, "source": c.Source, "completed_at": c.CompletedAt.Time(),
		"reason_characters": utf8.RuneCountInString(c.Reason),
	}
}
