package sim

import "time"

const loginsPerMinute = 100 // for each user

// LoginCode is what wx.login gives to the member with this openid: good once, for five minutes.
func (p *Platform) LoginCode(openID string) string {
	code := p.newLoginCode()
	p.push.recall(openID)
	p.mu.Lock()
	defer p.mu.Unlock()
	p.state.logins.add(code, ticket{openID: openID, issued: p.cfg.Now()})
	return code
}

type session struct {
	SessionKey string `json:"session_key"`
	OpenID     string `json:"openid"`
	UnionID    string `json:"unionid,omitempty"`
}

func (p *Platform) jscode2session(c call) answer {
	q := c.query
	if code := p.checkApp(q.Get("appid"), q.Get("secret")); code != 0 {
		return p.refuse(c.path, code)
	}
	if q.Get("grant_type") != "authorization_code" {
		return p.refuse(c.path, 40002)
	}
	openID, code := p.redeemLogin(q.Get("js_code"))
	if code != 0 {
		return p.refuse(c.path, code)
	}
	s := session{SessionKey: p.newSessionKey(), OpenID: openID}
	if p.cfg.UnionID != nil {
		s.UnionID = p.cfg.UnionID(openID)
	}
	return succeed(c.path, s)
}

// redeemLogin burns a code, or returns the errcode why not.
func (p *Platform) redeemLogin(jsCode string) (openID string, errcode int) {
	p.mu.Lock()
	defer p.mu.Unlock()
	now := p.cfg.Now()
	k := p.state.logins.find(jsCode, now)
	switch {
	case jsCode == "":
		return "", 41008
	case k == nil:
		return "", 40029
	case k.used:
		return "", 40163
	case !p.state.rate.allow(k.openID, now):
		return "", 45011
	}
	k.used = true
	p.state.visits.add(k.openID, now)
	return k.openID, 0
}

func (p *Platform) checkApp(appID, secret string) (errcode int) {
	switch {
	case appID == "":
		return 41002
	case secret == "":
		return 41004
	case appID != p.cfg.AppID:
		return 40013
	case secret != p.cfg.AppSecret:
		return 40125
	}
	return 0
}

// minuteRate counts the logins of each user in the running minute.
type minuteRate struct {
	minute int64
	count  map[string]int
}

func (m *minuteRate) allow(openID string, now time.Time) bool {
	if minute := now.Unix() / 60; m.count == nil || minute != m.minute {
		m.minute, m.count = minute, map[string]int{}
	}
	m.count[openID]++
	return m.count[openID] <= loginsPerMinute
}
