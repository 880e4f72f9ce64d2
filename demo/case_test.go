package demo_test

import (
	"testing"

	"gorm.io/gorm"

	"zhibu/model"
)

// checkCases finds each of the people and units that are not ordinary, as the features would look for them. The dates
// in it are those of the first moment.
func checkCases(t *testing.T, tx *gorm.DB, now model.Instant) {
	t.Helper()
	today := now.Date()
	roster := func(where string, args ...any) *gorm.DB {
		return tx.Model(&model.Membership{}).Joins("JOIN members ON members.id = memberships.member_id").
			Joins("JOIN units ON units.id = memberships.unit_id").Scopes(model.OnRoster(now)).Where(where, args...)
	}
	rows := func(of any, where string, args ...any) *gorm.DB { return tx.Model(of).Where(where, args...) }
	leagueIDs := tx.Model(&model.Membership{}).Select("member_id").Scopes(model.OnRoster(now)).Where("track = 'league'")
	for _, c := range []struct {
		what        string
		found       *gorm.DB
		least, most int
	}{
		{"party members", roster("memberships.track = 'party'"), 75, 99},
		{"league members", roster("memberships.track = 'league'"), 30, 50},
		{"on both rosters", roster("memberships.kind = 'probationary' AND memberships.member_id IN (?)", leagueIDs), 4, 4},
		{"retired without a phone", roster("category = 'retired' AND phone_hash IS NULL"), 5, 9},
		{"floating", roster("category = 'floating'"), 2, 2},
		{"in hardship", roster("hardship = 1"), 2, 2},
		{"suspended", roster("state = 'suspended'"), 1, 1},
		{"without an id number", rows(&model.Member{}, "id_number_hash IS NULL"), 1, 1},
		{"moved this month", rows(&model.Transfer{}, "effective_on = '2026-11-01' AND to_unit_id IS NOT NULL"), 1, 1},
		{"moving next week", rows(&model.Transfer{}, "effective_on = ?", today.AddDays(7)), 1, 1},
		{"left", rows(&model.Transfer{}, "to_unit_id IS NULL"), 2, 2},
		{"left with the reason", rows(&model.Membership{}, "end_reason <> ''"), 2, 2},
		{"turn 28 next month", roster("memberships.track = 'league' AND birth_date BETWEEN '1998-12-01' AND '1998-12-31'"), 1, 1},
		{"above 28 with a league post", roster("memberships.track = 'league' AND birth_date < '1997-11-23' AND " +
			"memberships.member_id IN (SELECT member_id FROM posts WHERE title = 'league_secretary')"), 1, 1},
		{"above 28 in the league", roster("memberships.track = 'league' AND birth_date <= '1998-11-23'"), 2, 2},
		{"moved in the League", rows(&model.Transfer{}, "track = 'league' AND to_unit_id IS NOT NULL"), 1, 1},
		{"studied at home without a phone", tx.Model(&model.Completion{}).Joins("JOIN members ON members.id = member_id").
			Where("source = 'home_visit' AND phone_hash IS NULL"), 20, 60},
		{"studied on both tracks", tx.Table("(?) AS twice", tx.Model(&model.Completion{}).Select("member_id").
			Joins("JOIN study_periods ON study_periods.id = period_id").Group("member_id").
			Having("COUNT(DISTINCT track) = 2")), 4, 5},
		{"names with a dot", rows(&model.Member{}, "name LIKE '%·%'"), 2, 2},
		{"rare names", rows(&model.Member{}, "name IN ('李𬭎', '王㛃', '梁䶮')"), 3, 3},
		{"same names", tx.Table("(?) AS same", tx.Model(&model.Member{}).Select("name_key").Group("name_key").Having("COUNT(*) > 1")), 1, 1},
		{"same names in one branch", roster("members.name = '赵荷香' AND units.code LIKE '0101%'"), 2, 2},
		{"closed units", rows(&model.Unit{}, "closed_on <= ?", today), 1, 1},
		{"activities of the closed unit", tx.Model(&model.Activity{}).Joins("JOIN units ON units.id = unit_id").Where("code = '0104'"), 4, 7},
		{"moved with their branch", tx.Model(&model.Transfer{}).Joins("JOIN units ON units.id = from_unit_id").Where("code = '0104'"), 6, 6},
		{"on the roster of a closed unit", roster("units.closed_on <= ?", today), 0, 0},
		{"terms that end in four months", rows(&model.Post{}, "term_ends_on BETWEEN '2027-03-01' AND '2027-03-31'"), 4, 5},
		{"terms overdue", rows(&model.Post{}, "term_ends_on <> '' AND term_ends_on < ? AND ended_on > ?", today, today), 5, 5},
		{"admin and auditor", rows(&model.Post{}, "title IN ('admin', 'auditor')"), 2, 2},
		{"group leaders", rows(&model.Post{}, "title = 'group_leader'"), 6, 6},
		{"joint meetings", tx.Table("(?) AS joint", tx.Model(&model.AudienceUnit{}).Select("activity_id").Group("activity_id").Having("COUNT(*) > 1")), 2, 2},
		{"meetings under way", rows(&model.Activity{}, "starts_at < ? AND ends_at > ?", now, now), 1, 1},
		{"openids in use", rows(&model.Binding{}, "unbound_at = 0"), 12, 14},
	} {
		between(t, c.what, count(t, c.found), c.least, c.most)
	}
}
