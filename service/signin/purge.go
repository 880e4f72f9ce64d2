package signin

import (
	"context"
	"time"

	"gorm.io/gorm"

	"zhibu/model"
)

// purgeAfter is how long an expired session is kept, so that a used refresh token is still recognised as one.
const purgeAfter = 30 * 24 * time.Hour

// Purge deletes sessions that expired more than thirty days ago with their refresh tokens, and attempts that no limit
// counts any more. It is for a daily job; several at once do no harm.
func (s *Service) Purge(ctx context.Context) error {
	now := model.At(s.now())
	return s.db.Write(ctx, func(tx *gorm.DB) error {
		expired := func() *gorm.DB { return tx.Model(&model.Session{}).Where("expires_at < ?", now.Add(-purgeAfter)) }
		err := tx.Where("session_id IN (?)", expired().Select("id")).Delete(&model.RefreshToken{}).Error
		if err != nil {
			return err
		}
		if err := expired().Delete(&model.Session{}).Error; err != nil {
			return err
		}
		return tx.Where("at < ?", now.Add(-24*time.Hour)).Delete(&model.SignInFailure{}).Error
	})
}
