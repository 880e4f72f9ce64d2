package unit

import (
	"cmp"
	"context"
	"slices"

	"gorm.io/gorm"

	"zhibu/model"
)

// Item is a unit of the visible tree.
type Item struct {
	model.Unit
	MemberCount int // on the roster today in the unit and below it, of the unit's own track, the suspended left out
}

// List returns the tree the actor is shown, see model.Actor.Sees: parents before children, siblings by code and name.
// Closed units are left out.
func (s *Service) List(ctx context.Context, actor model.Actor) ([]Item, error) {
	db := s.db.Read(ctx)
	var units []model.Unit
	if err := db.Where(visible(db, actor)).Where("closed_on = ?", model.Forever).Find(&units).Error; err != nil {
		return nil, err
	}
	counts, err := countMembers(db, model.At(s.now()))
	if err != nil {
		return nil, err
	}
	items := make([]Item, len(units))
	for i, u := range units {
		items[i] = Item{Unit: u, MemberCount: counts[place{u.ID, u.Kind.Track()}]}
	}
	return inTreeOrder(items), nil
}

// visible selects what Actor.Sees shows: the units of the actor with all below them, and the line up to the root.
func visible(db *gorm.DB, actor model.Actor) *gorm.DB {
	var paths []string
	var line []int64
	for _, g := range actor.Grants {
		paths, line = append(paths, g.Path), append(line, model.PathIDs(g.Path)...)
	}
	for _, h := range actor.Homes {
		paths, line = append(paths, h.Path), append(line, model.PathIDs(h.Path)...)
	}
	return model.Under(paths...)(db).Or("units.id IN ?", line)
}

// place is a unit as one of the two tracks counts it.
type place struct {
	unitID int64
	track  model.Track
}

// countMembers counts every unit's subtree in one query. To add the units up counts nobody twice, because a member has
// one episode per track at a time.
func countMembers(db *gorm.DB, now model.Instant) (map[place]int, error) {
	var rows []struct {
		Path    string
		Track   model.Track
		Members int
	}
	err := db.Model(&model.Membership{}).Joins("JOIN units ON units.id = memberships.unit_id").
		Scopes(model.OnRoster(now), model.Counted).
		Select("units.path, memberships.track, COUNT(DISTINCT memberships.member_id) AS members").
		Group("units.path, memberships.track").Find(&rows).Error
	if err != nil {
		return nil, err
	}
	counts := map[place]int{}
	for _, r := range rows {
		for _, id := range model.PathIDs(r.Path) {
			counts[place{id, r.Track}] += r.Members
		}
	}
	return counts, nil
}

// inTreeOrder sorts by the codes and names from the root down, so that a parent stands before its children.
func inTreeOrder(items []Item) []Item {
	children := map[int64][]Item{}
	shown := map[int64]bool{}
	for _, i := range items {
		shown[i.ID] = true
	}
	var top int64 // no unit has this id: above the roots
	for _, i := range items {
		parent := top
		if i.ParentID != nil && shown[*i.ParentID] {
			parent = *i.ParentID
		}
		children[parent] = append(children[parent], i)
	}
	ordered := make([]Item, 0, len(items))
	var add func(parent int64)
	add = func(parent int64) {
		slices.SortFunc(children[parent], func(a, b Item) int {
			return cmp.Or(cmp.Compare(a.Code, b.Code), cmp.Compare(a.Name, b.Name), cmp.Compare(a.ID, b.ID))
		})
		for _, i := range children[parent] {
			ordered = append(ordered, i)
			add(i.ID)
		}
	}
	add(top)
	return ordered
}
