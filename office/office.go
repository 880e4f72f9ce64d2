// Package office reads and writes the files people open in an office program: tables (.xlsx, .csv), documents (.docx),
// charts (.png). It knows nothing of what is in them.
package office

import (
	"io"

	"zhibu/model"
)

// The bounds of a file that is read.
const (
	MaxFile    = 20 << 20
	MaxRows    = 20_000 // below the header
	HeaderRows = 20     // the header is looked for in the first so many rows
	maxColumns = 100
)

// The refusals of a file that is not what was asked for.
var (
	ErrUnreadable  = model.NewError(model.Invalid, "file_unreadable", "文件打不开：请上传 .xlsx 或 .csv（.xls 请先另存为 .xlsx）")
	ErrTooLarge    = model.NewError(model.TooLarge, "file_too_large", "文件太大：最多 20 MB，解压后最多 128 MB")
	ErrTooManyRows = model.NewError(model.TooLarge, "too_many_rows", "行数太多：一次最多 20000 行，请分批导入")
	ErrNoHeader    = model.NewError(model.Invalid, "header_not_found", "前 20 行里没有找到表头")
)

// Load reads a file into memory, up to MaxFile: ErrTooLarge beyond, ErrUnreadable when it breaks off.
func Load(content io.Reader) ([]byte, error) {
	raw, err := io.ReadAll(io.LimitReader(content, MaxFile+1))
	if err != nil {
		return nil, ErrUnreadable.With(err)
	}
	if len(raw) > MaxFile {
		return nil, ErrTooLarge
	}
	return raw, nil
}
