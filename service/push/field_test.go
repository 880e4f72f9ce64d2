package push

import (
	"regexp"
	"slices"
	"strings"
	"testing"
	"unicode"
	"unicode/utf16"
	"unicode/utf8"

	"pgregory.net/rapid"

	"zhibu/model"
	"zhibu/model/modeltest"
)

var everyType = []model.FieldType{
	model.FieldThing, model.FieldNumber, model.FieldLetter, model.FieldSymbol, model.FieldCharacterString, model.FieldTime,
	model.FieldDate, model.FieldAmount, model.FieldPhoneNumber, model.FieldCarNumber, model.FieldName, model.FieldPhrase,
	model.FieldEnum, "something_new",
}

func field(kind model.FieldType) model.PushField {
	f := model.PushField{Key: string(kind) + "1", Type: kind}
	if kind == model.FieldEnum {
		f.Enum = []string{"未缴", "已缴", "一个比二十个字还要长得多的枚举值也要原样发送出去才行"}
	}
	return f
}

func TestFit(t *testing.T) {
	twenty := "关于召开市财政局第三党支部三月份组织大会"
	for _, c := range []struct {
		kind        model.FieldType
		value, want string
	}{
		{model.FieldThing, "三月份支部党员大会", "三月份支部党员大会"},
		{model.FieldThing, twenty, twenty},
		{model.FieldThing, twenty + "的", "关于召开市财政局第三党支部三月份组织大…"},
		{model.FieldThing, " 关于开展\r\n\t“学习强国”　活动的\u2028通知\x00 ", "关于开展 “学习强国” 活动的 通知"},
		{model.FieldThing, "Meeting of the third branch", "Meeting of the thir…"},
		{model.FieldThing, "Meeting of the new third branch", "Meeting of the new…"},
		{model.FieldThing, "\u202e反\u202c\u200f向\ufeff", "反向"},
		{model.FieldThing, "坏\xff\xfe的字节\ufffd", "坏的字节"},
		{model.FieldThing, "\u0301支部", "支部"},
		{model.FieldThing, "e\u200d\u0301", "é"},
		{model.FieldThing, "\ue000 \u0378", "无"},
		{model.FieldThing, "一二三四五六七八九十一二三四五六七八九👍🏽", "一二三四五六七八九十一二三四五六七八九…"},
		{model.FieldThing, "一二三四五六七八九十一二三四五六七👍🏽好", "一二三四五六七八九十一二三四五六七…"},
		{model.FieldThing, "一二三四五六七八九十一二三四五六🇨🇳🇨🇳", "一二三四五六七八九十一二三四五六…"},
		{model.FieldThing, "一二三四五六七八九十一二三四五🇨🇳🇨🇳", "一二三四五六七八九十一二三四五🇨🇳…"},
		{model.FieldThing, "👨\u200d👩\u200d👧", "👨👩👧"},
		{model.FieldThing, "一二三四五六七八九十一二三四五六七八❤\ufe0f❤\ufe0f", "一二三四五六七八九十一二三四五六七八…"},
		{model.FieldThing, "a" + strings.Repeat("\u0325", 40), "无"},
		{model.FieldThing, strings.Repeat("𠮷", 11), strings.Repeat("𠮷", 9) + "…"},
		{model.FieldThing, "", "无"},
		{"something_new", twenty + "的", "关于召开市财政局第三党支部三月份组织大…"},
		{model.FieldPhrase, "待处理", "待处理"},
		{model.FieldPhrase, "待支部书记确认", "待支部书记"},
		{model.FieldPhrase, "已缴 2 个月，thanks 👍", "已缴个月"},
		{model.FieldPhrase, "𠮷𠮷𠮷", "𠮷𠮷"},
		{model.FieldPhrase, "OK!", "通知"},
		{model.FieldName, "张 三", "张 三"},
		{model.FieldName, "阿依古丽•买买提", "阿依古丽·买买提"},
		{model.FieldName, "阿依古丽·买买提·阿不都热西提", "阿依古丽·买买提·阿"},
		{model.FieldName, "努尔买买提·阿不都热西·提", "努尔买买提·阿不都热"},
		{model.FieldName, "阿不都热西提买买提·提", "阿不都热西提买买提"},
		{model.FieldName, "Jean-Pierre O'Connor Smith", "Jean-Pierre O'Connor"},
		{model.FieldName, "员工12号\n", "员工号"},
		{model.FieldName, "·", "同志"},
		{model.FieldNumber, "38", "38"},
		{model.FieldNumber, "应到 1,234.50 人", "1234.50"},
		{model.FieldNumber, "３８人", "38"},
		{model.FieldNumber, "85.5%", "85.5"},
		{model.FieldNumber, "-3", "0"},
		{model.FieldNumber, "无", "0"},
		{model.FieldNumber, strings.Repeat("9", 33), "0"},
		{model.FieldNumber, strings.Repeat("9", 31) + ".55", strings.Repeat("9", 31)},
		{model.FieldNumber, strings.Repeat("9", 30) + ".55", strings.Repeat("9", 30) + ".5"},
		{model.FieldLetter, "党A支部b２C", "AbC"},
		{model.FieldLetter, "党", "NA"},
		{model.FieldSymbol, "！a*+-/=", "!*+-/"},
		{model.FieldSymbol, "好", "-"},
		{model.FieldCharacterString, "ZB-2026-0001", "ZB-2026-0001"},
		{model.FieldCharacterString, "第 2026-03-02 15：01 期", "2026-03-02_15:01"},
		{model.FieldCharacterString, strings.Repeat("a", 33), strings.Repeat("a", 29) + "..."},
		{model.FieldCharacterString, "支部", "-"},
		{model.FieldTime, "2026-03-02T15:01:59+08:00", "2026年3月2日 15:01"},
		{model.FieldTime, "2026-03-02T07:01:59.123Z", "2026年3月2日 15:01"},
		{model.FieldTime, "2026-03-02", "2026年3月2日 00:00"},
		{model.FieldTime, "15:01", "15:01"},
		{model.FieldTime, "9：05", "09:05"},
		{model.FieldTime, "2026年03月02日 15:01 ～ 17:00", "2026年3月2日 15:01~17:00"},
		{model.FieldTime, "2026-03-02T15:01:00+08:00~2026-03-03T17:00:00+08:00", "2026年3月2日 15:01~2026年3月3日 17:00"},
		{model.FieldTime, "今天下午", "00:00"},
		{model.FieldTime, "25:00", "00:00"},
		{model.FieldTime, "9999-12-31T23:59:00Z", "00:00"},
		{model.FieldDate, "2026-03-02T15:01:00+08:00", "2026年3月2日 15:01"},
		{model.FieldDate, "2026-03-02T00:00:00+08:00", "2026年3月2日"},
		{model.FieldDate, "2026-03-01T16:00:00Z", "2026年3月2日"},
		{model.FieldDate, "2026年10月1日", "2026年10月1日"},
		{model.FieldDate, "2018.01.01", "2018年1月1日"},
		{model.FieldDate, "2026-10-01~2026-10-07", "2026年10月1日~2026年10月7日"},
		{model.FieldDate, "2026-10-01 15:00~17:00", "2026年10月1日 15:00"},
		{model.FieldDate, "2026-02-30", "1970年1月1日"},
		{model.FieldAmount, "32.00元", "32.00元"},
		{model.FieldAmount, "32.00", "32.00元"},
		{model.FieldAmount, "￥32.00", "￥32.00"},
		{model.FieldAmount, "合计 ¥1,234.5 元", "¥1234.5元"},
		{model.FieldAmount, "12345678.90", "12345678.90元"},
		{model.FieldAmount, "123456789.01元", "0.00元"},
		{model.FieldAmount, "-5.00元", "0.00元"},
		{model.FieldAmount, "面议", "0.00元"},
		{model.FieldPhoneNumber, "0931-8888888转123", "0931-8888888"},
		{model.FieldPhoneNumber, "电话：（0931）888 8888", "(0931)8888888"},
		{model.FieldPhoneNumber, "+86 138 0000 0000", "+8613800000000"},
		{model.FieldPhoneNumber, "13800000000 13900000000", "0"},
		{model.FieldPhoneNumber, "", "0"},
		{model.FieldCarNumber, "甘a·12345", "甘A12345"},
		{model.FieldCarNumber, "粤A8Z888挂", "粤A8Z888挂"},
		{model.FieldCarNumber, "甘AD12345", "甘AD12345"},
		{model.FieldCarNumber, "甘AD123456", "无"},
		{model.FieldCarNumber, "公务用车", "无"},
		{model.FieldEnum, "已缴", "已缴"},
		{model.FieldEnum, "欠缴", "未缴"},
		{model.FieldEnum, field(model.FieldEnum).Enum[2], field(model.FieldEnum).Enum[2]},
	} {
		got := fit(field(c.kind), c.value)
		if got != c.want {
			t.Errorf("%s %q is fitted to %q, want %q", c.kind, c.value, got, c.want)
		}
		checkFitted(t, field(c.kind), c.value)
	}
	if got := fit(model.PushField{Type: model.FieldEnum}, ""); got == "" {
		t.Error("an enum without a list is empty")
	}
}

// fittedForms are the rules of the types as somebody else would write them down.
var fittedForms = map[model.FieldType]*regexp.Regexp{
	model.FieldNumber:          regexp.MustCompile(`^[0-9]+(\.[0-9]+)?$`),
	model.FieldLetter:          regexp.MustCompile(`^[A-Za-z]{1,32}$`),
	model.FieldSymbol:          regexp.MustCompile("^[!-/:-@\\[-`{-~]{1,5}$"),
	model.FieldCharacterString: regexp.MustCompile(`^[!-~]{1,32}$`),
	model.FieldTime:            regexp.MustCompile(`^((\d{4}年1?\d月[123]?\d日 )?[012]\d:[0-5]\d)(~(\d{4}年1?\d月[123]?\d日 )?[012]\d:[0-5]\d)?$`),
	model.FieldDate:            regexp.MustCompile(`^\d{4}年1?\d月[123]?\d日( [012]\d:[0-5]\d)?(~\d{4}年1?\d月[123]?\d日( [012]\d:[0-5]\d)?)?$`),
	model.FieldAmount:          regexp.MustCompile(`^([¥￥$€£][0-9]{1,10}(\.[0-9]{1,2})?元?|[0-9]{1,10}(\.[0-9]{1,2})?元)$`),
	model.FieldPhoneNumber:     regexp.MustCompile(`^\+?[0-9()-]{1,17}$`),
	model.FieldCarNumber:       regexp.MustCompile(`^[\p{Han}A-Z0-9][A-Z0-9]*[\p{Han}A-Z0-9]?$`),
	model.FieldName:            regexp.MustCompile(`^([A-Za-z .'-]{1,20}|[\p{Han}A-Za-z· .'-]{1,10})$`),
	model.FieldPhrase:          regexp.MustCompile(`^\p{Han}{1,5}$`),
}

// fittedUnits are the most UTF-16 units of a type; 20 of the others.
var fittedUnits = map[model.FieldType]int{
	model.FieldNumber: 32, model.FieldLetter: 32, model.FieldSymbol: 5, model.FieldCharacterString: 32, model.FieldTime: 40,
	model.FieldDate: 40, model.FieldPhoneNumber: 17, model.FieldCarNumber: 8, model.FieldPhrase: 5,
}

type reporter interface {
	Helper()
	Errorf(string, ...any)
}

// checkFitted holds what fit makes of the value against the rules.
func checkFitted(t reporter, f model.PushField, value string) {
	t.Helper()
	got := fit(f, value)
	if again := fit(f, got); again != got {
		t.Errorf("%s %q is fitted to %q and that to %q", f.Type, value, got, again)
	}
	if f.Type == model.FieldEnum {
		if !slices.Contains(f.Enum, got) {
			t.Errorf("enum %q is fitted to %q", value, got)
		}
		return
	}
	limit := fittedUnits[f.Type]
	if limit == 0 {
		limit = 20
	}
	form := fittedForms[f.Type]
	switch length := len(utf16.Encode([]rune(got))); {
	case !utf8.ValidString(got), got == "", got != strings.TrimSpace(got), length > limit:
		t.Errorf("%s %q is fitted to %q of %d units", f.Type, value, got, length)
	case form != nil && !form.MatchString(got):
		t.Errorf("%s %q is fitted to %q, which is no %s", f.Type, value, got, f.Type)
	case unicode.Is(unicode.M, []rune(got)[0]):
		t.Errorf("%s %q is fitted to %q, which begins with a mark", f.Type, value, got)
	case strings.ContainsFunc(got, func(r rune) bool { return r != ' ' && unicode.In(r, unicode.C, unicode.Z) }), strings.Contains(got, "  "):
		t.Errorf("%s %q is fitted to %q, with something invisible in it", f.Type, value, got)
	}
	if kept, isCut := strings.CutSuffix(got, "…"); isCut && f.Type == model.FieldThing && !strings.HasSuffix(cleanLine(value), "…") {
		rest, isStart := strings.CutPrefix(cleanLine(value), kept)
		if first, _ := utf8.DecodeRuneInString(rest); !isStart || rest == "" || unicode.Is(unicode.M, first) || unicode.Is(unicode.Variation_Selector, first) {
			t.Errorf("thing %q is cut to %q within a character", value, got)
		}
	}
}

// odd are characters that are easily mistaken: marks, joiners, selectors, flags, colours, rare and full-width ones.
var odd = []rune("汉支部𠮷𪚥々〇·•…　 \t\n\u0301\u0325\u200d\ufe0f\ufe0e\u20e3\u202e\u2028👍🏽👨🇨🇳é한\u1100\u1161กำ་ཀྲ\ufffd\ue000Ａ９～：￥¥元,.-+()年月日:~0123456789AZaz\x00\x7f")

func TestFittedValuesKeepTheRules(t *testing.T) {
	strange := rapid.StringOf(rapid.OneOf(rapid.SampledFrom(odd), rapid.Rune()))
	likely := rapid.StringMatching(`[￥¥-]?[0-9]{0,14}(,[0-9]{3}){0,2}(\.[0-9]{0,3})?元?|20[0-9]{2}[-年/.][0-9]{1,2}[-月/.][0-9]{1,2}日?([ T][0-9]{1,2}[:：][0-9]{2}(:00\+08:00)?)?([~～][0-9]{1,2}:[0-9]{2})?`)
	modeltest.Check(t, 3000, func(rt *rapid.T) {
		f := field(rapid.SampledFrom(everyType).Draw(rt, "type"))
		checkFitted(rt, f, rapid.OneOf(strange, likely, rapid.String()).Draw(rt, "value"))
	})
}

func FuzzFit(f *testing.F) {
	for i, kind := range everyType {
		f.Add(i, string(kind))
	}
	for i, s := range []string{
		"e\u200d\u0301", "2026-03-02T15:01:59+08:00", "1,234.56元", "\xff\xfe", "👨\u200d👩\u200d👧🇨🇳", "\u0301\u0301", "甘A·12345", "9999-12-31T23:59:59Z",
		"1900-01-01T00:00:00Z", "1986-05-04T02:30:00+08:00", "15:01~", "0001-01-01", strings.Repeat("ཀྲ", 20),
	} {
		f.Add(i, s)
	}
	f.Fuzz(func(t *testing.T, kind int, value string) {
		n := len(everyType)
		checkFitted(t, field(everyType[(kind%n+n)%n]), value)
	})
}
