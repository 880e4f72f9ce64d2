package api

import (
	"context"
	"net/http"
	"net/url"
	"time"

	"github.com/gin-gonic/gin"

	"zhibu/model"
)

// eventPath is where the platform pushes its events (消息推送), and first asks whether the address is ours.
const eventPath = basePath + "/wechat/events"

// eventTimeout is within the five seconds in which the platform wants its answer; then it sends the event again.
const eventTimeout = 4 * time.Second

// EventReceiver opens what the platform pushes.
type EventReceiver interface {
	Echo(url.Values) (string, error)
	Parse(*http.Request) (model.PlatformEvent, error)
}

// mountEvents adds the address for the platform's events. A body is signed as it is, so nothing reads it before the
// receiver does.
func (s *server) mountEvents(r *gin.Engine) {
	r.GET(eventPath, s.echoEvents)
	r.POST(eventPath, s.acceptEvent)
}

// echoEvents proves to the platform that we know the token.
func (s *server) echoEvents(c *gin.Context) {
	if s.Events == nil {
		answerProblem(c, problemOf(c, http.StatusNotFound, "not_found", "没有这个地址"))
		return
	}
	echo, err := s.Events.Echo(c.Request.URL.Query())
	if err != nil {
		s.refuseEvent(c, err)
		return
	}
	c.Data(http.StatusOK, "text/plain; charset=utf-8", []byte(echo))
}

// acceptEvent queues an event and answers; what follows from it is done later.
func (s *server) acceptEvent(c *gin.Context) {
	if s.Events == nil {
		answerProblem(c, problemOf(c, http.StatusNotFound, "not_found", "没有这个地址"))
		return
	}
	event, err := s.Events.Parse(c.Request)
	if err != nil {
		s.refuseEvent(c, err)
		return
	}
	ctx, cancel := context.WithTimeout(c.Request.Context(), eventTimeout)
	defer cancel()
	if err := s.Push.Accept(ctx, event); err != nil {
		answerProblem(c, s.problem(c.Request.Context(), err))
		return
	}
	c.Data(http.StatusOK, "text/plain; charset=utf-8", []byte("success"))
}

func (s *server) refuseEvent(c *gin.Context, err error) {
	s.Logger.WarnContext(c.Request.Context(), "an event was refused", "request_id", requestIDOf(c.Request.Context()), "error", err)
	answerProblem(c, problemOf(c, http.StatusForbidden, model.ErrEvent.Code, model.ErrEvent.Message))
}
