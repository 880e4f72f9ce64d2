package sim

import (
	"errors"
	"fmt"
	"net/http"
)

const (
	maxFaults    = 1000
	maxLatencyMS = 60_000
)

// TokenDeath is how the current stable token ends before its time.
type TokenDeath string

const (
	// TokenReplaced: another instance forced a refresh; asking again answers the new token.
	TokenReplaced TokenDeath = "replaced"
	// TokenDead: calls refuse the token, yet asking again answers the same one; only a forced refresh helps.
	TokenDead TokenDeath = "dead"
)

// Fault is something that goes wrong with the next calls. Latency comes first and goes with any other fault. Errcode,
// Status, HTML and Reset replace the call: nothing is done. Truncate and Empty spoil its answer: it was done.
type Fault struct {
	Endpoint  string `json:"endpoint"`   // the path it awaits; empty means every path
	Times     int    `json:"times"`      // how many calls it spoils; 0 means one
	Errcode   int    `json:"errcode"`    // the platform's refusal, with its text
	Status    int    `json:"status"`     // an HTTP status from a gateway, such as 502
	LatencyMS int    `json:"latency_ms"` // of real time
	Reset     bool   `json:"reset"`      // the connection breaks before an answer
	Truncate  bool   `json:"truncate"`   // the connection breaks half-way through the answer
	HTML      bool   `json:"html"`       // a page with status 200, as a captive portal sends
	Empty     bool   `json:"empty"`      // the answer is {}

	CountryCodeNumber bool `json:"country_code_number"` // phone: countryCode is 86 and not "86"
	PNG               bool `json:"png"`                 // code: image/png and not image/jpeg

	KillToken TokenDeath `json:"kill_token"` // happens now, awaits no call, and excludes the rest
}

// Fail lets f happen. It refuses a fault that would do nothing or that no call could meet.
func (p *Platform) Fail(f Fault) error {
	if err := p.checkFault(f); err != nil {
		return err
	}
	if f.KillToken != "" {
		return p.kill(f.KillToken)
	}
	f.Times = max(f.Times, 1)
	p.mu.Lock()
	defer p.mu.Unlock()
	if len(p.state.faults) >= maxFaults {
		return fmt.Errorf("最多同时设置 %d 个故障", maxFaults)
	}
	p.state.faults = append(p.state.faults, &f)
	return nil
}

func (p *Platform) checkFault(f Fault) error {
	effect := f
	effect.Endpoint, effect.Times = "", 0
	_, known := p.routes[f.Endpoint]
	switch {
	case effect == Fault{}:
		return errors.New("没有指定故障：请给出 errcode、status、latency_ms、reset 等之一")
	case f.Endpoint != "" && !known:
		return fmt.Errorf("模拟器没有接口 %q", f.Endpoint)
	case f.Times < 0:
		return errors.New("times 不能为负数")
	case f.Status != 0 && (f.Status < 200 || f.Status > 599):
		return errors.New("status 必须在 200 至 599 之间")
	case f.LatencyMS < 0 || f.LatencyMS > maxLatencyMS:
		return fmt.Errorf("latency_ms 必须在 0 至 %d 之间", maxLatencyMS)
	case f.KillToken == "":
		return nil
	case f.KillToken != TokenReplaced && f.KillToken != TokenDead:
		return errors.New("kill_token 只能是 replaced 或 dead")
	case f != Fault{KillToken: f.KillToken}:
		return errors.New("kill_token 立即生效，不能与其他项同时设置")
	}
	return nil
}

// takeFault returns the oldest fault that awaits path, and uses it up once.
func (s *state) takeFault(path string) Fault {
	for i, f := range s.faults {
		if f.Endpoint != "" && f.Endpoint != path {
			continue
		}
		if f.Times--; f.Times == 0 {
			s.faults = append(s.faults[:i:i], s.faults[i+1:]...)
		}
		return *f
	}
	return Fault{}
}

// faulty is the answer of a fault that replaces the call.
func (p *Platform) faulty(c call) (answer, bool) {
	switch f := c.fault; {
	case f.Status != 0:
		page := fmt.Sprintf("<html><body><h1>%d %s</h1></body></html>", f.Status, http.StatusText(f.Status))
		return answer{status: f.Status, mime: "text/html", body: []byte(page)}, true
	case f.HTML:
		return answer{status: http.StatusOK, mime: "text/html", body: []byte("<html><body>请先登录网络</body></html>")}, true
	case f.Errcode != 0:
		return p.refuse(c.path, f.Errcode), true
	}
	return answer{}, false
}

// spoil damages the answer of a call that was carried out.
func (f Fault) spoil(a answer) answer {
	switch {
	case f.Empty:
		a.mime, a.body = typeJSON, []byte("{}")
	case f.Truncate:
		a.length = len(a.body)
		a.body = a.body[:len(a.body)/2]
	}
	return a
}

// reset breaks the connection the way a network does: no answer at all.
func reset(w http.ResponseWriter) {
	if conn, _, err := http.NewResponseController(w).Hijack(); err == nil {
		_ = conn.Close()
		return
	}
	panic(http.ErrAbortHandler) // HTTP/2 and Transport have no connection to take over
}
