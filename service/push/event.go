package push

import (
	"context"
	"encoding/json"
	"errors"
	"time"

	"gorm.io/gorm"

	"zhibu/model"
)

const (
	eventsAtOnce = 100
	eventAgain   = 5 * time.Second // an event about a message on its way waits for what becomes of that
	settleBack   = 7 * 24 * time.Hour

	eventPrecision = time.Second // of the platform's times
)

// reports are what is kept of an event until it is settled.
type reports struct {
	Consents []model.ConsentReport `json:"consents,omitempty"`
	Sent     []model.SentReport    `json:"sent,omitempty"`
}

// Accept takes an event of the platform into the queue, whatever follows from it: the platform wants its answer within
// five seconds. A repetition changes nothing.
func (s *Service) Accept(ctx context.Context, e model.PlatformEvent) error {
	if e.OpenID == "" || len(e.Consents)+len(e.Sent) == 0 {
		return nil
	}
	kept, err := json.Marshal(reports{e.Consents, e.Sent})
	if err != nil {
		return err
	}
	now := s.at()
	row := model.PlatformEventRow{
		ID: model.NewID(), EventKey: e.Key, Name: e.Name, OpenID: e.OpenID, Reports: string(kept), At: e.At, ReceivedAt: now, SettleAt: now,
	}
	err = s.db.Write(ctx, func(tx *gorm.DB) error {
		var before int64
		if err := tx.Model(&row).Where("event_key = ?", e.Key).Count(&before).Error; err != nil || before > 0 {
			return err
		}
		return tx.Create(&row).Error
	})
	if errors.Is(err, gorm.ErrDuplicatedKey) {
		return nil
	}
	return err
}

// Settle does what follows from the events that wait. It is a chore; every instance may do it.
func (s *Service) Settle(ctx context.Context) error {
	for {
		var rows []model.PlatformEventRow
		err := s.db.Read(ctx).Where("settle_at > 0 AND settle_at <= ?", s.at()).Order("settle_at, id").Limit(eventsAtOnce).Find(&rows).Error
		if err != nil || len(rows) == 0 {
			return err
		}
		var errs []error // one that fails does not keep the others
		for _, row := range rows {
			errs = append(errs, s.db.WriteAfterLook(ctx, func(tx *gorm.DB) error { return s.settle(tx, row.ID) }))
		}
		if err := errors.Join(errs...); err != nil || len(rows) < eventsAtOnce {
			return err
		}
	}
}

// settle does what follows from one event, once.
func (s *Service) settle(tx *gorm.DB, id int64) error {
	now := s.at()
	var rows []model.PlatformEventRow
	if err := model.ForUpdate(tx).Where("id = ? AND settle_at > 0", id).Find(&rows).Error; err != nil || len(rows) == 0 {
		return err
	}
	row := rows[0]
	var r reports
	if err := json.Unmarshal([]byte(row.Reports), &r); err != nil {
		return err
	}
	if len(r.Sent) > 0 {
		var underWay int64
		if err := tx.Model(&model.Flight{}).Where("openid = ?", row.OpenID).Count(&underWay).Error; err != nil {
			return err
		}
		if underWay > 0 {
			return tx.Model(&row).Where("id = ?", id).Update("settle_at", now.Add(eventAgain)).Error
		}
	}
	for _, c := range r.Consents {
		if err := s.settleConsent(tx, row, c, now); err != nil {
			return err
		}
	}
	for _, sent := range r.Sent {
		if err := s.settleSent(tx, row, sent, now); err != nil {
			return err
		}
	}
	return tx.Model(&row).Where("id = ?", id).Updates(map[string]any{"settle_at": 0, "reports": ""}).Error
}

// settleConsent adds an accept to the ledger. A person who takes back what he gave does it in the menu of the mini program,
// for all messages of the template; one who rejects a prompt keeps what he gave before, but for a long-term consent, of
// which the prompt is the renewal. What was given after that stays: events come in any order, with their time to the second.
func (s *Service) settleConsent(tx *gorm.DB, row model.PlatformEventRow, c model.ConsentReport, now model.Instant) error {
	t, known := s.templateOf(c.TemplateID)
	switch {
	case !known:
		return nil
	case c.Accepted:
		return addConsent(tx, model.Consent{
			OpenID: row.OpenID, TemplateID: c.TemplateID, LongTerm: t.LongTerm, EventKey: &row.EventKey, AcceptedAt: row.At,
		})
	case row.Name == changeEvent, t.LongTerm:
		return voidConsents(tx, now, row.OpenID, c.TemplateID, row.At.Add(eventPrecision))
	}
	return nil
}

// changeEvent tells that a person took a consent back.
const changeEvent = "subscribe_msg_change_event"

// settleSent tells a delivery what became of its message after the platform had taken it.
func (s *Service) settleSent(tx *gorm.DB, row model.PlatformEventRow, sent model.SentReport, now model.Instant) error {
	members := tx.Model(&model.Binding{}).Select("member_id").Where("openid = ?", row.OpenID)
	q := tx.Model(&model.Delivery{}).Select("deliveries.*, announcements.purpose").
		Joins("JOIN announcements ON announcements.id = deliveries.announcement_id").
		Where("deliveries.member_id IN (?) AND deliveries.created_at >= ?", members, row.At.Add(-4*settleBack)).
		Where("deliveries.tried_at BETWEEN ? AND ?", row.At.Add(-settleBack), now).
		Where("deliveries.state IN ?", []model.DeliveryState{model.DeliverySent, model.DeliveryUnknown})
	if t, known := s.templateOf(sent.TemplateID); known && !t.LongTerm { // a member may have had another WeChat when it was sent
		q = q.Where(`EXISTS (SELECT 1 FROM consents WHERE consents.openid = ? AND consents.template_id = ?
			AND consents.announcement_id = deliveries.announcement_id)`, row.OpenID, sent.TemplateID)
	}
	var found []tried
	if err := q.Order("deliveries.tried_at").Find(&found).Error; err != nil {
		return err
	}
	if d := s.meant(found, sent, row.At); d != nil {
		return d.settle(tx, row.OpenID, sent, now)
	}
	return nil
}

// meant finds the delivery that a report is about among those tried, the oldest first: the one with its number, else of those
// of its template that have none, because the outcome is unknown or the platform gave none, the last that had set out by
// then. With a clock ahead of the platform's that may be nobody; then it is the first.
func (s *Service) meant(found []tried, sent model.SentReport, at model.Instant) *tried {
	var best *tried
	for i := range found {
		d := &found[i]
		switch {
		case d.MsgID != "" && d.MsgID == sent.MsgID:
			return d
		case d.MsgID != "" || s.templates[d.Purpose].TemplateID != sent.TemplateID:
		case best == nil || d.TriedAt < at.Add(eventPrecision):
			best = d
		}
	}
	return best
}

// tried is a delivery that was tried, with what its message was for.
type tried struct {
	model.Delivery
	Purpose model.Purpose
}

// settle ends the doubt about the delivery, or learns that it failed after all.
func (d tried) settle(tx *gorm.DB, openID string, sent model.SentReport, now model.Instant) error {
	to := map[string]any{"msgid": sent.MsgID} // so that no other report is taken for its own
	switch {
	case !sent.Delivered:
		to["state"], to["reason"] = model.DeliveryFailed, model.ReasonPlatform
	case d.State == model.DeliveryUnknown:
		to["state"], to["reason"], to["sent_at"] = model.DeliverySent, "", d.TriedAt
	}
	if err := setDeliveries(tx, []model.Delivery{d.Delivery}, to); err != nil {
		return err
	}
	if d.State != model.DeliveryUnknown {
		return nil
	}
	var used []int64 // one, though two members may have been sent the same with one WeChat
	err := tx.Model(&model.Consent{}).Where("openid = ? AND template_id = ? AND state = ?", openID, sent.TemplateID, model.ConsentDoubtful).
		Where("announcement_id = ?", d.AnnouncementID).Order("serial").Limit(1).Pluck("id", &used).Error
	if err != nil || len(used) == 0 {
		return err
	}
	return tx.Model(&model.Consent{}).Where("id IN ?", used).Updates(map[string]any{"state": model.ConsentSpent, "settled_at": now}).Error
}
