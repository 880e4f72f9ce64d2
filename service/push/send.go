package push

import (
	"context"
	"errors"
	"math/rand/v2"
	"sync"
	"time"

	"zhibu/model"
)

const (
	claimSize = 200              // messages of one transaction, and never more than may be under way
	lease     = time.Minute      // after which an instance that holds a flight must have died
	idle      = time.Second      // between two looks for work
	sendLimit = 15 * time.Second // of one message, its token and its retry included: far below the lease
	finish    = 10 * time.Second // for a claim and for writing down what became of it, also when the server stops
)

// claimers is how many loops claim, send and record at a time. On SQLite one transaction writes at a time anyway; the
// second loop sends meanwhile.
var claimers = map[model.Dialect]int{model.SQLite: 4, model.MySQL: 8}

// Run sends what is due until ctx ends. What is on its way then is finished first. Every instance may run.
func (s *Service) Run(ctx context.Context) error {
	var wg sync.WaitGroup
	for n := range claimers[s.db.Dialect] {
		wg.Go(func() { s.loop(ctx, n == 0) })
	}
	wg.Go(func() { s.lookAfter(ctx) })
	wg.Wait()
	return nil
}

// loop sends batch after batch, and rests when there is nothing to send or nothing may be. While all rest, the first one looks
// for work and wakes the others.
func (s *Service) loop(ctx context.Context, first bool) {
	rest := 10 * idle
	if first {
		rest = idle
	}
	for resting := true; ctx.Err() == nil; {
		handled, err := s.sendBatch(ctx)
		if err != nil && ctx.Err() == nil {
			s.log.ErrorContext(ctx, "messages could not be claimed", "error", err)
		}
		if handled > 0 {
			if resting {
				s.wake()
			}
			resting = false
			continue
		}
		resting = true
		select {
		case <-ctx.Done():
		case <-s.kick:
		case <-time.After(rest/2 + rand.N(rest)):
		}
	}
}

// SendDue sends what is due now and returns when there is nothing more that may be sent: what Run does all the time.
func (s *Service) SendDue(ctx context.Context) error {
	for {
		handled, err := s.sendBatch(ctx)
		if err != nil || handled == 0 {
			return err
		}
	}
}

// sendBatch claims, sends and records one batch. handled counts the candidates that are dealt with: by this instance or,
// meanwhile, by another.
func (s *Service) sendBatch(ctx context.Context) (handled int, err error) {
	candidates, now, err := s.next(ctx)
	if err != nil || len(candidates) == 0 {
		return 0, err
	}
	c, err := s.claim(ctx, candidates, model.At(now))
	if err != nil {
		return 0, err
	}
	s.gate.refund(now, len(candidates)-len(c.batch))
	if len(c.batch) > 0 {
		s.sendAll(context.WithoutCancel(ctx), c.batch) // to stop now would leave them with an unknown outcome
	}
	if c.mostly() {
		err = s.sweep(ctx, c.announcements)
	}
	return len(candidates) - c.busy, err
}

// sendAll sends the messages of a batch and writes down what became of them.
func (s *Service) sendAll(ctx context.Context, batch []parcel) {
	var wg sync.WaitGroup
	for i := range batch {
		wg.Go(func() { s.send(ctx, &batch[i]) })
	}
	wg.Wait()
	if err := s.record(ctx, batch); err != nil {
		s.log.ErrorContext(ctx, "what became of messages could not be written down, so they are left as unknown", "messages", len(batch), "error", err)
	}
}

// send sends one message.
func (s *Service) send(ctx context.Context, p *parcel) {
	s.gate.enter()
	defer s.gate.leave()
	if s.at() > p.claimedAt.Add(lease-sendLimit-finish) {
		p.failure = model.NewSendError(model.FateBusy, 0, errTooLate)
		return
	}
	ctx, cancel := context.WithTimeout(ctx, sendLimit)
	defer cancel()
	msgID, err := s.platform.Send(ctx, p.message)
	if err == nil {
		p.msgID = msgID
		return
	}
	if !errors.As(err, &p.failure) {
		p.failure = model.NewSendError(model.FateUnknown, 0, err)
	}
	s.gate.obey(ctx, p.purpose, p.failure, s.now())
}

// errTooLate is a message that waited so long for its place that it would be taken for lost on its way.
var errTooLate = errors.New("no place for it in time")

// backoff is the pause before the next attempt: 2 s, then four times as long each time, with up to half as much again, so
// that what failed together does not come back together.
func backoff(attempts int) time.Duration {
	d := 2 * time.Second << (2 * min(attempts-1, 5))
	return d + rand.N(d/2)
}

// maxAttempts is how often a message is tried that the platform did not take.
const maxAttempts = 6
