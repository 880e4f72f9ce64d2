package office

import (
	"math"
	"regexp"
	"strconv"
	"strings"
	"time"

	"golang.org/x/text/unicode/norm"

	"zhibu/model"
)

// ErrMoment is a text that is no moment.
var ErrMoment = model.NewError(model.Invalid, "invalid_time", "时间有误：请写成 2026-11-20 18:30 或 2026-11-20")

var (
	momentText = regexp.MustCompile(`^(\d{4})\s*[-./年]\s*(\d{1,2})\s*[-./月]\s*(\d{1,2})\s*[日号]?` +
		`(?:\s*\(?(?:星期|周)[一二三四五六日天]\)?)?` +
		`(?:[T\s]*(上午|下午|AM|PM)?\s*(\d{1,2})\s*[:时点]\s*(\d{1,2})\s*(?:[:分]\s*(?:(\d{1,2})(?:\.\d+)?\s*秒?)?)?` +
		`\s*(AM|PM)?\s*(Z|[+-]\d{2}:?\d{2})?)?$`)
	momentDigits = regexp.MustCompile(`^((?:19|20)\d{2})(\d{2})(\d{2})(?:\s*(\d{2})(\d{2})(\d{2})?)?$`)
	momentSerial = regexp.MustCompile(`^\d{5}(?:\.\d+)?$`)
)

// ParseMoment reads a moment or a day in the ways people and spreadsheet programs write it: 2026-11-20 18:30:05,
// 2026/11/20 18:30, 2026年11月20日 18时30分, 2026-11-20T18:30:05+08:00, 20261120, 20261120183005, or a serial number of
// five digits (46346.77; date1904 says from where it counts). It is read as in Asia/Shanghai unless the text says
// otherwise, returned in Asia/Shanghai, and cut to the second. dateOnly: no time was given, and the moment is the start
// of the day; a serial number without a fraction is a day. Otherwise the error is ErrMoment.
func ParseMoment(text string, date1904 bool) (moment time.Time, dateOnly bool, err error) {
	text = strings.ToUpper(strings.TrimSpace(norm.NFKC.String(text)))
	if momentSerial.MatchString(text) {
		return serialMoment(text, date1904)
	}
	if m := momentDigits.FindStringSubmatch(text); m != nil {
		moment, err = momentOf(m[1:4], m[4:7], "", "")
		return moment, m[4] == "", err
	}
	if m := momentText.FindStringSubmatch(text); m != nil {
		moment, err = momentOf(m[1:4], m[5:8], m[4]+m[8], m[9])
		return moment, m[5] == "", err
	}
	return time.Time{}, false, ErrMoment
}

// momentOf puts a moment together of digits; what is empty is zero.
func momentOf(date, clock []string, half, zone string) (time.Time, error) {
	var n [6]int
	for i, digits := range append(date[:3:3], clock...) {
		n[i], _ = strconv.Atoi(digits)
	}
	switch half {
	case "下午", "PM":
		if n[3] < 12 {
			n[3] += 12
		}
	case "上午", "AM":
		if n[3] == 12 {
			n[3] = 0
		}
	}
	place := model.Shanghai
	if zone != "" {
		t, err := time.Parse("Z0700", strings.ReplaceAll(zone, ":", ""))
		if err != nil {
			return time.Time{}, ErrMoment
		}
		place = t.Location()
	}
	t := time.Date(n[0], time.Month(n[1]), n[2], n[3], n[4], n[5], 0, place)
	day := time.Date(n[0], time.Month(n[1]), n[2], 0, 0, 0, 0, time.UTC)
	midnight := n[3] == 24 && n[4] == 0 && n[5] == 0 // as the end of a day is written
	if n[0] < 1900 || n[0] > 2999 || day.Day() != n[2] || day.Month() != time.Month(n[1]) ||
		n[3] > 23 && !midnight || n[4] > 59 || n[5] > 59 {
		return time.Time{}, ErrMoment
	}
	return t.In(model.Shanghai), nil
}

// serialMoment reads a spreadsheet's count of days, from 1927 to 2119; its fraction is the time of the day. The 1900
// system counts a 29 February 1900 that never was.
func serialMoment(text string, date1904 bool) (time.Time, bool, error) {
	days, err := strconv.ParseFloat(text, 64)
	if err != nil || days < 10000 || days >= 80000 {
		return time.Time{}, false, ErrMoment
	}
	origin := time.Date(1899, 12, 30, 0, 0, 0, 0, time.UTC)
	if date1904 {
		origin = time.Date(1904, 1, 1, 0, 0, 0, 0, time.UTC)
	}
	const aDay = 24 * 60 * 60
	seconds := int(math.Round((days - math.Floor(days)) * aDay))
	t := origin.AddDate(0, 0, int(days))
	return time.Date(t.Year(), t.Month(), t.Day(), 0, 0, seconds, 0, model.Shanghai), days == math.Floor(days), nil
}
