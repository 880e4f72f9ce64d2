package wechat

import (
	"errors"
	"fmt"
	"net/url"
	"regexp"
	"slices"
	"strings"
	"time"

	"zhibu/model"
)

// What a call of the platform may come to, for the member who waits for it.
var (
	ErrCodeInvalid = model.NewError(model.Unauthenticated, "wechat_code_invalid",
		"微信登录凭证无效或已过期，请重新进入小程序")
	ErrUnavailable = model.NewError(model.Unavailable, "wechat_unavailable",
		"微信服务暂时不可用，请稍后再试")
	ErrBlocked = model.NewError(model.Forbidden, "wechat_user_blocked",
		"微信提示该账号存在风险，暂不能登录，请按微信的提示解除限制后再试")
	ErrTooMany = model.NewError(model.TooMany, "wechat_too_many",
		"操作太频繁，请一分钟后再试")
	ErrPhoneCodeInvalid = model.NewError(model.Invalid, "phone_code_invalid",
		"手机号授权无效或已过期，请重新点击按钮授权手机号")
)

// PlatformError is the platform's own refusal, the cause of the *model.Error a Client returns.
type PlatformError struct {
	Op   string // the operation, such as "login"
	Code int64  // errcode
	Msg  string // errmsg without the request id
	RID  string // the request id that Tencent's support asks for
}

func (e *PlatformError) Error() string {
	text := fmt.Sprintf("wechat %s: errcode %d: %s", e.Op, e.Code, e.Msg)
	if e.RID != "" {
		text += " (rid " + e.RID + ")"
	}
	return text
}

var requestID = regexp.MustCompile(`,?\s*(?:hint: \[[^\]]*\]\s*)?rid: ([0-9A-Za-z-]+)\s*$`)

func platformError(op string, code int64, msg string) *PlatformError {
	e := &PlatformError{Op: op, Code: code, Msg: msg}
	if m := requestID.FindStringSubmatchIndex(msg); m != nil {
		e.Msg, e.RID = msg[:m[0]], msg[m[2]:m[3]]
	}
	return e
}

// isCode reports whether err is a refusal with one of the codes.
func isCode(err error, codes ...int64) bool {
	var p *PlatformError
	return errors.As(err, &p) && slices.Contains(codes, p.Code)
}

// refuse words err for the member and keeps its cause, clean, for the log.
func (c *Client) refuse(op operation, err error) error {
	if err == nil || model.AsError(err) != nil {
		return err
	}
	cause := c.cause(op, err)
	if p, ok := cause.(*PlatformError); ok {
		return c.meaning(op, p)
	}
	var open *openError
	if errors.As(err, &open) {
		return ErrUnavailable.With(cause).After(open.again)
	}
	return ErrUnavailable.With(cause)
}

// meaning is what a refusal tells the member. A refused token is nobody's fault who waits for a call.
func (c *Client) meaning(op operation, p *PlatformError) error {
	if p.Op == op.name {
		if own, ok := op.refusals[p.Code]; ok {
			return own.With(p)
		}
		switch now := c.now(); p.Code {
		case 45011:
			return ErrTooMany.With(p).After(untilNext(now, time.Minute))
		case 45009:
			return ErrTooMany.Saying("今天调用微信的次数已用完，请明天再试").With(p).After(untilMidnight(now))
		}
	}
	if advice := p.advice(); advice != "" {
		return ErrUnavailable.With(fmt.Errorf("%w（%s）", p, advice))
	}
	return ErrUnavailable.With(p)
}

// cause is err without its URL and without anything private: a *PlatformError if the platform refused, else an error
// that still wraps what went wrong unless that is unclean itself.
func (c *Client) cause(op operation, err error) error {
	private := append(slices.Clone(op.private), c.secret)
	var p *PlatformError
	if errors.As(err, &p) {
		clean := *p // the original may be shared by all who wait for a token
		clean.Msg = redact(p.Msg, private...)
		return &clean
	}
	var u *url.Error
	if errors.As(err, &u) {
		err = u.Err // the URL holds the secret or the token
	}
	text := redact(err.Error(), private...)
	if text != err.Error() {
		return fmt.Errorf("wechat %s: %s", op.name, text)
	}
	return fmt.Errorf("wechat %s: %w", op.name, err)
}

var (
	privateInQuery = regexp.MustCompile(`(?i)\b(secret|access_token|js_code|openid|session_key|code)=[^&\s"]*`)
	privateInJSON  = regexp.MustCompile(`(?i)"(secret|access_token|js_code|openid|session_key|code)"\s*:\s*"[^"]*"?`)
)

// A shorter value is no secret, and blanking it would blank words.
const shortestPrivate = 8

// redact blanks the values of private parameters and the given values wherever they stand.
func redact(text string, private ...string) string {
	for _, v := range private {
		if len(v) >= shortestPrivate {
			text = strings.ReplaceAll(text, v, "***")
		}
	}
	text = privateInQuery.ReplaceAllString(text, "$1=***")
	return privateInJSON.ReplaceAllString(text, `"$1":"***"`)
}

func untilNext(now time.Time, unit time.Duration) time.Duration {
	return now.Truncate(unit).Add(unit).Sub(now)
}

// untilMidnight is the time left of the day in China, where the platform's daily quotas begin anew.
func untilMidnight(now time.Time) time.Duration {
	const offset = 8 * time.Hour
	return untilNext(now.Add(offset), 24*time.Hour)
}
