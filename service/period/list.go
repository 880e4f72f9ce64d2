package period

import (
	"context"

	"gorm.io/gorm"

	"zhibu/model"
)

// Filter chooses periods; zero values choose all.
type Filter struct {
	UnitID int64 // held by the unit or one below it
	Series string
	Year   int // opens in it
	State  model.PeriodState
	Mine   bool // only those in whose audience the actor is
	Limit  int
	Cursor string
}

// Item is a period with the actor's own record in it, if any.
type Item struct {
	model.Period
	Mine *Recorded
}

// List returns the periods the actor is shown, the latest opening first, and the cursor of the next page.
func (s *Service) List(ctx context.Context, actor model.Actor, f Filter) (page []Item, next string, err error) {
	tx := s.db.Read(ctx)
	q := tx.Model(&model.StudyPeriod{}).Select("study_periods.id, study_periods.opens_at").
		Joins("JOIN units ON units.id = study_periods.unit_id").Scopes(model.ShownPeriods(actor, f.Mine), inState(f.State, model.At(s.now())))
	if f.UnitID != 0 {
		unit, err := model.SeenUnit(tx, actor, f.UnitID)
		if err != nil {
			return nil, "", err
		}
		q = q.Scopes(model.Under(unit.Path))
	}
	if f.Series != "" {
		q = q.Where("study_periods.series = ?", model.CleanLine(f.Series))
	}
	if f.Year != 0 {
		q = q.Scopes(openingIn(f.Year))
	}
	found, next, err := model.FindPage(q, "study_periods.opens_at", "study_periods.id", f.Limit, f.Cursor, func(p model.StudyPeriod) model.Cursor {
		return model.Cursor{At: p.OpensAt, ID: p.ID}
	})
	if err != nil {
		return nil, "", err
	}
	page, err = load(tx, actor, found)
	return page, next, err
}

// openingIn keeps the periods that open in the year, in Asia/Shanghai.
func openingIn(year int) func(*gorm.DB) *gorm.DB {
	return func(tx *gorm.DB) *gorm.DB {
		return tx.Where("study_periods.opens_at >= ? AND study_periods.opens_at < ?", yearStart(year), yearStart(year+1))
	}
}

// load fills in what was found, in the same order.
func load(tx *gorm.DB, actor model.Actor, found []model.StudyPeriod) ([]Item, error) {
	items := make([]Item, len(found))
	if len(found) == 0 {
		return items, nil
	}
	ids := make([]int64, len(found))
	for i, p := range found {
		ids[i] = p.ID
	}
	periods, err := model.LoadPeriods(tx, ids)
	if err != nil {
		return nil, err
	}
	records, err := ownRecords(tx, actor, ids)
	if err != nil {
		return nil, err
	}
	for i, id := range ids {
		items[i] = itemOf(periods[id], records[id])
	}
	return items, nil
}

func ownRecords(tx *gorm.DB, actor model.Actor, periodIDs []int64) (map[int64]*model.Completion, error) {
	var rows []model.Completion
	err := tx.Where("member_id = ? AND period_id IN ?", actor.MemberID, periodIDs).Find(&rows).Error
	records := make(map[int64]*model.Completion, len(rows))
	for _, c := range rows {
		records[c.PeriodID] = &c
	}
	return records, err
}

func itemOf(p model.Period, c *model.Completion) Item {
	item := Item{Period: p}
	if c != nil {
		item.Mine = &Recorded{*c, c.CompletedAt >= p.Cutoff()}
	}
	return item
}

// Look returns a period the actor is shown.
func (s *Service) Look(ctx context.Context, actor model.Actor, id int64) (Item, error) {
	p, err := s.look(ctx, actor, id)
	if err != nil {
		return Item{}, err
	}
	records, err := ownRecords(s.db.Read(ctx), actor, []int64{id})
	return itemOf(p, records[id]), err
}

// inState is StudyPeriod.State as a query.
func inState(state model.PeriodState, now model.Instant) func(*gorm.DB) *gorm.DB {
	return func(tx *gorm.DB) *gorm.DB {
		switch state {
		case "":
			return tx
		case model.PeriodCancelled:
			return tx.Where("study_periods.cancelled_at <> 0")
		}
		tx = tx.Where("study_periods.cancelled_at = 0")
		const live, correcting = "study_periods.closed_at = 0", "study_periods.reopened_at >= study_periods.closes_at"
		switch state {
		case model.PeriodScheduled:
			return tx.Where(live+" AND study_periods.opens_at > ?", now)
		case model.PeriodOpen:
			return tx.Where(live+" AND study_periods.opens_at <= ? AND study_periods.closes_at > ?", now, now)
		case model.PeriodReopened:
			return tx.Where(live+" AND study_periods.closes_at <= ? AND "+correcting, now)
		}
		return tx.Where("(study_periods.closed_at <> 0 OR study_periods.closes_at <= ? AND NOT "+correcting+")", now)
	}
}

// maxTodo bounds the list of what a member has before him.
const maxTodo = 50

// Todo returns the open periods in which the actor is due and has no record, the next to close first.
func (s *Service) Todo(ctx context.Context, actor model.Actor) ([]Item, error) {
	todo := []Item{}
	if actor.MemberID == 0 {
		return todo, nil
	}
	tx := s.db.Read(ctx)
	now := model.At(s.now())
	var found []model.StudyPeriod
	err := tx.Scopes(model.ShownPeriods(actor, true), inState(model.PeriodOpen, now)).
		Where("NOT EXISTS (SELECT 1 FROM completions WHERE completions.period_id = study_periods.id AND completions.member_id = ?)", actor.MemberID).
		Order("study_periods.closes_at, study_periods.id").Limit(2 * maxTodo).Find(&found).Error
	if err != nil {
		return nil, err
	}
	periods, err := model.PeriodsOf(tx, found)
	if err != nil {
		return nil, err
	}
	for _, p := range found {
		l := newLedger(now)
		if err := l.open(tx, periods[p.ID], []int64{actor.MemberID}); err != nil {
			return nil, err
		}
		if len(l.due) > 0 {
			todo = append(todo, Item{Period: periods[p.ID]})
		}
		if len(todo) == maxTodo {
			break
		}
	}
	return todo, nil
}
