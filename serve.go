package main

import (
	"context"
	"crypto/hkdf"
	"crypto/sha256"
	"errors"
	"fmt"
	"log/slog"
	"net"
	"net/http"
	"strconv"
	"time"

	"golang.org/x/sync/errgroup"

	"zhibu/api"
	"zhibu/config"
	"zhibu/model"
	"zhibu/service/activity"
	"zhibu/service/audit"
	"zhibu/service/calendar"
	"zhibu/service/checkin"
	"zhibu/service/dues"
	"zhibu/service/feedback"
	"zhibu/service/period"
	"zhibu/service/roster"
	"zhibu/service/setting"
	"zhibu/service/signin"
	"zhibu/service/unit"
	"zhibu/service/wechat"
	"zhibu/service/wechat/sim"
)

// server is a zhibu that is wired up and not yet listening.
type server struct {
	config.Config
	log      *slog.Logger
	db       *model.DB
	keys     *model.Keyring
	services api.Services
	handler  http.Handler
}

// wiring is in what a demo differs from production.
type wiring struct {
	issuer    string            // of the tokens: a demo's are worthless in production
	transport http.RoundTripper // to WeChat; nil is the network
	simulator http.Handler
	merchant  *sim.Merchant        // of the demo; nil is the configured one, if any
	notifyURL string               // of the demo, which WeChat Pay reaches at its own address
	templates []model.PushTemplate // of the demo; nil are the configured ones
}

func runServe(ctx context.Context, p program) error {
	if err := p.CheckServe(); err != nil {
		return fmt.Errorf("not started, the configuration is incomplete:\n%w\nTo look around without any of this: zhibu demo", err)
	}
	s, err := newServer(ctx, p, wiring{issuer: "zhibu"})
	if err != nil {
		return err
	}
	defer s.db.Close()
	if err := refuseDemoData(ctx, s.db); err != nil {
		return err
	}
	listener, err := openListener(s.Addr)
	if err != nil {
		return err
	}
	return s.listen(ctx, listener, func(net.Addr) {})
}

func openListener(address string) (net.Listener, error) {
	listener, err := net.Listen("tcp", address)
	if err != nil {
		return nil, fmt.Errorf("cannot listen on %s; is another zhibu running? %w", address, err)
	}
	return listener, nil
}

// newServer opens and migrates the database and wires the services; the configuration has been checked.
func newServer(ctx context.Context, p program, w wiring) (*server, error) {
	s := &server{Config: p.Config, log: newLogger(p)}
	var err error
	if s.keys, err = model.NewKeyring(p.DataKeys, p.IndexKeyBytes()); err != nil {
		return nil, err
	}
	if s.db, err = openDB(ctx, p.Config, s.log); err != nil {
		return nil, err
	}
	if err := s.wire(w); err != nil {
		return nil, errors.Join(err, s.db.Close())
	}
	return s, nil
}

// openDB opens the configured database and brings its schema up to date.
func openDB(ctx context.Context, c config.Config, log *slog.Logger) (*model.DB, error) {
	db, err := model.Open(c.DatabaseURL, model.Options{Logger: log, MaxConns: c.MaxConns})
	if err != nil {
		return nil, fmt.Errorf("cannot open the database: %w", err)
	}
	if err := db.Migrate(ctx); err != nil {
		return nil, errors.Join(fmt.Errorf("cannot bring the database up to date: %w", err), db.Close())
	}
	return db, nil
}

func (s *server) wire(w wiring) error {
	platform, err := wechat.New(wechat.Config{
		AppID: s.WechatAppID, AppSecret: s.WechatSecret, EnvVersion: s.WechatVersion, Transport: w.transport, Now: time.Now, Logger: s.log,
	})
	if err != nil {
		return err
	}
	pushes, err := s.newPush(platform, w)
	if err != nil {
		return err
	}
	events, err := newReceiver(s.Config)
	if err != nil {
		return err
	}
	pay, err := s.newPay(w)
	if err != nil {
		return err
	}
	codeKey, err := hkdf.Key(sha256.New, s.SecretBytes(), nil, "check-in code", 32)
	if err != nil {
		return err
	}
	s.services = api.Services{
		Unit:     unit.New(s.db, time.Now),
		Roster:   roster.New(s.db, s.keys, time.Now),
		Activity: activity.New(s.db, time.Now, s.On("location")),
		CheckIn:  checkin.New(s.db, codeKey, time.Now),
		Period: period.New(s.db, s.keys, time.Now, period.Switches{
			NamesDrilldown: s.On("names_drilldown"), RateOrder: s.On("rate_order"),
		}),
		Dues:     dues.New(s.db, s.keys, time.Now, pay.platform(), s.On("names_drilldown")),
		Audit:    audit.New(s.db),
		Feedback: feedback.New(s.db, time.Now),
		Setting:  setting.New(s.db, time.Now),
		Push:     pushes,
		Calendar: calendar.New(s.db, time.Now),
	}
	s.services.SignIn, err = signin.New(s.db, s.keys, signin.Platform{
		OpenID: func(ctx context.Context, code string) (string, error) {
			identity, err := platform.Login(ctx, code)
			return identity.OpenID, err
		},
		Phone: platform.Phone,
	}, signin.Config{Secret: s.SecretBytes(), Issuer: w.issuer}, time.Now)
	if err != nil {
		return err
	}
	s.handler = api.New(s.services, api.Options{
		Now: time.Now, Logger: s.log, Version: version, Ready: s.ready, Features: featuresOf(s.Config, pay.on()), PublicURL: s.PublicURL,
		TrustedProxies: s.TrustedProxies, CORSOrigins: s.CORSOrigins, MetricsToken: s.MetricsToken,
		Simulator: w.simulator, SignInsPerMin: s.SignInsPerMin, PayNotice: pay.notice(), Events: events,
		MiniProgramCode: func(ctx context.Context, activityID int64) ([]byte, string, error) {
			return platform.QRCode(ctx, wechat.QRRequest{
				Scene: "a=" + strconv.FormatInt(activityID, 36), Page: s.WechatPage, EnvVersion: s.WechatVersion, CheckPath: s.WechatVersion == "release",
			})
		},
	})
	return nil
}

// ready is the answer of /readyz: the database answers and its schema is this program's.
func (s *server) ready(ctx context.Context) error {
	current, newest, err := s.db.SchemaVersion(ctx)
	if err == nil && current != newest {
		return fmt.Errorf("the schema is version %d, this program needs %d", current, newest)
	}
	return err
}

// The time limits of a connection: a header within 10 s, an answer within 5 minutes (an import), and then the end of a
// shutdown.
const (
	headerTimeout   = 10 * time.Second
	writeTimeout    = 5*time.Minute + 10*time.Second
	idleTimeout     = 2 * time.Minute
	shutdownTimeout = 20 * time.Second
)

// listen serves until ctx ends: then it stops accepting, finishes what it has begun, and returns. started is told the
// address, once it is open.
func (s *server) listen(ctx context.Context, listener net.Listener, started func(net.Addr)) error {
	h := &http.Server{
		Handler: s.handler, ReadHeaderTimeout: headerTimeout, WriteTimeout: writeTimeout, IdleTimeout: idleTimeout,
		ErrorLog: slog.NewLogLogger(s.log.Handler(), slog.LevelWarn),
	}
	s.log.Info("listening", "address", listener.Addr().String(), "version", version, "database", string(s.db.Dialect))
	started(listener.Addr())
	group, ctx := errgroup.WithContext(ctx)
	group.Go(func() error {
		if err := h.Serve(listener); !errors.Is(err, http.ErrServerClosed) {
			return err
		}
		return nil
	})
	group.Go(func() error {
		<-ctx.Done()
		s.log.Info("stopping")
		drain, cancel := context.WithTimeout(context.WithoutCancel(ctx), shutdownTimeout)
		defer cancel()
		return h.Shutdown(drain)
	})
	group.Go(func() error { s.every(ctx, 5*time.Second, "seal audit", s.services.Audit.Seal); return nil })
	group.Go(func() error { s.every(ctx, 5*time.Second, "close periods", s.services.Period.CloseOverdue); return nil })
	group.Go(func() error { s.every(ctx, 5*time.Second, "tend counts", s.services.Period.Tend); return nil })
	group.Go(func() error { s.every(ctx, time.Hour, "make dues bills", s.services.Dues.BillDue); return nil })
	group.Go(func() error { s.every(ctx, 10*time.Second, "look at orders", s.services.Dues.Poll); return nil })
	group.Go(func() error {
		s.every(ctx, 10*time.Minute, "reconcile", s.services.Dues.ReconcileYesterday)
		return nil
	})
	group.Go(func() error { s.every(ctx, 6*time.Hour, "purge sessions", s.services.SignIn.Purge); return nil })
	group.Go(func() error { s.every(ctx, time.Second, "publish announcements", s.services.Push.Publish); return nil })
	group.Go(func() error { s.every(ctx, time.Second, "settle events", s.services.Push.Settle); return nil })
	group.Go(func() error { s.every(ctx, 30*time.Second, "remind", s.services.Push.Remind); return nil })
	group.Go(func() error { s.every(ctx, 6*time.Hour, "purge consents", s.services.Push.Purge); return nil })
	group.Go(func() error { return s.services.Push.Run(ctx) })
	return group.Wait()
}

// every does a chore at once and then at the interval until ctx ends. A failure is logged and tried again next time.
func (s *server) every(ctx context.Context, interval time.Duration, name string, do func(context.Context) error) {
	ticker := time.NewTicker(interval)
	defer ticker.Stop()
	for {
		if err := do(ctx); err != nil && ctx.Err() == nil {
			s.log.Error("chore failed", "chore", name, "error", err)
		}
		select {
		case <-ctx.Done():
			return
		case <-ticker.C:
		}
	}
}

func newLogger(p program) *slog.Logger {
	o := &slog.HandlerOptions{Level: p.LogLevel}
	if p.LogFormat == "json" {
		return slog.New(slog.NewJSONHandler(p.stderr, o))
	}
	return slog.New(slog.NewTextHandler(p.stderr, o))
}

func runHealthcheck(ctx context.Context, p program) error {
	host, port, err := net.SplitHostPort(p.Addr)
	if err != nil {
		return err
	}
	if ip := net.ParseIP(host); host == "" || ip != nil && ip.IsUnspecified() {
		host = "127.0.0.1"
	}
	ctx, cancel := context.WithTimeout(ctx, 3*time.Second)
	defer cancel()
	request, err := http.NewRequestWithContext(ctx, http.MethodGet, "http://"+net.JoinHostPort(host, port)+"/healthz", nil)
	if err != nil {
		return err
	}
	answer, err := http.DefaultClient.Do(request)
	if err != nil {
		return err
	}
	defer answer.Body.Close()
	if answer.StatusCode != http.StatusOK {
		return fmt.Errorf("the server answers %s", answer.Status)
	}
	return nil
}

func runOpenAPI(_ context.Context, p program) error {
	description, err := api.OpenAPI()
	if err != nil {
		return err
	}
	_, err = p.stdout.Write(description)
	return err
}

func runMigrate(ctx context.Context, p program) error {
	db, err := openDB(ctx, p.Config, newLogger(p))
	if err != nil {
		return err
	}
	defer db.Close()
	current, _, err := db.SchemaVersion(ctx)
	if err != nil {
		return err
	}
	_, err = fmt.Fprintf(p.stdout, "The database is at version %d.\n", current)
	return err
}

// refuseDemoData keeps invented members, sealed with keys everybody knows, out of production.
func refuseDemoData(ctx context.Context, db *model.DB) error {
	var seeded int64
	err := db.Read(ctx).Model(&model.AuditEvent{}).Where("action = ?", "demo.seed").Count(&seeded).Error
	if err == nil && seeded > 0 {
		err = errors.New("not started: this database was filled by the demo; use a new one (ZHIBU_DATA_DIR or ZHIBU_DATABASE_URL)")
	}
	return err
}
