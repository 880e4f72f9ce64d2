//go:build !race

package period_test

const race = false
