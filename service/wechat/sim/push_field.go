package sim

import (
	"regexp"
	"slices"
	"strings"
	"unicode"
	"unicode/utf8"
)

// The platform's rules for what a field may hold (参数值内容限制). Ranges of times are joined by ~.
const (
	clockPattern = `([01]?\d|2[0-3]):[0-5]\d(:[0-5]\d)?`
	dayPattern   = `\d{4}年(0?[1-9]|1[0-2])月(0?[1-9]|[12]\d|3[01])日`
	plainDay     = `\d{4}[-/.](0?[1-9]|1[0-2])[-/.](0?[1-9]|[12]\d|3[01])`
	oneTime      = `(` + dayPattern + ` )?` + clockPattern
	oneDate      = `(` + dayPattern + `|` + plainDay + `)( ` + clockPattern + `)?`
)

var (
	timeField      = regexp.MustCompile(`^` + oneTime + `(~` + oneTime + `)?$`)
	dateField      = regexp.MustCompile(`^` + oneDate + `(~` + oneDate + `)?$`)
	numberField    = regexp.MustCompile(`^-?\d+(\.\d+)?$`)
	letterField    = regexp.MustCompile(`^[A-Za-z]{1,32}$`)
	characterField = regexp.MustCompile(`^[!-~]{1,32}$`)
	amountField    = regexp.MustCompile(`^[¥￥$€£]?\d{1,10}(\.\d+)?元?$`)
	phoneField     = regexp.MustCompile(`^[0-9+\-()*#]{1,17}$`)
	carField       = regexp.MustCompile(`^[\p{Han}A-Za-z0-9]([A-Za-z0-9]{0,6}[\p{Han}A-Za-z0-9])?$`)
	phraseField    = regexp.MustCompile(`^\p{Han}{1,5}$`)
)

// fieldRules are the rules by type.
func fieldRules() map[string]func(string) bool {
	return map[string]func(string) bool{
		"thing":            func(s string) bool { return utf8.RuneCountInString(s) <= 20 },
		"number":           func(s string) bool { return numberField.MatchString(s) && digitsIn(s) <= 32 },
		"letter":           letterField.MatchString,
		"symbol":           func(s string) bool { return utf8.RuneCountInString(s) <= 5 && each(s, isSymbol) },
		"character_string": characterField.MatchString,
		"time":             timeField.MatchString,
		"date":             dateField.MatchString,
		"amount":           amountField.MatchString,
		"phone_number":     phoneField.MatchString,
		"car_number":       carField.MatchString,
		"name":             isName,
		"phrase":           phraseField.MatchString,
	}
}

// rule is what the field may hold: something, without control characters, that its type allows.
func (f Field) rule(rules map[string]func(string) bool) func(string) bool {
	own := rules[strings.TrimRight(f.Key, "0123456789")]
	switch {
	case f.Enum != nil:
		own = func(s string) bool { return slices.Contains(f.Enum, s) }
	case own == nil:
		own = func(string) bool { return true }
	}
	return func(s string) bool { return strings.TrimSpace(s) != "" && each(s, isPrintable) && own(s) }
}

func isPrintable(r rune) bool { return r != utf8.RuneError && !unicode.IsControl(r) }

func isSymbol(r rune) bool { return unicode.IsPunct(r) || unicode.IsSymbol(r) }

// isName: ten characters, or twenty when none of them is Chinese; no digits.
func isName(s string) bool {
	limit := 20
	if strings.ContainsFunc(s, isHan) {
		limit = 10
	}
	return utf8.RuneCountInString(s) <= limit && !strings.ContainsFunc(s, unicode.IsDigit)
}

func isHan(r rune) bool { return unicode.Is(unicode.Han, r) }

func each(s string, ok func(rune) bool) bool {
	return !strings.ContainsFunc(s, func(r rune) bool { return !ok(r) })
}

func digitsIn(s string) int {
	n := 0
	for _, r := range s {
		if unicode.IsDigit(r) {
			n++
		}
	}
	return n
}
