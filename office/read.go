package office

import (
	"slices"
	"strings"
	"unicode"
	"unicode/utf8"

	"golang.org/x/text/unicode/norm"
)

// Field is a column to look for, by the names people give it, the usual one first. Names are compared without regard to
// width, case, spaces and punctuation; a name in the file may also go on in brackets.
type Field struct {
	Key      string
	Names    []string
	Required bool
}

// Table is the part of a page below its header.
type Table struct {
	Rows     []Row
	Heads    map[string]string // the keys that were found, as the file calls them
	Ignored  []string          // columns of the file that nobody asked for, without those that number the rows
	Date1904 bool              // for ParseMoment
}

// Row is a row with something in it. Number is what the spreadsheet program shows beside it.
type Row struct {
	Number  int
	cells   []string
	columns map[string][]int
}

// Text returns the cell of a field without space around it; empty when there is no such column, or nothing in it, or
// one of the ways of writing "nothing" (无, —, -, /). Where two columns have the field, the second fills in for the
// first.
func (r Row) Text(key string) string {
	for _, column := range r.columns[key] {
		if text := CellText((Line{Cells: r.cells}).At(column)); text != "" {
			return text
		}
	}
	return ""
}

// ReadTable reads the first visible page of an .xlsx or a text file (see ReadPage) that has all required fields, and at
// least one field, in one of its first HeaderRows rows. What stands above that row is skipped, as are rows with nothing
// in them; a cell merged downward counts in each of its rows. Totals and signatures below the table are rows like
// others. Besides those of ReadPage the refusals are ErrNoHeader, which says what columns are missing.
func ReadTable(raw []byte, fields []Field) (Table, error) {
	names := fieldNames(fields)
	var h, nearest *header
	page, err := ReadPage(raw, func(p Page) bool {
		for i, l := range p.Lines {
			if l.Number > HeaderRows {
				break
			}
			h = readHeader(i, l, names)
			if missing := h.missing(fields); len(h.columns) > 0 && len(missing) == 0 {
				return true
			} else if nearest == nil || len(missing) < len(nearest.missing(fields)) {
				nearest = h
			}
		}
		return false
	})
	if err == ErrNoHeader {
		return Table{}, missingColumns(nearest, fields)
	}
	if err != nil {
		return Table{}, err
	}
	return h.table(page, names), nil
}

func missingColumns(nearest *header, fields []Field) error {
	if nearest == nil {
		nearest = &header{}
	}
	missing := nearest.missing(fields)
	if len(missing) == 0 {
		for _, f := range fields {
			missing = append(missing, f.Names[0])
		}
		return ErrNoHeader.Saying("%s：至少要有“%s”中的一列", ErrNoHeader.Message, strings.Join(missing, "”“"))
	}
	return ErrNoHeader.Saying("%s：缺少“%s”", ErrNoHeader.Message, strings.Join(missing, "”“"))
}

// header says which columns of a page are which.
type header struct {
	at      int // the index of its line
	columns map[string][]int
	heads   map[string]string
	ignored []string
}

// rowNumbers are columns that number the rows and say nothing.
var rowNumbers = []string{"序号", "编号", "行号", "no"}

func readHeader(at int, l Line, names map[string]string) *header {
	h := &header{at: at, columns: map[string][]int{}, heads: map[string]string{}}
	h.add(l, names)
	return h
}

// add takes in the names of a line.
func (h *header) add(l Line, names map[string]string) {
	for column, cell := range l.Cells {
		name := nameKey(cell)
		if name == "" {
			continue
		}
		key, ok := names[name]
		if !ok {
			key, ok = names[nameKey(withoutBrackets(cell))]
		}
		head := strings.Join(strings.Fields(cell), "")
		switch {
		case ok:
			h.columns[key] = append(h.columns[key], column)
			if h.heads[key] == "" {
				h.heads[key] = head
			}
		case !slices.Contains(rowNumbers, name):
			h.ignored = append(h.ignored, head)
		}
	}
}

// missing returns the required fields that the header does not have.
func (h *header) missing(fields []Field) (names []string) {
	for _, f := range fields {
		if f.Required && len(h.columns[f.Key]) == 0 {
			names = append(names, f.Names[0])
		}
	}
	return names
}

// table reads what is below the header. Cells merged downward out of the header's row make it higher: what stands
// beside them are names too.
func (h *header) table(p Page, names map[string]string) Table {
	top, below := p.Lines[h.at].Number, h.at+1
	for _, m := range p.Merged {
		for m.From == top && m.To <= top+2 && below < len(p.Lines) && p.Lines[below].Number <= m.To {
			h.add(p.Lines[below], names)
			below++
		}
	}
	t := Table{Heads: h.heads, Ignored: h.ignored, Date1904: p.Date1904}
	p.fillMerged(p.Lines[below:])
	for _, l := range p.Lines[below:] {
		if slices.ContainsFunc(l.Cells, func(c string) bool { return CellText(c) != "" }) {
			t.Rows = append(t.Rows, Row{l.Number, l.Cells, h.columns})
		}
	}
	return t
}

// fillMerged writes what stands in the first of merged cells into the others.
func (p Page) fillMerged(lines []Line) {
	for _, m := range p.Merged {
		from, found := slices.BinarySearchFunc(lines, m.From, func(l Line, number int) int { return l.Number - number })
		if !found || lines[from].At(m.Column) == "" {
			continue
		}
		for i := from + 1; i < len(lines) && lines[i].Number <= m.To; i++ {
			if missing := m.Column + 1 - len(lines[i].Cells); missing > 0 {
				lines[i].Cells = append(lines[i].Cells, make([]string, missing)...)
			}
			lines[i].Cells[m.Column] = lines[from].Cells[m.Column]
		}
	}
}

// fieldNames maps the names, as they are compared, to the keys; the first field that claims a name has it.
func fieldNames(fields []Field) map[string]string {
	names := map[string]string{}
	for _, f := range fields {
		for _, name := range f.Names {
			if _, ok := names[nameKey(name)]; !ok {
				names[nameKey(name)] = f.Key
			}
		}
	}
	return names
}

// nameKey is a name as it is compared: its letters and digits.
func nameKey(name string) string {
	return strings.Map(func(r rune) rune {
		if unicode.IsLetter(r) || unicode.IsDigit(r) {
			return unicode.ToLower(r)
		}
		return -1
	}, norm.NFKC.String(name))
}

// withoutBrackets drops what is in brackets: a unit, "必填".
func withoutBrackets(name string) string {
	depth := 0
	return strings.Map(func(r rune) rune {
		switch {
		case strings.ContainsRune("([（【［〔", r):
			depth++
			return -1
		case strings.ContainsRune(")]）】］〕", r):
			depth = max(0, depth-1)
			return -1
		case depth > 0:
			return -1
		}
		return r
	}, name)
}

// CellText is what a cell says, without what is invisible, the space around it and the quote that marks it as text (see
// model.SafeCell); empty for the ways of writing "nothing".
func CellText(cell string) string {
	text := strings.TrimSpace(strings.Map(func(r rune) rune {
		if r == utf8.RuneError || unicode.Is(unicode.Cf, r) || unicode.IsControl(r) && r != '\n' && r != '\t' {
			return -1
		}
		return r
	}, cell))
	text = strings.TrimSpace(strings.TrimPrefix(text, "'"))
	if slices.Contains(nothing, text) {
		return ""
	}
	return text
}

var nothing = []string{"无", "—", "——", "-", "--", "－", "/", "／", "\\", "、", "暂无", "N/A"}
