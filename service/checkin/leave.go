package checkin

import (
	"context"
	"errors"
	"fmt"
	"unicode/utf8"

	"gorm.io/gorm"

	"zhibu/model"
)

// The refusals of a leave.
var (
	ErrStarted      = model.NewError(model.Conflict, "activity_started", "活动已经开始，不能再请假，请联系支部")
	ErrLeaveDecided = model.NewError(model.Conflict, "leave_decided", "这次请假已经批过了")
	ErrLeaveExists  = model.NewError(model.Conflict, "leave_exists", "您已经为这次活动请过假了")
)

// RequestLeave asks to be excused from an activity before it starts. Asking the same again answers the request there
// is, also when two ask at once; created tells them apart.
func (s *Service) RequestLeave(ctx context.Context, actor model.Actor, activityID int64, category, note string) (leave model.Leave, created bool, err error) {
	now := model.At(s.now())
	err = s.db.WriteAfterLook(ctx, func(tx *gorm.DB) error {
		created = false
		g, err := model.SeenActivity(tx, actor, activityID)
		if err != nil {
			return err
		}
		due, err := dueMembers(tx.Where("memberships.member_id = ?", actor.MemberID), g)
		switch {
		case err != nil:
			return err
		case len(due) == 0:
			return ErrNotInvited
		case g.Cancelled():
			return ErrCancelled
		}
		var asked []model.Leave
		if err := tx.Where("activity_id = ? AND member_id = ?", g.ID, actor.MemberID).Find(&asked).Error; err != nil {
			return err
		}
		if len(asked) > 0 {
			leave = asked[0]
			if leave.ReasonCategory != category || leave.Note != note {
				return ErrLeaveExists
			}
			return nil
		}
		if now >= g.StartsAt {
			return ErrStarted
		}
		created = true
		leave = model.Leave{
			ID: model.NewID(), ActivityID: g.ID, MemberID: actor.MemberID, ReasonCategory: category, Note: note,
			State: model.LeavePending, RequestedAt: now,
		}
		return addLeave(tx, actor, g, leave)
	})
	return leave, created, err
}

func addLeave(tx *gorm.DB, actor model.Actor, g model.Gathering, leave model.Leave) error {
	if err := tx.Create(&leave).Error; err != nil {
		return err
	}
	return model.Audit(tx, actor, leave.RequestedAt, model.Deed{
		Action: "leave.request", Unit: g.Unit, SubjectID: leave.ID,
		After: map[string]any{"activity_id": leave.ActivityID, "reason_category": leave.ReasonCategory},
	})
}

// LeaveRequest is a leave with the member it is for.
type LeaveRequest struct {
	model.Leave
	Name     string
	UnitID   int64
	UnitPath string
}

// Leaves returns a page of the requests for an activity of members whose leave the actor decides, the first asked first,
// and the cursor of the next page.
func (s *Service) Leaves(ctx context.Context, actor model.Actor, activityID int64, limit int, cursor string) (page []LeaveRequest, next string, err error) {
	tx := s.db.Read(ctx)
	g, err := model.SeenActivity(tx, actor, activityID)
	if err != nil {
		return nil, "", err
	}
	if len(actor.Paths(model.DecideLeave)) == 0 {
		return nil, "", model.ErrForbidden
	}
	leaves, err := leavesAfter(tx, activityID, cursor)
	if err != nil {
		return nil, "", err
	}
	due, err := dueMembers(tx.Scopes(model.Within(actor, model.DecideLeave)), g)
	if err != nil {
		return nil, "", err
	}
	byMember := make(map[int64]Attendee, len(due))
	for _, m := range due {
		byMember[m.MemberID] = m
	}
	page = []LeaveRequest{}
	for _, l := range leaves {
		m, ok := byMember[l.MemberID]
		if !ok {
			continue
		}
		if len(page) == limit {
			last := page[limit-1]
			return page, fmt.Sprintf("%d-%d", last.RequestedAt, last.ID), nil
		}
		page = append(page, LeaveRequest{Leave: l, Name: m.Name, UnitID: m.UnitID, UnitPath: m.UnitPath})
	}
	return page, "", nil
}

// leavesAfter returns the requests for an activity after the one with the cursor.
func leavesAfter(tx *gorm.DB, activityID int64, cursor string) (leaves []model.Leave, err error) {
	q := tx.Where("activity_id = ?", activityID)
	if cursor != "" {
		var at model.Instant
		var id int64
		if n, err := fmt.Sscanf(cursor, "%d-%d", &at, &id); err != nil || n != 2 {
			return nil, model.InvalidField("cursor", "invalid_value", "翻页标记有误，请从第一页重新开始")
		}
		q = q.Where("(requested_at > ? OR requested_at = ? AND id > ?)", at, at, id)
	}
	err = q.Order("requested_at, id").Find(&leaves).Error
	return leaves, err
}

// DecideLeave approves or refuses a request of a member inside the actor's units. Deciding the same again changes
// nothing; another decision afterwards is refused.
func (s *Service) DecideLeave(ctx context.Context, actor model.Actor, leaveID int64, approve bool, note string) (leave model.Leave, err error) {
	now := model.At(s.now())
	state := model.LeaveRefused
	if approve {
		state = model.LeaveApproved
	}
	err = s.db.Write(ctx, func(tx *gorm.DB) error {
		g, found, err := leaveFor(tx, actor, leaveID)
		if err != nil {
			return err
		}
		leave = found
		switch {
		case actor.IsMember(leave.MemberID):
			return model.ErrOwnRecord
		case leave.State == state:
			return nil
		case leave.State != model.LeavePending:
			return ErrLeaveDecided
		}
		done := tx.Model(&model.Leave{}).Where("id = ? AND state = ?", leaveID, model.LeavePending).Updates(map[string]any{
			"state": state, "decided_by": actor.Ref(), "decided_at": now, "decision_note": note,
		})
		if done.Error != nil {
			return done.Error
		}
		if done.RowsAffected == 0 {
			return ErrLeaveDecided
		}
		leave.State, leave.DecidedBy, leave.DecidedAt, leave.DecisionNote = state, actor.Ref(), now, note
		if err := model.Notify(tx, now, leaveDecided(g, leave)); err != nil {
			return err
		}
		return model.Audit(tx, actor, now, model.Deed{
			Action: "leave.decide", Unit: g.Unit, SubjectID: leaveID,
			Before: map[string]any{"state": model.LeavePending}, After: map[string]any{"state": state, "note_characters": utf8.RuneCountInString(note)},
		})
	})
	return leave, err
}

// leaveDecided tells the member what became of the request.
func leaveDecided(g model.Gathering, leave model.Leave) model.Notice {
	outcome, status := "没有批准", "未批准"
	if leave.State == model.LeaveApproved {
		outcome, status = "已经批准", "已批准"
	}
	body := fmt.Sprintf("您为%s“%s”请的假%s。", g.StartsAt.Time().Format("1月2日"), g.Title, outcome)
	if leave.DecisionNote != "" {
		body += "说明：" + leave.DecisionNote
	}
	return model.Notice{
		Rule: model.RuleLeaveDecided, Cause: fmt.Sprintf("%s:%d", model.RuleLeaveDecided, leave.ID), Unit: g.Unit, To: []int64{leave.MemberID},
		Purpose: model.PurposeActivity, Title: "请假" + outcome, Body: body, Hint: "请假" + outcome, Status: status,
		HappensAt: g.StartsAt, Subject: fmt.Sprintf("activity:%d", g.ID),
	}
}

// leaveFor returns the request when the member is due inside the units whose leaves the actor decides.
func leaveFor(tx *gorm.DB, actor model.Actor, leaveID int64) (model.Gathering, model.Leave, error) {
	var leaves []model.Leave
	if err := tx.Where("id = ?", leaveID).Find(&leaves).Error; err != nil {
		return model.Gathering{}, model.Leave{}, err
	}
	if len(leaves) == 0 {
		return model.Gathering{}, model.Leave{}, model.ErrNotFound
	}
	g, err := model.SeenActivity(tx, actor, leaves[0].ActivityID)
	if err != nil {
		return model.Gathering{}, model.Leave{}, err
	}
	if actor.IsMember(leaves[0].MemberID) {
		return g, leaves[0], nil
	}
	reaches := func(p model.Permission) (bool, error) {
		due, err := dueMembers(tx.Scopes(model.Within(actor, p)).Where("memberships.member_id = ?", leaves[0].MemberID), g)
		return len(due) > 0, err
	}
	if may, err := reaches(model.DecideLeave); err != nil || may {
		return g, leaves[0], err
	}
	if sees, err := reaches(model.ReadRoster); err != nil || sees {
		return g, leaves[0], errors.Join(err, model.ErrForbidden)
	}
	return g, leaves[0], model.ErrNotFound
}
