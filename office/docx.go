package office

import (
	"archive/zip"
	"bytes"
	"encoding/xml"
	"fmt"
	"io"
	"strings"
	"time"
)

// The width of the text on A4 with the margins of official documents, in twentieths of a point and in centimetres.
const (
	textWidth   = 8844
	textWidthCM = 15.6
)

// docx is the body of a document under way.
type docx struct {
	body     bytes.Buffer
	pictures [][]byte
}

func (w *docx) printf(format string, args ...any) { fmt.Fprintf(&w.body, format, args...) }

// run is a text with its line ends, without what XML cannot hold.
func run(text string) string {
	if text == "" {
		return ""
	}
	var b strings.Builder
	b.WriteString(`<w:r>`)
	for i, line := range strings.Split(strings.ReplaceAll(text, "\r\n", "\n"), "\n") {
		if i > 0 {
			b.WriteString(`<w:br/>`)
		}
		b.WriteString(`<w:t xml:space="preserve">`)
		line = strings.Map(legal, strings.ToValidUTF8(line, ""))
		_ = xml.EscapeText(&b, []byte(line)) // a strings.Builder takes everything
		b.WriteString(`</w:t>`)
	}
	b.WriteString(`</w:r>`)
	return b.String()
}

// legal keeps the characters of XML 1.0.
func legal(r rune) rune {
	if r < ' ' && r != '\t' || r >= 0x7f && r < 0xa0 || r == 0xfffe || r == 0xffff {
		return -1
	}
	return r
}

type part struct{ name, content string }

// archive puts the parts together, with one time for all, so that the same document gives the same bytes.
func (w *docx) archive() ([]byte, error) {
	var links strings.Builder
	parts := []part{
		{"[Content_Types].xml", contentTypes}, {"_rels/.rels", packageLinks},
		{"word/styles.xml", docxStyles()}, {"word/footer1.xml", footerXML},
	}
	for i, picture := range w.pictures {
		parts = append(parts, part{fmt.Sprintf("word/media/image%d.png", i+1), string(picture)})
		fmt.Fprintf(&links, `<Relationship Id="pic%d" Type="%s/image" Target="media/image%d.png"/>`, i+1, linkType, i+1)
	}
	parts = append(parts,
		part{"word/_rels/document.xml.rels", fmt.Sprintf(documentLinks, links.String())},
		part{"word/document.xml", documentHead + w.body.String() + documentTail})
	oldest := time.Date(1980, 1, 1, 0, 0, 0, 0, time.UTC) // that an archive can tell
	var b bytes.Buffer
	z := zip.NewWriter(&b)
	for _, p := range parts {
		e, err := z.CreateHeader(&zip.FileHeader{Name: p.name, Method: zip.Deflate, Modified: oldest})
		if err != nil {
			return nil, err
		}
		if _, err := io.WriteString(e, p.content); err != nil {
			return nil, err
		}
	}
	if err := z.Close(); err != nil {
		return nil, err
	}
	return b.Bytes(), nil
}

// docxStyles are the styles: headings are real ones, so that a word processor can make a table of contents of them.
func docxStyles() string {
	const (
		center = `<w:jc w:val="center"/>`
		hei    = `<w:rFonts w:ascii="Times New Roman" w:hAnsi="Times New Roman" w:eastAsia="黑体"/>`
		cell   = `<w:spacing w:before="40" w:after="40"/>`
	)
	var b strings.Builder
	b.WriteString(stylesHead)
	for _, s := range []struct{ id, name, paragraph, text string }{
		{"Title", "Title", `<w:spacing w:before="120" w:after="360"/>` + center, `<w:b/>` + size(44)},
		{"Heading1", "heading 1",
			`<w:keepNext/><w:spacing w:before="240" w:after="120"/><w:outlineLvl w:val="0"/>`, hei + size(32)},
		{"Heading2", "heading 2",
			`<w:keepNext/><w:spacing w:before="180" w:after="60"/><w:outlineLvl w:val="1"/>`, hei + size(28)},
		{"BodyText", "Body Text",
			`<w:spacing w:line="360" w:lineRule="auto"/><w:ind w:firstLineChars="200" w:firstLine="480"/>` +
				`<w:jc w:val="both"/>`, ``},
		{"Note", "Note", `<w:spacing w:before="60" w:after="60"/>`, size(18)},
		{"Picture", "Picture", `<w:spacing w:before="120" w:after="120"/>` + center, ``},
		{"TableText", "Table Text", cell, size(21)},
		{"TableNumber", "Table Number", cell + center, size(21)},
		{"TableHeader", "Table Header", `<w:keepNext/>` + cell + center, hei + size(21)},
		{"AfterTable", "After Table", `<w:spacing w:line="120" w:lineRule="exact"/>`, size(12)},
		{"Footer", "footer", center, size(21)},
	} {
		fmt.Fprintf(&b, `<w:style w:type="paragraph" w:styleId="%s"><w:name w:val="%s"/><w:basedOn w:val="Normal"/>`+
			`<w:qFormat/><w:pPr>%s</w:pPr><w:rPr>%s</w:rPr></w:style>`, s.id, s.name, s.paragraph, s.text)
	}
	b.WriteString(stylesTail)
	return b.String()
}

// size is that of letters in half points.
func size(halves int) string {
	return fmt.Sprintf(`<w:sz w:val="%[1]d"/><w:szCs w:val="%[1]d"/>`, halves)
}
