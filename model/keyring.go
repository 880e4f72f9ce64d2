package model

import (
	"crypto/aes"
	"crypto/cipher"
	"crypto/hmac"
	"crypto/sha256"
	"encoding/base64"
	"encoding/hex"
	"errors"
	"fmt"
	"strings"
)

// Keyring keeps personal data unreadable in the database: phone and id numbers are sealed with AES-256-GCM under
// a named key, and matched by a keyed hash that says nothing without the index key.
type Keyring struct {
	primary string
	keys    map[string]cipher.AEAD
	index   []byte
}

// NewKeyring takes the sealing keys as "id:base64" (32 bytes each; the first seals, all open) and the index key.
func NewKeyring(sealing []string, index []byte) (*Keyring, error) {
	if len(sealing) == 0 {
		return nil, errors.New("no data key")
	}
	if len(index) < 32 {
		return nil, errors.New("the index key is shorter than 32 bytes")
	}
	k := &Keyring{keys: map[string]cipher.AEAD{}, index: index}
	for _, s := range sealing {
		id, encoded, ok := strings.Cut(s, ":")
		key, err := base64.StdEncoding.DecodeString(encoded)
		if !ok || id == "" || len(id) > 16 || err != nil || len(key) != 32 {
			return nil, errors.New("a data key is not of the form id:base64-of-32-bytes")
		}
		if k.keys[id] != nil {
			return nil, fmt.Errorf("two data keys are named %q", id)
		}
		block, err := aes.NewCipher(key)
		if err != nil {
			return nil, err
		}
		if k.keys[id], err = cipher.NewGCMWithRandomNonce(block); err != nil {
			return nil, err
		}
		if k.primary == "" {
			k.primary = id
		}
	}
	return k, nil
}

// Seal encrypts plain for one column ("members.phone"); an empty string stays empty. The answer is
// v1:key id:base64, and only opens for the same column.
func (k *Keyring) Seal(column, plain string) string {
	if plain == "" {
		return ""
	}
	sealed := k.keys[k.primary].Seal(nil, nil, []byte(plain), []byte(column))
	return "v1:" + k.primary + ":" + base64.RawStdEncoding.EncodeToString(sealed)
}

// Open decrypts what Seal made for the same column.
func (k *Keyring) Open(column, sealed string) (string, error) {
	if sealed == "" {
		return "", nil
	}
	version, rest, _ := strings.Cut(sealed, ":")
	id, encoded, ok := strings.Cut(rest, ":")
	if !ok || version != "v1" {
		return "", fmt.Errorf("%s: not a sealed value", column)
	}
	key, ok := k.keys[id]
	if !ok {
		return "", fmt.Errorf("%s: sealed with the key %q, which is not configured", column, id)
	}
	raw, err := base64.RawStdEncoding.DecodeString(encoded)
	if err != nil {
		return "", fmt.Errorf("%s: %w", column, err)
	}
	plain, err := key.Open(nil, nil, raw, []byte(column))
	if err != nil {
		return "", fmt.Errorf("%s: %w", column, err)
	}
	return string(plain), nil
}

// Hash is the blind index of a value in a column: equal values have equal hashes, and nothing else is told.
// It is empty for an empty value.
func (k *Keyring) Hash(column, plain string) string {
	if plain == "" {
		return ""
	}
	m := hmac.New(sha256.New, k.index)
	m.Write([]byte(column + "\x00" + plain))
	return hex.EncodeToString(m.Sum(nil)[:16])
}
