package sim

import (
	"strings"
	"testing"
)

func TestFieldRules(t *testing.T) {
	rules := fieldRules()
	for key, tc := range map[string]struct{ good, bad []string }{
		"thing1": {
			[]string{"党", strings.Repeat("长", 20), "第 3 期：<青年大学习>", "😀"},
			[]string{"", " ", strings.Repeat("长", 21), "两\n行", "a\tb", "\xff"},
		},
		"number2":           {[]string{"0", "-3.50", strings.Repeat("1", 32)}, []string{"", "1,000", "一", "1.", strings.Repeat("1", 33)}},
		"letter3":           {[]string{"abcXYZ", strings.Repeat("a", 32)}, []string{"a1", "a b", "字", strings.Repeat("a", 33)}},
		"symbol4":           {[]string{"★", "+-*/%"}, []string{"a", "1", "+-*/%+"}},
		"character_string5": {[]string{"A-01_b*", strings.Repeat("x", 32)}, []string{"编号1", "a b", strings.Repeat("x", 33)}},
		"time6": {
			[]string{"15:01", "9:30:00", "2019年10月1日 15:01", "15:01~16:02", "2019年10月1日 15:01~2019年10月2日 16:00"},
			[]string{"25:00", "15:60", "2019年10月1日", "2019年13月1日 15:01", "下午三点", "15:01 至 16:00"},
		},
		"date7": {
			[]string{"2019年10月1日", "2019年10月01日 15:01", "2018-01-01", "2018/01/01", "2018.01.01", "2019年10月1日~2019年10月3日"},
			[]string{"15:01", "2019年0月1日", "2019年10月32日", "10月1日", "明天"},
		},
		"amount8":      {[]string{"32.00元", "¥32", "￥1234567890.5"}, []string{"32 元", "三十元", "¥¥3", "12345678901"}},
		"phone_number": {[]string{"+86-10-66888866", "13800138000"}, []string{"123456789012345678", "电话"}},
		"car_number1":  {[]string{"粤A8Z888挂", "粤A8Z888", "A"}, []string{"粤A8Z8888挂", "粤粤粤"}},
		"name1":        {[]string{"李大钊", strings.Repeat("名", 10), "John Smith", "阿·凡提"}, []string{strings.Repeat("名", 11), "李Somebody-Else", "张三3", strings.Repeat("a", 21)}},
		"phrase1":      {[]string{"已完成", "五个汉字词"}, []string{"六个汉字的词", "已完成!", "OK"}},
	} {
		rule := Field{Key: key}.rule(rules)
		for _, v := range tc.good {
			if !rule(v) {
				t.Errorf("%s refuses %q", key, v)
			}
		}
		for _, v := range tc.bad {
			if rule(v) {
				t.Errorf("%s takes %q", key, v)
			}
		}
	}
	enum := Field{Key: "enum1", Enum: []string{"线上"}}.rule(rules)
	if !enum("线上") || enum("线下") || enum("") {
		t.Error("an enum takes its values and no other")
	}
	if unknown := (Field{Key: "newtype1"}).rule(rules); !unknown("x") || unknown("") || unknown("a\n") {
		t.Error("a field of an unknown type takes anything that is printable")
	}
}
