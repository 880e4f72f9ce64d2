package sim

import (
	"bytes"
	"encoding/json"
	"image"
	"image/color"
	"image/jpeg"
	"image/png"
	"net/http"
	"net/url"
	"regexp"
	"slices"
	"strings"

	"rsc.io/qr"
)

const (
	minWidth, defaultWidth, maxWidth = 280, 430, 1280

	maxPage   = 128
	quietZone = 4 // modules of white around a code, ISO/IEC 18004
)

var scenePattern = regexp.MustCompile(`^[0-9A-Za-z!#$&'()*+,/:;=?@\-._~]{1,32}$`)

type codeRequest struct {
	Scene      string `json:"scene"`
	Page       string `json:"page"`
	CheckPath  *bool  `json:"check_path"`
	EnvVersion string `json:"env_version"`
	Width      int    `json:"width"`
}

// miniProgramCode draws an ordinary QR code that reads "page?scene=…": the round mini-program code is the
// platform's secret, and a demo wants something that any camera can read.
func (p *Platform) miniProgramCode(c call) answer {
	if code := p.checkToken(c.query.Get("access_token")); code != 0 {
		return p.refuse(c.path, code)
	}
	in := codeRequest{Width: defaultWidth, EnvVersion: "release"}
	if json.Unmarshal(c.body, &in) != nil {
		return p.refuse(c.path, 47001)
	}
	if code := p.checkCode(in); code != 0 {
		return p.refuse(c.path, code)
	}
	img, err := draw(in.Page+"?scene="+url.QueryEscape(in.Scene), in.Width)
	if err != nil {
		return p.refuse(c.path, -1)
	}
	return encode(img, c.fault.PNG)
}

func (p *Platform) checkCode(in codeRequest) (errcode int) {
	checked := in.CheckPath == nil || *in.CheckPath
	switch {
	case !scenePattern.MatchString(in.Scene):
		return 40169
	case strings.HasPrefix(in.Page, "/"), strings.Contains(in.Page, "?"), len(in.Page) > maxPage:
		return 41030
	case checked && in.Page != "" && p.cfg.Pages != nil && !slices.Contains(p.cfg.Pages, in.Page):
		return 41030
	case !slices.Contains([]string{"release", "trial", "develop"}, in.EnvVersion):
		return 40097
	case in.Width < minWidth || in.Width > maxWidth:
		return 40097
	}
	return 0
}

// draw centres the largest code of whole pixels in a white square of the given width.
func draw(text string, width int) (image.Image, error) {
	code, err := qr.Encode(text, qr.M)
	if err != nil {
		return nil, err
	}
	scale := width / (code.Size + 2*quietZone)
	margin := (width - scale*code.Size) / 2
	img := image.NewGray(image.Rect(0, 0, width, width))
	for y := range width {
		for x := range width {
			img.SetGray(x, y, color.Gray{Y: 0xff})
			if x >= margin && y >= margin && code.Black((x-margin)/scale, (y-margin)/scale) {
				img.SetGray(x, y, color.Gray{})
			}
		}
	}
	return img, nil
}

func encode(img image.Image, asPNG bool) answer {
	var out bytes.Buffer // writing to it and encoding a gray image cannot fail
	if asPNG {
		_ = png.Encode(&out, img)
		return answer{status: http.StatusOK, mime: "image/png", body: out.Bytes()}
	}
	_ = jpeg.Encode(&out, img, &jpeg.Options{Quality: 90})
	return answer{status: http.StatusOK, mime: "image/jpeg", body: out.Bytes()}
}
