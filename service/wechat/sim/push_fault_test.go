package sim

import (
	"slices"
	"strings"
	"testing"
	"time"
)

func TestEventFaults(t *testing.T) {
	fail := func(t *testing.T, w *eventWorld, f Fault) {
		t.Helper()
		if err := w.Fail(f); err != nil {
			t.Fatal(err)
		}
	}
	t.Run("out of order", func(t *testing.T) {
		w := newEventWorld()
		fail(t, w, Fault{EventOutOfOrder: true})
		w.subscribed(t, 2)
		w.DeliverDue(t.Context())
		w.advance(time.Second)
		w.DeliverDue(t.Context())
		if want := []string{"oMember1", "oMember0"}; !slices.Equal(w.got, want) {
			t.Errorf("%v, want %v", w.got, want)
		}
	})
	t.Run("two at once", func(t *testing.T) {
		w := newEventWorld()
		fail(t, w, Fault{DuplicateEvent: true})
		w.answer = func(n int) (int, string) { return map[bool]int{true: 200, false: 500}[n == 2], "" }
		w.subscribed(t, 1)
		if n := w.DeliverDue(t.Context()); n != 1 || len(w.got) != 2 {
			t.Errorf("%d taken of %d", n, len(w.got))
		}
	})
	t.Run("each in its turn", func(t *testing.T) {
		w := newEventWorld()
		fail(t, w, Fault{Endpoint: endpointEvents, NoEvent: true, Times: 2})
		fail(t, w, Fault{Errcode: 45009}) // waits for a call of ours
		w.subscribed(t, 5)
		if n := w.DeliverDue(t.Context()); n != 3 {
			t.Errorf("%d taken, want 3", n)
		}
		if out := w.login(t, w.LoginCode(openID)); errcode(out) != 45009 {
			t.Errorf("login: %s", out)
		}
	})
	t.Run("plaintext", func(t *testing.T) {
		w := newEventWorld()
		fail(t, w, Fault{PlaintextEvent: true})
		w.subscribed(t, 2)
		w.DeliverDue(t.Context())
		plain := slices.IndexFunc(w.bodies, func(b string) bool { return strings.Contains(b, "subscribe_msg_popup_event") })
		if plain < 0 || strings.Contains(w.query[plain], "encrypt_type") || !strings.Contains(w.query[1-plain], "encrypt_type=aes&msg_signature=") {
			t.Errorf("%v %v", w.query, w.bodies)
		}
	})
}

func TestPushFaultsAreChecked(t *testing.T) {
	w := newEventWorld()
	for name, tc := range map[string]struct {
		fault Fault
		ok    bool
	}{
		"an event":                {Fault{Endpoint: endpointEvents, NoEvent: true}, true},
		"an event, anywhere":      {Fault{LateEvent: true, CreateTimeNumber: true}, true},
		"a send":                  {Fault{AsyncFailure: true, LatencyMS: 5}, true},
		"a share":                 {Fault{Endpoint: pathSend, Status: 502, Percent: 20, Times: 50}, true},
		"no share":                {Fault{Status: 502, Percent: 100}, false},
		"less than no share":      {Fault{Status: 502, Percent: -1}, false},
		"a share of nothing":      {Fault{Percent: 20}, false},
		"two ways to send":        {Fault{NoEvent: true, DuplicateEvent: true}, false},
		"two seals":               {Fault{BadMsgSignature: true, PlaintextEvent: true}, false},
		"an errcode of events":    {Fault{Endpoint: endpointEvents, Errcode: -1}, false},
		"a connection of theirs":  {Fault{Endpoint: endpointEvents, Reset: true}, false},
		"an event that is a send": {Fault{Endpoint: pathSend, NoEvent: true}, false},
		"nobody meets both":       {Fault{AsyncFailure: true, NoEvent: true}, false},
		"a login":                 {Fault{Endpoint: pathLogin, AsyncFailure: true}, false},
	} {
		if err := w.Fail(tc.fault); (err == nil) != tc.ok {
			t.Errorf("%s: %v", name, err)
		}
	}
	if err := newPushWorld().Fail(Fault{NoEvent: true}); err == nil {
		t.Error("a fault of events without a message push")
	}
}

// TestAShareOfTheCalls is hit by lot, the same one every time.
func TestAShareOfTheCalls(t *testing.T) {
	play := func() (hit []int) {
		w := newPushWorld()
		for _, f := range []Fault{{Errcode: 45009, Percent: 20, Times: 1000}, {Errcode: -1, Percent: 10, Times: 5}} {
			f.Endpoint = pathLogin
			if err := w.Fail(f); err != nil {
				t.Fatal(err)
			}
		}
		for i := range 1000 {
			w.advance(time.Second)
			hit = append(hit, 0)
			hit[i] = errcode(w.login(t, w.LoginCode(openID)))
		}
		return hit
	}
	first := play()
	counts := map[int]int{}
	for _, code := range first {
		counts[code]++
	}
	if counts[45009] < 150 || counts[45009] > 250 || counts[-1] != 5 || !slices.Equal(first, play()) {
		t.Errorf("%v", counts)
	}
}
