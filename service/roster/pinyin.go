package roster

import (
	"strings"
	"unicode"

	"github.com/mozillazg/go-pinyin"

	"zhibu/model"
)

// surnames are the ones that are read differently as a surname than as a word.
var surnames = map[string]string{
	"单": "shan", "曾": "zeng", "仇": "qiu", "解": "xie", "区": "ou", "查": "zha", "翟": "zhai", "朴": "piao", "盖": "ge",
	"召": "shao", "缪": "miao", "乐": "yue", "员": "yun", "贠": "yun", "覃": "qin", "种": "chong", "秘": "bi", "繁": "po",
	"祭": "zhai", "折": "she", "黑": "he", "牟": "mu", "卜": "bu", "隗": "wei", "句": "gou", "郇": "xun", "都": "du", "洗": "xian",
	"尉迟": "yu.chi", "万俟": "mo.qi", "澹台": "tan.tai",
}

// maxSort is the length of the column.
const maxSort = 200

// nameSort is what a name is ordered and searched by: its syllables, its initials and its syllables again without the
// dots, as in "zhang.san zs zhangsan". A dot sorts below every letter, so that 李 stands before 梁, and the space
// below the dot, so that a shorter name stands before a longer one.
func nameSort(name string) string {
	syllables := syllablesOf([]rune(model.NameKey(name)))
	var initials strings.Builder
	for _, s := range syllables {
		initials.WriteString(string([]rune(s)[:1]))
	}
	sort := strings.Join(syllables, ".") + " " + initials.String() + " " + strings.Join(syllables, "")
	if runes := []rune(sort); len(runes) > maxSort {
		sort = string(runes[:maxSort])
	}
	return sort
}

func syllablesOf(name []rune) []string {
	var syllables []string
	for _, length := range []int{2, 1} {
		if len(name) >= length {
			if reading, ok := surnames[string(name[:length])]; ok {
				syllables, name = strings.Split(reading, "."), name[length:]
				break
			}
		}
	}
	args := pinyin.NewArgs()
	word := false // inside a run of letters
	for _, r := range name {
		reading := pinyin.SinglePinyin(r, args)
		switch {
		case len(reading) > 0:
			syllables, word = append(syllables, reading[0]), false
		case !unicode.IsLetter(r) && !unicode.IsDigit(r):
			word = false
		case word:
			syllables[len(syllables)-1] += string(r)
		default:
			syllables, word = append(syllables, string(r)), unicode.Is(unicode.Latin, r) || unicode.IsDigit(r)
		}
	}
	return syllables
}

// searchTerms are the LIKE patterns of a search: a part of the name, or the beginning of its initials or pinyin.
func searchTerms(q string) (name, sort string) {
	key := strings.NewReplacer("!", "!!", "%", "!%", "_", "!_").Replace(model.NameKey(q))
	return "%" + key + "%", "% " + key + "%"
}
