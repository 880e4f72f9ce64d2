package wechat

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"net/url"
	"regexp"
	"strings"

	"github.com/silenceper/wechat/v2/util"

	"zhibu/model"
)

const (
	opPhone      = "phone"
	maxPhoneCode = 512
)

var (
	mobilePattern = regexp.MustCompile(`^1[0-9]{10}$`)

	errNoPhone = errors.New("the platform answered no phone number")
)

// Phone exchanges the code of the button getPhoneNumber for the member's mobile number, eleven digits without the
// country code. The code is not wx.login's; it serves once, for five minutes, and each success is charged for. With
// openID, the platform checks that it was this member who pressed the button. ErrPhoneCodeInvalid, also for a number
// outside the mainland, ErrTooMany and ErrUnavailable.
func (c *Client) Phone(ctx context.Context, openID, code string) (string, error) {
	if code == "" || len(code) > maxPhoneCode {
		return "", ErrPhoneCodeInvalid.With(errors.New("wechat phone: a malformed code"))
	}
	op := operation{name: opPhone, private: []string{openID, code}, refusals: phoneRefusals()}
	var number string
	err := c.run(ctx, op, func(ctx context.Context) error {
		return c.withToken(ctx, opPhone, func(token string) (err error) {
			number, err = requestPhone(ctx, token, phoneRequest{code, openID})
			return err
		})
	})
	return number, err
}

// phoneRefusals: the app id and the openid are not ours to get wrong here, so both mean a code of somebody else.
func phoneRefusals() map[int64]*model.Error {
	return map[int64]*model.Error{
		40029: ErrPhoneCodeInvalid, 40163: ErrPhoneCodeInvalid,
		40013: ErrPhoneCodeInvalid, 40003: ErrPhoneCodeInvalid,
	}
}

type phoneRequest struct {
	Code   string `json:"code"`
	OpenID string `json:"openid,omitempty"` // newer than the SDK
}

type phoneAnswer struct {
	ErrCode int64  `json:"errcode"`
	ErrMsg  string `json:"errmsg"`
	Info    struct {
		Number  text `json:"purePhoneNumber"`
		Country text `json:"countryCode"`
	} `json:"phone_info"`
}

func requestPhone(ctx context.Context, token string, in phoneRequest) (string, error) {
	uri := platform + "/wxa/business/getuserphonenumber?access_token=" + url.QueryEscape(token)
	raw, err := util.PostJSONContext(ctx, uri, in)
	if err != nil {
		return "", err
	}
	var out phoneAnswer
	if err := json.Unmarshal(raw, &out); err != nil {
		return "", err
	}
	if out.ErrCode != 0 {
		return "", platformError(opPhone, out.ErrCode, out.ErrMsg)
	}
	number, country := string(out.Info.Number), strings.TrimLeft(string(out.Info.Country), "+0")
	switch {
	case number == "" || country == "":
		return "", errNoPhone
	case country != "86":
		return "", ErrPhoneCodeInvalid.Saying("目前只支持中国大陆（+86）的手机号，请换用邀请码")
	case !mobilePattern.MatchString(number):
		return "", errNoPhone
	}
	return number, nil
}

// text is a string that the platform may also write as a number: its example has countryCode 86, its table "86".
type text string

func (t *text) UnmarshalJSON(b []byte) error {
	if bytes.HasPrefix(b, []byte(`"`)) {
		return json.Unmarshal(b, (*string)(t))
	}
	if *t = text(b); *t == "null" {
		*t = ""
	}
	return nil
}
