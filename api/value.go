package api

import (
	"encoding/json"
	"fmt"
	"net/url"
	"path"
	"reflect"
	"time"

	"github.com/danielgtaylor/huma/v2"

	"zhibu/model"
)

// stamp is a moment as it is answered, with the offset +08:00; nil for "not yet".
func stamp(i model.Instant) *time.Time {
	if i == 0 {
		return nil
	}
	t := i.Time()
	return &t
}

// day is a date as it is answered; nil for none and for "has not ended".
func day(d model.Date) *string {
	if d == "" || d.IsOpen() {
		return nil
	}
	s := string(d)
	return &s
}

// instant reads an optional moment of a request.
func instant(t *time.Time) model.Instant {
	if t == nil {
		return 0
	}
	return model.At(*t)
}

// IDInput is a request about one thing and nothing more. Embedded structs are exported: huma passes over others.
type IDInput struct {
	ID int64 `path:"id" minimum:"1" maximum:"9007199254740991"`
}

// PageInput is what every list takes.
type PageInput struct {
	Limit  int    `query:"limit" minimum:"1" maximum:"200" default:"50"`
	Cursor string `query:"cursor" maxLength:"300"`
}

// file is a download.
type file struct {
	ContentType string `header:"Content-Type"`
	Disposition string `header:"Content-Disposition"`
	Body        []byte
}

const (
	xlsxType = "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet"
	csvType  = "text/csv; charset=utf-8"
	pngType  = "image/png"
	docxType = "application/vnd.openxmlformats-officedocument.wordprocessingml.document"
)

// attachment is a file that a browser saves under its Chinese name, and an old one as "download".
func attachment(contentType, name string, content []byte) *file {
	return &file{
		ContentType: contentType,
		Disposition: fmt.Sprintf(`attachment; filename="download%s"; filename*=UTF-8''%s`, path.Ext(name), url.PathEscape(name)),
		Body:        content,
	}
}

// fileOf is the attachment, unless making it failed.
func fileOf(contentType, name string, content []byte, err error) (*file, error) {
	if err != nil {
		return nil, err
	}
	return attachment(contentType, name, content), nil
}

func instantOrNil(t *time.Time) *model.Instant {
	if t == nil {
		return nil
	}
	i := model.At(*t)
	return &i
}

// cursor is the next page's mark as it is answered; nil on the last page.
func cursor(next string) *string {
	if next == "" {
		return nil
	}
	return &next
}

// timeRange reads both ends of a range; a date stands for the whole day.
func timeRange(from, to string) (begin, end model.Instant, err error) {
	if begin, err = rangeEnd("from", from, 0); err != nil {
		return 0, 0, err
	}
	end, err = rangeEnd("to", to, 1)
	return begin, end, err
}

// rangeEnd reads one end of a range: a time, or a date, which stands for its first moment plus the days.
func rangeEnd(field, value string, days int) (model.Instant, error) {
	if value == "" {
		return 0, nil
	}
	if t, err := time.Parse(time.RFC3339, value); err == nil {
		return model.At(t), nil
	}
	d, err := model.ParseDate(value)
	if err != nil {
		return 0, model.InvalidField(field, "invalid_time", "须为日期（2026-03-02）或时间（2026-03-02T09:00:00+08:00）")
	}
	return d.AddDays(days).Start(), nil
}

// nullable is an object or null. OpenAPI has no nullable reference, and huma writes none for a pointer, so it describes
// itself as either.
type nullable[T any] struct{ value *T }

func orNull[T any](value *T) nullable[T] { return nullable[T]{value} }

// MarshalJSON writes the object or null.
func (n nullable[T]) MarshalJSON() ([]byte, error) { return json.Marshal(n.value) }

// Schema is huma's way to let a type describe itself.
func (nullable[T]) Schema(r huma.Registry) *huma.Schema {
	return &huma.Schema{AnyOf: []*huma.Schema{r.Schema(reflect.TypeFor[T](), true, ""), {Type: "null"}}}
}

// orNil is a text or a month as it is answered; nil for none.
func orNil[T ~string](value T) *T {
	if value == "" {
		return nil
	}
	return &value
}
