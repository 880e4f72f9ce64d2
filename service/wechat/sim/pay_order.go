package sim

import (
	"encoding/json"
	"fmt"
	"net/url"
	"regexp"
	"time"
)

const (
	maxDescription = 127 // bytes
	shortestOrder  = time.Minute
)

var (
	outTradeNoPattern = regexp.MustCompile(`^[0-9A-Za-z_|*-]{6,32}$`)
	callbackPattern   = regexp.MustCompile(`^https?://[^?#\s]+$`) // in production https alone
)

// prepaying is the request of a prepay.
type prepaying struct {
	AppID       string `json:"appid"`
	MchID       string `json:"mchid"`
	Description string `json:"description"`
	OutTradeNo  string `json:"out_trade_no"`
	TimeExpire  string `json:"time_expire"`
	Attach      string `json:"attach"`
	NotifyURL   string `json:"notify_url"`
	Amount      struct {
		Total    int64  `json:"total"`
		Currency string `json:"currency"`
	} `json:"amount"`
	Payer struct {
		OpenID string `json:"openid"`
	} `json:"payer"`
}

// fault says what the platform would not take, "" when it takes it.
func (q prepaying) fault() string {
	_, urlErr := url.Parse(q.NotifyURL)
	switch {
	case !outTradeNoPattern.MatchString(q.OutTradeNo):
		return "商户订单号不符合规则"
	case q.Description == "" || len(q.Description) > maxDescription:
		return "商品描述为空或超过127字节"
	case len(q.Attach) > maxDescription+1:
		return "附加数据超过128字节"
	case q.Amount.Total < 1:
		return "订单金额必须大于0"
	case q.Amount.Currency != currencyCNY && q.Amount.Currency != "":
		return "货币类型只能是CNY"
	case !openIDPattern.MatchString(q.Payer.OpenID):
		return "无效的openid"
	case urlErr != nil || !callbackPattern.MatchString(q.NotifyURL):
		return "通知地址不符合规则"
	}
	return ""
}

func (y *payments) prepay(c call) answer {
	var q prepaying
	if json.Unmarshal(c.body, &q) != nil {
		return payRefuse("PARAM_ERROR", "")
	}
	switch {
	case q.MchID != y.merchant.MchID:
		return payRefuse("MCH_NOT_EXISTS", "")
	case q.AppID != y.platform.cfg.AppID:
		return payRefuse("APPID_MCHID_NOT_MATCH", "")
	case q.fault() != "":
		return payRefuse("PARAM_ERROR", q.fault())
	}
	id, refused := y.order(q)
	if id == "" {
		return refused
	}
	if c.fault.NotifyBeforeAnswer {
		// The member was quick; whether the notification arrives is between the platform and notify_url.
		_, _ = y.platform.Pay(c.ctx, id)
	}
	if c.fault.NoPrepayID {
		return payAnswer(200, struct{}{})
	}
	return payAnswer(200, map[string]string{"prepay_id": id})
}

// order makes an order, or finds the same one again, and returns a new prepay_id.
func (y *payments) order(q prepaying) (prepayID string, refused answer) {
	y.mu.Lock()
	defer y.mu.Unlock()
	now := y.now()
	o := order{OutTradeNo: q.OutTradeNo, Asked: q, CreatedAt: now, ExpiresAt: now.Add(unpaidLife), State: stateUnpaid}
	if before := y.state.orders[q.OutTradeNo]; before != nil {
		switch {
		case before.Asked != q:
			return "", payRefuse("INVALID_REQUEST", "201 商户订单号重复")
		case before.stateAt(now) == statePaid:
			return "", payRefuse("ORDERPAID", "")
		case before.stateAt(now) == stateClosed:
			return "", payRefuse("ORDER_CLOSED", "")
		}
		o = *before
	} else if q.TimeExpire != "" {
		at, err := time.Parse(time.RFC3339, q.TimeExpire)
		if err != nil || at.Before(now.Add(shortestOrder)) {
			return "", payRefuse("PARAM_ERROR", "订单失效时间不符合规则")
		}
		o.ExpiresAt = at
	}
	id := "wx" + now.Format("20060102150405") + digest(q.OutTradeNo, o.CreatedAt.UnixMilli(), len(o.Prepaid))[:20]
	o.Prepaid = append(o.Prepaid[:len(o.Prepaid):len(o.Prepaid)], prepaid{id, now})
	if y.keep(record{Order: &o}) != nil {
		return "", payRefuse("SYSTEM_ERROR", "")
	}
	return id, answer{}
}

func (y *payments) tradeByNo(c call) answer {
	if c.query.Get("mchid") != y.merchant.MchID {
		return payRefuse("MCH_NOT_EXISTS", "")
	}
	y.mu.Lock()
	defer y.mu.Unlock()
	return y.tradeAnswer(y.state.orders[c.arg], c.fault)
}

func (y *payments) tradeByID(c call) answer {
	if c.query.Get("mchid") != y.merchant.MchID {
		return payRefuse("MCH_NOT_EXISTS", "")
	}
	y.mu.Lock()
	defer y.mu.Unlock()
	for _, o := range y.state.orders {
		if o.TransactionID == c.arg {
			return y.tradeAnswer(o, c.fault)
		}
	}
	return y.tradeAnswer(nil, c.fault)
}

func (y *payments) tradeAnswer(o *order, f Fault) answer {
	if o == nil {
		return payRefuse("ORDER_NOT_EXIST", "")
	}
	state := o.stateAt(y.now())
	if state == statePaid && len(y.state.refundsOf(o.OutTradeNo)) > 0 {
		state = stateRefunded
	}
	return payAnswer(200, f.doctored(o.transaction(state)))
}

// closeOrder closes an unpaid order. With the fault the member pays at the last moment, and the notification follows.
func (y *payments) closeOrder(c call) answer {
	var q struct {
		MchID string `json:"mchid"`
	}
	if json.Unmarshal(c.body, &q) != nil || q.MchID != y.merchant.MchID {
		return payRefuse("MCH_NOT_EXISTS", "")
	}
	y.mu.Lock()
	defer y.mu.Unlock()
	now, before := y.now(), y.state.orders[c.arg]
	switch {
	case before == nil:
		return payRefuse("ORDER_NOT_EXIST", "")
	case before.stateAt(now) == statePaid:
		return payRefuse("ORDERPAID", "")
	case before.stateAt(now) == stateClosed:
		return payRefuse("ORDER_CLOSED", "")
	}
	o := *before
	records := []record{{Order: &o}}
	o.State = stateClosed
	if c.fault.NotifyAfterClose {
		records = append(records, record{Notice: o.paid(now)})
	}
	if y.keep(records...) != nil {
		return payRefuse("SYSTEM_ERROR", "")
	}
	return payAnswer(204, nil)
}

// paid makes o a paid order and returns the notification of it.
func (o *order) paid(now time.Time) *notice {
	o.State, o.PaidAt = statePaid, now
	o.TransactionID = "4200" + digits(24, "trade", o.OutTradeNo, o.CreatedAt.UnixMilli())
	return newNotice("TRANSACTION.SUCCESS", o.OutTradeNo, "", o.Asked.NotifyURL, now)
}

// transaction is an order as answers and notifications tell it.
type transaction struct {
	AppID         string      `json:"appid"`
	MchID         string      `json:"mchid"`
	OutTradeNo    string      `json:"out_trade_no"`
	TransactionID string      `json:"transaction_id,omitempty"`
	TradeType     string      `json:"trade_type,omitempty"`
	State         string      `json:"trade_state"`
	StateText     string      `json:"trade_state_desc"`
	BankType      string      `json:"bank_type,omitempty"`
	Attach        string      `json:"attach"`
	SuccessTime   string      `json:"success_time,omitempty"`
	Payer         payer       `json:"payer"`
	Amount        tradeAmount `json:"amount"`
}

type payer struct {
	OpenID string `json:"openid,omitempty"`
}

type tradeAmount struct {
	Total         int64  `json:"total"`
	PayerTotal    int64  `json:"payer_total,omitempty"`
	Currency      string `json:"currency,omitempty"`
	PayerCurrency string `json:"payer_currency,omitempty"`
}

// transaction tells less of an order that nobody paid, as the platform does.
func (o *order) transaction(state string) transaction {
	t := transaction{
		AppID: o.Asked.AppID, MchID: o.Asked.MchID, OutTradeNo: o.OutTradeNo, State: state, Attach: o.Asked.Attach,
		Amount: tradeAmount{Total: o.Asked.Amount.Total, PayerCurrency: currencyCNY},
	}
	t.StateText = map[string]string{
		stateUnpaid: "订单未支付", statePaid: "支付成功", stateClosed: "订单已关闭", stateRefunded: "订单发生过退款",
	}[state]
	if o.TransactionID == "" {
		return t
	}
	t.TransactionID, t.TradeType, t.BankType = o.TransactionID, typeTransaction, "OTHERS"
	t.SuccessTime = o.PaidAt.In(china).Format(time.RFC3339)
	t.Payer.OpenID = o.Asked.Payer.OpenID
	t.Amount.PayerTotal, t.Amount.Currency = t.Amount.Total, currencyCNY
	return t
}

// String keeps the payer out of a failed test's output.
func (o *order) String() string { return fmt.Sprintf("order %s %s", o.OutTradeNo, o.State) }
