package model

import "fmt"

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
