//go:build !race

package push_test

const race = false
