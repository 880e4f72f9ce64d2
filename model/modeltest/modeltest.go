// Package modeltest gives every test a real, migrated, empty database of its own: SQLite and MariaDB.
package modeltest

import (
	"context"
	"crypto/rand"
	"database/sql"
	"encoding/hex"
	"fmt"
	"io"
	"log/slog"
	"net/url"
	"os"
	"path/filepath"
	"sync"
	"testing"
	"time"

	"zhibu/model"
)

// Each runs test once on SQLite and once on MariaDB. Without ZHIBU_TEST_DATABASE_URL it fails and does not skip;
// `make test` sets it.
func Each(t *testing.T, test func(t *testing.T, db *model.DB)) {
	t.Helper()
	t.Run("sqlite", func(t *testing.T) { test(t, SQLite(t)) })
	t.Run("mariadb", func(t *testing.T) { test(t, MariaDB(t)) })
}

// SQLite opens a fresh copy of a migrated file.
func SQLite(t testing.TB) *model.DB {
	t.Helper()
	file := filepath.Join(t.TempDir(), "test.db")
	if err := os.WriteFile(file, template(t), 0o600); err != nil {
		t.Fatal(err)
	}
	return open(t, "sqlite:"+file)
}

// MariaDB opens a fresh, migrated database that is dropped when the test ends.
func MariaDB(t testing.TB) *model.DB {
	t.Helper()
	databaseURL := EmptyMariaDB(t)
	db := open(t, databaseURL)
	if err := db.Migrate(context.Background()); err != nil {
		t.Fatal(err)
	}
	return db
}

// EmptyMariaDB creates a database without any table and returns its URL.
func EmptyMariaDB(t testing.TB) string {
	t.Helper()
	server := os.Getenv("ZHIBU_TEST_DATABASE_URL")
	if server == "" {
		t.Fatal("ZHIBU_TEST_DATABASE_URL is not set: run the tests with `make test`, which brings up a MariaDB")
	}
	u, err := url.Parse(server)
	if err != nil {
		t.Fatal(err)
	}
	c, err := model.MySQLConfig(server)
	if err != nil {
		t.Fatal(err)
	}
	admin, err := sql.Open("mysql", c.FormatDSN())
	if err != nil {
		t.Fatal(err)
	}
	name := "test_" + randomHex()
	if _, err := admin.Exec("CREATE DATABASE " + name); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if _, err := admin.Exec("DROP DATABASE " + name); err != nil {
			t.Error(err)
		}
		admin.Close()
	})
	u.Path = "/" + name
	return u.String()
}

// Keyring is a keyring with keys made for the test.
func Keyring(t testing.TB) *model.Keyring {
	t.Helper()
	k, err := model.NewKeyring([]string{"test:AAECAwQFBgcICQoLDA0ODxAREhMUFRYXGBkaGxwdHh8="}, []byte("0123456789abcdef0123456789abcdef"))
	if err != nil {
		t.Fatal(err)
	}
	return k
}

// Clock is a clock that only moves when told. It is safe for concurrent use.
type Clock struct {
	mu  sync.Mutex
	now time.Time
}

// NewClock starts at a moment in Asia/Shanghai, "2026-03-02 09:00".
func NewClock(at string) *Clock {
	t, err := time.ParseInLocation("2006-01-02 15:04", at, model.Shanghai)
	if err != nil {
		panic(err)
	}
	return &Clock{now: t}
}

// Now is the time; pass it where a service takes now.
func (c *Clock) Now() time.Time {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.now
}

// Advance moves the clock on.
func (c *Clock) Advance(d time.Duration) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.now = c.now.Add(d)
}

// Set moves the clock to t.
func (c *Clock) Set(t time.Time) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.now = t
}

func open(t testing.TB, databaseURL string) *model.DB {
	t.Helper()
	quiet := slog.New(slog.NewTextHandler(io.Discard, nil))
	db, err := model.Open(databaseURL, model.Options{Relaxed: true, Logger: quiet, MaxConns: 24})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := db.Close(); err != nil {
			t.Error(err)
		}
	})
	return db
}

// template is the migrated SQLite file, made once in a process.
func template(t testing.TB) []byte {
	t.Helper()
	content, err := migratedFile()
	if err != nil {
		t.Fatal(err)
	}
	return content
}

var migratedFile = sync.OnceValues(func() ([]byte, error) {
	dir, err := os.MkdirTemp("", "zhibu-template-")
	if err != nil {
		return nil, err
	}
	defer os.RemoveAll(dir)
	file := filepath.Join(dir, "template.db")
	db, err := model.Open("sqlite:"+file, model.Options{Relaxed: true})
	if err != nil {
		return nil, err
	}
	if err := db.Migrate(context.Background()); err != nil {
		return nil, err
	}
	if err := db.Close(); err != nil {
		return nil, fmt.Errorf("close template: %w", err)
	}
	return os.ReadFile(file)
})

func randomHex() string {
	b := make([]byte, 8)
	rand.Read(b)
	return hex.EncodeToString(b)
}
