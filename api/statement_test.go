package api_test

import (
	"bytes"
	"fmt"
	"math"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/xuri/excelize/v2"
)

// statement reads the account of a unit over 2026, as the console.
func (w *world) statement(unit int64) object {
	w.t.Helper()
	return w.call("GET", duesPath(unit, "statement?year=2026"), w.console(), nil).wants(200).object()
}

// TestStatement: assessed, collected, remitted, the difference with its place, and 全额上缴 at zero only.
func TestStatement(t *testing.T) {
	billed(t, func(t *testing.T, w *world) {
		w.clock.Advance(24 * time.Hour) // the dues day of March is the second, a Monday
		same(t, "nothing yet", w.statement(branch), object{
			"unit_id": branch, "unit_name": "单位10", "year": 2026, "assessed_fen": 6_000, "collected_fen": 0, "remitted_fen": 0, "difference_fen": 0,
			"fully_remitted": false, "assertion": "2026年没有收缴党费。",
		})
		w.call("POST", fmt.Sprintf("/members/%d/dues-exemptions", nobody), w.console(), object{
			"from_month": "2026-03", "to_month": "2026-03", "amount_fen": 400, "approved_by": "机关党委", "reason_category": "illness",
		}).wants(201)
		w.call("POST", duesPath(branch, "payments"), w.token(secretary), altered(cash, object{
			"months": []string{"2026-01", "2026-02", "2026-03"}, "amount_fen": 2_500, "voluntary_fen": 200,
		})).wants(201)
		w.takeCash(branch, nobody, object{"months": []string{"2026-03"}, "amount_fen": 400, "method": "bank"})
		mistake := w.takeCash(branch, nobody, object{"months": []string{"2026-02"}, "amount_fen": 77}).number("id")
		w.call("POST", fmt.Sprintf("/dues/payments/%d/reverse", mistake), w.console(), object{"reason": "记错"}).wants(200)
		st := w.statement(branch)
		same(t, "collected", st, object{
			"assessed_fen": 5_400, "exempted_fen": 600, "settled_fen": 2_900, "paid_fen": 3_100, "voluntary_fen": 200, "refunded_fen": 0,
			"collected_fen": 3_100, "remitted_fen": 0, "difference_fen": 3_100, "fully_remitted": false,
			"assertion": "2026年共收缴党费31.00元，已上缴0.00元，尚有31.00元未上缴。",
		})
		same(t, "in hand", st["in_hand"].(object), object{"cash_fen": 2_700, "bank_fen": 400, "wechat_fen": 0, "refunding_fen": 0, "total_fen": 3_100})
		held := st["held"].([]any)
		same(t, "held", held[0].(object), object{"unit_id": branch, "account": "cash", "holder": "member:1000", "holder_name": "书甲", "amount_fen": 2_700})
		months := st["months"].([]any)
		same(t, "March", months[2].(object), object{"month": "2026-03", "bills": 2, "open": 1, "assessed_fen": 1_400, "paid_fen": 900})
		same(t, "arrears of two months at most", st["arrears"].([]any)[0].(object), object{
			"from_months": 0, "to_months": 2, "members": 2, "bills": 3, "amount_fen": 2_500,
		})
		same(t, "arrears of six months and more", st["arrears"].([]any)[2].(object), object{"from_months": 6, "to_months": nil, "bills": 0})

		up := func(unit int64, fen int, to string) {
			t.Helper()
			w.call("POST", duesPath(unit, "remittances"), w.console(), object{"period": "2026-Q1", "amount_fen": fen, "to": to}).wants(201)
		}
		up(branch, 3_099, "单位1")
		same(t, "a fen is missing", w.statement(branch), object{"difference_fen": 1, "fully_remitted": false, "assertion": "2026年共收缴党费31.00元，已上缴30.99元，尚有0.01元未上缴。"})
		same(t, "within the root nothing has left", w.statement(root), object{"collected_fen": 3_100, "remitted_fen": 0, "difference_fen": 3_100})
		up(branch, 1, "单位1")
		same(t, "all of it", w.statement(branch), object{
			"collected_fen": 3_100, "remitted_fen": 3_100, "difference_fen": 0, "fully_remitted": true, "assertion": "2026年共收缴党费31.00元，已全额上缴。",
		})
		up(root, 3_100, "市委组织部")
		same(t, "out of the root", w.statement(root), object{"remitted_fen": 3_100, "difference_fen": 0, "fully_remitted": true, "assessed_fen": 8_400})
		same(t, "another year", w.call("GET", duesPath(branch, "statement?year=2025"), w.token(auditor), nil).wants(200).object(), object{
			"collected_fen": 0, "remitted_fen": 0, "fully_remitted": false,
		})
		same(t, "this year when absent", w.call("GET", duesPath(branch, "statement"), w.token(secretary), nil).wants(200).object(), object{"year": 2026})
		for _, query := range []string{"?year=1999", "?year=2100", "?year=x", "?year=99999999999999999999", "?year="} {
			if a := w.call("GET", duesPath(branch, "statement"+query), w.token(secretary), nil); query != "?year=" {
				a.refuses(422, "invalid_request")
			}
		}
	})
}

// sheetAt is a sheet from its header on: the header, the rows, and the row of the totals.
type sheetAt struct {
	name   string
	header int
	names  []string
	rows   [][]string
	totals []string
}

func readSheet(t *testing.T, f *excelize.File, name, column string) sheetAt {
	t.Helper()
	raw, err := f.GetRows(name, excelize.Options{RawCellValue: true})
	if err != nil {
		t.Fatal(err)
	}
	s := sheetAt{name: name}
	for i, r := range raw {
		switch {
		case s.header == 0 && len(r) > 0 && r[0] == column:
			s.header, s.names = i+1, r
		case s.header != 0:
			s.rows = append(s.rows, r)
		}
	}
	if s.header == 0 || len(s.rows) == 0 {
		t.Fatalf("no table in %s: %v", name, raw)
	}
	s.totals = s.rows[len(s.rows)-1]
	s.rows = s.rows[:len(s.rows)-1]
	return s
}

// addsUp holds the totals of a sheet against its rows, by somebody else's arithmetic: each column of money has a SUM formula
// over the rows, the kept value is what the rows come to, and each amount is a number.
func (s sheetAt) addsUp(t *testing.T, f *excelize.File, columns ...string) {
	t.Helper()
	checked := 0
	for c, name := range s.names {
		if !strings.Contains("|"+strings.Join(columns, "|")+"|", "|"+name+"|") {
			continue
		}
		checked++
		sum := int64(0)
		for i, r := range s.rows {
			if c >= len(r) || r[c] == "" {
				continue
			}
			cell, _ := excelize.CoordinatesToCellName(c+1, s.header+1+i)
			if kind, err := f.GetCellType(s.name, cell); err != nil || kind == excelize.CellTypeSharedString || kind == excelize.CellTypeInlineString {
				t.Errorf("%s!%s is no number: %v %v", s.name, cell, kind, err)
			}
			yuan, err := strconv.ParseFloat(r[c], 64)
			if err != nil {
				t.Errorf("%s!%s: %v", s.name, cell, err)
			}
			sum += int64(math.Round(yuan * 100))
		}
		column, _ := excelize.ColumnNumberToName(c + 1)
		cell := fmt.Sprint(column, s.header+1+len(s.rows))
		formula, err := f.GetCellFormula(s.name, cell)
		if want := fmt.Sprintf("SUM(%s%d:%s%d)", column, s.header+1, column, s.header+len(s.rows)); err != nil || strings.TrimPrefix(formula, "=") != want {
			t.Errorf("%s!%s: formula %q (%v), want %s", s.name, cell, formula, err, want)
		}
		total, err := strconv.ParseFloat(s.totals[c], 64)
		if err != nil || int64(math.Round(total*100)) != sum {
			t.Errorf("%s!%s is %v (%v), the rows come to %d fen", s.name, cell, s.totals[c], err, sum)
		}
		computed, err := f.CalcCellValue(s.name, cell, excelize.Options{RawCellValue: true})
		if yuan, parse := strconv.ParseFloat(computed, 64); err != nil || parse != nil || int64(math.Round(yuan*100)) != sum {
			t.Errorf("%s!%s computes to %s (%v), the rows come to %d fen", s.name, cell, computed, err, sum)
		}
	}
	if checked != len(columns) {
		t.Errorf("%s has %v, want all of %v", s.name, s.names, columns)
	}
}

// TestLedgerWorkbook: the columns of the paper ledger, numbers that are numbers, and totals that add up by themselves.
func TestLedgerWorkbook(t *testing.T) {
	billed(t, func(t *testing.T, w *world) {
		w.call("PUT", settingsOf(root)+"/dues.store_base", w.token(chief), object{"value": "true"}).wants(200)
		w.call("PUT", assessPath(leader), w.token(secretary), object{
			"track": "party", "category": "salaried", "base_fen": 510_001, "effective_month": "2026-01",
		}).wants(200)
		w.makeBills(branch, "2026-01", "2026-02", "2026-03")
		for i, months := range [][]string{{"2026-01"}, {"2026-02", "2026-03"}} {
			w.call("POST", duesPath(branch, "payments"), w.token(secretary), altered(cash, object{"months": months, "amount_fen": 701 + 333*i})).wants(201)
		}
		w.takeCash(branch, leader, object{"months": []string{"2026-01", "2026-02"}, "amount_fen": 15_300})
		for _, fen := range []int{1_999, 3} {
			w.call("POST", duesPath(branch, "remittances"), w.token(secretary), object{"period": "2026-Q1", "amount_fen": fen, "to": "机关工委"}).wants(201)
		}
		open := func(member, unit int64) *excelize.File {
			t.Helper()
			a := w.call("GET", duesPath(unit, "statement.xlsx?year=2026"), w.token(member), nil).wants(200)
			f, err := excelize.OpenReader(bytes.NewReader(a.Body.Bytes()))
			if err != nil {
				t.Fatal(err)
			}
			parts(t, a.Body.Bytes())
			t.Cleanup(func() { f.Close() })
			return f
		}
		f := open(secretary, branch)
		ledger := readSheet(t, f, f.GetSheetList()[0], "序号")
		if got := strings.Join(ledger.names, ","); got != "序号,党员姓名,月工资收入,执行标准,月应缴,全年应缴,全年实缴,备注" {
			t.Error(got)
		}
		ledger.addsUp(t, f, "全年应缴", "全年实缴")
		if len(ledger.rows) != 3 {
			t.Fatal(ledger.rows)
		}
		for _, r := range ledger.rows {
			if r[1] == "组丙" && strings.Join(r[2:7], ",") != "5100.01,有固定收入 1.5%,76.5,229.5,153" {
				t.Error(r)
			}
		}
		months := readSheet(t, f, f.GetSheetList()[1], "序号")
		if len(months.names) != 16 || months.names[2] != "1月" || months.names[13] != "12月" || months.names[15] != "收款人签名" {
			t.Error(months.names)
		}
		months.addsUp(t, f, append(months.names[2:14:14], "合计")...)
		sent := readSheet(t, f, f.GetSheetList()[2], "单位")
		sent.addsUp(t, f, "金额(元)")
		if len(sent.rows) != 2 || sent.rows[0][2] != "2" {
			t.Error(sent.rows)
		}
		// The same sums as the statement says.
		st := w.statement(branch)
		if yuan, _ := strconv.ParseFloat(ledger.totals[6], 64); int64(math.Round(yuan*100)) != int64(st["settled_fen"].(float64)) {
			t.Errorf("the ledger has %s, the statement %v", ledger.totals[6], st["settled_fen"])
		}
		reads := w.call("GET", duesPath(branch, "statement.xlsx"), w.token(auditor), nil).wants(200).Body.Bytes()
		if text := shown(t, reads); strings.Contains(text, "5,100.01") || strings.Contains(text, "5100.01") || strings.Contains(text, "组丙") {
			t.Errorf("an auditor above is shown names or a base: %s", text)
		}
		above := open(chief, root)
		branches := readSheet(t, above, above.GetSheetList()[0], "序号")
		branches.addsUp(t, above, "全年应缴", "全年实缴")
		if len(branches.rows) != 2 || branches.names[1] != "支部" {
			t.Error(branches)
		}
		readSheet(t, above, above.GetSheetList()[1], "序号").addsUp(t, above, append(months.names[2:14:14], "合计")...)
		if n := w.recorded("dues_ledger.export"); n != 3 {
			t.Errorf("%d exports in the audit", n)
		}
	})
}

// shown is every cell of a workbook as it is read.
func shown(t testing.TB, raw []byte) string {
	t.Helper()
	f, err := excelize.OpenReader(bytes.NewReader(raw))
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	var b strings.Builder
	for _, sheet := range f.GetSheetList() {
		rows, err := f.GetRows(sheet)
		if err != nil {
			t.Fatal(err)
		}
		for _, r := range rows {
			b.WriteString(strings.Join(r, "|") + "\n")
		}
	}
	return b.String()
}
