package api_test

import (
	"fmt"
	"strings"
	"testing"
)

// quizWeek is the week with a quiz of three questions of which two have to be right.
func (w *world) quizWeek() int64 {
	w.t.Helper()
	ask := func(text string, answer int) object {
		return object{"text": text, "options": []string{"甲", "乙", "丙"}, "answer": answer}
	}
	quiz := object{"pass": 2, "questions": []object{ask("一", 0), ask("二", 1), ask("三", 2)}}
	return w.call("POST", "/study-periods", w.console(), with(week(leagueRoot), "series", "答题", "quiz", quiz)).wants(201).number("id")
}

func TestCompletionRefusals(t *testing.T) {
	each(t, func(t *testing.T, w *world) {
		_, members := w.league(3)
		console, me, outsider, abroad := w.console(), w.token(members[0][1]), w.token(plain), w.token(stranger)
		p, quiz := w.openWeek(), w.quizWeek()
		ahead := w.call("POST", "/study-periods", console, with(week(leagueRoot), "number", 13,
			"opens_at", "2026-03-09T09:00:00+08:00", "closes_at", "2026-03-15T20:00:00+08:00")).wants(201).number("id")
		cancelled := w.call("POST", "/study-periods", console, with(week(leagueRoot), "series", "乙")).wants(201).number("id")
		w.study(cancelled, members[0][2]).wants(201)
		w.call("POST", periodPath(cancelled, "/cancel"), console, object{"reason": "开错"}).wants(200)
		for _, c := range []struct {
			name   string
			token  string
			period int64
			body   any
			status int
			code   string
			field  string
		}{
			{"before opening", me, ahead, object{}, 409, "study_period_not_open", ""},
			{"a party member", outsider, p, object{}, 403, "not_invited", ""},
			{"another tree", abroad, p, object{}, 403, "not_invited", ""},
			{"the console", console, p, object{}, 403, "forbidden", ""},
			{"no such period", me, 99, object{}, 404, "not_found", ""},
			{"cancelled", me, cancelled, object{}, 409, "study_period_cancelled", ""},
			{"unknown field", me, p, object{"done": true}, 422, "invalid_request", "done unknown_field"},
			{"no JSON", me, p, "x", 422, "invalid_request", ""},
			{"answers a text", me, p, object{"answers": "1"}, 422, "invalid_request", "answers invalid_type"},
			{"too many answers", me, p, object{"answers": make([]int, 51)}, 422, "invalid_request", "answers too_many"},
			{"no answers", me, quiz, object{}, 422, "quiz_answers_required", ""},
			{"too few answers", me, quiz, object{"answers": []int{0, 1}}, 422, "invalid_request", "answers invalid_value"},
			{"too many answers", me, quiz, object{"answers": []int{0, 1, 2, 0}}, 422, "invalid_request", "answers invalid_value"},
			{"one right", me, quiz, object{"answers": []int{0, 0, 0}}, 422, "quiz_not_passed", ""},
			{"no options at all", me, quiz, object{"answers": []int{-1, 99, 7}}, 422, "quiz_not_passed", ""},
		} {
			w.fails(attempt{c.name, "POST", periodPath(c.period, "/completions"), c.token, c.body, c.status, c.code, c.field})
		}
		passed := w.call("POST", periodPath(quiz, "/completions"), me, object{"answers": []int{0, 1, 0}}).wants(201)
		before := w.trace()
		for _, body := range []object{{}, {"answers": []int{2, 2, 2}}} { // a retry of what was recorded
			if again := w.call("POST", periodPath(quiz, "/completions"), me, body).wants(200); again.Body.String() != passed.Body.String() {
				t.Errorf("the repetition answers %s, not %s", again.Body, passed.Body)
			}
		}
		if w.trace() != before {
			t.Error("a repetition left a trace")
		}
		w.call("POST", periodPath(p, "/completions"), me, object{"answers": []int{1}}).wants(201) // without a quiz nobody looks at them
	})
}

// TestRightAnswersStayWithTheOfficers: a member never reads them, wherever he looks.
func TestRightAnswersStayWithTheOfficers(t *testing.T) {
	each(t, func(t *testing.T, w *world) {
		_, members := w.league(2)
		quiz := w.quizWeek()
		shows := func(token, path string) bool {
			body := w.call("GET", path, token, nil).wants(200).Body.String()
			if !strings.Contains(body, `"options"`) {
				t.Errorf("%s does not show the quiz: %s", path, body)
			}
			return strings.Contains(body, `"answer"`)
		}
		for _, path := range []string{periodPath(quiz), "/study-periods?series=" + "%E7%AD%94%E9%A2%98", "/me/todo"} {
			if shows(w.token(members[0][1]), path) {
				t.Errorf("%s shows the answers to a member", path)
			}
			if shows(w.token(members[0][0]), path) {
				t.Errorf("%s shows the answers to the secretary of a branch, who has to answer, too", path)
			}
		}
		if !shows(w.console(), periodPath(quiz)) {
			t.Error("who opens periods does not see the answers")
		}
	})
}

func TestRecordRefusals(t *testing.T) {
	each(t, func(t *testing.T, w *world) {
		branches, members := w.league(4, 2)
		console, self := w.console(), members[0][0]
		p := w.openWeek()
		closed := w.call("POST", "/study-periods", console, with(week(leagueRoot), "series", "甲")).wants(201).number("id")
		w.call("POST", periodPath(closed, "/close"), console, nil).wants(200)
		ahead := w.call("POST", "/study-periods", console, with(week(leagueRoot), "number", 13,
			"opens_at", "2026-03-09T09:00:00+08:00", "closes_at", "2026-03-15T20:00:00+08:00")).wants(201).number("id")
		cancelled := w.call("POST", "/study-periods", console, with(week(leagueRoot), "series", "乙")).wants(201).number("id")
		w.call("POST", periodPath(cancelled, "/cancel"), console, object{"reason": "开错"}).wants(200)
		w.at("2026-03-03 09:00")
		officer := w.token(self)
		batch := func(more ...any) object {
			return with(object{"member_ids": members[0][1:2], "source": "proxy", "reason": "没有手机"}, more...)
		}
		mine, other := members[0][1], members[1][1]
		var hidden []string
		for _, c := range []struct {
			name   string
			period int64
			body   object
			status int
			code   string
			field  string
		}{
			{"own", p, batch("member_ids", []int64{self}), 403, "own_record", ""},
			{"own among others", p, batch("member_ids", []int64{self, mine}), 403, "own_record", ""},
			{"another branch's", p, batch("member_ids", []int64{mine, other}), 422, "invalid_request", "member_ids[1] not_invited"},
			{"in the order of the request", p, batch("member_ids", []int64{other, mine, mine, 1 << 52}), 422, "invalid_request", "member_ids[0] not_invited"},
			{"and the last", p, batch("member_ids", []int64{other, mine, mine, 1 << 52}), 422, "invalid_request", "member_ids[3] not_invited"},
			{"unknown", p, batch("member_ids", []int64{mine, 1 << 52}), 422, "invalid_request", "member_ids[1] not_invited"},
			{"a party member", p, batch("member_ids", []int64{plain}), 422, "invalid_request", "member_ids[0] not_invited"},
			{"nobody", p, batch("member_ids", []int64{}), 422, "invalid_request", "member_ids too_few"},
			{"too many", p, batch("member_ids", make([]int64, 501)), 422, "invalid_request", "member_ids too_many"},
			{"before the opening", p, batch("completed_at", "2026-03-02T08:59:59+08:00"), 422, "invalid_request", "completed_at outside_window"},
			{"in the future", p, batch("completed_at", "2026-03-03T09:00:01+08:00"), 422, "invalid_request", "completed_at in_future"},
			{"as the member", p, batch("source", "self"), 422, "invalid_request", "source invalid_value"},
			{"without a reason", p, batch("reason", nil), 422, "invalid_request", "required"},
			{"blank reason", p, batch("reason", " "), 422, "invalid_request", "reason required"},
			{"long reason", p, batch("reason", strings.Repeat("因", 201)), 422, "invalid_request", "reason too_long"},
			{"unknown field", p, batch("late", false), 422, "invalid_request", "late unknown_field"},
			{"closed", closed, batch(), 409, "study_period_closed", ""},
			{"not open", ahead, batch(), 409, "study_period_not_open", ""},
			{"cancelled", cancelled, batch(), 409, "study_period_cancelled", ""},
			{"no such period", 99, batch(), 404, "not_found", ""},
		} {
			a := w.fails(attempt{c.name, "POST", periodPath(c.period, "/completions/batch"), officer, c.body, c.status, c.code, c.field})
			if c.name == "another branch's" || c.name == "unknown" {
				hidden = append(hidden, fmt.Sprint(a.object()["errors"], a.object()["detail"]))
			}
		}
		if hidden[0] != hidden[1] {
			t.Errorf("the answers tell whether somebody exists: %v", hidden)
		}
		twice := batch("member_ids", []int64{mine, mine, members[0][2]}, "source", "home_visit", "completed_at", "2026-03-02T09:00:00+08:00")
		if a := w.call("POST", periodPath(p, "/completions/batch"), officer, twice).wants(200); a.number("created") != 2 || a.number("unchanged") != 0 {
			t.Error(a.Body)
		}
		before := w.trace()
		if a := w.call("POST", periodPath(p, "/completions/batch"), officer, twice).wants(200); a.number("unchanged") != 2 || w.trace() != before {
			t.Error(a.Body)
		}
		list := w.call("GET", periodPath(p, "/completions?source=home_visit"), officer, nil).wants(200).items()
		if len(list) != 2 || list[0]["unit_id"] != float64(branches[0]) || list[0]["reason"] != "没有手机" || list[0]["recorded_by"] != fmt.Sprint("member:", self) {
			t.Errorf("%v", list)
		}

		// after the close, reopened for corrections
		w.at("2026-03-09 09:00")
		officer = w.token(self)
		last := batch("member_ids", members[0][3:4])
		path := periodPath(p, "/completions/batch")
		w.total(p, "") // closes it
		w.fails(attempt{"after the close", "POST", path, officer, last, 409, "study_period_closed", ""})
		w.call("POST", periodPath(p, "/reopen"), w.console(), object{"reason": "漏录"}).wants(200)
		w.fails(attempt{"corrected without a time", "POST", path, officer, last, 422, "invalid_request", "completed_at required"})
		w.fails(attempt{"corrected at the cutoff", "POST", path, officer, with(last, "completed_at", "2026-03-08T20:00:00+08:00"), 422, "invalid_request", "completed_at outside_window"})
		w.study(p, members[0][3]).wants(201)
		if a := w.call("POST", path, officer, with(last, "completed_at", "2026-03-08T19:59:59+08:00")).wants(200); a.number("updated") != 1 {
			t.Error(a.Body) // the late record gave way
		}
	})
}

func TestWithdrawCompletions(t *testing.T) {
	each(t, func(t *testing.T, w *world) {
		_, members := w.league(3, 1)
		p, self := w.openWeek(), members[0][0]
		officer, path := w.token(self), periodPath(p, "/completions/withdraw")
		w.study(p, self).wants(201)
		w.study(p, members[0][1]).wants(201)
		mistake := func(ids ...int64) object { return object{"member_ids": ids, "reason": "记错"} }
		w.fails(attempt{"own", "POST", path, officer, mistake(self), 403, "own_record", ""})
		w.fails(attempt{"another branch's", "POST", path, officer, mistake(members[1][0]), 422, "invalid_request", "member_ids[0] not_invited"})
		w.fails(attempt{"blank reason", "POST", path, officer, with(mistake(members[0][1]), "reason", "\t"), 422, "invalid_request", "reason required"})
		before := w.trace()
		if a := w.call("POST", path, officer, mistake(members[0][2])).wants(200); a.number("withdrawn") != 0 || w.trace() != before {
			t.Error(a.Body)
		}
		if a := w.call("POST", path, officer, mistake(members[0][1:]...)).wants(200); a.number("withdrawn") != 1 {
			t.Error(a.Body)
		}
		if got := w.call("GET", periodPath(p), w.token(members[0][1]), nil).wants(200).object()["completion"]; got != nil {
			t.Errorf("the member still reads %v", got)
		}
		if r := w.total(p, ""); r["completed"] != 1.0 {
			t.Errorf("%v", r)
		}
		w.study(p, members[0][1]).wants(201)
	})
}

func TestExemptions(t *testing.T) {
	each(t, func(t *testing.T, w *world) {
		branches, members := w.league(5, 1)
		p, self, sick := w.openWeek(), members[0][0], members[0][1]
		officer, path := w.token(self), periodPath(p, "/exemptions")
		ill := object{"member_id": sick, "reason_category": "sick", "note": "住院"}
		for _, c := range []struct {
			name   string
			body   object
			status int
			code   string
			field  string
		}{
			{"category", with(ill, "reason_category", "lazy"), 422, "invalid_request", "reason_category invalid_value"},
			{"no category", with(ill, "reason_category", nil), 422, "invalid_request", "required"},
			{"long note", with(ill, "note", strings.Repeat("病", 201)), 422, "invalid_request", "note too_long"},
			{"own", with(ill, "member_id", self), 403, "own_record", ""},
			{"another branch's", with(ill, "member_id", members[1][0]), 422, "invalid_request", "not_invited"},
			{"unknown", with(ill, "member_id", 1<<52), 422, "invalid_request", "not_invited"},
			{"nobody", with(ill, "member_id", 0), 422, "invalid_request", "member_id too_small"},
		} {
			w.fails(attempt{c.name, "POST", path, officer, c.body, c.status, c.code, c.field})
		}
		first := w.call("POST", path, officer, ill).wants(201)
		before := w.trace()
		if again := w.call("POST", path, officer, ill).wants(200); again.Body.String() != first.Body.String() || w.trace() != before {
			t.Error(again.Body)
		}
		other := w.call("POST", path, officer, with(ill, "reason_category", "abroad", "note", nil)).wants(200)
		if other.number("id") != first.number("id") || other.text("reason_name") != "境外" || other.text("note") != "" {
			t.Error(other.Body)
		}
		list := w.call("GET", path, officer, nil).wants(200).items()
		if len(list) != 1 || list[0]["name"] != "团员A02" || list[0]["approved_by"] != fmt.Sprint("member:", self) {
			t.Errorf("%v", list)
		}
		for _, m := range members[0][2:] {
			w.study(p, m).wants(201)
		}
		own := func() object { return w.total(p, fmt.Sprintf("?unit_id=%d", branches[0])) }
		if r := own(); r["due"] != 5.0 || r["exempt"] != 1.0 || r["percent"] != "60.00" || r["adjusted_percent"] != "75.00" || r["shortfall"] != 1.0 {
			t.Errorf("one of five released: %v", r)
		}
		w.study(p, sick).wants(201) // who completes all the same counts in both rates
		if r := own(); r["exempt"] != 0.0 || r["percent"] != "80.00" || r["adjusted_percent"] != "80.00" {
			t.Errorf("released, and completed: %v", r)
		}
		withdraw := func(member int64) string { return fmt.Sprintf("%s/%d", path, member) }
		w.fails(attempt{"none to withdraw", "DELETE", withdraw(members[0][2]), officer, nil, 404, "not_found", ""})
		w.fails(attempt{"withdraw own", "DELETE", withdraw(self), officer, nil, 403, "own_record", ""})
		w.call("DELETE", withdraw(sick), officer, nil).wants(204)
		w.fails(attempt{"withdrawn twice", "DELETE", withdraw(sick), officer, nil, 404, "not_found", ""})
		w.at("2026-03-09 09:00")
		w.total(p, "") // closes it
		w.fails(attempt{"after the close", "POST", path, w.token(self), ill, 409, "study_period_closed", ""})
	})
}
