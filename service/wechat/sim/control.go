package sim

import (
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"regexp"
)

var (
	openIDPattern = regexp.MustCompile(`^[0-9A-Za-z_-]{1,64}$`)
	phonePattern  = regexp.MustCompile(`^(1[0-9]{10}|\+[1-9][0-9]{0,3}-[0-9]{4,14})$`)
)

// controlHandler serves what a person trying the program does instead of a phone, and to the network.
func (p *Platform) controlHandler() http.Handler {
	mux := http.NewServeMux()
	mux.HandleFunc("POST "+controls+"login", p.controlLogin)
	mux.HandleFunc("POST "+controls+"phone", p.controlPhone)
	mux.HandleFunc("POST "+controls+"faults", p.controlFaults)
	mux.HandleFunc("POST "+controls+"reset", p.controlReset)
	mux.HandleFunc("GET "+controls+"journal", p.controlJournal)
	mux.HandleFunc("POST "+controls+"subscribe", p.controlSubscribe)
	mux.HandleFunc("POST "+controls+"forget", p.controlForget)
	mux.HandleFunc("GET "+controls+"inbox", p.controlInboxes)
	mux.HandleFunc("GET "+controls+"inbox/{openid}", p.controlInbox)
	mux.HandleFunc("POST "+controls+"pay", p.controlPay)
	mux.HandleFunc("POST "+controls+"refund", p.controlRefund)
	mux.HandleFunc("POST "+controls+"deliver", p.controlDeliver)
	mux.HandleFunc("GET "+controls+"orders", p.controlOrders)
	mux.HandleFunc(controls, func(w http.ResponseWriter, r *http.Request) {
		problem(w, http.StatusNotFound, "not_found", fmt.Sprintf("模拟器没有 %s %s", r.Method, r.URL.Path))
	})
	return mux
}

type codeAnswer struct {
	Code string `json:"code"`
}

func (p *Platform) controlLogin(w http.ResponseWriter, r *http.Request) {
	var in struct {
		OpenID string `json:"openid"`
	}
	if err := read(w, r, &in); err != nil {
		badRequest(w, err)
		return
	}
	if !openIDPattern.MatchString(in.OpenID) {
		badRequest(w, errOpenID)
		return
	}
	respond(w, http.StatusOK, codeAnswer{p.LoginCode(in.OpenID)})
}

func (p *Platform) controlPhone(w http.ResponseWriter, r *http.Request) {
	var in struct {
		OpenID string `json:"openid"`
		Phone  string `json:"phone"`
	}
	if err := read(w, r, &in); err != nil {
		badRequest(w, err)
		return
	}
	if !openIDPattern.MatchString(in.OpenID) {
		badRequest(w, errOpenID)
		return
	}
	if !phonePattern.MatchString(in.Phone) {
		badRequest(w, errPhone)
		return
	}
	respond(w, http.StatusOK, codeAnswer{p.PhoneCode(in.OpenID, in.Phone)})
}

func (p *Platform) controlFaults(w http.ResponseWriter, r *http.Request) {
	var f Fault
	if err := read(w, r, &f); err != nil {
		badRequest(w, err)
		return
	}
	if err := p.Fail(f); err != nil {
		badRequest(w, err)
		return
	}
	w.WriteHeader(http.StatusNoContent)
}

func (p *Platform) controlReset(w http.ResponseWriter, _ *http.Request) {
	p.Reset()
	w.WriteHeader(http.StatusNoContent)
}

func (p *Platform) controlJournal(w http.ResponseWriter, _ *http.Request) {
	items := p.Journal()
	for i := range items {
		items[i] = items[i].redacted()
	}
	respond(w, http.StatusOK, struct {
		Items []Entry `json:"items"`
	}{items})
}

var (
	errOpenID = errors.New("openid 必须是 1 至 64 个字母、数字、下划线或连字符")
	errPhone  = errors.New("phone 必须是 11 位手机号，境外号码写作 +852-91234567")
)

// read decodes one JSON object and refuses unknown fields, so that a misspelt fault does not pass for none.
func read(w http.ResponseWriter, r *http.Request, into any) error {
	d := json.NewDecoder(http.MaxBytesReader(w, r.Body, maxRequest))
	d.DisallowUnknownFields()
	if err := d.Decode(into); err != nil {
		return fmt.Errorf("请求体不是所需的 JSON 对象：%w", err)
	}
	if _, err := d.Token(); !errors.Is(err, io.EOF) {
		return errors.New("请求体只能有一个 JSON 对象")
	}
	return nil
}

func respond(w http.ResponseWriter, status int, v any) {
	w.Header().Set("Content-Type", "application/json; charset=utf-8")
	w.WriteHeader(status)
	_ = json.NewEncoder(w).Encode(v) // the caller may have gone
}

func badRequest(w http.ResponseWriter, err error) {
	problem(w, http.StatusBadRequest, "invalid_request", err.Error())
}

// problem answers an error in the form the program's own API uses (RFC 9457).
func problem(w http.ResponseWriter, status int, code, detail string) {
	w.Header().Set("Content-Type", "application/problem+json")
	w.WriteHeader(status)
	_ = json.NewEncoder(w).Encode(map[string]any{
		"type": "about:blank", "title": http.StatusText(status), "status": status, "code": code, "detail": detail,
	})
}
