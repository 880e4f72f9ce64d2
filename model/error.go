package model

import (
	"errors"
	"fmt"
	"time"
)

// Kind says how a caller may react to an error; only api turns it into a status code.
type Kind string

const (
	Internal        Kind = "internal" // never shown: logged with its cause, answered without it
	Invalid         Kind = "invalid"
	Unauthenticated Kind = "unauthenticated"
	Forbidden       Kind = "forbidden"
	NotFound        Kind = "not_found"
	Conflict        Kind = "conflict"
	TooMany         Kind = "too_many"
	Unavailable     Kind = "unavailable"
	TooLarge        Kind = "too_large"
	Unsupported     Kind = "unsupported_media"
)

// Error is the only error a service means for its caller. Code is a stable snake_case word, Message a Chinese
// sentence a member can act on. The cause goes to the log and nowhere else.
type Error struct {
	Kind       Kind
	Code       string
	Message    string
	Fields     []FieldError  // the fields at fault, for Invalid
	RetryAfter time.Duration // when trying again makes sense, for TooMany and Unavailable
	cause      error
}

// FieldError names one field at fault. For a file, Field is "row 12 身份证号".
type FieldError struct {
	Field   string
	Code    string
	Message string
}

// NewError makes a sentinel; wrap it with With or In where a cause or a field is known.
func NewError(kind Kind, code, message string) *Error {
	return &Error{Kind: kind, Code: code, Message: message}
}

func (e *Error) Error() string {
	if e.cause != nil {
		return fmt.Sprintf("%s: %s: %v", e.Code, e.Message, e.cause)
	}
	return e.Code + ": " + e.Message
}

func (e *Error) Unwrap() error { return e.cause }

// Is reports whether target is the same refusal, whatever its cause or fields.
func (e *Error) Is(target error) bool {
	t, ok := target.(*Error)
	return ok && t.Code == e.Code && t.Kind == e.Kind
}

// With returns a copy of e that remembers cause for the log.
func (e *Error) With(cause error) *Error {
	c := *e
	c.cause = cause
	return &c
}

// Saying returns a copy of e with another message.
func (e *Error) Saying(format string, args ...any) *Error {
	c := *e
	c.Message = fmt.Sprintf(format, args...)
	return &c
}

// After returns a copy of e that tells the caller when to try again.
func (e *Error) After(d time.Duration) *Error {
	c := *e
	c.RetryAfter = d
	return &c
}

// InvalidField is a request with one field at fault.
func InvalidField(field, code, message string) *Error {
	return InvalidFields(FieldError{Field: field, Code: code, Message: message})
}

// InvalidFields is a request with the given fields at fault; its message is the first field's.
func InvalidFields(fields ...FieldError) *Error {
	return &Error{Kind: Invalid, Code: "invalid_request", Message: fields[0].Message, Fields: fields}
}

// AsError finds the *Error in err's chain, or nil.
func AsError(err error) *Error {
	var e *Error
	if errors.As(err, &e) {
		return e
	}
	return nil
}

// The refusals every feature shares.
var (
	ErrNotFound        = NewError(NotFound, "not_found", "没有找到，或不在您的管理范围内")
	ErrForbidden       = NewError(Forbidden, "forbidden", "您没有办理此事的权限，请联系支部书记")
	ErrUnauthenticated = NewError(Unauthenticated, "unauthenticated", "请先登录")
	ErrOwnRecord       = NewError(Forbidden, "own_record", "不能为本人登记，请由其他同志办理")
)
