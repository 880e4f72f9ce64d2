// Bench prints what a check-in costs over HTTP beside two floors measured in the same run: a gin handler that only
// authenticates, and a single-row INSERT of the same row through database/sql. It needs ZHIBU_TEST_DATABASE_URL, which
// `make bench` sets to a MariaDB that flushes every commit.
package main

import (
	"context"
	"fmt"
	"os"
	"runtime"
	"time"

	"zhibu/model"
)

func main() {
	if err := run(context.Background()); err != nil {
		fmt.Fprintln(os.Stderr, "bench:", err)
		os.Exit(1)
	}
}

func run(ctx context.Context) error {
	dir, err := os.MkdirTemp("", "zhibu-bench-")
	if err != nil {
		return err
	}
	defer os.RemoveAll(dir)
	fmt.Printf("%s, %d CPUs, %s\n\n", time.Now().Format(time.DateOnly), runtime.NumCPU(), runtime.Version())
	mariadb, drop, err := benchDatabase(ctx)
	if err != nil {
		return err
	}
	defer drop()
	fmt.Println("| database | connections | measured | per second | p50 ms | p99 ms | of the INSERT |")
	fmt.Println("|---|---|---|---|---|---|---|")
	for _, databaseURL := range []string{mariadb, "sqlite:" + dir + "/bench.db"} {
		if err := benchCheckIns(ctx, databaseURL); err != nil {
			return err
		}
	}
	fmt.Println()
	return benchStart(ctx, dir)
}

// connections are the concurrencies measured.
var connections = []int{16, 64}

func benchCheckIns(ctx context.Context, databaseURL string) error {
	db, err := model.Open(databaseURL, model.Options{MaxConns: 32})
	if err != nil {
		return err
	}
	defer db.Close()
	if err := db.Migrate(ctx); err != nil {
		return err
	}
	o, err := newOffice(ctx, db)
	if err != nil {
		return err
	}
	defer o.close()
	for _, n := range connections {
		insert, err := o.insertRows(ctx, n)
		if err != nil {
			return err
		}
		bare, err := o.load(n, func(string, int) request { return request{path: "/bare"} })
		if err != nil {
			return err
		}
		checkIn, err := o.load(n, o.tap)
		if err != nil {
			return err
		}
		for _, row := range []struct {
			name string
			result
		}{{"INSERT of the row", insert}, {"authentication only", bare}, {"check-in", checkIn}} {
			fmt.Printf("| %s | %d | %s | %.0f | %.1f | %.1f | %.2f |\n", db.Dialect, n, row.name, row.perSecond(),
				row.percentile(50), row.percentile(99), row.perSecond()/insert.perSecond())
		}
	}
	return nil
}
