package push

import (
	"context"
	"maps"
	"slices"

	"gorm.io/gorm"

	"zhibu/model"
)

// sweep settles at once all due deliveries of the announcements whose members gave no consent. What is too late or has to
// wait for the end of the quiet hours is none of its business.
func (s *Service) sweep(ctx context.Context, announcements map[int64]announced) error {
	now := s.at()
	for _, id := range slices.Sorted(maps.Keys(announcements)) {
		a := announcements[id]
		if now >= a.ExpiresAt || a.QuietUntil(now) > now {
			continue
		}
		templateID := s.templates[a.Purpose].TemplateID
		err := s.db.WriteBulk(ctx, func(tx *gorm.DB) error { return sweepOne(tx, id, templateID, now) })
		if err != nil {
			return err
		}
	}
	return nil
}

func sweepOne(tx *gorm.DB, announcementID int64, templateID string, now model.Instant) error {
	const bound = `EXISTS (SELECT 1 FROM bindings WHERE bindings.member_id = deliveries.member_id AND bindings.unbound_at = 0)`
	const granted = `EXISTS (SELECT 1 FROM bindings JOIN consents ON consents.openid = bindings.openid
		WHERE bindings.member_id = deliveries.member_id AND bindings.unbound_at = 0
		AND consents.template_id = ? AND consents.state = 'open')`
	due := tx.Model(&model.Delivery{}).Where("announcement_id = ? AND due_at > 0 AND due_at <= ?", announcementID, now).
		Session(&gorm.Session{})
	for _, settle := range []struct {
		reason string
		q      *gorm.DB
	}{
		{model.ReasonNotBound, due.Where("NOT " + bound)},
		{model.ReasonNoConsent, due.Where("NOT "+granted, templateID)},
	} {
		err := settle.q.Updates(map[string]any{"state": model.DeliveryNoGrant, "reason": settle.reason, "due_at": 0}).Error
		if err != nil {
			return err
		}
	}
	return nil
}

// setDeliveries changes some deliveries alike.
func setDeliveries(tx *gorm.DB, deliveries []model.Delivery, to map[string]any) error {
	byAnnouncement := groupByAnnouncement(deliveries)
	for _, id := range slices.Sorted(maps.Keys(byAnnouncement)) {
		err := tx.Model(&model.Delivery{}).Where("announcement_id = ? AND member_id IN ?", id, membersOf(byAnnouncement[id])).Updates(to).Error
		if err != nil {
			return err
		}
	}
	return nil
}

func groupByAnnouncement(deliveries []model.Delivery) map[int64][]model.Delivery {
	groups := map[int64][]model.Delivery{}
	for _, d := range deliveries {
		groups[d.AnnouncementID] = append(groups[d.AnnouncementID], d)
	}
	return groups
}

// membersOf are the members of the deliveries in order.
func membersOf(deliveries []model.Delivery) []int64 {
	ids := make([]int64, len(deliveries))
	for i, d := range deliveries {
		ids[i] = d.MemberID
	}
	slices.Sort(ids)
	return ids
}
