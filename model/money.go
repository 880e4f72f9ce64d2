package model

import (
	"fmt"
	"strconv"
)

// Fen is an amount of money in fen (分), a hundredth of a yuan.
type Fen int64

// String is the amount in yuan as it is printed: 1234.50.
func (f Fen) String() string {
	sign := ""
	if f < 0 {
		sign, f = "-", -f
	}
	return sign + strconv.FormatInt(int64(f/100), 10) + "." + fmt.Sprintf("%02d", int64(f%100))
}

// Yuan is the amount as a number for a spreadsheet, which shows two decimals.
func (f Fen) Yuan() float64 { return float64(f) / 100 }
