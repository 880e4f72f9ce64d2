package period_test

import (
	"context"
	"errors"
	"maps"
	"slices"
	"testing"

	"github.com/google/go-cmp/cmp"
	"gorm.io/gorm"
	"pgregory.net/rapid"

	"zhibu/model"
	"zhibu/model/modeltest"
	"zhibu/service/period"
)

// TestHistories runs random histories of a roster, a tree and a period, and asks all along for the rates of every unit,
// for who is missing and for every version, of an oracle that counts by going through everybody. What happens after the
// last close changes nothing that was frozen.
func TestHistories(t *testing.T) {
	t.Run("sqlite", func(t *testing.T) {
		share := 1
		if race {
			share = 10
		}
		checkHistories(t, databases(t, modeltest.SQLite, 25), share)
	})
	t.Run("mariadb", func(t *testing.T) { checkHistories(t, databases(t, modeltest.MariaDB, 1000), 10) })
}

func checkHistories(t *testing.T, database func() *model.DB, share int) {
	keys, seen := modeltest.Keyring(t), map[string]int{}
	modeltest.Check(t, 1000/share, func(rt *rapid.T) {
		h := newHistory(rt, database(), keys, seen)
		defer h.leave()
		for range rapid.IntRange(4, 16).Draw(rt, "steps") {
			h.step(rt)
			if rapid.IntRange(0, 3).Draw(rt, "look") == 0 {
				h.compare(rt)
			}
		}
		h.finish()
		h.compare(rt)
		if rapid.Bool().Draw(rt, "corrected") {
			h.reopen(rt)
			for range rapid.IntRange(1, 4).Draw(rt, "corrections") {
				h.step(rt)
				h.compareRates(rt)
			}
			h.finish()
			h.compare(rt)
		}
		before := h.keepsake(rt)
		for range rapid.IntRange(1, 6).Draw(rt, "steps after the close") {
			h.aftermath(rt)
		}
		if diff := cmp.Diff(before, h.keepsake(rt)); diff != "" {
			rt.Fatalf("what was frozen changed: %s", diff)
		}
	})
	for _, name := range slices.Concat(steps, afterwards) {
		if share == 1 && seen[name] == 0 && !testing.Short() {
			t.Errorf("it never happened: %s", name)
		}
	}
}

// leave ends what would concern the next history in the same database.
func (h *history) leave() {
	h.write(func(tx *gorm.DB) error {
		err := tx.Model(&model.StudyPeriod{}).Where("closed_at = 0").Update("cancelled_at", 1).Error
		return errors.Join(err, tx.Where("1 = 1").Delete(&model.RosterMark{}).Error)
	})
}

// steps are what may happen, afterwards what may happen to a period that is closed for good.
var (
	steps = []string{
		"complete", "record", "withdraw", "exempt", "no longer exempt", "check in",
		"transfer", "end", "take back", "suspend", "join", "join again", "birth date", "appoint", "dismiss",
		"rename", "move unit", "found", "close unit", "clock", "tend", "close overdue", "close", "reopen", "change",
	}
	often      = []string{"complete", "complete", "complete", "record", "exempt", "exempt", "check in", "check in", "transfer", "clock", "clock", "reopen"}
	afterwards = []string{
		"complete", "transfer", "end", "suspend", "join", "birth date", "appoint", "dismiss", "rename", "move unit", "found",
		"clock", "tend", "close overdue", "erase", "delete", "delete exemption",
	}
)

func (h *history) step(t *rapid.T) {
	h.do(t, rapid.SampledFrom(append(steps, often...)).Draw(t, "step"), 0)
}

// aftermath is what happens to a period that is closed for good, dated tomorrow or later.
func (h *history) aftermath(t *rapid.T) {
	h.do(t, rapid.SampledFrom(afterwards).Draw(t, "afterwards"), h.day(h.now())+1)
}

func (h *history) do(t *rapid.T, name string, notBefore int) {
	ctx := context.Background()
	dated := map[string]func(*rapid.T, int){
		"transfer": h.transfer, "end": h.end, "suspend": h.suspend, "join": h.join, "join again": h.join, "appoint": h.appoint, "dismiss": h.dismiss,
	}
	undated := map[string]func(*rapid.T){
		"complete": h.complete, "record": h.record, "withdraw": h.withdraw, "exempt": h.exempted, "no longer exempt": h.exempted,
		"check in": h.checkIn, "take back": h.takeBack, "birth date": h.correctBirth, "rename": h.rename, "move unit": h.moveUnit,
		"found": h.found, "close unit": h.closeUnit, "clock": h.wait, "close": h.close, "reopen": h.reopen, "change": h.change,
		"erase": h.erase, "delete": h.deleteByHand, "delete exemption": h.deleteByHand,
	}
	switch {
	case dated[name] != nil:
		dated[name](t, notBefore)
	case undated[name] != nil:
		undated[name](t)
	case name == "tend":
		h.apply(name, h.one(t).Tend(ctx), func() {})
	case name == "close overdue":
		h.apply(name, h.one(t).CloseOverdue(ctx), h.look)
	default:
		t.Fatalf("nobody knows how to %s", name)
	}
}

// one of the two instances.
func (h *history) one(t *rapid.T) *period.Service {
	return h.s[rapid.IntRange(0, 1).Draw(t, "instance")]
}

// look is what every look at the period does first.
func (h *history) look() {
	if h.overdue(h.now()) {
		h.freeze(h.now())
	}
}

// wait moves the clock: a little, across the next midnight, to the edges of the window, or for days.
func (h *history) wait(t *rapid.T) {
	now := h.now()
	midnight := h.date(h.day(now) + 1).Start()
	to := rapid.SampledFrom([]model.Instant{
		now + 1, now + 1, now + 40_000, now + 5*3_600_000, h.opens, h.closes - 1, h.closes, h.closes + 1, midnight - 1, midnight,
		midnight + 29_999, midnight + 30_000, now + 2*86_400_000, now + 7*86_400_000,
	}).Draw(t, "until")
	if to > now && h.day(to) < span-2 && (h.before == 0 || to < h.before) {
		h.clock.Set(to.Time())
		h.seen["clock"]++
	}
}

// complete is a member's own completion.
func (h *history) complete(t *rapid.T) {
	i, now := h.anybody(t), h.now()
	if h.people[i].id == 0 {
		return
	}
	if now >= h.closes && !h.frozen() {
		h.attend(now) // nobody who attended in time is told that he is late
	}
	where, was, want := h.invitee(i, now), h.records[i], ""
	is, created := was, false
	switch {
	case where == "":
		want = "not_invited"
	case was.at != 0:
	case now < h.opens:
		want = "study_period_not_open"
	default:
		is, created = record{model.BySelf, max(now, h.closedAt)}, true
		h.records[i] = is
		h.seen["complete"]++
	}
	for _, id := range h.ids() {
		got, isNew, err := h.one(t).Complete(context.Background(), member(h.people[i].id), id, nil)
		if id == h.twin && now >= h.closes && is.source == model.ByAttendance {
			continue // his attendance is taken with the close; until then the twin knows him as late
		}
		if code(err) != want || err == nil && (isNew != created || got.CompletedAt != is.at || got.Source != is.source || got.Late != (is.at >= h.cutoff())) {
			t.Fatalf("person %d in %q completes: created %v, %+v, %v; want %q, created %v, %+v, late %v",
				i, where, isNew, got, err, want, created, is, is.at >= h.cutoff())
		}
	}
}

// ids are the period and its twin.
func (h *history) ids() []int64 {
	if h.twin == 0 {
		return []int64{h.id}
	}
	return []int64{h.id, h.twin}
}

// desk is an officer, and those of the people he may record for; empty when there are others among them.
func (h *history) desk(t *rapid.T) (actor model.Actor, above string, people []int, memberIDs []int64) {
	actor = chief()
	if name := rapid.SampledFrom([]string{"", "", "机关党委", "团总支", "一支部"}).Draw(t, "officer of"); name != "" {
		actor, above = officer(h.nodes[name].id, h.path(name)), name
	}
	for range rapid.IntRange(1, 2).Draw(t, "people") {
		if i := h.anybody(t); h.people[i].id != 0 && !slices.Contains(people, i) {
			people, memberIDs = append(people, i), append(memberIDs, h.people[i].id)
		}
	}
	return actor, above, people, memberIDs
}

// refusal is why an officer of the unit may not record of the people now; empty when he may. He looks at the period first.
func (h *history) refusal(above string, people []int) string {
	h.look()
	now := h.now()
	switch {
	case !h.shown(above):
		return "not_found"
	case !h.taking(now) && now < h.opens:
		return "study_period_not_open"
	case !h.taking(now):
		return "study_period_closed"
	}
	for _, i := range people {
		where := h.invitee(i, now)
		if where == "" || above != "" && !h.under(where, above) {
			return "invalid_request"
		}
	}
	return ""
}

// shown says whether an officer of the unit is shown the period.
func (h *history) shown(above string) bool {
	return above == "" || h.under(h.holder, above) || slices.ContainsFunc(h.audience, func(a string) bool {
		return h.under(a, above) || h.under(above, a)
	})
}

// record is an officer's record for somebody, now or for a moment before.
func (h *history) record(t *rapid.T) {
	actor, above, people, ids := h.desk(t)
	now := h.now()
	at := rapid.SampledFrom([]model.Instant{0, 0, now, now - 1, now + 1, h.opens, h.opens - 1, h.closes - 1, h.closes}).Draw(t, "completed at")
	if len(people) == 0 {
		return
	}
	want := h.refusal(above, people)
	when := at
	if at == 0 {
		when = now
	}
	if want == "" && (when > now || when < h.opens || when >= h.closes) {
		want = "invalid_request"
	}
	var effects period.Effects
	for _, i := range people {
		was, there := h.records[i]
		switch {
		case want != "":
			continue
		case !there:
			effects.Created++
		case was.at >= h.cutoff():
			effects.Updated++
		default:
			effects.Unchanged++
			continue
		}
		h.records[i] = record{model.ByOfficer, when}
		h.seen["record"]++
	}
	for _, id := range h.ids() {
		got, err := h.one(t).Record(context.Background(), actor, id, period.Batch{MemberIDs: ids, Source: model.ByOfficer, Reason: "现场", CompletedAt: at})
		if code(err) != want || err == nil && got != effects {
			t.Fatalf("recording of %v at %d: %+v, %v; want %+v, %q", people, at, got, err, effects, want)
		}
	}
}

func (h *history) withdraw(t *rapid.T) {
	actor, above, people, ids := h.desk(t)
	if len(people) == 0 {
		return
	}
	want, gone := h.refusal(above, people), 0
	for _, i := range people {
		if _, there := h.records[i]; want == "" && there {
			gone++
			delete(h.records, i)
			h.seen["withdraw"]++
		}
	}
	for _, id := range h.ids() {
		if got, err := h.one(t).Withdraw(context.Background(), actor, id, ids, "填错"); code(err) != want || got != gone {
			t.Fatalf("withdrawing of %v: %d, %v; want %d, %q", people, got, err, gone, want)
		}
	}
}

// exempted releases somebody, or takes that back.
func (h *history) exempted(t *rapid.T) {
	actor, above, people, ids := h.desk(t)
	release := rapid.IntRange(0, 2).Draw(t, "release") > 0
	if !release && len(h.exempt) > 0 {
		people = []int{rapid.SampledFrom(slices.Sorted(maps.Keys(h.exempt))).Draw(t, "released")}
		ids = []int64{h.people[people[0]].id}
	}
	if len(people) == 0 {
		return
	}
	want, i := h.refusal(above, people[:1]), people[0]
	was := h.exempt[i]
	switch {
	case want == "" && !release && !was:
		want = "not_found"
	case want == "" && release:
		h.exempt[i] = true
		h.seen["exempt"]++
	case want == "":
		delete(h.exempt, i)
		h.seen["no longer exempt"]++
	}
	for _, id := range h.ids() {
		var err error
		created := false
		if release {
			_, created, err = h.one(t).Exempt(context.Background(), actor, model.Exemption{PeriodID: id, MemberID: ids[0], ReasonCategory: "sick"})
		} else {
			err = h.one(t).WithdrawExemption(context.Background(), actor, id, ids[0])
		}
		if code(err) != want || created != (want == "" && release && !was) {
			t.Fatalf("exempt %v of person %d: created %v, %v; want %q", release, i, created, err, want)
		}
	}
}

// close closes by hand.
func (h *history) close(t *rapid.T) {
	h.look()
	want := ""
	if now := h.now(); !h.frozen() && now < h.opens {
		want = "study_period_not_open"
	} else if !h.frozen() {
		h.freeze(now)
		h.seen["close"]++
	}
	p, err := h.one(t).Close(context.Background(), chief(), h.id)
	if code(err) != want || err == nil && (p.Version != len(h.versions) || p.ClosedAt != h.closedAt) {
		t.Fatalf("closing: version %d at %d, %v; want version %d at %d, %q", p.Version, p.ClosedAt, err, len(h.versions), h.closedAt, want)
	}
}

func (h *history) reopen(t *rapid.T) {
	h.look()
	want, actor := "", chief()
	if rapid.IntRange(0, 5).Draw(t, "by its own officer") == 0 {
		actor, want = officer(h.nodes[h.holder].id, h.path(h.holder)), "forbidden"
	} else if !h.frozen() {
		want = "study_period_not_closed"
	} else {
		h.closedAt, h.reopenedAt = 0, h.now()
		h.seen["reopen"]++
	}
	if _, err := h.one(t).Reopen(context.Background(), actor, h.id, "漏录"); code(err) != want {
		t.Fatalf("reopening: %v; want %q", err, want)
	}
}

// change moves the end.
func (h *history) change(t *rapid.T) {
	h.look()
	now := h.now()
	to := rapid.SampledFrom([]model.Instant{now, now + 1, h.closes + 3_600_000}).Draw(t, "closes")
	want := ""
	switch {
	case h.frozen() || now >= h.closes:
		want = "study_period_closed"
	case to <= now || to <= h.opens:
		want = "invalid_request"
	default:
		h.closes = to
		h.seen["change"]++
	}
	if _, err := h.one(t).Change(context.Background(), chief(), h.id, period.Change{ClosesAt: &to}); code(err) != want {
		t.Fatalf("moving the end to %d: %v; want %q", to, err, want)
	}
}

// finish closes the period for good.
func (h *history) finish() {
	if !h.frozen() && h.now() < h.closes {
		h.clock.Set(h.closes.Time())
	}
	h.look()
	h.must(h.s[0].CloseOverdue(context.Background()))
	if !h.frozen() {
		h.freeze(h.now())
		_, err := h.s[1].Close(context.Background(), chief(), h.id)
		h.must(err)
	}
}

// erase blanks somebody's personal fields, as on his request.
func (h *history) erase(t *rapid.T) {
	p := h.people[h.anybody(t)]
	h.write(func(tx *gorm.DB) error {
		err := tx.Model(&model.Member{}).Where("id = ?", p.id).Updates(map[string]any{"name": "", "name_key": "", "birth_date": "", "erased_at": h.now()}).Error
		return errors.Join(err, model.MarkMembers(tx, p.id))
	})
	h.seen["erase"]++
	p.born = ""
}

// deleteByHand takes records away behind the back of the service.
func (h *history) deleteByHand(t *rapid.T) {
	i := h.anybody(t)
	h.write(func(tx *gorm.DB) error {
		err := tx.Where("period_id = ? AND member_id = ?", h.id, h.people[i].id).Delete(&model.Completion{}).Error
		return errors.Join(err, tx.Where("period_id = ? AND member_id = ?", h.id, h.people[i].id).Delete(&model.Exemption{}).Error)
	})
	h.seen["delete"]++
	h.seen["delete exemption"]++
	delete(h.records, i)
	delete(h.exempt, i)
}
