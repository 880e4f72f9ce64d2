package model_test

import (
	"strings"
	"testing"

	"pgregory.net/rapid"

	"zhibu/model"
)

func TestSettingValuesAreCleaned(t *testing.T) {
	for _, c := range []struct {
		name        model.SettingName
		value, want string // "": refused
	}{
		{model.SettingThreshold, "08500", "8500"}, {model.SettingThreshold, " 1 ", "1"}, {model.SettingThreshold, "10000", "10000"},
		{model.SettingThreshold, "0", ""}, {model.SettingThreshold, "10001", ""}, {model.SettingThreshold, "-1", ""},
		{model.SettingThreshold, "+8500", ""}, {model.SettingThreshold, "85%", ""}, {model.SettingThreshold, "85.00", ""},
		{model.SettingThreshold, "", ""}, {model.SettingThreshold, "99999999999999999999", ""}, {model.SettingThreshold, "4294975796", ""},
		{model.SettingMinDays, "000", "0"}, {model.SettingMinDays, "365", "365"}, {model.SettingMinDays, "366", ""},
		{model.SettingDecideOn, "raw", "raw"}, {model.SettingDecideOn, " adjusted", "adjusted"}, {model.SettingDecideOn, "Raw", ""},
		{model.SettingCheckInsCount, "true", "true"}, {model.SettingCheckInsCount, "false", "false"}, {model.SettingCheckInsCount, "1", ""},
	} {
		spec, ok := model.FindSettingSpec(c.name)
		if !ok {
			t.Fatal(c.name)
		}
		got, err := spec.Clean(c.value)
		if got != c.want || (err == nil) != (c.want != "") {
			t.Errorf("%s = %q: %q, %v; want %q", c.name, c.value, got, err, c.want)
		}
		if e := model.AsError(err); err != nil && (e == nil || e.Fields[0].Field != "value" || !strings.HasPrefix(e.Message, spec.Label)) {
			t.Errorf("%s = %q: %v", c.name, c.value, err)
		}
	}
}

func TestDefaultsAreValuesOfTheirSettings(t *testing.T) {
	var none model.Settings
	for _, s := range model.SettingSpecs() {
		if clean, err := s.Clean(s.Default); err != nil || clean != s.Default || s.Label == "" || none.Text(s.Name) != s.Default {
			t.Errorf("%+v: %q, %v", s, clean, err)
		}
	}
	if none.Int(model.SettingThreshold) != 8500 || none.Int(model.SettingMinDays) != 0 || none.Bool(model.SettingCheckInsCount) ||
		none.Text(model.SettingDecideOn) != string(model.DecideOnAdjusted) || none.Of(model.SettingThreshold).UnitID != 0 {
		t.Error("a default is not that of DOMAIN.md")
	}
	if _, ok := model.FindSettingSpec("participation"); ok {
		t.Error("a setting that does not exist")
	}
}

// TestSettingsInForce holds the rule against walking up from the unit, whatever the order of the rows.
func TestSettingsInForce(t *testing.T) {
	const path = "/1/10/101/"
	days := []model.Date{"2026-01-01", "2026-02-01", "2026-03-01", "2026-04-01"}
	rapid.Check(t, func(t *rapid.T) {
		rows := rapid.SliceOfNDistinct(rapid.Custom(func(t *rapid.T) model.Setting {
			return model.Setting{
				UnitID: rapid.SampledFrom([]int64{1, 10, 101, 11, 1011}).Draw(t, "unit"), Name: model.SettingMinDays,
				EffectiveOn: rapid.SampledFrom(days).Draw(t, "from"), Value: rapid.SampledFrom([]string{"1", "2", "3"}).Draw(t, "value"),
			}
		}), 0, 12, func(s model.Setting) model.Setting { s.Value = ""; return s }).Draw(t, "rows")
		on := rapid.SampledFrom(days).Draw(t, "on")
		got := model.SettingsOf(rows, path, on).Of(model.SettingMinDays)
		if want := walkedUp(rows, on); got != want {
			t.Fatalf("%+v, want %+v", got, want)
		}
	})
}

func walkedUp(rows []model.Setting, on model.Date) model.SettingValue {
	for _, unit := range []int64{101, 10, 1} {
		var newest model.Setting
		for _, r := range rows {
			if r.UnitID == unit && r.EffectiveOn <= on && r.EffectiveOn > newest.EffectiveOn {
				newest = r
			}
		}
		if newest.UnitID != 0 {
			return model.SettingValue{Value: newest.Value, UnitID: unit, EffectiveOn: newest.EffectiveOn}
		}
	}
	return model.SettingValue{Value: "0"}
}
