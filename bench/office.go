package main

import (
	"context"
	"database/sql"
	"fmt"
	"net/url"
	"os"

	"gorm.io/gorm"

	"zhibu/model"
)

const (
	members        = 2000 // signed in, each with a phone of his own
	rounds         = 4    // activities or study periods everyone takes part in, per measurement
	leagueBranches = 40   // over which the members are spread for the study periods

	branchID        int64      = 1 // holds the activities, with everyone in it
	generalBranchID int64      = 2 // holds the study periods
	since           model.Date = "2020-01-01"
)

// office is a branch with its members signed in.
type office struct {
	*server
	tokens  []string
	planned int
}

// memberID is the id of the i-th member.
func memberID(i int) int64 { return int64(1000 + i) }

func newOffice(ctx context.Context, db *model.DB) (*office, error) {
	s, err := newServer(db)
	if err != nil {
		return nil, err
	}
	o := &office{server: s}
	if err := o.populate(ctx); err != nil {
		return nil, err
	}
	for i := range members {
		token, err := s.signIn(ctx, fmt.Sprint("openid-", i))
		if err != nil {
			return nil, err
		}
		o.tokens = append(o.tokens, token)
	}
	return o, nil
}

func (o *office) populate(ctx context.Context) error {
	return o.db.Write(ctx, func(tx *gorm.DB) error {
		unit := model.Unit{ID: branchID, Kind: model.PartyBranch, Name: "bench", Path: "/1/", FoundedOn: since, ClosedOn: model.Forever}
		if err := tx.Create(&unit).Error; err != nil {
			return err
		}
		var people []model.Member
		var memberships []model.Membership
		var bindings []model.Binding
		for i := range members {
			id := memberID(i)
			people = append(people, model.Member{
				ID: id, Name: fmt.Sprint("成员", i), NameKey: fmt.Sprint("成员", i), BirthDate: model.Date(fmt.Sprintf("%d-05-04", 2000+i%8)),
			})
			memberships = append(memberships, model.Membership{ID: id, MemberID: id, UnitID: branchID, Track: model.Party, Kind: model.Full,
				State: model.Active, Category: model.InService, StartedOn: since, EndedOn: model.Forever})
			bindings = append(bindings, model.Binding{ID: id, OpenID: fmt.Sprint("openid-", i), MemberID: id, Method: "phone", BoundAt: 1})
		}
		return createAll(tx, people, memberships, bindings)
	})
}

func createAll(tx *gorm.DB, tables ...any) error {
	for _, rows := range tables {
		if err := tx.CreateInBatches(rows, 500).Error; err != nil {
			return err
		}
	}
	return nil
}

// joinLeague puts everyone into one of the league branches under a general branch as well.
func (o *office) joinLeague(ctx context.Context) error {
	return o.db.Write(ctx, func(tx *gorm.DB) error {
		general := model.Unit{ID: generalBranchID, Kind: model.LeagueGeneralBranch, Name: "bench league", Path: model.ChildPath("", generalBranchID),
			FoundedOn: since, ClosedOn: model.Forever}
		units := []model.Unit{general}
		for i := range leagueBranches {
			id := generalBranchID + 1 + int64(i)
			units = append(units, model.Unit{ID: id, ParentID: &general.ID, Kind: model.LeagueBranch, Name: fmt.Sprint("bench ", i),
				Path: model.ChildPath(general.Path, id), FoundedOn: since, ClosedOn: model.Forever})
		}
		var memberships []model.Membership
		for i := range members {
			memberships = append(memberships, model.Membership{ID: memberID(i) + members, MemberID: memberID(i),
				UnitID: units[1+i%leagueBranches].ID, Track: model.League, Kind: model.LeagueMember, State: model.Active,
				Category: model.InService, StartedOn: since, EndedOn: model.Forever})
		}
		return createAll(tx, units, memberships)
	})
}

// benchDatabase makes a database on the server of ZHIBU_TEST_DATABASE_URL, and drops it in the end.
func benchDatabase(ctx context.Context) (databaseURL string, drop func(), err error) {
	server := os.Getenv("ZHIBU_TEST_DATABASE_URL")
	if server == "" {
		return "", nil, fmt.Errorf("ZHIBU_TEST_DATABASE_URL is not set: use `make bench`")
	}
	c, err := model.MySQLConfig(server)
	if err != nil {
		return "", nil, err
	}
	admin, err := sql.Open("mysql", c.FormatDSN())
	if err != nil {
		return "", nil, err
	}
	name := fmt.Sprintf("test_bench_%d_%d", os.Getpid(), model.NewID())
	if _, err := admin.ExecContext(ctx, "CREATE DATABASE "+name); err != nil {
		return "", nil, err
	}
	u, err := url.Parse(server)
	if err != nil {
		return "", nil, err
	}
	u.Path = "/" + name
	return u.String(), func() {
		_, _ = admin.ExecContext(ctx, "DROP DATABASE "+name)
		admin.Close()
	}, nil
}
