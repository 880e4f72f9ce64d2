package push

import (
	"context"
	"time"

	"gorm.io/gorm"

	"zhibu/model"
)

// Received is an announcement in the inbox of a member, with what he is shown of it.
type Received struct {
	model.Announcement
	UnitName    string
	DeliveredAt model.Instant
	ReadAt      model.Instant
}

// hideRecalled takes out what a member is not shown of an announcement that was taken back.
func (r *Received) hideRecalled() {
	if r.RecalledAt != 0 {
		r.Body, r.Subject = "", ""
	}
}

// Inbox returns what the actor was told, the latest first, and the cursor of the next page; with unread only what he has not
// read.
func (s *Service) Inbox(ctx context.Context, actor model.Actor, unread bool, limit int, cursor string) (page []Received, next string, err error) {
	q := received(s.db.Read(ctx), actor)
	if unread {
		q = q.Where("deliveries.read_at = 0 AND announcements.recalled_at = 0")
	}
	page, next, err = model.FindPage(q, "deliveries.created_at", "deliveries.announcement_id", limit, cursor, func(r Received) model.Cursor {
		return model.Cursor{At: r.DeliveredAt, ID: r.ID}
	})
	for i := range page {
		page[i].hideRecalled()
	}
	return page, next, err
}

func received(tx *gorm.DB, actor model.Actor) *gorm.DB {
	return tx.Table("deliveries").Joins("JOIN announcements ON announcements.id = deliveries.announcement_id").
		Joins("JOIN units ON units.id = announcements.unit_id").Where("deliveries.member_id = ?", actor.MemberID).
		Select(`announcements.id, announcements.unit_id, announcements.rule, announcements.title, announcements.body, announcements.subject,
			announcements.holiday, announcements.happens_at, announcements.recalled_at, units.name AS unit_name,
			deliveries.created_at AS delivered_at, deliveries.read_at`)
}

const (
	maxTodo  = 50
	todoBack = 90 * 24 * time.Hour // what was not read by then is not news any more
)

// Todo returns what the actor was told and has not read, the latest first.
func (s *Service) Todo(ctx context.Context, actor model.Actor) ([]Received, error) {
	unread := []Received{}
	if actor.MemberID == 0 {
		return unread, nil
	}
	err := received(s.db.Read(ctx), actor).Where("deliveries.created_at >= ?", s.at().Add(-todoBack)).
		Where("deliveries.read_at = 0 AND announcements.recalled_at = 0").
		Order("deliveries.created_at DESC, deliveries.announcement_id DESC").Limit(maxTodo).Find(&unread).Error
	return unread, err
}

// Read notes that the actor has read an announcement, and returns it. To read it again changes nothing.
func (s *Service) Read(ctx context.Context, actor model.Actor, id int64) (r Received, err error) {
	now := s.at()
	err = s.db.Write(ctx, func(tx *gorm.DB) error {
		var rows []Received
		if err := received(tx, actor).Where("deliveries.announcement_id = ?", id).Find(&rows).Error; err != nil {
			return err
		}
		if len(rows) == 0 {
			return model.ErrNotFound
		}
		if r = rows[0]; r.ReadAt != 0 {
			return nil
		}
		r.ReadAt = now
		return tx.Model(&model.Delivery{}).Where("announcement_id = ? AND member_id = ? AND read_at = 0", id, actor.MemberID).
			Update("read_at", now).Error
	})
	r.hideRecalled()
	return r, err
}
