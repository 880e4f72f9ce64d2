package roster

import (
	"bytes"
	"encoding/csv"
	"fmt"

	"github.com/xuri/excelize/v2"

	"zhibu/model"
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

// csv has a byte order mark, by which spreadsheet programs know UTF-8, and no title, which other programs would trip on.
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
	fIDNumber: 21, fPhone: 14, fBranch: 24, fGroup: 14, fJobTitle: 24, fTitles: 20, fNote: 30, fNumber: 19, fBirth: 12,
	fJoined: 12, fConfirmed: 12, fStarted: 12, fName: 14,
}

const usualWidth = 10

// workbook writes the page with a title over a header that stays in view. Every cell is a text, so that no program turns
// an id number into 6.2E+17.
func (t table) workbook() ([]byte, error) {
	f := excelize.NewFile()
	defer f.Close()
	const name = "花名册"
	if err := f.SetSheetName("Sheet1", name); err != nil {
		return nil, err
	}
	styles, err := newStyles(f)
	if err != nil {
		return nil, err
	}
	w, err := f.NewStreamWriter(name)
	if err != nil {
		return nil, err
	}
	if err := t.fill(w, styles); err != nil {
		return nil, err
	}
	b, err := f.WriteToBuffer()
	if err != nil {
		return nil, err
	}
	return b.Bytes(), nil
}

func (t table) fill(w *excelize.StreamWriter, styles styles) error {
	if err := t.layout(w); err != nil {
		return err
	}
	if err := writeTexts(w, 1, []string{model.SafeCell(t.title)}, styles.title); err != nil {
		return err
	}
	last, err := excelize.CoordinatesToCellName(len(t.head), 1)
	if err != nil {
		return err
	}
	if err := w.MergeCell("A1", last); err != nil {
		return err
	}
	if err := writeTexts(w, 2, t.head, styles.head); err != nil {
		return err
	}
	for i, row := range t.rows {
		if err := writeTexts(w, i+3, row, styles.text); err != nil {
			return err
		}
	}
	return w.Flush()
}

func (t table) layout(w *excelize.StreamWriter) error {
	for i, f := range exported {
		width := columnWidths[f]
		if width == 0 {
			width = usualWidth
		}
		if err := w.SetColWidth(i+1, i+1, width); err != nil {
			return err
		}
	}
	return w.SetPanes(&excelize.Panes{Freeze: true, XSplit: 1, YSplit: 2, TopLeftCell: "B3", ActivePane: "bottomRight"})
}

func writeTexts(w *excelize.StreamWriter, row int, texts []string, style int) error {
	cells := make([]any, len(texts))
	for i, text := range texts {
		if text != "" {
			cells[i] = excelize.Cell{StyleID: style, Value: text}
		}
	}
	return w.SetRow(fmt.Sprintf("A%d", row), cells)
}

type styles struct{ title, head, text int }

func newStyles(f *excelize.File) (s styles, err error) {
	const asText = 49 // the number format "@"
	center := &excelize.Alignment{Horizontal: "center", Vertical: "center", WrapText: true}
	for _, style := range []struct {
		id *int
		is excelize.Style
	}{
		{&s.title, excelize.Style{Font: &excelize.Font{Bold: true, Size: 14}, Alignment: &excelize.Alignment{Horizontal: "center"}}},
		{&s.head, excelize.Style{Font: &excelize.Font{Bold: true}, Alignment: center, NumFmt: asText}},
		{&s.text, excelize.Style{NumFmt: asText}},
	} {
		if *style.id, err = f.NewStyle(&style.is); err != nil {
			return s, err
		}
	}
	return s, nil
}
