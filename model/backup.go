package model

import (
	"compress/gzip"
	"context"
	"crypto/sha256"
	"database/sql"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"maps"
	"slices"
	"strings"
	"time"
)

// A backup is gzip over lines of JSON: a header, then every row of every table, then a trailer with the number of rows
// and the SHA-256 of all before it. It names no database product, so it also moves an office from SQLite to MySQL.
// Phone and id numbers stay sealed in it.

const backupFormat = "zhibu-backup-1"

type backupHeader struct {
	Format  string              `json:"format"`
	Schema  int64               `json:"schema"`
	MadeAt  time.Time           `json:"made_at"`
	Columns map[string][]string `json:"columns"`
}

type backupRow struct {
	Table  string `json:"t"`
	Values []any  `json:"v"`
}

type backupTrailer struct {
	Rows   int    `json:"rows"`
	SHA256 string `json:"sha256"`
}

// Backup writes everything in the database as of one moment to w, while the server goes on. It returns the number of rows.
func (d *DB) Backup(ctx context.Context, w io.Writer, now time.Time) (rows int, err error) {
	schema, _, err := d.SchemaVersion(ctx)
	if err != nil {
		return 0, err
	}
	if schema == 0 {
		return 0, errors.New("there is no zhibu in this database, so nothing to back up: is it the right one?")
	}
	pool, err := d.reader.DB()
	if err != nil {
		return 0, err
	}
	tx, err := pool.BeginTx(ctx, &sql.TxOptions{ReadOnly: d.Dialect == MySQL, Isolation: d.snapshot()})
	if err != nil {
		return 0, fmt.Errorf("backup: %w", err)
	}
	defer tx.Rollback()
	tables, err := d.tables(ctx, tx)
	if err != nil {
		return 0, err
	}
	zipped := gzip.NewWriter(w)
	sum := sha256.New()
	encoder := json.NewEncoder(io.MultiWriter(zipped, sum))
	if err := encoder.Encode(backupHeader{Format: backupFormat, Schema: schema, MadeAt: now.UTC(), Columns: tables}); err != nil {
		return 0, err
	}
	for _, table := range slices.Sorted(maps.Keys(tables)) {
		n, err := backupTable(ctx, tx, encoder, table, tables[table])
		if err != nil {
			return 0, fmt.Errorf("backup of %s: %w", table, err)
		}
		rows += n
	}
	if err := json.NewEncoder(zipped).Encode(backupTrailer{Rows: rows, SHA256: hex.EncodeToString(sum.Sum(nil))}); err != nil {
		return 0, err
	}
	return rows, zipped.Close()
}

// snapshot is the isolation in which all reads see the same moment.
func (d *DB) snapshot() sql.IsolationLevel {
	if d.Dialect == MySQL {
		return sql.LevelRepeatableRead
	}
	return sql.LevelDefault // of SQLite: a transaction reads one snapshot
}

// tables returns the columns of every table that holds the organisation's data.
func (d *DB) tables(ctx context.Context, tx *sql.Tx) (map[string][]string, error) {
	list := "SELECT name FROM sqlite_master WHERE type = 'table' AND name NOT LIKE 'sqlite_%'"
	if d.Dialect == MySQL {
		list = "SELECT table_name FROM information_schema.tables WHERE table_schema = DATABASE()"
	}
	names, err := queryStrings(ctx, tx, list)
	if err != nil {
		return nil, fmt.Errorf("tables: %w", err)
	}
	tables := map[string][]string{}
	for _, name := range names {
		if strings.HasPrefix(name, "goose_") {
			continue
		}
		rows, err := tx.QueryContext(ctx, "SELECT * FROM "+name+" WHERE 1 = 0")
		if err != nil {
			return nil, err
		}
		tables[name], err = rows.Columns()
		if err := errors.Join(err, rows.Close()); err != nil {
			return nil, err
		}
	}
	return tables, nil
}

func queryStrings(ctx context.Context, tx *sql.Tx, query string) ([]string, error) {
	rows, err := tx.QueryContext(ctx, query)
	if err != nil {
		return nil, err
	}
	defer rows.Close()
	var all []string
	for rows.Next() {
		var s string
		if err := rows.Scan(&s); err != nil {
			return nil, err
		}
		all = append(all, s)
	}
	return all, rows.Err()
}

func backupTable(ctx context.Context, tx *sql.Tx, encoder *json.Encoder, table string, columns []string) (n int, err error) {
	rows, err := tx.QueryContext(ctx, "SELECT "+strings.Join(columns, ", ")+" FROM "+table)
	if err != nil {
		return 0, err
	}
	defer rows.Close()
	for rows.Next() {
		values := make([]any, len(columns))
		targets := make([]any, len(columns))
		for i := range values {
			targets[i] = &values[i]
		}
		if err := rows.Scan(targets...); err != nil {
			return 0, err
		}
		for i, v := range values {
			if b, ok := v.([]byte); ok {
				values[i] = string(b)
			}
		}
		if err := encoder.Encode(backupRow{Table: table, Values: values}); err != nil {
			return 0, err
		}
		n++
	}
	return n, rows.Err()
}
