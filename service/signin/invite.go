package signin

import (
	"context"
	"crypto/rand"
	"unicode/utf8"

	"gorm.io/gorm"

	"zhibu/model"
)

// Invitation is a code for one member to bind with, shown once.
type Invitation struct {
	Code      string
	ExpiresAt model.Instant
}

// inviteLength gives 50 bits, of which a session may try ten an hour.
const inviteLength = 10

// Invite makes a one-time code for a member of the roster who cannot bind by phone. It serves for seven days and
// until the next one is made; only its keyed hash is kept. Nobody invites himself, nor somebody whose offices reach
// further than his own: whoever has the code signs in with them.
func (s *Service) Invite(ctx context.Context, actor model.Actor, memberID int64) (Invitation, error) {
	if actor.IsMember(memberID) {
		return Invitation{}, model.ErrOwnRecord
	}
	now := model.At(s.now())
	var made Invitation
	err := s.db.Write(ctx, func(tx *gorm.DB) error {
		if err := lockMember(tx, memberID); err != nil {
			return err
		}
		units, err := unitsOf(tx, memberID, now)
		if err != nil {
			return err
		}
		unit, err := permitted(tx, actor, memberID, units, now)
		if err != nil {
			return err
		}
		// rand.Text is base32: no 0, 1 or 8, so whatever looks like one is the letter (see normalInvite).
		made = Invitation{Code: rand.Text()[:inviteLength], ExpiresAt: now.Add(InviteLifetime)}
		err = tx.Model(&model.Invite{}).Where("member_id = ? AND used_at = 0 AND expires_at > ?", memberID, now).
			Update("expires_at", now).Error
		if err != nil {
			return err
		}
		row := model.Invite{
			ID: model.NewID(), MemberID: memberID, CodeHash: s.inviteHash(made.Code), ExpiresAt: made.ExpiresAt,
			CreatedBy: actor.Ref(), CreatedAt: now,
		}
		if err := tx.Create(&row).Error; err != nil {
			return err
		}
		return model.Audit(tx, actor, now, model.Deed{
			Action: "member.invite", Unit: unit, SubjectID: memberID,
			After: map[string]any{"expires_at": made.ExpiresAt.Time()},
		})
	})
	return made, err
}

// Unbind takes a lost or changed phone off a member, by the member or by an officer who could invite him. All sessions
// of the member are over when it returns; the binding stays as history. Without a binding nothing is left to do.
func (s *Service) Unbind(ctx context.Context, actor model.Actor, memberID int64, reason string) error {
	if !utf8.ValidString(reason) || utf8.RuneCountInString(reason) > 200 {
		return model.InvalidField("reason", "too_long", "原因最多 200 个字")
	}
	now := model.At(s.now())
	return s.db.Write(ctx, func(tx *gorm.DB) error {
		unit, err := s.mayUnbind(tx, actor, memberID, now)
		if err != nil {
			return err
		}
		ended, err := unbind(tx, actor, memberID, reason, now)
		if err != nil || ended == nil {
			return err
		}
		return model.Audit(tx, actor, now, model.Deed{
			Action: "member.unbind", Unit: unit, SubjectID: memberID,
			Before: map[string]any{"method": ended.Method, "bound_at": ended.BoundAt.Time()}, After: map[string]string{"reason": reason},
		})
	})
}

func (s *Service) mayUnbind(tx *gorm.DB, actor model.Actor, memberID int64, now model.Instant) (model.Unit, error) {
	if actor.IsMember(memberID) {
		return unitOf(tx, memberID, now)
	}
	units, err := unitsOf(tx, memberID, now)
	if err != nil {
		return model.Unit{}, err
	}
	if len(units) == 0 { // who has left still has a phone to lose
		if units, err = lastUnitOf(tx, memberID); err != nil {
			return model.Unit{}, err
		}
	}
	return permitted(tx, actor, memberID, units, now)
}

// unbind ends the open binding of a member, which it returns as it was, nil without one. It ends all sessions too,
// console sessions of the same person among them: whoever holds the phone may hold more.
func unbind(tx *gorm.DB, actor model.Actor, memberID int64, reason string, now model.Instant) (*model.Binding, error) {
	bindings, err := openBindings(model.ForUpdate(tx), "member_id = ?", memberID)
	if err != nil {
		return nil, err
	}
	var open *model.Binding
	if len(bindings) > 0 {
		open = &bindings[0]
		err = tx.Model(&model.Binding{}).Where("id = ?", open.ID).
			Updates(map[string]any{"unbound_at": now, "unbound_by": actor.Ref(), "unbound_reason": reason}).Error
		if err != nil {
			return nil, err
		}
	}
	_, err = revoke(tx, now, "unbound", "member_id = ?", memberID)
	return open, err
}

// permitted returns the unit among those of a member in which the actor may write the roster; a member outside what
// the actor sees is ErrNotFound. Every office of the member must be within the actor's power as well: otherwise a branch
// could take over the phone of whoever sits above it.
func permitted(tx *gorm.DB, actor model.Actor, memberID int64, units []model.Unit, now model.Instant) (model.Unit, error) {
	refusal := model.ErrNotFound
	for _, u := range units {
		if actor.May(model.WriteRoster, u.Path) {
			return u, model.RefuseHigherOffice(tx, actor, now, memberID)
		}
		if actor.Sees(u.Path) {
			refusal = model.ErrForbidden
		}
	}
	return model.Unit{}, refusal
}

// lockMember orders what is done to one member at the same time.
func lockMember(tx *gorm.DB, memberID int64) error {
	var members []model.Member
	err := model.ForUpdate(tx).Select("id").Where("id = ?", memberID).Find(&members).Error
	if err == nil && len(members) == 0 {
		return model.ErrNotFound
	}
	return err
}

// unitsOf returns the units on whose roster the member is today, the party's first.
func unitsOf(tx *gorm.DB, memberID int64, now model.Instant) ([]model.Unit, error) {
	var units []model.Unit
	err := tx.Joins("JOIN memberships ON memberships.unit_id = units.id").Scopes(model.OnRoster(now)).
		Where("memberships.member_id = ?", memberID).Order("memberships.track DESC").Find(&units).Error
	return units, err
}

// unitOf returns the first of them, or an empty unit.
func unitOf(tx *gorm.DB, memberID int64, now model.Instant) (model.Unit, error) {
	units, err := unitsOf(tx, memberID, now)
	if err != nil || len(units) == 0 {
		return model.Unit{}, err
	}
	return units[0], nil
}

func lastUnitOf(tx *gorm.DB, memberID int64) ([]model.Unit, error) {
	var units []model.Unit
	err := tx.Joins("JOIN memberships ON memberships.unit_id = units.id").Where("memberships.member_id = ?", memberID).
		Order("memberships.ended_on DESC").Limit(1).Find(&units).Error
	return units, err
}
