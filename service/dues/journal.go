package dues

import (
	"context"
	"strconv"
	"strings"

	"gorm.io/gorm"

	"zhibu/model"
)

// JournalFilter chooses entries; zero values choose all.
type JournalFilter struct {
	Year   int
	Kind   model.EntryKind
	Limit  int
	Cursor string
}

// Posted is an entry of the ledger with its lines.
type Posted struct {
	model.Entry
	Lines []model.Line
}

// Journal returns the entries of a unit and those below it, the latest first: what the statement is made of, for whoever
// has to prove it.
func (s *Service) Journal(ctx context.Context, actor model.Actor, unitID int64, f JournalFilter) (page []Posted, next string, err error) {
	db := s.db.Read(ctx)
	unit, err := findBooks(db, actor, unitID, model.ReadDues)
	if err != nil {
		return nil, "", err
	}
	q := db.Model(&model.Entry{}).Scopes(inUnit("dues_entries", unit))
	if f.Year != 0 {
		q = q.Where("dues_entries.year = ?", f.Year)
	}
	if f.Kind != "" {
		q = q.Where("dues_entries.kind = ?", f.Kind)
	}
	rows, next, err := model.FindPage(q, "dues_entries.created_at", "dues_entries.id", f.Limit, f.Cursor, func(e model.Entry) model.Cursor {
		return model.Cursor{At: e.CreatedAt, ID: e.ID}
	})
	if err != nil {
		return nil, "", err
	}
	at := make(map[int64]int, len(rows))
	ids := []int64{0}
	page = make([]Posted, len(rows))
	for i, e := range rows {
		page[i].Entry, at[e.ID] = e, i
		ids = append(ids, e.ID)
	}
	var lines []model.Line
	err = db.Where("entry_id IN ?", ids).Order("entry_id, position").Find(&lines).Error
	for _, l := range lines {
		page[at[l.EntryID]].Lines = append(page[at[l.EntryID]].Lines, l)
	}
	return page, next, err
}

// Held is money in hand: where it is, and of cash with whom.
type Held struct {
	UnitID     int64
	UnitName   string
	Account    model.LedgerAccount
	Holder     string // Actor.Ref, of cash
	HolderName string
	Fen        model.Fen
}

// maxHeld bounds the list of a statement; a unit with more pockets looks at its branches one by one.
const maxHeld = 200

// heldIn names what is in hand in the unit and below it, the largest first: the difference of a statement by place.
func heldIn(tx *gorm.DB, unit model.Unit) (held []Held, err error) {
	err = tx.Model(&model.Balance{}).Scopes(inUnit("dues_balances", unit)).Where("dues_balances.year = 0 AND dues_balances.amount_fen <> 0").
		Select("dues_balances.unit_id, units.name AS unit_name, dues_balances.account, dues_balances.holder, dues_balances.amount_fen AS fen").
		Order("dues_balances.amount_fen DESC, dues_balances.unit_id, dues_balances.account, dues_balances.holder").Limit(maxHeld).Find(&held).Error
	if err != nil {
		return nil, err
	}
	holders := []int64{0}
	for _, h := range held {
		holders = append(holders, memberOf(h.Holder))
	}
	var members []model.Member
	err = tx.Select("id", "name").Where("id IN ?", holders).Find(&members).Error
	for i := range held {
		for _, m := range members {
			if m.ID == memberOf(held[i].Holder) {
				held[i].HolderName = m.Name
			}
		}
	}
	return held, err
}

// memberOf is the member behind an Actor.Ref; 0 when it is none.
func memberOf(ref string) int64 {
	id, _ := strconv.ParseInt(strings.TrimPrefix(ref, "member:"), 10, 64)
	return id
}
