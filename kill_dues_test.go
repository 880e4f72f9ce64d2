package main

import (
	"encoding/json"
	"fmt"
	"math/rand/v2"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"zhibu/model/modeltest"
)

// TestKilledServerLosesNoPayment kills the real program at random moments while money moves: payments at the desk, orders
// that are paid on the phone, refunds. Every request has a key and an amount of its own, by which it is found again. At
// the end all that was not answered is asked for again under its key, and everything is there once. ZHIBU_TEST_KILLS is
// how often it is killed on each database.
func TestKilledServerLosesNoPayment(t *testing.T) {
	t.Parallel()
	binary := filepath.Join(t.TempDir(), "zhibu")
	if said, err := exec.Command("go", "build", "-o", binary, ".").CombinedOutput(); err != nil {
		t.Fatal(err, string(said))
	}
	kills, err := strconv.Atoi(os.Getenv("ZHIBU_TEST_KILLS"))
	if err != nil {
		kills = 3
	}
	for name, databaseURL := range map[string]string{"sqlite": "", "mariadb": modeltest.EmptyMariaDB(t)} {
		t.Run(name, func(t *testing.T) {
			t.Parallel() // most of it is waiting for the chores, which ask the platform after a minute
			o := &killedDesk{killedOffice: killedOffice{t: t, binary: binary, data: t.TempDir(), databaseURL: databaseURL}}
			o.start()
			o.open()
			before := o.statement()
			for range kills {
				o.rushOfPayments(100*time.Millisecond + rand.N(900*time.Millisecond))
				o.start()
			}
			defer o.kill()
			o.askAgain()
			o.waitForPhones()
			o.checkDesk()
			o.checkPhones()
			o.checkStatement(before)
			t.Log(o.summary(kills))
		})
	}
}

// killedDesk is an office whose officers take money while it is killed.
type killedDesk struct {
	killedOffice
	root   int64
	payers []payer
	serial atomic.Int64 // makes every amount one of a kind
	deeds  struct {
		sync.Mutex
		all []*deed
	}
}

type payer struct {
	token string
	id    int64
}

// deed is one request that moves money.
type deed struct {
	kind, path, token, key string
	body                   map[string]any
	mark                   int64 // the voluntary part, by which the payment is known
	payer                  payer
	status                 int // 0: not answered
	answer                 struct {
		ID        int64
		OrderNo   string                    `json:"order_no"`
		PayParams *struct{ Package string } `json:"pay_params"`
	}
}

func (o *killedDesk) open() {
	o.t.Helper()
	var units struct{ Items []struct{ ID int64 } }
	o.get("/api/v1/units", o.console(), &units)
	o.root = units.Items[0].ID
	for _, openID := range []string{
		"demo-member-openid-0001", "demo-secretary-openid-0001", "demo-secretary-openid-0002", "demo-secretary-openid-0003",
		"demo-secretary-openid-0004", "demo-admin-openid-0001", "demo-auditor-openid-0001", "demo-organiser-openid-0001",
		"demo-leader-openid-0001", "demo-league-openid-0001", "demo-member-openid-0002",
	} {
		var code struct{ Code string }
		var in struct {
			AccessToken string `json:"access_token"`
			Member      struct{ ID int64 }
		}
		o.post("/_sim/login", "", map[string]string{"openid": openID}, &code)
		if status := o.post("/api/v1/auth/wechat", "", map[string]string{"code": code.Code}, &in); status != 200 {
			o.t.Fatal("sign-in answers ", status)
		}
		o.payers = append(o.payers, payer{in.AccessToken, in.Member.ID})
	}
	o.console()
}

// get reads what must be there.
func (o *killedDesk) get(path, token string, into any) {
	o.t.Helper()
	r, err := http.NewRequest(http.MethodGet, o.base+path, nil)
	o.must(err)
	if status := o.do(r, token, into); status != 200 {
		o.t.Fatalf("%s answers %d", path, status)
	}
}

// try makes the request and keeps what became of it.
func (o *killedDesk) try(d *deed) {
	raw, _ := json.Marshal(d.body)
	r, err := http.NewRequest(http.MethodPost, o.base+d.path, strings.NewReader(string(raw)))
	if err != nil {
		return
	}
	r.Header.Set("Content-Type", "application/json")
	if d.key != "" {
		r.Header.Set("Idempotency-Key", d.key)
	}
	answer := d.answer
	status := o.do(r, d.token, &answer)
	o.deeds.Lock()
	defer o.deeds.Unlock()
	if status != 0 && status < 500 {
		d.status, d.answer = status, answer
	}
}

func (o *killedDesk) begin(d deed) *deed {
	if d.kind != "pay" {
		d.key = fmt.Sprint(d.kind, "-", o.serial.Add(1))
	}
	o.deeds.Lock()
	o.deeds.all = append(o.deeds.all, &d)
	o.deeds.Unlock()
	o.try(&d)
	return &d
}

// rushOfPayments lets everybody pay at once and kills the server in the middle of it.
func (o *killedDesk) rushOfPayments(after time.Duration) {
	console := o.console()
	var wg sync.WaitGroup
	var dead atomic.Bool
	crowd := func(n int, act func()) {
		for range n {
			wg.Go(func() {
				for !dead.Load() {
					act()
				}
			})
		}
	}
	for _, p := range o.payers {
		crowd(1, func() { o.payByPhone(p) })
	}
	crowd(3, func() { o.payAtDesk(console) })
	crowd(2, func() { o.refund(console) })
	time.Sleep(after)
	o.kill()
	dead.Store(true)
	wg.Wait()
}

func (o *killedDesk) month() string {
	return time.Now().AddDate(0, 0, 1-time.Now().Day()).AddDate(0, rand.N(12), 0).Format("2006-01")
}

func (o *killedDesk) payAtDesk(console string) {
	p, mark := o.payers[rand.N(len(o.payers))], 1000+o.serial.Add(1)
	body := map[string]any{"member_id": p.id, "amount_fen": 0, "voluntary_fen": mark, "method": []string{"cash", "bank"}[rand.N(2)]}
	if rand.N(3) == 0 {
		body["months"], body["amount_fen"] = []string{o.month()}, 1+rand.N(500)
	}
	o.begin(deed{kind: "desk", path: fmt.Sprintf("/api/v1/units/%d/dues/payments", o.root), token: console, body: body, mark: mark, payer: p})
}

// payByPhone orders a month and pays it, or sometimes thinks better of it.
func (o *killedDesk) payByPhone(p payer) {
	mark := 1000 + o.serial.Add(1)
	ordered := o.begin(deed{
		kind: "order", path: "/api/v1/me/dues/orders", token: p.token, payer: p, mark: mark,
		body: map[string]any{"months": []string{o.month()}, "voluntary_fen": mark},
	})
	if rand.N(4) > 0 {
		o.payOrder(ordered)
	}
	time.Sleep(rand.N(400 * time.Millisecond)) // or the months are used up before the last kill
}

func (o *killedDesk) payOrder(ordered *deed) {
	if ordered.status != 201 || ordered.answer.PayParams == nil {
		return
	}
	id := strings.TrimPrefix(ordered.answer.PayParams.Package, "prepay_id=")
	o.begin(deed{kind: "pay", path: "/_sim/pay", body: map[string]any{"prepay_id": id, "result": "success"}, payer: ordered.payer})
}

// refund gives part or all of an order back that may have been paid.
func (o *killedDesk) refund(console string) {
	var orders []*deed
	o.deeds.Lock()
	for _, d := range o.deeds.all {
		if d.kind == "order" && d.status == 201 {
			orders = append(orders, d)
		}
	}
	o.deeds.Unlock()
	if len(orders) == 0 {
		time.Sleep(20 * time.Millisecond)
		return
	}
	d := orders[rand.N(len(orders))]
	var shown struct {
		AmountFen   int64 `json:"amount_fen"`
		RefundedFen int64 `json:"refunded_fen"`
	}
	r, err := http.NewRequest(http.MethodGet, o.base+"/api/v1/me/dues/orders/"+d.answer.OrderNo, nil)
	if err != nil || o.do(r, d.token, &shown) != 200 || shown.AmountFen == shown.RefundedFen {
		return
	}
	amount := shown.AmountFen - shown.RefundedFen
	if rand.N(4) == 0 {
		amount = 1 + rand.N(amount)
	}
	o.begin(deed{
		kind: "refund", path: "/api/v1/dues/orders/" + d.answer.OrderNo + "/refund", token: console, payer: d.payer,
		body: map[string]any{"amount_fen": amount, "reason": "重复缴纳"},
	})
}

// askAgain repeats, under the same keys, what was not answered until it is, and what was: the answer is the same.
func (o *killedDesk) askAgain() {
	o.t.Helper()
	for _, d := range o.deeds.all {
		was := d.status
		for range 10 {
			if d.status != 0 && (was == 0 || d.kind != "desk") {
				break
			}
			before := d.answer.ID
			o.try(d)
			if before != 0 && before != d.answer.ID {
				o.t.Fatalf("%s %s was %d and is %d now", d.kind, d.key, before, d.answer.ID)
			}
			if was != 0 {
				break
			}
		}
		if d.status == 0 || d.status != was && was != 0 {
			o.t.Fatalf("%s %s was answered %d and then %d", d.kind, d.key, was, d.status)
		}
	}
	for _, d := range o.deeds.all[:len(o.deeds.all):len(o.deeds.all)] {
		if d.kind == "order" && d.status == 201 && rand.N(2) == 0 {
			o.payOrder(d) // those that are paid already are refused there
		}
	}
}
