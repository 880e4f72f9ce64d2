package period

import (
	"cmp"
	"context"
	"fmt"
	"strconv"

	"zhibu/model"
	"zhibu/office"
)

// source says what the figures of a file rest on.
func (r Rates) source() string {
	const layout = "2006-01-02 15:04:05"
	if r.Frozen {
		return fmt.Sprintf("数据：第%d版，截止于%s，校验值 %s", r.Version, r.AsOf.Time().Format(layout), r.Hash)
	}
	return "数据：尚未截止，截至" + r.AsOf.Time().Format(layout)
}

func (r Rates) fileName(kind, extension string) string {
	return fmt.Sprintf("%s-%s%s-%s.%s", kind, r.Period.Series, r.Period.Name(), r.Total.Name, extension)
}

// numberOf is a printed percentage as a number, to the digit; nil for none.
func numberOf(percent *string) any {
	if percent == nil {
		return nil
	}
	f, _ := strconv.ParseFloat(*percent, 64)
	return f
}

func pointOf(percent *string) *float64 {
	if f, ok := numberOf(percent).(float64); ok {
		return &f
	}
	return nil
}

// chart shows the rates that decide of the branches, or of the unit itself when it has none below.
func (r Rates) chart() office.Chart {
	units := r.branches()
	if len(units) == 0 && r.Total.Due > 0 {
		units = []model.PeriodCount{r.Total}
	}
	c := office.Chart{
		Title: r.Period.Series + " " + r.Period.Name() + " 参学率", Max: 100, Unit: "%",
		Threshold: new(float64(r.Period.ThresholdBP) / 100), Series: []office.Series{{Name: "参学率"}},
	}
	for _, u := range units[:min(len(units), maxBars)] {
		c.Labels = append(c.Labels, u.Name)
		c.Series[0].Values = append(c.Series[0].Values, pointOf(r.Period.Threshold().PercentOf(u.Rate)))
	}
	return c
}

// maxBars is how many bars a picture has room for; the table has all units.
const maxBars = 60

// Picture is the chart of the rates (.png).
func (s *Service) Picture(ctx context.Context, actor model.Actor, id int64, q Query) (name string, content []byte, err error) {
	q.Limit = 0
	r, _, err := s.Rates(ctx, actor, id, q)
	if err != nil {
		return "", nil, err
	}
	content, err = r.chart().PNG()
	return r.fileName("参学率", "png"), content, err
}

// rateColumns are the columns of a table of rates behind its first ones.
var rateColumns = []office.Column{
	{Name: "应参学", Width: 9, Format: office.Number}, {Name: "免学", Width: 8, Format: office.Number},
	{Name: "参学", Width: 8, Format: office.Number}, {Name: "补学", Width: 8, Format: office.Number},
	{Name: "参学率(%)", Width: 11, Format: office.Percent2}, {Name: "除免学后(%)", Width: 12, Format: office.Percent2},
	{Name: "是否达标", Width: 10}, {Name: "还差(人)", Width: 10, Format: office.Number},
}

func rateCells(r model.Rate, t model.Threshold) []any {
	return []any{
		r.Due, r.Exempt, r.Completed, r.Late, numberOf(r.Percent()), numberOf(r.AdjustedPercent()), metText(t.Met(r)), t.Shortfall(r),
	}
}

// Workbook is the table of the rates (.xlsx): every unit below the one asked for, numbers as numbers, and a chart.
func (s *Service) Workbook(ctx context.Context, actor model.Actor, id int64, q Query) (name string, content []byte, err error) {
	q.Limit = 0
	r, _, err := s.Rates(ctx, actor, id, q)
	if err != nil {
		return "", nil, err
	}
	t := r.Period.Threshold()
	sheet := office.Sheet{
		Name: "参学率", Head: r.head(actor), FreezeColumns: 1, Totals: 1,
		Columns: append([]office.Column{{Name: "组织", Width: 30}, {Name: "层级", Width: 7, Format: office.Number}}, rateColumns...),
		Chart:   &office.SheetChart{Title: "参学率(%)", Category: 0, Values: []int{6, 7}, MaxValue: 100},
	}
	for _, u := range r.Units {
		sheet.Rows = append(sheet.Rows, append([]any{u.Name, r.Depth(u)}, rateCells(u.Rate, t)...))
	}
	sheet.Rows = append(sheet.Rows, append([]any{r.Total.Name + "（合计）", 0}, rateCells(r.Total.Rate, t)...))
	if len(r.Units) == 0 { // a branch alone: its own rate is all there is to draw
		sheet.Totals = 0
	}
	if len(r.Units) > maxSheetBars {
		sheet.Chart.Rows = [2]int{0, maxSheetBars}
	}
	content, err = office.Workbook(sheet)
	return r.fileName("参学率", "xlsx"), content, err
}

// maxSheetBars keeps the chart of a large table readable.
const maxSheetBars = 100

func (r Rates) head(actor model.Actor) []string {
	const layout = "2006-01-02 15:04"
	p := r.Period
	until := p.Cutoff()
	if r.Frozen {
		until = r.AsOf
	}
	basis := "除去经批准免学人员后"
	if p.Threshold().Raw {
		basis = "按全部应参学人员"
	}
	return []string{
		p.Series + " " + p.Name() + " 参学率",
		fmt.Sprintf("%s    %s 至 %s    达标线：%s（%s）", p.Title, p.OpensAt.Time().Format(layout), until.Time().Format(layout),
			p.Threshold().Percent(), basis),
		r.source() + "    导出人：" + cmp.Or(actor.Name, actor.Ref()),
	}
}

// YearWorkbook is the series over a year (.xlsx).
func (s *Service) YearWorkbook(ctx context.Context, actor model.Actor, unitID int64, series string, year int) (name string, content []byte, err error) {
	y, err := s.Year(ctx, actor, unitID, series, year)
	if err != nil {
		return "", nil, err
	}
	sheet := office.Sheet{
		Name: "各期参学率", Head: y.head(), FreezeColumns: 1,
		Columns: append([]office.Column{
			{Name: "期数", Width: 16}, {Name: "标题", Width: 30}, {Name: "开始", Width: 17}, {Name: "截止", Width: 17},
			{Name: "达标线(%)", Width: 10, Format: office.Percent2}, {Name: "状态", Width: 12},
		}, rateColumns...),
		Chart: &office.SheetChart{Title: "各期参学率(%)", Line: true, Category: 0, Values: []int{10, 11}, MaxValue: 100},
	}
	const layout = "2006-01-02 15:04"
	for i, p := range y.Periods {
		state := "未截止"
		if p.Frozen() {
			sheet.Chart.Rows[1] = i + 1
			state = fmt.Sprintf("第%d版", p.Version)
		}
		sheet.Rows = append(sheet.Rows, append([]any{
			p.Name(), p.Title, p.OpensAt.Time().Format(layout), p.Cutoff().Time().Format(layout),
			float64(p.ThresholdBP) / 100, state,
		}, rateCells(p.Rate, p.Threshold())...))
	}
	if sheet.Chart.Rows[1] == 0 {
		sheet.Chart = nil // nothing to draw yet
	}
	content, err = office.Workbook(sheet)
	return fmt.Sprintf("各期参学率-%s-%d-%s.xlsx", y.Series, year, y.Unit.Name), content, err
}

func (y Year) head() []string {
	head := []string{fmt.Sprintf("%s %d年“%s”各期参学率", y.Unit.Name, y.Year, y.Series)}
	if y.Lowest != nil {
		head = append(head, fmt.Sprintf("已截止%d期，最低一期：%s %s%%", y.Held(), y.Lowest.Name(), *y.Lowest.Percent()))
	}
	if sentence := y.Assertion(); sentence != "" {
		return append(head, sentence)
	}
	if below := y.Exceptions(); below != "" {
		head = append(head, "未达标："+below)
	}
	return head
}

// YearPicture is the chart of the series over a year (.png).
func (s *Service) YearPicture(ctx context.Context, actor model.Actor, unitID int64, series string, year int) (name string, content []byte, err error) {
	y, err := s.Year(ctx, actor, unitID, series, year)
	if err != nil {
		return "", nil, err
	}
	c := office.Chart{
		Title: fmt.Sprintf("%s %d年“%s”各期参学率", y.Unit.Name, year, y.Series), Line: true, Max: 100, Unit: "%",
		Series: []office.Series{{Name: "参学率"}},
	}
	lowest := 10000
	for _, p := range y.Periods {
		if !p.Frozen() {
			continue // it would look like a bad one
		}
		c.Labels = append(c.Labels, p.Name())
		c.Series[0].Values = append(c.Series[0].Values, pointOf(p.Percent()))
		lowest = min(lowest, p.ThresholdBP)
	}
	if len(c.Labels) > 0 {
		c.Threshold = new(float64(lowest) / 100)
	}
	content, err = c.PNG()
	return fmt.Sprintf("各期参学率-%s-%d-%s.png", y.Series, year, y.Unit.Name), content, err
}
