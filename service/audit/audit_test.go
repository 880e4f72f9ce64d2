package audit_test

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"sync"
	"testing"
	"time"

	"gorm.io/gorm"
	"pgregory.net/rapid"

	"zhibu/model"
	"zhibu/model/modeltest"
	"zhibu/service/audit"
)

var (
	ctx   = context.Background()
	admin = model.Actor{Name: "admin", Grants: []model.Grant{{Path: "/", Title: model.Admin}}}
	start = model.At(time.Date(2026, 3, 2, 1, 0, 0, 0, time.UTC))
)

type world struct {
	*audit.Service
	t  testing.TB
	db *model.DB
}

func each(t *testing.T, test func(t *testing.T, w *world)) {
	modeltest.Each(t, func(t *testing.T, db *model.DB) { test(t, &world{audit.New(db), t, db}) })
}

func (w *world) must(err error) {
	w.t.Helper()
	if err != nil {
		w.t.Fatal(err)
	}
}

// record writes n events, an hour apart, in the unit.
func (w *world) record(n int, u model.Unit) {
	w.t.Helper()
	w.must(w.db.Write(ctx, func(tx *gorm.DB) error {
		for i := range n {
			d := model.Deed{Action: fmt.Sprint("deed.", i%3), Unit: u, SubjectID: int64(i), After: map[string]int{"n": i}}
			if err := model.Audit(tx, model.Actor{MemberID: 12, Name: "李明", RequestID: "r"}, start.Add(time.Duration(i)*time.Hour), d); err != nil {
				return err
			}
		}
		return nil
	}))
}

// seal returns how many links it added.
func (w *world) seal() int64 {
	w.t.Helper()
	count := func() (n int64) {
		w.must(w.db.Read(ctx).Model(&model.AuditLink{}).Count(&n).Error)
		return n
	}
	before := count()
	w.must(w.Seal(ctx))
	return count() - before
}

func (w *world) verify() audit.Verdict {
	w.t.Helper()
	v, err := w.Verify(ctx, admin)
	w.must(err)
	return v
}

// tamper runs a statement as somebody would who has the database's password, foreign keys or not.
func (w *world) tamper(statement string, args ...any) {
	w.t.Helper()
	conn, err := w.db.Pool().Conn(ctx)
	w.must(err)
	defer conn.Close()
	off, on := "PRAGMA foreign_keys = OFF", "PRAGMA foreign_keys = ON"
	if w.db.Dialect == model.MySQL {
		off, on = "SET FOREIGN_KEY_CHECKS = 0", "SET FOREIGN_KEY_CHECKS = 1"
	}
	for _, s := range []string{off, statement, on} {
		var a []any
		if s == statement {
			a = args
		}
		_, err := conn.ExecContext(ctx, s, a...)
		w.must(err)
	}
}

func TestSealAndVerify(t *testing.T) {
	each(t, func(t *testing.T, w *world) {
		if v := w.verify(); v.Links != 0 || v.Broken != nil {
			t.Errorf("an empty chain is %+v", v)
		}
		w.record(1203, model.Unit{})
		if v := w.verify(); v.Pending != 1203 {
			t.Errorf("%+v", v)
		}
		if n := w.seal(); n != 1203 {
			t.Errorf("%d sealed", n)
		}
		first := w.verify()
		if first.Links != 1203 || first.Broken != nil || first.Pending != 0 || len(first.Head) != 64 {
			t.Errorf("%+v", first)
		}
		if n := w.seal(); n != 0 {
			t.Errorf("%d sealed twice", n)
		}
		// One that took long is older than the end of the chain.
		w.must(w.db.Write(ctx, func(tx *gorm.DB) error {
			return model.Audit(tx, admin, start.Add(1202*time.Hour-time.Minute), model.Deed{Action: "late"})
		}))
		if n := w.seal(); n != 1 {
			t.Errorf("%d sealed", n)
		}
		if v := w.verify(); v.Links != 1204 || v.Head == first.Head || v.Broken != nil {
			t.Errorf("%+v", v)
		}
		if _, err := w.Verify(ctx, model.Actor{Grants: []model.Grant{{Path: "/1/", Title: model.Auditor}}}); !errors.Is(err, model.ErrForbidden) {
			t.Errorf("an auditor of one unit verifies everything: %v", err)
		}
	})
}

// Whatever is done to a sealed event or its link is found, and where.
func TestVerifyFindsAnyTampering(t *testing.T) {
	each(t, func(t *testing.T, w *world) {
		const n = 60
		w.record(n, model.Unit{ID: 4, Path: "/1/4/"})
		w.seal()
		var links []model.AuditLink
		var events []model.AuditEvent
		w.must(w.db.Read(ctx).Order("id").Find(&links).Error)
		w.must(w.db.Read(ctx).Order("at, id").Find(&events).Error)
		columns := map[string]any{
			"at": start + 1, "actor": "member:13", "action": "x", "unit_id": nil, "unit_path": "/1/",
			"subject_id": -1, "state_before": "{}", "state_after": "", "request_id": "q",
		}
		rapid.Check(t, func(r *rapid.T) {
			i := rapid.IntRange(0, n-2).Draw(r, "event") // the very last may be cut off unseen, see Verdict.Head
			event, link := events[i], links[i]
			want := audit.Break{Seq: link.ID, EventID: event.ID}
			switch how := rapid.SampledFrom([]string{"change", "swap", "forge", "delete event", "delete both", "insert"}).Draw(r, "how"); how {
			case "change":
				column := rapid.SampledFrom(keys(columns)).Draw(r, "column")
				w.tamper("UPDATE audit_events SET "+column+" = ? WHERE id = ?", columns[column], event.ID)
				want.Reason = "event_changed"
			case "swap": // move a letter from one column into the next
				w.tamper("UPDATE audit_events SET actor = 'member:12d', action = ? WHERE id = ?", event.Action[1:], event.ID)
				want.Reason = "event_changed"
			case "forge":
				w.tamper("UPDATE audit_links SET hash = ? WHERE id = ?", links[i+1].Hash, link.ID)
				want.Reason = "event_changed"
			case "delete event":
				w.tamper("DELETE FROM audit_events WHERE id = ?", event.ID)
				want.Reason = "event_missing"
			case "delete both":
				w.tamper("DELETE FROM audit_links WHERE id = ?", link.ID)
				w.tamper("DELETE FROM audit_events WHERE id = ?", event.ID)
				want.Reason, want.EventID = "link_missing", links[i+1].EventID
			case "insert":
				old := event
				old.ID, old.At = model.NewID(), start+model.Instant(rapid.IntRange(0, 34*3600_000).Draw(r, "at"))
				w.must(w.db.Write(ctx, func(tx *gorm.DB) error { return tx.Create(&old).Error }))
				if sealed := w.seal(); sealed != 0 {
					r.Fatal("the forged event was sealed")
				}
				want = audit.Break{EventID: old.ID, Reason: "event_inserted"}
			}
			if v := w.verify(); v.Broken == nil || *v.Broken != want {
				r.Fatalf("found %+v, want %+v", v.Broken, want)
			}
			w.restore(events, links)
		})
		if v := w.verify(); v.Broken != nil {
			t.Errorf("the restored chain is broken: %+v", v.Broken)
		}
	})
}

func (w *world) restore(events []model.AuditEvent, links []model.AuditLink) {
	w.must(w.db.Write(ctx, func(tx *gorm.DB) error {
		return errors.Join(tx.Where("1 = 1").Delete(&model.AuditLink{}).Error, tx.Where("1 = 1").Delete(&model.AuditEvent{}).Error,
			tx.CreateInBatches(events, 100).Error, tx.Create(&links).Error)
	}))
}

func keys(m map[string]any) []string {
	var all []string
	for _, k := range []string{"at", "actor", "action", "unit_id", "unit_path", "subject_id", "state_before", "state_after", "request_id"} {
		if _, ok := m[k]; ok {
			all = append(all, k)
		}
	}
	return all
}

func TestSeveralSealersMakeOneChain(t *testing.T) {
	each(t, func(t *testing.T, w *world) {
		w.record(1300, model.Unit{})
		var wg sync.WaitGroup
		for range 6 {
			wg.Go(func() {
				for range 3 {
					if err := audit.New(w.db).Seal(ctx); err != nil {
						t.Error(err)
					}
				}
			})
		}
		wg.Wait()
		w.seal()
		if v := w.verify(); v.Links != 1300 || v.Broken != nil || v.Pending != 0 {
			t.Errorf("%+v", v)
		}
	})
}

func TestList(t *testing.T) {
	each(t, func(t *testing.T, w *world) {
		one := model.Unit{ID: 11, Path: "/1/11/", Kind: model.PartyBranch, Name: "一", ClosedOn: model.Forever}
		two := model.Unit{ID: 2, Path: "/2/", Kind: model.PartyBranch, Name: "二", ClosedOn: model.Forever}
		root := model.Unit{ID: 1, Path: "/1/", Kind: model.PartyCommittee, Name: "党委", ClosedOn: model.Forever}
		w.must(w.db.Write(ctx, func(tx *gorm.DB) error { return tx.Create([]model.Unit{root, one, two}).Error }))
		w.record(5, one)
		w.record(3, two)
		w.record(2, model.Unit{})
		w.seal()
		w.record(1, one)
		auditor := model.Actor{Grants: []model.Grant{{Path: "/1/", Title: model.Auditor}}}
		for name, c := range map[string]struct {
			actor  model.Actor
			filter audit.Filter
			want   int
			err    *model.Error
		}{
			"everything":      {admin, audit.Filter{}, 11, nil},
			"one's own tree":  {auditor, audit.Filter{}, 6, nil},
			"a secretary":     {model.Actor{Grants: []model.Grant{{Path: "/1/", Title: model.Secretary}}}, audit.Filter{}, 0, model.ErrForbidden},
			"unit":            {admin, audit.Filter{UnitID: 2}, 3, nil},
			"unit elsewhere":  {auditor, audit.Filter{UnitID: 2}, 0, model.ErrNotFound},
			"action":          {admin, audit.Filter{Action: "deed.2"}, 2, nil},
			"actor":           {admin, audit.Filter{Actor: "member:12"}, 11, nil},
			"another actor":   {admin, audit.Filter{Actor: "member:1"}, 0, nil},
			"from":            {admin, audit.Filter{From: start.Add(3 * time.Hour)}, 2, nil},
			"to":              {admin, audit.Filter{To: start.Add(time.Hour)}, 4, nil},
			"a broken cursor": {admin, audit.Filter{Cursor: "x"}, 0, model.InvalidField("cursor", "", "")},
		} {
			c.filter.Limit = 50
			page, next, err := w.List(ctx, c.actor, c.filter)
			if len(page) != c.want || next != "" || (c.err == nil) != (err == nil) || c.err != nil && !errors.Is(err, c.err) {
				t.Errorf("%s: %d, %q, %v", name, len(page), next, err)
			}
		}
		w.paged(t)
	})
}

// The name is the one of today, so that it is gone when the member is.
func TestListNamesTheActors(t *testing.T) {
	each(t, func(t *testing.T, w *world) {
		member, account := model.Member{ID: 12, Name: "李明"}, model.Account{ID: 3, Username: "root"}
		w.must(w.db.Write(ctx, func(tx *gorm.DB) error {
			return errors.Join(tx.Create(&member).Error, tx.Create(&account).Error,
				model.Audit(tx, model.Actor{MemberID: 12, Name: "x"}, start, model.Deed{Action: "a"}),
				model.Audit(tx, model.Actor{MemberID: 12, AccountID: 3}, start+1, model.Deed{Action: "b"}),
				model.Audit(tx, model.Actor{MemberID: 13}, start+2, model.Deed{Action: "c"}),
				model.Audit(tx, model.Actor{}, start+3, model.Deed{Action: "d"}))
		}))
		names := func() (names []string) {
			page, _, err := w.List(ctx, admin, audit.Filter{Limit: 50})
			w.must(err)
			for _, e := range page {
				names = append(names, e.ActorName)
			}
			return names
		}
		if got := names(); !slices.Equal(got, []string{"", "", "root", "李明"}) {
			t.Errorf("%q", got)
		}
		w.seal()
		w.tamper("UPDATE members SET name = '' WHERE id = 12")
		if got := names(); got[3] != "" || w.verify().Broken != nil {
			t.Errorf("%q", got)
		}
	})
}

// paged reads page by page what List answers at once.
func (w *world) paged(t *testing.T) {
	whole, _, err := w.List(ctx, admin, audit.Filter{Limit: 50})
	w.must(err)
	var paged []audit.Event
	f := audit.Filter{Limit: 3}
	for {
		page, next, err := w.List(ctx, admin, f)
		w.must(err)
		if paged = append(paged, page...); next == "" {
			break
		}
		f.Cursor = next
	}
	unsealed := 0
	for i, e := range whole {
		if paged[i].ID != e.ID {
			t.Fatalf("item %d differs between pages", i)
		}
		if (e.Seq == nil) != (e.Hash == nil) {
			t.Error("a place without a hash")
		}
		if e.Seq == nil {
			unsealed++
		}
	}
	if unsealed != 1 || len(paged) != len(whole) {
		t.Errorf("%d unsealed, %d of %d", unsealed, len(paged), len(whole))
	}
}
