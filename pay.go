package main

import (
	"fmt"
	"net/http"
	"time"

	"zhibu/model"
	"zhibu/service/dues"
	"zhibu/service/wechat"
)

// pay is WeChat Pay as it is configured, or none.
type pay struct{ *wechat.Pay }

// payNoticePath is where WeChat Pay reaches this server, behind its public address.
const payNoticePath = "/api/v1/wechat/pay/notify"

// newPay connects the configured merchant, or that of the demo.
func (s *server) newPay(w wiring) (pay, error) {
	c := wechat.PayConfig{
		AppID: s.WechatAppID, MchID: s.MchID, CertSerial: s.MchSerial, PublicKeyID: s.PayPublicKeyID, APIv3Key: s.PayAPIKey,
		NotifyURL: s.PublicURL + payNoticePath, Transport: w.transport, Now: time.Now, Logger: s.log,
	}
	switch m := w.merchant; {
	case m != nil:
		c.MchID, c.CertSerial, c.PrivateKey = m.MchID, m.CertSerial, m.PrivateKey
		c.PublicKeyID, c.PublicKey, c.APIv3Key, c.NotifyURL = m.PublicKeyID, m.PublicKey, m.APIv3Key, w.notifyURL
	case !s.HasPay():
		return pay{}, nil
	default:
		var err error
		if c.PrivateKey, err = wechat.ParsePrivateKey(s.MchKey); err != nil {
			return pay{}, fmt.Errorf("ZHIBU_WECHAT_MCH_KEY: %w", err)
		}
		if c.PublicKey, err = wechat.ParsePublicKey(s.PayPublicKey); err != nil {
			return pay{}, fmt.Errorf("ZHIBU_WECHAT_PAY_PUBLIC_KEY: %w", err)
		}
	}
	p, err := wechat.NewPay(c)
	return pay{p}, err
}

func (p pay) on() bool { return p.Pay != nil }

// platform is what the dues call; nil without a merchant.
func (p pay) platform() dues.Platform {
	if !p.on() {
		return nil
	}
	return p.Pay
}

// notice is what reads a notification; nil without a merchant.
func (p pay) notice() func(*http.Request) (model.PayNotice, error) {
	if !p.on() {
		return nil
	}
	return p.ParseNotify
}
