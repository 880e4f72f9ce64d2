package modeltest

import (
	"flag"
	"strconv"
	"testing"

	"pgregory.net/rapid"
)

// Check runs a property n times, or as much more or less often as -rapid.checks differs from its usual 100. All of them
// run: fewer are a failure.
func Check(t *testing.T, n int, property func(*rapid.T)) {
	t.Helper()
	percent, err := strconv.Atoi(flag.Lookup("rapid.checks").Value.String())
	if err != nil {
		t.Fatal(err)
	}
	n = max(1, n*percent/100)
	if err := flag.Set("rapid.checks", strconv.Itoa(n)); err != nil {
		t.Fatal(err)
	}
	defer func() { _ = flag.Set("rapid.checks", strconv.Itoa(percent)) }()
	ran := 0
	rapid.Check(t, func(rt *rapid.T) {
		ran++
		property(rt)
	})
	if ran < n && !testing.Short() {
		t.Errorf("%d checks ran, want %d", ran, n)
	}
}
