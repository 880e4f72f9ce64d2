package model_test

import (
	"math/big"
	"strings"
	"sync"
	"testing"

	"pgregory.net/rapid"

	"zhibu/model"
	"zhibu/model/modeltest"
)

func TestPercentIsHalfUpOnIntegers(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		whole := rapid.IntRange(1, 100_000).Draw(t, "whole")
		part := rapid.IntRange(0, whole).Draw(t, "part")
		exact := new(big.Rat).SetFrac64(int64(part)*100, int64(whole))
		if got, want := *model.Percent(part, whole), exact.FloatString(2); got != want {
			t.Errorf("%d/%d = %s, want %s", part, whole, got, want)
		}
	})
	if model.Percent(0, 0) != nil || *model.Percent(11, 13) != "84.62" {
		t.Error("nobody due has no percentage; 11/13 is 84.62")
	}
}

func TestKeyringOpensWhatItSealed(t *testing.T) {
	keys := modeltest.Keyring(t)
	rapid.Check(t, func(t *rapid.T) {
		plain := rapid.StringN(1, 40, -1).Draw(t, "plain")
		sealed := keys.Seal(model.PhoneColumn, plain)
		if opened, err := keys.Open(model.PhoneColumn, sealed); err != nil || opened != plain {
			t.Fatalf("%q, %v", opened, err)
		}
		if strings.Contains(sealed, plain) && len(plain) > 8 {
			t.Fatal("the plain text is in it")
		}
		if _, err := keys.Open(model.IDNumberColumn, sealed); err == nil {
			t.Fatal("it opens for another column")
		}
		hash, again := keys.Hash("a", plain), keys.Hash("a", plain)
		if sealed == keys.Seal(model.PhoneColumn, plain) || hash != again || hash == keys.Hash("b", plain) {
			t.Fatal("seals repeat or hashes do not")
		}
	})
}

func TestKeyringRotates(t *testing.T) {
	index := []byte(strings.Repeat("i", 32))
	const oldKey, newKey = "old:AAECAwQFBgcICQoLDA0ODxAREhMUFRYXGBkaGxwdHh8=", "new:ICEiIyQlJicoKSorLC0uLzAxMjM0NTY3ODk6Ozw9Pj8="
	before, err := model.NewKeyring([]string{oldKey}, index)
	if err != nil {
		t.Fatal(err)
	}
	after, err := model.NewKeyring([]string{newKey, oldKey}, index)
	if err != nil {
		t.Fatal(err)
	}
	sealed := before.Seal("c", "13900000000")
	if plain, err := after.Open("c", sealed); err != nil || plain != "13900000000" {
		t.Error(plain, err)
	}
	if _, err := before.Open("c", after.Seal("c", "x")); err == nil || strings.Contains(err.Error(), "x\"") {
		t.Error(err)
	}
}

func TestNewIDsAreUniqueAndGrow(t *testing.T) {
	var mu sync.Mutex
	seen := map[int64]bool{}
	var wg sync.WaitGroup
	for range 8 {
		wg.Go(func() {
			last := int64(0)
			for range 5000 {
				id := model.NewID()
				if id <= last || id > 1<<53-1 {
					t.Errorf("%d after %d", id, last)
				}
				last = id
				mu.Lock()
				if seen[id] {
					t.Errorf("%d twice", id)
				}
				seen[id] = true
				mu.Unlock()
			}
		})
	}
	wg.Wait()
}

func TestPersonalDataIsCleaned(t *testing.T) {
	for given, want := range map[string]string{
		"张　三": "张三", " 李 四 ": "李四", "阿依古丽•买买提": "阿依古丽•买买提", "John  Smith": "John Smith", "欧\u200b阳": "欧阳",
	} {
		if got := model.CleanName(given); got != want {
			t.Errorf("CleanName(%q) = %q, want %q", given, got, want)
		}
	}
	if model.NameKey("阿依古丽•买买提") != model.NameKey("阿依古丽·买 买提") {
		t.Error("two middle dots make two names")
	}
	for given, want := range map[string]bool{
		"11010519491231002x": true, "110105194912310021": false, "110105194913310021": false, "1101051949123100": false,
	} {
		if _, ok := model.CleanIDNumber(given); ok != want {
			t.Errorf("CleanIDNumber(%q) is %v", given, ok)
		}
	}
	for given, want := range map[string]string{
		"+86 199-0000-1234": "19900001234", "８６19900001234": "19900001234", "0931-8888888": "09318888888", "12345": "", "29900001234": "",
	} {
		if got, ok := model.CleanPhone(given); ok != (want != "") || ok && got != want {
			t.Errorf("CleanPhone(%q) = %q, %v", given, got, ok)
		}
	}
	if model.MaskIDNumber("11010519491231002X") != "110***********002X" || model.MaskPhone("19900001234") != "199****1234" {
		t.Error("masks")
	}
}

func TestUnitKindsThatMayHoldEachOther(t *testing.T) {
	for _, c := range []struct {
		parent, child model.UnitKind
		may           bool
	}{
		{model.PartyGeneralBranch, model.PartyBranch, true}, {model.PartyBranch, model.PartyGroup, true},
		{model.PartyCommittee, model.PartyCommittee, true}, {model.PartyGeneralBranch, model.LeagueGeneralBranch, true},
		{model.PartyBranch, model.PartyGeneralBranch, false}, {model.PartyBranch, model.PartyBranch, false},
		{model.LeagueGeneralBranch, model.PartyBranch, false}, {model.PartyGroup, model.PartyGroup, false},
		{model.PartyGeneralBranch, model.LeagueGroup, false}, {"department", model.PartyBranch, false},
	} {
		if (c.parent.Valid() && c.parent.MayHold(c.child)) != c.may {
			t.Errorf("%s holds %s: %v", c.parent, c.child, !c.may)
		}
	}
}

func TestActorReachesByWholeIDs(t *testing.T) {
	a := model.Actor{Grants: []model.Grant{{UnitID: 1, Path: "/1/", Title: model.Secretary}}}
	for path, want := range map[string]bool{"/1/": true, "/1/5/": true, "/11/": false, "/10/": false, "/": false} {
		if a.Reaches(path) != want || a.May(model.WriteRoster, path) != want {
			t.Errorf("reaches %s: %v", path, !want)
		}
	}
	if a.May(model.Administer, "/1/") || a.Everywhere(model.WriteRoster) {
		t.Error("a secretary is no administrator")
	}
}
