package office

import (
	"bytes"
	"encoding/csv"
	"errors"
	"io"
	"strings"
	"unicode/utf8"

	"golang.org/x/text/encoding/simplifiedchinese"
	"golang.org/x/text/encoding/unicode"
)

// readText reads text with commas, tabs or semicolons, in UTF-8, UTF-16 with a mark, or GB18030.
func readText(raw []byte) (page Page, err error) {
	text, err := decodeText(raw)
	if err != nil {
		return page, err
	}
	r := csv.NewReader(strings.NewReader(text))
	r.Comma, r.LazyQuotes, r.FieldsPerRecord = separatorOf(text), true, -1
	number, next := 0, 1 // the row just read, and the line of the file on which the next one begins
	for {
		cells, err := r.Read()
		if errors.Is(err, io.EOF) {
			return page, nil
		}
		if err != nil {
			return page, ErrUnreadable.With(err)
		}
		// The reader skips empty lines, which a spreadsheet counts; a cell with line ends in it is one row there.
		begin, _ := r.FieldPos(0)
		number += 1 + begin - next
		next = begin + 1
		for _, c := range cells {
			next += strings.Count(c, "\n")
		}
		if err := page.add(number, cells); err != nil {
			return page, err
		}
	}
}

func decodeText(raw []byte) (string, error) {
	switch {
	case bytes.HasPrefix(raw, []byte("\xef\xbb\xbf")):
		raw = raw[3:]
	case bytes.HasPrefix(raw, []byte("\xff\xfe")), bytes.HasPrefix(raw, []byte("\xfe\xff")):
		decoded, err := unicode.UTF16(unicode.LittleEndian, unicode.ExpectBOM).NewDecoder().Bytes(raw)
		if err != nil {
			return "", ErrUnreadable.With(err)
		}
		raw = decoded
	}
	if bytes.IndexByte(raw, 0) >= 0 { // a picture, an old .xls, a document
		return "", ErrUnreadable.With(errors.New("not a text"))
	}
	if utf8.Valid(raw) {
		return string(raw), nil
	}
	decoded, err := simplifiedchinese.GB18030.NewDecoder().Bytes(raw)
	if err != nil || bytes.ContainsRune(decoded, utf8.RuneError) {
		return "", ErrUnreadable.With(errors.New("neither UTF-8 nor GB18030"))
	}
	return string(decoded), nil
}

// separatorOf is what separates the most cells in the lines in which the header may be.
func separatorOf(text string) rune {
	head := text
	for i, n := 0, 0; i < len(text); i++ {
		if text[i] == '\n' {
			if n++; n == HeaderRows {
				head = text[:i]
				break
			}
		}
	}
	best := ','
	for _, separator := range "\t;" {
		if strings.Count(head, string(separator)) > strings.Count(head, string(best)) {
			best = separator
		}
	}
	return best
}
