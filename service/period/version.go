package period

import (
	"context"
	"encoding/hex"
	"strconv"

	"gorm.io/gorm"

	"zhibu/model"
)

// Versions returns the frozen versions of a period, the newest first.
func (s *Service) Versions(ctx context.Context, actor model.Actor, id int64) ([]model.PeriodVersion, error) {
	p, err := s.find(ctx, actor, id, model.ReadRoster)
	if err != nil {
		return nil, err
	}
	versions := []model.PeriodVersion{}
	err = s.db.Read(ctx).Where("period_id = ?", p.ID).Order("number DESC").Find(&versions).Error
	return versions, err
}

// Verification is a version with its hash computed anew from its entries.
type Verification struct {
	model.PeriodVersion
	Intact bool
}

// Verify reads every entry of a version and says whether they still have the hash they had when they were frozen.
func (s *Service) Verify(ctx context.Context, actor model.Actor, id int64, number int) (v Verification, err error) {
	if _, err := s.find(ctx, actor, id, model.ReadRoster); err != nil {
		return v, err
	}
	tx := s.db.Read(ctx)
	if v.PeriodVersion, err = versionOf(tx, id, number); err != nil {
		return v, err
	}
	sum, _, err := readEntries(tx, v.PeriodVersion)
	v.Intact = hex.EncodeToString(sum) == v.Hash
	return v, err
}

func versionOf(tx *gorm.DB, periodID int64, number int) (model.PeriodVersion, error) {
	var found []model.PeriodVersion
	if err := tx.Where("period_id = ? AND number = ?", periodID, number).Find(&found).Error; err != nil {
		return model.PeriodVersion{}, err
	}
	if len(found) == 0 {
		return model.PeriodVersion{}, ErrNoVersion
	}
	return found[0], nil
}

// Difference is one member whose entry differs between two versions; the side on which he was not due is nil.
type Difference struct {
	MemberID int64  // 0 for who is not shown the names, see viewer
	Name     string // empty likewise
	Before   *model.PeriodEntry
	After    *model.PeriodEntry
}

// Changes returns a page of what a version changed against the one before it (更正), record by record, inside the actor's
// units.
func (s *Service) Changes(ctx context.Context, actor model.Actor, id int64, number, limit int, cursor string) (page []Difference, next string, err error) {
	p, err := s.look(ctx, actor, id)
	if err != nil {
		return nil, "", err
	}
	paths := actor.Paths(model.ReadRoster)
	if len(paths) == 0 {
		return nil, "", model.ErrForbidden
	}
	after, err := memberAfter(cursor)
	if err != nil {
		return nil, "", err
	}
	tx := s.db.Read(ctx)
	is, err := versionOf(tx, id, number)
	if err != nil {
		return nil, "", err
	}
	page = []Difference{}
	if number == 1 {
		return page, "", nil
	}
	was, err := versionOf(tx, id, number-1)
	if err != nil {
		return nil, "", err
	}
	memberIDs, err := differing(tx, paths, was.ID, is.ID, after, limit+1)
	if err != nil || len(memberIDs) == 0 {
		return page, "", err
	}
	if len(memberIDs) > limit {
		memberIDs = memberIDs[:limit]
		next = strconv.FormatInt(memberIDs[limit-1], 10)
	}
	v := s.viewer(actor)
	if page, err = differences(tx, v, was.ID, is.ID, memberIDs); err != nil {
		return nil, "", err
	}
	return page, next, s.logLook(ctx, v, p, "period_changes", p.UnitID)
}

func memberAfter(cursor string) (int64, error) {
	if cursor == "" {
		return 0, nil
	}
	id, err := strconv.ParseInt(cursor, 10, 64)
	if err != nil || id < 0 || strconv.FormatInt(id, 10) != cursor {
		return 0, model.InvalidField("cursor", "invalid_value", "翻页标记有误，请从第一页重新开始")
	}
	return id, nil
}

// differing returns members inside the units whose entries are not the same in both versions, in order.
func differing(tx *gorm.DB, paths []string, was, is, after int64, limit int) (memberIDs []int64, err error) {
	const half = `SELECT a.member_id AS member_id FROM period_entries a LEFT JOIN period_entries b
		ON b.version_id = ? AND b.member_id = a.member_id
		WHERE a.version_id = ? AND a.member_id > ? AND (b.member_id IS NULL OR a.unit_id <> b.unit_id
			OR a.outcome <> b.outcome OR a.source <> b.source OR a.completed_at <> b.completed_at) AND a.unit_id IN (?)`
	units := tx.Session(&gorm.Session{NewDB: true}).Model(&model.Unit{}).Select("units.id").Scopes(model.Under(paths...))
	err = tx.Raw(half+" UNION "+half+" ORDER BY member_id LIMIT ?", was, is, after, units, is, was, after, units, limit).
		Scan(&memberIDs).Error
	return memberIDs, err
}

func differences(tx *gorm.DB, v *viewer, was, is int64, memberIDs []int64) ([]Difference, error) {
	var entries []struct {
		model.PeriodEntry
		Name string
		Path string
		Kind model.UnitKind
	}
	err := tx.Model(&model.PeriodEntry{}).Select("period_entries.*, members.name, units.path, units.kind").
		Joins("JOIN members ON members.id = period_entries.member_id").Joins("JOIN units ON units.id = period_entries.unit_id").
		Where("version_id IN ? AND member_id IN ?", []int64{was, is}, memberIDs).Find(&entries).Error
	if err != nil {
		return nil, err
	}
	at := make(map[int64]int, len(memberIDs))
	page := make([]Difference, len(memberIDs))
	for i, id := range memberIDs {
		at[id] = i
	}
	hidden := map[int64]bool{}
	for _, e := range entries {
		d := &page[at[e.MemberID]]
		d.MemberID, d.Name = e.MemberID, e.Name
		if !v.sees(e.UnitID, e.Path, e.Kind, 1) {
			hidden[e.MemberID] = true // who was moved is named only to who sees both sides
		}
		if e.VersionID == was {
			d.Before = &e.PeriodEntry
		} else {
			d.After = &e.PeriodEntry
		}
	}
	for memberID := range hidden {
		page[at[memberID]].MemberID, page[at[memberID]].Name = 0, ""
	}
	return page, nil
}
