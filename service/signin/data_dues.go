package signin

import (
	"strconv"

	"gorm.io/gorm"

	"zhibu/model"
)

// PersonalDues is what is held about a member's dues. What the platform gave for paying an order is left out.
type PersonalDues struct {
	Assessments []DuesAssessment
	Exemptions  []model.DuesExemption
	Bills       []model.Bill
	Payments    []model.Payment
	Orders      []model.Order // without the parameters for paying
	Refunds     []model.Refund
}

// DuesAssessment is an assessment with the base, where it is kept.
type DuesAssessment struct {
	model.Assessment
	BaseFen *model.Fen
}

func (s *Service) myDues(db *gorm.DB, memberID int64) (d PersonalDues, err error) {
	var assessments []model.Assessment
	for _, t := range []struct {
		rows  any
		order string
	}{
		{&assessments, "effective_month, approved_at, id"}, {&d.Exemptions, "from_month, id"}, {&d.Bills, "month, id"},
		{&d.Payments, "created_at, id"}, {&d.Orders, "created_at, id"},
	} {
		if err := db.Where("member_id = ?", memberID).Order(t.order).Find(t.rows).Error; err != nil {
			return d, err
		}
	}
	err = db.Joins("JOIN dues_orders ON dues_orders.id = dues_refunds.order_id").Where("dues_orders.member_id = ?", memberID).
		Order("requested_at, dues_refunds.id").Find(&d.Refunds).Error
	if err != nil {
		return d, err
	}
	for i := range d.Orders {
		d.Orders[i].PayParams = ""
	}
	for _, a := range assessments {
		row := DuesAssessment{Assessment: a}
		if a.BaseSealed != "" {
			base, err := s.openBase(a)
			if err != nil {
				return d, err
			}
			row.BaseFen, row.BaseSealed = &base, ""
		}
		d.Assessments = append(d.Assessments, row)
	}
	return d, nil
}

func (s *Service) openBase(a model.Assessment) (model.Fen, error) {
	text, err := s.keys.Open(model.BaseColumn, a.BaseSealed)
	if err != nil {
		return 0, err
	}
	fen, err := strconv.ParseInt(text, 10, 64)
	return model.Fen(fen), err
}

func (d PersonalDues) unitIDs() (ids []int64) {
	for _, b := range d.Bills {
		ids = append(ids, b.UnitID)
	}
	for _, p := range d.Payments {
		ids = append(ids, p.UnitID)
	}
	for _, o := range d.Orders {
		ids = append(ids, o.UnitID)
	}
	return ids
}

// eraseDues blanks what the books hold beyond the money: the base, which is salary data, and why an amount was fixed, a
// payment reversed or an order refunded. Assessments, bills, payments and the ledger itself stay: they are accounting
// records, which are kept for their term and not changed (会计档案管理办法). So do the reasons of the entries, which are part of
// the voucher, and the one of a refund on its way, which has to be asked for again in the same words.
func eraseDues(tx *gorm.DB, memberID int64) error {
	orders := tx.Session(&gorm.Session{NewDB: true}).Model(&model.Order{}).Select("id").Where("member_id = ?", memberID)
	for _, t := range []struct {
		row    any
		whose  string
		of     any
		column string
		blank  string
	}{
		{&model.Assessment{}, "member_id = ?", memberID, "base_sealed", ""},
		{&model.Assessment{}, "member_id = ?", memberID, "reason", ErasedText},
		{&model.Bill{}, "member_id = ?", memberID, "void_reason", ErasedText},
		{&model.Payment{}, "member_id = ?", memberID, "reverse_reason", ErasedText},
		{&model.Refund{}, "settled_at <> 0 AND order_id IN (?)", orders, "reason", ErasedText},
	} {
		err := tx.Model(t.row).Where(t.whose+" AND "+t.column+" <> ''", t.of).Update(t.column, t.blank).Error
		if err != nil {
			return err
		}
	}
	return nil
}
