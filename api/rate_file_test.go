package api_test

import (
	"archive/zip"
	"bytes"
	"encoding/xml"
	"errors"
	"fmt"
	"image/png"
	"io"
	"maps"
	"net/url"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"testing"

	"github.com/xuri/excelize/v2"
)

// fetch reads a file as the console, and keeps it where ZHIBU_TEST_KEEP says, for somebody to look at.
func (w *world) fetch(path string) []byte {
	w.t.Helper()
	a := w.call("GET", path, w.console(), nil).wants(200)
	name, err := url.PathUnescape(a.Header().Get("Content-Disposition"))
	if err != nil || !strings.HasPrefix(name, "attachment; ") {
		w.t.Errorf("%s: %v %v", path, name, err)
	}
	if dir := os.Getenv("ZHIBU_TEST_KEEP"); dir != "" {
		_, name, _ := strings.Cut(name, "''")
		w.must(os.WriteFile(filepath.Join(dir, name), a.Body.Bytes(), 0o600))
	}
	return a.Body.Bytes()
}

// parts unpacks a file of an office program; every part has to be well-formed.
func parts(t testing.TB, raw []byte) map[string]string {
	t.Helper()
	archive, err := zip.NewReader(bytes.NewReader(raw), int64(len(raw)))
	if err != nil {
		t.Fatal(err)
	}
	parts := map[string]string{}
	for _, entry := range archive.File {
		f, err := entry.Open()
		if err != nil {
			t.Fatal(err)
		}
		content, err := io.ReadAll(f)
		if err != nil {
			t.Fatal(err)
		}
		parts[entry.Name] = string(content)
		if !strings.HasSuffix(entry.Name, ".xml") && !strings.HasSuffix(entry.Name, ".rels") {
			continue
		}
		d := xml.NewDecoder(bytes.NewReader(content))
		for err == nil {
			_, err = d.Token()
		}
		if !errors.Is(err, io.EOF) {
			t.Errorf("%s: %v", entry.Name, err)
		}
	}
	return parts
}

// table is the part of a sheet below its header, by the names of the columns.
type table struct {
	header int // its row
	rows   []map[string]string
	types  []map[string]excelize.CellType
}

// readTable reads the only sheet of a workbook as it is shown, whose header has the column.
func readTable(t testing.TB, f *excelize.File, column string) (found table) {
	t.Helper()
	sheet := f.GetSheetList()[0]
	rows, err := f.GetRows(sheet)
	if err != nil {
		t.Fatal(err)
	}
	found.header = slices.IndexFunc(rows, func(r []string) bool { return slices.Contains(r, column) }) + 1
	if found.header == 0 {
		t.Fatalf("no column %s in %v", column, rows)
	}
	head := rows[found.header-1]
	for i, cells := range rows[found.header:] {
		row, types := map[string]string{}, map[string]excelize.CellType{}
		for c, text := range cells {
			cell, _ := excelize.CoordinatesToCellName(c+1, found.header+i+1)
			row[head[c]] = text
			if types[head[c]], err = f.GetCellType(sheet, cell); err != nil {
				t.Fatal(err)
			}
		}
		found.rows, found.types = append(found.rows, row), append(found.types, types)
	}
	return found
}

// outside computes a percentage the way somebody with the file and no program would: integers, half up, two digits.
func outside(part, whole string) string {
	n, _ := strconv.Atoi(part)
	d, _ := strconv.Atoi(whole)
	if d == 0 {
		return ""
	}
	hundredths, rest := n*10000/d, n*10000%d
	if 2*rest >= d {
		hundredths++
	}
	return fmt.Sprintf("%d.%02d", hundredths/100, hundredths%100)
}

func less(a, b string) string {
	x, _ := strconv.Atoi(a)
	y, _ := strconv.Atoi(b)
	return strconv.Itoa(x - y)
}

func TestRatesWorkbook(t *testing.T) {
	each(t, func(t *testing.T, w *world) {
		branches, members := w.league(13, 7, 3, 1)
		p := w.openWeek()
		for b, studied := range []int{11, 6, 1, 0} {
			for _, m := range members[b][:studied] {
				w.study(p, m).wants(201)
			}
		}
		for _, m := range []int64{members[1][6], members[3][0], members[0][12]} {
			w.call("POST", periodPath(p, "/exemptions"), w.console(), object{"member_id": m, "reason_category": "sick"}).wants(201)
		}
		for i, name := range []string{"=1+1", "@SUM(A1)", "-2+3", "+cmd|' /C calc'!A0"} {
			w.call("PATCH", fmt.Sprintf("/units/%d", branches[i]), w.console(), object{"name": name}).wants(200)
		}
		check := func(query string) {
			t.Helper()
			raw := w.fetch(periodPath(p, "/rates.xlsx", query))
			f, err := excelize.OpenReader(bytes.NewReader(raw))
			w.must(err)
			defer f.Close()
			got := readTable(t, f, "应参学")
			answer := w.call("GET", periodPath(p, "/rates?limit=200", strings.Replace(query, "?", "&", 1)), w.console(), nil).wants(200).object()
			units := append(answer["units"].([]any), answer["total"])
			if len(got.rows) != len(units) {
				t.Fatalf("%d rows of %d units: %v", len(got.rows), len(units), got.rows)
			}
			for i, row := range got.rows {
				sameRate(t, row, got.types[i], units[i].(object))
				if cell := fmt.Sprintf("A%d", got.header+1+i); i < len(units)-1 { // a text, where need be with a quote before it
					name := units[i].(object)["name"].(string)
					formula, _ := f.GetCellFormula(f.GetSheetList()[0], cell)
					if formula != "" || strings.TrimPrefix(row["组织"], "'") != name {
						t.Errorf("%s has the formula %q, and is %q", cell, formula, row["组织"])
					}
				}
			}
			if panes, err := f.GetPanes(f.GetSheetList()[0]); err != nil || !panes.Freeze || panes.YSplit != got.header {
				t.Errorf("the header is not frozen: %+v %v", panes, err)
			}
			if chart := parts(t, raw)["xl/charts/chart1.xml"]; !strings.Contains(chart, "<c:barChart>") && !strings.Contains(chart, "<barChart") {
				t.Errorf("no chart: %.300s", chart)
			}
		}
		check("")
		w.at("2026-03-08 20:00")
		w.study(p, members[2][1]).wants(201)
		check("")
		check("?version=1")
		check(fmt.Sprintf("?unit_id=%d", branches[0]))
	})
}

// sameRate compares a row of the file with the answer: the counts, the percentages computed anew, all of them numbers.
func sameRate(t *testing.T, row map[string]string, types map[string]excelize.CellType, unit object) {
	t.Helper()
	text := func(field string) string {
		if s, ok := unit[field].(string); ok {
			return s
		}
		return ""
	}
	for column, field := range map[string]string{"应参学": "due", "免学": "exempt", "参学": "completed", "补学": "late", "还差(人)": "shortfall"} {
		if row[column] != fmt.Sprint(unit[field]) {
			t.Errorf("%s of %v is %s in the file", field, unit, row[column])
		}
	}
	for column, c := range map[string]struct{ field, whole string }{
		"参学率(%)": {"percent", row["应参学"]}, "除免学后(%)": {"adjusted_percent", less(row["应参学"], row["免学"])},
	} {
		if want := outside(row["参学"], c.whole); row[column] != want || text(c.field) != want {
			t.Errorf("%s is %q in the file, %q in the answer and %q by hand: %v", c.field, row[column], text(c.field), want, row)
		}
	}
	for column, kind := range types {
		if number := kind == excelize.CellTypeUnset || kind == excelize.CellTypeNumber; column != "组织" && column != "是否达标" && row[column] != "" && !number {
			t.Errorf("%s is no number: %v", column, row)
		}
	}
}

func TestBulletinDocument(t *testing.T) {
	each(t, func(t *testing.T, w *world) {
		branches, members := w.league(4, 3)
		w.call("PATCH", fmt.Sprintf("/units/%d", branches[1]), w.console(), object{"name": "<b>&第二\"团支部"}).wants(200)
		p := w.openPeriod("title", "<新> & \"旧\"")
		for _, m := range members[0][1:] {
			w.study(p, m).wants(201)
		}
		w.call("POST", periodPath(p, "/exemptions"), w.console(), object{"member_id": members[0][0], "reason_category": "sick", "note": "住院"}).wants(201)
		w.at("2026-03-08 20:00")
		raw := w.fetch(periodPath(p, "/bulletin.docx"))
		all := parts(t, raw)
		body := all["word/document.xml"]
		says(t, body, "应参学9人，参学3人，参学率33.33%", "第1团支部", "75.00", "100.00", "&lt;b&gt;&amp;第二", "参学率低于85%的支部（2个）")
		for _, name := range []string{"团员", "团庚", "双辛", "住院"} {
			if strings.Contains(body, name) {
				t.Errorf("the notice says %s", name)
			}
		}
		picture := slices.ContainsFunc(slices.Collect(maps.Keys(all)), func(name string) bool { return strings.HasSuffix(name, ".png") })
		if !picture {
			t.Error("the notice has no chart")
		}
		alone := parts(t, w.fetch(periodPath(p, fmt.Sprintf("/bulletin.docx?unit_id=%d", branches[0]))))["word/document.xml"]
		says(t, alone, "应参学4人，参学3人")
		if strings.Contains(alone, "第二") {
			t.Error("the notice of one branch speaks of another")
		}
	})
}

func TestPictures(t *testing.T) {
	each(t, func(t *testing.T, w *world) {
		sizes := make([]int, 24)
		for i := range sizes {
			sizes[i] = 1 + i%3
		}
		branches, members := w.league(sizes...)
		empty := w.call("POST", "/units", w.console(), object{"parent_id": leagueRoot, "kind": "league_branch", "name": "空支部", "code": "E"}).wants(201).number("id")
		series := "?series=" + url.QueryEscape("青年大学习") + "&year=2026"
		picture := func(path string) {
			t.Helper()
			img, err := png.Decode(bytes.NewReader(w.fetch(path)))
			if err != nil {
				t.Fatalf("%s: %v", path, err)
			}
			if size := img.Bounds().Size(); size.X < 300 || size.Y < 200 {
				t.Errorf("%s: %v", path, size)
			}
		}
		picture(fmt.Sprintf("/units/%d/study-rates.png%s", leagueRoot, series)) // no period at all
		p := w.openWeek()
		for b, list := range members {
			if b%2 == 0 {
				w.study(p, list[0]).wants(201)
			}
		}
		w.call("PATCH", fmt.Sprintf("/units/%d", branches[3]), w.console(), object{"name": "一个名字特别特别长的、在图上无论如何也写不下的团支部"}).wants(200)
		picture(periodPath(p, "/rates.png"))
		picture(periodPath(p, fmt.Sprintf("/rates.png?unit_id=%d", empty)))
		picture(periodPath(p, fmt.Sprintf("/rates.png?unit_id=%d", branches[0])))
		for _, unit := range []int64{leagueRoot, branches[0], empty} {
			picture(fmt.Sprintf("/units/%d/study-rates.png%s", unit, series))
		}
	})
}

func TestStudyRatesWorkbook(t *testing.T) {
	each(t, func(t *testing.T, w *world) {
		_, members := w.league(3, 2)
		for week, studied := range []int{7, 6, 1} {
			day := 2 + 7*week
			w.at(fmt.Sprintf("2026-03-%02d 09:00", day))
			p := w.openPeriod("number", week+1, "opens_at", shanghai(fmt.Sprintf("2026-03-%02d", day), "09:00"), "closes_at", shanghai(fmt.Sprintf("2026-03-%02d", day+6), "20:00"))
			for _, m := range append(append([]int64{youth, both}, members[0]...), members[1]...)[:studied] {
				w.study(p, m).wants(201)
			}
		}
		series := "?series=" + url.QueryEscape("青年大学习") + "&year=2026"
		raw := w.fetch(fmt.Sprintf("/units/%d/study-rates.xlsx%s", leagueRoot, series))
		f, err := excelize.OpenReader(bytes.NewReader(raw))
		w.must(err)
		defer f.Close()
		items := w.call("GET", fmt.Sprintf("/units/%d/study-rates%s", leagueRoot, series), w.console(), nil).wants(200).items()
		got := readTable(t, f, "应参学")
		if len(got.rows) != 3 || len(items) != 3 {
			t.Fatalf("%v", got.rows)
		}
		for i, row := range got.rows {
			types := got.types[i]
			for column := range types {
				if !strings.Contains("应参学 免学 参学 补学 参学率(%) 除免学后(%) 还差(人)", column) {
					delete(types, column)
				}
			}
			sameRate(t, row, types, items[i])
		}
		rows, err := f.GetRows(f.GetSheetList()[0])
		w.must(err)
		head := fmt.Sprint(rows[:got.header-1])
		says(t, head, "2026年“青年大学习”各期参学率", "已截止2期，最低一期：第2期 85.71%", "2026年组织“青年大学习”2期，每期团员参加率均达到85%以上")
		if panes, err := f.GetPanes(f.GetSheetList()[0]); err != nil || !panes.Freeze || panes.YSplit != got.header {
			t.Errorf("the header is not frozen: %+v %v", panes, err)
		}
		if parts(t, raw)["xl/charts/chart1.xml"] == "" {
			t.Error("no chart")
		}
		w.fetch(fmt.Sprintf("/units/%d/study-rates.xlsx%s", branch, series)) // with nothing in it
		w.fetch(fmt.Sprintf("/units/%d/study-rates.png%s", leagueRoot, series))
	})
}
