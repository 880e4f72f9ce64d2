package office

import (
	"cmp"
	"fmt"
	"math"
	"strings"

	"github.com/xuri/excelize/v2"

	"zhibu/model"
)

// Format is how the cells of a column are shown.
type Format int

// The formats: a text (an id number stays what it is), a whole number, and a number with two decimals (84.62).
const (
	Text Format = iota
	Number
	Percent2
)

// Column is a column of a sheet; without a width it has the usual one.
type Column struct {
	Name   string
	Width  float64
	Format Format
}

// Sheet is one page of a workbook: lines across all columns, of which the first is the title, then the header, then the
// rows. A cell is a string, a number (int, int64, float64), a Sum in a row of totals, or nil for nothing; NaN is nothing
// too. Strings that a spreadsheet program would run are made harmless.
type Sheet struct {
	Name          string // made what a page may be called, and unlike the others
	Head          []string
	Columns       []Column
	Rows          [][]any
	Totals        int // so many of the last rows are totals
	FreezeColumns int // stay in view beside the header, which always does
	Chart         *SheetChart
}

// Sum is the total of the rows above that are no totals, as it is shown before the program adds up by itself.
type Sum float64

// The widths in letters of a column and of a page on which they can be read.
const (
	usualWidth = 10.0
	readable   = 180.0
)

// Workbook writes an .xlsx, to be printed on A4 across with the header on every page. It fails on a cell of another
// type.
func Workbook(sheets ...Sheet) ([]byte, error) {
	f := excelize.NewFile()
	defer f.Close()
	styles, err := newStyles(f)
	if err != nil {
		return nil, err
	}
	names := sheetNames(sheets)
	for i, s := range sheets {
		s.Name = names[i]
		if i == 0 {
			err = f.SetSheetName("Sheet1", s.Name)
		} else {
			_, err = f.NewSheet(s.Name)
		}
		if err != nil {
			return nil, err
		}
		if err := s.write(f, styles); err != nil {
			return nil, err
		}
	}
	b, err := f.WriteToBuffer()
	if err != nil {
		return nil, err
	}
	return b.Bytes(), nil
}

// write streams the page. What belongs to the page as a whole must be said before, as the stream takes it along.
func (s Sheet) write(f *excelize.File, styles styles) error {
	if err := s.print(f); err != nil {
		return err
	}
	if err := s.addChart(f); err != nil {
		return err
	}
	w, err := f.NewStreamWriter(s.Name)
	if err != nil {
		return err
	}
	if err := s.layout(w); err != nil {
		return err
	}
	if err := s.writeHead(w, styles); err != nil {
		return err
	}
	for i, row := range s.Rows {
		cells := make([]any, len(s.Columns))
		for j := range cells {
			cell := excelize.Cell{StyleID: styles.cell[s.Columns[j].Format][i >= len(s.Rows)-s.Totals]}
			if j < len(row) {
				if cell.Value, err = cellValue(row[j]); err != nil {
					return err
				}
				if _, ok := row[j].(Sum); ok {
					cell.Formula = s.sum(j + 1)
				}
			}
			cells[j] = cell
		}
		at, high := fmt.Sprintf("A%d", s.header()+1+i), excelize.RowOpts{Height: s.height(row)}
		if err := w.SetRow(at, cells, high); err != nil {
			return err
		}
	}
	return w.Flush()
}

// sum is the formula that adds up the column; it has no rows to add when all are totals.
func (s Sheet) sum(column int) string {
	rows := len(s.Rows) - s.Totals
	name, err := excelize.ColumnNumberToName(column)
	if err != nil || rows < 1 {
		return ""
	}
	return fmt.Sprintf("SUM(%s%d:%s%d)", name, s.header()+1, name, s.header()+rows)
}

// header is the row of the header as the spreadsheet program shows it.
func (s Sheet) header() int { return len(s.Head) + 1 }

// height is that of a row whose texts need several lines, which not every program makes room for; 0 is the usual one.
func (s Sheet) height(row []any) float64 {
	const aLine, most = 15, 409
	lines := 1
	for i, c := range s.Columns[:min(len(s.Columns), len(row))] {
		if text, ok := row[i].(string); ok {
			n := 0
			for line := range strings.Lines(text) {
				n += 1 + textUnits(line)/max(1, int(cmp.Or(c.Width, usualWidth)))
			}
			lines = max(lines, n)
		}
	}
	if lines == 1 {
		return 0
	}
	return float64(min(lines*aLine, most))
}

// print makes the page as wide as one sheet of A4 across, or as several where the letters would get too small, and
// repeats what stays in view.
func (s Sheet) print(f *excelize.File) error {
	const a4 = 9
	if err := f.SetSheetProps(s.Name, &excelize.SheetPropsOptions{FitToPage: new(true)}); err != nil {
		return err
	}
	width := 0.0
	for _, c := range s.Columns {
		width += cmp.Or(c.Width, usualWidth)
	}
	err := f.SetPageLayout(s.Name, &excelize.PageLayoutOptions{
		Size: new(a4), Orientation: new("landscape"), FitToWidth: new(1 + int(width/readable)), FitToHeight: new(0),
	})
	if err != nil {
		return err
	}
	repeated := fmt.Sprintf("%s!$%d:$%d", quoted(s.Name), s.header(), s.header())
	if s.FreezeColumns > 0 {
		last, err := excelize.ColumnNumberToName(s.FreezeColumns)
		if err != nil {
			return err
		}
		repeated = fmt.Sprintf("%s!$A:$%s,%s", quoted(s.Name), last, repeated)
	}
	return f.SetDefinedName(&excelize.DefinedName{Name: "_xlnm.Print_Titles", Scope: s.Name, RefersTo: repeated})
}

// layout sets the widths and keeps the header in view.
func (s Sheet) layout(w *excelize.StreamWriter) error {
	for i, c := range s.Columns {
		if err := w.SetColWidth(i+1, i+1, cmp.Or(c.Width, usualWidth)); err != nil {
			return err
		}
	}
	first, err := excelize.CoordinatesToCellName(s.FreezeColumns+1, s.header()+1)
	if err != nil {
		return err
	}
	pane := "bottomLeft"
	if s.FreezeColumns > 0 {
		pane = "bottomRight"
	}
	return w.SetPanes(&excelize.Panes{
		Freeze: true, XSplit: s.FreezeColumns, YSplit: s.header(), TopLeftCell: first, ActivePane: pane,
	})
}

// writeHead writes the lines above the table, each across all columns, and the header.
func (s Sheet) writeHead(w *excelize.StreamWriter, styles styles) error {
	for i, text := range s.Head {
		style, high := styles.plain, excelize.RowOpts{}
		if i == 0 {
			style, high.Height = styles.title, 24 // some programs would cut large letters
		}
		cell := excelize.Cell{StyleID: style, Value: model.SafeCell(text)}
		if err := w.SetRow(fmt.Sprintf("A%d", i+1), []any{cell}, high); err != nil {
			return err
		}
		last, err := excelize.CoordinatesToCellName(s.across(), i+1)
		if err != nil {
			return err
		}
		if err := w.MergeCell(fmt.Sprintf("A%d", i+1), last); err != nil {
			return err
		}
	}
	names := make([]any, len(s.Columns))
	for i, c := range s.Columns {
		names[i] = excelize.Cell{StyleID: styles.header, Value: model.SafeCell(c.Name)}
	}
	return w.SetRow(fmt.Sprintf("A%d", s.header()), names)
}

// across is how many columns a line of the head takes: all, or those on the first sheet of paper.
func (s Sheet) across() int {
	width := 0.0
	for i, c := range s.Columns {
		if width += cmp.Or(c.Width, usualWidth); width > readable {
			return max(1, i)
		}
	}
	return max(1, len(s.Columns))
}

// cellValue is a cell as it may be written.
func cellValue(v any) (any, error) {
	switch v := v.(type) {
	case string:
		if v == "" {
			return nil, nil
		}
		return model.SafeCell(v), nil
	case float64:
		if math.IsNaN(v) || math.IsInf(v, 0) { // no file can hold them
			return nil, nil
		}
		return v, nil
	case Sum:
		return float64(v), nil
	case nil, int, int64:
		return v, nil
	}
	return nil, fmt.Errorf("office: a cell holds a %T", v)
}
