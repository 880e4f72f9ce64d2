package wechat

import (
	"context"
	"strings"
	"testing"

	"zhibu/model"
	"zhibu/service/wechat/sim"
)

func TestPing(t *testing.T) {
	w := newWorld(t)
	for range 2 {
		if err := w.Ping(t.Context()); err != nil {
			t.Fatal(err)
		}
	}
	if n := w.calls(tokenPath); n != 2 {
		t.Errorf("%d token calls, want one for each Ping", n)
	}
}

func TestPingTellsWhatToDo(t *testing.T) {
	for name, tc := range map[string]struct {
		fault sim.Fault
		says  string
	}{
		"app id":           {sim.Fault{Errcode: 40013}, "AppID 无效"},
		"secret":           {sim.Fault{Errcode: 40125}, "AppSecret 不正确"},
		"IP":               {sim.Fault{Errcode: 40164}, "IP 203.0.113.7 不在白名单"},
		"IP unconfirmed":   {sim.Fault{Errcode: 89503}, "管理员"},
		"quota":            {sim.Fault{Errcode: 45009}, "次数已用完"},
		"busy":             {sim.Fault{Errcode: -1}, "繁忙"},
		"an unknown code":  {sim.Fault{Errcode: 12345}, "12345"},
		"network":          {sim.Fault{Reset: true}, "连不上"},
		"a captive portal": {sim.Fault{HTML: true}, "不像来自微信"},
		"a gateway":        {sim.Fault{Status: 502}, "不像来自微信"},
	} {
		w := newWorld(t)
		w.fail(t, tc.fault)
		err := w.Ping(context.Background())
		wantError(t, err, ErrUnavailable, int64(tc.fault.Errcode))
		if m := model.AsError(err).Message; !strings.Contains(m, tc.says) {
			t.Errorf("%s: %q does not say %q", name, m, tc.says)
		}
		wantClean(t, err.Error())
	}
}

func TestPingWithWrongSettings(t *testing.T) {
	clk := newClock()
	for says, cfg := range map[string]sim.Config{
		"AppID 无效":      {AppID: "wxOther", AppSecret: secret},
		"AppSecret 不正确": {AppID: appID, AppSecret: "other"},
	} {
		c, _ := newClient(t, sim.New(cfg).Transport(), clk.now)
		if m := model.AsError(c.Ping(t.Context())).Message; !strings.Contains(m, says) {
			t.Errorf("%q does not say %q", m, says)
		}
	}
}
