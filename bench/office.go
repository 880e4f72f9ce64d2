package main

import (
	"bytes"
	"context"
	"database/sql"
	"encoding/json"
	"fmt"
	"io"
	"log/slog"
	"net"
	"net/http"
	"net/url"
	"os"
	"sync/atomic"
	"time"

	"github.com/gin-gonic/gin"
	"gorm.io/gorm"

	"zhibu/api"
	"zhibu/model"
	"zhibu/service/activity"
	"zhibu/service/checkin"
	"zhibu/service/signin"
)

const (
	members = 2000 // signed in, each with a phone of his own
	rounds  = 4    // activities everyone checks in to, per measurement
)

// office is a branch with its members signed in, behind a real server on loopback.
type office struct {
	db       *model.DB
	server   *http.Server
	address  string
	services api.Services
	officer  model.Actor
	tokens   []string
	meetings []meeting // of the present measurement
	planned  int
}

type meeting struct {
	id   int64
	code atomic.Pointer[checkin.Code]
}

func newOffice(ctx context.Context, db *model.DB) (*office, error) {
	o := &office{db: db, officer: model.Actor{AccountID: 1, Bound: true, Grants: []model.Grant{{Path: "/", Title: model.Admin}}}}
	keys, err := model.NewKeyring([]string{"k:AAECAwQFBgcICQoLDA0ODxAREhMUFRYXGBkaGxwdHh8="}, bytes.Repeat([]byte("i"), 32))
	if err != nil {
		return nil, err
	}
	o.services.SignIn, err = signin.New(db, keys, signin.Platform{
		OpenID: func(_ context.Context, code string) (string, error) { return code, nil },
	}, signin.Config{Secret: bytes.Repeat([]byte("s"), 32), Issuer: "bench"}, time.Now)
	if err != nil {
		return nil, err
	}
	o.services.Activity = activity.New(db, time.Now, false)
	o.services.CheckIn = checkin.New(db, bytes.Repeat([]byte("c"), 32), time.Now)
	if err := o.populate(ctx); err != nil {
		return nil, err
	}
	return o, o.serve(ctx)
}

func (o *office) populate(ctx context.Context) error {
	since, open := model.Date("2020-01-01"), model.Forever
	return o.db.Write(ctx, func(tx *gorm.DB) error {
		unit := model.Unit{ID: 1, Kind: model.PartyBranch, Name: "bench", Path: "/1/", FoundedOn: since, ClosedOn: open}
		if err := tx.Create(&unit).Error; err != nil {
			return err
		}
		var people []model.Member
		var memberships []model.Membership
		var bindings []model.Binding
		for i := range members {
			id := int64(1000 + i)
			people = append(people, model.Member{ID: id, Name: fmt.Sprint("成员", i), NameKey: fmt.Sprint("成员", i)})
			memberships = append(memberships, model.Membership{ID: id, MemberID: id, UnitID: 1, Track: model.Party, Kind: model.Full,
				State: model.Active, Category: model.InService, StartedOn: since, EndedOn: open})
			bindings = append(bindings, model.Binding{ID: id, OpenID: fmt.Sprint("openid-", i), MemberID: id, Method: "phone", BoundAt: 1})
		}
		for _, rows := range []any{people, memberships, bindings} {
			if err := tx.CreateInBatches(rows, 500).Error; err != nil {
				return err
			}
		}
		return nil
	})
}

// serve starts the product's handler, and beside it the handler that only authenticates.
func (o *office) serve(ctx context.Context) error {
	quiet := slog.New(slog.NewTextHandler(io.Discard, nil))
	whole := api.New(o.services, api.Options{Now: time.Now, Logger: quiet, Ready: o.db.Ping})
	bare := gin.New()
	bare.POST("/bare", func(c *gin.Context) {
		actor, err := o.services.SignIn.Identify(c.Request.Context(), c.GetHeader("Authorization")[len("Bearer "):])
		if err != nil {
			c.Status(http.StatusUnauthorized)
			return
		}
		c.JSON(http.StatusOK, gin.H{"member_id": actor.MemberID})
	})
	mux := http.NewServeMux()
	mux.Handle("/", whole)
	mux.Handle("/bare", bare)
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		return err
	}
	o.address = listener.Addr().String()
	o.server = &http.Server{Handler: mux, ReadHeaderTimeout: time.Minute}
	go o.server.Serve(listener)
	return o.signIn(ctx)
}

// signIn signs every member in over HTTP, as his phone would.
func (o *office) signIn(ctx context.Context) error {
	for i := range members {
		body := fmt.Sprintf(`{"code":"openid-%d"}`, i)
		r, err := http.NewRequestWithContext(ctx, http.MethodPost, "http://"+o.address+"/api/v1/auth/wechat", bytes.NewBufferString(body))
		if err != nil {
			return err
		}
		r.Header.Set("Content-Type", "application/json")
		answer, err := http.DefaultClient.Do(r)
		if err != nil {
			return err
		}
		var tokens struct {
			AccessToken string `json:"access_token"`
		}
		err = json.NewDecoder(answer.Body).Decode(&tokens)
		answer.Body.Close()
		if err != nil || answer.StatusCode != http.StatusOK {
			return fmt.Errorf("sign-in answered %s: %w", answer.Status, err)
		}
		o.tokens = append(o.tokens, tokens.AccessToken)
	}
	return nil
}

// plan makes the activities of the next measurement and keeps the code on their walls fresh until stop.
func (o *office) plan(ctx context.Context) (stop func(), err error) {
	o.meetings = make([]meeting, rounds)
	for i := range o.meetings {
		o.planned++
		now := model.At(time.Now())
		g, err := o.services.Activity.Create(ctx, o.officer, activity.Plan{
			UnitID: 1, Kind: "theme_day", Title: fmt.Sprint("bench ", o.planned), StartsAt: now.Add(-time.Minute), EndsAt: now.Add(time.Hour),
		})
		if err != nil {
			return nil, err
		}
		o.meetings[i].id = g.ID
	}
	show := func() error {
		for i := range o.meetings {
			code, err := o.services.CheckIn.Code(ctx, o.officer, o.meetings[i].id)
			if err != nil {
				return err
			}
			o.meetings[i].code.Store(&code)
		}
		return nil
	}
	done := make(chan struct{})
	ticker := time.NewTicker(10 * time.Second)
	go func() {
		for {
			select {
			case <-done:
				return
			case <-ticker.C:
				_ = show() // a stale code fails the measurement loudly
			}
		}
	}()
	return func() { ticker.Stop(); close(done) }, show()
}

// tap is the request of one member to one of the activities.
func (o *office) tap(_ string, round int) request {
	m := &o.meetings[round]
	return request{
		path: fmt.Sprintf("/api/v1/activities/%d/check-ins", m.id),
		body: fmt.Sprintf(`{"code":"%s"}`, m.code.Load().Code), want: http.StatusCreated,
	}
}

func (o *office) close() { _ = o.server.Close() }

// benchDatabase makes a database on the server of ZHIBU_TEST_DATABASE_URL, and drops it in the end.
func benchDatabase(ctx context.Context) (databaseURL string, drop func(), err error) {
	server := os.Getenv("ZHIBU_TEST_DATABASE_URL")
	if server == "" {
		return "", nil, fmt.Errorf("ZHIBU_TEST_DATABASE_URL is not set: use `make bench`")
	}
	c, err := model.MySQLConfig(server)
	if err != nil {
		return "", nil, err
	}
	admin, err := sql.Open("mysql", c.FormatDSN())
	if err != nil {
		return "", nil, err
	}
	name := fmt.Sprintf("test_bench_%d", os.Getpid())
	if _, err := admin.ExecContext(ctx, "CREATE DATABASE "+name); err != nil {
		return "", nil, err
	}
	u, err := url.Parse(server)
	if err != nil {
		return "", nil, err
	}
	u.Path = "/" + name
	return u.String(), func() {
		_, _ = admin.ExecContext(ctx, "DROP DATABASE "+name)
		admin.Close()
	}, nil
}
