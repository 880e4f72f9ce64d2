package dues_test

import (
	"context"
	"fmt"
	"net/http"
	"net/http/httptest"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"gorm.io/gorm"
	"pgregory.net/rapid"

	"zhibu/model"
	"zhibu/model/modeltest"
	"zhibu/service/dues"
	"zhibu/service/roster"
	"zhibu/service/unit"
	"zhibu/service/wechat"
	"zhibu/service/wechat/sim"
)

// world is a small organisation: a party general branch with two branches, one of them with a group, and a league branch.
// Two instances of the service share its database and a simulated WeChat Pay.
type world struct {
	t        rapid.TB
	db       *model.DB
	clock    *modeltest.Clock
	s        [2]*dues.Service
	roster   *roster.Service
	tree     *unit.Service
	platform *sim.Platform
	pay      *wechat.Pay
	taken    atomic.Int64 // which instance gets the next notification

	units map[string]model.Unit
	desk  map[string]model.Actor // who collects in a unit
	posts map[string]model.Post
}

// plot of the world: a unit, its kind and the one above it.
var plot = []struct {
	name, above string
	kind        model.UnitKind
}{
	{"党总支", "", model.PartyGeneralBranch},
	{"一支部", "党总支", model.PartyBranch}, {"一组", "一支部", model.PartyGroup}, {"二支部", "党总支", model.PartyBranch},
	{"团支部", "党总支", model.LeagueBranch},
}

// desks are the units that keep books.
var desks = []string{"党总支", "一支部", "二支部", "团支部"}

const appID = "wx0123456789abcdef"

// Keys take long to make and hold no state.
var merchant = sync.OnceValues(func() (*sim.Merchant, error) { return sim.NewMerchant("1900000001") })

// newWorld makes a world in the database; keys need a test, and in a property t is none.
func newWorld(t rapid.TB, db *model.DB, keys *model.Keyring, at string) *world {
	w := &world{
		t: t, db: db, clock: modeltest.NewClock(at), units: map[string]model.Unit{}, desk: map[string]model.Actor{}, posts: map[string]model.Post{},
	}
	w.connect()
	for i := range w.s {
		w.s[i] = dues.New(db, keys, w.clock.Now, w.pay, false)
	}
	w.roster, w.tree = roster.New(db, keys, w.clock.Now), unit.New(db, w.clock.Now)
	for _, p := range plot {
		u := model.Unit{ID: model.NewID(), Kind: p.kind, Name: p.name, ClosedOn: model.Forever}
		u.Path = model.ChildPath("", u.ID)
		if above, ok := w.units[p.above]; ok {
			u.ParentID, u.Path = &above.ID, model.ChildPath(above.Path, u.ID)
		}
		w.units[p.name] = u
		w.add(&u)
	}
	for _, name := range desks {
		w.appoint(name)
	}
	return w
}

// connect brings up WeChat Pay, whose notifications go to the instances in turn.
func (w *world) connect() {
	m, err := merchant()
	w.must(err)
	w.platform = sim.New(sim.Config{AppID: appID, AppSecret: "0123456789abcdef0123456789abcdef", Now: w.clock.Now, Merchant: m, Deliver: network(w.receive)})
	w.pay, err = wechat.NewPay(wechat.PayConfig{
		AppID: appID, MchID: m.MchID, CertSerial: m.CertSerial, PrivateKey: m.PrivateKey, PublicKeyID: m.PublicKeyID, PublicKey: m.PublicKey,
		APIv3Key: m.APIv3Key, NotifyURL: "https://example.org/api/v1/wechat/pay/notify", Transport: w.platform.Transport(), Now: w.clock.Now,
	})
	w.must(err)
}

// network is one with a single server.
type network http.HandlerFunc

func (n network) RoundTrip(r *http.Request) (*http.Response, error) {
	rec := httptest.NewRecorder()
	n(rec, r)
	return rec.Result(), nil
}

func (w *world) receive(rw http.ResponseWriter, r *http.Request) {
	n, err := w.pay.ParseNotify(r)
	if err == nil {
		err = w.s[w.taken.Add(1)%2].Accept(r.Context(), n)
	}
	if err != nil {
		rw.WriteHeader(http.StatusBadRequest)
		return
	}
	rw.WriteHeader(http.StatusNoContent)
}

// appoint makes somebody without a membership the collector of the unit.
func (w *world) appoint(name string) model.Actor {
	w.t.Helper()
	u := w.units[name]
	m := person(name + "的组织委员")
	p := model.Post{ID: model.NewID(), MemberID: m.ID, UnitID: u.ID, Title: model.Organiser, StartedOn: "2020-01-01", EndedOn: model.Forever}
	w.add(&m, &p)
	w.posts[name] = p
	w.desk[name] = model.Actor{
		MemberID: m.ID, Name: m.Name, Bound: true, Grants: []model.Grant{{UnitID: u.ID, Path: u.Path, Title: model.Organiser}},
	}
	return w.desk[name]
}

func (w *world) must(err error) {
	w.t.Helper()
	if err != nil {
		w.t.Fatal(err)
	}
}

// add writes rows as they are.
func (w *world) add(rows ...any) {
	w.t.Helper()
	w.must(w.db.Write(context.Background(), func(tx *gorm.DB) error {
		for _, some := range rows {
			if err := tx.Create(some).Error; err != nil {
				return err
			}
		}
		return nil
	}))
}

func (w *world) read() *gorm.DB { return w.db.Read(context.Background()) }

func (w *world) today() model.Date { return model.At(w.clock.Now()).Date() }

func (w *world) month() model.Month { return model.MonthOf(w.today()) }

// day moves the clock to nine o'clock of the day.
func (w *world) day(d model.Date) { w.clock.Set(d.Start().Time().Add(9 * time.Hour)) }

// chief is an account over everything.
func chief() model.Actor {
	return model.Actor{AccountID: 1, Name: "管理", Bound: true, Grants: []model.Grant{{Path: "/", Title: model.Admin}}}
}

func person(name string) model.Member {
	return model.Member{ID: model.NewID(), Name: name, NameKey: model.NameKey(name), NameSort: name}
}

// self is a member on the phone.
func self(id int64) model.Actor {
	return model.Actor{MemberID: id, Name: "本人", Bound: true, OpenID: fmt.Sprintf("o%027d", id)}
}

// enrol puts somebody on the roster of the unit, since long ago.
func (w *world) enrol(unit string) int64 {
	w.t.Helper()
	m := person(unit + "的人")
	on := enrolled(w.units[unit], m.ID, "2020-01-01")
	w.add(&m, &on)
	return m.ID
}

func enrolled(u model.Unit, memberID int64, from model.Date) model.Membership {
	kind := model.Full
	if u.Kind.Track() == model.League {
		kind = model.LeagueMember
	}
	return model.Membership{
		ID: model.NewID(), MemberID: memberID, UnitID: u.ID, Track: u.Kind.Track(), Kind: kind, State: model.Active,
		Category: model.InService, StartedOn: from, EndedOn: model.Forever,
	}
}

// owes enrols somebody who owes so much a month, from the month on.
func (w *world) owes(unit string, fen model.Fen, from model.Month) int64 {
	w.t.Helper()
	id := w.enrol(unit)
	w.must(w.assess(unit, id, fen, from))
	return id
}

// assess fixes an amount, as the administrator.
func (w *world) assess(unit string, memberID int64, fen model.Fen, from model.Month) error {
	_, err := w.s[0].Assess(context.Background(), chief(), memberID, dues.Assess{
		Track: w.units[unit].Kind.Track(), Category: model.DuesSalaried, AmountFen: &fen, EffectiveMonth: from,
	})
	return err
}

// bill makes the bills of everybody for the months.
func (w *world) bill(months ...model.Month) {
	w.t.Helper()
	for _, m := range months {
		_, err := w.s[0].Bill(context.Background(), chief(), w.units["党总支"].ID, m)
		w.must(err)
	}
}

// cash is a payment at the desk of the unit.
func (w *world) cash(unit string, memberID int64, fen model.Fen, months ...model.Month) (dues.Paid, error) {
	return w.s[0].Pay(context.Background(), w.desk[unit], w.units[unit].ID, dues.Pay{
		MemberID: memberID, Months: months, AmountFen: fen, Method: model.PaidCash,
	}, model.Once{})
}

func (w *world) mustCash(unit string, memberID int64, fen model.Fen, months ...model.Month) dues.Paid {
	w.t.Helper()
	p, err := w.cash(unit, memberID, fen, months...)
	w.must(err)
	return p
}

// remit sends so much of the unit out of the books.
func (w *world) remit(unit, period string, fen model.Fen) (model.Remittance, error) {
	return w.s[0].Remit(context.Background(), w.desk[unit], w.units[unit].ID, dues.Remit{Period: period, AmountFen: fen, To: "县委机关工委"}, model.Once{})
}

// order is an order of the member on the phone.
func (w *world) order(memberID int64, months ...model.Month) (model.Order, error) {
	return w.s[0].Order(context.Background(), self(memberID), dues.Checkout{Months: months}, model.Once{})
}

// prepayID finds what the member's phone would show of the order.
func (w *world) prepayID(orderNo string) string {
	for _, o := range w.platform.Orders() {
		if o.OutTradeNo == orderNo {
			return o.PrepayID
		}
	}
	return ""
}

// phone makes an order and pays it.
func (w *world) phone(memberID int64, months ...model.Month) model.Order {
	w.t.Helper()
	o, err := w.order(memberID, months...)
	w.must(err)
	_, err = w.platform.Pay(context.Background(), w.prepayID(o.OrderNo))
	w.must(err)
	return w.orderNow(o.ID)
}

func (w *world) orderNow(id int64) (o model.Order) {
	w.t.Helper()
	w.must(w.read().Take(&o, id).Error)
	return o
}

// bills are those of the member that stand, by month.
func (w *world) bills(memberID int64) (list []model.Bill) {
	w.t.Helper()
	w.must(w.read().Where("member_id = ? AND voided_id = 0", memberID).Order("month, track").Find(&list).Error)
	return list
}

// owing writes down what the bills of a member say: month, branch, paid of amount.
func (w *world) owing(memberID int64) (out []string) {
	w.t.Helper()
	names := map[int64]string{}
	for name, u := range w.units {
		names[u.ID] = name
	}
	for _, b := range w.bills(memberID) {
		out = append(out, fmt.Sprintf("%s %s %d/%d", b.Month, names[b.UnitID], b.PaidFen, b.AmountFen))
	}
	return out
}

func (w *world) statement(unit string, year int) dues.Statement {
	w.t.Helper()
	st, err := w.s[1].Statement(context.Background(), chief(), w.units[unit].ID, year)
	w.must(err)
	return st
}

// code is what a refusal is called, with the field at fault; empty when there was none.
func code(err error) string {
	e := model.AsError(err)
	switch {
	case e != nil && len(e.Fields) == 1:
		return e.Fields[0].Field + " " + e.Fields[0].Code
	case e != nil:
		return e.Code
	case err != nil:
		return err.Error()
	}
	return ""
}

// each runs the test in a world of its own on each database, and holds the books against themselves at the end.
func each(t *testing.T, at string, test func(t *testing.T, w *world)) {
	t.Helper()
	modeltest.Each(t, func(t *testing.T, db *model.DB) {
		w := newWorld(t, db, modeltest.Keyring(t), at)
		test(t, w)
		w.checkBooks()
	})
}

// databases gives each history an empty database or one that few others had, since what is asked of SQLite takes longer
// with every row.
func databases(t *testing.T, open func(testing.TB) *model.DB, histories int) func() *model.DB {
	var db *model.DB
	used := 0
	return func() *model.DB {
		if used%histories == 0 {
			db = open(t)
		}
		used++
		return db
	}
}

// atOnce runs work in so many goroutines that wait for each other, and returns their errors.
func atOnce(many int, work func(i int) error) []error {
	errs, start := make([]error, many), make(chan struct{})
	var wg sync.WaitGroup
	for i := range many {
		wg.Go(func() {
			<-start
			errs[i] = work(i)
		})
	}
	close(start)
	wg.Wait()
	return errs
}
