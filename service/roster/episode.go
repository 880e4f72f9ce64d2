package roster

import (
	"gorm.io/gorm"

	"zhibu/model"
)

// A member's episodes of one track follow each other and never overlap. Only the last of them changes: it ends, or it
// ends and the next begins. What is behind it is history. The unique keys (member, track, ended_on) and the condition in
// endEpisode keep it so when two officers act at once.

// covers reports whether the episode covers the day.
func covers(m model.Membership, day model.Date) bool { return m.StartedOn <= day && day < m.EndedOn }

// presentOf picks of each track the episode that covers today, else the next one to come.
func presentOf(episodes []Episode, today model.Date) (present []Episode) {
	for _, track := range []model.Track{model.Party, model.League} {
		for _, e := range episodes { // in order of time
			if e.Track == track && e.EndedOn > today {
				present = append(present, e)
				break
			}
		}
	}
	return present
}

// openOf returns the episode of the track that has no end.
func openOf(episodes []Episode, track model.Track) (Episode, bool) {
	for _, e := range episodes {
		if e.Track == track && e.EndedOn.IsOpen() {
			return e, true
		}
	}
	return Episode{}, false
}

// lastEnd is the day from which a new episode of the track may begin; empty when there was none, Forever while one lasts.
func lastEnd(episodes []Episode, track model.Track) (end model.Date) {
	for _, e := range episodes {
		if e.Track == track {
			end = max(end, e.EndedOn)
		}
	}
	return end
}

// beginEpisode writes a new episode and marks its unit. One that there is already is the refusal.
func beginEpisode(tx *gorm.DB, m model.Membership, refusal *model.Error) error {
	if err := tx.Create(&m).Error; err != nil {
		return duplicate(err, refusal)
	}
	return model.MarkRoster(tx, m.UnitID)
}

// endEpisode ends an open episode on the day, which must be after its start, and marks its unit.
func endEpisode(tx *gorm.DB, m model.Membership, on model.Date, reason string) error {
	if on <= m.StartedOn {
		return ErrBeforeEpisode
	}
	done := tx.Model(&model.Membership{}).Where("id = ? AND started_on = ? AND ended_on = ?", m.ID, m.StartedOn, model.Forever).
		Updates(map[string]any{"ended_on": on, "end_reason": reason})
	if err := oneRow(done); err != nil {
		return err
	}
	return model.MarkRoster(tx, m.UnitID)
}

// correct writes the attributes of an open episode in place and marks its units, the one before and the one after.
func correct(tx *gorm.DB, before, after model.Membership) error {
	done := tx.Model(&model.Membership{}).Where("id = ? AND ended_on = ?", after.ID, model.Forever).
		Updates(attributesOf(after))
	if err := oneRow(done); err != nil {
		return err
	}
	return model.MarkRoster(tx, before.UnitID, after.UnitID)
}

func attributesOf(m model.Membership) map[string]any {
	return map[string]any{
		"unit_id": m.UnitID, "kind": m.Kind, "state": m.State, "category": m.Category, "hardship": m.Hardship,
		"joined_on": m.JoinedOn, "confirmed_on": m.ConfirmedOn,
	}
}

func oneRow(done *gorm.DB) error {
	if done.Error == nil && done.RowsAffected != 1 {
		return ErrChangedBeside
	}
	return done.Error
}

// succeed ends the open episode before on the day and begins after, which is otherwise complete.
func succeed(tx *gorm.DB, before model.Membership, after *model.Membership, on model.Date, at model.Instant) error {
	if err := endEpisode(tx, before, on, ""); err != nil {
		return err
	}
	after.ID, after.StartedOn, after.EndedOn, after.EndReason, after.CreatedAt = model.NewID(), on, model.Forever, "", at
	return beginEpisode(tx, *after, ErrChangedBeside)
}

// sameStanding reports whether what a figure or a vote depends on is the same: nobody changes it for himself.
func sameStanding(a, b model.Membership) bool {
	return a.UnitID == b.UnitID && a.Kind == b.Kind && a.State == b.State && a.Category == b.Category && a.Hardship == b.Hardship
}

// sameAttributes reports whether the episodes differ in nothing but their dates.
func sameAttributes(a, b model.Membership) bool {
	return sameStanding(a, b) && a.JoinedOn == b.JoinedOn && a.ConfirmedOn == b.ConfirmedOn
}

// takes refuses a unit that has no roster of its own or is closed.
func takes(u model.Unit) error {
	switch {
	case !u.Kind.IsBranch():
		return ErrNotABranch
	case !u.ClosedOn.IsOpen():
		return ErrUnitClosed
	}
	return nil
}

// auditMembership is an episode in the audit.
func auditMembership(m model.Membership) map[string]any {
	a := map[string]any{
		"unit_id": m.UnitID, "track": m.Track, "kind": m.Kind, "state": m.State, "category": m.Category, "hardship": m.Hardship,
		"started_on": m.StartedOn,
	}
	for name, d := range map[string]model.Date{"joined_on": m.JoinedOn, "confirmed_on": m.ConfirmedOn} {
		if d != "" {
			a[name] = d
		}
	}
	if m.EndedOn != "" && !m.EndedOn.IsOpen() {
		a["ended_on"] = m.EndedOn
	}
	return a
}
