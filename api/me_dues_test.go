package api_test

import (
	"strings"
	"testing"

	"gorm.io/gorm"

	"zhibu/model"
)

// TestMyDataOfDues: a member is shown what is held about his dues, the base in the open, and nothing of the platform's.
func TestMyDataOfDues(t *testing.T) {
	each(t, func(t *testing.T, w *world) {
		created := model.Date("2026-01-01").Start()
		w.must(w.db.Write(t.Context(), func(tx *gorm.DB) error {
			for _, row := range []any{
				&model.Member{ID: 7001, Name: "员辛", NameKey: "员辛", NameSort: "7001", CreatedAt: model.Date("2020-01-01").Start()},
				&model.Membership{
					ID: 7002, MemberID: 7001, UnitID: branch, Track: model.Party, Kind: model.Full, State: model.Active,
					Category: model.InService, JoinedOn: "2020-01-01", StartedOn: "2020-01-01", EndedOn: model.Forever,
				},
				&model.Assessment{
					ID: 7003, MemberID: 7001, Track: model.Party, Category: model.DuesSalaried, AmountFen: 7650, RateBP: 150,
					BaseSealed: w.keys.Seal(model.BaseColumn, "510000"), StandardID: new(int64(1)), EffectiveMonth: "2026-01", Reason: "年度核定",
					ApprovedBy: "member:1000", ApprovedAt: created,
				},
				&model.DuesExemption{
					ID: 7004, MemberID: 7001, Track: model.Party, FromMonth: "2026-03", ToMonth: "2026-04", ReasonCategory: "illness",
					ApprovedBy: "机关党委", RecordedBy: "member:1000", RecordedAt: created,
				},
				&model.Bill{
					ID: 7005, UnitID: branch, MemberID: 7001, Track: model.Party, Month: "2026-01", DueOn: "2026-01-01", AssessedFen: 7650,
					AmountFen: 7650, PaidFen: 7000, AssessmentID: 7003, CreatedAt: created,
				},
				&model.Entry{ID: 7006, Kind: model.PaymentEntry, UnitID: branch, Year: 2026, OccurredOn: "2026-01-02", CreatedBy: "system"},
				&model.Order{
					ID: 7007, OrderNo: "zb7007", UnitID: branch, MemberID: 7001, Track: model.Party, Months: "2026-01", AmountFen: 7650,
					State: model.OrderPaid, PayParams: `{"paySign":"signature"}`, TransactionID: new("4200001"), RefundedFen: 650,
					CreatedAt: created, PaidAt: created + 60_000, ClosedID: 7007,
				},
				&model.Payment{
					ID: 7008, UnitID: branch, MemberID: 7001, Track: model.Party, Method: model.PaidWechat, AmountFen: 7650,
					PaidOn: "2026-01-02", OrderID: new(int64(7007)), EntryID: 7006, CreatedAt: created,
				},
				&model.Refund{
					ID: 7009, RefundNo: "zbr7009", OrderID: 7007, AmountFen: 650, Reason: "多交", State: model.RefundDone,
					RequestedBy: "member:1005", RequestedAt: created + 120_000, SettledAt: created + 180_000, EntryID: 7006,
				},
			} {
				if err := tx.Create(row).Error; err != nil {
					return err
				}
			}
			return nil
		}))
		w.bind(7001)
		data := w.call("GET", "/me/data", w.token(7001), nil).wants(200)
		golden(t, "signin/my_data_dues", data.Body.Bytes())
		for _, secret := range []string{"signature", "paySign", "sealed", "member:10"} {
			if strings.Contains(data.Body.String(), secret) {
				t.Errorf("%s is in the export", secret)
			}
		}
	})
}
