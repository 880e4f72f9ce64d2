package model

import "strings"

// SafeCell makes a text harmless for a spreadsheet program that would run it as a formula: a quote is put before a
// first = + - @, tab or carriage return, which such programs take for "this is text".
func SafeCell(s string) string {
	if s != "" && strings.ContainsRune("=+-@\t\r", rune(s[0])) {
		return "'" + s
	}
	return s
}
