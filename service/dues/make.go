package dues

import (
	"gorm.io/gorm"

	"zhibu/model"
)

// key is a member on a track.
type key struct {
	memberID int64
	track    model.Track
}

// facts are what the bills of a page depend on.
type facts struct {
	assessments map[key]model.Assessment
	exemptions  map[key]model.DuesExemption
	bills       map[key]model.Bill
	inParty     map[int64]bool
}

// make writes the bills that are missing, in one transaction.
func (b biller) make(tx *gorm.DB, dues []due) (done Billing, err error) {
	ids := make([]int64, len(dues))
	for i, d := range dues {
		ids[i] = d.MemberID
	}
	f, err := b.facts(tx, ids)
	if err != nil {
		return done, err
	}
	var made []model.Bill
	for _, d := range dues {
		k := key{d.MemberID, d.Track}
		assessed, ok := f.assessments[k]
		old, billed := f.bills[k]
		if d.Track == model.League && f.inParty[d.MemberID] && !assessed.KeepLeague {
			// Who is in the party pays party dues (2016 rule on League dues).
			if billed && old.PaidFen == 0 {
				if err := void(tx, old, b.now, "已是党员，交纳党费，团费不再收缴"); err != nil {
					return done, err
				}
			}
			continue
		}
		if !ok && !billed {
			done.Unassessed++
			continue
		}
		bill := b.bill(d, assessed, f.exemptions[k])
		if billed && !b.replaces(old, bill, ok) {
			done.Existing++
			continue
		}
		if billed {
			if err := void(tx, old, b.now, b.why(old, bill)); err != nil {
				return done, err
			}
		}
		made = append(made, bill)
	}
	done.Created = len(made)
	if len(made) == 0 {
		return done, nil
	}
	if err := tx.CreateInBatches(made, 500).Error; err != nil {
		return done, err
	}
	return done, carry(tx, b.actor, b.now, made)
}

// replaces reports whether the old bill gives way: nobody has paid on it, and it is to another branch or, on purpose, of
// another amount.
func (b biller) replaces(old, bill model.Bill, assessed bool) bool {
	if old.PaidFen > 0 || !assessed {
		return false
	}
	return old.UnitID != bill.UnitID || b.rebill != "" && (old.AmountFen != bill.AmountFen || old.AssessedFen != bill.AssessedFen)
}

func (b biller) why(old, bill model.Bill) string {
	if b.rebill != "" {
		return b.rebill
	}
	return "组织关系变动，改由现支部收缴"
}

func (b biller) bill(d due, a model.Assessment, e model.DuesExemption) model.Bill {
	bill := model.Bill{
		ID: model.NewID(), UnitID: d.branch.ID, MemberID: d.MemberID, Track: d.Track, Month: b.month, DueOn: b.day,
		AssessedFen: a.AmountFen, AmountFen: a.AmountFen, AssessmentID: a.ID, CreatedAt: b.now,
	}
	if e.ID != 0 {
		bill.AmountFen, bill.ExemptionID = min(a.AmountFen, e.AmountFen), &e.ID
	}
	return bill
}

// facts reads what is known of the members for the month.
func (b biller) facts(tx *gorm.DB, ids []int64) (facts, error) {
	f := facts{map[key]model.Assessment{}, map[key]model.DuesExemption{}, map[key]model.Bill{}, map[int64]bool{}}
	var assessments []model.Assessment
	err := tx.Where("member_id IN ? AND effective_month <= ? AND replaced_id = 0", ids, b.month).Order("effective_month").Find(&assessments).Error
	if err != nil {
		return f, err
	}
	for _, a := range assessments {
		f.assessments[key{a.MemberID, a.Track}] = a // the latest is the last
	}
	var exemptions []model.DuesExemption
	err = tx.Where("member_id IN ? AND from_month <= ? AND to_month >= ? AND withdrawn_at = 0", ids, b.month, b.month).Find(&exemptions).Error
	if err != nil {
		return f, err
	}
	for _, e := range exemptions {
		f.exemptions[key{e.MemberID, e.Track}] = e
	}
	var bills []model.Bill
	if err := tx.Where("member_id IN ? AND month = ? AND voided_id = 0", ids, b.month).Find(&bills).Error; err != nil {
		return f, err
	}
	for _, bill := range bills {
		f.bills[key{bill.MemberID, bill.Track}] = bill
	}
	var party []int64
	err = tx.Model(&model.Membership{}).Scopes(model.OnRoster(b.day.Start()), model.OfTrack(model.Party)).
		Where("member_id IN ?", ids).Pluck("member_id", &party).Error
	for _, id := range party {
		f.inParty[id] = true
	}
	return f, err
}

// void ends a bill on which nothing was paid.
func void(tx *gorm.DB, b model.Bill, now model.Instant, reason string) error {
	return model.SaveSeen(tx.Model(&model.Bill{}).Where("id = ? AND voided_id = 0 AND paid_fen = 0", b.ID).
		Updates(map[string]any{"voided_id": b.ID, "voided_at": now, "void_reason": reason}))
}
