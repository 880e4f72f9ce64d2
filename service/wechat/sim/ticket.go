package sim

import "time"

const (
	ticketLife = 5 * time.Minute
	maxTickets = 10_000
)

// ticket is what stands behind a code that a phone was given.
type ticket struct {
	openID string
	phone  string
	issued time.Time
	used   bool
}

// tickets keeps the codes of the last five minutes, at most maxTickets of them.
type tickets struct {
	byCode map[string]*ticket
	order  []string // oldest first
}

func (t *tickets) add(code string, k ticket) {
	if t.byCode == nil {
		t.byCode = map[string]*ticket{}
	}
	t.purge(k.issued)
	t.byCode[code] = &k
	t.order = append(t.order, code)
}

func (t *tickets) purge(now time.Time) {
	n := 0
	for n < len(t.order) && (len(t.order)-n >= maxTickets || t.expired(t.order[n], now)) {
		delete(t.byCode, t.order[n])
		n++
	}
	t.order = t.order[n:]
}

func (t *tickets) expired(code string, now time.Time) bool {
	return !now.Before(t.byCode[code].issued.Add(ticketLife))
}

// find returns the live ticket behind code, nil when it expired or was never given out.
func (t *tickets) find(code string, now time.Time) *ticket {
	k := t.byCode[code]
	if k == nil || t.expired(code, now) {
		return nil
	}
	return k
}
