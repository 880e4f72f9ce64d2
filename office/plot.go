package office

import (
	"math"

	"github.com/go-analyze/charts"
)

// plot is a chart being drawn. The layout is our own, the charts module puts letters and lines on the picture: its own
// layout lets long names collide and knows no threshold.
type plot struct {
	*charts.Painter
	chart                    Chart
	width, height            int
	left, top, right, bottom int // the area of the values
	end, step                float64
	slot                     float64  // the width of a point
	labels                   []string // cut
	angle                    float64  // of the labels
	upright                  bool     // whether the values stand upright above the bars
}

type point struct{ x, y int }

// How a text lies to the point it is drawn at.
const (
	before = iota
	center
	after
)

const (
	narrowest  = 40 // the least width of a point, by which names aslant stay apart
	longest    = 26 // of a label, in Latin letters
	aslant     = math.Pi / 4
	labelSpace = 16
)

var (
	ink     = charts.ParseColor("#333333")
	gridInk = charts.ParseColor("#D9D9D9")
	axisInk = charts.ParseColor("#7F7F7F")
)

func newPlot(c Chart) *plot {
	p := &plot{chart: c, width: pictureWidth, height: pictureHeight}
	needed := max(narrowest, 24*len(c.Series)) * len(c.Labels)
	p.width = min(max(p.width, needed+5*margin), widestPicture)
	// The texts must be measured before the size is known, by another painter.
	p.Painter = charts.NewPainter(charts.PainterOptions{Width: 1, Height: 1})
	p.end, p.step = c.scale()
	p.left = margin + p.measure(number(p.end)+c.Unit, textSize) + labelSpace
	p.right = p.width - margin
	if c.Threshold != nil {
		p.right -= p.measure(number(*c.Threshold)+c.Unit, textSize) + labelSpace
	}
	p.left, p.right = min(p.left, p.width/4), max(p.right, p.width*3/4) // whatever the unit is
	p.top = margin + 2*p.lineHeight(titleSize)
	if len(c.Series) > 1 {
		p.top += 2 * p.lineHeight(textSize)
	}
	p.slot = float64(p.right-p.left) / float64(max(1, len(c.Labels)))
	p.fitValues()
	p.bottom = p.height - margin - p.fitLabels()
	p.Painter = charts.NewPainter(charts.PainterOptions{Width: p.width, Height: p.height})
	return p
}

// fitLabels cuts the labels and returns the height they take: level where they fit side by side, aslant where not.
func (p *plot) fitLabels() (height int) {
	widest := 0
	for _, l := range p.chart.Labels {
		l = shorten(l, longest)
		p.labels = append(p.labels, l)
		widest = max(widest, p.measure(l, textSize))
	}
	height = p.lineHeight(textSize)
	if float64(widest+labelSpace) > p.slot {
		p.angle = -aslant
		height = int(float64(widest+height) * math.Sin(aslant))
		// The first label may begin left of the picture.
		p.left = max(p.left, int(float64(widest)*math.Cos(aslant)-p.slot/2)+margin)
		p.slot = float64(p.right-p.left) / float64(len(p.labels))
	}
	return height + labelSpace
}

// fitValues makes room above the bars for their values, upright where they are wider than a bar.
func (p *plot) fitValues() {
	widest := 0
	for _, s := range p.chart.Series {
		for i := range p.chart.Labels {
			if v, ok := s.value(i); ok {
				widest = max(widest, p.measure(number(v), valueSize))
			}
		}
	}
	if float64(widest+4)*float64(max(1, len(p.chart.Series))) > p.slot*barShare {
		p.upright = true
		p.top += widest
		return
	}
	p.top += p.lineHeight(valueSize)
}

func (p *plot) style(size float64, color charts.Color) charts.FontStyle {
	return charts.FontStyle{FontSize: size, FontColor: color, Font: charts.GetFont(fontFamily)}
}

func (p *plot) measure(text string, size float64) int {
	return p.MeasureText(text, 0, p.style(size, ink)).Width()
}

func (p *plot) lineHeight(size float64) int {
	return p.MeasureText("国", 0, p.style(size, ink)).Height()
}

// text draws a text on a line, cut to a width, and returns how wide it is.
func (p *plot) text(text string, at point, lies int, size float64, width int) int {
	for n := textUnits(text); n > 2 && p.measure(text, size) > width; n-- {
		text = shorten(text, n)
	}
	wide := p.measure(text, size)
	switch lies {
	case before:
		at.x -= wide
	case center:
		at.x -= wide / 2
	}
	p.Text(text, at.x, at.y, 0, p.style(size, ink))
	return wide
}

func (p *plot) background() {
	white := charts.ColorWhite
	p.FilledRect(0, 0, p.width, p.height, white, white, 0)
}

// x is the middle of a point, y the height of a value.
func (p *plot) x(i int) float64 { return float64(p.left) + p.slot*(float64(i)+0.5) }

func (p *plot) y(v float64) int {
	return p.bottom - int(math.Round(min(max(v, 0), p.end)/p.end*float64(p.bottom-p.top)))
}

func seriesColor(i int) charts.Color {
	return charts.ParseColor("#" + seriesColors[i%len(seriesColors)])
}

// legend names the series, if there are several.
func (p *plot) legend() {
	if len(p.chart.Series) < 2 {
		return
	}
	const box = 24
	room := (p.width - 2*margin) / len(p.chart.Series)
	total := 0
	for _, s := range p.chart.Series {
		total += min(room, p.measure(s.Name, textSize)+box+4*labelSpace)
	}
	x, y := (p.width-total)/2, margin+p.lineHeight(titleSize)+2*p.lineHeight(textSize)
	for i, s := range p.chart.Series {
		p.FilledRect(x, y-box+3, x+box, y+3, seriesColor(i), seriesColor(i), 0)
		p.text(s.Name, point{x + box + labelSpace/2, y}, after, textSize, room-box-2*labelSpace)
		x += min(room, p.measure(s.Name, textSize)+box+4*labelSpace)
	}
}

// axis draws the lines of the values and the one on which the points stand.
func (p *plot) axis() {
	half := p.lineHeight(textSize) * 2 / 5
	for n := 0; float64(n)*p.step <= p.end*(1+1e-9); n++ {
		v := float64(n) * p.step
		y, color := p.y(v), gridInk
		if n == 0 {
			color = axisInk
		}
		p.LineStroke([]charts.Point{{X: p.left, Y: y}, {X: p.right, Y: y}}, color, 2)
		p.text(number(v)+p.chart.Unit, point{p.left - labelSpace, y + half}, before, textSize, p.left)
	}
}

// names draws the labels; where even the widest picture is too narrow, only every second, third and so on.
func (p *plot) names() {
	every := 1
	if p.angle != 0 {
		every = int(math.Ceil(narrowest * 0.9 / p.slot))
	}
	height := p.lineHeight(textSize)
	for i := 0; i < len(p.labels); i += every {
		x, y := p.x(i), p.bottom+labelSpace+height
		if p.angle == 0 {
			p.text(p.labels[i], point{int(x), y}, center, textSize, p.width)
			continue
		}
		long := float64(p.measure(p.labels[i], textSize)) * math.Sin(aslant) // it ends below its point
		y = p.bottom + labelSpace + height/2 + int(long)
		p.Text(p.labels[i], int(x-long)+height/3, y, p.angle, p.style(textSize, ink))
	}
}

// threshold draws a line across with its value at the end.
func (p *plot) threshold() {
	t := p.chart.Threshold
	if t == nil || !(*t >= 0 && *t <= p.end) {
		return
	}
	y := p.y(*t)
	p.DashedLineStroke([]charts.Point{{X: p.left, Y: y}, {X: p.right, Y: y}}, ink, 3, []float64{14, 8})
	half := p.lineHeight(textSize) * 2 / 5
	p.Text(number(*t)+p.chart.Unit, p.right+labelSpace/2, y+half, 0, p.style(textSize, ink))
}
