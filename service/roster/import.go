package roster

import (
	"cmp"
	"context"
	"fmt"
	"io"
	"slices"
	"strings"

	"gorm.io/gorm"

	"zhibu/model"
)

// ErrImportRejected is an import of which nothing was taken, because of some rows; the report says which.
var ErrImportRejected = model.NewError(model.Invalid, "import_rejected", "文件里有不能导入的行，一行也没有导入：请按清单改好后重新导入")

// Report is what an import did or, for a dry run, would do. Rows is the sum of the other three and of the rows with
// something rejected; of a refused file nothing is created or updated.
type Report struct {
	Rows           int
	Created        int
	Updated        int
	Unchanged      int
	Rejected       []Rejection
	IgnoredColumns []string // columns of the file that the roster does not keep
}

func (r Report) rejectedRows() int {
	return len(distinct(r.Rejected, func(r Rejection) int { return r.Row }))
}

// maxFaults bounds the list in an error; the report has them all.
const maxFaults = 100

// refusal is the error of a file with bad rows.
func (r Report) refusal() error {
	e := *ErrImportRejected
	for _, x := range r.Rejected[:min(len(r.Rejected), maxFaults)] {
		e.Fields = append(e.Fields, model.FieldError{Field: strings.TrimSpace(fmt.Sprintf("row %d %s", x.Row, x.Column)), Code: x.Code, Message: x.Message})
	}
	return &e
}

// ImportOptions are how a file is taken.
type ImportOptions struct {
	DryRun  bool // write nothing and report what would happen
	Partial bool // take the good rows; otherwise one bad row refuses the file
}

// Import reads a roster (.xlsx or .csv) for a unit and those below it, and creates and updates members and memberships;
// it never removes. What is blank in the file stays as it is. A file with bad rows is ErrImportRejected, together with
// the report. The same file again changes nothing and writes nothing.
func (s *Service) Import(ctx context.Context, actor model.Actor, unitID int64, content io.Reader, o ImportOptions) (Report, error) {
	if _, err := model.FindUnit(s.db.Read(ctx), actor, unitID, model.WriteRoster); err != nil { // before any work is done
		return Report{}, err
	}
	page, h, err := readFile(content)
	if err != nil {
		return Report{}, err
	}
	f, err := readRecords(page, h, s.today())
	if err != nil {
		return Report{}, err
	}
	if o.DryRun {
		p, err := s.planImport(s.db.Read(ctx), actor, unitID, f)
		if err != nil {
			return Report{}, err
		}
		return p.report, nil
	}
	var r Report
	err = s.db.Write(ctx, func(tx *gorm.DB) error {
		r, err = s.write(tx, actor, unitID, f, o.Partial)
		return err
	})
	if err != nil {
		r.Created, r.Updated = 0, 0
	}
	return r, err
}

func (s *Service) write(tx *gorm.DB, actor model.Actor, unitID int64, f rosterFile, partial bool) (Report, error) {
	// Of two imports into a unit at once the second waits, and then sees what the first has brought.
	if _, err := model.FindUnit(model.ForUpdate(tx), actor, unitID, model.WriteRoster); err != nil {
		return Report{}, err
	}
	p, err := s.planImport(tx, actor, unitID, f)
	switch {
	case err != nil:
		return Report{}, err
	case len(p.report.Rejected) > 0 && !partial:
		return p.report, p.report.refusal()
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
	p.report = Report{Rows: f.rows, Rejected: slices.Clone(f.rejected), IgnoredColumns: f.header.ignored}
	people, taken := p.matchAll(f.records)
	for i, rec := range taken {
		p.take(rec, people[i])
	}
	slices.SortStableFunc(p.report.Rejected, func(a, b Rejection) int { return cmp.Compare(a.Row, b.Row) })
	return p, nil
}
