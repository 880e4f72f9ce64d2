package roster_test

import (
	"bytes"
	"context"
	"fmt"
	"runtime"
	"runtime/debug"
	"sync/atomic"
	"testing"
	"time"

	"zhibu/model"
	"zhibu/model/modeltest"
	"zhibu/office"
	"zhibu/service/roster"
)

// maxMemory is what the process may take in all (the smallest machine that is sold).
const maxMemory = 512 << 20

// TestLargeRoster imports ten thousand members three times over, as new, the same again and changed, and exports them,
// and watches the memory. Under the race detector it is one thousand; `make test` runs it once more without.
func TestLargeRoster(t *testing.T) {
	rows := func(people int, job string) [][]any {
		table := [][]any{{"姓名", "性别", "民族", "出生日期", "身份证号", "手机号", "学历", "工作岗位", "所在支部", "入党时间", "党员类别", "人员类别", "备注", "籍贯"}}
		for i := range people {
			branch, birth := "第一党支部", fmt.Sprintf("19%02d%02d%02d", 50+i%50, i/50%12+1, i/600%28+1)
			if i%2 == 1 {
				branch = "第二党支部"
			}
			id := idNumber(birth, i%2+1)
			gender := map[bool]string{true: "男", false: "女"}[id[16]%2 == 1]
			table = append(table, []any{fmt.Sprintf("张%c%c", '一'+i%500, '中'+i/500), gender, "汉族", birth, id, fmt.Sprintf("138%08d", i), "大学本科", job, branch,
				"2001.07", "正式党员", "在职", "备注备注备注备注", "甘肃兰州"})
		}
		return table
	}
	modeltest.Each(t, func(t *testing.T, db *model.DB) {
		w := newWorld(t, db)
		general := officer(w.general, model.Secretary)
		peak := watchMemory(t)
		people := 10_000
		if race {
			people = 1_000
		}
		for _, step := range []struct{ job, want string }{
			{"科员", fmt.Sprintf("%d/0/0", people)}, {"科员", fmt.Sprintf("0/0/%d", people)}, {"科长", fmt.Sprintf("0/%d/0", people)},
		} {
			content := book(t, rows(people, step.job)...)
			debug.FreeOSMemory()
			peak.Store(0)
			begin := time.Now()
			r, err := w.s.Import(context.Background(), general, w.general.ID, bytes.NewReader(content), office.ImportOptions{})
			if err != nil {
				t.Fatal(err, r.Rejected[:min(3, len(r.Rejected))])
			}
			if got := fmt.Sprintf("%d/%d/%d", r.Created, r.Updated, r.Unchanged); got != step.want {
				t.Errorf("got %s, want %s", got, step.want)
			}
			t.Logf("%s took %s and at most %d MiB", step.want, time.Since(begin).Round(time.Millisecond), peak.Load()>>20)
			if peak.Load() > maxMemory {
				t.Errorf("%d MiB", peak.Load()>>20)
			}
		}
		peak.Store(0)
		if _, err := w.s.Export(context.Background(), general, w.general.ID, "", roster.XLSX); err != nil {
			t.Fatal(err)
		}
		if peak.Load() > maxMemory {
			t.Errorf("export: %d MiB", peak.Load()>>20)
		}
	})
}

// watchMemory keeps the most memory that the process has held, until the test ends.
func watchMemory(t *testing.T) *atomic.Uint64 {
	var peak atomic.Uint64
	done := make(chan struct{})
	stopped := make(chan struct{})
	go func() {
		defer close(stopped)
		for {
			var m runtime.MemStats
			runtime.ReadMemStats(&m)
			peak.Store(max(peak.Load(), m.Sys-m.HeapReleased))
			select {
			case <-done:
				return
			case <-time.After(20 * time.Millisecond):
			}
		}
	}()
	t.Cleanup(func() { close(done); <-stopped })
	return &peak
}
