package sim

import (
	"encoding/json"
	"maps"
	"strings"
	"time"
	"unicode/utf8"
)

const (
	maxCheck     = 2500 // characters
	checkVersion = 2
	visitLife    = 2 * time.Hour
	maxVisits    = 200_000

	riskyText  = "特3456书yuuo莞6543李zxcz蒜7782法fgnv级" // the platform's own test string
	reviewText = "【需人工审核】"                         // the simulator's own
)

// visits are the last log-ins, by openid.
type visits map[string]time.Time

func (v *visits) add(openID string, now time.Time) {
	if *v == nil {
		*v = visits{}
	}
	if len(*v) >= maxVisits {
		maps.DeleteFunc(*v, func(_ string, at time.Time) bool { return !now.Before(at.Add(visitLife)) })
	}
	for o := range *v {
		if len(*v) < maxVisits {
			break
		}
		delete(*v, o)
	}
	(*v)[openID] = now
}

func (v visits) recent(openID string, now time.Time) bool {
	at, ok := v[openID]
	return ok && now.Before(at.Add(visitLife))
}

type checkAnswer struct {
	refusal
	Result  checkResult   `json:"result"`
	Detail  []checkDetail `json:"detail"`
	TraceID string        `json:"trace_id"`
}

type checkResult struct {
	Suggest string `json:"suggest"`
	Label   int    `json:"label"`
}

type checkDetail struct {
	Strategy string `json:"strategy"`
	Code     int    `json:"errcode"`
	Suggest  string `json:"suggest,omitempty"`
	Label    int    `json:"label,omitempty"`
	Prob     int    `json:"prob,omitempty"`
}

// checkText answers msg_sec_check, version 2. Risky is the platform's own test string, and 【需人工审核】 asks for review;
// everything else passes. Which errcode the platform has for a text that is too long is not documented; 47001 is an
// assumption.
func (p *Platform) checkText(c call) answer {
	if code := p.checkToken(c.query.Get("access_token")); code != 0 {
		return p.refuse(c.path, code)
	}
	var in struct {
		Version int    `json:"version"`
		OpenID  string `json:"openid"`
		Scene   int    `json:"scene"`
		Content string `json:"content"`
	}
	if json.Unmarshal(c.body, &in) != nil || in.Version != checkVersion {
		return p.refuse(c.path, 47001)
	}
	switch {
	case in.Content == "":
		return p.refuse(c.path, 44002)
	case utf8.RuneCountInString(in.Content) > maxCheck:
		return p.refuse(c.path, 47001)
	case in.Scene < 1 || in.Scene > 4:
		return p.refuse(c.path, 40129)
	case !openIDPattern.MatchString(in.OpenID):
		return p.refuse(c.path, 40003)
	case !p.visitedLately(in.OpenID):
		return p.refuse(c.path, 61010)
	}
	return succeed(c.path, p.verdict(in.Content))
}

func (p *Platform) visitedLately(openID string) bool {
	p.mu.Lock()
	defer p.mu.Unlock()
	return p.state.visits.recent(openID, p.cfg.Now())
}

func (p *Platform) verdict(content string) checkAnswer {
	suggest, label := "pass", 100
	switch {
	case strings.Contains(content, riskyText):
		suggest, label = "risky", 21000
	case strings.Contains(content, reviewText):
		suggest, label = "review", 21000
	}
	return checkAnswer{
		refusal: refusal{0, "ok"}, Result: checkResult{suggest, label}, TraceID: p.requestID(),
		Detail: []checkDetail{
			{Strategy: "content_model", Suggest: suggest, Label: label, Prob: 90}, {Strategy: "keyword"},
		},
	}
}
