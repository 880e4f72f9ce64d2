package model

import (
	"slices"

	"gorm.io/gorm"
)

// Title is an office. Roles come from offices.
type Title string

const (
	Secretary             Title = "secretary"
	DeputySecretary       Title = "deputy_secretary"
	Organiser             Title = "organiser"
	Publicity             Title = "publicity"
	Discipline            Title = "discipline"
	Youth                 Title = "youth"
	GroupLeader           Title = "group_leader"
	LeagueSecretary       Title = "league_secretary"
	LeagueDeputySecretary Title = "league_deputy_secretary"
	Auditor               Title = "auditor"
	Admin                 Title = "admin"
)

// titleNames are the titles in Chinese, in order of precedence.
var titleNames = []struct {
	title Title
	name  string
}{
	{Secretary, "书记"}, {DeputySecretary, "副书记"}, {Organiser, "组织委员"}, {Publicity, "宣传委员"}, {Discipline, "纪检委员"},
	{Youth, "青年委员"}, {GroupLeader, "党小组长"}, {LeagueSecretary, "团支部书记"}, {LeagueDeputySecretary, "团支部副书记"},
	{Auditor, "审计员"}, {Admin, "管理员"},
}

// Name is the title in Chinese; empty when it is none.
func (t Title) Name() string {
	for _, n := range titleNames {
		if n.title == t {
			return n.name
		}
	}
	return ""
}

// committee are the titles that sit on a branch committee (支委会).
var committee = []Title{Secretary, DeputySecretary, Organiser, Publicity, Discipline, Youth, LeagueSecretary, LeagueDeputySecretary}

// OnCommittee reports whether the holder sits on the unit's committee.
func (t Title) OnCommittee() bool { return slices.Contains(committee, t) }

// Post is a dated office of a member in a unit.
type Post struct {
	ID         int64
	MemberID   int64
	UnitID     int64
	Title      Title
	StartedOn  Date
	TermEndsOn Date    // when the term runs out, empty when it has none; the post lasts until it is ended
	EndedOn    Date    // first day no longer in office; Forever while it lasts
	Ended      int64   // 0 while it lasts, then its id: at most one lasts, and several may have ended
	CreatedAt  Instant `gorm:"autoCreateTime:false"`
}

// InOffice keeps the posts held at the moment.
func InOffice(at Instant) func(*gorm.DB) *gorm.DB {
	day := at.Date()
	return func(tx *gorm.DB) *gorm.DB {
		return tx.Where("posts.started_on <= ? AND posts.ended_on > ?", day, day)
	}
}

// CommitteePosts keeps the posts that sit on a committee.
func CommitteePosts(tx *gorm.DB) *gorm.DB { return tx.Where("posts.title IN ?", committee) }

// ErrHigherOffice refuses to change what a member signs in with, when he holds an office the actor has no power over:
// otherwise a branch could take over the phone of whoever sits above it.
var ErrHigherOffice = ErrForbidden.Saying("该同志在您的管理范围之外任职，请由上级单位办理")

// BeyondReach returns those of the members who hold, or are going to hold, an office with a permission the actor has not
// got there himself.
func BeyondReach(tx *gorm.DB, a Actor, at Instant, memberIDs ...int64) (map[int64]bool, error) {
	var posts []struct {
		MemberID int64
		Title    Title
		Path     string
	}
	err := tx.Model(&Post{}).Joins("JOIN units ON units.id = posts.unit_id").Where("posts.ended_on > ?", at.Date()).
		Where("posts.member_id IN ?", memberIDs).Select("posts.member_id, posts.title, units.path").Find(&posts).Error
	beyond := map[int64]bool{}
	for _, p := range posts {
		for _, needed := range titlePermissions[p.Title] {
			if !a.May(needed, p.Path) {
				beyond[p.MemberID] = true
			}
		}
	}
	return beyond, err
}

// RefuseHigherOffice is ErrHigherOffice when BeyondReach names the member.
func RefuseHigherOffice(tx *gorm.DB, a Actor, at Instant, memberID int64) error {
	beyond, err := BeyondReach(tx, a, at, memberID)
	if err == nil && beyond[memberID] {
		return ErrHigherOffice
	}
	return err
}

// BeginPosts writes new posts and marks the rosters of their holders.
func BeginPosts(tx *gorm.DB, posts ...Post) error {
	if len(posts) == 0 {
		return nil
	}
	if err := tx.CreateInBatches(posts, 200).Error; err != nil {
		return err
	}
	holders := make([]int64, len(posts))
	for i, p := range posts {
		holders[i] = p.MemberID
	}
	return MarkMembers(tx, holders...)
}

// ErrCashInHand keeps an office from ending while its holder has cash of the unit.
var ErrCashInHand = NewError(Conflict, "cash_in_hand", "该同志手中还有未上缴、未移交的党费现金，请先办理移交")

// refuseOpenCash is ErrCashInHand when the holder of one of the posts, which collect, has cash of its unit or one below it.
func refuseOpenCash(posts *gorm.DB) error {
	var collecting []Title
	for title := range titlePermissions {
		if title.Allows(WriteDues) {
			collecting = append(collecting, title)
		}
	}
	var held []struct {
		MemberID int64
		Path     string
	}
	err := posts.Session(&gorm.Session{}).Where("title IN ?", collecting).
		Select("member_id, (SELECT units.path FROM units WHERE units.id = posts.unit_id) AS path").Find(&held).Error
	for _, h := range held {
		if err != nil {
			return err
		}
		var open int64
		// As it is now: whoever took cash meanwhile held the office, see HoldOffice.
		err = ForShare(posts.Session(&gorm.Session{NewDB: true})).Model(&Balance{}).Joins("JOIN units ON units.id = dues_balances.unit_id").
			Scopes(Under(h.Path)).Where("account = ? AND holder = ? AND amount_fen <> 0", Cash, Actor{MemberID: h.MemberID}.Ref()).
			Count(&open).Error
		if err == nil && open > 0 {
			return ErrCashInHand
		}
	}
	return err
}

// HoldOffice is ErrForbidden unless the actor still holds an office that allows p in the unit with the path and is not about
// to end, and keeps the office from ending before the transaction does. A console account holds what it was given.
func HoldOffice(tx *gorm.DB, a Actor, p Permission, path string, at Instant) error {
	if a.MemberID == 0 || a.AccountID != 0 {
		return nil
	}
	var posts []Post
	err := ForShare(tx).Scopes(InOffice(at)).Where("posts.ended = 0").Where("posts.member_id = ? AND posts.unit_id IN ?", a.MemberID, PathIDs(path)).Find(&posts).Error
	if err == nil && !slices.ContainsFunc(posts, func(o Post) bool { return o.Title.Allows(p) }) {
		err = ErrForbidden
	}
	return err
}

// EndPosts ends the posts of the query on a day, marks the rosters of their holders and returns how many they were. A
// post that has not begun by then ends on its first day. Whoever has cash in hand keeps his office (ErrCashInHand).
func EndPosts(q *gorm.DB, on Date) (ended int64, err error) {
	q = q.Model(&Post{}).Session(&gorm.Session{})
	var holders []int64
	if err := ForUpdate(q).Distinct("member_id").Pluck("member_id", &holders).Error; err != nil || len(holders) == 0 {
		return 0, err
	}
	if err := refuseOpenCash(q); err != nil {
		return 0, err
	}
	done := q.Updates(map[string]any{
		"ended_on": gorm.Expr("CASE WHEN started_on > ? THEN started_on ELSE ? END", on, on), "ended": gorm.Expr("id"),
	})
	if done.Error != nil {
		return 0, done.Error
	}
	return done.RowsAffected, MarkMembers(q.Session(&gorm.Session{NewDB: true}), holders...)
}
