package model

import (
	"slices"
	"strings"

	"gorm.io/gorm"
)

// Audience are the units whose rosters an activity invites, a study period asks or an announcement tells, with all below.
type Audience []Unit

// UnitsUnder returns those of the units with the ids that are the unit or below it, in order of path.
func UnitsUnder(tx *gorm.DB, unit Unit, ids []int64) ([]Unit, error) {
	var units []Unit
	err := tx.Scopes(Under(unit.Path)).Where("id IN ?", ids).Order("path").Find(&units).Error
	return units, err
}

// AudienceOf returns the audience of the units, which are in order of path: one below another of them adds nothing.
func AudienceOf(units []Unit) Audience {
	var audience Audience
	for _, u := range units {
		if !audience.Invites(u.Path) {
			audience = append(audience, u)
		}
	}
	return audience
}

// Paths returns the paths of the units.
func (a Audience) Paths() []string {
	paths := make([]string, len(a))
	for i, u := range a {
		paths[i] = u.Path
	}
	return paths
}

// Invites reports whether the unit with the path is in the audience.
func (a Audience) Invites(path string) bool {
	return slices.ContainsFunc(a, func(u Unit) bool { return strings.HasPrefix(path, u.Path) })
}

// ShownTo reports whether the actor is shown what the holder has for the audience: his offices reach the holder, or his
// office or membership is in, above or below a unit of the audience.
func (a Audience) ShownTo(actor Actor, holder Unit) bool {
	return actor.Reaches(holder.Path) || slices.ContainsFunc(a, func(u Unit) bool {
		return actor.Reaches(u.Path) ||
			slices.ContainsFunc(actor.Grants, func(o Grant) bool { return strings.HasPrefix(o.Path, u.Path) }) ||
			slices.ContainsFunc(actor.Homes, func(h Home) bool { return strings.HasPrefix(h.Path, u.Path) })
	})
}

// forAudience names a table of things that a unit holds for an audience, the table of the audiences, and its key.
type forAudience struct{ things, audiences, key string }

var (
	activitiesForAudience = forAudience{"activities", "activity_audience", "activity_id"}
	periodsForAudience    = forAudience{"study_periods", "period_audience", "period_id"}
)

// load returns the holder and the audience of each of the things.
func (t forAudience) load(tx *gorm.DB, ids []int64) (holders map[int64]Unit, audiences map[int64]Audience, err error) {
	var units []struct {
		Unit
		ThingID int64
		Invited bool
	}
	err = tx.Session(&gorm.Session{NewDB: true}).Raw(`SELECT units.*, `+t.audiences+`.`+t.key+` AS thing_id, 1 AS invited
			FROM `+t.audiences+` JOIN units ON units.id = `+t.audiences+`.unit_id WHERE `+t.audiences+`.`+t.key+` IN ?
		UNION ALL SELECT units.*, `+t.things+`.id, 0 FROM `+t.things+`
			JOIN units ON units.id = `+t.things+`.unit_id WHERE `+t.things+`.id IN ?
		ORDER BY id`, ids, ids).Scan(&units).Error
	holders, audiences = make(map[int64]Unit, len(ids)), make(map[int64]Audience, len(ids))
	for _, u := range units {
		if u.Invited {
			audiences[u.ThingID] = append(audiences[u.ThingID], u.Unit)
		} else {
			holders[u.ThingID] = u.Unit
		}
	}
	return holders, audiences, err
}

// shownTo is Audience.ShownTo as a scope; the query must have the things and the units that hold them. With onlyMine it
// keeps those in whose audience the actor himself is.
func (t forAudience) shownTo(actor Actor, onlyMine bool) func(*gorm.DB) *gorm.DB {
	return func(tx *gorm.DB) *gorm.DB {
		fresh := tx.Session(&gorm.Session{NewDB: true})
		invited := func(where string, args ...any) *gorm.DB {
			return fresh.Table(t.audiences).Select(t.audiences+"."+t.key).
				Joins("JOIN units ON units.id = "+t.audiences+".unit_id").Where(where, args...)
		}
		above := append([]int64{0}, actor.HomeUnitIDs()...) // never an empty IN ()
		if onlyMine {
			return tx.Where(t.things+".id IN (?)", fresh.Table(t.audiences).Select(t.key).Where("unit_id IN ?", above))
		}
		var ways []string
		var args []any
		for _, g := range actor.Grants {
			ways = append(ways, "units.path LIKE ?", t.things+".id IN (?)")
			args = append(args, g.Path+"%", invited("units.path LIKE ?", g.Path+"%"))
			above = append(above, PathIDs(g.Path)...)
		}
		ways = append(ways, t.things+".id IN (?)")
		args = append(args, invited("units.id IN ?", above))
		return tx.Where("("+strings.Join(ways, " OR ")+")", args...)
	}
}

// ShownActivities is the scope "the actor is shown the activity"; the query must have activities and units in it.
func ShownActivities(a Actor, onlyMine bool) func(*gorm.DB) *gorm.DB {
	return activitiesForAudience.shownTo(a, onlyMine)
}

// ShownPeriods is the scope "the actor is shown the study period"; the query must have study_periods and units in it.
func ShownPeriods(a Actor, onlyMine bool) func(*gorm.DB) *gorm.DB {
	return periodsForAudience.shownTo(a, onlyMine)
}

// IDs returns the ids of the units.
func (a Audience) IDs() []int64 {
	ids := make([]int64, len(a))
	for i, u := range a {
		ids[i] = u.ID
	}
	return ids
}
