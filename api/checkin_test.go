package api_test

import (
	"bytes"
	"fmt"
	"maps"
	"math/rand/v2"
	"net/http"
	"slices"
	"strconv"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/xuri/excelize/v2"
	"gorm.io/gorm"

	"zhibu/model"
)

// meeting has the secretary plan a meeting of the branch from 09:10 to 11:00: check-in from 08:40 to 11:00.
func (w *world) meeting() int64 { return w.meetingWith(object{}) }

func (w *world) meetingWith(more object) int64 {
	w.t.Helper()
	plan := object{
		"unit_id": branch, "kind": "general_meeting", "title": "三月党员大会", "place": "三楼会议室",
		"starts_at": "2026-03-02T09:10:00+08:00", "ends_at": "2026-03-02T11:00:00+08:00",
	}
	maps.Copy(plan, more)
	return w.call("POST", "/activities", w.token(secretary), plan).wants(201).number("id")
}

func (w *world) wallCode(activityID int64) string {
	w.t.Helper()
	return w.call("GET", fmt.Sprintf("/activities/%d/check-in-code", activityID), w.token(secretary), nil).wants(200).text("code")
}

func (w *world) tap(activityID, memberID int64, code string) *answer {
	w.t.Helper()
	return w.call("POST", fmt.Sprintf("/activities/%d/check-ins", activityID), w.token(memberID), object{"code": code})
}

func TestCheckIn(t *testing.T) {
	each(t, func(t *testing.T, w *world) {
		m := w.meeting()
		code := w.wallCode(m)
		first := w.tap(m, plain, code).wants(201)
		if first.text("state") != "present" || first.text("source") != "code" || first.text("checked_in_at") != "2026-03-02T09:00:00+08:00" {
			t.Error(first.Body)
		}
		again := w.tap(m, plain, code).wants(200)
		if again.Body.String() != first.Body.String() {
			t.Errorf("the repetition answers %s, not %s", again.Body, first.Body)
		}
		w.clock.Advance(11 * time.Minute)
		if late := w.tap(m, leader, w.wallCode(m)).wants(201); late.text("state") != "late" {
			t.Error(late.Body)
		}
	})
}

func TestCheckInIsRefused(t *testing.T) {
	each(t, func(t *testing.T, w *world) {
		m := w.meeting()
		code, other := w.wallCode(m), w.wallCode(w.meetingWith(object{"title": "另一个会"}))
		w.token(plain)
		w.token(colleague)
		w.console()
		before := w.events()
		w.tap(m, colleague, code).refuses(403, "not_invited")
		w.tap(m, plain, "NONSENSE").refuses(422, "check_in_code_invalid")
		w.tap(m, plain, other).refuses(422, "check_in_code_invalid")
		w.tap(9999, plain, code).refuses(404, "not_found")
		w.call("POST", fmt.Sprintf("/activities/%d/check-ins", m), w.console(), object{"code": code}).refuses(403, "forbidden")
		w.call("POST", fmt.Sprintf("/activities/%d/check-ins", m), w.token(plain), object{"code": code, "x": 1}).refuses(422, "invalid_request")
		if w.events() != before {
			t.Errorf("a refusal left %d audit events", w.events()-before)
		}
	})
}

func TestCodeCountsForItsOwnAndTheNextSlot(t *testing.T) {
	each(t, func(t *testing.T, w *world) {
		m := w.meeting()
		code := w.wallCode(m)
		w.clock.Advance(39*time.Second + 999*time.Millisecond)
		w.tap(m, plain, code).wants(201)
		w.clock.Advance(time.Millisecond)
		w.tap(m, leader, code).refuses(422, "check_in_code_expired")
		w.tap(m, plain, code).wants(200) // a retry of what was recorded
	})
}

func TestCloseIsDecidedToTheMillisecond(t *testing.T) {
	each(t, func(t *testing.T, w *world) {
		m := w.meeting()
		w.clock.Set(time.Date(2026, 3, 2, 8, 39, 59, 999e6, model.Shanghai))
		w.tap(m, plain, w.wallCode(m)).refuses(409, "check_in_not_open")
		w.clock.Set(time.Date(2026, 3, 2, 10, 59, 59, 999e6, model.Shanghai))
		code := w.wallCode(m)
		w.tap(m, plain, code).wants(201)
		w.clock.Advance(time.Millisecond)
		w.tap(m, leader, code).refuses(409, "check_in_closed")
		w.call("GET", fmt.Sprintf("/activities/%d/check-in-code", m), w.token(secretary), nil).refuses(409, "check_in_closed")
	})
}

func TestCancelledActivityTakesNobody(t *testing.T) {
	each(t, func(t *testing.T, w *world) {
		m := w.meeting()
		code := w.wallCode(m)
		w.call("POST", fmt.Sprintf("/activities/%d/cancel", m), w.token(secretary), object{"reason": "领导出差"}).wants(200)
		w.tap(m, plain, code).refuses(409, "activity_cancelled")
		w.call("PATCH", fmt.Sprintf("/activities/%d", m), w.token(secretary), object{"title": "改"}).refuses(409, "activity_cancelled")
	})
}

func TestTwentyTapsAtOnceMakeOneRow(t *testing.T) {
	each(t, func(t *testing.T, w *world) {
		m := w.meeting()
		code, token := w.wallCode(m), w.token(plain)
		w.rebuild(w.tick, false) // every tap stands for another moment
		answers := together(20, func(i int) *answer {
			return w.call("POST", fmt.Sprintf("/activities/%d/check-ins", m), token, object{"code": code, "nonce": strconv.Itoa(i)})
		})
		statuses := map[int]int{}
		for _, a := range answers {
			statuses[a.Code]++
			if a.Body.String() != answers[0].Body.String() {
				t.Errorf("%s differs from %s", a.Body, answers[0].Body)
			}
		}
		if statuses[201] != 1 || statuses[200] != 19 {
			t.Error(statuses)
		}
		var rows int64
		w.must(w.db.Read(t.Context()).Model(&model.CheckIn{}).Count(&rows).Error)
		if rows != 1 {
			t.Errorf("%d rows", rows)
		}
	})
}

// TestLiveTapMovesNoScan: only a scan made without a network may come before one that is recorded already.
func TestLiveTapMovesNoScan(t *testing.T) {
	each(t, func(t *testing.T, w *world) {
		m := w.meeting()
		code := w.wallCode(m)
		w.clock.Advance(5 * time.Second)
		first := w.tap(m, plain, code).wants(201)
		w.clock.Advance(-time.Second) // another instance, whose clock is behind
		if again := w.tap(m, plain, code).wants(200); again.Body.String() != first.Body.String() {
			t.Errorf("the repetition answers %s, not %s", again.Body, first.Body)
		}
		scan := object{"activity_id": m, "code": code, "nonce": "a", "scanned_at": w.clock.Now().Format(time.RFC3339)}
		item := w.call("POST", "/me/check-ins/batch", w.token(plain), object{"items": []object{scan}}).wants(200).items()[0]
		if item["outcome"] != "existing" || item["check_in"].(object)["checked_in_at"] != "2026-03-02T09:00:04+08:00" {
			t.Errorf("the earlier scan does not count: %v", item)
		}
	})
}

// TestDeskBesidePhone has officers enter what they see while the member taps: every call is answered, one row is left, and
// each change was made by somebody who knew the state before.
func TestDeskBesidePhone(t *testing.T) {
	each(t, func(t *testing.T, w *world) {
		w.rebuild(w.tick, false)
		desk, phone := w.token(secretary), w.token(plain)
		for round := range 4 {
			m := w.meetingWith(object{"title": fmt.Sprint("第", round, "次")})
			code := w.wallCode(m)
			states := []string{"absent", "leave", "present"}
			for _, a := range together(20, func(i int) *answer {
				if i%2 == 0 {
					return w.call("POST", fmt.Sprintf("/activities/%d/check-ins", m), phone, object{"code": code, "nonce": strconv.Itoa(i)})
				}
				return w.call("POST", fmt.Sprintf("/activities/%d/attendance", m), desk, object{"entries": []object{
					{"member_id": plain, "state": states[i%3], "source": "proxy", "reason": strings.Repeat("一", i)},
				}})
			}) {
				if a.Code >= 300 {
					t.Errorf("%s: %d %s", a.request, a.Code, a.Body)
				}
			}
			var rows []model.CheckIn
			w.must(w.db.Read(t.Context()).Where("activity_id = ?", m).Find(&rows).Error)
			if len(rows) != 1 {
				t.Fatalf("%d rows", len(rows))
			}
			var events []model.AuditEvent
			w.must(w.db.Read(t.Context()).Where("subject_id = ?", rows[0].ID).Find(&events).Error)
			left := map[string]int{}
			for _, e := range events {
				left[e.After]++
				left[e.Before]--
			}
			maps.DeleteFunc(left, func(_ string, n int) bool { return n == 0 })
			for state, n := range left {
				first, last := state == "" && n == -1, strings.Contains(state, fmt.Sprintf(`"state":%q`, rows[0].State)) && n == 1
				if !first && !last {
					t.Errorf("%d of %s: a change was made by somebody who did not see it, or overwrote it unseen", n, state)
				}
			}
		}
	})
}

// TestTapsAtTwoInstancesMakeOneRow lets members tap at two instances on one database at once, each at both.
func TestTapsAtTwoInstancesMakeOneRow(t *testing.T) {
	each(t, func(t *testing.T, w *world) {
		other := *w
		other.start()
		m := w.meeting()
		code := w.wallCode(m)
		members := []int64{secretary, plain, leader, chief, auditor, both}
		for _, id := range members {
			w.token(id)
		}
		answers := make([][]*answer, len(members))
		var wg sync.WaitGroup
		for i, id := range members {
			token := w.token(id)
			answers[i] = make([]*answer, 8)
			for j := range answers[i] {
				instance := []*world{w, &other}[j%2]
				wg.Go(func() {
					answers[i][j] = instance.call("POST", fmt.Sprintf("/activities/%d/check-ins", m), token, object{"code": code})
				})
			}
		}
		wg.Wait()
		for i := range members {
			statuses := map[int]int{}
			for _, a := range answers[i] {
				statuses[a.Code]++
				if a.Body.String() != answers[i][0].Body.String() {
					t.Errorf("%s differs from %s", a.Body, answers[i][0].Body)
				}
			}
			if statuses[201] != 1 || statuses[200] != 7 {
				t.Error(statuses)
			}
		}
	})
}

// TestOfflineScansInAnyOrder sends the same scans in random order, with repetitions, in random batches, and wants the
// same rows in the end.
func TestOfflineScansInAnyOrder(t *testing.T) {
	each(t, func(t *testing.T, w *world) {
		meetings := []int64{w.meeting(), w.meetingWith(object{"title": "二"}), w.meetingWith(object{"title": "三", "check_in_closes_at": "2026-03-02T09:05:00+08:00"})}
		var scans []object
		for i := range 12 {
			for _, m := range meetings {
				scans = append(scans, object{
					"activity_id": m, "code": w.wallCode(m), "nonce": fmt.Sprintf("n%d-%d", i, m),
					"scanned_at": w.clock.Now().Add(time.Duration(i) * time.Second).Format(time.RFC3339),
				})
			}
			w.clock.Advance(23 * time.Second)
		}
		scans = append(scans, object{"activity_id": meetings[0], "code": "FORGED-AAAA", "nonce": "forged", "scanned_at": "2026-03-02T09:00:00+08:00"})
		w.clock.Advance(5 * time.Hour)
		var want string
		for round := range 12 {
			random := rand.New(rand.NewPCG(7, uint64(round)))
			todo := slices.Concat(scans, scans[:random.IntN(len(scans))])
			random.Shuffle(len(todo), func(i, j int) { todo[i], todo[j] = todo[j], todo[i] })
			for len(todo) > 0 {
				n := 1 + random.IntN(len(todo))
				items := w.call("POST", "/me/check-ins/batch", w.token(plain), object{"items": todo[:n]}).wants(200).items()
				if len(items) != n {
					t.Fatalf("%d outcomes of %d scans", len(items), n)
				}
				todo = todo[n:]
			}
			if got := w.rows(); want == "" {
				want = got
			} else if got != want {
				t.Fatalf("round %d leaves\n%s\nnot\n%s", round, got, want)
			}
			w.must(w.db.Write(t.Context(), func(tx *gorm.DB) error { return tx.Where("1 = 1").Delete(&model.CheckIn{}).Error }))
		}
	})
}

// rows prints what is recorded, without ids and arrival times.
func (w *world) rows() string {
	w.t.Helper()
	var rows []model.CheckIn
	w.must(w.db.Read(w.t.Context()).Order("activity_id, member_id").Find(&rows).Error)
	var b bytes.Buffer
	for _, r := range rows {
		fmt.Fprintln(&b, r.ActivityID, r.MemberID, r.State, r.Source, r.CheckedInAt.Time(), r.Nonce)
	}
	return b.String()
}

func TestOfflineScanAfterTheClose(t *testing.T) {
	each(t, func(t *testing.T, w *world) {
		m := w.meeting()
		scan := object{"activity_id": m, "code": w.wallCode(m), "nonce": "a", "scanned_at": "2001-01-01T00:00:00Z"}
		w.clock.Set(time.Date(2026, 3, 3, 10, 59, 59, 0, model.Shanghai))
		item := w.call("POST", "/me/check-ins/batch", w.token(plain), object{"items": []object{scan}}).wants(200).items()[0]
		if item["outcome"] != "created" || item["check_in"].(object)["checked_in_at"] != "2026-03-02T09:00:00+08:00" {
			t.Errorf("the phone's clock was believed: %v", item)
		}
		w.clock.Set(time.Date(2026, 3, 3, 11, 0, 0, 0, model.Shanghai))
		item = w.call("POST", "/me/check-ins/batch", w.token(leader), object{"items": []object{scan}}).wants(200).items()[0]
		if item["outcome"] != "refused" || item["code"] != "check_in_closed" {
			t.Error(item)
		}
	})
}

func TestRecordAtTheDesk(t *testing.T) {
	each(t, func(t *testing.T, w *world) {
		m := w.meeting()
		path := fmt.Sprintf("/activities/%d/attendance", m)
		entry := func(member int64, state, source, reason string) object {
			return object{"entries": []object{{"member_id": member, "state": state, "source": source, "reason": reason}}}
		}
		w.call("POST", path, w.token(secretary), entry(secretary, "present", "roll_call", "")).refuses(403, "own_record")
		w.call("POST", path, w.token(plain), entry(leader, "present", "roll_call", "")).refuses(403, "forbidden")
		w.call("POST", path, w.token(neighbour), entry(leader, "present", "roll_call", "")).refuses(404, "not_found")
		w.call("POST", path, w.token(secretary), entry(colleague, "present", "roll_call", "")).refuses(422, "invalid_request")
		w.call("POST", path, w.token(secretary), entry(plain, "present", "proxy", "")).refuses(422, "invalid_request")
		w.call("POST", path, w.token(leader), entry(plain, "present", "roll_call", "")).refuses(422, "invalid_request")

		counts := w.call("POST", path, w.token(secretary), entry(nobody, "present", "home_visit", "腿脚不便，李四见证")).wants(200)
		if counts.number("due") != 7 || counts.number("present") != 1 || counts.number("absent") != 6 {
			t.Error(counts.Body)
		}
		before := w.events()
		w.call("POST", path, w.token(secretary), entry(nobody, "present", "home_visit", "腿脚不便，李四见证")).wants(200)
		if w.events() != before {
			t.Error("the same entry again left an audit event")
		}
		w.call("POST", path, w.token(secretary), entry(plain, "absent", "roll_call", "")).wants(200)
		w.call("POST", path, w.token(secretary), entry(leader, "leave", "roll_call", "")).wants(200)
		for _, raw := range w.call("GET", path, w.token(secretary), nil).wants(200).object()["members"].([]any) {
			if m := raw.(object); (m["state"] == "present") != (m["checked_in_at"] != nil) {
				t.Errorf("when was he there? %v", m)
			}
		}
		var quoted int64
		w.must(w.db.Read(t.Context()).Model(&model.AuditEvent{}).Where("state_after LIKE ?", "%李四%").Count(&quoted).Error)
		if quoted != 0 {
			t.Error("the reason is in the audit")
		}
		w.clock.Advance(time.Second)
		if a := w.tap(m, plain, w.wallCode(m)).wants(200); a.text("state") != "present" {
			t.Errorf("whoever came after the roll call is not present: %s", a.Body)
		}
	})
}

func TestDeskCloses(t *testing.T) {
	each(t, func(t *testing.T, w *world) {
		m := w.meeting()
		path := fmt.Sprintf("/activities/%d/attendance", m)
		present := object{"entries": []object{{"member_id": plain, "state": "present", "source": "roll_call"}}}
		end := time.Date(2026, 3, 2, 11, 0, 0, 0, model.Shanghai).AddDate(0, 0, 30)
		w.clock.Set(end.Add(-time.Millisecond))
		w.call("POST", path, w.token(secretary), present).wants(200)
		w.clock.Set(end)
		present["entries"].([]object)[0]["state"] = "late"
		w.call("POST", path, w.token(secretary), present).refuses(409, "attendance_closed")
		w.call("POST", path, w.token(chief), present).wants(200)
	})
}

// TestAttendanceSheetSaysTheSame opens the workbook and compares it with the API, cell by cell.
func TestAttendanceSheetSaysTheSame(t *testing.T) {
	each(t, func(t *testing.T, w *world) {
		m := w.meetingWith(object{"title": "=1+1 会议"})
		w.tap(m, plain, w.wallCode(m)).wants(201)
		w.clock.Advance(15 * time.Minute)
		w.tap(m, leader, w.wallCode(m)).wants(201)
		path := fmt.Sprintf("/activities/%d/attendance", m)
		a := w.call("GET", path, w.token(secretary), nil).wants(200).object()
		sheet := w.call("GET", path+".xlsx", w.token(secretary), nil).wants(200)
		f, err := excelize.OpenReader(sheet.Body)
		w.must(err)
		defer f.Close()
		rows, err := f.GetRows("签到表")
		w.must(err)
		if got, want := rows[0][0], "'=1+1 会议 签到表"; got != want {
			t.Errorf("title %q, want %q", got, want)
		}
		want := fmt.Sprintf("应到 %v 人，实到 %v 人（其中迟到 %v 人），请假 %v 人，缺席 %v 人", a["due"], a["present"].(float64)+a["late"].(float64), a["late"], a["leave"], a["absent"])
		if rows[3][0] != want {
			t.Errorf("%q, want %q", rows[3][0], want)
		}
		if got, want := rows[4][0], "导出人：书甲    导出时间：2026-03-02 09:15:00"; got != want {
			t.Errorf("%q, want %q", got, want)
		}
		members := a["members"].([]any)
		if len(rows) != 6+len(members) {
			t.Fatalf("%d rows for %d members", len(rows)-6, len(members))
		}
		states := map[string]string{"present": "实到", "late": "迟到", "leave": "请假", "absent": "缺席"}
		for i, raw := range members {
			m, row := raw.(object), rows[6+i]
			if row[1] != m["name"] || !strings.HasSuffix(row[2], m["unit_name"].(string)) || row[3] != states[m["state"].(string)] {
				t.Errorf("row %v for %v", row, m)
			}
		}
		w.call("GET", path+".xlsx", w.token(plain), nil).refuses(http.StatusForbidden, "forbidden")
		w.call("GET", path+".xlsx", w.token(neighbour), nil).refuses(http.StatusNotFound, "not_found")
	})
}

// TestSheetOfAPart: who sees only some of the units invited is told so on the sheet.
func TestSheetOfAPart(t *testing.T) {
	each(t, func(t *testing.T, w *world) {
		m := w.call("POST", "/activities", w.token(chief), object{
			"unit_id": root, "kind": "lesson", "title": "党课", "audience": object{"unit_ids": []int64{branch, sibling}, "track": "party"},
			"starts_at": "2026-03-02T09:10:00+08:00", "ends_at": "2026-03-02T11:00:00+08:00",
		}).wants(201).number("id")
		for member, want := range map[int64]bool{secretary: true, chief: false} {
			f, err := excelize.OpenReader(w.call("GET", fmt.Sprintf("/activities/%d/attendance.xlsx", m), w.token(member), nil).wants(200).Body)
			w.must(err)
			defer f.Close()
			line, err := f.GetCellValue("签到表", "A6")
			w.must(err)
			if got := line == "仅含本单位应到人员"; got != want {
				t.Errorf("%d: %q", member, line)
			}
		}
	})
}
