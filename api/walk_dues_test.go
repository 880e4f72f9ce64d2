package api_test

import (
	"fmt"
	"slices"
	"testing"

	"gorm.io/gorm"

	"zhibu/model"
)

// duesReaders is what a look at the dues of a unit has to answer: a group leader reads the roster and not the dues.
var duesReaders = but(readers, map[string]verdict{"group leader at his group": forbidden})

// duesLines are the lines of the dues. Things of a unit are written into the database as they are: what they come to is
// for other tests.
func duesLines() map[string]line {
	own := line{}
	admins := but(officers, map[string]verdict{"secretary at his branch": forbidden, "secretary at the group below": forbidden})
	aboutMembers := but(withoutRoots(duesReaders), map[string]verdict{"group leader at his group": pass}) // it is himself
	month := "2026-04"
	assess := func(_ *world, unit int64) (string, any) {
		return assessPath(memberOf(unit)), object{"track": trackAt(unit), "category": "student", "effective_month": month}
	}
	exempt := func(_ *world, unit int64) (string, any) {
		return fmt.Sprintf("/members/%d/dues-exemptions", memberOf(unit)), object{
			"track": trackAt(unit), "from_month": month, "to_month": month, "amount_fen": 0, "approved_by": "机关党委", "reason_category": "hardship",
		}
	}
	onPayment := func(w *world, unit int64) (string, any) {
		return fmt.Sprintf("/dues/payments/%d/reverse", w.paymentOf(unit)), object{"reason": "记错"}
	}
	onRemittance := func(w *world, unit int64) (string, any) {
		return fmt.Sprintf("/dues/remittances/%d/reverse", w.remittanceOf(unit)), object{"reason": "记错"}
	}
	return map[string]line{
		"quote-dues": own, "list-dues-standards": own, "list-my-dues": own, "order-my-dues": own, "list-my-dues-orders": own,
		"read-my-dues-order": own, "close-my-dues-order": own,

		"add-dues-standard": {admins, func(_ *world, unit int64) (string, any) {
			return "/dues/standards", standard(object{"unit_id": unit, "effective_month": month})
		}},
		"assess-dues":           {withoutRoots(officers), assess},
		"list-dues-assessments": {aboutMembers, onMember("/dues-assessment", nil)},
		"exempt-dues":           {withoutRoots(officers), exempt},
		"list-dues-exemptions":  {aboutMembers, onMember("/dues-exemptions", nil)},
		"withdraw-dues-exemption": {withoutRoots(officers), func(w *world, unit int64) (string, any) {
			return fmt.Sprintf("/members/%d/dues-exemptions/%d", memberOf(unit), w.exemptionOf(unit)), nil
		}},
		"plan-dues":           {duesReaders, onUnit("/dues/assessments", nil)},
		"make-dues-bills":     {officers, onUnit("/dues/bills", object{"month": month})},
		"list-dues-bills":     {duesReaders, onUnit("/dues/bills", nil)},
		"list-dues-arrears":   {duesReaders, onUnit("/dues/arrears", nil)},
		"list-dues-payments":  {duesReaders, onUnit("/dues/payments", nil)},
		"read-dues-statement": {duesReaders, onUnit("/dues/statement", nil)},
		"export-dues-ledger":  {duesReaders, onUnit("/dues/statement.xlsx", nil)},
		"read-dues-publication": {but(duesReaders, map[string]verdict{ // it is for the members of the branch
			"member at his branch": pass, "group leader at the branch": pass, "group leader at his group": pass,
		}), onUnit("/dues/publication", nil)},
		"export-dues-publication": {but(duesReaders, map[string]verdict{
			"member at his branch": pass, "group leader at the branch": pass, "group leader at his group": pass,
		}), onUnit("/dues/publication.xlsx", nil)},
		"list-dues-entries": {duesReaders, onUnit("/dues/entries", nil)},
		"void-dues-bill": {officers, func(w *world, unit int64) (string, any) {
			return fmt.Sprintf("/dues/bills/%d/void", w.billOf(unit)), object{"reason": "重复"}
		}},
		"record-dues-payment": {officers, func(_ *world, unit int64) (string, any) {
			return duesPath(unit, "payments"), object{"member_id": memberOf(unit), "amount_fen": 0, "voluntary_fen": 100, "method": "cash"}
		}},
		"reverse-dues-payment":    {officers, onPayment},
		"hand-over-dues":          {officers, onUnit("/dues/handovers", object{"amount_fen": 1})},
		"remit-dues":              {officers, onUnit("/dues/remittances", object{"period": "2026-Q1", "amount_fen": 1, "to": "机关工委"})},
		"list-dues-remittances":   {duesReaders, onUnit("/dues/remittances", nil)},
		"reverse-dues-remittance": {officers, onRemittance},
		"enter-dues-receipt": {officers, func(w *world, unit int64) (string, any) {
			id := w.remittanceOf(unit)
			return fmt.Sprintf("/dues/remittances/%d/receipt", id), object{"receipt_no": fmt.Sprint("S", id)}
		}},
		"refund-dues-order": {admins, func(w *world, unit int64) (string, any) {
			return fmt.Sprintf("/dues/orders/%s/refund", w.orderOf(unit)), object{"amount_fen": 1, "reason": "多缴"}
		}},
		"reconcile-dues": {anyAdmin, func(*world, int64) (string, any) {
			return "/dues/reconciliations", object{"date": "2026-03-01"}
		}},
		"list-dues-reconciliations": {anyAdmin, func(*world, int64) (string, any) { return "/dues/reconciliations", nil }},
	}
}

// anyAdmin is for what belongs to no unit.
var anyAdmin = []visitor{
	{"admin of the root", chief, root, pass}, {"secretary", secretary, branch, forbidden}, {"auditor", auditor, root, forbidden},
	{"member", plain, branch, forbidden}, {"secretary of another tree", stranger, otherBranch, forbidden},
}

// duesNeeds are the permissions that decide the routes of the dues in the unit.
var duesNeeds = map[string]model.Permission{
	"add-dues-standard":         model.Administer,
	"assess-dues":               model.WriteDues,
	"list-dues-assessments":     model.ReadDues,
	"exempt-dues":               model.WriteDues,
	"list-dues-exemptions":      model.ReadDues,
	"withdraw-dues-exemption":   model.WriteDues,
	"plan-dues":                 model.ReadDues,
	"make-dues-bills":           model.WriteDues,
	"list-dues-bills":           model.ReadDues,
	"void-dues-bill":            model.WriteDues,
	"list-dues-arrears":         model.ReadDues,
	"record-dues-payment":       model.WriteDues,
	"list-dues-payments":        model.ReadDues,
	"reverse-dues-payment":      model.WriteDues,
	"hand-over-dues":            model.WriteDues,
	"remit-dues":                model.WriteDues,
	"list-dues-remittances":     model.ReadDues,
	"reverse-dues-remittance":   model.WriteDues,
	"enter-dues-receipt":        model.WriteDues,
	"list-dues-entries":         model.ReadDues,
	"read-dues-statement":       model.ReadDues,
	"export-dues-ledger":        model.ReadDues,
	"refund-dues-order":         model.Administer,
	"reconcile-dues":            model.Administer,
	"list-dues-reconciliations": model.Administer,
}

// watched are the routes that move money: what they refuse is in the audit, once.
var watched = []string{
	"add-dues-standard", "assess-dues", "exempt-dues", "withdraw-dues-exemption", "make-dues-bills", "void-dues-bill",
	"record-dues-payment", "reverse-dues-payment", "hand-over-dues", "remit-dues", "reverse-dues-remittance", "enter-dues-receipt",
	"order-my-dues", "close-my-dues-order", "refund-dues-order", "reconcile-dues",
}

// leftTrace fails the test when a refusal of the operation left another trace in the audit than it has to.
func (w *world) leftTrace(operation, who string, before int64, a *answer) {
	w.t.Helper()
	want := before
	if slices.Contains(watched, operation) {
		want++
		last := w.lastEvent()
		if last.Action != "refused."+operation || last.After != fmt.Sprintf(`{"code":%q}`, a.text("code")) {
			w.t.Errorf("%s as %s: refused with %s, yet the audit has %s %s", operation, who, a.text("code"), last.Action, last.After)
		}
	}
	if n := w.events(); n != want {
		w.t.Errorf("%s as %s: the refusal left %d audit events, want %d", operation, who, n-before, want-before)
	}
}

// lastEvent is the audit event written last.
func (w *world) lastEvent() (e model.AuditEvent) {
	w.t.Helper()
	w.must(w.db.Read(w.t.Context()).Order("at DESC, id DESC").First(&e).Error)
	return e
}

// trackAt is the track on which the dues of a unit are.
func trackAt(unit int64) model.Track {
	if unit == leagueBranch || unit == leagueRoot {
		return model.League
	}
	return model.Party
}

func (w *world) create(rows ...any) {
	w.t.Helper()
	w.must(w.db.Write(w.t.Context(), func(tx *gorm.DB) error {
		for _, r := range rows {
			if err := tx.Create(r).Error; err != nil {
				return err
			}
		}
		return nil
	}))
}

// newMonth is a month that no other row of the walk is about.
func (w *world) newMonth() model.Month {
	w.made++
	return model.Month("2031-01").Add(w.made)
}

func (w *world) billOf(unit int64) int64 {
	w.t.Helper()
	month, member := w.newMonth(), memberOf(unit)
	a := model.Assessment{ID: model.NewID(), MemberID: member, Track: trackAt(unit), Category: model.DuesStudent, AmountFen: 20, EffectiveMonth: month, ApprovedBy: "system"}
	b := model.Bill{
		ID: model.NewID(), UnitID: unit, MemberID: member, Track: a.Track, Month: month, DueOn: month.Day(1), AssessedFen: 20, AmountFen: 20, AssessmentID: a.ID,
	}
	w.create(&a, &b)
	return b.ID
}

func (w *world) exemptionOf(unit int64) int64 {
	w.t.Helper()
	month := w.newMonth()
	e := model.DuesExemption{ID: model.NewID(), MemberID: memberOf(unit), Track: trackAt(unit), FromMonth: month, ToMonth: month, ReasonCategory: "illness", ApprovedBy: "机关党委", RecordedBy: "system"}
	w.create(&e)
	return e.ID
}

// entryOf is an entry that moved a fen from one account to another.
func (w *world) entryOf(unit int64, kind model.EntryKind, from, to model.LedgerAccount) model.Entry {
	e := model.Entry{ID: model.NewID(), Kind: kind, UnitID: unit, Year: 2026, OccurredOn: "2026-03-02", CreatedBy: "system"}
	w.create(&e, &[]model.Line{{EntryID: e.ID, Position: 1, UnitID: unit, Account: from, AmountFen: -1}, {EntryID: e.ID, Position: 2, UnitID: unit, Account: to, AmountFen: 1}})
	return e
}

func (w *world) paymentOf(unit int64) int64 {
	w.t.Helper()
	p := model.Payment{
		ID: model.NewID(), UnitID: unit, MemberID: memberOf(unit), Track: trackAt(unit), Method: model.PaidCash, VoluntaryFen: 1, PaidOn: "2026-03-02",
		EntryID: w.entryOf(unit, model.PaymentEntry, model.Voluntary, model.Cash).ID, CollectedBy: "system",
	}
	w.create(&p)
	return p.ID
}

func (w *world) remittanceOf(unit int64) int64 {
	w.t.Helper()
	r := model.Remittance{
		ID: model.NewID(), UnitID: unit, Period: "2026-Q1", Year: 2026, AmountFen: 1, Recipient: "机关工委", PaidOn: "2026-03-02",
		EntryID: w.entryOf(unit, model.RemittanceEntry, model.Bank, model.Remitted).ID, CreatedBy: "system",
	}
	w.create(&r)
	return r.ID
}

func (w *world) orderOf(unit int64) string {
	w.t.Helper()
	id := model.NewID()
	o := model.Order{
		ID: id, OrderNo: fmt.Sprint("walk", id), UnitID: unit, MemberID: memberOf(unit), Track: trackAt(unit), Months: "2026-03", AmountFen: 100,
		State: model.OrderClosed, ClosedID: id,
	}
	w.create(&o)
	return o.OrderNo
}

// TestDuesOfOneselfAreLeftToOthers: an officer assesses, exempts, collects and reverses for others only.
func TestDuesOfOneselfAreLeftToOthers(t *testing.T) {
	each(t, func(t *testing.T, w *world) {
		w.assess(secretary, 5_000)
		w.makeBills(branch, "2026-03")
		paid := w.takeCash(branch, secretary, object{"months": []string{"2026-03"}, "amount_fen": 1_000}).number("id")
		exemption := w.call("POST", fmt.Sprintf("/members/%d/dues-exemptions", secretary), w.console(), object{
			"from_month": "2026-05", "to_month": "2026-05", "amount_fen": 0, "approved_by": "机关党委", "reason_category": "illness",
		}).wants(201).number("id")
		bill := w.call("GET", duesPath(branch, "bills?month=2026-03"), w.token(secretary), nil).items()[0]["id"].(float64)
		before := w.duesRows()
		for _, c := range []struct {
			method, path string
			body         any
		}{
			{"PUT", assessPath(secretary), object{"track": "party", "category": "student", "effective_month": "2026-03"}},
			{"POST", fmt.Sprintf("/members/%d/dues-exemptions", secretary), object{
				"from_month": "2026-06", "to_month": "2026-06", "amount_fen": 0, "approved_by": "机关党委", "reason_category": "illness",
			}},
			{"DELETE", fmt.Sprintf("/members/%d/dues-exemptions/%d", secretary, exemption), nil},
			{"POST", duesPath(branch, "payments"), object{"member_id": secretary, "months": []string{"2026-03"}, "amount_fen": 100, "method": "cash"}},
			{"POST", fmt.Sprintf("/dues/payments/%d/reverse", paid), object{"reason": "记错"}},
			{"POST", fmt.Sprintf("/dues/bills/%d/void", int64(bill)), object{"reason": "记错"}},
		} {
			a := w.call(c.method, c.path, w.token(secretary), c.body).refuses(403, "own_record")
			if !chinese(a.text("detail")) {
				t.Error(a.Body)
			}
		}
		if after := w.duesRows(); after != before {
			t.Errorf("rows before: %s, after: %s", before, after)
		}
	})
}
