package main

import (
	"bufio"
	"context"
	"fmt"
	"io"
	"net"
	"net/http"
	"slices"
	"sync"
	"time"

	"zhibu/model"
)

// request is one call of the load; want is the status that counts, 200 when 0.
type request struct {
	path, body string
	want       int
}

// result are the times of a measurement.
type result struct {
	took  time.Duration
	times []time.Duration
}

func (r result) perSecond() float64 { return float64(len(r.times)) / r.took.Seconds() }

// percentile is in milliseconds.
func (r result) percentile(p int) float64 {
	if len(r.times) == 0 {
		return 0
	}
	sorted := slices.Sorted(slices.Values(r.times))
	return float64(sorted[(len(sorted)-1)*p/100]) / float64(time.Millisecond)
}

// measure runs work on n workers at once until all work is done; work(w) does the share of worker w.
func measure(n int, work func(worker int, record func(time.Duration)) error) (result, error) {
	times := make([][]time.Duration, n)
	errs := make([]error, n)
	var wg sync.WaitGroup
	begin := time.Now()
	for w := range n {
		wg.Go(func() {
			errs[w] = work(w, func(d time.Duration) { times[w] = append(times[w], d) })
		})
	}
	wg.Wait()
	r := result{took: time.Since(begin), times: slices.Concat(times...)}
	for _, err := range errs {
		if err != nil {
			return result{}, err
		}
	}
	return r, nil
}

// load makes every member call once per round, over n connections that stay open.
func (o *office) load(n int, next func(token string, round int) request) (result, error) {
	stop, err := o.plan(context.Background())
	if err != nil {
		return result{}, err
	}
	defer stop()
	return measure(n, func(worker int, record func(time.Duration)) error {
		connection, err := net.Dial("tcp", o.address)
		if err != nil {
			return err
		}
		defer connection.Close()
		reader := bufio.NewReader(connection)
		for round := range rounds {
			for i := worker; i < len(o.tokens); i += n {
				r := next(o.tokens[i], round)
				begin := time.Now()
				if err := exchange(connection, reader, o.tokens[i], r); err != nil {
					return err
				}
				record(time.Since(begin))
			}
		}
		return nil
	})
}

// exchange is a client that costs little: it writes the request as bytes and reads the answer.
func exchange(w io.Writer, reader *bufio.Reader, token string, r request) error {
	_, err := fmt.Fprintf(w, "POST %s HTTP/1.1\r\nHost: bench\r\nAuthorization: Bearer %s\r\nContent-Type: application/json\r\nContent-Length: %d\r\n\r\n%s",
		r.path, token, len(r.body), r.body)
	if err != nil {
		return err
	}
	answer, err := http.ReadResponse(reader, nil)
	if err != nil {
		return err
	}
	defer answer.Body.Close()
	body, err := io.ReadAll(answer.Body)
	if want := max(r.want, http.StatusOK); err == nil && answer.StatusCode != want {
		err = fmt.Errorf("%s answered %s: %s", r.path, answer.Status, body)
	}
	return err
}

// insertRows is the floor: the same row, straight through database/sql, as many times.
func (o *office) insertRows(ctx context.Context, n int) (result, error) {
	stop, err := o.plan(ctx)
	if err != nil {
		return result{}, err
	}
	defer stop()
	insert, err := o.db.Pool().PrepareContext(ctx, "INSERT INTO check_ins (id, activity_id, member_id, state, source, checked_in_at, "+
		"recorded_at, recorded_by, reason, nonce) VALUES (?, ?, ?, 'present', 'code', ?, ?, '', '', '')")
	if err != nil {
		return result{}, err
	}
	defer insert.Close()
	return measure(n, func(worker int, record func(time.Duration)) error {
		for round := range rounds {
			for i := worker; i < members; i += n {
				begin := time.Now()
				now := begin.UnixMilli()
				if _, err := insert.ExecContext(ctx, model.NewID(), o.meetings[round].id, 1000+i, now, now); err != nil {
					return err
				}
				record(time.Since(begin))
			}
		}
		return nil
	})
}
