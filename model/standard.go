package model

import (
	"encoding/json"
	"fmt"
	"slices"
	"strings"

	"gorm.io/gorm"
)

// DuesCategory is who somebody is to the rules on dues; it is not the Category of a membership.
type DuesCategory string

const (
	DuesSalaried     DuesCategory = "salaried"
	DuesRetired      DuesCategory = "retired"
	DuesFarmer       DuesCategory = "farmer"
	DuesStudent      DuesCategory = "student"
	DuesUnemployed   DuesCategory = "unemployed"
	DuesRelief       DuesCategory = "relief"
	DuesSelfEmployed DuesCategory = "self_employed"
)

var duesCategoryNames = map[DuesCategory]string{
	DuesSalaried: "有固定收入", DuesRetired: "离退休", DuesFarmer: "农民", DuesStudent: "学生", DuesUnemployed: "下岗失业、无收入",
	DuesRelief: "领取救济、低保", DuesSelfEmployed: "不按月取得收入",
}

// Name is the category in Chinese; empty when it is none.
func (c DuesCategory) Name() string { return duesCategoryNames[c] }

// Rounding is how a computed amount is cut.
type Rounding string

const (
	RoundFen      Rounding = "fen_half_up"
	RoundJiao     Rounding = "jiao_half_up"
	RoundYuanUp   Rounding = "yuan_up"   // 只入不舍
	RoundYuanDown Rounding = "yuan_down" // 只取整数
)

var roundingNames = map[Rounding]string{
	RoundFen: "四舍五入到分", RoundJiao: "四舍五入到角", RoundYuanUp: "不足一元的进为一元", RoundYuanDown: "只取整数元",
}

// MaxBase is the highest monthly base in fen, so that no product overflows.
const MaxBase Fen = 100_000_000_000

// round cuts an exact amount, given in ten-thousandths of a fen.
func (r Rounding) round(exact int64) Fen {
	const fen, jiao, yuan = 10_000, 100_000, 1_000_000
	switch r {
	case RoundJiao:
		return Fen((exact + jiao/2) / jiao * 10)
	case RoundYuanUp:
		return Fen((exact + yuan - 1) / yuan * 100)
	case RoundYuanDown:
		return Fen(exact / yuan * 100)
	}
	return Fen((exact + fen/2) / fen)
}

// Bracket is what a standard asks of a base up to ToFen (inclusive; 0 for all above): a rate on the whole base, or a
// fixed amount, of which a member may choose more up to MaxFen.
type Bracket struct {
	ToFen     Fen `json:"to_fen,omitempty"`
	RateBP    int `json:"rate_bp,omitempty"`
	AmountFen Fen `json:"amount_fen,omitempty"`
	MaxFen    Fen `json:"max_fen,omitempty"`
}

// Standard (标准) is a dated rate table of a track and a category.
type Standard struct {
	ID             int64
	UnitID         int64 // whose it is, and all below it; 0: everybody's
	Track          Track
	Category       DuesCategory
	EffectiveMonth Month
	Brackets       string // JSON of []Bracket
	CapFen         Fen
	Rounding       Rounding // empty: as the setting of the organisation says
	Rule           string
	Source         string
	CreatedBy      string
	CreatedAt      Instant `gorm:"autoCreateTime:false"`
	Unconfirmed    bool    `gorm:"-"` // weakly sourced, shown as 待核实
}

// TableName keeps the word of the feature in the schema.
func (Standard) TableName() string { return "dues_standards" }

// ParseBrackets returns the brackets in order.
func (s Standard) ParseBrackets() ([]Bracket, error) {
	var b []Bracket
	err := json.Unmarshal([]byte(s.Brackets), &b)
	return b, err
}

// SetBrackets checks the brackets and writes them: at least one, the bounds rising, the last without a bound, each with a
// rate or an amount within the cap.
func (s *Standard) SetBrackets(brackets []Bracket) error {
	refuse := func(message string) error { return InvalidField("brackets", "invalid_value", message) }
	if len(brackets) == 0 || len(brackets) > 20 {
		return refuse("请填写 1 至 20 档")
	}
	below := Fen(0)
	for i, b := range brackets {
		last := i == len(brackets)-1
		switch {
		case last != (b.ToFen == 0) || !last && b.ToFen <= below || b.ToFen > MaxBase:
			return refuse("各档上限须逐档升高，最后一档不设上限")
		case (b.RateBP > 0) == (b.AmountFen > 0) || b.RateBP < 0 || b.RateBP > 10_000 || b.AmountFen < 0:
			return refuse("每档须填写比例（万分比 1 至 10000）或固定金额，二者选一")
		case b.MaxFen != 0 && (b.AmountFen == 0 || b.MaxFen < b.AmountFen):
			return refuse("可选的最高金额须不低于固定金额")
		case max(b.AmountFen, b.MaxFen) > s.CapFen:
			return refuse("固定金额不能超过每月上限")
		}
		below = b.ToFen
	}
	text, err := json.Marshal(brackets)
	s.Brackets = string(text)
	return err
}

// Quote is an amount with why it is that.
type Quote struct {
	Standard Standard
	Bracket  Bracket
	Base     Fen // 0 when the amount does not depend on one
	Rounding Rounding
	Amount   Fen
	Capped   bool
}

// NeedsBase reports whether the amount depends on the income.
func (s Standard) NeedsBase() bool {
	b, err := s.ParseBrackets()
	return err == nil && (len(b) > 1 || len(b) == 1 && b[0].RateBP > 0)
}

// Quote computes the dues of a month: the rate of the bracket on the whole base (中组发〔2008〕3号 speaks of the income,
// not of its parts), rounded, then capped. The rounding of the organisation holds unless the standard has its own.
func (s Standard) Quote(base Fen, rounding Rounding) (Quote, error) {
	brackets, err := s.ParseBrackets()
	if err != nil {
		return Quote{}, fmt.Errorf("standard %d: %w", s.ID, err)
	}
	if s.Rounding != "" {
		rounding = s.Rounding
	}
	q := Quote{Standard: s, Rounding: rounding}
	if !s.NeedsBase() {
		q.Bracket, q.Amount = brackets[0], brackets[0].AmountFen
		return q, nil
	}
	i := slices.IndexFunc(brackets, func(b Bracket) bool { return base <= b.ToFen || b.ToFen == 0 })
	q.Base, q.Bracket = base, brackets[i]
	q.Amount = q.Bracket.AmountFen
	if q.Bracket.RateBP > 0 {
		q.Amount = rounding.round(int64(base) * int64(q.Bracket.RateBP))
	}
	if q.Amount > s.CapFen {
		q.Amount, q.Capped = s.CapFen, true
	}
	return q, nil
}

// Explain is the sum as a member reads it.
func (q Quote) Explain() string {
	var b strings.Builder
	switch {
	case q.Bracket.RateBP > 0:
		fmt.Fprintf(&b, "计算基数%s元 × %s", q.Base, RateText(q.Bracket.RateBP))
		if exact := int64(q.Base) * int64(q.Bracket.RateBP); exact%10_000 != 0 || q.Rounding != RoundFen {
			fmt.Fprintf(&b, "，%s", roundingNames[q.Rounding])
		}
		if q.Capped {
			fmt.Fprintf(&b, "，超过每月上限%s元，按上限计", q.Standard.CapFen)
		}
	case q.Bracket.MaxFen > 0:
		fmt.Fprintf(&b, "每月固定%s元，可自愿交到%s元", q.Bracket.AmountFen, q.Bracket.MaxFen)
		return b.String()
	default:
		b.WriteString("每月固定金额")
	}
	fmt.Fprintf(&b, "：每月%s元", q.Amount)
	return b.String()
}

// RateText is a rate of basis points as a person writes it: 1.5%.
func RateText(bp int) string {
	text := fmt.Sprintf("%d.%02d", bp/100, bp%100)
	return strings.TrimSuffix(strings.TrimRight(text, "0"), ".") + "%"
}

// FindStandard returns the standard in force for the month: of the unit or the nearest one above that has set one by
// then, else the national one; among them the latest. ok is false when there is none.
func FindStandard(tx *gorm.DB, path string, track Track, category DuesCategory, month Month) (s Standard, ok bool, err error) {
	var rows []Standard
	err = tx.Where("unit_id IN ? AND track = ? AND category = ? AND effective_month <= ?",
		append(PathIDs(path), 0), track, category, month).Find(&rows).Error
	for _, n := range nationalStandards {
		if n.Track == track && n.Category == category && n.EffectiveMonth <= month {
			rows = append(rows, n)
		}
	}
	line := PathIDs(path)
	rank := func(s Standard) int { return slices.Index(line, s.UnitID) } // -1: everybody's
	for _, r := range rows {
		if !ok || rank(r) > rank(s) || rank(r) == rank(s) && r.EffectiveMonth > s.EffectiveMonth {
			s, ok = r, true
		}
	}
	return s, ok, err
}
