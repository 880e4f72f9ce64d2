package main

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"os"
	"time"

	"zhibu/model"
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
	findings = append(findings, examineWechat(ctx, p))
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

func examineWechat(ctx context.Context, p program) finding {
	f := finding{subject: "WeChat", advice: "set ZHIBU_WECHAT_APP_ID and ZHIBU_WECHAT_APP_SECRET, allow this machine's address in the console (IP 白名单), and let it reach api.weixin.qq.com"}
	if p.WechatAppID == "" || p.WechatSecret == "" {
		f.err = errors.New("no AppID or AppSecret is configured")
		return f
	}
	client, err := wechat.New(wechat.Config{AppID: p.WechatAppID, AppSecret: p.WechatSecret, Transport: http.DefaultTransport, Now: time.Now, Logger: newLogger(p)})
	if err == nil {
		err = client.Ping(ctx)
	}
	f.err = err
	return f
}
