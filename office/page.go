package office

import (
	"bytes"
	"fmt"
	"regexp"
	"slices"
	"strings"

	"github.com/xuri/excelize/v2"
)

// Page is one page of a file, as it stands there.
type Page struct {
	Lines    []Line // those with something in them
	Merged   []Span // cells merged downward
	Date1904 bool   // whether its serial dates count from 1904

	scan func(visit func(tag []byte)) error // nil for a text, whose cells have no types
}

// Line is a row with something in it; Number is what the spreadsheet program shows beside it.
type Line struct {
	Number int
	Cells  []string
}

// At returns the cell in a column, counted from 0; empty beyond the last.
func (l Line) At(column int) string {
	if column < len(l.Cells) {
		return l.Cells[column]
	}
	return ""
}

// Span is a run of merged rows in one column, the rows counted as a spreadsheet shows them, the column from 0.
type Span struct{ Column, From, To int }

// ReadPage returns the first visible page that accept takes, of an .xlsx or a text (commas, tabs or semicolons; UTF-8,
// UTF-16 or GB18030), told apart by content. accept sees the lines, not yet what is merged. The refusals are
// ErrUnreadable, ErrTooLarge, ErrTooManyRows, and ErrNoHeader when accept takes no page.
func ReadPage(raw []byte, accept func(Page) bool) (page Page, err error) {
	if len(raw) > MaxFile {
		return page, ErrTooLarge
	}
	if bytes.HasPrefix(raw, []byte("PK\x03\x04")) {
		return readWorkbook(raw, accept)
	}
	if page, err = readText(raw); err == nil && !accept(page) {
		err = ErrNoHeader
	}
	return page, err
}

func readWorkbook(raw []byte, accept func(Page) bool) (page Page, err error) {
	defer func() { // a file made to break the reader is just a broken file
		if cause := recover(); cause != nil {
			err = ErrUnreadable.With(fmt.Errorf("%v", cause))
		}
	}()
	if err := checkUnpacked(raw); err != nil {
		return page, err
	}
	f, err := excelize.OpenReader(bytes.NewReader(raw), excelize.Options{
		UnzipSizeLimit: maxUnpacked, UnzipXMLSizeLimit: maxInMemory, RawCellValue: true,
	})
	if err != nil {
		return page, ErrUnreadable.With(err)
	}
	defer f.Close()
	props, err := f.GetWorkbookProps()
	if err != nil {
		return page, ErrUnreadable.With(err)
	}
	for _, name := range f.GetSheetList() {
		if visible, err := f.GetSheetVisible(name); err != nil || !visible {
			continue
		}
		if page, err = readPage(f, name); err != nil {
			return page, err
		}
		page.Date1904 = props.Date1904 != nil && *props.Date1904
		if accept(page) {
			page.scan = func(visit func([]byte)) error { return scanTags(raw, name, visit) }
			return page, page.readMerged()
		}
	}
	return page, ErrNoHeader
}

func readPage(f *excelize.File, name string) (page Page, err error) {
	rows, err := f.Rows(name)
	if err != nil {
		return page, ErrUnreadable.With(err)
	}
	defer rows.Close()
	for number := 1; rows.Next(); number++ {
		cells, err := rows.Columns()
		if err != nil {
			return page, ErrUnreadable.With(err)
		}
		if err := page.add(number, cells); err != nil {
			return page, err
		}
	}
	if err := rows.Error(); err != nil {
		return page, ErrUnreadable.With(err)
	}
	return page, nil
}

// add keeps a row if there is anything in it, within the bounds.
func (p *Page) add(number int, cells []string) error {
	cells = slices.Clone(cells[:min(len(cells), maxColumns)])
	for len(cells) > 0 && strings.TrimSpace(cells[len(cells)-1]) == "" {
		cells = cells[:len(cells)-1]
	}
	if len(cells) == 0 {
		return nil
	}
	if len(p.Lines) >= MaxRows+2*HeaderRows {
		return ErrTooManyRows
	}
	p.Lines = append(p.Lines, Line{number, cells})
	return nil
}

var (
	cellName = regexp.MustCompile(`\sr="([A-Z]+[0-9]+)"`)
	cellType = regexp.MustCompile(`\st="([A-Za-z]+)"`)
	mergeRef = regexp.MustCompile(`\sref="([A-Z]+[0-9]+):([A-Z]+[0-9]+)"`)
)

// readMerged notes which cells are merged downward. The streaming reader does not tell, and loading the page as a whole
// would take ten times its size in memory.
func (p *Page) readMerged() error {
	last, budget := p.Lines[len(p.Lines)-1].Number, MaxRows*maxColumns // no file has more cells than this to merge
	err := p.scan(func(tag []byte) {
		m := mergeRef.FindSubmatch(tag)
		if m == nil || localName(tag) != "mergeCell" {
			return
		}
		left, top, err := excelize.CellNameToCoordinates(string(m[1]))
		if err != nil {
			return
		}
		_, bottom, err := excelize.CellNameToCoordinates(string(m[2]))
		if bottom = min(bottom, last); err != nil || bottom <= top || left > maxColumns {
			return
		}
		if budget -= bottom - top; budget >= 0 {
			p.Merged = append(p.Merged, Span{left - 1, top, bottom})
		}
	})
	if err != nil {
		return ErrUnreadable.With(err)
	}
	return nil
}

// Typed tells which of the doubtful cells were typed as text: the answer is true for a row as the spreadsheet program
// shows it and a column from 0. It is false for every other cell, and where the file does not tell.
func (p Page) Typed(doubtful func(cell string) bool) (func(row, column int) bool, error) {
	typed := map[[2]int]bool{}
	for _, l := range p.Lines {
		for column, cell := range l.Cells {
			if doubtful(cell) {
				typed[[2]int{l.Number, column}] = false
			}
		}
	}
	answer := func(row, column int) bool { return typed[[2]int{row, column}] }
	if p.scan == nil || len(typed) == 0 {
		return answer, nil
	}
	err := p.scan(func(tag []byte) {
		if localName(tag) != "c" {
			return
		}
		r, t := cellName.FindSubmatch(tag), cellType.FindSubmatch(tag)
		if r == nil || t == nil || string(t[1]) == "n" {
			return
		}
		if column, row, err := excelize.CellNameToCoordinates(string(r[1])); err == nil {
			if _, asked := typed[[2]int{row, column - 1}]; asked {
				typed[[2]int{row, column - 1}] = true
			}
		}
	})
	if err != nil {
		return nil, ErrUnreadable.With(err)
	}
	return answer, nil
}
