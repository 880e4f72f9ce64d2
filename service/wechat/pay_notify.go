package wechat

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"strings"
	"time"

	"github.com/wechatpay-apiv3/wechatpay-go/core/consts"
	"github.com/wechatpay-apiv3/wechatpay-go/core/notify"
	"github.com/wechatpay-apiv3/wechatpay-go/services/payments"
	"github.com/wechatpay-apiv3/wechatpay-go/utils"

	"zhibu/model"
)

const (
	opNotify     = "notify"
	maxNotify    = 64 << 10
	signType     = "WECHATPAY2-SHA256-RSA2048"
	aesAlgorithm = "AEAD_AES_256_GCM"
	nonceSize    = 12
	probePrefix  = "WECHATPAY/SIGNTEST/"
	tradeEvents  = "TRANSACTION."
	refundEvents = "REFUND."
)

// ParseNotify reads what was sent to NotifyURL: it checks WeChat Pay's signature and its age (five minutes), opens it
// and checks that it is for our app and merchant. Any other request, the platform's own probes included, is
// model.ErrNotify with a cause that is safe to log; answer it with 4xx. What the notification says still has to be
// compared with our order, and may come twice, late or never.
func (p *Pay) ParseNotify(r *http.Request) (model.PayNotice, error) {
	var notice model.PayNotice
	err := p.safely(r.Context(), opNotify, func(ctx context.Context) (err error) {
		notice, err = p.parseNotify(ctx, r)
		return err
	})
	if err != nil {
		return model.PayNotice{}, model.ErrNotify.With(payCause(payOperation{name: opNotify}, err))
	}
	return notice, nil
}

func (p *Pay) parseNotify(ctx context.Context, r *http.Request) (model.PayNotice, error) {
	body, err := p.verified(ctx, r)
	if err != nil {
		return model.PayNotice{}, err
	}
	var n notify.Request
	if err := json.Unmarshal(body, &n); err != nil {
		return model.PayNotice{}, errors.New("the body is not the JSON of a notification")
	}
	plain, err := p.open(n.Resource)
	if err != nil {
		return model.PayNotice{}, err
	}
	switch {
	case strings.HasPrefix(n.EventType, tradeEvents):
		return p.tradeNotice(plain)
	case strings.HasPrefix(n.EventType, refundEvents):
		return p.refundNotice(plain)
	}
	return model.PayNotice{}, fmt.Errorf("an event %q that nobody asked for", cutText(n.EventType))
}

// verified returns the body that WeChat Pay signed. The SDK's own handler puts the whole request, headers and all, into
// its errors and reads without a limit, so only its validator is used.
func (p *Pay) verified(ctx context.Context, r *http.Request) ([]byte, error) {
	if t := r.Header.Get("Wechatpay-Signature-Type"); t != "" && t != signType {
		return nil, errors.New("a signature of another type")
	}
	if strings.HasPrefix(r.Header.Get(consts.WechatPaySignature), probePrefix) {
		return nil, errors.New("a probe with a false signature, which has to be refused")
	}
	if r.Body == nil {
		return nil, errors.New("no body")
	}
	body, err := io.ReadAll(io.LimitReader(r.Body, maxNotify+1))
	if err != nil {
		return nil, fmt.Errorf("the body broke off: %w", err)
	}
	if len(body) > maxNotify {
		return nil, fmt.Errorf("a body of more than %d bytes", maxNotify)
	}
	signed := &http.Request{Header: r.Header, Body: io.NopCloser(bytes.NewReader(body))}
	if err := p.notified.Validate(ctx, signed); err != nil {
		return nil, err
	}
	return body, nil
}

// open decrypts a resource.
func (p *Pay) open(r *notify.EncryptedResource) ([]byte, error) {
	switch {
	case r == nil:
		return nil, errors.New("no resource")
	case r.Algorithm != aesAlgorithm:
		return nil, fmt.Errorf("encrypted with %q", cutText(r.Algorithm))
	case len(r.Nonce) != nonceSize: // the cipher panics on it
		return nil, errors.New("a nonce of a wrong size")
	}
	plain, err := utils.DecryptAES256GCM(p.cfg.APIv3Key, r.AssociatedData, r.Nonce, r.Ciphertext)
	if err != nil {
		return nil, errors.New("the resource does not open with our APIv3 key")
	}
	return []byte(plain), nil
}

func (p *Pay) tradeNotice(plain []byte) (model.PayNotice, error) {
	var t payments.Transaction
	if err := json.Unmarshal(plain, &t); err != nil {
		return model.PayNotice{}, errors.New("the resource is not a transaction")
	}
	trade, err := p.trade(&t)
	if err != nil {
		return model.PayNotice{}, err
	}
	return model.PayNotice{Trade: &trade}, nil
}

// refundResource is a refund as notifications tell it; the SDK has no type for it.
type refundResource struct {
	MchID       string     `json:"mchid"`
	OrderNo     string     `json:"out_trade_no"`
	RefundNo    string     `json:"out_refund_no"`
	RefundID    string     `json:"refund_id"`
	Status      string     `json:"refund_status"`
	SuccessTime *time.Time `json:"success_time"`
	Amount      struct {
		Total  *int64 `json:"total"`
		Refund *int64 `json:"refund"`
	} `json:"amount"`
}

func (p *Pay) refundNotice(plain []byte) (model.PayNotice, error) {
	var r refundResource
	if err := json.Unmarshal(plain, &r); err != nil {
		return model.PayNotice{}, errors.New("the resource is not a refund")
	}
	switch {
	case r.MchID != p.cfg.MchID:
		return model.PayNotice{}, strange("of merchant %q", cutText(r.MchID))
	case r.OrderNo == "" || r.RefundNo == "" || r.Status == "" || r.Amount.Total == nil || r.Amount.Refund == nil:
		return model.PayNotice{}, strange("a refund with no number, no status or no amount")
	}
	refund, err := refundDone(model.RefundTrade{
		RefundNo: r.RefundNo, OrderNo: r.OrderNo, RefundID: r.RefundID, State: model.RefundState(r.Status),
		Amount: fen(r.Amount.Refund), Total: fen(r.Amount.Total), MchID: r.MchID,
	}, r.SuccessTime)
	if err != nil {
		return model.PayNotice{}, err
	}
	return model.PayNotice{Refund: &refund}, nil
}
