package demo_test

import (
	"context"
	"testing"
	"time"

	"gorm.io/gorm"

	"zhibu/demo"
	"zhibu/model"
	"zhibu/model/modeltest"
	"zhibu/service/dues"
)

// checkBooks: the ledger agrees with itself, and nothing in it could not have happened.
func checkBooks(t *testing.T, tx *gorm.DB, now model.Instant) {
	t.Helper()
	today := now.Date()
	lines := "(SELECT unit_id, CASE WHEN account IN ('cash', 'bank') THEN 0 ELSE (SELECT year FROM dues_entries WHERE id = entry_id) END AS year, " +
		"account, holder, SUM(amount_fen) AS fen FROM dues_lines GROUP BY 1, 2, 3, 4) AS sums"
	for what, q := range map[string]*gorm.DB{
		"entries that do not balance": tx.Table("(?) AS e", tx.Table("dues_lines").Select("entry_id").Group("entry_id").Having("SUM(amount_fen) <> 0")),
		"entries without lines":       tx.Model(&model.Entry{}).Where("id NOT IN (SELECT entry_id FROM dues_lines)"),
		"balances that are not their lines": tx.Table(lines).Where("NOT EXISTS (SELECT 1 FROM dues_balances b WHERE b.unit_id = sums.unit_id " +
			"AND b.year = sums.year AND b.account = sums.account AND b.holder = sums.holder AND b.amount_fen = sums.fen)"),
		"balances below zero": tx.Model(&model.Balance{}).Where("account IN ('cash', 'bank') AND amount_fen < 0"),
		"bills and their allocations": tx.Model(&model.Bill{}).
			Where("paid_fen <> COALESCE((SELECT SUM(a.amount_fen) FROM dues_allocations a WHERE a.bill_id = dues_bills.id), 0)"),
		"payments and their allocations": tx.Model(&model.Payment{}).
			Where("amount_fen <> (SELECT SUM(a.amount_fen) FROM dues_allocations a WHERE a.payment_id = dues_payments.id)"),
		"payments and their entries": tx.Model(&model.Payment{}).
			Where("amount_fen + voluntary_fen <> (SELECT SUM(l.amount_fen) FROM dues_lines l WHERE l.entry_id = dues_payments.entry_id AND l.amount_fen > 0)"),
		"future": tx.Model(&model.Payment{}).Where("created_at > ? OR paid_on > ?", now, today),
		"future bill": tx.Model(&model.Bill{}).Joins("JOIN dues_assessments a ON a.id = assessment_id").
			Where("due_on > ? OR dues_bills.created_at > ? OR a.approved_at > dues_bills.created_at OR a.effective_month > month", today, now),
		"future entry":   tx.Model(&model.Entry{}).Where("created_at > ? OR occurred_on > ?", now, today),
		"nobody's deed":  tx.Model(&model.Entry{}).Where("created_by IN ('system', 'member:0')"),
		"own payment":    tx.Model(&model.Payment{}).Where("collected_by = CONCAT('member:', member_id)"),
		"own assessment": tx.Model(&model.Assessment{}).Where("approved_by = CONCAT('member:', member_id) OR approved_by = 'member:0'"),
		"paid before billed": tx.Model(&model.Allocation{}).Joins("JOIN dues_bills b ON b.id = bill_id").
			Joins("JOIN dues_payments p ON p.id = payment_id").Where("b.created_at > p.created_at OR b.unit_id <> p.unit_id OR b.member_id <> p.member_id"),
	} {
		if n := count(t, q); n > 0 {
			t.Errorf("%s: %d", what, n)
		}
	}
	balances := 0
	if err := tx.Model(&model.Balance{}).Select("COALESCE(SUM(amount_fen), -1)").Scan(&balances).Error; err != nil || balances != 0 {
		t.Error("the trial balance is", balances, err)
	}
}

// checkDues asks the service: it would bill as the bureau did, closed quarters are sent up, and the difference is in hand.
func checkDues(t *testing.T, db *model.DB, now model.Instant) {
	t.Helper()
	ctx, tx := context.Background(), db.Read(context.Background())
	admin := model.Actor{AccountID: 1, Grants: []model.Grant{{Path: "/", Title: model.Admin}}}
	service := dues.New(db, modeltest.Keyring(t), func() time.Time { return now.Time() }, nil, false)
	var root model.Unit
	var first model.Month
	if err := tx.Where("parent_id IS NULL").Take(&root).Error; err != nil {
		t.Fatal(err)
	}
	if err := tx.Model(&model.Bill{}).Select("MIN(month)").Scan(&first).Error; err != nil {
		t.Fatal(err)
	}
	this := model.MonthOf(now.Date())
	between(t, "months", this.Since(first)+1, 4, 15)
	for m := first; m <= this; m = m.Add(1) {
		if b, err := service.Bill(ctx, admin, root.ID, m); err != nil || b.Created > 0 || b.Unassessed > 0 || b.Existing < 90 {
			t.Errorf("%s: %+v, %v", m, b, err)
		}
	}
	for year := first.Year(); year <= this.Year(); year++ {
		st, err := service.Statement(ctx, admin, root.ID, year)
		if err != nil {
			t.Fatal(err)
		}
		inHand := st.InHand.Total()
		if year < this.Year() {
			inHand = 0
		}
		if st.Difference() != inHand || year < this.Year() && !st.FullyRemitted() {
			t.Errorf("%d: %s collected, %s remitted, %s in hand", year, st.Collected(), st.Remitted, st.InHand.Total())
		}
		checkQuarters(t, tx, year, this)
	}
	checkBehind(t, service, admin, root, this.Since(first)+1)
	checkVisitors(t, db, service, this)
}

// checkQuarters: what was paid in a quarter that is over is what left the bureau for it.
func checkQuarters(t *testing.T, tx *gorm.DB, year int, this model.Month) {
	t.Helper()
	for quarter := range 4 {
		begin := model.Month(model.DateOf(time.Date(year, time.Month(3*quarter+1), 1, 0, 0, 0, 0, model.Shanghai))[:7])
		if begin.Add(2) >= this {
			return
		}
		var paid, gone int
		err := tx.Model(&model.Payment{}).Where("paid_on >= ? AND paid_on < ?", begin.Day(1), begin.Add(3).Day(1)).
			Select("COALESCE(SUM(amount_fen + voluntary_fen), 0)").Scan(&paid).Error
		if err != nil {
			t.Fatal(err)
		}
		err = tx.Model(&model.Remittance{}).Where("to_unit_id IS NULL AND receipt_no <> '' AND paid_on = ?", begin.Add(2).Day(31)).
			Select("COALESCE(SUM(amount_fen), 0)").Scan(&gone).Error
		if err != nil || paid != gone {
			t.Errorf("the quarter from %s: %d paid, %d sent up, %v", begin, paid, gone, err)
		}
	}
}

// checkBehind: three are behind for two months and more, the longest for seven or as long as there are books.
func checkBehind(t *testing.T, service *dues.Service, admin model.Actor, root model.Unit, months int) {
	t.Helper()
	a, err := service.Arrears(context.Background(), admin, root.ID, 3)
	if err != nil {
		t.Fatal(err)
	}
	members := 0
	for _, b := range a.Branches {
		members += b.Members
	}
	between(t, "behind for three months", members, 1, 2)
	st, err := service.Statement(context.Background(), admin, root.ID, model.MonthOf(a.AsOf).Year())
	if err != nil {
		t.Fatal(err)
	}
	if months > 7 && st.Arrears[2].Members != 1 {
		t.Errorf("%+v", st.Arrears)
	}
}

// checkVisitors: who is shown around owes for this month, one gave more than he owed, one paid half, one was let off.
func checkVisitors(t *testing.T, db *model.DB, service *dues.Service, this model.Month) {
	t.Helper()
	guide, err := demo.Find(context.Background(), db)
	if err != nil {
		t.Fatal(err)
	}
	tx := db.Read(context.Background())
	var binding model.Binding
	if err := tx.Where("openid = ?", guide.MemberOpenID).Take(&binding).Error; err != nil {
		t.Fatal(err)
	}
	mine, err := service.MyDues(context.Background(), model.Actor{MemberID: binding.MemberID}, dues.BillFilter{Limit: 50})
	if err != nil || len(mine.Bills) < 4 || mine.Bills[0].Month != this || mine.Bills[0].State() != model.BillOpen || mine.Open != mine.Bills[0].AmountFen {
		t.Errorf("%+v, %v", mine, err)
	}
	between(t, "voluntary", count(t, tx.Model(&model.Payment{}).Where("voluntary_fen > 0")), 1, 1)
	between(t, "part paid", count(t, tx.Model(&model.Bill{}).Scopes(model.InBillState(model.BillPartPaid))), 1, 1)
	between(t, "exempt", count(t, tx.Model(&model.Bill{}).Scopes(model.InBillState(model.BillExempt))), 3, 3)
	between(t, "categories", count(t, tx.Table("(?) AS kinds",
		tx.Model(&model.Assessment{}).Distinct("track", "category"))), 4, 4)
	between(t, "party dues of who is in the League too", count(t, tx.Model(&model.Bill{}).Where("track = 'party' AND member_id IN (?)",
		tx.Model(&model.Membership{}).Select("member_id").Where("track = 'league'"))), 10, 70)
	between(t, "twice for a month", count(t, tx.Table("(?) AS twice", tx.Model(&model.Bill{}).Select("member_id").Group("member_id, month").
		Having("COUNT(*) > 1"))), 0, 0)
}
