package main

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"io"
	"net"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/getkin/kin-openapi/openapi3"

	"zhibu/model/modeltest"
)

// output collects what a running command prints.
type output struct {
	mu sync.Mutex
	b  bytes.Buffer
}

func (o *output) Write(p []byte) (int, error) {
	o.mu.Lock()
	defer o.mu.Unlock()
	return o.b.Write(p)
}

func (o *output) String() string {
	o.mu.Lock()
	defer o.mu.Unlock()
	return o.b.String()
}

// start runs a command as main does, until the test ends or stop is called; it returns the base address once it listens.
func start(t *testing.T, environ []string, args ...string) (base string, printed *output, stop func()) {
	t.Helper()
	ctx, cancel := context.WithCancel(context.Background())
	printed = &output{}
	done := make(chan error, 1)
	go func() { done <- run(ctx, args, environ, strings.NewReader(""), printed, printed) }()
	stop = sync.OnceFunc(func() {
		cancel()
		if err := <-done; err != nil {
			t.Errorf("%s ended with: %v", args[0], err)
		}
	})
	t.Cleanup(stop)
	address := regexp.MustCompile(`address=(127\.0\.0\.1:\d+)`)
	for range 1000 {
		if found := address.FindStringSubmatch(printed.String()); found != nil {
			return "http://" + found[1], printed, stop
		}
		select {
		case err := <-done:
			t.Fatalf("%s ended: %v\n%s", args[0], err, printed)
		case <-time.After(20 * time.Millisecond):
		}
	}
	t.Fatalf("%s does not listen:\n%s", args[0], printed)
	return "", nil, nil
}

func get(t *testing.T, url string) (int, string) {
	t.Helper()
	answer, err := http.Get(url)
	if err != nil {
		t.Fatal(err)
	}
	defer answer.Body.Close()
	body, err := io.ReadAll(answer.Body)
	if err != nil {
		t.Fatal(err)
	}
	return answer.StatusCode, string(body)
}

const closedPeriods = "/api/v1/study-periods?state=closed&limit=100"

// TestDemo starts the demo on each database, follows the three lines it prints in a shell, and starts it again.
func TestDemo(t *testing.T) {
	for name, databaseURL := range map[string]string{"sqlite": "", "mariadb": modeltest.EmptyMariaDB(t)} {
		t.Run(name, func(t *testing.T) {
			environ := []string{"ZHIBU_DATA_DIR=" + t.TempDir()}
			if databaseURL != "" {
				environ = append(environ, "ZHIBU_DATABASE_URL="+databaseURL)
			}
			base, printed, stop := start(t, environ, "demo", "--addr", "127.0.0.1:0")
			followGuide(t, base, printed.String(), 201)
			units, periods := countOf(t, base, "/api/v1/units"), countOf(t, base, closedPeriods)
			stop()
			base, printed, _ = start(t, environ, "demo", "--addr", "127.0.0.1:0")
			followGuide(t, base, printed.String(), 200)
			if again := countOf(t, base, "/api/v1/units"); again != units || units < 12 {
				t.Errorf("%d units after the first start, %d after the second", units, again)
			}
			if again := countOf(t, base, closedPeriods); again != periods || periods < 40 {
				t.Errorf("%d closed study periods after the first start, %d after the second", periods, again)
			}
		})
	}
}

var guideLine = regexp.MustCompile(`(?m)^(TOKEN=|WALL=|curl ).*$`)

// followGuide runs the printed lines as a reader would; the last one also prints the status.
func followGuide(t *testing.T, base, printed string, want int) {
	t.Helper()
	lines := guideLine.FindAllString(printed, -1)
	if len(lines) != 3 {
		t.Fatalf("%d lines to copy in:\n%s", len(lines), printed)
	}
	shell, err := exec.LookPath("bash")
	if err != nil {
		t.Fatal(err)
	}
	if _, err := exec.LookPath("curl"); err != nil {
		t.Fatal("the demo's lines need curl: ", err)
	}
	said, err := exec.Command(shell, "-c", strings.Join(lines, "\n")+` -w '\n%{http_code}'`).CombinedOutput()
	if err != nil {
		t.Fatal(err, string(said))
	}
	body, status, _ := strings.Cut(string(said), "\n")
	status = strings.TrimSpace(status)
	var row struct {
		ID     int64
		State  string
		Source string
	}
	if err := json.Unmarshal([]byte(body), &row); err != nil || status != fmt.Sprint(want) || row.ID == 0 || row.Source != "code" {
		t.Errorf("the last line answers %s %s at %s", status, body, base)
	}
}

func countOf(t *testing.T, base, path string) int {
	t.Helper()
	signIn, err := http.Post(base+"/api/v1/auth/password", "application/json", strings.NewReader(`{"username":"demo","password":"demo"}`))
	if err != nil {
		t.Fatal(err)
	}
	defer signIn.Body.Close()
	var tokens struct {
		AccessToken string `json:"access_token"`
	}
	if err := json.NewDecoder(signIn.Body).Decode(&tokens); err != nil {
		t.Fatal(err)
	}
	r, err := http.NewRequest(http.MethodGet, base+path, nil)
	if err != nil {
		t.Fatal(err)
	}
	r.Header.Set("Authorization", "Bearer "+tokens.AccessToken)
	answer, err := http.DefaultClient.Do(r)
	if err != nil {
		t.Fatal(err)
	}
	defer answer.Body.Close()
	var list struct{ Items []any }
	if err := json.NewDecoder(answer.Body).Decode(&list); err != nil {
		t.Fatal(err)
	}
	return len(list.Items)
}

func TestOperationPages(t *testing.T) {
	base, _, _ := start(t, []string{"ZHIBU_DATA_DIR=" + t.TempDir()}, "demo", "--addr", "127.0.0.1:0")
	for _, page := range []struct{ path, want string }{
		{"/healthz", "ok"}, {"/readyz", "ready"}, {"/docs", "swagger-ui"}, {"/docs/swagger-ui.css", "swagger"}, {"/check-in", "签到"},
		{"/openapi.json", `"openapi":"3.1.0"`}, {"/api/v1/features", "ranking"}, {"/metrics", "zhibu_http_request_seconds"},
	} {
		if status, body := get(t, base+page.path); status != 200 || !strings.Contains(body, page.want) {
			t.Errorf("%s: %d %.200s", page.path, status, body)
		}
	}
	if status, body := get(t, base+"/nowhere"); status != 404 || !strings.Contains(body, "not_found") {
		t.Errorf("%d %s", status, body)
	}
}

// production is a configuration that serve accepts.
func production(t *testing.T) []string {
	const key = "c2VjcmV0LXNlY3JldC1zZWNyZXQtc2VjcmV0LXNlY3I="
	return []string{
		"ZHIBU_DATA_DIR=" + t.TempDir(), "ZHIBU_SECRET=" + key, "ZHIBU_INDEX_KEY=" + key, "ZHIBU_DATA_KEYS=k1:" + key,
		"ZHIBU_WECHAT_APP_ID=wx0123456789abcdef", "ZHIBU_WECHAT_APP_SECRET=real", "ZHIBU_PUBLIC_URL=https://zhibu.example",
	}
}

// badMerchant are the settings of WeChat Pay with keys that are none.
var badMerchant = []string{
	"ZHIBU_WECHAT_MCH_ID=1900000109", "ZHIBU_WECHAT_MCH_SERIAL=5157F09EFDC096DE15EBE81A47057A72", "ZHIBU_WECHAT_MCH_KEY=no key",
	"ZHIBU_WECHAT_PAY_PUBLIC_KEY_ID=PUB_KEY_ID_01", "ZHIBU_WECHAT_PAY_PUBLIC_KEY=no key", "ZHIBU_WECHAT_PAY_API_KEY=0123456789abcdef0123456789abcdef",
}

func TestServeHasNoSimulator(t *testing.T) {
	base, _, _ := start(t, production(t), "serve", "--addr", "127.0.0.1:0")
	answer, err := http.Post(base+"/_sim/login", "application/json", strings.NewReader(`{"openid":"x"}`))
	if err != nil {
		t.Fatal(err)
	}
	answer.Body.Close()
	if answer.StatusCode != 404 || answer.Header.Get("X-Demo") != "" {
		t.Errorf("the simulator answers %d in production", answer.StatusCode)
	}
}

func TestServeRefusesToStart(t *testing.T) {
	demoData := t.TempDir()
	_, _, stop := start(t, []string{"ZHIBU_DATA_DIR=" + demoData}, "demo", "--addr", "127.0.0.1:0")
	stop()
	for name, c := range map[string]struct {
		args    []string
		environ []string
		want    string
	}{
		"no secrets":            {[]string{"serve"}, []string{"ZHIBU_DATA_DIR=" + t.TempDir()}, "ZHIBU_WECHAT_APP_SECRET"},
		"the demo's data":       {[]string{"serve", "--data", demoData}, production(t), "filled by the demo"},
		"demo in an office":     {[]string{"demo"}, []string{"ZHIBU_DATA_DIR=" + officeData(t)}, "not filled by the demo"},
		"backup of nothing":     {[]string{"backup", "--file", filepath.Join(t.TempDir(), "x")}, production(t), "no database to back up"},
		"admin without account": {[]string{"admin", "disable", "--username", "ghost"}, production(t), "no such account"},
		"half of a merchant":    {[]string{"serve"}, append(production(t), "ZHIBU_WECHAT_MCH_ID=1900000109"), "ZHIBU_WECHAT_PAY_API_KEY"},
		"a merchant's bad key":  {[]string{"serve"}, append(production(t), badMerchant...), "ZHIBU_WECHAT_MCH_KEY"},
		"demo beside a secret":  {[]string{"demo"}, production(t), "does not run beside real secrets"},
		"unknown command":       {[]string{"fly"}, nil, `no command "fly"`},
		"unknown flag":          {[]string{"serve", "--fast"}, nil, "fast"},
		"misspelt variable":     {[]string{"migrate"}, []string{"ZHIBU_DATABASEURL=x"}, "ZHIBU_DATABASEURL"},
		"a unit of nobody":      {[]string{"admin", "create", "--username", "xu", "--unit", "1"}, production(t), "--member"},
		"no such member":        {[]string{"admin", "create", "--username", "xu", "--member", "1"}, production(t), "no such account, unit or member"},
		"member of letters":     {[]string{"admin", "create", "--username", "xu", "--member", "li"}, production(t), "--member"},
		"admin without a name":  {[]string{"admin", "create"}, production(t), "usage"},
		"backup to nowhere":     {[]string{"backup"}, production(t), "--file"},
		"address already taken": {[]string{"serve", "--addr", takenAddress(t)}, production(t), "cannot listen"},
	} {
		t.Run(name, func(t *testing.T) {
			err := run(t.Context(), c.args, c.environ, strings.NewReader("Correct-Horse-9\n"), io.Discard, io.Discard)
			if err == nil || !strings.Contains(err.Error(), c.want) {
				t.Errorf("%v, want %q", err, c.want)
			}
		})
	}
}

// officeData is the folder of a real office: it has an account and no unit yet.
func officeData(t *testing.T) string {
	t.Helper()
	dir := t.TempDir()
	err := run(t.Context(), []string{"admin", "create", "--username", "boss", "--data", dir}, production(t), strings.NewReader("Correct-Horse-9\n"), io.Discard, io.Discard)
	if err != nil {
		t.Fatal(err)
	}
	return dir
}

func takenAddress(t *testing.T) string {
	t.Helper()
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { listener.Close() })
	return listener.Addr().String()
}

// TestFromOfficeToOffice makes an account, backs everything up and restores it elsewhere, as an operator would.
func TestFromOfficeToOffice(t *testing.T) {
	environ := production(t)
	command := func(environ []string, input string, args ...string) string {
		t.Helper()
		var out bytes.Buffer
		if err := run(t.Context(), args, environ, strings.NewReader(input), &out, io.Discard); err != nil {
			t.Fatal(args, err)
		}
		return out.String()
	}
	command(environ, "", "migrate")
	command(environ, "Correct-Horse-9\n", "admin", "create", "--username", "boss")
	if err := run(t.Context(), []string{"admin", "create", "--username", "weak"}, environ, strings.NewReader("weak\n"), io.Discard, io.Discard); err == nil {
		t.Error("a weak password was taken")
	}
	command(environ, "New-Horse-Battery-9\n", "admin", "password", "--username", "boss")
	command(environ, "Correct-Horse-9\n", "admin", "create", "--username", "gone")
	command(environ, "", "admin", "disable", "--username", "gone")
	file := filepath.Join(t.TempDir(), "office.backup")
	command(environ, "", "backup", "--file", file)
	if err := run(t.Context(), []string{"backup", "--file", file}, environ, nil, io.Discard, io.Discard); err == nil {
		t.Error("a backup was overwritten")
	}
	elsewhere := append(production(t), "ZHIBU_DATABASE_URL="+modeltest.EmptyMariaDB(t))
	command(elsewhere, "", "restore", "--file", file)
	base, _, _ := start(t, elsewhere, "serve", "--addr", "127.0.0.1:0")
	for account, want := range map[string]int{
		`{"username":"boss","password":"New-Horse-Battery-9"}`: 200, `{"username":"boss","password":"Correct-Horse-9"}`: 401,
		`{"username":"gone","password":"Correct-Horse-9"}`: 401,
	} {
		answer, err := http.Post(base+"/api/v1/auth/password", "application/json", strings.NewReader(account))
		if err != nil {
			t.Fatal(err)
		}
		answer.Body.Close()
		if answer.StatusCode != want {
			t.Errorf("%s: %s, want %d", account, answer.Status, want)
		}
	}
	if out := command(nil, "", "version"); !strings.Contains(out, "zhibu") {
		t.Error(out)
	}
}

// TestDoctorChangesNothing lets the doctor look at an office without a database, and at one with.
func TestDoctorChangesNothing(t *testing.T) {
	dir := t.TempDir()
	environ := append(production(t), "ZHIBU_DATA_DIR="+dir, "ZHIBU_WECHAT_APP_ID=", "ZHIBU_WECHAT_APP_SECRET=")
	look := func() string {
		t.Helper()
		var out bytes.Buffer
		if err := run(t.Context(), []string{"doctor"}, environ, nil, &out, io.Discard); err == nil {
			t.Error("without a WeChat nothing is in order")
		}
		return out.String()
	}
	said := look()
	if files, err := os.ReadDir(dir); err != nil || len(files) > 0 || !strings.Contains(said, "TROUBLE  database") || strings.Contains(said, "clock") {
		t.Errorf("%v, %v\n%s", files, err, said)
	}
	if err := run(t.Context(), []string{"migrate"}, environ, nil, io.Discard, io.Discard); err != nil {
		t.Fatal(err)
	}
	if said := look(); !strings.Contains(said, "ok       schema") || !strings.Contains(said, "not checked: SQLite has no clock of its own") {
		t.Error(said)
	}
}

// TestOpenAPIIsInStep compares the description in docs with what `zhibu openapi` prints, to the byte, and with what a
// server serves, in content.
func TestOpenAPIIsInStep(t *testing.T) {
	var now bytes.Buffer
	if err := run(t.Context(), []string{"openapi"}, nil, nil, &now, io.Discard); err != nil {
		t.Fatal(err)
	}
	kept, err := os.ReadFile("docs/openapi.yaml")
	if err != nil || !bytes.Equal(kept, now.Bytes()) {
		t.Errorf("docs/openapi.yaml is not what the routes say: run `make openapi` (%v)", err)
	}
	base, _, _ := start(t, []string{"ZHIBU_DATA_DIR=" + t.TempDir()}, "demo", "--addr", "127.0.0.1:0")
	_, served := get(t, base+"/openapi.json")
	if canonical(t, kept) != canonical(t, []byte(served)) {
		t.Error("the server serves another description than docs/openapi.yaml")
	}
}

// canonical is a description, YAML or JSON, in one form.
func canonical(t *testing.T, description []byte) string {
	t.Helper()
	document, err := openapi3.NewLoader().LoadFromData(description)
	if err != nil {
		t.Fatal(err)
	}
	text, err := json.Marshal(document)
	if err != nil {
		t.Fatal(err)
	}
	return string(text)
}
