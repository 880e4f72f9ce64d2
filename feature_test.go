package main

import (
	"strings"
	"testing"

	"zhibu/api"
	"zhibu/config"
)

func TestFeaturesAreOffUnlessSwitchedOn(t *testing.T) {
	switches := []string{"location", "names_drilldown", "rate_order"}
	for _, on := range append([]string{""}, switches...) {
		c, err := config.Load([]string{"ZHIBU_FEATURES=" + on})
		if err != nil {
			t.Fatal(err)
		}
		listed := map[string]api.Feature{}
		for _, f := range featuresOf(c, false) {
			if _, twice := listed[f.Key]; twice || f.Name == "" || f.Reason == "" {
				t.Errorf("%+v", f)
			}
			listed[f.Key] = f
		}
		for _, s := range switches {
			if f, ok := listed[s]; !ok || f.On != (s == on) {
				t.Errorf("ZHIBU_FEATURES=%s: %+v", on, f)
			}
		}
		if listed["ranking"].On || !strings.Contains(listed["ranking"].Reason, "不设积分") {
			t.Errorf("%+v", listed["ranking"])
		}
		if !strings.Contains(listed["rate_order"].Reason, "相关规定不提倡排名") {
			t.Errorf("%+v", listed["rate_order"])
		}
	}
}
