package api

import (
	"context"
	"net/http"

	"zhibu/model"
	"zhibu/service/calendar"
)

func (s *server) calendarRoutes() []route {
	const tag = "calendar"
	return []route{
		{method: http.MethodGet, path: "/calendar", role: mini, name: "read-calendar", tag: tag,
			summary: "一年的节假日和调休", mount: handle(s.readCalendar)},
		{method: http.MethodPut, path: "/calendar/days", role: admin, name: "set-calendar-days", tag: tag,
			summary: "录入国务院公布的放假和调休", mount: handle(s.setCalendarDays)},
		{method: http.MethodDelete, path: "/calendar/days/{day}", role: admin, name: "withdraw-calendar-day", tag: tag,
			summary: "撤回录入的一天", mount: handle(s.withdrawCalendarDay)},
	}
}

type festivalBody struct {
	Key     string  `json:"key" enum:"new_year,spring_festival,qingming,labour_day,dragon_boat,mid_autumn,national_day"`
	Name    string  `json:"name"`
	Date    *string `json:"date"`
	OffFrom *string `json:"off_from" doc:"the first of its days off; the day itself while they are not published"`
	OffTo   *string `json:"off_to"`
}

type calendarDayBody struct {
	Day      model.Date         `json:"day" format:"date"`
	Kind     model.CalendarKind `json:"kind" enum:"off,work" doc:"work: a weekend to make up for a day off (调休上班)"`
	Festival string             `json:"festival,omitempty" maxLength:"20" doc:"the key of the festival behind it"`
}

type calendarOutput struct {
	Body struct {
		Year      int               `json:"year"`
		Published bool              `json:"published" doc:"false: the days off are not known yet, and only weekends and the festivals themselves are taken to be off"`
		Festivals []festivalBody    `json:"festivals"`
		Days      []calendarDayBody `json:"days" doc:"those of which the weekday does not tell whether people work"`
	}
}

func renderCalendar(y calendar.Year, err error) (*calendarOutput, error) {
	if err != nil {
		return nil, err
	}
	out := &calendarOutput{}
	b := &out.Body
	b.Year, b.Published = y.Year, y.Published
	b.Festivals, b.Days = make([]festivalBody, len(y.Festivals)), make([]calendarDayBody, len(y.Days))
	for i, f := range y.Festivals {
		b.Festivals[i] = festivalBody{f.Key, f.Name, day(f.Date), day(f.OffFrom), day(f.OffTo)}
	}
	for i, d := range y.Days {
		b.Days[i] = calendarDayBody{d.Day, d.Kind, d.Festival}
	}
	return out, nil
}

type readCalendarInput struct {
	Year int `query:"year" minimum:"2024" maximum:"2050" doc:"this year when absent"`
}

func (s *server) readCalendar(ctx context.Context, in *readCalendarInput) (*calendarOutput, error) {
	return renderCalendar(s.Calendar.Look(ctx, in.Year))
}

type setCalendarDaysInput struct {
	Body struct {
		Items []calendarDayBody `json:"items" minItems:"1" maxItems:"100"`
	}
}

func (s *server) setCalendarDays(ctx context.Context, in *setCalendarDaysInput) (*calendarOutput, error) {
	days := make([]model.CalendarDay, len(in.Body.Items))
	for i, d := range in.Body.Items {
		days[i] = model.CalendarDay{Day: d.Day, Kind: d.Kind, Festival: d.Festival}
	}
	return renderCalendar(s.Calendar.Set(ctx, actorOf(ctx), days))
}

type calendarDayInput struct {
	Day model.Date `path:"day" format:"date"`
}

func (s *server) withdrawCalendarDay(ctx context.Context, in *calendarDayInput) (*struct{}, error) {
	return nil, s.Calendar.Withdraw(ctx, actorOf(ctx), in.Day)
}
