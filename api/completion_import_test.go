package api_test

import (
	"archive/zip"
	"bytes"
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/xuri/excelize/v2"
	"golang.org/x/text/encoding/simplifiedchinese"
)

// sheetOf is a workbook with these rows, from the top.
func sheetOf(t testing.TB, rows ...[]any) []byte {
	t.Helper()
	f := excelize.NewFile()
	defer f.Close()
	for i, row := range rows {
		if err := f.SetSheetRow("Sheet1", fmt.Sprintf("A%d", i+1), &row); err != nil {
			t.Fatal(err)
		}
	}
	return bytesOf(t, f)
}

func bytesOf(t testing.TB, f *excelize.File) []byte {
	t.Helper()
	b, err := f.WriteToBuffer()
	if err != nil {
		t.Fatal(err)
	}
	return b.Bytes()
}

func importPath(p int64, query ...string) string {
	return periodPath(p, "/completions/import", strings.Join(query, ""))
}

// phonesOf are the phones that league gave to its members: 13700000001 and on.
func leaguePhone(n int) string { return fmt.Sprintf("1370000%04d", n) }

// officialExport is what the platform hands out: a title over merged cells, its own names of the columns, hidden digits,
// and times in every form, of the members 2 to 6 of the first branch.
func officialExport(t testing.TB, second string) []byte {
	t.Helper()
	f := excelize.NewFile()
	defer f.Close()
	serial := 46085 + 9.5/24 // 2026-03-04 09:30
	for i, row := range [][]any{
		{"“青年大学习”第12期参学名单（某市某局团委）"},
		{"序号", "真实姓名", "手机号码", "学习期数", "参学时间", "所在团支部", "得分"},
		{1, "团员A02", "137****0002", "第十二季第12期", second, "第1团支部", 100},
		{2, " 团员A03 ", "137 0000 0003", "12", serial, "第1团支部", 90},
		{3, "团员A04", "", "", "2026年3月4日 18时30分", nil, nil},
		{},
		{4, "团员A05", 13700000005, 12, "2026/3/4", nil, nil},
		{5, "团员A06", "+86 137-0000-0006", "12期", nil, nil, nil},
	} {
		if err := f.SetSheetRow("Sheet1", fmt.Sprintf("A%d", i+1), &row); err != nil {
			t.Fatal(err)
		}
	}
	if err := f.MergeCell("Sheet1", "A1", "G1"); err != nil {
		t.Fatal(err)
	}
	if err := f.MergeCell("Sheet1", "F3", "F4"); err != nil {
		t.Fatal(err)
	}
	return bytesOf(t, f)
}

func TestImportCompletions(t *testing.T) {
	each(t, func(t *testing.T, w *world) {
		_, members := w.league(7)
		p := w.openWeek()
		w.at("2026-03-05 09:00")
		officer := w.token(members[0][0])
		file := officialExport(t, "2026-03-03 10:00:00")
		before := w.trace()
		dry := w.upload(importPath(p, "?dry_run=true"), officer, "名单.xlsx", file).wants(200)
		if w.trace() != before {
			t.Error("a dry run writes")
		}
		done := w.upload(importPath(p), officer, "名单.xlsx", file).wants(200)
		if done.number("rows") != 5 || done.number("created") != 5 || done.Body.String() != dry.Body.String() {
			t.Errorf("%s, dry %s", done.Body, dry.Body)
		}
		if ignored := fmt.Sprint(done.object()["ignored_columns"]); ignored != "[所在团支部 得分]" {
			t.Error(ignored)
		}
		times := map[string]any{}
		for _, c := range w.call("GET", periodPath(p, "/completions?source=import"), officer, nil).wants(200).items() {
			times[c["name"].(string)] = c["completed_at"]
			if c["late"] != false || c["recorded_by"] != fmt.Sprint("member:", members[0][0]) {
				t.Errorf("%v", c)
			}
		}
		for name, want := range map[string]string{
			"团员A02": shanghai("2026-03-03", "10:00"), "团员A03": shanghai("2026-03-04", "09:30"), "团员A04": shanghai("2026-03-04", "18:30"),
			"团员A05": shanghai("2026-03-04", "00:00"), "团员A06": shanghai("2026-03-05", "09:00"),
		} {
			if times[name] != want {
				t.Errorf("%s: %v, want %s", name, times[name], want)
			}
		}
		before = w.trace()
		w.clock.Advance(time.Minute)
		again := w.upload(importPath(p), officer, "名单.xlsx", file).wants(200)
		if again.number("unchanged") != 5 || again.number("created")+again.number("updated") != 0 || w.trace() != before {
			t.Errorf("the second time: %s", again.Body)
		}
		gbk, err := simplifiedchinese.GBK.NewEncoder().Bytes([]byte("姓名,完成时间\r\n团员A02,2026-03-03 10:00\r\n团员A07,2026-03-02\r\n"))
		w.must(err)
		list := w.upload(importPath(p), officer, "名单.csv", gbk).wants(200)
		if list.number("created") != 1 || list.number("unchanged") != 1 {
			t.Error(list.Body)
		}
	})
}

// TestImportReplacesLateRecords: after the close the platform's list shows who was in time after all.
func TestImportReplacesLateRecords(t *testing.T) {
	each(t, func(t *testing.T, w *world) {
		branches, members := w.league(3)
		p := w.openWeek()
		w.at("2026-03-08 21:00")
		w.study(p, members[0][1]).wants(201)
		w.study(p, members[0][2]).wants(201)
		file := sheetOf(t, []any{"姓名", "手机", "完成时间"}, []any{"团员A02", leaguePhone(2), "2026-03-08 19:59:59"}, []any{"团员A03", leaguePhone(3), "2026-03-08 20:00:00"})
		closed := w.upload(importPath(p), w.console(), "a.xlsx", file)
		closed.refuses(409, "study_period_closed")
		w.call("POST", periodPath(p, "/reopen"), w.token(chief), object{"reason": "平台导出"}).wants(200)
		w.fails(attempt{"no file", "POST", importPath(p), w.console(), object{}, 415, "unsupported_media_type", ""})
		done := w.upload(importPath(p), w.console(), "a.xlsx", file).wants(200)
		if done.number("updated") != 1 || done.number("unchanged") != 1 || done.number("created") != 0 {
			t.Error(done.Body)
		}
		officer := w.token(members[0][0])
		before := w.trace()
		if again := w.upload(importPath(p), officer, "a.xlsx", file).wants(200); again.number("unchanged") != 2 || w.trace() != before {
			t.Error(again.Body)
		}
		if r := w.part(p, branches[0]); r["completed"] != 1.0 || r["late"] != 1.0 {
			t.Errorf("%v", r)
		}
		timeless := sheetOf(t, []any{"姓名"}, []any{"团员A01"})
		refused := w.upload(importPath(p), w.console(), "a.xlsx", timeless).refuses(422, "import_rejected")
		if got := rejections(refused); got != "2: completed_at_required" {
			t.Error(got)
		}
	})
}

// rejections are the rows refused with column and code.
func rejections(a *answer) string {
	report, ok := a.object()["report"].(object)
	if !ok {
		report = a.object()
	}
	var list []string
	for _, r := range report["rejected"].([]any) {
		r := r.(object)
		if r["message"] == "" {
			a.t.Errorf("no message in %v", r)
		}
		list = append(list, fmt.Sprintf("%v:%v %v", r["row"], r["column"], r["code"]))
	}
	return strings.Join(list, "; ")
}

// TestImportRefusesRows: each bad row is named, one refuses the file, and with partial the rest is taken.
func TestImportRefusesRows(t *testing.T) {
	each(t, func(t *testing.T, w *world) {
		branches, members := w.league(6, 1)
		for n, phone := range []string{"13711110001", "13711110002"} { // two of the same name
			w.call("POST", membersOf(branches[0]), w.console(), object{"name": "同名", "phone": phone, "birth_date": fmt.Sprintf("2004-01-0%d", n+1),
				"membership": object{"track": "league", "kind": "member", "started_on": "2026-03-01"}}).wants(201)
		}
		p := w.openWeek()
		w.at("2026-03-05 09:00")
		officer := w.token(members[0][0])
		file := sheetOf(t, []any{"期数", "姓名", "手机号", "完成时间"},
			[]any{12, "团员A02", leaguePhone(2), "2026-03-03 10:00"},
			[]any{12, "查无此人", "", "2026-03-03 10:00"},
			[]any{12, "团员B01", leaguePhone(7), "2026-03-03 10:00"},
			[]any{12, "团员A02", "", "2026-03-03 11:00"},
			[]any{12, "同名", "", "2026-03-03 10:00"},
			[]any{12, "同名", "137****00", "2026-03-03 10:00"},
			[]any{12, "团员A03", leaguePhone(4), "2026-03-03 10:00"},
			[]any{12, "团员A03", "138****0003", "2026-03-03 10:00"},
			[]any{12, "团员A03", "12345", "2026-03-03 10:00"},
			[]any{11, "团员A03", leaguePhone(3), "2026-03-03 10:00"},
			[]any{12, "团员A04", leaguePhone(4), "2026-03-02 08:59"},
			[]any{12, "团员A05", leaguePhone(5), "2026-03-05 09:01"},
			[]any{12, "团员A06", leaguePhone(6), "三月四日"},
			[]any{12, "团员A01", leaguePhone(1), "2026-03-03 10:00"},
			[]any{12, "", leaguePhone(6), "2026-03-03 10:00"},
			[]any{12, "同名", "13711110002", "2026-03-03 10:00"},
			[]any{12, "员乙", phoneOf(plain), "2026-03-03 10:00"},
		)
		const want = "3:姓名 not_invited; 4:姓名 not_invited; 5:姓名 repeated_row; 6:姓名 ambiguous_name; 7:手机号 invalid_phone; " +
			"8:手机号 phone_mismatch; 9:手机号 phone_mismatch; 10:手机号 invalid_phone; 11:期数 other_period; 12:完成时间 outside_window; " +
			"13:完成时间 in_future; 14:完成时间 invalid_time; 15:姓名 own_record; 16:姓名 required; 18:姓名 not_invited"
		before := w.trace()
		refused := w.upload(importPath(p), officer, "a.xlsx", file).refuses(422, "import_rejected")
		if got := rejections(refused); got != want {
			t.Errorf("refused\n%s, want\n%s", got, want)
		}
		if dry := w.upload(importPath(p, "?dry_run=true&partial=true"), officer, "a.xlsx", file).wants(200); dry.number("created") != 2 {
			t.Error(dry.Body)
		}
		if w.trace() != before {
			t.Error("a refused file left a trace")
		}
		part := w.upload(importPath(p, "?partial=true"), officer, "a.xlsx", file).wants(200)
		if part.number("created") != 2 || part.number("rows") != 17 || rejections(part) != want {
			t.Error(part.Body)
		}
		if r := w.part(p, branches[0]); r["completed"] != 2.0 {
			t.Errorf("%v", r)
		}
	})
}

func TestImportRefusesFiles(t *testing.T) {
	each(t, func(t *testing.T, w *world) {
		_, members := w.league(2)
		p := w.openWeek()
		officer, path := w.token(members[0][0]), importPath(p)
		good := sheetOf(t, []any{"姓名"}, []any{"团员A02"})
		for _, c := range []struct {
			name    string
			token   string
			path    string
			content []byte
			status  int
			code    string
			says    string
		}{
			{"nobody", "", path, good, 401, "unauthenticated", ""},
			{"a member", w.token(members[0][1]), path, good, 403, "forbidden", ""},
			{"another tree", w.token(stranger), path, good, 404, "not_found", ""},
			{"no such period", officer, importPath(99), good, 404, "not_found", ""},
			{"wrong columns", officer, path, sheetOf(t, []any{"单位", "手机号"}, []any{"一支部", "13700000002"}), 422, "header_not_found", "姓名"},
			{"no columns", officer, path, sheetOf(t, []any{1, 2}), 422, "header_not_found", "姓名"},
			{"empty", officer, path, nil, 422, "header_not_found", "姓名"},
			{"an empty sheet", officer, path, sheetOf(t), 422, "header_not_found", "姓名"},
			{"garbage", officer, path, []byte("\x00\x01\x02\xff\xfe"), 422, "file_unreadable", ""},
			{"a broken zip", officer, path, []byte("PK\x03\x04 and no more"), 422, "file_unreadable", ""},
			{"an .xls", officer, path, append([]byte("\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1"), make([]byte, 600)...), 422, "file_unreadable", ".xlsx"},
			{"a zip bomb", officer, path, bomb(t), 413, "file_too_large", ""},
			{"too many rows", officer, path, []byte("姓名\n" + strings.Repeat("团员A02\n", 20_001)), 413, "too_many_rows", ""},
			{"larger than 20 MB", officer, path, bytes.Repeat([]byte("x"), 20<<20+1), 413, "too_large", ""},
		} {
			before := w.trace()
			a := w.upload(c.path, c.token, "a.xlsx", c.content)
			if a.Code != c.status || a.object()["code"] != c.code || !strings.Contains(a.text("detail"), c.says) {
				t.Errorf("%s: %d %s, want %d %s", c.name, a.Code, a.Body, c.status, c.code)
			}
			if w.trace() != before {
				t.Errorf("%s left a trace", c.name)
			}
		}
		header := w.upload(path, officer, "a.csv", []byte("姓名,手机号\n")).wants(200)
		if header.number("rows") != 0 || header.number("created") != 0 {
			t.Error(header.Body)
		}
	})
}

// bomb is a small workbook whose sheet inflates beyond the limit.
func bomb(t testing.TB) []byte {
	t.Helper()
	good, err := zip.NewReader(bytes.NewReader(sheetOf(t, []any{"姓名"})), int64(len(sheetOf(t, []any{"姓名"}))))
	if err != nil {
		t.Fatal(err)
	}
	var b bytes.Buffer
	w := zip.NewWriter(&b)
	for _, entry := range good.File {
		if !strings.HasSuffix(entry.Name, "sheet1.xml") {
			if err := w.Copy(entry); err != nil {
				t.Fatal(err)
			}
			continue
		}
		e, err := w.Create(entry.Name)
		if err != nil {
			t.Fatal(err)
		}
		for range 129 {
			if _, err := e.Write(bytes.Repeat([]byte(" "), 1<<20)); err != nil {
				t.Fatal(err)
			}
		}
	}
	if err := w.Close(); err != nil {
		t.Fatal(err)
	}
	if b.Len() > 1<<20 {
		t.Fatalf("the bomb is large: %d", b.Len())
	}
	return b.Bytes()
}

// TestImportFromAbove: a report would tell an officer above the branch who has completed, and whose number is whose. So
// there is no trial run, and each import of his is in the audit, a refused one as well.
func TestImportFromAbove(t *testing.T) {
	each(t, func(t *testing.T, w *world) {
		_, members := w.league(3)
		p := w.openWeek()
		w.study(p, members[0][0]).wants(201)
		file := sheetOf(t, []any{"姓名", "手机号"}, []any{"团员A02", "13712345678"})
		w.upload(importPath(p, "?dry_run=true"), w.console(), "a.xlsx", file).refuses(403, "forbidden")
		before := w.events()
		w.upload(importPath(p), w.console(), "a.xlsx", file).refuses(422, "import_rejected")
		if w.events() != before+1 {
			t.Errorf("%d events of a refused import from above", w.events()-before)
		}
		many := [][]any{{"姓名", "手机号"}}
		for n := range 25 {
			many = append(many, []any{"团员A02", fmt.Sprintf("137123456%02d", n)})
		}
		refused := w.upload(importPath(p), w.console(), "a.xlsx", sheetOf(t, many...)).refuses(422, "import_rejected")
		if list := rejections(refused); !strings.Contains(list, "22:姓名 repeated_row") || strings.Contains(list, "22:手机号") {
			t.Error(list)
		}
	})
}
