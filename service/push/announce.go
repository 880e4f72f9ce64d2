package push

import (
	"context"
	"fmt"
	"slices"
	"strconv"
	"strings"
	"time"
	"unicode/utf8"

	"gorm.io/gorm"

	"zhibu/model"
)

const (
	maxTitle   = 60
	maxBody    = 5000
	maxReason  = 200
	maxAhead   = 366 * 24 * time.Hour
	sendLife   = 3 * 24 * time.Hour // how long an announcement is worth sending
	inboxOnly  = "none"             // the template of an announcement that is not to be pushed
	minutePast = time.Minute        // a time so little ago is now
)

// Plan is an announcement as an officer writes it. Zero values take the defaults: the audience is the unit itself, both
// tracks, at once, with the template for announcements.
type Plan struct {
	UnitID          int64
	Title           string
	Body            string
	Template        string // a purpose, or "none"
	AudienceUnitIDs []int64
	Track           model.Track
	SendAt          model.Instant
	Holiday         string
	Urgent          bool
}

// Announced is an announcement with how many it is for.
type Announced struct {
	Announcement
	Recipients int64
}

// Announcement is an announcement with the unit that makes it and the units it is for.
type Announcement struct {
	model.Announcement
	Unit     model.Unit
	Audience model.Audience
}

// Announce says something to the members of the audience, who are those of the roster when it is sent. The text is shown to
// others once the platform's check let it pass; ErrTextRisky when it does not, and when it cannot answer, a person decides
// first (Decide). What an officer writes at the console has been looked at by that very officer.
func (s *Service) Announce(ctx context.Context, actor model.Actor, plan Plan, once model.Once) (a Announced, err error) {
	now := s.at()
	first, err := once.First(s.db.Read(ctx), actor, "announcement")
	if err != nil {
		return a, err
	}
	if first != 0 { // its time may be past by now
		a.Announcement, err = s.load(s.db.Read(ctx), first)
		if err != nil {
			return a, err
		}
		return s.began(ctx, a)
	}
	if a.Announcement, err = s.draft(s.db.Read(ctx), actor, plan, now); err != nil {
		return a, err
	}
	if a.TextState, err = s.checkText(ctx, actor, a.Title+"\n"+a.Body); err != nil {
		return a, err
	}
	if a.TextState == model.TextPassed {
		a.PublishAt = a.SendAt
	}
	err = s.db.WriteAfterLook(ctx, func(tx *gorm.DB) error {
		made := a.Announcement
		if made.Unit, err = model.FindUnit(tx, actor, plan.UnitID, model.Announce); err != nil {
			return err
		}
		first, err := once.Claim(tx, actor, "announcement", made.ID, now)
		if err != nil {
			return err
		}
		if first != 0 {
			a.Announcement, err = s.load(tx, first)
			return err
		}
		return made.add(tx, actor)
	})
	if err != nil {
		return a, err
	}
	return s.began(ctx, a)
}

// began publishes what is due at once, when it is for few, and leaves the rest to the chore. It returns the announcement as it
// stands then.
func (s *Service) began(ctx context.Context, a Announced) (Announced, error) {
	var err error
	if a.Recipients, err = s.countRecipients(s.db.Read(ctx), a.Announcement); err != nil {
		return a, err
	}
	if a.PublishAt == 0 || a.PublishAt > s.at() || a.Recipients > s.publishAtOnce {
		return a, nil
	}
	if err := s.publish(ctx, a.ID); err != nil { // it is there, and the chore goes on with it
		s.log.ErrorContext(ctx, "an announcement is not published yet", "announcement", a.ID, "error", err)
		return a, nil
	}
	return s.announced(s.db.Read(ctx), a.ID)
}

// draft checks the plan and makes the row of it.
func (s *Service) draft(tx *gorm.DB, actor model.Actor, plan Plan, now model.Instant) (a Announcement, err error) {
	if a.Unit, err = model.FindUnit(tx, actor, plan.UnitID, model.Announce); err != nil {
		return a, err
	}
	if !a.Unit.ClosedOn.IsOpen() {
		return a, model.InvalidField("unit_id", "unit_closed", "该组织已撤销")
	}
	if plan, err = s.clean(plan, now); err != nil {
		return a, err
	}
	if a.Audience, err = audienceOf(tx, actor, a.Unit, plan.AudienceUnitIDs); err != nil {
		return a, err
	}
	settings, err := model.LoadSettings(tx, a.Unit, now.Date())
	if err != nil {
		return a, err
	}
	id := model.NewID()
	a.Announcement = model.Announcement{
		ID: id, UnitID: a.Unit.ID, Cause: causeOf("announcement", id), Purpose: purposeOf(plan.Template), Title: plan.Title, Body: plan.Body,
		HappensAt: plan.SendAt, AudienceTrack: plan.Track, Holiday: plan.Holiday, Urgent: plan.Urgent, SendAt: plan.SendAt,
		CreatedBy: actor.Ref(), CreatedAt: now,
	}
	a.Obey(settings)
	a.ExpiresAt = a.QuietUntil(a.SendAt).Add(sendLife)
	return a, nil
}

// causeOf names what an announcement is about: "period_open:12".
func causeOf(parts ...any) string {
	return strings.ReplaceAll(strings.TrimSuffix(fmt.Sprintln(parts...), "\n"), " ", ":")
}

// purposeOf is the purpose that a template names; empty for none.
func purposeOf(template string) model.Purpose {
	if template == inboxOnly {
		return ""
	}
	return model.Purpose(template)
}

// clean checks the fields of a plan, all at once, and fills in the defaults.
func (s *Service) clean(p Plan, now model.Instant) (Plan, error) {
	var faults []model.FieldError
	fault := func(field, code, message string) {
		faults = append(faults, model.FieldError{Field: field, Code: code, Message: message})
	}
	p.Title, p.Body = model.CleanLine(p.Title), cleanBody(p.Body)
	if n := utf8.RuneCountInString(p.Title); n == 0 || n > maxTitle {
		fault("title", "invalid_length", "标题须为 1 至 60 个字")
	}
	if n := utf8.RuneCountInString(p.Body); n == 0 || n > maxBody {
		fault("body", "invalid_length", "内容须为 1 至 5000 个字")
	}
	if p.Track != "" && p.Track != model.Party && p.Track != model.League {
		fault("audience.track", "invalid_value", "须为 party 或 league")
	}
	switch {
	case p.SendAt == 0, p.SendAt <= now && p.SendAt >= now.Add(-minutePast):
		p.SendAt = now
	case p.SendAt < now:
		fault("send_at", "in_the_past", "发送时间已经过去")
	case p.SendAt > now.Add(maxAhead):
		fault("send_at", "too_far", "发送时间最多在一年以内")
	}
	if p.Holiday != "" && model.FestivalName(p.Holiday) == "" {
		fault("holiday", "invalid_value", "没有这个节日")
	}
	switch _, configured := s.templates[model.Purpose(p.Template)]; {
	case p.Template == "":
		p.Template = string(model.PurposeAnnouncement)
	case p.Template != inboxOnly && !slices.Contains(model.Purposes, model.Purpose(p.Template)):
		fault("template", "invalid_value", "没有这种用途的消息")
	case p.Template != inboxOnly && !configured:
		fault("template", "template_not_found", "没有配置这一用途的消息模板；不推送请填 none")
	}
	if len(faults) > 0 {
		return p, model.InvalidFields(faults...)
	}
	return p, nil
}

// cleanBody is the text as it is kept: clean lines, and no more than one empty one between two.
func cleanBody(text string) string {
	var lines []string
	for line := range strings.SplitSeq(strings.ReplaceAll(text, "\r\n", "\n"), "\n") {
		line = model.CleanLine(line)
		if line != "" || len(lines) > 0 && lines[len(lines)-1] != "" {
			lines = append(lines, line)
		}
	}
	return strings.TrimSpace(strings.Join(lines, "\n"))
}

// audienceOf returns the units an announcement is for: the unit, or those named, which are the unit or inside it. One
// inside another adds nothing.
func audienceOf(tx *gorm.DB, actor model.Actor, unit model.Unit, ids []int64) (model.Audience, error) {
	if len(ids) == 0 {
		return model.Audience{unit}, nil
	}
	named, err := model.UnitsUnder(tx, unit, ids)
	if err != nil {
		return nil, err
	}
	known := map[int64]bool{}
	for _, u := range named {
		known[u.ID] = u.ClosedOn.IsOpen() && actor.May(model.Announce, u.Path)
	}
	for i, id := range ids {
		if !known[id] {
			return nil, model.InvalidField("audience.unit_ids["+strconv.Itoa(i)+"]", "not_found", "接收组织不存在、已撤销，或不属于发布单位")
		}
	}
	return model.AudienceOf(named), nil
}

// add writes the announcement.
func (a Announcement) add(tx *gorm.DB, actor model.Actor) error {
	if err := tx.Create(&a.Announcement).Error; err != nil {
		return err
	}
	units := make([]model.AnnouncementAudience, len(a.Audience))
	for i, u := range a.Audience {
		units[i] = model.AnnouncementAudience{AnnouncementID: a.ID, UnitID: u.ID}
	}
	if err := tx.CreateInBatches(units, 200).Error; err != nil {
		return err
	}
	return model.Audit(tx, actor, a.CreatedAt, model.Deed{
		Action: "announcement.create", Unit: a.Unit, SubjectID: a.ID, After: map[string]any{
			"title_characters": utf8.RuneCountInString(a.Title), "body_characters": utf8.RuneCountInString(a.Body), "purpose": a.Purpose,
			"audience_unit_ids": a.Audience.IDs(), "track": a.AudienceTrack, "send_at": a.SendAt.Time(), "urgent": a.Urgent,
			"holiday": a.Holiday, "text": a.TextState,
		},
	})
}

// load reads an announcement with its units.
func (s *Service) load(tx *gorm.DB, id int64) (a Announcement, err error) {
	if err := tx.Take(&a.Announcement, id).Error; err != nil {
		return a, err
	}
	if err := tx.Take(&a.Unit, a.UnitID).Error; err != nil {
		return a, err
	}
	err = tx.Model(&model.Unit{}).Joins("JOIN announcement_audience ON announcement_audience.unit_id = units.id").
		Where("announcement_audience.announcement_id = ?", id).Order("units.path").Find(&a.Audience).Error
	return a, err
}
