package office

import (
	_ "embed"
	"math"
	"strconv"

	"github.com/go-analyze/charts"
)

// Chart is a picture of some values, bars or lines, for a document or a page.
type Chart struct {
	Title     string
	Labels    []string // what each point is called; a long one is cut
	Series    []Series
	Line      bool     // lines instead of bars
	Threshold *float64 // a line across, with its value
	Max       float64  // the end of the value axis, which begins at zero; when zero, as the values ask for
	Unit      string   // of the values, such as %
}

// Series is one row of values, one for each label; nil leaves a gap.
type Series struct {
	Name   string
	Values []*float64
}

//go:embed font/DroidSansFallback.ttf
var droid []byte

const fontFamily = "droid sans fallback"

// The size of a picture in pixels: wider for many points, so that their names stay apart.
const (
	pictureWidth  = 1600
	pictureHeight = 900
	widestPicture = 6000
	margin        = 40
)

// greatest is the greatest value there is room to write.
const greatest = 1e12

// The sizes of the letters in points, of which there are 92 to an inch of pixels.
const (
	titleSize = 30.0
	textSize  = 20.0
	valueSize = 17.0
)

// PNG draws the chart, at least 1600 by 900 pixels, with letters of its own: no font need be on the machine. Values
// beyond the axis are cut there. Without labels it is a picture that says so.
func (c Chart) PNG() ([]byte, error) {
	if err := charts.InstallFont(fontFamily, droid); err != nil {
		return nil, err
	}
	p := newPlot(c)
	p.background()
	p.text(c.Title, point{p.width / 2, margin + p.lineHeight(titleSize)}, center, titleSize, p.width-2*margin)
	if len(c.Labels) == 0 {
		p.text("没有数据", point{p.width / 2, p.height / 2}, center, titleSize, p.width)
		return p.Bytes()
	}
	p.legend()
	p.axis()
	p.names()
	if c.Line {
		p.lines()
	} else {
		p.bars()
	}
	p.threshold()
	return p.Bytes()
}

// value returns a value as it can be drawn, or false for a gap.
func (s Series) value(i int) (float64, bool) {
	if i >= len(s.Values) || s.Values[i] == nil || math.IsNaN(*s.Values[i]) {
		return 0, false
	}
	return min(max(*s.Values[i], -greatest), greatest), true
}

// scale returns the end of the value axis and the distance of its lines: 1, 2 or 5 times a power of ten.
func (c Chart) scale() (end, step float64) {
	end = c.Max
	if !(end > 0) {
		end = 0
		for _, s := range c.Series {
			for i := range s.Values {
				if v, ok := s.value(i); ok {
					end = max(end, v)
				}
			}
		}
		if c.Threshold != nil && *c.Threshold > end {
			end = *c.Threshold
		}
	}
	if end == 0 {
		end = 1
	}
	end = min(max(end, 1/greatest), greatest)
	power := math.Pow10(int(math.Floor(math.Log10(end))) - 1)
	for _, n := range []float64{1, 2, 5, 10, 20, 50} {
		if step = n * power; end/step <= 6 {
			break
		}
	}
	if !(c.Max > 0) {
		end = math.Ceil(end/step) * step
	}
	return end, step
}

// number writes a value with at most two decimals.
func number(v float64) string {
	return strconv.FormatFloat(math.Round(v*100)/100, 'f', -1, 64)
}
