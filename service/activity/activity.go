// Package activity plans activities: what is held, when, where and for whom; and what is filed about it afterwards.
package activity

import (
	"context"
	"errors"
	"slices"
	"strings"
	"time"
	"unicode/utf8"

	"gorm.io/gorm"

	"zhibu/model"
)

// The refusals of this feature.
var (
	ErrExists      = model.NewError(model.Conflict, "activity_exists", "同一单位、同一时间已有同名活动")
	ErrCancelled   = model.NewError(model.Conflict, "activity_cancelled", "这次活动已取消")
	ErrHasCheckIns = model.NewError(model.Conflict, "activity_has_check_ins", "已有人签到，不能再改应到范围和开始时间")
	ErrNoLocation  = model.NewError(model.Forbidden, "feature_off", "定位签到没有启用")
	ErrNotStarted  = model.NewError(model.Conflict, "activity_not_started", "活动还没有开始，不能登记会议记录和上线情况")
)

// checkInLead is how long before the start check-in opens unless said otherwise (API.md).
const checkInLead = 30 * time.Minute

// maxLength bounds an activity: a reading class lasts days, never more than a month.
const maxLength = 31 * 24 * time.Hour

// maxCampaigns is how many characters the column of the campaigns holds.
const maxCampaigns = 500

// Service plans activities.
type Service struct {
	db       *model.DB
	now      func() time.Time
	location bool
}

// New makes the service; location says whether the feature switch for geofences is on.
func New(db *model.DB, now func() time.Time, location bool) *Service {
	return &Service{db: db, now: now, location: location}
}

// Plan is an activity as an officer writes it. Zero values take the defaults: check-in from 30 minutes before the start
// to the end, the audience is the unit itself, its track that of the unit.
type Plan struct {
	UnitID          int64
	Kind            model.ActivityKind
	Title           string
	Place           string
	StartsAt        model.Instant
	EndsAt          model.Instant
	CheckInOpensAt  model.Instant
	CheckInClosesAt model.Instant
	AudienceUnitIDs []int64
	AudienceTrack   model.Track // empty: of the unit when no audience is given, else both
	CreditMinutes   int
	StudyModes      []string
	Campaigns       []string
	Geofence        *Geofence
}

// Geofence is a circle (gcj02) inside which a phone has to be.
type Geofence struct {
	Latitude  float64 `json:"latitude"`
	Longitude float64 `json:"longitude"`
	RadiusM   int     `json:"radius_m"`
}

// Create plans an activity of a unit for units inside the actor's.
func (s *Service) Create(ctx context.Context, actor model.Actor, p Plan) (g model.Gathering, err error) {
	now := model.At(s.now())
	err = s.db.Write(ctx, func(tx *gorm.DB) error {
		unit, err := model.FindUnit(tx, actor, p.UnitID, model.WriteActivities)
		if err != nil {
			return err
		}
		if len(p.AudienceUnitIDs) == 0 {
			p.AudienceUnitIDs = []int64{unit.ID}
			if p.AudienceTrack == "" {
				p.AudienceTrack = unit.Kind.Track()
			}
		}
		g = model.Gathering{Activity: model.Activity{ID: model.NewID(), UnitID: unit.ID, CreatedBy: actor.Ref(), CreatedAt: now}, Unit: unit}
		if g.Audience, err = audienceOf(tx, actor, p.AudienceUnitIDs); err != nil {
			return err
		}
		if err := s.apply(&g.Activity, p); err != nil {
			return err
		}
		if err := tx.Create(&g.Activity).Error; err != nil {
			return existing(err)
		}
		if err := inviteUnits(tx, g); err != nil {
			return err
		}
		return model.Audit(tx, actor, now, model.Deed{Action: "activity.create", Unit: unit, SubjectID: g.ID, After: auditOf(g)})
	})
	return g, err
}

func existing(err error) error {
	if errors.Is(err, gorm.ErrDuplicatedKey) {
		return ErrExists.With(err)
	}
	return err
}

// audienceOf returns the units invited; each has to be inside the actor's and open.
func audienceOf(tx *gorm.DB, actor model.Actor, ids []int64) ([]model.Unit, error) {
	ids = slices.Compact(slices.Sorted(slices.Values(ids)))
	audience := make([]model.Unit, 0, len(ids))
	for _, id := range ids {
		u, err := model.FindUnit(tx, actor, id, model.WriteActivities)
		if errors.Is(err, model.ErrNotFound) || errors.Is(err, model.ErrForbidden) {
			return nil, model.InvalidField("audience.unit_ids", "not_found", "邀请的组织不存在，或不在您的管理范围内")
		}
		if err != nil {
			return nil, err
		}
		if !u.ClosedOn.IsOpen() {
			return nil, model.InvalidField("audience.unit_ids", "unit_closed", "邀请的组织“"+u.Name+"”已撤销")
		}
		audience = append(audience, u)
	}
	return audience, nil
}

func inviteUnits(tx *gorm.DB, g model.Gathering) error {
	rows := make([]model.AudienceUnit, len(g.Audience))
	for i, u := range g.Audience {
		rows[i] = model.AudienceUnit{ActivityID: g.ID, UnitID: u.ID}
	}
	return tx.Create(rows).Error
}

// apply checks the plan and writes it into the row.
func (s *Service) apply(a *model.Activity, p Plan) error {
	if p.CheckInOpensAt == 0 {
		p.CheckInOpensAt = p.StartsAt.Add(-checkInLead)
	}
	if p.CheckInClosesAt == 0 {
		p.CheckInClosesAt = p.EndsAt
	}
	if err := s.check(p); err != nil {
		return err
	}
	a.Kind, a.Title, a.Place = p.Kind, model.CleanLine(p.Title), model.CleanLine(p.Place)
	a.StartsAt, a.EndsAt = p.StartsAt, p.EndsAt
	a.CheckInOpensAt, a.CheckInClosesAt = p.CheckInOpensAt, p.CheckInClosesAt
	a.AudienceTrack, a.CreditMinutes = p.AudienceTrack, p.CreditMinutes
	a.StudyModes, a.Campaigns = strings.Join(p.StudyModes, ","), strings.Join(p.Campaigns, "\n")
	a.GeofenceLatitude, a.GeofenceLongitude, a.GeofenceRadiusM = nil, nil, nil
	if p.Geofence != nil {
		a.GeofenceLatitude, a.GeofenceLongitude, a.GeofenceRadiusM = &p.Geofence.Latitude, &p.Geofence.Longitude, &p.Geofence.RadiusM
	}
	return nil
}

func (s *Service) check(p Plan) error {
	var faults []model.FieldError
	fault := func(field, code, message string) {
		faults = append(faults, model.FieldError{Field: field, Code: code, Message: message})
	}
	if p.Kind.Name() == "" {
		fault("kind", "invalid_value", "没有这种活动类别")
	}
	if model.CleanLine(p.Title) == "" {
		fault("title", "required", "请填写活动名称")
	}
	for _, f := range checkTimes(p) {
		fault(f.Field, f.Code, f.Message)
	}
	for _, c := range p.Campaigns {
		if strings.TrimSpace(c) == "" || strings.ContainsAny(c, "\r\n") {
			fault("campaigns", "invalid_value", "专题名称不能为空，不能换行")
		}
	}
	if utf8.RuneCountInString(strings.Join(p.Campaigns, "\n")) > maxCampaigns {
		fault("campaigns", "too_long", "专题名称合计过长")
	}
	if len(faults) > 0 {
		return model.InvalidFields(faults...)
	}
	if p.Geofence != nil && !s.location {
		return ErrNoLocation
	}
	return nil
}

// The times an activity may have: before 2000 nobody keeps records here, and after 2099 a year is mistyped.
const (
	firstDay model.Date = "2000-01-01"
	lastDay  model.Date = "2100-01-01"
)

func checkTimes(p Plan) (faults []model.FieldError) {
	for _, t := range []struct {
		field string
		at    model.Instant
	}{
		{"starts_at", p.StartsAt}, {"ends_at", p.EndsAt}, {"check_in_opens_at", p.CheckInOpensAt}, {"check_in_closes_at", p.CheckInClosesAt},
	} {
		if t.at < firstDay.Start() || t.at >= lastDay.Start() {
			faults = append(faults, model.FieldError{Field: t.field, Code: "invalid_range", Message: "时间须在 2000 年至 2099 年之间"})
		}
	}
	switch {
	case len(faults) > 0: // nothing more can be said of such times
	case p.StartsAt >= p.EndsAt:
		faults = append(faults, model.FieldError{Field: "ends_at", Code: "invalid_range", Message: "结束时间须晚于开始时间"})
	case p.EndsAt > p.StartsAt.Add(maxLength):
		faults = append(faults, model.FieldError{Field: "ends_at", Code: "too_long", Message: "一次活动最长 31 天"})
	case p.CheckInOpensAt >= p.CheckInClosesAt:
		faults = append(faults, model.FieldError{Field: "check_in_closes_at", Code: "invalid_range", Message: "签到截止须晚于签到开始"})
	case p.CheckInClosesAt > p.EndsAt.Add(maxLength) || p.CheckInOpensAt < p.StartsAt.Add(-maxLength):
		faults = append(faults, model.FieldError{Field: "check_in_closes_at", Code: "too_long", Message: "签到时间最多比活动提前或延后 31 天"})
	}
	return faults
}

// Look returns an activity the actor is shown. Minutes and resolutions are in it for the officers whose units include the
// one that holds it, and for the members who are due; for everyone else they are empty, as they are in every list.
func (s *Service) Look(ctx context.Context, actor model.Actor, id int64) (model.Gathering, error) {
	tx := s.db.Read(ctx)
	g, err := model.SeenActivity(tx, actor, id)
	if err != nil || actor.Reaches(g.Unit.Path) {
		return g, err
	}
	due, err := isDue(tx, g, actor)
	if !due {
		g.MinutesText, g.Resolutions = "", ""
	}
	return g, err
}

func auditOf(g model.Gathering) map[string]any {
	return map[string]any{
		"kind": g.Kind, "title": g.Title, "place": g.Place, "starts_at": g.StartsAt.Time(), "ends_at": g.EndsAt.Time(),
		"check_in_opens_at": g.CheckInOpensAt.Time(), "check_in_closes_at": g.CheckInClosesAt.Time(),
		"audience_unit_ids": audienceIDs(g), "audience_track": g.AudienceTrack, "credit_minutes": g.CreditMinutes,
		"study_modes": model.SplitList(g.StudyModes, ","), "campaigns": model.SplitList(g.Campaigns, "\n"),
		"geofence": geofenceOf(g.Activity),
	}
}

// geofenceOf is the geofence of an activity; nil without one.
func geofenceOf(a model.Activity) *Geofence {
	if a.GeofenceRadiusM == nil {
		return nil
	}
	return &Geofence{Latitude: *a.GeofenceLatitude, Longitude: *a.GeofenceLongitude, RadiusM: *a.GeofenceRadiusM}
}
