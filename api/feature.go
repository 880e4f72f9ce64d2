package api

import (
	"context"
	"net/http"
)

// Feature is a function of the program that can be on or off, as the filing form asks for it (国办函〔2026〕12号).
type Feature struct {
	Key    string `json:"key"`
	Name   string `json:"name"`
	On     bool   `json:"on"`
	Reason string `json:"reason"`
}

func (s *server) featureRoutes() []route {
	return []route{
		{method: http.MethodGet, path: "/features", role: public, name: "list-features", tag: "operation",
			summary: "功能清单（备案用）", mount: handle(s.listFeatures)},
	}
}

type featuresOutput struct {
	Body struct {
		Items []Feature `json:"items"`
	}
}

func (s *server) listFeatures(context.Context, *struct{}) (*featuresOutput, error) {
	out := &featuresOutput{}
	out.Body.Items = s.Features
	return out, nil
}
