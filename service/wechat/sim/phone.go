package sim

import (
	"encoding/json"
	"strings"
)

// PhoneCode is what the button getPhoneNumber gives when this member shares this number: good once, for five
// minutes. A number abroad is written "+852-91234567".
func (p *Platform) PhoneCode(openID, phone string) string {
	code := p.newPhoneCode()
	p.mu.Lock()
	defer p.mu.Unlock()
	p.state.phones.add(code, ticket{openID: openID, phone: phone, issued: p.cfg.Now()})
	return code
}

type phoneAnswer struct {
	refusal
	Info phoneInfo `json:"phone_info"`
}

type phoneInfo struct {
	PhoneNumber string    `json:"phoneNumber"`
	PureNumber  string    `json:"purePhoneNumber"`
	CountryCode any       `json:"countryCode"` // a string; the official example shows a number, hence the fault
	Watermark   watermark `json:"watermark"`
}

type watermark struct {
	Timestamp int64  `json:"timestamp"`
	AppID     string `json:"appid"`
}

func (p *Platform) phoneNumber(c call) answer {
	if code := p.checkToken(c.query.Get("access_token")); code != 0 {
		return p.refuse(c.path, code)
	}
	var in struct {
		Code   string `json:"code"`
		OpenID string `json:"openid"`
	}
	if json.Unmarshal(c.body, &in) != nil {
		return p.refuse(c.path, 47001)
	}
	phone, code := p.redeemPhone(in.Code, in.OpenID)
	if code != 0 {
		return p.refuse(c.path, code)
	}
	return succeed(c.path, phoneAnswer{refusal{0, "ok"}, p.phoneInfo(phone, c.fault.CountryCodeNumber)})
}

// redeemPhone burns a code, or returns the errcode why not. Used and expired codes read the same here. Which errcode
// the platform has for a code of another openid is not documented; 40003 is an assumption.
func (p *Platform) redeemPhone(code, openID string) (phone string, errcode int) {
	p.mu.Lock()
	defer p.mu.Unlock()
	k := p.state.phones.find(code, p.cfg.Now())
	switch {
	case k == nil || k.used:
		return "", 40029
	case openID != "" && openID != k.openID:
		return "", 40003
	}
	k.used = true
	return k.phone, 0
}

func (p *Platform) phoneInfo(phone string, numeric bool) phoneInfo {
	country, pure, abroad := strings.Cut(strings.TrimPrefix(phone, "+"), "-")
	info := phoneInfo{
		PhoneNumber: phone, PureNumber: phone, CountryCode: "86",
		Watermark: watermark{p.cfg.Now().Unix(), p.cfg.AppID},
	}
	if abroad {
		info.PhoneNumber, info.PureNumber, info.CountryCode = "+"+country+pure, pure, country
	}
	if numeric {
		info.CountryCode = json.Number(info.CountryCode.(string))
	}
	return info
}
