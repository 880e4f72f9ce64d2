package api_test

import (
	"fmt"
	"net/url"
	"slices"
	"testing"
)

func TestListPeriods(t *testing.T) {
	each(t, func(t *testing.T, w *world) {
		branches, members := w.league(2)
		me := w.token(members[0][1])
		numbers := map[int64]string{}
		keep := func(name string, id int64) int64 { numbers[id] = name; return id }
		keep("12", w.openWeek())
		next := keep("13", w.openPeriod("number", 13, "opens_at", shanghai("2026-12-31", "23:59"), "closes_at", shanghai("2027-01-07", "20:00")))
		keep("1", w.openPeriod("number", 1, "opens_at", "2026-12-31T16:00:00Z", "closes_at", shanghai("2027-01-02", "20:00"), "series", "新年"))
		keep("own", w.call("POST", "/study-periods", w.token(members[0][0]), with(week(branches[0]), "series", "支部")).wants(201).number("id"))
		w.call("POST", "/study-periods", w.token(youth), with(week(leagueBranch), "series", "别的支部")).wants(201)
		gone := keep("gone", w.openPeriod("series", "乙"))
		w.call("POST", periodPath(gone, "/cancel"), w.console(), object{"reason": "错"}).wants(200)
		closed := keep("closed", w.openPeriod("series", "甲"))
		w.call("POST", periodPath(closed, "/close"), w.console(), nil).wants(200)
		for query, want := range map[string][]string{
			"":                                   {"1", "13", "12", "own", "gone", "closed"},
			"?unit_id=12":                        {"1", "13", "12", "own", "gone", "closed"},
			fmt.Sprint("?unit_id=", branches[0]): {"own"},
			"?series=" + url.QueryEscape("青年大学习"): {"13", "12"},
			"?year=2026":                      {"13", "12", "own", "gone", "closed"},
			"?year=2027":                      {"1"},
			"?year=2025":                      {},
			"?state=scheduled":                {"1", "13"},
			"?state=open":                     {"12", "own"},
			"?state=closed":                   {"closed"},
			"?state=reopened":                 {},
			"?state=cancelled":                {"gone"},
			"?state=open&year=2026&mine=true": {"12", "own"},
		} {
			for _, page := range []string{"", "limit=1", "limit=2"} {
				path := "/study-periods" + query
				if query == "" {
					path += "?"
				}
				var got []string
				for _, id := range w.all(path+"&"+page, me) {
					got = append(got, numbers[id])
				}
				slices.Sort(got)
				slices.Sort(want)
				if !slices.Equal(got, want) {
					t.Errorf("%s %s: %v, want %v", query, page, got, want)
				}
			}
		}
		if ids := w.all("/study-periods?limit=1", me); ids[0] == next || !slices.Contains(ids, next) {
			t.Errorf("not the latest opening first: %v", ids)
		}
		w.call("GET", "/study-periods?unit_id=10", me, nil).refuses(404, "not_found")
		w.at("2026-03-08 20:00") // over, though nobody has closed it
		if got := w.all("/study-periods?state=closed&limit=9", w.token(members[0][1])); len(got) != 3 {
			t.Errorf("%v", got)
		}
		if got := w.call("GET", "/study-periods", w.token(plain), nil).wants(200).items(); len(got) != 0 {
			t.Errorf("a party member is shown %v", got)
		}
		if got := w.call("GET", "/study-periods?mine=true", w.token(chief), nil).wants(200).items(); len(got) != 0 {
			t.Errorf("the admin's own are %v", got)
		}
		if got := w.call("GET", "/study-periods?limit=200", w.console(), nil).wants(200).items(); len(got) != len(numbers)+1 {
			t.Errorf("the console is shown %d", len(got))
		}
	})
}

func TestTodoShowsPeriods(t *testing.T) {
	each(t, func(t *testing.T, w *world) {
		_, members := w.league(2)
		all := w.openPeriod("unit_id", root, "track", "league") // party members are in its audience, and not due
		second := w.openPeriod("closes_at", shanghai("2026-03-07", "20:00"))
		ahead := w.openPeriod("series", "后", "opens_at", shanghai("2026-03-03", "09:00"))
		todo := func(member int64) (ids []int64) {
			t.Helper()
			for _, p := range w.call("GET", "/me/todo", w.token(member), nil).wants(200).object()["study_periods"].([]any) {
				ids = append(ids, int64(p.(object)["id"].(float64)))
			}
			return ids
		}
		me := members[0][1]
		if got := todo(me); !slices.Equal(got, []int64{second, all}) {
			t.Errorf("%v", got)
		}
		for _, m := range []int64{plain, secretary, chief} {
			if got := todo(m); len(got) != 0 {
				t.Errorf("%d of the Party has to study %v", m, got)
			}
		}
		if got := todo(both); len(got) != 2 {
			t.Errorf("who is in both has to study %v", got)
		}
		w.study(second, me).wants(201)
		w.call("POST", periodPath(all, "/completions/batch"), w.console(), object{"member_ids": []int64{me}, "source": "proxy", "reason": "没有手机"}).wants(200)
		if got := todo(me); len(got) != 0 {
			t.Errorf("done, and still shows %v", got)
		}
		w.at("2026-03-03 09:00")
		if got := todo(me); !slices.Equal(got, []int64{ahead}) {
			t.Errorf("%v", got)
		}
		w.call("POST", periodPath(ahead, "/cancel"), w.console(), object{"reason": "错"}).wants(200)
		if got := todo(me); len(got) != 0 {
			t.Errorf("cancelled, and still shows %v", got)
		}
		w.at("2026-03-08 20:00")
		if got := todo(members[0][0]); len(got) != 0 {
			t.Errorf("over, and still shows %v", got)
		}
		mine := w.period(second, w.token(me))["completion"].(object)
		if mine["member_id"] != float64(me) || mine["source"] != "self" || mine["late"] != false || mine["period_id"] != float64(second) {
			t.Errorf("%v", mine)
		}
	})
}
