//go:build !race

package dues_test

const race = false
