//go:build !race

package roster_test

const race = false
