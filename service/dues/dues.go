// Package dues keeps the membership dues (党费、团费): what members owe, what they paid, where the money is, and what was
// sent up. Below all of it is a ledger of double entries in fen; nothing in it is changed or deleted.
package dues

import (
	"context"
	"slices"
	"strings"
	"time"

	"gorm.io/gorm"

	"zhibu/model"
)

// The refusals of this feature.
var (
	ErrNoStandard     = model.NewError(model.NotFound, "standard_not_found", "没有适用于这一类别和月份的标准")
	ErrStandardExists = model.NewError(model.Conflict, "standard_exists", "这一类别从该月起的标准已经公布，请改用以后的月份")
	ErrOldMonth       = model.NewError(model.Conflict, "month_billed", "更早的月份已有账单，不再改动；请把起始月份定在本月或以后")
	ErrExempted       = model.NewError(model.Conflict, "exemption_exists", "这些月份已有减免")
	ErrBillPaid       = model.NewError(model.Conflict, "bill_paid", "这个月已有缴纳，不能作废；请先冲正缴纳")
	ErrBillVoided     = model.NewError(model.Conflict, "bill_voided", "这笔应缴已经作废")
	ErrReceiptUsed    = model.NewError(model.Conflict, "receipt_exists", "这个收据号已经登记过")
	ErrReversed       = model.NewError(model.Conflict, "already_reversed", "这一笔已经冲正，冲正不能再冲正")
	ErrUseRefund      = model.NewError(model.Conflict, "use_refund", "微信支付的款项不能冲正，请办理退款")
	ErrNotInHand      = model.NewError(model.Conflict, "not_in_hand", "在手的金额不足：可能已经上缴或移交；如需更正，请先冲正上缴")
	ErrNothingDue     = model.NewError(model.Conflict, "nothing_due", "这些月份没有应缴的金额")
	ErrPayOff         = model.NewError(model.Conflict, "pay_off", "没有开通微信支付，请到支部缴纳")
	ErrPaying         = model.NewError(model.Conflict, "order_open", "上一笔订单还在支付中，请稍候再试")
	ErrNotPaid        = model.NewError(model.Conflict, "order_not_paid", "这笔订单没有支付成功，不能退款")
	ErrRefunding      = model.NewError(model.Conflict, "refund_in_progress", "上一笔退款还在处理中，请稍后再试")
	ErrRefundTooMuch  = model.NewError(model.Conflict, "refund_too_much", "退款不能超过实际支付的金额")
	ErrNoBooks        = model.NewError(model.Conflict, "no_books", "党小组、团小组不单独建账，请在所属支部办理")
	ErrTradeDiffers   = model.NewError(model.Invalid, "trade_differs", "支付通知与订单不一致")
)

// How far from the month of the payment dues may be paid: back payment generally does not exceed six months (中组发〔2008〕3号;
// the League's rule says the same of both directions).
const (
	maxBackMonths   = 6
	maxAheadMonths  = 12
	maxAheadLeague  = 6
	maxMonths       = 24 // in one request
	maxReason       = 200
	maxFen          = model.MaxBase
	maxPaidDaysBack = 366
)

// Platform is WeChat Pay, or its simulator.
type Platform interface {
	Prepay(context.Context, model.Prepayment) (model.PayParams, error)
	Query(ctx context.Context, orderNo string) (model.Trade, error)
	Close(ctx context.Context, orderNo string) error
	Refund(context.Context, model.RefundRequest) (model.RefundTrade, error)
	QueryRefund(ctx context.Context, refundNo string) (model.RefundTrade, error)
	Bill(ctx context.Context, day model.Date) ([]model.PayBillLine, error)
}

// Service keeps the dues. It is safe for concurrent use, on any number of instances.
type Service struct {
	db        *model.DB
	keys      *model.Keyring
	now       func() time.Time
	platform  Platform
	drilldown bool
}

// New makes the service. Without a platform nobody pays by phone; namesDrilldown is the operator's switch for names of who
// is behind above the branch.
func New(db *model.DB, keys *model.Keyring, now func() time.Time, platform Platform, namesDrilldown bool) *Service {
	return &Service{db: db, keys: keys, now: now, platform: platform, drilldown: namesDrilldown}
}

func (s *Service) today() model.Date { return model.At(s.now()).Date() }

// faults collects the fields of a request that are at fault.
type faults []model.FieldError

func (f *faults) add(field, code, message string) {
	*f = append(*f, model.FieldError{Field: field, Code: code, Message: message})
}

func (f faults) err() error {
	if len(f) == 0 {
		return nil
	}
	return model.InvalidFields(f...)
}

// amount refuses what is no sensible amount of fen, or is below the least.
func (f *faults) amount(field string, fen, least model.Fen) {
	switch {
	case fen < 0:
		f.add(field, "negative", "金额不能为负数（单位：分）")
	case fen < least:
		f.add(field, "required", "金额须大于零（单位：分）")
	case fen > maxFen:
		f.add(field, "too_much", "金额过大（单位：分）")
	}
}

// month reads a month of a request.
func (f *faults) month(field string, m model.Month) {
	if _, err := model.ParseMonth(string(m)); err != nil {
		f.add(field, "invalid_month", "月份须形如 2026-03")
	}
}

// months refuses months that are none, in the wrong order or repeated.
func (f *faults) months(months []model.Month) {
	if len(months) > maxMonths {
		f.add("months", "too_many", "一次最多 24 个月")
		return
	}
	for i, m := range months {
		if _, err := model.ParseMonth(string(m)); err != nil {
			f.add("months", "invalid_month", "月份须形如 2026-03")
			return
		}
		if i > 0 && m <= months[i-1] {
			f.add("months", "wrong_order", "月份须从早到晚排列，不能重复")
			return
		}
	}
}

// text cleans a line of free text of at most max characters.
func (f *faults) text(field string, text *string, required bool, most int) {
	switch *text = model.CleanLine(*text); {
	case required && *text == "":
		f.add(field, "required", "请填写"+fieldNames[field])
	case len([]rune(*text)) > most:
		f.add(field, "too_long", fieldNames[field]+"太长")
	}
}

var fieldNames = map[string]string{
	"reason": "原因", "receipt_no": "收据号", "to": "收款单位", "approved_by": "批准的组织", "rule": "标准内容", "source": "依据",
}

// receipt returns the number of a receipt; nil without one.
func (f *faults) receipt(number string) *string {
	f.text("receipt_no", &number, false, 60)
	if number == "" {
		return nil
	}
	return &number
}

// findBooks returns a unit that keeps books, when the actor may do p in it; a group's are its branch's.
func findBooks(tx *gorm.DB, actor model.Actor, id int64, p model.Permission) (model.Unit, error) {
	u, err := model.FindUnit(tx, actor, id, p)
	if err == nil && u.Branch() != u.Path {
		err = ErrNoBooks
	}
	return u, err
}

// unitsUnder returns the units of the path and below it by id.
func unitsUnder(tx *gorm.DB, path string) (map[int64]model.Unit, error) {
	var units []model.Unit
	if err := tx.Scopes(model.Under(path)).Find(&units).Error; err != nil {
		return nil, err
	}
	byID := make(map[int64]model.Unit, len(units))
	for _, u := range units {
		byID[u.ID] = u
	}
	return byID, nil
}

func loadUnit(tx *gorm.DB, id int64) (u model.Unit, err error) {
	return u, tx.Take(&u, id).Error
}

// lastID is the id of the unit with the path.
func lastID(path string) int64 {
	ids := model.PathIDs(path)
	return ids[len(ids)-1]
}

// ownOfficer reports whether the actor keeps the books of that very branch: he alone is shown the names of who is behind
// (API.md; DOMAIN.md §19.1).
func ownOfficer(a model.Actor, u model.Unit) bool {
	return u.Kind.IsBranch() && slices.ContainsFunc(a.Grants, func(g model.Grant) bool {
		return strings.HasPrefix(g.Path, u.Branch()) && a.May(model.ReadDues, g.Path)
	})
}

// logLook writes the audit event of a look from above at the names of who is behind.
func (s *Service) logLook(ctx context.Context, actor model.Actor, u model.Unit, what string, names int) error {
	if names == 0 {
		return nil
	}
	return s.db.Write(ctx, func(tx *gorm.DB) error {
		return model.Audit(tx, actor, model.At(s.now()), model.Deed{
			Action: what + ".read", Unit: u, SubjectID: u.ID, After: map[string]any{"names": names},
		})
	})
}
