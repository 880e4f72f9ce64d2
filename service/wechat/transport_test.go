package wechat

import (
	"errors"
	"io"
	"net/http"
	"strings"
	"testing"

	"github.com/silenceper/wechat/v2/util"
)

func TestGuard(t *testing.T) {
	reached := 0
	ok := roundTripper(func(r *http.Request) (*http.Response, error) {
		reached++
		return answering(http.StatusOK, "ok")(r)
	})
	for name, tc := range map[string]struct {
		url     string
		carried bool
		passes  bool
	}{
		"the platform":      {"https://api.weixin.qq.com/x", true, true},
		"no client":         {"https://api.weixin.qq.com/x", false, false},
		"another host":      {"https://example.com/x", true, false},
		"a look-alike host": {"https://api.weixin.qq.com.example.com/x", true, false},
		"another port":      {"https://api.weixin.qq.com:8443/x", true, false},
		"in the clear":      {"http://api.weixin.qq.com/x", true, false},
	} {
		ctx, before, body := t.Context(), reached, &closing{Reader: strings.NewReader("x")}
		if tc.carried {
			ctx = withTransport(ctx, ok)
		}
		r, err := http.NewRequestWithContext(ctx, http.MethodPost, tc.url, body)
		if err != nil {
			t.Fatal(err)
		}
		resp, err := guard{}.RoundTrip(r)
		if err == nil {
			resp.Body.Close()
		}
		if passed := err == nil && reached == before+1; passed != tc.passes {
			t.Errorf("%s: passed = %v, %v", name, passed, err)
		}
		if err != nil && !body.closed {
			t.Errorf("%s: the request's body was left open", name)
		}
	}
}

type closing struct {
	io.Reader
	closed bool
}

func (c *closing) Close() error {
	c.closed = true
	return nil
}

// What another part of the program sends through the SDK does not get out.
func TestTheSDKAloneReachesNobody(t *testing.T) {
	if _, err := util.HTTPGet(platform + "/cgi-bin/token"); err == nil {
		t.Error("a call that no client made went out")
	}
}

func TestARedirectIsNotFollowed(t *testing.T) {
	calls := 0
	c, _ := newClient(t, roundTripper(func(r *http.Request) (*http.Response, error) {
		calls++
		resp, err := answering(http.StatusFound, "")(r)
		resp.Header.Set("Location", platform+"/elsewhere")
		return resp, err
	}), nil)
	_, err := c.Login(t.Context(), "code")
	wantError(t, err, ErrUnavailable, 0)
	if calls != 1 {
		t.Errorf("%d calls, want 1", calls)
	}
}

func TestClientsLiveSideBySide(t *testing.T) {
	a, b := newWorld(t), newWorld(t)
	if failed := append(all(10, a.askPhone), all(10, b.askPhone)...); failed != nil {
		t.Fatal(errors.Join(failed...))
	}
	if a.calls(phonePath) != 10 || b.calls(phonePath) != 10 {
		t.Errorf("%d and %d calls, want 10 each", a.calls(phonePath), b.calls(phonePath))
	}
}

func TestNew(t *testing.T) {
	for name, cfg := range map[string]Config{
		"no app id":    {AppSecret: secret},
		"no secret":    {AppID: appID},
		"a bad app id": {AppID: "wx&secret=", AppSecret: secret},
		"a bad secret": {AppID: appID, AppSecret: secret + "\n"},
	} {
		c, err := New(cfg)
		if err == nil || c != nil {
			t.Errorf("%s: accepted", name)
			continue
		}
		wantClean(t, err.Error())
	}
	c, err := New(Config{AppID: appID, AppSecret: secret})
	if err != nil {
		t.Fatal(err)
	}
	if _, real := c.transport.(*http.Transport); !real || c.timeout != defaultTimeout || c.now == nil || c.log == nil {
		t.Errorf("the defaults are not set: %+v", c)
	}
}
