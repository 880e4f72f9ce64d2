package wechat

import (
	"errors"
	"fmt"
	"net/http"
	"net/url"
	"strings"
	"time"

	"github.com/wechatpay-apiv3/wechatpay-go/core"

	"zhibu/model"
)

const payRetryAfter = 30 * time.Second

// What a call of WeChat Pay may come to, beside model.ErrNoTrade, model.ErrNoBill and model.ErrNotify.
var (
	ErrPayUnavailable = model.NewError(model.Unavailable, "wechat_pay_unavailable",
		"微信支付暂时不可用，请稍后再试").After(payRetryAfter)
	ErrPayTooMany = model.NewError(model.TooMany, "wechat_pay_too_many",
		"操作太频繁，请一分钟后再试")
	ErrOrderPaid = model.NewError(model.Conflict, "pay_order_paid",
		"这笔订单已经支付")
	ErrOrderClosed = model.NewError(model.Conflict, "pay_order_closed",
		"这笔订单已经关闭，请重新下单")
	ErrOrderUsed = model.NewError(model.Conflict, "pay_order_used",
		"这个订单号已用于另一笔订单，请重新下单")
	ErrRefundBalance = model.NewError(model.Conflict, "pay_refund_balance",
		"商户号的可用余额不足，没有退款：请先在微信支付商户平台充值，再提交一次")
	ErrRefundAccount = model.NewError(model.Conflict, "pay_refund_account",
		"付款人的微信账号已注销或异常，不能原路退回，请用其他方式退款")
	ErrRefundRefused = model.NewError(model.Conflict, "pay_refund_refused",
		"微信支付没有受理这笔退款：请核对退款金额、退款次数和订单日期")
)

// PayError is WeChat Pay's own refusal, the cause of the *model.Error a Pay returns.
type PayError struct {
	Op        string // the operation, such as "prepay"
	Status    int    // of HTTP
	Code      string // such as ORDER_NOT_EXIST; empty when something else than WeChat Pay answered
	Msg       string
	RequestID string // what Tencent's support asks for
}

func (e *PayError) Error() string {
	text := fmt.Sprintf("wechat pay %s: HTTP %d %s: %s", e.Op, e.Status, e.Code, e.Msg)
	if e.RequestID != "" {
		text += " (request id " + e.RequestID + ")"
	}
	return text
}

// advice tells the operator what to do about a refusal that lies in the settings, "" when it does not.
func (e *PayError) advice() string {
	switch e.Code {
	case "SIGN_ERROR":
		return "签名未通过：请核对商户号、商户证书序列号与商户私钥是否为同一套，并校准服务器时间"
	case "APPID_MCHID_NOT_MATCH":
		return "AppID 与商户号没有绑定：请在微信支付商户平台「产品中心 → AppID 账号管理」中绑定"
	case "MCH_NOT_EXISTS":
		return "商户号不存在：请核对商户号"
	case "NO_AUTH", "NOAUTH":
		return "商户号没有此接口的权限：请在微信支付商户平台「产品中心」开通 JSAPI 支付与退款"
	case "ACCOUNT_ERROR", "ACCOUNTERROR":
		return "商户号的状态异常：请登录微信支付商户平台查看"
	}
	return ""
}

// payRefusals says what codes mean to the caller of one operation. A nil means success.
type payRefusals map[string]*model.Error

// refuse words err for the member and keeps its cause, clean, for the log.
func (p *Pay) refuse(op payOperation, err error) error {
	if err == nil || model.AsError(err) != nil {
		return err
	}
	var refused *core.APIError
	if errors.As(err, &refused) {
		return p.meaning(op, payError(op, refused))
	}
	return ErrPayUnavailable.With(payCause(op, err))
}

func payError(op payOperation, from *core.APIError) *PayError {
	e := &PayError{
		Op: op.name, Status: from.StatusCode, Code: from.Code,
		Msg: redact(cutText(from.Message), op.private...), RequestID: cutText(from.Header.Get("Request-Id")),
	}
	if len(e.Code) > maxPayCode {
		e.Code = e.Code[:maxPayCode]
	}
	return e
}

func (p *Pay) meaning(op payOperation, e *PayError) error {
	if own, ok := op.refusals[e.Code]; ok {
		if own == nil {
			return nil
		}
		return own.With(e)
	}
	if e.Code == "FREQUENCY_LIMITED" || e.Code == "RATELIMIT_EXCEEDED" || e.Status == http.StatusTooManyRequests {
		return ErrPayTooMany.With(e).After(untilNext(p.now(), time.Minute))
	}
	if advice := e.advice(); advice != "" {
		return ErrPayUnavailable.With(fmt.Errorf("%w（%s）", e, advice))
	}
	return ErrPayUnavailable.With(e)
}

// payCause is err without its URL and without anything private.
func payCause(op payOperation, err error) error {
	var u *url.Error
	if errors.As(err, &u) {
		err = u.Err // the URL of a bill opens it
	}
	text := cutText(redact(err.Error(), op.private...))
	if text != err.Error() {
		return fmt.Errorf("wechat pay %s: %s", op.name, text)
	}
	return fmt.Errorf("wechat pay %s: %w", op.name, err)
}

const (
	maxPayText = 300
	maxPayCode = 64
)

// cutText keeps a stranger's text short enough for a log line.
func cutText(s string) string {
	if len(s) <= maxPayText {
		return s
	}
	return strings.ToValidUTF8(s[:maxPayText], "") + "…"
}

// strange is an answer that WeChat Pay signed, yet that can't be ours or lacks what it must have.
func strange(format string, args ...any) error {
	return fmt.Errorf("a strange answer: "+format, args...)
}
