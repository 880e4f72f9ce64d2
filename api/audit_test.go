package api_test

import (
	"fmt"
	"testing"
)

func TestAuditEvents(t *testing.T) {
	each(t, func(t *testing.T, w *world) {
		w.call("POST", fmt.Sprintf("/members/%d/invite", nobody), w.token(secretary), nil).wants(201)
		w.call("POST", fmt.Sprintf("/members/%d/invite", colleague), w.token(neighbour), nil).wants(201)
		w.must(w.services.Audit.Seal(t.Context()))
		w.call("GET", "/audit-events", "", nil).refuses(401, "unauthenticated")
		w.call("GET", "/audit-events", w.token(secretary), nil).refuses(403, "forbidden")
		w.call("GET", "/audit-events?unit_id=100", w.token(auditor), nil).refuses(404, "not_found")
		for _, bad := range []string{"from=yesterday", "action=%E5%85%9A", "actor=%E5%85%9A", "actor=member:", "cursor=%E5%85%9A", "cursor=1-2x"} {
			w.call("GET", "/audit-events?"+bad, w.token(auditor), nil).refuses(422, "invalid_request")
		}
		w.call("GET", "/audit-events?action=&actor=system", w.token(auditor), nil).wants(200)
		items := w.call("GET", fmt.Sprintf("/audit-events?action=member.invite&unit_id=%d&from=2026-03-02&to=2026-03-02", branch), w.token(auditor), nil).wants(200).items()
		if len(items) != 1 {
			t.Fatal(items)
		}
		e := items[0]
		if e["actor"] != fmt.Sprintf("member:%d", secretary) || e["actor_name"] != "书甲" || e["subject_id"] != float64(nobody) ||
			e["before"] != nil || e["after"].(object)["expires_at"] != "2026-03-09T09:00:00+08:00" || e["seq"] == nil || e["request_id"] == "" {
			t.Error(e)
		}
		if n := len(w.call("GET", "/audit-events?action=member.invite", w.console(), nil).wants(200).items()); n != 2 {
			t.Errorf("the console sees %d", n)
		}
		page := w.call("GET", "/audit-events?limit=1&action=member.invite", w.console(), nil).wants(200)
		next := w.call("GET", "/audit-events?limit=1&action=member.invite&cursor="+page.text("next_cursor"), w.console(), nil).wants(200)
		if next.object()["next_cursor"] != nil || next.items()[0]["id"] == page.items()[0]["id"] {
			t.Error(next.Body)
		}
	})
}

func TestVerifyAuditEvents(t *testing.T) {
	each(t, func(t *testing.T, w *world) {
		w.call("POST", fmt.Sprintf("/members/%d/invite", nobody), w.token(secretary), nil).wants(201)
		w.must(w.services.Audit.Seal(t.Context()))
		w.call("GET", "/audit-events/verify", w.token(auditor), nil).refuses(403, "forbidden")
		v := w.call("GET", "/audit-events/verify", w.console(), nil).wants(200)
		if o := v.object(); o["sound"] != true || o["broken"] != nil || v.number("links") == 0 {
			t.Error(v.Body)
		}
		_, err := w.db.Pool().ExecContext(t.Context(), "UPDATE audit_events SET subject_id = 1 WHERE action = 'member.invite'")
		w.must(err)
		v = w.call("GET", "/audit-events/verify", w.console(), nil).wants(200)
		if o := v.object(); o["sound"] != false || o["broken"].(object)["reason"] != "event_changed" {
			t.Error(v.Body)
		}
	})
}
