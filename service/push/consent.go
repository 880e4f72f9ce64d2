package push

import (
	"context"
	"maps"
	"slices"
	"time"

	"gorm.io/gorm"

	"zhibu/model"
)

// Answer is what a person answered to the prompt for a template, as wx.requestSubscribeMessage reports it.
type Answer string

// Accept is the answer that counts. The others are reject, ban (the platform has banned the template) and filter (another
// template of the same title was asked for).
const Accept Answer = "accept"

const (
	pairWithin = 10 * time.Minute // between the client's and the platform's report of one tap
	maxOpen    = 100              // consents of a person for a template: a client can report what it likes
)

// Subscribe takes the client's report of a prompt. Each accept counts once for a request id, and once with what the
// platform itself reports of the same tap. It returns how many messages the person may be sent, by template. Only an
// accept changes anything: who rejects a prompt keeps what he gave before.
func (s *Service) Subscribe(ctx context.Context, actor model.Actor, requestID string, answers map[string]Answer) (map[string]int, error) {
	if actor.OpenID == "" {
		return nil, ErrNoWeChat
	}
	for templateID := range answers {
		if _, ok := s.templateOf(templateID); !ok {
			return nil, model.InvalidField("results."+templateID, "template_not_found", "没有这个消息模板")
		}
	}
	now := s.at()
	err := s.db.WriteAfterLook(ctx, func(tx *gorm.DB) error {
		for _, templateID := range slices.Sorted(maps.Keys(answers)) {
			if answers[templateID] != Accept {
				continue
			}
			t, _ := s.templateOf(templateID)
			given := model.Consent{
				OpenID: actor.OpenID, TemplateID: templateID, LongTerm: t.LongTerm, RequestID: &requestID, AcceptedAt: now,
			}
			if err := addConsent(tx, given); err != nil {
				return err
			}
		}
		return nil
	})
	if err != nil {
		return nil, err
	}
	return s.Grants(ctx, actor)
}

// templateOf finds a configured template by its id.
func (s *Service) templateOf(templateID string) (model.PushTemplate, bool) {
	i := slices.IndexFunc(s.config.Templates, func(t model.PushTemplate) bool { return t.TemplateID == templateID })
	if i < 0 {
		return model.PushTemplate{}, false
	}
	return s.config.Templates[i], true
}

// Grants returns how many messages the actor may be sent, by template; a long-term consent counts as one.
func (s *Service) Grants(ctx context.Context, actor model.Actor) (map[string]int, error) {
	grants := make(map[string]int, len(s.config.Templates))
	for _, t := range s.config.Templates {
		grants[t.TemplateID] = 0
	}
	if actor.OpenID == "" {
		return grants, nil
	}
	var rows []struct {
		TemplateID string
		Open       int
	}
	err := s.db.Read(ctx).Model(&model.Consent{}).Select("template_id, COUNT(*) AS open").
		Where("openid = ? AND state = ?", actor.OpenID, model.ConsentOpen).Group("template_id").Find(&rows).Error
	for _, r := range rows {
		if _, known := grants[r.TemplateID]; known {
			grants[r.TemplateID] = r.Open
		}
	}
	return grants, err
}

// addConsent adds an accept to the ledger, unless it is there: reported before under the same key, or by the other side.
// Of two reports at once the slower one collides with the serial of the other and looks again.
func addConsent(tx *gorm.DB, given model.Consent) error {
	known := tx.Where("openid = ? AND template_id = ?", given.OpenID, given.TemplateID).Session(&gorm.Session{})
	if repeated, err := reportedBefore(known, given); err != nil || repeated {
		return err
	}
	if paired, err := pair(tx, known, given); err != nil || paired {
		return err
	}
	var rows []model.Consent
	if err := known.Select("id, serial, state, long_term").Order("serial DESC").Limit(maxOpen).Find(&rows).Error; err != nil {
		return err
	}
	open := 0
	for _, r := range rows {
		if r.State == model.ConsentOpen {
			open++
		}
	}
	if open >= maxOpen || open > 0 && given.LongTerm {
		return nil
	}
	given.ID, given.Serial, given.State = model.NewID(), 1, model.ConsentOpen
	if len(rows) > 0 {
		given.Serial = rows[0].Serial + 1
	}
	return tx.Create(&given).Error
}

// reportedBefore reports whether the same side has reported the accept under the same key.
func reportedBefore(known *gorm.DB, given model.Consent) (bool, error) {
	q := known.Model(&model.Consent{})
	if given.RequestID != nil {
		q = q.Where("request_id = ?", *given.RequestID)
	} else {
		q = q.Where("event_key = ?", *given.EventKey)
	}
	var n int64
	err := q.Count(&n).Error
	return n > 0, err
}

// pair finds the accept that the other side has reported at about the same time and this side has not, and notes that it
// has now.
func pair(tx, known *gorm.DB, given model.Consent) (bool, error) {
	column, key, other := "request_id", given.RequestID, "event_key"
	if given.RequestID == nil {
		column, key, other = "event_key", given.EventKey, "request_id"
	}
	var rows []model.Consent
	err := known.Select("id").Where(column+" IS NULL AND "+other+" IS NOT NULL").
		Where("accepted_at BETWEEN ? AND ?", given.AcceptedAt.Add(-pairWithin), given.AcceptedAt.Add(pairWithin)).
		Order("serial").Limit(1).Find(&rows).Error
	if err != nil || len(rows) == 0 {
		return false, err
	}
	return true, model.SaveSeen(tx.Model(&model.Consent{}).Where("id = ? AND "+column+" IS NULL", rows[0].ID).Update(column, *key))
}

// voidConsents ends the consents of a person that could still be used and were given before the moment, for one template or,
// with none, for all.
func voidConsents(tx *gorm.DB, now model.Instant, openID, templateID string, before model.Instant) error {
	q := tx.Model(&model.Consent{}).Where("openid = ? AND accepted_at < ?", openID, before).
		Where("state = ?", model.ConsentOpen)
	if templateID != "" {
		q = q.Where("template_id = ?", templateID)
	}
	return q.Updates(map[string]any{"state": model.ConsentVoid, "settled_at": now}).Error
}

// grantKey is whom a consent is from, and for which template.
type grantKey struct{ openID, templateID string }

// openConsents returns the oldest open consent of each of the people for each template.
func openConsents(tx *gorm.DB, openIDs []string) (map[grantKey]model.Consent, error) {
	var rows []model.Consent
	err := tx.Select("id, openid, template_id, serial, long_term, state").Where("openid IN ? AND state = ?", openIDs, model.ConsentOpen).Find(&rows).Error
	open := make(map[grantKey]model.Consent, len(rows))
	for _, r := range rows {
		key := grantKey{r.OpenID, r.TemplateID}
		if before, ok := open[key]; !ok || r.Serial < before.Serial {
			open[key] = r
		}
	}
	return open, err
}
