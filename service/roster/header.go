package roster

import (
	"slices"
	"strings"
	"unicode"

	"golang.org/x/text/unicode/norm"
)

// field is a column the roster keeps.
type field int

const (
	fNumber field = iota // the member's id, in our own export
	fName
	fGender
	fEthnicity
	fBirth
	fIDNumber
	fPhone
	fEducation
	fJobTitle
	fBranch
	fGroup
	fKind
	fCategory
	fHardship
	fState
	fJoined
	fConfirmed
	fStarted
	fTitles
	fNote
	fields // how many there are
)

// columnNames are the names under which branches have the columns (DOMAIN §17); the first is the one in our export.
var columnNames = [fields][]string{
	fNumber:    {"系统编号"},
	fName:      {"姓名", "名字", "党员姓名", "团员姓名", "成员姓名", "党员名字"},
	fGender:    {"性别"},
	fEthnicity: {"民族"},
	fBirth:     {"出生日期", "出生年月", "出生年月日", "出生时间", "生日"},
	fIDNumber: {"身份证号", "身份证号码", "身份证", "公民身份号码", "公民身份证号", "公民身份证号码", "居民身份证号", "居民身份证号码",
		"身份证件号", "身份证件号码", "证件号", "证件号码"},
	fPhone:     {"手机号", "电话", "手机", "手机号码", "联系电话", "联系方式", "电话号码", "移动电话", "本人电话", "联系手机", "联系号码"},
	fEducation: {"学历", "最高学历", "文化程度"},
	fJobTitle:  {"工作岗位", "岗位", "工作单位及职务", "单位及职务", "单位职务", "行政职务", "工作职务", "职务"},
	fBranch: {"所在支部", "支部", "党支部", "团支部", "所在党支部", "所在团支部", "所属支部", "所属党支部", "所属团支部", "支部名称", "党支部名称",
		"团支部名称", "所在党组织", "所属党组织", "所在团组织", "所属团组织", "所在组织", "所属组织", "党组织", "团组织", "党组织名称", "团组织名称", "组织名称"},
	fGroup:     {"党小组", "团小组", "所在党小组", "所在团小组", "所属党小组", "所属团小组", "所在小组", "所属小组", "小组"},
	fKind:      {"党员类别", "人员类型", "党员类型", "党员身份", "团员类别", "政治面貌", "类别", "类型"},
	fCategory:  {"人员类别", "在职情况", "在职状态", "人员状态"},
	fHardship:  {"困难党员", "困难团员", "是否困难党员", "是否困难团员", "是否困难", "困难"},
	fState:     {"党籍状态", "团籍状态"},
	fJoined:    {"入党时间", "入党日期", "入党年月", "入团时间", "入团日期", "入团年月", "加入党组织时间", "加入党组织日期", "加入中国共产党时间", "入党"},
	fConfirmed: {"转正时间", "转正日期", "转正年月", "转为正式党员日期", "转为正式党员时间", "转正"},
	fStarted:   {"转入时间", "转入日期", "转入本支部时间", "转入本支部日期", "加入本支部时间", "加入本支部日期", "进入本支部时间", "进入本支部日期", "进入当前党支部日期"},
	fTitles:    {"党内职务", "团内职务", "党内职务名称", "支部职务", "党务职务", "党团职务"},
	fNote:      {"备注", "说明"},
}

// rowNumbers are columns that number the rows and say nothing.
var rowNumbers = []string{"序号", "编号", "行号", "NO", "NO.", "NO："}

var fieldOf = func() map[string]field {
	byName := map[string]field{}
	for f, names := range columnNames {
		for _, name := range names {
			byName[name] = field(f)
		}
	}
	return byName
}()

// header says which columns of a page are which.
type header struct {
	last    int            // the index of the line after which the members begin
	columns [fields][]int  // where a field stands; a second column fills in where the first is blank
	names   [fields]string // as the file calls it
	ignored []string       // columns that are not kept
}

func (h header) has(f field) bool { return len(h.columns[f]) > 0 }

// find returns the text of a field in a line, and its column.
func (h header) find(l line, f field) (text string, column int) {
	for _, column := range h.columns[f] {
		if text := cellText(l.at(column)); text != "" {
			return text, column
		}
	}
	return "", 0
}

// columnKey is a header cell as it is compared: without spaces, line ends, what is in brackets, stars and colons.
func columnKey(cell string) string {
	depth := 0
	key := strings.Map(func(r rune) rune {
		switch {
		case r == '(' || r == '[' || r == '【':
			depth++
			return -1
		case r == ')' || r == ']' || r == '】':
			depth = max(0, depth-1)
			return -1
		case depth > 0, unicode.IsSpace(r), unicode.IsControl(r), unicode.Is(unicode.Cf, r), strings.ContainsRune("*:'\"★☆", r):
			return -1
		}
		return unicode.ToUpper(r)
	}, norm.NFKC.String(cell))
	return key
}

// findHeader looks for the row with the column of names. Above it may be titles and, where cells are merged downward,
// names of single columns; below it a second header row.
func findHeader(lines []line) (header, bool) {
	for i, l := range lines {
		if l.number > headerRows {
			break
		}
		if !slices.ContainsFunc(l.cells, func(c string) bool { f, ok := fieldOf[columnKey(c)]; return ok && f == fName }) {
			continue
		}
		if h := readHeader(lines, i); h.known() > 1 {
			return h, true
		}
	}
	return header{}, false
}

func (h header) known() (n int) {
	for f := range fields {
		if h.has(f) {
			n++
		}
	}
	return n
}

// readHeader reads the header whose row of names is lines[i].
func readHeader(lines []line, i int) header {
	main := lines[i]
	var above, below line
	if i > 0 && lines[i-1].number == main.number-1 {
		above = lines[i-1]
	}
	h := header{last: i}
	if i+1 < len(lines) && lines[i+1].number == main.number+1 && isSecondHeader(main, lines[i+1]) {
		below, h.last = lines[i+1], i+1
	}
	group := ""
	for column := range max(len(main.cells), len(above.cells), len(below.cells)) {
		name := main.at(column)
		if columnKey(name) != "" {
			group = name
		}
		h.add(column, above.at(column), name, below.at(column), group)
	}
	return h
}

// isSecondHeader reports whether the row below the names continues the header: nothing under the names, and a column
// known by itself or together with what stands over it.
func isSecondHeader(main, below line) bool {
	known := false
	for column := range max(len(main.cells), len(below.cells)) {
		over, key := columnKey(main.at(column)), columnKey(below.at(column))
		if f, ok := fieldOf[over]; ok && f == fName && key != "" {
			return false
		}
		_, alone := fieldOf[key]
		_, together := fieldOf[over+key]
		known = known || key != "" && (alone || together)
	}
	return known
}

// add takes in one column; the lowest name that says something counts.
func (h *header) add(column int, above, name, below, group string) {
	candidates := []string{below, name}
	if columnKey(below) != "" {
		candidates = []string{below, group + below, name}
	}
	if columnKey(name) == "" && columnKey(below) == "" {
		candidates = append(candidates, above)
	}
	for _, c := range candidates {
		if f, ok := fieldOf[columnKey(c)]; ok {
			h.columns[f] = append(h.columns[f], column)
			if h.names[f] == "" {
				h.names[f] = strings.Join(strings.Fields(c), "")
			}
			return
		}
	}
	for _, c := range []string{below, name} {
		if key := columnKey(c); key != "" {
			if !slices.Contains(rowNumbers, key) {
				h.ignored = append(h.ignored, strings.Join(strings.Fields(c), ""))
			}
			return
		}
	}
}
