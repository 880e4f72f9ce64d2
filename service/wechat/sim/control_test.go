package sim

import (
	"encoding/json"
	"net/http"
	"strings"
	"testing"
)

func TestControls(t *testing.T) {
	w := newWorld()
	var got codeAnswer
	status, body := w.do(t, "/_sim/login", `{"openid":"oMember1"}`)
	if err := json.Unmarshal([]byte(body), &got); err != nil || status != http.StatusOK {
		t.Fatalf("%d %s, %v", status, body, err)
	}
	if out := w.login(t, got.Code); errcode(out) != 0 {
		t.Errorf("its code: %s", out)
	}
	_, body = w.do(t, "/_sim/phone", `{"openid":"oMember1","phone":"13800138000"}`)
	if err := json.Unmarshal([]byte(body), &got); err != nil {
		t.Fatal(err)
	}
	token, _ := w.stable(t, false)
	if _, out := w.do(t, pathPhone+"?access_token="+token, `{"code":"`+got.Code+`"}`); errcode(out) != 0 {
		t.Errorf("its code: %s", out)
	}
	if status, body := w.do(t, "/_sim/faults", `{"endpoint":"/sns/jscode2session","errcode":40226,"times":2}`); status != http.StatusNoContent {
		t.Errorf("%d %s", status, body)
	}
	for _, want := range []int{40226, 40226, 0} {
		if out := w.login(t, w.LoginCode(openID)); errcode(out) != want {
			t.Errorf("%s, want errcode %d", out, want)
		}
	}
	if status, _ := w.do(t, "/_sim/reset", "{}"); status != http.StatusNoContent || len(w.Journal()) != 0 {
		t.Errorf("%d with %d entries left", status, len(w.Journal()))
	}
}

func TestControlsRefuse(t *testing.T) {
	w := newWorld()
	for _, tc := range []struct{ path, body, says string }{
		{"/_sim/login", `{`, "JSON"},
		{"/_sim/login", `[]`, "JSON"},
		{"/_sim/login", `{"openid":"o","nick":"x"}`, `unknown field "nick"`},
		{"/_sim/login", `{"openid":"o"}{}`, "只能有一个"},
		{"/_sim/login", `{"openid":"o"} x`, "只能有一个"},
		{"/_sim/login", `{}`, "openid"},
		{"/_sim/login", `{"openid":"` + strings.Repeat("o", 65) + `"}`, "openid"},
		{"/_sim/login", `{"openid":"` + strings.Repeat("o", maxRequest) + `"}`, "too large"},
		{"/_sim/phone", `{"openid":"o"}`, "phone"},
		{"/_sim/phone", `{"phone":"13800138000"}`, "openid"},
		{"/_sim/phone", `{"openid":"o","phone":"23800138000"}`, "phone"},
		{"/_sim/phone", `{"openid":7}`, "JSON"},
		{"/_sim/faults", `{}`, "没有指定故障"},
		{"/_sim/faults", `{"endpoint":"/sns/jscode2session","times":2}`, "没有指定故障"},
		{"/_sim/faults", `{"endpoint":"/nowhere","errcode":1}`, "/nowhere"},
		{"/_sim/faults", `{"errcode":1,"times":-1}`, "times"},
		{"/_sim/faults", `{"status":99}`, "status"},
		{"/_sim/faults", `{"latency_ms":60001}`, "latency_ms"},
		{"/_sim/faults", `{"latency_ms":-1}`, "latency_ms"},
		{"/_sim/faults", `{"kill_token":"gone"}`, "kill_token"},
		{"/_sim/faults", `{"kill_token":"dead","errcode":1}`, "kill_token"},
	} {
		status, body := w.do(t, tc.path, tc.body)
		var p struct{ Code, Detail string }
		if err := json.Unmarshal([]byte(body), &p); err != nil {
			t.Errorf("%s %s: %v", tc.path, tc.body, err)
		}
		if status != http.StatusBadRequest || p.Code != "invalid_request" || !strings.Contains(p.Detail, tc.says) {
			t.Errorf("%s %.60s: %d %s, want 400 about %s", tc.path, tc.body, status, body, tc.says)
		}
	}
	for path, body := range map[string]string{"/_sim/unknown": "", "/_sim/login": "", "/_sim/journal": "{}"} {
		if status, _ := w.do(t, path, body); status != http.StatusNotFound {
			t.Errorf("%s: %d, want 404", path, status)
		}
	}
}

func TestFaultsAreBounded(t *testing.T) {
	w := newWorld()
	for range maxFaults {
		if err := w.Fail(Fault{Errcode: -1}); err != nil {
			t.Fatal(err)
		}
	}
	if err := w.Fail(Fault{Errcode: -1}); err == nil {
		t.Error("one fault too many was taken")
	}
}

func TestJournal(t *testing.T) {
	w := newWorld()
	code, phoneCode := w.LoginCode(openID), w.PhoneCode(openID, mobile)
	w.login(t, code)
	token, _ := w.stable(t, false)
	w.do(t, pathPhone+"?access_token="+token, `{"code": "`+phoneCode+`","openid":"oMember1"}`)

	entries := w.Journal()
	if len(entries) != 3 || !strings.Contains(entries[0].Query, secret) || !strings.Contains(entries[2].Body, phoneCode) {
		t.Errorf("in memory: %+v", entries)
	}
	_, body := w.do(t, "/_sim/journal", "")
	for _, private := range []string{secret, token, code, phoneCode} {
		if strings.Contains(body, private) {
			t.Errorf("the journal shows %q", private)
		}
	}
	for _, shown := range []string{`"items":[`, openID, `"path":"/sns/jscode2session"`, "appid=" + appID, `"method":"POST"`} {
		if !strings.Contains(body, shown) {
			t.Errorf("the journal hides %s: %s", shown, body)
		}
	}
}
