package wechat

import (
	"errors"
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"pgregory.net/rapid"

	"zhibu/model"
	"zhibu/service/wechat/sim"
)

func TestBill(t *testing.T) {
	w := newPayWorld(t)
	at := model.At(w.clock.now())
	refundedBefore(t, w)
	trade, err := w.Query(t.Context(), orderNo)
	if err != nil {
		t.Fatal(err)
	}
	refund, err := w.QueryRefund(t.Context(), refundNo)
	if err != nil {
		t.Fatal(err)
	}
	_, err = w.Bill(t.Context(), "2026-11-23")
	wantPayError(t, err, model.ErrNoBill, "NO_STATEMENT_EXIST") // of a day that is not over
	w.clock.advance(24 * time.Hour)

	line := model.PayBillLine{
		At: at, AppID: appID, MchID: merchant().MchID, TransactionID: trade.TransactionID, OrderNo: orderNo, Currency: "CNY",
	}
	paid, refunded := line, line
	paid.State, paid.Total = "SUCCESS", 3200
	refunded.State, refunded.Refund, refunded.RefundState = "REFUND", 1200, "SUCCESS"
	refunded.RefundID, refunded.RefundNo = refund.RefundID, refundNo
	want := []model.PayBillLine{paid, refunded}
	got, err := w.Bill(t.Context(), "2026-11-23")
	if diff := cmp.Diff(want, got); diff != "" || err != nil {
		t.Errorf("%v (-want +got):\n%s", err, diff)
	}
	for _, day := range []model.Date{"2026-11-22", "2026-11-24", "2026-11-25"} {
		_, err = w.Bill(t.Context(), day)
		wantPayError(t, err, model.ErrNoBill, "NO_STATEMENT_EXIST")
	}
	_, err = w.Bill(t.Context(), "no day")
	wantPayError(t, err, model.ErrNoBill, "")

	wrong := want[0]
	wrong.Total++
	for name, tc := range map[string]struct {
		fault sim.Fault
		want  []model.PayBillLine
	}{
		"wrong amount": {sim.Fault{BillWrongAmount: true}, []model.PayBillLine{wrong, refunded}},
		"a line less":  {sim.Fault{BillDropLine: true}, []model.PayBillLine{refunded}},
	} {
		w.fail(t, tc.fault)
		got, err := w.Bill(t.Context(), "2026-11-23")
		if diff := cmp.Diff(tc.want, got); diff != "" || err != nil {
			t.Errorf("%s: %v (-want +got):\n%s", name, err, diff)
		}
	}
	w.fail(t, sim.Fault{BillExtraLine: true})
	got, err = w.Bill(t.Context(), "2026-11-23")
	if err != nil || len(got) != 3 || got[2].Total != 100 || got[2].TransactionID == "" {
		t.Errorf("a line more: %+v, %v", got, err)
	}
}

func TestBillFaults(t *testing.T) {
	w := newPayWorld(t)
	w.paid(t)
	w.clock.advance(24 * time.Hour)
	for name, tc := range map[string]struct {
		fault sim.Fault
		want  *model.Error
		code  string
	}{
		"none":           {sim.Fault{NoBill: true}, model.ErrNoBill, "NO_STATEMENT_EXIST"},
		"not yet":        {sim.Fault{Endpoint: billPath, Code: "STATEMENT_CREATING"}, model.ErrNoBill, "STATEMENT_CREATING"},
		"another hash":   {sim.Fault{BadHash: true}, ErrPayUnavailable, ""},
		"broken off":     {sim.Fault{Endpoint: downloadPath, Truncate: true}, ErrPayUnavailable, ""},
		"a portal":       {sim.Fault{Endpoint: downloadPath, HTML: true}, ErrPayUnavailable, ""},
		"a gateway":      {sim.Fault{Endpoint: downloadPath, Status: 503}, ErrPayUnavailable, ""},
		"empty":          {sim.Fault{Endpoint: downloadPath, Empty: true}, ErrPayUnavailable, ""},
		"a dead address": {sim.Fault{Endpoint: downloadPath, Code: "PARAM_ERROR"}, ErrPayUnavailable, "PARAM_ERROR"},
	} {
		w.fail(t, tc.fault)
		got, err := w.Bill(t.Context(), "2026-11-23")
		if err == nil || got != nil {
			t.Errorf("%s: %+v, %v", name, got, err)
			continue
		}
		wantPayError(t, err, tc.want, tc.code)
		wantClean(t, err.Error(), "token=")
	}
	if _, err := w.Bill(t.Context(), "2026-11-23"); err != nil {
		t.Error(err)
	}
}

const (
	header = "交易时间,公众账号ID,商户号,特约商户号,设备号,微信订单号,商户订单号,用户标识,交易类型,交易状态,付款银行,货币种类," +
		"应结订单金额,代金券金额,微信退款单号,商户退款单号,退款金额,充值券退款金额,退款类型,退款状态,商品名称,商户数据包,手续费,费率,订单金额,申请退款金额,费率备注"
	totals = "总交易单数,应结订单总金额,退款总金额,充值券退款总金额,手续费总金额,订单总金额,申请退款总金额\n`1,`0.01,`0.00,`0.00,`0.00,`0.01,`0.00\n"
	// The platform's own example, with its ways of writing nothing.
	example = "`2014-11-10 16:33:45,`wx2421b1c4370ec43b,`10000100,`0,`1000,`1001690740201411100005734289,`1415640626," +
		"`085e9858e3ba5186aafcbaed1,`MICROPAY,`SUCCESS,`OTHERS,`CNY,`0.01,`0.0,`0,`0,`0,`0,`,`,`被扫,支付测试,`订单额外描述,`0,`0.60%,`0.01,`0,`"
)

func TestParseBill(t *testing.T) {
	want := []model.PayBillLine{{
		At: model.At(time.Date(2014, 11, 10, 8, 33, 45, 0, time.UTC)), AppID: "wx2421b1c4370ec43b", MchID: "10000100",
		TransactionID: "1001690740201411100005734289", OrderNo: "1415640626", State: "SUCCESS", Currency: "CNY", Total: 1,
	}}
	for name, file := range map[string]string{
		"as it is":        header + "\n" + example + "\n" + totals,
		"CRLF and a BOM":  "\ufeff" + strings.ReplaceAll(header+"\n"+example+"\n"+totals, "\n", "\r\n"),
		"no totals":       header + "\n" + example,
		"a column before": "新列," + header + "\n`x," + example + "\n" + totals,
		"a column after":  header + ",新列\n" + example + ",`x\n" + totals,
	} {
		got, err := parseBill([]byte(file))
		if diff := cmp.Diff(want, got); diff != "" || err != nil {
			t.Errorf("%s: %v (-want +got):\n%s", name, err, diff)
		}
	}
	for name, file := range map[string]string{
		"nothing":        "",
		"no columns":     "<html>",
		"one missing":    strings.Replace(header, "申请退款金额,", "", 1) + "\n" + example,
		"a value less":   header + "\n" + strings.TrimSuffix(example, ",`"),
		"no time":        header + "\n" + strings.Replace(example, "16:33:45", "x", 1),
		"no amount":      header + "\n" + strings.Replace(example, "`0.01,`0,`", "`,`0,`", 1),
		"a third digit":  header + "\n" + strings.Replace(example, "`0.01,`0,`", "`0.011,`0,`", 1),
		"no refund":      header + "\n" + strings.Replace(example, "`0.01,`0,`", "`0.01,`x,`", 1),
		"the second bad": header + "\n" + example + "\n`x\n" + totals,
	} {
		if got, err := parseBill([]byte(file)); err == nil {
			t.Errorf("%s: %+v", name, got)
		} else {
			wantClean(t, err.Error(), "085e9858e3ba5186aafcbaed1")
		}
	}
	if got, err := parseBill([]byte(header + "\n" + totals)); err != nil || got == nil || len(got) != 0 {
		t.Errorf("no trade: %v, %v", got, err)
	}
}

func TestYuan(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		f := model.Fen(rapid.Int64Range(-999_999_999_999_999, 999_999_999_999_999).Draw(t, "fen"))
		if got, err := parseYuan(f.String()); err != nil || got != f {
			t.Fatalf("%s is read as %d, %v", f, got, err)
		}
	})
	for s, want := range map[string]model.Fen{"0": 0, "12": 1200, "12.5": 1250, "0.07": 7, "-0.07": -7, "007.10": 710} {
		if got, err := parseYuan(s); err != nil || got != want {
			t.Errorf("%q is read as %d, %v", s, got, err)
		}
	}
	for _, s := range []string{"", ".", ".5", "1.", "1.234", "1,000.00", "1e3", "+1", "--1", "１", "99999999999999", "1 "} {
		if got, err := parseYuan(s); err == nil {
			t.Errorf("%q is read as %d", s, got)
		}
	}
}

// TestBillRoundTrip writes lines as the platform does, with the columns in any order, and reads them again.
func TestBillRoundTrip(t *testing.T) {
	names := []string{
		columnTime, columnApp, columnMerchant, columnTrade, columnOrder, columnState, columnCurrency, columnTotal,
		columnRefundID, columnRefundNo, columnRefund, columnRefunded, "用户标识", "商品名称",
	}
	word := rapid.StringMatching(`[0-9A-Za-z_-]{1,32}`).Filter(func(s string) bool { return s != "0" })
	amount := rapid.Int64Range(0, 1_000_000_000_000)
	rapid.Check(t, func(t *rapid.T) {
		order := rapid.Permutation(names).Draw(t, "columns")
		var want []model.PayBillLine
		file := strings.Join(order, ",") + "\r\n"
		for range rapid.IntRange(1, 8).Draw(t, "lines") {
			l := model.PayBillLine{
				At:    model.Instant(rapid.Int64Range(1_400_000_000, 4_000_000_000).Draw(t, "at") * 1000),
				AppID: word.Draw(t, "app"), MchID: word.Draw(t, "merchant"), TransactionID: word.Draw(t, "trade"),
				OrderNo: word.Draw(t, "order"), State: "REFUND", Currency: "CNY", Total: model.Fen(amount.Draw(t, "total")),
				RefundID: word.Draw(t, "refund id"), RefundNo: word.Draw(t, "refund no"),
				Refund: model.Fen(amount.Draw(t, "refund")), RefundState: "SUCCESS",
			}
			want = append(want, l)
			values := map[string]string{
				columnTime: l.At.Time().Format(time.DateTime), columnApp: l.AppID, columnMerchant: l.MchID,
				columnTrade: l.TransactionID, columnOrder: l.OrderNo, columnState: l.State, columnCurrency: l.Currency,
				columnTotal: l.Total.String(), columnRefundID: l.RefundID, columnRefundNo: l.RefundNo,
				columnRefund: l.Refund.String(), columnRefunded: l.RefundState, "用户标识": openID, "商品名称": "党费, 2026年",
			}
			row := make([]string, len(order))
			for i, name := range order {
				row[i] = values[name]
			}
			file += "`" + strings.Join(row, ",`") + "\r\n"
		}
		got, err := parseBill([]byte(file + totals))
		if diff := cmp.Diff(want, got); diff != "" || err != nil {
			t.Fatalf("%v (-want +got):\n%s", err, diff)
		}
		if strings.Contains(fmt.Sprint(got), openID) {
			t.Fatal("the payer was kept")
		}
	})
}

func FuzzParseBill(f *testing.F) {
	f.Add([]byte(header + "\n" + example + "\n" + totals))
	f.Fuzz(func(t *testing.T, file []byte) {
		if lines, err := parseBill(file); (lines == nil) == (err == nil) {
			t.Error(errors.Join(err, errors.New("neither lines nor an error, or both")))
		}
	})
}
