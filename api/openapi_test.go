package api_test

import (
	"bytes"
	"net/http"
	"net/http/httptest"
	"sync"
	"testing"

	"github.com/getkin/kin-openapi/openapi3"
	"github.com/getkin/kin-openapi/openapi3filter"
	"github.com/getkin/kin-openapi/routers"
	"github.com/getkin/kin-openapi/routers/gorillamux"

	"zhibu/api"
)

// description is the OpenAPI document, loaded and validated by somebody else's reading of the standard.
var description = sync.OnceValues(func() (routers.Router, error) {
	text, err := api.OpenAPI()
	if err != nil {
		return nil, err
	}
	document, err := openapi3.NewLoader().LoadFromData(text)
	if err != nil {
		return nil, err
	}
	if err := document.Validate(openapi3.NewLoader().Context); err != nil {
		return nil, err
	}
	return gorillamux.NewRouter(document)
})

func TestDescriptionIsValidOpenAPI31(t *testing.T) {
	if _, err := description(); err != nil {
		t.Fatal(err)
	}
	text, err := api.OpenAPI()
	if err != nil || !bytes.Contains(text, []byte("openapi: 3.1.0")) {
		t.Errorf("not OpenAPI 3.1: %v", err)
	}
}

// conforms fails the test when an answer is not what the description promises. Every answer in these tests passes it.
func conforms(t testing.TB, r *http.Request, a *httptest.ResponseRecorder) {
	t.Helper()
	router, err := description()
	if err != nil {
		t.Fatal(err)
	}
	route, parameters, err := router.FindRoute(r)
	if err != nil {
		return // no route of the description: answered 404 or 405 before it
	}
	err = openapi3filter.ValidateResponse(r.Context(), &openapi3filter.ResponseValidationInput{
		RequestValidationInput: &openapi3filter.RequestValidationInput{Request: r, PathParams: parameters, Route: route},
		Status:                 a.Code, Header: a.Header(), Body: noClose{bytes.NewReader(a.Body.Bytes())},
		Options: &openapi3filter.Options{IncludeResponseStatus: true},
	})
	if err != nil {
		t.Errorf("%s %s answers %d, which the description does not allow: %.400v", r.Method, r.URL.Path, a.Code, err)
	}
}

type noClose struct{ *bytes.Reader }

func (noClose) Close() error { return nil }
