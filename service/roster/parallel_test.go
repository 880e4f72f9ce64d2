package roster_test

import (
	"bytes"
	"context"
	"sync"
	"testing"

	"zhibu/model"
	"zhibu/model/modeltest"
	"zhibu/office"
	"zhibu/service/roster"
)

// TestAtOnce does the same thing eight times at once: it happens once.
func TestAtOnce(t *testing.T) {
	modeltest.Each(t, func(t *testing.T, db *model.DB) {
		w := newWorld(t, db)
		ctx := context.Background()
		general := officer(w.general, model.Secretary)
		m := w.create(w.a, roster.Person{Name: "张三"}, roster.Joining{StartedOn: "2020-01-01"})
		content := book(t, []any{"姓名", "性别"}, []any{"李四", "男"}, []any{"王五", "女"}) // nothing in it that a unique key would catch
		for name, c := range map[string]struct {
			do   func() error
			want int
		}{
			"create": {func() error {
				_, err := w.s.Create(ctx, general, w.b.ID, roster.Person{Name: "赵六", BirthDate: "1990-01-01"}, roster.Joining{})
				return err
			}, 1},
			"transfer": {func() error {
				_, err := w.s.Transfer(ctx, general, m.ID, roster.Move{ToUnitID: w.b.ID, EffectiveOn: today, Reason: "调动"})
				return err
			}, 1},
			"import": {func() error {
				_, err := w.s.Import(ctx, general, w.a.ID, bytes.NewReader(content), office.ImportOptions{})
				return err
			}, 8},
		} {
			var wg sync.WaitGroup
			errs := make([]error, 8)
			for i := range errs {
				wg.Go(func() { errs[i] = c.do() })
			}
			wg.Wait()
			done := 0
			for _, err := range errs {
				if err == nil {
					done++
				} else if e := model.AsError(err); e == nil || e.Kind != model.Conflict {
					t.Errorf("%s: %v", name, err)
				}
			}
			if done != c.want {
				t.Errorf("%s succeeded %d times, want %d", name, done, c.want)
			}
		}
		if n := w.counts(); n["members"] != 4 || n["memberships"] != 5 || n["transfers"] != 1 {
			t.Errorf("%v", n)
		}
	})
}
