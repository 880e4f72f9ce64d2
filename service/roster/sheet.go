package roster

import (
	"io"
	"regexp"

	"zhibu/office"
)

const (
	maxRows    = office.MaxRows
	headerRows = office.HeaderRows
)

// The refusals of a file that is not a roster at all.
var (
	ErrFileUnreadable = office.ErrUnreadable
	ErrFileTooLarge   = office.ErrTooLarge
	ErrTooManyRows    = office.ErrTooManyRows.Saying("行数太多：一次最多导入 20000 人，请分批导入")
	ErrHeaderNotFound = office.ErrNoHeader.Saying("前 20 行里没有找到表头：至少要有“姓名”和另外一列，如“身份证号”“手机号”")
)

// line is a row with something in it; number is what the spreadsheet program shows beside it.
type line struct {
	number int
	cells  []string
}

func (l line) at(column int) string { return office.Line{Cells: l.cells}.At(column) }

// sheet is one page of a file.
type sheet struct {
	lines    []line
	date1904 bool
	merged   []span                     // cells merged downward
	typed    func(row, column int) bool // whether the cell was typed as text, where the file tells
}

// span is a run of merged rows in one column, counted as a spreadsheet shows them, the column from 0.
type span struct{ column, from, to int }

var halfYear = regexp.MustCompile(`^(19|20)[0-9]{2}\.10*$`) // 1981.1: January typed, or October as a number

// readFile returns the first page with a header, and the header.
func readFile(content io.Reader) (s sheet, h header, err error) {
	raw, err := office.Load(content)
	if err != nil {
		return s, h, err
	}
	page, err := office.ReadPage(raw, func(p office.Page) (found bool) {
		s.lines = make([]line, len(p.Lines))
		for i, l := range p.Lines {
			s.lines[i] = line{l.Number, l.Cells}
		}
		h, found = findHeader(s.lines)
		return found
	})
	switch err {
	case nil:
	case office.ErrNoHeader:
		return s, h, ErrHeaderNotFound
	case office.ErrTooManyRows:
		return s, h, ErrTooManyRows
	default:
		return s, h, err
	}
	s.date1904 = page.Date1904
	for _, m := range page.Merged {
		s.merged = append(s.merged, span{m.Column, m.From, m.To})
	}
	s.typed, err = page.Typed(halfYear.MatchString)
	return s, h, err
}
