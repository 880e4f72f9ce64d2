package wechat

import (
	"context"
	"encoding/json"
	"fmt"
	"net/http"
	"net/url"

	"github.com/silenceper/wechat/v2/miniprogram/qrcode"
	"github.com/silenceper/wechat/v2/util"
)

const opQRCode = "qrcode"

// QRRequest describes a mini-program code.
type QRRequest struct {
	Scene      string // what the page is opened with: 1 to 32 of 0-9A-Za-z!#$&'()*+,/:;=?@-._~
	Page       string // without a leading / and without a query; empty is the home page
	Width      int    // pixels, 280 to 1280; 0 is the platform's 430
	EnvVersion string // release, trial or develop; empty is release
	CheckPath  bool   // refuse a page that is not released yet
}

// QRCode draws a code that never expires and returns the image with its type, image/jpeg or image/png. Draw it once
// and keep it: the platform allows 5000 a minute. ErrTooMany and ErrUnavailable, which includes a request that breaks
// the rules of QRRequest, since those are the program's and no member can mend them.
func (c *Client) QRCode(ctx context.Context, q QRRequest) (img []byte, mime string, err error) {
	body := qrcode.QRCoder{
		Scene: q.Scene, Page: q.Page, Width: q.Width, EnvVersion: q.EnvVersion, CheckPath: &q.CheckPath,
	}
	op := operation{name: opQRCode, private: []string{q.Scene}}
	err = c.run(ctx, op, func(ctx context.Context) error {
		return c.withToken(ctx, opQRCode, func(token string) (err error) {
			img, mime, err = requestCode(ctx, token, body)
			return err
		})
	})
	return img, mime, err
}

func requestCode(ctx context.Context, token string, body qrcode.QRCoder) ([]byte, string, error) {
	uri := platform + "/wxa/getwxacodeunlimit?access_token=" + url.QueryEscape(token)
	raw, err := util.PostJSONContext(ctx, uri, body)
	if err != nil {
		return nil, "", err
	}
	// The SDK's own method takes image/jpeg alone; the bytes tell the type as well as the header, which is not passed on.
	switch mime := http.DetectContentType(raw); mime {
	case "image/jpeg", "image/png":
		return raw, mime, nil
	}
	var refused util.CommonError
	if json.Unmarshal(raw, &refused) == nil && refused.ErrCode != 0 {
		return nil, "", platformError(opQRCode, refused.ErrCode, refused.ErrMsg)
	}
	return nil, "", fmt.Errorf("the platform answered neither an image nor an error in %d bytes", len(raw))
}
