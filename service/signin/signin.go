// Package signin knows who is calling: it signs members in by WeChat and console accounts by password, ties an openid
// to a member of the roster, and turns an access token into the model.Actor of a request.
package signin

import (
	"context"
	"crypto/hkdf"
	"crypto/sha256"
	"errors"
	"fmt"
	"sync"
	"time"

	"github.com/golang-jwt/jwt/v5"
	"golang.org/x/crypto/bcrypt"

	"zhibu/model"
)

// The refusals of signing in and binding.
var (
	ErrNotOnRoster = model.NewError(model.NotFound, "not_on_roster",
		"名册中没有与您填写的姓名和手机号（或邀请码）相符的同志，请核对后再试，或联系支部")
	ErrAlreadyBound = model.NewError(model.Conflict, "already_bound",
		"这个微信已绑定其他同志，或您的名册信息已绑定其他微信；换了手机或微信请联系支部解除绑定")
	ErrTooManyBinds     = model.NewError(model.TooMany, "too_many_attempts", "绑定尝试次数太多，请稍后再试，或联系支部")
	ErrLockedOut        = model.NewError(model.TooMany, "locked_out", "登录失败次数太多，已暂时锁定，请稍后再试")
	ErrWrongCredentials = model.NewError(model.Unauthenticated, "wrong_credentials", "用户名或密码不对")
	ErrAccountExists    = model.NewError(model.Conflict, "account_exists", "这个用户名已被使用")
	ErrRefreshInvalid   = model.NewError(model.Unauthenticated, "refresh_token_invalid", "登录已过期，请重新登录")
	ErrRefreshReused    = model.NewError(model.Unauthenticated, "refresh_token_reused",
		"登录凭证被重复使用，为安全起见已退出，请重新登录")
)

// How long things last.
const (
	AccessLifetime  = 2 * time.Hour
	SessionLifetime = 30 * 24 * time.Hour
	InviteLifetime  = 7 * 24 * time.Hour
)

// Platform is WeChat: the openid behind a code of wx.login, and the phone number behind a code of getPhoneNumber.
type Platform struct {
	OpenID func(ctx context.Context, code string) (string, error)
	Phone  func(ctx context.Context, openID, code string) (string, error)
}

// Config is what the service is told at start. Secret has at least 32 bytes and is the same on every instance.
type Config struct {
	Secret     []byte
	Issuer     string
	BcryptCost int // default 12; tests take less
}

const defaultBcryptCost = 12

// Service signs in. It is safe for concurrent use.
type Service struct {
	db         *model.DB
	keys       *model.Keyring
	platform   Platform
	now        func() time.Time
	issuer     string
	tokenKey   []byte
	parser     *jwt.Parser
	bcryptCost int
	dummyHash  func() ([]byte, error) // compared when there is no such account, so that the answer takes as long; made once, by the first who signs in with a password
	sessions   *model.Group[*lookup]
	actors     *model.Group[*lookup]
}

// New makes the service. It fails on a secret that is too short to sign with.
func New(db *model.DB, keys *model.Keyring, p Platform, c Config, now func() time.Time) (*Service, error) {
	if len(c.Secret) < 32 {
		return nil, errors.New("sign-in: the secret is shorter than 32 bytes")
	}
	if c.BcryptCost == 0 {
		c.BcryptCost = defaultBcryptCost
	}
	tokenKey, err := hkdf.Key(sha256.New, c.Secret, nil, "zhibu access token v1", 32)
	if err != nil {
		return nil, fmt.Errorf("sign-in: %w", err)
	}
	s := &Service{
		db: db, keys: keys, platform: p, now: now, issuer: c.Issuer, tokenKey: tokenKey,
		bcryptCost: c.BcryptCost,
		parser: jwt.NewParser(
			jwt.WithValidMethods([]string{jwt.SigningMethodHS256.Alg()}), jwt.WithIssuer(c.Issuer),
			jwt.WithExpirationRequired(), jwt.WithTimeFunc(now),
		),
	}
	s.dummyHash = sync.OnceValues(func() ([]byte, error) { return bcrypt.GenerateFromPassword([]byte("nobody"), c.BcryptCost) })
	s.sessions, s.actors = model.NewGroup(1, s.lookUpSessions), model.NewGroup(2, s.lookUpActors)
	return s, nil
}

// SignedIn is the answer of every sign-in.
type SignedIn struct {
	AccessToken  string
	RefreshToken string
	ExpiresIn    time.Duration // of the access token
	Member       *model.Member // nil while the openid is not bound, and for an account without a person
}
