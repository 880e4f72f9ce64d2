package sim

import (
	"encoding/json"
	"net/http"
	"strings"
	"testing"
)

func TestPayControls(t *testing.T) {
	w := newPayWorld(t)
	id := w.prepay(t, outTradeNo)
	step := func(path, body string, want int, says string) string {
		t.Helper()
		status, out := w.do(t, path, body)
		if status != want || !strings.Contains(out, says) {
			t.Errorf("%s %s: %d %s, want %d with %s", path, body, status, out, want, says)
		}
		return out
	}
	pay := func(result string) string { return `{"prepay_id":"` + id + `","result":"` + result + `"}` }
	step("/_sim/orders", "", http.StatusOK, `"prepay_id":"`+id+`"`)
	step("/_sim/pay", pay(""), http.StatusBadRequest, "result")
	step("/_sim/pay", `{"prepay":1}`, http.StatusBadRequest, "unknown field")
	step("/_sim/pay", `{"prepay_id":"x","result":"success"}`, http.StatusNotFound, "not_found")
	step("/_sim/pay", pay("cancel"), http.StatusOK, `"notified":false`)
	var got Payment
	out := step("/_sim/pay", pay("success"), http.StatusOK, `"notified":true`)
	if err := json.Unmarshal([]byte(out), &got); err != nil || got.OutTradeNo != outTradeNo || got.TransactionID == "" {
		t.Errorf("%s, %v", out, err)
	}
	step("/_sim/pay", pay("success"), http.StatusConflict, "已经支付")
	step("/_sim/faults", `{"hold_refund":true}`, http.StatusNoContent, "")
	w.refund(t, "R1", 100)
	step("/_sim/refund", `{"out_refund_no":"R2","result":"success"}`, http.StatusNotFound, "退款")
	step("/_sim/refund", `{"out_refund_no":"R1","result":"x"}`, http.StatusBadRequest, "result")
	step("/_sim/refund", `{}x`, http.StatusBadRequest, "JSON")
	step("/_sim/refund", `{"out_refund_no":"R1","result":"success"}`, http.StatusOK, `"notified":true`)
	step("/_sim/refund", `{"out_refund_no":"R1","result":"success"}`, http.StatusConflict, "已经结束")
	step("/_sim/deliver", "{}", http.StatusOK, `"delivered":0`)
	if out := step("/_sim/orders", "", http.StatusOK, `"state":"REFUND"`); strings.Contains(out, openID) {
		t.Errorf("the orders tell who paid: %s", out)
	}
	step("/_sim/reset", "{}", http.StatusNoContent, "")
	step("/_sim/orders", "", http.StatusOK, `{"items":[]}`)
}

func TestPayJournal(t *testing.T) {
	w := newPayWorld(t)
	w.prepay(t, outTradeNo)
	w.ask(t, pathDownload+"?token=private-token", "")
	_, out := w.do(t, "/_sim/journal", "")
	for _, private := range []string{openID, "private-token", "SHA256-RSA2048", w.merchant.CertSerial} {
		if strings.Contains(out, private) {
			t.Errorf("the journal shows %q: %s", private, out)
		}
	}
	if !strings.Contains(out, outTradeNo) || !strings.Contains(out, pathDownload) {
		t.Errorf("the journal hides the rest: %s", out)
	}
}
