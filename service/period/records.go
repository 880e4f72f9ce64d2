package period

import (
	"context"

	"gorm.io/gorm"

	"zhibu/model"
)

// Entry is a completion with whose it is and where he is now.
type Entry struct {
	Recorded
	Unit
}

// Unit is where somebody is on the roster, and his name for who is shown it.
type Unit struct {
	UnitID   int64
	UnitName string
	Path     string
	Kind     model.UnitKind
	Name     string
	Named    bool `gorm:"-"`
}

const unitColumns = "members.name, units.id AS unit_id, units.name AS unit_name, units.path, units.kind"

// RecordFilter chooses completions; zero values choose all.
type RecordFilter struct {
	UnitID int64
	Source model.CompletionSource
	Late   *bool
	Limit  int
	Cursor string
}

// Completions returns a page of the completions of a period of members inside the actor's units, the latest first: with
// who recorded it, so that an auditor sees what was done by proxy. Whose it is and why it was recorded is for who is shown
// the names, see viewer.
func (s *Service) Completions(ctx context.Context, actor model.Actor, periodID int64, f RecordFilter) (page []Entry, next string, err error) {
	p, err := s.look(ctx, actor, periodID)
	if err != nil {
		return nil, "", err
	}
	tx := s.db.Read(ctx)
	unit, err := ownPart(tx, actor, p, f.UnitID)
	if err != nil {
		return nil, "", err
	}
	q := onRosterUnder(tx.Model(&model.Completion{}), "completions", p, unit, model.At(s.now())).
		Select("completions.*, " + unitColumns)
	if f.Source != "" {
		q = q.Where("completions.source = ?", f.Source)
	}
	if f.Late != nil && *f.Late {
		q = q.Where("completions.completed_at >= ?", p.Cutoff())
	} else if f.Late != nil {
		q = q.Where("completions.completed_at < ?", p.Cutoff())
	}
	page, next, err = model.FindPage(q, "completions.recorded_at", "completions.id", f.Limit, f.Cursor, func(e Entry) model.Cursor {
		return model.Cursor{At: e.RecordedAt, ID: e.ID}
	})
	if err != nil {
		return nil, "", err
	}
	v := s.viewer(actor)
	for i := range page {
		e := &page[i]
		e.Late = e.CompletedAt >= p.Cutoff()
		if e.Named = v.sees(e.UnitID, e.Path, e.Kind, 1); !e.Named {
			e.MemberID, e.Name, e.Reason = 0, "", ""
		}
	}
	return page, next, s.logLook(ctx, v, p, "completions", unit.ID)
}

// onRosterUnder joins the table's members with their unit on the day that decides, inside the unit.
func onRosterUnder(q *gorm.DB, table string, p model.Period, unit model.Unit, now model.Instant) *gorm.DB {
	return q.Joins("JOIN members ON members.id = "+table+".member_id").
		Joins("JOIN memberships ON memberships.member_id = "+table+".member_id").
		Joins("JOIN units ON units.id = memberships.unit_id").
		Where(table+".period_id = ?", p.ID).
		Scopes(model.OnRoster(p.RosterAt(now)), model.OfTrack(p.Track), model.Under(unit.Path))
}

// Released is an exemption with whose it is.
type Released struct {
	model.Exemption
	Unit
}

// Exemptions returns a page of the exemptions of a period of members inside the actor's units, the latest first. Whose
// they are is for who is shown the names, see viewer.
func (s *Service) Exemptions(ctx context.Context, actor model.Actor, periodID, unitID int64, limit int, cursor string) (page []Released, next string, err error) {
	p, err := s.look(ctx, actor, periodID)
	if err != nil {
		return nil, "", err
	}
	tx := s.db.Read(ctx)
	unit, err := ownPart(tx, actor, p, unitID)
	if err != nil {
		return nil, "", err
	}
	q := onRosterUnder(tx.Model(&model.Exemption{}), "exemptions", p, unit, model.At(s.now())).
		Select("exemptions.*, " + unitColumns)
	page, next, err = model.FindPage(q, "exemptions.approved_at", "exemptions.id", limit, cursor, func(r Released) model.Cursor {
		return model.Cursor{At: r.ApprovedAt, ID: r.ID}
	})
	if err != nil {
		return nil, "", err
	}
	v := s.viewer(actor)
	for i := range page {
		r := &page[i]
		if r.Named = v.sees(r.UnitID, r.Path, r.Kind, 1); !r.Named {
			r.MemberID, r.Name, r.Note = 0, "", ""
		}
	}
	return page, next, s.logLook(ctx, v, p, "exemptions", unit.ID)
}
