package model_test

import (
	"fmt"
	"math/big"
	"testing"

	"pgregory.net/rapid"

	"zhibu/model"
)

// thresholds are those at the edges and those that do not divide anything evenly.
var thresholds = []int{1, 5000, 6667, 8500, 9000, 9999, 10000}

// eachCount calls do with every number of people due up to 400 and numbers of them exempt: every one of the first 60, and
// every seventh and the last ones of the others.
func eachCount(do func(due, exempt int)) {
	for due := range 401 {
		for exempt := range due + 1 {
			if due <= 60 || exempt%7 == 0 || due-exempt < 8 {
				do(due, exempt)
			}
		}
	}
}

// reaches is the rule of DOMAIN.md §13, in numbers that have no size and no rounding.
func reaches(completed, counted, bp int) bool {
	return counted > 0 && big.NewRat(int64(completed), int64(counted)).Cmp(big.NewRat(int64(bp), 10_000)) >= 0
}

// TestShortfall asks for as many as the threshold needs: with them it is met, with one fewer it is not, and with nobody to
// count nothing is needed and nothing is met.
func TestShortfall(t *testing.T) {
	for _, bp := range thresholds {
		eachCount(func(due, exempt int) { wantShortfall(t, model.Threshold{BP: bp}, model.Rate{Due: due, Exempt: exempt}) })
		for due := range 401 {
			wantShortfall(t, model.Threshold{BP: bp, Raw: true}, model.Rate{Due: due, Exempt: due / 3})
		}
	}
	rapid.Check(t, func(t *rapid.T) {
		due := rapid.IntRange(0, 2_000_000).Draw(t, "due")
		exempt := rapid.IntRange(0, due).Draw(t, "exempt")
		completed := rapid.IntRange(0, due-exempt).Draw(t, "completed")
		line := model.Threshold{BP: rapid.IntRange(1, 10_000).Draw(t, "threshold"), Raw: rapid.Bool().Draw(t, "raw")}
		wantShortfall(t, line, model.Rate{Due: due, Exempt: exempt, Completed: completed})
	})
}

func wantShortfall(t rapid.TB, line model.Threshold, r model.Rate) {
	counted := line.Counted(r)
	k, met := line.Shortfall(r), line.Met(r)
	switch {
	case counted == 0:
		if k != 0 || met != nil {
			t.Fatalf("%+v of %+v counts nobody: shortfall %d, met %v", line, r, k, met)
		}
		return
	case k < 0 || r.Completed+k > counted:
		t.Fatalf("%+v of %+v: shortfall %d of %d counted", line, r, k, counted)
	case *met != (k == 0) || *met != reaches(r.Completed, counted, line.BP):
		t.Fatalf("%+v of %+v: shortfall %d, met %v", line, r, k, *met)
	}
	with := r
	if with.Completed += k; !*line.Met(with) || !reaches(with.Completed, counted, line.BP) {
		t.Fatalf("%+v of %+v: %d more do not meet it", line, r, k)
	}
	if with.Completed--; k > 0 && (*line.Met(with) || reaches(with.Completed, counted, line.BP)) {
		t.Fatalf("%+v of %+v: %d more are enough, and it asks for %d", line, r, k-1, k)
	}
}

// TestEightyFive holds against 85 % what rounds to it: it decides on integers.
func TestEightyFive(t *testing.T) {
	for _, c := range []struct {
		completed, due int
		percent        string
		shortfall      int
	}{
		{17, 20, "85.00", 0}, {34, 40, "85.00", 0}, {85, 100, "85.00", 0}, {1, 1, "100.00", 0}, {6, 7, "85.71", 0}, {5, 6, "83.33", 1},
		{11, 13, "84.62", 1}, {22, 26, "84.62", 1}, {28, 33, "84.85", 1}, {33, 39, "84.62", 1}, {96, 113, "84.96", 1}, {0, 20, "0.00", 17},
	} {
		r, line := model.Rate{Due: c.due, Completed: c.completed}, model.Threshold{BP: 8500}
		if got := *r.Percent(); got != c.percent || *r.AdjustedPercent() != c.percent {
			t.Errorf("%d/%d prints %s, want %s", c.completed, c.due, got, c.percent)
		}
		if *line.Met(r) != (c.shortfall == 0) || line.Shortfall(r) != c.shortfall {
			t.Errorf("%d/%d: met %v, shortfall %d, want %d", c.completed, c.due, *line.Met(r), line.Shortfall(r), c.shortfall)
		}
	}
}

// TestNobodyToCount is neither 0 % nor 100 %, and neither met nor failed; those exempt stay in the raw rate.
func TestNobodyToCount(t *testing.T) {
	for _, line := range []model.Threshold{{BP: 8500}, {BP: 8500, Raw: true}, {BP: 1}, {BP: 10_000}} {
		var nobody model.Rate
		if nobody.Percent() != nil || nobody.AdjustedPercent() != nil || line.Met(nobody) != nil || line.Shortfall(nobody) != 0 {
			t.Errorf("%+v of nobody: %v %v %v %d", line, nobody.Percent(), nobody.AdjustedPercent(), line.Met(nobody), line.Shortfall(nobody))
		}
	}
	released := model.Rate{Due: 3, Exempt: 3}
	if released.AdjustedPercent() != nil || *released.Percent() != "0.00" || released.Missing() != 0 {
		t.Errorf("everybody exempt: adjusted %v, raw %s, missing %d", released.AdjustedPercent(), *released.Percent(), released.Missing())
	}
	if adjusted := (model.Threshold{BP: 8500}); adjusted.Met(released) != nil || adjusted.Shortfall(released) != 0 {
		t.Errorf("everybody exempt: met %v, shortfall %d", adjusted.Met(released), adjusted.Shortfall(released))
	}
	if raw := (model.Threshold{BP: 8500, Raw: true}); *raw.Met(released) || raw.Shortfall(released) != 3 {
		t.Errorf("everybody exempt, on the raw rate: met %v, shortfall %d", *raw.Met(released), raw.Shortfall(released))
	}
}

// TestDecideOn holds either rate against the threshold, as the period says.
func TestDecideOn(t *testing.T) {
	r := model.Rate{Due: 20, Exempt: 2, Completed: 16}
	for decide, want := range map[model.DecideOn]string{model.DecideOnAdjusted: "18 true 0", model.DecideOnRaw: "20 false 1"} {
		line := model.StudyPeriod{ThresholdBP: 8500, DecideOn: decide}.Threshold()
		if got := fmt.Sprint(line.Counted(r), *line.Met(r), line.Shortfall(r)); got != want {
			t.Errorf("on the %s rate: %s, want %s", decide, got, want)
		}
	}
	if *r.Percent() != "80.00" || *r.AdjustedPercent() != "88.89" || r.Missing() != 2 {
		t.Errorf("%s raw, %s adjusted, %d missing", *r.Percent(), *r.AdjustedPercent(), r.Missing())
	}
}

// TestPercentOfEveryCount compares every rate up to 400 with exact fractions.
func TestPercentOfEveryCount(t *testing.T) {
	for whole := 1; whole <= 400; whole++ {
		for part := range whole + 1 {
			wantPercent(t, part, whole)
		}
	}
	for part, want := range map[int]string{1: "0.01", 3: "0.02", 9_999: "50.00", 19_999: "100.00"} { // of 20000 each is a half
		if got := *model.Percent(part, 20_000); got != want {
			t.Errorf("%d of 20000 prints %s, want %s", part, got, want)
		}
	}
}

func wantPercent(t testing.TB, part, whole int) {
	hundredths := new(big.Rat).Mul(big.NewRat(int64(part), int64(whole)), big.NewRat(10_000, 1))
	hundredths.Add(hundredths, big.NewRat(1, 2)) // half up is to cut what is one half more
	cut := new(big.Int).Quo(hundredths.Num(), hundredths.Denom()).Int64()
	if got, want := *model.Percent(part, whole), fmt.Sprintf("%d.%02d", cut/100, cut%100); got != want {
		t.Fatalf("%d of %d prints %s, want %s", part, whole, got, want)
	}
}

// TestThresholdPercent writes a threshold without noughts that say nothing.
func TestThresholdPercent(t *testing.T) {
	for bp, want := range map[int]string{
		1: "0.01%", 10: "0.1%", 100: "1%", 105: "1.05%", 5000: "50%", 6667: "66.67%", 8500: "85%", 8550: "85.5%", 9999: "99.99%", 10_000: "100%",
	} {
		if got := (model.Threshold{BP: bp}).Percent(); got != want {
			t.Errorf("%d prints %s, want %s", bp, got, want)
		}
	}
}

// TestPlus adds heads: the rate of two branches is not the mean of their rates.
func TestPlus(t *testing.T) {
	small, large := model.Rate{Due: 2, Completed: 2, Late: 1}, model.Rate{Due: 98, Exempt: 8, Completed: 49, Late: 3}
	both := small.Plus(large)
	if want := (model.Rate{Due: 100, Exempt: 8, Completed: 51, Late: 4}); both != want {
		t.Errorf("%+v, want %+v", both, want)
	}
	if *both.Percent() != "51.00" { // the mean is 75.00
		t.Errorf("2/2 and 49/98 are %s together", *both.Percent())
	}
	if both.Minus(large) != small {
		t.Errorf("%+v less %+v is %+v", both, large, both.Minus(large))
	}
}
