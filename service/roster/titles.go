package roster

import (
	"slices"
	"strings"

	"golang.org/x/text/unicode/norm"

	"zhibu/model"
)

// titles are the offices as a roster writes them, without the unit before them.
var titles = map[string]model.Title{
	"书记": model.Secretary, "副书记": model.DeputySecretary, "组织委员": model.Organiser, "宣传委员": model.Publicity,
	"纪检委员": model.Discipline, "纪律检查委员": model.Discipline, "青年委员": model.Youth,
	"组长": model.GroupLeader, "长": model.GroupLeader, "审计员": model.Auditor, "管理员": model.Admin,
}

// levels are the words for the unit of an office, the longer before the shorter.
var levels = []struct {
	word  string
	kinds []model.UnitKind
}{
	{"机关党委", []model.UnitKind{model.PartyCommittee}}, {"党委", []model.UnitKind{model.PartyCommittee}},
	{"党总支", []model.UnitKind{model.PartyGeneralBranch}}, {"党支部", []model.UnitKind{model.PartyBranch}},
	{"党小组", []model.UnitKind{model.PartyGroup}},
	{"团总支", []model.UnitKind{model.LeagueGeneralBranch}}, {"团支部", []model.UnitKind{model.LeagueBranch}},
	{"团小组", []model.UnitKind{model.LeagueGroup}}, {"团委", []model.UnitKind{model.LeagueCommittee}},
	{"总支", []model.UnitKind{model.PartyGeneralBranch, model.LeagueGeneralBranch}},
	{"支部", []model.UnitKind{model.PartyBranch, model.LeagueBranch}},
	{"小组", []model.UnitKind{model.PartyGroup, model.LeagueGroup}},
}

// noTitles say that somebody holds no office.
var noTitles = []string{"党员", "普通党员", "正式党员", "预备党员", "团员", "普通团员", "群众"}

var (
	unknownTitle = fault{"unknown_title", "没有这种党内职务：请填书记、副书记、组织委员、宣传委员、纪检委员、青年委员、党小组长，多个用顿号隔开"}
	foreignTitle = fault{"unit_not_found", "这个职务所在的组织不在导入的范围内"}
)

// seat is an office of a unit.
type seat struct {
	unitID int64
	title  model.Title
}

// single reports whether a unit has but one holder of the office.
func (s seat) single() bool { return s.title == model.Secretary || s.title == model.LeagueSecretary }

// parseTitle reads one office of a member who belongs where the target is; ok is false when the text says there is none.
func (t unitTree) parseTitle(text string, where target) (office seat, ok bool, bad *fault) {
	text = strings.Join(strings.Fields(norm.NFKC.String(text)), "")
	if slices.Contains(noTitles, text) {
		return seat{}, false, nil
	}
	unit, rest := where.branch, text
	named, found := t.unitNamed(text, where)
	switch {
	case found:
		unit, rest = named, strings.TrimPrefix(model.NameKey(text), model.NameKey(named.Name))
	default:
		for _, level := range levels {
			if after, cut := strings.CutPrefix(text, level.word); cut && titles[after] != "" {
				above, exists := t.inLine(where, level.kinds)
				if !exists && titles[after] != model.GroupLeader {
					return seat{}, false, &foreignTitle
				}
				unit, rest, found = above, after, exists
				break
			}
		}
	}
	title, known := titles[rest]
	if !known || rest == text && text == "长" {
		return seat{}, false, &unknownTitle
	}
	if title == model.GroupLeader && !found {
		unit = where.unit()
	}
	return seat{unit.ID, ofUnit(title, unit)}, true, nil
}

// ofUnit is the title as it is called in a unit of the League.
func ofUnit(title model.Title, unit model.Unit) model.Title {
	if unit.Kind.Track() == model.League {
		switch title {
		case model.Secretary:
			return model.LeagueSecretary
		case model.DeputySecretary:
			return model.LeagueDeputySecretary
		}
	}
	return title
}

// unitNamed finds the unit whose whole name stands before the office: 第一党支部书记.
func (t unitTree) unitNamed(text string, where target) (model.Unit, bool) {
	key := model.NameKey(text)
	for _, id := range model.PathIDs(where.unit().Path) {
		if u, ok := t.byID[id]; ok {
			if rest, cut := strings.CutPrefix(key, model.NameKey(u.Name)); cut && titles[rest] != "" {
				return u, true
			}
		}
	}
	return model.Unit{}, false
}

// inLine finds the nearest unit of the kinds from the target up.
func (t unitTree) inLine(where target, kinds []model.UnitKind) (model.Unit, bool) {
	for _, id := range slices.Backward(model.PathIDs(where.unit().Path)) {
		if u, ok := t.byID[id]; ok && slices.Contains(kinds, u.Kind) {
			return u, true
		}
	}
	return model.Unit{}, false
}

// titleText is how an export writes an office, so that parseTitle reads the same office out of it; empty when it cannot.
func (t unitTree) titleText(o Office, where target) string {
	word := ""
	for _, level := range levels {
		if slices.Contains(level.kinds, o.Unit.Kind) && !(level.word == "机关党委") {
			word = level.word
			break
		}
	}
	for _, name := range []string{"书记", "副书记", "组织委员", "宣传委员", "纪检委员", "青年委员", "长", "审计员"} {
		for _, text := range []string{name, word + name} {
			if office, ok, bad := t.parseTitle(text, where); ok && bad == nil && office == (seat{o.UnitID, o.Title}) {
				return text
			}
		}
	}
	return ""
}
