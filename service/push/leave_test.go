package push_test

import (
	"context"
	"errors"
	"testing"

	"zhibu/model"
	"zhibu/service/checkin"
)

// TestALeaveIsDecidedOnce: several officers decide about one request at once: one decision stands, and the member is told of
// that one.
func TestALeaveIsDecidedOnce(t *testing.T) {
	each(t, "2026-03-02 09:00", func(t *testing.T, w *world) {
		ids := w.enrol("一支部", 3)
		s := checkin.New(w.db, []byte("0123456789abcdef0123456789abcdef"), w.clock.Now)
		for i := range 6 {
			a := w.activity("一支部", moment("2026-03-05 15:00:00.000")+model.Instant(i))
			leave := model.Leave{ID: model.NewID(), ActivityID: a, MemberID: ids[2], ReasonCategory: "sick", State: model.LeavePending}
			w.add(&leave)
			errs := atOnce(6, func(i int) error {
				_, err := s.DecideLeave(context.Background(), w.secretary("一支部", ids[i%2]), leave.ID, i%3 > 0, "")
				return err
			})
			decided := 0
			for _, err := range errs {
				if err == nil {
					decided++
				} else if !errors.Is(err, checkin.ErrLeaveDecided) {
					t.Errorf("%v", err)
				}
			}
			if got := w.told(ids[2]); got != "leave_decided:1" || decided == 0 {
				t.Errorf("%d decisions, and told %q", decided, got)
			}
		}
	})
}
