package push

import (
	"context"
	"log/slog"
	"sync"
	"time"

	"golang.org/x/time/rate"

	"zhibu/model"
)

// gate decides how many messages may set out now. What the platform refused to one instance it refuses to the others,
// too, at the price of one call each: the gate is kept in memory.
type gate struct {
	log     *slog.Logger
	limit   *rate.Limiter
	flights chan struct{} // one for each message under way

	mu     sync.Mutex
	paused pause                   // of every message
	pauses map[model.Purpose]pause // of those of one template
	alarms map[int64]time.Time     // when a refusal that pauses nothing was last reported, by its errcode
}

// pause is why nothing is sent until a moment.
type pause struct {
	until time.Time
	alarm bool // somebody has to look
	text  string
}

// templatePause is how long a template rests that the platform refused: until somebody may have mended it.
const templatePause = 10 * time.Minute

// allow returns how many messages may be claimed now, at most most; spend says how many were.
func (g *gate) allow(now time.Time, most int) int {
	g.mu.Lock()
	closed := now.Before(g.paused.until)
	g.mu.Unlock()
	if closed {
		return 0
	}
	return max(0, min(most, int(g.limit.TokensAt(now))))
}

// spend takes the places of n messages in the rate. Of two who were allowed the same places, the second makes the next
// wait longer.
func (g *gate) spend(now time.Time, n int) { g.limit.ReserveN(now, n) }

// refund gives back places in the rate that were taken and not used.
func (g *gate) refund(now time.Time, n int) {
	if n > 0 {
		g.limit.ReserveN(now, -n)
	}
}

// open are the purposes whose templates are not paused.
func (g *gate) open(now time.Time, templates map[model.Purpose]template) []model.Purpose {
	g.mu.Lock()
	defer g.mu.Unlock()
	purposes := make([]model.Purpose, 0, len(templates))
	for p := range templates {
		if !now.Before(g.pauses[p].until) {
			purposes = append(purposes, p)
		}
	}
	return purposes
}

// obey takes over what a refusal means for the messages behind it. Hundreds are refused at once: it reports the first.
func (g *gate) obey(ctx context.Context, purpose model.Purpose, e *model.SendError, now time.Time) {
	g.mu.Lock()
	defer g.mu.Unlock()
	p := pause{until: e.Until, alarm: e.Alarm, text: e.Advice}
	switch e.Fate {
	case model.FatePause:
		already := now.Before(g.paused.until)
		if !already || p.alarm && !g.paused.alarm {
			g.report(ctx, "sending is paused", p, e)
		}
		p.alarm = p.alarm || already && g.paused.alarm
		if g.paused.until.After(p.until) {
			p.until = g.paused.until
		}
		g.paused = p
	case model.FateTemplate:
		if p.until = now.Add(templatePause); !now.Before(g.pauses[purpose].until) {
			g.report(ctx, "a template is paused", p, e, "purpose", purpose)
			g.pauses[purpose] = p
		}
	default:
		if p.alarm = p.alarm || e.Fate == model.FateText; p.alarm && !now.Before(g.alarms[e.Code].Add(alarmAgain)) {
			g.report(ctx, "messages are refused", p, e, "purpose", purpose)
			g.alarms[e.Code] = now
		}
	}
}

// alarmAgain is when an alarm that still rings is reported again.
const alarmAgain = 10 * time.Minute

// report logs a pause: an alarm when it does not end by itself.
func (g *gate) report(ctx context.Context, what string, p pause, cause error, more ...any) {
	level := slog.LevelWarn
	if p.alarm {
		level = slog.LevelError
	}
	if !p.until.IsZero() {
		more = append(more, "until", p.until)
	}
	g.log.Log(ctx, level, what, append(more, "advice", p.text, "error", cause)...)
}

// enter waits for one of the places of messages under way; leave gives it back.
func (g *gate) enter() { g.flights <- struct{}{} }

func (g *gate) leave() { <-g.flights }
