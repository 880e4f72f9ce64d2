package sim

import (
	"crypto/sha256"
	"encoding/base64"
	"encoding/binary"
	"encoding/hex"
	"fmt"
	"strings"
)

// random returns n bytes that look random and never repeat, yet are the same for the same requests in the same order:
// a failed test shows the same ids when it is run again.
func (p *Platform) random(n int) []byte {
	seed := binary.BigEndian.AppendUint64([]byte(p.cfg.AppID+"\x00"), p.serial.Add(1))
	out := make([]byte, 0, n+sha256.Size)
	for block := uint32(0); len(out) < n; block++ {
		sum := sha256.Sum256(binary.BigEndian.AppendUint32(seed[:len(seed):len(seed)], block))
		out = append(out, sum[:]...)
	}
	return out[:n]
}

func (p *Platform) requestID() string {
	r := p.random(8)
	return fmt.Sprintf("%08x-%x-%x", uint32(p.cfg.Now().Unix()), r[:4], r[4:])
}

func (p *Platform) hint() string {
	letters := strings.NewReplacer("-", "x", "_", "y").Replace(base64.RawURLEncoding.EncodeToString(p.random(12)))
	return letters[:9] + "-" + letters[9:15]
}

func (p *Platform) newLoginCode() string {
	return base64.RawURLEncoding.EncodeToString(p.random(24))
}

func (p *Platform) newPhoneCode() string { return hex.EncodeToString(p.random(32)) }

func (p *Platform) newSessionKey() string {
	return base64.StdEncoding.EncodeToString(p.random(16))
}

func (p *Platform) newToken() string {
	return "70_" + base64.RawURLEncoding.EncodeToString(p.random(102))
}
