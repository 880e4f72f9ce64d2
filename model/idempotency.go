package model

import "gorm.io/gorm"

// ErrKeyReused refuses a second request under the key of another one.
var ErrKeyReused = NewError(Invalid, "idempotency_key_reused", "这个 Idempotency-Key 已用于内容不同的请求，请换一个新的")

// Once is what makes a request that creates money or sends messages safe to repeat: the key the client chose and a digest
// of the request. Without a key every request is a new one.
type Once struct {
	Key    string
	Digest string // hex SHA-256
}

// IdempotencyKey remembers what a request under a key has made.
type IdempotencyKey struct {
	Actor     string // Actor.Ref: keys of different people never meet
	Operation string
	Name      string
	Digest    string
	SubjectID int64
	CreatedAt Instant `gorm:"autoCreateTime:false"`
}

// Claim takes the key for the subject that the caller is about to create in this transaction, or returns the subject that
// the first request under the key created (0 when this is the first). The same key with another digest is ErrKeyReused.
// Call it within WriteAfterLook: of two requests at once the slower one finds the other's subject when it runs again.
func (o Once) Claim(tx *gorm.DB, actor Actor, operation string, subjectID int64, at Instant) (first int64, err error) {
	if first, err = o.First(tx, actor, operation); err != nil || first != 0 || o.Key == "" {
		return first, err
	}
	return 0, tx.Create(&IdempotencyKey{
		Actor: actor.Ref(), Operation: operation, Name: o.Key, Digest: o.Digest, SubjectID: subjectID, CreatedAt: at,
	}).Error
}

// First returns the subject that the first request under the key created, 0 when there was none. It is for what has to be
// known before the transaction of Claim: a request that was good when it was made is not judged again.
func (o Once) First(tx *gorm.DB, actor Actor, operation string) (int64, error) {
	if o.Key == "" {
		return 0, nil
	}
	var found []IdempotencyKey
	err := tx.Where("actor = ? AND operation = ? AND name = ?", actor.Ref(), operation, o.Key).Find(&found).Error
	switch {
	case err != nil || len(found) == 0:
		return 0, err
	case found[0].Digest != o.Digest:
		return 0, ErrKeyReused
	}
	return found[0].SubjectID, nil
}
