// Bench prints what the product costs beside floors measured in the same run. Check-ins and completions over HTTP stand
// beside a gin handler that only authenticates and a single-row INSERT of the same row through database/sql; the rates of a
// tree of a million members beside the GROUP BY they replace; freezing it beside one INSERT … SELECT of its rows; the bills
// of a month beside multi-row INSERTs of them, a statement beside reading its rows; an announcement beside multi-row INSERTs
// of its deliveries, sending it beside the bare client, a member's to-do list beside reading one row. It needs
// ZHIBU_TEST_DATABASE_URL, which `make bench` sets to a MariaDB that flushes every commit.
package main

import (
	"context"
	"flag"
	"fmt"
	"log/slog"
	"os"
	"runtime"
	"slices"
	"strings"
	"time"

	"zhibu/model"
)

// The parts of the bench.
const (
	partCheckIns    = "check-ins"
	partCompletions = "completions"
	partTree        = "tree"
	partDues        = "dues"
	partPush        = "push"
	partStart       = "start"
)

var allParts = []string{partCheckIns, partCompletions, partTree, partDues, partPush, partStart}

func main() {
	only := flag.String("only", strings.Join(allParts, ","), "the parts to measure, with commas between")
	job := flag.String("bill", "", "what a process of the dues does for another; nothing for people")
	databaseURL := flag.String("database", "", "the database of -bill")
	flag.Parse()
	if *job != "" {
		if err := bill(context.Background(), *databaseURL, *job); err != nil {
			fmt.Fprintln(os.Stderr, "bench:", err)
			os.Exit(1)
		}
		return
	}
	if err := run(context.Background(), strings.Split(*only, ",")); err != nil {
		fmt.Fprintln(os.Stderr, "bench:", err)
		os.Exit(1)
	}
}

func run(ctx context.Context, parts []string) error {
	for _, part := range parts {
		if !slices.Contains(allParts, part) {
			return fmt.Errorf("there is no part %q; the parts are %s", part, strings.Join(allParts, ","))
		}
	}
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
	if err := benchDeeds(ctx, []string{mariadb, "sqlite:" + dir + "/bench.db"}, parts); err != nil {
		return err
	}
	if slices.Contains(parts, partTree) {
		if err := benchTree(ctx); err != nil {
			return err
		}
	}
	if slices.Contains(parts, partDues) {
		if err := benchDues(ctx, []string{"sqlite:" + dir + "/dues.db", mariadb}); err != nil {
			return err
		}
	}
	if slices.Contains(parts, partPush) {
		if err := benchPushApart(ctx, dir); err != nil {
			return err
		}
	}
	if slices.Contains(parts, partStart) {
		return benchStart(ctx, dir)
	}
	return nil
}

// progress tells who waits what is under way; it is not part of the figures.
func progress(format string, args ...any) { fmt.Fprintf(os.Stderr, "bench: "+format+"\n", args...) }

// quiet says nothing of slow statements: the figures do.
var quiet = slog.New(slog.DiscardHandler)

// openDatabase opens the database and makes its tables.
func openDatabase(ctx context.Context, databaseURL string) (*model.DB, error) {
	db, err := model.Open(databaseURL, model.Options{MaxConns: 32, Logger: quiet})
	if err != nil {
		return nil, err
	}
	return db, db.Migrate(ctx)
}
