package api

import (
	"encoding/json"
	"io/fs"
	"net/http"

	"github.com/danielgtaylor/huma/v2"
	"github.com/gin-gonic/gin"
	swaggerui "github.com/swaggo/files/v2"
)

// docsPage shows the API with Swagger UI, whose files are in the binary: it works without the internet.
const docsPage = `<!doctype html>
<html lang="zh-CN">
<meta charset="utf-8">
<title>zhibu 支部 API</title>
<link rel="stylesheet" href="/docs/swagger-ui.css">
<div id="ui"></div>
<script src="/docs/swagger-ui-bundle.js"></script>
<script src="/docs/start.js"></script>
</html>
`

const docsScript = `SwaggerUIBundle({ url: "/openapi.json", dom_id: "#ui", deepLinking: true, persistAuthorization: true });`

func (s *server) mountDocs(r *gin.Engine, a huma.API) {
	// The description never changes while the server runs, so it is made once, and never at a request's expense.
	description, err := json.Marshal(a.OpenAPI())
	if err != nil {
		panic(err) // a route whose types cannot be described is a broken build
	}
	r.GET("/openapi.json", func(c *gin.Context) { c.Data(http.StatusOK, "application/vnd.oai.openapi+json", description) })
	r.GET("/docs", func(c *gin.Context) { c.Data(http.StatusOK, "text/html; charset=utf-8", []byte(docsPage)) })
	r.GET("/docs/:file", func(c *gin.Context) {
		switch file := c.Param("file"); file {
		case "swagger-ui.css", "swagger-ui-bundle.js":
			c.Header("Cache-Control", "public, max-age=86400")
			c.FileFromFS(file, http.FS(fs.FS(swaggerui.FS)))
		case "start.js":
			c.Data(http.StatusOK, "text/javascript; charset=utf-8", []byte(docsScript))
		default:
			answerProblem(c, problemOf(c, http.StatusNotFound, "not_found", "没有这个地址"))
		}
	})
}
