package dues_test

import (
	"errors"
	"fmt"
	"testing"

	"github.com/google/go-cmp/cmp"
	"gorm.io/gorm"

	"zhibu/model"
	"zhibu/service/dues"
	"zhibu/service/roster"
)

// wantOwing compares what the bills of a member say with the lines.
func (w *world) wantOwing(memberID int64, want ...string) {
	w.t.Helper()
	if diff := cmp.Diff(want, w.owing(memberID)); diff != "" {
		w.t.Errorf("bills: %s", diff)
	}
}

func (w *world) wantCode(err error, want string) {
	w.t.Helper()
	if got := code(err); got != want {
		w.t.Errorf("got %q, want %q", got, want)
	}
}

func TestMonthsOfAPayment(t *testing.T) {
	each(t, "2026-08-10 09:00", func(t *testing.T, w *world) {
		party, league := w.owes("一支部", 100, "2026-01"), w.owes("团支部", 100, "2026-01")
		many := make([]model.Month, 25)
		for i := range many {
			many[i] = model.Month("2026-01").Add(i)
		}
		for _, c := range []struct {
			unit   string
			who    int64
			months []model.Month
			want   string
		}{
			{"一支部", party, []model.Month{"2026-02"}, ""},
			{"一支部", party, []model.Month{"2026-01"}, "months back_payment_limit"},
			{"一支部", party, []model.Month{"2026-01", "2026-03"}, "months back_payment_limit"},
			{"一支部", party, []model.Month{"2027-08"}, ""},
			{"一支部", party, []model.Month{"2027-09"}, "months too_far_ahead"},
			{"团支部", league, []model.Month{"2027-02"}, ""},
			{"团支部", league, []model.Month{"2027-03"}, "months too_far_ahead"},
			{"团支部", league, []model.Month{"2026-02"}, ""},
			{"一支部", party, []model.Month{"2026-05", "2026-04"}, "months wrong_order"},
			{"一支部", party, []model.Month{"2026-05", "2026-05"}, "months wrong_order"},
			{"一支部", party, []model.Month{"2026-5"}, "months invalid_month"},
			{"一支部", party, many, "months too_many"},
			{"一支部", party, nil, "months required"},
		} {
			_, err := w.cash(c.unit, c.who, 100, c.months...)
			w.wantCode(err, c.want)
		}
		// The limit is counted from the day of the payment, not from that of its entry.
		_, err := w.s[0].Pay(t.Context(), w.desk["一支部"], w.units["一支部"].ID, dues.Pay{
			MemberID: party, Months: []model.Month{"2026-01"}, AmountFen: 100, Method: model.PaidBank, PaidOn: "2026-07-31",
		}, model.Once{})
		w.wantCode(err, "")
		w.wantOwing(party, "2026-01 一支部 100/100", "2026-02 一支部 100/100", "2027-08 一支部 100/100")
	})
}

func TestPartPaymentIsOldestFirst(t *testing.T) {
	each(t, "2026-04-10 09:00", func(t *testing.T, w *world) {
		id := w.owes("一组", 300, "2026-01") // the branch keeps the books of its groups
		w.bill("2026-03")
		first := w.mustCash("一支部", id, 400, "2026-01", "2026-02", "2026-03")
		w.wantOwing(id, "2026-01 一支部 300/300", "2026-02 一支部 100/300", "2026-03 一支部 0/300")
		w.mustCash("一支部", id, 400, "2026-02", "2026-03")
		w.wantOwing(id, "2026-01 一支部 300/300", "2026-02 一支部 300/300", "2026-03 一支部 200/300")
		if _, err := w.s[1].Reverse(t.Context(), chief(), first.ID, "记错"); err != nil {
			t.Fatal(err)
		}
		w.wantOwing(id, "2026-01 一支部 0/300", "2026-02 一支部 200/300", "2026-03 一支部 200/300")
		_, err := w.cash("一组", id, 100, "2026-03")
		if !errors.Is(err, dues.ErrNoBooks) && !errors.Is(err, model.ErrForbidden) && !errors.Is(err, model.ErrNotFound) {
			t.Errorf("a group collects: %v", err)
		}
	})
}

func TestPaidAheadIsCarried(t *testing.T) {
	each(t, "2026-11-10 09:00", func(t *testing.T, w *world) {
		id := w.owes("一支部", 300, "2026-11")
		p := w.mustCash("一支部", id, 1000, "2026-11")
		if p.AdvanceFen != 700 {
			t.Errorf("%+v", p)
		}
		w.day("2027-01-05")
		w.bill("2026-12", "2027-01", "2027-02")
		w.wantOwing(id, "2026-11 一支部 300/300", "2026-12 一支部 300/300", "2027-01 一支部 300/300", "2027-02 一支部 100/300")
		if old, now := w.statement("一支部", 2026), w.statement("一支部", 2027); old.Paid != 1000 || now.Paid != 0 || now.Settled != 400 {
			t.Errorf("%+v, then %+v", old, now) // the money came in 2026
		}
		if _, err := w.s[0].Reverse(t.Context(), w.desk["一支部"], p.ID, "记错"); err != nil {
			t.Fatal(err)
		}
		w.wantOwing(id, "2026-11 一支部 0/300", "2026-12 一支部 0/300", "2027-01 一支部 0/300", "2027-02 一支部 0/300")
		_, err := w.s[0].Reverse(t.Context(), w.desk["一支部"], p.ID, "记错")
		w.wantCode(err, "already_reversed")
		_, err = w.cash("一支部", id, 300*14, "2027-01") // yuan for fen
		w.wantCode(err, "amount_fen too_much")
	})
}

func TestBothTracksPayPartyDues(t *testing.T) {
	each(t, "2026-05-10 09:00", func(t *testing.T, w *world) {
		id := w.owes("团支部", 200, "2026-01")
		w.bill("2026-03")
		on := enrolled(w.units["一支部"], id, "2026-04-01")
		w.add(&on)
		w.must(w.assess("一支部", id, 500, "2026-04"))
		w.bill("2026-04")
		w.wantOwing(id, "2026-03 团支部 0/200", "2026-04 一支部 0/500")
		amount := model.Fen(200)
		_, err := w.s[0].Assess(t.Context(), w.desk["团支部"], id, dues.Assess{
			Track: model.League, Category: model.DuesSalaried, AmountFen: &amount, EffectiveMonth: "2026-05", KeepLeague: true,
		})
		w.must(err)
		w.bill("2026-04", "2026-05")
		w.wantOwing(id, "2026-03 团支部 0/200", "2026-04 一支部 0/500", "2026-05 团支部 0/200", "2026-05 一支部 0/500")
	})
}

// TestTransferSetsTheBoundary: the branch of the dues day, unless the letter says up to which month was paid.
func TestTransferSetsTheBoundary(t *testing.T) {
	for _, c := range []struct {
		what   string
		on     model.Date
		paidTo model.Month
		want   [4]string // February to May
	}{
		{"on the dues day", "2026-04-01", "", [4]string{"一支部", "一支部", "二支部", "二支部"}},
		{"a day later", "2026-04-02", "", [4]string{"一支部", "一支部", "一支部", "二支部"}},
		{"the letter says longer", "2026-04-01", "2026-04", [4]string{"一支部", "一支部", "一支部", "二支部"}},
		{"the letter says so", "2026-04-01", "2026-03", [4]string{"一支部", "一支部", "二支部", "二支部"}},
		{"the letter says shorter", "2026-04-15", "2026-02", [4]string{"一支部", "二支部", "二支部", "二支部"}},
	} {
		t.Run(c.what, func(t *testing.T) {
			each(t, "2026-02-20 09:00", func(t *testing.T, w *world) {
				id := w.owes("一支部", 100, "2026-01")
				w.bill("2026-02", "2026-03", "2026-04", "2026-05") // before anybody knew
				w.day("2026-04-20")
				_, err := w.roster.Transfer(t.Context(), chief(), id, roster.Move{ToUnitID: w.units["二支部"].ID, EffectiveOn: c.on, Reason: "调动", DuesPaidTo: c.paidTo})
				w.must(err)
				var want []string
				for i, unit := range c.want {
					want = append(want, fmt.Sprintf("%s %s 0/100", model.Month("2026-02").Add(i), unit))
				}
				// Whoever asks, and in whatever order: the old branch, the new one, or the one above.
				for range 2 {
					for _, unit := range []string{"二支部", "一支部", "党总支"} {
						for _, m := range []model.Month{"2026-02", "2026-03", "2026-04", "2026-05"} {
							_, err := w.s[0].Bill(t.Context(), w.desk[unit], w.units[unit].ID, m)
							w.must(err)
						}
					}
				}
				w.wantOwing(id, want...)
			})
		})
	}
}

// TestTransferPaysWhereItIsOwed: the desk of the branch of the roster does not take what is owed to the other one.
func TestTransferPaysWhereItIsOwed(t *testing.T) {
	each(t, "2026-04-20 09:00", func(t *testing.T, w *world) {
		id := w.owes("一支部", 100, "2026-01")
		w.bill("2026-03")
		_, err := w.roster.Transfer(t.Context(), chief(), id, roster.Move{ToUnitID: w.units["二支部"].ID, EffectiveOn: "2026-04-01", Reason: "调动"})
		w.must(err)
		_, err = w.cash("二支部", id, 100, "2026-03")
		w.wantCode(err, "member_id other_branch")
		_, err = w.cash("一支部", id, 100, "2026-04")
		w.wantCode(err, "member_id not_found")
		_, err = w.s[0].Pay(t.Context(), w.desk["党总支"], w.units["党总支"].ID, dues.Pay{
			MemberID: id, Months: []model.Month{"2026-03", "2026-04"}, AmountFen: 200, Method: model.PaidBank,
		}, model.Once{})
		w.wantCode(err, "months two_branches")
		w.mustCash("一支部", id, 100, "2026-03")
		w.mustCash("二支部", id, 100, "2026-04")
		w.wantOwing(id, "2026-03 一支部 100/100", "2026-04 二支部 100/100")
	})
}

func TestSuspendedAndGoneAreNotBilled(t *testing.T) {
	each(t, "2026-04-10 09:00", func(t *testing.T, w *world) {
		suspended, gone, late := w.enrol("一支部"), w.enrol("一支部"), person("新来的人")
		on := enrolled(w.units["一支部"], late.ID, "2026-03-03") // the first is a Sunday
		w.add(&late, &on)
		w.must(w.db.Write(t.Context(), func(tx *gorm.DB) error {
			if err := tx.Model(&model.Membership{}).Where("member_id = ?", suspended).Update("state", model.Suspended).Error; err != nil {
				return err
			}
			return tx.Model(&model.Membership{}).Where("member_id = ?", gone).Update("ended_on", "2026-03-01").Error
		}))
		for _, id := range []int64{suspended, gone, late.ID} {
			w.must(w.assess("一支部", id, 100, "2026-01"))
		}
		w.bill("2026-02", "2026-03", "2026-04")
		w.wantOwing(suspended)
		w.wantOwing(gone, "2026-02 一支部 0/100")
		w.wantOwing(late.ID, "2026-04 一支部 0/100")
	})
}

func (w *world) setDuesDay(unit, day string) {
	w.t.Helper()
	w.add(&model.Setting{
		ID: model.NewID(), UnitID: w.units[unit].ID, Name: model.SettingDuesDay, Value: day, EffectiveOn: "2020-01-01", SetBy: "system", SetAt: 1,
	})
}

func TestDuesDayIsASettingOfTheBranch(t *testing.T) {
	each(t, "2026-04-10 09:00", func(t *testing.T, w *world) {
		w.setDuesDay("党总支", "20")
		w.setDuesDay("一支部", "10")
		w.setDuesDay("一组", "5") // a group has no day of its own
		in := map[string]int64{"一支部": w.owes("一支部", 100, "2026-03"), "一组": w.owes("一组", 100, "2026-03"), "二支部": w.owes("二支部", 100, "2026-03")}
		w.must(w.s[0].BillDue(t.Context()))
		w.wantOwing(in["一支部"], "2026-03 一支部 0/100", "2026-04 一支部 0/100")
		w.wantOwing(in["一组"], "2026-03 一支部 0/100", "2026-04 一支部 0/100")
		w.wantOwing(in["二支部"], "2026-03 二支部 0/100")
		if due := w.bills(in["一组"])[1].DueOn; due != "2026-04-10" {
			t.Errorf("due on %s", due)
		}
		w.day("2026-04-20")
		w.must(w.s[1].BillDue(t.Context()))
		w.wantOwing(in["二支部"], "2026-03 二支部 0/100", "2026-04 二支部 0/100")
	})
}

// TestDuesDayIsAWorkday: of a holiday the dues day is the next working day of the month, and its roster owes.
func TestDuesDayIsAWorkday(t *testing.T) {
	each(t, "2026-10-07 09:00", func(t *testing.T, w *world) {
		w.setDuesDay("二支部", "2")
		w.setDuesDay("团支部", "28")
		in := map[string]int64{"一支部": w.owes("一支部", 100, "2026-10"), "二支部": w.owes("二支部", 100, "2026-10"), "团支部": w.owes("团支部", 100, "2026-02")}
		late, after := person("节中来的人"), person("节后来的人")
		during, behind := enrolled(w.units["一支部"], late.ID, "2026-10-05"), enrolled(w.units["一支部"], after.ID, "2026-10-09")
		w.add(&late, &after, &during, &behind)
		w.must(w.assess("一支部", late.ID, 100, "2026-10"))
		w.must(w.assess("一支部", after.ID, 100, "2026-10"))
		w.must(w.s[0].BillDue(t.Context()))
		w.wantDue(in["一支部"])
		w.day("2026-10-08")
		w.must(w.s[0].BillDue(t.Context()))
		w.wantDue(in["一支部"], "2026-10-08")
		w.wantDue(in["二支部"], "2026-10-08")
		w.wantDue(late.ID, "2026-10-08")
		w.wantDue(after.ID)
		w.bill("2026-02", "2026-03", "2027-02")
		w.wantDue(in["团支部"], "2026-02-28", "2026-03-30", "2026-09-28", "2027-02-28") // a Saturday to make up; the last is a Sunday
		w.add(&model.CalendarDay{Day: "2026-11-02", Kind: model.DayOff, SetBy: "account:1"})
		w.bill("2026-11")
		w.wantDue(in["一支部"], "2026-10-08", "2026-11-03", "2027-02-01")
	})
}

// wantDue holds the dues days of the bills of somebody against those.
func (w *world) wantDue(id int64, want ...model.Date) {
	w.t.Helper()
	var due []model.Date
	for _, b := range w.bills(id) {
		due = append(due, b.DueOn)
	}
	if diff := cmp.Diff(want, due); diff != "" {
		w.t.Errorf("due: %s", diff)
	}
}

// TestTransferBetweenTwoDuesDays: who moves between two branches with different dues days owes for the month once, and
// asking again makes nothing.
func TestTransferBetweenTwoDuesDays(t *testing.T) {
	for from, to := range map[string]string{"一支部": "二支部", "二支部": "一支部"} {
		t.Run("from "+from, func(t *testing.T) {
			each(t, "2026-04-20 09:00", func(t *testing.T, w *world) {
				w.setDuesDay("一支部", "5")
				w.setDuesDay("二支部", "20")
				id := w.owes(from, 100, "2026-04")
				_, err := w.roster.Transfer(t.Context(), chief(), id, roster.Move{ToUnitID: w.units[to].ID, EffectiveOn: "2026-04-10", Reason: "调动"})
				w.must(err)
				w.bill("2026-04")
				first := w.owing(id)
				if len(first) != 1 {
					t.Errorf("he owes %v for April", first)
				}
				again, err := w.s[0].Bill(t.Context(), chief(), w.units["党总支"].ID, "2026-04")
				if diff := cmp.Diff(first, w.owing(id)); diff != "" || again.Created != 0 || err != nil {
					t.Errorf("asked again, %+v, %v: %s", again, err, diff)
				}
			})
		})
	}
}

// TestDuesDayOfAnotherBranchIsNoMatter: who comes after the dues day of his branch, or goes before it, does not owe for the
// month, whatever day another branch has.
func TestDuesDayOfAnotherBranchIsNoMatter(t *testing.T) {
	each(t, "2026-04-25 09:00", func(t *testing.T, w *world) {
		w.setDuesDay("一支部", "5")
		w.setDuesDay("二支部", "20")
		came, left := person("来的人"), person("走的人")
		in, out := enrolled(w.units["一支部"], came.ID, "2026-04-10"), enrolled(w.units["二支部"], left.ID, "2020-01-01")
		out.EndedOn, out.EndReason = "2026-04-10", "出国定居"
		w.add(&came, &left, &in, &out)
		w.must(w.assess("一支部", came.ID, 100, "2026-01"))
		w.must(w.assess("二支部", left.ID, 100, "2026-01"))
		w.bill("2026-03", "2026-04", "2026-05")
		w.wantOwing(came.ID, "2026-05 一支部 0/100")
		w.wantOwing(left.ID, "2026-03 二支部 0/100")
	})
}

func TestNewAssessmentLeavesOlderMonths(t *testing.T) {
	each(t, "2026-03-10 09:00", func(t *testing.T, w *world) {
		id := w.owes("一支部", 300, "2026-01")
		w.bill("2026-01", "2026-02", "2026-03", "2026-04", "2026-05")
		w.mustCash("一支部", id, 100, "2026-04")
		w.wantCode(w.assess("一支部", id, 500, "2026-02"), "month_billed")
		w.wantCode(w.assess("一支部", id, 500, "2025-12"), "month_billed")
		w.must(w.assess("一支部", id, 500, "2026-03"))
		w.bill("2026-01", "2026-06")
		w.wantOwing(id, "2026-01 一支部 0/300", "2026-02 一支部 0/300", "2026-03 一支部 0/500", "2026-04 一支部 100/300", "2026-05 一支部 0/500", "2026-06 一支部 0/500")
		w.must(w.assess("一支部", id, 700, "2026-03")) // the same month again: it replaces
		w.wantOwing(id, "2026-01 一支部 0/300", "2026-02 一支部 0/300", "2026-03 一支部 0/700", "2026-04 一支部 100/300", "2026-05 一支部 0/700", "2026-06 一支部 0/700")
		var held int64
		w.must(w.read().Model(&model.Assessment{}).Where("member_id = ? AND replaced_id = 0", id).Count(&held).Error)
		if held != 2 {
			t.Errorf("%d assessments hold", held)
		}
		// A new standard changes nobody's amount.
		if _, err := w.s[0].AddStandard(t.Context(), chief(), dues.NewStandard{
			UnitID: w.units["党总支"].ID, Track: model.Party, Category: model.DuesSalaried, EffectiveMonth: "2026-03",
			Brackets: []model.Bracket{{RateBP: 500}}, CapFen: 500_000, Rule: "试行", Source: "内部文件",
		}); err != nil {
			t.Fatal(err)
		}
		w.bill("2026-01", "2026-07")
		w.wantOwing(id, "2026-01 一支部 0/300", "2026-02 一支部 0/300", "2026-03 一支部 0/700", "2026-04 一支部 100/300", "2026-05 一支部 0/700", "2026-06 一支部 0/700",
			"2026-07 一支部 0/700")
	})
}

func TestExemptionMakesUnpaidBillsAnew(t *testing.T) {
	each(t, "2026-03-10 09:00", func(t *testing.T, w *world) {
		id := w.owes("一支部", 300, "2026-01")
		w.bill("2026-01", "2026-02", "2026-03", "2026-04")
		w.mustCash("一支部", id, 100, "2026-02")
		exempt := func(from, to model.Month, fen model.Fen) (model.DuesExemption, error) {
			return w.s[0].Exempt(t.Context(), w.desk["一支部"], id, dues.Exempt{
				FromMonth: from, ToMonth: to, AmountFen: fen, ApprovedBy: "机关党委", ReasonCategory: "hardship",
			})
		}
		none, err := exempt("2026-02", "2026-03", 0)
		w.must(err)
		_, err = exempt("2026-03", "2026-05", 50)
		w.wantCode(err, "exemption_exists")
		_, err = exempt("2026-05", "2026-04", 50)
		w.wantCode(err, "to_month wrong_order")
		_, err = exempt("2026-04", "2026-05", 50)
		w.must(err)
		w.bill("2026-05", "2026-06")
		w.wantOwing(id, "2026-01 一支部 0/300", "2026-02 一支部 100/300", "2026-03 一支部 0/0", "2026-04 一支部 0/50", "2026-05 一支部 0/50", "2026-06 一支部 0/300")
		if st := w.statement("一支部", 2026); st.Assessed != 300+300+0+50+50+300 || st.Exempted != 300+250+250 {
			t.Errorf("%+v", st)
		}
		if state := w.bills(id)[2].State(); state != model.BillExempt {
			t.Errorf("March is %s", state)
		}
		w.must(w.s[1].WithdrawExemption(t.Context(), w.desk["一支部"], id, none.ID))
		w.wantOwing(id, "2026-01 一支部 0/300", "2026-02 一支部 100/300", "2026-03 一支部 0/300", "2026-04 一支部 0/50", "2026-05 一支部 0/50", "2026-06 一支部 0/300")
		w.wantCode(w.s[1].WithdrawExemption(t.Context(), w.desk["一支部"], id, none.ID), "not_found")
	})
}
