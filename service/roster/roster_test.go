package roster_test

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/xuri/excelize/v2"
	"gorm.io/gorm"

	"zhibu/model"
	"zhibu/model/modeltest"
	"zhibu/office"
	"zhibu/service/roster"
)

const today = model.Date("2026-03-02")

// world is a small organisation: a party general branch with two branches, one of them with two groups, and under it a
// league general branch with one branch.
type world struct {
	t     testing.TB
	db    *model.DB
	keys  *model.Keyring
	clock *modeltest.Clock
	s     *roster.Service

	general, a, a1, a2, b, leagueGeneral, league model.Unit
}

func newWorld(t testing.TB, db *model.DB) *world {
	w := &world{t: t, db: db, keys: modeltest.Keyring(t), clock: modeltest.NewClock(string(today) + " 09:00")}
	w.s = roster.New(db, w.keys, w.clock.Now)
	w.general = w.unit(nil, model.PartyGeneralBranch, "机关党总支")
	w.a = w.unit(&w.general, model.PartyBranch, "第一党支部")
	w.a1 = w.unit(&w.a, model.PartyGroup, "第一党小组")
	w.a2 = w.unit(&w.a, model.PartyGroup, "第二党小组")
	w.b = w.unit(&w.general, model.PartyBranch, "第二党支部")
	w.leagueGeneral = w.unit(&w.general, model.LeagueGeneralBranch, "机关团总支")
	w.league = w.unit(&w.leagueGeneral, model.LeagueBranch, "机关团支部")
	return w
}

func (w *world) unit(parent *model.Unit, kind model.UnitKind, name string) model.Unit {
	w.t.Helper()
	u := model.Unit{ID: model.NewID(), Kind: kind, Name: name, ClosedOn: model.Forever}
	u.Path = model.ChildPath("", u.ID)
	if parent != nil {
		u.ParentID, u.Path = &parent.ID, model.ChildPath(parent.Path, u.ID)
	}
	w.must(w.write(func(tx *gorm.DB) error { return tx.Create(&u).Error }))
	return u
}

func (w *world) write(work func(tx *gorm.DB) error) error {
	return w.db.Write(context.Background(), work)
}

func (w *world) read() *gorm.DB { return w.db.Read(context.Background()) }

func (w *world) must(err error) {
	w.t.Helper()
	if err != nil {
		w.t.Fatal(err)
	}
}

// officer is somebody with an office and no membership.
func officer(u model.Unit, title model.Title) model.Actor {
	return model.Actor{AccountID: 1, Name: "管理", Bound: true, Grants: []model.Grant{{UnitID: u.ID, Path: u.Path, Title: title}}}
}

// plain is a member without an office.
func plain(memberID int64, u model.Unit) model.Actor {
	return model.Actor{MemberID: memberID, Name: "党员", Bound: true, Homes: []model.Home{{UnitID: u.ID, Path: u.Path, Track: u.Kind.Track(), Kind: u.Kind}}}
}

func (w *world) create(u model.Unit, p roster.Person, j roster.Joining) roster.Profile {
	w.t.Helper()
	created, err := w.s.Create(context.Background(), officer(u, model.Secretary), u.ID, p, j)
	w.must(err)
	return created
}

// counts are the rows of the tables this feature writes: a refused request leaves them as they are.
func (w *world) counts() map[string]int64 {
	w.t.Helper()
	n := map[string]int64{}
	for _, table := range []string{"members", "memberships", "posts", "transfers", "audit_events", "roster_marks"} {
		var c int64
		w.must(w.read().Table(table).Count(&c).Error)
		n[table] = c
	}
	return n
}

// refused runs what must be refused with the code, and nothing written.
func (w *world) refused(code string, do func() error) {
	w.t.Helper()
	before := w.counts()
	err := do()
	if e := model.AsError(err); e == nil || e.Code != code {
		w.t.Errorf("got %v, want %s", err, code)
	}
	if diff := cmp.Diff(before, w.counts()); diff != "" {
		w.t.Errorf("%s, yet something was written: %s", code, diff)
	}
}

// episodes are a member's episodes as "unit from..to kind state", in order of time.
func (w *world) episodes(memberID int64) (list []string) {
	w.t.Helper()
	var found []struct {
		model.Membership
		Name string
	}
	w.must(w.read().Table("memberships").Select("memberships.*, units.name").Joins("JOIN units ON units.id = memberships.unit_id").
		Where("member_id = ?", memberID).Order("started_on, track DESC").Scan(&found).Error)
	for _, e := range found {
		end := string(e.EndedOn)
		if e.EndedOn.IsOpen() {
			end = ""
		}
		list = append(list, fmt.Sprintf("%s %s..%s %s %s %s", e.Name, e.StartedOn, end, e.Kind, e.State, e.Category))
	}
	return list
}

func (w *world) wantEpisodes(memberID int64, want ...string) {
	w.t.Helper()
	if diff := cmp.Diff(want, w.episodes(memberID)); diff != "" {
		w.t.Errorf("episodes: %s", diff)
	}
}

func (w *world) importRows(actor model.Actor, u model.Unit, o office.ImportOptions, rows ...[]any) (office.Report, error) {
	w.t.Helper()
	return w.s.Import(context.Background(), actor, u.ID, bytes.NewReader(book(w.t, rows...)), o)
}

// imported runs an import that must succeed with the counts "created/updated/unchanged".
func (w *world) imported(want string, actor model.Actor, u model.Unit, rows ...[]any) office.Report {
	w.t.Helper()
	r, err := w.importRows(actor, u, office.ImportOptions{}, rows...)
	if err != nil {
		w.t.Fatalf("%v: %+v", err, r.Rejected)
	}
	if got := fmt.Sprintf("%d/%d/%d", r.Created, r.Updated, r.Unchanged); got != want {
		w.t.Errorf("got %s, want %s", got, want)
	}
	return r
}

// rejections are what a report rejects as "row column code".
func rejections(r office.Report) (list []string) {
	for _, x := range r.Rejected {
		list = append(list, strings.TrimSpace(fmt.Sprintf("%d %s %s", x.Row, x.Column, x.Code)))
	}
	return list
}

// book is a workbook with the rows.
func book(t testing.TB, rows ...[]any) []byte {
	t.Helper()
	f := excelize.NewFile()
	defer f.Close()
	for i, row := range rows {
		if err := f.SetSheetRow("Sheet1", fmt.Sprintf("A%d", i+1), &row); err != nil {
			t.Fatal(err)
		}
	}
	b, err := f.WriteToBuffer()
	if err != nil {
		t.Fatal(err)
	}
	return b.Bytes()
}

// idNumber makes a citizen number with the right check digit.
func idNumber(birth string, sequence int) string {
	head := fmt.Sprintf("620102%s%03d", birth, sequence)
	sum := 0
	for i, weight := range []int{7, 9, 10, 5, 8, 4, 2, 1, 6, 3, 7, 9, 10, 5, 8, 4, 2} {
		sum += int(head[i]-'0') * weight
	}
	return head + string("10X98765432"[sum%11])
}

// noPersonalData fails when the audit has one of the secrets in it.
func (w *world) noPersonalData(secrets ...string) {
	w.t.Helper()
	var events []model.AuditEvent
	w.must(w.read().Find(&events).Error)
	all, err := json.Marshal(events)
	w.must(err)
	for _, secret := range secrets {
		if bytes.Contains(all, []byte(secret)) {
			w.t.Errorf("the audit contains %q", secret)
		}
	}
}

func ptr[T any](v T) *T { return &v }

func closing(u model.Unit) func(*gorm.DB) error {
	return func(tx *gorm.DB) error {
		return tx.Model(&model.Unit{}).Where("id = ?", u.ID).Update("closed_on", today).Error
	}
}

func posting(memberID int64, u model.Unit, title model.Title) func(*gorm.DB) error {
	return func(tx *gorm.DB) error {
		return tx.Create(&model.Post{ID: model.NewID(), MemberID: memberID, UnitID: u.ID, Title: title, StartedOn: "2020-01-01", EndedOn: model.Forever}).Error
	}
}
