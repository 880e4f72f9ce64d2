package office_test

import (
	"archive/zip"
	"bytes"
	"encoding/xml"
	"errors"
	"fmt"
	"image"
	"image/png"
	"io"
	"math"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/xuri/excelize/v2"

	"zhibu/office"
)

func rates(name string) office.Sheet {
	return office.Sheet{
		Name: name, Head: []string{"=学习完成率", "导出人：张三"}, FreezeColumns: 1, Totals: 1,
		Columns: []office.Column{
			{Name: "支部", Width: 26}, {Name: "应学", Format: office.Number}, {Name: "完成率", Format: office.Percent2}, {Name: "备注"},
		},
		Rows: [][]any{
			{"第一党支部", 13, 84.615384, "=1+1"}, {"第二党支部", int64(20), math.NaN(), nil}, {"合计", 33, 93.94},
		},
		Chart: &office.SheetChart{Title: "完成率", Values: []int{2}, MaxValue: 100},
	}
}

func TestWorkbook(t *testing.T) {
	raw, err := office.Workbook(rates("一[党]委"), rates("一党委"), rates(strings.Repeat("很长", 20)), office.Sheet{})
	if err != nil {
		t.Fatal(err)
	}
	f, err := excelize.OpenReader(bytes.NewReader(raw))
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	names := f.GetSheetList()
	if diff := cmp.Diff([]string{"一党委", "一党委(2)", strings.Repeat("很长", 15) + "很", "表"}, names); diff != "" {
		t.Fatal(diff)
	}
	rows, err := f.GetRows(names[0])
	if err != nil {
		t.Fatal(err)
	}
	want := [][]string{
		{"'=学习完成率"}, {"导出人：张三"}, {"支部", "应学", "完成率", "备注"},
		{"第一党支部", "13", "84.62", "'=1+1"}, {"第二党支部", "20"}, {"合计", "33", "93.94"},
	}
	if diff := cmp.Diff(want, rows); diff != "" {
		t.Error(diff)
	}
	for cell, want := range map[string]excelize.CellType{"A4": excelize.CellTypeInlineString, "B4": excelize.CellTypeUnset, "C4": excelize.CellTypeUnset} {
		if got, err := f.GetCellType(names[0], cell); err != nil || got != want {
			t.Errorf("%s has type %v, %v", cell, got, err)
		}
	}
	if raw, err := f.GetCellValue(names[0], "C4", excelize.Options{RawCellValue: true}); err != nil || raw != "84.615384" {
		t.Errorf("%s, %v", raw, err)
	}
	panes, err := f.GetPanes(names[0])
	if err != nil || !panes.Freeze || panes.YSplit != 3 || panes.XSplit != 1 || panes.TopLeftCell != "B4" {
		t.Errorf("%+v, %v", panes, err)
	}
	chart := parts(t, raw)["xl/charts/chart1.xml"]
	for _, want := range []string{"$C$4:$C$5", "$A$4:$A$5", `max val="100"`, `min val="0"`, `varyColors val="0"`} {
		if !strings.Contains(chart, want) {
			t.Errorf("the chart lacks %s: %s", want, chart)
		}
	}
}

func TestWorkbookRefusesWhatIsNoCell(t *testing.T) {
	if _, err := office.Workbook(office.Sheet{Columns: []office.Column{{Name: "甲"}}, Rows: [][]any{{struct{}{}}}}); err == nil {
		t.Error("a struct is written")
	}
}

// TestWorkbookIsReadAgain: what is written can be read, harmless texts and all.
func TestWorkbookIsReadAgain(t *testing.T) {
	raw, err := office.Workbook(rates("表"))
	if err != nil {
		t.Fatal(err)
	}
	got, err := office.ReadTable(raw, []office.Field{
		{Key: "name", Names: []string{"支部"}, Required: true}, {Key: "done", Names: []string{"应学"}}, {Key: "note", Names: []string{"备注"}},
	})
	if err != nil {
		t.Fatal(err)
	}
	want := []string{
		"map[done:应学 name:支部 note:备注] [完成率]", "4 第一党支部|13||=1+1", "5 第二党支部|20||", "6 合计|33||",
	}
	if diff := cmp.Diff(want, show(got)); diff != "" {
		t.Error(diff)
	}
}

// parts are the parts of a file by name; those that are XML are proven to be.
func parts(t *testing.T, raw []byte) map[string]string {
	t.Helper()
	archive, err := zip.NewReader(bytes.NewReader(raw), int64(len(raw)))
	if err != nil {
		t.Fatal(err)
	}
	contents := map[string]string{}
	for _, e := range archive.File {
		r, err := e.Open()
		if err != nil {
			t.Fatal(err)
		}
		content, err := io.ReadAll(r)
		if err != nil {
			t.Fatal(err)
		}
		r.Close()
		contents[e.Name] = string(content)
		if !strings.HasSuffix(e.Name, ".xml") && !strings.HasSuffix(e.Name, ".rels") {
			continue
		}
		for d := xml.NewDecoder(bytes.NewReader(content)); ; {
			if _, err := d.Token(); errors.Is(err, io.EOF) {
				break
			} else if err != nil {
				t.Fatalf("%s: %v", e.Name, err)
			}
		}
	}
	return contents
}

func TestDocument(t *testing.T) {
	picture := drawn(t, office.Chart{Title: "空"})
	d := office.Document{Title: "学习情况<通报>", Blocks: []office.Block{
		office.Heading{Level: 1, Text: "一、总体"}, office.Heading{Level: 2, Text: "（一）"}, office.Paragraph{Text: "甲 & 乙\x00\x0b\ufffe\r\n\n第二段"},
		office.Grid{Header: []string{"支部", "率"}, Rows: [][]string{{"第一\n党支部", "84.62%"}, {"第二党支部"}}},
		office.Grid{}, office.Note{Text: "注"}, office.Picture{PNG: picture, WidthCM: 10}, office.Picture{PNG: picture},
	}}
	raw, err := d.DOCX()
	if err != nil {
		t.Fatal(err)
	}
	again, err := d.DOCX()
	if err != nil || !bytes.Equal(raw, again) {
		t.Error("the same document gives other bytes")
	}
	files := parts(t, raw)
	for part, texts := range map[string][]string{
		"word/document.xml": {
			"学习情况&lt;通报&gt;", `"Heading1"`, `"Heading2"`, "甲 &amp; 乙<", "第二段", `<w:tblHeader/>`, "第一</w:t><w:br/>", "TableNumber",
			`cx="3600000" cy="2025000"`, `r:embed="pic2"`, `w:w="11906"`,
		},
		"word/styles.xml":              {`w:firstLineChars="200" w:firstLine="480"`, `w:eastAsia="宋体"`, `w:eastAsia="黑体"`, `"heading 1"`},
		"word/_rels/document.xml.rels": {`Id="pic2"`, "media/image2.png"},
		"word/media/image2.png":        {"PNG"},
	} {
		for _, text := range texts {
			if !strings.Contains(files[part], text) {
				t.Errorf("%s lacks %s", part, text)
			}
		}
	}
	if _, err := (office.Document{Blocks: []office.Block{office.Picture{PNG: []byte("no")}}}).DOCX(); err == nil {
		t.Error("a picture that is none is taken")
	}
}

func drawn(t *testing.T, c office.Chart) []byte {
	t.Helper()
	raw, err := c.PNG()
	if err != nil {
		t.Fatal(err)
	}
	return raw
}

// dark are the pixels of a picture's title with letters on them.
func dark(t *testing.T, raw []byte) (pixels map[image.Point]bool) {
	t.Helper()
	picture, err := png.Decode(bytes.NewReader(raw))
	if err != nil {
		t.Fatal(err)
	}
	pixels = map[image.Point]bool{}
	for y := range 110 {
		for x := range picture.Bounds().Dx() {
			if r, _, _, _ := picture.At(x, y).RGBA(); r < 0x8000 {
				pixels[image.Pt(x, y)] = true
			}
		}
	}
	return pixels
}

// TestChartLetters: each sort of letter is drawn as itself and not as the box that stands for a missing one.
func TestChartLetters(t *testing.T) {
	seen := map[string]string{fmt.Sprint(dark(t, drawn(t, office.Chart{Title: "\U000F0000"}))): "a letter no font has"}
	for _, title := range []string{"党", "团", "率", "“", "（", "A", "b", "7", "%", "…"} {
		pixels := dark(t, drawn(t, office.Chart{Title: title}))
		if len(pixels) < 10 {
			t.Errorf("%s has %d pixels", title, len(pixels))
		}
		if other, ok := seen[fmt.Sprint(pixels)]; ok {
			t.Errorf("%s looks like %s", title, other)
		}
		seen[fmt.Sprint(pixels)] = title
	}
}

func TestChart(t *testing.T) {
	value := func(v float64) *float64 { return &v }
	for _, c := range []struct {
		points, series, width int
		line                  bool
		max                   float64
	}{{0, 0, 1600, false, 0}, {1, 1, 1600, false, 100}, {3, 2, 1600, true, 0}, {12, 1, 1600, false, 100}, {60, 1, 2600, false, 100},
		{60, 3, 4520, false, 100}, {1000, 2, 6000, true, 7}, {5, 0, 1600, false, 0}} {
		chart := office.Chart{Title: strings.Repeat("很长的标题", 30), Line: c.line, Max: c.max, Threshold: value(80), Unit: "%"}
		for i := range c.points {
			chart.Labels = append(chart.Labels, fmt.Sprintf("兰州市城关区机关第%d联合党支部委员会（离退休）", i+1))
		}
		for range c.series {
			s := office.Series{Name: "完成率", Values: []*float64{value(math.NaN()), value(-3), nil, value(1e300)}}
			for i := range c.points / 2 { // fewer values than labels
				s.Values = append(s.Values, value(float64(i%101)))
			}
			chart.Series = append(chart.Series, s)
		}
		size, err := png.DecodeConfig(bytes.NewReader(drawn(t, chart)))
		if err != nil || size.Width != c.width || size.Height != 900 {
			t.Errorf("%+v: %+v, %v", c, size, err)
		}
	}
}
