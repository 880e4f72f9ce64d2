package demo

import "zhibu/model"

// partyHistory is the campaign whose counts are those of the annual summary of 2021 (DOMAIN.md §4.4, rows 59, 60, 63).
const partyHistory = "党史学习教育"

// series are the activities that come again: every so many months, on a day of the month or the next working day.
var series = []struct {
	kind         model.ActivityKind
	units        []string // each holds its own
	every, phase int      // in months
	day          int
	clock        string
	minutes      int
	place        string
	credit       int
	modes        string
	topics       []string
}{
	{kind: "theme_day", units: []string{"0101", "0102", "0103"}, every: 1, day: 15, clock: "14:30", minutes: 120, place: "党员活动室", credit: 120, modes: "branch", topics: themes},
	{kind: model.CommitteeMeeting, units: []string{"0101", "0102"}, every: 1, day: 5, clock: "09:00", minutes: 90, place: "三楼会议室", topics: agendas},
	{kind: model.CommitteeMeeting, units: []string{"0103"}, every: 2, day: 6, clock: "09:30", minutes: 60, place: "老干部活动中心", topics: agendas},
	{kind: "group_meeting", units: []string{"010101", "010201"}, every: 2, day: 10, clock: "16:00", minutes: 60, place: "党员活动室", credit: 60, modes: "branch", topics: themes},
	{kind: "group_meeting", units: []string{"010102", "010202"}, every: 2, phase: 1, day: 10, clock: "16:00", minutes: 60, place: "党员活动室", credit: 60, modes: "branch", topics: themes},
	{kind: "group_meeting", units: []string{"010301", "010302"}, every: 4, phase: 1, day: 11, clock: "10:00", minutes: 60, place: "老干部活动中心", credit: 60, modes: "branch", topics: themes},
	{kind: "general_meeting", units: []string{"0101", "0102", "0103"}, every: 3, day: 20, clock: "15:00", minutes: 90, place: "一楼大会议室", topics: agendas},
	{kind: "lesson", units: []string{"01"}, every: 3, phase: 1, day: 24, clock: "09:00", minutes: 90, place: "一楼大会议室", credit: 90, modes: "leader,lecture", topics: lessons},
	{kind: model.CommitteeMeeting, units: []string{"01"}, every: 3, phase: 2, day: 3, clock: "15:00", minutes: 90, place: "三楼会议室", topics: agendas},
	{kind: "theme_day", units: []string{"0104"}, every: 1, day: 16, clock: "14:30", minutes: 120, place: "后勤楼会议室", credit: 120, modes: "branch", topics: themes},
	{kind: "league_meeting", units: []string{"011101", "011102", "011103"}, every: 3, day: 12, clock: "17:00", minutes: 60, place: "青年之家", topics: agendas},
	{kind: "league_theme_day", units: []string{"011101", "011102", "011103"}, every: 3, phase: 1, day: 12, clock: "16:00", minutes: 120, place: "青年之家", credit: 120, modes: "branch", topics: themes},
	{kind: "league_lesson", units: []string{"0111"}, every: 3, phase: 2, day: 13, clock: "16:30", minutes: 60, place: "青年之家", credit: 60, modes: "lecture", topics: lessons},
	{kind: model.LeagueCommitteeMeeting, units: []string{"0111"}, every: 3, phase: 1, day: 8, clock: "17:00", minutes: 60, place: "青年之家", topics: agendas},
}

// What they are about; the month chooses.
var (
	themes = []string{
		"学习党章党规", "重温入党初心", "走进社区“双报到”", "学雷锋志愿服务", "保密教育", "青春心向党", "缅怀革命先烈", "庆“七一”座谈",
		"弘扬家风家训", "民族团结进步", "我为群众办实事", "读书分享",
	}
	agendas = []string{"研究近期重点工作", "通报党费收缴情况", "讨论发展对象", "安排学习计划", "总结阶段工作", "研究制度落实情况"}
	lessons = []string{"党的纪律建设", "服务群众的本领", "数据安全与责任", "学习型机关建设"}
)
