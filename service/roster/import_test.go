package roster_test

import (
	"bytes"
	"context"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/xuri/excelize/v2"
	"golang.org/x/text/encoding/simplifiedchinese"

	"zhibu/model"
	"zhibu/model/modeltest"
	"zhibu/office"
	"zhibu/service/roster"
)

// quirks is a roster as branches really have it: every habit of DOMAIN §17 in one workbook.
func quirks(t *testing.T) []byte {
	t.Helper()
	f := excelize.NewFile()
	defer f.Close()
	must := func(err error) {
		t.Helper()
		if err != nil {
			t.Fatal(err)
		}
	}
	must(f.SetSheetName("Sheet1", "说明"))
	must(f.SetCellValue("说明", "A1", "填表说明：请勿改动表头"))
	_, err := f.NewSheet("花名册")
	must(err)
	rows := [][]any{
		{"局直属机关党总支党员花名册"},
		{"填报单位：（盖章）", nil, nil, nil, nil, nil, nil, "填报时间：2026年3月"},
		{"序号", "党员\n姓名", "性 别", "出生年月", "公民身份号码", "籍贯", "联系电话", "所在支部", "党小组", "组织情况", nil, nil, nil, "备  注（可不填）", "家庭住址"},
		{nil, nil, nil, nil, nil, nil, nil, nil, nil, "入党时间", "转为正式党员日期", "党员类别", "困难党员\n(是/否)"},
		{1, "张　三", "男", "1981.11", idNumber("19811103", 1), "甘肃", "13800000001", "第一党支部", "第一党小组", 19990701, "2000年7月1日", "正式", "否", "=cmd|' /C calc'!A0", "某路1号"},
		{2, "阿依古丽•买买提", "女", 29893, "'" + strings.ToLower(idNumber("19811103", 34)), "新疆", 13800000002, nil, nil, "1999.7", "2000/07/01", "正式党员", "否", "无", "—"},
		{3, "李退休", "男", "1950-1-3", "无", "-", "/", nil, "第二", "1975年1月", "—", "中共党员", "是", nil, nil},
		{4, "王预备", "女", "19990102", idNumber("19990102", 2), nil, "010-88886666", "第二", nil, 45000, nil, "预备党员", nil, "调入", nil},
		{},
		{5, "李退休", "男", "1950-1-3", nil, nil, nil, "第一支部", "第二", "1975年1月", nil, "中共党员", "是", nil, nil}, // again
		{"合计", "5人"},
		{"填表人：某某", nil, nil, "审核人：某某"},
	}
	for i, row := range rows {
		cell, err := excelize.CoordinatesToCellName(1, i+1)
		must(err)
		must(f.SetSheetRow("花名册", cell, &row))
	}
	for _, m := range [][2]string{{"A1", "O1"}, {"A3", "A4"}, {"B3", "B4"}, {"J3", "M3"}, {"H5", "H7"}, {"I5", "I6"}} {
		must(f.MergeCell("花名册", m[0], m[1]))
	}
	b, err := f.WriteToBuffer()
	must(err)
	return b.Bytes()
}

func TestImportQuirks(t *testing.T) {
	modeltest.Each(t, func(t *testing.T, db *model.DB) {
		w := newWorld(t, db)
		ctx := context.Background()
		general := officer(w.general, model.Secretary)
		dry, err := w.s.Import(ctx, general, w.general.ID, bytes.NewReader(quirks(t)), office.ImportOptions{DryRun: true})
		w.must(err)
		if n := w.counts(); n["members"]+n["audit_events"] != 0 {
			t.Fatal("a dry run writes")
		}
		r, err := w.s.Import(ctx, general, w.general.ID, bytes.NewReader(quirks(t)), office.ImportOptions{})
		if err != nil {
			t.Fatalf("%v %+v", err, r)
		}
		want := office.Report{Rows: 5, Created: 4, Unchanged: 1, IgnoredColumns: []string{"籍贯", "家庭住址"}}
		if diff := cmp.Diff(want, r); diff != "" {
			t.Error(diff)
		}
		if diff := cmp.Diff(dry, r); diff != "" {
			t.Errorf("the dry run says otherwise: %s", diff)
		}
		page, _, err := w.s.List(ctx, officer(w.a, model.Secretary), w.a.ID, roster.Filter{})
		w.must(err)
		type row struct {
			Name, Unit, Phone, Note, Gender   string
			Birth, Joined, Confirmed, Started model.Date
			Kind                              model.MembershipKind
			Hardship                          bool
		}
		got := []row{}
		for _, p := range page {
			m := p.Memberships[0]
			got = append(got, row{p.Name, m.Unit.Name, p.Details.Phone, p.Details.Note, p.Details.Gender, p.Details.BirthDate, m.JoinedOn, m.ConfirmedOn, m.StartedOn, m.Kind, m.Hardship})
		}
		full := model.Full
		if diff := cmp.Diff([]row{
			{"阿依古丽•买买提", "第一党小组", "13800000002", "", "female", "1981-11-03", "1999-07-01", "2000-07-01", "1999-07-01", full, false},
			{"李退休", "第二党小组", "", "", "male", "1950-01-03", "1975-01-01", "", "1975-01-01", full, true},
			{"张三", "第一党小组", "13800000001", "=cmd|' /C calc'!A0", "male", "1981-11-03", "1999-07-01", "2000-07-01", "1999-07-01", full, false},
		}, got); diff != "" {
			t.Error(diff)
		}
		before := w.counts()
		again, err := w.s.Import(ctx, general, w.general.ID, bytes.NewReader(quirks(t)), office.ImportOptions{})
		w.must(err)
		if again.Unchanged != 5 || again.Created+again.Updated != 0 {
			t.Errorf("again: %+v", again)
		}
		if diff := cmp.Diff(before, w.counts()); diff != "" {
			t.Errorf("again, and something is written: %s", diff)
		}
		w.noPersonalData("13800000001", idNumber("19811103", 1), "张三")
	})
}

var header = []any{"姓名", "身份证号", "手机号", "出生日期", "性别", "所在支部", "党小组", "党员类别", "入党时间", "党内职务", "备注"}

func TestImportRefusesCells(t *testing.T) {
	modeltest.Each(t, func(t *testing.T, db *model.DB) {
		w := newWorld(t, db)
		w.unit(&w.a, model.PartyGroup, "第三党小组")
		rows := [][]any{
			header,
			{"甲", "6.20102198111E+17"},
			{"乙", 620102198111031000},
			{"丙", "620102198111031111"},
			{"丁", idNumber("19811103", 1), "1380000", "1982-11-03", "女"},
			{"戊", "", "", "1981.1"},
			{"己", "", "", "1981"},
			{"庚", "", "", "2030-01-01", "未知"},
			{"辛", "", "", "", "", "第九党支部"},
			{"壬", "", "", "", "", "", "第九党小组"},
			{"癸", "", "", "", "", "", "", "入党积极分子"},
			{"", "", "13800000001"},
			{"甲子", "", "#REF!"},
			{"乙丑", "", "", "", "", "", "", "", "", "班长"},
			{"丙寅", "", "", "", "", "", "", "", "", "管理员"},
			{"丁卯", "", "", "", "", "", "", "团员"},
			{"戊辰", "", "", "", "", "", "", "", "", "党总支书记"},
			{"好", idNumber("19811103", 5), "", "1981.1", "男", "", "", "", "", "书记、组织委员"},
			{"也好", idNumber("19811103", 6), "", "1981.11", "女", "第一", "二", "预备", 45000, "党小组长"},
			{"再好", idNumber("19811103", 6), "", "", "", "", "", "", "", ""},
			{"又", "", "", "", "", "", "", "", "", "支部书记"},
		}
		rows[17][3] = "1981-11"
		want := []string{
			"2 身份证号 id_number_rounded", "3 身份证号 id_number_rounded", "4 身份证号 invalid_id_number",
			"5 手机号 invalid_phone", "5 性别 id_number_mismatch", "5 出生日期 id_number_mismatch",
			"6 出生日期 invalid_date", "7 出生日期 invalid_date", "8 性别 invalid_value", "8 出生日期 invalid_date",
			"9 所在支部 unit_not_found", "10 党小组 unit_not_found", "11 党员类别 not_a_member", "12 姓名 required", "13 手机号 cell_error",
			"14 党内职务 unknown_title", "15 党内职务 forbidden_title", "16 党员类别 track_mismatch", "17 党内职务 unit_not_found",
			"20 身份证号 name_mismatch", "21 党内职务 title_held",
		}
		rows[5][3] = 1981.1 // the number may be January or October
		want[6] = "6 出生日期 ambiguous_date"
		actor := officer(w.a, model.Secretary)
		before := w.counts()
		r, err := w.importRows(actor, w.a, office.ImportOptions{}, rows...)
		if e := model.AsError(err); e == nil || e.Code != "import_rejected" {
			t.Fatalf("%v %+v", err, r)
		}
		if diff := cmp.Diff(want, rejections(r)); diff != "" {
			t.Error(diff)
		}
		for _, x := range r.Rejected {
			if strings.Contains(x.Message, "620102") || strings.Contains(x.Message, "1380000") {
				t.Errorf("a message repeats personal data: %s", x.Message)
			}
		}
		if diff := cmp.Diff(before, w.counts()); diff != "" || r.Created != 0 {
			t.Errorf("refused, yet written: %s", diff)
		}
		r, err = w.importRows(actor, w.a, office.ImportOptions{Partial: true}, rows...)
		w.must(err)
		if r.Created != 2 || r.Rows != 20 || w.counts()["posts"] != 3 {
			t.Errorf("%+v %v", r, w.counts())
		}
	})
}

func TestImportText(t *testing.T) {
	text := "花名册,,\r\n姓名,身份证号,手机号,备注\r\n\r\n张三," + idNumber("19811103", 1) + ",13800000001,\"两行\n备注\"\r\n\r\n李四,坏,,\r\n"
	gb, err := simplifiedchinese.GB18030.NewEncoder().String(text)
	if err != nil {
		t.Fatal(err)
	}
	utf16 := []byte{0xff, 0xfe}
	for _, r := range strings.ReplaceAll(text, ",", "\t") {
		utf16 = append(utf16, byte(r), byte(r>>8))
	}
	for name, content := range map[string][]byte{
		"UTF-8": []byte(text), "with a mark": []byte("\ufeff" + text), "GB18030": []byte(gb), "UTF-16 with tabs": utf16,
	} {
		t.Run(name, func(t *testing.T) {
			w := newWorld(t, modeltest.SQLite(t))
			r, err := w.s.Import(context.Background(), officer(w.a, model.Secretary), w.a.ID, bytes.NewReader(content), office.ImportOptions{Partial: true})
			w.must(err)
			if diff := cmp.Diff([]string{"6 身份证号 invalid_id_number"}, rejections(r)); diff != "" || r.Created != 1 {
				t.Errorf("%+v: %s", r, diff)
			}
		})
	}
}
