package sim

import (
	"crypto/sha1" // the platform's choice
	"encoding/hex"
	"fmt"
	"net/http"
	"slices"
	"strings"
	"time"
)

const (
	billHeader = "交易时间,公众账号ID,商户号,特约商户号,设备号,微信订单号,商户订单号,用户标识,交易类型,交易状态,付款银行,货币种类," +
		"应结订单金额,代金券金额,微信退款单号,商户退款单号,退款金额,充值券退款金额,退款类型,退款状态,商品名称,商户数据包,手续费,费率,订单金额,申请退款金额,费率备注"
	billTotals   = "总交易单数,应结订单总金额,退款总金额,充值券退款总金额,手续费总金额,订单总金额,申请退款总金额"
	billBOM      = "\ufeff"
	billMonths   = 3
	downloadLife = 5 * time.Minute
	maxBills     = 10
)

// billLine is a payment, or a refund when outRefundNo is not empty.
type billLine struct {
	at                      time.Time
	o                       order
	total                   int64
	refundID, outRefundNo   string
	refunded                int64
	refundState, tradeState string
}

func (l billLine) values() []string {
	v := []string{
		l.at.In(china).Format(time.DateTime), l.o.Asked.AppID, l.o.Asked.MchID, "0", "", l.o.TransactionID, l.o.OutTradeNo,
		l.o.Asked.Payer.OpenID, typeTransaction, l.tradeState, "OTHERS", currencyCNY, yuan(l.total), "0.00",
		"0", "0", "0.00", "0.00", "", "", l.o.Asked.Description, l.o.Asked.Attach, "0.00000", "0.60%", yuan(l.total), "0.00", "",
	}
	if l.outRefundNo != "" {
		copy(v[14:], []string{l.refundID, l.outRefundNo, yuan(l.refunded), "0.00", "ORIGINAL", l.refundState})
		v[25] = yuan(l.refunded)
	}
	return v
}

// yuan writes fen as a bill does.
func yuan(fen int64) string { return fmt.Sprintf("%d.%02d", fen/100, fen%100) }

// tradeBill makes the bill of a day and answers where it is for the next five minutes.
func (y *payments) tradeBill(c call) answer {
	if t := c.query.Get("bill_type"); t != "" && t != "ALL" || c.query.Get("tar_type") != "" {
		return payRefuse("PARAM_ERROR", "模拟器只有 ALL 类型、未压缩的账单")
	}
	day, err := time.ParseInLocation(time.DateOnly, c.query.Get("bill_date"), china)
	if err != nil {
		return payRefuse("PARAM_ERROR", "账单日期不正确")
	}
	y.mu.Lock()
	defer y.mu.Unlock()
	now := y.now()
	lines := c.fault.doctoredBill(y.billLines(day), y, day)
	past := day.AddDate(0, 0, 1).Before(now) && day.AddDate(0, billMonths, 0).After(now)
	if len(lines) == 0 || !past || c.fault.NoBill {
		return payRefuse("NO_STATEMENT_EXIST", "")
	}
	file := formatBill(lines)
	token := randomHex(24)
	y.state.bills.add(bill{token: token, file: file, until: now.Add(downloadLife)})
	sum := sha1.Sum(file)
	if c.fault.BadHash {
		sum[0]++
	}
	return payAnswer(http.StatusOK, map[string]string{
		"hash_type": "SHA1", "hash_value": hex.EncodeToString(sum[:]),
		"download_url": "https://api.mch.weixin.qq.com" + pathDownload + "?token=" + token,
	})
}

// billLines are the payments of a day and the refunds accepted on it, oldest first. The caller holds mu.
func (y *payments) billLines(day time.Time) []billLine {
	var lines []billLine
	within := func(t time.Time) bool { return !t.Before(day) && t.Before(day.AddDate(0, 0, 1)) }
	for _, o := range y.state.orders {
		if o.State == statePaid && within(o.PaidAt) {
			lines = append(lines, billLine{at: o.PaidAt, o: *o, total: o.Asked.Amount.Total, tradeState: statePaid})
		}
	}
	for _, r := range y.state.refunds {
		if within(r.CreatedAt) {
			state := r.State
			if state == refundAbnormal || state == refundClosed {
				state = "FAIL"
			}
			lines = append(lines, billLine{
				at: r.CreatedAt, o: *y.state.orders[r.OutTradeNo], refundID: r.RefundID, outRefundNo: r.OutRefundNo,
				refunded: r.Asked.Amount.Refund, refundState: state, tradeState: stateRefunded,
			})
		}
	}
	slices.SortFunc(lines, func(a, b billLine) int {
		if c := a.at.Compare(b.at); c != 0 {
			return c
		}
		return strings.Compare(a.o.OutTradeNo+a.outRefundNo, b.o.OutTradeNo+b.outRefundNo)
	})
	return lines
}

// formatBill writes the file as the platform does: a byte order mark, CRLF, and a backtick before every value.
func formatBill(lines []billLine) []byte {
	var b strings.Builder
	write := func(values []string) { b.WriteString("`" + strings.Join(values, ",`") + "\r\n") }
	b.WriteString(billBOM + billHeader + "\r\n")
	var total, refunded int64
	for _, l := range lines {
		write(l.values())
		total += l.total
		refunded += l.refunded
	}
	b.WriteString(billTotals + "\r\n")
	write([]string{fmt.Sprint(len(lines)), yuan(total), yuan(refunded), "0.00", "0.00000", yuan(total), yuan(refunded)})
	return []byte(b.String())
}

func (y *payments) download(c call) answer {
	y.mu.Lock()
	defer y.mu.Unlock()
	if file := y.state.bills.find(c.query.Get("token"), y.now()); file != nil {
		return answer{status: http.StatusOK, mime: "text/plain", body: file}
	}
	return payRefuse("PARAM_ERROR", "下载地址已失效")
}

// bill is a file that waits to be fetched. Bills are not kept over a restart: the merchant asks again.
type bill struct {
	token string
	file  []byte
	until time.Time
}

// bills are the last few.
type bills []bill

func (s *bills) add(b bill) {
	if len(*s) >= maxBills {
		*s = (*s)[1:]
	}
	*s = append(*s, b)
}

func (s *bills) find(token string, now time.Time) []byte {
	for _, b := range *s {
		if b.token == token && now.Before(b.until) {
			return b.file
		}
	}
	return nil
}
