package sim

import (
	"encoding/json"
	"regexp"
	"time"
)

const (
	maxReason     = 80 // bytes
	maxRefunds    = 50 // of one order
	refundSpacing = time.Minute
	refundWithin  = 365 * 24 * time.Hour
)

var outRefundNoPattern = regexp.MustCompile(`^[0-9A-Za-z_|*@-]{1,64}$`)

// refunding is the request of a refund.
type refunding struct {
	OutTradeNo    string `json:"out_trade_no"`
	TransactionID string `json:"transaction_id"`
	OutRefundNo   string `json:"out_refund_no"`
	Reason        string `json:"reason"`
	NotifyURL     string `json:"notify_url"`
	Amount        struct {
		Refund   int64  `json:"refund"`
		Total    int64  `json:"total"`
		Currency string `json:"currency"`
	} `json:"amount"`
}

// fault says what the platform would not take, "" when it takes it.
func (q refunding) fault() string {
	switch {
	case !outRefundNoPattern.MatchString(q.OutRefundNo):
		return "商户退款单号不符合规则"
	case q.OutTradeNo == "" && q.TransactionID == "":
		return "商户订单号与微信支付订单号不能都为空"
	case len(q.Reason) > maxReason:
		return "退款原因超过80字节"
	case q.NotifyURL != "" && !callbackPattern.MatchString(q.NotifyURL):
		return "通知地址不符合规则"
	case q.Amount.Refund < 1 || q.Amount.Total < 1:
		return "退款金额必须大于0"
	case q.Amount.Currency != currencyCNY:
		return "货币类型只能是CNY"
	}
	return ""
}

// refund accepts a refund, which is done as soon as it is answered, unless a fault says otherwise. The notification is
// due at once, and DeliverDue sends it.
func (y *payments) refund(c call) answer {
	var q refunding
	if json.Unmarshal(c.body, &q) != nil {
		return payRefuse("PARAM_ERROR", "")
	}
	if says := q.fault(); says != "" {
		return payRefuse("PARAM_ERROR", says)
	}
	y.mu.Lock()
	defer y.mu.Unlock()
	now, o := y.now(), y.paidOrder(q)
	if o == nil {
		return payRefuse("RESOURCE_NOT_EXISTS", "")
	}
	if before := y.state.refunds[q.OutRefundNo]; before != nil {
		if before.Asked != q {
			return payRefuse("INVALID_REQUEST", "订单金额或退款金额与之前请求不一致，请核实后再试")
		}
		return payAnswer(200, c.fault.doctoredRefund(before.answer(o, before.State)))
	}
	if code, says := y.checkRefund(o, q, now); code != "" {
		return payRefuse(code, says)
	}
	r := refund{
		OutRefundNo: q.OutRefundNo, OutTradeNo: o.OutTradeNo, Asked: q, State: refundProcessing, CreatedAt: now,
		RefundID: "5030" + digits(25, "refund", q.OutRefundNo, now.UnixMilli()),
	}
	accepted := r
	records := []record{{Refund: &r}}
	if state := c.fault.refundState(); state != refundProcessing {
		records = append(records, record{Notice: r.finish(state, now)})
	}
	if y.keep(records...) != nil {
		return payRefuse("SYSTEM_ERROR", "")
	}
	return payAnswer(200, c.fault.doctoredRefund(accepted.answer(o, refundProcessing)))
}

// paidOrder finds the paid order a refund is of. The caller holds mu.
func (y *payments) paidOrder(q refunding) *order {
	for _, o := range y.state.orders {
		if o.State == statePaid && (o.OutTradeNo == q.OutTradeNo || q.OutTradeNo == "" && o.TransactionID == q.TransactionID) {
			return o
		}
	}
	return nil
}

// checkRefund holds a new refund against the order and those before. The caller holds mu.
func (y *payments) checkRefund(o *order, q refunding, now time.Time) (code, says string) {
	before := y.state.refundsOf(o.OutTradeNo)
	given := int64(0)
	for _, r := range before {
		if r.State != refundClosed {
			given += r.Asked.Amount.Refund
		}
	}
	switch {
	case q.Amount.Total != o.Asked.Amount.Total:
		return "INVALID_REQUEST", "订单金额与实际支付不一致，请核实后再试"
	case now.Sub(o.PaidAt) > refundWithin:
		return "INVALID_REQUEST", "订单已经超过退款期限"
	case len(before) >= maxRefunds:
		return "INVALID_REQUEST", "超过了退款次数的限制"
	case q.Amount.Refund > o.Asked.Amount.Total-given:
		return "INVALID_REQUEST", "申请退款金额大于订单可退金额"
	case len(before) > 0 && now.Before(before[len(before)-1].CreatedAt.Add(refundSpacing)):
		return "FREQUENCY_LIMITED", "同一笔订单的退款请间隔1分钟"
	}
	return "", ""
}

func (y *payments) refundByNo(c call) answer {
	y.mu.Lock()
	defer y.mu.Unlock()
	r := y.state.refunds[c.arg]
	if r == nil {
		return payRefuse("RESOURCE_NOT_EXISTS", "退款单不存在")
	}
	return payAnswer(200, c.fault.doctoredRefund(r.answer(y.state.orders[r.OutTradeNo], r.State)))
}

// finish ends r and returns the notification of it, nil when nobody asked for one.
func (r *refund) finish(state string, now time.Time) *notice {
	r.State, r.DoneAt = state, now
	return newNotice("REFUND."+state, r.OutTradeNo, r.OutRefundNo, r.Asked.NotifyURL, now)
}

func (r *refund) successTime() string {
	if r.State != refundDone {
		return ""
	}
	return r.DoneAt.In(china).Format(time.RFC3339)
}

// refundAnswer is a refund as answers tell it.
type refundAnswer struct {
	RefundID      string             `json:"refund_id"`
	OutRefundNo   string             `json:"out_refund_no"`
	TransactionID string             `json:"transaction_id"`
	OutTradeNo    string             `json:"out_trade_no"`
	Channel       string             `json:"channel"`
	Account       string             `json:"user_received_account"`
	SuccessTime   string             `json:"success_time,omitempty"`
	CreateTime    string             `json:"create_time"`
	Status        string             `json:"status"`
	FundsAccount  string             `json:"funds_account"`
	Amount        refundAnswerAmount `json:"amount"`
}

type refundAnswerAmount struct {
	Total            int64  `json:"total"`
	Refund           int64  `json:"refund"`
	PayerTotal       int64  `json:"payer_total"`
	PayerRefund      int64  `json:"payer_refund"`
	SettlementRefund int64  `json:"settlement_refund"`
	SettlementTotal  int64  `json:"settlement_total"`
	DiscountRefund   int64  `json:"discount_refund"`
	Currency         string `json:"currency"`
}

func (r *refund) answer(o *order, state string) refundAnswer {
	a := refundAnswer{
		RefundID: r.RefundID, OutRefundNo: r.OutRefundNo, TransactionID: o.TransactionID, OutTradeNo: r.OutTradeNo,
		Channel: "ORIGINAL", Account: "支付用户零钱", Status: state, FundsAccount: "AVAILABLE",
		CreateTime: r.CreatedAt.In(china).Format(time.RFC3339),
	}
	if state == refundDone {
		a.SuccessTime = r.successTime()
	}
	amount := r.Asked.Amount
	a.Amount = refundAnswerAmount{
		Total: amount.Total, Refund: amount.Refund, PayerTotal: amount.Total, PayerRefund: amount.Refund,
		SettlementRefund: amount.Refund, SettlementTotal: amount.Total, Currency: currencyCNY,
	}
	return a
}

// refundNews is a refund as notifications tell it.
type refundNews struct {
	MchID         string `json:"mchid"`
	OutTradeNo    string `json:"out_trade_no"`
	TransactionID string `json:"transaction_id"`
	OutRefundNo   string `json:"out_refund_no"`
	RefundID      string `json:"refund_id"`
	Status        string `json:"refund_status"`
	SuccessTime   string `json:"success_time,omitempty"`
	Account       string `json:"user_received_account"`
	Amount        struct {
		Total       int64 `json:"total"`
		Refund      int64 `json:"refund"`
		PayerTotal  int64 `json:"payer_total"`
		PayerRefund int64 `json:"payer_refund"`
	} `json:"amount"`
}

func (r *refund) news(o *order) refundNews {
	n := refundNews{
		MchID: o.Asked.MchID, OutTradeNo: r.OutTradeNo, TransactionID: o.TransactionID, OutRefundNo: r.OutRefundNo,
		RefundID: r.RefundID, Status: r.State, SuccessTime: r.successTime(), Account: "支付用户零钱",
	}
	n.Amount.Total, n.Amount.PayerTotal = r.Asked.Amount.Total, r.Asked.Amount.Total
	n.Amount.Refund, n.Amount.PayerRefund = r.Asked.Amount.Refund, r.Asked.Amount.Refund
	return n
}
