package api_test

import (
	"bytes"
	"fmt"
	"math"
	"strconv"
	"strings"
	"time"

	"github.com/xuri/excelize/v2"

	"zhibu/model"
	"zhibu/service/wechat/sim"
)

// mistake is a payment that was recorded for the wrong person, and reversed.
func (y *duesYear) mistake() {
	y.t.Helper()
	wrong := y.takeCash(branch, nobody, object{"months": []string{"2026-04"}, "amount_fen": 20})
	path := fmt.Sprintf("/dues/payments/%d/reverse", wrong.number("id"))
	y.call("POST", path, y.console(), object{"reason": "登记错了人"}).wants(200)
	y.call("POST", path, y.console(), object{"reason": "再来一次"}).refuses(409, "already_reversed")
}

// refund gives a third of an order back: the first attempt ends abnormal and changes nothing, the second takes a while.
// The member pays what is open again at the desk.
func (y *duesYear) refund() {
	y.t.Helper()
	list := y.call("GET", "/me/dues/orders?limit=1", y.token(leader), nil).wants(200).items()
	no := list[0]["order_no"].(string)
	ask := func(key string, fen int64) *answer {
		return y.once(key, "/dues/orders/"+no+"/refund", y.token(chief), object{"amount_fen": fen, "reason": "基数有误"})
	}
	ask("too-much", 1_501).refuses(409, "refund_too_much")
	y.fail(sim.Fault{Endpoint: "/v3/refund/domestic/refunds", RefundAbnormal: true})
	ask("abnormal", 500).wants(200)
	y.later()
	if got := y.state(no); got != "paid" {
		y.t.Error("after an abnormal refund the order is ", got)
	}
	y.clock.Advance(time.Minute) // the platform wants one between two refunds of an order
	y.fail(sim.Fault{Endpoint: "/v3/refund/domestic/refunds", HoldRefund: true})
	held := ask("held", 500).wants(200)
	ask("held-2", 100).refuses(409, "refund_in_progress")
	_, err := y.wechat.FinishRefund(y.t.Context(), held.text("refund_no"), "success")
	y.must(err)
	y.later()
	if o := y.look(leader, no); o["state"] != "paid" || o["refunded_fen"] != 500.0 {
		y.t.Error(o)
	}
	y.refunded += 500
	y.desk(y.token(secretary), branch, leader, 500, "cash").wants(201)
	y.paid[branch] += 500
}

// reconcile holds the platform's bill of the day against the books; in February that finds what no notification told.
func (y *duesYear) reconcile() {
	y.t.Helper()
	y.at(y.month, 21, "10:40")
	body := object{"date": y.monthText() + "-20"}
	if y.month == 6 {
		y.fail(sim.Fault{Endpoint: "/v3/bill/tradebill", NoBill: true})
		y.call("POST", "/dues/reconciliations", y.console(), body).refuses(409, "bill_missing")
	}
	a := y.call("POST", "/dues/reconciliations", y.console(), body).wants(201)
	differences := a.object()["differences"].([]any)
	if y.month == 2 {
		if len(differences) != 1 || differences[0].(object)["kind"] != "missing_here" || differences[0].(object)["settled"] != true {
			y.t.Error(a.Body)
		}
		a = y.call("POST", "/dues/reconciliations", y.console(), body).wants(201)
		differences = a.object()["differences"].([]any)
	}
	if len(differences) != 0 || a.number("matched") < 4 {
		y.t.Errorf("%s: %s", y.monthText(), a.Body)
	}
}

// remit sends up all that is in hand: the branches to the unit above them, which keeps its books here, and those out of
// the books.
func (y *duesYear) remit() {
	y.t.Helper()
	quarter := min(y.month-1, 11)/3 + 1
	if y.month%3 == 0 {
		quarter = y.month / 3
	}
	for _, r := range []struct {
		unit int64
		to   string
	}{{branch, "单位1"}, {sibling, "单位1"}, {leagueBranch, "单位12"}, {root, "市直机关工委"}, {leagueRoot, "团市直机关工委"}} {
		fen := y.held(r.unit)
		body := object{"period": fmt.Sprintf("2026-Q%d", quarter), "amount_fen": fen + 1, "to": r.to, "receipt_no": fmt.Sprintf("Q%d-%d", quarter, r.unit)}
		y.call("POST", duesPath(r.unit, "remittances"), y.console(), body).refuses(409, "not_in_hand")
		body["amount_fen"] = fen
		key := fmt.Sprintf("remit-%d-%d", quarter, r.unit)
		first := y.once(key, duesPath(r.unit, "remittances"), y.console(), body).wants(201)
		if again := y.once(key, duesPath(r.unit, "remittances"), y.console(), body).wants(201); again.number("id") != first.number("id") {
			y.t.Error(again.Body)
		}
		if r.unit == root {
			y.gone += fen
		}
	}
	for _, unit := range []int64{branch, sibling, leagueBranch, root} {
		if st := y.statement(unit); st["difference_fen"] != 0.0 || st["fully_remitted"] != true {
			y.t.Errorf("quarter %d, unit %d: %v", quarter, unit, st)
		}
	}
}

// held is what the unit itself has in hand.
func (y *duesYear) held(unit int64) (fen int64) {
	y.t.Helper()
	for _, h := range y.statement(unit)["held"].([]any) {
		if h := h.(object); h["unit_id"] == float64(unit) {
			fen += int64(h["amount_fen"].(float64))
		}
	}
	return fen
}

// unfinished: as long as the last quarter is in hand, nobody says that all of it was sent up.
func (y *duesYear) unfinished() {
	y.t.Helper()
	for _, unit := range []int64{branch, sibling, leagueBranch, root} {
		st := y.statement(unit)
		if st["fully_remitted"] != false || strings.Contains(st["assertion"].(string), "全额") || st["difference_fen"] != st["in_hand"].(object)["total_fen"] {
			y.t.Errorf("%d: %v", unit, st)
		}
	}
}

// finished: the year closes to the fen, at every level.
func (y *duesYear) finished() {
	y.t.Helper()
	for unit, branches := range map[int64][]int64{
		branch: {branch}, sibling: {sibling}, leagueBranch: {leagueBranch}, leagueRoot: {leagueBranch}, root: {branch, sibling},
	} {
		st := y.statement(unit)
		var paid, assessed, refunded, exempted int64
		for _, b := range branches {
			paid += y.paid[b]
			assessed += y.assessed[b]
			switch b {
			case branch:
				refunded += y.refunded
			case sibling:
				exempted = 3 * 4_200
			}
		}
		same(y.t, fmt.Sprint("the year of ", unit), st, object{
			"assessed_fen": assessed, "settled_fen": assessed, "exempted_fen": exempted, "paid_fen": paid, "refunded_fen": refunded,
			"collected_fen": paid - refunded, "remitted_fen": paid - refunded, "difference_fen": 0, "fully_remitted": true,
		})
		if want := fmt.Sprintf("%s元，已全额上缴", model.Fen(paid-refunded)); !strings.Contains(st["assertion"].(string), want) {
			y.t.Errorf("%v, want %s", st["assertion"], want)
		}
		for _, age := range st["arrears"].([]any) {
			if age.(object)["amount_fen"] != 0.0 {
				y.t.Errorf("%d: %v", unit, age)
			}
		}
	}
	if all := y.statement(root); int64(all["remitted_fen"].(float64)) != y.gone {
		y.t.Errorf("%v remitted, %d left the books", all["remitted_fen"], y.gone)
	}
	var balances int64
	y.must(y.db.Read(y.t.Context()).Model(&model.Balance{}).Select("SUM(amount_fen)").Scan(&balances).Error)
	if balances != 0 {
		y.t.Error("the trial balance is ", balances)
	}
}

// workbooks: the ledgers add up by themselves, in their own formulas, to what the statement says.
func (y *duesYear) workbooks() {
	y.t.Helper()
	for unit, token := range map[int64]string{branch: y.token(secretary), sibling: y.token(neighbour), leagueBranch: y.token(youth), root: y.console()} {
		raw := y.call("GET", duesPath(unit, "statement.xlsx?year=2026"), token, nil).wants(200)
		f, err := excelize.OpenReader(bytes.NewReader(raw.Body.Bytes()))
		y.must(err)
		st := y.statement(unit)
		settled, assessed, remitted := st["settled_fen"].(float64), st["assessed_fen"].(float64), st["remitted_fen"].(float64)
		for sheet, want := range map[string][]float64{"台账": {assessed, settled}, "按月": {settled}, "上缴明细": {remitted}} {
			got := y.formulas(f, sheet)
			if unit == root && sheet == "上缴明细" {
				continue // lists the way through the units
			}
			for _, fen := range want {
				if !contains(got, fen) {
					y.t.Errorf("%d, %s: the totals are %v, none is %v", unit, sheet, got, fen)
				}
			}
		}
	}
}

func contains(all []float64, fen float64) bool {
	for _, v := range all {
		if math.Abs(v-fen) < 0.5 {
			return true
		}
	}
	return false
}

// formulas recalculates the formulas of a sheet and returns what they come to, in fen. What is kept beside each formula,
// for readers that do not calculate, is the same.
func (y *duesYear) formulas(f *excelize.File, sheet string) (fen []float64) {
	y.t.Helper()
	rows, err := f.GetRows(sheet, excelize.Options{RawCellValue: true})
	y.must(err)
	for r := range rows {
		for c := range 20 {
			cell, err := excelize.CoordinatesToCellName(c+1, r+1)
			y.must(err)
			formula, err := f.GetCellFormula(sheet, cell)
			y.must(err)
			if formula == "" {
				continue
			}
			kept, err := f.GetCellValue(sheet, cell, excelize.Options{RawCellValue: true})
			y.must(err)
			calculated, err := f.CalcCellValue(sheet, cell, excelize.Options{RawCellValue: true})
			y.must(err)
			a, errA := strconv.ParseFloat(kept, 64)
			b, errB := strconv.ParseFloat(calculated, 64)
			if errA != nil || errB != nil || math.Abs(a-b) > 0.001 {
				y.t.Errorf("%s!%s: %s is kept as %q and comes to %q", sheet, cell, formula, kept, calculated)
			}
			fen = append(fen, b*100)
		}
	}
	if len(fen) == 0 {
		y.t.Errorf("%s has no formulas", sheet)
	}
	return fen
}
