package signin

import (
	"context"
	"slices"

	"gorm.io/gorm"

	"zhibu/model"
)

// Profile is who the actor is today.
type Profile struct {
	Member      *model.Member // nil before binding, and for an account without a person
	Phone       string        // masked
	Memberships []model.Membership
	Posts       []model.Post
	Roles       []string             // "member", and the titles of the offices held
	Units       map[int64]model.Unit // of the memberships, the posts and the account
}

// Me returns the actor's profile: the memberships and posts of today and what they make of him.
func (s *Service) Me(ctx context.Context, actor model.Actor) (Profile, error) {
	db := s.db.Read(ctx)
	now := model.At(s.now())
	p := Profile{Roles: []string{}, Units: map[int64]model.Unit{}}
	for _, g := range actor.Grants {
		p.Roles = append(p.Roles, string(g.Title))
	}
	slices.Sort(p.Roles)
	p.Roles = slices.Compact(p.Roles)
	if actor.MemberID != 0 {
		if err := s.person(db, actor.MemberID, now, &p); err != nil {
			return Profile{}, err
		}
		p.Roles = slices.Insert(p.Roles, 0, "member")
	}
	ids := make([]int64, 0, len(actor.Grants)+len(actor.Homes))
	for _, g := range actor.Grants {
		ids = append(ids, g.UnitID)
	}
	for _, h := range actor.Homes {
		ids = append(ids, h.UnitID)
	}
	return p, loadUnits(db, ids, p.Units)
}

func (s *Service) person(db *gorm.DB, memberID int64, now model.Instant, p *Profile) error {
	p.Member = new(model.Member)
	if err := db.Take(p.Member, memberID).Error; err != nil {
		return err
	}
	phone, err := s.keys.Open(model.PhoneColumn, p.Member.PhoneSealed)
	if err != nil {
		return err
	}
	p.Phone = model.MaskPhone(phone)
	err = db.Scopes(model.OnRoster(now)).Where("member_id = ?", memberID).Order("track DESC").Find(&p.Memberships).Error
	if err != nil {
		return err
	}
	return db.Scopes(model.InOffice(now)).Where("member_id = ?", memberID).Order("started_on, id").Find(&p.Posts).Error
}

func loadUnits(db *gorm.DB, ids []int64, into map[int64]model.Unit) error {
	var units []model.Unit
	if err := db.Where("id IN ?", ids).Find(&units).Error; err != nil {
		return err
	}
	for _, u := range units {
		into[u.ID] = u
	}
	return nil
}
