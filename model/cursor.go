package model

import (
	"encoding/base64"
	"encoding/binary"

	"gorm.io/gorm"
)

// Cursor is a row of a list that is ordered by a moment and an id, the last of a page: the next page begins behind it.
type Cursor struct {
	At Instant
	ID int64
}

// String is the cursor as clients get it and give it back; what is in it is none of their business.
func (c Cursor) String() string {
	b := binary.BigEndian.AppendUint64(nil, uint64(c.At))
	return base64.RawURLEncoding.EncodeToString(binary.BigEndian.AppendUint64(b, uint64(c.ID)))
}

// ParseCursor reads what String wrote and nothing else; the error is the refusal of the field "cursor".
func ParseCursor(s string) (Cursor, error) {
	b, err := base64.RawURLEncoding.DecodeString(s)
	if err == nil && len(b) == 16 {
		c := Cursor{At: Instant(binary.BigEndian.Uint64(b)), ID: int64(binary.BigEndian.Uint64(b[8:]))}
		if c.String() == s {
			return c, nil
		}
	}
	return Cursor{}, InvalidField("cursor", "invalid_value", "翻页标记有误，请从第一页重新开始")
}

// FindPage reads a page of a list that is ordered by a column with a moment and one with an id, the latest first, behind
// the cursor; next is the cursor of the page after it, empty on the last one.
func FindPage[T any](q *gorm.DB, at, id string, limit int, cursor string, of func(T) Cursor) (page []T, next string, err error) {
	if cursor != "" {
		last, err := ParseCursor(cursor)
		if err != nil {
			return nil, "", err
		}
		q = q.Where("("+at+" < ? OR "+at+" = ? AND "+id+" < ?)", last.At, last.At, last.ID)
	}
	page = []T{}
	if err := q.Order(at + " DESC, " + id + " DESC").Limit(limit + 1).Find(&page).Error; err != nil {
		return nil, "", err
	}
	if len(page) > limit {
		page = page[:limit]
		next = of(page[limit-1]).String()
	}
	return page, next, nil
}
