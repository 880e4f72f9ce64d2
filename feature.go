package main

import (
	"zhibu/api"
	"zhibu/config"
)

// featuresOf is the function list for the filing form. What public rules discourage (DOMAIN.md §19.1) is off, and what
// does not exist says so.
func featuresOf(c config.Config, pay bool) []api.Feature {
	return []api.Feature{
		{Key: "activity_check_in", Name: "活动签到", On: true, Reason: "替代纸质签到表，仅用于实际召开的会议和活动；支部可代为登记，不要求使用手机"},
		{Key: "study_period", Name: "学习期参学情况", On: true, Reason: "按期统计组织的参学率；本人或支部登记完成即可，不统计在线时长；未学名单只供本支部"},
		{Key: "roster", Name: "党员、团员名册", On: true, Reason: "组织关系管理，证件号码和电话加密保存"},
		{Key: "dues", Name: "党费、团费收缴管理", On: true, Reason: "登记应缴、收缴、上缴，形成台账；欠缴只提醒支部核实，不自动改变任何身份"},
		{Key: "wechat_pay", Name: "微信支付缴纳党费", On: pay, Reason: "本人自愿使用；也可到支部用现金或转账缴纳"},
		{Key: "announcement", Name: "通知和提醒", On: true, Reason: "站内消息人人可见；微信订阅消息只发给本人同意的，设免打扰时段和每日上限，各项提醒可由单位关闭"},
		{Key: "feedback", Name: "投诉建议", On: true, Reason: "按管理要求提供"},
		{Key: "location", Name: "定位签到", On: c.On("location"), Reason: "默认关闭；打开后仍由每次活动单独设定，位置不保存"},
		{Key: "names_drilldown", Name: "上级查看未完成人员姓名", On: c.On("names_drilldown"), Reason: "默认关闭：支部以上只看人数，姓名留在支部；打开后每次查看都记入操作日志"},
		{Key: "rate_order", Name: "各单位按完成率排列", On: c.On("rate_order"), Reason: "默认关闭，各单位按编码排列。请注意：相关规定不提倡排名，打开前应由组织研究决定"},
		{Key: "photo", Name: "上传照片", On: false, Reason: "没有此功能"},
		{Key: "ranking", Name: "积分、排行榜", On: false, Reason: "没有此功能：不设积分，不公布名次；各单位按完成率排列另列一项，默认关闭"},
		{Key: "study_timer", Name: "在线学习计时", On: false, Reason: "没有此功能：相关规定不允许统计在线时长"},
		{Key: "compulsory_phone_check_in", Name: "强制手机打卡", On: false, Reason: "没有此功能：每项登记都可由支部代办"},
	}
}
