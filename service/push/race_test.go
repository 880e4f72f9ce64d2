//go:build race

package push_test

// race reports whether the test runs under the race detector, where a database in Go is fifteen times slower.
const race = true
