package push

import (
	"sync"

	"gorm.io/gorm"

	"zhibu/model"
)

// announced is an announcement with the name of its unit and the values of its messages.
type announced struct {
	model.Announcement
	UnitName string
	data     map[string]string `gorm:"-"`
}

// limited reports whether the announcement counts what a member got today.
func (a announced) limited() bool { return !a.Urgent && a.DailyLimit > 0 }

// memory remembers announcements that are being sent: nothing of theirs that a message needs changes any more.
type memory struct {
	mu    sync.Mutex
	known map[int64]announced
}

// maxKnown bounds the memory; past it everything is read anew.
const maxKnown = 1000

func (m *memory) find(ids []int64) (found map[int64]announced, missing []int64) {
	m.mu.Lock()
	defer m.mu.Unlock()
	found = make(map[int64]announced, len(ids))
	for _, id := range ids {
		if a, ok := m.known[id]; ok {
			found[id] = a
		} else {
			missing = append(missing, id)
		}
	}
	return found, missing
}

func (m *memory) keep(rows []announced) {
	m.mu.Lock()
	defer m.mu.Unlock()
	if m.known == nil || len(m.known) > maxKnown {
		m.known = map[int64]announced{}
	}
	for _, a := range rows {
		m.known[a.ID] = a
	}
}

// announcedOf returns the announcements of the deliveries with the values of their messages.
func (s *Service) announcedOf(tx *gorm.DB, deliveries []model.Delivery) (map[int64]announced, error) {
	var ids []int64
	for id := range groupByAnnouncement(deliveries) {
		ids = append(ids, id)
	}
	found, missing := s.memory.find(ids)
	if len(missing) == 0 {
		return found, nil
	}
	var rows []announced
	err := tx.Model(&model.Announcement{}).Omit("body").Joins("JOIN units ON units.id = announcements.unit_id").
		Select("announcements.*, units.name AS unit_name").Where("announcements.id IN ?", missing).Find(&rows).Error
	for i := range rows {
		rows[i].data = s.templates[rows[i].Purpose].data(rows[i].Announcement, rows[i].UnitName)
		found[rows[i].ID] = rows[i]
	}
	s.memory.keep(rows)
	return found, err
}
