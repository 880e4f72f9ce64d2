package signin

import (
	"gorm.io/gorm"

	"zhibu/model"
)

// PersonalPush is what is held about what a member was told, and allowed to be told by WeChat.
type PersonalPush struct {
	Announcements []ReceivedAnnouncement
	Consents      []model.Consent // without openid
}

// ReceivedAnnouncement is a delivery with what it was about.
type ReceivedAnnouncement struct {
	model.Delivery
	Title string
	Unit  string
}

func myPush(db *gorm.DB, memberID int64) (p PersonalPush, err error) {
	err = db.Model(&model.Delivery{}).Joins("JOIN announcements ON announcements.id = deliveries.announcement_id").
		Joins("JOIN units ON units.id = announcements.unit_id").Where("deliveries.member_id = ?", memberID).
		Select("deliveries.*, announcements.title, units.name AS unit").Order("deliveries.created_at, deliveries.announcement_id").
		Find(&p.Announcements).Error
	if err != nil {
		return p, err
	}
	err = db.Omit("openid").Where("openid IN (?)", openIDsOf(db, memberID)).Order("accepted_at, id").Find(&p.Consents).Error
	return p, err
}

// openIDsOf is a query of the openids the member has or had.
func openIDsOf(db *gorm.DB, memberID int64) *gorm.DB {
	return db.Model(&model.Binding{}).Select("openid").Where("member_id = ?", memberID)
}

// erasePush forgets the consents of the member's openids and what the platform reported of them. That he was told stays, for
// a member without a name.
func erasePush(tx *gorm.DB, memberID int64) error {
	for _, row := range []any{&model.Consent{}, &model.PlatformEventRow{}} {
		if err := tx.Where("openid IN (?)", openIDsOf(tx, memberID)).Delete(row).Error; err != nil {
			return err
		}
	}
	return nil
}
