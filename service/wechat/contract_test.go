package wechat

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"regexp"
	"strconv"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/silenceper/wechat/v2/cache"
	"github.com/silenceper/wechat/v2/miniprogram"
	"github.com/silenceper/wechat/v2/miniprogram/business"
	sdkconfig "github.com/silenceper/wechat/v2/miniprogram/config"
	"github.com/silenceper/wechat/v2/miniprogram/qrcode"

	"zhibu/service/wechat/sim"
)

// driver is a way to make the three calls; each answers its value or the errcode.
type driver struct {
	login func(code string) (string, error)
	phone func(code string) (string, error)
	draw  func(scene, page string) (string, error)
}

func adapterDriver(c *Client) driver {
	ctx := context.Background()
	return driver{
		login: func(code string) (string, error) {
			id, err := c.Login(ctx, code)
			return id.OpenID, err
		},
		phone: func(code string) (string, error) { return c.Phone(ctx, "", code) },
		draw: func(scene, page string) (string, error) {
			img, _, err := c.QRCode(ctx, QRRequest{Scene: scene, Page: page, Width: 300, CheckPath: true})
			return http.DetectContentType(img), err
		},
	}
}

func bareDriver() driver {
	mp := miniprogram.NewMiniProgram(&sdkconfig.Config{
		AppID: appID, AppSecret: secret, Cache: cache.NewMemory(), UseStableAK: true,
	})
	return driver{
		login: func(code string) (string, error) {
			s, err := mp.GetAuth().Code2Session(code)
			return s.OpenID, err
		},
		phone: func(code string) (string, error) {
			info, err := mp.GetBusiness().GetPhoneNumber(&business.GetPhoneNumberRequest{Code: code})
			return info.PurePhoneNumber, err
		},
		draw: func(scene, page string) (string, error) {
			check := true
			img, err := mp.GetQRCode().GetWXACodeUnlimit(qrcode.QRCoder{
				Scene: scene, Page: page, Width: 300, CheckPath: &check,
			})
			return http.DetectContentType(img), err
		},
	}
}

var errcodeInText = regexp.MustCompile(`errcode=(-?\d+)`)

func errcodeOf(err error) int64 {
	var p *PlatformError
	if errors.As(err, &p) {
		return p.Code
	}
	if m := errcodeInText.FindStringSubmatch(err.Error()); m != nil {
		n, _ := strconv.ParseInt(m[1], 10, 64)
		return n
	}
	return 0
}

// act plays the contract and writes down what came of every step.
func act(p *sim.Platform, clk *clock, d driver) (trace []string) {
	note := func(step string, value string, err error) {
		if err != nil {
			value = fmt.Sprint("errcode ", errcodeOf(err))
		}
		trace = append(trace, step+": "+value)
	}
	try := func(step string, f func(string) (string, error), arg string) {
		v, err := f(arg)
		note(step, v, err)
	}
	code := p.LoginCode(openID)
	try("login", d.login, code)
	try("login again", d.login, code)
	try("login with nothing known", d.login, "never-given")
	code = p.LoginCode(openID)
	clk.advance(5 * time.Minute)
	try("login late", d.login, code)

	code = p.PhoneCode(openID, mobile)
	try("phone", d.phone, code)
	try("phone again", d.phone, code)
	code = p.PhoneCode(openID, mobile)
	clk.advance(5 * time.Minute)
	try("phone late", d.phone, code)

	draw := func(page string) func(string) (string, error) {
		return func(scene string) (string, error) { return d.draw(scene, page) }
	}
	try("code", draw("pages/home"), "s=0123456789abcdefghijkl&<>"[:24])
	try("code with a forbidden scene", draw("pages/home"), "百分号%")
	try("code of no page", draw("pages/missing"), "s=1")
	return trace
}

// TestContract plays the same scenes with the bare SDK and with the client: both get the same answers, and the
// platform sees the same requests, byte for byte.
func TestContract(t *testing.T) {
	play := func(use func(*sim.Platform, *clock) driver) ([]string, []sim.Entry) {
		clk := newClock()
		p := sim.New(sim.Config{AppID: appID, AppSecret: secret, Now: clk.now, Pages: []string{"pages/home"}})
		return act(p, clk, use(p, clk)), p.Journal()
	}
	trace, journal := play(func(p *sim.Platform, clk *clock) driver {
		c, _ := newClient(t, p.Transport(), clk.now)
		return adapterDriver(c)
	})
	bareTrace, bareJournal := play(func(p *sim.Platform, _ *clock) driver {
		transport := p.Transport()
		bareSDK.Store(&transport)
		return bareDriver()
	})
	bareSDK.Store(nil)

	want := []string{
		"login: " + openID,
		"login again: errcode 40163",
		"login with nothing known: errcode 40029",
		"login late: errcode 40029",
		"phone: " + mobile,
		"phone again: errcode 40029",
		"phone late: errcode 40029",
		"code: image/jpeg",
		"code with a forbidden scene: errcode 40169",
		"code of no page: errcode 41030",
	}
	if diff := cmp.Diff(want, trace); diff != "" {
		t.Errorf("the client (-want +got):\n%s", diff)
	}
	if diff := cmp.Diff(want, bareTrace); diff != "" {
		t.Errorf("the bare SDK (-want +got):\n%s", diff)
	}
	if diff := cmp.Diff(bareJournal, journal); diff != "" {
		t.Errorf("requests differ (-SDK +client):\n%s", diff)
	}
}
