package push

import (
	"context"
	"math/rand/v2"
	"slices"
	"sync"
	"time"

	"gorm.io/gorm"

	"zhibu/model"
)

const (
	listLife = 2 * time.Second // and what became due meanwhile waits no longer
	listSize = 5000
	listMore = 4 // times as many are listed as are claimed, at least: several instances rarely want the same
)

// candidates are deliveries that were due a moment ago, in the order in which this instance tries to claim them. They are
// read for some seconds of work at once: what was sent leaves traces in the index of what is due, and to pass them at every
// claim would cost more than the claim.
type candidates struct {
	mu     sync.Mutex
	list   []model.Delivery
	listed model.Instant
}

// next returns the deliveries to claim now, one of a member, and takes their places in the rate.
func (s *Service) next(ctx context.Context) ([]model.Delivery, time.Time, error) {
	c := &s.candidates
	c.mu.Lock()
	defer c.mu.Unlock()
	now := s.now()
	most := s.gate.allow(now, min(claimSize, s.config.InFlight))
	purposes := s.gate.open(now, s.templates)
	if most == 0 || len(purposes) == 0 {
		return nil, now, nil
	}
	if at := model.At(now); len(c.list) == 0 || at >= c.listed.Add(listLife) || at < c.listed {
		var err error
		if c.list, err = listDue(s.db.Read(ctx), purposes, min(max(listMore*most, s.config.PerSecond), listSize), at); err != nil {
			return nil, now, err
		}
		c.listed = at
	}
	chosen := c.take(most)
	s.gate.spend(now, len(chosen))
	return chosen, now, nil
}

// take takes deliveries off the list; a member's second one stays for another time.
func (c *candidates) take(most int) (chosen []model.Delivery) {
	members := map[int64]bool{}
	var left []model.Delivery
	for i, d := range c.list {
		if len(chosen) == most {
			left = append(left, c.list[i:]...)
			break
		}
		if members[d.MemberID] {
			left = append(left, d)
			continue
		}
		members[d.MemberID] = true
		chosen = append(chosen, d)
	}
	c.list = left
	return chosen
}

// listDue reads what is due, the longest due of it, but for members to whom something is on its way.
func listDue(tx *gorm.DB, purposes []model.Purpose, most int, now model.Instant) (due []model.Delivery, err error) {
	var flying []int64
	if err := tx.Model(&model.Flight{}).Pluck("member_id", &flying).Error; err != nil {
		return nil, err
	}
	q := tx.Model(&model.Delivery{}).Select("deliveries.announcement_id, deliveries.member_id").
		Where("deliveries.due_at > 0 AND deliveries.due_at <= ?", now)
	if len(purposes) < len(model.Purposes) {
		q = q.Joins("JOIN announcements ON announcements.id = deliveries.announcement_id").Where("announcements.purpose IN ?", purposes)
	}
	// What is on its way is still due.
	if err := q.Order("deliveries.due_at").Limit(most + len(flying)).Find(&due).Error; err != nil {
		return nil, err
	}
	slices.Sort(flying)
	due = slices.DeleteFunc(due, func(d model.Delivery) bool {
		_, found := slices.BinarySearch(flying, d.MemberID)
		return found
	})
	rand.Shuffle(len(due), func(i, j int) { due[i], due[j] = due[j], due[i] })
	return due, nil
}
