package period

import (
	"context"
	"sync"

	"gorm.io/gorm"

	"zhibu/model"
)

// request is a member's own completion on its way through a group.
type request struct {
	actor    model.Actor
	periodID int64
	answers  []int
	done     Recorded
	created  bool
	refusal  error
}

// Recorded is a completion with whether it came after the cutoff.
type Recorded struct {
	model.Completion
	Late bool
}

// Complete records that the actor completed the period, now by this server's clock. A repetition answers the record
// there is; created tells them apart. After the cutoff it is kept as late (补学) and does not count.
func (s *Service) Complete(ctx context.Context, actor model.Actor, periodID int64, answers []int) (done Recorded, created bool, err error) {
	if actor.MemberID == 0 {
		return done, false, model.ErrForbidden.Saying("管理账号不能参学，请用本人的微信")
	}
	r := &request{actor: actor, periodID: periodID, answers: answers}
	if err := s.groups.do(ctx, r); err != nil {
		return done, false, err
	}
	return r.done, r.created, r.refusal
}

// groups has a group for each period in which somebody completes just now: who waits for the close of one period is not in
// the way of another.
type groups struct {
	make func() *model.Group[*request]
	mu   sync.Mutex
	by   map[int64]*lane
}

// lane is the group of a period, while somebody is in it.
type lane struct {
	group *model.Group[*request]
	users int
}

func (g *groups) do(ctx context.Context, r *request) error {
	g.mu.Lock()
	l := g.by[r.periodID]
	if l == nil {
		if g.by == nil {
			g.by = map[int64]*lane{}
		}
		l = &lane{group: g.make()}
		g.by[r.periodID] = l
	}
	l.users++
	g.mu.Unlock()
	defer func() {
		g.mu.Lock()
		defer g.mu.Unlock()
		if l.users--; l.users == 0 {
			delete(g.by, r.periodID)
		}
	}()
	return l.group.Do(ctx, r)
}

// settleGroup records completions of any members in one period, in one transaction.
func (s *Service) settleGroup(ctx context.Context, requests []*request) error {
	return s.db.WriteAfterLook(ctx, func(tx *gorm.DB) error { return s.settle(tx, requests) })
}

// settle takes the time when nobody can close the period any more, so that a completion is in the version that is frozen
// or late, never neither.
func (s *Service) settle(tx *gorm.DB, requests []*request) error {
	id := requests[0].periodID
	memberIDs := make([]int64, len(requests))
	for i, r := range requests {
		memberIDs[i] = r.actor.MemberID
		r.done, r.created, r.refusal = Recorded{}, false, model.ErrNotFound
	}
	found, err := model.LoadPeriods(model.ForShare(tx), []int64{id})
	p, exists := found[id]
	if err != nil || !exists {
		return err
	}
	now := model.At(s.now())
	if now >= p.ClosesAt && !p.Frozen() { // who attended in time must not be told that he is late
		if err := takeAttendance(tx, p, now); err != nil {
			return err
		}
	}
	l := newLedger(now)
	if err := l.open(tx, p, sortedIDs(memberIDs)); err != nil {
		return err
	}
	for _, r := range requests {
		r.refusal = l.complete(r, p)
	}
	return l.write(tx)
}

// complete decides one request. Who has completed already gets that record, however late he asks, so that a retry whose
// first answer was lost is no failure.
func (l *ledger) complete(r *request, p model.Period) error {
	k := key{p.ID, r.actor.MemberID}
	seat, due := l.due[k]
	switch {
	case !due:
		return ErrNotInvited
	case p.CancelledAt != 0:
		return ErrCancelled
	case seat.record != nil:
		r.done = Recorded{*seat.record, seat.record.CompletedAt >= p.Cutoff()}
		return nil
	case l.now < p.OpensAt:
		return ErrNotOpen
	}
	if err := checkAnswers(p, r.answers); err != nil {
		return err
	}
	at := l.now
	if p.Frozen() {
		at = max(at, p.ClosedAt) // another instance's clock may be a little ahead
	}
	c := model.Completion{
		ID: model.NewID(), PeriodID: p.ID, MemberID: r.actor.MemberID, Source: model.BySelf, CompletedAt: at, RecordedAt: l.now,
	}
	r.done, r.created = Recorded{c, at >= p.Cutoff()}, true
	return l.enter(r.actor, p, c)
}

func checkAnswers(p model.Period, answers []int) error {
	quiz, err := p.ParseQuiz()
	switch {
	case err != nil:
		return err
	case quiz == nil:
		return nil
	case len(answers) == 0:
		return ErrQuizMissing
	case len(answers) != len(quiz.Questions):
		return model.InvalidField("answers", "invalid_value", "答案数与题数不一致，请刷新后再试")
	case quiz.Right(answers) < quiz.Pass:
		return ErrQuizFailed.Saying("答题未通过，须答对 %d 题，请再试一次", quiz.Pass)
	}
	return nil
}
