package office

import (
	"fmt"

	"github.com/xuri/excelize/v2"
)

// SheetChart is a chart of the columns of its own sheet, drawn by the spreadsheet program: below a short table, beside
// a long one. Without rows there is none.
type SheetChart struct {
	Title    string
	Line     bool    // lines instead of bars
	Category int     // the column, counted from 0, whose cells name the points
	Values   []int   // the columns that are drawn
	Rows     [2]int  // from the first up to, not including, the second; zero for all but the totals
	MaxValue float64 // the end of the value axis, which begins at zero; zero lets the program choose
}

// longTable is how many rows fit on a screen; the chart of a longer table stands beside it.
const longTable = 40

// seriesColors are told apart in black and white too.
var seriesColors = []string{"C00000", "E6A23C", "4A6FA5", "6B8E23", "7F7F7F"}

func (s Sheet) addChart(f *excelize.File) error {
	c := s.Chart
	if c == nil {
		return nil
	}
	from, to := c.Rows[0], c.Rows[1]
	if c.Rows == [2]int{} {
		to = len(s.Rows) - s.Totals
	}
	if from >= to || len(c.Values) == 0 {
		return nil
	}
	at, err := excelize.CoordinatesToCellName(1, s.header()+len(s.Rows)+2)
	if len(s.Rows) > longTable {
		at, err = excelize.CoordinatesToCellName(len(s.Columns)+2, s.header())
	}
	if err != nil {
		return err
	}
	chart := c.options(to - from)
	for i, column := range c.Values {
		series, err := s.series(i, column, from, to)
		if err != nil {
			return err
		}
		chart.Series = append(chart.Series, series)
	}
	return f.AddChart(s.Name, at, chart)
}

// options are the looks of a chart of so many points. The axis is given from zero and one colour to a series, or some
// programs would choose otherwise.
func (c SheetChart) options(points int) *excelize.Chart {
	kind, gap := excelize.Col, uint(60)
	axis := excelize.Font{Color: "404040", Size: 10} // not the pale grey of the default
	if c.Line {
		kind = excelize.Line
	}
	title := excelize.RichTextRun{Text: c.Title, Font: &excelize.Font{Bold: true, Size: 14}}
	o := &excelize.Chart{
		Type: kind, VaryColors: new(false), GapWidth: &gap, ShowBlanksAs: "gap",
		Title:     excelize.ChartTitle{Paragraph: []excelize.RichTextRun{title}},
		Dimension: excelize.ChartDimension{Width: uint(min(max(720, points*28), 1600)), Height: 380},
		Legend:    excelize.ChartLegend{Position: "bottom"},
		XAxis:     excelize.ChartAxis{Font: axis},
		YAxis:     excelize.ChartAxis{Minimum: new(0.0), MajorGridLines: true, Font: axis},
		PlotArea:  excelize.ChartPlotArea{ShowVal: points*len(c.Values) <= 24},
	}
	if c.MaxValue > 0 {
		o.YAxis.Maximum = &c.MaxValue
	}
	if len(c.Values) == 1 {
		o.Legend.Position = "none"
	}
	return o
}

func (s Sheet) series(i, column, from, to int) (series excelize.ChartSeries, err error) {
	fill := excelize.Fill{Type: "pattern", Pattern: 1, Color: []string{seriesColors[i%len(seriesColors)]}}
	span := func(column, from, to int) string {
		name, e := excelize.ColumnNumberToName(column + 1)
		if e != nil {
			err = e
		}
		if from == to {
			return fmt.Sprintf("%s!$%s$%d", quoted(s.Name), name, from)
		}
		return fmt.Sprintf("%s!$%s$%d:$%s$%d", quoted(s.Name), name, from, name, to)
	}
	first, last := s.header()+1+from, s.header()+to
	series = excelize.ChartSeries{
		Name:              span(column, s.header(), s.header()),
		Categories:        span(s.Chart.Category, first, last),
		Values:            span(column, first, last),
		Fill:              fill,
		DataLabelPosition: excelize.ChartDataLabelsPositionOutsideEnd,
	}
	if s.Chart.Line {
		series.Line = excelize.LineOptions{Width: 2.25, Fill: fill}
		series.Marker = excelize.ChartMarker{Symbol: "circle", Size: 6, Fill: fill}
		series.DataLabelPosition = excelize.ChartDataLabelsPositionAbove
	}
	return series, err
}
