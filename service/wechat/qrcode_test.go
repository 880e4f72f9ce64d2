package wechat

import (
	"bytes"
	"image"
	_ "image/jpeg"
	_ "image/png"
	"testing"

	"zhibu/model"
	"zhibu/service/wechat/sim"
)

func TestQRCode(t *testing.T) {
	w := newWorld(t)
	w.fail(t, sim.Fault{Endpoint: qrPath, PNG: true})
	for _, want := range []string{"image/png", "image/jpeg"} {
		img, mime, err := w.QRCode(t.Context(), QRRequest{Scene: "s=abc", Page: "pages/home", Width: 280, CheckPath: true})
		if err != nil || mime != want {
			t.Fatalf("QRCode: %s, %v, want %s", mime, err, want)
		}
		if cfg, _, err := image.DecodeConfig(bytes.NewReader(img)); err != nil || cfg.Width != 280 || cfg.Height != 280 {
			t.Errorf("%s: %+v, %v, want 280 by 280", want, cfg, err)
		}
	}
}

func TestQRCodeRefusals(t *testing.T) {
	for name, tc := range map[string]struct {
		in   QRRequest
		code int64
	}{
		"no scene":               {QRRequest{}, 40169},
		"scene too long":         {QRRequest{Scene: "012345678901234567890123456789012"}, 40169},
		"page with a slash":      {QRRequest{Scene: "s", Page: "/pages/home"}, 41030},
		"page not released":      {QRRequest{Scene: "s", Page: "pages/new", CheckPath: true}, 41030},
		"too small":              {QRRequest{Scene: "s", Width: 279}, 40097},
		"too large":              {QRRequest{Scene: "s", Width: 1281}, 40097},
		"an environment unknown": {QRRequest{Scene: "s", EnvVersion: "beta"}, 40097},
	} {
		w := newWorld(t)
		img, mime, err := w.QRCode(t.Context(), tc.in)
		wantError(t, err, ErrUnavailable, tc.code)
		if img != nil || mime != "" {
			t.Errorf("%s: an image of type %q beside the error", name, mime)
		}
	}
}

func TestQRCodeOfAPageNotYetReleased(t *testing.T) {
	w := newWorld(t)
	if _, _, err := w.QRCode(t.Context(), QRRequest{Scene: "s", Page: "pages/new", EnvVersion: "trial"}); err != nil {
		t.Error(err)
	}
}

func TestQRCodeQuotas(t *testing.T) {
	for _, code := range []int{45009, 45011} {
		w := newWorld(t)
		w.fail(t, sim.Fault{Endpoint: qrPath, Errcode: code})
		_, _, err := w.QRCode(t.Context(), QRRequest{Scene: "s"})
		wantError(t, err, ErrTooMany, int64(code))
		if model.AsError(err).RetryAfter <= 0 {
			t.Errorf("%d: no RetryAfter", code)
		}
	}
}
