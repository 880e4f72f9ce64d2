package model

import (
	"math/rand/v2"
	"sync"
	"time"
)

// NewID makes the primary key of a row: 41 bits of milliseconds since 2020 and 12 bits that start at random in
// each millisecond and count up. It fits a JSON number, grows with time, and needs no database and no node number.
// Two processes may make the same id in the same millisecond; DB.Write then runs the transaction again with new
// ones (docs/decisions/0003).
func NewID() int64 { return ids.next(time.Now().UnixMilli()) }

const (
	idEpoch   = 1577836800000 // 2020-01-01T00:00:00Z
	idSeqBits = 12
	idSeqMask = 1<<idSeqBits - 1
)

// ids is the process's one sequence: two sequences in a process would defeat the counting up.
var ids sequence

type sequence struct {
	mu   sync.Mutex
	last int64
}

// next returns an id above every one before it. When a millisecond is used up it borrows from the next.
func (s *sequence) next(ms int64) int64 {
	s.mu.Lock()
	defer s.mu.Unlock()
	id := (ms-idEpoch)<<idSeqBits | rand.Int64N(idSeqMask/2)
	if id <= s.last {
		id = s.last + 1
	}
	s.last = id
	return id
}
