package office

import (
	"archive/zip"
	"bufio"
	"bytes"
	"encoding/xml"
	"errors"
	"fmt"
	"io"
	"path"
	"slices"
	"strings"
)

// The bounds of what a workbook unpacks to; a page larger than maxInMemory is read from a temporary file.
const (
	maxUnpacked = 128 << 20
	maxInMemory = 16 << 20
)

// checkUnpacked refuses a zip bomb by what its directory says; the reader holds the entries to it.
func checkUnpacked(raw []byte) error {
	archive, err := zip.NewReader(bytes.NewReader(raw), int64(len(raw)))
	if err != nil {
		return ErrUnreadable.With(err)
	}
	var total uint64
	for _, entry := range archive.File {
		if total += entry.UncompressedSize64; entry.UncompressedSize64 > maxUnpacked || total > maxUnpacked {
			return ErrTooLarge.With(errors.New("zip bomb"))
		}
	}
	return nil
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
