package wechat

import (
	"strings"
	"testing"
	"unicode/utf8"

	"zhibu/model"
	"zhibu/service/wechat/sim"
)

const (
	riskyText  = "特3456书yuuo莞6543李zxcz蒜7782法fgnv级"
	reviewText = "【需人工审核】"
)

func TestCheckText(t *testing.T) {
	w := newPushWorld(t)
	if _, err := w.Login(t.Context(), w.platform.LoginCode(openID)); err != nil {
		t.Fatal(err)
	}
	long := strings.Repeat("学习心得。", 1200) // three pieces
	for name, tc := range map[string]struct {
		text  string
		want  model.TextVerdict
		calls int
	}{
		"blank":                     {" \n", model.TextPass, 0},
		"fine":                      {"今天学习了党章 <第一章> & 体会很深", model.TextPass, 1},
		"risky":                     {"看：" + riskyText, model.TextRisky, 1},
		"doubtful":                  {reviewText + "请看", model.TextReview, 1},
		"long":                      {long, model.TextPass, 3},
		"doubtful at the end":       {long + reviewText, model.TextReview, 3},
		"doubtful, then risky":      {reviewText + long + riskyText, model.TextRisky, 3},
		"risky, nothing more asked": {riskyText + long, model.TextRisky, 1},
		"risky across a cut":        {strings.Repeat("一", maxCheck-5) + riskyText, model.TextRisky, 2},
	} {
		before := w.calls(checkPath)
		got, err := w.CheckText(t.Context(), openID, tc.text)
		if calls := w.calls(checkPath) - before; err != nil || got != tc.want || calls != tc.calls {
			t.Errorf("%s: %s, %v after %d calls, want %s after %d", name, got, err, calls, tc.want, tc.calls)
		}
	}
	j := w.platform.Journal()
	for _, e := range j {
		if strings.Contains(e.Body, `\u`) {
			t.Errorf("%.60s is escaped, which defeats the check", e.Body)
		}
	}
}

func TestPieces(t *testing.T) {
	for n, want := range map[int]int{1: 1, maxCheck: 1, maxCheck + 1: 2, 2*maxCheck - checkOverlap: 2, 2 * maxCheck: 3} {
		text := strings.Repeat("字", n)
		got := pieces(text)
		if len(got) != want {
			t.Errorf("%d characters in %d pieces, want %d", n, len(got), want)
		}
		for _, piece := range got {
			if c := utf8.RuneCountInString(piece); c > maxCheck {
				t.Errorf("a piece of %d characters", c)
			}
		}
	}
}

// TestTextIsUncheckedAfterAFailure, whatever fails.
func TestTextIsUncheckedAfterAFailure(t *testing.T) {
	w := newPushWorld(t)
	got, err := w.CheckText(t.Context(), openID, "学习心得")
	wantError(t, err, ErrUnavailable, 61010) // not opened within two hours
	if got != "" {
		t.Errorf("a verdict: %s", got)
	}
	for name, tc := range map[string]struct {
		fault sim.Fault
		want  *model.Error
	}{
		"quota":   {sim.Fault{Errcode: 45009}, ErrTooMany},
		"empty":   {sim.Fault{Empty: true}, ErrUnavailable},
		"html":    {sim.Fault{HTML: true}, ErrUnavailable},
		"reset":   {sim.Fault{Reset: true}, ErrUnavailable},
		"gateway": {sim.Fault{Status: 502}, ErrUnavailable},
	} {
		w := newPushWorld(t)
		if _, err := w.Login(t.Context(), w.platform.LoginCode(openID)); err != nil {
			t.Fatal(err)
		}
		tc.fault.Endpoint = checkPath
		w.fail(t, tc.fault)
		got, err := w.CheckText(t.Context(), openID, "学习心得")
		wantError(t, err, tc.want, int64(tc.fault.Errcode))
		if got != "" {
			t.Errorf("%s: a verdict: %s", name, got)
		}
		wantClean(t, err.Error(), openID, "学习心得")
	}
}
