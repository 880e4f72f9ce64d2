package api

import (
	"context"
	"encoding/json"
	"errors"
	"math"
	"net/http"
	"strconv"
	"strings"
	"sync"

	"github.com/danielgtaylor/huma/v2"
	"github.com/danielgtaylor/huma/v2/validation"
	"github.com/gin-gonic/gin"

	"zhibu/model"
)

// problem is every error answer (RFC 9457).
type problem struct {
	Type      string         `json:"type" doc:"always about:blank; code tells the problems apart"`
	Title     string         `json:"title"`
	Status    int            `json:"status"`
	Detail    string         `json:"detail" doc:"a sentence for the person, in Chinese"`
	Code      string         `json:"code" doc:"stable, snake_case"`
	RequestID string         `json:"request_id"`
	Errors    []fieldProblem `json:"errors,omitempty"`
	Report    any            `json:"report,omitempty" doc:"the report of a refused import"`
	headers   http.Header
}

type fieldProblem struct {
	Field   string `json:"field"`
	Code    string `json:"code"`
	Message string `json:"message"`
}

func (p *problem) Error() string             { return p.Code }
func (p *problem) GetStatus() int            { return p.Status }
func (p *problem) GetHeaders() http.Header   { return p.headers }
func (p *problem) ContentType(string) string { return "application/problem+json" }

// write answers the problem from a huma middleware.
func (p *problem) write(a huma.API, c huma.Context) {
	for name, values := range p.headers {
		for _, v := range values {
			c.SetHeader(name, v)
		}
	}
	c.SetHeader("Content-Type", p.ContentType(""))
	c.SetStatus(p.Status)
	_ = json.NewEncoder(c.BodyWriter()).Encode(p)
}

func newProblem(requestID string, status int, code, detail string) *problem {
	return &problem{
		Type: "about:blank", Title: http.StatusText(status), Status: status, Detail: detail, Code: code, RequestID: requestID,
	}
}

// problemOf is a problem found before any operation was reached.
func problemOf(c *gin.Context, status int, code, detail string) *problem {
	return newProblem(requestIDOf(c.Request.Context()), status, code, detail)
}

func answerProblem(c *gin.Context, p *problem) {
	c.Header("Content-Type", p.ContentType(""))
	c.AbortWithStatusJSON(p.Status, p)
}

var statusOf = map[model.Kind]int{
	model.Invalid:         http.StatusUnprocessableEntity,
	model.Unauthenticated: http.StatusUnauthorized,
	model.Forbidden:       http.StatusForbidden,
	model.NotFound:        http.StatusNotFound,
	model.Conflict:        http.StatusConflict,
	model.TooMany:         http.StatusTooManyRequests,
	model.Unavailable:     http.StatusServiceUnavailable,
	model.TooLarge:        http.StatusRequestEntityTooLarge,
	model.Unsupported:     http.StatusUnsupportedMediaType,
}

// problem turns any error into its answer. What is not a model error is logged here, once, and shown as nothing but
// its request id.
func (s *server) problem(ctx context.Context, err error) *problem {
	var done *problem
	if errors.As(err, &done) {
		return done
	}
	id := requestIDOf(ctx)
	e := model.AsError(err)
	if e != nil {
		noteRefusal(ctx, e.Code)
	}
	if e == nil && model.IsUnavailable(err) {
		s.Logger.WarnContext(ctx, "unavailable", "request_id", id, "error", err)
		return newProblem(id, http.StatusServiceUnavailable, "unavailable", "系统繁忙，请稍后再试")
	}
	if e == nil || e.Kind == model.Internal {
		s.Logger.ErrorContext(ctx, "internal error", "request_id", id, "error", err)
		return newProblem(id, http.StatusInternalServerError, "internal", "系统出错了，请稍后再试；如仍不行，请把编号 "+id+" 告诉管理员")
	}
	if cause := errors.Unwrap(e); cause != nil {
		s.Logger.InfoContext(ctx, "refused", "request_id", id, "code", e.Code, "error", cause)
	}
	p := newProblem(id, statusOf[e.Kind], e.Code, e.Message)
	for _, f := range e.Fields {
		p.Errors = append(p.Errors, fieldProblem(f))
	}
	if e.RetryAfter > 0 {
		p.headers = http.Header{"Retry-After": {strconv.Itoa(int(math.Ceil(e.RetryAfter.Seconds())))}}
	}
	return p
}

// useChineseMessages replaces huma's error body and its messages, which are package variables of huma.
var useChineseMessages = sync.OnceFunc(func() {
	huma.DefaultArrayNullable = false
	huma.ValidateStrictCasing = true // else "STATE" is decoded into the field that only "state" was checked for
	huma.NewError = func(status int, message string, errs ...error) huma.StatusError {
		return requestProblem("", status, message, errs)
	}
	huma.NewErrorWithContext = func(c huma.Context, status int, message string, errs ...error) huma.StatusError {
		p := requestProblem(requestIDOf(c.Context()), status, message, errs)
		noteRefusal(c.Context(), p.Code)
		return p
	}
	for _, m := range chineseMessages {
		*m.variable = m.text
	}
})

const missingField = "缺少必填项 "

// chineseMessages translate what huma says of a field; the code is what stands before the first bar.
var chineseMessages = []struct {
	variable *string
	text     string
}{
	{&validation.MsgUnexpectedProperty, "unknown_field|没有这个字段"},
	{&validation.MsgExpectedRequiredProperty, "required|" + missingField + "%s"},
	{&validation.MsgExpectedRFC3339DateTime, "invalid_time|时间须形如 2026-03-02T09:00:00+08:00"},
	{&validation.MsgExpectedRFC3339Date, "invalid_date|日期须形如 2026-03-02"},
	{&validation.MsgExpectedBoolean, "invalid_type|须为 true 或 false"},
	{&validation.MsgExpectedNumber, "invalid_type|须为数字"},
	{&validation.MsgExpectedInteger, "invalid_type|须为整数"},
	{&validation.MsgExpectedString, "invalid_type|须为文字"},
	{&validation.MsgExpectedArray, "invalid_type|须为列表"},
	{&validation.MsgExpectedObject, "invalid_type|须为对象"},
	{&validation.MsgExpectedArrayItemsUnique, "duplicate|列表中有重复项"},
	{&validation.MsgExpectedOneOf, "invalid_value|须为下列之一：%s"},
	{&validation.MsgExpectedMinimumNumber, "too_small|不能小于 %.0f"},
	{&validation.MsgExpectedMaximumNumber, "too_large|不能大于 %.0f"},
	{&validation.MsgExpectedMinLength, "too_short|至少 %d 个字"},
	{&validation.MsgExpectedMaxLength, "too_long|最多 %d 个字"},
	{&validation.MsgExpectedMinItems, "too_few|至少 %d 项"},
	{&validation.MsgExpectedMaxItems, "too_many|最多 %d 项"},
	{&validation.MsgExpectedMinProperties, "too_few|至少 %d 项"},
	{&validation.MsgExpectedMaxProperties, "too_many|最多 %d 项"},
	{&validation.MsgExpectedMatchPattern, "invalid_value|格式不对，须符合 %s"},
	{&validation.MsgExpectedBePattern, "invalid_value|格式不对，须为 %s"},
}

// requestProblem is a request that never reached its handler. The rejected values are not echoed: they may be
// personal data.
func requestProblem(requestID string, status int, message string, errs []error) *problem {
	p := newProblem(requestID, status, "invalid_request", "提交的内容有误")
	switch status {
	case http.StatusRequestEntityTooLarge:
		p.Code, p.Detail = "too_large", "提交的内容太大"
		return p
	case http.StatusUnsupportedMediaType:
		p.Code, p.Detail = "unsupported_media_type", "不支持这种内容格式，请用 application/json"
		return p
	case http.StatusRequestTimeout:
		p.Code, p.Detail = "timeout", "网络太慢，没有收完提交的内容，请重试"
		return p
	case http.StatusInternalServerError:
		p.Code, p.Detail = "internal", "系统出错了，请稍后再试"
		return p
	}
	if status == http.StatusBadRequest { // not even JSON
		p.Status, p.Title, p.Detail = http.StatusUnprocessableEntity, http.StatusText(http.StatusUnprocessableEntity), "提交的内容不是正确的 JSON"
	}
	if message == "request body is required" {
		p.Detail = "没有提交内容"
	}
	for _, err := range errs {
		f := fieldProblemOf(err)
		if f.Code == "too_large" && f.Field == "body" { // a form without a length, cut off at the limit
			p.Status, p.Title, p.Code, p.Detail = http.StatusRequestEntityTooLarge, http.StatusText(http.StatusRequestEntityTooLarge), "too_large", f.Message
			return p
		}
		p.Errors = append(p.Errors, f)
	}
	if len(p.Errors) > 0 && p.Status == status {
		p.Detail += "：" + strings.TrimPrefix(p.Errors[0].Field+" ", " ") + p.Errors[0].Message
	}
	return p
}

func fieldProblemOf(err error) fieldProblem {
	f := fieldProblem{Code: "invalid_value", Message: "内容有误"}
	var d huma.ErrorDetailer
	if !errors.As(err, &d) {
		return f
	}
	detail := d.ErrorDetail()
	_, f.Field, _ = strings.Cut(detail.Location, ".")
	if code, message, ok := strings.Cut(detail.Message, "|"); ok {
		f.Code, f.Message = code, message
		if missing, ok := strings.CutPrefix(message, missingField); ok { // huma gives the place of what it is missing in
			f.Field = strings.TrimPrefix(f.Field+"."+missing, ".")
		}
		return f
	}
	for _, m := range fixedMessages {
		if strings.HasPrefix(detail.Message, m.begins) {
			f.Code, f.Message = m.code, m.text
			break
		}
	}
	if f.Field == "" {
		f.Field = detail.Location
	}
	return f
}

// fixedMessages translate what huma says of parameters and forms, which has no variable.
var fixedMessages = []struct{ begins, code, text string }{
	{"unknown query parameter", "unknown_field", "没有这个查询参数"},
	{"required", "required", "缺少此项"},
	{"expected at most one", "duplicate", "只能给一个值"},
	{"invalid integer", "invalid_type", "须为整数"},
	{"json: cannot unmarshal number", "too_large", "数字过大，或不是整数"},
	{"invalid float", "invalid_type", "须为数字"},
	{"invalid boolean", "invalid_type", "须为 true 或 false"},
	{"File required", "required", "请选择要上传的文件"},
	{"At least one file", "required", "请选择要上传的文件"},
	{"Multiple files", "duplicate", "一次只能上传一个文件"},
	{"cannot read multipart form: http: request body too large", "too_large", "文件太大，最大 20 MB"},
	{"cannot read multipart form", "invalid_form", "上传的内容不完整，请重新选择文件再试"},
}
