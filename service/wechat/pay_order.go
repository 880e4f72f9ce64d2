package wechat

import (
	"context"
	"errors"
	"regexp"
	"strings"
	"time"

	"github.com/wechatpay-apiv3/wechatpay-go/core"
	"github.com/wechatpay-apiv3/wechatpay-go/services/payments"
	"github.com/wechatpay-apiv3/wechatpay-go/services/payments/jsapi"

	"zhibu/model"
)

const (
	opPrepay = "prepay"
	opQuery  = "query"
	opClose  = "close"

	currency      = "CNY"
	prepaidPrefix = "prepay_id="
)

// The platform's rule for out_trade_no; a number outside it would only make a strange path.
var orderNoPattern = regexp.MustCompile(`^[0-9A-Za-z_|*-]{6,32}$`)

var errOrderNo = errors.New("wechat pay: a malformed order number")

// Prepay asks for an order to be paid by the member, and returns what the client gives to wx.requestPayment. It may
// be asked again with the same values, for the parameters last two hours; with others it is ErrOrderUsed. Others are
// ErrOrderPaid, ErrOrderClosed, ErrPayTooMany and ErrPayUnavailable. After ErrPayUnavailable the order may exist.
func (p *Pay) Prepay(ctx context.Context, o model.Prepayment) (model.PayParams, error) {
	request := jsapi.PrepayRequest{
		Appid: &p.cfg.AppID, Mchid: &p.cfg.MchID, NotifyUrl: &p.cfg.NotifyURL,
		Description: &o.Description, OutTradeNo: &o.OrderNo,
		Amount: &jsapi.Amount{Total: core.Int64(int64(o.Total)), Currency: core.String(currency)},
		Payer:  &jsapi.Payer{Openid: &o.OpenID},
	}
	if o.ExpiresAt != 0 {
		request.TimeExpire = core.Time(o.ExpiresAt.Time())
	}
	op := payOperation{name: opPrepay, private: []string{o.OpenID}, refusals: prepayRefusals()}
	var params model.PayParams
	err := p.run(ctx, op, func(ctx context.Context) error {
		service := jsapi.JsapiApiService{Client: p.client}
		answer, _, err := service.PrepayWithRequestPayment(ctx, request)
		var refused *core.APIError
		if errors.As(err, &refused) && strings.Contains(refused.Message, "商户订单号重复") {
			return ErrOrderUsed.With(payError(op, refused)) // its code is INVALID_REQUEST, as of much else
		}
		if err != nil {
			return err
		}
		params = payParams(answer)
		if params.Package == prepaidPrefix {
			return strange("no prepay_id")
		}
		return nil
	})
	return params, err
}

func prepayRefusals() payRefusals {
	return payRefusals{
		"ORDERPAID": ErrOrderPaid, "ORDER_PAID": ErrOrderPaid,
		"ORDER_CLOSED": ErrOrderClosed, "ORDERCLOSED": ErrOrderClosed,
		"OUT_TRADE_NO_USED": ErrOrderUsed,
	}
}

// payParams panics on an answer without its fields, which run expects of the SDK anyway.
func payParams(a *jsapi.PrepayWithRequestPaymentResponse) model.PayParams {
	return model.PayParams{
		TimeStamp: *a.TimeStamp, NonceStr: *a.NonceStr, Package: *a.Package, SignType: *a.SignType, PaySign: *a.PaySign,
	}
}

// Query asks what became of an order. model.ErrNoTrade when WeChat Pay does not know it, ErrPayTooMany and
// ErrPayUnavailable; an answer about another order, app or merchant is ErrPayUnavailable too. The amount is for the
// caller to compare.
func (p *Pay) Query(ctx context.Context, orderNo string) (model.Trade, error) {
	if !orderNoPattern.MatchString(orderNo) {
		return model.Trade{}, model.ErrNoTrade.With(errOrderNo)
	}
	op := payOperation{name: opQuery, refusals: payRefusals{
		"ORDER_NOT_EXIST": model.ErrNoTrade, "ORDERNOTEXIST": model.ErrNoTrade,
	}}
	var trade model.Trade
	err := p.run(ctx, op, func(ctx context.Context) error {
		service := jsapi.JsapiApiService{Client: p.client}
		answer, _, err := service.QueryOrderByOutTradeNo(ctx,
			jsapi.QueryOrderByOutTradeNoRequest{OutTradeNo: &orderNo, Mchid: &p.cfg.MchID})
		if err != nil {
			return err
		}
		t, err := p.trade(answer)
		if err == nil && t.OrderNo != orderNo {
			err = strange("of order %q", cutText(t.OrderNo))
		}
		if err == nil {
			trade = t
		}
		return err
	})
	return trade, err
}

// Close closes an unpaid order for good. It is nil for one that is closed already or that WeChat Pay does not know:
// neither can be paid any more, or yet. ErrOrderPaid says that the money came first: ask with Query. Others are
// ErrPayTooMany and ErrPayUnavailable, after which the order may be closed or not.
func (p *Pay) Close(ctx context.Context, orderNo string) error {
	if !orderNoPattern.MatchString(orderNo) {
		return nil // nobody can have ordered it
	}
	op := payOperation{name: opClose, refusals: payRefusals{
		"ORDERPAID": ErrOrderPaid, "ORDER_PAID": ErrOrderPaid,
		"ORDER_CLOSED": nil, "ORDERCLOSED": nil, "ORDER_NOT_EXIST": nil, "ORDERNOTEXIST": nil,
	}}
	return p.run(ctx, op, func(ctx context.Context) error {
		service := jsapi.JsapiApiService{Client: p.client}
		_, err := service.CloseOrder(ctx, jsapi.CloseOrderRequest{OutTradeNo: &orderNo, Mchid: &p.cfg.MchID})
		return err
	})
}

// trade reads a signed transaction. An order that nobody paid has no time, and may have no amount or currency.
func (p *Pay) trade(t *payments.Transaction) (model.Trade, error) {
	out := model.Trade{
		OrderNo: str(t.OutTradeNo), TransactionID: str(t.TransactionId), State: model.TradeState(str(t.TradeState)),
		AppID: str(t.Appid), MchID: str(t.Mchid),
	}
	if t.Amount != nil {
		out.Total, out.Currency = fen(t.Amount.Total), str(t.Amount.Currency)
	}
	switch {
	case out.AppID != p.cfg.AppID:
		return model.Trade{}, strange("of app %q", cutText(out.AppID))
	case out.MchID != p.cfg.MchID:
		return model.Trade{}, strange("of merchant %q", cutText(out.MchID))
	case out.OrderNo == "" || out.State == "":
		return model.Trade{}, strange("no out_trade_no or no trade_state")
	case !out.Paid():
		return out, nil
	case out.TransactionID == "" || t.Amount == nil || t.Amount.Total == nil:
		return model.Trade{}, strange("paid, with no transaction_id or no amount")
	}
	at, err := time.Parse(time.RFC3339, str(t.SuccessTime))
	if err != nil {
		return model.Trade{}, strange("paid, with no success_time")
	}
	out.PaidAt = model.At(at)
	return out, nil
}

func str(s *string) string {
	if s == nil {
		return ""
	}
	return *s
}

func fen(n *int64) model.Fen {
	if n == nil {
		return 0
	}
	return model.Fen(*n)
}
