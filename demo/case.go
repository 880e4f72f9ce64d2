package demo

import (
	"fmt"
	"slices"

	"zhibu/model"
)

// cases are the people who are not ordinary (DOMAIN.md §20), each with what makes him so.
func (c calendar) cases() []person {
	return slices.Concat(c.visited(), c.bothTracks(), c.leagueCases(), c.partyCases(), c.names(), c.moved(), c.movedWithTheirBranch())
}

// visited are the people of the guide.
func (c calendar) visited() []person {
	return []person{
		{key: "member", name: name{memberName, "lin.wang.chuan"}, age: 35, job: "机关科室干部",
			episodes: []episode{{unit: "010101", kind: model.Full}}},
		{key: "secretary", name: name{secretaryName, "gao.wen.yuan"}, age: 46, job: "办公室主任",
			episodes: []episode{{unit: "010101", kind: model.Full}}},
		{key: "newcomer", name: name{newcomerName, "zhou.ying.he"}, age: 38, female: true, job: "机关科室干部", phone: newcomerPhone,
			episodes: []episode{ // moved this month
				{unit: "010201", kind: model.Full, to: c.month(0), reason: "工作岗位变动"},
				{unit: "010101", kind: model.Full, from: c.month(0)},
			}},
	}
}

// bothTracks are on two rosters: league members on probation in the party, and a league secretary above 28.
func (c calendar) bothTracks() []person {
	probation := func(key string, age int, female bool, party, league string, joined model.Date) person {
		return person{key: key, age: age, female: female, job: "科员", episodes: []episode{
			{unit: party, kind: model.Probationary, joined: joined, from: joined}, {unit: league, kind: model.LeagueMember},
		}}
	}
	return []person{
		probation("both-1", 26, true, "010101", "011101", c.month(-5)),
		probation("both-2", 25, false, "010102", "011101", c.month(-5)),
		probation("both-3", 26, false, "010201", "011102", c.month(-9)),
		probation("both-4", 25, true, "010202", "011103", c.month(-2)),
		{key: "league-secretary", age: 30, job: "机关科室干部", episodes: []episode{
			{unit: "010102", kind: model.Full}, {unit: "011101", kind: model.LeagueMember},
		}},
	}
}

func (c calendar) leagueCases() []person {
	last := c.month(-1).AddDays(9)
	return []person{
		{key: "turns-28", born: years(c.month(1).AddDays(14), -28), job: "助理工程师",
			episodes: []episode{{unit: "011102", kind: model.LeagueMember}}},
		{key: "turned-28", born: years(last, -28), female: true, job: "热线话务员",
			episodes: []episode{{unit: "011103", kind: model.LeagueMember, to: last, reason: "年满28周岁离团"}}},
		// Turned 28 in the middle of a study period; nobody has confirmed yet that she has left (DOMAIN.md §20 no. 14).
		{key: "is-28", born: years(c.studyWeek(3).AddDays(2), -28), female: true, job: "机关科室科员",
			episodes: []episode{{unit: "011101", kind: model.LeagueMember}}},
		{key: "league-moved", age: 24, job: "助理工程师", episodes: []episode{ // in the middle of another (no. 11)
			{unit: "011102", kind: model.LeagueMember, to: c.studyWeek(2).AddDays(2), reason: "工作岗位变动"},
			{unit: "011103", kind: model.LeagueMember, from: c.studyWeek(2).AddDays(2)},
		}},
	}
}

func (c calendar) partyCases() []person {
	return []person{
		{key: "suspended", age: 41, job: "停薪留职", episodes: []episode{
			{unit: "010102", kind: model.Full, to: c.day(-60), reason: "失去联系六个月以上，停止党籍"},
			{unit: "010102", kind: model.Full, state: model.Suspended, from: c.day(-60)},
		}},
		{key: "floating-1", age: 33, job: "驻外人员", episodes: []episode{{unit: "010202", kind: model.Full, category: model.Floating}}},
		{key: "floating-2", age: 29, female: true, job: "援派干部", episodes: []episode{{unit: "010201", kind: model.Full, category: model.Floating}}},
		{key: "hardship-1", age: 52, female: true, job: "工勤人员", episodes: []episode{{unit: "010102", kind: model.Full, hardship: true}}},
		{key: "hardship-2", age: 77, noPhone: true, noID: true, job: "退休干部",
			episodes: []episode{{unit: "010302", kind: model.Full, category: model.Retired, hardship: true}}},
		{key: "confirmed", age: 29, job: "工程师", episodes: []episode{
			{unit: "010201", kind: model.Probationary, joined: c.month(-14), from: c.month(-14), to: c.month(-2)},
			{unit: "010201", kind: model.Full, joined: c.month(-14), confirmed: c.month(-2), from: c.month(-2)},
		}},
		{key: "left", age: 36, job: "数据分析员",
			episodes: []episode{{unit: "010202", kind: model.Full, to: c.month(-3), reason: "调离本市，组织关系转出"}}},
	}
}

// names are hard to print, to sort or to tell apart.
func (c calendar) names() []person {
	full := func(unit string) []episode { return []episode{{unit: unit, kind: model.Full}} }
	league := func(unit string) []episode { return []episode{{unit: unit, kind: model.LeagueMember}} }
	return []person{
		{key: "dot-1", name: name{"阿依古丽·买买提", "a.yi.gu.li.mai.mai.ti"}, age: 25, female: true, ethnicity: "维吾尔族", job: "热线话务员",
			episodes: league("011103")},
		{key: "dot-2", name: name{"其木格·乌仁", "qi.mu.ge.wu.ren"}, age: 44, female: true, ethnicity: "蒙古族", job: "工程师", episodes: full("010201")},
		{key: "rare-1", name: name{"李𬭎", "li.hong"}, age: 39, job: "机关科室干部", episodes: full("010101")},
		{key: "rare-2", name: name{"王㛃", "wang.jie"}, age: 24, female: true, job: "助理工程师", episodes: league("011102")},
		{key: "rare-3", name: name{"梁䶮", "liang.yan"}, age: 23, job: "热线话务员", episodes: league("011103")},
		{key: "same-1", name: name{"赵荷香", "zhao.he.xiang"}, age: 34, female: true, job: "机关科室干部", episodes: full("010101")},
		{key: "same-2", name: name{"赵荷香", "zhao.he.xiang"}, age: 48, female: true, job: "机关科室干部", episodes: full("010102")},
	}
}

// moved is about to change the branch.
func (c calendar) moved() []person {
	return []person{{key: "moving", age: 40, job: "机关科室干部", episodes: []episode{
		{unit: "010102", kind: model.Full, to: c.day(7), reason: "工作岗位变动"},
		{unit: "010202", kind: model.Full, from: c.day(7)},
	}}}
}

// movedWithTheirBranch were in the branch that has closed.
func (c calendar) movedWithTheirBranch() []person {
	people := make([]person, 6)
	for i := range people {
		people[i] = person{key: fmt.Sprintf("0104-%d", i+1), age: 37 + 3*i, female: i%2 == 1, job: "后勤服务人员", episodes: []episode{
			{unit: "0104", kind: model.Full, to: c.month(closingMonth), reason: "支部撤销，党员并入机关第一党支部"},
			{unit: fmt.Sprintf("01010%d", 1+i%2), kind: model.Full, from: c.month(closingMonth)},
		}}
	}
	return people
}
