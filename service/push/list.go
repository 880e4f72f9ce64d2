package push

import (
	"context"

	"gorm.io/gorm"

	"zhibu/model"
)

// Filter chooses announcements; zero values choose all.
type Filter struct {
	UnitID int64 // made by the unit or one below it
	From   model.Instant
	To     model.Instant
	State  string // waiting, refused, scheduled, publishing, published, recalled
	Origin string // officer, reminder
	Limit  int
	Cursor string
}

// The origins of an announcement.
const (
	FromOfficer  = "officer"
	FromReminder = "reminder"
)

// List returns the announcements of the actor's units and those that members of these got, the latest first, and the cursor
// of the next page. Who may announce nowhere has no such list: model.ErrForbidden.
func (s *Service) List(ctx context.Context, actor model.Actor, f Filter) (page []Announced, next string, err error) {
	if len(actor.Paths(model.Announce)) == 0 {
		return nil, "", model.ErrForbidden
	}
	tx := s.db.Read(ctx)
	q := tx.Model(&model.Announcement{}).Select("announcements.id, announcements.created_at").
		Joins("JOIN units ON units.id = announcements.unit_id").Scopes(visible(actor), inState(f.State, s.at()))
	if f.UnitID != 0 {
		unit, err := model.SeenUnit(tx, actor, f.UnitID)
		if err != nil {
			return nil, "", err
		}
		q = q.Scopes(model.Under(unit.Path))
	}
	if f.From != 0 {
		q = q.Where("announcements.created_at >= ?", f.From)
	}
	if f.To != 0 {
		q = q.Where("announcements.created_at < ?", f.To)
	}
	switch f.Origin {
	case FromOfficer:
		q = q.Where("announcements.rule = ''")
	case FromReminder:
		q = q.Where("announcements.rule <> ''")
	}
	found, next, err := model.FindPage(q, "announcements.created_at", "announcements.id", f.Limit, f.Cursor, func(a model.Announcement) model.Cursor {
		return model.Cursor{At: a.CreatedAt, ID: a.ID}
	})
	if err != nil {
		return nil, "", err
	}
	page = make([]Announced, len(found))
	for i, a := range found {
		if page[i], err = s.announced(tx, a.ID); err != nil {
			return nil, "", err
		}
	}
	return page, next, nil
}

// visible keeps the announcements that an officer is shown: those of his units, and those that members of his units got. The
// query must have announcements and units in it.
func visible(actor model.Actor) func(*gorm.DB) *gorm.DB {
	return func(tx *gorm.DB) *gorm.DB {
		mine := tx.Session(&gorm.Session{NewDB: true}).Table("deliveries").Select("1").
			Joins("JOIN units homes ON homes.id = deliveries.unit_id").Where("deliveries.announcement_id = announcements.id")
		paths := actor.Paths(model.Announce)
		if len(paths) == 0 {
			return tx.Where("1 = 0")
		}
		own, below := tx.Session(&gorm.Session{NewDB: true}), tx.Session(&gorm.Session{NewDB: true})
		for _, p := range paths {
			own, below = own.Or("units.path LIKE ?", p+"%"), below.Or("homes.path LIKE ?", p+"%")
		}
		return tx.Where(own.Or("EXISTS (?)", mine.Where(below)))
	}
}

// inState is Announcement.State as a query.
func inState(state string, now model.Instant) func(*gorm.DB) *gorm.DB {
	return func(tx *gorm.DB) *gorm.DB {
		const stands = "announcements.recalled_at = 0"
		switch state {
		case "":
			return tx
		case model.AnnouncementRecalled:
			return tx.Where("announcements.recalled_at <> 0")
		case model.AnnouncementWaiting:
			return tx.Where(stands+" AND announcements.text_state = ?", model.TextWaiting)
		case model.AnnouncementRefused:
			return tx.Where(stands+" AND announcements.text_state = ?", model.TextRefused)
		}
		tx = tx.Where(stands+" AND announcements.text_state = ?", model.TextPassed)
		switch state {
		case model.AnnouncementPublished:
			return tx.Where("announcements.published_at <> 0")
		case model.AnnouncementScheduled:
			return tx.Where("announcements.published_at = 0 AND announcements.send_at > ?", now)
		}
		return tx.Where("announcements.published_at = 0 AND announcements.send_at <= ?", now)
	}
}

// announced reads an announcement with how many it is for.
func (s *Service) announced(tx *gorm.DB, id int64) (a Announced, err error) {
	if a.Announcement, err = s.load(tx, id); err != nil {
		return a, err
	}
	a.Recipients, err = s.countRecipients(tx, a.Announcement)
	return a, err
}

// seen returns the announcement when the actor is an officer who is shown it, else model.ErrNotFound.
func (s *Service) seen(tx *gorm.DB, actor model.Actor, id int64) (Announcement, error) {
	var n int64
	err := tx.Model(&model.Announcement{}).Joins("JOIN units ON units.id = announcements.unit_id").
		Where("announcements.id = ?", id).Scopes(visible(actor)).Count(&n).Error
	if err != nil {
		return Announcement{}, err
	}
	if n == 0 {
		return Announcement{}, model.ErrNotFound
	}
	return s.load(tx, id)
}

// Look returns an announcement that the actor is shown as an officer.
func (s *Service) Look(ctx context.Context, actor model.Actor, id int64) (Announced, error) {
	tx := s.db.Read(ctx)
	if _, err := s.seen(tx, actor, id); err != nil {
		return Announced{}, err
	}
	return s.announced(tx, id)
}

// ShareText is the announcement as a text to paste into a group chat, for those whom no message reaches; empty while its text
// has not passed, and once it was recalled.
func (a Announcement) ShareText() string {
	if a.TextState != model.TextPassed || a.RecalledAt != 0 {
		return ""
	}
	return "【" + a.Unit.Name + "】" + a.Title + "\n" + a.Body + "\n（" + a.SendAt.Time().Format("2006-01-02 15:04") + "，详情请在小程序“消息”中查看）"
}
