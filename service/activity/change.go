package activity

import (
	"context"
	"slices"

	"gorm.io/gorm"

	"zhibu/model"
)

// Change is what an officer changes of an activity; nil leaves a field as it is.
type Change struct {
	Kind            *model.ActivityKind
	Title           *string
	Place           *string
	StartsAt        *model.Instant
	EndsAt          *model.Instant
	CheckInOpensAt  *model.Instant
	CheckInClosesAt *model.Instant
	AudienceUnitIDs []int64
	AudienceTrack   *model.Track // empty: both
	CreditMinutes   *int
	StudyModes      []string
	Campaigns       []string
	Geofence        *Geofence
	NoGeofence      bool
}

// Change alters an activity that is not cancelled. Once somebody is recorded, who is due may not change any more: the
// audience and the start stand. Moving the start or end moves a check-in window that was left at its default. Changing
// nothing leaves no trace.
func (s *Service) Change(ctx context.Context, actor model.Actor, id int64, c Change) (g model.Gathering, err error) {
	now := model.At(s.now())
	err = s.db.Write(ctx, func(tx *gorm.DB) error {
		before, err := model.LockActivity(tx, actor, id, model.WriteActivities)
		if err != nil {
			return err
		}
		if before.Cancelled() {
			return ErrCancelled
		}
		if g, err = s.changed(tx, actor, before, c); err != nil {
			return err
		}
		moved := !slices.Equal(audienceIDs(g), audienceIDs(before))
		if moved || othersDue(before, g) {
			if err := nobodyRecorded(tx, id); err != nil {
				return err
			}
		}
		written, err := write(tx, before.Activity, g.Activity)
		if err != nil || !written && !moved {
			return err
		}
		if moved {
			if err := inviteOthers(tx, g); err != nil {
				return err
			}
		}
		return model.Audit(tx, actor, now, model.Deed{
			Action: "activity.change", Unit: g.Unit, SubjectID: id, Before: auditOf(before), After: auditOf(g),
		})
	})
	return g, err
}

// changed is the activity as it will be.
func (s *Service) changed(tx *gorm.DB, actor model.Actor, before model.Gathering, c Change) (g model.Gathering, err error) {
	g = before
	p := c.on(planOf(before))
	if !slices.Equal(p.AudienceUnitIDs, audienceIDs(before)) {
		if g.Audience, err = audienceOf(tx, actor, p.AudienceUnitIDs); err != nil {
			return g, err
		}
	}
	return g, s.apply(&g.Activity, p)
}

// othersDue reports whether the change alters who is due, the units invited apart.
func othersDue(before, after model.Gathering) bool {
	return after.StartsAt != before.StartsAt || after.AudienceTrack != before.AudienceTrack ||
		after.Kind.ForCommittee() != before.Kind.ForCommittee()
}

func inviteOthers(tx *gorm.DB, g model.Gathering) error {
	if err := tx.Where("activity_id = ?", g.ID).Delete(&model.AudienceUnit{}).Error; err != nil {
		return err
	}
	return inviteUnits(tx, g)
}

// write updates the columns that changed, and no other; it reports whether there were any.
func write(tx *gorm.DB, before, after model.Activity) (bool, error) {
	changes := columnsOf(after)
	for column, was := range columnsOf(before) {
		if changes[column] == was {
			delete(changes, column)
		}
	}
	if len(changes) == 0 {
		return false, nil
	}
	return true, existing(tx.Model(&model.Activity{}).Where("id = ?", after.ID).Updates(changes).Error)
}

// columnsOf are the columns that change in the life of an activity.
func columnsOf(a model.Activity) map[string]any {
	return map[string]any{
		"kind": a.Kind, "title": a.Title, "place": a.Place, "starts_at": a.StartsAt, "ends_at": a.EndsAt,
		"check_in_opens_at": a.CheckInOpensAt, "check_in_closes_at": a.CheckInClosesAt, "audience_track": a.AudienceTrack,
		"credit_minutes": a.CreditMinutes, "study_modes": a.StudyModes, "campaigns": a.Campaigns,
		"geofence_latitude": orNull(a.GeofenceLatitude), "geofence_longitude": orNull(a.GeofenceLongitude),
		"geofence_radius_m": orNull(a.GeofenceRadiusM), "cancelled_at": a.CancelledAt, "cancel_reason": a.CancelReason,
		"minutes_text": a.MinutesText, "resolutions": a.Resolutions, "upstream_on": a.UpstreamOn,
		"upstream_reference": a.UpstreamReference, "upstream_by": a.UpstreamBy,
	}
}

// orNull is what a pointer points to, so that two of them compare.
func orNull[T any](p *T) any {
	if p == nil {
		return nil
	}
	return *p
}

func nobodyRecorded(tx *gorm.DB, id int64) error {
	var recorded int64
	if err := tx.Model(&model.CheckIn{}).Where("activity_id = ?", id).Count(&recorded).Error; err != nil {
		return err
	}
	if recorded > 0 {
		return ErrHasCheckIns
	}
	return nil
}

// planOf is the plan an activity stands for; a check-in window at its default is left open, so that it moves along.
func planOf(g model.Gathering) Plan {
	p := Plan{
		UnitID: g.UnitID, Kind: g.Kind, Title: g.Title, Place: g.Place, StartsAt: g.StartsAt, EndsAt: g.EndsAt,
		AudienceTrack: g.AudienceTrack, CreditMinutes: g.CreditMinutes,
		StudyModes: model.SplitList(g.StudyModes, ","), Campaigns: model.SplitList(g.Campaigns, "\n"),
		AudienceUnitIDs: audienceIDs(g), Geofence: geofenceOf(g.Activity),
	}
	if g.CheckInOpensAt != g.StartsAt.Add(-checkInLead) {
		p.CheckInOpensAt = g.CheckInOpensAt
	}
	if g.CheckInClosesAt != g.EndsAt {
		p.CheckInClosesAt = g.CheckInClosesAt
	}
	return p
}

// audienceIDs are the units invited, in the order of their ids.
func audienceIDs(g model.Gathering) []int64 {
	ids := make([]int64, len(g.Audience))
	for i, u := range g.Audience {
		ids[i] = u.ID
	}
	return slices.Sorted(slices.Values(ids))
}

// on is the plan with the changes.
func (c Change) on(p Plan) Plan {
	model.SetGiven(&p.Kind, c.Kind)
	model.SetGiven(&p.Title, c.Title)
	model.SetGiven(&p.Place, c.Place)
	model.SetGiven(&p.StartsAt, c.StartsAt)
	model.SetGiven(&p.EndsAt, c.EndsAt)
	model.SetGiven(&p.CheckInOpensAt, c.CheckInOpensAt)
	model.SetGiven(&p.CheckInClosesAt, c.CheckInClosesAt)
	model.SetGiven(&p.AudienceTrack, c.AudienceTrack)
	model.SetGiven(&p.CreditMinutes, c.CreditMinutes)
	if c.AudienceUnitIDs != nil {
		p.AudienceUnitIDs = slices.Compact(slices.Sorted(slices.Values(c.AudienceUnitIDs)))
	}
	if c.StudyModes != nil {
		p.StudyModes = c.StudyModes
	}
	if c.Campaigns != nil {
		p.Campaigns = c.Campaigns
	}
	if c.Geofence != nil {
		p.Geofence = c.Geofence
	}
	if c.NoGeofence {
		p.Geofence = nil
	}
	return p
}
