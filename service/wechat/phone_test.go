package wechat

import (
	"net/http"
	"strings"
	"testing"

	"zhibu/model"
	"zhibu/service/wechat/sim"
)

func TestPhone(t *testing.T) {
	for name, f := range map[string]sim.Fault{
		"as the table has it":   {LatencyMS: 1},
		"as the example has it": {Endpoint: phonePath, CountryCodeNumber: true},
	} {
		w := newWorld(t)
		w.fail(t, f)
		got, err := w.Phone(t.Context(), openID, w.platform.PhoneCode(openID, mobile))
		if err != nil || got != mobile {
			t.Errorf("%s: Phone = %q, %v", name, got, err)
		}
		if last := w.platform.Journal(); !strings.Contains(last[len(last)-1].Body, `"openid":"`+openID+`"`) {
			t.Errorf("%s: the openid was not sent", name)
		}
	}
}

func TestPhoneRefusals(t *testing.T) {
	for _, code := range []int{40029, 40163, 40013, 40003} {
		w := newWorld(t)
		w.fail(t, sim.Fault{Endpoint: phonePath, Errcode: code})
		_, err := w.Phone(t.Context(), openID, w.platform.PhoneCode(openID, mobile))
		wantError(t, err, ErrPhoneCodeInvalid, int64(code))
	}
	for code, want := range map[int]*model.Error{45011: ErrTooMany, -1: ErrUnavailable, 48001: ErrUnavailable} {
		w := newWorld(t)
		w.fail(t, sim.Fault{Endpoint: phonePath, Errcode: code})
		_, err := w.Phone(t.Context(), openID, w.platform.PhoneCode(openID, mobile))
		wantError(t, err, want, int64(code))
	}
}

func TestPhoneOfSomebodyElse(t *testing.T) {
	w := newWorld(t)
	_, err := w.Phone(t.Context(), "oSomebodyElse", w.platform.PhoneCode(openID, mobile))
	wantError(t, err, ErrPhoneCodeInvalid, 40003)
}

func TestPhoneOutsideTheMainland(t *testing.T) {
	w := newWorld(t)
	number, err := w.Phone(t.Context(), openID, w.platform.PhoneCode(openID, "+852-91234567"))
	wantError(t, err, ErrPhoneCodeInvalid, 0)
	if number != "" || !strings.Contains(model.AsError(err).Message, "+86") {
		t.Errorf("Phone = %q, %v", number, err)
	}
}

func TestPhoneRefusesAMalformedCodeUnasked(t *testing.T) {
	w := newWorld(t)
	for _, code := range []string{"", strings.Repeat("x", 513)} {
		_, err := w.Phone(t.Context(), openID, code)
		wantError(t, err, ErrPhoneCodeInvalid, 0)
	}
	if n := len(w.platform.Journal()); n != 0 {
		t.Errorf("%d requests left the program, want none", n)
	}
}

// A wrong AppID shows when the token is fetched; the member's code is not to blame.
func TestPhoneWithAWrongAppID(t *testing.T) {
	w := newWorld(t)
	w.fail(t, sim.Fault{Endpoint: tokenPath, Errcode: 40013})
	_, err := w.Phone(t.Context(), openID, w.platform.PhoneCode(openID, mobile))
	wantError(t, err, ErrUnavailable, 40013)
}

func TestPhoneWithAStrangeAnswer(t *testing.T) {
	for name, body := range map[string]string{
		"nothing":       `{}`,
		"null":          `{"errcode":0,"phone_info":null}`,
		"null number":   `{"errcode":0,"phone_info":{"purePhoneNumber":null,"countryCode":"86"}}`,
		"no country":    `{"errcode":0,"phone_info":{"purePhoneNumber":"13800138000"}}`,
		"short number":  `{"errcode":0,"phone_info":{"purePhoneNumber":1380013800,"countryCode":86}}`,
		"other shape":   `{"errcode":0,"phone_info":[13800138000]}`,
		"an object":     `{"errcode":0,"phone_info":{"purePhoneNumber":{"n":13800138000},"countryCode":"86"}}`,
		"not JSON":      `13800138000 is the number`,
		"broken JSON":   `{"errcode":0,"phone_info":{"purePhoneNumber":"13800138000`,
		"errcode alone": `{"errcode":40097}`,
	} {
		c, _ := newClient(t, tokenThen(answering(http.StatusOK, body)), nil)
		number, err := c.Phone(t.Context(), openID, "0123456789abcdef")
		wantError(t, err, ErrUnavailable, 0)
		if number != "" {
			t.Errorf("%s: number %q", name, number)
		}
		wantClean(t, err.Error(), mobile, openID)
	}
}

// tokenThen hands out a token and leaves every other call to next.
func tokenThen(next roundTripper) roundTripper {
	return func(r *http.Request) (*http.Response, error) {
		if r.URL.Path == tokenPath {
			return answering(http.StatusOK, `{"access_token":"70_THETOKEN","expires_in":7200}`)(r)
		}
		return next(r)
	}
}
