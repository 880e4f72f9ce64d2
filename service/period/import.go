package period

import (
	"context"
	"errors"
	"fmt"
	"io"
	"regexp"
	"slices"
	"strconv"
	"strings"

	"golang.org/x/text/unicode/norm"
	"gorm.io/gorm"

	"zhibu/model"
	"zhibu/office"
)

// The columns of an export of the official platform. Only the name is always there.
const (
	nameField, phoneField, timeField, issueField = "name", "phone", "completed_at", "number"
)

var importFields = []office.Field{
	{Key: nameField, Names: []string{"姓名", "团员姓名", "党员姓名", "学员姓名", "名字", "真实姓名"}, Required: true},
	{Key: phoneField, Names: []string{"手机号", "手机号码", "手机", "联系电话", "电话", "联系方式", "电话号码"}},
	{Key: timeField, Names: []string{"完成时间", "学习时间", "参学时间", "学习完成时间", "提交时间", "答题时间"}},
	{Key: issueField, Names: []string{"期数", "期次", "学习期数", "第几期"}},
}

// Import records the completions that an export of the official platform lists. Rows are matched by name and phone, a
// masked phone too, among those who are due inside the actor's units; without a phone the name has to be the only one. A
// file with bad rows is office.ErrRejected, together with the report. The same file again changes nothing.
func (s *Service) Import(ctx context.Context, actor model.Actor, periodID int64, content io.Reader, o office.ImportOptions) (r office.Report, err error) {
	p, err := s.look(ctx, actor, periodID)
	if err != nil {
		return r, err
	}
	if len(actor.Paths(model.RecordAttendance)) == 0 {
		return r, model.ErrForbidden
	}
	if err := takesChanges(p, model.At(s.now())); err != nil {
		return r, err
	}
	raw, err := office.Load(content)
	if err != nil {
		return r, err
	}
	table, err := office.ReadTable(raw, importFields)
	if err != nil {
		return r, err
	}
	if len(table.Rows) > office.MaxRows {
		return r, office.ErrTooManyRows
	}
	found, err := s.match(ctx, actor, p, table)
	if err != nil {
		return r, err
	}
	if o.DryRun && found.above {
		return r, model.ErrForbidden.Saying("试导入会显示谁已经完成，只能由支部进行；上级组织请直接导入")
	}
	memberIDs := make([]int64, 0, len(found.lines))
	for _, l := range found.lines {
		memberIDs = append(memberIDs, l.memberID)
	}
	err = s.change(ctx, actor, periodID, memberIDs, model.ForShare, func(_ *gorm.DB, p model.Period, l *ledger) error {
		r = office.Report{Rows: len(table.Rows), Rejected: slices.Clone(found.rejected), IgnoredColumns: table.Ignored}
		if err := s.take(actor, p, l, found.lines, table.Heads, &r); err != nil {
			return err
		}
		slices.SortStableFunc(r.Rejected, func(a, b office.Rejection) int { return a.Row - b.Row })
		switch {
		case o.DryRun:
			*l = *newLedger(l.now) // nothing to write
		case len(r.Rejected) > 0 && !o.Partial:
			return r.Refusal()
		}
		return nil
	})
	if err != nil {
		r.Created, r.Updated = 0, 0
	}
	if found.above {
		err = errors.Join(err, s.logImport(ctx, actor, p, r))
	}
	return r, err
}

// logImport keeps that somebody above the branches imported, or tried to: a report says more of people than he is shown.
func (s *Service) logImport(ctx context.Context, actor model.Actor, p model.Period, r office.Report) error {
	return s.db.Write(ctx, func(tx *gorm.DB) error {
		return model.Audit(tx, actor, model.At(s.now()), model.Deed{
			Action: "completions.import", Unit: p.Unit, SubjectID: p.ID, After: map[string]any{
				"rows": r.Rows, "created": r.Created, "updated": r.Updated, "unchanged": r.Unchanged, "rejected": len(r.Rejected),
			},
		})
	})
}

// imported is a row of the file that names a member.
type imported struct {
	row      office.Row
	memberID int64
	at       model.Instant // 0 when the file does not say
}

type matches struct {
	above    bool // one of the names is of somebody the actor is not shown
	lines    []imported
	rejected []office.Rejection
}

func (m *matches) reject(row office.Row, column, code, message string) {
	m.rejected = append(m.rejected, office.Rejection{Row: row.Number, Column: column, Code: code, Message: message})
}

// candidate is somebody due whom a row may mean.
type candidate struct {
	MemberID    int64
	UnitID      int64
	Path        string
	Kind        model.UnitKind
	NameKey     string
	PhoneSealed string
	PhoneHash   *string
}

// match finds the member of each row.
func (s *Service) match(ctx context.Context, actor model.Actor, p model.Period, t office.Table) (m matches, err error) {
	byName, err := s.candidates(ctx, actor, p, t)
	if err != nil {
		return m, err
	}
	v := s.viewer(actor)
	for _, namesakes := range byName {
		m.above = m.above || slices.ContainsFunc(namesakes, func(c candidate) bool { return !v.sees(c.UnitID, c.Path, c.Kind, 1) })
	}
	rowOf, times := map[int64]int{}, map[string]int{}
	for _, row := range t.Rows {
		at, ok := m.readTime(p, row, t)
		if !ok || !m.isOfPeriod(p, row, t) {
			continue
		}
		name := row.Text(nameField)
		if name == "" {
			m.reject(row, t.Heads[nameField], "required", "没有姓名")
			continue
		}
		if times[model.NameKey(name)]++; times[model.NameKey(name)] > maxNamesakes {
			m.reject(row, t.Heads[nameField], "repeated_row", fmt.Sprintf("同一姓名最多 %d 行", maxNamesakes))
			continue
		}
		who, code, message := s.find1(byName[model.NameKey(name)], row.Text(phoneField))
		if code != "" {
			column := t.Heads[nameField]
			if code == "phone_mismatch" || code == "invalid_phone" {
				column = t.Heads[phoneField]
			}
			m.reject(row, column, code, message)
			continue
		}
		if first, repeated := rowOf[who.MemberID]; repeated {
			m.reject(row, t.Heads[nameField], "repeated_row", fmt.Sprintf("与第 %d 行是同一个人", first))
			continue
		}
		rowOf[who.MemberID] = row.Number
		m.lines = append(m.lines, imported{row, who.MemberID, at})
	}
	return m, nil
}

// candidates are those due inside the actor's units who have one of the names.
func (s *Service) candidates(ctx context.Context, actor model.Actor, p model.Period, t office.Table) (map[string][]candidate, error) {
	names := map[string]bool{}
	var keys []string
	for _, row := range t.Rows {
		if k := model.NameKey(row.Text(nameField)); k != "" && !names[k] {
			names[k] = true
			keys = append(keys, k)
		}
	}
	byName := map[string][]candidate{}
	for chunk := range slices.Chunk(keys, 500) {
		var found []candidate
		err := s.db.Read(ctx).Model(&model.Membership{}).
			Select("members.id AS member_id, units.id AS unit_id, units.path, units.kind, members.name_key, members.phone_sealed, "+
				"members.phone_hash").
			Joins("JOIN units ON units.id = memberships.unit_id").Joins("JOIN members ON members.id = memberships.member_id").
			Scopes(p.Due(p.RosterAt(model.At(s.now()))), model.Within(actor, model.RecordAttendance)).
			Where("members.name_key IN ?", chunk).Find(&found).Error
		if err != nil {
			return nil, err
		}
		for _, c := range found {
			byName[c.NameKey] = append(byName[c.NameKey], c)
		}
	}
	return byName, nil
}

// find1 picks the one of the namesakes whom the phone means, or says why there is none.
func (s *Service) find1(namesakes []candidate, phone string) (found candidate, code, message string) {
	switch {
	case len(namesakes) == 0:
		return found, "not_invited", "不在您管理范围内的应参学人员中"
	case phone == "" && len(namesakes) > 1:
		return found, "ambiguous_name", "有同名的人，请补上手机号"
	case phone == "":
		return namesakes[0], "", ""
	}
	matching, err := s.withPhone(namesakes, phone)
	switch {
	case err != "":
		return found, "invalid_phone", err
	case len(matching) == 0:
		return found, "phone_mismatch", "手机号与花名册不符"
	case len(matching) > 1:
		return found, "ambiguous_name", "有同名且号码相近的人，请补上完整的手机号"
	}
	return matching[0], "", ""
}

// maskedPhone is what every officer sees of a number; less would let somebody feel his way to the rest.
var maskedPhone = regexp.MustCompile(`^([0-9]{3})\*{4}([0-9]{4})$`)

// maxNamesakes bounds the rows with one name: a file with every possible number of somebody finds his.
const maxNamesakes = 20

// withPhone keeps the candidates with the phone, of which the middle may be hidden.
func (s *Service) withPhone(candidates []candidate, phone string) (matching []candidate, fault string) {
	if seen := maskedPhone.FindStringSubmatch(strings.ReplaceAll(phone, " ", "")); seen != nil {
		for _, c := range candidates {
			full, err := s.keys.Open(model.PhoneColumn, c.PhoneSealed)
			if err == nil && strings.HasPrefix(full, seen[1]) && strings.HasSuffix(full, seen[2]) {
				matching = append(matching, c)
			}
		}
		return matching, ""
	}
	clean, ok := model.CleanPhone(phone)
	if !ok {
		return nil, "手机号有误"
	}
	hash := s.keys.Hash(model.PhoneColumn, clean)
	for _, c := range candidates {
		if c.PhoneHash != nil && *c.PhoneHash == hash {
			matching = append(matching, c)
		}
	}
	return matching, ""
}

// readTime reads when the row was completed. A day without a time counts from its beginning, or the opening.
func (m *matches) readTime(p model.Period, row office.Row, t office.Table) (model.Instant, bool) {
	text := row.Text(timeField)
	if text == "" {
		return 0, true
	}
	moment, dateOnly, err := office.ParseMoment(text, t.Date1904)
	at := model.At(moment)
	if dateOnly && at < p.OpensAt && at.Date() == p.OpensAt.Date() {
		at = p.OpensAt
	}
	switch {
	case err != nil:
		m.reject(row, t.Heads[timeField], "invalid_time", "时间有误：请写成 2026-11-20 18:30 或 2026-11-20")
	case at < p.OpensAt:
		m.reject(row, t.Heads[timeField], "outside_window", "完成时间早于本期开始时间")
	default:
		return at, true
	}
	return 0, false
}

var issueNumber = regexp.MustCompile(`^[^0-9]*?0*([0-9]+)(?:\.0+)?(?:\s*期.*)?$`)

// isOfPeriod refuses a row that names another number of the series, or none that can be read.
func (m *matches) isOfPeriod(p model.Period, row office.Row, t office.Table) bool {
	text := norm.NFKC.String(row.Text(issueField))
	if text == "" || p.Number == nil {
		return true
	}
	switch number := issueNumber.FindStringSubmatch(text); {
	case number == nil:
		m.reject(row, t.Heads[issueField], "invalid_value", "期数看不懂：请写成数字")
	case number[1] != strconv.Itoa(*p.Number):
		m.reject(row, t.Heads[issueField], "other_period", "不是"+p.Name()+"的记录")
	default:
		return true
	}
	return false
}

// take records the rows. Who imports cannot complete for himself that way, either.
func (s *Service) take(actor model.Actor, p model.Period, l *ledger, lines []imported, heads map[string]string, r *office.Report) error {
	for _, line := range lines {
		reject := func(field, code, message string) {
			r.Rejected = append(r.Rejected, office.Rejection{Row: line.row.Number, Column: heads[field], Code: code, Message: message})
		}
		k := key{p.ID, line.memberID}
		seat, due := l.due[k]
		if !due || !actor.May(model.RecordAttendance, seat.path) {
			reject(nameField, "not_invited", "不在您管理范围内的应参学人员中")
			continue
		}
		at := line.at
		switch {
		case at == 0 && p.State(l.now) == model.PeriodReopened: // whoever has completed already: else it would tell who has not
			reject(timeField, "completed_at_required", "更正时须有完成时间一列")
			continue
		case at == 0:
			at = l.now
		case at > l.now:
			reject(timeField, "in_future", "完成时间不能晚于现在")
			continue
		}
		if actor.IsMember(line.memberID) && seat.record == nil {
			reject(nameField, "own_record", "不能为本人登记，请本人在手机上完成，或由其他同志导入")
			continue
		}
		effect := Unchanged
		if !actor.IsMember(line.memberID) {
			var err error
			effect, err = l.record(actor, p, model.Completion{
				ID: model.NewID(), PeriodID: p.ID, MemberID: line.memberID, Source: model.ByImport, CompletedAt: at,
				RecordedAt: l.now, RecordedBy: actor.Ref(),
			})
			if err != nil {
				return err
			}
		}
		switch effect {
		case Created:
			r.Created++
		case Updated:
			r.Updated++
		default:
			r.Unchanged++
		}
	}
	return nil
}
