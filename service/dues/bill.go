package dues

import (
	"context"
	"slices"
	"strings"

	"gorm.io/gorm"

	"zhibu/model"
)

// Billing counts what a run over the roster made of a month.
type Billing struct {
	Created    int
	Existing   int
	Unassessed int // due and nobody knows how much
}

// pageSize is how many memberships a transaction of a run takes.
const pageSize = 1000

// Bill makes the bills of a month for everybody due in the unit and below it, as often as it is asked: what is there
// already stays. A member owes to the branch whose roster he is on at the dues day (党费日), unless the letter of a transfer
// says up to which month he has paid at the old one. A dues day on which people do not work is the next one on which they do.
func (s *Service) Bill(ctx context.Context, actor model.Actor, unitID int64, month model.Month) (b Billing, err error) {
	var f faults
	f.month("month", month)
	if err := f.err(); err != nil {
		return b, err
	}
	if month > model.MonthOf(s.today()).Add(maxAheadMonths) {
		return b, model.InvalidField("month", "invalid_month", "最多提前 12 个月")
	}
	unit, err := findBooks(s.db.Read(ctx), actor, unitID, model.WriteDues)
	if err != nil {
		return b, err
	}
	if b, err = s.bill(ctx, actor, unit.Path, month, ""); err != nil || b.Created == 0 {
		return b, err
	}
	return b, s.recordRun(ctx, actor, unit, month, b)
}

// BillDue makes the bills of this month wherever the dues day has come, and those of the month before, for a server that
// was off. It is a chore; every instance may do it.
func (s *Service) BillDue(ctx context.Context) error {
	today := s.today()
	for _, month := range []model.Month{model.MonthOf(today).Add(-1), model.MonthOf(today)} {
		b, err := s.bill(ctx, model.Actor{}, "/", month, today)
		if err != nil {
			return err
		}
		if b.Created == 0 {
			continue
		}
		if err := s.recordRun(ctx, model.Actor{}, model.Unit{}, month, b); err != nil {
			return err
		}
	}
	return nil
}

func (s *Service) recordRun(ctx context.Context, actor model.Actor, unit model.Unit, month model.Month, b Billing) error {
	now := model.At(s.now())
	return s.db.Write(ctx, func(tx *gorm.DB) error {
		return model.Audit(tx, actor, now, model.Deed{Action: "dues_bills.make", Unit: unit, SubjectID: unit.ID, After: map[string]any{
			"month": month, "created": b.Created, "existing": b.Existing, "unassessed": b.Unassessed,
		}})
	})
}

// bill runs over the roster of the path, a page at a time. With until it leaves out units whose dues day is later.
func (s *Service) bill(ctx context.Context, actor model.Actor, path string, month model.Month, until model.Date) (sum Billing, err error) {
	db := s.db.Read(ctx)
	calendar, err := model.LoadCalendar(db)
	if err != nil {
		return sum, err
	}
	places, err := loadPlaces(db, calendar, month)
	if err != nil {
		return sum, err
	}
	few := places.unitsOf(path)
	for _, day := range places.days {
		if until != "" && day > until {
			continue
		}
		run := biller{places: places, path: path, few: few, month: month, day: day, actor: actor, now: model.At(s.now())}
		for after := int64(0); ; {
			var page Billing
			next := after
			err := s.db.WriteAfterLook(ctx, func(tx *gorm.DB) error {
				page, next, err = run.page(tx, after)
				return err
			})
			if err != nil {
				return sum, err
			}
			sum.Created += page.Created
			sum.Existing += page.Existing
			sum.Unassessed += page.Unassessed
			if next == 0 {
				break
			}
			after = next
		}
	}
	return sum, nil
}

// places are the units with the dues day of each in the month.
type places struct {
	units map[int64]model.Unit
	dueOn map[int64]model.Date
	days  []model.Date // the dues days there are, each once, in order
}

func loadPlaces(tx *gorm.DB, calendar model.Calendar, month model.Month) (places, error) {
	units, err := unitsUnder(tx, "/")
	if err != nil {
		return places{}, err
	}
	var rows []model.Setting
	if err := tx.Where("name = ?", model.SettingDuesDay).Find(&rows).Error; err != nil {
		return places{}, err
	}
	p := places{units: units, dueOn: make(map[int64]model.Date, len(units))}
	worked := map[model.Date]model.Date{} // of the few days there are
	for id, u := range units {
		day := month.Day(model.SettingsOf(rows, u.Branch(), month.Day(1)).Int(model.SettingDuesDay))
		if _, known := worked[day]; !known {
			worked[day] = workdayIn(calendar, month, day)
		}
		p.dueOn[id] = worked[day]
		if !slices.Contains(p.days, worked[day]) {
			p.days = append(p.days, worked[day])
		}
	}
	slices.Sort(p.days)
	return p, nil
}

// workdayIn is the day or, when people do not work on it, the next one on which they do (DOMAIN.md §6, §21 no. 13). When
// that is in the next month the day stays: the month is billed within itself.
func workdayIn(calendar model.Calendar, month model.Month, day model.Date) model.Date {
	if next := calendar.NextWorkday(day); model.MonthOf(next) == month {
		return next
	}
	return day
}

// branch is the branch that keeps the books of the unit.
func (p places) branch(unitID int64) model.Unit { return p.units[lastID(p.units[unitID].Branch())] }

// biller makes the bills of a month for those whose dues day is the day.
type biller struct {
	places
	path   string
	few    []int64 // the units of the path, when they are few
	month  model.Month
	day    model.Date
	only   int64 // one member; 0: all
	actor  model.Actor
	now    model.Instant
	rebill string // why an unpaid bill that differs is voided and made anew; empty: it stays
}

// due is a membership that owes something for the month, to a branch.
type due struct {
	model.Membership
	branch model.Unit
}

// page bills the memberships behind the one with the id; next is the last of them, 0 when there are no more.
func (b biller) page(tx *gorm.DB, after int64) (done Billing, next int64, err error) {
	var rows []model.Membership
	q := tx.Scopes(model.OnRoster(b.day.Start()), model.Counted).Where("memberships.id > ?", after)
	if b.few != nil {
		q = q.Where("(memberships.unit_id IN ? OR memberships.member_id IN (?))", b.few, b.moved(tx))
	}
	if b.only != 0 {
		q = q.Where("memberships.member_id = ?", b.only)
	}
	if err := q.Order("memberships.id").Limit(pageSize).Find(&rows).Error; err != nil || len(rows) == 0 {
		return done, 0, err
	}
	if len(rows) == pageSize {
		next = rows[pageSize-1].ID
	}
	dues, err := b.owing(tx, rows)
	if err != nil || len(dues) == 0 {
		return done, next, err
	}
	done, err = b.make(tx, dues)
	return done, next, err
}

// maxFew is how many units a page is looked up by.
const maxFew = 500

// unitsOf returns the units of the path; nil when they are many, and it is quicker to pass over the members of others.
func (p places) unitsOf(path string) []int64 {
	ids := []int64{}
	for id, u := range p.units {
		if strings.HasPrefix(u.Path, path) {
			ids = append(ids, id)
		}
	}
	if len(ids) > maxFew {
		return nil
	}
	return ids
}

// moved are the members whose letter says something about a unit of the path.
func (b biller) moved(tx *gorm.DB) *gorm.DB {
	return tx.Session(&gorm.Session{NewDB: true}).Model(&model.Transfer{}).Select("transfers.member_id").
		Joins("JOIN units ON units.id = transfers.from_unit_id OR units.id = transfers.to_unit_id").
		Where("transfers.dues_paid_to <> '' AND transfers.cancelled_at = 0 AND units.path LIKE ?", b.path+"%")
}

// owing finds the branch of each, and leaves out who owes to a branch outside the path or on another day.
func (b biller) owing(tx *gorm.DB, rows []model.Membership) ([]due, error) {
	w := whereabouts{biller: b, stays: map[key][]model.Membership{}, letters: map[key][]model.Transfer{}}
	if err := w.load(tx, rows); err != nil {
		return nil, err
	}
	var dues []due
	for _, m := range rows {
		branch, day := w.owes(key{m.MemberID, m.Track})
		if day == b.day && strings.HasPrefix(branch.Path, b.path) {
			dues = append(dues, due{m, branch})
		}
	}
	return dues, nil
}

func memberIDs(rows []model.Membership) []int64 {
	ids := make([]int64, len(rows))
	for i, m := range rows {
		ids[i] = m.MemberID
	}
	return ids
}

// billOne makes the bills of one member for the months, where none is there; with rebill, also anew.
func billOne(tx *gorm.DB, actor model.Actor, memberID int64, months []model.Month, now model.Instant, rebill string) error {
	calendar, err := model.LoadCalendar(tx)
	if err != nil {
		return err
	}
	for _, month := range months {
		places, err := loadPlaces(tx, calendar, month)
		if err != nil {
			return err
		}
		for _, day := range places.days {
			b := biller{places: places, path: "/", month: month, day: day, only: memberID, actor: actor, now: now, rebill: rebill}
			if _, _, err := b.page(tx, 0); err != nil {
				return err
			}
		}
	}
	return nil
}
