package activity

import (
	"context"
	"unicode/utf8"

	"gorm.io/gorm"

	"zhibu/model"
)

// Cancel calls an activity off; its attendance counts no longer. Doing it again changes nothing.
func (s *Service) Cancel(ctx context.Context, actor model.Actor, id int64, reason string) (model.Gathering, error) {
	return s.file(ctx, actor, id, "activity.cancel", cancellation, func(a *model.Activity, now model.Instant) error {
		if !a.Cancelled() {
			a.CancelledAt, a.CancelReason = now, reason
		}
		return nil
	})
}

// FileMinutes files what was said and resolved at an activity that has begun; filing again replaces it, and the audit
// keeps that it was.
func (s *Service) FileMinutes(ctx context.Context, actor model.Actor, id int64, minutes, resolutions string) (model.Gathering, error) {
	return s.file(ctx, actor, id, "activity.minutes", lengths, func(a *model.Activity, now model.Instant) error {
		a.MinutesText, a.Resolutions = minutes, resolutions
		return held(*a, now)
	})
}

// MarkUpstream notes that the activity was entered into the superior system (已录入上级系统), when and under which number.
func (s *Service) MarkUpstream(ctx context.Context, actor model.Actor, id int64, on model.Date, reference string) (model.Gathering, error) {
	return s.file(ctx, actor, id, "activity.upstream", upstream, func(a *model.Activity, now model.Instant) error {
		if on > now.Date() || on < a.StartsAt.Date() {
			return model.InvalidField("entered_on", "invalid_range", "上线日期须在活动之后、今天之前")
		}
		a.UpstreamOn, a.UpstreamReference, a.UpstreamBy = on, reference, actor.Ref()
		return held(*a, now)
	})
}

// held refuses to file anything about what was called off or has not begun.
func held(a model.Activity, now model.Instant) error {
	switch {
	case a.Cancelled():
		return ErrCancelled
	case now < a.StartsAt:
		return ErrNotStarted
	}
	return nil
}

// The three below are what the audit keeps of an activity. What is written freely stays out of it: it may name somebody,
// and the audit is for ever.

func cancellation(a model.Activity) map[string]any {
	return map[string]any{"cancelled": a.Cancelled(), "reason_characters": utf8.RuneCountInString(a.CancelReason)}
}

func lengths(a model.Activity) map[string]any {
	return map[string]any{
		"minutes_characters":     utf8.RuneCountInString(a.MinutesText),
		"resolutions_characters": utf8.RuneCountInString(a.Resolutions),
	}
}

func upstream(a model.Activity) map[string]any {
	return map[string]any{"entered_on": a.UpstreamOn, "reference": a.UpstreamReference, "by": a.UpstreamBy}
}

// file changes one activity in a transaction of its own and leaves an audit event with what show says before and after,
// unless nothing changed.
func (s *Service) file(ctx context.Context, actor model.Actor, id int64, action string, show func(model.Activity) map[string]any, change func(*model.Activity, model.Instant) error) (g model.Gathering, err error) {
	now := model.At(s.now())
	err = s.db.Write(ctx, func(tx *gorm.DB) error {
		if g, err = model.LockActivity(tx, actor, id, model.WriteActivities); err != nil {
			return err
		}
		before := g.Activity
		if err := change(&g.Activity, now); err != nil {
			return err
		}
		if written, err := write(tx, before, g.Activity); err != nil || !written {
			return err
		}
		return model.Audit(tx, actor, now, model.Deed{
			Action: action, Unit: g.Unit, SubjectID: id, Before: show(before), After: show(g.Activity),
		})
	})
	return g, err
}
