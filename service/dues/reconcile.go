package dues

import (
	"context"
	"encoding/json"
	"errors"

	"gorm.io/gorm"

	"zhibu/model"
)

// Difference is one line in which WeChat Pay's bill and the ledger are not the same.
type Difference struct {
	Kind          string    `json:"kind"` // missing_here, missing_there, amount, currency, unknown_order
	OrderNo       string    `json:"order_no"`
	RefundNo      string    `json:"refund_no,omitempty"`
	TransactionID string    `json:"transaction_id,omitempty"`
	HereFen       model.Fen `json:"here_fen"`
	ThereFen      model.Fen `json:"there_fen"`
	Settled       bool      `json:"settled"` // it was booked just now
	Message       string    `json:"message"` // Chinese
}

// Compared is a day's bill held against the ledger.
type Compared struct {
	model.Reconciliation
	Lines       int
	Differences []Difference
}

// Reconcile compares WeChat Pay's bill of a day with the ledger, line by line, and names each difference. A payment whose
// notification was lost is booked. It takes an administrator; of orders outside his units he sees nothing, and of lines
// without an order only who administers every unit there is.
func (s *Service) Reconcile(ctx context.Context, actor model.Actor, day model.Date) (c Compared, err error) {
	if len(actor.Paths(model.Administer)) == 0 {
		return c, model.ErrForbidden
	}
	if s.platform == nil {
		return c, ErrPayOff
	}
	if _, err := model.ParseDate(string(day)); err != nil {
		return c, model.InvalidField("date", "invalid_date", "日期须形如 2026-03-02")
	}
	if today := s.today(); day >= today || day < today.AddDays(-92) {
		return c, model.InvalidField("date", "invalid_range", "只能核对昨天及以前三个月内的账单")
	}
	there, err := s.platform.Bill(ctx, day)
	if errors.Is(err, model.ErrNoBill) {
		if n, hereErr := s.countHere(ctx, day); hereErr != nil || n > 0 {
			return c, errors.Join(err, hereErr)
		}
		there, err = nil, nil // nothing happened on either side
	}
	if err != nil {
		return c, err
	}
	b := comparison{Service: s, actor: actor, day: day}
	if err := b.run(ctx, there); err != nil {
		return c, err
	}
	return s.keep(ctx, actor, day, len(there), b)
}

// keep writes the result down.
func (s *Service) keep(ctx context.Context, actor model.Actor, day model.Date, lines int, b comparison) (c Compared, err error) {
	if b.found == nil {
		b.found = []Difference{}
	}
	text, err := json.Marshal(b.found)
	if err != nil {
		return c, err
	}
	now := model.At(s.now())
	c = Compared{Lines: lines, Differences: b.found}
	return c, s.db.Write(ctx, func(tx *gorm.DB) error {
		c.Reconciliation = model.Reconciliation{
			ID: model.NewID(), Day: day, Matched: b.matched, Differences: string(text), CreatedBy: actor.Ref(), CreatedAt: now,
		}
		if err := tx.Create(&c.Reconciliation).Error; err != nil {
			return err
		}
		return model.Audit(tx, actor, now, model.Deed{Action: "dues.reconcile", SubjectID: c.ID, After: map[string]any{
			"day": day, "matched": b.matched, "differences": len(b.found),
		}})
	})
}

// ReconcileYesterday compares the bill of the day before, once, from half past ten on (the platform has it by ten). It is a
// chore.
func (s *Service) ReconcileYesterday(ctx context.Context) error {
	now := s.now().In(model.Shanghai)
	if s.platform == nil || now.Hour()*60+now.Minute() < 10*60+30 {
		return nil
	}
	yesterday := s.today().AddDays(-1)
	var done int64
	err := s.db.Read(ctx).Model(&model.Reconciliation{}).Where("day = ? AND created_by = ?", yesterday, model.Actor{}.Ref()).Count(&done).Error
	if err != nil || done > 0 {
		return err
	}
	_, err = s.Reconcile(ctx, model.Actor{Grants: []model.Grant{{Path: "/", Title: model.Admin}}}, yesterday)
	return err
}

// Reconciliations returns the comparisons the actor may see, those of the chore and his own, the latest first.
func (s *Service) Reconciliations(ctx context.Context, actor model.Actor, limit int, cursor string) (page []Compared, next string, err error) {
	if len(actor.Paths(model.Administer)) == 0 {
		return nil, "", model.ErrForbidden
	}
	q := s.db.Read(ctx).Model(&model.Reconciliation{})
	units, err := unitsUnder(s.db.Read(ctx), "/")
	if err != nil {
		return nil, "", err
	}
	if !administersAll(actor, units) {
		q = q.Where("created_by = ?", actor.Ref())
	}
	rows, next, err := model.FindPage(q, "created_at", "id", limit, cursor, func(r model.Reconciliation) model.Cursor {
		return model.Cursor{At: r.CreatedAt, ID: r.ID}
	})
	page = make([]Compared, len(rows))
	for i, r := range rows {
		page[i].Reconciliation = r
		if err := json.Unmarshal([]byte(r.Differences), &page[i].Differences); err != nil {
			return nil, "", err
		}
	}
	return page, next, err
}

// administersAll reports whether the actor administers every unit there is.
func administersAll(actor model.Actor, units map[int64]model.Unit) bool {
	for _, u := range units {
		if !actor.May(model.Administer, u.Path) {
			return false
		}
	}
	return true
}

// dayOf is a day as a range of moments.
func dayOf(day model.Date) (from, to model.Instant) { return day.Start(), day.AddDays(1).Start() }

// countHere counts what the ledger has of the platform on the day.
func (s *Service) countHere(ctx context.Context, day model.Date) (int64, error) {
	from, to := dayOf(day)
	var orders, refunds int64
	db := s.db.Read(ctx)
	err := db.Model(&model.Order{}).Where("paid_at >= ? AND paid_at < ?", from, to).Count(&orders).Error
	if err == nil {
		err = db.Model(&model.Refund{}).Where("state = ? AND settled_at >= ? AND settled_at < ?", model.RefundDone, from, to).Count(&refunds).Error
	}
	return orders + refunds, err
}
