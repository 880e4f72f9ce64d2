package sim

import (
	"context"
	"errors"
	"io"
	"net/http"
	"net/http/httptest"
	"strings"
	"syscall"
	"testing"
	"testing/synctest"
	"time"
)

// Faults of the connection are the same through Transport and through a socket.
func TestConnectionFaults(t *testing.T) {
	for _, over := range []string{"transport", "socket"} {
		t.Run(over, func(t *testing.T) {
			w := newWorld()
			client, base := w.client, "https://api.weixin.qq.com"
			if over == "socket" {
				s := httptest.NewServer(w.Platform)
				defer s.Close()
				client, base = s.Client(), s.URL
			}
			send := func(f Fault) (string, error) {
				if err := w.Fail(f); err != nil {
					t.Fatal(err)
				}
				// A POST: net/http would send a GET again by itself after a reset.
				resp, err := client.Post(base+pathPhone, "application/json", strings.NewReader("{}"))
				if err != nil {
					return "", err
				}
				defer resp.Body.Close()
				body, err := io.ReadAll(resp.Body)
				return resp.Status + " " + resp.Header.Get("Content-Type") + " " + string(body), err
			}
			if _, err := send(Fault{Reset: true}); !errors.Is(err, syscall.ECONNRESET) && !errors.Is(err, io.EOF) {
				t.Errorf("reset: %v", err)
			}
			if body, err := send(Fault{Truncate: true}); !errors.Is(err, io.ErrUnexpectedEOF) {
				t.Errorf("truncated: %q, %v", body, err)
			}
			for want, f := range map[string]Fault{
				"200 OK text/html <html>":                                             {HTML: true},
				"502 Bad Gateway text/html <html>":                                    {Status: 502},
				"200 OK " + typeJSON + " {}":                                          {Empty: true},
				"200 OK " + typeJSON + ` {"errcode":45011,"errmsg":"api minute-quota`: {Errcode: 45011, LatencyMS: 1},
			} {
				if got, err := send(f); err != nil || !strings.HasPrefix(got, want) {
					t.Errorf("%+v: %q, %v, want %q", f, got, err, want)
				}
			}
		})
	}
}

func TestLatencyObeysTheContext(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := newWorld()
		if err := w.Fail(Fault{LatencyMS: 800, Times: 2}); err != nil {
			t.Fatal(err)
		}
		start := time.Now()
		w.login(t, w.LoginCode(openID))
		if took := time.Since(start); took != 800*time.Millisecond {
			t.Errorf("answered after %v, want 800ms", took)
		}
		ctx, cancel := context.WithTimeout(t.Context(), 50*time.Millisecond)
		defer cancel()
		r, err := http.NewRequestWithContext(ctx, http.MethodGet, "https://api.weixin.qq.com"+pathLogin, nil)
		if err != nil {
			t.Fatal(err)
		}
		start = time.Now()
		_, err = w.client.Do(r)
		if took := time.Since(start); !errors.Is(err, context.DeadlineExceeded) || took != 50*time.Millisecond {
			t.Errorf("%v after %v, want the deadline after 50ms", err, took)
		}
	})
}

func TestARequestTooLargeIsNotRead(t *testing.T) {
	w := newWorld()
	if status, _ := w.do(t, pathPhone, strings.Repeat("x", maxRequest+1)); status != http.StatusRequestEntityTooLarge {
		t.Errorf("status %d, want 413", status)
	}
}
