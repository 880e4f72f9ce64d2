package office_test

import (
	"errors"
	"strconv"
	"testing"
	"time"

	"pgregory.net/rapid"

	"zhibu/model"
	"zhibu/office"
)

func TestParseMoment(t *testing.T) {
	for text, want := range map[string]string{
		"2026-11-20 18:30:05": "2026-11-20 18:30:05", "2026/11/20 18:30": "2026-11-20 18:30:00", "2026.1.2 8:05": "2026-01-02 08:05:00",
		"2026年11月20日 18:30": "2026-11-20 18:30:00", "2026年11月20日18时30分5秒": "2026-11-20 18:30:05", "2026年1月2日": "2026-01-02 day",
		"20261120": "2026-11-20 day", "20261120183005": "2026-11-20 18:30:05", "20261120 1830": "2026-11-20 18:30:00",
		"2026-11-20": "2026-11-20 day", " 2026-11-20 ": "2026-11-20 day", "2026-11-20（周五）": "2026-11-20 day",
		"２０２６－１１－２０　１８：３０": "2026-11-20 18:30:00", "2026-11-20T18:30:05.123": "2026-11-20 18:30:05",
		"2026-11-20T10:30:05Z": "2026-11-20 18:30:05", "2026-11-20T18:30:05+08:00": "2026-11-20 18:30:05",
		"2026/11/20 下午 6:30": "2026-11-20 18:30:00", "2026/11/20 6:30 PM": "2026-11-20 18:30:00", "2026/11/20 上午12:05": "2026-11-20 00:05:00",
		"2026-11-20 24:00": "2026-11-21 00:00:00", "46346": "2026-11-20 day", "46346.0": "2026-11-20 day", "46346.770891204": "2026-11-20 18:30:05",
		"46346.999999": "2026-11-21 00:00:00", "2026-02-29": "", "2026-13-01": "", "2026-11-20 25:00": "", "2026-11-20 18:60": "",
		"2026": "", "2026-11": "", "1": "", "": "", "昨天": "", "9999-01-01": "", "2026-11-20 18:30 共 2 次": "", "99999": "",
	} {
		moment, day, err := office.ParseMoment(text, false)
		got := moment.Format(time.DateTime)
		switch {
		case err != nil:
			got = ""
			if !errors.Is(err, office.ErrMoment) {
				t.Error(err)
			}
		case moment.Location() != model.Shanghai:
			t.Errorf("%q is in %s", text, moment.Location())
		case day:
			got = got[:11] + "day"
		}
		if got != want {
			t.Errorf("%q: %q, want %q", text, got, want)
		}
	}
	if moment, _, err := office.ParseMoment("44884.5", true); err != nil || moment.Format(time.DateTime) != "2026-11-20 12:00:00" {
		t.Errorf("the 1904 system: %s, %v", moment, err)
	}
}

func TestMomentsRoundTrip(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		from := time.Date(1992, 1, 1, 0, 0, 0, 0, model.Shanghai).Unix()
		want := time.Unix(from+rapid.Int64Range(0, 100*365*24*3600).Draw(t, "seconds"), 0).In(model.Shanghai)
		serial := strconv.FormatFloat(float64(want.Unix()+8*3600)/86400+25569, 'f', -1, 64)
		if got, _, err := office.ParseMoment(serial, false); err != nil || !got.Equal(want) {
			t.Fatalf("%s: %s, %v, want %s", serial, got, err, want)
		}
		for _, layout := range []string{time.DateTime, "2006/1/2 15:04:05", "2006年1月2日 15:04:05", "20060102150405", time.RFC3339} {
			if got, day, err := office.ParseMoment(want.Format(layout), false); err != nil || day || !got.Equal(want) {
				t.Fatalf("%s: %s, %v", want.Format(layout), got, err)
			}
		}
	})
}

func FuzzParseMoment(f *testing.F) {
	for _, text := range []string{"2026-11-20 18:30:05", "2026年11月20日", "46346.77", "20261120", "2026-11-20T18:30:05+08:00"} {
		f.Add(text, false)
	}
	f.Fuzz(func(t *testing.T, text string, date1904 bool) {
		moment, day, err := office.ParseMoment(text, date1904)
		if err != nil {
			return
		}
		if moment.Year() < 1899 || moment.Year() > 3000 || day && moment.Format("15:04:05") != "00:00:00" {
			t.Errorf("%q is %s", text, moment)
		}
	})
}
