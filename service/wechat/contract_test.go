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
	"github.com/silenceper/wechat/v2/miniprogram/security"
	"github.com/silenceper/wechat/v2/miniprogram/subscribe"

	"zhibu/model"
	"zhibu/service/wechat/sim"
)

// driver is a way to make the calls; each answers its value or the errcode.
type driver struct {
	login     func(code string) (string, error)
	phone     func(code string) (string, error)
	draw      func(scene, page string) (string, error)
	send      func(model.PushMessage) (string, error)
	templates func(string) (string, error)
	check     func(openID string) func(text string) (string, error)
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
		send: func(m model.PushMessage) (string, error) { return c.Send(ctx, m) },
		templates: func(string) (string, error) {
			list, err := c.Templates(ctx)
			return fmt.Sprint(len(list), list[0].TemplateID, list[0].Title), err
		},
		check: func(openID string) func(string) (string, error) {
			return func(text string) (string, error) {
				verdict, err := c.CheckText(ctx, openID, text)
				return string(verdict), err
			}
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
		send: func(m model.PushMessage) (string, error) {
			data := map[string]*subscribe.DataItem{}
			for key, value := range m.Data {
				data[key] = &subscribe.DataItem{Value: value}
			}
			id, err := mp.GetSubscribe().SendGetMsgID(&subscribe.Message{
				ToUser: m.OpenID, TemplateID: m.TemplateID, Page: m.Page, Data: data, MiniprogramState: "formal", Lang: "zh_CN",
			})
			return strconv.FormatInt(id, 10), err
		},
		templates: func(string) (string, error) {
			list, err := mp.GetSubscribe().ListTemplates()
			return fmt.Sprint(len(list.Data), list.Data[0].PriTmplID, list.Data[0].Title), err
		},
		check: func(openID string) func(string) (string, error) {
			return func(text string) (string, error) {
				res, err := mp.GetSecurity().MsgCheck(&security.MsgCheckRequest{
					OpenID: openID, Scene: security.MsgSceneForum, Content: text,
				})
				return string(res.Result.Suggest), err
			}
		},
	}
}

var errcodeInText = regexp.MustCompile(`errcode=(-?\d+)`) // of the SDK's plain errors and of its CommonError

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

// tryInto returns a function that makes a call and writes down what came of it.
func tryInto(trace *[]string) func(step string, f func(string) (string, error), arg string) {
	return func(step string, f func(string) (string, error), arg string) {
		value, err := f(arg)
		if err != nil {
			value = fmt.Sprint("errcode ", errcodeOf(err))
		}
		*trace = append(*trace, step+": "+value)
	}
}

// act plays the contract and writes down what came of every step.
func act(p *sim.Platform, clk *clock, d driver) (trace []string) {
	try := tryInto(&trace)
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
	return append(trace, actPush(p, d)...)
}

// actPush is the scene of the messages.
func actPush(p *sim.Platform, d driver) (trace []string) {
	try := tryInto(&trace)
	send := func(change func(*model.PushMessage)) func(string) (string, error) {
		return func(string) (string, error) {
			m := pushMessage()
			change(&m)
			return d.send(m)
		}
	}
	same := func(*model.PushMessage) {}
	try("templates", d.templates, "")
	try("send unasked", send(same), "")
	if err := p.Subscribe(openID, once, true); err != nil {
		return append(trace, err.Error())
	}
	try("send a bad field", send(func(m *model.PushMessage) { m.Data["enum_string3"] = "电话" }), "")
	try("send", send(same), "")
	try("send again", send(same), "")
	try("send what nobody knows", send(func(m *model.PushMessage) { m.TemplateID = "none" }), "")

	try("check", d.check(openID), "学习心得 <b>&")
	try("check a risky text", d.check(openID), riskyText)
	try("check a stranger's", d.check("oStranger"), "学习心得")
	return trace
}

// TestContract plays the same scenes with the bare SDK and with the client: both get the same answers, and the
// platform sees the same requests, byte for byte.
func TestContract(t *testing.T) {
	play := func(use func(*sim.Platform, *clock) driver) ([]string, []sim.Entry) {
		clk := newClock()
		p := sim.New(sim.Config{AppID: appID, AppSecret: secret, Now: clk.now, Pages: []string{"pages/home"}, Templates: simTemplates()})
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
		"templates: 2" + once + "会议通知",
		"send unasked: errcode 43101",
		"send a bad field: errcode 47003",
		"send: 3000000000000000001",
		"send again: errcode 43101",
		"send what nobody knows: errcode 40037",
		"check: pass",
		"check a risky text: risky",
		"check a stranger's: errcode 61010",
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
