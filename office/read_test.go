package office_test

import (
	"archive/zip"
	"bytes"
	"encoding/binary"
	"errors"
	"fmt"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/xuri/excelize/v2"
	"golang.org/x/text/encoding/simplifiedchinese"
	"golang.org/x/text/encoding/unicode"

	"zhibu/model"
	"zhibu/office"
)

var fields = []office.Field{
	{Key: "name", Names: []string{"姓名", "学员姓名"}, Required: true},
	{Key: "done", Names: []string{"完成时间", "学习时间"}, Required: true},
	{Key: "hours", Names: []string{"学时"}},
	{Key: "note", Names: []string{"备注"}},
}

// show is a table in one line: the names of the columns, then the rows.
func show(t office.Table) (lines []string) {
	lines = append(lines, fmt.Sprint(t.Heads, t.Ignored))
	for _, r := range t.Rows {
		lines = append(lines, fmt.Sprintf("%d %s|%s|%s|%s", r.Number, r.Text("name"), r.Text("done"), r.Text("hours"), r.Text("note")))
	}
	return lines
}

// book makes a workbook; each page is hidden when its name begins with "hidden".
func book(t testing.TB, pages map[string][][]any, order []string, change func(*excelize.File)) []byte {
	t.Helper()
	f := excelize.NewFile()
	defer f.Close()
	must := func(err error) {
		t.Helper()
		if err != nil {
			t.Fatal(err)
		}
	}
	must(f.SetSheetName("Sheet1", order[0]))
	for i, name := range order {
		if i > 0 {
			_, err := f.NewSheet(name)
			must(err)
		}
		for row, cells := range pages[name] {
			must(f.SetSheetRow(name, fmt.Sprintf("A%d", row+1), &cells))
		}
	}
	f.SetActiveSheet(len(order) - 1)
	for _, name := range order {
		if strings.HasPrefix(name, "hidden") {
			must(f.SetSheetVisible(name, false))
		}
	}
	if change != nil {
		change(f)
	}
	b, err := f.WriteToBuffer()
	must(err)
	return b.Bytes()
}

func TestReadWorkbook(t *testing.T) {
	raw := book(t, map[string][][]any{
		"hidden": {{"姓名", "完成时间"}, {"假", "2026-01-01"}},
		"说明":     {{"请填写第三页", "姓名"}},
		"明细": {
			{"2026 年学习情况"}, {}, {"序号", "* 姓 名（必填）", "完成时间", "学习", "", "部门", "备注"},
			{"", "", "", "学时(分钟)", "方式"},
			{1, "'张三", 46346.77, 90, "线上", "办公室", "无"}, {}, {2, "李四 ", "2026/11/20 18:30", "—", "线下"},
			{3, "", "2026/11/21"}, {"", " ", "\u3000", "-"}, {"合计", "", "", 90},
		},
	}, []string{"hidden", "说明", "明细"}, func(f *excelize.File) {
		for _, m := range [][2]string{{"A1", "G1"}, {"B3", "B4"}, {"C3", "C4"}, {"D3", "E3"}, {"B7", "B8"}} {
			if err := f.MergeCell("明细", m[0], m[1]); err != nil {
				t.Fatal(err)
			}
		}
	})
	got, err := office.ReadTable(raw, fields)
	if err != nil {
		t.Fatal(err)
	}
	want := []string{
		"map[done:完成时间 hours:学时(分钟) name:*姓名（必填） note:备注] [学习 部门 方式]",
		"5 张三|46346.77|90|", "7 李四|2026/11/20 18:30||", "8 李四|2026/11/21||", "10 ||90|",
	}
	if diff := cmp.Diff(want, show(got)); diff != "" {
		t.Error(diff)
	}
}

func TestReadText(t *testing.T) {
	text := "学习记录\r\n\r\n姓名,完成时间,学时,备注,学员姓名\r\n张三,2026-11-20,2,\"一行\r\n两行\",\r\n,2026-11-21,,,李四\r\n"
	utf16, err := unicode.UTF16(unicode.LittleEndian, unicode.UseBOM).NewEncoder().String(strings.ReplaceAll(text, ",", "\t"))
	if err != nil {
		t.Fatal(err)
	}
	gb, err := simplifiedchinese.GB18030.NewEncoder().String(strings.ReplaceAll(text, ",", ";"))
	if err != nil {
		t.Fatal(err)
	}
	want := []string{
		"map[done:完成时间 hours:学时 name:姓名 note:备注] []", "4 张三|2026-11-20|2|一行\n两行", "5 李四|2026-11-21||",
	}
	for name, raw := range map[string]string{"UTF-8": text, "with a mark": "\ufeff" + text, "UTF-16, tabs": utf16, "GB18030, semicolons": gb} {
		got, err := office.ReadTable([]byte(raw), fields)
		if err != nil {
			t.Fatalf("%s: %v", name, err)
		}
		if diff := cmp.Diff(want, show(got)); diff != "" {
			t.Errorf("%s: %s", name, diff)
		}
	}
}

func TestMissingColumns(t *testing.T) {
	for text, want := range map[string]string{
		"":               "缺少“姓名”“完成时间”",
		"姓名,学时\n张三,2\n":  "缺少“完成时间”",
		"甲,乙\n1,2\n":     "缺少“姓名”“完成时间”",
		"姓名\n完成时间\n张三\n": "缺少“完成时间”",
		strings.Repeat("\n", 20) + "姓名,完成时间\n": "缺少“姓名”“完成时间”",
	} {
		_, err := office.ReadTable([]byte(text), fields)
		if !errors.Is(err, office.ErrNoHeader) || !strings.HasSuffix(model.AsError(err).Message, want) {
			t.Errorf("%q: %v, want %s", text, err, want)
		}
	}
	_, err := office.ReadTable([]byte("甲\n"), []office.Field{{Key: "a", Names: []string{"备注"}}})
	if !errors.Is(err, office.ErrNoHeader) || !strings.Contains(err.Error(), "至少要有“备注”") {
		t.Error(err)
	}
}

// zipped is an archive with one entry.
func zipped(t testing.TB, name string, content []byte) []byte {
	t.Helper()
	var b bytes.Buffer
	w := zip.NewWriter(&b)
	e, err := w.Create(name)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := e.Write(content); err != nil {
		t.Fatal(err)
	}
	if err := w.Close(); err != nil {
		t.Fatal(err)
	}
	return b.Bytes()
}

// lying is a zip bomb whose directory says that it is small.
func lying(t testing.TB) []byte {
	raw := zipped(t, "xl/workbook.xml", make([]byte, 200<<20))
	directory := bytes.LastIndex(raw, []byte("PK\x01\x02"))
	binary.LittleEndian.PutUint32(raw[directory+24:], 1000)
	return raw
}

func TestUnreadable(t *testing.T) {
	good := book(t, map[string][][]any{"a": {{"姓名", "完成时间"}, {"张三", "2026-11-20"}}}, []string{"a"}, nil)
	document, err := office.Document{Title: "姓名"}.DOCX()
	if err != nil {
		t.Fatal(err)
	}
	for name, c := range map[string]struct {
		raw  []byte
		want error
	}{
		"a picture":           {[]byte("\x89PNG\r\n\x1a\n\x00\x00"), office.ErrUnreadable},
		"an old .xls":         {[]byte("\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1\x00\x00"), office.ErrUnreadable},
		"no known encoding":   {[]byte("\xff\xff\xff\x80"), office.ErrUnreadable},
		"a broken zip":        {[]byte("PK\x03\x04 and no more"), office.ErrUnreadable},
		"a zip of other":      {zipped(t, "a.txt", []byte("a")), office.ErrUnreadable},
		"a document":          {document, office.ErrUnreadable},
		"cut short":           {good[:len(good)/2], office.ErrUnreadable},
		"a zip bomb":          {zipped(t, "xl/workbook.xml", make([]byte, 128<<20+1)), office.ErrTooLarge},
		"a lying zip bomb":    {lying(t), office.ErrUnreadable},
		"too large":           {make([]byte, office.MaxFile+1), office.ErrTooLarge},
		"far too many rows":   {[]byte("姓名,完成时间\n" + strings.Repeat("张三,1\n", office.MaxRows+100)), office.ErrTooManyRows},
		"a workbook of other": {book(t, map[string][][]any{"a": {{1, 2}}}, []string{"a"}, nil), office.ErrNoHeader},
	} {
		if _, err := office.ReadTable(c.raw, fields); !errors.Is(err, c.want) {
			t.Errorf("%s: %v, want %v", name, err, c.want)
		}
	}
	if _, err := office.Load(bytes.NewReader(make([]byte, office.MaxFile+1))); !errors.Is(err, office.ErrTooLarge) {
		t.Error(err)
	}
}

// FuzzReadTable: whatever comes, there is a table or one of the refusals.
func FuzzReadTable(f *testing.F) {
	f.Add([]byte("姓名,完成时间\n张三,2026-11-20\n"))
	f.Add([]byte("\xff\xfeA\x00,\x00"))
	f.Add(book(f, map[string][][]any{"a": {{"姓名", "完成时间"}, {"张三", 46346.77}}}, []string{"a"}, nil))
	f.Fuzz(func(t *testing.T, raw []byte) {
		table, err := office.ReadTable(raw, fields)
		if err != nil && model.AsError(err) == nil {
			t.Fatal(err)
		}
		for _, r := range table.Rows {
			if r.Number < 1 || r.Text("name") != strings.TrimSpace(r.Text("name")) {
				t.Fatalf("%+v", r)
			}
		}
	})
}
