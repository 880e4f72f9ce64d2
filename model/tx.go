package model

import (
	"gorm.io/gorm"
	"gorm.io/gorm/clause"
)

// ForUpdate makes the next query of a transaction read its rows as they are now, and keep them so until the end. SQLite
// has one writer and needs no lock. It orders what is done on one node; across nodes a unique or foreign key has to
// make the two writers collide as well.
func ForUpdate(tx *gorm.DB) *gorm.DB { return tx.Clauses(clause.Locking{Strength: "UPDATE"}) }
