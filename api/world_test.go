package api_test

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"io"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync"
	"testing"
	"time"

	"golang.org/x/crypto/bcrypt"
	"gorm.io/gorm"

	"zhibu/api"
	"zhibu/model"
	"zhibu/model/modeltest"
	"zhibu/service/activity"
	"zhibu/service/audit"
	"zhibu/service/calendar"
	"zhibu/service/checkin"
	"zhibu/service/dues"
	"zhibu/service/feedback"
	"zhibu/service/period"
	"zhibu/service/push"
	"zhibu/service/roster"
	"zhibu/service/setting"
	"zhibu/service/signin"
	"zhibu/service/unit"
	"zhibu/service/wechat"
	"zhibu/service/wechat/sim"
)

// world is a whole zhibu behind its real router, on a real database, with a simulated WeChat and a clock that stands
// still at 2026-03-02 09:00 (a Monday).
type world struct {
	t        testing.TB
	db       *model.DB
	keys     *model.Keyring
	clock    *modeltest.Clock
	wechat   *sim.Platform
	services api.Services
	handler  http.Handler
	tokens   map[string]signedIn
	made     int             // activities of the walk, which need titles of their own
	said     map[int64]int64 // by unit, an announcement, likewise
	looked   map[int64]int   // by member, how much of the inbox was looked at
	push     pushSetup
	kept     map[int64]int64 // by unit, a period for all who only read
}

// signedIn is an access token with the moment it was made.
type signedIn struct {
	token string
	at    time.Time
}

// The units of the world. Their ids look alike on purpose: 1 is no prefix of 10, nor 10 of 101.
//
//	1 root ── 10 branch ── 101 group
//	  │    └─ 11 branch
//	  └─ 12 league general branch ── 120 league branch
//	2 another root ── 100 branch
const (
	root, branch, group, sibling, leagueRoot, leagueBranch, otherRoot, otherBranch = 1, 10, 101, 11, 12, 120, 2, 100
)

// The members of the world. Each is bound to the openid "o-<name>".
const (
	secretary = 1000 + iota // of branch
	plain                   // of branch
	leader                  // of group, and its leader
	colleague               // of sibling
	neighbour               // of sibling, its secretary
	chief                   // of branch, and admin of root
	auditor                 // of branch, and auditor of root
	youth                   // of leagueBranch, its secretary
	both                    // of branch and of leagueBranch
	stranger                // of otherBranch, its secretary
	nobody                  // of branch, bound to no WeChat
)

var people = []struct {
	id       int64
	name     string
	unit     int64
	title    model.Title
	post     int64 // the unit of the title
	inLeague int64
}{
	{id: secretary, name: "书甲", unit: branch, title: model.Secretary, post: branch},
	{id: plain, name: "员乙", unit: branch},
	{id: leader, name: "组丙", unit: group, title: model.GroupLeader, post: group},
	{id: colleague, name: "邻丁", unit: sibling},
	{id: neighbour, name: "邻书", unit: sibling, title: model.Secretary, post: sibling},
	{id: chief, name: "管戊", unit: branch, title: model.Admin, post: root},
	{id: auditor, name: "审己", unit: branch, title: model.Auditor, post: root},
	{id: youth, name: "团庚", unit: leagueBranch, title: model.LeagueSecretary, post: leagueBranch},
	{id: both, name: "双辛", unit: branch, inLeague: leagueBranch},
	{id: stranger, name: "外壬", unit: otherBranch, title: model.Secretary, post: otherBranch},
	{id: nobody, name: "无癸", unit: branch},
}

// each runs a test in a fresh world on SQLite and on MariaDB.
func each(t *testing.T, test func(t *testing.T, w *world)) {
	t.Helper()
	modeltest.Each(t, func(t *testing.T, db *model.DB) { test(t, newWorld(t, db)) })
}

func newWorld(t testing.TB, db *model.DB, changes ...func(*pushSetup)) *world {
	t.Helper()
	w := &world{
		t: t, db: db, keys: modeltest.Keyring(t), clock: modeltest.NewClock("2026-03-02 09:00"), tokens: map[string]signedIn{}, looked: map[int64]int{}, push: usualPush(),
	}
	for _, change := range changes {
		change(&w.push)
	}
	w.wechat = sim.New(sim.Config{
		AppID: "wx0123456789abcdef", AppSecret: "secret", Now: w.clock.Now, Merchant: merchant(t), Deliver: delivery{w},
		Templates: onPlatform(w.push.templates), Events: &w.push.events,
	})
	w.start()
	w.populate()
	return w
}

// start builds an instance of the program on the world's database: services of its own behind a router of its own.
func (w *world) start() {
	w.t.Helper()
	db := w.db
	quiet := slog.New(slog.NewTextHandler(io.Discard, nil))
	platform, err := wechat.New(wechat.Config{
		AppID: "wx0123456789abcdef", AppSecret: "secret", Transport: w.wechat.Transport(), Now: w.clock.Now, Logger: quiet,
	})
	w.must(err)
	signIn, err := signin.New(db, w.keys, signin.Platform{
		OpenID: func(ctx context.Context, code string) (string, error) {
			identity, err := platform.Login(ctx, code)
			return identity.OpenID, err
		},
		Phone: platform.Phone,
	}, signin.Config{Secret: bytes.Repeat([]byte("s"), 32), Issuer: "test", BcryptCost: bcrypt.MinCost}, w.clock.Now)
	w.must(err)
	w.services = api.Services{
		SignIn: signIn, Unit: unit.New(db, w.clock.Now), Roster: roster.New(db, w.keys, w.clock.Now),
		Activity: activity.New(db, w.clock.Now, false), CheckIn: checkin.New(db, bytes.Repeat([]byte("c"), 32), w.clock.Now),
		Audit: audit.New(db), Feedback: feedback.New(db, w.clock.Now),
		Setting: setting.New(db, w.clock.Now), Calendar: calendar.New(db, w.clock.Now),
		Period: period.New(db, w.keys, w.clock.Now, period.Switches{}),
		Dues:   dues.New(db, w.keys, w.clock.Now, w.pay(), false),
		Push: push.New(db, w.clock.Now, platform, push.Config{
			Templates: w.push.templates, PerSecond: 1000, InFlight: 20, NamesDrilldown: w.push.names, Logger: quiet,
		}),
	}
	events, err := wechat.NewReceiver(wechat.ReceiverConfig{
		AppID: "wx0123456789abcdef", Token: w.push.events.Token, EncodingAESKey: w.push.events.EncodingAESKey, Now: w.clock.Now,
	})
	w.must(err)
	w.handler = api.New(w.services, api.Options{
		Now: w.clock.Now, Logger: quiet, Version: "test", Ready: db.Ping, PublicURL: "https://zhibu.example",
		Features:  []api.Feature{{Key: "location", Name: "定位签到", Reason: "默认关闭"}},
		PayNotice: w.pay().ParseNotify, Events: events,
		MiniProgramCode: func(ctx context.Context, activityID int64) ([]byte, string, error) {
			return platform.QRCode(ctx, wechat.QRRequest{Scene: fmt.Sprintf("a=%d", activityID), Page: "pages/activity"})
		},
	})
}

// merchant is the one merchant of all the worlds: its keys take a good part of a second to make.
func merchant(t testing.TB) *sim.Merchant {
	t.Helper()
	m, err := theMerchant()
	if err != nil {
		t.Fatal(err)
	}
	return m
}

var theMerchant = sync.OnceValues(func() (*sim.Merchant, error) { return sim.NewMerchant("1900000109") })

// delivery brings the notifications of the simulated WeChat Pay to the world's own router.
type delivery struct{ w *world }

func (d delivery) RoundTrip(r *http.Request) (*http.Response, error) {
	recorder := httptest.NewRecorder()
	in := r.Clone(r.Context())
	in.RequestURI, in.RemoteAddr = r.URL.RequestURI(), "203.0.113.9:443"
	d.w.handler.ServeHTTP(recorder, in)
	return recorder.Result(), nil
}

// pay is the world's own side of WeChat Pay.
func (w *world) pay() *wechat.Pay {
	m := merchant(w.t)
	p, err := wechat.NewPay(wechat.PayConfig{
		AppID: "wx0123456789abcdef", MchID: m.MchID, CertSerial: m.CertSerial, PrivateKey: m.PrivateKey, PublicKeyID: m.PublicKeyID,
		PublicKey: m.PublicKey, APIv3Key: m.APIv3Key, NotifyURL: "https://zhibu.example/api/v1/wechat/pay/notify",
		Transport: w.wechat.Transport(), Now: w.clock.Now,
	})
	w.must(err)
	return p
}

func (w *world) must(err error) {
	w.t.Helper()
	if err != nil {
		w.t.Fatal(err)
	}
}

// populate writes the rows of the units and people, as if they had been there since 2020.
func (w *world) populate() {
	w.t.Helper()
	const since = "2020-01-01"
	unitRow := func(id int64, parent *int64, path string, kind model.UnitKind) model.Unit {
		return model.Unit{ID: id, ParentID: parent, Kind: kind, Name: fmt.Sprintf("单位%d", id), Code: fmt.Sprintf("%03d", id),
			Path: path, FoundedOn: since, ClosedOn: model.Forever}
	}
	units := []model.Unit{
		unitRow(root, nil, "/1/", model.PartyGeneralBranch), unitRow(branch, new(int64(root)), "/1/10/", model.PartyBranch),
		unitRow(group, new(int64(branch)), "/1/10/101/", model.PartyGroup), unitRow(sibling, new(int64(root)), "/1/11/", model.PartyBranch),
		unitRow(leagueRoot, new(int64(root)), "/1/12/", model.LeagueGeneralBranch),
		unitRow(leagueBranch, new(int64(leagueRoot)), "/1/12/120/", model.LeagueBranch),
		unitRow(otherRoot, nil, "/2/", model.PartyGeneralBranch), unitRow(otherBranch, new(int64(otherRoot)), "/2/100/", model.PartyBranch),
	}
	w.must(w.db.Write(w.t.Context(), func(tx *gorm.DB) error {
		if err := tx.Create(units).Error; err != nil {
			return err
		}
		for _, p := range people {
			if err := w.populateMember(tx, p.id, p.name, p.unit, p.inLeague); err != nil {
				return err
			}
			if p.title == "" {
				continue
			}
			post := model.Post{ID: 5000 + p.id, MemberID: p.id, UnitID: p.post, Title: p.title, StartedOn: since, EndedOn: model.Forever}
			if err := tx.Create(&post).Error; err != nil {
				return err
			}
		}
		return nil
	}))
	_, err := w.services.SignIn.CreateAccount(w.t.Context(), "console", signin.DemoPassword("console"), nil, nil)
	w.must(err)
}

// phoneOf is the invented phone number of a member of the world.
func phoneOf(id int64) string { return fmt.Sprintf("1990000%04d", id) }

func (w *world) populateMember(tx *gorm.DB, id int64, name string, unitID, leagueUnitID int64) error {
	phone := phoneOf(id)
	m := model.Member{
		ID: id, Name: name, NameKey: model.NameKey(name), NameSort: fmt.Sprint(id), BirthDate: "1999-01-02",
		PhoneSealed: w.keys.Seal(model.PhoneColumn, phone), PhoneHash: new(w.keys.Hash(model.PhoneColumn, phone)),
	}
	if err := tx.Create(&m).Error; err != nil {
		return err
	}
	for _, home := range []int64{unitID, leagueUnitID} {
		if home == 0 {
			continue
		}
		membership := model.Membership{
			ID: 1000*id + home, MemberID: id, UnitID: home, Track: model.Party, Kind: model.Full, State: model.Active, Category: model.InService,
			JoinedOn: "2020-01-01", StartedOn: "2020-01-01", EndedOn: model.Forever,
		}
		if home == leagueBranch {
			membership.Track, membership.Kind = model.League, model.LeagueMember
		}
		if err := tx.Create(&membership).Error; err != nil {
			return err
		}
	}
	if id == nobody {
		return nil
	}
	return tx.Create(&model.Binding{ID: id, OpenID: openIDOf(id), MemberID: id, Method: "phone", BoundAt: 1}).Error
}

func openIDOf(id int64) string { return fmt.Sprintf("o-member-%d", id) }

// token signs a member in, once, through the simulator.
func (w *world) token(memberID int64) string { return w.tokenOf(openIDOf(memberID)) }

func (w *world) tokenOf(openID string) string {
	w.t.Helper()
	return w.signIn(openID, func() *answer {
		return w.call("POST", "/auth/wechat", "", object{"code": w.wechat.LoginCode(openID)})
	})
}

// console signs the account over everything in.
func (w *world) console() string {
	w.t.Helper()
	return w.signIn("console", func() *answer {
		return w.call("POST", "/auth/password", "", object{"username": "console", "password": "console"})
	})
}

// signIn returns the token of before while it is good.
func (w *world) signIn(who string, do func() *answer) string {
	w.t.Helper()
	now := w.clock.Now()
	if before, ok := w.tokens[who]; ok && now.Sub(before.at).Abs() < time.Hour {
		return before.token
	}
	token := do().wants(200).text("access_token")
	w.tokens[who] = signedIn{token, now}
	return token
}

// object is a JSON object in a request.
type object = map[string]any

// call makes a request below /api/v1; body is nil, raw bytes or anything JSON can write.
func (w *world) call(method, path, token string, body any) *answer {
	w.t.Helper()
	var reader io.Reader
	switch b := body.(type) {
	case nil:
	case []byte:
		reader = bytes.NewReader(b)
	case string:
		reader = strings.NewReader(b)
	default:
		raw, err := json.Marshal(b)
		w.must(err)
		reader = bytes.NewReader(raw)
	}
	r := httptest.NewRequestWithContext(w.t.Context(), method, "/api/v1"+path, reader)
	if body != nil {
		r.Header.Set("Content-Type", "application/json")
	}
	return w.send(r, token)
}

func (w *world) send(r *http.Request, token string) *answer {
	w.t.Helper()
	if token != "" {
		r.Header.Set("Authorization", "Bearer "+token)
	}
	recorder := httptest.NewRecorder()
	w.handler.ServeHTTP(recorder, r)
	conforms(w.t, r, recorder)
	return &answer{t: w.t, request: r.Method + " " + r.URL.Path, ResponseRecorder: recorder}
}

// answer is what came back.
type answer struct {
	t       testing.TB
	request string
	*httptest.ResponseRecorder
}

// wants fails the test unless the status is the one expected.
func (a *answer) wants(status int) *answer {
	a.t.Helper()
	if a.Code != status {
		a.t.Fatalf("%s: status %d, want %d: %s", a.request, a.Code, status, a.Body)
	}
	return a
}

// refuses fails the test unless the answer is the problem expected, in full.
func (a *answer) refuses(status int, code string) *answer {
	a.t.Helper()
	a.wants(status)
	p := a.object()
	if p["code"] != code || p["status"] != float64(status) || p["detail"] == "" || p["request_id"] == "" {
		a.t.Fatalf("%s: %s, want code %s", a.request, a.Body, code)
	}
	if got := a.Header().Get("Content-Type"); got != "application/problem+json" {
		a.t.Fatalf("%s: content type %s", a.request, got)
	}
	return a
}

func (a *answer) object() object {
	a.t.Helper()
	var o object
	if err := json.Unmarshal(a.Body.Bytes(), &o); err != nil {
		a.t.Fatalf("%s: %v: %s", a.request, err, a.Body)
	}
	return o
}

func (a *answer) text(field string) string {
	a.t.Helper()
	s, ok := a.object()[field].(string)
	if !ok {
		a.t.Fatalf("%s: no text %q in %s", a.request, field, a.Body)
	}
	return s
}

func (a *answer) number(field string) int64 {
	a.t.Helper()
	n, ok := a.object()[field].(float64)
	if !ok {
		a.t.Fatalf("%s: no number %q in %s", a.request, field, a.Body)
	}
	return int64(n)
}

func (a *answer) items() []object {
	a.t.Helper()
	var o struct{ Items []object }
	if err := json.Unmarshal(a.Body.Bytes(), &o); err != nil || o.Items == nil {
		a.t.Fatalf("%s: no items in %s", a.request, a.Body)
	}
	return o.Items
}

// events counts the audit: a refused request must not add to it.
func (w *world) events() int64 {
	w.t.Helper()
	var n int64
	w.must(w.db.Read(w.t.Context()).Model(&model.AuditEvent{}).Count(&n).Error)
	return n
}
