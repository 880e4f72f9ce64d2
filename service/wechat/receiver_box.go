package wechat

import (
	"crypto/aes"
	"crypto/cipher"
	"crypto/subtle"
	"encoding/base64"
	"encoding/binary"
	"errors"
	"regexp"
)

const (
	boxKeySize = 32
	boxBlock   = 32 // of the padding; the cipher's own is 16
	boxRandom  = 16 // bytes before the length
	boxHeader  = boxRandom + 4
)

var (
	aesKeyPattern = regexp.MustCompile(`^[0-9A-Za-z]{43}$`)

	errBox = errors.New("wechat push: the event does not open; is the EncodingAESKey the platform's?")
)

// eventBox opens what the platform has encrypted for one app.
type eventBox struct {
	appID string
	key   []byte
	block cipher.Block
}

func newEventBox(appID, encodingAESKey string) (*eventBox, error) {
	if !aesKeyPattern.MatchString(encodingAESKey) {
		return nil, errors.New("wechat push: EncodingAESKey is not of 43 letters and digits")
	}
	// Its last character carries two bits more than the key has, so a strict decoder would refuse most keys.
	key, err := base64.StdEncoding.DecodeString(encodingAESKey + "=")
	if err != nil || len(key) != boxKeySize {
		return nil, errors.New("wechat push: EncodingAESKey is no key")
	}
	block, err := aes.NewCipher(key)
	if err != nil {
		return nil, errors.New("wechat push: EncodingAESKey is no key")
	}
	return &eventBox{appID: appID, key: key, block: block}, nil
}

// open decrypts: 16 random bytes, the length of the event, the event, the app id, and the padding (PKCS #7). It takes
// nothing that deviates by a byte.
func (b *eventBox) open(sealed string) ([]byte, error) {
	raw, err := base64.StdEncoding.Strict().DecodeString(sealed)
	if err != nil || len(raw) == 0 || len(raw)%boxBlock != 0 {
		return nil, errBox
	}
	cipher.NewCBCDecrypter(b.block, b.key[:aes.BlockSize]).CryptBlocks(raw, raw)
	plain, ok := unpad(raw)
	if !ok || len(plain) < boxHeader {
		return nil, errBox
	}
	length := uint64(binary.BigEndian.Uint32(plain[boxRandom:boxHeader]))
	plain = plain[boxHeader:]
	if length > uint64(len(plain)) {
		return nil, errBox
	}
	if subtle.ConstantTimeCompare(plain[length:], []byte(b.appID)) != 1 {
		return nil, errors.New("wechat push: an event for another app")
	}
	return plain[:length], nil
}

func unpad(raw []byte) ([]byte, bool) {
	n := int(raw[len(raw)-1])
	if n < 1 || n > boxBlock {
		return nil, false
	}
	cut := len(raw) - n
	for _, c := range raw[cut:] {
		if int(c) != n {
			return nil, false
		}
	}
	return raw[:cut], true
}
