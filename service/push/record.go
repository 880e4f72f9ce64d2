package push

import (
	"context"
	"errors"
	"slices"
	"strings"
	"time"

	"gorm.io/gorm"

	"zhibu/model"
)

// parcel is a message on its way with what became of it.
type parcel struct {
	model.Delivery
	attempt   int
	claimID   int64
	claimedAt model.Instant
	purpose   model.Purpose
	consent   model.Consent
	message   model.PushMessage
	msgID     string
	failure   *model.SendError // nil when it was sent
}

// record writes down what became of a batch, in one transaction with the end of its flights. Should the database be away
// it tries until the time is up; then the flights are lost, as after a crash, and looked after as such.
func (s *Service) record(ctx context.Context, batch []parcel) error {
	ctx, cancel := context.WithTimeout(ctx, finish)
	defer cancel()
	for pause := 20 * time.Millisecond; ; pause *= 2 {
		err := s.db.WriteBulk(ctx, func(tx *gorm.DB) error { return recordIn(tx, batch, s.at()) })
		if errors.Is(err, errLost) {
			err = s.db.WriteBulk(ctx, func(tx *gorm.DB) error { return recordHeld(tx, batch, s.at()) })
		}
		if err == nil || ctx.Err() != nil {
			return err
		}
		select {
		case <-ctx.Done():
			return err
		case <-time.After(pause):
		}
	}
}

// errLost is a batch of which a flight is not there any more.
var errLost = errors.New("a flight was taken for lost")

// recordIn goes through deliveries, consents and flights in this order, as a claim does.
func recordIn(tx *gorm.DB, batch []parcel, now model.Instant) error {
	var sent []parcel
	for _, p := range batch {
		if p.failure == nil {
			sent = append(sent, p)
			continue
		}
		if err := recordFailure(tx, p, now); err != nil {
			return err
		}
	}
	if err := recordSent(tx, sent, now); err != nil || len(batch) == 0 {
		return err
	}
	ended := tx.Where("claim_id = ?", batch[0].claimID).Delete(&model.Flight{})
	if ended.Error == nil && ended.RowsAffected != int64(len(batch)) {
		return errLost
	}
	return ended.Error
}

// recordHeld records those of a batch whose flights are there. One that is gone was taken for lost: its delivery is as unknown
// as after a crash, and the member's next flight is none of ours.
func recordHeld(tx *gorm.DB, batch []parcel, now model.Instant) error {
	var flying []string
	err := model.ForUpdate(tx.Model(&model.Flight{})).Where("claim_id = ?", batch[0].claimID).Pluck("openid", &flying).Error
	if err != nil {
		return err
	}
	held := slices.DeleteFunc(slices.Clone(batch), func(p parcel) bool { return !slices.Contains(flying, p.message.OpenID) })
	return recordIn(tx, held, now)
}

// recordSent marks the deliveries sent and their consents spent. The members of a batch differ, so one statement can give
// each its own number.
func recordSent(tx *gorm.DB, sent []parcel, now model.Instant) error {
	byAnnouncement := map[int64][]parcel{}
	for _, p := range sent {
		byAnnouncement[p.AnnouncementID] = append(byAnnouncement[p.AnnouncementID], p)
	}
	for id, parcels := range byAnnouncement {
		var msgIDs []any
		members, consents := make([]int64, len(parcels)), make([]int64, len(parcels))
		for i, p := range parcels {
			members[i], consents[i] = p.MemberID, p.consent.ID
			msgIDs = append(msgIDs, p.MemberID, p.msgID)
		}
		err := tx.Model(&model.Delivery{}).Where("announcement_id = ? AND member_id IN ?", id, members).Updates(map[string]any{
			"state": model.DeliverySent, "reason": "", "due_at": 0, "sent_at": now, "tried_at": parcels[0].claimedAt,
			"msgid": gorm.Expr("CASE member_id"+strings.Repeat(" WHEN ? THEN ?", len(parcels))+" END", msgIDs...), "attempts": gorm.Expr("attempts + 1"),
		}).Error
		if err != nil {
			return err
		}
		err = tx.Model(&model.Consent{}).Where("id IN ? AND long_term = 0", consents).Updates(map[string]any{
			"state": model.ConsentSpent, "settled_at": now, "announcement_id": id,
		}).Error
		if err != nil {
			return err
		}
	}
	return nil
}

// recordFailure writes down what a failed send means for its delivery and its consent (WECHAT.md §6.4, §9).
func recordFailure(tx *gorm.DB, p parcel, now model.Instant) error {
	switch f := p.failure; f.Fate {
	case model.FateUnknown:
		return p.doubt(tx, model.ReasonTimeout)
	case model.FateRefused:
		if err := p.void(tx, now, p.message.TemplateID); err != nil {
			return err
		}
		return p.settle(tx, model.DeliveryRefused, model.ReasonNotWanted)
	case model.FateGone:
		if err := p.void(tx, now, ""); err != nil {
			return err
		}
		return p.settle(tx, model.DeliveryRefused, model.ReasonGone)
	case model.FateText:
		return p.settle(tx, model.DeliveryFailed, model.ReasonText)
	case model.FateRetry:
		if p.attempt >= maxAttempts {
			return p.settle(tx, model.DeliveryFailed, model.ReasonAttempts)
		}
		return p.requeue(tx, now.Add(backoff(p.attempt)), p.attempt)
	case model.FateBusy:
		return p.requeue(tx, now.Add(busyPause), p.attempt-1)
	case model.FateTemplate:
		return p.requeue(tx, now.Add(templatePause), p.attempt-1)
	default: // FatePause
		return p.requeue(tx, max(model.At(f.Until), now.Add(busyPause)), p.attempt-1)
	}
}

// busyPause is how long a person who gets another message just now is left in peace (43108).
const busyPause = 2 * time.Second

// settle ends the delivery.
func (p parcel) settle(tx *gorm.DB, state model.DeliveryState, reason string) error {
	return p.update(tx, map[string]any{"state": state, "reason": reason, "due_at": 0, "tried_at": p.claimedAt, "attempts": p.attempt})
}

// void ends the consents that the platform knows nothing of: the one that was taken, and the others from before that.
func (p parcel) void(tx *gorm.DB, now model.Instant, templateID string) error {
	err := tx.Model(&model.Consent{}).Where("id = ?", p.consent.ID).Updates(map[string]any{"state": model.ConsentVoid, "settled_at": now}).Error
	if err != nil {
		return err
	}
	return voidConsents(tx, now, p.message.OpenID, templateID, p.claimedAt+1)
}

// doubt leaves the delivery as unknown, and its consent in doubt with it.
func (p parcel) doubt(tx *gorm.DB, reason string) error {
	err := tx.Model(&model.Consent{}).Where("id = ? AND long_term = 0", p.consent.ID).Updates(map[string]any{
		"state": model.ConsentDoubtful, "announcement_id": p.AnnouncementID,
	}).Error
	if err != nil {
		return err
	}
	return p.settle(tx, model.DeliveryUnknown, reason)
}

// requeue lets the delivery wait, unless it was recalled meanwhile. Its consent stays open: nothing was sent for it.
func (p parcel) requeue(tx *gorm.DB, until model.Instant, attempts int) error {
	var recalled int64
	err := model.ForShare(tx).Model(&model.Announcement{}).Where("id = ? AND recalled_at <> 0", p.AnnouncementID).Count(&recalled).Error
	if err != nil {
		return err
	}
	if recalled > 0 {
		return p.settle(tx, model.DeliveryRecalled, model.ReasonRecalled)
	}
	return p.update(tx, map[string]any{"state": model.DeliveryQueued, "reason": "", "due_at": until, "tried_at": p.claimedAt, "attempts": attempts})
}

func (p parcel) update(tx *gorm.DB, to map[string]any) error {
	return tx.Model(&model.Delivery{}).Where("announcement_id = ? AND member_id = ?", p.AnnouncementID, p.MemberID).Updates(to).Error
}
