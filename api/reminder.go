package api

import (
	"context"
	"net/http"
	"strconv"

	"zhibu/model"
	"zhibu/service/push"
)

func (s *server) reminderRoutes() []route {
	const tag = "push"
	return []route{
		{method: http.MethodGet, path: "/units/{id}/reminder-rules", role: org, name: "list-reminder-rules", tag: tag,
			summary: "本单位的自动提醒", mount: handle(s.listReminderRules)},
		{method: http.MethodPut, path: "/units/{id}/reminder-rules", role: org, name: "change-reminder-rules", tag: tag,
			summary: "开关自动提醒", mount: handle(s.changeReminderRules)},
		{method: http.MethodPost, path: "/study-periods/{id}/reminders", role: org, name: "nudge-study-period", tag: tag, status: http.StatusAccepted,
			summary: "提醒未参学人员", mount: handle(s.nudgePeriod)},
	}
}

type reminderRuleBody struct {
	Rule     model.Rule `json:"rule"`
	Name     string     `json:"name"`
	When     string     `json:"when"`
	On       bool       `json:"on"`
	Default  bool       `json:"default"`
	UnitID   *int64     `json:"unit_id" doc:"where it is switched: the unit or one above it; null for the default"`
	UnitName *string    `json:"unit_name"`
}

type reminderRulesOutput struct {
	Body struct {
		Items []reminderRuleBody `json:"items"`
	}
}

func reminderRules(rules []push.Switch, err error) (*reminderRulesOutput, error) {
	if err != nil {
		return nil, err
	}
	out := &reminderRulesOutput{}
	out.Body.Items = make([]reminderRuleBody, len(rules))
	for i, r := range rules {
		out.Body.Items[i] = reminderRuleBody{Rule: r.Rule, Name: r.Name, When: r.When, On: r.InForce, Default: r.On}
		if r.UnitID != 0 {
			out.Body.Items[i].UnitID, out.Body.Items[i].UnitName = &r.UnitID, &r.UnitName
		}
	}
	return out, nil
}

func (s *server) listReminderRules(ctx context.Context, in *IDInput) (*reminderRulesOutput, error) {
	return reminderRules(s.Push.Rules(ctx, actorOf(ctx), in.ID))
}

type changeReminderRulesInput struct {
	IDInput
	Body struct {
		Items []struct {
			Rule model.Rule `json:"rule" maxLength:"32"`
			On   *bool      `json:"on" nullable:"true" doc:"null: as the unit above has it"`
		} `json:"items" minItems:"1" maxItems:"50" doc:"those left out stay as they are"`
	}
}

func (s *server) changeReminderRules(ctx context.Context, in *changeReminderRulesInput) (*reminderRulesOutput, error) {
	changes := make(map[model.Rule]*bool, len(in.Body.Items))
	for i, c := range in.Body.Items {
		if _, known := model.FindRuleSpec(c.Rule); !known {
			return nil, model.InvalidField("items["+strconv.Itoa(i)+"].rule", "invalid_value", "没有这条提醒规则")
		}
		if _, twice := changes[c.Rule]; twice {
			return nil, model.InvalidField("items["+strconv.Itoa(i)+"].rule", "duplicate", "同一条规则出现了两次")
		}
		changes[c.Rule] = c.On
	}
	return reminderRules(s.Push.SetRules(ctx, actorOf(ctx), in.ID, changes))
}

type nudgePeriodInput struct {
	IDInput
	OnceInput
	Body *struct {
		UnitID int64 `json:"unit_id,omitempty" minimum:"1" maximum:"9007199254740991" doc:"only the members of this unit; all of mine when absent"`
	} `required:"false"`
}

type nudgeOutput struct {
	Body struct {
		AnnouncementID int64 `json:"announcement_id"`
		Recipients     int64 `json:"recipients" doc:"who has neither completed nor been released"`
	}
}

func (s *server) nudgePeriod(ctx context.Context, in *nudgePeriodInput) (*nudgeOutput, error) {
	unitID := int64(0)
	if in.Body != nil {
		unitID = in.Body.UnitID
	}
	a, err := s.Push.Nudge(ctx, actorOf(ctx), in.ID, unitID, in.once(in.ID, unitID))
	if err != nil {
		return nil, err
	}
	out := &nudgeOutput{}
	out.Body.AnnouncementID, out.Body.Recipients = a.ID, a.Recipients
	return out, nil
}
