package wechat

import (
	"context"
	"errors"
	"log/slog"
	"sync"
	"time"
)

const (
	tokenMargin  = 5 * time.Minute  // the platform renews a stable token this long before its end
	tokenFloor   = 10 * time.Second // kept at least this long, whatever the platform says
	forceSpacing = 30 * time.Second // the platform ignores a force sooner than this
	forcesPerDay = 20
)

var (
	errNoToken    = errors.New("the platform answered no access_token")
	errTokenStuck = errors.New("the platform refuses the access_token that it hands out, and it may not be forced yet")
)

// tokens keeps the one stable access token of a mini program. Whoever finds it missing or dead starts a fetch and
// everybody waits for that one, each with its own context; the fetch itself outlives the caller who began it.
type tokens struct {
	fetch   func(ctx context.Context, force bool) (token string, life time.Duration, err error)
	now     func() time.Time
	timeout time.Duration
	log     *slog.Logger

	mu      sync.Mutex // never held over a fetch
	token   string
	expires time.Time
	dead    string // the last token that the platform refused
	flight  *flight
	forced  []time.Time // the forced refreshes of the last 24 hours
}

// flight is a fetch under way; token and err may be read once done is closed.
type flight struct {
	done  chan struct{}
	token string
	err   error
}

func newTokens(c *Client) *tokens {
	return &tokens{fetch: c.fetchToken, now: c.now, timeout: c.timeout, log: c.log}
}

// get returns a live token other than refused, which is the one the caller saw refused, or "".
func (t *tokens) get(ctx context.Context, refused string) (string, error) {
	for {
		token, f := t.find(ctx, refused)
		if f == nil {
			return token, nil
		}
		select {
		case <-f.done:
		case <-ctx.Done():
			return "", ctx.Err()
		}
		// A fetch that began before the refusal was known may bring the refused token once more.
		if f.err != nil || f.token != refused {
			return f.token, f.err
		}
	}
}

// find returns the cached token, or the flight that will bring one.
func (t *tokens) find(ctx context.Context, refused string) (string, *flight) {
	t.mu.Lock()
	defer t.mu.Unlock()
	if refused != "" && t.token == refused {
		t.dead, t.token = refused, ""
	}
	if t.token != "" && t.now().Before(t.expires) {
		return t.token, nil
	}
	if t.flight == nil {
		t.flight = &flight{done: make(chan struct{})}
		go t.fly(context.WithoutCancel(ctx), t.flight, t.dead)
	}
	return "", t.flight
}

func (t *tokens) fly(ctx context.Context, f *flight, dead string) {
	ctx, cancel := context.WithTimeout(ctx, t.timeout)
	defer cancel()
	token, life, err := t.renew(ctx, dead)
	t.mu.Lock()
	defer t.mu.Unlock()
	if err == nil {
		t.token, t.expires = token, t.now().Add(max(life-tokenMargin, tokenFloor))
	}
	f.token, f.err, t.flight = token, err, nil
	close(f.done)
}

// renew asks for the token, and forces a new one only when the platform still hands out the dead one: a force ends
// the token of every other instance.
func (t *tokens) renew(ctx context.Context, dead string) (string, time.Duration, error) {
	token, life, err := t.fetch(ctx, false)
	if err != nil || token != dead {
		return token, life, err
	}
	if !t.mayForce() {
		return "", 0, errTokenStuck
	}
	t.log.WarnContext(ctx, "wechat: the access token was refused, a new one is forced")
	token, life, err = t.fetch(ctx, true)
	if err == nil && token == dead {
		err = errTokenStuck
	}
	return token, life, err
}

// mayForce counts a forced refresh if the platform's spacing and daily quota allow one.
func (t *tokens) mayForce() bool {
	t.mu.Lock()
	defer t.mu.Unlock()
	now := t.now()
	for len(t.forced) > 0 && now.Sub(t.forced[0]) >= 24*time.Hour {
		t.forced = t.forced[1:]
	}
	n := len(t.forced)
	if n >= forcesPerDay || n > 0 && now.Sub(t.forced[n-1]) < forceSpacing {
		return false
	}
	t.forced = append(t.forced, now)
	return true
}

const opToken = "stable_token"

// fetchToken asks the platform for the stable token and its remaining life.
func (c *Client) fetchToken(ctx context.Context, force bool) (token string, life time.Duration, err error) {
	err = c.breakers[opToken].do(func() error {
		token, life, err = c.requestToken(ctx, force)
		return err
	})
	return token, life, err
}

func (c *Client) requestToken(ctx context.Context, force bool) (token string, life time.Duration, err error) {
	err = c.safely(ctx, opToken, func(ctx context.Context) error {
		res, err := c.stable.GetAccessTokenDirectly(ctx, force)
		switch {
		case res.ErrCode != 0:
			return platformError(opToken, res.ErrCode, res.ErrMsg)
		case err != nil:
			return err
		case res.AccessToken == "":
			return errNoToken
		}
		token, life = res.AccessToken, time.Duration(res.ExpiresIn)*time.Second
		return nil
	})
	return token, life, err
}

// unsentError is a call that failed before its request was made.
type unsentError struct{ err error }

func (e *unsentError) Error() string { return "not sent: " + e.err.Error() }

func (e *unsentError) Unwrap() error { return e.err }

// withToken calls f with the access token, and once more with another one if the platform refuses it as dead. Both
// pass the breaker of the operation.
func (c *Client) withToken(ctx context.Context, op string, f func(token string) error) error {
	refused := ""
	for {
		token, err := c.tokens.get(ctx, refused)
		if err != nil {
			return &unsentError{err}
		}
		err = c.breakers[op].do(func() error { return f(token) })
		if refused != "" || !isCode(err, 40001, 40014, 42001) {
			return err
		}
		refused = token
	}
}
