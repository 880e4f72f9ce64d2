package api_test

import (
	"fmt"
	"strings"
	"testing"
	"time"

	"gorm.io/gorm"

	"zhibu/model"
)

// league gives the world a league general branch with branches of so many members, and returns the branches and their
// members; the first of each is its secretary, bound to WeChat.
func (w *world) league(sizes ...int) (branches []int64, members [][]int64) {
	w.t.Helper()
	for b, size := range sizes {
		unit := w.call("POST", "/units", w.console(), object{
			"parent_id": leagueRoot, "kind": "league_branch", "name": fmt.Sprintf("第%d团支部", b+1), "code": fmt.Sprintf("L%02d", b+1),
		}).wants(201).number("id")
		branches = append(branches, unit)
		members = append(members, nil)
		for n := range size {
			w.made++
			id := w.call("POST", membersOf(unit), w.console(), object{
				"name": fmt.Sprintf("团员%c%02d", 'A'+b, n+1), "phone": fmt.Sprintf("1370000%04d", w.made), "birth_date": "2003-05-04",
				"membership": object{"track": "league", "kind": "member", "started_on": "2026-03-01"},
			}).wants(201).number("id")
			members[b] = append(members[b], id)
			w.bind(id)
		}
		w.call("POST", memberPath(members[b][0])+"/posts", w.console(), object{
			"unit_id": unit, "title": "league_secretary", "started_on": "2026-03-01",
		}).wants(201)
	}
	return branches, members
}

// bind gives the member a WeChat.
func (w *world) bind(memberID int64) {
	w.t.Helper()
	w.must(w.db.Write(w.t.Context(), func(tx *gorm.DB) error {
		return tx.Create(&model.Binding{ID: memberID, OpenID: openIDOf(memberID), MemberID: memberID, Method: "phone", BoundAt: 1}).Error
	}))
}

// at sets the clock to a time in Asia/Shanghai.
func (w *world) at(text string) {
	w.t.Helper()
	at, err := time.ParseInLocation("2006-01-02 15:04", text, model.Shanghai)
	w.must(err)
	w.clock.Set(at)
}

// week is the period of DOMAIN.md's week: Monday 09:00 to Sunday 20:00.
func week(unitID int64) object {
	return object{
		"unit_id": unitID, "series": "青年大学习", "number": 12, "title": "学习新思想", "track": "league", "threshold_bp": 8500,
		"opens_at": "2026-03-02T09:00:00+08:00", "closes_at": "2026-03-08T20:00:00+08:00",
	}
}

func (w *world) openWeek() int64 {
	w.t.Helper()
	return w.call("POST", "/study-periods", w.console(), week(leagueRoot)).wants(201).number("id")
}

func periodPath(id int64, rest ...string) string {
	return fmt.Sprintf("/study-periods/%d", id) + strings.Join(rest, "")
}

func (w *world) study(period, member int64) *answer {
	w.t.Helper()
	return w.call("POST", periodPath(period, "/completions"), w.token(member), object{})
}

func (w *world) total(period int64, query string) object {
	w.t.Helper()
	return w.call("GET", periodPath(period, "/rates", query), w.console(), nil).wants(200).object()["total"].(object)
}

// TestWeek plays the week of DOMAIN.md §14: opened on Monday, looked at on Thursday and Saturday, closed by itself on
// Sunday at 20:00, then a late completion, and a correction that makes a second version.
func TestWeek(t *testing.T) {
	each(t, func(t *testing.T, w *world) {
		branches, members := w.league(20, 13)
		p := w.openWeek()
		for _, m := range members[0][:16] {
			w.study(p, m).wants(201)
		}
		for _, m := range members[1][:11] {
			w.study(p, m).wants(201)
		}
		w.study(p, members[0][0]).wants(200)

		w.at("2026-03-05 18:00")
		list := w.call("GET", periodPath(p, "/absentees"), w.token(members[0][0]), nil).wants(200).items()
		if len(list) != 1 || len(list[0]["members"].([]any)) != 4 || list[0]["shortfall"] != 1.0 {
			t.Errorf("the list of Thursday: %v", list)
		}
		above := w.call("GET", periodPath(p, "/absentees"), w.console(), nil).wants(200).items()
		if len(above) != 3 || above[0]["members"] != nil || above[1]["members"] != nil {
			t.Errorf("the list above the branches: %v", above)
		}

		w.at("2026-03-07 18:00")
		w.study(p, members[0][16]).wants(201)
		at := func(unit int64) object { return w.total(p, fmt.Sprintf("?unit_id=%d", unit)) }
		if r := at(branches[0]); r["percent"] != "85.00" || r["met"] != true || r["shortfall"] != 0.0 {
			t.Errorf("17 of 20: %v", r)
		}
		if r := at(branches[1]); r["percent"] != "84.62" || r["met"] != false || r["shortfall"] != 1.0 {
			t.Errorf("11 of 13: %v", r)
		}

		w.at("2026-03-08 19:59")
		w.clock.Advance(59*time.Second + 999*time.Millisecond)
		if last := w.study(p, members[1][11]).wants(201); last.object()["late"] != false {
			t.Error(last.Body)
		}
		w.clock.Advance(time.Millisecond)
		if late := w.study(p, members[1][12]).wants(201); late.object()["late"] != true {
			t.Error(late.Body)
		}
		frozen := w.call("GET", periodPath(p, "/rates"), w.console(), nil).wants(200).object()
		total := frozen["total"].(object)
		if frozen["frozen"] != true || frozen["version"] != 1.0 || total["due"] != 35.0 || total["completed"] != 29.0 || total["late"] != 1.0 {
			t.Errorf("the first version: %v", frozen)
		}
		bulletin := w.call("GET", periodPath(p, "/bulletin"), w.console(), nil).wants(200).text("text")
		for _, part := range []string{"应参学35人，参学29人，参学率82.86%", "第1团支部：应参学20人，参学17人，参学率85.00%，达到85%的要求", "截止后补学1人"} {
			if !strings.Contains(bulletin, part) {
				t.Errorf("the bulletin does not say %q:\n%s", part, bulletin)
			}
		}

		w.at("2026-03-09 09:00")
		if late := w.study(p, members[0][17]).wants(201); late.object()["late"] != true {
			t.Error(late.Body)
		}
		w.call("POST", periodPath(p, "/completions/batch"), w.token(members[0][0]), object{
			"member_ids": members[0][18:19], "source": "proxy", "reason": "纸质记录",
		}).refuses(409, "study_period_closed")
		w.call("POST", periodPath(p, "/reopen"), w.token(members[0][0]), object{"reason": "漏录"}).refuses(403, "forbidden")
		w.call("POST", periodPath(p, "/reopen"), w.token(chief), object{"reason": "漏录一名同志的纸质记录"}).wants(200)
		w.call("POST", periodPath(p, "/completions/batch"), w.token(members[0][0]), object{
			"member_ids": members[0][18:19], "source": "proxy", "reason": "纸质记录", "completed_at": "2026-03-06T10:00:00+08:00",
		}).wants(200)
		w.call("POST", periodPath(p, "/close"), w.console(), nil).wants(200)
		if r := w.total(p, ""); r["completed"] != 30.0 || r["late"] != 2.0 {
			t.Errorf("the second version: %v", r)
		}
		if r := w.total(p, "?version=1"); r["completed"] != 29.0 {
			t.Errorf("the first version changed: %v", r)
		}
		changes := func(token string) []object {
			return w.call("GET", periodPath(p, "/versions/2/changes"), token, nil).wants(200).items()
		}
		list = changes(w.token(members[0][0]))
		if len(list) != 1 || list[0]["member_id"] != float64(members[0][18]) || list[0]["before"].(object)["outcome"] != "missing" {
			t.Errorf("what the second version changed: %v", list)
		}
		list = changes(w.console())
		if len(list) != 1 || list[0]["member_id"] != nil || list[0]["name"] != nil || list[0]["after"].(object)["source"] != "proxy" {
			t.Errorf("what it changed, as seen from above: %v", list)
		}
		if list = changes(w.token(members[1][0])); len(list) != 0 {
			t.Errorf("what it changed in the other branch: %v", list)
		}
		for n := range 2 {
			v := w.call("GET", periodPath(p, fmt.Sprintf("/versions/%d", n+1)), w.console(), nil).wants(200)
			if v.object()["intact"] != true {
				t.Error(v.Body)
			}
		}
	})
}
