package push

import (
	"regexp"
	"slices"
	"strings"
	"time"
	"unicode"
	"unicode/utf16"

	"zhibu/model"
)

// What a field holds when nothing of its value fits it: every key of a template must be there, and not empty.
const (
	noThing  = "无"
	noNumber = "0"
	noLetter = "NA"
	noText   = "-"         // also of a symbol
	noTime   = "00:00"     // midnight sharp is nobody's appointment
	noDate   = "1970年1月1日" // nobody's day either
	noAmount = "0.00元"
	noPhone  = "0" // a digit, lest symbols alone are no number
	noName   = "同志"
	noPhrase = "通知"
)

// fit returns the value in the form that the type of the field demands (参数值内容限制), so that the platform does not
// refuse the message (47003); fitting it again changes nothing. What is too long is cut where that leaves a true value,
// with a sign of it where the type has one; a number, an amount or a telephone number is whole or the fallback of its type.
//
// A time is given as RFC 3339, a day as YYYY-MM-DD; both also as the platform writes them. Lengths are counted in UTF-16
// units: the platform does not say in what it counts, and no other count (characters, clusters) is larger.
func fit(f model.PushField, value string) string {
	value = cleanLine(value)
	switch f.Type {
	case model.FieldNumber:
		return fitNumber(value)
	case model.FieldLetter:
		return fitLetter(value)
	case model.FieldSymbol:
		return fitSymbol(value)
	case model.FieldCharacterString:
		return fitText(value)
	case model.FieldTime:
		return fitTimes(value, fitTime, noTime)
	case model.FieldDate:
		return fitTimes(value, fitDate, noDate)
	case model.FieldAmount:
		return fitAmount(value)
	case model.FieldPhoneNumber:
		return fitPhone(value)
	case model.FieldCarNumber:
		return fitPlate(value)
	case model.FieldName:
		return fitName(value)
	case model.FieldPhrase:
		return cut(keep(value, isChinese), 5, "", noPhrase)
	case model.FieldEnum:
		if slices.Contains(f.Enum, value) {
			return value
		}
		if len(f.Enum) > 0 {
			return f.Enum[0]
		}
	}
	return cut(value, 20, "…", noThing) // thing; and a type of tomorrow most likely takes what a thing takes
}

// cleanLine is model.CleanLine without characters that nobody sees: unassigned, private, or a mark with nothing below it.
func cleanLine(s string) string {
	s = strings.Map(func(r rune) rune {
		switch {
		case unicode.IsSpace(r):
			return ' '
		case unicode.IsGraphic(r) && r != unicode.ReplacementChar:
			return r
		}
		return -1
	}, s)
	return strings.TrimLeftFunc(model.CleanLine(s), func(r rune) bool { return r == ' ' || unicode.IsMark(r) })
}

// cut shortens the value to the limit at the end of a cluster, the sign of it included.
func cut(value string, limit int, sign, fallback string) string {
	if value == "" {
		return fallback
	}
	if units(value) <= limit {
		return value
	}
	end, room := 0, limit-units(sign)
	for _, next := range clusterEnds(value) {
		if units(value[:next]) > room {
			break
		}
		end = next
	}
	if kept := strings.TrimRight(value[:end], " "); kept != "" {
		return kept + sign
	}
	return fallback // one character below a heap of marks
}

// units is the length in UTF-16 units: a rare character or an emoji has two.
func units(s string) (n int) {
	for _, r := range s {
		n += utf16.RuneLen(r)
	}
	return n
}

// clusterEnds are the offsets behind what a reader takes for one character: a letter with its marks, an emoji with its
// selector or colour, a flag. Joiners are gone by now.
func clusterEnds(s string) (ends []int) {
	flag := false // the first half of a flag is open
	for i, r := range s {
		half := r >= 0x1F1E6 && r <= 0x1F1FF
		if joins := unicode.IsMark(r) || r >= 0x1F3FB && r <= 0x1F3FF || half && flag; i > 0 && !joins {
			ends = append(ends, i)
		}
		flag = half && !flag
	}
	return append(ends, len(s))
}

func keep(s string, allowed func(rune) bool) string {
	return strings.Map(func(r rune) rune {
		if allowed(r) {
			return r
		}
		return -1
	}, s)
}

// isChinese leaves out 々, 〇 and radicals, which are of the script but may not be of the platform's range.
func isChinese(r rune) bool { return unicode.Is(unicode.Han, r) && unicode.Is(unicode.Lo, r) }

func isASCIILetter(r rune) bool  { return r >= 'a' && r <= 'z' || r >= 'A' && r <= 'Z' }
func isVisibleASCII(r rune) bool { return r > ' ' && r < 0x7f }

// narrow turns full-width letters, digits and symbols into ASCII.
func narrow(s string) string {
	return strings.Map(func(r rune) rune {
		switch {
		case r >= '！' && r <= '～':
			return r - '！' + '!'
		case r == '−':
			return '-'
		}
		return r
	}, s)
}

func fitLetter(value string) string { return cut(keep(narrow(value), isASCIILetter), 32, "", noLetter) }

func fitSymbol(value string) string {
	return cut(keep(narrow(value), func(r rune) bool {
		return isVisibleASCII(r) && (unicode.IsPunct(r) || unicode.IsSymbol(r))
	}), 5, "", noText)
}

// fitText joins words by "_", as a space is neither digit, letter nor symbol.
func fitText(value string) string {
	value = keep(narrow(value), func(r rune) bool { return r == ' ' || isVisibleASCII(r) })
	return cut(strings.Join(strings.Fields(value), "_"), 32, "...", noText)
}

var (
	numberPattern = regexp.MustCompile(`(-?)([0-9]{1,3}(?:,[0-9]{3})+\b|[0-9]+)(\.[0-9]+)?`)
	amountPattern = regexp.MustCompile(`(-?)([¥￥$€£]?) ?(-?)([0-9]{1,3}(?:,[0-9]{3})+\b|[0-9]+)(\.[0-9]{1,2})?[0-9]* ?(元?)`)
	phonePattern  = regexp.MustCompile(`\+?[0-9(][0-9()-]*`)
	platePattern  = regexp.MustCompile(`^[\p{Han}A-Z0-9][A-Z0-9]*[\p{Han}A-Z0-9]?$`)
)

// fitNumber takes the first number of the value; decimals go where there is no room for them.
func fitNumber(value string) string {
	m := numberPattern.FindStringSubmatch(narrow(value))
	if m == nil || m[1] != "" {
		return noNumber
	}
	whole := strings.ReplaceAll(m[2], ",", "")
	if len(whole) > 32 {
		return noNumber
	}
	number := whole + m[3]
	return strings.TrimRight(number[:min(32, len(number))], ".")
}

// fitAmount takes the first amount of the value, at most ten digits with its decimals, and says what it is in.
func fitAmount(value string) string {
	m := amountPattern.FindStringSubmatch(narrow(value))
	if m == nil || m[1]+m[3] != "" { // nobody owes less than nothing
		return noAmount
	}
	currency, number, yuan := m[2], strings.ReplaceAll(m[4], ",", "")+m[5], m[6]
	if len(strings.Replace(number, ".", "", 1)) > 10 {
		return noAmount
	}
	if currency == "" {
		yuan = "元"
	}
	return currency + number + yuan
}

// fitPhone takes the first number of the value, without an extension.
func fitPhone(value string) string {
	number := strings.TrimRight(phonePattern.FindString(strings.ReplaceAll(narrow(value), " ", "")), "(-")
	if number == "" || len(number) > 17 {
		return noPhone
	}
	return number
}

// fitPlate is a plate as it is registered: 甘A·12345 is 甘A12345.
func fitPlate(value string) string {
	plate := strings.ToUpper(keep(narrow(value), func(r rune) bool {
		return isChinese(r) || isASCIILetter(r) || r >= '0' && r <= '9'
	}))
	if !platePattern.MatchString(plate) || units(plate) > 8 {
		return noThing
	}
	return plate
}

// fitName cuts without a sign: "…" is in nobody's name.
func fitName(value string) string {
	const ends = "· .-'"
	name := strings.Map(func(r rune) rune {
		switch {
		case strings.ContainsRune("•‧∙・･⋅", r):
			return '·'
		case isChinese(r) || isASCIILetter(r) || strings.ContainsRune(ends, r):
			return r
		}
		return -1
	}, narrow(value))
	name = strings.Trim(strings.Join(strings.Fields(name), " "), ends)
	limit := 20
	if len(name) > units(name) { // not ASCII alone
		limit = 10
	}
	return strings.TrimRight(cut(name, limit, "", noName), ends)
}

// fitTimes fits a moment, or two with "~" between them; of two it keeps what can be read from the first on.
func fitTimes(value string, one func(string) string, fallback string) string {
	from, to, _ := strings.Cut(narrow(value), "~")
	from, to = one(strings.TrimSpace(from)), one(strings.TrimSpace(to))
	switch {
	case from == "":
		return fallback
	case to == "":
		return from
	}
	return from + "~" + to
}

const (
	dayLayout    = "2006年1月2日"
	clockLayout  = "15:04"
	momentLayout = dayLayout + " " + clockLayout
)

func fitTime(value string) string {
	if t, err := time.Parse(clockLayout, value); err == nil {
		return t.Format(clockLayout)
	}
	if t, ok := readMoment(value); ok {
		return t.Format(momentLayout)
	}
	return ""
}

// fitDate leaves midnight out: it is what a day without a time becomes.
func fitDate(value string) string {
	t, ok := readMoment(value)
	if !ok {
		return ""
	}
	return strings.TrimSuffix(t.Format(momentLayout), " 00:00")
}

// readMoment reads a moment or a day; only RFC 3339 has a zone, and becomes what the clocks show here.
func readMoment(value string) (time.Time, bool) {
	if t, err := time.Parse(time.RFC3339, value); err == nil {
		t = t.In(model.Shanghai)
		return t, readable(t)
	}
	for _, layout := range []string{momentLayout, dayLayout, "2006-1-2 15:04", time.DateTime, "2006-1-2", "2006/1/2", "2006.1.2"} {
		if t, err := time.Parse(layout, value); err == nil {
			return t, readable(t)
		}
	}
	return time.Time{}, false
}

func readable(t time.Time) bool { return t.Year() >= 1900 && t.Year() < 3000 }
