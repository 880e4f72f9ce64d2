package push

import (
	"context"
	"errors"
	"fmt"
	"slices"

	"gorm.io/gorm"

	"zhibu/model"
)

// Nudge reminds those of the actor's units who have not completed a study period, at an officer's request. A unit narrows
// it down; 0 is all of the actor's. It returns the announcement and how many it went to, which may be nobody.
func (s *Service) Nudge(ctx context.Context, actor model.Actor, periodID, unitID int64, once model.Once) (a Announced, err error) {
	now := s.at()
	work := func(tx *gorm.DB) error {
		a = Announced{}
		p, err := model.SeenPeriod(tx, actor, periodID)
		if err != nil {
			return err
		}
		scope, err := nudged(tx, actor, p, unitID)
		if err != nil {
			return err
		}
		a.ID = model.NewID()
		first, err := once.Claim(tx, actor, "period_nudge", a.ID, now)
		if err != nil {
			return err
		}
		if first != 0 {
			a, err = s.announced(tx, first)
			return err
		}
		if p.State(now) != model.PeriodOpen {
			return ErrOver
		}
		a.Announcement = nudge(a.ID, actor, p, scope, now)
		settings, err := model.LoadSettings(tx, a.Unit, now.Date())
		if err != nil {
			return err
		}
		a.Obey(settings)
		if err := a.add(tx, actor); err != nil {
			return err
		}
		a.Recipients, err = s.deliver(tx, a.Announcement.Announcement, missing(tx, p, now).Scopes(model.Under(scope.Paths()...)), now)
		return err
	}
	if err = s.db.WriteBulk(ctx, work); errors.Is(err, gorm.ErrDuplicatedKey) {
		err = s.db.WriteBulk(ctx, work) // of two under one key the slower one finds what the other made
	}
	s.wake()
	return a, err
}

// nudged are the units whose members are nudged: the one asked for, or all of the period in which the actor may announce. The
// first of them speaks.
func nudged(tx *gorm.DB, actor model.Actor, p model.Period, unitID int64) (model.Audience, error) {
	if unitID != 0 {
		u, err := model.FindUnit(tx, actor, unitID, model.Announce)
		if err == nil && !p.Touches(u) {
			err = model.InvalidField("unit_id", "not_in_audience", "这个组织不在本期的应参学范围内")
		}
		return model.Audience{u}, err
	}
	if actor.May(model.Announce, p.Unit.Path) {
		return model.Audience{p.Unit}, nil
	}
	var own model.Audience
	for _, g := range actor.Grants {
		if !g.Title.Allows(model.Announce) {
			continue
		}
		var units model.Audience
		if err := tx.Where("id = ?", g.UnitID).Find(&units).Error; err != nil {
			return nil, err
		}
		if len(units) > 0 && p.Touches(units[0]) && !slices.Contains(own.IDs(), g.UnitID) {
			own = append(own, units[0])
		}
	}
	if len(own) == 0 {
		return nil, model.ErrForbidden
	}
	return own, nil
}

func nudge(id int64, actor model.Actor, p model.Period, units model.Audience, now model.Instant) Announcement {
	name := p.Series + p.Name()
	return Announcement{Unit: units[0], Audience: units, Announcement: model.Announcement{
		ID: id, UnitID: units[0].ID, Rule: model.RulePeriodNudge, Cause: causeOf(model.RulePeriodNudge, id), Purpose: model.PurposeStudy,
		Title: shorten(name+"还没有完成", maxTitle), Status: "待学习", Hint: "请在截止前完成学习", HappensAt: p.ClosesAt, ExpiresAt: p.ClosesAt,
		Body:          fmt.Sprintf("%s“%s”将于%s截止，您还没有完成登记。不方便使用手机的同志，可以请支部代为登记。", name, p.Title, clockTime(p.ClosesAt)),
		AudienceTrack: p.Track, Subject: causeOf("study_period", p.ID), TextState: model.TextPassed, SendAt: now, PublishedAt: now,
		CreatedBy: actor.Ref(), CreatedAt: now,
	}}
}
