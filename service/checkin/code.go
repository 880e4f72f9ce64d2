package checkin

import (
	"crypto/hmac"
	"crypto/sha256"
	"encoding/base32"
	"encoding/binary"
	"strconv"
	"strings"
	"time"

	"zhibu/model"
)

// SlotLength is how often the code on the wall changes (DOMAIN.md §20 no. 2).
const SlotLength = 20 * time.Second

// slot numbers the 20-second intervals since 1970.
type slot int64

func slotAt(i model.Instant) slot { return slot(int64(i) / SlotLength.Milliseconds()) }

func (n slot) start() model.Instant { return model.Instant(int64(n) * SlotLength.Milliseconds()) }

// end is the first moment at which the code of the slot is expired: it counts for its own slot and the next.
func (n slot) end() model.Instant { return (n + 2).start() }

// codes makes and checks the code on the wall. A code names its slot, and proves that whoever has it saw it then: an
// HMAC over activity and slot that only the server can make.
type codes struct{ key []byte }

// macLength is 80 bits in base32: beyond guessing, and short enough for a QR that reads from the back of a room.
const macLength = 16

func (c codes) of(activityID int64, n slot) string {
	m := hmac.New(sha256.New, c.key)
	var message [16]byte
	binary.BigEndian.PutUint64(message[:8], uint64(activityID))
	binary.BigEndian.PutUint64(message[8:], uint64(n))
	m.Write(message[:])
	mac := base32.StdEncoding.EncodeToString(m.Sum(nil))[:macLength]
	return strings.ToUpper(strconv.FormatInt(int64(n), 36)) + "-" + mac
}

// slotOf returns the slot a code proves; ok is false when it is not a code of the activity.
func (c codes) slotOf(activityID int64, code string) (n slot, ok bool) {
	code = strings.ToUpper(strings.TrimSpace(code))
	number, _, found := strings.Cut(code, "-")
	parsed, err := strconv.ParseInt(number, 36, 64)
	if !found || err != nil || parsed < 0 || parsed > 1<<40 {
		return 0, false
	}
	return slot(parsed), hmac.Equal([]byte(code), []byte(c.of(activityID, slot(parsed))))
}
