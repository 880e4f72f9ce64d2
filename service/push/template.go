package push

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"regexp"
	"slices"
	"strings"
	"time"

	"zhibu/model"
)

// The values of a message, of which a template chooses.
const (
	valueTitle  = "title"  // of the announcement
	valueUnit   = "unit"   // the name of the unit that says it
	valueTime   = "time"   // the moment it is about
	valueHint   = "hint"   // what to do, in a few words
	valueStatus = "status" // how it stands, in at most five characters
)

var values = []string{valueTitle, valueUnit, valueTime, valueHint, valueStatus}

// templateConfig is a template in the operator's configuration.
type templateConfig struct {
	TemplateID string        `json:"template_id"`
	Purpose    model.Purpose `json:"purpose"`
	Title      string        `json:"title"`
	Page       string        `json:"page"`
	LongTerm   bool          `json:"long_term"`
	Fields     []fieldConfig `json:"fields"`
}

type fieldConfig struct {
	Key   string   `json:"key"`
	Name  string   `json:"name"`
	Value string   `json:"value"`
	Enum  []string `json:"enum"`
}

var (
	templateIDPattern = regexp.MustCompile(`^[0-9A-Za-z_-]{1,64}$`)
	fieldKeyPattern   = regexp.MustCompile(`^[a-z_]+[0-9]{1,3}$`)
)

var fieldTypes = []model.FieldType{
	model.FieldThing, model.FieldNumber, model.FieldLetter, model.FieldSymbol, model.FieldCharacterString, model.FieldTime,
	model.FieldDate, model.FieldAmount, model.FieldPhoneNumber, model.FieldCarNumber, model.FieldName, model.FieldPhrase, model.FieldEnum,
}

// ParseTemplates reads the operator's templates, a JSON list, and reports everything that is wrong with them at once. An
// empty text is no template: then there is the inbox only.
func ParseTemplates(text string) ([]model.PushTemplate, error) {
	if strings.TrimSpace(text) == "" {
		return nil, nil
	}
	var read []templateConfig
	d := json.NewDecoder(bytes.NewReader([]byte(text)))
	d.DisallowUnknownFields()
	if err := d.Decode(&read); err != nil {
		return nil, fmt.Errorf("the templates are not the JSON list that the README shows: %w", err)
	}
	if _, err := d.Token(); !errors.Is(err, io.EOF) {
		return nil, errors.New("there is something behind the list of templates")
	}
	var errs []error
	templates := make([]model.PushTemplate, len(read))
	for i, t := range read {
		if slices.ContainsFunc(templates[:i], func(o model.PushTemplate) bool { return o.Purpose == t.Purpose }) {
			errs = append(errs, fmt.Errorf("template %d: a second one for %q", i+1, t.Purpose))
		}
		errs = append(errs, t.check(i+1)...)
		templates[i] = t.template()
	}
	return templates, errors.Join(errs...)
}

func (t templateConfig) check(number int) (errs []error) {
	fault := func(format string, args ...any) {
		errs = append(errs, fmt.Errorf("template %d: %s", number, fmt.Sprintf(format, args...)))
	}
	if !templateIDPattern.MatchString(t.TemplateID) {
		fault("template_id %q is not what the console shows", t.TemplateID)
	}
	if !slices.Contains(model.Purposes, t.Purpose) {
		fault("purpose %q is none of %v", t.Purpose, model.Purposes)
	}
	if t.Title == "" || len(t.Fields) == 0 {
		fault("title and fields are needed")
	}
	if strings.HasPrefix(t.Page, "/") || strings.ContainsAny(t.Page, "?#") {
		fault("page %q has a leading slash or a query", t.Page)
	}
	keys := map[string]bool{}
	for _, f := range t.Fields {
		kind := f.kind()
		switch {
		case !fieldKeyPattern.MatchString(f.Key), !slices.Contains(fieldTypes, kind):
			fault("field %q is none of the platform's, such as thing1", f.Key)
		case keys[f.Key]:
			fault("field %q is there twice", f.Key)
		case !slices.Contains(values, f.Value):
			fault("field %q: value %q is none of %v", f.Key, f.Value, values)
		case kind == model.FieldEnum && len(f.Enum) == 0:
			fault("field %q: an enum needs the values it may hold", f.Key)
		}
		keys[f.Key] = true
	}
	return errs
}

// kind is the type of the field. The platform writes the key of an enum as enum_string, too.
func (f fieldConfig) kind() model.FieldType {
	if kind := model.FieldTypeOf(f.Key); kind != "enum_string" {
		return kind
	}
	return model.FieldEnum
}

func (t templateConfig) template() model.PushTemplate {
	fields := make([]model.PushField, len(t.Fields))
	for i, f := range t.Fields {
		fields[i] = model.PushField{Key: f.Key, Type: f.kind(), Name: f.Name, Value: f.Value, Enum: f.Enum}
	}
	return model.PushTemplate{
		TemplateID: t.TemplateID, Purpose: t.Purpose, Title: t.Title, Page: t.Page, LongTerm: t.LongTerm, Fields: fields,
	}
}

// Compare says in what the configured templates differ from those the platform has, an error each.
func Compare(configured, platform []model.PushTemplate) (differences []error) {
	differ := func(format string, args ...any) { differences = append(differences, fmt.Errorf(format, args...)) }
	for _, c := range configured {
		i := slices.IndexFunc(platform, func(p model.PushTemplate) bool { return p.TemplateID == c.TemplateID })
		if i < 0 {
			differ("the platform has no template %s (%s)", c.TemplateID, c.Purpose)
			continue
		}
		if keysOf(c) != keysOf(platform[i]) {
			differ("template %s (%s) has the fields %s, the platform's has %s", c.TemplateID, c.Purpose, keysOf(c), keysOf(platform[i]))
		}
		if c.LongTerm != platform[i].LongTerm {
			differ("template %s (%s): long_term has to be %t", c.TemplateID, c.Purpose, platform[i].LongTerm)
		}
	}
	return differences
}

// keysOf are the keys of a template in order.
func keysOf(t model.PushTemplate) string {
	keys := make([]string, len(t.Fields))
	for i, f := range t.Fields {
		keys[i] = f.Key
	}
	slices.Sort(keys)
	return strings.Join(keys, ",")
}

// Templates returns the templates a page may ask for, in the order of the configuration.
func (s *Service) Templates() []model.PushTemplate { return slices.Clone(s.config.Templates) }

// template makes messages.
type template struct{ model.PushTemplate }

// data are the fitted values of an announcement, the same for everyone who gets it.
func (t template) data(a model.Announcement, unitName string) map[string]string {
	given := map[string]string{
		valueTitle: a.Title, valueUnit: unitName, valueTime: a.HappensAt.Time().Format(time.RFC3339),
		valueHint: orElse(a.Hint, "请进入小程序查看"), valueStatus: orElse(a.Status, "待查看"),
	}
	data := make(map[string]string, len(t.Fields))
	for _, f := range t.Fields {
		data[f.Key] = fit(f, given[f.Value])
	}
	return data
}

// page is the page that a tap on the message opens, on that announcement.
func (t template) page(a model.Announcement) string {
	if t.Page == "" {
		return ""
	}
	return fmt.Sprintf("%s?id=%d", t.Page, a.ID)
}

func orElse(text, instead string) string {
	if text == "" {
		return instead
	}
	return text
}
