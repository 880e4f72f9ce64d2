package office

import (
	"math"

	"github.com/go-analyze/charts"
)

// The part of a point's width that its bars take, and the most of it in pixels.
const (
	barShare  = 0.7
	widestBar = 160
)

// bars draws the series side by side, each bar with its value above it.
func (p *plot) bars() {
	series := p.chart.Series
	bar := min(p.slot*barShare/float64(max(1, len(series))), widestBar)
	for i := range p.labels {
		x := p.x(i) - bar*float64(len(series))/2
		for j, s := range series {
			if v, ok := s.value(i); ok {
				left, right := int(x+bar*float64(j)), int(x+bar*float64(j+1))-2
				p.FilledRect(left, p.y(v), right, p.bottom, seriesColor(j), seriesColor(j), 0)
				p.valueAbove(v, point{(left + right) / 2, p.y(v)}, bar)
			}
		}
	}
}

// lines draws the series as lines, which break off at a gap.
func (p *plot) lines() {
	for j, s := range p.chart.Series {
		var points []charts.Point
		for i := range p.labels {
			at := charts.Point{X: int(p.x(i)), Y: math.MaxInt32} // how the painter is told of a gap
			if v, ok := s.value(i); ok {
				at.Y = p.y(v)
			}
			points = append(points, at)
		}
		p.LineStroke(points, seriesColor(j), 4)
		for i, at := range points {
			if at.Y != math.MaxInt32 {
				p.Circle(7, at.X, at.Y, charts.ColorWhite, seriesColor(j), 4)
				if v, _ := s.value(i); len(p.chart.Series) == 1 && inValley(points, i) {
					p.valueBelow(v, point{at.X, at.Y + 10}, p.slot)
				} else if len(p.chart.Series) == 1 {
					p.valueAbove(v, point{at.X, at.Y - 10}, p.slot)
				}
			}
		}
	}
}

// inValley reports whether the line rises from the point on every side it has, so that a value above would be on it.
func inValley(points []charts.Point, i int) bool {
	sides := 0
	for _, j := range []int{i - 1, i + 1} {
		if j < 0 || j >= len(points) || points[j].Y == math.MaxInt32 {
			continue
		}
		if points[j].Y >= points[i].Y {
			return false
		}
		sides++
	}
	return sides > 0
}

// valueBelow writes a value below a point, where there is room for it.
func (p *plot) valueBelow(v float64, at point, room float64) {
	length := p.lineHeight(valueSize)
	if p.upright {
		length = p.measure(number(v), valueSize)
	}
	if at.y += length + 16; at.y < p.bottom {
		p.valueAbove(v, at, room)
	}
}

// valueAbove writes a value above a point, where there is room for it.
func (p *plot) valueAbove(v float64, at point, room float64) {
	height := p.lineHeight(valueSize)
	switch {
	case !p.upright:
		p.text(number(v), point{at.x, at.y - 8}, center, valueSize, p.width)
	case room >= float64(height)*0.9:
		p.Text(number(v), at.x+height*2/5, at.y-8, -math.Pi/2, p.style(valueSize, ink))
	}
}

// shorten cuts a text to so many Latin letters' width, a Chinese character being two, and says so with "…".
func shorten(text string, units int) string {
	if textUnits(text) <= units {
		return text
	}
	n := 0
	for i, r := range text {
		n++
		if r >= 0x1100 {
			n++
		}
		if n > units-1 {
			return text[:i] + "…"
		}
	}
	return text
}
