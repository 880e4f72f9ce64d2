package period_test

import (
	"crypto/sha256"
	"fmt"
	"maps"
	"slices"
	"strings"
	"time"

	"zhibu/model"
)

// The oracle knows what happened and counts it by going through everybody, with nothing but maps and days: day 0 is the
// first of a history, and what was before it was always so.
const span = 30

// spot is where somebody is on a day; the zero value is nowhere.
type spot struct {
	unit      string
	suspended bool
}

type lane [span]spot

// from puts somebody there from the day on.
func (l *lane) from(day int, s spot) {
	for d := max(day, 0); d < span; d++ {
		l[d] = s
	}
}

func (l *lane) last() spot { return l[span-1] }

type post struct {
	id       int64
	unit     string
	title    model.Title
	from, to int // the first day no longer in it
}

type human struct {
	id    int64 // 0 until he is on a roster
	name  string
	born  model.Date
	lanes map[model.Track]*lane
	posts []*post
}

type record struct {
	source model.CompletionSource
	at     model.Instant
}

type node struct {
	id     int64
	kind   model.UnitKind
	above  string
	closed bool
}

// entry is what a version says of somebody.
type entry struct {
	unit    string
	outcome model.Outcome
	record  record
}

// frozen is a version: the entries by person, and the units that were in the period with those above them.
type frozen struct {
	cutoff  model.Instant
	entries map[int]entry
	lines   map[string][]string
}

// plan is the period.
type plan struct {
	holder               string
	audience             []string
	track                model.Track
	opens, closes        model.Instant
	minDays              int
	checkIns             bool
	decideOn             model.DecideOn
	closedAt, reopenedAt model.Instant
	activityEnds         model.Instant
	thresholdBP          int
}

type facts struct {
	plan
	first    model.Date
	nodes    map[string]*node
	people   []*human
	records  map[int]record
	exempt   map[int]bool
	present  map[int]model.Instant // at the activity, since when
	versions []frozen
}

func (f *facts) day(at model.Instant) int {
	return int((at - f.first.Start()) / model.Instant(24*time.Hour/time.Millisecond))
}

func (f *facts) date(day int) model.Date { return f.first.AddDays(day) }

// line is the unit and all above it, from the top.
func (f *facts) line(unit string) (up []string) {
	for ; unit != ""; unit = f.nodes[unit].above {
		up = append(up, unit)
	}
	slices.Reverse(up)
	return up
}

func (f *facts) under(unit, above string) bool { return slices.Contains(f.line(unit), above) }

func (f *facts) path(unit string) string {
	path := ""
	for _, u := range f.line(unit) {
		path = model.ChildPath(path, f.nodes[u].id)
	}
	return path
}

// invited says whether the roster of the unit is asked: it is in the audience and with the unit that holds the period.
func (f *facts) invited(unit string) bool {
	return f.under(unit, f.holder) && slices.ContainsFunc(f.audience, func(a string) bool { return f.under(unit, a) && f.under(a, f.holder) })
}

// layout are the units of the period: of those it holds the ones in the audience and the ones above it, each with those
// above it up to the holder.
func (f *facts) layout() map[string][]string {
	lines := map[string][]string{}
	for name := range f.nodes {
		above := func(a string) bool { return f.under(a, name) && f.under(a, f.holder) }
		if f.under(name, f.holder) && (name == f.holder || f.invited(name) || slices.ContainsFunc(f.audience, above)) {
			line := f.line(name)
			lines[name] = line[slices.Index(line, f.holder):]
		}
	}
	return lines
}

func (f *facts) frozen() bool     { return f.closedAt != 0 }
func (f *facts) correcting() bool { return !f.frozen() && f.reopenedAt >= f.closes }

func (f *facts) overdue(now model.Instant) bool {
	return !f.frozen() && now >= f.closes && (!f.correcting() || now >= f.reopenedAt+model.Instant(model.CorrectionTime/time.Millisecond))
}

// taking says whether officers may record now.
func (f *facts) taking(now model.Instant) bool {
	return !f.frozen() && now >= f.opens && (now < f.closes || f.correcting())
}

func (f *facts) cutoff() model.Instant {
	if f.frozen() {
		return f.closedAt
	}
	return f.closes
}

// due says whose roster somebody is on who is due at the moment; empty when he is not.
func (f *facts) due(i int, at model.Instant) string {
	p, day := f.people[i], f.day(at)
	l := p.lanes[f.track]
	if p.id == 0 || l == nil || l[day].unit == "" || l[day].suspended || !f.invited(l[day].unit) {
		return ""
	}
	if f.minDays > 0 && l[max(0, day-f.minDays)].unit == "" {
		return ""
	}
	if f.track == model.League && f.aged(p, day) && !f.inOffice(p, day) {
		return ""
	}
	return l[day].unit
}

// aged says whether somebody is 28, which on 29 February one may be in leap years only.
func (f *facts) aged(p *human, day int) bool {
	var year int
	if p.born == "" {
		return false
	}
	if _, err := fmt.Sscanf(string(p.born), "%d-", &year); err != nil {
		panic(err)
	}
	return model.Date(fmt.Sprintf("%d%s", year+28, p.born[4:])) <= f.date(day)
}

func (f *facts) inOffice(p *human, day int) bool {
	return slices.ContainsFunc(p.posts, func(o *post) bool {
		league := strings.HasPrefix(string(f.nodes[o.unit].kind), "league")
		return league && o.title != model.Admin && o.title != model.Auditor && o.from <= day && day < o.to
	})
}

// invitee is where somebody counts now: by the roster, and once it is frozen by the last version.
func (f *facts) invitee(i int, now model.Instant) string {
	if f.frozen() {
		return f.versions[len(f.versions)-1].entries[i].unit
	}
	return f.due(i, min(now, f.cutoff()-1))
}

// outcome is what counts of somebody who is due.
func (f *facts) outcome(i int) (model.Outcome, record) {
	r, there := f.records[i]
	switch {
	case there && r.at < f.cutoff():
		return model.OutcomeCompleted, r
	case f.exempt[i]:
		return model.OutcomeExempt, record{}
	}
	return model.OutcomeMissing, record{}
}

// attend makes completions of attendances, and takes back those that no longer stand.
func (f *facts) attend(now model.Instant) {
	if !f.checkIns || f.frozen() {
		return
	}
	attended := func(i int) (model.Instant, bool) {
		since, there := f.present[i]
		at := min(since, f.activityEnds)
		return at, there && at >= f.opens && at < f.cutoff()
	}
	for i := range f.people {
		at, there := attended(i)
		if outcome, _ := f.outcome(i); there && outcome != model.OutcomeCompleted && f.due(i, min(now, f.cutoff()-1)) != "" {
			f.records[i] = record{model.ByAttendance, at}
		} else if !there && f.records[i].source == model.ByAttendance {
			delete(f.records, i)
		}
	}
}

// freeze closes the period. What is done in the millisecond in which somebody closes it by hand is before that.
func (f *facts) freeze(now model.Instant) {
	f.attend(now)
	last := now
	for _, r := range f.records {
		if r.at < f.closes {
			last = max(last, r.at)
		}
	}
	f.closedAt = min(last+1, f.closes)
	v := frozen{cutoff: f.closedAt, entries: map[int]entry{}, lines: f.layout()}
	for i := range f.people {
		if unit := f.due(i, v.cutoff-1); unit != "" {
			outcome, r := f.outcome(i)
			v.entries[i] = entry{unit, outcome, r}
		}
	}
	f.versions = append(f.versions, v)
}

// rates are the figures of every unit of the period, by id; of a version when it is frozen.
func (f *facts) rates(now model.Instant) map[int64]model.Rate {
	v := frozen{entries: map[int]entry{}}
	if f.frozen() {
		v = f.versions[len(f.versions)-1]
	} else {
		v.lines = f.layout()
		for i := range f.people {
			if unit := f.invitee(i, now); unit != "" {
				outcome, r := f.outcome(i)
				v.entries[i] = entry{unit, outcome, r}
			}
		}
	}
	return f.count(v, func(i int) bool { r, there := f.records[i]; return there && r.at >= f.cutoff() })
}

// count adds up entries, unit by unit.
func (f *facts) count(v frozen, late func(person int) bool) map[int64]model.Rate {
	rates := map[int64]model.Rate{}
	for name := range v.lines {
		rates[f.nodes[name].id] = model.Rate{}
	}
	for i, e := range v.entries {
		r := model.Rate{Due: 1}
		switch e.outcome {
		case model.OutcomeCompleted:
			r.Completed = 1
		case model.OutcomeExempt:
			r.Exempt = 1
		}
		if late(i) {
			r.Late = 1
		}
		for _, name := range v.lines[e.unit] {
			rates[f.nodes[name].id] = rates[f.nodes[name].id].Plus(r)
		}
	}
	return rates
}

// rows are the entries of a version as they are kept, by member.
func (f *facts) rows(v frozen, versionID int64) (rows []model.PeriodEntry) {
	for i, e := range v.entries {
		rows = append(rows, model.PeriodEntry{
			VersionID: versionID, MemberID: f.people[i].id, UnitID: f.nodes[e.unit].id, Outcome: e.outcome,
			Source: e.record.source, CompletedAt: e.record.at,
		})
	}
	slices.SortFunc(rows, func(a, b model.PeriodEntry) int { return int(a.MemberID - b.MemberID) })
	return rows
}

// hash is that of a version with the rows.
func (f *facts) hash(periodID int64, cutoff model.Instant, rows []model.PeriodEntry) string {
	text := fmt.Sprintf("period %d cutoff %d threshold %d min_days %d decide_on %s\n",
		periodID, cutoff, f.thresholdBP, f.minDays, f.decideOn)
	for _, e := range rows {
		text += fmt.Sprintf("%d %d %s %s %d\n", e.MemberID, e.UnitID, e.Outcome, e.Source, e.CompletedAt)
	}
	return fmt.Sprintf("%x", sha256.Sum256([]byte(text)))
}

// names are the units there are, in order.
func (f *facts) names() []string { return slices.Sorted(maps.Keys(f.nodes)) }
