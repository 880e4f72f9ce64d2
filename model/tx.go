package model

import (
	"gorm.io/gorm"
	"gorm.io/gorm/clause"
)

// ForUpdate makes the next query of a transaction read its rows as they are now, and keep them so until the end. SQLite
// has one writer and needs no lock. It orders what is done on one node; across nodes a unique or foreign key has to
// make the two writers collide as well.
func ForUpdate(tx *gorm.DB) *gorm.DB { return tx.Clauses(clause.Locking{Strength: "UPDATE"}) }

// ForShare makes the next query of a transaction read its rows as they are now, and keeps others from changing them
// until the end, while others may do the same. SQLite has one writer and needs no lock.
func ForShare(tx *gorm.DB) *gorm.DB {
	if tx.Name() != "mysql" {
		return tx
	}
	return tx.Clauses(shareLock{})
}

// shareLock is the clause in the spelling that MariaDB knows, too.
type shareLock struct{}

// Name puts it where a lock belongs.
func (shareLock) Name() string { return "FOR" }

// Build writes it.
func (shareLock) Build(b clause.Builder) { _, _ = b.WriteString("LOCK IN SHARE MODE") }

// MergeClause makes it the clause, without its name before it.
func (s shareLock) MergeClause(c *clause.Clause) { c.Name, c.Expression = "", s }
