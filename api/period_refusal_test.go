package api_test

import (
	"fmt"
	"maps"
	"strings"
	"testing"

	"zhibu/model"
)

// trace counts what a refused request must not add to or take from.
func (w *world) trace() (counts [10]int64) {
	w.t.Helper()
	for i, m := range []any{
		&model.AuditEvent{}, &model.StudyPeriod{}, &model.PeriodAudience{}, &model.PeriodActivity{}, &model.Completion{},
		&model.Exemption{}, &model.PeriodVersion{}, &model.PeriodEntry{}, &model.Member{}, &model.Setting{},
	} {
		w.must(w.db.Read(w.t.Context()).Model(m).Count(&counts[i]).Error)
	}
	return counts
}

// attempt is a request that has to be refused. field is the field at fault with its code: "number too_small".
type attempt struct {
	name         string
	method, path string
	token        string
	body         any
	status       int
	code, field  string
}

// fails makes the request, which has to be refused as told and to leave nothing behind.
func (w *world) fails(a attempt) *answer {
	w.t.Helper()
	before := w.trace()
	got := w.call(a.method, a.path, a.token, a.body)
	if got.Code != a.status || got.object()["code"] != a.code {
		w.t.Errorf("%s: %d %s, want %d %s", a.name, got.Code, got.Body, a.status, a.code)
	}
	if fields := faults(got); !strings.Contains(" "+fields+";", " "+a.field+";") && a.field != "" {
		w.t.Errorf("%s: the fields at fault are %q, want %q: %s", a.name, fields, a.field, got.Body)
	}
	if after := w.trace(); after != before {
		w.t.Errorf("%s: left a trace: %v, before %v", a.name, after, before)
	}
	return got
}

// faults are the fields at fault with their codes.
func faults(a *answer) string {
	list, _ := a.object()["errors"].([]any)
	var fields []string
	for _, e := range list {
		fields = append(fields, e.(object)["field"].(string)+" "+e.(object)["code"].(string))
	}
	return strings.Join(fields, "; ")
}

// with is the object with other values; nil takes a field out.
func with(o object, more ...any) object {
	o = maps.Clone(o)
	for i := 0; i < len(more); i += 2 {
		if more[i+1] == nil {
			delete(o, more[i].(string))
			continue
		}
		o[more[i].(string)] = more[i+1]
	}
	return o
}

func shanghai(day, clock string) string { return day + "T" + clock + ":00+08:00" }

// oneQuestion is a quiz whose right answer is 1.
func oneQuestion(more ...any) object {
	return object{"questions": []object{with(object{"text": "一加一", "options": []string{"一", "二"}, "answer": 1}, more...)}}
}

func TestOpenPeriodRefusals(t *testing.T) {
	each(t, func(t *testing.T, w *world) {
		w.openWeek()
		console, secretary, plain, youth := w.console(), w.token(secretary), w.token(plain), w.token(youth)
		closed := w.call("POST", "/units", console, object{"parent_id": leagueRoot, "kind": "league_branch", "name": "已撤", "code": "Z"}).wants(201).number("id")
		w.call("POST", fmt.Sprintf("/units/%d/close", closed), console, object{"on": "2026-03-02", "reason": "撤"}).wants(200)
		next := func(more ...any) object {
			return with(with(week(leagueRoot), "number", 13, "opens_at", shanghai("2026-03-09", "09:00"), "closes_at", shanghai("2026-03-15", "20:00")), more...)
		}
		window := func(opens, closes string) object { return next("opens_at", opens, "closes_at", closes) }
		audience := func(ids ...int64) object { return next("audience", object{"unit_ids": ids}) }
		for _, c := range []struct {
			name   string
			token  string
			body   any
			status int
			code   string
			field  string
		}{
			{"nobody", "", next(), 401, "unauthenticated", ""},
			{"reversed", console, window(shanghai("2026-03-15", "20:00"), shanghai("2026-03-09", "09:00")), 422, "invalid_request", "closes_at invalid_range"},
			{"same instant", console, window(shanghai("2026-03-09", "09:00"), "2026-03-09T01:00:00Z"), 422, "invalid_request", "closes_at invalid_range"},
			{"overlapping", console, window(shanghai("2026-03-08", "19:59"), shanghai("2026-03-15", "20:00")), 422, "study_period_overlaps", "opens_at overlaps"},
			{"around another", console, window(shanghai("2026-02-01", "00:00"), shanghai("2026-04-01", "00:00")), 422, "study_period_overlaps", "opens_at overlaps"},
			{"past", console, window(shanghai("2026-02-23", "09:00"), shanghai("2026-03-01", "20:00")), 422, "invalid_request", "closes_at invalid_range"},
			{"over just now", console, window(shanghai("2026-02-23", "09:00"), shanghai("2026-03-02", "09:00")), 422, "invalid_request", "closes_at invalid_range"},
			{"longer than a year", console, window(shanghai("2026-03-09", "09:00"), shanghai("2027-03-10", "09:01")), 422, "invalid_request", "closes_at too_long"},
			{"before 2000", console, window(shanghai("1999-12-31", "23:59"), shanghai("2026-03-15", "20:00")), 422, "invalid_request", "opens_at invalid_range"},
			{"after 2099", console, window(shanghai("2100-01-01", "00:00"), shanghai("2100-01-08", "00:00")), 422, "invalid_request", "opens_at invalid_range"},
			{"no offset", console, window("2026-03-09T09:00:00", shanghai("2026-03-15", "20:00")), 422, "invalid_request", "opens_at invalid_time"},
			{"no time", console, next("opens_at", nil), 422, "invalid_request", "required"},
			{"threshold 0", console, next("threshold_bp", 0), 422, "invalid_request", "threshold_bp too_small"},
			{"threshold -1", console, next("threshold_bp", -1), 422, "invalid_request", "threshold_bp too_small"},
			{"threshold 10001", console, next("threshold_bp", 10001), 422, "invalid_request", "threshold_bp too_large"},
			{"threshold a text", console, next("threshold_bp", "85"), 422, "invalid_request", "threshold_bp invalid_type"},
			{"threshold a fraction", console, next("threshold_bp", 85.5), 422, "invalid_request", "threshold_bp invalid_type"},
			{"number 0", console, next("number", 0), 422, "invalid_request", "number too_small"},
			{"number 10000", console, next("number", 10000), 422, "invalid_request", "number too_large"},
			{"no number", console, next("number", nil), 422, "invalid_request", "number required"},
			{"a special with a number", console, next("special", true), 422, "invalid_request", "number invalid_value"},
			{"number there is", console, next("number", 12), 409, "study_period_exists", ""},
			{"unknown unit", console, next("unit_id", 999), 404, "not_found", ""},
			{"unit 0", console, next("unit_id", 0), 422, "invalid_request", "unit_id too_small"},
			{"unit outside", secretary, next(), 404, "not_found", ""},
			{"unit above", secretary, next("unit_id", root), 403, "forbidden", ""},
			{"unit above in the League", youth, next(), 403, "forbidden", ""},
			{"a member's branch", plain, next("unit_id", branch), 403, "forbidden", ""},
			{"closed unit", console, next("unit_id", closed), 422, "invalid_request", "unit_id unit_closed"},
			{"audience outside", console, audience(leagueBranch, branch), 422, "invalid_request", "audience.unit_ids[1] not_found"},
			{"audience above", console, audience(root), 422, "invalid_request", "audience.unit_ids[0] not_found"},
			{"audience unknown", console, audience(999), 422, "invalid_request", "audience.unit_ids[0] not_found"},
			{"audience closed", console, audience(leagueBranch, closed), 422, "invalid_request", "audience.unit_ids[1] unit_closed"},
			{"audience too long", console, audience(make([]int64, 201)...), 422, "invalid_request", "audience.unit_ids too_many"},
			{"unknown field", console, next("colour", "red"), 422, "invalid_request", "colour unknown_field"},
			{"unknown track", console, next("track", "union"), 422, "invalid_request", "track invalid_value"},
			{"quiz without questions", console, next("quiz", object{"questions": []object{}}), 422, "invalid_request", "quiz.questions too_few"},
			{"quiz without options", console, next("quiz", oneQuestion("options", []string{})), 422, "invalid_request", "quiz.questions[0].options too_few"},
			{"one option", console, next("quiz", oneQuestion("options", []string{"一"})), 422, "invalid_request", "quiz.questions[0].options too_few"},
			{"blank option", console, next("quiz", oneQuestion("options", []string{"一", " "})), 422, "invalid_request", "quiz.questions[0].options invalid_value"},
			{"no answer", console, next("quiz", oneQuestion("answer", nil)), 422, "invalid_request", "quiz.questions[0].answer invalid_value"},
			{"answer out of range", console, next("quiz", oneQuestion("answer", 2)), 422, "invalid_request", "quiz.questions[0].answer invalid_value"},
			{"answer below", console, next("quiz", oneQuestion("answer", -1)), 422, "invalid_request", "quiz.questions[0].answer too_small"},
			{"blank question", console, next("quiz", oneQuestion("text", " \t")), 422, "invalid_request", "quiz.questions[0].text invalid_value"},
			{"pass too large", console, next("quiz", with(oneQuestion(), "pass", 2)), 422, "invalid_request", "quiz.pass invalid_value"},
			{"link not https", console, next("link", "http://example.com"), 422, "invalid_request", "link invalid_value"},
			{"link a script", console, next("link", "javascript:alert(1)"), 422, "invalid_request", "link invalid_value"},
			{"link without a host", console, next("link", "https://"), 422, "invalid_request", "link invalid_value"},
			{"link with a line end", console, next("link", "https://example.com/\n2"), 422, "invalid_request", "link invalid_value"},
			{"long link", console, next("link", "https://example.com/"+strings.Repeat("x", 500)), 422, "invalid_request", "link too_long"},
			{"long series", console, next("series", strings.Repeat("学", 61)), 422, "invalid_request", "series too_long"},
			{"long title", console, next("title", strings.Repeat("题", 101)), 422, "invalid_request", "title too_long"},
			{"title that grows", console, next("title", strings.Repeat("\u0958", 100)), 422, "invalid_request", "title too_long"},
			{"series that grows", console, next("series", strings.Repeat("\u0958", 60)), 422, "invalid_request", "series too_long"},
			{"invisible series", console, next("series", "\u200b\u0007"), 422, "invalid_request", "series required"},
			{"blank title", console, next("title", "  "), 422, "invalid_request", "title required"},
			{"a very long question", console, next("quiz", oneQuestion("text", strings.Repeat("问", 501))), 422, "invalid_request", "quiz.questions[0].text too_long"},
			{"a book", console, next("title", strings.Repeat("题", 1<<20)), 413, "too_large", ""},
			{"no JSON", console, "{", 422, "invalid_request", ""},
			{"a list", console, []object{next()}, 422, "invalid_request", ""},
			{"nothing", console, nil, 422, "invalid_request", ""},
		} {
			a := w.fails(attempt{c.name, "POST", "/study-periods", c.token, c.body, c.status, c.code, c.field})
			if c.code == "study_period_overlaps" && !strings.Contains(a.text("detail"), "第12期（2026-03-02 09:00 至 2026-03-08 20:00）") {
				t.Errorf("%s does not name the other: %s", c.name, a.Body)
			}
		}
		if got := w.call("POST", "/study-periods", console, next("title", "学\u0007习\u200b  新\n思想", "opens_at", shanghai("2026-03-08", "20:00"))).wants(201).text("title"); got != "学习 新 思想" {
			t.Errorf("the title is kept as %q", got)
		}
	})
}

// TestPeriodStates tries each deed in the states in which it is no use.
func TestPeriodStates(t *testing.T) {
	each(t, func(t *testing.T, w *world) {
		console, youth := w.console(), w.token(youth)
		open := w.openWeek()
		next := with(week(leagueRoot), "number", 13, "opens_at", shanghai("2026-03-09", "09:00"), "closes_at", shanghai("2026-03-15", "20:00"))
		ahead := w.call("POST", "/study-periods", console, next).wants(201).number("id")
		closed := w.call("POST", "/study-periods", console, with(week(leagueRoot), "series", "甲")).wants(201).number("id")
		w.call("POST", periodPath(closed, "/close"), console, nil).wants(200)
		cancelled := w.call("POST", "/study-periods", console, with(week(leagueRoot), "series", "乙")).wants(201).number("id")
		w.call("POST", periodPath(cancelled, "/cancel"), console, object{"reason": "开错"}).wants(200)
		own := w.call("POST", "/study-periods", youth, with(week(leagueBranch), "series", "丙")).wants(201).number("id")
		w.call("POST", periodPath(own, "/close"), youth, nil).wants(200)

		reason, title := object{"reason": "开错了"}, object{"title": "改"}
		for _, c := range []struct {
			method string
			period int64
			suffix string
			body   any
			status int
			code   string
			field  string
		}{
			{"PATCH", open, "", object{"opens_at": shanghai("2026-03-03", "09:00")}, 409, "study_period_begun", ""},
			{"PATCH", open, "", object{"threshold_bp": 9000}, 409, "study_period_begun", ""},
			{"PATCH", open, "", object{"quiz": oneQuestion()}, 409, "study_period_begun", ""},
			{"PATCH", open, "", object{"no_quiz": true}, 409, "study_period_begun", ""},
			{"PATCH", open, "", object{"closes_at": shanghai("2026-03-02", "09:00")}, 422, "invalid_request", "closes_at invalid_range"},
			{"PATCH", open, "", object{"closes_at": shanghai("2026-03-10", "09:00")}, 422, "study_period_overlaps", "opens_at overlaps"},
			{"PATCH", open, "", object{"closes_at": shanghai("2027-04-10", "09:00")}, 422, "invalid_request", "closes_at too_long"},
			{"PATCH", open, "", object{"title": " "}, 422, "invalid_request", "title required"},
			{"PATCH", open, "", object{"link": "ftp://x"}, 422, "invalid_request", "link invalid_value"},
			{"PATCH", open, "", object{"number": 14}, 422, "invalid_request", "number unknown_field"},
			{"PATCH", ahead, "", object{"opens_at": shanghai("2026-03-08", "09:00")}, 422, "study_period_overlaps", "opens_at overlaps"},
			{"PATCH", ahead, "", object{"opens_at": shanghai("2026-03-15", "20:00")}, 422, "invalid_request", "closes_at invalid_range"},
			{"PATCH", ahead, "", object{"threshold_bp": 10001}, 422, "invalid_request", "threshold_bp too_large"},
			{"PATCH", ahead, "", object{"quiz": oneQuestion("answer", 5)}, 422, "invalid_request", "quiz.questions[0].answer invalid_value"},
			{"PATCH", closed, "", title, 409, "study_period_closed", ""},
			{"PATCH", cancelled, "", title, 409, "study_period_cancelled", ""},
			{"PATCH", 99, "", title, 404, "not_found", ""},
			{"POST", open, "/cancel", object{"reason": ""}, 422, "invalid_request", "reason too_short"},
			{"POST", open, "/cancel", object{"reason": "　\t"}, 422, "invalid_request", "reason required"},
			{"POST", open, "/cancel", object{}, 422, "invalid_request", "required"},
			{"POST", open, "/cancel", object{"reason": strings.Repeat("长", 201)}, 422, "invalid_request", "reason too_long"},
			{"POST", closed, "/cancel", reason, 409, "study_period_closed", ""},
			{"POST", 99, "/cancel", reason, 404, "not_found", ""},
			{"POST", ahead, "/close", nil, 409, "study_period_not_open", ""},
			{"POST", cancelled, "/close", nil, 409, "study_period_cancelled", ""},
			{"POST", 99, "/close", nil, 404, "not_found", ""},
			{"POST", open, "/reopen", reason, 409, "study_period_not_closed", ""},
			{"POST", ahead, "/reopen", reason, 409, "study_period_not_closed", ""},
			{"POST", cancelled, "/reopen", reason, 409, "study_period_cancelled", ""},
			{"POST", closed, "/reopen", object{"reason": "\u200b"}, 422, "invalid_request", "reason required"},
			{"GET", closed, "/versions/2", nil, 404, "version_not_found", ""},
			{"GET", closed, "/versions/0", nil, 422, "invalid_request", "number too_small"},
			{"GET", closed, "/rates?version=2", nil, 404, "version_not_found", ""},
			{"GET", open, "/rates?version=1", nil, 404, "version_not_found", ""},
			{"GET", open, "/rates?cursor=x", nil, 422, "invalid_request", "cursor invalid_value"},
			{"GET", open, "/absentees?cursor=-1", nil, 422, "invalid_request", "cursor invalid_value"},
			{"GET", closed, "/versions/1/changes?cursor=01", nil, 422, "invalid_request", "cursor invalid_value"},
			{"GET", open, "/completions?cursor=x", nil, 422, "invalid_request", ""},
			{"GET", open, "/completions?source=phone", nil, 422, "invalid_request", "source invalid_value"},
			{"GET", open, "/rates?order=name", nil, 422, "invalid_request", "order invalid_value"},
			{"GET", open, "/rates?limit=0", nil, 422, "invalid_request", "limit too_small"},
		} {
			name := fmt.Sprint(c.method, " ", c.period, c.suffix, " ", c.body)
			w.fails(attempt{name, c.method, periodPath(c.period, c.suffix), console, c.body, c.status, c.code, c.field})
		}
		for _, path := range []string{
			fmt.Sprintf("/units/%d/study-rates?year=2026", leagueRoot), fmt.Sprintf("/units/%d/study-rates?series=x", leagueRoot),
			fmt.Sprintf("/units/%d/study-rates?series=x&year=1999", leagueRoot), "/study-periods?state=new", "/study-periods?year=99",
			"/study-periods?cursor=x", "/study-periods?limit=201", "/study-periods?serie=x",
		} {
			w.fails(attempt{path, "GET", path, console, nil, 422, "invalid_request", ""})
		}
		w.fails(attempt{"reopened by who closed it", "POST", periodPath(own, "/reopen"), youth, reason, 403, "forbidden", ""})

		before := w.trace()
		w.call("POST", periodPath(closed, "/close"), console, nil).wants(200)
		w.call("POST", periodPath(cancelled, "/cancel"), console, reason).wants(200)
		if w.trace() != before {
			t.Error("closing or cancelling again left a trace")
		}
	})
}
