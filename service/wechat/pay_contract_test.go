package wechat

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/wechatpay-apiv3/wechatpay-go/core"
	"github.com/wechatpay-apiv3/wechatpay-go/core/auth/verifiers"
	"github.com/wechatpay-apiv3/wechatpay-go/core/notify"
	"github.com/wechatpay-apiv3/wechatpay-go/core/option"
	"github.com/wechatpay-apiv3/wechatpay-go/services/payments"
	"github.com/wechatpay-apiv3/wechatpay-go/services/payments/jsapi"
	"github.com/wechatpay-apiv3/wechatpay-go/services/refunddomestic"

	"zhibu/model"
	"zhibu/service/wechat/sim"
)

// payDriver is a way to make the calls; each answers a word or the platform's code.
type payDriver struct {
	prepay  func(model.Prepayment) (string, error) // prepay_id
	query   func(orderNo string) (string, error)
	close   func(orderNo string) (string, error)
	refund  func(model.RefundRequest) (string, error)
	refunds func(refundNo string) (string, error)
	bill    func(day string) (string, error)
	notify  func(*http.Request) (string, error)
}

func payAdapterDriver(ctx context.Context, p *Pay) payDriver {
	refunded := func(r model.RefundTrade, err error) (string, error) {
		return fmt.Sprint(r.State, " ", int64(r.Amount)), err
	}
	return payDriver{
		prepay: func(o model.Prepayment) (string, error) {
			params, err := p.Prepay(ctx, o)
			return strings.TrimPrefix(params.Package, prepaidPrefix), err
		},
		query: func(no string) (string, error) {
			t, err := p.Query(ctx, no)
			return fmt.Sprint(t.State, " ", int64(t.Total)), err
		},
		close:   func(no string) (string, error) { return "closed", p.Close(ctx, no) },
		refund:  func(r model.RefundRequest) (string, error) { return refunded(p.Refund(ctx, r)) },
		refunds: func(no string) (string, error) { return refunded(p.QueryRefund(ctx, no)) },
		bill: func(day string) (string, error) {
			lines, err := p.Bill(ctx, model.Date(day))
			return fmt.Sprint(len(lines), " lines"), err
		},
		notify: func(r *http.Request) (string, error) {
			n, err := p.ParseNotify(r)
			if err != nil {
				return "", err
			}
			return n.Trade.OrderNo, nil
		},
	}
}

// barePay is the SDK as its README has it.
func barePay(t *testing.T, transport http.RoundTripper) payDriver {
	t.Helper()
	ctx, m, hc := t.Context(), merchant(), &http.Client{Transport: transport}
	client, err := core.NewClient(ctx, option.WithHTTPClient(hc),
		option.WithWechatPayPublicKeyAuthCipher(m.MchID, m.CertSerial, m.PrivateKey, m.PublicKeyID, m.PublicKey))
	if err != nil {
		t.Fatal(err)
	}
	bills, err := core.NewClient(ctx, option.WithHTTPClient(hc),
		option.WithMerchantCredential(m.MchID, m.CertSerial, m.PrivateKey), option.WithoutValidator())
	if err != nil {
		t.Fatal(err)
	}
	handler, err := notify.NewRSANotifyHandler(m.APIv3Key, verifiers.NewSHA256WithRSAPubkeyVerifier(m.PublicKeyID, *m.PublicKey))
	if err != nil {
		t.Fatal(err)
	}
	pay, refunds := jsapi.JsapiApiService{Client: client}, refunddomestic.RefundsApiService{Client: client}
	refunded := func(r *refunddomestic.Refund, _ *core.APIResult, err error) (string, error) {
		if err != nil {
			return "", err
		}
		return fmt.Sprint(*r.Status, " ", *r.Amount.Refund), nil
	}
	return payDriver{
		prepay: func(o model.Prepayment) (string, error) {
			resp, _, err := pay.PrepayWithRequestPayment(ctx, jsapi.PrepayRequest{
				Appid: core.String(appID), Mchid: &m.MchID, Description: &o.Description, OutTradeNo: &o.OrderNo,
				TimeExpire: core.Time(o.ExpiresAt.Time()), NotifyUrl: core.String(notifyURL),
				Amount: &jsapi.Amount{Total: core.Int64(int64(o.Total)), Currency: core.String("CNY")},
				Payer:  &jsapi.Payer{Openid: &o.OpenID},
			})
			if err != nil {
				return "", err
			}
			return *resp.PrepayId, nil
		},
		query: func(no string) (string, error) {
			tr, _, err := pay.QueryOrderByOutTradeNo(ctx, jsapi.QueryOrderByOutTradeNoRequest{OutTradeNo: &no, Mchid: &m.MchID})
			if err != nil {
				return "", err
			}
			return fmt.Sprint(*tr.TradeState, " ", *tr.Amount.Total), nil
		},
		close: func(no string) (string, error) {
			_, err := pay.CloseOrder(ctx, jsapi.CloseOrderRequest{OutTradeNo: &no, Mchid: &m.MchID})
			return "closed", err
		},
		refund: func(r model.RefundRequest) (string, error) {
			return refunded(refunds.Create(ctx, refunddomestic.CreateRequest{
				OutTradeNo: &r.OrderNo, OutRefundNo: &r.RefundNo, Reason: &r.Reason, NotifyUrl: core.String(notifyURL),
				Amount: &refunddomestic.AmountReq{
					Refund: core.Int64(int64(r.Amount)), Total: core.Int64(int64(r.Total)), Currency: core.String("CNY"),
				},
			}))
		},
		refunds: func(no string) (string, error) {
			return refunded(refunds.QueryByOutRefundNo(ctx, refunddomestic.QueryByOutRefundNoRequest{OutRefundNo: &no}))
		},
		bill:   func(day string) (string, error) { return bareBill(ctx, client, bills, day) },
		notify: func(r *http.Request) (string, error) { return bareNotify(ctx, handler, r) },
	}
}

func bareBill(ctx context.Context, client, bills *core.Client, day string) (string, error) {
	result, err := client.Get(ctx, "https://api.mch.weixin.qq.com/v3/bill/tradebill?bill_date="+day+"&bill_type=ALL")
	if err != nil {
		return "", err
	}
	var ticket billTicket
	if err := core.UnMarshalResponse(result.Response, &ticket); err != nil {
		return "", err
	}
	if _, err := client.Get(ctx, ticket.DownloadURL); err == nil {
		return "", errors.New("the file was signed")
	}
	if result, err = bills.Get(ctx, ticket.DownloadURL); err != nil {
		return "", err
	}
	file, err := io.ReadAll(result.Response.Body)
	return fmt.Sprint(strings.Count(string(file), "\n")-3, " lines"), err
}

func bareNotify(ctx context.Context, handler *notify.Handler, r *http.Request) (string, error) {
	var tr payments.Transaction
	if _, err := handler.ParseNotifyRequest(ctx, r, &tr); err != nil {
		return "", err
	}
	return *tr.OutTradeNo, nil
}

// actPay plays the contract and writes down what came of every step.
func actPay(t *testing.T, p *sim.Platform, clk *clock, d payDriver) (trace []string) {
	note := func(step, value string, err error) {
		if err != nil {
			value = "refused"
			var refused *core.APIError
			if errors.As(err, &refused) {
				value = refused.Code
			} else if code := payCodeOf(err); code != "" {
				value = code
			}
		}
		trace = append(trace, step+": "+value)
	}
	order := model.Prepayment{
		OrderNo: orderNo, Description: "党费", Total: 3200, OpenID: openID, ExpiresAt: model.At(clk.now().Add(time.Hour)),
	}
	step := func(name string, f func(string) (string, error), arg string) {
		v, err := f(arg)
		note(name, v, err)
	}
	step("query nothing", d.query, orderNo)
	id, err := d.prepay(order)
	note("prepay", id[:2], err)
	step("query unpaid", d.query, orderNo)
	other := order
	other.Total++
	_, err = d.prepay(other)
	note("prepay another amount", "", err)
	if _, err := p.Pay(t.Context(), id); err != nil {
		t.Error(err)
	}
	step("query paid", d.query, orderNo)
	step("close paid", d.close, orderNo)
	r := refundRequest()
	v, err := d.refund(r)
	note("refund", v, err)
	step("query refund", d.refunds, r.RefundNo)
	step("query refunded", d.query, orderNo)
	step("query no refund", d.refunds, "R-none")
	step("bill of today", d.bill, "2026-11-23")
	clk.advance(24 * time.Hour)
	step("bill", d.bill, "2026-11-23")
	order.OrderNo, order.ExpiresAt = "D-second", model.At(clk.now().Add(time.Hour))
	if _, err = d.prepay(order); err != nil {
		t.Error(err)
	}
	step("close", d.close, order.OrderNo)
	step("query closed", d.query, order.OrderNo)
	return trace
}

// TestPayContract plays the same scenes with the bare SDK and with Pay: both get the same answers, and the platform
// sees the same requests.
func TestPayContract(t *testing.T) {
	play := func(use func(http.RoundTripper, *clock) payDriver) ([]string, []sim.Entry) {
		clk := newClock()
		var d payDriver
		p := sim.New(sim.Config{
			AppID: appID, AppSecret: secret, Now: clk.now, Merchant: merchant(),
			Deliver: toHandler(func(w http.ResponseWriter, r *http.Request) {
				if no, err := d.notify(r); err != nil || no != orderNo {
					t.Errorf("notified of %q, %v", no, err)
				}
			}),
		})
		d = use(p.Transport(), clk)
		return actPay(t, p, clk, d), p.Journal()
	}
	trace, journal := play(func(rt http.RoundTripper, clk *clock) payDriver {
		cfg := payConfig(rt)
		cfg.Now = clk.now
		pay, err := NewPay(cfg)
		if err != nil {
			t.Fatal(err)
		}
		return payAdapterDriver(t.Context(), pay)
	})
	bareTrace, bareJournal := play(func(rt http.RoundTripper, _ *clock) payDriver { return barePay(t, rt) })
	want := []string{
		"query nothing: ORDER_NOT_EXIST",
		"prepay: wx",
		"query unpaid: NOTPAY 3200",
		"prepay another amount: INVALID_REQUEST",
		"query paid: SUCCESS 3200",
		"close paid: ORDERPAID",
		"refund: PROCESSING 1200",
		"query refund: SUCCESS 1200",
		"query refunded: REFUND 3200",
		"query no refund: RESOURCE_NOT_EXISTS",
		"bill of today: NO_STATEMENT_EXIST",
		"bill: 2 lines",
		"close: closed",
		"query closed: CLOSED 3200",
	}
	if diff := cmp.Diff(want, trace); diff != "" {
		t.Errorf("Pay (-want +got):\n%s", diff)
	}
	if diff := cmp.Diff(want, bareTrace); diff != "" {
		t.Errorf("the bare SDK (-want +got):\n%s", diff)
	}
	// The bare SDK is also shown to refuse the unsigned file, and a token is never the same.
	if diff := cmp.Diff(sameRequests(bareJournal), sameRequests(journal)); diff != "" {
		t.Errorf("requests differ (-SDK +Pay):\n%s", diff)
	}
}

func sameRequests(journal []sim.Entry) (out []sim.Entry) {
	for _, e := range journal {
		if e.Path == downloadPath {
			e.Query = ""
			if len(out) > 0 && out[len(out)-1].Path == downloadPath {
				continue
			}
		}
		out = append(out, e)
	}
	return out
}
