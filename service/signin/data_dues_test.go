package signin_test

import (
	"encoding/json"
	"fmt"
	"strings"
	"testing"

	"zhibu/model"
	"zhibu/service/signin"
)

// owed writes dues of the member: what was fixed and why, a bill that was voided and one that an order paid, which was
// given back, and one more refund on its way.
func (w *world) owed(m model.Member) {
	w.t.Helper()
	a := model.Assessment{
		ID: model.NewID(), MemberID: m.ID, Track: model.Party, Category: model.DuesSalaried, AmountFen: 7650,
		BaseSealed: w.keys.Seal(model.BaseColumn, "510000"), EffectiveMonth: "2026-01", Reason: "住院", ApprovedBy: "system",
	}
	w.add(&a)
	w.add(&model.DuesExemption{
		ID: model.NewID(), MemberID: m.ID, Track: model.Party, FromMonth: "2026-03", ToMonth: "2026-04", ReasonCategory: "illness",
		ApprovedBy: "机关党委", RecordedBy: "system",
	})
	void := model.Bill{
		ID: model.NewID(), UnitID: w.branch.ID, MemberID: m.ID, Track: model.Party, Month: "2026-01", DueOn: "2026-01-01",
		AssessedFen: 7650, AmountFen: 7650, AssessmentID: a.ID, VoidReason: "住院",
	}
	void.VoidedID = void.ID
	bill := void
	bill.ID, bill.VoidedID, bill.VoidReason = model.NewID(), 0, ""
	w.add(&void)
	w.add(&bill)
	o := model.Order{
		ID: model.NewID(), OrderNo: fmt.Sprint("zb", m.ID), UnitID: w.branch.ID, MemberID: m.ID, Track: model.Party, Months: "2026-01",
		AmountFen: 7650, State: model.OrderPaid, PayParams: `{"paySign":"signature"}`, TransactionID: new(fmt.Sprint("4200", m.ID)),
	}
	o.ClosedID = o.ID
	w.add(&o)
	e := model.Entry{
		ID: model.NewID(), Kind: model.PaymentEntry, UnitID: w.branch.ID, Year: 2026, OccurredOn: "2026-01-02", Reason: "凭证摘要", CreatedBy: "system",
	}
	w.add(&e)
	p := model.Payment{
		ID: model.NewID(), UnitID: w.branch.ID, MemberID: m.ID, Track: model.Party, Method: model.PaidWechat, AmountFen: 7650,
		PaidOn: "2026-01-02", OrderID: &o.ID, EntryID: e.ID, ReversedID: e.ID, ReverseReason: "住院",
	}
	w.add(&p)
	for i, settled := range []model.Instant{9, 0} {
		w.add(&model.Refund{
			ID: model.NewID(), RefundNo: fmt.Sprint("zbr", m.ID, "-", i), OrderID: o.ID, AmountFen: 100, Reason: "住院",
			State: model.RefundDone, RequestedBy: "system", SettledAt: settled, EntryID: e.ID,
		})
	}
}

func TestMyDataHoldsTheDues(t *testing.T) {
	each(t, func(t *testing.T, w *world) {
		w.owed(w.li)
		w.owed(w.wang)
		d, err := w.MyData(ctx, w.actor(w.bound("openid-li", w.li)))
		w.must(err)
		held := d.Dues
		if len(held.Assessments) != 1 || len(held.Exemptions) != 1 || len(held.Bills) != 2 || len(held.Payments) != 1 ||
			len(held.Orders) != 1 || len(held.Refunds) != 2 || d.Units[held.Bills[0].UnitID].Name != "第一支部" {
			t.Errorf("%+v", held)
		}
		if a := held.Assessments[0]; a.BaseFen == nil || *a.BaseFen != 510_000 || a.BaseSealed != "" {
			t.Errorf("%+v", a)
		}
		b, err := json.Marshal(d)
		w.must(err)
		if strings.Contains(string(b), "signature") {
			t.Error("what the platform signed is in the export")
		}
		plain, err := w.MyData(ctx, w.actor(w.bound("openid-zhao", w.secretary)))
		w.must(err)
		if len(plain.Dues.Assessments)+len(plain.Dues.Bills)+len(plain.Dues.Refunds) != 0 {
			t.Errorf("%+v", plain.Dues)
		}
	})
}

// TestEraseKeepsTheBooks: the salary and the words go, of this member only; the amounts and the voucher stay.
func TestEraseKeepsTheBooks(t *testing.T) {
	each(t, func(t *testing.T, w *world) {
		w.owed(w.li)
		w.owed(w.wang)
		in := w.bound("openid-li", w.li)
		w.endMembership(w.li)
		outcome, err := w.Erase(ctx, w.actor(in))
		w.must(err)
		if outcome != signin.Erased {
			t.Fatal(outcome)
		}
		for what, c := range map[string]struct {
			row       any
			condition string
			want      int64
		}{
			"bases":              {&model.Assessment{}, "base_sealed <> ''", 1},
			"assessments":        {&model.Assessment{}, "amount_fen = 7650", 2},
			"assessment reasons": {&model.Assessment{}, "reason = '住院'", 1},
			"void reasons":       {&model.Bill{}, "void_reason = '住院'", 1},
			"erased reasons":     {&model.Bill{}, "void_reason = '" + signin.ErasedText + "'", 1},
			"bills":              {&model.Bill{}, "amount_fen = 7650", 4},
			"reversal reasons":   {&model.Payment{}, "reverse_reason = '住院'", 1},
			"payments":           {&model.Payment{}, "amount_fen = 7650", 2},
			"refund reasons":     {&model.Refund{}, "reason = '住院'", 3}, // two of the other, one on its way
			"refunds":            {&model.Refund{}, "amount_fen = 100", 4},
			"vouchers":           {&model.Entry{}, "reason = '凭证摘要'", 2},
		} {
			if n := w.count(c.row, c.condition); n != c.want {
				t.Errorf("%s: %d, want %d", what, n, c.want)
			}
		}
	})
}
