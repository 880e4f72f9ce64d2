// Package config reads the settings of a server from the environment. Settings of an organisation live in the database.
package config

import (
	"encoding/base64"
	"errors"
	"fmt"
	"log/slog"
	"maps"
	"net/netip"
	"net/url"
	"os"
	"slices"
	"strings"

	"github.com/caarlos0/env/v11"
)

// Config is every setting, one line each; the variable is the tag behind ZHIBU_. A setting that is a secret can be
// given as NAME_FILE, the path of a file that holds it.
type Config struct {
	Addr           string     `env:"ADDR" envDefault:"127.0.0.1:8080"`
	DataDir        string     `env:"DATA_DIR" envDefault:"./data"`
	DatabaseURL    string     `env:"DATABASE_URL"` // default: sqlite:DATA_DIR/zhibu.db
	PublicURL      string     `env:"PUBLIC_URL"`   // what the QR on the wall leads to; default: http://ADDR
	Secret         string     `env:"SECRET"`       // base64 of 32 bytes or more: sessions and check-in codes
	DataKeys       []string   `env:"DATA_KEYS"`    // id:base64 of 32 bytes, the first one seals: phone and id numbers
	IndexKey       string     `env:"INDEX_KEY"`    // base64 of 32 bytes or more: finding them again
	WechatAppID    string     `env:"WECHAT_APP_ID"`
	WechatSecret   string     `env:"WECHAT_APP_SECRET"`
	WechatVersion  string     `env:"WECHAT_ENV_VERSION" envDefault:"release"` // release, trial or develop: of the mini-program code
	WechatPage     string     `env:"WECHAT_PAGE" envDefault:"pages/activity/activity"`
	WechatToken    string     `env:"WECHAT_PUSH_TOKEN"`               // of the message push (消息推送), as it is set in the console; both or none
	WechatAESKey   string     `env:"WECHAT_PUSH_AES_KEY"`             // EncodingAESKey, 43 characters
	PushTemplates  string     `env:"PUSH_TEMPLATES"`                  // JSON, see the README: the subscribe-message templates
	PushPerSecond  int        `env:"PUSH_PER_SECOND" envDefault:"20"` // messages, of this instance
	PushInFlight   int        `env:"PUSH_IN_FLIGHT" envDefault:"20"`  // messages under way at once
	MchID          string     `env:"WECHAT_MCH_ID"`                   // WeChat Pay: all six of these, or none
	MchSerial      string     `env:"WECHAT_MCH_SERIAL"`               // of the merchant's certificate
	MchKey         string     `env:"WECHAT_MCH_KEY"`                  // PEM: apiclient_key.pem
	PayPublicKeyID string     `env:"WECHAT_PAY_PUBLIC_KEY_ID"`        // PUB_KEY_ID_…
	PayPublicKey   string     `env:"WECHAT_PAY_PUBLIC_KEY"`           // PEM: pub_key.pem
	PayAPIKey      string     `env:"WECHAT_PAY_API_KEY"`              // the APIv3 key, 32 characters
	TrustedProxies []string   `env:"TRUSTED_PROXIES"`                 // addresses or networks whose X-Forwarded-For is believed
	CORSOrigins    []string   `env:"CORS_ORIGINS"`
	MetricsToken   string     `env:"METRICS_TOKEN"`                        // without one, /metrics answers this machine only
	SignInsPerMin  int        `env:"SIGN_INS_PER_MINUTE" envDefault:"600"` // from one address; a meeting room is one address
	MaxConns       int        `env:"DATABASE_MAX_CONNS" envDefault:"32"`
	LogLevel       slog.Level `env:"LOG_LEVEL" envDefault:"INFO"`
	LogFormat      string     `env:"LOG_FORMAT" envDefault:"text"` // text or json
	Features       []string   `env:"FEATURES"`                     // switches that are on, of features below
}

const prefix = "ZHIBU_"

// Load reads the environment ("NAME=value" each). It reports every variable that cannot be read, and every ZHIBU_
// variable that does not exist, at once.
func Load(environ []string) (Config, error) {
	values := map[string]string{}
	for _, entry := range environ {
		if name, value, ok := strings.Cut(entry, "="); ok && strings.HasPrefix(name, prefix) {
			values[name] = value
		}
	}
	c, errs := Config{}, readFiles(values)
	errs = append(errs, unknown(values)...)
	if err := env.ParseWithOptions(&c, env.Options{Environment: values, Prefix: prefix}); err != nil {
		errs = append(errs, parseErrors(err)...)
	}
	if c.DatabaseURL == "" {
		c.DatabaseURL = "sqlite:" + strings.TrimSuffix(c.DataDir, "/") + "/zhibu.db"
	}
	if c.PublicURL == "" {
		c.PublicURL = "http://" + c.Addr
	}
	c.PublicURL = strings.TrimSuffix(c.PublicURL, "/")
	errs = append(errs, c.malformed()...)
	return c, errors.Join(errs...)
}

// readFiles replaces NAME_FILE by the content of the file.
func readFiles(values map[string]string) (errs []error) {
	for name, file := range maps.Clone(values) {
		base, ok := strings.CutSuffix(name, "_FILE")
		if !ok {
			continue
		}
		delete(values, name)
		content, err := os.ReadFile(file)
		if err != nil {
			errs = append(errs, fmt.Errorf("%s: %w", name, err))
			continue
		}
		values[base] = strings.TrimSpace(string(content))
	}
	return errs
}

// unknown finds misspelt variables, which would otherwise silently leave a default in force.
func unknown(values map[string]string) (errs []error) {
	fields, _ := env.GetFieldParamsWithOptions(&Config{}, env.Options{Prefix: prefix})
	for _, name := range slices.Sorted(maps.Keys(values)) {
		known := slices.ContainsFunc(fields, func(f env.FieldParams) bool { return f.Key == name })
		if !known && !strings.HasPrefix(name, prefix+"TEST_") {
			errs = append(errs, fmt.Errorf("%s is no setting of zhibu; is it misspelt?", name))
		}
	}
	return errs
}

func parseErrors(err error) []error {
	var all env.AggregateError
	if errors.As(err, &all) {
		return all.Errors
	}
	return []error{err}
}

// features are the switches that exist (docs/decisions/0010): check-in inside a circle, names of absentees for the units
// above their branch, and units in the order of their rates. All are off unless named.
var features = []string{"location", "names_drilldown", "rate_order"}

func (c Config) malformed() (errs []error) {
	for _, p := range c.TrustedProxies {
		_, addrErr := netip.ParseAddr(p)
		_, prefixErr := netip.ParsePrefix(p)
		if addrErr != nil && prefixErr != nil {
			errs = append(errs, fmt.Errorf("%sTRUSTED_PROXIES: %q is neither an address nor a network", prefix, p))
		}
	}
	for _, o := range append([]string{c.PublicURL}, c.CORSOrigins...) {
		if u, err := url.Parse(o); err != nil || u.Scheme != "http" && u.Scheme != "https" || u.Host == "" {
			errs = append(errs, fmt.Errorf("%q is not of the form https://host", o))
		}
	}
	if c.LogFormat != "text" && c.LogFormat != "json" {
		errs = append(errs, fmt.Errorf("%sLOG_FORMAT: text or json, not %q", prefix, c.LogFormat))
	}
	if !slices.Contains([]string{"release", "trial", "develop"}, c.WechatVersion) {
		errs = append(errs, fmt.Errorf("%sWECHAT_ENV_VERSION: release, trial or develop, not %q", prefix, c.WechatVersion))
	}
	for _, f := range c.Features {
		if !slices.Contains(features, f) {
			errs = append(errs, fmt.Errorf("%sFEATURES: there is no switch %q; there are %v", prefix, f, features))
		}
	}
	missing := []string{}
	for _, p := range c.paySettings() {
		if p.value == "" {
			missing = append(missing, prefix+p.name)
		}
	}
	if n := len(missing); n > 0 && n < len(c.paySettings()) {
		errs = append(errs, fmt.Errorf("WeChat Pay needs all of its settings or none; missing: %s", strings.Join(missing, ", ")))
	}
	if (c.WechatToken == "") != (c.WechatAESKey == "") {
		errs = append(errs, fmt.Errorf("the message push needs %[1]sWECHAT_PUSH_TOKEN and %[1]sWECHAT_PUSH_AES_KEY, or neither", prefix))
	}
	if c.PushPerSecond < 1 || c.PushInFlight < 1 {
		errs = append(errs, fmt.Errorf("%[1]sPUSH_PER_SECOND and %[1]sPUSH_IN_FLIGHT are 1 at least", prefix))
	}
	if c.SignInsPerMin < 0 || c.MaxConns < 1 {
		errs = append(errs, fmt.Errorf("%[1]sSIGN_INS_PER_MINUTE and %[1]sDATABASE_MAX_CONNS cannot be negative or 0 connections", prefix))
	}
	return errs
}

// paySettings are the settings of WeChat Pay by name.
func (c Config) paySettings() []struct{ name, value string } {
	return []struct{ name, value string }{
		{"WECHAT_MCH_ID", c.MchID}, {"WECHAT_MCH_SERIAL", c.MchSerial}, {"WECHAT_MCH_KEY", c.MchKey},
		{"WECHAT_PAY_PUBLIC_KEY_ID", c.PayPublicKeyID}, {"WECHAT_PAY_PUBLIC_KEY", c.PayPublicKey}, {"WECHAT_PAY_API_KEY", c.PayAPIKey},
	}
}

// HasPay reports whether members can pay through WeChat Pay.
func (c Config) HasPay() bool { return c.MchID != "" }

// On reports whether a feature switch is on.
func (c Config) On(feature string) bool { return slices.Contains(c.Features, feature) }

// The settings of the demo. They are public, so serve refuses them.
const (
	demoSecret   = "emhpYnUgZGVtbyBzZWNyZXQsIG5vdCBmb3Igc2VydmluZw=="
	demoDataKey  = "demo:emhpYnUgZGVtbyBkYXRhIGtleSwgbm90IHByaXZhdGU="
	demoIndexKey = "emhpYnUgZGVtbyBpbmRleCBrZXksIG5vdCBwcml2YXRlISE="
	demoAppID    = "wxde30de30de30de30"
	demoWechat   = "demo"
	demoToken    = "demo0token"
	demoAESKey   = "demo0demo0demo0demo0demo0demo0demo0demo0deA"
)

// Demo returns the configuration of the demo: fixed keys and the simulator. It refuses to run beside real secrets.
func (c Config) Demo() (Config, error) {
	var errs []error
	for name, value := range map[string]string{"WECHAT_APP_SECRET": c.WechatSecret, "SECRET": c.Secret, "INDEX_KEY": c.IndexKey, "DATA_KEYS": strings.Join(c.DataKeys, ""), "WECHAT_MCH_KEY": c.MchKey, "WECHAT_PUSH_AES_KEY": c.WechatAESKey} {
		if value != "" {
			errs = append(errs, fmt.Errorf("%s%s is set: the demo does not run beside real secrets, start it without", prefix, name))
		}
	}
	c.Secret, c.DataKeys, c.IndexKey = demoSecret, []string{demoDataKey}, demoIndexKey
	c.WechatAppID, c.WechatSecret = demoAppID, demoWechat
	c.WechatToken, c.WechatAESKey = demoToken, demoAESKey
	return c, errors.Join(errs...)
}

// CheckSecrets names every secret that is missing, malformed or the demo's, with how to make one.
func (c Config) CheckSecrets() error {
	var errs []error
	missing := func(name, how string) { errs = append(errs, fmt.Errorf("%s%s: %s", prefix, name, how)) }
	const generate = "make one with: openssl rand -base64 32"
	for _, s := range []struct{ name, value, demo string }{{"SECRET", c.Secret, demoSecret}, {"INDEX_KEY", c.IndexKey, demoIndexKey}} {
		raw, err := base64.StdEncoding.DecodeString(s.value)
		switch {
		case s.value == "":
			missing(s.name, "is missing; "+generate)
		case s.value == s.demo:
			missing(s.name, "is the demo's, which everybody knows; "+generate)
		case err != nil || len(raw) < 32:
			missing(s.name, "is not base64 of at least 32 bytes; "+generate)
		}
	}
	if len(c.DataKeys) == 0 {
		missing("DATA_KEYS", "is missing; "+generate+", and write it as k1:<the key>")
	}
	for _, key := range c.DataKeys {
		id, encoded, _ := strings.Cut(key, ":")
		raw, err := base64.StdEncoding.DecodeString(encoded)
		if key == demoDataKey {
			missing("DATA_KEYS", "contains the demo's key, which everybody knows; "+generate)
		} else if id == "" || err != nil || len(raw) != 32 {
			missing("DATA_KEYS", "is not of the form id:base64 of 32 bytes, several separated by commas; "+generate)
		}
	}
	return errors.Join(errs...)
}

// CheckServe names everything that keeps serve from starting.
func (c Config) CheckServe() error {
	errs := []error{c.CheckSecrets()}
	if c.WechatAppID == "" || c.WechatAppID == demoAppID {
		errs = append(errs, fmt.Errorf("%sWECHAT_APP_ID is missing: it is in the mini-program's console under 开发管理", prefix))
	}
	if c.WechatSecret == "" || c.WechatSecret == demoWechat {
		errs = append(errs, fmt.Errorf("%sWECHAT_APP_SECRET is missing: it is in the mini-program's console under 开发管理", prefix))
	}
	if c.WechatAESKey == demoAESKey {
		errs = append(errs, fmt.Errorf("%sWECHAT_PUSH_AES_KEY is the demo's, which everybody knows", prefix))
	}
	if !strings.HasPrefix(c.PublicURL, "https://") {
		errs = append(errs, fmt.Errorf("%sPUBLIC_URL is missing or not https://: it is the address members reach, and the QR on the wall leads to it", prefix))
	}
	return errors.Join(errs...)
}

// SecretBytes is Secret decoded; CheckSecrets has passed.
func (c Config) SecretBytes() []byte { return decoded(c.Secret) }

// IndexKeyBytes is IndexKey decoded; CheckSecrets has passed.
func (c Config) IndexKeyBytes() []byte { return decoded(c.IndexKey) }

func decoded(s string) []byte {
	b, _ := base64.StdEncoding.DecodeString(s)
	return b
}
