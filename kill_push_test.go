package main

import (
	"bufio"
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"io"
	"math/rand/v2"
	"net"
	"net/http"
	"net/http/httptest"
	"net/url"
	"os"
	"os/exec"
	"os/signal"
	"strconv"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"

	"gorm.io/gorm"

	"zhibu/config"
	"zhibu/demo"
	"zhibu/model"
	"zhibu/model/modeltest"
	"zhibu/service/wechat/sim"
)

// TestMain makes this binary an instance of the program for TestKilledInstancesSendNobodyTwice, so that it can be killed;
// for everything else it runs the tests.
func TestMain(m *testing.M) {
	if simulator := os.Getenv("ZHIBU_TEST_SIMULATOR"); simulator != "" {
		if err := runInstance(simulator); err != nil {
			fmt.Fprintln(os.Stderr, err)
			os.Exit(1)
		}
		return
	}
	os.Exit(m.Run())
}

// runInstance is serve, but for the platform, which is a simulator that outlives the process.
func runInstance(simulator string) error {
	ctx, stop := signal.NotifyContext(context.Background(), syscall.SIGTERM)
	defer stop()
	c, err := config.Load(os.Environ())
	if err != nil {
		return err
	}
	s, err := newServer(ctx, program{Config: c, stdout: os.Stdout, stderr: os.Stderr}, wiring{
		issuer: "zhibu", transport: toSimulator(simulator), templates: demo.Templates(),
	})
	if err != nil {
		return err
	}
	defer s.db.Close()
	listener, err := openListener("127.0.0.1:0")
	if err != nil {
		return err
	}
	return s.listen(ctx, listener, func(a net.Addr) { fmt.Println(a) })
}

// toSimulator sends what is meant for the platform to the simulator at the address.
type toSimulator string

func (to toSimulator) RoundTrip(r *http.Request) (*http.Response, error) {
	r = r.Clone(r.Context())
	r.URL.Scheme, r.URL.Host = "http", string(to)
	return http.DefaultTransport.RoundTrip(r)
}

const (
	fleetMembers   = 600
	fleetTemplate  = "demo-template-announcement"
	fleetToken     = "fleettoken"
	fleetAESKey    = "abcdefghijklmnopqrstuvwxyz0123456789ABCDEFG"
	fleetAnnounced = 4
	fleetPatience  = 4 * time.Minute // a lost message is known to be lost after one
)

// fleet is several instances of the program on one database, with one platform.
type fleet struct {
	t         *testing.T
	db        *model.DB
	environ   []string
	platform  *sim.Platform
	accepted  int
	token     string
	announced []int64

	mu        sync.Mutex
	instances []*instance
}

type instance struct {
	process *exec.Cmd
	address string
}

// TestKilledInstancesSendNobodyTwice lets several instances of the real program send announcements, while a fifth of the
// calls to the platform fail in every way and instances are killed and started again. In the end the platform has delivered
// as many messages as consents were used, to nobody one announcement twice; the ledger says the same; everyone has
// everything in the inbox; and the deliveries add up to the recipients. ZHIBU_TEST_KILLS is how often one is killed.
func TestKilledInstancesSendNobodyTwice(t *testing.T) {
	t.Parallel()
	kills, err := strconv.Atoi(os.Getenv("ZHIBU_TEST_KILLS"))
	if err != nil {
		kills = 3
	}
	for name, c := range map[string]struct {
		databaseURL string
		instances   int
	}{"sqlite": {"sqlite:" + t.TempDir() + "/fleet.db", 1}, "mariadb": {modeltest.EmptyMariaDB(t), 3}} {
		t.Run(name, func(t *testing.T) {
			t.Parallel() // most of it is waiting for the leases of those killed
			f := newFleet(t, c.databaseURL)
			for range c.instances {
				f.start()
			}
			defer f.stop()
			f.answerPrompts()
			f.failOften()
			f.announce()
			for range kills {
				time.Sleep(200*time.Millisecond + rand.N(600*time.Millisecond))
				f.killOne()
				f.start()
			}
			f.settle()
			f.check()
		})
	}
}

func newFleet(t *testing.T, databaseURL string) *fleet {
	t.Helper()
	f := &fleet{t: t, environ: []string{
		"ZHIBU_DATABASE_URL=" + databaseURL, "ZHIBU_SECRET=" + strings.Repeat("c2VjcmV0", 8), "ZHIBU_INDEX_KEY=" + strings.Repeat("aW5kZXhr", 8),
		"ZHIBU_DATA_KEYS=k1:AAECAwQFBgcICQoLDA0ODxAREhMUFRYXGBkaGxwdHh8=", "ZHIBU_WECHAT_APP_ID=wx0123456789abcdef", "ZHIBU_WECHAT_APP_SECRET=secret",
		"ZHIBU_WECHAT_PUSH_TOKEN=" + fleetToken, "ZHIBU_WECHAT_PUSH_AES_KEY=" + fleetAESKey, "ZHIBU_LOG_LEVEL=ERROR",
		"ZHIBU_PUSH_PER_SECOND=150", "ZHIBU_PUSH_IN_FLIGHT=50", "ZHIBU_DATA_DIR=" + t.TempDir(),
	}}
	f.platform = sim.New(sim.Config{
		AppID: "wx0123456789abcdef", AppSecret: "secret", Templates: simTemplates(demo.Templates()), Deliver: f, Latency: 20 * time.Millisecond,
		Events: &sim.EventConfig{URL: "http://instance" + eventPath, Token: fleetToken, EncodingAESKey: fleetAESKey},
	})
	server := httptest.NewServer(f.platform)
	t.Cleanup(server.Close)
	address, err := url.Parse(server.URL)
	f.must(err)
	f.must(run(t.Context(), []string{"admin", "create", "--username", "console"}, f.environ, strings.NewReader("Fleet-2026-console\n"), io.Discard, io.Discard))
	f.environ = append(f.environ, "ZHIBU_TEST_SIMULATOR="+address.Host)
	f.db, err = model.Open(databaseURL, model.Options{})
	f.must(err)
	t.Cleanup(func() { f.must(f.db.Close()) })
	f.populate()
	go func() {
		for t.Context().Err() == nil {
			f.platform.DeliverDue(t.Context())
			time.Sleep(20 * time.Millisecond)
		}
	}()
	return f
}

func (f *fleet) must(err error) {
	f.t.Helper()
	if err != nil {
		f.t.Fatal(err)
	}
}

func fleetOpenID(member int) string { return fmt.Sprintf("fleet-openid-%04d", member) }

// populate writes a branch whose members all have a WeChat.
func (f *fleet) populate() {
	f.t.Helper()
	unit := model.Unit{ID: 1, Kind: model.PartyBranch, Name: "支部", Path: "/1/", FoundedOn: "2020-01-01", ClosedOn: model.Forever}
	var members []model.Member
	var memberships []model.Membership
	var bindings []model.Binding
	for i := range fleetMembers {
		id := int64(1000 + i)
		name := fmt.Sprintf("成员%04d", i)
		members = append(members, model.Member{ID: id, Name: name, NameKey: name, NameSort: name})
		memberships = append(memberships, model.Membership{
			ID: id, MemberID: id, UnitID: 1, Track: model.Party, Kind: model.Full, State: model.Active, Category: model.InService,
			StartedOn: "2020-01-01", EndedOn: model.Forever,
		})
		bindings = append(bindings, model.Binding{ID: id, OpenID: fleetOpenID(i), MemberID: id, Method: "phone", BoundAt: 1})
	}
	f.must(f.db.Write(f.t.Context(), func(tx *gorm.DB) error {
		for _, rows := range []any{[]model.Unit{unit}, members, memberships, bindings} {
			if err := tx.CreateInBatches(rows, 200).Error; err != nil {
				return err
			}
		}
		return nil
	}))
}

// start begins an instance and waits until it listens.
func (f *fleet) start() {
	f.t.Helper()
	process := exec.Command(os.Args[0])
	process.Env, process.Stderr = f.environ, os.Stderr
	out, err := process.StdoutPipe()
	f.must(err)
	f.must(process.Start())
	address, err := bufio.NewReader(out).ReadString('\n')
	f.must(err)
	f.mu.Lock()
	defer f.mu.Unlock()
	f.instances = append(f.instances, &instance{process, strings.TrimSpace(address)})
}

// killOne kills an instance in the middle of whatever it does.
func (f *fleet) killOne() {
	f.mu.Lock()
	n := rand.N(len(f.instances))
	dead := f.instances[n]
	f.instances = append(f.instances[:n:n], f.instances[n+1:]...)
	f.mu.Unlock()
	_ = dead.process.Process.Signal(syscall.SIGKILL)
	_ = dead.process.Wait()
}

func (f *fleet) stop() {
	for len(f.instances) > 0 {
		f.killOne()
	}
}

// one is the address of some instance that lives; empty when none does just now.
func (f *fleet) one() string {
	f.mu.Lock()
	defer f.mu.Unlock()
	if len(f.instances) == 0 {
		return ""
	}
	return f.instances[rand.N(len(f.instances))].address
}

// RoundTrip brings the platform's events to an instance that lives.
func (f *fleet) RoundTrip(r *http.Request) (*http.Response, error) {
	r = r.Clone(r.Context())
	r.URL.Host = f.one()
	return http.DefaultTransport.RoundTrip(r)
}

// answerPrompts lets members accept the prompt up to three times, and some reject it. The platform's events are all that the
// program hears of it.
func (f *fleet) answerPrompts() {
	f.t.Helper()
	for round := range 3 {
		if round > 0 {
			time.Sleep(1100 * time.Millisecond) // two taps of one person in one second look like one event sent twice
		}
		for i := range fleetMembers {
			if round < i%4 {
				f.must(f.platform.Subscribe(fleetOpenID(i), fleetTemplate, true))
				f.accepted++
			} else if i%3 == 0 {
				f.must(f.platform.Subscribe(fleetOpenID(i), fleetTemplate, false))
			}
		}
	}
	f.until("the consents are in the ledger", func() bool { return f.consents(model.ConsentOpen) == int64(f.accepted) })
}

func (f *fleet) until(what string, done func() bool) {
	f.t.Helper()
	for begin := time.Now(); time.Since(begin) < fleetPatience; time.Sleep(50 * time.Millisecond) {
		if done() {
			return
		}
	}
	f.t.Fatal("in vain: ", what)
}

func (f *fleet) count(row any, where string, args ...any) (n int64) {
	f.t.Helper()
	f.must(f.db.Read(f.t.Context()).Model(row).Where(where, args...).Count(&n).Error)
	return n
}

func (f *fleet) consents(state model.ConsentState) int64 {
	return f.count(&model.Consent{}, "state = ?", state)
}

// failOften makes a fifth of the sends fail, and the events come twice or late.
func (f *fleet) failOften() {
	f.t.Helper()
	const send, events = "/cgi-bin/message/subscribe/send", "events"
	for _, fault := range []sim.Fault{
		{Endpoint: send, Errcode: -1}, {Endpoint: send, Errcode: 43108}, {Endpoint: send, Status: 502}, {Endpoint: send, Reset: true},
		{Endpoint: send, Truncate: true}, {Endpoint: events, DuplicateEvent: true}, {Endpoint: events, LateEvent: true},
	} {
		fault.Percent, fault.Times = 4, 1_000_000
		f.must(f.platform.Fail(fault))
	}
}

// call makes a request until an instance answers it.
func (f *fleet) call(method, path string, body, into any) int {
	f.t.Helper()
	raw, err := json.Marshal(body)
	f.must(err)
	for range 100 {
		r, err := http.NewRequest(method, "http://"+f.one()+path, bytes.NewReader(raw))
		if err == nil {
			r.Header.Set("Content-Type", "application/json")
			r.Header.Set("Authorization", "Bearer "+f.token)
			r.Header.Set("Idempotency-Key", path+fmt.Sprint(len(f.announced)))
			answer, err := http.DefaultClient.Do(r)
			if err == nil {
				content, err := io.ReadAll(answer.Body)
				answer.Body.Close()
				if err == nil && answer.StatusCode < 500 && json.Unmarshal(content, into) == nil {
					return answer.StatusCode
				}
			}
		}
		time.Sleep(50 * time.Millisecond)
	}
	f.t.Fatal(method, " ", path, " is not answered")
	return 0
}

// announce says several things to everyone.
func (f *fleet) announce() {
	f.t.Helper()
	var in struct {
		AccessToken string `json:"access_token"`
	}
	if f.call("POST", "/api/v1/auth/password", map[string]string{"username": "console", "password": "Fleet-2026-console"}, &in) != 200 {
		f.t.Fatal("no sign-in")
	}
	f.token = in.AccessToken
	for i := range fleetAnnounced {
		var made struct{ ID, Recipients int64 }
		status := f.call("POST", "/api/v1/announcements", map[string]any{
			"unit_id": 1, "title": fmt.Sprint("通知", i+1), "body": "请看", "urgent": true, // at any hour of the day
		}, &made)
		if status != 202 || made.Recipients != fleetMembers {
			f.t.Fatalf("the announcement was answered %d, for %d", status, made.Recipients)
		}
		f.announced = append(f.announced, made.ID)
	}
}

// settle waits until nothing is on its way any more.
func (f *fleet) settle() {
	f.t.Helper()
	f.until("nothing is on its way", func() bool {
		return f.count(&model.Announcement{}, "publish_at > 0") == 0 && f.count(&model.Flight{}, "1 = 1") == 0 &&
			f.count(&model.Delivery{}, "due_at > 0") == 0 && f.count(&model.PlatformEventRow{}, "settle_at > 0") == 0
	})
	time.Sleep(16 * time.Second) // the platform tries an event that was not taken for fifteen seconds
	f.until("the last events are settled", func() bool { return f.count(&model.PlatformEventRow{}, "settle_at > 0") == 0 })
}

// check holds the ledger against the platform.
func (f *fleet) check() {
	f.t.Helper()
	received, open := 0, 0
	for i := range fleetMembers {
		pages := map[string]int{}
		for _, m := range f.platform.Inbox(fleetOpenID(i)) {
			pages[m.Page]++
			received++
		}
		for page, n := range pages {
			if n > 1 {
				f.t.Errorf("%s got %s %d times", fleetOpenID(i), page, n)
			}
		}
		open += f.platform.Consents(fleetOpenID(i), fleetTemplate)
	}
	spent, doubtful, left := f.consents(model.ConsentSpent), f.consents(model.ConsentDoubtful), f.consents(model.ConsentOpen)
	sent, unknown := f.count(&model.Delivery{}, "state = ?", model.DeliverySent), f.count(&model.Delivery{}, "state = ?", model.DeliveryUnknown)
	if used := f.platform.ConsentsUsed(); received != used || int64(received) != spent || spent != sent {
		f.t.Errorf("%d messages received, %d consents used there, %d spent here, %d deliveries sent", received, used, spent, sent)
	}
	if doubtful != unknown || left+doubtful != int64(open) {
		f.t.Errorf("%d consents in doubt for %d unknown deliveries, %d left here and %d there", doubtful, unknown, left, open)
	}
	for _, id := range f.announced {
		var page struct {
			Counts      map[string]int64
			Total, Read int64
		}
		f.call("GET", fmt.Sprintf("/api/v1/announcements/%d/deliveries?limit=1", id), nil, &page)
		sum := int64(0)
		for _, n := range page.Counts {
			sum += n
		}
		if sum != fleetMembers || page.Total != fleetMembers {
			f.t.Errorf("the deliveries of %d add up to %d: %v", id, sum, page.Counts)
		}
	}
	f.t.Logf("%d accepted, %d messages received, %d unknown, %d left", f.accepted, received, unknown, left)
}
