package wechat

import (
	"context"
	"crypto/rsa"
	"errors"
	"fmt"
	"log/slog"
	"net/http"
	"regexp"
	"runtime/debug"
	"time"

	"github.com/wechatpay-apiv3/wechatpay-go/core"
	"github.com/wechatpay-apiv3/wechatpay-go/core/auth/validators"
	"github.com/wechatpay-apiv3/wechatpay-go/core/auth/verifiers"
	"github.com/wechatpay-apiv3/wechatpay-go/core/option"
)

const (
	payPlatform = "https://" + payHost
	apiKeySize  = 32 // bytes, of an AES-256 key
)

var (
	mchIDPattern  = regexp.MustCompile(`^[0-9]{6,32}$`)
	serialPattern = regexp.MustCompile(`^[0-9A-Fa-f]{8,64}$`)
)

// PayConfig says for which merchant a Pay speaks, and with which keys.
type PayConfig struct {
	AppID       string
	MchID       string
	CertSerial  string            // of the merchant's certificate, hexadecimal
	PrivateKey  *rsa.PrivateKey   // the merchant's, which signs what we ask
	PublicKeyID string            // PUB_KEY_ID_…
	PublicKey   *rsa.PublicKey    // WeChat Pay's, which proves what it says
	APIv3Key    string            // 32 bytes, opens notifications
	NotifyURL   string            // in production https, public and without a query
	Transport   http.RoundTripper // nil is the real network
	Timeout     time.Duration     // for one method call; 0 is 8 s. A bill may take a minute
	Now         func() time.Time  // nil is time.Now. Signatures obey the real clock nevertheless
	Logger      *slog.Logger      // nil logs nothing
}

// Pay calls WeChat Pay (API v3, public-key mode) for one merchant. It is safe for concurrent use. Every error it
// returns is a *model.Error, and neither the errors nor the log hold a key, a signature, an openid or a bill.
type Pay struct {
	cfg      PayConfig
	timeout  time.Duration
	now      func() time.Time
	log      *slog.Logger
	client   *core.Client // refuses answers that WeChat Pay did not sign
	download *core.Client // for the bill's file, the one answer without a signature: its hash came in a signed one
	notified *validators.WechatPayNotifyValidator
}

// NewPay returns a Pay, or an error that names the setting at fault. It calls nobody.
func NewPay(cfg PayConfig) (*Pay, error) {
	if err := cfg.check(); err != nil {
		return nil, err
	}
	p := &Pay{cfg: cfg, timeout: cfg.Timeout, now: cfg.Now, log: cfg.Logger}
	if p.timeout <= 0 {
		p.timeout = defaultTimeout
	}
	if p.now == nil {
		p.now = time.Now
	}
	if p.log == nil {
		p.log = slog.New(slog.DiscardHandler)
	}
	var err error
	hc := payClient(cfg.Transport)
	p.client, err = core.NewClient(context.Background(), option.WithHTTPClient(hc),
		option.WithWechatPayPublicKeyAuthCipher(cfg.MchID, cfg.CertSerial, cfg.PrivateKey, cfg.PublicKeyID, cfg.PublicKey))
	if err != nil {
		return nil, errors.New("wechat pay: the SDK takes no client from these settings")
	}
	p.download, err = core.NewClient(context.Background(), option.WithHTTPClient(hc),
		option.WithMerchantCredential(cfg.MchID, cfg.CertSerial, cfg.PrivateKey), option.WithoutValidator())
	if err != nil {
		return nil, errors.New("wechat pay: the SDK takes no client for bills from these settings")
	}
	p.notified = validators.NewWechatPayNotifyValidator(
		verifiers.NewSHA256WithRSAPubkeyVerifier(cfg.PublicKeyID, *cfg.PublicKey))
	return p, nil
}

// check names the first setting at fault, and never its value.
func (c PayConfig) check() error {
	for _, s := range []struct {
		bad  bool
		says string
	}{
		{!credentialPattern.MatchString(c.AppID), "AppID is empty or has characters other than letters, digits, _ and -"},
		{!mchIDPattern.MatchString(c.MchID), "MchID is not a number"},
		{!serialPattern.MatchString(c.CertSerial), "CertSerial is not the hexadecimal serial number of a certificate"},
		{c.PrivateKey == nil, "PrivateKey is missing"},
		{!credentialPattern.MatchString(c.PublicKeyID), "PublicKeyID is empty or malformed"},
		{c.PublicKey == nil, "PublicKey is missing"},
		{len(c.APIv3Key) != apiKeySize, fmt.Sprintf("APIv3Key is not of %d bytes", apiKeySize)},
		{c.NotifyURL == "", "NotifyURL is missing"},
	} {
		if s.bad {
			return errors.New("wechat pay: " + s.says)
		}
	}
	if c.PrivateKey.PublicKey.Equal(c.PublicKey) {
		return errors.New("wechat pay: PublicKey is the merchant's own, not WeChat Pay's")
	}
	return nil
}

// payOperation is one call as its caller sees it.
type payOperation struct {
	name     string
	private  []string      // what may appear in no text
	refusals payRefusals   // what the codes peculiar to this call mean
	patience time.Duration // longer than usual; 0 is the Pay's own
}

// run carries out an operation under the Pay's deadline and words its failure.
func (p *Pay) run(ctx context.Context, op payOperation, f func(context.Context) error) error {
	ctx, cancel := context.WithTimeout(ctx, max(p.timeout, op.patience))
	defer cancel()
	return p.refuse(op, p.safely(ctx, op.name, f))
}

// safely runs f and turns a panic of the SDK into an error. What it panicked with is not logged: the stack tells where.
func (p *Pay) safely(ctx context.Context, name string, f func(context.Context) error) (err error) {
	defer func() {
		if recover() != nil {
			err = errPanicked
			p.log.ErrorContext(ctx, "wechat pay: the SDK panicked", "operation", name, "stack", string(debug.Stack()))
		}
	}()
	return f(ctx)
}

var errPanicked = errors.New("the WeChat Pay SDK panicked")
