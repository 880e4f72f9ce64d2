package model_test

import (
	"context"
	"errors"
	"strings"
	"sync"
	"testing"

	"gorm.io/gorm"

	"zhibu/model"
	"zhibu/model/modeltest"
)

// claim claims the key in a transaction of its own.
func claim(t *testing.T, db *model.DB, actor model.Actor, operation, key, digest string, subject int64) (first int64, err error) {
	t.Helper()
	err = db.WriteAfterLook(context.Background(), func(tx *gorm.DB) error {
		first, err = model.Once{Key: key, Digest: digest}.Claim(tx, actor, operation, subject, 1)
		return err
	})
	return first, err
}

func TestOnceRemembersTheFirst(t *testing.T) {
	me, other := model.Actor{MemberID: 1}, model.Actor{AccountID: 1}
	long := strings.Repeat("k", 100)
	modeltest.Each(t, func(t *testing.T, db *model.DB) {
		for _, c := range []struct {
			what           string
			actor          model.Actor
			op, key, body  string
			subject, first int64
			err            error
		}{
			{"the first", me, "pay", "k", "a", 11, 0, nil},
			{"the same again", me, "pay", "k", "a", 12, 11, nil},
			{"another body", me, "pay", "k", "b", 13, 0, model.ErrKeyReused},
			{"the same after a refusal", me, "pay", "k", "a", 14, 11, nil},
			{"another operation", me, "remit", "k", "b", 15, 0, nil},
			{"somebody else", other, "pay", "k", "b", 16, 0, nil},
			{"another key", me, "pay", "K", "b", 17, 0, nil},
			{"the longest key", me, "pay", long, "a", 18, 0, nil},
			{"the longest key again", me, "pay", long, "a", 19, 18, nil},
			{"no key", me, "pay", "", "a", 20, 0, nil},
			{"no key again", me, "pay", "", "b", 21, 0, nil},
		} {
			if first, err := claim(t, db, c.actor, c.op, c.key, c.body, c.subject); first != c.first || !errors.Is(err, c.err) {
				t.Errorf("%s: %d, %v, want %d, %v", c.what, first, err, c.first, c.err)
			}
		}
		var rows int64
		if err := db.Read(t.Context()).Model(&model.IdempotencyKey{}).Count(&rows).Error; err != nil || rows != 5 {
			t.Errorf("%d keys are kept, %v", rows, err)
		}
	})
}

func TestOnceIsFreeAfterAFailure(t *testing.T) {
	modeltest.Each(t, func(t *testing.T, db *model.DB) {
		failed := errors.New("failed")
		err := db.Write(t.Context(), func(tx *gorm.DB) error {
			if _, err := (model.Once{Key: "k", Digest: "a"}).Claim(tx, model.Actor{MemberID: 1}, "pay", 11, 1); err != nil {
				return err
			}
			return failed
		})
		if !errors.Is(err, failed) {
			t.Fatal(err)
		}
		if first, err := claim(t, db, model.Actor{MemberID: 1}, "pay", "k", "b", 12); first != 0 || err != nil {
			t.Errorf("%d, %v", first, err)
		}
	})
}

func TestOnceOfManyAtOnce(t *testing.T) {
	modeltest.Each(t, func(t *testing.T, db *model.DB) {
		const many = 20
		var firsts [many]int64
		var wg sync.WaitGroup
		for i := range many {
			wg.Go(func() {
				var err error
				if firsts[i], err = claim(t, db, model.Actor{MemberID: 1}, "pay", "k", "a", int64(i+1)); err != nil {
					t.Error(err)
				}
			})
		}
		wg.Wait()
		winner := int64(0)
		for i, first := range firsts {
			if first == 0 && winner != 0 {
				t.Fatalf("two were the first: %v", firsts)
			}
			if first == 0 {
				winner = int64(i + 1)
			}
		}
		for _, first := range firsts {
			if first != 0 && first != winner {
				t.Fatalf("%d was the first, and some were told of %d: %v", winner, first, firsts)
			}
		}
	})
}
