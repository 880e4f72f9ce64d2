package sim

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
)

// record is one line of the state file: the new state of one thing. The last line about a thing counts.
type record struct {
	Merchant *merchantKeys `json:"merchant,omitempty"` // the first line, and no other
	Order    *order        `json:"order,omitempty"`
	Refund   *refund       `json:"refund,omitempty"`
	Notice   *notice       `json:"notice,omitempty"`
	Reset    bool          `json:"reset,omitempty"` // everything before it is forgotten, but for the keys
}

var errStateFile = errors.New("sim: the state file is damaged")

// readRecords reads a state file and cuts off a last line that a crash left half written. Nobody was told what it says.
func readRecords(f *os.File) ([]record, error) {
	raw, err := io.ReadAll(f)
	if err != nil {
		return nil, fmt.Errorf("sim: the state file: %w", err)
	}
	whole := raw[:bytes.LastIndexByte(raw, '\n')+1]
	if len(whole) < len(raw) {
		if err := f.Truncate(int64(len(whole))); err != nil {
			return nil, fmt.Errorf("sim: the state file: %w", err)
		}
	}
	var records []record
	for line := range bytes.Lines(whole) {
		var r record
		if err := json.Unmarshal(line, &r); err != nil {
			return nil, fmt.Errorf("%w in line %d", errStateFile, len(records)+1)
		}
		records = append(records, r)
	}
	return records, nil
}

// appendRecords writes all records at once and returns when they are on the disk.
func appendRecords(f *os.File, records ...record) error {
	var b bytes.Buffer
	for _, r := range records {
		if err := json.NewEncoder(&b).Encode(r); err != nil {
			return fmt.Errorf("sim: the state file: %w", err)
		}
	}
	if _, err := f.Write(b.Bytes()); err != nil {
		return fmt.Errorf("sim: the state file: %w", err)
	}
	if err := f.Sync(); err != nil {
		return fmt.Errorf("sim: the state file: %w", err)
	}
	return nil
}
