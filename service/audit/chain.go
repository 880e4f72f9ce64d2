package audit

import (
	"context"
	"crypto/sha256"
	"encoding/binary"
	"encoding/hex"
	"errors"
	"time"

	"gorm.io/gorm"

	"zhibu/model"
)

// batch is how many events one transaction seals, and Verify reads at a time.
const batch = 500

// sealLate is how much older than the last sealed event an event may be and still be sealed: a transaction that takes
// long, the clock of another node, or one that was put right. It keeps Seal from searching all of history, and makes
// an event that is slipped into the past stand out.
const sealLate = 24 * time.Hour

// Seal adds a link for every event that has none, in the order of time and id. Events are sealed apart from the deeds,
// so that deeds need not queue for the end of the chain. Of several instances at work at once, the unique keys of the
// links let one win; the others go on behind it or leave the work to it.
func (s *Service) Seal(ctx context.Context) error {
	_, waiting, err := unsealed(s.db.Read(ctx), 1) // most of the time there is nothing to do, and no writer to hold up
	for err == nil && len(waiting) > 0 {
		err = s.db.Write(ctx, func(tx *gorm.DB) (err error) {
			waiting, err = seal(tx)
			return err
		})
		if errors.Is(err, gorm.ErrDuplicatedKey) {
			return nil
		}
		if len(waiting) < batch {
			break
		}
	}
	return err
}

// seal adds the links of one batch and returns the events sealed.
func seal(tx *gorm.DB) ([]model.AuditEvent, error) {
	last, events, err := unsealed(tx, batch)
	if err != nil || len(events) == 0 {
		return nil, err
	}
	links := make([]model.AuditLink, len(events))
	for i, e := range events {
		last = model.AuditLink{ID: last.ID + 1, EventID: e.ID, Hash: link(last.Hash, e)}
		links[i] = last
	}
	return events, tx.Create(&links).Error
}

// unsealed returns the last link and the first events that are to follow it.
func unsealed(tx *gorm.DB, limit int) (model.AuditLink, []model.AuditEvent, error) {
	last, since, err := end(tx)
	if err != nil {
		return last, nil, err
	}
	var events []model.AuditEvent
	err = withoutLink(tx).Where("audit_events.at >= ?", since).Order("audit_events.at, audit_events.id").Limit(limit).
		Find(&events).Error
	return last, events, err
}

func withoutLink(tx *gorm.DB) *gorm.DB {
	return tx.Model(&model.AuditEvent{}).
		Joins("LEFT JOIN audit_links ON audit_links.event_id = audit_events.id").Where("audit_links.id IS NULL")
}

// end returns the last link, empty before the first, and the moment from which events may be unsealed.
func end(tx *gorm.DB) (model.AuditLink, model.Instant, error) {
	var links []model.AuditLink
	if err := tx.Order("id DESC").Limit(1).Find(&links).Error; err != nil || len(links) == 0 {
		return model.AuditLink{}, 0, err
	}
	var events []model.AuditEvent
	if err := tx.Select("at").Where("id = ?", links[0].EventID).Find(&events).Error; err != nil || len(events) == 0 {
		return links[0], 0, err
	}
	return links[0], events[0].At.Add(-sealLate), nil
}

// link is the hash of an event after the one before it: SHA-256 over the previous hash (nothing before the first) and
// the event's columns. Each column is its length and its bytes, so that no two events have one encoding.
func link(previous string, e model.AuditEvent) string {
	b := make([]byte, 0, 512)
	text := func(s string) { b = append(binary.AppendUvarint(b, uint64(len(s))), s...) }
	number := func(n int64) { b = binary.BigEndian.AppendUint64(b, uint64(n)) }
	text(previous)
	number(e.ID)
	number(int64(e.At))
	text(e.Actor)
	text(e.Action)
	if e.UnitID == nil {
		number(0)
	} else {
		number(*e.UnitID)
	}
	text(e.UnitPath)
	number(e.SubjectID)
	text(e.Before)
	text(e.After)
	text(e.RequestID)
	sum := sha256.Sum256(b)
	return hex.EncodeToString(sum[:])
}

// Verdict is what Verify found. Head is worth writing down outside the database: whoever knows it can tell that the
// end of the chain has not been cut off, which the chain alone cannot.
type Verdict struct {
	Links   int64  // sound ones, from the first
	Head    string // hash of the last of them
	Pending int64  // events not sealed yet
	Broken  *Break // the first fault, nil when there is none
}

// Break is where the chain does not hold.
type Break struct {
	Seq     int64 // of the link at fault; 0 for an event outside the chain
	EventID int64
	Reason  string // link_missing, event_missing, event_changed, event_inserted
}

// Verify walks the chain from its first link and names the first that does not hold, or an event slipped into the past
// after its time was sealed. It takes the right to read the audit of everything.
func (s *Service) Verify(ctx context.Context, actor model.Actor) (Verdict, error) {
	if !actor.Everywhere(model.ReadAudit) {
		return Verdict{}, model.ErrForbidden
	}
	tx := s.db.Read(ctx)
	var v Verdict
	for {
		var page []chained
		err := tx.Table("audit_links AS l").Joins("LEFT JOIN audit_events e ON e.id = l.event_id").
			Select("e.*, l.id AS seq, l.hash, l.event_id").Where("l.id > ?", v.Links).Order("l.id").Limit(batch).
			Find(&page).Error
		if err != nil {
			return v, err
		}
		for _, c := range page {
			if v.Broken = c.check(v); v.Broken != nil {
				return v, nil
			}
			v.Links, v.Head = c.Seq, c.Hash
		}
		if len(page) < batch {
			break
		}
	}
	return v, outside(tx, &v)
}

// chained is a link with its event; the event's columns are null when it is gone.
type chained struct {
	model.AuditEvent
	Seq     int64
	Hash    string
	EventID int64
}

func (c chained) check(v Verdict) *Break {
	reason := ""
	switch {
	case c.Seq != v.Links+1:
		reason = "link_missing"
	case c.ID != c.EventID:
		reason = "event_missing"
	case c.Hash != link(v.Head, c.AuditEvent):
		reason = "event_changed"
	default:
		return nil
	}
	return &Break{Seq: v.Links + 1, EventID: c.EventID, Reason: reason}
}

// outside looks at the events without a link: those that Seal will reach are pending, an older one is a fault.
func outside(tx *gorm.DB, v *Verdict) error {
	_, since, err := end(tx)
	if err != nil {
		return err
	}
	if err := withoutLink(tx).Where("audit_events.at >= ?", since).Count(&v.Pending).Error; err != nil {
		return err
	}
	var inserted []model.AuditEvent
	err = withoutLink(tx).Where("audit_events.at < ?", since).Order("audit_events.at, audit_events.id").Limit(1).Find(&inserted).Error
	if err == nil && len(inserted) > 0 {
		v.Broken = &Break{EventID: inserted[0].ID, Reason: "event_inserted"}
	}
	return err
}
