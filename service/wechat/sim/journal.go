package sim

import (
	"regexp"
	"time"
)

const (
	maxEntries = 1000    // unless Config says otherwise
	maxEntry   = 4 << 10 // bytes kept of a query and of a body
)

// Entry is one request that reached the platform, secrets and all.
type Entry struct {
	At     time.Time `json:"at"`
	Method string    `json:"method"`
	Path   string    `json:"path"`
	Query  string    `json:"query,omitempty"` // as it came, undecoded
	Body   string    `json:"body,omitempty"`
}

// Journal returns the last Config.JournalSize requests, oldest first. Controls are not among them.
func (p *Platform) Journal() []Entry {
	p.mu.Lock()
	defer p.mu.Unlock()
	return p.state.journal.list()
}

// journal is a ring: next is where the oldest entry is overwritten once it is full.
type journal struct {
	size    int
	entries []Entry
	next    int
}

func (j *journal) add(e Entry) {
	e.Query, e.Body = cut(e.Query), cut(e.Body)
	if len(j.entries) < j.size {
		j.entries = append(j.entries, e)
		return
	}
	j.entries[j.next] = e
	j.next = (j.next + 1) % j.size
}

func (c Config) journalSize() int {
	if c.JournalSize == 0 {
		return maxEntries
	}
	return max(c.JournalSize, 0)
}

func (j *journal) list() []Entry {
	out := make([]Entry, 0, len(j.entries))
	return append(append(out, j.entries[j.next:]...), j.entries[:j.next]...)
}

func cut(s string) string {
	if len(s) > maxEntry {
		return s[:maxEntry]
	}
	return s
}

var (
	secretInQuery = regexp.MustCompile(`\b(secret|access_token|js_code)=[^&]*`)
	secretInBody  = regexp.MustCompile(`"(secret|access_token|code)"(\s*):(\s*)"[^"]*"?`)

	// Who paid what is nobody's business, and the token of a bill opens it.
	privateInPayQuery = regexp.MustCompile(`\b(token)=[^&]*`)
	privateInPayBody  = regexp.MustCompile(`"(openid)"(\s*):(\s*)"[^"]*"?`)
)

// redacted is e as it may be shown: whoever may look at the journal may not thereby call the platform.
func (e Entry) redacted() Entry {
	e.Query = secretInQuery.ReplaceAllString(e.Query, "$1=***")
	e.Body = secretInBody.ReplaceAllString(e.Body, `"$1"$2:$3"***"`)
	if isPay(e.Path) {
		e.Query = privateInPayQuery.ReplaceAllString(e.Query, "$1=***")
		e.Body = privateInPayBody.ReplaceAllString(e.Body, `"$1"$2:$3"***"`)
	}
	return e
}
