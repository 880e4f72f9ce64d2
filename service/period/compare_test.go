package period_test

import (
	"context"
	"fmt"
	"slices"
	"strings"

	"github.com/google/go-cmp/cmp"
	"pgregory.net/rapid"

	"zhibu/model"
	"zhibu/service/period"
)

// compare asks the service and the oracle for the rates of every unit, for who is missing somewhere, and for the last
// version.
func (h *history) compare(t *rapid.T) {
	h.compareRates(t)
	h.compareAbsentees(t)
	if n := len(h.versions); n > 0 {
		h.compareVersion(t, rapid.IntRange(1, n).Draw(t, "version"))
	}
}

func (h *history) compareRates(t *rapid.T) {
	h.look()
	h.attend(h.now())
	want := h.rates(h.now())
	for _, id := range h.ids() {
		r, got := h.ask(h.one(t), id, period.Query{UnitID: h.nodes[h.holder].id})
		if diff := cmp.Diff(h.listed(want), h.listed(got)); diff != "" {
			t.Fatalf("rates at %s (closes %s, frozen %v), the oracle first: %s", h.now().Time(), h.closes.Time(), h.frozen(), diff)
		}
		if r.Frozen != h.frozen() || r.Version != len(h.versions) {
			t.Fatalf("frozen %v, version %d; want %v, %d", r.Frozen, r.Version, h.frozen(), len(h.versions))
		}
		h.wantSums(t, r)
	}
}

// named are rates that can be read.
func (h *history) named(rates map[int64]model.Rate) map[string]model.Rate {
	named := map[string]model.Rate{}
	for name, u := range h.nodes {
		if r, ok := rates[u.id]; ok {
			named[name] = r
		}
	}
	if len(named) != len(rates) {
		named["nobody knows"] = model.Rate{}
	}
	return named
}

// listed are the rates that have to be listed: those of units where somebody is due, or could be.
func (h *history) listed(rates map[int64]model.Rate) map[string]model.Rate {
	named := h.named(rates)
	for name, r := range named {
		if u := h.nodes[name]; r.Due == 0 && name != h.holder && (u.closed || u.kind.Track() != h.track) {
			delete(named, name)
		}
	}
	return named
}

// wantSums adds up the rates as an outsider would: each unit is the sum of those right below it and of its own roster,
// on which nobody is counted twice or less than not at all.
func (h *history) wantSums(t *rapid.T, r period.Rates) {
	for i, above := range append([]model.PeriodCount{r.Total}, r.Units...) {
		own := above.Rate
		for _, u := range r.Units {
			if strings.HasPrefix(u.Path, above.Path) && strings.Count(u.Path, "/") == strings.Count(above.Path, "/")+1 {
				own = own.Minus(u.Rate)
			}
		}
		if own.Due < 0 || own.Exempt < 0 || own.Completed < 0 || own.Missing() < 0 || !above.Kind.IsBranch() && own.Due > 0 {
			t.Fatalf("unit %d of %+v: %+v of its own", i, r, own)
		}
	}
}

// compareAbsentees asks as an officer of a unit with a roster who is behind in it.
func (h *history) compareAbsentees(t *rapid.T) {
	name := rapid.SampledFrom(append(slices.Clone(leagueUnits), partyUnits...)).Draw(t, "absentees of")
	if !h.under(name, h.holder) || !h.shown(name) {
		return
	}
	h.look()
	h.attend(h.now())
	who := officer(h.nodes[name].id, h.path(name))
	if h.track == model.Party {
		who.Grants[0].Title = model.Secretary
	}
	a, _, err := h.one(t).Absentees(context.Background(), who, h.id, period.Query{UnitID: h.nodes[name].id, Limit: 100})
	h.must(err)
	lines, missing := h.layout(), func(i int) (string, bool) {
		where := h.invitee(i, h.now())
		outcome, _ := h.outcome(i)
		return where, where != "" && outcome == model.OutcomeMissing
	}
	if h.frozen() {
		v := h.versions[len(h.versions)-1]
		lines, missing = v.lines, func(i int) (string, bool) { return v.entries[i].unit, v.entries[i].outcome == model.OutcomeMissing }
	}
	if !slices.Equal(lines[name], h.layout()[name]) { // it is elsewhere since the close, and its names with it
		return
	}
	want, got := []string{}, []string{}
	for i, p := range h.people {
		if where, behind := missing(i); behind && slices.Contains(lines[where], name) {
			r, there := h.records[i]
			want = append(want, fmt.Sprint(p.name, where, there && r.at >= h.cutoff()))
		}
	}
	for _, b := range a.Branches {
		if b.UnitID != h.nodes[name].id {
			continue
		}
		for _, m := range b.Members {
			unit := slices.IndexFunc(h.names(), func(n string) bool { return h.nodes[n].id == m.UnitID })
			got = append(got, fmt.Sprint(m.Name, h.names()[unit], m.Late))
		}
	}
	slices.Sort(want)
	slices.Sort(got)
	if !slices.Equal(want, got) {
		t.Fatalf("absent in %s at %s are %v, the oracle says %v", name, h.now().Time(), got, want)
	}
}

// compareVersion compares a version entry by entry, its figures and its hash.
func (h *history) compareVersion(t *rapid.T, number int) {
	v := h.kept(h.id)[number-1]
	f := h.versions[number-1]
	rows := h.rows(f, v.ID)
	if diff := cmp.Diff(rows, h.entries(v)); diff != "" && len(rows)+len(h.entries(v)) > 0 {
		t.Fatalf("version %d, the oracle first: %s", number, diff)
	}
	rates := h.count(f, func(int) bool { return false })
	total := rates[h.nodes[h.holder].id]
	if v.CutoffAt != f.cutoff || v.Due != total.Due || v.Exempt != total.Exempt || v.Completed != total.Completed || v.Due != len(rows) {
		t.Fatalf("version %+v; want %+v at %d", v, total, f.cutoff)
	}
	if want := h.hash(h.id, f.cutoff, rows); v.Hash != want {
		t.Fatalf("version %d has the hash %s, want %s", number, v.Hash, want)
	}
	_, got := h.ask(h.one(t), h.id, period.Query{UnitID: h.nodes[h.holder].id, Version: number})
	for id, r := range got {
		r.Late = 0
		got[id] = r
	}
	if diff := cmp.Diff(h.listed(rates), h.listed(got)); diff != "" {
		t.Fatalf("the rates of version %d, the oracle first: %s", number, diff)
	}
}

// keepsake is everything that must stay as it was frozen: the versions, their entries and hashes, and their rates.
func (h *history) keepsake(t *rapid.T) (all []any) {
	for n, v := range h.kept(h.id) {
		r, rates := h.ask(h.one(t), h.id, period.Query{UnitID: h.nodes[h.holder].id, Version: n + 1})
		for id, of := range rates {
			of.Late = 0
			rates[id] = of
		}
		verified, err := h.one(t).Verify(context.Background(), chief(), h.id, n+1)
		h.must(err)
		all = append(all, v, h.entries(v), h.listed(rates), r.Hash, verified.Intact)
		if !verified.Intact {
			t.Fatalf("version %d is not what was frozen", n+1)
		}
	}
	return all
}
