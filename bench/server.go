package main

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"net"
	"net/http"
	"time"

	"github.com/gin-gonic/gin"

	"zhibu/api"
	"zhibu/model"
	"zhibu/service/activity"
	"zhibu/service/checkin"
	"zhibu/service/dues"
	"zhibu/service/period"
	"zhibu/service/push"
	"zhibu/service/signin"
)

// officer plans what is measured.
var officer = model.Actor{AccountID: 1, Bound: true, Grants: []model.Grant{{Path: "/", Title: model.Admin}}}

// server is the product's handler behind a real server on loopback.
type server struct {
	db       *model.DB
	http     *http.Server
	address  string
	services api.Services
}

func newServer(db *model.DB) (*server, error) {
	s := &server{db: db}
	keys, err := model.NewKeyring([]string{"k:AAECAwQFBgcICQoLDA0ODxAREhMUFRYXGBkaGxwdHh8="}, bytes.Repeat([]byte("i"), 32))
	if err != nil {
		return nil, err
	}
	s.services.SignIn, err = signin.New(db, keys, signin.Platform{
		OpenID: func(_ context.Context, code string) (string, error) { return code, nil },
	}, signin.Config{Secret: bytes.Repeat([]byte("s"), 32), Issuer: "bench"}, time.Now)
	if err != nil {
		return nil, err
	}
	s.services.Activity = activity.New(db, time.Now, false)
	s.services.CheckIn = checkin.New(db, bytes.Repeat([]byte("c"), 32), time.Now)
	s.services.Period = period.New(db, keys, time.Now, period.Switches{})
	s.services.Dues = dues.New(db, keys, time.Now, nil, false)
	s.services.Push = push.New(db, time.Now, nil, push.Config{Logger: quiet})
	return s, s.serve()
}

// serve starts the product's handler, and beside it one that only authenticates, and one that reads one row as well.
func (s *server) serve() error {
	whole := api.New(s.services, api.Options{Now: time.Now, Logger: quiet, Ready: s.db.Ping})
	bare := gin.New()
	bare.POST("/bare", func(c *gin.Context) {
		actor, err := s.services.SignIn.Identify(c.Request.Context(), c.GetHeader("Authorization")[len("Bearer "):])
		if err != nil {
			c.Status(http.StatusUnauthorized)
			return
		}
		c.JSON(http.StatusOK, gin.H{"member_id": actor.MemberID})
	})
	bare.GET("/row/:id", func(c *gin.Context) {
		var row model.Member
		if _, err := s.services.SignIn.Authenticate(c.Request.Context(), c.GetHeader("Authorization")[len("Bearer "):]); err != nil {
			c.Status(http.StatusUnauthorized)
		} else if err := s.db.Read(c.Request.Context()).Where("id = ?", c.Param("id")).Take(&row).Error; err != nil {
			c.Status(http.StatusNotFound)
		} else {
			c.JSON(http.StatusOK, gin.H{"name": row.Name})
		}
	})
	mux := http.NewServeMux()
	mux.Handle("/", whole)
	mux.Handle("/bare", bare)
	mux.Handle("/row/", bare)
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		return err
	}
	s.address = listener.Addr().String()
	s.http = &http.Server{Handler: mux, ReadHeaderTimeout: time.Minute}
	go s.http.Serve(listener)
	return nil
}

func (s *server) close() { _ = s.http.Close() }

// signIn signs somebody in over HTTP, as his phone would.
func (s *server) signIn(ctx context.Context, openID string) (token string, err error) {
	body := fmt.Sprintf(`{"code":"%s"}`, openID)
	r, err := http.NewRequestWithContext(ctx, http.MethodPost, "http://"+s.address+"/api/v1/auth/wechat", bytes.NewBufferString(body))
	if err != nil {
		return "", err
	}
	r.Header.Set("Content-Type", "application/json")
	answer, err := http.DefaultClient.Do(r)
	if err != nil {
		return "", err
	}
	defer answer.Body.Close()
	var tokens struct {
		AccessToken string `json:"access_token"`
	}
	err = json.NewDecoder(answer.Body).Decode(&tokens)
	if err != nil || answer.StatusCode != http.StatusOK {
		return "", fmt.Errorf("sign-in answered %s: %w", answer.Status, err)
	}
	return tokens.AccessToken, nil
}
