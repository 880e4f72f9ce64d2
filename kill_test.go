package main

import (
	"encoding/json"
	"fmt"
	"io"
	"net"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"

	"zhibu/model/modeltest"
)

// TestKilledServerForgetsNothingItAnswered kills the real program in the middle of a rush of check-ins, twice per
// database, and wants every one that was answered 201 still to be there.
func TestKilledServerForgetsNothingItAnswered(t *testing.T) {
	binary := filepath.Join(t.TempDir(), "zhibu")
	if said, err := exec.Command("go", "build", "-o", binary, ".").CombinedOutput(); err != nil {
		t.Fatal(err, string(said))
	}
	for name, databaseURL := range map[string]string{"sqlite": "", "mariadb": modeltest.EmptyMariaDB(t)} {
		t.Run(name, func(t *testing.T) {
			o := &killedOffice{t: t, binary: binary, data: t.TempDir(), databaseURL: databaseURL}
			for range 2 {
				o.start()
				o.rush(150 * time.Millisecond)
			}
			o.start()
			defer o.kill()
			if len(o.answered) == 0 {
				t.Fatal("nothing was answered before the server was killed")
			}
			for activity, members := range o.answered {
				for member, id := range members {
					if got := o.attendance(activity)[member]; got == "" || got == "absent" {
						t.Errorf("check-in %d of member %d at activity %d was answered 201 and is %q now", id, member, activity, got)
					}
				}
			}
			t.Logf("%d check-ins answered", o.count())
		})
	}
}

// killedOffice is a demo server that is killed and started again on the same data.
type killedOffice struct {
	t                         *testing.T
	binary, data, databaseURL string
	base, consoleToken        string
	process                   *exec.Cmd
	mu                        sync.Mutex
	answered                  map[int64]map[int64]int64 // activity → member → id
	seen                      map[int64]map[int64]string
}

func (o *killedOffice) start() {
	o.t.Helper()
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	o.must(err)
	address := listener.Addr().String()
	o.must(listener.Close())
	o.base = "http://" + address
	o.process = exec.Command(o.binary, "demo", "--addr", address, "--data", o.data)
	o.process.Env = os.Environ()
	if o.databaseURL != "" {
		o.process.Env = append(o.process.Env, "ZHIBU_DATABASE_URL="+o.databaseURL)
	}
	o.must(o.process.Start())
	o.consoleToken = ""
	for range 500 {
		if answer, err := http.Get(o.base + "/readyz"); err == nil {
			answer.Body.Close()
			if answer.StatusCode == http.StatusOK {
				return
			}
		}
		time.Sleep(20 * time.Millisecond)
	}
	o.t.Fatal("the server does not become ready")
}

func (o *killedOffice) must(err error) {
	o.t.Helper()
	if err != nil {
		o.t.Fatal(err)
	}
}

func (o *killedOffice) kill() {
	_ = o.process.Process.Signal(syscall.SIGKILL)
	_ = o.process.Wait()
}

// post answers the decoded body, or a status of 0 once the server is gone.
func (o *killedOffice) post(path, token string, body any, into any) int {
	raw, _ := json.Marshal(body)
	r, err := http.NewRequest(http.MethodPost, o.base+path, strings.NewReader(string(raw)))
	if err != nil {
		return 0
	}
	r.Header.Set("Content-Type", "application/json")
	return o.do(r, token, into)
}

func (o *killedOffice) do(r *http.Request, token string, into any) int {
	if token != "" {
		r.Header.Set("Authorization", "Bearer "+token)
	}
	answer, err := http.DefaultClient.Do(r)
	if err != nil {
		return 0
	}
	defer answer.Body.Close()
	content, err := io.ReadAll(answer.Body)
	if err != nil || into != nil && json.Unmarshal(content, into) != nil {
		return 0 // cut off: not answered
	}
	return answer.StatusCode
}

func (o *killedOffice) console() string {
	o.t.Helper()
	if o.consoleToken != "" {
		return o.consoleToken
	}
	var in struct {
		AccessToken string `json:"access_token"`
	}
	if status := o.post("/api/v1/auth/password", "", map[string]string{"username": "demo", "password": "demo"}, &in); status != 200 {
		o.t.Fatal("console sign-in answers ", status)
	}
	o.consoleToken = in.AccessToken
	return in.AccessToken
}

// members signs in everybody whose phone the demo knows.
func (o *killedOffice) members() (tokens []string) {
	o.t.Helper()
	for _, who := range []string{"member", "secretary", "admin", "league", "leader", "organiser"} {
		for n := range 9 {
			var code struct{ Code string }
			var in struct {
				AccessToken string `json:"access_token"`
				Member      *struct{ ID int64 }
			}
			o.post("/_sim/login", "", map[string]string{"openid": fmt.Sprintf("demo-%s-openid-%04d", who, n+1)}, &code)
			if o.post("/api/v1/auth/wechat", "", map[string]string{"code": code.Code}, &in) == 200 && in.Member != nil {
				tokens = append(tokens, in.AccessToken)
			}
		}
	}
	if len(tokens) < 8 {
		o.t.Fatalf("only %d members signed in", len(tokens))
	}
	return tokens
}

// rush lets the members check in to a row of new activities, all at once, and kills the server in the middle of it.
func (o *killedOffice) rush(after time.Duration) {
	o.t.Helper()
	console, members := o.console(), o.members()
	var units struct{ Items []struct{ ID int64 } }
	r, err := http.NewRequest(http.MethodGet, o.base+"/api/v1/units", nil)
	o.must(err)
	if o.do(r, console, &units) != 200 || len(units.Items) == 0 {
		o.t.Fatal("no units")
	}
	codes := map[int64]string{}
	for i := range 60 {
		var made struct{ ID int64 }
		now := time.Now()
		o.post("/api/v1/activities", console, map[string]any{
			"unit_id": units.Items[0].ID, "kind": "theme_day", "title": fmt.Sprint("rush ", now.UnixNano(), i), "audience": map[string]any{"unit_ids": []int64{units.Items[0].ID}},
			"starts_at": now.Add(time.Minute).Format(time.RFC3339), "ends_at": now.Add(time.Hour).Format(time.RFC3339),
		}, &made)
		var wall struct{ Code string }
		r, err := http.NewRequest(http.MethodGet, fmt.Sprintf("%s/api/v1/activities/%d/check-in-code", o.base, made.ID), nil)
		o.must(err)
		o.do(r, console, &wall)
		codes[made.ID] = wall.Code
	}
	var wg sync.WaitGroup
	for _, token := range members {
		wg.Go(func() {
			for activity, code := range codes {
				var row struct {
					ID       int64
					MemberID int64 `json:"member_id"`
				}
				if o.post(fmt.Sprintf("/api/v1/activities/%d/check-ins", activity), token, map[string]string{"code": code}, &row) == 201 {
					o.remember(activity, row.MemberID, row.ID)
				}
			}
		})
	}
	time.Sleep(after)
	o.kill()
	wg.Wait()
}

func (o *killedOffice) remember(activity, member, id int64) {
	o.mu.Lock()
	defer o.mu.Unlock()
	if o.answered == nil {
		o.answered = map[int64]map[int64]int64{}
	}
	if o.answered[activity] == nil {
		o.answered[activity] = map[int64]int64{}
	}
	o.answered[activity][member] = id
}

func (o *killedOffice) count() (n int) {
	for _, members := range o.answered {
		n += len(members)
	}
	return n
}

// attendance is what the secretary sees after the restart.
func (o *killedOffice) attendance(activity int64) map[int64]string {
	o.t.Helper()
	if states, ok := o.seen[activity]; ok {
		return states
	}
	var a struct {
		Members []struct {
			MemberID int64 `json:"member_id"`
			State    string
		}
	}
	r, err := http.NewRequest(http.MethodGet, fmt.Sprintf("%s/api/v1/activities/%d/attendance", o.base, activity), nil)
	o.must(err)
	if status := o.do(r, o.console(), &a); status != 200 {
		o.t.Fatalf("attendance answers %d", status)
	}
	states := map[int64]string{}
	for _, m := range a.Members {
		states[m.MemberID] = m.State
	}
	if o.seen == nil {
		o.seen = map[int64]map[int64]string{}
	}
	o.seen[activity] = states
	return states
}
