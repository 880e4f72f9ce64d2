package api_test

import (
	"bytes"
	"fmt"
	"maps"
	"mime/multipart"
	"net/http"
	"net/http/httptest"
	"os"
	"slices"
	"strings"
	"testing"

	"gorm.io/gorm"

	"zhibu/api"
	"zhibu/model"
)

// TestRouteTable compares the routes with the list that is reviewed. Run it with ZHIBU_TEST_UPDATE=1 to rewrite the list.
func TestRouteTable(t *testing.T) {
	const golden = "testdata/routes.golden"
	var b strings.Builder
	for _, r := range api.RouteTable() {
		fmt.Fprintf(&b, "%-6s %-45s %-8s %s\n", r.Method, r.Path, r.Role, r.Operation)
	}
	if os.Getenv("ZHIBU_TEST_UPDATE") != "" {
		if err := os.WriteFile(golden, []byte(b.String()), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	kept, err := os.ReadFile(golden)
	if err != nil || string(kept) != b.String() {
		t.Errorf("the routes are not those of %s (%v):\n%s", golden, err, b.String())
	}
}

// visitor is somebody who tries a route on a unit, with what has to come of it.
type visitor struct {
	name   string
	member int64
	unit   int64
	want   verdict
}

type verdict string

const (
	pass      verdict = "pass"      // let through to the rule of the matter: anything but 401, 403, 404, 5xx
	forbidden verdict = "forbidden" // the unit is seen, the deed is not allowed
	hidden    verdict = "hidden"    // 404
)

// officers is what a deed of the secretary's kind has to answer for each visitor: own, child, sibling, parent and
// look-alike units, another tree, and people without the office.
var officers = []visitor{
	{"secretary at his branch", secretary, branch, pass},
	{"secretary at the group below", secretary, group, pass},
	{"secretary at the sibling", secretary, sibling, hidden},
	{"secretary at the parent", secretary, root, forbidden},
	{"secretary at the league", secretary, leagueBranch, hidden},
	{"secretary at another tree", secretary, otherBranch, hidden},
	{"neighbour at the branch", neighbour, branch, hidden},
	{"neighbour at a look-alike group", neighbour, group, hidden},
	{"admin of the root at a branch", chief, branch, pass},
	{"admin of the root at the root", chief, root, pass},
	{"admin of the root at another tree", chief, otherRoot, hidden},
	{"stranger at the root", stranger, root, hidden},
	{"stranger at a look-alike branch", stranger, branch, hidden},
	{"member at his branch", plain, branch, forbidden},
	{"member at the root", plain, root, forbidden},
	{"member at the sibling", plain, sibling, hidden},
	{"auditor of the root at a branch", auditor, branch, forbidden},
}

// readers is the same for what every officer may look at.
var readers = func() []visitor {
	all := append([]visitor{}, officers...)
	for i, v := range all {
		if v.member == auditor {
			all[i].want = pass
		}
	}
	return append(all, visitor{"group leader at his group", leader, group, pass}, visitor{"group leader at the branch", leader, branch, forbidden})
}()

// line is how a route is tried: on a unit, or on a thing of that unit. Routes about the caller himself and public ones
// have no visitors.
type line struct {
	visitors []visitor
	request  func(w *world, unit int64) (path string, body any)
}

// memberOf names a member on the roster of the unit who holds no office, where there is one.
func memberOf(unit int64) int64 {
	switch unit {
	case group:
		return leader
	case sibling:
		return colleague
	case leagueBranch, leagueRoot:
		return youth
	case otherBranch, otherRoot:
		return stranger
	}
	return nobody
}

// activityOf plans, as the console, an activity held by the unit for the unit, now open for check-in.
func (w *world) activityOf(unit int64) int64 {
	w.t.Helper()
	w.made++
	plan := object{
		"unit_id": unit, "kind": "theme_day", "title": fmt.Sprint("walk ", w.made),
		"starts_at": "2026-03-02T09:10:00+08:00", "ends_at": "2026-03-02T11:00:00+08:00",
	}
	return w.call("POST", "/activities", w.console(), plan).wants(201).number("id")
}

func onUnit(suffix string, body any) func(*world, int64) (string, any) {
	return func(_ *world, unit int64) (string, any) { return fmt.Sprintf("/units/%d%s", unit, suffix), body }
}

func onActivity(suffix string, body any) func(*world, int64) (string, any) {
	return func(w *world, unit int64) (string, any) {
		return fmt.Sprintf("/activities/%d%s", w.activityOf(unit), suffix), body
	}
}

func onMember(suffix string, body object) func(*world, int64) (string, any) {
	return func(_ *world, unit int64) (string, any) {
		b := maps.Clone(body)
		if _, named := b["unit_id"]; named {
			b["unit_id"] = unit
		}
		if b == nil {
			return fmt.Sprintf("/members/%d%s", memberOf(unit), suffix), nil
		}
		return fmt.Sprintf("/members/%d%s", memberOf(unit), suffix), b
	}
}

// withoutRoots leaves out what has no member of its own.
func withoutRoots(visitors []visitor) []visitor {
	return slices.DeleteFunc(slices.Clone(visitors), func(v visitor) bool { return v.unit == root || v.unit == otherRoot })
}

// but changes what has to come of single visitors.
func but(visitors []visitor, changes map[string]verdict) []visitor {
	visitors = slices.Clone(visitors)
	for name, want := range changes {
		i := slices.IndexFunc(visitors, func(v visitor) bool { return v.name == name })
		visitors[i].want = want
	}
	return visitors
}

// lines has a line for every route; a route without one fails the test.
func lines() map[string]line {
	seesBelow := map[string]verdict{ // an activity of the root is for the branch, too
		"secretary at the parent": pass,
	}
	everyone := but(readers, map[string]verdict{
		"secretary at the parent": pass, "member at his branch": pass, "member at the root": pass, "group leader at the branch": pass,
	})
	admins := but(officers, map[string]verdict{
		"secretary at his branch": forbidden, "secretary at the group below": forbidden,
	})
	own := line{}
	leave := func(w *world, unit int64) (string, any) {
		member := memberOf(unit)
		id := w.leaveOf(w.activityOf(unit), member)
		return fmt.Sprintf("/leaves/%d/decision", id), object{"approve": true}
	}
	all := map[string]line{
		"sign-in-wechat": own, "sign-in-password": own, "bind": own, "refresh": own, "logout": own, "read-me": own,
		"export-my-data": own, "erase-my-data": own, "read-todo": own, "check-in-batch": own, "list-features": own,
		"submit-feedback": own, "list-feedback": own, "list-units": own, "list-activities": own,
		"verify-audit-events": own, "reply-feedback": own, // their own tests walk them
		"list-audit-events": {own.visitors, func(_ *world, unit int64) (string, any) {
			return fmt.Sprintf("/audit-events?unit_id=%d", unit), nil
		}},

		"create-unit": {officers, func(_ *world, unit int64) (string, any) {
			return "/units", object{"parent_id": unit, "kind": "party_group", "name": "新组", "code": "9"}
		}},
		"change-unit": {officers, onUnit("", object{"code": "77"})},
		"close-unit":  {officers, onUnit("/close", object{"on": "2026-03-02", "reason": "合并"})},
		"list-posts": {but(readers, map[string]verdict{
			"secretary at the parent": forbidden, "member at his branch": pass, "group leader at the branch": pass,
		}), onUnit("/posts", nil)},
		"appoint": {officers, onMember("/posts", object{"unit_id": 0, "title": "publicity", "started_on": "2026-03-01", "term_ends_on": "2029-03-01"})},
		"end-post": {withoutRoots(officers), func(w *world, unit int64) (string, any) {
			return fmt.Sprintf("/posts/%d/end", w.postOf(unit)), object{"on": "2026-03-02", "reason": "调整"}
		}},
		"list-members": {but(readers, map[string]verdict{
			"member at his branch": pass, "group leader at the branch": pass,
		}), onUnit("/members", nil)},
		"create-member": {officers, onUnit("/members", object{"name": "新人", "phone": "19911112222",
			"membership": object{"track": "party", "kind": "full", "started_on": "2026-03-01"}})},
		"import-roster":     {officers, onUnit("/roster/import", upload("姓名,电话\n甲,19922223333\n"))},
		"export-roster":     {readers, onUnit("/roster.xlsx", nil)},
		"export-roster-csv": {readers, onUnit("/roster.csv", nil)},
		"read-member":       {withoutRoots(readers), onMember("", nil)},
		"change-member":     {withoutRoots(officers), onMember("", object{"job_title": "科员"})},
		"transfer-member": {withoutRoots(officers), func(_ *world, unit int64) (string, any) {
			return fmt.Sprintf("/members/%d/transfers", memberOf(unit)), object{"to_unit_id": unit, "effective_on": "2026-03-02", "reason": "调动"}
		}},
		"end-membership": {withoutRoots(officers), func(_ *world, unit int64) (string, any) {
			home := unit
			if unit == leagueRoot {
				home = leagueBranch
			}
			return fmt.Sprintf("/memberships/%d/end", 1000*memberOf(unit)+home), object{"on": "2026-03-03", "reason": "转出"}
		}},
		"cancel-transfer": {withoutRoots(officers), func(w *world, unit int64) (string, any) {
			return fmt.Sprintf("/transfers/%d/cancel", w.departureOf(unit)), object{"reason": "填错"}
		}},
		"list-settings":        {readers, onUnit("/settings", nil)},
		"read-setting-history": {readers, onUnit("/settings/participation.decide_on", nil)},
		"change-setting":       {admins, onUnit("/settings/participation.decide_on", object{"value": "raw"})},
		"withdraw-setting": {admins, func(w *world, unit int64) (string, any) {
			path := fmt.Sprintf("/units/%d/settings/participation.min_days", unit)
			w.call("PUT", path, w.console(), object{"value": "30", "effective_on": "2026-04-01"}).wants(200)
			return path + "?effective_on=2026-04-01", nil
		}},
		"invite-member": {withoutRoots(officers), onMember("/invite", nil)},
		"unbind-member": {withoutRoots(officers), onMember("/wechat", object{"reason": "换手机"})},

		"create-activity": {but(officers, map[string]verdict{}), func(w *world, unit int64) (string, any) {
			w.made++
			return "/activities", object{"unit_id": unit, "kind": "lesson", "title": fmt.Sprint("课 ", w.made),
				"starts_at": "2026-03-03T09:00:00+08:00", "ends_at": "2026-03-03T10:00:00+08:00"}
		}},
		"read-activity":          {everyone, onActivity("", nil)},
		"change-activity":        {officers, onActivity("", object{"place": "二楼"})},
		"cancel-activity":        {officers, onActivity("/cancel", object{"reason": "停电"})},
		"file-minutes":           {officers, onActivity("/minutes", object{"minutes": "记录"})},
		"mark-upstream":          {officers, onActivity("/upstream", object{"entered_on": "2026-03-02", "reference": "1"})},
		"read-check-in-code":     {officers, onActivity("/check-in-code", nil)},
		"draw-check-in-code":     {officers, onActivity("/check-in-code.png", nil)},
		"draw-mini-program-code": {officers, onActivity("/check-in-code/qrcode.jpg", nil)},
		"record-attendance": {but(officers, seesBelow), onActivity("/attendance",
			object{"entries": []object{{"member_id": nobody, "state": "present", "source": "roll_call"}}})},
		"read-attendance":   {but(readers, map[string]verdict{"secretary at the parent": pass, "group leader at the branch": pass}), onActivity("/attendance", nil)},
		"export-attendance": {but(readers, map[string]verdict{"secretary at the parent": pass, "group leader at the branch": pass}), onActivity("/attendance.xlsx", nil)},
		"list-leaves":       {but(officers, seesBelow), onActivity("/leaves", nil)},
		"decide-leave":      {but(withoutRoots(officers), map[string]verdict{"member at his branch": hidden}), leave},
		"check-in": {but(officers, map[string]verdict{ // whoever is not invited is told so, though the activity is not his
			"secretary at the group below": forbidden, "secretary at the sibling": forbidden, "secretary at the parent": pass,
			"secretary at the league": forbidden, "secretary at another tree": forbidden, "neighbour at the branch": forbidden,
			"neighbour at a look-alike group": forbidden, "admin of the root at another tree": forbidden, "stranger at the root": forbidden,
			"stranger at a look-alike branch": forbidden, "member at his branch": pass, "member at the root": pass,
			"member at the sibling": forbidden, "auditor of the root at a branch": pass,
		}), onActivity("/check-ins", object{"code": "X-Y"})},
		"request-leave": {but(officers, map[string]verdict{
			"secretary at the group below": forbidden, "secretary at the parent": pass, "member at his branch": pass,
			"member at the root": pass, "auditor of the root at a branch": pass,
		}), onActivity("/leaves", object{"reason_category": "sick"})},
	}
	maps.Copy(all, periodLines())
	maps.Copy(all, duesLines())
	maps.Copy(all, pushLines())
	return all
}

// needs is the permission that decides each route, for TestEveryRouteWithEveryTitle.
var needs = map[string]model.Permission{
	"create-unit":            model.WriteUnits,
	"change-unit":            model.WriteUnits,
	"close-unit":             model.WriteUnits,
	"appoint":                model.WriteUnits,
	"end-post":               model.WriteUnits,
	"create-member":          model.WriteRoster,
	"import-roster":          model.WriteRoster,
	"export-roster":          model.ReadRoster,
	"export-roster-csv":      model.ReadRoster,
	"read-member":            model.ReadRoster,
	"change-member":          model.WriteRoster,
	"transfer-member":        model.WriteRoster,
	"end-membership":         model.WriteRoster,
	"cancel-transfer":        model.WriteRoster,
	"list-settings":          model.ReadRoster,
	"read-setting-history":   model.ReadRoster,
	"change-setting":         model.Administer,
	"withdraw-setting":       model.Administer,
	"invite-member":          model.WriteRoster,
	"unbind-member":          model.WriteRoster,
	"create-activity":        model.WriteActivities,
	"change-activity":        model.WriteActivities,
	"cancel-activity":        model.WriteActivities,
	"file-minutes":           model.WriteActivities,
	"mark-upstream":          model.WriteActivities,
	"read-check-in-code":     model.WriteActivities,
	"draw-check-in-code":     model.WriteActivities,
	"draw-mini-program-code": model.WriteActivities,
	"record-attendance":      model.RecordAttendance,
	"read-attendance":        model.ReadRoster,
	"export-attendance":      model.ReadRoster,
	"list-leaves":            model.DecideLeave,
	"decide-leave":           model.DecideLeave,
	"list-audit-events":      model.ReadAudit,
}

// upload is a spreadsheet in a multipart form.
type upload string

// leaveOf has a member ask for leave, directly in the database: he may have no phone.
func (w *world) leaveOf(activityID, memberID int64) int64 {
	w.t.Helper()
	l := model.Leave{ID: model.NewID(), ActivityID: activityID, MemberID: memberID, ReasonCategory: "sick", State: model.LeavePending, RequestedAt: 1}
	w.must(w.db.Write(w.t.Context(), func(tx *gorm.DB) error { return tx.Create(&l).Error }))
	return l.ID
}

// departureOf has a member of the unit leave in a month, and returns the record, which can still be cancelled.
func (w *world) departureOf(unit int64) int64 {
	w.t.Helper()
	home := unit
	if unit == leagueRoot {
		home = leagueBranch
	}
	member := memberOf(unit)
	t := model.Transfer{
		ID: model.NewID(), MemberID: member, Track: model.Party, FromUnitID: home, EffectiveOn: "2026-04-01", Reason: "转出", CreatedBy: "system",
	}
	if home == leagueBranch {
		t.Track = model.League
	}
	w.must(w.db.Write(w.t.Context(), func(tx *gorm.DB) error {
		if err := tx.Where("member_id = ?", member).Delete(&model.Transfer{}).Error; err != nil {
			return err
		}
		if err := tx.Model(&model.Membership{}).Where("id = ?", 1000*member+home).Update("ended_on", t.EffectiveOn).Error; err != nil {
			return err
		}
		return tx.Create(&t).Error
	}))
	return t.ID
}

// postOf gives a member of the unit an office that ends with the test.
func (w *world) postOf(unit int64) int64 {
	w.t.Helper()
	p := model.Post{ID: model.NewID(), MemberID: memberOf(unit), UnitID: unit, Title: model.Youth, StartedOn: "2026-01-01", EndedOn: model.Forever}
	w.must(w.db.Write(w.t.Context(), func(tx *gorm.DB) error {
		if err := tx.Where("title = ?", model.Youth).Delete(&model.Post{}).Error; err != nil {
			return err
		}
		return tx.Create(&p).Error
	}))
	return p.ID
}

// send makes the request of a line.
func (w *world) visit(method, path, token string, body any) *answer {
	w.t.Helper()
	content, isUpload := body.(upload)
	if !isUpload {
		return w.call(method, path, token, body)
	}
	var b bytes.Buffer
	form := multipart.NewWriter(&b)
	part, err := form.CreateFormFile("file", "roster.csv")
	w.must(err)
	_, err = part.Write([]byte(content))
	w.must(err)
	w.must(form.Close())
	r := httptest.NewRequestWithContext(w.t.Context(), method, "/api/v1"+path, &b)
	r.Header.Set("Content-Type", form.FormDataContentType())
	return w.send(r, token)
}

// TestEveryRouteWithEveryRole walks all routes with all visitors. What is refused leaves no trace in the audit, unless it was
// about money.
func TestEveryRouteWithEveryRole(t *testing.T) {
	all := lines()
	each(t, func(t *testing.T, w *world) {
		unbound := w.tokenOf("o-nobody-knows")
		for _, r := range api.RouteTable() {
			l, ok := all[r.Operation]
			if !ok {
				t.Errorf("%s has no line in this test", r.Operation)
				continue
			}
			if r.Role != "public" {
				w.walkStrangers(r, unbound)
			}
			for _, v := range l.visitors {
				w.signInAgain(v.member)
				path, body := l.request(w, v.unit)
				before := w.events()
				a := w.visit(r.Method, path, w.token(v.member), body)
				if !v.want.holds(a.Code) {
					t.Errorf("%s as %s: %d, want %s: %s", r.Operation, v.name, a.Code, v.want, a.Body)
				}
				if a.Code >= 400 {
					w.leftTrace(r.Operation, v.name, before, a)
				}
			}
		}
	})
}

// TestEveryRouteWithEveryTitle gives one member each office in turn and holds the answers against the matrix.
func TestEveryRouteWithEveryTitle(t *testing.T) {
	all := lines()
	needs := maps.Clone(needs)
	maps.Copy(needs, periodNeeds)
	maps.Copy(needs, duesNeeds)
	maps.Copy(needs, pushNeeds)
	titles := []model.Title{
		model.Secretary, model.DeputySecretary, model.Organiser, model.Publicity, model.Discipline, model.Youth, model.GroupLeader,
		model.LeagueSecretary, model.LeagueDeputySecretary, model.Auditor, model.Admin,
	}
	each(t, func(t *testing.T, w *world) {
		for _, r := range api.RouteTable() {
			permission, decides := needs[r.Operation]
			if !decides {
				continue
			}
			for _, title := range titles {
				w.signInAgain(plain)
				w.appoint(plain, branch, title)
				want := forbidden
				if (model.Actor{Grants: []model.Grant{{Path: "/1/10/", Title: title}}}).May(permission, "/1/10/") {
					want = pass
				}
				path, body := all[r.Operation].request(w, branch)
				if a := w.visit(r.Method, path, w.token(plain), body); !want.holds(a.Code) {
					t.Errorf("%s as %s: %d, want %s: %s", r.Operation, title, a.Code, want, a.Body)
				}
			}
		}
	})
}

// appoint gives the member this office and no other.
func (w *world) appoint(member, unit int64, title model.Title) {
	w.t.Helper()
	p := model.Post{ID: model.NewID(), MemberID: member, UnitID: unit, Title: title, StartedOn: "2026-01-01", EndedOn: model.Forever}
	w.must(w.db.Write(w.t.Context(), func(tx *gorm.DB) error {
		if err := tx.Where("member_id = ?", member).Delete(&model.Post{}).Error; err != nil {
			return err
		}
		return tx.Create(&p).Error
	}))
}

// signInAgain makes sure of a good token: a visitor before may have unbound this one's phone, which it gets back.
func (w *world) signInAgain(member int64) {
	w.t.Helper()
	if w.call("GET", "/activities?limit=1", w.token(member), nil).Code == http.StatusOK {
		return
	}
	w.must(w.db.Write(w.t.Context(), func(tx *gorm.DB) error {
		return tx.Model(&model.Binding{}).Where("member_id = ?", member).Update("unbound_at", 0).Error
	}))
	delete(w.tokens, openIDOf(member))
	w.token(member)
}

// walkStrangers tries a route without a token, with a false one, and with one that is not bound yet.
func (w *world) walkStrangers(r api.Route, unbound string) {
	w.t.Helper()
	path := strings.ReplaceAll(r.Path, "{id}", fmt.Sprint(branch))
	before := w.events()
	w.call(r.Method, path, "", nil).refuses(401, "unauthenticated")
	w.call(r.Method, path, "eyJhbGciOiJub25lIn0.eyJzaWQiOiIxIn0.", nil).refuses(401, "unauthenticated")
	if r.Role != "session" {
		w.call(r.Method, path, unbound, nil).refuses(403, "not_bound")
	}
	if w.events() != before {
		w.t.Errorf("%s: a stranger left an audit event", r.Operation)
	}
}

func (v verdict) holds(status int) bool {
	switch v {
	case forbidden:
		return status == http.StatusForbidden
	case hidden:
		return status == http.StatusNotFound
	}
	return status < 500 && status != http.StatusUnauthorized && status != http.StatusForbidden && status != http.StatusNotFound
}
