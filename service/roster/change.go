package roster

import (
	"context"
	"slices"

	"gorm.io/gorm"

	"zhibu/model"
)

// Change is what is to be different about a member; nil leaves a field as it is, an empty text clears it.
type Change struct {
	Name       *string
	Gender     *string
	Ethnicity  *string
	BirthDate  *model.Date
	Phone      *string
	IDNumber   *string
	Education  *string
	JobTitle   *string
	Note       *string
	Membership *MembershipChange
}

// MembershipChange is what is to be different about a membership from a day on.
type MembershipChange struct {
	Track       model.Track // may be left out when there is only one
	Kind        *model.MembershipKind
	State       *model.MembershipState
	Category    *model.Category
	Hardship    *bool
	JoinedOn    *model.Date
	ConfirmedOn *model.Date
	EffectiveOn model.Date // today when empty
}

func (c Change) ofPerson() bool {
	return c.Phone != nil || c.beyondPhone()
}

func (c Change) beyondPhone() bool {
	return c.Name != nil || c.Gender != nil || c.Ethnicity != nil || c.BirthDate != nil || c.IDNumber != nil ||
		c.Education != nil || c.JobTitle != nil || c.Note != nil
}

// on is the person with the changes. A new id number brings its birth date and gender along.
func (c Change) on(p Person) Person {
	if c.IDNumber != nil && *c.IDNumber != "" {
		p.BirthDate, p.Gender = "", ""
	}
	model.SetGiven(&p.Name, c.Name)
	model.SetGiven(&p.Gender, c.Gender)
	model.SetGiven(&p.Ethnicity, c.Ethnicity)
	model.SetGiven(&p.BirthDate, c.BirthDate)
	model.SetGiven(&p.Phone, c.Phone)
	model.SetGiven(&p.IDNumber, c.IDNumber)
	model.SetGiven(&p.Education, c.Education)
	model.SetGiven(&p.JobTitle, c.JobTitle)
	model.SetGiven(&p.Note, c.Note)
	return p
}

func (c MembershipChange) on(m model.Membership) model.Membership {
	model.SetGiven(&m.Kind, c.Kind)
	model.SetGiven(&m.State, c.State)
	model.SetGiven(&m.Category, c.Category)
	model.SetGiven(&m.Hardship, c.Hardship)
	model.SetGiven(&m.JoinedOn, c.JoinedOn)
	model.SetGiven(&m.ConfirmedOn, c.ConfirmedOn)
	return m
}

// Change alters a member: an officer of a present membership's unit everything, the member himself his phone. A change
// of the membership ends the episode and begins the next on that day; on the day the episode began it is a correction
// in place. Nobody changes his own standing.
func (s *Service) Change(ctx context.Context, actor model.Actor, memberID int64, c Change) (changed Profile, err error) {
	err = s.db.Write(ctx, func(tx *gorm.DB) error {
		m, episodes, err := s.findMember(tx, actor, memberID, model.WriteRoster)
		if err != nil {
			return err
		}
		present := presentOf(episodes, s.today())
		officer := slices.ContainsFunc(present, func(e Episode) bool { return actor.May(model.WriteRoster, e.Unit.Path) })
		if !officer && (c.beyondPhone() || c.Membership != nil) {
			return model.ErrForbidden
		}
		if c.ofPerson() {
			if err := s.changePerson(tx, actor, &m, present, c); err != nil {
				return err
			}
		}
		if c.Membership != nil {
			if err := s.changeMembership(tx, actor, episodes, *c.Membership); err != nil {
				return err
			}
		}
		changed, err = s.profile(tx, actor, m)
		return err
	})
	return changed, err
}

func (s *Service) changePerson(tx *gorm.DB, actor model.Actor, m *model.Member, present []Episode, c Change) error {
	known, err := openPerson(*m, s.keys)
	if err != nil {
		return err
	}
	p := c.on(known)
	if err := p.clean(s.today()).err(); err != nil {
		return err
	}
	before := *m
	p.seal(m, s.keys)
	changed := changedColumns(before, *m)
	if len(changed) == 0 {
		return nil
	}
	if err := s.update(tx, actor, m.ID, changed); err != nil {
		return err
	}
	deed := model.Deed{Action: "member.change", SubjectID: m.ID, After: map[string]any{"fields": auditFields(changed)}}
	if len(present) > 0 {
		deed.Unit = present[0].Unit
	}
	return model.Audit(tx, actor, model.At(s.now()), deed)
}

// update writes the columns of a member. Name and phone are what he signs in with: nobody changes them of somebody who
// holds a higher office.
func (s *Service) update(tx *gorm.DB, actor model.Actor, memberID int64, changed map[string]any) error {
	_, name := changed["name_key"]
	_, phone := changed["phone_hash"]
	if (name || phone) && !actor.IsMember(memberID) {
		if err := model.RefuseHigherOffice(tx, actor, model.At(s.now()), memberID); err != nil {
			return err
		}
	}
	if err := tx.Model(&model.Member{}).Where("id = ?", memberID).Updates(changed).Error; err != nil {
		return duplicate(err, ErrMemberExists)
	}
	if _, birth := changed["birth_date"]; birth { // who counts by age counts anew
		return model.MarkMembers(tx, memberID)
	}
	return nil
}

func (s *Service) changeMembership(tx *gorm.DB, actor model.Actor, episodes []Episode, c MembershipChange) error {
	today := s.today()
	if err := c.chooseTrack(presentOf(episodes, today)); err != nil {
		return err
	}
	open, ok := openOf(episodes, c.Track)
	switch {
	case !ok:
		return ErrNoMembership
	case !actor.May(model.WriteRoster, open.Unit.Path):
		return model.ErrForbidden
	}
	after := c.on(open.Membership)
	var f faults
	cleanMembership(&after, today, &f)
	on, err := c.effectiveOn(episodes, open.Membership, today)
	if err != nil {
		return err
	}
	if err := f.err(); err != nil || sameAttributes(open.Membership, after) {
		return err
	}
	if !sameStanding(open.Membership, after) {
		if actor.IsMember(open.MemberID) {
			return model.ErrOwnRecord
		}
		if err := model.RefuseHigherOffice(tx, actor, model.At(s.now()), open.MemberID); err != nil {
			return err
		}
	}
	if on == open.StartedOn {
		err = correct(tx, open.Membership, after)
	} else {
		err = succeed(tx, open.Membership, &after, on, model.At(s.now()))
	}
	if err != nil {
		return err
	}
	return model.Audit(tx, actor, model.At(s.now()), model.Deed{
		Action: "membership.change", Unit: open.Unit, SubjectID: open.MemberID,
		Before: auditMembership(open.Membership), After: auditMembership(after),
	})
}

// chooseTrack fills in the track where there is only one.
func (c *MembershipChange) chooseTrack(present []Episode) error {
	if c.Track != "" {
		return nil
	}
	if len(present) != 1 {
		return model.InvalidField("membership.track", "required", "请指明是党（party）还是团（league）的组织关系")
	}
	c.Track = present[0].Track
	return nil
}

// effectiveOn is the day from which the change holds. An episode that has not begun, with none before it, is changed
// from its beginning.
func (c MembershipChange) effectiveOn(episodes []Episode, open model.Membership, today model.Date) (model.Date, error) {
	on := c.EffectiveOn
	waiting := open.StartedOn > today && presentOf(episodes, today)[0].ID == open.ID
	switch {
	case on == "" && waiting:
		return open.StartedOn, nil
	case on == "":
		on = today
	}
	if _, err := model.ParseDate(string(on)); err != nil {
		return "", model.InvalidField("membership.effective_on", "invalid_date", "生效日期有误")
	}
	switch {
	case on < open.StartedOn && open.StartedOn > today:
		return "", ErrLaterChange
	case on < open.StartedOn:
		return "", ErrBeforeEpisode
	}
	return on, nil
}
