package api

import (
	"time"

	"zhibu/model"
	"zhibu/service/signin"
)

type myInboxEntry struct {
	ID          int64               `json:"announcement_id"`
	UnitName    string              `json:"unit_name"`
	Title       string              `json:"title"`
	State       model.DeliveryState `json:"state" doc:"of the subscribe message"`
	DeliveredAt *time.Time          `json:"delivered_at"`
	SentAt      *time.Time          `json:"sent_at"`
	ReadAt      *time.Time          `json:"read_at"`
}

type myConsent struct {
	TemplateID string             `json:"template_id"`
	State      model.ConsentState `json:"state" enum:"open,doubtful,spent,void"`
	AcceptedAt *time.Time         `json:"accepted_at"`
	SettledAt  *time.Time         `json:"settled_at" doc:"when it was used or taken back"`
}

// addPushTo adds what is held about announcements and consents.
func addPushTo(b *myData, d signin.PersonalData) {
	b.Inbox, b.Consents = make([]myInboxEntry, len(d.Push.Announcements)), make([]myConsent, len(d.Push.Consents))
	for i, a := range d.Push.Announcements {
		b.Inbox[i] = myInboxEntry{
			a.AnnouncementID, a.Unit, a.Title, a.State, stamp(a.CreatedAt), stamp(a.SentAt), stamp(a.ReadAt),
		}
	}
	for i, c := range d.Push.Consents {
		b.Consents[i] = myConsent{c.TemplateID, c.State, stamp(c.AcceptedAt), stamp(c.SettledAt)}
	}
}
