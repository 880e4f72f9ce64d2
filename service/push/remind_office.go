package push

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"maps"
	"slices"
	"strconv"
	"strings"

	"gorm.io/gorm"

	"zhibu/model"
)

// termAhead is how many months before the end of a term it is reminded of (DOMAIN.md §10).
const termAhead = 6

// offices reminds officers of what waits for them, on working days: what they have to decide, terms that end, offices that
// are vacant.
func (r reminder) offices(ctx context.Context) error {
	today := r.now.Date()
	if r.hour() < morning || r.hour() >= evening || !r.calendar.IsWorkday(today) {
		return nil
	}
	return errors.Join(
		r.daily(ctx, model.RuleApprovals, r.approvals),
		r.daily(ctx, model.RuleTermEnds, r.terms),
		r.daily(ctx, model.RuleVacantPost, r.vacancies),
	)
}

// daily does something once a day.
func (r reminder) daily(ctx context.Context, rule model.Rule, do func(*gorm.DB, offices) error) error {
	cause := causeOf(rule, r.now.Date())
	fired, err := firedOf(r.service.db.Read(ctx), []string{cause})
	if err != nil || fired[cause] {
		return err
	}
	err = r.service.db.WriteBulk(ctx, func(tx *gorm.DB) error {
		first, err := model.Fire(tx, cause, r.now)
		if err != nil || !first {
			return err
		}
		all, err := loadOffices(tx, r.now)
		if err != nil {
			return err
		}
		return do(tx, all)
	})
	if errors.Is(err, gorm.ErrDuplicatedKey) {
		return nil
	}
	r.service.wake()
	return err
}

// offices are the offices held at a moment, by unit.
type offices struct {
	byUnit map[int64][]model.Post
	units  map[int64]model.Unit
}

func loadOffices(tx *gorm.DB, at model.Instant) (offices, error) {
	var posts []model.Post
	if err := tx.Scopes(model.InOffice(at)).Order("id").Find(&posts).Error; err != nil {
		return offices{}, err
	}
	var units []model.Unit
	if err := tx.Where("closed_on > ?", at.Date()).Find(&units).Error; err != nil {
		return offices{}, err
	}
	o := offices{byUnit: map[int64][]model.Post{}, units: make(map[int64]model.Unit, len(units))}
	for _, p := range posts {
		o.byUnit[p.UnitID] = append(o.byUnit[p.UnitID], p)
	}
	for _, u := range units {
		o.units[u.ID] = u
	}
	return o, nil
}

// nearest returns the members whose office allows p in the lowest unit on the way up from the path where there is one other
// than except. A closed unit has none.
func (o offices) nearest(path string, p model.Permission, except int64) (model.Unit, []int64) {
	line := model.PathIDs(path)
	for _, id := range slices.Backward(line) {
		var holders []int64
		for _, post := range o.byUnit[id] {
			if post.Title.Allows(p) && post.MemberID != except && !slices.Contains(holders, post.MemberID) {
				holders = append(holders, post.MemberID)
			}
		}
		if unit, open := o.units[id]; open && len(holders) > 0 {
			return unit, holders
		}
	}
	return model.Unit{}, nil
}

// request is something that waits for an officer: a leave of an activity to come, or a text that a person has to read.
type request struct {
	ID       int64
	Path     string // of a unit that it comes from: a leave, from those on whose roster its member is due at the activity
	MemberID int64  // who asks
	Author   string // the same of an announcement, as Actor.Ref has it
}

func (r reminder) requests(tx *gorm.DB) (requests []request, err error) {
	err = tx.Raw(`SELECT leaves.id, units.path, leaves.member_id, '' AS author FROM leaves
			JOIN activities ON activities.id = leaves.activity_id AND activities.starts_at > ? AND activities.cancelled_at = 0
			JOIN memberships ON memberships.member_id = leaves.member_id AND memberships.started_on <= ? AND memberships.ended_on > ?
				AND (activities.audience_track = '' OR activities.audience_track = memberships.track)
			JOIN units ON units.id = memberships.unit_id WHERE leaves.state = ? AND EXISTS (SELECT 1 FROM activity_audience
				JOIN units invited ON invited.id = activity_audience.unit_id WHERE activity_audience.activity_id = activities.id
				AND SUBSTR(units.path, 1, LENGTH(invited.path)) = invited.path)
		UNION ALL SELECT announcements.id, units.path, 0, announcements.created_by FROM announcements JOIN units ON units.id = announcements.unit_id
			WHERE announcements.text_state = ? AND announcements.recalled_at = 0`,
		r.now, r.now.Date(), r.now.Date(), model.LeavePending, model.TextWaiting).Scan(&requests).Error
	for i, q := range requests {
		if id, ok := strings.CutPrefix(q.Author, "member:"); ok {
			requests[i].MemberID, _ = strconv.ParseInt(id, 10, 64)
		}
	}
	return requests, err
}

// approvals tells officers how many requests wait for them. Nobody decides about his own.
func (r reminder) approvals(tx *gorm.DB, all offices) error {
	requests, err := r.requests(tx)
	if err != nil {
		return err
	}
	type desk struct{ requests, holders map[int64]bool }
	desks := map[int64]desk{}
	for _, q := range requests {
		unit, holders := all.nearest(q.Path, model.DecideLeave, q.MemberID)
		if len(holders) == 0 || !r.switches.on(model.RuleApprovals, q.Path) {
			continue
		}
		if desks[unit.ID].requests == nil {
			desks[unit.ID] = desk{map[int64]bool{}, map[int64]bool{}}
		}
		desks[unit.ID].requests[q.ID] = true
		for _, id := range holders {
			desks[unit.ID].holders[id] = true
		}
	}
	for id, d := range desks {
		n := len(d.requests)
		err := model.Notify(tx, r.now, model.Notice{
			Rule: model.RuleApprovals, Cause: causeOf(model.RuleApprovals, r.now.Date(), id), Unit: all.units[id], To: slices.Sorted(maps.Keys(d.holders)),
			Purpose: model.PurposeTask, Title: fmt.Sprintf("有%d项待您审批", n), Status: "待审批", Hint: "请在小程序“审批”中处理", Subject: "approvals",
			Body: fmt.Sprintf("有%d项申请等待审批（请假、通知内容审核），请及时处理。", n), ExpiresAt: r.now.Date().AddDays(1).Start(),
		})
		if err != nil {
			return err
		}
	}
	return nil
}

// terms tells a unit and the one above it that a term ends within six months.
func (r reminder) terms(tx *gorm.DB, all offices) error {
	until := model.DateOf(r.now.Time().AddDate(0, termAhead, 0))
	told := map[string]bool{}
	for unitID, posts := range all.byUnit {
		unit, open := all.units[unitID]
		if !open || !r.switches.on(model.RuleTermEnds, unit.Path) {
			continue
		}
		for _, p := range posts {
			cause := causeOf(model.RuleTermEnds, unitID, p.TermEndsOn)
			if p.TermEndsOn == "" || p.TermEndsOn > until || told[cause] {
				continue
			}
			told[cause] = true
			if err := r.termEnds(tx, all, unit, p.TermEndsOn, cause); err != nil {
				return err
			}
		}
	}
	return nil
}

func (r reminder) termEnds(tx *gorm.DB, all offices, unit model.Unit, on model.Date, cause string) error {
	_, own := all.nearest(unit.Path, model.WriteUnits, 0)
	_, above := all.nearest(parentPath(unit.Path), model.WriteUnits, 0)
	to := slices.Clone(own)
	for _, id := range above {
		if !slices.Contains(to, id) {
			to = append(to, id)
		}
	}
	return model.Notify(tx, r.now, model.Notice{
		Rule: model.RuleTermEnds, Cause: cause, Unit: unit, To: to, Purpose: model.PurposeTask,
		Title: shorten(unit.Name+"任期将满", maxTitle), Status: "待换届", Hint: "请提前六个月准备换届", Subject: causeOf("unit", unit.ID),
		Body:      fmt.Sprintf("%s有任职的任期到%s届满，请按规定提前六个月准备换届选举；提前或延期一般不超过一年，须报上级批准。", unit.Name, on),
		HappensAt: on.Start(),
	})
}

// parentPath is the path of the unit above; empty for a root.
func parentPath(path string) string {
	path = strings.TrimSuffix(path, "/")
	return path[:strings.LastIndexByte(path, '/')+1]
}

// vacancies tells officers above, once a month, which of their units have no secretary.
func (r reminder) vacancies(tx *gorm.DB, all offices) error {
	vacant := map[int64][]model.Unit{}
	to := map[int64][]int64{}
	for _, u := range all.units {
		if isGroup(u.Kind) || u.ParentID == nil || !r.switches.on(model.RuleVacantPost, u.Path) || all.hasSecretary(u.ID) {
			continue
		}
		above, holders := all.nearest(parentPath(u.Path), model.WriteUnits, 0)
		if len(holders) > 0 {
			vacant[above.ID] = append(vacant[above.ID], u)
			to[above.ID] = holders
		}
	}
	for id, units := range vacant {
		slices.SortFunc(units, func(a, b model.Unit) int { return cmp.Or(cmp.Compare(a.Code, b.Code), cmp.Compare(a.ID, b.ID)) })
		err := model.Notify(tx, r.now, model.Notice{
			Rule: model.RuleVacantPost, Cause: causeOf(model.RuleVacantPost, id, model.MonthOf(r.now.Date())), Unit: all.units[id], To: to[id],
			Purpose: model.PurposeTask, Title: fmt.Sprintf("有%d个组织的书记空缺", len(units)), Status: "待增补", Hint: "请及时增补",
			Body: "书记空缺：" + namesOf(units, maxNamed) + "。请按规定及时增补，并在系统里登记任职。", Subject: causeOf("unit", id),
		})
		if err != nil {
			return err
		}
	}
	return nil
}

// maxNamed is how many units a notice names.
const maxNamed = 20

func namesOf(units []model.Unit, most int) string {
	names := make([]string, 0, most)
	for _, u := range units[:min(len(units), most)] {
		names = append(names, u.Name)
	}
	if more := len(units) - most; more > 0 {
		return strings.Join(names, "、") + fmt.Sprintf("等%d个", len(units))
	}
	return strings.Join(names, "、")
}

func isGroup(k model.UnitKind) bool { return k == model.PartyGroup || k == model.LeagueGroup }

func (o offices) hasSecretary(unitID int64) bool {
	return slices.ContainsFunc(o.byUnit[unitID], func(p model.Post) bool {
		return p.Title == model.Secretary || p.Title == model.LeagueSecretary
	})
}
