package api

import (
	"context"
	"errors"
	"mime"

	"github.com/danielgtaylor/huma/v2"

	"zhibu/model"
	"zhibu/office"
	"zhibu/service/roster"
)

// importInput is a file of a unit or a study period.
type importInput struct {
	IDInput
	DryRun  bool `query:"dry_run" doc:"write nothing, and report what would happen"`
	Partial bool `query:"partial" doc:"take the good rows; otherwise one bad row refuses the file"`
	RawBody huma.MultipartFormFiles[struct {
		File huma.FormFile `form:"file" required:"true" doc:".xlsx or .csv, at most 20,000 rows"`
	}]
}

func (in *importInput) options() office.ImportOptions {
	return office.ImportOptions{DryRun: in.DryRun, Partial: in.Partial}
}

var errNotAForm = model.NewError(model.Unsupported, "unsupported_media_type", "请以表单（multipart/form-data）上传文件")

// formOnly refuses a body that is no form before it is read: huma would call it a field at fault.
func formOnly(next mount) mount {
	return func(s *server, a huma.API, op huma.Operation) {
		op.Middlewares = append(op.Middlewares, func(c huma.Context, proceed func(huma.Context)) {
			if mediaType, _, err := mime.ParseMediaType(c.Header("Content-Type")); err != nil || mediaType != "multipart/form-data" {
				s.problem(c.Context(), errNotAForm).write(a, c)
				return
			}
			proceed(c)
		})
		next(s, a, op)
	}
}

type importReport struct {
	Rows           int         `json:"rows"`
	Created        int         `json:"created"`
	Updated        int         `json:"updated"`
	Unchanged      int         `json:"unchanged"`
	Rejected       []rejection `json:"rejected"`
	IgnoredColumns []string    `json:"ignored_columns" doc:"columns of the file that are not kept"`
}

type rejection struct {
	Row     int    `json:"row" doc:"as the spreadsheet program shows it"`
	Column  string `json:"column" doc:"as the file calls it; empty for the whole row"`
	Code    string `json:"code"`
	Message string `json:"message"`
}

func importReportOf(r office.Report) importReport {
	b := importReport{
		Rows: r.Rows, Created: r.Created, Updated: r.Updated, Unchanged: r.Unchanged,
		Rejected: make([]rejection, len(r.Rejected)), IgnoredColumns: append([]string{}, r.IgnoredColumns...),
	}
	for i, x := range r.Rejected {
		b.Rejected[i] = rejection(x)
	}
	return b
}

type importOutput struct{ Body importReport }

func (s *server) importRoster(ctx context.Context, in *importInput) (*importOutput, error) {
	file := in.RawBody.Data().File
	defer file.Close()
	r, err := s.Roster.Import(ctx, actorOf(ctx), in.ID, file, in.options())
	return s.importOutput(ctx, r, err)
}

// importOutput is the report, also of a file that was refused.
func (s *server) importOutput(ctx context.Context, r office.Report, err error) (*importOutput, error) {
	if errors.Is(err, office.ErrRejected) {
		p := s.problem(ctx, err)
		p.Report = importReportOf(r)
		return nil, p
	}
	if err != nil {
		return nil, err
	}
	return &importOutput{Body: importReportOf(r)}, nil
}

type exportRosterInput struct {
	IDInput
	AsOf model.Date `query:"as_of" format:"date" doc:"the roster of that day; today when absent"`
}

func (s *server) exportRosterAs(format roster.Format, contentType string) func(context.Context, *exportRosterInput) (*file, error) {
	return func(ctx context.Context, in *exportRosterInput) (*file, error) {
		f, err := s.Roster.Export(ctx, actorOf(ctx), in.ID, in.AsOf, format)
		if err != nil {
			return nil, err
		}
		return attachment(contentType, f.Name, f.Content), nil
	}
}
