package unit

import (
	"context"
	"strings"
	"unicode/utf8"

	"gorm.io/gorm"

	"zhibu/model"
)

// Change is what to change of a unit; nil leaves a thing as it is.
type Change struct {
	Name     *string
	Code     *string
	ParentID *int64
}

// Patch renames or moves a unit. A move takes the whole subtree along in one transaction; it takes the right to write
// units in the unit, in the parent it leaves and in the one it joins. A closed unit is not changed (ErrClosed).
func (s *Service) Patch(ctx context.Context, actor model.Actor, id int64, c Change) (model.Unit, error) {
	now := model.At(s.now())
	var u model.Unit
	err := s.db.Write(ctx, func(tx *gorm.DB) error {
		ids := []int64{id}
		if c.ParentID != nil && *c.ParentID != id {
			ids = append(ids, *c.ParentID)
		}
		units, err := lock(tx, actor, ids...)
		if err != nil {
			return err
		}
		before := units[id]
		if err := mayChange(actor, before); err != nil {
			return err
		}
		if u, err = renamed(tx, before, c); err != nil {
			return err
		}
		if c.ParentID != nil && (before.ParentID == nil || *c.ParentID != *before.ParentID) {
			if err := move(tx, actor, &u, units[*c.ParentID]); err != nil {
				return err
			}
		}
		if stateOf(u) == stateOf(before) {
			return nil
		}
		err = tx.Model(&model.Unit{}).Where("id = ?", id).
			Updates(map[string]any{"name": u.Name, "code": u.Code, "parent_id": u.ParentID}).Error
		if err != nil {
			return err
		}
		return recordTree(tx, actor, now, model.Deed{
			Action: "unit.change", Unit: u, SubjectID: id, Before: stateOf(before), After: stateOf(u),
		})
	})
	return u, named(err)
}

func renamed(tx *gorm.DB, u model.Unit, c Change) (model.Unit, error) {
	if c.Name != nil {
		u.Name = *c.Name
	}
	if c.Code != nil {
		u.Code = *c.Code
	}
	var err error
	if u.Name, u.Code, err = cleanNames(u.Name, u.Code); err != nil {
		return u, err
	}
	if u.ParentID == nil && c.Name != nil {
		return u, freeRootName(tx, u)
	}
	return u, nil
}

// move puts u and all below it under parent.
func move(tx *gorm.DB, actor model.Actor, u *model.Unit, parent model.Unit) error {
	if strings.HasPrefix(parent.Path, u.Path) || parent.ID == 0 {
		return ErrBelowSelf
	}
	left := strings.TrimSuffix(u.Path, model.ChildPath("", u.ID)[1:])
	if !actor.May(model.WriteUnits, left) {
		return model.ErrForbidden.Saying("移动单位须对原上级单位也有管理权限")
	}
	if err := mayChange(actor, parent); err != nil {
		return err
	}
	if !parent.Kind.MayHold(u.Kind) {
		return ErrKind
	}
	height, err := heightOf(tx, u.Path)
	if err != nil {
		return err
	}
	if len(model.PathIDs(parent.Path))+height > model.MaxUnitDepth {
		return ErrTooDeep
	}
	old := u.Path
	u.ParentID, u.Path = &parent.ID, model.ChildPath(parent.Path, u.ID)
	// A path names every id once, so the old prefix occurs once: at the start.
	return tx.Model(&model.Unit{}).Where("path LIKE ?", old+"%").
		Update("path", gorm.Expr("REPLACE(path, ?, ?)", old, u.Path)).Error
}

// heightOf is how many levels the subtree at path has.
func heightOf(tx *gorm.DB, path string) (int, error) {
	var paths []string
	if err := tx.Model(&model.Unit{}).Where("path LIKE ?", path+"%").Pluck("path", &paths).Error; err != nil {
		return 0, err
	}
	deepest := 0
	for _, p := range paths {
		deepest = max(deepest, len(model.PathIDs(p)))
	}
	return deepest - len(model.PathIDs(path)) + 1, nil
}

// Closing says from which day a unit is no more, and why.
type Closing struct {
	On     model.Date // at the latest today; empty: today
	Reason string
}

// check refuses a closing without a reason or in the future; without a day it is today.
func (c *Closing) check(today model.Date) error {
	if c.On == "" {
		c.On = today
	}
	if n := utf8.RuneCountInString(c.Reason); n == 0 || n > 200 {
		return model.InvalidField("reason", "required", "请填写撤销原因，最多 200 个字")
	}
	if c.On > today {
		return model.InvalidField("on", "in_future", "撤销日期不能晚于今天")
	}
	return checkDate("on", c.On)
}

// Close ends a unit, which is never deleted (DOMAIN.md §20 no. 38). While a unit below it is open or a member is on
// its roster on that day or after, it is ErrNotEmpty. Offices in it end with it.
func (s *Service) Close(ctx context.Context, actor model.Actor, id int64, c Closing) (model.Unit, error) {
	now := model.At(s.now())
	if err := c.check(now.Date()); err != nil {
		return model.Unit{}, err
	}
	var u model.Unit
	err := s.db.Write(ctx, func(tx *gorm.DB) error {
		units, err := lock(tx, actor, id)
		if err != nil {
			return err
		}
		before := units[id]
		if err := mayChange(actor, before); err != nil {
			return err
		}
		if c.On < before.FoundedOn {
			return model.InvalidField("on", "before_founding", "撤销日期不能早于成立日期")
		}
		if err := beEmpty(tx, id, c.On); err != nil {
			return err
		}
		if err := endPosts(tx, id, c.On); err != nil {
			return err
		}
		u = before
		u.ClosedOn, u.ClosedReason = c.On, c.Reason
		err = tx.Model(&model.Unit{}).Where("id = ?", id).
			Updates(map[string]any{"closed_on": u.ClosedOn, "closed_reason": u.ClosedReason}).Error
		if err != nil {
			return err
		}
		return recordTree(tx, actor, now, model.Deed{
			Action: "unit.close", Unit: u, SubjectID: id, Before: stateOf(before), After: stateOf(u),
		})
	})
	return u, named(err)
}

func beEmpty(tx *gorm.DB, id int64, on model.Date) error {
	var children, members int64
	if err := tx.Model(&model.Unit{}).Where("parent_id = ? AND closed_on > ?", id, on).Count(&children).Error; err != nil {
		return err
	}
	err := tx.Model(&model.Membership{}).Where("unit_id = ? AND ended_on > ?", id, on).Count(&members).Error
	if err == nil && children+members > 0 {
		return ErrNotEmpty
	}
	return err
}

// endPosts ends the offices in a unit with it; one that was to begin later ends as it begins.
func endPosts(tx *gorm.DB, unitID int64, on model.Date) error {
	_, err := model.EndPosts(tx.Where("unit_id = ? AND ended_on > ?", unitID, on), on)
	return err
}
