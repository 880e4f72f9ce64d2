package api_test

import (
	"fmt"
	"testing"
	"time"

	"zhibu/model"
	"zhibu/service/wechat/sim"
)

// TestDuesYear plays a year through by the calls of the clients: the assessment of January, the bills of each month,
// payments at the desk and on the phone with what goes wrong there, a refund, an exemption, a transfer in mid-year, and a
// remittance each quarter. What it should come to is added up here by hand.
func TestDuesYear(t *testing.T) {
	each(t, func(t *testing.T, w *world) {
		y := &duesYear{world: w, t: t, paid: map[int64]int64{}, assessed: map[int64]int64{}}
		y.at(1, 1, "00:10")
		y.assessAll()
		for y.month = 1; y.month <= 12; y.month++ {
			y.bill()
			y.collect()
			if y.month%3 == 0 && y.month < 12 {
				y.at(y.month+1, 0, "16:00")
				y.remit()
			}
		}
		y.unfinished()
		y.at(13, 8, "10:00")
		y.remit()
		y.finished()
		y.workbooks()
	})
}

// yearPayer is somebody who owes dues all the year.
type yearPayer struct {
	id       int64
	track    string
	category string
	base     int64 // 0 where the amount does not depend on it
	fen      int64 // a month, by hand
}

var yearPayers = []yearPayer{
	{secretary, "party", "salaried", 1_000_001, 20_000}, // 10000.01 × 2%
	{plain, "party", "salaried", 510_000, 7_650},
	{leader, "party", "salaried", 300_000, 1_500},
	{chief, "party", "salaried", 300_001, 3_000}, // 3000.01 × 1%
	{auditor, "party", "retired", 500_000, 2_500},
	{nobody, "party", "student", 0, 20},
	{both, "party", "salaried", 500_001, 7_500}, // and nothing to the League
	{colleague, "party", "salaried", 420_000, 4_200},
	{neighbour, "party", "farmer", 0, 20},
	{youth, "league", "salaried", 249_999, 400}, // 2‰ in whole yuan
}

// duesYear is the year as far as it has gone.
type duesYear struct {
	*world
	t        *testing.T
	month    int
	paid     map[int64]int64 // by branch
	assessed map[int64]int64
	refunded int64
	gone     int64 // out of the books, of the party's root
}

// at moves the clock to a day of 2026; month 13 is the January behind it, day 0 the last of the month before.
func (y *duesYear) at(month, day int, clock string) {
	y.t.Helper()
	on, err := time.Parse("15:04", clock)
	y.must(err)
	y.clock.Set(time.Date(2026, time.Month(month), day, on.Hour(), on.Minute(), 0, 0, model.Shanghai))
}

func (y *duesYear) monthText() string { return fmt.Sprintf("2026-%02d", y.month) }

// owes is the branch that collects from the member this month; what he owes there.
func (y *duesYear) owes(p yearPayer) (home, fen int64) {
	switch {
	case p.id == youth:
		return leagueBranch, p.fen
	case p.id == neighbour, p.id == nobody && y.month > 7:
		return sibling, p.fen
	case p.id == colleague && 7 <= y.month && y.month <= 9:
		return sibling, 0
	case p.id == colleague:
		return sibling, p.fen
	}
	return branch, p.fen
}

func (y *duesYear) assessAll() {
	y.t.Helper()
	for _, p := range yearPayers {
		body := object{"track": p.track, "category": p.category, "effective_month": "2026-01", "reason": "年度核定"}
		if p.base > 0 {
			body["base_fen"] = p.base
		}
		a := y.call("PUT", assessPath(p.id), y.console(), body).wants(200)
		if a.number("amount_fen") != p.fen {
			y.t.Errorf("%d is assessed at %d, want %d", p.id, a.number("amount_fen"), p.fen)
		}
	}
	// A farmer chooses between 0.2 and 1 yuan, and no more.
	y.call("PUT", assessPath(neighbour), y.console(), object{
		"track": "party", "category": "farmer", "amount_fen": 101, "effective_month": "2026-01",
	}).refuses(422, "invalid_request")
}

// bill lets the chore make the bills, twice, and asks for them once more. In July one is released for three months and
// another changes the branch: he pays for July where he was on the first.
func (y *duesYear) bill() {
	y.t.Helper()
	if y.month == 7 {
		y.at(6, 28, "10:00")
		y.call("POST", fmt.Sprintf("/members/%d/dues-exemptions", colleague), y.console(), object{
			"from_month": "2026-07", "to_month": "2026-09", "amount_fen": 0, "approved_by": "局机关党委", "reason_category": "illness",
		}).wants(201)
	}
	y.at(y.month, 8, "00:30") // no dues day is later, not even after the holidays of October
	for range 2 {
		y.must(y.services.Dues.BillDue(y.t.Context()))
	}
	for _, unit := range []int64{root, leagueRoot} {
		if again := y.call("POST", duesPath(unit, "bills"), y.console(), object{"month": y.monthText()}).wants(200); again.number("created") != 0 {
			y.t.Errorf("%s: %s", y.monthText(), again.Body)
		}
	}
	for _, p := range yearPayers {
		home, fen := y.owes(p)
		y.assessed[home] += fen
	}
	if y.month == 7 {
		y.at(7, 15, "10:00")
		y.call("POST", fmt.Sprintf("/members/%d/transfers", nobody), y.console(), object{
			"to_unit_id": sibling, "effective_on": "2026-07-15", "reason": "工作岗位变动",
		}).wants(201)
	}
}

// collect takes the dues of the month: cash and transfers at the desk, the others by phone.
func (y *duesYear) collect() {
	y.t.Helper()
	y.at(y.month, 20, "09:00")
	for _, p := range yearPayers {
		home, fen := y.owes(p)
		if fen == 0 {
			continue
		}
		y.paid[home] += fen
		switch p.id {
		case secretary: // never by himself
			y.desk(y.token(secretary), home, p.id, fen, "cash").refuses(403, "own_record")
			y.desk(y.console(), home, p.id, fen, "cash").wants(201)
		case chief, auditor:
			y.desk(y.token(secretary), home, p.id, fen, map[int64]string{chief: "cash", auditor: "bank"}[p.id]).wants(201)
		case nobody:
			officer := map[int64]int64{branch: secretary, sibling: neighbour}[home]
			y.desk(y.token(officer), home, p.id, fen, "cash").wants(201)
		case neighbour:
			y.desk(y.console(), home, p.id, fen, "bank").wants(201)
		case plain:
			y.phoneInTrouble(p)
		default:
			y.settled(p, y.phone(p))
		}
	}
	switch y.month {
	case 3:
		y.mistake()
	case 4:
		y.refund()
	case 9:
		y.call("POST", duesPath(branch, "payments"), y.token(secretary), object{
			"member_id": chief, "amount_fen": 0, "voluntary_fen": 50_000, "method": "bank",
		}).wants(201)
		y.paid[branch] += 50_000
	}
	y.reconcile()
}

// desk records a payment twice under one key: the second time changes nothing.
func (y *duesYear) desk(token string, unit, member, fen int64, method string) *answer {
	y.t.Helper()
	var a *answer
	for range 2 {
		a = y.once(fmt.Sprint("desk-", member, "-", y.month), duesPath(unit, "payments"), token, object{
			"member_id": member, "months": []string{y.monthText()}, "amount_fen": fen, "method": method,
			"receipt_no": fmt.Sprintf("S%02d-%d", y.month, member),
		})
	}
	return a
}

func (y *duesYear) orderMonth(p yearPayer, key string) *answer {
	y.t.Helper()
	return y.once(fmt.Sprint("order-", p.id, "-", y.month, key), "/me/dues/orders", y.token(p.id), object{"months": []string{y.monthText()}})
}

// phone orders and pays, and returns the number of the order.
func (y *duesYear) phone(p yearPayer) string {
	y.t.Helper()
	a := y.orderMonth(p, "").wants(201)
	y.payOn(a)
	return a.text("order_no")
}

// settled wants the order paid in full.
func (y *duesYear) settled(p yearPayer, no string) {
	y.t.Helper()
	if o := y.look(p.id, no); o["state"] != "paid" || int64(o["amount_fen"].(float64)) != p.fen {
		y.t.Errorf("%s: %v", y.monthText(), o)
	}
}

// later lets the notifications come that are tried again.
func (y *duesYear) later() {
	y.clock.Advance(20 * time.Second)
	y.wechat.DeliverDue(y.t.Context())
}

const (
	prepayPath = "/v3/pay/transactions/jsapi"
	closePath  = "/v3/pay/transactions/out-trade-no/{out_trade_no}/close"
)

// phoneInTrouble pays by phone while something goes wrong, something else each month.
func (y *duesYear) phoneInTrouble(p yearPayer) {
	y.t.Helper()
	no := ""
	switch y.month {
	case 1, 4, 5, 7, 9: // the notification is a lie, comes late or twice, and then as it should
		y.fail(map[int]sim.Fault{
			1: {Endpoint: "notify", WrongAmount: true}, 4: {Endpoint: "notify", LateNotify: true}, 5: {Endpoint: "notify", DuplicateNotify: true},
			7: {Endpoint: "notify", WrongMchID: true}, 9: {Endpoint: "notify", BadSignature: true},
		}[y.month])
		no = y.phone(p)
		if got := y.state(no); got == "paid" != (y.month == 5) {
			y.t.Errorf("%s: %s before the notification came again", y.monthText(), got)
		}
		y.later()
	case 2: // it is lost, and the bill of the day tells
		y.fail(sim.Fault{Endpoint: "notify", NoNotify: true})
		y.phone(p)
		return
	case 3, 10: // the order is not answered, or not by the platform: asked for again it is the same one
		y.fail(map[int]sim.Fault{3: {Endpoint: prepayPath, Unsigned: true}, 10: {Endpoint: prepayPath, Reset: true}}[y.month])
		y.orderMonth(p, "").refuses(503, "wechat_pay_unavailable")
		no = y.phone(p)
	case 6: // paid before the order is answered
		y.fail(sim.Fault{Endpoint: prepayPath, NotifyBeforeAnswer: true})
		no = y.orderMonth(p, "").wants(201).text("order_no")
	case 8: // paid at the moment in which he closes it
		no = y.orderMonth(p, "").wants(201).text("order_no")
		y.fail(sim.Fault{Endpoint: closePath, NotifyAfterClose: true})
		y.call("POST", "/me/dues/orders/"+no+"/close", y.token(p.id), nil).wants(200)
		y.later()
	case 11: // lost, and the chore asks
		y.fail(sim.Fault{Endpoint: "notify", NoNotify: true})
		no = y.phone(p)
		y.clock.Advance(2 * time.Minute)
		y.must(y.services.Dues.Poll(y.t.Context()))
	case 12: // not paid in time, and then on another order
		first := y.orderMonth(p, "").wants(201)
		y.clock.Advance(31 * time.Minute)
		y.must(y.services.Dues.Poll(y.t.Context()))
		if got := y.state(first.text("order_no")); got != "closed" {
			y.t.Error("an expired order is ", got)
		}
		second := y.orderMonth(p, "-again").wants(201)
		y.payOn(second)
		no = second.text("order_no")
	}
	if got := y.state(no); got != "paid" {
		y.t.Errorf("%s: the order is %s", y.monthText(), got)
	}
	y.settled(p, no)
}
