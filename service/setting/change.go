package setting

import (
	"context"
	"unicode/utf8"

	"gorm.io/gorm"

	"zhibu/model"
)

// Set sets the value from the day on (empty: today) in the unit and all below it that set no other, and returns the
// setting as it stands today. It takes an administrator of the unit. A day gone by is refused: its figures stay what
// they were. To set what the unit has set already changes nothing; another value for the same day replaces the first.
func (s *Service) Set(
	ctx context.Context, actor model.Actor, unitID int64, name model.SettingName, value string, effectiveOn model.Date, reason string,
) (Item, error) {
	now := model.At(s.now())
	if effectiveOn == "" {
		effectiveOn = now.Date()
	}
	var item Item
	err := s.db.WriteAfterLook(ctx, func(tx *gorm.DB) error {
		u, spec, err := find(tx, actor, unitID, name)
		if err != nil {
			return err
		}
		c := change{unit: u, name: name, on: effectiveOn, reason: reason, at: now}
		if c.value, err = c.check(spec, value); err != nil {
			return err
		}
		if err := c.apply(tx, actor); err != nil {
			return err
		}
		shown, err := items(tx, u, now.Date(), spec)
		if err == nil {
			item = shown[0]
		}
		return err
	})
	return item, err
}

// find reads the unit when the actor may change its settings, and the setting.
func find(tx *gorm.DB, actor model.Actor, unitID int64, name model.SettingName) (model.Unit, model.SettingSpec, error) {
	u, err := model.FindUnit(tx, actor, unitID, model.Administer)
	if err != nil {
		return u, model.SettingSpec{}, err
	}
	spec, ok := model.FindSettingSpec(name)
	switch {
	case !ok:
		return u, spec, ErrUnknown
	case !u.ClosedOn.IsOpen():
		return u, spec, ErrUnitClosed
	}
	return u, spec, nil
}

// change is a value to be set.
type change struct {
	unit   model.Unit
	name   model.SettingName
	value  string
	on     model.Date
	reason string
	at     model.Instant
}

// check returns the value in the form in which it is kept.
func (c change) check(spec model.SettingSpec, value string) (string, error) {
	if err := checkDate("effective_on", c.on); err != nil {
		return "", err
	}
	if c.on < c.at.Date() {
		return "", model.InvalidField("effective_on", "in_the_past", "生效日期须为今天或以后：已过去的数字保持不变")
	}
	if utf8.RuneCountInString(c.reason) > 200 {
		return "", model.InvalidField("reason", "too_long", "原因最多 200 个字")
	}
	return spec.Clean(value)
}

// apply writes the value unless the unit has set it by that day.
func (c change) apply(tx *gorm.DB, actor model.Actor) error {
	settings, err := model.LoadSettings(tx, c.unit, c.on)
	if err != nil {
		return err
	}
	before := settings.Of(c.name)
	own := before.UnitID == c.unit.ID
	sameDay := own && before.EffectiveOn == c.on
	// An earlier value makes this one needless only when nobody can replace or withdraw it any more.
	if own && before.Value == c.value && (sameDay || before.EffectiveOn < c.at.Date()) {
		return nil
	}
	if sameDay {
		err = c.replace(tx, actor, before.Value)
	} else {
		err = tx.Create(&model.Setting{
			ID: model.NewID(), UnitID: c.unit.ID, Name: c.name, Value: c.value, EffectiveOn: c.on, SetBy: actor.Ref(), SetAt: c.at,
		}).Error
	}
	if err != nil {
		return err
	}
	after := stateOf(c.name, model.SettingValue{Value: c.value, UnitID: c.unit.ID, EffectiveOn: c.on})
	after.Reason = c.reason
	return model.Audit(tx, actor, c.at, model.Deed{
		Action: "setting.set", Unit: c.unit, SubjectID: c.unit.ID, Before: stateOf(c.name, before), After: after,
	})
}

// replace changes the day's value as long as it still is the one that was read; else it fails with model.ErrMoved.
func (c change) replace(tx *gorm.DB, actor model.Actor, was string) error {
	return model.SaveSeen(tx.Model(&model.Setting{}).
		Where("unit_id = ? AND name = ? AND effective_on = ? AND value = ?", c.unit.ID, c.name, c.on, was).
		Updates(map[string]any{"value": c.value, "set_by": actor.Ref(), "set_at": c.at}))
}

// Withdraw takes back a change of the unit itself whose day is ahead. It takes an administrator of the unit. Without
// such a change it is ErrNoChange.
func (s *Service) Withdraw(
	ctx context.Context, actor model.Actor, unitID int64, name model.SettingName, effectiveOn model.Date,
) error {
	now := model.At(s.now())
	return s.db.WriteAfterLook(ctx, func(tx *gorm.DB) error {
		u, _, err := find(tx, actor, unitID, name)
		if err != nil {
			return err
		}
		if err := checkDate("effective_on", effectiveOn); err != nil {
			return err
		}
		if effectiveOn <= now.Date() {
			return model.InvalidField("effective_on", "in_force", "只能撤回尚未生效的变更；已生效的请另设新值")
		}
		before, err := model.LoadSettings(tx, u, effectiveOn)
		if err != nil {
			return err
		}
		was := before.Of(name)
		if was.UnitID != u.ID || was.EffectiveOn != effectiveOn {
			return ErrNoChange
		}
		if err := remove(tx, u, name, was); err != nil {
			return err
		}
		after, err := model.LoadSettings(tx, u, effectiveOn)
		if err != nil {
			return err
		}
		return model.Audit(tx, actor, now, model.Deed{
			Action: "setting.withdraw", Unit: u, SubjectID: u.ID, Before: stateOf(name, was), After: stateOf(name, after.Of(name)),
		})
	})
}

func remove(tx *gorm.DB, u model.Unit, name model.SettingName, was model.SettingValue) error {
	return model.SaveSeen(tx.Where("unit_id = ? AND name = ? AND effective_on = ? AND value = ?",
		u.ID, name, was.EffectiveOn, was.Value).Delete(&model.Setting{}))
}

// state is what the audit keeps of a setting: what was in force on that day, and what is.
type state struct {
	Name        model.SettingName `json:"name"`
	Value       string            `json:"value"`
	UnitID      int64             `json:"unit_id"` // 0: the default
	EffectiveOn model.Date        `json:"effective_on"`
	Reason      string            `json:"reason,omitempty"`
}

func stateOf(name model.SettingName, v model.SettingValue) state {
	return state{Name: name, Value: v.Value, UnitID: v.UnitID, EffectiveOn: v.EffectiveOn}
}
