package signin

import (
	"context"
	"crypto/rand"
	"crypto/sha256"
	"encoding/base64"
	"encoding/hex"
	"strconv"
	"time"

	"github.com/golang-jwt/jwt/v5"
	"gorm.io/gorm"

	"zhibu/model"
)

// claims of an access token. It names the session and nothing else: what the caller may do is asked of the database
// at each request, so that a lost phone or an ended office takes effect at once.
type claims struct {
	SessionID string `json:"sid"`
	jwt.RegisteredClaims
}

func (s *Service) accessToken(session model.Session, now model.Instant) (token string, lifetime time.Duration, err error) {
	expires := min(now.Add(AccessLifetime), session.ExpiresAt)
	id := strconv.FormatInt(session.ID, 10)
	token, err = jwt.NewWithClaims(jwt.SigningMethodHS256, claims{id, jwt.RegisteredClaims{
		Issuer: s.issuer, Subject: id,
		IssuedAt: jwt.NewNumericDate(now.Time()), ExpiresAt: jwt.NewNumericDate(expires.Time()),
	}}).SignedString(s.tokenKey)
	return token, time.Duration(expires-now) * time.Millisecond, err
}

// sessionOf verifies an access token without the database.
func (s *Service) sessionOf(accessToken string) (int64, error) {
	var c claims
	_, err := s.parser.ParseWithClaims(accessToken, &c, func(*jwt.Token) (any, error) { return s.tokenKey, nil })
	if err != nil {
		return 0, model.ErrUnauthenticated.With(err)
	}
	id, err := strconv.ParseInt(c.SessionID, 10, 64)
	if err != nil {
		return 0, model.ErrUnauthenticated.With(err)
	}
	return id, nil
}

func refreshHash(token string) string {
	sum := sha256.Sum256([]byte(token))
	return hex.EncodeToString(sum[:])
}

// open starts a session with its first pair of tokens.
func (s *Service) open(tx *gorm.DB, session model.Session, now model.Instant) (SignedIn, error) {
	session.ID, session.CreatedAt, session.ExpiresAt = model.NewID(), now, now.Add(SessionLifetime)
	if err := tx.Create(&session).Error; err != nil {
		return SignedIn{}, err
	}
	return s.issue(tx, session, now)
}

// issue adds a pair of tokens to a session and answers whose it is.
func (s *Service) issue(tx *gorm.DB, session model.Session, now model.Instant) (SignedIn, error) {
	var secret [32]byte
	rand.Read(secret[:]) // never fails
	in := SignedIn{RefreshToken: base64.RawURLEncoding.EncodeToString(secret[:])}
	row := model.RefreshToken{
		ID: model.NewID(), SessionID: session.ID, TokenHash: refreshHash(in.RefreshToken), IssuedAt: now,
	}
	err := tx.Create(&row).Error
	if err != nil {
		return SignedIn{}, err
	}
	if in.AccessToken, in.ExpiresIn, err = s.accessToken(session, now); err != nil {
		return SignedIn{}, err
	}
	if session.MemberID != nil {
		in.Member = new(model.Member)
		err = tx.Take(in.Member, *session.MemberID).Error
	}
	return in, err
}

// Refresh exchanges a refresh token for a new pair. A token serves once: to present a used one, a thief's or a
// client's own, ends the session with all its tokens (ErrRefreshReused). So of two simultaneous calls with one token
// exactly one gets a pair, and the other ends the session; a client must not send the same token twice and, after
// an answer that never came, signs in anew, which on WeChat nobody notices. An unknown token, or one of a session
// that is over, is ErrRefreshInvalid.
func (s *Service) Refresh(ctx context.Context, actor model.Actor, refreshToken string) (SignedIn, error) {
	now := model.At(s.now())
	hash := refreshHash(refreshToken)
	var in SignedIn
	var refusal error
	err := s.db.Write(ctx, func(tx *gorm.DB) (err error) {
		in, refusal, err = s.rotate(tx, actor, hash, now)
		return err
	})
	if err == nil {
		err = refusal // only now, or the transaction would take the revocation back
	}
	return in, err
}

func (s *Service) rotate(tx *gorm.DB, actor model.Actor, hash string, now model.Instant) (in SignedIn, refusal, err error) {
	var tokens []model.RefreshToken
	if err := tx.Where("token_hash = ?", hash).Find(&tokens).Error; err != nil {
		return in, nil, err
	}
	if len(tokens) == 0 {
		return in, ErrRefreshInvalid, nil
	}
	var session model.Session
	if err := tx.Take(&session, tokens[0].SessionID).Error; err != nil {
		return in, nil, err
	}
	// The condition decides between simultaneous calls, not the row read above.
	use := tx.Model(&model.RefreshToken{}).Where("id = ? AND used_at = 0", tokens[0].ID).Update("used_at", now)
	switch {
	case use.Error != nil:
		return in, nil, use.Error
	case use.RowsAffected == 0:
		return in, ErrRefreshReused, revokeReused(tx, actor, session, now)
	case session.RevokedAt != 0 || session.ExpiresAt <= now:
		return in, ErrRefreshInvalid, nil
	}
	in, err = s.issue(tx, session, now)
	return in, nil, err
}

func revokeReused(tx *gorm.DB, actor model.Actor, session model.Session, now model.Instant) error {
	revoked, err := revoke(tx, now, "refresh_reused", "id = ?", session.ID)
	if err != nil || revoked == 0 {
		return err
	}
	return model.Audit(tx, actorOf(session, actor.RequestID), now,
		model.Deed{Action: "session.reused", SubjectID: session.ID})
}

// revoke ends the live sessions of the condition and returns how many there were.
func revoke(tx *gorm.DB, now model.Instant, reason, condition string, args ...any) (int64, error) {
	result := tx.Model(&model.Session{}).Where("revoked_at = 0").Where(condition, args...).
		Updates(map[string]any{"revoked_at": now, "reason": reason})
	return result.RowsAffected, result.Error
}

// actorOf names the person of a session in the audit where no access token has been checked.
func actorOf(session model.Session, requestID string) model.Actor {
	a := model.Actor{SessionID: session.ID, RequestID: requestID}
	if session.MemberID != nil {
		a.MemberID = *session.MemberID
	}
	if session.AccountID != nil {
		a.AccountID = *session.AccountID
	}
	return a
}

// Logout ends the actor's session: its tokens are worth nothing from the next request on.
func (s *Service) Logout(ctx context.Context, actor model.Actor) error {
	now := model.At(s.now())
	return s.db.Write(ctx, func(tx *gorm.DB) error {
		if _, err := revoke(tx, now, "logout", "id = ?", actor.SessionID); err != nil {
			return err
		}
		return model.Audit(tx, actor, now, model.Deed{Action: "session.logout", SubjectID: actor.SessionID})
	})
}
