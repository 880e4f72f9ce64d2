package roster

import (
	"slices"

	"zhibu/model"
)

var (
	nameMismatch = fault{"name_mismatch", "身份证号已登记在另一姓名下，请核对"}
	idMismatch   = fault{"id_number_mismatch", "身份证号与已登记的不一致，请核对"}
	severalMatch = fault{"ambiguous", "有不止一位同名同志，分不清是哪一位：请填写身份证号、出生日期或手机号"}
	elsewhere    = fault{"ambiguous", "同名同出生日期的人已登记在别处：如是同一人请填写身份证号或手机号，如不是请单独新增"}
	mustTransfer = fault{"transfer_required", "这位同志的组织关系在别的支部：请先办理组织关系转接"}
)

// matchAll finds whom each record surely means: by our own number, the id number, name and birth date, or name and phone,
// in that order. What stays nil is matched by the name alone, later, so that a sure match further down comes first.
func (p *plan) matchAll(records []record) (people []*known, taken []record) {
	for _, rec := range records {
		k, bad := p.match(rec)
		if bad != nil {
			p.reject(rec, bad.field, bad.fault)
			continue
		}
		people, taken = append(people, k), append(taken, rec)
		p.claimed[k] = true
	}
	return people, taken
}

func (p *plan) match(rec record) (*known, *misplaced) {
	key := model.NameKey(rec.person.Name)
	idHash := p.keys.Hash(model.IDNumberColumn, rec.person.IDNumber)
	if k := p.byID[rec.id]; k != nil && k.after.NameKey == key && k.inside(p.tree.root.Path) {
		return k, nil
	}
	if k := p.byIDHash[idHash]; k != nil {
		if k.after.NameKey != key {
			return nil, &misplaced{fIDNumber, nameMismatch}
		}
		return k, nil
	}
	twins, far := p.sameBirth(rec, key, idHash)
	if len(twins) == 1 {
		return twins[0], nil
	}
	if k := p.samePhone(rec); k != nil {
		if k.after.IDHash != nil && idHash != "" {
			return nil, &misplaced{fIDNumber, idMismatch}
		}
		return k, nil
	}
	switch {
	case len(twins) > 1:
		return nil, &misplaced{fName, severalMatch}
	case len(far) == 1 && far[0].on(p.tree.root.Kind.Track()):
		return nil, &misplaced{fName, mustTransfer}
	case len(far) > 0:
		return nil, &misplaced{fName, elsewhere}
	}
	return nil, nil
}

func (p *plan) samePhone(rec record) *known {
	if rec.person.Phone == "" {
		return nil
	}
	hash := p.keys.Hash(model.PhoneColumn, rec.person.Phone)
	k := p.byPhone[hash+model.NameKey(rec.person.Name)]
	if k == nil || k.after.PhoneHash == nil || *k.after.PhoneHash != hash { // the phone has been changed since
		return nil
	}
	return k
}

// sameBirth returns those of the name who were born that day and have no other id number: on the rosters of these units,
// and elsewhere.
func (p *plan) sameBirth(rec record, key, idHash string) (here, far []*known) {
	if rec.birth.Date == "" {
		return nil, nil
	}
	for _, k := range p.byName[key] {
		if !rec.birth.agrees(k.after.BirthDate) || idHash != "" && k.after.IDHash != nil {
			continue
		}
		if k.fresh || k.inside(p.tree.root.Path) {
			here = append(here, k)
		} else if len(k.places) > 0 {
			far = append(far, k)
		}
	}
	return here, far
}

// matchName finds whom a record means that says no more than a name, or nothing else that is known: the only one of the
// name in the branch with nothing to the contrary. It makes a new person when there is none.
func (p *plan) matchName(rec record, where target) (*known, *misplaced) {
	if k, bad := p.match(rec); k != nil || bad != nil { // somebody an earlier row has brought in
		return k, bad
	}
	namesakes := slices.DeleteFunc(slices.Clone(p.byName[model.NameKey(rec.person.Name)]), func(k *known) bool {
		return !k.inside(where.branch.Branch()) || p.contradicts(rec, k)
	})
	switch len(namesakes) {
	case 0:
		return p.fresh(rec), nil
	case 1:
		return namesakes[0], nil
	}
	return nil, &misplaced{fName, severalMatch}
}

// contradicts reports whether the record cannot mean the person of the same name: another id number, another birth date,
// or, where another row surely means him, an id number or a phone that is not known to be his.
func (p *plan) contradicts(rec record, k *known) bool {
	month := func(d model.Date) bool { return len(d) == 10 && d[8:] == "01" }
	sameMonth := len(k.after.BirthDate) == 10 && rec.birth.Date != "" && k.after.BirthDate[:7] == rec.birth.Date[:7]
	switch {
	case rec.person.IDNumber != "" && k.after.IDHash != nil:
		return true // an equal one would have matched
	case rec.birth.Date != "" && k.after.BirthDate != "" && !rec.birth.agrees(k.after.BirthDate):
		return !sameMonth || !month(k.after.BirthDate) // the first of a month may mean no more than the month
	}
	return p.claimed[k] && (rec.person.IDNumber != "" || rec.person.Phone != "" && k.after.PhoneHash != nil)
}

func (p *plan) fresh(rec record) *known {
	k := &known{fresh: true, places: map[model.Track]place{}, ends: map[model.Track]model.Date{}}
	k.after.ID, k.after.CreatedAt = model.NewID(), p.now
	k.after.Name, k.after.NameKey = rec.person.Name, model.NameKey(rec.person.Name)
	return k
}
