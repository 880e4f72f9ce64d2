package model

import (
	"context"
	"embed"
	"errors"
	"fmt"
	"io/fs"
	"path"
	"strconv"
	"strings"
	"testing/fstest"
	"text/template"
	"time"

	mysqldriver "github.com/go-sql-driver/mysql"
	"github.com/pressly/goose/v3"
	"github.com/pressly/goose/v3/lock"
)

//go:embed migration/*.sql
var migrations embed.FS

// Migrate brings the schema to the newest version. It is safe to call by several instances at once: one does the
// work and the others wait for it.
func (d *DB) Migrate(ctx context.Context) error { return d.MigrateTo(ctx, goose.MaxVersion) }

// MigrateTo brings the schema up to version, for restoring an older backup and for tests.
func (d *DB) MigrateTo(ctx context.Context, version int64) error {
	p, err := d.migrator()
	if err != nil {
		return err
	}
	// SQLite has no lock table: who loses a race to a file's statement finds it done, rolls back and goes on after it.
	// On MySQL only goose's own table is made outside the lock, and can be met half made.
	for try := 1; ; try++ {
		_, err := p.UpTo(ctx, version)
		racing := err != nil && (d.Dialect == SQLite || strings.Contains(err.Error(), "missing zero version"))
		if !racing || try > len(p.ListSources()) || ctx.Err() != nil {
			return wrap("migrate", err)
		}
		time.Sleep(20 * time.Millisecond)
	}
}

func wrap(doing string, err error) error {
	if err == nil {
		return nil
	}
	return fmt.Errorf("%s: %w", doing, err)
}

// SchemaVersion returns the version of the schema, 0 before the first migration, and the newest one this program knows.
// It only reads, beside whatever is being written, so that readiness costs next to nothing.
func (d *DB) SchemaVersion(ctx context.Context) (current, newest int64, err error) {
	pool, err := d.reader.DB()
	if err != nil {
		return 0, 0, err
	}
	err = pool.QueryRowContext(ctx, "SELECT COALESCE(MAX(version_id), 0) FROM goose_db_version WHERE is_applied").Scan(&current)
	if err != nil && !isMissingTable(err) {
		return 0, 0, fmt.Errorf("schema version: %w", err)
	}
	return current, d.newest, nil
}

// isMissingTable reports whether err is a database nobody has migrated yet.
func isMissingTable(err error) bool {
	var m *mysqldriver.MySQLError
	if errors.As(err, &m) {
		return m.Number == 1146
	}
	return strings.Contains(err.Error(), "no such table")
}

// newestVersion is the highest number among the migrations.
func newestVersion() (newest int64, err error) {
	files, err := fs.Glob(migrations, "migration/*.sql")
	for _, f := range files {
		number, _, _ := strings.Cut(path.Base(f), "_")
		version, err := strconv.ParseInt(number, 10, 64)
		if err != nil {
			return 0, fmt.Errorf("migration %s: %w", f, err)
		}
		newest = max(newest, version)
	}
	return newest, err
}

func (d *DB) migrator() (*goose.Provider, error) {
	files, err := renderMigrations(d.Dialect)
	if err != nil {
		return nil, err
	}
	options := []goose.ProviderOption{goose.WithDisableGlobalRegistry(true)}
	dialect := goose.DialectSQLite3
	if d.Dialect == MySQL {
		dialect = goose.DialectMySQL
		locker, err := lock.NewMySQLTableLocker(lock.WithTableLockTimeout(200*time.Millisecond, 600))
		if err != nil {
			return nil, err
		}
		options = append(options, goose.WithLocker(locker))
	}
	return goose.NewProvider(dialect, d.Pool(), files, options...)
}

// renderMigrations turns the one set of templates into the files of a dialect.
func renderMigrations(dialect Dialect) (fs.FS, error) {
	files := fstest.MapFS{}
	err := fs.WalkDir(migrations, "migration", func(p string, e fs.DirEntry, err error) error {
		if err != nil || e.IsDir() {
			return err
		}
		source, err := migrations.ReadFile(p)
		if err != nil {
			return err
		}
		statement, err := renderMigration(dialect, p, string(source))
		files[path.Base(p)] = &fstest.MapFile{Data: []byte("-- +goose Up\n" + statement)}
		return err
	})
	return files, err
}

// renderMigration fills the template of one file. A key is part of CREATE TABLE on MySQL and a statement of its own
// on SQLite; the table's name is the word in the file's name.
func renderMigration(dialect Dialect, file, source string) (string, error) {
	mysql := dialect == MySQL
	_, word, _ := strings.Cut(strings.TrimSuffix(path.Base(file), ".sql"), "_")
	var indexes strings.Builder
	choose := func(onMySQL, onSQLite string) func() string {
		return func() string {
			if mysql {
				return onMySQL
			}
			return onSQLite
		}
	}
	funcs := template.FuncMap{
		"ascii":   choose("CHARACTER SET ascii COLLATE ascii_bin", ""),
		"date":    choose("CHAR(10) CHARACTER SET ascii COLLATE ascii_bin", "TEXT"),
		"text":    choose("MEDIUMTEXT", "TEXT"), // MySQL's TEXT ends at 65,535 bytes, 16,383 rare characters
		"options": choose("ENGINE=InnoDB DEFAULT CHARSET=utf8mb4 COLLATE=utf8mb4_bin", ""),
		"key": func(columns string) string {
			name := word + "_by_" + strings.ReplaceAll(columns, ", ", "_")
			if mysql {
				return ", KEY " + name + " (" + columns + ")"
			}
			fmt.Fprintf(&indexes, "\nCREATE INDEX %s ON %s (%s);", name, word, columns)
			return ""
		},
	}
	t, err := template.New(file).Funcs(funcs).Parse(source)
	if err != nil {
		return "", err
	}
	var b strings.Builder
	if err := t.Execute(&b, nil); err != nil {
		return "", err
	}
	return b.String() + indexes.String() + "\n", nil
}
