package wechat

import (
	"context"
	"encoding/json"
	"errors"
	"net/url"
	"regexp"

	"github.com/silenceper/wechat/v2/miniprogram/subscribe"
	"github.com/silenceper/wechat/v2/util"

	"zhibu/model"
)

const (
	opSend   = "send"
	langSend = "zh_CN"
)

var (
	errNoErrcode = errors.New("the platform answered no errcode")

	msgIDPattern = regexp.MustCompile(`^[0-9A-Za-z_-]{1,32}$`)
)

// Send sends one subscribe message, which uses up one consent of the person. msgID names it in the event that tells
// what became of it; the platform may give none. It sends once: what to do after a failure is for the caller, whom the
// *model.SendError, the only error there is, tells whether the message may have been sent all the same.
func (c *Client) Send(ctx context.Context, m model.PushMessage) (msgID string, err error) {
	op := operation{name: opSend, private: []string{m.OpenID}}
	body := c.subscribeMessage(m)
	ctx, cancel := c.reach(ctx)
	defer cancel()
	var last *attempt
	err = c.safely(ctx, op.name, func(ctx context.Context) error {
		return c.withToken(ctx, op.name, func(token string) (err error) {
			last = &attempt{}
			msgID, err = requestSend(ctx, token, body, last)
			return err
		})
	})
	if err != nil {
		return "", c.sendError(op, err, last)
	}
	return msgID, nil
}

func (c *Client) subscribeMessage(m model.PushMessage) subscribe.Message {
	data := make(map[string]*subscribe.DataItem, len(m.Data))
	for key, value := range m.Data {
		data[key] = &subscribe.DataItem{Value: value}
	}
	return subscribe.Message{
		ToUser: m.OpenID, TemplateID: m.TemplateID, Page: m.Page, Data: data, MiniprogramState: c.state, Lang: langSend,
	}
}

type sendAnswer struct {
	ErrCode *int64 `json:"errcode"` // a proxy's {} has none, and is no success
	ErrMsg  string `json:"errmsg"`
	MsgID   text   `json:"msgid"` // a number above 2^53
}

func requestSend(ctx context.Context, token string, m subscribe.Message, a *attempt) (msgID string, err error) {
	if err := ctx.Err(); err != nil {
		return "", &unsentError{err}
	}
	uri := platform + "/cgi-bin/message/subscribe/send?access_token=" + url.QueryEscape(token)
	raw, err := util.PostJSONContext(watched(ctx, a), uri, m)
	if err != nil {
		return "", err
	}
	var out sendAnswer
	if err := json.Unmarshal(raw, &out); err != nil {
		return "", err
	}
	switch {
	case out.ErrCode == nil:
		return "", errNoErrcode
	case *out.ErrCode != 0:
		return "", platformError(opSend, *out.ErrCode, out.ErrMsg)
	case !msgIDPattern.MatchString(string(out.MsgID)):
		return "", nil
	}
	return string(out.MsgID), nil
}
