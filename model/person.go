package model

import (
	"regexp"
	"strings"
	"unicode"

	"golang.org/x/text/unicode/norm"
)

// NameKey is the form in which names are compared: NFC, without any space, one kind of middle dot, lower case.
// "张　三" equals "张三", "阿依古丽•买买提" equals "阿依古丽·买买提". What is printed is the name as given.
func NameKey(name string) string {
	return strings.Map(func(r rune) rune {
		switch r {
		case '•', '‧', '∙', '・', '･', '⋅', '．', '.':
			return '·'
		}
		if unicode.IsSpace(r) || unicode.Is(unicode.Cf, r) {
			return -1
		}
		return unicode.ToLower(r)
	}, norm.NFC.String(name))
}

// CleanName is a name as it is kept: NFC, without spaces around it, full-width spaces or invisible characters.
// Single spaces inside a Latin name stay.
func CleanName(name string) string {
	visible := strings.Map(func(r rune) rune {
		if unicode.Is(unicode.Cf, r) {
			return -1
		}
		return r
	}, norm.NFC.String(name))
	var b strings.Builder
	var before rune
	for _, word := range strings.Fields(visible) {
		if first := []rune(word)[0]; b.Len() > 0 && first < 0x250 && before < 0x250 {
			b.WriteByte(' ')
		}
		b.WriteString(word)
		runes := []rune(word)
		before = runes[len(runes)-1]
	}
	return b.String()
}

// CleanLine is one line of free text as it is kept: NFC, without control and invisible characters, single spaces.
func CleanLine(s string) string {
	visible := strings.Map(func(r rune) rune {
		switch {
		case unicode.IsSpace(r):
			return ' '
		case unicode.IsControl(r), unicode.Is(unicode.Cf, r), r == unicode.ReplacementChar:
			return -1
		}
		return r
	}, norm.NFC.String(s))
	return strings.Join(strings.Fields(visible), " ")
}

var (
	mobilePattern   = regexp.MustCompile(`^1[3-9][0-9]{9}$`)
	landlinePattern = regexp.MustCompile(`^0[1-9][0-9]{1,2}[2-9][0-9]{6,7}$`)
	idPattern       = regexp.MustCompile(`^[1-9][0-9]{16}[0-9X]$`)
)

// CleanPhone returns the digits of a mobile or landline number of mainland China, without +86, spaces and dashes;
// ok is false when it is neither.
func CleanPhone(s string) (phone string, ok bool) {
	s = strings.Map(func(r rune) rune {
		if unicode.IsSpace(r) || strings.ContainsRune("-－—()（）", r) {
			return -1
		}
		return r
	}, norm.NFKC.String(s))
	for _, prefix := range []string{"+86", "0086"} {
		s = strings.TrimPrefix(s, prefix)
	}
	if len(s) == 13 {
		s = strings.TrimPrefix(s, "86")
	}
	return s, mobilePattern.MatchString(s) || landlinePattern.MatchString(s)
}

// CleanIDNumber returns an 18-digit citizen number with a capital X; ok is false when the pattern, the date in it
// or the check digit (GB 11643-1999) is wrong.
func CleanIDNumber(s string) (number string, ok bool) {
	number = strings.ToUpper(strings.Join(strings.Fields(norm.NFKC.String(s)), ""))
	if !idPattern.MatchString(number) {
		return number, false
	}
	if _, err := ParseDate(string(BirthDateOf(number))); err != nil {
		return number, false
	}
	sum := 0
	for i, weight := range []int{7, 9, 10, 5, 8, 4, 2, 1, 6, 3, 7, 9, 10, 5, 8, 4, 2} {
		sum += int(number[i]-'0') * weight
	}
	return number, number[17] == "10X98765432"[sum%11]
}

// BirthDateOf reads the birth date out of an 18-digit citizen number.
func BirthDateOf(number string) Date {
	return Date(number[6:10] + "-" + number[10:12] + "-" + number[12:14])
}

// GenderOf reads the gender out of an 18-digit citizen number: "male" or "female".
func GenderOf(number string) string {
	if (number[16]-'0')%2 == 1 {
		return "male"
	}
	return "female"
}

// MaskPhone keeps the first three and last four digits: 138****1234.
func MaskPhone(phone string) string {
	if len(phone) < 8 {
		return strings.Repeat("*", len(phone))
	}
	return phone[:3] + strings.Repeat("*", len(phone)-7) + phone[len(phone)-4:]
}

// MaskIDNumber keeps the first three and last four characters: 620***********1234.
func MaskIDNumber(number string) string { return MaskPhone(number) }
