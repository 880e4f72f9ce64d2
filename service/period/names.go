package period

import (
	"context"
	"slices"

	"gorm.io/gorm"

	"zhibu/model"
)

// viewer decides whose names an actor is shown. Who is behind, and with the roster at hand also who is not, is for the
// officers of that very branch; with the operator's switch also for those above, and each such look is in the audit
// (API.md; DOMAIN.md §19.1).
type viewer struct {
	actor     model.Actor
	drilldown bool
	fromAbove int // names shown by the switch
}

func (s *Service) viewer(actor model.Actor) *viewer {
	return &viewer{actor: actor, drilldown: s.namesDrilldown}
}

// sees reports whether the names of a branch or a group are shown; n is how many there are.
func (v *viewer) sees(unitID int64, path string, kind model.UnitKind, n int) bool {
	if isOwn(v.actor, unitID, path, kind) {
		return true
	}
	if !v.drilldown || !v.actor.May(model.ReadRoster, path) {
		return false
	}
	v.fromAbove += n
	return true
}

// isOwn reports whether the actor is an officer of the branch itself, or for a group of the group or its branch.
func isOwn(actor model.Actor, unitID int64, path string, kind model.UnitKind) bool {
	ids := model.PathIDs(path)
	own := []int64{unitID}
	if isGroup(kind) && len(ids) > 1 {
		own = append(own, ids[len(ids)-2])
	}
	return slices.ContainsFunc(actor.Grants, func(g model.Grant) bool {
		return slices.Contains(own, g.UnitID) && actor.May(model.ReadRoster, g.Path) // the path may be one of the past
	})
}

func isGroup(k model.UnitKind) bool { return k == model.PartyGroup || k == model.LeagueGroup }

// logLook writes the audit event of a look at names from above, if it was one.
func (s *Service) logLook(ctx context.Context, v *viewer, p model.Period, what string, unitID int64) error {
	if v.fromAbove == 0 {
		return nil
	}
	return s.db.Write(ctx, func(tx *gorm.DB) error {
		return model.Audit(tx, v.actor, model.At(s.now()), model.Deed{
			Action: what + ".read", Unit: p.Unit, SubjectID: p.ID, After: map[string]any{"unit_id": unitID, "names": v.fromAbove},
		})
	})
}
