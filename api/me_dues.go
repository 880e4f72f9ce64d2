package api

import (
	"time"

	"zhibu/model"
	"zhibu/service/signin"
)

// myDuesData is what is held about a member's dues. Who did what is not his personal data, and left out.
type myDuesData struct {
	Assessments []myAssessment    `json:"assessments"`
	Exemptions  []myDuesExemption `json:"exemptions"`
	Bills       []myBill          `json:"bills"`
	Payments    []myPayment       `json:"payments"`
	Orders      []myOrder         `json:"orders" doc:"attempts to pay through WeChat Pay"`
	Refunds     []myRefund        `json:"refunds"`
}

type myAssessment struct {
	Track          model.Track        `json:"track"`
	Category       model.DuesCategory `json:"category"`
	CategoryName   string             `json:"category_name"`
	BaseFen        *model.Fen         `json:"base_fen" doc:"null where it is not kept"`
	AmountFen      model.Fen          `json:"amount_fen" doc:"each month"`
	KeepLeague     bool               `json:"keep_league"`
	EffectiveMonth model.Month        `json:"effective_month"`
	Reason         string             `json:"reason"`
	ApprovedAt     *time.Time         `json:"approved_at"`
	Replaced       bool               `json:"replaced"`
}

type myDuesExemption struct {
	Track          model.Track `json:"track"`
	FromMonth      model.Month `json:"from_month"`
	ToMonth        model.Month `json:"to_month"`
	AmountFen      model.Fen   `json:"amount_fen" doc:"still owed each month"`
	ReasonCategory string      `json:"reason_category"`
	ApprovedBy     string      `json:"approved_by" doc:"the body"`
	RecordedAt     *time.Time  `json:"recorded_at"`
	WithdrawnAt    *time.Time  `json:"withdrawn_at"`
}

type myBill struct {
	Track       model.Track     `json:"track"`
	Month       model.Month     `json:"month"`
	UnitName    string          `json:"unit_name"`
	AssessedFen model.Fen       `json:"assessed_fen"`
	AmountFen   model.Fen       `json:"amount_fen"`
	PaidFen     model.Fen       `json:"paid_fen"`
	State       model.BillState `json:"state"`
	VoidReason  string          `json:"void_reason"`
}

type myPayment struct {
	ID            int64           `json:"id"`
	Track         model.Track     `json:"track"`
	UnitName      string          `json:"unit_name"`
	Method        model.PayMethod `json:"method"`
	AmountFen     model.Fen       `json:"amount_fen"`
	VoluntaryFen  model.Fen       `json:"voluntary_fen"`
	CarriedFen    model.Fen       `json:"carried_fen"`
	PaidOn        *string         `json:"paid_on"`
	ReceiptNo     *string         `json:"receipt_no"`
	ReversedAt    *time.Time      `json:"reversed_at"`
	ReverseReason string          `json:"reverse_reason"`
}

type myOrder struct {
	OrderNo       string           `json:"order_no"`
	Track         model.Track      `json:"track"`
	UnitName      string           `json:"unit_name"`
	Months        []model.Month    `json:"months"`
	AmountFen     model.Fen        `json:"amount_fen"`
	VoluntaryFen  model.Fen        `json:"voluntary_fen"`
	RefundedFen   model.Fen        `json:"refunded_fen"`
	State         model.OrderState `json:"state"`
	TransactionID *string          `json:"transaction_id" doc:"of WeChat Pay, as in the member's own bill there"`
	CreatedAt     *time.Time       `json:"created_at"`
	PaidAt        *time.Time       `json:"paid_at"`
}

type myRefund struct {
	RefundNo    string            `json:"refund_no"`
	AmountFen   model.Fen         `json:"amount_fen"`
	Reason      string            `json:"reason"`
	State       model.RefundState `json:"state"`
	RequestedAt *time.Time        `json:"requested_at"`
	SettledAt   *time.Time        `json:"settled_at"`
}

func myDuesDataOf(d signin.PersonalData) myDuesData {
	held := d.Dues
	b := myDuesData{
		Assessments: make([]myAssessment, len(held.Assessments)), Exemptions: make([]myDuesExemption, len(held.Exemptions)),
		Bills: make([]myBill, len(held.Bills)), Payments: make([]myPayment, len(held.Payments)),
		Orders: make([]myOrder, len(held.Orders)), Refunds: make([]myRefund, len(held.Refunds)),
	}
	for i, a := range held.Assessments {
		b.Assessments[i] = myAssessment{
			a.Track, a.Category, a.Category.Name(), a.BaseFen, a.AmountFen, a.KeepLeague, a.EffectiveMonth, a.Reason, stamp(a.ApprovedAt),
			a.ReplacedID != 0,
		}
	}
	for i, e := range held.Exemptions {
		b.Exemptions[i] = myDuesExemption{
			e.Track, e.FromMonth, e.ToMonth, e.AmountFen, e.ReasonCategory, e.ApprovedBy, stamp(e.RecordedAt), stamp(e.WithdrawnAt),
		}
	}
	for i, x := range held.Bills {
		b.Bills[i] = myBill{x.Track, x.Month, d.Units[x.UnitID].Name, x.AssessedFen, x.AmountFen, x.PaidFen, x.State(), x.VoidReason}
	}
	for i, p := range held.Payments {
		b.Payments[i] = myPayment{
			p.ID, p.Track, d.Units[p.UnitID].Name, p.Method, p.AmountFen, p.VoluntaryFen, p.AdvanceFen, day(p.PaidOn), p.ReceiptNo,
			stamp(p.ReversedAt), p.ReverseReason,
		}
	}
	for i, o := range held.Orders {
		b.Orders[i] = myOrder{
			o.OrderNo, o.Track, d.Units[o.UnitID].Name, o.MonthList(), o.AmountFen, o.VoluntaryFen, o.RefundedFen, o.State,
			o.TransactionID, stamp(o.CreatedAt), stamp(o.PaidAt),
		}
	}
	for i, r := range held.Refunds {
		b.Refunds[i] = myRefund{r.RefundNo, r.AmountFen, r.Reason, r.State, stamp(r.RequestedAt), stamp(r.SettledAt)}
	}
	return b
}
