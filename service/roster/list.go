package roster

import (
	"context"
	"encoding/base64"
	"slices"
	"strconv"
	"strings"

	"gorm.io/gorm"

	"zhibu/model"
)

// Profile is a member as the actor is shown him.
type Profile struct {
	ID          int64
	Name        string
	Details     *Details         // nil for whoever is shown names and posts only
	Memberships []Episode        // without details: only unit and track
	History     []Episode        // what has ended; in Look only
	Planned     []model.Transfer // whose day has not come: what Cancel takes; in Look only
	Offices     []Office
}

// Details are the fields beside the name. The phone is masked except for the officers of the member's present
// branch and for the member; the id number always is.
type Details struct {
	Gender    string
	Ethnicity string
	BirthDate model.Date
	Phone     string
	IDNumber  string
	Education string
	JobTitle  string
	Note      string
}

// Filter chooses members of a unit; zero values choose all of today.
type Filter struct {
	AsOf   model.Date
	Track  model.Track
	Query  string // a part of the name, or the beginning of its pinyin or initials
	Limit  int
	Cursor string
}

// The lengths of a page.
const defaultLimit, maxLimit = 50, 200

// List returns the roster of a unit and all below it on a day, in the order of the names, and the cursor of the next
// page. Officers see details; whoever belongs to the branch sees names and posts.
func (s *Service) List(ctx context.Context, actor model.Actor, unitID int64, f Filter) (page []Profile, next string, err error) {
	tx := s.db.Read(ctx)
	unit, err := model.SeenUnit(tx, actor, unitID)
	if err != nil {
		return nil, "", err
	}
	officer := actor.May(model.ReadRoster, unit.Path)
	if !officer && !actor.Belongs(unit) {
		return nil, "", model.ErrForbidden
	}
	at := model.At(s.now())
	if f.AsOf != "" {
		at = f.AsOf.Start()
	}
	limit := min(f.Limit, maxLimit)
	if limit <= 0 {
		limit = defaultLimit
	}
	found, err := s.findMembers(tx, unit, at, f, limit+1)
	if err != nil {
		return nil, "", err
	}
	if len(found) > limit {
		found = found[:limit]
		next = cursorAfter(found[limit-1])
	}
	page, err = s.profiles(tx, actor, found, at, officer, func(e Episode) bool {
		return covers(e.Membership, at.Date()) && strings.HasPrefix(e.Unit.Path, unit.Path) && (f.Track == "" || f.Track == e.Track)
	})
	return page, next, err
}

func (s *Service) findMembers(tx *gorm.DB, unit model.Unit, at model.Instant, f Filter, limit int) ([]model.Member, error) {
	onRoster := tx.Session(&gorm.Session{NewDB: true}).Model(&model.Membership{}).Select("memberships.member_id").
		Joins("JOIN units ON units.id = memberships.unit_id").
		Scopes(model.OnRoster(at), model.Under(unit.Path), model.OfTrack(f.Track))
	q := tx.Where("members.id IN (?)", onRoster)
	if model.NameKey(f.Query) != "" {
		name, sort := searchTerms(f.Query)
		q = q.Where("(members.name_key LIKE ? ESCAPE '!' OR members.name_sort LIKE ? ESCAPE '!')", name, sort)
	}
	if f.Cursor != "" {
		sort, id, ok := readCursor(f.Cursor)
		if !ok {
			return nil, model.InvalidField("cursor", "invalid_value", "翻页标记有误，请从第一页重新开始")
		}
		q = q.Where("(members.name_sort > ? OR members.name_sort = ? AND members.id > ?)", sort, sort, id)
	}
	var found []model.Member
	return found, q.Order("members.name_sort, members.id").Limit(limit).Find(&found).Error
}

func cursorAfter(m model.Member) string {
	return base64.RawURLEncoding.EncodeToString([]byte(strconv.FormatInt(m.ID, 36) + " " + m.NameSort))
}

func readCursor(cursor string) (sort string, id int64, ok bool) {
	raw, err := base64.RawURLEncoding.DecodeString(cursor)
	if err != nil {
		return "", 0, false
	}
	first, sort, ok := strings.Cut(string(raw), " ")
	id, err = strconv.ParseInt(first, 36, 64)
	return sort, id, ok && err == nil
}

// profiles shows the members in their order, with the memberships that shown picks.
func (s *Service) profiles(
	tx *gorm.DB, actor model.Actor, members []model.Member, at model.Instant, details bool, shown func(Episode) bool,
) ([]Profile, error) {
	ids := distinct(members, func(m model.Member) int64 { return m.ID })
	episodes, err := loadEpisodes(tx, ids)
	if err != nil {
		return nil, err
	}
	offices, err := loadOffices(tx, ids, at)
	if err != nil {
		return nil, err
	}
	page := make([]Profile, len(members))
	for i, m := range members {
		own := slices.DeleteFunc(slices.Clone(episodes[m.ID]), func(e Episode) bool { return !shown(e) })
		page[i] = Profile{ID: m.ID, Name: m.Name, Memberships: own, Offices: offices[m.ID]}
		if !details {
			for j, e := range own {
				own[j] = Episode{model.Membership{UnitID: e.UnitID, Track: e.Track}, e.Unit}
			}
			continue
		}
		if page[i].Details, err = s.details(actor, m, presentOf(episodes[m.ID], s.today())); err != nil {
			return nil, err
		}
	}
	return page, nil
}

// details opens what is sealed and masks it again as far as the actor may not see it. The phone is today's, whatever day
// is asked about, so it is for the branch in which the member is now.
func (s *Service) details(actor model.Actor, m model.Member, present []Episode) (*Details, error) {
	p, err := openPerson(m, s.keys)
	if err != nil {
		return nil, err
	}
	close := actor.IsMember(m.ID) || slices.ContainsFunc(present, func(e Episode) bool { return ofThatBranch(actor, e.Unit) })
	if !close {
		p.Phone = model.MaskPhone(p.Phone)
	}
	return &Details{
		Gender: p.Gender, Ethnicity: p.Ethnicity, BirthDate: p.BirthDate, Phone: p.Phone,
		IDNumber: model.MaskIDNumber(p.IDNumber), Education: p.Education, JobTitle: p.JobTitle, Note: p.Note,
	}, nil
}

// ofThatBranch reports whether the actor holds an office in the unit itself or, for a group, in the branch above it.
// Offices further up see masked phones.
func ofThatBranch(actor model.Actor, unit model.Unit) bool {
	return slices.ContainsFunc(actor.Grants, func(g model.Grant) bool {
		if !strings.HasPrefix(unit.Path, g.Path) || !unit.Kind.IsBranch() {
			return false
		}
		return g.UnitID == unit.ID || isGroup(unit.Kind) && unit.ParentID != nil && g.UnitID == *unit.ParentID
	})
}

func isGroup(k model.UnitKind) bool { return k == model.PartyGroup || k == model.LeagueGroup }

// Look returns one member to himself or to an officer whose units include a present membership: one that covers today,
// or on a track without such a one, the next.
func (s *Service) Look(ctx context.Context, actor model.Actor, memberID int64) (Profile, error) {
	tx := s.db.Read(ctx)
	m, _, err := s.findMember(tx, actor, memberID, model.ReadRoster)
	if err != nil {
		return Profile{}, err
	}
	return s.profile(tx, actor, m)
}

// profile is the whole of one member.
func (s *Service) profile(tx *gorm.DB, actor model.Actor, m model.Member) (Profile, error) {
	today := s.today()
	page, err := s.profiles(tx, actor, []model.Member{m}, model.At(s.now()), true, func(Episode) bool { return true })
	if err != nil {
		return Profile{}, err
	}
	p := page[0]
	all := p.Memberships
	p.Memberships = slices.DeleteFunc(slices.Clone(all), func(e Episode) bool { return e.EndedOn <= today })
	p.History = slices.DeleteFunc(all, func(e Episode) bool { return e.EndedOn > today })
	err = tx.Where("member_id = ? AND effective_on > ? AND cancelled_at = 0", m.ID, today).Order("effective_on, id").Find(&p.Planned).Error
	return p, err
}

// findMember returns the member with all episodes when the actor may do p in the unit of a present membership, or is the
// member himself. As with units, whoever sees the unit without the permission is refused, everyone else finds nothing.
func (s *Service) findMember(tx *gorm.DB, actor model.Actor, id int64, p model.Permission) (model.Member, []Episode, error) {
	var members []model.Member
	if err := tx.Where("id = ?", id).Find(&members).Error; err != nil {
		return model.Member{}, nil, err
	}
	if len(members) == 0 {
		return model.Member{}, nil, model.ErrNotFound
	}
	byMember, err := loadEpisodes(tx, []int64{id})
	if err != nil {
		return model.Member{}, nil, err
	}
	episodes := byMember[id]
	present := presentOf(episodes, s.today())
	switch {
	case actor.IsMember(id), slices.ContainsFunc(present, func(e Episode) bool { return actor.May(p, e.Unit.Path) }):
		return members[0], episodes, nil
	case slices.ContainsFunc(present, func(e Episode) bool { return actor.Sees(e.Unit.Path) }):
		return model.Member{}, nil, model.ErrForbidden
	}
	return model.Member{}, nil, model.ErrNotFound
}
