package dues

import (
	"context"
	"errors"
	"maps"
	"slices"
	"strconv"

	"gorm.io/gorm"

	"zhibu/model"
)

// Assess is what an officer fixes for a member: the base, from which the amount follows, or the amount itself.
type Assess struct {
	Track          model.Track
	Category       model.DuesCategory
	BaseFen        *model.Fen
	AmountFen      *model.Fen
	KeepLeague     bool // pays League dues though he is in the party
	EffectiveMonth model.Month
	Reason         string
}

// Assessed is an assessment with the base, where it is kept and the reader may know it.
type Assessed struct {
	model.Assessment
	BaseFen *model.Fen
	Quote   *model.Quote // how the amount came about, when it was computed just now
}

// Assess fixes what a member owes from a month on. Months that were billed and lie behind do not change (中组发〔2008〕3号,
// 组电明字〔2017〕5号: the amount is fixed for the year, another one holds from its month on); unpaid bills of this month and
// later ones are made anew. The approver is the officer himself, and never the member.
func (s *Service) Assess(ctx context.Context, actor model.Actor, memberID int64, a Assess) (out Assessed, err error) {
	now := model.At(s.now())
	if err := a.check(now); err != nil {
		return out, err
	}
	err = s.db.WriteAfterLook(ctx, func(tx *gorm.DB) error {
		unit, err := findPayer(tx, actor, memberID, a.Track, model.WriteDues, now.Date())
		if err != nil {
			return err
		}
		if actor.IsMember(memberID) {
			return model.ErrOwnRecord
		}
		billed, err := billedFrom(tx, memberID, a.Track, a.EffectiveMonth)
		if err != nil {
			return err
		}
		if len(billed) > 0 && billed[0] < model.MonthOf(now.Date()) {
			return ErrOldMonth
		}
		out = Assessed{Assessment: model.Assessment{
			ID: model.NewID(), MemberID: memberID, Track: a.Track, Category: a.Category, KeepLeague: a.KeepLeague,
			EffectiveMonth: a.EffectiveMonth, Reason: a.Reason, ApprovedBy: actor.Ref(), ApprovedAt: now,
		}}
		if err := s.value(tx, unit, a, &out); err != nil {
			return err
		}
		if err := replace(tx, out.Assessment); err != nil {
			return err
		}
		if err := billOne(tx, actor, memberID, billed, now, "重新核定"); err != nil {
			return err
		}
		return model.Audit(tx, actor, now, model.Deed{Action: "dues.assess", Unit: unit, SubjectID: memberID, After: map[string]any{
			"track": a.Track, "category": a.Category, "amount_fen": out.AmountFen, "standard_id": out.StandardID,
			"effective_month": a.EffectiveMonth, "assessment_id": out.ID, "keep_league": a.KeepLeague,
		}})
	})
	return out, err
}

func (a *Assess) check(now model.Instant) error {
	var f faults
	if a.Track != model.Party && a.Track != model.League {
		f.add("track", "invalid_value", "须为 party 或 league")
	}
	if a.Category.Name() == "" {
		f.add("category", "invalid_value", "没有这种类别")
	}
	if a.BaseFen != nil {
		f.amount("base_fen", *a.BaseFen, 1)
	}
	if a.AmountFen != nil {
		f.amount("amount_fen", *a.AmountFen, 1)
	}
	f.month("effective_month", a.EffectiveMonth)
	f.text("reason", &a.Reason, false, maxReason)
	if len(f) == 0 && a.EffectiveMonth > model.MonthOf(now.Date()).Add(maxAheadMonths) {
		f.add("effective_month", "invalid_month", "最多提前 12 个月核定")
	}
	if len(f) == 0 && a.EffectiveMonth < model.MonthOf(now.Date()).Add(-maxMonths) {
		f.add("effective_month", "invalid_month", "最多从 24 个月前起核定")
	}
	return f.err()
}

// value computes the amount, or checks the one that was given against the standard.
func (s *Service) value(tx *gorm.DB, unit model.Unit, a Assess, out *Assessed) error {
	standard, ok, err := model.FindStandard(tx, unit.Path, a.Track, a.Category, a.EffectiveMonth)
	switch {
	case err != nil:
		return err
	case !ok:
		return ErrNoStandard
	case a.AmountFen != nil && *a.AmountFen > standard.CapFen:
		return model.InvalidField("amount_fen", "too_much", "超过每月上限"+standard.CapFen.String()+"元，多交的部分请按自愿多交登记")
	case a.BaseFen == nil && a.AmountFen != nil && standard.NeedsBase():
		out.AmountFen = *a.AmountFen
		return nil
	}
	question := Question{Track: a.Track, Category: a.Category, Month: a.EffectiveMonth}
	if a.BaseFen != nil {
		question.BaseFen = *a.BaseFen
	}
	q, err := quote(tx, unit, question)
	if err != nil {
		return err
	}
	out.AmountFen, out.StandardID, out.RateBP, out.Quote = q.Amount, &standard.ID, q.Bracket.RateBP, &q
	if a.AmountFen != nil {
		if most := max(q.Amount, q.Bracket.MaxFen); *a.AmountFen < q.Amount || *a.AmountFen > most {
			return model.InvalidField("amount_fen", "differs", "与标准计算的金额"+q.Amount.String()+"元不一致")
		}
		out.AmountFen = *a.AmountFen
	}
	if out.AmountFen == 0 {
		return model.InvalidField("base_fen", "too_small", "按这个基数算出的金额不足一分，请核对")
	}
	return s.keepBase(tx, unit, a, out)
}

// keepBase seals the base where the organisation wants it kept: it is salary data.
func (s *Service) keepBase(tx *gorm.DB, unit model.Unit, a Assess, out *Assessed) error {
	settings, err := model.LoadSettings(tx, unit, model.At(s.now()).Date())
	if err != nil || a.BaseFen == nil || !settings.Bool(model.SettingStoreBase) {
		return err
	}
	out.BaseFen = a.BaseFen
	out.BaseSealed = s.keys.Seal(model.BaseColumn, strconv.FormatInt(int64(*a.BaseFen), 10))
	return nil
}

// replace writes the assessment in the place of one that began the same month.
func replace(tx *gorm.DB, a model.Assessment) error {
	err := tx.Model(&model.Assessment{}).
		Where("member_id = ? AND track = ? AND effective_month = ? AND replaced_id = 0", a.MemberID, a.Track, a.EffectiveMonth).
		Update("replaced_id", gorm.Expr("id")).Error
	if err != nil {
		return err
	}
	return tx.Create(&a).Error
}

// billedFrom are the months from the one on for which the member has a bill that stands, in order.
func billedFrom(tx *gorm.DB, memberID int64, track model.Track, month model.Month) (months []model.Month, err error) {
	err = tx.Model(&model.Bill{}).Where("member_id = ? AND track = ? AND voided_id = 0 AND month >= ?", memberID, track, month).
		Order("month").Pluck("month", &months).Error
	return months, err
}

// findPayer returns the branch of a membership of the member on the track that lasts or is to begin, else of the last one,
// when the actor may do p there. A member he does not see is ErrNotFound.
func findPayer(tx *gorm.DB, actor model.Actor, memberID int64, track model.Track, p model.Permission, today model.Date) (model.Unit, error) {
	var places []struct {
		model.Unit
		EndedOn model.Date
	}
	err := tx.Table("units").Joins("JOIN memberships ON memberships.unit_id = units.id").Select("units.*, memberships.ended_on").
		Where("memberships.member_id = ?", memberID).Scopes(model.OfTrack(track)).
		Order("memberships.ended_on DESC, memberships.started_on DESC, memberships.id").Find(&places).Error
	if err != nil {
		return model.Unit{}, err
	}
	seen := false
	for i, at := range places {
		if i > 0 && at.EndedOn <= today {
			break // a branch that was left has no say any more
		}
		if actor.May(p, at.Path) {
			return loadUnit(tx, lastID(at.Branch()))
		}
		seen = seen || actor.Reaches(at.Path) || actor.Belongs(at.Unit)
	}
	if seen || actor.IsMember(memberID) {
		return model.Unit{}, model.ErrForbidden
	}
	return model.Unit{}, model.ErrNotFound
}

// Assessments returns what was fixed for a member, the latest month first: to himself, and to the officers of his unit. The
// base, where it is kept, is for himself and for those who write the dues.
func (s *Service) Assessments(ctx context.Context, actor model.Actor, memberID int64, track model.Track) ([]Assessed, error) {
	db := s.db.Read(ctx)
	readable, err := tracksRead(db, actor, memberID, track, s.today())
	if err != nil {
		return nil, err
	}
	var rows []model.Assessment
	if err := db.Where("member_id = ? AND track IN ?", memberID, slices.Collect(maps.Keys(readable))).Order("effective_month DESC, approved_at DESC, id DESC").Limit(200).Find(&rows).Error; err != nil {
		return nil, err
	}
	out := make([]Assessed, len(rows))
	for i, r := range rows {
		out[i] = Assessed{Assessment: r}
		if readable[r.Track] && r.BaseSealed != "" {
			base, err := s.base(r)
			if err != nil {
				return nil, err
			}
			out[i].BaseFen = &base
		}
	}
	return out, nil
}

// tracksRead returns the tracks (all, or the one named) of which the actor may read what a member owes: his own, and those of
// the units whose dues he reads; true where he also writes them.
func tracksRead(tx *gorm.DB, actor model.Actor, memberID int64, only model.Track, today model.Date) (map[model.Track]bool, error) {
	readable := map[model.Track]bool{}
	var refusal error = model.ErrNotFound
	for _, track := range []model.Track{model.Party, model.League} {
		if only != "" && only != track {
			continue
		}
		if actor.IsMember(memberID) {
			readable[track] = true
			continue
		}
		u, err := findPayer(tx, actor, memberID, track, model.ReadDues, today)
		switch {
		case err == nil:
			readable[track] = actor.May(model.WriteDues, u.Path)
		case model.AsError(err) == nil:
			return nil, err
		case !errors.Is(err, model.ErrNotFound):
			refusal = err
		}
	}
	if len(readable) == 0 {
		return nil, refusal
	}
	return readable, nil
}

func (s *Service) base(a model.Assessment) (model.Fen, error) {
	text, err := s.keys.Open(model.BaseColumn, a.BaseSealed)
	if err != nil {
		return 0, err
	}
	fen, err := strconv.ParseInt(text, 10, 64)
	return model.Fen(fen), err
}
