// Package push says things to members: announcements of officers, reminders of the calendar, and what features ask for
// with model.Notify. Everyone has them in the inbox. Who gave a consent gets a subscribe message (订阅消息), too: the
// consents are a ledger, a message takes one in the transaction that claims it, and no message is ever sent twice.
package push

import (
	"context"
	"log/slog"
	"time"

	"golang.org/x/time/rate"

	"zhibu/model"
)

// The refusals of this feature.
var (
	ErrTextRisky = model.NewError(model.Invalid, "text_risky", "内容未通过微信的安全检测，请修改后再发布")
	ErrNoWeChat  = model.NewError(model.Forbidden, "not_wechat", "只有微信登录才能订阅消息")
	ErrRecalled  = model.NewError(model.Conflict, "announcement_recalled", "这条通知已经撤回")
	ErrDecided   = model.NewError(model.Conflict, "announcement_decided", "这条通知的内容已经审核过")
	ErrOwnText   = model.ErrOwnRecord.Saying("不能审核本人发布的通知，请由其他同志审核")
	ErrOver      = model.NewError(model.Conflict, "study_period_not_open", "本期学习不在进行中")
)

// Platform is WeChat, or its simulator.
type Platform interface {
	// Send sends one subscribe message; every error is a *model.SendError.
	Send(ctx context.Context, m model.PushMessage) (msgID string, err error)
	// CheckText asks whether the text of the person may be shown to others. An error means that it did not answer.
	CheckText(ctx context.Context, openID, text string) (model.TextVerdict, error)
}

// Config says what is sent, and how fast.
type Config struct {
	Templates      []model.PushTemplate // one of a purpose at most
	PerSecond      int                  // messages, of this instance
	InFlight       int                  // messages under way at once, of this instance
	NamesDrilldown bool                 // names of who is behind for officers above the branch, each look in the audit
	Logger         *slog.Logger
}

// Service says things to members. It is safe for concurrent use, on any number of instances.
type Service struct {
	db        *model.DB
	now       func() time.Time
	platform  Platform
	templates map[model.Purpose]template
	config    Config
	log       *slog.Logger
	gate      *gate
	kick      chan struct{} // something may be due

	candidates candidates
	memory     memory

	publishAtOnce int64 // the constants, but in tests
	chunkSize     int
}

// New makes the service. It sends nothing before Run.
func New(db *model.DB, now func() time.Time, platform Platform, c Config) *Service {
	if c.Logger == nil {
		c.Logger = slog.New(slog.DiscardHandler)
	}
	c.PerSecond, c.InFlight = max(c.PerSecond, 1), max(c.InFlight, 1)
	s := &Service{
		db: db, now: now, platform: platform, templates: map[model.Purpose]template{}, config: c, log: c.Logger,
		kick: make(chan struct{}, claimers[db.Dialect]), publishAtOnce: publishAtOnce, chunkSize: chunkSize,
	}
	for _, t := range c.Templates {
		s.templates[t.Purpose] = template{t}
	}
	s.gate = &gate{
		log: c.Logger, flights: make(chan struct{}, c.InFlight), pauses: map[model.Purpose]pause{}, alarms: map[int64]time.Time{},
		limit: rate.NewLimiter(rate.Limit(c.PerSecond), max(c.PerSecond, 1)),
	}
	return s
}

func (s *Service) at() model.Instant { return model.At(s.now()) }

// wake has the sender look for work at once instead of at its next turn.
func (s *Service) wake() {
	for range cap(s.kick) {
		select {
		case s.kick <- struct{}{}:
		default:
			return
		}
	}
}
