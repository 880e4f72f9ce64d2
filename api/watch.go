package api

import (
	"context"
	"net/http"
	"strconv"
	"strings"

	"github.com/danielgtaylor/huma/v2"

	"zhibu/model"
)

// watch records refused attempts of a route that moves money: a client that is mistaken again and again, or somebody who
// tries what he may not.
func (s *server) watch(r route) func(huma.Context, func(huma.Context)) {
	return func(c huma.Context, next func(huma.Context)) {
		code := new(string)
		next(huma.WithValue(c, refusalKey, code))
		if status := c.Status(); status < http.StatusBadRequest || status >= http.StatusInternalServerError {
			return
		}
		if !s.refusals.AllowN(s.Now(), 1) {
			return // the access log has it
		}
		unitID := int64(0)
		if strings.HasPrefix(r.path, "/units/") {
			unitID, _ = strconv.ParseInt(c.Param("id"), 10, 64)
		}
		ctx := context.WithoutCancel(c.Context())
		if err := s.Audit.Refused(ctx, actorOf(ctx), r.name, unitID, *code, model.At(s.Now())); err != nil {
			s.Logger.ErrorContext(ctx, "a refusal was not recorded", "route", r.name, "error", err, "request_id", requestIDOf(ctx))
		}
	}
}

// noteRefusal tells watch, if it is there, what the request was refused for.
func noteRefusal(ctx context.Context, code string) {
	if note, ok := ctx.Value(refusalKey).(*string); ok {
		*note = code
	}
}
