package model

import (
	"encoding/json"
	"fmt"

	"gorm.io/gorm"
)

// AuditEvent is who did what to what, written in the transaction of the deed. It is only ever added.
type AuditEvent struct {
	ID        int64
	At        Instant
	Actor     string // Actor.Ref; no name, which a chained row could never give up again
	Action    string // "member.create"
	UnitID    *int64
	UnitPath  string // of the unit at that moment: who may read the event
	SubjectID int64
	Before    string `gorm:"column:state_before"` // JSON, without personal data
	After     string `gorm:"column:state_after"`
	RequestID string
}

// AuditLink chains an event to all before it. Links are added in order, apart from the events, so that writers do
// not wait for each other.
type AuditLink struct {
	ID      int64 // 1, 2, 3 … without a gap
	EventID int64
	Hash    string // hex SHA-256 over the previous hash and the event
}

// Deed is what Audit records; Before and After are small maps or structs without anybody's name, phone, id
// number, openid or secret: they can never be blanked.
type Deed struct {
	Action    string
	Unit      Unit
	SubjectID int64
	Before    any
	After     any
}

// Audit writes the events of deeds done by actor at the moment at, in the caller's transaction.
func Audit(tx *gorm.DB, actor Actor, at Instant, deeds ...Deed) error {
	events := make([]AuditEvent, 0, len(deeds))
	for _, d := range deeds {
		e, err := NewAuditEvent(actor, at, d)
		if err != nil {
			return err
		}
		events = append(events, e)
	}
	return AddAuditEvents(tx, events)
}

// AddAuditEvents writes events of several actors at once.
func AddAuditEvents(tx *gorm.DB, events []AuditEvent) error {
	if len(events) == 0 {
		return nil
	}
	return tx.CreateInBatches(events, 200).Error
}

// NewAuditEvent is the event of one deed.
func NewAuditEvent(actor Actor, at Instant, d Deed) (AuditEvent, error) {
	before, err := auditJSON(d.Before)
	if err != nil {
		return AuditEvent{}, err
	}
	after, err := auditJSON(d.After)
	if err != nil {
		return AuditEvent{}, err
	}
	e := AuditEvent{
		ID: NewID(), At: at, Actor: actor.Ref(), Action: d.Action, UnitPath: d.Unit.Path,
		SubjectID: d.SubjectID, Before: before, After: after, RequestID: actor.RequestID,
	}
	if d.Unit.ID != 0 {
		e.UnitID = &d.Unit.ID
	}
	return e, nil
}

func auditJSON(v any) (string, error) {
	if v == nil {
		return "", nil
	}
	b, err := json.Marshal(v)
	if err != nil {
		return "", fmt.Errorf("audit: %w", err)
	}
	return string(b), nil
}
