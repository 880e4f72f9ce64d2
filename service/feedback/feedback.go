// Package feedback takes complaints and suggestions of members and lets those responsible answer them.
package feedback

import (
	"context"
	"fmt"
	"strings"
	"time"
	"unicode/utf8"

	"gorm.io/gorm"

	"zhibu/model"
)

// ErrAnswered is an answer to what has one already.
var ErrAnswered = model.NewError(model.Conflict, "feedback_answered", "这条意见已经答复")

// The kinds a member may submit. An erasure request comes from signin.
const (
	Complaint  = "complaint"
	Suggestion = "suggestion"
)

// maxText is how long a complaint and an answer may be, in characters.
const maxText = 2000

// Service keeps the feedback.
type Service struct {
	db  *model.DB
	now func() time.Time
}

// New makes the service.
func New(db *model.DB, now func() time.Time) *Service { return &Service{db: db, now: now} }

// Entry is a complaint or suggestion with the name of its author.
type Entry struct {
	model.Feedback
	AuthorName string
}

// Submit takes a complaint or a suggestion of 1 to 2000 characters.
func (s *Service) Submit(ctx context.Context, actor model.Actor, kind, body string) (Entry, error) {
	if kind != Complaint && kind != Suggestion {
		return Entry{}, model.InvalidField("kind", "invalid_value", "类型须为投诉或建议")
	}
	body, err := cleanText("body", body)
	if err != nil {
		return Entry{}, err
	}
	now := model.At(s.now())
	var f model.Feedback
	err = s.db.Write(ctx, func(tx *gorm.DB) error {
		f = model.Feedback{ID: model.NewID(), Kind: kind, Body: body, CreatedAt: now}
		if actor.MemberID != 0 {
			f.MemberID = &actor.MemberID
		}
		if actor.AccountID != 0 {
			f.AccountID = &actor.AccountID
		}
		if err := tx.Create(&f).Error; err != nil {
			return err
		}
		return model.Audit(tx, actor, now, model.Deed{
			Action: "feedback.submit", SubjectID: f.ID, After: map[string]string{"kind": kind},
		})
	})
	return Entry{Feedback: f, AuthorName: actor.Name}, err
}

func cleanText(field, text string) (string, error) {
	text = strings.TrimSpace(text)
	if n := utf8.RuneCountInString(text); n == 0 || n > maxText {
		return "", model.InvalidField(field, "invalid_length", "请填写 1 至 2000 个字")
	}
	return text, nil
}

// List returns the actor's own feedback and that of the members he answers, the newest first, and the cursor of the
// next page.
func (s *Service) List(ctx context.Context, actor model.Actor, limit int, cursor string) (page []Entry, next string, err error) {
	tx := s.db.Read(ctx)
	now := model.At(s.now())
	q := entries(tx).Where(own(tx, actor).Or(answerable(tx, actor, now)))
	return model.FindPage(q, "feedback.created_at", "feedback.id", limit, cursor, func(e Entry) model.Cursor {
		return model.Cursor{At: e.CreatedAt, ID: e.ID}
	})
}

func entries(tx *gorm.DB) *gorm.DB {
	return tx.Model(&model.Feedback{}).
		Joins("LEFT JOIN members ON members.id = feedback.member_id").
		Joins("LEFT JOIN accounts ON accounts.id = feedback.account_id").
		Select("feedback.*, COALESCE(members.name, accounts.username, '') AS author_name")
}

func own(tx *gorm.DB, actor model.Actor) *gorm.DB {
	if actor.MemberID != 0 {
		return tx.Where("feedback.member_id = ?", actor.MemberID)
	}
	return tx.Where("feedback.account_id = ? AND feedback.account_id <> 0", actor.AccountID)
}

// answerable keeps the feedback of members who are today on a roster the actor answers for; who administers everything
// answers everybody, those who have left and the accounts too.
func answerable(tx *gorm.DB, actor model.Actor, now model.Instant) *gorm.DB {
	if actor.Everywhere(model.Administer) {
		return tx.Where("1 = 1")
	}
	members := tx.Model(&model.Membership{}).Joins("JOIN units ON units.id = memberships.unit_id").
		Scopes(model.OnRoster(now), model.Under(answeringPaths(actor)...)).Select("memberships.member_id")
	return tx.Where("feedback.member_id IN (?)", members)
}

// answeringPaths are the units whose members the actor answers: those he administers, and a whole tree to the officers
// who lead its root.
func answeringPaths(actor model.Actor) []string {
	paths := actor.Paths(model.Administer)
	for _, p := range actor.Paths(model.WriteUnits) {
		if len(model.PathIDs(p)) == 1 {
			paths = append(paths, p)
		}
	}
	return paths
}

// Reply answers a complaint or a suggestion, once and not one's own. Feedback the actor does not answer for is
// ErrNotFound.
func (s *Service) Reply(ctx context.Context, actor model.Actor, id int64, text string) (Entry, error) {
	text, err := cleanText("reply", text)
	if err != nil {
		return Entry{}, err
	}
	now := model.At(s.now())
	var e Entry
	err = s.db.Write(ctx, func(tx *gorm.DB) error {
		if e, err = s.find(tx, actor, id, now); err != nil {
			return err
		}
		e.Reply, e.RepliedBy, e.RepliedAt = text, actor.Ref(), now
		update := tx.Model(&model.Feedback{}).Where("id = ? AND replied_at = 0", id).
			Updates(map[string]any{"reply": e.Reply, "replied_by": e.RepliedBy, "replied_at": e.RepliedAt})
		if update.Error != nil {
			return update.Error
		}
		if update.RowsAffected == 0 {
			return ErrAnswered
		}
		if err := notifyAuthor(tx, e.Feedback); err != nil {
			return err
		}
		return model.Audit(tx, actor, now, model.Deed{
			Action: "feedback.reply", SubjectID: id, After: map[string]string{"kind": e.Kind},
		})
	})
	return e, err
}

// notifyAuthor tells the member that there is an answer; what it says is in the feedback.
func notifyAuthor(tx *gorm.DB, f model.Feedback) error {
	if f.MemberID == nil {
		return nil
	}
	var units []model.Unit
	err := tx.Joins("JOIN memberships ON memberships.unit_id = units.id").Where("memberships.member_id = ?", *f.MemberID).
		Scopes(model.OnRoster(f.RepliedAt)).Order("memberships.id").Limit(1).Find(&units).Error
	if err != nil || len(units) == 0 { // who has left has no inbox of a unit
		return err
	}
	return model.Notify(tx, f.RepliedAt, model.Notice{
		Rule: model.RuleFeedbackAnswered, Cause: fmt.Sprintf("%s:%d", model.RuleFeedbackAnswered, f.ID), Unit: units[0], To: []int64{*f.MemberID},
		Purpose: model.PurposeTask, Title: "您的意见有了答复", Body: "您提交的意见已经答复，请在“投诉建议”中查看。", Hint: "请在小程序查看答复", Status: "已答复",
		Subject: "feedback",
	})
}

// find reads the feedback when the actor may answer it.
func (s *Service) find(tx *gorm.DB, actor model.Actor, id int64, now model.Instant) (Entry, error) {
	var found []Entry
	err := entries(tx).Where("feedback.id = ?", id).
		Where(own(tx, actor).Or(answerable(tx, actor, now))).Find(&found).Error
	switch {
	case err != nil:
		return Entry{}, err
	case len(found) == 0:
		return Entry{}, model.ErrNotFound
	case isOwn(actor, found[0].Feedback):
		return Entry{}, model.ErrOwnRecord
	}
	return found[0], nil
}

func isOwn(actor model.Actor, f model.Feedback) bool {
	return f.MemberID != nil && actor.IsMember(*f.MemberID) ||
		f.AccountID != nil && actor.AccountID != 0 && *f.AccountID == actor.AccountID
}
