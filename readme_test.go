package main

import (
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strings"
	"testing"

	"zhibu/model"
	"zhibu/model/modeltest"
	"zhibu/service/push"
)

// TestReadmeStudyPeriod copies the section about a study period of each README into a shell, on a demo of its own.
func TestReadmeStudyPeriod(t *testing.T) {
	followReadme(t, "## A study period from Monday to Sunday\n", "## 一期学习的一周\n", []string{
		`"state":"open"`, `"late":false`, `"members":[{`, `"created":1`, `"completed":2`, `"members":null`, `参学情况的通报`,
		`"state":"closed"`, `"late":true`, `"late":1`, `"state":"open"`, `"version":2`, `"outcome":"missing"`,
		`"intact":true`, `（更正，第2版）`, `人，参学3人`, `"lowest":`,
	}, map[string]string{"rates.xlsx": "PK", "rates.png": "\x89PNG", "bulletin.docx": "PK", "year.xlsx": "PK"})
}

// TestReadmeDues does the same with the section about the dues.
func TestReadmeDues(t *testing.T) {
	followReadme(t, "## Dues\n", "## 党费\n", []string{
		`"amount_fen":7650`, `计算基数5100.00元 × 1.5%`, `"amount_fen":7650`, `"created":0`, `"unassessed":0`, `"state":"open"`, `"open_fen":7650`,
		`"method":"cash"`, `"receipt_no":"X0001"`, `"method":"cash"`, `"receipt_no":"X0001"`, `"state":"created"`, `"notified":true`,
		`"state":"paid"`, `"wechat_fen":7650`, `"fully_remitted":false`, `元未上缴`, `"to":"局机关党总支"`, `"fully_remitted":true`, `已全额上缴`,
		`"branches":[`,
	}, map[string]string{"dues.xlsx": "PK"})
}

// TestReadmeAnnouncements does the same with the section about announcements and reminders.
func TestReadmeAnnouncements(t *testing.T) {
	const one = `"demo-template-announcement":1,`
	followReadme(t, "## Announcements and reminders\n", "## 通知和提醒\n", []string{
		`"purpose":"announcement"`, one, one, one,
		`"wechat":1,`, `没有绑定微信`, `"state":"published"`, `【机关第一党支部】`, `"thing1":"周五下午主题党日"`, `"sent":1,`, `"name":"林望川"`,
		`"title":"周五下午主题党日"`, `"read_at":null`, `"announcements":[{`, `"read_at":"`, `"read":1,`, `"name":"林望川"`,
		`"state":"scheduled"`, `"state":"recalled"`, `"recall_reason":"时间有变"`,
		`"state":"waiting"`, `"code":"own_record"`, `"state":"published"`,
		`"demo-template-study":1,`, `"announcement_id":`, `还没有完成`, `"sent":1,`, `"name":"`, `"name":null`,
		`"rule":"period_open"`, `"rule":"holiday"`, `"on":false`, `"on":true`, `"unit_name":"机关第一党支部"`, `"on":false`, `"unit_name":null`,
		`"festivals":[`, `"春节"`,
	}, nil)
}

// TestReadmeTemplates: the templates of each README are what the program takes, one for each purpose.
func TestReadmeTemplates(t *testing.T) {
	for _, readme := range []string{"README.md", "README.zh-CN.md"} {
		text, err := os.ReadFile(readme)
		if err != nil {
			t.Fatal(err)
		}
		blocks := regexp.MustCompile("(?s)```json\n(.*?)```").FindAllStringSubmatch(string(text), -1)
		if len(blocks) != 1 {
			t.Fatalf("%s has %d blocks of JSON", readme, len(blocks))
		}
		templates, err := push.ParseTemplates(blocks[0][1])
		if err != nil || len(templates) != len(model.Purposes) {
			t.Errorf("%s: %d templates, %v", readme, len(templates), err)
		}
	}
}

// followReadme copies a section of each README into a shell: what is printed has the parts in their order, and the files
// are there.
func followReadme(t *testing.T, english, chinese string, want []string, files map[string]string) {
	t.Helper()
	for _, c := range []struct{ readme, heading, databaseURL string }{
		{"README.md", english, ""}, {"README.zh-CN.md", chinese, modeltest.EmptyMariaDB(t)},
	} {
		t.Run(c.readme, func(t *testing.T) {
			environ := []string{"ZHIBU_DATA_DIR=" + t.TempDir()}
			if c.databaseURL != "" {
				environ = append(environ, "ZHIBU_DATABASE_URL="+c.databaseURL)
			}
			base, _, _ := start(t, environ, "demo", "--addr", "127.0.0.1:0")
			dir := t.TempDir()
			commands := strings.ReplaceAll(commandsIn(t, c.readme, c.heading), "http://127.0.0.1:8080", base)
			shell := exec.Command("bash", "-eu", "-c", commands)
			shell.Dir = dir
			said, err := shell.CombinedOutput()
			if err != nil {
				t.Fatalf("%v\n%s", err, said)
			}
			rest := string(said)
			for _, part := range want {
				_, after, found := strings.Cut(rest, part)
				if !found {
					t.Fatalf("no %s in\n%s", part, rest)
				}
				rest = after
			}
			for file, magic := range files {
				content, err := os.ReadFile(filepath.Join(dir, file))
				if err != nil || !strings.HasPrefix(string(content), magic) || len(content) < 2000 {
					t.Errorf("%s: %d bytes, %v", file, len(content), err)
				}
			}
		})
	}
}

// commandsIn returns the shell blocks of the section of the file.
func commandsIn(t *testing.T, file, heading string) string {
	t.Helper()
	text, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	_, section, found := strings.Cut(string(text), heading)
	section, _, _ = strings.Cut(section, "\n## ")
	var commands strings.Builder
	for _, block := range regexp.MustCompile("(?s)```sh\n(.*?)```").FindAllStringSubmatch(section, -1) {
		commands.WriteString(block[1])
	}
	if !found || commands.Len() == 0 {
		t.Fatalf("%s has no commands under %s", file, heading)
	}
	return commands.String()
}
