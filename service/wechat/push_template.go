package wechat

import (
	"context"
	"encoding/json"
	"net/url"
	"regexp"
	"strings"

	"github.com/silenceper/wechat/v2/miniprogram/subscribe"
	"github.com/silenceper/wechat/v2/util"

	"zhibu/model"
)

const (
	opTemplates  = "templates"
	typeLongTerm = 3
	dataSuffix   = ".DATA"
)

// Templates lists the subscribe-message templates that the mini program has chosen on the platform, with their fields
// in the order of the page. Purpose, Page and the Value of a field are ours and stay empty. ErrTooMany and
// ErrUnavailable.
func (c *Client) Templates(ctx context.Context) ([]model.PushTemplate, error) {
	var items []subscribe.TemplateItem
	err := c.run(ctx, operation{name: opTemplates}, func(ctx context.Context) error {
		return c.withToken(ctx, opTemplates, func(token string) (err error) {
			items, err = requestTemplates(ctx, token)
			return err
		})
	})
	if err != nil {
		return nil, err
	}
	out := make([]model.PushTemplate, 0, len(items))
	for _, item := range items {
		out = append(out, model.PushTemplate{
			TemplateID: item.PriTmplID, Title: item.Title, LongTerm: item.Type == typeLongTerm, Fields: fieldsOf(item),
		})
	}
	return out, nil
}

func requestTemplates(ctx context.Context, token string) ([]subscribe.TemplateItem, error) {
	uri := platform + "/wxaapi/newtmpl/gettemplate?access_token=" + url.QueryEscape(token)
	raw, err := util.HTTPGetContext(ctx, uri)
	if err != nil {
		return nil, err
	}
	var out struct {
		ErrCode *int64                   `json:"errcode"`
		ErrMsg  string                   `json:"errmsg"`
		Data    []subscribe.TemplateItem `json:"data"`
	}
	if err := json.Unmarshal(raw, &out); err != nil {
		return nil, err
	}
	switch {
	case out.ErrCode == nil:
		return nil, errNoErrcode
	case *out.ErrCode != 0:
		return nil, platformError(opTemplates, *out.ErrCode, out.ErrMsg)
	}
	return out.Data, nil
}

// A line of a template's content reads 会议名称:{{thing1.DATA}}.
var contentLine = regexp.MustCompile(`^\s*(.*?)\s*[:：]\s*\{\{\s*([0-9A-Za-z_]+)\.DATA\s*\}\}`)

func fieldsOf(item subscribe.TemplateItem) []model.PushField {
	enums := map[string][]string{}
	for _, e := range item.KeywordEnumValueList {
		enums[strings.TrimSuffix(e.KeywordCode, dataSuffix)] = e.EnumValueList
	}
	var out []model.PushField
	for line := range strings.Lines(item.Content) {
		m := contentLine.FindStringSubmatch(line)
		if m == nil {
			continue
		}
		f := model.PushField{Key: m[2], Type: model.FieldTypeOf(m[2]), Name: m[1], Enum: enums[m[2]]}
		if f.Enum != nil { // its key may begin with enum_string
			f.Type = model.FieldEnum
		}
		out = append(out, f)
	}
	return out
}
