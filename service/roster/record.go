package roster

import (
	"regexp"
	"slices"
	"strconv"
	"strings"

	"zhibu/model"
	"zhibu/office"
)

// record is a row of the file; what is zero was blank and leaves what is there as it is.
type record struct {
	row       int
	id        int64
	person    Person
	birth     date
	branch    string
	group     string
	kind      model.MembershipKind
	category  model.Category
	state     model.MembershipState
	hardship  *bool
	joined    date
	confirmed date
	started   date
	titles    []string
}

// reader turns the lines of a page into records.
type reader struct {
	page     sheet
	header   header
	today    model.Date
	carried  [2]map[int]string // branch and group of rows merged with the one above
	rejected []office.Rejection
}

var (
	footers   = regexp.MustCompile(`^(合\s*计|总\s*计|小\s*计|共\s*计|总人数|人数合计|填表人|填报人|制表|审核|负责人|备注|说明|注)\s*([:：]|$|\d|共)`)
	separated = regexp.MustCompile(`[、,，;；/\s]+`)
)

// rosterFile is what could be read of a file, and what not. Rows counts both.
type rosterFile struct {
	header   header
	records  []record
	rejected []office.Rejection
	rows     int
}

// readRecords reads the rows below the header.
func readRecords(page sheet, h header, today model.Date) (rosterFile, error) {
	f := rosterFile{header: h}
	r := &reader{page: page, header: h, today: today}
	r.carryMerged()
	for _, l := range page.lines[h.last+1:] {
		if r.skip(l) {
			continue
		}
		if f.rows++; f.rows > maxRows {
			return f, ErrTooManyRows
		}
		bad := len(r.rejected)
		if rec := r.read(l); len(r.rejected) == bad {
			f.records = append(f.records, rec)
		}
	}
	f.rejected = r.rejected
	return f, nil
}

// carryMerged notes branch and group for the rows whose cell is merged with the one above.
func (r *reader) carryMerged() {
	r.carried = [2]map[int]string{{}, {}}
	byNumber := map[int]line{}
	for _, l := range r.page.lines {
		byNumber[l.number] = l
	}
	for i, f := range []field{fBranch, fGroup} {
		for _, m := range r.page.merged {
			if !slices.Contains(r.header.columns[f], m.column) {
				continue
			}
			text := cellText(byNumber[m.from].at(m.column))
			for row := m.from + 1; row <= m.to; row++ {
				r.carried[i][row] = text
			}
		}
	}
}

// skip reports whether the row is none of a member: nothing in the columns that are kept, save the unit perhaps, or a
// total, a signature or a remark below the table.
func (r *reader) skip(l line) bool {
	for _, c := range l.cells {
		if text := cellText(c); text != "" {
			if footers.MatchString(text) {
				return true
			}
			break
		}
	}
	for f := range fields {
		if text, _ := r.header.find(l, f); text != "" && f != fBranch && f != fGroup {
			return false
		}
	}
	return true
}

func (r *reader) reject(l line, f field, bad fault) {
	r.rejected = append(r.rejected, office.Rejection{Row: l.number, Column: r.header.names[f], Code: bad.code, Message: bad.message})
}

// cell hands the text of a field to parse, if there is one, and reports what parse finds wrong.
func (r *reader) cell(l line, f field, parse func(text string, column int) *fault) {
	text, column := r.header.find(l, f)
	if text == "" {
		return
	}
	bad := &fault{"cell_error", "单元格里是表格软件的出错标记，请改正公式"}
	if !cellErrors.MatchString(text) {
		bad = parse(text, column)
	}
	if bad != nil {
		r.reject(l, f, *bad)
	}
}

func (r *reader) read(l line) record {
	rec := record{row: l.number, branch: r.carried[0][l.number], group: r.carried[1][l.number]}
	r.readPerson(l, &rec)
	r.readMembership(l, &rec)
	return rec
}

func (r *reader) readPerson(l line, rec *record) {
	p := &rec.person
	r.cell(l, fNumber, func(text string, _ int) *fault {
		rec.id, _ = strconv.ParseInt(text, 10, 64) // a foreign number is no number of ours
		return nil
	})
	r.line(l, fName, maxName, &p.Name)
	if p.Name = model.CleanName(p.Name); p.Name == "" {
		r.reject(l, fName, fault{"required", "缺少姓名"})
	}
	r.cell(l, fGender, func(text string, _ int) (bad *fault) {
		p.Gender, bad = choice(text, "性别请填男或女", genders)
		return bad
	})
	r.line(l, fEthnicity, maxEthnicity, &p.Ethnicity)
	r.line(l, fEducation, maxEducation, &p.Education)
	r.line(l, fJobTitle, maxJobTitle, &p.JobTitle)
	r.cell(l, fNote, func(text string, _ int) *fault {
		p.Note = text
		return tooLong(text, maxNote)
	})
	r.cell(l, fPhone, func(text string, _ int) (bad *fault) {
		p.Phone, bad = parsePhone(text)
		return bad
	})
	r.cell(l, fIDNumber, func(text string, _ int) (bad *fault) {
		p.IDNumber, bad = parseIDNumber(text)
		return bad
	})
	r.readBirth(l, rec)
}

// readBirth reads the birth date; the one in the id number wins where the two agree.
func (r *reader) readBirth(l line, rec *record) {
	var inID model.Date
	if rec.person.IDNumber != "" {
		inID = model.BirthDateOf(rec.person.IDNumber)
		if gender := model.GenderOf(rec.person.IDNumber); rec.person.Gender == "" {
			rec.person.Gender = gender
		} else if rec.person.Gender != gender {
			r.reject(l, fGender, fault{"id_number_mismatch", "性别与身份证号不一致"})
		}
	}
	r.date(l, fBirth, func(d date, bad *fault) *fault {
		switch {
		case bad == &doubtfulMonth && slices.Contains([]model.Date{d.Date[:5] + "01", d.Date[:5] + "10"}, inID[:min(7, len(inID))]):
			return nil
		case bad != nil:
			return bad
		case inID != "" && !d.agrees(inID):
			return &fault{"id_number_mismatch", "出生日期与身份证号不一致"}
		}
		rec.birth = d
		return nil
	})
	if inID != "" {
		rec.birth = date{Date: inID}
	}
	rec.person.BirthDate = rec.birth.Date
}

// date hands a day that has come to take, or why it is none.
func (r *reader) date(l line, f field, take func(date, *fault) *fault) {
	r.cell(l, f, func(text string, column int) *fault {
		d, bad := parseDate(text, r.page.typed(l.number, column), r.page.date1904)
		if bad == nil && d.Date > r.today {
			bad = &fault{"invalid_date", "日期在今天之后"}
		}
		return take(d, bad)
	})
}

func (r *reader) day(l line, f field, target *date) {
	r.date(l, f, func(d date, bad *fault) *fault {
		*target = d
		return bad
	})
}

func (r *reader) line(l line, f field, longest int, target *string) {
	r.cell(l, f, func(text string, _ int) *fault {
		*target = cleanLine(text)
		return tooLong(*target, longest)
	})
}

func tooLong(text string, longest int) *fault {
	if len([]rune(text)) > longest {
		return &fault{"too_long", "文字太长"}
	}
	return nil
}

func (r *reader) readMembership(l line, rec *record) {
	r.line(l, fBranch, maxNote, &rec.branch)
	r.line(l, fGroup, maxNote, &rec.group)
	for _, f := range []field{fKind, fCategory} {
		r.cell(l, f, func(text string, _ int) *fault { return rec.takeKind(text) })
	}
	r.cell(l, fState, func(text string, _ int) (bad *fault) {
		rec.state, bad = choice(text, "党（团）籍状态请填正常或停止党籍", stateNames)
		return bad
	})
	r.cell(l, fHardship, func(text string, _ int) *fault {
		yes, bad := choice(text, "请填是或否", yesNo)
		rec.hardship = &yes
		return bad
	})
	r.day(l, fJoined, &rec.joined)
	r.day(l, fConfirmed, &rec.confirmed)
	r.day(l, fStarted, &rec.started)
	r.cell(l, fTitles, func(text string, _ int) *fault {
		rec.titles = slices.DeleteFunc(separated.Split(text, -1), func(t string) bool { return strings.TrimSpace(t) == "" })
		return nil
	})
}

// takeKind reads the cell of 党员类别 or of 人员类别.
func (rec *record) takeKind(text string) *fault {
	key := strings.Join(strings.Fields(text), "")
	if c, ok := categoryNames[key]; ok {
		rec.category = c
		return nil
	}
	if k, ok := kindNames[key]; ok {
		rec.kind = k
		return nil
	}
	if slices.Contains(candidates, key) {
		return &fault{"not_a_member", "花名册只收党员（含预备党员）和团员"}
	}
	return &fault{"invalid_value", "请填正式党员、预备党员、共青团员，或在职、离退休、流动"}
}
