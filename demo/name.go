package demo

import (
	"strings"

	"zhibu/model"
)

// name is a word of a name, or a whole one, with its syllables.
type name struct{ text, pinyin string }

var surnames = []name{
	{"王", "wang"}, {"李", "li"}, {"张", "zhang"}, {"刘", "liu"}, {"陈", "chen"}, {"杨", "yang"}, {"赵", "zhao"},
	{"黄", "huang"}, {"周", "zhou"}, {"吴", "wu"}, {"徐", "xu"}, {"孙", "sun"}, {"马", "ma"}, {"朱", "zhu"}, {"胡", "hu"},
	{"郭", "guo"}, {"何", "he"}, {"林", "lin"}, {"高", "gao"}, {"罗", "luo"}, {"郑", "zheng"}, {"梁", "liang"}, {"谢", "xie"},
	{"宋", "song"}, {"唐", "tang"}, {"许", "xu"}, {"邓", "deng"}, {"冯", "feng"}, {"彭", "peng"},
}

// givenNames are those of men and women below fifty, and of men and women above.
var givenNames = [4][]name{
	{
		{"思田", "si.tian"}, {"浩川", "hao.chuan"}, {"泽田", "ze.tian"}, {"俊岭", "jun.ling"}, {"博林", "bo.lin"}, {"鸣远", "ming.yuan"},
		{"航远", "hang.yuan"}, {"景田", "jing.tian"}, {"承川", "cheng.chuan"}, {"启林", "qi.lin"}, {"墨川", "mo.chuan"},
	},
	{
		{"桐月", "tong.yue"}, {"怡荷", "yi.he"}, {"晓荷", "xiao.he"}, {"静荷", "jing.he"}, {"诗月", "shi.yue"}, {"清梅", "qing.mei"},
		{"映兰", "ying.lan"}, {"书月", "shu.yue"}, {"慧荷", "hui.he"}, {"梦荷", "meng.he"}, {"佳兰", "jia.lan"},
	},
	{
		{"永年", "yong.nian"}, {"志厚", "zhi.hou"}, {"德林", "de.lin"}, {"文田", "wen.tian"}, {"兴邦", "xing.bang"}, {"树川", "shu.chuan"},
		{"广福", "guang.fu"}, {"福海", "fu.hai"}, {"守信", "shou.xin"}, {"明义", "ming.yi"}, {"玉柱", "yu.zhu"},
	},
	{
		{"秀云", "xiu.yun"}, {"桂香", "gui.xiang"}, {"淑兰", "shu.lan"}, {"玉梅", "yu.mei"}, {"凤芝", "feng.zhi"}, {"素琴", "su.qin"},
		{"爱莲", "ai.lian"}, {"惠芳", "hui.fang"}, {"春娥", "chun.e"}, {"月英", "yue.ying"}, {"巧珍", "qiao.zhen"},
	},
}

// nextName makes a name that suits the age. The lists have no common divisor with the surnames, so that none repeats.
func (b *bureau) nextName(age int, female bool) name {
	list := 0
	if female {
		list++
	}
	if age >= 50 {
		list += 2
	}
	n := b.nameCount[list]
	b.nameCount[list]++
	family, given := surnames[(n*5+list*7)%len(surnames)], givenNames[list][n%len(givenNames[list])]
	return name{family.text + given.text, family.pinyin + "." + given.pinyin}
}

// sort is the form in which the roster keeps the syllables, for order and search.
func (n name) sort() string {
	var initials strings.Builder
	for s := range strings.SplitSeq(n.pinyin, ".") {
		initials.WriteByte(s[0])
	}
	return n.pinyin + " " + initials.String() + " " + strings.ReplaceAll(n.pinyin, ".", "")
}

// write puts the name into the row.
func (n name) write(m *model.Member) {
	m.Name, m.NameKey, m.NameSort = n.text, model.NameKey(n.text), n.sort()
}
