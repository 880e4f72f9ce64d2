package period

import (
	"testing"

	"zhibu/model"
)

// TestFingerprint: pairs of ids that were made in the same milliseconds, as those of the marks of a transfer, are told apart.
func TestFingerprint(t *testing.T) {
	seen := map[int64][2]int64{}
	for first := range int64(300) {
		for second := range first {
			pair := [2]int64{1<<50 + first, 1<<50 + second}
			f := fingerprint([]model.RosterMark{{ID: pair[0]}, {ID: pair[1]}})
			if same, ok := seen[f]; ok || f == 0 {
				t.Fatalf("%v and %v have the fingerprint %d", pair, same, f)
			}
			seen[f] = pair
		}
	}
}
