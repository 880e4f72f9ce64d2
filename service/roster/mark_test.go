package roster_test

import (
	"context"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"gorm.io/gorm"

	"zhibu/model"
	"zhibu/model/modeltest"
	"zhibu/office"
	"zhibu/service/roster"
)

// marked names the units marked since it was last asked, in order.
func (w *world) marked() (names []string) {
	w.t.Helper()
	var ids []int64
	w.must(w.write(func(tx *gorm.DB) error {
		if err := tx.Model(&model.RosterMark{}).Distinct("unit_id").Pluck("unit_id", &ids).Error; err != nil {
			return err
		}
		return tx.Where("1 = 1").Delete(&model.RosterMark{}).Error
	}))
	for _, id := range ids {
		var u model.Unit
		w.must(w.read().Take(&u, id).Error)
		names = append(names, u.Name)
	}
	slices.Sort(names)
	return names
}

// deed is something done on the way, and the units it marks. With a refusal it is refused and marks none.
type deed struct {
	name, want string
	do         func() error
	refusal    string
}

func (w *world) checkMarks(deeds []deed) {
	w.t.Helper()
	for _, d := range deeds {
		w.marked()
		w.clock.Advance(time.Second) // no two alike in one millisecond
		err := d.do()
		switch e := model.AsError(err); {
		case d.refusal == "" && err != nil, d.refusal != "" && (e == nil || e.Code != d.refusal):
			w.t.Fatalf("%s: %v", d.name, err)
		}
		if diff := cmp.Diff(slices.Sorted(slices.Values(strings.Fields(d.want))), w.marked()); diff != "" {
			w.t.Errorf("%s marks otherwise: %s", d.name, diff)
		}
	}
}

const (
	first, second, one, two, league = "第一党支部", "第二党支部", "第一党小组", "第二党小组", "机关团支部"
	both                            = league + " " + one
)

// TestMarks does everything that changes the roster, and asks which units are to be counted anew.
func TestMarks(t *testing.T) {
	modeltest.Each(t, func(t *testing.T, db *model.DB) {
		w := newWorld(t, db)
		ctx := context.Background()
		general, zhang := officer(w.general, model.Secretary), roster.Person{Name: "张三", Phone: "13800000001"}
		var id int64
		create := func(u model.Unit, p roster.Person, j roster.Joining) func() error {
			return func() error {
				made, err := w.s.Create(ctx, officer(u, model.Secretary), u.ID, p, j)
				if err == nil {
					id = made.ID
				}
				return err
			}
		}
		change := func(c roster.Change) func() error {
			return func() error { _, err := w.s.Change(ctx, general, id, c); return err }
		}
		became := func(c roster.MembershipChange) func() error {
			c.Track = model.Party
			return change(roster.Change{Membership: &c})
		}
		born := zhang
		born.BirthDate = "1990-01-01"
		w.checkMarks([]deed{
			{name: "create", want: one, do: create(w.a1, zhang, roster.Joining{StartedOn: "2020-01-01"})},
			{name: "create again", do: create(w.a1, zhang, roster.Joining{}), refusal: "member_exists"},
			{name: "a second membership", want: league, do: create(w.league, zhang, roster.Joining{StartedOn: "2020-01-01"})},
			{name: "a job", do: change(roster.Change{JobTitle: ptr("科员")})},
			{name: "a birth date", want: both, do: change(roster.Change{BirthDate: ptr(model.Date("1991-01-01"))})},
			{name: "no birth date", want: both, do: change(roster.Change{BirthDate: ptr(model.Date(""))})},
			{name: "suspended", want: one, do: became(roster.MembershipChange{State: ptr(model.Suspended)})},
			{name: "corrected", want: one, do: became(roster.MembershipChange{State: ptr(model.Active)})},
			{name: "the same", do: became(roster.MembershipChange{State: ptr(model.Active)})},
			{name: "no such day", refusal: "before_episode",
				do: became(roster.MembershipChange{Kind: ptr(model.Probationary), EffectiveOn: "2019-01-01"})},
			{name: "a birth date and what is refused", refusal: "invalid_request", do: change(roster.Change{
				BirthDate:  ptr(model.Date("1991-01-01")),
				Membership: &roster.MembershipChange{Track: model.Party, Kind: ptr(model.LeagueMember)},
			})},
			{name: "leave the League", want: league, do: func() error {
				_, err := w.s.End(ctx, general, w.openID(id, model.League), "", "离团")
				return err
			}},
			{name: "join again, with a birth date", want: both, do: create(w.league, born, roster.Joining{StartedOn: today})},
		})
	})
}

// openID is the membership without an end.
func (w *world) openID(memberID int64, track model.Track) int64 {
	w.t.Helper()
	var m model.Membership
	w.must(w.read().Where("member_id = ? AND track = ? AND ended_on = ?", memberID, track, model.Forever).Take(&m).Error)
	return m.ID
}

// TestMarksOfLeaving does the same with what takes somebody away from a unit, and what undoes it.
func TestMarksOfLeaving(t *testing.T) {
	modeltest.Each(t, func(t *testing.T, db *model.DB) {
		w := newWorld(t, db)
		ctx := context.Background()
		general := officer(w.general, model.Secretary)
		person := roster.Person{Name: "张三", Phone: "13800000001"}
		m := w.create(w.a1, person, roster.Joining{StartedOn: "2020-01-01"})
		w.create(w.league, person, roster.Joining{StartedOn: "2020-01-01"})
		var last model.Transfer
		transfer := func(u model.Unit, on model.Date) func() error {
			return func() error {
				made, err := w.s.Transfer(ctx, general, m.ID, roster.Move{ToUnitID: u.ID, EffectiveOn: on, Reason: "调动"})
				if err == nil {
					last = made
				}
				return err
			}
		}
		cancel := func() error { _, err := w.s.Cancel(ctx, general, last.ID, "填错"); return err }
		end := func(track model.Track) func() error {
			return func() (err error) {
				last, err = w.s.End(ctx, general, w.openID(m.ID, track), "", "离开")
				return err
			}
		}
		w.checkMarks([]deed{
			{name: "transfer", want: one + " " + second, do: transfer(w.b, today)},
			{name: "to where he is", do: transfer(w.b, today), refusal: "already_in_unit"},
			{name: "cancel", want: one + " " + second, do: cancel},
			{name: "cancel again", do: cancel, refusal: "transfer_cancelled"},
			{name: "into the next group", want: one + " " + two, do: transfer(w.a2, today)},
			{name: "and back", want: one + " " + two, do: cancel},
		})
		w.must(w.write(posting(m.ID, w.general, model.Admin)))
		w.checkMarks([]deed{ // refused after the episode was ended
			{name: "who holds a higher office", do: transfer(w.b, today), refusal: model.ErrHigherOffice.Code},
		})
		w.must(w.write(func(tx *gorm.DB) error { return tx.Where("member_id = ?", m.ID).Delete(&model.Post{}).Error }))
		w.must(w.write(posting(m.ID, w.a, model.Organiser)))
		w.checkMarks([]deed{
			{name: "with an office", want: league + " " + one + " " + second, do: transfer(w.b, today)},
		})
		w.clock.Set(model.Date("2026-03-03").Start().Time())
		w.checkMarks([]deed{
			{name: "end", want: second, do: end(model.Party)},
			{name: "cancel the end", want: second, do: cancel},
		})
		w.must(w.write(posting(m.ID, w.league, model.LeagueSecretary)))
		w.checkMarks([]deed{
			{name: "end with an office", want: league + " " + one + " " + second, do: end(model.League)},
		})
		w.refused("already_ended", func() error {
			var ended model.Membership
			w.must(w.read().Where("unit_id = ?", w.league.ID).Take(&ended).Error)
			_, err := w.s.End(ctx, general, ended.ID, "", "离开")
			return err
		})
	})
}

// TestMarksOfImport does the same with files.
func TestMarksOfImport(t *testing.T) {
	modeltest.Each(t, func(t *testing.T, db *model.DB) {
		w := newWorld(t, db)
		general := officer(w.general, model.Secretary)
		head := []any{"姓名", "手机号", "所在支部", "党小组", "出生日期", "人员类别", "工作岗位", "党内职务", "开始日期"}
		load := func(o office.ImportOptions, rows ...[]any) func() error {
			return func() error {
				_, err := w.importRows(general, w.general, o, append([][]any{head}, rows...)...)
				return err
			}
		}
		zhang := func(more ...any) []any { return append([]any{"张三", "13800000001"}, more...) }
		var all office.ImportOptions
		w.checkMarks([]deed{
			{name: "a dry run", do: load(office.ImportOptions{DryRun: true}, zhang("第一"))},
			{name: "a bad row", do: load(all, zhang("第一"), []any{"李四", "1"}), refusal: "import_rejected"},
			{name: "two branches", want: first + " " + second, do: load(all, zhang("第一", "", "", "在职", "", "", "2020-01-01"),
				[]any{"李四", "13800000002", "第二"})},
			{name: "the League", want: league, do: load(all, zhang("机关团支部"))},
			{name: "the same", do: load(all, zhang("第一"))},
			{name: "a job", do: load(all, zhang("第一", "", "", "", "科员"))},
			{name: "a birth date", want: league + " " + first, do: load(all, zhang("第一", "", "1990-01-01"))},
			{name: "retired", want: first, do: load(all, zhang("第一", "", "", "离退休"))},
			{name: "corrected", want: first, do: load(all, zhang("第一", "", "", "在职"))},
			{name: "corrected, into a group", want: first + " " + one, do: load(all, zhang("第一", "一"))},
			{name: "an office", want: league + " " + one, do: load(all, zhang("第一", "一", "", "", "", "组长"))},
		})
		w.clock.Set(model.Date("2026-03-03").Start().Time())
		w.checkMarks([]deed{
			{name: "into another group", want: one + " " + two, do: load(all, zhang("第一", "二"))},
			{name: "partly", want: second, do: load(office.ImportOptions{Partial: true}, zhang("第九"), []any{"王五", "", "第二"})},
		})
	})
}
