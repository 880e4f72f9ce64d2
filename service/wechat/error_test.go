package wechat

import (
	"context"
	"errors"
	"net"
	"net/http"
	"strings"
	"testing"

	"zhibu/service/wechat/sim"
)

// A bad day on the network: whatever happens, the member hears that the service is away and no text tells a secret.
func TestFailuresAreUnavailableAndClean(t *testing.T) {
	dial := &net.OpError{Op: "dial", Net: "tcp", Err: errors.New("connection refused, secret=" + secret)}
	down := func(*http.Request) (*http.Response, error) { return nil, dial }
	for name, network := range map[string]roundTripper{
		"dial error":      down,
		"502":             answering(502, "<html>"),
		"redirect":        answering(302, ""),
		"a page":          answering(200, "<html><body>login</body></html>"),
		"nothing":         answering(200, ""),
		"an empty object": answering(200, "{}"),
		"a list":          answering(200, "[]"),
		"too much":        answering(200, `{"x":"`+strings.Repeat("x", maxAnswer)+`"}`),
		"an echo":         answering(200, `{"errcode":40097,"errmsg":"bad secret=`+secret+` &openid=`+openID+`"}`),
		"a panic":         func(r *http.Request) (*http.Response, error) { panic("at " + r.URL.String()) },
	} {
		t.Run(name, func(t *testing.T) {
			for _, transport := range []roundTripper{network, tokenThen(network)} {
				c, log := newClient(t, transport, nil)
				const code = "0aCODEcode-0123456789"
				_, err := c.Login(t.Context(), code)
				wantError(t, err, ErrUnavailable, 0)
				wantClean(t, err.Error(), code, openID, "70_THETOKEN")
				_, err = c.Phone(t.Context(), openID, code)
				wantError(t, err, ErrUnavailable, 0)
				wantClean(t, err.Error(), code, openID, "70_THETOKEN")
				_, _, err = c.QRCode(t.Context(), QRRequest{Scene: "s=" + code})
				wantError(t, err, ErrUnavailable, 0)
				wantClean(t, err.Error(), code, "70_THETOKEN")
				_, err = c.Templates(t.Context())
				wantError(t, err, ErrUnavailable, 0)
				wantClean(t, err.Error(), "70_THETOKEN")
				_, err = c.CheckText(t.Context(), openID, "学习心得 "+code)
				wantError(t, err, ErrUnavailable, 0)
				wantClean(t, err.Error(), code, openID, "70_THETOKEN")
				wantClean(t, log.String(), code, openID, "70_THETOKEN")
			}
		})
	}
}

// The same through the simulator, whose transport breaks as a network does.
func TestFaultsOfTheSimulator(t *testing.T) {
	for name, f := range map[string]sim.Fault{
		"reset": {Reset: true}, "truncated": {Truncate: true}, "html": {HTML: true}, "502": {Status: 502},
	} {
		w := newWorld(t)
		f.Times = 3
		w.fail(t, f)
		code := w.platform.LoginCode(openID)
		_, err := w.Login(t.Context(), code)
		wantError(t, err, ErrUnavailable, 0)
		wantClean(t, err.Error(), code, openID)
		wantError(t, w.askPhone(), ErrUnavailable, 0)
		_, _, err = w.QRCode(t.Context(), QRRequest{Scene: "s"})
		wantError(t, err, ErrUnavailable, 0)
		if err := w.askPhone(); err != nil {
			t.Errorf("%s: it passed, yet %v", name, err)
		}
	}
}

func TestCausesStayReachable(t *testing.T) {
	refused := errors.New("connection refused")
	c, _ := newClient(t, roundTripper(func(*http.Request) (*http.Response, error) { return nil, refused }), nil)
	if _, err := c.Login(t.Context(), "code"); !errors.Is(err, refused) {
		t.Errorf("%v does not wrap its cause", err)
	}
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	if _, err := c.Login(ctx, "code"); !errors.Is(err, context.Canceled) && !errors.Is(err, refused) {
		t.Errorf("%v does not wrap its cause", err)
	}
}

func TestRedact(t *testing.T) {
	for in, want := range map[string]string{
		"uri=https://h/p?appid=a&secret=S1&js_code=C1&grant_type=g , statusCode=502": "uri=https://h/p?appid=a&secret=***&js_code=***&grant_type=g , statusCode=502",
		`Post "https://h/p?access_token=T1": EOF`:                                    `Post "https://h/p?access_token=***": EOF`,
		`{"access_token" : "T1", "expires_in":1}`:                                    `{"access_token":"***", "expires_in":1}`,
		"errcode=40029 , errmsg=invalid code":                                        "errcode=40029 , errmsg=invalid code",
		"user o-private gone":                                                        "user *** gone",
	} {
		if got := redact(in, "o-private", "s", ""); got != want {
			t.Errorf("redact(%q) = %q, want %q", in, got, want)
		}
	}
}

func TestPlatformErrorPartsTheRequestID(t *testing.T) {
	const rid = "652d44d0-1d0af18b-5b069232"
	for _, text := range []string{
		"invalid code, rid: " + rid,
		"invalid code rid: " + rid,
		"invalid code hint: [qigBTVNre-vXl5ra] rid: " + rid,
	} {
		p := platformError("login", 40029, text)
		if want := (PlatformError{"login", 40029, "invalid code", rid}); *p != want {
			t.Errorf("%q: %+v", text, *p)
		}
	}
	for want, text := range map[string]string{
		"wechat login: errcode -1: system error":                   "system error",
		"wechat login: errcode -1: system error (rid " + rid + ")": "system error rid: " + rid,
	} {
		if got := platformError("login", -1, text).Error(); got != want {
			t.Errorf("%q, want %q", got, want)
		}
	}
}
