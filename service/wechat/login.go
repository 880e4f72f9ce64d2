package wechat

import (
	"context"
	"errors"
	"regexp"
	"time"

	"zhibu/model"
)

const (
	opLogin   = "login"
	busy      = -1
	busyPause = 300 * time.Millisecond
)

// The SDK pastes the code into the URL unescaped, where "x&appid=…" would become parameters of its own.
var codePattern = regexp.MustCompile(`^[0-9A-Za-z_-]{1,128}$`)

var errNoOpenID = errors.New("the platform answered no openid")

// Identity is who the platform says a member is. The session key stays behind: nothing here needs it.
type Identity struct {
	OpenID  string // of this mini program
	UnionID string // across the organisation's apps; empty unless they are bound to an Open Platform account
}

// Login exchanges the code of wx.login for the member's identity. A code serves once, for five minutes:
// ErrCodeInvalid asks the client for a new one. Others are ErrBlocked, ErrTooMany and ErrUnavailable.
func (c *Client) Login(ctx context.Context, code string) (Identity, error) {
	if !codePattern.MatchString(code) {
		return Identity{}, ErrCodeInvalid.With(errors.New("wechat login: a malformed code"))
	}
	op := operation{name: opLogin, private: []string{code}, refusals: loginRefusals()}
	var id Identity
	err := c.run(ctx, op, func(ctx context.Context) (err error) {
		id, err = c.exchange(ctx, code)
		if isCode(err, busy) && pause(ctx, busyPause) {
			id, err = c.exchange(ctx, code)
		}
		return err
	})
	return id, err
}

func loginRefusals() map[int64]*model.Error {
	return map[int64]*model.Error{40029: ErrCodeInvalid, 40163: ErrCodeInvalid, 40226: ErrBlocked}
}

func (c *Client) exchange(ctx context.Context, code string) (id Identity, err error) {
	err = c.breakers[opLogin].do(func() error {
		id, err = c.requestLogin(ctx, code)
		return err
	})
	return id, err
}

func (c *Client) requestLogin(ctx context.Context, code string) (Identity, error) {
	res, err := c.auth.Code2SessionContext(ctx, code)
	switch {
	case res.ErrCode != 0:
		return Identity{}, platformError(opLogin, res.ErrCode, res.ErrMsg)
	case err != nil:
		return Identity{}, err
	case res.OpenID == "": // the SDK takes {} for success
		return Identity{}, errNoOpenID
	}
	return Identity{OpenID: res.OpenID, UnionID: res.UnionID}, nil
}

// pause reports whether d passed before ctx ended.
func pause(ctx context.Context, d time.Duration) bool {
	timer := time.NewTimer(d)
	defer timer.Stop()
	select {
	case <-timer.C:
		return true
	case <-ctx.Done():
		return false
	}
}
