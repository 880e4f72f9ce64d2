package roster

import (
	"context"
	"slices"
	"strings"

	"gorm.io/gorm"

	"zhibu/model"
)

// Joining is a new membership as an officer writes it. Zero values take the defaults: the track of the unit, full on the
// party track and member on the league's, active, in service, from today.
type Joining struct {
	Track       model.Track
	Kind        model.MembershipKind
	State       model.MembershipState
	Category    model.Category
	Hardship    bool
	JoinedOn    model.Date
	ConfirmedOn model.Date
	StartedOn   model.Date
}

// Create puts a person on the roster of a branch or group. A person who is known, by id number or by name and phone, and
// is not on this track's roster, keeps his one row and gets a second membership; what was blank of him is filled in. One
// who is on it is ErrMemberExists.
func (s *Service) Create(ctx context.Context, actor model.Actor, unitID int64, p Person, j Joining) (created Profile, err error) {
	err = s.db.Write(ctx, func(tx *gorm.DB) error {
		unit, err := model.FindUnit(model.ForUpdate(tx), actor, unitID, model.WriteRoster) // one at a time, and it stays open
		if err != nil {
			return err
		}
		if err := takes(unit); err != nil {
			return err
		}
		faults := p.clean(s.today())
		membership := j.membership(unit, s.today(), &faults)
		if err := faults.err(); err != nil {
			return err
		}
		m, err := s.join(tx, actor, unit, p, membership)
		if err != nil {
			return err
		}
		created, err = s.profile(tx, actor, m)
		return err
	})
	return created, err
}

// membership completes and checks the joining.
func (j Joining) membership(unit model.Unit, today model.Date, f *faults) model.Membership {
	track := unit.Kind.Track()
	if j.Track != "" && j.Track != track {
		f.add("membership.track", "track_mismatch", "组织关系类别与组织的类别（党/团）不一致")
	}
	m := model.Membership{
		ID: model.NewID(), UnitID: unit.ID, Track: track, Kind: j.Kind, State: j.State, Category: j.Category, Hardship: j.Hardship,
		JoinedOn: j.JoinedOn, ConfirmedOn: j.ConfirmedOn, StartedOn: j.StartedOn, EndedOn: model.Forever,
	}
	if m.Kind == "" {
		m.Kind = model.Full
	}
	if m.State == "" {
		m.State = model.Active
	}
	if m.Category == "" {
		m.Category = model.InService
	}
	if m.StartedOn == "" {
		m.StartedOn = today
	}
	cleanMembership(&m, today, f)
	return m
}

// cleanMembership turns a full member of the League into what it is called there, and names what cannot be.
func cleanMembership(m *model.Membership, today model.Date, f *faults) {
	if m.Track == model.League && m.Kind == model.Full {
		m.Kind = model.LeagueMember
	}
	kinds := map[model.Track][]model.MembershipKind{model.Party: {model.Full, model.Probationary}, model.League: {model.LeagueMember}}
	if !slices.Contains(kinds[m.Track], m.Kind) {
		f.add("membership.kind", "invalid_value", "党员须为 full（正式）或 probationary（预备），团员须为 member")
	}
	if m.State != model.Active && m.State != model.Suspended {
		f.add("membership.state", "invalid_value", "状态须为 active 或 suspended")
	}
	if !slices.Contains([]model.Category{model.InService, model.Retired, model.Floating}, m.Category) {
		f.add("membership.category", "invalid_value", "人员类别须为 in_service、retired 或 floating")
	}
	if m.JoinedOn != "" && !past(m.JoinedOn, today) {
		f.add("membership.joined_on", "invalid_date", "入党（团）时间有误")
	}
	if m.ConfirmedOn != "" && !past(m.ConfirmedOn, today) {
		f.add("membership.confirmed_on", "invalid_date", "转正时间有误")
	}
	if _, err := model.ParseDate(string(m.StartedOn)); err != nil {
		f.add("membership.started_on", "invalid_date", "开始日期有误")
	}
}

// join writes the membership, and the person when nobody known is meant.
func (s *Service) join(tx *gorm.DB, actor model.Actor, unit model.Unit, p Person, membership model.Membership) (model.Member, error) {
	now := model.At(s.now())
	known, err := s.findKnown(tx, unit, p, membership)
	if err != nil {
		return model.Member{}, err
	}
	membership.CreatedAt = now
	deed := model.Deed{Action: "member.create", Unit: unit}
	m := model.Member{ID: model.NewID(), CreatedAt: now}
	if known != nil {
		m, deed.Action = *known, "member.add_membership"
		if err := s.fillBlanks(tx, actor, &m, p); err != nil {
			return m, err
		}
	} else {
		p.seal(&m, s.keys)
		if err := tx.Create(&m).Error; err != nil {
			return m, duplicate(err, ErrMemberExists)
		}
	}
	membership.MemberID = m.ID
	if err := beginEpisode(tx, membership, ErrMemberExists); err != nil {
		return m, err
	}
	deed.SubjectID, deed.After = m.ID, auditMembership(membership)
	return m, model.Audit(tx, actor, now, deed)
}

// findKnown returns the person already known who is meant by p and may join on the track; nil when there is none.
func (s *Service) findKnown(tx *gorm.DB, unit model.Unit, p Person, j model.Membership) (*model.Member, error) {
	same, err := s.findSame(tx, p)
	if err != nil {
		return nil, err
	}
	if same == nil {
		return nil, s.refuseNamesake(tx, unit, p)
	}
	idHash := s.keys.Hash(model.IDNumberColumn, p.IDNumber)
	if same.NameKey != model.NameKey(p.Name) || same.IDHash != nil && idHash != "" && *same.IDHash != idHash {
		return nil, ErrMemberExists
	}
	episodes, err := loadEpisodes(tx, []int64{same.ID})
	if err != nil {
		return nil, err
	}
	switch end := lastEnd(episodes[same.ID], j.Track); {
	case end.IsOpen():
		return nil, ErrMemberExists
	case j.StartedOn < end:
		return nil, ErrBeforeEpisode
	}
	return same, nil
}

// findSame returns the person with the same id number, else with the same name and phone.
func (s *Service) findSame(tx *gorm.DB, p Person) (*model.Member, error) {
	var found []model.Member
	if p.IDNumber != "" {
		if err := tx.Where("id_number_hash = ?", s.keys.Hash(model.IDNumberColumn, p.IDNumber)).Find(&found).Error; err != nil {
			return nil, err
		}
	}
	if len(found) == 0 && p.Phone != "" {
		err := tx.Where("phone_hash = ? AND name_key = ?", s.keys.Hash(model.PhoneColumn, p.Phone), model.NameKey(p.Name)).Find(&found).Error
		if err != nil {
			return nil, err
		}
	}
	if len(found) == 0 {
		return nil, nil
	}
	return &found[0], nil
}

// refuseNamesake refuses a second person of the same name and birth date in the unit (DOMAIN §20, case 4).
func (s *Service) refuseNamesake(tx *gorm.DB, unit model.Unit, p Person) error {
	if p.BirthDate == "" {
		return nil
	}
	var namesakes int64
	err := tx.Model(&model.Member{}).Joins("JOIN memberships ON memberships.member_id = members.id").
		Joins("JOIN units ON units.id = memberships.unit_id").Scopes(model.Under(unit.Path)).
		Where("members.name_key = ? AND members.birth_date = ? AND memberships.ended_on > ?", model.NameKey(p.Name), p.BirthDate, s.today()).
		Count(&namesakes).Error
	if err == nil && namesakes > 0 {
		return ErrMemberExists
	}
	return err
}

// fillBlanks takes over what is new about a person already known; what is known of him stays.
func (s *Service) fillBlanks(tx *gorm.DB, actor model.Actor, m *model.Member, p Person) error {
	before := *m
	known, err := openPerson(*m, s.keys)
	if err != nil {
		return err
	}
	known.fillFrom(p)
	if err := known.clean(s.today()).err(); err != nil {
		return err
	}
	known.seal(m, s.keys)
	changed := changedColumns(before, *m)
	if len(changed) == 0 {
		return nil
	}
	return s.update(tx, actor, m.ID, changed)
}

// fillFrom takes from other what p lacks.
func (p *Person) fillFrom(other Person) {
	for _, f := range []struct{ mine, other *string }{
		{&p.Gender, &other.Gender}, {&p.Ethnicity, &other.Ethnicity}, {&p.Phone, &other.Phone}, {&p.IDNumber, &other.IDNumber},
		{&p.Education, &other.Education}, {&p.JobTitle, &other.JobTitle}, {&p.Note, &other.Note},
	} {
		if strings.TrimSpace(*f.mine) == "" {
			*f.mine = *f.other
		}
	}
	if p.BirthDate == "" {
		p.BirthDate = other.BirthDate
	}
}
