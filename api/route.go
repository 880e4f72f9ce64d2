package api

import (
	"context"
	"net/http"
	"path"
	"slices"
	"strconv"
	"strings"

	"github.com/danielgtaylor/huma/v2"

	"zhibu/model"
)

// role says who may call a route at all; which units he may call it for is the service's business.
type role string

const (
	public  role = "public"
	session role = "session" // signed in, bound or not
	mini    role = "mini"    // any bound member, and console accounts
	org     role = "org"     // whose offices include the unit in question
	admin   role = "admin"   // and who administers it
)

// route is a line of the one route table.
type route struct {
	method  string
	path    string
	role    role
	name    string // operation id
	tag     string // the feature
	summary string
	status  int // of success, when it is not 200 or 204
	mount   mount
	upload  int64 // bytes a request may have, when it is more than usual
	also    int   // another status of success: 200 where creating again finds what is there, 202 where a person decides
	watched bool  // it moves money: refused attempts are in the audit
	forSelf bool  // it concerns nobody but the caller, so his offices are not looked up
}

// routes is the route table; testdata/routes.golden lists it for review.
func (s *server) routes() []route {
	return slices.Concat(
		s.signinRoutes(), s.unitRoutes(), s.rosterRoutes(), s.activityRoutes(), s.checkinRoutes(), s.periodRoutes(), s.duesRoutes(),
		s.auditRoutes(), s.feedbackRoutes(), s.settingRoutes(), s.featureRoutes(), s.todoRoutes(), s.announcementRoutes(),
		s.inboxRoutes(), s.reminderRoutes(), s.calendarRoutes(),
	)
}

// fileTypes are the media types of the downloads, by the ending of the path.
var fileTypes = map[string]string{".xlsx": xlsxType, ".docx": docxType, ".csv": "text/csv", ".png": pngType, ".jpg": "image/jpeg"}

func (r route) operation() huma.Operation {
	op := huma.Operation{
		Method: r.method, Path: r.path, OperationID: r.name, Summary: r.summary, Tags: []string{r.tag},
		DefaultStatus: r.status, MaxBodyBytes: r.upload,
		Description: "who: " + string(r.role),
		Errors:      []int{http.StatusUnprocessableEntity, http.StatusInternalServerError, http.StatusServiceUnavailable},
	}
	if mediaType := fileTypes[path.Ext(r.path)]; mediaType != "" {
		content := map[string]*huma.MediaType{mediaType: {Schema: &huma.Schema{Type: "string", Format: "binary"}}}
		op.Responses = map[string]*huma.Response{"200": {Content: content}}
	}
	if strings.HasPrefix(r.path, "/auth/") {
		op.Errors = append(op.Errors, http.StatusUnauthorized)
	}
	if strings.HasPrefix(r.path, "/auth/") || r.watched { // WeChat Pay has limits of its own
		op.Errors = append(op.Errors, http.StatusTooManyRequests)
	}
	if r.role != public {
		op.Security = []map[string][]string{{"bearer": {}}}
		op.Errors = append(op.Errors, http.StatusUnauthorized, http.StatusForbidden, http.StatusNotFound)
	}
	if r.role != public {
		op.Errors = append(op.Errors, http.StatusConflict)
	}
	if r.method != http.MethodGet {
		op.Errors = append(op.Errors, http.StatusRequestEntityTooLarge, http.StatusUnsupportedMediaType)
	}
	return op
}

// describe completes what huma wrote of a registered operation: another status of success has the same body.
func (r route) describe(op *huma.Operation) {
	if r.also != 0 {
		usual := op.Responses[strconv.Itoa(op.DefaultStatus)]
		op.Responses[strconv.Itoa(r.also)] = &huma.Response{Description: http.StatusText(r.also), Content: usual.Content}
	}
}

// mount registers an operation whose types it knows.
type mount func(*server, huma.API, huma.Operation)

// handle makes a mount of a handler: a handler returns model errors, and this is the one place that answers them.
func handle[I, O any](handler func(context.Context, *I) (*O, error)) mount {
	return func(s *server, a huma.API, op huma.Operation) {
		huma.Register(a, op, func(ctx context.Context, in *I) (*O, error) {
			out, err := handler(ctx, in)
			if err != nil {
				return nil, s.problem(ctx, err)
			}
			return out, nil
		})
	}
}

type contextKey string

const (
	actorKey     contextKey = "actor"
	requestIDKey contextKey = "request_id"
	refusalKey   contextKey = "refusal"
)

// actorOf returns who makes the request; on a public route, nobody.
func actorOf(ctx context.Context) model.Actor {
	a, _ := ctx.Value(actorKey).(model.Actor)
	return a
}

func requestIDOf(ctx context.Context) string {
	id, _ := ctx.Value(requestIDKey).(string)
	return id
}

// authenticate resolves the bearer token to an actor for every role but public.
func (s *server) authenticate(a huma.API, r route) func(huma.Context, func(huma.Context)) {
	return func(c huma.Context, next func(huma.Context)) {
		if r.role == public {
			next(c)
			return
		}
		actor, err := s.actor(c.Context(), c.Header("Authorization"), r)
		if err != nil {
			p := s.problem(c.Context(), err)
			if p.Status == http.StatusUnauthorized {
				c.SetHeader("WWW-Authenticate", "Bearer")
			}
			p.write(a, c)
			return
		}
		next(huma.WithValue(c, actorKey, actor))
	}
}

var errNotBound = model.NewError(model.Forbidden, "not_bound", "请先完成身份绑定：用姓名和手机号，或支部发给您的邀请码")

func (s *server) actor(ctx context.Context, header string, r route) (model.Actor, error) {
	token, ok := strings.CutPrefix(header, "Bearer ")
	if !ok || token == "" {
		return model.Actor{}, model.ErrUnauthenticated
	}
	lookUp := s.SignIn.Authenticate
	if r.forSelf {
		lookUp = s.SignIn.Identify
	}
	actor, err := lookUp(ctx, token)
	if err != nil {
		return model.Actor{}, err
	}
	if r.role != session && !actor.Bound {
		return model.Actor{}, errNotBound
	}
	actor.RequestID = requestIDOf(ctx)
	return actor, nil
}
