package api

import (
	"context"
	"crypto/rand"
	"log/slog"
	"net/http"
	"net/url"
	"regexp"
	"runtime/debug"
	"strings"
	"time"
	"unicode/utf8"

	"github.com/gin-contrib/cors"
	"github.com/gin-gonic/gin"
)

const (
	maxBody        = 1 << 20  // of any request
	maxUpload      = 20 << 20 // of a spreadsheet
	requestTimeout = 30 * time.Second
)

// middleware is what every request passes, from the outside in.
func (s *server) middleware() []gin.HandlerFunc {
	m := []gin.HandlerFunc{requestID, s.accessLog(), s.recovery, s.secure, refuseBrokenText, s.limitBody, deadline}
	if len(s.CORSOrigins) > 0 {
		m = append(m, cors.New(cors.Config{
			AllowOrigins:  s.CORSOrigins,
			AllowMethods:  []string{"GET", "POST", "PUT", "PATCH", "DELETE"},
			AllowHeaders:  []string{"Authorization", "Content-Type", "X-Request-Id", "Idempotency-Key"},
			ExposeHeaders: []string{"X-Request-Id", "Retry-After", "Content-Disposition"},
			MaxAge:        time.Hour,
		}))
	}
	if s.SignInsPerMin > 0 {
		m = append(m, newAddressLimit(s.SignInsPerMin, s.Now).handle)
	}
	return m
}

var requestIDPattern = regexp.MustCompile(`^[0-9A-Za-z._-]{1,64}$`)

// requestID takes over the caller's X-Request-Id when it is harmless, or makes one, and answers it.
func requestID(c *gin.Context) {
	id := c.GetHeader("X-Request-Id")
	if !requestIDPattern.MatchString(id) {
		id = rand.Text()
	}
	c.Header("X-Request-Id", id)
	c.Request = c.Request.WithContext(context.WithValue(c.Request.Context(), requestIDKey, id))
	c.Next()
}

// accessLog writes one line per request: the route, never the query or a body, which may carry personal data. It also
// feeds the metrics.
func (s *server) accessLog() gin.HandlerFunc {
	observe := s.metrics()
	return func(c *gin.Context) {
		begin := time.Now()
		c.Next()
		route := c.FullPath()
		if route == "" {
			route = "unmatched"
		}
		took := time.Since(begin)
		observe(c.Request.Method, route, c.Writer.Status(), took)
		level := slog.LevelInfo
		if c.Writer.Status() >= http.StatusInternalServerError {
			level = slog.LevelError
		}
		s.Logger.LogAttrs(c.Request.Context(), level, "request",
			slog.String("method", c.Request.Method), slog.String("route", route), slog.Int("status", c.Writer.Status()),
			slog.Int("bytes", c.Writer.Size()), slog.Duration("took", took), slog.String("address", c.ClientIP()),
			slog.String("request_id", requestIDOf(c.Request.Context())))
	}
}

// recovery answers a panic as an internal error; the stack goes to the log.
func (s *server) recovery(c *gin.Context) {
	defer func() {
		if cause := recover(); cause != nil {
			s.Logger.ErrorContext(c.Request.Context(), "panic", "cause", cause, "stack", string(debug.Stack()),
				"request_id", requestIDOf(c.Request.Context()))
			answerProblem(c, problemOf(c, http.StatusInternalServerError, "internal", "系统出错了，请稍后再试"))
		}
	}()
	c.Next()
}

func (s *server) secure(c *gin.Context) {
	c.Header("X-Content-Type-Options", "nosniff")
	c.Header("Referrer-Policy", "no-referrer")
	if strings.HasPrefix(c.Request.URL.Path, basePath) {
		c.Header("Cache-Control", "no-store") // answers are personal
	}
	if s.Simulator != nil {
		c.Header("X-Demo", "1")
	}
	c.Next()
}

// refuseBrokenText refuses a query or path that is not UTF-8 or has a NUL, which no database takes as text. JSON bodies
// need no such check: their decoder replaces what is broken.
func refuseBrokenText(c *gin.Context) {
	query, err := url.QueryUnescape(c.Request.URL.RawQuery)
	if text := query + c.Request.URL.Path; err != nil || !utf8.ValidString(text) || strings.ContainsRune(text, 0) {
		answerProblem(c, problemOf(c, http.StatusUnprocessableEntity, "invalid_request", "地址里有无法识别的字符"))
		return
	}
	c.Next()
}

// limitBody refuses what is too long before it is read; a body without a length is cut off at the limit.
func (s *server) limitBody(c *gin.Context) {
	limit := int64(maxBody)
	if strings.HasPrefix(c.ContentType(), "multipart/") {
		limit = maxUpload
	}
	if c.Request.ContentLength > limit {
		if c.Request.URL.Path == payNoticePath {
			s.refuseNotice(c, "too_large")
		}
		answerProblem(c, problemOf(c, http.StatusRequestEntityTooLarge, "too_large", "提交的内容太大"))
		return
	}
	c.Request.Body = http.MaxBytesReader(c.Writer, c.Request.Body, limit)
	c.Next()
}

// deadline bounds what one request may cost; an upload gets longer.
func deadline(c *gin.Context) {
	timeout := requestTimeout
	if strings.HasPrefix(c.ContentType(), "multipart/") {
		timeout *= 10
	}
	ctx, cancel := context.WithTimeout(c.Request.Context(), timeout)
	defer cancel()
	c.Request = c.Request.WithContext(ctx)
	c.Next()
}
