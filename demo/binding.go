package demo

import "zhibu/model"

// bound are the openids that belong to somebody, for looking at the bureau through the eyes of each office.
var bound = []struct{ openID, person string }{
	{memberOpenID, "member"},
	{secretaryOpenID, "secretary"},
	{"demo-secretary-openid-0002", "010201-2"},
	{"demo-secretary-openid-0003", "010301-1"},
	{"demo-secretary-openid-0004", "010101-8"}, // of the root
	{"demo-admin-openid-0001", "010101-3"},
	{"demo-auditor-openid-0001", "010102-3"},
	{"demo-organiser-openid-0001", "010101-2"},
	{"demo-leader-openid-0001", "010101-5"},
	{"demo-league-openid-0001", "league-secretary"},
	{"demo-league-openid-0002", "011103-1"},
	{"demo-member-openid-0002", "both-1"},
	{"demo-member-openid-0003", "dot-1"},
}

func (b *bureau) addBindings() {
	b.visitors[b.person["newcomer"]] = true
	for i, row := range bound {
		memberID := b.person[row.person]
		b.visitors[memberID] = true
		b.bindings = append(b.bindings, model.Binding{
			ID: model.NewID(), OpenID: row.openID, MemberID: memberID, Method: "phone",
			BoundAt: min(b.now, b.members[b.ordinal[memberID]-1].CreatedAt.Add(hours(9)+minutes(7*i))),
		})
	}
}
