package model

import "gorm.io/gorm"

// Rule is why a reminder or a notice is written.
type Rule string

// The rules of the calendar, which units switch on and off (DOMAIN.md §14, §16).
const (
	RulePeriodOpen       Rule = "period_open"
	RulePeriodHalfWay    Rule = "period_half_way"
	RulePeriodLastDay    Rule = "period_last_day"
	RuleActivityTomorrow Rule = "activity_tomorrow"
	RuleActivityInAnHour Rule = "activity_in_an_hour"
	RuleDuesDay          Rule = "dues_day"
	RuleApprovals        Rule = "approvals"
	RuleTermEnds         Rule = "term_ends"
	RuleVacantPost       Rule = "vacant_post"
	RuleHoliday          Rule = "holiday"
)

// The rules of events, which are always on: they answer somebody who waits.
const (
	RulePeriodNudge       Rule = "period_nudge" // an officer asked for it
	RuleLeaveDecided      Rule = "leave_decided"
	RuleActivityCancelled Rule = "activity_cancelled"
	RuleFeedbackAnswered  Rule = "feedback_answered"
)

// RuleSpec is what there is to know of a rule that can be switched.
type RuleSpec struct {
	Rule Rule
	Name string // Chinese
	When string // Chinese
	On   bool   // unless a unit says otherwise
}

// RuleSpecs are the rules that can be switched, in the order in which they are shown. Holiday notices speak in the name
// of the unit, so a unit has to want them.
var RuleSpecs = []RuleSpec{
	{RulePeriodOpen, "学习期开始", "开始时，提醒应参学人员", true},
	{RulePeriodHalfWay, "学习期过半", "时间过半时，提醒未参学人员，并告知支部还差几人", true},
	{RulePeriodLastDay, "学习期最后一天", "截止前一天，提醒未参学人员", true},
	{RuleActivityTomorrow, "明天的活动", "前一天上午，提醒应到人员", true},
	{RuleActivityInAnHour, "一小时后的活动", "开始前一小时，提醒应到人员", true},
	{RuleDuesDay, "党费日", "党费日当天，提醒当月未缴人员", true},
	{RuleApprovals, "待办审批", "每个工作日上午，提醒有待批事项的干部", true},
	{RuleTermEnds, "任期将满", "届满前六个月，提醒本单位和上级", true},
	{RuleVacantPost, "职务空缺", "书记空缺时，提醒上级", true},
	{RuleHoliday, "节日廉洁提醒", "节前三天，发给全体人员", false},
}

// FindRuleSpec returns the rule of that name; ok is false when there is none.
func FindRuleSpec(rule Rule) (spec RuleSpec, ok bool) {
	for _, s := range RuleSpecs {
		if s.Rule == rule {
			return s, true
		}
	}
	return RuleSpec{}, false
}

// ReminderRule is a rule switched on or off in a unit and all below it that do not switch it themselves.
type ReminderRule struct {
	UnitID int64
	Rule   Rule
	On     bool `gorm:"column:is_on"`
	SetBy  string
	SetAt  Instant
}

// Reminder says that a rule has fired for a cause, so that it does not again, also when nobody had to be reminded.
type Reminder struct {
	Cause   string `gorm:"primaryKey"`
	FiredAt Instant
}

// Fire claims the cause in the caller's transaction; it is false when the rule has fired for it before. Two at once
// collide on the key: call it within DB.WriteAfterLook.
func Fire(tx *gorm.DB, cause string, at Instant) (bool, error) {
	var before int64
	if err := tx.Model(&Reminder{}).Where("cause = ?", cause).Count(&before).Error; err != nil || before > 0 {
		return false, err
	}
	return true, tx.Create(&Reminder{Cause: cause, FiredAt: at}).Error
}
