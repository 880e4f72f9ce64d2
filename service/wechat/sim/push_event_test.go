package sim

import (
	"context"
	"encoding/base64"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"slices"
	"sync"
	"testing"
	"time"
)

const (
	eventToken = "AAAAA"
	eventKey   = "AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA"
)

// eventWorld is a platform whose events arrive here.
type eventWorld struct {
	world

	mu     sync.Mutex
	got    []string // openids, in the order of arrival
	query  []string
	bodies []string
	answer func(n int) (status int, body string) // n counts from 1; nil takes everything
}

func newEventWorld() *eventWorld {
	w := &eventWorld{}
	w.world = newPushWorld(func(c *Config) {
		c.Events = &EventConfig{URL: "https://example.org/events", Token: eventToken, EncodingAESKey: eventKey}
		c.Deliver = w
	})
	return w
}

// RoundTrip is the address of the message push.
func (w *eventWorld) RoundTrip(r *http.Request) (*http.Response, error) {
	body, err := io.ReadAll(r.Body)
	if err != nil {
		return nil, err
	}
	w.mu.Lock()
	defer w.mu.Unlock()
	w.got = append(w.got, r.URL.Query().Get("openid"))
	w.query = append(w.query, r.URL.RawQuery)
	w.bodies = append(w.bodies, string(body))
	rec := httptest.NewRecorder()
	status, said := http.StatusOK, "success"
	if w.answer != nil {
		status, said = w.answer(len(w.got))
	}
	rec.WriteHeader(status)
	_, _ = rec.WriteString(said)
	return rec.Result(), nil
}

func (w *eventWorld) subscribed(t *testing.T, n int) {
	t.Helper()
	for i := range n {
		w.subscribe(t, fmt.Sprint("oMember", i), once, true)
	}
}

// TestSealVector is the platform's own example of a reply in its documents.
func TestSealVector(t *testing.T) {
	s := newEventSeal(EventConfig{URL: "x", Token: eventToken, EncodingAESKey: eventKey}, "wxba5fad812f8e6fb9")
	sealed := s.encrypt([]byte("707722b803182950"), []byte(`{"demo_resp":"good luck"}`), s.appID)
	if want := "ELGduP2YcVatjqIS+eZbp80MNLoAUWvzzyJxgGzxZO/5sAvd070Bs6qrLARC9nVHm48Y4hyRbtzve1L32tmxSQ=="; sealed != want {
		t.Errorf("%s, want %s", sealed, want)
	}
	if got := signatureOf(eventToken, "1713424427", "415670741", sealed); got != "1b9339964ed2e271e7c7b6ff2b0ef902fc94dea1" {
		t.Errorf("signature %s", got)
	}
	if raw, err := base64.StdEncoding.DecodeString(s.encrypt(make([]byte, 16), make([]byte, 26), s.appID)); err != nil || len(raw) != 96 {
		t.Errorf("a full block of padding: %d bytes, %v", len(raw), err)
	}
}

func TestEventConfigIsChecked(t *testing.T) {
	for name, cfg := range map[string]EventConfig{
		"no URL":    {Token: eventToken, EncodingAESKey: eventKey},
		"no token":  {URL: "x", EncodingAESKey: eventKey},
		"no key":    {URL: "x", Token: eventToken},
		"no format": {URL: "x", Token: eventToken, EncodingAESKey: eventKey, Format: "yaml"},
	} {
		func() {
			defer func() {
				if recover() == nil {
					t.Errorf("%s: taken", name)
				}
			}()
			New(Config{Events: &cfg})
		}()
	}
}

// TestEventRetries: an event that is not taken within five seconds comes three times more, five seconds apart.
func TestEventRetries(t *testing.T) {
	for name, answer := range map[string]func(int) (int, string){
		"refused":       func(int) (int, string) { return http.StatusBadRequest, "" },
		"moved":         func(int) (int, string) { return http.StatusFound, "success" },
		"something":     func(int) (int, string) { return http.StatusOK, "ok" },
		"failed":        func(int) (int, string) { return http.StatusInternalServerError, "success" },
		"not content":   func(int) (int, string) { return http.StatusNoContent, "" },
		"at last taken": func(n int) (int, string) { return map[bool]int{true: 200, false: 500}[n == 4], "" },
	} {
		w := newEventWorld()
		w.answer = answer
		w.subscribed(t, 1)
		start, taken := w.now(), 0
		var at []time.Duration
		for before := 0; w.now().Sub(start) < time.Minute; w.advance(time.Second) {
			taken += w.DeliverDue(t.Context())
			if n := len(w.got); n != before {
				at, before = append(at, w.now().Sub(start)), n
			}
		}
		if want := []time.Duration{0, 5 * time.Second, 10 * time.Second, 15 * time.Second}; !slices.Equal(at, want) {
			t.Errorf("%s: at %v, want %v", name, at, want)
		}
		if (taken == 1) != (name == "at last taken") {
			t.Errorf("%s: %d taken", name, taken)
		}
	}
	for _, said := range []string{"success", ""} {
		w := newEventWorld()
		w.answer = func(int) (int, string) { return http.StatusOK, said }
		w.subscribed(t, 1)
		if n := w.DeliverDue(t.Context()); n != 1 {
			t.Errorf("%q: %d taken", said, n)
		}
		w.advance(time.Hour)
		w.DeliverDue(t.Context())
		if len(w.got) != 1 {
			t.Errorf("%q: sent %d times", said, len(w.got))
		}
	}
}

// TestEventsOfOnePersonKeepTheirOrder, however many go out at once.
func TestEventsOfOnePersonKeepTheirOrder(t *testing.T) {
	w := newEventWorld()
	const people, rounds = 50, 20
	for i := range rounds {
		for p := range people {
			w.subscribe(t, fmt.Sprint("oMember", p), []string{once, longTerm}[i%2], true)
		}
	}
	if n := w.DeliverDue(t.Context()); n != people*rounds {
		t.Fatalf("%d taken, want %d", n, people*rounds)
	}
	lengths := map[string][]int{} // of the two templates' events
	for i, openID := range w.got {
		lengths[openID] = append(lengths[openID], len(w.bodies[i]))
	}
	for openID, l := range lengths {
		for i := range l {
			if l[i] != l[i%2] {
				t.Fatalf("%s: out of order: %v", openID, l)
			}
		}
	}
}

func TestDeliveryStopsWithItsContext(t *testing.T) {
	w := newEventWorld()
	w.subscribed(t, 3)
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	if n := w.DeliverDue(ctx); n != 0 || len(w.got) != 0 {
		t.Errorf("%d taken", n)
	}
	if n := w.DeliverDue(t.Context()); n != 3 {
		t.Errorf("%d taken afterwards, want 3", n)
	}
}

func TestAResetForgetsEvents(t *testing.T) {
	w := newEventWorld()
	w.answer = func(n int) (int, string) {
		if n == 1 {
			w.Reset() // while one is under way
		}
		return http.StatusInternalServerError, ""
	}
	w.subscribed(t, 1)
	w.DeliverDue(t.Context())
	w.advance(time.Minute)
	if w.DeliverDue(t.Context()); len(w.got) != 1 {
		t.Errorf("sent %d times, want once", len(w.got))
	}
}

func TestTheAddressIsAway(t *testing.T) {
	w := newPushWorld(func(c *Config) {
		c.Events = &EventConfig{URL: "https://example.org/events", Token: eventToken, EncodingAESKey: eventKey}
		c.Deliver = refusing{}
	})
	w.subscribe(t, openID, once, true)
	if n := w.DeliverDue(t.Context()); n != 0 {
		t.Errorf("%d taken", n)
	}
}

type refusing struct{}

func (refusing) RoundTrip(*http.Request) (*http.Response, error) { return nil, errors.New("refused") }
