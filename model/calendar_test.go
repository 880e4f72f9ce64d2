package model_test

import (
	"fmt"
	"math"
	"slices"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"gorm.io/gorm"
	"pgregory.net/rapid"

	"zhibu/model"
	"zhibu/model/modeltest"
)

// TestPublishedDays are the notices of the General Office of the State Council (国办发明电〔2023〕7号, 〔2024〕12号, 〔2025〕7号).
func TestPublishedDays(t *testing.T) {
	c := model.BaseCalendar()
	for year, want := range map[int]struct {
		off  []string // key, the day itself, first and last day off
		work []model.Date
	}{
		2024: {[]string{
			"new_year 01-01 2023-12-30 2024-01-01", "spring_festival 02-10 2024-02-10 2024-02-17", "qingming 04-04 2024-04-04 2024-04-06",
			"labour_day 05-01 2024-05-01 2024-05-05", "dragon_boat 06-10 2024-06-08 2024-06-10", "mid_autumn 09-17 2024-09-15 2024-09-17",
			"national_day 10-01 2024-10-01 2024-10-07",
		}, []model.Date{"2024-02-04", "2024-02-18", "2024-04-07", "2024-04-28", "2024-05-11", "2024-09-14", "2024-09-29", "2024-10-12"}},
		2025: {[]string{
			"new_year 01-01 2025-01-01 2025-01-01", "spring_festival 01-29 2025-01-28 2025-02-04", "qingming 04-04 2025-04-04 2025-04-06",
			"labour_day 05-01 2025-05-01 2025-05-05", "dragon_boat 05-31 2025-05-31 2025-06-02", "national_day 10-01 2025-10-01 2025-10-08",
			"mid_autumn 10-06 2025-10-01 2025-10-08",
		}, []model.Date{"2025-01-26", "2025-02-08", "2025-04-27", "2025-09-28", "2025-10-11"}},
		2026: {[]string{
			"new_year 01-01 2026-01-01 2026-01-03", "spring_festival 02-17 2026-02-15 2026-02-23", "qingming 04-05 2026-04-04 2026-04-06",
			"labour_day 05-01 2026-05-01 2026-05-05", "dragon_boat 06-19 2026-06-19 2026-06-21", "mid_autumn 09-25 2026-09-25 2026-09-27",
			"national_day 10-01 2026-10-01 2026-10-07",
		}, []model.Date{"2026-01-04", "2026-02-14", "2026-02-28", "2026-05-09", "2026-09-20", "2026-10-10"}},
	} {
		var off []string
		in := map[model.Date]bool{}
		for _, f := range c.Festivals(year) {
			off = append(off, fmt.Sprint(f.Key, " ", f.Date[5:], " ", f.OffFrom, " ", f.OffTo))
			for d := f.OffFrom; d <= f.OffTo; d = d.AddDays(1) {
				in[d] = true
			}
		}
		if diff := cmp.Diff(want.off, off); diff != "" || !c.Published(year) {
			t.Errorf("%d, published %v: %s", year, c.Published(year), diff)
		}
		for d := model.Date(fmt.Sprint(year, "-01-01")); d <= model.Date(fmt.Sprint(year, "-12-31")); d = d.AddDays(1) {
			works := slices.Contains(want.work, d) || !in[d] && !isWeekend(d)
			if c.IsWorkday(d) != works {
				t.Errorf("%s is a working day: %v", d, !works)
			}
		}
	}
}

func isWeekend(d model.Date) bool {
	w := d.Start().Time().Weekday()
	return w == time.Saturday || w == time.Sunday
}

// TestFestivalsFollowTheSky computes what moves with the sun and the moon (GB/T 33661-2017).
func TestFestivalsFollowTheSky(t *testing.T) {
	c := model.BaseCalendar()
	for year := 2024; year <= 2050; year++ {
		want := lunarDays(year)
		want[model.Qingming] = dayOfSun(year, time.April, 1, 15)
		for key, day := range map[string]string{model.NewYear: "01-01", model.LabourDay: "05-01", model.NationalDay: "10-01"} {
			want[key] = model.Date(fmt.Sprint(year, "-", day))
		}
		got, before := map[string]model.Date{}, model.Date("")
		for _, f := range c.Festivals(year) {
			got[f.Key] = f.Date
			if f.Date < before || f.Name == "" || f.OffFrom > f.Date || f.OffTo < f.Date {
				t.Errorf("%+v after %s", f, before)
			}
			before = f.Date
		}
		if diff := cmp.Diff(want, got); diff != "" {
			t.Errorf("%d: %s", year, diff)
		}
	}
	if n := len(c.Festivals(2023)); n != 3 {
		t.Error("2023 has", n, "festivals that are known")
	}
	if all := c.Festivals(2031); all[5].Date != all[6].Date || all[5].Key != model.MidAutumn {
		t.Errorf("%+v", all) // the full moon of 1 October
	}
}

// lunarDays are the festivals of the moon: the winter solstice is in the eleventh month, and of thirteen months between two
// the first without a major term of the sun is a leap month.
func lunarDays(year int) map[string]model.Date {
	first, last := solsticeMoon(year-1), solsticeMoon(year)
	days, number, leapt := map[string]model.Date{}, 11, last-first == 12
	for k := first + 1; k < last; k++ {
		if !leapt && math.Floor(sunOn(newMoonDay(k))/30) == math.Floor(sunOn(newMoonDay(k+1))/30) {
			leapt = true
			continue
		}
		number = number%12 + 1
		for key, day := range map[string]int{model.SpringFestival: 101, model.DragonBoat: 505, model.MidAutumn: 815} {
			if day/100 == number {
				days[key] = newMoonDay(k).AddDays(day%100 - 1)
			}
		}
	}
	return days
}

// solsticeMoon is the number of the last new moon up to the day of the winter solstice.
func solsticeMoon(year int) int {
	solstice := dayOfSun(year, time.December, 18, 270)
	k := int(math.Round((float64(year)-2000)*12.3685)) + 14
	for newMoonDay(k) > solstice {
		k--
	}
	return k
}

// dayOfSun is the first day from the given one on at the end of which the sun has the longitude behind it.
func dayOfSun(year int, m time.Month, day int, longitude float64) model.Date {
	d := model.DateOf(time.Date(year, m, day, 0, 0, 0, 0, model.Shanghai))
	for sunOn(d.AddDays(1)) < longitude {
		d = d.AddDays(1)
	}
	return d
}

const j2000, perDay = 2451545.0, 86400.0

func sin(degrees float64) float64 { return math.Sin(degrees * math.Pi / 180) }

// deltaT is how much the clocks are behind the even time of the formulas, in seconds: about enough for this half century.
func deltaT(years float64) float64 { return 69 + 0.5*(years-24) }

// sunOn is the apparent longitude of the sun at the beginning of a day (Meeus, Astronomical Algorithms, ch. 25; 0.01 degrees,
// a quarter of an hour).
func sunOn(d model.Date) float64 {
	days := float64(d.Start().Time().Unix()-946728000) / perDay // since 1 January 2000, 12:00 UTC
	c := (days + deltaT(days/365.25)/perDay) / 36525
	m := 357.52911 + 35999.05029*c - 0.0001537*c*c
	centre := (1.914602-0.004817*c)*sin(m) + (0.019993-0.000101*c)*sin(2*m) + 0.000289*sin(3*m)
	l := 280.46646 + 36000.76983*c + 0.0003032*c*c + centre - 0.00569 - 0.00478*sin(125.04-1934.136*c)
	return math.Mod(l, 360)
}

// newMoonDay is the day of the new moon with the number, 0 in January 2000 (Meeus, ch. 49; some seconds).
func newMoonDay(number int) model.Date {
	k := float64(number)
	c := k / 1236.85
	e := 1 - 0.002516*c - 0.0000074*c*c
	m := 2.5534 + 29.10535670*k - 0.0000014*c*c
	a := 201.5643 + 385.81693528*k + 0.0107582*c*c
	f := 160.7108 + 390.67050284*k - 0.0016118*c*c
	at := 2451550.09766 + 29.530588861*k + 0.00015437*c*c
	for _, w := range []struct{ amplitude, angle float64 }{
		{-0.40720, a}, {0.17241 * e, m}, {0.01608, 2 * a}, {0.01039, 2 * f}, {0.00739 * e, a - m}, {-0.00514 * e, a + m}, {0.00208 * e * e, 2 * m},
		{-0.00111, a - 2*f}, {-0.00057, a + 2*f}, {0.00056 * e, 2*a + m}, {-0.00042, 3 * a}, {0.00042 * e, m + 2*f}, {0.00038 * e, m - 2*f},
		{-0.00024 * e, 2*a - m}, {-0.00017, 124.7746 - 1.56375588*k}, {-0.00007, a + 2*m}, {0.00004, 2*a - 2*f}, {0.00004, 3 * m},
		{0.00003, a + m - 2*f}, {0.00003, 2*a + 2*f}, {-0.00003, a + m + 2*f}, {0.00003, a - m + 2*f}, {-0.00002, a - m - 2*f},
		{-0.00002, 3*a + m}, {0.00002, 4 * a},
		{0.000325, 299.77 + 0.107408*k}, {0.000165, 251.88 + 0.016321*k}, {0.000164, 251.83 + 26.651886*k}, {0.000126, 349.42 + 36.412478*k},
		{0.000110, 84.66 + 18.206239*k}, {0.000062, 141.74 + 53.303771*k}, {0.000060, 207.14 + 2.453732*k}, {0.000056, 154.84 + 7.306860*k},
		{0.000047, 34.52 + 27.261239*k}, {0.000042, 207.19 + 0.121824*k}, {0.000040, 291.34 + 1.844379*k}, {0.000037, 161.72 + 24.198154*k},
		{0.000035, 239.56 + 25.513099*k}, {0.000023, 331.55 + 3.592518*k},
	} {
		at += w.amplitude * sin(w.angle)
	}
	seconds := (at-j2000)*perDay - deltaT((at-j2000)/365.25)
	return model.DateOf(time.Unix(946728000+int64(seconds), 0))
}

func TestWorkdaysBeyondWhatIsPublished(t *testing.T) {
	c := model.BaseCalendar()
	for d, want := range map[model.Date]model.Date{
		"2026-02-13": "2026-02-13", "2026-02-14": "2026-02-14", "2026-02-15": "2026-02-24", "2026-10-01": "2026-10-08", "2026-03-01": "2026-03-02",
		"2026-01-01": "2026-01-04", // a Sunday to make up
		"2027-10-01": "2027-10-04", // a Friday, and the weekend
		"2027-02-06": "2027-02-08", // the first day of the year of the sheep, a Saturday
		"2031-10-01": "2031-10-02", "2029-05-01": "2029-05-02", "2051-05-01": "2051-05-02",
	} {
		if got := c.NextWorkday(d); got != want {
			t.Errorf("after %s people work on %s, want %s", d, got, want)
		}
	}
	if c.Published(2023) || c.Published(2027) || c.Published(2060) {
		t.Error("a year is published that is not")
	}
	if f := c.Festivals(2027)[1]; f.OffFrom != "2027-02-06" || f.OffTo != "2027-02-06" {
		t.Errorf("%+v", f)
	}
	if zero := (model.Calendar{}); zero.IsWorkday("2026-03-01") || !zero.IsWorkday("2026-03-02") || len(zero.With([]model.CalendarDay{{}}).Festivals(2026)) != 3 {
		t.Error("a calendar without days")
	}
	if model.FestivalName(model.LabourDay) != "劳动节" || model.FestivalName("christmas") != "" {
		t.Error("names of festivals")
	}
}

// TestCalendarIsLaidOver: what an operator sets counts, for that day alone, and the base stays.
func TestCalendarIsLaidOver(t *testing.T) {
	base := model.BaseCalendar()
	modeltest.Check(t, 100, func(rt *rapid.T) {
		set := map[model.Date]model.CalendarKind{}
		var rows []model.CalendarDay
		for range rapid.IntRange(0, 30).Draw(rt, "days") {
			d := model.Date("2026-09-15").AddDays(rapid.IntRange(0, 400).Draw(rt, "day"))
			kind := rapid.SampledFrom([]model.CalendarKind{model.DayOff, model.DayWorking}).Draw(rt, "kind")
			set[d] = kind
			rows = append(rows, model.CalendarDay{Day: d, Kind: kind})
		}
		c := base.With(rows)
		for d := model.Date("2026-09-01"); d < "2027-11-01"; d = d.AddDays(1) {
			kind, ok := set[d]
			if want := ok && kind == model.DayWorking || !ok && base.IsWorkday(d); c.IsWorkday(d) != want {
				rt.Fatalf("%s is a working day: %v", d, !want)
			}
			next := c.NextWorkday(d)
			for between := d; between < next; between = between.AddDays(1) {
				if c.IsWorkday(between) {
					rt.Fatalf("from %s to %s, over %s", d, next, between)
				}
			}
			if next < d || !c.IsWorkday(next) {
				rt.Fatalf("from %s to %s", d, next)
			}
		}
		if diff := cmp.Diff(base.Festivals(2026), model.BaseCalendar().Festivals(2026)); diff != "" || !base.Published(2026) {
			rt.Fatal("the base has changed", diff)
		}
	})
}

func TestLoadCalendar(t *testing.T) {
	modeltest.Each(t, func(t *testing.T, db *model.DB) {
		var rows []model.CalendarDay
		for _, f := range model.BaseCalendar().Festivals(2027) {
			rows = append(rows, model.CalendarDay{Day: f.Date, Kind: model.DayOff, Festival: f.Key, SetBy: "account:1", SetAt: 5})
		}
		rows = append(rows,
			model.CalendarDay{Day: "2026-12-31", Kind: model.DayOff, Festival: model.NewYear, SetBy: "account:1", SetAt: 5},
			model.CalendarDay{Day: "2026-12-27", Kind: model.DayWorking, Festival: model.NewYear, SetBy: "account:1", SetAt: 5})
		err := db.Write(t.Context(), func(tx *gorm.DB) error { return tx.Create(rows).Error })
		c, loadErr := model.LoadCalendar(db.Read(t.Context()))
		if err != nil || loadErr != nil || !c.Published(2027) || !c.Published(2026) {
			t.Fatal(err, loadErr, c.Festivals(2027))
		}
		if f := c.Festivals(2027)[0]; f.OffFrom != "2026-12-31" || f.OffTo != "2027-01-03" || !c.IsWorkday("2026-12-27") {
			t.Errorf("%+v", f) // off on Thursday and Friday, and the weekend
		}
	})
}
