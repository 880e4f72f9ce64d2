// Package unit keeps the tree of organisations and who holds which office in it.
package unit

import (
	"context"
	"errors"
	"strings"
	"time"
	"unicode/utf8"

	"gorm.io/gorm"

	"zhibu/model"
)

// The refusals of a change to the tree.
var (
	ErrExists    = model.NewError(model.Conflict, "unit_exists", "上级单位下已有同名单位")
	ErrClosed    = model.NewError(model.Conflict, "unit_closed", "该单位已撤销，不能再变更")
	ErrNotEmpty  = model.NewError(model.Conflict, "unit_not_empty", "该单位还有下级单位或在册成员，须先撤销或转出")
	ErrKind      = model.InvalidField("kind", "not_below_parent", "这种单位不能设在该上级单位之下")
	ErrTooDeep   = model.InvalidField("parent_id", "too_deep", "组织层级最多 10 层")
	ErrBelowSelf = model.InvalidField("parent_id", "below_itself", "不能移到本单位或其下级单位之下")
)

// Service changes the tree. It is safe for concurrent use.
type Service struct {
	db  *model.DB
	now func() time.Time
}

// New makes the service.
func New(db *model.DB, now func() time.Time) *Service { return &Service{db: db, now: now} }

// Founding is a unit to be. Without a parent it is the root of a tree.
type Founding struct {
	ParentID  *int64
	Kind      model.UnitKind
	Name      string
	Code      string
	FoundedOn model.Date // optional
}

// Create founds a unit. It takes the right to write units in the parent; a root takes an administrator over
// everything. A name already in use under the parent is ErrExists.
func (s *Service) Create(ctx context.Context, actor model.Actor, f Founding) (model.Unit, error) {
	name, code, err := cleanNames(f.Name, f.Code)
	if err != nil {
		return model.Unit{}, err
	}
	if !f.Kind.Valid() {
		return model.Unit{}, model.InvalidField("kind", "invalid_value", "没有这种单位类型")
	}
	if err := checkDate("founded_on", f.FoundedOn); err != nil {
		return model.Unit{}, err
	}
	now := model.At(s.now())
	var u model.Unit
	err = s.db.Write(ctx, func(tx *gorm.DB) error {
		u = model.Unit{
			ID: model.NewID(), ParentID: f.ParentID, Kind: f.Kind, Name: name, Code: code, FoundedOn: f.FoundedOn,
			ClosedOn: model.Forever, CreatedAt: now,
		}
		parentPath, err := placeFor(tx, actor, u)
		if err != nil {
			return err
		}
		u.Path = model.ChildPath(parentPath, u.ID)
		if err := tx.Create(&u).Error; err != nil {
			return err
		}
		return recordTree(tx, actor, now, model.Deed{Action: "unit.create", Unit: u, SubjectID: u.ID, After: stateOf(u)})
	})
	return u, named(err)
}

// placeFor returns the path of the parent under which the new unit may stand.
func placeFor(tx *gorm.DB, actor model.Actor, u model.Unit) (string, error) {
	if u.ParentID == nil {
		if !actor.Everywhere(model.Administer) {
			return "", model.ErrForbidden
		}
		return "", freeRootName(tx, u)
	}
	parents, err := lock(tx, actor, *u.ParentID)
	if err != nil {
		return "", err
	}
	parent := parents[*u.ParentID]
	if err := mayChange(actor, parent); err != nil {
		return "", err
	}
	switch {
	case !parent.Kind.MayHold(u.Kind):
		return "", ErrKind
	case len(model.PathIDs(parent.Path)) >= model.MaxUnitDepth:
		return "", ErrTooDeep
	}
	return parent.Path, nil
}

// freeRootName does for roots what the unique key cannot, in which no parent is never equal to no parent.
func freeRootName(tx *gorm.DB, u model.Unit) error {
	var same int64
	err := tx.Model(&model.Unit{}).
		Where("parent_id IS NULL AND name = ? AND closed_on = ? AND id <> ?", u.Name, model.Forever, u.ID).Count(&same).Error
	if err == nil && same > 0 {
		return ErrExists
	}
	return err
}

// lock reads the units the actor sees and keeps them as they are until the transaction ends. It comes first in a
// transaction: only then is everything read after it as new as the lock. On a cluster of nodes the foreign key to the
// parent and the paths rewritten make two changes of one branch of the tree collide.
func lock(tx *gorm.DB, actor model.Actor, ids ...int64) (map[int64]model.Unit, error) {
	var rows []model.Unit
	err := model.ForUpdate(tx).Where("id IN ?", ids).Order("id").Find(&rows).Error
	if err != nil {
		return nil, err
	}
	units := make(map[int64]model.Unit, len(rows))
	for _, u := range rows {
		if actor.Sees(u.Path) {
			units[u.ID] = u
		}
	}
	for _, id := range ids {
		if _, ok := units[id]; !ok {
			return nil, model.ErrNotFound
		}
	}
	return units, nil
}

// mayChange refuses an actor without the right and a unit that is closed.
func mayChange(actor model.Actor, u model.Unit) error {
	if !actor.May(model.WriteUnits, u.Path) {
		return model.ErrForbidden
	}
	if !u.ClosedOn.IsOpen() {
		return ErrClosed
	}
	return nil
}

// named tells the unique key of names from other errors.
func named(err error) error {
	if errors.Is(err, gorm.ErrDuplicatedKey) {
		return ErrExists.With(err)
	}
	return err
}

func cleanNames(name, code string) (string, string, error) {
	name, code = model.CleanName(name), strings.TrimSpace(code)
	switch n := utf8.RuneCountInString(name); {
	case n == 0:
		return "", "", model.InvalidField("name", "required", "请填写单位名称")
	case n > 100:
		return "", "", model.InvalidField("name", "too_long", "单位名称最多 100 个字")
	case utf8.RuneCountInString(code) > 32:
		return "", "", model.InvalidField("code", "too_long", "单位编码最多 32 个字")
	}
	return name, code, nil
}

// checkDate refuses what is no date of ours, such as the one that stands for "not ended"; an empty one is fine.
func checkDate(field string, d model.Date) error {
	if d == "" {
		return nil
	}
	if _, err := model.ParseDate(string(d)); err != nil {
		return model.InvalidField(field, "invalid_date", "日期须形如 2026-03-02")
	}
	return nil
}

// recordTree notes a change of the tree, for whatever counts by unit and in the audit. Every such change ends with it.
func recordTree(tx *gorm.DB, actor model.Actor, now model.Instant, deed model.Deed) error {
	if err := model.MarkRoster(tx, model.WholeTree); err != nil {
		return err
	}
	return model.Audit(tx, actor, now, deed)
}

// state is what the audit keeps of a unit.
type state struct {
	ParentID *int64         `json:"parent_id"`
	Kind     model.UnitKind `json:"kind"`
	Name     string         `json:"name"`
	Code     string         `json:"code"`
	Path     string         `json:"path"`
	ClosedOn model.Date     `json:"closed_on"`
}

func stateOf(u model.Unit) state {
	return state{ParentID: u.ParentID, Kind: u.Kind, Name: u.Name, Code: u.Code, Path: u.Path, ClosedOn: u.ClosedOn}
}
