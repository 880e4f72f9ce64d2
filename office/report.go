package office

import (
	"fmt"
	"strings"

	"zhibu/model"
)

// ErrRejected is an import of which nothing was taken, because of some rows; the report beside it says which.
var ErrRejected = model.NewError(model.Invalid, "import_rejected", "文件里有不能导入的行，一行也没有导入：请按清单改好后重新导入")

// ImportOptions are how a file is taken.
type ImportOptions struct {
	DryRun  bool // write nothing and report what would happen
	Partial bool // take the good rows; otherwise one bad row refuses the file
}

// Report is what an import did or, for a dry run, would do. Rows is the sum of the other three and of the rows with
// something rejected; of a refused file nothing is created or updated.
type Report struct {
	Rows           int
	Created        int
	Updated        int
	Unchanged      int
	Rejected       []Rejection
	IgnoredColumns []string // columns of the file that are not kept
}

// Rejection is something in a file that cannot be taken.
type Rejection struct {
	Row     int    // as the spreadsheet program shows it
	Column  string // as the file calls it; empty for the whole row
	Code    string
	Message string
}

// maxFaults bounds the list in an error; the report has them all.
const maxFaults = 100

// Refusal is ErrRejected with the rows at fault.
func (r Report) Refusal() error {
	e := *ErrRejected
	for _, x := range r.Rejected[:min(len(r.Rejected), maxFaults)] {
		e.Fields = append(e.Fields, model.FieldError{
			Field: strings.TrimSpace(fmt.Sprintf("row %d %s", x.Row, x.Column)), Code: x.Code, Message: x.Message,
		})
	}
	return &e
}
