package sim

import (
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"regexp"
	"strings"
	"sync"
	"testing"
	"time"
)

const (
	appID  = "wxsim"
	secret = "simsecret"
	openID = "oMember1"
	mobile = "13800138000"
)

type clock struct {
	mu sync.Mutex
	at time.Time
}

func (c *clock) now() time.Time {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.at
}

func (c *clock) advance(d time.Duration) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.at = c.at.Add(d)
}

// world is a platform, its clock, and a caller that knows nothing but HTTP.
type world struct {
	*Platform
	*clock
	client *http.Client
}

func newWorld() world {
	clk := &clock{at: time.Date(2026, 11, 23, 9, 0, 0, 0, time.UTC)}
	p := New(Config{AppID: appID, AppSecret: secret, Now: clk.now, Pages: []string{"pages/home"}})
	return world{p, clk, &http.Client{Transport: p.Transport()}}
}

// do sends a request and returns its status and body; body "" is a GET.
func (w world) do(t *testing.T, path, body string) (int, string) {
	t.Helper()
	method := http.MethodPost
	if body == "" {
		method = http.MethodGet
	}
	r, err := http.NewRequestWithContext(t.Context(), method, "https://api.weixin.qq.com"+path, strings.NewReader(body))
	if err != nil {
		t.Fatal(err)
	}
	resp, err := w.client.Do(r)
	if err != nil {
		t.Fatal(err)
	}
	defer resp.Body.Close()
	raw, err := io.ReadAll(resp.Body)
	if err != nil {
		t.Fatal(err)
	}
	return resp.StatusCode, string(raw)
}

func (w world) login(t *testing.T, code string) string {
	t.Helper()
	q := url.Values{"appid": {appID}, "secret": {secret}, "js_code": {code}, "grant_type": {"authorization_code"}}
	_, body := w.do(t, pathLogin+"?"+q.Encode(), "")
	return body
}

func (w world) stable(t *testing.T, force bool) (token string, expiresIn int64) {
	t.Helper()
	body := fmt.Sprintf(`{"grant_type":"client_credential","appid":%q,"secret":%q,"force_refresh":%v}`, appID, secret, force)
	_, out := w.do(t, pathStableToken, body)
	return decodeToken(t, out)
}

func (w world) normal(t *testing.T) (token string, expiresIn int64) {
	t.Helper()
	_, out := w.do(t, pathToken+"?grant_type=client_credential&appid="+appID+"&secret="+secret, "")
	return decodeToken(t, out)
}

func decodeToken(t *testing.T, body string) (string, int64) {
	t.Helper()
	var a tokenAnswer
	if err := json.Unmarshal([]byte(body), &a); err != nil {
		t.Fatal(err)
	}
	return a.Token, a.ExpiresIn
}

// errcode is what body refuses with, 0 for an image or a success.
func errcode(body string) int {
	var r refusal
	_ = json.Unmarshal([]byte(body), &r) // an image is a success
	return r.Code
}

const rid = `[0-9a-f]{8}-[0-9a-f]{8}-[0-9a-f]{8}`

func wantMatch(t *testing.T, pattern, body string) {
	t.Helper()
	if !regexp.MustCompile("^" + pattern + "$").MatchString(body) {
		t.Errorf("%s\nis not %s", body, pattern)
	}
}

func TestLogin(t *testing.T) {
	w := newWorld()
	code := w.LoginCode(openID)
	wantMatch(t, `[0-9A-Za-z_-]{32}`, code)
	wantMatch(t, `\{"session_key":"[0-9A-Za-z+/]{22}==","openid":"oMember1"\}`, w.login(t, code))
	wantMatch(t, `\{"errcode":40163,"errmsg":"code been used, rid: `+rid+`"\}`, w.login(t, code))
	wantMatch(t, `\{"errcode":40029,"errmsg":"invalid code, rid: `+rid+`"\}`, w.login(t, "never"))

	code = w.LoginCode(openID)
	w.advance(ticketLife - time.Nanosecond)
	if got := errcode(w.login(t, code)); got != 0 {
		t.Errorf("at the last moment: errcode %d", got)
	}
	code = w.LoginCode(openID)
	w.advance(ticketLife)
	if got := errcode(w.login(t, code)); got != 40029 {
		t.Errorf("after five minutes: errcode %d, want 40029", got)
	}
}

func TestLoginAtTheEdge(t *testing.T) {
	w := newWorld()
	base := url.Values{
		"appid": {appID}, "secret": {secret}, "js_code": {w.LoginCode(openID)}, "grant_type": {"authorization_code"},
	}
	for _, tc := range []struct {
		key, value string
		want       int
	}{
		{"appid", "", 41002}, {"secret", "", 41004}, {"appid", "wxother", 40013}, {"secret", "wrong", 40125},
		{"grant_type", "client_credential", 40002}, {"js_code", "", 41008},
	} {
		was := base.Get(tc.key)
		base.Set(tc.key, tc.value)
		if _, body := w.do(t, pathLogin+"?"+base.Encode(), ""); errcode(body) != tc.want {
			t.Errorf("%s=%q: %s, want %d", tc.key, tc.value, body, tc.want)
		}
		base.Set(tc.key, was)
	}
	if _, body := w.do(t, pathLogin+"?"+base.Encode(), ""); errcode(body) != 0 {
		t.Errorf("a refused request spent the code: %s", body)
	}
}

func TestPhone(t *testing.T) {
	w := newWorld()
	token, _ := w.stable(t, false)
	ask := func(code, openID string) string {
		in, _ := json.Marshal(map[string]string{"code": code, "openid": openID})
		_, body := w.do(t, pathPhone+"?access_token="+token, string(in))
		return body
	}
	code := w.PhoneCode(openID, mobile)
	wantMatch(t, `[0-9a-f]{64}`, code)
	wantMatch(t, `\{"errcode":40003,"errmsg":"invalid openid rid: `+rid+`"\}`, ask(code, "oSomebodyElse"))
	wantMatch(t, `\{"errcode":0,"errmsg":"ok","phone_info":\{"phoneNumber":"13800138000","purePhoneNumber":"13800138000",`+
		`"countryCode":"86","watermark":\{"timestamp":1795424400,"appid":"wxsim"\}\}\}`, ask(code, openID))
	wantMatch(t, `\{"errcode":40029,"errmsg":"invalid code hint: \[[0-9A-Za-z]{9}-[0-9A-Za-z]{6}\] rid: `+rid+`"\}`, ask(code, ""))

	abroad := ask(w.PhoneCode(openID, "+852-91234567"), "")
	wantMatch(t, `.*"phoneNumber":"\+85291234567","purePhoneNumber":"91234567","countryCode":"852".*`, abroad)

	if err := w.Fail(Fault{Endpoint: pathPhone, CountryCodeNumber: true}); err != nil {
		t.Fatal(err)
	}
	wantMatch(t, `.*"countryCode":86,.*`, ask(w.PhoneCode(openID, mobile), ""))

	code = w.PhoneCode(openID, mobile)
	w.advance(ticketLife)
	if got := errcode(ask(code, "")); got != 40029 {
		t.Errorf("after five minutes: errcode %d, want 40029", got)
	}
}

func TestMethodsAndPaths(t *testing.T) {
	w := newWorld()
	for _, tc := range []struct {
		path, body string
		want       int
	}{
		{pathLogin, "{}", 43001}, {pathToken, "{}", 43001}, {pathStableToken, "", 43002}, {pathPhone, "", 43002},
		{pathQRCode, "", 43002}, {"/cgi-bin/unknown", "", 40066}, {pathPhone, "{}", 41001}, {pathStableToken, "x", 47001},
	} {
		status, body := w.do(t, tc.path, tc.body)
		if status != http.StatusOK || errcode(body) != tc.want {
			t.Errorf("%s: %d %s, want errcode %d", tc.path, status, body, tc.want)
		}
	}
}

func TestIDsNeverRepeatAndNeverSurprise(t *testing.T) {
	a, b, seen := newWorld(), newWorld(), map[string]bool{}
	for range 1000 {
		code := a.LoginCode(openID)
		if seen[code] || code != b.LoginCode(openID) {
			t.Fatalf("code %s repeats, or differs between equal platforms", code)
		}
		seen[code] = true
	}
	a.Reset()
	if seen[a.LoginCode(openID)] {
		t.Error("a code was given again after Reset")
	}
}

func TestMemoryIsBounded(t *testing.T) {
	w := newWorld()
	first := w.LoginCode(openID)
	for range maxTickets {
		w.LoginCode(openID)
	}
	if n := len(w.state.logins.byCode); n != maxTickets || len(w.state.logins.order) != n {
		t.Errorf("%d codes kept, want %d", n, maxTickets)
	}
	if got := errcode(w.login(t, first)); got != 40029 {
		t.Errorf("the oldest code: errcode %d, want 40029", got)
	}
	w.advance(ticketLife)
	w.LoginCode(openID)
	if n := len(w.state.logins.byCode); n != 1 {
		t.Errorf("%d codes kept after five minutes, want 1", n)
	}
	long := strings.Repeat("x", 2*maxEntry)
	for i := range maxEntries + 3 {
		w.do(t, fmt.Sprintf("/cgi-bin/unknown?i=%d&x=%s", i, long), "")
	}
	j := w.Journal()
	if len(j) != maxEntries || len(j[0].Query) != maxEntry {
		t.Fatalf("%d entries of %d bytes, want %d of %d", len(j), len(j[0].Query), maxEntries, maxEntry)
	}
	if !strings.HasPrefix(j[0].Query, "i=3&") || !strings.HasPrefix(j[maxEntries-1].Query, "i=1002&") {
		t.Errorf("journal runs from %.8q to %.8q", j[0].Query, j[maxEntries-1].Query)
	}
}

func TestJournalSize(t *testing.T) {
	for size, want := range map[int]int{-1: 0, 0: 5, 3: 3, 9: 5} {
		p := New(Config{AppID: appID, AppSecret: secret, JournalSize: size})
		w := world{p, &clock{}, &http.Client{Transport: p.Transport()}}
		for range 5 {
			w.do(t, pathToken, "")
		}
		if n := len(w.Journal()); n != want {
			t.Errorf("a size of %d: %d entries, want %d", size, n, want)
		}
	}
}

func TestConcurrency(t *testing.T) {
	w := newWorld()
	code := w.LoginCode(openID)
	var wg sync.WaitGroup
	var mu sync.Mutex
	codes := map[int]int{}
	for range 20 {
		wg.Go(func() {
			w.stable(t, false)
			w.Journal()
			_ = w.Fail(Fault{Endpoint: pathToken, Errcode: -1})
			got := errcode(w.login(t, code))
			mu.Lock()
			defer mu.Unlock()
			codes[got]++
		})
	}
	wg.Wait()
	if codes[0] != 1 || codes[40163] != 19 {
		t.Errorf("one code, twenty logins: %v", codes)
	}
}
