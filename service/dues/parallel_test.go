package dues_test

import (
	"context"
	"errors"
	"slices"
	"testing"

	"zhibu/model"
	"zhibu/service/dues"
	"zhibu/service/wechat/sim"
)

// codes are what became of each, counted.
func codes(errs []error) map[string]int {
	n := map[string]int{}
	for _, err := range errs {
		n[code(err)]++
	}
	return n
}

// wantCodes: exactly so many of each.
func (w *world) wantCodes(errs []error, want map[string]int) {
	w.t.Helper()
	got := codes(errs)
	for c, n := range want {
		if got[c] != n {
			w.t.Fatalf("got %v, want %v", got, want)
		}
		delete(got, c)
	}
	if len(got) > 0 {
		w.t.Fatalf("besides %v", got)
	}
}

func TestManyPayTheSameBillAtOnce(t *testing.T) {
	each(t, "2026-03-10 09:00", func(t *testing.T, w *world) {
		id := w.owes("一支部", 500, "2026-03")
		w.bill("2026-03")
		errs := atOnce(20, func(i int) error {
			_, err := w.s[i%2].Pay(t.Context(), w.desk["一支部"], w.units["一支部"].ID, dues.Pay{
				MemberID: id, Months: []model.Month{"2026-03"}, AmountFen: 300, Method: []model.PayMethod{model.PaidCash, model.PaidBank}[i/2%2],
			}, model.Once{})
			return err
		})
		w.wantCodes(errs, map[string]int{"": 20})
		if bills := w.bills(id); len(bills) != 1 || bills[0].PaidFen != 500 {
			t.Errorf("bills %+v", bills)
		}
		st := w.statement("一支部", 2026)
		if st.Paid != 6000 || st.Settled != 500 || st.InHand.Total() != 6000 || st.InHand.Cash != 3000 {
			t.Errorf("%+v", st)
		}
	})
}

func TestOneKeyIsOnePayment(t *testing.T) {
	each(t, "2026-03-10 09:00", func(t *testing.T, w *world) {
		id := w.owes("一支部", 500, "2026-03")
		var answers [20]dues.Paid
		pay := func(i int, fen model.Fen, digest string) (err error) {
			answers[i], err = w.s[i%2].Pay(t.Context(), w.desk["一支部"], w.units["一支部"].ID, dues.Pay{
				MemberID: id, Months: []model.Month{"2026-03"}, AmountFen: fen, Method: model.PaidCash,
			}, model.Once{Key: "k", Digest: digest})
			return err
		}
		w.wantCodes(atOnce(20, func(i int) error { return pay(i, 700, "a") }), map[string]int{"": 20})
		for _, a := range answers {
			if a.ID == 0 || a.Payment != answers[0].Payment || !slices.Equal(a.Gave, answers[0].Gave) {
				t.Fatalf("%+v and %+v", a, answers[0])
			}
		}
		if err := pay(0, 600, "b"); !errors.Is(err, model.ErrKeyReused) {
			t.Errorf("another body: %v", err)
		}
		if st := w.statement("一支部", 2026); st.Paid != 700 {
			t.Errorf("%+v", st)
		}
	})
}

func TestRemittancesAtOnceNeverOverdraw(t *testing.T) {
	each(t, "2026-03-10 09:00", func(t *testing.T, w *world) {
		w.mustCash("一支部", w.owes("一支部", 1000, "2026-03"), 1000, "2026-03")
		errs := atOnce(10, func(i int) error {
			_, err := w.s[i%2].Remit(t.Context(), w.desk["一支部"], w.units["一支部"].ID, dues.Remit{
				Period: "2026-Q1", AmountFen: 450, To: []string{"党总支", "县委机关工委"}[i/2%2],
			}, model.Once{})
			return err
		})
		w.wantCodes(errs, map[string]int{"": 2, "not_in_hand": 8})
	})
}

// paidUnheard makes orders that were paid and whose notifications got lost, and what the platform says of them.
func (w *world) paidUnheard(many int) (orders []model.Order, trades []model.Trade) {
	w.t.Helper()
	var ids []int64
	for range many {
		ids = append(ids, w.owes("一支部", 500, "2026-03"))
	}
	w.bill("2026-03")
	for _, id := range ids {
		o, err := w.order(id, "2026-03")
		w.must(err)
		w.must(w.platform.Fail(sim.Fault{NoNotify: true}))
		_, err = w.platform.Pay(context.Background(), w.prepayID(o.OrderNo))
		w.must(err)
		t, err := w.pay.Query(context.Background(), o.OrderNo)
		w.must(err)
		orders, trades = append(orders, o), append(trades, t)
	}
	return orders, trades
}

func TestNotificationsAtOnceAreBookedOnce(t *testing.T) {
	each(t, "2026-03-10 09:00", func(t *testing.T, w *world) {
		orders, trades := w.paidUnheard(20)
		errs := atOnce(50, func(i int) error {
			return w.s[i%2].Accept(t.Context(), model.PayNotice{Trade: &trades[i%len(trades)]})
		})
		w.wantCodes(errs, map[string]int{"": 50})
		for _, o := range orders {
			if now := w.orderNow(o.ID); now.State != model.OrderPaid {
				t.Errorf("%+v", now)
			}
		}
		if st := w.statement("一支部", 2026); st.InHand.Wechat != 20*500 || st.Settled != 20*500 {
			t.Errorf("%+v", st)
		}
	})
}

func TestBillingAtOnceMakesOneBillEach(t *testing.T) {
	each(t, "2026-03-10 09:00", func(t *testing.T, w *world) {
		for i := range 30 {
			w.owes([]string{"一支部", "二支部", "团支部"}[i%3], 500, "2026-01")
		}
		var made [8]dues.Billing
		errs := atOnce(8, func(i int) (err error) {
			if i%4 == 3 {
				return w.s[i%2].BillDue(t.Context())
			}
			made[i], err = w.s[i%2].Bill(t.Context(), chief(), w.units["党总支"].ID, "2026-03")
			return err
		})
		w.wantCodes(errs, map[string]int{"": 8})
		var bills int64
		w.must(w.read().Model(&model.Bill{}).Where("month = '2026-03'").Count(&bills).Error)
		created := 0
		for _, m := range made {
			created += m.Created
		}
		if bills != 30 || created > 30 {
			t.Errorf("%d bills, %v", bills, made)
		}
	})
}

// TestPaidWhileItIsCancelled: whoever brings the news, the money is booked once.
func TestPaidWhileItIsCancelled(t *testing.T) {
	each(t, "2026-03-10 09:00", func(t *testing.T, w *world) {
		orders, trades := w.paidUnheard(6)
		errs := atOnce(5*len(orders), func(i int) (err error) {
			o, s := orders[i/5], w.s[i%2]
			switch i % 5 {
			case 0, 1:
				err = s.Accept(t.Context(), model.PayNotice{Trade: &trades[i/5]})
			case 2, 3:
				_, err = s.CancelOrder(t.Context(), self(o.MemberID), o.OrderNo)
			default:
				_, err = s.LookUpOrder(t.Context(), self(o.MemberID), o.OrderNo)
			}
			return err
		})
		w.wantCodes(errs, map[string]int{"": len(errs)})
		for _, o := range orders {
			if now := w.orderNow(o.ID); now.State != model.OrderPaid {
				t.Errorf("%+v", now)
			}
		}
	})
}

// TestCancelledWhileItIsPaid: the platform decides, and the order says the same.
func TestCancelledWhileItIsPaid(t *testing.T) {
	each(t, "2026-03-10 09:00", func(t *testing.T, w *world) {
		for range 8 {
			id := w.owes("一支部", 500, "2026-03")
			o, err := w.order(id, "2026-03")
			w.must(err)
			paid := error(nil)
			atOnce(2, func(i int) error {
				if i == 0 {
					_, paid = w.platform.Pay(t.Context(), w.prepayID(o.OrderNo))
					return nil
				}
				_, err := w.s[1].CancelOrder(t.Context(), self(id), o.OrderNo)
				return err
			})
			w.platform.DeliverDue(t.Context())
			if now := w.orderNow(o.ID); (now.State == model.OrderPaid) != (paid == nil) || now.State == model.OrderCreated {
				t.Fatalf("paid: %v, and the order is %s", paid, now.State)
			}
		}
	})
}

func TestPaidByPhoneAndAtTheDeskAtOnce(t *testing.T) {
	each(t, "2026-03-10 09:00", func(t *testing.T, w *world) {
		orders, trades := w.paidUnheard(6)
		errs := atOnce(2*len(orders), func(i int) error {
			if i%2 == 0 {
				return w.s[0].Accept(t.Context(), model.PayNotice{Trade: &trades[i/2]})
			}
			_, err := w.cash("一支部", orders[i/2].MemberID, 500, "2026-03")
			return err
		})
		w.wantCodes(errs, map[string]int{"": len(errs)})
		for _, o := range orders {
			if bills := w.bills(o.MemberID); len(bills) != 1 || bills[0].PaidFen != 500 {
				t.Errorf("%+v", bills)
			}
		}
		w.bill("2026-04") // what was paid twice goes to the next month
		for _, o := range orders {
			if bills := w.bills(o.MemberID); len(bills) != 2 || bills[1].PaidFen != 500 {
				t.Errorf("%+v", bills)
			}
		}
	})
}

func TestRefundAndRemittanceAtOnce(t *testing.T) {
	each(t, "2026-03-10 09:00", func(t *testing.T, w *world) {
		for range 5 {
			o := w.phone(w.owes("一支部", 500, "2026-03"), "2026-03")
			errs := atOnce(2, func(i int) error {
				if i == 0 {
					_, _, err := w.s[0].Refund(t.Context(), chief(), o.OrderNo, 500, "多交", model.Once{})
					return err
				}
				_, err := w.s[1].Remit(t.Context(), w.desk["一支部"], w.units["一支部"].ID, dues.Remit{Period: "2026", AmountFen: 500, To: "县委机关工委"}, model.Once{})
				return err
			})
			w.wantCodes(errs, map[string]int{"": 1, "not_in_hand": 1})
			w.platform.DeliverDue(t.Context())
		}
		if st := w.statement("一支部", 2026); st.InHand.Total() != 0 || st.Difference() != 0 {
			t.Errorf("%+v", st)
		}
	})
}

func TestRefundsAtOnceGiveBackOnce(t *testing.T) {
	each(t, "2026-03-10 09:00", func(t *testing.T, w *world) {
		o := w.phone(w.owes("一支部", 500, "2026-03"), "2026-03")
		w.mustCash("一支部", w.owes("一支部", 5000, "2026-03"), 5000, "2026-03")
		w.must(w.platform.Fail(sim.Fault{HoldRefund: true, Times: 8}))
		errs := atOnce(8, func(i int) error {
			_, _, err := w.s[i%2].Refund(t.Context(), chief(), o.OrderNo, 500, "多交", model.Once{})
			return err
		})
		w.wantCodes(errs, map[string]int{"": 1, "refund_in_progress": 7})
		var r model.Refund
		w.must(w.read().Where("order_id = ?", o.ID).Take(&r).Error)
		_, err := w.platform.FinishRefund(t.Context(), r.RefundNo, "success")
		w.must(err)
		if _, _, err := w.s[0].Refund(t.Context(), chief(), o.OrderNo, 1, "多交", model.Once{}); !errors.Is(err, dues.ErrRefundTooMuch) {
			t.Errorf("%v", err)
		}
	})
}

func TestOrdersAtOnceAreOneOrder(t *testing.T) {
	each(t, "2026-03-10 09:00", func(t *testing.T, w *world) {
		id := w.owes("一支部", 500, "2026-01")
		w.bill("2026-02", "2026-03")
		var orders [10]model.Order
		errs := atOnce(10, func(i int) (err error) {
			orders[i], err = w.s[i%2].Order(t.Context(), self(id), dues.Checkout{Months: []model.Month{"2026-02", "2026-03"}}, model.Once{})
			return err
		})
		w.wantCodes(errs, map[string]int{"": 10})
		for _, o := range orders {
			if o.OrderNo != orders[0].OrderNo || o.PayParams == "" || o.AmountFen != 1000 {
				t.Fatalf("%+v and %+v", o, orders[0])
			}
		}
		// Different wishes at once leave one order open at most.
		errs = atOnce(6, func(i int) error {
			_, err := w.s[i%2].Order(t.Context(), self(id), dues.Checkout{Months: []model.Month{model.Month("2026-01").Add(i % 3)}}, model.Once{})
			return err
		})
		for c := range codes(errs) {
			if c != "" && c != "order_open" && c != "pay_order_closed" {
				t.Errorf("%s", c)
			}
		}
		var open int64
		w.must(w.read().Model(&model.Order{}).Where("closed_id = 0").Count(&open).Error)
		if open > 1 {
			t.Errorf("%d orders can be paid", open)
		}
	})
}

// TestOfficeEndsWhileCashComesIn: nobody leaves with cash in hand, and nobody takes cash who has left.
func TestOfficeEndsWhileCashComesIn(t *testing.T) {
	each(t, "2026-03-10 09:00", func(t *testing.T, w *world) {
		for range 10 {
			id := w.owes("一支部", 500, "2026-03")
			w.bill("2026-03")
			desk := w.appoint("一支部")
			post := w.posts["一支部"]
			errs := atOnce(2, func(i int) (err error) {
				if i == 0 {
					_, err = w.tree.EndPost(t.Context(), chief(), post.ID, w.today(), "换届")
				} else {
					_, err = w.s[0].Pay(t.Context(), desk, w.units["一支部"].ID, dues.Pay{
						MemberID: id, Months: []model.Month{"2026-03"}, AmountFen: 500, Method: model.PaidCash,
					}, model.Once{})
				}
				return err
			})
			if errs[0] == nil && errs[1] == nil {
				t.Fatal("he left with the cash")
			}
			if errs[0] != nil && !errors.Is(errs[0], model.ErrCashInHand) {
				t.Fatal(errs[0])
			}
		}
	})
}

// TestOfficeEndsWhileCashIsHandedOver: nor does anybody get cash from another who has left.
func TestOfficeEndsWhileCashIsHandedOver(t *testing.T) {
	each(t, "2026-03-10 09:00", func(t *testing.T, w *world) {
		giver := w.desk["一支部"]
		w.mustCash("一支部", w.owes("一支部", 5000, "2026-03"), 5000, "2026-03")
		for range 10 {
			taker := w.appoint("一支部")
			post := w.posts["一支部"]
			errs := atOnce(2, func(i int) (err error) {
				if i == 0 {
					_, err = w.tree.EndPost(t.Context(), chief(), post.ID, w.today(), "换届")
				} else {
					_, err = w.s[0].HandOver(t.Context(), giver, w.units["一支部"].ID, dues.Handover{ToMemberID: taker.MemberID, AmountFen: 100}, model.Once{})
				}
				return err
			})
			if errs[0] == nil && errs[1] == nil {
				t.Fatal("he left with the cash")
			}
		}
	})
}

// TestCashOfTheConsoleIsHis: who collects at the console has the cash himself, and keeps his office as long.
func TestCashOfTheConsoleIsHis(t *testing.T) {
	each(t, "2026-03-10 09:00", func(t *testing.T, w *world) {
		console := w.desk["一支部"]
		console.AccountID = 7
		w.desk["一支部"] = console
		w.mustCash("一支部", w.owes("一支部", 500, "2026-03"), 500, "2026-03")
		_, err := w.tree.EndPost(t.Context(), chief(), w.posts["一支部"].ID, w.today(), "换届")
		w.wantCode(err, "cash_in_hand")
	})
}
