package api_test

import (
	"fmt"
	"slices"
	"testing"
	"time"

	"zhibu/model"
)

func TestLeave(t *testing.T) {
	each(t, func(t *testing.T, w *world) {
		m := w.meeting()
		path := fmt.Sprintf("/activities/%d/leaves", m)
		sick := object{"reason_category": "sick"}
		w.call("POST", path, w.token(colleague), sick).refuses(404, "not_found")
		leave := w.call("POST", path, w.token(plain), sick).wants(201).number("id")
		w.call("POST", path, w.token(plain), sick).wants(200)
		w.call("POST", path, w.token(plain), object{"reason_category": "abroad"}).refuses(409, "leave_exists")
		own := w.call("POST", path, w.token(secretary), sick).wants(201).number("id")
		decide := func(token string, id int64, approve bool) *answer {
			return w.call("POST", fmt.Sprintf("/leaves/%d/decision", id), token, object{"approve": approve})
		}
		decide(w.token(secretary), own, true).refuses(403, "own_record")
		decide(w.token(plain), own, true).refuses(404, "not_found")
		decide(w.token(neighbour), leave, true).refuses(404, "not_found")
		decide(w.token(secretary), leave, true).wants(200)
		decide(w.token(secretary), leave, true).wants(200)
		decide(w.token(secretary), leave, false).refuses(409, "leave_decided")
		a := w.call("GET", fmt.Sprintf("/activities/%d/attendance", m), w.token(secretary), nil).wants(200)
		if a.number("leave") != 1 || a.number("due") != 7 || a.number("absent") != 6 {
			t.Error(a.Body)
		}
		w.clock.Advance(10 * time.Minute)
		w.call("POST", path, w.token(both), sick).refuses(409, "activity_started")
	})
}

func TestLeaveAskedTwiceAtOnce(t *testing.T) {
	each(t, func(t *testing.T, w *world) {
		m, token := w.meeting(), w.token(plain)
		statuses := map[int]int{}
		for _, a := range together(10, func(int) *answer {
			return w.call("POST", fmt.Sprintf("/activities/%d/leaves", m), token, object{"reason_category": "sick"})
		}) {
			statuses[a.Code]++
		}
		if statuses[201] != 1 || statuses[200] != 9 {
			t.Error(statuses)
		}
	})
}

func TestListLeaves(t *testing.T) {
	each(t, func(t *testing.T, w *world) {
		m := w.meeting()
		path := fmt.Sprintf("/activities/%d/leaves", m)
		var want []int64
		for i, member := range []int64{plain, leader, both, auditor, chief} {
			want = append(want, w.call("POST", path, w.token(member), object{"reason_category": "sick"}).wants(201).number("id"))
			if i%2 == 1 { // some ask in the same millisecond
				w.clock.Advance(time.Second)
			}
		}
		if got := w.all(path+"?limit=2", w.token(secretary)); !slices.Equal(got, want) {
			t.Errorf("%v, want %v", got, want)
		}
		w.call("GET", path, w.token(leader), nil).refuses(403, "forbidden") // he decides no leave
		w.call("GET", path+"?cursor=x", w.token(secretary), nil).refuses(422, "invalid_request")
		var quoted int64
		w.call("POST", fmt.Sprintf("/leaves/%d/decision", want[0]), w.token(secretary), object{"approve": false, "note": "须到会"}).wants(200)
		w.must(w.db.Read(t.Context()).Model(&model.AuditEvent{}).Where("state_after LIKE ?", "%须到会%").Count(&quoted).Error)
		if quoted != 0 {
			t.Error("the note is in the audit")
		}
	})
}
