package main

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"strings"
	"sync"
	"time"

	"gorm.io/gorm"

	"zhibu/api"
	"zhibu/model"
	"zhibu/service/audit"
	"zhibu/service/dues"
	"zhibu/service/wechat"
	"zhibu/service/wechat/sim"
)

// The organisation whose dues are measured: the units of the large tree with few members in each branch, and beside it one
// branch with many.
const (
	duesPerBranch = 5
	duesMembers   = treeBranches * duesPerBranch
	manyMembers   = 1000
	duesYear      = 2026
)

// duesClock is long after the last month that is measured.
func duesClock() time.Time { return time.Date(duesYear, 12, 28, 10, 0, 0, 0, time.UTC) }

func duesMonth(i int) model.Month { return model.Month(fmt.Sprintf("%d-01", duesYear)).Add(i) }

// books is the organisation with its assessments.
type books struct {
	*tree
	url  string
	many model.Unit // the branch with many members, a tree of its own
}

// benchDues prints what bills, statements and notifications of WeChat Pay cost, on each of the databases.
func benchDues(ctx context.Context, databaseURLs []string) error {
	for _, databaseURL := range databaseURLs {
		db, err := openDatabase(ctx, databaseURL)
		if err != nil {
			return err
		}
		b := &books{tree: &tree{server: &server{db: db}, root: treeID(0)}, url: databaseURL}
		for _, step := range []func(context.Context) error{b.found, b.benchBills, b.benchStatement, b.benchNotices} {
			if err = step(ctx); err != nil {
				break
			}
		}
		if err := errors.Join(err, db.Close()); err != nil {
			return err
		}
	}
	return nil
}

// found writes units, members and assessments. A few branches have a dues day of their own, one member in twenty is exempt.
func (b *books) found(ctx context.Context) error {
	progress("filling %s with %d members in %d branches", b.db.Dialect, duesMembers, treeBranches)
	if err := b.plant(ctx); err != nil {
		return err
	}
	b.many = model.Unit{ID: treeID(len(b.units)), Kind: model.LeagueBranch, Name: "千人支部", FoundedOn: since, ClosedOn: model.Forever}
	b.many.Path = model.ChildPath("", b.many.ID)
	settings := []model.Setting{}
	for i, day := range []string{"10", "25"} { // of two of the committees
		settings = append(settings, model.Setting{ID: treeID(i), UnitID: b.units[1+i].ID, Name: model.SettingDuesDay, Value: day, EffectiveOn: since})
	}
	if err := b.db.Write(ctx, func(tx *gorm.DB) error { return createAll(tx, []model.Unit{b.many}, settings) }); err != nil {
		return err
	}
	const part = 10_000
	for from := 0; from < duesMembers+manyMembers; from += part {
		if err := b.db.Write(ctx, func(tx *gorm.DB) error { return b.enlist(tx, from, min(from+part, duesMembers+manyMembers)) }); err != nil {
			return err
		}
	}
	return b.refresh(ctx)
}

func (b *books) enlist(tx *gorm.DB, from, to int) error {
	var people []model.Member
	var memberships []model.Membership
	var assessments []model.Assessment
	var exemptions []model.DuesExemption
	firstBranch := len(b.units) - treeBranches
	for i := from; i < to; i++ {
		id, unit := treeID(i), b.many
		if i < duesMembers {
			unit = b.units[firstBranch+i/duesPerBranch]
		}
		name := fmt.Sprint("团员", i)
		people = append(people, model.Member{ID: id, Name: name, NameKey: name, NameSort: name, BirthDate: "2001-05-04"})
		memberships = append(memberships, model.Membership{ID: id, MemberID: id, UnitID: unit.ID, Track: model.League, Kind: model.LeagueMember,
			State: model.Active, Category: model.InService, StartedOn: since, EndedOn: model.Forever})
		assessments = append(assessments, model.Assessment{ID: id, MemberID: id, Track: model.League, Category: model.DuesSalaried,
			AmountFen: model.Fen(300 + i%1700), EffectiveMonth: "2020-01"})
		if i%20 == 0 {
			exemptions = append(exemptions, model.DuesExemption{ID: id, MemberID: id, Track: model.League, FromMonth: "2020-01", ToMonth: "2030-12",
				AmountFen: 100, ReasonCategory: "hardship"})
		}
	}
	return createAll(tx, people, memberships, assessments, exemptions)
}

// refresh tells the optimiser what is in the tables, which the database otherwise finds out in its own time.
func (b *books) refresh(ctx context.Context) error {
	statement := "ANALYZE"
	if b.db.Dialect == model.MySQL {
		statement = "ANALYZE TABLE units, members, memberships, dues_assessments, dues_exemptions, dues_bills, dues_payments, dues_balances"
	}
	return b.exec(ctx, statement)
}

// How many notifications of WeChat Pay come at once, how often, and the month that is paid.
const (
	noticesAtOnce = 50
	noticeRounds  = 8
	noticeMonth   = model.Month("2026-12")
)

// benchNotices measures the answers to notifications that come at once, over HTTP, signed and sealed as WeChat Pay does it:
// payments of members of one branch, whose balance is one row, of as many branches, and one payment told again and again.
func (b *books) benchNotices(ctx context.Context) error {
	p, err := b.newPayee()
	if err != nil {
		return err
	}
	defer p.http.Close()
	fmt.Printf("Answers to %d notifications of WeChat Pay at once, %d times, %s.\n\n", noticesAtOnce, noticeRounds, b.db.Dialect)
	fmt.Println("| notifications | p50 ms | p99 ms | slowest ms |")
	fmt.Println("|---|---|---|---|")
	for _, kind := range []struct {
		name string
		of   func(round, i int) int // the member who paid
	}{
		{"of members of one branch", func(round, i int) int { return duesMembers + round*noticesAtOnce + i }},
		{"of as many branches", func(round, i int) int { return (round*noticesAtOnce+i)*duesPerBranch + 1 }},
		{"of one payment", func(round, _ int) int { return (round + 1000) * duesPerBranch }},
	} {
		progress("notifications %s on %s", kind.name, b.db.Dialect)
		var all result
		for round := range noticeRounds {
			r, err := p.round(ctx, round, kind.of)
			if err != nil {
				return fmt.Errorf("notifications %s: %w", kind.name, err)
			}
			all.times = append(all.times, r.times...)
		}
		fmt.Printf("| %s | %.0f | %.0f | %.0f |\n", kind.name, all.percentile(50), all.percentile(99), all.percentile(100))
	}
	fmt.Println()
	return nil
}

// payee is the product's handler behind a real server, and a simulated WeChat Pay whose notifications it keeps back.
type payee struct {
	*books
	platform *sim.Platform
	http     *http.Server
	client   *http.Client
	address  string
	mu       sync.Mutex
	notices  []notice
}

// notice is a notification as it would be sent.
type notice struct {
	header http.Header
	body   []byte
}

// RoundTrip keeps a notification of the platform.
func (p *payee) RoundTrip(r *http.Request) (*http.Response, error) {
	body, err := io.ReadAll(r.Body)
	p.mu.Lock()
	defer p.mu.Unlock()
	p.notices = append(p.notices, notice{r.Header, body})
	return &http.Response{StatusCode: http.StatusNoContent, Body: http.NoBody}, err
}

func (b *books) newPayee() (*payee, error) {
	p := &payee{books: b, client: &http.Client{Transport: &http.Transport{MaxIdleConnsPerHost: noticesAtOnce}}}
	merchant, err := sim.NewMerchant("1900000109")
	if err != nil {
		return nil, err
	}
	const appID = "wx0123456789abcdef"
	p.platform = sim.New(sim.Config{AppID: appID, AppSecret: "secret", Now: duesClock, Merchant: merchant, Deliver: p})
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		return nil, err
	}
	p.address = "http://" + listener.Addr().String() + "/api/v1/wechat/pay/notify"
	pay, err := wechat.NewPay(wechat.PayConfig{
		AppID: appID, MchID: merchant.MchID, CertSerial: merchant.CertSerial, PrivateKey: merchant.PrivateKey, PublicKeyID: merchant.PublicKeyID,
		PublicKey: merchant.PublicKey, APIv3Key: merchant.APIv3Key, NotifyURL: p.address, Transport: p.platform.Transport(), Now: duesClock,
	})
	if err != nil {
		return nil, errors.Join(err, listener.Close())
	}
	b.services.Dues, b.services.Audit = dues.New(b.db, nil, duesClock, pay, false), audit.New(b.db)
	p.http = &http.Server{ReadHeaderTimeout: time.Minute, Handler: api.New(b.services, api.Options{
		Now: time.Now, Logger: quiet, Ready: b.db.Ping, PayNotice: pay.ParseNotify,
	})}
	go p.http.Serve(listener)
	return p, nil
}

// round lets members pay, then sends the notifications at once and checks that each payment is booked once.
func (p *payee) round(ctx context.Context, round int, of func(round, i int) int) (result, error) {
	p.notices = nil
	payers := map[int]bool{}
	for i := range noticesAtOnce {
		payer := of(round, i)
		if payers[payer] {
			continue
		}
		payers[payer] = true
		if err := p.order(ctx, treeID(payer)); err != nil {
			return result{}, err
		}
	}
	before, err := p.payments(ctx)
	if err != nil {
		return result{}, err
	}
	r, err := measure(noticesAtOnce, func(i int, record func(time.Duration)) error {
		return p.send(ctx, p.notices[i%len(p.notices)], record)
	})
	if err != nil {
		return r, err
	}
	after, err := p.payments(ctx)
	if err == nil && after-before != int64(len(payers)) {
		err = fmt.Errorf("%d payments booked of %d", after-before, len(payers))
	}
	return r, err
}

func (p *payee) payments(ctx context.Context) (n int64, err error) {
	return n, p.db.Read(ctx).Model(&model.Payment{}).Where("order_id IS NOT NULL").Count(&n).Error
}

// order makes an order of the member and has it paid.
func (p *payee) order(ctx context.Context, memberID int64) error {
	actor := model.Actor{MemberID: memberID, OpenID: fmt.Sprint("o-", memberID), Bound: true}
	o, err := p.services.Dues.Order(ctx, actor, dues.Checkout{Months: []model.Month{noticeMonth}}, model.Once{})
	if err != nil {
		return err
	}
	var params model.PayParams
	if err := json.Unmarshal([]byte(o.PayParams), &params); err != nil {
		return err
	}
	_, err = p.platform.Pay(ctx, strings.TrimPrefix(params.Package, "prepay_id="))
	return err
}

func (p *payee) send(ctx context.Context, n notice, record func(time.Duration)) error {
	r, err := http.NewRequestWithContext(ctx, http.MethodPost, p.address, bytes.NewReader(n.body))
	if err != nil {
		return err
	}
	r.Header = n.header
	begin := time.Now()
	answer, err := p.client.Do(r)
	if err != nil {
		return err
	}
	record(time.Since(begin))
	answer.Body.Close()
	if answer.StatusCode != http.StatusNoContent {
		return fmt.Errorf("answered %s", answer.Status)
	}
	return nil
}
