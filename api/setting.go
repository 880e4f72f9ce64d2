package api

import (
	"context"
	"net/http"
	"time"

	"zhibu/model"
	"zhibu/service/setting"
)

func (s *server) settingRoutes() []route {
	const tag = "setting"
	return []route{
		{method: http.MethodGet, path: "/units/{id}/settings", role: org, name: "list-settings", tag: tag,
			summary: "某日生效的设置，以及之后的变更", mount: handle(s.listSettings)},
		{method: http.MethodGet, path: "/units/{id}/settings/{name}", role: org, name: "read-setting-history", tag: tag,
			summary: "本单位历次设定的值", mount: handle(s.readSettingHistory)},
		{method: http.MethodPut, path: "/units/{id}/settings/{name}", role: admin, name: "change-setting", tag: tag,
			summary: "从某日起改设置", mount: handle(s.changeSetting)},
		{method: http.MethodDelete, path: "/units/{id}/settings/{name}", role: admin, name: "withdraw-setting", tag: tag,
			summary: "撤回尚未生效的变更", mount: handle(s.withdrawSetting)},
	}
}

type settingBody struct {
	Name        model.SettingName `json:"name"`
	Label       string            `json:"label"`
	Value       string            `json:"value"`
	Default     string            `json:"default"`
	UnitID      *int64            `json:"unit_id" doc:"where it is set: the unit or one above it; null for the default"`
	UnitName    *string           `json:"unit_name"`
	EffectiveOn *string           `json:"effective_on" doc:"null for the default"`
	Planned     []plannedBody     `json:"planned" doc:"what changes it after that day, the next one first"`
}

type plannedBody struct {
	Value       string  `json:"value"`
	EffectiveOn *string `json:"effective_on"`
	UnitID      int64   `json:"unit_id" doc:"only the unit that planned it can withdraw it"`
	UnitName    string  `json:"unit_name"`
}

func settingBodyOf(i setting.Item) settingBody {
	b := settingBody{
		Name: i.Name, Label: i.Label, Value: i.Value, Default: i.Default, EffectiveOn: day(i.EffectiveOn),
		Planned: make([]plannedBody, len(i.Planned)),
	}
	if i.UnitID != 0 {
		b.UnitID, b.UnitName = &i.UnitID, &i.UnitName
	}
	for n, p := range i.Planned {
		b.Planned[n] = plannedBody{Value: p.Value, EffectiveOn: day(p.EffectiveOn), UnitID: p.UnitID, UnitName: p.UnitName}
	}
	return b
}

type listSettingsInput struct {
	IDInput
	AsOf model.Date `query:"as_of" format:"date" doc:"the settings of that day; today when absent"`
}

type settingsOutput struct {
	Body struct {
		Items []settingBody `json:"items"`
	}
}

func (s *server) listSettings(ctx context.Context, in *listSettingsInput) (*settingsOutput, error) {
	items, err := s.Setting.List(ctx, actorOf(ctx), in.ID, in.AsOf)
	if err != nil {
		return nil, err
	}
	out := &settingsOutput{}
	out.Body.Items = make([]settingBody, len(items))
	for i, item := range items {
		out.Body.Items[i] = settingBodyOf(item)
	}
	return out, nil
}

type settingHistoryInput struct {
	IDInput
	Name model.SettingName `path:"name" maxLength:"64"`
	PageInput
}

type settingHistoryItem struct {
	Value       string     `json:"value"`
	EffectiveOn *string    `json:"effective_on"`
	SetAt       *time.Time `json:"set_at"`
}

type settingHistoryOutput struct {
	Body struct {
		Items      []settingHistoryItem `json:"items"`
		NextCursor *string              `json:"next_cursor"`
	}
}

func (s *server) readSettingHistory(ctx context.Context, in *settingHistoryInput) (*settingHistoryOutput, error) {
	page, next, err := s.Setting.History(ctx, actorOf(ctx), in.ID, in.Name, in.Limit, in.Cursor)
	if err != nil {
		return nil, err
	}
	out := &settingHistoryOutput{}
	out.Body.Items, out.Body.NextCursor = make([]settingHistoryItem, len(page)), cursor(next)
	for i, p := range page {
		out.Body.Items[i] = settingHistoryItem{Value: p.Value, EffectiveOn: day(p.EffectiveOn), SetAt: stamp(p.SetAt)}
	}
	return out, nil
}

type changeSettingInput struct {
	IDInput
	Name model.SettingName `path:"name" maxLength:"64"`
	Body struct {
		Value       string     `json:"value" minLength:"1" maxLength:"200"`
		EffectiveOn model.Date `json:"effective_on,omitempty" format:"date" doc:"today when absent, never earlier"`
		Reason      string     `json:"reason,omitempty" maxLength:"200"`
	}
}

type settingOutput struct{ Body settingBody }

func (s *server) changeSetting(ctx context.Context, in *changeSettingInput) (*settingOutput, error) {
	b := in.Body
	item, err := s.Setting.Set(ctx, actorOf(ctx), in.ID, in.Name, b.Value, b.EffectiveOn, b.Reason)
	if err != nil {
		return nil, err
	}
	return &settingOutput{Body: settingBodyOf(item)}, nil
}

type withdrawSettingInput struct {
	IDInput
	Name        model.SettingName `path:"name" maxLength:"64"`
	EffectiveOn model.Date        `query:"effective_on" required:"true" format:"date" doc:"the day of the change, still ahead"`
}

func (s *server) withdrawSetting(ctx context.Context, in *withdrawSettingInput) (*struct{}, error) {
	return nil, s.Setting.Withdraw(ctx, actorOf(ctx), in.ID, in.Name, in.EffectiveOn)
}
