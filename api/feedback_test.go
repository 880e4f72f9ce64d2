package api_test

import (
	"fmt"
	"strings"
	"testing"
)

func TestFeedback(t *testing.T) {
	each(t, func(t *testing.T, w *world) {
		complaint := object{"kind": "complaint", "body": "签到太慢"}
		w.call("POST", "/feedback", "", complaint).refuses(401, "unauthenticated")
		w.call("POST", "/feedback", w.token(plain), object{"kind": "erasure", "body": "x"}).refuses(422, "invalid_request")
		w.call("POST", "/feedback", w.token(plain), object{"kind": "complaint", "body": strings.Repeat("党", 2001)}).refuses(422, "invalid_request")
		made := w.call("POST", "/feedback", w.token(plain), complaint).wants(201)
		if made.text("author") != "员乙" || made.object()["replied_at"] != nil {
			t.Error(made.Body)
		}
		for member, sees := range map[int64]int{plain: 1, secretary: 0, neighbour: 0, stranger: 0, auditor: 0, chief: 1} {
			if n := len(w.call("GET", "/feedback", w.token(member), nil).wants(200).items()); n != sees {
				t.Errorf("%d sees %d", member, n)
			}
		}
		w.call("GET", "/feedback?cursor=%E5%85%9A", w.token(plain), nil).refuses(422, "invalid_request")
		reply := fmt.Sprintf("/feedback/%d/reply", made.number("id"))
		text := object{"reply": "已加开签到通道"}
		w.call("POST", reply, "", text).refuses(401, "unauthenticated")
		w.call("POST", reply, w.token(secretary), text).refuses(404, "not_found")
		w.call("POST", reply, w.token(plain), text).refuses(403, "own_record")
		w.call("POST", reply, w.token(chief), text).wants(200)
		w.call("POST", reply, w.token(chief), text).refuses(409, "feedback_answered")
		w.told("the author", []int64{plain}, "您的意见有了答复")
		w.told("nobody else", []int64{secretary, chief})
		if e := w.call("GET", "/feedback", w.token(plain), nil).wants(200).items()[0]; e["reply"] != "已加开签到通道" || e["replied_at"] == nil {
			t.Error(e)
		}
	})
}
