package roster_test

import (
	"bytes"
	"context"
	"encoding/csv"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"zhibu/model"
	"zhibu/model/modeltest"
	"zhibu/office"
	"zhibu/service/roster"
)

// TestFormerMember: the phone and the id number of somebody are today's, so those who had him once no longer get them.
func TestFormerMember(t *testing.T) {
	modeltest.Each(t, func(t *testing.T, db *model.DB) {
		w := newWorld(t, db)
		ctx := context.Background()
		id, past := idNumber("19811103", 1), model.Date("2025-06-01")
		m := w.create(w.a, roster.Person{Name: "张三", Phone: "13800000001", IDNumber: id}, roster.Joining{StartedOn: "2020-01-01"})
		old, present, general := officer(w.a, model.Secretary), officer(w.b, model.Secretary), officer(w.general, model.Secretary)
		general.Grants = append(general.Grants, present.Grants...)
		_, err := w.s.Transfer(ctx, general, m.ID, roster.Move{ToUnitID: w.b.ID, EffectiveOn: "2026-01-01", Reason: "调动"})
		w.must(err)
		for _, c := range []struct {
			name  string
			actor model.Actor
			unit  model.Unit
			asOf  model.Date
			phone string
			full  bool
		}{
			{"his former branch", old, w.a, past, "138****0001", false},
			{"his branch of today", present, w.b, today, "13800000001", true},
			{"above both and in his branch of today", general, w.a, past, "13800000001", true},
			{"above both", officer(w.general, model.Secretary), w.a, past, "138****0001", true},
			{"above both, without the right", officer(w.general, model.Discipline), w.b, today, "138****0001", false},
		} {
			page, _, err := w.s.List(ctx, c.actor, c.unit.ID, roster.Filter{AsOf: c.asOf})
			w.must(err)
			if len(page) != 1 || page[0].Details.Phone != c.phone {
				t.Errorf("%s is shown %+v", c.name, page)
			}
			f, err := w.s.Export(ctx, c.actor, c.unit.ID, c.asOf, roster.CSV)
			w.must(err)
			if text := string(f.Content); strings.Contains(text, id) != c.full || strings.Contains(text, "13800000001") != c.full || !strings.Contains(text, "张三") {
				t.Errorf("%s exports %s", c.name, text)
			}
		}
		w.must(w.write(closing(w.b)))
		_, err = w.s.End(ctx, general, mustLook(w, general, m.ID).Memberships[0].ID, today, "离开")
		w.must(err)
		f, err := w.s.Export(ctx, officer(w.general, model.Secretary), w.general.ID, past, roster.CSV)
		w.must(err)
		if strings.Contains(string(f.Content), id) {
			t.Error("who has left altogether is exported in full")
		}
	})
}

func mustLook(w *world, actor model.Actor, id int64) roster.Profile {
	w.t.Helper()
	p, err := w.s.Look(context.Background(), actor, id)
	w.must(err)
	return p
}

// TestExportIntoAnEmptyDatabase imports an export where nobody is known yet: the roster is the same to the last column.
func TestExportIntoAnEmptyDatabase(t *testing.T) {
	modeltest.Each(t, func(t *testing.T, db *model.DB) {
		from, to := newWorld(t, modeltest.SQLite(t)), newWorld(t, db)
		from.people()
		for _, format := range []roster.Format{roster.XLSX, roster.CSV} {
			f, err := from.s.Export(context.Background(), officer(from.general, model.Admin), from.general.ID, "", format)
			from.must(err)
			r, err := to.s.Import(context.Background(), officer(to.general, model.Admin), to.general.ID, bytes.NewReader(f.Content), office.ImportOptions{})
			if err != nil || len(r.IgnoredColumns) > 0 {
				t.Fatal(err, r)
			}
		}
		want, got := from.exported(), to.exported()
		if diff := cmp.Diff(want, got); diff != "" {
			t.Error(diff)
		}
		if column := slices.Index(got[0], "转入时间"); column < 0 || got[1][column] != "2019-01-01" {
			t.Errorf("%v", got)
		}
	})
}

// people puts one of every sort on the rosters.
func (w *world) people() {
	w.t.Helper()
	ctx, general := context.Background(), officer(w.general, model.Secretary)
	everything := roster.Person{
		Name: "阿依古丽·买买提", Ethnicity: "维吾尔族", Phone: "13800000001", IDNumber: idNumber("19811103", 2), Education: "大学本科",
		JobTitle: "科长", Note: "=备注\n第二行",
	}
	m := w.create(w.a1, everything, roster.Joining{StartedOn: "2020-01-01", JoinedOn: "2001-07-01", ConfirmedOn: "2002-07-01", Category: model.Floating})
	w.create(w.league, everything, roster.Joining{StartedOn: "2021-05-04", JoinedOn: "1996-05-04"})
	w.must(w.write(posting(m.ID, w.a, model.Secretary)))
	w.must(w.write(posting(m.ID, w.a1, model.GroupLeader)))
	w.create(w.a, roster.Person{Name: "李四", BirthDate: "1950-10-01", Gender: "male"}, roster.Joining{StartedOn: "2019-01-01", Category: model.Retired, Hardship: true})
	moved := w.create(w.a, roster.Person{Name: "王五", Phone: "13800000002"}, roster.Joining{StartedOn: "2018-03-01", Kind: model.Probationary, State: model.Suspended})
	_, err := w.s.Transfer(ctx, general, moved.ID, roster.Move{ToUnitID: w.b.ID, EffectiveOn: "2024-02-29", Reason: "调动"})
	w.must(err)
}

// exported is the roster of everybody as it is exported, without the numbers of this database.
func (w *world) exported() [][]string {
	w.t.Helper()
	f, err := w.s.Export(context.Background(), officer(w.general, model.Secretary), w.general.ID, "", roster.CSV)
	w.must(err)
	rows, err := csv.NewReader(bytes.NewReader(bytes.TrimPrefix(f.Content, []byte("\ufeff")))).ReadAll()
	w.must(err)
	number := slices.Index(rows[0], "系统编号")
	for i := range rows {
		rows[i] = slices.Delete(rows[i], number, number+1)
	}
	slices.SortFunc(rows[1:], slices.Compare)
	return rows
}
