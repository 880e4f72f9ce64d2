package model

import (
	"bufio"
	"bytes"
	"cmp"
	"compress/gzip"
	"context"
	"crypto/sha256"
	"database/sql"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"hash"
	"io"
	"slices"
	"strings"
)

// ErrNotEmpty refuses to restore over data.
var ErrNotEmpty = errors.New("the database is not empty: restore only into a new one, so that nothing is overwritten")

// Restore fills an empty database from a backup, all or nothing, and brings its schema to the newest version. It returns
// the number of rows.
func (d *DB) Restore(ctx context.Context, r io.Reader) (rows int, err error) {
	zipped, err := gzip.NewReader(r)
	if err != nil {
		return 0, fmt.Errorf("not a backup of zhibu: %w", err)
	}
	in := &backupReader{lines: bufio.NewReaderSize(zipped, 1<<16), sum: sha256.New()}
	var header backupHeader
	if err := in.next(&header, 0); err != nil || header.Format != backupFormat {
		return 0, errors.Join(errors.New("not a backup of zhibu, or of a version this one does not know"), err)
	}
	if _, newest, err := d.SchemaVersion(ctx); err != nil || header.Schema > newest {
		return 0, errors.Join(fmt.Errorf("the backup's schema is version %d, newer than this program: update zhibu first", header.Schema), err)
	}
	if err := d.MigrateTo(ctx, header.Schema); err != nil {
		return 0, err
	}
	rows, err = d.restoreRows(ctx, in, header)
	if err != nil {
		return 0, err
	}
	return rows, d.Migrate(ctx)
}

func (d *DB) restoreRows(ctx context.Context, in *backupReader, header backupHeader) (int, error) {
	conn, err := d.Pool().Conn(ctx)
	if err != nil {
		return 0, err
	}
	defer conn.Close()
	off, on := "PRAGMA foreign_keys = OFF", "PRAGMA foreign_keys = ON" // rows come table by table, not parents first
	if d.Dialect == MySQL {
		off, on = "SET foreign_key_checks = 0", "SET foreign_key_checks = 1"
	}
	if _, err := conn.ExecContext(ctx, off); err != nil {
		return 0, err
	}
	defer conn.ExecContext(context.WithoutCancel(ctx), on)
	tx, err := conn.BeginTx(ctx, nil)
	if err != nil {
		return 0, err
	}
	defer tx.Rollback()
	if err := d.checkTarget(ctx, tx, header); err != nil {
		return 0, err
	}
	n, err := in.copyRows(ctx, tx, header)
	if err != nil {
		return 0, fmt.Errorf("restore: %w", err)
	}
	return n, tx.Commit()
}

// checkTarget makes sure the tables are those of the backup and have no rows.
func (d *DB) checkTarget(ctx context.Context, tx *sql.Tx, header backupHeader) error {
	tables, err := d.tables(ctx, tx)
	if err != nil {
		return err
	}
	for name, columns := range header.Columns {
		have, ok := tables[name]
		for _, c := range columns {
			if !ok || !slices.Contains(have, c) {
				return fmt.Errorf("the backup has %s.%s, which this database has not", name, c)
			}
		}
		var rows int
		if err := tx.QueryRowContext(ctx, "SELECT COUNT(*) FROM "+name).Scan(&rows); err != nil {
			return err
		}
		if rows > 0 {
			return ErrNotEmpty
		}
	}
	return nil
}

type backupReader struct {
	lines *bufio.Reader
	sum   hash.Hash
}

// next decodes the next line into v and adds it to the sum. At the trailer, which it checks together with the end of
// the file, it answers io.EOF.
func (b *backupReader) next(v any, rows int) error {
	line, err := b.lines.ReadBytes('\n')
	if err != nil {
		return fmt.Errorf("the backup is cut off: %w", noEOF(err))
	}
	if bytes.HasPrefix(line, []byte(`{"rows":`)) {
		return b.finish(line, rows)
	}
	b.sum.Write(line)
	decoder := json.NewDecoder(bytes.NewReader(line))
	decoder.UseNumber()
	return noEOF(decoder.Decode(v))
}

// finish answers io.EOF when the backup is whole.
func (b *backupReader) finish(line []byte, rows int) error {
	var trailer backupTrailer
	if err := json.Unmarshal(line, &trailer); err != nil {
		return err
	}
	if trailer.Rows != rows || trailer.SHA256 != hex.EncodeToString(b.sum.Sum(nil)) {
		return errors.New("the backup is damaged: its checksum does not match")
	}
	if _, err := b.lines.ReadByte(); err != io.EOF { // io.EOF also says that gzip's own checksum holds
		return fmt.Errorf("the backup is damaged at its end: %w", cmp.Or(err, errors.New("more follows")))
	}
	return io.EOF
}

// noEOF keeps a file that ends too soon from looking like one that ends well.
func noEOF(err error) error {
	if errors.Is(err, io.EOF) {
		return io.ErrUnexpectedEOF
	}
	return err
}

// copyRows inserts every row and returns their number.
func (b *backupReader) copyRows(ctx context.Context, tx *sql.Tx, header backupHeader) (rows int, err error) {
	inserts := map[string]*sql.Stmt{}
	for ; ; rows++ {
		var row backupRow
		if err := b.next(&row, rows); err == io.EOF {
			return rows, nil
		} else if err != nil {
			return 0, err
		}
		columns, ok := header.Columns[row.Table]
		if !ok || len(row.Values) != len(columns) {
			return 0, fmt.Errorf("the backup is damaged at row %d", rows+1)
		}
		if inserts[row.Table] == nil {
			marks := strings.TrimSuffix(strings.Repeat("?, ", len(columns)), ", ")
			insert, err := tx.PrepareContext(ctx, "INSERT INTO "+row.Table+" ("+strings.Join(columns, ", ")+") VALUES ("+marks+")")
			if err != nil {
				return 0, err
			}
			inserts[row.Table] = insert
			defer insert.Close()
		}
		if _, err := inserts[row.Table].ExecContext(ctx, plain(row.Values)...); err != nil {
			return 0, err
		}
	}
}

// plain turns JSON numbers into what a driver takes.
func plain(values []any) []any {
	for i, v := range values {
		number, ok := v.(json.Number)
		if !ok {
			continue
		}
		if n, err := number.Int64(); err == nil {
			values[i] = n
		} else if f, err := number.Float64(); err == nil {
			values[i] = f
		}
	}
	return values
}
