package roster

import (
	"context"
	"strings"

	"gorm.io/gorm"

	"zhibu/model"
)

// Move is a transfer of the formal relationship (组织关系接转) as an officer writes it.
type Move struct {
	ToUnitID    int64
	EffectiveOn model.Date // first day in the new unit, today when empty; until then the old one is responsible (Art. 25)
	Reason      string
	DuesPaidTo  model.Month // 党费交至, of the letter: the last month the old branch collects; empty: as the dues day falls
}

// Transfer moves the membership on the track of the unit into that unit from a day on, with its attributes; posts in the
// branch that is left end that day. Both units must be inside the actor's. The same transfer again is ErrAlreadyInUnit.
// Until that day is over Cancel undoes it.
func (s *Service) Transfer(ctx context.Context, actor model.Actor, memberID int64, move Move) (t model.Transfer, err error) {
	if err := s.checkDeparture("effective_on", &move.EffectiveOn, &move.Reason); err != nil {
		return t, err
	}
	if err := checkPaidTo(move); err != nil {
		return t, err
	}
	now := model.At(s.now())
	err = s.db.Write(ctx, func(tx *gorm.DB) error {
		to, err := model.FindUnit(model.ForUpdate(tx), actor, move.ToUnitID, model.WriteRoster) // it stays open
		if err != nil {
			return err
		}
		open, err := s.findOpen(tx, actor, memberID, to.Kind.Track())
		if err != nil {
			return err
		}
		if open.UnitID == to.ID {
			return ErrAlreadyInUnit
		}
		if err := takes(to); err != nil {
			return err
		}
		after := open.Membership
		after.UnitID = to.ID
		if err := succeed(tx, open.Membership, &after, move.EffectiveOn, now); err != nil {
			return err
		}
		t = model.Transfer{
			ID: model.NewID(), MemberID: memberID, Track: open.Track, FromUnitID: open.UnitID, ToUnitID: &to.ID,
			EffectiveOn: move.EffectiveOn, Reason: move.Reason, DuesPaidTo: move.DuesPaidTo, CreatedBy: actor.Ref(), CreatedAt: now,
		}
		if branch := open.Unit.Branch(); !strings.HasPrefix(to.Path, branch) {
			if err := model.RefuseHigherOffice(tx, actor, now, memberID); err != nil {
				return err
			}
			if err := endOffices(tx, memberID, branch, move.EffectiveOn); err != nil {
				return err
			}
		}
		return s.record(tx, actor, "member.transfer", open, t, auditMembership(after))
	})
	return t, err
}

// checkPaidTo refuses a month that is none, or so far from the move that it is a slip of the pen.
func checkPaidTo(move Move) error {
	if move.DuesPaidTo == "" {
		return nil
	}
	if _, err := model.ParseMonth(string(move.DuesPaidTo)); err != nil {
		return model.InvalidField("dues_paid_to", "invalid_month", "月份须形如 2026-03")
	}
	if n := move.DuesPaidTo.Since(model.MonthOf(move.EffectiveOn)); n < -12 || n > 12 {
		return model.InvalidField("dues_paid_to", "invalid_month", "党费交至的月份与转接日期相差过远")
	}
	return nil
}

// End ends a membership that has no end yet: the member left, was struck off, died or aged out. On is the first day no
// longer on the roster, today when empty. His posts in that branch end with it, and all of them when no membership is left.
func (s *Service) End(ctx context.Context, actor model.Actor, membershipID int64, on model.Date, reason string) (t model.Transfer, err error) {
	if err := s.checkDeparture("on", &on, &reason); err != nil {
		return t, err
	}
	now := model.At(s.now())
	err = s.db.Write(ctx, func(tx *gorm.DB) error {
		var found []model.Membership
		if err := tx.Where("id = ?", membershipID).Find(&found).Error; err != nil {
			return err
		}
		if len(found) == 0 {
			return model.ErrNotFound
		}
		unit, err := model.FindUnit(tx, actor, found[0].UnitID, model.WriteRoster)
		switch {
		case err != nil:
			return err
		case actor.IsMember(found[0].MemberID):
			return model.ErrOwnRecord
		case !found[0].EndedOn.IsOpen():
			return ErrAlreadyEnded
		}
		if err := model.RefuseHigherOffice(tx, actor, now, found[0].MemberID); err != nil {
			return err
		}
		if err := endEpisode(tx, found[0], on, reason); err != nil {
			return err
		}
		ended := found[0]
		ended.EndedOn = on
		t = model.Transfer{
			ID: model.NewID(), MemberID: ended.MemberID, Track: ended.Track, FromUnitID: ended.UnitID,
			EffectiveOn: on, Reason: reason, CreatedBy: actor.Ref(), CreatedAt: now,
		}
		if err := s.leaveOffices(tx, ended, unit); err != nil {
			return err
		}
		return s.record(tx, actor, "membership.end", Episode{found[0], unit}, t, auditMembership(ended))
	})
	return t, err
}

// checkDeparture cleans what every leaving has: a day, by default today, and a reason.
func (s *Service) checkDeparture(field string, on *model.Date, reason *string) error {
	if *on == "" {
		*on = s.today()
	}
	var f faults
	if _, err := model.ParseDate(string(*on)); err != nil || on.IsOpen() {
		f.add(field, "invalid_date", "日期有误")
	}
	checkReason(reason, &f)
	return f.err()
}

func checkReason(reason *string, f *faults) {
	switch *reason = cleanLine(*reason); {
	case *reason == "":
		f.add("reason", "required", "请填写原因")
	case len([]rune(*reason)) > maxReason:
		f.add("reason", "too_long", "原因太长")
	}
}

// findOpen returns the member's open episode on the track when the actor may change it.
func (s *Service) findOpen(tx *gorm.DB, actor model.Actor, memberID int64, track model.Track) (Episode, error) {
	_, episodes, err := s.findMember(tx, actor, memberID, model.WriteRoster)
	if err != nil {
		return Episode{}, err
	}
	open, ok := openOf(episodes, track)
	switch {
	case actor.IsMember(memberID):
		return open, model.ErrOwnRecord
	case !ok:
		return open, ErrNoMembership
	case !actor.May(model.WriteRoster, open.Unit.Path):
		return open, model.ErrNotFound
	}
	return open, nil
}

func (s *Service) record(tx *gorm.DB, actor model.Actor, action string, before Episode, t model.Transfer, after map[string]any) error {
	if err := tx.Create(&t).Error; err != nil {
		return duplicate(err, ErrChangedBeside)
	}
	after["reason"] = t.Reason
	return model.Audit(tx, actor, t.CreatedAt, model.Deed{
		Action: action, Unit: before.Unit, SubjectID: t.MemberID, Before: auditMembership(before.Membership), After: after,
	})
}

// leaveOffices ends the posts of somebody whose membership in the unit has ended.
func (s *Service) leaveOffices(tx *gorm.DB, ended model.Membership, unit model.Unit) error {
	var left int64
	err := tx.Model(&model.Membership{}).Where("member_id = ? AND ended_on = ?", ended.MemberID, model.Forever).Count(&left).Error
	if err != nil {
		return err
	}
	if left == 0 {
		return endOffices(tx, ended.MemberID, "/", ended.EndedOn)
	}
	return endOffices(tx, ended.MemberID, unit.Branch(), ended.EndedOn)
}

// endOffices ends the member's posts below the path on the day: an office gives access, which must not outlast the
// membership behind it. A post that was to begin later ends the day it begins.
func endOffices(tx *gorm.DB, memberID int64, path string, on model.Date) error {
	below := tx.Session(&gorm.Session{NewDB: true}).Model(&model.Unit{}).Select("units.id").Scopes(model.Under(path))
	_, err := model.EndPosts(tx.Where("member_id = ? AND ended_on > ? AND unit_id IN (?)", memberID, on, below), on)
	return err
}
