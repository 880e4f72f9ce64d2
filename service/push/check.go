package push

import (
	"context"
	"unicode/utf8"

	"gorm.io/gorm"

	"zhibu/model"
)

// checkText asks the platform whether a text may be shown to others. It knows the people of the mini program only: the text
// of a console account passes, since an office holder who signs for it has read it.
func (s *Service) checkText(ctx context.Context, actor model.Actor, text string) (model.TextState, error) {
	if actor.OpenID == "" {
		return model.TextPassed, nil
	}
	switch verdict, err := s.platform.CheckText(ctx, actor.OpenID, text); {
	case err != nil:
		s.log.WarnContext(ctx, "a text could not be checked: a person decides", "error", err, "request_id", actor.RequestID)
		return model.TextWaiting, nil
	case verdict == model.TextRisky:
		return "", ErrTextRisky
	case verdict == model.TextPass:
		return model.TextPassed, nil
	}
	return model.TextWaiting, nil
}

// Decide lets the text of an announcement pass that the platform's check could not answer for, or refuses it. It takes
// another officer than the author. Deciding the same again changes nothing; what was decided stays.
func (s *Service) Decide(ctx context.Context, actor model.Actor, id int64, approve bool, note string) (a Announced, err error) {
	if utf8.RuneCountInString(note) > maxReason {
		return a, model.InvalidField("note", "too_long", "说明最多 200 个字")
	}
	now := s.at()
	state := model.TextRefused
	if approve {
		state = model.TextPassed
	}
	err = s.db.Write(ctx, func(tx *gorm.DB) error {
		found, err := s.hold(tx, actor, id)
		if err != nil {
			return err
		}
		a.Announcement = found
		switch {
		case a.CreatedBy == actor.Ref() || a.CreatedBy == actor.Holder():
			return ErrOwnText
		case a.RecalledAt != 0:
			return ErrRecalled
		case a.TextState == state && a.DecidedAt != 0:
			return nil
		case a.TextState != model.TextWaiting:
			return ErrDecided
		}
		a.TextState, a.DecidedBy, a.DecidedAt, a.DecisionNote = state, actor.Ref(), now, model.CleanLine(note)
		if approve {
			a.SendAt = max(a.SendAt, now)
			a.PublishAt, a.ExpiresAt = a.SendAt, a.QuietUntil(a.SendAt).Add(sendLife)
		}
		return a.saveDecision(tx, actor)
	})
	if err != nil {
		return a, err
	}
	return s.began(ctx, a)
}

func (a Announcement) saveDecision(tx *gorm.DB, actor model.Actor) error {
	err := tx.Model(&model.Announcement{}).Where("id = ?", a.ID).Updates(map[string]any{
		"text_state": a.TextState, "decided_by": a.DecidedBy, "decided_at": a.DecidedAt, "decision_note": a.DecisionNote,
		"send_at": a.SendAt, "publish_at": a.PublishAt, "expires_at": a.ExpiresAt,
	}).Error
	if err != nil {
		return err
	}
	return model.Audit(tx, actor, a.DecidedAt, model.Deed{
		Action: "announcement.decide", Unit: a.Unit, SubjectID: a.ID,
		Before: map[string]any{"text": model.TextWaiting}, After: map[string]any{"text": a.TextState},
	})
}

// hold reads the announcement for an officer who may change it, and makes others who do wait.
func (s *Service) hold(tx *gorm.DB, actor model.Actor, id int64) (Announcement, error) {
	var rows []model.Announcement
	if err := model.ForUpdate(tx).Select("id").Where("id = ?", id).Find(&rows).Error; err != nil {
		return Announcement{}, err
	}
	a, err := s.seen(tx, actor, id)
	if err == nil && !actor.May(model.Announce, a.Unit.Path) {
		err = model.ErrForbidden
	}
	return a, err
}

// Recall takes an announcement back: what has not been sent is not, and the inbox shows no more of it than its title. Those
// who have the message already keep it. To recall it again changes nothing.
func (s *Service) Recall(ctx context.Context, actor model.Actor, id int64, reason string) (a Announced, err error) {
	reason = model.CleanLine(reason)
	if n := utf8.RuneCountInString(reason); n == 0 || n > maxReason {
		return a, model.InvalidField("reason", "invalid_length", "撤回原因须为 1 至 200 个字")
	}
	now := s.at()
	err = s.db.WriteBulk(ctx, func(tx *gorm.DB) (err error) {
		if a.Announcement, err = s.hold(tx, actor, id); err != nil || a.RecalledAt != 0 {
			return err
		}
		a.RecalledAt, a.RecalledBy, a.RecallReason, a.PublishAt = now, actor.Ref(), reason, 0
		err = tx.Model(&model.Announcement{}).Where("id = ?", id).Updates(map[string]any{
			"recalled_at": now, "recalled_by": a.RecalledBy, "recall_reason": reason, "publish_at": 0,
		}).Error
		if err != nil {
			return err
		}
		recalled := tx.Model(&model.Delivery{}).Where("announcement_id = ? AND state = ?", id, model.DeliveryQueued).
			Updates(map[string]any{"state": model.DeliveryRecalled, "reason": model.ReasonRecalled, "due_at": 0})
		if recalled.Error != nil {
			return recalled.Error
		}
		return model.Audit(tx, actor, now, model.Deed{
			Action: "announcement.recall", Unit: a.Unit, SubjectID: id, After: map[string]any{"not_sent": recalled.RowsAffected},
		})
	})
	if err != nil {
		return a, err
	}
	a.Recipients, err = s.countRecipients(s.db.Read(ctx), a.Announcement)
	return a, err
}
