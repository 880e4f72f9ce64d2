package signin

import (
	"context"
	"slices"
	"time"

	"gorm.io/gorm"

	"zhibu/model"
)

// limit is how many attempts a subject has in a window of time.
type limit struct {
	attempts int
	window   time.Duration
	refusal  *model.Error
}

// The limits: of guessing a password (DOMAIN.md §19.3), and of guessing somebody's name with a phone or an invite.
var (
	passwordLimit = limit{attempts: 5, window: 15 * time.Minute, refusal: ErrLockedOut}
	bindLimit     = limit{attempts: 10, window: time.Hour, refusal: ErrTooManyBinds}
)

func (s *Service) subject(kind, name string) string {
	return s.keys.Hash("sign_in_failures.subject", kind+":"+name)
}

// attempt counts one try against every subject before it is made, and refuses the one too many. The row is committed
// before it is counted: of any number of parallel tries none overlooks the others, so no more than the limit pass.
// A refused try takes its rows back, so that trying on does not prolong the lock. It returns the rows' ids; a try that
// was no failure is taken back with forget.
func (s *Service) attempt(ctx context.Context, l limit, subjects ...string) ([]int64, error) {
	now := model.At(s.now())
	rows := make([]model.SignInFailure, len(subjects))
	ids := make([]int64, len(subjects))
	err := s.db.Write(ctx, func(tx *gorm.DB) error {
		for i, subject := range subjects {
			ids[i] = model.NewID()
			rows[i] = model.SignInFailure{ID: ids[i], Subject: subject, At: now}
		}
		return tx.Create(&rows).Error
	})
	if err != nil {
		return nil, err
	}
	var wait time.Duration
	for _, subject := range subjects {
		w, err := s.wait(ctx, l, subject, now)
		if err != nil {
			return nil, err
		}
		wait = max(wait, w)
	}
	if wait > 0 {
		if err := s.forget(ctx, ids); err != nil {
			return nil, err
		}
		return nil, l.refusal.After(wait)
	}
	return ids, nil
}

// wait is how long the subject has to wait for its next try; 0 when this one is within the limit.
func (s *Service) wait(ctx context.Context, l limit, subject string, now model.Instant) (time.Duration, error) {
	var at []model.Instant
	err := s.db.Read(ctx).Model(&model.SignInFailure{}).Where("subject = ? AND at > ?", subject, now.Add(-l.window)).
		Order("at DESC").Limit(l.attempts+1).Pluck("at", &at).Error
	if err != nil || len(at) <= l.attempts {
		return 0, err
	}
	oldest := slices.Min(at)
	return max(time.Duration(oldest.Add(l.window)-now)*time.Millisecond, time.Second), nil
}

func (s *Service) forget(ctx context.Context, ids []int64) error {
	return s.db.Write(ctx, func(tx *gorm.DB) error { return tx.Delete(&model.SignInFailure{}, ids).Error })
}

// forgive clears a subject that has shown who it is.
func forgive(tx *gorm.DB, subject string, ids []int64) error {
	return tx.Where("subject = ? OR id IN ?", subject, ids).Delete(&model.SignInFailure{}).Error
}
