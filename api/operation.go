package api

import (
	"crypto/subtle"
	"net"
	"net/http"
	"strconv"
	"time"

	"github.com/gin-gonic/gin"
	"github.com/prometheus/client_golang/prometheus"
	"github.com/prometheus/client_golang/prometheus/collectors"
	"github.com/prometheus/client_golang/prometheus/promhttp"
)

// mountOperation adds what watches over the service; none of it is part of the API's base path.
func (s *server) mountOperation(r *gin.Engine) {
	r.GET("/healthz", func(c *gin.Context) { c.JSON(http.StatusOK, gin.H{"status": "ok", "version": s.Version}) })
	r.GET("/readyz", func(c *gin.Context) {
		if err := s.Ready(c.Request.Context()); err != nil {
			s.Logger.ErrorContext(c.Request.Context(), "not ready", "error", err)
			answerProblem(c, problemOf(c, http.StatusServiceUnavailable, "not_ready", "数据库尚未就绪"))
			return
		}
		c.JSON(http.StatusOK, gin.H{"status": "ready"})
	})
	r.GET("/check-in", func(c *gin.Context) { c.Data(http.StatusOK, "text/html; charset=utf-8", []byte(checkInPage)) })
	r.GET("/metrics", s.serveMetrics)
	if s.Simulator != nil {
		r.Any("/_sim/*path", func(c *gin.Context) {
			if !fromThisMachine(c) {
				answerProblem(c, problemOf(c, http.StatusForbidden, "forbidden", "模拟器只能在本机使用"))
				return
			}
			s.Simulator.ServeHTTP(c.Writer, c.Request)
		})
	}
}

// checkInPage is what somebody sees whose scanner opened the code on the wall as a link and not in the mini-program.
const checkInPage = `<!doctype html>
<html lang="zh-CN">
<meta charset="utf-8">
<meta name="viewport" content="width=device-width">
<title>活动签到</title>
<p>这是活动签到码。请在微信里打开本单位的小程序，用小程序里的“扫码签到”再扫一次。</p>
<p>不用手机也可以签到：请现场的支部同志代为登记。</p>
</html>
`

// metrics makes what /metrics shows and returns the function that feeds it.
func (s *server) metrics() func(method, route string, status int, took time.Duration) {
	registry := prometheus.NewRegistry()
	seconds := prometheus.NewHistogramVec(prometheus.HistogramOpts{
		Name: "zhibu_http_request_seconds", Help: "Time to answer, by route.",
		Buckets: []float64{.001, .0025, .005, .01, .025, .05, .1, .25, .5, 1, 2.5, 10},
	}, []string{"method", "route", "status"})
	registry.MustRegister(seconds, collectors.NewGoCollector(),
		collectors.NewProcessCollector(collectors.ProcessCollectorOpts{}))
	s.metricsHandler = promhttp.HandlerFor(registry, promhttp.HandlerOpts{})
	return func(method, route string, status int, took time.Duration) {
		seconds.WithLabelValues(method, route, strconv.Itoa(status)).Observe(took.Seconds())
	}
}

// serveMetrics answers Prometheus with the token, or without one a caller on this very machine.
func (s *server) serveMetrics(c *gin.Context) {
	allowed := false
	if s.MetricsToken != "" {
		allowed = subtle.ConstantTimeCompare([]byte(c.GetHeader("Authorization")), []byte("Bearer "+s.MetricsToken)) == 1
	} else {
		allowed = fromThisMachine(c)
	}
	if !allowed {
		answerProblem(c, problemOf(c, http.StatusForbidden, "forbidden", "无权查看运行指标"))
		return
	}
	s.metricsHandler.ServeHTTP(c.Writer, c.Request)
}

// fromThisMachine reports whether the request comes over loopback, and not through a proxy there.
func fromThisMachine(c *gin.Context) bool {
	host, _, err := net.SplitHostPort(c.Request.RemoteAddr)
	ip := net.ParseIP(host)
	return err == nil && ip != nil && ip.IsLoopback() && c.GetHeader("X-Forwarded-For") == ""
}
