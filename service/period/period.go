// Package period keeps the study periods (期) of a series: who is due, who completed, the rates by unit, and the version
// that is frozen at the close.
package period

import (
	"context"
	"encoding/json"
	"errors"
	"slices"
	"strconv"
	"strings"
	"time"
	"unicode/utf8"

	"gorm.io/gorm"

	"zhibu/model"
)

// The refusals of a period.
var (
	ErrNotInvited  = model.NewError(model.Forbidden, "not_invited", "您不在本期的应参学人员中")
	ErrNotOpen     = model.NewError(model.Conflict, "study_period_not_open", "本期学习还没有开始")
	ErrCancelled   = model.NewError(model.Conflict, "study_period_cancelled", "本期学习已取消")
	ErrClosed      = model.NewError(model.Conflict, "study_period_closed", "本期学习已截止，更正须由上级组织重新打开")
	ErrNotClosed   = model.NewError(model.Conflict, "study_period_not_closed", "本期学习尚未截止")
	ErrExists      = model.NewError(model.Conflict, "study_period_exists", "这个系列已经有这一期")
	ErrOverlaps    = model.NewError(model.Invalid, "study_period_overlaps", "学习时间与同一系列的另一期重叠")
	ErrQuizMissing = model.NewError(model.Invalid, "quiz_answers_required", "请先完成本期答题")
	ErrQuizFailed  = model.NewError(model.Invalid, "quiz_not_passed", "答题未通过，请再试一次")
)

// Service keeps study periods.
type Service struct {
	db             *model.DB
	keys           *model.Keyring
	now            func() time.Time
	namesDrilldown bool
	rateOrder      bool
	groups         groups
	recounts       *model.Group[int64]
}

// Switches are the operator's feature switches that concern periods.
type Switches struct {
	NamesDrilldown bool // names of who is behind for officers above the branch, each look in the audit
	RateOrder      bool // units by rate
}

// atOnce is how many groups of completions are settled at a time, as in package checkin.
var atOnce = map[model.Dialect]int{model.SQLite: 1, model.MySQL: 2}

// New makes the service. keys match the phone numbers of an import.
func New(db *model.DB, keys *model.Keyring, now func() time.Time, on Switches) *Service {
	s := &Service{
		db: db, keys: keys, now: now, namesDrilldown: on.NamesDrilldown, rateOrder: on.RateOrder,
	}
	s.groups.make = func() *model.Group[*request] { return model.NewGroup(atOnce[db.Dialect], s.settleGroup) }
	s.recounts = model.NewGroup(1, s.recountEach)
	return s
}

// Plan is a period as an officer writes it. Zero values take the defaults: the audience is the unit itself, the track
// that of the unit, the threshold the setting in force on the opening day.
type Plan struct {
	UnitID          int64
	Series          string
	Number          *int // nil for a special issue, which is known by its title
	Title           string
	OpensAt         model.Instant
	ClosesAt        model.Instant
	Track           model.Track
	AudienceUnitIDs []int64
	ThresholdBP     int
	Link            string
	Quiz            *model.Quiz
}

// Open plans a period of a unit for its members or those of units inside it. What the settings say of the opening
// day when it is planned is kept in the period: a later setting never changes it (DOMAIN.md §20 no. 30).
func (s *Service) Open(ctx context.Context, actor model.Actor, plan Plan) (p model.Period, err error) {
	now := model.At(s.now())
	err = s.db.Write(ctx, func(tx *gorm.DB) error {
		unit, err := model.FindUnit(model.ForUpdate(tx), actor, plan.UnitID, model.WritePeriods) // one plan at a time
		switch {
		case err != nil:
			return err
		case !unit.ClosedOn.IsOpen():
			return model.InvalidField("unit_id", "unit_closed", "该组织已撤销")
		}
		p = model.Period{Unit: unit, StudyPeriod: model.StudyPeriod{
			ID: model.NewID(), UnitID: unit.ID, Track: plan.Track, CreatedBy: actor.Ref(), CreatedAt: now,
		}}
		if p.Audience, err = audienceOf(tx, unit, plan.AudienceUnitIDs); err != nil {
			return err
		}
		if err := apply(tx, &p, plan); err != nil {
			return err
		}
		if plan.ClosesAt <= now {
			return model.InvalidField("closes_at", "invalid_range", "截止时间须在当前时间之后")
		}
		if err := refuseOverlap(tx, p.StudyPeriod); err != nil {
			return err
		}
		return add(tx, actor, p)
	})
	return p, err
}

func add(tx *gorm.DB, actor model.Actor, p model.Period) error {
	if err := tx.Create(&p.StudyPeriod).Error; err != nil {
		return existing(err)
	}
	units := make([]model.PeriodAudience, len(p.Audience))
	for i, u := range p.Audience {
		units[i] = model.PeriodAudience{PeriodID: p.ID, UnitID: u.ID}
	}
	if err := tx.Create(units).Error; err != nil {
		return err
	}
	if err := tx.Create(&model.Recount{PeriodID: p.ID}).Error; err != nil {
		return err
	}
	return model.Audit(tx, actor, p.CreatedAt, model.Deed{
		Action: "study_period.open", Unit: p.Unit, SubjectID: p.ID, After: auditOf(p),
	})
}

func existing(err error) error {
	if errors.Is(err, gorm.ErrDuplicatedKey) {
		return ErrExists.With(err)
	}
	return err
}

// audienceOf returns the units due, which are the unit or inside it; one inside another of them adds nothing.
func audienceOf(tx *gorm.DB, unit model.Unit, ids []int64) (model.Audience, error) {
	if len(ids) == 0 {
		return model.Audience{unit}, nil
	}
	named, err := model.UnitsUnder(tx, unit, ids)
	if err != nil {
		return nil, err
	}
	known := map[int64]bool{}
	for _, u := range named {
		known[u.ID] = true
		if !u.ClosedOn.IsOpen() {
			return nil, model.InvalidField("audience.unit_ids["+strconv.Itoa(slices.Index(ids, u.ID))+"]", "unit_closed",
				"应参学组织“"+u.Name+"”已撤销")
		}
	}
	for i, id := range ids {
		if !known[id] {
			return nil, model.InvalidField("audience.unit_ids["+strconv.Itoa(i)+"]", "not_found",
				"应参学组织不存在，或不属于发起单位")
		}
	}
	return model.AudienceOf(named), nil
}

// apply checks the plan and writes it into the row.
func apply(tx *gorm.DB, p *model.Period, plan Plan) error {
	settings, err := model.LoadSettings(tx, p.Unit, plan.OpensAt.Date())
	if err != nil {
		return err
	}
	if plan.ThresholdBP == 0 {
		plan.ThresholdBP = settings.Int(model.SettingThreshold)
	}
	if p.Track == "" {
		p.Track = p.Unit.Kind.Track()
	}
	if err := check(plan); err != nil {
		return err
	}
	p.Series, p.Title, p.Link = model.CleanLine(plan.Series), model.CleanLine(plan.Title), strings.TrimSpace(plan.Link)
	p.Number = plan.Number
	p.SetCode()
	p.OpensAt, p.ClosesAt, p.ThresholdBP = plan.OpensAt, plan.ClosesAt, plan.ThresholdBP
	applySettings(p, settings)
	p.Quiz, err = quizText(plan.Quiz)
	return err
}

func applySettings(p *model.Period, s model.Settings) {
	p.MinDays, p.DecideOn = s.Int(model.SettingMinDays), model.DecideOn(s.Text(model.SettingDecideOn))
	p.CheckInsCount = s.Bool(model.SettingCheckInsCount)
}

func quizText(q *model.Quiz) (string, error) {
	if q == nil {
		return "", nil
	}
	if q.Pass == 0 {
		q.Pass = len(q.Questions)
	}
	b, err := json.Marshal(q)
	return string(b), err
}

// refuseOverlap keeps the windows of a series apart: one closed early ends there. A special issue may run beside a
// numbered one.
func refuseOverlap(tx *gorm.DB, p model.StudyPeriod) error {
	other, err := overlapping(tx, p)
	if err != nil || other == nil {
		return err
	}
	return overlaps(*other)
}

// overlapping returns the first of the series whose window overlaps with that of the period.
func overlapping(tx *gorm.DB, p model.StudyPeriod) (*model.StudyPeriod, error) {
	if p.Special() {
		return nil, nil
	}
	var other []model.StudyPeriod
	err := tx.Where("unit_id = ? AND series = ? AND number IS NOT NULL AND cancelled_at = 0", p.UnitID, p.Series).
		Where("id <> ? AND code <> ? AND opens_at < ?", p.ID, p.Code, p.ClosesAt).
		Where("CASE WHEN closed_at <> 0 THEN closed_at ELSE closes_at END > ?", p.OpensAt).
		Order("opens_at").Limit(1).Find(&other).Error
	if err != nil || len(other) == 0 {
		return nil, err
	}
	return &other[0], nil
}

func overlaps(other model.StudyPeriod) error {
	const layout = "2006-01-02 15:04"
	e := ErrOverlaps.Saying("学习时间与%s（%s 至 %s）重叠", other.Name(),
		other.OpensAt.Time().Format(layout), other.Cutoff().Time().Format(layout))
	e.Fields = []model.FieldError{{Field: "opens_at", Code: "overlaps", Message: e.Message}}
	return e
}

func auditOf(p model.Period) map[string]any {
	units := make([]int64, len(p.Audience))
	for i, u := range p.Audience {
		units[i] = u.ID
	}
	return map[string]any{
		"series": p.Series, "code": p.Code, "title": p.Title, "opens_at": p.OpensAt.Time(), "closes_at": p.ClosesAt.Time(),
		"track": p.Track, "audience_unit_ids": units, "threshold_bp": p.ThresholdBP, "min_days": p.MinDays,
		"decide_on": p.DecideOn, "check_ins_count": p.CheckInsCount, "link": p.Link, "quiz_characters": utf8.RuneCountInString(p.Quiz),
	}
}
