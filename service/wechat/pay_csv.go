package wechat

import (
	"bytes"
	"errors"
	"fmt"
	"regexp"
	"strconv"
	"strings"
	"time"

	"zhibu/model"
)

// The columns of a bill that are read. 用户标识, the payer's openid, is not among them.
const (
	columnTime     = "交易时间"
	columnApp      = "公众账号ID"
	columnMerchant = "商户号"
	columnTrade    = "微信订单号"
	columnOrder    = "商户订单号"
	columnState    = "交易状态"
	columnCurrency = "货币种类"
	columnTotal    = "订单金额" // 应结订单金额 lacks the vouchers
	columnRefundID = "微信退款单号"
	columnRefundNo = "商户退款单号"
	columnRefund   = "申请退款金额"
	columnRefunded = "退款状态"
)

const (
	billMark      = "`" // before every value, so that a spreadsheet takes it for text
	billSeparator = "," + billMark
)

// parseBill reads a bill: a line of column names, a line for each trade, and the totals, which are left out. A line
// that can't be read is an error: half a bill would show differences that are none.
func parseBill(file []byte) ([]model.PayBillLine, error) {
	rows := strings.Split(strings.TrimSpace(string(bytes.TrimPrefix(file, []byte("\ufeff")))), "\n")
	columns, err := billColumns(rows[0])
	if err != nil {
		return nil, err
	}
	lines := []model.PayBillLine{}
	for i, row := range rows[1:] {
		row = strings.TrimRight(row, "\r")
		values, marked := strings.CutPrefix(row, billMark)
		if !marked { // the names of the totals, after which no trade follows
			break
		}
		line, err := columns.line(strings.Split(values, billSeparator))
		if err != nil {
			return nil, fmt.Errorf("line %d of the bill: %w", i+2, err)
		}
		lines = append(lines, line)
	}
	return lines, nil
}

// columns tells where a column is, and how many there are.
type columns struct {
	at    map[string]int
	count int
}

func billColumns(header string) (columns, error) {
	names := strings.Split(strings.TrimRight(header, "\r"), ",")
	c := columns{at: map[string]int{}, count: len(names)}
	for i, name := range names {
		c.at[strings.TrimPrefix(strings.TrimSpace(name), billMark)] = i
	}
	for _, name := range []string{
		columnTime, columnApp, columnMerchant, columnTrade, columnOrder, columnState, columnCurrency, columnTotal,
		columnRefundID, columnRefundNo, columnRefund, columnRefunded,
	} {
		if _, ok := c.at[name]; !ok {
			return columns{}, fmt.Errorf("the bill has no column %s", name)
		}
	}
	return c, nil
}

func (c columns) line(values []string) (model.PayBillLine, error) {
	if len(values) != c.count {
		return model.PayBillLine{}, fmt.Errorf("%d values under %d names", len(values), c.count)
	}
	value := func(name string) string { return strings.TrimSpace(values[c.at[name]]) }
	at, err := time.ParseInLocation(time.DateTime, value(columnTime), model.Shanghai)
	if err != nil {
		return model.PayBillLine{}, errors.New(columnTime + " is no time")
	}
	total, err := parseYuan(value(columnTotal))
	if err != nil {
		return model.PayBillLine{}, fmt.Errorf("%s: %w", columnTotal, err)
	}
	refund, err := parseYuan(value(columnRefund))
	if err != nil {
		return model.PayBillLine{}, fmt.Errorf("%s: %w", columnRefund, err)
	}
	return model.PayBillLine{
		At: model.At(at), AppID: value(columnApp), MchID: value(columnMerchant),
		TransactionID: value(columnTrade), OrderNo: value(columnOrder),
		State: value(columnState), Currency: value(columnCurrency), Total: total,
		RefundID: orNone(value(columnRefundID)), RefundNo: orNone(value(columnRefundNo)),
		Refund: refund, RefundState: value(columnRefunded),
	}, nil
}

// orNone: a payment has 0 where a refund has its number.
func orNone(number string) string {
	if number == "0" {
		return ""
	}
	return number
}

// Thirteen digits of yuan are more than there are, and fit in an int64 of fen.
var yuanPattern = regexp.MustCompile(`^(-?)([0-9]{1,13})(?:\.([0-9]{1,2}))?$`)

// parseYuan reads an amount in yuan, such as 12.50, 12.5 or 12, to the fen.
func parseYuan(s string) (model.Fen, error) {
	m := yuanPattern.FindStringSubmatch(s)
	if m == nil {
		return 0, errors.New("no amount in yuan")
	}
	n, err := strconv.ParseInt(m[2]+(m[3] + "00")[:2], 10, 64)
	if err != nil {
		return 0, errors.New("no amount in yuan")
	}
	if m[1] == "-" {
		n = -n
	}
	return model.Fen(n), nil
}
