package main

import (
	"context"
	"database/sql"
	"fmt"
	"strings"

	"gorm.io/gorm"

	"zhibu/model"
)

// The shape of the tree: a root, committees, general branches in each, branches in each, members in each.
const (
	committees      = 20
	generalBranches = 50
	branches        = 20
	perBranch       = 50

	treeBranches = committees * generalBranches * branches
	treeMembers  = treeBranches * perBranch
)

// treeID makes ids as long as those of the product, or paths would be shorter than they are.
func treeID(i int) int64 { return 800_000_000_000_000 + int64(i) }

// tree is the large organisation, with one secretary who is signed in.
type tree struct {
	*server
	root  int64
	token string
	units []model.Unit
}

// newTree fills a database with the organisation.
func newTree(ctx context.Context, db *model.DB) (*tree, error) {
	s, err := newServer(db)
	if err != nil {
		return nil, err
	}
	t := &tree{server: s, root: treeID(0)}
	progress("filling a database with %d members in %d branches", treeMembers, treeBranches)
	if err := t.plant(ctx); err != nil {
		return nil, err
	}
	if err := t.enrol(ctx); err != nil {
		return nil, err
	}
	t.token, err = s.signIn(ctx, "secretary")
	return t, err
}

// plant founds the units.
func (t *tree) plant(ctx context.Context) error {
	add := func(parent *model.Unit, kind model.UnitKind, code int) model.Unit {
		u := model.Unit{ID: treeID(len(t.units)), Kind: kind, Name: fmt.Sprint("组织", len(t.units)), Code: fmt.Sprintf("%03d", code),
			FoundedOn: since, ClosedOn: model.Forever}
		above := ""
		if parent != nil {
			u.ParentID, above = &parent.ID, parent.Path
		}
		u.Path = model.ChildPath(above, u.ID)
		t.units = append(t.units, u)
		return u
	}
	root := add(nil, model.LeagueCommittee, 0)
	var above []model.Unit
	for i := range committees {
		above = append(above, add(&root, model.LeagueCommittee, i))
	}
	var generals []model.Unit
	for _, c := range above {
		for i := range generalBranches {
			generals = append(generals, add(&c, model.LeagueGeneralBranch, i))
		}
	}
	for _, g := range generals {
		for i := range branches {
			add(&g, model.LeagueBranch, i)
		}
	}
	return t.db.Write(ctx, func(tx *gorm.DB) error { return createAll(tx, t.units) })
}

// enrol fills the rosters out of a table of numbers, made by doubling.
func (t *tree) enrol(ctx context.Context) error {
	if err := t.exec(ctx, "CREATE TABLE numbers (n INT NOT NULL PRIMARY KEY)"); err != nil {
		return err
	}
	if err := t.exec(ctx, "INSERT INTO numbers VALUES (0)"); err != nil {
		return err
	}
	for n := 1; n < treeMembers; n *= 2 {
		if err := t.exec(ctx, "INSERT INTO numbers SELECT n + ? FROM numbers", n); err != nil {
			return err
		}
	}
	err := t.fill(ctx, `INSERT INTO members (id, name, name_key, name_sort, gender, ethnicity, birth_date, education, job_title,
			phone_sealed, phone_hash, id_number_sealed, id_number_hash, note, erased_at, created_at)
		SELECT ? + n, CONCAT('团员', n), CONCAT('团员', n), CONCAT('tuanyuan', n), 'female', '汉族', CONCAT(2000 + n MOD 8, '-05-04'), '', '',
			REPEAT('x', 60), NULL, '', NULL, '', 0, 1 FROM numbers`, treeID(0))
	if err != nil {
		return err
	}
	err = t.fill(ctx, `INSERT INTO memberships (id, member_id, unit_id, track, kind, state, category, hardship, joined_on, confirmed_on,
			started_on, ended_on, end_reason, created_at)
		SELECT ? + n, ? + n, ? + n DIV ?, 'league', 'member', 'active', 'in_service', 0, '', '', ?, ?, '', 1 FROM numbers`,
		treeID(0), treeID(0), t.units[len(t.units)-treeBranches].ID, perBranch, since, model.Forever)
	if err != nil {
		return err
	}
	return t.db.Write(ctx, func(tx *gorm.DB) error {
		return createAll(tx,
			[]model.Post{{ID: treeID(0), MemberID: treeID(0), UnitID: t.root, Title: model.Secretary, StartedOn: since, TermEndsOn: model.Forever, EndedOn: model.Forever}},
			[]model.Binding{{ID: treeID(0), OpenID: "secretary", MemberID: treeID(0), Method: "phone", BoundAt: 1}})
	})
}

// fill runs an INSERT … SELECT FROM numbers in parts, so that no transaction is huge. Foreign keys are not checked: the
// rows are right, and this part is not measured.
func (t *tree) fill(ctx context.Context, insert string, args ...any) error {
	const part = 100_000
	connection, err := t.db.Pool().Conn(ctx)
	if err != nil {
		return err
	}
	defer connection.Close()
	if _, err := connection.ExecContext(ctx, "SET foreign_key_checks = 0"); err != nil {
		return err
	}
	where := " WHERE "
	if strings.Contains(insert, "WHERE") {
		where = " AND "
	}
	for from := 0; from < treeMembers; from += part {
		_, err := connection.ExecContext(ctx, insert+where+"n >= ? AND n < ?", append(args[:len(args):len(args)], from, min(from+part, treeMembers))...)
		if err != nil {
			return err
		}
	}
	_, err = connection.ExecContext(ctx, "SET foreign_key_checks = 1")
	return err
}

func (t *tree) exec(ctx context.Context, statement string, args ...any) error {
	_, err := t.db.Pool().ExecContext(ctx, statement, args...)
	return err
}

// analyze refreshes what the optimiser knows of the tables, which the database otherwise does in its own time.
func (t *tree) analyze(ctx context.Context) error {
	for _, table := range []string{"units", "members", "memberships", "completions", "tallies", "period_counts"} {
		if err := t.exec(ctx, "ANALYZE TABLE "+table); err != nil {
			return err
		}
	}
	return nil
}

// complete records completions of the members whose number leaves the remainder, and adds them to the tallies: the rows
// that the product would have left behind, but for the audit.
func (t *tree) complete(ctx context.Context, p model.Period, divisor, remainder int) error {
	now := model.At(p.OpensAt.Time())
	err := t.fill(ctx, `INSERT INTO completions (id, period_id, member_id, source, completed_at, recorded_at, recorded_by, reason)
		SELECT ? + n, ?, ? + n, 'self', ?, ?, '', '' FROM numbers WHERE n MOD ? = ?`,
		treeID(0), p.ID, treeID(0), now, now, divisor, remainder)
	if err != nil {
		return err
	}
	return t.tally(ctx, p)
}

// tallyShards is how many rows the product keeps for a unit.
const tallyShards = 8

// tally makes the tallies what the completions say, spread over all shards.
func (t *tree) tally(ctx context.Context, p model.Period) error {
	own, err := t.groupBy(ctx, p)
	if err != nil {
		return err
	}
	completed := map[int64]int{}
	for _, u := range t.units {
		for _, id := range p.LineBelow(u.Path) {
			completed[id] += own[u.ID]
		}
	}
	var tallies []model.Tally
	for _, u := range t.units {
		for shard := range tallyShards {
			tally := model.Tally{PeriodID: p.ID, UnitID: u.ID, Shard: shard, Completed: completed[u.ID] / tallyShards}
			if shard < completed[u.ID]%tallyShards {
				tally.Completed++
			}
			tallies = append(tallies, tally)
		}
	}
	return t.db.Write(ctx, func(tx *gorm.DB) error {
		if err := tx.Where("period_id = ?", p.ID).Delete(&model.Tally{}).Error; err != nil {
			return err
		}
		return createAll(tx, tallies)
	})
}

// groupBy is what one would ask without counters.
func (t *tree) groupBy(ctx context.Context, p model.Period) (map[int64]int, error) {
	return t.counts(ctx, `SELECT m.unit_id, COUNT(*) FROM completions c JOIN memberships m ON m.member_id = c.member_id
		WHERE c.period_id = ? GROUP BY m.unit_id`, p.ID)
}

// kindGroupBy is the same over a copy of the completions that has the unit in it and an index made for the question.
func (t *tree) kindGroupBy(ctx context.Context, p model.Period) (map[int64]int, error) {
	return t.counts(ctx, "SELECT unit_id, COUNT(*) FROM completion_units WHERE period_id = ? GROUP BY unit_id", p.ID)
}

// copyWithUnits makes the table of kindGroupBy.
func (t *tree) copyWithUnits(ctx context.Context) error {
	for _, statement := range []string{
		"DROP TABLE IF EXISTS completion_units",
		"CREATE TABLE completion_units LIKE completions",
		"ALTER TABLE completion_units ADD COLUMN unit_id BIGINT NOT NULL, ADD KEY (period_id, unit_id)",
		"INSERT INTO completion_units SELECT c.*, m.unit_id FROM completions c JOIN memberships m ON m.member_id = c.member_id",
		"ANALYZE TABLE completion_units",
	} {
		if err := t.exec(ctx, statement); err != nil {
			return err
		}
	}
	return nil
}

func (t *tree) counts(ctx context.Context, query string, args ...any) (map[int64]int, error) {
	rows, err := t.db.Pool().QueryContext(ctx, query, args...)
	if err != nil {
		return nil, err
	}
	return readCounts(rows)
}

func readCounts(rows *sql.Rows) (map[int64]int, error) {
	defer rows.Close()
	counts := map[int64]int{}
	for rows.Next() {
		var unitID int64
		var n int
		if err := rows.Scan(&unitID, &n); err != nil {
			return nil, err
		}
		counts[unitID] = n
	}
	return counts, rows.Err()
}
