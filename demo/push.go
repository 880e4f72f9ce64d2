package demo

import "zhibu/model"

// Templates are the subscribe-message templates of the demo's mini program, one for each purpose.
func Templates() []model.PushTemplate {
	template := func(purpose model.Purpose, title string, fields ...model.PushField) model.PushTemplate {
		for i := range fields {
			fields[i].Type = model.FieldTypeOf(fields[i].Key)
		}
		return model.PushTemplate{
			TemplateID: "demo-template-" + string(purpose), Purpose: purpose, Title: title, Page: "pages/message/message", Fields: fields,
		}
	}
	field := func(key, name, value string) model.PushField {
		return model.PushField{Key: key, Name: name, Value: value}
	}
	return []model.PushTemplate{
		template(model.PurposeAnnouncement, "通知公告", field("thing1", "通知标题", "title"), field("thing2", "发布单位", "unit"),
			field("time3", "发布时间", "time"), field("thing4", "备注", "hint")),
		template(model.PurposeStudy, "学习提醒", field("thing1", "学习内容", "title"), field("time2", "截止时间", "time"),
			field("phrase3", "学习状态", "status"), field("thing4", "温馨提示", "hint")),
		template(model.PurposeActivity, "活动提醒", field("thing1", "活动名称", "title"), field("time2", "开始时间", "time"),
			field("thing3", "主办单位", "unit"), field("thing4", "备注", "hint")),
		template(model.PurposeDues, "缴费提醒", field("thing1", "缴费项目", "title"), field("date2", "缴费日期", "time"),
			field("phrase3", "缴费状态", "status"), field("thing4", "备注", "hint")),
		template(model.PurposeTask, "待办提醒", field("thing1", "待办事项", "title"), field("thing2", "所在单位", "unit"),
			field("phrase3", "状态", "status"), field("thing4", "备注", "hint")),
	}
}

// addSettings lets messages out at any hour and in any number, so that a visitor sees them whenever he looks.
func (b *bureau) addSettings() {
	for _, s := range []struct {
		name  model.SettingName
		value string
	}{{model.SettingQuietFrom, "0"}, {model.SettingQuietTo, "0"}, {model.SettingDailyLimit, "0"}} {
		b.settings = append(b.settings, model.Setting{
			ID: model.NewID(), UnitID: b.units[0].ID, Name: s.name, Value: s.value, EffectiveOn: b.since.Date(),
			SetBy: model.Actor{}.Ref(), SetAt: b.since,
		})
	}
}
