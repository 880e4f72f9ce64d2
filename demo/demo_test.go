package demo_test

import (
	"context"
	"errors"
	"testing"
	"time"

	"gorm.io/gorm"

	"zhibu/demo"
	"zhibu/model"
	"zhibu/model/modeltest"
)

// moments are days on which counting days is hard.
var moments = []string{
	"2026-11-23 10:07", "2026-03-01 00:00", "2026-02-28 23:59", "2028-02-29 12:00", "2026-12-31 23:50", "2027-01-01 00:10",
	"2026-05-31 08:45", "2026-08-15 15:00", "2026-10-17 14:31", "2026-05-04 08:20", "2026-09-27 21:40",
}

func seed(t *testing.T, db *model.DB, at string) time.Time {
	t.Helper()
	now := modeltest.NewClock(at).Now()
	if created, err := demo.Seed(context.Background(), db, modeltest.Keyring(t), now); err != nil || !created {
		t.Fatal(created, err)
	}
	return now
}

func count(t *testing.T, q *gorm.DB) int {
	t.Helper()
	var n int64
	if err := q.Count(&n).Error; err != nil {
		t.Fatal(err)
	}
	return int(n)
}

func between(t *testing.T, what string, n, least, most int) {
	t.Helper()
	if n < least || n > most {
		t.Errorf("%s: %d, want %d to %d", what, n, least, most)
	}
}

func TestSeedAtOnce(t *testing.T) {
	modeltest.Each(t, func(t *testing.T, db *model.DB) {
		keys, now := modeltest.Keyring(t), modeltest.NewClock(moments[0]).Now()
		type result struct {
			created bool
			err     error
		}
		results := make(chan result)
		for range 3 {
			go func() {
				created, err := demo.Seed(context.Background(), db, keys, now)
				results <- result{created, err}
			}()
		}
		created := 0
		for range 3 {
			r := <-results
			if r.err != nil {
				t.Error(r.err)
			}
			if r.created {
				created++
			}
		}
		if roots := count(t, db.Read(context.Background()).Model(&model.Unit{}).Where("parent_id IS NULL")); created != 1 || roots != 1 {
			t.Errorf("%d times created, %d roots", created, roots)
		}
	})
}

// TestBureau seeds each database, and then again: the second time changes nothing. What is in it depends on the moment
// only, not on the database.
func TestBureau(t *testing.T) {
	ctx := context.Background()
	var written [][]string
	modeltest.Each(t, func(t *testing.T, db *model.DB) {
		if _, err := demo.Find(ctx, db); !errors.Is(err, model.ErrNotFound) {
			t.Error("found a guide in an empty database:", err)
		}
		start := seed(t, db, moments[0])
		now, tx := model.At(start), db.Read(ctx)
		checkSize(t, tx, now)
		checkGuide(t, db, now)
		checkCases(t, tx, now)
		checkDues(t, db, now)
		before := contents(t, tx)
		if created, err := demo.Seed(ctx, db, modeltest.Keyring(t), start.AddDate(0, 0, 3)); err != nil || created {
			t.Error("seeded again:", created, err)
		}
		same(t, before, contents(t, tx))
		written = append(written, before)
	})
	if len(written) == 2 { // unless one was chosen with -run
		same(t, written[0], written[1])
	}
}

func checkSize(t *testing.T, tx *gorm.DB, now model.Instant) {
	t.Helper()
	between(t, "units", count(t, tx.Model(&model.Unit{})), 15, 15)
	between(t, "members", count(t, tx.Model(&model.Member{})), 115, 125)
	between(t, "activities", count(t, tx.Model(&model.Activity{})), 150, 215)
	between(t, "cancelled", count(t, tx.Model(&model.Activity{}).Where("cancelled_at <> 0")), 3, 6)
	between(t, "upcoming", count(t, tx.Model(&model.Activity{}).Where("starts_at > ?", now)), 6, 20)
	between(t, "bindings", count(t, tx.Model(&model.Binding{})), 12, 14)
	between(t, "check-ins", count(t, tx.Model(&model.CheckIn{})), 3000, 7000)
	for _, s := range []model.Source{model.ByCode, model.RollCall, model.ByProxy, model.HomeVisit} {
		between(t, string(s), count(t, tx.Model(&model.CheckIn{}).Where("source = ?", s)), 50, 6000)
	}
	for _, s := range []string{model.LeavePending, model.LeaveApproved, model.LeaveRefused} {
		between(t, s, count(t, tx.Model(&model.Leave{}).Where("state = ?", s)), 1, 600)
	}
	between(t, "study periods", count(t, tx.Model(&model.StudyPeriod{})), 40, 50)
	between(t, "special issues", count(t, tx.Model(&model.StudyPeriod{}).Where("number IS NULL")), 2, 3)
	for source, most := range map[model.CompletionSource]int{model.BySelf: 2000, model.ByOfficer: 80, model.ByVisit: 60} {
		between(t, string(source), count(t, tx.Model(&model.Completion{}).Where("source = ?", source)), most/4, most)
	}
	between(t, "exemptions", count(t, tx.Model(&model.Exemption{})), 15, 60)
	between(t, "minutes", count(t, tx.Model(&model.Activity{}).Where("minutes_text <> ''")), 130, 200)
	between(t, "upstream", count(t, tx.Model(&model.Activity{}).Where("upstream_on <> ''")), 80, 200)
	between(t, "audit events", count(t, tx.Model(&model.AuditEvent{}).Where("action = 'demo.seed' AND actor = 'system'")), 1, 1)
	between(t, "all audit events", count(t, tx.Model(&model.AuditEvent{})), 1, 1)
}

func checkGuide(t *testing.T, db *model.DB, now model.Instant) {
	t.Helper()
	ctx := context.Background()
	guide, err := demo.Find(ctx, db)
	if err != nil {
		t.Fatal(err)
	}
	tx := db.Read(ctx)
	for openID, name := range map[string]string{guide.MemberOpenID: guide.MemberName, guide.SecretaryOpenID: guide.SecretaryName} {
		var m model.Member
		err := tx.Joins("JOIN bindings ON bindings.member_id = members.id").Where("bindings.openid = ?", openID).Take(&m).Error
		if err != nil || m.Name != name {
			t.Error(openID, m.Name, err)
		}
		if n := count(t, tx.Model(&model.CheckIn{}).Where("activity_id = ? AND member_id = ?", guide.ActivityID, m.ID)); n != 0 {
			t.Error(name, "has checked in already")
		}
	}
	hash := modeltest.Keyring(t).Hash(model.PhoneColumn, guide.NewcomerPhone)
	if n := count(t, tx.Model(&model.Member{}).Where("name_key = ? AND phone_hash = ?", model.NameKey(guide.NewcomerName), hash)); n != 1 {
		t.Error("the newcomer is not on the roster")
	}
	if n := count(t, tx.Model(&model.Binding{}).Where("openid = ?", guide.NewcomerOpenID)); n != 0 {
		t.Error("the newcomer is bound")
	}
	found, err := model.LoadGatherings(tx, []int64{guide.ActivityID})
	if err != nil {
		t.Fatal(err)
	}
	g := found[guide.ActivityID]
	if g.State(now) != "open" || g.State(now.Add(29*24*time.Hour)) != "open" || g.StartsAt <= now ||
		g.EndsAt > g.StartsAt.Add(31*24*time.Hour) || g.AudienceTrack != "" || g.Unit.ParentID != nil {
		t.Errorf("%+v", g)
	}
}
