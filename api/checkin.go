package api

import (
	"context"
	"fmt"
	"net/http"
	"net/url"
	"time"

	"rsc.io/qr"

	"zhibu/model"
	"zhibu/service/checkin"
)

func (s *server) checkinRoutes() []route {
	const tag = "checkin"
	return append([]route{
		{method: http.MethodGet, path: "/activities/{id}/check-in-code", role: org, name: "read-check-in-code", tag: tag,
			summary: "现场签到码", mount: handle(s.readCheckInCode)},
		{method: http.MethodGet, path: "/activities/{id}/check-in-code.png", role: org, name: "draw-check-in-code", tag: tag,
			summary: "现场签到码（二维码图片）", mount: handle(s.drawCheckInCode)},
		{method: http.MethodGet, path: "/activities/{id}/check-in-code/qrcode.jpg", role: org, name: "draw-mini-program-code", tag: tag,
			summary: "打开活动页的小程序码", mount: handle(s.drawMiniProgramCode)},
		{method: http.MethodPost, path: "/activities/{id}/check-ins", role: mini, name: "check-in", tag: tag, status: http.StatusCreated,
			also: http.StatusOK, forSelf: true, summary: "签到", mount: handle(s.checkIn)},
		{method: http.MethodPost, path: "/me/check-ins/batch", role: mini, name: "check-in-batch", tag: tag,
			forSelf: true, summary: "补传没有网络时扫的码", mount: handle(s.checkInBatch)},
		{method: http.MethodPost, path: "/activities/{id}/attendance", role: org, name: "record-attendance", tag: tag,
			summary: "点名、代录、送学上门", mount: handle(s.recordAttendance)},
		{method: http.MethodGet, path: "/activities/{id}/attendance", role: org, name: "read-attendance", tag: tag,
			summary: "到会情况", mount: handle(s.readAttendance)},
		{method: http.MethodGet, path: "/activities/{id}/attendance.xlsx", role: org, name: "export-attendance", tag: tag,
			summary: "签到表", mount: handle(s.exportAttendance)},
	}, s.leaveRoutes()...)
}

type checkInCodeOutput struct {
	Body struct {
		Code                string     `json:"code"`
		ExpiresAt           *time.Time `json:"expires_at"`
		RefreshAfterSeconds int        `json:"refresh_after_seconds" doc:"when the next code is there"`
	}
}

func (s *server) readCheckInCode(ctx context.Context, in *IDInput) (*checkInCodeOutput, error) {
	code, err := s.CheckIn.Code(ctx, actorOf(ctx), in.ID)
	if err != nil {
		return nil, err
	}
	out := &checkInCodeOutput{}
	out.Body.Code, out.Body.ExpiresAt = code.Code, stamp(code.ExpiresAt)
	out.Body.RefreshAfterSeconds = int((code.Refresh + time.Second - 1) / time.Second)
	return out, nil
}

// drawCheckInCode draws the code of this moment as a QR that WeChat's scanner opens the mini-program with, and the
// mini-program's own scanner reads.
func (s *server) drawCheckInCode(ctx context.Context, in *IDInput) (*file, error) {
	code, err := s.CheckIn.Code(ctx, actorOf(ctx), in.ID)
	if err != nil {
		return nil, err
	}
	link := fmt.Sprintf("%s/check-in?activity_id=%d&code=%s", s.PublicURL, in.ID, url.QueryEscape(code.Code))
	drawn, err := qr.Encode(link, qr.M)
	if err != nil {
		return nil, err
	}
	drawn.Scale = 10
	return &file{ContentType: "image/png", Body: drawn.PNG()}, nil
}

func (s *server) drawMiniProgramCode(ctx context.Context, in *IDInput) (*file, error) {
	if _, err := s.CheckIn.Code(ctx, actorOf(ctx), in.ID); err != nil {
		return nil, err
	}
	picture, contentType, err := s.MiniProgramCode(ctx, in.ID)
	if err != nil {
		return nil, err
	}
	return &file{ContentType: contentType, Body: picture}, nil
}

// Position is where the phone says it is.
type Position struct {
	Latitude  *float64 `json:"latitude,omitempty" minimum:"-90" maximum:"90" doc:"gcj02; only where the activity asks for it"`
	Longitude *float64 `json:"longitude,omitempty" minimum:"-180" maximum:"180"`
	AccuracyM float64  `json:"accuracy_m,omitempty" minimum:"0" maximum:"500"`
}

func (p Position) scan() *checkin.Position {
	if p.Latitude == nil || p.Longitude == nil {
		return nil
	}
	return &checkin.Position{Latitude: *p.Latitude, Longitude: *p.Longitude, AccuracyM: p.AccuracyM}
}

type checkInBody struct {
	ID          int64                 `json:"id"`
	ActivityID  int64                 `json:"activity_id"`
	MemberID    int64                 `json:"member_id"`
	State       model.AttendanceState `json:"state" enum:"present,late,leave,absent"`
	Source      model.Source          `json:"source" enum:"code,roll_call,proxy,home_visit"`
	CheckedInAt *time.Time            `json:"checked_in_at"`
}

func checkInBodyOf(row model.CheckIn) checkInBody {
	return checkInBody{
		ID: row.ID, ActivityID: row.ActivityID, MemberID: row.MemberID, State: row.State, Source: row.Source,
		CheckedInAt: stamp(row.CheckedInAt),
	}
}

type checkInInput struct {
	IDInput
	Body struct {
		Position
		Code  string `json:"code" minLength:"1" maxLength:"64"`
		Nonce string `json:"nonce,omitempty" maxLength:"64"`
	}
}

type checkInOutput struct {
	Status int `json:"-"`
	Body   checkInBody
}

func (s *server) checkIn(ctx context.Context, in *checkInInput) (*checkInOutput, error) {
	outcome, err := s.CheckIn.Record(ctx, actorOf(ctx), checkin.Scan{
		ActivityID: in.ID, Code: in.Body.Code, Nonce: in.Body.Nonce, Position: in.Body.scan(),
	})
	if err != nil {
		return nil, err
	}
	return &checkInOutput{Status: createdOrOK(outcome.Created), Body: checkInBodyOf(outcome.CheckIn)}, nil
}

func createdOrOK(created bool) int {
	if created {
		return http.StatusCreated
	}
	return http.StatusOK
}

type checkInBatchInput struct {
	Body struct {
		Items []struct {
			Position
			ActivityID int64     `json:"activity_id" minimum:"1"`
			Code       string    `json:"code" minLength:"1" maxLength:"64"`
			ScannedAt  time.Time `json:"scanned_at"`
			Nonce      string    `json:"nonce" minLength:"1" maxLength:"64"`
		} `json:"items" minItems:"1" maxItems:"100"`
	}
}

type scanOutcome struct {
	Nonce   string       `json:"nonce"`
	Outcome string       `json:"outcome" enum:"created,existing,refused"`
	Code    string       `json:"code,omitempty"`
	Message string       `json:"message,omitempty"`
	CheckIn *checkInBody `json:"check_in,omitempty"`
}

type checkInBatchOutput struct {
	Body struct {
		Items []scanOutcome `json:"items"`
	}
}

func (s *server) checkInBatch(ctx context.Context, in *checkInBatchInput) (*checkInBatchOutput, error) {
	scans := make([]checkin.Scan, len(in.Body.Items))
	for i, item := range in.Body.Items {
		scans[i] = checkin.Scan{
			ActivityID: item.ActivityID, Code: item.Code, Nonce: item.Nonce, ScannedAt: model.At(item.ScannedAt),
			Position: item.scan(),
		}
	}
	outcomes, err := s.CheckIn.RecordBatch(ctx, actorOf(ctx), scans)
	if err != nil {
		return nil, err
	}
	out := &checkInBatchOutput{}
	for i, o := range outcomes {
		out.Body.Items = append(out.Body.Items, scanOutcomeOf(scans[i].Nonce, o))
	}
	return out, nil
}

func scanOutcomeOf(nonce string, o checkin.Outcome) scanOutcome {
	if refusal := model.AsError(o.Err); refusal != nil {
		return scanOutcome{Nonce: nonce, Outcome: "refused", Code: refusal.Code, Message: refusal.Message}
	}
	body := checkInBodyOf(o.CheckIn)
	s := scanOutcome{Nonce: nonce, Outcome: "existing", CheckIn: &body}
	if o.Created {
		s.Outcome = "created"
	}
	return s
}

type recordAttendanceInput struct {
	IDInput
	Body struct {
		Entries []struct {
			MemberID int64                 `json:"member_id" minimum:"1"`
			State    model.AttendanceState `json:"state" enum:"present,late,leave,absent"`
			Source   model.Source          `json:"source" enum:"roll_call,proxy,home_visit"`
			Reason   string                `json:"reason,omitempty" maxLength:"200" doc:"required for proxy and home_visit"`
		} `json:"entries" minItems:"1" maxItems:"500"`
	}
}

// AttendanceCounts are the figures of an attendance.
type AttendanceCounts struct {
	Due     int     `json:"due"`
	Present int     `json:"present"`
	Late    int     `json:"late"`
	Leave   int     `json:"leave"`
	Absent  int     `json:"absent"`
	Percent *string `json:"percent" doc:"who was there of who was due; null with nobody due"`
}

func attendanceCountsOf(c checkin.Counts) AttendanceCounts {
	return AttendanceCounts{
		Due: c.Due, Present: c.Present, Late: c.Late, Leave: c.Leave, Absent: c.Absent, Percent: model.Percent(c.Attended(), c.Due),
	}
}

type attendanceCountsOutput struct{ Body AttendanceCounts }

func (s *server) recordAttendance(ctx context.Context, in *recordAttendanceInput) (*attendanceCountsOutput, error) {
	entries := make([]checkin.Entry, len(in.Body.Entries))
	for i, e := range in.Body.Entries {
		entries[i] = checkin.Entry(e)
	}
	a, err := s.CheckIn.RecordEntries(ctx, actorOf(ctx), in.ID, entries)
	if err != nil {
		return nil, err
	}
	return &attendanceCountsOutput{Body: attendanceCountsOf(a.Counts)}, nil
}

type attendee struct {
	MemberID    int64                 `json:"member_id"`
	Name        string                `json:"name"`
	UnitID      int64                 `json:"unit_id"`
	UnitName    string                `json:"unit_name"`
	State       model.AttendanceState `json:"state" enum:"present,late,leave,absent"`
	Source      *model.Source         `json:"source" doc:"null when nothing is recorded"`
	CheckedInAt *time.Time            `json:"checked_in_at"`
	RecordedBy  string                `json:"recorded_by,omitempty"`
	Reason      string                `json:"reason,omitempty"`
}

type attendanceOutput struct {
	Body struct {
		AttendanceCounts
		Members []attendee `json:"members"`
	}
}

func (s *server) readAttendance(ctx context.Context, in *IDInput) (*attendanceOutput, error) {
	a, err := s.CheckIn.Attendance(ctx, actorOf(ctx), in.ID)
	if err != nil {
		return nil, err
	}
	out := &attendanceOutput{}
	out.Body.AttendanceCounts, out.Body.Members = attendanceCountsOf(a.Counts), make([]attendee, len(a.Members))
	for i, m := range a.Members {
		out.Body.Members[i] = attendee{
			MemberID: m.MemberID, Name: m.Name, UnitID: m.UnitID, UnitName: m.UnitName, State: m.State,
			CheckedInAt: stamp(m.CheckedInAt), RecordedBy: m.RecordedBy, Reason: m.Reason,
		}
		if m.Source != "" {
			out.Body.Members[i].Source = &m.Source
		}
	}
	return out, nil
}

func (s *server) exportAttendance(ctx context.Context, in *IDInput) (*file, error) {
	name, content, err := s.CheckIn.Sheet(ctx, actorOf(ctx), in.ID)
	if err != nil {
		return nil, err
	}
	return attachment(xlsxType, name, content), nil
}
