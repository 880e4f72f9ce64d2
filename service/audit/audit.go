// Package audit shows who did what, and proves that nobody has rewritten it since: it chains the events that the other
// features write by their hashes.
package audit

import (
	"context"
	"errors"
	"maps"
	"slices"
	"strconv"
	"strings"

	"gorm.io/gorm"

	"zhibu/model"
)

// Service reads, seals and verifies the audit. It is safe for concurrent use, on any number of instances.
type Service struct {
	db *model.DB
}

// New makes the service.
func New(db *model.DB) *Service { return &Service{db: db} }

// Event is a recorded deed and, once it is sealed, its place in the chain.
type Event struct {
	model.AuditEvent
	ActorName string `gorm:"-"` // what the actor is called today
	Seq       *int64 // nil until sealed
	Hash      *string
}

// Filter chooses events; zero values choose all.
type Filter struct {
	UnitID int64 // in the unit or below it
	From   model.Instant
	To     model.Instant // before
	Action string
	Actor  string // model.Actor.Ref
	Limit  int
	Cursor string
}

// List returns the events in the units whose audit the actor may read, the newest first, and the cursor of the next
// page. Events of no unit, such as sign-ins, are for those who may read everything.
func (s *Service) List(ctx context.Context, actor model.Actor, f Filter) (page []Event, next string, err error) {
	tx := s.db.Read(ctx)
	q := tx.Table("audit_events AS e").Joins("LEFT JOIN audit_links l ON l.event_id = e.id").
		Select("e.*, l.id AS seq, l.hash")
	if q, err = f.apply(q, actor, tx); err != nil {
		return nil, "", err
	}
	page, next, err = model.FindPage(q, "e.at", "e.id", f.Limit, f.Cursor, func(e Event) model.Cursor {
		return model.Cursor{At: e.At, ID: e.ID}
	})
	if err != nil {
		return nil, "", err
	}
	return page, next, nameActors(tx, page)
}

// nameActors fills in the names, which are kept with the members and accounts alone: whoever is forgotten there is
// forgotten here.
func nameActors(tx *gorm.DB, page []Event) error {
	members, accounts := map[int64]string{}, map[int64]string{}
	for _, e := range page {
		if kind, id := parseRef(e.Actor); kind == "member" {
			members[id] = ""
		} else if kind == "account" {
			accounts[id] = ""
		}
	}
	if err := loadNames(tx.Model(&model.Member{}).Select("id, name"), members); err != nil {
		return err
	}
	if err := loadNames(tx.Model(&model.Account{}).Select("id, username AS name"), accounts); err != nil {
		return err
	}
	for i := range page {
		if kind, id := parseRef(page[i].Actor); kind == "member" {
			page[i].ActorName = members[id]
		} else if kind == "account" {
			page[i].ActorName = accounts[id]
		}
	}
	return nil
}

// loadNames sets the name behind each id in names.
func loadNames(tx *gorm.DB, names map[int64]string) error {
	if len(names) == 0 {
		return nil
	}
	var rows []struct {
		ID   int64
		Name string
	}
	err := tx.Where("id IN ?", slices.Collect(maps.Keys(names))).Find(&rows).Error
	for _, r := range rows {
		names[r.ID] = r.Name
	}
	return err
}

// parseRef takes a model.Actor.Ref apart; the system has no id.
func parseRef(ref string) (kind string, id int64) {
	kind, number, _ := strings.Cut(ref, ":")
	id, _ = strconv.ParseInt(number, 10, 64)
	return kind, id
}

func (f Filter) apply(q *gorm.DB, actor model.Actor, tx *gorm.DB) (*gorm.DB, error) {
	paths := actor.Paths(model.ReadAudit)
	if len(paths) == 0 {
		return nil, model.ErrForbidden
	}
	if !actor.Everywhere(model.ReadAudit) {
		q = q.Where(under(tx, paths))
	}
	if f.UnitID != 0 {
		u, err := model.FindUnit(tx, actor, f.UnitID, model.ReadAudit)
		if err != nil {
			return nil, err
		}
		q = q.Where("e.unit_path LIKE ?", u.Path+"%")
	}
	if f.From != 0 {
		q = q.Where("e.at >= ?", f.From)
	}
	if f.To != 0 {
		q = q.Where("e.at < ?", f.To)
	}
	if f.Action != "" {
		q = q.Where("e.action = ?", f.Action)
	}
	if f.Actor != "" {
		q = q.Where("e.actor = ?", f.Actor)
	}
	return q, nil
}

// under keeps the events that happened below the paths; unlike model.Under it goes by where the unit stood then.
func under(tx *gorm.DB, paths []string) *gorm.DB {
	events := tx.Where("1 = 0")
	for _, p := range paths {
		events = events.Or("e.unit_path LIKE ?", p+"%")
	}
	return events
}

// Refused records that the actor tried something with money and was refused: the operation and the code, never what he
// sent. It stands with the unit when he is shown it, else with the unit of his own office or membership.
func (s *Service) Refused(ctx context.Context, actor model.Actor, operation string, unitID int64, code string, at model.Instant) error {
	return s.db.Write(ctx, func(tx *gorm.DB) error {
		var unit model.Unit
		if unitID != 0 {
			found, err := model.SeenUnit(tx, actor, unitID)
			if err != nil && !errors.Is(err, model.ErrNotFound) {
				return err
			}
			unit = found
		}
		for _, own := range ownUnits(actor) {
			if unit.ID != 0 {
				break
			}
			if err := tx.Where("id = ?", own).Find(&unit).Error; err != nil {
				return err
			}
		}
		return model.Audit(tx, actor, at, model.Deed{
			Action: "refused." + operation, Unit: unit, SubjectID: unitID, After: map[string]string{"code": code},
		})
	})
}

func ownUnits(a model.Actor) (ids []int64) {
	for _, g := range a.Grants {
		ids = append(ids, g.UnitID)
	}
	for _, h := range a.Homes {
		ids = append(ids, h.UnitID)
	}
	return ids
}
