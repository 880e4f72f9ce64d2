package wechat

import (
	"errors"
	"fmt"
	"net/http"
	"time"

	"zhibu/model"
)

const configPause = 10 * time.Minute // for an operator to mend a setting

// sendError says what a failed send means. last is its last request, nil when there was none. Whatever is not known to
// be without effect is model.FateUnknown.
func (c *Client) sendError(op operation, err error, last *attempt) *model.SendError {
	cause := c.cause(op, err)
	if p, ok := cause.(*PlatformError); ok {
		return c.refusedSend(p)
	}
	var open *openError
	if errors.As(err, &open) {
		e := model.NewSendError(model.FatePause, 0, cause)
		e.Until = c.now().Add(open.again)
		return e
	}
	fate := model.FateUnknown
	var unsent *unsentError
	switch {
	case errors.As(err, &unsent), last != nil && last.unsent(err):
		fate = model.FateRetry
	case last != nil && last.status.Load() >= http.StatusInternalServerError:
		fate = model.FateRetry
	}
	return model.NewSendError(fate, 0, cause)
}

// refusedSend is the fate of a message that the platform refused, or refused a token for.
func (c *Client) refusedSend(p *PlatformError) *model.SendError {
	e := model.NewSendError(model.FateRetry, p.Code, p)
	e.Advice = p.advice()
	now := c.now()
	switch p.Code {
	case busy, 40001, 40014, 42001:
	case 43101:
		e.Fate = model.FateRefused
	case 40003:
		e.Fate = model.FateGone
	case 47003, 45168, 47001, 44002:
		e.Fate = model.FateText
	case 40037, 41030:
		e.Fate, e.Alarm = model.FateTemplate, true
	case 43108:
		e.Fate = model.FateBusy
	case 45011:
		e.Fate, e.Until = model.FatePause, now.Add(untilNext(now, time.Minute))
	case 45009:
		e.Fate, e.Until, e.Alarm = model.FatePause, now.Add(untilMidnight(now)), true
	case 40013, 40125, 40164, 41002, 41004, 89503, 89506, 89507, 43107, 48001, 61004, 50002:
		e.Fate, e.Until, e.Alarm = model.FatePause, now.Add(configPause), true
	default: // refused, so it was not sent; nobody knows for how long
		e.Alarm = true
		e.Advice = fmt.Sprintf("微信拒绝发送订阅消息（errcode %d）：请查阅微信的错误码说明", p.Code)
	}
	return e
}
