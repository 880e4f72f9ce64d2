package checkin

import (
	"cmp"
	"context"
	"fmt"
	"time"

	"github.com/xuri/excelize/v2"
	"gorm.io/gorm"

	"zhibu/model"
)

var stateNames = map[model.AttendanceState]string{
	model.Present: "实到", model.Late: "迟到", model.OnLeave: "请假", model.Absent: "缺席",
}

var sourceNames = map[model.Source]string{
	model.ByCode: "扫码", model.RollCall: "点名", model.ByProxy: "代录", model.HomeVisit: "送学上门",
}

// sheetColumns are the columns of the attendance sheet with their widths.
var sheetColumns = []struct {
	name  string
	width float64
}{{"序号", 6}, {"姓名", 14}, {"所在支部", 26}, {"到会情况", 10}, {"登记方式", 10}, {"签到时间", 20}, {"备注", 30}}

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

// printOnA4 makes the sheet as wide as one page across.
func printOnA4(f *excelize.File, sheet string) error {
	const a4 = 9
	if err := f.SetSheetProps(sheet, &excelize.SheetPropsOptions{FitToPage: new(true)}); err != nil {
		return err
	}
	return f.SetPageLayout(sheet, &excelize.PageLayoutOptions{
		Size: new(a4), Orientation: new("landscape"), FitToWidth: new(1), FitToHeight: new(0),
	})
}

func writeSheet(a Attendance, by export) ([]byte, error) {
	f := excelize.NewFile()
	defer f.Close()
	const sheet = "签到表"
	if err := f.SetSheetName("Sheet1", sheet); err != nil {
		return nil, err
	}
	if err := printOnA4(f, sheet); err != nil {
		return nil, err
	}
	w, err := f.NewStreamWriter(sheet)
	if err != nil {
		return nil, err
	}
	styles, err := newSheetStyles(f)
	if err != nil {
		return nil, err
	}
	head := sheetHead(a, by)
	header := len(head) + 1
	if err := writeHead(w, head, styles); err != nil {
		return nil, err
	}
	if err := writeRows(w, a, header, styles); err != nil {
		return nil, err
	}
	if err := w.Flush(); err != nil {
		return nil, err
	}
	buffer, err := f.WriteToBuffer()
	if err != nil {
		return nil, err
	}
	return buffer.Bytes(), nil
}

// writeHead sets the widths, keeps the head and the header in sight, and writes the head across all columns.
func writeHead(w *excelize.StreamWriter, head []string, styles sheetStyles) error {
	for i, c := range sheetColumns {
		if err := w.SetColWidth(i+1, i+1, c.width); err != nil {
			return err
		}
	}
	header := len(head) + 1
	if err := w.SetPanes(&excelize.Panes{Freeze: true, YSplit: header, TopLeftCell: fmt.Sprintf("A%d", header+1), ActivePane: "bottomLeft"}); err != nil {
		return err
	}
	for i, text := range head {
		style := styles.plain
		if i == 0 {
			style = styles.title
		}
		if err := w.SetRow(fmt.Sprintf("A%d", i+1), []any{excelize.Cell{StyleID: style, Value: model.SafeCell(text)}}); err != nil {
			return err
		}
		if err := w.MergeCell(fmt.Sprintf("A%d", i+1), fmt.Sprintf("G%d", i+1)); err != nil {
			return err
		}
	}
	return nil
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

func writeRows(w *excelize.StreamWriter, a Attendance, header int, styles sheetStyles) error {
	names := make([]any, len(sheetColumns))
	for i, c := range sheetColumns {
		names[i] = excelize.Cell{StyleID: styles.header, Value: c.name}
	}
	if err := w.SetRow(fmt.Sprintf("A%d", header), names); err != nil {
		return err
	}
	for i, m := range a.Members {
		at := ""
		if m.CheckedInAt != 0 {
			at = m.CheckedInAt.Time().Format(time.DateTime)
		}
		row := []any{
			i + 1, model.SafeCell(m.Name), model.SafeCell(m.branch()), stateNames[m.State], sourceNames[m.Source], at,
			model.SafeCell(m.Reason),
		}
		for j, value := range row {
			row[j] = excelize.Cell{StyleID: styles.cell, Value: value}
		}
		if err := w.SetRow(fmt.Sprintf("A%d", header+1+i), row); err != nil {
			return err
		}
	}
	return nil
}

type sheetStyles struct{ title, plain, header, cell int }

func newSheetStyles(f *excelize.File) (s sheetStyles, err error) {
	thin := []excelize.Border{
		{Type: "left", Style: 1, Color: "999999"}, {Type: "right", Style: 1, Color: "999999"},
		{Type: "top", Style: 1, Color: "999999"}, {Type: "bottom", Style: 1, Color: "999999"},
	}
	for _, want := range []struct {
		id    *int
		style excelize.Style
	}{
		{&s.title, excelize.Style{Font: &excelize.Font{Bold: true, Size: 16}, Alignment: &excelize.Alignment{Horizontal: "center"}}},
		{&s.plain, excelize.Style{Alignment: &excelize.Alignment{Horizontal: "left"}}},
		{&s.header, excelize.Style{Font: &excelize.Font{Bold: true}, Border: thin, Alignment: &excelize.Alignment{Horizontal: "center"},
			Fill: excelize.Fill{Type: "pattern", Pattern: 1, Color: []string{"F2F2F2"}}}},
		{&s.cell, excelize.Style{Border: thin, Alignment: &excelize.Alignment{Vertical: "center", WrapText: true}}},
	} {
		if *want.id, err = f.NewStyle(&want.style); err != nil {
			return s, err
		}
	}
	return s, nil
}

// branch is the unit as a reader outside the branch knows it: a group with its branch before it.
func (a Attendee) branch() string {
	if a.UnitKind == model.PartyGroup || a.UnitKind == model.LeagueGroup {
		return a.ParentName + " " + a.UnitName
	}
	return a.UnitName
}
