package roster

import (
	"slices"

	"zhibu/model"
	"zhibu/office"
)

// draft is what one row makes of somebody. It becomes part of the plan only when nothing in it is at fault.
type draft struct {
	plan    *plan
	rec     record
	where   target
	known   *known
	member  model.Member
	place   place
	offices []seat
	faults  []office.Rejection
}

func (p *plan) draft(rec record, where target, k *known) *draft {
	track := where.unit().Kind.Track()
	d := &draft{plan: p, rec: rec, where: where, known: k, member: k.after, place: k.places[track]}
	d.person()
	if d.place.after.ID == 0 {
		d.join(track)
	} else {
		d.stay()
	}
	d.attributes(track)
	d.titles()
	return d
}

func (d *draft) reject(f field, bad fault) {
	d.faults = append(d.faults, office.Rejection{Row: d.rec.row, Column: d.plan.names[f], Code: bad.code, Message: bad.message})
}

// changed reports whether the row says anything new.
func (d *draft) changed() bool {
	was, ok := d.known.places[d.place.after.Track]
	return !ok || !sameAttributes(was.after, d.place.after) || len(d.offices) > 0 || len(changedColumns(d.known.after, d.member)) > 0
}

// person takes over the fields of the person. Of somebody who is not in the actor's care only blanks are filled.
func (d *draft) person() {
	m, p := &d.member, d.rec.person
	overwrite := d.plan.mayChange(d.known)
	for _, f := range []struct{ target, value *string }{
		{&m.Ethnicity, &p.Ethnicity}, {&m.Education, &p.Education}, {&m.JobTitle, &p.JobTitle}, {&m.Note, &p.Note},
	} {
		if *f.value != "" && (overwrite || *f.target == "") {
			*f.target = *f.value
		}
	}
	if d.known.fresh {
		m.NameSort = nameSort(m.Name)
	}
	d.idNumber(m, overwrite)
	d.phone(m, overwrite)
}

// phone takes over the phone, with which people sign in: nobody changes that of a higher office.
func (d *draft) phone(m *model.Member, overwrite bool) {
	p := d.plan
	hash := p.keys.Hash(model.PhoneColumn, d.rec.person.Phone)
	if hash == "" || m.PhoneHash != nil && (*m.PhoneHash == hash || !overwrite) {
		return
	}
	other := p.byPhone[hash+m.NameKey]
	switch {
	case other != nil && other != d.known && other.after.PhoneHash != nil && *other.after.PhoneHash == hash:
		d.reject(fPhone, fault{"member_conflict", "另一位同名同志已登记这个号码"})
	case p.beyond[m.ID] && !p.actor.IsMember(m.ID):
		d.reject(fPhone, fault{model.ErrHigherOffice.Code, model.ErrHigherOffice.Message})
	default:
		sealColumn(p.keys, model.PhoneColumn, d.rec.person.Phone, &m.PhoneSealed, &m.PhoneHash)
	}
}

// idNumber takes over the id number with birth date and gender. An id number once known is not replaced by a file.
func (d *draft) idNumber(m *model.Member, overwrite bool) {
	p := d.rec.person
	known := m.IDHash != nil
	if p.IDNumber != "" {
		if known && *m.IDHash != d.plan.keys.Hash(model.IDNumberColumn, p.IDNumber) {
			d.reject(fIDNumber, idMismatch)
			return
		}
		sealColumn(d.plan.keys, model.IDNumberColumn, p.IDNumber, &m.IDSealed, &m.IDHash)
		m.BirthDate, m.Gender = p.BirthDate, p.Gender
		return
	}
	if p.Gender != "" && p.Gender != m.Gender {
		if known {
			d.reject(fGender, fault{"id_number_mismatch", "性别与已登记的身份证号不一致"})
		} else if overwrite || m.Gender == "" {
			m.Gender = p.Gender
		}
	}
	if p.BirthDate != "" && !d.rec.birth.agrees(m.BirthDate) {
		if known {
			d.reject(fBirth, fault{"id_number_mismatch", "出生日期与已登记的身份证号不一致"})
		} else if overwrite || m.BirthDate == "" {
			m.BirthDate = p.BirthDate
		}
	}
}

// join begins a membership: on the day the row gives, else the day of joining the party or the League, else today.
func (d *draft) join(track model.Track) {
	unit := d.where.unit()
	if err := takes(unit); err != nil {
		e := model.AsError(err)
		d.reject(fBranch, fault{e.Code, e.Message})
	}
	if d.plan.actor.IsMember(d.member.ID) {
		d.reject(fName, fault{model.ErrOwnRecord.Code, model.ErrOwnRecord.Message})
	}
	free := d.known.ends[track]
	start := d.rec.started.Date
	switch {
	case start != "" && start < free:
		d.reject(fStarted, fault{ErrBeforeEpisode.Code, ErrBeforeEpisode.Message})
	case start == "" && d.rec.joined.Date >= max(free, "0"):
		start = d.rec.joined.Date
	case start == "":
		start = d.plan.today
	}
	d.place = place{unit: unit, after: model.Membership{
		ID: model.NewID(), UnitID: unit.ID, MemberID: d.member.ID, Track: track, Kind: model.Full, State: model.Active,
		Category: model.InService, StartedOn: start, EndedOn: model.Forever, CreatedAt: d.plan.now,
	}}
	if track == model.League {
		d.place.after.Kind = model.LeagueMember
	}
}

// stay leaves somebody where he is, or moves him between a branch and its groups; any other move needs a transfer.
func (d *draft) stay() {
	if d.where.holds(d.place.unit) {
		return
	}
	unit := d.where.unit()
	if d.place.unit.Branch() != unit.Branch() || !d.plan.actor.May(model.WriteRoster, d.place.unit.Path) {
		d.reject(fBranch, mustTransfer)
		return
	}
	if err := takes(unit); err != nil {
		e := model.AsError(err)
		d.reject(fGroup, fault{e.Code, e.Message})
	}
	d.place.unit, d.place.after.UnitID = unit, unit.ID
}

// attributes takes over what the row says of the membership.
func (d *draft) attributes(track model.Track) {
	m, rec := &d.place.after, d.rec
	if rec.kind != "" {
		m.Kind = rec.kind
		if track == model.League {
			m.Kind = model.LeagueMember
		} else if rec.kind == model.LeagueMember {
			d.reject(fKind, fault{"track_mismatch", "团员不能编入党支部"})
		}
	}
	if rec.category != "" {
		m.Category = rec.category
	}
	if rec.state != "" {
		m.State = rec.state
	}
	if rec.hardship != nil {
		m.Hardship = *rec.hardship
	}
	if rec.joined.Date != "" && !rec.joined.agrees(m.JoinedOn) {
		m.JoinedOn = rec.joined.Date
	}
	if rec.confirmed.Date != "" && !rec.confirmed.agrees(m.ConfirmedOn) {
		m.ConfirmedOn = rec.confirmed.Date
	}
	was, ok := d.known.places[track]
	if !ok {
		return
	}
	if d.plan.actor.IsMember(d.member.ID) && !sameStanding(was.after, *m) {
		d.reject(fName, fault{model.ErrOwnRecord.Code, model.ErrOwnRecord.Message})
	}
	if was.pending && !sameAttributes(was.after, *m) {
		d.reject(fName, fault{ErrLaterChange.Code, ErrLaterChange.Message})
	}
}

// titles opens the offices the row names and nobody holds; it never ends one. Nobody gives himself an office.
func (d *draft) titles() {
	p := d.plan
	for _, text := range d.rec.titles {
		office, ok, bad := p.tree.parseTitle(text, d.where.of(d.place.unit))
		if bad != nil {
			d.reject(fTitles, *bad)
			continue
		}
		if !ok || slices.Contains(d.known.offices, office) || slices.Contains(d.known.newOffices, office) || slices.Contains(d.offices, office) {
			continue
		}
		if bad := d.refuseOffice(office); bad != nil {
			d.reject(fTitles, *bad)
			continue
		}
		d.offices = append(d.offices, office)
	}
}

func (d *draft) refuseOffice(office seat) *fault {
	p := d.plan
	holder, taken := p.seats[office]
	switch {
	case office.title == model.Admin, office.title == model.Auditor:
		return &fault{"forbidden_title", "管理员和审计员不能通过导入任命"}
	case p.actor.IsMember(d.member.ID):
		return &fault{model.ErrOwnRecord.Code, "不能通过导入给自己任职，请由其他同志办理"}
	case !p.actor.May(model.WriteUnits, p.tree.byID[office.unitID].Path):
		return &fault{model.ErrForbidden.Code, "您没有任命这个职务的权限"}
	case office.single() && taken && holder != d.member.ID:
		return &fault{"title_held", "这个职务已有其他同志担任，请先免去"}
	}
	return nil
}

// of is the target as seen from the unit in which somebody is, when that is a group of the target's branch.
func (t target) of(u model.Unit) target {
	if t.group == nil && isGroup(u.Kind) && u.Branch() == t.branch.Path {
		t.group = &u
	}
	return t
}
