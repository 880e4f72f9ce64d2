package demo

import "zhibu/model"

// closingMonth is when the closed branch closed, counted from this month.
const closingMonth = -6

// units are listed parents first; a code is its parent's with two digits more.
var units = []struct {
	code        string
	kind        model.UnitKind
	name        string
	founded     model.Date
	closedMonth int // of its closing
	reason      string
}{
	{code: "01", kind: model.PartyGeneralBranch, name: "局机关党总支", founded: "2010-06-18"},
	{code: "0101", kind: model.PartyBranch, name: "机关第一党支部", founded: "2010-06-25"},
	{code: "010101", kind: model.PartyGroup, name: "第一党小组", founded: "2010-06-25"},
	{code: "010102", kind: model.PartyGroup, name: "第二党小组", founded: "2010-06-25"},
	{code: "0102", kind: model.PartyBranch, name: "信息中心党支部", founded: "2013-03-12"},
	{code: "010201", kind: model.PartyGroup, name: "第一党小组", founded: "2013-03-12"},
	{code: "010202", kind: model.PartyGroup, name: "第二党小组", founded: "2013-03-12"},
	{code: "0103", kind: model.PartyBranch, name: "离退休干部党支部", founded: "2011-09-06"},
	{code: "010301", kind: model.PartyGroup, name: "第一党小组", founded: "2011-09-06"},
	{code: "010302", kind: model.PartyGroup, name: "第二党小组", founded: "2011-09-06"},
	{code: "0104", kind: model.PartyBranch, name: "后勤服务中心党支部", founded: "2012-05-21", closedMonth: closingMonth, reason: "机构改革，党员并入机关第一党支部"},
	{code: "0111", kind: model.LeagueGeneralBranch, name: "局团总支", founded: "2012-05-04"},
	{code: "011101", kind: model.LeagueBranch, name: "机关团支部", founded: "2012-05-04"},
	{code: "011102", kind: model.LeagueBranch, name: "信息中心团支部", founded: "2013-05-04"},
	{code: "011103", kind: model.LeagueBranch, name: "政务服务热线团支部", founded: "2016-05-04"},
}

func (b *bureau) addUnits() {
	for _, row := range units {
		u := model.Unit{
			ID: model.NewID(), Kind: row.kind, Name: row.name, Code: row.code, FoundedOn: row.founded,
			ClosedOn: model.Forever, ClosedReason: row.reason, CreatedAt: b.since,
		}
		parent, below := b.unit[row.code[:len(row.code)-2]]
		if below {
			u.ParentID = &parent.ID
		}
		u.Path = model.ChildPath(parent.Path, u.ID)
		if row.closedMonth != 0 {
			u.ClosedOn = b.month(row.closedMonth)
		}
		b.units = append(b.units, u)
		b.unit[u.Code], b.path[u.ID] = u, u.Path
	}
}
