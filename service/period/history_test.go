package period_test

import (
	"context"
	"fmt"
	"maps"
	"slices"
	"strings"
	"time"

	"gorm.io/gorm"
	"pgregory.net/rapid"

	"zhibu/model"
	"zhibu/service/roster"
	"zhibu/service/unit"
)

// history is a world in which things happen, through the services, and what the oracle knows of them. What a service of
// the roster or of the tree refuses has not happened; what this one refuses the oracle has to refuse, too.
type history struct {
	*world
	facts
	id     int64
	twin   int64          // a period in which the same is recorded, if any
	before model.Instant  // the clock stays before it; 0: it runs on
	moves  []move         // transfers and endings that may be taken back
	events []int64        // the activities of the period and of its twin
	groups []string       // founded meanwhile
	seen   map[string]int // how often what happened
}

// move is a transfer or an ending with how the lane was before.
type move struct {
	id     int64
	person int
	track  model.Track
	before lane
}

// dayOne is the day on which a history begins; before it there was something, too.
const dayOne = 6

func newHistory(t *rapid.T, db *model.DB, keys *model.Keyring, seen map[string]int) *history {
	h := &history{seen: seen, facts: facts{
		first: rapid.SampledFrom([]model.Date{"2026-02-20", "2028-02-20"}).Draw(t, "first day"),
		nodes: map[string]*node{}, records: map[int]record{}, exempt: map[int]bool{}, present: map[int]model.Instant{},
	}}
	h.world = newWorld(t, db, keys, string(h.date(dayOne))+" 09:00")
	for _, p := range plot {
		h.nodes[p.name] = &node{id: h.units[p.name].ID, kind: p.kind, above: p.above}
	}
	h.invite(t)
	h.populate(t)
	h.id = h.begin("系列")
	return h
}

// invite draws the period.
func (h *history) invite(t *rapid.T) {
	p := rapid.SampledFrom([]plan{
		{holder: "团总支", audience: []string{"团总支"}, track: model.League},
		{holder: "团总支", audience: []string{"一支部", "二支部"}, track: model.League},
		{holder: "团总支", audience: []string{"一组", "二支部"}, track: model.League},
		{holder: "机关党委", audience: []string{"一支部", "别处总支"}, track: model.League},
		{holder: "一支部", audience: []string{"一支部"}, track: model.League},
		{holder: "机关党委", audience: []string{"机关党委"}, track: model.Party},
	}).Draw(t, "period")
	hour := func(n int) model.Instant { return model.Instant(n) * model.Instant(time.Hour/time.Millisecond) }
	p.opens = h.date(dayOne+rapid.IntRange(0, 1).Draw(t, "opens")).Start() + hour(9)
	end := rapid.SampledFrom([]model.Instant{hour(20), 0, 1, hour(12)}).Draw(t, "hour of the close")
	p.closes = h.date(dayOne+rapid.IntRange(2, 5).Draw(t, "closes")).Start() + end
	p.minDays = rapid.SampledFrom([]int{0, 0, 0, 1, 3, 8}).Draw(t, "min days")
	p.checkIns = rapid.Bool().Draw(t, "check-ins count")
	p.decideOn, p.thresholdBP = model.DecideOnAdjusted, 8500
	p.activityEnds = p.opens + hour(30)
	h.plan = p
}

// begin opens a period of the series as planned. The settings are not what is tested here, and written as they are.
func (h *history) begin(series string) int64 {
	var audience []int64
	for _, name := range h.audience {
		audience = append(audience, h.nodes[name].id)
	}
	p := model.StudyPeriod{
		ID: model.NewID(), UnitID: h.nodes[h.holder].id, Series: series, Code: "1", Number: new(1), Title: "一期", Track: h.track,
		OpensAt: h.opens, ClosesAt: h.closes, ThresholdBP: h.thresholdBP, MinDays: h.minDays, DecideOn: h.decideOn, CheckInsCount: h.checkIns,
	}
	h.add(&p, &model.Recount{PeriodID: p.ID})
	for _, id := range audience {
		h.add(&model.PeriodAudience{PeriodID: p.ID, UnitID: id})
	}
	if h.checkIns {
		a := model.Activity{
			ID: model.NewID(), UnitID: p.UnitID, Kind: "lesson", Title: series, StartsAt: h.opens, EndsAt: h.activityEnds,
			CheckInOpensAt: 1, CheckInClosesAt: h.closes,
		}
		h.add(&a, &model.PeriodActivity{PeriodID: p.ID, ActivityID: a.ID})
		h.events = append(h.events, a.ID)
	}
	return p.ID
}

var (
	leagueUnits = []string{"一支部", "一组", "二组", "二支部", "三支部", "别处支部"}
	partyUnits  = []string{"党支部", "党小组"}
)

// populate puts people on the rosters, and leaves some for later.
func (h *history) populate(t *rapid.T) {
	var members []model.Member
	var memberships []model.Membership
	var posts []model.Post
	for i := range 8 {
		p := &human{name: fmt.Sprintf("人%d", i), born: h.birth(t), lanes: map[model.Track]*lane{}}
		h.people = append(h.people, p)
		if i >= 6 {
			continue
		}
		m := person(p.name, p.born)
		p.id, members = m.ID, append(members, m)
		units := []string{rapid.SampledFrom(leagueUnits).Draw(t, "unit")}
		if h.track == model.Party || rapid.IntRange(0, 3).Draw(t, "both") == 0 {
			units = append(units, rapid.SampledFrom(partyUnits).Draw(t, "party unit"))
		}
		for _, name := range units {
			from := rapid.SampledFrom([]int{0, 0, 0, 3, 5, dayOne, dayOne + 2}).Draw(t, "from")
			on := enrolled(h.units[name], p.id, h.date(from))
			if from == 0 {
				on.StartedOn = "2020-01-01"
			}
			s := spot{unit: name, suspended: rapid.IntRange(0, 9).Draw(t, "suspended") == 0}
			if s.suspended {
				on.State = model.Suspended
			}
			memberships = append(memberships, on)
			p.lanes[on.Track] = new(lane)
			p.lanes[on.Track].from(from, s)
		}
		if rapid.IntRange(0, 2).Draw(t, "in office") == 0 {
			title := rapid.SampledFrom([]model.Title{model.LeagueDeputySecretary, model.Organiser, model.Auditor}).Draw(t, "title")
			o := &post{model.NewID(), rapid.SampledFrom([]string{units[0], "团总支", "党支部"}).Draw(t, "office"), title, 0, span}
			p.posts = append(p.posts, o)
			posts = append(posts, model.Post{
				ID: o.id, MemberID: p.id, UnitID: h.nodes[o.unit].id, Title: o.title, StartedOn: h.first, EndedOn: model.Forever,
			})
		}
	}
	h.add(members, memberships)
	if len(posts) > 0 {
		h.add(posts)
	}
}

// birth draws a birth date: of somebody young, unknown, or 28 on a day of the history.
func (h *history) birth(t *rapid.T) model.Date {
	switch day := rapid.IntRange(-9, span-10).Draw(t, "28 on day"); {
	case day < -2:
		return "2005-05-04"
	case day < 0:
		return ""
	default:
		birthday := h.date(day)
		return model.Date(fmt.Sprintf("%d%s", birthday.Start().Time().Year()-28, birthday[4:]))
	}
}

// apply adds an event that a service has accepted.
func (h *history) apply(name string, err error, do func()) {
	if err == nil {
		h.seen[name]++
		do()
	} else if code(err) == err.Error() { // no refusal
		h.t.Fatalf("%s: %v", name, err)
	}
}

// endPosts is what a departure does to offices below the unit; of nothing, to all.
func (h *history) endPosts(p *human, below string, day int) {
	for _, o := range p.posts {
		if o.to > day && (below == "" || h.under(o.unit, below)) {
			o.to = max(o.from, day)
		}
	}
}

// branch is the branch of a unit: the unit, or what is above a group.
func (h *history) branch(name string) string {
	if strings.HasSuffix(string(h.nodes[name].kind), "group") {
		return h.nodes[name].above
	}
	return name
}

func (h *history) anybody(t *rapid.T) int {
	return rapid.IntRange(0, len(h.people)-1).Draw(t, "person")
}

// someDay is a day around today, not before the one told.
func (h *history) someDay(t *rapid.T, notBefore int) int {
	return rapid.IntRange(max(notBefore, h.day(h.now())-2), min(span-1, max(notBefore, h.day(h.now()))+3)).Draw(t, "day")
}

func (h *history) someUnit(t *rapid.T, track model.Track) string {
	units := append(slices.Clone(leagueUnits), h.groups...)
	if track == model.Party {
		units = partyUnits
	}
	return rapid.SampledFrom(units).Draw(t, "unit")
}

// The events of the roster; those dated are on the day or after.

func (h *history) transfer(t *rapid.T, notBefore int) {
	i, to, day := h.anybody(t), h.someUnit(t, h.track), h.someDay(t, notBefore)
	p := h.people[i]
	l := p.lanes[h.track]
	if p.id == 0 || l == nil {
		return
	}
	made, err := h.roster.Transfer(context.Background(), chief(), p.id, roster.Move{ToUnitID: h.nodes[to].id, EffectiveOn: h.date(day), Reason: "调动"})
	h.apply("transfer", err, func() {
		h.moves = append(h.moves, move{made.ID, i, h.track, *l})
		if left := h.branch(l.last().unit); !h.under(to, left) {
			h.endPosts(p, left, day)
		}
		l.from(day, spot{to, l.last().suspended})
	})
}

func (h *history) end(t *rapid.T, notBefore int) {
	i, day := h.anybody(t), h.someDay(t, notBefore)
	p := h.people[i]
	l := p.lanes[h.track]
	if p.id == 0 || l == nil {
		return
	}
	var open model.Membership
	h.read().Where("member_id = ? AND track = ? AND ended_on = ?", p.id, h.track, model.Forever).Limit(1).Find(&open)
	made, err := h.roster.End(context.Background(), chief(), open.ID, h.date(day), "离开")
	h.apply("end", err, func() {
		h.moves = append(h.moves, move{made.ID, i, h.track, *l})
		left := h.branch(l.last().unit)
		l.from(day, spot{})
		if !slices.ContainsFunc([]model.Track{model.Party, model.League}, func(other model.Track) bool {
			return p.lanes[other] != nil && p.lanes[other].last().unit != ""
		}) {
			left = ""
		}
		h.endPosts(p, left, day)
	})
}

func (h *history) takeBack(*rapid.T) {
	if len(h.moves) == 0 {
		return
	}
	m := h.moves[len(h.moves)-1]
	_, err := h.roster.Cancel(context.Background(), chief(), m.id, "填错")
	h.apply("take back", err, func() {
		h.moves = h.moves[:len(h.moves)-1]
		*h.people[m.person].lanes[m.track] = m.before
	})
}

func (h *history) suspend(t *rapid.T, notBefore int) {
	p, day := h.people[h.anybody(t)], h.someDay(t, notBefore)
	state := rapid.SampledFrom([]model.MembershipState{model.Active, model.Suspended}).Draw(t, "state")
	l := p.lanes[h.track]
	if p.id == 0 || l == nil {
		return
	}
	_, err := h.roster.Change(context.Background(), chief(), p.id, roster.Change{
		Membership: &roster.MembershipChange{Track: h.track, State: &state, EffectiveOn: h.date(day)},
	})
	h.apply("suspend", err, func() { l.from(day, spot{l.last().unit, state == model.Suspended}) })
}

// join puts somebody new on a roster, or somebody who left on one again.
func (h *history) join(t *rapid.T, notBefore int) {
	p, name, day := h.people[h.anybody(t)], h.someUnit(t, h.track), h.someDay(t, notBefore)
	l := p.lanes[h.track]
	switch {
	case p.id == 0:
		made, err := h.roster.Create(context.Background(), chief(), h.nodes[name].id,
			roster.Person{Name: p.name, BirthDate: p.born}, roster.Joining{StartedOn: h.date(day)})
		h.apply("join", err, func() {
			p.id, p.lanes[h.track] = made.ID, new(lane)
			p.lanes[h.track].from(day, spot{unit: name})
		})
	case l != nil && !slices.ContainsFunc(l[day:], func(s spot) bool { return s.unit != "" }):
		m := enrolled(h.units[name], p.id, h.date(day))
		h.write(func(tx *gorm.DB) error {
			if err := tx.Create(&m).Error; err != nil {
				return err
			}
			return model.MarkRoster(tx, m.UnitID)
		})
		h.apply("join again", nil, func() { l.from(day, spot{unit: name}) })
	}
}

func (h *history) correctBirth(t *rapid.T) {
	p, born := h.people[h.anybody(t)], h.birth(t)
	if p.id == 0 {
		return
	}
	_, err := h.roster.Change(context.Background(), chief(), p.id, roster.Change{BirthDate: &born})
	h.apply("birth date", err, func() { p.born = born })
}

func (h *history) appoint(t *rapid.T, notBefore int) {
	p, day := h.people[h.anybody(t)], h.someDay(t, notBefore)
	name := rapid.SampledFrom(append([]string{"团总支", "机关党委", "党支部"}, leagueUnits...)).Draw(t, "office in")
	title := rapid.SampledFrom([]model.Title{model.LeagueSecretary, model.Organiser, model.Auditor}).Draw(t, "title")
	if p.id == 0 {
		return
	}
	made, err := h.tree.Appoint(context.Background(), chief(), p.id, unit.Appointment{UnitID: h.nodes[name].id, Title: title, StartedOn: h.date(day)})
	h.apply("appoint", err, func() { p.posts = append(p.posts, &post{made.ID, name, title, day, span}) })
}

func (h *history) dismiss(t *rapid.T, notBefore int) {
	p, day := h.people[h.anybody(t)], h.someDay(t, notBefore)
	if len(p.posts) == 0 {
		return
	}
	o := rapid.SampledFrom(p.posts).Draw(t, "post")
	_, err := h.tree.EndPost(context.Background(), chief(), o.id, h.date(day), "届满")
	h.apply("dismiss", err, func() { o.to = day })
}

// The events of the tree.

func (h *history) rename(t *rapid.T) {
	name := rapid.SampledFrom(h.names()).Draw(t, "unit")
	text := fmt.Sprintf("改名%d", h.seen["rename"])
	_, err := h.tree.Patch(context.Background(), chief(), h.nodes[name].id, unit.Change{Name: &text})
	h.apply("rename", err, func() {})
}

func (h *history) moveUnit(t *rapid.T) {
	name := rapid.SampledFrom(leagueUnits).Draw(t, "unit")
	to := rapid.SampledFrom([]string{"机关党委", "团总支", "别处总支", "一支部", "二支部"}).Draw(t, "to")
	_, err := h.tree.Patch(context.Background(), chief(), h.nodes[name].id, unit.Change{ParentID: &h.nodes[to].id})
	h.apply("move unit", err, func() { h.nodes[name].above = to })
}

func (h *history) found(t *rapid.T) {
	above := rapid.SampledFrom([]string{"团总支", "一支部"}).Draw(t, "above")
	name, kind := fmt.Sprintf("新%d", h.seen["found"]), model.LeagueBranch
	if above == "一支部" {
		kind = model.LeagueGroup
	}
	u, err := h.tree.Create(context.Background(), chief(), unit.Founding{ParentID: &h.nodes[above].id, Kind: kind, Name: name})
	h.apply("found", err, func() {
		h.units[name], h.nodes[name], h.groups = u, &node{id: u.ID, kind: kind, above: above}, append(h.groups, name)
	})
}

// closeUnit dissolves a unit that happens to be empty.
func (h *history) closeUnit(t *rapid.T) {
	name := rapid.SampledFrom(leagueUnits).Draw(t, "unit")
	_, err := h.tree.Close(context.Background(), chief(), h.nodes[name].id, unit.Closing{Reason: "撤并"})
	h.apply("close unit", err, func() {
		h.nodes[name].closed = true
		for _, p := range h.people {
			for _, o := range p.posts {
				if today := h.day(h.now()); o.unit == name && o.to > today {
					o.to = max(o.from, today)
				}
			}
		}
	})
}

// checkIn is a member's attendance at the activity, or its correction.
func (h *history) checkIn(t *rapid.T) {
	i, was := h.anybody(t), len(h.present) == 0 || rapid.Bool().Draw(t, "present")
	if !was {
		i = rapid.SampledFrom(slices.Sorted(maps.Keys(h.present))).Draw(t, "corrected")
	}
	p := h.people[i]
	if !h.checkIns || p.id == 0 {
		return
	}
	row := model.CheckIn{MemberID: p.id, State: model.Absent, Source: model.RollCall}
	if was {
		row.State, row.CheckedInAt = model.Present, h.now()
	}
	h.write(func(tx *gorm.DB) error {
		for _, event := range h.events {
			row.ID, row.ActivityID = model.NewID(), event
			if err := tx.Where("activity_id = ? AND member_id = ?", event, p.id).Delete(&model.CheckIn{}).Error; err != nil {
				return err
			}
			if err := tx.Create(&row).Error; err != nil {
				return err
			}
		}
		return nil
	})
	h.seen["check in"]++
	if delete(h.present, i); was {
		h.present[i] = h.now()
	}
}
