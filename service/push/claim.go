package push

import (
	"context"
	"maps"
	"slices"
	"time"

	"gorm.io/gorm"

	"zhibu/model"
)

const (
	sweepFrom   = 25                 // so many of a claim without a consent, and all of them are looked for at once
	countedBack = 7 * 24 * time.Hour // how old an announcement may be whose message counts as one of today
)

// claim is one transaction of claiming, and what came of it.
type claim struct {
	id            int64
	service       *Service
	tx            *gorm.DB
	now           model.Instant
	announcements map[int64]announced
	openIDs       map[int64]string // of members
	batch         []parcel
	grounded      []model.Delivery                   // that have a flight and are not sent
	later         map[model.Instant][]model.Delivery // not now
	over          map[string][]model.Delivery        // never, by reason
	busy          int                                // to whom something is on its way
}

// claim takes deliveries for this instance, in one transaction: it writes their flights, which keeps everyone else from the
// same members and their consents. What turns out not to be sent is settled on the way: no WeChat, no consent, too late,
// enough for today. Once begun it is finished: a commit cut off by the end of ctx could leave messages claimed that nobody
// sends.
func (s *Service) claim(ctx context.Context, candidates []model.Delivery, now model.Instant) (c *claim, err error) {
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), finish)
	defer cancel()
	again := false
	err = s.db.WriteBulkAfterLook(ctx, func(tx *gorm.DB) error {
		c = &claim{id: model.NewID(), service: s, tx: tx, now: now, later: map[model.Instant][]model.Delivery{}, over: map[string][]model.Delivery{}}
		err := c.run(candidates, again)
		again = true
		return err
	})
	return c, err
}

// mostly reports whether so many of the claim turned out to have no consent that all of them are worth looking for at once.
func (c *claim) mostly() bool {
	return len(c.over[model.ReasonNoConsent])+len(c.over[model.ReasonNotBound]) >= sweepFrom
}

// run claims what of the candidates is still due. The flights come before the consents: from then on no other message can use
// a consent of these people, so what is read of them holds. Each statement reads what is committed when it begins.
func (c *claim) run(candidates []model.Delivery, again bool) error {
	due, err := c.lock(candidates)
	if err != nil || len(due) == 0 {
		return err
	}
	if c.announcements, err = c.service.announcedOf(c.tx, due); err != nil {
		return err
	}
	for _, drop := range []func([]model.Delivery) ([]model.Delivery, error){c.dropUntimely, c.dropDone, c.dropUnbound} {
		if due, err = drop(due); err != nil {
			return err
		}
	}
	if again { // somebody was faster with another message to one of them
		if due, err = c.dropBusy(due); err != nil {
			return err
		}
	}
	if err := c.fly(due); err != nil {
		return err
	}
	if err := c.take(due); err != nil {
		return err
	}
	return c.write()
}

// lock reads the candidates as they are now and keeps others from changing them. It goes through them in the order of
// their key, as everyone does, and asks for nothing but the key: with the time in the question the database might go by
// that, and lock whatever else is due.
func (c *claim) lock(candidates []model.Delivery) (due []model.Delivery, err error) {
	byAnnouncement := groupByAnnouncement(candidates)
	for _, id := range slices.Sorted(maps.Keys(byAnnouncement)) {
		var some []model.Delivery
		err := model.ForUpdate(c.tx).Select("announcement_id, member_id, due_at, attempts").
			Where("announcement_id = ? AND member_id IN ?", id, membersOf(byAnnouncement[id])).Order("member_id").Find(&some).Error
		if err != nil {
			return nil, err
		}
		due = append(due, slices.DeleteFunc(some, func(d model.Delivery) bool { return d.DueAt == 0 || d.DueAt > c.now })...)
	}
	return due, nil
}

// dropUnbound settles the deliveries to members who have no WeChat here, and learns that of the others.
func (c *claim) dropUnbound(due []model.Delivery) ([]model.Delivery, error) {
	var bindings []model.Binding
	err := c.tx.Select("member_id, openid").Where("unbound_at = 0 AND member_id IN ?", membersOf(due)).Find(&bindings).Error
	c.openIDs = make(map[int64]string, len(bindings))
	for _, b := range bindings {
		c.openIDs[b.MemberID] = b.OpenID
	}
	return slices.DeleteFunc(due, func(d model.Delivery) bool {
		unbound := c.openIDs[d.MemberID] == ""
		if unbound {
			c.over[model.ReasonNotBound] = append(c.over[model.ReasonNotBound], d)
		}
		return unbound
	}), err
}

// dropBusy leaves out those to whom something is on its way.
func (c *claim) dropBusy(due []model.Delivery) ([]model.Delivery, error) {
	var busy []string
	err := c.tx.Model(&model.Flight{}).Where("openid IN ?", c.openIDsOf(due)).Pluck("openid", &busy).Error
	left := slices.DeleteFunc(due, func(d model.Delivery) bool { return slices.Contains(busy, c.openIDs[d.MemberID]) })
	c.busy = len(due) - len(left)
	return left, err
}

func (c *claim) openIDsOf(due []model.Delivery) []string {
	openIDs := make([]string, len(due))
	for i, d := range due {
		openIDs[i] = c.openIDs[d.MemberID]
	}
	slices.Sort(openIDs)
	return openIDs
}

// dropUntimely settles what comes too late or falls into quiet hours.
func (c *claim) dropUntimely(due []model.Delivery) (timely []model.Delivery, err error) {
	for _, d := range due {
		a := c.announcements[d.AnnouncementID]
		switch quiet := a.QuietUntil(c.now); {
		case c.now >= a.ExpiresAt:
			c.over[model.ReasonExpired] = append(c.over[model.ReasonExpired], d)
		case quiet > c.now:
			c.later[quiet] = append(c.later[quiet], d)
		default:
			timely = append(timely, d)
		}
	}
	return timely, nil
}

// sentToday counts what each of the members was sent today, if one of the announcements wants to know. A message whose
// outcome is unknown counts, too.
func (c *claim) sentToday(due []model.Delivery) (map[int64]int, error) {
	sent := map[int64]int{}
	if !slices.ContainsFunc(slices.Collect(maps.Values(c.announcements)), announced.limited) {
		return sent, nil
	}
	var rows []struct {
		MemberID int64
		Sent     int
	}
	today := c.now.Date().Start()
	err := c.tx.Model(&model.Delivery{}).Select("member_id, COUNT(*) AS sent").
		Where("member_id IN ? AND created_at >= ? AND tried_at >= ?", membersOf(due), today.Add(-countedBack), today).
		Where("state IN ?", []model.DeliveryState{model.DeliverySent, model.DeliveryUnknown}).Group("member_id").Find(&rows).Error
	for _, r := range rows {
		sent[r.MemberID] = r.Sent
	}
	return sent, err
}

// fly writes the flights. A person who has one makes the transaction begin anew.
func (c *claim) fly(due []model.Delivery) error {
	if len(due) == 0 {
		return nil
	}
	flights := make([]model.Flight, len(due))
	for i, d := range due {
		flights[i] = model.Flight{
			OpenID: c.openIDs[d.MemberID], MemberID: d.MemberID, AnnouncementID: d.AnnouncementID, ClaimID: c.id, ClaimedAt: c.now,
			LostAt: c.now.Add(lease),
		}
	}
	return c.tx.Create(&flights).Error
}

// take takes a consent for each of the deliveries, the oldest, and settles those without one, or of which the member has had
// enough today.
func (c *claim) take(due []model.Delivery) error {
	open, err := openConsents(c.tx, c.openIDsOf(due))
	if err != nil {
		return err
	}
	sent, err := c.sentToday(due)
	if err != nil {
		return err
	}
	for _, d := range due {
		a := c.announcements[d.AnnouncementID]
		t := c.service.templates[a.Purpose]
		consent, ok := open[grantKey{c.openIDs[d.MemberID], t.TemplateID}]
		switch {
		case !ok:
			c.over[model.ReasonNoConsent] = append(c.over[model.ReasonNoConsent], d)
			c.grounded = append(c.grounded, d)
			continue
		case a.limited() && sent[d.MemberID] >= a.DailyLimit:
			tomorrow := a.QuietUntil(c.now.Date().AddDays(1).Start())
			c.later[tomorrow] = append(c.later[tomorrow], d)
			c.grounded = append(c.grounded, d)
			continue
		}
		c.batch = append(c.batch, parcel{
			Delivery: d, attempt: d.Attempts + 1, claimID: c.id, claimedAt: c.now, purpose: a.Purpose, consent: consent,
			message: model.PushMessage{OpenID: consent.OpenID, TemplateID: t.TemplateID, Page: t.page(a.Announcement), Data: a.data},
		})
	}
	return nil
}

// write writes down what is not sent, now or ever.
func (c *claim) write() error {
	for reason, deliveries := range c.over {
		state := model.DeliveryNoGrant
		switch reason {
		case model.ReasonExpired:
			state = model.DeliveryFailed
		case model.ReasonDone:
			state = model.DeliveryRecalled
		}
		if err := setDeliveries(c.tx, deliveries, map[string]any{"state": state, "reason": reason, "due_at": 0}); err != nil {
			return err
		}
	}
	for until, deliveries := range c.later {
		if err := setDeliveries(c.tx, deliveries, map[string]any{"due_at": until}); err != nil {
			return err
		}
	}
	if len(c.grounded) == 0 {
		return nil
	}
	return c.tx.Where("claim_id = ? AND openid IN ?", c.id, c.openIDsOf(c.grounded)).Delete(&model.Flight{}).Error
}
