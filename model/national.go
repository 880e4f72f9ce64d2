package model

import "slices"

// The documents behind the national standards.
const (
	partyDuesRule  = "《关于中国共产党党费收缴、使用和管理的规定》（中组发〔2008〕3号），组电明字〔2017〕5号"
	leagueDuesRule = "《关于中国共产主义青年团团费收缴、使用和管理的规定》（2016年）"
)

// The brackets of the national standards.
const (
	partyIncome  = `[{"to_fen":300000,"rate_bp":50},{"to_fen":500000,"rate_bp":100},{"to_fen":1000000,"rate_bp":150},{"rate_bp":200}]`
	partyPension = `[{"to_fen":500000,"rate_bp":50},{"rate_bp":100}]`
	partyFarmer  = `[{"amount_fen":20,"max_fen":100}]`
	twentyFen    = `[{"amount_fen":20}]`
	fiftyFen     = `[{"amount_fen":50}]`
	leagueIncome = `[{"to_fen":199999,"amount_fen":300},{"rate_bp":20}]` // at exactly 2000 yuan 2‰ holds (DOMAIN.md §21 no. 2)
)

// nationalStandards are the rules that hold where an organisation has set none (DOMAIN.md §6 and §7). Their ids are
// fixed: what was assessed by them names them.
var nationalStandards = []Standard{
	partyStandard(1, DuesSalaried, partyIncome,
		"以税后月收入为基数：3000元（含）以下交0.5%，3000元以上至5000元（含）交1%，5000元以上至10000元（含）交1.5%，10000元以上交2%；按全额计，每月一般不超过1000元"),
	partyStandard(2, DuesRetired, partyPension, "以实际领取的离退休费或养老金为基数：5000元（含）以下交0.5%，5000元以上交1%；每月一般不超过1000元"),
	partyStandard(3, DuesSelfEmployed, partyIncome, "以上季度月平均纯收入为基数，比例与按月领取工资的党员相同"),
	partyStandard(4, DuesFarmer, partyFarmer, "农民党员每月交0.2元至1元"),
	partyStandard(5, DuesStudent, twentyFen, "学生党员每月交0.2元"),
	partyStandard(6, DuesUnemployed, twentyFen, "下岗失业的党员每月交0.2元"),
	partyStandard(7, DuesRelief, twentyFen, "依靠抚恤或救济生活、领取最低生活保障金的党员每月交0.2元"),
	leagueStandard(8, DuesSalaried, leagueIncome, "以税后月收入为基数：不足2000元每月交3元，2000元（含）以上交2‰，只取整数，每月最多20元"),
	leagueStandard(9, DuesSelfEmployed, leagueIncome, "以上季度税后月平均收入为基数，比例与有固定收入的团员相同（待核实）"),
	leagueStandard(10, DuesStudent, twentyFen, "学生团员每月交0.2元（待核实）"),
	leagueStandard(11, DuesFarmer, fiftyFen, "农民团员每月交0.5元（待核实）"),
	leagueStandard(12, DuesUnemployed, twentyFen, "没有收入的团员每月交0.2元（待核实）"),
	leagueStandard(13, DuesRelief, twentyFen, "依靠抚恤或救济生活的团员每月交0.2元（待核实）"),
}

func partyStandard(id int64, c DuesCategory, brackets, rule string) Standard {
	return Standard{
		ID: id, Track: Party, Category: c, EffectiveMonth: "2008-04", Brackets: brackets, CapFen: 100_000, Rule: rule,
		Source: partyDuesRule, CreatedBy: "system",
	}
}

func leagueStandard(id int64, c DuesCategory, brackets, rule string) Standard {
	return Standard{
		ID: id, Track: League, Category: c, EffectiveMonth: "2016-01", Brackets: brackets, CapFen: 2_000, Rounding: RoundYuanDown,
		Rule: rule, Source: leagueDuesRule, CreatedBy: "system", Unconfirmed: c != DuesSalaried,
	}
}

// NationalStandards returns the standards that hold where an organisation has set none.
func NationalStandards() []Standard { return slices.Clone(nationalStandards) }
