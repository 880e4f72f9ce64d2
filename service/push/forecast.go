package push

import (
	"context"

	"gorm.io/gorm"

	"zhibu/model"
)

// Forecast says before an announcement is sent whom it would reach, as things stand.
type Forecast struct {
	Recipients int64
	WeChat     int64 // who would get a message
	InboxOnly  int64 // who would not
	Reasons    []ForecastReason
	SendAt     model.Instant // when messages would go out: the time asked for, or the end of the quiet hours
}

// ForecastReason is why some would have it in the inbox only.
type ForecastReason struct {
	Reason string
	Name   string
	Count  int64
}

// Forecast checks a plan as Announce does and counts whom it would reach; nothing is written.
func (s *Service) Forecast(ctx context.Context, actor model.Actor, plan Plan) (f Forecast, err error) {
	tx := s.db.Read(ctx)
	a, err := s.draft(tx, actor, plan, s.at())
	if err != nil {
		return f, err
	}
	f.SendAt = a.QuietUntil(a.SendAt)
	t, configured := s.templates[a.Purpose]
	var counted struct{ Recipients, Bound, Granted int64 }
	err = tx.Table("(?) recipients", a.reach(tx, max(a.SendAt, s.at()), t.TemplateID)).
		Select("COUNT(*) AS recipients, COALESCE(SUM(bound), 0) AS bound, COALESCE(SUM(granted), 0) AS granted").Scan(&counted).Error
	if err != nil {
		return f, err
	}
	f.Recipients = counted.Recipients
	if !configured {
		f.because(reasonInboxOnly, f.Recipients)
	} else {
		f.WeChat = counted.Granted
		f.because(model.ReasonNotBound, counted.Recipients-counted.Bound)
		f.because(model.ReasonNoConsent, counted.Bound-counted.Granted)
	}
	f.InboxOnly = f.Recipients - f.WeChat
	return f, nil
}

// reasonInboxOnly is that no message was wanted.
const reasonInboxOnly = "inbox_only"

func (f *Forecast) because(reason string, n int64) {
	if n == 0 {
		return
	}
	name := model.ReasonName(reason)
	if reason == reasonInboxOnly {
		name = "这条通知不推送微信消息"
	}
	f.Reasons = append(f.Reasons, ForecastReason{reason, name, n})
}

// reach is a query of the recipients, each once, with whether he has a WeChat here and a consent for the template.
func (a Announcement) reach(tx *gorm.DB, at model.Instant, templateID string) *gorm.DB {
	return a.roster(tx, at).Joins("LEFT JOIN bindings ON bindings.member_id = memberships.member_id AND bindings.unbound_at = 0").
		Select(`memberships.member_id, MAX(CASE WHEN bindings.id IS NULL THEN 0 ELSE 1 END) AS bound,
			MAX(CASE WHEN EXISTS (SELECT 1 FROM consents WHERE consents.openid = bindings.openid AND consents.template_id = ?
				AND consents.state = 'open') THEN 1 ELSE 0 END) AS granted`, templateID).Group("memberships.member_id")
}
