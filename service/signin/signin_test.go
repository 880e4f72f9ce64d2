package signin_test

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"sync"
	"testing"

	"golang.org/x/crypto/bcrypt"
	"gorm.io/gorm"

	"zhibu/model"
	"zhibu/model/modeltest"
	"zhibu/service/signin"
)

// world is a committee with two branches, a secretary in the first, and a phone network.
type world struct {
	*signin.Service
	t         testing.TB
	db        *model.DB
	clock     *modeltest.Clock
	keys      *model.Keyring
	mu        sync.Mutex
	spent     map[string]bool // phone codes serve once
	down      bool            // the platform does not answer
	committee model.Unit
	branch    model.Unit
	other     model.Unit
	secretary model.Member
	li        model.Member // of the branch, 13800000002
	wang      model.Member // of the other branch, 13800000003
}

var (
	ctx            = context.Background()
	errPhoneSpent  = model.NewError(model.Invalid, "phone_code_invalid", "")
	errUnavailable = model.NewError(model.Unavailable, "wechat_unavailable", "")
)

func each(t *testing.T, test func(t *testing.T, w *world)) {
	modeltest.Each(t, func(t *testing.T, db *model.DB) { test(t, newWorld(t, db)) })
}

func newWorld(t testing.TB, db *model.DB) *world {
	w := &world{t: t, db: db, clock: modeltest.NewClock("2026-03-02 09:00"), keys: modeltest.Keyring(t), spent: map[string]bool{}}
	w.Service = w.service(strings.Repeat("s", 32), "zhibu")
	w.committee = w.unit(model.PartyCommittee, "机关党委", nil)
	w.branch = w.unit(model.PartyBranch, "第一支部", &w.committee)
	w.other = w.unit(model.PartyBranch, "第二支部", &w.committee)
	w.secretary = w.member("赵书记", "13800000001", w.branch)
	w.li = w.member("李 明", "13800000002", w.branch)
	w.wang = w.member("王芳", "13800000003", w.other)
	w.post(w.secretary, w.branch, model.Secretary)
	return w
}

func (w *world) service(secret, issuer string) *signin.Service {
	s, err := signin.New(w.db, w.keys, signin.Platform{OpenID: w.openID, Phone: w.phone},
		signin.Config{Secret: []byte(secret), Issuer: issuer, BcryptCost: bcrypt.MinCost}, w.clock.Now)
	w.must(err)
	return s
}

// openID: the code of a test is the openid itself.
func (w *world) openID(_ context.Context, code string) (string, error) { return code, nil }

// phone: the code is the number, with anything after a bar to tell codes apart.
func (w *world) phone(_ context.Context, _, code string) (string, error) {
	w.mu.Lock()
	defer w.mu.Unlock()
	if w.down {
		return "", errUnavailable
	}
	if w.spent[code] {
		return "", errPhoneSpent
	}
	w.spent[code] = true
	number, _, _ := strings.Cut(code, "|")
	return number, nil
}

func (w *world) must(err error) {
	w.t.Helper()
	if err != nil {
		w.t.Fatal(err)
	}
}

// refused fails the test unless err is the refusal.
func (w *world) refused(err error, want *model.Error) *model.Error {
	w.t.Helper()
	if !errors.Is(err, want) {
		w.t.Fatalf("got %v, want %s", err, want.Code)
	}
	return model.AsError(err)
}

func (w *world) add(row any) {
	w.t.Helper()
	w.must(w.db.Write(ctx, func(tx *gorm.DB) error { return tx.Create(row).Error }))
}

func (w *world) unit(kind model.UnitKind, name string, parent *model.Unit) model.Unit {
	u := model.Unit{ID: model.NewID(), Kind: kind, Name: name, ClosedOn: model.Forever}
	path := ""
	if parent != nil {
		u.ParentID, path = &parent.ID, parent.Path
	}
	u.Path = model.ChildPath(path, u.ID)
	w.add(&u)
	return u
}

func (w *world) member(name, phone string, u model.Unit) model.Member {
	m := model.Member{ID: model.NewID(), Name: name, NameKey: model.NameKey(name), CreatedAt: w.at()}
	m.PhoneSealed = w.keys.Seal(model.PhoneColumn, phone)
	hash := w.keys.Hash(model.PhoneColumn, phone)
	m.PhoneHash = &hash
	w.add(&m)
	w.add(&model.Membership{
		ID: model.NewID(), MemberID: m.ID, UnitID: u.ID, Track: model.Party, Kind: model.Full, State: model.Active,
		Category: model.InService, StartedOn: "2020-01-01", EndedOn: model.Forever,
	})
	return m
}

func (w *world) post(m model.Member, u model.Unit, title model.Title) model.Post {
	p := model.Post{
		ID: model.NewID(), MemberID: m.ID, UnitID: u.ID, Title: title, StartedOn: "2024-01-01", EndedOn: model.Forever,
	}
	w.add(&p)
	return p
}

func (w *world) at() model.Instant { return model.At(w.clock.Now()) }

func (w *world) set(row any, condition string, args []any, changes map[string]any) {
	w.t.Helper()
	w.must(w.db.Write(ctx, func(tx *gorm.DB) error { return tx.Model(row).Where(condition, args...).Updates(changes).Error }))
}

// endMembership takes the member off the roster from today on.
func (w *world) endMembership(m model.Member) {
	w.set(&model.Membership{}, "member_id = ?", []any{m.ID}, map[string]any{"ended_on": w.at().Date()})
}

func (w *world) count(row any, condition string, args ...any) int64 {
	w.t.Helper()
	var n int64
	w.must(w.db.Read(ctx).Model(row).Where(condition, args...).Count(&n).Error)
	return n
}

// signIn opens a session of the openid.
func (w *world) signIn(openID string) signin.SignedIn {
	w.t.Helper()
	in, err := w.WeChat(ctx, model.Actor{}, openID)
	w.must(err)
	return in
}

func (w *world) actor(in signin.SignedIn) model.Actor {
	w.t.Helper()
	a, err := w.Authenticate(ctx, in.AccessToken)
	w.must(err)
	return a
}

// bound signs the openid in and binds it to the member by phone.
func (w *world) bound(openID string, m model.Member) signin.SignedIn {
	w.t.Helper()
	phone, err := w.keys.Open(model.PhoneColumn, m.PhoneSealed)
	w.must(err)
	in, err := w.Bind(ctx, w.actor(w.signIn(openID)), signin.Claim{Name: m.Name, PhoneCode: fmt.Sprint(phone, "|", model.NewID())})
	w.must(err)
	return in
}

// actions lists what the audit holds, in order.
func (w *world) actions() []string {
	w.t.Helper()
	var actions []string
	w.must(w.db.Read(ctx).Model(&model.AuditEvent{}).Order("at, id").Pluck("action", &actions).Error)
	return actions
}
