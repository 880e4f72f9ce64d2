package roster

import (
	"bytes"
	"encoding/csv"

	"zhibu/office"
)

// table is a page to be written.
type table struct {
	title string
	head  []string
	rows  [][]string
}

func (t table) write(format Format) ([]byte, error) {
	if format == CSV {
		return t.csv()
	}
	return t.workbook()
}

// csv has a byte order mark, by which spreadsheet programs know UTF-8, and no title, which other programs would trip
// on.
func (t table) csv() ([]byte, error) {
	var b bytes.Buffer
	b.WriteString("\ufeff")
	w := csv.NewWriter(&b)
	w.UseCRLF = true
	if err := w.Write(t.head); err != nil {
		return nil, err
	}
	if err := w.WriteAll(t.rows); err != nil {
		return nil, err
	}
	return b.Bytes(), nil
}

// columnWidths are the widths that differ from the usual one.
var columnWidths = map[field]float64{
	fIDNumber: 21, fPhone: 14, fBranch: 24, fGroup: 14, fJobTitle: 24, fTitles: 20, fNote: 30, fNumber: 21, fBirth: 12,
	fJoined: 12, fConfirmed: 12, fStarted: 12, fName: 14,
}

// workbook has only texts, so that no program turns an id number into 6.2E+17.
func (t table) workbook() ([]byte, error) {
	s := office.Sheet{Name: "花名册", Head: []string{t.title}, FreezeColumns: 1}
	for i, f := range exported {
		s.Columns = append(s.Columns, office.Column{Name: t.head[i], Width: columnWidths[f]})
	}
	for _, row := range t.rows {
		cells := make([]any, len(row))
		for i, text := range row {
			cells[i] = text
		}
		s.Rows = append(s.Rows, cells)
	}
	return office.Workbook(s)
}
