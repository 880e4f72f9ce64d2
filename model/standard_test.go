package model_test

import (
	"context"
	"fmt"
	"math/big"
	"slices"
	"strings"
	"testing"

	"gorm.io/gorm"
	"pgregory.net/rapid"

	"zhibu/model"
	"zhibu/model/modeltest"
)

// national is the national standard of the track and the category.
func national(t rapid.TB, track model.Track, category model.DuesCategory) model.Standard {
	t.Helper()
	all := model.NationalStandards()
	i := slices.IndexFunc(all, func(s model.Standard) bool { return s.Track == track && s.Category == category })
	if i < 0 {
		t.Fatalf("no national standard for %s %s", track, category)
	}
	return all[i]
}

// TestQuotesOfTheRules are the vectors of DOMAIN.md §6 and §7, in fen.
func TestQuotesOfTheRules(t *testing.T) {
	const party, league = model.Party, model.League
	for _, c := range []struct {
		track    model.Track
		category model.DuesCategory
		rounding model.Rounding
		base     model.Fen
		want     model.Fen
		bp       int
		capped   bool
	}{
		{party, model.DuesSalaried, model.RoundFen, 299_999, 1500, 50, false},
		{party, model.DuesSalaried, model.RoundFen, 300_000, 1500, 50, false},
		{party, model.DuesSalaried, model.RoundFen, 300_001, 3000, 100, false},
		{party, model.DuesSalaried, model.RoundFen, 432_100, 4321, 100, false},
		{party, model.DuesSalaried, model.RoundFen, 500_000, 5000, 100, false},
		{party, model.DuesSalaried, model.RoundFen, 500_001, 7500, 150, false},
		{party, model.DuesSalaried, model.RoundFen, 510_000, 7650, 150, false},
		{party, model.DuesSalaried, model.RoundFen, 786_543, 11798, 150, false},
		{party, model.DuesSalaried, model.RoundFen, 1_000_000, 15000, 150, false},
		{party, model.DuesSalaried, model.RoundFen, 1_000_001, 20000, 200, false},
		{party, model.DuesSalaried, model.RoundFen, 5_000_000, 100_000, 200, false},
		{party, model.DuesSalaried, model.RoundFen, 6_000_000, 100_000, 200, true},
		{party, model.DuesSalaried, model.RoundFen, model.MaxBase, 100_000, 200, true},
		{party, model.DuesSalaried, model.RoundFen, 1, 0, 50, false},
		{party, model.DuesSalaried, model.RoundFen, 100, 1, 50, false}, // half a fen goes up
		{party, model.DuesSalaried, model.RoundFen, 99, 0, 50, false},
		{party, model.DuesSalaried, model.RoundYuanUp, 300_000, 1500, 50, false},
		{party, model.DuesSalaried, model.RoundYuanUp, 300_001, 3100, 100, false},
		{party, model.DuesSalaried, model.RoundYuanUp, 500_001, 7600, 150, false},
		{party, model.DuesSalaried, model.RoundYuanUp, 5_000_001, 100_000, 200, true}, // 1001, and the cap again
		{party, model.DuesSalaried, model.RoundJiao, 786_543, 11800, 150, false},
		{party, model.DuesSalaried, model.RoundJiao, 300_499, 3000, 100, false}, // 30.0499
		{party, model.DuesSalaried, model.RoundJiao, 300_500, 3010, 100, false}, // 30.05
		{party, model.DuesSelfEmployed, model.RoundFen, 300_001, 3000, 100, false},
		{party, model.DuesRetired, model.RoundFen, 500_000, 2500, 50, false},
		{party, model.DuesRetired, model.RoundFen, 500_001, 5000, 100, false},
		{party, model.DuesFarmer, model.RoundFen, 0, 20, 0, false},
		{party, model.DuesStudent, model.RoundYuanUp, 0, 20, 0, false},
		{party, model.DuesUnemployed, model.RoundFen, 900_000, 20, 0, false},
		{party, model.DuesRelief, model.RoundFen, 0, 20, 0, false},
		{league, model.DuesSalaried, model.RoundFen, 199_999, 300, 0, false},
		{league, model.DuesSalaried, model.RoundFen, 200_000, 400, 20, false},
		{league, model.DuesSalaried, model.RoundYuanUp, 249_999, 400, 20, false}, // the League has its own rounding
		{league, model.DuesSalaried, model.RoundFen, 250_000, 500, 20, false},
		{league, model.DuesSalaried, model.RoundFen, 500_000, 1000, 20, false},
		{league, model.DuesSalaried, model.RoundFen, 549_999, 1000, 20, false},
		{league, model.DuesSalaried, model.RoundFen, 999_999, 1900, 20, false},
		{league, model.DuesSalaried, model.RoundFen, 1_000_000, 2000, 20, false},
		{league, model.DuesSalaried, model.RoundFen, 3_000_000, 2000, 20, true},
		{league, model.DuesStudent, model.RoundFen, 0, 20, 0, false},
		{league, model.DuesFarmer, model.RoundFen, 0, 50, 0, false},
	} {
		q, err := national(t, c.track, c.category).Quote(c.base, c.rounding)
		if err != nil || q.Amount != c.want || q.Bracket.RateBP != c.bp || q.Capped != c.capped || q.Explain() == "" {
			t.Errorf("%s %s %s of %s: %s at %d, capped %v, %v; want %s at %d", c.track, c.category, c.rounding, c.base, q.Amount,
				q.Bracket.RateBP, q.Capped, err, c.want, c.bp)
		}
	}
}

func TestExplanationsHaveTheSum(t *testing.T) {
	for _, c := range []struct {
		track    model.Track
		category model.DuesCategory
		rounding model.Rounding
		base     model.Fen
		want     string
	}{
		{model.Party, model.DuesSalaried, model.RoundFen, 510_000, "计算基数5100.00元 × 1.5%：每月76.50元"},
		{model.Party, model.DuesSalaried, model.RoundFen, 786_543, "计算基数7865.43元 × 1.5%，四舍五入到分：每月117.98元"},
		{model.Party, model.DuesSalaried, model.RoundYuanUp, 6_000_000, "计算基数60000.00元 × 2%，不足一元的进为一元，超过每月上限1000.00元，按上限计：每月1000.00元"},
		{model.Party, model.DuesFarmer, model.RoundFen, 0, "每月固定0.20元，可自愿交到1.00元"},
		{model.Party, model.DuesStudent, model.RoundFen, 0, "每月固定金额：每月0.20元"},
		{model.League, model.DuesSalaried, model.RoundFen, 549_999, "计算基数5499.99元 × 0.2%，只取整数元：每月10.00元"},
	} {
		q, err := national(t, c.track, c.category).Quote(c.base, c.rounding)
		if got := q.Explain(); err != nil || got != c.want {
			t.Errorf("got %q, %v, want %q", got, err, c.want)
		}
	}
}

// cut is the rounding over again, of an exact number of fen.
func cut(exact *big.Rat, r model.Rounding) model.Fen {
	step, half, up := big.NewRat(1, 1), big.NewRat(1, 2), false
	switch r {
	case model.RoundJiao:
		step.SetInt64(10)
	case model.RoundYuanUp:
		step.SetInt64(100)
		half, up = new(big.Rat), true
	case model.RoundYuanDown:
		step.SetInt64(100)
		half = new(big.Rat)
	}
	steps := new(big.Rat).Quo(exact, step)
	whole := new(big.Int).Div(new(big.Rat).Add(steps, half).Num(), new(big.Rat).Add(steps, half).Denom())
	if up && new(big.Rat).SetInt(whole).Cmp(steps) < 0 {
		whole.Add(whole, big.NewInt(1))
	}
	return model.Fen(new(big.Int).Mul(whole, step.Num()).Int64())
}

var roundings = []model.Rounding{model.RoundFen, model.RoundJiao, model.RoundYuanUp, model.RoundYuanDown}

// drawStandard is a table of any form that SetBrackets takes.
func drawStandard(t *rapid.T) model.Standard {
	s := model.Standard{CapFen: model.Fen(rapid.Int64Range(1, 200_000).Draw(t, "cap"))}
	if rapid.Bool().Draw(t, "own rounding") {
		s.Rounding = rapid.SampledFrom(roundings).Draw(t, "rounding of the standard")
	}
	var brackets []model.Bracket
	below := model.Fen(0)
	for i := range rapid.IntRange(1, 6).Draw(t, "brackets") {
		below += model.Fen(rapid.Int64Range(1, 1_000_000).Draw(t, "wide"))
		b := model.Bracket{ToFen: below}
		if rapid.IntRange(0, 3).Draw(t, "fixed") == 0 {
			b.AmountFen = model.Fen(rapid.Int64Range(1, int64(s.CapFen)).Draw(t, fmt.Sprint("amount ", i)))
		} else {
			b.RateBP = rapid.IntRange(1, 10_000).Draw(t, "rate")
		}
		brackets = append(brackets, b)
	}
	brackets[len(brackets)-1].ToFen = 0
	if err := s.SetBrackets(brackets); err != nil {
		t.Fatal(err)
	}
	if again, err := s.ParseBrackets(); err != nil || !slices.Equal(again, brackets) {
		t.Fatalf("the brackets are read as %v, %v", again, err)
	}
	return s
}

func TestQuoteIsTheExactSum(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		s := drawStandard(t)
		if rapid.Bool().Draw(t, "national") {
			s = rapid.SampledFrom(model.NationalStandards()).Draw(t, "standard")
		}
		base := model.Fen(rapid.OneOf(rapid.Int64Range(0, 3_000_000), rapid.Int64Range(0, int64(model.MaxBase))).Draw(t, "base"))
		rounding := rapid.SampledFrom(roundings).Draw(t, "rounding")
		q, err := s.Quote(base, rounding)
		if err != nil {
			t.Fatal(err)
		}
		if s.Rounding != "" {
			rounding = s.Rounding
		}
		brackets, _ := s.ParseBrackets()
		i := 0
		for brackets[i].ToFen != 0 && brackets[i].ToFen < base {
			i++
		}
		want := brackets[i].AmountFen
		if bp := brackets[i].RateBP; bp > 0 {
			want = cut(new(big.Rat).Mul(big.NewRat(int64(base), 1), big.NewRat(int64(bp), 10_000)), rounding)
		}
		capped := want > s.CapFen
		if want = min(want, s.CapFen); q.Amount != want || q.Capped != capped || q.Bracket != brackets[i] {
			t.Fatalf("%s of %s: %s, capped %v, by %v; want %s", s.Brackets, base, q.Amount, q.Capped, q.Bracket, want)
		}
		if text := q.Explain(); text == "" || !strings.Contains(text, q.Amount.String()) {
			t.Fatalf("it is explained as %q", text)
		}
		more, err := s.Quote(min(base+model.Fen(rapid.Int64Range(0, 1_000_000).Draw(t, "more")), model.MaxBase), rounding)
		if err != nil || more.Bracket == q.Bracket && more.Amount < q.Amount {
			t.Fatalf("%s of %s and only %s of %s, %v", q.Amount, q.Base, more.Amount, more.Base, err)
		}
	})
}

func TestBracketsThatAreRefused(t *testing.T) {
	many := make([]model.Bracket, 21)
	for i := range many[:20] {
		many[i] = model.Bracket{ToFen: model.Fen(i + 1), RateBP: 1}
	}
	many[20] = model.Bracket{RateBP: 1}
	for what, brackets := range map[string][]model.Bracket{
		"none":                     nil,
		"more than twenty":         many,
		"the last has a bound":     {{ToFen: 100, RateBP: 1}},
		"no bound in the middle":   {{RateBP: 1}, {RateBP: 2}},
		"bounds that fall":         {{ToFen: 200, RateBP: 1}, {ToFen: 100, RateBP: 1}, {RateBP: 2}},
		"the same bound twice":     {{ToFen: 200, RateBP: 1}, {ToFen: 200, RateBP: 1}, {RateBP: 2}},
		"a bound below zero":       {{ToFen: -1, RateBP: 1}, {RateBP: 2}},
		"a bound out of reach":     {{ToFen: model.MaxBase + 1, RateBP: 1}, {RateBP: 2}},
		"neither rate nor amount":  {{}},
		"rate and amount":          {{RateBP: 1, AmountFen: 1}},
		"a rate below zero":        {{RateBP: -1}},
		"more than all of it":      {{RateBP: 10_001}},
		"an amount below zero":     {{AmountFen: -1}},
		"a rate, and less than 0":  {{RateBP: 1, AmountFen: -1}},
		"an amount above the cap":  {{AmountFen: 1001}},
		"a choice above the cap":   {{AmountFen: 1, MaxFen: 1001}},
		"a choice below it":        {{AmountFen: 10, MaxFen: 9}},
		"a choice of a rate":       {{RateBP: 1, MaxFen: 9}},
		"a choice less than zero":  {{AmountFen: 10, MaxFen: -1}},
		"an amount below, in line": {{ToFen: 10, AmountFen: -5}, {RateBP: 1}},
	} {
		s := model.Standard{CapFen: 1000, Brackets: "as it was"}
		e := model.AsError(s.SetBrackets(brackets))
		if e == nil || e.Kind != model.Invalid || len(e.Fields) != 1 || e.Fields[0].Field != "brackets" || s.Brackets != "as it was" {
			t.Errorf("%s: %v, and %s", what, e, s.Brackets)
		}
	}
}

func TestNationalStandardsAreSound(t *testing.T) {
	ids, kinds := map[int64]bool{}, map[string]bool{}
	for _, s := range model.NationalStandards() {
		brackets, err := s.ParseBrackets()
		if err == nil {
			err = (&model.Standard{CapFen: s.CapFen}).SetBrackets(brackets)
		}
		kind := fmt.Sprint(s.Track, s.Category)
		if err != nil || ids[s.ID] || kinds[kind] || s.UnitID != 0 || s.Rule == "" || s.Source == "" || s.Category.Name() == "" {
			t.Errorf("%+v: %v", s, err)
		}
		ids[s.ID], kinds[kind] = true, true
	}
	if len(ids) != 13 || ids[0] {
		t.Errorf("%d national standards", len(ids))
	}
}

// TestStandardsAreDated: a new standard leaves every month before it alone, and the nearest unit wins.
func TestStandardsAreDated(t *testing.T) {
	modeltest.Each(t, func(t *testing.T, db *model.DB) {
		modeltest.Check(t, 30, func(rt *rapid.T) {
			line := foundLine(rt, db)
			var set []model.Standard
			for range rapid.IntRange(1, 5).Draw(rt, "standards") {
				n := model.Standard{
					ID: model.NewID(), UnitID: rapid.SampledFrom(line).Draw(rt, "unit").ID, Track: model.Party, Category: model.DuesStudent,
					EffectiveMonth: model.Month("2026-01").Add(rapid.IntRange(0, 6).Draw(rt, "from")), CapFen: 100, CreatedBy: "system",
				}
				if slices.ContainsFunc(set, func(s model.Standard) bool { return s.UnitID == n.UnitID && s.EffectiveMonth == n.EffectiveMonth }) {
					continue
				}
				if err := n.SetBrackets([]model.Bracket{{AmountFen: model.Fen(len(set) + 1)}}); err != nil {
					rt.Fatal(err)
				}
				before := standardsOf(rt, db, line)
				if err := db.Write(context.Background(), func(tx *gorm.DB) error { return tx.Create(&n).Error }); err != nil {
					rt.Fatal(err)
				}
				set = append(set, n)
				for where, now := range standardsOf(rt, db, line) {
					if where.month < n.EffectiveMonth && now != before[where] {
						rt.Fatalf("the standard of %s from %s on changed %v: %d, then %d", n.EffectiveMonth, n.EffectiveMonth, where, before[where], now)
					}
					if want := standardThen(line, set, where); now != want {
						rt.Fatalf("in %v it is %d, want %d", where, now, want)
					}
				}
			}
		})
	})
}

// place is a unit of the line in a month.
type place struct {
	depth int
	month model.Month
}

// foundLine founds a committee, a branch and a group below each other.
func foundLine(t *rapid.T, db *model.DB) (line []model.Unit) {
	path := ""
	for _, kind := range []model.UnitKind{model.PartyCommittee, model.PartyBranch, model.PartyGroup} {
		u := model.Unit{ID: model.NewID(), Kind: kind, Name: string(kind), ClosedOn: model.Forever}
		if len(line) > 0 {
			u.ParentID = &line[len(line)-1].ID
		}
		path = model.ChildPath(path, u.ID)
		u.Path = path
		line = append(line, u)
	}
	if err := db.Write(context.Background(), func(tx *gorm.DB) error { return tx.Create(&line).Error }); err != nil {
		t.Fatal(err)
	}
	return line
}

func standardsOf(t *rapid.T, db *model.DB, line []model.Unit) map[place]int64 {
	found := map[place]int64{}
	for depth, u := range line {
		for n := range 9 {
			month := model.Month("2025-12").Add(n)
			s, ok, err := model.FindStandard(db.Read(context.Background()), u.Path, model.Party, model.DuesStudent, month)
			if err != nil || !ok {
				t.Fatal(ok, err)
			}
			found[place{depth, month}] = s.ID
		}
	}
	return found
}

// standardThen is the oracle: from the unit up, the latest of the first that has set one by then.
func standardThen(line []model.Unit, set []model.Standard, at place) int64 {
	for depth := at.depth; depth >= 0; depth-- {
		var best model.Standard
		for _, s := range set {
			if s.UnitID == line[depth].ID && s.EffectiveMonth <= at.month && s.EffectiveMonth > best.EffectiveMonth {
				best = s
			}
		}
		if best.ID != 0 {
			return best.ID
		}
	}
	return 5 // the national one
}

func TestNoStandardBeforeTheFirst(t *testing.T) {
	modeltest.Each(t, func(t *testing.T, db *model.DB) {
		for _, c := range []struct {
			track    model.Track
			category model.DuesCategory
			month    model.Month
			ok       bool
		}{
			{model.Party, model.DuesSalaried, "2008-03", false}, {model.Party, model.DuesSalaried, "2008-04", true},
			{model.League, model.DuesSalaried, "2015-12", false}, {model.League, model.DuesSalaried, "2016-01", true},
			{model.League, model.DuesRetired, "2026-01", false}, {model.Party, "", "2026-01", false},
		} {
			if s, ok, err := model.FindStandard(db.Read(t.Context()), "", c.track, c.category, c.month); ok != c.ok || err != nil || ok && s.ID == 0 {
				t.Errorf("%v: %v, %v", c, ok, err)
			}
		}
	})
}
