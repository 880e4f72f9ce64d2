package wechat

import (
	"context"
	"errors"
	"regexp"
	"strings"
	"time"

	"github.com/wechatpay-apiv3/wechatpay-go/core"
	"github.com/wechatpay-apiv3/wechatpay-go/services/refunddomestic"

	"zhibu/model"
)

const (
	opRefund      = "refund"
	opQueryRefund = "query refund"
	maxReason     = 80 // bytes
)

// The platform's rule for out_refund_no.
var refundNoPattern = regexp.MustCompile(`^[0-9A-Za-z_|*@-]{1,64}$`)

var errRefundNo = errors.New("wechat pay: a malformed refund number")

// Refund asks for money to be given back; a reason beyond 80 bytes is cut. That it is accepted does not mean that it
// is done: a notification or QueryRefund tells. Asked again with the same number it answers the same refund.
// model.ErrNoTrade when there is no such paid order, ErrRefundBalance, ErrRefundAccount, ErrRefundRefused,
// ErrPayTooMany (refunds of one order are a minute apart) and ErrPayUnavailable, after which it may have been
// accepted: ask again with the same number.
func (p *Pay) Refund(ctx context.Context, r model.RefundRequest) (model.RefundTrade, error) {
	request := refunddomestic.CreateRequest{
		OutTradeNo: &r.OrderNo, OutRefundNo: &r.RefundNo, NotifyUrl: &p.cfg.NotifyURL,
		Amount: &refunddomestic.AmountReq{
			Refund: core.Int64(int64(r.Amount)), Total: core.Int64(int64(r.Total)), Currency: core.String(currency),
		},
	}
	if reason := cutReason(r.Reason); reason != "" {
		request.Reason = &reason
	}
	op := payOperation{name: opRefund, private: []string{r.Reason}, refusals: payRefusals{
		"RESOURCE_NOT_EXISTS": model.ErrNoTrade, "ORDER_NOT_EXIST": model.ErrNoTrade,
		"NOT_ENOUGH": ErrRefundBalance, "USER_ACCOUNT_ABNORMAL": ErrRefundAccount, "INVALID_REQUEST": ErrRefundRefused,
	}}
	return p.askRefund(ctx, op, func(ctx context.Context) (*refunddomestic.Refund, error) {
		service := refunddomestic.RefundsApiService{Client: p.client}
		answer, _, err := service.Create(ctx, request)
		return answer, err
	}, func(t model.RefundTrade) bool { return t.RefundNo == r.RefundNo && t.OrderNo == r.OrderNo })
}

// QueryRefund asks what became of a refund. model.ErrNoTrade when WeChat Pay does not know it, ErrPayTooMany and
// ErrPayUnavailable.
func (p *Pay) QueryRefund(ctx context.Context, refundNo string) (model.RefundTrade, error) {
	if !refundNoPattern.MatchString(refundNo) {
		return model.RefundTrade{}, model.ErrNoTrade.With(errRefundNo)
	}
	op := payOperation{name: opQueryRefund, refusals: payRefusals{"RESOURCE_NOT_EXISTS": model.ErrNoTrade}}
	return p.askRefund(ctx, op, func(ctx context.Context) (*refunddomestic.Refund, error) {
		service := refunddomestic.RefundsApiService{Client: p.client}
		answer, _, err := service.QueryByOutRefundNo(ctx, refunddomestic.QueryByOutRefundNoRequest{OutRefundNo: &refundNo})
		return answer, err
	}, func(t model.RefundTrade) bool { return t.RefundNo == refundNo })
}

func (p *Pay) askRefund(ctx context.Context, op payOperation, ask func(context.Context) (*refunddomestic.Refund, error),
	ours func(model.RefundTrade) bool,
) (model.RefundTrade, error) {
	var refund model.RefundTrade
	err := p.run(ctx, op, func(ctx context.Context) error {
		answer, err := ask(ctx)
		if err != nil {
			return err
		}
		t, err := refundTrade(answer)
		if err == nil && !ours(t) {
			err = strange("of refund %q of order %q", cutText(t.RefundNo), cutText(t.OrderNo))
		}
		if err == nil {
			refund = t
		}
		return err
	})
	return refund, err
}

func refundTrade(r *refunddomestic.Refund) (model.RefundTrade, error) {
	if r.Status == nil || *r.Status == "" || r.Amount == nil || r.Amount.Refund == nil || r.Amount.Total == nil {
		return model.RefundTrade{}, strange("a refund with no status or no amount")
	}
	out := model.RefundTrade{
		RefundNo: str(r.OutRefundNo), OrderNo: str(r.OutTradeNo), RefundID: str(r.RefundId),
		State: model.RefundState(*r.Status), Amount: fen(r.Amount.Refund), Total: fen(r.Amount.Total),
		Currency: str(r.Amount.Currency),
	}
	return refundDone(out, r.SuccessTime)
}

// refundDone adds the time of a refund that succeeded.
func refundDone(r model.RefundTrade, at *time.Time) (model.RefundTrade, error) {
	if r.State != model.RefundDone {
		return r, nil
	}
	if at == nil {
		return model.RefundTrade{}, strange("a refund done, with no success_time")
	}
	r.DoneAt = model.At(*at)
	return r, nil
}

// cutReason keeps whole characters.
func cutReason(s string) string {
	if len(s) > maxReason {
		s = s[:maxReason]
	}
	return strings.ToValidUTF8(s, "")
}
