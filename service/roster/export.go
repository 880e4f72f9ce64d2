package roster

import (
	"context"
	"slices"
	"strconv"
	"strings"

	"gorm.io/gorm"

	"zhibu/model"
)

// Format is a kind of file.
type Format string

const (
	XLSX Format = "xlsx"
	CSV  Format = "csv"
)

// File is a roster to save.
type File struct {
	Name    string
	Content []byte
}

// Export writes the roster of a unit and all below it on a day (today when empty), one row per membership, in the
// columns that Import reads: importing it again changes nothing, and importing it where there is nothing yet makes the same
// roster. Phone and id numbers are today's, so they are full for whoever may read them where the member is today, and
// masked for others, as of members who have left. Each export is in the audit. A workbook names the one who made it in
// its title; a .csv has none, as other programs would trip on it, so its name says who made it and when.
func (s *Service) Export(ctx context.Context, actor model.Actor, unitID int64, asOf model.Date, format Format) (File, error) {
	tx := s.db.Read(ctx)
	unit, err := model.FindUnit(tx, actor, unitID, model.ReadRoster)
	if err != nil {
		return File{}, err
	}
	if asOf == "" {
		asOf = s.today()
	}
	rows, masked, err := s.exportRows(tx, actor, unit, asOf)
	if err != nil {
		return File{}, err
	}
	t := table{
		title: unit.Name + "花名册（截至 " + string(asOf) + "，" + strconv.Itoa(len(rows)) + " 人，导出人 " + actor.Name + "）",
		head:  exportHead(unit.Kind.Track()), rows: rows,
	}
	f := File{Name: unit.Name + "花名册-" + string(asOf) + "." + string(format)}
	if format == CSV {
		f.Name = unit.Name + "花名册-" + string(asOf) + "-" + actor.Name + s.now().In(model.Shanghai).Format("20060102-150405") + "导出.csv"
	}
	if f.Content, err = t.write(format); err != nil {
		return File{}, err
	}
	return f, s.db.Write(ctx, func(tx *gorm.DB) error {
		return model.Audit(tx, actor, model.At(s.now()), model.Deed{Action: "roster.export", Unit: unit, SubjectID: unit.ID,
			After: map[string]any{"rows": len(rows), "as_of": asOf, "format": format, "masked": masked}})
	})
}

// exported are the columns of an export.
var exported = []field{
	fName, fGender, fEthnicity, fBirth, fIDNumber, fPhone, fEducation, fJobTitle, fBranch, fGroup, fKind, fCategory, fHardship,
	fState, fJoined, fConfirmed, fStarted, fTitles, fNote, fNumber,
}

func exportHead(track model.Track) (head []string) {
	league := map[field]string{
		fGroup: "团小组", fKind: "团员类别", fHardship: "困难团员", fState: "团籍状态", fJoined: "入团时间", fTitles: "团内职务",
	}
	for _, f := range exported {
		name := columnNames[f][0]
		if other, ok := league[f]; ok && track == model.League {
			name = other
		}
		head = append(head, name)
	}
	return head
}

// exportRows returns the rows, and in how many of them the actor may not read phone and id number.
func (s *Service) exportRows(tx *gorm.DB, actor model.Actor, unit model.Unit, asOf model.Date) (rows [][]string, masked int, err error) {
	at := asOf.Start()
	tree, err := loadTree(tx, unit)
	if err != nil {
		return nil, 0, err
	}
	var memberships []model.Membership
	err = tx.Model(&model.Membership{}).Joins("JOIN units ON units.id = memberships.unit_id").
		Scopes(model.OnRoster(at), model.Under(unit.Path)).Select("memberships.*").Find(&memberships).Error
	if err != nil {
		return nil, 0, err
	}
	ids := distinct(memberships, func(m model.Membership) int64 { return m.MemberID })
	members, err := findIn[model.Member](tx, "id", ids)
	if err != nil {
		return nil, 0, err
	}
	offices, err := loadOffices(tx, ids, at)
	if err != nil {
		return nil, 0, err
	}
	episodes, err := loadEpisodes(tx, ids)
	if err != nil {
		return nil, 0, err
	}
	byID := map[int64]model.Member{}
	for _, m := range members {
		byID[m.ID] = m
	}
	slices.SortFunc(memberships, func(a, b model.Membership) int { return tree.compare(a, b, byID) })
	for _, m := range memberships {
		full := slices.ContainsFunc(presentOf(episodes[m.MemberID], s.today()), func(e Episode) bool {
			return actor.May(model.ReadPersonal, e.Unit.Path)
		})
		if !full {
			masked++
		}
		row, err := s.exportRow(tree, byID[m.MemberID], m, offices[m.MemberID], full)
		if err != nil {
			return nil, 0, err
		}
		rows = append(rows, row)
	}
	return rows, masked, nil
}

// compare orders the rows of an export: by branch as the tree has them, then by name.
func (t unitTree) compare(a, b model.Membership, members map[int64]model.Member) int {
	order := func(m model.Membership) string {
		u := t.byID[m.UnitID]
		return strings.Join([]string{u.Code, u.Path, members[m.MemberID].NameSort}, "\x00")
	}
	if c := strings.Compare(order(a), order(b)); c != 0 {
		return c
	}
	return int(max(-1, min(1, a.ID-b.ID)))
}

func (s *Service) exportRow(t unitTree, m model.Member, membership model.Membership, offices []Office, full bool) ([]string, error) {
	p, err := openPerson(m, s.keys)
	if err != nil {
		return nil, err
	}
	if !full {
		p.Phone, p.IDNumber = model.MaskPhone(p.Phone), model.MaskIDNumber(p.IDNumber)
	}
	where := target{branch: t.byID[membership.UnitID]}
	if isGroup(where.branch.Kind) && where.branch.ParentID != nil {
		group := where.branch
		where = target{branch: t.byID[*group.ParentID], group: &group}
	}
	cells := map[field]string{
		fNumber: strconv.FormatInt(m.ID, 10), fName: p.Name, fGender: keyOf(map[string]string{"男": "male", "女": "female"}, p.Gender),
		fEthnicity: p.Ethnicity, fBirth: string(p.BirthDate), fIDNumber: p.IDNumber, fPhone: p.Phone, fEducation: p.Education,
		fJobTitle: p.JobTitle, fBranch: t.label(where.branch), fNote: p.Note,
		fKind:     keyOf(map[string]model.MembershipKind{"正式党员": model.Full, "预备党员": model.Probationary, "共青团员": model.LeagueMember}, membership.Kind),
		fCategory: keyOf(map[string]model.Category{"在职": model.InService, "离退休": model.Retired, "流动": model.Floating}, membership.Category),
		fHardship: keyOf(map[string]bool{"是": true, "否": false}, membership.Hardship),
		fState:    stateText(membership), fJoined: string(membership.JoinedOn), fConfirmed: string(membership.ConfirmedOn),
		fStarted: string(membership.StartedOn),
		fTitles:  t.titlesText(offices, where),
	}
	if where.group != nil {
		cells[fGroup] = where.group.Name
	}
	row := make([]string, len(exported))
	for i, f := range exported {
		row[i] = guard(cells[f])
	}
	return row, nil
}

func (t unitTree) titlesText(offices []Office, where target) string {
	var names []string
	for _, o := range offices {
		if text := t.titleText(o, where); text != "" && !slices.Contains(names, text) {
			names = append(names, text)
		}
	}
	return strings.Join(names, "、")
}

func stateText(m model.Membership) string {
	switch {
	case m.State == model.Active:
		return "正常"
	case m.Track == model.League:
		return "停止团籍"
	}
	return "停止党籍"
}

func keyOf[V comparable](names map[string]V, value V) string {
	for name, v := range names {
		if v == value {
			return name
		}
	}
	return ""
}

// guard makes a cell harmless, so that cellText reads the same text out of it: a quote before what a spreadsheet program
// would run as a formula, and before a quote.
func guard(s string) string {
	if strings.HasPrefix(s, "'") {
		return "'" + s
	}
	return model.SafeCell(s)
}
