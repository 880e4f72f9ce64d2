package push

import (
	"context"
	"errors"

	"gorm.io/gorm"

	"zhibu/model"
)

const (
	publishAtOnce = 2_000  // recipients: so many are published before the officer has his answer
	chunkSize     = 50_000 // deliveries of one transaction
	dueAtOnce     = 50
)

// Publish writes the deliveries of the announcements whose time has come. It is a chore; every instance may do it.
func (s *Service) Publish(ctx context.Context) error {
	var ids []int64
	err := s.db.Read(ctx).Model(&model.Announcement{}).Where("publish_at > 0 AND publish_at <= ?", s.at()).
		Order("publish_at").Limit(dueAtOnce).Pluck("id", &ids).Error
	errs := []error{err}
	for _, id := range ids { // one that fails does not keep the others
		errs = append(errs, s.publish(ctx, id))
	}
	return errors.Join(errs...)
}

// publish writes the deliveries of one announcement, a chunk a transaction, each beginning where the one before ended,
// whoever wrote that.
func (s *Service) publish(ctx context.Context, id int64) error {
	for done := false; !done; {
		err := s.db.WriteBulk(ctx, func(tx *gorm.DB) (err error) {
			done, err = s.publishChunk(tx, id)
			return err
		})
		if err != nil {
			return err
		}
		s.wake()
	}
	return nil
}

func (s *Service) publishChunk(tx *gorm.DB, id int64) (done bool, err error) {
	now := s.at()
	var rows []model.Announcement
	err = model.ForUpdate(tx).Where("id = ? AND publish_at > 0 AND publish_at <= ?", id, now).Find(&rows).Error
	if err != nil || len(rows) == 0 { // recalled, or published by somebody else
		return true, err
	}
	a, err := s.load(tx, id)
	if err != nil {
		return false, err
	}
	chunk := a.roster(tx, now).Where("memberships.member_id > ?", a.PublishedTo).Order("memberships.member_id").Limit(s.chunkSize)
	written, err := s.deliver(tx, a.Announcement, chunk, now)
	if err != nil {
		return false, err
	}
	to := map[string]any{"publish_at": 0, "published_at": now}
	if written == int64(s.chunkSize) {
		var last int64
		if err := tx.Model(&model.Delivery{}).Where("announcement_id = ?", id).Select("MAX(member_id)").Scan(&last).Error; err != nil {
			return false, err
		}
		to = map[string]any{"published_to": last}
	}
	return written < int64(s.chunkSize), tx.Model(&model.Announcement{}).Where("id = ?", id).Updates(to).Error
}

// roster is a query of the members an announcement is for, each once, as deliver takes it.
func (a Announcement) roster(tx *gorm.DB, at model.Instant) *gorm.DB {
	return tx.Session(&gorm.Session{NewDB: true}).Model(&model.Membership{}).Joins("JOIN units ON units.id = memberships.unit_id").
		Scopes(model.OnRoster(at), model.Counted, model.OfTrack(a.AudienceTrack), model.Under(a.Audience.Paths()...))
}

// deliver writes a delivery for each member of the query, which has memberships in it, and returns how many they are. The
// query may find a member twice.
func (s *Service) deliver(tx *gorm.DB, a model.Announcement, members *gorm.DB, at model.Instant) (int64, error) {
	d := a.DeliveryTo(0, 0, at)
	if _, configured := s.templates[a.Purpose]; a.Purpose != "" && !configured {
		d.State, d.Reason, d.DueAt = model.DeliveryNoGrant, model.ReasonNoTemplate, 0
	}
	members = members.Group("memberships.member_id").Select(
		"?, memberships.member_id, MIN(memberships.unit_id), ?, ?, ?, 0, '', 0, 0, 0, ?", a.ID, d.State, d.Reason, d.DueAt, at)
	done := tx.Exec(`INSERT INTO deliveries (announcement_id, member_id, unit_id, state, reason, due_at, attempts, msgid, tried_at,
		sent_at, read_at, created_at) ?`, members)
	return done.RowsAffected, done.Error
}

// countRecipients counts the members an announcement has, or would have now; one that never went out has none.
func (s *Service) countRecipients(tx *gorm.DB, a Announcement) (n int64, err error) {
	if a.PublishedAt != 0 || a.RecalledAt != 0 || a.TextState == model.TextRefused {
		err = tx.Model(&model.Delivery{}).Where("announcement_id = ?", a.ID).Count(&n).Error
		return n, err
	}
	err = a.roster(tx, max(a.SendAt, s.at())).Distinct("memberships.member_id").Count(&n).Error
	return n, err
}
