package wechat

import (
	"context"
	"encoding/json"
	"fmt"
	"net/url"
	"strings"

	"github.com/silenceper/wechat/v2/miniprogram/security"
	"github.com/silenceper/wechat/v2/util"

	"zhibu/model"
)

const (
	opCheckText  = "check_text"
	checkVersion = 2
	maxCheck     = 2500 // characters in one check
	checkOverlap = 100  // characters checked twice, so that no phrase hides in a cut
)

// CheckText asks the platform whether a member may publish text (内容安全 v2, scene 3: forum). It checks a long text in
// pieces and returns the worst verdict. The platform knows only members who opened the mini program within two hours
// (61010). After any failure, all of them ErrUnavailable or ErrTooMany, the text counts as unchecked.
func (c *Client) CheckText(ctx context.Context, openID, text string) (model.TextVerdict, error) {
	if strings.TrimSpace(text) == "" { // the platform takes no empty text
		return model.TextPass, nil
	}
	op := operation{name: opCheckText, private: []string{openID, text}}
	worst := model.TextPass
	err := c.run(ctx, op, func(ctx context.Context) error {
		for _, piece := range pieces(text) {
			verdict, err := c.checkPiece(ctx, openID, piece)
			if err != nil {
				return err
			}
			if verdict == model.TextRisky {
				worst = verdict
				return nil
			}
			if verdict == model.TextReview {
				worst = verdict
			}
		}
		return nil
	})
	if err != nil {
		return "", err
	}
	return worst, nil
}

// pieces cuts text into what one check takes.
func pieces(text string) []string {
	runes := []rune(text)
	var out []string
	for len(runes) > maxCheck {
		out = append(out, string(runes[:maxCheck]))
		runes = runes[maxCheck-checkOverlap:]
	}
	return append(out, string(runes))
}

func (c *Client) checkPiece(ctx context.Context, openID, piece string) (verdict model.TextVerdict, err error) {
	err = c.withToken(ctx, opCheckText, func(token string) (err error) {
		verdict, err = requestCheck(ctx, token, security.MsgCheckRequest{
			OpenID: openID, Scene: security.MsgSceneForum, Content: piece,
		})
		return err
	})
	return verdict, err
}

func requestCheck(ctx context.Context, token string, in security.MsgCheckRequest) (model.TextVerdict, error) {
	body := struct { // as the SDK's own method has it, which fetches a token of its own
		security.MsgCheckRequest
		Version uint `json:"version"`
	}{in, checkVersion}
	uri := platform + "/wxa/msg_sec_check?access_token=" + url.QueryEscape(token)
	raw, err := util.PostJSONContext(ctx, uri, body)
	if err != nil {
		return "", err
	}
	var out struct { // of the SDK's, what decides: a detail of another type must not fail the check
		ErrCode int64  `json:"errcode"`
		ErrMsg  string `json:"errmsg"`
		Result  struct {
			Suggest model.TextVerdict `json:"suggest"`
		} `json:"result"`
	}
	if err := json.Unmarshal(raw, &out); err != nil {
		return "", err
	}
	if out.ErrCode != 0 {
		return "", platformError(opCheckText, out.ErrCode, out.ErrMsg)
	}
	switch verdict := out.Result.Suggest; verdict {
	case model.TextPass, model.TextReview, model.TextRisky:
		return verdict, nil
	}
	return "", fmt.Errorf("the platform answered no verdict in %d bytes", len(raw)) // {} among others
}
