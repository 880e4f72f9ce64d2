package model

import (
	"context"
	"database/sql"
	"database/sql/driver"
	"errors"
	"fmt"
	"net"
	"strings"

	"github.com/glebarez/sqlite"
	mysqldriver "github.com/go-sql-driver/mysql"
	"gorm.io/driver/mysql"
	"gorm.io/gorm"
)

// The two dialectors below say more than gorm's translation of a repeated key: whether it was an id of ours, which is
// made anew, or a key of the business. They say less than the driver, whose text quotes the key's value: a name, an openid.

type mysqlDialector struct{ *mysql.Dialector }

func (d mysqlDialector) Translate(err error) error {
	var m *mysqldriver.MySQLError
	if !errors.As(err, &m) {
		return d.Dialector.Translate(err)
	}
	switch m.Number {
	case 1062: // Duplicate entry '…' for key '…'
		_, key, _ := strings.Cut(m.Message, "' for key ")
		return repeatedKey(strings.Contains(key, "PRIMARY"), key)
	case 1366: // Incorrect string value: '…' for column …
		_, column, _ := strings.Cut(m.Message, "' for column ")
		return &mysqldriver.MySQLError{Number: m.Number, SQLState: m.SQLState, Message: "incorrect value for column " + column}
	}
	return d.Dialector.Translate(err)
}

type sqliteDialector struct{ *sqlite.Dialector }

func (d sqliteDialector) Translate(err error) error {
	translated := d.Dialector.Translate(err)
	if errors.Is(translated, gorm.ErrDuplicatedKey) { // SQLite names the columns and no value
		columns := strings.TrimSuffix(err.Error(), " (1555)")
		return repeatedKey(strings.HasSuffix(columns, ".id"), columns)
	}
	return translated
}

// errRepeatedID is beside gorm.ErrDuplicatedKey when the key was an id of ours.
var errRepeatedID = errors.New("an id was made twice")

func repeatedKey(ofID bool, key string) error {
	if ofID {
		return fmt.Errorf("%w: %w", gorm.ErrDuplicatedKey, errRepeatedID)
	}
	return fmt.Errorf("%w: %s", gorm.ErrDuplicatedKey, key)
}

// worthAnotherTry reports whether the whole transaction may succeed when run again.
func worthAnotherTry(err error) bool {
	var m *mysqldriver.MySQLError
	if errors.As(err, &m) {
		switch m.Number {
		case 1213, 1205, 1020: // deadlock or Galera certification conflict, lock wait timeout, a snapshot that is out of date
			return true
		}
		return false
	}
	return errors.Is(err, errRepeatedID)
}

// IsUnavailable reports whether err is the database being out of reach or too slow, not a mistake in what it was asked.
func IsUnavailable(err error) bool {
	var network net.Error
	return errors.Is(err, context.DeadlineExceeded) || errors.Is(err, context.Canceled) ||
		errors.Is(err, driver.ErrBadConn) || errors.Is(err, mysqldriver.ErrInvalidConn) || errors.Is(err, sql.ErrConnDone) ||
		errors.As(err, &network) || worthAnotherTry(err) || strings.Contains(err.Error(), "SQLITE_BUSY")
}
