package demo

import "zhibu/model"

// event is an activity that comes once.
type event struct {
	days      int // from today, or to the Monday after a weekend
	clock     string
	minutes   int
	unit      string
	audience  []string // instead of the unit itself
	all       bool     // both tracks
	kind      model.ActivityKind
	title     string
	credit    int
	modes     string
	campaigns string
	cancelled string // why it was called off
}

const threeDays = 2*24*60 + 8*60 // minutes from a morning to the evening of the day after next

// campaignEvents are those of 党史学习教育 beside the ten theme days: a reading class, nine seminars, six practice
// activities, three renewals of the oath, three lectures and two films.
var campaignEvents = []event{
	{days: -335, clock: "09:00", minutes: threeDays, unit: "01", kind: "reading_class", title: "党史专题读书班", credit: 1440, modes: "branch,lecture"},
	{days: -322, clock: "09:00", minutes: 120, unit: "0101", kind: "seminar", title: "专题研讨：新民主主义革命时期历史", credit: 120, modes: "branch"},
	{days: -318, clock: "09:00", minutes: 120, unit: "0102", kind: "seminar", title: "专题研讨：新民主主义革命时期历史", credit: 120, modes: "branch"},
	{days: -312, clock: "09:00", minutes: 120, unit: "0103", kind: "seminar", title: "专题研讨：新民主主义革命时期历史", credit: 120, modes: "branch"},
	{days: -292, clock: "09:00", minutes: 150, unit: "01", kind: "expert_lecture", title: "党史专题讲座（一）", credit: 150, modes: "expert"},
	{days: -281, clock: "08:30", minutes: 240, unit: "0101", kind: "practice", title: "参观革命纪念馆", credit: 240, modes: "branch"},
	{days: -274, clock: "08:30", minutes: 240, unit: "0102", kind: "practice", title: "瞻仰烈士陵园", credit: 240, modes: "branch"},
	{days: -263, clock: "10:00", minutes: 60, unit: "01", kind: "oath_review", title: "重温入党誓词", credit: 60, modes: "branch"},
	{days: -248, clock: "09:00", minutes: 120, unit: "0101", kind: "seminar", title: "专题研讨：社会主义建设时期历史", credit: 120, modes: "branch"},
	{days: -241, clock: "09:00", minutes: 120, unit: "0102", kind: "seminar", title: "专题研讨：社会主义建设时期历史", credit: 120, modes: "branch"},
	{days: -234, clock: "09:30", minutes: 90, unit: "0103", kind: "seminar", title: "专题研讨：社会主义建设时期历史", credit: 90, modes: "branch"},
	{days: -221, clock: "15:00", minutes: 130, unit: "01", all: true, kind: "film", title: "集体观影：革命历史影片", credit: 120, modes: "branch"},
	{days: -207, clock: "09:00", minutes: 150, unit: "01", kind: "expert_lecture", title: "党史专题讲座（二）", credit: 150, modes: "expert"},
	{days: -199, clock: "08:30", minutes: 240, unit: "0103", kind: "practice", title: "重走红色旧址", credit: 240, modes: "branch"},
	{days: -188, clock: "08:30", minutes: 240, unit: "0111", kind: "practice", title: "青年红色研学", credit: 240, modes: "branch"},
	{days: -171, clock: "10:00", minutes: 60, unit: "0101", kind: "oath_review", title: "重温入党誓词", credit: 60, modes: "branch"},
	{days: -157, clock: "09:00", minutes: 120, unit: "0101", kind: "seminar", title: "专题研讨：改革开放时期历史", credit: 120, modes: "branch"},
	{days: -150, clock: "09:00", minutes: 120, unit: "0102", kind: "seminar", title: "专题研讨：改革开放时期历史", credit: 120, modes: "branch"},
	{days: -143, clock: "09:30", minutes: 90, unit: "0103", kind: "seminar", title: "专题研讨：改革开放时期历史", credit: 90, modes: "branch"},
	{days: -122, clock: "09:00", minutes: 150, unit: "01", kind: "expert_lecture", title: "党史专题讲座（三）", credit: 150, modes: "expert,vr"},
	{days: -108, clock: "08:30", minutes: 240, unit: "0101", kind: "practice", title: "乡村振兴帮扶村实践", credit: 240, modes: "branch"},
	{days: -94, clock: "08:30", minutes: 240, unit: "0102", kind: "practice", title: "VR党史馆体验学习", credit: 240, modes: "vr"},
	{days: -80, clock: "15:00", minutes: 130, unit: "01", all: true, kind: "film", title: "集体观影：时代楷模影片", credit: 120, modes: "branch"},
	{days: -66, clock: "10:00", minutes: 60, unit: "0102", kind: "oath_review", title: "重温入党誓词", credit: 60, modes: "branch"},
}

// events are the others of the year, and what is planned.
var events = []event{
	{days: -327, clock: "15:00", minutes: 90, unit: "01", kind: "work_meeting", title: "年度党建工作专题会议"},
	{days: -304, clock: "09:00", minutes: 120, unit: "01", kind: "warning_education", title: "警示教育大会（一）", credit: 120, modes: "branch"},
	{days: -287, clock: "16:00", minutes: 90, unit: "0111", kind: "lecture_series", title: "“五四讲堂”第一期", credit: 90, modes: "lecture"},
	{days: -270, clock: "16:30", minutes: 45, unit: "0101", kind: "micro_lesson", title: "党员微课堂：我来讲党史", credit: 45, modes: "lecture", campaigns: partyHistory + "\n模范机关"},
	{days: -255, clock: "09:00", minutes: 180, unit: "0111", kind: "volunteer", title: "社区助老志愿服务", campaigns: "我为群众办实事"},
	{days: -244, clock: "09:00", minutes: 150, unit: "01", all: true, kind: "expert_lecture", title: "数字政府专题讲座", credit: 150, modes: "expert"},
	{days: -228, clock: "14:30", minutes: 180, unit: "0101", kind: "org_life_meeting", title: "年度组织生活会"},
	{days: -227, clock: "14:30", minutes: 180, unit: "0102", kind: "org_life_meeting", title: "年度组织生活会"},
	{days: -226, clock: "09:30", minutes: 150, unit: "0103", kind: "org_life_meeting", title: "年度组织生活会"},
	{days: -214, clock: "14:30", minutes: 120, unit: "0101", kind: "member_review", title: "民主评议党员"},
	{days: -213, clock: "14:30", minutes: 120, unit: "0102", kind: "member_review", title: "民主评议党员"},
	{days: -192, clock: "09:00", minutes: 120, unit: "01", kind: "warning_education", title: "警示教育大会（二）", credit: 120, modes: "branch"},
	{days: -178, clock: "16:00", minutes: 90, unit: "0111", kind: "lecture_series", title: "青年干部大讲堂第一期", credit: 90, modes: "lecture"},
	{days: -164, clock: "08:30", minutes: 180, unit: "0101", kind: "community_report", title: "党员进社区“双报到”", campaigns: "我为群众办实事\n模范机关"},
	{days: -153, clock: "15:00", minutes: 120, unit: "01", audience: []string{"0101", "0102"}, kind: "theme_day", title: "两支部联学共建", credit: 120, modes: "branch"},
	{days: -137, clock: "16:30", minutes: 45, unit: "0102", kind: "micro_lesson", title: "党员微课堂：岗位上的初心", credit: 45, modes: "lecture"},
	{days: -129, clock: "09:00", minutes: 180, unit: "0101", kind: "volunteer", title: "环保志愿服务", campaigns: "我为群众办实事"},
	{days: -115, clock: "09:00", minutes: threeDays, unit: "01", all: true, kind: "reading_class", title: "青年干部与党员读书班", credit: 1440, modes: "branch,leader"},
	{days: -101, clock: "09:00", minutes: 150, unit: "01", kind: "expert_lecture", title: "党内法规专题讲座", credit: 150, modes: "expert"},
	{days: -87, clock: "15:00", minutes: 90, unit: "01", kind: "work_meeting", title: "半年党建工作专题会议"},
	{days: -73, clock: "16:00", minutes: 90, unit: "0111", kind: "lecture_series", title: "“五四讲堂”第二期", credit: 90, modes: "lecture"},
	{days: -59, clock: "09:00", minutes: 120, unit: "01", kind: "warning_education", title: "警示教育大会（三）", credit: 120, modes: "branch"},
	{days: -45, clock: "16:30", minutes: 45, unit: "0103", kind: "micro_lesson", title: "党员微课堂：老党员讲传统", credit: 45, modes: "lecture"},
	{days: -31, clock: "09:00", minutes: 180, unit: "0102", kind: "volunteer", title: "智慧助老志愿服务", campaigns: "我为群众办实事"},
	{days: -17, clock: "09:00", minutes: 90, unit: "0111", kind: "outreach_talk", title: "青年理论宣讲", credit: 90, modes: "lecture"},

	{days: -196, clock: "08:30", minutes: 240, unit: "0102", kind: "practice", title: "赴帮扶村调研", cancelled: "暴雨预警，改期举行"},
	{days: -118, clock: "16:00", minutes: 90, unit: "0111", kind: "lecture_series", title: "青年干部大讲堂第二期", cancelled: "主讲人公务调整"},
	{days: -38, clock: "10:00", minutes: 60, unit: "0103", kind: "seminar", title: "离退休党员座谈", cancelled: "高温天气，老同志不宜外出"},

	{days: 4, clock: "14:30", minutes: 120, unit: "01", audience: []string{"0101", "0102"}, kind: "study_session", title: "两支部联合学习会", credit: 120, modes: "branch"},
	{days: 6, clock: "09:00", minutes: 150, unit: "01", all: true, kind: "expert_lecture", title: "网络安全专题讲座", credit: 150, modes: "expert"},
	{days: 9, clock: "09:00", minutes: 180, unit: "0111", kind: "volunteer", title: "政务服务大厅志愿服务", campaigns: "我为群众办实事"},
	{days: 10, clock: "16:00", minutes: 90, unit: "0111", kind: "lecture_series", title: "青年干部大讲堂第三期", credit: 90, modes: "lecture", cancelled: "与专题讲座合并举行"},
}
