package roster

import (
	"slices"
	"strings"

	"gorm.io/gorm"

	"zhibu/model"
)

// unitTree are the units below the one to which a file belongs, found by what a file calls them.
type unitTree struct {
	root   model.Unit
	byID   map[int64]model.Unit
	byName map[string][]model.Unit // as compared: name, code, chain of names from the root down
	byStem map[string][]model.Unit // the name without 党支部 and the like
}

// loadTree loads the units below root, and the branch above it when it is a group: its rows name that branch.
func loadTree(tx *gorm.DB, root model.Unit) (unitTree, error) {
	t := unitTree{root: root, byID: map[int64]model.Unit{}, byName: map[string][]model.Unit{}, byStem: map[string][]model.Unit{}}
	var units []model.Unit
	if err := tx.Scopes(model.Under(root.Path)).Order("path").Find(&units).Error; err != nil {
		return t, err
	}
	if isGroup(root.Kind) && root.ParentID != nil {
		above, err := findIn[model.Unit](tx, "id", []int64{*root.ParentID})
		if err != nil {
			return t, err
		}
		units = append(above, units...)
	}
	for _, u := range units {
		t.byID[u.ID] = u
	}
	for _, u := range units {
		keys := []string{model.NameKey(u.Name), model.NameKey(u.Code), model.NameKey(t.chain(u))}
		for _, key := range distinct(keys, func(k string) string { return k }) {
			if key != "" {
				t.byName[key] = append(t.byName[key], u)
			}
		}
		stem := stemOf(u.Name)
		t.byStem[stem] = append(t.byStem[stem], u)
	}
	return t, nil
}

// stemOf is a name as it is compared, without the word for its kind: 二支部 is 第二党支部.
func stemOf(name string) string {
	key := strings.TrimPrefix(model.NameKey(name), "第")
	for _, word := range []string{"党支部", "团支部", "支部", "党小组", "团小组", "小组"} {
		if stem, ok := strings.CutSuffix(key, word); ok && stem != "" {
			return stem
		}
	}
	return key
}

// chain is the names from the root down to the unit: 机关党委/机关党总支/第一党支部.
func (t unitTree) chain(u model.Unit) string {
	var names []string
	for _, id := range model.PathIDs(u.Path) {
		if above, ok := t.byID[id]; ok {
			names = append(names, above.Name)
		}
	}
	return strings.Join(names, "/")
}

// label is what an export calls a branch: its name, or where several have it the chain.
func (t unitTree) label(u model.Unit) string {
	if len(t.find(u.Name, notGroup)) == 1 {
		return u.Name
	}
	return t.chain(u)
}

func notGroup(u model.Unit) bool { return !isGroup(u.Kind) }

// find returns the units that may be meant: those called exactly so, else those with the same stem.
func (t unitTree) find(text string, wanted func(model.Unit) bool) []model.Unit {
	for _, found := range [][]model.Unit{t.byName[model.NameKey(text)], t.byStem[stemOf(text)]} {
		if found = slices.DeleteFunc(slices.Clone(found), func(u model.Unit) bool { return !wanted(u) }); len(found) > 0 {
			return found
		}
	}
	return nil
}

// target is where a row puts its member: a branch, and a group in it if the row names one.
type target struct {
	branch model.Unit
	group  *model.Unit
}

// unit is the unit whose roster a new member joins.
func (t target) unit() model.Unit {
	if t.group != nil {
		return *t.group
	}
	return t.branch
}

// holds reports whether somebody on the roster of the unit is where the row wants him: a row without a group leaves
// everybody in his.
func (t target) holds(u model.Unit) bool {
	if t.group != nil {
		return t.group.ID == u.ID
	}
	return strings.HasPrefix(u.Path, t.branch.Path)
}

// misplaced is a fault in one of the two columns.
type misplaced struct {
	field field
	fault
}

// resolve finds where a row belongs.
func (t unitTree) resolve(rec record) (target, *misplaced) {
	branch, bad := t.branchOf(rec)
	if bad != nil {
		return target{}, bad
	}
	if isGroup(t.root.Kind) && (branch.ID == t.root.ID || t.root.ParentID != nil && branch.ID == *t.root.ParentID) {
		if rec.group != "" && !slices.ContainsFunc(t.groups(rec.group, branch), func(u model.Unit) bool { return u.ID == t.root.ID }) {
			return target{}, &misplaced{fGroup, fault{"unit_not_found", "文件是导入到这个小组的，不能写其他小组"}}
		}
		return target{branch: branch, group: &t.root}, nil
	}
	if rec.group == "" {
		return target{branch: branch}, nil
	}
	found := t.groups(rec.group, branch)
	switch {
	case len(found) == 0:
		return target{}, &misplaced{fGroup, fault{"unit_not_found", "这个支部没有这样的小组"}}
	case len(found) > 1:
		return target{}, &misplaced{fGroup, fault{"unit_ambiguous", "这个支部有不止一个这样的小组，请写全称"}}
	}
	return target{branch: branch, group: &found[0]}, nil
}

func (t unitTree) groups(name string, branch model.Unit) []model.Unit {
	return t.find(name, func(u model.Unit) bool {
		return isGroup(u.Kind) && u.Kind.Track() == branch.Kind.Track() && strings.HasPrefix(u.Path, branch.Branch())
	})
}

func (t unitTree) branchOf(rec record) (model.Unit, *misplaced) {
	if rec.branch == "" {
		if !t.root.Kind.IsBranch() {
			return model.Unit{}, &misplaced{fBranch, fault{"unit_required", "文件是导入到支部以上组织的，每一行都要写明所在支部"}}
		}
		return t.root, nil
	}
	found := t.find(rec.branch, notGroup)
	if len(found) > 1 {
		if same := ofTrack(found, rec.track(t.root.Kind.Track())); len(same) > 0 {
			found = same
		}
	}
	switch {
	case len(found) == 0:
		return model.Unit{}, &misplaced{fBranch, fault{"unit_not_found", "没有这个支部，或不在导入的组织之内"}}
	case len(found) > 1:
		return model.Unit{}, &misplaced{fBranch, fault{"unit_ambiguous", "有不止一个这样的支部，请写全称或代码"}}
	}
	return found[0], nil
}

func ofTrack(units []model.Unit, track model.Track) []model.Unit {
	return slices.DeleteFunc(slices.Clone(units), func(u model.Unit) bool { return u.Kind.Track() != track })
}

// track is the track the row speaks of, as far as it does.
func (rec record) track(otherwise model.Track) model.Track {
	switch rec.kind {
	case model.Full, model.Probationary:
		return model.Party
	case model.LeagueMember:
		return model.League
	}
	return otherwise
}
