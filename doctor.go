package main

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"os"
	"time"

	"zhibu/model"
	"zhibu/service/push"
	"zhibu/service/wechat"
)

// finding is one line of the doctor's report.
type finding struct {
	subject string
	err     error
	advice  string
}

// runDoctor checks everything it can reach, says what to do about each trouble, and fails when there is any.
func runDoctor(ctx context.Context, p program) error {
	ctx, cancel := context.WithTimeout(ctx, 30*time.Second)
	defer cancel()
	findings := []finding{{"configuration", p.CheckServe(), "set what is named above in the environment; the README has the table"}}
	findings = append(findings, examineDB(ctx, p)...)
	findings = append(findings, examineWechat(ctx, p)...)
	troubles := 0
	for _, f := range findings {
		if f.err == nil {
			fmt.Fprintf(p.stdout, "ok       %s\n", f.subject)
			continue
		}
		troubles++
		fmt.Fprintf(p.stdout, "TROUBLE  %s: %v\n         what to do: %s\n", f.subject, f.err, f.advice)
	}
	if troubles > 0 {
		return fmt.Errorf("%d of %d checks found trouble", troubles, len(findings))
	}
	return nil
}

// maxClockSkew is how far this machine's clock may be from the others': codes on the wall live 20 s, signatures 5 min.
const maxClockSkew = 5 * time.Second

// examineDB looks at the database without changing it.
func examineDB(ctx context.Context, p program) []finding {
	if path, ok := model.SQLitePath(p.DatabaseURL); ok { // to open it would make it
		if _, err := os.Stat(path); err != nil {
			return []finding{{"database", err, "if there should be one, check ZHIBU_DATABASE_URL and ZHIBU_DATA_DIR; a new one is made by: zhibu migrate (serve does it too)"}}
		}
	}
	const advice = "check ZHIBU_DATABASE_URL, that the database runs and is reachable, and its user's password and rights"
	db, err := model.Open(p.DatabaseURL, model.Options{Logger: newLogger(p), MaxConns: 2})
	if err == nil {
		defer db.Close()
		err = db.Ping(ctx)
	}
	if err != nil {
		return []finding{{"database", err, advice}}
	}
	findings := []finding{{"database", nil, ""}}
	current, newest, err := db.SchemaVersion(ctx)
	if err == nil && current != newest {
		err = fmt.Errorf("the schema is version %d, this program needs %d", current, newest)
	}
	findings = append(findings, finding{"schema", err, "run: zhibu migrate (serve does it too)"})
	if db.Dialect == model.SQLite {
		return append(findings, finding{subject: "clock (not checked: SQLite has no clock of its own)"})
	}
	skew, err := db.ClockSkew(ctx)
	if err == nil && skew.Abs() > maxClockSkew {
		err = fmt.Errorf("the database's clock is %s away from this machine's", skew.Round(time.Millisecond))
	}
	return append(findings, finding{"clock", err, "switch on time synchronisation (chrony or systemd-timesyncd) on both machines"})
}

// examineWechat asks the platform for a token, and holds the configured templates against those it has.
func examineWechat(ctx context.Context, p program) []finding {
	f := finding{subject: "WeChat", advice: "set ZHIBU_WECHAT_APP_ID and ZHIBU_WECHAT_APP_SECRET, allow this machine's address in the console (IP 白名单), and let it reach api.weixin.qq.com"}
	if p.WechatAppID == "" || p.WechatSecret == "" {
		f.err = errors.New("no AppID or AppSecret is configured")
		return []finding{f}
	}
	client, err := wechat.New(wechat.Config{AppID: p.WechatAppID, AppSecret: p.WechatSecret, Transport: http.DefaultTransport, Now: time.Now, Logger: newLogger(p)})
	if err == nil {
		err = client.Ping(ctx)
	}
	f.err = err
	return []finding{f, examineTemplates(ctx, p, client, err), examineEvents(p)}
}

// examineEvents looks at the settings of the message push; whether the platform reaches us only the platform can tell.
func examineEvents(p program) finding {
	f := finding{subject: "message push", advice: "set ZHIBU_WECHAT_PUSH_TOKEN and ZHIBU_WECHAT_PUSH_AES_KEY as the console shows them (开发管理 → 消息推送, 安全模式, JSON)"}
	if p.WechatToken == "" {
		f.subject += " (not configured: consents are known from the mini-program only, and nobody learns of messages that did not arrive)"
		return f
	}
	_, f.err = newReceiver(p.Config)
	return f
}

// examineTemplates holds the configured subscribe-message templates against the platform's, which it can name only when it
// answered before.
func examineTemplates(ctx context.Context, p program, client *wechat.Client, unreachable error) finding {
	f := finding{subject: "subscribe-message templates", advice: "ZHIBU_PUSH_TEMPLATES has to name templates as the console shows them (功能 → 订阅消息 → 我的模板); the README has an example"}
	configured, err := push.ParseTemplates(p.PushTemplates)
	switch {
	case err != nil:
		f.err = err
	case len(configured) == 0:
		f.subject += " (none configured: members have the inbox only)"
	case unreachable != nil:
		f.err = errors.New("not compared: the platform did not answer")
	default:
		onPlatform, err := client.Templates(ctx)
		if f.err = err; err == nil {
			f.err = errors.Join(push.Compare(configured, onPlatform)...)
		}
	}
	return f
}
