package office

import (
	"fmt"
	"strings"
	"unicode/utf16"

	"github.com/xuri/excelize/v2"
)

type styles struct {
	title, plain, header int
	cell                 map[Format]map[bool]int // of a total or not
}

func newStyles(f *excelize.File) (s styles, err error) {
	const font = "宋体" // on every office machine; without a name, programs choose different ones
	var thin []excelize.Border
	for _, side := range []string{"left", "right", "top", "bottom"} {
		thin = append(thin, excelize.Border{Type: side, Style: 1, Color: "999999"})
	}
	plain, bold := &excelize.Font{Family: font, Size: 11}, &excelize.Font{Family: font, Size: 11, Bold: true}
	shade := excelize.Fill{Type: "pattern", Pattern: 1, Color: []string{"F2F2F2"}}
	center := &excelize.Alignment{Horizontal: "center", Vertical: "center", WrapText: true}
	add := func(style excelize.Style) (id int) {
		if err == nil {
			id, err = f.NewStyle(&style)
		}
		return id
	}
	s.title = add(excelize.Style{
		Font: &excelize.Font{Family: font, Bold: true, Size: 16}, Alignment: &excelize.Alignment{Horizontal: "center"},
	})
	s.plain = add(excelize.Style{Font: plain, Alignment: &excelize.Alignment{Horizontal: "left"}})
	s.header = add(excelize.Style{Font: bold, Border: thin, Alignment: center, Fill: shade})
	s.cell = map[Format]map[bool]int{}
	// The numbers are those of the formats "@", "0" and "0.00".
	for format, number := range map[Format]int{Text: 49, Number: 1, Percent2: 2} {
		style := excelize.Style{Font: plain, NumFmt: number, Border: thin, Alignment: center}
		if format == Text {
			style.Alignment = &excelize.Alignment{Vertical: "center", WrapText: true}
		}
		s.cell[format] = map[bool]int{false: add(style)}
		style.Font, style.Fill = bold, shade
		s.cell[format][true] = add(style)
	}
	return s, err
}

// sheetNames makes the names what pages may be called: up to 31 units long, without some characters, each only once.
func sheetNames(sheets []Sheet) []string {
	taken := map[string]bool{}
	names := make([]string, len(sheets))
	for i, s := range sheets {
		base := strings.Trim(strings.Map(func(r rune) rune {
			if r < ' ' || strings.ContainsRune(`[]:*?/\`, r) {
				return -1
			}
			return r
		}, strings.ToValidUTF8(s.Name, "")), "' ")
		if base == "" {
			base = "表"
		}
		names[i] = cut(base, 31)
		for n := 2; taken[strings.ToLower(names[i])]; n++ {
			suffix := fmt.Sprintf("(%d)", n)
			names[i] = cut(base, 31-len(suffix)) + suffix
		}
		taken[strings.ToLower(names[i])] = true
	}
	return names
}

// cut keeps the first so many UTF-16 units, by which spreadsheet programs count.
func cut(s string, units int) string {
	for i, r := range s {
		if units -= utf16.RuneLen(r); units < 0 {
			return strings.TrimRight(s[:i], "' ")
		}
	}
	return s
}

// quoted is the name of a page as formulas have it.
func quoted(name string) string { return "'" + strings.ReplaceAll(name, "'", "''") + "'" }
