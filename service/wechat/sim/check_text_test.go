package sim

import (
	"fmt"
	"strings"
	"testing"
	"time"
)

func (w world) check(t *testing.T, openID string, scene int, content string) string {
	t.Helper()
	token, _ := w.stable(t, false)
	_, out := w.do(t, pathCheckText+"?access_token="+token, fmt.Sprintf(`{"version":2,"openid":%q,"scene":%d,"content":%q}`, openID, scene, content))
	return out
}

func TestCheckText(t *testing.T) {
	w := newWorld()
	if got := errcode(w.check(t, openID, 3, "好")); got != 61010 {
		t.Errorf("before a login: errcode %d, want 61010", got)
	}
	w.login(t, w.LoginCode(openID))
	for content, want := range map[string]string{"好": "pass", "a" + riskyText: "risky", reviewText: "review"} {
		wantMatch(t, `\{"errcode":0,"errmsg":"ok","result":\{"suggest":"`+want+`","label":\d+\},"detail":\[\{"strategy":"content_model",.*\},`+
			`\{"strategy":"keyword","errcode":0\}\],"trace_id":"`+rid+`"\}`, w.check(t, openID, 3, content))
	}
	for name, tc := range map[string]struct {
		openID  string
		scene   int
		content string
		want    int
	}{
		"no scene":         {openID, 0, "好", 40129},
		"a fifth scene":    {openID, 5, "好", 40129},
		"the longest":      {openID, 1, strings.Repeat("好", maxCheck), 0},
		"too long":         {openID, 1, strings.Repeat("好", maxCheck+1), 47001},
		"nothing":          {openID, 1, "", 44002},
		"a bad openid":     {"o 1", 1, "好", 40003},
		"somebody unknown": {"oOther", 1, "好", 61010},
	} {
		if out := w.check(t, tc.openID, tc.scene, tc.content); errcode(out) != tc.want {
			t.Errorf("%s: %s, want errcode %d", name, out, tc.want)
		}
	}
	w.advance(visitLife)
	if got := errcode(w.check(t, openID, 3, "好")); got != 61010 {
		t.Errorf("two hours later: errcode %d, want 61010", got)
	}
	token, _ := w.stable(t, false)
	for _, body := range []string{"x", `{"content":"好"}`} {
		if _, out := w.do(t, pathCheckText+"?access_token="+token, body); errcode(out) != 47001 {
			t.Errorf("%s: %s, want errcode 47001", body, out)
		}
	}
	if _, out := w.do(t, pathCheckText, "{}"); errcode(out) != 41001 {
		t.Errorf("without a token: %s", out)
	}
}

func TestVisitsAreBounded(t *testing.T) {
	v, now := visits{}, time.Unix(0, 0)
	for i := range maxVisits {
		v[fmt.Sprint(i)] = now.Add(-visitLife + time.Duration(i%2)*time.Second)
	}
	v.add(openID, now)
	if len(v) != maxVisits/2+1 || !v.recent(openID, now) {
		t.Errorf("%d visits kept", len(v))
	}
	for i := range maxVisits - len(v) {
		v[fmt.Sprint("x", i)] = now
	}
	v.add("oLast", now)
	if len(v) != maxVisits || !v.recent("oLast", now) {
		t.Errorf("%d visits kept, want %d", len(v), maxVisits)
	}
}
