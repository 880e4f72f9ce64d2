package model

import "fmt"

// Rate is how many of those due in a study period completed it (参学率). Completed, Exempt and the rest of Due share
// nobody: Exempt counts only who was released and did not complete. Late is beside the rate: completed after the close.
type Rate struct{ Due, Exempt, Completed, Late int }

// Plus is the rate of two units together: heads are added, rates never averaged (DOMAIN.md §12).
func (r Rate) Plus(o Rate) Rate {
	return Rate{r.Due + o.Due, r.Exempt + o.Exempt, r.Completed + o.Completed, r.Late + o.Late}
}

// Minus is what is left of the rate without o.
func (r Rate) Minus(o Rate) Rate {
	return Rate{r.Due - o.Due, r.Exempt - o.Exempt, r.Completed - o.Completed, r.Late - o.Late}
}

// AdjustedDue is who is due without those released.
func (r Rate) AdjustedDue() int { return r.Due - r.Exempt }

// Missing is who has neither completed nor been released.
func (r Rate) Missing() int { return r.Due - r.Exempt - r.Completed }

// Percent is the raw rate, AdjustedPercent the one without those released; nil with nobody left to count.
func (r Rate) Percent() *string         { return Percent(r.Completed, r.Due) }
func (r Rate) AdjustedPercent() *string { return Percent(r.Completed, r.AdjustedDue()) }

// Threshold is what a rate is held against (达标线).
type Threshold struct {
	BP  int  // basis points, 1 to 10000
	Raw bool // on the raw rate; else on the adjusted one (setting participation.decide_on)
}

// Counted is how many heads the threshold is taken of.
func (t Threshold) Counted(r Rate) int {
	if t.Raw {
		return r.Due
	}
	return r.AdjustedDue()
}

// PercentOf is the rate that is held against the threshold; nil with nobody to count.
func (t Threshold) PercentOf(r Rate) *string { return Percent(r.Completed, t.Counted(r)) }

// Met reports whether the rate reaches the threshold, itself included (Civil Code Art. 1259), on integers; nil with
// nobody to count, which is neither.
func (t Threshold) Met(r Rate) *bool {
	counted := t.Counted(r)
	if counted == 0 {
		return nil
	}
	return new(10000*int64(r.Completed) >= int64(t.BP)*int64(counted))
}

// Shortfall is how many more have to complete until the threshold is met.
func (t Threshold) Shortfall(r Rate) int {
	needed := (int64(t.BP)*int64(t.Counted(r)) + 9999) / 10000
	return int(max(0, needed-int64(r.Completed)))
}

// Percent is the threshold as it is written: "85%", "66.67%".
func (t Threshold) Percent() string {
	switch {
	case t.BP%100 == 0:
		return fmt.Sprintf("%d%%", t.BP/100)
	case t.BP%10 == 0:
		return fmt.Sprintf("%d.%d%%", t.BP/100, t.BP%100/10)
	}
	return fmt.Sprintf("%d.%02d%%", t.BP/100, t.BP%100)
}

// Percent prints part of whole with two decimals, half up, from integers: "84.62". It is nil with nobody due, which is
// neither 0 % nor 100 % (DOMAIN.md §13).
func Percent(part, whole int) *string {
	if whole == 0 {
		return nil
	}
	hundredths := (20000*int64(part) + int64(whole)) / (2 * int64(whole))
	s := fmt.Sprintf("%d.%02d", hundredths/100, hundredths%100)
	return &s
}
