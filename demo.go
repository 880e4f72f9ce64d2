package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"os"
	"path/filepath"
	"strings"
	"time"

	"zhibu/demo"
	"zhibu/model"
	"zhibu/service/signin"
	"zhibu/service/wechat/sim"
)

const (
	demoAccount = "demo"
	demoMchID   = "1900000109"
)

// runDemo serves an invented bureau with a simulated WeChat in the same process. A second start finds everything there
// and changes nothing.
func runDemo(ctx context.Context, p program) error {
	var err error
	if p.Config, err = p.Demo(); err != nil {
		return err
	}
	listener, err := openListener(p.Addr)
	if err != nil {
		return err
	}
	defer listener.Close()
	merchant, err := openDemoMerchant(p.DataDir)
	if err != nil {
		return err
	}
	defer merchant.Close()
	base := "http://" + listener.Addr().String()
	templates := demo.Templates()
	platform := sim.New(sim.Config{
		AppID: p.WechatAppID, AppSecret: p.WechatSecret, Now: time.Now, Merchant: merchant, Templates: simTemplates(templates),
		Events: &sim.EventConfig{URL: base + eventPath, Token: p.WechatToken, EncodingAESKey: p.WechatAESKey},
	})
	s, err := newServer(ctx, p, wiring{
		issuer: "zhibu-demo", transport: platform.Transport(), simulator: platform, merchant: merchant,
		notifyURL: base + payNoticePath, templates: templates,
	})
	if err != nil {
		return err
	}
	defer s.db.Close()
	if err := s.seedDemo(ctx); err != nil {
		return err
	}
	guide, err := demo.Find(ctx, s.db)
	if err != nil {
		return err
	}
	go s.every(ctx, time.Second, "simulated notifications", func(ctx context.Context) error { platform.DeliverDue(ctx); return nil })
	return s.listen(ctx, listener, func(a net.Addr) { printGuide(p.stdout, "http://"+a.String(), guide) })
}

// openDemoMerchant opens the simulated merchant, whose orders survive the process as those of the real one would.
func openDemoMerchant(dataDir string) (*sim.Merchant, error) {
	if err := os.MkdirAll(dataDir, 0o700); err != nil {
		return nil, err
	}
	return sim.OpenMerchant(filepath.Join(dataDir, "wechat-pay-simulator.jsonl"), demoMchID)
}

// seedDemo fills an empty database with the bureau and its console account.
func (s *server) seedDemo(ctx context.Context) error {
	if _, err := demo.Seed(ctx, s.db, s.keys, time.Now()); err != nil {
		return fmt.Errorf("the demo's data: %w", err)
	}
	var there int64 // on every start but the first; a password takes a quarter of a second to hash
	err := s.db.Read(ctx).Model(&model.Account{}).Where("username = ?", demoAccount).Count(&there).Error
	if err != nil || there > 0 {
		return err
	}
	_, err = s.services.SignIn.CreateAccount(ctx, demoAccount, signin.DemoPassword(demoAccount), nil, nil)
	if errors.Is(err, signin.ErrAccountExists) {
		return nil
	}
	return err
}

const guideText = `
支部 zhibu: a demo bureau is ready. Nothing in it is real, and it is open to everyone on this machine.

  address          {{base}}
  API docs         {{base}}/docs
  console account  demo / demo

From wx.login to checked in, as {{name}}. Copy these into another terminal, one after the other:

TOKEN=$(curl -s {{base}}/api/v1/auth/wechat -H 'Content-Type: application/json' -d "{\"code\":\"$(curl -s {{base}}/_sim/login -H 'Content-Type: application/json' -d '{"openid":"{{openid}}"}' | sed 's/.*"code":"\([^"]*\)".*/\1/')\"}" | sed 's/.*"access_token":"\([^"]*\)".*/\1/')
WALL=$(curl -s {{base}}/api/v1/activities/{{activity}}/check-in-code -H "Authorization: Bearer $(curl -s {{base}}/api/v1/auth/password -H 'Content-Type: application/json' -d '{"username":"demo","password":"demo"}' | sed 's/.*"access_token":"\([^"]*\)".*/\1/')" | sed 's/.*"code":"\([^"]*\)".*/\1/')
curl -s {{base}}/api/v1/activities/{{activity}}/check-ins -H "Authorization: Bearer $TOKEN" -H 'Content-Type: application/json' -d "{\"code\":\"$WALL\"}"

To bind a phone that nobody knows yet: sign in with the openid {{newcomer_openid}}, get a phone code from
{{base}}/_sim/phone for {{newcomer_phone}}, and bind as {{newcomer}} (POST {{base}}/api/v1/auth/bind).
The secretary of one branch is {{secretary}}, openid {{secretary_openid}}.
What WeChat has sent to the phone of {{name}}: {{base}}/_sim/inbox/{{openid}}
(nothing yet; the section "Announcements and reminders" of the README sends a message).

To start afresh, stop it (Ctrl-C) and delete the data folder.
`

func printGuide(w io.Writer, base string, g demo.Guide) {
	fill := strings.NewReplacer("{{base}}", base, "{{name}}", g.MemberName, "{{openid}}", g.MemberOpenID,
		"{{activity}}", fmt.Sprint(g.ActivityID), "{{newcomer}}", g.NewcomerName, "{{newcomer_openid}}", g.NewcomerOpenID,
		"{{newcomer_phone}}", g.NewcomerPhone, "{{secretary}}", g.SecretaryName, "{{secretary_openid}}", g.SecretaryOpenID)
	_, _ = fill.WriteString(w, guideText)
}
