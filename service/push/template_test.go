package push_test

import (
	"context"
	"fmt"
	"strings"
	"testing"
	"time"

	"pgregory.net/rapid"

	"zhibu/model"
	"zhibu/model/modeltest"
	"zhibu/service/push"
	"zhibu/service/wechat"
	"zhibu/service/wechat/sim"
)

func TestParseTemplates(t *testing.T) {
	const good = `{"template_id":"T1","purpose":"study","title":"学习提醒","page":"pages/a","fields":[{"key":"thing1","name":"主题","value":"title"}]}`
	change := func(old, replacement string) string {
		if !strings.Contains(good, old) {
			t.Fatalf("no %s", old)
		}
		return "[" + strings.Replace(good, old, replacement, 1) + "]"
	}
	for _, c := range []struct{ name, text, want string }{
		{"nothing", " \n", ""},
		{"an empty list", "[]", ""},
		{"one", "[" + good + "]", ""},
		{"no page", change(`"pages/a"`, `""`), ""},
		{"two", "[" + good + "," + strings.Replace(good, "study", "task", 1) + "]", ""},
		{"an enum", change(`"thing1"`, `"enum1","enum":["待办","已办"]`), ""},
		{"an enum as the platform writes it", change(`"thing1"`, `"enum_string3","enum":["线上"]`), ""},
		{"no JSON", "templates", "not the JSON list"},
		{"an object", good, "not the JSON list"},
		{"something behind", "[" + good + "] []", "behind the list"},
		{"an unknown name", change(`"page"`, `"seite"`), "not the JSON list"},
		{"no id", change(`"T1"`, `""`), `template 1: template_id ""`},
		{"a strange id", change(`"T1"`, `"T 1"`), `template_id "T 1"`},
		{"an unknown purpose", change("study", "fun"), `purpose "fun" is none of`},
		{"two of a purpose", "[" + good + "," + good + "]", `template 2: a second one for "study"`},
		{"no title", change("学习提醒", ""), "title and fields are needed"},
		{"no fields", change(`{"key":"thing1","name":"主题","value":"title"}`, ""), "title and fields are needed"},
		{"a slash before the page", change("pages/a", "/pages/a"), "leading slash"},
		{"a query behind the page", change("pages/a", "pages/a?x=1"), "or a query"},
		{"an unknown type", change("thing1", "thong1"), `field "thong1" is none of`},
		{"no number", change("thing1", "thing"), `field "thing" is none of`},
		{"a field twice", change(`[{`, `[{"key":"thing1","value":"unit"},{`), `field "thing1" is there twice`},
		{"an unknown value", change(`"title"}`, `"salary"}`), `value "salary" is none of`},
		{"an enum without values", change("thing1", "enum1"), "needs the values"},
		{"everything at once", `[{"template_id":"?","purpose":"x","fields":[{"key":"y","value":"z"}]}]`, "purpose"},
	} {
		got, err := push.ParseTemplates(c.text)
		if c.want == "" && err != nil || c.want != "" && (err == nil || !strings.Contains(err.Error(), c.want)) {
			t.Errorf("%s: %v, want %q", c.name, err, c.want)
		}
		if c.want == "" && len(got) != strings.Count(c.text, "template_id") {
			t.Errorf("%s: %+v", c.name, got)
		}
	}
	_, err := push.ParseTemplates(`[{"template_id":"?","purpose":"x","page":"/","fields":[{"key":"y","value":"z"}]}]`)
	if n := len(strings.Split(err.Error(), "\n")); n != 5 {
		t.Errorf("%d faults:\n%v", n, err)
	}
	enum, err := push.ParseTemplates(change(`"thing1"`, `"enum_string3","enum":["线上"]`))
	if err != nil || enum[0].Fields[0].Type != model.FieldEnum {
		t.Errorf("%+v, %v", enum, err)
	}
}

func TestCompare(t *testing.T) {
	template := func(id string, longTerm bool, keys ...string) model.PushTemplate {
		p := model.PushTemplate{TemplateID: id, Purpose: model.PurposeStudy, LongTerm: longTerm}
		for _, k := range keys {
			p.Fields = append(p.Fields, model.PushField{Key: k})
		}
		return p
	}
	there := []model.PushTemplate{template("A", false, "thing1", "time2"), template("B", true, "thing1")}
	for _, c := range []struct {
		configured model.PushTemplate
		want       string
	}{
		{template("A", false, "time2", "thing1"), ""},
		{template("B", true, "thing1"), ""},
		{template("C", false, "thing1"), "[the platform has no template C (study)]"},
		{template("A", false, "thing1"), "[template A (study) has the fields thing1, the platform's has thing1,time2]"},
		{template("B", false, "thing1"), "[template B (study): long_term has to be true]"},
	} {
		got := push.Compare([]model.PushTemplate{c.configured}, there)
		if s := fmt.Sprint(got); s != c.want && (len(got) > 0 || c.want != "") {
			t.Errorf("%+v: %s, want %s", c.configured, s, c.want)
		}
	}
}

// TestComparesWithThePlatform: the templates of the tests are what the simulator lists.
func TestComparesWithThePlatform(t *testing.T) {
	w := newWorld(t, modeltest.SQLite(t), "2026-03-02 09:00")
	there, err := w.client(0).Templates(t.Context())
	w.must(err)
	if differences := push.Compare(templates(), there); len(differences) > 0 {
		t.Error(differences)
	}
	if len(w.s[0].Templates()) != len(templates()) {
		t.Errorf("%+v", w.s[0].Templates())
	}
}

// TestMessagesFitTheirTemplates: whatever an announcement says, the platform takes its message with every type of field.
func TestMessagesFitTheirTemplates(t *testing.T) {
	template := model.PushTemplate{TemplateID: "T", Purpose: model.PurposeTask, Title: "题"}
	onPlatform := sim.Template{ID: "T", Title: "题", LongTerm: true}
	n := 0
	for _, kind := range []model.FieldType{
		model.FieldThing, model.FieldNumber, model.FieldLetter, model.FieldSymbol, model.FieldCharacterString, model.FieldTime, model.FieldDate,
		model.FieldAmount, model.FieldPhoneNumber, model.FieldCarNumber, model.FieldName, model.FieldPhrase, model.FieldEnum,
	} {
		for _, value := range []string{"title", "unit", "time", "hint", "status"} {
			n++
			f := model.PushField{Key: fmt.Sprint(kind, n), Type: kind, Value: value}
			if kind == model.FieldEnum {
				f.Enum = []string{"线上", "线下"}
			}
			template.Fields = append(template.Fields, f)
			onPlatform.Fields = append(onPlatform.Fields, sim.Field{Key: f.Key, Enum: f.Enum})
		}
	}
	clock := modeltest.NewClock("2026-03-02 09:00")
	platform := sim.New(sim.Config{AppID: appID, AppSecret: "0123456789abcdef0123456789abcdef", Now: clock.Now, Templates: []sim.Template{onPlatform}, JournalSize: -1})
	client, err := wechat.New(wechat.Config{AppID: appID, AppSecret: "0123456789abcdef0123456789abcdef", Transport: platform.Transport(), Now: clock.Now})
	if err != nil {
		t.Fatal(err)
	}
	if err := platform.Subscribe(openID(1), "T", true); err != nil {
		t.Fatal(err)
	}
	text := rapid.OneOf(
		rapid.String(), rapid.StringMatching(`[一-龥]{0,80}`), rapid.StringMatching(`[👍🇨🇳❤️👨‍👩‍👧\n\t 一a1]{0,30}`), rapid.Just(""), rapid.Just("\n"),
		rapid.StringMatching(`[0-9.\-]{0,40}`), rapid.Just("已批准"),
	)
	modeltest.Check(t, 400, func(rt *rapid.T) {
		a := model.Announcement{
			ID: model.NewID(), Title: text.Draw(rt, "title"), Hint: text.Draw(rt, "hint"), Status: text.Draw(rt, "status"),
			HappensAt: model.Instant(rapid.Int64Range(0, 4_000_000_000_000).Draw(rt, "happens at")),
		}
		data := push.DataOf(template, a, text.Draw(rt, "unit"))
		clock.Advance(time.Millisecond)
		if _, err := client.Send(context.Background(), model.PushMessage{OpenID: openID(1), TemplateID: "T", Data: data}); err != nil {
			rt.Fatalf("%v of %q", err, data)
		}
	})
}
