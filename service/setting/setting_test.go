package setting_test

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"testing"
	"time"

	"gorm.io/gorm"

	"zhibu/model"
	"zhibu/model/modeltest"
	"zhibu/service/setting"
)

var ctx = context.Background()

const (
	yesterday = "2026-03-01"
	today     = "2026-03-02"
	tomorrow  = "2026-03-03"
	april     = "2026-04-01"
	may       = "2026-05-01"
)

// world is a committee with a general branch and a branch below, and another tree.
type world struct {
	*setting.Service
	t                            testing.TB
	db                           *model.DB
	clock                        *modeltest.Clock
	root, general, branch, other model.Unit
}

func each(t *testing.T, test func(t *testing.T, w *world)) {
	modeltest.Each(t, func(t *testing.T, db *model.DB) {
		w := &world{t: t, db: db, clock: modeltest.NewClock(today + " 09:00")}
		w.Service = setting.New(db, w.clock.Now)
		w.root = w.unit("党委", model.PartyCommittee, nil)
		w.general = w.unit("总支", model.PartyGeneralBranch, &w.root)
		w.branch = w.unit("支部", model.PartyBranch, &w.general)
		w.other = w.unit("别的党委", model.PartyCommittee, nil)
		test(t, w)
	})
}

func (w *world) must(err error) {
	w.t.Helper()
	if err != nil {
		w.t.Fatal(err)
	}
}

func (w *world) unit(name string, kind model.UnitKind, parent *model.Unit) model.Unit {
	u := model.Unit{ID: model.NewID(), Kind: kind, Name: name, FoundedOn: "2020-01-01", ClosedOn: model.Forever}
	above := ""
	if parent != nil {
		u.ParentID, above = &parent.ID, parent.Path
	}
	u.Path = model.ChildPath(above, u.ID)
	w.must(w.db.Write(ctx, func(tx *gorm.DB) error { return tx.Create(&u).Error }))
	return u
}

func officer(u model.Unit, title model.Title) model.Actor {
	return model.Actor{MemberID: 7, Bound: true, Grants: []model.Grant{{UnitID: u.ID, Path: u.Path, Title: title}}}
}

func (w *world) admin() model.Actor { return officer(w.root, model.Admin) }

// set sets the threshold.
func (w *world) set(u model.Unit, value string, on model.Date) setting.Item {
	w.t.Helper()
	item, err := w.Set(ctx, w.admin(), u.ID, model.SettingThreshold, value, on, "")
	w.must(err)
	return item
}

// threshold is the item of the threshold in the unit on the day, as "value@unit from day; planned value@unit from day …".
func (w *world) threshold(u model.Unit, on model.Date) string {
	w.t.Helper()
	items, err := w.List(ctx, officer(model.Unit{Path: "/"}, model.Admin), u.ID, on)
	w.must(err)
	for _, i := range items {
		if i.Name == model.SettingThreshold {
			return describe(i)
		}
	}
	w.t.Fatal("no threshold")
	return ""
}

func describe(i setting.Item) string {
	var b strings.Builder
	fmt.Fprintf(&b, "%s@%s %s", i.Value, i.UnitName, i.EffectiveOn)
	for _, p := range i.Planned {
		fmt.Fprintf(&b, "; %s@%s %s", p.Value, p.UnitName, p.EffectiveOn)
	}
	return b.String()
}

func (w *world) wantThreshold(u model.Unit, on model.Date, want string) {
	w.t.Helper()
	if got := w.threshold(u, on); got != want {
		w.t.Errorf("%s on %s: %s, want %s", u.Name, on, got, want)
	}
	var s model.Settings
	var err error
	s, err = model.LoadSettings(w.db.Read(ctx), u, on)
	w.must(err)
	if got := fmt.Sprint(s.Int(model.SettingThreshold)); !strings.HasPrefix(want, got+"@") {
		w.t.Errorf("%s on %s: LoadSettings says %s, want %s", u.Name, on, got, want)
	}
}

func (w *world) events() (events []model.AuditEvent) {
	w.t.Helper()
	w.must(w.db.Read(ctx).Order("id").Find(&events).Error)
	return events
}

func (w *world) refused(err error, code, field string) {
	w.t.Helper()
	e := model.AsError(err)
	switch {
	case e == nil || e.Code != code:
		w.t.Errorf("%v, want %s", err, code)
	case field != "" && (len(e.Fields) != 1 || e.Fields[0].Field != field):
		w.t.Errorf("%+v, want the field %s", e.Fields, field)
	}
}

func TestInheritance(t *testing.T) {
	each(t, func(t *testing.T, w *world) {
		w.wantThreshold(w.branch, today, "8500@ ")
		w.set(w.root, "8000", today)
		w.wantThreshold(w.branch, today, "8000@党委 "+today)
		w.wantThreshold(w.branch, yesterday, "8500@ ; 8000@党委 "+today)
		w.set(w.general, "9000", today)
		w.wantThreshold(w.branch, today, "9000@总支 "+today)
		w.wantThreshold(w.root, today, "8000@党委 "+today)
		w.wantThreshold(w.other, today, "8500@ ")
		w.clock.Advance(24 * time.Hour)
		w.set(w.root, "7000", tomorrow) // newer, and farther away
		w.wantThreshold(w.branch, tomorrow, "9000@总支 "+today)
		w.set(w.branch, "9500", may)
		w.wantThreshold(w.branch, tomorrow, "9000@总支 "+today+"; 9500@支部 "+may)
		w.wantThreshold(w.branch, may, "9500@支部 "+may)
		items, err := w.List(ctx, w.admin(), w.branch.ID, "")
		w.must(err)
		if len(items) != len(model.SettingSpecs()) || items[1].Value != "0" || items[1].UnitID != 0 || items[1].Label == "" {
			t.Errorf("%+v", items)
		}
	})
}

func TestPlannedChangesOfTheUnitsAbove(t *testing.T) {
	each(t, func(t *testing.T, w *world) {
		w.set(w.root, "8000", april)
		w.wantThreshold(w.branch, "", "8500@ ; 8000@党委 "+april)
		w.set(w.branch, "9000", "2026-04-10")
		w.set(w.root, "7000", may) // the branch has its own by then
		w.wantThreshold(w.branch, "", "8500@ ; 8000@党委 "+april+"; 9000@支部 2026-04-10")
		w.wantThreshold(w.general, "", "8500@ ; 8000@党委 "+april+"; 7000@党委 "+may)
	})
}

func TestRefusals(t *testing.T) {
	each(t, func(t *testing.T, w *world) {
		set := func(name model.SettingName, value string, on model.Date, reason string) error {
			_, err := w.Set(ctx, w.admin(), w.branch.ID, name, value, on, reason)
			return err
		}
		w.refused(set(model.SettingThreshold, "10001", "", ""), "invalid_request", "value")
		w.refused(set(model.SettingDecideOn, "both", "", ""), "invalid_request", "value")
		w.refused(set(model.SettingThreshold, "8000", yesterday, ""), "invalid_request", "effective_on")
		w.refused(set(model.SettingThreshold, "8000", model.Forever, ""), "invalid_request", "effective_on")
		w.refused(set(model.SettingThreshold, "8000", "2026-02-30", ""), "invalid_request", "effective_on")
		w.refused(set(model.SettingThreshold, "8000", "", strings.Repeat("因", 201)), "invalid_request", "reason")
		w.refused(set("participation.no", "1", "", ""), "not_found", "")
		_, err := w.List(ctx, w.admin(), w.branch.ID, "2026-02-30")
		w.refused(err, "invalid_request", "as_of")
		_, _, err = w.History(ctx, w.admin(), w.branch.ID, "participation.no", 10, "")
		w.refused(err, "not_found", "")
		w.must(w.db.Write(ctx, func(tx *gorm.DB) error {
			return tx.Model(&model.Unit{}).Where("id = ?", w.branch.ID).Update("closed_on", today).Error
		}))
		w.refused(set(model.SettingThreshold, "8000", "", ""), "unit_closed", "")
		if n := len(w.events()); n != 0 {
			t.Errorf("%d events of what was refused", n)
		}
	})
}

func TestWhoSeesAndSets(t *testing.T) {
	each(t, func(t *testing.T, w *world) {
		for _, c := range []struct {
			who        model.Actor
			sees, sets error
		}{
			{officer(w.branch, model.Secretary), nil, model.ErrForbidden},
			{officer(w.general, model.Auditor), nil, model.ErrForbidden},
			{officer(w.branch, model.Admin), nil, nil},
			{w.admin(), nil, nil},
			{officer(w.other, model.Admin), model.ErrNotFound, model.ErrNotFound},
			{model.Actor{MemberID: 8, Homes: []model.Home{{UnitID: w.branch.ID, Path: w.branch.Path}}}, model.ErrForbidden, model.ErrForbidden},
		} {
			_, listed := w.List(ctx, c.who, w.branch.ID, "")
			_, _, read := w.History(ctx, c.who, w.branch.ID, model.SettingMinDays, 10, "")
			_, set := w.Set(ctx, c.who, w.branch.ID, model.SettingMinDays, "30", april, "")
			w.set(w.branch, "1", april)
			withdrawn := w.Withdraw(ctx, c.who, w.branch.ID, model.SettingThreshold, april)
			if !errors.Is(listed, c.sees) || !errors.Is(read, c.sees) || !errors.Is(set, c.sets) || !errors.Is(withdrawn, c.sets) {
				t.Errorf("%+v: %v, %v, %v, %v", c.who, listed, read, set, withdrawn)
			}
		}
		_, err := w.Set(ctx, officer(w.branch, model.Admin), w.general.ID, model.SettingMinDays, "30", "", "")
		w.refused(err, "forbidden", "")
	})
}

func TestHistory(t *testing.T) {
	each(t, func(t *testing.T, w *world) {
		w.set(w.root, "1", today)
		for _, on := range []model.Date{may, today, april} {
			w.set(w.branch, "8000", on)
			w.set(w.branch, "9000", on)
		}
		var days []model.Date
		for cursor, more := "", true; more; more = cursor != "" {
			page, next, err := w.History(ctx, w.admin(), w.branch.ID, model.SettingThreshold, 2, cursor)
			w.must(err)
			for _, p := range page {
				days = append(days, p.EffectiveOn)
				if p.Value != "9000" || p.SetBy != "member:7" || p.SetAt != model.At(w.clock.Now()) {
					t.Errorf("%+v", p)
				}
			}
			cursor = next
		}
		if fmt.Sprint(days) != fmt.Sprint([]string{may, april, today}) {
			t.Error(days)
		}
		_, _, err := w.History(ctx, w.admin(), w.branch.ID, model.SettingThreshold, 2, "x")
		w.refused(err, "invalid_request", "cursor")
	})
}
