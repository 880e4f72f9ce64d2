package model_test

import (
	"context"
	"path/filepath"
	"sync"
	"testing"
	"time"

	"gorm.io/gorm"

	"zhibu/model"
	"zhibu/model/modeltest"
)

func TestMigrateTwiceChangesNothing(t *testing.T) {
	modeltest.Each(t, func(t *testing.T, db *model.DB) {
		ctx := context.Background()
		if err := db.Migrate(ctx); err != nil {
			t.Fatal(err)
		}
		current, newest, err := db.SchemaVersion(ctx)
		if err != nil || current != newest || newest == 0 {
			t.Fatalf("version %d of %d, %v", current, newest, err)
		}
	})
}

func TestSchemaVersionDoesNotWaitForTheWriter(t *testing.T) {
	modeltest.Each(t, func(t *testing.T, db *model.DB) {
		err := db.Write(t.Context(), func(tx *gorm.DB) error {
			if err := tx.Create(&model.Member{ID: 1, Name: "x"}).Error; err != nil {
				return err
			}
			ctx, cancel := context.WithTimeout(t.Context(), 2*time.Second)
			defer cancel()
			_, _, err := db.SchemaVersion(ctx)
			return err
		})
		if err != nil {
			t.Error(err)
		}
	})
}

func TestSchemaVersionOfAnEmptyDatabase(t *testing.T) {
	for name, url := range map[string]string{
		"sqlite": "sqlite:" + filepath.Join(t.TempDir(), "new.db"), "mariadb": modeltest.EmptyMariaDB(t),
	} {
		db, err := model.Open(url, model.Options{Relaxed: true})
		if err != nil {
			t.Fatal(err)
		}
		defer db.Close()
		for _, version := range []int64{0, 3} {
			if version > 0 {
				if err := db.MigrateTo(t.Context(), version); err != nil {
					t.Fatal(err)
				}
			}
			current, newest, err := db.SchemaVersion(t.Context())
			if err != nil || current != version || newest < 18 {
				t.Errorf("%s: version %d of %d, %v", name, current, newest, err)
			}
		}
	}
}

func TestFourProcessesMigrateAtOnce(t *testing.T) {
	urls := map[string]string{
		"sqlite":  "sqlite:" + filepath.Join(t.TempDir(), "new.db"),
		"mariadb": modeltest.EmptyMariaDB(t),
	}
	for name, url := range urls {
		t.Run(name, func(t *testing.T) {
			var wg sync.WaitGroup
			for range 4 {
				wg.Go(func() {
					db, err := model.Open(url, model.Options{Relaxed: true})
					if err != nil {
						t.Error(err)
						return
					}
					defer db.Close()
					if err := db.Migrate(context.Background()); err != nil {
						t.Error(err)
					}
				})
			}
			wg.Wait()
		})
	}
}
