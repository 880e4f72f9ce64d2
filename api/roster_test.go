package api_test

import (
	"bytes"
	"fmt"
	"mime/multipart"
	"net/http/httptest"
	"net/url"
	"strings"
	"testing"

	"github.com/xuri/excelize/v2"
)

func membersOf(unit int64) string { return fmt.Sprintf("/units/%d/members", unit) }

func memberPath(id int64) string { return fmt.Sprintf("/members/%d", id) }

func TestListMembers(t *testing.T) {
	each(t, func(t *testing.T, w *world) {
		golden(t, "roster/list_member", w.call("GET", membersOf(branch)+"?limit=2", w.token(plain), nil).wants(200).Body.Bytes())
		golden(t, "roster/list_secretary", w.call("GET", membersOf(branch)+"?q=%E7%BB%84", w.token(secretary), nil).wants(200).Body.Bytes())
		golden(t, "roster/list_root", w.call("GET", membersOf(root)+"?track=league&as_of=2020-01-01", w.token(chief), nil).wants(200).Body.Bytes())
		for _, c := range []struct {
			token, path string
			status      int
			code        string
		}{
			{"", membersOf(branch), 401, "unauthenticated"},
			{w.token(plain), membersOf(root), 403, "forbidden"},
			{w.token(plain), membersOf(sibling), 404, "not_found"},
			{w.token(neighbour), membersOf(branch), 404, "not_found"},
			{w.token(secretary), membersOf(otherBranch), 404, "not_found"},
			{w.token(secretary), membersOf(branch) + "?cursor=x", 422, "invalid_request"},
			{w.token(secretary), membersOf(branch) + "?as_of=2026-02-30", 422, "invalid_request"},
			{w.token(secretary), membersOf(branch) + "?limit=201", 422, "invalid_request"},
		} {
			w.call("GET", c.path, c.token, nil).refuses(c.status, c.code)
		}
		seen, next := 0, ""
		for {
			page := w.call("GET", membersOf(branch)+"?limit=3&cursor="+next, w.token(secretary), nil).wants(200)
			seen += len(page.items())
			if page.object()["next_cursor"] == nil {
				break
			}
			next = page.text("next_cursor")
		}
		if seen != 7 {
			t.Errorf("%d members on all pages", seen)
		}
	})
}

func TestCreateMember(t *testing.T) {
	each(t, func(t *testing.T, w *world) {
		person := func(name string, more ...any) object {
			o := object{"name": name, "membership": object{"track": "party", "kind": "probationary", "started_on": "2026-03-01"}}
			for i := 0; i < len(more); i += 2 {
				o[more[i].(string)] = more[i+1]
			}
			return o
		}
		for _, c := range []struct {
			token  string
			unit   int64
			body   object
			status int
			code   string
		}{
			{"", branch, person("新"), 401, "unauthenticated"},
			{w.token(plain), branch, person("新"), 403, "forbidden"},
			{w.token(leader), group, person("新"), 403, "forbidden"},
			{w.token(neighbour), branch, person("新"), 404, "not_found"},
			{w.token(chief), root, person("新"), 409, "not_a_branch"},
			{w.token(secretary), branch, person("员乙", "phone", phoneOf(plain)), 409, "member_exists"},
			{w.token(secretary), branch, person("员乙", "birth_date", "1999-01-02"), 409, "member_exists"},
			{w.token(secretary), branch, person("新", "phone", "123"), 422, "invalid_request"},
			{w.token(secretary), branch, person("新", "id_number", "620102198111031111"), 422, "invalid_request"},
			{w.token(secretary), branch, person("新", "age", 3), 422, "invalid_request"},
			{w.token(secretary), branch, person("新", "membership", object{"track": "league"}), 422, "invalid_request"},
			{w.token(secretary), branch, object{}, 422, "invalid_request"},
		} {
			before := w.events()
			refused := w.call("POST", membersOf(c.unit), c.token, c.body).refuses(c.status, c.code)
			if w.events() != before {
				t.Errorf("%v left a trace", c.body)
			}
			if strings.Contains(refused.Body.String(), "620102198111031111") {
				t.Error("the answer repeats an id number")
			}
		}
		made := w.call("POST", membersOf(branch), w.token(secretary), person("新 人", "phone", "+86 13800001234")).wants(201)
		if made.text("name") != "新人" || made.text("phone") != "13800001234" {
			t.Error(made.Body)
		}
		retired := w.call("POST", membersOf(group), w.token(secretary), object{"name": "退休"}).wants(201) // without a phone
		if again := w.call("GET", memberPath(retired.number("id")), w.token(secretary), nil).wants(200); again.text("phone") != "" {
			t.Error(again.Body)
		}
		// the same person joins the other track: one member, two memberships
		league := w.call("POST", membersOf(leagueBranch), w.token(youth), object{"name": "新人", "phone": "13800001234"}).wants(201)
		if league.number("id") != made.number("id") || len(league.object()["memberships"].([]any)) != 2 {
			t.Error(league.Body)
		}
	})
}

func TestReadAndChangeMember(t *testing.T) {
	each(t, func(t *testing.T, w *world) {
		golden(t, "roster/read_secretary", w.call("GET", memberPath(both), w.token(secretary), nil).wants(200).Body.Bytes())
		for _, c := range []struct {
			name   string
			token  string
			member int64
			status int
			phone  string
		}{
			{"self", w.token(plain), plain, 200, phoneOf(plain)},
			{"branch", w.token(secretary), plain, 200, phoneOf(plain)},
			{"above", w.token(chief), colleague, 200, "199****1003"},
			{"console", w.console(), plain, 200, "199****1001"},
			{"fellow", w.token(plain), nobody, 403, ""},
			{"neighbour", w.token(neighbour), plain, 404, ""},
			{"nobody", w.token(secretary), 99, 404, ""},
			{"stranger", "", plain, 401, ""},
		} {
			a := w.call("GET", memberPath(c.member), c.token, nil).wants(c.status)
			if c.status == 200 && a.text("phone") != c.phone {
				t.Errorf("%s sees %s", c.name, a.text("phone"))
			}
		}
		for _, c := range []struct {
			token  string
			member int64
			body   object
			status int
			code   string
		}{
			{"", plain, object{"phone": "13800001234"}, 401, "unauthenticated"},
			{w.token(plain), plain, object{"name": "改"}, 403, "forbidden"},
			{w.token(plain), nobody, object{"phone": "13800001234"}, 403, "forbidden"},
			{w.token(neighbour), plain, object{"phone": "13800001234"}, 404, "not_found"},
			{w.token(secretary), plain, object{"phone": "1"}, 422, "invalid_request"},
			{w.token(secretary), plain, object{"membership": object{"kind": "member"}}, 422, "invalid_request"},
			{w.token(secretary), plain, object{"membership": object{"kind": "probationary", "effective_on": "2019-01-01"}}, 409, "before_episode"},
			{w.token(secretary), secretary, object{"membership": object{"state": "suspended"}}, 403, "own_record"},
		} {
			before := w.events()
			w.call("PATCH", memberPath(c.member), c.token, c.body).refuses(c.status, c.code)
			if w.events() != before {
				t.Errorf("%v left a trace", c.body)
			}
		}
		if own := w.call("PATCH", memberPath(plain), w.token(plain), object{"phone": "13800001234"}).wants(200); own.text("phone") != "13800001234" {
			t.Error(own.Body)
		}
		golden(t, "roster/change_retired", changeable(w.call("PATCH", memberPath(plain), w.token(secretary),
			object{"job_title": "科长", "membership": object{"category": "retired", "hardship": true}}).wants(200)))
	})
}

// changeable is an answer with the id of a new membership taken out.
func changeable(a *answer) []byte {
	for _, m := range a.object()["memberships"].([]any) {
		if id := m.(object)["id"].(float64); id > 1e9 {
			return bytes.ReplaceAll(a.Body.Bytes(), fmt.Appendf(nil, "%.0f", id), []byte("0"))
		}
	}
	return a.Body.Bytes()
}

func TestTransferAndEnd(t *testing.T) {
	each(t, func(t *testing.T, w *world) {
		to := func(unit int64) object {
			return object{"to_unit_id": unit, "effective_on": "2026-03-05", "reason": "工作调动"}
		}
		path := memberPath(plain) + "/transfers"
		for _, c := range []struct {
			token  string
			body   object
			status int
			code   string
		}{
			{"", to(sibling), 401, "unauthenticated"},
			{w.token(plain), to(sibling), 404, "not_found"},
			{w.token(secretary), to(sibling), 404, "not_found"},
			{w.token(neighbour), to(sibling), 404, "not_found"},
			{w.token(auditor), to(sibling), 403, "forbidden"},
			{w.token(chief), to(otherBranch), 404, "not_found"},
			{w.token(chief), to(branch), 409, "already_in_unit"},
			{w.token(chief), to(leagueBranch), 409, "no_membership"},
			{w.token(chief), to(root), 409, "not_a_branch"},
			{w.token(chief), object{"to_unit_id": sibling, "effective_on": "2020-01-01", "reason": "早"}, 409, "before_episode"},
			{w.token(chief), object{"to_unit_id": sibling}, 422, "invalid_request"},
		} {
			before := w.events()
			w.call("POST", path, c.token, c.body).refuses(c.status, c.code)
			if w.events() != before {
				t.Errorf("%v left a trace", c.body)
			}
		}
		moved := w.call("POST", path, w.token(chief), to(sibling)).wants(201)
		if moved.number("from_unit_id") != branch || moved.number("to_unit_id") != sibling || moved.text("effective_on") != "2026-03-05" {
			t.Error(moved.Body)
		}
		w.call("POST", path, w.token(chief), to(sibling)).refuses(409, "already_in_unit")
		cancel, mistake := fmt.Sprintf("/transfers/%d/cancel", moved.number("id")), object{"reason": "日期填错"}
		for _, c := range []struct {
			token, path string
			body        object
			status      int
			code        string
		}{
			{"", cancel, mistake, 401, "unauthenticated"},
			{w.token(plain), cancel, mistake, 403, "forbidden"},
			{w.token(secretary), cancel, mistake, 404, "not_found"},
			{w.token(neighbour), cancel, mistake, 404, "not_found"},
			{w.token(auditor), cancel, mistake, 403, "forbidden"},
			{w.token(chief), "/transfers/1/cancel", mistake, 404, "not_found"},
			{w.token(chief), cancel, object{}, 422, "invalid_request"},
		} {
			before := w.events()
			w.call("POST", c.path, c.token, c.body).refuses(c.status, c.code)
			if w.events() != before {
				t.Errorf("%v left a trace", c)
			}
		}
		planned := w.call("GET", memberPath(plain), w.token(chief), nil).wants(200).object()["planned"].([]any)
		if len(planned) != 1 || planned[0].(object)["id"].(float64) != float64(moved.number("id")) {
			t.Errorf("%v", planned)
		}
		if undone := w.call("POST", cancel, w.token(chief), mistake).wants(200); undone.text("cancelled_at") != "2026-03-02T09:00:00+08:00" {
			t.Error(undone.Body)
		}
		w.call("POST", cancel, w.token(chief), mistake).refuses(409, "transfer_cancelled")
		if again := w.call("POST", path, w.token(chief), to(sibling)).wants(201); again.number("id") == moved.number("id") {
			t.Error(again.Body)
		}
		on := func(day string) int {
			return len(w.call("GET", membersOf(branch)+"?as_of="+day, w.token(secretary), nil).wants(200).items())
		}
		if on("2026-03-04") != 7 || on("2026-03-05") != 6 {
			t.Errorf("%d before, %d after", on("2026-03-04"), on("2026-03-05"))
		}

		end := fmt.Sprintf("/memberships/%d/end", 1000*nobody+branch)
		leaving := object{"on": "2026-03-02", "reason": "去世"}
		w.call("POST", end, "", leaving).refuses(401, "unauthenticated")
		w.call("POST", end, w.token(plain), leaving).refuses(403, "forbidden")
		w.call("POST", end, w.token(neighbour), leaving).refuses(404, "not_found")
		w.call("POST", end, w.token(secretary), object{"on": "2020-01-01", "reason": "早"}).refuses(409, "before_episode")
		w.call("POST", fmt.Sprintf("/memberships/%d/end", 1000*secretary+branch), w.token(secretary), leaving).refuses(403, "own_record")
		if left := w.call("POST", end, w.token(secretary), leaving).wants(200); left.object()["to_unit_id"] != nil {
			t.Error(left.Body)
		}
		w.call("POST", end, w.token(secretary), leaving).refuses(409, "already_ended")
	})
}

// upload posts a file as a browser does.
func (w *world) upload(path, token, name string, content []byte) *answer {
	w.t.Helper()
	var b bytes.Buffer
	form := multipart.NewWriter(&b)
	part, err := form.CreateFormFile("file", name)
	w.must(err)
	_, err = part.Write(content)
	w.must(err)
	w.must(form.Close())
	r := httptest.NewRequestWithContext(w.t.Context(), "POST", "/api/v1"+path, &b)
	r.Header.Set("Content-Type", form.FormDataContentType())
	return w.send(r, token)
}

func TestImportRoster(t *testing.T) {
	each(t, func(t *testing.T, w *world) {
		path := func(unit int64) string { return fmt.Sprintf("/units/%d/roster/import", unit) }
		good := []byte("姓名,手机号,入党时间,党小组,籍贯\n员乙," + phoneOf(plain) + ",2020-01-01,,甘肃\n新人,13800001234,2024.07,单位101,\n")
		bad := append(bytes.Clone(good), "坏人,123,2024.1,无此组,\n"...)
		for _, c := range []struct {
			token   string
			unit    int64
			content []byte
			status  int
			code    string
		}{
			{"", branch, good, 401, "unauthenticated"},
			{w.token(plain), branch, good, 403, "forbidden"},
			{w.token(neighbour), branch, good, 404, "not_found"},
			{w.token(secretary), sibling, good, 404, "not_found"},
			{w.token(secretary), branch, []byte("\x89PNG\x00"), 422, "file_unreadable"},
			{w.token(secretary), branch, []byte("a,b\n1,2\n"), 422, "header_not_found"},
			{w.token(secretary), branch, []byte("姓名,性别\n" + strings.Repeat("张三,男\n", 20_001)), 413, "too_many_rows"},
			{w.token(secretary), branch, bytes.Repeat([]byte("x"), 20<<20), 413, "too_large"},
			{w.token(secretary), branch, bad, 422, "import_rejected"},
		} {
			before := w.events()
			w.upload(path(c.unit), c.token, "花名册.csv", c.content).refuses(c.status, c.code)
			if w.events() != before {
				t.Errorf("%s left a trace", c.code)
			}
		}
		w.call("POST", path(branch), w.token(secretary), object{}).refuses(415, "unsupported_media_type")
		refused := w.upload(path(branch), w.token(secretary), "花名册.csv", bad).object()
		report := refused["report"].(object)
		if rejected := report["rejected"].([]any); len(rejected) != 2 || rejected[0].(object)["row"] != 4.0 || rejected[0].(object)["column"] != "手机号" || report["created"] != 0.0 {
			t.Errorf("%v", report)
		}
		before := w.events()
		dry := w.upload(path(branch)+"?dry_run=true", w.token(secretary), "花名册.csv", good).wants(200)
		if w.events() != before || len(w.call("GET", membersOf(group), w.token(secretary), nil).items()) != 1 {
			t.Error("a dry run writes")
		}
		done := w.upload(path(branch), w.token(secretary), "花名册.csv", good).wants(200)
		golden(t, "roster/import", done.Body.Bytes())
		if dry.Body.String() != done.Body.String() {
			t.Errorf("the dry run says %s", dry.Body)
		}
		before = w.events()
		if again := w.upload(path(branch), w.token(secretary), "花名册.csv", good).wants(200); again.number("unchanged") != 2 || w.events() != before {
			t.Error(again.Body)
		}
		if part := w.upload(path(branch)+"?partial=true", w.token(secretary), "花名册.csv", bad).wants(200); part.number("unchanged") != 2 {
			t.Error(part.Body)
		}
	})
}

func TestExportRoster(t *testing.T) {
	each(t, func(t *testing.T, w *world) {
		path := func(unit int64, form string) string { return fmt.Sprintf("/units/%d/roster.%s", unit, form) }
		w.call("GET", path(branch, "xlsx"), "", nil).refuses(401, "unauthenticated")
		w.call("GET", path(branch, "csv"), w.token(plain), nil).refuses(403, "forbidden")
		w.call("GET", path(branch, "xlsx"), w.token(neighbour), nil).refuses(404, "not_found")
		officer, watcher := w.token(secretary), w.token(auditor)
		before := w.events()
		book := w.call("GET", path(branch, "xlsx"), officer, nil).wants(200)
		list := w.call("GET", path(branch, "csv"), watcher, nil).wants(200)
		if w.events() != before+2 {
			t.Error("an export is not in the audit")
		}
		if !strings.HasPrefix(book.Header().Get("Content-Disposition"), "attachment; ") || list.Header().Get("Content-Type") != "text/csv; charset=utf-8" {
			t.Errorf("%v %v", book.Header(), list.Header())
		}
		if name, err := url.PathUnescape(list.Header().Get("Content-Disposition")); err != nil || !strings.Contains(name, "090000导出.csv") {
			t.Errorf("the file does not say who made it and when: %s", name)
		}
		f, err := excelize.OpenReader(bytes.NewReader(book.Body.Bytes()))
		w.must(err)
		defer f.Close()
		rows, err := f.GetRows("花名册")
		w.must(err)
		if len(rows) != 9 || !strings.Contains(rows[0][0], "截至 2026-03-02") || rows[1][0] != "姓名" {
			t.Errorf("%v", rows)
		}
		if !strings.Contains(list.Body.String(), "199****1001") || strings.Contains(list.Body.String(), phoneOf(plain)) {
			t.Error("an auditor sees full phones")
		}
		for name, content := range map[string][]byte{"a.xlsx": book.Body.Bytes(), "a.csv": list.Body.Bytes()} {
			before := w.events()
			again := w.upload(fmt.Sprintf("/units/%d/roster/import", branch), w.token(secretary), name, content).wants(200)
			if again.number("unchanged") != 7 || again.number("rows") != 7 || w.events() != before {
				t.Errorf("%s: %s", name, again.Body)
			}
		}
	})
}
