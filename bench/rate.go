package main

import (
	"context"
	"fmt"
	"net/http"
	"time"

	"zhibu/model"
	"zhibu/service/period"
)

// page is how many units a reader of the rates asks for.
const page = 50

// benchTree prints what the rates of a large tree cost, and what freezing them does. It is measured on MariaDB only: an
// organisation of this size does not live in one SQLite file.
func benchTree(ctx context.Context) error {
	databaseURL, drop, err := benchDatabase(ctx)
	if err != nil {
		return err
	}
	defer drop()
	db, err := openDatabase(ctx, databaseURL)
	if err != nil {
		return err
	}
	defer db.Close()
	t, err := newTree(ctx, db)
	if err != nil {
		return err
	}
	defer t.close()
	p, err := openPeriod(ctx, t.services.Period, t.root, "large")
	if err != nil {
		return err
	}
	fmt.Printf("MariaDB only: %d league members in %d branches, %d units.\n\n", treeMembers, treeBranches, len(t.units))
	if err := t.benchRates(ctx, p); err != nil {
		return err
	}
	return t.benchFreeze(ctx, p)
}

// benchRates measures reading the rates when half of the members have completed, and when three quarters have.
func (t *tree) benchRates(ctx context.Context, p model.Period) error {
	if err := t.analyze(ctx); err != nil {
		return err
	}
	if err := t.expect(ctx, p, 0); err != nil { // counted once before anybody completes
		return err
	}
	fmt.Println("| completions | measured | runs | p50 ms | p99 ms | of the GROUP BY |")
	fmt.Println("|---|---|---|---|---|---|")
	for _, share := range []struct{ completions, divisor, remainder int }{
		{treeMembers / 2, 2, 0}, {treeMembers * 3 / 4, 4, 1},
	} {
		progress("recording completions up to %d", share.completions)
		if err := t.complete(ctx, p, share.divisor, share.remainder); err != nil {
			return err
		}
		if err := t.copyWithUnits(ctx); err != nil {
			return err
		}
		if err := t.analyze(ctx); err != nil {
			return err
		}
		if err := t.expect(ctx, p, share.completions); err != nil {
			return err
		}
		if err := t.compareRates(ctx, p, share.completions); err != nil {
			return err
		}
	}
	fmt.Println()
	return t.countOneMore(ctx, p, treeMembers*3/4)
}

// compareRates prints the floors and the reads.
func (t *tree) compareRates(ctx context.Context, p model.Period, completions int) error {
	progress("reading the rates with %d completions", completions)
	c, err := t.dial()
	if err != nil {
		return err
	}
	defer c.Close()
	read := func(q period.Query) func() error {
		return func() error {
			_, _, err := t.services.Period.Rates(ctx, officer, p.ID, q)
			return err
		}
	}
	fetch := func(query string) func() error {
		r := request{method: http.MethodGet, path: fmt.Sprintf("/api/v1/study-periods/%d/rates?%s", p.ID, query)}
		return func() error { return c.exchange(t.token, r) }
	}
	var groupBy float64
	for _, m := range []struct {
		name string
		runs int
		work func() error
	}{
		{"GROUP BY over the completions", 9, func() error { _, err := t.groupBy(ctx, p); return err }},
		{"the same with the unit in a copy of the completions", 9, func() error { _, err := t.kindGroupBy(ctx, p); return err }},
		{"rates, first 50 units", 300, read(period.Query{Limit: page})},
		{"rates, first 50 units, over HTTP", 300, fetch("limit=50")},
		{"rates, 50 units in the middle", 300, read(period.Query{Limit: page, Cursor: fmt.Sprint(len(t.units) / 2)})},
		{"rates of the 20 committees", 300, read(period.Query{Limit: page, Depth: 1})},
		{"rates of the 20 committees, over HTTP", 300, fetch("limit=50&depth=1")},
	} {
		r, err := repeat(m.runs, m.work)
		if err != nil {
			return fmt.Errorf("%s: %w", m.name, err)
		}
		if groupBy == 0 {
			groupBy = r.percentile(50)
		}
		fmt.Printf("| %d | %s | %d | %.2f | %.2f | 1/%.0f |\n", completions, m.name, m.runs, r.percentile(50), r.percentile(99),
			groupBy/r.percentile(50))
	}
	return nil
}

// countOneMore completes through the product and asserts that the next read counts it; then it prints what a count of
// everybody costs, which the first reader of the day or a chore pays.
func (t *tree) countOneMore(ctx context.Context, p model.Period, before int) error {
	const late = 3 // leaves no remainder that has completed
	actor := model.Actor{MemberID: treeID(late), Bound: true}
	begin := time.Now()
	if _, created, err := t.services.Period.Complete(ctx, actor, p.ID, nil); err != nil || !created {
		return fmt.Errorf("one more completion: created %v, %w", created, err)
	}
	completed := time.Since(begin)
	if err := t.expect(ctx, p, before+1); err != nil {
		return err
	}
	fmt.Printf("One more completion through the service took %.1f ms, and the next read counts it: %d.\n", milliseconds(completed), before+1)
	progress("counting everybody anew")
	r, err := repeat(3, func() error {
		if err := t.exec(ctx, "UPDATE recounts SET counted_on = '' WHERE period_id = ?", p.ID); err != nil {
			return err
		}
		return t.expect(ctx, p, before+1)
	})
	if err != nil {
		return err
	}
	fmt.Printf("The first count of a day, of all %d members: %.1f s.\n\n", treeMembers, r.percentile(50)/1000)
	return nil
}

// expect fails unless the rates say so many completions, of everybody.
func (t *tree) expect(ctx context.Context, p model.Period, completions int) error {
	r, _, err := t.services.Period.Rates(ctx, officer, p.ID, period.Query{Limit: page})
	if err == nil && (r.Total.Due != treeMembers || r.Total.Completed != completions || len(r.Units) != page) {
		err = fmt.Errorf("the rates say %+v and %d units, wanted %d completions of %d members", r.Total.Rate, len(r.Units), completions, treeMembers)
	}
	return err
}
