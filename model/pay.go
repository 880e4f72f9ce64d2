package model

// Trade is an order as WeChat Pay knows it, from an answer or a notification whose signature was verified. It still has
// to be held against our own order before anything is booked.
type Trade struct {
	OrderNo       string // out_trade_no
	TransactionID string // of the platform; empty until somebody paid
	State         TradeState
	AppID         string
	MchID         string
	Total         Fen
	Currency      string
	PaidAt        Instant // 0 until somebody paid
}

// TradeState is trade_state as the platform spells it.
type TradeState string

const (
	TradePaid     TradeState = "SUCCESS"
	TradeRefunded TradeState = "REFUND" // paid once; part or all of it was asked back
	TradeUnpaid   TradeState = "NOTPAY"
	TradeClosed   TradeState = "CLOSED"
	TradePaying   TradeState = "USERPAYING"
	TradeFailed   TradeState = "PAYERROR"
)

// Paid reports whether the money arrived, whatever became of it since.
func (t Trade) Paid() bool { return t.State == TradePaid || t.State == TradeRefunded }

// Prepayment asks the platform to let a member pay an order. The same order may be asked for again with the same
// values, and with no others.
type Prepayment struct {
	OrderNo     string // 6 to 32 of 0-9A-Za-z_-
	Description string // Chinese, at most 127 bytes
	Total       Fen
	OpenID      string
	ExpiresAt   Instant
}

// PayParams are what wx.requestPayment takes, signed.
type PayParams struct {
	TimeStamp string `json:"timeStamp"`
	NonceStr  string `json:"nonceStr"`
	Package   string `json:"package"` // prepay_id=…
	SignType  string `json:"signType"`
	PaySign   string `json:"paySign"`
}

// RefundRequest asks the platform to give money back. The same number asks again, it never gives twice.
type RefundRequest struct {
	RefundNo string // ours, at most 64 of 0-9A-Za-z_-
	OrderNo  string
	Amount   Fen
	Total    Fen // of the order
	Reason   string
}

// RefundTrade is a refund as WeChat Pay knows it. To be accepted is not to be done.
type RefundTrade struct {
	RefundNo string
	OrderNo  string
	RefundID string // of the platform
	State    RefundState
	Amount   Fen
	Total    Fen
	Currency string  // empty in a notification, which has none
	MchID    string  // empty in an answer, which has none
	DoneAt   Instant // 0 until it succeeded
}

// RefundState is the status of a refund as the platform spells it.
type RefundState string

const (
	RefundProcessing RefundState = "PROCESSING"
	RefundDone       RefundState = "SUCCESS"
	RefundClosed     RefundState = "CLOSED"
	RefundAbnormal   RefundState = "ABNORMAL" // has to be seen to by hand, on the merchant platform
)

// PayNotice is a verified and decrypted notification: of a trade or of a refund.
type PayNotice struct {
	Trade  *Trade
	Refund *RefundTrade
}

// PayBillLine is a line of the platform's bill of a day: a payment, or a refund when RefundNo is not empty.
type PayBillLine struct {
	At            Instant
	AppID         string
	MchID         string
	TransactionID string
	OrderNo       string
	State         string // SUCCESS or REFUND
	Currency      string
	Total         Fen // of the order
	RefundID      string
	RefundNo      string
	Refund        Fen
	RefundState   string
}

// What the platform says of an order, a refund or a bill that is not as the caller thought.
var (
	ErrNoTrade = NewError(NotFound, "pay_order_unknown", "微信支付没有这笔订单")
	ErrNoBill  = NewError(Conflict, "bill_missing", "微信支付没有这一天的账单，可能当天没有交易，或账单还没有生成（次日上午十点以后）")
	ErrNotify  = NewError(Invalid, "notify_refused", "支付通知未通过验证")
)
