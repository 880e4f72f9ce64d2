package roster

import (
	"cmp"
	"maps"
	"slices"
	"strconv"
	"strings"

	"gorm.io/gorm"

	"zhibu/model"
	"zhibu/office"
)

// known is a person in the plan of an import: as the database has him, and as the file wants him.
type known struct {
	before, after model.Member
	fresh         bool // not in the database
	places        map[model.Track]place
	ends          map[model.Track]model.Date // from when on a track is free again
	offices       []seat
	newOffices    []seat
	unit          model.Unit // where the file has him, for the audit
}

// place is a membership of somebody in the plan.
type place struct {
	before  model.Membership // the present episode; zero when there is none
	after   model.Membership
	unit    model.Unit // of after
	pending bool       // a later episode is entered already
	row     int        // which last spoke of it
}

// plan is what an import will do. It is made from a few queries and applied in a few statements, whatever the size.
type plan struct {
	keys  *model.Keyring
	actor model.Actor
	now   model.Instant
	today model.Date
	tree  unitTree
	names [fields]string // of the columns

	byID     map[int64]*known
	byIDHash map[string]*known
	byPhone  map[string]*known // phone hash and name
	byName   map[string][]*known
	claimed  map[*known]bool // whom a row surely means
	beyond   map[int64]bool  // who holds an office the actor has no power over
	seats    map[seat]int64  // who holds the offices of which there is one
	touched  []*known
	report   office.Report
}

// newPlan loads everybody the records may mean.
func newPlan(tx *gorm.DB, keys *model.Keyring, actor model.Actor, now model.Instant, tree unitTree, records []record) (*plan, error) {
	p := &plan{
		keys: keys, actor: actor, now: now, today: now.Date(), tree: tree,
		byID: map[int64]*known{}, byIDHash: map[string]*known{}, byPhone: map[string]*known{}, byName: map[string][]*known{},
		seats: map[seat]int64{}, claimed: map[*known]bool{},
	}
	members, err := loadCandidates(tx, keys, records)
	if err != nil {
		return nil, err
	}
	ids := distinct(members, func(m model.Member) int64 { return m.ID })
	episodes, err := loadEpisodes(tx, ids)
	if err != nil {
		return nil, err
	}
	for _, m := range members {
		p.index(newKnown(m, episodes[m.ID], p.today))
	}
	if p.beyond, err = p.loadBeyond(tx, ids); err != nil {
		return nil, err
	}
	return p, p.loadOffices(tx, ids)
}

func (p *plan) loadBeyond(tx *gorm.DB, ids []int64) (map[int64]bool, error) {
	beyond := map[int64]bool{}
	for batch := range slices.Chunk(ids, chunk) {
		some, err := model.BeyondReach(tx, p.actor, p.now, batch...)
		if err != nil {
			return nil, err
		}
		maps.Copy(beyond, some)
	}
	return beyond, nil
}

// loadCandidates returns the members with a name, an id number or a number of ours in the file, in a steady order.
func loadCandidates(tx *gorm.DB, keys *model.Keyring, records []record) ([]model.Member, error) {
	names := distinct(records, func(r record) string { return model.NameKey(r.person.Name) })
	members, err := findIn[model.Member](tx, "name_key", names)
	if err != nil {
		return nil, err
	}
	var hashes []string
	for _, r := range records {
		if h := keys.Hash(model.IDNumberColumn, r.person.IDNumber); h != "" {
			hashes = append(hashes, h)
		}
	}
	more, err := findIn[model.Member](tx, "id_number_hash", hashes)
	if err != nil {
		return nil, err
	}
	members = append(members, more...)
	slices.SortFunc(members, func(a, b model.Member) int { return cmp.Compare(a.ID, b.ID) })
	return slices.CompactFunc(members, func(a, b model.Member) bool { return a.ID == b.ID }), nil
}

func newKnown(m model.Member, episodes []Episode, today model.Date) *known {
	k := &known{before: m, after: m, places: map[model.Track]place{}, ends: map[model.Track]model.Date{}}
	for _, track := range []model.Track{model.Party, model.League} {
		k.ends[track] = lastEnd(episodes, track)
	}
	for _, e := range presentOf(episodes, today) {
		k.places[e.Track] = place{before: e.Membership, after: e.Membership, unit: e.Unit, pending: !e.EndedOn.IsOpen()}
	}
	return k
}

// loadOffices notes who holds which office, and who sits on the single ones of these units.
func (p *plan) loadOffices(tx *gorm.DB, memberIDs []int64) error {
	lasting := tx.Where("ended_on > ?", p.today)
	posts, err := findIn[model.Post](lasting, "member_id", memberIDs)
	if err != nil {
		return err
	}
	for _, post := range posts {
		p.byID[post.MemberID].offices = append(p.byID[post.MemberID].offices, seat{post.UnitID, post.Title})
	}
	unitIDs := slices.Sorted(maps.Keys(p.tree.byID))
	held, err := findIn[model.Post](lasting.Where("title IN ?", []model.Title{model.Secretary, model.LeagueSecretary}), "unit_id", unitIDs)
	for _, post := range held {
		p.seats[seat{post.UnitID, post.Title}] = post.MemberID
	}
	return err
}

// index makes somebody found by what is known of him.
func (p *plan) index(k *known) {
	if p.byID[k.after.ID] == nil {
		p.byID[k.after.ID] = k
		p.byName[k.after.NameKey] = append(p.byName[k.after.NameKey], k)
	}
	if k.after.IDHash != nil {
		p.byIDHash[*k.after.IDHash] = k
	}
	if k.after.PhoneHash != nil {
		p.byPhone[*k.after.PhoneHash+k.after.NameKey] = k
	}
}

// take plans one row.
func (p *plan) take(rec record, k *known) {
	where, misplaced := p.tree.resolve(rec)
	if misplaced != nil {
		p.reject(rec, misplaced.field, misplaced.fault)
		return
	}
	if k == nil {
		if k, misplaced = p.matchName(rec, where); misplaced != nil {
			p.reject(rec, misplaced.field, misplaced.fault)
			return
		}
	}
	d := p.draft(rec, where, k)
	if len(d.faults) > 0 {
		p.report.Rejected = append(p.report.Rejected, d.faults...)
		return
	}
	p.accept(d)
}

func (p *plan) reject(rec record, f field, bad fault) {
	p.report.Rejected = append(p.report.Rejected, office.Rejection{Row: rec.row, Column: p.names[f], Code: bad.code, Message: bad.message})
}

// accept makes a draft without faults part of the plan.
func (p *plan) accept(d *draft) {
	k := d.known
	track := d.where.unit().Kind.Track()
	changed := d.changed()
	if row := k.places[track].row; changed && row != 0 {
		p.reject(d.rec, fName, fault{"duplicate_row", "与第 " + strconv.Itoa(row) + " 行是同一个人，而内容不同"})
		return
	}
	created := k.fresh && len(k.places) == 0
	if changed && k.unit.ID == 0 {
		k.unit = d.place.unit
		p.touched = append(p.touched, k)
	}
	d.place.row = d.rec.row
	k.after, k.places[track], k.newOffices = d.member, d.place, append(k.newOffices, d.offices...)
	for _, office := range d.offices {
		if office.single() {
			p.seats[office] = k.after.ID
		}
	}
	p.index(k)
	p.claimed[k] = true
	switch {
	case created:
		p.report.Created++
	case changed:
		p.report.Updated++
	default:
		p.report.Unchanged++
	}
}

// on reports whether somebody is on a roster of the track.
func (k *known) on(track model.Track) bool {
	_, ok := k.places[track]
	return ok
}

// inside reports whether somebody is on a roster below the path.
func (k *known) inside(path string) bool {
	for _, place := range k.places {
		if strings.HasPrefix(place.unit.Path, path) {
			return true
		}
	}
	return false
}

// mayChange reports whether the actor may overwrite what is known of somebody: he is new, or already in the actor's care.
func (p *plan) mayChange(k *known) bool {
	if k.fresh {
		return true
	}
	for _, place := range k.places {
		if place.before.ID != 0 && p.actor.May(model.WriteRoster, place.unit.Path) {
			return true
		}
	}
	return false
}
