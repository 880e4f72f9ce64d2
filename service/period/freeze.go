package period

import (
	"context"
	"crypto/sha256"
	"database/sql"
	"encoding/hex"
	"errors"
	"fmt"
	"hash"
	"strconv"

	"gorm.io/gorm"

	"zhibu/model"
)

var errFrozen = errors.New("another instance has just closed the period")

// freeze closes the period and keeps a version of it: everybody due at the cutoff with what counted, the rates by unit,
// and a hash over it. The period's row is locked first, so that completions that began before are in the version, and
// those that begin after see that it is closed.
func (s *Service) freeze(ctx context.Context, actor model.Actor, id int64) error {
	const tries = 5
	for try := 1; ; try++ {
		switch err := s.freezeOnce(ctx, actor, id); {
		case errors.Is(err, errFrozen):
			return nil
		case !errors.Is(err, model.ErrMoved) || try == tries:
			return err
		}
	}
}

func (s *Service) freezeOnce(ctx context.Context, actor model.Actor, id int64) error {
	return s.db.WriteBulk(ctx, func(tx *gorm.DB) error {
		found, err := model.LoadPeriods(model.ForUpdate(tx), []int64{id})
		if err != nil {
			return err
		}
		p, now := found[id], model.At(s.now()) // the time is taken when nobody can complete any more
		byItself := actor.Ref() == (model.Actor{}).Ref()
		if p.Frozen() || p.CancelledAt != 0 || byItself && !p.Overdue(now) { // or closed and opened again meanwhile
			return errFrozen
		}
		if err := takeAttendance(tx, p, now); err != nil {
			return err
		}
		cutoff, err := cutoffOf(tx, p, now)
		if err != nil {
			return err
		}
		v := model.PeriodVersion{
			ID: model.NewID(), PeriodID: id, Number: p.Version + 1, CutoffAt: cutoff, ThresholdBP: p.ThresholdBP,
			MinDays: p.MinDays, DecideOn: p.DecideOn, FrozenAt: now, FrozenBy: actor.Ref(),
		}
		if p.Version > 0 {
			v.Reason = p.ReopenReason
		}
		p.ClosedAt, p.Version = v.CutoffAt, v.Number
		return keep(tx, actor, p, v)
	})
}

// cutoffOf is the first moment that is too late when the period is closed now: its end, or before that the moment after
// now and after every completion there is, since another instance's clock may be a little ahead. Who was told that he is
// in time is in time.
func cutoffOf(tx *gorm.DB, p model.Period, now model.Instant) (model.Instant, error) {
	if now >= p.ClosesAt {
		return p.ClosesAt, nil
	}
	var last model.Instant
	err := tx.Model(&model.Completion{}).Select("COALESCE(MAX(completed_at), 0)").
		Where("period_id = ? AND completed_at < ?", p.ID, p.ClosesAt).Scan(&last).Error
	return max(now, last) + 1, err
}

// keep writes the version of the period, which is frozen as it is.
func keep(tx *gorm.DB, actor model.Actor, p model.Period, v model.PeriodVersion) error {
	if err := tx.Create(&v).Error; err != nil {
		return err
	}
	if err := addEntries(tx, p, v); err != nil {
		return err
	}
	sum, own, err := readEntries(tx, v)
	if err != nil {
		return err
	}
	counts, err := frozenCounts(tx, p, own)
	if err != nil {
		return err
	}
	total, entries := counts[0].Rate, 0
	for _, r := range own {
		entries += r.Due
	}
	if entries != total.Due {
		return model.ErrMoved // a unit was moved between the two statements
	}
	v.Due, v.Exempt, v.Completed, v.Hash = total.Due, total.Exempt, total.Completed, hex.EncodeToString(sum)
	err = tx.Model(&model.PeriodVersion{}).Where("id = ?", v.ID).Updates(map[string]any{
		"due": v.Due, "exempt": v.Exempt, "completed": v.Completed, "hash": v.Hash,
	}).Error
	if err != nil {
		return err
	}
	err = tx.Model(&model.StudyPeriod{}).Where("id = ?", p.ID).
		Updates(map[string]any{"closed_at": p.ClosedAt, "version": p.Version}).Error
	if err != nil {
		return err
	}
	return model.Audit(tx, actor, v.FrozenAt, model.Deed{
		Action: "study_period.close", Unit: p.Unit, SubjectID: p.ID, After: map[string]any{
			"version": v.Number, "cutoff_at": v.CutoffAt.Time(), "due": v.Due, "exempt": v.Exempt, "completed": v.Completed,
			"hash": v.Hash,
		},
	})
}

// addEntries copies everybody due at the cutoff, with what counted, in one statement.
func addEntries(tx *gorm.DB, p model.Period, v model.PeriodVersion) error {
	due := joinRecords(tx.Session(&gorm.Session{NewDB: true}).Model(&model.Membership{}), p.ID, "memberships").
		Select(`?, memberships.member_id, memberships.unit_id,
			CASE WHEN completions.completed_at < ? THEN 'completed' WHEN exemptions.id IS NOT NULL THEN 'exempt' ELSE 'missing' END,
			CASE WHEN completions.completed_at < ? THEN completions.source ELSE '' END,
			CASE WHEN completions.completed_at < ? THEN completions.completed_at ELSE 0 END`,
			v.ID, v.CutoffAt, v.CutoffAt, v.CutoffAt).
		Joins("JOIN units ON units.id = memberships.unit_id").Joins("JOIN members ON members.id = memberships.member_id").
		Scopes(p.Due(v.CutoffAt - 1))
	return tx.Exec("INSERT INTO period_entries (version_id, member_id, unit_id, outcome, source, completed_at) ?", due).Error
}

// readEntries reads the entries of a version as the database has them now, and returns the hash over them, a line each in
// the order of the members, and the rates by unit.
func readEntries(tx *gorm.DB, v model.PeriodVersion) (sum []byte, own map[int64]model.Rate, err error) {
	rows, err := tx.Model(&model.PeriodEntry{}).Select("member_id, unit_id, outcome, source, completed_at").
		Where("version_id = ?", v.ID).Order("member_id").Rows()
	if err != nil {
		return nil, nil, err
	}
	defer rows.Close()
	h, own := newHash(v), map[int64]model.Rate{}
	var memberID, unitID, outcome, source, completedAt sql.RawBytes // there may be a million rows
	var line []byte
	for rows.Next() {
		if err := rows.Scan(&memberID, &unitID, &outcome, &source, &completedAt); err != nil {
			return nil, nil, err
		}
		line = line[:0]
		for _, column := range [...][]byte{memberID, unitID, outcome, source, completedAt} {
			line = append(append(line, column...), ' ')
		}
		line[len(line)-1] = '\n'
		h.Write(line)
		r := model.Rate{Due: 1}
		switch model.Outcome(outcome) {
		case model.OutcomeCompleted:
			r.Completed = 1
		case model.OutcomeExempt:
			r.Exempt = 1
		}
		id, err := strconv.ParseInt(string(unitID), 10, 64)
		if err != nil {
			return nil, nil, err
		}
		own[id] = own[id].Plus(r)
	}
	return h.Sum(nil), own, rows.Err()
}

// newHash begins with what decides: the period, its cutoff and its threshold. Who froze it, when and as which version is
// not part of it, so the same facts have the same hash.
func newHash(v model.PeriodVersion) hash.Hash {
	h := sha256.New()
	fmt.Fprintf(h, "period %d cutoff %d threshold %d min_days %d decide_on %s\n",
		v.PeriodID, v.CutoffAt, v.ThresholdBP, v.MinDays, v.DecideOn)
	return h
}

// frozenCounts writes the rates by unit of the version. Who was late is counted by the tallies from here on, so what they
// hold already is taken off.
func frozenCounts(tx *gorm.DB, p model.Period, own map[int64]model.Rate) ([]model.PeriodCount, error) {
	counts, err := layOut(tx, p)
	if err != nil {
		return nil, err
	}
	late, err := lateByUnit(tx, p)
	if err != nil {
		return nil, err
	}
	for unitID, n := range late {
		own[unitID] = own[unitID].Plus(model.Rate{Late: n})
	}
	rollUp(p, counts, own)
	var tallies []model.Tally
	if err := tx.Where("period_id = ? AND late <> 0", p.ID).Find(&tallies).Error; err != nil {
		return nil, err
	}
	tallied := map[int64]int{}
	for _, t := range tallies {
		tallied[t.UnitID] += t.Late
	}
	for i := range counts {
		counts[i].Version = p.Version
		counts[i].Late -= tallied[counts[i].UnitID]
	}
	return counts, tx.CreateInBatches(counts, 500).Error
}

// lateByUnit counts who of the frozen version completed after its cutoff. The outer join makes every database begin at
// the few who did, not at everybody who was due.
func lateByUnit(tx *gorm.DB, p model.Period) (map[int64]int, error) {
	var rows []struct {
		UnitID int64
		Late   int
	}
	err := tx.Model(&model.Completion{}).Select("COALESCE(period_entries.unit_id, 0) AS unit_id, COUNT(*) AS late").
		Joins("JOIN period_versions ON period_versions.period_id = completions.period_id AND period_versions.number = ?", p.Version).
		Joins("LEFT JOIN period_entries ON period_entries.version_id = period_versions.id AND period_entries.member_id = completions.member_id").
		Where("completions.period_id = ? AND completions.completed_at >= ?", p.ID, p.ClosedAt).
		Group("period_entries.unit_id").Find(&rows).Error
	late := make(map[int64]int, len(rows))
	for _, r := range rows {
		late[r.UnitID] = r.Late
	}
	delete(late, 0) // who was not due
	return late, err
}
