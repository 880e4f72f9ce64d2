package sim

import (
	"encoding/json"
	"errors"
	"time"
)

const (
	tokenLife     = 2 * time.Hour
	tokenOverlap  = 5 * time.Minute // a replaced normal token's remaining life; a stable one's early renewal
	forceSpacing  = 30 * time.Second
	forcesPerDay  = 20
	normalsPerDay = 2000
)

type token struct {
	value   string
	expires time.Time
}

// tokens holds what the platform has issued: normal and stable tokens know nothing of each other.
type tokens struct {
	normal, normalOld token
	stable, stableOld token
	dead              string // a token refused although it is still handed out
	normals, forces   dayQuota
	forcedAt          time.Time
}

type tokenAnswer struct {
	Token     string `json:"access_token"`
	ExpiresIn int64  `json:"expires_in"`
}

// normalToken issues a new token at every call; the one before works five minutes longer.
func (p *Platform) normalToken(c call) answer {
	if c.query.Get("grant_type") != "client_credential" {
		return p.refuse(c.path, 40002)
	}
	if code := p.checkApp(c.query.Get("appid"), c.query.Get("secret")); code != 0 {
		return p.refuse(c.path, code)
	}
	p.mu.Lock()
	defer p.mu.Unlock()
	now, t := p.cfg.Now(), &p.state.tokens
	if !t.normals.take(now, normalsPerDay) {
		return p.refuse(c.path, 45009)
	}
	t.normalOld = t.normal
	if end := now.Add(tokenOverlap); t.normalOld.expires.After(end) {
		t.normalOld.expires = end
	}
	t.normal = token{p.newToken(), now.Add(tokenLife)}
	return succeed(c.path, t.normal.answer(now))
}

// stableToken answers the same token until its last five minutes, or a new one when forced. A force within thirty
// seconds of the last does nothing, as the documentation has it.
func (p *Platform) stableToken(c call) answer {
	var in struct {
		GrantType    string `json:"grant_type"`
		AppID        string `json:"appid"`
		Secret       string `json:"secret"`
		ForceRefresh bool   `json:"force_refresh"`
	}
	if json.Unmarshal(c.body, &in) != nil {
		return p.refuse(c.path, 47001)
	}
	if in.GrantType != "client_credential" {
		return p.refuse(c.path, 40002)
	}
	if code := p.checkApp(in.AppID, in.Secret); code != 0 {
		return p.refuse(c.path, code)
	}
	p.mu.Lock()
	defer p.mu.Unlock()
	now, t := p.cfg.Now(), &p.state.tokens
	if in.ForceRefresh && !now.Before(t.forcedAt.Add(forceSpacing)) {
		if !t.forces.take(now, forcesPerDay) {
			return p.refuse(c.path, 45009)
		}
		t.forcedAt = now
		p.replaceStable(now)
	}
	if !now.Before(t.stable.expires.Add(-tokenOverlap)) {
		t.stableOld = t.stable
		t.stable = token{p.newToken(), now.Add(tokenLife)}
	}
	return succeed(c.path, t.stable.answer(now))
}

// replaceStable makes a new stable token and ends every other at once. The caller holds mu.
func (p *Platform) replaceStable(now time.Time) {
	t := &p.state.tokens
	t.stable, t.stableOld = token{p.newToken(), now.Add(tokenLife)}, token{}
}

func (t token) answer(now time.Time) tokenAnswer {
	return tokenAnswer{t.value, int64(t.expires.Sub(now) / time.Second)}
}

// checkToken returns 0 when value opens the platform's doors, or the errcode why not.
func (p *Platform) checkToken(value string) (errcode int) {
	p.mu.Lock()
	defer p.mu.Unlock()
	now, t := p.cfg.Now(), &p.state.tokens
	live := func(k token) bool { return now.Before(k.expires) }
	switch value {
	case "":
		return 41001
	case t.dead:
		return 40001
	case t.normalOld.value:
		if !live(t.normalOld) {
			return 40001 // replaced, not merely old
		}
		return 0
	}
	for _, k := range []token{t.normal, t.stable, t.stableOld} {
		if value == k.value && live(k) {
			return 0
		}
		if value == k.value {
			return 42001
		}
	}
	return 40001
}

// kill ends the current stable token as another instance of the program would.
func (p *Platform) kill(how TokenDeath) error {
	p.mu.Lock()
	defer p.mu.Unlock()
	t := &p.state.tokens
	if t.stable.value == "" {
		return errors.New("还没有签发过稳定版 access_token")
	}
	if how == TokenDead {
		t.dead = t.stable.value
		return nil
	}
	p.replaceStable(p.cfg.Now())
	return nil
}

// dayQuota counts calls of one calendar day in China.
type dayQuota struct {
	day  string
	used int
}

func (q *dayQuota) take(now time.Time, limit int) bool {
	if day := now.In(time.FixedZone("CST", 8*3600)).Format(time.DateOnly); day != q.day {
		q.day, q.used = day, 0
	}
	if q.used >= limit {
		return false
	}
	q.used++
	return true
}
