package main

import (
	"go/parser"
	"go/token"
	"io/fs"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"testing"
)

// layers says what the packages of a folder may import besides the standard library. A trailing slash stands for
// everything below. The first folder that matches counts.
var layers = []struct {
	folder string
	allow  []string
	deny   []string // of the standard library
}{
	{folder: "service/wechat/sim", allow: []string{"rsc.io/qr"}},
	{folder: "service/wechat", allow: []string{"zhibu/model", "github.com/silenceper/wechat/v2/", "github.com/wechatpay-apiv3/wechatpay-go/", "github.com/sony/gobreaker/v2"}},
	{folder: "service/roster", allow: []string{"zhibu/model", "zhibu/office", "gorm.io/gorm", "github.com/mozillazg/go-pinyin", "golang.org/x/text/"}, deny: []string{"net/http"}},
	{folder: "service/checkin", allow: []string{"zhibu/model", "zhibu/office", "gorm.io/gorm"}, deny: []string{"net/http"}},
	{folder: "service/dues", allow: []string{"zhibu/model", "zhibu/office", "gorm.io/gorm"}, deny: []string{"net/http"}},
	{folder: "service/period", allow: []string{"golang.org/x/text/", "gorm.io/gorm/clause", "zhibu/model", "zhibu/office", "gorm.io/gorm"}, deny: []string{"net/http"}},
	{folder: "service/push", allow: []string{"zhibu/model", "gorm.io/gorm", "golang.org/x/time/"}, deny: []string{"net/http"}},
	{folder: "service/signin", allow: []string{"zhibu/model", "gorm.io/gorm", "github.com/golang-jwt/jwt/v5", "golang.org/x/crypto/"}, deny: []string{"net/http"}},
	{folder: "service", allow: []string{"zhibu/model", "gorm.io/gorm"}, deny: []string{"net/http"}},
	{folder: "office", allow: []string{"zhibu/model", "github.com/xuri/excelize/v2", "github.com/go-analyze/charts", "golang.org/x/text/"}, deny: []string{"net/http"}},
	{folder: "model/modeltest", allow: []string{"zhibu/model", "pgregory.net/rapid"}},
	{folder: "model", allow: []string{"zhibu/model/", "gorm.io/", "github.com/glebarez/sqlite", "github.com/go-sql-driver/mysql", "github.com/pressly/goose/", "golang.org/x/text/"}, deny: []string{"net/http"}},
	{folder: "api", allow: []string{"zhibu/service/", "zhibu/model", "zhibu/office", "github.com/gin-gonic/gin", "github.com/gin-contrib/cors", "github.com/danielgtaylor/huma/v2", "github.com/danielgtaylor/huma/v2/", "github.com/prometheus/client_golang/", "github.com/swaggo/files/v2", "golang.org/x/time/", "rsc.io/qr"}},
	{folder: "config", allow: []string{"github.com/caarlos0/env/v11"}, deny: []string{"net/http"}},
	{folder: "demo", allow: []string{"zhibu/model", "gorm.io/gorm"}, deny: []string{"net/http"}},
}

func TestImports(t *testing.T) {
	err := filepath.WalkDir(".", func(path string, e fs.DirEntry, err error) error {
		if err != nil || e.IsDir() || !strings.HasSuffix(path, ".go") || strings.HasSuffix(path, "_test.go") {
			return err
		}
		for _, l := range layers {
			if !strings.HasPrefix(path, l.folder+"/") {
				continue
			}
			f, err := parser.ParseFile(token.NewFileSet(), path, nil, parser.ImportsOnly)
			if err != nil {
				return err
			}
			for _, spec := range f.Imports {
				name, _ := strconv.Unquote(spec.Path.Value)
				if first, _, _ := strings.Cut(name, "/"); !strings.Contains(first, ".") && first != "zhibu" {
					if slices.Contains(l.deny, name) {
						t.Errorf("%s imports %s, which %s may not", path, name, l.folder)
					}
					continue
				}
				if !allowed(name, l.allow) {
					t.Errorf("%s imports %s, which %s may not", path, name, l.folder)
				}
			}
			return nil
		}
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
}

func allowed(name string, allow []string) bool {
	return slices.ContainsFunc(allow, func(a string) bool {
		return name == a || strings.HasSuffix(a, "/") && strings.HasPrefix(name, a)
	})
}
