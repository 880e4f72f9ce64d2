package model

import (
	"cmp"
	"embed"
	"fmt"
	"maps"
	"slices"
	"strings"
	"time"

	"gorm.io/gorm"
)

//go:embed calendar/*.txt
var calendarFiles embed.FS

// The keys of the statutory festivals (法定节假日): of all citizens, by 《全国年节及纪念日放假办法》.
const (
	NewYear        = "new_year"
	SpringFestival = "spring_festival"
	Qingming       = "qingming"
	LabourDay      = "labour_day"
	DragonBoat     = "dragon_boat"
	MidAutumn      = "mid_autumn"
	NationalDay    = "national_day"
)

type festivalRule struct {
	key  string
	name string
	day  string // of every year; empty: it moves with the moon or the sun
}

// festivals are in the order of most years.
var festivals = []festivalRule{
	{NewYear, "元旦", "-01-01"}, {SpringFestival, "春节", ""}, {Qingming, "清明节", ""}, {LabourDay, "劳动节", "-05-01"},
	{DragonBoat, "端午节", ""}, {MidAutumn, "中秋节", ""}, {NationalDay, "国庆节", "-10-01"},
}

// FestivalName is the Chinese name of the festival with the key; empty when there is none.
func FestivalName(key string) string {
	for _, f := range festivals {
		if f.key == key {
			return f.name
		}
	}
	return ""
}

// Festival is a statutory festival in a year.
type Festival struct {
	Key  string
	Name string // Chinese
	Date Date   // the day of the festival itself

	// The days off that it brings, weekends and days moved to (调休) among them; of two festivals in one block both have
	// the whole of it. While the days of the year are not published, the day itself.
	OffFrom Date
	OffTo   Date // the last one
}

// CalendarKind says whether people work on a day.
type CalendarKind string

const (
	DayOff     CalendarKind = "off"
	DayWorking CalendarKind = "work" // a weekend to make up for a day off (调休上班)
)

// CalendarDay is a day of which the weekday does not tell whether people work. A row is what an operator has set: the
// State Council publishes the days of a year in November of the one before, later than this program was made.
type CalendarDay struct {
	Day      Date `gorm:"primaryKey"`
	Kind     CalendarKind
	Festival string  // the key of the one behind it; empty for a day of the place alone
	SetBy    string  // Actor.Ref
	SetAt    Instant // 0 of a day that came with the program
}

func (CalendarDay) TableName() string { return "calendar_days" }

// Calendar tells working days from days off. The zero value knows weekends and the festivals that have a fixed day.
type Calendar struct {
	days  map[Date]CalendarDay
	moved map[Date]string // the festivals without a fixed day, by their days
}

var baseCalendar = mustReadCalendar()

// BaseCalendar is what came with the program: the days as published for 2024 to 2026 and the festivals from 2024 to 2050.
func BaseCalendar() Calendar { return baseCalendar }

// LoadCalendar returns the base with what operators have set laid over it.
func LoadCalendar(tx *gorm.DB) (Calendar, error) {
	var rows []CalendarDay
	err := tx.Order("day").Find(&rows).Error
	return baseCalendar.With(rows), err
}

// With returns the calendar with the days laid over those it has; c itself stays.
func (c Calendar) With(days []CalendarDay) Calendar {
	if len(days) == 0 {
		return c
	}
	all := maps.Clone(c.days)
	if all == nil {
		all = map[Date]CalendarDay{}
	}
	for _, d := range days {
		all[d.Day] = d
	}
	return Calendar{days: all, moved: c.moved}
}

// Festivals returns the festivals of the year in the order of their days; without those that move before 2024 and after
// 2050. 元旦 may be off from the December before on.
func (c Calendar) Festivals(year int) []Festival {
	var all []Festival
	add := func(key string, d Date) {
		f := Festival{Key: key, Name: FestivalName(key), Date: d, OffFrom: d, OffTo: d}
		if c.days[d].Kind == DayOff {
			f.OffFrom, f.OffTo = c.block(d)
		}
		all = append(all, f)
	}
	prefix := fmt.Sprintf("%04d", year)
	for _, f := range festivals {
		if f.day != "" {
			add(f.key, Date(prefix+f.day))
		}
	}
	for d, key := range c.moved {
		if strings.HasPrefix(string(d), prefix+"-") {
			add(key, d)
		}
	}
	slices.SortFunc(all, func(x, y Festival) int { return cmp.Or(cmp.Compare(x.Date, y.Date), cmp.Compare(x.Key, y.Key)) })
	return all
}

// Days returns the days of the year of which the weekday does not tell whether people work, in order.
func (c Calendar) Days(year int) []CalendarDay {
	prefix := fmt.Sprintf("%04d-", year)
	days := []CalendarDay{}
	for _, d := range c.days {
		if strings.HasPrefix(string(d.Day), prefix) {
			days = append(days, d)
		}
	}
	slices.SortFunc(days, func(a, b CalendarDay) int { return cmp.Compare(a.Day, b.Day) })
	return days
}

// IsWorkday reports whether people work on the day. While the days of its year are not published that is an assumption:
// Monday to Friday, but for the very days of the festivals.
func (c Calendar) IsWorkday(d Date) bool {
	if day, ok := c.days[d]; ok {
		return day.Kind == DayWorking
	}
	weekday := d.Start().Time().Weekday()
	return weekday != time.Saturday && weekday != time.Sunday && !c.isFestival(d)
}

// NextWorkday returns the day itself when people work on it, else the next one on which they do.
func (c Calendar) NextWorkday(d Date) Date {
	for !c.IsWorkday(d) {
		d = d.AddDays(1)
	}
	return d
}

// Published reports whether the days of the year are known: every festival of it is off by a day that is set, and not
// by assumption.
func (c Calendar) Published(year int) bool {
	all := c.Festivals(year)
	return len(all) == len(festivals) && !slices.ContainsFunc(all, func(f Festival) bool { return c.days[f.Date].Kind != DayOff })
}

// isFestival reports whether the day is one of the festivals themselves.
func (c Calendar) isFestival(d Date) bool {
	_, moved := c.moved[d]
	return moved || slices.ContainsFunc(festivals, func(f festivalRule) bool { return f.day != "" && strings.HasSuffix(string(d), f.day) })
}

// block is the run of days off around one of them.
func (c Calendar) block(d Date) (from, to Date) {
	for from = d; !c.IsWorkday(from.AddDays(-1)); from = from.AddDays(-1) {
	}
	for to = d; !c.IsWorkday(to.AddDays(1)); to = to.AddDays(1) {
	}
	return from, to
}

// mustReadCalendar reads the files that came with the program; festivals.txt tells how its columns are filled.
func mustReadCalendar() Calendar {
	c := Calendar{days: map[Date]CalendarDay{}, moved: map[Date]string{}}
	for _, words := range mustReadWords("calendar/festivals.txt", 5) {
		for i, key := range []string{SpringFestival, Qingming, DragonBoat, MidAutumn} {
			c.moved[mustDate(words[0]+"-"+words[i+1])] = key
		}
	}
	for _, words := range mustReadWords("calendar/days.txt", 3) {
		i := slices.IndexFunc(festivals, func(f festivalRule) bool { return f.name == words[2] })
		d, kind := mustDate(words[0]), CalendarKind(words[1])
		if _, twice := c.days[d]; twice || i < 0 || kind != DayOff && kind != DayWorking {
			panic(fmt.Sprint("calendar: ", words)) // as below, this is a broken build
		}
		c.days[d] = CalendarDay{Day: d, Kind: kind, Festival: festivals[i].key}
	}
	return c
}

// mustReadWords returns the lines of an embedded file, each of n words; a line that begins with # is a remark.
func mustReadWords(file string, n int) (lines [][]string) {
	content, err := calendarFiles.ReadFile(file)
	if err != nil {
		panic(err)
	}
	for line := range strings.Lines(string(content)) {
		words := strings.Fields(line)
		if strings.HasPrefix(line, "#") {
			continue
		}
		if len(words) != n {
			panic(file + ": " + line)
		}
		lines = append(lines, words)
	}
	return lines
}

func mustDate(s string) Date {
	d, err := ParseDate(s)
	if err != nil {
		panic(err)
	}
	return d
}
