package wechat

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"net/http"
	"regexp"
	"runtime/debug"
	"time"

	"github.com/silenceper/wechat/v2/cache"
	"github.com/silenceper/wechat/v2/credential"
	"github.com/silenceper/wechat/v2/miniprogram/auth"
	sdkconfig "github.com/silenceper/wechat/v2/miniprogram/config"
	sdkcontext "github.com/silenceper/wechat/v2/miniprogram/context"

	"zhibu/model"
)

const (
	platform       = "https://" + platformHost
	defaultTimeout = 8 * time.Second
)

// The SDK pastes both into URLs as they are.
var credentialPattern = regexp.MustCompile(`^[0-9A-Za-z_-]{1,64}$`)

// Config says which mini program the client speaks for.
type Config struct {
	AppID      string
	AppSecret  string
	EnvVersion string            // release, trial or develop: which one a subscribe message opens; empty is release
	Transport  http.RoundTripper // nil is the real network
	Timeout    time.Duration     // for one method call, its token and its retry included; 0 is 8 s
	Now        func() time.Time  // nil is time.Now
	Logger     *slog.Logger      // nil logs nothing
}

// Client calls the platform for one mini program. It is safe for concurrent use; a process needs one per mini
// program, for the access token and the breakers are shared through it: a kind of call that the platform has stopped
// answering is not made for a while. Every error it returns is a *model.Error, but for those of Send.
type Client struct {
	secret    string
	state     string // the miniprogram_state of what it sends
	transport http.RoundTripper
	timeout   time.Duration
	now       func() time.Time
	log       *slog.Logger
	auth      *auth.Auth
	stable    *credential.StableAccessToken
	tokens    *tokens
	breakers  map[string]*breaker // by operation
}

// New returns a client, or an error that names the setting at fault. It calls nobody.
func New(cfg Config) (*Client, error) {
	if !credentialPattern.MatchString(cfg.AppID) {
		return nil, errors.New("wechat: AppID is empty or has characters other than letters, digits, _ and -")
	}
	if !credentialPattern.MatchString(cfg.AppSecret) {
		return nil, errors.New("wechat: AppSecret is empty or has characters other than letters, digits, _ and -")
	}
	state, ok := map[string]string{"": "formal", "release": "formal", "trial": "trial", "develop": "developer"}[cfg.EnvVersion]
	if !ok {
		return nil, errors.New("wechat: EnvVersion is not release, trial or develop")
	}
	c := &Client{
		secret: cfg.AppSecret, state: state, transport: cfg.Transport, timeout: cfg.Timeout, now: cfg.Now, log: cfg.Logger,
		breakers: newBreakers(),
	}
	c.setDefaults()
	c.auth = auth.NewAuth(&sdkcontext.Context{
		Config: &sdkconfig.Config{AppID: cfg.AppID, AppSecret: cfg.AppSecret},
	})
	// The SDK wants a cache although GetAccessTokenDirectly uses none.
	handle := credential.NewStableAccessToken(cfg.AppID, cfg.AppSecret, "", cache.NewMemory())
	stable, ok := handle.(*credential.StableAccessToken)
	if !ok {
		return nil, errors.New("wechat: this version of the SDK has another stable token")
	}
	c.stable = stable
	c.tokens = newTokens(c)
	installGuard()
	return c, nil
}

func (c *Client) setDefaults() {
	if c.transport == nil {
		c.transport = network()
	}
	if c.timeout <= 0 {
		c.timeout = defaultTimeout
	}
	if c.now == nil {
		c.now = time.Now
	}
	if c.log == nil {
		c.log = slog.New(slog.DiscardHandler)
	}
}

// operation is one call as its caller sees it.
type operation struct {
	name     string
	private  []string               // what may appear in no text: codes, openids
	refusals map[int64]*model.Error // what the errcodes peculiar to this call mean
}

// run carries out an operation under the client's deadline and words its failure.
func (c *Client) run(ctx context.Context, op operation, f func(context.Context) error) error {
	ctx, cancel := c.reach(ctx)
	defer cancel()
	return c.refuse(op, c.safely(ctx, op.name, f))
}

// reach opens the way to the platform, for as long as the client waits for it.
func (c *Client) reach(ctx context.Context) (context.Context, context.CancelFunc) {
	return context.WithTimeout(withTransport(ctx, c.transport), c.timeout)
}

// safely runs f and turns a panic of the SDK into an error: a strange answer may cost one call, never the process.
func (c *Client) safely(ctx context.Context, name string, f func(context.Context) error) (err error) {
	defer func() {
		if p := recover(); p != nil {
			err = fmt.Errorf("the WeChat SDK panicked: %v", p)
			c.log.ErrorContext(ctx, "wechat: the SDK panicked", "operation", name, "stack", string(debug.Stack()))
		}
	}()
	return f(ctx)
}
