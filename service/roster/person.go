package roster

import (
	"strings"
	"unicode"

	"golang.org/x/text/unicode/norm"

	"zhibu/model"
)

// Person is what is kept of a member beside memberships and posts, in plain text.
type Person struct {
	Name      string
	Gender    string // "male", "female" or empty
	Ethnicity string
	BirthDate model.Date
	Phone     string // empty: none, as with a retired member
	IDNumber  string
	Education string
	JobTitle  string
	Note      string
}

// The longest text of each kind, in characters, as the columns have it.
const (
	maxName, maxEthnicity, maxEducation, maxJobTitle, maxNote = 50, 20, 40, 100, 500
	maxReason                                                 = 200
)

// faults collects the fields at fault.
type faults []model.FieldError

func (f *faults) add(field, code, message string) {
	*f = append(*f, model.FieldError{Field: field, Code: code, Message: message})
}

func (f faults) err() error {
	if len(f) == 0 {
		return nil
	}
	return model.InvalidFields(f...)
}

// clean brings the person into the form in which it is kept, fills birth date and gender from the id number, and names
// what cannot be.
func (p *Person) clean(today model.Date) (f faults) {
	p.Name = model.CleanName(p.Name)
	if model.NameKey(p.Name) == "" {
		f.add("name", "required", "请填写姓名")
	}
	p.Ethnicity, p.Education, p.JobTitle = cleanLine(p.Ethnicity), cleanLine(p.Education), cleanLine(p.JobTitle)
	p.Note = cleanText(p.Note)
	for _, t := range []struct {
		field, text string
		longest     int
	}{
		{"name", p.Name, maxName}, {"ethnicity", p.Ethnicity, maxEthnicity}, {"education", p.Education, maxEducation},
		{"job_title", p.JobTitle, maxJobTitle}, {"note", p.Note, maxNote},
	} {
		if len([]rune(t.text)) > t.longest {
			f.add(t.field, "too_long", "文字太长")
		}
	}
	if p.Gender != "" && p.Gender != "male" && p.Gender != "female" {
		f.add("gender", "invalid_value", "性别须为 male 或 female")
	}
	if p.Phone != "" {
		phone, ok := model.CleanPhone(p.Phone)
		if p.Phone = phone; !ok {
			f.add("phone", "invalid_phone", "手机号或座机号有误")
		}
	}
	if p.BirthDate != "" && !past(p.BirthDate, today) {
		f.add("birth_date", "invalid_date", "出生日期有误")
	}
	p.cleanIDNumber(&f)
	return f
}

func (p *Person) cleanIDNumber(f *faults) {
	if p.IDNumber == "" {
		return
	}
	number, ok := model.CleanIDNumber(p.IDNumber)
	if p.IDNumber = number; !ok {
		f.add("id_number", "invalid_id_number", "身份证号有误，请核对")
		return
	}
	birth, gender := model.BirthDateOf(number), model.GenderOf(number)
	if p.BirthDate != "" && p.BirthDate != birth {
		f.add("birth_date", "id_number_mismatch", "出生日期与身份证号不一致")
	}
	if p.Gender != "" && p.Gender != gender {
		f.add("gender", "id_number_mismatch", "性别与身份证号不一致")
	}
	p.BirthDate, p.Gender = birth, gender
}

// past reports whether d is a day that has come, of a living memory.
func past(d, today model.Date) bool {
	_, err := model.ParseDate(string(d))
	return err == nil && d <= today
}

// cleanText is a text as it is kept: NFC, one kind of line end, nothing invisible, no space around it.
func cleanText(s string) string {
	s = strings.NewReplacer("\r\n", "\n", "\r", "\n").Replace(norm.NFC.String(strings.ToValidUTF8(s, "")))
	return strings.TrimSpace(strings.Map(func(r rune) rune {
		if r != '\n' && unicode.IsControl(r) || r == unicode.ReplacementChar || r == '\uFEFF' || r == '\uFFFE' || r == '\uFFFF' {
			return -1
		}
		return r
	}, s))
}

// cleanLine is a text of one line as it is kept.
func cleanLine(s string) string { return strings.Join(strings.Fields(cleanText(s)), " ") }

// seal writes the person into the row. The sealed columns are made anew only where the plain text changed.
func (p Person) seal(m *model.Member, keys *model.Keyring) {
	m.Name, m.NameKey, m.NameSort = p.Name, model.NameKey(p.Name), nameSort(p.Name)
	m.Gender, m.Ethnicity, m.BirthDate = p.Gender, p.Ethnicity, p.BirthDate
	m.Education, m.JobTitle, m.Note = p.Education, p.JobTitle, p.Note
	sealColumn(keys, model.PhoneColumn, p.Phone, &m.PhoneSealed, &m.PhoneHash)
	sealColumn(keys, model.IDNumberColumn, p.IDNumber, &m.IDSealed, &m.IDHash)
}

func sealColumn(keys *model.Keyring, column, plain string, sealed *string, hash **string) {
	if plain == "" {
		*sealed, *hash = "", nil
		return
	}
	h := keys.Hash(column, plain)
	if *hash == nil || **hash != h {
		*sealed, *hash = keys.Seal(column, plain), &h
	}
}

// openPerson reads the person out of the row.
func openPerson(m model.Member, keys *model.Keyring) (p Person, err error) {
	p = Person{
		Name: m.Name, Gender: m.Gender, Ethnicity: m.Ethnicity, BirthDate: m.BirthDate,
		Education: m.Education, JobTitle: m.JobTitle, Note: m.Note,
	}
	if p.Phone, err = keys.Open(model.PhoneColumn, m.PhoneSealed); err != nil {
		return p, err
	}
	p.IDNumber, err = keys.Open(model.IDNumberColumn, m.IDSealed)
	return p, err
}

// columnsOf are the columns of the person in a member's row, by name.
func columnsOf(m model.Member) map[string]any {
	return map[string]any{
		"name": m.Name, "name_key": m.NameKey, "name_sort": m.NameSort, "gender": m.Gender, "ethnicity": m.Ethnicity,
		"birth_date": m.BirthDate, "education": m.Education, "job_title": m.JobTitle, "note": m.Note,
		"phone_sealed": m.PhoneSealed, "phone_hash": orNull(m.PhoneHash), "id_number_sealed": m.IDSealed, "id_number_hash": orNull(m.IDHash),
	}
}

func orNull(s *string) any {
	if s == nil {
		return nil
	}
	return *s
}

// changedColumns are the columns of after that differ from before, with their new values.
func changedColumns(before, after model.Member) map[string]any {
	was, changed := columnsOf(before), columnsOf(after)
	for column, value := range changed {
		if was[column] == value {
			delete(changed, column)
		}
	}
	return changed
}

// auditFields names what changed of a person; the values are personal data and stay out of the audit.
func auditFields(changed map[string]any) []string {
	var fields []string
	for _, field := range []string{"name", "gender", "ethnicity", "birth_date", "education", "job_title", "note"} {
		if _, ok := changed[field]; ok {
			fields = append(fields, field)
		}
	}
	if _, ok := changed["phone_hash"]; ok {
		fields = append(fields, "phone")
	}
	if _, ok := changed["id_number_hash"]; ok {
		fields = append(fields, "id_number")
	}
	return fields
}
