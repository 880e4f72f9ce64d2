package model

import (
	"fmt"
	"slices"
	"strconv"
	"strings"

	"gorm.io/gorm"
)

// SettingName is the name of a setting of an organisation.
type SettingName string

const (
	SettingThreshold     SettingName = "participation.threshold_bp"
	SettingMinDays       SettingName = "participation.min_days"
	SettingDecideOn      SettingName = "participation.decide_on"
	SettingCheckInsCount SettingName = "participation.check_ins_count"
	SettingRounding      SettingName = "dues.party.rounding"
	SettingDuesDay       SettingName = "dues.day"
	SettingStoreBase     SettingName = "dues.store_base"
	SettingShowAmounts   SettingName = "dues.publish_amounts"
	SettingQuietFrom     SettingName = "push.quiet_from"
	SettingQuietTo       SettingName = "push.quiet_to"
	SettingDailyLimit    SettingName = "push.daily_limit"
)

// SettingSpec is what there is to know of a setting before anybody has set it.
type SettingSpec struct {
	Name    SettingName
	Label   string // Chinese
	Default string
	kind    settingKind
	min     int // of an int
	max     int
	options []string // of a choice
}

type settingKind int

const (
	intSetting settingKind = iota
	choiceSetting
	boolSetting
)

// settingSpecs are the settings that exist; the defaults are those of DOMAIN.md §21.
var settingSpecs = []SettingSpec{
	{Name: SettingThreshold, Label: "达标线（万分比）", Default: "8500", kind: intSetting, min: 1, max: 10000}, // §13, §21 no. 8
	{Name: SettingMinDays, Label: "入册满多少天才计入应参学", Default: "0", kind: intSetting, min: 0, max: 365},    // §21 no. 16
	{Name: SettingDecideOn, Label: "判断达标所用的比率", Default: string(DecideOnAdjusted), // §12, §21 no. 8
		kind: choiceSetting, options: []string{string(DecideOnAdjusted), string(DecideOnRaw)}},
	{Name: SettingCheckInsCount, Label: "参加与学习期关联的活动视为完成学习", Default: "false", kind: boolSetting}, // §21 no. 7
	{Name: SettingRounding, Label: "党费取整", Default: string(RoundFen), kind: choiceSetting, // §21 no. 10
		options: []string{string(RoundFen), string(RoundJiao), string(RoundYuanUp)}},
	{Name: SettingDuesDay, Label: "党费日（每月几日）", Default: "1", kind: intSetting, min: 1, max: 28}, // §21 no. 13
	{Name: SettingStoreBase, Label: "保存计算基数（加密）", Default: "false", kind: boolSetting},          // §21 no. 14
	{Name: SettingShowAmounts, Label: "党费公示列出金额", Default: "false", kind: boolSetting},          // §21 no. 21
	{Name: SettingQuietFrom, Label: "免打扰开始（几点）", Default: "22", kind: intSetting, min: 0, max: 23},
	{Name: SettingQuietTo, Label: "免打扰结束（几点）", Default: "7", kind: intSetting, min: 0, max: 23},
	{Name: SettingDailyLimit, Label: "每人每天最多推送几条（0 为不限）", Default: "5", kind: intSetting, min: 0, max: 50},
}

// SettingSpecs returns the settings that exist, in the order in which they are shown.
func SettingSpecs() []SettingSpec { return slices.Clone(settingSpecs) }

// FindSettingSpec returns the setting of that name; ok is false when there is none.
func FindSettingSpec(name SettingName) (spec SettingSpec, ok bool) {
	i := slices.IndexFunc(settingSpecs, func(s SettingSpec) bool { return s.Name == name })
	if i < 0 {
		return SettingSpec{}, false
	}
	return settingSpecs[i], true
}

// Clean returns the one form in which the value is kept ("08500" is "8500"), or the refusal of the field "value".
func (s SettingSpec) Clean(value string) (string, error) {
	value = strings.TrimSpace(value)
	switch s.kind {
	case intSetting:
		n, err := strconv.ParseUint(value, 10, 31)
		if err != nil || int(n) < s.min || int(n) > s.max {
			return "", s.refusal(fmt.Sprintf("须为 %d 至 %d 的整数", s.min, s.max))
		}
		return strconv.Itoa(int(n)), nil
	case choiceSetting:
		if !slices.Contains(s.options, value) {
			return "", s.refusal("须为下列之一：" + strings.Join(s.options, "、"))
		}
	case boolSetting:
		if value != "true" && value != "false" {
			return "", s.refusal("须为 true 或 false")
		}
	}
	return value, nil
}

func (s SettingSpec) refusal(what string) error {
	return InvalidField("value", "invalid_value", s.Label+what)
}

// Setting is a value of a unit and all below it, from a day on until the next one of the same name. Values of days gone
// by are never changed.
type Setting struct {
	ID          int64
	UnitID      int64
	Name        SettingName
	Value       string // as SettingSpec.Clean returns it
	EffectiveOn Date
	SetBy       string // Actor.Ref
	SetAt       Instant
}

// SettingValue is a value in force with where it comes from.
type SettingValue struct {
	Value       string
	UnitID      int64 // 0: the default
	EffectiveOn Date  // "" for the default
}

// Settings are the values in force in a unit on a day; the zero value has the defaults.
type Settings struct{ set map[SettingName]SettingValue }

// LoadSettings reads the settings in force in the unit on the day: of each the unit's own, else that of the nearest unit
// above that has one by then, else the default. "Above" is where the unit stands now.
func LoadSettings(tx *gorm.DB, unit Unit, on Date) (Settings, error) {
	var rows []Setting
	err := tx.Where("unit_id IN ? AND effective_on <= ?", PathIDs(unit.Path), on).Find(&rows).Error
	return SettingsOf(rows, unit.Path, on), err
}

// SettingsOf is the rule of LoadSettings, over rows that may also be of other units and of later days.
func SettingsOf(rows []Setting, path string, on Date) Settings {
	line := PathIDs(path)
	set := map[SettingName]SettingValue{}
	for _, r := range rows {
		depth := slices.Index(line, r.UnitID)
		if depth < 0 || r.EffectiveOn > on {
			continue
		}
		best, found := set[r.Name]
		bestDepth := slices.Index(line, best.UnitID)
		if !found || depth > bestDepth || depth == bestDepth && r.EffectiveOn > best.EffectiveOn {
			set[r.Name] = SettingValue{Value: r.Value, UnitID: r.UnitID, EffectiveOn: r.EffectiveOn}
		}
	}
	return Settings{set}
}

// Of returns the value of the setting with where it comes from.
func (s Settings) Of(name SettingName) SettingValue {
	if v, ok := s.set[name]; ok {
		return v
	}
	spec, _ := FindSettingSpec(name)
	return SettingValue{Value: spec.Default}
}

// Text returns the value of the setting as it is kept.
func (s Settings) Text(name SettingName) string { return s.Of(name).Value }

// Int returns the value of a setting that is a number.
func (s Settings) Int(name SettingName) int {
	n, _ := strconv.Atoi(s.Text(name)) // Clean has let nothing else in
	return n
}

// Bool reports whether a setting that is true or false is true.
func (s Settings) Bool(name SettingName) bool { return s.Text(name) == "true" }
