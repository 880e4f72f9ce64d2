package sim

import (
	"encoding/json"
	"fmt"
	"net/http"
	"strconv"
)

const (
	typeJSON = "application/json; encoding=utf-8"
	typeText = "text/plain" // jscode2session alone labels its JSON so
)

// answer is what the platform sends. A length above that of the body breaks the connection off early.
type answer struct {
	status int
	mime   string
	header http.Header // besides
	body   []byte
	length int
}

func (a answer) write(w http.ResponseWriter) {
	for name, values := range a.header {
		w.Header()[name] = values
	}
	if a.status == http.StatusNoContent {
		w.WriteHeader(a.status)
		return
	}
	w.Header().Set("Content-Type", a.mime)
	w.Header().Set("Content-Length", strconv.Itoa(max(a.length, len(a.body))))
	w.WriteHeader(a.status)
	_, _ = w.Write(a.body) // the caller may have gone
}

// succeed answers v; only some of the platform's answers carry errcode and errmsg, so v says it itself.
func succeed(path string, v any) answer {
	body, err := json.Marshal(v)
	if err != nil {
		panic(err) // v is one of this package's own structs
	}
	mime := typeJSON
	if path == pathLogin {
		mime = typeText
	}
	return answer{status: http.StatusOK, mime: mime, body: body}
}

type refusal struct {
	Code int    `json:"errcode"`
	Text string `json:"errmsg"`
}

// refuse answers an errcode with HTTP 200, as the platform does. How the request id is attached depends on the path.
func (p *Platform) refuse(path string, code int) answer {
	return p.refuseSaying(path, code, refusalText(code))
}

// refuseSaying is refuse with another text than usual.
func (p *Platform) refuseSaying(path string, code int, text string) answer {
	rid := p.requestID()
	switch {
	case path == pathLogin:
		text += ", rid: " + rid
	case path == pathPhone && (code == 40029 || code == 40013):
		text += fmt.Sprintf(" hint: [%s] rid: %s", p.hint(), rid)
	default:
		text += " rid: " + rid
	}
	return succeed(path, refusal{code, text})
}

func refusalText(code int) string {
	if text, ok := platformTexts()[code]; ok {
		return text
	}
	return "simulated error"
}

// platformTexts are the sentences the platform has been seen to send.
func platformTexts() map[int]string {
	return map[int]string{
		-1:    "system error",
		40001: "invalid credential, access_token is invalid or not latest, could get access_token by getStableAccessToken, more details at https://mmbizurl.cn/s/JtxxFh33r",
		40002: "invalid grant_type",
		40003: "invalid openid",
		40013: "invalid appid",
		40014: "invalid access_token",
		40029: "invalid code",
		40037: "invalid template_id",
		40066: "invalid url",
		40097: "invalid args",
		40129: "invalid scene",
		40125: "invalid appsecret",
		40163: "code been used",
		40164: "invalid ip 203.0.113.7 ipv6 ::ffff:203.0.113.7, not in whitelist",
		40169: "invalid length for scene, or the data is not json string",
		40226: "code blocked",
		41001: "access_token missing",
		41002: "appid missing",
		41004: "appsecret missing",
		41008: "missing code",
		41030: "invalid page",
		42001: "access_token expired",
		43001: "require GET method",
		43002: "require POST method",
		43101: "user refuse to accept the msg",
		43107: "template message capability is banned",
		43108: "concurrent messages to the same user",
		44002: "empty post data",
		45009: "reach max api daily quota limit",
		45168: "sensitive words in the message",
		45011: "api minute-quota reach limit mustslower retry next minute",
		47001: "data format error",
		47003: "argument invalid! data.thing1.value",
		61010: "code is expired",
		89503: "this ip call needs confirmation of the admin",
		89506: "this ip was refused by the admin, retry after 24 hours",
		89507: "this ip was refused by the admin, retry after 1 hour",
	}
}
