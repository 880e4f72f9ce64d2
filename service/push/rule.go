package push

import (
	"cmp"
	"context"
	"slices"
	"strings"

	"gorm.io/gorm"

	"zhibu/model"
)

// Switch is a rule with whether it is on in a unit, and where that was decided.
type Switch struct {
	model.RuleSpec
	InForce  bool
	UnitID   int64 // 0: the default
	UnitName string
}

// Rules returns the reminders of a unit: each is on or off there as the nearest unit above has it that says so.
func (s *Service) Rules(ctx context.Context, actor model.Actor, unitID int64) ([]Switch, error) {
	tx := s.db.Read(ctx)
	unit, err := model.SeenUnit(tx, actor, unitID)
	if err != nil {
		return nil, err
	}
	if !actor.Reaches(unit.Path) {
		return nil, model.ErrForbidden
	}
	return rulesOf(tx, unit)
}

func rulesOf(tx *gorm.DB, unit model.Unit) ([]Switch, error) {
	all, err := loadSwitches(tx)
	if err != nil {
		return nil, err
	}
	rules := make([]Switch, len(model.RuleSpecs))
	for i, spec := range model.RuleSpecs {
		rules[i] = Switch{RuleSpec: spec, InForce: spec.On}
		if set := all.deciding(spec.Rule, unit.Path); set != nil {
			rules[i].InForce, rules[i].UnitID, rules[i].UnitName = set.On, set.UnitID, set.UnitName
		}
	}
	return rules, nil
}

// SetRules switches rules on or off in a unit and all below it that do not say otherwise; nil takes the unit's word back.
func (s *Service) SetRules(ctx context.Context, actor model.Actor, unitID int64, changes map[model.Rule]*bool) (rules []Switch, err error) {
	for rule := range changes {
		if _, ok := model.FindRuleSpec(rule); !ok {
			return nil, model.InvalidField("items", "invalid_value", "没有提醒规则“"+string(rule)+"”")
		}
	}
	err = s.db.WriteAfterLook(ctx, func(tx *gorm.DB) error {
		unit, err := model.FindUnit(tx, actor, unitID, model.Announce)
		if err != nil {
			return err
		}
		if !unit.ClosedOn.IsOpen() {
			return model.InvalidField("id", "unit_closed", "该组织已撤销")
		}
		before, err := rulesOf(tx, unit)
		if err != nil {
			return err
		}
		for rule, on := range changes {
			if err := setRule(tx, actor, unit, rule, on, s.at()); err != nil {
				return err
			}
		}
		if rules, err = rulesOf(tx, unit); err != nil {
			return err
		}
		if slices.Equal(before, rules) {
			return nil
		}
		return model.Audit(tx, actor, s.at(), model.Deed{
			Action: "reminder_rules.set", Unit: unit, SubjectID: unit.ID, Before: switched(before), After: switched(rules),
		})
	})
	return rules, err
}

func switched(rules []Switch) map[model.Rule]bool {
	on := make(map[model.Rule]bool, len(rules))
	for _, r := range rules {
		on[r.Rule] = r.InForce
	}
	return on
}

func setRule(tx *gorm.DB, actor model.Actor, unit model.Unit, rule model.Rule, on *bool, now model.Instant) error {
	own := tx.Where("unit_id = ? AND rule = ?", unit.ID, rule).Session(&gorm.Session{})
	if on == nil {
		return own.Delete(&model.ReminderRule{}).Error
	}
	var before []model.ReminderRule
	if err := own.Find(&before).Error; err != nil || len(before) > 0 && before[0].On == *on {
		return err
	}
	if len(before) > 0 {
		return own.Model(&model.ReminderRule{}).Updates(map[string]any{"is_on": *on, "set_by": actor.Ref(), "set_at": now}).Error
	}
	return tx.Create(&model.ReminderRule{UnitID: unit.ID, Rule: rule, On: *on, SetBy: actor.Ref(), SetAt: now}).Error
}

// switches are all rules that units have switched.
type switches []switchedRule

type switchedRule struct {
	model.ReminderRule
	UnitName string
	Path     string
}

// loadSwitches reads what units have switched, the deepest unit first.
func loadSwitches(tx *gorm.DB) (switches, error) {
	var all switches
	err := tx.Model(&model.ReminderRule{}).Joins("JOIN units ON units.id = reminder_rules.unit_id").
		Select("reminder_rules.*, units.name AS unit_name, units.path").Find(&all).Error
	slices.SortFunc(all, func(a, b switchedRule) int {
		return cmp.Or(cmp.Compare(strings.Count(b.Path, "/"), strings.Count(a.Path, "/")), cmp.Compare(a.Path, b.Path))
	})
	return all, err
}

// deciding is what decides about the rule in the unit with the path; nil is the default.
func (s switches) deciding(rule model.Rule, path string) *switchedRule {
	i := slices.IndexFunc(s, func(r switchedRule) bool { return r.Rule == rule && strings.HasPrefix(path, r.Path) })
	if i < 0 {
		return nil
	}
	return &s[i]
}

// on reports whether the rule is on in the unit with the path.
func (s switches) on(rule model.Rule, path string) bool {
	if set := s.deciding(rule, path); set != nil {
		return set.On
	}
	spec, _ := model.FindRuleSpec(rule)
	return spec.On
}

// scope keeps the rows whose unit has the rule on. The query must have units in it.
func (s switches) scope(rule model.Rule) func(*gorm.DB) *gorm.DB {
	spec, _ := model.FindRuleSpec(rule)
	var sql strings.Builder
	var args []any
	for _, r := range s {
		if r.Rule == rule {
			sql.WriteString(" WHEN units.path LIKE ? THEN ?")
			args = append(args, r.Path+"%", r.On)
		}
	}
	return func(tx *gorm.DB) *gorm.DB {
		switch {
		case len(args) > 0:
			return tx.Where("CASE"+sql.String()+" ELSE ? END = ?", append(args, spec.On, true)...)
		case !spec.On:
			return tx.Where("1 = 0")
		}
		return tx
	}
}
