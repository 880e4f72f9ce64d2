package signin

import (
	"context"
	"maps"
	"slices"
	"strconv"

	"gorm.io/gorm"

	"zhibu/model"
)

// PersonalData is everything that is held about a member, with phone and id number in full. Openids are left out:
// they are WeChat's word for the person, of no use to anybody else.
type PersonalData struct {
	Member      model.Member
	Phone       string
	IDNumber    string
	Memberships []model.Membership
	Posts       []model.Post
	Transfers   []model.Transfer
	Bindings    []model.Binding // without openid
	CheckIns    []model.CheckIn
	Leaves      []model.Leave
	Completions []model.Completion
	Exemptions  []model.Exemption
	Frozen      []FrozenEntry
	Feedback    []model.Feedback
	Dues        PersonalDues
	Push        PersonalPush
	Periods     map[int64]model.StudyPeriod // those named in the rows above, without their quiz
	Units       map[int64]model.Unit        // likewise
}

// FrozenEntry is what a frozen version of a study period keeps about the member, whatever is changed later.
type FrozenEntry struct {
	model.PeriodEntry
	PeriodID int64
	Number   int
	FrozenAt model.Instant
}

// MyData returns what is held about the actor (Personal Information Protection Law, Art. 45).
func (s *Service) MyData(ctx context.Context, actor model.Actor) (PersonalData, error) {
	var d PersonalData
	if actor.MemberID == 0 {
		return d, model.ErrNotFound
	}
	db := s.db.Read(ctx)
	if err := db.Take(&d.Member, actor.MemberID).Error; err != nil {
		return d, err
	}
	var err error
	if d.Phone, err = s.keys.Open(model.PhoneColumn, d.Member.PhoneSealed); err != nil {
		return d, err
	}
	if d.IDNumber, err = s.keys.Open(model.IDNumberColumn, d.Member.IDSealed); err != nil {
		return d, err
	}
	for _, t := range []struct {
		rows  any
		order string
	}{
		{&d.Memberships, "started_on, id"}, {&d.Posts, "started_on, id"}, {&d.Transfers, "effective_on, id"},
		{&d.Bindings, "bound_at, id"}, {&d.CheckIns, "checked_in_at, id"}, {&d.Leaves, "requested_at, id"},
		{&d.Completions, "completed_at, id"}, {&d.Exemptions, "approved_at, id"}, {&d.Feedback, "created_at, id"},
	} {
		if err := db.Where("member_id = ?", actor.MemberID).Order(t.order).Find(t.rows).Error; err != nil {
			return d, err
		}
	}
	for i := range d.Bindings {
		d.Bindings[i].OpenID = ""
	}
	if err := d.loadPeriods(db); err != nil {
		return d, err
	}
	if d.Dues, err = s.myDues(db, actor.MemberID); err != nil {
		return d, err
	}
	if d.Push, err = myPush(db, actor.MemberID); err != nil {
		return d, err
	}
	d.Units = map[int64]model.Unit{}
	return d, loadUnits(db, d.unitIDs(), d.Units)
}

// loadPeriods reads what the frozen versions keep, and the periods that are named. The entries have no index by member,
// which would slow the freezing: each version costs one look-up. CROSS keeps SQLite from going through the entries.
func (d *PersonalData) loadPeriods(db *gorm.DB) error {
	err := db.Table("period_versions").
		Select("period_entries.*, period_versions.period_id, period_versions.number, period_versions.frozen_at").
		Joins(`CROSS JOIN period_entries ON period_entries.version_id = period_versions.id
			AND period_entries.member_id = ?`, d.Member.ID).
		Order("period_versions.frozen_at, period_versions.id").Find(&d.Frozen).Error
	if err != nil {
		return err
	}
	d.Periods = map[int64]model.StudyPeriod{}
	for _, e := range d.Frozen {
		d.Periods[e.PeriodID] = model.StudyPeriod{}
	}
	for _, c := range d.Completions {
		d.Periods[c.PeriodID] = model.StudyPeriod{}
	}
	for _, e := range d.Exemptions {
		d.Periods[e.PeriodID] = model.StudyPeriod{}
	}
	for ids := range slices.Chunk(slices.Collect(maps.Keys(d.Periods)), 500) {
		var periods []model.StudyPeriod
		if err := db.Omit("quiz").Where("id IN ?", ids).Find(&periods).Error; err != nil {
			return err
		}
		for _, p := range periods {
			d.Periods[p.ID] = p
		}
	}
	return nil
}

func (d PersonalData) unitIDs() []int64 {
	var ids []int64
	for _, m := range d.Memberships {
		ids = append(ids, m.UnitID)
	}
	for _, p := range d.Posts {
		ids = append(ids, p.UnitID)
	}
	for _, t := range d.Transfers {
		ids = append(ids, t.FromUnitID)
		if t.ToUnitID != nil {
			ids = append(ids, *t.ToUnitID)
		}
	}
	for _, e := range d.Frozen {
		ids = append(ids, e.UnitID)
	}
	ids = append(ids, d.Dues.unitIDs()...)
	slices.Sort(ids)
	return slices.Compact(ids)
}

// Erasure is what became of a request to be forgotten.
type Erasure string

// The states of an Erasure.
const (
	Erased           Erasure = "erased"
	ErasureRequested Erasure = "requested"
)

// ErasedName is what a member is called once the personal fields are gone.
const ErasedName = "（已注销）"

// ErasedText stands where the member, or somebody about him, had written something.
const ErasedText = "（已应本人要求清除）"

// erasureKind marks a request among the feedback.
const erasureKind = "erasure"

// Erase blanks the actor's personal fields and openids, his consents to be sent messages, his own feedback, the free texts about his attendance, study and
// dues and the kept base of his dues, unbinds, and ends all sessions. Memberships, attendance, completions, frozen
// versions, the books on dues and the audit stay, for a member without a name: the audit names nobody itself (DOMAIN.md
// §19.4). Who is still on a roster or in office cannot
// be forgotten, because the organisation must keep its roster: then the request is put before the officers as feedback,
// once, and the member asks again when they have ended the membership.
func (s *Service) Erase(ctx context.Context, actor model.Actor) (Erasure, error) {
	if actor.MemberID == 0 {
		return "", model.ErrNotFound
	}
	now := model.At(s.now())
	var outcome Erasure
	err := s.db.Write(ctx, func(tx *gorm.DB) error {
		if err := lockMember(tx, actor.MemberID); err != nil {
			return err
		}
		engaged, err := isEngaged(tx, actor.MemberID, now)
		if err != nil {
			return err
		}
		if outcome = Erased; engaged {
			outcome = ErasureRequested
			return requestErasure(tx, actor, now)
		}
		return erase(tx, actor, now)
	})
	return outcome, err
}

// isEngaged reports whether a membership or a post of the member lasts today or is to begin.
func isEngaged(tx *gorm.DB, memberID int64, now model.Instant) (bool, error) {
	var memberships, posts int64
	err := tx.Model(&model.Membership{}).Where("member_id = ? AND ended_on > ?", memberID, now.Date()).Count(&memberships).Error
	if err != nil {
		return false, err
	}
	err = tx.Model(&model.Post{}).Where("member_id = ? AND ended_on > ?", memberID, now.Date()).Count(&posts).Error
	return memberships+posts > 0, err
}

func requestErasure(tx *gorm.DB, actor model.Actor, now model.Instant) error {
	var open int64
	err := tx.Model(&model.Feedback{}).Where("member_id = ? AND kind = ? AND replied_at = 0", actor.MemberID, erasureKind).
		Count(&open).Error
	if err != nil || open > 0 {
		return err
	}
	row := model.Feedback{
		ID: model.NewID(), MemberID: &actor.MemberID, Kind: erasureKind, CreatedAt: now,
		Body: "本人申请注销并删除个人信息。请先办理组织关系转出或减员、免去职务，再请本人重新提交申请。",
	}
	if err := tx.Create(&row).Error; err != nil {
		return err
	}
	unit, err := unitOf(tx, actor.MemberID, now)
	if err != nil {
		return err
	}
	return model.Audit(tx, actor, now, model.Deed{Action: "member.erasure_request", Unit: unit, SubjectID: actor.MemberID})
}

func erase(tx *gorm.DB, actor model.Actor, now model.Instant) error {
	err := tx.Model(&model.Member{}).Where("id = ?", actor.MemberID).Updates(map[string]any{
		"name": ErasedName, "name_key": model.NameKey(ErasedName), "name_sort": "", "gender": "", "ethnicity": "",
		"birth_date": "", "education": "", "job_title": "", "phone_sealed": "", "phone_hash": nil,
		"id_number_sealed": "", "id_number_hash": nil, "note": "", "erased_at": now,
	}).Error
	if err != nil {
		return err
	}
	if err := model.MarkMembers(tx, actor.MemberID); err != nil { // the birth date is gone
		return err
	}
	if _, err := unbind(tx, actor, actor.MemberID, erasureKind, now); err != nil {
		return err
	}
	err = tx.Model(&model.Session{}).Where("member_id = ?", actor.MemberID).Update("openid", "").Error
	if err != nil {
		return err
	}
	if err := erasePush(tx, actor.MemberID); err != nil {
		return err
	}
	if err := eraseOpenIDs(tx, actor.MemberID); err != nil {
		return err
	}
	if err := eraseTexts(tx, actor.MemberID); err != nil {
		return err
	}
	if err := eraseDues(tx, actor.MemberID); err != nil {
		return err
	}
	return model.Audit(tx, actor, now, model.Deed{Action: "member.erase", SubjectID: actor.MemberID})
}

// eraseOpenIDs replaces the openids in a member's history by the row's own id, which keeps them apart.
func eraseOpenIDs(tx *gorm.DB, memberID int64) error {
	var ids []int64
	if err := tx.Model(&model.Binding{}).Where("member_id = ?", memberID).Pluck("id", &ids).Error; err != nil {
		return err
	}
	for _, id := range ids {
		err := tx.Model(&model.Binding{}).Where("id = ?", id).Update("openid", "erased:"+strconv.FormatInt(id, 10)).Error
		if err != nil {
			return err
		}
	}
	return nil
}

// eraseTexts blanks what a member wrote in free words, and what was written about his absence, attendance and study.
// That there was something to read stays visible.
func eraseTexts(tx *gorm.DB, memberID int64) error {
	for _, t := range []struct {
		row    any
		column string
	}{
		{&model.Leave{}, "note"}, {&model.CheckIn{}, "reason"}, {&model.Completion{}, "reason"}, {&model.Exemption{}, "note"},
		{&model.Feedback{}, "body"},
	} {
		err := tx.Model(t.row).Where("member_id = ? AND "+t.column+" <> ''", memberID).Update(t.column, ErasedText).Error
		if err != nil {
			return err
		}
	}
	return nil
}
