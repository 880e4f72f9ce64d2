package main

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"strings"
	"time"

	"gorm.io/gorm"

	"zhibu/model"
	"zhibu/service/dues"
)

const (
	billRounds = 3
	billBatch  = 100  // rows of an INSERT, as the product has them
	billPage   = 1000 // rows of a transaction, likewise
)

// benchBills measures a month's bills beside multi-row INSERTs of as many into the same table: the same rows but for their
// ids and the month, which is another one for each.
func (b *books) benchBills(ctx context.Context) error {
	fmt.Printf("Bills of a month for %d members in %d branches, %s.\n\n", duesMembers, treeBranches, b.db.Dialect)
	fmt.Println("| run | measured | s | of the INSERTs, 1000 rows a transaction | of the INSERTs, one transaction | peak MiB |")
	fmt.Println("|---|---|---|---|---|---|")
	for run := range billRounds {
		if err := b.billRound(ctx, run+1, run*4); err != nil {
			return err
		}
	}
	fmt.Println()
	return nil
}

// billRound fills four months.
func (b *books) billRound(ctx context.Context, run, month int) error {
	progress("bills on %s, %d of %d", b.db.Dialect, run, billRounds)
	made, err := b.billApart(ctx, billing{Path: "root", Month: duesMonth(month)})
	if err != nil {
		return err
	}
	paged, err := b.insertBills(ctx, duesMonth(month), duesMonth(month+1), billBatch, billPage)
	if err != nil {
		return err
	}
	whole, err := b.insertBills(ctx, duesMonth(month), duesMonth(month+2), billBatch, duesMembers)
	if err != nil {
		return err
	}
	chore, err := b.billApart(ctx, billing{Path: "/", Month: duesMonth(month + 3)})
	if err != nil {
		return err
	}
	again, err := b.billApart(ctx, billing{Path: "root", Month: duesMonth(month)})
	if err != nil {
		return err
	}
	if made.Created != duesMembers || again.Existing != duesMembers || again.Created != 0 {
		return fmt.Errorf("%d bills made, then %d found and %d made", made.Created, again.Existing, again.Created)
	}
	for _, row := range []struct {
		name    string
		seconds float64
		mib     float64
	}{
		{"INSERTs of 100 rows, 1000 a transaction", paged, 0}, {"INSERTs of 100 rows, one transaction", whole, 0},
		{"bills, asked for by the committee", made.Seconds, made.PeakMiB},
		{"bills, by the chore, which first looks at the month before", chore.Seconds, chore.PeakMiB},
		{"bills, all there already", again.Seconds, again.PeakMiB},
	} {
		fmt.Printf("| %d | %s | %.1f | %.2f | %.2f | %.0f |\n", run, row.name, row.seconds, row.seconds/paged, row.seconds/whole, row.mib)
	}
	return nil
}

// insertBills is the floor: it writes the bills of one month again for another and returns how many seconds the INSERTs
// took. Making the rows is not measured.
func (b *books) insertBills(ctx context.Context, from, to model.Month, batch, page int) (float64, error) {
	var bills []model.Bill
	err := b.db.Read(ctx).Where("month = ? AND unit_id <> ?", from, b.many.ID).Order("id").Find(&bills).Error
	if err != nil || len(bills) != duesMembers {
		return 0, fmt.Errorf("%d bills of %s: %w", len(bills), from, err)
	}
	statements := make([]insertion, 0, len(bills)/batch+1)
	for i := 0; i < len(bills); i += batch {
		statements = append(statements, insertionOf(bills[i:min(i+batch, len(bills))], to))
	}
	begin := time.Now()
	for i := 0; i < len(statements); i += page / batch {
		tx, err := b.db.Pool().BeginTx(ctx, nil)
		if err != nil {
			return 0, err
		}
		for _, s := range statements[i:min(i+page/batch, len(statements))] {
			if _, err := tx.ExecContext(ctx, s.statement, s.values...); err != nil {
				return 0, errors.Join(err, tx.Rollback())
			}
		}
		if err := tx.Commit(); err != nil {
			return 0, err
		}
	}
	return time.Since(begin).Seconds(), nil
}

// insertion is a multi-row INSERT of bills.
type insertion struct {
	statement string
	values    []any
}

func insertionOf(bills []model.Bill, month model.Month) insertion {
	var s insertion
	row := "(?" + strings.Repeat(",?", 14) + ")"
	s.statement = "INSERT INTO dues_bills (id, unit_id, member_id, track, month, due_on, assessed_fen, amount_fen, paid_fen, assessment_id, " +
		"exemption_id, created_at, voided_id, voided_at, void_reason) VALUES " + row + strings.Repeat(","+row, len(bills)-1)
	for _, b := range bills {
		s.values = append(s.values, model.NewID(), b.UnitID, b.MemberID, string(b.Track), string(month), string(b.DueOn), int64(b.AssessedFen),
			int64(b.AmountFen), int64(b.PaidFen), b.AssessmentID, b.ExemptionID, int64(b.CreatedAt), b.VoidedID, int64(b.VoidedAt), b.VoidReason)
	}
	return s
}

// billing is a run of bills in a process of its own, and what came of it.
type billing struct {
	Path  string // root, or / for the chore
	Month model.Month
	dues.Billing
	Seconds float64
	PeakMiB float64
}

// billApart makes the bills in a process of its own, whose memory is theirs alone.
func (b *books) billApart(ctx context.Context, job billing) (billing, error) {
	if err := b.refresh(ctx); err != nil {
		return job, err
	}
	in, err := json.Marshal(job)
	if err != nil {
		return job, err
	}
	child := exec.CommandContext(ctx, os.Args[0], "-bill", string(in), "-database", b.url)
	child.Stderr = os.Stderr
	out, err := child.Output()
	if err != nil {
		return job, fmt.Errorf("bills in a process of their own: %w", err)
	}
	return job, json.Unmarshal(out, &job)
}

// bill is what that process does.
func bill(ctx context.Context, databaseURL, in string) error {
	var job billing
	if err := json.Unmarshal([]byte(in), &job); err != nil {
		return err
	}
	db, err := model.Open(databaseURL, model.Options{Logger: quiet})
	if err != nil {
		return err
	}
	defer db.Close()
	clock := duesClock
	if job.Path == "/" { // the chore makes the bills of the month it is
		clock = func() time.Time { return job.Month.Day(28).Start().Time() }
	}
	s := dues.New(db, nil, clock, nil, false)
	begin := time.Now()
	if job.Path == "/" {
		err = s.BillDue(ctx)
	} else {
		job.Billing, err = s.Bill(ctx, officer, treeID(0), job.Month)
	}
	if err != nil {
		return err
	}
	job.Seconds = time.Since(begin).Seconds()
	if job.PeakMiB, err = memory(os.Getpid(), "VmHWM"); err != nil {
		return err
	}
	return json.NewEncoder(os.Stdout).Encode(job)
}

// benchStatement measures the statement of the branch with many members beside reading the bills and payments it is about.
func (b *books) benchStatement(ctx context.Context) error {
	paid, err := b.payYear(ctx)
	if err != nil {
		return err
	}
	if err := b.refresh(ctx); err != nil {
		return err
	}
	s := dues.New(b.db, nil, duesClock, nil, false)
	statement := func(unitID int64, bills int) func() error {
		return func() error {
			st, err := s.Statement(ctx, officer, unitID, duesYear)
			n := 0
			for _, m := range st.Months {
				n += m.Bills
			}
			if err == nil && (n != bills || unitID == b.many.ID && st.Paid != paid) {
				err = fmt.Errorf("the statement says %d bills and %s paid", n, st.Paid)
			}
			return err
		}
	}
	fmt.Printf("Statement of a branch over 12 months of %d members, beside reading its rows, %s.\n\n", manyMembers, b.db.Dialect)
	fmt.Println("| measured | runs | p50 ms | p99 ms | of row by row | of the cursor |")
	fmt.Println("|---|---|---|---|---|---|")
	var single, cursor float64
	for _, m := range []struct {
		name string
		runs int
		work func() error
	}{
		{"row by row, a query each", 3, func() error { return b.readSingly(ctx) }},
		{"one cursor over the bills, one over the payments", 30, func() error { return b.readCursor(ctx) }},
		{"statement", 100, statement(b.many.ID, 12*manyMembers)},
		{fmt.Sprintf("statement of the whole tree, %d bills", 12*duesMembers), 3, statement(b.root, 12*duesMembers)},
	} {
		progress("%s on %s", m.name, b.db.Dialect)
		r, err := repeat(m.runs, m.work)
		if err != nil {
			return fmt.Errorf("%s: %w", m.name, err)
		}
		p50 := r.percentile(50)
		switch {
		case single == 0:
			single = p50
		case cursor == 0:
			cursor = p50
		}
		ofCursor := ""
		if cursor != 0 {
			ofCursor = fmt.Sprintf("%.3f", p50/cursor)
		}
		fmt.Printf("| %s | %d | %.2f | %.2f | 1/%.1f | %s |\n", m.name, m.runs, p50, r.percentile(99), single/p50, ofCursor)
	}
	fmt.Println()
	return nil
}

// payYear writes a year of bills of the branch with many members, a payment for most of them, and the ledger below.
func (b *books) payYear(ctx context.Context) (paid model.Fen, err error) {
	// The chore has made some bills of this branch already; now it gets all of them in the order of the months.
	if err := b.exec(ctx, "DELETE FROM dues_bills WHERE unit_id = ?", b.many.ID); err != nil {
		return 0, err
	}
	for month := range 12 {
		bills := make([]model.Bill, manyMembers)
		var entries []model.Entry
		var lines []model.Line
		var payments []model.Payment
		var allocations []model.Allocation
		for i := range bills {
			id, fen := treeID(duesMembers+i), model.Fen(300+i%1700)
			bill := model.Bill{ID: model.NewID(), UnitID: b.many.ID, MemberID: id, Track: model.League, Month: duesMonth(month),
				DueOn: duesMonth(month).Day(15), AssessedFen: fen, AmountFen: fen, AssessmentID: id}
			if month < 11 && i%50 != month { // nobody has paid the last month, and somebody is always behind
				bill.PaidFen = fen
				paid += fen
				e := model.Entry{ID: model.NewID(), Kind: model.PaymentEntry, UnitID: b.many.ID, Year: duesYear, OccurredOn: bill.DueOn}
				p := model.Payment{ID: model.NewID(), UnitID: b.many.ID, MemberID: id, Track: model.League, Method: model.PaidBank, AmountFen: fen,
					PaidOn: bill.DueOn, EntryID: e.ID}
				entries, payments = append(entries, e), append(payments, p)
				lines = append(lines, model.Line{EntryID: e.ID, Position: 1, UnitID: b.many.ID, Account: model.Bank, AmountFen: fen},
					model.Line{EntryID: e.ID, Position: 2, UnitID: b.many.ID, Account: model.DuesPaid, AmountFen: -fen})
				allocations = append(allocations, model.Allocation{ID: model.NewID(), PaymentID: p.ID, BillID: bill.ID, EntryID: e.ID, AmountFen: fen})
			}
			bills[i] = bill
		}
		err := b.db.Write(ctx, func(tx *gorm.DB) error { return createAll(tx, bills, entries, lines, payments, allocations) })
		if err != nil {
			return 0, err
		}
	}
	return paid, b.db.Write(ctx, func(tx *gorm.DB) error {
		return createAll(tx, []model.Balance{{UnitID: b.many.ID, Account: model.Bank, AmountFen: paid},
			{UnitID: b.many.ID, Year: duesYear, Account: model.DuesPaid, AmountFen: -paid}})
	})
}

// readSingly reads each bill and each payment of the year with a query of its own.
func (b *books) readSingly(ctx context.Context) error {
	var bills, payments []int64
	db := b.db.Read(ctx)
	err := errors.Join(
		db.Model(&model.Bill{}).Where("unit_id = ?", b.many.ID).Pluck("id", &bills).Error,
		db.Model(&model.Payment{}).Where("unit_id = ?", b.many.ID).Pluck("id", &payments).Error)
	for _, id := range bills {
		err = errors.Join(err, db.Take(&model.Bill{}, id).Error)
	}
	for _, id := range payments {
		err = errors.Join(err, db.Take(&model.Payment{}, id).Error)
	}
	return err
}

// readCursor reads the same rows with two queries through database/sql.
func (b *books) readCursor(ctx context.Context) error {
	for _, query := range []string{
		"SELECT * FROM dues_bills WHERE unit_id = ?", "SELECT * FROM dues_payments WHERE unit_id = ?",
	} {
		rows, err := b.db.Pool().QueryContext(ctx, query, b.many.ID)
		if err != nil {
			return err
		}
		defer rows.Close()
		columns, err := rows.Columns()
		if err != nil {
			return err
		}
		values, into := make([]any, len(columns)), make([]any, len(columns))
		for i := range values {
			into[i] = &values[i]
		}
		for rows.Next() {
			if err := rows.Scan(into...); err != nil {
				return err
			}
		}
		if err := rows.Err(); err != nil {
			return err
		}
	}
	return nil
}
