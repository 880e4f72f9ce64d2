package model_test

import (
	"testing"

	"pgregory.net/rapid"

	"zhibu/model"
)

func TestCursorReadsOnlyWhatItWrote(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		c := model.Cursor{At: model.Instant(rapid.Int64().Draw(t, "at")), ID: rapid.Int64().Draw(t, "id")}
		if got, err := model.ParseCursor(c.String()); err != nil || got != c {
			t.Fatalf("%v is read as %v, %v", c, got, err)
		}
		s := rapid.OneOf(rapid.String(), rapid.StringMatching(`[A-Za-z0-9_-]{22}`)).Draw(t, "text")
		if got, err := model.ParseCursor(s); err == nil && got.String() != s {
			t.Fatalf("%q is read as %v", s, got)
		}
	})
	good := model.Cursor{At: 1, ID: 2}.String()
	for _, s := range []string{"", "1-2", good + "x", good + "=", good[1:], good + "\n", good[:21] + "B", "党"} {
		if e := model.AsError(func() error { _, err := model.ParseCursor(s); return err }()); e == nil || e.Fields[0].Field != "cursor" {
			t.Errorf("%q is taken", s)
		}
	}
}
