// Package api is the HTTP face of zhibu: routes, request and response structs, and the mapping between them and the
// services. It holds no business rule.
package api

import (
	"context"
	"log/slog"
	"net/http"
	"time"

	"github.com/danielgtaylor/huma/v2"
	"github.com/danielgtaylor/huma/v2/adapters/humagin"
	"github.com/gin-gonic/gin"
	"golang.org/x/time/rate"

	"zhibu/model"
	"zhibu/service/activity"
	"zhibu/service/audit"
	"zhibu/service/calendar"
	"zhibu/service/checkin"
	"zhibu/service/dues"
	"zhibu/service/feedback"
	"zhibu/service/period"
	"zhibu/service/push"
	"zhibu/service/roster"
	"zhibu/service/setting"
	"zhibu/service/signin"
	"zhibu/service/unit"
)

// Services are the verbs the API offers.
type Services struct {
	SignIn   *signin.Service
	Unit     *unit.Service
	Roster   *roster.Service
	Activity *activity.Service
	CheckIn  *checkin.Service
	Period   *period.Service
	Dues     *dues.Service
	Audit    *audit.Service
	Feedback *feedback.Service
	Setting  *setting.Service
	Push     *push.Service
	Calendar *calendar.Service
}

// Options are what the API needs besides.
type Options struct {
	Now            func() time.Time
	Logger         *slog.Logger
	Version        string
	Ready          func(context.Context) error // nil error: database and migrations are there
	Features       []Feature
	PublicURL      string   // what the QR on the wall leads to, without a slash at the end
	TrustedProxies []string // whose X-Forwarded-For is believed
	CORSOrigins    []string
	MetricsToken   string       // empty: /metrics is served to loopback only
	Simulator      http.Handler // demo mode: mounted at /_sim, and every answer says X-Demo
	SignInsPerMin  int          // per address; 0: no limit

	// MiniProgramCode draws the code that opens the activity's page in the mini-program.
	MiniProgramCode func(ctx context.Context, activityID int64) (picture []byte, contentType string, err error)

	// PayNotice verifies and decrypts a notification of WeChat Pay; nil without a merchant.
	PayNotice func(*http.Request) (model.PayNotice, error)

	// Events opens what the platform pushes; nil without a token and key for it.
	Events EventReceiver
}

type server struct {
	Services
	Options
	metricsHandler http.Handler
	notices        *rate.Limiter // of refused notifications, each of which is a row in the audit
	refusals       *rate.Limiter // of refused attempts, likewise
}

// New builds the whole HTTP handler.
func New(services Services, o Options) http.Handler {
	router, _ := build(services, o)
	return router
}

// OpenAPI is docs/openapi.yaml, made from the routes.
func OpenAPI() ([]byte, error) {
	_, a := build(Services{}, Options{})
	return a.OpenAPI().YAML()
}

const (
	basePath = "/api/v1"
	version  = "1" // of the contract; the program's own is in /healthz
)

func build(services Services, o Options) (*gin.Engine, huma.API) {
	s := &server{Services: services, Options: o, notices: newNoticeLimit(), refusals: rate.NewLimiter(10, 600)}
	gin.SetMode(gin.ReleaseMode)
	r := gin.New()
	r.HandleMethodNotAllowed = true
	_ = r.SetTrustedProxies(o.TrustedProxies) // config has checked them
	r.Use(s.middleware()...)
	r.NoRoute(func(c *gin.Context) {
		answerProblem(c, problemOf(c, http.StatusNotFound, "not_found", "没有这个地址"))
	})
	r.NoMethod(func(c *gin.Context) {
		answerProblem(c, problemOf(c, http.StatusMethodNotAllowed, "method_not_allowed", "这个地址不支持这种操作"))
	})
	s.mountOperation(r)
	s.mountPayNotice(r)
	s.mountEvents(r)

	a := humagin.NewWithGroup(r, r.Group(basePath), s.humaConfig())
	for _, route := range s.routes() {
		op := route.operation()
		op.Middlewares = huma.Middlewares{s.authenticate(a, route)}
		if route.watched {
			op.Middlewares = append(op.Middlewares, s.watch(route))
		}
		route.mount(s, a, op)
		route.describe(operationAt(a.OpenAPI().Paths[op.Path], op.Method))
	}
	s.mountDocs(r, a)
	return r, a
}

func operationAt(item *huma.PathItem, method string) *huma.Operation {
	return map[string]*huma.Operation{
		http.MethodGet: item.Get, http.MethodPost: item.Post, http.MethodPut: item.Put, http.MethodPatch: item.Patch, http.MethodDelete: item.Delete,
	}[method]
}

func (s *server) humaConfig() huma.Config {
	useChineseMessages()
	c := huma.DefaultConfig("zhibu 支部", version)
	c.CreateHooks = nil
	c.DocsPath, c.OpenAPIPath, c.SchemasPath = "", "", ""
	c.RejectUnknownQueryParameters = true
	c.Servers = []*huma.Server{{URL: basePath}}
	c.Components.SecuritySchemes = map[string]*huma.SecurityScheme{
		"bearer": {Type: "http", Scheme: "bearer", Description: "access_token of /auth/wechat or /auth/password"},
	}
	return c
}
