package sim

import (
	"bytes"
	"io"
	"net"
	"net/http"
	"strconv"
	"syscall"
)

// Transport reaches the platform in the same process, whatever host a request names: no socket, no port. Latency
// obeys the request's context, and a broken connection is the error a network gives.
func (p *Platform) Transport() http.RoundTripper { return transport{p} }

type transport struct{ handler http.Handler }

func (t transport) RoundTrip(r *http.Request) (*http.Response, error) {
	if r.Body != nil {
		defer r.Body.Close()
	}
	if err := r.Context().Err(); err != nil {
		return nil, err
	}
	in := r.WithContext(r.Context()) // a copy; the handler changes nothing that both share
	in.RequestURI, in.RemoteAddr = r.URL.RequestURI(), "127.0.0.1:0"
	if in.Body == nil {
		in.Body = http.NoBody
	}
	out := &recorder{header: http.Header{}}
	if !serve(t.handler, out, in) {
		return nil, &net.OpError{Op: "read", Net: "tcp", Err: syscall.ECONNRESET}
	}
	if err := r.Context().Err(); err != nil {
		return nil, err
	}
	return out.response(r), nil
}

// serve reports whether the handler answered, and not broke the connection.
func serve(h http.Handler, w http.ResponseWriter, r *http.Request) (answered bool) {
	defer func() {
		switch v := recover(); v {
		case nil:
			answered = true
		case http.ErrAbortHandler:
			answered = false
		default:
			panic(v)
		}
	}()
	h.ServeHTTP(w, r)
	return
}

// recorder is the far end of a response. Its answers are small and complete before they are read.
type recorder struct {
	header http.Header
	status int
	body   bytes.Buffer
}

func (r *recorder) Header() http.Header { return r.header }

func (r *recorder) WriteHeader(status int) {
	if r.status == 0 {
		r.status = status
	}
}

func (r *recorder) Write(b []byte) (int, error) {
	r.WriteHeader(http.StatusOK)
	return r.body.Write(b)
}

func (r *recorder) response(to *http.Request) *http.Response {
	r.WriteHeader(http.StatusOK)
	length := int64(r.body.Len())
	body := io.Reader(&r.body)
	if declared, err := strconv.ParseInt(r.header.Get("Content-Length"), 10, 64); err == nil && declared > length {
		length, body = declared, io.MultiReader(body, brokenOff{})
	}
	return &http.Response{
		Status: strconv.Itoa(r.status) + " " + http.StatusText(r.status), StatusCode: r.status,
		Proto: "HTTP/1.1", ProtoMajor: 1, ProtoMinor: 1,
		Header: r.header, Body: io.NopCloser(body), ContentLength: length, Request: to,
	}
}

// brokenOff is where an answer ends that promised to be longer.
type brokenOff struct{}

func (brokenOff) Read([]byte) (int, error) { return 0, io.ErrUnexpectedEOF }
