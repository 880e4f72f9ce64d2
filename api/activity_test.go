package api_test

import (
	"bytes"
	"fmt"
	"io"
	"log/slog"
	"maps"
	"math/rand/v2"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"gorm.io/gorm"

	"zhibu/api"
	"zhibu/model"
	"zhibu/service/activity"
	"zhibu/service/checkin"
)

// rebuild gives the services of this feature another clock and the switch for geofences.
func (w *world) rebuild(now func() time.Time, location bool) {
	w.services.Activity = activity.New(w.db, now, location)
	w.services.CheckIn = checkin.New(w.db, bytes.Repeat([]byte("c"), 32), now)
	w.handler = api.New(w.services, api.Options{
		Now: now, Logger: slog.New(slog.NewTextHandler(io.Discard, nil)), Version: "test", Ready: w.db.Ping, PublicURL: "https://zhibu.example",
	})
}

// tick is a clock that moves on whenever somebody looks at it.
func (w *world) tick() time.Time {
	w.clock.Advance(time.Millisecond)
	return w.clock.Now()
}

// together makes n calls at once.
func together(n int, call func(i int) *answer) []*answer {
	answers := make([]*answer, n)
	var wg sync.WaitGroup
	for i := range answers {
		wg.Go(func() { answers[i] = call(i) })
	}
	wg.Wait()
	return answers
}

// all reads a list page by page and returns the ids.
func (w *world) all(path, token string) (ids []int64) {
	w.t.Helper()
	next := ""
	for range 1000 {
		page := w.call("GET", path+next, token, nil).wants(200)
		for _, item := range page.items() {
			ids = append(ids, int64(item["id"].(float64)))
		}
		cursor, more := page.object()["next_cursor"].(string)
		if !more {
			return ids
		}
		next = "&cursor=" + cursor
	}
	w.t.Fatalf("%s does not end", path)
	return nil
}

func (w *world) activity(id, memberID int64) *answer {
	w.t.Helper()
	return w.call("GET", fmt.Sprintf("/activities/%d", id), w.token(memberID), nil)
}

func TestActivityDefaults(t *testing.T) {
	each(t, func(t *testing.T, w *world) {
		a := w.activity(w.meeting(), plain).wants(200)
		if a.text("check_in_opens_at") != "2026-03-02T08:40:00+08:00" || a.text("check_in_closes_at") != "2026-03-02T11:00:00+08:00" {
			t.Error(a.Body)
		}
		if got := fmt.Sprint(a.object()["audience"]); got != "map[track:party unit_ids:[10]]" {
			t.Errorf("the audience is %s", got)
		}
		id := a.number("id")
		moved := w.call("PATCH", fmt.Sprintf("/activities/%d", id), w.token(secretary), object{"starts_at": "2026-03-02T10:00:00+08:00"}).wants(200)
		if moved.text("check_in_opens_at") != "2026-03-02T09:30:00+08:00" {
			t.Errorf("the window did not move along: %s", moved.Body)
		}
	})
}

func TestActivityIsRefused(t *testing.T) {
	each(t, func(t *testing.T, w *world) {
		id := w.meeting()
		w.token(neighbour)
		before := w.events()
		plan := func(more object) object {
			p := object{"unit_id": branch, "kind": "lesson", "title": "课", "starts_at": "2026-03-02T09:10:00+08:00", "ends_at": "2026-03-02T11:00:00+08:00"}
			maps.Copy(p, more)
			return p
		}
		for name, more := range map[string]object{
			"kind": {"kind": "party"}, "Chinese kind": {"kind": "党课"}, "no length": {"ends_at": "2026-03-02T09:10:00+08:00"},
			"too long": {"ends_at": "2026-05-02T09:10:00+08:00"}, "blank title": {"title": " "},
			"others invited": {"audience": object{"unit_ids": []int64{sibling}}}, "window": {"check_in_closes_at": "2026-03-02T08:00:00+08:00"},
			"campaigns": {"campaigns": []string{strings.Repeat("专", 501)}},
		} {
			if a := w.call("POST", "/activities", w.token(secretary), plan(more)); a.Code != 422 {
				t.Errorf("%s: %d %s", name, a.Code, a.Body)
			}
		}
		w.call("POST", "/activities", w.token(secretary), plan(object{"geofence": object{"latitude": 23, "longitude": 113, "radius_m": 100}})).refuses(403, "feature_off")
		w.call("POST", "/activities", w.token(neighbour), plan(nil)).refuses(404, "not_found")
		w.call("PATCH", fmt.Sprintf("/activities/%d", id), w.token(secretary), object{"kind": "党课"}).refuses(422, "invalid_request")
		w.call("PATCH", fmt.Sprintf("/activities/%d", id), w.token(secretary), object{"audience": object{"unit_ids": []int64{}}}).refuses(422, "invalid_request")
		w.call("PATCH", fmt.Sprintf("/activities/%d", id), w.token(secretary), object{"title": "三月党员大会"}).wants(200)
		w.call("GET", "/activities?kind=%E5%85%9A%E8%AF%BE", w.token(secretary), nil).refuses(422, "invalid_request")
		w.call("GET", "/activities?from=x", w.token(secretary), nil).refuses(422, "invalid_request")
		if w.events() != before {
			t.Errorf("refusals, and a change of nothing, left %d audit events", w.events()-before)
		}
		w.call("POST", "/activities", w.token(secretary), plan(object{"campaigns": []string{strings.Repeat("专", 500)}})).wants(201)
	})
}

func TestActivityPlannedTenTimesAtOnce(t *testing.T) {
	each(t, func(t *testing.T, w *world) {
		token := w.token(secretary)
		statuses := map[int]int{}
		for _, a := range together(10, func(int) *answer {
			return w.call("POST", "/activities", token, object{"unit_id": branch, "kind": "lesson", "title": "课",
				"starts_at": "2026-03-02T09:10:00+08:00", "ends_at": "2026-03-02T11:00:00+08:00"})
		}) {
			statuses[a.Code]++
		}
		if statuses[201] != 1 || statuses[409] != 9 {
			t.Error(statuses)
		}
	})
}

func TestListActivities(t *testing.T) {
	each(t, func(t *testing.T, w *world) {
		made := map[string]int64{}
		add := func(by, unit int64, title, kind, day string) {
			made[title] = w.call("POST", "/activities", w.token(by), object{"unit_id": unit, "kind": kind, "title": title,
				"starts_at": day + "T09:10:00+08:00", "ends_at": day + "T11:00:00+08:00"}).wants(201).number("id")
		}
		add(secretary, branch, "今天", "lesson", "2026-03-02")
		add(secretary, branch, "明天", "film", "2026-03-03")
		add(secretary, branch, "昨天", "lesson", "2026-03-01")
		add(leader, group, "小组", "group_meeting", "2026-03-04")
		add(chief, sibling, "邻居", "lesson", "2026-03-02")
		add(secretary, branch, "取消", "lesson", "2026-03-05")
		w.call("POST", fmt.Sprintf("/activities/%d/cancel", made["取消"]), w.token(secretary), object{"reason": "改期"}).wants(200)
		for query, want := range map[string]string{
			"": "取消 小组 明天 今天 昨天", "unit_id=101": "小组", "unit_id=10&kind=lesson": "取消 今天 昨天",
			"from=2026-03-02&to=2026-03-03": "明天 今天", "from=2026-03-02T09:10:00%2B08:00&to=2026-03-03T09:10:00%2B08:00": "今天",
			"state=open": "今天", "state=scheduled": "小组 明天", "state=ended": "昨天", "state=cancelled": "取消",
			"mine=true": "取消 明天 今天 昨天", // the group's is for the group
		} {
			for _, limit := range []int{1, 2, 200} {
				var wanted []int64
				for _, title := range strings.Fields(want) {
					wanted = append(wanted, made[title])
				}
				if got := w.all(fmt.Sprintf("/activities?limit=%d&%s", limit, query), w.token(secretary)); !slices.Equal(got, wanted) {
					t.Errorf("%q by %d: %v, want %v", query, limit, got, wanted)
				}
			}
		}
		w.call("GET", "/activities?unit_id=2", w.token(secretary), nil).refuses(404, "not_found")
		w.call("GET", "/activities?cursor=x", w.token(secretary), nil).refuses(422, "invalid_request")
	})
}

// todo are the activities before the member.
func (w *world) todo(memberID int64) (ids []int64) {
	w.t.Helper()
	for _, a := range w.call("GET", "/me/todo", w.token(memberID), nil).wants(200).object()["activities"].([]any) {
		ids = append(ids, int64(a.(object)["id"].(float64)))
	}
	return ids
}

func TestTodo(t *testing.T) {
	each(t, func(t *testing.T, w *world) {
		later := w.meetingWith(object{"title": "后", "starts_at": "2026-03-02T10:00:00+08:00"})
		now := w.meeting()
		committee := w.meetingWith(object{"title": "支委会", "kind": "committee_meeting", "ends_at": "2026-03-02T12:00:00+08:00", "starts_at": "2026-03-02T11:00:00+08:00"})
		if got := w.todo(secretary); !slices.Equal(got, []int64{now, later, committee}) {
			t.Error("secretary", got)
		}
		if got := w.todo(plain); !slices.Equal(got, []int64{now, later}) {
			t.Error("member", got)
		}
		if got := w.todo(colleague); len(got) != 0 {
			t.Error("of another branch", got)
		}
		w.tap(now, plain, w.wallCode(now)).wants(201)
		leave := w.call("POST", fmt.Sprintf("/activities/%d/leaves", later), w.token(plain), object{"reason_category": "sick"}).wants(201).number("id")
		if got := w.todo(plain); !slices.Equal(got, []int64{later}) {
			t.Error("after the tap", got)
		}
		w.call("POST", fmt.Sprintf("/leaves/%d/decision", leave), w.token(secretary), object{"approve": true}).wants(200)
		if got := w.todo(plain); len(got) != 0 {
			t.Error("after the leave", got)
		}
		w.tap(committee, plain, w.wallCode(committee)).refuses(403, "not_invited")
	})
}

// TestMinutes: what was said is for who was due and for the officers of the unit; that there was a meeting, for its members.
func TestMinutes(t *testing.T) {
	each(t, func(t *testing.T, w *world) {
		meeting := w.meeting()
		committee := w.meetingWith(object{"title": "支委会", "kind": "committee_meeting"})
		above := w.call("POST", "/activities", w.token(chief), object{"unit_id": root, "kind": "committee_meeting", "title": "总支委会",
			"starts_at": "2026-03-02T09:10:00+08:00", "ends_at": "2026-03-02T11:00:00+08:00"}).wants(201).number("id")
		w.call("POST", fmt.Sprintf("/activities/%d/minutes", meeting), w.token(secretary), object{"minutes": "早"}).refuses(409, "activity_not_started")
		w.clock.Advance(15 * time.Minute)
		long := strings.Repeat("𠮷", 20000)
		for _, id := range []int64{meeting, committee, above} {
			a := w.call("POST", fmt.Sprintf("/activities/%d/minutes", id), w.token(chief), object{"minutes": long, "resolutions": long}).wants(200)
			if a.text("minutes") != long || a.text("resolutions") != long {
				t.Error("they were not kept whole")
			}
		}
		for _, c := range []struct {
			id, member int64
			shown      bool
		}{
			{meeting, plain, true}, {meeting, secretary, true}, {meeting, chief, true}, {meeting, auditor, true},
			{committee, secretary, true}, {committee, chief, true}, {committee, plain, false}, {committee, both, false},
			{above, secretary, false}, {above, plain, false}, {above, chief, true},
		} {
			a := w.activity(c.id, c.member).wants(200)
			if a.text("title") == "" || (a.text("minutes") == long) != c.shown || (a.text("resolutions") == long) != c.shown {
				t.Errorf("%d sees at %q minutes of %d bytes", c.member, a.text("title"), len(a.text("minutes")))
			}
		}
		w.activity(committee, neighbour).refuses(404, "not_found")
		for _, item := range w.call("GET", "/activities", w.token(secretary), nil).wants(200).items() {
			if item["minutes"] != "" || item["resolutions"] != "" {
				t.Error("the list has minutes")
			}
		}
	})
}

func TestChangeAudience(t *testing.T) {
	each(t, func(t *testing.T, w *world) {
		id := w.call("POST", "/activities", w.token(chief), object{"unit_id": root, "kind": "lesson", "title": "课",
			"audience":  object{"unit_ids": []int64{branch, sibling}, "track": "party"},
			"starts_at": "2026-03-02T09:10:00+08:00", "ends_at": "2026-03-02T11:00:00+08:00"}).wants(201).number("id")
		path := fmt.Sprintf("/activities/%d", id)
		for _, c := range []struct {
			audience object
			want     string
		}{
			{object{"unit_ids": []int64{sibling}}, "map[track:party unit_ids:[11]]"},
			{object{"track": "league"}, "map[track:league unit_ids:[11]]"},
			{object{"track": ""}, "map[unit_ids:[11]]"},
			{object{"unit_ids": []int64{sibling, branch}, "track": "party"}, "map[track:party unit_ids:[10 11]]"},
		} {
			a := w.call("PATCH", path, w.token(chief), object{"audience": c.audience}).wants(200)
			if got := fmt.Sprint(a.object()["audience"]); got != c.want || fmt.Sprint(w.activity(id, chief).object()["audience"]) != c.want {
				t.Errorf("%v makes %s, not %s", c.audience, got, c.want)
			}
		}
		w.tap(id, plain, w.call("GET", path+"/check-in-code", w.token(chief), nil).wants(200).text("code")).wants(201)
		before := w.events()
		for _, change := range []object{
			{"audience": object{"unit_ids": []int64{branch}}}, {"audience": object{"track": "league"}},
			{"starts_at": "2026-03-02T09:20:00+08:00"}, {"kind": "committee_meeting"},
		} {
			w.call("PATCH", path, w.token(chief), change).refuses(409, "activity_has_check_ins")
		}
		if w.events() != before {
			t.Error("a refusal left an audit event")
		}
		w.call("PATCH", path, w.token(chief), object{"title": "新名", "kind": "film", "audience": object{"unit_ids": []int64{branch, sibling}}}).wants(200)
	})
}

// TestWritersBesideEachOther: nobody's change is lost, and none brings back what was called off.
func TestWritersBesideEachOther(t *testing.T) {
	each(t, func(t *testing.T, w *world) {
		w.clock.Advance(time.Hour)
		token := w.token(secretary)
		for round := range 4 {
			id := w.meetingWith(object{"title": fmt.Sprint("第", round, "次")})
			path := fmt.Sprintf("/activities/%d", id)
			calls := []struct {
				method, path string
				body         object
			}{
				{"PATCH", path, object{"place": "四楼"}}, {"PATCH", path, object{"credit_minutes": 60}},
				{"PATCH", path, object{"campaigns": []string{"专题"}}}, {"POST", path + "/minutes", object{"minutes": "记录", "resolutions": "决议"}},
				{"POST", path + "/upstream", object{"entered_on": "2026-03-02", "reference": "7"}}, {"PATCH", path, object{"study_modes": []string{"branch"}}},
			}
			for _, a := range together(len(calls), func(i int) *answer { return w.call(calls[i].method, calls[i].path, token, calls[i].body) }) {
				a.wants(200)
			}
			a := w.activity(id, secretary).object()
			got := fmt.Sprint(a["place"], a["credit_minutes"], a["campaigns"], a["minutes"], a["resolutions"], a["upstream"], a["study_modes"])
			if want := "四楼60 [专题] 记录 决议 map[entered_on:2026-03-02 reference:7] [branch]"; strings.ReplaceAll(got, " ", "") != strings.ReplaceAll(want, " ", "") {
				t.Errorf("%s, want %s", got, want)
			}
			// Each is right by itself, and both are not: the second has to know the first.
			for _, a := range together(8, func(i int) *answer {
				change := object{"starts_at": "2026-03-02T10:30:00+08:00"}
				if i%2 == 0 {
					change = object{"ends_at": "2026-03-02T10:00:00+08:00"}
				}
				return w.call("PATCH", path, token, change)
			}) {
				if a.Code != 200 && a.Code != 422 {
					t.Errorf("%d %s", a.Code, a.Body)
				}
			}
			for _, a := range together(8, func(i int) *answer {
				if i == 3 || i == 6 {
					return w.call("POST", path+"/cancel", token, object{"reason": "停电"})
				}
				return w.call("PATCH", path, token, object{"place": fmt.Sprint(i)})
			}) {
				if a.Code != 200 && a.Code != 409 {
					t.Errorf("%d %s", a.Code, a.Body)
				}
			}
			if state := w.activity(id, secretary).text("state"); state != "cancelled" {
				t.Errorf("the cancelled activity is %s", state)
			}
			var cancels []model.AuditEvent
			w.must(w.db.Read(t.Context()).Where("subject_id = ? AND action = ?", id, "activity.cancel").Find(&cancels).Error)
			if len(cancels) != 1 || cancels[0].Before != `{"cancelled":false,"reason_characters":0}` || cancels[0].After != `{"cancelled":true,"reason_characters":2}` {
				t.Errorf("%d cancellations in the audit: %+v", len(cancels), cancels)
			}
		}
	})
}

func TestUpstream(t *testing.T) {
	each(t, func(t *testing.T, w *world) {
		path := fmt.Sprintf("/activities/%d/upstream", w.meeting())
		entered := func(on string) object { return object{"entered_on": on, "reference": "党建〔2026〕7号"} }
		w.call("POST", path, w.token(secretary), entered("2026-03-02")).refuses(409, "activity_not_started")
		w.clock.Advance(time.Hour)
		w.call("POST", path, w.token(secretary), entered("2026-03-03")).refuses(422, "invalid_request")
		w.call("POST", path, w.token(secretary), entered("2026-03-01")).refuses(422, "invalid_request")
		w.call("POST", path, w.token(plain), entered("2026-03-02")).refuses(403, "forbidden")
		w.call("POST", path, w.token(secretary), entered("2026-03-02")).wants(200)
		before := w.events()
		if a := w.call("POST", path, w.token(secretary), entered("2026-03-02")).wants(200); fmt.Sprint(a.object()["upstream"]) != "map[entered_on:2026-03-02 reference:党建〔2026〕7号]" {
			t.Error(a.Body)
		}
		if w.events() != before {
			t.Error("the same again left an audit event")
		}
	})
}

func TestGeofence(t *testing.T) {
	each(t, func(t *testing.T, w *world) {
		w.rebuild(w.clock.Now, true)
		m := w.meetingWith(object{"geofence": object{"latitude": 23.0, "longitude": 113.0, "radius_m": 100}})
		tap := func(member int64, where object) *answer {
			where["code"] = w.wallCode(m)
			return w.call("POST", fmt.Sprintf("/activities/%d/check-ins", m), w.token(member), where)
		}
		tap(plain, object{}).refuses(422, "location_required")
		tap(plain, object{"latitude": 23.01, "longitude": 113.0, "accuracy_m": 500}).refuses(422, "outside_geofence")
		tap(plain, object{"latitude": 23.002, "longitude": 113.0, "accuracy_m": 130}).wants(201) // 222 m
		path := fmt.Sprintf("/activities/%d", m)
		if a := w.call("PATCH", path, w.token(secretary), object{"no_geofence": true}).wants(200); a.object()["geofence"] != nil {
			t.Error(a.Body)
		}
		tap(leader, object{}).wants(201)
		var event model.AuditEvent
		w.must(w.db.Read(t.Context()).Where("subject_id = ? AND action = ?", m, "activity.change").Take(&event).Error)
		if !strings.Contains(event.Before, `"geofence":{"latitude":23,"longitude":113,"radius_m":100}`) || !strings.Contains(event.After, `"geofence":null`) {
			t.Error(event.Before, event.After)
		}
	})
}

// TestListAgreesWithEachActivity: a list shows exactly what can be read one by one, and its state filter what each says.
func TestListAgreesWithEachActivity(t *testing.T) {
	each(t, func(t *testing.T, w *world) {
		random := rand.New(rand.NewPCG(11, 13))
		units := []int64{root, branch, group, sibling, leagueRoot, leagueBranch, otherRoot, otherBranch}
		now := model.At(w.clock.Now())
		moment := func() model.Instant { return now.Add(time.Duration(random.IntN(9)-4) * time.Hour) }
		var ids []int64
		for i := range 60 {
			a := model.Activity{ID: int64(9000 + i), UnitID: units[random.IntN(len(units))], Kind: "lesson", Title: fmt.Sprint(i), CreatedAt: 1}
			a.StartsAt, a.CheckInOpensAt = moment(), moment()
			a.EndsAt, a.CheckInClosesAt = max(moment(), a.StartsAt+1), max(moment(), a.CheckInOpensAt+1)
			if random.IntN(5) == 0 {
				a.CancelledAt = now
			}
			invited := []model.AudienceUnit{}
			for _, j := range random.Perm(len(units))[:1+random.IntN(2)] {
				invited = append(invited, model.AudienceUnit{ActivityID: a.ID, UnitID: units[j]})
			}
			w.must(w.db.Write(t.Context(), func(tx *gorm.DB) error {
				if err := tx.Create(&a).Error; err != nil {
					return err
				}
				return tx.Create(invited).Error
			}))
			ids = append(ids, a.ID)
		}
		tokens := map[string]string{"console": w.console()}
		for _, p := range people {
			if p.id != nobody {
				tokens[p.name] = w.token(p.id)
			}
		}
		for who, token := range tokens {
			read := map[string][]int64{}
			for _, id := range ids {
				if a := w.call("GET", fmt.Sprintf("/activities/%d", id), token, nil); a.Code == 200 {
					read[""] = append(read[""], id)
					read[a.text("state")] = append(read[a.text("state")], id)
				} else {
					a.refuses(404, "not_found")
				}
			}
			for _, state := range []string{"", "scheduled", "open", "ended", "cancelled"} {
				listed := slices.Sorted(slices.Values(w.all("/activities?limit=7&state="+state, token)))
				if !slices.Equal(listed, read[state]) {
					t.Errorf("%s is listed as %q %v, and reads %v", who, state, listed, read[state])
				}
			}
		}
	})
}
