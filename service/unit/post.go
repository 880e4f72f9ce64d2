package unit

import (
	"context"
	"errors"
	"strings"
	"unicode/utf8"

	"gorm.io/gorm"

	"zhibu/model"
)

// The refusals of an appointment.
var (
	ErrPostExists = model.NewError(model.Conflict, "post_exists", "该同志已担任这一职务")
	ErrPostEnded  = model.NewError(model.Conflict, "post_ended", "这一职务已经免除")
	ErrNotInUnit  = model.NewError(model.Conflict, "not_in_unit", "该同志不在本单位或其下级单位的名册上，不能在此任职")
)

// Appointment is an office to be held.
type Appointment struct {
	UnitID     int64
	Title      model.Title
	StartedOn  model.Date // empty: today
	TermEndsOn model.Date // optional
}

// check refuses what is no title or no term; without a first day it is today.
func (a *Appointment) check(today model.Date) error {
	if a.StartedOn == "" {
		a.StartedOn = today
	}
	if a.Title.Name() == "" {
		return model.InvalidField("title", "invalid_value", "没有这种职务")
	}
	if err := errors.Join(checkDate("started_on", a.StartedOn), checkDate("term_ends_on", a.TermEndsOn)); err != nil {
		return err
	}
	if a.TermEndsOn != "" && a.TermEndsOn <= a.StartedOn {
		return model.InvalidField("term_ends_on", "before_start", "任期届满日期须晚于任职日期")
	}
	return nil
}

// Appoint gives a member an office. The member is on the roster of the unit or of one below it; admin and auditor take
// an administrator, and nobody appoints himself. The same office still held is ErrPostExists.
func (s *Service) Appoint(ctx context.Context, actor model.Actor, memberID int64, a Appointment) (model.Post, error) {
	now := model.At(s.now())
	if err := a.check(now.Date()); err != nil {
		return model.Post{}, err
	}
	if actor.IsMember(memberID) {
		return model.Post{}, model.ErrOwnRecord
	}
	var p model.Post
	err := s.db.Write(ctx, func(tx *gorm.DB) error {
		units, err := lock(tx, actor, a.UnitID)
		if err != nil {
			return err
		}
		u := units[a.UnitID]
		if err := mayChange(actor, u); err != nil {
			return err
		}
		if err := mayFill(actor, u, a.Title); err != nil {
			return err
		}
		if err := beWithin(tx, actor, memberID, u, now); err != nil {
			return err
		}
		p = model.Post{
			ID: model.NewID(), MemberID: memberID, UnitID: u.ID, Title: a.Title, StartedOn: a.StartedOn,
			TermEndsOn: a.TermEndsOn, EndedOn: model.Forever, CreatedAt: now,
		}
		if err := model.BeginPosts(tx, p); err != nil {
			return err
		}
		return model.Audit(tx, actor, now, model.Deed{
			Action: "post.appoint", Unit: u, SubjectID: memberID, After: postState(p, ""),
		})
	})
	if errors.Is(err, gorm.ErrDuplicatedKey) {
		err = ErrPostExists
	}
	return p, err
}

// mayFill keeps the offices that watch over others to administrators.
func mayFill(actor model.Actor, u model.Unit, t model.Title) error {
	if (t == model.Admin || t == model.Auditor) && !actor.May(model.Administer, u.Path) {
		return model.ErrForbidden.Saying("管理员和审计员只能由管理员任免")
	}
	return nil
}

// beWithin refuses a member who is not on a roster inside the unit; one the actor does not see is ErrNotFound.
func beWithin(tx *gorm.DB, actor model.Actor, memberID int64, u model.Unit, now model.Instant) error {
	var paths []string
	err := tx.Model(&model.Membership{}).Joins("JOIN units ON units.id = memberships.unit_id").
		Scopes(model.OnRoster(now)).Where("memberships.member_id = ?", memberID).Pluck("units.path", &paths).Error
	if err != nil {
		return err
	}
	refusal := model.ErrNotFound
	for _, p := range paths {
		if strings.HasPrefix(p, u.Path) {
			return nil
		}
		if actor.Reaches(p) {
			refusal = ErrNotInUnit
		}
	}
	return refusal
}

// EndPost ends an office on the day, by default today; with the first moment of that day its rights are gone. One that
// has ended already is ErrPostEnded.
func (s *Service) EndPost(ctx context.Context, actor model.Actor, id int64, on model.Date, reason string) (model.Post, error) {
	if utf8.RuneCountInString(reason) > 200 {
		return model.Post{}, model.InvalidField("reason", "too_long", "原因最多 200 个字")
	}
	if err := checkDate("on", on); err != nil {
		return model.Post{}, err
	}
	now := model.At(s.now())
	var p model.Post
	err := s.db.Write(ctx, func(tx *gorm.DB) error {
		u, err := findPost(tx, actor, id, &p)
		if err != nil {
			return err
		}
		before := p
		if p.EndedOn <= now.Date() {
			return ErrPostEnded
		}
		if p.EndedOn, err = lastDay(p, on, now); err != nil {
			return err
		}
		ended, err := model.EndPosts(tx.Where("id = ? AND ended_on = ?", id, before.EndedOn), p.EndedOn)
		if err != nil {
			return err
		}
		if ended == 0 { // somebody else was first
			return ErrPostEnded
		}
		return model.Audit(tx, actor, now, model.Deed{
			Action: "post.end", Unit: u, SubjectID: p.MemberID, Before: postState(before, ""), After: postState(p, reason),
		})
	})
	return p, err
}

// findPost reads the post when the actor may end it.
func findPost(tx *gorm.DB, actor model.Actor, id int64, p *model.Post) (model.Unit, error) {
	err := tx.Take(p, id).Error
	if errors.Is(err, gorm.ErrRecordNotFound) {
		return model.Unit{}, model.ErrNotFound
	}
	if err != nil {
		return model.Unit{}, err
	}
	u, err := model.FindUnit(tx, actor, p.UnitID, model.WriteUnits)
	if err != nil {
		return u, err
	}
	return u, mayFill(actor, u, p.Title)
}

// lastDay is the first day no longer in office. An office that has not begun ends, unless told otherwise, as it begins.
func lastDay(p model.Post, on model.Date, now model.Instant) (model.Date, error) {
	switch {
	case on == "":
		return max(now.Date(), p.StartedOn), nil
	case on < p.StartedOn:
		return "", model.InvalidField("on", "before_start", "免职日期不能早于任职日期")
	}
	return on, nil
}

// appointed is what the audit keeps of a post.
type appointed struct {
	PostID     int64       `json:"post_id"`
	Title      model.Title `json:"title"`
	StartedOn  model.Date  `json:"started_on"`
	TermEndsOn model.Date  `json:"term_ends_on"`
	EndedOn    model.Date  `json:"ended_on"`
	Reason     string      `json:"reason,omitempty"`
}

func postState(p model.Post, reason string) appointed {
	return appointed{
		PostID: p.ID, Title: p.Title, StartedOn: p.StartedOn, TermEndsOn: p.TermEndsOn, EndedOn: p.EndedOn, Reason: reason,
	}
}

// Holder is an office in a unit and who holds it.
type Holder struct {
	model.Post
	MemberName string
}

// Posts returns who holds office in the unit today, in order of appointment, to whoever may read its roster and to its
// own members, and the cursor of the next page.
func (s *Service) Posts(
	ctx context.Context, actor model.Actor, unitID int64, limit int, cursor string,
) (page []Holder, next string, err error) {
	db := s.db.Read(ctx)
	u, err := model.SeenUnit(db, actor, unitID)
	if err != nil {
		return nil, "", err
	}
	if !actor.May(model.ReadRoster, u.Path) && !actor.Belongs(u) {
		return nil, "", model.ErrForbidden
	}
	q := db.Model(&model.Post{}).Joins("JOIN members ON members.id = posts.member_id").
		Scopes(model.InOffice(model.At(s.now()))).Where("posts.unit_id = ?", unitID).Select("posts.*, members.name AS member_name")
	if cursor != "" {
		after, err := model.ParseCursor(cursor)
		if err != nil {
			return nil, "", err
		}
		day := after.At.Date()
		q = q.Where("(posts.started_on > ? OR posts.started_on = ? AND posts.id > ?)", day, day, after.ID)
	}
	if err := q.Order("posts.started_on, posts.id").Limit(limit + 1).Find(&page).Error; err != nil {
		return nil, "", err
	}
	if len(page) > limit {
		page = page[:limit]
		next = model.Cursor{At: page[limit-1].StartedOn.Start(), ID: page[limit-1].ID}.String()
	}
	return page, next, nil
}
