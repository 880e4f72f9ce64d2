package roster

import (
	"math"
	"regexp"
	"slices"
	"strconv"
	"strings"

	"golang.org/x/text/unicode/norm"

	"zhibu/model"
)

// fault is what is wrong with a cell. Its message never repeats the cell: it may be personal data.
type fault struct{ code, message string }

// cellText is the text of a cell without the quote that marks it as text; empty for the ways of writing "nothing".
func cellText(cell string) string {
	text := strings.TrimSpace(strings.TrimPrefix(cleanText(cell), "'"))
	if slices.Contains([]string{"无", "—", "——", "-", "--", "－", "/", "／", "\\", "、", "暂无", "N/A"}, text) {
		return ""
	}
	return text
}

var cellErrors = regexp.MustCompile(`^#(N/A|REF!|VALUE!|NAME\?|DIV/0!|NULL!|NUM!)`)

// date is a day out of a file. With month only the month was given, and the day is the first.
type date struct {
	model.Date
	month bool
}

// agrees reports whether the other day is within what was given.
func (d date) agrees(other model.Date) bool {
	return d.Date == other || d.month && len(other) == 10 && d.Date[:7] == other[:7]
}

var (
	fullDate  = regexp.MustCompile(`^([0-9]{4})\s*[-./年]\s*([0-9]{1,2})\s*[-./月]\s*([0-9]{1,2})\s*[日号]?$`)
	eightDate = regexp.MustCompile(`^([0-9]{4})([0-9]{2})([0-9]{2})$`)
	monthDate = regexp.MustCompile(`^([0-9]{4})\s*[-./年]\s*([0-9]{1,2})\s*月?$`)
	sixDate   = regexp.MustCompile(`^((?:19|20)[0-9]{2})([0-9]{2})$`)
	yearOnly  = regexp.MustCompile(`^(19|20)[0-9]{2}年?$`)
	serial    = regexp.MustCompile(`^[0-9]{5}(\.[0-9]+)?$`)
	longMonth = regexp.MustCompile(`^(19|20)[0-9]{2}\.[0-9]{3,}$`)
	clockTime = regexp.MustCompile(`[T\s]+[0-9]{1,2}:[0-9]{2}(:[0-9]{2}(\.[0-9]+)?)?Z?$`)
)

var (
	badDate       = fault{"invalid_date", "日期有误：请写成 1981-11-03、19811103 或 1981.11"}
	bareYear      = fault{"invalid_date", "只有年份：请写到月或日，如 1981.11"}
	doubtfulMonth = fault{"ambiguous_date", "分不清是 1 月还是 10 月：请写成 1981.01 或 1981.10"}
)

// parseDate reads a day in the ways branches write it. typed says that the cell was typed as text: 1981.1 is then
// January, while the number may as well have been 1981.10.
func parseDate(text string, typed, date1904 bool) (date, *fault) {
	text = clockTime.ReplaceAllString(strings.TrimSpace(norm.NFKC.String(text)), "")
	if longMonth.MatchString(text) { // 1981.11 as a number may be stored as 1981.1099999999999
		if f, err := strconv.ParseFloat(text, 64); err == nil && math.Abs(f*100-math.Round(f*100)) < 1e-6 {
			text, typed = strconv.FormatFloat(math.Round(f*100)/100, 'f', -1, 64), false
		}
	}
	if !typed && halfYear.MatchString(text) && !strings.HasSuffix(text, "0") {
		return date{model.Date(text[:4] + "-01-01"), true}, &doubtfulMonth
	}
	for _, pattern := range []*regexp.Regexp{fullDate, eightDate} {
		if m := pattern.FindStringSubmatch(text); m != nil {
			return dateOf(m[1], m[2], m[3], false)
		}
	}
	for _, pattern := range []*regexp.Regexp{monthDate, sixDate} {
		if m := pattern.FindStringSubmatch(text); m != nil {
			return dateOf(m[1], m[2], "1", true)
		}
	}
	if yearOnly.MatchString(text) {
		return date{}, &bareYear
	}
	if serial.MatchString(text) {
		return serialDate(text, date1904)
	}
	return date{}, &badDate
}

func dateOf(year, month, day string, monthOnly bool) (date, *fault) {
	pad := func(s string) string { return ("0" + s)[len(s)-1:] }
	d, err := model.ParseDate(year + "-" + pad(month) + "-" + pad(day))
	if err != nil {
		return date{}, &badDate
	}
	return date{d, monthOnly}, nil
}

// serialDate reads a spreadsheet's count of days. It has five digits, from 1927 to 2119; fewer are rather 81.11 and the
// like. The 1900 system counts a 29 February 1900 that never was.
func serialDate(text string, date1904 bool) (date, *fault) {
	f, err := strconv.ParseFloat(text, 64)
	if err != nil || f < 10000 || f >= 80000 {
		return date{}, &badDate
	}
	origin := model.Date("1899-12-30")
	if date1904 {
		origin = "1904-01-01"
	}
	return date{Date: origin.AddDays(int(f))}, nil
}

var (
	scientific = regexp.MustCompile(`^[0-9](\.[0-9]+)?[eE]\+?[0-9]+$`)
	roundedID  = fault{"id_number_rounded", "身份证号被表格软件当成数字、后几位已丢失：请把这一列设为“文本”后重新填写"}
	badID      = fault{"invalid_id_number", "身份证号有误，请核对"}
	badPhone   = fault{"invalid_phone", "手机号或座机号有误（只填一个号码）"}
)

// masked reports whether a cell comes out of an export that hides personal data: what is there is kept.
func masked(text string) bool { return strings.ContainsAny(text, "*＊") }

func parseIDNumber(text string) (string, *fault) {
	number, ok := model.CleanIDNumber(text)
	switch {
	case masked(text):
		return "", nil
	case ok:
		return number, nil
	case scientific.MatchString(text), len(number) == 18 && strings.HasSuffix(number, "000"):
		return "", &roundedID
	}
	return "", &badID
}

func parsePhone(text string) (string, *fault) {
	if masked(text) {
		return "", nil
	}
	if f, err := strconv.ParseFloat(text, 64); err == nil && scientific.MatchString(text) && f == math.Trunc(f) {
		text = strconv.FormatFloat(f, 'f', 0, 64)
	}
	phone, ok := model.CleanPhone(strings.TrimSuffix(text, ".0"))
	if !ok {
		return "", &badPhone
	}
	return phone, nil
}

// choice reads a cell that has one of a few values.
func choice[T any](text, message string, values map[string]T) (value T, f *fault) {
	value, ok := values[strings.ToUpper(strings.Join(strings.Fields(norm.NFKC.String(text)), ""))]
	if !ok {
		f = &fault{"invalid_value", message}
	}
	return value, f
}

var genders = map[string]string{"男": "male", "女": "female", "男性": "male", "女性": "female"}

var yesNo = map[string]bool{"是": true, "否": false, "√": true, "×": false, "1": true, "0": false, "TRUE": true, "FALSE": false, "不是": false}

var stateNames = map[string]model.MembershipState{"正常": model.Active, "停止党籍": model.Suspended, "停止团籍": model.Suspended}

// kindNames and categoryNames are one dictionary: files mix the two columns up, the values tell them apart.
var kindNames = map[string]model.MembershipKind{
	"正式": model.Full, "正式党员": model.Full, "中共党员": model.Full, "党员": model.Full, "中共正式党员": model.Full,
	"预备": model.Probationary, "预备党员": model.Probationary, "中共预备党员": model.Probationary,
	"团员": model.LeagueMember, "共青团员": model.LeagueMember, "保留团籍的党员": model.LeagueMember,
}

var categoryNames = map[string]model.Category{
	"在职": model.InService, "在岗": model.InService, "在职党员": model.InService, "在职团员": model.InService,
	"离退休": model.Retired, "退休": model.Retired, "离休": model.Retired, "离退休党员": model.Retired, "退休党员": model.Retired,
	"流动": model.Floating, "流动党员": model.Floating, "流动团员": model.Floating,
}

// candidates are people on the way to membership: never on a roster (DOMAIN §2).
var candidates = []string{"入党申请人", "申请人", "入党积极分子", "积极分子", "发展对象", "群众"}
