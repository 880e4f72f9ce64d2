package config_test

import (
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"zhibu/config"
)

func TestDefaultsAreEnoughForTheDemo(t *testing.T) {
	c, err := config.Load(nil)
	if err != nil {
		t.Fatal(err)
	}
	if c.Addr != "127.0.0.1:8080" || c.DatabaseURL != "sqlite:./data/zhibu.db" || c.PublicURL != "http://127.0.0.1:8080" || c.On("location") {
		t.Errorf("%+v", c)
	}
	if c, err = c.Demo(); err != nil || len(c.SecretBytes()) < 32 || len(c.IndexKeyBytes()) < 32 {
		t.Errorf("%+v, %v", c, err)
	}
}

func TestEveryMistakeIsNamedAtOnce(t *testing.T) {
	_, err := config.Load([]string{
		"ZHIBU_TRUSTED_PROXIES=proxy", "ZHIBU_DATABSE_URL=x", "ZHIBU_LOG_LEVEL=loud", "ZHIBU_FEATURES=ranking", "ZHIBU_SECRET_FILE=/nowhere",
		"ZHIBU_LOG_FORMAT=xml", "ZHIBU_WECHAT_ENV_VERSION=beta", "ZHIBU_CORS_ORIGINS=example", "PATH=/bin",
	})
	wantAll(t, err, "TRUSTED_PROXIES", "DATABSE_URL", "LogLevel", "ranking", "SECRET_FILE", "LOG_FORMAT", "example", "beta")
}

func TestFeatureSwitches(t *testing.T) {
	c, err := config.Load([]string{"ZHIBU_FEATURES=names_drilldown,rate_order"})
	if err != nil || !c.On("names_drilldown") || !c.On("rate_order") || c.On("location") {
		t.Errorf("%v, %v", c.Features, err)
	}
	_, err = config.Load([]string{"ZHIBU_FEATURES=rate_order,points"})
	wantAll(t, err, `"points"`, "names_drilldown")
}

func TestServeNamesEveryMissingSecret(t *testing.T) {
	c, err := config.Load(nil)
	if err != nil {
		t.Fatal(err)
	}
	wantAll(t, c.CheckServe(), "ZHIBU_SECRET", "ZHIBU_INDEX_KEY", "ZHIBU_DATA_KEYS", "ZHIBU_WECHAT_APP_ID", "ZHIBU_WECHAT_APP_SECRET", "ZHIBU_PUBLIC_URL", "openssl rand")
}

func TestServeRefusesTheDemosSecrets(t *testing.T) {
	c, err := config.Load(nil)
	if err != nil {
		t.Fatal(err)
	}
	if c, err = c.Demo(); err != nil {
		t.Fatal(err)
	}
	wantAll(t, c.CheckServe(), "ZHIBU_SECRET: is the demo's", "ZHIBU_INDEX_KEY: is the demo's", "contains the demo's key", "WECHAT_APP_ID", "WECHAT_APP_SECRET")
}

func TestDemoRefusesARealSecret(t *testing.T) {
	c, err := config.Load([]string{"ZHIBU_WECHAT_APP_SECRET=real"})
	if err != nil {
		t.Fatal(err)
	}
	_, err = c.Demo()
	wantAll(t, err, "ZHIBU_WECHAT_APP_SECRET")
}

func TestSecretFromAFile(t *testing.T) {
	file := filepath.Join(t.TempDir(), "secret")
	if err := os.WriteFile(file, []byte("c2VjcmV0LXNlY3JldC1zZWNyZXQtc2VjcmV0LXNlY3JldA==\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	c, err := config.Load([]string{"ZHIBU_SECRET_FILE=" + file})
	if err != nil || string(c.SecretBytes()) != "secret-secret-secret-secret-secret" {
		t.Errorf("%q, %v", c.SecretBytes(), err)
	}
	if strings.Contains(c.CheckServe().Error(), "ZHIBU_SECRET:") {
		t.Error(c.CheckServe())
	}
}

// wechatPay are the settings of a merchant.
var wechatPay = []string{
	"ZHIBU_WECHAT_MCH_ID=1900000109", "ZHIBU_WECHAT_MCH_SERIAL=5157F09EFDC096DE15EBE81A47057A72", "ZHIBU_WECHAT_MCH_KEY=key",
	"ZHIBU_WECHAT_PAY_PUBLIC_KEY_ID=PUB_KEY_ID_0119000001092026", "ZHIBU_WECHAT_PAY_PUBLIC_KEY=public", "ZHIBU_WECHAT_PAY_API_KEY=0123456789abcdef0123456789abcdef",
}

func TestWechatPayIsWholeOrNot(t *testing.T) {
	if c, err := config.Load(nil); err != nil || c.HasPay() {
		t.Errorf("without settings: %v, %v", c.HasPay(), err)
	}
	c, err := config.Load(wechatPay)
	if err != nil || !c.HasPay() || c.MchID != "1900000109" || c.PayAPIKey != "0123456789abcdef0123456789abcdef" {
		t.Errorf("%+v, %v", c, err)
	}
	for i, left := range wechatPay {
		name, _, _ := strings.Cut(left, "=")
		_, err := config.Load(slices.Concat(wechatPay[:i], wechatPay[i+1:]))
		wantAll(t, err, "all of its settings or none", name)
		_, err = config.Load([]string{left})
		for j, other := range wechatPay {
			other, _, _ = strings.Cut(other, "=")
			if j != i {
				wantAll(t, err, other)
			}
		}
	}
}

func TestWechatPayFromFiles(t *testing.T) {
	dir, environ := t.TempDir(), []string(nil)
	for _, setting := range wechatPay {
		name, value, _ := strings.Cut(setting, "=")
		file := filepath.Join(dir, name)
		if err := os.WriteFile(file, []byte(value+"\n"), 0o600); err != nil {
			t.Fatal(err)
		}
		environ = append(environ, name+"_FILE="+file)
	}
	c, err := config.Load(environ)
	if err != nil || c.MchKey != "key" || c.PayPublicKey != "public" || c.PayAPIKey != "0123456789abcdef0123456789abcdef" {
		t.Errorf("%+v, %v", c, err)
	}
	_, err = c.Demo()
	wantAll(t, err, "ZHIBU_WECHAT_MCH_KEY", "does not run beside real secrets")
}

func wantAll(t *testing.T, err error, parts ...string) {
	t.Helper()
	if err == nil {
		t.Fatal("no error")
	}
	for _, p := range parts {
		if !strings.Contains(err.Error(), p) {
			t.Errorf("%q is not in: %v", p, err)
		}
	}
}
