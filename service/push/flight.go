package push

import (
	"context"
	"errors"
	"time"

	"gorm.io/gorm"

	"zhibu/model"
)

const (
	lookAfterEvery = 10 * time.Second
	lostAtOnce     = 200
	purgedAtOnce   = 1000
	eventsKept     = 3 * 24 * time.Hour   // against repetitions, which come within a minute
	spentKept      = 180 * 24 * time.Hour // consents that were used or became void
	remindersKept  = 400 * 24 * time.Hour
)

// lookAfter does what nobody waits for, until ctx ends.
func (s *Service) lookAfter(ctx context.Context) {
	ticker := time.NewTicker(lookAfterEvery)
	defer ticker.Stop()
	for {
		if err := errors.Join(s.Recover(ctx), s.Expire(ctx)); err != nil && ctx.Err() == nil {
			s.log.ErrorContext(ctx, "messages that are lost or too late could not be settled", "error", err)
		}
		select {
		case <-ctx.Done():
			return
		case <-ticker.C:
		}
	}
}

// Recover settles the flights of instances that died: their messages may have been sent, so they are left as unknown until
// the platform reports them.
func (s *Service) Recover(ctx context.Context) error {
	for {
		var lost []string // a look without a lock: mostly there is nothing, and the flights are what all senders wait for
		err := s.db.Read(ctx).Model(&model.Flight{}).Where("lost_at <= ?", s.at()).Order("openid").Limit(lostAtOnce).Pluck("openid", &lost).Error
		if err != nil || len(lost) == 0 {
			return err
		}
		if err := s.db.WriteBulkAfterLook(ctx, func(tx *gorm.DB) error { return s.loseFlights(tx, lost, s.at()) }); err != nil {
			return err
		}
	}
}

// loseFlights ends those of the people's flights that are still there and lost.
func (s *Service) loseFlights(tx *gorm.DB, openIDs []string, now model.Instant) error {
	var flights []struct {
		model.Flight
		Attempts int
		Purpose  model.Purpose
	}
	err := tx.Model(&model.Flight{}).Joins("JOIN deliveries ON deliveries.announcement_id = flights.announcement_id AND deliveries.member_id = flights.member_id").
		Joins("JOIN announcements ON announcements.id = flights.announcement_id").
		Select("flights.*, deliveries.attempts, announcements.purpose").
		Where("flights.openid IN ? AND flights.lost_at <= ?", openIDs, now).Order("flights.openid").Find(&flights).Error
	if err != nil {
		return err
	}
	for _, f := range flights {
		taken, err := takenConsent(tx, f.Flight, s.templates[f.Purpose].TemplateID)
		if err != nil {
			return err
		}
		p := parcel{
			Delivery: model.Delivery{AnnouncementID: f.AnnouncementID, MemberID: f.MemberID}, attempt: f.Attempts + 1, claimID: f.ClaimID,
			claimedAt: f.ClaimedAt, consent: taken,
		}
		if err := p.doubt(tx, model.ReasonLost); err != nil {
			return err
		}
		if err := model.SaveSeen(tx.Where("openid = ? AND claim_id = ?", f.OpenID, f.ClaimID).Delete(&model.Flight{})); err != nil {
			return err
		}
	}
	return nil
}

// takenConsent finds the consent that the message of a flight took: the oldest that was open then, for nobody else could take
// one since, though the person may have taken it back.
func takenConsent(tx *gorm.DB, f model.Flight, templateID string) (taken model.Consent, err error) {
	err = tx.Where("openid = ? AND template_id = ?", f.OpenID, templateID).
		Where("(state = ? OR state = ? AND settled_at >= ?)", model.ConsentOpen, model.ConsentVoid, f.ClaimedAt).
		Order("serial").Limit(1).Find(&taken).Error
	return taken, err
}

// Expire settles the due deliveries that nobody claims any more: those that came too late while their template or everything
// was paused, and those of a purpose that has no template, or none any longer.
func (s *Service) Expire(ctx context.Context) error {
	now := s.at()
	due := s.db.Read(ctx).Model(&model.Delivery{}).Select("announcement_id").Where("due_at > 0 AND due_at <= ?", now)
	var announcements []model.Announcement
	if err := s.db.Read(ctx).Select("id, purpose, expires_at").Where("id IN (?)", due).Order("id").Find(&announcements).Error; err != nil {
		return err
	}
	for _, a := range announcements {
		to := map[string]any{"state": model.DeliveryFailed, "reason": model.ReasonExpired, "due_at": 0}
		if _, configured := s.templates[a.Purpose]; !configured {
			to["state"], to["reason"] = model.DeliveryNoGrant, model.ReasonNoTemplate
		} else if now < a.ExpiresAt {
			continue
		}
		err := s.db.WriteBulk(ctx, func(tx *gorm.DB) error {
			return tx.Model(&model.Delivery{}).Where("announcement_id = ? AND due_at > 0 AND due_at <= ?", a.ID, now).Updates(to).Error
		})
		if err != nil {
			return err
		}
	}
	return nil
}

// Purge removes what has served its time: settled events, consents long used, reminders of another year. It is a chore.
func (s *Service) Purge(ctx context.Context) error {
	now := s.at()
	return errors.Join(
		purge[int64](ctx, s.db, &model.PlatformEventRow{}, "id", "settle_at = 0 AND received_at < ?", now.Add(-eventsKept)),
		purge[int64](ctx, s.db, &model.Consent{}, "id", "settled_at > 0 AND settled_at < ? AND state IN ?",
			now.Add(-spentKept), []model.ConsentState{model.ConsentSpent, model.ConsentVoid}),
		purge[string](ctx, s.db, &model.Reminder{}, "cause", "fired_at < ?", now.Add(-remindersKept)),
	)
}

// purge deletes rows by their key, some at a time: a condition without an index would lock all there are.
func purge[K any](ctx context.Context, db *model.DB, row any, key, where string, args ...any) error {
	for {
		var keys []K
		if err := db.Read(ctx).Model(row).Where(where, args...).Limit(purgedAtOnce).Pluck(key, &keys).Error; err != nil || len(keys) == 0 {
			return err
		}
		err := db.Write(ctx, func(tx *gorm.DB) error { return tx.Where(key+" IN ?", keys).Delete(row).Error })
		if err != nil {
			return err
		}
	}
}
