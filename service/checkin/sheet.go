package checkin

import (
	"cmp"
	"context"
	"fmt"
	"time"

	"gorm.io/gorm"

	"zhibu/model"
	"zhibu/office"
)

var stateNames = map[model.AttendanceState]string{
	model.Present: "实到", model.Late: "迟到", model.OnLeave: "请假", model.Absent: "缺席",
}

var sourceNames = map[model.Source]string{
	model.ByCode: "扫码", model.RollCall: "点名", model.ByProxy: "代录", model.HomeVisit: "送学上门",
}

// sheetColumns are the columns of the attendance sheet.
var sheetColumns = []office.Column{
	{Name: "序号", Width: 6, Format: office.Number}, {Name: "姓名", Width: 14}, {Name: "所在支部", Width: 26},
	{Name: "到会情况", Width: 10}, {Name: "登记方式", Width: 10}, {Name: "签到时间", Width: 20}, {Name: "备注", Width: 30},
}

// Sheet is the attendance sheet (签到表) as a workbook: what Attendance answers, in the form that is filed, with who
// exported it, when, and whether it is only a part. The export is in the audit.
func (s *Service) Sheet(ctx context.Context, actor model.Actor, activityID int64) (name string, content []byte, err error) {
	a, err := s.Attendance(ctx, actor, activityID)
	if err != nil {
		return "", nil, err
	}
	now := model.At(s.now())
	if content, err = writeSheet(a, export{cmp.Or(actor.Name, actor.Ref()), now}); err != nil {
		return "", nil, err
	}
	err = s.db.Write(ctx, func(tx *gorm.DB) error {
		return model.Audit(tx, actor, now, model.Deed{
			Action: "attendance.export", Unit: a.Gathering.Unit, SubjectID: activityID, After: map[string]any{"rows": len(a.Members), "partial": a.Partial},
		})
	})
	return "签到表-" + a.Gathering.Title + "-" + string(a.Gathering.StartsAt.Date()) + ".xlsx", content, err
}

func writeSheet(a Attendance, by export) ([]byte, error) {
	s := office.Sheet{Name: "签到表", Head: sheetHead(a, by), Columns: sheetColumns}
	for i, m := range a.Members {
		at := ""
		if m.CheckedInAt != 0 {
			at = m.CheckedInAt.Time().Format(time.DateTime)
		}
		row := []any{i + 1, m.Name, m.branch(), stateNames[m.State], sourceNames[m.Source], at, m.Reason}
		s.Rows = append(s.Rows, row)
	}
	return office.Workbook(s)
}

// export is who exports a sheet, and when.
type export struct {
	name string
	at   model.Instant
}

// sheetHead is what stands above the table.
func sheetHead(a Attendance, by export) []string {
	g := a.Gathering
	place := g.Place
	if place == "" {
		place = "—"
	}
	const layout = "2006-01-02 15:04"
	head := []string{
		g.Title + " 签到表",
		fmt.Sprintf("组织单位：%s    类别：%s    地点：%s", g.Unit.Name, g.Kind.Name(), place),
		fmt.Sprintf("时间：%s 至 %s", g.StartsAt.Time().Format(layout), g.EndsAt.Time().Format(layout)),
		fmt.Sprintf("应到 %d 人，实到 %d 人（其中迟到 %d 人），请假 %d 人，缺席 %d 人", a.Due, a.Attended(), a.Late, a.Leave, a.Absent),
		fmt.Sprintf("导出人：%s    导出时间：%s", by.name, by.at.Time().Format(time.DateTime)),
	}
	if a.Partial {
		head = append(head, "仅含本单位应到人员")
	}
	return head
}

// branch is the unit as a reader outside the branch knows it: a group with its branch before it.
func (a Attendee) branch() string {
	if a.UnitKind == model.PartyGroup || a.UnitKind == model.LeagueGroup {
		return a.ParentName + " " + a.UnitName
	}
	return a.UnitName
}
