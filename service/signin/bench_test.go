package signin_test

import (
	"testing"

	"zhibu/model"
	"zhibu/model/modeltest"
)

// What every request pays before its own work: on each database, and without one (the token alone).
func BenchmarkAuthenticate(b *testing.B) {
	for name, open := range map[string]func(testing.TB) *model.DB{"sqlite": modeltest.SQLite, "mariadb": modeltest.MariaDB} {
		b.Run(name, func(b *testing.B) {
			w := newWorld(b, open(b))
			token := w.bound("openid-zhao", w.secretary).AccessToken
			b.ReportAllocs()
			for b.Loop() {
				if _, err := w.Authenticate(ctx, token); err != nil {
					b.Fatal(err)
				}
			}
		})
	}
}
