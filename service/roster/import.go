package roster

import (
	"cmp"
	"context"
	"io"
	"slices"

	"gorm.io/gorm"

	"zhibu/model"
	"zhibu/office"
)

func rejectedRows(r office.Report) int {
	return len(distinct(r.Rejected, func(x office.Rejection) int { return x.Row }))
}

// Import reads a roster (.xlsx or .csv) for a unit and those below it, and creates and updates members and memberships;
// it never removes. What is blank in the file stays as it is. A file with bad rows is office.ErrRejected, together with
// the report. The same file again changes nothing and writes nothing.
func (s *Service) Import(ctx context.Context, actor model.Actor, unitID int64, content io.Reader, o office.ImportOptions) (office.Report, error) {
	if _, err := model.FindUnit(s.db.Read(ctx), actor, unitID, model.WriteRoster); err != nil { // before any work is done
		return office.Report{}, err
	}
	page, h, err := readFile(content)
	if err != nil {
		return office.Report{}, err
	}
	f, err := readRecords(page, h, s.today())
	if err != nil {
		return office.Report{}, err
	}
	if o.DryRun {
		p, err := s.planImport(s.db.Read(ctx), actor, unitID, f)
		if err != nil {
			return office.Report{}, err
		}
		return p.report, nil
	}
	var r office.Report
	err = s.db.Write(ctx, func(tx *gorm.DB) error {
		r, err = s.write(tx, actor, unitID, f, o.Partial)
		return err
	})
	if err != nil {
		r.Created, r.Updated = 0, 0
	}
	return r, err
}

func (s *Service) write(tx *gorm.DB, actor model.Actor, unitID int64, f rosterFile, partial bool) (office.Report, error) {
	// Of two imports into a unit at once the second waits, and then sees what the first has brought.
	if _, err := model.FindUnit(model.ForUpdate(tx), actor, unitID, model.WriteRoster); err != nil {
		return office.Report{}, err
	}
	p, err := s.planImport(tx, actor, unitID, f)
	switch {
	case err != nil:
		return office.Report{}, err
	case len(p.report.Rejected) > 0 && !partial:
		return p.report, p.report.Refusal()
	case len(p.touched) == 0:
		return p.report, nil
	}
	return p.report, p.commit(tx)
}

func (s *Service) planImport(tx *gorm.DB, actor model.Actor, unitID int64, f rosterFile) (*plan, error) {
	root, err := model.FindUnit(tx, actor, unitID, model.WriteRoster)
	if err != nil {
		return nil, err
	}
	tree, err := loadTree(tx, root)
	if err != nil {
		return nil, err
	}
	p, err := newPlan(tx, s.keys, actor, model.At(s.now()), tree, f.records)
	if err != nil {
		return nil, err
	}
	p.names = f.header.names
	p.report = office.Report{Rows: f.rows, Rejected: slices.Clone(f.rejected), IgnoredColumns: f.header.ignored}
	people, taken := p.matchAll(f.records)
	for i, rec := range taken {
		p.take(rec, people[i])
	}
	slices.SortStableFunc(p.report.Rejected, func(a, b office.Rejection) int { return cmp.Compare(a.Row, b.Row) })
	return p, nil
}
