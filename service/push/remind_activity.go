package push

import (
	"context"
	"fmt"
	"time"

	"gorm.io/gorm"

	"zhibu/model"
)

// cancelledBack is for how long after it was called off the members of an activity are told so.
const cancelledBack = 24 * time.Hour

// activities reminds of the activities of tomorrow, from the morning on, and of those that begin within the hour; who is
// excused is left alone. It also tells those concerned that one was called off.
func (r reminder) activities(ctx context.Context) error {
	tx := r.service.db.Read(ctx)
	var ids []int64
	err := tx.Model(&model.Activity{}).Where("starts_at > ? AND starts_at < ? AND cancelled_at = 0", r.now, r.now.Date().AddDays(2).Start()).
		Or("starts_at > ? AND cancelled_at > ?", r.now, r.now.Add(-cancelledBack)).Pluck("id", &ids).Error
	if err != nil || len(ids) == 0 {
		return err
	}
	coming, err := model.LoadGatherings(tx, ids, "id", "unit_id", "kind", "title", "place", "starts_at", "audience_track", "cancelled_at", "cancel_reason")
	if err != nil {
		return err
	}
	var occasions []occasion
	for _, id := range ids {
		g := coming[id]
		switch {
		case g.Cancelled():
			occasions = append(occasions, r.cancelled(g))
		case g.StartsAt <= r.now.Add(hourAhead):
			occasions = append(occasions, r.activity(g, model.RuleActivityInAnHour, "一小时内开始", g.StartsAt))
		case g.StartsAt >= r.now.Date().AddDays(1).Start() && r.hour() >= morning:
			occasions = append(occasions, r.activity(g, model.RuleActivityTomorrow, "明天举行", g.StartsAt.Add(-hourAhead)))
		}
	}
	return r.fireAll(ctx, occasions)
}

// cancelled tells that an activity was called off. No unit switches it off: somebody would come in vain.
func (r reminder) cancelled(g model.Gathering) occasion {
	return occasion{
		rule: model.RuleActivityCancelled, cause: causeOf(model.RuleActivityCancelled, g.ID), unit: g.Unit,
		announcement: model.Announcement{
			Purpose: model.PurposeActivity, Title: shorten("已取消："+g.Title, maxTitle), Status: "已取消", Hint: "活动已取消", HappensAt: g.StartsAt,
			ExpiresAt: g.StartsAt, Subject: causeOf("activity", g.ID),
			Body: fmt.Sprintf("原定%s举行的%s“%s”已取消。原因：%s", clockTime(g.StartsAt), g.Kind.Name(), g.Title, orElse(g.CancelReason, "未说明")),
		},
		who: func(tx *gorm.DB) *gorm.DB { return members(tx).Scopes(g.Due) },
	}
}

func (r reminder) activity(g model.Gathering, rule model.Rule, when string, expires model.Instant) occasion {
	place := ""
	if g.Place != "" {
		place = "，地点：" + g.Place
	}
	return occasion{
		rule: rule, cause: causeOf(rule, g.ID, int64(g.StartsAt)), unit: g.Unit,
		announcement: model.Announcement{
			Purpose: model.PurposeActivity, Title: g.Title, Status: "待参加", Hint: shorten(when+place, 20), HappensAt: g.StartsAt, ExpiresAt: expires,
			Subject: causeOf("activity", g.ID),
			Body:    fmt.Sprintf("%s“%s”%s，时间：%s%s。不能参加的同志，请在开始前请假。", g.Kind.Name(), g.Title, when, clockTime(g.StartsAt), place),
		},
		who: func(tx *gorm.DB) *gorm.DB {
			return expected(tx, g).Scopes(r.switches.scope(rule))
		},
	}
}

// expected is a query of those who are due at the activity and neither recorded nor excused.
func expected(tx *gorm.DB, g model.Gathering) *gorm.DB {
	return members(tx).Scopes(g.Due).
		Where("NOT EXISTS (SELECT 1 FROM check_ins WHERE check_ins.activity_id = ? AND check_ins.member_id = memberships.member_id)", g.ID).
		Where(`NOT EXISTS (SELECT 1 FROM leaves WHERE leaves.activity_id = ? AND leaves.member_id = memberships.member_id
			AND leaves.state = ?)`, g.ID, model.LeaveApproved)
}
