package demo_test

import (
	"context"
	"errors"
	"fmt"
	"regexp"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/mozillazg/go-pinyin"
	"gorm.io/gorm"

	"zhibu/model"
	"zhibu/model/modeltest"
)

// TestEveryDay: on whatever day the bureau is seeded, nobody is recorded who was not due, and no row lies ahead of now.
// It is on MariaDB because the race detector slows SQLite, which is Go, thirty times.
func TestEveryDay(t *testing.T) {
	for _, at := range moments {
		t.Run(at, func(t *testing.T) {
			db := modeltest.MariaDB(t)
			now, tx := model.At(seed(t, db, at)), db.Read(context.Background())
			checkDue(t, tx)
			checkTimes(t, tx, now)
			checkPeriods(t, tx, now)
			checkCampaign(t, tx, now)
			checkPeople(t, tx)
			checkBooks(t, tx, now)
			checkDues(t, db, now)
		})
	}
}

// checkDue asks the database who was due at each activity (model.Gathering.Due) and compares.
func checkDue(t *testing.T, tx *gorm.DB) {
	t.Helper()
	var ids []int64
	if err := tx.Model(&model.Activity{}).Pluck("id", &ids).Error; err != nil {
		t.Fatal(err)
	}
	gatherings, err := model.LoadGatherings(tx, ids)
	if err != nil {
		t.Fatal(err)
	}
	recorded, excused := map[int64][]model.CheckIn{}, map[int64][]model.Leave{}
	var checkIns []model.CheckIn
	var leaves []model.Leave
	if err := errors.Join(tx.Find(&checkIns).Error, tx.Find(&leaves).Error); err != nil {
		t.Fatal(err)
	}
	for _, c := range checkIns {
		recorded[c.ActivityID] = append(recorded[c.ActivityID], c)
	}
	for _, l := range leaves {
		excused[l.ActivityID] = append(excused[l.ActivityID], l)
	}
	present, all := 0, 0
	for _, g := range gatherings {
		p, n := checkGathering(t, tx, g, recorded[g.ID], excused[g.ID])
		if g.MinutesText != "" {
			present, all = present+p, all+n
		}
	}
	between(t, "attendance in %", 100*present/all, 86, 94)
}

// checkGathering returns how many were there and how many were due.
func checkGathering(t *testing.T, tx *gorm.DB, g model.Gathering, recorded []model.CheckIn, excused []model.Leave) (present, all int) {
	t.Helper()
	var ids []int64
	err := tx.Model(&model.Membership{}).Distinct("memberships.member_id").
		Joins("JOIN units ON units.id = memberships.unit_id").Scopes(g.Due).Pluck("memberships.member_id", &ids).Error
	if err != nil {
		t.Fatal(err)
	}
	due := map[int64]bool{}
	for _, id := range ids {
		due[id] = true
	}
	for _, c := range recorded {
		if !due[c.MemberID] {
			t.Errorf("%s %s: member %d is recorded and was not due", g.Unit.Name, g.Title, c.MemberID)
		}
		if c.State.Attended() {
			present++
		}
	}
	for _, l := range excused {
		if !due[l.MemberID] {
			t.Errorf("%s %s: member %d is excused and was not due", g.Unit.Name, g.Title, l.MemberID)
		}
	}
	if len(due) == 0 || g.Cancelled() && len(recorded) > 0 {
		t.Errorf("%s %s: %d due, %d recorded, cancelled %v", g.Unit.Name, g.Title, len(due), len(recorded), g.Cancelled())
	}
	return present, len(due)
}

// checkTimes looks for what could not have happened.
func checkTimes(t *testing.T, tx *gorm.DB, now model.Instant) {
	t.Helper()
	today := now.Date()
	var names []string
	err := tx.Model(&model.Membership{}).Joins("JOIN members ON members.id = member_id").
		Where("joined_on > started_on OR confirmed_on > started_on OR birth_date >= joined_on OR memberships.created_at > ?", now).
		Pluck("members.name", &names).Error
	if err != nil || len(names) > 0 {
		t.Error("memberships:", names, err)
	}
	for what, q := range map[string]*gorm.DB{
		"future check-in": tx.Model(&model.CheckIn{}).Where("checked_in_at > ? OR recorded_at > ?", now, now),
		"scan outside": tx.Model(&model.CheckIn{}).Joins("JOIN activities a ON a.id = activity_id").
			Where("source = 'code' AND (checked_in_at < check_in_opens_at OR checked_in_at >= check_in_closes_at OR " +
				"(state = 'late') <> (checked_in_at > starts_at))"),
		"own record":     tx.Model(&model.CheckIn{}).Where("recorded_by = CONCAT('member:', member_id)"),
		"no recorder":    tx.Model(&model.CheckIn{}).Where("(source = 'code') <> (recorded_by = '') OR recorded_by = 'system'"),
		"no reason":      tx.Model(&model.CheckIn{}).Where("source IN ('proxy', 'home_visit') AND reason = ''"),
		"late leave":     tx.Model(&model.Leave{}).Joins("JOIN activities a ON a.id = activity_id").Where("requested_at >= starts_at OR requested_at < a.created_at"),
		"own leave":      tx.Model(&model.Leave{}).Where("decided_by = CONCAT('member:', member_id)"),
		"undecided":      tx.Model(&model.Leave{}).Where("(state = 'pending') <> (decided_at = 0) OR decided_at > ? OR decided_by = 'system'", now),
		"future post":    tx.Model(&model.Post{}).Where("started_on > ?", today),
		"nobody's deed":  tx.Model(&model.Activity{}).Where("created_by = 'system' OR upstream_by = 'system'"),
		"future row":     tx.Model(&model.Activity{}).Where("created_at > ? OR created_at >= starts_at OR upstream_on > ?", now, today),
		"long activity":  tx.Model(&model.Activity{}).Where("ends_at - starts_at > ?", 31*24*3600*1000),
		"far activity":   tx.Model(&model.Activity{}).Where("starts_at > ?", now.Add(15*24*3600*1e9)),
		"future binding": tx.Model(&model.Binding{}).Where("bound_at > ?", now),
	} {
		if n := count(t, q); n > 0 {
			t.Errorf("%s: %d", what, n)
		}
	}
}

// checkCampaign counts what the annual summary of 2021 counts (DOMAIN.md §4.4, rows 59, 60, 63).
func checkCampaign(t *testing.T, tx *gorm.DB, now model.Instant) {
	t.Helper()
	for kind, want := range map[model.ActivityKind]int{
		"reading_class": 1, "seminar": 9, "theme_day": 10, "practice": 6, "oath_review": 3, "expert_lecture": 3, "film": 2,
	} {
		q := tx.Model(&model.Activity{}).Where("kind = ? AND campaigns LIKE '党史学习教育%' AND cancelled_at = 0 AND ends_at <= ?", kind, now)
		between(t, kind.Name(), count(t, q), want, want)
	}
}

// checkPeople opens what is sealed and compares it with what is plain.
func checkPeople(t *testing.T, tx *gorm.DB) {
	t.Helper()
	keys := modeltest.Keyring(t)
	var members []model.Member
	if err := tx.Find(&members).Error; err != nil {
		t.Fatal(err)
	}
	for _, m := range members {
		phone, err := keys.Open(model.PhoneColumn, m.PhoneSealed)
		if clean, ok := model.CleanPhone(phone); err != nil || phone != "" && (!ok || clean != phone || keys.Hash(model.PhoneColumn, phone) != *m.PhoneHash) {
			t.Error(m.Name, phone, err)
		}
		number, err := keys.Open(model.IDNumberColumn, m.IDSealed)
		if clean, ok := model.CleanIDNumber(number); err != nil || number != "" &&
			(!ok || clean != number || model.BirthDateOf(number) != m.BirthDate || model.GenderOf(number) != m.Gender) {
			t.Error(m.Name, number, err)
		}
		if m.Name != model.CleanName(m.Name) || m.NameKey != model.NameKey(m.Name) || m.NameSort != nameSort(m.Name) {
			t.Errorf("%s is sorted as %q, want %q", m.Name, m.NameSort, nameSort(m.Name))
		}
	}
}

// nameSort is what the roster would make of a name.
func nameSort(name string) string {
	var syllables []string
	initials := ""
	for _, r := range name {
		for _, s := range pinyin.SinglePinyin(r, pinyin.NewArgs()) {
			syllables = append(syllables, s)
			initials += s[:1]
		}
	}
	return strings.Join(syllables, ".") + " " + initials + " " + strings.Join(syllables, "")
}

// contents are all rows as texts, in the order of their writing; an id is replaced by the place it stands for, and what
// is sealed is left out.
func contents(t *testing.T, tx *gorm.DB) []string {
	t.Helper()
	var texts []string
	places := map[string]string{}
	for _, table := range []string{
		"units", "members", "memberships", "transfers", "posts", "bindings", "activities", "check_ins", "leaves", "study_periods",
		"period_audience", "recounts", "completions", "exemptions", "dues_assessments", "dues_exemptions", "dues_bills", "dues_entries",
		"dues_lines", "dues_balances", "dues_payments", "dues_allocations", "dues_remittances", "settings", "audit_events",
	} {
		var rows []map[string]any
		order := "id"
		switch table {
		case "period_audience", "recounts":
			order = "period_id"
		case "dues_lines":
			order = "entry_id, position"
		case "dues_balances":
			order = "unit_id, year, account, holder"
		}
		if err := tx.Table(table).Order(order).Find(&rows).Error; err != nil {
			t.Fatal(err)
		}
		for i, row := range rows {
			places[fmt.Sprint(row["id"])] = fmt.Sprintf("%s#%d", table, i)
			delete(row, "phone_sealed")
			delete(row, "id_number_sealed")
			texts = append(texts, table+fmt.Sprint(row))
		}
	}
	id := regexp.MustCompile(`\b[0-9]{15,17}\b`)
	for i, text := range texts {
		texts[i] = id.ReplaceAllStringFunc(text, func(s string) string { return places[s] })
	}
	return texts
}

func same(t *testing.T, a, b []string) {
	t.Helper()
	if d := cmp.Diff(a, b); d != "" {
		t.Error(d[:min(len(d), 2000)])
	}
}
