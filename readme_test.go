package main

import (
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strings"
	"testing"

	"zhibu/model/modeltest"
)

// TestReadmeStudyPeriod copies the section about a study period of each README into a shell, on a demo of its own.
func TestReadmeStudyPeriod(t *testing.T) {
	for _, c := range []struct{ readme, heading, databaseURL string }{
		{"README.md", "## A study period from Monday to Sunday\n", ""},
		{"README.zh-CN.md", "## 一期学习的一周\n", modeltest.EmptyMariaDB(t)},
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
			for _, want := range []string{
				`"state":"open"`, `"late":false`, `"members":[{`, `"created":1`, `"completed":2`, `"members":null`, `参学情况的通报`,
				`"state":"closed"`, `"late":true`, `"late":1`, `"state":"open"`, `"version":2`, `"outcome":"missing"`,
				`"intact":true`, `（更正，第2版）`, `人，参学3人`, `"lowest":`,
			} {
				_, after, found := strings.Cut(rest, want)
				if !found {
					t.Fatalf("no %s in\n%s", want, rest)
				}
				rest = after
			}
			for file, magic := range map[string]string{
				"rates.xlsx": "PK", "rates.png": "\x89PNG", "bulletin.docx": "PK", "year.xlsx": "PK",
			} {
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
