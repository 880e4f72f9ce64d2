package unit_test

import (
	"fmt"
	"strings"
	"testing"

	"gorm.io/gorm"

	"zhibu/model"
)

func TestListShowsTheVisibleTreeAndCounts(t *testing.T) {
	each(t, func(t *testing.T, w *world) {
		root := w.unit(model.PartyCommittee, "党委", nil)
		b := w.unit(model.PartyBranch, "乙支部", &root)
		a := w.unit(model.PartyBranch, "甲支部", &root)
		group := w.unit(model.PartyGroup, "小组", &a)
		league := w.unit(model.LeagueBranch, "团支部", &a)
		w.must(w.db.Write(ctx, func(tx *gorm.DB) error {
			return tx.Model(&model.Unit{}).Where("id = ?", a.ID).Update("code", "01").Error
		}))
		w.unit(model.PartyCommittee, "别的党委", nil)
		w.member("一", a)
		w.member("二", group, league)
		w.member("三", b)
		suspended := w.member("四", b)
		w.must(w.db.Write(ctx, func(tx *gorm.DB) error {
			return tx.Model(&model.Membership{}).Where("member_id = ?", suspended.ID).Update("state", model.Suspended).Error
		}))
		for name, c := range map[string]struct {
			actor model.Actor
			want  string
		}{
			"everything":  {w.admin, "党委 3, 乙支部 1, 甲支部 2, 团支部 1, 小组 1, 别的党委 0"},
			"root":        {officer(root, model.Secretary), "党委 3, 乙支部 1, 甲支部 2, 团支部 1, 小组 1"},
			"branch":      {officer(a, model.Secretary), "党委 3, 甲支部 2, 团支部 1, 小组 1"},
			"group":       {model.Actor{Homes: officer(group, "").Homes}, "党委 3, 甲支部 2, 小组 1"},
			"nobody":      {model.Actor{}, ""},
			"other place": {officer(b, model.Organiser), "党委 3, 乙支部 1"},
		} {
			items, err := w.List(ctx, c.actor)
			w.must(err)
			var got []string
			for _, i := range items {
				got = append(got, fmt.Sprint(i.Name, " ", i.MemberCount))
				if !c.actor.Sees(i.Path) {
					t.Errorf("%s sees %s", name, i.Name)
				}
			}
			if s := strings.Join(got, ", "); s != c.want {
				t.Errorf("%s: %s", name, s)
			}
		}
	})
}
