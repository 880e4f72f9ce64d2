package main

import (
	"context"
	"errors"
	"fmt"
	"time"

	"gorm.io/gorm"

	"zhibu/model"
)

// freezes is how often the period is frozen; it is reopened in between.
const freezes = 3

// The floors of a freeze: a copy of the rows it wrote, and one that works them out as the freeze has to.
const (
	copyEntries    = "INSERT INTO entries_copy SELECT * FROM period_entries WHERE version_id = ?"
	workOutEntries = `INSERT INTO entries_copy SELECT v.id, m.member_id, m.unit_id, IF(c.id IS NULL, 'missing', 'completed'),
			COALESCE(c.source, ''), COALESCE(c.completed_at, 0)
		FROM period_versions v JOIN memberships m LEFT JOIN completions c ON c.period_id = v.period_id AND c.member_id = m.member_id
		WHERE v.id = ? AND m.track = 'league'`
)

// benchFreeze measures freezing the period beside an INSERT … SELECT of the same rows into a table of the same shape.
// Meanwhile somebody completes in another period of the same organisation.
func (t *tree) benchFreeze(ctx context.Context, p model.Period) error {
	other, err := openPeriod(ctx, t.services.Period, t.root, "beside")
	if err != nil {
		return err
	}
	for _, statement := range []string{
		"CREATE TABLE entries_copy LIKE period_entries",
		"ALTER TABLE entries_copy ADD FOREIGN KEY (version_id) REFERENCES period_versions (id)",
	} {
		if err := t.exec(ctx, statement); err != nil {
			return err
		}
	}
	b := &bystander{tree: t, period: other}
	fmt.Println("| run | measured | s | freezing : this | completions of another period meanwhile | p50 ms | slowest ms |")
	fmt.Println("|---|---|---|---|---|---|---|")
	for run := range freezes {
		progress("freezing, %d of %d", run+1, freezes)
		if err := t.freezeOnce(ctx, p, b, run+1); err != nil {
			return err
		}
	}
	fmt.Println()
	return nil
}

func (t *tree) freezeOnce(ctx context.Context, p model.Period, b *bystander, run int) error {
	var freezing time.Duration
	for _, m := range []struct {
		name string
		work func() error
	}{
		{"nothing", func() error { time.Sleep(3 * time.Second); return nil }},
		{"freezing", func() error { return t.freeze(ctx, p.ID) }},
		{"INSERT … SELECT, a copy of the rows", func() error { return t.insertEntries(ctx, copyEntries, p.ID) }},
		{"INSERT … SELECT, worked out", func() error { return t.insertEntries(ctx, workOutEntries, p.ID) }},
	} {
		if err := t.exec(ctx, "TRUNCATE TABLE entries_copy"); err != nil {
			return err
		}
		time.Sleep(time.Second)
		took, beside, err := b.during(ctx, m.work)
		if err != nil {
			return fmt.Errorf("%s: %w", m.name, err)
		}
		ratio := ""
		switch {
		case m.name == "freezing":
			freezing = took
		case freezing != 0:
			ratio = fmt.Sprintf("%.2f", freezing.Seconds()/took.Seconds())
		}
		fmt.Printf("| %d | %s | %.1f | %s | %d | %.1f | %.1f |\n", run, m.name, took.Seconds(), ratio, len(beside.times),
			beside.percentile(50), beside.percentile(100))
	}
	if run == freezes {
		return nil
	}
	_, err := t.services.Period.Reopen(ctx, officer, p.ID, "bench")
	return err
}

// freeze closes the period and checks that everybody is in the version.
func (t *tree) freeze(ctx context.Context, periodID int64) error {
	p, err := t.services.Period.Close(ctx, officer, periodID)
	if err != nil {
		return err
	}
	var v model.PeriodVersion
	err = t.db.Read(ctx).Where("period_id = ? AND number = ?", periodID, p.Version).Take(&v).Error
	if err == nil && (!p.Frozen() || v.Due != treeMembers) {
		err = errors.New("the period is not frozen with everybody in it")
	}
	return err
}

// insertEntries runs a floor over the last version, in a transaction like that of the freezing.
func (t *tree) insertEntries(ctx context.Context, statement string, periodID int64) error {
	return t.db.WriteBulk(ctx, func(tx *gorm.DB) error {
		var v model.PeriodVersion
		if err := tx.Where("period_id = ?", periodID).Order("number DESC").Take(&v).Error; err != nil {
			return err
		}
		done := tx.Exec(statement, v.ID)
		if done.Error == nil && done.RowsAffected != treeMembers {
			return fmt.Errorf("%d rows instead of %d", done.RowsAffected, treeMembers)
		}
		return done.Error
	})
}

// bystander completes in another period, one member after the other.
type bystander struct {
	tree   *tree
	period model.Period
	next   int
}

// during runs work and completes until it is done.
func (b *bystander) during(ctx context.Context, work func() error) (took time.Duration, beside result, err error) {
	done := make(chan error, 1)
	begin := time.Now()
	go func() { err := work(); took = time.Since(begin); done <- err }()
	beside, failed := measure(1, func(_ int, record func(time.Duration)) error {
		for {
			select {
			case err = <-done:
				return nil
			default:
			}
			// Each is of another branch, as they are when a whole organisation studies.
			actor := model.Actor{MemberID: treeID(b.next * (perBranch + 1) % treeMembers), Bound: true}
			b.next++
			begin := time.Now()
			if _, _, err := b.tree.services.Period.Complete(ctx, actor, b.period.ID, nil); err != nil {
				return err
			}
			record(time.Since(begin))
			time.Sleep(5 * time.Millisecond)
		}
	})
	if failed != nil {
		return 0, result{}, failed
	}
	return took, beside, err
}
