package signin

import (
	"context"
	"database/sql"
	"slices"
	"strings"

	"zhibu/model"
)

// sessionSQL is the sessions and who is behind them; IDS stands for the list of sessions.
const sessionSQL = `
SELECT s.id, 0 AS part, COALESCE(s.member_id, 0) AS id1, COALESCE(s.account_id, 0) AS id2, COALESCE(a.unit_id, 0) AS id3,
  s.openid AS word1, COALESCE(m.name, a.username, '') AS word2, COALESCE(u.path, '') AS word3
FROM sessions s
LEFT JOIN members m ON m.id = s.member_id
LEFT JOIN accounts a ON a.id = s.account_id
LEFT JOIN units u ON u.id = a.unit_id
WHERE s.id IN (IDS) AND s.revoked_at = 0 AND s.expires_at > ? AND COALESCE(a.disabled_at, 0) = 0`

// actorSQL gathers in one round trip all that Actors are made of: the sessions (part 0), the posts in office today (1),
// the memberships on the roster today (2). The outer joins make every database begin at the sessions; a part without
// anything has the id 0.
const actorSQL = sessionSQL + `
UNION ALL
SELECT s.id, 1, COALESCE(p.unit_id, 0), 0, 0, COALESCE(u.path, ''), COALESCE(p.title, ''), ''
FROM sessions s
LEFT JOIN posts p ON p.member_id = s.member_id AND p.started_on <= ? AND p.ended_on > ?
LEFT JOIN units u ON u.id = p.unit_id
WHERE s.id IN (IDS)
UNION ALL
SELECT s.id, 2, COALESCE(ms.unit_id, 0), 0, 0, COALESCE(u.path, ''), COALESCE(ms.track, ''), COALESCE(u.kind, '')
FROM sessions s
LEFT JOIN memberships ms ON ms.member_id = s.member_id AND ms.started_on <= ? AND ms.ended_on > ?
LEFT JOIN units u ON u.id = ms.unit_id
WHERE s.id IN (IDS)`

// Authenticate returns who is behind an access token and what the offices held today allow. A token that is not ours
// or has expired, and a session that is over, are ErrUnauthenticated, from the moment they are: nothing is remembered
// from one request to the next. Requests at the same time share one query.
func (s *Service) Authenticate(ctx context.Context, accessToken string) (model.Actor, error) {
	return s.authenticate(ctx, accessToken, s.actors)
}

// Identify is Authenticate for what a member does for himself alone, such as checking in: it leaves out offices and
// memberships, and costs a third.
func (s *Service) Identify(ctx context.Context, accessToken string) (model.Actor, error) {
	return s.authenticate(ctx, accessToken, s.sessions)
}

func (s *Service) authenticate(ctx context.Context, accessToken string, group *model.Group[*lookup]) (model.Actor, error) {
	sessionID, err := s.sessionOf(accessToken)
	if err != nil {
		return model.Actor{}, err
	}
	look := &lookup{Actor: model.Actor{SessionID: sessionID}}
	if err := group.Do(ctx, look); err != nil {
		return model.Actor{}, err
	}
	if !known(look.Actor) {
		return model.Actor{}, model.ErrUnauthenticated
	}
	return look.Actor, nil
}

// lookup is an Actor on the way: only the session is known at first.
type lookup struct{ model.Actor }

// lookUpSessions fills in who is behind several sessions.
func (s *Service) lookUpSessions(ctx context.Context, lookups []*lookup) error {
	return s.lookUp(ctx, lookups, sessionSQL, func(ids []any, now model.Instant) []any {
		return append(ids, int64(now))
	})
}

// lookUpActors fills in everything about several sessions.
func (s *Service) lookUpActors(ctx context.Context, lookups []*lookup) error {
	return s.lookUp(ctx, lookups, actorSQL, func(ids []any, now model.Instant) []any {
		today := string(now.Date())
		args := append(slices.Clone(ids), int64(now))
		args = append(append(args, today, today), ids...)
		return append(append(args, today, today), ids...)
	})
}

// lookUp bypasses gorm, which is not for the one query that every request makes.
func (s *Service) lookUp(ctx context.Context, lookups []*lookup, query string, arguments func([]any, model.Instant) []any) error {
	pool, err := s.db.Read(ctx).DB()
	if err != nil {
		return err
	}
	ids := make([]any, 0, len(lookups)+1)
	bySession := make(map[int64]*lookup, len(lookups))
	for _, l := range lookups {
		l.Actor = model.Actor{SessionID: l.SessionID} // a second try starts afresh
		if bySession[l.SessionID] == nil {
			bySession[l.SessionID] = l
			ids = append(ids, l.SessionID)
		}
	}
	marks := strings.TrimSuffix(strings.Repeat("?,", len(ids)), ",")
	rows, err := pool.QueryContext(ctx, strings.ReplaceAll(query, "IDS", marks), arguments(ids, model.At(s.now()))...)
	if err != nil {
		return err
	}
	defer rows.Close()
	if err := readActors(rows, bySession); err != nil {
		return err
	}
	for _, l := range lookups {
		l.Actor = bySession[l.SessionID].Actor // several requests of one session
	}
	return nil
}

// known reports whether the session's own row was among the rows: it has an openid or an account.
func known(a model.Actor) bool { return a.OpenID != "" || a.AccountID != 0 }

func readActors(rows *sql.Rows, bySession map[int64]*lookup) error {
	var sessionID int64
	var part int
	var id1, id2, id3 int64
	var word1, word2, word3 string
	for rows.Next() {
		if err := rows.Scan(&sessionID, &part, &id1, &id2, &id3, &word1, &word2, &word3); err != nil {
			return err
		}
		a := &bySession[sessionID].Actor
		switch {
		case part == 0:
			a.MemberID, a.AccountID, a.OpenID, a.Name = id1, id2, word1, word2
			a.Bound = id1 != 0 || id2 != 0
			if id2 != 0 {
				a.Grants = append(a.Grants, accountGrant(id3, word3))
			}
		case id1 == 0: // no post, no membership
		case part == 1:
			a.Grants = append(a.Grants, model.Grant{UnitID: id1, Path: word1, Title: model.Title(word2)})
		default:
			a.Homes = append(a.Homes, model.Home{
				UnitID: id1, Path: word1, Track: model.Track(word2), Kind: model.UnitKind(word3),
			})
		}
	}
	return rows.Err()
}

// accountGrant is what a console account reaches: its unit, or everything.
func accountGrant(unitID int64, path string) model.Grant {
	if unitID == 0 {
		path = "/"
	}
	return model.Grant{UnitID: unitID, Path: path, Title: model.Admin}
}
