package model

import "strings"

// PayMethod is how a payment was made.
type PayMethod string

const (
	PaidCash   PayMethod = "cash"
	PaidBank   PayMethod = "bank"
	PaidWechat PayMethod = "wechat"
)

// Account is where the money of a payment is at first.
func (m PayMethod) Account() LedgerAccount {
	switch m {
	case PaidCash:
		return Cash
	case PaidBank:
		return Bank
	}
	return WechatPay
}

// Payment (缴纳) is money a member has paid: dues, which are allocated to bills, and what he gave beyond them.
type Payment struct {
	ID            int64
	UnitID        int64
	MemberID      int64
	Track         Track
	Method        PayMethod
	AmountFen     Fen // without the voluntary part
	VoluntaryFen  Fen
	AdvanceFen    Fen // of the amount, what waits for a bill
	PaidOn        Date
	ReceiptNo     *string
	OrderID       *int64
	EntryID       int64
	CollectedBy   string  // Actor.Ref; empty for WeChat Pay
	CreatedAt     Instant `gorm:"autoCreateTime:false"`
	ReversedID    int64   // the entry that reversed it; 0 while it stands
	ReversedAt    Instant
	ReverseReason string
}

// TableName keeps the word of the feature in the schema.
func (Payment) TableName() string { return "dues_payments" }

// Allocation is what of a payment a bill got; a reversal or a refund takes it away by a negative one.
type Allocation struct {
	ID        int64
	PaymentID int64
	BillID    int64
	EntryID   int64
	AmountFen Fen
}

// TableName keeps the word of the feature in the schema.
func (Allocation) TableName() string { return "dues_allocations" }

// OrderState is where an order stands.
type OrderState string

const (
	OrderCreated   OrderState = "created"
	OrderPaid      OrderState = "paid"
	OrderClosed    OrderState = "closed"
	OrderRefunding OrderState = "refunding"
	OrderRefunded  OrderState = "refunded" // in full
)

// Order is one attempt of a member to pay through WeChat Pay.
type Order struct {
	ID            int64
	OrderNo       string // out_trade_no
	UnitID        int64
	MemberID      int64
	Track         Track
	Months        string // see MonthList
	AmountFen     Fen
	VoluntaryFen  Fen
	Description   string
	State         OrderState
	PayParams     string // JSON of PayParams; empty until the platform answered
	TransactionID *string
	RefundedFen   Fen
	CreatedAt     Instant `gorm:"autoCreateTime:false"`
	ExpiresAt     Instant
	PaidAt        Instant
	NextLookAt    Instant // when to ask the platform what became of it; 0: no more
	Looks         int
	ClosedID      int64 // 0 while it can be paid, then its own id: a member has one such order on a track
}

// TableName keeps the word of the feature in the schema.
func (Order) TableName() string { return "dues_orders" }

// Total is what the member pays.
func (o Order) Total() Fen { return o.AmountFen + o.VoluntaryFen }

// MonthList returns the months the order is for.
func (o Order) MonthList() []Month {
	var months []Month
	for _, m := range SplitList(o.Months, ",") {
		months = append(months, Month(m))
	}
	return months
}

// JoinMonths is the list as it is kept.
func JoinMonths(months []Month) string {
	texts := make([]string, len(months))
	for i, m := range months {
		texts[i] = string(m)
	}
	return strings.Join(texts, ",")
}

// Refund is money of an order that goes back to the member.
type Refund struct {
	ID          int64
	RefundNo    string
	OrderID     int64
	AmountFen   Fen
	Reason      string
	State       RefundState
	RequestedBy string
	RequestedAt Instant
	SettledAt   Instant // 0 while it is processed
	NextLookAt  Instant // when to ask the platform; 0: no more
	Looks       int
	EntryID     int64
}

// TableName keeps the word of the feature in the schema.
func (Refund) TableName() string { return "dues_refunds" }

// Remittance (上缴) is money a unit has sent up.
type Remittance struct {
	ID            int64
	UnitID        int64
	Period        string // 2026, 2026-H1, 2026-Q1 or 2026-01
	Year          int
	AmountFen     Fen
	Recipient     string
	ToUnitID      *int64 // when the recipient keeps its books here
	Heads         int    // how many members had paid in the period
	PaidOn        Date
	ReceiptNo     *string // 党费收据
	EntryID       int64
	CreatedBy     string
	CreatedAt     Instant `gorm:"autoCreateTime:false"`
	ReversedID    int64
	ReversedAt    Instant
	ReverseReason string
}

// TableName keeps the word of the feature in the schema.
func (Remittance) TableName() string { return "dues_remittances" }

// Reconciliation is the comparison of a day's bill of WeChat Pay with the ledger.
type Reconciliation struct {
	ID          int64
	Day         Date
	Matched     int
	Differences string // JSON
	CreatedBy   string
	CreatedAt   Instant `gorm:"autoCreateTime:false"`
}

// TableName keeps the word of the feature in the schema.
func (Reconciliation) TableName() string { return "dues_reconciliations" }
