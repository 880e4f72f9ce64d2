// Package demo fills an empty database with an invented bureau: its units, its people and a year of their activities
// and dues, for looking around. Nobody in it is real.
package demo

import (
	"context"
	"errors"
	"time"

	"gorm.io/gorm"

	"zhibu/model"
)

// The people a visitor is told about.
const (
	memberName    = "林望川"
	secretaryName = "高文远"
	newcomerName  = "周映荷"
	newcomerPhone = "19900088888"

	memberOpenID    = "demo-member-openid-0001"
	secretaryOpenID = "demo-secretary-openid-0001"
	newcomerOpenID  = "demo-newcomer-openid-0001"
)

// seedAction names the audit event that marks a database as the demo's.
const seedAction = "demo.seed"

// ErrForeign keeps the demo, whose password everybody knows, out of a database that is somebody's.
var ErrForeign = errors.New("this database is in use and was not filled by the demo: give the demo one of its own (--data, ZHIBU_DATABASE_URL)")

// Guide is what a visitor needs to try the bureau out.
type Guide struct {
	MemberOpenID    string // of a member of 机关第一党支部, bound
	MemberName      string
	SecretaryOpenID string // of that branch's secretary, bound; his office reaches his branch and not the root
	SecretaryName   string
	NewcomerOpenID  string // of nobody yet: binds with the name and the phone below
	NewcomerName    string
	NewcomerPhone   string
	ActivityID      int64 // held by the root for everybody, check-in open from 30 minutes before the seeding for 30 days
}

// Seed fills the database in one transaction, as if the bureau had worked with it for a year up to now. What it writes
// depends on now only, but for ids and sealing. A database that it filled before is left alone, and created is false;
// one with anybody else's units or accounts is ErrForeign.
func Seed(ctx context.Context, db *model.DB, keys *model.Keyring, now time.Time) (created bool, err error) {
	for range 2 { // who loses a race to a unique key looks again and finds the winner's units
		err = db.Write(ctx, func(tx *gorm.DB) error {
			created = false
			var seeded, units, accounts int64
			if err := tx.Model(&model.AuditEvent{}).Where("action = ?", seedAction).Count(&seeded).Error; err != nil || seeded > 0 {
				return err
			}
			if err := tx.Model(&model.Unit{}).Count(&units).Error; err != nil {
				return err
			}
			if err := tx.Model(&model.Account{}).Count(&accounts).Error; err != nil {
				return err
			}
			if units+accounts > 0 {
				return ErrForeign
			}
			created = true
			return newBureau(keys, now).save(tx)
		})
		if !errors.Is(err, gorm.ErrDuplicatedKey) {
			break
		}
	}
	return created && err == nil, err
}

// Find returns the guide to a database that Seed has filled, whatever was done in it since; ErrNotFound to another.
func Find(ctx context.Context, db *model.DB) (Guide, error) {
	var seeded model.AuditEvent
	err := db.Read(ctx).Where("action = ?", seedAction).Take(&seeded).Error
	if errors.Is(err, gorm.ErrRecordNotFound) {
		return Guide{}, model.ErrNotFound.With(err)
	}
	return Guide{
		MemberOpenID: memberOpenID, MemberName: memberName,
		SecretaryOpenID: secretaryOpenID, SecretaryName: secretaryName,
		NewcomerOpenID: newcomerOpenID, NewcomerName: newcomerName, NewcomerPhone: newcomerPhone,
		ActivityID: seeded.SubjectID,
	}, err
}
