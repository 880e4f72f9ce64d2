package roster

import (
	"archive/zip"
	"bytes"
	"fmt"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/xuri/excelize/v2"
	"pgregory.net/rapid"

	"zhibu/model"
	"zhibu/office"
)

func TestParseDate(t *testing.T) {
	for _, c := range []struct {
		text  string
		typed bool
		want  string
	}{
		{"19811103", false, "1981-11-03"}, {"1981-11-3", false, "1981-11-03"}, {"1981/11/03", false, "1981-11-03"},
		{"1981.11.3", false, "1981-11-03"}, {"1981年11月3日", false, "1981-11-03"}, {"1981 年 11 月 3 日", false, "1981-11-03"},
		{"１９８１－１１－０３", false, "1981-11-03"}, {"1981-11-03 00:00:00", false, "1981-11-03"}, {"1981-11-03T00:00:00Z", false, "1981-11-03"},
		{"29893", false, "1981-11-03"}, {"29893.0", false, "1981-11-03"}, {"1981.11", false, "1981-11 month"}, {"1981.1099999999999", false, "1981-11 month"},
		{"198111", false, "1981-11 month"}, {"1981年11月", false, "1981-11 month"}, {"1981-11", false, "1981-11 month"}, {"1981.01", false, "1981-01 month"},
		{"1981.10", false, "1981-10 month"}, {"1981.1", true, "1981-01 month"}, {"1981.1", false, "ambiguous_date"}, {"1981.0999999999999", false, "ambiguous_date"},
		{"1981", false, "invalid_date"}, {"1981年", false, "invalid_date"}, {"1981-13-01", false, "invalid_date"}, {"1981-02-29", false, "invalid_date"},
		{"198113", false, "invalid_date"}, {"81.11", false, "invalid_date"}, {"60", false, "invalid_date"}, {"昨天", false, "invalid_date"},
	} {
		d, bad := parseDate(c.text, c.typed, false)
		got := string(d.Date)
		switch {
		case bad != nil:
			got = bad.code
		case d.month:
			got = got[:7] + " month"
		}
		if got != c.want {
			t.Errorf("%q: %s, want %s", c.text, got, c.want)
		}
	}
	if d, bad := parseDate("28431", false, true); bad != nil || d.Date != "1981-11-03" {
		t.Errorf("the 1904 system: %s", d.Date)
	}
}

func TestDatesRoundTrip(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		days := rapid.IntRange(10000, 79999).Draw(t, "days")
		want := model.Date("1899-12-30").AddDays(days)
		time, err := excelize.ExcelDateToTime(float64(days), false)
		if err != nil || model.Date(time.Format("2006-01-02")) != want {
			t.Fatalf("day %d is %s to us and %s to excelize", days, want, time)
		}
		y, m, d := want[:4], strings.TrimPrefix(string(want[5:7]), "0"), strings.TrimPrefix(string(want[8:]), "0")
		for _, text := range []string{
			string(want), strings.ReplaceAll(string(want), "-", ""), fmt.Sprintf("%s.%s.%s", y, m, d), fmt.Sprintf("%s/%s/%s", y, m, d),
			fmt.Sprintf("%s年%s月%s日", y, m, d), fmt.Sprint(days),
		} {
			if got, bad := parseDate(text, false, false); bad != nil || got != (date{Date: want}) {
				t.Fatalf("%q is %v, want %s", text, got, want)
			}
		}
	})
}

func TestGuard(t *testing.T) {
	for _, s := range []string{"=1+1", "+1", "-1", "@a", "'=1", "''", "普通", "5"} {
		guarded := guard(s)
		if strings.ContainsAny(guarded[:1], "=+-@\t\r") || cellText(guarded) != s {
			t.Errorf("%q becomes %q and then %q", s, guarded, cellText(guarded))
		}
	}
	for _, blank := range []string{"无", " — ", "-", "/", "'", "\u3000", "\ufeff"} {
		if got := cellText(blank); got != "" {
			t.Errorf("%q is %q, want nothing", blank, got)
		}
	}
}

func lines(rows ...[]string) (list []line) {
	for i, cells := range rows {
		if len(cells) > 0 {
			list = append(list, line{i + 1, cells})
		}
	}
	return list
}

func TestFindHeader(t *testing.T) {
	for name, c := range map[string]struct {
		lines []line
		want  string
	}{
		"one row":      {lines([]string{"序号", "姓名", "身份证号码"}), "姓名=1 身份证号=2 after 1"},
		"below titles": {lines([]string{"党员花名册"}, nil, []string{"姓 名", "手 机"}), "姓名=0 手机号=1 after 3"},
		"two rows": {lines([]string{"姓名", "基本情况", "", "入党", ""}, []string{"", "性别", "生日", "时间", "介绍人"}),
			"姓名=0 性别=1 出生日期=2 入党时间=3 ignored 介绍人 after 2"},
		"names in the lower row": {lines([]string{"基本情况", "", "备注"}, []string{"姓名", "电话", ""}), "姓名=0 手机号=1 备注=2 after 2"},
		"two phones":             {lines([]string{"姓名", "手机", "电话"}), "姓名=0 手机号=1,2 after 1"},
		"data is no header":      {lines([]string{"姓名", "性别"}, []string{"性别", "男"}), "姓名=0 性别=1 after 1"},
		"only a name":            {lines([]string{"姓名"}), ""},
		"none":                   {lines([]string{"甲", "乙"}), ""},
		"too far down":           {append(lines([]string{"甲"}), line{21, []string{"姓名", "电话"}}), ""},
	} {
		h, ok := findHeader(c.lines)
		got := ""
		for f := range fields {
			if columns := h.columns[f]; ok && len(columns) > 0 {
				got += columnNames[f][0] + "=" + strings.Trim(strings.ReplaceAll(fmt.Sprint(columns), " ", ","), "[]") + " "
			}
		}
		if len(h.ignored) > 0 {
			got += "ignored " + strings.Join(h.ignored, ",") + " "
		}
		if ok {
			got += fmt.Sprint("after ", c.lines[h.last].number)
		}
		if got != c.want {
			t.Errorf("%s: %q, want %q", name, got, c.want)
		}
	}
}

func zipped(t *testing.T, name string, content []byte) []byte {
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

func TestUnreadableFiles(t *testing.T) {
	many := "姓名,性别\n" + strings.Repeat("张三,男\n", maxRows+1)
	manyMore := "姓名,性别\n" + strings.Repeat("张三,男\n", maxRows+200)
	for name, c := range map[string]struct {
		content []byte
		want    string
	}{
		"empty":              {nil, "header_not_found"},
		"no header":          {[]byte("a,b\n1,2\n"), "header_not_found"},
		"a picture":          {[]byte("\x89PNG\r\n\x1a\n\x00\x00"), "file_unreadable"},
		"an old .xls":        {[]byte("\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1\x00\x00"), "file_unreadable"},
		"no known encoding":  {[]byte("\xff\xff\xff\x80"), "file_unreadable"},
		"a zip of other":     {zipped(t, "a.txt", []byte("a")), "file_unreadable"},
		"a broken zip":       {[]byte("PK\x03\x04 and no more"), "file_unreadable"},
		"a zip bomb":         {zipped(t, "xl/workbook.xml", make([]byte, 128<<20+1)), "file_too_large"},
		"too large":          {make([]byte, office.MaxFile+1), "file_too_large"},
		"one row too many":   {[]byte(many), "too_many_rows"},
		"many rows too many": {[]byte(manyMore), "too_many_rows"},
	} {
		page, h, err := readFile(bytes.NewReader(c.content))
		if err == nil {
			_, err = readRecords(page, h, "2026-03-02")
		}
		if e := model.AsError(err); e == nil || e.Code != c.want {
			t.Errorf("%s: %v, want %s", name, err, c.want)
		}
	}
}

// TestPeek reads a workbook whose cells tell numbers and texts apart, from the second page and with merged cells.
func TestPeek(t *testing.T) {
	f := excelize.NewFile()
	defer f.Close()
	if _, err := f.NewSheet("花名册"); err != nil {
		t.Fatal(err)
	}
	for i, row := range [][]any{{"姓名", "入党时间", "党支部"}, {"甲", "1999.1", "一"}, {"乙", 1999.1}, {"丙", 1999.11}} {
		if err := f.SetSheetRow("花名册", fmt.Sprintf("A%d", i+1), &row); err != nil {
			t.Fatal(err)
		}
	}
	if err := f.MergeCell("花名册", "C2", "C3"); err != nil {
		t.Fatal(err)
	}
	b, err := f.WriteToBuffer()
	if err != nil {
		t.Fatal(err)
	}
	page, h, err := readFile(bytes.NewReader(b.Bytes()))
	if err != nil {
		t.Fatal(err)
	}
	got, err := readRecords(page, h, "2026-03-02")
	if err != nil {
		t.Fatal(err)
	}
	var list []string
	for _, r := range got.records {
		list = append(list, fmt.Sprint(r.person.Name, r.joined.Date, r.branch))
	}
	for _, r := range got.rejected {
		list = append(list, fmt.Sprint(r.Row, r.Column, r.Code))
	}
	if diff := cmp.Diff([]string{"甲1999-01-01一", "丙1999-11-01", "3入党时间ambiguous_date"}, list); diff != "" {
		t.Error(diff)
	}
	if page.merged[0] != (span{2, 2, 3}) {
		t.Errorf("%+v", page.merged)
	}
}
