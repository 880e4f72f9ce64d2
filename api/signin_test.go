package api_test

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"gorm.io/gorm"

	"zhibu/model"
	"zhibu/service/signin"
	"zhibu/service/wechat/sim"
)

// golden compares a JSON answer with testdata/<name>.json, the same for both databases. Run with ZHIBU_TEST_UPDATE=1 to
// rewrite the file.
func golden(t *testing.T, name string, body []byte) {
	t.Helper()
	var got bytes.Buffer
	if err := json.Indent(&got, body, "", "  "); err != nil {
		t.Fatal(err)
	}
	file := filepath.Join("testdata", name+".json")
	if os.Getenv("ZHIBU_TEST_UPDATE") != "" {
		if err := errors.Join(os.MkdirAll(filepath.Dir(file), 0o755), os.WriteFile(file, got.Bytes(), 0o644)); err != nil {
			t.Fatal(err)
		}
	}
	want, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	if d := cmp.Diff(string(want), got.String()); d != "" {
		t.Errorf("%s: %s", name, d)
	}
}

// guest signs a WeChat in that is bound to nobody.
func (w *world) guest(openID string) string {
	w.t.Helper()
	a := w.call("POST", "/auth/wechat", "", object{"code": w.wechat.LoginCode(openID)}).wants(200)
	if a.object()["member"] != nil {
		w.t.Fatalf("%s is bound: %s", openID, a.Body)
	}
	return a.text("access_token")
}

func TestSignInByWeChat(t *testing.T) {
	each(t, func(t *testing.T, w *world) {
		a := w.call("POST", "/auth/wechat", "", object{"code": w.wechat.LoginCode(openIDOf(plain))}).wants(200)
		if a.text("token_type") != "Bearer" || a.number("expires_in") != 7200 || a.object()["member"].(object)["name"] != "员乙" {
			t.Error(a.Body)
		}
		w.call("POST", "/auth/wechat", "", object{"code": "nonsense"}).refuses(401, "wechat_code_invalid")
		w.call("POST", "/auth/wechat", "", object{}).refuses(422, "invalid_request")
		w.must(w.wechat.Fail(sim.Fault{Endpoint: "/sns/jscode2session", Status: 502, Times: 9}))
		w.call("POST", "/auth/wechat", "", object{"code": w.wechat.LoginCode(openIDOf(plain))}).refuses(503, "wechat_unavailable")
	})
}

func TestBindByPhoneAndByInvite(t *testing.T) {
	each(t, func(t *testing.T, w *world) {
		guest := w.guest("o-new")
		w.call("GET", "/units", guest, nil).refuses(403, "not_bound")
		if me := w.call("GET", "/me", guest, nil).wants(200).object(); me["member"] != nil || len(me["roles"].([]any)) != 0 {
			t.Errorf("a guest is %v", me)
		}
		phone := func(openID string, id int64) object {
			return object{"name": "无癸", "phone_code": w.wechat.PhoneCode(openID, phoneOf(id))}
		}
		w.call("POST", "/auth/bind", "", phone("o-new", nobody)).refuses(401, "unauthenticated")
		w.call("POST", "/auth/bind", guest, phone("o-new", plain)).refuses(404, "not_on_roster")
		w.call("POST", "/auth/bind", guest, object{"name": "无癸"}).refuses(422, "invalid_request")
		claim := phone("o-new", nobody)
		bound := w.call("POST", "/auth/bind", guest, claim).wants(200)
		w.call("GET", "/units", bound.text("access_token"), nil).wants(200)
		w.call("GET", "/units", guest, nil).wants(200) // the token it had before
		w.call("POST", "/auth/bind", guest, claim).wants(200)
		other := w.guest("o-other")
		w.call("POST", "/auth/bind", other, phone("o-other", nobody)).refuses(409, "already_bound")

		path := fmt.Sprintf("/members/%d", nobody)
		w.call("DELETE", path+"/wechat?reason=换手机", w.token(secretary), nil).wants(204)
		w.call("GET", "/me", guest, nil).refuses(401, "unauthenticated")
		invite := w.call("POST", path+"/invite", w.token(secretary), nil).wants(201)
		if invite.text("expires_at") != "2026-03-09T09:00:00+08:00" {
			t.Error(invite.Body)
		}
		w.call("POST", "/auth/bind", other, object{"name": "无癸", "invite_code": invite.text("invite_code")}).wants(200)
	})
}

func TestWhoInvitesAndUnbinds(t *testing.T) {
	each(t, func(t *testing.T, w *world) {
		for _, c := range []struct {
			token  string
			member int64
			status int
			code   string
		}{
			{"", plain, 401, "unauthenticated"},
			{w.token(leader), plain, 403, "forbidden"},
			{w.token(neighbour), plain, 404, "not_found"},
			{w.token(stranger), plain, 404, "not_found"},
			{w.token(auditor), plain, 403, "forbidden"},
			{w.token(secretary), 99, 404, "not_found"},
			{w.token(secretary), secretary, 403, "own_record"},
		} {
			before := w.events()
			path := fmt.Sprintf("/members/%d", c.member)
			w.call("POST", path+"/invite", c.token, nil).refuses(c.status, c.code)
			if c.code != "own_record" {
				w.call("DELETE", path+"/wechat", c.token, nil).refuses(c.status, c.code)
			}
			if w.events() != before {
				t.Errorf("%s left a trace", c.code)
			}
		}
		w.call("DELETE", fmt.Sprintf("/members/%d/wechat", nobody), w.token(secretary), nil).wants(204)
	})
}

func TestRefreshAndLogout(t *testing.T) {
	each(t, func(t *testing.T, w *world) {
		first := w.call("POST", "/auth/wechat", "", object{"code": w.wechat.LoginCode(openIDOf(plain))}).wants(200)
		refresh := func(a *answer) *answer {
			return w.call("POST", "/auth/refresh", "", object{"refresh_token": a.text("refresh_token")})
		}
		second := refresh(first).wants(200)
		w.call("GET", "/me", second.text("access_token"), nil).wants(200)
		refresh(first).refuses(401, "refresh_token_reused")
		w.call("GET", "/me", second.text("access_token"), nil).refuses(401, "unauthenticated")
		refresh(second).refuses(401, "refresh_token_invalid")
		third := w.call("POST", "/auth/wechat", "", object{"code": w.wechat.LoginCode(openIDOf(plain))}).wants(200)
		w.call("POST", "/auth/logout", third.text("access_token"), nil).wants(204)
		w.call("POST", "/auth/logout", third.text("access_token"), nil).refuses(401, "unauthenticated")
		refresh(third).refuses(401, "refresh_token_invalid")
		w.clock.Advance(signin.AccessLifetime)
		w.call("GET", "/me", w.token(secretary), nil).wants(200)
	})
}

func TestSignInByPassword(t *testing.T) {
	each(t, func(t *testing.T, w *world) {
		try := func(password string) *answer {
			return w.call("POST", "/auth/password", "", object{"username": "Console", "password": password})
		}
		me := w.call("GET", "/me", try("console").wants(200).text("access_token"), nil).wants(200).object()
		if roles := fmt.Sprint(me["roles"]); roles != "[admin]" || me["member"] != nil {
			t.Error(me)
		}
		for range 5 {
			try("wrong").refuses(401, "wrong_credentials")
		}
		if locked := try("console").refuses(429, "locked_out"); locked.Header().Get("Retry-After") != "900" {
			t.Error(locked.Header())
		}
		w.clock.Advance(15 * time.Minute)
		try("console").wants(200)
	})
}

func TestMeAndMyData(t *testing.T) {
	each(t, func(t *testing.T, w *world) {
		me := w.call("GET", "/me", w.token(leader), nil).wants(200)
		golden(t, "signin/me", me.Body.Bytes())
		w.must(w.db.Write(t.Context(), func(tx *gorm.DB) error { // the world leaves it to gorm, which takes the real time
			return tx.Model(&model.Member{}).Where("id = ?", leader).Update("created_at", model.Date("2020-01-01").Start()).Error
		}))
		data := w.call("GET", "/me/data", w.token(leader), nil).wants(200)
		golden(t, "signin/my_data", data.Body.Bytes())
		if strings.Contains(data.Body.String(), openIDOf(leader)) {
			t.Error("the openid is in the export")
		}
		w.call("GET", "/me/data", w.console(), nil).refuses(404, "not_found")
		w.call("GET", "/me/data", "", nil).refuses(401, "unauthenticated")
	})
}

func TestEraseMyData(t *testing.T) {
	each(t, func(t *testing.T, w *world) {
		if a := w.call("DELETE", "/me/data", w.token(plain), nil).wants(202); a.text("state") != "requested" {
			t.Error(a.Body)
		}
		requests := w.call("GET", "/feedback", w.token(chief), nil).wants(200).items()
		if len(requests) != 1 || requests[0]["kind"] != "erasure" {
			t.Error(requests)
		}
		w.must(w.db.Write(t.Context(), endMembershipsOf(plain)))
		if a := w.call("DELETE", "/me/data", w.token(plain), nil).wants(200); a.text("state") != "erased" {
			t.Error(a.Body)
		}
		w.call("GET", "/me", w.token(plain), nil).refuses(401, "unauthenticated")
		var m model.Member
		w.must(w.db.Read(t.Context()).Take(&m, plain).Error)
		if m.Name != signin.ErasedName || m.PhoneSealed != "" || m.PhoneHash != nil {
			t.Errorf("%+v", m)
		}
	})
}
