package wechat

import (
	"fmt"
	"net/http"
	"strings"
)

const (
	payHost      = "api.mch.weixin.qq.com"
	maxPayAnswer = 1 << 20
	maxPayBill   = 64 << 20
	pathDownload = "/v3/billdownload/"
)

func payClient(next http.RoundTripper) *http.Client {
	if next == nil {
		next = network()
	}
	return &http.Client{
		Transport: payGuard{next},
		// A redirect would carry the signed request elsewhere.
		CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse },
	}
}

// payGuard lets calls through only to WeChat Pay, wherever a download address points, and only a bounded answer back.
// The deadline is the context's, which Pay.run sets.
type payGuard struct{ next http.RoundTripper }

func (g payGuard) RoundTrip(r *http.Request) (*http.Response, error) {
	if r.URL.Scheme != "https" || r.URL.Host != payHost {
		return nil, refuseRequest(r, fmt.Errorf("a call to %s is refused", r.URL.Host))
	}
	resp, err := g.next.RoundTrip(r)
	if err != nil {
		return nil, err
	}
	limit := int64(maxPayAnswer)
	if strings.HasPrefix(r.URL.Path, pathDownload) {
		limit = maxPayBill
	}
	resp.Body = http.MaxBytesReader(nil, resp.Body, limit)
	return resp, nil
}
