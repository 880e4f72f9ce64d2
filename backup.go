package main

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"time"

	"zhibu/model"
)

// runBackup writes to a temporary file beside the target and renames it, so that a backup is whole or not there.
func runBackup(ctx context.Context, p program) (err error) {
	if p.file == "" {
		return errors.New("say where to: --file zhibu-" + time.Now().Format(time.DateOnly) + ".backup")
	}
	if _, err := os.Stat(p.file); err == nil {
		return fmt.Errorf("%s exists already; a backup never overwrites another", p.file)
	}
	if path, ok := strings.CutPrefix(p.DatabaseURL, "sqlite:"); ok {
		if _, err := os.Stat(path); err != nil {
			return fmt.Errorf("there is no database to back up: %w", err)
		}
	}
	db, err := model.Open(p.DatabaseURL, model.Options{Logger: newLogger(p), MaxConns: p.MaxConns})
	if err != nil {
		return err
	}
	defer db.Close()
	partial, err := os.CreateTemp(filepath.Dir(p.file), ".zhibu-*.partial")
	if err != nil {
		return err
	}
	defer os.Remove(partial.Name())
	rows, err := db.Backup(ctx, partial, time.Now())
	if err := errors.Join(err, partial.Sync(), partial.Close()); err != nil {
		return err
	}
	if err := os.Rename(partial.Name(), p.file); err != nil {
		return err
	}
	_, err = fmt.Fprintf(p.stdout, "%d rows are in %s. Keep ZHIBU_DATA_KEYS and ZHIBU_INDEX_KEY apart from it: without them phone and id numbers cannot be read.\n", rows, p.file)
	return err
}

func runRestore(ctx context.Context, p program) error {
	if p.file == "" {
		return errors.New("say which backup: --file zhibu-" + time.Now().Format(time.DateOnly) + ".backup")
	}
	file, err := os.Open(p.file)
	if err != nil {
		return err
	}
	defer file.Close()
	db, err := model.Open(p.DatabaseURL, model.Options{Logger: newLogger(p), MaxConns: p.MaxConns})
	if err != nil {
		return err
	}
	defer db.Close()
	rows, err := db.Restore(ctx, file)
	if err != nil {
		return err
	}
	_, err = fmt.Fprintf(p.stdout, "%d rows are restored.\n", rows)
	return err
}
