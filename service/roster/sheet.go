package roster

import (
	"bytes"
	"io"
	"slices"
	"strings"

	"zhibu/model"
)

// The bounds of a file.
const (
	maxFile    = 20 << 20
	maxRows    = 20_000
	maxColumns = 100
	headerRows = 20 // the header is looked for in the first so many rows
)

// The refusals of a file that is not a roster at all.
var (
	ErrFileUnreadable = model.NewError(model.Invalid, "file_unreadable", "文件打不开：请上传 .xlsx 或 .csv（.xls 请先另存为 .xlsx）")
	ErrFileTooLarge   = model.NewError(model.TooLarge, "file_too_large", "文件太大：最多 20 MB，解压后最多 128 MB")
	ErrTooManyRows    = model.NewError(model.TooLarge, "too_many_rows", "行数太多：一次最多导入 20000 人，请分批导入")
	ErrHeaderNotFound = model.NewError(model.Invalid, "header_not_found", "前 20 行里没有找到表头：至少要有“姓名”和另外一列，如“身份证号”“手机号”")
)

// line is a row with something in it; number is what the spreadsheet program shows beside it.
type line struct {
	number int
	cells  []string
}

func (l line) at(column int) string {
	if column < len(l.cells) {
		return l.cells[column]
	}
	return ""
}

// sheet is one page of a file.
type sheet struct {
	lines    []line
	date1904 bool
	merged   []span                     // cells merged downward
	typed    func(row, column int) bool // whether the cell was typed as text, where the file tells
}

// span is a run of merged rows in one column, counted as a spreadsheet shows them, the column from 0.
type span struct{ column, from, to int }

// readFile returns the first page with a header, and the header.
func readFile(content io.Reader) (sheet, header, error) {
	raw, err := io.ReadAll(io.LimitReader(content, maxFile+1))
	if err != nil {
		return sheet{}, header{}, ErrFileUnreadable.With(err)
	}
	if len(raw) > maxFile {
		return sheet{}, header{}, ErrFileTooLarge
	}
	if bytes.HasPrefix(raw, []byte("PK\x03\x04")) {
		return readWorkbook(raw)
	}
	page, err := readCSV(raw)
	if err != nil {
		return sheet{}, header{}, err
	}
	h, ok := findHeader(page.lines)
	if !ok {
		return sheet{}, header{}, ErrHeaderNotFound
	}
	return page, h, nil
}

// add keeps a row if there is anything in it, within the bounds.
func (s *sheet) add(number int, cells []string) error {
	cells = slices.Clone(cells[:min(len(cells), maxColumns)])
	for len(cells) > 0 && strings.TrimSpace(cells[len(cells)-1]) == "" {
		cells = cells[:len(cells)-1]
	}
	if len(cells) == 0 {
		return nil
	}
	if len(s.lines) >= maxRows+2*headerRows {
		return ErrTooManyRows
	}
	s.lines = append(s.lines, line{number, cells})
	return nil
}
