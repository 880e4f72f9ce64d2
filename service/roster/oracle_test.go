package roster_test

import (
	"bytes"
	"context"
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	"gorm.io/gorm"
	"pgregory.net/rapid"

	"zhibu/model"
	"zhibu/model/modeltest"
	"zhibu/office"
	"zhibu/service/roster"
)

// TestRosterAtAnyMoment runs random histories and asks of many units and days who was on the roster, of an oracle that
// knows of nothing but days: for each person and track, a unit and a state for each day.
func TestRosterAtAnyMoment(t *testing.T) {
	t.Run("sqlite", func(t *testing.T) { checkHistories(t, modeltest.SQLite(t), 1) })
	t.Run("mariadb", func(t *testing.T) { checkHistories(t, modeltest.MariaDB(t), 5) })
}

// checkHistories runs histories, each with a world and people of its own in one database.
func checkHistories(t *testing.T, db *model.DB, share int) {
	modeltest.Check(t, 100/share, func(rt *rapid.T) {
		h := newHistory(t, db, 5)
		for range rapid.IntRange(1, 30).Draw(rt, "steps") {
			h.step(rt)
		}
		h.compare(rt)
	})
}

// The days of the histories, around today.
const (
	firstDay = model.Date("2026-02-20")
	span     = 20
	todayDay = 10 // the place of today among them
)

// spot is where somebody is on a day; the zero value is nowhere.
type spot struct {
	unit      int64
	suspended bool
}

// lane is the oracle: one person on one track, day by day from firstDay, and the day of the last change, from which on
// only later changes are allowed.
type lane struct {
	standing
	moves []move
}

type standing struct {
	days [span]spot
	last int
	open bool
}

// move is a transfer, an ending or, without an id, a creation, with how it was before.
type move struct {
	id     int64
	day    int
	before standing
}

type history struct {
	w     *world
	units []model.Unit // of the party track, then of the League
	ids   []int64      // of the people, 0 until they are created
	lanes map[string]*lane
}

func newHistory(t *testing.T, db *model.DB, people int) *history {
	w := newWorld(t, db)
	return &history{w: w, units: []model.Unit{w.a, w.a1, w.b, w.league}, ids: make([]int64, people), lanes: map[string]*lane{}}
}

func (h *history) lane(person int, track model.Track) *lane {
	key := fmt.Sprint(person, track)
	if h.lanes[key] == nil {
		h.lanes[key] = &lane{standing: standing{last: -1}}
	}
	return h.lanes[key]
}

// moved notes what Cancel may be asked to undo.
func (l *lane) moved(id int64, day int) {
	l.moves = append(l.moves, move{id, day, l.standing})
}

// cancel goes back before the last transfer or ending, which may be done until its day is over when the person was not
// created anew since. It returns that transfer.
func (l *lane) cancel() (id int64, allowed bool) {
	for i, m := range slices.Backward(l.moves) {
		if m.id == 0 {
			continue
		}
		if allowed = i == len(l.moves)-1 && m.day >= todayDay; allowed {
			l.standing, l.moves = m.before, l.moves[:i]
		}
		return m.id, allowed
	}
	return 1, false
}

// set puts the person there from the day on.
func (l *lane) set(from int, s spot) {
	for d := from; d < span; d++ {
		l.days[d] = s
	}
	l.last = from
}

func (h *history) step(t *rapid.T) {
	person := rapid.IntRange(0, len(h.ids)-1).Draw(t, "person")
	unit := rapid.SampledFrom(h.units).Draw(t, "unit")
	day := rapid.IntRange(0, span-1).Draw(t, "day")
	do := rapid.SampledFrom([]string{"create", "transfer", "end", "change", "cancel"}).Draw(t, "do")
	track, on := unit.Kind.Track(), firstDay.AddDays(day)
	l, actor, ctx := h.lane(person, track), officer(h.w.general, model.Secretary), context.Background()
	var err error
	allowed := false
	switch do {
	case "create":
		allowed = !l.open && day >= l.last
		var p roster.Profile
		p, err = h.w.s.Create(ctx, actor, unit.ID, roster.Person{Name: fmt.Sprintf("人%d", person), Phone: h.phone(person)}, roster.Joining{StartedOn: on})
		if allowed {
			l.moved(0, day)
			l.set(day, spot{unit: unit.ID})
			l.open, h.ids[person] = true, p.ID
		}
	case "transfer":
		allowed = l.open && day > l.last && unit.ID != l.days[span-1].unit
		var made model.Transfer
		made, err = h.w.s.Transfer(ctx, actor, h.ids[person], roster.Move{ToUnitID: unit.ID, EffectiveOn: on, Reason: "调动"})
		if allowed {
			l.moved(made.ID, day)
			l.set(day, spot{unit.ID, l.days[span-1].suspended})
		}
	case "end":
		allowed = l.open && day > l.last
		var made model.Transfer
		made, err = h.w.s.End(ctx, actor, h.openID(person, track), on, "离开")
		if allowed {
			l.moved(made.ID, day)
			l.set(day, spot{})
			l.open = false
		}
	case "cancel":
		var id int64
		id, allowed = l.cancel()
		h.w.clock.Advance(time.Millisecond)
		_, err = h.w.s.Cancel(ctx, actor, id, "填错")
	case "change":
		state := rapid.SampledFrom([]model.MembershipState{model.Active, model.Suspended}).Draw(t, "state")
		now := l.days[span-1]
		same := now.suspended == (state == model.Suspended)
		allowed = l.open && day >= l.last
		_, err = h.w.s.Change(ctx, actor, h.ids[person], roster.Change{Membership: &roster.MembershipChange{Track: track, State: &state, EffectiveOn: on}})
		if allowed && !same {
			l.set(day, spot{now.unit, state == model.Suspended})
		}
	}
	if allowed != (err == nil) {
		t.Fatalf("%s of person %d in %s on %s: %v, and the oracle allows it: %v", do, person, unit.Name, on, err, allowed)
	}
}

// phone tells the people of one history from those of another in the same database.
func (h *history) phone(person int) string {
	return fmt.Sprintf("138%08d", (h.w.general.ID>>4+int64(person))%100_000_000)
}

// openID is the open membership, or one that does not exist.
func (h *history) openID(person int, track model.Track) int64 {
	var m model.Membership
	h.w.read().Where("member_id = ? AND track = ? AND ended_on = ?", h.ids[person], track, model.Forever).Limit(1).Find(&m)
	return max(m.ID, 1)
}

// compare asks both on every day, at its first and at its last moment, of everybody and of the single units in turn.
func (h *history) compare(t *rapid.T) {
	units := append(slices.Clone(h.units), h.w.leagueGeneral)
	turn := rapid.IntRange(0, 2*len(units)-1).Draw(t, "turn")
	for d := range span {
		if n := turn + d; n%2 == 0 {
			h.compareDay(t, h.w.general, d)
		} else {
			h.compareDay(t, units[n/2%len(units)], d)
		}
	}
}

func (h *history) compareDay(t *rapid.T, u model.Unit, d int) {
	below := map[int64]bool{}
	for _, other := range h.units {
		below[other.ID] = strings.HasPrefix(other.Path, u.Path)
	}
	want, counted := []string{}, []string{}
	for key, l := range h.lanes {
		if s := l.days[d]; below[s.unit] {
			want = append(want, key)
			if !s.suspended {
				counted = append(counted, key)
			}
		}
	}
	h.same(t, u, firstDay.AddDays(d).Start(), want)
	h.same(t, u, firstDay.AddDays(d+1).Start()-1, counted, model.Counted)
}

func (h *history) same(t *rapid.T, u model.Unit, at model.Instant, want []string, more ...func(*gorm.DB) *gorm.DB) {
	var found []model.Membership
	err := h.w.read().Model(&model.Membership{}).Joins("JOIN units ON units.id = memberships.unit_id").
		Scopes(model.OnRoster(at), model.Under(u.Path)).Scopes(more...).Select("memberships.*").Find(&found).Error
	if err != nil {
		t.Fatal(err)
	}
	got := []string{}
	for _, m := range found {
		got = append(got, fmt.Sprint(slices.Index(h.ids, m.MemberID), m.Track))
	}
	slices.Sort(got)
	slices.Sort(want)
	if !slices.Equal(got, want) {
		t.Fatalf("%s at %s: on the roster are %v, the oracle says %v", u.Name, at.Time(), got, want)
	}
}

// TestExportImportChangesNothing exports rosters of random people in either format, in full and masked, and imports them
// again: every row is unchanged and nothing is written.
func TestExportImportChangesNothing(t *testing.T) {
	t.Run("sqlite", func(t *testing.T) { checkExports(t, modeltest.SQLite(t), 1) })
	t.Run("mariadb", func(t *testing.T) { checkExports(t, modeltest.MariaDB(t), 5) })
}

func checkExports(t *testing.T, db *model.DB, share int) {
	ctx := context.Background()
	modeltest.Check(t, 100/share, func(rt *rapid.T) {
		w := newWorld(t, db)
		for range rapid.IntRange(1, 6).Draw(rt, "people") {
			w.somebody(rt)
		}
		unit := rapid.SampledFrom([]model.Unit{w.general, w.a, w.a1, w.league}).Draw(rt, "unit")
		reader := officer(w.general, rapid.SampledFrom([]model.Title{model.Secretary, model.Discipline}).Draw(rt, "reader"))
		format := rapid.SampledFrom([]roster.Format{roster.XLSX, roster.CSV}).Draw(rt, "format")
		f, err := w.s.Export(ctx, reader, unit.ID, "", format)
		if err != nil {
			rt.Fatal(err)
		}
		before := w.counts()
		r, err := w.s.Import(ctx, officer(w.general, model.Secretary), unit.ID, bytes.NewReader(f.Content), office.ImportOptions{})
		if err != nil || len(r.Rejected) > 0 || r.Unchanged != r.Rows {
			rt.Fatalf("%v %+v", err, r)
		}
		if after := w.counts(); fmt.Sprint(after) != fmt.Sprint(before) {
			rt.Fatalf("%v, before %v", after, before)
		}
	})
}

// somebody puts a random person on one or both rosters, perhaps with an office.
func (w *world) somebody(t *rapid.T) {
	text := rapid.StringMatching(`[=+@'\-/a-z无 \n"，,;甲乙]{0,6}`)
	p := roster.Person{
		Name:      rapid.SampledFrom([]string{"张伟", "李　娜", "阿依古丽·买买提", "John Smith", "𠮷田"}).Draw(t, "name"),
		Ethnicity: text.Draw(t, "ethnicity"), Education: text.Draw(t, "education"), JobTitle: text.Draw(t, "job"), Note: text.Draw(t, "note"),
	}
	serial := model.NewID() >> 3 % 1_000_000
	if rapid.Bool().Draw(t, "with phone") {
		p.Phone = fmt.Sprintf("13800%06d", serial)
	}
	if rapid.Bool().Draw(t, "with id") {
		p.IDNumber = idNumber(fmt.Sprintf("19%02d0%d%02d", serial%90+10, serial/90%9+1, serial/810%28+1), int(serial/22680))
	} else if rapid.Bool().Draw(t, "with birth date") {
		p.BirthDate = "1970-01-01"
	}
	ctx, general := context.Background(), officer(w.general, model.Secretary)
	for _, u := range rapid.SampledFrom([][]model.Unit{{w.a}, {w.a1}, {w.b}, {w.league}, {w.a, w.league}}).Draw(t, "units") {
		m, err := w.s.Create(ctx, general, u.ID, p, roster.Joining{
			StartedOn: rapid.SampledFrom([]model.Date{"2020-01-01", today, "2026-05-01"}).Draw(t, "start"), Hardship: rapid.Bool().Draw(t, "hardship"),
			State:    rapid.SampledFrom([]model.MembershipState{model.Active, model.Suspended}).Draw(t, "state"),
			Category: rapid.SampledFrom([]model.Category{model.InService, model.Retired, model.Floating}).Draw(t, "category"),
			JoinedOn: rapid.SampledFrom([]model.Date{"", "1999-07-01"}).Draw(t, "joined"),
		})
		if e := model.AsError(err); e != nil && e.Code == "member_exists" {
			return
		}
		if err != nil {
			t.Fatal(err)
		}
		if rapid.Bool().Draw(t, "in office") {
			title := rapid.SampledFrom([]model.Title{model.Organiser, model.GroupLeader, model.LeagueDeputySecretary}).Draw(t, "title")
			if err := w.write(posting(m.ID, rapid.SampledFrom([]model.Unit{u, w.a, w.general}).Draw(t, "where"), title)); err != nil {
				return // holds it already
			}
		}
	}
}
