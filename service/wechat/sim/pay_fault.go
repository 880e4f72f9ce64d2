package sim

import (
	"errors"
	"fmt"
	"slices"
	"time"
)

// rule says where a fault can happen. Two of a group can't happen at once.
type rule struct {
	name  string
	set   bool
	group string
	at    []string // the endpoints; nil: every path but WeChat Pay's
}

// rules are the faults that not every path can meet. Status, LatencyMS, Reset, Truncate, HTML and Empty are met by
// every path, yet not by notifications and events.
func (f Fault) rules() []rule { return append(f.payRules(), f.pushRules()...) }

func (f Fault) payRules() []rule {
	signed := []string{
		pathPrepay, pathTradeByNo, pathTradeByID, pathClose, pathRefunds, pathRefund, pathTradeBill,
	}
	provable := append(slices.Clone(signed), endpointNotify)
	trades := []string{pathTradeByNo, pathTradeByID, endpointNotify}
	amounts := append(slices.Clone(trades), pathRefunds, pathRefund)
	notices, refunds, bills := []string{endpointNotify}, []string{pathRefunds}, []string{pathTradeBill}
	return []rule{
		{"errcode", f.Errcode != 0, "", nil},
		{"country_code_number", f.CountryCodeNumber, "", nil},
		{"png", f.PNG, "", nil},
		{"code", f.Code != "", "", append(slices.Clone(signed), pathDownload)},
		{"unsigned", f.Unsigned, "signature", provable},
		{"bad_signature", f.BadSignature, "signature", provable},
		{"probe", f.Probe, "signature", provable},
		{"skew_seconds", f.SkewSeconds != 0, "", provable},
		{"wrong_amount", f.WrongAmount, "", amounts},
		{"wrong_currency", f.WrongCurrency, "", amounts},
		{"wrong_mchid", f.WrongMchID, "", trades},
		{"wrong_appid", f.WrongAppID, "", trades},
		{"no_notify", f.NoNotify, "sending", notices},
		{"late_notify", f.LateNotify, "sending", notices},
		{"duplicate_notify", f.DuplicateNotify, "sending", notices},
		{"notify_before_answer", f.NotifyBeforeAnswer, "", []string{pathPrepay}},
		{"no_prepay_id", f.NoPrepayID, "", []string{pathPrepay}},
		{"notify_after_close", f.NotifyAfterClose, "", []string{pathClose}},
		{"hold_refund", f.HoldRefund, "refund", refunds},
		{"refund_abnormal", f.RefundAbnormal, "refund", refunds},
		{"refund_closed", f.RefundClosed, "refund", refunds},
		{"no_bill", f.NoBill, "bill", bills},
		{"bill_wrong_amount", f.BillWrongAmount, "bill", bills},
		{"bill_drop_line", f.BillDropLine, "bill", bills},
		{"bill_extra_line", f.BillExtraLine, "bill", bills},
		{"bad_hash", f.BadHash, "", bills},
	}
}

// fits reports whether a call of the endpoint can meet f.
func (f Fault) fits(endpoint string) bool {
	outward := endpoint == endpointNotify || endpoint == endpointEvents
	if outward && (f.Status != 0 || f.LatencyMS != 0 || f.Reset || f.Truncate || f.HTML || f.Empty) {
		return false
	}
	for _, r := range f.rules() {
		if r.set && (r.at == nil && (outward || isPay(endpoint)) || r.at != nil && !slices.Contains(r.at, endpoint)) {
			return false
		}
	}
	return true
}

// checkFit refuses what contradicts itself, and what no call could meet.
func (p *Platform) checkFit(f Fault) error {
	groups := map[string]string{}
	for _, r := range f.rules() {
		if !r.set || r.group == "" {
			continue
		}
		if other := groups[r.group]; other != "" {
			return fmt.Errorf("%s 与 %s 不能同时设置", other, r.name)
		}
		groups[r.group] = r.name
	}
	if f.SkewSeconds < -maxSkew || f.SkewSeconds > maxSkew {
		return fmt.Errorf("skew_seconds 必须在 -%d 至 %d 之间", maxSkew, maxSkew)
	}
	if f.Endpoint != "" {
		if !f.fits(f.Endpoint) {
			return fmt.Errorf("接口 %q 不会遇到这样的故障", f.Endpoint)
		}
		return nil
	}
	for _, e := range p.endpoints() {
		if f.fits(e) {
			return nil
		}
	}
	return errors.New("没有一个接口会遇到这样的故障")
}

// endpoints are what a fault may await.
func (p *Platform) endpoints() []string {
	var out []string
	for e := range p.routes {
		out = append(out, e)
	}
	if p.pay != nil {
		out = append(out, endpointNotify)
	}
	if p.events != nil {
		out = append(out, endpointEvents)
	}
	return out
}

// doctored is t as the fault has it.
func (f Fault) doctored(t transaction) transaction {
	if f.WrongAmount {
		t.Amount.Total++
	}
	if f.WrongCurrency {
		t.Amount.Currency = "USD"
	}
	if f.WrongMchID {
		t.MchID = "1999999999"
	}
	if f.WrongAppID {
		t.AppID = "wx9999999999999999"
	}
	return t
}

func (f Fault) doctoredRefund(a refundAnswer) refundAnswer {
	if f.WrongAmount {
		a.Amount.Refund++
	}
	if f.WrongCurrency {
		a.Amount.Currency = "USD"
	}
	return a
}

// doctoredNews: notifications of refunds have no app and no currency to get wrong.
func (f Fault) doctoredNews(n refundNews) refundNews {
	if f.WrongAmount {
		n.Amount.Refund++
	}
	if f.WrongMchID {
		n.MchID = "1999999999"
	}
	return n
}

// refundState is what becomes of a refund as soon as it is accepted.
func (f Fault) refundState() string {
	switch {
	case f.HoldRefund:
		return refundProcessing
	case f.RefundAbnormal:
		return refundAbnormal
	case f.RefundClosed:
		return refundClosed
	}
	return refundDone
}

// doctoredBill is a day's bill as the fault has it: it differs from what happened in its first line, or in one more.
func (f Fault) doctoredBill(lines []billLine, y *payments, day time.Time) []billLine {
	switch {
	case f.BillExtraLine:
		var q prepaying
		q.AppID, q.MchID, q.Description = y.platform.cfg.AppID, y.merchant.MchID, "模拟器多出的一笔"
		q.Amount.Total = 100
		stranger := order{OutTradeNo: "stranger" + day.Format("20060102"), Asked: q}
		_ = stranger.paid(day)
		return append(lines, billLine{
			at: day.Add(23 * time.Hour), o: stranger, total: q.Amount.Total, tradeState: statePaid,
		})
	case len(lines) == 0:
	case f.BillDropLine:
		return lines[1:]
	case f.BillWrongAmount && lines[0].outRefundNo != "":
		lines[0].refunded++
	case f.BillWrongAmount:
		lines[0].total++
	}
	return lines
}
