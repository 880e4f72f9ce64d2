// Package roster keeps the roster (花名册): who is a member, in which unit and from when to when; and reads and writes
// it as the spreadsheets that branches have.
package roster

import (
	"errors"
	"time"

	"gorm.io/gorm"

	"zhibu/model"
)

// The refusals of this feature.
var (
	ErrMemberExists  = model.NewError(model.Conflict, "member_exists", "这位同志已在花名册上（姓名与手机号、身份证号或出生日期相同）")
	ErrUnitClosed    = model.NewError(model.Conflict, "unit_closed", "这个组织已撤销，不能再编入成员")
	ErrNotABranch    = model.NewError(model.Conflict, "not_a_branch", "成员只能编入支部或小组")
	ErrNoMembership  = model.NewError(model.Conflict, "no_membership", "这位同志目前没有这一类组织关系")
	ErrAlreadyInUnit = model.NewError(model.Conflict, "already_in_unit", "这位同志的组织关系已在这个组织")
	ErrAlreadyEnded  = model.NewError(model.Conflict, "already_ended", "这段组织关系已经结束")
	ErrBeforeEpisode = model.NewError(model.Conflict, "before_episode", "日期须晚于现有组织关系（或其上次变动）的开始日期")
	ErrLaterChange   = model.NewError(model.Conflict, "later_change", "已登记了更晚生效的变动，请在其生效之后再改")
	ErrTransferBegun = model.NewError(model.Conflict, "transfer_begun", "这次变动已经生效，不能取消；请另行办理接转或重新编入")
	ErrCancelled     = model.NewError(model.Conflict, "transfer_cancelled", "这次变动已经取消")
	ErrCancelLater   = model.NewError(model.Conflict, "later_change", "在这次变动之后还登记了别的变动，请先取消那一次")
	ErrChangedBeside = model.NewError(model.Conflict, "changed_meanwhile", "这份记录刚被别人改过，请刷新后再试")
)

// Service answers for members, memberships and transfers.
type Service struct {
	db   *model.DB
	keys *model.Keyring
	now  func() time.Time
}

// New makes the service; keys seal and match phone and id numbers.
func New(db *model.DB, keys *model.Keyring, now func() time.Time) *Service {
	return &Service{db: db, keys: keys, now: now}
}

func (s *Service) today() model.Date { return model.At(s.now()).Date() }

// Episode is a membership with its unit.
type Episode struct {
	model.Membership
	Unit model.Unit
}

// Office is a post with its unit.
type Office struct {
	model.Post
	Unit model.Unit
}

// duplicate turns a broken unique key into a refusal.
func duplicate(err error, refusal *model.Error) error {
	if errors.Is(err, gorm.ErrDuplicatedKey) {
		return refusal.With(err)
	}
	return err
}

// chunk is how many values go into one IN list or one batch: within the limits of every database.
const chunk = 400

// findIn loads the rows whose column has one of values, in as many queries as that takes.
func findIn[R, V any](tx *gorm.DB, column string, values []V) ([]R, error) {
	var found []R
	for len(values) > 0 {
		n := min(len(values), chunk)
		var some []R
		if err := tx.Session(&gorm.Session{}).Where(column+" IN ?", values[:n]).Find(&some).Error; err != nil {
			return nil, err
		}
		found, values = append(found, some...), values[n:]
	}
	return found, nil
}

// loadUnits returns the units by id.
func loadUnits(tx *gorm.DB, ids []int64) (map[int64]model.Unit, error) {
	units, err := findIn[model.Unit](tx, "id", ids)
	if err != nil {
		return nil, err
	}
	byID := make(map[int64]model.Unit, len(units))
	for _, u := range units {
		byID[u.ID] = u
	}
	return byID, nil
}

// loadEpisodes returns all episodes of the members, by member, in order of time, the party first.
func loadEpisodes(tx *gorm.DB, memberIDs []int64) (map[int64][]Episode, error) {
	memberships, err := findIn[model.Membership](tx.Order("started_on, track DESC"), "member_id", memberIDs)
	if err != nil {
		return nil, err
	}
	units, err := loadUnits(tx, distinct(memberships, func(m model.Membership) int64 { return m.UnitID }))
	if err != nil {
		return nil, err
	}
	byMember := map[int64][]Episode{}
	for _, m := range memberships {
		byMember[m.MemberID] = append(byMember[m.MemberID], Episode{m, units[m.UnitID]})
	}
	return byMember, nil
}

// loadOffices returns the posts the members hold at the moment, by member.
func loadOffices(tx *gorm.DB, memberIDs []int64, at model.Instant) (map[int64][]Office, error) {
	posts, err := findIn[model.Post](tx.Scopes(model.InOffice(at)).Order("started_on, id"), "member_id", memberIDs)
	if err != nil {
		return nil, err
	}
	units, err := loadUnits(tx, distinct(posts, func(p model.Post) int64 { return p.UnitID }))
	if err != nil {
		return nil, err
	}
	byMember := map[int64][]Office{}
	for _, p := range posts {
		byMember[p.MemberID] = append(byMember[p.MemberID], Office{p, units[p.UnitID]})
	}
	return byMember, nil
}

// distinct returns the keys of rows, each once.
func distinct[R any, K comparable](rows []R, key func(R) K) []K {
	seen := make(map[K]bool, len(rows))
	var keys []K
	for _, r := range rows {
		if k := key(r); !seen[k] {
			seen[k] = true
			keys = append(keys, k)
		}
	}
	return keys
}
