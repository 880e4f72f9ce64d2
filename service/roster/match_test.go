package roster_test

import (
	"bytes"
	"context"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"gorm.io/gorm"

	"zhibu/model"
	"zhibu/model/modeltest"
	"zhibu/office"
	"zhibu/service/roster"
)

func TestImportMatches(t *testing.T) {
	modeltest.Each(t, func(t *testing.T, db *model.DB) {
		w := newWorld(t, db)
		actor := officer(w.a, model.Secretary)
		byID := w.create(w.a, roster.Person{Name: "证号", IDNumber: idNumber("19811103", 1)}, roster.Joining{StartedOn: "2020-01-01"})
		byBirth := w.create(w.a, roster.Person{Name: "生日", BirthDate: "1980-05-06", Phone: "13800000001"}, roster.Joining{StartedOn: "2020-01-01"})
		byPhone := w.create(w.a, roster.Person{Name: "电话", Phone: "13800000002"}, roster.Joining{StartedOn: "2020-01-01"})
		byName := w.create(w.a1, roster.Person{Name: "名字"}, roster.Joining{StartedOn: "2020-01-01"})
		w.imported("0/4/0", actor, w.a, header,
			[]any{"证号", strings.ToLower(idNumber("19811103", 1)), "13800000011"},
			[]any{"生日", "", "13800000012", "1980.05"},
			[]any{"电话", idNumber("19700101", 3), "13800000002"},
			[]any{"名　字", "", "13800000014", "", "", "第一支部", "第二"})
		for _, m := range []roster.Profile{byID, byBirth, byPhone} {
			w.wantEpisodes(m.ID, "第一党支部 2020-01-01.. full active in_service")
		}
		w.wantEpisodes(byName.ID, "第一党小组 2020-01-01..2026-03-02 full active in_service", "第二党小组 2026-03-02.. full active in_service")
		// masked cells and blanks keep what is there; a second move on the same day is a correction
		w.imported("0/2/1", actor, w.a, header,
			[]any{"证号", "620***********0011", "138****0099"},
			[]any{"生日", "", "", "1980-05-06", "", "", "", "", "2001.07"},
			[]any{"名字", "", "", "", "", "", "第一"})
		w.wantEpisodes(byName.ID, "第一党小组 2020-01-01..2026-03-02 full active in_service", "第一党小组 2026-03-02.. full active in_service")
		seen, err := w.s.Look(context.Background(), actor, byID.ID)
		w.must(err)
		if seen.Details.Phone != "13800000011" {
			t.Errorf("a masked phone was taken for a phone: %s", seen.Details.Phone)
		}
		if w.counts()["members"] != 4 {
			t.Error("somebody is there twice")
		}
	})
}

func TestImportNamesakes(t *testing.T) {
	modeltest.Each(t, func(t *testing.T, db *model.DB) {
		w := newWorld(t, db)
		actor := officer(w.a, model.Secretary)
		old := w.create(w.a, roster.Person{Name: "张伟", Phone: "13800000001"}, roster.Joining{})
		rows := [][]any{header, {"张伟", "", "13800000002"}, {"张伟", "", "13800000001"}, {"张伟", idNumber("19900101", 1)}, {"李", "", "", "1990-02"}}
		w.imported("3/0/1", actor, w.a, rows...)
		w.imported("0/0/4", actor, w.a, rows...)
		if seen, err := w.s.Look(context.Background(), actor, old.ID); err != nil || seen.Details.Phone != "13800000001" {
			t.Errorf("%v: the namesake's phone: %+v", err, seen.Details)
		}
		r, err := w.importRows(actor, w.a, office.ImportOptions{}, header,
			[]any{"张伟"}, []any{"李", "", "", "1990-02-14"}, []any{"李", "", "", "1990-02-14", "男"}, []any{"张伟", "", "13800000001", "", "男"}, []any{"张伟", "", "13800000001", "", "女"})
		if diff := cmp.Diff([]string{"2 姓名 ambiguous", "4 姓名 duplicate_row", "6 姓名 duplicate_row"}, rejections(r)); diff != "" {
			t.Errorf("%v %s", err, diff)
		}
	})
}

func TestImportAcrossBranches(t *testing.T) {
	modeltest.Each(t, func(t *testing.T, db *model.DB) {
		w := newWorld(t, db)
		p := roster.Person{Name: "张三", Phone: "13800000001", BirthDate: "1999-05-06"}
		m := w.create(w.a, p, roster.Joining{StartedOn: "2020-01-01"})
		secretaryB := officer(w.b, model.Secretary)
		for name, row := range map[string][]any{"phone": {"张三", "", "13800000001"}, "birth": {"张三", "", "", "1999-05-06"}} {
			r, err := w.importRows(secretaryB, w.b, office.ImportOptions{}, header, row)
			if err == nil || len(r.Rejected) != 1 || r.Rejected[0].Code != "transfer_required" || strings.Contains(r.Rejected[0].Message, "第一") {
				t.Errorf("%s: %v %+v", name, err, r)
			}
		}
		r, _ := w.importRows(officer(w.general, model.Secretary), w.general, office.ImportOptions{}, header, []any{"张三", "", "", "1999-05-06", "", "第二党支部"}, []any{"李四"})
		if diff := cmp.Diff([]string{"2 所在支部 transfer_required", "3 所在支部 unit_required"}, rejections(r)); diff != "" {
			t.Error(diff)
		}
		// the other track is a second membership of the same person, who is not in this officer's care: only blanks are filled
		secretaryL := officer(w.league, model.LeagueSecretary)
		w.imported("0/1/0", secretaryL, w.league, []any{"姓名", "电话", "性别", "出生日期", "类别", "入团时间"},
			[]any{"张三", "13800000001", "男", "1999-05-07", "中共党员", "2015.05"})
		w.wantEpisodes(m.ID, "机关团支部 2015-05-01.. member active in_service", "第一党支部 2020-01-01.. full active in_service")
		if seen, err := w.s.Look(context.Background(), secretaryL, m.ID); err != nil || seen.Details.BirthDate != "1999-05-06" || seen.Details.Gender != "male" {
			t.Errorf("%v %+v", err, seen.Details)
		}
		// both rows of one person in one file
		w.imported("1/1/0", officer(w.general, model.Secretary), w.general, []any{"姓名", "手机", "支部", "人员类别"},
			[]any{"新人", "13800000009", "第二党支部", "预备党员"}, []any{"新人", "13800000009", "机关团支部", "团员"})
		w.refused("forbidden", func() error {
			_, err := w.importRows(plain(m.ID, w.a), w.a, office.ImportOptions{}, header, []any{"某"})
			return err
		})
		w.refused("not_found", func() error {
			_, err := w.importRows(secretaryB, w.a, office.ImportOptions{}, header, []any{"某"})
			return err
		})
	})
}

func TestImportOffices(t *testing.T) {
	modeltest.Each(t, func(t *testing.T, db *model.DB) {
		w := newWorld(t, db)
		head := []any{"姓名", "党内职务", "所在支部", "党小组"}
		w.imported("4/0/0", officer(w.general, model.Secretary), w.general, head,
			[]any{"甲", "党总支副书记、第一党支部书记", "第一", ""}, []any{"乙", "组长", "第一", "一"}, []any{"丙", "书记，组织委员", "第二", ""}, []any{"丁", "普通党员", "第二", ""})
		var posts []struct{ Title, Name string }
		w.must(w.read().Table("posts").Select("posts.title, units.name").Joins("JOIN units ON units.id = posts.unit_id").Order("units.name, posts.title").Scan(&posts).Error)
		if diff := cmp.Diff([]struct{ Title, Name string }{
			{"deputy_secretary", "机关党总支"}, {"group_leader", "第一党小组"}, {"secretary", "第一党支部"}, {"organiser", "第二党支部"}, {"secretary", "第二党支部"},
		}, posts); diff != "" {
			t.Error(diff)
		}
		var me model.Member
		w.must(w.read().Where("name = ?", "丁").Take(&me).Error)
		self := officer(w.b, model.Secretary)
		self.MemberID = me.ID
		r, _ := w.importRows(self, w.b, office.ImportOptions{}, head, []any{"丁", "宣传委员"})
		if diff := cmp.Diff([]string{"2 党内职务 own_record"}, rejections(r)); diff != "" {
			t.Error(diff)
		}
		r, _ = w.importRows(officer(w.b, model.Organiser), w.b, office.ImportOptions{}, head, []any{"丁", "宣传委员"})
		if diff := cmp.Diff([]string{"2 党内职务 forbidden"}, rejections(r)); diff != "" {
			t.Error(diff)
		}
		w.imported("0/0/1", officer(w.b, model.Organiser), w.b, head, []any{"丙", "书记"})
		w.imported("1/0/0", officer(w.league, model.LeagueSecretary), w.league, []any{"姓名", "团内职务"}, []any{"戊", "书记"})
		var n int64
		w.must(w.read().Model(&model.Post{}).Where("title = ?", model.LeagueSecretary).Count(&n).Error)
		if n != 1 {
			t.Error("the secretary of a league branch is a league secretary")
		}
	})
}

func TestImportWithALaterChange(t *testing.T) {
	modeltest.Each(t, func(t *testing.T, db *model.DB) {
		w := newWorld(t, db)
		m := w.create(w.a, roster.Person{Name: "张三", Phone: "13800000001"}, roster.Joining{StartedOn: "2020-01-01"})
		general := officer(w.general, model.Secretary)
		_, err := w.s.Transfer(context.Background(), general, m.ID, roster.Move{ToUnitID: w.b.ID, EffectiveOn: "2026-04-01", Reason: "工作调动"})
		w.must(err)
		w.imported("0/0/1", general, w.a, header, []any{"张三", "", "13800000001"})
		r, _ := w.importRows(general, w.a, office.ImportOptions{}, header, []any{"张三", "", "13800000001", "", "", "", "", "预备党员"})
		if diff := cmp.Diff([]string{"2 姓名 later_change"}, rejections(r)); diff != "" {
			t.Error(diff)
		}
		w.must(w.write(func(tx *gorm.DB) error {
			return tx.Model(&model.Unit{}).Where("id = ?", w.a.ID).Update("closed_on", today).Error
		}))
		r, _ = w.importRows(general, w.a, office.ImportOptions{}, header, []any{"李四"})
		if diff := cmp.Diff([]string{"2 所在支部 unit_closed"}, rejections(r)); diff != "" {
			t.Error(diff)
		}
	})
}

// TestUnitsOfOneName: what a name alone does not tell is told by the track, or by the chain of names, as an export writes it.
func TestUnitsOfOneName(t *testing.T) {
	modeltest.Each(t, func(t *testing.T, db *model.DB) {
		w := newWorld(t, db)
		other := w.unit(&w.general, model.PartyBranch, "机关党支部")
		east := w.unit(&w.general, model.PartyGeneralBranch, "东片党总支")
		eastA := w.unit(&east, model.PartyBranch, "第一党支部")
		general := officer(w.general, model.Secretary)
		head := []any{"姓名", "所在支部", "类别", "人员类别", "学历"}
		r, _ := w.importRows(general, w.general, office.ImportOptions{}, head, []any{"甲", "第一党支部"}, []any{"乙", "机关党总支"})
		if diff := cmp.Diff([]string{"2 所在支部 unit_ambiguous", "3 所在支部 not_a_branch"}, rejections(r)); diff != "" {
			t.Error(diff)
		}
		w.imported("5/0/0", general, w.general, head,
			[]any{"甲", "机关党总支/第一党支部", "", "退休", "大学"}, []any{"乙", "机关党总支/东片党总支/第一党支部"},
			[]any{"丙", "机关", "团员"}, []any{"丁", "机关"}, []any{"戊", "机关", "预备党员"})
		var found []struct {
			Name   string
			UnitID int64
		}
		w.must(w.read().Table("memberships").Select("members.name, memberships.unit_id").Joins("JOIN members ON members.id = memberships.member_id").Scan(&found).Error)
		want := map[string]int64{"甲": w.a.ID, "乙": eastA.ID, "丙": w.league.ID, "丁": other.ID, "戊": other.ID}
		for _, f := range found {
			if want[f.Name] != f.UnitID {
				t.Errorf("%s is in %d", f.Name, f.UnitID)
			}
		}
		f, err := w.s.Export(context.Background(), general, w.general.ID, "", roster.CSV)
		w.must(err)
		r, err = w.s.Import(context.Background(), general, w.general.ID, bytes.NewReader(f.Content), office.ImportOptions{})
		if err != nil || r.Unchanged != 5 {
			t.Errorf("%v %+v", err, r)
		}
	})
}

func TestImportAgainstAKnownIDNumber(t *testing.T) {
	modeltest.Each(t, func(t *testing.T, db *model.DB) {
		w := newWorld(t, db)
		w.create(w.a, roster.Person{Name: "张三", Phone: "13800000001", IDNumber: idNumber("19811103", 1)}, roster.Joining{})
		w.create(w.a, roster.Person{Name: "李四", Phone: "13800000002"}, roster.Joining{})
		w.create(w.a, roster.Person{Name: "李四", Phone: "13800000003"}, roster.Joining{})
		r, _ := w.importRows(officer(w.a, model.Secretary), w.a, office.ImportOptions{}, header,
			[]any{"张三", "", "13800000001", "1982-01-01"}, []any{"张三", "", "13800000001", "", "女"},
			[]any{"张三", idNumber("19811103", 3), "13800000001"}, []any{"李四", "", "", "", "男"})
		if diff := cmp.Diff([]string{"2 出生日期 id_number_mismatch", "3 性别 id_number_mismatch", "4 身份证号 id_number_mismatch", "5 姓名 ambiguous"}, rejections(r)); diff != "" {
			t.Error(diff)
		}
	})
}
