package api_test

import (
	"fmt"
	"testing"

	"gorm.io/gorm"

	"zhibu/model"
)

// endMembershipsOf takes a member off every roster from today on.
func endMembershipsOf(memberID int64) func(*gorm.DB) error {
	return func(tx *gorm.DB) error {
		return tx.Model(&model.Membership{}).Where("member_id = ?", memberID).Update("ended_on", "2026-03-02").Error
	}
}

func TestListUnits(t *testing.T) {
	each(t, func(t *testing.T, w *world) {
		golden(t, "unit/list_member", w.call("GET", "/units", w.token(plain), nil).wants(200).Body.Bytes())
		golden(t, "unit/list_root", w.call("GET", "/units", w.token(chief), nil).wants(200).Body.Bytes())
		if n := len(w.call("GET", "/units", w.console(), nil).wants(200).items()); n != 8 {
			t.Errorf("the console sees %d units", n)
		}
		w.call("GET", "/units", "", nil).refuses(401, "unauthenticated")
	})
}

func TestCreateUnit(t *testing.T) {
	each(t, func(t *testing.T, w *world) {
		plan := func(parent any, kind, name string) object {
			o := object{"kind": kind, "name": name}
			if parent != nil {
				o["parent_id"] = parent
			}
			return o
		}
		for _, c := range []struct {
			token  string
			body   object
			status int
			code   string
		}{
			{"", plan(root, "party_branch", "新"), 401, "unauthenticated"},
			{w.token(plain), plan(branch, "party_group", "新"), 403, "forbidden"},
			{w.token(secretary), plan(root, "party_branch", "新"), 403, "forbidden"},
			{w.token(secretary), plan(otherBranch, "party_group", "新"), 404, "not_found"},
			{w.token(secretary), plan(sibling, "party_group", "新"), 404, "not_found"},
			{w.token(chief), plan(nil, "party_committee", "新"), 403, "forbidden"},
			{w.token(chief), plan(root, "party_branch", "单位10"), 409, "unit_exists"},
			{w.token(chief), plan(branch, "party_committee", "新"), 422, "invalid_request"},
			{w.token(chief), plan(root, "club", "新"), 422, "invalid_request"},
			{w.token(chief), plan(root, "party_branch", " 　"), 422, "invalid_request"},
		} {
			before := w.events()
			w.call("POST", "/units", c.token, c.body).refuses(c.status, c.code)
			if w.events() != before {
				t.Errorf("%v left a trace", c.body)
			}
		}
		made := w.call("POST", "/units", w.token(secretary), plan(branch, "party_group", "第二小组")).wants(201)
		if made.number("parent_id") != branch || made.text("name") != "第二小组" {
			t.Error(made.Body)
		}
		w.call("POST", "/units", w.console(), plan(nil, "party_committee", "新党委")).wants(201)
	})
}

func TestChangeAndCloseUnit(t *testing.T) {
	each(t, func(t *testing.T, w *world) {
		path := func(id int64) string { return fmt.Sprintf("/units/%d", id) }
		w.call("PATCH", path(branch), w.token(neighbour), object{"name": "改"}).refuses(404, "not_found")
		w.call("PATCH", path(branch), w.token(plain), object{"name": "改"}).refuses(403, "forbidden")
		w.call("PATCH", path(branch), w.token(secretary), object{"name": "单位11"}).refuses(409, "unit_exists")
		w.call("PATCH", path(group), w.token(secretary), object{"parent_id": sibling}).refuses(404, "not_found")
		w.call("PATCH", path(group), w.token(chief), object{"parent_id": group}).refuses(422, "invalid_request")
		moved := w.call("PATCH", path(group), w.token(chief), object{"parent_id": sibling, "name": "迁入小组"}).wants(200)
		if moved.number("parent_id") != sibling {
			t.Error(moved.Body)
		}
		w.call("PATCH", path(group), w.token(secretary), object{"name": "改"}).refuses(404, "not_found") // no longer his
		closing := object{"on": "2026-03-02", "reason": "撤并"}
		w.call("POST", path(sibling)+"/close", w.token(chief), closing).refuses(409, "unit_not_empty")
		w.call("POST", path(group)+"/close", w.token(chief), closing).refuses(409, "unit_not_empty")
		w.must(w.db.Write(t.Context(), endMembershipsOf(leader)))
		w.call("POST", path(group)+"/close", w.token(chief), object{"on": "2026-02-30", "reason": "撤并"}).refuses(422, "invalid_request")
		w.call("POST", path(group)+"/close", w.token(plain), closing).refuses(404, "not_found")
		if closed := w.call("POST", path(group)+"/close", w.token(chief), closing).wants(200); closed.text("closed_on") != "2026-03-02" {
			t.Error(closed.Body)
		}
		w.call("PATCH", path(group), w.token(chief), object{"name": "改"}).refuses(409, "unit_closed")
	})
}

func TestAppointAndEnd(t *testing.T) {
	each(t, func(t *testing.T, w *world) {
		post := func(unit int64, title string) object { return object{"unit_id": unit, "title": title} }
		for _, c := range []struct {
			token  string
			member int64
			body   object
			status int
			code   string
		}{
			{"", plain, post(branch, "organiser"), 401, "unauthenticated"},
			{w.token(plain), nobody, post(branch, "organiser"), 403, "forbidden"},
			{w.token(neighbour), plain, post(branch, "organiser"), 404, "not_found"},
			{w.token(secretary), secretary, post(branch, "organiser"), 403, "own_record"},
			{w.token(secretary), plain, post(branch, "admin"), 403, "forbidden"},
			{w.token(chief), colleague, post(branch, "organiser"), 409, "not_in_unit"},
			{w.token(chief), stranger, post(branch, "organiser"), 404, "not_found"},
			{w.token(chief), plain, post(branch, "king"), 422, "invalid_request"},
			{w.token(chief), secretary, post(branch, "secretary"), 409, "post_exists"},
		} {
			before := w.events()
			w.call("POST", fmt.Sprintf("/members/%d/posts", c.member), c.token, c.body).refuses(c.status, c.code)
			if w.events() != before {
				t.Errorf("%v left a trace", c.body)
			}
		}
		member := w.token(plain)
		invite := fmt.Sprintf("/members/%d/invite", nobody)
		w.call("POST", invite, member, nil).refuses(403, "forbidden")
		made := w.call("POST", fmt.Sprintf("/members/%d/posts", plain), w.token(secretary), post(branch, "organiser")).wants(201)
		w.call("POST", invite, member, nil).wants(201) // in office from the very next request
		end := fmt.Sprintf("/posts/%d/end", made.number("id"))
		w.call("POST", end, w.token(neighbour), nil).refuses(404, "not_found")
		holders := w.call("GET", fmt.Sprintf("/units/%d/posts", branch), w.token(leader), nil).wants(200).items()
		if len(holders) != 2 || holders[1]["member_name"] != "员乙" {
			t.Error(holders)
		}
		first := w.call("GET", fmt.Sprintf("/units/%d/posts?limit=1", branch), w.token(leader), nil).wants(200)
		second := w.call("GET", fmt.Sprintf("/units/%d/posts?limit=1&cursor=%s", branch, first.text("next_cursor")), w.token(leader), nil).wants(200)
		if second.items()[0]["id"] != holders[1]["id"] || second.object()["next_cursor"] != nil {
			t.Error(second.Body)
		}
		w.call("GET", fmt.Sprintf("/units/%d/posts?cursor=%%E5%%85%%9A", branch), w.token(leader), nil).refuses(422, "invalid_request")
		if ended := w.call("POST", end, w.token(secretary), object{"reason": "工作调整"}).wants(200); ended.text("ended_on") != "2026-03-02" {
			t.Error(ended.Body)
		}
		w.call("POST", invite, member, nil).refuses(403, "forbidden")
		w.call("POST", end, w.token(secretary), nil).refuses(409, "post_ended")
	})
}
