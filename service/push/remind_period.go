package push

import (
	"context"
	"fmt"

	"gorm.io/gorm"

	"zhibu/model"
)

// periods reminds of the study periods that are open: at the beginning, half-way and on the last day (DOMAIN.md §14). Who
// has completed or is exempt is left alone. After a time without the server only the last that is due is sent.
func (r reminder) periods(ctx context.Context) error {
	tx := r.service.db.Read(ctx)
	var ids []int64
	err := tx.Model(&model.StudyPeriod{}).Where("cancelled_at = 0 AND closed_at = 0 AND opens_at <= ? AND closes_at > ?", r.now, r.now).
		Pluck("id", &ids).Error
	if err != nil || len(ids) == 0 {
		return err
	}
	open, err := model.LoadPeriods(tx, ids)
	if err != nil {
		return err
	}
	occasions := make([]occasion, 0, len(ids))
	for _, id := range ids {
		occasions = append(occasions, r.period(open[id]))
	}
	return r.fireAll(ctx, occasions)
}

// period is the reminder of a period for this moment of its window.
func (r reminder) period(p model.Period) occasion {
	half := p.OpensAt + (p.ClosesAt-p.OpensAt)/2
	last := max(half, p.ClosesAt.Add(-dayAhead))
	name := p.Series + p.Name()
	o := occasion{rule: model.RulePeriodOpen, unit: p.Unit, announcement: model.Announcement{
		Purpose: model.PurposeStudy, Title: name + "开始了", Status: "待学习", HappensAt: p.ClosesAt, ExpiresAt: half,
		Subject: causeOf("study_period", p.ID),
		Body:    fmt.Sprintf("%s“%s”已经开始，请在%s前完成学习。不方便使用手机的同志，可以请支部代为登记。", name, p.Title, clockTime(p.ClosesAt)),
	}}
	a := &o.announcement
	switch {
	case r.now >= last:
		o.rule, a.ExpiresAt = model.RulePeriodLastDay, p.ClosesAt
		a.Title = name + "即将截止"
		a.Body = fmt.Sprintf("%s“%s”将于%s截止，您还没有完成登记。", name, p.Title, clockTime(p.ClosesAt))
	case r.now >= half:
		o.rule, a.ExpiresAt = model.RulePeriodHalfWay, last
		a.Title = name + "时间过半"
		a.Body = fmt.Sprintf("%s“%s”时间已经过半，您还没有完成登记，请在%s前完成。", name, p.Title, clockTime(p.ClosesAt))
		o.after = func(tx *gorm.DB) error { return r.halfWayLists(tx, p) }
	}
	a.Hint = "请在截止前完成学习"
	o.cause = causeOf(o.rule, p.ID)
	o.who = func(tx *gorm.DB) *gorm.DB { return missing(tx, p, r.now).Scopes(r.switches.scope(o.rule)) }
	return o
}

// missing is a query of those who are due in the period and have neither completed nor been released.
func missing(tx *gorm.DB, p model.Period, now model.Instant) *gorm.DB {
	return members(tx).Joins("JOIN members ON members.id = memberships.member_id").Scopes(p.Due(p.RosterAt(now))).
		Where(`NOT EXISTS (SELECT 1 FROM completions WHERE completions.period_id = ? AND completions.member_id = memberships.member_id)`, p.ID).
		Where(`NOT EXISTS (SELECT 1 FROM exemptions WHERE exemptions.period_id = ? AND exemptions.member_id = memberships.member_id)`, p.ID)
}

// halfWayLists tells the officers of each branch how many of theirs have not studied; who they are is in the list of those
// missing.
func (r reminder) halfWayLists(tx *gorm.DB, p model.Period) error {
	var rows []struct {
		model.Unit
		Missing int
	}
	err := missing(tx, p, r.now).Scopes(r.switches.scope(model.RulePeriodHalfWay)).Group("units.id").
		Select("units.*, COUNT(*) AS missing").Find(&rows).Error
	if err != nil {
		return err
	}
	byBranch := map[string]int{}
	for _, u := range rows {
		byBranch[u.Branch()] += u.Missing
	}
	offices, err := loadOffices(tx, r.now)
	if err != nil {
		return err
	}
	for path, n := range byBranch {
		line := model.PathIDs(path)
		unit, holders := offices.nearest(path, model.DecideLeave, 0)
		if len(holders) == 0 {
			continue
		}
		name := p.Series + p.Name()
		err := model.Notify(tx, r.now, model.Notice{
			Rule: model.RulePeriodHalfWay, Cause: causeOf("period_half_way_list", p.ID, line[len(line)-1]), Unit: unit, To: holders,
			Purpose: model.PurposeTask, Title: shorten(fmt.Sprintf("还有%d人未参学：%s", n, name), maxTitle), Status: "待催办", Hint: "请在小程序查看未学名单",
			Body:      fmt.Sprintf("%s时间已经过半，本支部还有%d人没有完成，截止时间为%s。名单见“未学名单”，仅供本支部使用。", name, n, clockTime(p.ClosesAt)),
			HappensAt: p.ClosesAt, ExpiresAt: p.ClosesAt, Subject: causeOf("study_period", p.ID),
		})
		if err != nil {
			return err
		}
	}
	return nil
}
