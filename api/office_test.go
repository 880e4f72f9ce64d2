package api_test

import (
	"bytes"
	"fmt"
	"mime/multipart"
	"net/http/httptest"
	"strings"
	"testing"
	"time"

	"github.com/xuri/excelize/v2"
)

// TestFromWorkbookToAttendanceSheet is the first way through, from nothing: a workbook as branches really have it
// becomes an organisation, its members bind their phones, check in, repeat it, come too late or from elsewhere, and the
// sheet the secretary exports says the same as the API.
func TestFromWorkbookToAttendanceSheet(t *testing.T) {
	each(t, func(t *testing.T, w *world) {
		console := w.console()
		found := func(parent any, kind, name string) int64 {
			return w.call("POST", "/units", console, object{"parent_id": parent, "kind": kind, "name": name, "code": name}).wants(201).number("id")
		}
		office := found(nil, "party_general_branch", "测试局党总支")
		first, second := found(office, "party_branch", "第一党支部"), found(office, "party_branch", "第二党支部")

		dry := w.uploadRoster(office, console, "?dry_run=true", quirkyWorkbook(t)).wants(200)
		if dry.number("created") != 4 || dry.number("rows") != 4 {
			t.Fatal(dry.Body)
		}
		w.uploadRoster(office, console, "", quirkyWorkbook(t)).wants(200)
		again := w.uploadRoster(office, console, "", quirkyWorkbook(t)).wants(200)
		if again.number("created") != 0 || again.number("updated") != 0 || again.number("unchanged") != 4 {
			t.Fatal(again.Body)
		}

		one := w.bindByPhone("o-one", "张三", "19955550001")
		two := w.bindByPhone("o-two", "阿依古丽·买买提", "19955550002")
		three := w.bindByPhone("o-three", "李四", "19955550003")
		other := w.bindByPhone("o-four", "王五", "19955550004")
		w.call("POST", "/auth/bind", w.tokenOf("o-nobody"), object{"name": "张三", "phone_code": w.wechat.PhoneCode("o-nobody", "19955550009")}).
			refuses(404, "not_on_roster")

		meeting := w.call("POST", "/activities", console, object{
			"unit_id": first, "kind": "theme_day", "title": "四月主题党日", "place": "一楼",
			"starts_at": "2026-03-02T09:10:00+08:00", "ends_at": "2026-03-02T10:00:00+08:00",
		}).wants(201).number("id")
		path := fmt.Sprintf("/activities/%d", meeting)
		scan := func(token string) *answer {
			code := w.call("GET", path+"/check-in-code", console, nil).wants(200).text("code")
			return w.call("POST", path+"/check-ins", token, object{"code": code})
		}
		row := scan(one).wants(201)
		if again := scan(one).wants(200); again.Body.String() != row.Body.String() {
			t.Errorf("repeated: %s, first: %s", again.Body, row.Body)
		}
		scan(other).refuses(403, "not_invited")
		w.clock.Advance(20 * time.Minute)
		if scan(two).wants(201).text("state") != "late" {
			t.Error("after the start is late")
		}
		code := w.call("GET", path+"/check-in-code", console, nil).wants(200).text("code")
		w.clock.Advance(40 * time.Minute)
		w.call("POST", path+"/check-ins", three, object{"code": code}).refuses(409, "check_in_closed")

		attendance := w.call("GET", path+"/attendance", console, nil).wants(200)
		if attendance.number("due") != 3 || attendance.number("present") != 1 || attendance.number("late") != 1 || attendance.number("absent") != 1 {
			t.Fatal(attendance.Body)
		}
		sheetAgrees(t, attendance, w.call("GET", path+"/attendance.xlsx", console, nil).wants(200))
		if units := w.call("GET", "/units", console, nil).wants(200).items(); memberCount(units, second) != 1 || memberCount(units, office) != 4 {
			t.Error(units)
		}
	})
}

func memberCount(units []object, id int64) float64 {
	for _, u := range units {
		if u["id"] == float64(id) {
			return u["member_count"].(float64)
		}
	}
	return -1
}

// quirkyWorkbook has a merged title, a note, synonyms in the header, names with full-width spaces, dates of every kind,
// text numbers, a small x, blanks written as words and a total row.
func quirkyWorkbook(t *testing.T) []byte {
	t.Helper()
	f := excelize.NewFile()
	defer f.Close()
	rows := [][]any{
		{"测试局党总支党员花名册"},
		{"填报日期：2026年3月"},
		{"序号", "姓 名", "性别", "民族", "身份证号码", "出生年月", "入党时间", "所在支部", "联系电话", "备注"},
		{1, "张　三", "女", "汉", "11010519491231002x", "1949.12", "19790701", "第一党支部", "199 5555 0001", "无"},
		{2, "阿依古丽•买买提", "女", "维吾尔族", "—", "1988年5月4日", 40360, "第一党支部", 19955550002, ""},
		{3, "李 四", "男", "汉族", "", "1990-1-2", "2015.06", "第一党支部", "+86 19955550003", "—"},
		{4, "王五", "男", "汉族", "", "19920304", "2018/7/1", "第二", "19955550004", nil},
		{"合计", "4人"},
	}
	for i, row := range rows {
		if err := f.SetSheetRow("Sheet1", fmt.Sprintf("A%d", i+1), &row); err != nil {
			t.Fatal(err)
		}
	}
	if err := f.MergeCell("Sheet1", "A1", "J1"); err != nil {
		t.Fatal(err)
	}
	b, err := f.WriteToBuffer()
	if err != nil {
		t.Fatal(err)
	}
	return b.Bytes()
}

func (w *world) uploadRoster(unit int64, token, query string, workbook []byte) *answer {
	w.t.Helper()
	var b bytes.Buffer
	form := multipart.NewWriter(&b)
	part, err := form.CreateFormFile("file", "党员花名册.xlsx")
	w.must(err)
	_, err = part.Write(workbook)
	w.must(err)
	w.must(form.Close())
	r := httptest.NewRequestWithContext(w.t.Context(), "POST", fmt.Sprintf("/api/v1/units/%d/roster/import%s", unit, query), &b)
	r.Header.Set("Content-Type", form.FormDataContentType())
	return w.send(r, token)
}

// bindByPhone takes a new phone from wx.login to a bound member, and returns his token.
func (w *world) bindByPhone(openID, name, phone string) string {
	w.t.Helper()
	first := w.call("POST", "/auth/wechat", "", object{"code": w.wechat.LoginCode(openID)}).wants(200)
	if first.object()["member"] != nil {
		w.t.Fatalf("%s is bound already: %s", openID, first.Body)
	}
	w.call("GET", "/units", first.text("access_token"), nil).refuses(403, "not_bound")
	bound := w.call("POST", "/auth/bind", first.text("access_token"), object{"name": name, "phone_code": w.wechat.PhoneCode(openID, phone)}).wants(200)
	return bound.text("access_token")
}

// sheetAgrees compares the exported workbook with what the API answers, member by member.
func sheetAgrees(t *testing.T, attendance, sheet *answer) {
	t.Helper()
	f, err := excelize.OpenReader(sheet.Body)
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	rows, err := f.GetRows("签到表")
	if err != nil {
		t.Fatal(err)
	}
	said := map[string]string{}
	for _, row := range rows {
		if len(row) > 3 {
			said[row[1]] = row[3]
		}
	}
	states := map[string]string{"present": "实到", "late": "迟到", "leave": "请假", "absent": "缺席"}
	for _, raw := range attendance.object()["members"].([]any) {
		m := raw.(object)
		if name := m["name"].(string); said[name] != states[m["state"].(string)] {
			t.Errorf("%s is %v in the API and %q in the sheet", name, m["state"], said[name])
		}
	}
	counts := attendance.object()
	want := fmt.Sprintf("应到 %v 人", counts["due"])
	if !strings.Contains(fmt.Sprint(rows), want) {
		t.Errorf("%q is not in the sheet", want)
	}
}
