package main

import (
	"bufio"
	"cmp"
	"context"
	"fmt"
	"io"
	"net"
	"net/http"
	"slices"
	"sync"
	"time"
)

// request is one call of the load: a POST unless method says otherwise; want is the status that counts, 200 when 0.
type request struct {
	method, path, body string
	want               int
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
	return milliseconds(sorted[(len(sorted)-1)*p/100])
}

func milliseconds(d time.Duration) float64 { return float64(d) / float64(time.Millisecond) }

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

// repeat measures one thing done again and again, after a first time that does not count.
func repeat(times int, work func() error) (result, error) {
	if err := work(); err != nil {
		return result{}, err
	}
	return measure(1, func(_ int, record func(time.Duration)) error {
		for range times {
			begin := time.Now()
			if err := work(); err != nil {
				return err
			}
			record(time.Since(begin))
		}
		return nil
	})
}

// load makes every member call once per round, over n connections that stay open.
func (o *office) load(n int, next func(round int) request) (result, error) {
	return measure(n, func(worker int, record func(time.Duration)) error {
		c, err := o.dial()
		if err != nil {
			return err
		}
		defer c.Close()
		for round := range rounds {
			for i := worker; i < members; i += n {
				r := next(round)
				begin := time.Now()
				if err := c.exchange(o.tokens[i], r); err != nil {
					return err
				}
				record(time.Since(begin))
			}
		}
		return nil
	})
}

// loadDeed makes every member do the deed.
func (o *office) loadDeed(ctx context.Context, n int, d deed) (result, error) {
	stop, err := d.plan(ctx)
	if err != nil {
		return result{}, err
	}
	defer stop()
	return o.load(n, d.call)
}

// insertRows is the floor: the same rows, straight through database/sql, as many times.
func (o *office) insertRows(ctx context.Context, n int, d deed) (result, error) {
	stop, err := d.plan(ctx)
	if err != nil {
		return result{}, err
	}
	defer stop()
	insert, err := o.db.Pool().PrepareContext(ctx, d.insert)
	if err != nil {
		return result{}, err
	}
	defer insert.Close()
	return measure(n, func(worker int, record func(time.Duration)) error {
		for round := range rounds {
			for i := worker; i < members; i += n {
				begin := time.Now()
				if _, err := insert.ExecContext(ctx, d.row(round, i)...); err != nil {
					return err
				}
				record(time.Since(begin))
			}
		}
		return nil
	})
}

// client costs little: it writes a request as bytes and reads the answer.
type client struct {
	net.Conn
	reader *bufio.Reader
}

func (s *server) dial() (*client, error) {
	connection, err := net.Dial("tcp", s.address)
	if err != nil {
		return nil, err
	}
	return &client{connection, bufio.NewReader(connection)}, nil
}

func (c *client) exchange(token string, r request) error {
	_, err := fmt.Fprintf(c, "%s %s HTTP/1.1\r\nHost: bench\r\nAuthorization: Bearer %s\r\nContent-Type: application/json\r\nContent-Length: %d\r\n\r\n%s",
		cmp.Or(r.method, http.MethodPost), r.path, token, len(r.body), r.body)
	if err != nil {
		return err
	}
	answer, err := http.ReadResponse(c.reader, nil)
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
