package roster

import (
	"archive/zip"
	"bufio"
	"bytes"
	"encoding/xml"
	"errors"
	"fmt"
	"io"
	"path"
	"regexp"
	"slices"
	"strings"

	"github.com/xuri/excelize/v2"
)

// The bounds of what a workbook unpacks to; a page larger than maxInMemory is read from a temporary file.
const (
	maxUnpacked = 128 << 20
	maxInMemory = 16 << 20
)

// readWorkbook returns the first visible page of an .xlsx with a header.
func readWorkbook(raw []byte) (page sheet, h header, err error) {
	defer func() { // a file made to break the reader is just a broken file
		if cause := recover(); cause != nil {
			err = ErrFileUnreadable.With(fmt.Errorf("%v", cause))
		}
	}()
	if err := checkUnpacked(raw); err != nil {
		return page, h, err
	}
	f, err := excelize.OpenReader(bytes.NewReader(raw), excelize.Options{
		UnzipSizeLimit: maxUnpacked, UnzipXMLSizeLimit: maxInMemory, RawCellValue: true,
	})
	if err != nil {
		return page, h, ErrFileUnreadable.With(err)
	}
	defer f.Close()
	props, err := f.GetWorkbookProps()
	if err != nil {
		return page, h, ErrFileUnreadable.With(err)
	}
	for _, name := range f.GetSheetList() {
		if visible, err := f.GetSheetVisible(name); err != nil || !visible {
			continue
		}
		if page, err = readPage(f, name); err != nil {
			return page, h, err
		}
		page.date1904 = props.Date1904 != nil && *props.Date1904
		if h, ok := findHeader(page.lines); ok {
			return page, h, page.peek(raw, name)
		}
	}
	return page, h, ErrHeaderNotFound
}

// checkUnpacked refuses a zip bomb by what its directory says; the reader holds the entries to it.
func checkUnpacked(raw []byte) error {
	archive, err := zip.NewReader(bytes.NewReader(raw), int64(len(raw)))
	if err != nil {
		return ErrFileUnreadable.With(err)
	}
	var total uint64
	for _, entry := range archive.File {
		if total += entry.UncompressedSize64; entry.UncompressedSize64 > maxUnpacked || total > maxUnpacked {
			return ErrFileTooLarge.With(errors.New("zip bomb"))
		}
	}
	return nil
}

func readPage(f *excelize.File, name string) (page sheet, err error) {
	rows, err := f.Rows(name)
	if err != nil {
		return page, ErrFileUnreadable.With(err)
	}
	defer rows.Close()
	for number := 1; rows.Next(); number++ {
		cells, err := rows.Columns()
		if err != nil {
			return page, ErrFileUnreadable.With(err)
		}
		if err := page.add(number, cells); err != nil {
			return page, err
		}
	}
	if err := rows.Error(); err != nil {
		return page, ErrFileUnreadable.With(err)
	}
	return page, nil
}

var (
	cellName = regexp.MustCompile(`\sr="([A-Z]+[0-9]+)"`)
	cellType = regexp.MustCompile(`\st="([A-Za-z]+)"`)
	mergeRef = regexp.MustCompile(`\sref="([A-Z]+[0-9]+):([A-Z]+[0-9]+)"`)
	halfYear = regexp.MustCompile(`^(19|20)[0-9]{2}\.10*$`) // 1981.1: January typed, or October as a number
)

// peek reads from the page's XML what the streaming reader does not tell: which cells are merged downward, and which of
// the doubtful ones are text. Loading the page as a whole would take ten times its size in memory.
func (s *sheet) peek(raw []byte, name string) error {
	doubtful := map[[2]int]bool{}
	for _, l := range s.lines {
		for column, text := range l.cells {
			if halfYear.MatchString(text) {
				doubtful[[2]int{l.number, column}] = true
			}
		}
	}
	text := map[[2]int]bool{}
	s.typed = func(row, column int) bool { return text[[2]int{row, column}] }
	err := scanTags(raw, name, func(tag []byte) {
		switch local := localName(tag); {
		case local == "mergeCell":
			if m := mergeRef.FindSubmatch(tag); m != nil {
				s.addMerged(string(m[1]), string(m[2]))
			}
		case local == "c" && len(doubtful) > 0:
			r, t := cellName.FindSubmatch(tag), cellType.FindSubmatch(tag)
			if r == nil || t == nil || string(t[1]) == "n" {
				return
			}
			if column, row, err := excelize.CellNameToCoordinates(string(r[1])); err == nil && doubtful[[2]int{row, column - 1}] {
				text[[2]int{row, column - 1}] = true
			}
		}
	})
	if err != nil {
		return ErrFileUnreadable.With(err)
	}
	return nil
}

func (s *sheet) addMerged(from, to string) {
	left, top, err := excelize.CellNameToCoordinates(from)
	if err != nil {
		return
	}
	if _, bottom, err := excelize.CellNameToCoordinates(to); err == nil && bottom > top {
		s.merged = append(s.merged, span{left - 1, top, min(bottom, top+maxRows)})
	}
}

// scanTags calls visit with each tag of the page's XML, without the closing bracket.
func scanTags(raw []byte, name string, visit func(tag []byte)) error {
	archive, err := zip.NewReader(bytes.NewReader(raw), int64(len(raw)))
	if err != nil {
		return err
	}
	part, err := partOf(archive, name)
	if err != nil {
		return err
	}
	entry, err := openPart(archive, part)
	if err != nil {
		return err
	}
	defer entry.Close()
	scanner := bufio.NewScanner(entry)
	scanner.Buffer(nil, 1<<20)
	scanner.Split(func(data []byte, atEOF bool) (int, []byte, error) {
		if end := bytes.IndexByte(data, '>'); end >= 0 {
			return end + 1, data[:end], nil
		}
		if atEOF {
			return len(data), nil, nil
		}
		return 0, nil, nil
	})
	for scanner.Scan() {
		if start := bytes.LastIndexByte(scanner.Bytes(), '<'); start >= 0 {
			visit(scanner.Bytes()[start:])
		}
	}
	return scanner.Err()
}

func localName(tag []byte) string {
	name := tag[1:]
	if end := bytes.IndexAny(name, " \t\r\n/"); end >= 0 {
		name = name[:end]
	}
	return string(name[bytes.IndexByte(name, ':')+1:])
}

// partOf finds the path of a page inside the archive.
func partOf(archive *zip.Reader, name string) (string, error) {
	var book struct {
		Sheets []struct {
			Name string `xml:"name,attr"`
			ID   string `xml:"http://schemas.openxmlformats.org/officeDocument/2006/relationships id,attr"`
			// The same attribute in the strict variant of the format.
			StrictID string `xml:"http://purl.oclc.org/ooxml/officeDocument/relationships id,attr"`
		} `xml:"sheets>sheet"`
	}
	var links struct {
		Links []struct {
			ID     string `xml:"Id,attr"`
			Target string `xml:"Target,attr"`
		} `xml:"Relationship"`
	}
	if err := decodePart(archive, "xl/workbook.xml", &book); err != nil {
		return "", err
	}
	if err := decodePart(archive, "xl/_rels/workbook.xml.rels", &links); err != nil {
		return "", err
	}
	for _, page := range book.Sheets {
		for _, link := range links.Links {
			if page.Name == name && (link.ID == page.ID || link.ID == page.StrictID) {
				if strings.HasPrefix(link.Target, "/") {
					return strings.TrimPrefix(link.Target, "/"), nil
				}
				return path.Join("xl", link.Target), nil
			}
		}
	}
	return "", errors.New("the workbook does not say where the page is")
}

func decodePart(archive *zip.Reader, part string, v any) error {
	entry, err := openPart(archive, part)
	if err != nil {
		return err
	}
	defer entry.Close()
	return xml.NewDecoder(entry).Decode(v)
}

// openPart opens an entry; some writers separate folders with a backslash or write names in another case.
func openPart(archive *zip.Reader, part string) (io.ReadCloser, error) {
	i := slices.IndexFunc(archive.File, func(e *zip.File) bool {
		return strings.EqualFold(strings.ReplaceAll(e.Name, "\\", "/"), part)
	})
	if i < 0 {
		return nil, fmt.Errorf("%s is missing", part)
	}
	return archive.File[i].Open()
}
