package sim

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"slices"
	"strings"
	"time"
)

// Why a control of payments refuses.
var (
	ErrUnknown = errors.New("没有找到")
	ErrNotNow  = errors.New("现在不能这样做")
)

// Payment is what came of a member's attempt to pay.
type Payment struct {
	OutTradeNo    string `json:"out_trade_no"`
	TransactionID string `json:"transaction_id,omitempty"`
	Notified      bool   `json:"notified"` // notify_url has taken the notification
}

// Order is an order for the person trying the program.
type Order struct {
	OutTradeNo    string    `json:"out_trade_no"`
	PrepayID      string    `json:"prepay_id"` // the latest
	Description   string    `json:"description"`
	Total         int64     `json:"total"` // fen
	State         string    `json:"state"`
	TransactionID string    `json:"transaction_id,omitempty"`
	CreatedAt     time.Time `json:"created_at"`
	ExpiresAt     time.Time `json:"expires_at"`
	Refunds       []Refund  `json:"refunds"`
}

// Refund is a refund of an Order.
type Refund struct {
	OutRefundNo string `json:"out_refund_no"`
	Amount      int64  `json:"amount"` // fen
	State       string `json:"state"`
}

// Pay is the member paying: the order is paid, and notify_url is told before Pay returns. The error is ErrUnknown or
// ErrNotNow: paid already, closed, or the prepay_id is older than two hours.
func (p *Platform) Pay(ctx context.Context, prepayID string) (Payment, error) {
	y, err := p.payments()
	if err != nil {
		return Payment{}, err
	}
	out, id, err := y.pay(prepayID)
	if err != nil {
		return Payment{}, err
	}
	out.Notified = y.deliver(ctx, id)
	return out, nil
}

func (p *Platform) payments() (*payments, error) {
	if p.pay == nil {
		return nil, fmt.Errorf("%w：没有设置商户", ErrNotNow)
	}
	return p.pay, nil
}

func (y *payments) pay(prepayID string) (out Payment, noticeID string, err error) {
	y.mu.Lock()
	defer y.mu.Unlock()
	found, err := y.payable(prepayID)
	if err != nil {
		return Payment{}, "", err
	}
	o := *found
	n := o.paid(y.now())
	if err := y.keep(record{Order: &o}, record{Notice: n}); err != nil {
		return Payment{}, "", err
	}
	return Payment{OutTradeNo: o.OutTradeNo, TransactionID: o.TransactionID}, n.ID, nil
}

// Cancel is the member closing the payment sheet: the order stays unpaid, and nobody is told. Errors are those of Pay.
func (p *Platform) Cancel(prepayID string) (Payment, error) {
	y, err := p.payments()
	if err != nil {
		return Payment{}, err
	}
	y.mu.Lock()
	defer y.mu.Unlock()
	o, err := y.payable(prepayID)
	if err != nil {
		return Payment{}, err
	}
	return Payment{OutTradeNo: o.OutTradeNo}, nil
}

// payable finds the order that a member could pay with a prepay_id. The caller holds mu.
func (y *payments) payable(prepayID string) (*order, error) {
	now := y.now()
	for _, o := range y.state.orders {
		at := slices.IndexFunc(o.Prepaid, func(p prepaid) bool { return p.ID == prepayID })
		if at < 0 {
			continue
		}
		switch state := o.stateAt(now); {
		case state == statePaid:
			return nil, fmt.Errorf("%w：订单 %s 已经支付", ErrNotNow, o.OutTradeNo)
		case state == stateClosed:
			return nil, fmt.Errorf("%w：订单 %s 已经关闭", ErrNotNow, o.OutTradeNo)
		case !now.Before(o.Prepaid[at].At.Add(prepayLife)):
			return nil, fmt.Errorf("%w：prepay_id 已过两小时，请重新下单", ErrNotNow)
		}
		return o, nil
	}
	return nil, fmt.Errorf("%w这个 prepay_id", ErrUnknown)
}

// FinishRefund ends a refund that a fault holds, as success, abnormal or closed, tells notify_url before it returns
// and reports whether that took the notification. The error is ErrUnknown, or ErrNotNow for a refund that has ended.
func (p *Platform) FinishRefund(ctx context.Context, outRefundNo, result string) (notified bool, err error) {
	y, err := p.payments()
	if err != nil {
		return false, err
	}
	state, ok := map[string]string{"success": refundDone, "abnormal": refundAbnormal, "closed": refundClosed}[result]
	if !ok {
		return false, errors.New("result 只能是 success、abnormal 或 closed")
	}
	id, err := y.finishRefund(outRefundNo, state)
	if err != nil {
		return false, err
	}
	return y.deliver(ctx, id), nil
}

func (y *payments) finishRefund(outRefundNo, state string) (noticeID string, err error) {
	y.mu.Lock()
	defer y.mu.Unlock()
	found := y.state.refunds[outRefundNo]
	if found == nil {
		return "", fmt.Errorf("%w这笔退款", ErrUnknown)
	}
	if found.State != refundProcessing {
		return "", fmt.Errorf("%w：退款 %s 已经结束", ErrNotNow, outRefundNo)
	}
	r := *found
	n := r.finish(state, y.now())
	return n.ID, y.keep(record{Refund: &r}, record{Notice: n})
}

// Orders lists all orders, oldest first.
func (p *Platform) Orders() []Order {
	out := []Order{}
	if p.pay == nil {
		return out
	}
	y := p.pay
	y.mu.Lock()
	defer y.mu.Unlock()
	now := y.now()
	for _, o := range y.state.orders {
		shown := Order{
			OutTradeNo: o.OutTradeNo, PrepayID: o.Prepaid[len(o.Prepaid)-1].ID, Description: o.Asked.Description,
			Total: o.Asked.Amount.Total, State: o.stateAt(now), TransactionID: o.TransactionID,
			CreatedAt: o.CreatedAt, ExpiresAt: o.ExpiresAt, Refunds: []Refund{},
		}
		for _, r := range y.state.refundsOf(o.OutTradeNo) {
			shown.State = stateRefunded
			shown.Refunds = append(shown.Refunds, Refund{r.OutRefundNo, r.Asked.Amount.Refund, r.State})
		}
		out = append(out, shown)
	}
	slices.SortFunc(out, func(a, b Order) int {
		if c := a.CreatedAt.Compare(b.CreatedAt); c != 0 {
			return c
		}
		return strings.Compare(a.OutTradeNo, b.OutTradeNo)
	})
	return out
}

func (p *Platform) controlPay(w http.ResponseWriter, r *http.Request) {
	var in struct {
		PrepayID string `json:"prepay_id"`
		Result   string `json:"result"`
	}
	if err := read(w, r, &in); err != nil {
		badRequest(w, err)
		return
	}
	var out Payment
	var err error
	switch in.Result {
	case "success":
		out, err = p.Pay(r.Context(), in.PrepayID)
	case "cancel":
		out, err = p.Cancel(in.PrepayID)
	default:
		err = errors.New("result 只能是 success 或 cancel")
	}
	respondOr(w, out, err)
}

func (p *Platform) controlRefund(w http.ResponseWriter, r *http.Request) {
	var in struct {
		OutRefundNo string `json:"out_refund_no"`
		Result      string `json:"result"`
	}
	if err := read(w, r, &in); err != nil {
		badRequest(w, err)
		return
	}
	notified, err := p.FinishRefund(r.Context(), in.OutRefundNo, in.Result)
	respondOr(w, map[string]any{"out_refund_no": in.OutRefundNo, "notified": notified}, err)
}

func (p *Platform) controlDeliver(w http.ResponseWriter, r *http.Request) {
	respond(w, http.StatusOK, map[string]int{"delivered": p.DeliverDue(r.Context())})
}

func (p *Platform) controlOrders(w http.ResponseWriter, _ *http.Request) {
	respond(w, http.StatusOK, map[string][]Order{"items": p.Orders()})
}

// respondOr answers v, or the problem that err is.
func respondOr(w http.ResponseWriter, v any, err error) {
	switch {
	case err == nil:
		respond(w, http.StatusOK, v)
	case errors.Is(err, ErrUnknown):
		problem(w, http.StatusNotFound, "not_found", err.Error())
	case errors.Is(err, ErrNotNow):
		problem(w, http.StatusConflict, "conflict", err.Error())
	default:
		badRequest(w, err)
	}
}
