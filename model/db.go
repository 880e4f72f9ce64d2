package model

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"log/slog"
	"net/url"
	"os"
	"path/filepath"
	"runtime"
	"strings"
	"time"

	"github.com/glebarez/sqlite"
	mysqldriver "github.com/go-sql-driver/mysql"
	"gorm.io/driver/mysql"
	"gorm.io/gorm"
	"gorm.io/gorm/logger"
)

// DB is the one place that knows which database it is. On SQLite one connection writes and several only read; on
// MySQL both are one pool.
type DB struct {
	Dialect Dialect
	writer  *gorm.DB
	reader  *gorm.DB
	newest  int64 // of the migrations
}

// Dialect is the family of the database behind a DB.
type Dialect string

const (
	SQLite Dialect = "sqlite"
	MySQL  Dialect = "mysql" // and what speaks its protocol: MariaDB, TiDB, OceanBase
)

// Options tune Open; the zero value is right for production.
type Options struct {
	Logger   *slog.Logger // default: slog.Default()
	MaxConns int          // of a MySQL pool; default 32
	Relaxed  bool         // SQLite without fsync per commit: for tests only
}

// Open connects to "sqlite:/path/to/file.db" or "mysql://user:password@host:3306/name" (also mariadb://, and
// ?socket=/path for a Unix socket). It does not migrate; see Migrate.
func Open(databaseURL string, o Options) (*DB, error) {
	if o.Logger == nil {
		o.Logger = slog.Default()
	}
	scheme, _, ok := strings.Cut(databaseURL, ":")
	if !ok {
		return nil, errors.New("the database URL begins neither with sqlite: nor with mysql://")
	}
	var d *DB
	var err error
	switch scheme {
	case "sqlite":
		path, _ := SQLitePath(databaseURL)
		d, err = openSQLite(path, o)
	case "mysql", "mariadb":
		d, err = openMySQL(databaseURL, o)
	default:
		return nil, fmt.Errorf("unknown database %q: it begins neither with sqlite: nor with mysql://", scheme)
	}
	if err != nil {
		return nil, err
	}
	d.newest, err = newestVersion()
	return d, err
}

// SQLitePath is the file behind the URL of an SQLite database; ok is false for any other.
func SQLitePath(databaseURL string) (path string, ok bool) {
	path, ok = strings.CutPrefix(databaseURL, "sqlite:")
	return strings.TrimPrefix(path, "//"), ok
}

func openSQLite(path string, o Options) (*DB, error) {
	if err := os.MkdirAll(filepath.Dir(path), 0o700); err != nil {
		return nil, fmt.Errorf("database folder: %w", err)
	}
	sync := "FULL"
	if o.Relaxed {
		sync = "OFF"
	}
	common := "file:" + url.PathEscape(path) +
		"?_pragma=busy_timeout(10000)&_pragma=foreign_keys(1)&_pragma=synchronous(" + sync + ")&_pragma=journal_mode(WAL)"
	open := func(more string, conns int) (*gorm.DB, error) {
		return openGorm(sqliteDialector{sqlite.Open(common + more).(*sqlite.Dialector)}, o, conns)
	}
	writer, err := open("&_txlock=immediate", 1)
	// The first change to WAL does not wait for a lock, so of several processes on a new file some are told "busy".
	for try := 0; err != nil && strings.Contains(err.Error(), "SQLITE_BUSY") && try < 100; try++ {
		time.Sleep(20 * time.Millisecond)
		writer, err = open("&_txlock=immediate", 1)
	}
	if err != nil {
		return nil, err
	}
	reader, err := open("&_pragma=query_only(1)", max(4, runtime.NumCPU()))
	if err != nil {
		return nil, err
	}
	return &DB{Dialect: SQLite, writer: writer, reader: reader}, nil
}

func openMySQL(databaseURL string, o Options) (*DB, error) {
	c, err := MySQLConfig(databaseURL)
	if err != nil {
		return nil, err
	}
	if o.MaxConns == 0 {
		o.MaxConns = 32
	}
	dialector := mysql.New(mysql.Config{DSNConfig: c, SkipInitializeWithVersion: true}).(*mysql.Dialector)
	pool, err := openGorm(mysqlDialector{dialector}, o, o.MaxConns)
	if err != nil {
		return nil, err
	}
	return &DB{Dialect: MySQL, writer: pool, reader: pool}, nil
}

// MySQLConfig turns a mysql:// URL into the driver's configuration with the settings zhibu relies on: UTC, utf8mb4,
// strict mode, and matched instead of changed rows.
func MySQLConfig(databaseURL string) (*mysqldriver.Config, error) {
	u, err := url.Parse(databaseURL)
	if err != nil {
		return nil, errors.New("the database URL cannot be read; is a special character of the password not escaped?")
	}
	c := mysqldriver.NewConfig()
	c.Net, c.Addr = "tcp", u.Host
	if u.Port() == "" {
		c.Addr = u.Hostname() + ":3306"
	}
	if socket := u.Query().Get("socket"); socket != "" {
		c.Net, c.Addr = "unix", socket
	}
	c.TLSConfig = u.Query().Get("tls")
	c.User = u.User.Username()
	c.Passwd, _ = u.User.Password()
	c.DBName = strings.TrimPrefix(u.Path, "/")
	c.Collation = "utf8mb4_bin"
	c.ParseTime, c.Loc = true, time.UTC
	c.ClientFoundRows = true
	c.InterpolateParams = true
	c.Timeout = 5 * time.Second
	c.Params = map[string]string{
		"time_zone": "'+00:00'",
		"sql_mode":  "'STRICT_TRANS_TABLES,NO_ENGINE_SUBSTITUTION,ERROR_FOR_DIVISION_BY_ZERO'",
	}
	return c, nil
}

func openGorm(d gorm.Dialector, o Options, conns int) (*gorm.DB, error) {
	g, err := gorm.Open(d, &gorm.Config{
		TranslateError:         true,
		SkipDefaultTransaction: true, // a public method is the transaction
		DisableAutomaticPing:   true,
		NowFunc:                func() time.Time { return time.Now().UTC() },
		Logger: slowOnly{logger.NewSlogLogger(o.Logger, logger.Config{
			SlowThreshold: time.Second, LogLevel: logger.Warn, ParameterizedQueries: true,
		})},
	})
	if err != nil {
		return nil, fmt.Errorf("database: %w", err)
	}
	pool, err := g.DB()
	if err != nil {
		return nil, err
	}
	pool.SetMaxOpenConns(conns)
	pool.SetMaxIdleConns(conns)
	pool.SetConnMaxIdleTime(5 * time.Minute)
	return g, nil
}

// slowOnly logs slow statements, without their values. Errors are not its business: they are returned, most are expected,
// and a driver's text can quote personal data.
type slowOnly struct{ logger.Interface }

func (l slowOnly) Trace(ctx context.Context, begin time.Time, statement func() (string, int64), _ error) {
	l.Interface.Trace(ctx, begin, statement, nil)
}

func (l slowOnly) ParamsFilter(_ context.Context, sql string, _ ...any) (string, []any) {
	return sql, nil
}

// Read returns a handle for queries. It cannot see what an open Write has not committed.
func (d *DB) Read(ctx context.Context) *gorm.DB { return d.reader.WithContext(ctx) }

// writeTries bounds how often Write starts again after a conflict with another transaction.
const writeTries = 8

// Write runs work in one transaction. When the database reports a conflict with another one (deadlock, lock wait,
// certification, an id made twice), all of work runs again, so work sets every variable it leaves behind and does
// nothing but database work.
func (d *DB) Write(ctx context.Context, work func(tx *gorm.DB) error) error {
	return d.write(ctx, work, nil)
}

// WriteBulk is Write for statements over many rows. On MySQL each of them reads what is committed when it begins, and
// locks none of the rows it only reads, so that the other writers go on.
func (d *DB) WriteBulk(ctx context.Context, work func(tx *gorm.DB) error) error {
	if d.Dialect == MySQL {
		return d.write(ctx, work, &sql.TxOptions{Isolation: sql.LevelReadCommitted})
	}
	return d.write(ctx, work, nil)
}

func (d *DB) write(ctx context.Context, work func(tx *gorm.DB) error, o *sql.TxOptions) error {
	for try := 1; ; try++ {
		err := d.writer.WithContext(ctx).Transaction(work, o)
		if err == nil || try == writeTries || !worthAnotherTry(err) {
			return err
		}
		select {
		case <-ctx.Done():
			return err
		case <-time.After(time.Duration(try*try) * 2 * time.Millisecond):
		}
	}
}

// ErrMoved says that a row is no longer as it was when somebody decided to change it.
var ErrMoved = NewError(Unavailable, "unavailable", "多人同时登记，请稍后再试").After(time.Second)

// WriteAfterLook is Write for work that looks and then inserts or saves. When somebody comes between the two (a unique
// key, or ErrMoved), all of work runs again, and its second look finds what he did.
func (d *DB) WriteAfterLook(ctx context.Context, work func(tx *gorm.DB) error) error {
	return d.afterLook(ctx, work, d.Write)
}

// WriteBulkAfterLook is the same with WriteBulk.
func (d *DB) WriteBulkAfterLook(ctx context.Context, work func(tx *gorm.DB) error) error {
	return d.afterLook(ctx, work, d.WriteBulk)
}

func (d *DB) afterLook(ctx context.Context, work func(tx *gorm.DB) error, write func(context.Context, func(*gorm.DB) error) error) error {
	const tries = 10
	for try := 1; ; try++ {
		err := write(ctx, work)
		switch {
		case !errors.Is(err, gorm.ErrDuplicatedKey) && !errors.Is(err, ErrMoved):
			return err
		case try == tries || ctx.Err() != nil:
			return ErrMoved.With(err)
		}
	}
}

// SaveSeen returns the error of a change of one row, and ErrMoved when it found none: the row is no longer as it was.
func SaveSeen(done *gorm.DB) error {
	if done.Error == nil && done.RowsAffected == 0 {
		return ErrMoved
	}
	return done.Error
}

// Ping asks the database for a sign of life.
func (d *DB) Ping(ctx context.Context) error {
	pool, err := d.writer.DB()
	if err != nil {
		return err
	}
	return pool.PingContext(ctx)
}

// Pool is the writing connection pool, for what is outside gorm: migrations, backup, metrics.
func (d *DB) Pool() *sql.DB {
	pool, _ := d.writer.DB()
	return pool
}

// Close waits for running statements and releases the database.
func (d *DB) Close() error {
	var errs []error
	if d.reader != d.writer {
		pool, _ := d.reader.DB()
		errs = append(errs, pool.Close())
	}
	return errors.Join(append(errs, d.Pool().Close())...)
}

// ClockSkew is how far the database's clock is ahead of this machine's. SQLite has no clock of its own.
func (d *DB) ClockSkew(ctx context.Context) (time.Duration, error) {
	if d.Dialect == SQLite {
		return 0, nil
	}
	var seconds float64
	before := time.Now()
	if err := d.Pool().QueryRowContext(ctx, "SELECT UNIX_TIMESTAMP(NOW(6))").Scan(&seconds); err != nil {
		return 0, err
	}
	middle := before.Add(time.Since(before) / 2)
	return time.UnixMicro(int64(seconds * 1e6)).Sub(middle), nil
}
