package main

import (
	"context"
	"fmt"
	"net/http"
	"slices"
	"sync/atomic"
	"time"

	"zhibu/model"
	"zhibu/service/activity"
	"zhibu/service/checkin"
	"zhibu/service/period"
)

// deed is what every member does once per round, and the row it leaves.
type deed struct {
	name   string
	plan   func(context.Context) (stop func(), err error) // makes what the next measurement is about
	call   func(round int) request
	insert string // of the row alone
	row    func(round, member int) []any
}

// connections are the concurrencies measured.
var connections = []int{16, 64}

// benchDeeds prints the costs of the deeds among the parts, on each of the databases.
func benchDeeds(ctx context.Context, databaseURLs, parts []string) error {
	if !slices.Contains(parts, partCheckIns) && !slices.Contains(parts, partCompletions) {
		return nil
	}
	fmt.Println("| database | connections | measured | per second | p50 ms | p99 ms | of the INSERT |")
	fmt.Println("|---|---|---|---|---|---|---|")
	for _, databaseURL := range databaseURLs {
		if err := benchDeedsOn(ctx, databaseURL, parts); err != nil {
			return err
		}
	}
	fmt.Println()
	return nil
}

func benchDeedsOn(ctx context.Context, databaseURL string, parts []string) error {
	db, err := openDatabase(ctx, databaseURL)
	if err != nil {
		return err
	}
	defer db.Close()
	o, err := newOffice(ctx, db)
	if err != nil {
		return err
	}
	defer o.close()
	if slices.Contains(parts, partCheckIns) {
		if err := o.bench(ctx, o.checkIns()); err != nil {
			return err
		}
	}
	if !slices.Contains(parts, partCompletions) {
		return nil
	}
	if err := o.joinLeague(ctx); err != nil {
		return err
	}
	return o.bench(ctx, o.completions())
}

// bench prints what the deed costs beside its floors.
func (o *office) bench(ctx context.Context, d deed) error {
	for _, n := range connections {
		insert, err := o.insertRows(ctx, n, d)
		if err != nil {
			return err
		}
		bare, err := o.load(n, func(int) request { return request{path: "/bare"} })
		if err != nil {
			return err
		}
		whole, err := o.loadDeed(ctx, n, d)
		if err != nil {
			return err
		}
		for _, row := range []struct {
			name string
			result
		}{{"INSERT of a " + d.name, insert}, {"authentication only", bare}, {d.name, whole}} {
			fmt.Printf("| %s | %d | %s | %.0f | %.1f | %.1f | %.2f |\n", o.db.Dialect, n, row.name, row.perSecond(),
				row.percentile(50), row.percentile(99), row.perSecond()/insert.perSecond())
		}
	}
	return nil
}

// meeting is an activity with the code on its wall.
type meeting struct {
	id   int64
	code atomic.Pointer[checkin.Code]
}

// checkIns is the deed of checking in.
func (o *office) checkIns() deed {
	var meetings []meeting // of the present measurement
	return deed{
		name: "check-in",
		plan: func(ctx context.Context) (stop func(), err error) {
			meetings = make([]meeting, rounds)
			return o.planMeetings(ctx, meetings)
		},
		call: func(round int) request {
			m := &meetings[round]
			return request{
				path: fmt.Sprintf("/api/v1/activities/%d/check-ins", m.id),
				body: fmt.Sprintf(`{"code":"%s"}`, m.code.Load().Code), want: http.StatusCreated,
			}
		},
		insert: "INSERT INTO check_ins (id, activity_id, member_id, state, source, checked_in_at, recorded_at, recorded_by, reason, nonce) " +
			"VALUES (?, ?, ?, 'present', 'code', ?, ?, '', '', '')",
		row: func(round, member int) []any {
			now := time.Now().UnixMilli()
			return []any{model.NewID(), meetings[round].id, memberID(member), now, now}
		},
	}
}

// planMeetings makes activities and keeps the code on their walls fresh until stop.
func (o *office) planMeetings(ctx context.Context, meetings []meeting) (stop func(), err error) {
	for i := range meetings {
		o.planned++
		now := model.At(time.Now())
		g, err := o.services.Activity.Create(ctx, officer, activity.Plan{
			UnitID: branchID, Kind: "theme_day", Title: fmt.Sprint("bench ", o.planned), StartsAt: now.Add(-time.Minute), EndsAt: now.Add(time.Hour),
		})
		if err != nil {
			return nil, err
		}
		meetings[i].id = g.ID
	}
	show := func() error {
		for i := range meetings {
			code, err := o.services.CheckIn.Code(ctx, officer, meetings[i].id)
			if err != nil {
				return err
			}
			meetings[i].code.Store(&code)
		}
		return nil
	}
	done := make(chan struct{})
	ticker := time.NewTicker(10 * time.Second)
	go func() {
		for {
			select {
			case <-done:
				return
			case <-ticker.C:
				_ = show() // a stale code fails the measurement loudly
			}
		}
	}()
	return func() { ticker.Stop(); close(done) }, show()
}

// completions is the deed of completing a study period.
func (o *office) completions() deed {
	var periods [rounds]int64 // of the present measurement
	return deed{
		name: "completion",
		plan: func(ctx context.Context) (stop func(), err error) {
			for i := range periods {
				o.planned++
				p, err := openPeriod(ctx, o.services.Period, generalBranchID, fmt.Sprint("bench ", o.planned))
				if err != nil {
					return nil, err
				}
				periods[i] = p.ID
			}
			return func() {}, nil
		},
		call: func(round int) request {
			return request{path: fmt.Sprintf("/api/v1/study-periods/%d/completions", periods[round]), body: "{}", want: http.StatusCreated}
		},
		insert: "INSERT INTO completions (id, period_id, member_id, source, completed_at, recorded_at, recorded_by, reason) " +
			"VALUES (?, ?, ?, 'self', ?, ?, '', '')",
		row: func(round, member int) []any {
			now := time.Now().UnixMilli()
			return []any{model.NewID(), periods[round], memberID(member), now, now}
		},
	}
}

// openPeriod opens the first period of a series for the unit and all below it.
func openPeriod(ctx context.Context, s *period.Service, unitID int64, series string) (model.Period, error) {
	now := model.At(time.Now())
	return s.Open(ctx, officer, period.Plan{
		UnitID: unitID, Series: series, Number: new(1), Title: series, OpensAt: now.Add(-time.Hour), ClosesAt: now.Add(24 * time.Hour),
	})
}
