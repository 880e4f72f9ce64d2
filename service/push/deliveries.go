package push

import (
	"context"
	"encoding/base64"
	"encoding/json"
	"slices"
	"strings"

	"gorm.io/gorm"

	"zhibu/model"
)

// DeliveryFilter chooses deliveries; zero values choose all.
type DeliveryFilter struct {
	UnitID int64               // of members of the unit or one below it
	State  model.DeliveryState // queued stands for those under way, too
	Read   *bool
	Limit  int
	Cursor string
}

// Recipient is a delivery with the member it is to. Name is empty where it is not shown, see Deliveries.
type Recipient struct {
	model.Delivery
	Name     string
	NameSort string
	UnitName string
	UnitPath string
	UnitKind model.UnitKind
}

// DeliveryCounts are how many deliveries are in each state, and how many were read.
type DeliveryCounts struct {
	ByState map[model.DeliveryState]int64
	Read    int64
	Total   int64
}

// Deliveries returns who got an announcement, as far as they are in the actor's units: how many in each state, and a page of
// them in the order of their names. A reminder of what somebody has not done names those behind, so above the branch its
// names need the operator's switch, and each such look is in the audit.
func (s *Service) Deliveries(ctx context.Context, actor model.Actor, id int64, f DeliveryFilter) (c DeliveryCounts, page []Recipient, next string, err error) {
	tx := s.db.Read(ctx)
	a, err := s.seen(tx, actor, id)
	if err != nil {
		return c, nil, "", err
	}
	q := tx.Table("deliveries").Joins("JOIN units ON units.id = deliveries.unit_id").
		Where("deliveries.announcement_id = ?", id).Scopes(model.Within(actor, model.Announce))
	if f.UnitID != 0 {
		unit, err := model.SeenUnit(tx, actor, f.UnitID)
		if err != nil {
			return c, nil, "", err
		}
		q = q.Scopes(model.Under(unit.Path))
	}
	q = q.Session(&gorm.Session{})
	if c, err = countDeliveries(q); err != nil {
		return c, nil, "", err
	}
	page, next, err = findRecipients(q.Scopes(f.scope), f.Limit, f.Cursor)
	if err != nil {
		return c, nil, "", err
	}
	return c, page, next, s.hideNames(ctx, actor, a, page)
}

func countDeliveries(q *gorm.DB) (c DeliveryCounts, err error) {
	var rows []struct {
		State model.DeliveryState
		Many  int64
		Seen  int64
	}
	err = q.Select("deliveries.state, COUNT(*) AS many, SUM(CASE WHEN deliveries.read_at <> 0 THEN 1 ELSE 0 END) AS seen").
		Group("deliveries.state").Find(&rows).Error
	c.ByState = map[model.DeliveryState]int64{}
	for _, r := range rows {
		c.ByState[r.State] += r.Many
		c.Total += r.Many
		c.Read += r.Seen
	}
	return c, err
}

func (f DeliveryFilter) scope(tx *gorm.DB) *gorm.DB {
	switch f.State {
	case "":
	default:
		tx = tx.Where("deliveries.state = ?", f.State)
	}
	if f.Read != nil && *f.Read {
		tx = tx.Where("deliveries.read_at <> 0")
	} else if f.Read != nil {
		tx = tx.Where("deliveries.read_at = 0")
	}
	return tx
}

// nameCursor is where a page in the order of names ends.
type nameCursor struct {
	Name string `json:"n"`
	ID   int64  `json:"i"`
}

func findRecipients(q *gorm.DB, limit int, cursor string) (page []Recipient, next string, err error) {
	q = q.Joins("JOIN members ON members.id = deliveries.member_id").
		Select("deliveries.*, members.name, members.name_sort, units.name AS unit_name, units.path AS unit_path, units.kind AS unit_kind")
	if cursor != "" {
		var after nameCursor
		raw, err := base64.RawURLEncoding.DecodeString(cursor)
		if err != nil || json.Unmarshal(raw, &after) != nil || after.ID == 0 {
			return nil, "", model.InvalidField("cursor", "invalid_value", "翻页标记有误，请从第一页重新开始")
		}
		q = q.Where("(members.name_sort > ? OR members.name_sort = ? AND members.id > ?)", after.Name, after.Name, after.ID)
	}
	page = []Recipient{}
	if err := q.Order("members.name_sort, members.id").Limit(limit + 1).Find(&page).Error; err != nil {
		return nil, "", err
	}
	if len(page) > limit {
		page = page[:limit]
		raw, err := json.Marshal(nameCursor{page[limit-1].NameSort, page[limit-1].MemberID})
		if err != nil {
			return nil, "", err
		}
		next = base64.RawURLEncoding.EncodeToString(raw)
	}
	return page, next, nil
}

// behindRules are the rules whose recipients are those who have not done something.
var behindRules = []model.Rule{
	model.RulePeriodOpen, model.RulePeriodHalfWay, model.RulePeriodLastDay, model.RulePeriodNudge, model.RuleDuesDay,
}

// hideNames takes the names off the page that the actor is not shown.
func (s *Service) hideNames(ctx context.Context, actor model.Actor, a Announcement, page []Recipient) error {
	if !slices.Contains(behindRules, a.Rule) {
		return nil
	}
	fromAbove := 0
	for i := range page {
		switch r := &page[i]; {
		case ownOfficer(actor, *r):
		case s.config.NamesDrilldown:
			fromAbove++
		default:
			r.Name = ""
		}
	}
	if fromAbove == 0 {
		return nil
	}
	return s.db.Write(ctx, func(tx *gorm.DB) error {
		return model.Audit(tx, actor, s.at(), model.Deed{
			Action: "deliveries.read", Unit: a.Unit, SubjectID: a.ID, After: map[string]any{"names": fromAbove},
		})
	})
}

// ownOfficer reports whether the actor is an officer of the very branch of the member, or inside it.
func ownOfficer(actor model.Actor, r Recipient) bool {
	branch := model.Unit{Kind: r.UnitKind, Path: r.UnitPath, ParentID: new(int64)}.Branch()
	return r.UnitKind.IsBranch() && slices.ContainsFunc(actor.Grants, func(g model.Grant) bool {
		return strings.HasPrefix(g.Path, branch) && g.Title.Allows(model.Announce) && strings.HasPrefix(r.UnitPath, g.Path)
	})
}
