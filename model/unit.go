package model

import (
	"strconv"
	"strings"

	"gorm.io/gorm"
)

// Track is one of the two trees and rule sets: the party (党) or the Youth League (团).
type Track string

const (
	Party  Track = "party"
	League Track = "league"
)

// DuesName is what the dues of the track are called.
func (t Track) DuesName() string {
	if t == League {
		return "团费"
	}
	return "党费"
}

// UnitKind is the place of a unit in its track.
type UnitKind string

const (
	PartyCommittee      UnitKind = "party_committee"       // 机关党委
	PartyGeneralBranch  UnitKind = "party_general_branch"  // 党总支
	PartyBranch         UnitKind = "party_branch"          // 党支部
	PartyGroup          UnitKind = "party_group"           // 党小组
	LeagueCommittee     UnitKind = "league_committee"      // 团委
	LeagueGeneralBranch UnitKind = "league_general_branch" // 团总支
	LeagueBranch        UnitKind = "league_branch"         // 团支部
	LeagueGroup         UnitKind = "league_group"          // 团小组
)

// unitRank orders the kinds of a track from the committee down; a child ranks below its parent, except that a
// committee may stand under a committee.
var unitRank = map[UnitKind]int{
	PartyCommittee: 1, PartyGeneralBranch: 2, PartyBranch: 3, PartyGroup: 4,
	LeagueCommittee: 1, LeagueGeneralBranch: 2, LeagueBranch: 3, LeagueGroup: 4,
}

// Valid reports whether the kind is one of the eight.
func (k UnitKind) Valid() bool { return unitRank[k] > 0 }

// Track returns the track of the kind.
func (k UnitKind) Track() Track {
	if strings.HasPrefix(string(k), "league") {
		return League
	}
	return Party
}

// UnitKinds returns the kinds of units of a track.
func UnitKinds(track Track) []UnitKind {
	if track == League {
		return []UnitKind{LeagueCommittee, LeagueGeneralBranch, LeagueBranch, LeagueGroup}
	}
	return []UnitKind{PartyCommittee, PartyGeneralBranch, PartyBranch, PartyGroup}
}

// MayHold reports whether a unit of kind k may have a child of the given kind. A league unit may stand under a party
// unit (党建带团建), never the other way round.
func (k UnitKind) MayHold(child UnitKind) bool {
	if k.Track() != child.Track() {
		return k.Track() == Party && unitRank[k] <= unitRank[PartyBranch] && unitRank[child] < unitRank[LeagueGroup]
	}
	committees := unitRank[k] == 1 && unitRank[child] == 1
	return committees || unitRank[k] < unitRank[child]
}

// IsBranch reports whether the unit is a branch or a group, where everyone may know everyone by name.
func (k UnitKind) IsBranch() bool { return unitRank[k] >= unitRank[PartyBranch] }

// MaxUnitDepth bounds the tree, so that a path always fits its column.
const MaxUnitDepth = 10

// Unit is a node of the tree of organisations. Units close, they are never deleted.
type Unit struct {
	ID           int64
	ParentID     *int64
	Kind         UnitKind
	Name         string
	Code         string // orders the units of a report; free text of the organisation
	Path         string // the ids from the root down, "/1/4/19/"
	FoundedOn    Date
	ClosedOn     Date // Forever while it exists
	ClosedReason string
	CreatedAt    Instant `gorm:"autoCreateTime:false"`
}

// PathIDs returns the ids in a path, from the root down.
func PathIDs(path string) []int64 {
	var ids []int64
	for part := range strings.SplitSeq(strings.Trim(path, "/"), "/") {
		if id, err := strconv.ParseInt(part, 10, 64); err == nil {
			ids = append(ids, id)
		}
	}
	return ids
}

// ChildPath is the path of the unit id below parent (empty for a root).
func ChildPath(parent string, id int64) string {
	if parent == "" {
		parent = "/"
	}
	return parent + strconv.FormatInt(id, 10) + "/"
}

// Under is the scope "the unit is one of the paths' or below one". The query must have units in it. No path selects
// nothing.
func Under(paths ...string) func(*gorm.DB) *gorm.DB {
	return func(tx *gorm.DB) *gorm.DB {
		if len(paths) == 0 {
			return tx.Where("1 = 0")
		}
		prefixes := make([]string, len(paths))
		args := make([]any, len(paths))
		for i, p := range paths {
			prefixes[i], args[i] = "units.path LIKE ?", p+"%"
		}
		return tx.Where("("+strings.Join(prefixes, " OR ")+")", args...)
	}
}
