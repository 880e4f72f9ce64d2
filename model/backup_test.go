package model_test

import (
	"bytes"
	"context"
	"errors"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"gorm.io/gorm"

	"zhibu/model"
	"zhibu/model/modeltest"
)

// fill writes rows of several kinds: children before parents by name, numbers, NULLs, decimals, four-byte characters.
func fill(t *testing.T, db *model.DB) {
	t.Helper()
	latitude, parent := 36.0611, int64(1)
	err := db.Write(t.Context(), func(tx *gorm.DB) error {
		for _, row := range []any{
			&model.Unit{ID: 1, Kind: model.PartyGeneralBranch, Name: "总支", Path: "/1/", ClosedOn: model.Forever},
			&model.Unit{ID: 2, ParentID: &parent, Kind: model.PartyBranch, Name: "支部", Path: "/1/2/", ClosedOn: model.Forever},
			&model.Member{ID: 3, Name: "𬭎·\"引号\"\n", NameKey: "𬭎"},
			&model.Activity{ID: 1<<53 - 1, UnitID: 2, Kind: "lesson", Title: "课", StartsAt: 5, EndsAt: 6, CheckInClosesAt: 1, GeofenceLatitude: &latitude},
		} {
			if err := tx.Create(row).Error; err != nil {
				return err
			}
		}
		return model.Audit(tx, model.Actor{}, 7, model.Deed{Action: "test", After: map[string]any{"rows": 4}})
	})
	if err != nil {
		t.Fatal(err)
	}
}

func backupOf(t *testing.T, db *model.DB) []byte {
	t.Helper()
	var b bytes.Buffer
	if rows, err := db.Backup(t.Context(), &b, time.Unix(0, 0)); err != nil || rows != 5 {
		t.Fatal(rows, err)
	}
	return b.Bytes()
}

func emptyDBs(t *testing.T) map[string]*model.DB {
	t.Helper()
	dbs := map[string]*model.DB{}
	for name, url := range map[string]string{"sqlite": "sqlite:" + filepath.Join(t.TempDir(), "new.db"), "mariadb": modeltest.EmptyMariaDB(t)} {
		db, err := model.Open(url, model.Options{Relaxed: true})
		if err != nil {
			t.Fatal(err)
		}
		t.Cleanup(func() { db.Close() })
		dbs[name] = db
	}
	return dbs
}

func TestBackupRestoresIntoEitherDatabase(t *testing.T) {
	modeltest.Each(t, func(t *testing.T, db *model.DB) {
		fill(t, db)
		backup := backupOf(t, db)
		for name, target := range emptyDBs(t) {
			if rows, err := target.Restore(t.Context(), bytes.NewReader(backup)); err != nil || rows != 5 {
				t.Fatal(name, rows, err)
			}
			if again := backupOf(t, target); !bytes.Equal(again, backup) {
				t.Errorf("the backup of the restored %s differs", name)
			}
			if _, err := target.Restore(t.Context(), bytes.NewReader(backup)); !errors.Is(err, model.ErrNotEmpty) {
				t.Errorf("restored over data: %v", err)
			}
		}
	})
}

func TestDamagedBackupChangesNothing(t *testing.T) {
	source := modeltest.SQLite(t)
	fill(t, source)
	whole := backupOf(t, source)
	for name, target := range emptyDBs(t) {
		for _, damaged := range [][]byte{nil, []byte("no backup"), whole[:len(whole)/2], whole[:len(whole)-9], flip(whole, len(whole)/2)} {
			if _, err := target.Restore(t.Context(), bytes.NewReader(damaged)); err == nil {
				t.Errorf("%s took a damaged backup of %d bytes", name, len(damaged))
			}
		}
		if _, err := target.Restore(context.Background(), bytes.NewReader(whole)); err != nil {
			t.Errorf("%s was not left empty: %v", name, err)
		}
	}
}

func flip(b []byte, i int) []byte {
	c := bytes.Clone(b)
	c[i] ^= 1
	return c
}

func TestOpenRefusesWhatItDoesNotKnow(t *testing.T) {
	for _, url := range []string{"", "zhibu.db", "postgres://x", "mysql://user:p%zz@host/db"} {
		if db, err := model.Open(url, model.Options{}); err == nil {
			db.Close()
			t.Errorf("opened %q", url)
		} else if strings.Contains(err.Error(), "p%zz") {
			t.Errorf("the password is in %v", err)
		}
	}
}
