package demo

import (
	"fmt"
	"strings"

	"zhibu/model"
)

// person is a member as the tables tell of him; what is left out is ordinary.
type person struct {
	key       string // the word by which other tables name the person
	name      name
	age       int        // in whole years
	born      model.Date // instead of age
	female    bool
	ethnicity string
	job       string
	phone     string
	noPhone   bool
	noID      bool
	episodes  []episode
}

// episode is a membership. Left out: an active one of somebody in service, from the usual day, for ever.
type episode struct {
	unit              string
	kind              model.MembershipKind
	state             model.MembershipState
	category          model.Category
	hardship          bool
	joined, confirmed model.Date
	from, to          model.Date
	reason            string // why it ended
}

// cohorts are the ordinary members: of each unit so many, between two ages.
var cohorts = []struct {
	unit     string
	size     int
	from, to int
	kind     model.MembershipKind
	category model.Category
	job      string
}{
	{"010101", 12, 31, 57, model.Full, model.InService, "机关科室干部"},
	{"010102", 10, 30, 56, model.Full, model.InService, "机关科室干部"},
	{"010201", 11, 29, 49, model.Full, model.InService, "工程师"},
	{"010202", 11, 28, 51, model.Full, model.InService, "数据分析员"},
	{"010301", 10, 61, 84, model.Full, model.Retired, "退休干部"},
	{"010302", 10, 60, 82, model.Full, model.Retired, "退休干部"},
	{"011101", 9, 22, 27, model.LeagueMember, model.InService, "机关科室科员"},
	{"011102", 8, 22, 27, model.LeagueMember, model.InService, "助理工程师"},
	{"011103", 6, 22, 27, model.LeagueMember, model.InService, "热线话务员"},
}

func (b *bureau) addMembers() {
	for _, p := range b.cases() {
		b.addMember(p)
	}
	for _, c := range cohorts {
		for i := range c.size {
			b.addMember(person{
				key: fmt.Sprintf("%s-%d", c.unit, i+1), age: c.from + i*7%(c.to-c.from), female: i%5 == 1 || i%5 == 3, job: c.job,
				noPhone:  c.category == model.Retired && i%3 == 2,
				episodes: []episode{{unit: c.unit, kind: c.kind, category: c.category}},
			})
		}
	}
}

func (b *bureau) addMember(p person) {
	n := len(b.members) + 1
	if p.born == "" {
		p.born = years(b.today, -p.age).AddDays(-17 - n*29%330)
	}
	if p.name.text == "" {
		p.name = b.nextName(p.age, p.female)
	}
	m := model.Member{
		ID: model.NewID(), Gender: "male", Ethnicity: "汉族", BirthDate: p.born, JobTitle: p.job, Education: "大学本科",
		CreatedAt: b.since,
	}
	p.name.write(&m)
	if p.female {
		m.Gender = "female"
	}
	if p.ethnicity != "" {
		m.Ethnicity = p.ethnicity
	}
	if p.age >= 60 {
		m.Education = "大学专科"
	}
	b.seal(&m, p, n)
	b.person[p.key], b.ordinal[m.ID] = m.ID, n
	for _, e := range p.episodes {
		b.addEpisode(m, e)
	}
	m.CreatedAt = b.createdAt(b.memberships[len(b.memberships)-len(p.episodes)].StartedOn)
	b.members = append(b.members, m)
}

// seal puts the nth member's phone and id number into the row.
func (b *bureau) seal(m *model.Member, p person, n int) {
	if p.phone == "" {
		p.phone = fmt.Sprintf("199000%05d", n)
	}
	if !p.noPhone {
		hash := b.keys.Hash(model.PhoneColumn, p.phone)
		m.PhoneSealed, m.PhoneHash = b.keys.Seal(model.PhoneColumn, p.phone), &hash
	}
	if number := idNumber(p.born, p.female, n); !p.noID {
		hash := b.keys.Hash(model.IDNumberColumn, number)
		m.IDSealed, m.IDHash = b.keys.Seal(model.IDNumberColumn, number), &hash
	}
}

// idNumber is a citizen number with a valid check digit (GB 11643-1999); n keeps the numbers apart.
func idNumber(born model.Date, female bool, n int) string {
	serial := 2*n + 1 // odd: a man
	if female {
		serial--
	}
	number := fmt.Sprintf("%d%s%03d", 620102+n%2, strings.ReplaceAll(string(born), "-", ""), serial)
	for _, check := range "0123456789X" {
		if _, ok := model.CleanIDNumber(number + string(check)); ok {
			return number + string(check)
		}
	}
	return ""
}

// addEpisode adds a membership with what the table left out.
func (b *bureau) addEpisode(m model.Member, e episode) {
	unit := b.unit[e.unit]
	row := model.Membership{
		ID: model.NewID(), MemberID: m.ID, UnitID: unit.ID, Track: unit.Kind.Track(), Kind: e.kind,
		State: or(e.state, model.Active), Category: or(e.category, model.InService), Hardship: e.hardship,
		JoinedOn: e.joined, ConfirmedOn: e.confirmed, StartedOn: e.from, EndedOn: or(e.to, model.Forever), EndReason: e.reason,
	}
	if row.Track == model.League { // one joins at school and comes to the bureau at 22
		row.JoinedOn = or(row.JoinedOn, years(m.BirthDate, 15))
		row.StartedOn = or(row.StartedOn, max(unit.FoundedOn, years(m.BirthDate, 22)))
	}
	row.JoinedOn = or(row.JoinedOn, years(m.BirthDate, 25))
	if row.Kind == model.Full {
		row.ConfirmedOn = or(row.ConfirmedOn, years(row.JoinedOn, 1))
		row.StartedOn = or(row.StartedOn, max(unit.FoundedOn, row.ConfirmedOn))
	}
	row.CreatedAt = b.createdAt(row.StartedOn)
	b.memberships = append(b.memberships, row)
}

// or is value, or instead when there is none.
func or[T ~string](value, instead T) T {
	if value == "" {
		return instead
	}
	return value
}

// addTransfers records what happened between episodes: a move to another unit, or the leaving.
func (b *bureau) addTransfers() {
	for i := range b.memberships {
		ended := &b.memberships[i]
		if ended.EndedOn.IsOpen() {
			continue
		}
		t := model.Transfer{
			ID: model.NewID(), MemberID: ended.MemberID, Track: ended.Track, FromUnitID: ended.UnitID,
			EffectiveOn: ended.EndedOn, Reason: ended.EndReason, CreatedAt: b.createdAt(ended.EndedOn.AddDays(-10)),
		}
		if next := i + 1; next < len(b.memberships) && b.memberships[next].MemberID == ended.MemberID && b.memberships[next].Track == ended.Track {
			to := b.memberships[next].UnitID
			ended.EndReason = ""
			if to == ended.UnitID {
				continue // only its standing changed
			}
			t.ToUnitID = &to
		}
		t.CreatedBy = b.officer(model.WriteRoster, b.path[ended.UnitID], t.CreatedAt, ended.MemberID)
		b.transfers = append(b.transfers, t)
	}
}
