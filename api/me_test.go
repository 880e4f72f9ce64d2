package api_test

import (
	"testing"

	"gorm.io/gorm"

	"zhibu/model"
)

// TestMyDataOfPeriods: a member is shown what is held about him in study periods, and what the frozen versions keep.
func TestMyDataOfPeriods(t *testing.T) {
	each(t, func(t *testing.T, w *world) {
		period := func(id int64, number *int, code string) *model.StudyPeriod {
			return &model.StudyPeriod{
				ID: id, UnitID: leagueRoot, Series: "青年大学习", Code: code, Number: number, Title: "学习团章", Track: model.League,
				OpensAt: model.Date("2026-02-02").Start(), ClosesAt: model.Date("2026-02-08").Start(), ThresholdBP: 8500,
				DecideOn: model.DecideOnAdjusted, ClosedAt: model.Date("2026-02-08").Start(), Version: 1,
			}
		}
		studied := model.Date("2026-02-03").Start()
		w.must(w.db.Write(t.Context(), func(tx *gorm.DB) error {
			for _, row := range []any{
				&model.Member{ID: 7001, Name: "团辛", NameKey: "团辛", NameSort: "7001", CreatedAt: model.Date("2020-01-01").Start()},
				&model.Membership{
					ID: 7002, MemberID: 7001, UnitID: leagueBranch, Track: model.League, Kind: model.LeagueMember, State: model.Active,
					Category: model.InService, JoinedOn: "2020-01-01", StartedOn: "2020-01-01", EndedOn: model.Forever,
				},
				period(7003, new(12), "12"), period(7004, nil, "国庆特辑"),
				&model.Completion{
					ID: 7005, PeriodID: 7003, MemberID: 7001, Source: model.ByOfficer, CompletedAt: studied, RecordedAt: studied + 1,
					RecordedBy: "member:1007", Reason: "手机故障",
				},
				&model.Exemption{
					ID: 7006, PeriodID: 7004, MemberID: 7001, ReasonCategory: "business", Note: "出差",
					ApprovedBy: "member:1007", ApprovedAt: studied,
				},
				&model.PeriodVersion{ID: 7007, PeriodID: 7003, Number: 1, FrozenAt: model.Date("2026-02-08").Start()},
				&model.PeriodEntry{
					VersionID: 7007, MemberID: 7001, UnitID: leagueBranch, Outcome: model.OutcomeCompleted, Source: model.ByOfficer,
					CompletedAt: studied,
				},
			} {
				if err := tx.Create(row).Error; err != nil {
					return err
				}
			}
			return nil
		}))
		w.bind(7001)
		golden(t, "signin/my_data_periods", w.call("GET", "/me/data", w.token(7001), nil).wants(200).Body.Bytes())
	})
}
