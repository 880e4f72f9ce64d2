package office

import (
	"bytes"
	"fmt"
	"image/png"
	"regexp"
	"slices"
	"strings"
)

// Document is a text to be filed: a title, then blocks one below the other.
type Document struct {
	Title  string
	Blocks []Block
}

// Block is a part of a document: Heading, Paragraph, Note, Grid or Picture.
type Block interface{ write(*docx) error }

// Heading is the title of a part, of level 1 or 2.
type Heading struct {
	Level int
	Text  string
}

// Paragraph is running text; each of its lines is a paragraph.
type Paragraph struct{ Text string }

// Note is small text without indent: below a table, or who made the document and when.
type Note struct{ Text string }

// Grid is a table with a header, which is repeated on each page. The widths are relative; without them columns are as
// wide as their texts ask for. A cell may have several lines.
type Grid struct {
	Header []string
	Rows   [][]string
	Widths []int
}

// Picture is a picture in the middle of the page, WidthCM wide or, when that is zero or too much, as large as fits.
type Picture struct {
	PNG     []byte
	WidthCM float64
}

// DOCX writes the document for a word processor, on A4 with numbered pages. The same document gives the same bytes. It
// fails on a picture that is none.
func (d Document) DOCX() ([]byte, error) {
	var w docx
	w.lines("Title", d.Title)
	for _, b := range d.Blocks {
		if err := b.write(&w); err != nil {
			return nil, err
		}
	}
	return w.archive()
}

func (h Heading) write(w *docx) error {
	w.lines(fmt.Sprintf("Heading%d", min(max(h.Level, 1), 2)), h.Text)
	return nil
}

func (p Paragraph) write(w *docx) error {
	w.lines("BodyText", p.Text)
	return nil
}

func (n Note) write(w *docx) error {
	w.lines("Note", n.Text)
	return nil
}

// lines writes each line of a text as a paragraph; empty ones say nothing.
func (w *docx) lines(style, text string) {
	for line := range strings.Lines(text) {
		if line = strings.TrimSpace(line); line != "" {
			w.printf(`<w:p><w:pPr><w:pStyle w:val="%s"/></w:pPr>%s</w:p>`, style, run(line))
		}
	}
}

func (g Grid) write(w *docx) error {
	columns := len(g.Header)
	for _, row := range g.Rows {
		columns = max(columns, len(row))
	}
	if columns == 0 {
		return nil
	}
	widths := g.twips(columns)
	w.printf(`<w:tbl><w:tblPr><w:tblStyle w:val="TableGrid"/><w:tblW w:w="%d" w:type="dxa"/><w:jc w:val="center"/>`+
		`<w:tblLayout w:type="fixed"/></w:tblPr><w:tblGrid>`, textWidth)
	for _, width := range widths {
		w.printf(`<w:gridCol w:w="%d"/>`, width)
	}
	w.printf(`</w:tblGrid>`)
	if len(g.Header) > 0 {
		w.row(g.Header, widths, true)
	}
	for _, row := range g.Rows {
		w.row(row, widths, false)
	}
	w.printf(`</w:tbl><w:p><w:pPr><w:pStyle w:val="AfterTable"/></w:pPr></w:p>`) // two tables would grow together
	return nil
}

func (w *docx) row(cells []string, widths []int, header bool) {
	w.printf(`<w:tr><w:trPr><w:cantSplit/>`)
	shade, repeated := "", ""
	if header {
		repeated, shade = `<w:tblHeader/>`, `<w:shd w:val="clear" w:color="auto" w:fill="F2F2F2"/>`
	}
	w.printf(`%s</w:trPr>`, repeated)
	for i, width := range widths {
		text, style := "", "TableText"
		if i < len(cells) {
			text = strings.TrimSpace(cells[i])
		}
		switch {
		case header:
			style = "TableHeader"
		case numeric.MatchString(text):
			style = "TableNumber"
		}
		w.printf(`<w:tc><w:tcPr><w:tcW w:w="%d" w:type="dxa"/>%s<w:vAlign w:val="center"/></w:tcPr>`, width, shade)
		w.printf(`<w:p><w:pPr><w:pStyle w:val="%s"/></w:pPr>%s</w:p></w:tc>`, style, run(text))
	}
	w.printf(`</w:tr>`)
}

// numeric are the cells that stand in the middle of their column: numbers, days, and a stroke for none.
var numeric = regexp.MustCompile(`^([-+]?[0-9][0-9,.:/-]*\s?[%‰]?|—|-)$`)

// twips shares the width of the text among the columns.
func (g Grid) twips(columns int) []int {
	weights := slices.Clone(g.Widths)
	if len(weights) != columns || slices.Min(weights) <= 0 {
		weights = make([]int, columns)
		for _, row := range append([][]string{g.Header}, g.Rows...) {
			for i, cell := range row {
				weights[i] = max(weights[i], min(textUnits(cell), 40))
			}
		}
		for i := range weights {
			weights[i] = max(weights[i], 4) + 2 // the space within the borders
		}
	}
	total := 0
	for _, weight := range weights {
		total += weight
	}
	for i, weight := range weights {
		weights[i] = textWidth * weight / total
	}
	return weights
}

// textUnits is about how wide the longest line of a text is, a Latin letter being one.
func textUnits(text string) (longest int) {
	for line := range strings.Lines(text) {
		n := 0
		for _, r := range strings.TrimSpace(line) {
			n++
			if r >= 0x1100 {
				n++
			}
		}
		longest = max(longest, n)
	}
	return longest
}

func (p Picture) write(w *docx) error {
	size, err := png.DecodeConfig(bytes.NewReader(p.PNG))
	if err != nil {
		return fmt.Errorf("office: a picture in a document: %w", err)
	}
	const emuPerCM, maxHeight = 360_000, 20.0
	width := p.WidthCM
	if width <= 0 || width > textWidthCM {
		width = textWidthCM
	}
	ratio := float64(size.Height) / float64(size.Width)
	width = min(width, maxHeight/ratio)
	w.pictures = append(w.pictures, p.PNG)
	n := len(w.pictures)
	w.printf(pictureXML, int(width*emuPerCM), int(width*ratio*emuPerCM), n)
	return nil
}
