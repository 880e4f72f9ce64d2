package dues_test

import (
	"slices"
	"strings"
	"testing"

	"zhibu/model"
	"zhibu/service/dues"
)

func TestVoluntaryIsKeptApart(t *testing.T) {
	each(t, "2026-03-10 09:00", func(t *testing.T, w *world) {
		id := w.owes("一支部", 300, "2026-03")
		for _, p := range []dues.Pay{
			{MemberID: id, Months: []model.Month{"2026-03"}, AmountFen: 300, VoluntaryFen: 50, Method: model.PaidCash},
			{MemberID: id, VoluntaryFen: 150_000, Method: model.PaidBank},
		} {
			_, err := w.s[0].Pay(t.Context(), w.desk["一支部"], w.units["一支部"].ID, p, model.Once{})
			w.must(err)
		}
		w.bill("2026-04")
		w.wantOwing(id, "2026-03 一支部 300/300", "2026-04 一支部 0/300")
		if st := w.statement("党总支", 2026); st.Paid != 150_350 || st.Voluntary != 150_050 || st.Settled != 300 {
			t.Errorf("%+v", st)
		}
	})
}

func TestOfficeEndsWithoutCash(t *testing.T) {
	each(t, "2026-03-10 09:00", func(t *testing.T, w *world) {
		id := w.owes("一支部", 500, "2026-03")
		w.mustCash("一支部", id, 500, "2026-03")
		old, post := w.desk["一支部"], w.posts["一支部"]
		end := func() error {
			_, err := w.tree.EndPost(t.Context(), chief(), post.ID, w.today(), "换届")
			return err
		}
		w.wantCode(end(), "cash_in_hand")
		next := w.appoint("一支部")
		give := func(to int64, fen model.Fen) error {
			_, err := w.s[0].HandOver(t.Context(), old, w.units["一支部"].ID, dues.Handover{ToMemberID: to, AmountFen: fen, Reason: "换届"}, model.Once{})
			return err
		}
		w.wantCode(give(id, 500), "to_member_id no_office")
		w.wantCode(give(next.MemberID, 501), "not_in_hand")
		w.must(give(next.MemberID, 300))
		w.wantCode(end(), "cash_in_hand")
		w.must(give(0, 200)) // to the bank
		w.must(end())
		if st := w.statement("一支部", 2026); st.InHand.Cash != 300 || st.InHand.Bank != 200 {
			t.Errorf("%+v", st)
		}
	})
}

func TestRemittanceCountsForItsPeriod(t *testing.T) {
	each(t, "2026-12-20 09:00", func(t *testing.T, w *world) {
		id := w.owes("一支部", 1000, "2026-12")
		w.mustCash("一支部", id, 1000, "2026-12")
		w.day("2027-01-08")
		for period, want := range map[string]string{
			"2026-Q5": "period invalid_value", "2026-13": "period invalid_value", "Q4": "period invalid_value", "2026-q4": "period invalid_value",
			"1999": "period invalid_value", "2026-H3": "period invalid_value", "": "period invalid_value",
		} {
			_, err := w.remit("一支部", period, 1)
			w.wantCode(err, want)
		}
		_, err := w.remit("一支部", "2026-Q4", 600)
		w.must(err)
		st := w.statement("一支部", 2026)
		if st.Remitted != 600 || st.Difference() != 400 || st.FullyRemitted() || !strings.Contains(st.Assertion(), "尚有4.00元未上缴") {
			t.Errorf("%+v: %s", st, st.Assertion())
		}
		_, err = w.remit("一支部", "2026-12", 401)
		w.wantCode(err, "not_in_hand")
		last, err := w.remit("一支部", "2026", 400)
		w.must(err)
		if last.Heads != 1 {
			t.Errorf("%d heads", last.Heads)
		}
		if st := w.statement("一支部", 2026); !st.FullyRemitted() || st.Assertion() != "2026年共收缴党费10.00元，已全额上缴。" {
			t.Errorf("%+v: %s", st, st.Assertion())
		}
		if st := w.statement("一支部", 2027); st.FullyRemitted() || st.Remitted != 0 || st.Assertion() != "2027年没有收缴党费。" {
			t.Errorf("%+v: %s", st, st.Assertion())
		}
		_, err = w.s[0].ReverseRemittance(t.Context(), w.desk["一支部"], last.ID, "退回")
		w.must(err)
		if st := w.statement("一支部", 2026); st.FullyRemitted() || st.InHand.Cash != 400 {
			t.Errorf("%+v", st)
		}
		_, err = w.s[0].ReverseRemittance(t.Context(), w.desk["一支部"], last.ID, "退回")
		w.wantCode(err, "already_reversed")
		// For the wrong year it is no remittance of this one.
		_, err = w.remit("一支部", "2027-01", 400)
		w.must(err)
		if st := w.statement("一支部", 2026); st.FullyRemitted() || st.InHand.Total() != 0 || st.Difference() != 400 {
			t.Errorf("%+v", st)
		}
		if st := w.statement("一支部", 2027); st.FullyRemitted() || st.Difference() != -400 || !strings.Contains(st.Assertion(), "多上缴4.00元") {
			t.Errorf("%+v: %s", st, st.Assertion())
		}
	})
}

// TestRemittedToTheUnitAbove: it is out of the branch, and in hand above until it is sent on.
func TestRemittedToTheUnitAbove(t *testing.T) {
	each(t, "2026-03-10 09:00", func(t *testing.T, w *world) {
		id := w.owes("一支部", 1000, "2026-03")
		w.mustCash("一支部", id, 1000, "2026-03")
		up, err := w.s[0].Remit(t.Context(), w.desk["一支部"], w.units["一支部"].ID, dues.Remit{Period: "2026-Q1", AmountFen: 1000, To: "党总支", ReceiptNo: "001"}, model.Once{})
		w.must(err)
		below, above := w.statement("一支部", 2026), w.statement("党总支", 2026)
		if !below.FullyRemitted() || above.FullyRemitted() || above.InHand.Bank != 1000 || above.Difference() != 1000 {
			t.Errorf("%+v and %+v", below, above)
		}
		on, err := w.remit("党总支", "2026-Q1", 1000)
		w.must(err)
		if above := w.statement("党总支", 2026); !above.FullyRemitted() {
			t.Errorf("%+v", above)
		}
		_, err = w.s[0].ReverseRemittance(t.Context(), chief(), up.ID, "有误") // the money is not there any more
		w.wantCode(err, "not_in_hand")
		_, err = w.s[0].ReverseRemittance(t.Context(), chief(), on.ID, "有误")
		w.must(err)
		_, err = w.s[0].ReverseRemittance(t.Context(), chief(), up.ID, "有误")
		w.must(err)
		_, err = w.s[0].Remit(t.Context(), w.desk["一支部"], w.units["一支部"].ID, dues.Remit{Period: "2026-Q1", AmountFen: 10, To: "县工委", ReceiptNo: "001"}, model.Once{})
		w.must(err) // the number of a reversed one is free again
		_, err = w.s[0].Remit(t.Context(), w.desk["一支部"], w.units["一支部"].ID, dues.Remit{Period: "2026-Q1", AmountFen: 10, To: "县工委", ReceiptNo: "001"}, model.Once{})
		w.wantCode(err, "receipt_exists")
	})
}

func TestArrearsAreWarnedOf(t *testing.T) {
	each(t, "2026-07-10 09:00", func(t *testing.T, w *world) {
		from := map[int]int64{}
		for _, n := range []int{1, 2, 3, 4, 5, 6, 7} { // months in a row up to July, which is due
			from[n] = w.owes("一支部", 100, model.Month("2026-08").Add(-n))
		}
		broken := w.owes("一支部", 100, "2026-01") // paid in May: June and July are open in a row
		for m := model.Month("2026-01"); m <= "2026-08"; m = m.Add(1) {
			w.bill(m)
		}
		w.mustCash("一支部", broken, 100, "2026-05")
		got, err := w.s[0].Arrears(t.Context(), w.desk["一支部"], w.units["一支部"].ID, 0)
		w.must(err)
		months := map[int64]dues.Behind{}
		for _, b := range got.Branches[0].Behind {
			months[b.MemberID] = b
		}
		for n, id := range from {
			b := months[id]
			if b.Months != n || b.Bills != n || b.Open != model.Fen(n)*100 || b.Warning != dues.Warning(n) || (n >= 3) != (b.Warning != "") {
				t.Errorf("%d months: %+v", n, b)
			}
		}
		if b := months[broken]; b.Months != 2 || b.Bills != 6 || b.Since != "2026-01" || b.Warning != "" {
			t.Errorf("%+v", b)
		}
		for _, pair := range [][2]int{{3, 4}, {6, 7}, {6, 60}} {
			if dues.Warning(pair[0]) != dues.Warning(pair[1]) {
				t.Errorf("%d and %d months differ", pair[0], pair[1])
			}
		}
		if a, b, c := dues.Warning(3), dues.Warning(5), dues.Warning(6); a == b || b == c || dues.Warning(2) != "" {
			t.Error("the steps are not 3, 5 and 6")
		}
		if above, err := w.s[0].Arrears(t.Context(), w.desk["党总支"], w.units["党总支"].ID, 3); err != nil || len(above.Branches) != 1 ||
			above.Branches[0].Members != 5 || above.Branches[0].Named || above.Branches[0].Behind != nil {
			t.Errorf("%+v, %v", above, err)
		}
		// Nothing ever follows by itself.
		var active int64
		w.must(w.read().Model(&model.Membership{}).Where("state = ? AND ended_on = ?", model.Active, model.Forever).Count(&active).Error)
		if active != 8 {
			t.Errorf("%d members left", active)
		}
		ages := w.statement("一支部", 2026).Arrears // those of July, June and May; April to February; January
		if want := []dues.Age{{From: 0, To: 2, Members: 8, Bills: 7 + 6 + 5 + 2, Open: 2000}, {From: 3, To: 5, Members: 5, Bills: 4 + 3 + 2 + 3, Open: 1200}, {From: 6, Members: 2, Bills: 2, Open: 200}}; !slices.Equal(ages, want) {
			t.Errorf("%+v", ages)
		}
	})
}

func TestPaymentsThatAreRefused(t *testing.T) {
	each(t, "2026-03-10 09:00", func(t *testing.T, w *world) {
		id, unassessed, elsewhere := w.owes("一支部", 300, "2026-01"), w.enrol("一支部"), w.owes("二支部", 300, "2026-01")
		desk, unit := w.desk["一支部"], w.units["一支部"].ID
		own := enrolled(w.units["一支部"], desk.MemberID, "2020-01-01")
		w.add(&own)
		good := dues.Pay{MemberID: id, Months: []model.Month{"2026-03"}, AmountFen: 300, Method: model.PaidCash}
		for _, c := range []struct {
			what   string
			change func(*dues.Pay)
			want   string
		}{
			{"nothing", func(p *dues.Pay) { p.AmountFen = 0 }, "amount_fen required"},
			{"less than nothing", func(p *dues.Pay) { p.AmountFen = -1 }, "amount_fen negative"},
			{"voluntarily less than nothing", func(p *dues.Pay) { p.VoluntaryFen = -1 }, "voluntary_fen negative"},
			{"more money than there is", func(p *dues.Pay) { p.AmountFen = model.MaxBase + 1 }, "amount_fen too_much"},
			{"by phone", func(p *dues.Pay) { p.Method = model.PaidWechat }, "method invalid_value"},
			{"tomorrow", func(p *dues.Pay) { p.PaidOn = "2026-03-11" }, "paid_on in_future"},
			{"long ago", func(p *dues.Pay) { p.PaidOn = "2025-03-01" }, "paid_on too_old"},
			{"no day", func(p *dues.Pay) { p.PaidOn = "2026-02-30" }, "paid_on invalid_date"},
			{"his own", func(p *dues.Pay) { p.MemberID = desk.MemberID }, model.ErrOwnRecord.Code},
			{"nobody's", func(p *dues.Pay) { p.MemberID = 1 }, "member_id not_found"},
			{"another branch's", func(p *dues.Pay) { p.MemberID = elsewhere }, "member_id not_found"},
			{"nobody fixed it", func(p *dues.Pay) { p.MemberID = unassessed }, "months not_billed"},
			{"before it was owed", func(p *dues.Pay) { p.Months = []model.Month{"2025-12"} }, "months not_billed"},
		} {
			p := good
			c.change(&p)
			if _, err := w.s[0].Pay(t.Context(), desk, unit, p, model.Once{}); code(err) != c.want {
				t.Errorf("%s: %q, want %q", c.what, code(err), c.want)
			}
		}
		good.ReceiptNo = "A1"
		first, err := w.s[0].Pay(t.Context(), desk, unit, good, model.Once{})
		w.must(err)
		_, err = w.s[0].Pay(t.Context(), desk, unit, good, model.Once{})
		w.wantCode(err, "receipt_exists")
		_, err = w.s[0].Reverse(t.Context(), desk, first.ID, "")
		w.wantCode(err, "reason required")
		_, err = w.s[0].Reverse(t.Context(), w.desk["二支部"], first.ID, "记错")
		w.wantCode(err, "not_found")
		_, err = w.s[0].VoidBill(t.Context(), desk, w.bills(id)[0].ID, "记错")
		w.wantCode(err, "bill_paid")
		_, err = w.remit("一支部", "2026-Q1", 300)
		w.must(err)
		_, err = w.s[0].Reverse(t.Context(), desk, first.ID, "记错")
		w.wantCode(err, "not_in_hand")
		var entries int64
		w.must(w.read().Model(&model.Entry{}).Count(&entries).Error)
		if entries != 2 {
			t.Errorf("%d entries were booked", entries)
		}
	})
}

func TestRefundsThatAreRefused(t *testing.T) {
	each(t, "2026-03-10 09:00", func(t *testing.T, w *world) {
		id := w.owes("一支部", 300, "2026-03")
		o := w.phone(id, "2026-03")
		refund := func(actor model.Actor, no string, fen model.Fen) error {
			_, _, err := w.s[0].Refund(t.Context(), actor, no, fen, "多交", model.Once{})
			return err
		}
		w.wantCode(refund(chief(), o.OrderNo, 301), "refund_too_much")
		w.wantCode(refund(chief(), o.OrderNo, 0), "amount_fen required")
		w.wantCode(refund(chief(), o.OrderNo, -1), "amount_fen negative")
		w.wantCode(refund(chief(), "zbnone", 1), "not_found")
		w.wantCode(refund(w.desk["一支部"], o.OrderNo, 1), model.ErrForbidden.Code)
		var p model.Payment
		w.must(w.read().Where("order_id = ?", o.ID).Take(&p).Error)
		_, err := w.s[0].Reverse(t.Context(), chief(), p.ID, "记错")
		w.wantCode(err, "use_refund")
		open, err := w.order(id, "2026-04")
		w.must(err)
		w.wantCode(refund(chief(), open.OrderNo, 1), "order_not_paid")
		w.must(refund(chief(), o.OrderNo, 100))
		w.platform.DeliverDue(t.Context())
		w.wantOwing(id, "2026-03 一支部 200/300", "2026-04 一支部 0/300")
		w.wantCode(refund(chief(), o.OrderNo, 201), "refund_too_much")
		w.day("2026-03-11")
		w.must(refund(chief(), o.OrderNo, 200))
		w.platform.DeliverDue(t.Context())
		w.wantOwing(id, "2026-03 一支部 0/300", "2026-04 一支部 0/300")
		if now := w.orderNow(o.ID); now.State != model.OrderRefunded {
			t.Errorf("%+v", now)
		}
		w.wantCode(refund(chief(), o.OrderNo, 1), "refund_too_much")
	})
}
